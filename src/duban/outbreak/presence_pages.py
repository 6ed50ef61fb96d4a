"""The store of presences: what it holds by day and source, and taking a list in from the browser."""

import json
import uuid
from dataclasses import replace
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Count, Sum
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, NeededFile, refuse
from duban.ledger import job_pages, jobs
from duban.outbreak import tasks
from duban.outbreak.counts import FEW
from duban.outbreak.models import PresencePart, PresenceSource
from duban.outbreak.presences import remember_source
from duban.outbreak.reading import COLUMNS, DATUMS
from duban.outbreak.screening import RUNS

AT_ONCE = 2 * 1024 * 1024
"""A file up to so many bytes is taken in while the browser waits."""


class PresencesForm(forms.Form):
    """A list of presences, from whom, and what it calls our columns."""

    use_required_attribute = False

    source = NeededField(
        label=gettext_lazy("Source"),
        help_text=gettext_lazy("Who sent it. What its columns are called is remembered for the next list."),
        widget=forms.TextInput(attrs={"list": "sources", "autocomplete": "off"}),
    )
    file = NeededFile(
        label=gettext_lazy("Table"),
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.xlsx,.xls,.parquet"}),
    )
    columns = forms.CharField(
        label=gettext_lazy("Columns that are called otherwise"),
        required=False,
        help_text=gettext_lazy("One a line, ours = theirs: arrived = 进站时间"),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "code"}),
    )
    datum = forms.ChoiceField(
        label=gettext_lazy("Datum"),
        required=False,
        choices=[("", gettext_lazy("as remembered")), *zip(DATUMS, DATUMS, strict=True)],
    )

    def clean_columns(self) -> dict[str, str]:
        found = {}
        for line in self.cleaned_data["columns"].splitlines():
            ours, sign, theirs = line.replace("＝", "=").partition("=")
            if not line.strip():
                continue
            if not sign or not theirs.strip():
                raise forms.ValidationError(
                    _("“%(line)s” is not ours = theirs.") % {"line": line[:40]}, code="bad_mapping"
                )
            found[ours.strip()] = theirs.strip()
        return found


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(RUNS)
def presences(request: StaffRequest) -> HttpResponse:
    """What the store holds; a list that is sent is taken in."""
    form, status = PresencesForm(), 200
    if request.method == "POST":
        form, status = PresencesForm(request.POST, request.FILES), 400
        if form.is_valid():
            try:
                return redirect("outbreak:import_job", _take(request, form).id)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    days = PresencePart.objects.values("day").annotate(number=Sum("rows"), sources=Count("source", distinct=True))
    context = {
        "form": form,
        "days": list(days.order_by("-day")[:200]),
        "sources": list(PresenceSource.objects.order_by("name")[:200]),
        "columns": COLUMNS,
        "few": FEW,
        "kept_days": settings.DUBAN_PRESENCE_DAYS,
    }
    return render(request, "outbreak/presences.html", context, status=status)


def _take(request: StaffRequest, form: PresencesForm) -> jobs.Job:
    table, asked, now = form.cleaned_data["file"], form.cleaned_data, clock.now()
    remember_source(by=request.user, now=now, name=asked["source"], columns=asked["columns"], datum=asked["datum"])
    job = job_pages.job_of(request, table, kind=tasks.PRESENCES)
    told: dict[str, Any] = {"source": asked["source"].strip(), "columns": asked["columns"], "datum": asked["datum"]}
    job = replace(job, stage="taking", query=json.dumps(told, ensure_ascii=False))
    jobs.save(job)
    if (table.size or 0) > AT_ONCE:
        tasks.import_later.enqueue(job.id)
        return job
    return tasks.import_job(job.id)


@require_safe
@person_who(RUNS)
def import_page(request: StaffRequest, list_id: uuid.UUID) -> HttpResponse:
    """How far it is, and what came in and what was refused."""
    steps = {"rows": _("reading the rows"), "days": _("sorting the days")}
    context = job_pages.how_far(jobs.job_for(request.user, list_id, tasks.PRESENCES), steps)
    template = "outbreak/parts/import_job.html" if request.htmx else "outbreak/import_job.html"
    return render(request, template, context)


@require_GET
@person_who(RUNS)
def refused(request: StaffRequest, list_id: uuid.UUID) -> FileResponse:
    """The refused rows with their reasons."""
    return job_pages.refused_rows(jobs.job_for(request.user, list_id, tasks.PRESENCES))


urls = [
    path("presences/", presences, name="presences"),
    path("presences/<uuid:list_id>/", import_page, name="import_job"),
    path("presences/<uuid:list_id>/refused.csv", refused, name="import_refused"),
]
