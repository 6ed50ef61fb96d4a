"""Rounds: planned once, drawn so that anybody can draw them again, shared out, followed, closed."""

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.patrol.exposing import make_checklist, make_venue, make_visit
from tests.people import Held, make_people

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_finding
from duban.ledger import actions as ledger
from duban.ledger.recording import record_finding
from duban.patrol import rounds
from duban.patrol.models import CheckList, PatrolRound, RoundVenue, Visit
from duban.venues.models import Venue

pytestmark = pytest.mark.django_db
ROLES = "inspector handler supervisor publisher health_officer community_worker leader administrator".split()
HELD = {role: Held(role) for role in ROLES} | {
    "second": Held("inspector"),
    "town": Held("supervisor", "110112104"),
    "townsman": Held("inspector", "110112104"),
    "stranger": Held("supervisor", "110113"),
}
FIRST, LAST = date(2021, 1, 18), date(2021, 1, 24)


@pytest.fixture
def people(db: None) -> dict[str, Person]:
    return make_people(HELD)


@pytest.fixture
def venues(people: dict[str, Person]) -> list[Venue]:
    """Nine restaurants and three salons in three towns of the district, one that is closed, one beyond it."""
    found = [
        make_venue(f"餐馆{town}{number}", f"110112{town}", lon=116.7 + number / 100, lat=39.9)
        for town in ("104", "106", "114")
        for number in range(3)
    ]
    found += [make_venue(f"理发{town}", f"110112{town}", kind="salon") for town in ("104", "106", "114")]
    make_venue("关门", "110112104", closed_at=NOON)
    make_venue("邻区", "110113001")
    return found


def plan(people: dict[str, Person], **options: Any) -> PatrolRound:
    asked = {"by": people["supervisor"], "now": NOON, "at": "110112", "title": "节前检查"}
    return rounds.plan_round(**asked | {"starts_on": FIRST, "ends_on": LAST} | options).round


def code_of(act: Callable[..., Any], **options: Any) -> str:
    try:
        act(**options)
    except DubanError as refusal:
        return refusal.code
    return ""


def drawn_of(round_: PatrolRound) -> set[str]:
    return {str(key) for key in RoundVenue.objects.filter(round=round_, drawn=True).values_list("venue_id", flat=True)}


# ---- planning -------------------------------------------------------------------------------------------------------


def test_all_of_an_area_or_of_its_types(people: dict[str, Person], venues: list[Venue]) -> None:
    assert drawn_of(plan(people)) == {str(venue.pk) for venue in venues}
    salons = plan(people, venue_types=["salon"])
    assert drawn_of(salons) == {str(venue.pk) for venue in venues if venue.kind_id == "salon"}
    town = plan(people, by=people["town"], at="110112104")
    assert drawn_of(town) == {str(venue.pk) for venue in venues if venue.town == "110112104"}
    record = AuditRecord.objects.filter(action="plan_round").order_by("pk").last()
    assert record is not None
    assert record.detail == {"area": "110112104", "frame": 4, "drawn": 4}


def test_a_sample_can_be_drawn_again_by_anybody(people: dict[str, Person], venues: list[Venue]) -> None:
    first = plan(people, size=5, seed="2021第一次")
    again = plan(people, size=5, seed="2021第一次")
    assert drawn_of(first) == drawn_of(again)
    assert len(drawn_of(first)) == 5
    assert RoundVenue.objects.filter(round=first).count() == 12
    assert rounds.redrawn(first).same
    assert set(rounds.redrawn(first).venues) == drawn_of(first)
    # Venues that come later are no part of the frame.
    make_venue("新店", "110112104")
    assert rounds.redrawn(first).same
    row = RoundVenue.objects.filter(round=first, drawn=True).first()
    assert row is not None
    RoundVenue.objects.filter(pk=row.pk).update(drawn=False)
    assert not rounds.redrawn(first).same


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 20), seed=st.text("abc123", min_size=1, max_size=8))
def test_every_town_has_its_share(size: int, seed: str) -> None:
    frame = [(f"v{town}{number}", town, False) for town in "ABC" for number in range(4)]
    drawing = rounds.draw(frame, size, seed)
    assert len(set(drawing.numbers)) == min(size, 12)
    shares = [stratum.drawn for stratum in drawing.strata]
    assert max(shares) - min(shares) <= 1


def test_a_seed_is_made_where_none_is_given(people: dict[str, Person], venues: list[Venue]) -> None:
    one, two = plan(people, size=5), plan(people, size=5)
    assert len(one.seed) == 32
    assert one.seed != two.seed


def test_the_same_id_again_is_the_same_round(people: dict[str, Person], venues: list[Venue]) -> None:
    own = uuid.uuid4()
    first = plan(people, round_id=own, size=3)
    assert plan(people, round_id=own, size=3) == first
    assert drawn_of(first) == drawn_of(plan(people, round_id=own, size=3))
    assert code_of(plan, people=people, round_id=own, size=4) == "round_id_taken"
    assert code_of(plan, people=people, round_id=own, size=3, title="别的") == "round_id_taken"
    assert PatrolRound.objects.count() == 1


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"at": "abc"}, "bad_code"),
        ({"at": "110113"}, "not_allowed"),
        ({"title": "  "}, "bad_title"),
        ({"title": "长" * 101}, "bad_title"),
        ({"title": "零\x00"}, "bad_title"),
        ({"ends_on": date(2021, 1, 17)}, "bad_days"),
        ({"starts_on": date(1989, 1, 1), "ends_on": date(1989, 1, 2)}, "bad_days"),
        ({"ends_on": date(2022, 6, 1)}, "bad_days"),
        ({"starts_on": date(2019, 1, 1)}, "bad_days"),
        ({"size": 0}, "bad_size"),
        ({"size": 100_001}, "bad_size"),
        ({"size": 3, "seed": "=1+1"}, "bad_seed"),
        ({"size": 3, "seed": "a" * 65}, "bad_seed"),
        ({"venue_types": ["castle"]}, "unknown_venue_type"),
        ({"venue_types": ["mall"]}, "no_venues"),
        ({"inspectors": ["nobody"]}, "unknown_inspector"),
        ({"inspectors": ["townsman"]}, "unknown_inspector"),
        ({"inspectors": ["handler"]}, "unknown_inspector"),
        ({"checklist": "none-such"}, "unknown_checklist"),
    ],
)
def test_a_bad_plan_is_refused_and_leaves_nothing(
    options: dict[str, Any], code: str, people: dict[str, Person], venues: list[Venue]
) -> None:
    assert code_of(plan, people=people, **options) == code
    assert not PatrolRound.objects.exists()
    assert not AuditRecord.objects.filter(action="plan_round").exists()


@pytest.mark.parametrize("role", ROLES)
def test_who_plans_assigns_and_closes(role: str, people: dict[str, Person], venues: list[Venue]) -> None:
    round_ = plan(people)
    step: dict[str, Any] = {"by": people[role], "now": NOON, "round_id": round_.pk}
    sees = role in {"inspector", "handler", "supervisor", "leader"}
    expected = "" if role == "supervisor" else "not_allowed" if sees else "round_not_found"
    assert code_of(plan, people=people, by=people[role]) == ("" if role == "supervisor" else "not_allowed")
    assert code_of(rounds.assign_venues, town="", inspector="", **step) == expected
    assert code_of(rounds.close_round, reason="够了", **step) == expected


def test_a_round_of_the_district_shows_a_town_its_part(people: dict[str, Person], venues: list[Venue]) -> None:
    round_ = plan(people)
    assert rounds.round_for(people["town"], round_.pk) == round_
    assert rounds.venues_for(people["town"], round_).count() == 4
    assert rounds.venues_for(people["supervisor"], round_).count() == 12
    assert code_of(rounds.whole_round, person=people["town"], round_id=round_.pk) == "not_allowed"
    assert code_of(rounds.round_for, person=people["stranger"], round_id=round_.pk) == "round_not_found"
    step: dict[str, Any] = {"by": people["town"], "now": NOON, "round_id": round_.pk}
    assert code_of(rounds.close_round, reason="够了", **step) == "not_allowed"


def test_a_checklist_in_use_goes_with_it(people: dict[str, Person], venues: list[Venue]) -> None:
    checklist = make_checklist().checklist
    assert plan(people, checklist=checklist.key).checklist == checklist
    CheckList.objects.get(pk=checklist.pk).versions.update(state="retired")
    assert code_of(plan, people=people, checklist=checklist.key) == "unknown_checklist"


# ---- who goes where -------------------------------------------------------------------------------------------------


def test_what_is_drawn_is_shared_out_in_stretches(people: dict[str, Person], venues: list[Venue]) -> None:
    round_ = plan(people, inspectors=["inspector", "second"])
    rows = list(RoundVenue.objects.filter(round=round_).order_by("town", "venue__cell", "venue_id"))
    whose = [row.inspector for row in rows]
    assert whose == ["inspector"] * 6 + ["second"] * 6
    assert set(RoundVenue.objects.filter(round=plan(people)).values_list("inspector", flat=True)) == {""}


def test_a_town_is_given_to_another_but_not_what_was_visited(people: dict[str, Person], venues: list[Venue]) -> None:
    round_ = plan(people, inspectors=["inspector"])
    make_visit(venues[0], make_checklist(), ())
    step: dict[str, Any] = {"by": people["supervisor"], "now": NOON, "round_id": round_.pk}
    assert rounds.assign_venues(town="110112104", inspector="townsman", **step) == 3
    held = dict(RoundVenue.objects.filter(round=round_, town="110112104").values_list("venue_id", "inspector"))
    assert held[venues[0].pk] == "inspector"
    assert code_of(rounds.assign_venues, town="110112106", inspector="townsman", **step) == "unknown_inspector"
    assert rounds.assign_venues(town="", inspector="", **step) == 11


def test_an_inspectors_list_is_sorted_by_nearness(people: dict[str, Person], venues: list[Venue]) -> None:
    plan(people, inspectors=["inspector"], venue_types=["restaurant"])
    plan(people, venue_types=["salon"])
    stops = rounds.stops_for(people["inspector"], NOON, lon=116.71, lat=39.9)
    assert len(stops) == 12
    metres = [stop.metres for stop in stops if stop.metres is not None]
    assert metres == sorted(metres)
    assert [stop.metres is None for stop in stops] == [False] * 9 + [True] * 3
    assert len(rounds.stops_for(people["inspector"], NOON, lon=116.71, lat=39.9, limit=4)) == 4
    # Far away from everything there is still a list.
    assert len(rounds.stops_for(people["inspector"], NOON, lon=0.0, lat=0.0)) == 12
    assert len(rounds.stops_for(people["second"], NOON)) == 3
    assert len(rounds.stops_for(people["townsman"], NOON)) == 1
    assert rounds.stops_for(people["handler"], NOON) == []
    assert rounds.stops_for(people["inspector"], NOON - timedelta(days=1)) == []
    assert rounds.stops_for(people["inspector"], NOON + timedelta(days=7)) == []


def test_what_was_visited_or_closed_leaves_the_list(people: dict[str, Person], venues: list[Venue]) -> None:
    round_ = plan(people)
    make_visit(venues[0], make_checklist(), ())
    Venue.objects.filter(pk=venues[1].pk).update(closed_at=NOON)
    left = {stop.row.venue_id for stop in rounds.stops_for(people["inspector"], NOON)}
    assert left == {venue.pk for venue in venues[2:]}
    rounds.close_round(by=people["supervisor"], now=NOON, round_id=round_.pk, reason="够了")
    assert rounds.stops_for(people["inspector"], NOON) == []


# ---- how far it is --------------------------------------------------------------------------------------------------


def test_progress_counts_finished_visits_of_its_days_or_made_for_it(
    people: dict[str, Person], venues: list[Venue]
) -> None:
    round_, version = plan(people), make_checklist()
    make_visit(venues[0], version, ())
    make_visit(venues[1], version, ("masks",), at=NOON + timedelta(days=6, hours=11))
    make_visit(venues[2], version, (), at=NOON - timedelta(days=1))
    make_visit(venues[3], version, ("masks",), at=NOON - timedelta(days=1), round=round_)
    make_visit(venues[4], version, (), at=NOON + timedelta(days=7))
    void = make_visit(venues[5], version, ())
    Visit.objects.filter(pk=void.pk).update(state="void")
    towns = rounds.progress(rounds.venues_for(people["supervisor"], round_), round_)
    assert [(one.town, one.frame, one.drawn, one.visited, one.failed) for one in towns] == [
        ("110112104", 4, 4, 2, 1),
        ("110112106", 4, 4, 1, 1),
        ("110112114", 4, 4, 0, 0),
        ("", 12, 12, 3, 2),
    ]
    assert (towns[-1].left, towns[-1].percent) == (9, 25)
    mine = rounds.progress(rounds.venues_for(people["town"], round_), round_)
    assert [(one.town, one.visited) for one in mine] == [("110112104", 2), ("", 2)]
    assert rounds.progress_of_rounds(people["supervisor"], [round_]) == {round_.pk: (12, 3)}
    assert rounds.progress_of_rounds(people["town"], [round_]) == {round_.pk: (4, 2)}


def test_progress_costs_the_same_for_many(people: dict[str, Person], venues: list[Venue]) -> None:
    made = [plan(people) for _number in range(6)]
    costs = []
    for some in (made[:1], made):
        with CaptureQueriesContext(connection) as seen:
            rounds.progress_of_rounds(people["supervisor"], some)
        costs.append(len(seen))
    assert costs[0] == costs[1]


def test_due_lookbacks_of_its_area_are_pulled_in(people: dict[str, Person], venues: list[Venue]) -> None:
    handler = people["handler"]

    def closed(seed: int) -> Any:
        entry = record_finding(by=people["supervisor"], now=NOON, finding=make_finding(seed)).entry
        step: dict[str, Any] = {"now": NOON, "entry_id": entry.pk}
        ledger.list_entry(by=people["supervisor"], **step)
        ledger.assign_entry(by=people["supervisor"], unit="110112", **step)
        from duban.demo.builders import make_photo

        ledger.submit_remedy(by=handler, photos=[make_photo(seed + 100, by=handler)], **step)
        return ledger.close_entry(by=people["supervisor"], **step)

    entry = closed(1)
    assert entry.lookback_due_at is not None
    due_on = entry.lookback_due_at.date()
    early = plan(people, starts_on=FIRST, ends_on=FIRST)
    late = plan(people, starts_on=FIRST, ends_on=due_on + timedelta(days=1))
    assert list(rounds.lookbacks_of(people["supervisor"], early)) == []
    assert list(rounds.lookbacks_of(people["supervisor"], late)) == [entry]
    assert list(rounds.lookbacks_of(people["handler"], late)) in ([], [entry])
    assert list(rounds.lookbacks_of(people["town"], late)) == []


# ---- closing --------------------------------------------------------------------------------------------------------


def test_closing_keeps_what_was_not_visited(people: dict[str, Person], venues: list[Venue]) -> None:
    round_, version = plan(people, size=5, seed="x"), make_checklist()
    drawn = list(RoundVenue.objects.filter(round=round_, drawn=True).select_related("venue"))
    make_visit(drawn[0].venue, version, ())
    step: dict[str, Any] = {"by": people["supervisor"], "now": NOON, "round_id": round_.pk}
    for reason, code in (("", "reason_missing"), ("长" * 301, "reason_too_long")):
        assert code_of(rounds.close_round, reason=reason, **step) == code
    closed = rounds.close_round(reason="雪大路滑", **step)
    assert (closed.closed_by, closed.close_reason) == ("supervisor", "雪大路滑")
    assert set(RoundVenue.objects.filter(round=round_, missed=True)) == set(drawn[1:])
    record = AuditRecord.objects.get(action="close_round")
    assert record.detail == {"missed": 4}
    # A visit that is entered later does not mend it.
    make_visit(drawn[1].venue, version, ())
    assert RoundVenue.objects.filter(round=round_, missed=True).count() == 4
    assert code_of(rounds.close_round, reason="again", **step) == "round_closed"
    assert code_of(rounds.assign_venues, town="", inspector="", **step) == "round_closed"


def test_a_round_wholly_visited_needs_no_reason(people: dict[str, Person], venues: list[Venue]) -> None:
    round_, version = plan(people, venue_types=["salon"]), make_checklist()
    for venue in venues[-3:]:
        make_visit(venue, version, ())
    assert not code_of(rounds.close_round, by=people["supervisor"], now=NOON, round_id=round_.pk)
