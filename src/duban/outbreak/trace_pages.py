"""Tracing: the cases that were sent, and the chains of their contacts as a graph and a table, for a week."""

import json
import uuid
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from django import forms
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from duban.access.requests import StaffRequest, person_who
from duban.core import audit, clock
from duban.core.errors import DubanError, NotFound
from duban.core.forms import NumberField, refuse
from duban.ledger import job_pages, jobs
from duban.outbreak import tasks
from duban.outbreak.screening import RUNS
from duban.outbreak.store import stored
from duban.outbreak.tracing import Wanted, cases_in

AT_ONCE = 300_000


class TraceForm(forms.Form):
    """The cases, and what counts as a contact."""

    use_required_attribute = False

    file = forms.FileField(
        label=gettext_lazy("Cases"),
        required=False,
        allow_empty_file=True,
        help_text=gettext_lazy("CSV: person (ID number, phone or token), onset_at, sampled_at, isolated_at."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv"}),
    )
    minutes = NumberField(label=gettext_lazy("Minutes together at one place"), initial="15")
    metres = NumberField(label=gettext_lazy("Metres (0: at the same venue alone)"), initial="0")
    generations = NumberField(label=gettext_lazy("Generations"), initial="2")
    after_minutes = NumberField(label=gettext_lazy("Minutes after somebody left that still count"), initial="0")

    def wanted(self) -> Wanted:
        given = self.cleaned_data
        return Wanted(given["minutes"], given["metres"], int(given["generations"]), given["after_minutes"])


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(RUNS)
def trace(request: StaffRequest) -> HttpResponse:
    """Begin a tracing."""
    form, status = TraceForm(), 200
    if request.method == "POST":
        form, status = TraceForm(request.POST, request.FILES), 400
        if form.is_valid():
            try:
                return redirect("outbreak:traced", _begin(request, form).id)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    return render(request, "outbreak/trace.html", {"form": form, "stored": stored()}, status=status)


def _begin(request: StaffRequest, form: TraceForm) -> jobs.Job:
    table, wanted, now = form.cleaned_data["file"], form.wanted(), clock.now()
    wanted.settings()
    job = job_pages.job_of(request, table, kind=tasks.TRACING)
    cases = cases_in(job.table())
    audit.record(
        by=request.user,
        now=now,
        action="trace_contacts",
        subject_type="tracing",
        subject_id=job.id,
        detail={"cases": len(cases), **asdict(wanted)},
    )
    job = replace(job, stage="taking", query=json.dumps(asdict(wanted)))
    jobs.save(job)
    if stored().rows <= AT_ONCE:
        return tasks.trace_job(job.id)
    tasks.trace_later.enqueue(job.id)
    return job


@require_safe
@person_who(RUNS)
def traced(request: StaffRequest, trace_id: uuid.UUID) -> HttpResponse:
    """How far it is; then the chains."""
    job = jobs.job_for(request.user, trace_id, tasks.TRACING)
    rows = [
        row | {name: datetime.fromisoformat(row[name]) for name in ("first", "last")}
        for row in job.report.get("rows", [])
    ]
    context = job_pages.how_far(job, {"contacts": _("looking for contacts")}) | {
        "rows": rows[:200],
        "more": max(0, job.report.get("contacts", 0) - 200),
        "graph": _graph(rows),
    }
    template = "outbreak/parts/traced.html" if request.htmx else "outbreak/traced.html"
    return render(request, template, context)


def _graph(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """People as nodes with their generation, contacts as edges with place and minutes."""
    generation: dict[str, int] = {}
    for row in rows:
        generation.setdefault(row["source"], row["generation"] - 1)
        generation.setdefault(row["person"], row["generation"])
    return {
        "nodes": [{"id": token, "name": token[:8], "generation": number} for token, number in generation.items()],
        "edges": [
            {
                "source": row["source"],
                "target": row["person"],
                "place": row["place"],
                "minutes": round(row["minutes"]),
                "first": row["first"].isoformat(),
                "last": row["last"].isoformat(),
            }
            for row in rows
        ],
        "words": {
            "case": _("case"),
            "generation": _("generation"),
            "minutes": _("minutes"),
            "title": _("Chains of contacts"),
        },
    }


@require_GET
@person_who(RUNS)
def contacts(request: StaffRequest, trace_id: uuid.UUID) -> FileResponse:
    """All contacts as Parquet."""
    job = jobs.job_for(request.user, trace_id, tasks.TRACING)
    file = job.folder / "contacts.parquet"
    if job.stage != "taken" or not file.is_file():
        raise NotFound("import_not_found", _("There is no such import; after a week it is cleared away."))
    return FileResponse(
        file.open("rb"), as_attachment=True, filename="contacts.parquet", content_type="application/vnd.apache.parquet"
    )


urls = [
    path("trace/", trace, name="trace"),
    path("trace/<uuid:trace_id>/", traced, name="traced"),
    path("trace/<uuid:trace_id>/contacts.parquet", contacts, name="contacts"),
]
