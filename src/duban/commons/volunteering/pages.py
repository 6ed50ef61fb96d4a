"""Activities for the office: the shifts to come and those without hours, announcing, changing and cancelling."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_time
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.commons.models import Activity, Organisation, Shift
from duban.commons.volunteering import actions, queries
from duban.commons.volunteering.actions import MANAGES, ActivityDraft, BadActivity, ShiftDraft
from duban.commons.volunteering.qr import qr_svg
from duban.commons.volunteering.queries import SEES, Tally
from duban.commons.volunteering.words import when_words
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, NumberField, refuse
from duban.evidence.responses import photo_response
from duban.ledger import offering
from duban.ledger.views import area_choices, with_chosen
from duban.places import queries as places
from duban.places.codes import LENGTHS

PAGE = 50
LINES = 3
"""Lines of shifts that the form offers."""
COMMUNITIES = 200
ON_A_SHEET = 6
"""Shifts that a poster names; the rest is on the page that its code opens."""
SHOWS: dict[str, Promise] = {
    "coming": pgettext_lazy("shifts", "to come"),
    "hours": pgettext_lazy("shifts", "hours to certify"),
    "all": pgettext_lazy("shifts", "all, the latest first"),
}


# ---- the list -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ShiftRow:
    """A shift as the office's lists show it."""

    shift: Shift
    when: str
    tally: Tally
    area: str
    state: str
    word: str

    @property
    def to_certify(self) -> int:
        return self.tally.came - self.tally.certified


def rows_of(shifts: Sequence[Shift], now: datetime) -> list[ShiftRow]:
    """The shifts, each with its activity at hand, counted in one query."""
    tallies = queries.tallies_of([one.pk for one in shifts])
    names = places.names({one.jurisdiction for one in shifts})
    found = []
    for one in shifts:
        state, word = _state_of(one, now)
        area = names.get(one.jurisdiction, one.jurisdiction)
        found.append(ShiftRow(one, when_words(one), tallies.get(one.pk, Tally()), area, state, word))
    return found


def _state_of(shift: Shift, now: datetime) -> tuple[str, str]:
    """By shape and in words."""
    if shift.cancelled_at is not None:
        return "void", _("cancelled")
    if shift.ends_at <= now:
        return "closed", _("over")
    if shift.begins_at <= now:
        return "assigned", _("under way")
    if shift.taken >= shift.places:
        return "listed", _("all places taken")
    return "found", _("places left")


@require_safe
@person_who(SEES)
def activities_page(request: StaffRequest) -> HttpResponse:
    """Shifts to come, those whose hours nobody certified, or all of them; a page at a time by key."""
    now, person = clock.now(), request.user
    show = request.GET.get("show", "coming")
    show = show if show in SHOWS else "coming"
    found, later = _page_after(_asked_for(person, show, now), request.GET.get("after", ""), forward=show == "coming")
    context = {
        "rows": rows_of(found, now),
        "show": show,
        "shows": [(key, word, f"?{urlencode({'show': key})}") for key, word in SHOWS.items()],
        "later": f"?{urlencode({'show': show, 'after': later})}" if later else "",
        "start": f"?{urlencode({'show': show})}" if request.GET.get("after") else "",
        "may_manage": bool(rights.codes(person, MANAGES)),
    }
    return render(request, "commons/volunteering_list.html", context)


def _asked_for(person: Person, show: str, now: datetime) -> QuerySet[Shift]:
    shifts = queries.shifts_for(person)
    if show == "coming":
        return shifts.filter(begins_at__gt=now - queries.LONGEST, ends_at__gt=now, cancelled_at=None)
    return shifts.filter(queries.without_hours(now)) if show == "hours" else shifts


def _page_after(shifts: QuerySet[Shift], key: str, *, forward: bool) -> tuple[list[Shift], str]:
    """The shifts after the one that the key names, and the key of the next page, "" on the last one."""
    moment, _sign, pk = key.partition("~")
    try:
        at, last = datetime.fromisoformat(moment), uuid.UUID(pk)
        if at.tzinfo is not None:
            same = Q(begins_at=at, pk__gt=last)
            shifts = (
                shifts.filter(begins_at__gte=at).filter(Q(begins_at__gt=at) | same)
                if forward
                else shifts.filter(begins_at__lte=at).filter(Q(begins_at__lt=at) | same)
            )
    except ValueError:
        pass
    found = list(shifts.order_by("begins_at" if forward else "-begins_at", "pk")[: PAGE + 1])
    end = found[PAGE - 1] if len(found) > PAGE else None
    return found[:PAGE], f"{end.begins_at.isoformat()}~{end.pk}" if end else ""


# ---- announcing -----------------------------------------------------------------------------------------------------


class ActivityForm(forms.Form):
    """`id` is made before the first press, so that a second press is a replay and no second activity."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput)
    title = NeededField(label=gettext_lazy("What is done"))
    organiser = NeededField(
        label=gettext_lazy("Organiser"), help_text=gettext_lazy("The unit that certifies the hours.")
    )
    jurisdiction = NeededField(label=gettext_lazy("Area"), widget=forms.Select)
    place = NeededField(label=gettext_lazy("Meeting point"), help_text=gettext_lazy("So that a stranger finds it."))
    lon = NumberField(label=gettext_lazy("Longitude"), needed=False)
    lat = NumberField(label=gettext_lazy("Latitude"), needed=False)
    text = forms.CharField(
        label=gettext_lazy("What to bring, what to know"), required=False, widget=forms.Textarea(attrs={"rows": 4})
    )
    shifts = forms.CharField(label=gettext_lazy("Shifts"), required=False)

    def __init__(self, data: Any = None, *, areas: Sequence[tuple[str, str]], initial: dict[str, Any] | None = None):
        super().__init__(data, initial={"id": uuid.uuid4()} | (initial or {}))
        self.fields["jurisdiction"].widget.choices = areas


def areas_of(person: Person) -> list[tuple[str, str]]:
    """(code, name) of the towns where the person may announce, and of the communities of those who are of one town."""
    codes = rights.codes(person, MANAGES)
    found = dict(area_choices(codes))
    names = places.names(codes)
    for code in codes:
        found.setdefault(code, names.get(code, code))
        if len(code) >= LENGTHS[1]:
            found |= {unit.code: unit.name for unit in places.children(code)[:COMMUNITIES]}
    return list(found.items())


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def add_page(request: StaffRequest) -> HttpResponse:
    """An activity, perhaps at open entries of the ledger, which then propose what, where and for whom."""
    chosen = offering.entries_named(request.user, _keys(_sent(request).getlist("entry")))
    areas = areas_of(request.user)
    if request.method != "POST":
        proposed = _proposed(chosen, areas, request.user) | _of_organisation(request)
        areas = with_chosen(areas, proposed["jurisdiction"], places.names([proposed["jurisdiction"]]))
        return _add_page(request, ActivityForm(areas=areas, initial=proposed), chosen)
    asked_at = request.POST.get("jurisdiction", "")
    form = ActivityForm(request.POST, areas=with_chosen(areas, asked_at, {}))
    if not form.is_valid():
        return _add_page(request, form, chosen, status=400)
    try:
        activity = actions.announce_activity(
            by=request.user, now=clock.now(), draft=_draft(request, form, chosen), activity_id=form.cleaned_data["id"]
        )
    except DubanError as refusal:
        _refuse(form, refusal)
        return _add_page(request, form, chosen, status=refusal.status)
    messages.success(request, _("Announced: everybody can sign up now."))
    return redirect("commons:activity", activity.pk)


def _sent(request: StaffRequest) -> Any:
    return request.POST if request.method == "POST" else request.GET


def _keys(texts: Sequence[str]) -> list[uuid.UUID]:
    found = []
    for text in texts[: offering.NEWEST]:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found


def _proposed(chosen: Sequence[offering.Offered], areas: Sequence[tuple[str, str]], person: Person) -> dict[str, Any]:
    codes = rights.codes(person, MANAGES)
    organiser = places.names(codes[:1]).get(codes[0], "")
    if not chosen:
        return {"organiser": organiser, "jurisdiction": areas[0][0] if areas else ""}
    first = chosen[0]
    lines = [f"{one.category}: {one.statement}" for one in chosen]
    return {
        "title": _("Clean-up"),
        "organiser": organiser,
        "jurisdiction": first.jurisdiction,
        "place": first.statement[:200],
        "lon": first.lon,
        "lat": first.lat,
        "text": "\n".join(lines),
    }


def _add_page(
    request: StaffRequest, form: ActivityForm, chosen: Sequence[offering.Offered], status: int = 200
) -> HttpResponse:
    keys = {one.id for one in chosen}
    offered = [one for one in offering.open_entries(request.user) if one.id not in keys]
    asked = [("entry", str(one.id)) for one in chosen]
    context = {
        "form": form,
        "chosen": chosen,
        "offered": offered,
        "points": _points(chosen, offered, asked),
        "lines": _lines(request.POST, LINES),
        "organisation": _organisation(request),
    }
    return render(request, "commons/volunteering_add.html", context, status=status)


def _points(
    chosen: Sequence[offering.Offered], offered: Sequence[offering.Offered], asked: list[tuple[str, str]]
) -> list[dict[str, Any]]:
    """The entries on the map; one that is not chosen yet leads to the form with it added."""
    add = reverse("commons:add_activity")
    return [
        {
            "id": one.number,
            "lon": one.lon,
            "lat": one.lat,
            "state": one.state,
            "word": _("chosen") if one in chosen else one.word,
            "title": f"{one.category} · {one.number}",
            "text": one.statement,
            "url": "" if one in chosen else f"{add}?{urlencode([*asked, ('entry', str(one.id))])}",
        }
        for one in (*chosen, *offered)
    ]


def _organisation(request: StaffRequest) -> Organisation | None:
    keys = _keys([_sent(request).get("organisation", "")])
    here = rights.codes(request.user, MANAGES)
    found = Organisation.objects.filter(pk=keys[0]).first() if keys else None
    return found if found is not None and any(found.jurisdiction.startswith(code) for code in here) else None


def _of_organisation(request: StaffRequest) -> dict[str, Any]:
    """What the organisation of the activity proposes: who organises, and where."""
    one = _organisation(request)
    return {"organiser": one.name, "jurisdiction": one.jurisdiction} if one else {}


def _draft(request: StaffRequest, form: ActivityForm, chosen: Sequence[offering.Offered]) -> ActivityDraft:
    asked, organisation = form.cleaned_data, _organisation(request)
    return ActivityDraft(
        title=asked["title"],
        organiser=asked["organiser"],
        place=asked["place"],
        jurisdiction=asked["jurisdiction"],
        text=asked["text"],
        lon=asked["lon"],
        lat=asked["lat"],
        organisation_id=organisation.pk if organisation else None,
        entries=tuple(one.id for one in chosen),
        shifts=tuple(read_shifts(request.POST)),
    )


def _refuse(form: ActivityForm, refusal: DubanError) -> None:
    """What is wrong with a shift stands at the shifts."""
    if refusal.field in {"ends_at", "places", "begins_at"}:
        refusal.field = "shifts"
    refuse(form, refusal)


COLUMNS = ("day", "begins", "ends", "places")


def _lines(sent: Any, most: int) -> list[dict[str, str]]:
    """The lines of shifts as they were sent, so that nothing is typed twice; then empty ones."""
    columns = [sent.getlist(name) for name in COLUMNS]
    lines = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*columns, strict=False)]
    return [*lines, *([dict.fromkeys(COLUMNS, "")] * (most - len(lines)))]


def read_shifts(sent: Any) -> list[ShiftDraft]:
    """The lines of shifts that were filled in; raises BadActivity (`bad_shift_line`) naming the line."""
    return [
        read_shift(line, number)
        for number, line in enumerate(_lines(sent, 0), start=1)
        if any(line[name].strip() for name in ("day", "begins", "ends"))
    ]


def read_shift(line: Mapping[str, str], number: int = 1) -> ShiftDraft:
    places_told = line["places"].strip()
    try:
        day = parse_date(line["day"].strip())
        begins, ends = parse_time(line["begins"].strip()), parse_time(line["ends"].strip())
    except ValueError:
        day = begins = ends = None
    if day is None or begins is None or ends is None or not (places_told.isascii() and places_told.isdecimal()):
        raise BadActivity(
            "bad_shift_line",
            _("Shift %(number)d: give the day as 2021-01-23, the hours as 09:00, and how many people.")
            % {"number": number},
            field="shifts",
        )
    return ShiftDraft(_moment(day, begins), _moment(day, ends), min(int(places_told[:9]), 10**8))


def _moment(day: date, clock_time: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, clock_time))


# ---- one activity ---------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def activity_page(request: StaffRequest, activity_id: uuid.UUID) -> HttpResponse:
    return _activity_page(request, queries.activity_for(request.user, activity_id))


def _activity_page(request: StaffRequest, activity: Activity, refusal: DubanError | None = None) -> HttpResponse:
    shifts = list(activity.shifts.select_related("activity").order_by("begins_at", "pk"))
    point = {"id": str(activity.pk), "lon": activity.lon, "lat": activity.lat, "state": "assigned", "word": "",
             "title": activity.title, "text": activity.place}  # fmt: skip
    context = {
        "activity": activity,
        "area": places.names([activity.jurisdiction]).get(activity.jurisdiction, activity.jurisdiction),
        "rows": rows_of(shifts, clock.now()),
        "entries": offering.entries_named(request.user, _keys(activity.entries)),
        "points": [point] if activity.lon is not None else [],
        "manages": rights.may(request.user, MANAGES, activity.jurisdiction) and activity.cancelled_at is None,
        "refusal": refusal,
    }
    status = refusal.status if refusal else 200
    return render(request, "commons/volunteering_activity.html", context, status=status)


@require_safe
@person_who(SEES)
def call_page(request: StaffRequest, activity_id: uuid.UUID) -> HttpResponse:
    """The sheet for the notice board: its code opens the page where anybody signs up."""
    activity = queries.activity_for(request.user, activity_id)
    address = f"{settings.DUBAN_SITE_URL}{reverse('neighbours:volunteer_activity', args=[activity.pk])}"
    shifts = activity.shifts.filter(ends_at__gt=clock.now(), cancelled_at=None).order_by("begins_at", "pk")
    context = {
        "activity": activity,
        "times": [when_words(one) for one in shifts[:ON_A_SHEET]],
        "address": address,
        "qr": qr_svg(address),
    }
    return render(request, "commons/volunteering_call.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def change_page(request: StaffRequest, activity_id: uuid.UUID) -> HttpResponse:
    """Other words or another place, and more shifts."""
    activity = queries.activity_for(request.user, activity_id)
    rights.require(request.user, MANAGES, activity.jurisdiction)
    areas = [(activity.jurisdiction, places.names([activity.jurisdiction]).get(activity.jurisdiction, ""))]
    kept = offering.entries_named(request.user, _keys(activity.entries))
    if request.method != "POST":
        facts = {name: getattr(activity, name) for name in ActivityForm.base_fields if hasattr(activity, name)}
        facts.pop("shifts")
        return _change_page(request, activity, ActivityForm(areas=areas, initial=facts | {"id": activity.pk}), kept)
    form = ActivityForm(request.POST, areas=areas)
    if not form.is_valid():
        return _change_page(request, activity, form, kept, status=400)
    # What this person cannot see was chosen by somebody else, and stays.
    taken_out = {str(one.id) for one in kept} - set(request.POST.getlist("entry"))
    entries = tuple(_keys([key for key in activity.entries if key not in taken_out]))
    try:
        draft = replace(_draft(request, form, ()), entries=entries, organisation_id=activity.organisation_id)
        actions.change_activity(by=request.user, now=clock.now(), activity_id=activity.pk, draft=draft)
    except DubanError as refusal:
        _refuse(form, refusal)
        return _change_page(request, activity, form, kept, status=refusal.status)
    messages.success(request, _("Changed; calendars that follow it are told."))
    return redirect("commons:activity", activity.pk)


def _change_page(
    request: StaffRequest,
    activity: Activity,
    form: ActivityForm,
    kept: Sequence[offering.Offered],
    status: int = 200,
) -> HttpResponse:
    context = {"form": form, "activity": activity, "chosen": kept, "lines": _lines(request.POST, 1)}
    return render(request, "commons/volunteering_change.html", context, status=status)


@require_POST
@person_who(MANAGES)
def cancel(request: StaffRequest, activity_id: uuid.UUID) -> HttpResponse:
    actions.cancel_activity(by=request.user, now=clock.now(), activity_id=activity_id)
    messages.success(request, _("Cancelled: its page and every calendar that follows it say so."))
    return redirect("commons:activity", activity_id)


@require_GET
@person_who(SEES)
def entry_photo(request: StaffRequest, sha256: str, variant: str) -> HttpResponseBase:
    """A picture of an entry in the person's area, without what the camera wrote into it; else there is none."""
    if variant not in {"public", "thumbnail"} or not offering.may_see_photo(request.user, sha256):
        raise Http404(sha256)
    return photo_response(request, sha256, variant)


urls = [
    path("activities/", activities_page, name="activities"),
    path("activities/add/", add_page, name="add_activity"),
    path("activities/<uuid:activity_id>/", activity_page, name="activity"),
    path("activities/<uuid:activity_id>/poster/", call_page, name="activity_poster"),
    path("activities/<uuid:activity_id>/change/", change_page, name="change_activity"),
    path("activities/<uuid:activity_id>/cancel/", cancel, name="cancel_activity"),
    path("activities/photos/<str:sha256>/<str:variant>/", entry_photo, name="activity_photo"),
]
