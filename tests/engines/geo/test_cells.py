import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duban.engines.geo.cells import MAX_ZOOM, cell_bounds, cell_of, cell_parent, cell_ranges
from duban.engines.geo.positions import PositionError

lons = st.floats(-180, 180)
lats = st.floats(-85, 85)
zooms = st.integers(0, MAX_ZOOM)


def _quadkey(cell, zoom):
    return "".join(str((cell >> (2 * (zoom - 1 - i))) & 3) for i in range(zoom))


@pytest.mark.parametrize(
    ("lon", "lat", "zoom", "quadkey"),
    [
        (-90.0, 45.0, 1, "0"), (90.0, 45.0, 1, "1"), (-90.0, -45.0, 1, "2"), (90.0, -45.0, 1, "3"),
        # The tile (3, 5) at zoom 3 is the textbook's "213".
        (-45 + 1, -40.98 - 1, 3, "213"),
    ],
)  # fmt: skip
def test_digits_are_the_quadkey(lon, lat, zoom, quadkey):
    assert _quadkey(int(cell_of(lon, lat, zoom)[0]), zoom) == quadkey


@given(lons, lats, zooms)
def test_a_cell_holds_its_position(lon, lat, zoom):
    west, south, east, north = (float(edge[0]) for edge in cell_bounds(cell_of(lon, lat, zoom), zoom))
    assert west - 1e-9 <= lon <= east + 1e-9
    assert south - 1e-9 <= lat <= north + 1e-9


@given(lons, lats, zooms, zooms)
def test_a_parent_is_the_cell_of_the_coarser_zoom(lon, lat, one, other):
    fine, coarse = max(one, other), min(one, other)
    assert cell_parent(cell_of(lon, lat, fine), fine, coarse) == cell_of(lon, lat, coarse)


@given(lons, lats, zooms)
def test_the_middle_of_a_cell_is_in_it(lon, lat, zoom):
    cell = cell_of(lon, lat, zoom)
    west, south, east, north = cell_bounds(cell, zoom)
    assert cell_of((west + east) / 2, (south + north) / 2, zoom) == cell


@given(st.tuples(lons, lons).map(sorted), st.tuples(lats, lats).map(sorted), zooms, st.integers(1, 40), st.randoms())
def test_ranges_hold_every_position_of_the_box(we, sn, zoom, limit, random):
    (west, east), (south, north) = we, sn
    ranges = cell_ranges(west, south, east, north, zoom, limit)
    assert 1 <= len(ranges) <= limit
    assert all(lo <= hi for lo, hi in ranges)
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(ranges))
    inside = [(west, south), (east, north), (west, north), (east, south)]
    inside += [(random.uniform(west, east), random.uniform(south, north)) for _ in range(20)]
    cells = cell_of(*zip(*inside, strict=True), zoom)
    assert all(any(lo <= cell <= hi for lo, hi in ranges) for cell in cells)


def test_ranges_of_a_screenful_are_tight():
    """A map of a town: the ranges should hold little more than the box."""
    west, south, east, north = 116.60, 39.85, 116.72, 39.92
    ranges = cell_ranges(west, south, east, north, limit=16)
    cells = sum(hi - lo + 1 for lo, hi in ranges)
    corner_x = cell_bounds(cell_of(west, south, MAX_ZOOM), MAX_ZOOM)
    size = (corner_x[2] - corner_x[0])[0] * (corner_x[3] - corner_x[1])[0]
    assert cells * size < 1.6 * (east - west) * (north - south)


def test_the_whole_world_is_one_range():
    assert cell_ranges(-180, -90, 180, 90) == [(0, 4**MAX_ZOOM - 1)]


def test_the_poles_are_put_on_the_edge():
    assert cell_of(0, 90, 5) == cell_of(0, 85.06, 5)
    assert cell_of(180, -90, 3) == 4**3 - 1


def test_numbers_stay_exact_in_a_browser():
    assert int(cell_of(180, -90)[0]) == 2**52 - 1


def test_order_of_ranges_equals_order_of_cells_in_an_array():
    lon, lat = np.linspace(-180, 180, 500), np.linspace(-85, 85, 500)
    cells = cell_of(lon, lat)
    assert cells.dtype == np.int64
    assert list(cells) == [int(cell_of(a, b)[0]) for a, b in zip(lon, lat, strict=True)]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: cell_of(181, 0), "out_of_range"),
        (lambda: cell_of(0, float("nan")), "out_of_range"),
        (lambda: cell_of(0, 0, 27), "bad_zoom"),
        (lambda: cell_of(0, 0, -1), "bad_zoom"),
        (lambda: cell_parent(0, 3, 4), "bad_zoom"),
        (lambda: cell_bounds(-1, 3), "bad_cell"),
        (lambda: cell_bounds(64, 3), "bad_cell"),
        (lambda: cell_ranges(10, 0, 5, 1), "bad_box"),
        (lambda: cell_ranges(0, 5, 1, 4), "bad_box"),
        (lambda: cell_ranges(0, 0, 1, 1, limit=0), "bad_box"),
        (lambda: cell_ranges(0, 0, 1, 91), "out_of_range"),
    ],
)
def test_refusals(call, code):
    with pytest.raises(PositionError) as refused:
        call()
    assert refused.value.code == code
