"""Sites as they are read: how full each is, the plan of its rooms, and what became of a bed."""

import re
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import NotFound
from duban.outbreak.models import Bed, BedStay, CaseFile, FileState, Room, Site
from duban.places.codes import within

SEES = "site.see"
DIGITS = re.compile(r"(\d+)")


def sites_for(person: Person) -> QuerySet[Site]:
    """The sites in the person's area, those still open first, by name."""
    return Site.objects.filter(within("town", rights.codes(person, SEES))).order_by("closed_on", "name", "pk")


def site_for(person: Person, site_id: uuid.UUID) -> Site:
    """One of them, else NotFound (`site_not_found`)."""
    found = sites_for(person).filter(pk=site_id).first()
    if found is None:
        raise NotFound("site_not_found", _("There is no such site, or it is not yours to see."))
    return found


def bed_for(person: Person, bed_id: int) -> Bed:
    """A bed with its room and site, else NotFound (`bed_not_found`)."""
    sites = within("room__site__town", rights.codes(person, SEES))
    found = Bed.objects.select_related("room__site").filter(sites, pk=bed_id).first()
    if found is None:
        raise NotFound("bed_not_found", _("There is no such bed, or it is not yours to see."))
    return found


@dataclass(frozen=True)
class Occupancy:
    """Beds of a site: `beds` = `taken` + `free` + `out_of_use`, since nobody lies in a bed that is out of use."""

    beds: int
    taken: int
    out_of_use: int

    @property
    def capacity(self) -> int:
        return self.beds - self.out_of_use

    @property
    def free(self) -> int:
        return self.capacity - self.taken

    @property
    def percent(self) -> int:
        return 100 * self.taken // self.capacity if self.capacity else 0


def occupancy(sites: Collection[Site]) -> dict[uuid.UUID, Occupancy]:
    """Of each site, in one query."""
    held = Exists(BedStay.objects.filter(bed=OuterRef("pk"), until=None))
    rows = (
        Bed.objects.filter(room__site__in=sites)
        .annotate(held=held)
        .order_by()
        .values_list("room__site")
        .annotate(beds=Count("pk"), taken=Count("pk", filter=Q(held=True)), out=Count("pk", filter=Q(out_of_use=True)))
    )
    found = {key: Occupancy(beds, taken, out) for key, beds, taken, out in rows}
    return {site.pk: found.get(site.pk, Occupancy(0, 0, 0)) for site in sites}


# ---- the plan of rooms ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BedShown:
    """`state` is free, taken or out."""

    bed: Bed
    state: str
    stay: BedStay | None


@dataclass(frozen=True)
class RoomShown:
    room: Room
    beds: list[BedShown]

    @property
    def mixed(self) -> bool:
        """Whether people of several households share it."""
        held = [one.stay.file for one in self.beds if one.stay is not None]
        return len({file.household or file.pk for file in held}) > 1

    @property
    def free(self) -> int:
        return sum(one.state == "free" for one in self.beds)


@dataclass(frozen=True)
class FloorShown:
    name: str
    rooms: list[RoomShown]

    @property
    def free(self) -> int:
        return sum(room.free for room in self.rooms)

    @property
    def taken(self) -> int:
        return sum(bed.state == "taken" for room in self.rooms for bed in room.beds)


def by_number(name: str) -> list[tuple[int, int, str]]:
    """The key that sorts 9 before 10 and 2F before 10F."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in DIGITS.split(name) if part]


def plan_of(site: Site, *, floor: str | None = None) -> list[FloorShown]:
    """The floors from the lowest up, their rooms by number, each with its beds and who lies in them; three queries."""
    rooms = list(site.rooms.all() if floor is None else site.rooms.filter(floor=floor))
    beds: dict[int, list[BedShown]] = {}
    found = Bed.objects.filter(room__in=[room.pk for room in rooms]) if floor is not None else Bed.objects.filter(
        room__site=site
    )  # fmt: skip
    stays = {stay.bed_id: stay for stay in _held(found)}
    for bed in found.order_by("pk"):
        stay = stays.get(bed.pk)
        state = "taken" if stay is not None else "out" if bed.out_of_use else "free"
        beds.setdefault(bed.room_id, []).append(BedShown(bed, state, stay))
    floors: dict[str, list[RoomShown]] = {}
    for room in sorted(rooms, key=lambda one: by_number(one.name)):
        floors.setdefault(room.floor, []).append(RoomShown(room, beds.get(room.pk, [])))
    return [FloorShown(name, floors[name]) for name in sorted(floors, key=by_number)]


def _held(beds: QuerySet[Bed]) -> Iterable[BedStay]:
    return BedStay.objects.filter(bed__in=beds, until=None).select_related("file")


def free_beds(site: Site) -> list[Bed]:
    """The beds that somebody could take, by room."""
    held = BedStay.objects.filter(bed=OuterRef("pk"), until=None)
    found = Bed.objects.filter(~Exists(held), room__site=site, out_of_use=False).select_related("room")
    return sorted(found, key=lambda bed: (by_number(bed.room.name), bed.pk))


def history_of(bed: Bed) -> QuerySet[BedStay]:
    """Who lay in the bed, the last first."""
    return BedStay.objects.filter(bed=bed).select_related("file").order_by("-since", "-pk")


def household_of(file: CaseFile) -> list[dict[str, Any]]:
    """The others of the household who are followed, each with the bed they lie in, or None."""
    if file.household is None:
        return []
    others = CaseFile.objects.filter(household=file.household, state=FileState.OPEN, merged_into=None)
    found = list(others.exclude(pk=file.pk).order_by("number"))
    stays = BedStay.objects.filter(file__in=found, until=None).select_related("bed__room__site")
    lies = {stay.file_id: stay for stay in stays}
    return [{"file": one, "stay": lies.get(one.pk)} for one in found]
