"""Schedules from exposures and rules alone: each day has one measure, and nothing lies after the end."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duban.outbreak.measures.duties import Duty, Existing, Had, changes, duties_of
from duban.outbreak.measures.schedule import SECOND, SEVERITY, Exposed, Rule, Rulebook, Schedule, schedule

DAY = timedelta(days=1)
START = date(2021, 1, 4)
SINCE = date(2020, 9, 11)
MEASURES = list(SEVERITY)


def make_rule(
    key: str = "area:centralised", phases: tuple[tuple[str, int], ...] = (("centralised", 14),), **more: object
) -> Rule:
    rule = Rule(
        id=1, key=key, office="", since=SINCE, until=None, phases=phases, test_days=(1, 4, 7, 14),
        counted_from="exposure", double=True, reports=2, visit_every=3, quiet_days=3,
    )  # fmt: skip
    return replace(rule, **more)  # type: ignore[arg-type]


def exposed(
    last: date = START, *, kind: str = "area", measure: str = "centralised", added: date | None = None, **more: object
) -> Exposed:
    return Exposed(kind, measure, "S1", last, None, added or last)._replace(**more)  # type: ignore[arg-type]


def made(exposures: list[Exposed], *rules: Rule) -> Schedule:
    found = schedule(exposures, Rulebook(rules))
    assert found is not None
    return found


def shown(found: Schedule) -> list[tuple[str, int, int]]:
    """(measure, first, last) in days after START."""
    return [(one.measure, (one.first - START).days, (one.last - START).days) for one in found.phases]


def days_tested(found: Schedule) -> list[tuple[int, str]]:
    return [((day - START).days, slot) for day, slot in found.tests]


# ---- what rules say -------------------------------------------------------------------------------------------------


def test_fourteen_days_end_on_the_fourteenth_and_the_last_test_is_taken_twice() -> None:
    found = made([exposed()], make_rule())
    assert shown(found) == [("centralised", 0, 14)]
    assert days_tested(found) == [(1, ""), (4, ""), (7, ""), (14, ""), (14, SECOND)]
    assert (found.reports_a_day(START), found.reports_a_day(START + 15 * DAY)) == (2, 0)


def test_seven_more_days_at_home_with_visits() -> None:
    rule = make_rule("contact", (("centralised", 14), ("home", 7)))
    found = made([exposed(kind="contact")], rule)
    assert shown(found) == [("centralised", 0, 14), ("home", 15, 21)]
    assert [(day - START).days for day in found.visits] == [15, 18, 21]
    assert found.tests[START + 14 * DAY, SECOND]["code"] == "double"


def test_tests_before_it_was_known_are_made_up_for_by_one() -> None:
    found = made([exposed(added=START + 5 * DAY)], make_rule())
    assert days_tested(found) == [(5, ""), (7, ""), (14, ""), (14, SECOND)]
    assert found.tests[START + 5 * DAY, ""]["was"] == (START + 4 * DAY).isoformat()


def test_counted_from_an_arrival_to_come_it_holds_from_the_day_it_is_known() -> None:
    rule = make_rule(counted_from="arrival")
    found = made([exposed(arrived=START + 3 * DAY, added=START + DAY)], rule)
    assert shown(found) == [("centralised", 1, 17)]
    assert made([exposed()], rule).ends_on == START + 14 * DAY


def test_over_before_it_was_known_is_past() -> None:
    assert made([exposed(added=START + 15 * DAY)], make_rule()).past
    assert not made([exposed(added=START + 14 * DAY)], make_rule()).past


def test_the_strictest_governs_each_day() -> None:
    rules = (make_rule(), make_rule("area:home", (("home", 14),), test_days=(1, 7), double=False))
    both = [exposed(), exposed(START + 8 * DAY, measure="home")]
    found = made(both, *rules)
    assert shown(found) == [("centralised", 0, 14), ("home", 15, 22)]
    assert days_tested(found) == [(1, ""), (4, ""), (7, ""), (9, ""), (14, ""), (14, SECOND), (15, "")]


def test_after_a_gap_the_last_stretch_counts_alone() -> None:
    second = make_rule("second", (("centralised", 7),), test_days=(1, 7), double=False)
    found = made([exposed(kind="second"), exposed(START + 30 * DAY, kind="second")], second)
    assert shown(found) == [("centralised", 30, 37)]


# ---- versions of rules ----------------------------------------------------------------------------------------------

LONGER = make_rule(id=2, since=START + 10 * DAY, phases=(("centralised", 14), ("home", 7)))


def test_who_is_in_a_measure_goes_on_under_the_new_version() -> None:
    assert shown(made([exposed()], make_rule(), LONGER)) == [
        ("centralised", 0, 9),
        ("centralised", 10, 14),
        ("home", 15, 21),
    ]


def test_who_is_through_is_not_called_back() -> None:
    later = replace(LONGER, since=START + 15 * DAY)
    assert made([exposed()], make_rule(), later).ends_on == START + 14 * DAY
    assert made([exposed(START + DAY)], make_rule(), later).ends_on == START + 22 * DAY


def test_a_shorter_version_ends_it_the_day_before_it_begins_to_hold() -> None:
    shorter = make_rule(id=2, since=START + 10 * DAY, phases=(("centralised", 7),), test_days=(1, 7))
    found = made([exposed()], make_rule(), shorter)
    assert found.ends_on == START + 9 * DAY
    nothing = replace(shorter, phases=(("centralised", 3),), test_days=(1,))
    ended, whole = made([exposed()], make_rule(), nothing), made([exposed()], make_rule())
    assert (ended.ends_on, ended.digest != whole.digest) == (START + 9 * DAY, True)
    assert max(day for day, _slot in found.tests) <= found.ends_on


def test_past_the_last_day_of_a_version_one_goes_on_under_it_and_nobody_starts() -> None:
    ending = make_rule(until=START + 5 * DAY)
    assert made([exposed()], ending).ends_on == START + 14 * DAY
    assert schedule([exposed(START + 6 * DAY)], Rulebook([ending])) is None


def test_the_finest_office_wins() -> None:
    town = make_rule(id=3, office="110112", phases=(("centralised", 21),))
    assert made([exposed()], make_rule(), town).ends_on == START + 21 * DAY


def test_without_a_rule_there_is_no_schedule() -> None:
    assert schedule([exposed(measure="monitor")], Rulebook([make_rule()])) is None
    assert schedule([], Rulebook([make_rule()])) is None


# ---- whatever they say ----------------------------------------------------------------------------------------------

days = st.integers(-20, 25).map(lambda number: START + number * DAY)


@st.composite
def some_rules(draw: st.DrawFn) -> list[Rule]:
    found = []
    for key in ("area:centralised", "area:home", "area:test", "contact", "second"):
        for since in draw(st.lists(st.sampled_from([SINCE, START, START + 6 * DAY]), max_size=2, unique=True)):
            phases = tuple(
                draw(st.lists(st.tuples(st.sampled_from(MEASURES), st.integers(1, 10)), min_size=1, max_size=3))
            )
            whole = sum(length for _measure, length in phases)
            found.append(
                make_rule(
                    key,
                    phases,
                    id=len(found),
                    since=since,
                    until=draw(st.one_of(st.none(), st.integers(0, 12).map(lambda n, at=since: at + n * DAY))),
                    test_days=tuple(sorted(draw(st.sets(st.integers(0, whole), max_size=4)))),
                    counted_from=draw(st.sampled_from(["exposure", "arrival"])),
                    double=draw(st.booleans()),
                    visit_every=draw(st.integers(0, 4)),
                    reports=draw(st.integers(0, 2)),
                )
            )
    return found


@st.composite
def some_exposures(draw: st.DrawFn) -> list[Exposed]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        last = draw(days)
        found.append(
            Exposed(
                draw(st.sampled_from(["area", "contact", "second", "form"])),
                draw(st.sampled_from(["centralised", "home", "test"])),
                f"S{number}",
                last,
                draw(st.one_of(st.none(), st.integers(0, 5).map(lambda n, at=last: at + n * DAY))),
                last + draw(st.integers(0, 20)) * DAY,
            )
        )
    return found


@given(some_exposures(), some_rules())
@settings(max_examples=80, deadline=None)
def test_every_schedule_is_whole(exposures: list[Exposed], rules: list[Rule]) -> None:
    found = schedule(exposures, Rulebook(rules))
    if found is None:
        return
    assert schedule(exposures[::-1], Rulebook(rules[::-1])) == found
    for one, after in zip(found.phases, found.phases[1:], strict=False):
        assert one.last + DAY == after.first
    assert all(one.first <= one.last for one in found.phases)
    assert found.starts_on <= found.known_on
    assert all(day <= found.ends_on for day, _slot in found.tests)
    assert all(day <= found.ends_on for day in found.visits)
    assert all(found.phase_on(day).measure in ("home", "monitor") for day in found.visits)
    assert sum(1 for _day, slot in found.tests if slot == SECOND) <= 1
    reasons = [one.why for one in found.phases] + list(found.tests.values()) + list(found.visits.values())
    assert {why["basis"] for why in reasons} <= {one.basis for one in exposures}
    # Nothing less strict, and no earlier end, than any exposure asks for by itself.
    for one in exposures:
        alone = schedule([one], Rulebook(rules))
        if alone is None or alone.ends_on < found.starts_on:
            continue
        assert alone.ends_on <= found.ends_on
        for phase in alone.phases:
            day = max(phase.first, found.starts_on)
            if one.last <= day <= phase.last:
                assert SEVERITY[found.phase_on(day).measure] <= SEVERITY[phase.measure]


# ---- acts -----------------------------------------------------------------------------------------------------------


def stands(duties: list[Duty], *, done: bool = False, number: int = 0) -> list[Existing]:
    state = "done" if done else "open"
    return [Existing(number + at, one.kind, one.due_on, one.slot, state) for at, one in enumerate(duties, start=1)]


@given(some_exposures(), some_exposures(), some_rules(), st.integers(0, 30), st.sets(st.integers(1, 40)))
@settings(max_examples=80, deadline=None)
def test_acts_follow_from_whatever_the_schedule_becomes(
    before: list[Exposed], after: list[Exposed], rules: list[Rule], later: int, done: set[int]
) -> None:
    """Planned, partly done, planned anew for other exposures on another day: what stands fits, once and for all."""
    first, then = (schedule(one, Rulebook(rules)) for one in (before, after))
    if first is None or then is None or first.past or then.past:
        return
    had, today = Had(reached=False, in_bed=False), first.known_on
    made = changes(duties_of(first, had, (), today), (), today, first.ends_on).new
    existing = [one._replace(state="done") if one.id in done and one.kind != "release" else one for one in stands(made)]
    today = max(today, then.known_on) + later * DAY
    had = Had(reached=any(one.kind == "reach" and not one.is_open for one in existing), in_bed=False)
    moved = changes(duties_of(then, had, existing, today), existing, today, then.ends_on)
    kept = [one for one in existing if one.id not in moved.cancelled]
    assert {one.id for one in existing if not one.is_open} <= {one.id for one in kept}
    standing = kept + stands(moved.new, number=1000)
    assert len({one.key for one in standing}) == len(standing)
    release = [one for one in standing if one.kind == "release"]
    assert [max(one.due_on, today) for one in release] == [max(then.ends_on + DAY, today)]
    last = max(then.ends_on, today)
    assert all(one.due_on <= last for one in standing if one.is_open and one.kind != "release")
    assert all(one.due_on >= today for one in moved.new)
    again = changes(duties_of(then, had, standing, today), standing, today, then.ends_on)
    assert (again.new, again.cancelled) == ([], [])


@pytest.mark.parametrize(("tested_on", "added"), [(4, 1), (8, 0)])
def test_a_test_that_a_new_rule_wants_in_the_past_is_taken_now_unless_a_later_one_was(
    tested_on: int, added: int
) -> None:
    old, new = make_rule(test_days=(tested_on,), double=False), make_rule(test_days=(7,), double=False)
    today = START + 9 * DAY
    existing = [Existing(1, "test", START + tested_on * DAY, "", "done")]
    found = changes(
        duties_of(made([exposed()], new), Had(True, True), existing, today), existing, today, START + 14 * DAY
    )
    assert [one.due_on for one in found.new if one.kind == "test"] == [today] * added
    assert made([exposed()], old).digest != made([exposed()], new).digest
