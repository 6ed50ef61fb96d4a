"""Plans kept up to date: for many files at once, and the same again where nothing changed."""

import json
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from duban.outbreak.measures import duties
from duban.outbreak.measures.rules import all_rules, place_of, rules_at
from duban.outbreak.measures.schedule import Exposed, Rule, Rulebook, Schedule, schedule
from duban.outbreak.measures.writing import as_day, as_key, insert_values
from duban.outbreak.models import CaseExposure, CaseFile, FileState, NoMeasure, Plan

BATCH = 900
"""Files at a time: as many keys as one statement takes everywhere."""
BY_HAND = frozenset({NoMeasure.ELSEWHERE.value, NoMeasure.UNREACHED.value})
"""Reasons that somebody gave; they stand until somebody takes them away."""
REMEMBERED = 50_000
READ = (
    "pk", "office", "town", "stay", "state", "no_measure", "measure", "ends_on", "confirmed_at", "reached_at",
    "merged_into",
)  # fmt: skip
"""Columns of a file that plans follow from."""


class Last(NamedTuple):
    """The newest plan of a file; no digest where it is not current."""

    version: int
    digest: str | None


NEVER = Last(0, None)


@dataclass
class Outcome:
    """What holds for one file: a schedule, or the reason why there is none."""

    file: CaseFile
    schedule: Schedule | None
    no_measure: str


def replan(*, now: datetime, file_ids: Collection[uuid.UUID]) -> int:
    """Bring plan, due acts and measure of the files in line with their exposures and the rules; how many changed.

    Files that were merged count with the one that they were merged into. What is done stays done; who is released or
    closed is left alone. Run again it changes nothing.
    """
    rules, zone, changed = all_rules(), timezone.get_default_timezone(), 0
    today = timezone.localtime(now, zone).date()
    scheduler = Scheduler(rules)
    for batch in _batches(list(dict.fromkeys(file_ids))):
        with transaction.atomic():
            changed += _replan(now, today, batch, scheduler, zone)
    return changed


def _replan(now: datetime, today: date, file_ids: Sequence[uuid.UUID], scheduler: "Scheduler", zone: tzinfo) -> int:
    files = _lock(file_ids)
    roots = {file.pk: file for file in files if file.merged_into_id is None and file.state == FileState.OPEN}
    over = [file for file in files if file.merged_into_id is not None or file.state == FileState.CLOSED]
    outcomes = outcomes_of(roots, scheduler, zone)
    last = _last_plans(list(roots))
    differs = [_differs(outcome, last.get(outcome.file.pk, NEVER).digest) for outcome in outcomes]
    stale = [outcome for outcome, new in zip(outcomes, differs, strict=True) if new]
    _drop_plans([outcome.file for outcome in stale if outcome.file.pk in last] + over)
    _write_plans(now, today, [outcome for outcome in stale if outcome.schedule is not None], last)
    # Without a plan nothing tells whether tasks were asked for meanwhile, so those are looked at each time.
    settled = stale + [
        one for one, is_stale in zip(outcomes, differs, strict=True) if one.schedule is None and not is_stale
    ]
    duties.settle(today, [(one.file, one.schedule, one.no_measure) for one in settled])
    duties.drop(over)
    _mark(today, [*outcomes, *(Outcome(file, None, file.no_measure) for file in over)])
    return len(stale)


def _batches(keys: Sequence[uuid.UUID]) -> Iterator[Sequence[uuid.UUID]]:
    for start in range(0, len(keys), BATCH):
        yield keys[start : start + BATCH]


def _lock(file_ids: Sequence[uuid.UUID]) -> list[CaseFile]:
    """The files, and those that they were merged into, in the order of their keys."""
    found: dict[uuid.UUID, CaseFile] = {}
    asked: set[uuid.UUID] = set(file_ids)
    while asked:
        rows = CaseFile.objects.select_for_update().filter(pk__in=asked).only(*READ).order_by("pk")
        found |= {file.pk: file for file in rows}
        asked = {file.merged_into_id for file in found.values() if file.merged_into_id} - set(found)
    return list(found.values())


def merged_files(file_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Every file that was merged into one of these, in however many steps, with the one it belongs to now."""
    found: dict[uuid.UUID, uuid.UUID] = {}
    roots = {file_id: file_id for file_id in file_ids}
    while roots:
        below: dict[uuid.UUID, uuid.UUID] = {}
        for batch in _batches(list(roots)):
            rows = CaseFile.objects.filter(merged_into__in=batch).values_list("pk", "merged_into")
            below |= {child: roots[parent] for child, parent in rows if parent and child not in found}
        roots = below
        found |= roots
    return found


# ---- working out ----------------------------------------------------------------------------------------------------


class Scheduler:
    """`schedule` by place, which answers at once where others had the same exposures: most of an area's people do."""

    def __init__(self, rules: Sequence[Rule]):
        self.rules = rules
        self.books: dict[tuple[Rule, ...], Rulebook] = {}
        self.book_at: dict[str, Rulebook] = {}
        self.made: dict[tuple[Rulebook, tuple[Exposed, ...]], Schedule | None] = {}

    def __call__(self, place: str, exposures: tuple[Exposed, ...]) -> Schedule | None:
        if place not in self.book_at:
            held = rules_at(place, self.rules)
            self.book_at[place] = self.books.setdefault(held, Rulebook(held))
        key = (self.book_at[place], exposures)
        if key not in self.made:
            if len(self.made) >= REMEMBERED:
                self.made.clear()
            self.made[key] = schedule(exposures, key[0])
        return self.made[key]


def outcomes_of(files: Mapping[uuid.UUID, CaseFile], scheduler: Scheduler, zone: tzinfo) -> list[Outcome]:
    """What each of the files ought to hold, from its exposures and those of the files merged into it."""
    exposures = exposures_of(list(files), zone)
    return [_outcome(file, exposures.get(file.pk, ()), scheduler) for file in files.values()]


def exposures_of(file_ids: Sequence[uuid.UUID], zone: tzinfo) -> dict[uuid.UUID, tuple[Exposed, ...]]:
    """The exposures that were not withdrawn, by file, in days of the office's clock."""
    owner = {file_id: file_id for file_id in file_ids} | merged_files(file_ids)
    found: dict[uuid.UUID, set[Exposed]] = defaultdict(set)
    columns = ("file", "kind", "measure", "basis", "last", "arrived_at", "added_at")
    for batch in _batches(list(owner)):
        rows = CaseExposure.objects.filter(file__in=batch, withdrawn_at__isnull=True)
        for file_id, kind, measure, basis, last, arrived, added in rows.values_list(*columns):
            day = arrived.astimezone(zone).date() if arrived else None
            exposed = Exposed(kind, measure, basis, last.astimezone(zone).date(), day, added.astimezone(zone).date())
            found[owner[file_id]].add(exposed)
    return {file_id: tuple(sorted(rows, key=repr)) for file_id, rows in found.items()}


def _outcome(file: CaseFile, exposures: tuple[Exposed, ...], scheduler: Scheduler) -> Outcome:
    if file.confirmed_at is not None:
        return Outcome(file, None, NoMeasure.HOSPITAL)
    if file.no_measure in BY_HAND:
        return Outcome(file, None, file.no_measure)
    if not exposures:
        return Outcome(file, None, NoMeasure.WITHDRAWN)
    made: Schedule | None = scheduler(place_of(file.office, file.town), exposures)
    if made is None:
        return Outcome(file, None, NoMeasure.NO_RULE)
    if made.past:
        return Outcome(file, None, NoMeasure.PAST)
    return Outcome(file, made, "")


def _differs(outcome: Outcome, digest: str | None) -> bool:
    """Whether the plan of this digest, or that there is none, is not what ought to be."""
    if outcome.schedule is None:
        return digest is not None or outcome.file.no_measure != outcome.no_measure
    return digest != outcome.schedule.digest


# ---- writing --------------------------------------------------------------------------------------------------------


def _drop_plans(files: Sequence[CaseFile]) -> None:
    for batch in _batches([file.pk for file in files]):
        Plan.objects.filter(file__in=batch, current=True).update(current=False)


def _last_plans(file_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Last]:
    rows = Plan.objects.filter(file__in=file_ids).order_by("version")
    columns = ("file", "version", "current", "digest")
    return {
        file_id: Last(version, digest if current else None)
        for file_id, version, current, digest in rows.values_list(*columns)
    }


COLUMNS = ("file_id", "version", "current", "starts_on", "ends_on", "phases", "next_on", "digest", "made_at")


def _write_plans(now: datetime, today: date, outcomes: Sequence[Outcome], last: Mapping[uuid.UUID, Last]) -> None:
    made_at = connection.ops.adapt_datetimefield_value(now)
    prepared: dict[int, tuple[Any, ...]] = {}
    rows = []
    for outcome in outcomes:
        made = outcome.schedule
        assert made is not None
        if id(made) not in prepared:
            phases = json.dumps([phase.as_json() for phase in made.phases], ensure_ascii=False)
            days = (as_day(made.starts_on), as_day(made.ends_on))
            prepared[id(made)] = (*days, phases, as_day(next_phase_on(made.phases, today)), made.digest, made_at)
        version = last.get(outcome.file.pk, NEVER).version + 1
        rows.append((as_key(outcome.file.pk), version, True, *prepared[id(made)]))
    insert_values(Plan, COLUMNS, rows)


def next_phase_on(phases: Iterable[Any], today: date) -> date | None:
    """The first day of the phase after today's."""
    return next((phase.first for phase in phases if phase.first > today), None)


def _mark(today: date, outcomes: Sequence[Outcome]) -> None:
    """Write measure, end and reason onto the files that say something else: one statement for all that agree."""
    groups: dict[tuple[str, date | None, str], list[uuid.UUID]] = defaultdict(list)
    for outcome in outcomes:
        made, file = outcome.schedule, outcome.file
        value = (made.phase_on(today).measure, made.ends_on, "") if made else ("", None, outcome.no_measure)
        if value != (file.measure, file.ends_on, file.no_measure):
            groups[value].append(file.pk)
    for (measure, ends_on, no_measure), keys in groups.items():
        CaseFile.objects.filter(pk__in=keys).update(measure=measure, ends_on=ends_on, no_measure=no_measure)


def refresh_phases(*, now: datetime) -> int:
    """Put the measure of today onto the files whose phase changed since the last time; how many there were."""
    today, count = timezone.localtime(now, timezone.get_default_timezone()).date(), 0
    due = Plan.objects.filter(current=True, next_on__lte=today, file__state=FileState.OPEN)
    while True:
        with transaction.atomic():
            found = dict(due.order_by("pk").values_list("pk", "file")[:BATCH])
            # Files before plans, as replanning locks them, so that neither waits for the other.
            list(CaseFile.objects.select_for_update().filter(pk__in=found.values()).order_by("pk").values_list("pk"))
            plans = list(due.select_for_update(of=("self",)).filter(pk__in=found).order_by("pk"))
            _turn(plans, today)
        count += len(plans)
        if len(found) < BATCH:
            return count


def _turn(plans: Sequence[Plan], today: date) -> None:
    turned: dict[tuple[str, date | None], list[Plan]] = defaultdict(list)
    for plan in plans:
        days = [(date.fromisoformat(phase["first"]), phase["measure"]) for phase in plan.phases]
        measure = [one for first, one in days if first <= today][-1]
        turned[measure, next((first for first, _one in days if first > today), None)].append(plan)
    for (measure, next_on), group in turned.items():
        Plan.objects.filter(pk__in=[plan.pk for plan in group]).update(next_on=next_on)
        CaseFile.objects.filter(pk__in=[plan.file_id for plan in group]).update(measure=measure)


def reports_due(file_ids: Sequence[uuid.UUID], on: date) -> dict[uuid.UUID, int]:
    """How many reports of temperature and symptoms a day each of the files owes on this day; who owes none is left
    out."""
    found: dict[uuid.UUID, int] = {}
    for batch in _batches(list(file_ids)):
        plans = Plan.objects.filter(file__in=batch, current=True, starts_on__lte=on, ends_on__gte=on)
        day = on.isoformat()
        for file_id, phases in plans.values_list("file", "phases"):
            reports = next((phase["reports"] for phase in phases if phase["first"] <= day <= phase["last"]), 0)
            if reports:
                found[file_id] = reports
    return found
