import json
import math

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from duban.engines.geo.positions import PositionError
from duban.engines.geo.sides import SIDES
from duban.engines.locate import REASONS, Features, Gazetteer, Layers, locate

EARTH = pyproj.Geod(ellps="WGS84")

CODES = Gazetteer.build(
    ["440199", "440199101000", "440199102", "440199001", "440199101201", "440199101202", "440199102201",
     "440199102203", "440199001001", "440199101203", "440199101203001"],
    ["测试区", "东镇", "西镇", "中心街道办事处", "王庄村委会", "李庄村村委会", "王庄村委会",
     "独户村委会", "北苑社区居委会", "沙洲村委会", "第一网格"],
    ["county", "town", "town", "street", "village", "village", "village",
     "village", "community", "village", "grid"],
)  # fmt: skip

# Three units side by side between latitudes 23.0 and 23.1, one road and one river along the south.
BOUNDARIES = Features(
    ["测试区", "东镇", "西镇", "中心街道"],
    [
        shapely.box(113.0, 23.0, 113.3, 23.1),
        shapely.box(113.2, 23.0, 113.3, 23.1),
        shapely.box(113.1, 23.0, 113.2, 23.1),
        shapely.box(113.0, 23.0, 113.1, 23.1),
    ],
    ["440199000000", "440199101", "440199102000000", "440199001"],
)
VILLAGES = Features(
    ["王庄", "李庄村", "王庄村", "独户", "北苑社区"],
    [
        shapely.Point(113.25, 23.05),
        shapely.Point(113.21, 23.05),
        shapely.Point(113.15, 23.05),
        shapely.Point(113.11, 23.02),
        shapely.Point(113.05, 23.05),
    ],
)
ROADS = Features(["大路", None, ""], [shapely.LineString([(113.0, 23.01), (113.3, 23.01)])] * 3)
WATERS = Features(["长河"], [shapely.LineString([(113.0, 23.09), (113.3, 23.09)])])
LANDMARKS = Features(["百货楼"], [shapely.box(113.049, 23.049, 113.051, 23.051)])
ALL = {"roads": ROADS, "waters": WATERS, "villages": VILLAGES, "boundaries": BOUNDARIES, "landmarks": LANDMARKS}


def at(lon, lat, codes=CODES, **layers):
    return locate(lon, lat, Layers.build(**layers), codes).to_dict(0)


def reasons_of(result):
    return [why["code"] for why in result["reasons"]]


def test_the_shape_is_the_contracts():
    result = at(113.24, 23.04, dates={"roads": "2020-12-31"}, **ALL)
    assert list(result) == [
        "jurisdiction", "village", "road", "water", "landmark", "form", "statement", "reasons", "layers",
    ]  # fmt: skip
    assert result["jurisdiction"] == {"code": "440199101201", "name": "王庄村委会"}
    assert set(result["road"]) == {"name", "distance_m", "bearing"}
    assert result["layers"] == {"roads": "2020-12-31"}
    assert all(set(why) == {"code", "text", "text_en"} for why in result["reasons"])
    assert json.loads(json.dumps(result)) == result
    assert result["statement"].startswith("东镇王庄村距大路约")


@pytest.mark.parametrize(
    ("lon", "lat", "code", "village"),
    [
        (113.25, 23.06, "440199101201", "王庄村"),
        (113.15, 23.06, "440199102201", "王庄村"),
        (113.205, 23.05, "440199101202", "李庄村"),
        # Nearer to 李庄 across the line, but 西镇 has its own.
        (113.199, 23.05, "440199102201", "王庄村"),
        (113.05, 23.03, "440199001001", "北苑社区"),
    ],
)
def test_the_village_is_sought_within_the_smallest_boundary(lon, lat, code, village):
    result = at(lon, lat, **ALL)
    assert (result["jurisdiction"]["code"], result["village"]) == (code, village)


def test_a_shared_edge_belongs_to_the_lower_code_whatever_the_order():
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        boundaries = Features(*([column[i] for i in order] for column in vars(BOUNDARIES).values()))
        result = at(113.2, 23.05, boundaries=boundaries)
        assert result["jurisdiction"]["code"] == "440199101"
        assert "on_edge" in reasons_of(result)
        assert at(113.3, 23.05, boundaries=boundaries)["jurisdiction"]["code"] == "440199101"


def test_an_enclave_drawn_over_its_neighbour_is_found():
    boundaries = Features(
        ["东镇", "西镇"], [shapely.box(113, 23, 113.2, 23.2), shapely.box(113.1, 23.1, 113.11, 23.11)],
        ["440199101", "440199102"],
    )  # fmt: skip
    assert at(113.105, 23.105, boundaries=boundaries)["jurisdiction"]["code"] == "440199102"
    assert at(113.12, 23.105, boundaries=boundaries)["jurisdiction"]["code"] == "440199101"


def test_a_hole_is_outside():
    ring = shapely.box(113, 23, 113.2, 23.2).difference(shapely.box(113.1, 23.1, 113.11, 23.11))
    boundaries = Features(["东镇"], [ring], ["440199101"])
    assert at(113.105, 23.105, boundaries=boundaries)["jurisdiction"] is None
    assert at(113.1, 23.105, boundaries=boundaries)["jurisdiction"]["code"] == "440199101"


def test_village_and_grid_polygons_are_the_finest_units():
    boundaries = Features(
        ["东镇", "沙洲村", "第一网格"],
        [shapely.box(113, 23, 113.2, 23.2), shapely.box(113, 23, 113.1, 23.1), shapely.box(113, 23, 113.05, 23.05)],
        ["440199101", "440199101203", "440199101203001"],
    )
    layers = {"boundaries": boundaries, "roads": ROADS, "villages": VILLAGES}
    village, grid = at(113.07, 23.02, **layers), at(113.02, 23.02, **layers)
    assert village["jurisdiction"] == {"code": "440199101203", "name": "沙洲村委会"}
    assert grid["jurisdiction"] == {"code": "440199101203001", "name": "第一网格"}
    assert village["village"] == grid["village"] == "沙洲村"
    assert grid["form"] == "rural"
    assert grid["statement"].startswith("东镇沙洲村距大路约")


def test_units_that_the_list_lacks_are_named_by_their_polygons():
    empty = Gazetteer.build([], [])
    result = at(113.05, 23.055, codes=empty, **ALL)
    assert result["jurisdiction"] == {"code": "440199001", "name": "中心街道"}
    assert result["form"] == "urban"
    assert result["statement"] == "中心街道大路百货楼北侧"
    result = at(113.25, 23.06, codes=empty, **ALL)
    assert result["jurisdiction"] == {"code": "440199101", "name": "东镇"}
    assert result["village"] == "王庄村"
    assert "village_not_listed" in reasons_of(result)
    assert result["statement"].startswith("东镇王庄村距大路约")


def test_without_a_polygon_the_nearest_village_point_decides_if_its_name_is_unique():
    known = at(113.111, 23.021, villages=VILLAGES, roads=ROADS)
    assert known["jurisdiction"] == {"code": "440199102203", "name": "独户村委会"}
    assert known["statement"].startswith("西镇独户村距大路约")
    twice = at(113.251, 23.051, villages=VILLAGES, roads=ROADS)
    assert twice["jurisdiction"] is None
    assert (twice["form"], twice["statement"], twice["village"]) == ("none", "", "王庄村")
    assert "village_ambiguous" in reasons_of(twice)


def test_without_a_polygon_a_village_is_not_sought_beyond_five_kilometres():
    villages = Features(["独户"], [shapely.Point(113.1, 23.0)])
    near, far = (EARTH.fwd(113.1, 23.0, 90, metres)[:2] for metres in (4990, 5010))
    assert at(*near, villages=villages)["jurisdiction"]["code"] == "440199102203"
    result = at(*far, villages=villages)
    assert result["jurisdiction"] is None
    assert "village_too_far" in reasons_of(result)


def test_within_a_polygon_a_village_may_be_as_far_as_it_is():
    boundaries = Features(["西镇"], [shapely.box(113, 22, 114, 24)], ["440199102"])
    result = at(113.9, 23.9, boundaries=boundaries, villages=Features(["独户"], [shapely.Point(113.1, 22.1)]))
    assert result["jurisdiction"]["code"] == "440199102203"


def test_no_village_is_taken_from_a_town_whose_own_boundary_excludes_the_place():
    county, town = shapely.box(113.0, 23.0, 113.3, 23.1), shapely.box(113.2, 23.0, 113.3, 23.1)
    boundaries = Features(["测试区", "东镇"], [county, town], ["440199", "440199101"])
    result = at(113.19, 23.05, boundaries=boundaries, villages=Features(["王庄"], [shapely.Point(113.21, 23.05)]))
    assert result["jurisdiction"]["code"] == "440199"
    assert result["village"] is None
    assert result["form"] == "none"


def test_a_village_points_own_code_is_used_unless_it_belongs_elsewhere():
    boundaries = Features(["东镇"], [shapely.box(113, 23, 113.2, 23.2)], ["440199101"])

    def found(name, code):
        villages = Features([name], [shapely.Point(113.1, 23.1)], [code])
        return at(113.1, 23.1, boundaries=boundaries, villages=villages, roads=ROADS)

    assert found("小名", "440199101202")["village"] == "李庄村"
    assert found("新村", "440199101299")["jurisdiction"] == {"code": "440199101299", "name": "新村"}
    elsewhere = found("王庄", "440199102201")
    assert elsewhere["jurisdiction"]["code"] == "440199101201"
    assert "village_code_elsewhere" in reasons_of(elsewhere)
    assert found("王庄", None)["jurisdiction"]["code"] == "440199101201"
    assert found("王庄", "n/a")["jurisdiction"]["code"] == "440199101201"


def test_a_code_without_a_listed_town_leaves_the_town_out_and_says_so():
    villages = Features(["孤村"], [shapely.Point(113.1, 23.02)], ["550199101201"])
    result = at(113.1, 23.02, villages=villages, roads=ROADS)
    assert result["statement"].startswith("孤村距大路约")
    assert "town_unknown" in reasons_of(result)


@pytest.mark.parametrize("bearing", range(0, 360, 15))
def test_the_side_of_a_point_landmark(bearing):
    lon, lat, _ = EARTH.fwd(113.05, 23.05, bearing, 40)
    result = at(lon, lat, landmarks=Features(["塔"], [shapely.Point(113.05, 23.05)]))
    assert result["landmark"]["side"] == SIDES[math.floor((bearing + 22.5) / 45) % 8]


def test_the_side_of_a_building_is_that_of_its_nearest_wall():
    landmarks = Features(["长楼"], [shapely.box(113.0, 23.0, 113.02, 23.001)])
    for lon, lat, side in [
        (113.0005, 23.0012, "北侧"), (113.0195, 22.9998, "南侧"), (113.0202, 23.0009, "东侧"),
        (112.9998, 22.9998, "西南侧"), (113.01, 23.0009, "北侧"), (113.019, 23.0005, "东侧"),
    ]:  # fmt: skip
        assert at(lon, lat, landmarks=landmarks)["landmark"] == {"name": "长楼", "side": side}


def test_upon_a_point_landmark_there_is_no_side():
    result = at(113.05, 23.05, boundaries=BOUNDARIES, landmarks=Features(["塔"], [shapely.Point(113.05, 23.05)]))
    assert result["landmark"] == {"name": "塔", "side": None}
    assert result["statement"] == "中心街道塔"
    assert "upon_landmark" in reasons_of(result)


def test_a_landmark_beyond_five_kilometres_is_not_used_but_said():
    result = at(113.2, 23.05, boundaries=BOUNDARIES, landmarks=LANDMARKS, roads=ROADS)
    assert result["landmark"] is None
    assert "landmark_too_far" in reasons_of(result)


def test_within_a_lake_it_is_nothing_away_and_on_an_island_it_is_not():
    lake = shapely.box(113, 23, 113.1, 23.1).difference(shapely.box(113.04, 23.04, 113.06, 23.06))
    waters = Features(["小溪", "大湖"], [shapely.LineString([(113.02, 22.99), (113.02, 23.03)]), lake])
    assert at(113.03, 23.03, waters=waters)["water"] == {"name": "大湖", "distance_m": 0, "bearing": 0}
    island = at(113.041, 23.05, waters=waters)["water"]
    _, _, metres = EARTH.inv(113.041, 23.05, 113.04, 23.05)
    assert island["name"] == "大湖"
    assert island["distance_m"] == pytest.approx(metres, abs=0.02)
    assert island["bearing"] == pytest.approx(270, abs=0.1)


def test_upon_a_road_it_is_nothing_away():
    assert at(113.1, 23.01, roads=ROADS)["road"] == {"name": "大路", "distance_m": 0, "bearing": 0}


def test_features_without_a_name_are_never_named():
    roads = Features(["", None, "  ", "远路"], [shapely.LineString([(113, 23), (113.1, 23)])] * 3
                     + [shapely.LineString([(113, 23.05), (113.1, 23.05)])])  # fmt: skip
    assert at(113.05, 23.0, roads=roads)["road"]["name"] == "远路"


def test_equally_near_roads_are_settled_by_their_order():
    line = [(113, 23.01), (113.1, 23.01)]
    roads = [shapely.LineString(line), shapely.LineString(line[::-1])]
    assert at(113.05, 23.02, roads=Features(["甲路", "乙路"], roads))["road"]["name"] == "甲路"
    assert at(113.05, 23.02, roads=Features(["乙路", "甲路"], roads))["road"]["name"] == "乙路"


def test_no_layers_at_all():
    result = at(113, 23, codes=Gazetteer.build([], []))
    assert (result["form"], result["statement"], result["jurisdiction"]) == ("none", "", None)
    assert reasons_of(result) == [
        "no_boundaries", "no_villages", "no_roads", "no_waters", "no_landmarks", "cannot_tell",
    ]  # fmt: skip


def test_empty_and_degenerate_geometry_is_stepped_over():
    odd = [None, shapely.Point(), shapely.LineString(), shapely.GeometryCollection(), shapely.Point(500, 23)]
    twice = shapely.LineString([(113, 23), (113, 23), (113.1, 23), (113.1, 23)])
    dot = shapely.LineString([(113.2, 23), (113.2, 23)])
    high = shapely.LineString([(113.3, 23, 8), (113.3, 23.1, 9)])
    shapes = [*odd, twice, dot, high]
    features = Features([f"路{i}" for i in range(len(shapes))], shapes)
    layers = Layers.build(roads=features, waters=features, villages=features, landmarks=features,
                          boundaries=Features(features.names, shapes, ["440199101"] * len(shapes)))  # fmt: skip
    found = locate([113.05, 113.21, 113.31], [23.001, 23.0, 23.05], layers, CODES)
    assert list(found.road.name) == ["路5", "路6", "路7"]
    assert list(found.code) == ["", "", ""]


def test_columns_of_unequal_length_are_refused():
    for columns in (([None], []), ([None], [None], ["1", "2"])):
        with pytest.raises(ValueError, match="as many"):
            Features(*columns)
    with pytest.raises(ValueError):  # noqa: PT011
        Gazetteer.build(["440199"], ["a", "b"])
    with pytest.raises(PositionError):
        locate([1, 2], [3], Layers.build(), CODES)


@pytest.mark.parametrize("bad", [(math.nan, 23.05), (113.2, math.nan), (113.2, math.inf), (181, 0), (113.2, -90.1)])
def test_a_bad_row_is_refused_and_the_others_are_as_ever(bad):
    layers = Layers.build(**ALL)
    good = locate(113.24, 23.04, layers, CODES).to_dict(0)
    found = locate([113.24, bad[0], 113.24], [23.04, bad[1], 23.04], layers, CODES)
    assert found.to_dict(0) == found.to_dict(2) == good
    refused = found.to_dict(1)
    assert reasons_of(refused) == ["bad_position"]
    assert {refused[key] for key in ("jurisdiction", "village", "road", "water", "landmark")} == {None}
    assert (refused["form"], refused["statement"]) == ("none", "")
    assert json.loads(json.dumps(refused)) == refused


def test_no_points():
    assert len(locate([], [], Layers.build(**ALL), CODES)) == 0


@pytest.mark.parametrize(
    "point", [(-70.0, -35.0), (0.0, 0.0), (180, 90), (-180, -90), (23.15, 23.05), (113.15, -23.05)]
)
def test_the_far_side_of_the_world_is_answered(point):
    result = at(*point, **ALL)
    assert result["form"] == "none"
    assert 1e6 < result["road"]["distance_m"] < 2.01e7
    assert "no_boundary" in reasons_of(result)


@settings(max_examples=40, deadline=None)
@given(st.floats(18, 53), st.floats(74, 134), st.floats(0, 360), st.floats(1, 40_000), st.floats(-600, 600))
def test_distances_are_geodesic_everywhere_in_the_country(lat, lon, bearing, metres, along):
    """A straight road set out by pyproj at a known distance, the layer's middle being somewhere else."""
    foot = EARTH.fwd(lon, lat, bearing, metres)[:2]
    ends = [EARTH.fwd(*foot, bearing + turn, 700 + turn / 90 * along)[:2] for turn in (-90, 90)]
    road = shapely.LineString([ends[0], foot, ends[1]])
    other = shapely.Point(EARTH.fwd(lon, lat, bearing + 170, 120_000)[:2])
    result = at(lon, lat, roads=Features(["路", "远"], [road, other]))["road"]
    assert result["name"] == "路"
    assert abs(result["distance_m"] - metres) <= max(0.05, 0.0005 * metres)
    assert abs((result["bearing"] - bearing + 180) % 360 - 180) < 1 + 60 / metres


def test_a_long_straight_line_is_straight_in_degrees_as_geojson_has_it():
    roads = Features(["纬路"], [shapely.LineString([(112.0, 40.0), (114.0, 40.0)])])
    _, _, metres = EARTH.inv(113.0, 39.999, 113.0, 40.0)
    assert at(113.0, 39.999, roads=roads)["road"]["distance_m"] == pytest.approx(metres, abs=0.1)


@pytest.fixture(scope="module")
def busy():
    """A district of 300 villages in 30 towns with wiggly roads, some of whose names repeat."""
    random = np.random.default_rng(44)
    towns = [shapely.box(113 + 0.05 * (i % 6), 23 + 0.05 * (i // 6), 113.05 + 0.05 * (i % 6), 23.05 + 0.05 * (i // 6))
             for i in range(30)]  # fmt: skip
    start = random.uniform((113, 23), (113.3, 23.25), (2000, 1, 2))
    roads = shapely.linestrings(start + np.cumsum(random.normal(0, 0.0008, (2000, 8, 2)), axis=1))
    villages = shapely.points(random.uniform((113, 23), (113.3, 23.25), (300, 2)))
    codes = [f"4401991{i:02}" for i in range(30)]
    list_codes = codes + [f"{code}{n:03}" for code in codes for n in range(201, 260)]
    list_names = [f"镇{i}镇" for i in range(30)] + [f"{chr(0x4E00 + n % 50)}庄村委会" for _ in codes for n in range(59)]
    layers = Layers.build(
        roads=Features([f"路{i % 700}" for i in range(2000)], list(roads)),
        waters=Features([f"河{i}" for i in range(100)], list(shapely.buffer(villages[:100], 0.001))),
        villages=Features([f"{chr(0x4E00 + i % 70)}庄" for i in range(300)], list(villages)),
        boundaries=Features([f"镇{i}" for i in range(30)], towns, codes),
        landmarks=Features([f"楼{i}" for i in range(50)], list(shapely.buffer(villages[100:150], 0.0003))),
    )
    points = random.uniform((112.98, 22.98), (113.32, 23.27), (3000, 2))
    return layers, Gazetteer.build(list_codes, list_names), points[:, 0].copy(), points[:, 1].copy()


def test_single_equals_batch_and_order_does_not_matter(busy):
    layers, codes, lon, lat = busy
    whole = locate(lon, lat, layers, codes)
    shuffled = np.random.default_rng(1).permutation(len(lon))
    other = locate(lon[shuffled], lat[shuffled], layers, codes)
    assert list(other.statement) == list(whole.statement[shuffled])
    for i in range(0, len(lon), 83):
        assert locate(lon[i], lat[i], layers, codes).to_dict(0) == whole.to_dict(i)
    assert {"rural", "none"} <= set(whole.form)


def test_nearest_and_villages_against_measuring_everything(busy):
    layers, codes, lon, lat = busy
    found = locate(lon[:300], lat[:300], layers, codes)
    village = layers.villages
    for i in range(300):
        inside = [
            b
            for b, shape in enumerate(layers.boundaries.polygons.shapes)
            if shape.covers(shapely.Point(lon[i], lat[i]))
        ]
        among = np.arange(len(village.names))
        if inside:
            assert found.code[i].startswith(layers.boundaries.codes[inside[0]])
            among = np.flatnonzero(shapely.covers(layers.boundaries.polygons.shapes[inside[0]], village.shapes))
        if not among.size:
            assert found.village[i] == ""
            continue
        x, y = shapely.get_x(village.shapes[among]), shapely.get_y(village.shapes[among])
        _, _, metres = EARTH.inv(np.full(len(x), lon[i]), np.full(len(x), lat[i]), x, y)
        nearest = village.names[among[np.argmin(metres)]]
        if inside or metres.min() <= 5000:
            assert found.village[i] == nearest + "村"


def test_each_reason_reads_in_both_languages(busy):
    layers, codes, lon, lat = busy
    found = locate(lon, lat, layers, codes)
    seen = {why.code: why for reasons in found.reasons for why in reasons}
    assert set(seen) <= set(REASONS)
    assert len(seen) >= 8
    for why in seen.values():
        assert why.text
        assert "{" not in why.text + why.text_en
        assert why.text_en.endswith(".")
