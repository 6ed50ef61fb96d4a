"""Check-lists through the API."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from tests.patrol.forms import assessment, cells_of

from duban.core import clock
from duban.demo.builders import NOON, make_person
from duban.patrol.models import CheckList

pytestmark = pytest.mark.django_db
HERE = "/api/v1/patrol/checklists"


class Caller:
    def __init__(self, role: str) -> None:
        self.client = Client(headers={"accept-language": "en"})
        self.client.force_login(make_person(role, role, "110112"))

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        sent: dict[str, Any] = {}
        if isinstance(body, bytes):
            sent = {"data": body, "content_type": "application/octet-stream"}
        elif body is not None:
            sent = {"data": json.dumps(body), "content_type": "application/json"}
        answer = getattr(self.client, method)(HERE + path, **sent)
        return answer.status_code, json.loads(answer.content) if answer.content else None


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Caller:
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(days=1))
    return Caller("supervisor")


def test_lists_are_told_by_type_of_venue(call: Caller) -> None:
    _status, answer = call("get", "")
    assert len(answer["checklists"]) == 8
    _status, answer = call("get", "?venue_type=salon")
    assert [one["key"] for one in answer["checklists"]] == ["epidemic-services", "hygiene-services", "safety"]
    _status, safety = call("get", "/safety")
    assert (safety["version"], safety["state"], safety["effective_from"]) == (1, "in_use", "2020-06-01")
    assert safety["items"][0]["key"] == "exits"
    assert safety["items"][0]["wording"]["en"] == "escape route or exit blocked"


def test_a_draft_is_edited_and_put_in_use(call: Caller) -> None:
    assert call("post", "/safety/draft")[1]["version"] == 2
    status, item = call("put", "/safety/2/items/alarm", {"type": "check", "label": "有无报警器", "group": "safety"})
    assert (status, item["label"], item["severity"]) == (200, {"zh": "有无报警器", "en": ""}, "major")
    _status, item = call("put", "/safety/2/items/exits", {"days_to_mend": None, "label_en": "Exits free?"})
    assert (item["days_to_mend"], item["label"]["en"], item["label"]["zh"]) == (
        None, "Exits free?", "疏散通道、安全出口是否畅通",
    )  # fmt: skip
    assert call("post", "/safety/2/items/alarm/move", {"to": 1})[1]["items"][0]["key"] == "alarm"
    assert call("delete", "/safety/2/items/gas")[0] == 204
    status, choices = call("put", "/safety/2/choices/towns", {"choices": [{"name": "a", "label": "甲"}]})
    assert (status, choices[0]["label"]["zh"]) == (200, "甲")
    assert call("put", "/safety", {"title": "安全", "title_en": "Safety", "venue_types": ["shop"]})[0] == 200
    status, used = call("post", "/safety/2/use")
    assert (status, used["state"], used["venue_types"]) == (200, "in_use", ["shop"])
    assert [one["key"] for one in used["items"]] == "alarm exits extinguishers wiring charging".split()
    assert call("post", "/safety/2/use") == (409, call("delete", "/safety/2")[1])
    assert call("get", "/safety/1")[1]["state"] == "retired"


def test_a_form_comes_in_and_goes_out(call: Caller) -> None:
    status, loaded = call("post", "?use=true&name=rna.xlsx", assessment())
    assert (status, loaded["fresh"], loaded["state"], loaded["questions"]) == (200, True, "in_use", 13)
    assert len(loaded["unsupported"]) == 18
    assert all(one["why"] for one in loaded["unsupported"])
    assert call("post", "?use=true&name=rna.xlsx", assessment())[1]["fresh"] is False
    taken = call.client.get(f"{HERE}/rna_2021/1/form.xlsx").content
    assert cells_of(taken)["survey"] == cells_of(assessment())["survey"]
    assert call("post", "", b"no workbook")[1]["code"] == "file_not_a_table"
    assert call("post", "", b"")[1]["code"] == "file_empty"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("get", "/nowhere", None, 404, "checklist_not_found"),
        ("get", "/safety/9", None, 404, "version_not_found"),
        ("get", f"/safety/{2**70}", None, 404, "version_not_found"),
        ("put", "/safety/1/items/exits", {"label": "x"}, 409, "version_not_draft"),
        ("put", "/safety/2/items/exits", {"label": "x" * 2001}, 422, "malformed"),
        ("put", "/safety/2/items/exits", {"colour": "red"}, 422, "malformed"),
        ("put", "/safety/2/items/exits", {"label": "\x00"}, 422, "malformed"),
        ("put", "/safety/2/items/exits", {"days_to_mend": True}, 422, "malformed"),
        ("put", "/safety/2/items/exits", {"relevant": "${nowhere}"}, 400, "bad_condition"),
        ("put", "/safety/2/items/Bad%20Key", {"label": "x"}, 400, "bad_item_key"),
        ("delete", "/safety/2/items/nothing", None, 404, "item_not_found"),
        ("put", "/safety/2/choices/a%20b", {"choices": []}, 400, "bad_list_name"),
        ("put", "/safety", {"title": "x", "venue_types": ["castle"]}, 400, "unknown_venue_type"),
        ("put", "/Bad.Key", {"title": "x"}, 422, "malformed"),
        ("post", "?key=Bad%20Key", b"x", 400, "bad_key"),
    ],
)
def test_what_is_wrong_is_said(call: Caller, method: str, path: str, body: Any, status: int, code: str) -> None:
    call("post", "/safety/draft")
    found, answer = call(method, path, body)
    assert (found, answer["code"]) == (status, code)


def test_who_may_not_edit_changes_nothing() -> None:
    call = Caller("inspector")
    assert call("get", "/safety")[0] == 200
    for method, path, body in (
        ("post", "/safety/draft", None),
        ("put", "/safety", {"title": "x"}),
        ("put", "/new-one", {"title": "x"}),
        ("post", "", assessment()),
        ("post", "/safety/1/use", None),
        ("delete", "/safety/1", None),
        ("put", "/safety/1/items/exits", {"label": "x"}),
    ):
        assert call(method, path, body)[0] == 403, path
    assert CheckList.objects.count() == 8
    outsider = Caller("health_officer")
    assert outsider("get", "")[0] == 403
    assert outsider("get", "/safety")[0] == 404
