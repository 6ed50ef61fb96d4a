"""Deadlines worked out by hand; the phone is held to the same file."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from duban.engines.deadline import REASONS, VERSION, Calendar, Rule, due, due_one

DATA = json.loads((Path(__file__).parent / "cases" / "china.json").read_text(encoding="utf-8"))
CALENDAR = Calendar.build({date.fromisoformat(day): works for day, works in DATA["calendar"].items()})


def _time(text):
    return None if text is None else datetime.fromisoformat(text)


def _rule(case):
    return Rule("case", case["amount"], case["unit"], DATA["workday"], DATA["zone"])


def _pauses(case):
    return [(_time(begin), _time(end)) for begin, end in case["pauses"]]


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: case["name"])
def test_case(case):
    found = due_one(_time(case["start"]), _rule(case), CALENDAR, _pauses(case))
    assert (found.due, found.provisional) == (_time(case["due"]), case["provisional"])
    assert found.version == VERSION
    assert set(found.reasons) <= REASONS.keys()
    assert found.due is None or found.due.tzinfo is UTC


@pytest.mark.parametrize("unit", ["working_hours", "working_days", "hours"])
def test_many_at_once_are_as_one_by_one(unit):
    cases = [case for case in DATA["cases"] if case["unit"] == unit]
    rule = _rule(cases[0])
    starts, pauses = [_time(case["start"]) for case in cases], [_pauses(case) for case in cases]
    found = due(starts, rule, CALENDAR, pauses)
    alone = [due_one(start, rule, CALENDAR, own) for start, own in zip(starts, pauses, strict=True)]
    assert list(found.due) == [one.due for one in alone]
    assert list(found.provisional) == [one.provisional for one in alone]
    assert list(found.reasons) == [one.reasons for one in alone]


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("Friday evening runs from Monday's opening", ("runs_from_opening",)),
        ("Spring Festival: one working day before it ends after it", ("holiday_skipped",)),
        ("a make-up Sunday counts, by days", ("makeup_day_counted",)),
        ("a hold across the holiday, by the clock", ("paused",)),
        ("a hold overnight changes no working hours", ("pause_without_effect",)),
        ("while a hold lasts there is no deadline", ("held",)),
        ("a year that is not known, by days", ("year_unknown",)),
        ("hours by the clock know no holiday", ()),
    ],
)
def test_it_says_why(name, reasons):
    (case,) = (case for case in DATA["cases"] if case["name"] == name)
    assert due_one(_time(case["start"]), _rule(case), CALENDAR, _pauses(case)).reasons == reasons
