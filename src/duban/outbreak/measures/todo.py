"""Due acts as people see and do them: theirs to do, done, done by mistake, asked for besides the plan."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.outbreak.casefiles.queries import in_scope
from duban.outbreak.measures.duties import Duty, insert_duties
from duban.outbreak.measures.plans import replan
from duban.outbreak.measures.schedule import AT_HOME, Why
from duban.outbreak.models import CaseFile, FileState, NoMeasure, Task, TaskKind, TaskState

DOES = "act.do"
MAX_TASKS = 5000
EARLY = frozenset({TaskKind.REACH.value, TaskKind.ARRIVE.value, TaskKind.REPORT.value})
"""Acts that may be done before their day; a test of the day after tomorrow is none of today."""
MOMENTS = {TaskKind.REACH: "reached_at", TaskKind.TEST: "tested_at", TaskKind.ARRIVE: "isolated_at"}
"""What of the file is set when an act of the kind is done for the first time."""


class BadAct(DubanError):
    pass


@dataclass(frozen=True)
class NewTask:
    """An act that is due besides the plan. `why`: {code, ...}, put into words by `words.why_words`."""

    file_id: uuid.UUID
    kind: str
    due_on: date
    slot: str
    why: Why


def tasks_for(person: Person) -> QuerySet[Task]:
    """The acts that the person may do: of files of their office, their towns and communities."""
    files = CaseFile.objects.filter(in_scope(rights.codes(person, DOES)))
    return Task.objects.filter(file__in=files)


@transaction.atomic
def finish_tasks(*, by: Person, now: datetime, task_ids: Collection[int]) -> int:
    """Note that the acts are done, all or none; how many were not yet. A second time changes nothing.

    Raises NotFound (`task_not_found`), Conflict (`task_cancelled`), BadAct (`too_many_tasks`, `task_not_due`,
    `release_by_person`).
    """
    if len(task_ids) > MAX_TASKS:
        raise BadAct("too_many_tasks", _("At most 5,000 acts at a time."))
    wanted = set(task_ids)
    seen = set(tasks_for(by).filter(pk__in=wanted).values_list("pk", flat=True))
    if seen != wanted:
        raise _not_found()
    return settle_tasks(by=by, now=now, task_ids=wanted)


@transaction.atomic
def settle_tasks(*, by: audit.Actor, now: datetime, task_ids: Collection[int]) -> int:
    """As `finish_tasks`, for what other acts bring with them: whoever calls has checked that `by` may."""
    tasks = _lock(task_ids)
    if len(tasks) != len(set(task_ids)):
        raise _not_found()
    due = [task for task in tasks if task.state != TaskState.DONE]
    _require_doable(due, timezone.localtime(now, timezone.get_default_timezone()).date())
    if not due:
        return 0
    actor = by.as_actor()
    for start in range(0, len(due), 500):
        keys = [task.pk for task in due[start : start + 500]]
        Task.objects.filter(pk__in=keys).update(state=TaskState.DONE, done_at=now, done_by=actor)
    _set_moments(now, due)
    audit.record(
        by=by,
        now=now,
        action="finish_tasks",
        subject_type="task",
        subject_id=due[0].pk,
        detail={"tasks": [task.pk for task in due], "kinds": sorted({task.kind for task in due})},
    )
    return len(due)


def _lock(task_ids: Collection[int]) -> list[Task]:
    """The tasks; their files are locked before them, in the order in which a replanning locks them."""
    found: list[Task] = []
    ordered = sorted(set(task_ids))
    batches = [ordered[start : start + 500] for start in range(0, len(ordered), 500)]
    files = {file for batch in batches for file in Task.objects.filter(pk__in=batch).values_list("file", flat=True)}
    of = sorted(files)
    for start in range(0, len(of), 500):
        list(CaseFile.objects.select_for_update().filter(pk__in=of[start : start + 500]).order_by("pk").values("pk"))
    for batch in batches:
        rows = Task.objects.select_for_update(of=("self",)).filter(pk__in=batch)
        found += rows.select_related("file").defer("file__sealed").order_by("pk")
    return found


def _require_doable(tasks: Sequence[Task], today: date) -> None:
    for task in tasks:
        if task.state == TaskState.CANCELLED or task.file.state != FileState.OPEN:
            raise Conflict("task_cancelled", _("This is no longer due; look at the list again."))
        if task.kind == TaskKind.RELEASE:
            raise BadAct("release_by_person", _("Somebody is released on the page of their file, by name."))
        if task.due_on > today and task.kind not in EARLY:
            raise BadAct("task_not_due", _("This is due on a later day."))


def _set_moments(now: datetime, tasks: Sequence[Task]) -> None:
    """Each the first time only. Who stays at home is isolated when the first visit finds them there."""
    first: dict[str, set[uuid.UUID]] = defaultdict(set)
    found: set[uuid.UUID] = set()
    for task in tasks:
        moment = MOMENTS.get(TaskKind(task.kind))
        if moment:
            first[moment].add(task.file_id)
        if task.kind == TaskKind.VISIT and task.file.measure in AT_HOME:
            first["isolated_at"].add(task.file_id)
        if task.kind == TaskKind.REACH and task.file.no_measure == NoMeasure.UNREACHED:
            found.add(task.file_id)
    for moment, files in first.items():
        CaseFile.objects.filter(pk__in=files, **{f"{moment}__isnull": True}).update(**{moment: now})
    if found:
        _take_up(now, found)


def _take_up(now: datetime, files: Collection[uuid.UUID]) -> None:
    CaseFile.objects.filter(pk__in=files).update(no_measure="")
    replan(now=now, file_ids=files)


def _not_found() -> NotFound:
    return NotFound("task_not_found", _("There is no such act, or it is not yours to do."))


@transaction.atomic
def reopen_task(*, by: Person, now: datetime, task_id: int) -> Task:
    """Take back that an act was done. Open already, it stays so.

    Raises NotFound (`task_not_found`), Conflict (`task_cancelled`), BadAct (`release_by_person`).
    """
    if not tasks_for(by).filter(pk=task_id).exists():
        raise _not_found()
    task = _lock([task_id])[0]
    if task.state == TaskState.CANCELLED or task.file.state != FileState.OPEN:
        raise Conflict("task_cancelled", _("This is no longer due; look at the list again."))
    if task.kind == TaskKind.RELEASE:
        raise BadAct("release_by_person", _("Somebody is released on the page of their file, by name."))
    if task.state == TaskState.OPEN:
        return task
    _unset_moments(task)
    task.state, task.done_at, task.done_by = TaskState.OPEN, None, None
    task.save(update_fields=["state", "done_at", "done_by"])
    audit.record(by=by, now=now, action="reopen_task", subject_type="task", subject_id=task.pk)
    return task


def _unset_moments(task: Task) -> None:
    """Moments that this act set are unset with it."""
    names = [MOMENTS[TaskKind(task.kind)]] if task.kind in MOMENTS else []
    if task.kind == TaskKind.VISIT:
        names = ["isolated_at"]
    for name in names:
        CaseFile.objects.filter(pk=task.file_id, **{name: task.done_at}).update(**{name: None})


@transaction.atomic
def add_tasks(*, now: datetime, rows: Sequence[NewTask]) -> int:
    """Acts due besides the plan: resampling, a missing report, a visit. How many were added.

    What is asked for already is not asked for twice. Nothing is added for who is released, closed, merged away or in
    hospital, and no report after the end of the plan.
    """
    files: dict[uuid.UUID, CaseFile] = {}
    there: set[tuple[Any, ...]] = set()
    wanted = sorted({row.file_id for row in rows})
    for start in range(0, len(wanted), 500):
        batch = wanted[start : start + 500]
        found = CaseFile.objects.select_for_update().filter(pk__in=batch, state=FileState.OPEN, merged_into=None)
        found = found.exclude(no_measure__in=[NoMeasure.HOSPITAL, NoMeasure.ELSEWHERE])
        files |= {file.pk: file for file in found.defer("sealed").order_by("pk")}
        tasks = Task.objects.filter(file__in=batch).exclude(state=TaskState.CANCELLED)
        there |= set(tasks.values_list("file", "kind", "due_on", "slot"))
    new: dict[tuple[Any, ...], tuple[CaseFile, Duty]] = {}
    for row in rows:
        key = (row.file_id, str(row.kind), row.due_on, row.slot)
        file = files.get(row.file_id)
        if file is not None and key not in there and _is_in_time(row, file):
            new.setdefault(key, (file, Duty(str(row.kind), row.due_on, row.slot, row.why)))
    insert_duties(list(new.values()))
    return len(new)


def _is_in_time(row: NewTask, file: CaseFile) -> bool:
    return row.kind != TaskKind.REPORT or file.ends_on is None or row.due_on <= file.ends_on
