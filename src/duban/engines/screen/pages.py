"""Columns of a Parquet file looked at in its pages, without the copy of every value that a reader makes.

Reading is most of what a screening costs. Numbers, and texts of one length such as tokens, lie side by side in a plain
page if none is missing. A column that lies otherwise gives None here, and is left to Arrow's reader.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

_CODECS = {"ZSTD": "zstd", "SNAPPY": "snappy"}
# What the format calls a page of values, values one after another, and presence in runs.
_DATA_PAGE, _PLAIN, _RLE = 0, 0, 3
# Kinds of a field in a page's heading (Thrift's compact protocol).
_TRUE, _FALSE, _BYTE, _INTEGERS, _BINARY, _STRUCT = 1, 2, 3, (4, 5, 6), 8, 12
# Bytes of a number, and of the length before a text.
_NUMBER, _LENGTH = 8, 4


class _OtherwiseError(Exception):
    """The column does not lie as it would have to."""


def numbers(path: Path, metadata: pq.FileMetaData, group: int, column: int) -> NDArray[np.int64] | None:
    """A column of 64 bits a value in a row group (n,), its bits as integers, which cannot be written to."""
    found: list[NDArray[np.int64]] = []
    try:
        for _, rows, values in _pages(path, metadata, group, column):
            if values.size != rows * _NUMBER:
                raise _OtherwiseError
            found.append(values.view(np.int64))
    except _OtherwiseError:
        return None
    if not found:
        return None
    # Most often one page is the whole, and lies as a processor likes it.
    return found[0] if len(found) == 1 and found[0].flags.aligned else np.concatenate(found)


def texts(
    path: Path, metadata: pq.FileMetaData, group: int, column: int, at: NDArray[np.intp]
) -> pa.StringArray | None:
    """A text column of a row group at some rows, in ascending order, if all its texts are equally long."""
    found: list[Bytes] = []
    width = 0
    try:
        for first, rows, values in _pages(path, metadata, group, column):
            width = width or values.size // rows - _LENGTH
            if width <= 0 or values.size != rows * (_LENGTH + width):
                raise _OtherwiseError
            lines = values.reshape(rows, -1)
            if (lines[:, :_LENGTH].view(np.int32) != width).any():
                raise _OtherwiseError
            begin, end = np.searchsorted(at, (first, first + rows))
            taken = values.view(f"V{_LENGTH + width}").take(at[begin:end] - first)
            found.append(taken.view(np.uint8).reshape(len(taken), _LENGTH + width)[:, _LENGTH:])
    except _OtherwiseError:
        return None
    offsets = np.arange(len(at) + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(len(at), pa.py_buffer(offsets), pa.py_buffer(np.concatenate(found)))


def _pages(path: Path, metadata: pq.FileMetaData, group: int, column: int) -> Iterator[tuple[int, int, Bytes]]:
    """Of each page the first row, how many rows, and the bytes of their values."""
    about, kind = metadata.row_group(group).column(column), metadata.schema.column(column)
    missing = about.statistics.null_count if about.statistics and about.statistics.has_null_count else None
    if missing != 0 or about.has_dictionary_page or about.compression not in _CODECS or kind.max_repetition_level:
        raise _OtherwiseError
    codec = pa.Codec(_CODECS[about.compression])
    with path.open("rb", buffering=0) as file:
        file.seek(about.data_page_offset)
        chunk = pa.py_buffer(file.read(about.total_compressed_size))
    headings = memoryview(chunk).cast("B")
    at = first = 0
    while at < chunk.size:
        rows, packed, size, at = _heading(headings, at)
        held = rows <= metadata.row_group(group).num_rows - first and packed <= chunk.size - at
        if not held or size > about.total_uncompressed_size:
            raise _OtherwiseError
        page = np.frombuffer(codec.decompress(chunk.slice(at, packed), decompressed_size=size), dtype=np.uint8)
        if kind.max_definition_level:
            if size < _LENGTH:
                raise _OtherwiseError
            # Who is there, in runs, after its length: nobody is missing, which is known by now.
            page = page[_LENGTH + int(page[:_LENGTH].view(np.int32)[0]) :]
        yield first, rows, page
        at, first = at + packed, first + rows
    if first != metadata.row_group(group).num_rows:
        raise _OtherwiseError


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
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at
