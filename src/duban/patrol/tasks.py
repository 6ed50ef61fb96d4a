"""Imports of inspections worked off by `duban db_worker`, or at once where they are small."""

from typing import Any

from django_tasks import task

from duban.access.actions import get_person
from duban.core import clock
from duban.ledger import jobs
from duban.ledger.jobs import Job
from duban.ledger.tasks import work_off
from duban.patrol.importing import Imported, check_inspections, import_inspections

KIND = "inspections"


@task()
def check_inspections_later(job_id: str) -> None:
    check_job(job_id)


@task()
def take_inspections_later(job_id: str) -> None:
    take_job(job_id)


def check_job(job_id: str) -> Job:
    """Dry run: what would be taken and what refused, with nothing written."""
    return work_off(jobs.read_job(job_id), "checked", _check)


def take_job(job_id: str) -> Job:
    """Take the visits; a second run after a crash adds nothing twice."""
    return work_off(jobs.read_job(job_id), "taken", _take)


def _check(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    tried = check_inspections(
        by=get_person(job.username), now=clock.now(), data=job.table(), name=job.name, progress=progress
    )
    return _report(job, tried)


def _take(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    done = import_inspections(
        by=get_person(job.username),
        now=clock.now(),
        data=job.table(),
        name=job.name,
        keep_good=job.keep_good,
        progress=progress,
    )
    return _report(job, done)


def _report(job: Job, done: Imported) -> dict[str, Any]:
    return {
        "rows": done.rows,
        "taken": done.taken,
        "updated": done.updated,
        "unchanged": done.unchanged,
        "visits": done.visits,
        "venues": done.venues,
        "refused": len(done.refused),
        "refusals": jobs.keep_refused(job, done.columns, done.refused),
    }
