"""What the pages of every job share: a table that was sent, how far the work is, and the refused rows to fetch."""

from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from duban.access.requests import StaffRequest
from duban.core import clock
from duban.core.errors import NotFound
from duban.ledger import jobs

WAIT = timedelta(seconds=10)
"""A job that nobody took up for so long may have no worker."""


def job_of(request: StaffRequest, table: UploadedFile | None, **how: Any) -> jobs.Job:
    """The job of a table that was sent; `how` as make_job has it. Raises BadUpload (`file_missing` and make_job's)."""
    if table is None:
        raise jobs.BadUpload("file_missing", _("Choose the table first."), field="file")
    language = get_language() or "zh-hans"
    return jobs.make_job(by=request.user, now=clock.now(), language=language, table=table, **how)


def how_far(job: jobs.Job, steps: dict[str, str]) -> dict[str, Any]:
    """What a page shows of a job; `steps` has the words for each step of the work."""
    now = clock.now()
    return {
        "job": job,
        "silent": job.is_silent(now) and job.started,
        "no_worker": job.is_running and not job.started and now - datetime.fromisoformat(job.seen_at) > WAIT,
        "steps": steps.get(job.step, _("waiting for its turn")),
    }


def refused_rows(job: jobs.Job) -> FileResponse:
    """The refused rows as CSV, each with its reason. Raises NotFound (`import_not_found`) where there are none."""
    if not job.refused_file().is_file():
        raise NotFound("import_not_found", _("No row was refused."))
    name = f"{job.name.rpartition('.')[0] or job.name}.refused.csv"
    return FileResponse(job.refused_file().open("rb"), as_attachment=True, filename=name, content_type="text/csv")
