"""A supervisor's triage: what was found or listed, one entry at a time, each decided with one key."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.db.models import Q, QuerySet, Subquery, prefetch_related_objects
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.core import clock
from duban.core.errors import DubanError, NotFound
from duban.core.paging import count_of
from duban.ledger import actions, filters, queries
from duban.ledger.appending import BadStep
from duban.ledger.lifecycle import TRANSITIONS, State
from duban.ledger.map_points import point_of
from duban.ledger.models import Entry
from duban.ledger.views import StaffRequest, person_who
from duban.ledger.worklists import COUNT_CAP, heap_of
from duban.places import queries as places

WAITING = (State.FOUND, State.LISTED)
UNDO = {State.VOID: "restore", State.MERGED: "unmerge"}
"""What takes the last step back, by the state that it led to; the rest of the lifecycle has no way back."""


@require_safe
@person_who("entry.triage")
def triage(request: StaffRequest) -> HttpResponse:
    """The entry `at`, or what comes after it where it waits no more, or the oldest."""
    return _show(request, _entry_at(request, _read_id(request.GET.get("at", ""))))


def _wanted(request: StaffRequest) -> queries.Filters:
    """The address as the ledger reads it, for what waits here alone and the oldest first."""
    asked = filters.read_filters(request.GET)
    states = tuple(state for state in asked.states if state in WAITING) or WAITING
    return replace(asked, states=states, sort="found_at")


def _read_id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _heap(request: StaffRequest) -> QuerySet[Entry]:
    # The category of the one in hand is read with it; the others are only gone on to.
    return heap_of(request.user, _wanted(request), "entry.triage", now=clock.now()).prefetch_related(None)


def _after(heap: QuerySet[Entry], entry: Entry) -> QuerySet[Entry]:
    return heap.filter(found_at__gte=entry.found_at).filter(Q(found_at__gt=entry.found_at) | Q(pk__gt=entry.pk))


def _before(heap: QuerySet[Entry], entry: Entry) -> QuerySet[Entry]:
    earlier = heap.filter(found_at__lte=entry.found_at).filter(Q(found_at__lt=entry.found_at) | Q(pk__lt=entry.pk))
    return earlier.order_by("-found_at", "-pk")


def _entry_at(request: StaffRequest, entry_id: uuid.UUID | None) -> Entry | None:
    heap = _heap(request)
    if entry_id is None:
        return heap.first()
    here = heap.filter(pk=entry_id).first()
    if here is not None:
        return here
    gone = Entry.objects.visible_to(request.user).filter(pk=entry_id).first()
    return (_after(heap, gone).first() if gone else None) or heap.first()


def _show(
    request: StaffRequest, entry: Entry | None, *, refusal: DubanError | None = None, reason: str = ""
) -> HttpResponse:
    person, now = request.user, clock.now()
    heap = _heap(request)
    query = filters.write_filters(replace(_wanted(request), sort=filters.NEWEST))
    last_id = _read_id(request.GET.get("last", ""))
    last = Entry.objects.visible_to(person).filter(pk=last_id).first() if last_id else None
    context: dict[str, Any] = {
        "entry": entry,
        "left": count_of(heap, COUNT_CAP),
        "query": query,
        "last": last,
        "undo": TRANSITIONS[UNDO[State(last.state)]] if last and last.state in UNDO else None,
        "refusal": refusal,
        "reason": reason,
    }
    if entry is not None:
        context |= _context_of(person, entry, heap, query, now)
    return render(request, "ledger/triage.html", context, status=refusal.status if refusal else 200)


def _context_of(person: Person, entry: Entry, heap: QuerySet[Entry], query: str, now: datetime) -> dict[str, Any]:
    """The entry with its photos, its place, what stands open near by, and the ways on and back."""
    near = queries.near_open(person, entry.lon, entry.lat, leave_out=entry.pk, limit=4)
    prefetch_related_objects([entry, *(other for other, _metres in near)], "category")
    beside = [Subquery(one.values("pk")[:1]) for one in (_after(heap, entry), _before(heap, entry))]
    following, earlier = Entry.objects.values_list(*beside).get(pk=entry.pk)
    shown = [entry.pk, *(other.pk for other, _metres in near), *([following] if following else [])]
    pictures = queries.pictures_of(shown)
    first = {entry_id: photos[0] for entry_id, photos in pictures.items()}
    names = places.names({entry.responsible, entry.jurisdiction})
    points = [point_of(other, now) | {"lon": other.lon, "lat": other.lat} for other, _metres in near]
    here = point_of(entry, now) | {"lon": entry.lon, "lat": entry.lat, "url": ""}
    return {
        "word": State(entry.state).label,
        "photos": pictures.get(entry.pk, []),
        "unit": names.get(entry.responsible, entry.responsible),
        "area": names.get(entry.jurisdiction, entry.jurisdiction),
        "assignable": rights.may(person, "entry.triage", entry.responsible, entry.category.kind),
        "near": [
            (other, metres, first.get(other.pk, ""), other.category_id == entry.category_id) for other, metres in near
        ],
        "points": [here, *points],
        "following": _address(query, at=following) if following else "",
        "earlier": _address(query, at=earlier) if earlier else "",
        "next_picture": first.get(following, "") if following else "",
    }


def _address(query: str, *, at: Entry | uuid.UUID | None, last: uuid.UUID | None = None) -> str:
    more = {"at": str(at.pk if isinstance(at, Entry) else at or ""), "last": str(last or "")}
    return f"{reverse('ledger:triage')}?{'&'.join(part for part in (query, urlencode(_said(more))) if part)}"


def _said(words: dict[str, str]) -> dict[str, str]:
    return {name: word for name, word in words.items() if word}


@require_POST
@person_who("entry.triage")
def decide(request: StaffRequest, entry_id: uuid.UUID, decision: str) -> HttpResponse:
    """Take the decision and come to the next entry; refused, this one is shown again with the reason."""
    verb = DECISIONS.get(decision)
    if verb is None:
        raise Http404(decision)
    person, now = request.user, clock.now()
    query = filters.write_filters(replace(_wanted(request), sort=filters.NEWEST))
    entry = queries.entry_for(person, entry_id)
    following = entry if decision == "undo" else _after(_heap(request), entry).first()
    try:
        done = verb(by=person, now=now, entry_id=entry_id, **_facts(request, decision))
    except NotFound:
        raise
    except DubanError as refusal:
        shown = _entry_at(request, entry_id)
        return _show(request, shown, refusal=refusal, reason=request.POST.get("reason", ""))
    messages.success(request, f"{done.number}: {State(done.state).label}")
    return redirect(_address(query, at=following, last=None if decision == "undo" else entry_id))


def _facts(request: StaffRequest, decision: str) -> dict[str, Any]:
    """What of the form the decision needs."""
    seen = request.POST.get("seen", "")[:9]
    facts: dict[str, Any] = {"seen": int(seen) if seen.isdecimal() and seen.isascii() else None}
    if decision == "void":
        facts["reason"] = request.POST.get("reason", "")
    if decision == "merge":
        facts["into"] = _read_id(request.POST.get("into", ""))
        if facts["into"] is None:
            raise BadStep("bad_merge_target", _("Pick the entry that goes on."), field="into")
    return facts


@transaction.atomic
def accept(*, by: Person, now: datetime, entry_id: uuid.UUID, seen: int | None = None) -> Entry:
    """Put a finding on the ledger and assign it to the unit proposed, both or neither."""
    if queries.entry_for(by, entry_id).state == State.FOUND:
        actions.list_entry(by=by, now=now, entry_id=entry_id, seen=seen)
        seen = None
    return actions.assign_entry(by=by, now=now, entry_id=entry_id, seen=seen)


def undo(*, by: Person, now: datetime, entry_id: uuid.UUID, seen: int | None = None) -> Entry:
    """Take a voiding or a merger back; raises BadStep (`nothing_to_undo`) after any other step."""
    action = UNDO.get(State(queries.entry_for(by, entry_id).state))
    if action is None:
        raise BadStep(
            "nothing_to_undo", _("This step is not taken back here; the entry's page shows what can be done.")
        )
    return actions.VERBS[action](by=by, now=now, entry_id=entry_id, seen=seen, reason=_("Taken back at once."))


DECISIONS: dict[str, Callable[..., Entry]] = {
    "accept": accept,
    "list": actions.list_entry,
    "void": actions.void_entry,
    "merge": actions.merge_entry,
    "undo": undo,
}
