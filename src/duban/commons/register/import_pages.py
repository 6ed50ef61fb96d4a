"""Importing organisations in the browser: tried first, then the good rows are taken; in the background where large."""

import uuid
from dataclasses import replace

from django import forms
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from duban.access.requests import StaffRequest, person_who
from duban.commons.models import OrganisationKind, Tier
from duban.commons.register import queries, tasks
from duban.commons.register.importing import REQUIRED
from duban.commons.register.queries import EDITS
from duban.core import clock
from duban.core.errors import Conflict, DubanError
from duban.core.forms import NeededFile, refuse
from duban.core.tables import read_table
from duban.ledger import job_pages, jobs

AT_ONCE = 500
"""Up to so many rows are worked off while the browser waits."""


class SheetForm(forms.Form):
    use_required_attribute = False

    file = NeededFile(
        label=gettext_lazy("The list of organisations"),
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.xlsx,.xls,.ods"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(EDITS)
def start(request: StaffRequest) -> HttpResponse:
    """Take the table in, and try it."""
    form, status = SheetForm(), 200
    if request.method == "POST":
        form, status = SheetForm(request.POST, request.FILES), 400
        if form.is_valid():
            try:
                return redirect("commons:organisations_sheet", _try(request, form).id)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    context = {
        "form": form,
        "tiers": Tier.choices,
        "kinds": OrganisationKind.choices,
        "categories": queries.category_names().values(),
    }
    return render(request, "commons/organisations_import.html", context, status=status)


def _try(request: StaffRequest, form: SheetForm) -> jobs.Job:
    job = job_pages.job_of(request, form.cleaned_data["file"], kind=tasks.KIND)
    # What is wrong with the file as a whole belongs at its field, not on a page of its own.
    _columns, rows = read_table(job.table(), job.name, required=REQUIRED)
    if not rows:
        raise jobs.BadUpload("no_rows", _("Below the headings there is no row."), field="file")
    job = replace(job, total=len(rows))
    jobs.save(job)
    if len(rows) > AT_ONCE:
        tasks.check_organisations_later.enqueue(job.id)
        return job
    return tasks.check_job(job.id)


@require_safe
@never_cache
@person_who(EDITS)
def sheet(request: StaffRequest, sheet_id: uuid.UUID) -> HttpResponse:
    """How far an import is and what came of it; the page asks again by itself and may be left."""
    steps = {
        "rows": _("reading the rows"),
        "known": _("looking for what is there already"),
        "writing": _("writing the organisations"),
    }
    context = job_pages.how_far(jobs.job_for(request.user, sheet_id, tasks.KIND), steps)
    template = "commons/parts/organisations_job.html" if request.htmx else "commons/organisations_job.html"
    return render(request, template, context)


@require_POST
@person_who(EDITS)
def take(request: StaffRequest, sheet_id: uuid.UUID) -> HttpResponse:
    """Take the good rows of what was tried."""
    now = clock.now()
    was = jobs.job_for(request.user, sheet_id, tasks.KIND)
    if was.stage != "checked" and not was.is_silent(now):
        raise Conflict("import_not_ready", _("This import is under way or done already; see how it went."))
    rows = sum(was.report.get(name, AT_ONCE) for name in ("taken", "updated", "unchanged", "refused"))
    job = jobs.begin_taking(was, now=now)
    if rows <= AT_ONCE:
        tasks.take_job(job.id)
    else:
        tasks.take_organisations_later.enqueue(job.id)
    return redirect("commons:organisations_sheet", job.id)


@require_GET
@never_cache
@person_who(EDITS)
def refused(request: StaffRequest, sheet_id: uuid.UUID) -> FileResponse:
    """The refused rows as CSV, each with its reason: to be mended and sent again."""
    return job_pages.refused_rows(jobs.job_for(request.user, sheet_id, tasks.KIND))


urls = [
    path("organisations/import/", start, name="organisations_import"),
    path("organisations/import/<uuid:sheet_id>/", sheet, name="organisations_sheet"),
    path("organisations/import/<uuid:sheet_id>/take/", take, name="organisations_take"),
    path("organisations/import/<uuid:sheet_id>/refused.csv", refused, name="organisations_refused"),
]
