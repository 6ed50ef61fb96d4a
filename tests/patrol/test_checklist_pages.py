"""Check-lists in the browser: read, edited, compared, loaded and taken away."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.patrol.forms import assessment, cells_of
from tests.reading import text_of

from duban.core import clock
from duban.demo.builders import NOON, make_person
from duban.patrol.checklists import choices_of, items_of
from duban.patrol.editing import mark_of
from duban.patrol.models import CheckList, CheckListVersion, Item, VersionState

pytestmark = pytest.mark.django_db
SAFETY = "/patrol/lists/safety/"
DRAFT = f"{SAFETY}2/"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(days=1))
    return logged_in("chief", "supervisor")


def logged_in(username: str, role: str) -> Client:
    found = Client(headers={"accept-language": "en"})
    found.force_login(make_person(username, role, "110112"))
    return found


def safety(number: int = 2) -> CheckListVersion:
    return CheckListVersion.objects.get(checklist__key="safety", number=number)


def words(response: Any) -> str:
    return text_of(response)


def item_form(item: Item | None = None, **changes: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "seen": mark_of(item), "type": "check", "label": "是否整洁", "severity": "minor", "wording": "不整洁",
    }  # fmt: skip
    return facts | changes


def test_a_list_is_edited_from_end_to_end(client: Client) -> None:
    assert "Safety of premises" in words(client.get("/patrol/lists/"))
    page = client.get(SAFETY)
    assert "Are escape routes and exits free?" in words(page)
    assert "Is there a gas alarm" in words(page)
    assert client.post(f"{SAFETY}draft/").url == f"{DRAFT}edit/"
    assert client.post(f"{SAFETY}draft/").url == f"{DRAFT}edit/"
    added = client.post(f"{DRAFT}items/", item_form(key="tidy", group="safety"))
    assert added.url == f"{DRAFT}edit/#item-tidy"
    client.post(f"{DRAFT}items/tidy/move/", {"to": "1"})
    client.post(f"{DRAFT}items/wiring/remove/")
    client.post(f"{DRAFT}edit/", {"title": "安全表", "title_en": "Safety", "venue_types": ["shop"], "group0": "安全"})
    assert [item.key for item in items_of(safety())] == "tidy exits extinguishers gas charging".split()
    compared = words(client.get(f"{SAFETY}compare/?old=1&new=2"))
    assert "tidy" in compared
    assert "wiring" in compared
    assert client.post(f"{DRAFT}use/").url == SAFETY
    assert safety().state == VersionState.IN_USE
    assert "version 2" in words(client.get(SAFETY))
    assert "Is the wiring in order?" in words(client.get(f"{SAFETY}1/"))
    # A page of the draft that was left open goes on to what became of it.
    assert client.get(f"{DRAFT}edit/").url == DRAFT
    assert client.post(f"{DRAFT}items/tidy/", item_form()).url == DRAFT


def test_a_new_list_begins_with_its_draft(client: Client) -> None:
    sent = {"key": "wet-markets", "title": "农贸市场"}
    assert client.post("/patrol/lists/", sent).url == "/patrol/lists/wet-markets/1/edit/"
    again = client.post("/patrol/lists/", sent)
    assert (again.status_code, "checklist_exists" in words(again)) == (409, True)
    assert client.post("/patrol/lists/", {"key": "A b", "title": "x"}).status_code == 400
    assert client.get("/patrol/lists/wet-markets/").status_code == 200
    used = client.post("/patrol/lists/wet-markets/1/use/", follow=True)
    assert "draft_not_ready" in words(used)
    assert client.post("/patrol/lists/wet-markets/1/discard/").url == "/patrol/lists/"
    assert client.get("/patrol/lists/wet-markets/").status_code == 404


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"label": ""}, 400, "label_missing"),
        ({"relevant": "${nowhere} = 1"}, 400, "bad_condition"),
        ({"category": "event:99999"}, 400, "unknown_category"),
        ({"days_to_mend": "0"}, 400, "bad_days"),
        ({"type": "select_one"}, 400, "list_missing"),
        ({"seen": "stale"}, 409, "item_changed"),
    ],
)
def test_a_bad_question_keeps_what_was_typed(client: Client, changes: dict[str, Any], status: int, code: str) -> None:
    client.post(f"{SAFETY}draft/")
    item = items_of(safety())[0]
    answer = client.post(f"{DRAFT}items/exits/", item_form(item, basis="打了一半的依据") | changes)
    assert answer.status_code == status
    assert code in words(answer)
    assert "打了一半的依据" in answer.content.decode()
    assert items_of(safety())[0].label == item.label


def test_a_key_that_is_there_is_not_added_again(client: Client) -> None:
    client.post(f"{SAFETY}draft/")
    answer = client.post(f"{DRAFT}items/", item_form(key="exits"))
    assert (answer.status_code, "item_key_taken" in words(answer)) == (400, True)


def test_lists_of_choices_are_edited_by_line(client: Client) -> None:
    client.post(f"{SAFETY}draft/")
    lines = {"list_name": "towns", "name": ["a", "b", "", ""], "label": ["甲", "乙", "", ""],
             "label_en": ["", "", "", ""], "columns": ["district=x; zone=1", "", "", ""]}  # fmt: skip
    assert client.post(f"{DRAFT}choices/", lines).url == f"{DRAFT}edit/"
    assert [(one.name, one.columns) for one in choices_of(safety())] == [
        ("a", {"district": "x", "zone": "1"}),
        ("b", {}),
    ]
    assert "list_taken" in words(client.post(f"{DRAFT}choices/", lines))
    page = client.get(f"{DRAFT}choices/towns/").content.decode()
    assert 'value="district=x; zone=1"' in page
    wrong = client.post(f"{DRAFT}choices/towns/", lines | {"columns": ["district", "", "", ""]})
    assert (wrong.status_code, "bad_columns" in words(wrong), "Line 1" in words(wrong)) == (400, True, True)
    empty = {"name": ["", ""], "label": ["", ""], "label_en": ["", ""], "columns": ["", ""]}
    assert client.post(f"{DRAFT}choices/towns/", empty).status_code == 302
    assert choices_of(safety()) == []


def upload(data: bytes, name: str = "rna.xlsx") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def test_a_form_is_loaded_looked_at_and_taken_away(client: Client) -> None:
    loaded = client.post("/patrol/xlsform/", {"file": upload(assessment())})
    assert loaded.url == "/patrol/lists/rna_2021/1/edit/"
    page = words(client.get(loaded.url))
    assert "18 things of the form are not supported here" in page
    assert "This kind of row is not asked here" in page
    again = client.post("/patrol/xlsform/", {"file": upload(assessment())}, follow=True)
    assert "nothing was changed" in words(again)
    client.post("/patrol/lists/rna_2021/1/use/")
    taken = client.get("/patrol/lists/rna_2021/1/form.xlsx")
    assert cells_of(taken.content)["survey"] == cells_of(assessment())["survey"]
    assert 'filename="rna_2021-1.xlsx"' in taken["Content-Disposition"]
    # Under the key of a list that is there it is the next version.
    client.post("/patrol/xlsform/", {"file": upload(assessment()), "key": "safety"})
    assert items_of(safety())[0].key == "intro"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({}, "file_missing"),
        ({"file": b"no workbook"}, "file_not_a_table"),
        ({"file": assessment(), "key": "Bad Key"}, "bad_key"),
    ],
)
def test_what_cannot_be_loaded_is_said_at_the_field(client: Client, sent: dict[str, Any], code: str) -> None:
    if "file" in sent:
        sent = sent | {"file": upload(sent["file"])}
    answer = client.post("/patrol/xlsform/", sent)
    assert (answer.status_code, code in words(answer)) == (400, True)
    assert not CheckList.objects.filter(key="rna_2021").exists()


def test_the_preview_asks_what_the_answers_call_for(client: Client) -> None:
    client.post("/patrol/xlsform/", {"file": upload(assessment())})
    page = "/patrol/lists/rna_2021/1/preview/"
    first = words(client.get(page))
    assert "May I ask you some questions?" in first
    assert "Province" not in first
    chosen = client.get(f"{page}?q.consent=yes&q.admin1=south&q.needs=water&q.needs=other&q.households=3")
    assert "Coast" in words(chosen)
    assert "Upper Valley" not in words(chosen)
    assert "Which other?" in words(chosen)
    part = client.get(f"{page}?q.consent=yes", headers={"hx-request": "true"})
    assert "<html" not in part.content.decode()
    hostile = client.get(f"{page}?q.households=%00&q.consent=<script>&q.arrived=" + "x" * 3000)
    assert hostile.status_code == 200


def test_who_only_reads_is_offered_no_change(client: Client) -> None:
    client.post(f"{SAFETY}draft/")
    reader = logged_in("reader", "inspector")
    page = reader.get(SAFETY).content.decode()
    assert "/draft/" not in page
    assert "/edit/" not in page
    for path in (f"{SAFETY}draft/", f"{DRAFT}use/", f"{DRAFT}items/exits/remove/", f"{DRAFT}edit/", "/patrol/xlsform/"):
        assert reader.post(path).status_code == 403
    assert len(items_of(safety())) == 5


@pytest.mark.parametrize(
    "path",
    ["nowhere/", "nowhere/compare/", "safety/9/", "safety/9/form.xlsx", "safety/9/preview/", "safety/9/edit/",
     "safety/2/items/nothing/", "safety/2/choices/nothing/"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    client.post(f"{SAFETY}draft/")
    assert client.get(f"/patrol/lists/{path}").status_code == 404


@pytest.mark.parametrize(
    "path", ["/patrol/lists/", SAFETY, f"{SAFETY}1/preview/", f"{DRAFT}edit/", f"{SAFETY}compare/"]
)
def test_pages_ask_few_questions_however_many_there_are(
    client: Client, path: str, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    client.post(f"{SAFETY}draft/")
    with django_assert_max_num_queries(18):
        client.get(path)
    for n in range(5):
        client.post("/patrol/lists/", {"key": f"more-{n}", "title": f"表{n}"})
    with django_assert_max_num_queries(18):
        client.get(path)
