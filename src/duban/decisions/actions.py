"""Writes of bodies, their meetings, and what they decide."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError
from duban.core.sealed_text import seal_text
from duban.core.words import checked_words
from duban.decisions import queries
from duban.decisions.models import (
    AgendaItem,
    Attendance,
    Body,
    BodyKind,
    Decision,
    DecisionState,
    Meeting,
    MeetingState,
    Presence,
)
from duban.places.codes import normalise_code

RECORDS, APPROVES = "decision.record", "minutes.approve"
MAX_TEXT, MAX_MINUTES = 2000, 100_000
MAX_UNITS = 30


class BadDecision(DubanError):
    pass


@dataclass(frozen=True)
class Unit:
    """Who carries something out: a name as it is published, and its code where it has one."""

    name: str
    code: str = ""


@dataclass(frozen=True)
class Attendee:
    """Somebody at a meeting; a resident's name is kept encrypted."""

    presence: str
    name: str
    title: str = ""
    resident: bool = False


# ---- bodies and meetings --------------------------------------------------------------------------------------------


@transaction.atomic
def make_body(*, by: Person, now: datetime, kind: str, name: str, jurisdiction: str) -> Body:
    """The body of this name in this area; one that is there is given back.

    Raises BadDecision (`body_name`, `body_kind`), BadCode, NotAllowed (`not_allowed`).
    """
    code = normalise_code(jurisdiction)
    rights.require(by, RECORDS, code)
    if kind not in BodyKind.values:
        raise BadDecision("body_kind", _("Choose what kind of body it is."), field="kind")
    name = _words(name, "name", 100, "body_name", needed=True)
    body, made = Body.objects.get_or_create(jurisdiction=code, name=name, defaults={"kind": kind})
    if made:
        _audit(by, now, "make_body", body)
    return body


def plan_meeting(
    *,
    by: Person,
    now: datetime,
    body_id: uuid.UUID,
    at: datetime,
    place: str = "",
    title: str = "",
    number: int | None = None,
    agenda: Sequence[str] = (),
) -> Meeting:
    """The body's next meeting, or the one of this number: a body that met before Duban came begins where it is.

    Raises NotFound (`body_not_found`), NotAllowed, BadDecision (`meeting_number`, `meeting_title`), Conflict
    (`meeting_number_taken`).
    """
    try:
        with transaction.atomic():
            return _plan(by, now, body_id, at, place, title, number, agenda)
    except IntegrityError as error:
        raise _number_taken() from error


def _plan(
    by: Person,
    now: datetime,
    body_id: uuid.UUID,
    at: datetime,
    place: str,
    title: str,
    number: int | None,
    agenda: Sequence[str],
) -> Meeting:
    body = queries.body_for(by, body_id, lock=True)
    rights.require(by, RECORDS, body.jurisdiction)
    last = body.meetings.aggregate(last=Max("number"))["last"] or 0
    if number is not None and not 1 <= number <= 100_000:
        raise BadDecision("meeting_number", _("The number of a meeting is 1 or more."), field="number")
    meeting = Meeting.objects.create(
        body=body,
        number=number or last + 1,
        title=_words(title, "title", 200, "meeting_title"),
        at=at,
        place=_words(place, "place", 200, "meeting_title"),
    )
    titles = [_words(one, "agenda", 200, "meeting_title", needed=True) for one in agenda]
    AgendaItem.objects.bulk_create(
        [AgendaItem(meeting=meeting, position=position, title=one) for position, one in enumerate(titles, start=1)]
    )
    _audit(by, now, "plan_meeting", meeting, number=meeting.number)
    return meeting


def _number_taken() -> Conflict:
    return Conflict("meeting_number_taken", _("The body has a meeting of this number already."), field="number")


@transaction.atomic
def change_meeting(
    *,
    by: Person,
    now: datetime,
    meeting_id: uuid.UUID,
    at: datetime,
    place: str = "",
    title: str = "",
    agenda: Sequence[str] = (),
) -> Meeting:
    """Another time, place or agenda, until the minutes are approved; a meeting that was held keeps its time.

    Raises NotFound (`meeting_not_found`), NotAllowed, Conflict (`meeting_over`), BadDecision (`meeting_title`).
    """
    meeting = _changeable(by, meeting_id)
    if meeting.state == MeetingState.PLANNED:
        meeting.at = at
    meeting.title = _words(title, "title", 200, "meeting_title")
    meeting.place = _words(place, "place", 200, "meeting_title")
    titles = [_words(one, "agenda", 200, "meeting_title", needed=True) for one in agenda]
    meeting.save(update_fields=["at", "title", "place"])
    meeting.agenda.all().delete()
    AgendaItem.objects.bulk_create(
        [AgendaItem(meeting=meeting, position=position, title=one) for position, one in enumerate(titles, start=1)]
    )
    _audit(by, now, "change_meeting", meeting)
    return meeting


@transaction.atomic
def hold_meeting(*, by: Person, now: datetime, meeting_id: uuid.UUID, attendance: Sequence[Attendee]) -> Meeting:
    """The meeting took place with these people. Again, while the minutes are not approved, sets the list anew.

    Raises NotFound (`meeting_not_found`), NotAllowed, Conflict (`meeting_over`), BadDecision (`attendance_wrong`).
    """
    meeting = _changeable(by, meeting_id)
    if any(one.presence not in Presence.values for one in attendance):
        raise BadDecision(
            "attendance_wrong", _("Say of each in what part they were there: chair, member, guest, excused."),
            field="attendance",
        )  # fmt: skip
    if sum(one.presence == Presence.CHAIR for one in attendance) > 1:
        raise BadDecision("attendance_wrong", _("One person is in the chair."), field="attendance")
    meeting.attendance.all().delete()
    Attendance.objects.bulk_create([_attending(meeting, one) for one in attendance])
    meeting.state = MeetingState.HELD
    meeting.save(update_fields=["state"])
    _audit(by, now, "hold_meeting", meeting, people=len(attendance))
    return meeting


def _attending(meeting: Meeting, one: Attendee) -> Attendance:
    name = _words(one.name, "attendance", 60, "attendance_wrong", needed=True)
    return Attendance(
        meeting=meeting,
        presence=one.presence,
        title=_words(one.title, "attendance", 100, "attendance_wrong"),
        name="" if one.resident else name,
        sealed=seal_text(name) if one.resident else None,
    )


@transaction.atomic
def cancel_meeting(*, by: Person, now: datetime, meeting_id: uuid.UUID) -> Meeting:
    """A planned meeting that does not take place; its number stays taken. A second time changes nothing.

    Raises NotFound (`meeting_not_found`), NotAllowed, Conflict (`meeting_over`, `meeting_decided`).
    """
    meeting = queries.meeting_for(by, meeting_id, lock=True)
    rights.require(by, RECORDS, meeting.body.jurisdiction)
    if meeting.state == MeetingState.CANCELLED:
        return meeting
    if meeting.state != MeetingState.PLANNED:
        raise Conflict("meeting_over", _("The meeting took place; it cannot be cancelled any more."))
    if meeting.decisions.filter(state=DecisionState.IN_FORCE).exists():
        raise Conflict(
            "meeting_decided", _("Decisions of this meeting are in force; withdraw them before it is cancelled.")
        )
    meeting.state = MeetingState.CANCELLED
    meeting.save(update_fields=["state"])
    _audit(by, now, "cancel_meeting", meeting)
    return meeting


@transaction.atomic
def write_minutes(*, by: Person, now: datetime, meeting_id: uuid.UUID, minutes: str) -> Meeting:
    """The minutes as a draft, which somebody else approves.

    Raises NotFound (`meeting_not_found`), NotAllowed, Conflict (`meeting_over`, `meeting_not_held`), BadDecision
    (`minutes_wrong`).
    """
    meeting = _changeable(by, meeting_id)
    if meeting.state != MeetingState.HELD:
        raise Conflict("meeting_not_held", _("The meeting has not taken place yet; say first who was there."))
    meeting.minutes = _words(minutes, "minutes", MAX_MINUTES, "minutes_wrong", needed=True)
    meeting.minutes_by = by.as_actor()
    meeting.save(update_fields=["minutes", "minutes_by"])
    _audit(by, now, "write_minutes", meeting)
    return meeting


@transaction.atomic
def approve_minutes(*, by: Person, now: datetime, meeting_id: uuid.UUID) -> Meeting:
    """Approve what somebody else wrote; from here on it is published as it stands. A second time changes nothing.

    Raises NotFound (`meeting_not_found`), NotAllowed, Conflict (`minutes_missing`, `own_minutes`).
    """
    meeting = queries.meeting_for(by, meeting_id, lock=True)
    writer = (meeting.minutes_by or {}).get("username", "")
    rights.require(by, APPROVES, meeting.body.jurisdiction, apart_from={writer} if writer else ())
    if meeting.state == MeetingState.APPROVED:
        return meeting
    if not meeting.minutes or meeting.state != MeetingState.HELD:
        raise Conflict("minutes_missing", _("There are no minutes to approve."))
    if writer == by.username:
        raise Conflict("own_minutes", _("Somebody else approves the minutes that you wrote."))
    meeting.state, meeting.approved_by, meeting.approved_at = MeetingState.APPROVED, by.as_actor(), now
    meeting.save(update_fields=["state", "approved_by", "approved_at"])
    _audit(by, now, "approve_minutes", meeting)
    return meeting


def _changeable(by: Person, meeting_id: uuid.UUID) -> Meeting:
    meeting = queries.meeting_for(by, meeting_id, lock=True)
    rights.require(by, RECORDS, meeting.body.jurisdiction)
    if meeting.state in {MeetingState.APPROVED, MeetingState.CANCELLED}:
        raise Conflict("meeting_over", _("The minutes are approved, or the meeting was cancelled; nothing changes."))
    return meeting


# ---- decisions ------------------------------------------------------------------------------------------------------


@transaction.atomic
def record_decision(
    *,
    by: Person,
    now: datetime,
    meeting_id: uuid.UUID,
    text: str,
    jurisdiction: str,
    lead: Unit | None = None,
    joint: Sequence[Unit] = (),
    starts_at: datetime | None = None,
    due_on: date | None = None,
    measure_of_success: str = "",
    decision_id: uuid.UUID | None = None,
) -> Decision:
    """What the meeting decided, under the next position; “at once” (no `starts_at`) is the moment of the meeting.

    The same id again gives the first answer. Raises NotFound (`meeting_not_found`), NotAllowed, Conflict
    (`meeting_over`, `decision_conflict`), BadDecision (`decision_text`, `decision_units`, `due_before_start`), BadCode.
    """
    meeting = queries.meeting_for(by, meeting_id, lock=True)
    rights.require(by, RECORDS, meeting.body.jurisdiction)
    there = Decision.objects.filter(pk=decision_id).first() if decision_id else None
    if there is not None:
        if there.meeting_id != meeting.pk:
            raise Conflict("decision_conflict", _("This id stands for another decision already."), field="id")
        return there
    if meeting.state == MeetingState.CANCELLED:
        raise Conflict("meeting_over", _("The meeting was cancelled; it decided nothing."))
    starts = starts_at or meeting.at
    if due_on is not None and due_on < timezone.localdate(starts):
        raise BadDecision("due_before_start", _("It is due before it starts."), field="due_on")
    if len(joint) > MAX_UNITS:
        raise BadDecision("decision_units", _("At most 30 units take part."), field="joint_units")
    units = [_unit(one) for one in joint]
    leads = _unit(lead) if lead else Unit("")
    last = meeting.decisions.aggregate(last=Max("position"))["last"] or 0
    decision = Decision.objects.create(
        id=decision_id or uuid.uuid4(),
        meeting=meeting,
        position=last + 1,
        text=_words(text, "text", MAX_TEXT, "decision_text", needed=True),
        jurisdiction=normalise_code(jurisdiction),
        lead_unit=leads.name,
        lead_code=leads.code,
        joint_units=[{"name": one.name, "code": one.code} for one in units],
        starts_at=starts,
        due_on=due_on,
        measure_of_success=_words(measure_of_success, "measure_of_success", 300, "decision_text"),
        made_by=by.as_actor(),
        made_at=now,
    )
    _audit(by, now, "record_decision", decision, meeting=str(meeting.pk))
    return decision


def _unit(unit: Unit) -> Unit:
    name = _words(unit.name, "units", 100, "decision_units", needed=True)
    return Unit(name, normalise_code(unit.code) if unit.code else "")


@transaction.atomic
def close_decision(
    *, by: Person, now: datetime, decision_id: uuid.UUID, report: str, reported_to: uuid.UUID | None = None
) -> Decision:
    """The decision is seen through: its closing report, and the later meeting of the body it was put to, if any.

    Raises NotFound (`decision_not_found`, `meeting_not_found`), NotAllowed, Conflict (`decision_over`), BadDecision
    (`report_missing`, `report_to_earlier`).
    """
    decision = _in_force(by, decision_id)
    text = _words(report, "report", MAX_TEXT, "report_missing", needed=True)
    if reported_to is not None:
        meeting = queries.meeting_for(by, reported_to)
        if meeting.body_id != decision.meeting.body_id or meeting.number <= decision.meeting.number:
            raise BadDecision(
                "report_to_earlier", _("The report goes to a later meeting of the same body."), field="reported_to"
            )
        decision.reported_to = meeting
    decision.report = text
    return _end(decision, DecisionState.CLOSED, "close_decision", by, now)


@transaction.atomic
def withdraw_decision(*, by: Person, now: datetime, decision_id: uuid.UUID, reason: str) -> Decision:
    """The decision does not hold any more, and why. Raises as `close_decision`."""
    decision = _in_force(by, decision_id)
    decision.report = _words(reason, "reason", MAX_TEXT, "report_missing", needed=True)
    return _end(decision, DecisionState.WITHDRAWN, "withdraw_decision", by, now)


def _in_force(by: Person, decision_id: uuid.UUID) -> Decision:
    decision = queries.decision_for(by, decision_id, lock=True)
    rights.require(by, RECORDS, decision.meeting.body.jurisdiction)
    queries.require_in_force(decision)
    return decision


def _end(decision: Decision, state: DecisionState, action: str, by: Person, now: datetime) -> Decision:
    decision.state, decision.closed_at, decision.closed_by = state, now, by.as_actor()
    decision.save(update_fields=["state", "closed_at", "closed_by", "report", "reported_to"])
    _audit(by, now, action, decision)
    return decision


# ---- shared ---------------------------------------------------------------------------------------------------------


def _words(text: str, field: str, most: int, code: str, *, needed: bool = False) -> str:
    return checked_words(text, field, most, error=BadDecision, code=code, needed=needed)


def _audit(by: Person, now: datetime, action: str, subject: Any, **detail: Any) -> None:
    audit.record(
        by=by, now=now, action=action, subject_type=subject._meta.model_name, subject_id=subject.pk, detail=detail
    )
