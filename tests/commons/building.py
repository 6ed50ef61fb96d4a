"""What tests of commons build on: an entrance with its households, and a topic to talk about."""

import secrets
from datetime import datetime

from duban.access.models import Person
from duban.commons.models import Household, SharedPlace, Topic
from duban.commons.secrets import digest_of
from duban.demo.builders import NOON

COMMUNITY = "110112005001"


def make_place(name: str = "", code: str = COMMUNITY, kind: str = "entrance", **more: object) -> SharedPlace:
    """Without a name it gets one that no other has."""
    name = name or f"{SharedPlace.objects.count() + 3}号楼2单元"
    return SharedPlace.objects.create(name=name, jurisdiction=code, kind=kind, token=secrets.token_urlsafe(16), **more)


def make_households(place: SharedPlace, count: int) -> list[tuple[Household, str]]:
    """Doors 1, 2, ... with the secret of each."""
    made = []
    for door in range(1, count + 1):
        secret = f"secret-{place.pk}-{door}"
        made.append((Household.objects.create(place=place, door=str(door), digest=digest_of(secret)), secret))
    return made


def make_topic(place: SharedPlace, by: Person, title: str = "楼门怎么美化", now: datetime = NOON) -> Topic:
    return Topic.objects.create(
        place=place, jurisdiction=place.jurisdiction, title=title, opened_by=by.as_actor(), opened_at=now
    )
