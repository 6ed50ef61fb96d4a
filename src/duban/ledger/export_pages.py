"""The list taken away as a file: CSV and GeoJSON streamed, a large workbook written in the background."""

import tempfile
import uuid
from datetime import datetime

from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_safe

from duban.access.models import Person
from duban.core import clock
from duban.core.errors import NotFound
from duban.ledger import filters, job_pages, jobs, queries, tasks
from duban.ledger.export import csv_lines, geojson_parts
from duban.ledger.queries import SEEING, Filters
from duban.ledger.views import StaffRequest, person_who
from duban.ledger.workbook import XLSX, require_fits, write_entries

AT_ONCE = 2000
"""Up to so many rows a workbook is written while the browser waits: about a second."""


@require_GET
@person_who(*SEEING)
def export_csv(request: StaffRequest) -> StreamingHttpResponse:
    return csv_response(request.user, filters.read_filters(request.GET))


@require_GET
@person_who(*SEEING)
def export_geojson(request: StaffRequest) -> StreamingHttpResponse:
    return geojson_response(request.user, filters.read_filters(request.GET))


@require_GET
@person_who(*SEEING)
def export_xlsx(request: StaffRequest) -> HttpResponseBase:
    """The workbook, or the page that says how far it is."""
    person, now = request.user, clock.now()
    wanted = filters.read_filters(request.GET)
    rows = require_fits(queries.find_entries(person, wanted, now=now).entries)
    if rows <= AT_ONCE:
        return xlsx_response(person, wanted)
    job = jobs.make_export_job(
        by=person,
        now=now,
        language=get_language() or "zh-hans",
        name=file_name(now, "xlsx"),
        query=filters.write_filters(wanted),
        rows=rows,
    )
    tasks.take_later.enqueue(job.id)
    return redirect("ledger:export_job", job.id)


@require_safe
@person_who(*SEEING)
def export_job(request: StaffRequest, job_id: uuid.UUID) -> HttpResponse:
    """How far a workbook is; the page asks again by itself and may be left."""
    context = job_pages.how_far(_export_of(request.user, job_id), {})
    template = "ledger/parts/export_job.html" if request.htmx else "ledger/export_job.html"
    return render(request, template, context)


@require_GET
@person_who(*SEEING)
def export_file(request: StaffRequest, job_id: uuid.UUID) -> FileResponse:
    job = _export_of(request.user, job_id)
    if job.stage != "taken":
        raise NotFound("import_not_found", _("The workbook is not written yet."))
    return FileResponse(job.workbook_file().open("rb"), as_attachment=True, filename=job.name, content_type=XLSX)


def _export_of(person: Person, job_id: uuid.UUID) -> jobs.Job:
    return jobs.job_for(person, job_id, "export")


# ---- answers, for pages and API alike -------------------------------------------------------------------------------


def file_name(now: datetime, ending: str) -> str:
    return f"ledger-{timezone.localtime(now):%Y%m%d-%H%M}.{ending}"


def csv_response(person: Person, wanted: Filters) -> StreamingHttpResponse:
    now = clock.now()
    lines = csv_lines(queries.find_entries(person, wanted, now=now).entries)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name(now, "csv")}"'
    return response


def geojson_response(person: Person, wanted: Filters) -> StreamingHttpResponse:
    now = clock.now()
    parts = geojson_parts(queries.find_entries(person, wanted, now=now).entries)
    response = StreamingHttpResponse(parts, content_type="application/geo+json")
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name(now, "geojson")}"'
    return response


def xlsx_response(person: Person, wanted: Filters) -> FileResponse:
    """The workbook, written to a file of no name and sent from there."""
    now = clock.now()
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    try:
        write_entries(queries.find_entries(person, wanted, now=now).entries, file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=file_name(now, "xlsx"), content_type=XLSX)
