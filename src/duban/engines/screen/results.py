"""From exposures to the two results: a row per person and area, and a row per person. Both are sorted."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from .areas import MEASURES, Areas
from .instants import MINUTE
from .kernel import EXPOSURES
from .presences import REJECTS

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
# Rows of a result held at once.
_BATCH = 1 << 17


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where results go: Parquet files, or tables in memory."""

    out: Path | None
    metadata: Mapping[str, str]

    def beside(self, ending: str) -> Path | None:
        """`OUT_people.parquet` for "people"."""
        return self.out.with_name(f"{self.out.stem}_{ending}.parquet") if self.out else None

    def write(self, path: Path | None, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> pa.Table | None:
        """A file that appears whole or not at all; a table where there is no path."""
        schema = schema.with_metadata(dict(self.metadata))
        if path is None:
            return pa.Table.from_batches([batch.cast(schema) for batch in batches], schema)
        part = path.with_name(path.name + ".part")
        try:
            with pq.ParquetWriter(part, schema, compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(batch.cast(schema))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return None


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


def open_database(folder: str, memory_mb: int, workers: int) -> duckdb.DuckDBPyConnection:
    """DuckDB within `memory_mb`, going on in `folder` with what does not fit."""
    return duckdb.connect(
        config={
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": folder,
            "threads": workers,
            "preserve_insertion_order": False,
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
        }
    )


def stream(database: duckdb.DuckDBPyConnection, query: str) -> Iterator[pa.RecordBatch]:
    return iter(database.sql(query).to_arrow_reader(_BATCH))


def rows_of(database: duckdb.DuckDBPyConnection, table: str) -> int:
    ((rows,),) = database.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(rows)


@contextmanager
def pulling(
    database: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, batches: Iterator[pa.RecordBatch]
) -> Iterator[None]:
    """Within, DuckDB pulls `batches` as the table `name`; what goes wrong in making them is raised as it was."""
    failed: list[BaseException] = []

    def watched() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except BaseException as error:
            failed.append(error)
            raise

    database.register(name, pa.RecordBatchReader.from_batches(schema, watched()))
    try:
        yield
    except duckdb.Error:
        if failed:
            raise failed[0] from None
        raise


def settle(
    found: Iterator[pa.RecordBatch], areas: Areas, sinks: Sinks, memory_mb: int, workers: int
) -> tuple[pa.Table | None, pa.Table | None, int, int]:
    """Put exposures together and write both results: their tables (None where in files) and how many rows each has."""
    with tempfile.TemporaryDirectory(prefix="duban-screen-") as folder:
        database = open_database(folder, memory_mb, workers)
        try:
            database.register("areas", _areas_table(areas))
            with pulling(database, "found", EXPOSURES, found):
                database.execute(
                    "CREATE TEMP TABLE per_area AS SELECT person, area, min(first) AS first, max(last) AS last, "
                    "sum(visits)::BIGINT AS visits, sum(stayed) AS stayed FROM found GROUP BY person, area"
                )
            per_area = sinks.write(
                sinks.out,
                PER_AREA,
                stream(
                    database,
                    "SELECT person, id AS area, level, make_timestamp(first)::TIMESTAMP AS first, "
                    "make_timestamp(last)::TIMESTAMP AS last, visits, "
                    f"stayed::DOUBLE / {MINUTE} AS minutes, measure "
                    "FROM per_area JOIN areas USING (area) ORDER BY person, id",
                ),
            )
            database.execute(
                "CREATE TEMP TABLE per_person AS SELECT person, "
                "min(struct_pack(strict := severity, late := -last, place)) AS decided, count(*) AS areas, "
                "max(last) AS last FROM per_area JOIN areas USING (area) GROUP BY person"
            )
            per_person = sinks.write(
                sinks.beside("people"),
                PER_PERSON,
                stream(
                    database,
                    "SELECT person, measure, id AS area, areas, make_timestamp(last)::TIMESTAMP AS last "
                    "FROM per_person JOIN areas ON areas.place = decided.place ORDER BY person",
                ),
            )
            return per_area, per_person, rows_of(database, "per_area"), rows_of(database, "per_person")
        finally:
            database.close()


def _areas_table(areas: Areas) -> pa.Table:
    """Areas by index; `place` is their rank by id, which decides between areas that are otherwise alike."""
    order = sorted(range(len(areas)), key=lambda index: areas.areas[index].id)
    place = {index: rank for rank, index in enumerate(order)}
    return pa.table(
        {
            "area": pa.array(range(len(areas)), pa.int32()),
            "id": pa.array([area.id for area in areas.areas], pa.string()),
            "level": pa.array([area.level for area in areas.areas], pa.string()),
            "measure": pa.array([area.measure for area in areas.areas], pa.string()),
            "severity": pa.array([MEASURES.index(area.measure) for area in areas.areas], pa.int32()),
            "place": pa.array([place[index] for index in range(len(areas))], pa.int32()),
        }
    )
