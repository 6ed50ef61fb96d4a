"""API v1, venues: the register read, a venue put on it under its sender’s id, changed, closed, its contact opened."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from ninja.responses import Status
from pydantic import Field

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest
from duban.core import clock
from duban.core.errors import NotAllowed
from duban.core.paging import page_of
from duban.core.sent import Degrees, Sent, Text, Word
from duban.places import queries as places
from duban.venues import actions, filters, map_points, queries
from duban.venues.actions import VenueEdit, mark_of
from duban.venues.contact import Contact
from duban.venues.models import Venue
from duban.venues.queries import ORDER, types_by_key

router = Router(tags=["venues"])
SEES = "venue.see"
KEEPS = "venue.edit"
PAGE = 50
LARGEST = 200


class VenueTypeOut(Schema):
    key: str
    name: str
    name_en: str


class VenueOut(Schema):
    id: uuid.UUID
    name: str
    venue_type: str
    jurisdiction: str
    jurisdiction_name: str = Field(description="empty where the code is not listed")
    town: str
    address: str
    statement: str = Field(description="where it is, by the layers; empty without a position")
    lon: float | None = Field(description="WGS 84")
    lat: float | None
    has_contact: bool = Field(description="what it says is told by /contact alone")
    created_at: datetime
    closed_at: datetime | None
    seen: str = Field(description="changes with the venue; sent back with a change, it tells of one in between")


class VenuesOut(Schema):
    venues: list[VenueOut]
    later: str = Field(description="cursor of the next page, empty at the end")
    earlier: str


class VenuePointOut(Schema):
    type: str
    id: str
    geometry: dict[str, Any]
    properties: dict[str, Any]


class VenuePointsOut(Schema):
    """GeoJSON, WGS 84; features are venues where there are few, else clusters with a `count`."""

    type: str
    bbox: list[float]
    count: int
    features: list[VenuePointOut]


class ContactIn(Sent):
    """Both empty: no contact is kept."""

    name: Word = ""
    phone: Word = ""


class VenueIn(Sent):
    name: Word
    venue_type: Word = Field(description="key of a type")
    jurisdiction: Word = Field("", description="empty: that of the position")
    address: Text = ""
    lon: Degrees | None = None
    lat: Degrees | None = None
    datum: Word = Field("wgs84", description="wgs84, gcj02 or bd09")
    contact: ContactIn | None = None


class VenueEditIn(Sent):
    """What is left out stays; a new position without a jurisdiction takes that of the point."""

    name: Word | None = None
    venue_type: Word | None = None
    jurisdiction: Word | None = None
    address: Text | None = None
    lon: Degrees | None = None
    lat: Degrees | None = None
    datum: Word = "wgs84"
    contact: ContactIn | None = None
    seen: Word = Field("", description="`seen` of the venue when it was read; another one now answers 409")


class PurposeIn(Sent):
    purpose: Word = Field(description="visit, notice, recheck, complaint or upkeep")


class ContactOut(Schema):
    name: str
    phone: str


class VenueQuery(Schema):
    text: str = Field("", description="words of the name, its pinyin or initials, or the address")
    kind: str = Field("", description="key of a type")
    area: str = Field("", description="administrative code")
    closed: str = Field("", description="1: those that are closed, and no others")


def _told(venues: Iterable[Venue]) -> list[dict[str, Any]]:
    venues = list(venues)
    names = places.names({venue.jurisdiction for venue in venues})
    return [
        {
            **{name: getattr(venue, name) for name in ("id", "name", "jurisdiction", "town", "address", "statement")},
            **{name: getattr(venue, name) for name in ("lon", "lat", "created_at", "closed_at")},
            "venue_type": venue.kind_id,
            "jurisdiction_name": names.get(venue.jurisdiction, ""),
            "has_contact": venue.contact is not None,
            "seen": mark_of(venue),
        }
        for venue in venues
    ]


def _require(person: Person, permission: str) -> None:
    if not rights.codes(person, permission):
        raise NotAllowed("not_allowed", _("None of your roles opens this."))


@router.get("/", response=VenuesOut, summary="Venues in your area, by page")
def list_venues(
    request: StaffRequest, asked: Query[VenueQuery], cursor: str = "", size: int = Query(PAGE, ge=1, le=LARGEST)
) -> dict[str, Any]:
    """In the order of area, name and id; `later` and `earlier` are cursors of the pages beside."""
    _require(request.user, SEES)
    page = page_of(_found(request).select_related("kind"), ORDER, cursor, size=size)
    return {"venues": _told(page.rows), "later": page.later, "earlier": page.earlier}


def _found(request: StaffRequest) -> Any:
    wanted = filters.read_filters(request.GET, dict.fromkeys(types_by_key(), ""))
    return filters.find_venues(request.user, wanted)


@router.get("/types", response=list[VenueTypeOut], summary="Types of venues")
def list_types(request: StaffRequest) -> Any:
    return types_by_key().values()


@router.get("/points", response=VenuePointsOut, summary="Venues in a box, as points or clusters")
def list_points(
    request: StaffRequest,
    asked: Query[VenueQuery],
    bbox: str = Query(..., description="west,south,east,north in degrees"),
    zoom: str = Query(..., description="of a web map, 0 to 24: how fine clusters are"),
) -> dict[str, Any]:
    _require(request.user, SEES)
    return map_points.drawn(_found(request), *map_points.read_view(request.GET))


@router.get("/{venue_id}", response=VenueOut, summary="One venue")
def get_venue(request: StaffRequest, venue_id: uuid.UUID) -> dict[str, Any]:
    return _told([queries.venue_for(request.user, venue_id)])[0]


@router.put("/{venue_id}", response={200: VenueOut, 201: VenueOut}, summary="Put a venue on the register")
def put_venue(request: StaffRequest, venue_id: uuid.UUID, body: VenueIn) -> Any:
    """Under an id of your making: sent again it answers 200 with the venue; the same id for another one is a 409."""
    _require(request.user, KEEPS)
    there = Venue.objects.filter(pk=venue_id).exists()
    venue = actions.record_venue(
        by=request.user,
        now=clock.now(),
        name=body.name,
        kind=body.venue_type,
        jurisdiction=body.jurisdiction,
        lon=body.lon,
        lat=body.lat,
        datum=body.datum,
        address=body.address,
        contact=_contact(body.contact) or None,
        venue_id=venue_id,
    )
    return Status(200 if there else 201, _told([venue])[0])


@router.patch("/{venue_id}", response=VenueOut, summary="Change a venue")
def patch_venue(request: StaffRequest, venue_id: uuid.UUID, body: VenueEditIn) -> dict[str, Any]:
    moved = body.lon is not None or body.lat is not None
    edit = VenueEdit(
        name=body.name,
        kind=body.venue_type,
        address=body.address,
        place=(body.lon, body.lat, body.datum) if moved else None,
        jurisdiction=body.jurisdiction,
        contact=_contact(body.contact),
    )
    venue = actions.edit_venue(by=request.user, now=clock.now(), venue_id=venue_id, edit=edit, seen=body.seen)
    return _told([venue])[0]


@router.post("/{venue_id}/close", response=VenueOut, summary="Say that a venue is there no more")
def close_venue(request: StaffRequest, venue_id: uuid.UUID) -> dict[str, Any]:
    return _told([actions.close_venue(by=request.user, now=clock.now(), venue_id=venue_id)])[0]


@router.post("/{venue_id}/reopen", response=VenueOut, summary="Say that a venue is there again")
def reopen_venue(request: StaffRequest, venue_id: uuid.UUID) -> dict[str, Any]:
    return _told([actions.reopen_venue(by=request.user, now=clock.now(), venue_id=venue_id)])[0]


@router.post("/{venue_id}/contact", response=ContactOut, summary="Open the contact of a venue; it is written down")
def open_contact(request: StaffRequest, venue_id: uuid.UUID, body: PurposeIn) -> Contact:
    return actions.open_contact(by=request.user, now=clock.now(), venue_id=venue_id, purpose=body.purpose)


def _contact(body: ContactIn | None) -> Contact | None:
    return None if body is None else Contact(body.name.strip(), body.phone.strip())
