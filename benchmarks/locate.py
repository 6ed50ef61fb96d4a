"""Nearest road: Duban's index against geopandas `sjoin_nearest`, SedonaDB's `ST_KNN` and a plain shapely tree.

    python benchmarks/locate.py [--points 200000] [--roads 40000] [--repeat 5] [--seed 192]

Every side gets the same seeded district on the same plane in metres, in the form it likes best and already in
memory: we get shapely lines and two columns of coordinates, shapely and geopandas get shapely lines and points,
SedonaDB gets its own views. Each time is of the whole query, building the index included on every side, to a table
of point, road and distance; sides take turns, and the median counts. Nothing is kept from one turn to the next.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable

import geopandas
import numpy as np
import pyarrow as pa
import sedonadb
import shapely
from numpy.typing import NDArray

from duban.engines.locate.nearest import SegmentIndex

EXTENT = 50_000.0
TOWNS = 14
VERTICES = 12
SAME = 1e-6

# Road and distance of each point, in the order of the points.
Answer = tuple[NDArray[np.int64], NDArray[np.float64]]


def make_roads(count: int, random: np.random.Generator) -> NDArray[np.object_]:
    """Wiggly lines of 12 vertices: two thirds crowd about 14 towns with short blocks, the rest run through the
    country in longer ones; most keep to two directions, as streets do."""
    centres = random.uniform(0.1 * EXTENT, 0.9 * EXTENT, (TOWNS, 2))
    town = random.integers(0, TOWNS, count)
    width = random.uniform(1200, 4500, TOWNS)[town]
    start = centres[town] + random.normal(size=(count, 2)) * width[:, None]
    country = random.random(count) < 0.35
    start[country] = random.uniform(0, EXTENT, (int(country.sum()), 2))
    block = random.lognormal(np.log(np.where(country, 95, 45)), 0.45)[:, None]
    step = block * random.uniform(0.6, 1.4, (count, VERTICES - 1))
    heading = random.integers(0, 4, count) * np.pi / 2 + random.normal(0, 0.25, count)
    turns = np.cumsum(random.normal(0, 0.18, (count, VERTICES - 1)), axis=1)
    angle = heading[:, None] + turns
    path = np.cumsum(np.stack([np.cos(angle) * step, np.sin(angle) * step], axis=-1), axis=1)
    return shapely.linestrings(np.concatenate([start[:, None], start[:, None] + path], axis=1))


def make_points(count: int, roads: NDArray[np.object_], random: np.random.Generator) -> NDArray[np.float64]:
    """Four in five where findings are, some tens of metres off a road; the rest anywhere. Shape (count, 2)."""
    beside = shapely.line_interpolate_point(
        roads[random.integers(0, len(roads), count)], random.random(count), normalized=True
    )
    away = random.lognormal(np.log(50), 1, count)[:, None]
    points = shapely.get_coordinates(beside) + random.normal(size=(count, 2)) * away
    anywhere = random.random(count) < 0.2
    points[anywhere] = random.uniform(0, EXTENT, (int(anywhere.sum()), 2))
    return points


def ours(x: NDArray[np.float64], y: NDArray[np.float64], roads: NDArray[np.object_]) -> Answer:
    found = SegmentIndex.build(roads).nearest(x, y)
    return found.feature, found.distance


def plain_tree(points: NDArray[np.object_], roads: NDArray[np.object_]) -> Answer:
    tree = shapely.STRtree(roads)
    (_, road), distance = tree.query_nearest(points, return_distance=True, all_matches=False)
    return road, distance


def sjoin_nearest(points: NDArray[np.object_], roads: NDArray[np.object_]) -> Answer:
    joined = geopandas.GeoDataFrame(geometry=points).sjoin_nearest(
        geopandas.GeoDataFrame(geometry=roads), distance_col="distance"
    )
    # A tie gives a row for each road.
    first = joined[~joined.index.duplicated()].sort_index()
    return first["index_right"].to_numpy(), first["distance"].to_numpy()


def prepare_sedona(points: NDArray[np.object_], roads: NDArray[np.object_]) -> Callable[[], Answer]:
    database = sedonadb.connect()
    for name, shapes in (("points", points), ("roads", roads)):
        frame = geopandas.GeoDataFrame({"id": np.arange(len(shapes))}, geometry=shapes)
        database.create_data_frame(frame).to_view(name)

    def st_knn() -> Answer:
        table = pa.table(
            database.sql(
                "SELECT points.id AS point, roads.id AS road, "
                "ST_Distance(points.geometry, roads.geometry) AS distance "
                "FROM points JOIN roads ON ST_KNN(points.geometry, roads.geometry, 1, false)"
            )
        )
        order = np.argsort(table["point"].to_numpy(), kind="stable")
        return table["road"].to_numpy()[order], table["distance"].to_numpy()[order]

    return st_knn


def check_same(mine: Answer, peer: Answer, name: str, points: NDArray[np.object_], roads: NDArray[np.object_]) -> int:
    """Raises AssertionError unless both name the same road for every point, or two equally near; returns the ties."""
    assert len(peer[0]) == len(points), f"{name} answered for {len(peer[0])} of {len(points)} points"
    differ = np.abs(mine[1] - peer[1])
    assert differ.max() <= SAME, f"{name}: a distance differs by {differ.max()} m"
    tied = np.flatnonzero(mine[0] != peer[0])
    for answer in (mine, peer):
        measured = shapely.distance(points[tied], roads[answer[0][tied]])
        assert np.all(np.abs(measured - mine[1][tied]) <= SAME), f"{name}: another road that is not as near"
    return len(tied)


def main() -> int:
    parser = argparse.ArgumentParser(description="Nearest road, against geopandas, SedonaDB and shapely.")
    parser.add_argument("--points", type=int, default=200_000)
    parser.add_argument("--roads", type=int, default=40_000)
    parser.add_argument("--repeat", type=int, default=5, help="turns of us and SedonaDB (the others take one to three)")
    parser.add_argument("--seed", type=int, default=192)
    options = parser.parse_args()

    random = np.random.default_rng(options.seed)
    roads = make_roads(options.roads, random)
    coordinates = make_points(options.points, roads, random)
    x, y = coordinates[:, 0].copy(), coordinates[:, 1].copy()
    points = shapely.points(coordinates)
    print(
        f"{options.points:,} points x {options.roads:,} roads of {VERTICES} vertices on a plane of "
        f"{EXTENT / 1000:.0f} km, {os.cpu_count()} cores"
    )

    sides: dict[str, Callable[[], Answer]] = {
        "ours": lambda: ours(x, y, roads),
        "sedonadb": prepare_sedona(points, roads),
        "geopandas": lambda: sjoin_nearest(points, roads),
        "shapely": lambda: plain_tree(points, roads),
    }
    turns = dict.fromkeys(("ours", "sedonadb"), options.repeat)
    turns |= {name: min(3, options.repeat) for name in ("geopandas", "shapely")}
    times: dict[str, list[float]] = {name: [] for name in sides}
    answers: dict[str, Answer] = {}
    for turn in range(options.repeat):
        for name, run in sides.items():
            if turn < turns[name]:
                began = time.perf_counter()
                answers[name] = run()
                times[name].append(time.perf_counter() - began)

    for name in sides:
        if name != "ours":
            tied = check_same(answers["ours"], answers[name], name, points, roads)
            print(f"{name}: the same distance for every point; another, equally near road for {tied}")

    median = {name: statistics.median(taken) for name, taken in times.items()}
    for name, taken in times.items():
        print(f"{name:>10}: {median[name]:.3f} s, of {', '.join(f'{one:.3f}' for one in taken)}")
    began = time.perf_counter()
    index = SegmentIndex.build(roads)
    built = time.perf_counter()
    index.nearest(x, y)
    print(f"      ours: {built - began:.3f} s of it to build the index, {time.perf_counter() - built:.3f} s to search")

    rate = {name: options.points / taken for name, taken in median.items()}
    peers = [name for name in sides if name != "ours"]
    print(
        json.dumps(
            {
                "name": "locate",
                "ours": round(rate["ours"]),
                "peers": {name: round(rate[name]) for name in peers},
                "ratio": {name: round(rate["ours"] / rate[name], 2) for name in peers},
                "unit": "points/s",
                "same": True,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
