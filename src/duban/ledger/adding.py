"""Adding a finding: photo first, the rest proposed."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from duban.access import rights
from duban.access.models import Person
from duban.core import clock
from duban.core.errors import DubanError, NotFound
from duban.evidence.responses import photo_response
from duban.ledger import forms, queries, uploads
from duban.ledger.actions import add_photo
from duban.ledger.appending import BadStep, why_not
from duban.ledger.categories import category_index
from duban.ledger.entry_page import layers_of, reasons_of
from duban.ledger.lifecycle import TRANSITIONS
from duban.ledger.models import Category, Datum, Entry, PositionSource
from duban.ledger.recording import Finding, check_finding, record_finding
from duban.ledger.uploads import Kept
from duban.ledger.views import StaffRequest, area_choices, person_who, scope_of
from duban.places import queries as places
from duban.places.codes import covers

NEAR_METRES = 150


@require_http_methods(["GET", "HEAD", "POST"])
@person_who("entry.record")
def add(request: StaffRequest) -> HttpResponse:
    """The form, and what it records; with something wrong it comes back with all that was typed and chosen."""
    person, now = request.user, clock.now()
    units = area_choices(scope_of(person, "entry.record"))
    if request.method != "POST":
        return _show(request, forms.AddForm(units=units, now=now), [])
    sent, spoilt = uploads.store_files(request.FILES.getlist("photos"), by=person, now=now)
    kept = uploads.merge_kept(uploads.read_kept(request.POST.getlist("kept"), person), sent)
    form = forms.AddForm(request.POST, request.FILES, units=units, now=now)
    status = 400
    same = request.POST.get("same_as", "")
    for wrong in spoilt:
        form.add_error("photos", ValidationError(f"{wrong.name}: {wrong.refusal}", code=wrong.refusal.code))
    if same and not spoilt:
        try:
            number = add_to_same(same, kept, by=person, now=now)
        except DubanError as refusal:
            forms.refuse(form, refusal)
            return _show(request, form, kept, status=refusal.status)
        messages.success(request, _("Added to %(number)s.") % {"number": number})
        return redirect("ledger:entry", same)
    if form.is_valid() and (offers := _offers(request, form.cleaned_data)):
        return _show(request, form, kept, status=200, offers=offers)
    if form.is_valid():
        try:
            done = record_finding(by=person, now=now, finding=_finding(form.cleaned_data, kept))
        except DubanError as refusal:
            forms.refuse(form, refusal)
            status = refusal.status
        else:
            messages.success(request, _("Recorded as %(number)s.") % {"number": done.entry.number})
            return redirect("ledger:entry", done.entry.pk)
    return _show(request, form, kept, status=status)


def add_to_same(same: str, kept: Sequence[Kept], *, by: Person, now: datetime) -> str:
    """Hang the photos on the entry that the finding turned out to be; returns its number."""
    try:
        entry_id = uuid.UUID(same)
    except ValueError as error:
        raise NotFound("entry_not_found", _("There is no such entry, or it is not yours to see.")) from error
    if not kept:
        raise BadStep("photo_missing", _("Choose a photo first."), field="photos")
    with transaction.atomic():
        for one in kept:
            entry = add_photo(by=by, now=now, entry_id=entry_id, photo=one.photo.pk)
    return entry.number


@dataclass(frozen=True)
class Offer:
    """An open entry that the finding may be, and its picture."""

    entry: Entry
    metres: float
    picture: str


def offers_at(person: Person, lon: float, lat: float, category: Category) -> list[Offer]:
    """What of the same stands open here and would take the photo of this person."""
    near = queries.already_there(person, lon, lat, category)
    pictures = queries.pictures_of([entry.pk for entry, _metres in near]) if near else {}
    step = TRANSITIONS["add_photo"]
    return [
        Offer(entry, metres, next(iter(pictures.get(entry.pk, ())), ""))
        for entry, metres in near
        if why_not(person, step, entry) is None
    ]


def _offers(request: StaffRequest, said: dict[str, Any]) -> list[Offer]:
    """What the person has not been asked about yet; a place that is none is refused when it is recorded."""
    if said["datum"] not in Datum.values or not (-180 <= said["lon"] <= 180 and -90 <= said["lat"] <= 90):
        return []
    lons, lats = places.to_wgs84([said["lon"]], [said["lat"]], said["datum"])
    # The same form sent twice is a replay, and finds the entry that it made.
    found = offers_at(request.user, float(lons[0]), float(lats[0]), said["category"])
    asked = {*request.POST.getlist("offered"), str(said["id"])}
    return [] if {str(offer.entry.pk) for offer in found} <= asked else found


def _finding(said: dict[str, Any], kept: Sequence[Kept]) -> Finding:
    return Finding(
        id=said["id"],
        category=said["category"],
        lon=said["lon"],
        lat=said["lat"],
        datum=said["datum"],
        found_at=said["found_at"],
        description=said["description"],
        position_source=said["position_source"],
        accuracy_m=said["accuracy_m"],
        photos=tuple(one.photo.pk for one in kept),
        statement=said["statement"],
        responsible=said["responsible"],
    )


def _show(
    request: StaffRequest,
    form: forms.AddForm,
    kept: Sequence[Kept],
    *,
    status: int = 200,
    offers: Sequence[Offer] = (),
) -> HttpResponse:
    context = {"form": form, "kept": kept, "categories": forms.category_choices(), "offers": offers}
    return render(request, "ledger/add.html", context, status=status)


@require_POST
@person_who("entry.record", "entry.handle")
def upload(request: StaffRequest) -> HttpResponse:
    """Photos as they are chosen: each stored at once and answered with the piece of form that keeps it."""
    kept, refused = uploads.store_files(request.FILES.getlist("photos"), by=request.user, now=clock.now())
    return render(request, "ledger/parts/kept.html", {"kept": kept, "refused": refused})


@require_GET
@person_who("entry.record", "entry.handle")
def kept_thumbnail(request: StaffRequest, word: str) -> HttpResponseBase:
    """The thumbnail of a photo on its way into a form, for the person who sent it."""
    sha256 = uploads.kept_photo(word, request.user)
    if sha256 is None:
        raise Http404(word)
    return photo_response(request, sha256, "thumbnail")


@require_GET
@person_who("entry.record")
def propose(request: StaffRequest) -> HttpResponse:
    """For a place: the statement, the unit, the reasons, and what already stands open near by."""
    person, now = request.user, clock.now()
    form = forms.PlaceForm(request.GET)
    context: dict[str, Any] = {}
    try:
        if not form.is_valid():
            field, errors = next(iter(form.errors.as_data().items()))
            raise DubanError(errors[0].code or "invalid", errors[0].messages[0], field=field)
        context = _proposal(request, form.cleaned_data, now)
        status = 200
    except DubanError as refusal:
        context, status = {"refusal": refusal}, refusal.status
    return render(request, "ledger/parts/proposal.html", context | {"person": person}, status=status)


def _proposal(request: StaffRequest, said: dict[str, Any], now: datetime) -> dict[str, Any]:
    datum = said["datum"] or Datum.WGS84
    any_category = next(iter(category_index().values()))
    check_finding(
        Finding(
            id=forms.NOBODY,
            category=any_category,
            lon=said["lon"],
            lat=said["lat"],
            datum=datum,
            found_at=now,
            position_source=PositionSource.MAP,
        ),
        now=now,
    )
    lons, lats = places.to_wgs84([said["lon"]], [said["lat"]], datum)
    lon, lat = float(lons[0]), float(lats[0])
    located = places.locate_points([lon], [lat])[0]
    scopes = rights.codes(request.user, "entry.record")
    area = (located["jurisdiction"] or {}).get("code") or scopes[0]
    unit = places.unit_for(area)
    names = places.names({area, unit})
    near = queries.near_open(request.user, lon, lat, metres=NEAR_METRES, limit=4)
    prefetch_related_objects([entry for entry, _metres in near], "category")
    category = category_index().get(said["category"])
    offers = offers_at(request.user, lon, lat, category) if category else []
    offered = {offer.entry.pk for offer in offers}
    return {
        "offers": offers,
        "statement": located["statement"],
        "area": names.get(area) or (located["jurisdiction"] or {}).get("name") or area,
        "unit": names.get(unit, unit),
        "reasons": reasons_of(located),
        "layers": layers_of(located),
        "outside": not covers(scopes, area),
        "shifted": datum != Datum.WGS84,
        "lon": lon,
        "lat": lat,
        "near": [(entry, metres, entry.category == category) for entry, metres in near if entry.pk not in offered],
    }
