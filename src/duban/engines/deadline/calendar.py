"""Which days are worked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days that differ from Monday-to-Friday, and the years for which that is known; make one with `build`.

    A day that is not listed goes by its weekday, in every year: a list may hold the exceptions alone. In a year that
    is not known that is a guess, and whatever rests on it is provisional.
    """

    worked: frozenset[date]
    off: frozenset[date]
    years: frozenset[int]

    @classmethod
    def build(cls, days: Mapping[date, bool], years: Iterable[int] | None = None) -> "Calendar":
        """From {day: is it worked?}; without `years`, a year is known if any of its days is listed."""
        for day in days:
            if not isinstance(day, date) or isinstance(day, datetime):
                raise ValueError(f"A calendar holds days, not {day!r}.")
        known = {day.year for day in days} if years is None else years
        return cls(
            frozenset(day for day, works in days.items() if works),
            frozenset(day for day, works in days.items() if not works),
            frozenset(known),
        )

    def works(self, first: date, count: int) -> NDArray[np.bool_]:
        """Per day (count,) from `first` on, is it worked?"""
        working = weekdays(first, count)
        for days, answer in ((self.worked, True), (self.off, False)):
            place = np.array([day.toordinal() for day in days], dtype=np.int64) - first.toordinal()
            working[place[(place >= 0) & (place < count)]] = answer
        return working


def weekdays(first: date, count: int) -> NDArray[np.bool_]:
    """Per day (count,) from `first` on, is it Monday to Friday?"""
    return (np.arange(count) + first.weekday()) % 7 < 5
