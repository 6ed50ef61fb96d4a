"""Results from a laboratory's table, and what they ask for: cases to confirm, people to sample again."""

import uuid
from dataclasses import replace
from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededFile, refuse
from duban.core.tables import in_zone, parse_moment
from duban.ledger import job_pages, jobs
from duban.outbreak.models import Result
from duban.outbreak.samples import actions, tasks
from duban.outbreak.samples.codes import BadTube, spaced
from duban.outbreak.samples.due import Waiting, to_confirm, to_sample_again
from duban.outbreak.samples.importing import COLUMNS, HEADINGS
from duban.outbreak.samples.pages import PersonShown, show_people
from duban.outbreak.samples.queries import MANAGES, TAKES

SHOWN = 300


class ResultsForm(forms.Form):
    """A laboratory's table."""

    use_required_attribute = False

    file = NeededFile(
        label=gettext_lazy("Table"),
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.xlsx,.xls"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def results_page(request: StaffRequest) -> HttpResponse:
    """Send a table of results."""
    form, status = ResultsForm(), 200
    if request.method == "POST":
        form, status = ResultsForm(request.POST, request.FILES), 400
        if form.is_valid():
            try:
                return redirect("outbreak:results_job", _take(request, form).id)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    columns = [(ours, ", ".join(name for name in HEADINGS[ours] if not name.isascii())) for ours in COLUMNS]
    context = {"form": form, "columns": columns, "results": Result.choices}
    return render(request, "outbreak/samples/results.html", context, status=status)


def _take(request: StaffRequest, form: ResultsForm) -> jobs.Job:
    table = form.cleaned_data["file"]
    job = job_pages.job_of(request, table, kind=tasks.RESULTS)
    job = replace(job, stage="taking")
    jobs.save(job)
    if (table.size or 0) > tasks.AT_ONCE:
        tasks.import_later.enqueue(job.id)
        return job
    return tasks.import_job(job.id)


@require_safe
@person_who(MANAGES)
def job_page(request: StaffRequest, results_id: uuid.UUID) -> HttpResponse:
    """How far it is, and what came in, what was refused, and whom it holds."""
    job = jobs.job_for(request.user, results_id, tasks.RESULTS)
    words = dict(Result.choices)
    steps = {"rows": _("reading the rows"), "tubes": _("finding the tubes"), "people": _("writing the results")}
    context = job_pages.how_far(job, steps) | {
        "by_result": [(words[key], number) for key, number in job.report.get("by_result", {}).items() if number],
    }
    template = "outbreak/samples/parts/job.html" if request.htmx else "outbreak/samples/job.html"
    return render(request, template, context)


@require_GET
@person_who(MANAGES)
def refused(request: StaffRequest, results_id: uuid.UUID) -> FileResponse:
    """The refused rows with their reasons."""
    return job_pages.refused_rows(jobs.job_for(request.user, results_id, tasks.RESULTS))


# ---- what results ask for -------------------------------------------------------------------------------------------


@require_safe
@person_who(TAKES)
def due_page(request: StaffRequest) -> HttpResponse:
    """Single positives to be confirmed, and people to be sampled again where they are."""
    return _due_page(request)


def _due_page(request: StaffRequest, refusal: DubanError | None = None) -> HttpResponse:
    cases, again = to_confirm(request.user), to_sample_again(request.user)
    context = {
        "cases": _rows(request, cases[:SHOWN]),
        "again": _rows(request, again[:SHOWN]),
        "case_count": len(cases),
        "again_count": len(again),
        "manages": bool(rights.codes(request.user, MANAGES)),
        "refusal": refusal,
    }
    return render(request, "outbreak/samples/due.html", context, status=refusal.status if refusal else 200)


def _rows(request: StaffRequest, waiting: list[Waiting]) -> list[tuple[Waiting, PersonShown, str]]:
    people = show_people(request.user, [one.file for one in waiting], clock.now())
    return [(one, person, spaced(one.swab.tube.code)) for one, person in zip(waiting, people, strict=True)]


@require_POST
@person_who(MANAGES)
def confirm(request: StaffRequest, swab_id: int) -> HttpResponse:
    """The person whose single tube was positive is a case; they wait for nothing here any more."""
    try:
        onset = _onset(request.POST.get("onset_at", ""))
        file = actions.confirm_sample(by=request.user, now=clock.now(), swab_id=swab_id, onset_at=onset)
    except BadTube as refusal:
        return _due_page(request, refusal)
    messages.success(request, _("%(file)s is a confirmed case.") % {"file": file.number})
    return redirect("outbreak:samples_due")


def _onset(text: str) -> datetime | None:
    if not text.strip():
        return None
    moment = parse_moment(text)
    if moment is None or not 1990 <= moment.year < 9000:
        raise BadTube("bad_time", _("Write the time as 2021-01-18 18:30."), field="onset_at")
    return in_zone(moment)


@require_POST
@person_who(MANAGES)
def again(request: StaffRequest, swab_id: int) -> HttpResponse:
    """Have the person sampled once more before they are called a case."""
    actions.sample_again(by=request.user, now=clock.now(), swab_id=swab_id)
    messages.success(request, _("Another sample is due of this person, at once and alone."))
    return redirect("outbreak:samples_due")


urls = [
    path("samples/results/", results_page, name="results"),
    path("samples/results/<uuid:results_id>/", job_page, name="results_job"),
    path("samples/results/<uuid:results_id>/refused.csv", refused, name="results_refused"),
    path("samples/due/", due_page, name="samples_due"),
    path("samples/due/<int:swab_id>/confirm/", confirm, name="confirm_sample"),
    path("samples/due/<int:swab_id>/again/", again, name="sample_again"),
]
