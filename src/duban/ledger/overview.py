"""What the ledger says of an area at a glance: how much is open and overdue, whose it is, and how the days went.

Trends are counted back from what the ledger holds now: an entry that was reopened or void since is told as it stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from duban.ledger import tally
from duban.ledger.figures import COUNTED, Figure, Period, conditions, midnight
from duban.ledger.leads import Lead, column_for, sifting_columns
from duban.ledger.lifecycle import OPEN, UNREMEDIED, State
from duban.ledger.models import Entry, Tally
from duban.ledger.queries import due_in
from duban.places.codes import within

DAYS = 14
WEEK, MONTH = timedelta(days=7), timedelta(days=30)
REACH = timedelta(days=3650 - 366)
"""How far back a unit's overdue entries were dispatched at the earliest."""
UNITS = 8


@dataclass(frozen=True)
class Late:
    """Overdue entries of a unit, and the number of the figures page that opens them."""

    unit: str
    number: int
    figure: str


@dataclass(frozen=True)
class Overview:
    """Trends hold a number for the end of each of the last days, today last."""

    open: int
    overdue: int
    due_today: int
    due_week: int
    late: tuple[Late, ...]
    dispatched_week: int
    dispatched_before: int
    in_time: int
    in_time_of: int
    days: tuple[str, ...]
    open_trend: tuple[int, ...]
    overdue_trend: tuple[int, ...]
    dispatched_trend: tuple[int, ...]


def week_of(today: date) -> Period:
    """The last seven days, today among them."""
    return Period(today - WEEK + timedelta(days=1), today + timedelta(days=1))


def month_to(today: date) -> Period:
    return Period(today - MONTH + timedelta(days=1), today + timedelta(days=1))


def overview_at(code: str, now: datetime) -> Overview:
    """Of everything that lies in the area, in eight questions; none of them is quick where there are a million rows."""
    today = timezone.localdate(now)
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    here = within("jurisdiction", [code])
    open_now = Tally.objects.filter(here, category=tally.ALL, state__in=OPEN).aggregate(n=Sum("n"))["n"] or 0
    # Few are not remedied yet: their states lead to them, and the area sifts.
    unremedied = _led(Lead.STATE, code).filter(state__in=UNREMEDIED)
    due = unremedied.aggregate(
        overdue=Count("pk", filter=Q(due_at__lt=now)),
        today=Count("pk", filter=due_in("today", now)),
        week=Count("pk", filter=due_in("week", now)),
    )
    dispatched = _dispatched(code, days)
    open_trend, overdue_trend = _counted_back(code, days, now, open_now, unremedied)
    return Overview(
        open=open_now,
        overdue=due["overdue"],
        due_today=due["today"],
        due_week=due["week"],
        late=_late(code, today, now),
        dispatched_week=sum(dispatched[-7:]),
        dispatched_before=sum(dispatched[:-7]),
        **_in_time(code, today, now),
        days=tuple(day.isoformat() for day in days),
        open_trend=open_trend,
        overdue_trend=overdue_trend,
        dispatched_trend=dispatched,
    )


def _led(lead: Lead, code: str) -> QuerySet[Entry]:
    """The entries of the area, where something else leads to them than the area."""
    entries = Entry.objects.alias(**sifting_columns()).order_by()
    return entries.filter(within(column_for("jurisdiction", lead), [code]))


def _late(code: str, today: date, now: datetime) -> tuple[Late, ...]:
    """The units with the most overdue entries."""
    period = Period(today - REACH, today + timedelta(days=1))
    rows = _led(Lead.STATE, code).filter(state__in=UNREMEDIED, due_at__lt=now, dispatched_at__gte=period.start)
    counted = rows.values_list("responsible").annotate(n=Count("pk")).order_by("-n", "responsible")
    return tuple(
        Late(unit, number, str(Figure("overdue", "n", period, unit))) for unit, number in counted[:UNITS] if unit
    )


def _sent(code: str, since: datetime) -> QuerySet[Entry]:
    """Dispatched since then and counted: led by the moment, through the index of the figures, which holds all of it."""
    counted = {f"{column_for('state', Lead.ORDER)}__in": COUNTED}
    return _led(Lead.ORDER, code).filter(dispatched_at__gte=since, **counted)


def _dispatched(code: str, days: Sequence[date]) -> tuple[int, ...]:
    counts = {
        f"day{at}": Count(
            "dispatched_at",
            filter=Q(dispatched_at__gte=midnight(day), dispatched_at__lt=midnight(day + timedelta(days=1))),
        )
        for at, day in enumerate(days)
    }
    found = _sent(code, midnight(days[0])).aggregate(**counts)
    return tuple(found[f"day{at}"] for at in range(len(days)))


def _in_time(code: str, today: date, now: datetime) -> dict[str, int]:
    """As the figures page counts it over the last thirty days."""
    named, period = conditions(now), month_to(today)
    rows = _sent(code, period.start).filter(dispatched_at__lt=period.end)
    of = named["should_be_handled"]
    return rows.aggregate(
        in_time=Count("dispatched_at", filter=of & named["handled_in_time"]),
        in_time_of=Count("dispatched_at", filter=of),
    )


def _counted_back(
    code: str, days: Sequence[date], now: datetime, open_now: int, unremedied: QuerySet[Entry]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How many were open and how many overdue when each day ended."""
    ends = [midnight(day + timedelta(days=1)) for day in days]
    ends[-1] = now
    counted = {f"{column_for('state', Lead.ORDER)}__in": COUNTED}
    came = _led(Lead.ORDER, code).filter(found_at__gte=ends[0], **counted)
    after = came.aggregate(**{f"d{at}": Count("found_at", filter=Q(found_at__gte=end)) for at, end in enumerate(ends)})
    # What changed since the first of the days, and what is still to be remedied; all else was settled before.
    moved = Q(verified_at__gte=ends[0]) | Q(remedied_at__gte=ends[0]) | Q(state__in=UNREMEDIED)
    gone = _sent(code, now - REACH).filter(moved)
    closed = {
        f"c{at}": Count("dispatched_at", filter=Q(state=State.CLOSED, verified_at__gte=end))
        for at, end in enumerate(ends)
    }
    late = {
        f"l{at}": Count(
            "dispatched_at",
            filter=Q(due_at__lt=end) & (Q(state__in=UNREMEDIED) | Q(remedied_at__gte=end)),
        )
        for at, end in enumerate(ends)
    }
    left = gone.aggregate(**closed, **late)
    # Nobody has been told to mend these, and they are overdue all the same.
    undispatched = unremedied.filter(dispatched_at=None).aggregate(
        **{f"u{at}": Count("pk", filter=Q(due_at__lt=end)) for at, end in enumerate(ends)}
    )
    return (
        tuple(max(open_now + left[f"c{at}"] - after[f"d{at}"], 0) for at in range(len(days))),
        tuple(left[f"l{at}"] + undispatched[f"u{at}"] for at in range(len(days))),
    )
