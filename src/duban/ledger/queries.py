"""What the ledger tells others. Views pass a person; nothing leaves that the person may not see."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person
from duban.core.errors import NotFound
from duban.ledger.actions import why_not
from duban.ledger.lifecycle import OPEN, TRANSITIONS, UNREMEDIED, State, Transition
from duban.ledger.models import Entry, Moment
from duban.places import queries as places
from duban.places.codes import within


@dataclass(frozen=True)
class Filters:
    """The ledger table's question; its URL is made of the same words."""

    states: tuple[str, ...] = ()
    area: str = ""
    category: str = ""
    """kind:code"""
    overdue: bool = False
    text: str = ""
    sort: str = "-found_at"


SORTS = {
    "found_at": ("found_at", "id"),
    "-found_at": ("-found_at", "-id"),
    "due_at": ("due_at", "id"),
    "-due_at": ("-due_at", "-id"),
    "number": ("number",),
    "-number": ("-number",),
}


def entries_for(person: Person, filters: Filters, *, now: datetime) -> QuerySet[Entry]:
    """The entries that the filters ask for among those the person may see, category at hand."""
    entries = Entry.objects.visible_to(person).select_related("category")
    if filters.states:
        entries = entries.filter(state__in=filters.states)
    if filters.area:
        entries = entries.filter(within("jurisdiction", [filters.area]) | within("responsible", [filters.area]))
    if filters.category:
        kind, _colon, code = filters.category.partition(":")
        entries = entries.filter(category__kind=kind, category__code=code)
    if filters.overdue:
        entries = entries.filter(overdue_at(now))
    if filters.text:
        entries = entries.filter(
            Q(number__icontains=filters.text)
            | Q(statement__icontains=filters.text)
            | Q(description__icontains=filters.text)
        )
    return entries.order_by(*SORTS.get(filters.sort, SORTS["-found_at"]))


def overdue_at(now: datetime) -> Q:
    """Not yet remedied, and the deadline has passed."""
    return Q(state__in=UNREMEDIED, due_at__lt=now)


def is_overdue(entry: Entry, now: datetime) -> bool:
    """The same rule as overdue_at, for an entry in hand."""
    return entry.state in UNREMEDIED and entry.due_at is not None and entry.due_at < now


def entry_for(person: Person, entry_id: uuid.UUID) -> Entry:
    """The entry, if the person may see it, else NotFound (`entry_not_found`)."""
    entry = Entry.objects.visible_to(person).select_related("category", "merged_into").filter(pk=entry_id).first()
    if entry is None:
        raise NotFound("entry_not_found", _("There is no such entry, or it is not yours to see."))
    return entry


def steps_for(person: Person, entry: Entry) -> list[tuple[Transition, str]]:
    """Every step of the lifecycle with why the person may not take it now; an empty reason: they may."""
    steps = []
    for step in TRANSITIONS.values():
        refusal = why_not(person, step, entry)
        steps.append((step, str(refusal) if refusal else ""))
    return steps


def counts_by_state(person: Person) -> dict[str, int]:
    """How many entries the person sees in each state; states without any are absent."""
    rows = Entry.objects.visible_to(person).order_by().values_list("state").annotate(Count("id"))
    return dict(rows)


def may_see_photo(person: Person, sha256: str) -> bool:
    """Whether the photo belongs to an entry that the person may see."""
    return Entry.objects.visible_to(person).filter(photos__photo_id=sha256).exists()


def rectified_in(code: str) -> QuerySet[Entry]:
    """Entries of the area that were verified and struck off, the longest closed first."""
    return Entry.objects.filter(within("jurisdiction", [code]), state=State.CLOSED).order_by("closed_at", "number")


def standing_in(code: str) -> QuerySet[Entry]:
    """Entries of the area that stand open, the oldest first."""
    return Entry.objects.filter(within("jurisdiction", [code]), state__in=OPEN).order_by("found_at", "number")


def snapshots(entry_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """What a bulletin says of each entry, as values: the shape of an entry in `duban.bulletin/1`."""
    entries = Entry.objects.filter(pk__in=entry_ids).select_related("category").prefetch_related("photos__photo")
    names = places.names({entry.responsible for entry in entries})
    return {entry.id: _snapshot(entry, names) for entry in entries}


def _snapshot(entry: Entry, names: dict[str, str]) -> dict[str, Any]:
    photos = list(entry.photos.all())
    return {
        "id": str(entry.id),
        "number": entry.number,
        "state": entry.state,
        "category": {
            "code": entry.category.code,
            "name": entry.category.name,
            "name_en": entry.category.name_en,
        },
        "statement": entry.statement,
        "description": entry.description,
        "responsible": {"code": entry.responsible, "name": names.get(entry.responsible, entry.responsible)},
        "found_at": entry.found_at.isoformat(),
        "due_at": entry.due_at.isoformat() if entry.due_at else None,
        "closed_at": entry.closed_at.isoformat() if entry.closed_at else None,
        "lon": entry.lon,
        "lat": entry.lat,
        "photos": {
            str(moment): _photos(photo.photo for photo in photos if photo.moment == moment) for moment in Moment
        },
    }


def _photos(photos: Iterable[Any]) -> list[dict[str, Any]]:
    return [
        {
            "sha256": photo.sha256,
            "public_sha256": photo.public_sha256,
            "width": photo.public_width,
            "height": photo.public_height,
        }
        for photo in photos
    ]
