"""Screenings, tracings and imports of presences worked off by `duban db_worker`, or at once where they are small."""

import json
import uuid
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import pyarrow.parquet as pq
from django_tasks import task

from duban.access.actions import get_person
from duban.core import clock
from duban.ledger import jobs
from duban.ledger.jobs import Job
from duban.ledger.tasks import work_off
from duban.outbreak import screening
from duban.outbreak.desk import keeping
from duban.outbreak.desk.days import BadQuestion
from duban.outbreak.models import KeptKind
from duban.outbreak.presences import Taken, import_presences
from duban.outbreak.tracing import Wanted, cases_in, trace_store

SCREENING, TRACING, PRESENCES = "screening", "tracing", "presences"
SHOWN_CONTACTS = 2000


@task()
def preview_later(job_id: str) -> None:
    preview_job(job_id)


@task()
def keep_later(job_id: str) -> None:
    keep_job(job_id)


@task()
def count_desk_later(kind: str, at: str, on: str) -> None:
    """Count a day's report or funnel anew. What does not add up just now is not kept; the old count stays."""
    with suppress(BadQuestion):
        keeping.count(KeptKind(kind), at, date.fromisoformat(on), now=clock.now())


@task()
def trace_later(job_id: str) -> None:
    trace_job(job_id)


@task()
def import_later(job_id: str) -> None:
    import_job(job_id)


def preview_job(job_id: str) -> Job:
    """What the screening would find; nothing is kept."""
    return work_off(jobs.read_job(job_id), "checked", _preview)


def keep_job(job_id: str) -> Job:
    """Keep what was previewed; a second run after a crash keeps it once."""
    return work_off(jobs.read_job(job_id), "taken", _keep)


def trace_job(job_id: str) -> Job:
    """Trace the contacts of the cases that were sent, and forget the cases."""
    return work_off(jobs.read_job(job_id), "taken", _trace)


def import_job(job_id: str) -> Job:
    """Take the presences in, and delete the file that was sent: it holds names."""
    return work_off(jobs.read_job(job_id), "taken", _import)


def _preview(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    seen = screening.preview_screening(
        by=get_person(job.username), now=clock.now(), orders=json.loads(job.query), progress=progress
    )
    return asdict(seen) | {"as_of": seen.as_of.isoformat()}


def _keep(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    asked = json.loads(job.reason)
    screening.keep_screening(
        by=get_person(job.username),
        now=clock.now(),
        orders=json.loads(job.query),
        as_of=datetime.fromisoformat(job.report["as_of"]),
        digest=job.report["digest"],
        ground=asked["ground"],
        purpose=asked["purpose"],
        screening_id=uuid.UUID(job.id),
        progress=progress,
    )
    return job.report


def _trace(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    progress("contacts", 0, 0)
    out = job.folder / "contacts.parquet"
    found = trace_store(cases_in(job.table()), Wanted(**json.loads(job.query)), now=clock.now(), out=out)
    (job.folder / "table").unlink(missing_ok=True)
    rows = pq.read_table(out).slice(0, SHOWN_CONTACTS).to_pylist()
    return {
        "contacts": found.contacts,
        "people": list(found.people),
        "read": found.rows,
        "version": found.version,
        "rows": [row | {name: row[name].isoformat() for name in ("first", "last")} for row in rows],
    }


def _import(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    asked = json.loads(job.query)
    try:
        done: Taken = import_presences(
            by=get_person(job.username),
            now=clock.now(),
            path=job.folder / "table",
            name=job.name,
            source=asked["source"],
            columns=asked["columns"],
            datum=asked["datum"],
            report=job.refused_file(),
            progress=progress,
        )
    finally:
        (job.folder / "table").unlink(missing_ok=True)
    return {
        "read": done.read,
        "taken": done.taken,
        "unchanged": done.unchanged,
        "refused": done.refused,
        "days": [day.isoformat() for day in done.days],
        "dropped": [day.isoformat() for day in done.dropped],
        "refusals": [
            {
                "row": one.row,
                "code": one.refusal.code,
                "field": one.refusal.field or "",
                "message": str(one.refusal),
            }
            for one in done.shown
        ],
    }
