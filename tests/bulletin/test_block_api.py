"""Blocks and pictures for programs: added, laid out, written, put in order, refused with the rows that disagree."""

import json
import uuid
from datetime import date
from typing import Any

import pytest
from django.test import Client
from tests.bulletin.conftest import LATER, publish
from tests.bulletin.test_blocks import page as page
from tests.bulletin.test_blocks import towns as towns

from duban.access.models import Person
from duban.bulletin import pictures
from duban.bulletin.models import Issue
from duban.demo.builders import make_jpeg, make_photo

BASE = "/api/v1/bulletins/"


@pytest.fixture
def client(people: dict[str, Person]) -> Client:
    made = Client(headers={"accept-language": "en"})
    made.force_login(people["supervisor"])
    return made


def send(client: Client, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    answer = client.generic(method, f"{BASE}{path}", json.dumps(body or {}), "application/json")
    return answer.status_code, answer.json()


def blocks(client: Client, page: Issue) -> list[dict[str, Any]]:
    status, found = send(client, "GET", f"{page.pk}/blocks/")
    assert status == 200
    return found


def test_a_block_is_added_written_moved_and_taken_out(client: Client, page: Issue, people: dict[str, Person]) -> None:
    status, made = send(client, "POST", f"{page.pk}/blocks/", {"kind": "article", "day": "2021-01-18"})
    assert (status, made["kind"], made["day"], made["made"]["text"]["zh"]) == (201, "article", "2021-01-18", "")
    exposure, hygiene, article = (block["id"] for block in blocks(client, page))
    seen = Issue.objects.get(pk=page.pk).version
    rest = [{"id": exposure}, {"id": hygiene}]
    written = [{"id": article, "headline_zh": "一则", "text_zh": "发现[[problems]]处"}, *rest]
    status, draft = send(client, "PATCH", f"{page.pk}/", {"blocks": written, "seen": seen})
    assert (status, draft["blocks"]) == (200, [article, exposure, hygiene])
    assert send(client, "PATCH", f"{page.pk}/", {"blocks": written, "seen": seen})[1]["code"] == "issue_changed"
    first = blocks(client, page)[0]
    assert (first["headline"]["zh"], first["text"]["zh"], first["wrong"]) == ("一则", "发现[[problems]]处", [])
    # What is not said of a block stays as it was.
    send(client, "PATCH", f"{page.pk}/", {"blocks": [{"id": article, "byline": "甲"}, *rest]})
    assert [blocks(client, page)[0][key] for key in ("byline", "headline")] == ["甲", {"zh": "一则", "en": ""}]
    send(client, "PATCH", f"{page.pk}/", {"blocks": rest})
    assert [block["kind"] for block in blocks(client, page)] == ["exposure", "hygiene"]


def test_a_wrong_figure_is_said_with_its_rows(client: Client, page: Issue, people: dict[str, Person]) -> None:
    exposure, hygiene = (block["id"] for block in blocks(client, page))
    text = "发现问题[[problems=7]]处，另有3处。"
    send(client, "PATCH", f"{page.pk}/", {"blocks": [{"id": exposure, "text_zh": text}, {"id": hygiene}]})
    block = blocks(client, page)[0]
    assert [(one["code"], one["rows"].partition("?")[0]) for one in block["wrong"]] == [
        ("figure_disagrees", "/patrol/figures/rows/")
    ]
    assert [one["number"] for one in block["unchecked"]] == ["3"]
    figures = {figure["key"]: figure for figure in block["figures"]}
    assert sum(figures[key]["value"] for key in figures["problems"]["parts"]) == figures["problems"]["value"]
    second = Client(headers={"accept-language": "en"})
    second.force_login(people["second"])
    status, refused = send(second, "POST", f"{page.pk}/approve/")
    assert (status, refused["code"], refused["rows"]) == (409, "figure_disagrees", block["wrong"][0]["rows"])


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("blocks/", {"kind": "story", "day": "2021-01-18"}, 400, "nothing_on_record"),
        ("blocks/", {"kind": "photo"}, 400, "photo_missing"),
        ("blocks/", {"kind": "photo", "photo": "0" * 64}, 400, "unknown_photo"),
        ("blocks/", {"kind": "article", "seen": 0}, 409, "issue_changed"),
        ("blocks/", {"kind": "hygiene"}, 422, "malformed"),
        ("blocks/", {"kind": "article", "day": "soon"}, 422, "malformed"),
        ("lay-out/", {"seen": 0}, 409, "issue_changed"),
    ],
)
def test_what_is_refused(client: Client, page: Issue, path: str, body: dict[str, Any], status: int, code: str) -> None:
    answered, refused = send(client, "POST", f"{page.pk}/{path}", body)
    assert answered == status
    assert refused["code"] == code
    assert [block["kind"] for block in blocks(client, page)] == ["exposure", "hygiene"]


def test_blocks_of_another_page_and_of_no_page(client: Client, page: Issue) -> None:
    stranger = [{"id": block["id"]} for block in blocks(client, page)] + [{"id": str(uuid.uuid4())}]
    status, refused = send(client, "PATCH", f"{page.pk}/", {"blocks": stranger})
    assert (status, refused["code"], refused["field"]) == (400, "bad_block", "blocks")
    assert send(client, "GET", f"{uuid.uuid4()}/blocks/")[0] == 404


def test_pictures_and_the_page_laid_out(client: Client, page: Issue, people: dict[str, Person]) -> None:
    photo = make_photo(5, by=people["inspector"])
    body = {"day": "2021-01-18", "photo": photo, "caption_zh": "第一场雪。", "byline": "乙/摄"}
    status, picture = send(client, "POST", "pictures/", body)
    assert (status, picture["jurisdiction"], picture["photo"]) == (201, "110112", photo)
    assert send(client, "POST", "pictures/", body)[1]["id"] == picture["id"]
    assert [one["id"] for one in send(client, "GET", "pictures/?day=2021-01-18")[1]] == [picture["id"]]
    status, laid = send(client, "POST", f"{page.pk}/lay-out/", {"day": "2021-01-18"})
    shown = next(block for block in laid if block["kind"] == "photo")
    assert (status, shown["made"]["text"]["zh"], shown["made"]["byline"]) == (200, "第一场雪。", "乙/摄")
    pictures.file_picture(
        by=people["supervisor"], now=LATER, at="110112", day=date(2021, 1, 18), photo=make_jpeg(6), caption_zh="又一张"
    )
    assert send(client, "POST", f"{page.pk}/blocks/", {"kind": "photo", "day": "2021-01-18"})[0] == 201
    assert send(client, "POST", f"pictures/{picture['id']}/withdraw/")[0] == 200
    codes = [one["code"] for block in blocks(client, page) for one in block["wrong"]]
    assert codes == ["block_without_facts"]
    assert send(client, "GET", "pictures/?day=2021-01-18&at=110113")[1]["code"] == "not_allowed"
    assert send(client, "POST", "pictures/", body | {"at": "110113"})[1]["code"] == "not_allowed"


def test_a_published_issue_has_its_blocks_in_the_document(
    client: Client, page: Issue, people: dict[str, Person]
) -> None:
    publish(page, by=people["supervisor"], second=people["second"])
    status, refused = send(client, "GET", f"{page.pk}/blocks/")
    assert (status, refused["code"]) == (404, "no_draft")
    assert [block["kind"] for block in send(client, "GET", f"{page.pk}/")[1]["blocks"]] == ["exposure", "hygiene"]
