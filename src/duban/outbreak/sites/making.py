"""Making a site: its floors, rooms and beds in one go; more rooms later; beds out of use; closing it."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError
from duban.core.text import is_plain
from duban.outbreak.care.rules import today
from duban.outbreak.models import Bed, BedStay, Room, Site
from duban.outbreak.sites.actions import MANAGES, locked_bed
from duban.outbreak.sites.queries import site_for
from duban.places.codes import LENGTHS, normalise_code

MOST_ROOMS = 2000
MOST_BEDS = 50
"""In a room: a hall with partitions has one for each."""
NUMBERED = re.compile(r"(\D*)(\d{1,6})(\D*)", re.ASCII)


class BadSite(DubanError):
    pass


@dataclass(frozen=True)
class RoomsDraft:
    """Rooms of one floor with as many beds each, from `first` to `last`: 301 to 320, A01 to A12, or one of any name."""

    floor: str
    first: str
    last: str
    beds: int


@transaction.atomic
def make_site(
    *,
    by: Person,
    now: datetime,
    site_id: uuid.UUID,
    town: str,
    name: str,
    address: str,
    opened_on: date,
    rooms: Sequence[RoomsDraft],
) -> Site:
    """A site with its rooms and beds. The same id again gives the site that came of it.

    Raises NotAllowed (`not_allowed`), BadCode (`bad_code`), BadSite (`site_name`, `bad_address`, `rooms_missing` and
    those of the rooms, `row` the line of the draft), Conflict (`site_name_taken`, `site_of_others`).
    """
    town = normalise_code(town, field="town")[: LENGTHS[1]]
    rights.require(by, MANAGES, town)
    known = Site.objects.filter(pk=site_id).first()
    if known is not None:
        if known.town != town or known.name != name.strip():
            raise Conflict("site_of_others", _("Another site has this id; load the page anew."))
        return known
    name = _text(name, "name", "site_name", _("Give the site a name of at most 100 characters."), 100)
    address = _text(address, "address", "bad_address", _("At most 200 characters."), 200, empty=True)
    if not rooms:
        raise BadSite("rooms_missing", _("A site has at least one room."), field="rooms")
    site = Site(id=site_id, office=town[: LENGTHS[0]], town=town, name=name, address=address, opened_on=opened_on)
    try:
        with transaction.atomic():
            site.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict("site_name_taken", _("A site of the office has this name already."), field="name") from error
    beds = _build(site, rooms)
    detail = {"town": town, "beds": beds}
    audit.record(by=by, now=now, action="make_site", subject_type="site", subject_id=site.pk, detail=detail)
    return site


@transaction.atomic
def add_rooms(*, by: Person, now: datetime, site_id: uuid.UUID, rooms: Sequence[RoomsDraft]) -> int:
    """More rooms for the site; returns how many beds. Raises as `make_site`, Conflict (`site_closed`, `room_there`)."""
    site = managed_site(by, site_id)
    if site.closed_on is not None:
        raise Conflict("site_closed", _("The site is closed."))
    if not rooms:
        raise BadSite("rooms_missing", _("Say which rooms."), field="rooms")
    beds = _build(site, rooms)
    audit.record(by=by, now=now, action="add_rooms", subject_type="site", subject_id=site.pk, detail={"beds": beds})
    return beds


@transaction.atomic
def set_out_of_use(*, by: Person, now: datetime, bed_id: int, out: bool) -> Bed:
    """The bed is given to nobody, or again may be. Raises NotFound (`bed_not_found`), Conflict (`bed_taken`)."""
    bed = locked_bed(by, bed_id)
    if bed.out_of_use == out:
        return bed
    if out and bed.stays.filter(until=None).exists():
        raise Conflict("bed_taken", _("Somebody lies in this bed; move them first."), field="bed")
    bed.out_of_use = out
    bed.save(update_fields=["out_of_use"])
    site, detail = bed.room.site, {"bed": bed.pk, "room": bed.room.name, "out": out}
    audit.record(by=by, now=now, action="set_out_of_use", subject_type="site", subject_id=site.pk, detail=detail)
    return bed


@transaction.atomic
def close_site(*, by: Person, now: datetime, site_id: uuid.UUID) -> Site:
    """Nobody is placed there any more. Closed again it stays as it was. Raises Conflict (`site_not_empty`)."""
    site = managed_site(by, site_id)
    if site.closed_on is not None:
        return site
    # Whoever gives a bed of it away holds the lock of its room.
    list(Room.objects.select_for_update().filter(site=site).order_by("pk").values_list("pk", flat=True))
    left = BedStay.objects.filter(bed__room__site=site, until=None).count()
    if left:
        raise Conflict("site_not_empty", _("%(n)d people still lie there; move them first.") % {"n": left})
    site.closed_on = max(today(now), site.opened_on)
    site.save(update_fields=["closed_on"])
    audit.record(by=by, now=now, action="close_site", subject_type="site", subject_id=site.pk)
    return site


def managed_site(person: Person, site_id: uuid.UUID) -> Site:
    """The site, for who manages it; else NotFound (`site_not_found`) or NotAllowed (`not_allowed`)."""
    site = site_for(person, site_id)
    rights.require(person, MANAGES, site.town)
    return site


def names_between(first: str, last: str) -> list[str]:
    """The names from `first` to `last`, which differ in one number: 301–303 -> 301, 302, 303. No `last`: one room.

    Raises BadSite (`room_name`, `room_range`).
    """
    first, last = first.strip(), last.strip() or first.strip()
    if not first or max(len(first), len(last)) > 20 or not is_plain(first + last):
        raise BadSite("room_name", _("A room has a name of at most 20 characters."), field="rooms")
    if first == last:
        return [first]
    start, end = NUMBERED.fullmatch(first), NUMBERED.fullmatch(last)
    if start is None or end is None or (start[1], start[3]) != (end[1], end[3]) or int(start[2]) > int(end[2]):
        raise BadSite("room_range", _("Write the first and the last room alike, such as 301 and 320."), field="rooms")
    if int(end[2]) - int(start[2]) >= MOST_ROOMS:
        raise BadSite("too_many_rooms", _("At most 2,000 rooms."), field="rooms")
    width = len(start[2])
    return [f"{start[1]}{number:0{width}}{start[3]}" for number in range(int(start[2]), int(end[2]) + 1)]


def _build(site: Site, drafts: Sequence[RoomsDraft]) -> int:
    rooms: list[tuple[Room, int]] = []
    for number, draft in enumerate(drafts, start=1):
        try:
            floor = _text(draft.floor, "rooms", "floor_name", _("At most 10 characters."), 10, empty=True)
            names = names_between(draft.first, draft.last)
            if not 1 <= draft.beds <= MOST_BEDS:
                raise BadSite("bad_beds", _("A room has 1 to 50 beds."), field="rooms")
        except BadSite as refusal:
            refusal.row = number
            raise
        rooms += [(Room(site=site, floor=floor, name=name), draft.beds) for name in names]
    if len(rooms) > MOST_ROOMS:
        raise BadSite("too_many_rooms", _("At most 2,000 rooms."), field="rooms")
    names = [room.name for room, _beds in rooms]
    there = set(site.rooms.values_list("name", flat=True))
    twice = next((a for a, b in pairwise(sorted(names)) if a == b), "") or next((n for n in names if n in there), "")
    if twice:
        raise Conflict("room_there", _("There would be two rooms %(name)s.") % {"name": twice}, field="rooms")
    made = Room.objects.bulk_create([room for room, _beds in rooms], batch_size=500)
    beds = [
        Bed(room=room, label=str(number))
        for room, (_draft, count) in zip(made, rooms, strict=True)
        for number in range(1, count + 1)
    ]
    return len(Bed.objects.bulk_create(beds, batch_size=500))


def _text(text: str, field: str, code: str, words: object, limit: int, *, empty: bool = False) -> str:
    text = text.strip()
    if len(text) > limit or not is_plain(text) or not (text or empty):
        raise BadSite(code, str(words), field=field)
    return text
