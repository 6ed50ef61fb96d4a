"""The leader's page: each number is what its rows say, counts are kept with their time, few people are not told."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import docx
import pypdfium2
import pytest
from django.test import Client
from django_tasks_db.models import DBTaskResult
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.decisions.world import DISTRICT, NOW, TODAY, TOWN, Office, make_office

from duban.access.models import Person
from duban.core import clock
from duban.demo.builders import NOON, make_finding, make_person, make_photo
from duban.ledger import actions as ledger
from duban.ledger import mandates
from duban.ledger.models import Entry
from duban.ledger.recording import record_finding
from duban.outbreak.desk.days import BadQuestion
from duban.web.leader_pages import HIGH, WIDE, trend_line
from duban.web.models import KeptFigures
from duban.web.overview import QUICK_MS, count_again, figures_at
from duban.web.tasks import count_area_later, remind_daily, set_reminders

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(db: None, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return make_office()


@pytest.fixture
def at() -> Callable[[Person], Client]:
    def log_in(person: Person, language: str = "en") -> Client:
        client = Client(headers={"accept-language": language})
        client.force_login(person)
        return client

    return log_in


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def fill(office: Office) -> list[Entry]:
    """Entries found, listed, assigned and struck off; those assigned are past their deadline by now."""
    made = []
    for seed in range(1, 9):
        finding = make_finding(seed, responsible=TOWN)
        entry = record_finding(by=office.supervisor, now=NOON, finding=finding).entry
        step: dict[str, Any] = {"now": NOON, "entry_id": entry.pk}
        if seed > 2:
            ledger.list_entry(by=office.supervisor, **step)
        if seed > 4:
            ledger.assign_entry(by=office.supervisor, unit=TOWN, **step)
        if seed > 6:
            ledger.submit_remedy(by=office.handler, photos=[make_photo(seed, by=office.handler)], **step)
            ledger.close_entry(by=office.supervisor, **step)
        made.append(entry)
    return made


def numbers(page: str) -> dict[str, tuple[str, str]]:
    """By number of the page its words and where it leads."""
    found = re.findall(
        r'data-number="(\w+)">\s*<a href="([^"]+)">.*?class="value">(.*?)</span>\s*(?:<svg|<span class="trend")',
        page,
        re.S,
    )
    return {key: (re.sub(r"<[^>]+>|\s", "", value), url.replace("&amp;", "&")) for key, url, value in found}


def test_every_number_is_what_its_rows_say(office: Office, at: Callable[[Person], Client]) -> None:
    fill(office)
    office.decide("逾期的", due_on=TODAY - timedelta(days=1))
    for person in (office.leader, office.supervisor):
        client = at(person)
        shown = numbers(client.get("/leader/").content.decode())
        assert set(shown) == {"open", "overdue", "dispatched", "in_time", "problems", "followed", "wanting"}
        assert shown["open"][0] == "6"
        assert shown["overdue"][0] == str(
            Entry.objects.filter(state__in=["found", "listed", "assigned"], due_at__lt=NOW).count()
        )
        assert shown["dispatched"][0] == "4"
        assert shown["in_time"][0] == "50%"
        assert shown["wanting"][0] == "1"
        for key in ("open", "overdue", "dispatched"):
            rows = client.get(shown[key][1]).content.decode()
            assert rows.count("data-row") == int(shown[key][0]), key
        assert "逾期的" in words(client.get(shown["wanting"][1]))
        for _value, url in shown.values():
            assert client.get(url).status_code == 200, url


def test_an_empty_area_has_no_rate_and_nothing_late(office: Office, at: Callable[[Person], Client]) -> None:
    page = at(office.leader).get("/leader/")
    shown = numbers(page.content.decode())
    assert {key: value for key, (value, _url) in shown.items()} == dict.fromkeys(shown, "0") | {"in_time": "–"}
    assert "told to health officers alone" not in words(page)
    assert "Nothing that was dispatched is overdue." in words(page)
    assert "No decision is in force." in words(page)


def test_what_is_late_names_the_unit_and_opens_its_rows(office: Office, at: Callable[[Person], Client]) -> None:
    fill(office)
    client = at(office.leader)
    page = client.get("/leader/").content.decode()
    late = re.search(r"late-panel.*?</section>", page, re.S)
    assert late is not None
    [(url, number)] = re.findall(r'href="([^"]+)"[^>]*>(\d+)<', late[0])
    rows = client.get(url.replace("&amp;", "&")).content.decode()
    assert rows.count("data-row") == int(number) == 2


def test_what_is_late_adds_up_to_the_number_above_it(office: Office, at: Callable[[Person], Client]) -> None:
    fill(office)
    later = NOW + timedelta(days=6)
    books = count_again(DISTRICT, now=later).value["ledger"]
    rest = books["overdue"] - sum(one["number"] for one in books["late"])
    assert rest > 0
    page = words(at(office.leader).get("/leader/"))
    assert f"{rest} more are overdue" in page


def test_a_count_is_kept_with_its_time_and_renewed_once_in_the_background(
    office: Office, at: Callable[[Person], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = at(office.leader)
    assert numbers(client.get("/leader/").content.decode())["open"][0] == "0"
    fill(office)
    assert numbers(client.get("/leader/").content.decode())["open"][0] == "0", "the count of a moment ago"
    assert not DBTaskResult.objects.exists()
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(minutes=6))
    for _reader in range(3):
        assert "a new count is under way" in words(client.get("/leader/"))
    assert DBTaskResult.objects.filter(task_path="duban.web.tasks.count_area_later").count() == 1
    KeptFigures.objects.update(took_ms=10)
    client.post("/leader/count/")
    assert numbers(client.get("/leader/").content.decode())["open"][0] == "6"
    ledger.void_entry(by=office.supervisor, now=NOW, entry_id=Entry.objects.filter(state="found")[0].pk, reason="误报")
    # Whatever this machine was busy with.
    KeptFigures.objects.update(took_ms=10)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=2))
    assert numbers(client.get("/leader/").content.decode())["open"][0] == "5", "nobody works in the background"


def test_a_long_count_is_never_waited_for(
    office: Office, at: Callable[[Person], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = at(office.leader)
    client.get("/leader/")
    KeptFigures.objects.update(took_ms=QUICK_MS + 1)
    fill(office)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=3))
    for _reader in range(2):
        assert client.post("/leader/count/").status_code == 302
        assert numbers(client.get("/leader/").content.decode())["open"][0] == "0"
    [result] = DBTaskResult.objects.filter(task_path="duban.web.tasks.count_area_later")
    result.task.func(*result.args_kwargs["args"])
    assert numbers(client.get("/leader/").content.decode())["open"][0] == "6"


def test_a_kept_page_costs_few_queries(
    office: Office, at: Callable[[Person], Client], django_assert_max_num_queries: Any
) -> None:
    fill(office)
    client = at(office.leader)
    client.get("/leader/")
    with django_assert_max_num_queries(15):
        client.get("/leader/")
    with django_assert_max_num_queries(15):
        client.get("/leader/?screen=1", HTTP_HX_REQUEST="true")


def test_taking_the_last_link_away_shows_the_decision_as_not_seen_through(
    office: Office, at: Callable[[Person], Client]
) -> None:
    decision, entry = office.decide("立即整改"), office.entry()
    link = {"by": office.supervisor, "now": NOW, "entry_id": entry.pk, "decision_id": decision.pk}
    mandates.link_entry(**link)
    client = at(office.leader)
    assert "not seen through" not in words(client.get("/leader/"))
    mandates.unlink_entry(**link)
    KeptFigures.objects.update(took_ms=10)
    client.post("/leader/count/")
    assert "not seen through: no work" in words(client.get("/leader/"))


def test_few_people_are_not_told(office: Office, at: Callable[[Person], Client]) -> None:
    office.order(4)
    page = at(office.leader).get("/leader/")
    assert numbers(page.content.decode())["followed"][0] == "–"
    assert "told to health officers alone" in words(page)
    kept = str(KeptFigures.objects.get().value["outbreak"])
    assert "4" not in re.findall(r"\b\d+\b", kept)


def test_the_area_is_that_of_the_role_and_another_is_not_told(office: Office, at: Callable[[Person], Client]) -> None:
    fill(office)
    town = at(make_person("town_leader", "leader", "110112110"))
    assert numbers(town.get("/leader/").content.decode())["open"][0] == "0"
    for address in ("/leader/?at=110112", "/leader/brief.pdf?at=110113", "/leader/?at=nonsense"):
        assert town.get(address).status_code == 403
    assert at(make_person("part", "supervisor", DISTRICT)).get("/leader/").status_code == 200
    limited = make_person("limited", "supervisor", DISTRICT)
    limited.roles.update(kind="component")
    assert at(Person.objects.get(pk=limited.pk)).get("/leader/").status_code == 403
    for role in ("inspector", "handler", "publisher", "health_officer", "community_worker", "administrator"):
        assert at(make_person(f"no_{role}", role)).get("/leader/").status_code == 403


def test_the_wall_counts_itself_anew(office: Office, at: Callable[[Person], Client]) -> None:
    client = at(office.leader)
    page = client.get("/leader/?screen=1").content.decode()
    assert 'hx-trigger="every 60s"' in page
    assert 'data-theme-fixed="dark"' in page
    part = client.get("/leader/?screen=1", HTTP_HX_REQUEST="true").content.decode()
    assert part.lstrip().startswith('<div id="leader-live"')
    assert 'hx-trigger="every 60s"' in part
    client.logout()
    out = client.get("/leader/?screen=1", HTTP_HX_REQUEST="true")
    assert out["HX-Redirect"] == "/account/login/?next=%2Fleader%2F%3Fscreen%3D1"
    assert out.content == b""


@pytest.mark.parametrize(("language", "said"), [("en", "On the books: 6 entries"), ("zh-hans", "台账挂账6件")])
def test_the_brief_says_the_figures_in_both_languages(
    office: Office, at: Callable[..., Client], language: str, said: str
) -> None:
    fill(office)
    office.decide("立即摸排", due_on=TODAY)
    client = at(office.leader, language)
    pdf = client.get("/leader/brief.pdf")
    text = "".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf.content))
    assert said.replace(" ", "") in re.sub(r"\s", "", text)
    assert "立即摸排" in text
    word = docx.Document(io.BytesIO(client.get("/leader/brief.docx").content))
    assert any(said in paragraph.text for paragraph in word.paragraphs)
    assert any("立即摸排" in cell.text for table in word.tables for row in table.rows for cell in row.cells)
    assert pdf["Content-Disposition"] == 'attachment; filename="brief-110112-2021-01-20.pdf"'
    assert client.get("/leader/brief.exe").status_code == 404
    assert client.get("/leader/brief.pdf").content == pdf.content


def test_two_counts_at_once_leave_one(office: Office) -> None:
    first, second = count_again(DISTRICT, now=NOW), count_again(DISTRICT, now=NOW + timedelta(seconds=1))
    assert first.pk == second.pk
    assert KeptFigures.objects.get().at == NOW + timedelta(seconds=1)
    KeptFigures.objects.update(value={"schema": 0})
    assert figures_at(DISTRICT, NOW + timedelta(minutes=1)).value["schema"] == 1, "what is kept is of an older kind"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(0, 10**7)), max_size=30))
def test_a_trend_stays_within_its_frame(told: list[int | None]) -> None:
    line, dot = trend_line(told)
    points = [tuple(map(float, point.split(","))) for point in line.split()]
    assert len(points) == (len([n for n in told if n is not None]) if line else 0)
    assert all(0 <= x <= WIDE and 0 <= y <= HIGH for x, y in points)
    assert not points or dot == line.split()[-1]


def test_what_does_not_add_up_is_not_told(
    office: Office, at: Callable[[Person], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_question: object) -> None:
        raise BadQuestion("report_does_not_add_up", "", field="on")

    monkeypatch.setattr("duban.outbreak.desk.keeping.report_of", fails)
    page = at(office.leader).get("/leader/")
    assert page.status_code == 200
    assert numbers(page.content.decode())["followed"][0] == "–"
    assert at(office.leader).get("/leader/brief.pdf").status_code == 200


def test_orders_that_piled_up_count_once(office: Office) -> None:
    count_again(DISTRICT, now=NOW - timedelta(minutes=1))
    fill(office)
    assert count_area_later.func(DISTRICT) == (NOW - timedelta(minutes=1)).isoformat()
    KeptFigures.objects.update(at=NOW - timedelta(minutes=4))
    assert count_area_later.func(DISTRICT) == NOW.isoformat()
    assert KeptFigures.objects.get().value["ledger"]["open"] == 6


def test_the_worker_reminds_every_morning_once(office: Office) -> None:
    office.decide("没人管的", starts_at=NOON - timedelta(days=3))
    for _time in range(2):
        set_reminders(now=NOW)
    waiting = DBTaskResult.objects.filter(task_path="duban.web.tasks.remind_daily")
    assert [result.run_after.isoformat() for result in waiting] == ["2021-01-20T22:00:00+00:00"]
    assert remind_daily.func() == 2
    assert remind_daily.func() == 0
    assert waiting.count() == 1


def test_the_map_draws_all_that_is_overdue_and_the_wall_renews_it(
    office: Office, at: Callable[[Person], Client]
) -> None:
    fill(office)
    client = at(office.leader)
    for headers in ({}, {"hx-request": "true"}):
        page = client.get("/leader/?screen=1", headers=headers).content.decode()
        [address] = re.findall(r'data-map-clusters="([^"]+)"', page)
        asked, _hash, moment = address.replace("&amp;", "&").partition("#")
        assert moment.isdecimal(), "the same address again would not be asked anew"
        drawn = client.get(f"{asked}&bbox=116,39,117.5,40.5&zoom=9").json()
        assert drawn["count"] == int(numbers(page)["overdue"][0]) > 0
