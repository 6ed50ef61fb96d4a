"""Screening: Duban against SedonaDB's SQL join, geopandas `sjoin` and DuckDB merely scanning the same columns.

    python benchmarks/screen.py [--presences 1000000] [--areas 60] [--vertices 200] [--repeat 3] [--seed 192]
                                [--curve 0.25,1,4] [--stream 2000000] [--large 2000000]

The issue's sizes: --presences 20000000 --curve 5,20,80 --stream 100000000 --large 100000000.

Every side reads the same unsorted Parquet file of presences and ends with the same table: a row per person and area
with first, last, visits and minutes. Ours also hashes the file (`ours_unhashed` does not), judges every row and decides
each person's measure.
geopandas gets the file in pieces of a million rows, as it holds every point as an object. Then one area after another
is put to the same presences in a store of fourteen days, the curve shows what that costs as the city grows about an
area (millions of presences), and `--stream` rows go through as batches that are made on the way. Peak memory is
measured in processes of their own, their helpers' included; there screening starts its helpers, which the repeated
turns find waiting. A file of `--large` rows is screened by one that the kernel gives a gigabyte in all, helpers, pages
of files and what the kernel keeps for it included; that needs a root user, and is left out without one.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sedonadb

from duban.engines.screen import Areas, Store, screen
from duban.engines.screen.instants import FOREVER, to_micros
from screening_data import NOW, SCHEMA, make_areas, make_presences, write_presences

COLUMNS = ["person", "area", "first", "last", "visits", "stayed"]
SCAN = "SELECT sum(strlen(person)), sum(lon), sum(lat), sum(epoch_us(arrived)), sum(epoch_us(departed)) FROM "
PIECE = 1_000_000
GIGABYTE = 1_000_000_000


def areas_frame(areas: Areas) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(
        {"area": [area.id for area in areas.areas], "opens": areas.opens, "closes": areas.closes},
        geometry=[area.shape for area in areas.areas],
    )


def ours(path: Path, areas: Areas, engine: str = "arrow", hashed: bool = True) -> pa.Table:
    table = screen(path, areas, now=NOW, engine=engine, hashed=hashed).per_area
    assert table is not None
    return table


def as_frame(table: pa.Table) -> pd.DataFrame:
    frame = table.to_pandas()
    return pd.DataFrame(
        {
            "person": frame["person"],
            "area": frame["area"],
            "first": table["first"].cast(pa.int64()).to_numpy(),
            "last": table["last"].cast(pa.int64()).to_numpy(),
            "visits": frame["visits"],
            "stayed": np.rint(frame["minutes"] * 60_000_000).astype(np.int64),
        }
    )


def prepare_sedona(path: Path, areas: Areas) -> Callable[[], pa.Table]:
    database = sedonadb.connect()
    database.create_data_frame(areas_frame(areas)).to_view("areas")
    database.read_parquet(str(path)).to_view("presences")
    arrived = "arrow_cast(p.arrived, 'Int64')"
    departed = f"coalesce(arrow_cast(p.departed, 'Int64'), {FOREVER})"
    first, least = f"greatest({arrived}, a.opens)", f"least({departed}, a.closes)"
    last = f"CASE WHEN {least} = {FOREVER} THEN greatest({first}, {to_micros(NOW)}) ELSE {least} END"

    def st_intersects() -> pa.Table:
        query = (
            f"SELECT p.person, a.area, min({first}) AS first, max({last}) AS last, count(*) AS visits, "
            f"sum({last} - {first}) AS stayed FROM presences AS p "
            "JOIN areas AS a ON ST_Intersects(a.geometry, ST_Point(p.lon, p.lat)) "
            f"WHERE {arrived} <= a.closes AND {departed} >= a.opens GROUP BY p.person, a.area"
        )
        return pa.table(database.sql(query))

    return st_intersects


def sjoin(path: Path, areas: Areas) -> pd.DataFrame:
    frame, found = areas_frame(areas), []
    for batch in pq.ParquetFile(path).iter_batches(PIECE, columns=["person", "lon", "lat", "arrived", "departed"]):
        rows = pd.DataFrame(
            {
                "person": batch["person"].to_pandas(),
                "arrived": batch["arrived"].cast(pa.int64()).to_numpy(),
                "departed": batch["departed"].cast(pa.int64()).fill_null(FOREVER).to_numpy(),
            }
        )
        points = geopandas.points_from_xy(batch["lon"], batch["lat"])
        joined = geopandas.GeoDataFrame(rows, geometry=points).sjoin(frame, predicate="intersects")
        joined = joined[(joined["arrived"] <= joined["closes"]) & (joined["departed"] >= joined["opens"])]
        found.append(joined[["person", "area", "arrived", "departed", "opens", "closes"]])
    rows = pd.concat(found, ignore_index=True)
    rows["first"] = np.maximum(rows["arrived"], rows["opens"])
    last = np.minimum(rows["departed"], rows["closes"])
    rows["last"] = np.where(last == FOREVER, np.maximum(rows["first"], to_micros(NOW)), last)
    rows["stayed"] = rows["last"] - rows["first"]
    grouped = rows.groupby(["person", "area"], as_index=False)
    return grouped.agg(
        first=("first", "min"), last=("last", "max"), visits=("person", "size"), stayed=("stayed", "sum")
    )


def scan(path: Path | str) -> list[tuple[object, ...]]:
    database = duckdb.connect(config={"threads": os.cpu_count() or 1})
    try:
        return database.execute(f"{SCAN} read_parquet('{path}')").fetchall()
    finally:
        database.close()


def check_same(mine: pd.DataFrame, peer: pd.DataFrame, name: str) -> None:
    """Raises AssertionError unless both have the same rows, each number equal."""
    one, other = (
        frame[COLUMNS].sort_values(["person", "area"], ignore_index=True).astype({"person": str, "area": str})
        for frame in (mine, peer)
    )
    assert len(one) == len(other), f"{name} has {len(other)} rows, not {len(one)}"
    for column in COLUMNS:
        assert (one[column].to_numpy() == other[column].to_numpy()).all(), f"{name}: {column} differs"


def timed(run: Callable[[], object], repeat: int) -> float:
    taken = []
    for _ in range(repeat):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def peak_of(arguments: list[str]) -> str:
    """What this file prints as the last line in a process of its own."""
    run = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    return run.stdout.strip().splitlines()[-1]


def peak_of_process(pid: int) -> float:
    """MiB. Not getrusage: that would remember the process which started it."""
    return int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def keep_within(limit: int) -> None:
    """Give this process and those it starts no more than so many bytes of memory, by a control group."""
    first = Path("/sys/fs/cgroup/memory")
    root, setting = (first, "memory.limit_in_bytes") if first.is_dir() else (first.parent, "memory.max")
    group = root / "duban-benchmark"
    group.mkdir(exist_ok=True)
    (group / setting).write_text(str(limit))
    (group / "cgroup.procs").write_text(str(os.getpid()))


def children() -> list[int]:
    """Processes this one has started and which still live, as a screening's helpers do for a while."""
    return [int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]


def alone(options: argparse.Namespace) -> int:
    """One screening in this process, to see what it takes of memory."""
    if options.within:
        keep_within(options.within)
    areas = make_areas(options.areas, options.vertices, options.seed)
    began = time.perf_counter()
    if options.alone:
        result = screen(options.alone, areas, now=NOW, out=options.alone.with_name("out.parquet"))
    else:
        rows = make_presences(options.stream, options.seed)
        reader = pa.RecordBatchReader.from_batches(SCHEMA, rows)
        with tempfile.TemporaryDirectory() as folder:
            result = screen(reader, areas, now=NOW, out=Path(folder) / "out.parquet")
    taken = time.perf_counter() - began
    # Each at its own time, and pages that both have twice: more than what a limit counts.
    peak = peak_of_process(os.getpid()) + sum(peak_of_process(helper) for helper in children())
    assert result.rows == result.accepted + sum(result.rejects.values())
    print(
        f"{result.rows:,} rows in = {result.accepted:,} + {sum(result.rejects.values()):,} rejected, "
        f"{result.exposures:,} exposures of {result.people:,} people, {taken:.2f} s, "
        f"peaks {peak:,.0f} MiB"
    )
    return 0


def one_area(folder: Path, options: argparse.Namespace, rows: int, wide: float) -> tuple[float, float]:
    """Build a store and put areas to it one by one; prints, and returns the median time and the store's scan time."""
    store = Store(folder)
    began = time.perf_counter()
    added = store.add(make_presences(rows, options.seed, wide))
    built = time.perf_counter() - began
    assert added.taken + sum(added.rejects.values()) == rows
    single = [Areas((area,)) for area in make_areas(12, options.vertices, options.seed, 0.2).areas]
    results = [screen(store, area, now=NOW) for area in single]
    taken = statistics.median(timed(lambda area=area: screen(store, area, now=NOW), 3) for area in single)
    scanned = timed(lambda: scan(folder / "*" / "*.parquet"), options.repeat)
    read = statistics.median(result.rows for result in results)
    print(
        f"  {rows:>11,} rows in {len(store.days)} days ({built:.0f} s to build): one area reads {read:,.0f} rows in "
        f"{taken * 1000:.1f} ms; the scan takes {scanned * 1000:.0f} ms, {taken / scanned:.3f} of it"
    )
    return taken, scanned


def main() -> int:
    parser = argparse.ArgumentParser(description="Screening, against SedonaDB, geopandas and DuckDB's scan.")
    parser.add_argument("--presences", type=int, default=1_000_000)
    parser.add_argument("--areas", type=int, default=60)
    parser.add_argument("--vertices", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=3, help="turns of each side (geopandas takes one)")
    parser.add_argument("--seed", type=int, default=192)
    parser.add_argument("--curve", default="0.25,1,4", help="millions of presences in the stores")
    parser.add_argument("--stream", type=int, default=2_000_000, help="rows that stream through as batches")
    parser.add_argument("--large", type=int, default=2_000_000, help="rows of a file screened within a gigabyte")
    parser.add_argument("--folder", type=Path, help="where the data go (a temporary folder)")
    parser.add_argument("--alone", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--alone-stream", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--within", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone or options.alone_stream:
        return alone(options)

    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        path = folder / "presences.parquet"
        write_presences(path, make_presences(options.presences, options.seed))
        areas = make_areas(options.areas, options.vertices, options.seed)
        print(
            f"{options.presences:,} presences ({path.stat().st_size / 1e6:,.0f} MB) x {options.areas} areas of "
            f"{options.vertices} vertices, {os.cpu_count()} cores"
        )
        sides: dict[str, Callable[[], object]] = {
            "ours": lambda: ours(path, areas),
            "sedonadb": prepare_sedona(path, areas),
            "duckdb_scan": lambda: scan(path),
            "ours_unhashed": lambda: ours(path, areas, hashed=False),
            "ours_on_duckdb": lambda: ours(path, areas, "duckdb"),
            "geopandas": lambda: sjoin(path, areas),
        }
        times: dict[str, list[float]] = {side: [] for side in sides}
        answers: dict[str, Any] = {}
        for turn in range(options.repeat):
            for side, run in sides.items():
                if turn == 0 or side != "geopandas":
                    # Nobody pays for the memory of two answers of one side.
                    answers.pop(side, None)
                    began = time.perf_counter()
                    answers[side] = run()
                    times[side].append(time.perf_counter() - began)
        mine = as_frame(answers["ours"])
        answers["sedonadb"] = answers["sedonadb"].to_pandas()
        answers["ours_on_duckdb"] = as_frame(answers["ours_on_duckdb"])
        for side in ("sedonadb", "geopandas", "ours_on_duckdb"):
            check_same(mine, answers[side], side)
            print(f"{side}: the same {len(mine):,} rows, {int(mine['visits'].sum()):,} exposures")
        median = {side: statistics.median(taken) for side, taken in times.items()}
        for side, taken in times.items():
            print(f"{side:>14}: {median[side]:.3f} s, of {', '.join(f'{one:.3f}' for one in taken)}")
        shared = [f"--{name}={getattr(options, name)}" for name in ("areas", "vertices", "seed", "stream")]
        print(f"alone: {peak_of([*shared, '--alone', str(path)])}")
        print(f"streamed: {peak_of([*shared, '--alone-stream'])}")
        path.unlink()
        if os.geteuid() == 0:
            write_presences(path, make_presences(options.large, options.seed))
            print(f"within {GIGABYTE:,} bytes: {peak_of([*shared, '--alone', str(path), f'--within={GIGABYTE}'])}")
            path.unlink()

        print("one newly declared area against a sorted store, as the city grows about it:")
        curve = {}
        for millions in map(float, options.curve.split(",")):
            with tempfile.TemporaryDirectory(dir=options.folder) as store:
                curve[millions] = one_area(Path(store), options, round(millions * 1e6), 0.5 * (millions / 20) ** 0.5)

    rate = {side: options.presences / taken for side, taken in median.items()}
    peers = [side for side in sides if side != "ours"]
    print(
        json.dumps(
            {
                "name": "screen",
                "ours": round(rate["ours"]),
                "peers": {side: round(rate[side]) for side in peers},
                "ratio": {side: round(rate["ours"] / rate[side], 2) for side in peers}
                # No peer tells what it has read.
                | {
                    f"{side}_nothing_hashed": round(rate["ours_unhashed"] / rate[side], 2)
                    for side in peers
                    if not side.startswith("ours")
                }
                | {f"scan_per_area_{millions:g}M": round(scan / one, 1) for millions, (one, scan) in curve.items()},
                "unit": "presences/s",
                "same": True,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
