"""Contacts of cases, and theirs: who was at the same venue, or within some metres, for long enough.

A generation takes two scans of the presences, however many people it begins with: one for their own stays within their
windows, one for everybody else's stays that can meet those (the same venue, or a grid cell nearby). What meets is then
joined in memory, or on disk. A contact is a person met at one place for at least `minutes` in all; the next generation
begins with the contacts, each from the moment of first being met. Who is a case, or was met in an earlier generation,
is no contact of a later one.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from duban.engines.geo.geodesy import E2, A, geodesic
from duban.engines.geo.positions import Floats

from .cases import WINDOW_RULES, Case, WindowRule
from .database import open_database, pulling, rows_of, stream
from .errors import ScreenError
from .instants import FOREVER, MINUTE, to_micros
from .presences import REJECTS, ParquetSource, Presences, parquet_sources, spooled
from .results import INSTANT, RejectFile, Sinks
from .sql import DuckDialect, presences_sql
from .store import Store

TRACE_VERSION = "trace/1"
CONTACTS = pa.schema(
    [
        ("source", pa.string()),
        ("person", pa.string()),
        ("place", pa.string()),
        ("first", INSTANT),
        ("last", INSTANT),
        ("minutes", pa.float64()),
        ("generation", pa.int32()),
    ]
)
_MAX_METRES = 5000.0
_MAX_MINUTES = 60 * 24 * 365
# The quick measure of metres is good to a millionth at such distances; this near the limit the geodesic decides.
_BAND = 1e-4
# No polar stay is sought in more columns of cells than this.
_MAX_CELLS = 64
_MEETINGS = pa.schema(
    [
        ("source", pa.string()),
        ("person", pa.string()),
        ("place", pa.string()),
        ("first", pa.int64()),
        ("last", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What counts as a contact. Raises ScreenError `bad_setting`.

    `metres` 0 looks at venues alone; who comes within `after_minutes` of the other's leaving is met too, as if the
    other had stayed that much longer.
    """

    minutes: float = 15.0
    metres: float = 0.0
    generations: int = 1
    after_minutes: float = 0.0

    def __post_init__(self) -> None:
        good = 0 <= self.minutes <= _MAX_MINUTES and 0 <= self.after_minutes <= _MAX_MINUTES
        if not (good and 0 <= self.metres <= _MAX_METRES and self.generations >= 1):
            raise ScreenError("bad_setting", f"Minutes from 0, metres from 0 to {_MAX_METRES:.0f}, generations from 1.")


@dataclass(frozen=True, slots=True)
class Traced:
    """What tracing found. `people` and `scans` are per generation; each of `rows` was accepted or is in `rejects`."""

    version: str
    inputs: dict[str, str]
    rows: int
    rejects: dict[str, int]
    contacts: int
    people: tuple[int, ...]
    scans: tuple[int, ...]
    table: pa.Table | None
    rejected: pa.Table | None

    @property
    def accepted(self) -> int:
        return self.rows - sum(self.rejects.values())


def trace(
    presences: Presences | Store,
    cases: Sequence[Case],
    settings: Settings,
    *,
    now: datetime,
    rules: Sequence[WindowRule] = WINDOW_RULES,
    out: str | Path | None = None,
    workers: int = 2,
    memory_mb: int = 1024,
) -> Traced:
    """Contacts of `cases`, generation by generation; stays without an end last until `now`.

    With `out` they go to that file (and rejected rows to `OUT_rejects.parquet`), else to tables. Raises ScreenError:
    what a case's window and reading the presences raise.
    """
    sources = [(case.person, *case.window(rules)) for case in cases]
    path = Path(out) if out is not None else None
    with tempfile.TemporaryDirectory(prefix="duban-trace-") as folder:
        if isinstance(presences, Store):
            files, inputs = presences.sources(), {"store": presences.digest()}
        else:
            found = parquet_sources(presences)
            files = spooled(presences, Path(folder)) if found is None else found
            inputs = {source.label: source.digest() for source in files}
        said = {f"duban.input.{name}": digest for name, digest in inputs.items()}
        said |= {"duban.version": TRACE_VERSION, "duban.now": now.isoformat()}
        sinks = Sinks(path, lambda: said)
        rejects = RejectFile(sinks.beside("rejects"))
        database = open_database(folder, memory_mb, workers)
        try:
            tracing = _Tracing(database, files, settings, to_micros(now), isinstance(presences, Store))
            tracing.begin(
                [
                    (person, to_micros(opens), FOREVER if closes is None else to_micros(closes))
                    for person, opens, closes in sources
                ]
            )
            people = []
            for generation in range(1, settings.generations + 1):
                met = tracing.find(generation, rejects if generation == 1 else None)
                people.append(met)
                if not met:
                    break
            with sinks.result(path, CONTACTS) as result:
                for batch in stream(
                    database,
                    "SELECT source, person, place, make_timestamp(first) AS first, make_timestamp(last) AS last, "
                    f"met::DOUBLE / {MINUTE} AS minutes, generation FROM contacts "
                    "ORDER BY generation, source, person, place",
                ):
                    result.add(batch)
        finally:
            database.close()
            rejected = rejects.close()
    return Traced(
        version=TRACE_VERSION,
        inputs=inputs,
        rows=sum(source.rows for source in files),
        rejects=dict(sorted(rejects.counts.items())),
        contacts=result.rows,
        people=tuple(people),
        scans=tuple(tracing.scans),
        table=result.table,
        rejected=rejected,
    )


class _Tracing:
    """The tables of one tracing: `sources` of the generation, `seen` so far, `contacts` found."""

    def __init__(
        self,
        database: duckdb.DuckDBPyConnection,
        files: Sequence[ParquetSource],
        settings: Settings,
        now: int,
        checked: bool,
    ):
        self.database, self.files, self.settings, self.now = database, files, settings, now
        self.checked = checked
        self.scans: list[int] = []

    def begin(self, cases: Sequence[tuple[str, int, int]]) -> None:
        """A person given twice is infectious from the first beginning to the last end."""
        columns = [list(column) for column in zip(*cases, strict=True)] or [[], [], []]
        kinds = (pa.string(), pa.int64(), pa.int64())
        given = pa.table([pa.array(c, k) for c, k in zip(columns, kinds, strict=True)], ["person", "opens", "closes"])
        self.database.register("given", given)
        self.database.execute(
            "CREATE TABLE sources AS "
            "SELECT person, min(opens) AS opens, max(closes) AS closes FROM given GROUP BY person"
        )
        self.database.execute("CREATE TABLE seen AS SELECT person FROM sources")
        self.database.execute(
            "CREATE TABLE contacts (source VARCHAR, person VARCHAR, place VARCHAR, first BIGINT, last BIGINT, "
            "met HUGEINT, generation INTEGER)"
        )
        if self.files:
            presences = presences_sql(self.files, DuckDialect(), venue_is_place=True, checked=self.checked)
            self.database.execute(f"CREATE VIEW presences AS {presences}")

    def find(self, generation: int, rejects: RejectFile | None) -> int:
        """Look for one generation, and make its people the next one's sources; returns how many they are."""
        if not self.files:
            self.scans.append(0)
            return 0
        self._scan_stays(rejects)
        self._scan_near()
        self.scans.append(2)
        self._meet(generation)
        self.database.execute(
            "CREATE OR REPLACE TABLE sources AS "
            f"SELECT person, min(first) AS opens, {FOREVER} AS closes FROM contacts WHERE generation = {generation} "
            "GROUP BY person"
        )
        self.database.execute("INSERT INTO seen SELECT person FROM sources")
        return rows_of(self.database, "sources")

    def _scan_stays(self, rejects: RejectFile | None) -> None:
        """The first scan: the sources' own stays, cut to their windows, and (if asked) what must be rejected."""
        kept = "sources.person IS NOT NULL AND reason IS NULL AND arrived <= closes AND departed >= opens"
        self.database.execute(
            f"""CREATE OR REPLACE TABLE scanned AS
            SELECT file, row_number, reason, presences.person, lon, lat, venue,
                greatest(arrived, opens) AS first, least(departed, closes) AS last
            FROM presences LEFT JOIN sources ON sources.person = presences.person
            WHERE ({kept}) {"OR reason IS NOT NULL" if rejects is not None else ""}"""
        )
        if rejects is not None:
            labels = {str(source.path): source.label for source in self.files}
            places = pa.table({"path": list(labels), "label": list(labels.values()), "place": list(range(len(labels)))})
            self.database.register("files", places)
            for batch in stream(
                self.database,
                "SELECT label AS file, row_number AS row, reason FROM scanned JOIN files ON files.path = scanned.file "
                "WHERE reason IS NOT NULL ORDER BY place, row_number",
            ):
                rejects.add(batch.cast(REJECTS))
        after = round(self.settings.after_minutes * MINUTE)
        self.database.execute(
            f"""CREATE OR REPLACE TABLE stays AS
            SELECT row_number() OVER () AS stay, person, lon, lat, nullif(venue, '') AS venue, first,
                {after} + CASE WHEN last >= {FOREVER} THEN greatest(first, {self.now}) ELSE last END AS last
            FROM scanned WHERE reason IS NULL"""
        )
        self._lay_cells()

    def _lay_cells(self) -> None:
        """`cells` that each stay's surroundings touch, and the half width of those in degrees in `reach`."""
        metres = self.settings.metres
        self.size = max(metres, 1.0) / 100_000.0
        stays = self.database.sql("SELECT stay, lon, lat FROM stays WHERE lon IS NOT NULL").to_arrow_table()
        stay, lon, lat = (stays[name].to_numpy() for name in ("stay", "lon", "lat"))
        if not metres:
            stay, lon, lat = stay[:0], lon[:0], lat[:0]
        high = metres / 110_000.0
        cos = np.cos(np.radians(np.minimum(np.abs(lat) + high, 90.0)))
        wide = np.minimum(high / np.maximum(cos, 1e-9), self.size * _MAX_CELLS)
        cells = []
        x0, x1, y0, y1 = (
            np.floor(edge / self.size).astype(np.int64) for edge in (lon - wide, lon + wide, lat - high, lat + high)
        )
        for dy in range(int((y1 - y0).max(initial=-1)) + 1):
            for dx in range(int((x1 - x0).max(initial=-1)) + 1):
                held = (x0 + dx <= x1) & (y0 + dy <= y1)
                cells.append(np.stack([stay[held], (y0 + dy)[held] * _ROW + (x0 + dx)[held]]))
        laid = np.concatenate(cells, axis=1) if cells else np.zeros((2, 0), dtype=np.int64)
        for name, table in (
            ("cells", pa.table({"stay": laid[0], "cell": laid[1]})),
            ("reach", pa.table({"stay": stay, "wide": wide})),
        ):
            self.database.register("laid", table)
            self.database.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM laid")
            self.database.unregister("laid")
        self.high = high

    def _scan_near(self) -> None:
        """The second scan: others' stays that may meet one of `stays`."""
        cell, nearby = "NULL", "false"
        if self.settings.metres:
            cell = f"CAST(floor(lat / {self.size!r}) AS BIGINT) * {_ROW} + CAST(floor(lon / {self.size!r}) AS BIGINT)"
            nearby = "cell IN (SELECT cell FROM cells)"
        self.database.execute(
            f"""CREATE OR REPLACE TABLE near AS
            SELECT person, lon, lat, nullif(venue, '') AS venue, cell, arrived,
                CASE WHEN departed >= {FOREVER} THEN greatest(arrived, {self.now}) ELSE departed END AS departed
            FROM (SELECT *, CAST({cell} AS BIGINT) AS cell FROM presences) AS presences
            WHERE reason IS NULL
                AND arrived <= (SELECT max(last) FROM stays) AND departed >= (SELECT min(first) FROM stays)
                AND (venue IN (SELECT venue FROM stays WHERE venue IS NOT NULL) OR {nearby})
                AND person NOT IN (SELECT person FROM seen)"""
        )

    def _meet(self, generation: int) -> None:
        label = "coalesce(stays.venue, printf('%.5f,%.5f', stays.lon, stays.lat))"
        meeting = (
            f"stays.person AS source, near.person AS person, {label} AS place, "
            "greatest(near.arrived, stays.first) AS first, least(near.departed, stays.last) AS last"
        )
        overlap = "near.arrived <= stays.last AND near.departed >= stays.first"
        close = (
            f"SELECT {meeting}, stays.lon AS lon, stays.lat AS lat, near.lon AS other_lon, near.lat AS other_lat "
            "FROM cells JOIN stays USING (stay) JOIN reach USING (stay) JOIN near ON near.cell = cells.cell "
            f"WHERE {overlap} AND (stays.venue = near.venue) IS NOT TRUE "
            f"AND abs(near.lat - stays.lat) <= {self.high!r} AND abs(near.lon - stays.lon) <= wide"
        )
        other = self.database.cursor()
        nearby = self._within(stream(self.database, close))
        with pulling(other, "met_nearby", _MEETINGS, nearby):
            other.execute(
                f"""INSERT INTO contacts SELECT source, person, place, min(first), max(last), sum(last - first) AS met,
                    {generation}
                FROM (SELECT {meeting} FROM stays JOIN near ON near.venue = stays.venue WHERE {overlap}
                    UNION ALL SELECT * FROM met_nearby) AS meetings
                GROUP BY source, person, place HAVING sum(last - first) >= {round(self.settings.minutes * MINUTE)}"""
            )
        other.close()

    def _within(self, pairs: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in pairs:
            lon, lat, other_lon, other_lat = (
                batch.column(name).to_numpy() for name in ("lon", "lat", "other_lon", "other_lat")
            )
            kept = np.flatnonzero(within_metres(lon, lat, other_lon, other_lat, self.settings.metres))
            yield batch.select(_MEETINGS.names).take(pa.array(kept)).cast(_MEETINGS)


# Cells of one row of the grid are apart from those of the next.
_ROW = 1 << 32


def within_metres(lon1: Floats, lat1: Floats, lon2: Floats, lat2: Floats, metres: float) -> NDArray[np.bool_]:
    """Which pairs of positions (n,) lie within `metres` on the ellipsoid, the limit included."""
    middle = np.radians((lat1 + lat2) / 2)
    w2 = 1 - E2 * np.sin(middle) ** 2
    north = np.radians(lat2 - lat1) * A * (1 - E2) / w2**1.5
    east = np.radians(lon2 - lon1) * np.cos(middle) * A / np.sqrt(w2)
    quick = np.hypot(north, east)
    held = quick <= metres
    unsure = np.flatnonzero(np.abs(quick - metres) <= _BAND * metres + 1e-6)
    if unsure.size:
        held[unsure] = geodesic(lon1[unsure], lat1[unsure], lon2[unsure], lat2[unsure])[0] <= metres
    return held
