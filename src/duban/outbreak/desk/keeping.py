"""The report and the funnel of an office with so many files that a count takes seconds: counted once for all readers.

Where files are few every reader gets a count of the moment, and nothing is kept. Where they are many the newest count
is shown with its time; one older than five minutes has the next one made in the background, one older than half an hour
is forgotten: nobody may be working there. What is kept holds every number, and each reader is told what they may know.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q

from duban.outbreak.desk import days
from duban.outbreak.desk.funnel import Funnel, Row, funnel_of, left_behind
from duban.outbreak.desk.report import Line, Report, report_of
from duban.outbreak.models import KeptCount, KeptKind

MANY = 20_000
"""Files."""
FRESH, FORGOTTEN = timedelta(minutes=5), timedelta(minutes=30)


@dataclass(frozen=True)
class Counted:
    """A Report, or a Funnel with who was left behind; `kept` False: it was counted for this reader alone."""

    at: datetime
    value: Any
    kept: bool = False
    is_old: bool = False


@dataclass(frozen=True)
class FunnelLeft:
    """The way, and by figure how many were left behind on it."""

    funnel: Funnel
    left: Mapping[str, int]


def is_many(at: str) -> bool:
    """Whether a count at this office or town is worth keeping."""
    return days.files_at(at).order_by()[MANY : MANY + 1].exists()


def newest(kind: KeptKind, at: str, on: date, *, now: datetime) -> Counted | None:
    """The newest count that is kept; None where there is none of the last half hour."""
    found = KeptCount.objects.filter(kind=kind, at=at, on=on, counted_at__gt=now - FORGOTTEN).first()
    if found is None:
        return None
    _make, read = WAYS[kind]
    return Counted(found.counted_at, read(found.value), kept=True, is_old=now - found.counted_at > FRESH)


def count(kind: KeptKind, at: str, on: date, *, now: datetime) -> Counted:
    """Count it now, and keep it where files are many; of two at once the later one stays.

    Raises BadQuestion (`report_does_not_add_up`).
    """
    make, _read = WAYS[kind]
    value = make(at, on)
    many = is_many(at)
    if many:
        facts = {"counted_at": now, "asked_at": None, "value": asdict(value)}
        KeptCount.objects.update_or_create(kind=kind, at=at, on=on, defaults=facts)
        KeptCount.objects.filter(counted_at__lte=now - FORGOTTEN).delete()
    return Counted(now, value, kept=many)


def counted(kind: KeptKind, at: str, on: date, *, now: datetime) -> Counted:
    """For a file: the newest count if it is fresh, else one made now. Raises as `count`."""
    found = newest(kind, at, on, now=now)
    return found if found is not None and not found.is_old else count(kind, at, on, now=now)


def ask_for_count(kind: KeptKind, at: str, on: date, *, now: datetime) -> bool:
    """Whether a new count is to be ordered now: once in five minutes, however many read the page."""
    waiting = Q(asked_at=None) | Q(asked_at__lt=now - FRESH)
    return bool(KeptCount.objects.filter(waiting, kind=kind, at=at, on=on).update(asked_at=now))


def _read_report(plain: Mapping[str, Any]) -> Report:
    lines = tuple(Line(**line) for line in plain["by_town"])
    return Report(date.fromisoformat(plain["on"]), lines, Line(**plain["total"]))


def _read_funnel(plain: Mapping[str, Any]) -> FunnelLeft:
    way = plain["funnel"]
    rows = {name: tuple(Row(**row) for row in way[name]) for name in ("towns", "areas")}
    on = date.fromisoformat(way["on"])
    return FunnelLeft(Funnel(on, way["at"], total=Row(**way["total"]), hides=False, **rows), plain["left"])


def _make_funnel(at: str, on: date) -> FunnelLeft:
    return FunnelLeft(funnel_of(at, on), left_behind(days.files_at(at), days.day_of(on)))


WAYS: dict[KeptKind, tuple[Callable[[str, date], Any], Callable[[Mapping[str, Any]], Any]]] = {
    KeptKind.REPORT: (lambda at, on: report_of(on, at), _read_report),
    KeptKind.FUNNEL: (_make_funnel, _read_funnel),
}
"""How each is counted, and read from what is kept."""
