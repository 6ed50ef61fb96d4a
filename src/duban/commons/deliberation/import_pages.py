"""Taking in comments from a table: sent, followed while it goes on, and the refused rows handed back."""

import csv
import io
import uuid
from dataclasses import replace

from django import forms
from django.db import transaction
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.commons.deliberation import queries, tasks
from duban.commons.deliberation.actions import MANAGES, managed
from duban.commons.deliberation.importing import COLUMNS, REQUIRED
from duban.core.errors import DubanError
from duban.core.forms import NeededFile, refuse
from duban.core.tables import read_table
from duban.ledger import job_pages, jobs

EXAMPLE = (
    ("a1", "", "二楼邻居", "楼道灯坏了两周了", "2021-01-05 19:30"),
    ("a2", "a1", "热心人", "我也看见了，三楼的也不亮", "2021-01-05 20:10"),
)


class CommentsForm(forms.Form):
    use_required_attribute = False

    file = NeededFile(
        label=gettext_lazy("Table"),
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.xlsx,.xlsm,.xls,.ods"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def import_page(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    """Send the table."""
    topic = queries.topic_for(request.user, topic_id)
    rights.require(request.user, MANAGES, topic.jurisdiction)
    form, status = CommentsForm(), 200
    if request.method == "POST":
        form, status = CommentsForm(request.POST, request.FILES), 400
        if form.is_valid():
            try:
                return redirect("commons:comments_job", _take(request, topic_id, form).id)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    context = {"topic": topic, "form": form, "columns": COLUMNS, "chain": queries.chain_of(topic.place)}
    return render(request, "commons/deliberation_comments.html", context, status=status)


def _take(request: StaffRequest, topic_id: uuid.UUID, form: CommentsForm) -> jobs.Job:
    with transaction.atomic():
        managed(request.user, topic_id)
    table = form.cleaned_data["file"]
    job = job_pages.job_of(request, table, kind=tasks.COMMENTS)
    job = replace(job, stage="taking", query=str(topic_id))
    jobs.save(job)
    # What is wrong with the file as a whole belongs at its field, not on a page of its own.
    read_table(job.table(), job.name, required=REQUIRED)
    if (table.size or 0) > tasks.AT_ONCE:
        tasks.import_comments_later.enqueue(job.id)
        return job
    return tasks.import_job(job.id)


@require_safe
@person_who(MANAGES)
def job_page(request: StaffRequest, comments_job: uuid.UUID) -> HttpResponse:
    """How far it is and what came of it; the page asks again by itself and may be left."""
    job = jobs.job_for(request.user, comments_job, tasks.COMMENTS)
    steps = {"rows": _("reading the rows"), "comments": _("writing the comments")}
    context = job_pages.how_far(job, steps) | {"topic_id": uuid.UUID(job.query)}
    template = "commons/parts/deliberation_job.html" if request.htmx else "commons/deliberation_job.html"
    return render(request, template, context)


@require_GET
@person_who(MANAGES)
def refused(request: StaffRequest, comments_job: uuid.UUID) -> FileResponse:
    """The refused rows with their reasons: to be mended and sent again."""
    return job_pages.refused_rows(jobs.job_for(request.user, comments_job, tasks.COMMENTS))


@require_GET
@person_who(MANAGES)
def template_file(request: StaffRequest) -> HttpResponse:
    """Headings and two rows that show how."""
    text = io.StringIO()
    csv.writer(text).writerows([COLUMNS, *EXAMPLE])
    response = HttpResponse(text.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="comments.csv"'
    return response


urls = [
    path("comments/template.csv", template_file, name="comments_template"),
    path("topics/<uuid:topic_id>/comments/", import_page, name="import_comments"),
    path("comments/imports/<uuid:comments_job>/", job_page, name="comments_job"),
    path("comments/imports/<uuid:comments_job>/refused.csv", refused, name="comments_refused"),
]
