"""The register of venues: found by name, type, area and on the map."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.core.errors import DubanError
from duban.core.paging import Count, Page, count_of, page_of
from duban.places import queries as places
from duban.venues import filters, map_points
from duban.venues.models import Venue
from duban.venues.queries import ORDER, types_by_key

SEES = "venue.see"
KEEPS = "venue.edit"
COUNTED = 10_000
COUNTED_BY_WORDS = 1_000
"""What holds frequent words is counted by reading it."""


@dataclass(frozen=True)
class RowShown:
    """One line of the table."""

    venue: Venue
    area: str


def area_choices(person: Person, permission: str, *chosen: str) -> list[tuple[str, str]]:
    """(code, name) of the counties and towns within the person's codes, those codes, and what is chosen already."""
    codes = rights.codes(person, permission)
    choices = [(unit.code, unit.name) for unit in places.counties_and_towns(codes)]
    finer = [code for code in (*codes, *chosen) if code and code not in dict(choices)]
    names = places.names(finer) if finer else {}
    return [*choices, *((code, names.get(code, code)) for code in dict.fromkeys(finer))]


@require_safe
@person_who(SEES)
def venue_list(request: StaffRequest) -> HttpResponse:
    """The table; asked by htmx for its rows, only the rows."""
    person = request.user
    kinds = {key: str(kind) for key, kind in types_by_key().items()}
    refusal, wanted, total = None, filters.Filters(), Count(0, False)
    page: Page[Venue] = Page([], "", "")
    try:
        wanted = filters.read_filters(request.GET, kinds)
        venues = filters.find_venues(person, wanted)
        page = page_of(venues.select_related("kind"), ORDER, request.GET.get("cursor", ""))
        total = count_of(venues, COUNTED_BY_WORDS if wanted.text else COUNTED)
    except DubanError as wrong:
        refusal = wrong
    areas = area_choices(person, SEES, wanted.area)
    names = dict(areas) | places.names({venue.jurisdiction for venue in page.rows} - set(dict(areas)))
    context = {
        "filters": wanted,
        "chips": filters.sentence(wanted, kinds, names),
        "rows": rows_of(page.rows, names),
        "total": total,
        "earlier": f"?{filters.write_filters(wanted, cursor=page.earlier)}" if page.earlier else "",
        "later": f"?{filters.write_filters(wanted, cursor=page.later)}" if page.later else "",
        "query": filters.write_filters(wanted),
        "refusal": refusal,
        "may_keep": bool(rights.codes(person, KEEPS)),
        "may_type": bool(rights.codes(person, "venue.types")),
        "kinds": kinds.items(),
        "areas": areas,
    }
    partial = request.htmx and not request.htmx.history_restore_request
    template = "venues/parts/rows.html" if partial else "venues/list.html"
    response = render(request, template, context, status=refusal.status if refusal else 200)
    patch_vary_headers(response, ["HX-Request"])
    return response


def rows_of(venues: Iterable[Venue], names: dict[str, str]) -> list[RowShown]:
    return [RowShown(venue, names.get(venue.jurisdiction) or names.get(venue.town, venue.town)) for venue in venues]


@require_safe
@person_who(SEES)
def points(request: StaffRequest) -> HttpResponse:
    """The filter's venues as GeoJSON (WGS 84), at most 2,000; `note` says so when there are more."""
    wanted = filters.read_filters(request.GET, dict.fromkeys(types_by_key(), ""))
    return JsonResponse(map_points.points(filters.find_venues(request.user, wanted)))


@require_safe
@person_who(SEES)
def clusters(request: StaffRequest) -> HttpResponse:
    """The filter's venues in the box (?bbox=&zoom=) as GeoJSON: points where there are few, else clusters."""
    wanted = filters.read_filters(request.GET, dict.fromkeys(types_by_key(), ""))
    box, zoom = map_points.read_view(request.GET)
    return JsonResponse(map_points.drawn(filters.find_venues(request.user, wanted), box, zoom))


urls = [
    path("", venue_list, name="list"),
    path("points.geojson", points, name="points"),
    path("clusters.geojson", clusters, name="clusters"),
]
