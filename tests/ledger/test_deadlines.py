"""Deadlines: by the rule of category and area at the day, provisional without a calendar, set anew with it."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command

from duban.access.models import Person
from duban.core.audit import Console
from duban.core.errors import DubanError
from duban.demo.builders import make_finding
from duban.ledger import actions, deadlines, history, recording
from duban.ledger.categories import category_index
from duban.ledger.models import CalendarDay, Counter, DeadlineRule, Entry

MONDAY = datetime(2021, 1, 18, 2, 0, tzinfo=UTC)
FAR = datetime(2031, 1, 20, 2, 0, tzinfo=UTC)
"""10:00 in Beijing of a Monday of a year that no calendar is published for."""


def assigned_at(people: dict[str, Person], moment: datetime, seed: int = 1, **facts: Any) -> Entry:
    finding = make_finding(seed, found_at=moment, **facts)
    entry = recording.record_finding(by=people["inspector"], now=moment, finding=finding).entry
    common: dict[str, Any] = {"by": people["supervisor"], "now": moment, "entry_id": entry.id}
    actions.list_entry(**common)
    return actions.assign_entry(**common)


def rule_changed() -> None:
    Counter.objects.get_or_create(pk="deadlines")
    counter = Counter.objects.get(pk="deadlines")
    counter.value += 1
    counter.save()


@pytest.mark.parametrize(
    ("code", "due"),
    [
        ("06010", datetime(2021, 1, 19, 9, 30, tzinfo=UTC)),
        ("06042", datetime(2021, 1, 18, 7, 30, tzinfo=UTC)),
        ("06012", datetime(2021, 1, 18, 8, 30, tzinfo=UTC)),
        ("component:01002", datetime(2021, 1, 19, 2, 0, tzinfo=UTC)),
    ],
)
def test_each_category_has_its_time(code: str, due: datetime, people: dict[str, Person]) -> None:
    entry = assigned_at(people, MONDAY, category=category_index()[code])
    assert (entry.due_at, entry.due_provisional) == (due, False)
    assert entry.deadline_rule.startswith("cn-")


def test_spring_festival_is_no_working_time(people: dict[str, Person]) -> None:
    """Wednesday 10 February 2021, 17:00: the holiday takes a week, and Saturday the 20th is made up."""
    entry = assigned_at(people, datetime(2021, 2, 10, 9, 0, tzinfo=UTC))
    assert entry.due_at == datetime(2021, 2, 18, 9, 30, tzinfo=UTC)


def test_the_nearest_area_and_the_newest_rule_decide_and_old_entries_keep_theirs(people: dict[str, Person]) -> None:
    before = assigned_at(people, MONDAY)
    common = {"kind": "event", "code": "06010", "workday": "08:30-12:00 13:30-17:30", "unit": "hours"}
    common |= {"dispatch_hours": 2, "verify_hours": 8, "lookback_days": 30}
    DeadlineRule.objects.create(rule="district", area="110112", amount=7, effective_from=date(2021, 1, 1), **common)
    DeadlineRule.objects.create(rule="later", area="110112", amount=5, effective_from=date(2021, 3, 1), **common)
    DeadlineRule.objects.create(rule="elsewhere", area="110113", amount=1, effective_from=date(2021, 1, 1), **common)
    rule_changed()
    then = assigned_at(people, MONDAY, seed=2)
    after = assigned_at(people, MONDAY + timedelta(days=70), seed=3)
    assert [entry.deadline_rule for entry in (before, then, after)] == ["cn-06010-1", "district", "later"]
    assert then.due_at == MONDAY + timedelta(hours=7)
    held = actions.hold_entry(by=people["supervisor"], now=MONDAY, entry_id=before.id, reason="下雪")
    resumed = actions.resume_entry(by=people["supervisor"], now=MONDAY + timedelta(hours=1), entry_id=held.id)
    assert resumed.deadline_rule == "cn-06010-1"


def test_a_year_without_a_calendar_is_provisional_until_it_is_loaded(people: dict[str, Person]) -> None:
    entry, granted = assigned_at(people, FAR), assigned_at(people, FAR, seed=2)
    assert (entry.due_provisional, entry.due_at) == (True, datetime(2031, 1, 21, 9, 30, tzinfo=UTC))
    until = FAR + timedelta(days=9)
    actions.ask_extension(by=people["handler"], now=FAR, entry_id=granted.id, until=until, reason="下雪")
    actions.grant_extension(by=people["supervisor"], now=FAR, entry_id=granted.id)
    data = b"date,working\n2031-01-21,0\n2031/1/22,0\n"
    assert deadlines.load_calendar(by=Console(), now=FAR, data=data, name="2031.csv") == (2, 1)
    entry.refresh_from_db()
    granted.refresh_from_db()
    assert (entry.due_provisional, entry.due_at) == (False, datetime(2031, 1, 23, 9, 30, tzinfo=UTC))
    assert (entry.events.last().action, granted.due_at) == ("redate", until)  # type: ignore[union-attr]
    assert deadlines.load_calendar(by=Console(), now=FAR, data=data, name="2031.csv") == (2, 0)
    assert list(history.verify_events()) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("date,working\n2031-13-01,0\n", "bad_date"),
        ("date,working\n2031-01-01,maybe\n", "bad_working"),
        ("date,working\n2031-01-01,0\n,1\n", "bad_date"),
        ("date,working\n", "no_days"),
        ("day,working\n2031-01-01,0\n", "columns_missing"),
        ("", "file_empty"),
    ],
)
def test_a_bad_calendar_changes_nothing(text: str, code: str, db: None) -> None:
    days = CalendarDay.objects.count()
    with pytest.raises(DubanError) as refusal:
        deadlines.load_calendar(by=Console(), now=FAR, data=text.encode(), name="calendar.csv")
    assert refusal.value.code == code
    assert CalendarDay.objects.count() == days


def test_the_built_in_rules_come_twice_as_once_and_leave_what_the_office_loaded(db: None) -> None:
    CalendarDay.objects.create(date=date(2031, 1, 1), working=False)
    known = (DeadlineRule.objects.count(), CalendarDay.objects.count())
    deadlines.load_reference()
    assert (DeadlineRule.objects.count(), CalendarDay.objects.count()) == known


def test_the_command_says_how_many_days_it_took(db: None, tmp_path: Any, capsys: Any) -> None:
    file = tmp_path / "2031.csv"
    file.write_text("date,working\n2031-01-01,0\n", encoding="utf-8")
    call_command("load_calendar", file)
    assert capsys.readouterr().out.splitlines()[-1] == "1"


def test_what_falls_due_after_striking_off_is_the_look_back(
    people: dict[str, Person], entry_in: Callable[[str], Entry]
) -> None:
    entry = entry_in("closed")
    assert entry.lookback_due_at == entry.closed_at + timedelta(days=30)  # type: ignore[operator]
