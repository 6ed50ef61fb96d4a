"""Writes of pairings and needs: never more pledged than needed, delivered in parts, verified by who saw it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.contact import Contact, seal_contact
from duban.commons.contact import open_contact as unseal_contact
from duban.commons.models import Delivery, Organisation, Pairing, Pledge, PostedNeed, SharedPlace
from duban.commons.pairing import queries
from duban.commons.secrets import digest_of, new_secret
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.words import checked_words
from duban.decisions.queries import decision_for
from duban.evidence.models import Photo
from duban.places.codes import normalise_code

MANAGES = "need.manage"
MAX_TARGET, MAX_PHOTOS = 1_000_000, 9


class BadNeed(DubanError):
    pass


@dataclass(frozen=True)
class NeedDraft:
    title: str
    unit: str
    target: int
    due_on: date
    jurisdiction: str
    text: str = ""
    place_id: uuid.UUID | None = None
    decision_id: uuid.UUID | None = None
    before: str = ""


# ---- pairings -------------------------------------------------------------------------------------------------------


@transaction.atomic
def pair(
    *,
    by: Person,
    now: datetime,
    jurisdiction: str,
    partner: str,
    signed_on: date,
    text: str = "",
    organisation_id: uuid.UUID | None = None,
) -> Pairing:
    """The agreement of a community with a partner; the same again is the one that is there.

    Raises NotAllowed, BadCode, BadNeed (`partner_missing`), NotFound (`organisation_not_found`).
    """
    code = normalise_code(jurisdiction)
    rights.require(by, MANAGES, code)
    organisation = _organisation(organisation_id)
    name = _words(
        partner or (organisation.name if organisation else ""), "partner", 100, "partner_missing", needed=True
    )
    found, made = Pairing.objects.get_or_create(
        jurisdiction=code,
        partner=name,
        signed_on=signed_on,
        defaults={
            "organisation": organisation,
            "text": _words(text, "text", 5000, "bad_text"),
            "made_by": by.as_actor(),
        },
    )
    if made:
        _audit(by, now, "pair", found)
    return found


@transaction.atomic
def end_pairing(*, by: Person, now: datetime, pairing_id: uuid.UUID, until: date) -> Pairing:
    """The agreement ends with this day. Raises NotFound (`pairing_not_found`), NotAllowed, BadNeed (`ends_before`)."""
    found = Pairing.objects.select_for_update().filter(pk=pairing_id).first()
    if found is None or not rights.may(by, "need.see", found.jurisdiction):
        raise NotFound("pairing_not_found", _("There is no such agreement, or it is not yours to see."))
    rights.require(by, MANAGES, found.jurisdiction)
    if until < found.signed_on:
        raise BadNeed("ends_before", _("It ends before it was signed."), field="until")
    found.until = until
    found.save(update_fields=["until"])
    _audit(by, now, "end_pairing", found)
    return found


def _organisation(organisation_id: uuid.UUID | None) -> Organisation | None:
    if organisation_id is None:
        return None
    found = Organisation.objects.filter(pk=organisation_id, dissolved_on=None).first()
    if found is None:
        raise NotFound("organisation_not_found", _("There is no such organisation."))
    return found


# ---- needs ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def post_need(*, by: Person, now: datetime, draft: NeedDraft, need_id: uuid.UUID | None = None) -> PostedNeed:
    """Tell everybody what is needed. The same id again gives the first answer.

    Raises NotAllowed, BadCode, BadNeed (`title_missing`, `unit_missing`, `bad_target`, `due_in_the_past`,
    `unknown_photo`), NotFound (`place_not_found`).
    """
    code = normalise_code(draft.jurisdiction)
    rights.require(by, MANAGES, code)
    there = PostedNeed.objects.filter(pk=need_id).first() if need_id else None
    if there is not None:
        return queries.need_for(by, there.pk)
    _check_target_and_day(draft.target, draft.due_on, now)
    if draft.place_id is not None:
        _require_place(by, draft.place_id, code)
    if draft.decision_id is not None:
        decision_for(by, draft.decision_id)
    _known_photos([draft.before] if draft.before else [])
    need = PostedNeed.objects.create(
        id=need_id or uuid.uuid4(),
        jurisdiction=code,
        place_id=draft.place_id,
        decision_id=draft.decision_id,
        title=_words(draft.title, "title", 100, "title_missing", needed=True),
        text=_words(draft.text, "text", 5000, "bad_text"),
        unit=_words(draft.unit, "unit", 20, "unit_missing", needed=True),
        target=draft.target,
        due_on=draft.due_on,
        before=draft.before,
        posted_by=by.as_actor(),
        posted_at=now,
    )
    _audit(by, now, "post_need", need)
    return need


def _require_place(by: Person, place_id: uuid.UUID, code: str) -> None:
    """Raises NotFound (`place_not_found`), BadNeed (`place_elsewhere`)."""
    place = SharedPlace.objects.filter(pk=place_id).first()
    if place is None or not rights.may(by, "topic.see", place.jurisdiction):
        raise NotFound("place_not_found", _("There is no such place, or it is not yours to see."))
    if not place.jurisdiction.startswith(code):
        raise BadNeed("place_elsewhere", _("The place lies in another community."), field="place")


@transaction.atomic
def change_need(
    *, by: Person, now: datetime, need_id: uuid.UUID, text: str, target: int, due_on: date, before: str = ""
) -> PostedNeed:
    """Other words, another day, more units; never fewer than are pledged, and title and unit stay as they were pledged.

    Raises NotFound (`need_not_found`), NotAllowed, Conflict (`need_closed`), BadNeed (`bad_target`, `pledged_already`,
    `due_in_the_past`, `unknown_photo`, `bad_text`).
    """
    need = queries.need_for(by, need_id, lock=True)
    rights.require(by, MANAGES, need.jurisdiction)
    if need.closed_at is not None:
        raise _need_closed()
    _check_target_and_day(target, due_on, now)
    if target < need.pledged:
        raise BadNeed(
            "pledged_already", _("%(pledged)d are pledged already.") % {"pledged": need.pledged}, field="target"
        )
    _known_photos([before] if before else [])
    need.text = _words(text, "text", 5000, "bad_text")
    need.target, need.due_on, need.before = target, due_on, before or need.before
    need.save(update_fields=["text", "target", "due_on", "before"])
    _audit(by, now, "change_need", need, target=target)
    return need


def _check_target_and_day(target: int, due_on: date, now: datetime) -> None:
    if not 1 <= target <= MAX_TARGET:
        raise BadNeed("bad_target", _("Say how many, from 1 to 1,000,000."), field="target")
    if due_on < timezone.localdate(now):
        raise BadNeed("due_in_the_past", _("The day has passed already."), field="due_on")


def _need_closed() -> Conflict:
    return Conflict("need_closed", _("This need is closed; nobody signs up any more."))


@transaction.atomic
def close_need(*, by: Person, now: datetime, need_id: uuid.UUID, after: str = "", thanks: str = "") -> PostedNeed:
    """No more is taken; a photo of after and words of thanks go onto its page. Again changes the words alone.

    Raises NotFound (`need_not_found`), NotAllowed, BadNeed (`unknown_photo`, `bad_text`).
    """
    need = queries.need_for(by, need_id, lock=True)
    rights.require(by, MANAGES, need.jurisdiction)
    _known_photos([after] if after else [])
    need.after = after or need.after
    need.thanks = _words(thanks, "thanks", 5000, "bad_text") or need.thanks
    need.closed_at = need.closed_at or now
    need.save(update_fields=["after", "thanks", "closed_at"])
    _audit(by, now, "close_need", need)
    return need


# ---- pledges --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pledged:
    """`secret` opens the pledge again; it is shown this once, and empty where a replay gives what is there."""

    pledge: Pledge
    secret: str


def pledge(
    *,
    now: datetime,
    need_id: uuid.UUID,
    partner: str,
    contact: Contact,
    number: int,
    pledge_id: uuid.UUID,
    organisation_id: uuid.UUID | None = None,
) -> Pledged:
    """Sign up for part of a need; never more than is left. The same id again gives the first answer.

    Raises NotFound (`need_not_found`, `organisation_not_found`), Conflict (`need_closed`, `need_met`), BadNeed
    (`bad_number`, `too_many`, `partner_missing`).
    """
    try:
        with transaction.atomic():
            return _pledge(now, need_id, partner, contact, number, pledge_id, organisation_id)
    except IntegrityError:
        # The same id was sent twice at once, and the other was first.
        return Pledged(Pledge.objects.get(pk=pledge_id, need=need_id), "")


def _pledge(
    now: datetime,
    need_id: uuid.UUID,
    partner: str,
    contact: Contact,
    number: int,
    pledge_id: uuid.UUID,
    organisation_id: uuid.UUID | None,
) -> Pledged:
    there = Pledge.objects.filter(pk=pledge_id, need=need_id).first()
    if there is not None:
        return Pledged(there, "")
    organisation = _organisation(organisation_id)
    need = _open_need(need_id, now)
    if number < 1:
        raise BadNeed("bad_number", _("Sign up for 1 at least."), field="number")
    left = need.target - need.pledged
    if not left:
        raise Conflict("need_met", _("Others have signed up for all of it meanwhile; thank you."))
    if number > left:
        raise BadNeed(
            "too_many", _("Only %(left)d are still needed.") % {"left": left}, field="number", status=Conflict.status
        )
    secret = new_secret()
    made = Pledge.objects.create(
        id=pledge_id,
        need=need,
        organisation=organisation,
        partner=_words(partner, "partner", 100, "partner_missing", needed=True),
        sealed=seal_contact(contact),
        digest=digest_of(secret),
        number=number,
        at=now,
    )
    PostedNeed.objects.filter(pk=need.pk).update(pledged=F("pledged") + number)
    return Pledged(made, secret)


def _open_need(need_id: uuid.UUID, now: datetime) -> PostedNeed:
    """Locked, so that those who sign up at once wait for one another."""
    need = PostedNeed.objects.select_for_update().filter(pk=need_id).first()
    if need is None:
        raise NotFound("need_not_found", _("There is no such need."))
    if need.closed_at is not None or timezone.localdate(now) > need.due_on:
        raise _need_closed()
    return need


@transaction.atomic
def withdraw_pledge(*, now: datetime, secret: str) -> Pledge:
    """What was not delivered yet is free for others. A second time changes nothing. Raises NotFound."""
    return _withdraw(queries.pledge_of(secret), now)


@transaction.atomic
def strike_pledge(*, by: Person, now: datetime, pledge_id: uuid.UUID) -> Pledge:
    """The office takes back what a partner signed up for: it was no partner, or it does not come. As `withdraw_pledge`.

    Raises NotFound (`pledge_not_found`), NotAllowed.
    """
    found = _managed_pledge(by, pledge_id)
    struck = _withdraw(found, now)
    _audit(by, now, "strike_pledge", struck)
    return struck


def _managed_pledge(by: Person, pledge_id: uuid.UUID) -> Pledge:
    found = Pledge.objects.select_related("need").filter(pk=pledge_id).first()
    if found is None or not rights.may(by, queries.SEES, found.need.jurisdiction):
        raise NotFound("pledge_not_found", _("There is no such sign-up, or it is not yours to see."))
    rights.require(by, MANAGES, found.need.jurisdiction)
    return found


def _withdraw(found: Pledge, now: datetime) -> Pledge:
    need = PostedNeed.objects.select_for_update().get(pk=found.need_id)
    found.refresh_from_db()
    if found.withdrawn_at is not None:
        return found
    brought = _brought(found)
    if brought:
        # What was brought stays, and the pledge with it.
        freed, found.number = found.number - brought, brought
    else:
        freed, found.withdrawn_at = found.number, now
    found.save(update_fields=["number", "withdrawn_at"])
    PostedNeed.objects.filter(pk=need.pk).update(pledged=F("pledged") - freed)
    return found


@transaction.atomic
def open_contact(*, by: Person, now: datetime, pledge_id: uuid.UUID) -> Contact | None:
    """Whom to call about what a partner signed up for, None once it was forgotten; the look is recorded.

    Raises NotFound (`pledge_not_found`), NotAllowed.
    """
    found = _managed_pledge(by, pledge_id)
    _audit(by, now, "open_contact", found)
    return unseal_contact(found.sealed) if found.sealed is not None else None


# ---- deliveries -----------------------------------------------------------------------------------------------------


@transaction.atomic
def deliver(*, now: datetime, secret: str, number: int, photos: Sequence[str] = ()) -> Delivery:
    """A part of a pledge was brought. Raises NotFound, Conflict (`pledge_withdrawn`), BadNeed (`bad_number`,
    `more_than_pledged`, `unknown_photo`)."""
    return _deliver(queries.pledge_of(secret).pk, now, number, photos)


@transaction.atomic
def record_delivery(
    *, by: Person, now: datetime, pledge_id: uuid.UUID, number: int, photos: Sequence[str] = ()
) -> Delivery:
    """A partner brought a part and has told the office alone. Raises as `deliver`, NotFound, NotAllowed."""
    made = _deliver(_managed_pledge(by, pledge_id).pk, now, number, photos)
    _audit(by, now, "record_delivery", made, number=number)
    return made


def _deliver(pledge_id: uuid.UUID, now: datetime, number: int, photos: Sequence[str]) -> Delivery:
    found = Pledge.objects.select_for_update().get(pk=pledge_id)
    require_left(found, number)
    _known_photos(photos)
    return Delivery.objects.create(pledge=found, number=number, photos=list(photos), at=now)


def require_left(found: Pledge, number: int) -> None:
    """Raises what `deliver` raises of the number, for who would rather know before photos are taken in."""
    if found.withdrawn_at is not None:
        raise Conflict("pledge_withdrawn", _("You took this back; sign up again."))
    if number < 1:
        raise BadNeed("bad_number", _("Say how many you brought."), field="number")
    left = found.number - _brought(found)
    if number > left:
        raise BadNeed("more_than_pledged", _("Of your pledge %(left)d are left.") % {"left": left}, field="number")


@transaction.atomic
def verify_delivery(
    *, by: Person, now: datetime, delivery_id: int, good: bool, reason: str = "", photos: Sequence[str] = ()
) -> Delivery:
    """Somebody of the community saw it, with photos; or it is not what was pledged, and why. Once.

    Raises NotFound (`delivery_not_found`), NotAllowed, Conflict (`delivery_judged`), BadNeed (`reason_missing`,
    `photo_missing`, `unknown_photo`).
    """
    found = (
        Delivery.objects.select_for_update(of=("self",)).select_related("pledge__need").filter(pk=delivery_id).first()
    )
    if found is None or not rights.may(by, "need.see", found.pledge.need.jurisdiction):
        raise NotFound("delivery_not_found", _("There is no such delivery, or it is not yours to see."))
    rights.require(by, MANAGES, found.pledge.need.jurisdiction)
    if found.verified_at is not None or found.refused_for:
        raise Conflict("delivery_judged", _("Somebody has judged this delivery already."))
    _known_photos(photos)
    found.photos = list(dict.fromkeys([*found.photos, *photos]))[:MAX_PHOTOS]
    if good:
        if not found.photos:
            raise BadNeed("photo_missing", _("Add a photo of what was brought."), field="photos")
        found.verified_at, found.verified_by = now, by.as_actor()
    else:
        found.refused_for = _words(reason, "reason", 200, "reason_missing", needed=True)
        found.verified_by = by.as_actor()
    found.save()
    _audit(by, now, "verify_delivery", found, good=good, number=found.number)
    return found


def _brought(found: Pledge) -> int:
    """What was delivered and not refused."""
    return found.deliveries.filter(refused_for="").aggregate(total=Sum("number"))["total"] or 0


def _known_photos(photos: Sequence[str]) -> None:
    if len(photos) > MAX_PHOTOS:
        raise BadNeed("unknown_photo", _("At most 9 photos."), field="photos")
    wanted = set(photos)
    if Photo.objects.filter(sha256__in=wanted).count() != len(wanted):
        raise BadNeed("unknown_photo", _("A photo did not arrive; add it again."), field="photos")


def _words(text: str, field: str, most: int, code: str, *, needed: bool = False) -> str:
    return checked_words(text, field, most, error=BadNeed, code=code, needed=needed)


def _audit(by: Person, now: datetime, action: str, subject: Any, **detail: Any) -> None:
    audit.record(
        by=by, now=now, action=action, subject_type=subject._meta.model_name, subject_id=subject.pk, detail=detail
    )
