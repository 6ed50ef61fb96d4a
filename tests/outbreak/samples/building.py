"""People with tests that are due, officers, points and tubes, for the tests of samples."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from duban.access.models import Person
from duban.demo.builders import NOON
from duban.ledger import jobs
from duban.outbreak.casefiles.identity import Facts, seal
from duban.outbreak.models import Appointment, CaseFile, SamplingPoint, Swab, Task, TaskKind, Tube
from duban.outbreak.samples import actions, tasks
from duban.outbreak.samples.codes import issue_codes, spaced
from duban.outbreak.samples.points import PointDraft, save_point

TOWN, OTHER = "110112110", "110112106"
LAB = "区疾控中心实验室"


def day_of(now: datetime = NOON) -> date:
    return (now + timedelta(hours=8)).date()


def make_files(number: int, *, town: str = TOWN, due: Sequence[int] = (0,), **changes: Any) -> list[CaseFile]:
    """People of a town who are followed, with a test due so many days from NOON for each of `due`."""
    sealed = seal(Facts(name="张三", phone="13800001234"))
    values = {"measure": "test", "opened_at": NOON - timedelta(days=1), "origin": "form", "sealed": sealed}
    files = [
        CaseFile(
            office="110112", number=f"T{uuid.uuid4().hex[:12].upper()}", person=uuid.uuid4().hex * 2,
            town=town, stay=town, **values | changes,
        )
        for _number in range(number)
    ]  # fmt: skip
    CaseFile.objects.bulk_create(files)
    Task.objects.bulk_create(
        Task(file=file, town=town, stay=town, kind=TaskKind.TEST, due_on=day_of() + timedelta(days=days), why={})
        for file in files
        for days in due
    )
    return files


def make_point(by: Person, *, town: str = TOWN, **changes: Any) -> SamplingPoint:
    values = {"name": "文化广场", "opens": time(8), "closes": time(18), "per_hour": 20}
    return save_point(by=by, now=NOON, draft=PointDraft(town=town, **values | changes))


def fill_tube(by: Person, files: Sequence[CaseFile], *, size: int = 10, now: datetime = NOON, town: str = TOWN) -> Tube:
    """A sealed tube with the swabs of these people."""
    tube = actions.open_tube(by=by, now=now, size=size, town=town)
    for file in files:
        actions.add_swab(by=by, now=now, tube_id=tube.pk, file_id=file.pk)
    return actions.seal_tube(by=by, now=now, tube_id=tube.pk)


def tell(by: Person, tube: Tube, result: str, *, now: datetime | None = None) -> bool:
    """Record a result some hours after NOON; whether it was news."""
    at = now or NOON + timedelta(hours=6)
    return actions.record_result(by=by, now=at, tube_id=tube.pk, result=result, laboratory=LAB, resulted_at=at).fresh


def waiting(files: Sequence[CaseFile]) -> list[datetime | None]:
    found = CaseFile.objects.in_bulk([file.pk for file in files])
    return [found[file.pk].waiting_since for file in files]


def make_stock(by: Person, tubes: int, *, people: int = 1) -> list[Tube]:
    """Many sealed tubes written at once, with people of their own."""
    codes = issue_codes(TOWN, now=NOON, number=tubes)
    made = [
        Tube(
            code=code, office="110112", town=TOWN, size=10, opened_at=NOON, sealed_at=NOON, opened_by=by.as_actor()
        )
        for code in codes
    ]  # fmt: skip
    Tube.objects.bulk_create(made)
    files = make_files(tubes * people, due=(), waiting_since=NOON)
    Swab.objects.bulk_create(
        (
            Swab(tube=tube, file=files[place * people + one], taken_at=NOON, taken_by={})
            for place, tube in enumerate(made)
            for one in range(people)
        ),
        batch_size=2000,
    )
    return made


def furnish(by: Person, town: str, words: str, now: datetime) -> tuple[dict[str, str], set[str]]:
    """A point, an appointment, an open tube, a positive single one and a sent table of a town: keys, and what betrays
    them."""
    point = make_point(by, town=town, name=f"{words} 采样点", address=f"{words} 街")
    sealed = seal(Facts(name=f"{words}人"))
    case, comer, inside = files = make_files(3, town=town, sealed=sealed)
    actions.book_appointments(by=by, now=now, town=town, on=day_of(now))
    single = fill_tube(by, [case], size=1, now=now, town=town)
    actions.record_result(
        by=by, now=now, tube_id=single.pk, result="positive", laboratory=f"{words} 室", resulted_at=now
    )
    tube = actions.open_tube(by=by, now=now, size=10, town=town, point=point)
    actions.add_swab(by=by, now=now, tube_id=tube.pk, file_id=inside.pk)
    table = SimpleUploadedFile(f"{words}.csv", b"x")
    sent = jobs.make_job(by=by, now=now, language="en", table=table, kind=tasks.RESULTS)
    nothing = {"rows": 0, "taken": 0, "unchanged": 0, "again": 0, "by_result": {}, "refused": 0, "refusals": []}
    jobs.save(replace(sent, stage="taken", report=nothing))
    sent.refused_file().write_text(words)
    keys = {
        "<point_id>": str(point.pk),
        "<appointment_id>": str(Appointment.objects.get(file=comer).pk),
        "<tube_id>": str(tube.pk),
        "<swab_id>": str(single.swabs.get().pk),
        "<results_id>": sent.id,
    }
    secrets = {str(point.pk), str(tube.pk), str(single.pk), sent.id, *(file.number for file in files)}
    return keys, secrets | {spaced(tube.code), tube.code, spaced(single.code), single.code}
