import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duban.engines.geo.geodesy import Plane, geodesic

PEER = pyproj.Geod(ellps="WGS84")
random = np.random.default_rng(20210120)


def _pairs(count, spread):
    lon, lat = random.uniform(73, 135, count), random.uniform(18, 53, count)
    return lon, lat, lon + random.normal(0, spread, count), lat + random.normal(0, spread, count)


@pytest.mark.parametrize("spread", [1e-6, 1e-4, 0.01, 0.3, 5.0])
def test_geodesic_agrees_with_pyproj(spread):
    pairs = _pairs(5000, spread)
    metres, bearing = geodesic(*pairs)
    azimuth, _, expected = PEER.inv(*pairs)
    assert np.abs(metres - expected).max() < 1e-4
    # The shorter the line, the less a rounding error says of its direction.
    across = np.radians(np.abs((bearing - azimuth + 180) % 360 - 180)) * metres
    assert across.max() < 1e-3


def test_equal_points_are_nothing_apart_and_bear_north():
    metres, bearing = geodesic([116.5, 0, 10], [39.9, 0, 90], [116.5, 0, 10], [39.9, 0, 90])
    assert list(metres) == [0, 0, 0]
    assert list(bearing) == [0, 0, 0]


def test_far_and_opposite_points_stay_finite():
    metres, bearing = geodesic([0, 0, 116, 0], [0, 90, 40, 0], [180, 0, -64, 179.5], [0, -90, -40, 0.5])
    assert np.all(np.isfinite(metres) & np.isfinite(bearing))
    assert np.all(metres > 1.9e7)


@pytest.mark.parametrize("centre", [(116.65, 39.9), (109.5, 18.3), (122.5, 52.9), (104.0, 35.0)])
def test_plane_agrees_with_pyproj(centre):
    plane = Plane(*centre)
    peer = pyproj.Proj(proj="etmerc", lon_0=centre[0], lat_0=centre[1], ellps="WGS84")
    lon = centre[0] + random.uniform(-15, 15, 3000)
    lat = random.uniform(10, 55, 3000)
    x, y = plane.forward(lon, lat)
    expected = peer(lon, lat)
    assert np.abs(x - expected[0]).max() < 1e-4
    assert np.abs(y - expected[1]).max() < 1e-4
    factors = peer.get_factors(lon, lat)
    assert np.abs(plane.scale(lon, lat) / factors.meridional_scale - 1).max() < 1e-6
    assert np.abs(plane.scale(lon, lat) / factors.parallel_scale - 1).max() < 1e-6


@given(st.floats(-20, 20), st.floats(-80, 80))
def test_plane_there_and_back(east, lat):
    plane = Plane(116.65, 39.9)
    back = plane.inverse(*plane.forward(116.65 + east, lat))
    assert geodesic(116.65 + east, lat, *back)[0][0] < 1e-4


def test_scale_turns_plane_metres_into_ground_metres():
    plane = Plane(116.65, 39.9)
    lon, lat = random.uniform(114, 119, 2000), random.uniform(38, 42, 2000)
    lon2, lat2 = lon + random.normal(0, 0.01, 2000), lat + random.normal(0, 0.01, 2000)
    flat = np.hypot(*np.subtract(plane.forward(lon, lat), plane.forward(lon2, lat2)))
    _, _, expected = PEER.inv(lon, lat, lon2, lat2)
    assert np.abs(flat / plane.scale(lon, lat) / expected - 1).max() < 1e-4


def test_the_other_side_of_the_globe_is_finite():
    plane = Plane(116.65, 39.9)
    lon, lat = np.array([0.0, -63.35, 26.65, 180, -180]), np.array([0.0, -39.9, 0.0, 90, -90])
    assert all(np.all(np.isfinite(value)) for value in plane.forward(lon, lat))
