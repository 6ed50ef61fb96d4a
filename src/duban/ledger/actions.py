"""The steps of an entry's life. Order in each: may they -> lock -> allowed from here -> append -> audit -> notify."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.text import is_plain
from duban.evidence.models import Photo
from duban.ledger import deadlines, history
from duban.ledger.appending import MAX_WORDS, BadStep, append, lock, reason_of
from duban.ledger.lifecycle import OPEN
from duban.ledger.lookback_items import settle_items
from duban.ledger.models import Category, Entry, Lookback, Moment
from duban.ledger.recording import write_parts
from duban.places.codes import normalise_code

MAX_PARTS = 20
LONGEST_EXTENSION = timedelta(days=366)


def _unit(code: str) -> str:
    return normalise_code(code, field="unit")


@transaction.atomic
def list_entry(*, by: Person, now: datetime, entry_id: uuid.UUID, seen: int | None = None) -> Entry:
    """found -> listed: a supervisor accepts the finding as a case, and the time to dispatch it begins to run."""
    entry = lock(entry_id, "list", by=by, seen=seen)
    append(entry, "list", by=by, now=now, changes=_listed(entry, now))
    return entry


def _listed(entry: Entry, now: datetime) -> dict[str, Any]:
    return {
        "listed_at": entry.listed_at or now,
        "dispatch_due_at": deadlines.working_hours_after(entry, now, "dispatch_hours"),
    }


@transaction.atomic
def assign_entry(
    *,
    by: Person,
    now: datetime,
    entry_id: uuid.UUID,
    unit: str = "",
    due_at: datetime | None = None,
    seen: int | None = None,
) -> Entry:
    """listed | assigned -> assigned to `unit` (default: the unit proposed), due by the rule from now or as given."""
    entry = lock(entry_id, "assign", by=by, seen=seen)
    if due_at is not None and due_at <= now:
        raise BadStep("due_in_past", _("The deadline must lie in the future."), field="due_at")
    responsible = _unit(unit or entry.responsible)
    rights.require(by, "entry.triage", responsible, entry.category.kind)
    changes = _running(entry, now, due_at) | {
        "responsible": responsible,
        "dispatched_at": entry.dispatched_at or now,
        "extension_until": None,
    }
    append(entry, "assign", by=by, now=now, changes=changes)
    return entry


def _running(entry: Entry, now: datetime, due_at: datetime | None = None) -> dict[str, Any]:
    """The columns of a deadline that begins to run now; a deadline that a person sets follows no calendar."""
    changes = deadlines.deadline_of(entry, now).columns(runs_from=now)
    return changes | {"due_at": due_at, "due_provisional": False} if due_at else changes


@transaction.atomic
def submit_remedy(
    *,
    by: Person,
    now: datetime,
    entry_id: uuid.UUID,
    photos: Sequence[str],
    reason: str = "",
    seen: int | None = None,
) -> Entry:
    """assigned -> remedied, shown by at least one stored after-photo that is none of the before-photos."""
    entry = lock(entry_id, "remedy", by=by, seen=seen)
    wanted = list(dict.fromkeys(photos))
    had = {(photo.photo_id, photo.moment) for photo in entry.photos.all()}
    if any((photo, Moment.BEFORE) in had for photo in wanted):
        raise BadStep("after_is_before", _("This is the photo of the finding; take a new one."), field="photos")
    fresh = [photo for photo in wanted if (photo, Moment.AFTER) not in had]
    if not fresh:
        raise BadStep("after_photo_missing", _("Add a photo that shows it fixed."), field="photos")
    _require_stored(fresh)
    changes = {
        "remedied_at": now,
        "verify_due_at": deadlines.working_hours_after(entry, now, "verify_hours"),
        "extension_until": None,
    }
    words = {"reason": reason_of(reason, "remedy")}
    append(entry, "remedy", by=by, now=now, changes=changes, words=words, photos=[(one, Moment.AFTER) for one in fresh])
    return entry


def _require_stored(photos: Sequence[str]) -> None:
    if Photo.objects.filter(pk__in=photos).count() != len(photos):
        raise BadStep("photo_not_stored", _("Send the photo first."), field="photos")


@transaction.atomic
def close_entry(*, by: Person, now: datetime, entry_id: uuid.UUID, reason: str = "", seen: int | None = None) -> Entry:
    """remedied -> closed: a supervisor has seen the evidence; the look-back falls due by the category's rule."""
    entry = lock(entry_id, "close", by=by, seen=seen)
    changes = {
        "closed_at": now,
        "verified_at": now,
        "lookback_due_at": now + timedelta(days=deadlines.lookback_days(entry, now)),
        "lookback": "",
    }
    append(entry, "close", by=by, now=now, changes=changes, words={"reason": reason_of(reason, "close")})
    return entry


@transaction.atomic
def reject_remedy(*, by: Person, now: datetime, entry_id: uuid.UUID, reason: str, seen: int | None = None) -> Entry:
    """remedied -> assigned: rework, counted, with a new deadline."""
    entry = lock(entry_id, "reject", by=by, seen=seen)
    changes = _running(entry, now) | {"rework_count": entry.rework_count + 1, "verified_at": now}
    append(entry, "reject", by=by, now=now, changes=changes, words={"reason": reason_of(reason, "reject")})
    return entry


@transaction.atomic
def return_entry(
    *, by: Person, now: datetime, entry_id: uuid.UUID, reason: str, unit: str = "", seen: int | None = None
) -> Entry:
    """assigned -> listed: not ours; `unit` proposes whose it is."""
    entry = lock(entry_id, "return", by=by, seen=seen)
    changes: dict[str, Any] = {"return_count": entry.return_count + 1, "extension_until": None}
    if unit:
        changes["responsible"] = _unit(unit)
    append(entry, "return", by=by, now=now, changes=changes, words={"reason": reason_of(reason, "return")})
    return entry


@transaction.atomic
def ask_extension(
    *, by: Person, now: datetime, entry_id: uuid.UUID, until: datetime | None, reason: str, seen: int | None = None
) -> Entry:
    """The unit asks for a deadline later than the one that runs, at most a year away."""
    entry = lock(entry_id, "ask_extension", by=by, seen=seen)
    words = {"reason": reason_of(reason, "ask_extension")}
    if until is None:
        raise BadStep("until_missing", _("Say until when."), field="until")
    if until <= max(now, entry.due_at or now) or until > now + LONGEST_EXTENSION:
        raise BadStep(
            "bad_until",
            _("More time means later than the present deadline, and at most a year from now."),
            field="until",
        )
    append(entry, "ask_extension", by=by, now=now, changes={"extension_until": until}, words=words)
    return entry


@transaction.atomic
def grant_extension(
    *, by: Person, now: datetime, entry_id: uuid.UUID, reason: str = "", seen: int | None = None
) -> Entry:
    """The deadline asked for holds, as a person's decision: no calendar moves it any more."""
    entry = lock(entry_id, "grant_extension", by=by, seen=seen)
    changes = {
        "due_at": entry.extension_until,
        "due_provisional": False,
        "extension_until": None,
        "extension_count": entry.extension_count + 1,
    }
    words = {"reason": reason_of(reason, "grant_extension")}
    append(entry, "grant_extension", by=by, now=now, changes=changes, words=words)
    return entry


@transaction.atomic
def refuse_extension(*, by: Person, now: datetime, entry_id: uuid.UUID, reason: str, seen: int | None = None) -> Entry:
    """The deadline stays as it is."""
    entry = lock(entry_id, "refuse_extension", by=by, seen=seen)
    words = {"reason": reason_of(reason, "refuse_extension")}
    append(entry, "refuse_extension", by=by, now=now, changes={"extension_until": None}, words=words)
    return entry


@transaction.atomic
def hold_entry(*, by: Person, now: datetime, entry_id: uuid.UUID, reason: str, seen: int | None = None) -> Entry:
    """assigned -> held: no deadline runs until it is resumed."""
    entry = lock(entry_id, "hold", by=by, seen=seen)
    words = {"reason": reason_of(reason, "hold")}
    begun = max(history.stamp(now) or "", entry.pauses[-1][1] if entry.pauses else "")
    changes = {"pauses": [*entry.pauses, [begun, None]], "extension_until": None}
    append(entry, "hold", by=by, now=now, changes=changes, words=words)
    return entry


@transaction.atomic
def resume_entry(*, by: Person, now: datetime, entry_id: uuid.UUID, reason: str = "", seen: int | None = None) -> Entry:
    """held -> assigned: the deadline runs on, pushed back by the hold.

    One that a person set (at dispatch or as an extension) is pushed back by as long as the hold took.
    """
    entry = lock(entry_id, "resume", by=by, seen=seen)
    changes = _hold_ended(entry, now)
    pauses, begun = changes["pauses"], entry.pauses[-1][0]
    by_rule = deadlines.deadline_with_pauses(entry, entry.pauses[:-1])
    if entry.due_at == by_rule.due_at:
        later = deadlines.deadline_with_pauses(entry, pauses)
        changes |= {"due_at": later.due_at, "due_provisional": later.provisional}
    elif entry.due_at is not None:
        changes["due_at"] = entry.due_at + (datetime.fromisoformat(pauses[-1][1]) - datetime.fromisoformat(begun))
    append(entry, "resume", by=by, now=now, changes=changes, words={"reason": reason_of(reason, "resume")})
    return entry


def _hold_ended(entry: Entry, now: datetime) -> dict[str, Any]:
    """The columns that end a hold that runs; none where nothing is held."""
    if not entry.pauses or entry.pauses[-1][1] is not None:
        return {}
    begun = entry.pauses[-1][0]
    # Who waited for the lock came with a time from before the hold.
    return {"pauses": [*entry.pauses[:-1], [begun, max(begun, history.stamp(now) or begun)]]}


@transaction.atomic
def escalate_entry(*, by: Person, now: datetime, entry_id: uuid.UUID, reason: str, seen: int | None = None) -> Entry:
    """It hangs, and the unit's leaders are told."""
    entry = lock(entry_id, "escalate", by=by, seen=seen)
    words = {"reason": reason_of(reason, "escalate")}
    append(entry, "escalate", by=by, now=now, changes={"escalation": entry.escalation + 1}, words=words)
    return entry


@transaction.atomic
def split_entry(
    *,
    by: Person,
    now: datetime,
    entry_id: uuid.UUID,
    units: Sequence[str],
    reason: str = "",
    seen: int | None = None,
) -> tuple[Entry, list[Entry]]:
    """listed | assigned -> split, and one assigned entry for each of the units; returns the whole and its parts."""
    entry = lock(entry_id, "split", by=by, seen=seen)
    wanted = list(dict.fromkeys(_unit(unit) for unit in units))
    if not 2 <= len(wanted) <= MAX_PARTS:
        raise BadStep("bad_parts", _("Name 2 to 20 different units, each for a part of its own."), field="units")
    for unit in wanted:
        rights.require(by, "entry.triage", unit, entry.category.kind)
    words = {"reason": reason_of(reason, "split")}
    append(entry, "split", by=by, now=now, changes={"extension_until": None}, words=words)
    parts = write_parts(entry, wanted, by=by, now=now)
    for part in parts:
        append(part, "list", by=by, now=now, changes=_listed(part, now))
        append(part, "assign", by=by, now=now, changes=_running(part, now) | {"dispatched_at": now})
    return entry, parts


@transaction.atomic
def merge_entry(
    *,
    by: Person,
    now: datetime,
    entry_id: uuid.UUID,
    into: uuid.UUID,
    reason: str = "",
    seen: int | None = None,
) -> Entry:
    """open -> merged: `into` is the open entry that goes on."""
    # Both rows are locked in one order, so that two people merging each into the other cannot wait for one another.
    list(Entry.objects.select_for_update().filter(pk__in=[entry_id, into]).order_by("pk").values_list("pk", flat=True))
    entry = lock(entry_id, "merge", by=by, seen=seen)
    target = Entry.objects.visible_to(by).filter(pk=into).first()
    if target is None or target.pk == entry.pk or target.state not in OPEN:
        raise BadStep("bad_merge_target", _("Merge into another open entry that you can see."), field="into")
    if Entry.objects.filter(merged_into=entry).exists():
        raise BadStep(
            "has_merged_entries",
            _("Others were merged into this one; merge the other way round."),
            field="into",
        )
    changes = {"merged_into_id": into, "extension_until": None} | _hold_ended(entry, now)
    append(entry, "merge", by=by, now=now, changes=changes, words={"reason": reason_of(reason, "merge")})
    return entry


@transaction.atomic
def unmerge_entry(*, by: Person, now: datetime, entry_id: uuid.UUID, reason: str, seen: int | None = None) -> Entry:
    """merged -> listed: it was another thing after all."""
    entry = lock(entry_id, "unmerge", by=by, seen=seen)
    words = {"reason": reason_of(reason, "unmerge")}
    append(entry, "unmerge", by=by, now=now, changes=_listed(entry, now) | {"merged_into_id": None}, words=words)
    return entry


@transaction.atomic
def void_entry(*, by: Person, now: datetime, entry_id: uuid.UUID, reason: str, seen: int | None = None) -> Entry:
    """open -> void: nothing to put on the ledger; it stays readable."""
    entry = lock(entry_id, "void", by=by, seen=seen)
    words = {"reason": reason_of(reason, "void")}
    changes = {"extension_until": None} | _hold_ended(entry, now)
    append(entry, "void", by=by, now=now, changes=changes, words=words)
    return entry


@transaction.atomic
def restore_entry(*, by: Person, now: datetime, entry_id: uuid.UUID, reason: str, seen: int | None = None) -> Entry:
    """void -> listed: voiding it was a mistake."""
    entry = lock(entry_id, "restore", by=by, seen=seen)
    words = {"reason": reason_of(reason, "restore")}
    append(entry, "restore", by=by, now=now, changes=_listed(entry, now), words=words)
    return entry


@transaction.atomic
def reopen_entry(*, by: Person, now: datetime, entry_id: uuid.UUID, reason: str, seen: int | None = None) -> Entry:
    """closed -> assigned in the same cycle: it was struck off by mistake."""
    entry = lock(entry_id, "reopen", by=by, seen=seen)
    changes = _running(entry, now) | _unclosed() | {"reopen_count": entry.reopen_count + 1}
    append(entry, "reopen", by=by, now=now, changes=changes, words={"reason": reason_of(reason, "reopen")})
    return entry


def _unclosed() -> dict[str, Any]:
    return {"closed_at": None, "remedied_at": None, "verified_at": None, "verify_due_at": None} | {
        "lookback_due_at": None,
        "lookback": "",
    }


@transaction.atomic
def mark_stands(
    *,
    by: Person,
    now: datetime,
    entry_id: uuid.UUID,
    reason: str = "",
    photos: Sequence[str] = (),
    seen: int | None = None,
) -> Entry:
    """Somebody went there again: it is still fixed. Photos of the revisit are optional."""
    entry = lock(entry_id, "stands", by=by, seen=seen)
    fresh = _revisit_photos(entry, photos)
    append(
        entry,
        "stands",
        by=by,
        now=now,
        changes={"lookback": Lookback.STANDS},
        words={"reason": reason_of(reason, "stands")},
        photos=[(photo, Moment.AFTER) for photo in fresh],
    )
    settle_items(entry, "stands", now=now)
    return entry


@transaction.atomic
def mark_recurred(
    *,
    by: Person,
    now: datetime,
    entry_id: uuid.UUID,
    photos: Sequence[str],
    reason: str = "",
    seen: int | None = None,
) -> Entry:
    """closed -> assigned: it is there again, shown by a new photo, and a new cycle of the same entry begins."""
    entry = lock(entry_id, "recurred", by=by, seen=seen)
    fresh = _revisit_photos(entry, photos)
    if not fresh:
        raise BadStep("photo_missing", _("Add a photo that shows it there again."), field="photos")
    changes = _running(entry, now) | _unclosed() | {"cycle": entry.cycle + 1, "dispatched_at": now}
    append(
        entry,
        "recurred",
        by=by,
        now=now,
        changes=changes,
        words={"reason": reason_of(reason, "recurred")},
        photos=[(photo, Moment.BEFORE) for photo in fresh],
    )
    settle_items(entry, "recurred", now=now)
    return entry


@transaction.atomic
def mark_not_inspected(
    *, by: Person, now: datetime, entry_id: uuid.UUID, reason: str, seen: int | None = None
) -> Entry:
    """Nobody could look: the look-back is still owed."""
    entry = lock(entry_id, "not_inspected", by=by, seen=seen)
    words = {"reason": reason_of(reason, "not_inspected")}
    append(entry, "not_inspected", by=by, now=now, changes={"lookback": Lookback.NOT_INSPECTED}, words=words)
    settle_items(entry, "not_inspected", now=now)
    return entry


def _revisit_photos(entry: Entry, photos: Sequence[str]) -> list[str]:
    """Stored photos that the entry has not yet; an old photo shows nothing of a revisit."""
    wanted = list(dict.fromkeys(photos))
    _require_stored(wanted)
    if entry.photos.filter(photo_id__in=wanted).exists():
        raise BadStep("photo_is_old", _("This photo hangs on the entry already; take a new one."), field="photos")
    return wanted


@transaction.atomic
def amend_entry(
    *,
    by: Person,
    now: datetime,
    entry_id: uuid.UUID,
    category: Category | None = None,
    statement: str | None = None,
    description: str | None = None,
    reason: str = "",
    seen: int | None = None,
) -> Entry:
    """Put category, statement or description right; what is None stays."""
    entry = lock(entry_id, "amend", by=by, seen=seen)
    changes = amended(entry, by=by, category=category, statement=statement, description=description)
    words = {"reason": reason_of(reason, "amend")}
    if not changes:
        raise BadStep("nothing_to_amend", _("Nothing would change."))
    if "description" in changes:
        entry.description = words["description"] = changes.pop("description")
    append(entry, "amend", by=by, now=now, changes=changes, words=words)
    return entry


def amended(
    entry: Entry, *, by: Person, category: Category | None, statement: str | None, description: str | None
) -> dict[str, Any]:
    """The columns that an amendment would set, none if it changes nothing.

    Raises BadStep (`bad_statement`, `description_too_long`), and NotAllowed for a category of a kind not theirs.
    """
    changes: dict[str, Any] = {}
    if category is not None and category != entry.category:
        rights.require(by, "entry.triage", entry.jurisdiction, category.kind)
        changes["category_id"] = category.pk
    if statement is not None:
        if len(statement) > 300 or not is_plain(statement) or not statement.strip():
            raise BadStep("bad_statement", _("A location statement has 1 to 300 characters."), field="statement")
        if statement.strip() != entry.statement:
            changes["statement"] = statement.strip()
    if description is not None and description.strip() != entry.description:
        if len(description) > MAX_WORDS or not is_plain(description):
            raise BadStep("description_too_long", _("At most 2,000 characters of plain text."), field="description")
        changes["description"] = description.strip()
    return changes


@transaction.atomic
def add_photo(*, by: Person, now: datetime, entry_id: uuid.UUID, photo: str, seen: int | None = None) -> Entry:
    """A photo of the finding that came late; adding it twice changes nothing."""
    entry = lock(entry_id, "add_photo", by=by, seen=seen)
    if not Photo.objects.filter(pk=photo).exists():
        raise BadStep("photo_not_stored", _("Send the photo first."), field="photo")
    if not entry.photos.filter(photo_id=photo, moment=Moment.BEFORE).exists():
        append(entry, "add_photo", by=by, now=now, photos=[(photo, Moment.BEFORE)])
    return entry


# The function that takes each step of the table; `redate` alone is no person's step.
VERBS: dict[str, Callable[..., Any]] = {
    "list": list_entry,
    "assign": assign_entry,
    "remedy": submit_remedy,
    "close": close_entry,
    "reject": reject_remedy,
    "return": return_entry,
    "ask_extension": ask_extension,
    "grant_extension": grant_extension,
    "refuse_extension": refuse_extension,
    "hold": hold_entry,
    "resume": resume_entry,
    "escalate": escalate_entry,
    "split": split_entry,
    "merge": merge_entry,
    "unmerge": unmerge_entry,
    "void": void_entry,
    "restore": restore_entry,
    "reopen": reopen_entry,
    "stands": mark_stands,
    "recurred": mark_recurred,
    "not_inspected": mark_not_inspected,
    "amend": amend_entry,
    "add_photo": add_photo,
}
