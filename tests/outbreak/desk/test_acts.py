"""The list of due acts: exactly what is due in somebody's places, in one order, whole from any page to any other."""

import random
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.outbreak.desk.building import HERE, OFFICE, THERE, make_file, make_plan, make_task

from duban.access.models import Person
from duban.core import clock
from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_person
from duban.outbreak.desk import acts
from duban.outbreak.measures.todo import tasks_for
from duban.outbreak.models import CaseFile, Look, Task, TaskKind, TaskState

pytestmark = pytest.mark.django_db
TODAY = date(2021, 1, 18)
KINDS = [kind.value for kind in TaskKind]


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", OFFICE)


def client_of(person: Person) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(person, "django.contrib.auth.backends.ModelBackend")
    return client


def wanted(person: Person, **words: str) -> acts.Wanted:
    return acts.read_wanted(person, words, now=NOON)


def walk(asked: acts.Wanted, size: int) -> list[int]:
    """Every page to the end, each gone back from as well."""
    found: list[int] = []
    page = acts.page_of(asked, size=size)
    assert page.earlier == ""
    while True:
        found += [task.pk for task in page.tasks]
        if not page.later:
            return found
        following = acts.page_of(asked, page.later, size)
        assert acts.page_of(asked, following.earlier, size).tasks == page.tasks
        page = following


@pytest.mark.parametrize(("seed", "most_stays"), [(0, acts.MOST_STAYS), (1, acts.MOST_STAYS), (2, 1)])
def test_every_due_act_is_on_one_page_and_in_order(
    officer: Person, seed: int, most_stays: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts, "MOST_STAYS", most_stays)
    draw = random.Random(seed)
    towns = [HERE, THERE, OFFICE, f"{HERE}201", f"{HERE}202", f"{HERE}201001", "110115012"]
    for _file in range(25):
        stay = draw.choice(towns)
        file = make_file(NOON, stay[:9], stay=stay, office=stay[:6])
        for slot in range(draw.randrange(5)):
            due = TODAY + timedelta(days=draw.randrange(-3, 2))
            state = draw.choice([TaskState.OPEN, TaskState.OPEN, TaskState.DONE, TaskState.CANCELLED])
            make_task(file, due, draw.choice(KINDS), slot=str(slot), state=state)
    people = [officer, make_person("worker", "community_worker", f"{HERE}201")]
    people += [make_person("town", "health_officer", HERE), make_person("inspector", "inspector", OFFICE)]
    for person in people:
        for words in ({}, {"kind": "test"}, {"place": THERE}, {"place": f"{HERE}201"}, {"place": "110115"}):
            asked = wanted(person, **words)
            due = tasks_for(person).filter(state=TaskState.OPEN, due_on__lte=TODAY)
            due = due.filter(stay__startswith=asked.place) if asked.place else due
            every = due.filter(kind=asked.kind) if asked.kind else due
            plain = list(every.order_by("due_on", "kind", "id").values_list("pk", flat=True))
            assert walk(asked, draw.choice([1, 3, 50])) == plain
            counts = acts.counts_of(asked)
            assert counts.due == due.count()
            assert counts.late == due.filter(due_on__lt=TODAY).count()
            assert dict(counts.kinds) == {kind: number for kind in KINDS if (number := due.filter(kind=kind).count())}


def test_a_broken_cursor_is_refused(officer: Person) -> None:
    for cursor in ("x", "W10", "bnVsbA", acts._cursor("sideways", Task(due_on=TODAY, kind="test", id=1))):
        with pytest.raises(DubanError) as refusal:
            acts.page_of(wanted(officer), cursor)
        assert refusal.value.code == "bad_cursor"


# ---- the page --------------------------------------------------------------------------------------------------------


def test_one_tap_is_done_and_one_takes_it_back(officer: Person) -> None:
    task = make_task(make_file(NOON), TODAY - timedelta(days=2), TaskKind.REACH)
    client = client_of(officer)
    page = client.get("/outbreak/today/")
    assert b"2 days late" in page.content
    assert "张三丰" not in page.content.decode()
    sent = {"task": task.pk, "back": "/outbreak/today/?kind=reach"}
    row = client.post("/outbreak/today/done/", sent, headers={"hx-request": "true"}).content.decode()
    assert "Take back" in row
    assert CaseFile.objects.get().reached_at == NOON
    assert client.post("/outbreak/today/done/", sent).url == f"/outbreak/today/?kind=reach&last={task.pk}"
    assert Task.objects.get().state == TaskState.DONE
    assert b"1 act was noted as done" in client.get(f"/outbreak/today/?last={task.pk}").content
    back = client.post("/outbreak/today/undo/", sent, headers={"hx-request": "true"}).content.decode()
    assert "Reached" in back
    assert (Task.objects.get().state, CaseFile.objects.get().reached_at) == (TaskState.OPEN, None)


def test_the_measure_shown_is_that_of_the_day(officer: Person) -> None:
    file = make_file(NOON, measure="home")
    plan = make_plan(file, TODAY - timedelta(days=14), TODAY - timedelta(days=1), "centralised", made=NOON)
    monitor = {"measure": "monitor", "first": TODAY.isoformat(), "last": "2021-01-25", "reports": 1, "why": {}}
    plan.phases.append(monitor)
    plan.save()
    make_task(file, TODAY)
    page = client_of(officer).get("/outbreak/today/").content
    assert b"health monitoring" in page
    assert b"isolation" not in page.partition(b"acts-due")[2]


def test_several_ticked_acts_are_done_at_once_or_not_at_all(officer: Person) -> None:
    tasks = [make_task(make_file(NOON), TODAY) for _number in range(3)]
    client = client_of(make_person("town", "health_officer", HERE))
    elsewhere = make_task(make_file(NOON, THERE), TODAY)
    keys = [task.pk for task in tasks]
    assert client.post("/outbreak/today/done/", {"task": [*keys, elsewhere.pk]}).status_code == 404
    assert not Task.objects.filter(state=TaskState.DONE).exists()
    client.post("/outbreak/today/done/", {"task": keys})
    assert Task.objects.filter(state=TaskState.DONE).count() == 3


@pytest.mark.parametrize("sent", [["x"], ["-1"], ["9" * 30], ["١"], ["1", "x"]])
def test_what_is_no_act_is_not_found(officer: Person, sent: list[str]) -> None:
    for address in ("/outbreak/today/done/", "/outbreak/today/undo/"):
        assert client_of(officer).post(address, {"task": sent}).status_code == 404
        assert client_of(officer).post(address).status_code == 400


def test_a_release_is_made_on_its_own_page(officer: Person) -> None:
    file = make_file(NOON)
    task = make_task(file, TODAY, TaskKind.RELEASE)
    client = client_of(officer)
    assert f"/outbreak/files/{file.pk}/release/".encode() in client.get("/outbreak/today/").content
    assert client.post("/outbreak/today/done/", {"task": task.pk}).status_code == 400


def test_a_community_worker_reads_name_and_phone_on_the_record(officer: Person) -> None:
    stay = f"{HERE}201"
    make_task(make_file(NOON, stay=stay), TODAY)
    make_task(make_file(NOON, stay=f"{HERE}202", name="李四光"), TODAY)
    worker = make_person("worker", "community_worker", stay)
    text = client_of(worker).get("/outbreak/today/").content.decode()
    assert "张三丰" in text
    assert "tel:13800001234" in text
    assert "李" not in text
    assert Look.objects.filter(username="worker").count() == 1
    client_of(worker).get("/outbreak/today/")
    assert Look.objects.filter(username="worker").count() == 1


def test_the_page_takes_as_many_queries_for_fifty_as_for_one(officer: Person) -> None:
    client = client_of(officer)
    numbers = []
    for _more in (2, 70):
        for town in (HERE, THERE, OFFICE):
            for _number in range(_more):
                make_task(make_file(NOON, town), TODAY)
        client.get("/outbreak/today/")
        with CaptureQueriesContext(connection) as seen:
            client.get("/outbreak/today/")
        numbers.append(len(seen))
    assert numbers[0] == numbers[1] <= 25


def test_places_that_are_not_ours_have_no_acts() -> None:
    make_task(make_file(NOON, THERE), TODAY)
    town: Any = make_person("town", "health_officer", HERE)
    assert b"Nothing of this is due" in client_of(town).get(f"/outbreak/today/?place={THERE}").content
    assert client_of(town).get("/outbreak/today/?place=x").status_code == 400
