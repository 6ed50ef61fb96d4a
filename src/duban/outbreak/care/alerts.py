"""Alerts: what a named person must answer. Nobody answers in time: the office is told, then its leader."""

from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.sealed_text import open_text, seal_text
from duban.core.text import is_plain
from duban.outbreak.care.reach import may_for
from duban.outbreak.care.rules import CareRule, rule_on, today
from duban.outbreak.casefiles.queries import in_scope, own_and_merged
from duban.outbreak.models import Alert, AlertKind, CaseFile, DailyReport
from duban.places.codes import within

SEES, TOLD, ACTS = "file.see", "site.see", "act.do"
HIGHEST = 3
"""The level at which the leader is told, who sees no file: only that something hangs, where, and since when."""
MAX_WORDS = 1000


class BadAlert(DubanError):
    pass


# ---- raising --------------------------------------------------------------------------------------------------------


def kinds_of(temperature: Decimal, symptoms: Collection[str], rule: CareRule) -> list[AlertKind]:
    """What a report is an alert for."""
    fever = [AlertKind.FEVER] if temperature >= rule.fever else []
    return [*fever, AlertKind.SYMPTOM] if symptoms else fever


def raise_alerts(*, file: CaseFile, report: DailyReport, rule: CareRule, now: datetime) -> None:
    """One alert for each kind that stands open nowhere for this person yet."""
    kinds = kinds_of(report.temperature, report.symptoms, rule)
    _raise([(file, kind, report) for kind in kinds], rule=rule, now=now)


def raise_silence(*, files: Collection[CaseFile], rule: CareRule, now: datetime) -> None:
    """For each of them, that nothing was heard of them."""
    _raise([(file, AlertKind.SILENT, None) for file in files], rule=rule, now=now)


def _raise(
    wanted: Collection[tuple[CaseFile, AlertKind, DailyReport | None]], *, rule: CareRule, now: datetime
) -> None:
    # One open alert of a kind: the constraint holds it, so what is there already is passed over.
    escalates = now + timedelta(minutes=rule.escalate_minutes[0])
    rows = [
        Alert(file=file, town=file.town, kind=kind, report=report, raised_at=now, escalates_at=escalates)
        for file, kind, report in wanted
    ]
    Alert.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)


def end_silence(*, file: CaseFile, now: datetime, actor: dict[str, Any]) -> None:
    """Something was heard of the person, so that nothing was is over."""
    silent = Alert.objects.filter(file__in=own_and_merged(file), kind=AlertKind.SILENT, closed_at=None)
    silent.update(closed_at=now, closed_by=actor, escalates_at=None)


def escalate(*, now: datetime) -> int:
    """Each open alert whose time is up goes to the next level and may be taken anew. Returns how many.

    A level is told when this runs, so it has its minutes from now on. Run again it changes nothing.
    """
    late = Alert.objects.filter(closed_at=None, escalates_at__lte=now, level__lt=HIGHEST)
    done = 0
    for alert in late.only("pk", "level", "escalates_at"):
        level = alert.level + 1
        minutes = rule_on(today(now)).escalate_minutes
        then = now + timedelta(minutes=minutes[min(level, len(minutes)) - 1]) if level < HIGHEST else None
        same = Alert.objects.filter(pk=alert.pk, level=alert.level, escalates_at=alert.escalates_at, closed_at=None)
        done += same.update(level=level, escalates_at=then, taken_at=None, taken_by=None)
    return done


# ---- answering ------------------------------------------------------------------------------------------------------


def alerts_for(person: Person) -> QuerySet[Alert]:
    """Those of the person's files, and those that rose to the leader, for whom no file is open."""
    told = rights.codes(person, TOLD)
    theirs = CaseFile.objects.filter(in_scope(rights.codes(person, SEES)), pk=OuterRef("file"))
    return Alert.objects.filter(
        Exists(theirs) | (Q(level=HIGHEST) & (within("town", told) | within("file__office", told)))
    )


def alert_for(person: Person, alert_id: int) -> Alert:
    """The alert, locked, with its file; else NotFound (`alert_not_found`)."""
    found = alerts_for(person).select_related("file").select_for_update(of=("self",)).filter(pk=alert_id).first()
    if found is None:
        raise NotFound("alert_not_found", _("There is no such alert, or it is not yours to see."))
    return found


def may_answer(person: Person, alert: Alert) -> bool:
    return may_for(person, ACTS, alert.file)


@transaction.atomic
def take_alert(*, by: Person, now: datetime, alert_id: int) -> Alert:
    """It is theirs to answer; the clock starts anew. Taken again by the same person nothing changes.

    Raises NotFound (`alert_not_found`), NotAllowed (`not_allowed`), Conflict (`alert_taken`, `alert_closed`).
    """
    alert = _answerable(by, alert_id)
    if alert.closed_at is not None:
        raise Conflict("alert_closed", _("This alert is closed."))
    if alert.taken_by is not None:
        if alert.taken_by["username"] == by.username:
            return alert
        raise Conflict("alert_taken", _("%(name)s has taken it.") % {"name": alert.taken_by["name"]})
    alert.taken_at, alert.taken_by = now, by.as_actor()
    if alert.level < HIGHEST:
        alert.escalates_at = now + timedelta(minutes=rule_on(today(now)).close_minutes)
    alert.save(update_fields=["taken_at", "taken_by", "escalates_at"])
    _note(by=by, now=now, action="take_alert", alert=alert)
    return alert


@transaction.atomic
def close_alert(*, by: Person, now: datetime, alert_id: int, words: str) -> Alert:
    """Answered, with what was done. Closed before it stays as it was closed.

    Raises NotFound (`alert_not_found`), NotAllowed (`not_allowed`), BadAlert (`words_missing`, `bad_words`).
    """
    alert = _answerable(by, alert_id)
    if alert.closed_at is not None:
        return alert
    words = words.strip()
    if not words:
        raise BadAlert("words_missing", _("Say in a few words what was done."), field="words")
    if len(words) > MAX_WORDS or not is_plain(words):
        raise BadAlert("bad_words", _("Plain text of at most 1,000 characters, please."), field="words")
    alert.closed_at, alert.closed_by, alert.escalates_at = now, by.as_actor(), None
    alert.sealed = seal_text(words)
    alert.save(update_fields=["closed_at", "closed_by", "escalates_at", "sealed"])
    _note(by=by, now=now, action="close_alert", alert=alert)
    return alert


def words_of(alert: Alert) -> str:
    """What was done about it, or ""."""
    return open_text(alert.sealed) if alert.sealed else ""


def _answerable(by: Person, alert_id: int) -> Alert:
    alert = alert_for(by, alert_id)
    if not may_answer(by, alert):
        rights.require(by, ACTS, alert.town)
    return alert


def _note(*, by: Person, now: datetime, action: str, alert: Alert) -> None:
    detail = {"alert": alert.pk, "kind": alert.kind, "level": alert.level}
    audit.record(by=by, now=now, action=action, subject_type="case_file", subject_id=alert.file_id, detail=detail)
