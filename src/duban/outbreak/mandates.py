"""Orders and sampling that carry out a decision: linked, and counted by people brought through and venues sampled."""

import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, Count, Q, QuerySet, Value, When
from django.db.models.fields import CharField
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import NotFound
from duban.decisions.mandates import Work, decision_to_link, lay_key, share_of, take_key
from duban.outbreak.areas import DECLARES, in_force
from duban.outbreak.counts import FEW
from duban.outbreak.models import (
    CaseExposure,
    Declaration,
    ExposureKind,
    FileState,
    FoundExposure,
    LevelInForce,
    Measure,
    OrderMandate,
    RiskArea,
    SamplingMandate,
    VenueSampling,
)
from duban.outbreak.venue_sampling.frequencies import PLANS, levels_for
from duban.places.codes import LENGTHS, covers, within

SEES_ORDERS = ("area.declare", "screening.count")
OFFICER = "file.edit"
"""Who changes files knows their numbers, however small."""
BROUGHT_THROUGH = {
    Measure.CENTRALISED: "isolated_at",
    Measure.HOME: "isolated_at",
    Measure.TEST: "tested_at",
    Measure.MONITOR: "reached_at",
}
"""By measure the moment of a file at which what the order asks of the person is done."""


# ---- orders ---------------------------------------------------------------------------------------------------------


def areas_for(person: Person) -> QuerySet[RiskArea]:
    """The areas whose orders are the business of the person's office."""
    codes = [code for name in SEES_ORDERS for code in rights.codes(person, name)]
    return RiskArea.objects.filter(within("jurisdiction", codes))


def orders_for(person: Person) -> QuerySet[Declaration]:
    """Their newest orders in force, the last declared first."""
    newest = Declaration.objects.filter(area__in=areas_for(person).order_by())
    return in_force(newest).order_by("-declared_at", "-pk")


def _area_for(person: Person, area_id: uuid.UUID) -> RiskArea:
    found = areas_for(person).filter(pk=area_id).first()
    if found is None:
        raise NotFound("area_not_found", _("There is no such risk area."))
    return found


@transaction.atomic
def link_order(*, by: Person, now: datetime, area_id: uuid.UUID, decision_id: uuid.UUID) -> OrderMandate:
    """The orders of the area carry the decision out. A second time changes nothing.

    Whoever declares there, or recorded the decision, links. Raises NotFound (`decision_not_found`, `area_not_found`),
    NotAllowed (`not_allowed`), Conflict (`decision_over`).
    """
    area = _area_for(by, area_id)
    decision = decision_to_link(by, decision_id, permission=DECLARES, code=area.jurisdiction)
    return lay_key(OrderMandate, by=by, now=now, decision=decision, kind="order", area=area)


@transaction.atomic
def unlink_order(*, by: Person, now: datetime, area_id: uuid.UUID, decision_id: uuid.UUID) -> None:
    """The orders do not carry the decision out after all. Raises as `link_order`."""
    area = _area_for(by, area_id)
    decision = decision_to_link(by, decision_id, permission=DECLARES, code=area.jurisdiction)
    take_key(OrderMandate, by=by, now=now, decision=decision, kind="order", area=area)


def standing_orders() -> QuerySet[OrderMandate]:
    return OrderMandate.objects.filter(ended_at=None)


@dataclass(frozen=True)
class OrderShown:
    """An area whose orders carry a decision out: its newest order, and how many people were brought through it."""

    declaration: Declaration
    done: int
    of: int

    @property
    def finished(self) -> bool:
        return self.of > 0 and self.done >= self.of


def orders_of(person: Person, decision_id: uuid.UUID) -> list[OrderShown]:
    """Those that carry it out and that the person may see."""
    linked = standing_orders().filter(decision=decision_id).values("area")
    newest = list(
        Declaration.objects.filter(area__in=areas_for(person).filter(pk__in=linked), latest=True)
        .select_related("area")
        .order_by("number")
    )
    counts = _people_by_area({one.area_id for one in newest})
    return [OrderShown(one, *counts[one.area_id]) for one in newest]


def orders_work_of(
    decision_ids: Collection[uuid.UUID], now: datetime, *, known: Collection[str] | None = None
) -> dict[uuid.UUID, Work]:
    """By decision how far its orders are, in people; a decision without any is not there.

    `known` are the codes of which every number is told; elsewhere no small one is: neither how many there are, nor how
    many are left. None: everything is told, for what goes to nobody as it is.
    """
    links = list(standing_orders().filter(decision__in=decision_ids).select_related("area"))
    counts = _people_by_area({link.area_id for link in links})
    linked: dict[uuid.UUID, list[OrderMandate]] = defaultdict(list)
    for link in links:
        linked[link.decision_id].append(link)
    found = {}
    for key, areas in linked.items():
        numbers = [counts[one.area_id] for one in areas]
        work = Work(
            pieces=len(areas),
            finished=sum(of > 0 and done >= of for done, of in numbers),
            late=0,
            done=sum(done for done, _of in numbers),
            of=sum(of for _done, of in numbers),
            share=sum(share_of(done, of) for done, of in numbers),
        )
        whole = known is None or all(covers(known, one.area.jurisdiction) for one in areas)
        found[key] = work if whole else _told(work, numbers)
    return found


def _told(work: Work, numbers: list[tuple[int, int]]) -> Work:
    """Nothing below ten: neither people, nor those brought through, nor those left."""
    if all(number == 0 or number >= FEW for done, of in numbers for number in (done, of, of - done)):
        return work
    return Work(work.pieces, work.finished, work.late, 0, 0, float(work.finished), told=False)


def _people_by_area(area_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
    """(brought through, all) of each area over all versions of it. Found and without a file, nobody is through."""
    versions: dict[uuid.UUID, list[Declaration]] = defaultdict(list)
    for one in Declaration.objects.filter(area__in=area_ids).order_by("version"):
        versions[one.area_id].append(one)
    if not versions:
        return dict.fromkeys(area_ids, (0, 0))
    numbers = {key: [one.number for one in those] for key, those in versions.items()}
    every = [number for those in numbers.values() for number in those]
    through: dict[str, list[Value]] = defaultdict(list)
    for key, those in versions.items():
        through[BROUGHT_THROUGH[Measure(those[-1].measure)]].append(Value(str(key)))
    is_through = ~Q(file__state=FileState.OPEN)
    for column, keys in through.items():
        is_through |= Q(whose__in=keys, **{f"file__{column}__isnull": False})
    exposures = CaseExposure.objects.filter(
        basis__in=every, kind=ExposureKind.AREA, withdrawn_at=None, file__merged_into=None
    )
    files = (
        exposures.order_by()
        .annotate(whose=_area_by("basis", numbers))
        .values_list("whose")
        .annotate(of=Count("file", distinct=True), done=Count("file", filter=is_through, distinct=True))
    )
    opened = {whose: (done, of) for whose, of, done in files}
    screened: dict[str, int] = defaultdict(int)
    runs = FoundExposure.objects.filter(order__in=every).order_by().annotate(whose=_area_by("order", numbers))
    for whose, _screening, people in runs.values_list("whose", "found__screening").annotate(
        people=Count("found", distinct=True)
    ):
        screened[whose] = max(screened[whose], people)
    found = {}
    for key in area_ids:
        done, of = opened.get(str(key), (0, 0))
        found[key] = (done, max(of, screened[str(key)]))
    return found


def _area_by(column: str, numbers: dict[uuid.UUID, list[str]]) -> Any:
    """Which of the areas the order of a row is of."""
    cases = [When(**{f"{column}__in": those}, then=Value(str(key))) for key, those in numbers.items()]
    return Case(*cases, output_field=CharField())


# ---- sampling of venues ---------------------------------------------------------------------------------------------


def _level_for(person: Person, level_id: int) -> LevelInForce:
    found = levels_for(person).filter(pk=level_id).first()
    if found is None:
        raise NotFound("level_not_found", _("There is no such level, or it is not yours to see."))
    return found


@transaction.atomic
def link_sampling(*, by: Person, now: datetime, level_id: int, decision_id: uuid.UUID) -> SamplingMandate:
    """The sampling under a level in force carries the decision out. A second time changes nothing.

    Whoever plans sampling there, or recorded the decision, links. Raises NotFound (`decision_not_found`,
    `level_not_found`), NotAllowed (`not_allowed`), Conflict (`decision_over`).
    """
    level = _level_for(by, level_id)
    decision = decision_to_link(by, decision_id, permission=PLANS, code=level.code)
    return lay_key(SamplingMandate, by=by, now=now, decision=decision, kind="sampling", level=level)


@transaction.atomic
def unlink_sampling(*, by: Person, now: datetime, level_id: int, decision_id: uuid.UUID) -> None:
    """The sampling does not carry the decision out after all. Raises as `link_sampling`."""
    level = _level_for(by, level_id)
    decision = decision_to_link(by, decision_id, permission=PLANS, code=level.code)
    take_key(SamplingMandate, by=by, now=now, decision=decision, kind="sampling", level=level)


def standing_sampling() -> QuerySet[SamplingMandate]:
    return SamplingMandate.objects.filter(ended_at=None)


@dataclass(frozen=True)
class SamplingShown:
    """A level in force that carries a decision out: of the samplings due by now under it how many are done."""

    level: LevelInForce
    done: int
    of: int
    over: bool
    """Another level took its place."""


def samplings_of(person: Person, decision_id: uuid.UUID, now: datetime) -> list[SamplingShown]:
    """Those that carry it out and that the person may see."""
    linked = standing_sampling().filter(decision=decision_id).values("level")
    levels = list(levels_for(person).filter(pk__in=linked))
    counts = _sampled_by_level(levels, timezone.localdate(now))
    return [SamplingShown(one, *counts[one.pk]) for one in levels]


def sampling_work_of(decision_ids: Collection[uuid.UUID], now: datetime) -> dict[uuid.UUID, Work]:
    """By decision how far the sampling is, in rounds at venues due by now; a decision without any is not there.

    A level stays in force until another takes its place, and so long its sampling is not finished.
    """
    links = list(standing_sampling().filter(decision__in=decision_ids).select_related("level"))
    counts = _sampled_by_level([link.level for link in links], timezone.localdate(now))
    found: dict[uuid.UUID, list[tuple[int, int, bool]]] = defaultdict(list)
    for link in links:
        found[link.decision_id].append(counts[link.level_id])
    return {
        key: Work(
            pieces=len(those),
            finished=sum(over for _done, _of, over in those),
            late=sum(done < of for done, of, _over in those),
            done=sum(done for done, _of, _over in those),
            of=sum(of for _done, of, _over in those),
            share=sum(share_of(done, of) for done, of, _over in those),
        )
        for key, those in found.items()
    }


def _sampled_by_level(levels: Collection[LevelInForce], today: date) -> dict[int, tuple[int, int, bool]]:
    """(done, due by the end of yesterday or done today, whether another level took its place) of each."""
    if not levels:
        return {}
    later: dict[str, list[date]] = defaultdict(list)
    of_codes = LevelInForce.objects.filter(code__in={one.code for one in levels}, since__lte=today)
    for code, since in of_codes.order_by("since").values_list("code", "since"):
        later[code].append(since)
    ends = {one.pk: next((day for day in later[one.code] if day > one.since), None) for one in levels}
    found = {}
    for one in {one.pk: one for one in levels}.values():
        end = ends[one.pk]
        rows = VenueSampling.objects.filter(within("town", [one.code[: LENGTHS[1]]]), due_on__gte=one.since)
        rows = rows.filter(due_on__lt=end) if end else rows
        of, done = rows.aggregate(
            of=Count("pk", filter=Q(due_on__lt=today) | Q(done_at__isnull=False)),
            done=Count("pk", filter=Q(done_at__isnull=False)),
        ).values()
        found[one.pk] = (done, of, end is not None)
    return found
