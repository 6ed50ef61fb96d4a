"""Columns of a Parquet file looked at in its pages, without the copy of every value that a reader makes.

Reading is most of what a screening costs. Numbers, and texts of one length such as tokens, lie side by side in a plain
page if none is missing. A column that lies otherwise gives None here, and is left to Arrow's reader.
"""

import re
import threading
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from zstandard import ZstdDecompressor, ZstdError

Bytes = NDArray[np.uint8]
# The bytes of a file from one place on, so and so many.
Read: TypeAlias = Callable[[int, int], memoryview]

# Bytes of a number, and of the length before a text.
_NUMBER, _LENGTH = 8, 4

# A page's heading in Thrift's compact protocol, where each field begins with a byte that says its step and its kind.
# Texts of up to 127 bytes; a page that says more of its values is left to Arrow.
_INTEGER = rb"([\x80-\xff]{0,9}[\x00-\x7f])"
_TEXT = b"(?:" + b"|".join(re.escape(bytes([size])) + b".{%d}" % size for size in range(128)) + b")"
# The least and the greatest of the values, how many are missing, and whether that is exact.
_SAID = rb"[\x18\x28\x38\x48\x58\x68]" + _TEXT + rb"|[\x16\x26\x36]" + _INTEGER + rb"|[\x11\x12\x21\x22]"
# It is a page of values; its bytes without compression and with it, perhaps a checksum; how many values, one after
# another, and in runs which of them are there.
_HEADING = re.compile(
    rb"\x15\x00\x15" + _INTEGER + rb"\x15" + _INTEGER + rb"(?:\x2c|\x15" + _INTEGER + rb"\x1c)"
    rb"\x15" + _INTEGER + rb"\x15\x00\x15\x06\x15\x06(?:\x1c(?:" + _SAID + rb")*\x00)?\x00\x00",
    re.DOTALL,
)


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
    width = 0
    try:
        pages = _pages(read, metadata, group, column)
        room = np.empty(max((page.size for page in pages), default=0), dtype=np.uint8)
        firsts = np.cumsum([0, *(page.rows for page in pages)])
        begins = np.searchsorted(at, firsts)
        for page, first, begin, end in zip(pages, firsts, begins, begins[1:], strict=False):
            values = page.values(room[: page.size])
            width = width or values.size // page.rows - _LENGTH
            if width <= 0 or values.size != page.rows * (_LENGTH + width):
                raise _OtherwiseError
            lines = values.reshape(page.rows, -1)
            if (lines[:, :_LENGTH].view(np.int32) != width).any():
                raise _OtherwiseError
            taken = values.view(f"V{_LENGTH + width}").take(at[begin:end] - first)
            found.append(taken.view(np.uint8).reshape(len(taken), _LENGTH + width)[:, _LENGTH:])
    except _OtherwiseError:
        return None
    offsets = np.arange(len(at) + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(len(at), pa.py_buffer(offsets), pa.py_buffer(np.concatenate(found)))


class _Page(NamedTuple):
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
    row_group, kind = metadata.row_group(group), metadata.schema.column(column)
    about = row_group.column(column)
    statistics = about.statistics
    if statistics is None or not statistics.has_null_count or statistics.null_count:
        raise _OtherwiseError
    if about.has_dictionary_page or about.compression not in _CODECS or kind.max_repetition_level:
        raise _OtherwiseError
    undo, optional, most = _CODECS[about.compression], kind.max_definition_level > 0, about.total_uncompressed_size
    chunk = read(about.data_page_offset, about.total_compressed_size)
    found = []
    at, left = 0, row_group.num_rows
    while at < len(chunk):
        heading = _HEADING.match(chunk, at)
        if heading is None:
            raise _OtherwiseError
        size, packed, rows = (_integer(heading[said]) for said in (1, 2, 4))
        at = heading.end()
        if not (0 < rows <= left and 0 < packed <= len(chunk) - at and 0 < size <= most):
            raise _OtherwiseError
        found.append(_Page(rows, chunk[at : at + packed], size, optional, undo))
        at, left = at + packed, left - rows
    if left:
        raise _OtherwiseError
    return found


def _integer(said: bytes) -> int:
    """Seven bits a byte, the lowest first, of which the very lowest says whether it is negative."""
    value = 0
    for byte in reversed(said):
        value = value << 7 | byte & 127
    return value >> 1 ^ -(value & 1)


_kept = threading.local()


def _zstd(packed: memoryview, room: Bytes) -> None:
    # One for all that a thread reads: to prepare it takes a tenth as long as a page.
    if not hasattr(_kept, "decompressor"):
        _kept.decompressor = ZstdDecompressor()
    decompressor: ZstdDecompressor = _kept.decompressor
    try:
        with decompressor.stream_reader(packed) as reader:
            whole = reader.readinto(room) == len(room)
    except ZstdError as error:
        raise OSError(f"A page cannot be decompressed: {error}") from error
    if not whole:
        raise OSError("A page ends before its last value.")


def _snappy(packed: memoryview, room: Bytes) -> None:
    room[:] = np.frombuffer(pa.Codec("snappy").decompress(packed, decompressed_size=len(room)), dtype=np.uint8)


_CODECS = {"ZSTD": _zstd, "SNAPPY": _snappy}
