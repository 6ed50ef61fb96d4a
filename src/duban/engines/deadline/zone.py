"""A time zone as arrays: instants to the wall clock and back. All times in microseconds since 1970."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Micros = NDArray[np.int64]

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wall:
    """The regimes of a zone: regime i holds from the instant `since[i]`, its wall clock `offset[i]` ahead of UTC."""

    since: Micros
    offset: Micros

    @classmethod
    def of(cls, zone: str, first: int, last: int) -> "Wall":
        """The regimes between two instants."""
        info = ZoneInfo(zone)

        def offset(instant: int) -> int:
            ahead = (EPOCH + timedelta(microseconds=instant)).astimezone(info).utcoffset()
            return (ahead or timedelta()) // timedelta(microseconds=1)

        since, offsets = [first], [offset(first)]
        # No zone changes its clock twice within a day.
        for instant in range(first, last, DAY):
            low, high = instant, instant + DAY
            after = offset(high)
            if after != offsets[-1]:
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (low, middle) if offset(middle) == after else (middle, high)
                since.append(high)
                offsets.append(after)
        return cls(np.array(since, dtype=np.int64), np.array(offsets, dtype=np.int64))

    def instant(self, wall: Micros) -> Micros:
        """When the wall clock shows `wall`: the first time if it does so twice, the leap if it leaps over it.

        Never falls as `wall` rises.
        """
        ends = np.append(self.since[1:] + self.offset[:-1], np.iinfo(np.int64).max)
        regime = np.searchsorted(np.maximum.accumulate(ends), wall, side="right")
        return np.maximum(wall - self.offset[regime], self.since[regime])

    def stretches(self, until: int) -> tuple[Micros, Micros, Micros]:
        """Stretches of time in which the wall clock shows what it never showed before: from, to, shown at first."""
        end = np.append(self.since[1:], until)
        shown = np.maximum.accumulate(end + self.offset)
        before = np.append(np.iinfo(np.int64).min // 2, shown[:-1])
        begin = np.maximum(self.since, before - self.offset)
        some = begin < end
        return begin[some], end[some], (begin + self.offset)[some]
