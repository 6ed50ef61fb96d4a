"""The same plan on Spark, for presences that fill a cluster. Needs the extra `duban[spark]` and Java."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.parquet as pq

from .areas import Areas
from .cover import Cover
from .duckdb_plan import cover_tables, settled
from .errors import ScreenError
from .kernel import EXPOSURES
from .presences import REJECTS, ParquetSource
from .results import RejectFile
from .sql import Dialect, candidates_sql, presences_sql

_EXPOSURES_DDL = "person string, area int, first bigint, last bigint"


class SparkDialect(Dialect):
    """Reads through the session: a path within SQL would be escaped on its way."""

    def __init__(self, spark: Any):
        self.spark, self.views = spark, 0

    def read(self, sources: Sequence[ParquetSource], columns: str) -> str:
        self.views += 1
        view = f"files_{self.views}"
        files = self.spark.read.parquet(*(_uri(source.path) for source in sources))
        origin = ("_metadata.file_path AS file", "_metadata.row_index AS row_number")
        files.selectExpr(*columns.split(", "), *origin).createOrReplaceTempView(view)
        return f"SELECT * FROM {view}"

    def micros(self, column: str, unit: str, naive: bool) -> str:
        # Spark reads times of nanoseconds only as numbers.
        if unit == "ns":
            return f"CAST(FLOOR(CAST({column} AS DECIMAL(20, 0)) / 1000) AS BIGINT)"
        return f"UNIX_MICROS(CAST({column} AS TIMESTAMP))"


def _uri(path: Path) -> str:
    """A file as Spark names it: a URI in which nothing is escaped."""
    return f"file://{path.absolute()}"


def screen_by_spark(
    sources: Sequence[ParquetSource],
    areas: Areas,
    cover: Cover,
    now: int,
    rejects: RejectFile,
    folder: Path,
    master: str | None,
) -> Iterator[pa.RecordBatch]:
    """Exposures of the files' good rows; the others go to `rejects`.

    Without a `master` it runs on this machine. Results come through files in `folder`,
    which a cluster must reach too. Raises ScreenError `no_spark`.
    """
    if not sources:
        return
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise ScreenError("no_spark", "Spark is not installed: install duban[spark], and Java.") from error
    master = master or "local[*]"
    builder = SparkSession.builder.master(master)
    if master.startswith("local"):
        # Its workers run what runs us; on a cluster the cluster knows its own Python, and how to divide the work.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.config("spark.sql.shuffle.partitions", "8")
    spark = (
        builder.appName("duban screen")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.legacy.parquet.nanosAsLong", "true")
        .config("spark.sql.ansi.enabled", "false")
        .getOrCreate()
    )
    labels = {str(source.path.absolute()): source.label for source in sources}
    place = {path: number for number, path in enumerate(labels)}
    spark.sql(presences_sql(sources, SparkDialect(spark))).createOrReplaceTempView("presences")
    for name, table in cover_tables(areas, cover).items():
        path = folder / f"{name}.parquet"
        pq.write_table(table, path)
        spark.read.parquet(_uri(path)).createOrReplaceTempView(name)

    known = areas.areas

    def judge_candidates(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        prepared = Areas(known)
        for batch in batches:
            yield settled(batch, prepared, now)

    bad = "SELECT file, row_number AS row, reason FROM presences WHERE reason IS NOT NULL"
    query = candidates_sql(cover.west, cover.south, cover.per_degree, cover.size, bool(areas.codes))
    spark.sql(bad).write.mode("overwrite").parquet(_uri(folder / "rejects"))
    spark.sql(query).mapInArrow(judge_candidates, _EXPOSURES_DDL).write.mode("overwrite").parquet(
        _uri(folder / "exposures")
    )
    found = sorted(
        (place[path], row, reason)
        for part in sorted((folder / "rejects").glob("*.parquet"))
        for file, row, reason in zip(*(pq.read_table(part)[name].to_pylist() for name in REJECTS.names), strict=True)
        for path in [unquote(urlparse(file).path)]
    )
    names = list(labels.values())
    columns = [[names[number] for number, _, _ in found], [row for _, row, _ in found], [why for _, _, why in found]]
    rejects.add(pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, REJECTS, strict=True)], schema=REJECTS))
    for part in sorted((folder / "exposures").glob("*.parquet")):
        for batch in pq.ParquetFile(part).iter_batches():
            yield batch.cast(EXPOSURES)
