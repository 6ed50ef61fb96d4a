"""Files that leave the ledger and come back, through pages and API: who gets what, what is shown, what is refused."""

import io
import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from tests.ledger.conftest import LATER
from tests.ledger.office import Office, soffice
from tests.ledger.pages import browse, codes_in, page_of, upload
from tests.ledger.test_api import program
from tests.ledger.test_import_pages import HEAD, job_shown, rows, work_off
from tests.ledger.test_list_page import make_entries
from tests.ledger.test_round_trip import csv_rows, edited, recorded

from duban.access.models import Person
from duban.ledger import actions, export_pages, importing, jobs, workbook
from duban.ledger.cells import COLUMNS, KEYS
from duban.ledger.models import Entry

MakeEntry = Callable[[str], Entry]
FORMS = {"export": "csv", "export_geojson": "geojson", "export_xlsx": "xlsx"}


@pytest.fixture(autouse=True)
def english() -> Any:
    with translation.override("en"):
        yield


def body_of(response: Any) -> bytes:
    assert response.status_code == 200, response
    return b"".join(response) if response.streaming else response.content


def descriptions(data: bytes) -> list[str]:
    if data.startswith(b'{"type"'):
        return [feature["properties"]["description"] for feature in json.loads(data)["features"]]
    return [row["description"] for row in csv_rows(data)]


# ---- out ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMS)
def test_each_file_holds_the_rows_of_the_filter_in_its_order(people: dict[str, Person], name: str) -> None:
    entries = recorded(people["supervisor"], ["一", "二", "三"])
    actions.list_entry(by=people["supervisor"], now=LATER, entry_id=entries[1].pk)
    client = browse(people["supervisor"])
    assert descriptions(body_of(page_of(client, name, sort="number"))) == ["一", "二", "三"]
    assert descriptions(body_of(page_of(client, name, sort="-number"))) == ["三", "二", "一"]
    assert descriptions(body_of(page_of(client, name, state="listed"))) == ["二"]
    assert descriptions(body_of(page_of(client, name, text="没有这样的字"))) == []
    response = page_of(client, name)
    assert response.headers["Content-Disposition"].endswith(f'.{FORMS[name]}"')
    body_of(response)
    assert page_of(client, name, state="nowhere").status_code == 400


@pytest.mark.parametrize("name", FORMS)
def test_more_rows_cost_no_more_queries(people: dict[str, Person], name: str) -> None:
    client = browse(people["supervisor"])
    costs = []
    for start, more in ((0, 3), (200, 45)):
        make_entries(people["supervisor"], more, start=start)
        body_of(page_of(client, name))
        with CaptureQueriesContext(connection) as made:
            body_of(page_of(client, name))
        costs.append(len(made))
    assert costs[0] == costs[1] <= 14


@pytest.mark.parametrize("name", FORMS)
def test_a_file_of_another_area_holds_nothing_of_this_one(people: dict[str, Person], name: str) -> None:
    recorded(people["supervisor"], ["此处有标记"])
    for who in ("stranger", "town_handler"):
        assert descriptions(body_of(page_of(browse(people[who]), name))) == []


@pytest.mark.django_db(transaction=True)
def test_a_large_workbook_is_written_in_the_background(people: dict[str, Person], monkeypatch: Any) -> None:
    monkeypatch.setattr(export_pages, "AT_ONCE", 2)
    recorded(people["supervisor"], ["一", "二", "三"])
    client = browse(people["supervisor"])
    sent = page_of(client, "export_xlsx", sort="number", state="found")
    assert 'hx-trigger="every 1s"' in job_shown(client, sent)
    assert client.get(f"{sent.url}ledger.xlsx").status_code == 404
    work_off()
    assert re.search(r"<b>3</b>\s*entries", client.get(sent.url).content.decode())
    assert b"<html" not in client.get(sent.url, headers={"HX-Request": "true"}).content
    file = client.get(f"{sent.url}ledger.xlsx")
    assert re.search(r'filename="ledger-\d{8}-\d{4}\.xlsx"', file.headers["Content-Disposition"])
    assert descriptions(body_of(file)) == ["一", "二", "三"]
    other = browse(people["publisher"])
    assert other.get(sent.url).status_code == other.get(f"{sent.url}ledger.xlsx").status_code == 404
    assert page_of(client, "export_job", uuid.uuid4()).status_code == 404


def test_an_import_is_no_export(people: dict[str, Person]) -> None:
    client = browse(people["supervisor"])
    tried = client.post(reverse("ledger:import"), {"file": upload((HEAD + rows(1)).encode(), "a.csv")})
    job_id = tried.url.rstrip("/").rpartition("/")[2]
    assert page_of(client, "export_job", job_id).status_code == 404
    assert page_of(client, "export_file", job_id).status_code == 404


def test_the_csv_ends_with_the_keys_and_the_workbook_locks_them(people: dict[str, Person]) -> None:
    recorded(people["supervisor"], ["一"])
    client = browse(people["supervisor"])
    (row,) = csv_rows(body_of(page_of(client, "export")))
    assert tuple(row) == (*COLUMNS, *KEYS)
    book = openpyxl.load_workbook(io.BytesIO(body_of(page_of(client, "export_xlsx"))))
    sheet = book[workbook.SHEET]
    assert (sheet.freeze_panes, sheet.protection.sheet, book["lists"].sheet_state) == ("B2", True, "hidden")
    assert sheet.auto_filter.ref == "A1:S2"
    open_cells = {sheet.cell(1, cell.column).value for cell in sheet[2] if not cell.protection.locked}
    assert open_cells == {"category", "statement", "description"}
    (choose,) = sheet.data_validations.dataValidation
    assert (str(choose.sqref), choose.formula1) == ("C2", f"lists!$A$1:$A${book['lists'].max_row}")
    assert sheet["C2"].value in [cell.value for cell in book["lists"]["A"]]
    hidden = {sheet[f"{letter}1"].value for letter, one in sheet.column_dimensions.items() if one.hidden}
    assert hidden == set(KEYS)


def test_the_list_offers_what_it_shows(people: dict[str, Person]) -> None:
    client = browse(people["supervisor"])
    assert "export." not in page_of(client, "list").content.decode()
    recorded(people["supervisor"], ["一"])
    shown = page_of(client, "list", state="found").content.decode()
    assert all(f'href="{reverse(f"ledger:{name}")}?state=found"' in shown for name in FORMS)


# ---- back in --------------------------------------------------------------------------------------------------------


def book_of(client: Client) -> bytes:
    return body_of(page_of(client, "export_xlsx", sort="number"))


def send_edited(client: Client, data: bytes, name: str = "ledger.xlsx", **more: Any) -> Any:
    return client.post(reverse("ledger:import_edited"), {"edited-file": upload(data, name), **more})


def test_an_edited_workbook_is_compared_and_then_amends(people: dict[str, Person]) -> None:
    recorded(people["supervisor"], ["一", "二"])
    client = browse(people["supervisor"])
    data = edited(book_of(client), {(2, "description"): "改<过>\n两行", (2, "category"): "06011"})
    tried = send_edited(client, data, **{"edited-reason": "核对"})
    shown = job_shown(client, tried)
    assert "Amend 1 entry" in shown
    assert "<del>一</del>" in shown
    assert "<ins>改&lt;过&gt;<br>两行</ins>" in shown
    assert not Entry.objects.filter(description__startswith="改").exists()
    client.post(f"{tried.url}take/")
    assert re.search(r"<b>1</b>\s*amended", client.get(tried.url).content.decode())
    entry = Entry.objects.get(description="改<过>\n两行")
    assert entry.events.get(action="amend").words["reason"] == "核对"
    assert "nothing to amend" in job_shown(client, send_edited(client, data))


def test_refused_rows_are_shown_handed_back_and_can_be_left_out(people: dict[str, Person]) -> None:
    recorded(people["supervisor"], ["一", "二"])
    client = browse(people["supervisor"])
    tried = send_edited(client, edited(book_of(client), {(2, "description"): "改", (3, "state"): "closed"}))
    shown = job_shown(client, tried)
    assert "not_editable" in codes_in(client.get(tried.url))
    assert "Amend the 1 good one" in shown
    (row,) = csv_rows(body_of(client.get(f"{tried.url}refused.csv")))
    assert row["reason"].startswith("not_editable: state:")
    client.post(f"{tried.url}take/")
    assert "nothing was amended" in client.get(tried.url).content.decode()
    again = send_edited(client, edited(book_of(client), {(2, "description"): "改", (3, "state"): "closed"}))
    client.post(f"{again.url}take/", {"keep_good": "1"})
    assert Entry.objects.filter(description="改").count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_amendments_are_written_in_the_background(people: dict[str, Person], monkeypatch: Any) -> None:
    monkeypatch.setattr(importing, "AT_ONCE", 2)
    monkeypatch.setattr(importing, "AMENDED_AT_ONCE", 2)
    recorded(people["supervisor"], ["一", "二", "三"])
    client = browse(people["supervisor"])
    tried = send_edited(client, edited(book_of(client), {(row, "description"): "改" for row in (2, 3, 4)}))
    assert 'hx-trigger="every 1s"' in job_shown(client, tried)
    work_off()
    client.post(f"{tried.url}take/")
    assert not Entry.objects.filter(description="改").exists()
    work_off()
    assert re.search(r"<b>3</b>\s*amended", client.get(tried.url).content.decode())
    assert Entry.objects.filter(description="改").count() == 3


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.xlsx", "file_empty"),
        (b"PK\x03\x04", "a.xlsx", "file_not_a_table"),
        (HEAD.encode() + rows(1).encode(), "a.csv", "columns_missing"),
        (b"number,id,seen,mark\n", "a.csv", "no_rows"),
        (b"x", "a.xlsm", "macro_workbook"),
    ],
)
def test_a_file_that_is_no_export_is_told_at_its_field(
    people: dict[str, Person], data: bytes, name: str, code: str
) -> None:
    response = send_edited(browse(people["supervisor"]), data, name)
    assert response.status_code == 400
    assert codes_in(response) == {code}
    nothing = browse(people["supervisor"]).post(reverse("ledger:import_edited"), {})
    assert codes_in(nothing) == {"file_missing"}


def test_who_amends_nothing_is_not_offered_it(people: dict[str, Person]) -> None:
    address = reverse("ledger:import_edited")
    assert address in page_of(browse(people["supervisor"]), "import").content.decode()
    assert address not in page_of(browse(people["inspector"]), "import").content.decode()


def test_the_template_filled_in_is_recorded(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    book = openpyxl.load_workbook(io.BytesIO(page_of(client, "import_xlsx_template").content))
    sheet, words = book["findings"], [cell.value for cell in book["lists"]["A"]]
    sheet.delete_rows(2)
    for at, word in enumerate(words):
        sheet.append(["2021-01-18 09:30", 116.8 + at / 1000, 39.8, "wgs84", word, "=1+1", None, f"T{at}"])
        sheet.cell(at + 2, 6).data_type = "s"
    file = io.BytesIO()
    book.save(file)
    tried = client.post(reverse("ledger:import"), {"file": upload(file.getvalue(), "findings.xlsx")})
    assert f"Record {len(words)} findings" in job_shown(client, tried)
    client.post(f"{tried.url}take/")
    kinds = Entry.objects.values_list("category__kind", "category__code").distinct()
    assert kinds.count() == len(words)
    assert set(Entry.objects.values_list("description", flat=True)) == {"=1+1"}


@pytest.mark.skipif(soffice() is None, reason="no LibreOffice here; tests/install_office installs it")
def test_the_template_filled_in_with_a_real_office_suite_is_recorded(people: dict[str, Person], tmp_path: Path) -> None:
    client = browse(people["inspector"])
    template = page_of(client, "import_xlsx_template").content
    cells = ["2021-01-18 09:30", "116.8", "39.8", "gcj02", "06011", "渣土一堆\n约2方", "", "007"]
    typed = [(f"{letter}2", cell) for letter, cell in zip("ABCDEFGH", cells, strict=True)]
    filled = Office(tmp_path / "office").edit(template, typed)
    tried = client.post(reverse("ledger:import"), {"file": upload(filled, "findings.xlsx")})
    assert "Record 1 finding" in job_shown(client, tried)
    client.post(f"{tried.url}take/")
    entry = Entry.objects.get()
    assert (entry.category.code, entry.datum_in, entry.description) == ("06011", "gcj02", "渣土一堆\n约2方")


def test_a_job_from_before_there_were_kinds_is_read(people: dict[str, Person]) -> None:
    client = browse(people["inspector"])
    tried = client.post(reverse("ledger:import"), {"file": upload((HEAD + rows(1)).encode(), "a.csv")})
    file = jobs.read_job(tried.url.rstrip("/").rpartition("/")[2]).folder / "job.json"
    file.write_text(json.dumps({k: v for k, v in json.loads(file.read_bytes()).items() if k not in {"kind", "query"}}))
    assert client.get(tried.url).status_code == 200


# ---- over the API ---------------------------------------------------------------------------------------------------


def test_the_api_exports_and_takes_back(people: dict[str, Person]) -> None:
    recorded(people["supervisor"], ["一", "二"])
    client = program(people["supervisor"])
    base = "/api/v1/entries/"
    for ending in FORMS.values():
        assert descriptions(body_of(client.get(f"{base}export.{ending}?sort=number"))) == ["一", "二"]
        assert client.get(f"{base}export.{ending}?state=nowhere").json()["code"] == "unknown_state"
        assert program(people["health_officer"]).get(f"{base}export.{ending}").status_code == 403
        assert Client().get(f"{base}export.{ending}").status_code == 401
    data = edited(body_of(client.get(f"{base}export.xlsx?sort=number")), {(2, "description"): "改", (3, "lon"): 1})
    result = {"taken": 0, "updated": 1, "unchanged": 0, "refused": 1, "report": None}
    tried = post(client, f"{base}amendments?dry_run=1", data).json()
    (change,) = tried.pop("changes")
    (refusal,) = tried.pop("refusals")
    assert tried == result
    assert (change["field"], change["was"], change["becomes"]) == ("description", "一", "改")
    assert (refusal["row"], refusal["code"], refusal["field"]) == (3, "not_editable", "lon")
    assert post(client, f"{base}amendments", data).json()["updated"] == 0
    assert post(client, f"{base}amendments?keep_good=1&reason=x", data).json()["updated"] == 1
    again = post(client, f"{base}amendments", data).json()
    assert (again["updated"], again["unchanged"], again["refused"]) == (0, 1, 1)
    assert post(client, f"{base}amendments", b"no table").json()["code"] == "columns_missing"
    assert post(program(people["handler"]), f"{base}amendments", data).status_code == 403


def post(client: Client, address: str, data: bytes) -> Any:
    return client.post(address, data, content_type=workbook.XLSX)


def test_a_file_larger_than_allowed_is_refused(people: dict[str, Person], settings: Any) -> None:
    settings.DUBAN_MAX_UPLOAD = 10
    answer = post(program(people["supervisor"]), "/api/v1/entries/amendments", b"x" * 11)
    assert (answer.status_code, answer.json()["code"]) == (400, "file_too_large")
    assert codes_in(send_edited(browse(people["supervisor"]), b"x" * 11)) == {"file_too_large"}


def test_a_form_is_no_body(people: dict[str, Person]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["supervisor"])
    token = "t" * 32
    client.cookies["csrftoken"] = token
    form = {"csrfmiddlewaretoken": token, "file": upload(b"x", "a.csv")}
    answer = client.post("/api/v1/entries/amendments", form)
    assert (answer.status_code, answer.json()["code"]) == (400, "file_missing")
