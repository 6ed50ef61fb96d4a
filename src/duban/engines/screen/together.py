"""Exposures put together: a row per person and area, sorted by both, in memory or by DuckDB, which goes on on disk."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .database import open_database, pulling, stream
from .kernel import EXPOSURES, in_turn

_Out = TypeVar("_Out")
# How many they are, and the microseconds stayed, a sum that may be larger than an integer.
TOGETHER = EXPOSURES.append(pa.field("visits", pa.int64())).append(pa.field("stayed", pa.float64()))
Bytes = NDArray[np.uint8]
# Exposures are held about so many times over while they are sorted. Those that are held when they become too many leave
# DuckDB half of the memory, or the least (MB) that it can sort in.
_COPIES = 4
_LEAST_MB = 64
_WORD = 8
# Exposures that go on to DuckDB at once.
_BATCH = 1 << 13
# Parts that several threads may sort, and of how many rows one tells where they are to be divided.
_PARTS = 4
_SAMPLED = 64
_LARGEST = 1 << 62


@dataclass(frozen=True, slots=True)
class Together:
    """Rows of TOGETHER, sorted, with all of each person, and where each person's begin (people,)."""

    rows: pa.RecordBatch
    begins: NDArray[np.intp]


def put_together(
    found: Iterator[pa.RecordBatch], work: Callable[[Together], _Out], folder: str, memory_mb: int, workers: int
) -> Iterator[_Out]:
    """What `work`, in several threads, makes of EXPOSURES put together, later persons after the ones before.

    `folder` is where DuckDB goes on with what is too much to hold.
    """
    held = _Held((memory_mb << 20) // _COPIES)
    for batch in found:
        if batch.num_rows and not held.add(batch):
            found = chain([batch], found)
            break
    else:
        if held.sums_fit:
            yield from in_turn(lambda at: work(_summed(held, at)), held.parts(), workers)
            return
    with (
        closing(open_database(folder, max(memory_mb // 2, min(memory_mb, _LEAST_MB)), workers)) as database,
        pulling(database, "found", EXPOSURES, chain(held.batches(), found)),
    ):
        grouped = stream(
            database,
            "SELECT person, area, min(first) AS first, max(last) AS last, count(*) AS visits, "
            "sum(last - first)::DOUBLE AS stayed FROM found GROUP BY person, area ORDER BY person, area",
        )
        yield from in_turn(work, _by_person(grouped), workers)


def _by_person(batches: Iterator[pa.RecordBatch]) -> Iterator[Together]:
    """Sorted rows, with all of a person at once: who goes on in the next batch is moved there."""
    held: pa.RecordBatch | None = None
    for batch in batches:
        if not batch.num_rows:
            continue
        if held is not None:
            begins = _begins_of(held["person"])
            if held["person"][-1] == batch["person"][0]:
                batch = pa.concat_batches([held.slice(begins[-1]), batch])
                held, begins = held.slice(0, begins[-1]), begins[:-1]
            if held.num_rows:
                yield Together(held, begins)
        held = batch
    if held is not None:
        yield Together(held, _begins_of(held["person"]))


def _begins_of(person: pa.StringArray) -> NDArray[np.intp]:
    """Where each person's rows begin."""
    other = pc.not_equal(person.slice(1), person.slice(0, len(person) - 1)).to_numpy(zero_copy_only=False)
    return np.append(0, np.flatnonzero(other) + 1)


class _Held:
    """Exposures side by side, whose tokens are all equally long, as digests are, in no more than so many bytes.

    They are moved here as they come, so that the memory they came in serves those that come next: fresh memory costs
    more than moving. There is room for all that may come, which takes memory only when it is written to.
    """

    def __init__(self, nbytes: int) -> None:
        self._nbytes, self._rows = nbytes, 0
        self._columns: list[NDArray[Any]] = []

    def add(self, batch: pa.RecordBatch) -> bool:
        """Whether the batch could be taken; if not, its tokens are not as long as those before, or it is too much."""
        tokens = _lines(batch.column("person"))
        if tokens is None:
            return False
        columns = [tokens, _begins(tokens), *(batch.column(name).to_numpy() for name in EXPOSURES.names[1:])]
        if not self._columns:
            rows = self._nbytes // sum(column[:1].nbytes for column in columns)
            self._columns = [np.empty((rows, *column.shape[1:]), dtype=column.dtype) for column in columns]
        begin, end = self._rows, self._rows + len(tokens)
        if tokens.shape[1] != self._columns[0].shape[1] or end > len(self._columns[0]):
            return False
        for room, column in zip(self._columns, columns, strict=True):
            room[begin:end] = column
        self._rows = end
        return True

    @property
    def texts(self) -> NDArray[np.bytes_]:
        """The tokens (n,)."""
        tokens = self._columns[0][: self._rows]
        return tokens.view(f"S{tokens.shape[1]}")[:, 0]

    @property
    def begins(self) -> NDArray[np.uint64]:
        """How the tokens begin (n,), as numbers that sort as these do."""
        return self._columns[1][: self._rows]

    @property
    def numbers(self) -> list[NDArray[np.int64]]:
        """The other columns of EXPOSURES, each (n,)."""
        return [column[: self._rows] for column in self._columns[2:]]

    @property
    def sums_fit(self) -> bool:
        """Whether no sum can be too large for an integer."""
        if not self._rows:
            return True
        _, first, last = self.numbers
        return int((last - first).max()) <= _LARGEST // self._rows

    def parts(self) -> Iterator[NDArray[np.intp]]:
        """Where the exposures of some persons are, each time of later ones than before."""
        if not self._rows:
            return
        middle = np.quantile(self.begins[::_SAMPLED], np.arange(1, _PARTS) / _PARTS, method="nearest")
        # Each is looked for when it is asked for, while threads are at work on those before.
        for low, high in pairwise([np.uint64(0), *middle, None]):
            within = self.begins >= low
            if high is not None:
                within &= self.begins < high
            at = np.flatnonzero(within)
            if at.size:
                yield at

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All of them as they came."""
        for at in range(0, self._rows, _BATCH):
            columns = [pa.array(column[at : at + _BATCH]) for column in self.numbers]
            yield pa.record_batch([_texts(self.texts[at : at + _BATCH]), *columns], schema=EXPOSURES)


def _summed(held: _Held, at: NDArray[np.intp]) -> Together:
    """The exposures at some places put together."""
    at, other = _sorted(held, at)
    area, first, last = (column.take(at) for column in held.numbers)
    heads = np.append(0, np.flatnonzero(other | (area[1:] != area[:-1])) + 1)
    columns = [
        _texts(held.texts.take(at.take(heads))),
        pa.array(area.take(heads)),
        pa.array(np.minimum.reduceat(first, heads)),
        pa.array(np.maximum.reduceat(last, heads)),
        pa.array(np.diff(heads, append=len(at))),
        pa.array(np.add.reduceat(last - first, heads).astype(np.float64)),
    ]
    return Together(pa.record_batch(columns, schema=TOGETHER), np.flatnonzero(np.append(True, other).take(heads)))


def _sorted(held: _Held, at: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """These places by token and area, and whether each one's token is another than the one before."""
    begins, area = held.begins.take(at), held.numbers[0].take(at)
    # Two bytes at a time, the last ones first: such numbers NumPy sorts by counting, in half the time of whole ones.
    digits = begins.view(np.uint16).reshape(-1, _WORD // 2)
    order = np.lexsort((area.astype(np.min_scalar_type(area.max())), *digits.T))
    at, alike = at.take(order), np.diff(begins.take(order)) == 0
    # Tokens are most of the bytes and lie anywhere: looked up are those that may be the same as the one before.
    other = ~alike
    pairs = np.flatnonzero(alike)
    other[pairs] = _differ(held, at, pairs)
    # Nearly all that begin alike are one token; where they are not, the whole of them decides.
    if other.take(pairs).any():
        run = np.cumsum(np.append(0, ~alike))
        uneven = np.zeros(run[-1] + 1, dtype=bool)
        uneven[run[1:][other & alike]] = True
        mixed = np.flatnonzero(uneven.take(run))
        at[mixed] = at[mixed[np.lexsort((held.numbers[0][at[mixed]], held.texts[at[mixed]]))]]
        pairs = pairs[uneven.take(run.take(pairs))]
        other[pairs] = _differ(held, at, pairs)
    return at, other


def _differ(held: _Held, at: NDArray[np.intp], pairs: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether the tokens there and one further on differ."""
    differ: NDArray[np.bool_] = held.texts.take(at.take(pairs)) != held.texts.take(at.take(pairs + 1))
    return differ


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


def texts_at(texts: pa.StringArray, at: NDArray[np.intp]) -> pa.StringArray:
    """Texts, of which there are some, at some places; equally long ones are moved several times as fast as others."""
    lines = _lines(texts)
    return texts.take(pa.array(at)) if lines is None else _texts(lines.view(f"S{lines.shape[1]}")[:, 0].take(at))


def _texts(texts: NDArray[np.bytes_]) -> pa.StringArray:
    offsets = np.arange(len(texts) + 1, dtype=np.int32) * np.int32(texts.itemsize)
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(texts.view(np.uint8)))
