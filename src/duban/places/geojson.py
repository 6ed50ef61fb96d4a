"""Reading a layer's GeoJSON: everything checked before anything is stored, each refusal naming its feature."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.core.text import is_plain
from duban.places.codes import normalise_code
from duban.places.files import LayerFeatures
from duban.places.models import LayerName

LINES = {"LineString", "MultiLineString"}
AREAS = {"Polygon", "MultiPolygon"}
POINTS = {"Point", "MultiPoint"}
GEOMETRY_TYPES: dict[str, set[str]] = {
    LayerName.ROADS: LINES,
    LayerName.WATERS: LINES | AREAS,
    LayerName.VILLAGES: POINTS | AREAS,
    LayerName.BOUNDARIES: AREAS,
    LayerName.LANDMARKS: POINTS | AREAS | LINES,
}
# A repaired outline may differ from the drawn one by this part of its area, no more.
REPAIR_TOLERANCE = 0.001
WGS84_NAMES = {"urn:ogc:def:crs:ogc:1.3:crs84", "urn:ogc:def:crs:ogc::crs84", "ogc:crs84", "epsg:4326", "crs84",
               "urn:ogc:def:crs:epsg::4326"}  # fmt: skip


class BadLayer(DubanError):
    """`row` counts features from 1."""


@dataclass(frozen=True)
class ReadLayer:
    features: LayerFeatures
    schematic: bool
    """The file says of itself that it is drawn by hand."""


def read_geojson(data: bytes, layer: str) -> ReadLayer:
    """The features of a GeoJSON FeatureCollection for this layer, in WGS 84.

    Raises BadLayer: `layer_not_json`, `layer_not_features`, `layer_crs`, `feature_malformed`, `feature_geometry`,
    `feature_swapped`, `feature_off_earth`, `feature_outline`, `boundary_without_code`.
    """
    document = load_collection(data)
    features = document["features"]
    names, codes, geometries = [], [], np.empty(len(features), dtype=object)
    for number, feature in enumerate(features, start=1):
        properties = feature.get("properties") if isinstance(feature, dict) else None
        if not isinstance(feature, dict) or not isinstance(properties, dict | None):
            raise BadLayer("feature_malformed", _("This is no GeoJSON feature."), row=number)
        properties = properties or {}
        name = properties.get("name")
        if not isinstance(name, str | int | float | None) or not is_plain(str(name or "")):
            raise BadLayer("feature_malformed", _("The name is no text."), field="name", row=number)
        geometries[number - 1] = _geometry(feature.get("geometry"), layer, number)
        names.append(str(name or "").strip())
        codes.append(_code(properties.get("code"), layer, number))
    return ReadLayer(LayerFeatures(names, codes, geometries), bool(document.get("schematic")))


def load_collection(data: bytes) -> dict[str, Any]:
    """A FeatureCollection in WGS 84, its features not yet looked at.

    Raises BadLayer: `layer_not_json`, `layer_not_features`, `layer_crs`.
    """
    try:
        document = json.loads(data.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadLayer(
            "layer_not_json", _("The file is no JSON: %(error)s") % {"error": error}, field="file"
        ) from error
    if (
        not isinstance(document, dict)
        or document.get("type") != "FeatureCollection"
        or not isinstance(document.get("features"), list)
    ):
        raise BadLayer(
            "layer_not_features",
            _("The file must be a GeoJSON FeatureCollection with a list “features”."),
            field="file",
        )
    crs = document.get("crs")
    if crs is not None:
        about = crs.get("properties") if isinstance(crs, dict) else None
        name = str(about.get("name", "") if isinstance(about, dict) else crs).lower()
        if name not in WGS84_NAMES:
            raise BadLayer(
                "layer_crs", _("Coordinates must be WGS 84 degrees, not “%(crs)s”.") % {"crs": name[:80]}, field="crs"
            )
    return document


def read_outline(geometry: Any, row: int) -> shapely.Geometry:
    """A sound polygon or multipolygon of a GeoJSON geometry, in WGS 84.

    Raises BadLayer naming the row: `feature_geometry`, `feature_swapped`, `feature_off_earth`, `feature_outline`.
    """
    return _geometry(geometry, LayerName.BOUNDARIES, row)


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _geometry(geometry: Any, layer: str, number: int) -> Any:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(kind, str) or kind not in GEOMETRY_TYPES[layer]:
        raise BadLayer(
            "feature_geometry",
            _("The layer %(layer)s takes %(types)s, not %(kind)s.")
            % {"layer": layer, "types": ", ".join(sorted(GEOMETRY_TYPES[layer])), "kind": kind or "–"},
            field="geometry",
            row=number,
        )
    try:
        shape = shapely.from_geojson(json.dumps(geometry))
    except (shapely.errors.ShapelyError, TypeError, ValueError, RecursionError) as error:
        raise BadLayer(
            "feature_geometry", _("The coordinates are not as GeoJSON wants them."), field="geometry", row=number
        ) from error
    if shape is None or shape.is_empty:
        raise BadLayer("feature_geometry", _("The geometry is empty."), field="geometry", row=number)
    _check_range(shape, number)
    return _sound(shape, number) if kind in AREAS else shapely.force_2d(shape)


def _check_range(shape: Any, number: int) -> None:
    west, south, east, north = shape.bounds
    if not np.isfinite([west, south, east, north]).all() or max(abs(west), abs(east)) > 180:
        raise BadLayer(
            "feature_off_earth",
            _("Longitudes lie between -180 and 180 degrees; are these metres of some grid?"),
            field="geometry",
            row=number,
        )
    if max(abs(south), abs(north)) > 90:
        raise BadLayer(
            "feature_swapped",
            _("A latitude beyond 90 degrees: longitude goes first in GeoJSON."),
            field="geometry",
            row=number,
        )


def _sound(shape: Any, number: int) -> Any:
    """The outline without self-crossings, if that leaves its area as drawn."""
    shape = shapely.force_2d(shape)
    if shape.is_valid:
        return shape
    repaired = shapely.make_valid(shape)
    areas = [part for part in shapely.get_parts(repaired) if part.geom_type in AREAS]
    outline = shapely.union_all(areas) if areas else None
    drawn = shapely.area(shapely.convex_hull(shape))
    if outline is None or abs(outline.area - shape.area) > REPAIR_TOLERANCE * drawn:
        raise BadLayer(
            "feature_outline",
            _("The outline crosses itself: %(why)s") % {"why": shapely.is_valid_reason(shape)},
            field="geometry",
            row=number,
        )
    return outline


def _code(code: Any, layer: str, number: int) -> str:
    if code in (None, ""):
        if layer == LayerName.BOUNDARIES:
            raise BadLayer(
                "boundary_without_code", _("A boundary needs the code of its jurisdiction."), field="code", row=number
            )
        return ""
    try:
        return normalise_code(code, row=number)
    except DubanError:
        if layer == LayerName.BOUNDARIES:
            raise
        return ""
