"""Importing inspections in the browser: tried first, then taken, in the background where it is large."""

import csv
import io
import uuid

import openpyxl
from django import forms
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe
from openpyxl.styles import Font
from openpyxl.worksheet.datavalidation import DataValidation

from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.forms import NeededFile, refuse
from duban.core.tables import read_table
from duban.ledger import job_pages, jobs
from duban.patrol import tasks
from duban.patrol.importing import COLUMNS, EXAMPLE, REQUIRED
from duban.patrol.models import Result
from duban.venues.models import VenueType

MAKES = "visit.make"
AT_ONCE = 500
"""Up to so many rows are worked off while the browser waits."""
TEXT_FORMAT = "@"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHOWS_HOW = (EXAMPLE, "restaurant", "116.7060", "39.9490", "110112104212", "2021-01-18 09:10", "masks", "fail")


class InspectionsForm(forms.Form):
    use_required_attribute = False

    file = NeededFile(
        label=gettext_lazy("The table"),
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.xlsx,.xls,.ods"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MAKES)
def start(request: StaffRequest) -> HttpResponse:
    """Take the table in, and try it."""
    form, status = InspectionsForm(), 200
    if request.method == "POST":
        form, status = InspectionsForm(request.POST, request.FILES), 400
        if form.is_valid():
            try:
                return redirect("patrol:import_job", _try(request, form).id)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    kinds = [(kind.key, str(kind)) for kind in VenueType.objects.all()]
    context = {"form": form, "kinds": kinds, "results": Result.choices}
    return render(request, "patrol/import.html", context, status=status)


def _try(request: StaffRequest, form: InspectionsForm) -> jobs.Job:
    job = job_pages.job_of(request, form.cleaned_data["file"], kind=tasks.KIND)
    # What is wrong with the file as a whole belongs at its field, not on a page of its own.
    _columns, rows = read_table(job.table(), job.name, required=REQUIRED)
    if not rows:
        raise jobs.BadUpload("no_rows", _("Below the headings there is no row."), field="file")
    if len(rows) > AT_ONCE:
        tasks.check_inspections_later.enqueue(job.id)
        return job
    return tasks.check_job(job.id)


@require_safe
@person_who(MAKES)
def job_page(request: StaffRequest, import_id: uuid.UUID) -> HttpResponse:
    """How far an import is and what came of it; the page asks again by itself and may be left."""
    steps = {
        "rows": _("reading the rows"),
        "venues": _("finding the venues"),
        "visits": _("writing the visits"),
        "settling": _("settling what failed, and telling the ledger"),
    }
    context = job_pages.how_far(jobs.job_for(request.user, import_id, tasks.KIND), steps)
    template = "patrol/parts/import_job.html" if request.htmx else "patrol/import_job.html"
    return render(request, template, context)


@require_POST
@person_who(MAKES)
def take(request: StaffRequest, import_id: uuid.UUID) -> HttpResponse:
    """Take what was tried: all rows, or with `keep_good` the good ones."""
    now = clock.now()
    was = jobs.job_for(request.user, import_id, tasks.KIND)
    if was.stage != "checked" and not was.is_silent(now):
        raise Conflict("import_not_ready", _("This import is under way or done already; see how it went."))
    job = jobs.begin_taking(was, now=now, keep_good=request.POST.get("keep_good") == "1")
    if was.report.get("rows", AT_ONCE + 1) <= AT_ONCE:
        tasks.take_job(job.id)
    else:
        tasks.take_inspections_later.enqueue(job.id)
    return redirect("patrol:import_job", job.id)


@require_GET
@person_who(MAKES)
def refused(request: StaffRequest, import_id: uuid.UUID) -> FileResponse:
    """The refused rows as CSV, each with its reason: to be mended and sent again."""
    return job_pages.refused_rows(jobs.job_for(request.user, import_id, tasks.KIND))


def _example() -> list[str]:
    return [*SHOWS_HOW, _("two of the staff without masks")]


@require_GET
@person_who(MAKES)
def template_file(request: StaffRequest, form: str) -> HttpResponse:
    """Headings and one row that shows how, which an import refuses by name; in Excel type and result drop down."""
    if form == "csv":
        text = io.StringIO()
        csv.writer(text).writerows([COLUMNS, _example()])
        response = HttpResponse(text.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    elif form == "xlsx":
        response = HttpResponse(_workbook(), content_type=XLSX)
    else:
        raise NotFound("no_such_template", _("There is a template as CSV and one for Excel."))
    response.headers["Content-Disposition"] = f'attachment; filename="inspections.{form}"'
    return response


def _workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "inspections"
    sheet.append(COLUMNS)
    sheet.append(_example())
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for letter, width in zip("ABCDEFGHI", (24, 14, 11, 11, 16, 18, 18, 14, 40), strict=True):
        sheet.column_dimensions[letter].width = width
        # What is typed stays text: a code keeps its digits, a day its form.
        sheet.column_dimensions[letter].number_format = TEXT_FORMAT
    sheet.freeze_panes = "A2"
    keys = book.create_sheet("types")
    for kind in VenueType.objects.all():
        keys.append([kind.key, kind.name, kind.name_en])
    lists = {"B": f"types!$A$1:$A${max(keys.max_row, 1)}", "H": f'"{",".join(Result.values)}"'}
    for letter, formula in lists.items():
        choose = DataValidation("list", formula1=formula, allow_blank=True, showErrorMessage=True)
        choose.error = _("Choose from the list.")
        sheet.add_data_validation(choose)
        choose.add(f"{letter}2:{letter}50000")
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


urls = [
    path("import/", start, name="import"),
    path("import/template.<str:form>", template_file, name="import_template"),
    path("import/<uuid:import_id>/", job_page, name="import_job"),
    path("import/<uuid:import_id>/take/", take, name="import_take"),
    path("import/<uuid:import_id>/refused.csv", refused, name="import_refused"),
]
