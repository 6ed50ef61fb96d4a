"""An import (or a large export) on its way: what was sent, how far it is and what came of it, in a folder of its own.

DUBAN_DATA/imports/ID/ holds the table, the photos under running numbers (no name that was sent becomes a path), and
`job.json`, replaced whole at each step. Folders older than a week are deleted when the next one is made.
"""

import json
import shutil
import time
import uuid
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person
from duban.core import clock
from duban.core.errors import DubanError, NotFound
from duban.core.files import write_whole
from duban.core.tables import Row, refused_csv

KEPT_FOR = timedelta(days=7)
SILENT_AFTER = timedelta(minutes=2)
SHOWN_ROWS = 200
MAX_ZIP_ENTRIES = 50_000
RUNNING = ("checking", "taking")


class BadUpload(DubanError):
    pass


@dataclass(frozen=True)
class Job:
    """`stage`: checking -> checked -> taking -> taken, or failed. Times are ISO texts in UTC."""

    id: str
    username: str
    language: str
    name: str
    stage: str
    made_at: str
    seen_at: str
    """The last sign of life."""
    kind: str = "findings"
    """findings; amendments: an edited export; export: a workbook that is written; other apps name their own"""
    query: str = ""
    """Of an export: what it holds, as in the ledger's address."""
    reason: str = ""
    """Of amendments: why, for the history."""
    started: bool = False
    step: str = ""
    done: int = 0
    total: int = 0
    keep_good: bool = False
    photos: dict[str, str] = field(default_factory=dict)
    """What each photo was called, and the file that it is here."""
    zips: list[str] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return imports_folder() / self.id

    @property
    def is_running(self) -> bool:
        return self.stage in RUNNING

    @property
    def percent(self) -> int:
        return round(100 * self.done / self.total) if self.total else 0

    def is_silent(self, now: datetime) -> bool:
        """Whether it should be running and has given no sign for two minutes: the worker was stopped."""
        return self.is_running and now - datetime.fromisoformat(self.seen_at) > SILENT_AFTER

    def table(self) -> bytes:
        return (self.folder / "table").read_bytes()

    def refused_file(self) -> Path:
        return self.folder / "refused.csv"

    def workbook_file(self) -> Path:
        return self.folder / "workbook.xlsx"


def imports_folder() -> Path:
    return settings.DUBAN_DATA / "imports"


def make_job(
    *,
    by: Person,
    now: datetime,
    language: str,
    table: UploadedFile,
    photos: Iterable[UploadedFile] = (),
    kind: str = "findings",
    reason: str = "",
) -> Job:
    """Keep what was sent. Raises BadUpload: `file_too_large`, `zip_unreadable`, `zip_encrypted`, `zip_too_many`."""
    _sweep(now)
    job = Job(
        id=str(uuid.uuid4()),
        username=by.username,
        language=language,
        name=PurePosixPath(table.name or "table.csv").name,
        stage="checking",
        made_at=stamp(now),
        seen_at=stamp(now),
        kind=kind,
        reason=reason,
    )
    if (table.size or 0) > settings.DUBAN_MAX_UPLOAD:
        limit = settings.DUBAN_MAX_UPLOAD // 1024 // 1024
        raise BadUpload("file_too_large", _("At most %(limit)d MB; split the table.") % {"limit": limit}, field="file")
    job.folder.mkdir(parents=True)
    try:
        _write(job.folder / "table", table)
        names: dict[str, str] = {}
        zips: list[str] = []
        for number, photo in enumerate(photos):
            name = (photo.name or "").replace("\\", "/")
            here = f"photo-{number}"
            _write(job.folder / here, photo)
            if name.lower().endswith(".zip"):
                _require_zip(job.folder / here, name)
                zips.append(here)
            else:
                names[name] = here
        job = replace(job, photos=names, zips=zips)
        save(job)
    except BaseException:
        shutil.rmtree(job.folder, ignore_errors=True)
        raise
    return job


def make_export_job(*, by: Person, now: datetime, language: str, name: str, query: str, rows: int) -> Job:
    """A workbook of so many rows that is to be written."""
    _sweep(now)
    job = Job(
        id=str(uuid.uuid4()),
        username=by.username,
        language=language,
        name=name,
        stage="taking",
        made_at=stamp(now),
        seen_at=stamp(now),
        kind="export",
        query=query,
        total=rows,
    )
    job.folder.mkdir(parents=True)
    save(job)
    return job


def _write(path: Path, file: UploadedFile) -> None:
    with path.open("wb") as out:
        for chunk in file.chunks():
            out.write(chunk)


def _require_zip(path: Path, name: str) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BadUpload(
            "zip_unreadable", _("“%(name)s” is no ZIP, or it is damaged.") % {"name": name[:80]}, field="photos"
        ) from error
    if any(entry.flag_bits & 1 for entry in entries):
        raise BadUpload("zip_encrypted", _("The ZIP has a password; pack it without one."), field="photos")
    if len(entries) > MAX_ZIP_ENTRIES:
        raise BadUpload("zip_too_many", _("At most 50,000 files in a ZIP; split it."), field="photos")


def _sweep(now: datetime) -> None:
    """Delete what was sent more than a week ago."""
    folder = imports_folder()
    if not folder.is_dir():
        return
    for old in folder.iterdir():
        if now - datetime.fromtimestamp(old.stat().st_mtime, UTC) > KEPT_FOR:
            shutil.rmtree(old, ignore_errors=True)


def begin_taking(job: Job, *, now: datetime, **changes: Any) -> Job:
    """The job at the start of its second step, or of that once more, with the changes; it is saved."""
    fresh = replace(job, started=False, step="", done=0, total=0, error={}, seen_at=stamp(now))
    fresh = replace(fresh, stage="taking", **changes)
    save(fresh)
    return fresh


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def save(job: Job) -> None:
    write_whole(job.folder / "job.json", json.dumps(asdict(job), ensure_ascii=False).encode())


def read_job(job_id: object) -> Job:
    """The job; raises NotFound (`import_not_found`)."""
    try:
        return Job(**json.loads((imports_folder() / str(job_id) / "job.json").read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise NotFound("import_not_found", _("There is no such import; after a week it is cleared away.")) from error


def job_for(person: Person, job_id: uuid.UUID, *kinds: str) -> Job:
    """The person's own job of one of the kinds; any other answers as if it were not there."""
    job = read_job(job_id)
    if job.username != person.username or job.kind not in kinds:
        raise NotFound("import_not_found", _("There is no such import; after a week it is cleared away."))
    return job


class Progress:
    """Writes how far a job is, a few times a second at most."""

    def __init__(self, job: Job):
        self.job = job
        self.last = 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        if step == self.job.step and time.monotonic() - self.last < 0.3:
            return
        self.last = time.monotonic()
        self.job = replace(self.job, started=True, step=step, done=done, total=total, seen_at=stamp(clock.now()))
        save(self.job)


class SentPhotos:
    """The photos of a job by the names that its table gives them: the whole path in a ZIP, or the bare file name."""

    def __init__(self, job: Job):
        self.files: dict[str, Path | tuple[zipfile.ZipFile, zipfile.ZipInfo]] = {}
        bare: dict[str, list[str]] = {}
        for name, here in job.photos.items():
            self.files[_key(name)] = job.folder / here
        for zipped in job.zips:
            archive = zipfile.ZipFile(job.folder / zipped)
            for entry in archive.infolist():
                if not entry.is_dir():
                    self.files[_key(_zip_name(entry))] = (archive, entry)
        for key in self.files:
            bare.setdefault(key.rpartition("/")[2], []).append(key)
        self.bare = {name: keys[0] for name, keys in bare.items() if len(keys) == 1}

    def read(self, name: str) -> bytes | None:
        """The photo's bytes, one byte more than allowed where it is too large; None if it was not sent."""
        key = _key(name)
        found = self.files.get(key) or self.files.get(self.bare.get(key.rpartition("/")[2], ""))
        if found is None:
            return None
        if isinstance(found, Path):
            return found.read_bytes()
        archive, entry = found
        try:
            with archive.open(entry) as file:
                return file.read(settings.DUBAN_MAX_UPLOAD + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            OSError,
            EOFError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ) as error:
            raise BadUpload("zip_damaged", _("It cannot be unpacked from the ZIP."), field="photo") from error


def _key(name: str) -> str:
    return name.replace("\\", "/").strip("/").lower()


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """The entry's name; Chinese Windows writes names in GB 18030 without saying so."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return entry.filename


def keep_refused(job: Job, columns: Sequence[str], refused: Sequence[tuple[Row, DubanError]]) -> list[dict[str, Any]]:
    """Write the refused rows for download; returns the first 200 as the page shows them."""
    write_whole(job.refused_file(), refused_csv(columns, refused))
    return [
        {"row": row.number, "code": refusal.code, "field": refusal.field or "", "message": str(refusal)}
        for row, refusal in refused[:SHOWN_ROWS]
    ]
