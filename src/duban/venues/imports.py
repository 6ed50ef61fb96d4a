"""Venues from a spreadsheet: a list that the office has, or an export of the register that was edited."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import Conflict, DubanError
from duban.core.tables import BadTable, Row, read_table, unguard
from duban.core.text import folded
from duban.places import queries as places
from duban.venues import queries
from duban.venues.actions import VenueEdit, edit_venue, mark_of, record_good_venues
from duban.venues.contact import Contact
from duban.venues.drafts import BadVenue, VenueDraft, tidy
from duban.venues.models import Venue

REQUIRED = ("name", "venue_type")
EXAMPLE = "EXAMPLE-1"
"""The id of the row that shows how to fill in the template."""
MARK = 16
"""Characters of a venue's mark that an export carries."""
DECIMALS = 6
IDS_AT_ONCE = 500
COLUMNS = (
    "name", "venue_type", "type_name", "address", "jurisdiction", "jurisdiction_name", "lon", "lat", "datum",
    "statement", "closed", "id", "seen",
)  # fmt: skip
"""Of an export."""


@dataclass(frozen=True)
class Imported:
    """How a file went, or would go. If any row was refused, only `keep_good` writes the others."""

    rows: int
    made: list[Venue]
    updated: int
    unchanged: int
    columns: list[str]
    refused: list[tuple[Row, DubanError]]


def import_venues(
    *,
    by: Person,
    now: datetime,
    data: bytes,
    name: str,
    most: int,
    keep_good: bool = False,
    try_only: bool = False,
) -> Imported:
    """Put the venues of a CSV or workbook on the register; replaying a file adds nothing.

    A row with the `id` of an export changes that venue; any other is found again as record_venues finds it, and then
    fills in what is not known yet. `try_only` tells what would come of it and writes nothing. Raises BadTable for a
    file that is no table, has no row (`no_rows`) or more than `most` (`too_many_rows_at_once`), and NotAllowed;
    whatever is wrong with a row is in the result.
    """
    if not rights.codes(by, "venue.edit"):
        rights.require(by, "venue.edit", "")
    columns, rows = read_table(data, name, required=REQUIRED)
    if not rows:
        raise BadTable("no_rows", _("Below the headings there is no row."), field="file")
    if len(rows) > most:
        raise BadTable(
            "too_many_rows_at_once",
            _("At most %(most)s rows at a time; split the table.") % {"most": f"{most:,}"},
            field="file",
        )
    with transaction.atomic():
        done = _import(by=by, now=now, columns=columns, rows=rows)
        if try_only or (done.refused and not keep_good):
            transaction.set_rollback(True)
    return done


def _import(*, by: Person, now: datetime, columns: list[str], rows: Sequence[Row]) -> Imported:
    reading = _Reading(by)
    refused: list[tuple[Row, DubanError]] = []
    drafts: list[tuple[Row, VenueDraft]] = []
    edits: list[tuple[Row, uuid.UUID, VenueDraft]] = []
    for row in rows:
        try:
            draft, venue_id = reading.draft(row), reading.venue_id(row)
        except DubanError as refusal:
            refused.append((row, refusal))
        else:
            if venue_id is None:
                drafts.append((row, draft))
            else:
                edits.append((row, venue_id, draft))
    found, strays = record_good_venues(by=by, now=now, drafts=[draft for _row, draft in drafts])
    refused += [(drafts[index][0], refusal) for index, refusal in strays]
    made = [venue for venue, fresh in found.values() if fresh]
    updated = 0
    fresh_ids = {venue.pk for venue in made}
    for index, (venue, fresh) in found.items():
        row, draft = drafts[index]
        gaps = VenueEdit() if fresh or venue.pk in fresh_ids or venue.closed_at else _gaps(venue, draft)
        updated += gaps != VenueEdit() and _apply(by, now, row, venue.pk, gaps, "", refused)
    known = _known(by, [venue_id for _row, venue_id, _draft in edits])
    for row, venue_id, draft in edits:
        there = known.get(venue_id)
        change = _change(there, draft, columns) if there else VenueEdit(name=draft.name)
        if change != VenueEdit():
            updated += _apply(by, now, row, venue_id, change, row.text("seen"), refused, there)
    return Imported(
        rows=len(rows),
        made=made,
        updated=updated,
        unchanged=len(rows) - len(made) - updated - len(refused),
        columns=columns,
        refused=sorted(refused, key=lambda pair: pair[0].number),
    )


def _apply(
    by: Person,
    now: datetime,
    row: Row,
    venue_id: uuid.UUID,
    edit: VenueEdit,
    seen: str,
    refused: list[tuple[Row, DubanError]],
    venue: Venue | None = None,
) -> bool:
    """Change the venue; a refusal joins the others under its row."""
    try:
        if venue is not None and seen and not mark_of(venue).startswith(seen):
            raise Conflict(
                "venue_changed",
                _("Somebody changed this venue meanwhile; look at it again before you change it."),
                field="seen",
            )
        with transaction.atomic():
            edit_venue(by=by, now=now, venue_id=venue_id, edit=edit)
    except DubanError as refusal:
        refusal.row = row.number
        refused.append((row, refusal))
        return False
    return True


def _known(by: Person, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Venue]:
    found: dict[uuid.UUID, Venue] = {}
    for start in range(0, len(ids), IDS_AT_ONCE):
        found |= queries.visible_to(by).in_bulk(ids[start : start + IDS_AT_ONCE])
    return found


def _gaps(venue: Venue, draft: VenueDraft) -> VenueEdit:
    """What the row knows and the register does not."""
    return VenueEdit(
        address=draft.address if draft.address and not venue.address else None,
        place=(draft.lon, draft.lat, draft.datum) if draft.lon is not None and venue.lon is None else None,
        # A position does not move a venue out of the area that somebody named.
        jurisdiction=venue.jurisdiction if draft.lon is not None and venue.lon is None else None,
        contact=draft.contact if draft.contact and venue.contact is None else None,
    )


def _change(venue: Venue, draft: VenueDraft, columns: Sequence[str]) -> VenueEdit:
    """What the row says otherwise than the register, in the columns that the table has."""
    there = tuple(None if value is None else round(value, DECIMALS) for value in (venue.lon, venue.lat))
    said = tuple(None if value is None else round(value, DECIMALS) for value in (draft.lon, draft.lat))
    moved = "lon" in columns and (said != there or (draft.datum != "wgs84" and draft.lon is not None))
    return VenueEdit(
        name=draft.name if draft.name != venue.name else None,
        kind=draft.kind if draft.kind != venue.kind_id else None,
        address=draft.address if "address" in columns and draft.address != venue.address else None,
        place=(draft.lon, draft.lat, draft.datum) if moved else None,
        jurisdiction=draft.jurisdiction if draft.jurisdiction not in {"", venue.jurisdiction} else None,
        contact=draft.contact or None,
    )


class _Reading:
    """How the rows of one person's file are read."""

    def __init__(self, by: Person):
        self.kinds: dict[str, str] = {}
        for key, kind in queries.types_by_key().items():
            self.kinds |= {folded(key): key, folded(kind.name): key, folded(kind.name_en): key}
        units = places.counties_and_towns(rights.codes(by, "venue.edit"))
        self.areas: Mapping[str, str] = {unit.name: unit.code for unit in units}

    def draft(self, row: Row) -> VenueDraft:
        if row.text("id") == EXAMPLE:
            raise BadVenue(
                "example_row", _("This row is the template's example; delete it."), field="id", row=row.number
            )
        kind = row.text("venue_type")
        area = row.text("jurisdiction")
        lon, lat, datum = self._point(row)
        contact = Contact(unguard(row.text("contact_name")), unguard(row.text("contact_phone")))
        return VenueDraft(
            name=tidy(unguard(row.text("name"))),
            kind=self.kinds.get(folded(kind), kind),
            jurisdiction=self.areas.get(area, area),
            lon=lon,
            lat=lat,
            datum=datum,
            address=tidy(unguard(row.text("address"))),
            contact=contact or None,
            row=row.number,
        )

    @staticmethod
    def _point(row: Row) -> tuple[float | None, float | None, str]:
        lon, lat = (row.number_in(column) if row.text(column) else None for column in ("lon", "lat"))
        datum = row.text("datum").lower().replace("-", "").replace("_", "")
        if lon is None and lat is None:
            return None, None, "wgs84"
        if not datum:
            raise BadVenue(
                "datum_missing",
                _("Say the datum of the coordinates (wgs84, gcj02 or bd09); they differ by hundreds of metres."),
                field="datum",
                row=row.number,
            )
        return lon, lat, datum

    @staticmethod
    def venue_id(row: Row) -> uuid.UUID | None:
        text = row.text("id")
        try:
            return uuid.UUID(text) if text else None
        except ValueError as error:
            raise BadVenue(
                "bad_id",
                _("The id is that of an export, or empty for a venue that is new."),
                field="id",
                row=row.number,
            ) from error


def cells_of(venue: Venue, names: Mapping[str, str]) -> list[Any]:
    """A venue as the COLUMNS of an export. Contacts never leave this way."""
    return [
        venue.name,
        venue.kind_id,
        str(venue.kind),
        venue.address,
        venue.jurisdiction,
        names.get(venue.jurisdiction) or names.get(venue.town, ""),
        "" if venue.lon is None else round(venue.lon, DECIMALS),
        "" if venue.lat is None else round(venue.lat, DECIMALS),
        "" if venue.lon is None else "wgs84",
        venue.statement,
        "1" if venue.closed_at else "",
        str(venue.pk),
        mark_of(venue)[:MARK],
    ]
