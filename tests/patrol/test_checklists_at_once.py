"""Several people at one check-list at the same moment: one draft, one version in use, nothing lost, no 500."""

import json
import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from tests.patrol.forms import assessment

from duban.access.models import Person
from duban.demo.builders import make_person
from duban.patrol.models import CheckListVersion, Item, VersionState

pytestmark = pytest.mark.django_db(transaction=True)
HERE = "/api/v1/patrol/checklists"
Call = tuple[str, str, Any]


@pytest.fixture
def editors() -> list[Person]:
    return [make_person(f"editor{n}", "supervisor", "110112") for n in range(4)]


def send_all(editors: list[Person], calls: list[Call]) -> list[tuple[int, str]]:
    """(status, code) of each call; all are sent at the same moment."""
    together = threading.Barrier(len(calls))
    answers: list[tuple[int, str]] = [(0, "")] * len(calls)

    def send(index: int, method: str, path: str, body: Any) -> None:
        client = Client(raise_request_exception=False)
        client.force_login(editors[index])
        data, kind = (
            (body, "application/octet-stream") if isinstance(body, bytes) else (json.dumps(body), "application/json")
        )
        together.wait()
        response = getattr(client, method)(HERE + path, data, content_type=kind)
        answers[index] = (
            response.status_code,
            json.loads(response.content).get("code", "") if response.content else "",
        )
        connection.close()

    threads = [threading.Thread(target=send, args=(index, *call)) for index, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers)


def test_drafts_begun_at_once_are_one(editors: list[Person]) -> None:
    assert send_all(editors, [("post", "/safety/draft", {})] * 4) == [(200, "")] * 4
    assert CheckListVersion.objects.filter(checklist__key="safety").count() == 2


def test_a_draft_is_put_in_use_once(editors: list[Person]) -> None:
    send_all(editors, [("post", "/safety/draft", {})])
    answers = send_all(editors, [("post", "/safety/2/use", {})] * 3)
    assert answers == [(200, ""), (409, "version_not_draft"), (409, "version_not_draft")]
    assert CheckListVersion.objects.get(checklist__key="safety", state=VersionState.IN_USE).number == 2


def test_items_added_at_once_are_all_there(editors: list[Person]) -> None:
    send_all(editors, [("post", "/safety/draft", {})])
    body = {"type": "check", "label": "问题", "group": "safety"}
    answers = send_all(editors, [("put", f"/safety/2/items/new_{n}", body) for n in range(4)])
    assert answers == [(200, "")] * 4
    items = Item.objects.filter(version__checklist__key="safety", version__number=2).order_by("position")
    assert [item.position for item in items] == list(range(1, 10))
    assert sorted(item.key for item in items[5:]) == [f"new_{n}" for n in range(4)]


def test_an_edit_and_putting_in_use_do_not_mix(editors: list[Person]) -> None:
    send_all(editors, [("post", "/safety/draft", {})])
    edited, used = {"label": "改了"}, ("post", "/safety/2/use", {})
    answers = send_all(editors, [used, ("put", "/safety/2/items/gas", edited)])
    said = Item.objects.get(version__checklist__key="safety", version__number=2, key="gas").label
    assert answers in ([(200, ""), (200, "")], [(200, ""), (409, "version_not_draft")])
    assert (said == "改了") == (answers[1] == (200, ""))


def test_a_form_sent_at_once_is_one_version(editors: list[Person]) -> None:
    assert send_all(editors, [("post", "?use=true", assessment())] * 3) == [(200, "")] * 3
    assert CheckListVersion.objects.filter(checklist__key="rna_2021").count() == 1
