"""Open entries as those know them who gather neighbours to clear them up: what, where, and the pictures.

They see no more of an entry than a bulletin prints, and only in their own area: neither who found it nor its history.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from duban.access import rights
from duban.access.models import Person
from duban.ledger.lifecycle import OPEN, State
from duban.ledger.models import Category, Entry, EntryPhoto, Moment
from duban.places.codes import within

PICKS = "entry.pick"
NEWEST = 60


@dataclass(frozen=True)
class Offered:
    """An entry of the ledger. `before` and `after` are SHA-256 of the first photo of each kind, or empty."""

    id: uuid.UUID
    number: str
    category: str
    statement: str
    jurisdiction: str
    lon: float
    lat: float
    state: str
    word: str
    before: str = ""
    after: str = ""

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


def open_entries(person: Person, *, area: str = "", limit: int = NEWEST) -> list[Offered]:
    """The newest open ones in the person's area, or in a part of it."""
    found = Entry.objects.filter(_reach(person), state__in=OPEN)
    if area:
        found = found.filter(within("jurisdiction", [area]))
    return _offered(list(found.order_by("-found_at", "-id")[:limit]))


def entries_named(person: Person, entry_ids: Sequence[uuid.UUID]) -> list[Offered]:
    """Those of the person's area among the named ones, in whatever state, in the order in which they are named."""
    found = Entry.objects.filter(_reach(person), pk__in=entry_ids)
    by_key = {one.id: one for one in _offered(list(found))}
    return [by_key[key] for key in dict.fromkeys(entry_ids) if key in by_key]


def may_see_photo(person: Person, sha256: str) -> bool:
    """Whether the photo belongs to an entry of the person's area."""
    return EntryPhoto.objects.filter(_reach(person, "entry__"), photo=sha256).exists()


def _reach(person: Person, of: str = "") -> Q:
    """Where the person may pick, entries of the kind for which they hold the role."""
    reach = Q(pk__in=[])
    for code, kind in rights.grants(person, PICKS):
        here = within(f"{of}jurisdiction", [code])
        reach |= here & Q(**{f"{of}category__kind": kind}) if kind else here
    return reach


def _offered(entries: Sequence[Entry]) -> list[Offered]:
    categories = Category.objects.in_bulk({entry.category_id for entry in entries})
    first: dict[tuple[uuid.UUID, str], str] = {}
    for photo in EntryPhoto.objects.filter(entry__in=[entry.pk for entry in entries]).order_by("position"):
        first.setdefault((photo.entry_id, photo.moment), photo.photo_id)
    return [
        Offered(
            id=entry.pk,
            number=entry.number,
            category=str(categories[entry.category_id]),
            statement=entry.statement or entry.description[:80],
            jurisdiction=entry.jurisdiction,
            lon=entry.lon,
            lat=entry.lat,
            state=entry.state,
            word=str(State(entry.state).label),
            before=first.get((entry.pk, Moment.BEFORE), ""),
            after=first.get((entry.pk, Moment.AFTER), ""),
        )
        for entry in entries
    ]
