"""Pairings, needs and what partners bring, as a person or the public may see them."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.models import Delivery, Pairing, Pledge, PostedNeed
from duban.commons.secrets import digest_of
from duban.core.errors import NotFound
from duban.places.codes import within

SEES = "need.see"


def pairings_for(person: Person) -> QuerySet[Pairing]:
    """The newest first."""
    return Pairing.objects.filter(within("jurisdiction", rights.codes(person, SEES))).order_by("-signed_on", "pk")


def needs_for(person: Person) -> QuerySet[PostedNeed]:
    """Those still open first, by the day they are due."""
    found = PostedNeed.objects.filter(within("jurisdiction", rights.codes(person, SEES)))
    return found.order_by("closed_at", "due_on", "pk")


def need_for(person: Person, need_id: uuid.UUID, *, lock: bool = False) -> PostedNeed:
    """One of them, else NotFound (`need_not_found`)."""
    needs = needs_for(person)
    found = (needs.select_for_update() if lock else needs).filter(pk=need_id).first()
    if found is None:
        raise NotFound("need_not_found", _("There is no such need, or it is not yours to see."))
    return found


def pledge_of(secret: str) -> Pledge:
    """Whose secret it is, else NotFound (`pledge_not_found`)."""
    found = Pledge.objects.select_related("need").filter(digest=digest_of(secret)).first()
    if found is None:
        raise NotFound("pledge_not_found", _("This address opens nothing; look at the message that you kept."))
    return found


@dataclass(frozen=True)
class Bar:
    """How far a need is, in its units: pledged holds delivered, which holds verified."""

    target: int
    pledged: int
    delivered: int
    verified: int


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
