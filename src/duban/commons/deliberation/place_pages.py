"""Pages of places at the desk: what lies where, one place with what is talked about there, and its poster."""

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.commons.deliberation import places, printed, queries, shown
from duban.commons.deliberation.places import LIES_IN, MANAGES
from duban.commons.deliberation.queries import SEES
from duban.commons.models import PlaceKind, SharedPlace
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, NumberField, refuse
from duban.core.paging import page_of
from duban.ledger.views import area_choices, with_chosen
from duban.places import queries as gazetteer
from duban.places.codes import LENGTHS, normalise_code

SHOWN = 50
CHOICES = 800
"""Communities that a form offers; whoever has more of them says the code."""
TOPICS = 20
PARTS = 300


class PlaceForm(forms.Form):
    """`id` is made before the first press, so that a second press is a replay and no second place."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput, required=False)
    within = forms.UUIDField(widget=forms.HiddenInput, required=False)
    kind = NeededField(label=gettext_lazy("What it is"), widget=forms.Select)
    name = NeededField(
        label=pgettext_lazy("of a place", "Name"), widget=forms.TextInput(attrs={"autocomplete": "off"}), max_length=200
    )
    jurisdiction = NeededField(label=gettext_lazy("Community"), widget=forms.Select)
    lon = NumberField(label=gettext_lazy("Longitude"), needed=False)
    lat = NumberField(label=gettext_lazy("Latitude"), needed=False)

    def __init__(
        self,
        data: Any = None,
        *,
        parent: SharedPlace | None = None,
        place: SharedPlace | None = None,
        areas: Sequence[tuple[str, str]] = (),
    ):
        super().__init__(data, initial=_initial(parent, place))
        kinds = [kind for kind, above in LIES_IN.items() if (parent.kind in above if parent else True)]
        self.fields["kind"].widget.choices = [(str(kind), kind.label) for kind in kinds]
        self.fields["jurisdiction"].widget.choices = [("", "–"), *areas]
        if place is not None:
            for name in ("id", "within", "kind", "jurisdiction"):
                del self.fields[name]
        elif parent is not None:
            del self.fields["jurisdiction"]


def _initial(parent: SharedPlace | None, place: SharedPlace | None) -> dict[str, Any]:
    if place is not None:
        spelled = {name: f"{getattr(place, name):.6f}" for name in ("lon", "lat") if getattr(place, name) is not None}
        return {"name": place.name, **spelled}
    return {"id": uuid.uuid4(), "within": parent.pk if parent else None}


# ---- all places -----------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def places_page(request: StaffRequest) -> HttpResponse:
    """What lies in nothing else, by area and name; each with what lies in it and how much is talked about."""
    person, refusal, area = request.user, None, request.GET.get("area", "").strip()
    found = queries.places_for(person)
    try:
        area = normalise_code(area, field="area") if area else ""
        found = queries.outermost_places(person, area=area)
        page = page_of(found, ("jurisdiction", "name", "pk"), request.GET.get("cursor", ""), size=SHOWN)
    except DubanError as wrong:
        refusal, area = wrong, ""
        page = page_of(found.none(), ("jurisdiction", "name", "pk"))
    counts = queries.counts_of_places(page.rows)
    areas = area_choices(rights.codes(person, SEES))
    names = gazetteer.names({one.jurisdiction for one in page.rows} | ({area} if area else set()))
    context = {
        "rows": [(one, *counts[one.pk], names.get(one.jurisdiction, one.jurisdiction)) for one in page.rows],
        "areas": with_chosen(areas, area, names),
        "area": area,
        "earlier": page.earlier_link(area=area),
        "later": page.later_link(area=area),
        "may_manage": bool(rights.codes(person, MANAGES)),
        "refusal": refusal,
    }
    return render(request, "commons/deliberation_places.html", context, status=refusal.status if refusal else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def add_page(request: StaffRequest) -> HttpResponse:
    """A place, alone or as part of another one (`within`)."""
    person, status = request.user, 200
    parent = _parent(person, (request.POST or request.GET).get("within", ""))
    areas = [] if parent else _communities(rights.codes(person, MANAGES))
    form = PlaceForm(request.POST or None, parent=parent, areas=areas)
    if request.method == "POST":
        status = 400
        if form.is_valid():
            said = form.cleaned_data
            try:
                if parent is None and not said["jurisdiction"]:
                    raise places.BadPlace("place_area", _("Choose the community."), field="jurisdiction")
                place = places.make_place(
                    by=person, now=clock.now(), kind=said["kind"], name=said["name"],
                    jurisdiction=said.get("jurisdiction", ""), within_id=parent.pk if parent else None,
                    lon=said["lon"], lat=said["lat"], place_id=said["id"],
                )  # fmt: skip
                messages.success(request, _("%(place)s is there.") % {"place": queries.full_name(place)})
                return redirect("commons:place", place.pk)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    context = {"form": form, "parent": parent, "chain": queries.chain_of(parent) if parent else []}
    return render(request, "commons/deliberation_place_add.html", context, status=status)


def _parent(person: Person, told: str) -> SharedPlace | None:
    if not told:
        return None
    try:
        return queries.place_for(person, uuid.UUID(told))
    except ValueError:
        return None


def _communities(codes: Sequence[str]) -> list[tuple[str, str]]:
    """(code, town and name) of the towns and communities within the codes."""
    units = [(unit.code, unit.name) for code in codes for unit in gazetteer.search(code, codes=[code], limit=CHOICES)]
    towns = dict(units) | gazetteer.names({code[: LENGTHS[1]] for code, _name in units})
    return [
        (code, name if len(code) <= LENGTHS[1] else f"{towns.get(code[: LENGTHS[1]], '')} {name}")
        for code, name in dict(units).items()
        if len(code) > LENGTHS[0]
    ]


# ---- one place ------------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def place_page(request: StaffRequest, place_id: uuid.UUID) -> HttpResponse:
    """What lies in it, what is talked about there, and the ways to its poster and its own page."""
    return _place_page(request, queries.place_for(request.user, place_id))


def _place_page(
    request: StaffRequest, place: SharedPlace, *, form: PlaceForm | None = None, refusal: DubanError | None = None
) -> HttpResponse:
    manages = rights.may(request.user, MANAGES, place.jurisdiction)
    topics = list(queries.topics_around(place)[: TOPICS + 1])
    counts = queries.unanswered(topics)
    parts = queries.parts_of(place)
    context = {
        "place": place,
        "chain": queries.chain_of(place),
        "address": queries.whole_address(place),
        "kind": PlaceKind(place.kind).label,
        "parts": parts[:PARTS],
        "more_parts": len(parts) > PARTS,
        "holds_parts": any(place.kind in above for above in LIES_IN.values()),
        "topics": [(topic, *counts.get(topic.pk, (0, 0)), shown.state_words(topic)) for topic in topics[:TOPICS]],
        "more_topics": len(topics) > TOPICS,
        "households": place.households.count(),
        "manages": manages,
        "form": form or PlaceForm(place=place),
        "targets": _targets(request.user, place) if manages else [],
        "refusal": refusal,
    }
    status = refusal.status if refusal else 400 if form is not None else 200
    return render(request, "commons/deliberation_place.html", context, status=status)


def _targets(person: Person, place: SharedPlace) -> list[tuple[uuid.UUID, str]]:
    """What of its area it could lie in."""
    above = LIES_IN[PlaceKind(place.kind)]
    code = place.jurisdiction[: LENGTHS[2]]
    near = queries.places_for(person).filter(kind__in=above, jurisdiction__in={code, place.jurisdiction})
    found = near.exclude(pk=place.pk).select_related("within").order_by("jurisdiction", "name", "pk")[:PARTS]
    return [(one.pk, queries.full_name(one)) for one in found]


@require_POST
@person_who(MANAGES)
def change(request: StaffRequest, place_id: uuid.UUID) -> HttpResponse:
    place = queries.place_for(request.user, place_id)
    form = PlaceForm(request.POST, place=place)
    if not form.is_valid():
        return _place_page(request, place, form=form)
    said = form.cleaned_data
    try:
        places.change_place(
            by=request.user, now=clock.now(), place_id=place.pk, name=said["name"], lon=said["lon"], lat=said["lat"]
        )
    except DubanError as refusal:
        refuse(form, refusal)
        return _place_page(request, place, form=form)
    messages.success(request, _("Saved."))
    return redirect("commons:place", place.pk)


@require_POST
@person_who(MANAGES)
def move(request: StaffRequest, place_id: uuid.UUID) -> HttpResponse:
    place = queries.place_for(request.user, place_id)
    rights.require(request.user, MANAGES, place.jurisdiction)
    parent = _parent(request.user, request.POST.get("within", ""))
    try:
        places.move_place(by=request.user, now=clock.now(), place_id=place.pk, within_id=parent.pk if parent else None)
    except DubanError as refusal:
        return _place_page(request, place, refusal=refusal)
    messages.success(request, _("Moved."))
    return redirect("commons:place", place.pk)


@require_safe
@person_who(SEES)
def poster(request: StaffRequest, place_id: uuid.UUID) -> HttpResponse:
    """An A4 page to hang at the door: what this is, and the code that leads there."""
    place = queries.place_for(request.user, place_id)
    return printed.file_of(printed.poster_of(place, clock.now()), "poster.pdf")


urls = [
    path("places/", places_page, name="places"),
    path("places/add/", add_page, name="add_place"),
    path("places/<uuid:place_id>/", place_page, name="place"),
    path("places/<uuid:place_id>/change/", change, name="change_place"),
    path("places/<uuid:place_id>/move/", move, name="move_place"),
    path("places/<uuid:place_id>/poster.pdf", poster, name="place_poster"),
]
