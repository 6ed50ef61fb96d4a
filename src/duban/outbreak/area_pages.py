"""Risk areas: what anybody may read, and declaring, changing and lifting them for the office that does."""

import json
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, NeededFile, refuse
from duban.ledger.forms import MomentField
from duban.outbreak import areas
from duban.outbreak.areas import DECLARES, ENDED, Declared
from duban.outbreak.counts import FEW
from duban.outbreak.lists import AreaDraft, BadArea, Defaults, code_of_place, read_area, read_areas
from duban.outbreak.models import Declaration, Measure, Step
from duban.outbreak.screening import screenings_for
from duban.outbreak.store import stored

NEWEST = 30
SHOWN = 200
MAX_LIST = 8 * 1024 * 1024


@dataclass(frozen=True)
class AreaShown:
    """A version of an area as a line or a page shows it."""

    declaration: Declaration
    place: str
    measure: str
    step: str
    part_of: Declaration | None
    """What it was split from, as it was last declared."""
    parts: list[Declaration]
    """What took its place, where this is the version that split it."""


def shown(found: list[Declaration]) -> list[AreaShown]:
    """For declarations that bring their areas with them."""
    names = areas.place_words(found)
    above = {one.area_id: one for one in areas.newest_of(one.area.part_of_id for one in found if one.area.part_of_id)}
    parts = areas.parts_of(one.area_id for one in found if one.step == Step.SPLIT)
    return [
        AreaShown(
            declaration=one,
            place=names.get(one.code, one.code) if one.code else _("as drawn"),
            measure=str(Measure(one.measure).label),
            step=str(Step(one.step).label),
            part_of=above.get(one.area.part_of_id) if one.area.part_of_id else None,
            parts=parts.get(one.area_id, []) if one.step == Step.SPLIT else [],
        )
        for one in found
    ]


def outlines_of(found: list[Declaration]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": [areas.feature_of(one) for one in found if one.geometry]}


# ---- for anybody ----------------------------------------------------------------------------------------------------


@require_safe
def public_list(request: HttpRequest) -> HttpResponse:
    """Every risk area in force, and those that were lifted or split last."""
    page = Paginator(areas.published(), SHOWN).get_page(request.GET.get("page"))
    found = list(page.object_list)
    context = {
        "section": "areas",
        "page": page,
        "areas": shown(found),
        "outlines": outlines_of(found),
        "ended": shown(list(areas.ended()[:NEWEST])),
    }
    response = render(request, "outbreak/public_areas.html", context)
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response


@require_safe
def public_area(request: HttpRequest, area_id: uuid.UUID) -> HttpResponse:
    """One area with all its versions."""
    versions = areas.published_area(area_id)
    context = {"section": "areas", "versions": shown(versions), "outlines": outlines_of(versions[:1])}
    return render(request, "outbreak/public_area.html", context)


@require_safe
def public_geojson(request: HttpRequest) -> JsonResponse:
    """The areas in force in the shape that `screen --areas` reads."""
    features = [areas.feature_of(one) for one in areas.published()]
    response = JsonResponse({"type": "FeatureCollection", "features": features}, content_type="application/geo+json")
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "no-cache"
    return response


@require_safe
def feed(request: HttpRequest) -> HttpResponse:
    """The newest declarations, changes, liftings and splits (Atom)."""
    site = settings.DUBAN_SITE_URL
    found = list(Declaration.objects.select_related("area").order_by("-declared_at", "-pk")[:NEWEST])
    office = settings.DUBAN_OFFICE or "Duban"
    atom = Atom1Feed(
        title=f"{office} · {_('Risk areas')}",
        link=site + reverse("outbreak:public_list"),
        description=_("Declared, changed, lifted and split"),
        language="zh-Hans" if (get_language() or "zh").startswith("zh") else "en",
        author_name=office,
        feed_url=site + reverse("outbreak:feed"),
        feed_guid=f"tag:{urlsplit(site).hostname},2021:areas",
    )
    for one in shown(found):
        declaration = one.declaration
        atom.add_item(
            title=f"{declaration.name} · {declaration.level} · {one.step}",
            link=site + reverse("outbreak:public_area", args=[declaration.area_id]),
            description=" · ".join(filter(None, (one.place, one.measure, declaration.source, _lineage(one)))),
            pubdate=declaration.declared_at,
            updateddate=declaration.declared_at,
            unique_id=f"urn:uuid:{declaration.area_id}:{declaration.version}",
        )
    response = HttpResponse(atom.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    patch_vary_headers(response, ["Accept-Language", "Cookie"])
    return response


def _lineage(one: AreaShown) -> str:
    """What it became, or what it was, by orders; "" of most."""
    if one.parts:
        orders = ", ".join(part.number for part in one.parts)
        return _("now %(orders)s") % {"orders": orders}
    return _("part of %(name)s") % {"name": one.part_of.name} if one.part_of else ""


# ---- the office's desk ----------------------------------------------------------------------------------------------


@require_safe
@person_who(DECLARES, "screening.count")
def desk(request: StaffRequest) -> HttpResponse:
    """The office's areas, to be screened for, and the screenings that were made."""
    person = request.user
    may_declare = bool(rights.codes(person, DECLARES))
    page = Paginator(areas.in_force(areas.declarations_for(person)), SHOWN).get_page(request.GET.get("page"))
    found = list(page.object_list)
    context = {
        "page": page,
        "areas": shown(found),
        "outlines": outlines_of(found),
        "may_declare": may_declare,
        "screenings": Paginator(screenings_for(person), NEWEST).get_page(request.GET.get("runs")),
        "stored": stored() if may_declare else None,
        "few": FEW,
    }
    return render(request, "outbreak/desk.html", context)


class NeededMoment(MomentField):
    """Shown as needed; that it is missing is said by the reader of areas."""

    def validate(self, value: Any) -> None:
        """Empty is let through."""


class AreaForm(forms.Form):
    """An area to declare or to change; what it may be is decided by reading it as a list's."""

    use_required_attribute = False

    key = forms.CharField(label=gettext_lazy("Number of the notice"), required=False)
    name = NeededField(label=pgettext_lazy("of a risk area", "Name"))
    level = NeededField(label=gettext_lazy("Level"), help_text=gettext_lazy("In the words of the notice."))
    measure = forms.ChoiceField(label=gettext_lazy("Measure"), choices=Measure.choices)
    starts = NeededMoment(label=gettext_lazy("From"))
    ends = MomentField(label=gettext_lazy("To"), required=False)
    lookback_days = NeededField(
        label=gettext_lazy("Days of look-back"),
        widget=forms.NumberInput(attrs={"min": 0, "max": 60, "inputmode": "numeric"}),
    )
    source = forms.CharField(label=gettext_lazy("Source notice"), required=False)
    place = forms.CharField(
        label=gettext_lazy("Place by name or code"),
        required=False,
        help_text=gettext_lazy("A unit of the code list: 大兴区天宫院街道, or 110115012. Empty where it is drawn."),
    )
    geometry = forms.CharField(
        label=gettext_lazy("Outline"),
        required=False,
        help_text=gettext_lazy("Drawn on the map, or pasted as GeoJSON."),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "code"}),
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def draft(self) -> AreaDraft:
        """Raises DubanError at the field that is wrong."""
        given = self.cleaned_data
        place = given["place"].strip()
        code = place if place.isdecimal() else code_of_place(place) if place else ""
        if given["geometry"].strip() and place:
            raise BadArea("area_place", _("Either the outline or the name of a unit, not both."), field="place")
        cells = {
            "id": given["key"],
            "name": given["name"],
            "level": given["level"],
            "measure": given["measure"],
            "from": given["starts"],
            "to": given["ends"],
            "lookback_days": given["lookback_days"],
            "source": given["source"],
            "code": code,
            "geometry": _geometry(given["geometry"]),
        }
        try:
            return read_area(cells, Defaults(), 1)
        except DubanError as refusal:
            names = {"from": "starts", "to": "ends", "code": "place", "id": "key"}
            field = names.get(refusal.field or "", refusal.field)
            raise BadArea(refusal.code, refusal.message, field=field, status=refusal.status) from refusal


def _geometry(text: str) -> Any:
    if not text.strip():
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadArea("feature_geometry", _("The outline is no GeoJSON."), field="geometry") from error
    return found.get("geometry", found) if isinstance(found, dict) else found


class ListForm(forms.Form):
    """A published list as a file."""

    use_required_attribute = False

    file = NeededFile(
        label=gettext_lazy("The list"),
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".geojson,.json,.csv,.xlsx,.txt"}),
    )
    starts = MomentField(label=gettext_lazy("From"), required=False)
    lookback_days = forms.CharField(label=gettext_lazy("Days of look-back"), required=False)
    measure = forms.ChoiceField(label=gettext_lazy("Measure"), required=False, choices=[("", "–"), *Measure.choices])
    source = forms.CharField(label=gettext_lazy("Source notice"), required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(DECLARES)
def declare(request: StaffRequest) -> HttpResponse:
    """Declare an area drawn on the map or named, or all of a published list."""
    sent = request.method == "POST"
    from_list = sent and "list-lookback_days" in request.POST
    initial = {"starts": timezone.localtime(clock.now()), "lookback_days": 14}
    form = AreaForm(request.POST) if sent and not from_list else AreaForm(initial=initial)
    lists = ListForm(request.POST, request.FILES, prefix="list") if from_list else ListForm(prefix="list")
    status = 200
    refused: list[tuple[int, DubanError]] = []
    if sent:
        status = 400
        active = lists if from_list else form
        try:
            if active.is_valid():
                drafts, refused = _read_list(lists) if from_list else ([form.draft()], [])
                if not refused:
                    return _declared(request, areas.declare_areas(by=request.user, now=clock.now(), drafts=drafts))
        except DubanError as refusal:
            refuse(active, refusal)
            status = refusal.status
    context = {"form": form, "lists": lists, "refused": refused[:200], "area": None}
    return render(request, "outbreak/declare.html", context, status=status)


def _read_list(form: ListForm) -> tuple[list[AreaDraft], list[Any]]:
    file = form.cleaned_data["file"]
    if file is None:
        raise BadArea("file_missing", _("Choose the list first."), field="file")
    if (file.size or 0) > MAX_LIST:
        raise BadArea("file_too_large", _("At most 8 MB; split the list."), field="file")
    starts = form.cleaned_data["starts"]
    given = {name: form.cleaned_data[name] for name in ("lookback_days", "measure", "source")}
    found = read_areas(file.read(), file.name or "", Defaults(starts=starts.isoformat() if starts else "", **given))
    return found.drafts, [(row.number, refusal) for row, refusal in found.refused]


def _declared(request: StaffRequest, done: list[Declared]) -> HttpResponse:
    fresh = [one.declaration.number for one in done if one.fresh]
    if fresh:
        numbers = ", ".join(fresh[:10]) + (" …" if len(fresh) > 10 else "")
        messages.success(request, _("Declared under the order %(numbers)s.") % {"numbers": numbers})
    else:
        messages.info(request, _("That was declared already, word for word; the order stays."))
    return redirect("outbreak:desk")


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(DECLARES)
def change(request: StaffRequest, declared_id: uuid.UUID) -> HttpResponse:
    """Another version of an area."""
    last = areas.declaration_for(request.user, declared_id)
    initial = {
        "key": last.area.key,
        "name": last.name,
        "level": last.level,
        "measure": last.measure,
        "starts": last.starts_at,
        "ends": last.ends_at,
        "lookback_days": last.lookback_days,
        "source": last.source,
        "place": last.code,
        "geometry": json.dumps(last.geometry, ensure_ascii=False) if last.geometry else "",
        "version": last.version,
    }
    form = AreaForm(request.POST if request.method == "POST" else None, initial=initial)
    status = 200
    if request.method == "POST":
        status = 400
        try:
            if form.is_valid():
                done = areas.change_area(
                    by=request.user,
                    now=clock.now(),
                    area_id=declared_id,
                    draft=form.draft(),
                    version=form.cleaned_data["version"] or 0,
                )
                return _declared(request, [done])
        except DubanError as refusal:
            refuse(form, refusal)
            status = refusal.status
    context = {
        "form": form,
        "area": shown([last])[0],
        "versions": shown(areas.published_area(declared_id)),
        "in_force": last.step not in ENDED,
    }
    return render(request, "outbreak/declare.html", context, status=status)


@require_POST
@person_who(DECLARES)
def lift(request: StaffRequest, declared_id: uuid.UUID) -> HttpResponse:
    """The area is a risk area no more."""
    version = request.POST.get("version", "")
    done = areas.lift_area(
        by=request.user,
        now=clock.now(),
        area_id=declared_id,
        version=int(version) if version.isascii() and version.isdecimal() and len(version) < 7 else 0,
        source=request.POST.get("source", ""),
    )
    messages.success(request, _("Lifted under the order %(number)s.") % {"number": done.declaration.number})
    return redirect("outbreak:desk")


urls = [
    path("", desk, name="desk"),
    path("declare/", declare, name="declare"),
    path("areas/", public_list, name="public_list"),
    path("areas/feed/", feed, name="feed"),
    path("areas/areas.geojson", public_geojson, name="geojson"),
    path("areas/<uuid:area_id>/", public_area, name="public_area"),
    path("areas/<uuid:declared_id>/change/", change, name="change"),
    path("areas/<uuid:declared_id>/lift/", lift, name="lift"),
]
