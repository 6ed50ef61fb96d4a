"""A walk in six steps for newcomers: a finding, mended, looked back at, decided about, screened for, and printed.

Each step is told on a page of the office with what is on record there. Who may not open that page is led to one that
anybody may read, and is told so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest
from duban.bulletin import queries as bulletin
from duban.core import clock, tour
from duban.core.errors import DubanError
from duban.decisions import queries as decisions
from duban.ledger import lookback
from duban.ledger import queries as ledger
from duban.ledger.lifecycle import State
from duban.outbreak import screening
from duban.web.progress import progress_of

RECENT = 60
"""Decisions among which one with work is looked for."""


class BadStep(DubanError):
    pass


@dataclass(frozen=True)
class Step:
    """What is told, what to look at, who may open its page, where it is, and what anybody may read instead."""

    key: str
    title: Promise
    look: Promise
    permissions: tuple[str, ...]
    find: Callable[[Person, datetime], str]
    instead: Callable[[], str]

    def place(self, person: Person, now: datetime, number: int) -> tour.Place:
        """Where the step is told to the person."""
        may = any(rights.codes(person, name) for name in self.permissions)
        return {"step": number, "url": self.find(person, now) if may else self.instead(), "instead": not may}


# ---- where each is told ---------------------------------------------------------------------------------------------


def _entry(person: Person, now: datetime, *states: State) -> str:
    """The last found in the first of the states in which there is one, or the ledger where there is none."""
    for state in states:
        entry = ledger.entries_for(person, ledger.Filters(states=(state,)), now=now).first()
        if entry is not None:
            return reverse("ledger:entry", args=[entry.pk])
    return reverse("ledger:list")


def finding(person: Person, now: datetime) -> str:
    return _entry(person, now, State.ASSIGNED, State.LISTED, State.FOUND)


def rectified(person: Person, now: datetime) -> str:
    return _entry(person, now, State.CLOSED)


def looked_back(person: Person, now: datetime) -> str:
    drawn = lookback.rounds_for(person).first()
    return reverse("ledger:lookback_round", args=[drawn.pk]) if drawn else reverse("ledger:lookback")


def seen_through(person: Person, now: datetime) -> str:
    """The last decision that is furthest on its way: finished before begun, begun before none."""
    found = list(decisions.decisions_for(person)[:RECENT])
    progress = progress_of(found, now, reader=person)
    best = max(found, key=lambda one: (progress[one.pk].finished, bool(progress[one.pk].strands)), default=None)
    return reverse("web:decision", args=[best.pk]) if best else reverse("web:decisions")


def screened(person: Person, now: datetime) -> str:
    """How far people found by a screening are; for who runs them the last one itself."""
    last = screening.screenings_for(person).first()
    return reverse("outbreak:screening", args=[last.pk]) if last else reverse("outbreak:funnel")


def page_of_day(person: Person, now: datetime) -> str:
    """The page of the day on which the last issue came out."""
    last = bulletin.published().first()
    day = timezone.localtime(last.published_at if last else now).date()
    return f"{reverse('bulletin:page_of_day')}?{urlencode({'day': day.isoformat()})}"


def printed(where: Callable[[Mapping[str, Any]], str]) -> str:
    """The last issue that anybody may read, at the place that `where` finds in its document."""
    last = bulletin.published().first()
    if last is None:
        return reverse("bulletin:public_list")
    at = where(bulletin.document(bulletin.published_issue(last.pk)))
    return reverse("bulletin:public_issue", args=[last.pk]) + (f"#{at}" if at else "")


def printed_entry(section: str) -> str:
    """Its first entry of a section."""

    def where(document: Mapping[str, Any]) -> str:
        held = [entry for one in document["sections"] if one["key"] == section for entry in one["entries"]]
        return f"entry-{held[0]['number']}" if held else ""

    return printed(where)


def printed_block(kind: str) -> str:
    """Its block of a kind."""

    def where(document: Mapping[str, Any]) -> str:
        held = [block["id"] for block in document.get("blocks", []) if block["kind"] == kind]
        return f"block-{held[0]}" if held else ""

    return printed(where)


STEPS = (
    Step(
        "finding", gettext_lazy("A finding is on the books"),
        gettext_lazy(
            "The place in words, the photo, the unit that must mend it and by when. Below: who did what, each line "
            "sealed with the one before it."
        ),
        ("entry.see", "entry.see_own"), finding, partial(printed_entry, "new"),
    ),
    Step(
        "rectified", gettext_lazy("It is mended, and the photos show it"),
        gettext_lazy(
            "Pull the bar over the two photos: before and after, from the same place. Only then was it struck off, by "
            "somebody else than who mended it."
        ),
        ("entry.see", "entry.see_own"), rectified, partial(printed_entry, "rectified"),
    ),
    Step(
        "lookback", gettext_lazy("Weeks later somebody looks again"),
        gettext_lazy(
            "Of what was struck off some is drawn by lot, and anybody can draw the same lot again. What came back is "
            "on the books once more."
        ),
        ("entry.look_back",), looked_back, partial(reverse, "patrol:exposed"),
    ),
    Step(
        "decision", gettext_lazy("A decision is seen through"),
        gettext_lazy(
            "How far it is, is counted from the work that is linked to it, and each number opens its rows. Take the "
            "links away, and it is not seen through."
        ),
        ("decision.see", "decision.see_led"), seen_through, partial(printed_block, "decisions"),
    ),
    Step(
        "screening", gettext_lazy("Who came from a risk area is found"),
        gettext_lazy(
            "Area, window and measure give who was there. Numbers below ten are told to health officers alone; names "
            "to nobody here."
        ),
        ("screening.count", "screening.run"), screened, partial(reverse, "outbreak:public_list"),
    ),
    Step(
        "page", gettext_lazy("And the page of the day tells of it all"),
        gettext_lazy(
            "Every figure on it is counted from the rows that you have seen. What is published stays as it is; a "
            "mistake is mended under a number of its own."
        ),
        ("bulletin.see",), page_of_day, partial(printed, lambda _document: ""),
    ),
)  # fmt: skip


# ---- pages ----------------------------------------------------------------------------------------------------------


@require_safe
@login_required
def overview(request: StaffRequest) -> HttpResponse:
    """The six steps, where to begin, and where one is."""
    place = tour.place_in(request)
    return render(request, "web/tour.html", {"steps": STEPS, "at": place["step"] if place else 0})


@require_POST
@login_required
def go(request: StaffRequest) -> HttpResponse:
    """To the step `to` (from 1), past the last one to the end, or with `leave` off the tour.

    Raises BadStep (`no_such_step`).
    """
    to = request.POST.get("to", "")
    if to == "leave":
        tour.leave(request)
        messages.info(request, _("You left the tour. It is in the menu under your name."))
        return redirect("web:desk")
    number = int(to) if to.isascii() and to.isdecimal() and len(to) < 3 else 0
    if number == len(STEPS) + 1:
        tour.leave(request)
        messages.success(request, _("That was the tour. It is in the menu under your name."))
        return redirect("web:desk")
    if not 1 <= number <= len(STEPS):
        raise BadStep(
            "no_such_step",
            _("The tour has %(steps)d steps; begin it at the first one.") % {"steps": len(STEPS)},
            field="to",
        )
    place = STEPS[number - 1].place(request.user, clock.now(), number)
    tour.go_to(request, place)
    return redirect(place["url"])


urls = [path("tour/", overview, name="tour"), path("tour/go/", go, name="tour_go")]
