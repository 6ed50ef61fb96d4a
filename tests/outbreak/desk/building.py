"""People on the books with the moments that reports and funnels are made of, written straight into the tables."""

import uuid
from datetime import date, datetime, timedelta
from typing import Any

from django.test import Client

from duban.access.models import Person
from duban.outbreak.casefiles.identity import Facts, seal
from duban.outbreak.models import (
    CaseExposure,
    CaseFile,
    DailyReport,
    FileState,
    Plan,
    Release,
    Swab,
    Task,
    TaskKind,
    TaskState,
    Tube,
)

OFFICE, HERE, THERE = "110112", "110112110", "110112106"
BY: dict[str, Any] = {"username": "builder", "name": "builder", "roles": []}


def make_file(opened: datetime, town: str = HERE, *, name: str = "张三丰", **changes: Any) -> CaseFile:
    key = uuid.uuid4()
    facts = {
        "id": key, "office": OFFICE, "number": f"F{key.hex[:12]}", "person": key.hex, "town": town, "stay": town,
        "sealed": seal(Facts(name=name, phone="13800001234", stay_address="某路某小区3号楼")),
        "opened_at": opened, "origin": "form",
    }  # fmt: skip
    return CaseFile.objects.create(**facts | changes)


def release(file: CaseFile, at: datetime, *, revoked: datetime | None = None) -> None:
    """Released then; taken back if `revoked` says when."""
    plan = Plan.objects.filter(file=file).last() or make_plan(file, at.date(), at.date(), "home", made=at)
    key = uuid.uuid4().hex
    Release.objects.create(
        file=file, number=key, code=key, plan=plan, conditions=[], at=at, by=BY, revoked_at=revoked,
        revoked_by=BY if revoked else None,
    )  # fmt: skip
    if revoked is None:
        CaseFile.objects.filter(pk=file.pk).update(state=FileState.RELEASED, released_at=at)


def make_plan(file: CaseFile, first: date, last: date, measure: str, *, made: datetime, reports: int = 0) -> Plan:
    """A plan of one phase that takes the place of the one before."""
    Plan.objects.filter(file=file).update(current=False)
    phase = {"measure": measure, "first": first.isoformat(), "last": last.isoformat(), "reports": reports}
    return Plan.objects.create(
        file=file, version=Plan.objects.filter(file=file).count() + 1, current=True, starts_on=first, ends_on=last,
        phases=[phase | {"why": {"code": "rule"}}], digest="", made_at=made,
    )  # fmt: skip


def expose(file: CaseFile, at: datetime, *, basis: str = "京通字1号", withdrawn: datetime | None = None) -> None:
    CaseExposure.objects.create(
        file=file, kind="area", basis=basis, measure="home", first=at, last=at, added_by=BY, added_at=at,
        withdrawn_at=withdrawn,
    )  # fmt: skip


def swab(
    file: CaseFile, at: datetime, *, result: str = "", resulted: datetime | None = None, size: int = 1,
    follows: Swab | None = None, tube: Tube | None = None, voided: datetime | None = None,
) -> Swab:  # fmt: skip
    if tube is None:
        tube = Tube.objects.create(
            code=uuid.uuid4().hex[:20], office=OFFICE, town=file.town, size=size, opened_at=at, opened_by=BY,
            result=result, resulted_at=resulted, voided_at=voided,
        )  # fmt: skip
    return Swab.objects.create(tube=tube, file=file, follows=follows, taken_at=at, taken_by=BY)


def say_fine(file: CaseFile, on: date, slot: str, at: datetime) -> DailyReport:
    return DailyReport.objects.create(file=file, on=on, slot=slot, temperature="36.5", symptoms=[], how="link", at=at)


def make_task(file: CaseFile, due: date, kind: str = TaskKind.VISIT, **changes: Any) -> Task:
    facts = {"file": file, "town": file.town, "stay": file.stay, "kind": kind, "due_on": due, "why": {"code": "rule"}}
    return Task.objects.create(**facts | changes)


def done(task: Task, at: datetime) -> None:
    Task.objects.filter(pk=task.pk).update(state=TaskState.DONE, done_at=at, done_by=BY)


def furnish(town: str, words: str, now: datetime) -> set[str]:
    """Somebody of the town with an exposure, a plan and an act that is overdue; what betrays them."""
    opened = now - timedelta(days=3)
    file = make_file(opened, town, name=f"{words} 某", office=town)
    expose(file, opened, basis=f"{words}-1")
    make_plan(file, opened.date(), now.date() + timedelta(days=5), "home", made=opened, reports=2)
    make_task(file, opened.date(), TaskKind.REACH)
    swab(file, now - timedelta(hours=30))
    return {str(file.pk), file.number}


def client_of(person: Person) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(person, "django.contrib.auth.backends.ModelBackend")
    return client


def hours(number: float) -> timedelta:
    return timedelta(hours=number)
