"""The same plan as SQL on DuckDB: the cover is joined on coarse cells, what streams out is tested exactly."""

import tempfile
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from .areas import Areas
from .cover import Cover
from .database import open_database, stream
from .kernel import exposures, overlap
from .presences import REJECTS, ParquetSource
from .results import RejectFile
from .sql import DuckDialect, candidates_sql, presences_sql


def screen_by_duckdb(
    sources: Sequence[ParquetSource],
    areas: Areas,
    cover: Cover,
    now: int,
    rejects: RejectFile,
    memory_mb: int,
    workers: int,
) -> Iterator[pa.RecordBatch]:
    """Exposures of the files' good rows; the others go to `rejects`, in the order of the files."""
    if not sources:
        return
    labels = {str(source.path): source.label for source in sources}
    with tempfile.TemporaryDirectory(prefix="duban-screen-") as folder:
        database = open_database(folder, memory_mb, workers)
        try:
            database.execute(f"CREATE VIEW presences AS {presences_sql(sources, DuckDialect())}")
            for name, table in cover_tables(areas, cover).items():
                database.register(name, table)
            places = {path: place for place, path in enumerate(labels)}
            order = pa.table({"path": list(places), "place": list(places.values()), "label": list(labels.values())})
            database.register("files", order)
            for batch in stream(
                database,
                "SELECT label AS file, row_number AS row, reason FROM presences "
                "JOIN files ON files.path = presences.file WHERE reason IS NOT NULL ORDER BY place, row_number",
            ):
                rejects.add(batch.cast(REJECTS))
            query = candidates_sql(cover.west, cover.south, cover.per_degree, cover.size, bool(areas.codes))
            for batch in stream(database, query):
                yield settled(batch, areas, now)
        finally:
            database.close()


def cover_tables(areas: Areas, cover: Cover) -> dict[str, pa.Table]:
    """The tables that candidates_sql joins."""
    cell, area, inside = cover.coarse()
    return {
        "cover": pa.table({"cell": pa.array(cell), "area": pa.array(area), "inside": pa.array(inside)}),
        "windows": pa.table(
            {
                "area": pa.array(range(len(areas)), pa.int32()),
                "opens": pa.array(areas.opens),
                "closes": pa.array(areas.closes),
            }
        ),
        "codes": pa.table(
            {
                "area": pa.array(list(areas.codes), pa.int32()),
                "code": pa.array(list(areas.codes.values()), pa.string()),
            }
        ),
    }


def settled(candidates: pa.RecordBatch, areas: Areas, now: int) -> pa.RecordBatch:
    """Candidates, as candidates_sql gives them, to the exposures among them."""
    lon, lat, arrived, departed, area, inside = (
        candidates.column(name).to_numpy(zero_copy_only=False)
        for name in ("lon", "lat", "arrived", "departed", "area", "inside")
    )
    held = inside.copy()
    unsure = np.flatnonzero(~held)
    held[unsure] = areas.hold(area[unsure], lon[unsure], lat[unsure])
    rows = np.flatnonzero(held)
    first, last = overlap(arrived[rows], departed[rows], areas, area[rows], now)
    return exposures(candidates.column("person").take(pa.array(rows)), area[rows], first, last)
