"""Exposures put together: a row per person and area, sorted by both, in memory or by DuckDB, which goes on on disk."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .database import open_database, pulling, stream
from .kernel import EXPOSURES, in_turn

# The same columns, of which `stayed` is a sum that may be larger than an integer.
TOGETHER = EXPOSURES.set(5, pa.field("stayed", pa.float64()))
Bytes = NDArray[np.uint8]
# Exposures are held while they are sorted about so many times over.
_COPIES = 4
_BATCH = 1 << 17
_WORD = 8
# Parts that several threads may sort, and of how many rows one tells where they are to be divided.
_PARTS = 4
_SAMPLED = 64
_LARGEST = 1 << 62


def put_together(
    found: Iterator[pa.RecordBatch], folder: str, memory_mb: int, workers: int
) -> Iterator[pa.RecordBatch]:
    """Batches of TOGETHER for batches of EXPOSURES; `folder` is where DuckDB goes on with what is too much to hold."""
    held: deque[pa.RecordBatch] = deque()
    size = 0
    for batch in found:
        if not batch.num_rows:
            continue
        held.append(batch)
        size += batch.nbytes
        if size > (memory_mb << 20) // _COPIES:
            break
    else:
        parts = _in_memory(held)
        if parts is not None:
            for part in in_turn(_summed, parts, workers):
                yield from part.to_batches(max_chunksize=_BATCH)
            return
    with closing(open_database(folder, memory_mb, workers)) as database:
        rest = chain((held.popleft() for _ in range(len(held))), found)
        with pulling(database, "found", EXPOSURES, rest):
            yield from stream(
                database,
                "SELECT person, area, min(first) AS first, max(last) AS last, sum(visits)::BIGINT AS visits, "
                "sum(stayed)::DOUBLE AS stayed FROM found GROUP BY person, area ORDER BY person, area",
            )


@dataclass(frozen=True, slots=True)
class _Part:
    """Exposures of some persons: their tokens (n, bytes) and the other columns."""

    tokens: Bytes
    numbers: list[NDArray[np.int64]]


def _in_memory(held: Collection[pa.RecordBatch]) -> Iterable[_Part] | None:
    """Parts for several threads, each with later persons than the one before.

    None where tokens are not equally long, as digests are, or sums might be too large for integers.
    """
    lines = [_lines(batch.column("person")) for batch in held]
    if not lines:
        return []
    if len({None if line is None else line.shape[1] for line in lines}) > 1 or lines[0] is None:
        return None
    tokens = np.concatenate([line for line in lines if line is not None])
    numbers = [np.concatenate([batch.column(name).to_numpy() for batch in held]) for name in EXPOSURES.names[1:]]
    if int(numbers[-1].max()) > _LARGEST // len(tokens):
        return None
    begins = _words(tokens[:, :_WORD])[:, 0]
    middle = np.quantile(begins[::_SAMPLED], np.arange(1, _PARTS) / _PARTS, method="nearest")
    of = np.searchsorted(middle, begins, side="right")
    parts = (np.flatnonzero(of == part) for part in range(_PARTS))
    return (_Part(tokens.take(at, axis=0), [column.take(at) for column in numbers]) for at in parts if at.size)


def _summed(part: _Part) -> pa.Table:
    """A part's rows of TOGETHER."""
    area, first, last, visits, stayed = part.numbers
    order, begins = _sorted(_words(part.tokens), area)
    heads = order[begins]
    columns = [
        _texts(part.tokens.take(heads, axis=0)),
        pa.array(area.take(heads)),
        pa.array(np.minimum.reduceat(first.take(order), begins)),
        pa.array(np.maximum.reduceat(last.take(order), begins)),
        pa.array(np.add.reduceat(visits.take(order), begins)),
        pa.array(np.add.reduceat(stayed.take(order), begins).astype(np.float64)),
    ]
    return pa.Table.from_arrays(columns, schema=TOGETHER)


def _sorted(words: NDArray[np.uint64], area: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The order of rows by token, in words (n, words), and area, and where in it each pair of these begins."""
    order = np.argsort(words[:, 0])
    other = np.diff(words[order, 0]) != 0
    alike = np.flatnonzero(~other)
    # Nearly all that begin alike are one token; where they are not, the whole of them decides.
    unlike = (words[order[alike]] != words[order[alike + 1]]).any(axis=1)
    if unlike.any():
        run = np.cumsum(np.append(0, other))
        at = np.flatnonzero(np.isin(run, run[alike[unlike]]))
        order[at] = order[at][np.lexsort(words[order[at]].T[::-1])]
        other[alike] = (words[order[alike]] != words[order[alike + 1]]).any(axis=1)
    person = np.cumsum(np.append(0, other))
    pair = person * (int(area.max()) + 1) + area[order]
    within = np.argsort(pair)
    return order[within], np.flatnonzero(np.append(True, np.diff(pair[within]) != 0))


def _words(tokens: Bytes) -> NDArray[np.uint64]:
    """Tokens (n, bytes) as numbers (n, words) that sort as they do."""
    rows, width = tokens.shape
    padded = np.zeros((rows, -(-width // _WORD) * _WORD), dtype=np.uint8)
    padded[:, :width] = tokens
    return padded.view(np.uint64).byteswap(inplace=True)


def _lines(texts: pa.StringArray) -> Bytes | None:
    """The bytes of texts without nulls (n, bytes), if all are equally long and not empty."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    width = int(ends[1] - ends[0])
    if not width or texts.null_count or (np.diff(ends) != width).any():
        return None
    return np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]].reshape(-1, width)


def _texts(lines: Bytes) -> pa.StringArray:
    offsets = np.arange(len(lines) + 1, dtype=np.int32) * np.int32(lines.shape[1])
    return pa.StringArray.from_buffers(len(lines), pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(lines)))
