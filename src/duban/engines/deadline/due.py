"""The deadline of each of many starts, and the time between two moments as a rule counts it.

Every unit is an axis on which time that counts is measured: the clock, the wall clock's days, working time, or the
number of working days. A deadline is the first moment at which enough unpaused time has been counted since the start.
As both the count and what is paused of it only grow, a later start, a larger amount or a longer pause can never bring
the deadline forward.

- `hours` and `days` run by the clock; days end at the time of day at which they began. A pause moves the end back by
  its length.
- `working_hours` count within opening times alone, so that a start outside them runs from the next opening, and a
  deadline is reached at a close rather than at the opening after it. A pause moves the end back by the working time in
  it.
- `working_days` leave out the day of the start (Civil Code art. 201) and end with the last day's close (art. 203). A
  working day with any working time paused does not count: the day on which a pause ends is treated as the day of a
  start is, and one rule for all its days keeps a longer pause from ever costing less. It favours the one who must act.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from .calendar import Calendar
from .rule import Rule
from .table import Axis, Indices, Table, table
from .zone import DAY, HOUR, MINUTE, Micros

VERSION = "deadline/1"

# [from, to] of a time on hold; no `to` while it lasts.
Pause = tuple[datetime, datetime | None]
Pauses = Sequence[Sequence[Pause]]
Times = Sequence[datetime] | NDArray[np.datetime64]

_FIRST_YEAR, _LAST_YEAR = 1900, 2199
# Years laid out beyond the last moment asked about, and what is tried when they are too few.
_AHEAD = (1, 4, 12, 30)


@dataclass(frozen=True, slots=True)
class Due:
    """Of each of n starts: the deadline in UTC (None while on hold), whether it is provisional, and why (REASONS)."""

    due: tuple[datetime | None, ...]
    provisional: NDArray[np.bool_]
    reasons: tuple[tuple[str, ...], ...]
    version: str = VERSION

    def __len__(self) -> int:
        return len(self.due)


@dataclass(frozen=True, slots=True)
class DueDate:
    """One start's deadline."""

    due: datetime | None
    provisional: bool
    reasons: tuple[str, ...]
    version: str = VERSION


@dataclass(frozen=True, slots=True)
class _Holds:
    """All finished pauses in a row: whose each is, from and to; and per start whether one goes on, since when."""

    owner: Indices
    begin: Micros
    end: Micros
    held: NDArray[np.bool_]
    open_owner: Indices
    open_begin: Micros


@dataclass(frozen=True, slots=True)
class _End:
    """Per start its end, and whether some pause moved it, and some did nothing."""

    at: Micros
    moved: NDArray[np.bool_]
    idle: NDArray[np.bool_]


def due(starts: Times, rule: Rule, calendar: Calendar, pauses: Pauses | None = None) -> Due:
    """When each start (n,) is due; `pauses` holds the pauses of each start, in any order.

    A datetime needs a time zone; numpy's are in UTC. Pauses may overlap; what lies before the start is ignored. The
    deadline is provisional if the unit counts working time and a day that was counted or passed over lies in a year
    that the calendar does not know. Raises ValueError for what is not such.
    """
    start = _micros(starts, "start")
    holds = _holds(pauses, len(start))
    if not len(start):
        return Due((), np.zeros(0, dtype=bool), ())
    find = _days_end if rule.unit == "working_days" else _time_end
    for ahead in _AHEAD:
        years = _years(rule, calendar, (start, holds.begin, holds.end), ahead)
        end = find(start, rule, years, holds)
        if end is not None:
            return _explain(start, end, rule, years, holds)
    raise ValueError(f"Rule {rule.id}: the calendar has too few working days for the deadline to be reached.")


def due_one(start: datetime, rule: Rule, calendar: Calendar, pauses: Sequence[Pause] | None = None) -> DueDate:
    """`due` of a single start."""
    found = due([start], rule, calendar, [pauses or ()])
    return DueDate(found.due[0], bool(found.provisional[0]), found.reasons[0])


def elapsed(
    starts: Times, ends: Times, rule: Rule, calendar: Calendar, pauses: Pauses | None = None
) -> NDArray[np.float64]:
    """Minutes (n,) from each start to its end without the pauses: working time for working units, else by the clock.

    A pause that goes on lasts to the end. Raises ValueError if an end is before its start.
    """
    start, end = _micros(starts, "start"), _micros(ends, "end")
    if len(start) != len(end):
        raise ValueError(f"There are {len(start)} starts and {len(end)} ends.")
    wrong = np.flatnonzero(end < start)
    if wrong.size:
        raise ValueError(f"End {wrong[0]} is before its start.")
    holds = _holds(pauses, len(start))
    if not len(start):
        return np.zeros(0)
    years = _years(rule, calendar, (start, end, holds.begin, holds.end), 0)
    axis = years.work if rule.counts_work else years.clock
    begin, until = axis.coordinate(start), axis.coordinate(end)
    paused, _, _ = _paused(
        begin,
        until,
        np.concatenate([holds.owner, holds.open_owner]),
        axis.coordinate(np.concatenate([holds.begin, holds.open_begin])),
        np.concatenate([axis.coordinate(holds.end), until[holds.open_owner]]),
        running=False,
    )
    return (until - begin - paused) / MINUTE


def _time_end(start: Micros, rule: Rule, years: Table, holds: _Holds) -> _End | None:
    """The end of so much time; None if the table is too short."""
    axis, size = _axis(rule, years)
    begin = axis.coordinate(start)
    target = begin + rule.amount * size
    paused, moved, idle = _paused(
        begin, target, holds.owner, axis.coordinate(holds.begin), axis.coordinate(holds.end), running=True
    )
    target += paused
    if not axis.top.size or target.max() > axis.top[-1]:
        return None
    return _End(axis.instant(target), moved, idle)


def _days_end(start: Micros, rule: Rule, years: Table, holds: _Holds) -> _End | None:
    """The close of the last of so many working days; None if the table is too short."""
    begin = years.working[years.day(start) + 1]
    work_begin, work_end = years.work.coordinate(holds.begin), years.work.coordinate(holds.end)
    # Working days by their place in the row of all of them: the first with paused time, and the one after the last.
    low = np.searchsorted(years.worked, work_begin, side="right")
    high = np.where(work_begin < work_end, np.searchsorted(years.worked, work_end, side="left") + 1, low)
    paused, moved, idle = _paused(begin, begin + rule.amount, holds.owner, low, high, running=True)
    target = begin + rule.amount + paused
    if target.max() > len(years.close):
        return None
    return _End(years.close[target - 1], moved, idle)


def _paused(
    begin: Micros, target: Micros, owner: Indices, low: Micros, high: Micros, *, running: bool
) -> tuple[Micros, NDArray[np.bool_], NDArray[np.bool_]]:
    """How much of what lies between `begin` and `target` (n,) is paused by the pauses low..high of their owners.

    While `running`, a pause moves the target, and those that it then reaches count too. Also says of whom some pause
    had an effect, and of whom some had none. Coordinates, or working days by number: the sweep is the same.
    """
    paused, cursor = np.zeros_like(begin), begin.copy()
    moved, idle = np.zeros(len(begin), dtype=bool), np.zeros(len(begin), dtype=bool)
    order = np.lexsort((high, low, owner))
    owner, low, high = owner[order], low[order], high[order]
    # The first pauses of all, then the second ones: within a round nobody has two.
    rank = np.arange(len(owner)) - np.searchsorted(owner, owner, side="left")
    for turn in range(int(rank.max(initial=-1)) + 1):
        now = rank == turn
        who, since, until = owner[now], np.maximum(low[now], cursor[owner[now]]), high[now]
        limit = target[who] + paused[who] if running else target[who]
        counts = since < np.minimum(limit, until)
        paused[who] += np.where(counts, (until if running else np.minimum(until, limit)) - since, 0)
        cursor[who] = np.maximum(cursor[who], until)
        moved[who] |= counts
        idle[who] |= ~counts
    return paused, moved, idle


def _explain(start: Micros, end: _End, rule: Rule, years: Table, holds: _Holds) -> Due:
    # Days are looked at from the first that could count to the one that the deadline ends.
    first = years.day(start) + (rule.unit == "working_days")
    last = np.maximum(years.day_before(end.at), first - 1) + 1
    due_now = ~holds.held

    def between(before: Indices) -> NDArray[np.bool_]:
        return due_now & rule.counts_work & (before[last] > before[first])

    provisional = between(years.unknown)
    masks = {
        "runs_from_opening": (rule.unit == "working_hours") & ~years.work.within(start),
        "holiday_skipped": between(years.holidays),
        "makeup_day_counted": between(years.makeup),
        "paused": due_now & end.moved,
        "pause_without_effect": due_now & end.idle,
        "held": holds.held,
        "year_unknown": provisional,
    }
    reasons: list[list[str]] = [[] for _ in start]
    for code, mask in masks.items():
        for i in np.flatnonzero(mask):
            reasons[i].append(code)
    naive = end.at.astype("datetime64[us]").astype(object)
    moments = (
        None if held else moment.replace(tzinfo=UTC) for moment, held in zip(naive, holds.held.tolist(), strict=True)
    )
    return Due(tuple(moments), provisional, tuple(map(tuple, reasons)))


def _axis(rule: Rule, years: Table) -> tuple[Axis, int]:
    """What measures the rule's time, and how long its unit is upon it."""
    if rule.unit == "days":
        return years.wall, DAY
    return (years.work if rule.unit == "working_hours" else years.clock), HOUR


def _years(rule: Rule, calendar: Calendar, moments: tuple[Micros, ...], ahead: int) -> Table:
    """The table of all years spoken of: one before them, as the local year may not be UTC's, and some beyond."""
    known = [each for each in moments if each.size]
    low, high = min(int(each.min()) for each in known), max(int(each.max()) for each in known)
    first, last = (int(np.datetime64(each, "us").astype("datetime64[Y]").astype(int)) + 1970 for each in (low, high))
    return table(calendar, rule.workday, rule.zone, first - 1, last + 1 + ahead)


def _holds(pauses: Pauses | None, count: int) -> _Holds:
    if pauses is not None and len(pauses) != count:
        raise ValueError(f"There are {count} starts and the pauses of {len(pauses)}.")
    done: tuple[list[int], list[datetime], list[datetime]] = ([], [], [])
    going: tuple[list[int], list[datetime]] = ([], [])
    for i, own in enumerate(pauses or ()):
        for since, until in own:
            if until is None:
                going[0].append(i)
                going[1].append(since)
            else:
                done[0].append(i)
                done[1].append(since)
                done[2].append(until)
    owner, open_owner = (np.array(each, dtype=np.intp) for each in (done[0], going[0]))
    begin, end, open_begin = (
        _micros(each, name)
        for each, name in ((done[1], "pause's begin"), (done[2], "pause's end"), (going[1], "pause's begin"))
    )
    wrong = np.flatnonzero(end < begin)
    if wrong.size:
        raise ValueError(f"A pause of start {owner[wrong[0]]} ends before it begins.")
    held = np.zeros(count, dtype=bool)
    held[open_owner] = True
    return _Holds(owner, begin, end, held, open_owner, open_begin)


def _micros(times: Times, what: str) -> Micros:
    """Microseconds since 1970; raises ValueError for a time without a zone or far from our days."""
    if isinstance(times, np.ndarray) and times.dtype.kind == "M":
        if np.isnat(times).any():
            raise ValueError(f"The {what} {np.flatnonzero(np.isnat(times))[0]} is no time.")
        found = times.astype("datetime64[us]")
    else:
        found = np.array(list(_utc(times, what)), dtype="datetime64[us]")
    year = found.astype("datetime64[Y]").astype(int) + 1970
    wrong = np.flatnonzero((year < _FIRST_YEAR) | (year > _LAST_YEAR))
    if wrong.size:
        raise ValueError(f"The {what} {found[wrong[0]]} is not between the years {_FIRST_YEAR} and {_LAST_YEAR}.")
    return found.astype(np.int64)


def _utc(times: Iterable[datetime], what: str) -> Iterable[datetime]:
    for i, time in enumerate(times):
        if not isinstance(time, datetime):
            raise ValueError(f"The {what} {i} is {time!r}, not a date and time.")
        if time.tzinfo is not UTC:
            if time.utcoffset() is None:
                raise ValueError(f"The {what} {i}, {time}, has no time zone.")
            time = time.astimezone(UTC)
        yield time.replace(tzinfo=None)
