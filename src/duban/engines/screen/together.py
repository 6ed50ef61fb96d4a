"""Exposures put together: a row per person and area, sorted by both, in memory or by DuckDB, which goes on on disk."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .database import open_database, pulling, stream
from .kernel import EXPOSURES, in_turn

_Out = TypeVar("_Out")
# The same columns, of which `stayed` is a sum that may be larger than an integer.
TOGETHER = EXPOSURES.set(5, pa.field("stayed", pa.float64()))
Bytes = NDArray[np.uint8]
# Exposures are held while they are sorted about so many times over.
_COPIES = 4
_WORD = 8
# Parts that several threads may sort, and of how many rows one tells where they are to be divided.
_PARTS = 4
_SAMPLED = 64
_LARGEST = 1 << 62


def put_together(
    found: Iterator[pa.RecordBatch], work: Callable[[pa.RecordBatch], _Out], folder: str, memory_mb: int, workers: int
) -> Iterator[_Out]:
    """What `work`, in several threads, makes of batches of TOGETHER, each with all of a person, for EXPOSURES.

    `folder` is where DuckDB goes on with what is too much to hold.
    """
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
            yield from in_turn(lambda make: work(make()), parts, workers)
            return
    with closing(open_database(folder, memory_mb, workers)) as database:
        rest = chain((held.popleft() for _ in range(len(held))), found)
        with pulling(database, "found", EXPOSURES, rest):
            grouped = stream(
                database,
                "SELECT person, area, min(first) AS first, max(last) AS last, sum(visits)::BIGINT AS visits, "
                "sum(stayed)::DOUBLE AS stayed FROM found GROUP BY person, area ORDER BY person, area",
            )
            yield from in_turn(work, _by_person(grouped), workers)


def _by_person(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows sorted by person, with all of a person in one batch: who goes on in the next is moved there."""
    held: pa.RecordBatch | None = None
    for batch in batches:
        if not batch.num_rows:
            continue
        if held is not None:
            begin = held.num_rows
            if held["person"][-1] == batch["person"][0]:
                begin = int(begins_of(held["person"])[-1])
                batch = pa.concat_batches([held.slice(begin), batch])
            if begin:
                yield held.slice(0, begin)
        held = batch
    if held is not None:
        yield held


def begins_of(person: pa.StringArray) -> NDArray[np.intp]:
    """Where each person's rows begin."""
    other = pc.not_equal(person.slice(1), person.slice(0, len(person) - 1)).to_numpy(zero_copy_only=False)
    return np.append(0, np.flatnonzero(other) + 1)


@dataclass(frozen=True, slots=True)
class _Held:
    """All exposures: their tokens (n,), all equally long, how these begin (n,), and the other columns."""

    texts: NDArray[np.bytes_]
    begins: NDArray[np.uint64]
    numbers: list[NDArray[np.int64]]


def _in_memory(found: Collection[pa.RecordBatch]) -> Iterable[Callable[[], pa.RecordBatch]] | None:
    """What gives batches for several threads to make, each with later persons than the one before.

    None where tokens are not equally long, as digests are, or sums might be too large for integers.
    """
    lines = [_lines(batch.column("person")) for batch in found]
    if not lines:
        return []
    if len({None if line is None else line.shape[1] for line in lines}) > 1 or lines[0] is None:
        return None
    tokens = np.concatenate([line for line in lines if line is not None])
    numbers = [np.concatenate([batch.column(name).to_numpy() for batch in found]) for name in EXPOSURES.names[1:]]
    if int(numbers[-1].max()) > _LARGEST // len(tokens):
        return None
    held = _Held(tokens.view(f"S{tokens.shape[1]}")[:, 0], _begins(tokens), numbers)
    middle = np.quantile(held.begins[::_SAMPLED], np.arange(1, _PARTS) / _PARTS, method="nearest")
    of = np.searchsorted(middle, held.begins, side="right")
    parts = (np.flatnonzero(of == part) for part in range(_PARTS))
    return (partial(_summed, held, at) for at in parts if at.size)


def _summed(held: _Held, at: NDArray[np.intp]) -> pa.RecordBatch:
    """The rows of TOGETHER for the exposures at some places."""
    at, other = _sorted(held, at)
    area, first, last, visits, stayed = (column.take(at) for column in held.numbers)
    heads = np.append(0, np.flatnonzero(other | (area[1:] != area[:-1])) + 1)
    columns = [
        # Tokens are most of the bytes: each is taken once.
        _texts(held.texts.take(at.take(heads))),
        pa.array(area.take(heads)),
        pa.array(np.minimum.reduceat(first, heads)),
        pa.array(np.maximum.reduceat(last, heads)),
        pa.array(np.add.reduceat(visits, heads)),
        pa.array(np.add.reduceat(stayed, heads).astype(np.float64)),
    ]
    return pa.record_batch(columns, schema=TOGETHER)


def _sorted(held: _Held, at: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """These places by token and area, and whether the token of each is another than that of the one before."""
    area = held.numbers[0].take(at)
    # Sorted by one number: how the token begins, whose last bits make room for the area.
    bits = np.uint64(int(area.max()).bit_length())
    key = held.begins.take(at) >> bits << bits | area.astype(np.uint64)
    order = np.argsort(key)
    at, alike = at.take(order), np.diff(key.take(order) >> bits) == 0
    other = _other(held, at, alike)
    # Nearly all that begin alike are one token; where they are not, the whole of them decides.
    if (other & alike).any():
        run = np.cumsum(np.append(0, ~alike))
        mixed = np.flatnonzero(np.isin(run, run[1:][other & alike]))
        at[mixed] = at[mixed[np.lexsort((held.numbers[0][at[mixed]], held.texts[at[mixed]]))]]
        other = _other(held, at, alike)
    return at, other


def _other(held: _Held, at: NDArray[np.intp], alike: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the token is another than the one before, which can be the same only if it begins `alike`."""
    pairs = np.flatnonzero(alike)
    other = ~alike
    other[pairs] = held.texts.take(at.take(pairs + 1)) != held.texts.take(at.take(pairs))
    return other


def _begins(tokens: Bytes) -> NDArray[np.uint64]:
    """The first bytes of tokens as numbers (n,) that sort as these do."""
    padded = np.zeros((len(tokens), _WORD), dtype=np.uint8)
    padded[:, : tokens.shape[1]] = tokens[:, :_WORD]
    return padded.view(np.uint64)[:, 0].byteswap()


def _lines(texts: pa.StringArray) -> Bytes | None:
    """The bytes of texts without nulls (n, bytes), if all are equally long and not empty."""
    _, offsets, data = texts.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    width = int(ends[1] - ends[0])
    if not width or texts.null_count or (np.diff(ends) != width).any():
        return None
    return np.frombuffer(data, dtype=np.uint8)[ends[0] : ends[-1]].reshape(-1, width)


def _texts(texts: NDArray[np.bytes_]) -> pa.StringArray:
    offsets = np.arange(len(texts) + 1, dtype=np.int32) * np.int32(texts.itemsize)
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(texts.view(np.uint8)))
