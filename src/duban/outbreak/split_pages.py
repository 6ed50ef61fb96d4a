"""Splitting a risk area: its parts as units of the code list, as outlines drawn on the map, or as a published list."""

import uuid
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, refuse
from duban.outbreak import areas
from duban.outbreak.area_pages import MAX_LIST, outlines_of, shown
from duban.outbreak.areas import DECLARES
from duban.outbreak.lists import AreaDraft, BadArea, Defaults, ReadAreas, code_of_place, read_area, read_areas
from duban.outbreak.models import Declaration
from duban.places import queries as places
from duban.places.codes import normalise_code

Refusals = list[tuple[str, int, DubanError]]
"""Where it was written, in which line or feature, and what is wrong with it."""


class SplitForm(forms.Form):
    """The parts of an area; what they do not say is the area's."""

    use_required_attribute = False

    units = forms.CharField(
        label=gettext_lazy("Units of the code list"),
        required=False,
        help_text=gettext_lazy("One a line, by name or code: 大兴区天宫院街道, or 110115012."),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
    )
    outlines = forms.CharField(
        label=gettext_lazy("Outlines"),
        required=False,
        help_text=gettext_lazy("Those drawn on the map, or GeoJSON with a name, and a level or measure, for each."),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "code"}),
    )
    file = forms.FileField(
        label=gettext_lazy("The list"),
        required=False,
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".geojson,.json,.csv,.xlsx,.txt"}),
    )
    source = NeededField(label=gettext_lazy("Source notice"), max_length=500)
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(DECLARES)
def split(request: StaffRequest, declared_id: uuid.UUID) -> HttpResponse:
    """Put the parts that were drawn, named or listed in the place of an area."""
    last = areas.declaration_for(request.user, declared_id)
    form, status = SplitForm(initial={"version": last.version}), 200
    refused: Refusals = []
    if request.method == "POST":
        form, status = SplitForm(request.POST, request.FILES), 400
        try:
            if form.is_valid():
                parts, refused = read_parts(form.cleaned_data, last)
                if not refused:
                    return _split(request, form, last, parts)
        except DubanError as refusal:
            refuse(form, refusal)
            status = refusal.status
    context = {
        "form": form,
        "area": shown([last])[0],
        "outlines": outlines_of([last]),
        "refused": refused[:200],
    }
    return render(request, "outbreak/split.html", context, status=status)


def _split(request: StaffRequest, form: SplitForm, last: Declaration, parts: list[AreaDraft]) -> HttpResponse:
    made = areas.split_area(
        by=request.user,
        now=clock.now(),
        area_id=last.area_id,
        version=form.cleaned_data["version"] or 0,
        parts=parts,
        source=form.cleaned_data["source"],
    )
    numbers = ", ".join(one.number for one in made[:10]) + (" …" if len(made) > 10 else "")
    messages.success(request, _("Split: %(numbers)s take its place.") % {"numbers": numbers})
    return redirect("outbreak:desk")


# ---- reading the parts ----------------------------------------------------------------------------------------------


def read_parts(given: dict[str, Any], last: Declaration) -> tuple[list[AreaDraft], Refusals]:
    """The parts of the form's units, outlines and list, with what they leave unsaid as the area has it.

    Raises DubanError for the outlines or the list as a whole.
    """
    defaults = areas.defaults_of(last, given["source"])
    parts, refused = _units(given["units"], last, defaults)
    if given["outlines"].strip():
        with_ids, wrong = _read(given["outlines"].encode(), "a.geojson", "outlines", defaults)
        parts += [replace(one, key=_key(last, one.key)) for one in with_ids]
        refused += wrong
    if (file := given["file"]) is not None:
        if (file.size or 0) > MAX_LIST:
            raise BadArea("file_too_large", _("At most 8 MB; split the list."), field="file")
        listed, wrong = _read(file.read(), file.name or "", "file", defaults)
        parts += listed
        refused += wrong
    return parts, refused


def _units(text: str, last: Declaration, defaults: Defaults) -> tuple[list[AreaDraft], Refusals]:
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    codes: dict[int, str] = {}
    refused: Refusals = []
    for number, line in lines:
        try:
            codes[number] = normalise_code(line, row=number) if line.isdecimal() else code_of_place(line, number)
        except DubanError as refusal:
            refused.append(("units", number, refusal))
    names = places.names(codes.values())
    parts = []
    for number, line in lines:
        if number not in codes:
            continue
        code = codes[number]
        name = names.get(code, code) if line.isdecimal() else line
        try:
            parts.append(read_area({"id": _key(last, code), "name": name, "code": code}, defaults, number))
        except DubanError as refusal:
            refused.append(("units", number, refusal))
    return parts, refused


def _read(data: bytes, name: str, field: str, defaults: Defaults) -> tuple[list[AreaDraft], Refusals]:
    try:
        found: ReadAreas = read_areas(data, name, defaults)
    except DubanError as refusal:
        raise BadArea(refusal.code, refusal.message, field=field, status=refusal.status) from refusal
    return found.drafts, [(field, row.number, refusal) for row, refusal in found.refused]


def _key(last: Declaration, part: str) -> str:
    """What the area is called and what the part is: another area may be called as the part alone."""
    return f"{last.area.key[:49]}/{part[-50:]}"


urls = [path("areas/<uuid:declared_id>/split/", split, name="split")]
