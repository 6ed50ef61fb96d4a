"""Columns of a Parquet file looked at in its pages, without the copy of every value that a reader makes.

Reading is most of what a screening costs. Numbers, and texts of one length such as tokens, lie side by side in a plain
page if none is missing. A column that lies otherwise gives None here, and is left to Arrow's reader.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from zstandard import ZstdDecompressor, ZstdError

Bytes = NDArray[np.uint8]
# The bytes of a file from one place on, so and so many.
Read: TypeAlias = Callable[[int, int], memoryview]

# What the format calls a page of values, values one after another, and presence in runs.
_DATA_PAGE, _PLAIN, _RLE = 0, 0, 3
# Kinds of a field in a page's heading (Thrift's compact protocol).
_TRUE, _FALSE, _BYTE, _INTEGERS, _BINARY, _STRUCT = 1, 2, 3, (4, 5, 6), 8, 12
# Bytes of a number, and of the length before a text.
_NUMBER, _LENGTH = 8, 4


class _OtherwiseError(Exception):
    """The column does not lie as it would have to."""


def numbers(read: Read, metadata: pq.FileMetaData, group: int, column: int) -> NDArray[np.int64] | None:
    """A column of 64 bits a value in a row group (n,), its bits as integers."""
    try:
        pages = _pages(read, metadata, group, column)
        if not pages:
            return None
        lead = pages[0].size - pages[0].rows * _NUMBER
        if lead < 0:
            return None
        # Room before the first value for what precedes it, and the values where a processor likes them.
        begin = -(-lead // _NUMBER) * _NUMBER
        whole = np.empty(begin + metadata.row_group(group).num_rows * _NUMBER, dtype=np.uint8)
        end = len(whole)
        # From the last to the first, so that what precedes a page's values is overwritten by those before them.
        for page in reversed(pages):
            at = end - page.size
            if at < 0:
                raise _OtherwiseError
            values = page.values(whole[at:end])
            if values.size != page.rows * _NUMBER:
                raise _OtherwiseError
            end -= values.size
    except _OtherwiseError:
        return None
    return whole[begin:].view(np.int64)


def texts(
    read: Read, metadata: pq.FileMetaData, group: int, column: int, at: NDArray[np.intp]
) -> pa.StringArray | None:
    """A text column of a row group at some rows, in ascending order, if all its texts are equally long."""
    found: list[Bytes] = []
    width = first = 0
    try:
        pages = _pages(read, metadata, group, column)
        room = np.empty(max((page.size for page in pages), default=0), dtype=np.uint8)
        for page in pages:
            values = page.values(room[: page.size])
            width = width or values.size // page.rows - _LENGTH
            if width <= 0 or values.size != page.rows * (_LENGTH + width):
                raise _OtherwiseError
            lines = values.reshape(page.rows, -1)
            if (lines[:, :_LENGTH].view(np.int32) != width).any():
                raise _OtherwiseError
            begin, end = np.searchsorted(at, (first, first + page.rows))
            taken = values.view(f"V{_LENGTH + width}").take(at[begin:end] - first)
            found.append(taken.view(np.uint8).reshape(len(taken), _LENGTH + width)[:, _LENGTH:])
            first += page.rows
    except _OtherwiseError:
        return None
    offsets = np.arange(len(at) + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(len(at), pa.py_buffer(offsets), pa.py_buffer(np.concatenate(found)))


@dataclass(frozen=True, slots=True)
class _Page:
    """How many rows a page has, its bytes compressed, how many it has not, and whether they say who is there."""

    rows: int
    packed: memoryview
    size: int
    optional: bool
    undo: Callable[[memoryview, Bytes], None]

    def values(self, room: Bytes) -> Bytes:
        """The bytes of the values, in `room`, which has as many as the page."""
        self.undo(self.packed, room)
        if not self.optional:
            return room
        if self.size < _LENGTH:
            raise _OtherwiseError
        # Who is there, in runs, after its length: nobody is missing, which is known by now.
        return room[_LENGTH + int(room[:_LENGTH].view(np.int32)[0]) :]


def _pages(read: Read, metadata: pq.FileMetaData, group: int, column: int) -> list[_Page]:
    about, kind = metadata.row_group(group).column(column), metadata.schema.column(column)
    missing = about.statistics.null_count if about.statistics and about.statistics.has_null_count else None
    if missing != 0 or about.has_dictionary_page or about.compression not in _CODECS or kind.max_repetition_level:
        raise _OtherwiseError
    undo = _CODECS[about.compression]()
    chunk = read(about.data_page_offset, about.total_compressed_size)
    found = []
    at, left = 0, metadata.row_group(group).num_rows
    while at < len(chunk):
        rows, packed, size, at = _heading(chunk, at)
        if rows > left or packed > len(chunk) - at or size > about.total_uncompressed_size:
            raise _OtherwiseError
        found.append(_Page(rows, chunk[at : at + packed], size, kind.max_definition_level > 0, undo))
        at, left = at + packed, left - rows
    if left:
        raise _OtherwiseError
    return found


_kept = threading.local()


def _zstd() -> Callable[[memoryview, Bytes], None]:
    # One for all that a thread reads: to prepare it takes a tenth as long as a page.
    if not hasattr(_kept, "decompressor"):
        _kept.decompressor = ZstdDecompressor()
    decompressor: ZstdDecompressor = _kept.decompressor

    def undo(packed: memoryview, room: Bytes) -> None:
        try:
            with decompressor.stream_reader(packed) as reader:
                whole = reader.readinto(room) == len(room)
        except ZstdError as error:
            raise OSError(f"A page cannot be decompressed: {error}") from error
        if not whole:
            raise OSError("A page ends before its last value.")

    return undo


def _snappy() -> Callable[[memoryview, Bytes], None]:
    codec = pa.Codec("snappy")

    def undo(packed: memoryview, room: Bytes) -> None:
        room[:] = np.frombuffer(codec.decompress(packed, decompressed_size=len(room)), dtype=np.uint8)

    return undo


_CODECS = {"ZSTD": _zstd, "SNAPPY": _snappy}


def _heading(data: memoryview, at: int) -> tuple[int, int, int, int]:
    """A page's rows, its bytes compressed and not, and where they begin."""
    try:
        said, at = _fields(data, at)
        values = said[5]
        if said[1] != _DATA_PAGE or values[2] != _PLAIN or values[3] != _RLE or min(values[1], said[2], said[3]) <= 0:
            raise _OtherwiseError
        return values[1], said[3], said[2], at
    except (IndexError, KeyError, TypeError, RecursionError) as error:
        raise _OtherwiseError from error


def _fields(data: memoryview, at: int) -> tuple[dict[int, Any], int]:
    """The numbers in a struct by their field's number, structs within it likewise, and where it ends."""
    found: dict[int, Any] = {}
    field = 0
    while head := data[at]:
        at += 1
        kind = head & 15
        if head >> 4:
            field += head >> 4
        else:
            field, at = _integer(data, at)
        if kind in _INTEGERS:
            found[field], at = _integer(data, at)
        elif kind == _STRUCT:
            found[field], at = _fields(data, at)
        elif kind == _BINARY:
            length, at = _varint(data, at)
            at += length
        elif kind == _BYTE:
            at += 1
        elif kind not in (_TRUE, _FALSE):
            raise _OtherwiseError
    return found, at + 1


def _integer(data: memoryview, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    # Most numbers are of one byte.
    value = data[at]
    if value < 128:
        return value, at + 1
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at
