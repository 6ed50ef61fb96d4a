"""The register as a file and out of one: export, template, import tried first and then taken."""

import csv
import io
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import openpyxl
from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe
from openpyxl.styles import Font
from openpyxl.worksheet.datavalidation import DataValidation

from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError, NotFound
from duban.core.files import write_whole
from duban.core.forms import refuse
from duban.core.sealed_text import open_bytes, seal_bytes
from duban.core.tables import guard, refused_csv
from duban.core.workbooks import XLSX, write_workbook
from duban.places import queries as places
from duban.venues import filters
from duban.venues.forms import ImportForm
from duban.venues.imports import COLUMNS, EXAMPLE, Imported, cells_of, import_venues
from duban.venues.models import Venue
from duban.venues.queries import types_by_key
from duban.venues.views import KEEPS, SEES

MOST_ROWS = 20_000
"""Of a table that is worked off, and of a workbook that is written, while the browser waits."""
KEPT_FOR = timedelta(days=7)
SHOWN_ROWS = 200
PREVIEWED = 20
CHUNK = 2000
WIDTHS = {
    "name": 28, "venue_type": 16, "address": 32, "jurisdiction": 18, "lon": 12, "lat": 12, "datum": 8,
    "contact_name": 14, "contact_phone": 18, "id": 14,
}  # fmt: skip


class BadUpload(DubanError):
    pass


# ---- out ------------------------------------------------------------------------------------------------------------


def cells_in(venues: QuerySet[Venue]) -> Iterator[list[Any]]:
    """The venues as rows; only a chunk of them is in memory at a time."""
    rows = venues.select_related("kind").iterator(chunk_size=CHUNK)
    while chunk := list(islice(rows, CHUNK)):
        names = places.names({code for venue in chunk for code in (venue.jurisdiction, venue.town)})
        for venue in chunk:
            yield cells_of(venue, names)


class _Echo:
    """A file for csv.writer that hands each line back instead of keeping it."""

    @staticmethod
    def write(line: str) -> str:
        return line


def csv_lines(venues: QuerySet[Venue]) -> Iterator[str]:
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield "\ufeff" + writer.writerow(COLUMNS)
    for cells in cells_in(venues):
        yield writer.writerow([guard(cell) if isinstance(cell, str) else cell for cell in cells])


def _file_name(now: datetime, ending: str) -> str:
    return f"venues-{timezone.localtime(now):%Y%m%d-%H%M}.{ending}"


def _asked(request: StaffRequest) -> QuerySet[Venue]:
    wanted = filters.read_filters(request.GET, dict.fromkeys(types_by_key(), ""))
    return filters.find_venues(request.user, wanted)


@require_GET
@person_who(SEES)
def export_csv(request: StaffRequest) -> StreamingHttpResponse:
    response = StreamingHttpResponse(csv_lines(_asked(request)), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{_file_name(clock.now(), "csv")}"'
    return response


@require_GET
@person_who(SEES)
def export_xlsx(request: StaffRequest) -> HttpResponseBase:
    """The workbook, written to a file of no name and sent from there."""
    venues = _asked(request)
    if venues.order_by()[: MOST_ROWS + 1].count() > MOST_ROWS:
        raise BadUpload(
            "too_many_venues", gettext_lazy("At most 20,000 venues in a workbook; narrow the filter, or take the CSV.")
        )
    file = write_workbook("venues", COLUMNS, cells_in(venues))
    return FileResponse(file, as_attachment=True, filename=_file_name(clock.now(), "xlsx"), content_type=XLSX)


# ---- the template ---------------------------------------------------------------------------------------------------


def _example() -> list[str | float]:
    return [_("Haowei noodles"), "restaurant", _("1 Xingfu Street"), "", 116.8, 39.8, "wgs84", "", "", EXAMPLE]


@require_GET
@person_who(KEEPS)
def csv_template(request: StaffRequest) -> HttpResponse:
    """Headings and one row that shows how; an import refuses that row by name."""
    text = io.StringIO()
    csv.writer(text).writerows([list(WIDTHS), _example()])
    response = HttpResponse(text.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="venues.csv"'
    return response


@require_GET
@person_who(KEEPS)
def xlsx_template(request: StaffRequest) -> HttpResponse:
    """The same as a workbook whose cells for type and datum drop down."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "venues"
    sheet.append(list(WIDTHS))
    sheet.append(_example())
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for (column, width), letter in zip(WIDTHS.items(), "ABCDEFGHIJ", strict=True):
        sheet.column_dimensions[letter].width = width
        if column not in {"lon", "lat"}:
            sheet.column_dimensions[letter].number_format = "@"
    sheet.freeze_panes = "A2"
    words = book.create_sheet("types")
    kinds = types_by_key()
    for key, kind in kinds.items():
        words.append([key, kind.name, kind.name_en])
    choose = DataValidation("list", formula1=f"types!$A$1:$A${len(kinds)}", allow_blank=True)
    datum = DataValidation("list", formula1='"wgs84,gcj02,bd09"', allow_blank=True)
    for validation, column in ((choose, "B"), (datum, "G")):
        sheet.add_data_validation(validation)
        validation.add(f"{column}2:{column}5000")
    file = io.BytesIO()
    book.save(file)
    response = HttpResponse(file.getvalue(), content_type=XLSX)
    response.headers["Content-Disposition"] = 'attachment; filename="venues.xlsx"'
    return response


# ---- in -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Upload:
    """A table that somebody sent, kept encrypted until it is taken or a week is over: contacts may stand in it."""

    id: uuid.UUID
    name: str
    data: bytes

    @property
    def file(self) -> Path:
        return _folder() / f"{self.id}.sealed"


def _folder() -> Path:
    return settings.DUBAN_DATA / "venue-imports"


def keep_upload(*, by: Person, now: datetime, table: UploadedFile) -> Upload:
    """Raises BadUpload (`file_too_large`)."""
    _sweep(now)
    if (table.size or 0) > settings.DUBAN_MAX_UPLOAD:
        limit = settings.DUBAN_MAX_UPLOAD // 1024 // 1024
        raise BadUpload(
            "file_too_large", gettext_lazy("At most %(limit)d MB; split the table.") % {"limit": limit}, field="file"
        )
    name = PurePosixPath((table.name or "table.csv").replace("\\", "/")).name
    upload = Upload(uuid.uuid4(), name, table.read())
    write_whole(upload.file, seal_bytes(json.dumps([by.username, name]).encode() + b"\n" + upload.data))
    return upload


def upload_of(person: Person, upload_id: uuid.UUID) -> Upload:
    """The table that this person sent, else NotFound (`import_not_found`)."""
    file = _folder() / f"{upload_id}.sealed"
    if file.is_file():
        head, _mark, data = open_bytes(file.read_bytes()).partition(b"\n")
        username, name = json.loads(head)
        if username == person.username:
            return Upload(upload_id, name, data)
    raise NotFound("import_not_found", gettext_lazy("There is no such import; after a week it is cleared away."))


def _sweep(now: datetime) -> None:
    for old in _folder().glob("*.sealed"):
        if now - datetime.fromtimestamp(old.stat().st_mtime, UTC) > KEPT_FOR:
            old.unlink(missing_ok=True)


def _tried(request: StaffRequest, upload: Upload) -> Imported:
    return import_venues(
        by=request.user, now=clock.now(), data=upload.data, name=upload.name, most=MOST_ROWS, try_only=True
    )


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(KEEPS)
def start(request: StaffRequest) -> HttpResponse:
    """Take the table in, and try it."""
    form, status = ImportForm(), 200
    if request.method == "POST":
        form, status = ImportForm(request.POST, request.FILES), 400
        if form.is_valid():
            try:
                table = form.cleaned_data["file"]
                if table is None:
                    raise BadUpload("file_missing", gettext_lazy("Choose the table first."), field="file")
                upload = keep_upload(by=request.user, now=clock.now(), table=table)
                try:
                    # What is wrong with the file as a whole belongs at its field, not on a page of its own.
                    _tried(request, upload)
                except DubanError:
                    upload.file.unlink(missing_ok=True)
                    raise
                return redirect("venues:import_tried", upload.id)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    return render(request, "venues/import.html", {"form": form, "kinds": types_by_key().values()}, status=status)


@never_cache
@require_safe
@person_who(KEEPS)
def tried(request: StaffRequest, upload_id: uuid.UUID) -> HttpResponse:
    """What would come of the table, with nothing written."""
    upload = upload_of(request.user, upload_id)
    done = _tried(request, upload)
    names = places.names({code for venue in done.made[:PREVIEWED] for code in (venue.jurisdiction, venue.town)})
    kinds = types_by_key()
    context = {
        "upload": upload,
        "done": done,
        "preview": [
            (venue, kinds[venue.kind_id], names.get(venue.jurisdiction) or names.get(venue.town, venue.town))
            for venue in done.made[:PREVIEWED]
        ],
        "refused": [
            {"row": row.number, "field": refusal.field or "", "message": str(refusal), "code": refusal.code}
            for row, refusal in done.refused[:SHOWN_ROWS]
        ],
    }
    return render(request, "venues/import_tried.html", context)


@require_POST
@person_who(KEEPS)
def take(request: StaffRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Write what was tried; with refused rows only where the person asks for the good ones."""
    upload = upload_of(request.user, upload_id)
    keep_good = request.POST.get("keep_good") == "1"
    done = import_venues(
        by=request.user, now=clock.now(), data=upload.data, name=upload.name, most=MOST_ROWS, keep_good=keep_good
    )
    if done.refused and not keep_good:
        messages.error(request, _("Because of the refused rows nothing was written."))
        return redirect("venues:import_tried", upload.id)
    told = {"made": len(done.made), "updated": done.updated, "unchanged": done.unchanged}
    messages.success(request, _("%(made)d venues added, %(updated)d changed, %(unchanged)d known already.") % told)
    if done.refused:
        # Tried again, the page tells the rest: what was taken is known by now.
        return redirect("venues:import_tried", upload.id)
    upload.file.unlink(missing_ok=True)
    return redirect("venues:list")


@never_cache
@require_GET
@person_who(KEEPS)
def refused(request: StaffRequest, upload_id: uuid.UUID) -> HttpResponse:
    """The refused rows as CSV, each with its reason: to be mended and sent again."""
    upload = upload_of(request.user, upload_id)
    done = _tried(request, upload)
    if not done.refused:
        raise NotFound("import_not_found", gettext_lazy("No row was refused."))
    response = HttpResponse(refused_csv(done.columns, done.refused), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="venues.refused.csv"'
    return response


urls = [
    path("export.csv", export_csv, name="export_csv"),
    path("export.xlsx", export_xlsx, name="export_xlsx"),
    path("import/", start, name="import"),
    path("import/template.csv", csv_template, name="import_csv_template"),
    path("import/template.xlsx", xlsx_template, name="import_xlsx_template"),
    path("import/<uuid:upload_id>/", tried, name="import_tried"),
    path("import/<uuid:upload_id>/take/", take, name="import_take"),
    path("import/<uuid:upload_id>/refused.csv", refused, name="import_refused"),
]
