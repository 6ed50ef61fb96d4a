"""The store of presences under DUBAN_DATA/presences: the engine's folder of days, kept in step with the database.

A file counts once a row of `PresencePart` names it, and no longer than that. One process writes at a time; what it
made becomes visible in one moment, for which it waits until nobody reads. What a crash left in that moment is cleared
away by the next who comes.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.core.errors import Conflict
from duban.engines.screen import Store
from duban.outbreak.models import PresencePart

SCHEMA = pa.schema(
    [
        ("person", pa.string()),
        ("lon", pa.float64()),
        ("lat", pa.float64()),
        ("area_code", pa.string()),
        ("venue", pa.string()),
        ("arrived", pa.timestamp("us", "UTC")),
        ("departed", pa.timestamp("us", "UTC")),
    ]
)
COLUMNS = ", ".join(SCHEMA.names)
MEMORY_MB = 512
BATCH = 65_536
INDEX = ".index.json"


def folder() -> Path:
    return settings.DUBAN_DATA / "presences"


@dataclass(frozen=True)
class Stored:
    """What the store holds."""

    rows: int
    first: date | None
    last: date | None


def stored() -> Stored:
    found = PresencePart.objects.aggregate(rows=Sum("rows"), first=Min("day"), last=Max("day"))
    return Stored(found["rows"] or 0, found["first"], found["last"])


def paths_of(parts: Iterable[PresencePart]) -> list[str]:
    return [str(folder() / part.file) for part in parts]


# ---- reading --------------------------------------------------------------------------------------------------------


@contextmanager
def reading() -> Iterator[Store]:
    """The store as it is now; it does not change while somebody reads."""
    with _locked("visible", fcntl.LOCK_SH) as lock:
        if _strays():
            fcntl.flock(lock, fcntl.LOCK_EX)
            _clear()
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield Store(folder(), timezone.get_default_timezone())


@contextmanager
def _locked(name: str, how: int) -> Iterator[int]:
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder() / f".{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield descriptor
    finally:
        os.close(descriptor)


def _strays() -> list[Path]:
    """Files that no row names."""
    named = set(PresencePart.objects.values_list("file", flat=True))
    found = []
    for day in folder().glob("day=*"):
        for file in day.iterdir():
            if f"{day.name}/{file.name.removesuffix(INDEX).removesuffix('.parquet')}.parquet" not in named:
                found.append(file)
    return found


def _clear() -> None:
    # Without its index a file does not count any more.
    for file in sorted(_strays(), key=lambda file: not file.name.endswith(INDEX)):
        file.unlink()
    for day in folder().glob("day=*"):
        if not any(day.iterdir()):
            day.rmdir()


# ---- writing --------------------------------------------------------------------------------------------------------


@contextmanager
def writing() -> Iterator[Path]:
    """For one writer at a time; yields a folder to work in, gone afterwards.

    Raises Conflict (`store_busy`) where somebody else writes.
    """
    try:
        with _locked("writer", fcntl.LOCK_EX | fcntl.LOCK_NB):
            work = folder() / ".work"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(mode=0o700)
            try:
                yield work
            finally:
                shutil.rmtree(work, ignore_errors=True)
    except BlockingIOError as error:
        raise Conflict(
            "store_busy", _("Presences are being written or dropped just now; try again when that is done.")
        ) from error


@contextmanager
def changing() -> Iterator[None]:
    """The moment in which what is visible changes: one transaction, and nobody reads. Strays are cleared after it."""
    with _locked("visible", fcntl.LOCK_EX):
        _clear()
        try:
            with transaction.atomic():
                yield
        finally:
            _clear()


def sorted_parts(work: Path, staged: dict[date, Path], told: Callable[[int, int], None]) -> list[PresencePart]:
    """The staged rows that are not in the store yet, each once, sorted in `work`; neither saved nor visible."""
    made = Store(work / "sorted", timezone.get_default_timezone())
    # The engine pulls the rows in a thread of its own, where the database is another connection's.
    there = {day: paths_of(PresencePart.objects.filter(day=day)) for day in staged}
    made.add(_fresh(work, staged, there, told), memory_mb=MEMORY_MB)
    parts = []
    for index in sorted(made.root.glob(f"day=*/*{INDEX}")):
        said = json.loads(index.read_text(encoding="utf-8"))
        name = f"{index.parent.name}/{index.name.removesuffix(INDEX)}.parquet"
        day = date.fromisoformat(index.parent.name.removeprefix("day="))
        if said["rows"]:
            parts.append(PresencePart(day=day, file=name, rows=said["rows"], digest=said["sha256"]))
    return parts


def _fresh(
    work: Path, staged: dict[date, Path], there: dict[date, list[str]], told: Callable[[int, int], None]
) -> Iterator[pa.RecordBatch]:
    for done, (day, file) in enumerate(sorted(staged.items())):
        told(done, len(staged))
        query = f"SELECT {COLUMNS} FROM read_parquet($staged)"  # noqa: S608
        given: dict[str, object] = {"staged": str(file)}
        if there[day]:
            query += f" EXCEPT SELECT {COLUMNS} FROM read_parquet($there)"  # noqa: S608
            given["there"] = there[day]
        with engine(work) as connection:
            reader: pa.RecordBatchReader = connection.sql(query, params=given).to_arrow_reader(BATCH)
            for batch in reader:
                yield batch.cast(SCHEMA)
        file.unlink()


def put_in_place(work: Path, parts: Iterable[PresencePart]) -> None:
    """Move the files of `sorted_parts` into the store, synced; the index last, which makes a file visible."""
    held = list(parts)
    for ending in (".parquet", INDEX):
        for part in held:
            name = part.file.removesuffix(".parquet") + ending
            draft, path = work / "sorted" / name, folder() / name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            draft.chmod(0o600)
            draft.replace(path)
        for where in {folder(), *(folder() / Path(part.file).parent for part in held)}:
            descriptor = os.open(where, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def engine(work: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB with bounded memory, which spills into the work folder and fetches nothing from anywhere."""
    return duckdb.connect(
        config={
            "memory_limit": f"{MEMORY_MB}MB",
            "temp_directory": str(work / "spill"),
            "preserve_insertion_order": False,
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
        }
    )
