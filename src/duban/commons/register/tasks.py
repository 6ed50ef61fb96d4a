"""Tables of organisations worked off by `duban db_worker`, or at once where they are small."""

from typing import Any

from django_tasks import task

from duban.access.actions import get_person
from duban.commons.register.importing import Imported, import_organisations
from duban.core import clock
from duban.ledger import jobs
from duban.ledger.jobs import Job
from duban.ledger.tasks import work_off

KIND = "organisations"


@task()
def check_organisations_later(job_id: str) -> None:
    check_job(job_id)


@task()
def take_organisations_later(job_id: str) -> None:
    take_job(job_id)


def check_job(job_id: str) -> Job:
    """Dry run: what would be taken, changed and refused, with nothing written."""
    return work_off(jobs.read_job(job_id), "checked", _check)


def take_job(job_id: str) -> Job:
    """Take the good rows; a second run after a crash adds nothing twice."""
    return work_off(jobs.read_job(job_id), "taken", _take)


def _check(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    return _report(job, _import(job, progress, try_only=True))


def _take(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    return _report(job, _import(job, progress, try_only=False))


def _import(job: Job, progress: jobs.Progress, *, try_only: bool) -> Imported:
    return import_organisations(
        by=get_person(job.username), now=clock.now(), data=job.table(), name=job.name, try_only=try_only,
        progress=progress,
    )  # fmt: skip


def _report(job: Job, done: Imported) -> dict[str, Any]:
    shown = done.warnings[: jobs.SHOWN_ROWS]
    return {
        "taken": done.taken,
        "updated": done.updated,
        "unchanged": done.unchanged,
        "refused": len(done.refused),
        "refusals": jobs.keep_refused(job, done.columns, done.refused),
        "warnings": len(done.warnings),
        "odd": [{"row": row.number, "message": str(odd.message)} for row, odd in shown],
    }
