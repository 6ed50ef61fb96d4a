"""Lists taken in, screenings turned into files and contacts traced: by `duban db_worker`, or at once where small."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django_tasks import task

from duban.access.actions import get_person
from duban.access.models import Person
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.files import write_whole
from duban.core.sealed_text import open_bytes, seal_bytes
from duban.core.tables import Row, refused_csv, wants_mark
from duban.ledger import jobs
from duban.ledger.jobs import Job
from duban.ledger.tasks import work_off
from duban.outbreak.casefiles.arrivals import ReadArrivals
from duban.outbreak.casefiles.contacts import open_contacts, open_screened, require_case
from duban.outbreak.casefiles.handover import import_arrivals, order_for, read_handover
from duban.outbreak.casefiles.identity import masked
from duban.outbreak.models import CaseFile, Screening
from duban.places import queries as places

ARRIVALS, SCREENED, CONTACTS = "arrivals", "screened_files", "contact_files"
PREVIEWED = 10
AT_ONCE = 300
"""Up to so many people are worked off while the browser waits."""


@task()
def check_later(job_id: str) -> None:
    check_job(job_id)


@task()
def take_later(job_id: str) -> None:
    take_job(job_id)


@task()
def open_later(job_id: str) -> None:
    open_job(job_id)


# ---- lists of arrivals ----------------------------------------------------------------------------------------------


def send_list(*, by: Person, now: datetime, language: str, table: UploadedFile, order: str) -> Job:
    """Keep a list that was sent, sealed: it holds names. Raises NotFound (`order_not_found`), BadUpload."""
    order_for(by, order)
    job = jobs.make_job(by=by, now=now, language=language, table=table, kind=ARRIVALS)
    write_whole(job.folder / "table", seal_bytes(job.table()))
    job = replace(job, query=order)
    jobs.save(job)
    return job


def check_job(job_id: str) -> Job:
    """Judge the rows; nothing is kept of them."""
    return work_off(jobs.read_job(job_id), "checked", _check)


def take_job(job_id: str) -> Job:
    """Take the list in, and delete it; a second run after a crash adds nothing twice."""
    return work_off(jobs.read_job(job_id), "taken", _take)


def _check(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    by, now = get_person(job.username), clock.now()
    progress("reading", 0, 0)
    data = open_bytes(job.table())
    read = read_handover(by=by, now=now, data=data, name=job.name, order=order_for(by, job.query))
    return {
        "rows": read.rows,
        "good": len(read.good),
        "notes": dict(read.notes()),
        "preview": _preview(read),
        **_refusals(job, data, read.columns, read.refused),
    }


def _preview(read: ReadArrivals) -> list[dict[str, str]]:
    first = read.good[:PREVIEWED]
    names = places.names({one.draft.stay for one in first})
    return [
        {
            "row": str(one.row.number),
            "name": masked(one.draft.facts).name,
            "id_number": masked(one.draft.facts).id_number,
            "phone": masked(one.draft.facts).phone,
            "left": timezone.localtime(one.draft.exposures[0].last).isoformat(),
            "stay": names.get(one.draft.stay, one.draft.stay),
            "notes": " ".join(one.notes),
        }
        for one in first
    ]


def _take(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    data = open_bytes(job.table())
    done = import_arrivals(
        by=get_person(job.username), now=clock.now(), data=data, name=job.name, order=job.query, progress=progress
    )
    (job.folder / "table").unlink(missing_ok=True)
    return {
        "rows": done.read,
        "taken": done.taken,
        "updated": done.updated,
        "unchanged": done.unchanged,
        "notes": {note: count for note, count in done.notes.items() if count},
        **_refusals(job, data, done.columns, done.refused),
    }


def _refusals(
    job: Job, data: bytes, columns: Sequence[str], refused: Sequence[tuple[Row, DubanError]]
) -> dict[str, Any]:
    """Keep the refused rows, sealed; their number, and the first as the page shows them: without what they say."""
    if refused:
        write_whole(job.refused_file(), seal_bytes(refused_csv(columns, refused, mark=wants_mark(data))))
    shown = [
        {"row": row.number, "code": refusal.code, "field": refusal.field or "", "message": str(refusal)}
        for row, refusal in refused[: jobs.SHOWN_ROWS]
    ]
    return {"refused": len(refused), "refusals": shown}


def refused_rows(job: Job) -> bytes:
    """The refused rows of a list as CSV; raises FileNotFoundError."""
    return open_bytes(job.refused_file().read_bytes())


# ---- files for many -------------------------------------------------------------------------------------------------


def open_screened_files(*, by: Person, now: datetime, language: str, screening: Screening) -> Job:
    """Open a file for everybody found by a screening that was handed to the towns."""
    return _begin(by, now, language, SCREENED, str(screening.pk), screening.people, screening.people)


def open_contact_files(*, by: Person, now: datetime, language: str, file_id: uuid.UUID, presences: int) -> Job:
    """Trace the contacts of a confirmed case among so many presences, and open a file for each.

    Raises NotFound (`file_not_found`), Conflict (`not_confirmed`), NotAllowed (`not_allowed`).
    """
    require_case(by, file_id)
    return _begin(by, now, language, CONTACTS, str(file_id), 0, presences // 1000)


def _begin(by: Person, now: datetime, language: str, kind: str, key: str, rows: int, size: int) -> Job:
    job = jobs.make_export_job(by=by, now=now, language=language, name=kind, query=json.dumps(key), rows=rows)
    job = replace(job, kind=kind)
    jobs.save(job)
    if size > AT_ONCE:
        open_later.enqueue(job.id)
        return job
    return open_job(job.id)


def open_job(job_id: str) -> Job:
    """Open the files; a second run after a crash opens each once."""
    job = jobs.read_job(job_id)
    return work_off(job, "taken", _screened if job.kind == SCREENED else _contacts)


def _screened(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    key = uuid.UUID(json.loads(job.query))
    made = open_screened(by=get_person(job.username), now=clock.now(), screening_id=key, progress=progress)
    return asdict(made)


def _contacts(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    key = uuid.UUID(json.loads(job.query))
    made = open_contacts(by=get_person(job.username), now=clock.now(), file_id=key, progress=progress)
    return asdict(made) | {"number": CaseFile.objects.get(pk=key).number}
