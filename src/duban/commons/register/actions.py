"""Writes of the register: an organisation put on it, changed, placed, checked each year, dissolved."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.models import Area, ChangeOf, LifeEvent, Organisation, OrganisationKind, Purpose
from duban.commons.register import search
from duban.commons.register.categories import Categories
from duban.commons.register.drafts import MAX_CATEGORY, BadOrganisation, OrganisationDraft, checked
from duban.commons.register.life import append_change, require_day
from duban.commons.register.queries import EDITS, organisation_for
from duban.core import audit
from duban.core.errors import Conflict, NotFound
from duban.core.integrity import canonical, sha256
from duban.core.text import is_plain
from duban.core.words import checked_words
from duban.ledger.counters import count_up
from duban.places import queries as places
from duban.places.codes import normalise_code

REVIVED = "revived"
MAX_AREAS, MAX_REASON, MARK = 50, 300, 16
FIRST_CHECKED = 1990
COLUMNS = (
    "name", "name_key", "tier", "kind", "category_id", "credit_code", "filing_number", "jurisdiction", "town",
    "members", "founded", "about", "search",
)  # fmt: skip
"""What change_organisation may change."""
DATED = {
    "name": ChangeOf.NAME, "tier": ChangeOf.TIER, "kind": ChangeOf.KIND, "category_id": ChangeOf.CATEGORY,
    "credit_code": ChangeOf.NUMBER, "filing_number": ChangeOf.NUMBER, "jurisdiction": ChangeOf.PLACE,
}  # fmt: skip
"""What of it is written onto the life line."""


class CheckOutcome(models.TextChoices):
    PASSED = "passed", _("passed")
    MEND = "mend", _("to be put right")
    FAILED = "failed", _("not passed")


def mark_of(organisation: Organisation) -> str:
    """Changes with what change_organisation may change: sent back with a change, it tells of one in between."""
    return sha256(canonical({column: str(getattr(organisation, column)) for column in COLUMNS}))[:MARK]


# ---- on the register ------------------------------------------------------------------------------------------------


@transaction.atomic
def record_organisation(
    *,
    by: Person,
    now: datetime,
    draft: OrganisationDraft,
    purpose: str = Purpose.LEISURE,
    organisation_id: uuid.UUID | None = None,
) -> Organisation:
    """Put an organisation on the register. The same id again gives the first answer.

    Raises NotAllowed, what `drafts.checked` refuses, BadOrganisation (`category_missing`, `unknown_purpose`),
    Conflict (`organisation_there`, `credit_code_taken`, `filing_number_taken`).
    """
    one = _sound(draft, now)
    rights.require(by, EDITS, one.jurisdiction)
    if organisation_id is not None:
        there = Organisation.objects.filter(pk=organisation_id).first()
        if there is not None:
            return organisation_for(by, organisation_id)
        one.pk = organisation_id
    if purpose not in Purpose.values:
        raise BadOrganisation("unknown_purpose", _("Choose one of the purposes."), field="purpose")
    one.purpose = purpose
    count_up(f"register:{one.town}")
    write_new(one, by=by, now=now)
    _audit(by, now, "record_organisation", one)
    return one


def write_new(one: Organisation, *, by: audit.Actor, now: datetime, note: str = "") -> None:
    """Write a sound organisation that is not there yet, and the beginning of its life line; the town is locked."""
    _require_unused(one)
    same = Organisation.objects.filter(jurisdiction=one.jurisdiction, name_key=one.name_key, dissolved_on=None)
    if any(not _contradict(there, one) for there in same):
        raise Conflict(
            "organisation_there",
            _("An organisation of this name is on the register at this place already."),
            field="name",
        )
    one.added_at = now
    _save(one, force_insert=True)
    append_change(
        one, ChangeOf.FOUNDED, one.founded or timezone.localdate(now), "", one.name, by=by, now=now, note=note
    )


@transaction.atomic
def change_organisation(
    *, by: Person, now: datetime, organisation_id: uuid.UUID, draft: OrganisationDraft, on: date, seen: str = ""
) -> Organisation:
    """Say otherwise what the register says, from that day on; its brand and its purpose have writes of their own.

    `seen`: the mark of the organisation as `by` saw it. `by` must keep organisations where it was and where it comes.
    Raises NotFound (`organisation_not_found`), NotAllowed, Conflict (`organisation_dissolved`, `organisation_changed`,
    `credit_code_taken`, `filing_number_taken`), BadOrganisation (`day_ahead`, `day_before_founding`) and what
    record_organisation refuses.
    """
    one = _kept(by, organisation_id)
    if seen and seen != mark_of(one):
        raise Conflict(
            "organisation_changed",
            _("Somebody changed this organisation meanwhile; look at it again before you change it."),
        )
    fresh = _sound(draft, now)
    rights.require(by, EDITS, fresh.jurisdiction)
    changed = [column for column in COLUMNS if getattr(one, column) != getattr(fresh, column)]
    if not changed:
        return one
    before = {column: _said(one, column) for column in DATED if column in changed}
    one.category = fresh.category
    for column in changed:
        setattr(one, column, getattr(fresh, column))
    if before:
        require_day(one, on, now)
    _require_unused(one)
    if one.kind != OrganisationKind.FEDERATION and one.belonging.exists():
        raise Conflict("federation_has_members", _("Organisations belong to it; let them leave first."), field="kind")
    _save(one, update_fields=[column.removesuffix("_id") for column in changed])
    for column, was in before.items():
        append_change(one, DATED[column], on, was, _said(one, column), by=by, now=now)
    _audit(by, now, "change_organisation", one, columns=changed)
    return one


@transaction.atomic
def set_areas(*, by: Person, now: datetime, organisation_id: uuid.UUID, codes: Sequence[str]) -> list[str]:
    """Where it is active besides where it is based: these codes and no others.

    Raises NotFound, NotAllowed, BadCode (`bad_code`), BadOrganisation (`too_many_areas`), Conflict
    (`organisation_dissolved`).
    """
    one = _kept(by, organisation_id)
    wanted = list(dict.fromkeys(normalise_code(code, field="areas") for code in codes))
    wanted = [code for code in wanted if code != one.jurisdiction]
    if len(wanted) > MAX_AREAS:
        raise BadOrganisation("too_many_areas", _("At most 50 areas."), field="areas")
    there = set(one.areas.values_list("code", flat=True))
    if there != set(wanted):
        one.areas.exclude(code__in=wanted).delete()
        Area.objects.bulk_create([Area(organisation=one, code=code) for code in wanted if code not in there])
        _audit(by, now, "set_areas", one, areas=wanted)
    return wanted


# ---- the end of it, and back ----------------------------------------------------------------------------------------


@transaction.atomic
def dissolve_organisation(
    *, by: Person, now: datetime, organisation_id: uuid.UUID, on: date, reason: str
) -> Organisation:
    """It is no more from that day on; its certificate says so. A second time changes nothing.

    Raises NotFound, NotAllowed, BadOrganisation (`reason_missing`, `day_ahead`, `day_before_founding`), Conflict
    (`federation_has_members`).
    """
    one = _edited(by, organisation_id)
    if one.dissolved_on is not None:
        return one
    note = checked_words(reason, "reason", MAX_REASON, error=BadOrganisation, code="reason_missing", needed=True)
    require_day(one, on, now)
    if one.belonging.filter(dissolved_on=None).exists():
        raise Conflict("federation_has_members", _("Organisations belong to it; let them leave first."))
    one.dissolved_on = on
    one.save(update_fields=["dissolved_on"])
    append_change(one, ChangeOf.DISSOLVED, on, "", "", by=by, now=now, note=note)
    _audit(by, now, "dissolve_organisation", one)
    return one


@transaction.atomic
def revive_organisation(
    *, by: Person, now: datetime, organisation_id: uuid.UUID, on: date, reason: str
) -> Organisation:
    """It is there again, or was struck off by mistake. A second time changes nothing.

    Raises NotFound, NotAllowed, BadOrganisation (`reason_missing`, `day_ahead`, `day_before_dissolving`).
    """
    one = _edited(by, organisation_id)
    if one.dissolved_on is None:
        return one
    note = checked_words(reason, "reason", MAX_REASON, error=BadOrganisation, code="reason_missing", needed=True)
    require_day(one, on, now)
    if on < one.dissolved_on:
        raise BadOrganisation(
            "day_before_dissolving", _("That is before the day on which it was dissolved."), field="on"
        )
    one.dissolved_on = None
    one.save(update_fields=["dissolved_on"])
    append_change(one, ChangeOf.DISSOLVED, on, "", REVIVED, by=by, now=now, note=note)
    _audit(by, now, "revive_organisation", one)
    return one


# ---- federations ----------------------------------------------------------------------------------------------------


@transaction.atomic
def join_federation(
    *, by: Person, now: datetime, organisation_id: uuid.UUID, federation_id: uuid.UUID | None, on: date
) -> Organisation:
    """From that day on it belongs to the federation; None: to none. Said again it changes nothing.

    Raises NotFound (`organisation_not_found`, `federation_not_found`), NotAllowed, BadOrganisation (`day_ahead`,
    `day_before_founding`), Conflict (`organisation_dissolved`, `federation_in_circle`).
    """
    one = _kept(by, organisation_id)
    if one.federation_id == federation_id:
        return one
    federation = None
    if federation_id is not None:
        known = Organisation.objects.select_for_update().filter(
            pk=federation_id, kind=OrganisationKind.FEDERATION, dissolved_on=None
        )
        federation = known.first()
        if federation is None:
            raise NotFound("federation_not_found", _("There is no such federation."), field="federation")
        _require_no_circle(one, federation)
    require_day(one, on, now)
    before = one.federation.name if one.federation else ""
    one.federation = federation
    one.save(update_fields=["federation"])
    append_change(one, ChangeOf.FEDERATION, on, before, federation.name if federation else "", by=by, now=now)
    _audit(by, now, "join_federation", one, federation=str(federation_id or ""))
    return one


def _require_no_circle(one: Organisation, federation: Organisation) -> None:
    above: Organisation | None = federation
    while above is not None:
        if above.pk == one.pk:
            raise Conflict(
                "federation_in_circle",
                _("That federation belongs to this one; a circle cannot be."),
                field="federation",
            )
        above = above.federation


# ---- the annual check -----------------------------------------------------------------------------------------------


@transaction.atomic
def record_check(
    *, by: Person, now: datetime, organisation_id: uuid.UUID, year: int, outcome: str, note: str = ""
) -> LifeEvent:
    """What came of the check of that year. Said again it changes nothing; said otherwise, the later word stands.

    Raises NotFound, NotAllowed, BadOrganisation (`unknown_outcome`, `bad_year`, `note_missing`, `bad_text`), Conflict
    (`organisation_dissolved`).
    """
    one = _kept(by, organisation_id)
    today = timezone.localdate(now)
    if outcome not in CheckOutcome.values:
        raise BadOrganisation("unknown_outcome", _("Choose how the check went."), field="outcome")
    first = one.founded.year if one.founded else FIRST_CHECKED
    if not first <= year <= today.year:
        raise BadOrganisation(
            "bad_year", _("A year from %(first)d to %(last)d.") % {"first": first, "last": today.year}, field="year"
        )
    needed = outcome != CheckOutcome.PASSED
    words = checked_words(note, "note", MAX_REASON, error=BadOrganisation, code="note_missing", needed=needed)
    last = one.life.filter(what=ChangeOf.CHECK, before=str(year)).order_by("pk").last()
    if last is not None and (last.after, last.note) == (outcome, words):
        return last
    event = append_change(one, ChangeOf.CHECK, today, str(year), outcome, by=by, now=now, note=words)
    if year > one.checked_year:
        one.checked_year = year
        one.save(update_fields=["checked_year"])
    _audit(by, now, "record_check", one, year=year, outcome=outcome)
    return event


# ---- what all of them need ------------------------------------------------------------------------------------------


def _sound(draft: OrganisationDraft, now: datetime) -> Organisation:
    word = draft.category.strip()
    if not word or len(word) > MAX_CATEGORY or not is_plain(word):
        raise BadOrganisation("category_missing", _("Say the category in 1 to 60 characters."), field="category")
    categories = Categories()
    one = checked(draft, categories.named(word), timezone.localdate(now))
    categories.write_new()
    return one


def _edited(by: Person, organisation_id: uuid.UUID) -> Organisation:
    one = organisation_for(by, organisation_id, lock=True)
    rights.require(by, EDITS, one.jurisdiction)
    return one


def _kept(by: Person, organisation_id: uuid.UUID) -> Organisation:
    one = _edited(by, organisation_id)
    require_standing(one)
    return one


def require_standing(one: Organisation) -> None:
    """Raises Conflict (`organisation_dissolved`)."""
    if one.dissolved_on is not None:
        raise Conflict("organisation_dissolved", _("This organisation was dissolved; revive it first."))


def _require_unused(one: Organisation) -> None:
    """Raises Conflict (`credit_code_taken`, `filing_number_taken`)."""
    others = Organisation.objects.exclude(pk=one.pk)
    if one.credit_code and others.filter(credit_code=one.credit_code).exists():
        raise _taken("credit_code")
    if one.filing_number and others.filter(town=one.town, filing_number=one.filing_number).exists():
        raise _taken("filing_number")


def _taken(column: str) -> Conflict:
    if column == "credit_code":
        return Conflict("credit_code_taken", _("Another organisation bears this credit code."), field="credit_code")
    return Conflict(
        "filing_number_taken", _("Another organisation of this town bears this filing number."), field="filing_number"
    )


def _save(one: Organisation, **how: Any) -> None:
    """Write it; that somebody else took its number in this very moment is found by the database."""
    try:
        with transaction.atomic():
            one.save(**how)
            search.index([one])
    except IntegrityError as error:
        _require_unused(one)
        raise Conflict("organisation_there", _("This was written already; load the page anew.")) from error


def _contradict(there: Organisation, one: Organisation) -> bool:
    """One name, but another number: two organisations."""
    pairs = ((there.credit_code, one.credit_code), (there.filing_number, one.filing_number))
    return any(old and new and old != new for old, new in pairs)


def _said(one: Organisation, column: str) -> str:
    """As the life line tells of it, which is kept by value."""
    if column == "category_id":
        return one.category.name
    if column == "jurisdiction":
        return places.names([one.jurisdiction]).get(one.jurisdiction, one.jurisdiction)
    return str(getattr(one, column))


def _audit(by: Person, now: datetime, action: str, one: Organisation, **detail: Any) -> None:
    audit.record(by=by, now=now, action=action, subject_type="organisation", subject_id=one.pk, detail=detail)
