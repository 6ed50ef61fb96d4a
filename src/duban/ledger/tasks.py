"""Imports worked off by `duban db_worker`, or at once where they are small."""

from dataclasses import replace
from typing import Any

from django.utils import timezone, translation
from django_tasks import task

from duban.access.actions import get_person
from duban.core import clock
from duban.core.errors import DubanError
from duban.ledger import jobs
from duban.ledger.imports import Checked, Imported, check_file, import_findings
from duban.ledger.jobs import Job
from duban.places import queries as places

PREVIEWED = 20


@task()
def check_later(job_id: str) -> None:
    check_job(job_id)


@task()
def take_later(job_id: str) -> None:
    take_job(job_id)


def check_job(job_id: str) -> Job:
    """Dry run: what would be taken and what refused, with nothing written to the ledger."""
    return _work(jobs.read_job(job_id), "checked", _check)


def take_job(job_id: str) -> Job:
    """Record the findings; a second run after a crash adds nothing twice."""
    return _work(jobs.read_job(job_id), "taken", _take)


def _work(job: Job, stage: str, work: Any) -> Job:
    progress = jobs.Progress(job)
    with translation.override(job.language):
        try:
            report = work(job, progress)
            job = replace(progress.job, stage=stage, report=report)
        except DubanError as refusal:
            job = replace(progress.job, stage="failed", error=refusal.as_dict())
        except Exception:
            jobs.save(replace(progress.job, stage="failed", error={"code": "import_broke", "message": ""}))
            raise
    jobs.save(job)
    return job


def _check(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    checked = check_file(
        by=get_person(job.username),
        now=clock.now(),
        data=job.table(),
        name=job.name,
        photos=jobs.SentPhotos(job),
        progress=progress,
    )
    return {
        "rows": checked.rows,
        "fresh": len(checked.fresh),
        "known": checked.known,
        "refused": len(checked.refused),
        "refusals": jobs.keep_refused(job, checked.columns, checked.refused),
        "preview": _preview(checked),
    }


def _preview(checked: Checked) -> list[dict[str, str]]:
    entries = checked.fresh[:PREVIEWED]
    names = places.names({entry.responsible for entry in entries})
    return [
        {
            "found_at": timezone.localtime(entry.found_at).isoformat(),
            "category": str(entry.category),
            "statement": entry.statement,
            "description": entry.description[:80],
            "unit": names.get(entry.responsible, entry.responsible),
        }
        for entry in entries
    ]


def _take(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    done: Imported = import_findings(
        by=get_person(job.username),
        now=clock.now(),
        data=job.table(),
        name=job.name,
        photos=jobs.SentPhotos(job),
        keep_good=job.keep_good,
        progress=progress,
    )
    return {
        "taken": done.taken,
        "updated": done.updated,
        "unchanged": done.unchanged,
        "refused": len(done.refused),
        "refusals": jobs.keep_refused(job, done.columns, done.refused),
    }
