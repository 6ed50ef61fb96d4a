"""What a screening says it was made from: a digest of each file's parts, the same however the file is read."""

import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from blake3 import blake3
from tests.engines.screen.test_pages import rows
from tests.engines.screen.test_screen import NOW, area

from duban.engines.screen import Areas, ScreenError, screen
from duban.engines.screen.presences import ParquetSource

presences = sys.modules["duban.engines.screen.presences"]
AREAS = Areas((area(),))
GROUP = 1000


def written(path, group=GROUP, **options):
    pq.write_table(rows(np.random.default_rng(5)), path, **({"compression": "zstd", "row_group_size": group} | options))
    return path


def digest_of(path, **more):
    return screen(path, AREAS, now=NOW, **more).inputs[str(path)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_dictionary": False},
        {"compression": "none"},
        {"write_page_index": True},
        {"write_statistics": False},
        {"group": 10**6},
    ],
)
def test_who_reads_the_rows_and_who_only_hashes_tell_one_digest(tmp_path, options, monkeypatch):
    path = written(tmp_path / "p.parquet", **options)
    source = ParquetSource(path)
    assert source.read_in_parts
    said = {digest_of(path), digest_of(path, workers=1), digest_of(path, engine="duckdb"), source.digest()}
    # Where a row group, or its part, is more than is held at once.
    monkeypatch.setattr(presences, "_LARGEST_PART", 100)
    assert not ParquetSource(path).read_in_parts
    said.add(digest_of(path))
    monkeypatch.setattr(presences, "_LARGEST_GROUP", 100)
    said.add(digest_of(path))
    monkeypatch.setattr(presences, "_PIECE", 77)
    said.add(digest_of(path))
    assert len(said) == 1


def test_the_digest_is_of_the_digests_of_parts_that_are_all_of_the_file(tmp_path):
    path = written(tmp_path / "p.parquet")
    content, parts = path.read_bytes(), ParquetSource(path).parts
    assert len(parts) == pq.ParquetFile(path).num_row_groups > 1
    assert b"".join(content[begin:end] for begin, end in parts) == content
    whole = b"".join(blake3(content[begin:end]).digest() for begin, end in parts)
    assert digest_of(path) == f"blake3-parts:{blake3(whole).hexdigest()}"


def test_any_other_byte_is_another_digest(tmp_path):
    path = written(tmp_path / "p.parquet", use_dictionary=False)
    before, content = digest_of(path), path.read_bytes()
    column = pq.ParquetFile(path).metadata.row_group(1).column(3)
    for at in (0, column.data_page_offset + column.total_compressed_size - 1):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert ParquetSource(path).digest() != before
    path.write_bytes(content)
    assert digest_of(path) == before


def test_a_file_that_is_named_twice_has_one_digest(tmp_path):
    path, other = written(tmp_path / "p.parquet"), written(tmp_path / "q.parquet", group=700)
    twice = screen([path, other, path], AREAS, now=NOW).inputs
    assert twice == screen([path, other], AREAS, now=NOW).inputs
    assert twice[str(path)] != twice[str(other)]


def test_a_file_that_becomes_shorter_meanwhile_is_refused(tmp_path):
    path, out = written(tmp_path / "p.parquet"), tmp_path / "out.parquet"
    source, content = ParquetSource(path), path.read_bytes()
    chunks = list(source.chunks(hashed=True))
    assert source.parts
    path.write_bytes(content[: len(content) // 2])
    for refused in (lambda: chunks[-1].held().__enter__(), source.digest):
        with pytest.raises(ScreenError) as refusal:
            refused()
        assert refusal.value.code == "unreadable"
    assert not out.exists()


def test_row_groups_in_no_order_make_one_part(tmp_path):
    path = written(tmp_path / "p.parquet")
    source = ParquetSource(path)
    groups = [source.metadata.row_group(number) for number in (2, 0, 1)]

    class Shuffled:
        num_row_groups = 3

        def row_group(self, number):
            return groups[number]

    source.metadata = Shuffled()
    assert source.parts == [(0, path.stat().st_size)]
    assert not source.read_in_parts
