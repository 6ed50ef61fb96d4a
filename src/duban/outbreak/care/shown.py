"""Daily care as pages show it: words for symptoms, a person's days, what is due to them, a floor's reports."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from duban.outbreak.care.reports import note_of
from duban.outbreak.care.rules import Symptom, open_slots, rule_on, today
from duban.outbreak.casefiles.queries import own_and_merged
from duban.outbreak.models import (
    BedStay,
    CareRequest,
    CaseFile,
    DailyReport,
    ReportedBy,
    Site,
    Slot,
    Task,
    TaskKind,
    TaskState,
)

DAYS = 14
TOLD = (TaskKind.ARRIVE, TaskKind.TEST, TaskKind.VISIT, TaskKind.RELEASE)
"""What a person is told is due to them. That somebody is to call them is the office's own affair."""


def symptom_words(codes: Iterable[str]) -> list[str]:
    """The symptoms in the reader's language."""
    return [str(Symptom(code).label) for code in codes]


@dataclass(frozen=True)
class ReportShown:
    report: DailyReport
    symptoms: list[str]
    note: str
    how: str
    hot: bool

    @property
    def well(self) -> bool:
        return not self.hot and not self.symptoms


def shown_report(report: DailyReport) -> ReportShown:
    hot = report.temperature >= rule_on(report.on).fever
    how = str(ReportedBy(report.how).label)
    return ReportShown(report, symptom_words(report.symptoms), note_of(report), how, hot)


@dataclass(frozen=True)
class DayShown:
    on: date
    slots: list[tuple[str, ReportShown | None]]
    """(word of the slot, its report or None)"""


def days_of(file: CaseFile, now: datetime) -> list[DayShown]:
    """The last two weeks since the file was opened, the newest day first."""
    day = today(now)
    first = max(today(file.opened_at), day - timedelta(days=DAYS - 1))
    found = {}
    for report in DailyReport.objects.filter(file__in=own_and_merged(file), on__gte=first).order_by("at"):
        found[report.on, report.slot] = shown_report(report)
    days = [day - timedelta(days=back) for back in range((day - first).days + 1)]
    return [DayShown(one, [(str(slot.label), found.get((one, slot.value))) for slot in Slot]) for one in days]


@dataclass(frozen=True)
class SlotShown:
    slot: str
    word: str
    open: bool
    """Whether a report of it can be made by now."""
    report: ReportShown | None


def slots_of(file: CaseFile, now: datetime) -> list[SlotShown]:
    """The slots of today."""
    day, ready = today(now), open_slots(now)
    rows = DailyReport.objects.filter(file__in=own_and_merged(file), on=day).order_by("at")
    found = {report.slot: shown_report(report) for report in rows}
    return [SlotShown(one.value, str(one.label), one.value in ready, found.get(one.value)) for one in Slot]


def slot_to_fill(slots: Sequence[SlotShown]) -> str:
    """The slot that a report made now is for: the last open one without a report, else the last open one."""
    ready = [one for one in slots if one.open]
    empty = [one for one in ready if one.report is None]
    return (empty or ready)[-1].slot if ready else Slot.MORNING.value


def due_to(file: CaseFile, now: datetime) -> QuerySet[Task]:
    """What is still to come to the person, the first at the head."""
    due = Task.objects.filter(file__in=own_and_merged(file), state=TaskState.OPEN, kind__in=TOLD)
    return due.order_by("due_on", "pk")


def requests_of(file: CaseFile) -> QuerySet[CareRequest]:
    """What the person asked for, what is open first."""
    return CareRequest.objects.filter(file__in=own_and_merged(file)).order_by("done_at", "-made_at")


# ---- a floor --------------------------------------------------------------------------------------------------------


@dataclass
class Line:
    """Somebody who lies on the floor, as the table shows them; `told` is what was typed, or what is known."""

    stay: BedStay
    report: ReportShown | None
    temperature: str = ""
    symptoms: Collection[str] = field(default_factory=tuple)
    refusal: Exception | None = None

    @property
    def key(self) -> str:
        """What the fields of the line are called after."""
        return str(self.stay.pk)


def floor_of(site: Site, floor: str | None, on: date, slot: str) -> list[Line]:
    """Who lies on the floor (None: on all of them), by room and bed, with their report of the slot."""
    stays = BedStay.objects.filter(bed__room__site=site, until=None).select_related("bed__room", "file")
    if floor is not None:
        stays = stays.filter(bed__room__floor=floor)
    found = list(stays)
    rows = DailyReport.objects.filter(file__in=[stay.file_id for stay in found], on=on, slot=slot)
    reports: dict[UUID, ReportShown] = {report.file_id: shown_report(report) for report in rows}
    lines = []
    for stay in found:
        known = reports.get(stay.file_id)
        line = Line(stay, known)
        if known is not None:
            line.temperature, line.symptoms = str(known.report.temperature), tuple(known.report.symptoms)
        lines.append(line)
    return lines
