"""A visit from its beginning to its end, by the one who makes it; and taking back one that was a mistake."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.access.queries import people_who_may
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotAllowed, NotFound
from duban.core.integrity import canonical, sha256
from duban.core.text import is_plain
from duban.evidence.actions import store_photo
from duban.evidence.models import Photo
from duban.ledger.revisits import void_open
from duban.patrol.asking import asked, check_value, choices_for, in_force, values_of
from duban.patrol.builtin import item_facts
from duban.patrol.checklists import lists_for
from duban.patrol.models import (
    Answer,
    CheckListVersion,
    Choice,
    ExposureState,
    Failure,
    Item,
    PatrolRound,
    QuestionType,
    Recheck,
    Result,
    RoundVenue,
    VersionState,
    Visit,
    VisitNotice,
    VisitState,
)
from duban.patrol.queries import open_failures_of, visits_for
from duban.patrol.settling import Settled, settle_visits
from duban.patrol.signing import SignedAs, seal_signature
from duban.venues import queries as venues
from duban.venues.models import Venue

MAKES = "visit.make"
TAKES_BACK = "round.manage"
MAX_NOTE = 2000
MAX_PHOTOS = 20
FIRST_YEAR = 1990
HAS_PHOTOS = (QuestionType.CHECK, QuestionType.PHOTO)


class BadVisit(DubanError):
    pass


@dataclass(frozen=True)
class Said:
    """An answer as it comes: to a check its result, to any other question its value; None takes it back."""

    key: str
    value: Any = None
    note: str = ""
    at: datetime | None = None
    """When it was given; one given before what stands there is late and changes nothing. None: now."""


@dataclass(frozen=True)
class Place:
    """Where the inspector stood, WGS 84."""

    lon: float
    lat: float
    accuracy_m: float | None = None


@dataclass(frozen=True)
class Closing:
    """What is said when a visit ends."""

    note: str = ""
    signed_as: str = ""
    signature: bytes | None = field(default=None, repr=False)
    """PNG"""
    place: Place | None = None


@dataclass(frozen=True)
class Lack:
    """Why a visit cannot be finished: what is wrong at an item, in the words of a refusal."""

    item: Item
    refusal: DubanError


# ---- what a visit asks ----------------------------------------------------------------------------------------------


def items_of(visit: Visit) -> list[Item]:
    """The questions of a visit in their order; of a re-check those of the failures that were selected for it."""
    if not visit.recheck:
        return list(Item.objects.filter(version=visit.version_id).order_by("position"))
    failures = Failure.objects.filter(rechecks__visit=visit).select_related("opened_by__item")
    return [item_of(failure) for failure in failures.order_by("opened_at", "key")]


def item_of(failure: Failure) -> Item:
    """The question that failed; one of no list as the built-in items tell it, or by its key alone."""
    if failure.opened_by.item is not None:
        return failure.opened_by.item
    facts = {name: value for name, value in item_facts().get(failure.key, {}).items() if name in ITEM_COLUMNS}
    return Item(**{"label": failure.key, "label_en": failure.key} | facts | {"key": failure.key})


ITEM_COLUMNS = {one.name for one in Item._meta.concrete_fields}


def choices_of(visit: Visit) -> list[Choice]:
    if visit.recheck:
        return []
    return list(Choice.objects.filter(version=visit.version_id).order_by("position"))


def lacks_of(visit: Visit, items: Sequence[Item], choices: Sequence[Choice], answers: Sequence[Answer]) -> list[Lack]:
    """What keeps the visit from being finished, in the order of its questions."""
    by_key = {answer.key: answer for answer in answers}
    values = _given(answers)
    standing = in_force(items, values)
    found = []
    for item in asked(items, values):
        try:
            # What a re-check leaves out is still open.
            if item.required and item.key not in standing and not visit.recheck and item.type != QuestionType.NOTE:
                raise BadVisit("answer_needed", _("This has to be answered."), field=item.key)
            _check_item(item, by_key.get(item.key), choices, standing)
        except DubanError as refusal:
            found.append(Lack(item, refusal))
    return found


def _given(answers: Sequence[Answer]) -> dict[str, Any]:
    return {key: value for key, value in values_of(answers).items() if value is not None}


def _check_item(item: Item, answer: Answer | None, choices: Sequence[Choice], standing: dict[str, Any]) -> None:
    if item.key not in standing:
        return
    offered = choices_for(item, choices, standing)
    check_value(item, standing[item.key], choices=offered, answers=standing)
    if item.photo_on_fail and standing[item.key] == Result.FAIL and not (answer and answer.photos):
        raise BadVisit("photo_needed", _("Take a photo of what fails."), field=item.key)


# ---- beginning ------------------------------------------------------------------------------------------------------


@transaction.atomic
def start_visit(
    *,
    by: Person,
    now: datetime,
    visit_id: uuid.UUID,
    venue_id: uuid.UUID,
    version_id: uuid.UUID | None = None,
    recheck: Sequence[uuid.UUID] = (),
    round_id: uuid.UUID | None = None,
) -> Visit:
    """Begin a visit with a check-list, or one that looks at selected open failures alone.

    Whoever has one under way at the venue goes on with that one: there is one visit, however often it is begun.
    Raises NotFound (`unknown_venue`), NotAllowed, Conflict (`visit_id_taken`), BadVisit (`venue_closed`,
    `bad_checklist`, `bad_recheck`, `bad_round`).
    """
    venue = venues.venue_for(by, venue_id)
    rights.require(by, MAKES, venue.jurisdiction)
    Venue.objects.select_for_update().get(pk=venue.pk)
    there = Visit.objects.filter(pk=visit_id).first()
    if there is not None and (there.venue_id, there.username) != (venue.pk, by.username):
        raise _taken()
    there = there or Visit.objects.filter(venue=venue, username=by.username, state=VisitState.UNDER_WAY).first()
    if there is not None:
        return there
    visit = _new_visit(by, now, visit_id, venue, round_id)
    failures = _selected(venue, recheck)
    if failures:
        visit.recheck = True
    else:
        visit.version = _version_in_use(venue, version_id)
    visit.save(force_insert=True)
    Recheck.objects.bulk_create([Recheck(visit=visit, failure=failure, at=now) for failure in failures])
    audit.record(by=by, now=now, action="start_visit", subject_type="visit", subject_id=visit.pk)
    return visit


def _taken() -> Conflict:
    return Conflict(
        "visit_id_taken", _("This id already stands for another visit; give a new one its own id."), field="id"
    )


def _new_visit(by: Person, at: datetime, visit_id: uuid.UUID, venue: Venue, round_id: uuid.UUID | None) -> Visit:
    if venue.closed_at is not None:
        raise BadVisit("venue_closed", _("This venue is closed; open it again on its page first."), field="venue")
    return Visit(
        id=visit_id,
        venue=venue,
        round=_round_for(by, at, venue, round_id),
        inspector=by.as_actor(),
        username=by.username,
        jurisdiction=venue.jurisdiction,
        town=venue.town,
        visited_at=at,
    )


def _round_for(by: Person, at: datetime, venue: Venue, round_id: uuid.UUID | None) -> PatrolRound | None:
    """The round that the visit is for: the one named, else the one running that asks this person to go there."""
    today = timezone.localdate(at)
    waiting = RoundVenue.objects.filter(
        venue=venue, drawn=True, round__closed_at=None, round__starts_on__lte=today, round__ends_on__gte=today
    ).select_related("round")
    if round_id is not None:
        found = waiting.filter(round=round_id).first()
        if found is None:
            raise BadVisit("bad_round", _("This round does not ask for this venue now."), field="round")
        return found.round
    mine = waiting.filter(inspector__in=["", by.username]).order_by("-inspector", "round__ends_on", "pk").first()
    return mine.round if mine else None


def _selected(venue: Venue, recheck: Sequence[uuid.UUID]) -> list[Failure]:
    wanted = set(recheck)
    found = [failure for failure in open_failures_of(venue) if failure.pk in wanted]
    if len(found) != len(wanted):
        raise BadVisit("bad_recheck", _("Choose from what stands open at this venue."), field="recheck")
    return found


def _version_in_use(venue: Venue, version_id: uuid.UUID | None) -> CheckListVersion:
    found = next((one for one in lists_for(venue.kind_id) if one.pk == version_id), None)
    if found is None:
        raise BadVisit("bad_checklist", _("Choose a check-list for venues of this type."), field="version")
    return found


# ---- answering ------------------------------------------------------------------------------------------------------


def _own_visit(by: Person, visit_id: uuid.UUID) -> Visit:
    """The visit, locked, if it is this person's; else NotFound, NotAllowed (`not_your_visit`)."""
    visit = visits_for(by).select_for_update(of=("self",)).select_related("venue").filter(pk=visit_id).first()
    if visit is None:
        raise NotFound("visit_not_found", _("There is no such visit, or it is not yours to see."))
    require_own(by, visit)
    return visit


def require_own(by: Person, visit: Visit) -> None:
    """Raises NotAllowed (`not_your_visit`) unless the visit is this person's, and theirs to make still."""
    if visit.username != by.username:
        raise NotAllowed("not_your_visit", _("Only who makes a visit answers in it."))
    rights.require(by, MAKES, visit.jurisdiction)


def _open_visit(by: Person, visit_id: uuid.UUID) -> Visit:
    visit = _own_visit(by, visit_id)
    if visit.state != VisitState.UNDER_WAY:
        raise Conflict("visit_over", _("This visit is finished; what was answered stands."))
    return visit


@transaction.atomic
def skip_rest(*, by: Person, now: datetime, visit_id: uuid.UUID) -> Visit:
    """Put down every check that is asked and not answered as not inspected."""
    visit = _open_visit(by, visit_id)
    items = items_of(visit)
    values = _given(list(Answer.objects.filter(visit=visit)))
    left = [one for one in asked(items, values) if one.type == QuestionType.CHECK and one.key not in values]
    return answer_items(
        by=by, now=now, visit_id=visit_id, said=[Said(item.key, str(Result.NOT_INSPECTED)) for item in left]
    )


@transaction.atomic
def answer_items(*, by: Person, now: datetime, visit_id: uuid.UUID, said: Sequence[Said]) -> Visit:
    """Keep answers as they come, in any order and as often as they come; all of these or none.

    An answer that hangs on another one is checked against it when the visit is finished. Raises NotFound, NotAllowed
    (`not_your_visit`), Conflict (`visit_over`), BadVisit (`unknown_item`, `note_too_long`) and what check_value raises.
    """
    visit = _open_visit(by, visit_id)
    _write_answers(visit, items_of(visit), choices_of(visit), said, now)
    visit.seen += 1
    visit.save(update_fields=["seen"])
    return visit


def _write_answers(
    visit: Visit, items: Sequence[Item], choices: Sequence[Choice], said: Sequence[Said], now: datetime
) -> None:
    by_key = {item.key: item for item in items}
    there = {answer.key: answer for answer in Answer.objects.filter(visit=visit)}
    fresh: dict[str, Answer] = {}
    changed: dict[str, Answer] = {}
    for one in said:
        item = by_key.get(one.key)
        if item is None:
            raise BadVisit("unknown_item", _("The check-list does not ask this."), field=one.key[:64])
        answer = there.get(one.key)
        at = min(one.at or now, now)
        if answer is not None and answer.answered_at > at:
            continue
        if answer is None:
            answer = there[one.key] = Answer(visit=visit, key=item.key, item=item if item.pk else None)
        _say(answer, item, one, at, choices)
        (changed if answer.pk else fresh)[one.key] = answer
    Answer.objects.bulk_create(fresh.values())
    Answer.objects.bulk_update(changed.values(), ["result", "value", "note", "answered_at"])


def _say(answer: Answer, item: Item, one: Said, at: datetime, choices: Sequence[Choice]) -> None:
    if len(one.note) > MAX_NOTE or not is_plain(one.note):
        raise BadVisit("note_too_long", _("At most 2,000 characters of plain text."), field=item.key)
    answer.note, answer.answered_at = one.note.strip(), at
    if item.type == QuestionType.PHOTO:
        # Its value are the photos that hang on it.
        return
    answer.result, answer.value = "", None
    if one.value is not None and one.value != "":
        offered = [choice for choice in choices if choice.list_name == item.list_name]
        value = check_value(item, one.value, choices=offered)
        if item.type == QuestionType.CHECK:
            answer.result = value
        else:
            answer.value = value


def attach_photo(*, by: Person, now: datetime, visit_id: uuid.UUID, key: str, data: bytes) -> Photo:
    """Hang a photo on an answer; the same photo again changes nothing.

    Raises what answer_items and store_photo raise, and BadVisit (`no_photo_here`, `too_many_photos`).
    """
    with transaction.atomic():
        _open_visit(by, visit_id)
    # The file is kept before the row that names it is locked: a large one takes its time.
    photo = store_photo(by=by, now=now, data=data)
    with transaction.atomic():
        visit = _open_visit(by, visit_id)
        answer = _answer_with_photos(visit, key, now)
        if photo.pk not in answer.photos:
            if len(answer.photos) >= MAX_PHOTOS:
                raise BadVisit("too_many_photos", _("At most 20 photos of one item."), field=key)
            _hang(answer, [*answer.photos, photo.pk])
        return photo


@transaction.atomic
def detach_photo(*, by: Person, now: datetime, visit_id: uuid.UUID, key: str, photo: str) -> None:
    """Take a photo off an answer; one that does not hang there changes nothing."""
    visit = _open_visit(by, visit_id)
    answer = _answer_with_photos(visit, key, now)
    if photo in answer.photos:
        _hang(answer, [one for one in answer.photos if one != photo])


def _answer_with_photos(visit: Visit, key: str, now: datetime) -> Answer:
    item = next((item for item in items_of(visit) if item.key == key), None)
    if item is None or item.type not in HAS_PHOTOS:
        raise BadVisit("no_photo_here", _("The check-list asks for no photo here."), field=key[:64])
    answer = Answer.objects.filter(visit=visit, key=key).first()
    # Given at no time yet: any answer that comes later than the visit began goes over it.
    return answer or Answer(visit=visit, key=key, item=item if item.pk else None, answered_at=visit.visited_at)


def _hang(answer: Answer, photos: list[str]) -> None:
    answer.photos = photos
    if answer.item is not None and answer.item.type == QuestionType.PHOTO:
        answer.value = photos or None
    answer.save()


# ---- the end --------------------------------------------------------------------------------------------------------


@transaction.atomic
def finish_visit(*, by: Person, now: datetime, visit_id: uuid.UUID, closing: Closing) -> Settled:
    """The visit is over: what was not answered is not inspected, what fails stands open, and the town is told.

    Finished already, it stays as it is. Raises NotFound, NotAllowed, Conflict (`visit_over`), BadSignature, BadVisit
    (`bad_signed_as`, `signature_missing`, `bad_position`, `note_too_long`), or for the first of lacks_of what it says.
    """
    visit = _own_visit(by, visit_id)
    if visit.state == VisitState.FINISHED:
        return Settled()
    if visit.state == VisitState.VOID:
        raise Conflict("visit_over", _("This visit was taken back; begin a new one."))
    _close(visit, now, closing)
    visit.save()
    return _settle(visit, by=by, now=now)


def _close(visit: Visit, at: datetime, closing: Closing) -> None:
    """Check that the visit is whole, and set what its end says; its answers are put in order."""
    items, choices = items_of(visit), choices_of(visit)
    answers = list(Answer.objects.filter(visit=visit).select_related("item"))
    lacks = lacks_of(visit, items, choices, answers)
    if lacks:
        raise lacks[0].refusal
    _check_closing(closing)
    values = _given(answers)
    standing = {item.key: item for item in asked(items, values)}
    Answer.objects.filter(visit=visit).exclude(key__in=standing).delete()
    by_key = {answer.key: answer for answer in answers}
    for key, item in standing.items():
        if item.type == QuestionType.CHECK and not (key in by_key and by_key[key].result):
            answer = by_key.get(key) or Answer(visit=visit, key=key, item=item if item.pk else None)
            answer.result, answer.answered_at = Result.NOT_INSPECTED, at
            answer.save()
    visit.state, visit.finished_at = VisitState.FINISHED, max(at, visit.visited_at)
    visit.note, visit.signed_as = closing.note.strip(), closing.signed_as
    if closing.signature is not None:
        visit.signature = seal_signature(closing.signature)
    if closing.place is not None:
        visit.lon, visit.lat, visit.accuracy_m = closing.place.lon, closing.place.lat, closing.place.accuracy_m
    visit.seen += 1


def _check_closing(closing: Closing) -> None:
    if len(closing.note) > MAX_NOTE or not is_plain(closing.note):
        raise BadVisit("note_too_long", _("At most 2,000 characters of plain text."), field="note")
    if closing.signed_as and closing.signed_as not in SignedAs.values:
        raise BadVisit("bad_signed_as", _("Say who signs: owner, manager, staff or refused."), field="signed_as")
    if closing.signature is not None and closing.signed_as in ("", SignedAs.REFUSED):
        raise BadVisit("bad_signed_as", _("There is a signature: say whose it is."), field="signed_as")
    place = closing.place
    if place is not None and not (
        -180 <= place.lon <= 180 and -90 <= place.lat <= 90 and 0 <= (place.accuracy_m or 0) <= 1e6
    ):
        raise BadVisit("bad_position", _("Give the position as degrees east and north."), field="lon")


def _settle(visit: Visit, *, by: Person, now: datetime) -> Settled:
    settled = settle_visits(by=by, now=now, visits=[visit])
    failed = Answer.objects.filter(visit=visit, result=Result.FAIL).count()
    told = _tell_town(visit, by=by, now=now) if failed else 0
    detail = {"failed": failed, "opened": len(settled.opened), "told": told}
    audit.record(by=by, now=now, action="finish_visit", subject_type="visit", subject_id=visit.pk, detail=detail)
    return settled


def _tell_town(visit: Visit, *, by: Person, now: datetime) -> int:
    """Leave a notice with everybody who handles what is found in the town; returns how many they are."""
    told = [pk for pk, username in people_who_may("entry.handle", visit.town) if username != by.username]
    VisitNotice.objects.bulk_create(
        [VisitNotice(person_id=pk, visit=visit, at=now) for pk in told], ignore_conflicts=True
    )
    return len(told)


# ---- a visit that comes whole ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class VisitDraft:
    """A whole visit as a program sends it."""

    id: uuid.UUID
    venue_id: uuid.UUID
    visited_at: datetime
    finished_at: datetime
    version_id: uuid.UUID | None = None
    recheck: tuple[uuid.UUID, ...] = ()
    round_id: uuid.UUID | None = None
    said: tuple[Said, ...] = ()
    photos: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """SHA-256 of stored photos by item."""
    closing: Closing = field(default_factory=Closing)

    def digest(self) -> str:
        """Of all that makes it this visit."""
        closing = self.closing
        place = closing.place and [closing.place.lon, closing.place.lat, closing.place.accuracy_m]
        facts = [
            str(self.venue_id), self.visited_at.isoformat(), self.finished_at.isoformat(), str(self.version_id),
            sorted(map(str, self.recheck)), str(self.round_id),
            sorted(repr((one.key, one.value, one.note)) for one in self.said),
            sorted([key, *shas] for key, shas in self.photos.items()),
            closing.note, closing.signed_as, sha256(closing.signature or b""), place,
        ]  # fmt: skip
        return sha256(canonical(facts))


def record_visit(*, by: Person, now: datetime, draft: VisitDraft) -> tuple[Visit, bool]:
    """Keep a whole, finished visit; returns it and whether it is new: the same again gives the first answer.

    Raises what start_visit, answer_items and finish_visit raise, BadVisit (`bad_time`, `photo_not_stored`), and
    Conflict (`visit_id_taken`) for other content under the id.
    """
    try:
        return _record_visit(by=by, now=now, draft=draft)
    except IntegrityError:
        # Sent twice at once, and the other was first: it is there now.
        return _record_visit(by=by, now=now, draft=draft)


@transaction.atomic
def _record_visit(*, by: Person, now: datetime, draft: VisitDraft) -> tuple[Visit, bool]:
    venue = venues.venue_for(by, draft.venue_id)
    rights.require(by, MAKES, venue.jurisdiction)
    Venue.objects.select_for_update().get(pk=venue.pk)
    there = Visit.objects.filter(pk=draft.id).first()
    if there is not None:
        if (there.source, there.username, there.venue_id) != (draft.digest(), by.username, venue.pk):
            raise _taken()
        return there, False
    _check_times(draft, now)
    visit = _new_visit(by, draft.visited_at, draft.id, venue, draft.round_id)
    visit.source = draft.digest()
    failures = _selected(venue, draft.recheck)
    visit.recheck = bool(failures)
    if not failures:
        visit.version = _version_kept(draft.version_id)
    visit.save(force_insert=True)
    Recheck.objects.bulk_create([Recheck(visit=visit, failure=failure, at=visit.visited_at) for failure in failures])
    _write_answers(visit, items_of(visit), choices_of(visit), draft.said, now)
    _hang_stored(visit, draft.photos, by)
    _close(visit, draft.finished_at, draft.closing)
    visit.save()
    _settle(visit, by=by, now=now)
    return visit, True


def _check_times(draft: VisitDraft, now: datetime) -> None:
    sound = draft.visited_at <= draft.finished_at <= now + timedelta(days=1) and draft.visited_at.year >= FIRST_YEAR
    if not sound:
        raise BadVisit(
            "bad_time", _("A visit begins before it ends, not before 1990 and not in the future."), field="visited_at"
        )


def _version_kept(version_id: uuid.UUID | None) -> CheckListVersion:
    """A version that is or was in use: a phone without signal may hold the last one."""
    known = CheckListVersion.objects.exclude(state=VersionState.DRAFT)
    kept = known.filter(pk=version_id).first() if version_id else None
    if kept is None:
        raise BadVisit("bad_checklist", _("Choose a check-list for venues of this type."), field="version")
    return kept


def _hang_stored(visit: Visit, photos: dict[str, tuple[str, ...]], by: Person) -> None:
    """Hang photos that were sent before; a hash alone opens nothing, so this person must have sent them."""
    for key, shas in photos.items():
        wanted = list(dict.fromkeys(shas))
        sent = Photo.objects.filter(pk__in=wanted, stored_by__username=by.username).count()
        if sent != len(wanted):
            raise BadVisit("photo_not_stored", _("Send the photo first."), field=key[:64])
        if len(wanted) > MAX_PHOTOS:
            raise BadVisit("too_many_photos", _("At most 20 photos of one item."), field=key)
        _hang(_answer_with_photos(visit, key, visit.visited_at), wanted)


# ---- taking back ----------------------------------------------------------------------------------------------------


def may_void(person: Person, visit: Visit) -> bool:
    """One's own while it is under way; a finished one only a supervisor takes back."""
    if visit.state == VisitState.VOID:
        return False
    own = visit.state == VisitState.UNDER_WAY and visit.username == person.username
    return own or rights.may(person, TAKES_BACK, visit.jurisdiction)


@transaction.atomic
def void_visit(*, by: Person, now: datetime, visit_id: uuid.UUID, reason: str) -> Visit:
    """The visit counts no more: what it found is undone, what it saw mended is open again. It stays readable.

    Raises NotFound, NotAllowed, Conflict (`visit_over`, `visit_built_upon`, `visit_exposed`), BadVisit
    (`reason_missing`, `reason_too_long`).
    """
    visit = visits_for(by).select_for_update(of=("self",)).select_related("venue").filter(pk=visit_id).first()
    if visit is None:
        raise NotFound("visit_not_found", _("There is no such visit, or it is not yours to see."))
    if visit.state == VisitState.VOID:
        raise Conflict("visit_over", _("This visit was taken back already."))
    if not may_void(by, visit):
        raise NotAllowed("not_allowed", _("A finished visit is taken back by a supervisor of the place."))
    reason = reason.strip()
    if not reason:
        raise BadVisit("reason_missing", _("Say why in a sentence."), field="reason")
    if len(reason) > 300 or not is_plain(reason):
        raise BadVisit("reason_too_long", _("At most 300 characters of plain text."), field="reason")
    Venue.objects.select_for_update().get(pk=visit.venue_id)
    if visit.exposures.filter(state__in=[ExposureState.PROPOSED, ExposureState.APPROVED]).exists():
        raise Conflict("visit_exposed", _("What it found is in the exposure column; withdraw it there first."))
    undone = _undo_failures(visit, reason, by=by, now=now)
    _undo_rechecks(visit)
    visit.state, visit.void_reason = VisitState.VOID, reason
    visit.save(update_fields=["state", "void_reason"])
    visit.notices.all().delete()
    _settle_again(visit, undone, by=by, now=now)
    detail = {"undone": len(undone)}
    audit.record(by=by, now=now, action="void_visit", subject_type="visit", subject_id=visit.pk, detail=detail)
    return visit


def _undo_failures(visit: Visit, reason: str, *, by: Person, now: datetime) -> set[str]:
    """Take back what the visit found, with its entries that nothing else hangs on; returns the keys of the items."""
    failures = list(Failure.objects.filter(opened_by__visit=visit))
    looked = Recheck.objects.filter(failure__in=failures).exclude(visit=visit).exclude(visit__state=VisitState.VOID)
    if looked.exists():
        raise Conflict(
            "visit_built_upon", _("Another visit has looked again at what this one found; take that one back first.")
        )
    entries = {failure.entry_id for failure in failures if failure.entry_id}
    Recheck.objects.filter(failure__in=failures).delete()
    Failure.objects.filter(pk__in=[failure.pk for failure in failures]).delete()
    kept = set(Failure.objects.filter(entry__in=entries).values_list("entry", flat=True))
    void_open(by=by, now=now, entry_ids=entries - kept, reason=reason)
    return {failure.key for failure in failures}


def _undo_rechecks(visit: Visit) -> None:
    """What the visit saw mended is open again, unless it has failed anew since."""
    closed = Failure.objects.filter(closed_by__visit=visit)
    since = Failure.objects.filter(venue=visit.venue_id, closed_at=None, key__in=closed.values("key"))
    if since.exists():
        raise Conflict(
            "visit_built_upon", _("What this visit saw mended has failed again since; take that visit back first.")
        )
    closed.update(closed_by=None, closed_at=None)
    visit.rechecks.all().delete()


def _settle_again(visit: Visit, keys: set[str], *, by: Person, now: datetime) -> None:
    """Whoever was there at the same time and saw the same has found it now."""
    others = Answer.objects.filter(
        Q(visit__finished_at__gte=visit.visited_at), visit__venue=visit.venue_id,
        visit__state=VisitState.FINISHED, key__in=keys, result=Result.FAIL,
    ).select_related("visit")  # fmt: skip
    found = {answer.pk: answer.visit for answer in others}
    if found:
        each = {one.pk: one for one in found.values()}
        settle_visits(by=by, now=now, visits=list(each.values()), only=set(found))


@transaction.atomic
def read_notice(*, by: Person, now: datetime, visit_id: uuid.UUID) -> None:
    """The person has seen what the visit found; looks first, so that opening a page twice writes nothing."""
    unread = VisitNotice.objects.filter(person=by, visit=visit_id, read_at=None)
    if unread.exists():
        unread.update(read_at=now)
