"""What the register tells others: nothing of a venue that a person may not see leaves it."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from math import cos, radians

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from rapidfuzz import fuzz

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import NotFound
from duban.core.models import AuditRecord
from duban.core.text import folded, is_plain
from duban.engines.geo.geodesy import geodesic
from duban.places import queries as places
from duban.places.codes import within
from duban.venues.contact import Purpose
from duban.venues.models import Venue, VenueType
from duban.venues.search import matching

ORDER = ("jurisdiction", "name", "id")
NEAR_M = 500
ALIKE = 60
"""Out of 100: how far two names must agree to be shown as one and the same, perhaps."""
CONSIDERED = 500


def visible_to(person: Person) -> QuerySet[Venue]:
    """The venues, closed ones too, within the codes where `person` sees them, in the order of the list."""
    return Venue.objects.filter(within("jurisdiction", rights.codes(person, "venue.see"))).order_by(*ORDER)


def venue_for(person: Person, venue_id: uuid.UUID) -> Venue:
    """One of them with its type, else NotFound (`unknown_venue`)."""
    return _one(visible_to(person).filter(pk=venue_id))


def venue_of_sticker(person: Person, token: str) -> Venue:
    """The one whose sticker says `token`, else NotFound (`unknown_venue`)."""
    return _one(visible_to(person).filter(token=token) if is_plain(token) else Venue.objects.none())


def search(person: Person, text: str) -> QuerySet[Venue]:
    """Those whose name, pinyin, initials or address hold every word of the text; all of them where there is none."""
    return matching(visible_to(person), text)


def _one(venues: QuerySet[Venue]) -> Venue:
    venue = venues.select_related("kind").first()
    if venue is None:
        raise NotFound("unknown_venue", _("There is no venue like that in your area."))
    return venue


def types_by_key() -> dict[str, VenueType]:
    """Every type in the order of the list."""
    return {kind.key: kind for kind in VenueType.objects.all()}


@dataclass(frozen=True)
class Opening:
    """That somebody read the contact of a venue."""

    at: datetime
    who: str
    purpose: str


def openings_of(venue: Venue, most: int = 10) -> list[Opening]:
    """Who opened its contact lately and what for, the newest first."""
    records = AuditRecord.objects.filter(subject_type="venue", subject_id=str(venue.pk), action="open_contact")
    return [
        Opening(record.at, record.actor.get("name", ""), str(Purpose(record.detail["purpose"]).label))
        for record in records.order_by("-at", "-pk")[:most]
    ]


@dataclass(frozen=True)
class LookAlike:
    """A venue that the one to be added may be, and how far off it is, where both have a position."""

    venue: Venue
    metres: float | None


def look_alikes(
    person: Person, name: str, *, lon: float | None = None, lat: float | None = None, town: str = ""
) -> list[LookAlike]:
    """What stands on the register by that name or one like it: near the point (WGS 84), or in the town.

    The likest five. A name is like another if it holds it, or if they agree for the most part.
    """
    wanted = folded(name)
    if not wanted or not is_plain(wanted):
        return []
    around = []
    if lon is not None and lat is not None:
        wide, high = NEAR_M / (111_320 * max(cos(radians(lat)), 0.01)), NEAR_M / 110_574
        box = (max(lon - wide, -180.0), max(lat - high, -90.0), min(lon + wide, 180.0), min(lat + high, 90.0))
        around += [Q(cell__gte=low, cell__lte=top) for low, top in places.cell_ranges(*box)]
    if town:
        around.append(Q(town=town, name_key__startswith=wanted[:2]))
    if not around:
        return []
    sight = visible_to(person).filter(closed_at=None).order_by().values("pk")
    # Each part is looked up by itself, by its own index.
    first, *others = (sight.filter(part) for part in around)
    keys = [row["pk"] for row in first.union(*others)[:CONSIDERED]]
    scored = []
    for venue in Venue.objects.filter(pk__in=keys).select_related("kind"):
        metres = None
        if lon is not None and lat is not None and venue.lon is not None and venue.lat is not None:
            metres = float(geodesic([lon], [lat], [venue.lon], [venue.lat])[0][0])
        likeness = 100.0 if wanted in venue.name_key else fuzz.ratio(wanted, venue.name_key)
        if likeness >= ALIKE and (metres is None or metres <= NEAR_M):
            scored.append((-likeness, metres if metres is not None else NEAR_M, str(venue.pk), venue, metres))
    return [LookAlike(venue, metres) for *_rank, venue, metres in sorted(scored, key=lambda row: row[:3])[:5]]
