"""The figures of the register for the office and for anybody, each opening its rows; and the same as files."""

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from math import atan, cos, degrees, hypot, log, pi, radians, sinh, tan
from typing import Any

import openpyxl
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, pgettext, pgettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.commons.growth.figures import Figures, Line, PlaceLine, figures_in, places_in, sentences
from duban.commons.growth.overview import overlap
from duban.commons.models import OrganisationKind, Tier
from duban.commons.register.filters import Filters, write_filters
from duban.commons.register.public_pages import ASKED
from duban.commons.register.queries import SEES, area_choices
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.tables import guard
from duban.places import queries as places
from duban.places.codes import LENGTHS, normalise_code
from duban.places.models import Jurisdiction

COUNTY, TOWN = LENGTHS[:2]
TILE, CIRCLE, NEAREST = 512, 36, 22
"""Pixels of the world at zoom 0 and of a circle with its number; the nearest zoom of the map."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TABLES = (
    ("tiers", gettext_lazy("Tier")),
    ("kinds", pgettext_lazy("of an organisation", "Kind")),
    ("categories", gettext_lazy("Category")),
    ("purposes", pgettext_lazy("of an organisation", "Purpose")),
    ("ages", gettext_lazy("Age")),
    ("sizes", gettext_lazy("Members")),
)


class Rows:
    """Addresses of the register's rows: the office's list, or the one that anybody reads."""

    def __init__(self, list_name: str, figures_name: str, asked: Collection[str] = ()) -> None:
        """`asked`: what that list can be asked for; nothing named is everything."""
        self.list_url, self.figures_url, self.asked = reverse(list_name), reverse(figures_name), asked

    def of(self, line: Line, **more: str) -> str:
        """Empty where the list cannot be asked for these rows alone."""
        wanted = {**line.wanted, **more}
        if (line.key and not line.wanted) or (self.asked and not set(wanted) <= set(self.asked)):
            return ""
        return f"{self.list_url}?{write_filters(Filters(**wanted))}".rstrip("?")

    def points(self, area: str) -> str:
        return f"{self.figures_url}places.json?area={area}"

    def about(self, area: str) -> str:
        return f"{self.figures_url}?area={area}" if area else self.figures_url


def _context(found: Figures, rows: Rows, area: str, name: str) -> dict[str, Any]:
    chinese = (get_language() or "zh").startswith("zh")
    said = sentences(found, name)
    base = {"area": area} if area else {}
    cells = [
        (found.total.n, _("Organisations"), rows.of(found.total)),
        (found.total.members, _("Members"), ""),
        *((line.n, line.label, rows.of(line)) for line in found.tiers),
        *(
            (found.line("kinds", kind).n, label, rows.of(found.line("kinds", kind)))
            for kind, label in ((OrganisationKind.CLUB, _("Clubs")), (OrganisationKind.STUDIO, _("Studios")))
        ),
    ]
    return {
        "found": found,
        "area": area,
        "name": name,
        "sentence": said["zh" if chinese else "en"],
        "other_sentence": said["en" if chinese else "zh"],
        "other_language": "en" if chinese else "zh-Hans",
        "cells": cells,
        "places": [
            (
                one, rows.of(one.line), rows.about(one.line.key) if _opens(one, area) else "",
                [(tier, tier.label, one.tiers[tier], rows.of(one.line, tier=tier)) for tier in Tier],
            )
            for one in found.places
        ],
        "tables": [
            (key, title, [(line, rows.of(line)) for line in getattr(found, key)]) for key, title in TABLES
        ],
        "years": [
            (
                year, rows.of(Line("", "", 0, 0, {**base, "founded": year.span})),
                rows.of(Line("", "", 0, 0, {**base, "founded": year.span, "dissolved": "1"})),
            )
            for year in found.years
        ],
        "any_gone": any(year.dissolved or year.gone for year in found.years),
        "points_url": rows.points(area),
        "nearest": 12 if found.places_are == "community" else 13,
    }  # fmt: skip


def _opens(one: PlaceLine, area: str) -> bool:
    """A town has figures of its communities."""
    return len(one.line.key) == TOWN and one.line.key != area


# ---- the map --------------------------------------------------------------------------------------------------------


@dataclass
class Heap:
    """Places so near to one another that their circles would overlap, with what they have together."""

    x: float
    y: float
    n: int
    places: list[PlaceLine]

    def take(self, x: float, y: float, one: PlaceLine) -> None:
        """The circle stands in the middle of all that it counts."""
        self.n += one.line.n
        self.x += (x - self.x) * one.line.n / self.n
        self.y += (y - self.y) * one.line.n / self.n
        self.places.append(one)


def points(found: Sequence[PlaceLine], rows: Rows, area: str, zoom: int) -> dict[str, Any]:
    """The answer that core/map.js asks for: how many organisations each place has; those too near are one circle."""
    size = TILE * 2.0**zoom
    heaps: list[Heap] = []
    # The largest first: smaller ones around it join it.
    for one in sorted(found, key=lambda one: (-one.line.n, one.line.key)):
        if one.at is None or not one.line.n:
            continue
        x, y = _on_the_plane(*one.at)
        near = next((heap for heap in heaps if hypot(heap.x - x, heap.y - y) * size < CIRCLE), None)
        if near is None:
            heaps.append(Heap(x, y, one.line.n, [one]))
        else:
            near.take(x, y, one)
    return {"points": [_point(heap, rows, area) for heap in heaps]}


def _on_the_plane(lon: float, lat: float) -> tuple[float, float]:
    """Web Mercator, the world being one unit wide."""
    return (lon + 180) / 360, (1 - log(tan(radians(lat)) + 1 / cos(radians(lat))) / pi) / 2


def _point(heap: Heap, rows: Rows, area: str) -> dict[str, Any]:
    first = heap.places[0]
    alone = len(heap.places) == 1
    return {
        "id": first.line.key,
        "lon": heap.x * 360 - 180,
        "lat": degrees(atan(sinh(pi * (1 - 2 * heap.y)))),
        "count": heap.n,
        "title": pgettext("between names", ", ").join(str(one.line.label) for one in heap.places),
        "url": (rows.about(first.line.key) if _opens(first, area) else rows.of(first.line)) if alone else "",
    }


def _zoom(request: HttpRequest) -> int:
    """As the map says it; without it every place is by itself."""
    said = request.GET.get("zoom", "")
    return min(int(said), NEAREST) if said.isascii() and said.isdecimal() and len(said) < 3 else NEAREST


# ---- the office -----------------------------------------------------------------------------------------------------


def _asked(request: StaffRequest) -> tuple[str, list[str]]:
    """The area of the address and what of it the person sees; a lone scope is asked for by itself."""
    codes = rights.codes(request.user, SEES)
    said = request.GET.get("area", "").strip()
    area = normalise_code(said, field="area") if said else codes[0] if len(codes) == 1 else ""
    return area, overlap(codes, area) if area else codes


@require_safe
@person_who(SEES)
def figures_page(request: StaffRequest) -> HttpResponse:
    """The sentence, the numbers, the map and the tables by place, by sort and over the years."""
    refusal = None
    try:
        area, codes = _asked(request)
    except DubanError as wrong:
        refusal = wrong
        area, codes = "", rights.codes(request.user, SEES)
    found = figures_in(codes, timezone.localdate(clock.now()), area)
    context = _context(found, Rows("commons:organisations", "commons:organisation_figures"), area, _name(area, codes))
    context |= {"areas": area_choices(request.user, SEES, area), "refusal": refusal}
    return render(request, "commons/organisation_figures.html", context, status=refusal.status if refusal else 200)


def _name(area: str, codes: list[str]) -> str:
    """What the figures are of: the area's name, else what the codes have in common."""
    wanted = area or (codes[0][:COUNTY] if codes else "")
    return places.names([wanted]).get(wanted, wanted)


@require_GET
@person_who(SEES)
def figures_file(request: StaffRequest, form: str) -> HttpResponseBase:
    """The same as a workbook with a sheet for each table, or as one CSV."""
    area, codes = _asked(request)
    found = figures_in(codes, timezone.localdate(clock.now()), area)
    return as_file(found, form, area)


def as_file(found: Figures, form: str, area: str) -> HttpResponse:
    if form == "xlsx":
        response = HttpResponse(as_xlsx(found), content_type=XLSX)
    elif form == "csv":
        response = HttpResponse(as_csv(found), content_type="text/csv; charset=utf-8")
    else:
        raise Http404(form)
    name = f"organisations-{area}" if area else "organisations"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return response


def _sheets(found: Figures) -> Iterator[tuple[str, list[str], list[list[Any]]]]:
    """(title, heading, rows) of each table."""
    tiers = [str(Tier(tier).label) for tier in Tier.values]
    head = [_("Organisations"), _("Members")]
    unit = _("Community or village") if found.places_are == "community" else _("Sub-district or town")
    yield (
        _("By place"), [unit, _("Code"), *head, *tiers],
        [
            [str(one.line.label), one.line.key, one.line.n, one.line.members, *one.tiers.values()]
            for one in found.places
        ] + [[_("all of them"), "", found.total.n, found.total.members, *(line.n for line in found.tiers)]],
    )  # fmt: skip
    for key, title in TABLES:
        lines: list[Line] = getattr(found, key)
        yield str(title), [str(title), *head], [[str(line.label), line.n, line.members] for line in lines]
    yield (
        _("By year"),
        [_("Year"), _("Founded, standing today"), _("Founded, dissolved since"), _("Dissolved that year"),
         _("Standing at its end"), _("Turned to self-governance")],
        [[year.year, year.founded, year.gone, year.dissolved, year.stood, year.turned] for year in found.years],
    )  # fmt: skip


def as_xlsx(found: Figures) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    for title, head, rows in _sheets(found):
        sheet = book.create_sheet(title)
        sheet.column_dimensions["A"].width = 28
        sheet.freeze_panes = "B2"
        top = []
        for word in head:
            cell = WriteOnlyCell(sheet, word)
            cell.font = Font(bold=True)
            top.append(cell)
        sheet.append(top)
        for row in rows:
            sheet.append([guard(cell) if isinstance(cell, str) else cell for cell in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def as_csv(found: Figures) -> bytes:
    """One table below the other, each with its title before it; UTF-8 with the mark that Excel wants."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    for title, head, rows in _sheets(found):
        writer.writerow([title])
        writer.writerow(head)
        writer.writerows([guard(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
        writer.writerow([])
    return b"\xef\xbb\xbf" + file.getvalue().encode()


@require_safe
@person_who(SEES)
def figures_places(request: StaffRequest) -> JsonResponse:
    """The places of the figures for the map."""
    area, codes = _asked(request)
    rows = Rows("commons:organisations", "commons:organisation_figures")
    return JsonResponse(points(places_in(codes, area), rows, area, _zoom(request)))


urls = [
    path("organisation-figures/places.json", figures_places, name="organisation_figures_places"),
    path("organisation-figures/", figures_page, name="organisation_figures"),
    path("organisation-figures/organisations.<str:form>", figures_file, name="organisation_figures_file"),
]


# ---- anybody --------------------------------------------------------------------------------------------------------


@require_safe
def public_figures(request: HttpRequest) -> HttpResponse:
    """The same figures for anybody: of all that stands on the register, or of one area of it."""
    refusal, area = None, ""
    try:
        said = request.GET.get("area", "").strip()
        area = normalise_code(said, field="area") if said else ""
    except DubanError as wrong:
        refusal = wrong
    found = figures_in([area], timezone.localdate(clock.now()), area)
    rows = _public_rows()
    name = _name(area, [area or next((unit.code for unit in places.children("")), "")])
    context = _context(found, rows, area, name)
    context |= {"section": "organisations", "public": True, "refusal": refusal, "up": _up(area)}
    return render(request, "neighbours/organisation_figures.html", context, status=refusal.status if refusal else 200)


def _public_rows() -> Rows:
    return Rows("neighbours:organisations", "neighbours:organisation_figures", ASKED)


@require_safe
def public_places(request: HttpRequest) -> JsonResponse:
    said = request.GET.get("area", "").strip()
    area = normalise_code(said, field="area") if said else ""
    return JsonResponse(points(places_in([area], area), _public_rows(), area, _zoom(request)))


def _up(area: str) -> tuple[str, str] | None:
    """(address, name) of the figures above those of a street or town."""
    if len(area) <= COUNTY:
        return None
    above = Jurisdiction.objects.filter(pk=area[:TOWN] if len(area) > TOWN else area[:COUNTY]).first()
    return (f"?area={above.code}", above.name) if above else None


public_urls = [
    path("organisations/figures/places.json", public_places, name="organisation_figures_places"),
    path("organisations/figures/", public_figures, name="organisation_figures"),
]
