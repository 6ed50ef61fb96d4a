"""API v1, bulletins: what anybody reads, every step, and every refusal in one shape."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from tests.bulletin.conftest import LATER

from duban.access.models import Person
from duban.bulletin import actions
from duban.bulletin.models import Issue

ROOT = "/api/v1/bulletins/"
NOBODY = str(uuid.UUID(int=7))


def call(client: Client, method: str, path: str = "", body: Any = None) -> tuple[int, Any]:
    """The status and the JSON answered."""
    sent = body if isinstance(body, str) else json.dumps({} if body is None else body)
    answer = client.generic(
        method, ROOT + path, sent, content_type="application/json", headers={"Accept-Language": "en"}
    )
    return answer.status_code, answer.json()


@pytest.fixture
def enter(people: dict[str, Person]) -> Callable[[str], Client]:
    def log_in(who: str) -> Client:
        client = Client()
        if who != "anonymous":
            client.force_login(people[who])
        return client

    return log_in


def test_the_whole_way(entry_in: Callable[..., Any], enter: Callable[[str], Client]) -> None:
    entry, other = entry_in("found"), entry_in("found")
    drafter, second, anybody = enter("supervisor"), enter("second"), enter("anonymous")
    status, draft = call(drafter, "POST", "", {"first": 192, "title": "一期"})
    assert (status, draft["state"], draft["blockers"], draft["seen"]) == (201, "draft", [], 1)
    assert set(draft["new"]) == {str(entry.pk), str(other.pk)}
    path = f"{draft['id']}/"
    edit = {"intro": "导语", "new": [str(entry.pk)], "seen": draft["seen"]}
    status, draft = call(drafter, "PATCH", path, edit)
    assert (status, draft["new"], draft["title"], draft["intro"]) == (200, [str(entry.pk)], "一期", "导语")
    assert [each["id"] for each in call(second, "GET", "drafts/")[1]] == [draft["id"]]
    assert call(anybody, "GET", path)[0] == 404
    assert call(second, "GET", path)[1]["seen"] == draft["seen"]
    status, draft = call(second, "POST", f"{path}approve/", {"seen": draft["seen"]})
    assert (status, draft["state"], draft["approved_by"]) == (200, "approved", "second")
    status, issue = call(drafter, "POST", f"{path}publish/", {"seen": draft["seen"]})
    assert (status, issue["number"], issue["state"]) == (200, 192, "published")
    status, document = call(anybody, "GET", path)
    assert (status, document["schema"], document["number"]) == (200, "duban.bulletin/1", 192)
    page = call(anybody, "GET")[1]
    assert (page["total"], page["pages"], [each["number"] for each in page["items"]]) == (1, 1, [192])
    status, correction = call(drafter, "POST", f"{path}correct/")
    assert (status, correction["corrects"]) == (201, 192)
    assert call(drafter, "POST", f"{correction['id']}/discard/")[1]["state"] == "discarded"


@pytest.mark.parametrize(
    ("who", "method", "path", "body", "status", "code"),
    [
        ("anonymous", "GET", "drafts/", None, 401, "login_required"),
        ("anonymous", "POST", "", {}, 401, "login_required"),
        ("anonymous", "GET", "{draft}/", None, 404, "issue_not_found"),
        ("handler", "GET", "{draft}/", None, 404, "issue_not_found"),
        ("stranger", "GET", "{draft}/", None, 404, "issue_not_found"),
        ("stranger", "PATCH", "{draft}/", {"title": "假"}, 404, "issue_not_found"),
        ("leader", "PATCH", "{draft}/", {"title": "假"}, 403, "not_allowed"),
        ("handler", "POST", "", {}, 403, "not_allowed"),
        ("supervisor", "POST", "", {"at": "440199"}, 403, "not_allowed"),
        ("supervisor", "POST", "", {"at": "x"}, 400, "bad_code"),
        ("supervisor", "POST", "", {"first": 0}, 400, "bad_first_number"),
        ("supervisor", "POST", "", {"first": -5}, 400, "bad_first_number"),
        ("supervisor", "POST", "", {"first": "1"}, 422, "malformed"),
        ("supervisor", "POST", "", {"first": 1.5}, 422, "malformed"),
        ("supervisor", "POST", "", {"first": 10**30}, 422, "malformed"),
        ("supervisor", "POST", "", {"frist": 1}, 422, "malformed"),
        ("supervisor", "POST", "", {"title": "题" * 101}, 422, "malformed"),
        ("supervisor", "POST", "", {"name": "名" * 61}, 400, "bad_text"),
        ("supervisor", "POST", "", {"name": "a\x00"}, 422, "malformed"),
        ("supervisor", "POST", "", {"name": "\ud800"}, 422, "malformed"),
        ("supervisor", "POST", "", {"name": 7}, 422, "malformed"),
        ("supervisor", "POST", "", "[]", 422, "malformed"),
        ("supervisor", "POST", "", "{", 400, "not_json"),
        ("supervisor", "POST", "", "", 422, "malformed"),
        ("supervisor", "PATCH", "{draft}/", {"title": ""}, 400, "bad_text"),
        ("supervisor", "PATCH", "{draft}/", {"title": "题" * 101}, 400, "bad_text"),
        ("supervisor", "PATCH", "{draft}/", {"issuer": " "}, 400, "bad_text"),
        ("supervisor", "PATCH", "{draft}/", {"intro": "文" * 4001}, 400, "bad_text"),
        ("supervisor", "PATCH", "{draft}/", {"intro": "文" * 5001}, 422, "malformed"),
        ("supervisor", "PATCH", "{draft}/", {"new": [NOBODY]}, 400, "bad_item"),
        ("supervisor", "PATCH", "{draft}/", {"new": ["x"]}, 422, "malformed"),
        ("supervisor", "PATCH", "{draft}/", {"new": "x"}, 422, "malformed"),
        ("supervisor", "PATCH", "{draft}/", {"old": []}, 422, "malformed"),
        ("supervisor", "PATCH", "{draft}/", {"seen": 9, "title": "假"}, 409, "issue_changed"),
        ("supervisor", "PATCH", "{draft}/", {"seen": "1"}, 422, "malformed"),
        ("supervisor", "PATCH", "{draft}/", {"seen": -1}, 422, "malformed"),
        ("supervisor", "PATCH", f"{NOBODY}/", {}, 404, "issue_not_found"),
        ("supervisor", "PATCH", "x/", {}, 422, "malformed"),
        ("supervisor", "POST", "{draft}/approve/", {}, 403, "own_bulletin"),
        ("supervisor", "POST", "{draft}/publish/", {}, 409, "wrong_issue_state"),
        ("supervisor", "POST", "{draft}/correct/", {}, 409, "wrong_issue_state"),
        ("supervisor", "POST", "{draft}/discard/", {"seen": 9}, 409, "issue_changed"),
        ("leader", "POST", "{draft}/approve/", {}, 403, "not_allowed"),
        ("publisher", "POST", "{draft}/publish/", {}, 403, "not_allowed"),
        ("anonymous", "GET", "?page=0", None, 422, "malformed"),
        ("anonymous", "GET", "?page=x", None, 422, "malformed"),
        ("anonymous", "GET", "?page=9999999999999999999999", None, 422, "malformed"),
        ("supervisor", "DELETE", "{draft}/", None, 405, ""),
    ],
)
def test_refusals(
    who: str,
    method: str,
    path: str,
    body: Any,
    status: int,
    code: str,
    issue_in: Callable[[str], Issue],
    enter: Callable[[str], Client],
) -> None:
    issue = issue_in("draft")
    before = list(Issue.objects.values())
    path = path.replace("{draft}", str(issue.pk))
    sent = body if isinstance(body, str) else json.dumps({} if body is None else body)
    answer = enter(who).generic(method, ROOT + path, sent, content_type="application/json")
    assert answer.status_code == status
    if code:
        assert answer.json()["code"] == code
        assert answer.json()["message"]
    assert list(Issue.objects.values()) == before


def test_a_page_beyond_the_last_is_empty(issue_in: Callable[[str], Issue], enter: Callable[[str], Client]) -> None:
    issue_in("published")
    status, page = call(enter("anonymous"), "GET", "?page=7")
    assert (status, page["items"], page["total"], page["pages"]) == (200, [], 1, 1)


def test_what_blocks_is_said_with_its_code(
    entry_in: Callable[..., Any], people: dict[str, Person], enter: Callable[[str], Client]
) -> None:
    entry_in("listed", statement="")
    issue = actions.draft_issue(by=people["supervisor"], now=LATER)
    blockers = call(enter("leader"), "GET", f"{issue.pk}/")[1]["blockers"]
    assert [each["code"] for each in blockers] == ["statement_missing"]
    status, answer = call(enter("second"), "POST", f"{issue.pk}/approve/")
    assert (status, answer["code"]) == (400, "statement_missing")
