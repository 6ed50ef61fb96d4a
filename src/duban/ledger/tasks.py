"""Imports and large exports worked off by `duban db_worker`, or at once where they are small."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.http import QueryDict
from django.utils import timezone, translation
from django_tasks import task

from duban.access.actions import get_person
from duban.core import clock
from duban.core.errors import DubanError
from duban.ledger import jobs
from duban.ledger.amendments import import_amendments, plan_amendments
from duban.ledger.filters import read_filters
from duban.ledger.imports import Checked, Imported, check_file, import_findings
from duban.ledger.jobs import Job
from duban.ledger.queries import find_entries
from duban.ledger.workbook import write_entries
from duban.places import queries as places

PREVIEWED = 20
Work = Callable[[Job, jobs.Progress], dict[str, Any]]


@task()
def check_later(job_id: str) -> None:
    check_job(job_id)


@task()
def take_later(job_id: str) -> None:
    take_job(job_id)


def check_job(job_id: str) -> Job:
    """Dry run: what would be taken and what refused, with nothing written to the ledger."""
    job = jobs.read_job(job_id)
    return work_off(job, "checked", _check_amendments if job.kind == "amendments" else _check)


def take_job(job_id: str) -> Job:
    """Record the findings, amend the entries or write the workbook; a second run after a crash adds nothing twice."""
    job = jobs.read_job(job_id)
    return work_off(job, "taken", {"amendments": _amend, "export": _export}.get(job.kind, _take))


def work_off(job: Job, stage: str, work: Work) -> Job:
    """Do a job's work and bring it to the stage with the report; refused or broken, it has failed and says why."""
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


def _check_amendments(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    planned = plan_amendments(by=get_person(job.username), data=job.table(), name=job.name, progress=progress)
    return {
        "rows": planned.rows,
        "fresh": len(planned.amendments),
        "known": planned.unchanged,
        "refused": len(planned.refused),
        "refusals": jobs.keep_refused(job, planned.columns, planned.refused),
        "changes": planned.changes(jobs.SHOWN_ROWS),
    }


def _amend(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    done = import_amendments(
        by=get_person(job.username),
        now=clock.now(),
        data=job.table(),
        name=job.name,
        keep_good=job.keep_good,
        reason=job.reason,
        progress=progress,
    )
    return {
        "updated": done.updated,
        "unchanged": done.unchanged,
        "refused": len(done.refused),
        "refusals": jobs.keep_refused(job, done.columns, done.refused),
    }


def _export(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    person, wanted = get_person(job.username), read_filters(QueryDict(job.query))
    entries = find_entries(person, wanted, now=clock.now()).entries
    total = job.total
    rows = write_entries(entries, job.workbook_file(), progress=lambda done: progress("writing", done, total))
    return {"rows": rows, "bytes": job.workbook_file().stat().st_size}
