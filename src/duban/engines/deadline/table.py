"""Some years laid out as arrays: their days, and the stretches of time that count."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .calendar import Calendar, weekdays
from .rule import Workday
from .zone import DAY, MINUTE, Micros, Wall

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Axis:
    """Time that counts: within a stretch the coordinate rises with the clock from `at`, between stretches it waits.

    It may leap at a stretch's beginning (the wall clock does in spring). Coordinates never fall as time goes on.
    """

    begin: Micros
    end: Micros
    at: Micros

    def coordinate(self, instant: Micros) -> Micros:
        if not self.begin.size:
            return np.zeros_like(instant)
        stretch = np.maximum(np.searchsorted(self.begin, instant, side="right") - 1, 0)
        begin = self.begin[stretch]
        return self.at[stretch] + np.clip(instant - begin, 0, self.end[stretch] - begin)

    def instant(self, coordinate: Micros) -> Micros:
        """The first instant at which the coordinate is reached; `coordinate` must be within the axis."""
        stretch = np.searchsorted(self.top, coordinate, side="left")
        return self.begin[stretch] + np.maximum(coordinate - self.at[stretch], 0)

    def within(self, instant: Micros) -> NDArray[np.bool_]:
        """Does time count from this instant on?"""
        if not self.begin.size:
            return np.zeros(len(instant), dtype=bool)
        stretch = np.searchsorted(self.begin, instant, side="right") - 1
        return (stretch >= 0) & (instant < self.end[stretch])

    @property
    def top(self) -> Micros:
        """The coordinate at the end of each stretch."""
        return self.at + self.end - self.begin


@dataclass(frozen=True, slots=True)
class Table:
    """Whole years of days; make one with `table`.

    Per day: `midnight` (one more than there are days), and counts before it (also one more) of days that are worked,
    of unknown years, of holidays from Monday to Friday, of make-up days. Per working day: `close`, its last moment,
    and `worked`, the coordinate of `work` at it.
    """

    midnight: Micros
    working: Indices
    unknown: Indices
    holidays: Indices
    makeup: Indices
    clock: Axis
    wall: Axis
    work: Axis
    close: Micros
    worked: Micros

    def day(self, instant: Micros) -> Indices:
        return np.searchsorted(self.midnight, instant, side="right") - 1

    def day_before(self, instant: Micros) -> Indices:
        """The day that ends or goes on at this instant: midnight belongs to the day behind it."""
        return np.searchsorted(self.midnight, instant, side="left") - 1


@lru_cache(maxsize=64)
def table(calendar: Calendar, workday: Workday, zone: str, first_year: int, last_year: int) -> Table:
    """The years from `first_year` to `last_year`, both included."""
    first = date(first_year, 1, 1)
    count = date(last_year + 1, 1, 1).toordinal() - first.toordinal()
    begin = (first.toordinal() - date(1970, 1, 1).toordinal()) * DAY
    shown = begin + np.arange(count + 1) * DAY
    # A day more on both sides: the wall clock may be that far from UTC.
    wall = Wall.of(zone, begin - 2 * DAY, begin + (count + 2) * DAY)
    midnight = wall.instant(shown)

    works, ordinary = calendar.works(first, count), weekdays(first, count)
    year = (np.datetime64(first) + np.arange(count)).astype("datetime64[Y]").astype(int) + 1970
    unknown = ~np.isin(year, list(calendar.years))

    windows = np.array(workday, dtype=np.int64).reshape(-1, 2) * MINUTE
    opening = wall.instant((shown[:-1][works][:, None] + windows[:, 0]).ravel())
    closing = wall.instant((shown[:-1][works][:, None] + windows[:, 1]).ravel())
    length = np.cumsum(closing - opening)
    stretch, until = wall.stretches(int(midnight[-1])), midnight[-1:]
    return Table(
        midnight=midnight,
        working=_before(works),
        unknown=_before(unknown),
        holidays=_before(ordinary & ~works),
        makeup=_before(works & ~ordinary),
        clock=Axis(midnight[:1], until, midnight[:1]),
        wall=Axis(*stretch),
        work=Axis(opening, closing, length - (closing - opening)),
        close=closing[len(windows) - 1 :: len(windows)] if len(windows) else closing,
        worked=length[len(windows) - 1 :: len(windows)] if len(windows) else length,
    )


def _before(days: NDArray[np.bool_]) -> Indices:
    return np.concatenate([[0], np.cumsum(days)])
