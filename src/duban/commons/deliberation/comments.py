"""Writes of comments: a household with its invitation, or a community worker; one that breaks the rules is hidden."""

import uuid
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.deliberation import queries
from duban.commons.deliberation.actions import MANAGES, BadTopic, managed
from duban.commons.deliberation.public_words import checked_public
from duban.commons.models import Comment, Household, Topic, TopicState
from duban.commons.voting.queries import households_of
from duban.core import audit
from duban.core.errors import Conflict, NotFound

MAX_TEXT, MAX_PEN_NAME = 2000, 30
A_DAY = 20
"""So many comments a household on a topic within a day."""
NOT_THERE = _("What you answer is not there any more.")


class BadComment(BadTopic):
    pass


def comment(
    *,
    now: datetime,
    topic_id: uuid.UUID,
    text: str,
    by: Person | Household,
    pen_name: str = "",
    parent_id: uuid.UUID | None = None,
    comment_id: uuid.UUID | None = None,
) -> Comment:
    """Say something about a topic, or in answer to somebody. The same id again gives the first answer.

    `by`: a community worker, who shows as such, or the household whose invitation it is, which shows by the name that
    it chose alone. Raises NotFound (`topic_not_found`, `comment_not_found`), NotAllowed, BadComment (`comment_text`,
    `pen_name`), Conflict (`topic_closed`, `too_many_comments`, `comment_conflict`).
    """
    try:
        with transaction.atomic():
            return _comment(now, topic_id, text, by, pen_name, parent_id, comment_id)
    except IntegrityError:
        # The same id was sent twice at once, and the other was first.
        with transaction.atomic():
            return _comment(now, topic_id, text, by, pen_name, parent_id, comment_id)


def _comment(
    now: datetime,
    topic_id: uuid.UUID,
    text: str,
    by: Person | Household,
    pen_name: str,
    parent_id: uuid.UUID | None,
    comment_id: uuid.UUID | None,
) -> Comment:
    topic = managed(by, topic_id) if isinstance(by, Person) else _opened(by, topic_id)
    household = None if isinstance(by, Person) else by
    words = checked_text(text)
    name = checked_pen_name(pen_name)
    there = Comment.objects.filter(pk=comment_id).first() if comment_id else None
    if there is not None:
        said = (there.topic_id, there.staff, there.household_id, there.parent_id, there.text)
        if said != (topic.pk, household is None, household.pk if household else None, parent_id, words):
            raise Conflict(
                "comment_conflict", _("Something else was said from this page already; load it anew."), field="text"
            )
        return there
    parent = None
    if parent_id is not None:
        parent = Comment.objects.filter(pk=parent_id, topic=topic, hidden_at=None).first()
        if parent is None:
            raise NotFound("comment_not_found", NOT_THERE)
    if household is not None:
        today = Comment.objects.filter(topic=topic, household=household, at__gt=now - timedelta(days=1)).count()
        if today >= A_DAY:
            raise Conflict("too_many_comments", _("Your household has said much today; go on tomorrow."))
    made = Comment.objects.create(
        id=comment_id or uuid.uuid4(),
        topic=topic,
        parent=parent,
        root_id=(parent.root_id or parent.pk) if parent else None,
        household=household,
        staff=household is None,
        pen_name=name,
        text=words,
        at=now,
    )
    if isinstance(by, Person):
        audit.record(by=by, now=now, action="comment", subject_type="comment", subject_id=made.pk)
    return made


def checked_text(text: str) -> str:
    """Raises BadComment (`comment_text`, `bad_text`, `personal_number`)."""
    return checked_public(text, "text", MAX_TEXT, error=BadComment, code="comment_text", needed=True)


def checked_pen_name(pen_name: str) -> str:
    """Raises BadComment (`pen_name`, `bad_text`, `personal_number`)."""
    return checked_public(pen_name, "pen_name", MAX_PEN_NAME, error=BadComment, code="pen_name")


def _opened(household: Household, topic_id: uuid.UUID) -> Topic:
    """The topic, locked, which concerns the household: of its place or of what that lies in."""
    topic = Topic.objects.select_for_update(of=("self",)).select_related("place").filter(pk=topic_id).first()
    if topic is None or not households_of(topic.place).filter(pk=household.pk).exists():
        raise NotFound("topic_not_found", _("There is no such topic for your household."))
    if topic.state == TopicState.CLOSED:
        raise Conflict("topic_closed", _("This topic is closed; nobody says anything more about it."))
    return topic


@transaction.atomic
def hide_comment(*, by: Person, now: datetime, comment_id: uuid.UUID, reason: str) -> Comment:
    """Its words show to nobody outside any more, and why they do not shows instead. Again changes nothing.

    Raises NotFound (`comment_not_found`), NotAllowed, BadComment (`reason_missing`).
    """
    found = _judged(by, comment_id)
    if found.hidden_at is not None:
        return found
    words = checked_public(reason, "reason", 200, error=BadComment, code="reason_missing", needed=True)
    found.hidden_at, found.hidden_for = now, words
    found.save(update_fields=["hidden_at", "hidden_for"])
    audit.record(by=by, now=now, action="hide_comment", subject_type="comment", subject_id=found.pk)
    return found


@transaction.atomic
def show_comment(*, by: Person, now: datetime, comment_id: uuid.UUID) -> Comment:
    """It was hidden by mistake. Raises NotFound (`comment_not_found`), NotAllowed."""
    found = _judged(by, comment_id)
    if found.hidden_at is not None:
        found.hidden_at, found.hidden_for = None, ""
        found.save(update_fields=["hidden_at", "hidden_for"])
        audit.record(by=by, now=now, action="show_comment", subject_type="comment", subject_id=found.pk)
    return found


def _judged(by: Person, comment_id: uuid.UUID) -> Comment:
    found = queries.comment_for(by, comment_id, lock=True)
    rights.require(by, MANAGES, found.topic.jurisdiction)
    return found
