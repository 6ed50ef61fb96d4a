"""The parts of the plan that DuckDB and Spark share as SQL: presences as they come to rows that can be judged."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import groupby

from .instants import FOREVER
from .presences import COLUMNS, ParquetSource

_LARGEST = "1.7976931348623157E308"


class Dialect(ABC):
    """What differs: how files are read, whose row it is, and how a time becomes microseconds, by its unit."""

    @abstractmethod
    def read(self, sources: Sequence[ParquetSource], columns: str) -> str:
        """A SELECT of the columns with file and row_number of each row."""

    @abstractmethod
    def micros(self, column: str, unit: str, naive: bool) -> str:
        """A time column as microseconds since 1970 in UTC."""


class DuckDialect(Dialect):
    def read(self, sources: Sequence[ParquetSource], columns: str) -> str:
        files = ", ".join("'" + str(source.path).replace("'", "''") + "'" for source in sources)
        options = "filename = 'file', file_row_number = true, hive_partitioning = false, union_by_name = true"
        return f"SELECT {columns}, file, file_row_number AS row_number FROM read_parquet([{files}], {options})"

    def micros(self, column: str, unit: str, naive: bool) -> str:
        # A cast would round to the nearest microsecond; all forms of the plan take the one that has begun.
        nanos = f"epoch_ns({column})"
        return f"({nanos} - ({nanos} % 1000 + 1000) % 1000) // 1000" if unit == "ns" else f"epoch_us({column})"


def presences_sql(
    sources: Sequence[ParquetSource], dialect: Dialect, venue_is_place: bool = False, checked: bool = False
) -> str:
    """A SELECT of (file, row_number, person, lon, lat, area_code, venue, arrived, departed, reason) over files.

    Times are microseconds, `departed` is FOREVER for who is still there, `reason` is null for a good row and else the
    first that applies of presences.REASONS; rows that were `checked` before are not judged again.
    """

    def layout(source: ParquetSource) -> tuple[object, ...]:
        return (sorted(source.layout.kinds.items()), sorted(source.layout.units.items()), source.layout.naive)

    selects = []
    for _, group in groupby(sorted(sources, key=layout), key=layout):
        alike = list(group)
        kept = alike[0].layout

        def text(name: str, names: frozenset[str] = kept.names) -> str:
            return f"CAST({name if name in names else 'NULL'} AS STRING) AS {name}"

        def degrees(name: str, names: frozenset[str] = kept.names) -> str:
            return f"CAST({name if name in names else 'NULL'} AS DOUBLE) AS {name}"

        times = {
            name: dialect.micros(name, kept.units[name], kept.naive) if name in kept.units else "CAST(NULL AS BIGINT)"
            for name in ("arrived", "departed")
        }
        columns = ", ".join(name for name in COLUMNS if name in kept.names)
        selects.append(
            f"SELECT file, row_number, {text('person')}, {degrees('lon')}, {degrees('lat')}, {text('area_code')}, "
            f"{text('venue')}, {times['arrived']} AS arrived, "
            f"COALESCE({times['departed']}, {FOREVER}) AS departed, {str(kept.naive).lower()} AS naive "
            f"FROM ({dialect.read(alike, columns)}) AS files"
        )
    place = "COALESCE(area_code, '') = ''" + (" AND COALESCE(venue, '') = ''" if venue_is_place else "")
    off = "ABS(lon) > 180 OR ABS(lat) > 90"
    fields = "file, row_number, person, lon, lat, area_code, venue, arrived, departed"
    rows = " UNION ALL ".join(selects)
    if checked:
        return f"SELECT {fields}, CAST(NULL AS STRING) AS reason FROM ({rows}) AS presences"
    return f"""
        SELECT {fields}, CASE
            WHEN person IS NULL OR person = '' THEN 'no_person'
            WHEN lon IS NULL AND lat IS NULL AND {place} THEN 'no_place'
            WHEN (lon IS NULL) <> (lat IS NULL) THEN 'half_position'
            WHEN ISNAN(lon) OR ISNAN(lat) OR ABS(lon) > {_LARGEST} OR ABS(lat) > {_LARGEST} THEN 'not_a_number'
            WHEN ({off}) AND ABS(lat) <= 180 AND ABS(lon) <= 90 THEN 'swapped'
            WHEN {off} THEN 'out_of_range'
            WHEN arrived IS NULL THEN 'no_arrival'
            WHEN naive THEN 'naive_time'
            WHEN departed < arrived THEN 'departed_before_arrived'
        END AS reason
        FROM ({rows}) AS presences"""


def candidates_sql(west: float, south: float, per_degree: float, size: int, codes: bool) -> str:
    """Rows (file, row_number, person, lon, lat, arrived, departed, area, inside) that a place and window may hold.

    Joins `cover` (cell, area, inside), `windows` (area, opens, closes) and, with `codes`, `codes` (area, code).
    """
    x = f"CAST(FLOOR((lon - {west!r}) * {per_degree!r} + 1.0) AS BIGINT)"
    y = f"CAST(FLOOR((lat - {south!r}) * {per_degree!r} + 1.0) AS BIGINT)"
    span = size / per_degree
    box = f"lon BETWEEN {west!r} AND {west + span!r} AND lat BETWEEN {south!r} AND {south + span!r}"
    fields = "file, row_number, person, lon, lat, arrived, departed"
    window = "arrived <= closes AND departed >= opens"
    places = f"""
        SELECT {fields}, cover.area AS area, inside
        FROM (SELECT *, {y} * {size + 2} + {x} AS at FROM presences WHERE reason IS NULL AND {box}) AS placed
        JOIN cover ON cover.cell = placed.at JOIN windows ON windows.area = cover.area WHERE {window}"""
    if not codes:
        return places
    return f"""{places} UNION ALL
        SELECT {fields}, codes.area AS area, true AS inside
        FROM presences JOIN codes ON SUBSTRING(area_code, 1, LENGTH(codes.code)) = codes.code
        JOIN windows ON windows.area = codes.area WHERE reason IS NULL AND {window}"""
