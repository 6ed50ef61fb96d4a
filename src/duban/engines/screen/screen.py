"""Who was there: presences x risk areas -> a row per person and area, and per person the strictest measure.

An exposure is a presence whose place is in the area (edge included) and whose stay overlaps the area's window, both
ends closed. `first` and `last` are the ends of the overlap, `minutes` its length; stays that overlap one another each
count. Among equally strict areas the one with the latest exposure decides, then the lower id.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from .areas import Areas
from .cover import Cover
from .duckdb_plan import screen_by_duckdb
from .errors import ScreenError
from .instants import to_micros
from .kernel import Found, Kernel, in_turn
from .presences import Presences, batch_chunks, digest_of_parts, parquet_sources, spooled
from .results import RejectFile, Sinks, settle
from .store import Store
from .workers import WORTH_A_HELPER, Workers

ENGINE_VERSION = "screen/1"
ARROW, DUCKDB, SPARK = "arrow", "duckdb", "spark"
# The fastest first; benchmarks/screen.py shows it.
ENGINES = (ARROW, DUCKDB, SPARK)


@dataclass(frozen=True, slots=True)
class Screened:
    """What a screening found and from what: with the same inputs the same version gives the same rows.

    `rows` were read of the `rows_held` there are (a store's other row groups cannot hold anyone); each is accepted or
    counted in `rejects` by reason. `inputs` are the SHA-256 of the areas and of a store, and of each file the BLAKE3
    of its parts. Tables are None when they went to files.
    """

    engine: str
    version: str
    inputs: dict[str, str]
    rows: int
    rows_held: int
    rejects: dict[str, int]
    exposures: int
    people: int
    per_area: pa.Table | None
    per_person: pa.Table | None
    rejected: pa.Table | None

    @property
    def accepted(self) -> int:
        return self.rows - sum(self.rejects.values())


def screen(
    presences: Presences | Store,
    areas: Areas,
    *,
    now: datetime,
    out: str | Path | None = None,
    engine: str = ARROW,
    hashed: bool = True,
    workers: int | None = None,
    memory_mb: int = 512,
    master: str | None = None,
) -> Screened:
    """Screen presences against areas; a stay and window without end last until `now`.

    With `out`, results go to `OUT.parquet`, `OUT_people.parquet` and, if a row was rejected, `OUT_rejects.parquet`;
    without, they come as tables. `memory_mb` bounds what putting exposures together may hold before it goes on on
    disk; `master` is Spark's, else this machine. Unless `hashed` is False, files are read whole, for their digests
    (a store knows its own). Raises ScreenError: `unknown_engine`, and what reading the presences raises.
    """
    if engine not in ENGINES:
        raise ScreenError("unknown_engine", f"The engines are {', '.join(ENGINES)}, not {engine!r}.")
    workers = workers or os.cpu_count() or 1
    path = Path(out) if out is not None else None
    inputs = {"areas": areas.digest}
    sources = None if isinstance(presences, Store) else parquet_sources(presences)
    with (
        tempfile.TemporaryDirectory(prefix="duban-screen-") as folder,
        ThreadPoolExecutor(1) as hashing,
        ExitStack() as done,
    ):
        digests: dict[str, Future[str]] = {}
        parts: dict[str, list[bytes]] = {}
        if isinstance(presences, Store):
            inputs["store"] = presences.digest()
            sources = presences.sources() if engine != ARROW else None
        elif sources is None and engine != ARROW:
            sources = spooled(presences, Path(folder))
        elif sources is not None and hashed:
            # The plan that reads files itself tells what it has read. Else it is read once more beside the work, which
            # waits for it only before the first row is written.
            named = Counter(source.label for source in sources)
            parts = {
                source.label: []
                for source in sources
                if engine == ARROW and source.read_in_parts and named[source.label] == 1
            }
            digests = {source.label: hashing.submit(source.digest) for source in sources if source.label not in parts}

        def metadata() -> dict[str, str]:
            inputs.update({label: digest.result() for label, digest in digests.items()})
            inputs.update({label: digest_of_parts(found) for label, found in parts.items()})
            said = {f"duban.input.{name}": digest for name, digest in inputs.items()}
            return {"duban.version": ENGINE_VERSION, "duban.now": now.isoformat()} | said

        sinks = Sinks(path, metadata)
        rejects = RejectFile(sinks.beside("rejects"))
        cover, moment, read = Cover.build(areas.parts, areas.owner), to_micros(now), [0]
        try:
            found: Iterator[pa.RecordBatch]
            if engine == SPARK:
                from .spark_plan import screen_by_spark

                found = screen_by_spark(sources or [], areas, cover, moment, rejects, Path(folder), master)
                read[0] = sum(source.rows for source in sources or [])
            elif engine == DUCKDB:
                found = screen_by_duckdb(sources or [], areas, cover, moment, rejects, memory_mb, workers)
                read[0] = sum(source.rows for source in sources or [])
            else:
                if isinstance(presences, Store):
                    stored = list(presences.affected(areas, cover))
                    chunks, much = iter(stored), sum(chunk.rows for chunk in stored)
                elif sources is not None:
                    chunks = (chunk for source in sources for chunk in source.chunks(source.label in parts))
                    much = sum(source.rows for source in sources)
                else:
                    chunks, much = batch_chunks(presences), 0
                processes = workers if much >= WORTH_A_HELPER else 1
                work = done.enter_context(Workers(Kernel(areas, cover, moment), processes))
                found = _collect(in_turn(work.screen, chunks, max(workers, work.threads)), rejects, read, parts)
            per_area, per_person = settle(found, areas, sinks, memory_mb, workers)
        finally:
            rejected = rejects.close()
    held = presences.rows if isinstance(presences, Store) else read[0]
    return Screened(
        engine=engine,
        version=ENGINE_VERSION,
        inputs=inputs,
        rows=read[0],
        rows_held=held,
        rejects=dict(sorted(rejects.counts.items())),
        exposures=per_area.rows,
        people=per_person.rows,
        per_area=per_area.table,
        per_person=per_person.table,
        rejected=rejected,
    )


def _collect(
    found: Iterator[Found], rejects: RejectFile, read: list[int], parts: dict[str, list[bytes]]
) -> Iterator[pa.RecordBatch]:
    for one in found:
        read[0] += one.rows
        if one.part is not None:
            file, digest = one.part
            parts[file].append(digest)
        rejects.add(one.rejects)
        if one.exposures is not None:
            yield one.exposures
