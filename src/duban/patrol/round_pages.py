"""Rounds: planning a campaign, watching it by town and on the map, sharing it out, closing it; and who goes where."""

import csv
import math
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.dateparse import parse_date
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.queries import names_of_people
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, refuse
from duban.core.tables import safe_cell
from duban.ledger.filters import write_filters
from duban.ledger.queries import Filters
from duban.ledger.views import area_choices
from duban.patrol import rounds
from duban.patrol.models import CheckList, PatrolRound, RoundVenue
from duban.places import queries as places
from duban.places.codes import normalise_code
from duban.venues.models import VenueType

PAGE_SIZE = 50
ROUNDS_SHOWN = 20
LOOKBACKS_SHOWN = 20
MAP_CAP = 2000
CHUNK = 2000
COLUMNS = ("round", "engine", "size", "seed", "venue", "name", "town", "drawn", "inspector", "missed")
SHOWN: dict[str, Promise | str] = {
    "": gettext_lazy("still to visit"),
    "visited": gettext_lazy("visited"),
    "failed": gettext_lazy("with problems"),
    "missed": gettext_lazy("missed when it was closed"),
    "drawn": gettext_lazy("all drawn"),
    "all": gettext_lazy("the whole frame"),
}


# ---- all rounds, and planning one -----------------------------------------------------------------------------------


class PlanForm(forms.Form):
    """What to plan. `id` is made before the first press, so that a second press is a replay and no second round."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput)
    title = NeededField(label=gettext_lazy("What the round is called"))
    at = NeededField(label=gettext_lazy("Area"), widget=forms.Select)
    venue_types = forms.MultipleChoiceField(
        label=gettext_lazy("Types of venues"), required=False, widget=forms.SelectMultiple(attrs={"size": 6})
    )
    starts_on = NeededField(label=gettext_lazy("First day"), widget=forms.DateInput(attrs={"type": "date"}))
    ends_on = NeededField(label=gettext_lazy("Last day"), widget=forms.DateInput(attrs={"type": "date"}))
    size = forms.CharField(
        label=gettext_lazy("How many to draw"),
        required=False,
        widget=forms.NumberInput(attrs={"min": 1, "max": rounds.MAX_SIZE, "inputmode": "numeric"}),
    )
    seed = forms.CharField(
        label=gettext_lazy("Seed"),
        required=False,
        help_text=gettext_lazy("Left empty, a random one is made. One that was thrown before witnesses may be typed."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    inspectors = forms.CharField(
        label=gettext_lazy("Inspectors"),
        required=False,
        help_text=gettext_lazy("User names, parted by blanks or commas; left empty, anybody may go."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "inspectors-known"}),
    )
    checklist = forms.CharField(label=gettext_lazy("Check-list"), required=False, widget=forms.Select)

    def __init__(self, data: Any = None, *, areas: Sequence[tuple[str, str]], today: date):
        initial = {
            "id": uuid.uuid4(),
            "starts_on": today.isoformat(),
            "ends_on": today.isoformat(),
            "at": areas[0][0] if areas else "",
        }
        super().__init__(data, initial=initial)
        self.fields["at"].widget.choices = areas
        kinds: Any = self.fields["venue_types"]
        kinds.choices = [(kind.key, str(kind)) for kind in VenueType.objects.all()]
        lists = CheckList.objects.filter(versions__state="in_use")
        self.fields["checklist"].widget.choices = [
            ("", _("the one for the venue’s type")), *((one.key, one.title) for one in lists)
        ]  # fmt: skip

    def clean_starts_on(self) -> date:
        return _day(self.cleaned_data["starts_on"])

    def clean_ends_on(self) -> date:
        return _day(self.cleaned_data["ends_on"])

    def clean_size(self) -> int | None:
        return _size(self.cleaned_data["size"])

    def clean_inspectors(self) -> list[str]:
        return self.cleaned_data["inspectors"].replace(",", " ").replace("，", " ").replace("、", " ").split()


def _day(text: str) -> date:
    try:
        found = parse_date(text.strip())
    except ValueError:
        found = None
    if found is None:
        raise forms.ValidationError(_("This is not a day; write 2021-01-20."), code="bad_days")
    return found


def _size(text: str) -> int | None:
    """None for all of them; 0, which the action refuses, for what is no number."""
    text = text.strip()
    if not text:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0


@dataclass(frozen=True)
class RoundShown:
    """A line of the list."""

    round: PatrolRound
    area: str
    kinds: list[str]
    drawn: int
    visited: int


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(rounds.SEES)
def round_list(request: StaffRequest) -> HttpResponse:
    """Every round the person may see, and for who may plan one: the form, with what it would find."""
    person, now, status = request.user, clock.now(), 200
    may_plan = bool(rights.codes(person, rounds.MANAGES))
    form = None
    if may_plan:
        data = request.POST if request.method == "POST" else None
        form = PlanForm(data, areas=_areas(person), today=timezone.localdate(now))
    if request.method == "POST":
        if form is None:
            rights.require(person, rounds.MANAGES, "")
        elif form.is_valid():
            asked = form.cleaned_data | {"round_id": form.cleaned_data["id"]}
            del asked["id"]
            try:
                planned = rounds.plan_round(by=person, now=now, **asked).round
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("The round is planned."))
                return redirect("patrol:round", planned.pk)
        else:
            status = 400
    page = _page_number(request.GET.get("page", ""))
    found = list(rounds.rounds_for(person)[(page - 1) * ROUNDS_SHOWN : page * ROUNDS_SHOWN + 1])
    more, found = len(found) > ROUNDS_SHOWN, found[:ROUNDS_SHOWN]
    context = {
        "lines": _lines(person, found),
        "older": f"?page={page + 1}" if more else "",
        "form": form,
        "inspectors": _inspectors(person) if may_plan else [],
        "preview": _preview(person, str(form["at"].value() or ""), [], "") if form and not form.is_bound else None,
        "may_visit": bool(rights.codes(person, rounds.VISITS)),
        "today": timezone.localdate(now),
    }
    return render(request, "patrol/rounds.html", context, status=status)


def _lines(person: Person, found: list[PatrolRound]) -> list[RoundShown]:
    names = places.names({one.area for one in found})
    kinds = {kind.key: str(kind) for kind in VenueType.objects.all()}
    counts = rounds.progress_of_rounds(person, found)
    return [
        RoundShown(
            one, names.get(one.area, one.area), [kinds.get(key, key) for key in one.venue_types], *counts[one.pk]
        )
        for one in found
    ]


def _page_number(text: str) -> int:
    return max(int(text), 1) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


def _areas(person: Person) -> list[tuple[str, str]]:
    """(code, name) of where the person may plan: counties and towns, and a code of theirs that is none of these."""
    codes = rights.codes(person, rounds.MANAGES)
    choices = area_choices(codes)
    finer = [code for code in codes if code not in dict(choices)]
    names = places.names(finer) if finer else {}
    return [*choices, *((code, names.get(code, code)) for code in finer)]


def _inspectors(person: Person) -> list[tuple[str, str]]:
    """(user name, name) of those who could go, for the first of the areas that the person plans for."""
    codes = rights.codes(person, rounds.MANAGES)
    found = rounds.inspectors_at(codes[0]) if codes else []
    names = names_of_people(found)
    return [(username, names[username]) for username in found]


@dataclass(frozen=True)
class Preview:
    """What a plan would find: (name, venues) by town, and of all how many would be drawn."""

    towns: list[tuple[str, int]]
    frame: int
    drawn: int


def _preview(person: Person, at: str, kinds: Sequence[str], size: str) -> Preview | None:
    """None where the question makes no sense yet: the form says why when it is sent."""
    try:
        area = normalise_code(at)
        rights.require(person, rounds.MANAGES, area)
    except DubanError:
        return None
    towns = rounds.frame_by_town(area, kinds)
    names = places.names({town for town, _n in towns})
    frame, wanted = sum(n for _town, n in towns), _size(size)
    drawn = frame if wanted is None else min(wanted, frame)
    return Preview([(names.get(town, town), n) for town, n in towns], frame, drawn)


@require_safe
@person_who(rounds.MANAGES)
def preview(request: StaffRequest) -> HttpResponse:
    """How many venues a plan of that area, those types and that size would find; nothing is stored."""
    kinds = [key for key in request.GET.getlist("venue_types") if key.isascii() and len(key) <= 30]
    found = _preview(request.user, request.GET.get("at", ""), kinds, request.GET.get("size", ""))
    return render(request, "patrol/parts/round_preview.html", {"preview": found})


# ---- one round ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TownShown:
    name: str
    town: str
    counts: rounds.TownProgress


@dataclass(frozen=True)
class VenueShown:
    """A line of the round's venues."""

    row: RoundVenue
    town: str
    inspector: str
    word: str
    shape: str
    may_visit: bool


@require_safe
@person_who(rounds.SEES)
def one(request: StaffRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """A round: how far it is by town and on the map, its venues, what is due for a look-back there, and its proof."""
    return _one(request, rounds.round_for(request.user, campaign_id))


def _one(request: StaffRequest, round_: PatrolRound, *, status: int = 200, **more: Any) -> HttpResponse:
    person = request.user
    rows = rounds.venues_for(person, round_)
    wanted = request.GET.get("show", "")
    wanted = wanted if wanted in SHOWN else ""
    town = request.GET.get("town", "")
    town = town if town.isascii() and town.isdecimal() else ""
    listed = _standing(rounds.with_visits(rows.filter(town=town) if town else rows, round_), wanted)
    page, older = _page_of(listed, request.GET.get("after", ""))
    towns = rounds.progress(rows, round_)
    names = places.names({round_.area, *(each.town for each in towns)})
    people = names_of_people(
        {name for row in page for name in [row.inspector] if name} | {round_.closed_by, round_.made_by["username"]}
    )
    lookbacks = list(rounds.lookbacks_of(person, round_)[: LOOKBACKS_SHOWN + 1])
    whole, manages = rounds.sees_whole(person, round_), rounds.may_manage(person, round_)
    kinds = {kind.key: str(kind) for kind in VenueType.objects.all()} if round_.venue_types else {}
    kept = f"show={wanted}&town={town}"
    context: dict[str, Any] = {
        "round": round_,
        "area": names.get(round_.area, round_.area),
        "kinds": [kinds.get(key, key) for key in round_.venue_types],
        "towns": [TownShown(names.get(each.town, each.town), each.town, each) for each in towns[:-1]],
        "sum": towns[-1],
        "cells": _cells(towns[-1], wanted),
        "chips": [(label, f"?show={key}&town={town}", key == wanted) for key, label in SHOWN.items()],
        "town": town,
        "town_name": names.get(town, town),
        "venues": [_venue(row, person, round_, names, people) for row in page],
        "older": f"?{kept}&after={older}#venues" if older else "",
        "lookbacks": lookbacks[:LOOKBACKS_SHOWN],
        "more_lookbacks": len(lookbacks) > LOOKBACKS_SHOWN,
        "lookback_url": f"{reverse('ledger:list')}?{write_filters(Filters(area=round_.area, lookback='due'))}",
        "whole": whole,
        "manages": manages,
        "inspectors": _assignable(round_) if manages else [],
        "made_by": people[round_.made_by["username"]],
        "closed_by": people[round_.closed_by] if round_.closed_by else "",
        "reason": "",
        "mend": None,
    }
    return render(request, "patrol/round.html", context | more, status=status)


def _standing(found: QuerySet[RoundVenue], wanted: str) -> QuerySet[RoundVenue]:
    if wanted == "all":
        return found
    found = found.filter(drawn=True)
    conditions: dict[str, dict[str, bool]] = {
        "": {"visited": False}, "visited": {"visited": True}, "failed": {"failed": True}, "missed": {"missed": True}
    }  # fmt: skip
    return found.filter(**conditions.get(wanted, {}))


def _page_of(found: QuerySet[RoundVenue], after: str) -> tuple[list[RoundVenue], int]:
    """The rows after a key in the order of the frame, and the key of the next page or 0."""
    if after.isascii() and after.isdecimal() and len(after) < 19:
        found = found.filter(pk__gt=int(after))
    rows = list(found.select_related("venue__kind").order_by("pk")[: PAGE_SIZE + 1])
    return rows[:PAGE_SIZE], rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else 0


def _cells(counts: rounds.TownProgress, wanted: str) -> list[dict[str, Any]]:
    figures = [
        ("all", _("in the frame"), counts.frame),
        ("drawn", _("to be visited"), counts.drawn),
        ("visited", _("visited"), counts.visited),
        ("", _("still to visit"), counts.left),
        ("failed", _("with problems"), counts.failed),
    ]
    return [
        {"key": key, "word": word, "n": n, "url": f"?show={key}#venues", "on": key == wanted}
        for key, word, n in figures
    ]


def _venue(
    row: RoundVenue, person: Person, round_: PatrolRound, names: dict[str, str], people: dict[str, str]
) -> VenueShown:
    visited, failed = row.visited, row.failed  # type: ignore[attr-defined]
    if failed:
        word, shape = _("with problems"), "overdue"
    elif visited:
        word, shape = _("visited"), "closed"
    elif row.missed:
        word, shape = _("missed"), "void"
    elif row.drawn:
        word, shape = _("to visit"), "assigned"
    else:
        word, shape = _("not drawn"), "draft"
    open_for = row.drawn and not visited and round_.closed_at is None and row.inspector in {"", person.username}
    return VenueShown(
        row=row,
        town=names.get(row.town, row.town),
        inspector=people[row.inspector] if row.inspector else "",
        word=word,
        shape=shape,
        may_visit=open_for and rights.may(person, rounds.VISITS, row.venue.jurisdiction),
    )


def _assignable(round_: PatrolRound) -> list[tuple[str, str]]:
    found = rounds.inspectors_at(round_.area)
    names = names_of_people(found)
    return [(username, names[username]) for username in found]


@require_GET
@person_who(rounds.SEES)
def points(request: StaffRequest, campaign_id: uuid.UUID) -> JsonResponse:
    """The venues drawn as GeoJSON (WGS 84), at most 2,000; `note` says so when there are more."""
    round_ = rounds.round_for(request.user, campaign_id)
    rows = rounds.with_visits(rounds.venues_for(request.user, round_).filter(drawn=True), round_)
    found = list(rows.filter(venue__lon__isnull=False).select_related("venue__kind").order_by("pk")[: MAP_CAP + 1])
    note = _("The map shows the first %(drawn)s.") % {"drawn": f"{MAP_CAP:,}"} if len(found) > MAP_CAP else ""
    features = [_feature(row, request.user, round_) for row in found[:MAP_CAP]]
    return JsonResponse({"type": "FeatureCollection", "features": features, "note": note})


def _feature(row: RoundVenue, person: Person, round_: PatrolRound) -> dict[str, Any]:
    shown = _venue(row, person, round_, {}, {row.inspector: row.inspector})
    return {
        "type": "Feature",
        "id": row.pk,
        "geometry": {"type": "Point", "coordinates": [row.venue.lon, row.venue.lat]},
        "properties": {
            "id": str(row.pk),
            "state": {"overdue": "listed", "closed": "closed"}.get(shown.shape, "assigned"),
            "word": shown.word,
            "overdue": shown.shape == "overdue",
            "title": row.venue.name,
            "text": str(row.venue.kind),
            "url": reverse("patrol:venue", args=[row.venue_id]),
        },
    }


@require_safe
@person_who(rounds.SEES)
def redraw(request: StaffRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """Draw the round again from what is kept, and say whether the same comes out; asked by htmx, only the line."""
    round_ = rounds.whole_round(request.user, campaign_id)
    context = {"round": round_, "redrawn": rounds.redrawn(round_)}
    template = "patrol/parts/round_redrawn.html" if request.htmx else "patrol/round_redrawn.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_GET
@person_who(rounds.SEES)
def frame_file(request: StaffRequest, campaign_id: uuid.UUID) -> HttpResponseBase:
    """The frame with the seed as CSV: all that is needed to draw the round again by hand."""
    round_ = rounds.whole_round(request.user, campaign_id)
    response = StreamingHttpResponse(_frame_lines(round_), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="round-{round_.pk}.csv"'
    return response


class _Echo:
    """A file for csv.writer that hands each line back instead of keeping it."""

    @staticmethod
    def write(line: str) -> str:
        return line


def _frame_lines(round_: PatrolRound) -> Iterator[str]:
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield "\ufeff" + writer.writerow(COLUMNS)
    columns = ("venue_id", "venue__name", "town", "drawn", "inspector", "missed")
    found = RoundVenue.objects.filter(round=round_).order_by("pk").values_list(*columns)
    rows = found.iterator(chunk_size=CHUNK)
    size = "" if round_.size is None else str(round_.size)
    head = (str(round_.pk), round_.engine, size, safe_cell(round_.seed))
    while chunk := list(islice(rows, CHUNK)):
        for key, name, town, drawn, inspector, missed in chunk:
            yield writer.writerow(
                (*head, str(key), safe_cell(name), town, int(drawn), safe_cell(inspector), int(missed))
            )


@require_POST
@person_who(rounds.MANAGES)
def assign(request: StaffRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """Give what is still to be visited in a town, or in all of them, to somebody or to anybody."""
    town, inspector = request.POST.get("town", ""), request.POST.get("inspector", "")
    try:
        changed = rounds.assign_venues(
            by=request.user, now=clock.now(), round_id=campaign_id, town=town, inspector=inspector
        )
    except rounds.BadCampaign as refusal:
        round_ = rounds.round_for(request.user, campaign_id)
        return _one(request, round_, status=refusal.status, assign_mend=refusal)
    messages.success(request, _("%(n)d venues are given out.") % {"n": changed})
    return redirect("patrol:round", campaign_id)


@require_POST
@person_who(rounds.MANAGES)
def close(request: StaffRequest, campaign_id: uuid.UUID) -> HttpResponse:
    """Close the round; a refusal stands at the reason."""
    reason = request.POST.get("reason", "")
    try:
        rounds.close_round(by=request.user, now=clock.now(), round_id=campaign_id, reason=reason)
    except rounds.BadCampaign as refusal:
        round_ = rounds.round_for(request.user, campaign_id)
        return _one(request, round_, status=refusal.status, reason=reason, mend=refusal)
    messages.success(request, _("The round is closed."))
    return redirect("patrol:round", campaign_id)


# ---- an inspector's list --------------------------------------------------------------------------------------------


@require_safe
@person_who(rounds.VISITS)
def mine(request: StaffRequest) -> HttpResponse:
    """What the person is to visit in the rounds under way, the nearest first where it is known where they are."""
    lon, lat = _degrees(request.GET.get("lon", ""), 180), _degrees(request.GET.get("lat", ""), 90)
    known = lon is not None and lat is not None
    stops = rounds.stops_for(
        request.user, clock.now(), lon=lon if known else None, lat=lat if known else None, limit=PAGE_SIZE + 1
    )
    names = places.names({stop.row.town for stop in stops})
    context = {
        "stops": [(stop, names.get(stop.row.town, stop.row.town)) for stop in stops[:PAGE_SIZE]],
        "more": len(stops) > PAGE_SIZE,
        "known": known,
    }
    return render(request, "patrol/round_mine.html", context)


def _degrees(text: str, limit: int) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and abs(found) <= limit else None


urls = [
    path("rounds/", round_list, name="rounds"),
    path("rounds/preview/", preview, name="round_preview"),
    path("rounds/mine/", mine, name="round_mine"),
    path("rounds/<uuid:campaign_id>/", one, name="round"),
    path("rounds/<uuid:campaign_id>/points.geojson", points, name="round_points"),
    path("rounds/<uuid:campaign_id>/redraw/", redraw, name="round_redraw"),
    path("rounds/<uuid:campaign_id>/frame.csv", frame_file, name="round_frame"),
    path("rounds/<uuid:campaign_id>/assign/", assign, name="round_assign"),
    path("rounds/<uuid:campaign_id>/close/", close, name="round_close"),
]
