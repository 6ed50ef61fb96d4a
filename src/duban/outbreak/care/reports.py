"""The daily report: temperature and symptoms, one a slot, by the person, by the site or by phone."""

import uuid
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotAllowed
from duban.core.sealed_text import open_text, seal_text
from duban.core.text import is_plain
from duban.outbreak.care import alerts
from duban.outbreak.care.reach import may_for
from duban.outbreak.care.rules import Symptom, open_slots, rule_on, today
from duban.outbreak.care.watch import set_watch
from duban.outbreak.casefiles.queries import file_not_found, own_and_merged, root_of
from duban.outbreak.measures.todo import settle_tasks
from duban.outbreak.models import (
    BedStay,
    CaseFile,
    DailyReport,
    FileState,
    ReportedBy,
    Slot,
    Task,
    TaskKind,
    TaskState,
)

ACTS = "act.do"
COLDEST, HOTTEST = Decimal("34.0"), Decimal("43.0")
MAX_NOTE = 500


class BadReport(DubanError):
    pass


class ByLink:
    """The person themselves, who has no account; which person is the file's to say."""

    @staticmethod
    def as_actor() -> dict[str, object]:
        return {"username": "", "name": "link", "roles": []}


@transaction.atomic
def record_report(
    *,
    by: Person | None,
    now: datetime,
    file_id: uuid.UUID,
    on: date,
    slot: str,
    temperature: object,
    symptoms: Iterable[str],
    note: str = "",
    how: str = ReportedBy.LINK,
) -> DailyReport:
    """One slot's report; `by` is None for the person, whose link the caller has read.

    The same again changes nothing. Another one for the slot takes its place, unless the first raised an alert and the
    second would not: what somebody must answer is not written over. Fever and symptoms raise alerts, the task that
    asked for the report is done. Raises BadReport (`bad_temperature`, `bad_symptom`, `bad_slot`, `bad_day`,
    `bad_note`), NotFound (`file_not_found`), NotAllowed (`not_allowed`), Conflict (`file_not_open`,
    `report_raised_alert`).
    """
    file = _file(by, file_id)
    if file.state != FileState.OPEN:
        raise Conflict("file_not_open", _("This person is no longer followed."))
    _check_slot(by, now, file, on, slot)
    degrees, ticked, words = read_temperature(temperature), read_symptoms(symptoms), _note(note)
    rule = rule_on(on)
    facts = {"temperature": degrees, "symptoms": ticked}
    report = DailyReport.objects.filter(file__in=own_and_merged(file), on=on, slot=slot).order_by("pk").last()
    if report is not None and _same(report, degrees, ticked, words):
        return report
    if report is not None and report.alerts.exists() and not alerts.kinds_of(degrees, ticked, rule):
        raise Conflict(
            "report_raised_alert",
            _("What was reported raised an alert and stands; tell whoever answers it what changed."),
        )
    action = "record_report" if report is None else "correct_report"
    report = report or DailyReport(file=file, on=on, slot=slot)
    report.sealed = seal_text(words) if words else None
    report.how, report.by, report.at = ReportedBy(how), by.as_actor() if by else None, now
    for name, value in facts.items():
        setattr(report, name, value)
    report.save()
    actor = (by or ByLink()).as_actor()
    asked = Task.objects.filter(file=file, kind=TaskKind.REPORT, due_on=on, slot=slot, state=TaskState.OPEN)
    settle_tasks(by=by or ByLink(), now=now, task_ids=list(asked.values_list("pk", flat=True)))
    alerts.end_silence(file=file, now=now, actor=actor)
    alerts.raise_alerts(file=file, report=report, rule=rule, now=now)
    set_watch(now=now)
    audit.record(
        by=by or ByLink(),
        now=now,
        action=action,
        subject_type="case_file",
        subject_id=file.pk,
        detail={"on": on.isoformat(), "slot": slot, "how": str(report.how)},
    )
    return report


def may_report(person: Person, file: CaseFile) -> bool:
    """Whether the person may report for somebody: who acts on the file, or at the site where they lie."""
    if may_for(person, ACTS, file):
        return True
    towns = BedStay.objects.filter(file__in=own_and_merged(file), until=None).values_list(
        "bed__room__site__town", flat=True
    )
    return any(rights.may(person, ACTS, town) for town in towns)


def note_of(report: DailyReport) -> str:
    """What the person added, or ""."""
    return open_text(report.sealed) if report.sealed else ""


def _file(by: Person | None, file_id: uuid.UUID) -> CaseFile:
    # The lock makes two reports for one slot follow one another.
    file = CaseFile.objects.select_for_update().filter(pk=root_of(file_id)).first()
    if file is None or not (by is None or may_for(by, "file.see", file) or may_report(by, file)):
        raise file_not_found()
    if by is not None and not may_report(by, file):
        raise NotAllowed("not_allowed", _("None of your roles reports for this person."))
    return file


def _check_slot(by: Person | None, now: datetime, file: CaseFile, on: date, slot: str) -> None:
    if slot not in Slot.values:
        raise BadReport("bad_slot", _("A report is for the morning or for the evening."), field="slot")
    day = today(now)
    first = day if by is None else min(today(file.opened_at), day)
    if not first <= on <= day:
        raise BadReport(
            "bad_day", _("A report is for today, or for a day on which the person was followed."), field="on"
        )
    if on == day and slot not in open_slots(now):
        raise BadReport("bad_slot", _("It is too early for the evening’s report."), field="slot")


def read_temperature(told: object) -> Decimal:
    """Degrees Celsius to a tenth, of a number or a text with a point, comma or full-width digits.

    Raises BadReport (`bad_temperature`).
    """
    text = str(told).strip().replace(",", ".").replace("，", ".").replace("。", ".").rstrip("℃").strip()
    try:
        degrees = Decimal(text).quantize(Decimal("0.1"))
    except InvalidOperation:
        degrees = None
    if degrees is None or not degrees.is_finite() or not COLDEST <= degrees <= HOTTEST:
        raise BadReport(
            "bad_temperature", _("Enter the temperature in degrees, from 34 to 43, such as 36.5."), field="temperature"
        )
    return degrees


def read_symptoms(told: Iterable[str]) -> list[str]:
    """The codes, each once and in the order of the list. Raises BadReport (`bad_symptom`)."""
    ticked = set(told)
    if not ticked <= set(Symptom.values):
        raise BadReport("bad_symptom", _("Tick symptoms of the list alone."), field="symptoms")
    return [code for code in Symptom.values if code in ticked]


def _note(text: str) -> str:
    text = text.strip()
    if len(text) > MAX_NOTE or not is_plain(text):
        raise BadReport("bad_note", _("Plain text of at most 500 characters, please."), field="note")
    return text


def _same(report: DailyReport, degrees: Decimal, ticked: list[str], words: str) -> bool:
    return report.temperature == degrees and report.symptoms == ticked and note_of(report) == words
