"""Findings from a spreadsheet: every row checked before one is written, the refused handed back with their reasons."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.tables import Row, read_table
from duban.evidence.actions import discard_photos, store_photo
from duban.evidence.images import examine
from duban.ledger.categories import category_index, find_category
from duban.ledger.models import Category, Datum, Entry, PositionSource
from duban.ledger.recording import BadFinding, Finding, Recorded, check_finding, check_findings, record_findings
from duban.places.codes import LENGTHS

REQUIRED = ("found_at", "lon", "lat", "datum", "category")
NAMESPACE = uuid.UUID("7b7f4a52-38a1-5d0c-9d2c-6a4d2f1c0192")
EXAMPLE = "EXAMPLE-1"
"""The external_id of the row that shows how to fill in the template."""
Progress = Callable[[str, int, int], None]


def unheard(_stage: str, _done: int, _total: int) -> None:
    """For a caller that does not wait to be told."""


class PhotoFiles(Protocol):
    """Where the photos named in the table come from: a folder, or the files of an upload."""

    def read(self, name: str) -> bytes | None: ...


@dataclass(frozen=True)
class Folder:
    path: Path

    def read(self, name: str) -> bytes | None:
        """The file's bytes, or None if it is not there; a name never leads out of the folder."""
        base = self.path.resolve()
        try:
            file = (base / PurePosixPath(name.replace("\\", "/"))).resolve()
            return file.read_bytes() if file.is_relative_to(base) and file.is_file() else None
        except (OSError, ValueError):
            # A name longer than any file's, or one that the system does not let us read.
            return None


@dataclass(frozen=True)
class Imported:
    """How a file went. `refused` pairs each refused row with why; if any was, only `keep_good` writes the others."""

    taken: int
    updated: int
    unchanged: int
    columns: list[str]
    refused: list[tuple[Row, DubanError]]


@dataclass(frozen=True)
class Checked:
    """What an import would do: `fresh` entries not yet numbered, how many rows are known already, and the refusals."""

    rows: int
    fresh: list[Entry]
    known: int
    columns: list[str]
    refused: list[tuple[Row, DubanError]]


def import_findings(
    *,
    by: Person,
    now: datetime,
    data: bytes,
    name: str,
    photos: PhotoFiles,
    keep_good: bool = False,
    progress: Progress = unheard,
) -> Imported:
    """Record the findings of a CSV or XLSX file (contract: findings file); replaying a file adds nothing.

    A row's id comes from its external_id within the county of the person's role, else from its content. Raises BadTable
    for a file that is no table and NotAllowed; whatever is wrong with a row is in the result. `progress` is told the
    stage (rows, photos, writing), how far it is and out of how many.
    """
    columns, rows, sound, refused = _read_rows(by=by, now=now, data=data, name=name, photos=photos, progress=progress)
    findings: list[Finding] = []
    for done, (row, finding) in enumerate(sound):
        progress("photos", done, len(sound))
        try:
            findings.append(_with_photos(finding, row, photos, by=by, now=now))
        except DubanError as refusal:
            refused.append((row, refusal))
    progress("writing", len(findings), len(findings))
    recorded: list[Recorded] = []
    if refused and not keep_good:
        _fresh, refusals = check_findings(by=by, now=now, findings=findings)
    else:
        recorded, refusals = record_findings(by=by, now=now, findings=findings, keep_good=keep_good)
    refused += _by_row(rows, refusals)
    if refused and not keep_good:
        discard_photos(by=by, now=now, sha256s={photo for finding in findings for photo in finding.photos})
    outcomes = [done.outcome for done in recorded]
    return Imported(
        taken=outcomes.count("taken"),
        updated=outcomes.count("updated"),
        unchanged=outcomes.count("unchanged"),
        columns=columns,
        refused=sorted(refused, key=lambda pair: pair[0].number),
    )


def check_file(
    *, by: Person, now: datetime, data: bytes, name: str, photos: PhotoFiles, progress: Progress = unheard
) -> Checked:
    """Everything that import_findings would refuse, photos decoded and places looked up, with nothing kept."""
    columns, rows, sound, refused = _read_rows(by=by, now=now, data=data, name=name, photos=photos, progress=progress)
    findings: list[Finding] = []
    for done, (row, finding) in enumerate(sound):
        progress("photos", done, len(sound))
        try:
            for photo in _photo_names(row):
                _in_row(photo, row, photos, examine)
            findings.append(finding)
        except DubanError as refusal:
            refused.append((row, refusal))
    progress("places", len(findings), len(findings))
    fresh, refusals = check_findings(by=by, now=now, findings=findings)
    refused += _by_row(rows, refusals)
    return Checked(
        rows=len(rows),
        fresh=fresh,
        known=len(rows) - len(fresh) - len(refused),
        columns=columns,
        refused=sorted(refused, key=lambda pair: pair[0].number),
    )


def _read_rows(
    *, by: Person, now: datetime, data: bytes, name: str, photos: PhotoFiles, progress: Progress
) -> tuple[list[str], list[Row], list[tuple[Row, Finding]], list[tuple[Row, DubanError]]]:
    """Columns, all rows, the sound ones with their findings (photos not yet read), the refused ones with why."""
    scopes = rights.codes(by, "entry.record")
    if not scopes:
        rights.require(by, "entry.record", "")
    columns, rows = read_table(data, name, required=REQUIRED)
    categories = category_index()
    county = scopes[0][: LENGTHS[0]]
    refused: list[tuple[Row, DubanError]] = []
    sound: list[tuple[Row, Finding]] = []
    for done, row in enumerate(rows):
        progress("rows", done, len(rows))
        try:
            finding = read_finding(row, categories=categories, county=county)
            check_finding(finding, now=now)
            _check_photos_there(row, photos)
            sound.append((row, finding))
        except DubanError as refusal:
            refused.append((row, refusal))
    return columns, rows, sound, refused


def _by_row(rows: Sequence[Row], refusals: Sequence[DubanError]) -> list[tuple[Row, DubanError]]:
    by_number = {row.number: row for row in rows}
    return [(by_number[refusal.row], refusal) for refusal in refusals if refusal.row is not None]


def read_finding(row: Row, *, categories: dict[str, Category], county: str) -> Finding:
    """The finding that a row states, photos not yet read. Raises DubanError naming row and column."""
    datum = row.text("datum").lower().replace("-", "").replace("_", "")
    if not datum:
        raise BadFinding(
            "datum_missing",
            _("Say the datum of the coordinates (wgs84, gcj02 or bd09); they differ by hundreds of metres."),
            field="datum",
            row=row.number,
        )
    if datum not in Datum.values:
        raise BadFinding(
            "unknown_datum",
            _("“%(datum)s” is no datum known here; write wgs84, gcj02 or bd09.") % {"datum": datum[:40]},
            field="datum",
            row=row.number,
        )
    lon, lat = row.number_in("lon"), row.number_in("lat")
    external_id = row.text("external_id")
    if external_id == EXAMPLE:
        raise BadFinding(
            "example_row",
            _("This row is the template's example; delete it."),
            field="external_id",
            row=row.number,
        )
    if len(external_id) > 200:
        raise BadFinding(
            "external_id_too_long",
            _("An external_id has at most 200 characters."),
            field="external_id",
            row=row.number,
        )
    found_at = row.moment_in("found_at")
    category = find_category(row.text("category"), categories, row=row.number)
    description = row.text("description")
    identity = external_id or f"{found_at.isoformat()}|{lon}|{lat}|{datum}|{category.pk}|{description}"
    return Finding(
        id=uuid.uuid5(NAMESPACE, f"{county}|{bool(external_id)}|{identity}"),
        category=category,
        lon=lon,
        lat=lat,
        datum=datum,
        found_at=found_at,
        description=description,
        position_source=PositionSource.IMPORT,
        row=row.number,
    )


def _photo_names(row: Row) -> list[str]:
    """A cell may name several photos, parted by semicolons."""
    names = row.text("photo").replace("；", ";").split(";")
    return [name.strip() for name in names if name.strip()]


def _check_photos_there(row: Row, photos: PhotoFiles) -> None:
    for name in _photo_names(row):
        if photos.read(name) is None:
            raise BadFinding(
                "photo_missing",
                _("The photo “%(name)s” is not among the files.") % {"name": name[:80]},
                field="photo",
                row=row.number,
            )


def _with_photos(finding: Finding, row: Row, photos: PhotoFiles, *, by: Person, now: datetime) -> Finding:
    """The finding with its photos stored."""
    store = partial(store_photo, by=by, now=now)
    stored = [_in_row(name, row, photos, lambda data: store(data=data).sha256) for name in _photo_names(row)]
    return Finding(**{**vars(finding), "photos": tuple(stored)})


def _in_row(name: str, row: Row, photos: PhotoFiles, work: Callable[[bytes], Any]) -> Any:
    """The work's result on the photo's bytes; what is wrong with it is said of its row, with the photo's name."""
    try:
        return work(photos.read(name) or b"")
    except DubanError as refusal:
        raise BadFinding(refusal.code, f"{name}: {refusal}", field="photo", row=row.number) from refusal
