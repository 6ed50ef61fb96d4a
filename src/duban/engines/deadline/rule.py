"""How much time there is, and what time counts."""

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UNITS = ("working_hours", "working_days", "hours", "days")
DAY_MINUTES = 24 * 60
# Ten years of each unit but working hours, by 250 working days a year: more is a slip of the pen, not a deadline.
_YEARS = 10
_LIMIT = {"working_days": 250 * _YEARS, "hours": 24 * 365 * _YEARS, "days": 365 * _YEARS}

Workday = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """`amount` of `unit`; `workday` holds a working day's opening times as (from, to) in minutes of the day.

    Hours and days go by the clock and need no `workday`. Raises ValueError, saying what is wrong.
    """

    id: str
    amount: int
    unit: str
    workday: Workday
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"Rule {self.id}: the unit is {self.unit!r}, not one of {', '.join(UNITS)}.")
        if isinstance(self.amount, bool) or not isinstance(self.amount, int) or self.amount <= 0:
            raise ValueError(f"Rule {self.id}: the amount is {self.amount!r}, not a whole number above 0.")
        object.__setattr__(self, "workday", tuple((begin, end) for begin, end in self.workday))
        before = 0
        for begin, end in self.workday:
            if not 0 <= begin < end <= DAY_MINUTES:
                raise ValueError(f"Rule {self.id}: {_clock(begin)}-{_clock(end)} is no opening time within a day.")
            if begin < before:
                raise ValueError(f"Rule {self.id}: opening times overlap or are out of order at {_clock(begin)}.")
            before = end
        if self.counts_work and not self.workday:
            raise ValueError(f"Rule {self.id}: {self.unit} need opening times, and there are none.")
        if self.amount >= self._limit:
            raise ValueError(f"Rule {self.id}: {self.amount} {self.unit} are ten years or more.")
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"Rule {self.id}: {self.zone!r} is no time zone.") from None

    @property
    def counts_work(self) -> bool:
        return self.unit.startswith("working")

    @property
    def _limit(self) -> float:
        if self.unit == "working_hours":
            return _LIMIT["working_days"] * sum(end - begin for begin, end in self.workday) / 60
        return _LIMIT[self.unit]


def read_workday(text: str) -> Workday:
    """Opening times as an office writes them, `08:30-12:00 13:30-17:30`; raises ValueError if they are not."""
    windows = []
    for part in text.split():
        found = re.fullmatch(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})", part, re.ASCII)
        if not found:
            raise ValueError(f"{part!r} is no opening time; write it as 08:30-12:00.")
        hour, minute, to_hour, to_minute = map(int, found.groups())
        begin, end = hour * 60 + minute, to_hour * 60 + to_minute
        if minute > 59 or to_minute > 59 or not begin < end <= DAY_MINUTES:
            raise ValueError(f"{part!r} is no opening time within a day.")
        windows.append((begin, end))
    return tuple(windows)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
