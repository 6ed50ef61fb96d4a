"""A topic's way: open, invited, held, decided, closed; nothing out of order, a replay changes nothing."""

import uuid
from datetime import timedelta

import pytest
from tests.commons.deliberation.building import LATER, MET, RESIDENT, Neighbourhood, refused

from duban.commons.deliberation import actions, problems, queries, shown
from duban.commons.models import Topic
from duban.commons.voting import actions as voting
from duban.commons.voting.actions import VoteRules
from duban.core.models import AuditRecord
from duban.decisions import actions as decisions
from duban.decisions.actions import Attendee, Unit
from duban.decisions.models import Body, Decision, Meeting
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db


def state(topic: Topic) -> str:
    return Topic.objects.get(pk=topic.pk).state


def test_the_whole_way(home: Neighbourhood) -> None:
    topic = home.topic()
    assert state(topic) == "open"
    home.invited(topic)
    assert state(topic) == "invited"
    problem = problems.list_problem(by=home.worker, now=MET, topic_id=topic.pk, text="楼道堆物")
    close = {"by": home.worker, "now": LATER, "topic_id": topic.pk}
    assert refused(lambda: actions.close_topic(**close)) == "problems_unanswered"
    problems.answer_problem(by=home.worker, now=MET, problem_id=problem.pk, answer="周六清理")
    assert refused(lambda: actions.close_topic(**close)) == "meeting_ahead"
    home.held(topic)
    vote = home.vote(topic, ["yes", "yes", "no"])
    decision = actions.decide_topic(
        by=home.worker, now=LATER, topic_id=topic.pk, text="周六一起清理楼道", vote_id=vote.pk,
        lead=Unit("2单元楼门组"), problems=[problem.pk],
    )  # fmt: skip
    assert state(topic) == "decided"
    assert refused(lambda: actions.close_topic(**close)) == "minutes_unapproved"
    meeting = Meeting.objects.get()
    decisions.write_minutes(by=home.worker, now=LATER, meeting_id=meeting.pk, minutes="会议商定清理")
    decisions.approve_minutes(by=home.second, now=LATER, meeting_id=meeting.pk)
    actions.close_topic(**close)
    audits = AuditRecord.objects.count()
    actions.close_topic(**close)
    assert AuditRecord.objects.count() == audits
    assert state(topic) == "closed"
    assert refused(lambda: actions.change_topic(by=home.worker, now=LATER, topic_id=topic.pk, title="改", text="")) == (
        "topic_closed"
    )
    assert refused(lambda: problems.list_problem(by=home.worker, now=LATER, topic_id=topic.pk, text="又")) == (
        "topic_closed"
    )
    problem.refresh_from_db()
    assert problem.decision == decision
    assert RESIDENT not in str(list(AuditRecord.objects.values_list("detail", flat=True)))
    line = shown.life_of(
        queries.public_topic(topic.pk), shown.problems_of(topic, LATER), shown.decisions_of(meeting, LATER)
    )
    assert [step.key for step in line if not step.done] == ["work"]


def test_an_invitation_is_moved_until_the_meeting_was_held(home: Neighbourhood) -> None:
    topic = home.topic()
    invite = {"by": home.worker, "now": NOON, "topic_id": topic.pk, "place": "活动室"}
    assert refused(lambda: actions.invite_topic(at=NOON, **invite)) == "meeting_in_the_past"
    assert refused(lambda: actions.invite_topic(at=MET, **(invite | {"place": " "}))) == "meeting_place"
    assert refused(lambda: actions.invite_topic(at=MET, agenda=["x"] * 31, **invite)) == "bad_agenda"
    assert state(topic) == "open"
    assert not Body.objects.exists()
    first = actions.invite_topic(at=MET, agenda=["清理", " ", "装饰"], **invite).meeting
    assert [item.title for item in first.agenda.all()] == ["清理", "装饰"]
    assert actions.invite_topic(at=MET, agenda=["清理", "装饰"], **invite).meeting == first
    second = actions.invite_topic(at=LATER, **invite).meeting
    first.refresh_from_db()
    assert (first.state, second.state, second.number) == ("cancelled", "planned", 2)
    assert [item.title for item in second.agenda.all()] == [topic.title]
    assert Body.objects.get().name == "艺苑西里 3号楼 2单元居民议事会"
    attendance = [Attendee("chair", "李主任")]
    hold = {"by": home.worker, "topic_id": topic.pk, "attendance": attendance}
    assert refused(lambda: actions.hold_topic(now=NOON, **hold)) == "meeting_ahead"
    actions.hold_topic(now=LATER, **hold)
    assert refused(lambda: actions.invite_topic(at=LATER + timedelta(days=3), **invite)) == "meeting_held"
    assert refused(lambda: actions.call_off_meeting(by=home.worker, now=LATER, topic_id=topic.pk)) == "meeting_over"


def test_a_meeting_called_off_lets_another_one_be_planned_or_the_topic_close(home: Neighbourhood) -> None:
    topic = home.topic()
    assert refused(lambda: actions.call_off_meeting(by=home.worker, now=NOON, topic_id=topic.pk)) == "not_invited"
    home.invited(topic)
    actions.call_off_meeting(by=home.worker, now=NOON, topic_id=topic.pk)
    assert state(topic) == "open"
    assert refused(lambda: actions.hold_topic(by=home.worker, now=MET, topic_id=topic.pk, attendance=[])) == (
        "meeting_over"
    )
    assert home.invited(topic, LATER).meeting.number == 2
    actions.call_off_meeting(by=home.worker, now=NOON, topic_id=topic.pk)
    actions.close_topic(by=home.worker, now=NOON, topic_id=topic.pk)
    assert state(topic) == "closed"


def test_nothing_is_decided_before_the_meeting_nor_beside_a_vote(home: Neighbourhood) -> None:
    topic = home.topic()
    decide = {"by": home.worker, "now": LATER, "topic_id": topic.pk, "text": "清理"}
    assert refused(lambda: actions.decide_topic(**decide)) == "not_invited"
    home.invited(topic)
    assert refused(lambda: actions.decide_topic(**decide)) == "meeting_not_held"
    home.held(topic)
    lost = home.vote(topic, ["no", "no", "yes"])
    assert refused(lambda: actions.decide_topic(vote_id=lost.pk, **decide)) == "vote_not_carried"
    missed = home.vote(topic, ["yes"], quorum_percent=50)
    assert refused(lambda: actions.decide_topic(vote_id=missed.pk, **decide)) == "vote_not_carried"
    other = home.topic(home.estate, "别的")
    assert refused(lambda: actions.decide_topic(vote_id=uuid.uuid4(), **decide)) == "vote_not_found"
    home.held(other)
    assert refused(lambda: actions.decide_topic(vote_id=lost.pk, **(decide | {"topic_id": other.pk}))) == (
        "vote_not_found"
    )
    assert refused(lambda: actions.decide_topic(**(decide | {"text": " "}))) == "decision_text"
    early = refused(lambda: actions.decide_topic(due_on=NOON.date(), **decide))
    assert early == "due_before_start"
    assert not Decision.objects.exists()
    assert state(topic) == "invited"


def test_while_a_vote_goes_on_consensus_decides_nothing(home: Neighbourhood) -> None:
    topic = home.held(home.topic())
    vote = voting.make_vote(
        by=home.worker, now=MET, topic_id=topic.pk, question="清理吗?", rules=VoteRules(), opens_at=MET, closes_at=LATER
    )
    decide = {"by": home.worker, "now": MET, "topic_id": topic.pk, "text": "清理"}
    assert refused(lambda: actions.decide_topic(**decide)) == "vote_goes_on"
    assert refused(lambda: actions.decide_topic(vote_id=vote.pk, **decide)) == "vote_goes_on"
    assert refused(lambda: actions.close_topic(by=home.worker, now=MET, topic_id=topic.pk)) == "vote_goes_on"


def test_a_vote_or_an_id_decides_once(home: Neighbourhood) -> None:
    topic = home.held(home.topic())
    vote = home.vote(topic, ["yes", "yes"])
    decide = {"by": home.worker, "now": LATER, "topic_id": topic.pk}
    first = actions.decide_topic(text="清理", vote_id=vote.pk, **decide)
    assert actions.decide_topic(text="再说一遍", vote_id=vote.pk, **decide) == first
    key = uuid.uuid4()
    agreed = actions.decide_topic(text="楼门贴画", decision_id=key, **decide)
    assert actions.decide_topic(text="楼门贴画", decision_id=key, **decide) == agreed
    assert list(Decision.objects.order_by("position").values_list("position", flat=True)) == [1, 2]
    # By vote from the day it was counted; by consensus from the meeting.
    assert (first.starts_at, agreed.starts_at) == (LATER, MET)


def test_a_problem_of_elsewhere_is_settled_by_nothing(home: Neighbourhood) -> None:
    topic, other = home.held(home.topic()), home.topic(home.estate, "别的")
    foreign = problems.list_problem(by=home.worker, now=NOON, topic_id=other.pk, text="灯坏")
    decide = {"by": home.worker, "now": LATER, "topic_id": topic.pk, "text": "清理"}
    assert refused(lambda: actions.decide_topic(problems=[foreign.pk], **decide)) == "problem_not_found"
    assert not Decision.objects.exists()


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"title": " "}, "topic_title"),
        ({"title": "长" * 201}, "topic_title"),
        ({"text": "长" * 5001}, "topic_text"),
        ({"title": "坏\ud800"}, "bad_text"),
        ({"text": "联系人13800138000"}, "personal_number"),
        ({"place_id": uuid.UUID(int=1)}, "place_not_found"),
    ],
)
def test_what_no_topic_may_be(home: Neighbourhood, facts: dict[str, object], code: str) -> None:
    good = {"place_id": home.entrance.pk, "title": "议题", "text": ""}
    assert refused(lambda: actions.open_topic(by=home.worker, now=NOON, **(good | facts))) == code
    assert not Topic.objects.exists()


def test_an_id_stands_for_one_topic_and_others_see_none(home: Neighbourhood) -> None:
    key = uuid.uuid4()
    ask = {"by": home.worker, "now": NOON, "topic_id": key, "title": "议题"}
    first = actions.open_topic(place_id=home.entrance.pk, **ask)
    assert actions.open_topic(place_id=home.entrance.pk, **ask) == first
    assert refused(lambda: actions.open_topic(place_id=home.estate.pk, **ask)) == "topic_conflict"
    stranger = make_person("stranger", "community_worker", "110112106")
    assert refused(lambda: actions.close_topic(by=stranger, now=NOON, topic_id=key)) == "topic_not_found"
    leader = make_person("leader", "leader", "110112")
    assert refused(lambda: actions.close_topic(by=leader, now=NOON, topic_id=key)) == "not_allowed"
