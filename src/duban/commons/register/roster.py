"""Who belongs to an organisation, from when until when and as what: encrypted, masked, and each look written down."""

import json
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.contact import MAX_NAME, Contact, checked_contact, open_contact
from duban.commons.models import Membership, Organisation
from duban.commons.register.actions import require_standing
from duban.commons.register.drafts import BadOrganisation
from duban.commons.register.queries import EDITS, ROSTERS, organisation_for
from duban.core import audit
from duban.core.errors import Conflict, NotAllowed, NotFound
from duban.core.models import AuditRecord
from duban.core.sealed_text import seal_texts
from duban.core.text import is_plain
from duban.core.words import checked_words

MAX_ROLE, MAX_AT_ONCE, MAX_ROSTER = 60, 500, 5000
SHOWN_LOOKS = 10


class Purpose(models.TextChoices):
    """What a roster is opened for."""

    CHECK = "check", _("annual check")
    CONTACT = "contact", _("to reach somebody")
    UPKEEP = "upkeep", _("to keep the roster right")
    QUESTION = "question", _("a member asks what is kept of them")


@dataclass(frozen=True)
class Member:
    """Somebody of a roster, as a list shows them unless it was opened."""

    id: int
    name: str
    phone: str
    role: str
    since: date | None
    until: date | None


@dataclass(frozen=True)
class MemberDraft:
    name: str
    phone: str = ""
    role: str = ""
    since: date | None = None


# ---- reading --------------------------------------------------------------------------------------------------------


def roster_of(organisation: Organisation, *, gone: bool = False) -> list[Member]:
    """Its people, masked: those who are there, or those who have left."""
    rows = organisation.roster.filter(until__isnull=not gone).order_by("-until", "pk")[:MAX_ROSTER]
    return [_member(row, masked(open_contact(row.sealed))) for row in rows]


def masked(contact: Contact) -> Contact:
    """The first character of the name, three and two digits of the phone."""
    shown = contact.masked
    return shown if contact.phone else Contact(shown.name, "")


@transaction.atomic
def open_roster(*, by: Person, now: datetime, organisation_id: uuid.UUID, purpose: str) -> list[Member]:
    """Its people in full, those who have left too; that it was opened, and what for, is written down.

    Raises NotFound (`organisation_not_found`), NotAllowed, BadOrganisation (`unknown_roster_purpose`).
    """
    one = for_roster(by, organisation_id)
    if purpose not in Purpose.values:
        raise BadOrganisation("unknown_roster_purpose", _("Say what the roster is opened for."), field="purpose")
    rows = list(one.roster.order_by("until", "pk")[:MAX_ROSTER])
    _audit(by, now, "open_roster", one, purpose=purpose, people=len(rows))
    return [_member(row, open_contact(row.sealed)) for row in rows]


@dataclass(frozen=True)
class Looked:
    """That somebody opened a roster."""

    at: datetime
    who: str
    purpose: str


def looks_at(organisation: Organisation) -> list[Looked]:
    """Who opened its roster lately and what for, the newest first."""
    records = AuditRecord.objects.filter(
        subject_type="organisation", subject_id=str(organisation.pk), action="open_roster"
    )
    return [
        Looked(record.at, record.actor.get("name", ""), str(Purpose(record.detail["purpose"]).label))
        for record in records.order_by("-at", "-pk")[:SHOWN_LOOKS]
    ]


def for_roster(by: Person, organisation_id: uuid.UUID, *, lock: bool = False) -> Organisation:
    """The organisation, for who may know its people. Raises NotFound (`organisation_not_found`), NotAllowed."""
    one = organisation_for(by, organisation_id, lock=lock)
    if not rights.may(by, ROSTERS, one.jurisdiction):
        raise NotAllowed("not_allowed", _("None of your roles opens this page."))
    return one


def _member(row: Membership, contact: Contact) -> Member:
    return Member(row.pk, contact.name, contact.phone, row.role, row.since, row.until)


# ---- writing --------------------------------------------------------------------------------------------------------


@transaction.atomic
def add_members(
    *, by: Person, now: datetime, organisation_id: uuid.UUID, drafts: Sequence[MemberDraft]
) -> list[Membership]:
    """Put people on the roster; who is there already under this name and phone is not put there twice.

    Where the number of members is that of the roster it follows. Raises NotFound, NotAllowed, Conflict
    (`organisation_dissolved`), BadOrganisation (`no_members`, `too_many_members`, `member_ahead`, `bad_text`),
    BadContact (`contact_name`, `contact_phone`).
    """
    one = _kept(by, organisation_id)
    people = [(checked_member(draft.name, draft.phone), draft) for draft in drafts]
    if not people:
        raise BadOrganisation("no_members", _("Give at least one name."), field="members")
    there = {(seen.name, seen.phone) for seen in _contacts(one.roster.filter(until=None))}
    before = len(there)
    if len(people) > MAX_AT_ONCE or before + len(people) > MAX_ROSTER:
        raise BadOrganisation(
            "too_many_members", _("At most 500 people at a time, and 5,000 on a roster."), field="members"
        )
    fresh: dict[tuple[str, str], MemberDraft] = {}
    for contact, draft in people:
        if draft.since is not None and draft.since > timezone.localdate(now):
            raise BadOrganisation("member_ahead", _("This day has not come yet."), field="since")
        if (contact.name, contact.phone) not in there:
            fresh.setdefault((contact.name, contact.phone), draft)
    made = write_members(one, [(Contact(*who), draft) for who, draft in fresh.items()])
    _follow(one, one.roster.filter(until=None).count() - len(made), len(made))
    if made:
        _audit(by, now, "add_members", one, people=len(made))
    return made


def write_members(one: Organisation, people: Iterable[tuple[Contact, MemberDraft]]) -> list[Membership]:
    """Seal and write people who were checked."""
    people = list(people)
    sealed = seal_texts(json.dumps([contact.name, contact.phone], ensure_ascii=False) for contact, _draft in people)
    rows = [
        Membership(
            organisation=one,
            sealed=cipher,
            role=checked_words(draft.role, "role", MAX_ROLE, error=BadOrganisation, code="bad_text"),
            since=draft.since,
        )
        for cipher, (_contact, draft) in zip(sealed, people, strict=True)
    ]
    return Membership.objects.bulk_create(rows, batch_size=500)


@transaction.atomic
def change_role(*, by: Person, now: datetime, member_id: int, role: str, on: date) -> Membership:
    """From that day on they are something else: the old role ends then, and a new one begins.

    Raises NotFound (`member_not_found`), NotAllowed, Conflict (`member_gone`), BadOrganisation (`bad_text`,
    `member_ahead`, `member_before`).
    """
    row, one = _current(by, now, member_id, on)
    word = checked_words(role, "role", MAX_ROLE, error=BadOrganisation, code="bad_text")
    if word == row.role:
        return row
    row.until = on
    row.save(update_fields=["until"])
    made = Membership.objects.create(organisation=one, sealed=bytes(row.sealed), role=word, since=on)
    _audit(by, now, "change_role", one, member=row.pk, then=made.pk)
    return made


@transaction.atomic
def end_member(*, by: Person, now: datetime, member_id: int, on: date) -> Membership:
    """They have left on that day. Raises NotFound (`member_not_found`), NotAllowed, Conflict (`member_gone`),
    BadOrganisation (`member_ahead`, `member_before`)."""
    row, one = _current(by, now, member_id, on)
    there = one.roster.filter(until=None).count()
    row.until = on
    row.save(update_fields=["until"])
    _follow(one, there, -1)
    _audit(by, now, "end_member", one, member=row.pk)
    return row


@transaction.atomic
def forget_member(*, by: Person, now: datetime, member_id: int) -> None:
    """Delete what is kept of somebody who has left, or was put there by mistake; a second time nothing is there.

    Raises NotFound (`member_not_found`), NotAllowed.
    """
    row = _row(by, member_id)
    one = row.organisation
    there = one.roster.filter(until=None).count()
    current = row.until is None
    row.delete()
    if current:
        _follow(one, there, -1)
    _audit(by, now, "forget_member", one, member=member_id)


def checked_member(name: str, phone: str) -> Contact:
    """A name, and a phone where one is known. Raises BadContact (`contact_name`, `contact_phone`)."""
    if phone.strip():
        return checked_contact(name, phone)
    # The name is held to the same rule; the phone that goes with it here is thrown away.
    return Contact(checked_contact(name, "00000000").name, "")


def read_roster(text: str) -> list[MemberDraft]:
    """People as pasted, one to a line: name, phone, role, parted by a comma, a tab or blanks; only the name is needed.

    Raises BadOrganisation (`bad_roster_line`, `too_many_members`), its row the line.
    """
    drafts = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        parts = [part.strip() for part in re.split(r"[,，\t;；、]", line)]
        if len(parts) == 1:
            parts = re.split(r"\s+", line.strip())
        parts = [part for part in parts if part] or [""]
        name, phone, role = parts[0], "", ""
        for part in parts[1:]:
            if re.fullmatch(r"[\d\s+()（）-]{7,20}", part) and not phone:
                phone = part
            elif not role:
                role = part
            else:
                raise _bad_line(number)
        if not is_plain(line) or len(name) > MAX_NAME or len(role) > MAX_ROLE or not re.search(r"[^\W\d_]", name):
            raise _bad_line(number)
        checked_member(name, phone)
        drafts.append(MemberDraft(name, phone, role))
    if len(drafts) > MAX_AT_ONCE:
        raise BadOrganisation(
            "too_many_members", _("At most 500 people at a time, and 5,000 on a roster."), field="members"
        )
    return drafts


def _bad_line(number: int) -> BadOrganisation:
    says = _("Line %(number)d: write the name, then the phone and the role, with commas between them.")
    return BadOrganisation("bad_roster_line", says % {"number": number}, field="members", row=number)


def _kept(by: Person, organisation_id: uuid.UUID) -> Organisation:
    one = for_roster(by, organisation_id, lock=True)
    rights.require(by, EDITS, one.jurisdiction)
    require_standing(one)
    return one


def _row(by: Person, member_id: int) -> Membership:
    row = Membership.objects.select_related("organisation").filter(pk=member_id).first()
    if row is None:
        raise _nobody()
    try:
        one = for_roster(by, row.organisation_id, lock=True)
    except NotFound:
        raise _nobody() from None
    rights.require(by, EDITS, one.jurisdiction)
    # Read again now that the organisation is locked: somebody may have been quicker.
    row = Membership.objects.filter(pk=member_id).first()
    if row is None:
        raise _nobody()
    row.organisation = one
    return row


def _nobody() -> NotFound:
    return NotFound("member_not_found", _("There is nobody like that on a roster of yours."))


def _current(by: Person, now: datetime, member_id: int, on: date) -> tuple[Membership, Organisation]:
    row = _row(by, member_id)
    if row.until is not None:
        raise Conflict("member_gone", _("They have left already."))
    if on > timezone.localdate(now):
        raise BadOrganisation("member_ahead", _("This day has not come yet."), field="on")
    if row.since is not None and on < row.since:
        raise BadOrganisation("member_before", _("That is before they joined."), field="on")
    return row, row.organisation


def _contacts(rows: Iterable[Membership]) -> list[Contact]:
    return [open_contact(row.sealed) for row in rows]


def _follow(one: Organisation, before: int, more: int) -> None:
    """The number of members follows the roster where it was that of the roster, and is never less than it."""
    after = before + more
    number = after if one.members == before else max(one.members, after)
    if number != one.members:
        one.members = number
        one.save(update_fields=["members"])


def _audit(by: Person, now: datetime, action: str, one: Organisation, **detail: Any) -> None:
    audit.record(by=by, now=now, action=action, subject_type="organisation", subject_id=one.pk, detail=detail)
