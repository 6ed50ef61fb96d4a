"""Writes of the register of venues."""

import re
import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.integrity import canonical, sha256
from duban.core.rows import insert
from duban.core.text import is_plain
from duban.engines.geo.geodesy import geodesic
from duban.venues import queries, search
from duban.venues.contact import BadContact, Contact, Purpose, unseal_contact
from duban.venues.drafts import BadVenue, VenueDraft, place_drafts
from duban.venues.models import Venue, VenueType
from duban.venues.types import built_in

SAME_WITHIN_M = 200
EDITABLE = (
    "name", "kind_id", "lon", "lat", "cell", "jurisdiction", "town", "address", "statement", "name_key", "search",
    "contact",
)  # fmt: skip
TOLD = ("name", "kind_id", "lon", "lat", "jurisdiction", "address", "contact")
"""The columns that a record of an edit names; the others follow from them."""
OWN_TYPES_AT = 500
"""After the built-in types, before “other”."""
BATCH = 500
Key = tuple[str, str, str]


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
    venue_id: uuid.UUID | None = None,
) -> Venue:
    """Put a venue on the register, also beside one of the same name: who adds it has been shown that one.

    `kind` is the key of a type; an empty `jurisdiction` is read from the point. The same `venue_id` again, with the
    same name and type, gives the venue that is there. Raises what place_drafts refuses, and Conflict
    (`venue_conflict`).
    """
    draft = VenueDraft(name, kind, jurisdiction, lon, lat, datum, address, contact)
    venue_id = venue_id or uuid.uuid4()
    try:
        return _record_venue(by=by, now=now, draft=draft, venue_id=venue_id)
    except IntegrityError:
        # The same id was sent twice at once and the other was first: it is there now, and this one is its replay.
        return _record_venue(by=by, now=now, draft=draft, venue_id=venue_id)


@transaction.atomic
def _record_venue(*, by: Person, now: datetime, draft: VenueDraft, venue_id: uuid.UUID) -> Venue:
    placed, refused = place_drafts(by=by, drafts=[draft])
    if refused:
        raise refused[0][1]
    venue = placed[0][1]
    there = Venue.objects.select_for_update().filter(pk=venue_id).first()
    if there is not None:
        return _replayed(there, venue, by)
    venue.pk = venue_id
    _write([venue], now)
    _audit(venue, "record_venue", by=by, now=now)
    return venue


def _replayed(there: Venue, sent: Venue, by: Person) -> Venue:
    same = there.name_key == sent.name_key and there.kind_id == sent.kind_id
    if not (same and rights.may(by, "venue.see", there.jurisdiction)):
        raise Conflict(
            "venue_conflict", _("This id already stands for another venue; give a new one its own id."), field="id"
        )
    return there


@dataclass(frozen=True)
class VenueEdit:
    """What of a venue is to be other than it is; None leaves it.

    A new `place` (lon, lat, datum) without a `jurisdiction` takes that of the point; an empty Contact removes it.
    """

    name: str | None = None
    kind: str | None = None
    address: str | None = None
    place: tuple[float | None, float | None, str] | None = None
    jurisdiction: str | None = None
    contact: Contact | None = None


@transaction.atomic
def edit_venue(*, by: Person, now: datetime, venue_id: uuid.UUID, edit: VenueEdit, seen: str = "") -> Venue:
    """Change what is said of a venue, or where it is; `by` must keep venues both where it was and where it comes.

    `seen`: the mark of the venue as `by` saw it. Raises NotFound (`unknown_venue`), NotAllowed, Conflict
    (`venue_closed`, `venue_changed`), BadVenue (`position_kept`) and what place_drafts refuses.
    """
    venue = _locked(by, venue_id)
    _require_there(venue)
    if seen and seen != mark_of(venue):
        raise Conflict(
            "venue_changed", _("Somebody changed this venue meanwhile; look at it again before you change it.")
        )
    lon, lat, datum = edit.place or (venue.lon, venue.lat, "wgs84")
    if lon is None and lat is None and venue.lon is not None:
        raise BadVenue("position_kept", _("A position can be moved, but not taken away."), field="lon")
    said = edit.jurisdiction if edit.jurisdiction is not None else "" if edit.place else venue.jurisdiction
    draft = VenueDraft(
        name=venue.name if edit.name is None else edit.name,
        kind=venue.kind_id if edit.kind is None else edit.kind,
        jurisdiction=said,
        lon=lon,
        lat=lat,
        datum=datum,
        address=venue.address if edit.address is None else edit.address,
        contact=edit.contact,
    )
    placed, refused = place_drafts(by=by, drafts=[draft])
    if refused:
        raise refused[0][1]
    fresh = placed[0][1]
    columns = [column for column in EDITABLE if column != "contact" or edit.contact is not None]
    changed = [column for column in columns if getattr(venue, column) != getattr(fresh, column)]
    if changed:
        for column in changed:
            setattr(venue, column, getattr(fresh, column))
        venue.save(update_fields=changed)
        if "search" in changed:
            search.index([venue])
        told = [column for column in changed if column in TOLD]
        _audit(venue, "edit_venue", by=by, now=now, detail={"changed": told})
    return venue


def mark_of(venue: Venue) -> str:
    """What tells whether a venue is still as somebody saw it."""
    said = [venue.closed_at is not None, *(str(getattr(venue, column)) for column in TOLD if column != "contact")]
    return sha256(canonical([*said, sha256(bytes(venue.contact or b""))]))


@transaction.atomic
def close_venue(*, by: Person, now: datetime, venue_id: uuid.UUID) -> Venue:
    """Say that the venue is there no more; what was found there stays. Raises as edit_venue."""
    venue = _locked(by, venue_id)
    _require_there(venue)
    return _save(venue, "close_venue", by=by, now=now, closed_at=now)


@transaction.atomic
def reopen_venue(*, by: Person, now: datetime, venue_id: uuid.UUID) -> Venue:
    """Say that it is there again. Raises NotFound, NotAllowed, Conflict (`venue_open`)."""
    venue = _locked(by, venue_id)
    if venue.closed_at is None:
        raise Conflict("venue_open", _("The venue is not closed."))
    return _save(venue, "reopen_venue", by=by, now=now, closed_at=None)


@transaction.atomic
def renew_sticker(*, by: Person, now: datetime, venue_id: uuid.UUID) -> Venue:
    """Give the venue another token: its old sticker leads nowhere from now on. Raises as edit_venue."""
    venue = _locked(by, venue_id)
    _require_there(venue)
    return _save(venue, "renew_sticker", by=by, now=now, token=secrets.token_urlsafe(16))


@transaction.atomic
def open_contact(*, by: Person, now: datetime, venue_id: uuid.UUID, purpose: str) -> Contact:
    """The contact in clear, once, and who asked for it and why goes on the record.

    Raises NotFound (`unknown_venue`, `no_contact`), NotAllowed, BadContact (`unknown_purpose`).
    """
    venue = queries.venue_for(by, venue_id)
    rights.require(by, "venue.contact", venue.jurisdiction)
    if purpose not in Purpose.values:
        raise BadContact("unknown_purpose", _("Choose what the contact is needed for."), field="purpose")
    contact = unseal_contact(venue.contact)
    if contact is None:
        raise NotFound("no_contact", _("No contact is kept of this venue."))
    _audit(venue, "open_contact", by=by, now=now, detail={"purpose": purpose})
    return contact


@transaction.atomic
def write_type(*, by: Person, now: datetime, key: str, name: str, name_en: str) -> VenueType:
    """Add a type of the office's own, or name it anew.

    Raises NotAllowed, BadVenue (`bad_type_key`, `type_name_missing`), Conflict (`built_in_type`).
    """
    _require_types(by)
    if not re.fullmatch(r"[a-z][a-z0-9_]{1,29}", key, re.ASCII):
        raise BadVenue(
            "bad_type_key",
            _("A key has 2 to 30 small letters, digits and underscores and begins with a letter."),
            field="key",
        )
    for field, text, limit in (("name", name, 40), ("name_en", name_en, 60)):
        if not (text.strip() and len(text) <= limit and is_plain(text)):
            raise BadVenue(
                "type_name_missing", _("A type has a Chinese and an English name of at most 40 and 60 characters."),
                field=field,
            )  # fmt: skip
    _require_own(key)
    position = VenueType.objects.filter(pk=key).values_list("position", flat=True).first()
    kind = VenueType(key=key, name=name.strip(), name_en=name_en.strip(), position=position or OWN_TYPES_AT)
    kind.save()
    audit.record(by=by, now=now, action="write_type", subject_type="venue_type", subject_id=key)
    return kind


@transaction.atomic
def remove_type(*, by: Person, now: datetime, key: str) -> None:
    """Take away a type of the office's own that no venue is of.

    Raises NotAllowed, NotFound (`unknown_type`), Conflict (`built_in_type`, `type_in_use`).
    """
    _require_types(by)
    kind = VenueType.objects.select_for_update().filter(pk=key).first() if is_plain(key) else None
    if kind is None:
        raise NotFound("unknown_type", _("There is no type of this key."))
    _require_own(key)
    try:
        kind.delete()
    except ProtectedError as error:
        raise Conflict("type_in_use", _("Venues are of this type; give them another one first.")) from error
    audit.record(by=by, now=now, action="remove_type", subject_type="venue_type", subject_id=key)


def _require_types(by: Person) -> None:
    if not rights.codes(by, "venue.types"):
        rights.require(by, "venue.types", "")


def _require_own(key: str) -> None:
    if key in built_in():
        raise Conflict("built_in_type", _("This type comes with the program and stays as it is."), field="key")


def _locked(by: Person, venue_id: uuid.UUID) -> Venue:
    """The venue that `by` sees and keeps, locked."""
    venue = queries.venue_for(by, venue_id)
    rights.require(by, "venue.edit", venue.jurisdiction)
    return Venue.objects.select_for_update().get(pk=venue.pk)


def _require_there(venue: Venue) -> None:
    if venue.closed_at is not None:
        raise Conflict("venue_closed", _("The venue is closed; open it again first."))


def _save(venue: Venue, action: str, *, by: Person, now: datetime, **columns: Any) -> Venue:
    for column, value in columns.items():
        setattr(venue, column, value)
    venue.save(update_fields=list(columns))
    _audit(venue, action, by=by, now=now)
    return venue


def _audit(venue: Venue, action: str, *, by: Person, now: datetime, detail: dict[str, Any] | None = None) -> None:
    audit.record(by=by, now=now, action=action, subject_type="venue", subject_id=venue.pk, detail=detail)


@transaction.atomic
def record_venues(*, by: Person, now: datetime, drafts: Sequence[VenueDraft]) -> list[tuple[Venue, bool]]:
    """The venue of each draft, in their order, and whether it was made now; all or none.

    A venue is the same if type, town and name (whatever its width, case and blanks) agree and, where both have a
    position, they lie within 200 m; one that is still there goes before one that is closed. What is there stays as
    it is. Raises the first refusal of place_drafts, which names the row.
    """
    found, refused = record_good_venues(by=by, now=now, drafts=drafts)
    if refused:
        # Raised out of the transaction, this takes back what was written.
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
        nowhere = [other for other in group if other.lon is None or other.lat is None]
        if venue.lon is None or venue.lat is None:
            if group:
                return group[0]
            continue
        points = [(other.lon, other.lat, other) for other in group if other.lon is not None and other.lat is not None]
        if points:
            lons, lats = [lon for lon, _lat, _other in points], [lat for _lon, lat, _other in points]
            metres, _bearing = geodesic([venue.lon] * len(points), [venue.lat] * len(points), lons, lats)
            nearest = int(np.argmin(metres))
            if metres[nearest] <= SAME_WITHIN_M:
                return points[nearest][2]
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
    search.index(venues, fresh=True)
