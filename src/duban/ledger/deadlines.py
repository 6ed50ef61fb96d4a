"""Which deadline rule an entry runs under, what it comes to by the calendar, and loading both.

Rules and calendar are read once per process; the counter `deadlines` says when they have changed.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.core import audit
from duban.core.errors import DubanError
from duban.core.tables import parse_moment, read_table
from duban.engines.deadline import Calendar, Rule, due, due_one, read_workday
from duban.ledger.appending import append
from duban.ledger.counters import count_up, value_of
from duban.ledger.models import CalendarDay, Category, DeadlineRule, Entry, Unit

REFERENCE = Path(__file__).parent / "reference"
VERSION_KEY = "deadlines"
BATCH = 500


class BadCalendar(DubanError):
    pass


@dataclass(frozen=True)
class Deadline:
    """`due_at` None: it stands still."""

    rule: str
    due_at: datetime | None
    provisional: bool

    def columns(self, *, runs_from: datetime) -> dict[str, Any]:
        """The entry's columns that a deadline sets when it begins to run."""
        return {
            "due_at": self.due_at,
            "due_provisional": self.provisional,
            "deadline_rule": self.rule,
            "runs_from": runs_from,
            "pauses": [],
        }


@dataclass(frozen=True)
class Book:
    """The rules, the most particular first, and the calendar, as they stand at one version."""

    rules: tuple[DeadlineRule, ...]
    calendar: Calendar

    def rule_for(self, category: Category, area: str, day: date) -> DeadlineRule:
        """The rule in force on the day: by category before by kind before for all, the nearest area, the newest."""
        for rule in self.rules:
            if (
                rule.kind in ("", category.kind)
                and rule.code in ("", category.code)
                and area.startswith(rule.area)
                and rule.effective_from <= day
            ):
                return rule
        raise DubanError("no_deadline_rule", _("No deadline rule covers this category; run `duban migrate`."))


def book() -> Book:
    return _read_book(value_of(VERSION_KEY))


@lru_cache(maxsize=2)
def _read_book(_version: int) -> Book:
    rules = sorted(
        DeadlineRule.objects.all(),
        key=lambda rule: (bool(rule.code), bool(rule.kind), len(rule.area), rule.effective_from),
        reverse=True,
    )
    return Book(tuple(rules), Calendar.build(dict(CalendarDay.objects.values_list("date", "working"))))


def _changed() -> None:
    count_up(VERSION_KEY)
    _read_book.cache_clear()


def _local_day(moment: datetime) -> date:
    return timezone.localtime(moment).date()


def _engine_rule(rule: DeadlineRule) -> Rule:
    return Rule(rule.rule, rule.amount, rule.unit, read_workday(rule.workday), settings.TIME_ZONE)


def deadlines_of(cases: Sequence[tuple[Category, str, datetime]]) -> list[Deadline]:
    """The deadline of each (category, area, start); one call of the engine per rule, however many cases."""
    now = book()
    groups: dict[str, tuple[DeadlineRule, list[int]]] = {}
    for index, (category, area, start) in enumerate(cases):
        rule = now.rule_for(category, area, _local_day(start))
        groups.setdefault(rule.rule, (rule, []))[1].append(index)
    found: dict[int, Deadline] = {}
    for rule, which in groups.values():
        answer = due([cases[index][2] for index in which], _engine_rule(rule), now.calendar)
        for index, moment, provisional in zip(which, answer.due, answer.provisional, strict=True):
            found[index] = Deadline(rule.rule, moment, bool(provisional))
    return [found[index] for index in range(len(cases))]


def deadline_of(entry: Entry, start: datetime) -> Deadline:
    return deadlines_of([(entry.category, entry.jurisdiction, start)])[0]


def deadline_with_pauses(entry: Entry, pauses: Sequence[Sequence[str | None]]) -> Deadline:
    """The deadline that began to run at `runs_from` under the entry's own rule, pushed back by its holds."""
    now = book()
    start = entry.runs_from or entry.found_at
    rule = next((rule for rule in now.rules if rule.rule == entry.deadline_rule), None)
    rule = rule or now.rule_for(entry.category, entry.jurisdiction, _local_day(start))
    holds = [
        (datetime.fromisoformat(str(begin)), datetime.fromisoformat(end) if end else None) for begin, end in pauses
    ]
    answer = due_one(start, _engine_rule(rule), now.calendar, holds)
    return Deadline(rule.rule, answer.due, bool(answer.provisional))


def working_hours_after(entry: Entry, start: datetime, column: str) -> datetime | None:
    """The moment so many working hours after `start` as the entry's rule says in `column`."""
    now = book()
    rule = now.rule_for(entry.category, entry.jurisdiction, _local_day(start))
    engine = Rule(rule.rule, getattr(rule, column), Unit.WORKING_HOURS, read_workday(rule.workday), settings.TIME_ZONE)
    return due_one(start, engine, now.calendar).due


def lookback_days(entry: Entry, start: datetime) -> int:
    return book().rule_for(entry.category, entry.jurisdiction, _local_day(start)).lookback_days


def load_reference() -> None:
    """Write the built-in rules and calendar; idempotent, and what was loaded by the office stays."""
    rules = [DeadlineRule(**row) for row in _rows("deadline_rules.csv")]
    days = [CalendarDay(date=row["date"], working=row["working"] == "1") for row in _rows("calendar.csv")]
    known = (DeadlineRule.objects.count(), CalendarDay.objects.count())
    DeadlineRule.objects.bulk_create(rules, ignore_conflicts=True)
    CalendarDay.objects.bulk_create(days, ignore_conflicts=True, batch_size=500)
    if known != (DeadlineRule.objects.count(), CalendarDay.objects.count()):
        _changed()


def _rows(name: str) -> list[dict[str, str]]:
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def load_calendar(*, by: audit.Actor, now: datetime, data: bytes, name: str) -> tuple[int, int]:
    """Take the days of a file (columns date, working) and compute provisional deadlines again.

    Returns how many days were written and how many deadlines moved or became certain. All or none: BadCalendar names
    the row (`bad_date`, `bad_working`, `no_days`).
    """
    days: dict[date, bool] = {}
    for row in read_table(data, name, required=("date", "working"))[1]:
        moment = parse_moment(row.text("date"))
        if moment is None or not 1900 < moment.year < 2200:
            raise BadCalendar("bad_date", _("A date is written 2027-02-17."), field="date", row=row.number)
        day = moment.date()
        word = row.text("working").lower()
        if word not in _WORKING:
            raise BadCalendar(
                "bad_working", _("working is 1 for a day of work and 0 for a day off."), field="working", row=row.number
            )
        days[day] = _WORKING[word]
    if not days:
        raise BadCalendar("no_days", _("The file holds no day."))
    with transaction.atomic():
        CalendarDay.objects.bulk_create(
            [CalendarDay(date=day, working=working) for day, working in days.items()],
            update_conflicts=True,
            unique_fields=["date"],
            update_fields=["working"],
            batch_size=500,
        )
        _changed()
        audit.record(
            by=by, now=now, action="load_calendar", subject_type="calendar", subject_id=name, detail={"days": len(days)}
        )
        moved = sum(_redate(entry, by=by, now=now) for entry in _provisional())
    return len(days), moved


_WORKING = {"1": True, "true": True, "yes": True, "是": True, "0": False, "false": False, "no": False, "否": False}


def _provisional() -> Iterable[Entry]:
    """Entries whose deadline is provisional and runs, locked a batch at a time."""
    last = None
    while True:
        found = Entry.objects.select_related("category").select_for_update(of=("self",)).filter(due_provisional=True)
        found = found.filter(state__in=("assigned", "remedied"))
        batch = list((found.filter(pk__gt=last) if last else found).order_by("pk")[:BATCH])
        if not batch:
            return
        yield from batch
        last = batch[-1].pk


def _redate(entry: Entry, *, by: audit.Actor, now: datetime) -> bool:
    again = deadline_with_pauses(entry, entry.pauses)
    if (again.due_at, again.provisional) == (entry.due_at, entry.due_provisional):
        return False
    append(entry, "redate", by=by, now=now, changes={"due_at": again.due_at, "due_provisional": again.provisional})
    return True
