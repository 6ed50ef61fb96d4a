"""Writes of the register of venues."""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
from django.db import transaction

from duban.access.models import Person
from duban.core import audit
from duban.core.errors import DubanError
from duban.core.rows import insert
from duban.engines.geo.geodesy import geodesic
from duban.venues.contact import Contact
from duban.venues.drafts import VenueDraft, place_drafts
from duban.venues.models import Venue, VenueType

SAME_WITHIN_M = 200
BATCH = 500
Key = tuple[str, str, str]


@transaction.atomic
def record_venue(
    *,
    by: Person,
    now: datetime,
    name: str,
    kind: str,
    jurisdiction: str = "",
    lon: float | None = None,
    lat: float | None = None,
    datum: str = "wgs84",
    address: str = "",
    contact: Contact | None = None,
) -> Venue:
    """Put a venue on the register, also beside one of the same name: who adds it has been shown that one.

    `kind` is the key of a type; an empty `jurisdiction` is read from the point. Raises what place_drafts refuses.
    """
    draft = VenueDraft(name, kind, jurisdiction, lon, lat, datum, address, contact)
    placed, refused = place_drafts(by=by, drafts=[draft])
    if refused:
        raise refused[0][1]
    venue = placed[0][1]
    _write([venue], now)
    audit.record(by=by, now=now, action="record_venue", subject_type="venue", subject_id=venue.pk)
    return venue


@transaction.atomic
def record_venues(*, by: Person, now: datetime, drafts: Sequence[VenueDraft]) -> list[tuple[Venue, bool]]:
    """The venue of each draft, in their order, and whether it was made now; all or none.

    A venue is the same if type, town and name (whatever its width, case and blanks) agree and, where both have a
    position, they lie within 200 m; one that is still there goes before one that is closed. What is there stays as
    it is. Raises the first refusal of place_drafts, which names the row.
    """
    found, refused = record_good_venues(by=by, now=now, drafts=drafts)
    if refused:
        raise refused[0][1]
    return [found[index] for index in range(len(drafts))]


@transaction.atomic
def record_good_venues(
    *, by: Person, now: datetime, drafts: Sequence[VenueDraft]
) -> tuple[dict[int, tuple[Venue, bool]], list[tuple[int, DubanError]]]:
    """As record_venues, but for what is refused: by index of the draft, what was found or made, and the refusals."""
    placed, refused = place_drafts(by=by, drafts=drafts)
    # Who records venues of a type waits for who does so at this moment, or both would make the same one.
    kinds = sorted({venue.kind_id for _index, venue in placed})
    list(VenueType.objects.select_for_update(no_key=True).filter(pk__in=kinds).order_by("pk"))
    known = _known_by_key(venue for _index, venue in placed)
    found: dict[int, tuple[Venue, bool]] = {}
    fresh: list[Venue] = []
    for index, venue in placed:
        there = known.setdefault(_key(venue), [])
        same = the_same(venue, there)
        if same is None:
            there.append(venue)
            fresh.append(venue)
        found[index] = (same or venue, same is None)
    _write(fresh, now)
    if fresh:
        detail = {"venues": len(drafts), "made": len(fresh)}
        audit.record(
            by=by, now=now, action="record_venues", subject_type="venue", subject_id=fresh[0].pk, detail=detail
        )
    return found, refused


def the_same(venue: Venue, candidates: Sequence[Venue]) -> Venue | None:
    """Of venues with its type, town and name the one that it is, those still there before the closed ones.

    It is the nearest within 200 m, else one that has no position.
    """
    for closed in (False, True):
        group = [other for other in candidates if (other.closed_at is not None) == closed]
        if venue.lon is None and group:
            return group[0]
        somewhere = [other for other in group if other.lon is not None]
        if somewhere and venue.lon is not None:
            size = len(somewhere)
            lons, lats = [other.lon for other in somewhere], [other.lat for other in somewhere]
            metres, _bearing = geodesic([venue.lon] * size, [venue.lat] * size, lons, lats)
            nearest = int(np.argmin(metres))
            if metres[nearest] <= SAME_WITHIN_M:
                return somewhere[nearest]
        nowhere = [other for other in group if other.lon is None]
        if nowhere:
            return nowhere[0]
    return None


def _key(venue: Venue) -> Key:
    return venue.town, venue.name_key, venue.kind_id


def _known_by_key(venues: Iterable[Venue]) -> dict[Key, list[Venue]]:
    """What is on the register under the keys of these venues, those that are still there first."""
    keys = {_key(venue) for venue in venues}
    towns: dict[str, set[str]] = {}
    for town, name, _kind in keys:
        towns.setdefault(town, set()).add(name)
    known: dict[Key, list[Venue]] = {}
    for town, names in towns.items():
        ordered = sorted(names)
        for start in range(0, len(ordered), BATCH):
            batch = ordered[start : start + BATCH]
            there = Venue.objects.filter(town=town, name_key__in=batch).order_by("created_at", "pk")
            for venue in there:
                known.setdefault(_key(venue), []).append(venue)
    return known


def _write(venues: Sequence[Venue], now: datetime) -> None:
    for venue in venues:
        venue.token, venue.created_at = secrets.token_urlsafe(16), now
    insert(venues)
