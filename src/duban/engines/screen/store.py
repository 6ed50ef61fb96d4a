"""Where presences are kept: a folder a day, in each some files whose rows are sorted by cell.

ROOT/day=2021-01-18/NAME.parquet has the contract's columns and `cell` (the quadkey at zoom 26, null without a
position). NAME.index.json beside it says of every row group which box, codes and time it holds, so that a newly
declared area reads only what it can concern, without opening the others. A file is named after its content: an import
done twice adds nothing. Retention is the removal of whole days.
"""

import hashlib
import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, tzinfo
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from duban.engines.geo.cells import Cells, cell_of, cell_ranges

from .areas import Areas
from .cover import Cover
from .database import open_database, pulling
from .errors import ScreenError
from .instants import FOREVER
from .presences import (
    Chunk,
    Flags,
    GroupChunk,
    ParquetSource,
    Presences,
    batch_chunks,
    judge,
    parquet_sources,
    rejected,
)
from .results import INSTANT, RejectFile

# Rows of a row group: few enough that a small area reads little beyond itself.
_GROUP = 1 << 14
# Rows that come from the sort at once.
_BATCH = 1 << 16
# Ranges of cells that an area's box is looked up by.
_RANGES = 32
_SIDES = ("west", "south", "east", "north")
_SCHEMA = pa.schema(
    [
        ("person", pa.string()),
        ("lon", pa.float64()),
        ("lat", pa.float64()),
        ("area_code", pa.string()),
        ("venue", pa.string()),
        ("arrived", INSTANT),
        ("departed", INSTANT),
        ("cell", pa.int64()),
    ]
)
_SPOOL = pa.schema([*_SCHEMA, ("day", pa.date32()), ("file_number", pa.int32()), ("row_number", pa.int64())])


@dataclass(frozen=True, slots=True)
class Added:
    """What an import did: each row read was taken or is counted in `rejects` by reason; `days` are those it touched."""

    rows: int
    taken: int
    rejects: dict[str, int]
    days: tuple[date, ...]
    rejected: pa.Table | None


@dataclass(frozen=True, slots=True)
class Dropped:
    day: date
    rows: int
    files: int


@dataclass(frozen=True)
class Store:
    """Presences under `root`. A day begins at midnight in `zone` and holds who arrived in it."""

    root: Path
    zone: tzinfo = UTC

    @cached_property
    def _parts(self) -> list["_Part"]:
        return [_Part.read(path) for path in sorted(self.root.glob("day=*/*.index.json"))]

    @property
    def days(self) -> list[date]:
        return sorted({part.day for part in self._parts})

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self._parts)

    def digest(self) -> str:
        """SHA-256 over the content of every file."""
        return hashlib.sha256("\n".join(part.sha256 for part in self._parts).encode()).hexdigest()

    def sources(self, opens: int = -FOREVER, closes: int = FOREVER) -> list[ParquetSource]:
        """The files with a stay that touches the time from `opens` to `closes` (microseconds)."""
        return [
            ParquetSource(part.path)
            for part in self._parts
            if part.rows and part.arrived.min() <= closes and part.departed.max() >= opens
        ]

    def affected(self, areas: Areas, cover: Cover) -> Iterator[Chunk]:
        """The row groups that can hold anyone who was in one of the areas in its window."""
        ranges = _cell_ranges(areas)
        for part in self._parts:
            groups = np.flatnonzero(part.affected(areas, cover, ranges))
            if groups.size:
                source = ParquetSource(part.path)
                first = np.cumsum(part.group_rows) - part.group_rows
                for group in groups:
                    yield _StoredChunk(source, int(group), int(first[group]))

    def add(
        self,
        presences: Presences,
        *,
        rejects_out: Path | None = None,
        memory_mb: int = 512,
        workers: int = 2,
    ) -> Added:
        """Check, sort and keep presences; bad and repeated rows are rejected with a reason, to a file if one is named.

        All of it is there afterwards or, on an error, nothing. Raises what reading the presences raises.
        """
        sources = parquet_sources(presences)
        labels = [source.label for source in sources] if sources is not None else [""]
        rejects = RejectFile(rejects_out)
        self.root.mkdir(parents=True, exist_ok=True)
        incoming = Path(tempfile.mkdtemp(prefix=".incoming-", dir=self.root))
        counts = [0]
        try:
            chunks = (
                ((number, chunk) for number, source in enumerate(sources) for chunk in source.chunks())
                if sources is not None
                else ((0, chunk) for chunk in batch_chunks(presences))
            )
            taken, days = self._write(
                self._spool(chunks, rejects, counts), labels, rejects, incoming, memory_mb, workers
            )
            for path in sorted(incoming.glob("day=*/*"), reverse=True):
                target = self.root / path.parent.name
                target.mkdir(exist_ok=True)
                path.replace(target / path.name)
        finally:
            shutil.rmtree(incoming, ignore_errors=True)
            rejected_rows = rejects.close()
            self.__dict__.pop("_parts", None)
        return Added(counts[0], taken, dict(sorted(rejects.counts.items())), days, rejected_rows)

    def drop_before(self, day: date) -> list[Dropped]:
        """Remove every day before `day`, files and folder."""
        dropped = []
        for folder in sorted(self.root.glob("day=*")):
            this = date.fromisoformat(folder.name.removeprefix("day="))
            if this < day:
                parts = [_Part.read(path) for path in folder.glob("*.index.json")]
                dropped.append(Dropped(this, sum(part.rows for part in parts), len(parts)))
                shutil.rmtree(folder)
        for left in self.root.glob(".incoming-*"):
            shutil.rmtree(left, ignore_errors=True)
        self.__dict__.pop("_parts", None)
        return dropped

    def _spool(
        self, chunks: Iterator[tuple[int, Chunk]], rejects: RejectFile, counts: list[int]
    ) -> Iterator[pa.RecordBatch]:
        for number, chunk in chunks:
            counts[0] += chunk.rows
            judged = judge(chunk, venue_is_place=True)
            rows = np.arange(chunk.rows)
            if judged.reason is not None:
                rejects.add(rejected(chunk, judged.reason))
                rows = np.flatnonzero(judged.reason == 0)
            lon, lat = judged.lon[rows], judged.lat[rows]
            placed = ~np.isnan(lon)
            cell = np.zeros(len(rows), dtype=np.int64)
            cell[placed] = cell_of(lon[placed], lat[placed])
            departed = judged.departed[rows]
            arrived = pa.array(judged.arrived[rows], INSTANT)
            local = pc.local_timestamp(arrived.cast(pa.timestamp("us", str(self.zone))))
            take = pa.array(rows)
            yield pa.record_batch(
                [
                    chunk.text("person").take(take),
                    pa.array(lon, mask=~placed),
                    pa.array(lat, mask=~placed),
                    chunk.text("area_code").take(take),
                    chunk.text("venue").take(take),
                    arrived,
                    pa.array(departed, INSTANT, mask=departed == FOREVER),
                    pa.array(cell, mask=~placed),
                    pc.floor_temporal(local, unit="day").cast(pa.date32()),
                    pa.array(np.full(len(rows), number, dtype=np.int32)),
                    pa.array(rows + chunk.first),
                ],
                schema=_SPOOL,
            )

    def _write(
        self,
        spool: Iterator[pa.RecordBatch],
        labels: Sequence[str],
        rejects: RejectFile,
        incoming: Path,
        memory_mb: int,
        workers: int,
    ) -> tuple[int, tuple[date, ...]]:
        taken, days = 0, []
        writer: _DayWriter | None = None
        for batch in _sorted(spool, str(incoming), memory_mb, workers):
            repeats = batch.column("repeats").to_numpy(zero_copy_only=False)
            if repeats.any():
                rejects.add(_repeated(batch, repeats, labels))
                batch = batch.filter(pa.array(~repeats))
            numbers = batch.column("day").cast(pa.int32()).to_numpy()
            ends = [*(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
            begin = 0
            for end in ends:
                if end > begin:
                    day = batch.column("day")[begin].as_py()
                    if writer is None or writer.day != day:
                        if writer is not None:
                            writer.close()
                        writer = _DayWriter(incoming, day)
                        days.append(day)
                    writer.add(batch.slice(begin, end - begin).select(_SCHEMA.names))
                taken, begin = taken + end - begin, end
        if writer is not None:
            writer.close()
        return taken, tuple(days)


class _StoredChunk(GroupChunk):
    @property
    def person_may_lack(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class _Part:
    """One file with what its index says of each row group (arrays of n groups)."""

    path: Path
    day: date
    rows: int
    sha256: str
    group_rows: Any
    box: Any
    first_cell: Any
    last_cell: Any
    arrived: Any
    departed: Any
    codes: list[tuple[str | None, str | None]]

    @classmethod
    def read(cls, path: Path) -> "_Part":
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            groups = said["groups"]
            return cls(
                path=path.with_name(path.name.removesuffix(".index.json") + ".parquet"),
                day=date.fromisoformat(path.parent.name.removeprefix("day=")),
                rows=said["rows"],
                sha256=said["sha256"],
                group_rows=np.array(groups["rows"], dtype=np.int64),
                box=np.array([groups[side] for side in _SIDES], dtype=np.float64).T.reshape(-1, 4),
                first_cell=np.array(groups["first_cell"], dtype=np.int64),
                last_cell=np.array(groups["last_cell"], dtype=np.int64),
                arrived=np.array(groups["arrived"], dtype=np.int64),
                departed=np.array(groups["departed"], dtype=np.int64),
                codes=list(zip(groups["first_code"], groups["last_code"], strict=True)),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ScreenError("bad_store", f"{path} is not an index of this store: {error}") from error

    def affected(self, areas: Areas, cover: Cover, ranges: tuple[Cells, Cells]) -> Flags:
        in_time = (self.arrived[:, None] <= areas.closes) & (self.departed[:, None] >= areas.opens)
        west, south, east, north = self.box.T
        bounds = areas.bounds
        near = (west[:, None] <= bounds[:, 2]) & (east[:, None] >= bounds[:, 0])
        near &= (south[:, None] <= bounds[:, 3]) & (north[:, None] >= bounds[:, 1])
        # A group is a stretch of a curve, of which its box says little where the curve leaps.
        first, last = ranges
        met = np.searchsorted(first, self.last_cell, side="right") > np.searchsorted(last, self.first_cell, side="left")
        by_shape = met & cover.touched(west, south, east, north) & (near & in_time).any(axis=1)
        by_code = np.zeros(len(self.group_rows), dtype=bool)
        for area, code in areas.codes.items():
            may = [bool(last) and str(first) <= code + "\uffff" and str(last) >= code for first, last in self.codes]
            by_code |= np.array(may, dtype=bool) & in_time[:, area]
        return by_shape | by_code


class _DayWriter:
    """One file of one day, and its index."""

    def __init__(self, incoming: Path, day: date):
        self.day = day
        self.folder = incoming / f"day={day.isoformat()}"
        self.folder.mkdir()
        self.path = self.folder / "part"
        self.waiting: list[pa.RecordBatch] = []
        self.count = self.rows = 0
        self.groups: dict[str, list[object]] = defaultdict(list)
        # Tokens and positions hardly repeat, so a dictionary of them would cost reading and save nothing.
        self.writer = pq.ParquetWriter(
            self.path, _SCHEMA, compression="zstd", compression_level=1, use_dictionary=["area_code", "venue"]
        )

    def add(self, batch: pa.RecordBatch) -> None:
        self.waiting.append(batch)
        self.count += batch.num_rows
        while self.count >= _GROUP:
            self._flush(_GROUP)

    def close(self) -> None:
        if self.count:
            self._flush(self.count)
        self.writer.close()
        with self.path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self.path.rename(self.folder / f"{sha256[:16]}.parquet")
        index = {"rows": self.rows, "sha256": sha256, "groups": self.groups}
        (self.folder / f"{sha256[:16]}.index.json").write_text(json.dumps(index), encoding="utf-8")

    def _flush(self, rows: int) -> None:
        table = pa.Table.from_batches(self.waiting)
        group, rest = table.slice(0, rows), table.slice(rows)
        self.waiting, self.count = rest.to_batches(), rest.num_rows
        self.writer.write_table(group, row_group_size=rows)
        self.rows += rows
        names = ("lon", "lat", "area_code", "cell")
        lon, lat, code, cell = (pc.min_max(group[name]).as_py() for name in names)
        departed = group["departed"]
        for name, value in (
            ("rows", rows),
            ("west", lon["min"]),
            ("south", lat["min"]),
            ("east", lon["max"]),
            ("north", lat["max"]),
            # Without a position there is no cell, and no range of cells is met by this one.
            ("first_cell", -1 if cell["min"] is None else cell["min"]),
            ("last_cell", -1 if cell["max"] is None else cell["max"]),
            ("first_code", code["min"]),
            ("last_code", code["max"]),
            ("arrived", pc.min(group["arrived"].cast(pa.int64())).as_py()),
            ("departed", FOREVER if departed.null_count else pc.max(departed.cast(pa.int64())).as_py()),
        ):
            self.groups[name].append(value)


def _cell_ranges(areas: Areas) -> tuple[Cells, Cells]:
    """The first and last cells of ranges, ascending and apart, that hold every position in the areas' boxes."""
    boxes = [shape.bounds for shape in (area.shape for area in areas.areas) if shape is not None]
    first: list[int] = []
    last: list[int] = []
    for lo, hi in sorted(one for w, s, e, n in boxes for one in cell_ranges(w, s, e, n, limit=_RANGES)):
        if last and lo <= last[-1] + 1:
            last[-1] = max(last[-1], hi)
        else:
            first.append(lo)
            last.append(hi)
    return np.array(first, dtype=np.int64), np.array(last, dtype=np.int64)


def _sorted(spool: Iterator[pa.RecordBatch], folder: str, memory_mb: int, workers: int) -> Iterator[pa.RecordBatch]:
    """By day and cell, with `repeats` where a row is the same as the one before it."""
    whole = ", ".join(["day", *(name for name in reversed(_SCHEMA.names))])
    database = open_database(folder, memory_mb, workers)
    try:
        database.execute("SET TimeZone = 'UTC'")
        query = f"SELECT * FROM spool ORDER BY day, cell NULLS LAST, {whole}, file_number, row_number"
        before: pa.RecordBatch | None = None
        with pulling(database, "spool", _SPOOL, spool):
            for batch in database.sql(query).to_arrow_reader(_BATCH):
                batch = batch.cast(_SPOOL)
                with_one = pa.Table.from_batches(
                    [batch.slice(0, 1) if before is None else before, batch]
                ).combine_chunks()
                same = np.ones(batch.num_rows, dtype=bool)
                for name in _SCHEMA.names:
                    column = with_one[name].chunk(0)
                    one, other = column.slice(0, batch.num_rows), column.slice(1)
                    alike = pc.or_kleene(
                        pc.equal(one, other).fill_null(False), pc.and_(pc.is_null(one), pc.is_null(other))
                    )
                    same &= alike.to_numpy(zero_copy_only=False)
                if before is None:
                    same[0] = False
                before = batch.slice(batch.num_rows - 1)
                yield batch.append_column("repeats", pa.array(same))
    finally:
        database.close()


def _repeated(batch: pa.RecordBatch, repeats: Flags, labels: Sequence[str]) -> pa.RecordBatch:
    rows = batch.filter(pa.array(repeats))
    files = pa.array(labels, pa.string()).take(rows.column("file_number"))
    reasons = pa.array(["duplicate"] * rows.num_rows)
    return pa.record_batch([files, rows.column("row_number"), reasons], names=["file", "row", "reason"])
