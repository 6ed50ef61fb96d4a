"""The public home, and the desk on which lies what waits for the person who opens it."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.views.decorators.http import require_safe

from duban.access import rights
from duban.access.models import Person, Role
from duban.access.queries import names_of_people
from duban.access.requests import StaffRequest
from duban.bulletin import queries as bulletin
from duban.bulletin.models import WAITING, Issue
from duban.commons.volunteering.public_pages import read_area
from duban.core import clock
from duban.decisions.queries import SEES, SEES_LED
from duban.decisions.reminders import notices_of
from duban.ledger import queries as ledger
from duban.ledger.filters import write_filters
from duban.ledger.lifecycle import State
from duban.ledger.worklists import waiting_for
from duban.places import queries as places
from duban.web import neighbourhood, public

RECENT = 24
"""Issues whose entries the public map shows."""
SEEING = ("entry.see", "entry.see_own")
TOLD, TOLD_OF = 5, (SEES, SEES_LED)
"""Reminders of decisions that the desk shows, and who gets any."""


@dataclass(frozen=True)
class Line:
    """One entry as it lies on the desk."""

    entry: Any
    word: str
    overdue: bool
    unit: str
    before: str
    after: str
    """Hashes of the first photo of each kind, or empty."""


@dataclass(frozen=True)
class Heap:
    """Entries that wait for the same act, the first few of them, and the address of all."""

    key: str
    label: Promise
    count: int
    more: bool
    url: str
    lines: list[Line]

    @property
    def late(self) -> bool:
        return self.key.endswith("late")

    @property
    def one_by_one(self) -> str:
        """Where these are decided one at a time, for the heaps that are."""
        state = {"list": State.FOUND, "assign": State.LISTED}.get(self.key)
        return f"{reverse('ledger:triage')}?state={state}" if state else ""


@dataclass(frozen=True)
class Draft:
    """A bulletin in the making, and what its drafter is called."""

    issue: Issue
    drafted_by: str


@dataclass(frozen=True)
class Figure:
    """A number that opens the rows behind it."""

    shape: str
    label: str
    count: int
    url: str


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The latest bulletin, a search, the map of what was published of late, and what neighbours do (`?at=` a code)."""
    now, area = clock.now(), read_area(request)
    issues = list(bulletin.published()[:RECENT])
    documents = [(frozen_document(issue.pk, issue.hash), public.issue_url(issue.pk)) for issue in issues]
    latest = public.show_issue(documents[0][0], url=documents[0][1]) if documents else None
    context = {
        "section": "home",
        "issue": latest,
        "points": public.map_points(documents),
        "issues": [{"issue": issue, "url": url} for issue, (_document, url) in zip(issues, documents, strict=True)][:8],
        "meetings": neighbourhood.meetings(now, area),
        "shifts": neighbourhood.shifts(now, area),
        "needs": neighbourhood.needs(now, area),
    }
    return render(request, "web/home.html", context)


@lru_cache(maxsize=2 * RECENT)
def frozen_document(issue_id: uuid.UUID, _hash: str) -> dict[str, Any]:
    """The document of a published issue, read once per process: it is frozen, and its hash is part of the key."""
    return bulletin.document(bulletin.published_issue(issue_id))


@require_safe
@login_required
def desk(request: StaffRequest) -> HttpResponse:
    """What waits for this person, most urgent first; for who only reads, how many entries stand where."""
    person, now = request.user, clock.now()
    heaps, drafts = heaps_of(person, now), drafts_for(person)
    sees = any(rights.codes(person, permission) for permission in SEEING)
    told = list(notices_of(person)[:TOLD]) if any(rights.codes(person, name) for name in TOLD_OF) else []
    context = {
        "told": told,
        "heaps": heaps,
        "drafts": drafts,
        "figures": [] if heaps or drafts or not sees else figures_of(person),
        "roles": roles_of(person),
        "sees_ledger": sees,
        "may_record": bool(rights.codes(person, "entry.record")),
        "today": now,
    }
    return render(request, "web/desk.html", context)


def heaps_of(person: Person, now: datetime) -> list[Heap]:
    """The heaps on the person's desk with their lines; the same few queries however many entries there are."""
    waiting = waiting_for(person, now=now)
    entries = [entry for heap in waiting for entry in heap.entries]
    prefetch_related_objects(entries, "photos")
    names = places.names({entry.responsible for entry in entries})
    return [
        Heap(
            heap.key,
            heap.label,
            heap.count,
            heap.more,
            f"{reverse('ledger:list')}?{write_filters(heap.filters)}",
            [line_of(entry, names, now) for entry in heap.entries],
        )
        for heap in waiting
    ]


def line_of(entry: Any, names: dict[str, str], now: datetime) -> Line:
    """An entry, with its photos at hand, as a line."""
    first: dict[str, str] = {}
    for photo in entry.photos.all():
        first.setdefault(photo.moment, photo.photo_id)
    return Line(
        entry,
        str(State(entry.state).label),
        ledger.is_overdue(entry, now),
        names.get(entry.responsible, entry.responsible),
        first.get("before", ""),
        first.get("after", ""),
    )


def drafts_for(person: Person) -> list[Draft]:
    """Bulletins in the person's area that are not published yet, if the person draws up, approves or publishes any."""
    if not any(rights.codes(person, permission) for permission in ("bulletin.draft", "bulletin.approve")):
        return []
    drafts = list(bulletin.issues_for(person).filter(state__in=WAITING)[:20])
    names = names_of_people(draft.drafted_by for draft in drafts)
    return [Draft(draft, names[draft.drafted_by]) for draft in drafts]


def figures_of(person: Person) -> list[Figure]:
    """How many entries stand in each state, in the order of their life."""
    counts = ledger.counts_by_state(person)
    return [
        Figure(state, str(state.label), counts[state], f"{reverse('ledger:list')}?state={state}")
        for state in State
        if state in counts
    ]


def roles_of(person: Person) -> list[dict[str, str]]:
    """The person's roles in words, each with the name of its place."""
    names = places.names([code for _role, code, _kind in person.held_roles])
    return [{"role": str(Role(role).label), "place": names.get(code, code)} for role, code, _kind in person.held_roles]
