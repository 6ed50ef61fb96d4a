"""What the ledger tells others. Views pass a person; nothing leaves that the person may not see."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from math import cos, radians
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import NotFound
from duban.core.paging import Count, count_of
from duban.engines.geo.geodesy import geodesic
from duban.ledger import search, tally
from duban.ledger.appending import why_not
from duban.ledger.figures import Figure, rows_behind
from duban.ledger.leads import (
    COLUMNS,
    Lead,
    choose_lead,
    column_for,
    reach_columns,
    sifting_columns,
    standing,
)
from duban.ledger.lifecycle import OPEN, TRANSITIONS, UNREMEDIED, State, Transition
from duban.ledger.models import Category, Entry, EntryMandate, EntryPhoto, Lookback, Moment, in_sight
from duban.places import queries as places
from duban.places.codes import LENGTHS, covers, within


@dataclass(frozen=True)
class Filters:
    """The ledger table's question; its URL is made of the same words."""

    states: tuple[str, ...] = ()
    area: str = ""
    category: str = ""
    """kind:code"""
    overdue: bool = False
    due: str = ""
    """today, week (what is left of it after today) or later"""
    asked: bool = False
    """More time has been asked for."""
    lookback: str = ""
    """due: to be looked back at"""
    text: str = ""
    figure: Figure | None = None
    """A number of the figures page: exactly the rows behind it."""
    decision: str = ""
    """Id of a decision: the entries that carry it out."""
    sort: str = "-found_at"


SEEING = ("entry.see", "entry.see_own")
SAME_METRES = 60
NEAR_RANGES = 4
"""Of cells around a point: more would be asked for longer than they save."""
COUNT_CAP = 10_000
FREQUENT_CAP = 200
"""Of words that stand in very many entries: there the rows have to be read to be counted."""
DUE = ("today", "week", "later")
SORTS = {
    "found_at": ("found_at", "id"),
    "-found_at": ("-found_at", "-id"),
    "due_at": ("due_at", "id"),
    "-due_at": ("-due_at", "-id"),
    "number": ("number",),
    "-number": ("-number",),
    "state": ("state", "id"),
    "-state": ("-state", "-id"),
    "category": ("category_id", "id"),
    "-category": ("-category_id", "-id"),
    "responsible": ("responsible", "id"),
    "-responsible": ("-responsible", "-id"),
}


def order_of(sort: str, *, backwards: bool = False) -> list[OrderBy]:
    """The ordering that a sort word means; an entry without a deadline comes last, or first read backwards."""
    order = []
    for column in SORTS[sort]:
        field = F(column.lstrip("-"))
        descending = column.startswith("-") != backwards
        ends = {"nulls_first": True} if backwards else {"nulls_last": True}
        order.append((field.desc if descending else field.asc)(**(ends if column.endswith("due_at") else {})))
    return order


@dataclass(frozen=True)
class Found:
    """What a question finds: the rows in its order, and how many there are."""

    entries: QuerySet[Entry]
    kept: int | None
    """How many, where the sums that are kept know it."""
    cap: int
    few: bool = False
    """An index of words leads to them, and finds all before it knows which are the first."""

    @cached_property
    def total(self) -> Count:
        return count_of(self.entries, self.cap) if self.kept is None else Count(self.kept, False)


def find_entries(person: Person, filters: Filters, *, now: datetime) -> Found:
    """The entries that the filters ask for among those the person may see, and how many there are."""
    match = search.matching(filters.text, _search_reach(person, filters.area)) if filters.text else None
    if match and match.rare:
        return Found(entries_for(person, filters, now=now, lead=Lead.ORDER, match=match), None, COUNT_CAP, few=True)
    category = category_key(filters)
    counts = tally.by_state({tally.ALL, category}, reach_of(person, filters.area, kind="kind"))
    states = _states_of(filters)
    kept = standing(counts, states=states, category=category)
    if not kept:
        return Found(Entry.objects.none(), 0, COUNT_CAP)
    lead = choose_lead(
        counts,
        states=states,
        category=category,
        by_deadline=filters.sort.endswith("due_at"),
        dated=filters.overdue or bool(filters.due),
    )
    if filters.figure:
        # The month leads, by an index of its own; or the states of what is not handled yet, which are few.
        lead = Lead.STATE if filters.figure.is_unhandled else Lead.ORDER
    plain = Filters(states=filters.states, area=filters.area, category=filters.category, sort=filters.sort)
    return Found(
        entries=entries_for(person, filters, now=now, lead=lead, match=match),
        kept=kept if filters == plain else None,
        cap=FREQUENT_CAP if match else COUNT_CAP,
    )


def entries_for(
    person: Person,
    filters: Filters,
    *,
    now: datetime,
    lead: Lead | None = None,
    match: search.Match | None = None,
) -> QuerySet[Entry]:
    """The rows of find_entries, for a caller who reads all of them or knows what leads to the few."""
    columns = {column: column_for(column, lead) for column in COLUMNS}
    state = columns["state"]
    reach = reach_of(person, filters.area, **reach_columns(lead))
    # Read with the page, not joined: SQLite would begin with the categories.
    entries = Entry.objects.prefetch_related("category").alias(**sifting_columns()).filter(reach)
    if filters.states:
        entries = entries.filter(**{f"{state}__in": filters.states})
    if filters.category:
        entries = entries.filter(**{columns["category"]: category_key(filters)})
    if filters.overdue:
        entries = entries.filter(overdue_at(now, state=state))
    if filters.due:
        entries = entries.filter(due_in(filters.due, now, state=state))
    if filters.asked:
        entries = entries.filter(**{state: State.ASSIGNED, "extension_until__isnull": False})
    if filters.lookback:
        entries = entries.filter(lookback_due_at_now(now, state=state))
    if filters.figure:
        entries = entries.filter(rows_behind(filters.figure, now=now, columns=columns))
    if filters.decision:
        entries = entries.filter(
            pk__in=EntryMandate.objects.filter(decision=uuid.UUID(filters.decision), ended_at=None).values("entry")
        )
    if filters.text:
        entries = entries.filter((match or search.matching(filters.text)).condition)
    return entries.order_by(*order_of(filters.sort if filters.sort in SORTS else "-found_at"))


def reach_of(person: Person, area: str, *, place: str = "jurisdiction", unit: str = "responsible", **columns: str) -> Q:
    """What the person may see in the area ("": everywhere), nothing said that the rest says already."""
    sight = in_sight(person, place=place, unit=unit, **columns)
    if not area or all(code.startswith(area) for name in SEEING for code in rights.codes(person, name)):
        return sight
    asked = within(place, [area]) | within(unit, [area])
    whole = covers((code for code, of in rights.grants(person, "entry.see") if not of), area)
    return asked if whole else sight & asked


def _search_reach(person: Person, area: str) -> list[list[str]]:
    """What reach_of says in tokens of the search, where it is less than a county: of that nearly all entries are."""
    seeing, own = rights.codes(person, "entry.see"), rights.codes(person, "entry.see_own")
    reach = []
    if not any(len(code) <= LENGTHS[0] for code in [*seeing, *own]):
        reach.append(search.tokens_within(seeing, [*seeing, *own]))
    if len(area) > LENGTHS[0]:
        reach.append(search.tokens_within([area], [area]))
    return [group for group in reach if group]


def category_key(filters: Filters) -> int:
    """The key of the category asked for; -1, under which nothing stands, where there is none such."""
    if not filters.category:
        return tally.ALL
    kind, _colon, code = filters.category.partition(":")
    return Category.objects.filter(kind=kind, code=code).values_list("pk", flat=True).first() or -1


def _states_of(filters: Filters) -> set[str]:
    """The states that the rows can be in."""
    states = set(filters.states or State.values)
    if filters.overdue or filters.due:
        states &= set(UNREMEDIED)
    if filters.asked:
        states &= {State.ASSIGNED}
    if filters.lookback:
        states &= {State.CLOSED}
    return states


def overdue_at(now: datetime, *, state: str = "state") -> Q:
    """Not yet remedied, and the deadline has passed."""
    return Q(**{f"{state}__in": UNREMEDIED, "due_at__lt": now})


def due_in(word: str, now: datetime, *, state: str = "state") -> Q:
    """Not yet remedied and not overdue, and the deadline falls by the office's clock into what DUE names."""
    today = timezone.localdate(now)
    midnight, monday = (
        timezone.make_aware(datetime.combine(today + timedelta(days=days), time())) for days in (1, 7 - today.weekday())
    )
    when = {
        "today": Q(due_at__gte=now, due_at__lt=midnight),
        "week": Q(due_at__gte=midnight, due_at__lt=monday),
        "later": Q(due_at__gte=monday),
    }
    return Q(**{f"{state}__in": UNREMEDIED}) & when[word]


def lookback_due_at_now(now: datetime, *, state: str = "state") -> Q:
    """Struck off, its look-back has come due, and nobody has yet seen that it stands."""
    return Q(**{state: State.CLOSED, "lookback_due_at__lte": now}) & ~Q(lookback=Lookback.STANDS)


def is_overdue(entry: Entry, now: datetime) -> bool:
    """The same rule as overdue_at, for an entry in hand."""
    return entry.state in UNREMEDIED and entry.due_at is not None and entry.due_at < now


def lookback_is_due(entry: Entry, now: datetime) -> bool:
    """Struck off, and the day of the look-back has come."""
    return entry.state == State.CLOSED and entry.lookback_due_at is not None and entry.lookback_due_at <= now


def entry_for(person: Person, entry_id: uuid.UUID) -> Entry:
    """The entry, if the person may see it, else NotFound (`entry_not_found`)."""
    entry = Entry.objects.visible_to(person).select_related("category").filter(pk=entry_id).first()
    if entry is None:
        raise NotFound("entry_not_found", _("There is no such entry, or it is not yours to see."))
    return entry


def steps_for(person: Person, entry: Entry, names: Mapping[str, str]) -> list[tuple[Transition, str]]:
    """Every step of the lifecycle with why the person may not take it now; an empty reason: they may.

    `names` are what its area and its unit are called.
    """
    steps = []
    for step in (step for step in TRANSITIONS.values() if step.by_person):
        refusal = why_not(person, step, entry, names)
        steps.append((step, str(refusal) if refusal else ""))
    return steps


def counts_by_state(person: Person) -> dict[str, int]:
    """How many entries the person sees in each state; states without any are absent."""
    counts = tally.by_state([tally.ALL], in_sight(person, kind="kind"))
    return {state: within for (_of, state), (_all, within) in counts.items() if within}


def pictures_of(entry_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[str]]:
    """The hashes of each entry's photos of the finding, in their order, where it has any."""
    hung = EntryPhoto.objects.filter(entry__in=entry_ids, moment=Moment.BEFORE).order_by("position")
    pictures: dict[uuid.UUID, list[str]] = {}
    for entry_id, sha256 in hung.values_list("entry_id", "photo_id"):
        pictures.setdefault(entry_id, []).append(sha256)
    return pictures


def in_ranges(column: str, ranges: Iterable[tuple[int, int]]) -> Q:
    """Rows whose column lies in any of the ranges, both ends included; of no range none."""
    inside = Q(pk__in=[])
    for low, high in ranges:
        inside |= Q(**{f"{column}__gte": low, f"{column}__lte": high})
    return inside


def may_see_photo(person: Person, sha256: str) -> bool:
    """Whether the photo belongs to an entry that the person may see."""
    return Entry.objects.visible_to(person).filter(photos__photo_id=sha256).exists()


def rectified_in(code: str) -> QuerySet[Entry]:
    """Entries of the area that were verified and struck off, the longest closed first."""
    return Entry.objects.filter(within("jurisdiction", [code]), state=State.CLOSED).order_by("closed_at", "number")


def standing_in(code: str) -> QuerySet[Entry]:
    """Entries of the area that stand open, the oldest first."""
    return Entry.objects.filter(within("jurisdiction", [code]), state__in=OPEN).order_by("found_at", "number")


def states_of(entry_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The state of each entry."""
    return dict(Entry.objects.filter(pk__in=entry_ids).values_list("pk", "state"))


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


def already_there(
    person: Person, lon: float, lat: float, category: Category, *, leave_out: uuid.UUID | None = None
) -> list[tuple[Entry, float]]:
    """Open entries of the category so near that a finding at this point may well be one of them."""
    near = near_open(person, lon, lat, metres=SAME_METRES, leave_out=leave_out, category=category, limit=3)
    for entry, _metres in near:
        entry.category = category
    return near


def near_open(
    person: Person,
    lon: float,
    lat: float,
    *,
    metres: float = 300,
    leave_out: uuid.UUID | None = None,
    category: Category | None = None,
    limit: int = 8,
) -> list[tuple[Entry, float]]:
    """Open entries that the person may see around a WGS-84 point, nearest first, with their distance in metres.

    Of those at one distance the newest comes first. Their categories are not read yet.
    """
    north = metres / 111_000
    east = min(north / max(cos(radians(lat)), 0.01), 180.0)
    box = (max(lon - east, -180), max(lat - north, -90), min(lon + east, 180), min(lat + north, 90))
    found = Entry.objects.alias(**sifting_columns()).filter(
        in_ranges("cell", places.cell_ranges(*box, limit=NEAR_RANGES)),
        in_sight(person, **reach_columns(Lead.ORDER)),
        **{f"{column_for('state', Lead.ORDER)}__in": OPEN},
    )
    if leave_out is not None:
        found = found.exclude(pk=leave_out)
    if category is not None:
        found = found.filter(**{column_for("category", Lead.ORDER): category.pk})
    columns = ("number", "lon", "lat", "category", "statement", "description", "state", "responsible", "due_at")
    # Sorted here: asked for an order, SQLite would walk the index of that order instead of the cells.
    entries = list(found.only(*columns, "found_at").order_by()[:500])
    entries.sort(key=lambda entry: (entry.found_at, entry.number), reverse=True)
    if not entries:
        return []
    distances, _bearings = geodesic(
        [lon] * len(entries), [lat] * len(entries), [entry.lon for entry in entries], [entry.lat for entry in entries]
    )
    pairs = [(entry, float(far)) for entry, far in zip(entries, distances, strict=True) if far <= metres]
    return sorted(pairs, key=lambda pair: pair[1])[:limit]
