"""Venues and finished visits for the tests, made as plain rows; settling them is what is tested."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

from duban.access.models import Person
from duban.demo.builders import NOON, make_person
from duban.patrol.models import Answer, Item, Visit, VisitState
from duban.patrol.settling import Settled, settle_visits
from duban.venues.actions import record_venue
from duban.venues.models import Venue

TOWN = "110112106"
seeds: Iterator[int] = count(1)


def make_venue(name: str = "平安面馆", *, by: Person | None = None, **facts: object) -> Venue:
    by = by or Person.objects.filter(username="inspector").first() or make_person("inspector", "inspector")
    said = {"kind": "restaurant", "jurisdiction": TOWN, "lon": 116.72, "lat": 39.95} | facts
    return record_venue(by=by, now=NOON, name=f"{name}{next(seeds)}", **said)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def visited(
    venue: Venue, minutes: float, *, until: float | None = None, recheck: bool = False, **results: str
) -> Visit:
    """A finished visit that began so many minutes after noon, with a result for each item."""
    visit = Visit.objects.create(
        id=uuid.uuid4(), venue=venue, state=VisitState.FINISHED, recheck=recheck, inspector={}, username="inspector",
        jurisdiction=venue.jurisdiction, town=venue.town, visited_at=at(minutes),
        finished_at=at(minutes if until is None else until),
    )  # fmt: skip
    items = {item.key: item for item in Item.objects.filter(key__in=results, version__state="in_use")}
    for key, result in results.items():
        Answer.objects.create(visit=visit, key=key, item=items.get(key), result=result, answered_at=at(minutes))
    return visit


def settle(by: Person, *visits: Visit) -> Settled:
    return settle_visits(by=by, now=at(60 * 24 * 30), visits=visits)
