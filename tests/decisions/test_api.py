"""Decisions for programs: by page, one with its work, work linked and taken away; what is refused, and to whom."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from tests.decisions.world import NOW, TODAY, TOWN, Office, make_office

from duban.access.models import Person
from duban.core import clock
from duban.decisions import actions
from duban.decisions.actions import Unit
from duban.demo.builders import make_person
from duban.ledger import mandates
from duban.outbreak import mandates as outbreak

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/decisions/"


@pytest.fixture
def office(db: None, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return make_office()


def at(person: Person) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(person)
    return client


def post(client: Client, address: str, **said: Any) -> tuple[int, dict[str, Any]]:
    answer = client.post(address, said, content_type="application/json")
    return answer.status_code, answer.json()


def test_pages_hold_every_decision_once_the_last_recorded_first(office: Office) -> None:
    made = [office.decide(f"第{number}项", now=NOW + timedelta(minutes=number // 3)) for number in range(11)]
    client, seen, cursor = at(office.leader), [], ""
    for _page in range(9):
        answer = client.get(f"{ROOT}?limit=2&cursor={cursor}").json()
        seen += answer["decisions"]
        cursor = answer["older"]
        if not cursor:
            break
    assert [one["id"] for one in seen] == [
        str(one.pk) for one in sorted(made, key=lambda one: (-one.made_at.timestamp(), one.pk))
    ]
    assert {one["standing"] for one in seen} == {"no_work"}
    for wrong in ("x", "bm9uc2Vuc2U", "%00", "9" * 2000):
        answer = client.get(f"{ROOT}?cursor={wrong}")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
    assert client.get(f"{ROOT}?show=mine").status_code == 422


def test_what_is_asked_for_is_listed_and_nothing_else(office: Office) -> None:
    late = office.decide("逾期的", due_on=TODAY - timedelta(days=1), lead=Unit("漷县镇", TOWN))
    soon = office.decide("快到的", due_on=TODAY + timedelta(days=2))
    closed = office.decide("办完的")
    entry = office.entry()
    for decision in (soon, closed):
        mandates.link_entry(by=office.supervisor, now=NOW, entry_id=entry.pk, decision_id=decision.pk)
    actions.close_decision(by=office.supervisor, now=NOW, decision_id=closed.pk, report="已落实")
    client = at(office.supervisor)
    found = {
        show: {one["text"] for one in client.get(f"{ROOT}?show={show}").json()["decisions"]}
        for show in ("all", "open", "late", "soon", "no_work", "wanting", "closed")
    }
    assert found == {
        "all": {"逾期的", "快到的", "办完的"}, "open": {"逾期的", "快到的"}, "late": {"逾期的"}, "soon": {"快到的"},
        "no_work": {"逾期的"}, "wanting": {"逾期的"}, "closed": {"办完的"},
    }  # fmt: skip
    [line] = client.get(ROOT, {"unit": "漷县镇"}).json()["decisions"]
    assert (line["id"], line["late"], line["percent"], line["pieces"]) == (str(late.pk), True, None, 0)
    assert line["lead"] == {"code": TOWN, "name": "漷县镇"}
    [led] = at(office.handler).get(ROOT).json()["decisions"]
    assert led["id"] == str(late.pk)
    assert led["meeting"] == {"id": None, "number": 98, "at": led["meeting"]["at"], "body": "防控工作领导小组"}


def test_work_of_every_kind_is_linked_shown_and_taken_away(office: Office) -> None:
    decision, (area, _files), entry = office.decide(), office.order(5), office.entry()
    works = {
        "round": f"round:{office.round().pk}",
        "order": f"order:{area.pk}",
        "sampling": f"sampling:{office.sampling().pk}",
        "need": f"need:{office.need().pk}",
        "entry": f"entry:{entry.pk}",
    }
    client, page = at(office.supervisor), f"{ROOT}{decision.pk}"
    for kind, work in works.items():
        # The same again changes nothing.
        for _time in range(2):
            by = at(office.worker) if kind == "need" else client
            status, answer = post(by, f"{page}/link", work=work)
            assert status == 200, answer
    shown = client.get(page).json()
    strands = {strand["kind"]: strand for strand in shown["strands"]}
    assert set(strands) == set(works)
    assert shown["pieces"] == 5
    assert {strand["work"][0]["work"] for strand in strands.values() if strand["work"]} <= set(works.values())
    assert (strands["entry"]["done"], strands["entry"]["of"]) == (0, 1)
    assert (strands["order"]["done"], strands["order"]["of"], strands["order"]["percent"]) == (None, None, None)
    known = at(office.officer).get(page).json()
    assert [one["of"] for one in known["strands"] if one["kind"] == "order"] == [5]
    seen_by_worker = {one["kind"]: one for one in at(office.worker).get(page).json()["strands"]}
    assert (seen_by_worker["entry"]["work"], seen_by_worker["entry"]["hidden"]) == ([], 1)
    for kind, work in works.items():
        by = at(office.worker) if kind == "need" else client
        status, answer = post(by, f"{page}/unlink", work=work)
        assert status == 200
    assert (answer["standing"], answer["strands"]) == ("no_work", [])
    assert post(client, f"{page}/link", number=entry.number)[1]["strands"][0]["kind"] == "entry"


def test_what_cannot_be_linked_is_refused_with_its_code(office: Office) -> None:
    decision, client = office.decide(), at(office.supervisor)
    page = f"{ROOT}{decision.pk}"
    for said, status, code, field in (
        ({}, 400, "unknown_work", "work"),
        ({"work": "dream:1"}, 400, "unknown_work", "work"),
        ({"work": "round:nonsense"}, 404, "work_not_found", "work"),
        ({"work": f"round:{uuid.uuid4()}"}, 404, "round_not_found", None),
        ({"number": "110112-2021-999999"}, 404, "entry_not_found", "number"),
        ({"work": "sampling:-1"}, 404, "level_not_found", None),
        ({"task": "x"}, 422, "malformed", "sent.task"),
        ({"work": "x" * 200}, 422, "malformed", "sent.work"),
    ):
        for step in ("link", "unlink"):
            answer = post(client, f"{page}/{step}", **said)
            assert (answer[0], answer[1]["code"], answer[1].get("field")) == (status, code, field), said
    entry = office.entry()
    actions.withdraw_decision(by=office.supervisor, now=NOW, decision_id=decision.pk, reason="情况变了")
    assert post(client, f"{page}/link", work=f"entry:{entry.pk}")[1]["code"] == "decision_over"
    assert client.get(page).json()["standing"] == "withdrawn"
    assert client.get(page).json()["report"] == "情况变了"


def test_who_does_not_see_or_link_is_told_so(office: Office) -> None:
    decision, entry = office.decide(lead=Unit("漷县镇", TOWN)), office.entry()
    page = f"{ROOT}{decision.pk}"
    for person in (office.leader, office.handler):
        assert at(person).get(page).status_code == 200
        assert post(at(person), f"{page}/link", work=f"entry:{entry.pk}")[0] == 403
    far = at(make_person("far", at="110113"))
    assert far.get(ROOT).json() == {"decisions": [], "older": ""}
    assert far.get(page).json()["code"] == post(far, f"{page}/link", work="x:y")[1]["code"] == "decision_not_found"
    assert at(make_person("publishes", "publisher")).get(ROOT).json()["code"] == "not_allowed"
    assert Client().get(ROOT).status_code == 401


def test_a_page_of_many_costs_no_more_queries_than_of_few(
    office: Office, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    (area, _files), client = office.order(3), at(office.leader)
    for number in range(30):
        decision = office.decide(f"第{number}项")
        if number % 2:
            outbreak.link_order(by=office.supervisor, now=NOW, area_id=area.pk, decision_id=decision.pk)
    with django_assert_max_num_queries(20):
        assert len(client.get(f"{ROOT}?limit=200").json()["decisions"]) == 30
