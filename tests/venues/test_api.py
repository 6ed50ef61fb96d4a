"""The register for programs."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from duban.access.models import Person
from duban.core.models import AuditRecord
from duban.demo.builders import make_person
from duban.venues.models import Venue

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/venues"
TOWN, OTHER = "110112110", "110112106"
ONE = uuid.UUID(int=11)
BODY = {"name": "好味面馆", "venue_type": "restaurant", "jurisdiction": TOWN}


@pytest.fixture
def client(supervisor: Person, client_of: Callable[[Person], Client]) -> Client:
    return client_of(supervisor)


def send(client: Client, method: str, address: str, body: Any = None) -> Any:
    return getattr(client, method)(f"{ROOT}{address}", data=json.dumps(body or {}), content_type="application/json")


def test_a_venue_is_put_read_changed_closed_and_opened_again(client: Client) -> None:
    contact = {"name": "张建国", "phone": "13800001234"}
    made = send(client, "put", f"/{ONE}", {**BODY, "lon": 116.8, "lat": 39.8, "contact": contact})
    assert made.status_code == 201
    assert made.json() | {"created_at": "", "seen": ""} == {
        "id": str(ONE), "name": "好味面馆", "venue_type": "restaurant", "jurisdiction": TOWN, "jurisdiction_name": "",
        "town": TOWN, "address": "", "statement": made.json()["statement"], "lon": 116.8, "lat": 39.8,
        "has_contact": True, "created_at": "", "closed_at": None, "seen": "",
    }  # fmt: skip
    assert send(client, "put", f"/{ONE}", BODY).status_code == 200
    assert client.get(f"{ROOT}/{ONE}").json() == made.json()
    changed = send(client, "patch", f"/{ONE}", {"address": "幸福街1号", "seen": made.json()["seen"]})
    assert (changed.status_code, changed.json()["address"]) == (200, "幸福街1号")
    stale = send(client, "patch", f"/{ONE}", {"name": "x", "seen": made.json()["seen"]})
    assert (stale.status_code, stale.json()["code"]) == (409, "venue_changed")
    assert send(client, "post", f"/{ONE}/close").json()["closed_at"]
    assert send(client, "post", f"/{ONE}/close").json()["code"] == "venue_closed"
    assert send(client, "post", f"/{ONE}/reopen").json()["closed_at"] is None
    opened = send(client, "post", f"/{ONE}/contact", {"purpose": "visit"})
    assert opened.json() == contact
    assert AuditRecord.objects.get(action="open_contact").detail == {"purpose": "visit"}
    send(client, "patch", f"/{ONE}", {"contact": {}})
    assert Venue.objects.get().contact is None
    assert send(client, "post", f"/{ONE}/contact", {"purpose": "visit"}).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": ""}, 400, "name_missing"),
        ({"venue_type": "casino"}, 400, "unknown_venue_type"),
        ({"lon": 116.8}, 400, "position_incomplete"),
        ({"jurisdiction": "310101"}, 403, "outside_scope"),
        ({"jurisdiction": "1"}, 400, "bad_code"),
        ({"lon": "116.8", "lat": 39.8}, 422, "malformed"),
        ({"lon": 116.8, "lat": 39.8, "datum": "utm"}, 400, "unknown_datum"),
        ({"nmae": "x"}, 422, "malformed"),
        ({"name": "a\x00"}, 422, "malformed"),
        ({"name": 5}, 422, "malformed"),
        ({"contact": {"phone": "x"}}, 400, "bad_phone"),
    ],
)
def test_what_is_wrong_is_said(client: Client, body: dict[str, Any], status: int, code: str) -> None:
    answer = send(client, "put", f"/{ONE}", BODY | body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Venue.objects.exists()


def test_the_same_id_for_another_venue_is_a_conflict(client: Client) -> None:
    send(client, "put", f"/{ONE}", BODY)
    answer = send(client, "put", f"/{ONE}", BODY | {"name": "另一家"})
    assert (answer.status_code, answer.json()["code"]) == (409, "venue_conflict")


def test_the_list_goes_by_pages_and_questions(client: Client) -> None:
    for number in range(5):
        place = TOWN if number else OTHER
        send(client, "put", f"/{uuid.UUID(int=number + 1)}", BODY | {"name": f"店{number}", "jurisdiction": place})
    first = client.get(f"{ROOT}/?size=2").json()
    assert [one["name"] for one in first["venues"]] == ["店0", "店1"]
    second = client.get(f"{ROOT}/?size=2&cursor={first['later']}").json()
    assert [one["name"] for one in second["venues"]] == ["店2", "店3"]
    assert client.get(f"{ROOT}/?size=2&cursor={second['earlier']}").json()["venues"] == first["venues"]
    assert [one["name"] for one in client.get(f"{ROOT}/?text=dian4").json()["venues"]] == ["店4"]
    assert [one["name"] for one in client.get(f"{ROOT}/?area={OTHER}").json()["venues"]] == ["店0"]
    assert client.get(f"{ROOT}/?size=0").status_code == 422
    assert client.get(f"{ROOT}/?cursor=x").json()["code"] == "bad_cursor"
    assert client.get(f"{ROOT}/?kind=x").json()["code"] == "unknown_venue_type"
    assert client.get(f"{ROOT}/points?bbox=116,39,117,41&zoom=9").json()["count"] == 0
    assert client.get(f"{ROOT}/points?bbox=1&zoom=9").json()["code"] == "bad_box"
    assert "netcafe" in {kind["key"] for kind in client.get(f"{ROOT}/types").json()}


def test_hidden_and_absent_answer_alike(client: Client, client_of: Callable[[Person], Client]) -> None:
    send(client, "put", f"/{ONE}", BODY | {"jurisdiction": OTHER})
    elsewhere = client_of(make_person("elsewhere", "supervisor", TOWN))
    for method, end, body in (
        ("get", "", None), ("patch", "", {"name": "x"}), ("post", "/close", {}), ("post", "/reopen", {}),
        ("post", "/contact", {"purpose": "visit"}),
    ):  # fmt: skip
        answers = []
        for key in (ONE, uuid.UUID(int=99)):
            answer = (
                elsewhere.get(f"{ROOT}/{key}") if method == "get" else send(elsewhere, method, f"/{key}{end}", body)
            )
            answers.append((answer.status_code, answer.content))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404


def test_who_sees_no_venues_gets_no_list(client_of: Callable[[Person], Client]) -> None:
    worker = client_of(make_person("worker", "community_worker"))
    assert worker.get(f"{ROOT}/").status_code == 403
    assert worker.get(f"{ROOT}/points?bbox=1,1,2,2&zoom=3").status_code == 403
