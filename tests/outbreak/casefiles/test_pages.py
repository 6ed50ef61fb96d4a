"""The list and the file in the browser: what each reader sees, what one tap does, and what is refused."""

import shutil
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from tests.outbreak.casefiles.building import DISTRICT, NOW, TOWN, declare, draft, exposure, load_units, open_them
from tests.outbreak.people import at, id_number, write_csv

from duban.access.models import Person
from duban.core import clock
from duban.core.audit import Console
from duban.demo.builders import make_person
from duban.outbreak import store
from duban.outbreak.casefiles import actions
from duban.outbreak.casefiles.contacts import open_contacts
from duban.outbreak.models import CaseExposure, CaseFile, ContactNote, Look, Need, Task
from duban.outbreak.presences import import_presences

pytestmark = pytest.mark.django_db
ID, PHONE = id_number(1), "13800000001"


@pytest.fixture
def officer(db: None) -> Person:
    load_units()
    return make_person("officer", "health_officer", DISTRICT)


@pytest.fixture
def desk(officer: Person, client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    client.force_login(officer)
    return client


def desk_of(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page(desk: Client, address: str, **query: str) -> str:
    answer = desk.get(address, query)
    assert answer.status_code == 200
    return answer.content.decode()


# ---- the list -------------------------------------------------------------------------------------------------------


def test_the_list_is_masked_and_found_by_what_is_whole(desk: Client, officer: Person) -> None:
    file = open_them(officer, draft(id_number=ID, phone=PHONE)).files[0]
    shown = page(desk, "/outbreak/files/")
    assert "张**" in shown
    assert "138****0001" in shown
    assert ID not in shown
    for text in (ID, PHONE, "张三", file.number):
        answer = desk.post("/outbreak/files/", {"q": text}).content.decode()
        assert file.number in answer
        # Who was looked for stands in the field again, and in no address.
        assert "q=" not in answer
    assert file.number not in desk.post("/outbreak/files/", {"q": "李四"}).content.decode()


def test_chips_filter_and_pages_follow_by_key(desk: Client, officer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duban.outbreak.casefiles.listing.PAGE", 3)
    people = [draft(id_number=id_number(serial), name="某") for serial in range(7)]
    open_them(officer, *people[:4])
    open_them(officer, *people[4:], now=NOW + timedelta(minutes=1))
    files = list(CaseFile.objects.order_by("-opened_at", "pk"))
    CaseFile.objects.filter(pk=files[0].pk).update(waiting_since=NOW)
    assert files[0].number in page(desk, "/outbreak/files/", waiting="1")
    assert files[1].number not in page(desk, "/outbreak/files/", waiting="1")
    assert files[1].number in page(desk, "/outbreak/files/", measure="centralised", town=TOWN)
    assert files[1].number not in page(desk, "/outbreak/files/", measure="home")
    seen, found = [], page(desk, "/outbreak/files/")
    for _page in range(5):
        seen += [file.number for file in files if f">{file.number}<" in found]
        later = [part.partition('"')[0] for part in found.split('href="') if "after=" in part.partition('"')[0]]
        if not later:
            break
        found = desk.get("/outbreak/files/" + later[0].replace("&amp;", "&")).content.decode()
    assert seen == [file.number for file in files]
    assert desk.get("/outbreak/files/?after=x&town=abc&measure=x&state=y").status_code == 200


def test_a_longer_list_asks_no_more_of_the_database(desk: Client, officer: Person) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            page(desk, "/outbreak/files/")
        return len(asked)

    open_them(officer, draft(id_number=ID))
    few = queries()
    open_them(officer, *(draft(id_number=id_number(serial), name="某") for serial in range(2, 30)))
    assert queries() == few


# ---- a new one ------------------------------------------------------------------------------------------------------


def form_of(order: str, **changes: str) -> dict[str, str]:
    told = {"name": "张三", "id_number": ID, "phone": PHONE, "stay": TOWN, "basis": order, "last": "2021-01-18 09:00"}
    return {"birth_date": "", "stay_address": "", "from_place": "", "measure": "", "arrived_at": ""} | told | changes


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": " "}, "name_missing"),
        ({"id_number": "1"}, "bad_id_number"),
        ({"phone": "x"}, "bad_phone"),
        ({"id_number": "", "phone": ""}, "nobody_named"),
        ({"stay": "110115012"}, "stay_elsewhere"),
        ({"stay": "无此镇"}, "unknown_place"),
        ({"basis": ""}, "reason_missing"),
        ({"basis": "form"}, "measure_missing"),
        ({"last": ""}, "left_missing"),
        ({"last": "soon"}, "bad_date"),
        ({"last": "2022-01-01"}, "in_the_future"),
    ],
)
def test_what_the_form_refuses(desk: Client, officer: Person, changes: dict[str, str], code: str) -> None:
    answer = desk.post("/outbreak/files/new/", form_of(declare(officer), **changes))
    assert answer.status_code == 400
    errors = answer.context["form"].errors.as_data()
    assert [error.code for found in errors.values() for error in found] == [code]
    assert not CaseFile.objects.exists()


def test_a_file_by_form_and_the_same_person_again(desk: Client, officer: Person) -> None:
    order = declare(officer)
    for _time in range(2):
        desk.post("/outbreak/files/new/", form_of(order))
    file = CaseFile.objects.get()
    assert (file.town, file.measure, file.origin) == (TOWN, "centralised", "form")
    desk.post("/outbreak/files/new/", form_of("form", measure="home"))
    assert set(CaseExposure.objects.values_list("kind", flat=True)) == {"area", "form"}


# ---- one file -------------------------------------------------------------------------------------------------------


def test_days_reasons_and_conditions_stand_on_the_page(desk: Client, officer: Person) -> None:
    order = declare(officer)
    file = open_them(officer, draft(id_number=ID, exposures=(exposure(order),))).files[0]
    shown = page(desk, f"/outbreak/files/{file.pk}/")
    assert order in shown
    assert 'class="tick"' in shown
    assert ID not in shown
    assert Task.objects.filter(file=file, kind="test").count() > 1


def test_whoever_opens_it_sees_it_whole_for_an_hour(desk: Client, officer: Person, monkeypatch: Any) -> None:
    file = open_them(officer, draft(id_number=ID)).files[0]
    address = f"/outbreak/files/{file.pk}/"
    answer = desk.post(f"{address}look/", {"ground": "order", "purpose": ""})
    assert (answer.status_code, Look.objects.count()) == (400, 0)
    desk.post(f"{address}look/", {"ground": "order", "purpose": "核对身份信息"})
    assert ID in page(desk, address)
    assert Look.objects.get().username == "officer"
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=2))
    assert ID not in page(desk, address)


def test_one_tap_does_what_is_due(desk: Client, officer: Person) -> None:
    file = open_them(officer, draft(id_number=ID)).files[0]
    change = f"/outbreak/files/{file.pk}/change/"
    reach = Task.objects.get(file=file, kind="reach")
    desk.post(change, {"do": "finish", "task": str(reach.pk)})
    file.refresh_from_db()
    assert file.reached_at == NOW
    desk.post(change, {"do": "note", "how": "visit", "reached": "1", "text": "已上门"})
    desk.post(change, {"do": "need", "kind": "medicine", "need_text": "降压药"})
    desk.post(change, {"do": "end_need", "need": str(Need.objects.get().pk)})
    assert ContactNote.objects.count() == 1
    assert Need.objects.get().ended_at == NOW
    shown = page(desk, f"/outbreak/files/{file.pk}/")
    assert "已上门" in shown
    assert "降压药" in shown
    desk.post(change, {"do": "withdraw", "exposure": str(CaseExposure.objects.get().pk)})
    file.refresh_from_db()
    assert file.no_measure == "withdrawn"
    desk.post(change, {"do": "close", "reason": "withdrawn"})
    file.refresh_from_db()
    assert file.state == "closed"
    assert page(desk, f"/outbreak/files/{file.pk}/")
    for told in (
        {"do": "nothing"},
        {"do": "finish", "task": "x"},
        {"do": "merge", "other": "x"},
        {"do": "move", "stay": "无"},
    ):
        assert desk.post(change, told).status_code in (400, 404, 409)


def test_files_of_one_person_are_offered_merged_and_taken_apart(desk: Client, officer: Person) -> None:
    one, other = open_them(officer, draft(id_number=ID, phone=PHONE), draft(id_number=id_number(2), phone=PHONE)).files
    assert other.number in page(desk, f"/outbreak/files/{one.pk}/")
    desk.post(f"/outbreak/files/{one.pk}/change/", {"do": "merge", "other": str(other.pk)})
    assert desk.get(f"/outbreak/files/{other.pk}/").headers["Location"] == f"/outbreak/files/{one.pk}/"
    assert other.number not in page(desk, "/outbreak/files/")
    desk.post(f"/outbreak/files/{one.pk}/change/", {"do": "unmerge", "other": str(other.pk)})
    assert CaseFile.objects.filter(merged_into=None).count() == 2
    desk.post(f"/outbreak/files/{one.pk}/change/", {"do": "household", "with": other.number})
    assert len(set(CaseFile.objects.values_list("household", flat=True))) == 1
    assert other.number in page(desk, f"/outbreak/files/{one.pk}/")


def test_a_community_worker_reads_neither_why_nor_who(desk: Client, officer: Person) -> None:
    order = declare(officer)
    file = open_them(officer, draft(id_number=ID, stay=f"{TOWN}001", exposures=(exposure(order),))).files[0]
    worker = desk_of(make_person("worker", "community_worker", f"{TOWN}001"))
    shown = page(worker, f"/outbreak/files/{file.pk}/")
    assert order not in shown
    assert "融汇社区" not in shown
    assert id_number(1)[:3] + "*" not in shown
    answer = worker.post(f"/outbreak/files/{file.pk}/change/", {"do": "close", "reason": "elsewhere"})
    assert answer.status_code == 404
    assert (
        worker.post(f"/outbreak/files/{file.pk}/look/", {"ground": "order", "purpose": "看看是谁"}).status_code == 403
    )
    assert (
        desk_of(make_person("x", "health_officer", "110112106")).get(f"/outbreak/files/{file.pk}/").status_code == 404
    )


# ---- contacts of a case ---------------------------------------------------------------------------------------------


@pytest.fixture
def empty_store() -> Any:
    shutil.rmtree(store.folder(), ignore_errors=True)
    yield
    shutil.rmtree(store.folder(), ignore_errors=True)


def test_contacts_and_theirs_get_files_with_the_case_as_their_reason(
    desk: Client, officer: Person, tmp_path: Any, empty_store: None
) -> None:
    def was(serial: int, venue: str, hour: int, home: str = TOWN) -> dict[str, str]:
        return {
            "id_number": id_number(serial), "phone": "", "name": f"某{'零甲乙丙丁'[serial]}", "home": home,
            "venue": venue, "lon": "", "lat": "", "area_code": f"{TOWN}001",
            "arrived": f"2021-01-18 {hour:02d}:00", "departed": f"2021-01-18 {hour:02d}:50",
        }  # fmt: skip

    rows = [was(1, "面馆", 9), was(2, "面馆", 9), was(2, "书店", 11), was(3, "书店", 11), was(4, "公园", 9)]
    columns = ("name", "id_number", "phone", "home", "lon", "lat", "area_code", "venue", "arrived", "departed")
    path = write_csv(tmp_path / "a.csv", *rows, columns=columns)
    import_presences(by=Console(), now=NOW, path=path, name="a.csv", source="登记")
    file = open_them(officer, draft(id_number=id_number(1), name="某甲")).files[0]
    assert desk.post(f"/outbreak/files/{file.pk}/trace/").status_code == 409
    actions.confirm_case(by=officer, now=NOW, file_id=file.pk, onset_at=None, sampled_at=at(19, 7))
    address = desk.post(f"/outbreak/files/{file.pk}/trace/").headers["Location"]
    assert file.number in page(desk, address)
    found = CaseExposure.objects.exclude(file=file)
    assert sorted(found.values_list("kind", "basis")) == [("contact", str(file.pk)), ("second", str(file.pk))]
    again = open_contacts(by=officer, now=NOW, file_id=file.pk, progress=lambda *_seen: None)
    assert (again.people, again.taken, again.updated, again.unchanged) == (2, 0, 0, 2)
    contact = CaseFile.objects.get(exposures__kind="contact")
    assert file.number in page(desk, f"/outbreak/files/{contact.pk}/")
    assert desk.post(f"/outbreak/files/{uuid.uuid4()}/trace/").status_code == 404
