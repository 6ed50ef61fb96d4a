"""Inspections sent by the browser: tried before anything is written, refused by row, in the background where large."""

import csv
import io
import re
import uuid
from typing import Any

import openpyxl
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from tests.ledger.pages import browse, codes_in, upload
from tests.ledger.pages import english as english

from duban.access.models import Person
from duban.demo import inspection
from duban.demo.builders import make_person
from duban.ledger import jobs
from duban.patrol import import_pages
from duban.patrol.importing import COLUMNS
from duban.patrol.models import Visit

pytestmark = pytest.mark.django_db
HEAD = ",".join(COLUMNS) + "\n"
GOOD = "丛林美食,restaurant,116.706,39.949,110112104,2021-01-18 09:10,masks,fail,=1+1\n"
BAD = "丛林美食,restaurant,116.706,39.949,110112104,2021-01-18 09:10,smoking,perhaps,=1+1\n"


@pytest.fixture
def supervisor(db: None) -> Person:
    return make_person("supervisor", "supervisor", "110112")


def send(client: Client, table: str | bytes, name: str = "visits.csv") -> Any:
    data = table.encode() if isinstance(table, str) else table
    return client.post(reverse("patrol:import"), {"file": upload(data, name)})


def shown(client: Client, response: Any) -> str:
    assert response.status_code == 302, codes_in(response)
    return client.get(response.url).content.decode()


def test_a_table_is_tried_before_anything_is_written(supervisor: Person) -> None:
    client = browse(supervisor)
    tried = send(client, inspection.inspections_file(inspection.CALLS))
    html = shown(client, tried)
    assert re.search(rf"<b>{len(inspection.CALLS)}</b>\s*new visits", html)
    assert "Take them all" in html
    assert not Visit.objects.exists()
    taken = client.post(f"{tried.url}take/")
    assert "See the visits" in shown(client, taken)
    assert Visit.objects.count() == len(inspection.CALLS)
    assert client.post(f"{tried.url}take/").status_code == 409
    assert "There is nothing new" in shown(client, send(client, inspection.inspections_file(inspection.CALLS)))


def test_refused_rows_come_back_with_their_reasons_and_the_good_can_be_taken(supervisor: Person) -> None:
    client = browse(supervisor)
    tried = send(client, HEAD + GOOD + BAD)
    assert "unknown_result" in shown(client, tried)
    refused = b"".join(client.get(f"{tried.url}refused.csv")).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(refused))
    assert row["note"] == "'=1+1"
    assert row["reason"].startswith("unknown_result")
    client.post(f"{tried.url}take/", {"keep_good": "1"})
    assert Visit.objects.get().answers.get().key == "masks"


def test_without_taking_the_good_nothing_of_a_bad_table_is_written(supervisor: Person) -> None:
    client = browse(supervisor)
    tried = send(client, HEAD + GOOD + BAD)
    assert "nothing was recorded" in shown(client, client.post(f"{tried.url}take/"))
    assert not Visit.objects.exists()


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.csv", "file_empty"),
        (b"a,b\n1,2\n", "a.csv", "columns_missing"),
        (HEAD.encode(), "a.csv", "no_rows"),
        (b"PK\x03\x04broken", "a.xlsx", "file_not_a_table"),
        (b"\x89PNG\x00", "a.csv", "file_not_a_table"),
    ],
)
def test_what_is_no_table_is_refused_at_its_field(data: bytes, name: str, code: str, supervisor: Person) -> None:
    answer = send(browse(supervisor), data, name)
    assert answer.status_code == 400
    found = answer.context["form"].errors.get_json_data()
    assert [one["code"] for errors in found.values() for one in errors] == [code]


def test_no_file_is_asked_for(supervisor: Person) -> None:
    answer = browse(supervisor).post(reverse("patrol:import"))
    assert answer.context["form"].errors.get_json_data()["file"][0]["code"] == "file_missing"


@pytest.mark.django_db(transaction=True)
def test_a_large_table_is_worked_off_in_the_background(supervisor: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_pages, "AT_ONCE", 2)
    client = browse(supervisor)
    tried = send(client, inspection.inspections_file(inspection.THE_PAGE))
    assert "waiting for its turn" in shown(client, tried)
    call_command("db_worker", "--batch", "--no-startup-delay", "-v", "0")
    assert "Take them all" in shown(client, tried)
    client.post(f"{tried.url}take/")
    part = client.get(tried.url, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert 'hx-trigger="every 1s"' in part
    call_command("db_worker", "--batch", "--no-startup-delay", "-v", "0")
    assert "See the visits" in shown(client, tried)
    assert Visit.objects.count() == len(inspection.THE_PAGE)


def test_a_job_is_its_owners_and_of_its_kind(supervisor: Person) -> None:
    client, other = browse(supervisor), browse(make_person("other", "supervisor"))
    tried = send(client, HEAD + GOOD)
    for address in (tried.url, f"{tried.url}refused.csv"):
        assert other.get(address).status_code == 404
    assert other.post(f"{tried.url}take/").status_code == 404
    # On the ledger's own pages it is no job either, and the ledger's is none here.
    key = tried.url.rstrip("/").rpartition("/")[2]
    assert client.get(reverse("ledger:import_job", args=[key])).status_code == 404
    assert client.post(reverse("ledger:import_take", args=[key])).status_code == 404
    findings = jobs.make_job(by=supervisor, now=inspection.beijing(20, 8), language="en", table=upload(b"a", "a.csv"))
    assert client.get(reverse("patrol:import_job", args=[findings.id])).status_code == 404
    assert client.get(reverse("patrol:import_job", args=[uuid.uuid4()])).status_code == 404


@pytest.mark.parametrize("role", ["handler", "leader", "publisher", "administrator"])
def test_only_who_makes_visits_gets_here(role: str) -> None:
    client = browse(make_person(role, role))
    assert client.get(reverse("patrol:import")).status_code == 403
    assert send(client, HEAD + GOOD).status_code == 403
    assert client.get(reverse("patrol:import_template", args=["csv"])).status_code == 403


def test_the_templates_example_is_refused_by_name(supervisor: Person) -> None:
    client = browse(supervisor)
    for form in ("csv", "xlsx"):
        data = client.get(reverse("patrol:import_template", args=[form])).content
        assert "example_row" in shown(client, send(client, data, f"inspections.{form}"))
    assert client.get(reverse("patrol:import_template", args=["pdf"])).status_code == 404


def test_a_filled_in_template_is_taken(supervisor: Person) -> None:
    client = browse(supervisor)
    data = client.get(reverse("patrol:import_template", args=["xlsx"])).content
    book = openpyxl.load_workbook(io.BytesIO(data))
    sheet = book["inspections"]
    sheet["A2"] = "丛林美食"
    file = io.BytesIO()
    book.save(file)
    tried = send(client, file.getvalue(), "inspections.xlsx")
    client.post(f"{tried.url}take/")
    assert Visit.objects.get().town == "110112104"
