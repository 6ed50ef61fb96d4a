"""A vote that stands open today: where the benches of 艺苑西里 go, in secret, with ballots on paper to be counted."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.utils import timezone

from duban.access.models import Person
from duban.commons.models import Topic, VoteRule
from duban.commons.voting import actions, queries
from duban.commons.voting.actions import VoteRules
from duban.demo.partners import COMMUNITY, NAMESPACE

OPTIONS = (("hall", "放在门厅里"), ("landing", "放在一层平台"), ("outside", "放在楼门外的墙边"))
CHOICES = ("hall", "hall", "landing", "hall", "outside", "abstain", "hall")
ON_PAPER = 2


def ask_neighbours(*, people: Mapping[str, Person], now: datetime) -> str:
    """The vote on the newest topic of the community; returns an invitation that opens it and has not voted yet."""
    worker = people["community_worker"]
    topic = Topic.objects.filter(jurisdiction__startswith=COMMUNITY).select_related("place").latest("opened_at")
    begun = now - timedelta(days=1)
    closes = (timezone.localtime(now) + timedelta(days=3)).replace(hour=18, minute=0, second=0, microsecond=0)
    vote = actions.make_vote(
        by=worker, now=begun, topic_id=topic.pk, vote_id=uuid.uuid5(NAMESPACE, "benches"),
        opens_at=begun, closes_at=closes,
        question="一层的座椅放在哪里？",
        rules=VoteRules(rule=VoteRule.MOST, quorum_percent=50, secret=True, options=OPTIONS),
    )  # fmt: skip
    first, *others = queries.households_of(topic.place).select_related("place")
    if vote.voted.exists():
        return actions.renew_invitation(by=worker, now=now, household_id=first.pk)
    for household, choice in zip(others, CHOICES, strict=False):
        actions.cast_vote(household=household, now=begun + timedelta(hours=2), vote_id=vote.pk, choice=choice)
    doors = [queries.door_in(one, topic.place) for one in others[len(CHOICES) : len(CHOICES) + ON_PAPER]]
    if doors:
        actions.enter_paper(
            by=worker, now=now - timedelta(hours=3), vote_id=vote.pk, doors=doors, counts={"hall": len(doors)},
            paper_id=uuid.uuid5(NAMESPACE, "paper"),
        )  # fmt: skip
    return actions.renew_invitation(by=worker, now=now, household_id=first.pk)
