"""One person's file as it is read: days with what was and will be due on them, reasons, and who may be the same."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.utils import timezone

from duban.access.models import Person
from duban.outbreak.casefiles.matching import STRONG
from duban.outbreak.casefiles.queries import files_for, root_of
from duban.outbreak.models import (
    CaseExposure,
    CaseFile,
    ContactNote,
    DailyReport,
    Declaration,
    ExposureKind,
    FileKey,
    Measure,
    Plan,
    Release,
    Task,
    TaskKind,
    TaskState,
)
from duban.outbreak.samples.queries import results_of

MOST_CANDIDATES = 10


@dataclass
class Day:
    """One day of the file. `events` are codes with their moment: what happened to the file itself."""

    on: date
    measure: str = ""
    begins: bool = False
    """The measure begins on this day."""
    tasks: list[Task] = field(default_factory=list)
    results: list[tuple[datetime, str]] = field(default_factory=list)
    reports: list[DailyReport] = field(default_factory=list)
    notes: list[ContactNote] = field(default_factory=list)
    events: list[tuple[str, datetime]] = field(default_factory=list)

    @property
    def says_something(self) -> bool:
        return bool(self.begins or self.tasks or self.results or self.reports or self.notes or self.events)


def days_of(file: CaseFile, ids: Sequence[uuid.UUID]) -> list[Day]:
    """The days of the file, and of those merged into it, on which something was, is or will be; in order."""
    days: dict[date, Day] = {}

    def at(on: date) -> Day:
        return days.setdefault(on, Day(on))

    for task in Task.objects.filter(file__in=ids).exclude(state=TaskState.CANCELLED).order_by("due_on", "kind", "slot"):
        at(task.due_on).tasks.append(task)
    results = results_of(ids)
    for taken_at, result in sorted(pair for pairs in results.values() for pair in pairs):
        at(_local(taken_at)).results.append((taken_at, result))
    for report in DailyReport.objects.filter(file__in=ids).order_by("on", "slot"):
        at(report.on).reports.append(report)
    for note in ContactNote.objects.filter(file__in=ids).order_by("at", "pk"):
        at(_local(note.at)).notes.append(note)
    for code, moment in _events(file, ids):
        at(_local(moment)).events.append((code, moment))
    _measures(file, days)
    return [days[on] for on in sorted(days) if days[on].says_something]


def _local(moment: datetime) -> date:
    return timezone.localtime(moment).date()


def _events(file: CaseFile, ids: Sequence[uuid.UUID]) -> list[tuple[str, datetime]]:
    moments: list[tuple[str, datetime | None]] = [
        ("opened", file.opened_at),
        ("reached", file.reached_at),
        ("isolated", file.isolated_at),
        ("confirmed", file.confirmed_at),
        ("closed", file.closed_at),
    ]
    for release in Release.objects.filter(file__in=ids).order_by("at"):
        moments += [("released", release.at), ("release_revoked", release.revoked_at)]
    found = [(code, moment) for code, moment in moments if moment is not None]
    return sorted(found, key=lambda pair: pair[1])


def _measures(file: CaseFile, days: dict[date, Day]) -> None:
    plan = Plan.objects.filter(file=file, current=True).first()
    for phase in plan.phases if plan else ():
        first, last = date.fromisoformat(phase["first"]), date.fromisoformat(phase["last"])
        days.setdefault(first, Day(first)).begins = True
        for on, day in days.items():
            if first <= on <= last:
                day.measure = phase["measure"]


# ---- reasons --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reason:
    """Why the person is followed: the exposure, its order, or its case and whether the reader may open that file."""

    exposure: CaseExposure
    order: Declaration | None
    case: CaseFile | None
    case_seen: bool


def reasons_of(person: Person, ids: Sequence[uuid.UUID]) -> list[Reason]:
    """Every exposure, withdrawn ones last; of a case whose file is not the reader's the number alone."""
    exposures = list(CaseExposure.objects.filter(file__in=ids).order_by("withdrawn_at", "-last", "pk"))
    exposures.sort(key=lambda one: one.withdrawn_at is not None)
    orders = {one.number: one for one in Declaration.objects.filter(number__in={one.basis for one in exposures})}
    keys = {one.pk: _uuid(one.basis) for one in exposures if one.kind in (ExposureKind.CONTACT, ExposureKind.SECOND)}
    cases = CaseFile.objects.in_bulk([key for key in keys.values() if key])
    seen = set(files_for(person).filter(pk__in=cases).values_list("pk", flat=True))
    return [
        Reason(
            one,
            orders.get(one.basis) if one.kind == ExposureKind.AREA else None,
            case := cases.get(keys.get(one.pk) or uuid.UUID(int=0)),
            case is not None and case.pk in seen,
        )
        for one in exposures
    ]


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def candidates_for(person: Person, file: CaseFile, ids: Sequence[uuid.UUID]) -> list[CaseFile]:
    """Files that may be about the same person: they share a number, a phone, or a name with a date of birth."""
    digests = FileKey.objects.filter(file__in=ids, kind__in=STRONG).values("digest")
    others = FileKey.objects.filter(digest__in=digests, kind__in=STRONG).exclude(file__in=ids)
    keys = {root_of(key) for key in others.values_list("file_id", flat=True)[:50]} - {file.pk}
    return list(files_for(person).filter(pk__in=keys, state=file.state, office=file.office)[:MOST_CANDIDATES])


def household_of(person: Person, file: CaseFile) -> list[CaseFile]:
    """Those who live with the person and whose files the reader may see."""
    if file.household is None:
        return []
    return list(files_for(person).filter(household=file.household).exclude(pk=file.pk)[:20])


def merged_here(file: CaseFile) -> list[CaseFile]:
    """What was merged into the file, directly."""
    return list(CaseFile.objects.filter(merged_into=file).order_by("opened_at", "pk"))


def acts_now(days: Sequence[Day], today: date) -> list[Task]:
    """What can be done with one tap: open acts that are due by today, except the release."""
    return [
        task
        for day in days
        for task in day.tasks
        if task.state == TaskState.OPEN and task.due_on <= today and task.kind != TaskKind.RELEASE
    ]


def measure_word(file: CaseFile) -> str:
    """Today's measure, or why there is none."""
    if file.no_measure:
        return str(file.get_no_measure_display())
    return str(Measure(file.measure).label) if file.measure else ""
