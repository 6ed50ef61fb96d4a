"""Writes of activities: shifts with places, sign-ups in their order, who came, and the hours that are certified."""

import hmac
import re
import secrets
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.contact import Contact, checked_phone, seal_contact
from duban.commons.models import Activity, Organisation, Record, Shift, SignUp, SignUpState
from duban.commons.notices import tell_of_moved_up
from duban.commons.secrets import digest_of, new_secret
from duban.commons.volunteering import queries
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.keys import read_or_make_key
from duban.core.words import checked_words
from duban.ledger.counters import count_up
from duban.places.codes import LENGTHS, normalise_code

MANAGES = "activity.manage"
MAX_PLACES, MAX_SHIFTS, MAX_WAITING = 10_000, 60, 2000
LONGEST = timedelta(hours=24)
EARLY = timedelta(hours=2)
"""So long before a shift begins people may be checked in."""
SECRET = re.compile(r"[A-Za-z0-9_-]{22}")


class BadActivity(DubanError):
    pass


@dataclass(frozen=True)
class ShiftDraft:
    begins_at: datetime
    ends_at: datetime
    places: int


@dataclass(frozen=True)
class ActivityDraft:
    """`lon` and `lat` in degrees, WGS 84; `entries` are those of the ledger that it is about."""

    title: str
    organiser: str
    place: str
    jurisdiction: str
    text: str = ""
    lon: float | None = None
    lat: float | None = None
    organisation_id: uuid.UUID | None = None
    entries: tuple[uuid.UUID, ...] = ()
    shifts: tuple[ShiftDraft, ...] = ()


# ---- activities -----------------------------------------------------------------------------------------------------


@transaction.atomic
def announce_activity(
    *, by: Person, now: datetime, draft: ActivityDraft, activity_id: uuid.UUID | None = None
) -> Activity:
    """Tell everybody of an activity with its shifts. The same id again gives the first answer.

    Raises NotAllowed, BadCode, NotFound (`organisation_not_found`), BadActivity (`title_missing`,
    `organiser_missing`, `place_missing`, `bad_position`, `bad_shift`, `no_shift`).
    """
    code = normalise_code(draft.jurisdiction)
    rights.require(by, MANAGES, code)
    if activity_id is not None and Activity.objects.filter(pk=activity_id).exists():
        return queries.activity_for(by, activity_id)
    if not draft.shifts or len(draft.shifts) > MAX_SHIFTS:
        raise BadActivity("no_shift", _("An activity has 1 to 60 shifts."), field="shifts")
    activity = Activity(
        id=activity_id or uuid.uuid4(), jurisdiction=code, made_by=by.as_actor(), made_at=now, changed_at=now
    )
    _describe(activity, draft)
    activity.save(force_insert=True)
    for shift in draft.shifts:
        _add_shift(activity, shift)
    _audit(by, now, "announce_activity", activity, shifts=len(draft.shifts))
    return activity


@transaction.atomic
def change_activity(*, by: Person, now: datetime, activity_id: uuid.UUID, draft: ActivityDraft) -> Activity:
    """Other words, place or position; shifts in the draft are added. Calendars that follow it are told.

    Raises as `announce_activity`, NotFound (`activity_not_found`), Conflict (`activity_cancelled`).
    """
    activity = _managed(by, activity_id)
    _describe(activity, draft)
    for shift in draft.shifts:
        _add_shift(activity, shift)
    _changed(activity, now)
    _audit(by, now, "change_activity", activity)
    return activity


@transaction.atomic
def change_shift(*, by: Person, now: datetime, shift_id: uuid.UUID, draft: ShiftDraft) -> Shift:
    """Another time, or more places, which those who wait take in their turn; never fewer than are taken.

    Raises NotFound (`shift_not_found`), NotAllowed, Conflict (`activity_cancelled`, `shift_cancelled`), BadActivity
    (`bad_shift`, `places_taken`).
    """
    shift = _locked_shift(shift_id)
    activity = _managed(by, shift.activity_id)
    _require_held(shift)
    _check_shift(draft)
    if draft.places < shift.taken:
        raise BadActivity(
            "places_taken", _("%(taken)d are in already; ask some of them first.") % {"taken": shift.taken},
            field="places",
        )  # fmt: skip
    shift.begins_at, shift.ends_at, shift.places = draft.begins_at, draft.ends_at, draft.places
    shift.save(update_fields=["begins_at", "ends_at", "places"])
    _move_up(shift, now, by)
    _changed(activity, now)
    _audit(by, now, "change_shift", shift)
    return shift


@transaction.atomic
def cancel_shift(*, by: Person, now: datetime, shift_id: uuid.UUID) -> Shift:
    """This shift alone does not take place; its calendar entry says so. A second time changes nothing.

    Raises NotFound (`shift_not_found`, `activity_not_found`), NotAllowed, Conflict (`activity_cancelled`,
    `shift_over`, `came_already`: somebody was seen there).
    """
    shift = _locked_shift(shift_id)
    activity = _managed(by, shift.activity_id)
    if shift.cancelled_at is not None:
        return shift
    if now >= shift.ends_at:
        raise Conflict("shift_over", _("This shift is over."))
    if shift.sign_ups.exclude(came_at=None).exists():
        raise Conflict("came_already", _("Somebody was seen there already; it took place."))
    shift.cancelled_at = now
    shift.save(update_fields=["cancelled_at"])
    _changed(activity, now)
    _audit(by, now, "cancel_shift", shift)
    return shift


@transaction.atomic
def cancel_activity(*, by: Person, now: datetime, activity_id: uuid.UUID) -> Activity:
    """It does not take place, nor does any of its shifts; their calendar entries say so. Again changes nothing."""
    # Shifts first, as everybody locks them before their activity.
    list(Shift.objects.select_for_update().filter(activity=activity_id).order_by("pk").values_list("pk"))
    activity = queries.activity_for(by, activity_id, lock=True)
    rights.require(by, MANAGES, activity.jurisdiction)
    if activity.cancelled_at is None:
        activity.cancelled_at = now
        activity.save(update_fields=["cancelled_at"])
        activity.shifts.filter(cancelled_at=None).update(cancelled_at=now)
        _changed(activity, now)
        _audit(by, now, "cancel_activity", activity)
    return activity


def _managed(by: Person, activity_id: uuid.UUID) -> Activity:
    activity = queries.activity_for(by, activity_id, lock=True)
    rights.require(by, MANAGES, activity.jurisdiction)
    if activity.cancelled_at is not None:
        raise Conflict("activity_cancelled", _("This activity was cancelled."))
    return activity


def _require_held(shift: Shift) -> None:
    if shift.activity.cancelled_at is not None:
        raise Conflict("activity_cancelled", _("This activity was cancelled."))
    if shift.cancelled_at is not None:
        raise Conflict("shift_cancelled", _("This shift was cancelled; see what else is coming."))


def _changed(activity: Activity, now: datetime) -> None:
    activity.sequence += 1
    activity.changed_at = now
    activity.save()


def _describe(activity: Activity, draft: ActivityDraft) -> None:
    organisation = Organisation.objects.filter(pk=draft.organisation_id).first() if draft.organisation_id else None
    if draft.organisation_id and organisation is None:
        raise NotFound("organisation_not_found", _("There is no such organisation."))
    if (draft.lon is None) != (draft.lat is None) or (
        draft.lon is not None and draft.lat is not None and not (-180 <= draft.lon <= 180 and -90 <= draft.lat <= 90)
    ):
        raise BadActivity("bad_position", _("Give longitude and latitude in degrees, or neither."), field="lon")
    activity.organisation = organisation
    activity.title = _words(draft.title, "title", 100, "title_missing", needed=True)
    activity.organiser = _words(draft.organiser, "organiser", 100, "organiser_missing", needed=True)
    activity.place = _words(draft.place, "place", 200, "place_missing", needed=True)
    activity.text = _words(draft.text, "text", 5000, "bad_text")
    activity.lon, activity.lat = draft.lon, draft.lat
    activity.entries = [str(entry) for entry in draft.entries]


def _check_shift(draft: ShiftDraft) -> None:
    if not timedelta() < draft.ends_at - draft.begins_at <= LONGEST:
        raise BadActivity("bad_shift", _("A shift ends after it begins, within 24 hours."), field="ends_at")
    if not 1 <= draft.places <= MAX_PLACES:
        raise BadActivity("bad_shift", _("A shift has 1 to 10,000 places."), field="places")


def _add_shift(activity: Activity, draft: ShiftDraft) -> Shift:
    _check_shift(draft)
    return Shift.objects.create(
        activity=activity,
        jurisdiction=activity.jurisdiction,
        begins_at=draft.begins_at,
        ends_at=draft.ends_at,
        places=draft.places,
        token=secrets.token_urlsafe(16),
    )


# ---- signing up -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SignedUp:
    """`secret` opens the sign-up again; empty where a replay gives what is there and brought another one."""

    sign_up: SignUp
    secret: str


def sign_up(
    *, now: datetime, shift_id: uuid.UUID, contact: Contact, sign_up_id: uuid.UUID, secret: str = ""
) -> SignedUp:
    """In, or in turn on the waiting list; one phone once in a shift. The same id again gives the first answer.

    `secret`: what shall open it again, 128 random bits made with the form, so that a second press of its button leads
    to the same page; made here if it is of another shape. Raises NotFound (`shift_not_found`), Conflict
    (`shift_over`, `activity_cancelled`, `shift_cancelled`, `signed_up_already`, `sign_up_conflict`,
    `waiting_list_full`).
    """
    kept = secret if SECRET.fullmatch(secret) else new_secret()
    try:
        with transaction.atomic():
            return _sign_up(now, shift_id, contact, sign_up_id, kept)
    except IntegrityError:
        there = SignUp.objects.filter(pk=sign_up_id, shift=shift_id).first()
        if there is None:
            raise _signed_up_already() from None
        return _again(there, contact, kept)


@transaction.atomic
def sign_up_for(
    *, by: Person, now: datetime, shift_id: uuid.UUID, contact: Contact, sign_up_id: uuid.UUID, secret: str = ""
) -> SignedUp:
    """The same by the organiser, for somebody who called. Raises as `sign_up`, NotAllowed."""
    shift = queries.shift_for(by, shift_id)
    rights.require(by, MANAGES, shift.jurisdiction)
    made = sign_up(now=now, shift_id=shift_id, contact=contact, sign_up_id=sign_up_id, secret=secret)
    _audit(by, now, "sign_up_for", made.sign_up)
    return made


def _again(there: SignUp, contact: Contact, secret: str) -> SignedUp:
    """A page that was gone back to signs nobody else up: what it brings of another person is refused."""
    if there.person and there.person != person_of(contact.phone):
        raise Conflict(
            "sign_up_conflict", _("This form was sent already; load the page anew to sign somebody else up.")
        )
    return SignedUp(there, secret if hmac.compare_digest(there.digest, digest_of(secret)) else "")


def _sign_up(now: datetime, shift_id: uuid.UUID, contact: Contact, sign_up_id: uuid.UUID, secret: str) -> SignedUp:
    shift = _locked_shift(shift_id)
    there = SignUp.objects.filter(pk=sign_up_id, shift=shift).first()
    if there is not None:
        return _again(there, contact, secret)
    _require_held(shift)
    if now >= shift.ends_at:
        raise Conflict("shift_over", _("This shift is over."))
    person = person_of(contact.phone)
    if SignUp.objects.filter(shift=shift, person=person).exclude(state=SignUpState.WITHDRAWN).exists():
        raise _signed_up_already()
    free = shift.taken < shift.places
    if not free and SignUp.objects.filter(shift=shift, state=SignUpState.WAITING).count() >= MAX_WAITING:
        raise Conflict("waiting_list_full", _("The waiting list is full; thank you all the same."))
    shift.signed += 1
    shift.taken += free
    made = SignUp.objects.create(
        id=sign_up_id,
        shift=shift,
        turn=shift.signed,
        state=SignUpState.IN if free else SignUpState.WAITING,
        sealed=seal_contact(contact),
        person=person,
        digest=digest_of(secret),
        at=now,
    )
    shift.save(update_fields=["signed", "taken"])
    return SignedUp(made, secret)


def _signed_up_already() -> Conflict:
    return Conflict("signed_up_already", _("This telephone number has signed up for this shift."), field="phone")


def person_of(phone: str) -> str:
    """What stands for a phone: a hash under this installation's key, which the database does not hold."""
    key = read_or_make_key(settings.DUBAN_DATA / "keys" / "volunteers")
    return hmac.digest(key, phone.encode(), "sha256").hex()


@transaction.atomic
def withdraw_sign_up(*, now: datetime, secret: str) -> SignUp:
    """The first who waits takes the place. A second time changes nothing.

    Raises NotFound (`sign_up_not_found`), Conflict (`came_already`).
    """
    return _withdraw(queries.sign_up_of(secret), now)


@transaction.atomic
def withdraw_for(*, by: Person, now: datetime, sign_up_id: uuid.UUID) -> SignUp:
    """The same by the organiser, for somebody who called. Raises as `withdraw_sign_up`, NotAllowed."""
    found = _withdraw(_managed_sign_up(by, sign_up_id), now, by)
    _audit(by, now, "withdraw_for", found)
    return found


def _withdraw(found: SignUp, now: datetime, by: Person | None = None) -> SignUp:
    shift = _locked_shift(found.shift_id)
    found.refresh_from_db()
    if found.state == SignUpState.WITHDRAWN:
        return found
    was_in = found.state == SignUpState.IN
    # Whoever is checked in at this moment does not wait for the shift's lock.
    if not SignUp.objects.filter(pk=found.pk, came_at=None).update(state=SignUpState.WITHDRAWN):
        raise Conflict("came_already", _("You were there; that cannot be taken back."))
    found.state = SignUpState.WITHDRAWN
    if was_in:
        shift.taken -= 1
        _move_up(shift, now, by)
    return found


def _managed_sign_up(by: Person, sign_up_id: uuid.UUID) -> SignUp:
    found = SignUp.objects.select_related("shift__activity").filter(pk=sign_up_id).first()
    if found is None or not rights.may(by, queries.SEES, found.shift.jurisdiction):
        raise _not_signed_up()
    rights.require(by, MANAGES, found.shift.jurisdiction)
    return found


def _not_signed_up() -> NotFound:
    return NotFound("sign_up_not_found", _("Somebody of the list is not signed up."))


def _move_up(shift: Shift, now: datetime, by: Person | None) -> None:
    """Those who wait take the places that are free, in their turn; the office hears of it, but for who did it."""
    free = shift.places - shift.taken
    next_ones = list(
        SignUp.objects.filter(shift=shift, state=SignUpState.WAITING)
        .order_by("turn")
        .values_list("pk", flat=True)[:free]
    )
    moved = SignUp.objects.filter(pk__in=next_ones).update(state=SignUpState.IN, moved_up_at=now)
    shift.taken += moved
    shift.save(update_fields=["taken"])
    if moved:
        tell_of_moved_up(shift, now=now, by=by)


def _locked_shift(shift_id: uuid.UUID) -> Shift:
    """Locked, so that those who sign up at once wait for one another."""
    found = Shift.objects.select_for_update(of=("self",)).select_related("activity").filter(pk=shift_id).first()
    if found is None:
        raise NotFound("shift_not_found", _("There is no such shift."))
    return found


# ---- being there ----------------------------------------------------------------------------------------------------


@transaction.atomic
def check_in(*, now: datetime, secret: str, token: str) -> SignUp:
    """Somebody scanned the code at the meeting point with their own page open. Again changes nothing.

    Raises NotFound (`sign_up_not_found`), Conflict (`wrong_code`, `not_in`, `too_early`, `shift_over`).
    """
    found = queries.sign_up_of(secret)
    if not hmac.compare_digest(found.shift.token.encode(), token.encode()):
        raise Conflict("wrong_code", _("This code is that of another meeting point."))
    return _came(found, now)


@transaction.atomic
def check_in_by_phone(*, now: datetime, token: str, phone: str) -> SignUp:
    """Somebody scanned the code at the meeting point without their own page at hand. Again changes nothing.

    Raises NotFound (`shift_not_found`, `not_on_the_list`), BadContact (`contact_phone`), Conflict as `check_in`.
    """
    shift = queries.shift_of_token(token)
    found = (
        SignUp.objects.select_related("shift__activity")
        .filter(shift=shift, person=person_of(checked_phone(phone)))
        .exclude(state=SignUpState.WITHDRAWN)
        .first()
    )
    if found is None:
        raise NotFound(
            "not_on_the_list",
            _("This number is not on the list of this shift; see that it is typed right, or ask the organiser."),
            field="phone",
        )
    return _came(found, now)


@transaction.atomic
def check_in_from_list(*, by: Person, now: datetime, sign_up_ids: Collection[uuid.UUID]) -> int:
    """Those whom the organiser saw; how many are new. Raises NotFound (`sign_up_not_found`), NotAllowed, Conflict."""
    found = list(SignUp.objects.filter(pk__in=sign_up_ids).select_related("shift__activity"))
    places = {one.shift.jurisdiction for one in found}
    if len(found) != len(set(sign_up_ids)) or not all(rights.may(by, queries.SEES, code) for code in places):
        raise _not_signed_up()
    for code in places:
        rights.require(by, MANAGES, code)
    # Shifts are locked in one order, whoever ticks whom.
    new = sorted((one for one in found if one.came_at is None), key=lambda one: one.shift_id)
    for one in new:
        _came(one, now)
    if new:
        _audit(by, now, "check_in_from_list", new[0].shift, people=len(new))
    return len(new)


@transaction.atomic
def undo_check_in(*, by: Person, now: datetime, sign_up_id: uuid.UUID) -> SignUp:
    """The wrong name was ticked. Again changes nothing.

    Raises NotFound (`sign_up_not_found`), NotAllowed, Conflict (`certified_already`).
    """
    found = _managed_sign_up(by, sign_up_id)
    shift = _locked_shift(found.shift_id)
    if found.records.filter(revoked_at=None).exists():
        raise Conflict("certified_already", _("Hours are certified for this person; revoke the record first."))
    if SignUp.objects.filter(pk=found.pk).exclude(came_at=None).update(came_at=None):
        _owe(shift, -1)
        _audit(by, now, "undo_check_in", found)
    found.came_at = None
    return found


def _came(found: SignUp, now: datetime) -> SignUp:
    shift = _locked_shift(found.shift_id)
    _require_held(shift)
    if found.state != SignUpState.IN:
        raise _not_in()
    if now < shift.begins_at - EARLY:
        raise Conflict("too_early", _("It is too early: come back shortly before the shift begins."))
    if now > shift.ends_at + LONGEST:
        raise Conflict("shift_over", _("This shift is over."))
    new = SignUp.objects.filter(pk=found.pk, state=SignUpState.IN, came_at=None).update(came_at=now)
    _owe(shift, new)
    found.refresh_from_db(fields=["came_at", "state"])
    if found.came_at is None:
        raise _not_in()
    return found


def _owe(shift: Shift, more: int) -> None:
    """So many more came whose hours nobody certified. The shift is locked."""
    shift.owed += more
    shift.save(update_fields=["owed"])


def _not_in() -> Conflict:
    return Conflict("not_in", _("You are on the waiting list, or took your place back; ask the organiser."))


# ---- hours ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certified:
    """What the organiser certifies of one volunteer."""

    sign_up_id: uuid.UUID
    minutes: int
    service: str
    training: str = ""
    commendation: str = ""
    evaluation: str = ""


@transaction.atomic
def certify_hours(*, by: Person, now: datetime, shift_id: uuid.UUID, rows: Sequence[Certified]) -> list[Record]:
    """Records of those who came; who has one already keeps it.

    Raises NotFound (`shift_not_found`, `sign_up_not_found`), NotAllowed, Conflict (`not_over`, `not_there`),
    BadActivity (`bad_minutes`, `service_missing`).
    """
    shift = _locked_shift(shift_id)
    if not rights.may(by, "activity.see", shift.activity.jurisdiction):
        raise NotFound("shift_not_found", _("There is no such shift."))
    rights.require(by, MANAGES, shift.activity.jurisdiction)
    if now < shift.begins_at:
        raise Conflict("not_over", _("Hours are certified once the shift has begun."))
    most = int((shift.ends_at - shift.begins_at + 2 * EARLY) / timedelta(minutes=1))
    there = {one.pk: one for one in SignUp.objects.filter(shift=shift)}
    standing = {one.sign_up_id: one for one in Record.objects.filter(sign_up__shift=shift, revoked_at=None)}
    made = []
    for row in rows:
        found = there.get(row.sign_up_id)
        if found is None:
            raise _not_signed_up()
        if found.pk in standing:
            made.append(standing[found.pk])
            continue
        if found.came_at is None:
            raise Conflict(
                "not_there", _("Nobody saw number %(turn)d there; check them in first.") % {"turn": found.turn}
            )
        if not 1 <= row.minutes <= most:
            raise BadActivity(
                "bad_minutes", _("From 1 to %(most)d minutes: the shift was no longer.") % {"most": most},
                field="minutes",
            )  # fmt: skip
        standing[found.pk] = _record(found, row, by, now)
        made.append(standing[found.pk])
        _owe(shift, -1)
    _audit(by, now, "certify_hours", shift, people=len(rows))
    return made


def _record(found: SignUp, row: Certified, by: Person, now: datetime) -> Record:
    county, year = found.shift.activity.jurisdiction[: LENGTHS[0]], timezone.localtime(now).year
    serial = count_up(f"volunteer:{county}:{year}")
    return Record.objects.create(
        sign_up=found,
        number=f"{county}-{year}-V{serial:06d}",
        code=secrets.token_urlsafe(32),
        minutes=row.minutes,
        service=_words(row.service, "service", 200, "service_missing", needed=True),
        training=_words(row.training, "training", 200, "bad_text"),
        commendation=_words(row.commendation, "commendation", 200, "bad_text"),
        evaluation=_words(row.evaluation, "evaluation", 200, "bad_text"),
        by=by.as_actor(),
        at=now,
    )


@transaction.atomic
def revoke_record(*, by: Person, now: datetime, record_id: uuid.UUID) -> Record:
    """A record that was wrong: its certificate says so, and a right one can be made. Again changes nothing."""
    record = queries.record_for(by, record_id)
    rights.require(by, MANAGES, record.sign_up.shift.jurisdiction)
    shift = _locked_shift(record.sign_up.shift_id)
    record.refresh_from_db(fields=["revoked_at"])
    if record.revoked_at is None:
        record.revoked_at = now
        record.save(update_fields=["revoked_at"])
        _owe(shift, 1)
        _audit(by, now, "revoke_record", record)
    return record


# ---- shared ---------------------------------------------------------------------------------------------------------


def _words(text: str, field: str, most: int, code: str, *, needed: bool = False) -> str:
    return checked_words(text, field, most, error=BadActivity, code=code, needed=needed)


def _audit(by: Person, now: datetime, action: str, subject: Any, **detail: Any) -> None:
    audit.record(
        by=by, now=now, action=action, subject_type=subject._meta.model_name, subject_id=subject.pk, detail=detail
    )
