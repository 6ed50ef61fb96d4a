"""The exposure column: what of a visit is told the public, after a second person's yes and the venue's right of reply.

Only standard wordings of check-list items are printed, under the venue’s name in the register or under none. What
somebody types, a reply or a reason, is for those who decide and is never printed.
"""

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotAllowed, NotFound
from duban.core.text import is_plain
from duban.patrol.models import (
    Answer,
    Exposure,
    ExposureState,
    Failure,
    Item,
    Result,
    Stand,
    VersionState,
    Visit,
    VisitState,
)
from duban.places import queries as places
from duban.places.codes import within
from duban.venues.contact import unseal_contact
from duban.venues.models import Venue

SEES, PROPOSES, DECIDES = "exposure.see", "exposure.propose", "exposure.decide"
LIVE = (ExposureState.PROPOSED, ExposureState.APPROVED)
TIME_TO_REPLY = timedelta(days=3)
LEAST_TO_REPLY = timedelta(hours=24)
TIME_SHOWN = timedelta(days=30)
MOST_SHOWN = timedelta(days=366)
MAX_REASON = 300
MAX_REPLY = 2000
CORRECTED = "corrected"
# Seven digits in a row, with whatever people put between them, are a telephone, an identity card or an account.
NUMBER = re.compile(r"\d(?:[\s\-–—()（）.·]*\d){6,}")


class BadExposure(DubanError):
    pass


# ---- reading --------------------------------------------------------------------------------------------------------


def exposures_for(person: Person) -> QuerySet[Exposure]:
    """Those of venues in the person's area, the newest first."""
    place = within("jurisdiction", rights.codes(person, SEES))
    return Exposure.objects.filter(place).select_related("venue__kind", "visit", "corrects")


def exposure_for(person: Person, exposure_id: uuid.UUID) -> Exposure:
    """The exposure, else NotFound (`exposure_not_found`)."""
    found = exposures_for(person).filter(pk=exposure_id).first()
    if found is None:
        raise _not_found()
    return found


def shown(now: datetime) -> QuerySet[Exposure]:
    """What anybody may read now: approved, not withdrawn, and the last day has not passed; the newest first."""
    today = timezone.localdate(now)
    found = Exposure.objects.filter(state=ExposureState.APPROVED, expires_on__gte=today)
    return found.select_related("venue__kind", "visit").order_by("-approved_at", "id")


def proposable_visits(person: Person) -> QuerySet[Visit]:
    """Finished visits in the person's area that found what may be exposed, and of which nothing is exposed yet."""
    failed = Answer.objects.filter(visit=OuterRef("pk"), result=Result.FAIL)
    failed = failed.filter(Q(item__may_expose=True) | Q(item=None, key__in=list(standard_items())))
    live = Exposure.objects.filter(visit=OuterRef("pk"), state__in=LIVE)
    visits = _visits_for(person).filter(~Exists(live), Exists(failed))
    return visits.select_related("venue__kind").order_by("-visited_at", "id")


def visit_for(person: Person, visit_id: uuid.UUID) -> Visit:
    """The finished visit of which the person may propose something, else NotFound (`visit_not_found`)."""
    visit = _visits_for(person).filter(pk=visit_id).select_related("venue__kind").first()
    if visit is None:
        raise NotFound("visit_not_found", _("There is no such finished visit, or it is not yours to see."))
    return visit


def _visits_for(person: Person) -> QuerySet[Visit]:
    place = within("jurisdiction", rights.codes(person, PROPOSES))
    return Visit.objects.filter(place, state=VisitState.FINISHED)


def standard_items(kind: str = "") -> dict[str, Item]:
    """By key the items in use that may be exposed: the wordings of answers that were imported without a list.

    Where several lists ask the same, one made for that type of venue decides, then the list's key.
    """
    items = list(
        Item.objects.filter(version__state=VersionState.IN_USE, may_expose=True).select_related("version__checklist")
    )
    items.sort(key=lambda item: (kind in item.version.venue_types, item.version.checklist.key))
    return {item.key: item for item in items}


Problem = dict[str, str]
"""key, zh, en: an item that failed, in its standard wording."""


def problems_of(visit: Visit) -> list[Problem]:
    """What failed at a visit and may be exposed, in the order of the check-list."""
    answers = Answer.objects.filter(visit=visit, result=Result.FAIL).select_related("item")
    standard: Mapping[str, Item] | None = None
    found = []
    for answer in answers:
        item = answer.item
        if item is None:
            standard = standard_items(visit.venue.kind_id) if standard is None else standard
            item = standard.get(answer.key)
        if item is not None and item.may_expose:
            zh = item.wording or item.label
            en = item.wording_en or item.label_en or zh
            found.append(((item.position, item.key), {"key": answer.key, "zh": zh, "en": en}))
    return [problem for _place, problem in sorted(found, key=lambda pair: pair[0])]


def name_withheld(venue: Venue) -> str:
    """What is printed where the name is a person's: the type of the venue, as newspapers put it."""
    return f"某{venue.kind.name}"


# ---- what is printed ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Printed:
    """An exposure as anybody may read it; a retraction has no problems. Days are of the office's clock."""

    id: uuid.UUID
    venue: str
    kind: str
    kind_en: str
    town: str
    town_name: str
    visited_on: date
    problems: list[dict[str, Any]]
    """key, zh, en, and mended_on: the day on which a re-check saw it mended, or None."""
    stand: str
    approved_on: date | None
    expires_on: date
    corrects: uuid.UUID | None
    corrects_of: date | None
    """The day on which what it corrects was approved."""

    @property
    def retracts(self) -> bool:
        return self.corrects is not None and not self.problems

    @property
    def stand_word(self) -> str:
        return str(Stand(self.stand).label) if self.stand else ""


def printed(exposures: Iterable[Exposure]) -> list[Printed]:
    """The exposures in their order, as they may be printed; three queries however many there are."""
    held = list(exposures)
    names = places.names({exposure.town for exposure in held})
    old = {exposure.corrects_id for exposure in held if exposure.corrects_id}
    approved = dict(Exposure.objects.filter(pk__in=old).values_list("pk", "approved_at"))
    mended = _mended(held)
    return [
        Printed(
            id=exposure.pk,
            venue=exposure.venue_name,
            kind=exposure.venue.kind.name,
            kind_en=exposure.venue.kind.name_en,
            town=exposure.town,
            town_name=names.get(exposure.town, exposure.town),
            visited_on=timezone.localdate(exposure.visit.visited_at),
            problems=[
                {**problem, "mended_on": mended.get((exposure.pk, problem["key"]))} for problem in exposure.problems
            ],
            stand=exposure.stand,
            approved_on=timezone.localdate(exposure.approved_at) if exposure.approved_at else None,
            expires_on=exposure.expires_on,
            corrects=exposure.corrects_id,
            corrects_of=timezone.localdate(when)
            if exposure.corrects_id and (when := approved.get(exposure.corrects_id))
            else None,
        )
        for exposure in held
    ]


def _mended(exposures: Sequence[Exposure]) -> dict[tuple[uuid.UUID, str], date]:
    """The day on which each exposed problem was seen mended, by exposure and key."""
    failures: Any = Failure.objects.filter(
        venue__in={exposure.venue_id for exposure in exposures}, closed_at__isnull=False
    )
    closed: dict[tuple[uuid.UUID, str], list[tuple[datetime, datetime]]] = {}
    for venue, key, opened_at, closed_at in failures.values_list("venue_id", "key", "opened_at", "closed_at"):
        closed.setdefault((venue, key), []).append((opened_at, closed_at))
    found = {}
    for exposure in exposures:
        visited_at = exposure.visit.visited_at
        for problem in exposure.problems:
            for opened_at, closed_at in closed.get((exposure.venue_id, problem["key"]), ()):
                if opened_at <= visited_at < closed_at:
                    found[exposure.pk, problem["key"]] = timezone.localdate(closed_at)
    return found


# ---- proposing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Proposed:
    exposure: Exposure
    fresh: bool
    """False: this id had been proposed before, and this is what became of it."""


@transaction.atomic
def propose_exposure(
    *,
    by: Person,
    now: datetime,
    visit_id: uuid.UUID,
    keys: Sequence[str] | None = None,
    withhold_name: bool = False,
    reply_until: datetime | None = None,
    expires_on: date | None = None,
    corrects: uuid.UUID | None = None,
    exposure_id: uuid.UUID | None = None,
) -> Proposed:
    """Propose to expose what failed at a visit (`keys`; None: all that may be); the same id again is no second one.

    A correction names an approved exposure of the same visit and stands in its place once approved; with no keys it
    takes everything back. Raises NotFound (`visit_not_found`, `exposure_not_found`), NotAllowed, BadExposure
    (`nothing_to_expose`, `not_exposable`, `bad_reply_until`, `bad_expires_on`, `name_of_person`,
    `number_in_exposure`), Conflict (`exposure_exists`, `exposure_id_taken`, `wrong_exposure_state`).
    """
    visit = visit_for(by, visit_id)
    rights.require(by, PROPOSES, visit.jurisdiction)
    # One proposal of a visit at a time, so that no two stand for the same.
    Visit.objects.select_for_update().get(pk=visit.pk)
    old = _corrected(visit, corrects) if corrects else None
    chosen = _chosen(visit, keys, empty=old is not None)
    name = name_withheld(visit.venue) if withhold_name else visit.venue.name
    reply_until, expires_on = _checked_times(now, reply_until, expires_on)
    if exposure_id:
        before = Exposure.objects.filter(pk=exposure_id).first()
        if before is not None:
            asked = (by.username, visit.pk, corrects, name, chosen)
            if asked != (before.proposed_by, before.visit_id, before.corrects_id, before.venue_name, before.problems):
                raise Conflict(
                    "exposure_id_taken", _("Another exposure was proposed under this id; take a new id."), field="id"
                )
            return Proposed(before, fresh=False)
    live = Exposure.objects.filter(visit=visit, state__in=LIVE)
    if old is not None:
        live = live.filter(corrects=old)
    if live.exists():
        raise Conflict("exposure_exists", _("Something of this visit is proposed or exposed already; correct that."))
    _require_nameless(visit, name, chosen)
    exposure = Exposure(
        id=exposure_id or uuid.uuid4(),
        visit=visit,
        venue=visit.venue,
        jurisdiction=visit.jurisdiction,
        town=visit.town,
        venue_name=name,
        problems=chosen,
        reply_until=reply_until,
        expires_on=expires_on,
        proposed_by=by.username,
        proposed_at=now,
        corrects=old,
    )
    exposure.save(force_insert=True)
    _audit(exposure, "propose_exposure", by=by, now=now, problems=len(chosen))
    return Proposed(exposure, fresh=True)


def _corrected(visit: Visit, exposure_id: uuid.UUID) -> Exposure:
    old = Exposure.objects.select_for_update().filter(pk=exposure_id, visit=visit).first()
    if old is None:
        raise _not_found()
    _require_state(old, ExposureState.APPROVED)
    return old


def _chosen(visit: Visit, keys: Sequence[str] | None, *, empty: bool) -> list[Problem]:
    problems = problems_of(visit)
    if keys is None:
        chosen = problems
    else:
        chosen = [problem for problem in problems if problem["key"] in set(keys)]
        if strangers := set(keys) - {problem["key"] for problem in problems}:
            raise BadExposure(
                "not_exposable",
                _("These did not fail at the visit, or may not be exposed: %(keys)s.")
                % {"keys": ", ".join(sorted(strangers))[:200]},
                field="keys",
            )
    if not chosen and not empty:
        raise BadExposure(
            "nothing_to_expose", _("Nothing that may be exposed failed at this visit; choose a problem."), field="keys"
        )
    return chosen


def _checked_times(now: datetime, reply_until: datetime | None, expires_on: date | None) -> tuple[datetime, date]:
    reply_until = reply_until or now + TIME_TO_REPLY
    if not now + LEAST_TO_REPLY <= reply_until <= now + MOST_SHOWN:
        raise BadExposure(
            "bad_reply_until", _("Give the venue at least 24 hours to reply, and at most a year."), field="reply_until"
        )
    today = timezone.localdate(now)
    expires_on = expires_on or today + TIME_SHOWN
    if not today < expires_on <= today + MOST_SHOWN:
        raise BadExposure(
            "bad_expires_on", _("The last day of the exposure lies after today and within a year."), field="expires_on"
        )
    return reply_until, expires_on


def _require_nameless(visit: Visit, name: str, problems: Sequence[Problem]) -> None:
    """Refuse to print the name of the owner or the inspector, or any number by which a person is found."""
    texts = [name, *(text for problem in problems for text in (problem["zh"], problem["en"]))]
    if any(NUMBER.search(text) for text in texts):
        raise BadExposure(
            "number_in_exposure",
            _("A telephone or identity number would be printed; withhold the name, or mend the wording."),
            field="withhold_name",
        )
    # Opened only to be compared with what is printed: nobody sees it, so nobody's purpose is asked.
    contact = unseal_contact(visit.venue.contact)
    people = [contact.name if contact else "", str(visit.inspector.get("name", ""))]
    folded = ["".join(text.split()).casefold() for text in texts]
    for person in people:
        sought = "".join(person.split()).casefold()
        if len(sought) > 1 and any(sought in text for text in folded):
            raise BadExposure(
                "name_of_person",
                _("A person’s name would be printed; withhold the venue’s name, or mend the wording."),
                field="withhold_name",
            )


# ---- the venue's reply, and the second person -----------------------------------------------------------------------


@transaction.atomic
def record_reply(*, by: Person, now: datetime, exposure_id: uuid.UUID, stand: str, words: str = "") -> Exposure:
    """Write down how the venue replied: its stand is printed beside the exposure, its words are for who decides.

    Raises NotFound, NotAllowed, BadExposure (`bad_stand`, `bad_reply`), Conflict (`wrong_exposure_state`).
    """
    exposure = _lock(exposure_id, by=by, permission=PROPOSES)
    _require_state(exposure, *LIVE)
    if stand not in Stand.values:
        raise BadExposure("bad_stand", _("Choose how the venue stands to it."), field="stand")
    exposure.stand, exposure.reply = stand, _text(words, MAX_REPLY, "bad_reply", "words")
    exposure.replied_at = now
    exposure.save(update_fields=["stand", "reply", "replied_at"])
    _audit(exposure, "record_exposure_reply", by=by, now=now, stand=stand)
    return exposure


@transaction.atomic
def approve_exposure(*, by: Person, now: datetime, exposure_id: uuid.UUID, seen: str | None = None) -> Exposure:
    """proposed -> approved by a second person; from then on anybody may read it, and what it corrects is withdrawn.

    `seen` is what `mark_of` said of the exposure that was looked at. Raises NotFound, NotAllowed (`own_exposure`),
    Conflict (`wrong_exposure_state`, `reply_pending`, `exposure_changed`, `exposure_expired`, `visit_void`).
    """
    exposure = _lock(exposure_id, by=by, permission=DECIDES, with_corrected=True)
    _require_decision(exposure, by=by, seen=seen)
    if not exposure.stand and now < exposure.reply_until:
        raise Conflict("reply_pending", _("The venue may still reply; wait for its reply or for the day it has."))
    if exposure.expires_on < timezone.localdate(now):
        raise Conflict("exposure_expired", _("Its last day has passed; propose it anew."))
    if exposure.visit.state != VisitState.FINISHED:
        raise Conflict("visit_void", _("The visit was voided; nothing of it is exposed."))
    _require_nameless(exposure.visit, exposure.venue_name, exposure.problems)
    if exposure.corrects is not None:
        _require_state(exposure.corrects, ExposureState.APPROVED)
        exposure.corrects.state, exposure.corrects.reason = ExposureState.WITHDRAWN, CORRECTED
        exposure.corrects.save(update_fields=["state", "reason"])
    exposure.state, exposure.decided_by, exposure.approved_at = ExposureState.APPROVED, by.username, now
    exposure.save(update_fields=["state", "decided_by", "approved_at"])
    _audit(exposure, "approve_exposure", by=by, now=now)
    return exposure


@transaction.atomic
def refuse_exposure(
    *, by: Person, now: datetime, exposure_id: uuid.UUID, reason: str, seen: str | None = None
) -> Exposure:
    """proposed -> refused by a second person, who says why (`reason_missing`); else as `approve_exposure`."""
    exposure = _lock(exposure_id, by=by, permission=DECIDES)
    _require_decision(exposure, by=by, seen=seen)
    exposure.state, exposure.decided_by, exposure.reason = ExposureState.REFUSED, by.username, _reason(reason)
    exposure.save(update_fields=["state", "decided_by", "reason"])
    _audit(exposure, "refuse_exposure", by=by, now=now)
    return exposure


@transaction.atomic
def withdraw_exposure(*, by: Person, now: datetime, exposure_id: uuid.UUID, reason: str) -> Exposure:
    """Take a proposal back, or an exposure down at once: that takes one person, who says why (`reason_missing`)."""
    exposure = _lock(exposure_id, by=by, permission=PROPOSES, or_else=DECIDES)
    _require_state(exposure, *LIVE)
    exposure.state, exposure.reason = ExposureState.WITHDRAWN, _reason(reason)
    exposure.save(update_fields=["state", "reason"])
    _audit(exposure, "withdraw_exposure", by=by, now=now)
    return exposure


def mark_of(exposure: Exposure) -> str:
    """What changes with the exposure, so that nobody decides on what they have not seen."""
    return f"{exposure.state} {exposure.stand} {exposure.replied_at.isoformat() if exposure.replied_at else ''}".strip()


def why_not_decide(person: Person, exposure: Exposure) -> str:
    """Why the person cannot approve or refuse it, empty where they can."""
    if not rights.may(person, DECIDES, exposure.jurisdiction):
        return str(_("None of your roles here allows it."))
    if own := _own(exposure, person):
        return str(own.message)
    return ""


def _own(exposure: Exposure, person: Person) -> NotAllowed | None:
    if person.username == exposure.proposed_by:
        return NotAllowed("own_exposure", _("You proposed it yourself; a second person decides."))
    if not rights.may(person, DECIDES, exposure.jurisdiction, apart_from={exposure.proposed_by}):
        return NotAllowed(
            "own_exposure", _("You stand in for who proposed it; ask a person with a right of their own.")
        )
    return None


def _require_decision(exposure: Exposure, *, by: Person, seen: str | None) -> None:
    if own := _own(exposure, by):
        raise own
    _require_state(exposure, ExposureState.PROPOSED)
    if seen is not None and seen != mark_of(exposure):
        raise Conflict(
            "exposure_changed", _("The venue’s reply has changed since you looked; read it and decide then.")
        )


def _lock(
    exposure_id: uuid.UUID, *, by: Person, permission: str, or_else: str = "", with_corrected: bool = False
) -> Exposure:
    """The exposure, locked, if the person may see it and do this; what it corrects is locked before it."""
    known = exposure_for(by, exposure_id)
    if not (or_else and rights.may(by, or_else, known.jurisdiction)):
        rights.require(by, permission, known.jurisdiction)
    old = None
    if with_corrected and known.corrects_id:
        old = Exposure.objects.select_for_update().get(pk=known.corrects_id)
    exposure = Exposure.objects.select_for_update().get(pk=exposure_id)
    exposure.visit, exposure.venue = known.visit, known.venue
    if old is not None:
        exposure.corrects = old
    return exposure


def _require_state(exposure: Exposure, *states: ExposureState) -> None:
    if exposure.state not in states:
        raise Conflict(
            "wrong_exposure_state",
            _("It is %(state)s; this step needs it to be %(states)s.")
            % {
                "state": ExposureState(exposure.state).label,
                "states": " / ".join(str(state.label) for state in states),
            },
        )


def _reason(text: str) -> str:
    text = _text(text, MAX_REASON, "reason_too_long", "reason")
    if not text:
        raise BadExposure("reason_missing", _("Say why."), field="reason")
    return text


def _text(text: str, limit: int, code: str, field: str) -> str:
    text = text.strip()
    if len(text) > limit or not is_plain(text):
        raise BadExposure(
            code, _("Plain text of at most %(limit)d characters is wanted here.") % {"limit": limit}, field=field
        )
    return text


def _not_found() -> NotFound:
    return NotFound("exposure_not_found", _("There is no such exposure, or it is not yours to see."))


def _audit(exposure: Exposure, action: str, *, by: Person, now: datetime, **detail: Any) -> None:
    detail = {"venue": str(exposure.venue_id), "visit": str(exposure.visit_id)} | detail
    audit.record(by=by, now=now, action=action, subject_type="exposure", subject_id=exposure.pk, detail=detail)
