"""The pen that the demo's layers are drawn with: lines that pass a place at a stated distance, curves, a tessellation.

Points are (lon, lat) in WGS 84 degrees, distances metres on the ground, bearings degrees clockwise from north.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from duban.engines.geo.geodesy import Plane

Point = tuple[float, float]
Floats = NDArray[np.float64]
PLANE = Plane(116.73, 39.81)


@dataclass(frozen=True)
class Passing:
    """A straight piece that goes by `place` at `metres`, its nearest point lying in the direction `bearing`."""

    place: Point
    bearing: float
    metres: float
    reach: float = 400.0
    """How far the piece runs to either side of that nearest point, in metres."""


def line(*parts: Point | Passing) -> shapely.LineString:
    """Straight through the points in their order; a `Passing` is run through in the direction the line comes from."""
    path, _straight = _vertices(parts)
    return shapely.LineString(_off_plane(path))


def curve(*parts: Point | Passing, step: float = 400.0) -> shapely.LineString:
    """The same with soft bends, a vertex about every `step` metres, but for the straight pieces."""
    return shapely.LineString(_off_plane(_bend(*_vertices(parts), step)))


def smooth(points: Sequence[Point], step: float = 400.0) -> list[Point]:
    """A hand-drawn course with soft bends, a vertex about every `step` metres."""
    bent = _off_plane(_bend(*_vertices(points), step))
    return [(round(float(lon), 6), round(float(lat), 6)) for lon, lat in bent]


def block(place: Point, bearing: float, metres: float, width: float = 36.0, depth: float = 14.0) -> shapely.Polygon:
    """A building whose near side lies `metres` from the place in the direction `bearing`."""
    near = _on_plane(place)
    ahead, aside = _directions(bearing)
    corners = [
        near + ahead * (metres + back) + aside * across
        for back, across in ((0, -width / 2), (0, width / 2), (depth, width / 2), (depth, -width / 2))
    ]
    return shapely.Polygon(_off_plane(np.array(corners)))


def divide(outline: Sequence[Point], homes: Sequence[Point], owners: Sequence[str]) -> dict[str, shapely.Polygon]:
    """Owner -> the part of the outline nearer to one of its homes than to any other's; neighbours share their edges."""
    whole = shapely.Polygon(outline)
    cells = np.array(shapely.voronoi_polygons(shapely.MultiPoint(list(homes)), extend_to=whole).geoms, dtype=object)
    tree = shapely.STRtree(cells)
    pieces: dict[str, list[shapely.Geometry]] = {}
    for home, owner in zip(homes, owners, strict=True):
        cell = cells[tree.query(shapely.Point(home), predicate="within")[0]]
        pieces.setdefault(owner, []).append(shapely.intersection(cell, whole))
    return {owner: shapely.union_all(pieces[owner]) for owner in sorted(pieces)}


def _vertices(parts: Sequence[Point | Passing]) -> tuple[Floats, set[int]]:
    """(n, 2) metres on the plane, and which of its segments are straight pieces."""
    vertices: list[Floats] = []
    straight: set[int] = set()
    for part in parts:
        if isinstance(part, tuple):
            vertices.append(_on_plane(part))
            continue
        ends = _passing(part)
        if vertices and np.hypot(*(vertices[-1] - ends[0])) > np.hypot(*(vertices[-1] - ends[1])):
            ends.reverse()
        straight.add(len(vertices))
        vertices += ends
    return np.array(vertices), straight


def _passing(fact: Passing) -> list[Floats]:
    # Plane metres are true metres times the scale at the place.
    metres = fact.metres * PLANE.scale(*fact.place).item()
    ahead, aside = _directions(fact.bearing)
    foot = _on_plane(fact.place) + metres * ahead
    return [foot - fact.reach * aside, foot + fact.reach * aside]


def _bend(path: Floats, straight: set[int], step: float) -> Floats:
    """Each segment as a cubic whose handles lie along the headings at its ends; the segments `straight` stay."""
    steps = np.diff(path, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    units = steps / lengths[:, None]
    # The heading at a vertex is the mean of its two segments', and that of a straight piece at its ends.
    headings = np.vstack([units[:1], units[:-1] + units[1:], units[-1:]])
    for segment in straight:
        headings[segment] = headings[segment + 1] = units[segment]
    headings /= np.maximum(np.hypot(headings[:, 0], headings[:, 1]), 1e-9)[:, None]
    bent = [path[:1]]
    for segment, length in enumerate(lengths):
        pieces = 1 if segment in straight else max(1, round(length / step))
        bent.append(_cubic(path[segment : segment + 2], headings[segment : segment + 2] * length / 3, pieces))
    return np.vstack(bent)


def _cubic(ends: Floats, handles: Floats, pieces: int) -> Floats:
    """(pieces, 2): the curve from the first end, itself left out, to the second."""
    part = (np.arange(1, pieces + 1) / pieces)[:, None]
    rest = 1 - part
    first, second = ends[0] + handles[0], ends[1] - handles[1]
    return rest**3 * ends[0] + 3 * rest**2 * part * first + 3 * rest * part**2 * second + part**3 * ends[1]


def _on_plane(place: Point) -> Floats:
    return np.array([value.item() for value in PLANE.forward(*place)])


def _off_plane(spots: Floats) -> Floats:
    return np.column_stack(PLANE.inverse(spots[:, 0], spots[:, 1]))


def _directions(bearing: float) -> tuple[Floats, Floats]:
    """Unit vectors towards the bearing and a right angle further to the right."""
    angle = np.radians(bearing)
    return np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])
