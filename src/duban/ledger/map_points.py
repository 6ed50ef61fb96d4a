"""Entries on the map: points near by, clusters made by the database from afar, at the cost of the box in view."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import isfinite
from typing import Any

import numpy as np
from django.db.models import Count, F, Min, QuerySet
from django.http import HttpResponse, JsonResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from duban.access.models import Person
from duban.core import clock
from duban.core.errors import DubanError
from duban.engines.geo import cells
from duban.ledger import filters, queries, tally
from duban.ledger.leads import Lead
from duban.ledger.lifecycle import UNREMEDIED, State
from duban.ledger.models import Category, Entry, Tally
from duban.ledger.queries import SEEING, Filters
from duban.ledger.views import StaffRequest, person_who
from duban.places import queries as places

MAP_CAP = 2000
FEW = 400
"""So many are drawn as what they are, however far off one looks."""
STREET_CAP = 1000
"""So many are drawn as what they are where one sees single houses."""
STREET_ZOOM = 16
NEAR_ZOOM = 12
"""From here on a box in view is a small part of the ledger."""
MAX_ZOOM = 22
STEPS_FINER = 3
"""A cluster is a cell of the map's zoom and this: 64 px wide."""
SINGLES = 100
DRAWN = ("pk", "lon", "lat", "state", "due_at", "category", "number", "statement", "description")
Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


class BadView(DubanError):
    pass


@dataclass(frozen=True)
class Grid:
    """The box in view widened to whole cells of the clusters' size."""

    zoom: int
    box: Box
    ranges: list[tuple[int, int]]
    """Of finest cells; they may hold some outside the box."""

    @classmethod
    def over(cls, box: Box, zoom: int) -> "Grid":
        west, south, east, north = box
        corners = cells.cell_of([west, east], [north, south], zoom)
        lefts, bottoms, rights, tops = cells.cell_bounds(corners, zoom)
        shift = 2 * (places.FINEST_ZOOM - zoom)
        ranges = cells.cell_ranges(*box, zoom=zoom)
        return cls(
            zoom=zoom,
            box=(float(lefts[0]), float(bottoms[1]), float(rights[1]), float(tops[0])),
            ranges=[(low << shift, ((high + 1) << shift) - 1) for low, high in ranges],
        )

    def holds(self, lons: Any, lats: Any) -> Any:
        west, south, east, north = self.box
        return (lons > west) & (lons < east) & (lats > south) & (lats < north)


def read_view(query: QueryDict) -> tuple[Box, int]:
    """The box (bbox=west,south,east,north) and the zoom; raises BadView (`bad_box`, `bad_zoom`)."""
    try:
        west, south, east, north = (float(text) for text in query.get("bbox", "").split(","))
        if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
            raise ValueError(west)
    except ValueError as error:
        raise BadView(
            "bad_box", gettext_lazy("bbox is west,south,east,north in degrees, west and south first."), field="bbox"
        ) from error
    try:
        zoom = float(query.get("zoom", ""))
        if not (isfinite(zoom) and 0 <= zoom <= 24):
            raise ValueError(zoom)
    except ValueError as error:
        raise BadView("bad_zoom", gettext_lazy("zoom is a number from 0 to 24."), field="zoom") from error
    return (west, south, east, north), min(int(zoom), MAX_ZOOM)


@require_GET
@person_who(*SEEING)
def clusters(request: StaffRequest) -> HttpResponse:
    """The filter's entries in the box, as points where there are few or the map is near, else as clusters with counts.

    GeoJSON (WGS 84). The box is widened to whole cells: `bbox` says to where, `count` how many entries lie in it, and
    the counts of the features add up to it, unless `note` says that not all are drawn.
    """
    now = clock.now()
    wanted = filters.read_filters(request.GET)
    return JsonResponse(drawn(request.user, wanted, *read_view(request.GET), now=now))


def drawn(person: Person, wanted: Filters, box: Box, zoom: int, *, now: datetime) -> dict[str, Any]:
    """What `clusters` answers, as values."""
    grid = Grid.over(box, zoom + STEPS_FINER)
    wanted = replace(wanted, sort="-found_at")
    counted = grid.zoom <= tally.ZOOM and wanted == Filters(wanted.states, wanted.area, wanted.category)
    found = None if counted or zoom >= NEAR_ZOOM else queries.find_entries(person, wanted, now=now)
    if found and not (wanted.overdue or wanted.due) and found.total.more:
        return _first(found.entries, grid, now=now)
    # Near by, the index of cells leads; from afar what the question names does.
    entries = found.entries if found else queries.entries_for(person, wanted, now=now, lead=Lead.ORDER)
    groups = _counted(person, wanted, grid) if counted else _grouped(entries, grid, near=found is None)
    total = int(groups.counts.sum())
    if total <= (STREET_CAP if zoom >= STREET_ZOOM else FEW):
        if zoom < NEAR_ZOOM:
            inside = (found or queries.find_entries(person, wanted, now=now)).entries.filter(**_box(grid)).order_by()
        else:
            inside = _parts(entries.filter(**_box(grid)), grid.ranges)
        # In an order of their own: the database has none, and another plan would make another answer of the same rows.
        points = sorted(_features(inside, now), key=lambda point: point["id"]) if total else []
        return _collection(points, grid, total)
    singles = _singles(entries, groups, grid.zoom, now)
    late = wanted.overdue
    features = [
        singles[cell] if cell in singles else _cluster(cell, lon, lat, count, late=late)
        for cell, lon, lat, count in groups.rows()
    ]
    return _collection(features, grid, total)


def _collection(
    features: list[dict[str, Any]], grid: Grid, total: int, note: str = "", more: bool = False
) -> dict[str, Any]:
    return {
        "type": "FeatureCollection",
        "bbox": list(grid.box),
        "count": total,
        "more": more,
        "note": note if more else "",
        "features": features,
    }


def _first(entries: QuerySet[Entry], grid: Grid, *, now: datetime) -> dict[str, Any]:
    """Where counting by cells would be to read the ledger: the newest entries in the box."""
    found = _features(entries.filter(**_box(grid))[: MAP_CAP + 1], now)
    note = _("The map shows the newest %(drawn)s of very many; come nearer or narrow the filter.")
    shown = found[:MAP_CAP]
    return _collection(shown, grid, len(shown), note % {"drawn": f"{MAP_CAP:,}"}, len(found) > MAP_CAP)


@dataclass(frozen=True)
class Groups:
    """Cells of the grid with the middle of what lies in them, how many, and the finest cell of one of them (or -1)."""

    cells: np.ndarray
    lons: np.ndarray
    lats: np.ndarray
    counts: np.ndarray
    finest: np.ndarray

    def rows(self) -> Iterable[tuple[int, float, float, int]]:
        columns = (self.cells, self.lons, self.lats, self.counts)
        return zip(*(column.tolist() for column in columns), strict=True)


def _grouped(entries: QuerySet[Entry], grid: Grid, *, near: bool) -> Groups:
    """From the rows in the box, by cells one step finer than the grid's."""
    finer = min(grid.zoom + 1, places.FINEST_ZOOM)
    at = F("cell").bitrightshift(2 * (places.FINEST_ZOOM - finer))
    counted = entries.order_by().values_list(at).annotate(n=Count("*"), finest=Min("cell"))
    # From afar the box holds most of what the question finds, and something else leads to that.
    return _gathered(list(_parts(counted, grid.ranges) if near else counted), grid, finer)


def _parts(entries: QuerySet[Any, Any], ranges: Sequence[tuple[int, int]]) -> QuerySet[Any, Any]:
    """The rows of all ranges, each looked up by itself: ranges that one condition names cost SQLite ten times that."""
    parts = [entries.order_by().filter(cell__gte=low, cell__lte=high) for low, high in ranges]
    return parts[0].union(*parts[1:], all=True)


def _counted(person: Person, wanted: Filters, grid: Grid) -> Groups:
    """From the sums that are kept: what a scope, states, an area and a category ask for."""
    finer, shift = min(grid.zoom + 1, tally.ZOOM), 2 * (places.FINEST_ZOOM - tally.ZOOM)
    rows = Tally.objects.filter(queries.reach_of(person, wanted.area, kind="kind"))
    rows = rows.filter(category=queries.category_key(wanted))
    rows = rows.filter(queries.in_ranges("cell", [(low >> shift, high >> shift) for low, high in grid.ranges]))
    if wanted.states:
        rows = rows.filter(state__in=wanted.states)
    sums = tally.sums(rows, [F("cell").bitrightshift(2 * (tally.ZOOM - finer))])
    return _gathered([(cell, n, -1) for cell, n in sums], grid, finer)


def _gathered(rows: Sequence[tuple[int, int, int]], grid: Grid, finer: int) -> Groups:
    """Counts of finer cells put together to the grid's; each stands at the middle of its parts."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    west, south, east, north = cells.cell_bounds(table[:, 0], finer)
    lons, lats = (west + east) / 2, (south + north) / 2
    inside = grid.holds(lons, lats)
    (parts, counts, finest), lons, lats = table[inside].T, lons[inside], lats[inside]
    whole, first, where = np.unique(parts >> 2 * (finer - grid.zoom), return_index=True, return_inverse=True)
    sums = np.bincount(where, counts, len(whole))
    middles = [np.bincount(where, values * counts, len(whole)) / sums for values in (lons, lats)]
    return Groups(whole, middles[0], middles[1], sums.astype(np.int64), finest[first])


def _box(grid: Grid) -> dict[str, float]:
    west, south, east, north = grid.box
    return {"lon__gte": west, "lon__lt": east, "lat__gt": south, "lat__lte": north}


def _singles(entries: QuerySet[Entry], groups: Groups, zoom: int, now: datetime) -> dict[int, dict[str, Any]]:
    """The points of entries that are alone in their cell; beyond some, they stay clusters of one."""
    alone = groups.finest[(groups.counts == 1) & (groups.finest >= 0)][:SINGLES].tolist()
    points = _features(entries.filter(cell__in=alone).order_by(), now) if alone else []
    where = np.array([point["geometry"]["coordinates"] for point in points]).reshape(-1, 2)
    return dict(zip(cells.cell_of(where[:, 0], where[:, 1], zoom).tolist(), points, strict=True))


def _cluster(cell: int, lon: float, lat: float, count: int, *, late: bool) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": str(cell),
        "geometry": {"type": "Point", "coordinates": [round(lon, 6), round(lat, 6)]},
        "properties": {"count": count, "overdue": late},
    }


def _features(entries: QuerySet[Entry], now: datetime) -> list[dict[str, Any]]:
    """Each entry as a point; `entries` may be cut, but not yet read."""
    categories = {category.pk: str(category) for category in Category.objects.all()}
    words = {state.value: str(state.label) for state in State}
    # The addresses differ in the id alone, and to make each anew takes longer than to read the entry.
    none = uuid.UUID(int=0)
    before, after = reverse("ledger:entry", args=[none]).split(str(none))
    return [
        {
            "type": "Feature",
            "id": str(key),
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": {
                "id": str(key),
                "state": state,
                "word": words[state],
                "overdue": state in UNREMEDIED and due_at is not None and due_at < now,
                "title": f"{categories.get(category, '')} · {number}",
                "text": statement or description[:80],
                "url": f"{before}{key}{after}",
                "count": 1,
            },
        }
        for key, lon, lat, state, due_at, category, number, statement, description in entries.values_list(*DRAWN)
    ]


@require_GET
@person_who(*SEEING)
def entry_points(request: StaffRequest) -> HttpResponse:
    """The filter's entries as GeoJSON (WGS 84), at most 2,000; `note` says so when there are more."""
    now = clock.now()
    wanted = filters.read_filters(request.GET)
    found = queries.find_entries(request.user, wanted, now=now)
    total = found.total
    more = total.number > MAP_CAP
    words = {"drawn": f"{MAP_CAP:,}", "total": str(total)}
    note = _("The map shows the first %(drawn)s of %(total)s; narrow the filter to see all.") % words if more else ""
    features = _features(found.entries[:MAP_CAP], now)
    return JsonResponse({"type": "FeatureCollection", "features": features, "more": more, "note": note})


def point_of(entry: Entry, now: datetime) -> dict[str, Any]:
    """An entry as the map's card tells it."""
    return {
        "id": str(entry.id),
        "state": entry.state,
        "word": str(State(entry.state).label),
        "overdue": queries.is_overdue(entry, now),
        "title": f"{entry.category} · {entry.number}",
        "text": entry.statement or entry.description[:80],
        "url": reverse("ledger:entry", args=[entry.id]),
    }
