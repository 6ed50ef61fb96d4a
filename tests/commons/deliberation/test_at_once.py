"""Two workers at the same topic: one decision of a vote, one entry of a problem, nothing listed on what is closed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial

import pytest
from django.db import connection, transaction
from tests.commons.deliberation.building import COMMUNITY, LATER, MET, Neighbourhood, make_neighbourhood

from duban.commons.deliberation import actions, places, problems
from duban.commons.models import Topic
from duban.commons.voting import actions as voting
from duban.commons.voting.actions import VoteRules
from duban.commons.voting.queries import households_of
from duban.core.errors import DubanError
from duban.decisions.models import Decision, Meeting
from duban.demo.builders import NOON
from duban.ledger.models import Entry

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*work: Callable[[], object]) -> list[str]:
    """What each came to: ok, or the code of its refusal."""

    def run(one: Callable[[], object]) -> str:
        try:
            one()
            return "ok"
        except DubanError as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(work)) as pool:
        return sorted(pool.map(run, work))


@pytest.fixture
def home() -> Neighbourhood:
    return make_neighbourhood()


def test_a_vote_is_written_down_once(home: Neighbourhood) -> None:
    topic = home.held(home.topic())
    vote = home.vote(topic, ["yes", "yes"])
    decide = [
        lambda: actions.decide_topic(by=home.worker, now=LATER, topic_id=topic.pk, text="清理", vote_id=vote.pk)
    ] * 4
    assert at_once(*decide) == ["ok"] * 4
    assert Decision.objects.count() == 1


def test_a_problem_becomes_one_entry(home: Neighbourhood) -> None:
    problem = problems.list_problem(by=home.worker, now=NOON, topic_id=home.topic().pk, text="堆物")
    put = [lambda: problems.problem_to_entry(by=home.worker, now=LATER, problem_id=problem.pk, category="06036")] * 4
    assert at_once(*put) == ["ok"] * 4
    assert Entry.objects.count() == 1


def test_whoever_invites_twice_at_once_plans_one_meeting(home: Neighbourhood) -> None:
    topic = home.topic()
    invite = [lambda: actions.invite_topic(by=home.worker, now=NOON, topic_id=topic.pk, at=MET, place="活动室")] * 4
    assert at_once(*invite) == ["ok"] * 4
    assert Meeting.objects.filter(state="planned").count() == Meeting.objects.count() == 1


def test_a_place_does_not_move_while_a_vote_begins(home: Neighbourhood) -> None:
    other = places.make_place(by=home.worker, now=NOON, kind="estate", name="艺苑东里", jurisdiction=COMMUNITY)
    topic = home.topic(home.estate)
    move = partial(places.move_place, by=home.worker, now=NOON, place_id=home.building.pk, within_id=other.pk)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            voting.make_vote(
                by=home.worker, now=NOON, topic_id=topic.pk, question="装灯吗?", rules=VoteRules(), opens_at=NOON,
                closes_at=MET,
            )  # fmt: skip
            moved = pool.submit(at_once, move)
            # It has to wait for the vote, of which it knows nothing yet.
            assert not wait([moved], timeout=1).done
        assert moved.result() == ["vote_under_way"]
    assert households_of(home.estate).count() == len(home.doors)


def test_two_moves_at_once_do_not_wait_for_each_other(home: Neighbourhood) -> None:
    make = {"by": home.worker, "now": NOON}
    other = places.make_place(kind="estate", name="艺苑东里", jurisdiction=COMMUNITY, **make)
    second = places.make_place(kind="building", name="5号楼", within_id=other.pk, **make)
    for there, back in ((other, home.estate), (home.estate, other)):
        assert at_once(
            partial(places.move_place, place_id=home.building.pk, within_id=there.pk, **make),
            partial(places.move_place, place_id=second.pk, within_id=back.pk, **make),
        ) == ["ok", "ok"]


def test_nothing_is_listed_on_a_topic_that_is_closed_meanwhile(home: Neighbourhood) -> None:
    topic = home.topic()
    answers = at_once(
        lambda: actions.close_topic(by=home.second, now=LATER, topic_id=topic.pk),
        lambda: problems.list_problem(by=home.worker, now=LATER, topic_id=topic.pk, text="又一件"),
    )
    closed, listed = Topic.objects.get().state == "closed", topic.problems.exists()
    assert (answers, closed, listed) in [
        (["ok", "topic_closed"], True, False),
        (["ok", "problems_unanswered"], False, True),
    ]
