"""Reports that did not come: somebody is to ask for each, and whoever is silent for a day is an alert."""

import uuid
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from duban.outbreak.care import alerts
from duban.outbreak.care.rules import moment_of, rule_on, today
from duban.outbreak.measures.todo import NewTask, add_tasks
from duban.outbreak.models import CaseFile, DailyReport, FileState, Plan, Task, TaskKind, TaskState

BACK = timedelta(hours=24)
BATCH = 2000


def ask_for_missing(*, now: datetime) -> int:
    """A task for each report whose slot was cut off within the last day and that is not there. Returns how many.

    Run again it adds nothing; run late it catches up. Of slots that began before the file was opened nothing is asked.
    """
    return sum(_ask(now, on, slot, opens) for on, slot, opens in _cut_off(now))


def missing_in(on: date, slot: str, opens: datetime) -> QuerySet[Plan]:
    """The current plans of the day, each with its file, of people of whom no report of the slot is there.

    How many reports the plan asks for on that day is left to `reports_on`.
    """
    reports = DailyReport.objects.filter(file=OuterRef("file"), on=on, slot=slot)
    merged = DailyReport.objects.filter(file__merged_into=OuterRef("file"), on=on, slot=slot)
    return (
        Plan.objects.filter(
            ~Exists(reports), ~Exists(merged), current=True, starts_on__lte=on, ends_on__gte=on,
            file__state=FileState.OPEN, file__merged_into=None, file__no_measure="", file__opened_at__lte=opens,
        )
        .select_related("file")
        .order_by("file")
    )  # fmt: skip


def reports_on(plan: Plan, on: date) -> int:
    """How many reports the plan asks for on the day."""
    day = on.isoformat()
    return next((phase["reports"] for phase in plan.phases if phase["first"] <= day <= phase["last"]), 0)


def _cut_off(now: datetime) -> Iterator[tuple[date, str, datetime]]:
    for day in (today(now) - timedelta(days=1), today(now)):
        for one in rule_on(day).slots:
            if now - BACK < moment_of(day, one.cut_off) <= now:
                yield day, one.slot, moment_of(day, one.opens)


def _ask(now: datetime, on: date, slot: str, opens: datetime) -> int:
    asked = Task.objects.filter(file=OuterRef("file"), kind=TaskKind.REPORT, due_on=on, slot=slot)
    plans = missing_in(on, slot, opens).filter(~Exists(asked)).defer("file__sealed")
    slots = [one.slot for one in rule_on(on).slots]
    why = {"code": "no_report", "slot": slot}
    done, last = 0, None
    while batch := list((plans if last is None else plans.filter(file__gt=last))[:BATCH]):
        last = batch[-1].file_id
        # Of fewer reports than there are slots, the later ones are due.
        files = [plan.file for plan in batch if slot in slots[len(slots) - min(reports_on(plan, on), len(slots)) :]]
        with transaction.atomic():
            done += add_tasks(now=now, rows=[NewTask(file.pk, TaskKind.REPORT, on, slot, why) for file in files])
            _silent(files, now)
    return done


def _silent(files: list[CaseFile], now: datetime) -> None:
    """An alert for those whose last reports all were asked for in vain."""
    day = today(now)
    rule = rule_on(day)
    since = day - timedelta(days=rule.silent_after)
    asked = Task.objects.filter(file__in=files, kind=TaskKind.REPORT, due_on__gte=since)
    asked = asked.exclude(state=TaskState.CANCELLED).order_by("due_on", "slot")
    states: dict[uuid.UUID, list[tuple[date, str, str]]] = {file.pk: [] for file in files}
    for key, on, slot, state in asked.values_list("file", "due_on", "slot", "state"):
        states[key].append((on, slot, state))
    heard: dict[uuid.UUID, tuple[date, str]] = {}
    reports = DailyReport.objects.filter(file__in=files, on__gte=since).order_by("on", "slot")
    for key, on, slot in reports.values_list("file", "on", "slot"):
        heard[key] = (on, slot)
    silent = []
    for file in files:
        last = states[file.pk][-rule.silent_after :]
        unheard = len(last) == rule.silent_after and all(state == TaskState.OPEN for _on, _slot, state in last)
        if unheard and heard.get(file.pk, (date.min, "")) < last[0][:2]:
            silent.append(file)
    alerts.raise_silence(files=silent, rule=rule, now=now)
