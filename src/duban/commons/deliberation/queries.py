"""Places, topics, problems and comments as a person, or anybody at a public page, may see them."""

import re
import uuid
from collections.abc import Collection, Iterable
from typing import Any

from django.db import connection
from django.db.models import CharField, Count, F, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.models import Comment, Household, Problem, SharedPlace, Topic, TopicState
from duban.core.errors import NotFound
from duban.ledger.leads import Sifting
from duban.places import queries as gazetteer
from duban.places.codes import LENGTHS, within

SEES = "topic.see"
COMMITTEES = ((re.compile("(?:村?村民委员会|村委会)$"), "村"), (re.compile("(?:居民委员会|居委会)$"), ""))
"""Code lists name whose area it is; people name the area."""
TOKEN = re.compile(r"[\w-]{1,22}", re.ASCII)
CHAIN = ("within", "within__within")
"""An entrance lies in a building, that in an estate: nothing lies deeper."""


def lock_row(row: QuerySet[Any]) -> None:
    """Wait for whoever changes it, in a question of its own: it is read with what it is joined to once it is locked.

    PostgreSQL reads a row anew after it waited for it, but joins it to what there was before.
    """
    row.order_by().select_related(None).select_for_update(of=("self",)).values_list("pk").first()


# ---- places ---------------------------------------------------------------------------------------------------------


def places_for(person: Person) -> QuerySet[SharedPlace]:
    return SharedPlace.objects.filter(within("jurisdiction", rights.codes(person, SEES)))


def outermost_places(person: Person, *, area: str = "") -> QuerySet[SharedPlace]:
    """Those that lie in nothing else, as the list pages through them by area and name."""
    found = places_for(person).filter(within("jurisdiction", [area]) if area else Q())
    if connection.vendor == "sqlite":
        # Else it reads all that lie in nothing, everywhere, and sorts them.
        return found.alias(above=Sifting(F("within"), output_field=CharField())).filter(above=None)
    return found.filter(within=None)


def place_for(person: Person, place_id: uuid.UUID, *, lock: bool = False) -> SharedPlace:
    """One of them with what it lies in, else NotFound (`place_not_found`)."""
    places = places_for(person)
    if lock:
        lock_row(places.filter(pk=place_id))
    found = places.select_related(*CHAIN).filter(pk=place_id).first()
    if found is None:
        raise NotFound("place_not_found", _("There is no such place, or it is not yours to see."))
    return found


def place_by_token(token: str) -> SharedPlace:
    """The place whose poster leads here, for anybody; else NotFound (`place_not_found`)."""
    found = SharedPlace.objects.select_related(*CHAIN).filter(token=token).first() if TOKEN.fullmatch(token) else None
    if found is None:
        raise NotFound("place_not_found", _("There is no such place; its poster may be an old one."))
    return found


def chain_of(place: SharedPlace) -> list[SharedPlace]:
    """What the place lies in, the outermost first, and the place itself."""
    chain = [place]
    while chain[0].within is not None:
        chain.insert(0, chain[0].within)
    return chain


def full_name(place: SharedPlace) -> str:
    """As people say where it is: 艺苑西里 3号楼 2单元."""
    return " ".join(one.name for one in chain_of(place))


def whole_address(place: SharedPlace) -> str:
    """With the town and the community before it."""
    codes = [place.jurisdiction[:length] for length in (9, 12) if length <= len(place.jurisdiction)]
    names = gazetteer.names(codes)
    parts = list(dict.fromkeys(_area(names[code]) for code in codes if code in names))
    return "".join(parts) + " " + full_name(place) if parts else full_name(place)


def _area(name: str) -> str:
    for committee, kept in COMMITTEES:
        name = committee.sub(kept, name)
    return name


def parts_of(place: SharedPlace) -> list[tuple[SharedPlace, list[SharedPlace]]]:
    """What lies in it and, beneath each, what lies in that; by name, in one query."""
    inside = SharedPlace.objects.filter(Q(within=place) | Q(within__within=place)).order_by("name", "pk")
    beneath: dict[uuid.UUID | None, list[SharedPlace]] = {}
    for one in inside:
        beneath.setdefault(one.within_id, []).append(one)
    return [(one, beneath.get(one.pk, [])) for one in beneath.get(place.pk, [])]


def ids_around(place: SharedPlace) -> set[uuid.UUID]:
    """The place, all it lies in and all that lies in it: whose topics concern who lives there."""
    inside = SharedPlace.objects.filter(Q(within=place) | Q(within__within=place)).values_list("pk", flat=True)
    return {one.pk for one in chain_of(place)} | set(inside)


def counts_of_places(places: Collection[SharedPlace]) -> dict[uuid.UUID, tuple[int, int]]:
    """By place how many parts lie in it at any depth, and how many topics of it and its parts are not closed."""
    ids = [place.pk for place in places]
    inside = SharedPlace.objects.filter(Q(within__in=ids) | Q(within__within__in=ids))
    home = {pk: pk for pk in ids}
    parts = dict.fromkeys(ids, 0)
    for pk, one, two in inside.values_list("pk", "within", "within__within"):
        top = next(above for above in (one, two) if above in parts)
        home[pk] = top
        parts[top] += 1
    found = dict.fromkeys(ids, 0)
    open_ones = Topic.objects.exclude(state=TopicState.CLOSED).filter(place__in=list(home))
    for pk, number in open_ones.order_by().values_list("place").annotate(number=Count("pk")):
        found[home[pk]] += number
    return {pk: (parts[pk], found[pk]) for pk in ids}


# ---- topics ---------------------------------------------------------------------------------------------------------

TOPIC_ROWS = ("place", "place__within", "place__within__within", "meeting", "meeting__body")


def topics_for(person: Person) -> QuerySet[Topic]:
    """The newest first."""
    found = Topic.objects.filter(within("jurisdiction", rights.codes(person, SEES)))
    return found.select_related(*TOPIC_ROWS).order_by("-opened_at", "-pk")


def topics_page(person: Person, *, state: str = "", area: str = "") -> QuerySet[Topic]:
    """Those of a state, of an area, as the list pages through them.

    SQLite keeps no statistics: of a whole town or district it would read and sort every topic there. Led by the newest
    it finds fifty in a few steps; of a single community it is led by the place.
    """
    scope = within("jurisdiction", rights.codes(person, SEES))
    asked = [area] if area else rights.codes(person, SEES)
    found = Topic.objects.select_related(*TOPIC_ROWS)
    if connection.vendor == "sqlite" and any(len(code) < LENGTHS[2] for code in asked):
        found = found.alias(at=Sifting(F("jurisdiction"), output_field=CharField()),
                            so=Sifting(F("state"), output_field=CharField()))  # fmt: skip
        scope = within("at", rights.codes(person, SEES))
        found = found.filter(scope, within("at", [area]) if area else Q())
        return found.filter(so=state) if state else found
    found = found.filter(scope, within("jurisdiction", [area]) if area else Q())
    return found.filter(state=state) if state else found


def topic_for(person: Person, topic_id: uuid.UUID, *, lock: bool = False) -> Topic:
    """One of them, else NotFound (`topic_not_found`)."""
    topics = topics_for(person)
    if lock:
        lock_row(topics.filter(pk=topic_id))
    found = topics.filter(pk=topic_id).first()
    if found is None:
        raise NotFound("topic_not_found", _("There is no such topic, or it is not yours to see."))
    return found


def public_topic(topic_id: uuid.UUID) -> Topic:
    """A topic for anybody: what neighbours talk about is open from the first day. Else NotFound (`topic_not_found`)."""
    found = Topic.objects.select_related(*TOPIC_ROWS).filter(pk=topic_id).first()
    if found is None:
        raise NotFound("topic_not_found", _("There is no such topic."))
    return found


def topic_of(household: Household, topic_id: uuid.UUID) -> Topic:
    """A topic that concerns the household, else NotFound (`topic_not_found`)."""
    above = [place.pk for place in chain_of(household.place)]
    found = Topic.objects.select_related(*TOPIC_ROWS).filter(pk=topic_id, place__in=above).first()
    if found is None:
        raise NotFound("topic_not_found", _("There is no such topic for your household."))
    return found


def topics_around(place: SharedPlace) -> QuerySet[Topic]:
    """Topics that concern who lives there, the newest first; for anybody."""
    found = Topic.objects.filter(place__in=ids_around(place)).select_related(*TOPIC_ROWS)
    return found.order_by("-opened_at", "-pk")


# ---- problems -------------------------------------------------------------------------------------------------------


def problem_for(person: Person, problem_id: int, *, lock: bool = False) -> Problem:
    """One of a topic in sight, else NotFound (`problem_not_found`)."""
    scope = within("topic__jurisdiction", rights.codes(person, SEES))
    problems = Problem.objects.filter(scope).select_related(*(f"topic__{name}" for name in TOPIC_ROWS), "decision")
    if lock:
        lock_row(problems.filter(pk=problem_id))
    found = problems.filter(pk=problem_id).first()
    if found is None:
        raise NotFound("problem_not_found", _("There is no such problem, or it is not yours to see."))
    return found


def unanswered(topics: Iterable[Topic]) -> dict[uuid.UUID, tuple[int, int]]:
    """By topic how many problems are listed and how many of them have no public answer."""
    rows = Problem.objects.filter(topic__in=[topic.pk for topic in topics]).order_by().values("topic")
    counted = rows.annotate(all=Count("pk"), bare=Count("pk", filter=Q(answer="")))
    return {row["topic"]: (row["all"], row["bare"]) for row in counted}


# ---- comments -------------------------------------------------------------------------------------------------------


def comment_for(person: Person, comment_id: uuid.UUID, *, lock: bool = False) -> Comment:
    """One on a topic in sight, else NotFound (`comment_not_found`)."""
    scope = within("topic__jurisdiction", rights.codes(person, SEES))
    comments = Comment.objects.filter(scope).select_related("topic")
    if lock:
        lock_row(comments.filter(pk=comment_id))
    found = comments.filter(pk=comment_id).first()
    if found is None:
        raise NotFound("comment_not_found", _("There is no such comment, or it is not yours to see."))
    return found
