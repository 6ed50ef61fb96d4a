"""A laboratory's table of results, looked at and taken in at once where it is small, else by `duban db_worker`."""

from typing import Any

from django_tasks import task

from duban.access.actions import get_person
from duban.core import clock
from duban.ledger import jobs
from duban.ledger.jobs import Job
from duban.ledger.tasks import work_off
from duban.outbreak.samples.importing import import_results

RESULTS = "results"
AT_ONCE = 200_000
"""A file up to so many bytes is taken in while the browser waits."""


@task()
def import_later(job_id: str) -> None:
    import_job(job_id)


def import_job(job_id: str) -> Job:
    """Take the results in; a second run after a crash adds nothing."""
    return work_off(jobs.read_job(job_id), "taken", _import)


def _import(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    done = import_results(
        by=get_person(job.username), now=clock.now(), data=job.table(), name=job.name, progress=progress
    )
    return {
        "rows": done.rows,
        "taken": done.taken,
        "unchanged": done.unchanged,
        "again": done.again,
        "by_result": done.by_result,
        "refused": len(done.refused),
        "refusals": jobs.keep_refused(job, done.columns, done.refused),
    }
