"""Columns looked at in their pages are what Arrow reads of them, however a file was written or spoilt."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.engines.screen.test_screen_laws import SCHEMA

from duban.engines.screen.pages import numbers, texts
from duban.engines.screen.presences import ParquetSource, TableChunk

COUNT = 3000


def rows(random, width=64, nulls=()):
    """A table of presences whose tokens are `width` long, or of any length if that is None."""

    def token():
        return "".join(random.choice(list("0123456789abcdef"), width or int(random.integers(0, 9))))

    columns = {
        "person": [token() for _ in range(COUNT)],
        "lon": random.uniform(-180, 180, COUNT).tolist(),
        "lat": random.uniform(-90, 90, COUNT).tolist(),
        "area_code": [None] * COUNT,
        "venue": [None] * COUNT,
        "arrived": random.integers(-(1 << 50), 1 << 50, COUNT).tolist(),
        "departed": random.integers(-(1 << 50), 1 << 50, COUNT).tolist(),
    }
    for name in nulls:
        columns[name][int(random.integers(COUNT))] = None
    return pa.table(columns, schema=SCHEMA)


def read_of(path):
    content = memoryview(path.read_bytes())
    return lambda at, size: content[at : at + size]


def check_alike(path, whole):
    source = ParquetSource(path)
    for hashed in (False, True) if source.read_in_parts else (False,):
        first = 0
        for chunk in source.chunks(hashed):
            with chunk.held():
                check_chunk(chunk, whole.slice(first, chunk.rows))
            first += chunk.rows
        assert first == whole.num_rows
    return source


def check_chunk(chunk, whole):
    read = pa.record_batch([column.combine_chunks() for column in whole.columns], schema=SCHEMA)
    other = TableChunk("", 0, read, chunk.layout)
    for name in ("lon", "lat"):
        for one, two in zip(chunk.degrees(name), other.degrees(name), strict=True):
            assert (one is None) == (two is None)
            np.testing.assert_array_equal(one, two)
    for name in ("arrived", "departed"):
        np.testing.assert_array_equal(chunk.micros(name), other.micros(name))
    at = np.flatnonzero(np.random.default_rng(chunk.rows).random(chunk.rows) < 0.1)
    for asked in (at, at[:1], np.arange(chunk.rows)) if chunk.rows else ():
        assert chunk.text_of("person", asked).equals(other.text_of("person", asked))


@pytest.mark.parametrize(
    ("width", "nulls", "options"),
    [
        (64, (), {}),
        (64, (), {"compression": "snappy", "data_page_size": 4096}),
        (
            64,
            (),
            {"compression": "zstd", "data_page_size": 4096, "write_page_index": True, "write_page_checksum": True},
        ),
        (64, ("departed",), {"data_page_size": 4096}),
        (64, ("person", "lon", "lat", "arrived", "departed"), {}),
        (200, (), {}),
        (64, (), {"compression": "none"}),
        (64, (), {"compression": "gzip"}),
        (64, (), {"data_page_version": "2.0"}),
        (64, (), {"write_statistics": False}),
        (64, (), {"use_dictionary": True}),
        (64, (), {"column_encoding": {"lon": "BYTE_STREAM_SPLIT", "arrived": "DELTA_BINARY_PACKED"}}),
        (64, (), {"column_encoding": {"person": "DELTA_BYTE_ARRAY"}, "store_schema": False}),
        (None, (), {"data_page_size": 4096}),
        (1, ("departed",), {"data_page_size": 512}),
    ],
)
def test_pages_hold_what_arrow_reads(tmp_path, width, nulls, options):
    whole = rows(np.random.default_rng(11), width, nulls)
    path = tmp_path / "p.parquet"
    pq.write_table(whole, path, **({"compression": "zstd", "use_dictionary": False, "row_group_size": 1100} | options))
    check_alike(path, whole)


def test_required_columns_are_looked_at_as_well(tmp_path):
    whole = rows(np.random.default_rng(12))
    whole = whole.cast(pa.schema([field.with_nullable(whole[field.name].null_count > 0) for field in SCHEMA]))
    path = tmp_path / "p.parquet"
    pq.write_table(whole, path, compression="zstd", use_dictionary=False, row_group_size=1100)
    check_alike(path, whole)


def test_the_usual_file_needs_no_other_reader(tmp_path):
    path = tmp_path / "p.parquet"
    pq.write_table(rows(np.random.default_rng(13)), path, compression="zstd", use_dictionary=False)
    source = ParquetSource(path)
    for name in ("lon", "lat", "arrived", "departed"):
        assert numbers(read_of(path), source.metadata, 0, source.columns[name]) is not None
    assert texts(read_of(path), source.metadata, 0, source.columns["person"], np.array([0, COUNT - 1])) is not None
    assert numbers(read_of(path), source.metadata, 0, source.columns["person"]) is None


def test_a_row_group_without_rows_is_none_too_many(tmp_path):
    path = tmp_path / "p.parquet"
    whole = rows(np.random.default_rng(17))
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=False) as writer:
        for part in (whole.slice(0, 0), whole.slice(0, 5), whole.slice(0, 0)):
            writer.write_table(part)
    check_alike(path, whole.slice(0, 5))


def test_two_lengths_that_add_up_are_told_apart(tmp_path):
    path = tmp_path / "p.parquet"
    whole = rows(np.random.default_rng(14), 8)
    whole = whole.set_column(0, "person", pa.array(["a" * (7 + 2 * (n % 2)) for n in range(COUNT)]))
    pq.write_table(whole, path, compression="zstd", use_dictionary=False)
    check_alike(path, whole)


def test_spoilt_pages_are_errors_and_never_anything_else(tmp_path):
    """Bytes changed anywhere in a heading or its values: Arrow's errors or other values, but no other end."""
    path = tmp_path / "p.parquet"
    pq.write_table(rows(np.random.default_rng(15)), path, compression="zstd", use_dictionary=False, data_page_size=2048)
    good = path.read_bytes()
    source = ParquetSource(path)
    begins = [source.metadata.row_group(0).column(column).data_page_offset for column in source.columns.values()]
    random = np.random.default_rng(16)
    for _ in range(400):
        spoilt = bytearray(good)
        at = int(random.choice(begins)) + int(random.integers(0, 60))
        spoilt[at : at + 1] = random.bytes(int(random.integers(0, 2))) or b"\xff"
        path.write_bytes(spoilt)
        for name, column in source.columns.items():
            try:
                if name == "person":
                    texts(read_of(path), source.metadata, 0, column, np.array([5, COUNT - 1]))
                else:
                    numbers(read_of(path), source.metadata, 0, column)
            except (OSError, pa.ArrowException):
                pass
