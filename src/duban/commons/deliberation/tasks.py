"""Comments taken in at once where they are few, else by `duban db_worker`."""

import uuid
from typing import Any

from django_tasks import task

from duban.access.actions import get_person
from duban.commons.deliberation.importing import import_comments
from duban.core import clock
from duban.ledger import jobs
from duban.ledger.jobs import Job
from duban.ledger.tasks import work_off

COMMENTS = "comments"
AT_ONCE = 200_000
"""A file up to so many bytes is taken in while the browser waits."""


@task()
def import_comments_later(job_id: str) -> None:
    import_job(job_id)


def import_job(job_id: str) -> Job:
    """Take the comments in; a second run after a crash adds nothing."""
    return work_off(jobs.read_job(job_id), "taken", _import)


def _import(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    # The topic stands where other imports keep what they are asked for.
    done = import_comments(
        by=get_person(job.username), now=clock.now(), topic_id=uuid.UUID(job.query), data=job.table(), name=job.name,
        progress=progress,
    )  # fmt: skip
    return {
        "rows": done.rows,
        "taken": done.taken,
        "threads": done.threads,
        "unchanged": done.unchanged,
        "refused": len(done.refused),
        "refusals": jobs.keep_refused(job, done.columns, done.refused),
    }
