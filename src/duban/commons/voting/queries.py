"""Votes and households as a person, or a household with its invitation, may see them."""

import uuid

from django.db.models import Q, QuerySet
from django.db.models.functions import Length
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.models import Household, PaperCount, SharedPlace, Topic, Vote
from duban.commons.secrets import digest_of
from duban.core.errors import NotFound
from duban.places.codes import within

SEES = "topic.see"
BY_NUMBER = (Length("door"), "door")
"""Doors as people count them: 101, 102, 1001."""


def votes_for(person: Person) -> QuerySet[Vote]:
    """The newest first."""
    scope = within("topic__jurisdiction", rights.codes(person, SEES))
    return Vote.objects.filter(scope).select_related("topic__place__within__within").order_by("-opens_at", "pk")


def vote_for(person: Person, vote_id: uuid.UUID, *, lock: bool = False) -> Vote:
    """One of them, else NotFound (`vote_not_found`)."""
    votes = votes_for(person)
    found = (votes.select_for_update(of=("self",)) if lock else votes).filter(pk=vote_id).first()
    if found is None:
        raise NotFound("vote_not_found", _("There is no such vote, or it is not yours to see."))
    return found


def households_of(place: SharedPlace) -> QuerySet[Household]:
    """Of the place itself and of what lies in it: an estate's are those of its buildings and their entrances."""
    inside = Q(place=place) | Q(place__within=place) | Q(place__within__within=place)
    return Household.objects.filter(inside).order_by("place__name", "place", *BY_NUMBER)


def door_in(household: Household, place: SharedPlace) -> str:
    """The number of the door as it is unique in the place: with its entrance before it where that is another."""
    return household.door if household.place_id == place.pk else f"{household.place.name}-{household.door}"


def household_of(secret: str) -> Household:
    """Whose invitation it is, else NotFound (`invitation_not_found`)."""
    found = Household.objects.select_related("place__within__within").filter(digest=digest_of(secret)).first()
    if found is None:
        raise NotFound("invitation_not_found", _("This invitation is not valid any more; ask for a new one."))
    return found


def votes_of(household: Household) -> QuerySet[Vote]:
    """Those that the household may take part in: of its place, and of what that lies in. The newest first."""
    return votes_at(household.place)


def votes_at(place: SharedPlace) -> QuerySet[Vote]:
    """Votes in which the households of the place take part: its own, and those of what it lies in. The newest first."""
    places = [place.pk, place.within_id]
    if place.within is not None:
        places.append(place.within.within_id)
    wanted = [one for one in places if one is not None]
    return (
        Vote.objects.filter(topic__place__in=wanted)
        .select_related("topic__place__within__within")
        .order_by("-opens_at", "pk")
    )


def place_for(person: Person, place_id: uuid.UUID) -> SharedPlace:
    """A place whose topics the person may see, else NotFound (`place_not_found`)."""
    scope = within("jurisdiction", rights.codes(person, SEES))
    found = SharedPlace.objects.filter(scope, pk=place_id).select_related("within__within").first()
    if found is None:
        raise NotFound("place_not_found", _("There is no such place, or it is not yours to see."))
    return found


def topic_for(person: Person, topic_id: uuid.UUID) -> Topic:
    """One of the topics that the person may see, else NotFound (`topic_not_found`)."""
    scope = within("jurisdiction", rights.codes(person, SEES))
    found = Topic.objects.filter(scope, pk=topic_id).select_related("place__within__within").first()
    if found is None:
        raise NotFound("topic_not_found", _("There is no such topic, or it is not yours to see."))
    return found


def paper_for(person: Person, paper_id: uuid.UUID) -> PaperCount:
    """A count of paper ballots of a vote that the person may see, else NotFound (`paper_not_found`)."""
    scope = within("vote__topic__jurisdiction", rights.codes(person, SEES))
    found = PaperCount.objects.filter(scope, pk=paper_id).select_related("vote__topic__place__within__within").first()
    if found is None:
        raise NotFound("paper_not_found", _("There is no such count, or it is not yours to see."))
    return found


def vote_of(household: Household, vote_id: uuid.UUID) -> Vote:
    """One of the household's votes, else NotFound (`vote_not_found`)."""
    found = votes_of(household).filter(pk=vote_id).first()
    if found is None:
        raise NotFound("vote_not_found", _("There is no such vote for your household."))
    return found
