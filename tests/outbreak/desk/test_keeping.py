"""Where files are many a count is kept for all readers with its time; where they are few all get one of the moment."""

import re
from dataclasses import asdict
from datetime import timedelta

import pytest
from django_tasks_db.models import DBTaskResult
from tests.outbreak.desk.building import HERE, OFFICE, THERE, client_of, make_file, release
from tests.outbreak.people import at

from duban.access.models import Person
from duban.core import clock
from duban.demo.builders import make_person
from duban.outbreak.desk import keeping
from duban.outbreak.desk.funnel import funnel_of
from duban.outbreak.desk.report import report_of
from duban.outbreak.models import KeptCount, KeptKind
from duban.outbreak.tasks import count_desk_later

pytestmark = pytest.mark.django_db
NOW = at(10, 12)
DAY = NOW.date()
QUESTION = f"?on={DAY}&at={OFFICE}"
PAGES = {KeptKind.REPORT: f"/outbreak/report/{QUESTION}", KeptKind.FUNNEL: f"/outbreak/funnel/{QUESTION}"}
HTMX = {"hx-request": "true"}


@pytest.fixture
def officer(db: None, monkeypatch: pytest.MonkeyPatch) -> Person:
    set_clock(monkeypatch, 0)
    for number in range(14):
        make_file(at(3), HERE, reached_at=at(4) if number < 12 else None)
    return make_person("officer", "health_officer", OFFICE)


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MANY", 5)


def set_clock(monkeypatch: pytest.MonkeyPatch, minutes: int) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(minutes=minutes))


def test_few_files_are_counted_for_every_reader(officer: Person) -> None:
    client = client_of(officer)
    assert b"14" in client.get(PAGES[KeptKind.REPORT]).content
    make_file(at(3), HERE)
    page = client.get(PAGES[KeptKind.REPORT]).content.decode()
    assert "在管15人" in page
    assert "Counted at" not in page
    assert b"Counted at" not in client.get(PAGES[KeptKind.FUNNEL], headers=HTMX).content
    assert not KeptCount.objects.exists()


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("kind", KeptKind)
def test_many_files_are_counted_once_and_shown_with_the_time(
    officer: Person, kind: KeptKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(officer)
    asks = client.get(PAGES[kind]).content.decode()
    assert "Counting …" in asks
    assert 'hx-trigger="load"' in asks
    assert not KeptCount.objects.exists()
    part = client.get(PAGES[kind], headers=HTMX).content.decode()
    assert "<html" not in part
    assert "Counted at" in part
    make_file(at(3), HERE)
    kept = client.get(PAGES[kind]).content.decode()
    assert "Counted at" in kept
    assert "a new count is under way" not in kept
    assert re.findall(r">1[45]<", kept) == re.findall(r">1[45]<", part) != []
    assert ">15<" not in kept
    assert "Counting …" in client.get(f"{PAGES[kind]}&again=1").content.decode()
    set_clock(monkeypatch, 6)
    for _reader in range(3):
        assert "a new count is under way" in client.get(PAGES[kind]).content.decode()
    [order] = DBTaskResult.objects.filter(task_path="duban.outbreak.tasks.count_desk_later")
    count_desk_later.func(*order.args_kwargs["args"])
    renewed = client.get(PAGES[kind]).content.decode()
    assert ">15<" in renewed
    assert "a new count is under way" not in renewed
    set_clock(monkeypatch, 60)
    assert "Counting …" in client.get(PAGES[kind]).content.decode(), "nobody works in the background"


@pytest.mark.usefixtures("many")
def test_what_is_kept_comes_back_as_it_was_counted(officer: Person) -> None:
    make_file(at(5), THERE, state="open")
    release(make_file(at(4), HERE), at(6))
    for kind, plain in ((KeptKind.REPORT, report_of(DAY, OFFICE)), (KeptKind.FUNNEL, funnel_of(OFFICE, DAY))):
        made = keeping.count(kind, OFFICE, DAY, now=NOW)
        found = keeping.newest(kind, OFFICE, DAY, now=NOW)
        assert found is not None
        assert asdict(found.value) == asdict(made.value)
        assert (found.value if kind == KeptKind.REPORT else found.value.funnel) == plain
    KeptCount.objects.update(counted_at=NOW - timedelta(hours=1))
    keeping.count(KeptKind.REPORT, HERE, DAY, now=NOW)
    assert KeptCount.objects.get().at == HERE, "what nobody is shown any more is gone"


@pytest.mark.usefixtures("many")
def test_small_numbers_that_are_kept_are_told_to_health_officers_alone(officer: Person) -> None:
    make_file(at(5), THERE)
    leader = client_of(make_person("leader", "leader", OFFICE))
    for kind, page in PAGES.items():
        client_of(officer).get(page, headers=HTMX)
        assert KeptCount.objects.filter(kind=kind).exists()
        assert ">15<" in client_of(officer).get(page).content.decode()
        shown = leader.get(page).content.decode()
        assert "Counted at" in shown
        assert not re.search(r">(1|2|15)<", shown)
    book = leader.get(f"/outbreak/report/following.xlsx{QUESTION}")
    assert book.status_code == 200


@pytest.mark.usefixtures("many")
def test_a_report_that_does_not_add_up_is_not_kept_and_said_in_its_place(officer: Person) -> None:
    keeping.count(KeptKind.REPORT, OFFICE, DAY, now=NOW)
    make_file(at(5), HERE, state="released", released_at=at(4))
    page = PAGES[KeptKind.REPORT].replace(str(DAY), "2021-01-05")
    part = client_of(officer).get(page, headers=HTMX)
    assert (part.status_code, b"report_does_not_add_up" in part.content) == (200, True)
    assert client_of(officer).get(f"{page}&now=1").status_code == 400
    count_desk_later.func("report", OFFICE, "2021-01-05")
    assert KeptCount.objects.count() == 1
