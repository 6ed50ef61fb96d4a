"""Versions of rules looked at and put into force by `duban db_worker`, or at once where few people are followed."""

import json
from dataclasses import asdict
from datetime import date
from typing import Any

from django_tasks import task

from duban.access.actions import get_person
from duban.core import clock
from duban.ledger import jobs
from duban.ledger.jobs import Job
from duban.ledger.tasks import work_off
from duban.outbreak.measures.editing import RuleDraft, add_rule, office_of, preview_rule, replan_office
from duban.outbreak.models import MeasureRule

RULE = "measure_rule"
SHOWN_MOVES = 30


@task()
def preview_later(job_id: str) -> None:
    preview_job(job_id)


@task()
def keep_later(job_id: str) -> None:
    keep_job(job_id)


def preview_job(job_id: str) -> Job:
    """What the version would change; nothing is kept."""
    return work_off(jobs.read_job(job_id), "checked", _preview)


def keep_job(job_id: str) -> Job:
    """Keep the version and plan everybody anew; a second run after a crash keeps it once and goes on planning."""
    return work_off(jobs.read_job(job_id), "taken", _keep)


def draft_of(job: Job) -> tuple[RuleDraft, str]:
    """The version that the job is about, and the code that it is for."""
    told = json.loads(job.query)
    return RuleDraft.from_json(told["draft"]), told["office"]


def _preview(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    draft, office = draft_of(job)
    by = get_person(job.username)
    found = preview_rule(by=by, now=clock.now(), draft=draft, at=office, progress=progress)
    moves = [(_text(old), _text(new), people) for old, new, people in found.moves]
    return asdict(found) | {"moves": moves[:SHOWN_MOVES], "more_moves": max(len(moves) - SHOWN_MOVES, 0)}


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""


def _keep(job: Job, progress: jobs.Progress) -> dict[str, Any]:
    draft, at = draft_of(job)
    by, now = get_person(job.username), clock.now()
    office = office_of(by, at)
    if "rule" not in job.report:
        known = MeasureRule.objects.filter(key=draft.key, office=office, since=draft.since).first()
        # A run that was stopped after it had kept the version finds it as its own.
        mine = known is not None and (known.added_by or {}).get("username") == by.username
        if not (mine and job.started):
            add_rule(by=by, now=now, draft=draft, at=office)
    changed = replan_office(now=now, office=office, progress=progress)
    return job.report | {"rule": draft.key, "replanned": changed}
