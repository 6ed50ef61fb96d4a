"""Writing one step onto an entry: may they, lock, is it allowed from here, append, audit, notify."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotAllowed, NotFound
from duban.core.text import is_plain
from duban.ledger import history, notices, search, tally
from duban.ledger.lifecycle import GUARDS, TRANSITIONS, Guard, Need, State, Transition
from duban.ledger.models import Entry, EntryPhoto
from duban.ledger.sealing import seal_on_commit
from duban.places import queries as places

MAX_WORDS = 2000


class BadStep(DubanError):
    pass


class WrongState(Conflict):
    pass


def why_not(
    person: Person, step: Transition, entry: Entry, names: Mapping[str, str] | None = None
) -> DubanError | None:
    """Why `person` may not take this step on this entry now, or None if they may.

    `names` are what its area and its unit are called, where somebody has asked already.
    """
    place = entry.responsible if step.by_unit else entry.jurisdiction
    if not rights.may(person, step.permission, place, entry.category.kind):
        return NotAllowed(
            "not_allowed",
            _("Only %(roles)s of %(place)s may do this.")
            % {
                "roles": ", ".join(str(role.label) for role in sorted(rights.PERMISSIONS[step.permission])),
                "place": (places.names([place]) if names is None else names).get(place, place),
            },
        )
    if entry.state not in step.sources:
        return WrongState(
            "wrong_state",
            _("The entry is %(state)s; this step needs it to be %(states)s.")
            % {
                "state": State(entry.state).label,
                "states": " / ".join(str(state.label) for state in step.sources),
            },
        )
    if step.guard and (entry.extension_until is not None) != (step.guard == Guard.EXTENSION_ASKED):
        return WrongState("extension_asked" if entry.extension_until else "no_extension_asked", GUARDS[step.guard])
    return None


def lock(entry_id: uuid.UUID, action: str, *, by: Person, seen: int | None) -> Entry:
    """The entry, locked, if `by` may see it and take the step; `seen` is the event count their page showed."""
    # Locked first and looked at after: a row read before another one's commit would be a state that is gone.
    found = Entry.objects.visible_to(by).select_related("category").select_for_update(of=("self",))
    entry = found.filter(pk=entry_id).first()
    if entry is None:
        raise NotFound("entry_not_found", _("There is no such entry, or it is not yours to see."))
    refusal = why_not(by, TRANSITIONS[action], entry)
    if refusal:
        raise refusal
    if seen is not None and seen != entry.event_count:
        raise Conflict("entry_changed", _("Somebody changed this entry while you looked at it; see it as it is now."))
    return entry


def append(
    entry: Entry,
    action: str,
    *,
    by: audit.Actor,
    now: datetime,
    changes: dict[str, Any] | None = None,
    words: dict[str, str] | None = None,
    photos: Iterable[tuple[str, str]] = (),
) -> None:
    """Write one event onto a locked entry, with the columns it sets and the photos it adds."""
    step = TRANSITIONS[action]
    photos, counted = list(photos), tally.keys_of(entry)
    facts: dict[str, Any] = {}
    for column, value in (changes or {}).items():
        setattr(entry, column, value)
    if changes:
        facts["set"] = {column: history.fact(getattr(entry, column)) for column in changes}
    if photos:
        facts["photos"] = [[photo, str(moment)] for photo, moment in photos]
    event = history.next_event(
        entry,
        actor=by.as_actor(),
        now=now,
        action=action,
        to_state=step.target or entry.state,
        facts=facts,
        words={key: text for key, text in (words or {}).items() if text or key != "reason"},
    )
    event.save(force_insert=True)
    entry.save(force_update=True)
    if photos:
        already = entry.photos.count()
        EntryPhoto.objects.bulk_create(
            [
                EntryPhoto(entry=entry, photo_id=photo, moment=moment, position=already + position)
                for position, (photo, moment) in enumerate(photos)
            ]
        )
    tally.move(counted, tally.keys_of(entry))
    if action == "amend" or "responsible" in (changes or {}):
        search.index([entry])
    audit.record(by=by, now=now, action=f"{action}_entry", subject_type="entry", subject_id=entry.pk)
    notices.notify(entry, step, by=by, now=now)
    seal_on_commit()


def reason_of(text: str, action: str) -> str:
    """The reason as it will stand in the history; raises BadStep (`reason_missing`, `reason_too_long`)."""
    text = text.strip()
    if not text and Need.REASON in TRANSITIONS[action].needs:
        raise BadStep("reason_missing", _("Say why in a sentence; the other side will read it."), field="reason")
    if len(text) > MAX_WORDS or not is_plain(text):
        raise BadStep("reason_too_long", _("At most 2,000 characters of plain text."), field="reason")
    return text
