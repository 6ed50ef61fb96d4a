"""Of which area and day something is told, and how days are written in a text."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from duban.places import queries as places

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
NEWS_DAYS = 7
"""What is older is no news of the day."""


@dataclass(frozen=True)
class Sight:
    """The page of a day: what was known of the area when it ended. `now` is for what anybody may read only now."""

    area: str
    day: date
    now: datetime

    @property
    def end(self) -> datetime:
        """The first moment after the day, by the office's clock."""
        return datetime.combine(self.day + timedelta(days=1), time(), timezone.get_default_timezone())

    @property
    def first(self) -> date:
        """The first day that is still news."""
        return self.day - timedelta(days=NEWS_DAYS - 1)

    @property
    def start(self) -> datetime:
        return datetime.combine(self.first, time(), timezone.get_default_timezone())

    @property
    def place(self) -> str:
        return places.names([self.area]).get(self.area, self.area)

    def day_zh(self, day: date) -> str:
        year = f"{day.year}年" if day.year != self.day.year else ""
        return f"{year}{day.month}月{day.day}日"

    def day_en(self, day: date) -> str:
        year = f" {day.year}" if day.year != self.day.year else ""
        return f"{day.day} {MONTHS[day.month - 1]}{year}"

    def days_zh(self, since: date, until: date) -> str:
        if since == until:
            return self.day_zh(since)
        month = f"{until.month}月" if (until.year, until.month) != (since.year, since.month) else ""
        return f"{self.day_zh(since)}至{month}{until.day}日"

    def days_en(self, since: date, until: date) -> str:
        if since == until:
            return f"On {self.day_en(since)}"
        first = f"{since.day}" if (until.year, until.month) == (since.year, since.month) else self.day_en(since)
        return f"From {first} to {self.day_en(until)}"


def half_of_day(moment: datetime) -> tuple[str, str]:
    """上午, in the morning: of the office's clock."""
    hour = timezone.localtime(moment).hour
    if hour < 12:
        return "上午", "in the morning"
    return ("下午", "in the afternoon") if hour < 18 else ("晚", "in the evening")


def written_list(words: list[str]) -> str:
    """In English: A, B and C."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
