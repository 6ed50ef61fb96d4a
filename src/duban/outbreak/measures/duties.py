"""Due acts that follow from a schedule: made, kept or cancelled for many files at once; what is done stays."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from duban.outbreak.measures.schedule import SECOND, Schedule, Why
from duban.outbreak.measures.writing import Written, as_day, as_key, insert_values
from duban.outbreak.models import BedStay, CaseFile, Measure, NoMeasure, Task, TaskKind, TaskState

BATCH = 500
PLANNED = frozenset(
    {
        (TaskKind.REACH.value, ""),
        (TaskKind.ARRIVE.value, ""),
        (TaskKind.TEST.value, ""),
        (TaskKind.TEST.value, SECOND),
        (TaskKind.VISIT.value, ""),
        (TaskKind.RELEASE.value, ""),
    }
)
"""Kinds and slots that follow from plans. Others are asked for by whoever finds them due: `todo.add_tasks`."""
ONCE = frozenset({TaskKind.REACH.value, TaskKind.ARRIVE.value, TaskKind.RELEASE.value})
"""Acts that stay due, day after day, until they are done."""


class Duty(NamedTuple):
    kind: str
    due_on: date
    slot: str
    why: Why


class Existing(NamedTuple):
    """A task that is not cancelled."""

    id: int
    kind: str
    due_on: date
    slot: str
    state: str

    @property
    def key(self) -> tuple[str, date, str]:
        return (self.kind, self.due_on, self.slot)

    @property
    def is_open(self) -> bool:
        return self.state == TaskState.OPEN


class Had(NamedTuple):
    """What is known of a file besides its schedule."""

    reached: bool
    in_bed: bool


def duties_of(made: Schedule, had: Had, existing: Sequence[Existing], today: date) -> list[Duty]:
    """Every act that ought to stand, done ones included.

    Of the past only what was asked for in time, and one test that makes up for those that were not.
    """
    found = [Duty(TaskKind.TEST.value, day, slot, why) for (day, slot), why in made.tests.items()]
    found = _caught_up(found, existing, today)
    there = {task.key for task in existing}
    visits = [Duty(TaskKind.VISIT.value, day, "", why) for day, why in made.visits.items()]
    found += [visit for visit in visits if visit.due_on >= today or visit[:3] in there]
    if not had.reached:
        found.append(Duty(TaskKind.REACH.value, made.known_on, "", {"code": "opened"}))
    if not had.in_bed:
        found += _arrivals(made, existing)
    release = made.ends_on + timedelta(days=1)
    found.append(Duty(TaskKind.RELEASE.value, release, "", {"code": "end", "last": made.ends_on.isoformat()}))
    return found


def _arrivals(made: Schedule, existing: Sequence[Existing]) -> list[Duty]:
    """One for each run of days in centralised isolation to which the person was not brought yet."""
    runs: list[tuple[date, date]] = []
    for phase in made.phases:
        if phase.measure != Measure.CENTRALISED:
            continue
        if runs and runs[-1][1] + timedelta(days=1) == phase.first:
            runs[-1] = (runs[-1][0], phase.last)
        else:
            runs.append((phase.first, phase.last))
    done = [task.due_on for task in existing if task.kind == TaskKind.ARRIVE and not task.is_open]
    return [
        Duty(TaskKind.ARRIVE.value, max(first, made.known_on), "", {"code": "centralised"})
        for first, last in runs
        if last >= made.known_on and not any(first <= day <= last for day in done)
    ]


def _caught_up(tests: Sequence[Duty], existing: Sequence[Existing], today: date) -> list[Duty]:
    """The tests, those of the past that nobody was asked for replaced by one today unless a later one stood in."""
    had = [task for task in existing if task.kind == TaskKind.TEST and task.slot in ("", SECOND)]
    there = {task.key for task in had}
    kept = [test for test in tests if test.due_on >= today or test[:3] in there]
    missed = [test for test in tests if test.due_on < today and test[:3] not in there]
    if not missed:
        return kept
    last = max(missed, key=lambda test: test.due_on)
    stood_in = [task for task in had if last.due_on <= task.due_on <= today]
    if stood_in:
        held = {duty[:3] for duty in kept}
        return kept + [Duty(task.kind, task.due_on, task.slot, last.why) for task in stood_in if task.key not in held]
    if (TaskKind.TEST.value, today, "") in {duty[:3] for duty in kept}:
        return kept
    return [*kept, Duty(TaskKind.TEST.value, today, "", last.why | {"code": "late", "was": last.due_on.isoformat()})]


class Changes(NamedTuple):
    new: list[Duty]
    cancelled: list[int]


def changes(wanted: Iterable[Duty], existing: Sequence[Existing], today: date, ends_on: date) -> Changes:
    """What to write so that the wanted acts stand, no other planned one is open, and nothing is asked for after the
    end but the release."""
    there = {task.key: task for task in existing}
    overdue = {task.kind: task for task in existing if task.kind in ONCE and task.is_open and task.due_on <= today}
    new: dict[tuple[str, date, str], Duty] = {}
    held: set[int] = set()
    for duty in wanted:
        known = there.get(duty[:3])
        if known is None and duty.kind in ONCE and duty.due_on <= today:
            known = overdue.get(duty.kind)
        moved = duty._replace(due_on=max(duty.due_on, today))
        known = known or there.get(moved[:3])
        if known is not None:
            held.add(known.id)
        else:
            new.setdefault(moved[:3], moved)
    unwanted = [task.id for task in existing if task.is_open and task.id not in held and _is_over(task, ends_on)]
    return Changes(list(new.values()), unwanted)


def _is_over(task: Existing, ends_on: date) -> bool:
    """Whether an open task that the plan does not name is no longer due."""
    return (task.kind, task.slot) in PLANNED or (task.kind == TaskKind.REPORT and task.due_on > ends_on)


# ---- writing --------------------------------------------------------------------------------------------------------


def settle(today: date, files: Sequence[tuple[CaseFile, Schedule | None, str]]) -> None:
    """Make and cancel tasks so that they follow from the schedules, or from the reasons why there is none."""
    existing, beds = _existing([file.pk for file, _made, _no in files]), _in_bed([file.pk for file, _m, _n in files])
    fresh: dict[tuple[int, Had], list[Duty]] = {}
    rows: list[tuple[CaseFile, Duty]] = []
    cancelled: list[int] = []
    for file, made, no_measure in files:
        tasks = existing.get(file.pk, [])
        if made is None:
            keep = _kept_without_plan(no_measure)
            cancelled += [task.id for task in tasks if task.is_open and not keep(task)]
            if no_measure == NoMeasure.UNREACHED and not any(task.kind == TaskKind.REACH for task in tasks):
                rows.append((file, Duty(TaskKind.REACH.value, today, "", {"code": "unreached"})))
            continue
        had = Had(file.reached_at is not None, file.pk in beds)
        if tasks:
            done = changes(duties_of(made, had, tasks, today), tasks, today, made.ends_on)
            cancelled += done.cancelled
            rows += [(file, duty) for duty in done.new]
            continue
        # Schedules are shared, and so is what follows from one where nothing was asked for yet.
        key = (id(made), had)
        if key not in fresh:
            fresh[key] = changes(duties_of(made, had, (), today), (), today, made.ends_on).new
        rows += [(file, duty) for duty in fresh[key]]
    cancel(cancelled)
    insert_duties(rows)


def _kept_without_plan(no_measure: str) -> Callable[[Existing], bool]:
    """Which open tasks stay where there is no plan: of who cannot be reached the search; samples taken anew after a
    pool, whatever became of the exposure; in hospital and elsewhere nothing."""
    if no_measure in (NoMeasure.HOSPITAL, NoMeasure.ELSEWHERE):
        return lambda task: False
    if no_measure == NoMeasure.UNREACHED:
        return lambda task: task.kind == TaskKind.REACH
    return lambda task: task.kind == TaskKind.TEST and (task.kind, task.slot) not in PLANNED


def drop(files: Sequence[CaseFile]) -> None:
    """Nothing is due any more: the file was closed, or merged into another."""
    for batch in _batches([file.pk for file in files]):
        Task.objects.filter(file__in=batch, state=TaskState.OPEN).update(state=TaskState.CANCELLED)


def cancel(task_ids: Sequence[int]) -> None:
    for batch in _batches(task_ids):
        Task.objects.filter(pk__in=batch, state=TaskState.OPEN).update(state=TaskState.CANCELLED)


def _existing(file_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Existing]]:
    found: dict[uuid.UUID, list[Existing]] = defaultdict(list)
    columns = ("file", "pk", "kind", "due_on", "slot", "state")
    for batch in _batches(file_ids):
        rows = Task.objects.filter(file__in=batch).exclude(state=TaskState.CANCELLED).order_by("due_on", "pk")
        for file_id, *values in rows.values_list(*columns):
            found[file_id].append(Existing(*values))
    return found


def _in_bed(file_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    found: set[uuid.UUID] = set()
    for batch in _batches(file_ids):
        found |= set(BedStay.objects.filter(file__in=batch, until__isnull=True).values_list("file", flat=True))
    return found


def _batches(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(keys), BATCH):
        yield keys[start : start + BATCH]


COLUMNS = ("file_id", "town", "stay", "kind", "due_on", "slot", "state", "why")


def insert_duties(rows: Iterable[tuple[CaseFile, Duty]]) -> None:
    """Open tasks for the duties. Whoever calls has made sure that none of them is there."""
    words, is_open = Written(), TaskState.OPEN.value
    insert_values(
        Task,
        COLUMNS,
        (
            (as_key(file.pk), file.town, file.stay, kind, as_day(due_on), slot, is_open, words(why))
            for file, (kind, due_on, slot, why) in rows
        ),
    )
