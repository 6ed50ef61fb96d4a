import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from duban.engines.locate.nearest import SegmentIndex, segments_of

# Whole numbers make ties, shared vertices, vertical lines and lines of no length.
whole = st.tuples(st.integers(-8, 8), st.integers(-8, 8))
# To the tenth of a millimetre: shapely cannot measure segments so short that their squares vanish.
metres = st.floats(-3e4, 3e4).map(lambda value: round(value, 4))
free = st.tuples(metres, metres)


def _lines(corner):
    return st.lists(st.lists(corner, min_size=2, max_size=6).map(shapely.LineString), min_size=1, max_size=25)


def _check(lines, points):
    """Distances and the choice among equals against every line measured by shapely."""
    x, y = (np.array(values, dtype=float) for values in zip(*points, strict=True))
    found = SegmentIndex.build(np.array(lines, dtype=object)).nearest(x, y)
    every = shapely.distance(shapely.points(x, y)[:, None], np.array(lines, dtype=object)[None, :])
    least = every.min(axis=1)
    assert np.allclose(found.distance, least, rtol=1e-9, atol=1e-7)
    assert np.all(every[np.arange(len(x)), found.feature] <= least + 2e-7)
    foot = shapely.points(found.foot_x, found.foot_y)
    assert np.all(shapely.distance(foot, np.array(lines, dtype=object)[found.feature]) < 1e-6)
    return found, every, least


@given(_lines(whole), st.lists(whole, min_size=1, max_size=30))
def test_against_every_line_with_ties(lines, points):
    found, every, least = _check(lines, points)
    # Of equally near lines the lowest index; the margin keeps out what only rounding makes unequal.
    assert np.array_equal(found.feature, np.argmax(every <= least[:, None] + 1e-9, axis=1))


@given(_lines(free), st.lists(free, min_size=1, max_size=30))
def test_against_every_line(lines, points):
    _check(lines, points)


@pytest.mark.parametrize("scale", [1.0, 50.0, 3000.0])
def test_against_shapely_on_a_crowded_and_an_empty_plane(scale):
    random = np.random.default_rng(7)
    start = np.where(random.random((1500, 1)) < 0.9, random.normal(0, 800, (1500, 2)), random.normal(0, 3e4, (1500, 2)))
    lines = shapely.linestrings(start[:, None] + np.cumsum(random.normal(0, scale, (1500, 5, 2)), axis=1))
    points = np.concatenate(
        [random.normal(0, 1000, (1500, 2)), random.normal(0, 5e4, (1500, 2)), [(4e7, -4e7), (0, 0)]]
    )
    found = SegmentIndex.build(lines).nearest(points[:, 0].copy(), points[:, 1].copy())
    _, expected = shapely.STRtree(lines).query_nearest(shapely.points(points), return_distance=True, all_matches=False)
    assert np.allclose(found.distance, expected, rtol=1e-12, atol=1e-6)


def test_a_stray_feature_does_not_change_the_others():
    random = np.random.default_rng(8)
    start = random.uniform(0, 5e4, (3000, 1, 2))
    lines = shapely.linestrings(start + np.cumsum(random.normal(0, 60, (3000, 4, 2)), axis=1))
    stray = np.append(lines, shapely.LineString([(-1.2e7, 4e6), (-1.2e7, 4.1e6)]))
    x, y = random.uniform(0, 5e4, (2, 4000))
    one, other = SegmentIndex.build(lines).nearest(x, y), SegmentIndex.build(stray).nearest(x, y)
    assert np.array_equal(one.feature, other.feature)
    assert SegmentIndex.build(stray).nearest(np.array([-1.2e7]), np.array([4.05e6])).feature[0] == 3000


def test_single_equals_batch_in_any_order_and_with_any_number_of_workers():
    random = np.random.default_rng(9)
    lines = shapely.linestrings(random.uniform(0, 2000, (400, 1, 2)) + random.normal(0, 50, (400, 6, 2)))
    index = SegmentIndex.build(lines)
    x, y = random.uniform(-200, 2200, (2, 40_000))
    whole = index.nearest(x, y)
    shuffled = random.permutation(len(x))
    for other, rows in (
        (index.nearest(x, y, workers=1), slice(None)),
        (index.nearest(x[shuffled], y[shuffled], workers=3), shuffled),
    ):
        assert np.array_equal(other.feature, whole.feature[rows])
        assert np.array_equal(other.distance, whole.distance[rows])
    for i in range(0, len(x), 997):
        alone = index.nearest(x[i : i + 1], y[i : i + 1])
        assert (alone.feature[0], alone.distance[0]) == (whole.feature[i], whole.distance[i])


def test_two_roads_through_one_junction_are_a_tie_for_the_lower_index():
    """Rounding must not decide: from beyond its end the junction is exactly as far along either road."""
    random = np.random.default_rng(10)
    for _ in range(200):
        junction, a, b = random.uniform(-5e4, 5e4, (3, 2))
        middle = (a - junction) / np.hypot(*(a - junction)) + (b - junction) / np.hypot(*(b - junction))
        point = junction - middle * 30
        lines = np.array([shapely.LineString([a, junction]), shapely.LineString([junction, b])])
        for pair in (lines, lines[::-1]):
            assert SegmentIndex.build(pair).nearest(point[:1], point[1:]).feature[0] == 0


def test_all_kinds_of_geometry_are_found():
    shapes = np.array(
        [
            shapely.Point(0, 0),
            shapely.MultiPoint([(10, 0), (12, 0)]),
            shapely.MultiLineString([[(20, 0), (20, 5)], [(25, 0), (25, 5)]]),
            shapely.Polygon([(40, 0), (60, 0), (60, 20), (40, 20)], [[(45, 5), (55, 5), (55, 15), (45, 15)]]),
            shapely.MultiPolygon([shapely.box(100, 0, 110, 10), shapely.box(120, 0, 130, 10)]),
            shapely.GeometryCollection(
                [shapely.GeometryCollection([shapely.Point(200, 0)]), shapely.box(210, 0, 215, 5)]
            ),
            shapely.LinearRing([(300, 0), (310, 0), (310, 10)]),
            shapely.LineString([(400, 0), (400, 0)]),
            None,
            shapely.LineString(),
            shapely.GeometryCollection(),
        ],
        dtype=object,
    )  # fmt: skip
    x = np.array([1.0, 12, 23, 50, 119, 201, 305, 401, 212])
    y = np.array([0.0, 1, 2, 10, 5, 0, -1, 0, 2])
    found = SegmentIndex.build(shapes).nearest(x, y)
    assert list(found.feature) == [0, 1, 2, 3, 4, 5, 6, 7, 5]
    assert np.allclose(found.distance, [1, 1, 2, 5, 1, 1, 1, 1, 2])


def test_nothing_to_find():
    for shapes in ([], [None], [shapely.LineString()]):
        found = SegmentIndex.build(np.array(shapes, dtype=object)).nearest(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
        assert list(found.feature) == [-1, -1]
        assert np.all(np.isnan(found.distance))


def test_nobody_asks():
    found = SegmentIndex.build(np.array([shapely.Point(0, 0)])).nearest(np.empty(0), np.empty(0))
    assert found.feature.shape == found.distance.shape == (0,)


def test_segments_too_short_to_square_are_points():
    shapes = np.array([shapely.LineString([(0, 0), (0, 1e-160)]), shapely.LineString([(9, 0), (9, 1e-150)])])
    found = SegmentIndex.build(shapes).nearest(np.array([3.0, 9.0]), np.array([4.0, 0.0]))
    assert list(found.feature) == [0, 1]
    assert list(found.distance) == [5, 0]


def test_segments_that_are_not_finite_are_left_out():
    with np.errstate(invalid="ignore"):
        line = shapely.linestrings([[(0, 0), (1, 0), (np.nan, 5), (3, 0), (4, 0)]])
    x0, y0, x1, y1, feature = segments_of(line)
    assert list(zip(x0, y0, x1, y1, strict=True)) == [(0, 0, 1, 0), (3, 0, 4, 0)]
    assert list(feature) == [0, 0]


@settings(max_examples=30)
@given(_lines(whole))
def test_points_upon_a_line_are_nothing_away(lines):
    points = [xy for line in lines for xy in line.coords]
    found, _, _ = _check(lines, points)
    assert np.all(found.distance < 1e-9)
