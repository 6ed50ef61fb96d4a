"""Exposures put together: a row per person and area, sorted by both, in memory or by DuckDB, which goes on on disk."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

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
# Exposures are held about so many times over while they are sorted. Those that were held when they became too many, and
# the room they grew in, leave DuckDB half of the memory, or the least (MB) that it can sort in.
_COPIES = 4
_LEAST_MB = 64
_WORD = 8
# Exposures that there is room for at first, and that go on to DuckDB at once.
_ROOM = 1 << 13
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
    held = _Held()
    for batch in found:
        if not batch.num_rows:
            continue
        if not held.add(batch):
            found = chain([batch], found)
            break
        if held.nbytes > (memory_mb << 20) // _COPIES:
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
            "SELECT person, area, min(first) AS first, max(last) AS last, sum(visits)::BIGINT AS visits, "
            "sum(stayed)::DOUBLE AS stayed FROM found GROUP BY person, area ORDER BY person, area",
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
    """Exposures side by side, whose tokens are all equally long, as digests are.

    They are moved here as they come, so that the memory they came in serves those that come next: fresh memory costs
    more than moving.
    """

    def __init__(self) -> None:
        self._rows = 0
        self._columns: list[NDArray[Any]] = []

    def add(self, batch: pa.RecordBatch) -> bool:
        """Whether the batch could be taken; if not, its tokens are not as long as those before."""
        tokens = _lines(batch.column("person"))
        if tokens is None or (self._columns and tokens.shape[1] != self._columns[0].shape[1]):
            return False
        columns = [tokens, _begins(tokens), *(batch.column(name).to_numpy() for name in EXPOSURES.names[1:])]
        begin, self._rows = self._rows, self._rows + len(tokens)
        if not self._columns:
            self._columns = [column[:0] for column in columns]
        if self._rows > len(self._columns[0]):
            self._columns = [_roomier(column, max(2 * self._rows, _ROOM), begin) for column in self._columns]
        for room, column in zip(self._columns, columns, strict=True):
            room[begin : self._rows] = column
        return True

    @property
    def nbytes(self) -> int:
        return self._rows * sum(column[:1].nbytes for column in self._columns)

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
        return not self._rows or int(self.numbers[-1].max()) <= _LARGEST // self._rows

    def parts(self) -> Iterator[NDArray[np.intp]]:
        """Where the exposures of some persons are, each time of later ones than before."""
        if not self._rows:
            return
        middle = np.quantile(self.begins[::_SAMPLED], np.arange(1, _PARTS) / _PARTS, method="nearest")
        of = np.searchsorted(middle, self.begins, side="right")
        for part in range(_PARTS):
            at = np.flatnonzero(of == part)
            if at.size:
                yield at

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All of them as they came."""
        for at in range(0, self._rows, _ROOM):
            columns = [pa.array(column[at : at + _ROOM]) for column in self.numbers]
            yield pa.record_batch([_texts(self.texts[at : at + _ROOM]), *columns], schema=EXPOSURES)


def _roomier(column: NDArray[Any], rows: int, held: int) -> NDArray[Any]:
    """A column with room for more rows, which has those that it held."""
    room = np.empty((rows, *column.shape[1:]), dtype=column.dtype)
    room[:held] = column[:held]
    return room


def _summed(held: _Held, at: NDArray[np.intp]) -> Together:
    """The exposures at some places put together."""
    at, texts, other = _sorted(held, at)
    area, first, last, visits, stayed = (column.take(at) for column in held.numbers)
    heads = np.append(0, np.flatnonzero(other | (area[1:] != area[:-1])) + 1)
    columns = [
        _texts(texts.take(heads)),
        pa.array(area.take(heads)),
        pa.array(np.minimum.reduceat(first, heads)),
        pa.array(np.maximum.reduceat(last, heads)),
        pa.array(np.add.reduceat(visits, heads)),
        pa.array(np.add.reduceat(stayed, heads).astype(np.float64)),
    ]
    return Together(pa.record_batch(columns, schema=TOGETHER), np.flatnonzero(np.append(True, other).take(heads)))


def _sorted(held: _Held, at: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.bytes_], NDArray[np.bool_]]:
    """These places by token and area, their tokens, and whether each is another than the one before."""
    area = held.numbers[0].take(at)
    # Sorted by one number: how the token begins, whose last bits make room for the area.
    bits = np.uint64(int(area.max()).bit_length())
    key = held.begins.take(at) >> bits << bits | area.astype(np.uint64)
    order = np.argsort(key)
    at, alike = at.take(order), np.diff(key.take(order) >> bits) == 0
    # Tokens are most of the bytes and lie anywhere: each is looked up once.
    texts = held.texts.take(at)
    other = _other(texts, alike)
    # Nearly all that begin alike are one token; where they are not, the whole of them decides.
    if (other & alike).any():
        run = np.cumsum(np.append(0, ~alike))
        mixed = np.flatnonzero(np.isin(run, run[1:][other & alike]))
        order = mixed[np.lexsort((held.numbers[0][at[mixed]], texts[mixed]))]
        at[mixed], texts[mixed] = at[order], texts[order]
        other = _other(texts, alike)
    return at, texts, other


def _other(texts: NDArray[np.bytes_], alike: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a token is another than the one before, which can be the same only if it begins `alike`."""
    pairs = np.flatnonzero(alike)
    other = ~alike
    other[pairs] = texts.take(pairs + 1) != texts.take(pairs)
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
