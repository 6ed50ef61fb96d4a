"""The way from screened to released: how many came how far by a day, and how many hours half of them took.

Hours are counted from the moment the file was opened, in tenths. The database walks over the files once for the towns
and once for the orders, through an index that holds every moment; what comes back is a row for each of them.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from django.db.models import Aggregate, Count, Exists, F, Func, IntegerField, OuterRef, Q, TextField, Value
from django.db.models.functions import Cast, Coalesce

from duban.access.models import Person
from duban.outbreak.desk import days
from duban.outbreak.desk.days import Day, Files
from duban.outbreak.desk.report import is_small, knows_all, told_total
from duban.outbreak.models import CaseExposure, Declaration, ExposureKind, FileState, Measure
from duban.places import queries as places

HEAP = 0.1
"""Hours."""
STAGES: dict[str, str] = {
    "screened": "opened_at",
    "reached": "reached_at",
    "tested": "tested_at",
    "isolated": "isolated_at",
    "released": "released_at",
}
"""The moment of the file that says when each was come to."""
TOWN, AREA = "town", "area"
Heaps = dict[int, int]
"""People by tenths of an hour."""


@dataclass(frozen=True)
class Row:
    """People of one town or one order by stage, and the median hours to it; None is not told, or has no hours."""

    code: str
    name: str
    counts: Mapping[str, int | None]
    hours: Mapping[str, float | None]


@dataclass(frozen=True)
class Funnel:
    """`total` is over the towns. Somebody with several orders counts once in it, and once under each order."""

    on: date
    at: str
    towns: tuple[Row, ...]
    areas: tuple[Row, ...]
    total: Row
    hides: bool
    """Whether small numbers are left out for this reader."""


class Tenths(Func):
    """Tenths of an hour between two moments of a row, to the nearest."""

    output_field = IntegerField()
    arity = 2

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(ROUND((julianday(%(expressions)s)) * 240.0) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, arg_joiner=") - julianday(", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(ROUND(EXTRACT(EPOCH FROM (%(expressions)s)) / 360.0) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, arg_joiner=" - ", **context)


class Joined(Aggregate):
    """The texts of a group in one, with what the second argument says between them.

    So heaps of four moments come of one walk without sorting; by GROUP BY each moment would be a walk and a sort more.
    """

    function = "STRING_AGG"
    output_field = TextField()
    arity = 2

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="GROUP_CONCAT", **context)


# ---- counting -------------------------------------------------------------------------------------------------------


def is_come_to(stage: str, day: Day) -> Q:
    """On the books and come to a stage when the day ended. A release that was taken back is none."""
    came = Q(opened_at__lt=day.end) & Q(**{f"{STAGES[stage]}__lt": day.end})
    return came & Q(state=FileState.RELEASED) if stage == "released" else came


def is_stuck(stage: str, day: Day) -> Q:
    """Followed when the day ended and not come to a stage by then: nobody of them may be forgotten."""
    return days.is_followed(day) & LEFT[f"stuck:{stage}"](day)


def is_late(day: Day) -> Q:
    """Followed when the day ended although the last day of their plan, as it is known now, was over by then."""
    return days.is_followed(day) & LEFT["late"](day)


def left_behind(files: Files, day: Day) -> dict[str, int]:
    """How many of the followed were left behind at each stage and how many are late, in one walk over the files."""
    counts = {str(place): Count("pk", filter=is_left(day)) for place, is_left in enumerate(LEFT.values())}
    numbers = days.followed(files, day).order_by().aggregate(**counts)
    return {figure: numbers[str(place)] for place, figure in enumerate(LEFT)}


def _is_not_at(stage: str, day: Day) -> Q:
    return Q(**{f"{STAGES[stage]}__isnull": True}) | Q(**{f"{STAGES[stage]}__gte": day.end})


def _is_to_isolate(day: Day) -> Q:
    """With an exposure that asked for isolation when the day ended; a merged file's is its taker's.

    A file's own are looked up for the few that are left; of the merged ones there is one short list.
    """
    asked = CaseExposure.objects.filter(added_at__lt=day.end, measure__in=(Measure.CENTRALISED, Measure.HOME))
    standing = asked.exclude(withdrawn_at__lt=day.end).order_by()
    upper = [F(f"file{'__merged_into' * steps}") for steps in (3, 2, 1)]
    taken = standing.filter(file__merged_into__isnull=False).annotate(whose=Coalesce(*upper)).values("whose")
    return Q(Exists(standing.filter(file=OuterRef("pk")))) | Q(pk__in=taken)


LEFT: dict[str, Callable[[Day], Q]] = {
    "stuck:reached": lambda day: _is_not_at("reached", day),
    "stuck:tested": lambda day: _is_not_at("tested", day),
    "stuck:isolated": lambda day: _is_not_at("isolated", day) & _is_to_isolate(day),
    "late": lambda day: Q(ends_on__lt=day.on),
}
"""By figure who of the followed is left behind. Not isolated are only those of whom an exposure asked it."""


def of_order(files: Files, order: str) -> Files:
    """Those whom an order counts: exposed in its area, the exposure not withdrawn."""
    return files.filter(pk__in=_exposures().filter(basis=order).values("file"))


def _exposures() -> Any:
    return CaseExposure.objects.filter(kind=ExposureKind.AREA, withdrawn_at__isnull=True).order_by()


def _by_stage(files: Files, group: str, day: Day) -> dict[str, dict[str, Heaps]]:
    """By stage and by town or order, how many came to it within each tenth of an hour: one walk over the files."""
    # Not by the column itself: SQLite walks over the exposures in the order of the orders then, and looks the row of
    # each file up, which takes half as long again as the sort it saves.
    by = {TOWN: F("town"), AREA: Coalesce(F("exposures__basis"), Value(""))}[group]
    came = files.filter(is_come_to("screened", day)).order_by()
    if group == AREA:
        came = came.filter(exposures__kind=ExposureKind.AREA, exposures__withdrawn_at__isnull=True)
    waits = [stage for stage in STAGES if stage != "screened"]
    lists = {
        f"{stage}_in": Joined(Cast(_tenths(stage), TextField()), Value(","), filter=is_come_to(stage, day))
        for stage in waits
    }
    found: dict[str, dict[str, Heaps]] = {stage: {} for stage in STAGES}
    for name, number, *tenths in came.annotate(name=by).values_list("name").annotate(number=Count("pk"), **lists):
        found["screened"][name] = {0: number}
        for stage, text in zip(waits, tenths, strict=True):
            found[stage][name] = _heaped(text or "")
    return found


def _tenths(stage: str) -> Tenths:
    return Tenths(F(STAGES[stage]), F("opened_at"))


def _heaped(tenths: str) -> Heaps:
    """Tenths of an hour with commas between them, counted."""
    found: Heaps = defaultdict(int)
    for tenth, number in Counter(tenths.split(",") if tenths else ()).items():
        # Somebody may have been in a bed before the file was opened.
        found[max(int(tenth), 0)] += number
    return found


def median(heaps: Heaps) -> float | None:
    """Hours that half of them took at most, to a tenth; None of nobody."""
    half, passed = sum(heaps.values()) / 2, 0
    for heap in sorted(heaps):
        passed += heaps[heap]
        if passed >= half:
            return round(heap * HEAP, 1)
    return None


def _rows(by_stage: Mapping[str, Mapping[str, Heaps]], names: Mapping[str, str]) -> tuple[Row, ...]:
    return tuple(
        _row(name, names.get(name, name), {stage: heaps.get(name, {}) for stage, heaps in by_stage.items()})
        for name in sorted(by_stage["screened"])
    )


def _row(code: str, name: str, by_stage: Mapping[str, Heaps]) -> Row:
    counts = {stage: sum(heaps.values()) for stage, heaps in by_stage.items()}
    return Row(code, name, counts, {stage: median(heaps) for stage, heaps in by_stage.items() if stage != "screened"})


def _merged(groups: Mapping[str, Heaps]) -> Heaps:
    found: Heaps = defaultdict(int)
    for heaps in groups.values():
        for heap, number in heaps.items():
            found[heap] += number
    return found


# ---- who reads it ---------------------------------------------------------------------------------------------------


def funnel_of(office: str, on: date) -> Funnel:
    """The funnel of an office or a town as it was when a day ended, with every number in it."""
    day, files = days.day_of(on), days.files_at(office)
    of_towns, of_areas = _by_stage(files, TOWN, day), _by_stage(files, AREA, day)
    orders = Declaration.objects.filter(number__in=list(of_areas["screened"]))
    towns = _rows(of_towns, places.names(of_towns["screened"]))
    areas = _rows(of_areas, dict(orders.values_list("number", "name")))
    name = places.names([office]).get(office, office)
    total = _row(office, name, {stage: _merged(heaps) for stage, heaps in of_towns.items()})
    return Funnel(on, office, towns, areas, total, hides=False)


def as_told(person: Person, made: Funnel) -> Funnel:
    """The same without what the person may not know."""
    if knows_all(person, made.at):
        return made
    told = tuple(_told(row) for row in made.towns)
    columns = {
        stage: ([row.counts[stage] for row in made.towns], [row.counts[stage] for row in told]) for stage in STAGES
    }
    counts = {stage: told_total(true, shown) for stage, (true, shown) in columns.items()}
    total = _without_hours(replace(made.total, counts=counts))
    return replace(made, towns=told, areas=tuple(_told(row) for row in made.areas), total=total, hides=True)


def totals_at(office: str, on: date) -> dict[str, int | None]:
    """By stage how many came to it by the end of the day, as it is told to who may not know small numbers."""
    of_towns = _by_stage(days.files_at(office), TOWN, days.day_of(on))
    true = {stage: [sum(heaps.values()) for heaps in of_towns[stage].values()] for stage in STAGES}
    return {
        stage: told_total(numbers, [None if is_small(number) else number for number in numbers])
        for stage, numbers in true.items()
    }


def _told(row: Row) -> Row:
    """Without small numbers."""
    counts = {stage: None if is_small(number) else number for stage, number in row.counts.items()}
    return _without_hours(replace(row, counts=counts))


def _without_hours(row: Row) -> Row:
    """A median of a few people is about each of them."""
    return replace(row, hours={stage: hours if row.counts[stage] else None for stage, hours in row.hours.items()})
