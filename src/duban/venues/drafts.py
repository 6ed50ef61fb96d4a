"""What somebody says of a venue, checked and put in its place, before it is one."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import DubanError, NotAllowed
from duban.core.text import folded, is_plain, spelled
from duban.places import queries as places
from duban.places.codes import covers, normalise_code
from duban.places.locating import DATUMS
from duban.venues.contact import Contact, check_contact, seal_contact
from duban.venues.models import Venue, VenueType

MAX_NAME = 100
MAX_ADDRESS = 200
MAX_SEARCH = 400
UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
"""Neither XML nor every sheet holds these."""


class BadVenue(DubanError):
    pass


@dataclass(frozen=True)
class VenueDraft:
    """A venue as told: `kind` the key of its type, degrees in `datum`, `jurisdiction` empty where the point says it."""

    name: str
    kind: str
    jurisdiction: str = ""
    lon: float | None = None
    lat: float | None = None
    datum: str = "wgs84"
    address: str = ""
    contact: Contact | None = None
    row: int | None = field(default=None, compare=False)


def place_drafts(
    *, by: Person, drafts: Sequence[VenueDraft]
) -> tuple[list[tuple[int, Venue]], list[tuple[int, DubanError]]]:
    """Venues not yet written, each with the index of its draft, and the refusals with theirs; located in one pass.

    Refused is what no venue may be (BadVenue: `name_missing`, `bad_text`, `address_too_long`, `unknown_venue_type`,
    `position_incomplete`, `unknown_datum`, `bad_longitude`, `bad_latitude`, `no_position`, `place_missing`,
    `place_unknown`; BadContact; BadCode) and what lies where `by` keeps no venues (NotAllowed `outside_scope`).
    """
    scopes = rights.codes(by, "venue.edit")
    if not scopes:
        rights.require(by, "venue.edit", "")
    kinds = set(VenueType.objects.values_list("key", flat=True))
    sound: list[tuple[int, VenueDraft]] = []
    refused: list[tuple[int, DubanError]] = []
    for index, draft in enumerate(drafts):
        try:
            _check(draft, kinds)
        except DubanError as refusal:
            refused.append((index, refusal))
        else:
            sound.append((index, draft))
    points = _located([draft for _index, draft in sound])
    placed: list[tuple[int, Venue]] = []
    for (index, draft), point in zip(sound, points, strict=True):
        try:
            placed.append((index, _venue_of(draft, point, scopes)))
        except DubanError as refusal:
            refused.append((index, refusal))
    return placed, sorted(refused, key=lambda pair: pair[0])


def tidy(text: str) -> str:
    """On one line, with single blanks."""
    return " ".join(text.split())


def find_again(name: str, address: str) -> dict[str, str]:
    """The columns that a venue is found by."""
    pinyin, initials = spelled(folded(name))
    words = f"{folded(name)} {initials} {folded(address)} {pinyin}"
    return {"name_key": folded(name)[:MAX_NAME], "search": words[:MAX_SEARCH]}


def _check(draft: VenueDraft, kinds: set[str]) -> None:
    def refuse(code: str, message: Any, where: str) -> None:
        raise BadVenue(code, message, field=where, row=draft.row)

    if not folded(draft.name) or len(draft.name) > MAX_NAME:
        refuse("name_missing", _("A name has 1 to 100 characters."), "name")
    for where, text in (("name", tidy(draft.name)), ("address", tidy(draft.address))):
        if not is_plain(text) or UNWRITABLE.search(text):
            refuse("bad_text", _("The text holds what is no character; type it again."), where)
    if len(draft.address) > MAX_ADDRESS:
        refuse("address_too_long", _("An address has at most 200 characters."), "address")
    if draft.kind not in kinds:
        refuse(
            "unknown_venue_type",
            _("“%(kind)s” is no type of venue here; an administrator can add it.") % {"kind": draft.kind[:40]},
            "venue_type",
        )
    if draft.jurisdiction:
        normalise_code(draft.jurisdiction, field="jurisdiction", row=draft.row)
    if draft.contact is not None:
        check_contact(draft.contact, row=draft.row)
    if (draft.lon is None) != (draft.lat is None):
        refuse("position_incomplete", _("A position is a longitude and a latitude; one is missing."), "lon")
    if draft.lon is None or draft.lat is None:
        if not draft.jurisdiction:
            refuse("place_missing", _("Say where it is: by its position or by its administrative code."), "lon")
        return
    if draft.datum not in DATUMS:
        refuse("unknown_datum", _("Say the datum of the coordinates: wgs84, gcj02 or bd09."), "datum")
    if not (-180 <= draft.lon <= 180):
        refuse("bad_longitude", _("A longitude lies between -180 and 180 degrees."), "lon")
    if not (-90 <= draft.lat <= 90):
        refuse("bad_latitude", _("A latitude lies between -90 and 90 degrees; is longitude first?"), "lat")
    if draft.lon == 0 and draft.lat == 0:
        refuse("no_position", _("0, 0 is what a phone writes when it has no position."), "lon")


@dataclass(frozen=True)
class _Point:
    lon: float
    lat: float
    cell: int
    located: dict[str, Any]


def _located(drafts: Sequence[VenueDraft]) -> list[_Point | None]:
    """Where each draft with a position lies, in WGS 84."""
    points: list[_Point | None] = [None] * len(drafts)
    lons, lats, which = [], [], []
    for datum in DATUMS:
        group = [
            (index, draft.lon, draft.lat)
            for index, draft in enumerate(drafts)
            if draft.lon is not None and draft.lat is not None and draft.datum == datum
        ]
        if group:
            east, north = places.to_wgs84([lon for _i, lon, _lat in group], [lat for _i, _lon, lat in group], datum)
            which += [index for index, _lon, _lat in group]
            lons += [float(lon) for lon in east]
            lats += [float(lat) for lat in north]
    if which:
        found = zip(which, lons, lats, places.cell(lons, lats), places.locate_points(lons, lats), strict=True)
        for index, lon, lat, cell, located in found:
            points[index] = _Point(lon, lat, int(cell), located)
    return points


def _venue_of(draft: VenueDraft, point: _Point | None, scopes: Sequence[str]) -> Venue:
    jurisdiction = _jurisdiction_of(draft, point, scopes)
    if not covers(scopes, jurisdiction):
        raise NotAllowed(
            "outside_scope",
            _("The venue lies in %(code)s, where you keep no venues; check its place.") % {"code": jurisdiction},
            field="jurisdiction" if draft.jurisdiction else "lon",
            row=draft.row,
        )
    name, address = tidy(draft.name), tidy(draft.address)
    return Venue(
        id=uuid.uuid4(),
        name=name,
        kind_id=draft.kind,
        lon=point.lon if point else None,
        lat=point.lat if point else None,
        cell=point.cell if point else None,
        jurisdiction=jurisdiction,
        town=places.unit_for(jurisdiction),
        address=address,
        statement=point.located["statement"] if point else "",
        contact=seal_contact(draft.contact),
        **find_again(name, address),
    )


def _jurisdiction_of(draft: VenueDraft, point: _Point | None, scopes: Sequence[str]) -> str:
    """What is said goes before what the layers find, but for the layers' finer code of the same place."""
    said = normalise_code(draft.jurisdiction) if draft.jurisdiction else ""
    found = ((point.located["jurisdiction"] or {}).get("code") or "") if point else ""
    if said:
        return found if found.startswith(said) else said
    if found:
        return found
    if point and "no_boundaries" in {why["code"] for why in point.located["reasons"]}:
        return scopes[0]
    raise BadVenue(
        "place_unknown",
        _("The place lies in no boundary that is loaded and near no village; check coordinates and datum."),
        field="lon",
        row=draft.row,
    )
