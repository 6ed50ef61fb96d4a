"""Screening against the definitions: whatever the areas, windows and presences, the same rows."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engines.screen.brute import exposed, on_or_in, rings_of

from duban.engines.screen import ARROW, DUCKDB, MEASURES, Area, Areas, Store, screen
from duban.engines.screen.cover import Cover
from duban.engines.screen.instants import to_micros

START = datetime(2021, 1, 10, tzinfo=UTC)
NOW = START + timedelta(days=3)
SCHEMA = pa.schema(
    [
        ("person", pa.string()),
        ("lon", pa.float64()),
        ("lat", pa.float64()),
        ("area_code", pa.string()),
        ("venue", pa.string()),
        ("arrived", pa.timestamp("us", "UTC")),
        ("departed", pa.timestamp("us", "UTC")),
    ]
)

# Eighths of a degree are exact in binary, so that points truly lie on edges and corners.
eighth = st.integers(0, 64).map(lambda n: 116 + n / 8)
lat_eighth = st.integers(0, 64).map(lambda n: 36 + n / 8)
corner = st.tuples(eighth, lat_eighth)
wild = st.tuples(st.floats(115, 125), st.floats(35, 45))


@st.composite
def boxes(draw):
    (w, s), dx, dy = draw(corner), draw(st.integers(1, 24)), draw(st.integers(1, 24))
    return shapely.box(w, s, w + dx / 8, s + dy / 8)


@st.composite
def with_hole(draw):
    (w, s), dx, dy = draw(corner), draw(st.integers(3, 24)), draw(st.integers(3, 24))
    x0, y0 = draw(st.integers(0, dx - 2)), draw(st.integers(0, dy - 2))
    x1, y1 = draw(st.integers(x0 + 1, dx)), draw(st.integers(y0 + 1, dy))
    outer, inner = (
        shapely.box(w, s, w + dx / 8, s + dy / 8),
        shapely.box(w + x0 / 8, s + y0 / 8, w + x1 / 8, s + y1 / 8),
    )
    return outer.difference(inner)


@st.composite
def beside(draw):
    """Two boxes that share an edge, or part of one: no valid multipolygon, and yet a plain area."""
    one = draw(boxes())
    _, s, e, n = one.bounds
    up = draw(st.integers(-4, 4)) / 8
    return shapely.MultiPolygon([one, shapely.box(e, s + up, e + draw(st.integers(1, 8)) / 8, n + abs(up) + 0.125)])


hulls = st.lists(corner | wild, min_size=3, max_size=9).map(lambda points: shapely.MultiPoint(points).convex_hull)
stars = st.lists(corner | wild, min_size=4, max_size=12, unique=True).map(
    lambda points: shapely.Polygon(
        sorted(points, key=lambda p: np.arctan2(p[1] - np.mean(points, 0)[1], p[0] - np.mean(points, 0)[0]))
    )
)
several = st.lists(boxes() | hulls, min_size=2, max_size=4).map(
    lambda shapes: shapely.MultiPolygon([shape for shape in shapes if shape.geom_type == "Polygon"])
)
shapes = (boxes() | with_hole() | hulls | stars | several | beside()).filter(
    lambda shape: (
        shape.geom_type in ("Polygon", "MultiPolygon")
        and not shape.is_empty
        and all(part.is_valid and part.area > 0 for part in shapely.get_parts(shape))
    )
)
hours = st.integers(-40, 60).map(lambda n: START + timedelta(hours=n))


@st.composite
def areas(draw):
    made = []
    for number in range(draw(st.integers(1, 5))):
        shape = draw(shapes | st.none())
        start = draw(hours)
        made.append(
            Area(
                id=f"area-{number}",
                name="",
                level=draw(st.sampled_from(["高", "中"])),
                measure=draw(st.sampled_from(MEASURES)),
                start=start,
                end=draw(st.none() | st.integers(0, 30).map(lambda n, start=start: start + timedelta(hours=n))),
                lookback_days=draw(st.integers(0, 1)),
                shape=shape,
                code=""
                if shape is not None
                else draw(st.sampled_from(["440199", "440199101", "4401", "440199102001"])),
            )
        )
    return Areas(tuple(made))


@st.composite
def presences(draw):
    place = draw(corner | wild | st.none())
    arrived = draw(hours)
    return {
        "person": draw(st.sampled_from(["甲", "b", "B", "丁"])),
        "lon": place[0] if place else None,
        "lat": place[1] if place else None,
        "area_code": draw(st.sampled_from(["440199101", "440199102001", "440198", None] if place else ["440199101"])),
        "venue": None,
        "arrived": arrived,
        "departed": draw(st.none() | st.integers(0, 20).map(lambda n: arrived + timedelta(hours=n))),
    }


def as_table(rows):
    return pa.Table.from_pylist(rows, SCHEMA)


def as_found(table):
    return {
        (row["person"], row["area"]): (
            to_micros(row["first"]),
            to_micros(row["last"]),
            row["visits"],
            round(row["minutes"] * 60_000_000),
        )
        for row in table.to_pylist()
    }


@settings(max_examples=80, deadline=None)
@given(areas(), st.lists(presences(), max_size=25))
def test_the_kernel_finds_what_the_definitions_say(where, rows):
    result = screen(as_table(rows), where, now=NOW, workers=1)
    assert as_found(result.per_area) == exposed(rows, where, NOW)
    assert result.rows == result.accepted == len(rows)


@settings(max_examples=15, deadline=None)
@given(areas(), st.lists(presences(), min_size=1, max_size=25))
def test_duckdb_gives_identical_rows(where, rows):
    one, other = (screen(as_table(rows), where, now=NOW, engine=engine, workers=1) for engine in (ARROW, DUCKDB))
    assert one.per_area.equals(other.per_area)
    assert one.per_person.equals(other.per_person)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(areas(), st.lists(presences(), min_size=1, max_size=25))
def test_the_store_gives_identical_rows(tmp_path_factory, where, rows):
    unique = [dict(pairs) for pairs in {tuple(row.items()): None for row in rows}]
    store = Store(tmp_path_factory.mktemp("store"))
    added = store.add(as_table(rows))
    assert added.taken == len(unique)
    assert added.rejects == ({"duplicate": len(rows) - len(unique)} if len(rows) > len(unique) else {})
    one, other = screen(as_table(unique), where, now=NOW, workers=1), screen(store, where, now=NOW, workers=1)
    assert one.per_area.equals(other.per_area)
    assert one.per_person.equals(other.per_person)
    assert other.rows <= other.rows_held == len(unique)


@settings(max_examples=80, deadline=None)
@given(st.lists(shapes, min_size=1, max_size=4), st.lists(corner | wild, min_size=1, max_size=40))
def test_a_cell_called_inside_is_inside_and_no_position_is_missed(parts, points):
    where = Areas(tuple(Area(str(i), "", "", "test", START, shape=shape) for i, shape in enumerate(parts)))
    cover = Cover.build(where.parts, where.owner)
    # The corners and the middles of edges are where cells meet lines.
    corners = np.concatenate([shapely.get_coordinates(shape) for shape in parts])
    at = np.concatenate([np.array(points), corners, (corners[1:] + corners[:-1]) / 2])
    found = cover.candidates(at[:, 0].copy(), at[:, 1].copy())
    flagged = {
        (int(row), int(area)): bool(flag) for row, area, flag in zip(found.row, found.area, found.inside, strict=True)
    }
    assert len(flagged) == len(found.row)
    for area, known in enumerate(where.areas):
        rings = rings_of(known)
        for row, (x, y) in enumerate(at.tolist()):
            truly = any(on_or_in(part, x, y) for part in ([[tuple(c) for c in r] for r in p] for p in rings))
            if truly:
                assert (row, area) in flagged
            elif (row, area) in flagged:
                assert not flagged[row, area]


def test_the_coarse_cover_says_no_more_than_the_fine_one():
    random = np.random.default_rng(5)
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    parts = []
    for x, y in random.uniform(0, 1, (12, 2)):
        radius = random.uniform(0.02, 0.08) * (1 + 0.3 * np.sin(3 * angle))
        parts.append(shapely.Polygon(np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)))
    where = Areas(tuple(Area(str(i), "", "", "test", START, shape=shape) for i, shape in enumerate(parts)))
    cover = Cover.build(where.parts, where.owner)
    lon, lat = random.uniform(-0.1, 1.1, (2, 20_000))
    fine = cover.candidates(lon, lat)
    u = np.floor((lon - cover.west) * cover.per_degree + 1).astype(int)
    v = np.floor((lat - cover.south) * cover.per_degree + 1).astype(int)
    coarse = {(c, a): bool(flag) for c, a, flag in zip(*cover.coarse(), strict=True)}
    for row, area, inside in zip(fine.row, fine.area, fine.inside, strict=True):
        flag = coarse[v[row] * (cover.size + 2) + u[row], area]
        assert inside or not flag
    held = {
        (row, area)
        for row, area in zip(fine.row, fine.area, strict=True)
        if parts[area].intersects(shapely.Point(lon[row], lat[row]))
    }
    every = shapely.intersects_xy(np.array(parts)[None, :], lon[:, None], lat[:, None])
    assert held == set(zip(*np.nonzero(every), strict=True))


@pytest.mark.parametrize("teeth", [3, 40, 400])
def test_an_area_that_is_nearly_all_edge_is_covered(teeth):
    """A comb, between whose teeth no cell is free, beside areas that make the cells coarse or fine for it."""
    along = np.linspace(0, 1, 2 * teeth + 1)
    comb = shapely.Polygon(
        [*zip(along, np.tile([0.0, 1.0], teeth + 1)[: len(along)], strict=True), (1, -0.01), (0, -0.01)]
    )
    lon, lat = np.random.default_rng(teeth).uniform(-0.1, 1.1, (2, 5000))
    truly = shapely.intersects_xy(comb, lon, lat)
    for beside in ([], [shapely.box(2, 2, 2.02, 2.02)] * 3, [shapely.box(5, 5, 15, 15)] * 3):
        shapes_of = [comb, *beside]
        where = Areas(tuple(Area(str(i), "", "", "test", START, shape=one) for i, one in enumerate(shapes_of)))
        found = Cover.build(where.parts, where.owner).candidates(lon, lat)
        row, inside = found.row[found.area == 0], found.inside[found.area == 0]
        assert set(np.flatnonzero(truly)) <= set(row)
        assert truly[row[inside]].all()


@pytest.mark.parametrize("far", [0.0, 1e-9, 1.0, 70.0])
def test_areas_far_apart_and_tiny_ones_are_covered(far):
    tiny = shapely.box(10, 10, 10 + 1e-9, 10 + 1e-9)
    other = shapely.box(11 + far, 11, 11 + far + 1e-7, 11.0001)
    where = Areas((Area("a", "", "", "test", START, shape=tiny), Area("b", "", "", "test", START, shape=other)))
    cover = Cover.build(where.parts, where.owner)
    lon = np.array([10.0, 10 + 1e-9, 11 + far, 0.0, 179.0, np.nan, np.inf, -1e300])
    lat = np.array([10.0, 10 + 1e-9, 11.0001, 0.0, 80.0, 10.0, 10.0, 1e300])
    found = cover.candidates(lon, lat)
    held = where.hold(found.area, lon[found.row], lat[found.row])
    assert sorted(zip(found.row[held].tolist(), found.area[held].tolist(), strict=True)) == [(0, 0), (1, 0), (2, 1)]
