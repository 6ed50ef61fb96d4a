"""What must hold of every deadline, and a plain minute-by-minute count that must give the same."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from duban.engines.deadline import Calendar, Rule, due, due_one, elapsed, read_workday

ZONE = ZoneInfo("Asia/Shanghai")
BASE = datetime(2021, 1, 25, tzinfo=ZONE)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
OFFICE = read_workday("08:30-12:00 13:30-17:30")

# Minutes from BASE: five weeks, which hold the Spring Festival if the drawn calendar has it.
moment = st.integers(0, 35 * 1440)
length = st.integers(0, 4 * 1440)
span = st.tuples(moment, length).map(lambda drawn: (drawn[0], drawn[0] + drawn[1]))
pauses = st.lists(span, max_size=4)
unit = st.sampled_from(["working_hours", "working_days", "hours", "days"])
few = st.integers(1, 40)
workday = st.one_of(
    st.just(OFFICE),
    st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True).map(
        lambda cuts: tuple(zip(sorted(cuts)[::2], sorted(cuts)[1::2], strict=False))
    ),
)
calendar = st.dictionaries(
    st.integers(-20, 120).map(lambda day: BASE.date() + day * DAY), st.booleans(), max_size=25
).map(Calendar.build)


def _amount(unit, amount):
    return amount if unit in ("working_hours", "hours") else 1 + amount // 8


def _rule(unit, amount, workday=OFFICE):
    return Rule("law", _amount(unit, amount), unit, workday)


def _at(minutes):
    return BASE + minutes * MINUTE


def _spans(minutes):
    return [(_at(begin), _at(end)) for begin, end in minutes]


def _works(day, calendar):
    return day in calendar.worked or (day not in calendar.off and day.weekday() < 5)


def _working(at, rule, calendar):
    """Is the minute that begins now a working one?"""
    minute = at.hour * 60 + at.minute
    return _works(at.date(), calendar) and any(begin <= minute < end for begin, end in rule.workday)


def _by_minute(start, rule, calendar, pauses):
    """The deadline as one would count it with a pencil."""

    def paused(at):
        return any(begin <= at < end for begin, end in pauses)

    at, left = start, rule.amount
    if rule.unit == "working_days":
        day = start.date()
        while left:
            day += DAY
            midnight = datetime.combine(day, time(), ZONE)
            minutes = [midnight + k * MINUTE for begin, end in rule.workday for k in range(begin, end)]
            left -= _works(day, calendar) and not any(map(paused, minutes))
        return midnight + rule.workday[-1][1] * MINUTE
    left *= 1440 if rule.unit == "days" else 60
    while left:
        left -= not paused(at) and (rule.unit != "working_hours" or _working(at, rule, calendar))
        at += MINUTE
    return at


@settings(max_examples=60, deadline=None)
@given(moment, unit, st.integers(1, 24), workday, calendar, st.lists(span, max_size=3))
def test_as_counted_by_the_minute(start, unit, amount, workday, calendar, holds):
    rule = _rule(unit, amount, workday)
    # A pencil should not have to count years of a ten-minute day.
    assume(sum(end - begin for begin, end in workday) >= 120)
    found = due_one(_at(start), rule, calendar, _spans(holds))
    assert found.due == _by_minute(_at(start), rule, calendar, _spans(holds))


@given(moment, length, unit, st.integers(1, 60), workday, calendar, pauses)
def test_a_later_start_is_not_due_earlier(start, later, unit, amount, workday, calendar, holds):
    rule, spans = _rule(unit, amount, workday), _spans(holds)
    first, second = due([_at(start), _at(start + later)], rule, calendar, [spans, spans]).due
    assert first <= second


@given(moment, unit, st.integers(1, 60), st.integers(1, 20), workday, calendar, pauses)
def test_more_time_is_not_due_earlier(start, unit, amount, more, workday, calendar, holds):
    less, much = _rule(unit, amount, workday), _rule(unit, amount + more, workday)
    assert (
        due_one(_at(start), less, calendar, _spans(holds)).due <= due_one(_at(start), much, calendar, _spans(holds)).due
    )


@given(moment, unit, st.integers(1, 60), workday, calendar, pauses, span, length, length)
def test_a_longer_or_further_pause_is_not_due_earlier(
    start, unit, amount, workday, calendar, holds, hold, before, after
):
    rule = _rule(unit, amount, workday)
    longer = (hold[0] - before, hold[1] + after)
    without, short, long = due(
        [_at(start)] * 3, rule, calendar, [_spans(holds), _spans([*holds, hold]), _spans([longer, *holds])]
    ).due
    assert without <= short <= long


@given(moment, st.sampled_from(["working_hours", "working_days"]), st.integers(1, 40), calendar, moment, length)
def test_a_pause_outside_working_time_changes_nothing(start, unit, amount, calendar, begin, minutes):
    rule = _rule(unit, amount)
    end = begin + minutes
    assume(not elapsed([_at(begin)], [_at(end)], rule, calendar)[0])
    plain, held = due([_at(start)] * 2, rule, calendar, [[], _spans([(begin, end)])]).due
    assert plain == held


@given(moment, st.integers(1, 60), workday, calendar, pauses)
def test_a_deadline_ends_working_time_that_amounts_to_the_rule(start, amount, workday, calendar, holds):
    rule = _rule("working_hours", amount, workday)
    found = due_one(_at(start), rule, calendar, _spans(holds)).due
    assert _working(found.astimezone(ZONE) - MINUTE, rule, calendar)
    assert elapsed([_at(start)], [found], rule, calendar, [_spans(holds)])[0] == amount * 60


@given(moment, st.integers(1, 40), workday, calendar, pauses)
def test_working_days_end_with_a_days_close(start, amount, workday, calendar, holds):
    rule = _rule("working_days", amount, workday)
    close = due_one(_at(start), rule, calendar, _spans(holds)).due.astimezone(ZONE) - MINUTE
    assert close.hour * 60 + close.minute + 1 == workday[-1][1]
    assert _works(close.date(), calendar)
    assert close.date() > _at(start).date()


@given(
    moment,
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from(["working_hours", "hours", "days"]),
    calendar,
    pauses,
)
def test_time_adds_up(start, first, second, unit, calendar, holds):
    spans = _spans(holds)
    middle = due_one(_at(start), Rule("a", first, unit, OFFICE), calendar, spans).due
    end = due_one(middle, Rule("b", second, unit, OFFICE), calendar, spans).due
    assert end == due_one(_at(start), Rule("ab", first + second, unit, OFFICE), calendar, spans).due


@given(moment, length, length, unit, calendar, pauses)
def test_time_between_adds_up_and_is_not_more_than_the_clock_says(start, one, two, unit, calendar, holds):
    rule = _rule(unit, 1)
    points = [_at(start), _at(start + one), _at(start + one + two)]
    spans = _spans(holds)
    a, b, both = elapsed(
        [points[0], points[1], points[0]], [points[1], points[2], points[2]], rule, calendar, [spans] * 3
    )
    assert a + b == both
    assert 0 <= both <= one + two


@given(st.integers(0, 500), st.sampled_from(["working_hours", "working_days"]), st.integers(1, 60), st.data())
def test_a_deadline_that_is_not_provisional_outlives_the_news_about_unknown_years(day, unit, amount, data):
    start = datetime(2020, 10, 1, 9, 0, tzinfo=ZONE) + day * DAY
    known = {date(2021, 1, 1): False, date(2021, 2, 20): True}
    news = data.draw(
        st.dictionaries(
            st.integers(0, 900).map(lambda k: date(2020, 1, 1) + k * DAY).filter(lambda d: d.year != 2021),
            st.booleans(),
            max_size=40,
        )
    )
    rule = _rule(unit, amount)
    before = due_one(start, rule, Calendar.build(known))
    after = due_one(start, rule, Calendar.build(known | news, years={2020, 2021, 2022}))
    assert not after.provisional
    assert before.provisional or before.due == after.due


def test_arrays_of_numpy_are_in_utc():
    calendar, rule = Calendar.build({}), _rule("working_hours", 4)
    starts = [datetime(2021, 3, 1, 1, 0, tzinfo=UTC), datetime(2021, 3, 5, 10, 0, tzinfo=UTC)]
    columns = np.array(["2021-03-01T01:00", "2021-03-05T10:00"], dtype="datetime64[s]")
    assert due(columns, rule, calendar).due == due(starts, rule, calendar).due


def test_nothing_asked():
    calendar, rule = Calendar.build({}), _rule("working_hours", 4)
    assert due([], rule, calendar).due == ()
    assert len(elapsed([], [], rule, calendar)) == 0
