"""Reports read by `duban db_worker`, or at once where they are short."""

from typing import Any

from django_tasks import task

from duban.bulletin.notice_files import text_of
from duban.bulletin.notices import read_text, report_of
from duban.ledger import jobs
from duban.ledger.jobs import Job
from duban.ledger.tasks import work_off

KIND = "notice"


@task()
def read_later(job_id: str) -> None:
    read_job(job_id)


def read_job(job_id: str) -> Job:
    """Read what was sent; nothing is written but the job's own report."""
    return work_off(jobs.read_job(job_id), "taken", _read)


def _read(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    progress("text", 0, 0)
    text = text_of(job.table(), job.name)
    progress("places", 0, 0)
    return report_of(read_text(text))
