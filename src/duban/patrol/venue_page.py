"""One venue: what stands open there, who was there and what was found, whom to speak to, and its sticker."""

import base64
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.core.errors import DubanError
from duban.ledger.story import numbers_in_sight
from duban.patrol import queries
from duban.patrol.checklists import title_of
from duban.patrol.models import Answer, Failure, Result, Visit, VisitState
from duban.patrol.wording import Words, words_of
from duban.places import queries as places
from duban.places.codes import ancestors
from duban.venues import queries as venues
from duban.venues.contact import masked, unseal_contact
from duban.venues.map_points import point_of
from duban.venues.stickers import qr_svg

PAGE_SIZE = 20
MENDED_SHOWN = 20
SHAPES = {VisitState.UNDER_WAY: "assigned", VisitState.FINISHED: "closed", VisitState.VOID: "void"}


class BadCursor(DubanError):
    pass


@dataclass(frozen=True)
class VisitShown:
    """A line of the history: what failed then, and how many answers there were."""

    visit: Visit
    who: str
    title: str
    shape: str
    word: str
    failed: list[str]
    checked: int


@dataclass(frozen=True)
class FailureShown:
    failure: Failure
    word: str
    number: str
    """Of its entry on the ledger, where that is the person's to see."""


@require_safe
@person_who("venue.see")
def venue_page(request: StaffRequest, venue_id: uuid.UUID) -> HttpResponse:
    """The page; visits and failures are on it for whoever may see them there."""
    person = request.user
    venue = venues.venue_for(person, venue_id)
    refusal, older, newer = None, "", ""
    visits: list[Visit] = []
    sees = rights.may(person, queries.SEES, venue.jurisdiction)
    if sees:
        try:
            visits, older, newer = page_of_visits(
                queries.visits_for(person).filter(venue=venue), request.GET.get("cursor", "")
            )
        except DubanError as wrong:
            refusal = wrong
    standing = list(queries.open_failures_of(venue)) if sees else []
    mended = queries.failures_for(person).filter(venue=venue, closed_at__isnull=False).order_by("-closed_at", "key")
    closed = list(mended.select_related("opened_by", "closed_by")[: MENDED_SHOWN + 1]) if sees else []
    failed = _failed_in(visits)
    words = words_of({*(one.key for one in (*standing, *closed)), *(key for keys in failed.values() for key in keys)})
    may_open = rights.may(person, "venue.contact", venue.jurisdiction)
    contact = unseal_contact(venue.contact) if may_open else None
    names = places.names([*ancestors(venue.jurisdiction), venue.jurisdiction])
    context = {
        "venue": venue,
        "area": " ".join(names[code] for code in sorted(names, key=len)[-2:]),
        "points": [] if venue.lon is None else [point_of(venue)],
        "sees": sees,
        "standing": _failures(person, standing, words),
        "mended": _failures(person, closed[:MENDED_SHOWN], words),
        "more_mended": len(closed) > MENDED_SHOWN,
        "visits": _visits(visits, failed, words),
        "older": older,
        "newer": newer,
        "refusal": refusal,
        "contact": masked(contact) if contact else None,
        "may_open": may_open,
        "may_keep": rights.may(person, "venue.edit", venue.jurisdiction),
        "may_visit": rights.may(person, "visit.make", venue.jurisdiction) and venue.closed_at is None,
        "sticker": qr_svg(venue),
    }
    return render(request, "patrol/venue.html", context, status=refusal.status if refusal else 200)


def page_of_visits(visits: QuerySet[Visit], cursor: str) -> tuple[list[Visit], str, str]:
    """The visits, the newest first, and the addresses of the pages beside them.

    Raises BadCursor (`bad_cursor`).
    """
    backwards, key = _read_cursor(cursor) if cursor else (False, None)
    if key is not None:
        at, pk = key
        way = "gt" if backwards else "lt"
        beyond = Q(**{f"visited_at__{way}": at}) | Q(visited_at=at, **{f"id__{way}": pk})
        visits = visits.filter(beyond, **{f"visited_at__{way}e": at})
    order = ("visited_at", "id") if backwards else ("-visited_at", "-id")
    found = list(visits.select_related("version__checklist").order_by(*order)[: PAGE_SIZE + 1])
    more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    if backwards:
        found.reverse()
    older = f"?cursor={_cursor('older', found[-1])}#visits" if found and (backwards or more) else ""
    newer = f"?cursor={_cursor('newer', found[0])}#visits" if found and (more if backwards else key) else ""
    return found, older, newer


def _cursor(direction: str, visit: Visit) -> str:
    key = json.dumps([direction, visit.visited_at.isoformat(), str(visit.pk)])
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[bool, tuple[datetime, uuid.UUID]]:
    try:
        direction, at, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(at)
        if direction not in {"older", "newer"} or moment.tzinfo is None or not 1900 < moment.year < 9000:
            raise ValueError(cursor)
        return direction == "newer", (moment, uuid.UUID(pk))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadCursor(
            "bad_cursor", _("This page of the list is not there any more; start at its head."), field="cursor"
        ) from error


def _failed_in(visits: Sequence[Visit]) -> dict[uuid.UUID, list[str]]:
    """The keys of what failed, by visit."""
    failed: dict[uuid.UUID, list[str]] = {}
    answers = Answer.objects.filter(visit__in=visits, result=Result.FAIL) if visits else Answer.objects.none()
    for visit, key in answers.order_by("item__position", "key").values_list("visit", "key"):
        failed.setdefault(visit, []).append(key)
    return failed


def _visits(visits: Sequence[Visit], failed: dict[uuid.UUID, list[str]], words: dict[str, Words]) -> list[VisitShown]:
    answers = Answer.objects.filter(visit__in=visits, result__in=[Result.PASS, Result.FAIL])
    checked = dict(answers.values_list("visit").annotate(n=Count("pk"))) if visits else {}
    return [
        VisitShown(
            visit=visit,
            who=visit.inspector.get("name") or visit.username,
            title=title_of(visit.version.checklist) if visit.version else "",
            shape=SHAPES[VisitState(visit.state)],
            word=str(VisitState(visit.state).label),
            failed=[words[key].here for key in failed.get(visit.pk, ())],
            checked=checked.get(visit.pk, 0),
        )
        for visit in visits
    ]


def _failures(person: Person, failures: Sequence[Failure], words: dict[str, Words]) -> list[FailureShown]:
    numbers = numbers_in_sight(person, [failure.entry_id for failure in failures])
    return [FailureShown(one, words[one.key].here, numbers.get(str(one.entry_id), "")) for one in failures]


@require_safe
@person_who("venue.see")
def sticker(request: StaffRequest, token: str) -> HttpResponse:
    """Where the sticker of a venue leads."""
    return redirect("patrol:venue", venues.venue_of_sticker(request.user, token).pk)


urls = [path("venues/<uuid:venue_id>/", venue_page, name="venue")]
