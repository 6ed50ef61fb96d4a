"""A hand-over list from the browser: sent, judged row by row, taken in, and the refused rows to fetch."""

import uuid
from typing import Any
from urllib.parse import quote

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.forms import NeededField, NeededFile, refuse
from duban.ledger import job_pages, jobs
from duban.outbreak.casefiles import tasks
from duban.outbreak.casefiles.arrivals import COLUMNS
from duban.outbreak.casefiles.handover import NOTES, orders_to_hand_over
from duban.outbreak.casefiles.opening import COUNTY, OPENS
from duban.outbreak.models import Handover

AT_ONCE = 64 * 1024
"""A list of up to so many bytes is worked off while the browser waits."""


class ListForm(forms.Form):
    """A list, and the order that it was handed over under."""

    use_required_attribute = False

    order = NeededField(label=gettext_lazy("Order"), widget=forms.Select)
    file = NeededFile(
        label=gettext_lazy("List"),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.xlsx,.xls,.ods"}),
    )

    def __init__(self, person: Person, *data: Any):
        super().__init__(*data)
        choices = [(one.number, f"{one.number} {one.name}") for one in orders_to_hand_over(person)]
        self.fields["order"].widget.choices = choices


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(OPENS)
def arrivals(request: StaffRequest) -> HttpResponse:
    """Send a list; and those that came before."""
    person, status = request.user, 200
    form = ListForm(person)
    if request.method == "POST":
        form, status = ListForm(person, request.POST, request.FILES), 400
        if form.is_valid():
            try:
                return redirect("outbreak:arrivals_job", _send(request, form).id)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    offices = {code[:COUNTY] for code in rights.codes(person, OPENS)}
    context = {
        "form": form,
        "columns": [(ours, theirs[0]) for ours, theirs in COLUMNS.items()],
        "lists": list(Handover.objects.filter(office__in=offices).order_by("-at")[:20]),
    }
    return render(request, "outbreak/casefiles/arrivals.html", context, status=status)


def _send(request: StaffRequest, form: ListForm) -> jobs.Job:
    table = form.cleaned_data["file"]
    if table is None:
        raise jobs.BadUpload("file_missing", _("Choose the table first."), field="file")
    job = tasks.send_list(
        by=request.user,
        now=clock.now(),
        language=get_language() or "zh-hans",
        table=table,
        order=form.cleaned_data["order"],
    )
    if (table.size or 0) > AT_ONCE:
        tasks.check_later.enqueue(job.id)
        return job
    return tasks.check_job(job.id)


def running(job: jobs.Job) -> dict[str, Any]:
    """What a page shows of how far a job is."""
    steps = {
        "reading": _("reading the rows"),
        "rows": _("looking for each person and opening files"),
        "files": _("opening files"),
        "contacts": _("comparing presences with those of the case"),
        "towns": _("finding the town of each person"),
    }
    return job_pages.how_far(job, steps)


@require_safe
@never_cache
@person_who(OPENS)
def arrivals_job(request: StaffRequest, handover_id: uuid.UUID) -> HttpResponse:
    """How far a list is; then what would come of it, and after the second step what came of it."""
    job = jobs.job_for(request.user, handover_id, tasks.ARRIVALS)
    notes = job.report.get("notes", {})
    context = running(job) | {
        "notes": [(words, notes[note]) for note, words in NOTES.items() if notes.get(note)],
        "preview": [
            row | {"notes": [NOTES[note] for note in row["notes"].split() if note in NOTES]}
            for row in job.report.get("preview", [])
        ],
    }
    template = "outbreak/casefiles/parts/arrivals_job.html" if request.htmx else "outbreak/casefiles/arrivals_job.html"
    return render(request, template, context)


@require_POST
@person_who(OPENS)
def take(request: StaffRequest, handover_id: uuid.UUID) -> HttpResponse:
    """Take in what was judged; again where the worker was stopped."""
    now = clock.now()
    job = jobs.job_for(request.user, handover_id, tasks.ARRIVALS)
    if job.stage == "taken":
        return redirect("outbreak:arrivals_job", job.id)
    if not (job.stage == "checked" or (job.stage == "failed" and "good" in job.report) or job.is_silent(now)):
        raise Conflict("list_not_ready", _("This list is under way; see how it went."))
    small = (job.folder / "table").stat().st_size <= 2 * AT_ONCE
    job = jobs.begin_taking(job, now=now)
    if small:
        tasks.take_job(job.id)
    else:
        tasks.take_later.enqueue(job.id)
    return redirect("outbreak:arrivals_job", job.id)


@require_GET
@never_cache
@person_who(OPENS)
def arrivals_refused(request: StaffRequest, handover_id: uuid.UUID) -> HttpResponse:
    """The refused rows with their reasons."""
    job = jobs.job_for(request.user, handover_id, tasks.ARRIVALS)
    if not job.refused_file().is_file():
        raise NotFound("import_not_found", _("No row was refused."))
    name = f"{job.name.rpartition('.')[0] or job.name}.refused.csv"
    response = HttpResponse(tasks.refused_rows(job), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f"attachment; filename*=utf-8''{quote(name)}"
    return response


urls = [
    path("files/import/", arrivals, name="arrivals"),
    path("files/import/<uuid:handover_id>/", arrivals_job, name="arrivals_job"),
    path("files/import/<uuid:handover_id>/take/", take, name="arrivals_take"),
    path("files/import/<uuid:handover_id>/refused.csv", arrivals_refused, name="arrivals_refused"),
]
