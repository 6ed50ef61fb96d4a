from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from duban.engines.deadline import Calendar, Rule, due, due_one, elapsed, read_workday

OFFICE = read_workday("08:30-12:00 13:30-17:30")
START = datetime(2021, 1, 20, 9, 0, tzinfo=UTC)
NONE = Calendar.build({})
HOUR = Rule("hour", 1, "working_hours", OFFICE)


@pytest.mark.parametrize(
    ("amount", "unit", "workday", "zone", "says"),
    [
        (0, "days", OFFICE, "UTC", "above 0"),
        (-1, "hours", OFFICE, "UTC", "above 0"),
        (1.5, "hours", OFFICE, "UTC", "whole number"),
        (True, "hours", OFFICE, "UTC", "whole number"),
        (1, "weeks", OFFICE, "UTC", "unit is 'weeks'"),
        (1, "working_hours", (), "UTC", "need opening times"),
        (1, "working_days", ((600, 600),), "UTC", "no opening time"),
        (1, "working_days", ((600, 1500),), "UTC", "no opening time"),
        (1, "working_days", ((510, 720), (700, 800)), "UTC", "overlap"),
        (1, "working_days", ((810, 1050), (510, 720)), "UTC", "out of order"),
        (3650, "days", OFFICE, "UTC", "ten years"),
        (87_600, "hours", OFFICE, "UTC", "ten years"),
        (2500, "working_days", OFFICE, "UTC", "ten years"),
        (18_750, "working_hours", OFFICE, "UTC", "ten years"),
        (1, "days", OFFICE, "Asia/Tongzhou", "no time zone"),
        (1, "days", OFFICE, "../etc/passwd", "no time zone"),
    ],
)
def test_a_rule_that_is_none(amount, unit, workday, zone, says):
    with pytest.raises(ValueError, match=says):
        Rule("r", amount, unit, workday, zone)


@pytest.mark.parametrize("text", ["8.30-12.00", "12:00-08:30", "08:70-12:00", "08:30-25:00", "morning", "08:30–12:00"])
def test_opening_times_that_are_none(text):
    with pytest.raises(ValueError, match="no opening time"):
        read_workday(text)


def test_opening_times_as_an_office_writes_them():
    assert read_workday(" 8:30-12:00  13:30-24:00 ") == ((510, 720), (810, 1440))


@pytest.mark.parametrize(
    ("starts", "pauses", "says"),
    [
        ([datetime(2021, 1, 20, 9, 0)], None, "no time zone"),  # noqa: DTZ001
        ([date(2021, 1, 20)], None, "not a date and time"),
        ([datetime(1620, 1, 20, tzinfo=UTC)], None, "between the years"),
        (np.array(["NaT"], dtype="datetime64[us]"), None, "no time"),
        ([START], [[], []], "1 starts and the pauses of 2"),
        ([START], [[(START, datetime(2021, 1, 19, tzinfo=UTC))]], "ends before it begins"),
        ([START], [[(datetime(2021, 1, 20), None)]], "pause's begin 0"),  # noqa: DTZ001
    ],
)
def test_times_that_are_none(starts, pauses, says):
    with pytest.raises(ValueError, match=says):
        due(starts, HOUR, NONE, pauses)


def test_time_between_needs_pairs_in_order():
    with pytest.raises(ValueError, match="before its start"):
        elapsed([START], [datetime(2021, 1, 19, tzinfo=UTC)], HOUR, NONE)
    with pytest.raises(ValueError, match="1 starts and 0 ends"):
        elapsed([START], [], HOUR, NONE)


def test_a_calendar_holds_days():
    with pytest.raises(ValueError, match="holds days"):
        Calendar.build({START: True})


def test_a_calendar_without_working_days():
    off = {date.fromordinal(day): False for day in range(date(2020, 1, 1).toordinal(), date(2060, 1, 1).toordinal())}
    for unit in ("working_hours", "working_days"):
        with pytest.raises(ValueError, match="too few working days"):
            due_one(START, Rule("r", 1, unit, OFFICE), Calendar.build(off))


def test_a_pause_that_goes_on_lasts_to_the_end_of_the_time_between():
    rule = Rule("r", 1, "hours", ())
    later = datetime(2021, 1, 20, 12, 0, tzinfo=UTC)
    held = [[(datetime(2021, 1, 20, 10, 0, tzinfo=UTC), None)]]
    assert list(elapsed([START], [later], rule, NONE, held)) == [60.0]


def test_seconds_are_kept():
    found = due_one(datetime(2021, 1, 20, 1, 0, 0, 7, tzinfo=UTC), HOUR, NONE).due
    assert found == datetime(2021, 1, 20, 2, 0, 0, 7, tzinfo=UTC)


NEW_YORK = ZoneInfo("America/New_York")
NIGHT = ((0, 240),)
SPLIT = ((130, 170), (180, 240))


@pytest.mark.parametrize(
    ("unit", "workday", "start", "expected"),
    [
        # The same time of day, though the night had 23 or 25 hours.
        ("days", (), datetime(2021, 3, 13, 12, tzinfo=NEW_YORK), datetime(2021, 3, 14, 16, tzinfo=UTC)),
        ("days", (), datetime(2021, 11, 6, 12, tzinfo=NEW_YORK), datetime(2021, 11, 7, 17, tzinfo=UTC)),
        # 02:30 is leapt over: the deadline is the leap.
        ("days", (), datetime(2021, 3, 13, 2, 30, tzinfo=NEW_YORK), datetime(2021, 3, 14, 7, tzinfo=UTC)),
        # 01:30 comes twice: the first one.
        ("days", (), datetime(2021, 11, 6, 1, 30, tzinfo=NEW_YORK), datetime(2021, 11, 7, 5, 30, tzinfo=UTC)),
        # A night shift of Sunday 00:00-04:00 had three hours only.
        ("working_hours", NIGHT, datetime(2021, 3, 14, tzinfo=NEW_YORK), datetime(2021, 3, 15, 5, tzinfo=UTC)),
        # A window that lies wholly in the leap holds nothing.
        ("working_hours", SPLIT, datetime(2021, 3, 14, tzinfo=NEW_YORK), datetime(2021, 3, 14, 8, tzinfo=UTC)),
        ("working_days", OFFICE, datetime(2021, 3, 13, 12, tzinfo=NEW_YORK), datetime(2021, 3, 14, 21, 30, tzinfo=UTC)),
    ],
)
def test_where_clocks_change(unit, workday, start, expected):
    amount = {"days": 1, "working_days": 1, "working_hours": 4 if workday == NIGHT else 1}[unit]
    calendar = Calendar.build({date(2021, 3, 14): True})
    assert due_one(start, Rule("r", amount, unit, workday, "America/New_York"), calendar).due == expected


def test_where_a_day_was_left_out():
    apia = ZoneInfo("Pacific/Apia")
    start = datetime(2011, 12, 29, 12, tzinfo=apia)
    found = due_one(start, Rule("r", 2, "days", (), "Pacific/Apia"), NONE).due
    assert found == datetime(2011, 12, 31, 12, tzinfo=apia)
