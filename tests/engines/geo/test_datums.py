import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duban.engines.geo.datums import BD09, DATUMS, GCJ02, WGS84, from_wgs84, in_mainland, to_wgs84
from duban.engines.geo.geodesy import geodesic
from duban.engines.geo.positions import PositionError

# Well inside the mainland, where no border is near.
inland = st.tuples(st.floats(100, 118), st.floats(25, 40))

# One position in each pair of datums, as several public converters give it.
PUBLISHED = [
    (WGS84, GCJ02, (116.404, 39.915), (116.41024449916938, 39.91640428150164)),
    (GCJ02, BD09, (116.404, 39.915), (116.41036949371029, 39.92133699351021)),
]


@pytest.mark.parametrize(("source", "target", "position", "expected"), PUBLISHED)
def test_published_pairs(source, target, position, expected):
    got = from_wgs84(*to_wgs84(*position, source), target)
    assert geodesic(*got, *expected)[0][0] < 0.01


@pytest.mark.parametrize(
    ("source", "position", "approximate"),
    [
        (GCJ02, (116.404, 39.915), (116.39775550083061, 39.91359571849836)),
        (BD09, (116.404, 39.915), (116.3913836995, 39.9072530214)),
    ],
)
def test_published_approximate_inverses_agree_to_metres(source, position, approximate):
    """Other converters invert in one step and stay some decimetres off."""
    assert geodesic(*to_wgs84(*position, source), *approximate)[0][0] < 2.0


def test_the_shift_at_tiananmen_is_some_hundred_metres():
    shifted = from_wgs84(116.3975, 39.9087, GCJ02)
    metres = geodesic(116.3975, 39.9087, *shifted)[0][0]
    assert 450 < metres < 650


@pytest.mark.parametrize("datum", DATUMS)
@given(position=inland)
def test_there_and_back(datum, position):
    back = to_wgs84(*from_wgs84(*position, datum), datum)
    assert geodesic(*position, *back)[0][0] < 0.01


@given(position=inland)
def test_gcj02_moves_hundreds_of_metres_never_kilometres(position):
    assert 1 < geodesic(*position, *from_wgs84(*position, GCJ02))[0][0] < 1500


@pytest.mark.parametrize(
    "position",
    [(0.0, 0.0), (-0.1276, 51.5072), (139.69, 35.69), (126.98, 37.57), (105.85, 21.03), (121.56, 25.03), (180, 90)],
)
def test_abroad_gcj02_is_the_identity(position):
    assert not in_mainland(*position)[0]
    assert np.array_equal(from_wgs84(*position, GCJ02), to_wgs84(*position, WGS84))
    assert np.array_equal(to_wgs84(*position, GCJ02), to_wgs84(*position, WGS84))


@pytest.mark.parametrize(
    "position",
    [
        (116.65, 39.9), (87.6, 43.8), (75.99, 39.47), (91.1, 29.65), (97.85, 24.0), (100.8, 22.0), (109.5, 18.25),
        (114.06, 22.54), (117.98, 24.44), (121.47, 31.23), (124.39, 40.12), (129.5, 42.9), (134.3, 48.36),
        (122.54, 52.97), (117.43, 49.6), (111.97, 43.65), (108.05, 21.54), (113.25, 23.13), (119.79, 25.5),
    ],
)  # fmt: skip
def test_cities_to_the_corners_of_the_mainland_are_shifted(position):
    assert in_mainland(*position)[0]


def test_every_row_of_an_array_is_as_if_alone():
    lon, lat = np.array([116.4, 2.35, 121.5, 87.6]), np.array([39.9, 48.86, 31.2, 43.8])
    for datum in DATUMS:
        whole = to_wgs84(lon, lat, datum)
        for i in range(len(lon)):
            assert (whole[0][i], whole[1][i]) == tuple(float(v[0]) for v in to_wgs84(lon[i], lat[i], datum))


def test_the_input_is_not_written_to():
    lon, lat = np.array([116.4]), np.array([39.9])
    for datum in DATUMS:
        to_wgs84(lon, lat, datum)
        from_wgs84(lon, lat, datum)
    assert (lon[0], lat[0]) == (116.4, 39.9)


@pytest.mark.parametrize(
    ("lon", "lat", "code", "rows"),
    [
        ([116, 181, 116], [39, 39, 39], "out_of_range", (1,)),
        ([116, 116], [90.5, np.nan], "out_of_range", (0, 1)),
        ([np.inf], [0], "out_of_range", (0,)),
        (["east"], [39], "not_numbers", ()),
        ([None], [39], "out_of_range", (0,)),
        ([116, 117], [39], "shapes_differ", ()),
        ([[116]], [[39]], "shapes_differ", ()),
    ],
)
def test_bad_positions_are_refused_by_row(lon, lat, code, rows):
    with pytest.raises(PositionError) as refused:
        to_wgs84(lon, lat, WGS84)
    assert (refused.value.code, refused.value.rows) == (code, rows)


@pytest.mark.parametrize("convert", [to_wgs84, from_wgs84])
def test_an_unknown_datum_is_refused(convert):
    with pytest.raises(PositionError) as refused:
        convert(116, 39, "cgcs2000")
    assert refused.value.code == "unknown_datum"


def test_no_rows():
    assert to_wgs84([], [], BD09)[0].shape == (0,)
