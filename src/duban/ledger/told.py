"""What the ledger tells anybody of entries that came of their own words: how far each is, and how it looked after."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from duban.ledger.lifecycle import OPEN, UNREMEDIED, State
from duban.ledger.models import Entry, EntryPhoto, Moment
from duban.places import queries as places


@dataclass(frozen=True)
class EntryTold:
    """No person, no words of staff: number, state, unit and days. Photos stand by their hashes, or are empty."""

    id: uuid.UUID
    number: str
    state: str
    word: str
    unit: str
    due_at: datetime | None
    closed_at: datetime | None
    open: bool
    overdue: bool
    after: str
    """Of an entry that is struck off: what somebody verified it by."""


@dataclass(frozen=True)
class Cleared:
    """An entry that is struck off: what and where it was, and how it looked. Photos by their hashes, or empty."""

    category: str
    statement: str
    before: str
    after: str


def cleared(entry_ids: Collection[uuid.UUID]) -> list[Cleared]:
    """Those of the entries that are struck off and have a picture of how it looked after, the latest first."""
    entries = list(
        Entry.objects.filter(pk__in=entry_ids, state=State.CLOSED).select_related("category").order_by("-closed_at")
    )
    pictures: dict[tuple[uuid.UUID, str], list[str]] = {}
    for photo in EntryPhoto.objects.filter(entry__in=entries).order_by("entry", "position"):
        pictures.setdefault((photo.entry_id, photo.moment), []).append(photo.photo_id)
    # Of the finding its first picture tells, of several remedies the last one holds.
    return [
        Cleared(
            category=str(one.category),
            statement=one.statement,
            before=pictures.get((one.pk, Moment.BEFORE), [""])[0],
            after=pictures[one.pk, Moment.AFTER][-1],
        )
        for one in entries
        if (one.pk, Moment.AFTER) in pictures
    ]


def entries_told(entry_ids: Collection[uuid.UUID | None], now: datetime) -> dict[uuid.UUID, EntryTold]:
    """By the id asked for, in three queries; an entry that went into another is told as that one."""
    wanted = {one for one in entry_ids if one is not None}
    if not wanted:
        return {}
    found = list(Entry.objects.filter(pk__in=wanted).select_related("merged_into"))
    lives = {entry.pk: entry.merged_into or entry for entry in found}
    closed = [entry.pk for entry in lives.values() if entry.state == State.CLOSED]
    after: dict[uuid.UUID, str] = {}
    photos = EntryPhoto.objects.filter(entry__in=closed, moment=Moment.AFTER).order_by("entry", "position")
    for entry_id, photo in photos.values_list("entry", "photo"):
        # Of several remedies the last one holds.
        after[entry_id] = photo
    names = places.names({entry.responsible for entry in lives.values()})
    return {
        pk: EntryTold(
            id=entry.pk,
            number=entry.number,
            state=entry.state,
            word=str(State(entry.state).label),
            unit=names.get(entry.responsible, entry.responsible),
            due_at=entry.due_at,
            closed_at=entry.closed_at,
            open=entry.state in OPEN,
            overdue=entry.state in UNREMEDIED and entry.due_at is not None and entry.due_at < now,
            after=after.get(entry.pk, ""),
        )
        for pk, entry in lives.items()
    }
