"""Two workers at the same topic: one decision of a vote, one entry of a problem, nothing listed on what is closed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from tests.commons.deliberation.building import LATER, MET, Neighbourhood, make_neighbourhood

from duban.commons.deliberation import actions, problems
from duban.commons.models import Topic
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
