"""The ledger's API: who may, replays and conflicts, and bodies that no honest program sends."""

import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ledger.conftest import LATER

from duban.access.models import Person
from duban.demo.builders import make_jpeg, make_person, make_photo
from duban.evidence.models import Photo
from duban.ledger import actions
from duban.ledger.models import Entry, EntryPhoto

MakeEntry = Callable[[str], Entry]
BASE = "/api/v1/entries"
NOWHERE = uuid.UUID("00000000-0000-4000-8000-000000000000")
SEES = {"inspector", "handler", "supervisor", "publisher", "leader", "administrator"}


def program(person: Person | None) -> Client:
    client = Client(raise_request_exception=False, headers={"accept-language": "en"})
    if person is not None:
        client.force_login(person)
    return client


def send(client: Client, method: str, path: str, body: Any = None) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return getattr(client, method)(f"{BASE}{path}", raw, content_type="application/json")


def finding(**changes: Any) -> dict[str, Any]:
    said = {
        "category": "06010",
        "lon": 116.8,
        "lat": 39.8,
        "datum": "wgs84",
        "found_at": "2021-01-18T09:30:00+08:00",
        "description": "村口垃圾",
    } | changes
    return {key: value for key, value in said.items() if value is not ...}


# ---- who may --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [*sorted(SEES), "health_officer", "community_worker", "stranger", "town_handler"])
def test_reading_shows_each_role_what_its_page_shows(people: dict[str, Person], entry_in: MakeEntry, role: str) -> None:
    entry = entry_in("found")
    client = program(people[role])
    listed, one = client.get(f"{BASE}/"), client.get(f"{BASE}/{entry.pk}")
    if role in SEES:
        assert [found["number"] for found in listed.json()["entries"]] == [entry.number]
        assert one.json()["number"] == entry.number
    else:
        assert one.status_code == 404
        assert one.json()["code"] == "entry_not_found"
        assert listed.status_code == 403 or listed.json()["entries"] == []


@pytest.mark.parametrize(("method", "path"), [("get", "/"), ("get", f"/{NOWHERE}"), ("put", f"/{NOWHERE}")])
def test_who_is_not_logged_in_is_told_in_json(db: None, method: str, path: str) -> None:
    response = send(program(None), method, path, finding()) if method == "put" else program(None).get(f"{BASE}{path}")
    assert response.status_code == 401
    assert response.json()["code"] == "login_required"


def test_a_write_without_its_token_is_refused(people: dict[str, Person]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["inspector"])
    assert send(client, "put", f"/{NOWHERE}", finding()).status_code == 403
    assert not Entry.objects.exists()


@pytest.mark.parametrize("role", ["handler", "publisher", "leader", "administrator", "health_officer", "stranger"])
def test_only_who_records_here_puts_a_finding(people: dict[str, Person], role: str) -> None:
    person = people[role]
    response = send(program(person), "put", f"/{NOWHERE}", finding())
    if role == "stranger":
        # Without layers a place lies where its finder works, so the stranger records it for their own county.
        assert response.status_code == 201
        assert response.json()["jurisdiction"]["code"] == "110113"
    else:
        assert response.status_code == 403
        assert response.json()["code"] == "not_allowed"


@pytest.mark.parametrize("action", sorted(actions.VERBS))
def test_every_step_is_there_and_refuses_who_may_not(
    people: dict[str, Person], entry_in: MakeEntry, action: str
) -> None:
    entry = entry_in("found")
    more = {
        "remedy": {"photos": []},
        "merge": {"into": str(NOWHERE)},
        "add_photo": {"photo": entry.photos.get().photo_id},
        "split": {"units": ["110112106", "110112110"]},
    }
    response = send(program(people["leader"]), "post", f"/{entry.pk}/{action}", more.get(action, {}))
    assert response.status_code == 403
    assert response.json()["code"] == "not_allowed"
    hidden = send(program(people["town_supervisor"]), "post", f"/{entry.pk}/{action}", more.get(action, {}))
    assert hidden.json()["code"] in {"entry_not_found", "photo_not_stored"}


# ---- the way of an entry --------------------------------------------------------------------------------------------


def test_a_replay_gives_the_first_answer_and_other_content_is_a_conflict(people: dict[str, Person]) -> None:
    client = program(people["inspector"])
    first = send(client, "put", f"/{NOWHERE}", finding())
    again = send(client, "put", f"/{NOWHERE}", finding())
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = send(client, "put", f"/{NOWHERE}", finding(description="别的"))
    assert other.status_code == 409
    assert other.json()["code"] == "finding_conflict"
    assert Entry.objects.count() == 1


@pytest.mark.skipif(connection.vendor == "sqlite", reason="writers of SQLite wait for one another from the start")
@pytest.mark.django_db(transaction=True)
def test_the_same_finding_sent_twice_at_once_is_recorded_once(people: dict[str, Person]) -> None:
    together = threading.Barrier(4)
    answers: list[int] = []

    def put() -> None:
        client = program(people["inspector"])
        together.wait()
        answers.append(send(client, "put", f"/{NOWHERE}", finding()).status_code)
        connection.close()

    threads = [threading.Thread(target=put) for _turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 200, 200, 201]
    assert Entry.objects.count() == 1


def test_a_late_photo_attaches_by_replay(people: dict[str, Person]) -> None:
    client = program(people["inspector"])
    send(client, "put", f"/{NOWHERE}", finding())
    photo = make_photo(1, by=people["inspector"])
    response = send(client, "put", f"/{NOWHERE}", finding(photos=[photo]))
    assert response.status_code == 200
    assert response.json()["photos"]["before"] == [photo]


def test_an_entry_goes_its_whole_way_over_the_api(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry, other = entry_in("found"), entry_in("found")
    supervisor, handler = program(people["supervisor"]), program(people["handler"])
    proof = make_photo(70, by=people["handler"])
    seen = entry.event_count
    way = [
        (supervisor, "list", {}, "listed"),
        (supervisor, "amend", {"category": "积存垃圾渣土", "statement": "村北", "reason": "看错"}, "listed"),
        (supervisor, "add_photo", {"photo": make_photo(71, by=people["supervisor"])}, "listed"),
        (supervisor, "assign", {"unit": "110112000000", "due_at": "2999-01-01T00:00:00+08:00"}, "assigned"),
        (handler, "return", {"reason": "不是本单位"}, "listed"),
        (supervisor, "assign", {}, "assigned"),
        (handler, "remedy", {"photos": [proof], "reason": "已清"}, "remedied"),
        (supervisor, "reject", {"reason": "没清完"}, "assigned"),
        (handler, "remedy", {"photos": [make_photo(72, by=people["handler"])]}, "remedied"),
        (supervisor, "close", {}, "closed"),
    ]
    for client, action, body, state in way:
        response = send(client, "post", f"/{entry.pk}/{action}", {"seen": seen} | body)
        assert response.status_code == 200, response.json()
        assert response.json()["state"] == state
        seen = response.json()["seen"]
    detail = supervisor.get(f"{BASE}/{entry.pk}").json()
    assert [event["action"] for event in detail["history"]] == ["record", *(step[1] for step in way)]
    assert detail["history"][-1]["hash"] == detail["head_hash"]
    assert {step["action"] for step in detail["steps"]} == set(actions.VERBS)
    third = entry_in("found")
    merged = send(supervisor, "post", f"/{other.pk}/merge", {"into": str(third.pk)})
    assert merged.json()["merged_into"] == str(third.pk)
    assert send(supervisor, "post", f"/{entry_in('found').pk}/void", {"reason": "误报"}).json()["state"] == "void"


def test_a_step_on_what_has_changed_since_is_a_conflict(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("remedied")
    response = send(program(people["supervisor"]), "post", f"/{entry.pk}/close", {"seen": entry.event_count - 1})
    assert response.status_code == 409
    assert response.json()["code"] == "entry_changed"


def test_giving_back_answers_although_the_entry_went_out_of_sight(
    people: dict[str, Person], entry_in: MakeEntry
) -> None:
    entry = entry_in("listed")
    actions.assign_entry(by=people["supervisor"], now=LATER, entry_id=entry.pk, unit="110112106")
    body = {"reason": "属于宋庄", "unit": "110112104"}
    response = send(program(people["town_handler"]), "post", f"/{entry.pk}/return", body)
    assert response.status_code == 200
    assert response.json()["responsible"]["code"] == "110112104"


def test_a_public_hash_does_not_open_the_original(people: dict[str, Person], entry_in: MakeEntry) -> None:
    """A bulletin prints the hash of the original; attaching it to an entry of one's own must not show the file."""
    secret = entry_in("closed").photos.first().photo_id
    outsider = make_person("outsider", "inspector", "110113")
    response = send(program(outsider), "put", f"/{NOWHERE}", finding(photos=[secret]))
    assert response.status_code == 400
    assert response.json()["code"] == "photo_not_stored"
    assert not EntryPhoto.objects.filter(entry_id=NOWHERE).exists()


def test_the_list_is_filtered_and_paged(people: dict[str, Person], entry_in: MakeEntry) -> None:
    made = [entry_in("found").number for _turn in range(5)]
    client = program(people["leader"])
    seen: list[str] = []
    cursor = ""
    while True:
        answer = client.get(f"{BASE}/", {"state": "found", "sort": "number", "limit": 2, "cursor": cursor}).json()
        seen += [entry["number"] for entry in answer["entries"]]
        cursor = answer["older"]
        if not cursor:
            break
    assert seen == made
    assert client.get(f"{BASE}/", {"state": "closed"}).json()["entries"] == []


def test_categories_are_told(people: dict[str, Person]) -> None:
    told = program(people["inspector"]).get(f"{BASE}/categories").json()
    assert {"kind": "event", "code": "06010", "name": "暴露垃圾", "name_en": "Exposed rubbish"} in told


# ---- bad input ------------------------------------------------------------------------------------------------------

BAD_QUERIES = [
    ({"state": "lost"}, 400, "unknown_state"),
    ({"area": "x"}, 400, "bad_code"),
    ({"category": "x"}, 400, "unknown_category"),
    ({"category": "06010:event"}, 400, "unknown_category"),
    ({"overdue": "true"}, 400, "bad_flag"),
    ({"sort": "id"}, 400, "bad_sort"),
    ({"cursor": "x"}, 400, "bad_cursor"),
    ({"cursor": "\x00"}, 400, "bad_cursor"),
    ({"text": "字" * 101}, 400, "text_too_long"),
    ({"limit": "0"}, 422, "malformed"),
    ({"limit": "201"}, 422, "malformed"),
    ({"limit": "many"}, 422, "malformed"),
]


@pytest.mark.parametrize(("query", "status", "code"), BAD_QUERIES)
def test_a_bad_question_is_told(people: dict[str, Person], query: dict, status: int, code: str) -> None:
    response = program(people["supervisor"]).get(f"{BASE}/", query)
    assert (response.status_code, response.json()["code"]) == (status, code)


BAD_FINDINGS: list[tuple[Any, int, str]] = [
    (b"", 422, "malformed"),
    (b"{", 400, "not_json"),
    (b"\xff\xfe", 400, "not_json"),
    (b"[" * 100_000, 400, "not_json"),
    (b'{"lon": ' + b"9" * 5000 + b"}", 400, "not_json"),
    (b"null", 422, "malformed"),
    (b"[]", 422, "malformed"),
    (b'"finding"', 422, "malformed"),
    (b"NaN", 422, "malformed"),
    ({}, 422, "malformed"),
    (finding(category=...), 422, "malformed"),
    (finding(lon=...), 422, "malformed"),
    (finding(found_at=...), 422, "malformed"),
    (finding(lon="116.8"), 422, "malformed"),
    (finding(lon=True), 422, "malformed"),
    (finding(lon=None), 422, "malformed"),
    (finding(lon=[116.8]), 422, "malformed"),
    (finding(lon=float("nan")), 422, "malformed"),
    (finding(lat=float("inf")), 422, "malformed"),
    (finding(lat=float("-inf")), 422, "malformed"),
    (finding(lon=10**400), 422, "malformed"),
    (finding(lon=1e308), 400, "bad_longitude"),
    (finding(lon=-180.1), 400, "bad_longitude"),
    (finding(lon=39.8, lat=116.8), 400, "bad_latitude"),
    (finding(lon=0, lat=0), 400, "no_position"),
    (finding(datum="nad27"), 400, "unknown_datum"),
    (finding(datum=84), 422, "malformed"),
    (finding(category=6010), 422, "malformed"),
    (finding(category=""), 400, "category_missing"),
    (finding(category="00000"), 400, "unknown_category"),
    (finding(category="x" * 101), 422, "malformed"),
    (finding(found_at=0), 422, "malformed"),
    (finding(found_at=1e300), 422, "malformed"),
    (finding(found_at="yesterday"), 422, "malformed"),
    (finding(found_at="0001-01-01T00:00:00+14:00"), 422, "malformed"),
    (finding(found_at="9999-12-31T23:59:59-12:00"), 422, "malformed"),
    (finding(found_at="2021-02-30T00:00"), 422, "malformed"),
    (finding(found_at="2999-01-01T00:00:00Z"), 400, "found_in_future"),
    (finding(found_at="1980-01-01"), 400, "found_too_early"),
    (finding(description="长" * 2001), 400, "description_too_long"),
    (finding(description="长" * 100_000), 422, "malformed"),
    (finding(description="a\x00b"), 422, "malformed"),
    (finding(description="\ud800"), 422, "malformed"),
    (finding(description=None), 422, "malformed"),
    (finding(statement="长" * 301), 400, "statement_too_long"),
    (finding(statement="\x00"), 422, "malformed"),
    (finding(responsible="x"), 400, "bad_code"),
    (finding(responsible="１１０１１２"), 400, "bad_code"),
    (finding(responsible="\ud800"), 422, "malformed"),
    (finding(position_source="guess"), 422, "malformed"),
    (finding(accuracy_m=-1), 400, "bad_accuracy"),
    (finding(accuracy_m=float("nan")), 422, "malformed"),
    (finding(accuracy_m="8"), 422, "malformed"),
    (finding(photos="x"), 422, "malformed"),
    (finding(photos=["x"]), 422, "malformed"),
    (finding(photos=["A" * 64]), 422, "malformed"),
    (finding(photos=["a" * 64 + "\n"]), 422, "malformed"),
    (finding(photos=["a" * 64]), 400, "photo_not_stored"),
    (finding(photos=["a" * 64] * 51), 422, "malformed"),
    (finding(descripton="typo"), 422, "malformed"),
    (finding(id=str(uuid.uuid4())), 422, "malformed"),
    (finding(**{"\ud800": 1}), 422, "malformed"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD_FINDINGS)
def test_a_bad_body_gets_its_code_and_records_nothing(
    people: dict[str, Person], body: Any, status: int, code: str
) -> None:
    response = send(program(people["inspector"]), "put", f"/{NOWHERE}", body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert set(response.json()) <= {"code", "message", "field", "row"}
    assert response.json()["message"]
    assert not Entry.objects.exists()


BAD_STEPS: list[tuple[str, str, str, Any, int, str]] = [
    ("found", "supervisor", "list", {"seen": "1"}, 422, "malformed"),
    ("found", "supervisor", "list", {"seen": -1}, 422, "malformed"),
    ("found", "supervisor", "list", {"seen": 2**63}, 422, "malformed"),
    ("found", "supervisor", "list", {"seen": 1.5}, 422, "malformed"),
    ("found", "supervisor", "list", {"reason": "x"}, 422, "malformed"),
    ("found", "supervisor", "list", [], 422, "malformed"),
    ("found", "supervisor", "close", {}, 409, "wrong_state"),
    ("found", "supervisor", "void", {}, 400, "reason_missing"),
    ("found", "supervisor", "void", {"reason": 1}, 422, "malformed"),
    ("found", "supervisor", "void", {"reason": "长" * 2001}, 400, "reason_too_long"),
    ("found", "supervisor", "void", {"reason": "\x00"}, 422, "malformed"),
    ("found", "supervisor", "merge", {}, 422, "malformed"),
    ("found", "supervisor", "merge", {"into": "x"}, 422, "malformed"),
    ("found", "supervisor", "merge", {"into": str(NOWHERE)}, 400, "bad_merge_target"),
    ("found", "supervisor", "amend", {}, 400, "nothing_to_amend"),
    ("found", "supervisor", "amend", {"category": "x"}, 400, "unknown_category"),
    ("found", "supervisor", "amend", {"statement": ""}, 400, "bad_statement"),
    ("found", "supervisor", "amend", {"lon": 1.0}, 422, "malformed"),
    ("found", "supervisor", "add_photo", {}, 422, "malformed"),
    ("found", "supervisor", "add_photo", {"photo": "b" * 64}, 400, "photo_not_stored"),
    ("listed", "supervisor", "assign", {"unit": "x"}, 400, "bad_code"),
    ("listed", "supervisor", "assign", {"unit": "110113"}, 403, "not_allowed"),
    ("listed", "supervisor", "assign", {"due_at": "2020-01-01T00:00:00Z"}, 400, "due_in_past"),
    ("listed", "supervisor", "assign", {"due_at": "9999-12-31T23:59:59-12:00"}, 422, "malformed"),
    ("assigned", "handler", "remedy", {}, 422, "malformed"),
    ("assigned", "handler", "remedy", {"photos": []}, 400, "after_photo_missing"),
    ("assigned", "handler", "remedy", {"photos": ["c" * 64]}, 400, "photo_not_stored"),
    ("assigned", "handler", "return", {}, 400, "reason_missing"),
    ("assigned", "handler", "return", {"reason": "不是", "unit": "x"}, 400, "bad_code"),
    ("remedied", "supervisor", "reject", {"reason": "  "}, 400, "reason_missing"),
]


@pytest.mark.parametrize(("state", "role", "action", "body", "status", "code"), BAD_STEPS)
def test_a_bad_step_gets_its_code_and_changes_nothing(
    people: dict[str, Person],
    entry_in: MakeEntry,
    state: str,
    role: str,
    action: str,
    body: Any,
    status: int,
    code: str,
) -> None:
    entry = entry_in(state)
    response = send(program(people[role]), "post", f"/{entry.pk}/{action}", body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert Entry.objects.get(pk=entry.pk).event_count == entry.event_count


def test_the_photo_of_the_finding_is_no_proof(people: dict[str, Person], entry_in: MakeEntry) -> None:
    entry = entry_in("assigned")
    body = {"photos": [entry.photos.get().photo_id]}
    response = send(program(people["handler"]), "post", f"/{entry.pk}/remedy", body)
    assert response.json()["code"] == "after_is_before"


@pytest.mark.parametrize("path", ["/x", "/123", f"/{NOWHERE}/erase", f"/{NOWHERE}x"])
def test_an_address_that_is_none_is_a_404(people: dict[str, Person], path: str) -> None:
    assert send(program(people["supervisor"]), "post", path, {}).status_code in {404, 405}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=40)
    | st.sampled_from(["wgs84", "06010", "110112", "2021-01-18", "9999-12-31T23:59-12:00", "a" * 64, str(NOWHERE)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["category", "lon", "lat", "datum", "found_at", "description", "statement", "responsible", "accuracy_m"]
FIELDS += ["position_source", "photos", "seen", "reason", "unit", "units", "until", "due_at", "into", "photo"]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(changes=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4), action=st.sampled_from(["", *actions.VERBS]))
def test_whatever_is_sent_is_answered_and_never_breaks(
    people: dict[str, Person], entry_in: MakeEntry, changes: dict[str, Any], action: str
) -> None:
    client = program(people["supervisor"])
    if action:
        entry = Entry.objects.order_by("-recorded_at").filter(state="found").first() or entry_in("found")
        response = send(client, "post", f"/{entry.pk}/{action}", changes)
    else:
        response = send(client, "put", f"/{uuid.uuid4()}", finding() | changes)
    assert response.status_code < 500, response.content[:500]
    if response.status_code >= 400:
        assert set(response.json()) <= {"code", "message", "field", "row"}


def test_a_photo_is_sent_by_its_hash_before_the_finding(people: dict[str, Person]) -> None:
    client = program(people["inspector"])
    data = make_jpeg(80)
    photo = make_photo(80, by=people["inspector"])
    Photo.objects.filter(pk=photo).delete()
    stored = client.put(f"/api/v1/evidence/{photo}", data, content_type="image/jpeg")
    assert stored.status_code == 200
    response = send(client, "put", f"/{NOWHERE}", finding(photos=[photo]))
    assert response.status_code == 201
    assert response.json()["photos"]["before"] == [photo]
