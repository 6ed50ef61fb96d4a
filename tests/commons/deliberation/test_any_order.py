"""Steps of a topic in any order: what is refused changes nothing, and each state means what it says."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.commons.deliberation.building import MET, Neighbourhood

from duban.commons.deliberation import actions, comments, problems
from duban.commons.models import Topic
from duban.commons.voting import actions as voting
from duban.commons.voting.actions import VoteRules
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.decisions import actions as decisions
from duban.decisions.actions import Attendee
from duban.decisions.models import Decision
from duban.demo.builders import NOON

pytestmark = pytest.mark.django_db
STEPS = (
    "invite", "call_off", "hold", "list", "answer", "ledger", "vote", "cast", "count", "decide", "decide_by_vote",
    "minutes", "approve", "say", "close", "wait",
)  # fmt: skip


class Walk:
    """One topic, and a clock that goes on with every step."""

    def __init__(self, home: Neighbourhood):
        self.home, self.now = home, NOON
        self.topic = home.topic()

    def take(self, step: str) -> None:
        self.now += timedelta(hours=1)
        take: Callable[[], object] = getattr(self, step)
        before = self.told()
        try:
            with transaction.atomic():
                take()
        except DubanError:
            assert self.told() == before, step

    def told(self) -> list[object]:
        topic = Topic.objects.select_related("meeting").get(pk=self.topic.pk)
        return [
            topic.state, topic.meeting and (topic.meeting.pk, topic.meeting.state, topic.meeting.minutes),
            list(topic.problems.order_by("pk").values_list("answer", "entry", "decision")),
            list(topic.votes.order_by("opens_at").values_list("closed_at", "decision")), topic.comments.count(),
            Decision.objects.count(), AuditRecord.objects.count(),
        ]  # fmt: skip

    def check(self) -> None:
        topic = Topic.objects.select_related("meeting").get(pk=self.topic.pk)
        meeting = topic.meeting.state if topic.meeting else None
        decided = topic.meeting.decisions.count() if topic.meeting else 0
        if topic.state == "open":
            assert meeting in {None, "cancelled"}
        if topic.state == "invited":
            assert meeting in {"planned", "held", "approved"}
            assert decided == 0
        if topic.state == "decided":
            assert meeting in {"held", "approved"}
            assert decided > 0
        if topic.state == "closed":
            assert not topic.problems.filter(answer="").exists()
            assert not topic.votes.filter(closed_at=None).exists()
            assert meeting in {None, "cancelled", "approved"}
        for vote in topic.votes.exclude(decision=None):
            assert vote.result
            assert vote.result["carried"]

    # ---- the steps ----

    def invite(self) -> None:
        actions.invite_topic(
            by=self.home.worker, now=self.now, topic_id=self.topic.pk, at=self.now + timedelta(hours=2), place="活动室"
        )

    def call_off(self) -> None:
        actions.call_off_meeting(by=self.home.worker, now=self.now, topic_id=self.topic.pk)

    def hold(self) -> None:
        people = [Attendee("chair", "李主任")]
        actions.hold_topic(by=self.home.worker, now=self.now, topic_id=self.topic.pk, attendance=people)

    def list(self) -> None:
        problems.list_problem(by=self.home.worker, now=self.now, topic_id=self.topic.pk, text=f"问题{self.now}")

    def answer(self) -> None:
        for one in self.topic.problems.all():
            problems.answer_problem(by=self.home.worker, now=self.now, problem_id=one.pk, answer="办")

    def ledger(self) -> None:
        for one in self.topic.problems.all():
            problems.problem_to_entry(by=self.home.worker, now=self.now, problem_id=one.pk, category="06036")

    def vote(self) -> None:
        voting.make_vote(
            by=self.home.worker, now=self.now, topic_id=self.topic.pk, question="办吗?", rules=VoteRules(),
            opens_at=self.now, closes_at=self.now + timedelta(hours=2),
        )  # fmt: skip

    def cast(self) -> None:
        for vote in self.topic.votes.all():
            voting.cast_vote(household=self.home.doors[0][0], now=self.now, vote_id=vote.pk, choice="yes")

    def count(self) -> None:
        for vote in self.topic.votes.filter(closed_at=None):
            voting.close_vote(by=self.home.worker, now=self.now, vote_id=vote.pk)

    def decide(self) -> None:
        actions.decide_topic(by=self.home.worker, now=self.now, topic_id=self.topic.pk, text="办")

    def decide_by_vote(self) -> None:
        for vote in self.topic.votes.all():
            actions.decide_topic(by=self.home.worker, now=self.now, topic_id=self.topic.pk, text="办", vote_id=vote.pk)

    def minutes(self) -> None:
        meeting = actions.meeting_of(Topic.objects.get(pk=self.topic.pk))
        decisions.write_minutes(by=self.home.worker, now=self.now, meeting_id=meeting.pk, minutes="纪要")

    def approve(self) -> None:
        meeting = actions.meeting_of(Topic.objects.get(pk=self.topic.pk))
        decisions.approve_minutes(by=self.home.second, now=self.now, meeting_id=meeting.pk)

    def say(self) -> None:
        comments.comment(by=self.home.doors[0][0], now=self.now, topic_id=self.topic.pk, text="说")

    def close(self) -> None:
        actions.close_topic(by=self.home.second, now=self.now, topic_id=self.topic.pk)

    def wait(self) -> None:
        self.now += timedelta(days=1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STEPS), min_size=4, max_size=20))
def test_whatever_the_order_the_states_mean_what_they_say(home: Neighbourhood, steps: list[str]) -> None:
    with suppress(Undo), transaction.atomic():
        walk = Walk(home)
        for step in steps:
            walk.take(step)
            walk.check()
        raise Undo


def test_the_straight_way_ends_closed(home: Neighbourhood) -> None:
    """Else the test above might never get anywhere."""
    walk = Walk(home)
    way = "say invite wait hold list ledger vote cast wait count decide_by_vote answer minutes approve close"
    for step in way.split():
        walk.take(step)
        walk.check()
    assert Topic.objects.get(pk=walk.topic.pk).state == "closed"
    assert walk.now > MET


class Undo(Exception):
    """Takes back what one example did."""
