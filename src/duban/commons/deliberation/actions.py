"""Writes of topics: opened, invited to, who was there, decided, closed."""

import uuid
from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.deliberation import queries
from duban.commons.deliberation.public_words import checked_public
from duban.commons.models import Problem, SharedPlace, Topic, TopicState, Vote
from duban.commons.voting.outcome import NO
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.decisions import actions as decisions
from duban.decisions.actions import Attendee, Unit
from duban.decisions.models import BodyKind, Decision, DecisionState, Meeting, MeetingState
from duban.ledger import mandates

MANAGES = "topic.manage"
MAX_AGENDA = 30


class BadTopic(DubanError):
    pass


# ---- opened ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def open_topic(
    *, by: Person, now: datetime, place_id: uuid.UUID, title: str, text: str = "", topic_id: uuid.UUID | None = None
) -> Topic:
    """Something that a place talks about from now on, for anybody to read. The same id again gives the first answer.

    Raises NotFound (`place_not_found`), NotAllowed, BadTopic (`topic_title`, `topic_text`, `personal_number`),
    Conflict (`topic_conflict`).
    """
    place = queries.place_for(by, place_id)
    rights.require(by, MANAGES, place.jurisdiction)
    there = Topic.objects.filter(pk=topic_id).first() if topic_id else None
    if there is not None:
        if there.place_id != place.pk:
            raise Conflict("topic_conflict", _("This id stands for another topic already."), field="id")
        return there
    topic = Topic.objects.create(
        id=topic_id or uuid.uuid4(),
        place=place,
        jurisdiction=place.jurisdiction,
        title=_words(title, "title", 200, "topic_title", needed=True),
        text=_words(text, "text", 5000, "topic_text"),
        opened_by=by.as_actor(),
        opened_at=now,
    )
    _audit(by, now, "open_topic", topic)
    return topic


@transaction.atomic
def change_topic(*, by: Person, now: datetime, topic_id: uuid.UUID, title: str, text: str) -> Topic:
    """Other words for it, as long as nothing was decided. Raises NotFound, NotAllowed, BadTopic (`topic_title`,
    `topic_text`), Conflict (`topic_decided`)."""
    topic = managed(by, topic_id)
    if topic.state not in {TopicState.OPEN, TopicState.INVITED}:
        raise Conflict("topic_decided", _("What was decided about keeps its words."))
    topic.title = _words(title, "title", 200, "topic_title", needed=True)
    topic.text = _words(text, "text", 5000, "topic_text")
    topic.save(update_fields=["title", "text"])
    _audit(by, now, "change_topic", topic)
    return topic


# ---- the meeting ----------------------------------------------------------------------------------------------------


@transaction.atomic
def invite_topic(
    *, by: Person, now: datetime, topic_id: uuid.UUID, at: datetime, place: str, agenda: Sequence[str] = ()
) -> Topic:
    """Plan the meeting about it, of the residents of its place. Again, before it was held, moves it to another day.

    The same once more changes nothing. Raises NotFound (`topic_not_found`), NotAllowed, BadTopic
    (`meeting_in_the_past`, `meeting_place`, `bad_agenda`), Conflict (`topic_closed`, `meeting_held`).
    """
    topic = managed(by, topic_id)
    before = topic.meeting
    items = [_words(one, "agenda", 200, "bad_agenda") for one in agenda if one.strip()] or [topic.title]
    if len(items) > MAX_AGENDA:
        raise BadTopic("bad_agenda", _("At most 30 items on an agenda."), field="agenda")
    where = _words(place, "place", 200, "meeting_place", needed=True)
    if before is not None and before.state == MeetingState.PLANNED:
        titles = list(before.agenda.values_list("title", flat=True))
        if (before.at, before.place, titles) == (at, where, items):
            return topic
    if before is not None and before.state in {MeetingState.HELD, MeetingState.APPROVED}:
        raise Conflict("meeting_held", _("The meeting took place already."))
    if at <= now:
        raise BadTopic("meeting_in_the_past", _("Invite to a moment that is still to come."), field="at")
    if before is not None and before.state == MeetingState.PLANNED:
        decisions.cancel_meeting(by=by, now=now, meeting_id=before.pk)
    body = decisions.make_body(
        by=by, now=now, kind=BodyKind.RESIDENTS, name=body_name(topic.place), jurisdiction=topic.jurisdiction
    )
    topic.meeting = decisions.plan_meeting(
        by=by, now=now, body_id=body.pk, at=at, place=where, title=topic.title, agenda=items
    )
    topic.state = TopicState.INVITED
    topic.save(update_fields=["meeting", "state"])
    _audit(by, now, "invite_topic", topic, meeting=str(topic.meeting.pk))
    return topic


def body_name(place: SharedPlace) -> str:
    """What the residents of a place are called when they meet: a record, so never in the language of who invites."""
    return f"{queries.full_name(place)[-80:]}居民议事会"


@transaction.atomic
def hold_topic(*, by: Person, now: datetime, topic_id: uuid.UUID, attendance: Sequence[Attendee]) -> Topic:
    """The meeting took place with these people. Raises NotFound, NotAllowed, Conflict (`not_invited`,
    `meeting_ahead`, `meeting_over`), BadDecision (`attendance_wrong`)."""
    topic = managed(by, topic_id)
    meeting = meeting_of(topic)
    if now < meeting.at:
        raise Conflict("meeting_ahead", _("The meeting is still to come; say who was there afterwards."))
    decisions.hold_meeting(by=by, now=now, meeting_id=meeting.pk, attendance=attendance)
    return topic


def meeting_of(topic: Topic) -> Meeting:
    """Raises Conflict (`not_invited`) where nobody was invited yet."""
    if topic.meeting is None:
        raise Conflict("not_invited", _("Nobody was invited to a meeting about this yet."))
    return topic.meeting


# ---- decided --------------------------------------------------------------------------------------------------------


@transaction.atomic
def decide_topic(
    *,
    by: Person,
    now: datetime,
    topic_id: uuid.UUID,
    text: str,
    vote_id: uuid.UUID | None = None,
    lead: Unit | None = None,
    due_on: date | None = None,
    measure_of_success: str = "",
    problems: Collection[int] = (),
    decision_id: uuid.UUID | None = None,
) -> Decision:
    """Write down what was decided: by a vote that carried, or by nobody objecting in the meeting.

    `problems` are those that it settles; their entries carry it out from now on. The same id, or the same vote, again
    gives the first answer. Raises NotFound (`topic_not_found`, `vote_not_found`, `problem_not_found`), NotAllowed,
    Conflict (`not_invited`, `meeting_not_held`, `topic_closed`, `vote_goes_on`, `vote_not_carried`), BadDecision
    (`decision_text`, `due_before_start`, `decision_units`).
    """
    topic = managed(by, topic_id)
    meeting = meeting_of(topic)
    vote = _carried(topic, vote_id) if vote_id is not None else None
    if vote is not None and vote.decision is not None:
        return vote.decision
    if meeting.state not in {MeetingState.HELD, MeetingState.APPROVED}:
        raise Conflict("meeting_not_held", _("The meeting has not taken place yet; say first who was there."))
    if vote is None and topic.votes.filter(closed_at=None).exists():
        raise Conflict("vote_goes_on", _("A vote about this goes on; its result decides."))
    settled = list(topic.problems.select_for_update().filter(pk__in=set(problems)).order_by("pk"))
    if len(settled) != len(set(problems)):
        raise NotFound("problem_not_found", _("There is no such problem, or it is not yours to see."))
    decision = decisions.record_decision(
        by=by, now=now, meeting_id=meeting.pk, text=text, jurisdiction=topic.jurisdiction, lead=lead, due_on=due_on,
        starts_at=now if vote is not None and now > meeting.at else None, measure_of_success=measure_of_success,
        decision_id=decision_id,
    )  # fmt: skip
    if vote is not None:
        vote.decision = decision
        vote.save(update_fields=["decision"])
    for problem in settled:
        settle_problem(by, now, problem, decision)
    topic.state = TopicState.DECIDED
    topic.save(update_fields=["state"])
    _audit(by, now, "decide_topic", topic, decision=str(decision.pk), vote=str(vote_id or ""))
    return decision


def _carried(topic: Topic, vote_id: uuid.UUID) -> Vote:
    """The vote, locked; raises where it is another topic's, goes on, or came to nothing."""
    vote = Vote.objects.select_for_update(of=("self",)).filter(pk=vote_id, topic=topic).first()
    if vote is None:
        raise NotFound("vote_not_found", _("There is no such vote, or it is not yours to see."))
    if vote.closed_at is None or vote.result is None:
        raise Conflict("vote_goes_on", _("The vote goes on; it can be counted once it is over."))
    if not vote.result["carried"] or vote.result["winner"] == NO:
        raise Conflict("vote_not_carried", _("The vote carried nothing; there is nothing to write down as decided."))
    return vote


def settle_problem(by: Person, now: datetime, problem: Problem, decision: Decision) -> None:
    """The decision settles the problem: what was put on the ledger for it carries out a decision still in force."""
    problem.decision = decision
    problem.save(update_fields=["decision"])
    if problem.entry is not None and decision.state == DecisionState.IN_FORCE:
        mandates.link_entry(by=by, now=now, entry_id=problem.entry, decision_id=decision.pk)


# ---- closed ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def close_topic(*, by: Person, now: datetime, topic_id: uuid.UUID) -> Topic:
    """Nothing more is said or decided about it. A second time changes nothing.

    Every problem has its public answer first, every vote is counted, and the minutes are out. Raises NotFound
    (`topic_not_found`), NotAllowed, Conflict (`problems_unanswered`, `vote_goes_on`, `meeting_ahead`,
    `minutes_unapproved`).
    """
    topic = queries.topic_for(by, topic_id, lock=True)
    rights.require(by, MANAGES, topic.jurisdiction)
    if topic.state == TopicState.CLOSED:
        return topic
    # Locked above: nobody lists a problem, or decides, meanwhile.
    bare = topic.problems.filter(answer="").count()
    if bare:
        raise Conflict(
            "problems_unanswered", _("%(n)d problems have no public answer yet; answer each first.") % {"n": bare}
        )
    if topic.votes.filter(closed_at=None).exists():
        raise Conflict("vote_goes_on", _("A vote about this goes on; its result decides."))
    state = topic.meeting.state if topic.meeting is not None else None
    if state == MeetingState.PLANNED:
        raise Conflict("meeting_ahead", _("A meeting about this is planned; hold it, or cancel it first."))
    if state == MeetingState.HELD:
        raise Conflict("minutes_unapproved", _("The minutes of the meeting are not approved and published yet."))
    topic.state = TopicState.CLOSED
    topic.save(update_fields=["state"])
    _audit(by, now, "close_topic", topic)
    return topic


@transaction.atomic
def call_off_meeting(*, by: Person, now: datetime, topic_id: uuid.UUID) -> Topic:
    """The meeting that was planned does not take place; whoever wants can invite to another one.

    Raises NotFound, NotAllowed, Conflict (`not_invited`, `topic_closed`, `meeting_over`).
    """
    topic = managed(by, topic_id)
    meeting = meeting_of(topic)
    decisions.cancel_meeting(by=by, now=now, meeting_id=meeting.pk)
    if topic.state == TopicState.INVITED:
        topic.state = TopicState.OPEN
        topic.save(update_fields=["state"])
    _audit(by, now, "call_off_meeting", topic, meeting=str(meeting.pk))
    return topic


# ---- shared ---------------------------------------------------------------------------------------------------------


def managed(by: Person, topic_id: uuid.UUID) -> Topic:
    """The topic, locked, of whoever may change it; raises Conflict (`topic_closed`) where nothing changes any more."""
    topic = queries.topic_for(by, topic_id, lock=True)
    rights.require(by, MANAGES, topic.jurisdiction)
    if topic.state == TopicState.CLOSED:
        raise Conflict("topic_closed", _("This topic is closed; open another one."))
    return topic


def _words(text: str, field: str, most: int, code: str, *, needed: bool = False) -> str:
    return checked_public(text, field, most, error=BadTopic, code=code, needed=needed)


def _audit(by: Person, now: datetime, action: str, topic: Topic, **detail: Any) -> None:
    audit.record(by=by, now=now, action=action, subject_type="topic", subject_id=topic.pk, detail=detail)
