"""The built-in calendar and deadline rules against those who publish them and the engine that reads them."""

import csv
from datetime import date, timedelta
from pathlib import Path

import chinese_calendar
from chinese_calendar.constants import holidays, workdays

import duban.ledger
from duban.engines.deadline import UNITS, Calendar, Rule, read_workday

REFERENCE = Path(duban.ledger.__file__).parent / "reference"


def _rows(name):
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_day_is_as_the_holidays_were_announced():
    rows = _rows("calendar.csv")
    days = {date.fromisoformat(row["date"]): row["working"] == "1" for row in rows}
    assert len(days) == len(rows)
    assert {row["working"] for row in rows} == {"0", "1"}
    assert list(days) == sorted(days)
    calendar = Calendar.build(days)
    announced = {day.year for day in [*holidays, *workdays]}
    assert calendar.years == announced
    for year in announced:
        first = date(year, 1, 1)
        count = (date(year + 1, 1, 1) - first).days
        works = [chinese_calendar.is_workday(first + k * timedelta(days=1)) for k in range(count)]
        assert calendar.works(first, count).tolist() == works, year


def test_only_exceptions_and_new_years_days_are_listed():
    for row in _rows("calendar.csv"):
        day = date.fromisoformat(row["date"])
        assert (day.weekday() < 5) != (row["working"] == "1") or (day.month, day.day) == (1, 1), day


def test_every_category_has_a_rule_and_so_has_what_has_none():
    rules = _rows("deadline_rules.csv")
    assert len({row["rule"] for row in rules}) == len(rules)
    covered = [(row["kind"], row["code"]) for row in rules if not row["area"]]
    assert sorted(covered) == sorted([("", "")] + [(row["kind"], row["code"]) for row in _rows("categories.csv")])


def test_every_rule_can_be_read():
    for row in _rows("deadline_rules.csv"):
        assert row["unit"] in UNITS
        workday = read_workday(row["workday"])
        Rule(row["rule"], int(row["amount"]), row["unit"], workday)
        Rule(row["rule"], int(row["dispatch_hours"]), "working_hours", workday)
        Rule(row["rule"], int(row["verify_hours"]), "working_hours", workday)
        assert int(row["lookback_days"]) > 0
        assert date.fromisoformat(row["effective_from"]) == date(1990, 1, 1)
