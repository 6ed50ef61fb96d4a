"""Adding a venue, changing one, closing it; before a second one of the same is added, the first is shown."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError, NotAllowed
from duban.core.forms import refuse
from duban.core.tables import Row
from duban.places import queries as places
from duban.places.locating import DATUMS
from duban.venues import actions, queries
from duban.venues.actions import VenueEdit, mark_of
from duban.venues.forms import PurposeForm, VenueForm
from duban.venues.models import Venue
from duban.venues.queries import LookAlike, types_by_key
from duban.venues.views import KEEPS, area_choices

CONTACTS = "venue.contact"


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(KEEPS)
def add(request: StaffRequest) -> HttpResponse:
    """The form, and what it records; what may be the same venue is shown once before."""
    person, status, offers = request.user, 200, []
    form = VenueForm(
        request.POST if request.method == "POST" else None,
        kinds=types_by_key().values(),
        areas=area_choices(person, KEEPS),
        initial={"name": request.GET.get("name", "")[:100]},
    )
    if request.method == "POST":
        status = 400
        if form.is_valid():
            said = form.cleaned_data
            asked = {*request.POST.getlist("offered"), str(said["id"])}
            offers = _offers(request, said["name"], said["lon"], said["lat"], said["datum"], said["jurisdiction"])
            if {str(offer.venue.pk) for offer in offers} <= asked:
                offers = []
                try:
                    venue = actions.record_venue(
                        by=person, now=clock.now(), name=said["name"], kind=said["venue_type"],
                        jurisdiction=said["jurisdiction"], lon=said["lon"], lat=said["lat"], datum=said["datum"],
                        address=said["address"], contact=form.contact(), venue_id=said["id"],
                    )  # fmt: skip
                except DubanError as refusal:
                    refuse(form, refusal)
                    status = refusal.status
                else:
                    messages.success(request, _("%(name)s is on the register.") % {"name": venue.name})
                    return redirect("patrol:venue", venue.pk)
            else:
                status = 200
    context = {"form": form, "offers": offers, "venue": None}
    return render(request, "venues/edit.html", context, status=status)


def _offers(
    request: StaffRequest, name: str, lon: float | None, lat: float | None, datum: str, town: str
) -> list[LookAlike]:
    """What the person may mean; a place that is none is refused when it is recorded."""
    if lon is not None and lat is not None:
        if datum not in DATUMS or not (-180 <= lon <= 180 and -90 <= lat <= 90):
            return []
        lons, lats = places.to_wgs84([lon], [lat], datum)
        return queries.look_alikes(request.user, name, lon=float(lons[0]), lat=float(lats[0]))
    return queries.look_alikes(request.user, name, town=town)


@require_safe
@person_who(KEEPS)
def look_alikes(request: StaffRequest) -> HttpResponse:
    """What stands on the register like ?name= near ?lon=&lat=&datum= or in ?jurisdiction=, as a piece of the form."""
    said = request.GET
    offers = _offers(
        request,
        said.get("name", ""),
        _number(said.get("lon", "")),
        _number(said.get("lat", "")),
        said.get("datum", "wgs84"),
        said.get("jurisdiction", ""),
    )
    return render(request, "venues/parts/offers.html", {"offers": offers})


def _number(text: str) -> float | None:
    try:
        return Row(0, {"cell": text}).number_in("cell")
    except DubanError:
        return None


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(KEEPS)
def edit(request: StaffRequest, venue_id: uuid.UUID) -> HttpResponse:
    """The form, filled with what is known; the contact is not shown in it."""
    person, status = request.user, 200
    venue = _kept(request, venue_id)
    form = VenueForm(
        request.POST if request.method == "POST" else None,
        kinds=types_by_key().values(),
        areas=area_choices(person, KEEPS, venue.jurisdiction),
        venue=venue,
        seen=mark_of(venue),
    )
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                actions.edit_venue(
                    by=person,
                    now=clock.now(),
                    venue_id=venue.pk,
                    edit=_edit_of(form, venue),
                    seen=form.cleaned_data["seen"],
                )
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("Saved."))
                return redirect("patrol:venue", venue.pk)
    return render(request, "venues/edit.html", {"form": form, "offers": [], "venue": venue}, status=status)


def _edit_of(form: VenueForm, venue: Venue) -> VenueEdit:
    said: dict[str, Any] = form.cleaned_data
    lon, lat = said["lon"], said["lat"]
    # The form shows six decimals: what still reads like them is no move.
    shown = tuple(None if value is None else round(value, 6) for value in (venue.lon, venue.lat))
    moved = (lon, lat) != shown or (said["datum"] != "wgs84" and lon is not None)
    area = said["jurisdiction"]
    return VenueEdit(
        name=said["name"],
        kind=said["venue_type"],
        address=said["address"],
        place=(lon, lat, said["datum"]) if moved else None,
        jurisdiction=area if area != venue.jurisdiction else None,
        contact=form.contact(),
    )


def _kept(request: StaffRequest, venue_id: uuid.UUID) -> Venue:
    """The venue, if the person sees and keeps it."""
    venue = queries.venue_for(request.user, venue_id)
    rights.require(request.user, KEEPS, venue.jurisdiction)
    return venue


@require_POST
@person_who(KEEPS)
def close(request: StaffRequest, venue_id: uuid.UUID) -> HttpResponse:
    actions.close_venue(by=request.user, now=clock.now(), venue_id=venue_id)
    messages.success(request, _("Closed. It can be opened again."))
    return redirect("patrol:venue", venue_id)


@require_POST
@person_who(KEEPS)
def reopen(request: StaffRequest, venue_id: uuid.UUID) -> HttpResponse:
    actions.reopen_venue(by=request.user, now=clock.now(), venue_id=venue_id)
    messages.success(request, _("Open again."))
    return redirect("patrol:venue", venue_id)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@person_who(CONTACTS)
def contact(request: StaffRequest, venue_id: uuid.UUID) -> HttpResponse:
    """Ask what the contact is needed for, then show it, once; the address of the page never shows it."""
    venue, status, opened = queries.venue_for(request.user, venue_id), 200, None
    if not rights.may(request.user, CONTACTS, venue.jurisdiction):
        raise NotAllowed("not_allowed", _("None of your roles opens this page."))
    form = PurposeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            opened = actions.open_contact(
                by=request.user, now=clock.now(), venue_id=venue.pk, purpose=form.cleaned_data["purpose"]
            )
        except DubanError as refusal:
            refuse(form, refusal)
            status = refusal.status
    context = {"venue": venue, "form": form, "opened": opened, "openings": queries.openings_of(venue)}
    return render(request, "venues/contact.html", context, status=status)


urls = [
    path("add/", add, name="add"),
    path("look-alikes/", look_alikes, name="look_alikes"),
    path("<uuid:venue_id>/edit/", edit, name="edit"),
    path("<uuid:venue_id>/close/", close, name="close"),
    path("<uuid:venue_id>/reopen/", reopen, name="reopen"),
    path("<uuid:venue_id>/contact/", contact, name="contact"),
]
