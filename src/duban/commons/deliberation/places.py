"""Writes of places that people share: an estate, a building of it, an entrance of that."""

import uuid
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.deliberation import queries
from duban.commons.models import PlaceKind, SharedPlace, Vote
from duban.commons.secrets import new_secret
from duban.core import audit
from duban.core.errors import Conflict, DubanError
from duban.core.words import checked_words
from duban.places.codes import normalise_code

MANAGES = "topic.manage"
LIES_IN = {
    PlaceKind.ESTATE: (),
    PlaceKind.BUILDING: (PlaceKind.ESTATE,),
    PlaceKind.ENTRANCE: (PlaceKind.BUILDING, PlaceKind.ESTATE),
}
"""By kind in what it may lie."""
MAX_PARTS = 2000


class BadPlace(DubanError):
    pass


def make_place(
    *,
    by: Person,
    now: datetime,
    kind: str,
    name: str,
    jurisdiction: str = "",
    within_id: uuid.UUID | None = None,
    lon: float | None = None,
    lat: float | None = None,
    place_id: uuid.UUID | None = None,
) -> SharedPlace:
    """A place with the token of its poster; what lies in another is of its area unless a finer code is given.

    The same id again gives the first answer. Raises NotFound (`place_not_found`), NotAllowed, BadCode, BadPlace
    (`place_kind`, `place_name`, `place_within`, `place_area`, `place_position`, `too_many_parts`), Conflict
    (`place_there`).
    """
    try:
        with transaction.atomic():
            return _make(by, now, kind, name, jurisdiction, within_id, lon, lat, place_id)
    except IntegrityError as error:
        raise _there() from error


def _make(
    by: Person,
    now: datetime,
    kind: str,
    name: str,
    jurisdiction: str,
    within_id: uuid.UUID | None,
    lon: float | None,
    lat: float | None,
    place_id: uuid.UUID | None,
) -> SharedPlace:
    parent = queries.place_for(by, within_id, lock=True) if within_id else None
    code = normalise_code(jurisdiction, field="jurisdiction") if jurisdiction or parent is None else parent.jurisdiction
    rights.require(by, MANAGES, code)
    there = SharedPlace.objects.filter(pk=place_id).first() if place_id else None
    if there is not None:
        return queries.place_for(by, there.pk)
    if kind not in PlaceKind.values:
        raise BadPlace("place_kind", _("Choose: an estate, a building or an entrance."), field="kind")
    _require_fits(PlaceKind(kind), parent)
    if parent is not None and not code.startswith(parent.jurisdiction):
        raise BadPlace("place_area", _("It lies outside of what it is to be a part of."), field="jurisdiction")
    if parent is not None and parent.parts.count() >= MAX_PARTS:
        raise BadPlace("too_many_parts", _("At most 2,000 parts."), field="name")
    place = SharedPlace(id=place_id or uuid.uuid4(), kind=kind, within=parent, jurisdiction=code, token=new_secret())
    place.name = _name(name)
    place.lon, place.lat = _position(lon, lat)
    _require_free(place)
    place.save(force_insert=True)
    _audit(by, now, "make_place", place)
    return place


def change_place(
    *, by: Person, now: datetime, place_id: uuid.UUID, name: str, lon: float | None = None, lat: float | None = None
) -> SharedPlace:
    """Another name, or where it lies. Raises as `make_place`."""
    try:
        with transaction.atomic():
            place = queries.place_for(by, place_id, lock=True)
            rights.require(by, MANAGES, place.jurisdiction)
            place.name = _name(name)
            place.lon, place.lat = _position(lon, lat)
            _require_free(place)
            place.save(update_fields=["name", "lon", "lat"])
            _audit(by, now, "change_place", place)
            return place
    except IntegrityError as error:
        raise _there() from error


def move_place(*, by: Person, now: datetime, place_id: uuid.UUID, within_id: uuid.UUID | None) -> SharedPlace:
    """It lies in another place of its area, or in none. Where it lies already nothing happens.

    Not while a vote goes on that would have other households then. Raises NotFound (`place_not_found`), NotAllowed,
    BadPlace (`place_within`, `place_area`), Conflict (`place_there`, `vote_under_way`).
    """
    try:
        with transaction.atomic():
            place, parent = _locked(by, place_id, within_id)
            rights.require(by, MANAGES, place.jurisdiction)
            if place.within_id == (parent.pk if parent else None):
                return place
            _require_fits(PlaceKind(place.kind), parent)
            if parent is not None and not place.jurisdiction.startswith(parent.jurisdiction):
                raise BadPlace("place_area", _("It lies in another area; make it anew there."), field="within")
            _require_no_vote(place, parent)
            place.within = parent
            _require_free(place)
            place.save(update_fields=["within"])
            _audit(by, now, "move_place", place)
            return place
    except IntegrityError as error:
        raise _there() from error


def _locked(by: Person, place_id: uuid.UUID, within_id: uuid.UUID | None) -> tuple[SharedPlace, SharedPlace | None]:
    """The place and what it is to lie in, locked with all that either lies in: whoever makes a vote locks its place."""
    held = set[uuid.UUID]()
    while True:
        place = queries.place_for(by, place_id)
        parent = queries.place_for(by, within_id) if within_id else None
        chains = [*queries.chain_of(place), *(queries.chain_of(parent) if parent else [])]
        here = {one.pk for one in chains}
        if here <= held:
            return place, parent
        # In one order, so that two moves never wait for each other; what moved meanwhile lies in others now.
        held = set(
            SharedPlace.objects.select_for_update().filter(pk__in=here).order_by("pk").values_list("pk", flat=True)
        )


def _require_fits(kind: PlaceKind, parent: SharedPlace | None) -> None:
    if parent is not None and parent.kind not in LIES_IN[kind]:
        raise BadPlace(
            "place_within", _("A building lies in an estate, an entrance in a building or an estate."), field="within"
        )


def _require_no_vote(place: SharedPlace, parent: SharedPlace | None) -> None:
    """Votes of what it leaves and of what it comes into count its households; both must be over."""
    left = {one.pk for one in queries.chain_of(place)[:-1]}
    entered = {one.pk for one in queries.chain_of(parent)} if parent is not None else set()
    # Locked, so that nobody casts a ballot meanwhile; that none is made the locks of the places see to.
    votes = Vote.objects.select_for_update(of=("self",)).filter(topic__place__in=left ^ entered, closed_at=None)
    if votes.first() is not None:
        raise Conflict("vote_under_way", _("A vote goes on there, which counts its households; move it afterwards."))


def _require_free(place: SharedPlace) -> None:
    alike = SharedPlace.objects.filter(jurisdiction=place.jurisdiction, within=place.within, name=place.name)
    if alike.exclude(pk=place.pk).exists():
        raise _there()


def _there() -> Conflict:
    return Conflict("place_there", _("There is a place of this name already."), field="name")


def _name(name: str) -> str:
    return checked_words(name, "name", 100, error=BadPlace, code="place_name", needed=True)


def _position(lon: float | None, lat: float | None) -> tuple[float | None, float | None]:
    if (lon is None) != (lat is None):
        raise BadPlace("place_position", _("Give both longitude and latitude, or neither."), field="lon")
    if lon is not None and lat is not None and not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise BadPlace("place_position", _("Longitude lies within ±180, latitude within ±90 degrees."), field="lon")
    return lon, lat


def _audit(by: Person, now: datetime, action: str, place: SharedPlace, **detail: Any) -> None:
    audit.record(by=by, now=now, action=action, subject_type="sharedplace", subject_id=place.pk, detail=detail)
