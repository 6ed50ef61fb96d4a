"""The exposure column of an issue: which exposures it carries, and what of them is printed."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from duban.bulletin.models import LIVE, Exposed, Issue, IssueState, Series
from duban.core.errors import DubanError
from duban.patrol import exposure
from duban.patrol.models import Exposure
from duban.places.codes import within


class BadColumn(DubanError):
    pass


def printable(series: Series, now: datetime) -> QuerySet[Exposure]:
    """What anybody may read now of the venues in the series' area, by town and in the order of approval."""
    return (
        exposure.shown(now).filter(within("jurisdiction", [series.jurisdiction])).order_by("town", "approved_at", "id")
    )


def available(series: Series, now: datetime) -> list[uuid.UUID]:
    """Exposures that no live issue of the series carries."""
    taken = Exposed.objects.filter(issue__series=series, issue__state__in=LIVE)
    return list(printable(series, now).exclude(pk__in=taken.values("exposure_id")).values_list("pk", flat=True))


def over(issue: Issue, now: datetime) -> list[Exposure]:
    """Those of the issue that nobody may read any more: withdrawn, corrected or past their last day."""
    held = Exposure.objects.filter(pk__in=issue.exposed.values("exposure_id"))
    return list(held.exclude(pk__in=exposure.shown(now).order_by().values("pk")))


def order_of(issue: Issue) -> list[uuid.UUID]:
    return list(issue.exposed.order_by("position", "pk").values_list("exposure_id", flat=True))


def append(issue: Issue, exposure_ids: Iterable[uuid.UUID]) -> None:
    start = issue.exposed.count()
    Exposed.objects.bulk_create(
        [
            Exposed(
                issue=issue,
                exposure_id=exposure_id,
                position=start + index,
                reserved=None if issue.corrects_id else f"{issue.series_id}:{exposure_id}",
            )
            for index, exposure_id in enumerate(exposure_ids)
        ],
        batch_size=500,
    )


def bring_up_to_date(issue: Issue, now: datetime) -> None:
    """Let go of what nobody may read any more, and append what was approved since."""
    issue.exposed.filter(exposure__in=over(issue, now)).delete()
    append(issue, available(issue.series, now))


def place(issue: Issue, wanted: Sequence[uuid.UUID], now: datetime) -> None:
    """Make the column hold exactly these exposures in this order; raises BadColumn (`bad_exposure`)."""
    held = order_of(issue)
    free = {*held, *available(issue.series, now)}
    if issue.corrects is not None:
        # What was left out of a correction can be put back, although the issue that it corrects carries it.
        free |= set(order_of(issue.corrects))
    if len(set(wanted)) != len(wanted) or not free.issuperset(wanted):
        raise BadColumn(
            "bad_exposure",
            _("An exposure stands once in the column, and only while anybody may read it."),
            field="exposed",
        )
    issue.exposed.exclude(exposure__in=wanted).delete()
    append(issue, [one for one in wanted if one not in held])
    places = {exposure_id: position for position, exposure_id in enumerate(wanted)}
    rows = list(issue.exposed.all())
    for row in rows:
        row.position = places[row.exposure_id]
    Exposed.objects.bulk_update(rows, ["position"], batch_size=500)


def printed(issue: Issue) -> list[dict[str, Any]]:
    """The column as the frozen document holds it."""
    order = order_of(issue)
    held = Exposure.objects.filter(pk__in=order).select_related("venue__kind", "visit").in_bulk()
    lines = exposure.printed([held[exposure_id] for exposure_id in order])
    numbers = _numbers(issue.series, [line.corrects for line in lines if line.corrects])
    return [
        {
            "id": str(line.id),
            "venue": line.venue,
            "kind": {"name": line.kind, "name_en": line.kind_en},
            "town": {"code": line.town, "name": line.town_name},
            "visited_on": line.visited_on.isoformat(),
            "problems": [
                problem | {"mended_on": problem["mended_on"].isoformat() if problem["mended_on"] else None}
                for problem in line.problems
            ],
            "stand": line.stand,
            "corrects": {
                "id": str(line.corrects),
                "approved_on": line.corrects_of.isoformat() if line.corrects_of else None,
                "number": numbers.get(line.corrects),
            }
            if line.corrects
            else None,
        }
        for line in lines
    ]


def _numbers(series: Series, exposure_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    """In which published issue of the series each was printed last."""
    rows: Any = Exposed.objects.filter(
        exposure__in=exposure_ids, issue__series=series, issue__state=IssueState.PUBLISHED
    ).order_by("issue__number")
    return dict(rows.values_list("exposure_id", "issue__number"))
