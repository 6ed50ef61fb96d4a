import pytest

from duban.engines.geo.sides import SIDES, side_index, side_of


@pytest.mark.parametrize(
    ("bearing", "side"),
    [
        (0, "北侧"), (22.4, "北侧"), (22.5, "东北侧"), (45, "东北侧"), (90, "东侧"), (135, "东南侧"), (180, "南侧"),
        (225, "西南侧"), (270, "西侧"), (315, "西北侧"), (337.4, "西北侧"), (337.5, "北侧"),
        (360, "北侧"), (-90, "西侧"),
    ],
)  # fmt: skip
def test_each_side_spans_45_degrees(bearing, side):
    assert side_of(bearing) == side


def test_opposite_bearings_have_opposite_sides():
    bearings = range(360)
    there, back = side_index(list(bearings)), side_index([b + 180 for b in bearings])
    assert all((there - back) % 8 == 4)
    assert len(set(SIDES)) == 8
