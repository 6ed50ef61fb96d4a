"""Importing findings, or an edited export: tried first, then written, in the background where it is large."""

import csv
import io
import uuid
from typing import Any

import openpyxl
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe
from openpyxl.styles import Font
from openpyxl.worksheet.datavalidation import DataValidation

from duban.access import rights
from duban.core import clock
from duban.core.errors import Conflict, DubanError
from duban.core.tables import read_table
from duban.ledger import forms, job_pages, jobs, tasks
from duban.ledger.amendments import read_edited
from duban.ledger.cells import CategoryLabels
from duban.ledger.imports import EXAMPLE, REQUIRED
from duban.ledger.lifecycle import TRANSITIONS
from duban.ledger.models import Category, Datum
from duban.ledger.views import StaffRequest, person_who
from duban.ledger.workbook import TEXT_FORMAT, XLSX, add_list, list_of

AT_ONCE = 200
"""Up to so many rows are worked off while the browser waits."""
AMENDED_AT_ONCE = 50
KINDS = ("findings", "amendments")
AMEND = TRANSITIONS["amend"].permission
WIDTHS = {
    "found_at": 18,
    "lon": 12,
    "lat": 12,
    "datum": 8,
    "category": 20,
    "description": 40,
    "photo": 28,
    "external_id": 16,
}
COLUMNS = tuple(WIDTHS)


@require_http_methods(["GET", "HEAD", "POST"])
@person_who("entry.record")
def start(request: StaffRequest) -> HttpResponse:
    """Take the table and its photos in, and try them."""
    sent = request.method == "POST"
    form = forms.ImportForm(request.POST, request.FILES) if sent else forms.ImportForm()
    status = 200
    if sent:
        status = 400
        if form.is_valid():
            try:
                job = _try(request, form)
                return redirect("ledger:import_job", job.id)
            except DubanError as refusal:
                forms.refuse(form, refusal)
                status = refusal.status
    return _import_page(request, form, _edited_form(), status)


def _edited_form(data: Any = None, files: Any = None) -> forms.EditedForm:
    """Beside the other form on one page: its fields need names of their own."""
    return forms.EditedForm(data, files, prefix="edited")


def _import_page(request: StaffRequest, form: forms.ImportForm, edited: forms.EditedForm, status: int) -> HttpResponse:
    context = {"form": form, "edited": edited, "may_amend": bool(rights.codes(request.user, AMEND))}
    return render(request, "ledger/import.html", context, status=status)


@require_POST
@person_who(AMEND)
def start_edited(request: StaffRequest) -> HttpResponse:
    """Take an edited export in, and try it."""
    form = _edited_form(request.POST, request.FILES)
    status = 400
    if form.is_valid():
        try:
            job = _try_edited(request, form)
            return redirect("ledger:import_job", job.id)
        except DubanError as refusal:
            forms.refuse(form, refusal)
            status = refusal.status
    return _import_page(request, forms.ImportForm(), form, status)


def _try_edited(request: StaffRequest, form: forms.EditedForm) -> jobs.Job:
    sent = form.cleaned_data
    job = job_pages.job_of(request, sent["file"], kind="amendments", reason=sent["reason"])
    _columns, rows = read_edited(job.table(), job.name)
    if not rows:
        raise jobs.BadUpload("no_rows", _("Below the headings there is no row."), field="file")
    if len(rows) > AT_ONCE:
        tasks.check_later.enqueue(job.id)
        return job
    return tasks.check_job(job.id)


def _try(request: StaffRequest, form: forms.ImportForm) -> jobs.Job:
    job = job_pages.job_of(request, form.cleaned_data["file"], photos=form.cleaned_data["photos"])
    # What is wrong with the file as a whole belongs at its field, not on a page of its own.
    _columns, rows = read_table(job.table(), job.name, required=REQUIRED)
    if not rows:
        raise jobs.BadUpload("no_rows", _("Below the headings there is no row."), field="file")
    if len(rows) > AT_ONCE:
        tasks.check_later.enqueue(job.id)
        return job
    return tasks.check_job(job.id)


@require_safe
@person_who("entry.record", AMEND)
def job_page(request: StaffRequest, job_id: uuid.UUID) -> HttpResponse:
    """How far an import is and what came of it; the page asks again by itself and may be left."""
    steps = {
        "rows": _("reading the rows"),
        "photos": _("looking at the photos"),
        "places": _("finding the places"),
        "writing": _("writing to the ledger"),
    }
    context = job_pages.how_far(jobs.job_for(request.user, job_id, *KINDS), steps)
    template = "ledger/parts/import_job.html" if request.htmx else "ledger/import_job.html"
    return render(request, template, context)


@require_POST
@person_who("entry.record", AMEND)
def take(request: StaffRequest, job_id: uuid.UUID) -> HttpResponse:
    """Record what was tried: all rows, or with `keep_good` the good ones."""
    now = clock.now()
    was = jobs.job_for(request.user, job_id, *KINDS)
    if was.stage != "checked" and not was.is_silent(now):
        raise Conflict("import_not_ready", _("This import is under way or done already; see how it went."))
    job = jobs.begin_taking(was, now=now, keep_good=request.POST.get("keep_good") == "1")
    if _is_quick(was):
        tasks.take_job(job.id)
    else:
        tasks.take_later.enqueue(job.id)
    return redirect("ledger:import_job", job.id)


def _is_quick(job: jobs.Job) -> bool:
    if job.kind == "amendments":
        return job.report.get("fresh", AMENDED_AT_ONCE + 1) <= AMENDED_AT_ONCE
    return job.report.get("rows", AT_ONCE + 1) <= AT_ONCE


@require_GET
@person_who("entry.record", AMEND)
def refused(request: StaffRequest, job_id: uuid.UUID) -> FileResponse:
    """The refused rows as CSV, each with its reason: to be mended and sent again."""
    return job_pages.refused_rows(jobs.job_for(request.user, job_id, *KINDS))


def _example() -> tuple[str | float, ...]:
    category = Category.objects.filter(kind="event").first()
    return (
        "2021-01-18 09:30",
        116.8,
        39.8,
        str(Datum.WGS84),
        CategoryLabels().of(category) if category else "",
        _("rubbish by the road, about 2 m³"),
        "IMG_0001.jpg;IMG_0002.jpg",
        EXAMPLE,
    )


@require_GET
@person_who("entry.record")
def csv_template(request: StaffRequest) -> HttpResponse:
    """Headings and one row that shows how; an import refuses that row by name."""
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, _example()])
    response = HttpResponse(text.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="findings.csv"'
    return response


@require_GET
@person_who("entry.record")
def xlsx_template(request: StaffRequest) -> HttpResponse:
    """The same as a workbook whose cells for category and datum drop down."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "findings"
    sheet.append(COLUMNS)
    sheet.append(_example())
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for (column, width), letter in zip(WIDTHS.items(), "ABCDEFGH", strict=True):
        dimension = sheet.column_dimensions[letter]
        dimension.width = width
        if column not in {"found_at", "lon", "lat"}:
            # What is typed stays text: 06010 keeps its zero.
            dimension.number_format = TEXT_FORMAT
    sheet.freeze_panes = "A2"
    words = CategoryLabels().all()
    add_list(book, words)
    choose = list_of(len(words))
    datum = DataValidation("list", formula1=f'"{",".join(Datum.values)}"', allow_blank=True, showErrorMessage=True)
    datum.error = _("Choose from the list.")
    for validation, column in ((choose, "E"), (datum, "D")):
        sheet.add_data_validation(validation)
        validation.add(f"{column}2:{column}5000")
    file = io.BytesIO()
    book.save(file)
    response = HttpResponse(file.getvalue(), content_type=XLSX)
    response.headers["Content-Disposition"] = 'attachment; filename="findings.xlsx"'
    return response
