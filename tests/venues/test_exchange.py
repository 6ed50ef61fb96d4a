"""Venues out to a file and in from one: templates, dry run, refused rows, an edited export that comes back."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import openpyxl
import pytest
from django.conf import settings as live
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reading import text_of

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.models import AuditRecord
from duban.demo.builders import NOON, make_person
from duban.venues.actions import VenueEdit, close_venue, edit_venue, record_venue
from duban.venues.contact import Contact, unseal_contact
from duban.venues.exchange import csv_lines
from duban.venues.imports import COLUMNS, Imported, import_venues
from duban.venues.models import Venue
from duban.venues.queries import visible_to

pytestmark = pytest.mark.django_db
TOWN, OTHER = "110112110", "110112106"
HEAD = ("name", "venue_type", "address", "jurisdiction", "lon", "lat", "datum", "contact_name", "contact_phone")


@pytest.fixture
def client(supervisor: Person, client_of: Callable[[Person], Client]) -> Client:
    return client_of(supervisor)


def table(*rows: Sequence[Any], head: Sequence[str] = HEAD) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([head, *rows])
    return text.getvalue().encode()


def take(by: Person, data: bytes, name: str = "venues.csv", **how: Any) -> Imported:
    return import_venues(by=by, now=NOON, data=data, name=name, most=1000, **how)


def told(done: Imported) -> tuple[int, int, int, int]:
    return len(done.made), done.updated, done.unchanged, len(done.refused)


GOOD = (
    ("好味面馆", "餐馆", "幸福街1号", TOWN, "116.8", "39.8", "gcj02", "张建国", "010-12345678"),
    ("小店", "shop", "", f"{OTHER}000", "", "", "", "", ""),
    ("网咖", "net cafe", "", OTHER, "", "", "", "", ""),
)


def test_a_table_is_taken_once(supervisor: Person) -> None:
    assert told(take(supervisor, table(*GOOD), try_only=True)) == (3, 0, 0, 0)
    assert not Venue.objects.exists()
    assert not AuditRecord.objects.filter(action__contains="venue").exists()
    assert told(take(supervisor, table(*GOOD))) == (3, 0, 0, 0)
    kinds = dict(Venue.objects.values_list("name", "kind"))
    assert kinds == {"好味面馆": "restaurant", "小店": "shop", "网咖": "netcafe"}
    assert unseal_contact(Venue.objects.get(name="好味面馆").contact) == Contact("张建国", "010-12345678")
    assert told(take(supervisor, table(*GOOD))) == (0, 0, 3, 0)
    assert told(take(supervisor, table(*GOOD, *GOOD))) == (0, 0, 6, 0)
    assert Venue.objects.count() == 3


def test_a_row_fills_in_what_is_not_known_and_leaves_what_is(supervisor: Person) -> None:
    take(supervisor, table(("小店", "shop", "甲街", OTHER, "", "", "", "", "")))
    row = ("小 店", "shop", "乙街", OTHER, "116.8", "39.8", "wgs84", "李四", "")
    assert told(take(supervisor, table(row))) == (0, 1, 0, 0)
    venue = Venue.objects.get()
    assert (venue.name, venue.address, venue.lon, venue.town) == ("小店", "甲街", 116.8, OTHER)
    assert unseal_contact(venue.contact) == Contact("李四", "")
    assert told(take(supervisor, table(row))) == (0, 0, 1, 0)


@pytest.mark.parametrize(
    ("row", "code", "field"),
    [
        (("", "shop", "", TOWN, "", "", "", "", ""), "name_missing", "name"),
        (("店", "赌场", "", TOWN, "", "", "", "", ""), "unknown_venue_type", "venue_type"),
        (("店", "", "", TOWN, "", "", "", "", ""), "unknown_venue_type", "venue_type"),
        (("店", "shop", "", "", "", "", "", "", ""), "place_missing", "lon"),
        (("店", "shop", "", "某镇", "", "", "", "", ""), "bad_code", "jurisdiction"),
        (("店", "shop", "", "310101", "", "", "", "", ""), "outside_scope", "jurisdiction"),
        (("店", "shop", "", TOWN, "116.8", "39.8", "", "", ""), "datum_missing", "datum"),
        (("店", "shop", "", TOWN, "116.8", "39.8", "utm", "", ""), "unknown_datum", "datum"),
        (("店", "shop", "", TOWN, "116,8", "39.8", "wgs84", "", ""), "bad_number", "lon"),
        (("店", "shop", "", TOWN, "nan", "39.8", "wgs84", "", ""), "bad_number", "lon"),
        (("店", "shop", "", TOWN, "39.8", "116.8", "wgs84", "", ""), "bad_latitude", "lat"),
        (("店", "shop", "", TOWN, "116.8", "", "wgs84", "", ""), "position_incomplete", "lon"),
        (("店", "shop", "", TOWN, "", "", "", "", "打电话"), "bad_phone", "contact_phone"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_half_written(
    supervisor: Person, row: Sequence[str], code: str, field: str
) -> None:
    data = table(GOOD[0], row, GOOD[1])
    done = take(supervisor, data)
    assert [(one.number, why.code, why.field, why.row) for one, why in done.refused] == [(3, code, field, 3)]
    assert not Venue.objects.exists()
    kept = take(supervisor, data, keep_good=True)
    assert told(kept) == (2, 0, 0, 1)
    assert Venue.objects.count() == 2


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "x.csv", "file_empty"),
        (b"name\nx", "x.csv", "columns_missing"),
        (b"name,venue_type\n", "x.csv", "no_rows"),
        (b"PK\x03\x04broken", "x.xlsx", "file_not_a_table"),
        (b"name,venue_type\n" + b"x,shop\n" * 1001, "x.csv", "too_many_rows_at_once"),
        (b"name,venue_type,name\nx,shop,y\n", "x.csv", "column_twice"),
    ],
)
def test_a_file_that_is_no_table_of_venues_is_refused(supervisor: Person, data: bytes, name: str, code: str) -> None:
    with pytest.raises(DubanError) as refusal:
        take(supervisor, data, name)
    assert refusal.value.code == code


def test_an_export_comes_back_as_it_went_and_an_edit_in_it_is_made(supervisor: Person) -> None:
    take(supervisor, table(*GOOD))
    out = "".join(csv_lines(visible_to(supervisor))).encode()
    assert told(take(supervisor, out)) == (0, 0, 3, 0)
    edited = out.replace("幸福街1号".encode(), "幸福街2号".encode()).replace("网咖".encode(), "网吧".encode())
    assert told(take(supervisor, edited, try_only=True)) == (0, 2, 1, 0)
    assert told(take(supervisor, edited)) == (0, 2, 1, 0)
    assert Venue.objects.get(name="好味面馆").address == "幸福街2号"
    assert Venue.objects.get(kind="netcafe").name == "网吧"
    # The same edited table once more: what it says is so by now.
    assert told(take(supervisor, edited)) == (0, 0, 3, 0)


def test_what_somebody_changed_meanwhile_is_not_overwritten(supervisor: Person) -> None:
    take(supervisor, table(*GOOD))
    out = "".join(csv_lines(visible_to(supervisor))).encode()
    venue = Venue.objects.get(kind="netcafe")
    edit_venue(by=supervisor, now=NOON, venue_id=venue.pk, edit=VenueEdit(address="新址"))
    done = take(supervisor, out.replace("网咖".encode(), "网吧".encode()))
    assert [why.code for _row, why in done.refused] == ["venue_changed"]
    assert Venue.objects.get(pk=venue.pk).name == "网咖"


def test_a_row_by_id_reaches_only_what_its_sender_keeps(supervisor: Person) -> None:
    take(supervisor, table(*GOOD))
    out = "".join(csv_lines(visible_to(supervisor))).encode().replace("网咖".encode(), "网吧".encode())
    keeper = make_person("keeper", "supervisor", TOWN)
    done = take(keeper, out, keep_good=True)
    assert {why.code for _row, why in done.refused} == {"unknown_venue"}
    assert len(done.refused) == 2
    assert Venue.objects.get(kind="netcafe").name == "网咖"
    head = (*HEAD, "id")
    for text, code in (("x", "bad_id"), ("EXAMPLE-1", "example_row")):
        wrong = take(supervisor, table((*GOOD[1], text), head=head))
        assert [why.code for _row, why in wrong.refused] == [code]


def test_a_closed_venue_is_known_and_is_not_changed(supervisor: Person) -> None:
    take(supervisor, table(*GOOD))
    venue = Venue.objects.get(kind="netcafe")
    close_venue(by=supervisor, now=NOON, venue_id=venue.pk)
    row = ("网咖", "net cafe", "新街", OTHER, "", "", "", "", "")
    assert told(take(supervisor, table(row))) == (0, 0, 1, 0)
    assert Venue.objects.get(pk=venue.pk).address == ""


WORDS = st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Cn", "Co"]), min_size=1, max_size=20)


@settings(max_examples=40, deadline=None)
@given(names=st.lists(WORDS, min_size=1, max_size=5), address=st.text(st.characters(codec="utf-8"), max_size=20))
def test_whatever_a_venue_is_called_it_comes_back_the_same(names: list[str], address: str) -> None:
    Venue.objects.all().delete()
    person = Person.objects.filter(username="exporter").first() or make_person("exporter")
    for name in names:
        try:
            record_venue(by=person, now=NOON, name=name, kind="shop", jurisdiction=TOWN, address=address)
        except DubanError as refusal:
            assert refusal.code in {"name_missing", "bad_text"}  # noqa: PT017
    if not Venue.objects.exists():
        return
    out = "".join(csv_lines(visible_to(person))).encode()
    for line in csv.reader(io.StringIO(out.decode("utf-8-sig"), newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in line)
    count = Venue.objects.count()
    assert told(take(person, out)) == (0, 0, count, 0)


# ---- over HTTP ------------------------------------------------------------------------------------------------------


def sent(data: bytes, name: str = "venues.csv") -> dict[str, Any]:
    return {"file": SimpleUploadedFile(name, data)}


def test_a_table_is_tried_then_taken(client: Client) -> None:
    folder = live.DUBAN_DATA / "venue-imports"
    before = set(folder.glob("*.sealed"))
    tried = client.post("/venues/import/", sent(table(*GOOD)))
    address = tried.headers["Location"]
    page = client.get(address)
    assert "<b>3</b> new" in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]
    assert not Venue.objects.exists()
    [kept] = set(folder.glob("*.sealed")) - before
    assert b"12345678" not in kept.read_bytes()
    assert client.post(f"{address}take/").headers["Location"] == "/venues/"
    assert Venue.objects.count() == 3
    assert not kept.exists()
    assert client.post(f"{address}take/").status_code == 404


def test_refused_rows_come_back_and_the_good_ones_are_taken_when_asked(client: Client) -> None:
    bad = ("坏店", "casino", "", TOWN, "", "", "", "", "")
    address = client.post("/venues/import/", sent(table(GOOD[0], bad))).headers["Location"]
    assert "unknown_venue_type" in client.get(address).content.decode()
    rows = list(csv.DictReader(io.StringIO(client.get(f"{address}refused.csv").content.decode("utf-8-sig"))))
    assert [row["name"] for row in rows] == ["坏店"]
    assert rows[0]["reason"].startswith("unknown_venue_type: venue_type:")
    assert client.post(f"{address}take/").headers["Location"] == address
    assert not Venue.objects.exists()
    assert client.post(f"{address}take/", {"keep_good": "1"}).headers["Location"] == address
    assert Venue.objects.count() == 1
    assert "<b>1</b> known already" in client.get(address).content.decode()


def test_what_another_sent_is_not_to_be_had(client: Client, client_of: Callable[[Person], Client]) -> None:
    address = client.post("/venues/import/", sent(table(*GOOD))).headers["Location"]
    other = client_of(make_person("other", "supervisor", "110112"))
    for method, end in (("get", ""), ("get", "refused.csv"), ("post", "take/")):
        assert getattr(other, method)(f"{address}{end}").status_code == 404


@pytest.mark.parametrize(
    ("data", "code"), [(b"", "file_empty"), (b"name\nx", "columns_missing"), (b"name,venue_type\n", "no_rows")]
)
def test_a_bad_file_is_refused_at_its_field_and_not_kept(client: Client, data: bytes, code: str) -> None:
    before = set((live.DUBAN_DATA / "venue-imports").glob("*"))
    answer = client.post("/venues/import/", sent(data))
    assert answer.status_code == 400
    assert code in answer.content.decode()
    assert set((live.DUBAN_DATA / "venue-imports").glob("*")) == before
    assert "file_missing" in client.post("/venues/import/", {}).content.decode()


def test_the_templates_are_tables_that_an_import_reads(client: Client, supervisor: Person) -> None:
    for end in ("csv", "xlsx"):
        template = client.get(f"/venues/import/template.{end}").content
        done = take(supervisor, template, f"x.{end}")
        assert [why.code for _row, why in done.refused] == ["example_row"]


def test_a_workbook_holds_text_as_text(client: Client, supervisor: Person) -> None:
    record_venue(by=supervisor, now=NOON, name="=1+1", kind="shop", jurisdiction=TOWN, address="@cmd\x0b a\nb")
    response = client.get("/venues/export.xlsx")
    data = b"".join(response.streaming_content)
    sheet = openpyxl.load_workbook(io.BytesIO(data)).active
    head, row = sheet.iter_rows()
    assert [cell.value for cell in head] == list(COLUMNS)
    assert (row[0].value, row[0].data_type) == ("=1+1", "s")
    assert told(take(supervisor, data, "x.xlsx")) == (0, 0, 1, 0)
    assert "=1+1" in text_of(client.get("/venues/export.csv"))


def test_a_long_export_takes_few_queries(
    client: Client, supervisor: Person, django_assert_max_num_queries: Any
) -> None:
    take(supervisor, table(*((f"店{n}", "shop", "", TOWN, "", "", "", "", "") for n in range(300))))
    with django_assert_max_num_queries(12):
        text = text_of(client.get("/venues/export.csv"))
    assert text.count("\n") == 301
