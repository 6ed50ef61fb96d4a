"""The pen and what was drawn with it: stated distances hold on the ellipsoid, lines and areas are fit for a map."""

import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from duban.demo import layers
from duban.demo.drawing import Passing, curve, divide, line, smooth
from duban.engines.geo.geodesy import geodesic

WEST, SOUTH, EAST, NORTH = 116.50, 39.58, 116.97, 40.05
places = st.tuples(st.floats(WEST, EAST), st.floats(SOUTH, NORTH))


def nearest_metres(place: tuple[float, float], shape: shapely.Geometry) -> float:
    """Along the geodesic, by trying every metre or so of the shape's lines."""
    dense = shapely.get_coordinates(shapely.segmentize(shape, 1e-5))
    metres, _bearing = geodesic(np.full(len(dense), place[0]), np.full(len(dense), place[1]), dense[:, 0], dense[:, 1])
    return float(metres.min())


@settings(max_examples=40, deadline=None)
@given(places, st.floats(0, 360), st.floats(5, 3000))
def test_a_straight_piece_passes_at_the_stated_distance(
    place: tuple[float, float], bearing: float, metres: float
) -> None:
    drawn = line(Passing(place, bearing, metres, reach=200))
    assert nearest_metres(place, drawn) == pytest.approx(metres, abs=0.3 + metres * 2e-4)


def test_a_piece_is_run_through_the_way_the_line_comes() -> None:
    place = (116.7, 39.8)
    for first in ((116.69, 39.8), (116.71, 39.8)):
        drawn = line(first, Passing(place, 0, 50))
        assert drawn.is_simple
        assert drawn.coords[0] == pytest.approx(first, abs=1e-9)


def test_a_course_goes_through_every_point_that_was_drawn_and_crosses_itself_nowhere() -> None:
    points = [layers.CHAOBAI, layers.WENYU]
    for drawn in points:
        bent = shapely.LineString(smooth(drawn))
        assert bent.is_simple
        assert max(bent.distance(shapely.Point(point)) for point in drawn) < 2e-6
        assert len(bent.coords) > len(drawn)


def test_a_curve_leaves_straight_pieces_straight() -> None:
    place = (116.75, 39.85)
    drawn = curve((116.70, 39.90), Passing(place, 40, 120, reach=300), (116.80, 39.80))
    assert nearest_metres(place, drawn) == pytest.approx(120, abs=0.5)


def test_an_area_goes_to_the_owner_of_the_nearest_home() -> None:
    square = [(0.0, 0.0), (4.0, 0.0), (4.0, 2.0), (0.0, 2.0)]
    areas = divide(square, [(1.0, 1.0), (1.5, 1.5), (3.0, 1.0)], ["a", "a", "b"])
    assert set(areas) == {"a", "b"}
    assert areas["a"].contains(shapely.Point(0.5, 0.5))
    assert areas["b"].contains(shapely.Point(3.5, 0.5))
    assert sum(area.area for area in areas.values()) == pytest.approx(8)


def test_every_layer_is_valid_named_inside_the_district_and_small() -> None:
    drawn = layers.draw_layers()
    assert set(drawn) == {"roads", "waters", "villages", "boundaries", "landmarks"}
    district = shapely.union_all(list(layers.boundaries().values())).buffer(0.002)
    for name, features in drawn.items():
        assert all(features.names), name
        assert shapely.is_valid(features.geometries).all()
        assert shapely.within(features.geometries, district).all(), [
            called
            for called, shape in zip(features.names, features.geometries, strict=True)
            if not district.contains(shape)
        ]
        size = sum(len(shapely.to_geojson(shape)) for shape in features.geometries)
        assert size < 400_000, (name, size)
    for name in ("roads", "waters", "landmarks"):
        assert len(set(drawn[name].names)) == len(drawn[name].names)


def test_neighbours_share_their_edges() -> None:
    areas = list(layers.boundaries().values())
    shared = 0.0
    for index, area in enumerate(areas):
        for other in areas[index + 1 :]:
            assert shapely.intersection(area, other).area < 1e-12
            shared += shapely.intersection(area, other).length
    around = shapely.union_all(areas)
    assert around.geom_type == "Polygon"
    assert not around.interiors
    assert sum(area.length for area in areas) == pytest.approx(2 * shared + around.length, rel=1e-3)


def test_codes_are_those_of_the_list_and_names_say_the_kind() -> None:
    listed = layers.units()
    assert next(iter(listed)) == layers.DISTRICT
    assert all(code.startswith(layers.DISTRICT) and len(code) in {6, 9, 12} for code in listed)
    assert all(code[:9] in listed for code in listed if len(code) == 12)
    assert listed["110112121"] == "梨园地区"
    assert json.dumps(listed, ensure_ascii=False).count("谢楼") == 1
