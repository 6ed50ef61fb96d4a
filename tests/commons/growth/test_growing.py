"""Stages in order and with evidence, purposes that turn, names, and five slots whose emptiness shows."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.commons.growth.building import make_organisation

from duban.access.models import Person
from duban.commons.growth import actions
from duban.commons.growth.actions import BadGrowth
from duban.commons.growth.overview import growth_in, lacking
from duban.commons.growth.queries import growth_of
from duban.commons.models import LifeEvent, Organisation, Party, PartyRole, Stage
from duban.core.errors import Conflict, DubanError, NotAllowed, NotFound
from duban.demo.builders import NOON, make_person, make_photo

pytestmark = pytest.mark.django_db
TODAY = date(2021, 1, 18)
TOWN = "110112004"


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker", TOWN)


@pytest.fixture
def proof(worker: Person) -> str:
    return make_photo(1, by=worker)


def refused(code: str, error: type[DubanError] = BadGrowth) -> "pytest.RaisesExc[DubanError]":
    return pytest.raises(error, check=lambda wrong: wrong.code == code)


def stage(worker: Person, one: Organisation, to: str, on: date = TODAY, **more: str) -> Organisation:
    return actions.set_stage(by=worker, now=NOON, organisation_id=one.pk, stage=to, on=on, **more)


def test_stages_are_reached_one_after_the_other(worker: Person, proof: str) -> None:
    one = make_organisation()
    with refused("stage_skipped", Conflict):
        stage(worker, one, "growing", evidence=proof)
    assert stage(worker, one, "admitted").stage == "admitted"
    with refused("evidence_missing"):
        stage(worker, one, "growing")
    with refused("unknown_evidence"):
        stage(worker, one, "growing", evidence="0" * 64)
    assert stage(worker, one, "growing", evidence=proof).stage == "growing"
    with refused("reason_missing"):
        stage(worker, one, "admitted")
    with refused("unknown_stage"):
        stage(worker, one, "perfect")
    assert stage(worker, one, "", note="不再活动").stage == ""
    life = list(LifeEvent.objects.filter(organisation=one, what="stage").order_by("pk"))
    assert [(event.before, event.after) for event in life] == [
        ("", "admitted"),
        ("admitted", "growing"),
        ("growing", ""),
    ]
    assert [step.reached for step in growth_of(Organisation.objects.get()).steps] == [None] * 4


def test_said_again_nothing_is_written(worker: Person, proof: str) -> None:
    one = make_organisation()
    for _twice in range(2):
        stage(worker, one, "admitted")
        actions.turn_purpose(
            by=worker, now=NOON, organisation_id=one.pk, purpose="self_governance", on=TODAY, evidence=proof
        )
        actions.name_brand(by=worker, now=NOON, organisation_id=one.pk, brand="小红帽", on=TODAY)
        actions.fill_party(by=worker, now=NOON, organisation_id=one.pk, party="leads", unit="街道党工委", since=TODAY)
    assert LifeEvent.objects.count() == 3
    assert PartyRole.objects.count() == 1


def test_what_happened_happened_in_order_and_not_tomorrow(worker: Person, proof: str) -> None:
    one = make_organisation(founded=date(2019, 5, 1))
    with refused("day_ahead"):
        stage(worker, one, "admitted", TODAY + timedelta(days=1))
    with refused("day_before_last"):
        stage(worker, one, "admitted", date(2019, 4, 30))
    stage(worker, one, "admitted", date(2020, 3, 2))
    with refused("day_before_last"):
        stage(worker, one, "growing", date(2020, 3, 1), evidence=proof)
    stage(worker, one, "growing", date(2020, 3, 2), evidence=proof)
    assert [step.reached and step.reached.on for step in growth_of(Organisation.objects.get()).steps[:2]] == [
        date(2020, 3, 2)
    ] * 2


def test_who_fell_back_shows_no_later_stage(worker: Person, proof: str) -> None:
    one = make_organisation()
    stage(worker, one, "admitted")
    stage(worker, one, "growing", evidence=proof)
    stage(worker, one, "admitted", note="人走了")
    admitted, growing, *_rest = growth_of(Organisation.objects.get()).steps
    assert (admitted.here, admitted.reached is not None, growing.reached) == (True, True, None)


def test_leisure_turns_to_self_governance_on_a_day_with_evidence(worker: Person, proof: str) -> None:
    one = make_organisation()
    turn = {"by": worker, "now": NOON, "organisation_id": one.pk}
    with refused("evidence_missing"):
        actions.turn_purpose(purpose="self_governance", on=TODAY, **turn)
    with refused("unknown_purpose"):
        actions.turn_purpose(purpose="profit", on=TODAY, note="x", **turn)
    actions.turn_purpose(purpose="self_governance", on=TODAY, evidence=proof, **turn)
    with refused("reason_missing"):
        actions.turn_purpose(purpose="leisure", on=TODAY, **turn)
    assert growth_in([TOWN]).turned == 1
    actions.turn_purpose(purpose="leisure", on=TODAY, note="又只唱歌了", **turn)
    assert growth_in([TOWN]).turned == 0


def test_a_slot_has_one_holder_and_its_emptiness_shows(worker: Person) -> None:
    one = make_organisation(stage="admitted")
    slot = {"by": worker, "now": NOON, "organisation_id": one.pk, "party": "advises"}
    assert growth_in([TOWN]).empty == dict.fromkeys(Party, 1)
    actions.fill_party(unit="明峰社工事务所", since=date(2020, 1, 1), **slot)
    assert growth_in([TOWN]).empty[Party.ADVISES] == 0
    with refused("since_before"):
        actions.fill_party(unit="另一家", since=date(2019, 1, 1), **slot)
    actions.fill_party(unit="另一家", since=date(2020, 6, 1), **slot)
    assert list(PartyRole.objects.order_by("pk").values_list("unit", "until")) == [
        ("明峰社工事务所", date(2020, 6, 1)),
        ("另一家", None),
    ]
    assert Organisation.objects.get().slots == 1
    with refused("until_before"):
        actions.leave_party(until=date(2020, 5, 1), **slot)
    actions.leave_party(until=date(2020, 12, 1), **slot)
    actions.leave_party(until=date(2020, 12, 1), **slot)
    assert Organisation.objects.get().slots == 0
    assert list(lacking([TOWN], "advises")) == [one]
    with refused("since_before"):
        actions.fill_party(unit="第三家", since=date(2020, 11, 1), **slot)
    for code, more in (("unknown_party", {"party": "owns"}), ("unit_missing", {"unit": " "})):
        with refused(code):
            actions.fill_party(**({"unit": "x", "since": TODAY} | slot | more))


def test_nobody_else_writes_and_nobody_learns_what_is_elsewhere(worker: Person) -> None:
    theirs = make_organisation(code="110112106001")
    mine = make_organisation()
    leader = make_person("leader", "leader", TOWN)
    with refused("organisation_not_found", NotFound):
        stage(worker, theirs, "admitted")
    with refused("not_allowed", NotAllowed):
        stage(leader, mine, "admitted")
    mine.dissolved_on = TODAY
    mine.save()
    with refused("organisation_dissolved", Conflict):
        stage(worker, mine, "admitted")
    assert not LifeEvent.objects.exists()


MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("stage"), st.sampled_from(["", *Stage.values])),
        st.tuples(st.just("fill"), st.sampled_from(Party.values)),
        st.tuples(st.just("leave"), st.sampled_from(Party.values)),
    ),
    max_size=15,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES)
def test_whatever_is_done_the_row_equals_its_history(worker: Person, proof: str, moves: list[tuple[str, str]]) -> None:
    Organisation.objects.all().delete()
    one = make_organisation()
    common = {"by": worker, "now": NOON, "organisation_id": one.pk}
    skipped = []
    for number, (what, which) in enumerate(moves):
        try:
            if what == "stage":
                actions.set_stage(stage=which, on=TODAY, evidence=proof, note="说明", **common)
            elif what == "fill":
                actions.fill_party(party=which, unit=f"单位{number % 2}", since=TODAY, **common)
            else:
                actions.leave_party(party=which, until=TODAY, **common)
        except Conflict as refusal:
            skipped.append(refusal.code)
    assert set(skipped) <= {"stage_skipped"}
    one.refresh_from_db()
    stages = list(one.life.filter(what="stage").order_by("pk"))
    assert one.stage == (stages[-1].after if stages else "")
    assert all(later.before == earlier.after for earlier, later in pairwise(stages))
    shown = growth_of(one)
    assert one.slots == one.parties.filter(until=None).count() == 5 - shown.empty
    here = [step.stage for step in shown.steps if step.here]
    assert here == ([one.stage] if one.stage else [])
    reached = [step.reached is not None for step in shown.steps]
    assert reached == sorted(reached, reverse=True)
    assert sum(reached) == (list(Stage).index(Stage(one.stage)) + 1 if one.stage else 0)
