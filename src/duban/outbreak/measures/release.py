"""Letting somebody go: only when every condition holds, by a named person, with a certificate that can be revoked."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.ledger.counters import count_up
from duban.outbreak.care.links import revoke_link
from duban.outbreak.care.reach import file_to
from duban.outbreak.care.rules import rule_on
from duban.outbreak.casefiles.queries import own_and_merged
from duban.outbreak.measures.plans import replan
from duban.outbreak.measures.rules import all_rules
from duban.outbreak.measures.schedule import SECOND
from duban.outbreak.measures.words import condition_words
from duban.outbreak.models import (
    Alert,
    CaseFile,
    DailyReport,
    FileState,
    Plan,
    Release,
    Result,
    StayEnd,
    Swab,
    Task,
    TaskKind,
    TaskState,
)
from duban.outbreak.samples import outcome
from duban.outbreak.samples.outcome import Taken
from duban.outbreak.sites.actions import end_stay
from duban.places.codes import LENGTHS

RELEASES = "file.release"


class BadRelease(DubanError):
    pass


@dataclass(frozen=True)
class Condition:
    """`words` says it as a sentence that is true where `met`; `detail` holds counts and dates only."""

    code: str
    met: bool
    words: str
    detail: dict[str, Any]


# ---- conditions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """One swab with the task that it did, if any. `standing`: no other one was taken in its place."""

    task: int | None
    tube: uuid.UUID
    day: date
    result: str
    standing: bool


def conditions(file: CaseFile, now: datetime) -> list[Condition]:
    """Everything that must hold before the person is released, met or not, in the order of the page.

    Counts the files that were merged into this one.
    """
    zone = timezone.get_default_timezone()
    today = timezone.localtime(now, zone).date()
    ids = own_and_merged(file)
    plan = Plan.objects.filter(file=file, current=True).first()
    if plan is None:
        return [_condition("plan", False, {"why": file.no_measure})]
    tasks = list(Task.objects.filter(file__in=ids, kind__in=[TaskKind.TEST, TaskKind.ARRIVE]))
    tests = [task for task in tasks if task.kind == TaskKind.TEST and task.state != TaskState.CANCELLED]
    undone = [task for task in tests if task.state == TaskState.OPEN]
    to_bring = [task for task in tasks if task.kind == TaskKind.ARRIVE and task.state == TaskState.OPEN]
    samples = samples_of(ids, zone)
    found = [
        _condition("plan", today > plan.ends_on, {"last": plan.ends_on.isoformat()}),
        _condition("arrived", not to_bring, {}),
        _condition("tests", not undone, {"open": len(undone), "all": len(tests)}),
        _negative(tests, samples, zone),
    ]
    found += _double(tests, samples)
    waiting = sum(1 for sample in samples if sample.standing and not sample.result)
    alerts = Alert.objects.filter(file__in=ids, closed_at__isnull=True).count()
    found.append(_condition("waiting", file.waiting_since is None and not waiting, {"open": waiting}))
    found.append(_condition("alerts", not alerts, {"open": alerts}))
    return found + _quiet(file, ids, plan, zone)


def samples_of(file_ids: list[uuid.UUID], zone: tzinfo) -> list[Sample]:
    """The swabs of these files, the first taken first; those of tubes that were voided do not count."""
    rows = Swab.objects.filter(file__in=file_ids, tube__voided_at__isnull=True).order_by("taken_at", "pk")
    swabs = list(rows.select_related("tube"))
    taken = [Taken(one.pk, file_ids[0], one.taken_at, one.tube.size, one.tube.result, one.follows_id) for one in swabs]
    standing = {one.swab for one in outcome.last_of_each(taken)}
    return [
        Sample(one.task_id, one.tube_id, one.taken_at.astimezone(zone).date(), one.tube.result, one.pk in standing)
        for one in swabs
    ]


def _condition(code: str, met: bool, detail: dict[str, Any]) -> Condition:
    return Condition(code, met, condition_words(code, met, detail), detail)


def _negative(tests: list[Task], samples: list[Sample], zone: tzinfo) -> Condition:
    """Every test that was done has its sample, and of the samples that stand none is anything but negative."""
    done = [task for task in tests if task.state == TaskState.DONE]
    without = [task for task in done if not any(_is_of(sample, task, zone) for sample in samples)]
    bad = [one for one in samples if one.standing and one.result not in ("", Result.NEGATIVE)]
    return _condition("negative", not without and not bad, {"without": len(without), "bad": len(bad)})


def _is_of(sample: Sample, task: Task, zone: tzinfo) -> bool:
    if sample.task is not None:
        return sample.task == task.pk
    return task.done_at is not None and sample.day == task.done_at.astimezone(zone).date()


def _double(tests: list[Task], samples: list[Sample]) -> list[Condition]:
    """Two negative samples of two tubes, from the day of the last test on."""
    second = max((task.due_on for task in tests if task.slot == SECOND), default=None)
    if second is None:
        return []
    tubes = {one.tube for one in samples if one.standing and one.result == Result.NEGATIVE and one.day >= second}
    return [_condition("double", len(tubes) >= 2, {"negative": len(tubes), "from": second.isoformat()})]


def _quiet(file: CaseFile, ids: list[uuid.UUID], plan: Plan, zone: tzinfo) -> list[Condition]:
    """Each of the last days has a report, and none of them says fever or symptoms.

    Of days on which the file was not yet there in the morning none is asked for.
    """
    rules = {rule.id: rule for rule in all_rules()}
    rule = rules.get(plan.phases[-1]["why"].get("rule"))
    after = file.opened_at.astimezone(zone).date()
    days = [day for day in _days_with_reports(plan, rule.quiet_days if rule else 0) if day > after]
    if not days:
        return []
    reports = DailyReport.objects.filter(file__in=ids, on__gte=days[0], on__lte=plan.ends_on)
    rows = list(reports.values_list("on", "temperature", "symptoms"))
    missing = [day for day in days if day not in {on for on, _temperature, _symptoms in rows}]
    ill = sum(1 for on, temperature, symptoms in rows if temperature >= rule_on(on).fever or symptoms)
    detail = {"days": len(days), "missing": [day.isoformat() for day in missing], "ill": ill}
    return [_condition("quiet", not missing and not ill, detail)]


def _days_with_reports(plan: Plan, count: int) -> list[date]:
    """The last so many days of the plan on which reports were asked for, the first first."""
    found = []
    for back in range(count):
        day = plan.ends_on - timedelta(days=back)
        text = day.isoformat()
        if any(phase["first"] <= text <= phase["last"] and phase["reports"] for phase in plan.phases):
            found.append(day)
    return found[::-1]


# ---- releasing ------------------------------------------------------------------------------------------------------


@transaction.atomic
def release_person(*, by: Person, now: datetime, file_id: uuid.UUID) -> Release:
    """Release somebody whose conditions all hold; released already, the release that stands is answered.

    Raises NotFound (`file_not_found`), NotAllowed (`not_allowed`), Conflict (`file_closed`), BadRelease
    (`conditions_open`).
    """
    file = file_to(by, RELEASES, file_id)
    standing = Release.objects.filter(file=file, revoked_at__isnull=True).first()
    if standing is not None:
        return standing
    if file.state != FileState.OPEN:
        raise Conflict("file_closed", _("This file is closed; nobody is followed under it."))
    checked = conditions(file, now)
    open_ones = [condition.words for condition in checked if not condition.met]
    if open_ones:
        raise BadRelease(
            "conditions_open", _("Not yet: %(conditions)s") % {"conditions": "; ".join(map(str, open_ones))}
        )
    release = _write(by, now, file, checked)
    _let_go(by, now, file)
    audit.record(
        by=by,
        now=now,
        action="release_person",
        subject_type="case_file",
        subject_id=file.pk,
        detail={"release": release.number, "conditions": [condition.code for condition in checked]},
    )
    return release


def _write(by: Person, now: datetime, file: CaseFile, checked: list[Condition]) -> Release:
    county, year = file.office[: LENGTHS[0]], timezone.localtime(now, timezone.get_default_timezone()).year
    # An R, so that nobody takes it for the number of an entry or an order.
    serial = count_up(f"release:{county}:{year}")
    return Release.objects.create(
        file=file,
        number=f"{county}-{year}-R{serial:05d}",
        code=secrets.token_urlsafe(32),
        plan=Plan.objects.get(file=file, current=True),
        conditions=[{"code": one.code, "met": one.met} | one.detail for one in checked],
        at=now,
        by=by.as_actor(),
    )


def _let_go(by: Person, now: datetime, file: CaseFile) -> None:
    """Free the bed and the link, and leave nothing due."""
    end_stay(by=by, now=now, file_id=file.pk, reason=StayEnd.RELEASE)
    revoke_link(now=now, file_id=file.pk)
    due = Task.objects.filter(file__in=own_and_merged(file), state=TaskState.OPEN)
    due.filter(kind=TaskKind.RELEASE).update(state=TaskState.DONE, done_at=now, done_by=by.as_actor())
    due.update(state=TaskState.CANCELLED)
    CaseFile.objects.filter(pk=file.pk).update(state=FileState.RELEASED, released_at=now, measure="")


@transaction.atomic
def revoke_release(*, by: Person, now: datetime, file_id: uuid.UUID) -> Release:
    """The certificate says that it is revoked, and the person is followed again. A second time changes nothing.

    Raises NotFound (`file_not_found`, `release_not_found`), NotAllowed, Conflict (`person_followed_elsewhere`).
    """
    file = file_to(by, RELEASES, file_id)
    release = Release.objects.select_for_update().filter(file=file).order_by("-at").first()
    if release is None:
        raise NotFound("release_not_found", _("Nobody was released under this file."))
    if release.revoked_at is not None:
        return release
    again = CaseFile.objects.filter(office=file.office, person=file.person, state=FileState.OPEN, merged_into=None)
    if again.exists():
        raise Conflict("person_followed_elsewhere", _("The person is followed under a newer file; release them there."))
    release.revoked_at, release.revoked_by = now, by.as_actor()
    release.save(update_fields=["revoked_at", "revoked_by"])
    _take_back(now, file, release)
    audit.record(
        by=by,
        now=now,
        action="revoke_release",
        subject_type="case_file",
        subject_id=file.pk,
        detail={"release": release.number},
    )
    return release


def _take_back(now: datetime, file: CaseFile, release: Release) -> None:
    measure = Plan.objects.get(pk=release.plan_id).phases[-1]["measure"]
    CaseFile.objects.filter(pk=file.pk).update(state=FileState.OPEN, released_at=None, measure=measure)
    done = Task.objects.filter(file=file, kind=TaskKind.RELEASE, state=TaskState.DONE, done_at=release.at)
    done.update(state=TaskState.OPEN, done_at=None, done_by=None)
    # Reasons and rules may have changed meanwhile, which leaves who is released alone.
    replan(now=now, file_ids=[file.pk])
