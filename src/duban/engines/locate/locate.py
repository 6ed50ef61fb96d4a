"""From positions to jurisdiction, village, nearest road, water and landmark, and to the sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from duban.engines.geo.geodesy import geodesic
from duban.engines.geo.positions import Floats, as_positions, usable
from duban.engines.geo.sides import SIDES, side_index

from . import names
from .gazetteer import Gazetteer, Unit
from .layers import Boundaries, Layers, NamedLayer, Places, nearest_in
from .nearest import Indices
from .reasons import Reason, reason
from .statement import NONE, Known, compose, whole_metres

# Metres. A village point farther off says nothing of a place that no boundary holds, and nobody finds a
# place by a landmark farther off. Roads and waters have no limit.
VILLAGE_LIMIT = 5000.0
LANDMARK_LIMIT = 5000.0


@dataclass(frozen=True, slots=True)
class Line:
    """Per point (n,) the nearest named road or water: name ("" if none), metres, bearing towards it."""

    name: NDArray[np.object_]
    distance: Floats
    bearing: Floats


@dataclass(frozen=True, slots=True)
class Landmark:
    """Per point (n,) the nearest landmark: name ("" if none), metres, and the side it has the point on (may
    be "")."""

    name: NDArray[np.object_]
    distance: Floats
    side: NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Located:
    """Everything about each of n points, in arrays of n; texts are "" where there is nothing to say.

    `code` and `name` are of the finest unit known, `form` is rural, urban or none, `dates` those of the
    layers.
    """

    code: NDArray[np.object_]
    name: NDArray[np.object_]
    village: NDArray[np.object_]
    road: Line
    water: Line
    landmark: Landmark
    form: NDArray[np.object_]
    statement: NDArray[np.object_]
    reasons: tuple[tuple[Reason, ...], ...]
    dates: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.form)

    def to_dict(self, i: int) -> dict[str, object]:
        """Point i in the contract's shape; what is not known is null. Metres to the centimetre, bearings to 0.1."""
        return {
            "jurisdiction": {"code": self.code[i], "name": self.name[i]} if self.code[i] else None,
            "village": self.village[i] or None,
            "road": _line_dict(self.road, i),
            "water": _line_dict(self.water, i),
            "landmark": (
                {"name": self.landmark.name[i], "side": self.landmark.side[i] or None}
                if self.landmark.name[i]
                else None
            ),
            "form": self.form[i],
            "statement": self.statement[i],
            "reasons": [why.to_dict() for why in self.reasons[i]],
            "layers": dict(self.dates),
        }


def locate(lon: ArrayLike, lat: ArrayLike, layers: Layers, codes: Gazetteer) -> Located:
    """Describe WGS-84 positions (n,) in degrees by the layers and the list of units.

    A position that is not a number or out of range gets form "none" and the reason `bad_position`; the
    others are not affected. Raises PositionError only for input that is not two equally long columns of
    numbers.
    """
    lon, lat = as_positions(lon, lat)
    good = np.flatnonzero(usable(lon, lat))
    good_lon, good_lat = lon[good], lat[good]
    near_road, near_water, near_landmark, near_village = nearest_in(
        [layers.roads, layers.waters, layers.landmarks, layers.villages], good_lon, good_lat
    )
    road, water = _line(layers.roads, near_road), _line(layers.waters, near_water)
    landmark, landmark_reasons = _landmark(layers.landmarks, near_landmark, good_lon, good_lat)
    boundary, other = _boundary(layers.boundaries, good_lon, good_lat)
    village, village_metres = _village(layers, near_village, good_lon, good_lat, boundary)

    units = _Units(layers, codes)
    missing = tuple(reason(f"no_{kind}") for kind in _missing(layers))
    code, name, village_names, form, statement = (np.full(len(good), "", dtype=object) for _ in range(5))
    reasons = np.empty(len(good), dtype=object)
    for i in range(len(good)):
        found = units.of(int(boundary[i]), int(other[i]), int(village[i]), float(village_metres[i]))
        form[i], statement[i], why = compose(
            Known(
                name=found.name,
                kind=found.kind,
                prefix=found.prefix,
                village=found.village,
                road=road.name[i],
                road_metres=road.distance[i],
                water=water.name[i],
                water_metres=water.distance[i],
                landmark=landmark.name[i],
                side=landmark.side[i],
            )
        )
        code[i], name[i], village_names[i] = found.code, found.name, found.village
        reasons[i] = (*missing, *found.reasons, *landmark_reasons.get(i, ()), why)

    def spread(values: NDArray, empty: str | float) -> NDArray:
        """Put the values of the good rows back among all rows."""
        whole = np.full(len(lon), empty, dtype=values.dtype)
        whole[good] = values
        return whole

    every = np.empty(len(lon), dtype=object)
    every.fill((reason("bad_position"),))
    every[good] = reasons
    return Located(
        code=spread(code, ""),
        name=spread(name, ""),
        village=spread(village_names, ""),
        road=Line(spread(road.name, ""), spread(road.distance, np.nan), spread(road.bearing, np.nan)),
        water=Line(spread(water.name, ""), spread(water.distance, np.nan), spread(water.bearing, np.nan)),
        landmark=Landmark(spread(landmark.name, ""), spread(landmark.distance, np.nan), spread(landmark.side, "")),
        form=spread(form, NONE),
        statement=spread(statement, ""),
        reasons=tuple(every),
        dates=layers.dates,
    )


@dataclass(frozen=True, slots=True)
class _UnitOfPlace:
    """The finest unit known ("" if none), what a statement begins with, the village's printed name, and why."""

    code: str
    name: str
    kind: str
    prefix: str
    village: str
    reasons: tuple[Reason, ...]


class _Units:
    """Turns a boundary and a village point into a unit; each combination is worked out once."""

    def __init__(self, layers: Layers, codes: Gazetteer):
        self.boundaries, self.villages, self.codes = layers.boundaries, layers.villages, codes
        self.known: dict[tuple[int, int, int], _UnitOfPlace] = {}

    def of(self, boundary: int, other: int, village: int, metres: float) -> _UnitOfPlace:
        """Indices into the layers, -1 for none; `other` shares the edge the point lies on; `metres` to the
        village."""
        too_far = boundary < 0 <= village and metres > VILLAGE_LIMIT
        key = (boundary, other, -1 if too_far else village)
        if key not in self.known:
            self.known[key] = self._work_out(*key)
        found = self.known[key]
        if village < 0:
            return found
        name, away = self.villages.names[village], whole_metres(metres)
        if too_far:
            near = reason("village_too_far", name=name, metres=away, limit=whole_metres(VILLAGE_LIMIT))
        else:
            near = reason("nearest_village", name=name, metres=away)
        return replace(found, reasons=(near, *found.reasons))

    def _work_out(self, boundary: int, other: int, village: int) -> _UnitOfPlace:
        reasons: list[Reason] = []
        unit, village_name = None, ""
        if boundary >= 0:
            unit = self._boundary_unit(boundary)
            if other >= 0:
                reasons.append(reason("on_edge", name=unit.name, other=self.boundaries.names[other]))
            else:
                reasons.append(reason("in_boundary", name=unit.name, code=unit.code))
        elif len(self.boundaries.names):
            reasons.append(reason("no_boundary"))
        if unit and len(unit.code) >= 12:
            home = self._named(unit.code[:12])
            village_name = names.village_name(home.name, home.kind)
        elif village >= 0:
            home_or_none, why = self._village_unit(village, unit)
            reasons += why
            unit = home_or_none or unit
            named = home_or_none or Unit("", self.villages.names[village], "village")
            village_name = names.village_name(named.name, named.kind)
        elif unit and len(self.villages.names):
            reasons.append(reason("no_village"))
        if unit is None:
            return _UnitOfPlace("", "", "", "", village_name, tuple(reasons))
        kind = self._named(unit.code[:12]).kind if unit.kind == "grid" else unit.kind
        prefix, why = self._prefix(unit.code)
        return _UnitOfPlace(unit.code, unit.name, kind, prefix, village_name, (*reasons, *why))

    def _boundary_unit(self, boundary: int) -> Unit:
        code, name = self.boundaries.codes[boundary], self.boundaries.names[boundary]
        return self.codes.find(code) or Unit(code, name, names.kind_from_name(name, code))

    def _named(self, code: str) -> Unit:
        """The unit of a code from the list, else from its boundary, else without a name."""
        name = self.boundaries.name_of(code)
        return self.codes.find(code) or Unit(code, name, names.kind_from_name(name, code))

    def _village_unit(self, village: int, around: Unit | None) -> tuple[Unit | None, list[Reason]]:
        """The village's unit by the point's own code, else by its name among the children of the town around it."""
        name, code = self.villages.names[village], self.villages.codes[village]
        within = "" if around is None else around.code[: 9 if len(around.code) >= 9 else 6]
        reasons = []
        if len(code) == 12:
            if code.startswith(within):
                return self.codes.find(code) or Unit(code, name, names.kind_from_name(name, code)), []
            reasons.append(reason("village_code_elsewhere", name=name, code=code))
        match = self.codes.village(name, within)
        if match.problem:
            reasons.append(reason(f"village_{match.problem}", name=name))
        return match.unit, reasons

    def _prefix(self, code: str) -> tuple[str, list[Reason]]:
        level = 9 if len(code) >= 9 else len(code)
        name = names.town_name(self._named(code[:level]).name)
        return name, [] if name else [reason("town_unknown", code=code[:level])]


def _missing(layers: Layers) -> list[str]:
    """The layers that hold nothing to speak of."""
    kinds = ("boundaries", "villages", "roads", "waters", "landmarks")
    return [kind for kind in kinds if not len(getattr(layers, kind).names)]


def _names(layer: NamedLayer, places: Places) -> NDArray[np.object_]:
    found = np.full(len(places.index), "", dtype=object)
    some = places.index >= 0
    found[some] = layer.names[places.index[some]]
    return found


def _line(layer: NamedLayer, places: Places) -> Line:
    return Line(_names(layer, places), places.distance, places.bearing)


def _landmark(
    layer: NamedLayer, places: Places, lon: Floats, lat: Floats
) -> tuple[Landmark, dict[int, tuple[Reason, ...]]]:
    """The nearest landmarks within the limit, and what there is to say of single rows."""
    found, side = _names(layer, places), _sides(layer, places, lon, lat)
    distance = places.distance.copy()
    reasons: dict[int, tuple[Reason, ...]] = {}
    for i in np.flatnonzero(places.index >= 0):
        if distance[i] > LANDMARK_LIMIT:
            away, limit = whole_metres(distance[i]), whole_metres(LANDMARK_LIMIT)
            reasons[int(i)] = (reason("landmark_too_far", name=found[i], metres=away, limit=limit),)
            found[i], side[i], distance[i] = "", "", np.nan
        elif not side[i]:
            reasons[int(i)] = (reason("upon_landmark", name=found[i]),)
    return Landmark(found, distance, side), reasons


def _sides(layer: NamedLayer, places: Places, lon: Floats, lat: Floats) -> NDArray[np.object_]:
    """The side of its nearest place that each point lies on; "" for a point upon it.

    Seen from the nearest spot of the place, or from its middle for a point within it.
    """
    from_place = (places.bearing + 180.0) % 360.0
    away = places.distance > 0
    within = np.flatnonzero(places.within)
    if within.size:
        middle = shapely.centroid(layer.shapes[places.index[within]])
        metres, bearing = geodesic(shapely.get_x(middle), shapely.get_y(middle), lon[within], lat[within])
        from_place[within], away[within] = bearing, metres > 0.01
    side = np.full(len(lon), "", dtype=object)
    side[away] = np.array(SIDES, dtype=object)[side_index(from_place[away])]
    return side


def _boundary(boundaries: Boundaries, lon: Floats, lat: Floats) -> tuple[Indices, Indices]:
    """Per point the boundary it lies in and, on a line between several, the next one of them (-1 for none).

    Of the finest level the smallest; of those that only touch the point, the lowest code.
    """
    chosen, other = np.full(len(lon), -1, dtype=np.intp), np.full(len(lon), -1, dtype=np.intp)
    if not len(boundaries.names):
        return chosen, other
    point, shape, inside = boundaries.polygons.containing(lon, lat)
    finest = np.zeros(len(lon), dtype=np.intp)
    np.maximum.at(finest, point, boundaries.level[shape])
    keep = boundaries.level[shape] == finest[point]
    point, shape, inside = point[keep], shape[keep], inside[keep]
    held = np.zeros(len(lon), dtype=bool)
    np.logical_or.at(held, point, inside)
    size = np.where(held[point], boundaries.area[shape], 0.0)
    order = np.lexsort((shape, boundaries.rank[shape], size, point))
    point, shape = point[order], shape[order]
    first = np.flatnonzero(np.diff(point, prepend=-1))
    chosen[point[first]] = shape[first]
    second = first[:-1] + 1 if len(first) else first
    second = np.append(second, first[-1:] + 1)
    second = second[second < len(point)]
    second = second[(point[second] == point[second - 1]) & ~held[point[second]]]
    other[point[second]] = shape[second]
    return chosen, other


def _village(layers: Layers, places: Places, lon: Floats, lat: Floats, boundary: Indices) -> tuple[Indices, Floats]:
    """Per point the nearest village point and the metres to it: in the same boundary, or anywhere without
    one.

    `places` are the nearest anywhere. None (-1) is sought where the boundary is a village's own.
    """
    villages = layers.villages
    index, metres = places.index.copy(), places.distance.copy()
    if not len(villages.names):
        return index, metres
    bounded = boundary >= 0
    fine = np.zeros(len(lon), dtype=bool)
    fine[bounded] = layers.boundaries.level[boundary[bounded]] >= 12
    index[fine] = -1
    elsewhere = bounded & ~fine
    elsewhere[elsewhere] = ~layers.holds(boundary[elsewhere], index[elsewhere])
    for one in np.unique(boundary[elsewhere]):
        rows = np.flatnonzero(elsewhere & (boundary == one))
        among = layers.villages_in(int(one))
        index[rows] = -1
        if among.size:
            (near,) = nearest_in([villages.among(among)], lon[rows], lat[rows])
            index[rows], metres[rows] = among[near.index], near.distance
    return index, metres


def _line_dict(line: Line, i: int) -> dict[str, object] | None:
    if not line.name[i]:
        return None
    bearing = round(float(line.bearing[i]), 1) % 360.0
    return {"name": line.name[i], "distance_m": round(float(line.distance[i]), 2), "bearing": bearing}
