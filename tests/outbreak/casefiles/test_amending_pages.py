"""One more exposure by form, and who somebody is put right: what is asked first, what is refused, what stays whole."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from tests.outbreak.casefiles.building import DISTRICT, NOW, OTHER, declare, draft, exposure, load_units, open_them
from tests.outbreak.people import id_number

from duban.access.models import Person
from duban.core import clock
from duban.core.audit import AuditRecord
from duban.demo.builders import make_person
from duban.outbreak.casefiles import actions
from duban.outbreak.casefiles.identity import Facts, facts_of
from duban.outbreak.casefiles.listing import find
from duban.outbreak.models import CaseExposure, CaseFile, Plan

pytestmark = pytest.mark.django_db
ID, OTHER_ID, PHONE = id_number(1), id_number(2), "13800000001"
EXPOSURE = {"basis": "form", "measure": "home", "last": "2021-01-18 09:00", "arrived_at": ""}


@pytest.fixture
def officer(db: None) -> Person:
    load_units()
    return make_person("officer", "health_officer", DISTRICT)


@pytest.fixture
def desk(officer: Person, client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    client.force_login(officer)
    return client


@pytest.fixture
def file(officer: Person) -> CaseFile:
    return open_them(officer, draft(id_number=ID, phone=PHONE)).files[0]


def desk_of(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def address_of(file: CaseFile, what: str = "") -> str:
    return f"/outbreak/files/{file.pk}/{what}"


def look_at(desk: Client, file: CaseFile) -> None:
    desk.post(address_of(file, "look/"), {"ground": "order", "purpose": "核对身份信息"})


# ---- one more exposure ----------------------------------------------------------------------------------------------


def test_an_exposure_by_form_is_one_more_reason(desk: Client, officer: Person, file: CaseFile) -> None:
    declare(officer)
    number = declare(officer, key="xiangyang", name="向阳路", measure="test")
    assert address_of(file, "expose/") in desk.get(address_of(file)).content.decode()
    assert number in desk.get(address_of(file, "expose/")).content.decode()
    before = Plan.objects.filter(file=file).count()
    answer = desk.post(address_of(file, "expose/"), EXPOSURE | {"basis": number, "measure": ""})
    assert (answer.status_code, answer["Location"]) == (302, address_of(file))
    desk.post(address_of(file, "expose/"), EXPOSURE)
    found = dict(CaseExposure.objects.filter(file=file).values_list("basis", "measure"))
    assert found[number] == "test"
    assert found["form:2021-01-18"] == "home"
    assert len(found) == 3
    assert Plan.objects.filter(file=file).count() >= before
    # The same again is the same reason, not another.
    desk.post(address_of(file, "expose/"), EXPOSURE)
    assert CaseExposure.objects.filter(file=file).count() == 3


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"basis": ""}, "reason_missing"),
        ({"basis": "110112-2021-S9999"}, "reason_missing"),
        ({"measure": ""}, "measure_missing"),
        ({"last": ""}, "left_missing"),
        ({"last": "昨天"}, "bad_date"),
        ({"last": "2031-01-18"}, "in_the_future"),
        ({"arrived_at": "不详"}, "bad_date"),
    ],
)
def test_what_the_form_refuses_is_written_nowhere(
    desk: Client, file: CaseFile, changes: dict[str, str], code: str
) -> None:
    answer = desk.post(address_of(file, "expose/"), EXPOSURE | changes)
    assert answer.status_code == 400
    assert code in answer.content.decode()
    assert CaseExposure.objects.filter(file=file).count() == 1


def test_orders_of_other_offices_are_no_reason_here(desk: Client, officer: Person, file: CaseFile) -> None:
    elsewhere = make_person("elsewhere", "health_officer", "110115")
    number = declare(elsewhere)
    officer.roles.create(role="health_officer", code="110115")
    both = desk_of(Person.objects.get(pk=officer.pk))
    assert number in both.get("/outbreak/files/new/").content.decode()
    assert number not in both.get(address_of(file, "expose/")).content.decode()
    assert "reason_missing" in both.post(address_of(file, "expose/"), EXPOSURE | {"basis": number}).content.decode()


def test_who_is_not_followed_gets_no_exposure(desk: Client, officer: Person, file: CaseFile) -> None:
    actions.close_file(by=officer, now=NOW, file_id=file.pk, reason="elsewhere")
    assert address_of(file, "expose/") not in desk.get(address_of(file)).content.decode()
    assert desk.get(address_of(file, "expose/")).status_code == 409
    assert desk.post(address_of(file, "expose/"), EXPOSURE).status_code == 409
    assert CaseExposure.objects.filter(file=file).count() == 1


# ---- who it is ------------------------------------------------------------------------------------------------------


def test_only_what_was_opened_is_put_right(desk: Client, file: CaseFile, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = desk.get(address_of(file, "correct/"))
    assert (answer.status_code, answer["Location"]) == (302, address_of(file))
    assert address_of(file, "correct/") not in desk.get(address_of(file)).content.decode()
    assert desk.post(address_of(file, "correct/"), {"name": "李四"}).status_code == 302
    look_at(desk, file)
    assert address_of(file, "correct/") in desk.get(address_of(file)).content.decode()
    shown = desk.get(address_of(file, "correct/")).content.decode()
    assert ID in shown
    assert PHONE in shown
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(minutes=61))
    assert desk.post(address_of(file, "correct/"), {"name": "李四"}).status_code == 302
    assert facts_of(CaseFile.objects.get(pk=file.pk)).name == "张三"


def test_the_file_is_found_by_what_was_put_right(desk: Client, officer: Person, file: CaseFile) -> None:
    look_at(desk, file)
    told = desk.get(address_of(file, "correct/")).context["form"].initial | {"name": "张叁", "id_number": OTHER_ID}
    answer = desk.post(address_of(file, "correct/"), told)
    assert (answer.status_code, answer["Location"]) == (302, address_of(file))
    now = facts_of(CaseFile.objects.get(pk=file.pk))
    assert (now.name, now.id_number, now.phone) == ("张叁", OTHER_ID, PHONE)
    assert find(officer, OTHER_ID).get() == file
    assert not find(officer, ID).exists()
    said = " ".join(str(value) for row in AuditRecord.objects.values() for value in row.values())
    assert not [text for text in ("张叁", ID, OTHER_ID, PHONE) if text in said]


def test_of_two_who_put_right_at_once_the_second_looks_again(desk: Client, officer: Person, file: CaseFile) -> None:
    second = make_person("second", "health_officer", DISTRICT)
    other = desk_of(second)
    for one in (desk, other):
        look_at(one, file)
    mine, theirs = (dict(one.get(address_of(file, "correct/")).context["form"].initial) for one in (desk, other))
    assert desk.post(address_of(file, "correct/"), mine | {"name": "张叁"}).status_code == 302
    answer = other.post(address_of(file, "correct/"), theirs | {"phone": "13900000002"})
    assert answer.status_code == 409
    # What was typed stands there still.
    assert "facts_changed" in answer.content.decode()
    assert "13900000002" in answer.content.decode()
    now = facts_of(CaseFile.objects.get(pk=file.pk))
    assert (now.name, now.phone) == ("张叁", PHONE)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": " "}, "name_missing"),
        ({"id_number": "110112199001011234"}, "bad_id_number"),
        ({"phone": "12"}, "bad_phone"),
        ({"birth_date": "去年"}, "bad_date"),
        ({"seen": ""}, "facts_changed"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(
    desk: Client, file: CaseFile, changes: dict[str, str], code: str
) -> None:
    look_at(desk, file)
    told = dict(desk.get(address_of(file, "correct/")).context["form"].initial)
    answer = desk.post(address_of(file, "correct/"), told | changes)
    assert answer.status_code in (400, 409)
    assert code in answer.content.decode()
    assert facts_of(CaseFile.objects.get(pk=file.pk)) == facts_of(file)


def test_an_id_number_of_another_file_is_refused(desk: Client, officer: Person, file: CaseFile) -> None:
    open_them(officer, draft(id_number=OTHER_ID, name="李四", exposures=(exposure("110112-2021-S0002"),)))
    look_at(desk, file)
    told = dict(desk.get(address_of(file, "correct/")).context["form"].initial)
    answer = desk.post(address_of(file, "correct/"), told | {"id_number": OTHER_ID})
    assert answer.status_code == 409
    assert "id_in_other_file" in answer.content.decode()


@pytest.mark.parametrize("what", ["expose/", "correct/"])
def test_others_reach_neither_page(desk: Client, file: CaseFile, what: str) -> None:
    others: dict[str, Any] = {
        "neighbour": make_person("neighbour", "health_officer", OTHER),
        "worker": make_person("worker", "community_worker", file.stay),
        "supervisor": make_person("supervisor", "supervisor", DISTRICT),
    }
    for person in others.values():
        for answer in (desk_of(person).get(address_of(file, what)), desk_of(person).post(address_of(file, what))):
            assert answer.status_code in (403, 404)
    assert facts_of(CaseFile.objects.get(pk=file.pk)) == Facts(
        name="张三", id_number=ID, phone=PHONE, birth_date=facts_of(file).birth_date
    )
