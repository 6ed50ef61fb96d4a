"""The funnel: its figures are its rows, its hours are medians, and it tells nobody what is not theirs to know."""

import io
import random
import re
from dataclasses import replace
from datetime import date, timedelta
from statistics import median_low

import docx
import openpyxl
import pytest
from tests.outbreak.desk.building import HERE, OFFICE, THERE, client_of, expose, hours, make_file, release, swab
from tests.outbreak.people import at

from duban.access.models import Person
from duban.core import clock
from duban.demo.builders import make_person
from duban.outbreak.desk import days, funnel, rows
from duban.outbreak.desk.rows import TITLES, Asked
from duban.outbreak.models import CaseExposure, CaseFile

pytestmark = pytest.mark.django_db
DAY = date(2021, 1, 10)
ORDERS = ("京通字1号", "京通字2号")


@pytest.fixture(autouse=True)
def evening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: at(10, 20))


@pytest.fixture
def officer(db: None) -> Person:
    return make_person("officer", "health_officer", OFFICE)


def fill(seed: int, number: int = 60) -> None:
    draw = random.Random(seed)
    for _each in range(number):
        opened = at(3) + timedelta(minutes=draw.randrange(60 * 24 * 9))
        moments = {
            name: opened + timedelta(minutes=draw.randrange(-60, 6000))
            for name in ("reached_at", "tested_at", "isolated_at")
            if draw.random() < 0.7
        }
        file = make_file(opened, draw.choice([HERE, THERE]), **moments)
        for order in ORDERS:
            if draw.random() < 0.6:
                expose(file, opened, basis=order, withdrawn=opened if draw.random() < 0.1 else None)
        if draw.random() < 0.3:
            release(file, opened + hours(30))


@pytest.mark.parametrize("seed", range(2))
def test_its_figures_are_its_rows(officer: Person, seed: int) -> None:
    fill(seed)
    found = funnel.funnel_of(OFFICE, DAY)
    day = days.day_of(DAY)
    for stage, moment in funnel.STAGES.items():
        for row in (*found.towns, *found.areas, found.total):
            group = {"town": row.code} if row in found.towns else {"order": row.code} if row in found.areas else {}
            people = rows.rows_for(officer, Asked(f"came:{stage}", DAY, OFFICE, **group))
            assert row.counts[stage] == people.count() == len(set(people.values_list("pk", flat=True)))
            if stage != "screened" and people:
                taken = [max((getattr(one, moment) - one.opened_at) / hours(1), 0) for one in people]
                assert row.hours[stage] == pytest.approx(median_low(taken), abs=0.051)
        assert found.total.counts[stage] == sum(row.counts[stage] or 0 for row in found.towns)
    for stage in ("reached", "tested", "isolated"):
        stuck = set(rows.find(Asked(f"stuck:{stage}", DAY, OFFICE)).values_list("pk", flat=True))
        came = set(rows.find(Asked(f"came:{stage}", DAY, OFFICE)).values_list("pk", flat=True))
        followed = set(days.followed(days.files_at(OFFICE), day).values_list("pk", flat=True))
        if stage == "isolated":
            standing = CaseExposure.objects.filter(withdrawn_at=None, added_at__lt=day.end)
            followed &= set(standing.values_list("file", flat=True))
        assert stuck == followed - came


def test_who_is_only_to_be_tested_is_not_missed_in_isolation(officer: Person) -> None:
    tested, home, freed = (make_file(at(3)) for _each in range(3))
    for file in (tested, home):
        expose(file, at(3))
    CaseExposure.objects.filter(file=tested).update(measure="test")
    expose(freed, at(3), withdrawn=at(9))
    taken = make_file(at(3), merged_into=tested)
    asked = Asked("stuck:isolated", DAY, OFFICE)
    assert list(rows.find(asked)) == [home]
    assert set(rows.find(replace(asked, on=DAY - timedelta(days=2)))) == {home, freed}
    expose(taken, at(4))
    assert set(rows.find(asked)) == {home, tested}


@pytest.mark.parametrize("seed", range(2))
def test_who_is_left_behind_is_counted_as_their_rows_are(officer: Person, seed: int) -> None:
    fill(seed)
    draw, files = random.Random(seed), list(CaseFile.objects.filter(state="open"))
    for into, merged in zip(files[::9], files[1::9], strict=False):
        expose(merged, merged.opened_at, basis="another order")
        CaseFile.objects.filter(pk=merged.pk).update(merged_into=into, reached_at=None)
    for file in files:
        CaseFile.objects.filter(pk=file.pk).update(ends_on=draw.choice([None, DAY - timedelta(days=1), DAY]))
    for person, where in ((officer, OFFICE), (officer, HERE), (make_person("town", "health_officer", HERE), HERE)):
        counted = funnel.left_behind(days.files_at(where), days.day_of(DAY))
        assert counted == {figure: rows.rows_for(person, Asked(figure, DAY, where)).count() for figure in funnel.LEFT}
        assert all(counted.values())


def test_a_release_that_was_taken_back_is_none(officer: Person) -> None:
    file = make_file(at(3))
    release(file, at(5), revoked=at(6))
    assert funnel.funnel_of(OFFICE, DAY).total.counts["released"] == 0
    release(file, at(8))
    assert funnel.funnel_of(OFFICE, DAY).total.counts["released"] == 1
    assert funnel.funnel_of(OFFICE, date(2021, 1, 7)).total.counts["released"] == 0


def test_who_is_late_is_past_the_last_day(officer: Person) -> None:
    for ends in (DAY - timedelta(days=1), DAY, None):
        make_file(at(3), ends_on=ends)
    released = make_file(at(3), ends_on=date(2021, 1, 5))
    release(released, at(6))
    assert rows.rows_for(officer, Asked("late", DAY, OFFICE)).count() == 1


def test_small_numbers_and_people_are_not_told_to_others() -> None:
    leader = make_person("leader", "leader", OFFICE)
    for town, number in ((HERE, 14), (THERE, 4)):
        for each in range(number):
            make_file(at(5), town, reached_at=at(5, 12) if each < 12 else None)
    found = funnel.as_told(leader, funnel.funnel_of(OFFICE, DAY))
    assert [row.counts["screened"] for row in found.towns] == [None, 14]
    assert (found.total.counts["screened"], found.total.counts["reached"]) == (None, None)
    assert [row.hours["reached"] for row in found.towns] == [None, 3.0]
    page = client_of(leader).get(f"/outbreak/funnel/?on={DAY}&now=1").content.decode()
    assert "/outbreak/funnel/rows/" not in page
    assert not re.search(r"\b(4|18)\b</span>", page)
    assert client_of(leader).get("/outbreak/funnel/rows/?figure=followed").status_code == 403
    there = client_of(make_person("there", "leader", THERE))
    assert there.get(f"/outbreak/funnel/?on={DAY}&at={OFFICE}&now=1").status_code == 403


# ---- the pages -------------------------------------------------------------------------------------------------------


def test_the_rows_are_masked_paged_and_of_ones_own_town(officer: Person) -> None:
    for number in range(60):
        make_file(at(3) + timedelta(minutes=number % 3), HERE if number < 55 else THERE)
    client = client_of(officer)
    address = f"/outbreak/funnel/rows/?figure=came:screened&on={DAY}&at={OFFICE}"
    first = client.get(address).content.decode()
    assert "张**" in first
    assert "张三丰" not in first
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    second = client.get(f"/outbreak/funnel/rows/{older[1].replace('&amp;', '&')}").content.decode()
    numbers = [set(re.findall(r"F[0-9a-f]{12}", page)) for page in (first, second)]
    assert (len(numbers[0]), len(numbers[1]), len(numbers[0] | numbers[1])) == (50, 10, 60)
    there = client_of(make_person("town", "health_officer", THERE))
    assert there.get(address).status_code == 403
    town = there.get(address.replace(OFFICE, THERE)).content.decode()
    assert len(set(re.findall(r"F[0-9a-f]{12}", town))) == 5


@pytest.mark.parametrize("figure", TITLES)
def test_every_figure_opens(officer: Person, figure: str) -> None:
    swab(make_file(at(3)), at(5), result="positive", resulted=at(6))
    assert client_of(officer).get(f"/outbreak/funnel/rows/?figure={figure}&on={DAY}").status_code == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?figure=none", 404),
        ("?figure=followed&on=x", 400),
        ("?figure=followed&at=1", 400),
        ("?figure=followed&cursor=x", 400),
        ("?figure=followed&town=%00", 200),
    ],
)
def test_what_cannot_be_asked_is_refused(officer: Person, query: str, status: int) -> None:
    assert client_of(officer).get(f"/outbreak/funnel/rows/{query}").status_code == status


def test_the_funnel_comes_when_it_is_counted(officer: Person) -> None:
    make_file(at(3))
    client = client_of(officer)
    assert b"Counting" in client.get("/outbreak/funnel/").content
    part = client.get("/outbreak/funnel/", headers={"hx-request": "true"}).content.decode()
    assert "<html" not in part
    assert "followed and not yet reached" in part


def test_the_report_says_the_same_on_the_page_and_in_every_file(officer: Person) -> None:
    for _each in range(13):
        make_file(at(3), HERE)
    make_file(at(10), THERE, reached_at=at(10, 12))
    client = client_of(officer)
    page = client.get(f"/outbreak/report/?on={DAY}").content.decode()
    said = "2021年1月10日，通州区在管14人，新增1人；其中不在措施中14人；当日联系到1人，未检出阳性。"
    assert said.replace("通州区", OFFICE) in page
    question = f"?on={DAY}&at={OFFICE}"
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"/outbreak/report/following.xlsx{question}").content))
    lines = list(book.worksheets[0].values)
    assert [line[2] for line in lines[-3:]] == [1, 13, 14]
    word = docx.Document(io.BytesIO(client.get(f"/outbreak/report/following.docx{question}").content))
    assert [cell.text for cell in word.tables[0].columns[1].cells] == ["followed", "1", "13", "14"]
    assert any("在管14人" in one.text for one in word.paragraphs)
    printed = client.get(f"/outbreak/report/following.pdf{question}").content
    assert printed.startswith(b"%PDF")
    assert printed == client.get(f"/outbreak/report/following.pdf{question}").content
    assert client.get(f"/outbreak/report/following.odt{question}").status_code == 404


def test_a_report_that_does_not_add_up_is_shown_and_printed_nowhere(officer: Person) -> None:
    make_file(at(5), state="released", released_at=at(4))
    client = client_of(officer)
    page = client.get("/outbreak/report/?on=2021-01-05")
    assert (page.status_code, b"report_does_not_add_up" in page.content) == (400, True)
    assert client.get("/outbreak/report/following.xlsx?on=2021-01-05").status_code == 400
