"""What lies outside the tables of outbreak and may tell of somebody: folders of imports, and the worker's queue."""

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from django.db.models import QuerySet
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from duban.ledger import jobs
from duban.outbreak import tasks
from duban.outbreak.casefiles import tasks as casefile_tasks
from duban.outbreak.protection.rules import HANDOVER, RuleTable
from duban.outbreak.samples import tasks as sample_tasks

OURS = (
    tasks.PRESENCES,
    tasks.TRACING,
    casefile_tasks.ARRIVALS,
    casefile_tasks.SCREENED,
    casefile_tasks.CONTACTS,
    sample_tasks.RESULTS,
)
"""Kinds of jobs whose folders may tell of somebody who is followed."""
AT_REST = timedelta(hours=1)
"""A list that was read and not taken in is left to whoever is looking at it for so long."""
FINISHED = ("taken", "failed")


def job_folders(table: RuleTable, now: datetime) -> list[Path]:
    """Folders of lists that were taken in, refused or given up, where the rule lets them go.

    With a rule of 0 days they go as soon as they are finished, whatever day it is.
    """
    rule = table.at(HANDOVER, "")
    if rule is None or not jobs.imports_folder().is_dir():
        return []
    found = []
    for folder in sorted(jobs.imports_folder().iterdir()):
        job = _job_in(folder)
        if job is None or job.kind not in OURS:
            continue
        seen = datetime.fromisoformat(job.seen_at)
        at_rest = not job.is_running if now - seen > AT_REST else job.stage in FINISHED
        old_enough = not rule.days or timezone.localtime(seen).date() + timedelta(days=rule.days) <= table.on
        if old_enough and (at_rest or job.is_silent(now)):
            found.append(folder)
    return found


def _job_in(folder: Path) -> jobs.Job | None:
    try:
        return jobs.Job(**json.loads((folder / "job.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def delete_folder(folder: Path) -> None:
    """What names people first, so that a crash leaves no more than an empty job."""
    for file in sorted(folder.iterdir(), key=lambda file: file.name == "job.json"):
        if file.is_file():
            file.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def queue_rows() -> "QuerySet[DBTaskResult]":
    """Finished work of outbreak in the worker's table: its arguments, answers and broken runs' last words."""
    finished = (TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED)
    return DBTaskResult.objects.filter(status__in=finished, task_path__startswith="duban.outbreak.")
