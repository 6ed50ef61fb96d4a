"""The figures of inspections, the sentence made of them, and what a look-back allows to be said."""

import io
import json
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from tests.patrol.visiting import make_venue, settle, visited

from duban.access.models import Person
from duban.core.audit import Console
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo import inspection, layers
from duban.demo.builders import NOON, make_person
from duban.patrol.brief import (
    NotClean,
    Span,
    Wanted,
    brief_of,
    due_failures,
    fails_of,
    months_of,
    read_span,
    require_clean,
    state_lookback_clean,
    usual_span,
    venues_failed_in,
    visits_of,
    wanted_by,
)
from duban.patrol.importing import import_inspections
from duban.patrol.models import Failure, PatrolRound, RoundVenue, Visit, VisitState
from duban.patrol.sentence import brief as say
from duban.places.actions import load_jurisdictions
from duban.venues.models import Venue

pytestmark = pytest.mark.django_db
PAGE = Wanted(Span(date(2021, 1, 18), date(2021, 1, 19)))
DAY = 24 * 60


@pytest.fixture
def supervisor(db: None) -> Person:
    load_jurisdictions(by=Console(), now=NOON, data=layers.codes_table(), name="codes.csv")
    return make_person("supervisor", "supervisor", "110112")


def take(by: Person, calls: list[inspection.Call]) -> None:
    now = inspection.beijing(25, 8)
    done = import_inspections(by=by, now=now, data=inspection.inspections_file(calls), name="page.csv")
    assert done.refused == []


def brief_command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("patrol_brief", *arguments, stdout=out)
    return out.getvalue().splitlines()[-1]


# ---- the page -------------------------------------------------------------------------------------------------------


def test_the_pages_inspection_gives_the_pages_figures_and_sentence(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    found = json.loads(brief_command("--from", "2021-01-18", "--to", "2021-01-19", "--json"))
    assert found | {"by_item": 0, "by_type": 0, "sentence": 0} == {
        "from": "2021-01-18",
        "to": "2021-01-19",
        "area": "",
        "towns_inspected": 11,
        "streets_inspected": 3,
        "visits": 20,
        "venues": 20,
        "venues_failed": 7,
        "problems": 7,
        "town_problems": 5,
        "street_problems": 2,
        "failed_items": 13,
        "by_town": [
            {"code": "110112104", "name": "宋庄镇", "problems": 3},
            {"code": "110112003", "name": "北苑街道", "problems": 2},
            {"code": "110112109", "name": "马驹桥镇", "problems": 1},
            {"code": "110112114", "name": "台湖镇", "problems": 1},
        ],
        "by_item": 0,
        "by_type": 0,
        "lookback": {"due": 4, "stands": 4, "recurred": 0, "not_inspected": 0, "clean": True},
        "sentence": 0,
    }
    assert found["sentence"] == {
        "zh": (
            "2021年1月18日至19日，对11个乡镇开展检查指导，共发现问题5处（宋庄镇3处、马驹桥镇1处、台湖镇1处）；"
            "对3个街道开展检查指导，共发现问题2处（北苑街道2处）。对此前发现的4项问题开展“回头看”，暂无未整改问题。"
        ),
        "en": (
            "From 18 to 19 January 2021, 11 towns and townships were inspected and 5 problems found "
            "(宋庄镇 3, 马驹桥镇 1, 台湖镇 1); 3 sub-districts were inspected and 2 problems found (北苑街道 2). "
            "4 failed items were looked back at: nothing is left unrectified."
        ),
    }
    assert {one["item"]: one["failed_items"] for one in found["by_item"]} == {
        "masks": 4, "code_scan": 3, "disinfection": 1, "temperature": 1, "code_poster": 1, "thermometer": 1,
        "smoking": 1, "visitor_register": 1,
    }  # fmt: skip
    assert require_clean(PAGE).clean


def test_the_week_before_has_its_own_figures_and_says_nothing_of_a_look_back(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    found = brief_of(Wanted(PAGE.span.before()))
    assert found.wanted.span == Span(date(2021, 1, 16), date(2021, 1, 17))
    assert (found.visits, found.problems) == (0, 0)
    # What was found on the 11th stood open on these two days, and nobody looked.
    assert (found.lookback.due, found.lookback.not_inspected) == (4, 4)
    week = brief_of(Wanted(Span(date(2021, 1, 11), date(2021, 1, 12))))
    assert (week.visits, week.problems, week.lookback.due) == (3, 3, 0)
    assert "回头看" not in week.sentence["zh"]


@pytest.mark.parametrize(
    ("result", "saw", "said"),
    [
        ("fail", "recurred", "已整改3项，未整改1项"),
        ("not_inspected", "not_inspected", "已整改3项，未查看1项"),
        ("na", "not_inspected", "已整改3项，未查看1项"),
        ("", "not_inspected", "已整改3项，未查看1项"),
    ],
)
def test_nothing_left_is_refused_while_one_item_is_not_seen_to_stand_and_the_refusal_names_it(
    result: str, saw: str, said: str, supervisor: Person
) -> None:
    calls = [call for call in inspection.CALLS if call not in inspection.LOOKED_BACK]
    take(supervisor, [*calls, *(call for call in inspection.LOOKED_BACK if call.place != inspection.BARBER)])
    if result:
        cells = inspection.rows([inspection.LOOKED_BACK[1]])[0] | {"result": result}
        data = f"{','.join(cells)}\n{','.join(cells.values())}".encode()
        assert import_inspections(by=supervisor, now=inspection.beijing(25, 8), data=data, name="a.csv").taken == 1
    with pytest.raises(NotClean) as refusal:
        state_lookback_clean(by=supervisor, now=NOON, wanted=PAGE)
    assert refusal.value.code == "lookback_not_clean"
    assert refusal.value.status == 409
    assert "次渠美发" in str(refusal.value)
    assert "漷县老街面馆" not in str(refusal.value)
    assert [(venue, item) for venue, item, _seen in refusal.value.left] == [("次渠美发", refusal.value.left[0][1])]
    found = brief_of(PAGE)
    assert getattr(found.lookback, saw) == 1
    assert not found.lookback.clean
    assert said in found.sentence["zh"]
    assert "暂无" not in found.sentence["zh"]
    assert "nothing" not in found.sentence["en"]
    assert not AuditRecord.objects.filter(action="state_lookback_clean").exists()
    with pytest.raises(CommandError, match=r"lookback_not_clean.*次渠美发"):
        brief_command("--from", "2021-01-18", "--to", "2021-01-19", "--clean")


def test_nothing_left_is_refused_where_nothing_was_due(supervisor: Person) -> None:
    take(supervisor, inspection.THE_PAGE)
    with pytest.raises(NotClean) as refusal:
        require_clean(PAGE)
    assert refusal.value.code == "nothing_looked_back"


def test_who_states_that_nothing_is_left_is_on_record_and_vouches_for_their_own_area(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    said = state_lookback_clean(by=supervisor, now=NOON, wanted=PAGE)
    assert said["zh"] == "对此前发现的4项问题开展“回头看”，暂无未整改问题。"
    record = AuditRecord.objects.get(action="state_lookback_clean")
    assert record.detail == {"area": "", "codes": ["110112"], "due": 4}
    of_town = make_person("of_town", "supervisor", "110112106")
    assert state_lookback_clean(by=of_town, now=NOON, wanted=PAGE)["zh"].startswith("对此前发现的2项问题")
    for wanted, person in (
        (Wanted(PAGE.span, area="110112104"), of_town),
        (PAGE, make_person("leader", "leader", "110112")),
        (PAGE, make_person("inspector", "inspector", "110112")),
    ):
        with pytest.raises(DubanError) as refusal:
            state_lookback_clean(by=person, now=NOON, wanted=wanted)
        assert refusal.value.code == "not_allowed"


# ---- the look-back, case by case ------------------------------------------------------------------------------------


def lookback(days: tuple[int, int], by: Person, *visits: Visit) -> dict[str, int]:
    settle(by, *visits)
    first = (NOON + timedelta(days=days[0])).date()
    found = brief_of(Wanted(Span(first, first + timedelta(days=days[1] - days[0])))).lookback
    return {key: value for key, value in vars(found).items() if value}


def test_each_failure_counts_once_by_its_last_look_in_the_period(supervisor: Person) -> None:
    venue = make_venue()
    visits = [visited(venue, day * DAY, masks=result) for day, result in ((0, "fail"), (5, "fail"), (6, "pass"))]
    assert lookback((5, 6), supervisor, *visits) == {"stands": 1}
    assert lookback((5, 5), supervisor) == {"recurred": 1}
    assert lookback((3, 4), supervisor) == {"not_inspected": 1}
    assert lookback((7, 9), supervisor) == {}
    assert lookback((0, 6), supervisor) == {"stands": 1}
    assert lookback((0, 0), supervisor) == {}


def test_what_failed_again_after_it_was_seen_to_stand_is_left(supervisor: Person) -> None:
    venue = make_venue()
    visits = [visited(venue, day * DAY, masks=result) for day, result in ((0, "fail"), (5, "pass"), (6, "fail"))]
    assert lookback((5, 6), supervisor, *visits) == {"recurred": 1}
    assert lookback((5, 5), supervisor) == {"stands": 1}


def test_what_one_saw_in_order_and_another_failing_at_once_is_left(supervisor: Person) -> None:
    venue = make_venue()
    found = visited(venue, 0, masks="fail")
    at_once = [
        visited(venue, 5 * DAY, until=5 * DAY + 30, masks="fail"),
        visited(venue, 5 * DAY + 5, until=5 * DAY + 20, masks="pass"),
    ]
    assert lookback((5, 5), supervisor, found, *at_once) == {"recurred": 1}


def test_a_void_visit_counts_nowhere(supervisor: Person) -> None:
    venue = make_venue()
    settle(supervisor, visited(venue, 0, masks="fail"), visited(venue, DAY, smoking="pass"))
    Visit.objects.filter(visited_at__gt=NOON).update(state=VisitState.VOID)
    assert brief_of(Wanted(Span(NOON.date(), NOON.date() + timedelta(days=2)))).visits == 1


# ---- against plain counting -----------------------------------------------------------------------------------------

PLACES = list(product(("110112104", "110112106", "110112003", "110112"), ("restaurant", "salon"), range(2)))


class PlainCounting(TestCase):
    """Random visits, imported, are counted as plain loops over the rows count them."""

    @settings(max_examples=25, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(PLACES),
                st.integers(0, 6),
                st.integers(0, 1439),
                st.dictionaries(
                    st.sampled_from(["masks", "smoking", "own"]),
                    st.sampled_from(["pass", "fail", "na", "not_inspected"]),
                    min_size=1,
                ),
            ),
            max_size=14,
            unique_by=lambda visit: (visit[0], visit[1], visit[2]),
        ),
        st.integers(0, 6),
        st.integers(0, 6),
    )
    def test_counts(self, visits: list[Any], first: int, days: int) -> None:
        load_jurisdictions(by=Console(), now=NOON, data=layers.codes_table(), name="codes.csv")
        by = make_person("supervisor", "supervisor", "110112")
        rows = ["venue,venue_type,jurisdiction,visited_at,item,result"]
        for (town, kind, number), day, minute, answers in visits:
            when = f"2021-01-{11 + day} {minute // 60:02}:{minute % 60:02}"
            rows += [f"店{number},{kind},{town},{when},{item},{result}" for item, result in answers.items()]
        import_inspections(by=by, now=inspection.beijing(25, 8), data="\n".join(rows).encode(), name="a.csv")
        span = Span(date(2021, 1, 11 + first), date(2021, 1, 11 + first + days))
        found = brief_of(Wanted(span))
        inside = [visit for visit in visits if first <= visit[1] <= first + days]
        failed = {place for place, _day, _minute, answers in inside if "fail" in answers.values()}
        assert found.visits == len(inside)
        assert found.venues == len({place for place, *_rest in inside})
        assert found.problems == found.venues_failed == len(failed)
        assert found.failed_items == sum(list(answers.values()).count("fail") for *_rest, answers in inside)
        assert found.towns_inspected == len({place[0] for place, *_rest in inside} & {"110112104", "110112106"})
        assert found.streets_inspected == len({place[0] for place, *_rest in inside} & {"110112003"})
        towns = [place[0] for place in failed]
        assert {one.key: one.problems for one in found.with_problems} == {town: towns.count(town) for town in towns}
        assert self.left(visits, first, first + days) == found.lookback.recurred + found.lookback.not_inspected

    @staticmethod
    def left(visits: list[Any], first: int, last: int) -> int:
        """Of what was due, how much did not stand at the end: each (venue, item)'s looks walked through in time."""
        looks: dict[Any, list[tuple[int, str]]] = {}
        for place, day, _minute, answers in sorted(visits, key=lambda visit: (visit[1], visit[2])):
            for item, result in answers.items():
                looks.setdefault((place, item), []).append((day, result))
        left = 0
        for series in looks.values():
            failures: list[dict[str, Any]] = []
            for day, result in series:
                if day > last:
                    break
                holding = failures and failures[-1]["open"]
                if holding:
                    if day >= first:
                        failures[-1]["saw"] = result
                    if result == "pass":
                        failures[-1]["open"] = False
                        failures[-1]["closed"] = day
                elif result == "fail":
                    failures.append({"opened": day, "open": True, "closed": None, "saw": None})
            for one in failures:
                was_open = one["opened"] < first and (one["closed"] is None or one["closed"] >= first)
                if was_open or one["saw"]:
                    left += one["saw"] != "pass" or failures[-1]["open"]
        return left


# ---- areas, rounds, periods -----------------------------------------------------------------------------------------


def test_a_person_counts_what_lies_in_their_area(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    leader = make_person("leader", "leader", "110112104")
    found = brief_of(wanted_by(leader, PAGE.span))
    assert (found.towns_inspected, found.problems, found.lookback.due) == (1, 3, 0)
    assert brief_of(wanted_by(leader, PAGE.span, area="110112109")).visits == 0
    assert brief_of(wanted_by(supervisor, PAGE.span, area="110112109")).problems == 1
    with pytest.raises(DubanError) as refusal:
        wanted_by(make_person("inspector", "inspector"), PAGE.span)
    assert refusal.value.code == "not_allowed"


def test_a_round_counts_its_own_visits_and_its_own_venues(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    made = {
        "area": "110112", "starts_on": date(2021, 1, 18), "ends_on": date(2021, 1, 19), "made_by": {}, "made_at": NOON,
    }  # fmt: skip
    patrol_round = PatrolRound.objects.create(title="专项检查", **made)
    noodles = Venue.objects.get(name=inspection.NOODLES.name)
    RoundVenue.objects.create(round=patrol_round, venue=noodles, town=noodles.town)
    Visit.objects.filter(venue=noodles, visited_at__gte=PAGE.span.start).update(round=patrol_round)
    found = brief_of(wanted_by(supervisor, Span(date(2020, 1, 1), date(2020, 1, 2)), round_id=patrol_round.pk))
    assert found.wanted.span == PAGE.span
    assert (found.visits, found.lookback.due, found.lookback.clean) == (1, 2, True)
    stranger = make_person("stranger", "supervisor", "110113")
    with pytest.raises(DubanError) as refusal:
        wanted_by(stranger, PAGE.span, round_id=patrol_round.pk)
    assert refusal.value.code == "round_not_found"


def test_the_days_are_those_of_the_offices_clock(supervisor: Person) -> None:
    venue = make_venue()
    # NOON is 12:00 in Beijing: twelve hours later the next day begins there.
    settle(supervisor, visited(venue, 12 * 60 - 1, masks="fail"), visited(venue, 12 * 60, smoking="fail"))
    first = Wanted(Span(NOON.date(), NOON.date()))
    assert [fails_of(one).get().key for one in (first, Wanted(Span(date(2021, 1, 19), date(2021, 1, 19))))] == [
        "masks",
        "smoking",
    ]


@pytest.mark.parametrize(
    ("since", "until", "code"),
    [
        ("", "2021-01-19", "bad_date"),
        ("2021-01-18", "soon", "bad_date"),
        ("2021-02-30", "2021-03-01", "bad_date"),
        ("0001-01-01", "2021-01-01", "bad_date"),
        ("2021-01-19", "2021-01-18", "period_reversed"),
        ("2001-01-01", "2021-01-18", "period_too_long"),
    ],
)
def test_a_period_that_is_none_is_refused(since: str, until: str, code: str) -> None:
    with pytest.raises(DubanError) as refusal:
        read_span(since, until)
    assert refusal.value.code == code
    with pytest.raises(CommandError, match=code):
        brief_command("--from", since, "--to", until)


def test_the_usual_period_is_the_week_of_the_last_visit(supervisor: Person) -> None:
    assert usual_span(supervisor, now=NOON) == Span(date(2021, 1, 12), date(2021, 1, 18))
    take(supervisor, inspection.THE_WEEK_BEFORE)
    assert usual_span(supervisor, now=NOON) == Span(date(2021, 1, 6), date(2021, 1, 12))


def test_the_months_before(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    months = months_of(PAGE)
    assert months[0] == (date(2021, 1, 1), 23, 10)
    assert months[-1] == (date(2020, 2, 1), 0, 0)
    assert len(months) == 12


# ---- numbers open their rows ----------------------------------------------------------------------------------------


def test_each_number_is_how_many_rows_are_behind_it(supervisor: Person) -> None:
    take(supervisor, inspection.CALLS)
    found = brief_of(PAGE)
    assert visits_of(PAGE).count() == found.visits
    assert fails_of(PAGE).count() == found.failed_items
    assert venues_failed_in(PAGE).count() == found.problems
    assert due_failures(PAGE).count() == found.lookback.due


def test_more_visits_take_no_more_statements(supervisor: Person) -> None:
    take(supervisor, [*inspection.THE_WEEK_BEFORE, *inspection.THE_PAGE[:2]])
    with CaptureQueriesContext(connection) as few:
        brief_of(PAGE)
    take(supervisor, [*inspection.THE_PAGE[2:], *inspection.LOOKED_BACK])
    with CaptureQueriesContext(connection) as many:
        brief_of(PAGE)
    assert len(many) == len(few)
    assert Failure.objects.count() == 17


# ---- words ----------------------------------------------------------------------------------------------------------

NONE = (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("said", "zh", "en"),
    [
        (
            {"towns": (0, []), "streets": (0, []), "visits": 0, "lookback": NONE},
            "2021年1月18日，没有检查记录。",
            "On 18 January 2021, nothing was inspected.",
        ),
        (
            {"towns": (1, []), "streets": (0, []), "visits": 4, "lookback": NONE},
            "2021年1月18日，对1个乡镇开展检查指导，未发现问题。",
            "On 18 January 2021, 1 town or township was inspected and no problem was found.",
        ),
        (
            {"towns": (0, []), "streets": (0, []), "visits": 1, "lookback": (1, 1, 0, 0)},
            "2021年1月18日，共检查1次。对此前发现的1项问题开展“回头看”，暂无未整改问题。",
            "On 18 January 2021, 1 visit was made. 1 failed item was looked back at: nothing is left unrectified.",
        ),
    ],
)
def test_the_sentence_says_no_more_than_was_seen(said: dict[str, Any], zh: str, en: str) -> None:
    day = date(2021, 1, 18)
    assert say(day, day, **said) == {"zh": zh, "en": en}


@pytest.mark.parametrize(
    ("since", "until", "zh", "en"),
    [
        (date(2021, 1, 18), date(2021, 2, 1), "2021年1月18日至2月1日", "From 18 January to 1 February 2021"),
        (
            date(2020, 12, 31),
            date(2021, 1, 1),
            "2020年12月31日至2021年1月1日",
            "From 31 December 2020 to 1 January 2021",
        ),
    ],
)
def test_days_in_words(since: date, until: date, zh: str, en: str) -> None:
    said = say(since, until, towns=(0, []), streets=(0, []), visits=0, lookback=NONE)
    assert said["zh"].startswith(f"{zh}，")
    assert said["en"].startswith(f"{en},")


@given(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)))
def test_nothing_left_is_said_only_where_something_was_due_and_all_of_it_stands(counts: tuple[int, int, int]) -> None:
    day = datetime(2021, 1, 18).date()  # noqa: DTZ001
    said = say(day, day, towns=(1, []), streets=(0, []), visits=1, lookback=(sum(counts), *counts))
    clean = counts[0] > 0 and counts[1:] == (0, 0)
    assert ("暂无未整改" in said["zh"]) == clean
    assert ("nothing is left" in said["en"]) == clean
