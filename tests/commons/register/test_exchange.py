"""What leaves the register comes back unchanged, and other registers can read it."""

import io
import json
from datetime import date
from typing import Any

import jsonschema_rs
import openpyxl
import pytest
from django.test import Client
from tests.commons.register.building import AT, list_places, make_organisation
from tests.commons.register.test_codes import make_code
from tests.commons.register.test_filters import many

from duban.access.models import Person
from duban.commons.models import LifeEvent, Organisation
from duban.commons.register import actions
from duban.commons.register.importing import COLUMNS, import_organisations
from duban.core import clock
from duban.demo.builders import NOON, make_person

pytestmark = pytest.mark.django_db
LIST = "/commons/organisations/"
UUID: dict[str, Any] = {"type": "string", "format": "uuid"}
TEXT: dict[str, Any] = {"type": "string"}
TERM = {
    "type": "object",
    "required": ["id", "name", "description"],
    "properties": {"id": UUID, "code": TEXT, "name": TEXT, "description": TEXT, "taxonomy": TEXT},
    "additionalProperties": False,
}
# HSDS 3.1, told here in our own words: types, formats and what is required of the objects that we write.
ORGANIZATION = {
    "type": "object",
    "required": ["id", "name", "description"],
    "properties": {
        "id": UUID,
        "name": {"type": "string", "minLength": 1},
        "alternate_name": TEXT,
        "description": {"type": "string", "minLength": 1},
        "year_incorporated": {"type": "number"},
        "legal_status": TEXT,
        "uri": {"type": "string", "format": "uri"},
        "parent_organization_id": UUID,
        "organization_identifiers": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "identifier_type", "identifier"],
                "properties": {"id": UUID, "organization_id": TEXT, "identifier_type": TEXT, "identifier": TEXT},
                "additionalProperties": False,
            },
        },
        "attributes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": UUID,
                    "link_id": UUID,
                    "taxonomy_term_id": UUID,
                    "link_type": TEXT,
                    "link_entity": TEXT,
                    "taxonomy_term": TERM,
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
PAGE = {
    "type": "object",
    "required": [
        "total_items", "total_pages", "page_number", "size", "first_page", "last_page", "empty", "contents",
    ],
    "properties": {
        **{name: {"type": "integer", "minimum": 0} for name in ("total_items", "total_pages", "page_number", "size")},
        **{name: {"type": "boolean"} for name in ("first_page", "last_page", "empty")},
        "contents": {"type": "array", "items": ORGANIZATION},
    },
    "additionalProperties": False,
}  # fmt: skip


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def worker(db: None) -> Person:
    list_places()
    return make_person("worker", "community_worker", "110112")


@pytest.fixture
def desk(worker: Person) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(worker)
    return client


def furnish(worker: Person) -> None:
    top = make_organisation(worker, "联合会", at="110112004", kind="federation", founded=None, members="")
    one = make_organisation(
        worker, "=1+1 社", credit_code=make_code("5", "1", "110112", "MJ012345"), filing_number="00123",
        category="楼门文化", about="帮老人买菜", brand="小红帽",
    )  # fmt: skip
    gone = make_organisation(worker, "'旧 社", tier="guided", filing_number="2020-01-01")
    actions.join_federation(by=worker, now=NOON, organisation_id=one.pk, federation_id=top.pk, on=date(2020, 1, 1))
    actions.dissolve_organisation(by=worker, now=NOON, organisation_id=gone.pk, on=date(2020, 1, 1), reason="解散")


@pytest.mark.parametrize("query", ["", "?dissolved=1"])
def test_an_import_takes_the_workbook_back_unchanged(worker: Person, desk: Client, query: str) -> None:
    furnish(worker)
    before = list(Organisation.objects.order_by("pk").values())
    events = LifeEvent.objects.count()
    book = b"".join(desk.get(f"{LIST}export.xlsx{query}").streaming_content)
    rows = list(openpyxl.load_workbook(io.BytesIO(book)).active.values)
    assert rows[0][: len(COLUMNS)] == COLUMNS
    done = import_organisations(by=worker, now=NOON, data=book, name="a.xlsx")
    assert (done.taken, done.updated, done.unchanged, done.refused) == (0, 0, len(rows) - 1, [])
    assert len(rows) - 1 == (1 if query else 2)
    assert list(Organisation.objects.order_by("pk").values()) == before
    assert LifeEvent.objects.count() == events


def test_an_empty_register_takes_the_workbook_as_it_was(worker: Person, desk: Client) -> None:
    furnish(worker)
    columns = (
        "name",
        "tier",
        "credit_code",
        "filing_number",
        "category_id",
        "jurisdiction",
        "members",
        "founded",
        "kind",
    )
    before = set(Organisation.objects.filter(dissolved_on=None).values_list(*columns))
    book = b"".join(desk.get(f"{LIST}export.xlsx").streaming_content)
    Organisation.objects.update(federation=None)
    Organisation.objects.all().delete()
    assert import_organisations(by=worker, now=NOON, data=book, name="a.xlsx").taken == 2
    assert set(Organisation.objects.values_list(*columns)) == before


def test_a_thousand_rows_go_round(worker: Person, desk: Client) -> None:
    many(300)
    # Of one name at one place a table knows one; the others would be it.
    seen: set[tuple[str, str]] = set()
    for one in Organisation.objects.all():
        if (one.jurisdiction, one.name_key) in seen or one.tier == "registered":
            one.delete()
        seen.add((one.jurisdiction, one.name_key))
    book = b"".join(desk.get(f"{LIST}export.xlsx").streaming_content)
    done = import_organisations(by=worker, now=NOON, data=book, name="a.xlsx")
    assert (done.taken, done.updated, done.refused) == (0, 0, [])
    assert done.unchanged > 40


def test_hsds_holds_to_its_schema_on_every_page(worker: Person, desk: Client, settings: Any) -> None:
    settings.DUBAN_SITE_URL = "https://duban.example"
    furnish(worker)
    many(40)
    check = jsonschema_rs.validator_for(PAGE, validate_formats=True)
    seen: list[str] = []
    for address in (f"{LIST}hsds.json", "/organisations/hsds.json"):
        number, pages = 1, 2
        while number <= pages:
            body = json.loads(desk.get(f"{address}?page={number}&per_page=7").content)
            check.validate(body)
            assert body["page_number"] == number
            assert body["first_page"] is (number == 1)
            assert body["last_page"] is (number == body["total_pages"])
            pages, number = body["total_pages"], number + 1
            seen += [one["id"] for one in body["contents"]]
        assert len(set(seen)) == len(seen) == body["total_items"]
        seen = []
    past = json.loads(desk.get("/organisations/hsds.json?page=99").content)
    check.validate(past)
    assert past["empty"]
    told = {
        one["name"]: one for one in json.loads(desk.get("/organisations/hsds.json?per_page=1000").content)["contents"]
    }
    one = told["=1+1 社"]
    assert one["alternate_name"] == "小红帽"
    assert one["parent_organization_id"] == told["联合会"]["id"]
    assert [given["identifier"] for given in one["organization_identifiers"]][1] == "00123"
    assert "楼门文化" in [given["taxonomy_term"]["name"] for given in one["attributes"]]


@pytest.mark.parametrize("query", ["page=0", "page=x", "page=-1", "per_page=1001", "page=999999999", "tier=x"])
def test_a_page_that_is_none_is_refused(desk: Client, query: str) -> None:
    for address in (f"{LIST}hsds.json", "/organisations/hsds.json"):
        answer = desk.get(f"{address}?{query}", headers={"accept": "application/json"})
        assert answer.status_code == 400
        assert json.loads(answer.content)["field"] == query.split("=")[0]


def test_the_api_reads_the_register_page_by_page(worker: Person, desk: Client) -> None:
    made = many(30)
    here = {str(one.pk) for one in made if one.town[:6] == "110112" and one.dissolved_on is None}
    seen: list[str] = []
    cursor = ""
    while True:
        body = desk.get(f"/api/v1/organisations/?sort=-members&size=7&cursor={cursor}").json()
        seen += [one["id"] for one in body["organisations"]]
        cursor = body["later"]
        if not cursor:
            break
    assert set(seen) == here
    assert len(seen) == len(here)
    assert desk.get(f"/api/v1/organisations/?area={AT}&tier=x").json()["code"] == "unknown_word"
    far = next(one for one in made if one.town[:6] != "110112")
    assert desk.get(f"/api/v1/organisations/{far.pk}").status_code == 404
    assert desk.get(f"/api/v1/organisations/{seen[0]}").json()["id"] == seen[0]


def test_the_template_is_understood(worker: Person, desk: Client) -> None:
    book = openpyxl.load_workbook(io.BytesIO(desk.get(f"{LIST}import/template.xlsx").content))
    sheet = book["organisations"]
    assert tuple(cell.value for cell in sheet[1]) == COLUMNS
    sheet.append(["新社", "guided", None, None, "文化体育", AT, 12, "2020", "club"])
    file = io.BytesIO()
    book.save(file)
    assert import_organisations(by=worker, now=NOON, data=file.getvalue(), name="a.xlsx").taken == 1
