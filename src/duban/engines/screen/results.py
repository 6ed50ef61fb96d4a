"""From exposures to the two results: a row per person and area, and a row per person. Both are sorted."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .areas import MEASURES, Area, Areas
from .instants import MINUTE
from .kernel import EXPOSURES
from .presences import REJECTS
from .together import Together, put_together, texts_at

INSTANT = pa.timestamp("us", "UTC")
PER_AREA = pa.schema(
    [
        ("person", pa.string()),
        ("area", pa.string()),
        ("level", pa.string()),
        ("first", INSTANT),
        ("last", INSTANT),
        ("visits", pa.int64()),
        ("minutes", pa.float64()),
        ("measure", pa.string()),
    ]
)
PER_PERSON = pa.schema(
    [
        ("person", pa.string()),
        ("measure", pa.string()),
        ("area", pa.string()),
        ("areas", pa.int64()),
        ("last", INSTANT),
    ]
)


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where results go: Parquet files, or tables in memory. `metadata` is asked for when the first row is there."""

    out: Path | None
    metadata: Callable[[], Mapping[str, str]]

    def beside(self, ending: str) -> Path | None:
        """`OUT_people.parquet` for "people"."""
        return self.out.with_name(f"{self.out.stem}_{ending}.parquet") if self.out else None

    def result(self, path: Path | None, schema: pa.Schema) -> "ResultFile":
        return ResultFile(path, schema, self.metadata)


class ResultFile:
    """A file that appears whole or not at all, or a table where there is no path. Use it in a `with`."""

    def __init__(self, path: Path | None, schema: pa.Schema, metadata: Callable[[], Mapping[str, str]]):
        self.path, self.schema, self.rows = path, schema, 0
        self.table: pa.Table | None = None
        self._metadata = metadata
        self._held: list[pa.RecordBatch] = []
        self._part = path.with_name(path.name + ".part") if path is not None else None
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> "ResultFile":
        return self

    def add(self, batch: pa.RecordBatch) -> None:
        if not self.rows:
            self._begin()
        self.rows += batch.num_rows
        if self._writer is not None:
            self._writer.write_batch(batch.cast(self.schema))
        else:
            self._held.append(batch.cast(self.schema))

    def _begin(self) -> None:
        self.schema = self.schema.with_metadata(dict(self._metadata()))
        if self._part is not None and self._writer is None:
            self._writer = pq.ParquetWriter(self._part, self.schema, compression="zstd")

    def __exit__(self, failed: object, *_: object) -> None:
        if not failed and not self.rows:
            self._begin()
        if self._writer is not None:
            self._writer.close()
        if self._part is None or self.path is None:
            self.table = pa.Table.from_batches(self._held, self.schema)
        elif failed:
            self._part.unlink(missing_ok=True)
        else:
            self._part.replace(self.path)


class RejectFile:
    """Rejected rows as they come; the file (or table) is there only if a row was rejected."""

    def __init__(self, path: Path | None):
        self.path, self.counts, self.held = path, dict[str, int](), list[pa.RecordBatch]()
        self._writer: pq.ParquetWriter | None = None

    def add(self, rejects: pa.RecordBatch | None) -> None:
        if rejects is None or not rejects.num_rows:
            return
        for item in rejects.column("reason").value_counts().to_pylist():
            self.counts[item["values"]] = self.counts.get(item["values"], 0) + item["counts"]
        if self.path is None:
            self.held.append(rejects)
            return
        self._writer = self._writer or pq.ParquetWriter(self.path, REJECTS, compression="zstd")
        self._writer.write_batch(rejects)

    def close(self) -> pa.Table | None:
        if self._writer:
            self._writer.close()
        elif self.path is not None:
            self.path.unlink(missing_ok=True)
        return pa.Table.from_batches(self.held, REJECTS) if self.path is None else None


def settle(
    found: Iterator[pa.RecordBatch], areas: Areas, sinks: Sinks, memory_mb: int, workers: int
) -> tuple[ResultFile, ResultFile]:
    """Put exposures (batches of EXPOSURES) together and write both results, in order of persons and ids of areas."""
    order = sorted(range(len(areas)), key=lambda index: areas.areas[index].id)
    # Where an area stands among the ids decides between areas that are otherwise alike.
    place = np.empty(len(areas), dtype=np.int32)
    place[order] = np.arange(len(areas), dtype=np.int32)
    with (
        sinks.result(sinks.out, PER_AREA) as per_area,
        sinks.result(sinks.beside("people"), PER_PERSON) as per_person,
        tempfile.TemporaryDirectory(prefix="duban-screen-") as folder,
    ):
        writing = _Writing([areas.areas[index] for index in order])
        placed = (_placed(batch, place) for batch in found)
        for rows, people in put_together(placed, writing.both, folder, memory_mb, workers):
            per_area.add(rows)
            per_person.add(people)
    return per_area, per_person


def _placed(batch: pa.RecordBatch, place: NDArray[np.int32]) -> pa.RecordBatch:
    """Exposures whose areas are numbered as `place` says."""
    return batch.set_column(1, EXPOSURES.field("area"), pa.array(place[batch.column("area").to_numpy()]))


class _Writing:
    """Rows for both results from those per person and area, which number `areas`, sorted by id."""

    def __init__(self, areas: Sequence[Area]):
        self.ids, self.levels, self.measures = (
            pa.array([getattr(area, name) for area in areas], pa.string()) for name in ("id", "level", "measure")
        )
        self.severity = np.array([MEASURES.index(area.measure) for area in areas], dtype=np.int64)

    def both(self, together: Together) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        """Rows of PER_AREA and of PER_PERSON."""
        return self.described(together.rows), self.people(together)

    def described(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Rows of PER_AREA."""
        place = batch.column("area")
        return pa.record_batch(
            [
                batch.column("person"),
                self.ids.take(place),
                self.levels.take(place),
                batch.column("first").view(INSTANT),
                batch.column("last").view(INSTANT),
                batch.column("visits"),
                pc.divide(batch.column("stayed"), float(MINUTE)),
                self.measures.take(place),
            ],
            schema=PER_AREA,
        )

    def people(self, together: Together) -> pa.RecordBatch:
        """Rows of PER_PERSON."""
        rows, begins = together.rows, together.begins
        place, last = rows["area"].to_numpy(), rows["last"].to_numpy()
        areas = np.diff(begins, append=rows.num_rows)
        decided = place.take(begins)
        # Most persons have one area.
        several = np.flatnonzero(areas > 1)
        if several.size:
            heads = np.append(0, np.cumsum(areas[several])[:-1])
            at = np.arange(areas[several].sum()) + np.repeat(begins[several] - heads, areas[several])
            decided[several] = self._strictest(place.take(at), last.take(at), heads)
        return pa.record_batch(
            [
                texts_at(rows["person"], begins),
                self.measures.take(pa.array(decided)),
                self.ids.take(pa.array(decided)),
                pa.array(areas),
                pa.array(np.maximum.reduceat(last, begins), INSTANT),
            ],
            schema=PER_PERSON,
        )

    def _strictest(
        self, place: NDArray[np.int32], last: NDArray[np.int64], heads: NDArray[np.intp]
    ) -> NDArray[np.int32]:
        """Of each run of areas the strictest, of those the one with the latest exposure, then with the lowest id."""
        of = np.repeat(np.arange(len(heads)), np.diff(heads, append=len(place)))
        severity = self.severity.take(place)
        decides = severity == np.minimum.reduceat(severity, heads).take(of)
        late = np.where(decides, last, np.iinfo(np.int64).min)
        decides &= late == np.maximum.reduceat(late, heads).take(of)
        strictest: NDArray[np.int32] = np.minimum.reduceat(np.where(decides, place, np.int32(len(self.ids))), heads)
        return strictest
