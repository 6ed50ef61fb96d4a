"""What follows from swabs and results for the people: who waits, and who must be sampled again, worked out for many
people at once from all that is known of each, so that it may be done again at any time."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from django.utils import timezone

from duban.outbreak.measures.todo import NewTask, add_tasks
from duban.outbreak.models import CaseFile, FileState, Task, TaskKind, TaskState
from duban.outbreak.samples import outcome
from duban.outbreak.samples.outcome import Taken
from duban.outbreak.samples.queries import AGAIN, families, in_parts, roots, taken_of


class Followed(NamedTuple):
    """What of a file decides who waits."""

    state: str
    confirmed_at: datetime | None
    waiting_since: datetime | None


def settle_people(*, now: datetime, file_ids: Collection[uuid.UUID]) -> int:
    """Bring who waits, and the tests that are due again, up to what is known. Returns how many tests were added.

    The rows of the people are locked until the commit. Somebody who waits already goes on waiting since when they did.
    """
    whose = families(roots(file_ids))
    people = _lock({key for key, root in whose.items() if key == root})
    taken: dict[uuid.UUID, list[Taken]] = {key: [] for key in people}
    for key, swabs in taken_of(whose).items():
        taken[whose[key]] += swabs
    _write_waiting(people, taken)
    wanted = {
        one.swab: root
        for root, swabs in taken.items()
        if people[root].state == FileState.OPEN
        for one in outcome.to_sample_again(swabs)
    }
    return ask_again(now=now, wanted=wanted)


def _lock(keys: Collection[uuid.UUID]) -> dict[uuid.UUID, Followed]:
    # Rows, not objects: a laboratory's table is about a hundred thousand people.
    found: dict[uuid.UUID, Followed] = {}
    for part in in_parts(sorted(keys)):
        rows = CaseFile.objects.select_for_update().filter(pk__in=part).order_by("pk")
        for key, *values in rows.values_list("pk", *Followed._fields):
            found[key] = Followed(*values)
    return found


def _write_waiting(people: Mapping[uuid.UUID, Followed], taken: Mapping[uuid.UUID, Sequence[Taken]]) -> None:
    changed: dict[datetime | None, list[uuid.UUID]] = {}
    for key, file in people.items():
        # A confirmed case waits for nothing here: the hospital has them.
        waits = file.confirmed_at is None and outcome.waits(taken[key])
        if waits and file.waiting_since is None:
            open_ones = [one.at for one in outcome.last_of_each(taken[key]) if one.result != outcome.NEGATIVE]
            changed.setdefault(min(open_ones), []).append(key)
        elif not waits and file.waiting_since is not None:
            changed.setdefault(None, []).append(key)
    for since, keys in changed.items():
        for part in in_parts(keys):
            CaseFile.objects.filter(pk__in=part).update(waiting_since=since)


def ask_again(*, now: datetime, wanted: Mapping[int, uuid.UUID]) -> int:
    """A single test, due today, for each of these swabs (with the file, merged into none) that has none yet.

    Returns how many were added.
    """
    today = timezone.localtime(now).date()
    asked: set[int] = set()
    used: dict[uuid.UUID, set[str]] = {}
    for part in in_parts(set(wanted.values())):
        rows = Task.objects.filter(file__in=part, kind=TaskKind.TEST, slot__startswith=AGAIN)
        for key, slot, due_on, why in rows.exclude(state=TaskState.CANCELLED).values_list(
            "file_id", "slot", "due_on", "why"
        ):
            asked.add(why.get("swab"))
            if due_on == today:
                used.setdefault(key, set()).add(slot)
    new = []
    for swab, key in sorted(wanted.items()):
        if swab not in asked:
            slots = used.setdefault(key, set())
            slot = next(name for number in range(1, 100) if (name := f"{AGAIN}{number}") not in slots)
            slots.add(slot)
            new.append(_task(key, swab, slot, today))
    return add_tasks(now=now, rows=new) if new else 0


def _task(file_id: uuid.UUID, swab: int, slot: str, today: date) -> NewTask:
    return NewTask(
        file_id=file_id, kind=TaskKind.TEST, due_on=today, slot=slot, why={"code": "sampled_again", "swab": swab}
    )
