"""Writes of growth: stages of incubation, purpose, brand, the five parties, courses and purchased services."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.growth import queries
from duban.commons.models import (
    ChangeOf,
    Course,
    CourseAttendance,
    CourseSession,
    LifeEvent,
    Milestone,
    Organisation,
    Party,
    PartyRole,
    Purpose,
    Service,
    Stage,
)
from duban.commons.register.actions import require_standing
from duban.commons.register.queries import EDITS, organisation_for, visible_to
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.words import checked_words
from duban.evidence.models import Photo
from duban.places.codes import normalise_code

MAX_AMOUNT = Decimal("9999999999.99")
MAX_PEOPLE, MAX_SESSIONS, MAX_MILESTONES, MAX_ATTENDANCE = 10_000, 200, 100, 500


class BadGrowth(DubanError):
    pass


# ---- stages, purpose, brand -----------------------------------------------------------------------------------------


@transaction.atomic
def set_stage(
    *,
    by: Person,
    now: datetime,
    organisation_id: uuid.UUID,
    stage: str,
    on: date,
    evidence: str = "",
    note: str = "",
) -> Organisation:
    """The organisation reached the stage that day; "" takes it out of incubation. Said again it changes nothing.

    Forward it goes stage by stage, and beyond admission with evidence (a photo, or one of its documents); back or out
    with a reason. Raises NotFound (`organisation_not_found`), NotAllowed, Conflict (`organisation_dissolved`,
    `stage_skipped`), BadGrowth (`unknown_stage`, `evidence_missing`, `unknown_evidence`, `reason_missing`,
    `day_ahead`, `day_before_last`, `bad_text`).
    """
    one = _organisation(by, organisation_id)
    if stage not in ("", *Stage.values):
        raise BadGrowth("unknown_stage", _("Choose one of the stages."), field="stage")
    last = _last(one, ChangeOf.STAGE)
    if stage == one.stage:
        return one
    before, after = _rank(one.stage), _rank(stage)
    if after > before + 1:
        raise Conflict("stage_skipped", _("Stages are reached one after the other; take the next one."))
    said = _words(note, "note", 300, "reason_missing", needed=after < before)
    if after > before and after > _rank(Stage.ADMITTED) and not evidence:
        raise BadGrowth(
            "evidence_missing", _("Add a photo or a document that shows it has come so far."), field="evidence"
        )
    _check_day(one, last, on, now)
    _append(by, now, one, ChangeOf.STAGE, on, one.stage, stage, said, _evidence(one, evidence))
    one.stage = stage
    one.save(update_fields=["stage"])
    _audit(by, now, "set_stage", one, stage=stage)
    return one


@transaction.atomic
def turn_purpose(
    *,
    by: Person,
    now: datetime,
    organisation_id: uuid.UUID,
    purpose: str,
    on: date,
    evidence: str = "",
    note: str = "",
) -> Organisation:
    """From that day on it is there for something else: leisure that became service or self-governance, or back.

    Turning to self-governance needs evidence, anything else a word of why. Said again it changes nothing. Raises
    NotFound, NotAllowed, Conflict (`organisation_dissolved`), BadGrowth (`unknown_purpose`, `evidence_missing`,
    `unknown_evidence`, `reason_missing`, `day_ahead`, `day_before_last`, `bad_text`).
    """
    one = _organisation(by, organisation_id)
    if purpose not in Purpose.values:
        raise BadGrowth("unknown_purpose", _("Choose one of the purposes."), field="purpose")
    if purpose == one.purpose:
        return one
    governing = purpose == Purpose.SELF_GOVERNANCE
    said = _words(note, "note", 300, "reason_missing", needed=not governing)
    if governing and not evidence:
        raise BadGrowth(
            "evidence_missing", _("Add a photo or a document that shows it has come so far."), field="evidence"
        )
    _check_day(one, _last(one, ChangeOf.PURPOSE), on, now)
    _append(by, now, one, ChangeOf.PURPOSE, on, one.purpose, purpose, said, _evidence(one, evidence))
    one.purpose = purpose
    one.save(update_fields=["purpose"])
    _audit(by, now, "turn_purpose", one, purpose=purpose)
    return one


@transaction.atomic
def name_brand(*, by: Person, now: datetime, organisation_id: uuid.UUID, brand: str, on: date) -> Organisation:
    """The name it is known by from that day on; an empty one is none any more. Said again it changes nothing.

    Raises NotFound, NotAllowed, Conflict (`organisation_dissolved`), BadGrowth (`brand_long`, `bad_text`,
    `day_ahead`, `day_before_last`).
    """
    one = _organisation(by, organisation_id)
    word = _words(brand, "brand", 60, "brand_long")
    if word == one.brand:
        return one
    _check_day(one, _last(one, ChangeOf.BRAND), on, now)
    _append(by, now, one, ChangeOf.BRAND, on, one.brand, word)
    one.brand = word
    one.save(update_fields=["brand"])
    _audit(by, now, "name_brand", one)
    return one


def _rank(stage: str) -> int:
    return Stage.values.index(stage) + 1 if stage else 0


def _last(one: Organisation, what: ChangeOf) -> LifeEvent | None:
    return one.life.filter(what=what).order_by("-on", "-pk").first()


def _check_day(one: Organisation, last: LifeEvent | None, on: date, now: datetime) -> None:
    if on > timezone.localdate(now):
        raise BadGrowth("day_ahead", _("That day has not come yet."), field="on")
    earliest = max((day for day in (one.founded, last and last.on) if day), default=None)
    if earliest and on < earliest:
        raise BadGrowth(
            "day_before_last",
            _("It was on %(day)s that the one before happened; give that day or a later one.")
            % {"day": earliest.isoformat()},
            field="on",
        )


def _append(
    by: Person,
    now: datetime,
    one: Organisation,
    what: ChangeOf,
    on: date,
    before: str,
    after: str,
    note: str = "",
    evidence: str = "",
) -> None:
    LifeEvent.objects.create(
        organisation=one, what=what, on=on, before=before, after=after, note=note, evidence=evidence,
        by=by.as_actor(), at=now,
    )  # fmt: skip


def _evidence(one: Organisation, digest: str) -> str:
    """The digest, of a stored photo or of a document of the organisation."""
    if not digest:
        return ""
    if Photo.objects.filter(pk=digest).exists() or one.documents.filter(digest=digest).exists():
        return digest
    raise BadGrowth("unknown_evidence", _("What shows it did not arrive; add it again."), field="evidence")


# ---- the five parties -----------------------------------------------------------------------------------------------


@transaction.atomic
def fill_party(
    *, by: Person, now: datetime, organisation_id: uuid.UUID, party: str, unit: str, since: date
) -> PartyRole:
    """From that day on this office or organisation holds the slot; whoever held it leaves that day.

    Said again it is the one that is there. Raises NotFound, NotAllowed, Conflict (`organisation_dissolved`), BadGrowth
    (`unknown_party`, `unit_missing`, `bad_text`, `day_ahead`, `since_before`).
    """
    one = _organisation(by, organisation_id)
    held = _held(one, party)
    name = _words(unit, "unit", 100, "unit_missing", needed=True)
    if held is not None and held.unit == name:
        return held
    if since > timezone.localdate(now):
        raise BadGrowth("day_ahead", _("That day has not come yet."), field="since")
    before = held.since if held else _left(one, party)
    if before and since < before:
        raise BadGrowth(
            "since_before",
            _("Until %(day)s somebody else held it; give that day or a later one.") % {"day": before.isoformat()},
            field="since",
        )
    if held is not None:
        held.until = since
        held.save(update_fields=["until"])
    made = PartyRole.objects.create(organisation=one, party=party, unit=name, since=since)
    _count_slots(one)
    _audit(by, now, "fill_party", one, party=party)
    return made


@transaction.atomic
def leave_party(*, by: Person, now: datetime, organisation_id: uuid.UUID, party: str, until: date) -> Organisation:
    """Whoever holds the slot leaves it that day, and it shows as empty. A slot that is empty stays so.

    Raises NotFound, NotAllowed, Conflict (`organisation_dissolved`), BadGrowth (`unknown_party`, `day_ahead`,
    `until_before`).
    """
    one = _organisation(by, organisation_id)
    held = _held(one, party)
    if held is None:
        return one
    if until > timezone.localdate(now):
        raise BadGrowth("day_ahead", _("That day has not come yet."), field="until")
    if until < held.since:
        raise BadGrowth("until_before", _("It leaves before it came."), field="until")
    held.until = until
    held.save(update_fields=["until"])
    _count_slots(one)
    _audit(by, now, "leave_party", one, party=party)
    return one


def _held(one: Organisation, party: str) -> PartyRole | None:
    if party not in Party.values:
        raise BadGrowth("unknown_party", _("Choose one of the five parties."), field="party")
    return one.parties.filter(party=party, until=None).first()


def _left(one: Organisation, party: str) -> date | None:
    """The day on which the last holder of an empty slot left."""
    return one.parties.filter(party=party).order_by("-until").values_list("until", flat=True).first()


def _count_slots(one: Organisation) -> None:
    one.slots = one.parties.filter(until=None).count()
    one.save(update_fields=["slots"])


# ---- courses --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attended:
    organisation_id: uuid.UUID
    people: int
    line: int | None = None
    """Of a list that was typed or pasted; a refusal names it."""


@transaction.atomic
def make_course(
    *,
    by: Person,
    now: datetime,
    name: str,
    provider: str,
    jurisdiction: str,
    begins_on: date,
    course_id: uuid.UUID | None = None,
) -> Course:
    """A course for the organisations of an area. The same id again gives the first answer.

    Raises NotAllowed, BadCode, BadGrowth (`name_missing`, `provider_missing`, `bad_text`).
    """
    code = normalise_code(jurisdiction, field="jurisdiction")
    rights.require(by, EDITS, code)
    if course_id is not None and Course.objects.filter(pk=course_id).exists():
        return queries.course_for(by, course_id)
    facts = {
        "jurisdiction": code,
        "name": _words(name, "name", 100, "name_missing", needed=True),
        "provider": _words(provider, "provider", 100, "provider_missing", needed=True),
        "begins_on": begins_on,
    }
    # The same id may be sent twice at once: whoever comes second finds what the first one made.
    made, new = Course.objects.get_or_create(pk=course_id or uuid.uuid4(), defaults=facts)
    if not new:
        return queries.course_for(by, made.pk)
    _audit(by, now, "make_course", made)
    return made


@transaction.atomic
def add_session(*, by: Person, now: datetime, course_id: uuid.UUID, at: datetime, topic: str) -> CourseSession:
    """A meeting of the course at this moment; said again it is the one that is there, with the topic as it is now.

    Raises NotFound (`course_not_found`), NotAllowed, Conflict (`course_full`), BadGrowth (`topic_missing`,
    `session_before_course`, `bad_text`).
    """
    course = queries.course_for(by, course_id)
    rights.require(by, EDITS, course.jurisdiction)
    course = Course.objects.select_for_update().get(pk=course.pk)
    if timezone.localdate(at) < course.begins_on:
        raise BadGrowth("session_before_course", _("The course has not begun by then."), field="at")
    word = _words(topic, "topic", 200, "topic_missing", needed=True)
    if course.sessions.exclude(at=at).count() >= MAX_SESSIONS:
        raise Conflict("course_full", _("A course has 200 sessions at most; begin another one."))
    made, _new = CourseSession.objects.update_or_create(course=course, at=at, defaults={"topic": word})
    _audit(by, now, "add_session", course, session=made.pk)
    return made


@transaction.atomic
def record_attendance(*, by: Person, now: datetime, session_id: int, attended: Sequence[Attended]) -> CourseSession:
    """How many of each organisation came; what is said again replaces what was said, and nobody (0) takes it back.

    All of it or nothing. Raises NotFound (`course_session_not_found`, `organisation_not_found`), NotAllowed, Conflict
    (`session_ahead`), BadGrowth (`bad_people`, `named_twice`, `too_many_lines`).
    """
    session = queries.session_for(by, session_id, lock=True)
    rights.require(by, EDITS, session.course.jurisdiction)
    if session.at > now:
        raise Conflict("session_ahead", _("The session has not begun yet; write down who came when it has."))
    if len(attended) > MAX_ATTENDANCE:
        raise BadGrowth("too_many_lines", _("At most 500 lines at once."), field="attended")
    seen = set[uuid.UUID]()
    there = visible_to(by).in_bulk([one.organisation_id for one in attended])
    for one in attended:
        if one.organisation_id not in there:
            raise NotFound(
                "organisation_not_found", _("There is no such organisation, or it is not yours to see."), row=one.line
            )
        if one.organisation_id in seen:
            raise BadGrowth("named_twice", _("An organisation stands there twice."), field="attended", row=one.line)
        if not 0 <= one.people <= MAX_PEOPLE:
            raise BadGrowth("bad_people", _("Say how many came, from 0 to 10,000."), field="attended", row=one.line)
        seen.add(one.organisation_id)
    gone = [one.organisation_id for one in attended if not one.people]
    CourseAttendance.objects.filter(session=session, organisation__in=gone).delete()
    CourseAttendance.objects.bulk_create(
        [
            CourseAttendance(session=session, organisation_id=one.organisation_id, people=one.people)
            for one in attended
            if one.people
        ],
        update_conflicts=True,
        unique_fields=["session", "organisation"],
        update_fields=["people"],
    )
    _audit(by, now, "record_attendance", session.course, session=session.pk, organisations=len(attended))
    return session


# ---- purchased services ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MilestoneDraft:
    name: str
    due_on: date
    line: int | None = None


def sign_service(
    *,
    by: Person,
    now: datetime,
    organisation_id: uuid.UUID,
    name: str,
    buyer: str,
    amount: Decimal,
    signed_on: date,
    milestones: Sequence[MilestoneDraft] = (),
    service_id: uuid.UUID | None = None,
) -> Service:
    """Somebody buys a service of the organisation, to be brought milestone by milestone. The same id is a replay.

    Raises NotFound (`organisation_not_found`), NotAllowed, Conflict (`organisation_dissolved`), BadGrowth
    (`name_missing`, `buyer_missing`, `bad_amount`, `day_ahead`, `milestone_missing`, `due_before`, `too_many_lines`,
    `bad_text`).
    """
    key = service_id or uuid.uuid4()
    try:
        with transaction.atomic():
            return _sign(by, now, key, organisation_id, name, buyer, amount, signed_on, milestones)
    except IntegrityError:
        # The same id was sent twice at once, and the other was first.
        return queries.service_for(by, key)


def _sign(
    by: Person,
    now: datetime,
    key: uuid.UUID,
    organisation_id: uuid.UUID,
    name: str,
    buyer: str,
    amount: Decimal,
    signed_on: date,
    milestones: Sequence[MilestoneDraft],
) -> Service:
    one = _organisation(by, organisation_id)
    if Service.objects.filter(pk=key).exists():
        return queries.service_for(by, key)
    if not amount.is_finite() or not 0 <= amount <= MAX_AMOUNT:
        raise BadGrowth("bad_amount", _("Say the amount in yuan, 0 or more."), field="amount")
    if signed_on > timezone.localdate(now):
        raise BadGrowth("day_ahead", _("That day has not come yet."), field="signed_on")
    if len(milestones) > MAX_MILESTONES:
        raise BadGrowth("too_many_lines", _("At most 100 milestones."), field="milestones")
    made = Service.objects.create(
        id=key,
        organisation=one,
        name=_words(name, "name", 100, "name_missing", needed=True),
        buyer=_words(buyer, "buyer", 100, "buyer_missing", needed=True),
        amount=amount.quantize(Decimal("0.01")),
        signed_on=signed_on,
    )
    Milestone.objects.bulk_create([_milestone(made, draft) for draft in milestones])
    _audit(by, now, "sign_service", made)
    return made


@transaction.atomic
def add_milestone(*, by: Person, now: datetime, service_id: uuid.UUID, draft: MilestoneDraft) -> Milestone:
    """One more thing that is due; the same name and day again is the one that is there.

    Raises NotFound (`service_not_found`), NotAllowed, Conflict (`too_many_milestones`), BadGrowth
    (`milestone_missing`, `due_before`, `bad_text`).
    """
    service = _service(by, service_id)
    fresh = _milestone(service, draft)
    there = service.milestones.filter(name=fresh.name, due_on=fresh.due_on).first()
    if there is not None:
        return there
    if service.milestones.count() >= MAX_MILESTONES:
        raise Conflict("too_many_milestones", _("A service has 100 milestones at most."))
    fresh.save()
    _audit(by, now, "add_milestone", service, milestone=fresh.pk)
    return fresh


@transaction.atomic
def meet_milestone(*, by: Person, now: datetime, milestone_id: int, met_on: date, evidence: str) -> Milestone:
    """What was due was brought that day, and something shows it. Said again it changes nothing.

    Raises NotFound (`milestone_not_found`), NotAllowed, BadGrowth (`evidence_missing`, `unknown_evidence`, `day_ahead`,
    `met_before_signing`).
    """
    there = Milestone.objects.filter(pk=milestone_id).first()
    if there is None or not queries.services_for(by).filter(pk=there.service_id).exists():
        raise NotFound("milestone_not_found", _("There is no such milestone, or it is not yours to see."))
    service = _service(by, there.service_id)
    found = Milestone.objects.select_for_update().get(pk=there.pk)
    if found.met_on is not None:
        return found
    if met_on > timezone.localdate(now):
        raise BadGrowth("day_ahead", _("That day has not come yet."), field="met_on")
    if met_on < service.signed_on:
        raise BadGrowth("met_before_signing", _("The service was signed for later than that."), field="met_on")
    if not evidence:
        raise BadGrowth("evidence_missing", _("Add a photo or a document that shows it."), field="evidence")
    found.evidence = _evidence(service.organisation, evidence)
    found.met_on = met_on
    found.save(update_fields=["met_on", "evidence"])
    _audit(by, now, "meet_milestone", service, milestone=found.pk)
    return found


def _milestone(service: Service, draft: MilestoneDraft) -> Milestone:
    try:
        name = _words(draft.name, "milestones", 100, "milestone_missing", needed=True)
        if draft.due_on < service.signed_on:
            raise BadGrowth("due_before", _("It is due before the service was signed for."), field="milestones")
    except DubanError as refusal:
        refusal.row = draft.line
        raise
    return Milestone(service=service, name=name, due_on=draft.due_on)


def _service(by: Person, service_id: uuid.UUID) -> Service:
    found = queries.service_for(by, service_id, lock=True)
    rights.require(by, EDITS, found.organisation.jurisdiction)
    return found


# ---- what they share ------------------------------------------------------------------------------------------------


def _organisation(by: Person, organisation_id: uuid.UUID) -> Organisation:
    """The organisation, locked, that this person may change."""
    one = organisation_for(by, organisation_id, lock=True)
    rights.require(by, EDITS, one.jurisdiction)
    require_standing(one)
    return one


def _words(text: str, field: str, most: int, code: str, *, needed: bool = False) -> str:
    return checked_words(text, field, most, error=BadGrowth, code=code, needed=needed)


def _audit(by: Person, now: datetime, action: str, subject: Any, **detail: Any) -> None:
    audit.record(
        by=by, now=now, action=action, subject_type=subject._meta.model_name, subject_id=subject.pk, detail=detail
    )
