"""Tracing: Duban against the plain SQL self-join on DuckDB, and against DuckDB merely scanning the same columns.

    python benchmarks/trace.py [--presences 1000000] [--cases 50] [--generations 2] [--metres 20] [--repeat 3]

The issue's size: --presences 20000000.

Presences are at venues, some 400 at each in fourteen days, and cases are infectious from two days before onset until
they are isolated. The join looks at venues alone, so that comparison does too; then ours goes again with `--metres`. On
a sample of 100,000 rows every stay of a source is held against every row, by venue and by metres, and contacts must be
the same to the microsecond. Last, data of the shape of the public face-to-face sets (t, i, j: a contact of 20 s) must
give the total minutes per pair exactly.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from duban.engines.geo.geodesy import geodesic
from duban.engines.screen import Case, Settings, Traced, trace
from duban.engines.screen.instants import FOREVER, MINUTE, to_micros
from screening_data import NOW, SCHEMA, START, make_presences, write_presences

SCAN = (
    "SELECT sum(strlen(person)), sum(strlen(venue)), sum(lon), sum(lat), sum(epoch_us(arrived)), "
    "sum(epoch_us(departed)) "
)
KEYS = ["generation", "source", "person", "place"]
SAMPLE = 100_000


def make_cases(path: Path, count: int, seed: int) -> list[Case]:
    random = np.random.default_rng(seed)
    people = np.unique(next(pq.ParquetFile(path).iter_batches(50_000, columns=["person"]))["person"].to_pylist())
    cases = []
    for number, person in enumerate(random.choice(people, count, replace=False).tolist()):
        onset = START + timedelta(hours=int(random.integers(60, 200)))
        isolated = None if number % 7 == 6 else onset + timedelta(days=int(random.integers(1, 4)))
        cases.append(Case(person, onset if number % 3 else None, onset, isolated))
    return cases


def windows_of(cases: list[Case]) -> pa.Table:
    spans = [case.window() for case in cases]
    return pa.table(
        {
            "person": [case.person for case in cases],
            "opens": [to_micros(opens) for opens, _ in spans],
            "closes": [to_micros(closes) if closes else FOREVER for _, closes in spans],
        }
    )


def plain_join(path: Path, cases: list[Case], settings: Settings) -> pd.DataFrame:
    """What one would write by hand: the presences joined with themselves, generation by generation."""
    database = duckdb.connect(config={"threads": os.cpu_count() or 1})
    sources, seen, found = windows_of(cases), windows_of(cases).select(["person"]), []
    for generation in range(1, settings.generations + 1):
        for name, table in (("sources", sources), ("seen", seen)):
            database.register(name, table)
        met = database.sql(
            f"""
            WITH presences AS (
                SELECT person, venue, epoch_us(arrived) AS arrived, coalesce(epoch_us(departed), {FOREVER}) AS departed
                FROM read_parquet('{path}')),
            meetings AS (
                SELECT mine.person AS source, theirs.person, mine.venue AS place,
                    greatest(mine.arrived, opens, theirs.arrived) AS first,
                    least(
                        CASE WHEN least(mine.departed, closes) = {FOREVER}
                            THEN greatest(mine.arrived, opens, {to_micros(NOW)}) ELSE least(mine.departed, closes) END,
                        CASE WHEN theirs.departed = {FOREVER}
                            THEN greatest(theirs.arrived, {to_micros(NOW)}) ELSE theirs.departed END) AS last
                FROM presences AS mine JOIN sources USING (person) JOIN presences AS theirs ON theirs.venue = mine.venue
                WHERE mine.arrived <= closes AND mine.departed >= opens
                    AND theirs.person NOT IN (SELECT person FROM seen))
            SELECT source, person, place, min(first) AS first, max(last) AS last, sum(last - first)::BIGINT AS met,
                {generation} AS generation
            FROM meetings WHERE first <= last GROUP BY source, person, place
            HAVING sum(last - first) >= {round(settings.minutes * MINUTE)}"""
        ).to_arrow_table()
        frame = met.to_pandas()
        found.append(frame)
        first = frame.groupby("person", as_index=False)["first"].min()
        sources = pa.table({"person": first["person"], "opens": first["first"], "closes": np.full(len(first), FOREVER)})
        seen = pa.concat_tables([seen, sources.select(["person"])], promote_options="permissive")
    database.close()
    return pd.concat(found, ignore_index=True)


def every_pair(rows: pd.DataFrame, cases: list[Case], settings: Settings) -> pd.DataFrame:
    """Every stay of a source against every row; `rows` have times in microseconds."""
    sources = windows_of(cases).to_pandas().set_index("person")
    seen, found = set(sources.index), []
    now = to_micros(NOW)
    departed = np.where(rows["departed"] >= FOREVER, np.maximum(rows["arrived"], now), rows["departed"])
    arrived, lon, lat = (rows[name].to_numpy() for name in ("arrived", "lon", "lat"))
    venue, person = rows["venue"].to_numpy(), rows["person"].to_numpy()
    for generation in range(1, settings.generations + 1):
        unseen = ~rows["person"].isin(seen).to_numpy()
        meetings = []
        own = rows[rows["person"].isin(sources.index)]
        for stay in own.itertuples():
            opens, closes = sources.loc[stay.person]
            begin, end = max(stay.arrived, opens), min(stay.departed, closes)
            if begin > end:
                continue
            end = max(begin, now) if end >= FOREVER else end
            first, last = np.maximum(arrived, begin), np.minimum(departed, end)
            with_them = np.flatnonzero(unseen & (first <= last))
            same = venue[with_them] == stay.venue
            if settings.metres:
                here = np.full(len(with_them), stay.lon), np.full(len(with_them), stay.lat)
                same |= geodesic(*here, lon[with_them], lat[with_them])[0] <= settings.metres
            for row in with_them[same]:
                meetings.append((stay.person, person[row], stay.venue, first[row], last[row], last[row] - first[row]))
        frame = pd.DataFrame(meetings, columns=["source", "person", "place", "first", "last", "met"])
        grouped = frame.groupby(["source", "person", "place"], as_index=False)
        frame = grouped.agg(first=("first", "min"), last=("last", "max"), met=("met", "sum"))
        frame = frame[frame["met"] >= settings.minutes * MINUTE].assign(generation=generation)
        found.append(frame)
        sources = frame.groupby("person")["first"].min().to_frame("opens").assign(closes=FOREVER)
        seen |= set(sources.index)
    return pd.concat(found, ignore_index=True)


def as_frame(traced: Traced) -> pd.DataFrame:
    assert traced.table is not None
    frame = traced.table.to_pandas()
    for name in ("first", "last"):
        frame[name] = traced.table[name].cast(pa.int64()).to_numpy()
    return frame.assign(met=np.rint(frame["minutes"] * MINUTE).astype(np.int64))


def check_same(mine: pd.DataFrame, peer: pd.DataFrame, name: str) -> None:
    """Raises AssertionError unless both name the same contacts, each time and length equal."""
    one, other = (frame.sort_values(KEYS, ignore_index=True) for frame in (mine, peer))
    assert len(one) == len(other), f"{name} found {len(other)} contacts, not {len(one)}"
    for column in (*KEYS, "first", "last", "met"):
        assert (one[column].to_numpy() == other[column].to_numpy()).all(), f"{name}: {column} differs"


def check_sample(options: argparse.Namespace, folder: Path) -> None:
    path = folder / "sample.parquet"
    write_presences(path, make_presences(SAMPLE, options.seed + 1, wide=0.05, venues=SAMPLE // 40))
    cases = make_cases(path, 10, options.seed)
    table = pq.read_table(path)
    rows = table.select(["person", "lon", "lat", "venue"]).to_pandas()
    rows["arrived"] = table["arrived"].cast(pa.int64()).to_numpy()
    rows["departed"] = table["departed"].cast(pa.int64()).fill_null(FOREVER).to_numpy()
    for metres in (0.0, options.metres):
        settings = Settings(15, metres, options.generations)
        mine = trace(path, cases, settings, now=NOW)
        check_same(as_frame(mine), every_pair(rows, cases, settings), "every pair")
        print(f"every stay against every row of {SAMPLE:,}, {metres:g} m: the same {mine.contacts:,} contacts")


def check_face_to_face(seed: int) -> None:
    random = np.random.default_rng(seed)
    pairs = np.sort(random.integers(0, 120, (60_000, 2)), axis=1)
    whole = np.column_stack([20 * random.integers(1, 3 * 60 * 8, len(pairs)), pairs])
    contacts = np.unique(whole[pairs[:, 0] != pairs[:, 1]], axis=0)
    begins = np.repeat((to_micros(START) + (contacts[:, 0] - 20) * 1_000_000), 2)
    rows = pa.table(
        {
            "person": [f"p{number}" for number in contacts[:, 1:].ravel()],
            "lon": pa.nulls(len(begins), pa.float64()),
            "lat": pa.nulls(len(begins), pa.float64()),
            "area_code": pa.nulls(len(begins), pa.string()),
            "venue": np.repeat([f"{t}:{i}:{j}" for t, i, j in contacts], 2),
            "arrived": pa.array(begins, SCHEMA.field("arrived").type),
            "departed": pa.array(begins + 20_000_000, SCHEMA.field("departed").type),
        },
        schema=SCHEMA,
    )
    checked = 0
    for case in (0, 40, 80):
        found = as_frame(trace(rows, [Case(f"p{case}", START, None)], Settings(0), now=NOW))
        mine = found.groupby("person")["met"].sum().to_dict()
        direct: dict[str, int] = {}
        for _, i, j in contacts[(contacts[:, 1:] == case).any(axis=1)]:
            other = f"p{j if i == case else i}"
            direct[other] = direct.get(other, 0) + 20_000_000
        assert mine == direct, "face to face: total minutes differ"
        checked += len(direct)
    print(f"face to face, {len(contacts):,} contacts (t, i, j): total minutes of {checked} pairs match exactly")


def main() -> int:
    parser = argparse.ArgumentParser(description="Tracing, against a plain self-join and a bare scan on DuckDB.")
    parser.add_argument("--presences", type=int, default=1_000_000)
    parser.add_argument("--cases", type=int, default=50)
    parser.add_argument("--generations", type=int, default=2)
    parser.add_argument("--metres", type=float, default=20.0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seed", type=int, default=192)
    parser.add_argument("--folder", type=Path, help="where the data go (a temporary folder)")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        check_sample(options, folder)
        check_face_to_face(options.seed)
        path = folder / "presences.parquet"
        venues = max(1, options.presences // 400)
        write_presences(path, make_presences(options.presences, options.seed, venues=venues, still=0.0005))
        cases = make_cases(path, options.cases, options.seed)
        settings = Settings(15, 0, options.generations)
        print(
            f"{options.presences:,} presences ({path.stat().st_size / 1e6:,.0f} MB), {options.cases} cases, "
            f"{options.generations} generations, {os.cpu_count()} cores"
        )

        def scan() -> list[tuple[object, ...]]:
            database = duckdb.connect(config={"threads": os.cpu_count() or 1})
            return database.execute(f"{SCAN} FROM read_parquet('{path}')").fetchall()

        def nearby() -> Traced:
            return trace(path, cases, Settings(15, options.metres, options.generations), now=NOW)

        sides: dict[str, Callable[[], object]] = {
            "ours": lambda: trace(path, cases, settings, now=NOW),
            "duckdb_join": lambda: plain_join(path, cases, settings),
            "duckdb_scan": scan,
            "ours_by_metres": nearby,
        }
        times: dict[str, list[float]] = {side: [] for side in sides}
        answers: dict[str, object] = {}
        for _ in range(options.repeat):
            for side, run in sides.items():
                began = time.perf_counter()
                answers[side] = run()
                times[side].append(time.perf_counter() - began)
        mine, near, peer = answers["ours"], answers["ours_by_metres"], answers["duckdb_join"]
        assert isinstance(mine, Traced)
        assert isinstance(near, Traced)
        assert isinstance(peer, pd.DataFrame)
        check_same(as_frame(mine), peer, "duckdb_join")
        assert all(scans <= 2 for scans in (*mine.scans, *near.scans))
        assert mine.rows == mine.accepted + sum(mine.rejects.values()) == options.presences

    print(f"duckdb_join: the same {mine.contacts:,} contacts, people per generation {mine.people}, scans {mine.scans}")
    print(f"by venue or {options.metres:g} m: {near.contacts:,} contacts, people {near.people}, scans {near.scans}")
    median = {side: statistics.median(taken) for side, taken in times.items()}
    for side, taken in times.items():
        print(f"{side:>14}: {median[side]:.3f} s, of {', '.join(f'{one:.3f}' for one in taken)}")
    rate = {side: options.presences / taken for side, taken in median.items()}
    peers = [side for side in sides if side != "ours"]
    print(
        json.dumps(
            {
                "name": "trace",
                "ours": round(rate["ours"]),
                "peers": {side: round(rate[side]) for side in peers},
                "ratio": {side: round(rate["ours"] / rate[side], 2) for side in peers},
                "unit": "presences/s",
                "same": True,
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
