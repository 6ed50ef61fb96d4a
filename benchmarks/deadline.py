"""Deadlines: Duban's arrays against the loop that an office writes with chinesecalendar.

    python benchmarks/deadline.py [--starts 100000] [--repeat 3] [--seed 192]

Both sides get the same seeded starts of eleven years and their holds, as aware datetimes in lists, and give a list of
UTC datetimes: one rule of five working hours, one of three working days. The peer goes from day to day for each
start and asks chinesecalendar whether it is worked; we read the days from our own file within the time, and keep
nothing from one turn to the next. Sides take turns, and the median counts.
"""

import argparse
import csv
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import chinese_calendar
import numpy as np

import duban
from duban.engines.deadline import Calendar, Rule, due, read_workday
from duban.engines.deadline.table import table

DAYS = Path(duban.__file__).parent / "ledger" / "reference" / "calendar.csv"
ZONE = ZoneInfo("Asia/Shanghai")
OFFICE = read_workday("08:30-12:00 13:30-17:30")
HOURS = Rule("hours", 5, "working_hours", OFFICE)
DAYS_RULE = Rule("days", 3, "working_days", OFFICE)
FIRST, YEARS = datetime(2014, 1, 1, tzinfo=ZONE), 11
HELD = 0.3

Hold = tuple[datetime, datetime]


def make_starts(count: int, random: np.random.Generator) -> tuple[list[datetime], list[list[Hold]]]:
    """Starts at any second, day and night; three in ten are held once or twice, from minutes to weeks."""
    starts = [FIRST + timedelta(seconds=int(second)) for second in random.integers(0, YEARS * 365 * 86_400, count)]
    holds: list[list[Hold]] = []
    for start, times in zip(
        starts, np.where(random.random(count) < HELD, random.integers(1, 3, count), 0), strict=True
    ):
        own, at = [], start
        for _ in range(times):
            begin = at + timedelta(seconds=int(random.integers(0, 2 * 86_400)))
            at = begin + timedelta(seconds=int(random.lognormal(11, 1.5)))
            own.append((begin, at))
        holds.append(own)
    return starts, holds


def ours(starts: list[datetime], holds: list[list[Hold]], rule: Rule) -> list[datetime]:
    table.cache_clear()
    with DAYS.open(encoding="utf-8", newline="") as file:
        calendar = Calendar.build(
            {date.fromisoformat(row["date"]): row["working"] == "1" for row in csv.DictReader(file)}
        )
    return [moment for moment in due(starts, rule, calendar, holds).due if moment is not None]


def by_hours(start: datetime, holds: list[Hold], amount: int) -> datetime:
    """From one opening time to the next, leaving out what is held, until the hours are used up."""
    left, day = timedelta(hours=amount), start.date()
    while True:
        if chinese_calendar.is_workday(day):
            midnight = datetime(day.year, day.month, day.day, tzinfo=ZONE)
            for opening, closing in OFFICE:
                at = max(start, midnight + timedelta(minutes=opening))
                end = midnight + timedelta(minutes=closing)
                for begin, until in holds:
                    if begin < end and until > at:
                        if begin - at >= left:
                            break
                        left -= max(begin - at, timedelta())
                        at = until
                if at < end:
                    if end - at >= left:
                        return (at + left).astimezone(UTC)
                    left -= end - at
        day += timedelta(days=1)


def by_days(start: datetime, holds: list[Hold], amount: int) -> datetime:
    """From day to day, leaving out the first and those that are held in working time, to the close of the last."""
    left, day = amount, start.date()
    while left:
        day += timedelta(days=1)
        if chinese_calendar.is_workday(day):
            midnight = datetime(day.year, day.month, day.day, tzinfo=ZONE)
            for opening, closing in OFFICE:
                at, end = midnight + timedelta(minutes=opening), midnight + timedelta(minutes=closing)
                if any(begin < end and until > at and begin < until for begin, until in holds):
                    break
            else:
                left -= 1
    return end.astimezone(UTC)


def office(starts: list[datetime], holds: list[list[Hold]], rule: Rule) -> list[datetime]:
    one: Callable[[datetime, list[Hold], int], datetime] = by_hours if rule is HOURS else by_days
    return [one(start, own, rule.amount) for start, own in zip(starts, holds, strict=True)]


def main() -> int:
    parser = argparse.ArgumentParser(description="Deadlines, against a day-by-day loop with chinesecalendar.")
    parser.add_argument("--starts", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=192)
    options = parser.parse_args()

    starts, holds = make_starts(options.starts, np.random.default_rng(options.seed))
    print(f"{options.starts:,} starts, {sum(map(len, holds)):,} holds")
    sides = {"ours": ours, "chinesecalendar": office}
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for rule in (HOURS, DAYS_RULE):
        times: dict[str, list[float]] = {name: [] for name in sides}
        answers: dict[str, list[datetime]] = {}
        for _ in range(options.repeat):
            for name, run in sides.items():
                began = time.perf_counter()
                answers[name] = run(starts, holds, rule)
                times[name].append(time.perf_counter() - began)
        assert answers["ours"] == answers["chinesecalendar"], f"{rule.id}: the deadlines differ"
        for name, taken in times.items():
            median = statistics.median(taken)
            rates[name].append(median)
            print(f"{rule.amount} {rule.unit}, {name}: {median:.3f} s, of {', '.join(f'{one:.3f}' for one in taken)}")

    rate = {name: len(rates[name]) * options.starts / sum(rates[name]) for name in sides}
    print(
        json.dumps(
            {
                "name": "deadline",
                "ours": round(rate["ours"]),
                "peers": {"chinesecalendar": round(rate["chinesecalendar"])},
                "ratio": {"chinesecalendar": round(rate["ours"] / rate["chinesecalendar"], 2)},
                "unit": "deadlines/s",
                "same": True,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
