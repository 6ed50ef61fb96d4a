"""Filing online: sent without an account, returned with reasons until it is right, then filed under a number.

Whoever applies comes back by a secret address, which follows from the form they filled in: pressing twice gives the
same application and the same address. Names and the roster lie encrypted until the reviewer has decided.
"""

import hmac
import json
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.contact import Contact, checked_contact
from duban.commons.models import (
    Application,
    ApplicationState,
    ChangeOf,
    DocumentKind,
    Organisation,
    OrganisationCategory,
    Tier,
)
from duban.commons.notices import tell_of_application
from duban.commons.register import search
from duban.commons.register.actions import require_standing, write_new
from duban.commons.register.documents import checked_file, folder, write_document
from duban.commons.register.drafts import FEW_MEMBERS, OrganisationDraft, checked, searched_text
from duban.commons.register.filters import in_areas
from duban.commons.register.life import append_change
from duban.commons.register.queries import REVIEWS
from duban.commons.register.roster import MemberDraft, checked_member, read_roster, write_members
from duban.commons.secrets import digest_of
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.files import write_whole
from duban.core.integrity import canonical, sha256
from duban.core.keys import read_or_make_key
from duban.core.sealed_text import open_bytes, open_text, seal_bytes, seal_text
from duban.core.text import is_plain
from duban.core.words import checked_words
from duban.ledger.counters import count_up
from duban.places import queries as places
from duban.places.codes import LENGTHS, normalise_code

TOWN = LENGTHS[1]
MAX_REASONS, MAX_ABOUT, MAX_ROSTER_TEXT = 1000, 2000, 40_000
KEPT_FOR = timedelta(days=180)
"""So long an application keeps its names after it was decided, or returned and never sent again."""
STEPS: dict[str, tuple[str, ...]] = {
    "resend": (ApplicationState.SENT, ApplicationState.RETURNED),
    "return": (ApplicationState.SENT,),
    "refuse": (ApplicationState.SENT, ApplicationState.RETURNED),
    "file": (ApplicationState.SENT,),
}
"""From which states each step is taken."""


class BadApplication(DubanError):
    pass


@dataclass(frozen=True)
class ApplicationDraft:
    """As filled in; `category` is the key of one that is there, `roster` a name to a line (see read_roster)."""

    name: str
    kind: str
    category: str
    jurisdiction: str
    about: str
    applicant: str
    phone: str
    roster: str
    founded: date | None = None
    charter_name: str = ""
    charter: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Told:
    """What lies encrypted in an application."""

    applicant: Contact
    roster: list[MemberDraft]
    charter: dict[str, str]
    """name, file and digest; empty where none was sent"""


class ByApplicant:
    """The actor of what somebody without an account does to their own application."""

    @staticmethod
    def as_actor() -> dict[str, Any]:
        return {"username": "", "name": "applicant", "roles": []}


# ---- who applies ----------------------------------------------------------------------------------------------------


def apply_to_file(*, now: datetime, draft: ApplicationDraft, form_id: uuid.UUID) -> tuple[Application, str]:
    """Ask for an organisation to be filed; the secret opens the application again. The same form gives the same answer.

    Raises what `drafts.checked` refuses, BadApplication (`unknown_category`, `unknown_place`, `about_missing`,
    `few_members`), BadOrganisation (`bad_roster_line`, `too_many_members`), BadContact, BadDocument.
    """
    secret, key = _secrets_of(form_id)
    try:
        return _apply(now=now, draft=draft, key=key, secret=secret), secret
    except IntegrityError:
        # The form was sent twice at once, and the other was first.
        return Application.objects.get(pk=key), secret


@transaction.atomic
def _apply(*, now: datetime, draft: ApplicationDraft, key: uuid.UUID, secret: str) -> Application:
    there = Application.objects.filter(pk=key).first()
    if there is not None:
        return there
    made = Application(id=key, digest=digest_of(secret), sent_at=now, state=ApplicationState.SENT)
    _fill(made, draft, now, {})
    made.save(force_insert=True)
    tell_of_application(made, now=now)
    _audit(ByApplicant(), now, "apply_to_file", made)
    return made


@transaction.atomic
def resend_application(*, now: datetime, secret: str, draft: ApplicationDraft) -> Application:
    """Send it again, mended. Raises NotFound (`application_not_found`), Conflict (`application_decided`) and what
    apply_to_file refuses."""
    made = application_of(secret, lock=True)
    _require_step(made, "resend")
    _fill(made, draft, now, told_of(made).charter)
    made.state, made.sent_at = ApplicationState.SENT, now
    made.save()
    tell_of_application(made, now=now)
    _audit(ByApplicant(), now, "resend_application", made)
    return made


def application_of(secret: str, *, lock: bool = False) -> Application:
    """The application that a secret opens, else NotFound (`application_not_found`)."""
    found = Application.objects.filter(digest=digest_of(secret)) if secret.isascii() else Application.objects.none()
    return _one(found, lock=lock)


def _secrets_of(form_id: uuid.UUID) -> tuple[str, uuid.UUID]:
    """The secret address and the key of what is applied for with this form; neither tells the other."""
    key = read_or_make_key(settings.DUBAN_DATA / "keys" / "applications")
    parts = [hmac.digest(key, what + form_id.bytes, "sha256")[:16] for what in (b"secret:", b"id:")]
    return urlsafe_b64encode(parts[0]).decode().rstrip("="), uuid.UUID(bytes=parts[1], version=4)


def _fill(made: Application, draft: ApplicationDraft, now: datetime, charter: dict[str, str]) -> None:
    """Check all that was filled in and put it into the application."""
    known = OrganisationCategory.objects.filter(pk=draft.category) if is_plain(draft.category) else None
    category = known.first() if known is not None else None
    if category is None:
        raise BadApplication("unknown_category", _("Choose what the organisation does."), field="category")
    code = normalise_code(draft.jurisdiction, field="jurisdiction")
    if len(code) < TOWN or code not in places.names([code]):
        raise BadApplication("unknown_place", _("Choose the street and the community."), field="jurisdiction")
    organisation = OrganisationDraft(
        name=draft.name, tier=Tier.FILED, category=category.name, jurisdiction=code, kind=draft.kind,
        founded=draft.founded, about=draft.about,
    )  # fmt: skip
    one = checked(organisation, category, timezone.localdate(now))
    about = checked_words(draft.about, "about", MAX_ABOUT, error=BadApplication, code="about_missing", needed=True)
    applicant = checked_contact(draft.applicant, draft.phone)
    roster = read_roster(draft.roster[: MAX_ROSTER_TEXT + 1])
    if len(roster) < FEW_MEMBERS:
        says = _("A filing has a roster of at least 10 people; here are %(n)d.") % {"n": len(roster)}
        raise BadApplication("few_members", says, field="members")
    if draft.charter:
        charter = _keep_charter(draft, charter)
    told = {
        "applicant": [applicant.name, applicant.phone],
        "roster": [[*_pair(checked_member(one.name, one.phone)), one.role] for one in roster],
        "charter": charter,
    }
    made.name, made.jurisdiction, made.town = one.name, code, code[:TOWN]
    made.facts = {
        "kind": one.kind,
        "category": category.key,
        "members": len(roster),
        "founded": one.founded.isoformat() if one.founded else "",
        "about": about,
    }
    made.sealed = seal_text(json.dumps(told, ensure_ascii=False))


def _pair(contact: Contact) -> tuple[str, str]:
    return contact.name, contact.phone


def _keep_charter(draft: ApplicationDraft, before: dict[str, str]) -> dict[str, str]:
    name, digest = checked_file(draft.charter_name, draft.charter), sha256(draft.charter)
    if before.get("digest") == digest:
        return before
    path = f"{uuid.uuid4().hex}.sealed"
    write_whole(folder() / path, seal_bytes(draft.charter))
    _drop_file(before)
    return {"name": name, "file": path, "digest": digest}


def _drop_file(charter: dict[str, str]) -> None:
    if charter:
        path = folder() / Path(charter["file"]).name
        transaction.on_commit(lambda: path.unlink(missing_ok=True))


# ---- who reviews ----------------------------------------------------------------------------------------------------


def applications_for(person: Person) -> QuerySet[Application]:
    """Those of the person's area, what was sent first at the head."""
    return Application.objects.filter(in_areas(rights.codes(person, REVIEWS))).order_by("sent_at", "pk")


def application_for(person: Person, application_id: uuid.UUID, *, lock: bool = False) -> Application:
    """One of them, else NotFound (`application_not_found`)."""
    return _one(applications_for(person).filter(pk=application_id), lock=lock)


def told_of(application: Application) -> Told:
    """What lies encrypted in it; nothing after it was decided and forgotten."""
    told = json.loads(open_text(application.sealed))
    return Told(
        applicant=Contact(*told["applicant"]),
        roster=[MemberDraft(*row) for row in told["roster"]],
        charter=told["charter"],
    )


@transaction.atomic
def open_application(*, by: Person, now: datetime, application_id: uuid.UUID) -> Told:
    """Who applies and who is on the roster, in full; the look is written down.

    Raises NotFound (`application_not_found`), NotAllowed.
    """
    made = application_for(by, application_id)
    told = told_of(made)
    _audit(by, now, "open_application", made, people=len(told.roster))
    return told


@transaction.atomic
def take_charter(*, by: Person, now: datetime, application_id: uuid.UUID) -> tuple[str, bytes]:
    """The charter that came with it: its name and bytes; written down. Raises NotFound, NotAllowed."""
    made = application_for(by, application_id)
    charter = told_of(made).charter
    if not charter:
        raise NotFound("document_not_found", _("No charter was sent."))
    _audit(by, now, "take_charter", made)
    return charter["name"], open_bytes((folder() / Path(charter["file"]).name).read_bytes())


@transaction.atomic
def return_application(
    *, by: Person, now: datetime, application_id: uuid.UUID, reasons: str, seen: str = ""
) -> Application:
    """Give it back to be mended; the reasons stand on the applicant's page.

    Raises NotFound, NotAllowed, BadApplication (`reasons_missing`), Conflict (`application_decided`,
    `application_changed`).
    """
    return _decide(by, now, application_id, "return", ApplicationState.RETURNED, reasons, seen)


@transaction.atomic
def refuse_application(
    *, by: Person, now: datetime, application_id: uuid.UUID, reasons: str, seen: str = ""
) -> Application:
    """Say no, with the reasons. Raises as return_application."""
    return _decide(by, now, application_id, "refuse", ApplicationState.REFUSED, reasons, seen)


def _decide(
    by: Person, now: datetime, application_id: uuid.UUID, step: str, state: str, reasons: str, seen: str
) -> Application:
    made = _reviewed(by, application_id, step, seen)
    made.reasons = checked_words(
        reasons, "reasons", MAX_REASONS, error=BadApplication, code="reasons_missing", needed=True
    )
    made.state, made.reviewed_at, made.reviewed_by = state, now, by.as_actor()
    made.save(update_fields=["reasons", "state", "reviewed_at", "reviewed_by"])
    _audit(by, now, f"{step}_application", made)
    return made


@transaction.atomic
def file_application(
    *, by: Person, now: datetime, application_id: uuid.UUID, seen: str = "", into: uuid.UUID | None = None
) -> Organisation:
    """Put it on the register under the next number of its town and year, which leaves no gap.

    `into`: a guided organisation of the town that this one is; it is filed then, and keeps its life line. The roster
    and the charter go over to the organisation. Filed before, it gives the organisation. Raises NotFound
    (`application_not_found`, `organisation_not_found`), NotAllowed, Conflict (`application_decided`,
    `application_changed`, `organisation_there`, `organisation_dissolved`, `already_filed`).
    """
    made = application_for(by, application_id, lock=True)
    rights.require(by, REVIEWS, made.jurisdiction)
    if made.state == ApplicationState.FILED and made.organisation is not None:
        return made.organisation
    _require_step(made, "file")
    _require_seen(made, seen)
    told, today = told_of(made), timezone.localdate(now)
    count_up(f"register:{made.town}")
    one = _found_again(made, into) if into is not None else _new(made, today)
    one.filing_number = next_number(made.town, today.year)
    one.search = searched_text(one)
    if into is None:
        write_new(one, by=by, now=now)
        append_change(one, ChangeOf.TIER, today, "", Tier.FILED, by=by, now=now)
    else:
        append_change(one, ChangeOf.TIER, today, one.tier, Tier.FILED, by=by, now=now)
        one.tier = Tier.FILED
        one.members = max(one.members, len(told.roster))
        one.save(update_fields=["tier", "filing_number", "members", "search"])
        search.index([one])
    if not one.roster.exists():
        write_members(one, [(Contact(member.name, member.phone), member) for member in told.roster])
    if told.charter:
        data = open_bytes((folder() / Path(told.charter["file"]).name).read_bytes())
        write_document(one, kind=DocumentKind.CHARTER, name=told.charter["name"], data=data, by=by, now=now)
        _drop_file(told.charter)
    made.state, made.reviewed_at, made.reviewed_by = ApplicationState.FILED, now, by.as_actor()
    made.organisation, made.reasons = one, ""
    # Who applied is needed to reach them; the roster is the organisation's from now on.
    made.sealed = _sealed(told.applicant)
    made.save()
    _audit(by, now, "file_application", made, number=one.filing_number, organisation=str(one.pk))
    return one


def next_number(town: str, year: int) -> str:
    """The next filing number of the town in that year; its counter is locked until the commit."""
    while True:
        number = f"{town}-{year}-{count_up(f'filing:{town}:{year}'):04d}"
        # One that somebody typed by hand, or imported, is passed over.
        if not Organisation.objects.filter(town=town, filing_number=number).exists():
            return number


def _new(made: Application, today: date) -> Organisation:
    facts = made.facts
    category = OrganisationCategory.objects.get(pk=facts["category"])
    draft = OrganisationDraft(
        name=made.name, tier=Tier.FILED, category=category.name, jurisdiction=made.jurisdiction, kind=facts["kind"],
        members=str(facts["members"]), founded=date.fromisoformat(facts["founded"]) if facts["founded"] else None,
        about=facts["about"],
    )  # fmt: skip
    return checked(draft, category, today)


def _found_again(made: Application, into: uuid.UUID) -> Organisation:
    one = Organisation.objects.select_for_update().filter(pk=into, town=made.town).first()
    if one is None:
        raise NotFound("organisation_not_found", _("There is no such organisation, or it is not yours to see."))
    require_standing(one)
    if one.tier != Tier.GUIDED or one.filing_number:
        raise Conflict("already_filed", _("That organisation is filed or registered already."))
    return one


# ---- forgetting -----------------------------------------------------------------------------------------------------


@transaction.atomic
def forget_applications(*, by: audit.Actor, now: datetime) -> int:
    """Delete who applied and what they sent, half a year after the last decision; how many. What waits is kept."""
    waiting = Q(state=ApplicationState.SENT)
    old = Application.objects.select_for_update().filter(~waiting, reviewed_at__lt=now - KEPT_FOR).order_by("pk")
    forgotten = 0
    for made in old:
        told = told_of(made)
        if not (told.applicant.name or told.roster or told.charter):
            continue
        _drop_file(told.charter)
        made.sealed = _sealed(Contact("", ""))
        if made.state == ApplicationState.RETURNED:
            # There is nothing left that could be mended.
            made.state = ApplicationState.REFUSED
        made.save(update_fields=["sealed", "state"])
        forgotten += 1
    if forgotten:
        audit.record(
            by=by, now=now, action="forget_applications", subject_type="application", subject_id="",
            detail={"applications": forgotten},
        )  # fmt: skip
    return forgotten


def _sealed(applicant: Contact) -> bytes:
    told = {"applicant": list(_pair(applicant)), "roster": [], "charter": {}}
    return seal_text(json.dumps(told, ensure_ascii=False))


# ---- what all of them need ------------------------------------------------------------------------------------------


def mark_of(application: Application) -> str:
    """Changes with what was filled in: sent back with a decision, it tells that something else was read."""
    said = [
        application.state,
        application.name,
        application.jurisdiction,
        application.facts,
        open_text(application.sealed),
    ]
    return sha256(canonical(said))[:16]


def _reviewed(by: Person, application_id: uuid.UUID, step: str, seen: str) -> Application:
    made = application_for(by, application_id, lock=True)
    rights.require(by, REVIEWS, made.jurisdiction)
    _require_step(made, step)
    _require_seen(made, seen)
    return made


def _require_step(made: Application, step: str) -> None:
    if made.state not in STEPS[step]:
        raise Conflict(
            "application_decided",
            _("This application is %(state)s; nothing more can be done to it here.")
            % {"state": ApplicationState(made.state).label},
        )


def _require_seen(made: Application, seen: str) -> None:
    if seen and seen != mark_of(made):
        raise Conflict("application_changed", _("It was sent again meanwhile; read it once more before you decide."))


def _one(found: QuerySet[Application], *, lock: bool) -> Application:
    made = (found.select_for_update() if lock else found.select_related("organisation")).first()
    if made is None:
        raise NotFound("application_not_found", _("There is no such application, or it is not yours to see."))
    return made


def _audit(by: audit.Actor, now: datetime, action: str, made: Application, **detail: Any) -> None:
    audit.record(by=by, now=now, action=action, subject_type="application", subject_id=made.pk, detail=detail)
