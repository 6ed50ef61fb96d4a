"""DuckDB as screening, tracing and the store use it: within bounds, fed with Arrow's batches and giving them."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

# Rows of a result held at once.
_BATCH = 1 << 17


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
