"""Exposures put together in memory are those that DuckDB puts together, and what Python adds up."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duban.engines.screen import together
from duban.engines.screen.kernel import EXPOSURES
from duban.engines.screen.together import put_together

# Tokens of one length that begin alike for some words, so that the later words must decide.
beginnings = st.sampled_from(["", "0" * 8, "0" * 16, "é" * 4, "\x00" * 8])
ends = st.text("01\x00\x7f", min_size=3, max_size=3)
tokens = st.tuples(st.just("x" * 16), ends).map("".join) | st.tuples(beginnings, ends).map(
    lambda parts: (parts[0] + parts[1] + "#" * 19)[: 19 - len(parts[0].encode()) + len(parts[0])]
)
rows = st.lists(st.tuples(tokens, st.integers(0, 3), st.integers(-5, 5), st.integers(0, 9)), min_size=1, max_size=60)


def batches(found, sizes=7):
    columns = [list(column) for column in zip(*found, strict=True)]
    person, area, first, stayed = columns
    last = [begin + stay for begin, stay in zip(first, stayed, strict=True)]
    whole = pa.record_batch(
        [pa.array(column, field.type) for column, field in zip((person, area, first, last), EXPOSURES, strict=True)],
        schema=EXPOSURES,
    )
    # Slices, whose buffers begin before them.
    return [whole.slice(at, sizes) for at in range(0, len(found), sizes)] + [whole.slice(0, 0)]


def as_it_is(together):
    """The rows, if each person's begin where that is said."""
    person = together.rows["person"].to_pylist()
    assert together.begins.tolist() == [at for at in range(len(person)) if not at or person[at] != person[at - 1]]
    return together.rows


def together_of(found, folder, workers=2):
    return pa.Table.from_batches(
        put_together(iter(batches(found)), as_it_is, str(folder), 64, workers)
    ).combine_chunks()


def expected(found):
    said = {}
    for person, area, first, stayed in found:
        begin, end, visits, sums = said.get((person.encode(), area), (first, first + stayed, 0, 0))
        said[person.encode(), area] = (min(begin, first), max(end, first + stayed), visits + 1, sums + stayed)
    return [(person.decode(), area, *numbers) for (person, area), numbers in sorted(said.items())]


@settings(max_examples=60, deadline=None)
@given(rows)
def test_memory_gives_what_python_adds_up(tmp_path_factory, found):
    assert {len(person.encode()) for person, *_ in found} == {19}
    table = together_of(found, "")
    assert [tuple(row.values()) for row in table.to_pylist()] == expected(found)


@settings(max_examples=10, deadline=None)
@given(rows)
def test_duckdb_gives_the_same(tmp_path_factory, found):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together._Held, "sums_fit", False)
        table = together_of(found, tmp_path_factory.mktemp("spill"))
    assert [tuple(row.values()) for row in table.to_pylist()] == expected(found)


@pytest.mark.parametrize(
    "found",
    [
        [("b", 0, 0, 1), ("", 0, 0, 1), ("aa", 1, 0, 2), ("b", 0, 5, 2)],
        [("", 0, 0, 1), ("", 0, 3, 1)],
        [("a", 0, 0, 1 << 60), ("a", 0, 0, 1 << 60), ("a", 0, 0, 1 << 60), ("b", 0, 0, 1 << 60)] * 3,
    ],
    ids=["several lengths", "empty", "sums beyond an integer"],
)
def test_what_memory_cannot_put_together_is_left_to_duckdb(tmp_path, found):
    table = together_of(found, tmp_path)
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        (*row[:-1], float(row[-1])) for row in expected(found)
    ]


def test_what_is_too_much_goes_on_on_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(together, "_summed", None)
    random = np.random.default_rng(3)
    many = [(f"{random.integers(1 << 20):064x}", 0, 0, 1) for _ in range(20_000)]
    found = batches(many, 500)
    read = pa.Table.from_batches(put_together(iter(found), as_it_is, str(tmp_path), 7, 1))
    assert read["person"].to_pylist() == sorted({person for person, *_ in many})
    assert pa.compute.sum(read["visits"]).as_py() == len(many)


def test_nothing_gives_nothing(tmp_path):
    assert list(put_together(iter(()), as_it_is, str(tmp_path), 64, 2)) == []
