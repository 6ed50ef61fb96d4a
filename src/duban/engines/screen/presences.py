"""Presences as they come (Parquet files, Arrow tables or batches), in chunks, and which rows cannot be used.

The columns are the contract's: person, lon, lat, area_code, venue, arrived, departed. A chunk reads a column only when
asked to. Every row is judged; one that cannot be used is rejected with one reason, the first that applies of REASONS.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import FileIO
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from blake3 import blake3
from numpy.typing import NDArray

from duban.engines.geo.positions import Floats, usable

from .errors import ScreenError
from .instants import FOREVER, Micros
from .pages import numbers, texts

Flags = NDArray[np.bool_]
# What screening and tracing take: files, folders of files, a table, or batches that are read once.
Presences: TypeAlias = str | Path | Sequence[str | Path] | pa.Table | pa.RecordBatchReader | Iterable[pa.RecordBatch]

COLUMNS = ("person", "lon", "lat", "area_code", "venue", "arrived", "departed")
REQUIRED = ("person", "arrived")
# First to last, as they are looked for.
REASONS: dict[str, tuple[str, str]] = {
    "no_person": ("没有人员标识", "There is no person token."),
    "no_place": ("没有坐标,也没有区划代码", "There is neither a position nor an area code."),
    "half_position": ("经度和纬度只有一个", "There is a longitude or a latitude, but not both."),
    "not_a_number": ("坐标不是有限的数", "The position is not a finite number."),
    "swapped": ("经度和纬度写反了", "Longitude and latitude are swapped."),
    "out_of_range": (
        "坐标超出范围:经度须在-180至180之间,纬度须在-90至90之间",
        "Longitude must be within -180..180 and latitude within -90..90.",
    ),
    "no_arrival": ("没有到达时间", "There is no time of arrival."),
    "naive_time": ("时间没有时区", "The times carry no time zone."),
    "departed_before_arrived": ("离开早于到达", "The departure is before the arrival."),
    "duplicate": ("与同一批中的另一行完全相同", "The row repeats another one of the same import."),
}
REASON_CODES = tuple(REASONS)
REJECTS = pa.schema([("file", pa.string()), ("row", pa.int64()), ("reason", pa.string())])

# Rows held at once when row groups (or tables) are larger.
_BATCH = 1 << 17
_LARGEST_GROUP = 1 << 20
# Bytes of a file that are read and hashed at once, and of the longest part of one that is held whole meanwhile.
_PIECE = 1 << 22
_LARGEST_PART = 1 << 26
_PER_MICRO = {"s": (1_000_000, 1), "ms": (1_000, 1), "us": (1, 1), "ns": (1, 1_000)}


@dataclass(frozen=True)
class Layout:
    """What a schema offers: our columns by kind, the unit of each time column, and whether one has no zone."""

    kinds: dict[str, str]
    units: dict[str, str]
    naive: bool

    @classmethod
    def of(cls, schema: pa.Schema, label: str) -> "Layout":
        """Raises ScreenError `missing_column`, or `bad_column` for a column of another kind than the contract's."""
        for name in REQUIRED:
            if name not in schema.names:
                raise ScreenError("missing_column", f"{label} has no column {name!r}.")
        if "area_code" not in schema.names and not {"lon", "lat"} <= set(schema.names):
            raise ScreenError("missing_column", f"{label} has neither lon and lat nor area_code.")
        units, naive = {}, False
        for name in COLUMNS:
            if name not in schema.names or pa.types.is_null(schema.field(name).type):
                continue
            kind = schema.field(name).type
            value = kind.value_type if pa.types.is_dictionary(kind) else kind
            if name in ("arrived", "departed"):
                good = pa.types.is_timestamp(value)
                if good:
                    units[name] = value.unit
                    naive |= value.tz is None
            elif name in ("lon", "lat"):
                good = pa.types.is_floating(value) or pa.types.is_integer(value)
            else:
                good = pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_string_view(value)
            if not good:
                raise ScreenError("bad_column", f"{label}: column {name!r} cannot be {kind}.")
        return cls({name: str(schema.field(name).type) for name in COLUMNS if name in schema.names}, units, naive)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.kinds)


class Chunk(ABC):
    """Some rows in a row: `file` and the number of the first row in it tell where they are from."""

    def __init__(self, file: str, first: int, rows: int, layout: Layout):
        self.file, self.first, self.rows, self.layout = file, first, rows, layout

    @property
    def person_may_lack(self) -> bool:
        """False only where no person can be missing, which spares reading the column to find out."""
        return True

    @abstractmethod
    def _column(self, name: str) -> pa.Array:
        """A column that the file has (n,), as it lies there."""

    @contextmanager
    def held(self) -> Iterator[bytes | None]:
        """While its part of a file is held, where that is to be hashed: the digest."""
        yield None

    def text(self, name: str) -> pa.Array:
        """A text column (n,), all null if there is none."""
        if name not in self.layout.names:
            return pa.nulls(self.rows, pa.string())
        column = self._column(name)
        return column if pa.types.is_string(column.type) else column.cast(pa.string())

    def text_of(self, name: str, rows: NDArray[np.intp]) -> pa.Array:
        """A text column at some rows, in ascending order."""
        return self.text(name).take(pa.array(rows))

    def degrees(self, name: str) -> tuple[Floats, Flags | None]:
        """A coordinate column (n,), NaN where it is null, and where that is (None: nowhere)."""
        if name not in self.layout.names:
            return np.full(self.rows, np.nan), np.ones(self.rows, dtype=bool)
        column = self._column(name)
        if pa.types.is_null(column.type):
            return np.full(self.rows, np.nan), np.ones(self.rows, dtype=bool)
        column = column.cast(pa.float64())
        if not column.null_count:
            return column.to_numpy(), None
        return column.to_numpy(zero_copy_only=False), _nulls(column)

    def micros(self, name: str) -> Micros:
        """A time column (n,) in microseconds, FOREVER where it is null."""
        if name not in self.layout.units:
            return np.full(self.rows, FOREVER)
        column = self._column(name)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        times, over = _PER_MICRO[self.layout.units[name]]
        values = column.view(pa.int64())
        if (times, over) == (1, 1):
            return values.fill_null(FOREVER).to_numpy()
        micros = values.fill_null(0).to_numpy() * times // over
        if values.null_count:
            micros[_nulls(values)] = FOREVER
        return micros


def _nulls(column: pa.Array) -> Flags:
    """Where a column is null. By way of bytes: Arrow hands out flags, which it keeps as bits, ten times slower."""
    return pc.is_null(column).cast(pa.uint8()).to_numpy().view(bool)


class TableChunk(Chunk):
    def __init__(self, file: str, first: int, batch: pa.RecordBatch, layout: Layout):
        super().__init__(file, first, batch.num_rows, layout)
        self.batch = batch

    def _column(self, name: str) -> pa.Array:
        return self.batch.column(self.batch.schema.get_field_index(name))


class GroupChunk(Chunk):
    """One row group of a Parquet file, which is its part of the same number where that is `hashed`."""

    def __init__(self, file: "ParquetSource", group: int, first: int, hashed: bool = False):
        super().__init__(file.label, first, file.metadata.row_group(group).num_rows, file.layout)
        self.source, self.group, self.hashed = file, group, hashed
        self._part: memoryview | None = None

    @contextmanager
    def held(self) -> Iterator[bytes | None]:
        if not self.hashed:
            yield None
            return
        # Read once, for the digest and for the columns.
        begin, end = self.source.parts[self.group]
        self._part = memoryview(_room_of(end - begin))[: end - begin]
        try:
            with self.source.path.open("rb", buffering=0) as file:
                yield self.source.hashed(
                    file, begin, (self._part[at : at + _PIECE] for at in range(0, end - begin, _PIECE))
                )
        finally:
            self._part = None

    def _read(self, at: int, size: int) -> memoryview:
        begin, end = self.source.parts[self.group] if self._part is not None else (0, 0)
        if self._part is not None and begin <= at and at + size <= end:
            return self._part[at - begin : at - begin + size]
        with self.source.path.open("rb", buffering=0) as file:
            file.seek(at)
            return memoryview(file.read(size))

    @property
    def person_may_lack(self) -> bool:
        statistics = self.source.metadata.row_group(self.group).column(self.source.columns["person"]).statistics
        known = statistics is not None and statistics.has_null_count and statistics.has_min_max
        return not known or statistics.null_count > 0 or not statistics.min

    def degrees(self, name: str) -> tuple[Floats, Flags | None]:
        bits = self._bits(name, "DOUBLE")
        return super().degrees(name) if bits is None else (bits.view(np.float64), None)

    def micros(self, name: str) -> Micros:
        bits = self._bits(name, "INT64") if self.layout.units.get(name) == "us" else None
        return super().micros(name) if bits is None else bits

    def text_of(self, name: str, rows: NDArray[np.intp]) -> pa.Array:
        source = self.source
        column = source.columns.get(name)
        text = None if column is None else texts(self._read, source.metadata, self.group, column, rows)
        return super().text_of(name, rows) if text is None else text

    def _bits(self, name: str, physical: str) -> NDArray[np.int64] | None:
        source = self.source
        column = source.columns.get(name)
        if column is None or source.metadata.schema.column(column).physical_type != physical:
            return None
        return numbers(self._read, source.metadata, self.group, column)

    def _column(self, name: str) -> pa.Array:
        read = self.source.of_this_thread().read_row_group(self.group, columns=[name], use_threads=False)
        column = read.column(name)
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


_rooms = threading.local()


def _room_of(size: int) -> bytearray:
    """Room for so many bytes, the same again for each chunk of a thread: fresh memory costs as much as reading."""
    room: bytearray = getattr(_rooms, "room", bytearray())
    if len(room) < size:
        room = _rooms.room = bytearray(size)
    return room


@lru_cache(maxsize=64)
def _same_source(path: Path, label: str) -> "ParquetSource":
    """The source that another process speaks of, opened here once."""
    source = ParquetSource(path)
    source.label = label
    return source


def forget_sources() -> None:
    """Open files anew that another process speaks of."""
    _same_source.cache_clear()


class ParquetSource:
    """One Parquet file, its footer read once."""

    def __reduce__(self) -> tuple[Callable[[Path, str], "ParquetSource"], tuple[Path, str]]:
        return _same_source, (self.path, self.label)

    def __init__(self, path: Path):
        self.path, self.label = path, str(path)
        self._opened = threading.local()
        try:
            with pq.ParquetFile(path) as file:
                self.metadata: pq.FileMetaData = file.metadata
                self.layout = Layout.of(file.schema_arrow, self.label)
                paths = [file.metadata.schema.column(index).path for index in range(file.metadata.num_columns)]
                self.columns = {name: paths.index(name) for name in COLUMNS if name in paths}
        except (OSError, pa.ArrowInvalid) as error:
            raise ScreenError("unreadable", f"{path} cannot be read as Parquet: {error}") from error

    @property
    def rows(self) -> int:
        return int(self.metadata.num_rows)

    def of_this_thread(self) -> pq.ParquetFile:
        """The file, open for this thread alone, since a reader keeps its place in it."""
        held = self._opened.__dict__
        if "file" not in held:
            held["file"] = self.open()
        return held["file"]

    def open(self) -> pq.ParquetFile:
        # One column chunk after another is read just before it is decoded, which keeps it in the cache.
        return pq.ParquetFile(self.path, metadata=self.metadata, pre_buffer=False)

    @cached_property
    def parts(self) -> list[tuple[int, int]]:
        """Where the file's parts begin and end: one for each row group, if these lie in order; all of it is in them."""
        firsts = [self.metadata.row_group(number).column(0) for number in range(self.metadata.num_row_groups)]
        begins = [first.dictionary_page_offset or first.data_page_offset for first in firsts]
        size = self.path.stat().st_size
        in_order = all(one < other for one, other in pairwise([*begins, size]))
        return list(pairwise([0, *begins[1:], size])) if in_order else [(0, size)]

    @property
    def read_in_parts(self) -> bool:
        """Whether each row group is a part, none too large to be held."""
        count = self.metadata.num_row_groups
        rows = (self.metadata.row_group(number).num_rows for number in range(count))
        return (
            len(self.parts) == count
            and all(end - begin <= _LARGEST_PART for begin, end in self.parts)
            and all(one <= _LARGEST_GROUP for one in rows)
        )

    def hashed(self, file: FileIO, begin: int, rooms: Iterable[memoryview]) -> bytes:
        """The BLAKE3 of the bytes from one place on, which are read into `rooms`. Raises ScreenError `unreadable`."""
        digest = blake3()
        file.seek(begin)
        for room in rooms:
            if file.readinto(room) != len(room):
                raise ScreenError("unreadable", f"{self.path} became shorter while it was read.")
            digest.update(room)
        return digest.digest()

    def digest(self) -> str:
        """The BLAKE3 of those of the file's parts: the one of the strong digests that costs little beside reading."""
        room = memoryview(bytearray(_PIECE))
        with self.path.open("rb", buffering=0) as file:
            return digest_of_parts(
                self.hashed(file, begin, (room[: end - at] for at in range(begin, end, _PIECE)))
                for begin, end in self.parts
            )

    def chunks(self, hashed: bool = False) -> Iterator[Chunk]:
        """All rows; `hashed` chunks, which only a source `read_in_parts` has, tell the digests of their parts."""
        first = 0
        for group in range(self.metadata.num_row_groups):
            rows = self.metadata.row_group(group).num_rows
            if rows <= _LARGEST_GROUP:
                yield GroupChunk(self, group, first, hashed)
            else:
                names = [name for name in COLUMNS if name in self.layout.names]
                batches = self.open().iter_batches(_BATCH, row_groups=[group], columns=names, use_threads=False)
                yield from _table_chunks(batches, self.label, first)
            first += rows


def digest_of_parts(digests: Iterable[bytes]) -> str:
    """A file's digest for those of its parts."""
    return f"blake3-parts:{blake3(b''.join(digests)).hexdigest()}"


def parquet_sources(presences: Presences) -> list[ParquetSource] | None:
    """The files that were named, folders opened, in order of their names; None for what is not in files.

    Raises ScreenError `no_file`, or what ParquetSource raises.
    """
    if isinstance(presences, str | Path):
        presences = [presences]
    if isinstance(presences, pa.Table | pa.RecordBatchReader) or not isinstance(presences, Sequence):
        return None
    if not all(isinstance(path, str | Path) for path in presences):
        return None
    found: list[Path] = []
    for path in map(Path, presences):
        if path.is_dir():
            found += sorted(inner for inner in path.rglob("*.parquet") if inner.is_file())
        elif path.exists():
            found.append(path)
        else:
            raise ScreenError("no_file", f"There is no file {path}.")
    return [ParquetSource(path) for path in found]


def spooled(presences: Presences, folder: Path) -> list[ParquetSource]:
    """What is not in files, put into one there, for plans that read more than once; its rejects name no file."""
    path = folder / "presences.parquet"
    writer: pq.ParquetWriter | None = None
    for batch in _batches(presences):
        writer = writer or pq.ParquetWriter(path, batch.schema)
        writer.write_batch(batch)
    if writer is None:
        return []
    writer.close()
    source = ParquetSource(path)
    source.label = ""
    return [source]


def batch_chunks(presences: Presences) -> Iterator[Chunk]:
    """Chunks of a table or of batches, which are taken one after another and not kept."""
    return _table_chunks(_batches(presences), "", 0)


def _batches(presences: Presences) -> Iterable[pa.RecordBatch]:
    if isinstance(presences, pa.Table):
        return presences.to_batches(max_chunksize=_BATCH)
    return cast(Iterable[pa.RecordBatch], presences)


def _table_chunks(batches: Iterable[pa.RecordBatch], label: str, first: int) -> Iterator[Chunk]:
    for whole in batches:
        layout = Layout.of(whole.schema, label or "The batch")
        for at in range(0, whole.num_rows, _BATCH):
            batch = whole.slice(at, _BATCH)
            yield TableChunk(label, first, batch, layout)
            first += batch.num_rows


@dataclass(frozen=True, slots=True)
class Judged:
    """The numbers of one chunk's n rows, and per row 0 or the position of its reason in REASON_CODES, counted from 1.

    `reason` is None where every row is good. `departed` is FOREVER for who is still there.
    """

    lon: Floats
    lat: Floats
    arrived: Micros
    departed: Micros
    reason: NDArray[np.uint8] | None


def judge(chunk: Chunk, venue_is_place: bool = False) -> Judged:
    """Judge every row of a chunk; a venue serves as a place only where that is said."""
    lon, no_lon = chunk.degrees("lon")
    lat, no_lat = chunk.degrees("lat")
    arrived, departed = chunk.micros("arrived"), chunk.micros("departed")
    found: list[tuple[str, Flags]] = []
    if chunk.person_may_lack:
        lacks = pc.equal(chunk.text("person"), "").fill_null(True)
        found.append(("no_person", lacks.to_numpy(zero_copy_only=False)))
    if no_lon is not None or no_lat is not None:
        nowhere = np.zeros(chunk.rows, dtype=bool)
        no_lon, no_lat = (nowhere if lacks is None else lacks for lacks in (no_lon, no_lat))
        nowhere = no_lon & no_lat
        for name in ("area_code", "venue") if venue_is_place else ("area_code",):
            if nowhere.any():
                nowhere &= pc.equal(chunk.text(name), "").fill_null(True).to_numpy(zero_copy_only=False)
        found += [("no_place", nowhere), ("half_position", no_lon != no_lat)]
    # NaN fails every comparison, so one look at the ends of each column clears the usual chunk.
    if chunk.rows and not (lon.min() >= -180 and lon.max() <= 180 and lat.min() >= -90 and lat.max() <= 90):
        given = np.ones(chunk.rows, dtype=bool) if no_lon is None else ~(no_lon | no_lat)  # type: ignore[operator]
        off = given & ~usable(lon, lat)
        finite = np.isfinite(lon) & np.isfinite(lat)
        found += [("not_a_number", off & ~finite), ("swapped", off & usable(lat, lon)), ("out_of_range", off)]
    found.append(("no_arrival", arrived == FOREVER))
    if chunk.layout.naive:
        found.append(("naive_time", np.ones(chunk.rows, dtype=bool)))
    found.append(("departed_before_arrived", departed < arrived))
    found = [(code, where) for code, where in found if where.any()]
    if not found:
        return Judged(lon, lat, arrived, departed, None)
    reason = np.zeros(chunk.rows, dtype=np.uint8)
    for code, where in reversed(found):
        reason[where] = REASON_CODES.index(code) + 1
    return Judged(lon, lat, arrived, departed, reason)


def rejected(chunk: Chunk, reason: NDArray[np.uint8]) -> pa.RecordBatch:
    """The rows of a chunk that have a reason, as REJECTS."""
    rows = np.flatnonzero(reason)
    codes = pa.array(REASON_CODES).take(pa.array(reason[rows] - 1))
    files = pa.array([chunk.file], pa.string()).take(pa.array(np.zeros(len(rows), dtype=np.int8)))
    return pa.record_batch([files, pa.array(rows + chunk.first), codes], schema=REJECTS)
