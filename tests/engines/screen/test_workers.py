"""Helpers of a screening: the same rows, and what becomes of it when one is killed, stopped or given another file."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.engines.screen.test_screen import NOW, START, area, mixed, row, table

from duban.engines.screen import Areas, ScreenError, Store, screen
from duban.engines.screen.cover import Cover
from duban.engines.screen.instants import to_micros
from duban.engines.screen.kernel import Kernel
from duban.engines.screen.presences import ParquetSource
from duban.engines.screen.workers import Workers, _idle, stop_helpers

screening = sys.modules["duban.engines.screen.screen"]


@pytest.fixture(autouse=True)
def _helped(monkeypatch):
    """Every file is worth a helper, and none outlives the test."""
    monkeypatch.setattr(screening, "WORTH_A_HELPER", 1)
    yield
    stop_helpers()


def kernel_of(areas):
    return Kernel(areas, Cover.build(areas.parts, areas.owner), to_micros(NOW))


def until(said, seconds=30.0):
    end = time.monotonic() + seconds
    while not said():
        assert time.monotonic() < end
        time.sleep(0.01)


def only_helpers(work):
    """Wait for the helper, and take the kernel of this process away from the free ones."""
    until(lambda: work._free.qsize() == work.threads)
    assert work._free.get() is work.kernel


def helper_of(work):
    return work._helpers[0]._process


def shared(presences, areas, workers, **more):
    """Screen with this process made slow, so that helpers get row groups as well; and how many it kept."""
    kept, quick = [], Kernel.screen

    def slowly(self, chunk):
        kept.append(chunk)
        time.sleep(0.5)
        return quick(self, chunk)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Kernel, "screen", slowly)
        return screen(presences, areas, now=NOW, workers=workers, **more), len(kept)


def write_mixed(path, seed, count=3000):
    """Twenty row groups, with bad rows here and there."""
    rows = mixed(np.random.default_rng(seed), count)
    rows[:: count // 7] = [row(None, lon=116.1 + n / 100) for n in range(len(rows[:: count // 7]))]
    pq.write_table(table(*rows), path, row_group_size=count // 20)


def test_a_helper_finds_what_the_kernel_does(tmp_path):
    write_mixed(tmp_path / "p.parquet", 1)
    areas = Areas((area(), area("b", shape=None, code="4401")))
    kernel = kernel_of(areas)
    chunks = list(ParquetSource(tmp_path / "p.parquet").chunks())
    with Workers(kernel, 2) as work:
        only_helpers(work)
        for chunk in chunks:
            mine, theirs = kernel.screen(chunk), work.screen(chunk)
            assert mine.rows == theirs.rows
            for one, other in ((mine.exposures, theirs.exposures), (mine.rejects, theirs.rejects)):
                assert (one is None and other is None) or one.equals(other)
    assert any(kernel.screen(chunk).rejects is not None for chunk in chunks)


def test_several_processes_give_the_rows_of_one_in_the_same_order(tmp_path):
    for number in range(3):
        write_mixed(tmp_path / f"p{number}.parquet", number)
    areas = Areas((area(), area("b", shape=None, code="4401", measure="test")))
    alone = screen(tmp_path, areas, now=NOW, workers=1)
    several, kept = shared(tmp_path, areas, 3)
    assert kept < 60
    for name in ("per_area", "per_person", "rejected"):
        assert getattr(alone, name).equals(getattr(several, name))
    assert (alone.rows, alone.rejects, alone.inputs) == (several.rows, several.rejects, several.inputs)
    assert alone.rejected.num_rows > 0


def test_a_store_is_screened_by_several_processes_too(tmp_path):
    store, areas = Store(tmp_path), Areas((area(lookback_days=9), area("b", shape=None, code="4401", lookback_days=9)))
    store.add(table(*mixed(np.random.default_rng(9), 3000)))
    alone = screen(store, areas, now=NOW, workers=1)
    several, kept = shared(store, areas, 2)
    assert several.per_area.equals(alone.per_area)
    assert (several.rows, several.rows_held) == (alone.rows, alone.rows_held)
    assert 0 < kept < len(list(store.affected(areas, kernel_of(areas).cover)))


def test_a_helper_that_is_killed_ends_the_screening_and_leaves_the_old_result(monkeypatch, tmp_path):
    path, out = tmp_path / "p.parquet", tmp_path / "out.parquet"
    write_mixed(path, 4)
    screen(path, Areas((area(),)), now=NOW, out=out, workers=1)
    before = {there.name: there.read_bytes() for there in tmp_path.iterdir()}
    started, lost = [], Workers.screen

    def killing(self, chunk):
        until(lambda: self._free.qsize() or helper_of(self).poll() is not None)
        if not started:
            started.append(helper_of(self))
            until(lambda: self._free.qsize() > 1)
            started[0].kill()
        return lost(self, chunk)

    monkeypatch.setattr(Workers, "screen", killing)
    with pytest.raises(ScreenError) as error:
        screen(path, Areas((area(),)), now=NOW, out=out, workers=2)
    assert error.value.code == "helper_lost"
    # Rejects are told as they come; the results are those of before, and nothing is half there.
    kept = {there.name: there.read_bytes() for there in tmp_path.iterdir() if "rejects" not in there.name}
    assert kept == {name: content for name, content in before.items() if "rejects" not in name}
    assert started[0].poll() is not None
    assert not _idle


def test_a_helper_that_cannot_start_is_done_without(monkeypatch, tmp_path):
    write_mixed(tmp_path / "p.parquet", 5)
    alone = screen(tmp_path, Areas((area(),)), now=NOW, workers=1)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert screen(tmp_path, Areas((area(),)), now=NOW, workers=2).per_area.equals(alone.per_area)
    assert not _idle


def test_what_goes_wrong_in_a_helper_is_raised_as_it_was(tmp_path):
    path = tmp_path / "p.parquet"
    pq.write_table(table(*(row(f"p{n}") for n in range(2000))), path, compression="none")
    source = ParquetSource(path)
    broken = bytearray(path.read_bytes())
    broken[4:400] = b"\xff" * 396
    path.write_bytes(broken)
    with Workers(kernel_of(Areas((area(),))), 2) as work:
        only_helpers(work)
        with pytest.raises((OSError, pa.ArrowException)):
            work.screen(next(iter(source.chunks())))


def test_a_helper_is_used_again_and_sees_the_file_that_is_there_then(tmp_path):
    path, areas = tmp_path / "p.parquet", Areas((area(),))
    processes = []
    for seed in (6, 7):
        write_mixed(path, seed)
        alone = screen(path, areas, now=NOW, workers=1)
        several, kept = shared(path, areas, 2)
        assert several.per_area.equals(alone.per_area)
        assert kept < 20
        processes += [helper._process.pid for helper in _idle]
    assert len(processes) == 2
    assert len(set(processes)) == 1
    # One that ended while it waited is replaced.
    os.kill(processes[0], signal.SIGKILL)
    until(lambda: not _idle[0].lives())
    assert shared(path, areas, 2)[0].per_area.equals(alone.per_area)
    assert [helper._process.pid for helper in _idle] != processes[:1]


def test_an_interrupt_leaves_no_process_behind(monkeypatch, tmp_path):
    write_mixed(tmp_path / "p.parquet", 8)
    started = []

    def interrupted(self, chunk):
        until(lambda: self._free.qsize() > 1)
        started.append(helper_of(self))
        raise KeyboardInterrupt

    monkeypatch.setattr(Workers, "screen", interrupted)
    with pytest.raises(KeyboardInterrupt):
        screen(tmp_path, Areas((area(),)), now=NOW, workers=2, out=tmp_path / "out.parquet")
    assert started[0].poll() is not None
    assert not _idle
    assert not (tmp_path / "out.parquet").exists()


def test_a_helper_ends_with_the_process_that_started_it():
    asking = """
import os, signal, time
from tests.engines.screen.test_workers import Areas, Workers, area, helper_of, kernel_of, only_helpers
work = Workers(kernel_of(Areas((area(),))), 2)
only_helpers(work)
print(helper_of(work).pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    root = Path(__file__).parents[3]
    run = subprocess.run([sys.executable, "-c", asking], cwd=root, capture_output=True, text=True, check=False)
    assert run.returncode == -signal.SIGKILL, run.stderr
    status = Path(f"/proc/{int(run.stdout)}/status")

    def ended():
        try:
            return "State:\tZ" in status.read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True

    until(ended)


def test_batches_are_screened_here(monkeypatch):
    rows = table(*(row(f"p{n}", arrived=START) for n in range(10)))
    monkeypatch.setattr(subprocess, "Popen", None)
    assert screen(rows, Areas((area(),)), now=NOW, workers=2).people == 10
