"""The API of visits: replay, conflict, bodies that no honest program sends, and who sees what."""

import base64
import json
import uuid
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from tests.patrol.visiting import TOWN, make_venue, settle, visited

from duban.access.models import Person
from duban.core import clock
from duban.demo.builders import NOON, make_person, make_photo, make_signature
from duban.patrol.checklists import lists_for
from duban.patrol.models import Failure, Item, Visit
from duban.patrol.queries import open_failures_of
from duban.venues.models import Venue

pytestmark = pytest.mark.django_db
BASE = "/api/v1/patrol"
ID = uuid.UUID(int=0xB2)


@pytest.fixture
def inspector(db: None, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    return make_person("inspector", "inspector", "110112")


@pytest.fixture
def venue(inspector: Person) -> Venue:
    return make_venue(by=inspector)


def program(person: Person) -> Client:
    client = Client(raise_request_exception=False, headers={"accept-language": "en"})
    client.force_login(person)
    return client


def body(at_venue: Venue, /, **changes: Any) -> dict[str, Any]:
    version = next(one for one in lists_for(at_venue.kind_id) if one.checklist.key == "epidemic-catering")
    told = {"temperature": "fail"} | changes.pop("results", {})
    keys = Item.objects.filter(version=version).values_list("key", flat=True)
    said = {
        "venue": str(at_venue.pk),
        "version": str(version.pk),
        "visited_at": "2021-01-18T10:00:00+08:00",
        "finished_at": "2021-01-18T10:20:00+08:00",
        "answers": [{"item": key, "result": told.get(key, "pass")} for key in keys],
    }
    return said | changes


def put(client: Client, sent: Any, visit_id: uuid.UUID = ID) -> Any:
    return client.put(f"{BASE}/visits/{visit_id}", json.dumps(sent), content_type="application/json")


def test_a_visit_put_again_is_the_same(inspector: Person, venue: Venue) -> None:
    client = program(inspector)
    photo = make_photo(3, by=inspector)
    sent = body(venue, note="已告知", signed_as="owner", signature=base64.b64encode(make_signature()).decode())
    sent["place"] = {"lon": 116.72, "lat": 39.95, "accuracy_m": 8}
    sent["answers"][0] |= {"result": "fail", "photos": [photo], "note": "未扫码"}
    first, again = put(client, sent), put(client, sent)
    assert (first.status_code, again.status_code) == (201, 200)
    told = first.json()
    assert told == again.json()
    assert (told["state"], told["failed"], told["checks"], told["signed"]) == ("finished", 2, 8, True)
    assert told["answers"][0]["photos"] == [photo]
    assert Failure.objects.count() == 2
    for change in ({"note": "另一"}, {"finished_at": "2021-01-18T10:21:00+08:00"}):
        other = put(client, sent | change)
        assert (other.status_code, other.json()["code"]) == (409, "visit_id_taken")
    assert client.get(f"{BASE}/visits/{ID}").json() == told


def test_a_recheck_put(inspector: Person, venue: Venue) -> None:
    settle(inspector, visited(venue, -600, masks="fail", temperature="fail"))
    chosen = open_failures_of(venue).get(key="masks")
    sent = body(venue, version=None, recheck=[str(chosen.pk)], answers=[{"item": "masks", "result": "pass"}])
    told = put(program(inspector), sent).json()
    assert told["rechecks"] == [{"failure": str(chosen.pk), "item": "masks", "result": "stands"}]
    assert [one.key for one in open_failures_of(venue)] == ["temperature"]
    again = put(program(inspector), sent)
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"venue": str(uuid.UUID(int=1))}, 404, "unknown_venue"),
        ({"venue": "x"}, 422, "malformed"),
        ({"version": None}, 400, "bad_checklist"),
        ({"recheck": [str(uuid.UUID(int=1))]}, 400, "bad_recheck"),
        ({"visited_at": "2021-01-18T10:00:00"}, 422, "malformed"),
        ({"visited_at": "2021-01-18T11:00:00+08:00"}, 400, "bad_time"),
        ({"answers": [{"item": "masks", "result": "pass"}]}, 400, "answer_needed"),
        ({"answers": [{"item": "none", "result": "pass"}]}, 400, "unknown_item"),
        ({"answers": [{"item": "masks", "result": "odd"}]}, 400, "bad_result"),
        ({"answers": [{"item": "masks", "value": {"a": 1}}]}, 422, "malformed"),
        ({"results": {"masks": "fail"}}, 400, "photo_needed"),
        ({"place": {"lon": 200, "lat": 0}}, 400, "bad_position"),
        ({"signature": "%%%", "signed_as": "owner"}, 400, "bad_signature"),
        ({"signature": "AAAA", "signed_as": "owner"}, 400, "bad_signature"),
        ({"signed_as": "king"}, 400, "bad_signed_as"),
        ({"note": "\x00"}, 422, "malformed"),
        ({"extra": 1}, 422, "malformed"),
    ],
)
def test_bodies_that_are_refused(
    inspector: Person, venue: Venue, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = put(program(inspector), body(venue, **changes))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Visit.objects.exists()


class AnyBody(TestCase):
    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        value=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=6,
        ),
        where=st.sampled_from(["answers", "value", "place", "recheck", "visited_at", "signature", "version", "photos"]),
    )
    def test_no_body_breaks_it(self, value: Any, where: str) -> None:
        person = Person.objects.filter(username="inspector").first() or make_person("inspector", "inspector")
        venue = Venue.objects.first() or make_venue(by=person)
        sent = body(venue)
        if where in {"value", "photos"}:
            sent["answers"][0] = {"item": "masks", where: value}
        else:
            sent[where] = value
        assert put(program(person), sent, uuid.uuid4()).status_code in {200, 201, 400, 404, 409, 422}


def test_lists_in_pages(inspector: Person) -> None:
    shops = [make_venue() for _n in range(3)]
    visits = [visited(shops[n % 3], -n, masks="fail" if n == 3 else "pass") for n in range(7)]
    settle(inspector, *visits)
    client = program(inspector)
    seen, after = [], ""
    while True:
        page = client.get(f"{BASE}/visits", {"limit": 3, "after": after}).json()
        seen += [one["id"] for one in page["visits"]]
        after = page["after"]
        if not after:
            break
    assert seen == [str(visit.pk) for visit in visits]
    assert [one["id"] for one in client.get(f"{BASE}/visits", {"failed": "1"}).json()["visits"]] == [str(visits[3].pk)]
    assert client.get(f"{BASE}/visits", {"from": "odd"}).json()["code"] == "bad_question"
    failures = client.get(f"{BASE}/failures", {"state": "all"}).json()["failures"]
    assert [(one["item"], one["visit"]) for one in failures] == [("masks", str(visits[3].pk))]
    assert client.get(f"{BASE}/failures", {"venue": str(shops[1].pk), "state": "closed"}).json()["failures"] == []


def test_who_sees_and_takes_back(inspector: Person, venue: Venue) -> None:
    assert put(program(inspector), body(venue)).status_code == 201
    stranger = program(make_person("stranger", "supervisor", "110113"))
    assert stranger.get(f"{BASE}/visits/{ID}").status_code == 404
    assert stranger.get(f"{BASE}/visits").json()["visits"] == []
    assert stranger.get(f"{BASE}/failures").json()["failures"] == []
    assert program(make_person("officer", "health_officer")).get(f"{BASE}/visits").status_code == 403
    handler = program(make_person("handler", "handler", TOWN))
    assert handler.get(f"{BASE}/visits/{ID}").status_code == 200
    assert put(handler, body(venue), uuid.uuid4()).status_code == 403
    supervisor = program(make_person("supervisor"))
    address, why = f"{BASE}/visits/{ID}/void", json.dumps({"reason": "走错"})
    assert handler.post(address, why, content_type="application/json").status_code == 403
    assert stranger.post(address, why, content_type="application/json").status_code == 404
    told = supervisor.post(address, why, content_type="application/json").json()
    assert (told["state"], told["void_reason"]) == ("void", "走错")
    assert not Failure.objects.exists()
