"""Pairings, needs and what partners bring, as a person or the public may see them."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, F, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.models import Delivery, Pairing, Pledge, PostedNeed
from duban.commons.secrets import digest_of
from duban.core.errors import NotFound
from duban.places.codes import within

SEES = "need.see"
MOST_DELIVERIES, MOST_PHOTOS = 500, 200


def pairings_for(person: Person) -> QuerySet[Pairing]:
    """Agreements in sight, in no order yet."""
    return Pairing.objects.filter(within("jurisdiction", rights.codes(person, SEES)))


def pairing_for(person: Person, pairing_id: uuid.UUID) -> Pairing:
    """One of them, else NotFound (`pairing_not_found`)."""
    found = pairings_for(person).filter(pk=pairing_id).first()
    if found is None:
        raise NotFound("pairing_not_found", _("There is no such agreement, or it is not yours to see."))
    return found


def needs_for(person: Person) -> QuerySet[PostedNeed]:
    """Those still open first, by the day they are due."""
    found = PostedNeed.objects.filter(within("jurisdiction", rights.codes(person, SEES)))
    return found.select_related("place__within__within").order_by(F("closed_at").desc(nulls_first=True), "due_on", "pk")


def need_for(person: Person, need_id: uuid.UUID, *, lock: bool = False) -> PostedNeed:
    """One of them, else NotFound (`need_not_found`)."""
    needs = needs_for(person)
    found = (needs.select_for_update(of=("self",)) if lock else needs).filter(pk=need_id).first()
    if found is None:
        raise NotFound("need_not_found", _("There is no such need, or it is not yours to see."))
    return found


def pledge_of(secret: str) -> Pledge:
    """Whose secret it is, else NotFound (`pledge_not_found`)."""
    found = Pledge.objects.select_related("need").filter(digest=digest_of(secret)).first()
    if found is None:
        raise NotFound("pledge_not_found", _("This address opens nothing; look at the message that you kept."))
    return found


def pledge_for(person: Person, pledge_id: uuid.UUID) -> Pledge:
    """A sign-up of a need that the person may see, else NotFound (`pledge_not_found`)."""
    scope = within("need__jurisdiction", rights.codes(person, SEES))
    found = Pledge.objects.filter(scope, pk=pledge_id).select_related("need").first()
    if found is None:
        raise NotFound("pledge_not_found", _("There is no such sign-up, or it is not yours to see."))
    return found


def delivery_for(person: Person, delivery_id: int) -> Delivery:
    """What came for a need that the person may see, else NotFound (`delivery_not_found`)."""
    scope = within("pledge__need__jurisdiction", rights.codes(person, SEES))
    found = Delivery.objects.filter(scope, pk=delivery_id).select_related("pledge").first()
    if found is None:
        raise NotFound("delivery_not_found", _("There is no such delivery, or it is not yours to see."))
    return found


def waiting_by_need(needs: Collection[PostedNeed]) -> dict[uuid.UUID, int]:
    """By need how many deliveries wait to be looked at; needs without any are absent."""
    found = Delivery.objects.filter(pledge__need__in=[need.pk for need in needs], verified_by__isnull=True)
    return dict(found.values_list("pledge__need").annotate(number=Count("pk")))


@dataclass(frozen=True)
class Bar:
    """How far a need is, in its units: pledged holds delivered, which holds verified."""

    target: int
    pledged: int
    delivered: int
    verified: int

    @property
    def left(self) -> int:
        """Nobody has signed up for these yet."""
        return self.target - self.pledged

    @property
    def percents(self) -> dict[str, int]:
        """Of the target, rounded down, so that a bar is full only when nothing is left."""
        return {name: 100 * getattr(self, name) // self.target for name in ("pledged", "delivered", "verified")}


def bars_of(needs: Collection[PostedNeed]) -> dict[uuid.UUID, Bar]:
    """By need how full it is, in one query."""
    good = Delivery.objects.filter(
        pledge__need__in=[need.pk for need in needs], pledge__withdrawn_at=None, refused_for=""
    )
    sums = good.values("pledge__need").annotate(
        delivered=Sum("number"), verified=Sum("number", filter=Q(verified_at__isnull=False))
    )
    found = {row["pledge__need"]: (row["delivered"], row["verified"] or 0) for row in sums}
    return {need.pk: Bar(need.target, need.pledged, *found.get(need.pk, (0, 0))) for need in needs}


def public_needs(area: str = "") -> QuerySet[PostedNeed]:
    """Those anybody may see, of one area or all: open ones by the day they are due."""
    found = PostedNeed.objects.filter(within("jurisdiction", [area])) if area else PostedNeed.objects.all()
    return found.select_related("place__within__within").order_by("due_on", "pk")


def public_need(need_id: uuid.UUID) -> PostedNeed:
    """One of all, else NotFound (`need_not_found`)."""
    found = PostedNeed.objects.select_related("place__within__within").filter(pk=need_id).first()
    if found is None:
        raise NotFound("need_not_found", _("There is no such need."))
    return found


def public_pairings(area: str, today: date) -> QuerySet[Pairing]:
    """Agreements in force in an area, the oldest first: who stays longest stands first."""
    found = Pairing.objects.filter(Q(until=None) | Q(until__gte=today), signed_on__lte=today)
    return (found.filter(within("jurisdiction", [area])) if area else found).order_by("signed_on", "pk")


@dataclass(frozen=True)
class Brought:
    """A partner by what the community has verified of it."""

    partner: str
    number: int


def brought_to(need: PostedNeed) -> list[Brought]:
    """Who brought how many, verified; names come onto public pages only by this, never by signing up alone."""
    good = Delivery.objects.filter(pledge__need=need, verified_at__isnull=False, refused_for="")
    sums = good.values("pledge__partner").annotate(number=Sum("number")).order_by("-number", "pledge__partner")
    return [Brought(row["pledge__partner"], row["number"]) for row in sums]


def public_photos_of(need: PostedNeed) -> list[str]:
    """Photos of verified deliveries, the newest first: who verified them has looked at them."""
    good = Delivery.objects.filter(pledge__need=need, verified_at__isnull=False, refused_for="")
    rows = good.order_by("-verified_at", "pk").values_list("photos", flat=True)[:MOST_DELIVERIES]
    return list(dict.fromkeys(photo for photos in rows for photo in photos))[:MOST_PHOTOS]


def photo_is_public(need: PostedNeed, sha256: str) -> bool:
    return sha256 in {need.before, need.after} - {""} or sha256 in public_photos_of(need)


def photo_is_of(need: PostedNeed, sha256: str) -> bool:
    """Whether the photo came with the need, verified or not: for the desk."""
    if sha256 in {need.before, need.after} - {""}:
        return True
    rows = Delivery.objects.filter(pledge__need=need).order_by("-at", "-pk").values_list("photos", flat=True)
    return any(sha256 in photos for photos in rows[:MOST_DELIVERIES])
