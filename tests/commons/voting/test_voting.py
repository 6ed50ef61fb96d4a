"""Each household votes once, paper takes two people, and who voted how in secret is nowhere in the database."""

import json
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import serializers
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from tests.commons.building import make_households, make_place, make_topic

from duban.access.models import Person
from duban.commons.models import Household, PaperCount, Vote, Voted
from duban.commons.voting import actions, queries
from duban.commons.voting.actions import VoteRules
from duban.commons.voting.box import open_box
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=3)


def make_vote(by: Person, households: int = 5, **rules: Any) -> tuple[Vote, list[Household]]:
    place = make_place()
    doors = [household for household, _secret in make_households(place, households)]
    vote = actions.make_vote(
        by=by, now=NOON, topic_id=make_topic(place, by).pk, question="楼道里放长椅吗?", rules=VoteRules(**rules),
        opens_at=NOON, closes_at=LATER,
    )  # fmt: skip
    return vote, doors


@pytest.fixture
def worker(db: None) -> Person:
    return make_person("worker", "community_worker")


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(DubanError) as refusal:
        work()
    return refusal.value.code


def cast(vote: Vote, household: Household, choice: str = "yes", hours: int = 1) -> None:
    actions.cast_vote(household=household, now=NOON + timedelta(hours=hours), vote_id=vote.pk, choice=choice)


def test_nobody_votes_twice(worker: Person) -> None:
    vote, doors = make_vote(worker)
    cast(vote, doors[0])
    cast(vote, doors[0], hours=2)
    assert refused(lambda: cast(vote, doors[0], "no")) == "voted_already"
    assert refused(lambda: cast(vote, doors[1], "maybe")) == "bad_choice"
    assert refused(lambda: cast(vote, doors[1], hours=100)) == "vote_not_open"
    elsewhere, _secret = make_households(make_place("4单元"), 1)[0]
    assert refused(lambda: cast(vote, elsewhere)) == "vote_not_found"
    secret, doors = make_vote(worker, secret=True)
    cast(secret, doors[0])
    assert refused(lambda: cast(secret, doors[0])) == "voted_already"


def test_an_estate_votes_with_its_entrances(worker: Person) -> None:
    estate = make_place("艺苑西里", kind="estate")
    building = make_place("3号楼", kind="building", within=estate)
    entrances = [make_place(f"{number}单元", within=building) for number in (1, 2)]
    doors = [household for entrance in entrances for household, _secret in make_households(entrance, 2)]
    vote = actions.make_vote(
        by=worker, now=NOON, topic_id=make_topic(estate, worker).pk, question="装充电桩吗?", rules=VoteRules(),
        opens_at=NOON, closes_at=LATER,
    )  # fmt: skip
    assert [vote.pk in {one.pk for one in queries.votes_of(door)} for door in doors] == [True] * 4
    cast(vote, doors[0])
    paper = actions.enter_paper(by=worker, now=NOON, vote_id=vote.pk, doors=["2单元-1"], counts={"no": 1})
    assert paper.doors == ["2单元-1"]
    assert refused(
        lambda: actions.enter_paper(by=worker, now=NOON, vote_id=vote.pk, doors=["1"], counts={"no": 1})
    ) == ("unknown_door")


@pytest.mark.parametrize("secret", [False, True])
def test_paper_counts_once_two_people_agree(worker: Person, secret: bool) -> None:
    second = make_person("second", "community_worker")
    vote, doors = make_vote(worker, secret=secret)
    cast(vote, doors[0])
    enter: dict[str, Any] = {"by": worker, "now": NOON, "vote_id": vote.pk}
    assert refused(lambda: actions.enter_paper(**enter, doors=["2", "3"], counts={"yes": 1})) == "bad_paper"
    assert refused(lambda: actions.enter_paper(**enter, doors=["9"], counts={"yes": 1})) == "unknown_door"
    assert refused(lambda: actions.enter_paper(**enter, doors=["1"], counts={"yes": 1})) == "voted_already"
    key = uuid.uuid4()
    for _time in range(2):
        paper = actions.enter_paper(**enter, doors=["2", "3"], counts={"yes": 1, "no": 1}, paper_id=key)
    check: dict[str, Any] = {"now": NOON, "paper_id": paper.pk}
    assert refused(lambda: actions.check_paper(by=worker, counts={"yes": 1, "no": 1}, **check)) == "own_paper"
    close: dict[str, Any] = {"by": worker, "now": LATER, "vote_id": vote.pk}
    assert refused(lambda: actions.close_vote(**close)) == "paper_unchecked"
    assert actions.check_paper(by=second, counts={"yes": 2}, **check).differs is not None
    assert Voted.objects.filter(vote=vote, paper=True).count() == 0
    actions.check_paper(by=second, counts={"yes": 1, "no": 1}, **check)
    assert refused(lambda: actions.check_paper(by=second, counts={"yes": 1, "no": 1}, **check)) == "paper_checked"
    assert refused(lambda: cast(vote, doors[1])) == "voted_already"
    closed = actions.close_vote(**close)
    assert closed.result is not None
    assert closed.result["counts"] == {"yes": 2, "no": 1, "abstain": 0}


@pytest.mark.parametrize("choice", ["yes", "no", "abstain"])
def test_a_single_ballot_on_paper_leaves_no_trace_of_its_answer(worker: Person, choice: str) -> None:
    """One door hands in one ballot of a secret vote: its row must not say which answer it was, at no step."""
    second = make_person("second", "community_worker")
    vote, _doors = make_vote(worker, secret=True)
    key = uuid.UUID(int=7)
    actions.enter_paper(by=worker, now=NOON, vote_id=vote.pk, doors=["2"], counts={choice: 1}, paper_id=key)
    steps = [PaperCount.objects.values("doors", "counts", "differs").get()]
    wrong = "yes" if choice != "yes" else "no"
    assert actions.check_paper(by=second, now=NOON, paper_id=key, counts={wrong: 1}).differs is not None
    steps.append(PaperCount.objects.values("doors", "counts", "differs").get())
    assert actions.check_paper(by=second, now=NOON, paper_id=key, counts={choice: 1}).checked_at == NOON
    steps.append(PaperCount.objects.values("doors", "counts", "differs").get())
    told = json.dumps(steps) + serializers.serialize("json", AuditRecord.objects.all())
    assert not any(f'"{one}"' in told for one in ("yes", "no", "abstain"))
    assert steps[-1] == {"doors": ["2"], "counts": {}, "differs": None}
    assert actions.recount(Vote.objects.get(pk=vote.pk))[0][choice] == 1


def test_a_door_that_voted_meanwhile_stops_the_paper(worker: Person) -> None:
    second = make_person("second", "community_worker")
    vote, doors = make_vote(worker)
    paper = actions.enter_paper(by=worker, now=NOON, vote_id=vote.pk, doors=["2"], counts={"no": 1})
    cast(vote, doors[1])
    check = {"by": second, "now": NOON, "paper_id": paper.pk, "counts": {"no": 1}}
    assert refused(lambda: actions.check_paper(**check)) == "voted_already"
    actions.discard_paper(by=worker, now=NOON, paper_id=paper.pk)
    assert not PaperCount.objects.exists()


def test_a_result_stands(worker: Person) -> None:
    vote, doors = make_vote(worker, quorum_percent=50)
    for door in doors[:3]:
        cast(vote, door)
    assert refused(lambda: actions.close_vote(by=worker, now=NOON, vote_id=vote.pk)) == "vote_goes_on"
    first = actions.close_vote(by=worker, now=LATER, vote_id=vote.pk)
    make_households(make_place("后来的", within=vote.topic.place), 20)
    again = actions.close_vote(by=worker, now=LATER + timedelta(days=1), vote_id=vote.pk)
    assert again.result == first.result
    assert again.closed_at == LATER
    counts, found = actions.recount(again)
    assert again.result is not None
    assert (counts, found.why) == (again.result["counts"], "carried")
    assert refused(lambda: cast(vote, doors[4])) == "vote_not_open"


def test_another_office_sees_no_vote(worker: Person) -> None:
    vote, _doors = make_vote(worker)
    stranger = make_person("stranger", "community_worker", "110113")
    assert refused(lambda: queries.vote_for(stranger, vote.pk)) == "vote_not_found"
    assert refused(lambda: actions.close_vote(by=stranger, now=LATER, vote_id=vote.pk)) == "vote_not_found"
    leader = make_person("leader", "leader")
    assert refused(lambda: actions.close_vote(by=leader, now=LATER, vote_id=vote.pk)) == "not_allowed"


def test_invitations_open_the_votes_of_their_door_alone(worker: Person) -> None:
    place = make_place()
    made = actions.invite_households(by=worker, now=NOON, place_id=place.pk, doors=["101", "102", "101"])
    assert sorted(made) == ["101", "102"]
    again = actions.invite_households(by=worker, now=NOON, place_id=place.pk, doors=["102", "103"])
    assert sorted(again) == ["103"]
    household = queries.household_of(made["101"])
    assert household.door == "101"
    fresh = actions.renew_invitation(by=worker, now=NOON, household_id=household.pk)
    assert refused(lambda: queries.household_of(made["101"])) == "invitation_not_found"
    assert queries.household_of(fresh) == household
    assert refused(lambda: actions.invite_households(by=worker, now=NOON, place_id=place.pk, doors=["一 零 一"])) == (
        "bad_door"
    )


class Secrecy(TestCase):
    @settings(max_examples=15, deadline=None)
    @given(st.lists(st.sampled_from(["yes", "no", "abstain"]), min_size=2, max_size=8), st.randoms())
    def test_the_database_is_the_same_whoever_voted_how(self, choices: list[str], random: Any) -> None:
        """Two elections in which the doors swapped their choices leave rows that differ in nothing but random bytes."""
        worker = make_person(f"worker{uuid.uuid4().hex[:8]}", "community_worker")
        dumps = []
        for turn in range(2):
            vote, doors = make_vote(worker, households=len(choices), secret=True)
            cast_by = list(choices)
            if turn:
                random.shuffle(cast_by)
            for number, (door, choice) in enumerate(zip(doors, cast_by, strict=True)):
                cast(vote, door, choice, hours=number)
            vote.refresh_from_db()
            assert open_box(vote.box) == Counter(choices)
            rows = Voted.objects.filter(vote=vote).order_by("pk")
            dumps.append([(row.household.door, row.choice, row.paper, row.at) for row in rows])
            told = serializers.serialize("json", AuditRecord.objects.filter(subject_id=str(vote.pk)))
            assert "cast" not in told
            counts, _found = actions.recount(vote)
            assert sum(counts.values()) == len(choices) == rows.count()
        assert dumps[0] == dumps[1]

    def test_a_box_does_not_tell_by_its_size(self) -> None:
        worker = make_person("sizes", "community_worker")
        sizes = set()
        for choices in (["yes"] * 3, ["no", "abstain", "yes"], ["abstain"] * 3):
            vote, doors = make_vote(worker, households=3, secret=True)
            for door, choice in zip(doors, choices, strict=True):
                cast(vote, door, choice)
            vote.refresh_from_db()
            assert vote.box is not None
            sizes.add(len(vote.box))
            assert "yes" not in json.dumps(bytes(vote.box).decode("latin-1"))
        assert len(sizes) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("secret", [False, True])
def test_one_household_at_two_phones_votes_once_and_no_ballot_is_lost(worker: Person, secret: bool) -> None:
    vote, doors = make_vote(worker, households=6, secret=secret)

    def attempt(turn: int) -> bool:
        try:
            cast(vote, doors[turn // 2], ["yes", "no"][turn % 2])
        except DubanError as refusal:
            if refusal.code != "voted_already":
                raise
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(12))) == 6
    vote.refresh_from_db()
    assert sum(actions.recount(vote)[0].values()) == 6
