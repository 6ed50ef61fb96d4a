"""What the places app tells others: names, statements, cells. Layers are held in memory per process and version."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Length
from numpy.typing import ArrayLike, NDArray

from duban.core.text import is_plain
from duban.engines.geo import cells, datums
from duban.engines.geo.geodesy import geodesic
from duban.engines.locate import Features, Gazetteer, Layers, locate
from duban.places.codes import LENGTHS, ancestors, within
from duban.places.files import LayerFeatures, read_layer
from duban.places.models import Jurisdiction, Layer

TOWN = LENGTHS[1]
FINEST_ZOOM = cells.MAX_ZOOM
VILLAGE_METRES = 500.0
"""How far a village reaches, of which only one point is known."""


def names(codes: Iterable[str]) -> dict[str, str]:
    """The listed names of the codes; a code that is not listed is absent."""
    return dict(Jurisdiction.objects.filter(pk__in=set(codes)).values_list("code", "name"))


def kinds(codes: Iterable[str]) -> dict[str, str]:
    """What kind of unit each code is (county, street, area, town, township ...); one that is not listed is absent."""
    return dict(Jurisdiction.objects.filter(pk__in=set(codes)).values_list("code", "kind"))


def unit_for(code: str) -> str:
    """The unit that answers for a place by default: its town, or the code itself where it is no finer."""
    return code[:TOWN]


def children(code: str) -> QuerySet[Jurisdiction]:
    """The jurisdictions one level below, by code; of "" the counties."""
    return Jurisdiction.objects.filter(parent_code=code) if is_plain(code) else Jurisdiction.objects.none()


def counties_and_towns(codes: Iterable[str]) -> list[Jurisdiction]:
    """The units of the two coarse levels within the codes, by code: what a picker offers without typing."""
    units = Jurisdiction.objects.filter(within("code", codes))
    return list(units.annotate(length=Length("code")).filter(length__lte=TOWN).order_by("code"))


def search(text: str, *, codes: Sequence[str] | None = None, limit: int = 20) -> list[Jurisdiction]:
    """Jurisdictions whose name, pinyin, initials or code hold the text, coarse ones first; within `codes` if given."""
    text = text.strip().lower()
    if not is_plain(text):
        return []
    found = Jurisdiction.objects.filter(search__contains=text) | Jurisdiction.objects.filter(code__startswith=text)
    if codes is not None:
        found = found.filter(within("code", codes))
    return sorted(found[:500], key=lambda unit: (len(unit.code), unit.code))[:limit]


def layers_in_use() -> list[Layer]:
    return list(Layer.objects.all())


def layer_in_use(name: str) -> tuple[Layer, LayerFeatures] | None:
    """The layer and its features, None if there is none."""
    for _attempt in range(2):
        layer = Layer.objects.filter(pk=name).first()
        if layer is None:
            return None
        try:
            return layer, read_layer(layer.name, layer.version)
        except FileNotFoundError:
            # Superseded between the two reads; the row names the newer file now.
            continue
    return None


def locate_points(lons: ArrayLike, lats: ArrayLike) -> list[dict[str, Any]]:
    """The contract's locate JSON for each point (WGS 84 degrees), all in one pass of the engine."""
    layers, gazetteer = _layers_now()
    located = locate(lons, lats, layers, gazetteer)
    return [located.to_dict(index) for index in range(len(located))]


def point_of(code: str) -> tuple[float, float, float] | None:
    """(lon, lat, accuracy in metres) that stands for the area of a code; None where no layer knows it."""
    return points_of([code]).get(code)


def points_of(codes: Iterable[str]) -> dict[str, tuple[float, float, float]]:
    """For each code a point of its own boundary, else the middle of its villages, else what stands for the area above.

    The accuracy is how far the area reaches from that point. A code that no layer knows is absent.
    """
    wanted = set(codes)
    if not wanted:
        return {}
    areas, villages = _by_code("boundaries"), _by_code("villages")
    found = {}
    for code in wanted:
        for at in [code, *reversed(ancestors(code))]:
            inside = [] if at in areas else [shape for name, shape in villages.items() if name.startswith(at)]
            shape = areas.get(at) or (shapely.union_all(inside) if inside else None)
            if shape is not None:
                found[code] = _stands_for(shape)
                break
    return found


def _by_code(layer: str) -> dict[str, shapely.Geometry]:
    """The shapes of a layer that carry a code."""
    features = layer_in_use(layer)
    if features is None:
        return {}
    pairs = zip(features[1].codes, features[1].geometries, strict=True)
    return {code: shape for code, shape in pairs if code and shape is not None and not shape.is_empty}


def _stands_for(shape: shapely.Geometry) -> tuple[float, float, float]:
    point = shape.representative_point() if shape.area else shape.centroid
    west, south, east, north = shape.bounds
    corners = [(west, south), (west, north), (east, south), (east, north)]
    away, _bearings = geodesic([point.x] * 4, [point.y] * 4, [x for x, _y in corners], [y for _x, y in corners])
    return point.x, point.y, min(max(float(away.max()), VILLAGE_METRES), 100_000.0)


def to_wgs84(lons: Sequence[float], lats: Sequence[float], datum: str) -> tuple[NDArray, NDArray]:
    """The points in WGS 84; `datum` is wgs84, gcj02 or bd09."""
    return datums.to_wgs84(lons, lats, datum)


def cell(lons: Sequence[float], lats: Sequence[float]) -> NDArray[np.int64]:
    """The finest quadkey cell of each point, as an integer."""
    return cells.cell_of(lons, lats)


def cell_ranges(west: float, south: float, east: float, north: float, limit: int = 16) -> list[tuple[int, int]]:
    """At most `limit` ranges of cells, both ends included, that cover the box; an index serves each."""
    return cells.cell_ranges(west, south, east, north, limit=limit)


def _layers_now() -> tuple[Layers, Gazetteer]:
    try:
        return _in_memory(_in_use())
    except FileNotFoundError:
        # Somebody put a newer version in use between the row read and the file opened.
        return _in_memory(_in_use())


VERSIONS = """
SELECT name, version, CAST(as_of AS varchar(10)) FROM places_layer
UNION ALL
SELECT '', CAST(MAX(loaded_at) AS varchar(40)), '' FROM places_jurisdiction
ORDER BY 1
"""


def _in_use() -> tuple[tuple[str, str, str], ...]:
    """(name, version, day) of each layer, and under the name "" when the code list was last loaded."""
    # Asked with every finding, and most of what it took was to put the same words together.
    with connection.cursor() as cursor:
        cursor.execute(VERSIONS)
        return tuple(cursor.fetchall())


@lru_cache(maxsize=2)
def _in_memory(in_use: tuple[tuple[str, str, str], ...]) -> tuple[Layers, Gazetteer]:
    _code_list, *layers_in_use = in_use
    features = {name: read_layer(name, version) for name, version, _as_of in layers_in_use}
    layers = Layers.build(
        **{name: Features(read.names, list(read.geometries), read.codes) for name, read in features.items()},
        dates={name: as_of for name, _version, as_of in layers_in_use},
    )
    units = list(Jurisdiction.objects.values_list("code", "name", "kind"))
    return layers, Gazetteer.build(*(list(column) for column in zip(*units, strict=True)) if units else ([], []))
