"""Venues on the map: points where there are few, else clusters counted by the database in the box in view."""

from math import isfinite
from typing import Any

from django.db.models import Count, F, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from duban.core.errors import DubanError
from duban.engines.geo import cells
from duban.places import queries as places
from duban.venues.models import Venue

FEW = 400
"""So many are drawn as what they are, however far off one looks."""
MAP_CAP = 2000
STEPS_FINER = 3
"""A cluster is a cell of the map's zoom and this: 64 px wide."""
MAX_ZOOM = 22
Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


class BadView(DubanError):
    pass


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


def drawn(venues: QuerySet[Venue], box: Box, zoom: int) -> dict[str, Any]:
    """The venues about the box as GeoJSON (WGS 84): the counts of the features add up to `count`.

    Whole cells are counted, by an index alone, so a little beyond the box is told as well.
    """
    ranges = places.cell_ranges(*box)
    parts = [venues.order_by().filter(cell__gte=low, cell__lte=high) for low, high in ranges]
    size = min(zoom + STEPS_FINER, places.FINEST_ZOOM)
    finer = min(size + 1, places.FINEST_ZOOM)
    at = F("cell").bitrightshift(2 * (places.FINEST_ZOOM - finer))
    counted = [part.values_list(at).annotate(n=Count("*")) for part in parts]
    # Each range is looked up by itself: ranges that one condition names cost SQLite ten times that.
    counts: dict[int, int] = {}
    for cell, number in counted[0].union(*counted[1:], all=True):
        counts[cell] = counts.get(cell, 0) + number
    total = sum(counts.values())
    if total <= FEW:
        rows = _rows(parts[0]).union(*(_rows(part) for part in parts[1:]), all=True) if total else []
        features = _features(list(rows))
    else:
        features = _clusters(counts, finer, size)
    return {"type": "FeatureCollection", "bbox": list(box), "count": total, "features": features}


def points(venues: QuerySet[Venue]) -> dict[str, Any]:
    """The first venues that have a position, for a map that asks once; `note` says when there are more."""
    found = list(_rows(venues.filter(lon__isnull=False))[: MAP_CAP + 1])
    more = len(found) > MAP_CAP
    note = _("The map shows the first %(drawn)s; narrow the filter to see all.") % {"drawn": f"{MAP_CAP:,}"}
    return {
        "type": "FeatureCollection",
        "features": _features(found[:MAP_CAP]),
        "more": more,
        "note": note if more else "",
    }


def point_of(venue: Venue) -> dict[str, Any]:
    """A venue with a position as the map's card tells it."""
    state = "void" if venue.closed_at else "listed"
    return {
        "id": str(venue.pk),
        "lon": venue.lon,
        "lat": venue.lat,
        "state": state,
        "word": _("closed") if venue.closed_at else str(venue.kind),
        "title": venue.name,
        "text": venue.address or venue.statement,
    }


def _rows(venues: QuerySet[Venue]) -> QuerySet[Venue, tuple[Any, ...]]:
    return venues.values_list("pk", "lon", "lat", "name", "kind__name", "kind__name_en", "address", "closed_at")


def _features(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    chinese = (get_language() or "zh").startswith("zh")
    return [
        {
            "type": "Feature",
            "id": str(pk),
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": {
                "id": str(pk),
                "state": "void" if closed_at else "listed",
                "word": _("closed") if closed_at else kind if chinese else kind_en,
                "title": name,
                "text": address,
                "url": reverse("patrol:venue", args=[pk]),
                "count": 1,
            },
        }
        for pk, lon, lat, name, kind, kind_en, address, closed_at in rows
    ]


def _clusters(counts: dict[int, int], finer: int, size: int) -> list[dict[str, Any]]:
    """The counts of finer cells put together to cells of the clusters' size; each stands at the middle of its parts."""
    west, south, east, north = cells.cell_bounds(list(counts), finer)
    groups: dict[int, list[tuple[int, float, float]]] = {}
    middles = zip(((west + east) / 2).tolist(), ((south + north) / 2).tolist(), strict=True)
    for (cell, number), (lon, lat) in zip(counts.items(), middles, strict=True):
        groups.setdefault(cell >> 2 * (finer - size), []).append((number, lon, lat))
    return [_cluster(cell, group) for cell, group in groups.items()]


def _cluster(cell: int, group: list[tuple[int, float, float]]) -> dict[str, Any]:
    number = sum(n for n, _lon, _lat in group)
    lon, lat = (sum(row[0] * row[column] for row in group) / number for column in (1, 2))
    return {
        "type": "Feature",
        "id": str(cell),
        "geometry": {"type": "Point", "coordinates": [round(lon, 6), round(lat, 6)]},
        "properties": {"count": number, "overdue": False},
    }
