"""The plan over Arrow: a look-up finds candidates, windows and the exact test decide, then persons are read."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .areas import Areas
from .cover import Cover
from .instants import FOREVER
from .presences import Chunk, Judged, judge, rejected

_In = TypeVar("_In")
_Out = TypeVar("_Out")

# One row per exposure: `area` is an index, times in microseconds.
EXPOSURES = pa.schema([("person", pa.string()), ("area", pa.int32()), ("first", pa.int64()), ("last", pa.int64())])


@dataclass(frozen=True, slots=True)
class Found:
    """What one chunk gave: its rows, their exposures and the rows that were rejected (None: none).

    `part` is the digest of its part of a file, and which file that is, where one was asked for.
    """

    rows: int
    exposures: pa.RecordBatch | None
    rejects: pa.RecordBatch | None
    part: tuple[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Kernel:
    """Areas with their cover, ready for any number of chunks and threads. `now` ends what has no end."""

    areas: Areas
    cover: Cover
    now: int

    def screen(self, chunk: Chunk) -> Found:
        with chunk.held() as digest:
            return self._screened(chunk, None if digest is None else (chunk.file, digest))

    def _screened(self, chunk: Chunk, part: tuple[str, bytes] | None) -> Found:
        judged = judge(chunk)
        row, area = self._within(chunk, judged)
        rejects = rejected(chunk, judged.reason) if judged.reason is not None else None
        if not len(row):
            return Found(chunk.rows, None, rejects, part)
        if self.areas.codes:
            order = np.argsort(row, kind="stable")
            row, area = row[order], area[order]
        person = chunk.text_of("person", row)
        first, last = overlap(judged.arrived[row], judged.departed[row], self.areas, area, self.now)
        return Found(chunk.rows, exposures(person, area, first, last), rejects, part)

    def _within(self, chunk: Chunk, judged: Judged) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """Pairs of a good row and an area whose place and window hold it."""
        areas = self.areas
        found = self.cover.candidates(judged.lon, judged.lat)
        row, area, inside = found.row, found.area, found.inside
        # `take` where there are many: it is faster than an index in brackets.
        kept = judged.arrived.take(row) <= areas.closes.take(area)
        kept &= judged.departed.take(row) >= areas.opens.take(area)
        if judged.reason is not None:
            kept &= judged.reason.take(row) == 0
        at = np.flatnonzero(kept)
        row, area, held = row.take(at), area.take(at), inside.take(at)
        unsure = np.flatnonzero(~held)
        held[unsure] = areas.hold(area[unsure], judged.lon[row[unsure]], judged.lat[row[unsure]])
        row, area = row[held], area[held]
        if not areas.codes:
            return row, area
        coded_row, coded_area = self._coded(chunk, judged)
        return np.concatenate([row, coded_row]), np.concatenate([area, coded_area])

    def _coded(self, chunk: Chunk, judged: Judged) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        codes = chunk.text("area_code").dictionary_encode()
        index = codes.indices.fill_null(len(codes.dictionary)).to_numpy()
        rows, owners = [], []
        for area, code in self.areas.codes.items():
            starts = pc.starts_with(codes.dictionary, code).to_numpy(zero_copy_only=False)
            held = np.append(starts, False)[index]
            held &= (judged.arrived <= self.areas.closes[area]) & (judged.departed >= self.areas.opens[area])
            if judged.reason is not None:
                held &= judged.reason == 0
            rows.append(np.flatnonzero(held))
            owners.append(np.full(len(rows[-1]), area, dtype=np.int32))
        return np.concatenate(rows), np.concatenate(owners)


def overlap(
    arrived: NDArray[np.int64], departed: NDArray[np.int64], areas: Areas, area: NDArray[np.int32], now: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and last moment of each exposure; one without an end lasts until `now`."""
    first = np.maximum(arrived, areas.opens[area])
    last = np.minimum(departed, areas.closes[area])
    return first, np.where(last == FOREVER, np.maximum(first, now), last)


def exposures(
    person: pa.Array, area: NDArray[np.int32], first: NDArray[np.int64], last: NDArray[np.int64]
) -> pa.RecordBatch:
    return pa.record_batch([person, pa.array(area), pa.array(first), pa.array(last)], schema=EXPOSURES)


def in_turn(work: Callable[[_In], _Out], tasks: Iterable[_In], workers: int) -> Iterator[_Out]:
    """`map` over threads that keeps the order and holds no more than a few results at a time."""
    if workers == 1:
        yield from map(work, tasks)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[_Out]] = deque()
        try:
            for task in tasks:
                waiting.append(pool.submit(work, task))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
