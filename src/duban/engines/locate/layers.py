"""The layers a place is described by: built once from WGS-84 geometries, then read by many threads at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from duban.engines.geo.codes import trim_code
from duban.engines.geo.geodesy import Plane, geodesic
from duban.engines.geo.positions import Floats, usable

from . import names
from .nearest import Indices, SegmentIndex, segments_of

# GeoJSON draws straight lines in degrees. Over this many degrees (about 1 km) that differs from a straight
# line on the plane by a centimetre or two; longer segments are divided.
_MAX_SEGMENT = 0.01
# Digits of a town's code.
_TOWN = 9


@dataclass(frozen=True)
class Features:
    """One layer as loaded: equally long names, codes and WGS-84 geometries (shapely; None is allowed)."""

    names: Sequence[str | None]
    geometries: Sequence[object]
    codes: Sequence[str | None] = ()

    def __post_init__(self) -> None:
        if len(self.geometries) != len(self.names) or len(self.codes) not in (0, len(self.names)):
            raise ValueError("A layer needs as many names (and codes) as geometries.")


@dataclass(frozen=True, slots=True)
class Polygons:
    """Point-in-polygon in degrees, as GeoJSON draws the edges, so that neighbours share them exactly."""

    shapes: NDArray[np.object_]
    tree: shapely.STRtree

    @classmethod
    def build(cls, shapes: NDArray[np.object_]) -> "Polygons":
        shapes = shapes.copy()
        shapely.prepare(shapes)
        tree = shapely.STRtree(shapes)
        # Both are completed at first use, which must not happen in two threads at once.
        tree.query(shapely.Point(0, 0))
        shapely.intersects_xy(shapes, 0.0, 0.0)
        return cls(shapes, tree)

    def containing(self, lon: Floats, lat: Floats) -> tuple[Indices, Indices, NDArray[np.bool_]]:
        """Pairs (point, shape) of all shapes that hold a point or have it on their edge, and which hold it inside."""
        point, shape = self.tree.query(shapely.points(lon, lat))
        held = shapely.intersects_xy(self.shapes[shape], lon[point], lat[point])
        point, shape = point[held], shape[held]
        return point, shape, shapely.contains_xy(self.shapes[shape], lon[point], lat[point])


@dataclass(frozen=True, slots=True)
class Places:
    """Per point (n,) the nearest place of a layer.

    `index` into the layer's names (-1 if it has none), geodesic metres, bearing in degrees from the point to the place
    (both 0 upon or within it), whether the point lies within its area, and the nearest spot of its line or edge.
    """

    index: Indices
    distance: Floats
    bearing: Floats
    within: NDArray[np.bool_]
    foot_lon: Floats
    foot_lat: Floats


@dataclass(frozen=True, slots=True)
class NamedLayer:
    """The named features of one layer with their index; `row` is each one's place in the layer as loaded."""

    names: NDArray[np.object_]
    codes: NDArray[np.object_]
    row: Indices
    shapes: NDArray[np.object_]
    plane: Plane
    index: SegmentIndex
    areas: Polygons
    area_feature: Indices

    @classmethod
    def build(cls, features: Features, plane: Plane) -> "NamedLayer":
        """Features without a name or a usable geometry are left out: a statement could not speak of them."""
        cleaned = [names.clean(name) for name in features.names]
        shapes = as_shapes(features.geometries)
        row = np.flatnonzero(np.array([bool(name) for name in cleaned], dtype=bool) & usable_shapes(shapes))
        shapes = shapes[row]
        codes = list(features.codes) if len(features.codes) else [None] * len(cleaned)
        areal = np.isin(shapely.get_type_id(shapes), (3, 6, 7))
        lon0, lat0, lon1, lat1, owner = _divide(*segments_of(shapes))
        return cls(
            names=as_objects([cleaned[i] for i in row]),
            codes=as_objects([trim_code(codes[i]) for i in row]),
            row=row,
            shapes=shapes,
            plane=plane,
            index=SegmentIndex.of_segments(*plane.forward(lon0, lat0), *plane.forward(lon1, lat1), owner),
            areas=Polygons.build(shapes[areal]),
            area_feature=np.flatnonzero(areal),
        )

    def holders(self, lon: Floats, lat: Floats) -> Indices:
        """Per WGS-84 position (n,) the first area that holds it; -1 for none."""
        holder = np.full(len(lon), len(self.names), dtype=np.intp)
        if len(self.area_feature):
            point, area, _ = self.areas.containing(lon, lat)
            np.minimum.at(holder, point, self.area_feature[area])
        holder[holder == len(self.names)] = -1
        return holder

    def among(self, features: Indices) -> "NamedLayer":
        """A layer of only these features (indices into this one, ascending)."""
        return NamedLayer.build(
            Features(list(self.names[features]), list(self.shapes[features]), list(self.codes[features])),
            self.plane,
        )


def nearest_in(layers: Sequence[NamedLayer], lon: Floats, lat: Floats) -> list[Places]:
    """In each of the layers, which lie upon one plane, the nearest feature of each usable WGS-84 position (n,).

    All in one go: on the plane and along the geodesic a single point costs nearly what a hundred do.
    """
    count = len(lon)
    nothing = np.full(count, np.nan)
    filled = [layer for layer in layers if len(layer.names)]
    answers = {}
    if filled:
        plane = filled[0].plane
        x, y = plane.forward(lon, lat)
        found = [layer.index.nearest(x, y) for layer in filled]
        feet = plane.inverse(
            np.concatenate([one.foot_x for one in found]), np.concatenate([one.foot_y for one in found])
        )
        measured = geodesic(np.tile(lon, len(filled)), np.tile(lat, len(filled)), *feet)
        rows = zip(filled, found, *(values.reshape(len(filled), count) for values in (*feet, *measured)), strict=True)
        for layer, one, foot_lon, foot_lat, distance, bearing in rows:
            holder = layer.holders(lon, lat)
            within = holder >= 0
            # The way back from the plane costs a nanometre or so; a point upon a line is 0 m from it.
            zero = within | (distance < 1e-6)
            answers[id(layer)] = Places(
                index=np.where(within, holder, one.feature),
                distance=np.where(zero, 0.0, distance),
                bearing=np.where(zero, 0.0, bearing),
                within=within,
                foot_lon=foot_lon,
                foot_lat=foot_lat,
            )
    none = Places(np.full(count, -1, dtype=np.intp), nothing, nothing, np.zeros(count, dtype=bool), nothing, nothing)
    return [answers.get(id(layer), none) for layer in layers]


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Administrative polygons with a code. `level` is the code's length; `rank` orders codes."""

    names: NDArray[np.object_]
    codes: NDArray[np.object_]
    level: Indices
    rank: Indices
    area: Floats
    polygons: Polygons

    @classmethod
    def build(cls, features: Features, plane: Plane) -> "Boundaries":
        """Polygons without a code of 4 digits or more are left out: they would name no unit."""
        shapes = as_shapes(features.geometries)
        codes = [trim_code(code) for code in features.codes] or [""] * len(shapes)
        areal = np.isin(shapely.get_type_id(shapes), (3, 6, 7))
        coded = np.array([len(code) >= 4 for code in codes], dtype=bool)
        row = np.flatnonzero(coded & areal & usable_shapes(shapes))
        shapes = shapes[row]
        kept = as_objects([codes[i] for i in row])
        order = {code: rank for rank, code in enumerate(sorted(set(kept)))}
        return cls(
            names=as_objects([names.clean(features.names[int(i)]) for i in row]),
            codes=kept,
            level=np.array([len(code) for code in kept], dtype=np.intp),
            rank=np.array([order[code] for code in kept], dtype=np.intp),
            area=shapely.area(shapely.transform(shapes, lambda xy: np.column_stack(plane.forward(xy[:, 0], xy[:, 1])))),
            polygons=Polygons.build(shapes),
        )

    def name_of(self, code: str) -> str:
        """The name of the first polygon with this code; "" if there is none."""
        found = np.flatnonzero(self.codes == code)
        return str(self.names[found[0]]) if found.size else ""


@dataclass(frozen=True)
class Layers:
    """All layers upon one plane; make one with `build`. `dates` says of which day each is."""

    plane: Plane
    roads: NamedLayer
    waters: NamedLayer
    villages: NamedLayer
    landmarks: NamedLayer
    boundaries: Boundaries
    village_pairs: NDArray[np.int64]
    dates: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        *,
        roads: Features | None = None,
        waters: Features | None = None,
        villages: Features | None = None,
        boundaries: Features | None = None,
        landmarks: Features | None = None,
        dates: Mapping[str, str] | None = None,
    ) -> "Layers":
        """Project and index; a missing layer is as an empty one."""
        empty = Features((), ())
        plane = _plane_of([layer for layer in (roads, waters, villages, boundaries, landmarks) if layer])
        village_layer = NamedLayer.build(_as_points(villages or empty), plane)
        boundary_layer = Boundaries.build(boundaries or empty, plane)
        return cls(
            plane=plane,
            roads=NamedLayer.build(roads or empty, plane),
            waters=NamedLayer.build(waters or empty, plane),
            villages=village_layer,
            landmarks=NamedLayer.build(landmarks or empty, plane),
            boundaries=boundary_layer,
            village_pairs=_village_pairs(village_layer, boundary_layer),
            dates=dict(dates or {}),
        )

    def holds(self, boundary: Indices, village: Indices) -> NDArray[np.bool_]:
        """Per pair (n,) of indices: whether the village lies in the boundary, edge included."""
        if not len(self.village_pairs):
            return np.zeros(len(boundary), dtype=bool)
        key = boundary.astype(np.int64) * len(self.villages.names) + village
        place = np.minimum(np.searchsorted(self.village_pairs, key), len(self.village_pairs) - 1)
        return self.village_pairs[place] == key

    def villages_in(self, boundary: int) -> Indices:
        """The villages (indices into `villages`) that lie in a boundary polygon, edge included, ascending."""
        width = max(1, len(self.villages.names))
        low, high = np.searchsorted(self.village_pairs, (boundary * width, (boundary + 1) * width))
        return (self.village_pairs[low:high] % width).astype(np.intp)


def as_objects(values: Sequence[object]) -> NDArray[np.object_]:
    """A one-dimensional array of any values, strings and geometries alike."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def as_shapes(geometries: Sequence[object]) -> NDArray[np.object_]:
    """Geometries without heights."""
    return shapely.force_2d(as_objects(list(geometries)))


def usable_shapes(shapes: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Which geometries have coordinates, all of them within the range of degrees."""
    coordinates, owner = shapely.get_coordinates(shapes, return_index=True)
    count = np.bincount(owner, minlength=len(shapes))
    good = usable(coordinates[:, 0], coordinates[:, 1])
    return (count > 0) & (count == np.bincount(owner[good], minlength=len(shapes)))


def _divide(
    lon0: Floats, lat0: Floats, lon1: Floats, lat1: Floats, owner: Indices
) -> tuple[Floats, Floats, Floats, Floats, Indices]:
    """The same segments, those that are too long in equal pieces."""
    pieces = np.ceil(np.hypot(lon1 - lon0, lat1 - lat0) / _MAX_SEGMENT).astype(np.intp)
    if not np.any(pieces > 1):
        return lon0, lat0, lon1, lat1, owner
    pieces = np.maximum(pieces, 1)
    segment = np.repeat(np.arange(len(owner)), pieces)
    piece = np.arange(len(segment)) - np.repeat(np.cumsum(pieces) - pieces, pieces)

    def along(first: Floats, last: Floats, share: Floats) -> Floats:
        return first[segment] * (1 - share) + last[segment] * share

    begin, end = piece / pieces[segment], (piece + 1) / pieces[segment]
    return (
        along(lon0, lon1, begin),
        along(lat0, lat1, begin),
        along(lon0, lon1, end),
        along(lat0, lat1, end),
        owner[segment],
    )


def _plane_of(layers: list[Features]) -> Plane:
    """A plane in the middle of the features: of the median, so that a stray one does not move it."""
    shapes = [as_shapes(layer.geometries) for layer in layers]
    bounds = shapely.bounds(np.concatenate(shapes)) if shapes else np.empty((0, 4))
    bounds = bounds[np.isfinite(bounds).all(axis=1)]
    if not len(bounds):
        return Plane(0.0, 0.0)
    west, south, east, north = np.median(bounds, axis=0)
    return Plane(float(west + east) / 2, float(south + north) / 2)


def _as_points(villages: Features) -> Features:
    """A village drawn as an area or several points is one point upon it."""
    points = shapely.point_on_surface(as_shapes(villages.geometries))
    return Features(villages.names, list(points), villages.codes)


def _village_pairs(villages: NamedLayer, boundaries: Boundaries) -> NDArray[np.int64]:
    """Sorted keys boundary * villages + village of each village that lies in a boundary.

    Of counties and towns only the finest counts: a village of one town is none of a place that lies in the county but,
    by that town's own boundary, not in the town.
    """
    if not len(villages.names) or not len(boundaries.names):
        return np.empty(0, dtype=np.int64)
    village, boundary, _ = boundaries.polygons.containing(
        shapely.get_x(villages.shapes), shapely.get_y(villages.shapes)
    )
    level = np.minimum(boundaries.level[boundary], _TOWN)
    finest = np.zeros(len(villages.names), dtype=np.intp)
    np.maximum.at(finest, village, level)
    kept = level == finest[village]
    return np.sort(boundary[kept].astype(np.int64) * len(villages.names) + village[kept])
