"""Sampling points: where, from when till when, how many people an hour."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict
from duban.core.text import is_plain
from duban.outbreak.models import SamplingPoint
from duban.outbreak.samples.codes import BadTube
from duban.outbreak.samples.queries import MANAGES, point_for
from duban.places.codes import LENGTHS, normalise_code

MAX_NAME, MAX_ADDRESS, MAX_PER_HOUR, MAX_RESULT_HOURS = 100, 200, 5000, 240


class BadPoint(BadTube):
    pass


@dataclass(frozen=True)
class PointDraft:
    """`opens` and `closes` by the office's clock; `result_hours` after the first swab a tube's result is due."""

    town: str
    name: str
    opens: time
    closes: time
    per_hour: int
    address: str = ""
    result_hours: int = 24


@transaction.atomic
def save_point(*, by: Person, now: datetime, draft: PointDraft, point_id: uuid.UUID | None = None) -> SamplingPoint:
    """Open a sampling point, or change the one of this id. Appointments that were made stay.

    Raises NotAllowed (`not_allowed`), NotFound (`point_not_found`), BadCode (`bad_code`), BadPoint (`point_name`,
    `point_address`, `point_hours`, `per_hour`, `result_hours`, `not_a_town`), Conflict (`point_name_taken`).
    """
    point = SamplingPoint() if point_id is None else point_for(by, point_id)
    town = normalise_code(draft.town, field="town")
    if len(town) != LENGTHS[1]:
        raise BadPoint("not_a_town", _("Choose the town where the point lies."), field="town")
    rights.require(by, MANAGES, town)
    if point_id is not None:
        rights.require(by, MANAGES, point.town)
    values = _checked(draft) | {"town": town, "office": town[: LENGTHS[0]]}
    same = SamplingPoint.objects.filter(office=values["office"], name=values["name"]).exclude(pk=point.pk)
    if same.exists():
        raise Conflict("point_name_taken", _("There is a sampling point of this name already."), field="name")
    for name, value in values.items():
        setattr(point, name, value)
    point.save()
    audit.record(
        by=by,
        now=now,
        action="change_point" if point_id else "open_point",
        subject_type="sampling_point",
        subject_id=point.pk,
        detail={"town": town, "per_hour": draft.per_hour},
    )
    return point


@transaction.atomic
def close_point(*, by: Person, now: datetime, point_id: uuid.UUID) -> SamplingPoint:
    """No appointment is made there and no tube opened from today on. One that is closed stays as it is.

    Raises NotFound (`point_not_found`), NotAllowed (`not_allowed`).
    """
    point = point_for(by, point_id)
    rights.require(by, MANAGES, point.town)
    if point.closed_on is None:
        point.closed_on = timezone.localtime(now).date()
        point.save(update_fields=["closed_on"])
        audit.record(by=by, now=now, action="close_point", subject_type="sampling_point", subject_id=point.pk)
    return point


def _checked(draft: PointDraft) -> dict[str, Any]:
    name, address = " ".join(draft.name.split()), " ".join(draft.address.split())
    if not name or len(name) > MAX_NAME or not is_plain(name):
        raise BadPoint("point_name", _("Give the point a name of at most 100 characters."), field="name")
    if len(address) > MAX_ADDRESS or not is_plain(address):
        raise BadPoint("point_address", _("An address has at most 200 characters."), field="address")
    if draft.opens >= draft.closes:
        raise BadPoint("point_hours", _("It must close after it opens, on the same day."), field="closes")
    if not 1 <= draft.per_hour <= MAX_PER_HOUR:
        raise BadPoint("per_hour", _("Say how many people an hour: 1 to 5,000."), field="per_hour")
    if not 1 <= draft.result_hours <= MAX_RESULT_HOURS:
        raise BadPoint("result_hours", _("Say within how many hours results are due: 1 to 240."), field="result_hours")
    return {
        "name": name,
        "address": address,
        "opens": draft.opens,
        "closes": draft.closes,
        "per_hour": draft.per_hour,
        "result_hours": draft.result_hours,
    }


def hours_of(point: SamplingPoint, day: date) -> list[datetime]:
    """The beginnings of the hours in which the point is open for the whole hour, in the office's zone."""
    zone = timezone.get_default_timezone()
    start = datetime.combine(day, point.opens, zone)
    end = datetime.combine(day, point.closes, zone)
    found = []
    while start + timedelta(hours=1) <= end:
        found.append(start)
        start += timedelta(hours=1)
    return found
