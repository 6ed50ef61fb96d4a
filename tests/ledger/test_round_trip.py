"""The ledger exported, edited and imported again: exactly what was edited changes, whatever the texts look like."""

import csv
import io
import json
import uuid
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import python_calamine
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ledger.office import Office, soffice

from duban.access.actions import add_person
from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.tables import FORMULA_START, guard
from duban.demo.builders import NOON, make_finding, make_person
from duban.ledger import actions, history, queries, workbook
from duban.ledger.amendments import import_amendments, plan_amendments
from duban.ledger.cells import COLUMNS, plain_cell, text_of
from duban.ledger.export import csv_lines, geojson_parts
from duban.ledger.imports import Imported
from duban.ledger.models import Entry, Event
from duban.ledger.recording import record_findings

NOW = NOON + timedelta(days=1)
SHOWN = workbook.COLUMNS
HARD = [
    "=1+1", "'=1+1", "''=x", "'", "''", "+86 10 6952", "-5", "@all", "\t=1", "＝全角", "TRUE", "007", "1e5", "12:30",
    "2021-01-18", "a\nb", "a\r\nb", "a\rb", "_x000D_", "a_x0041_b", "_x005F_x0041_", "_X0041_", "😀 垃圾",
    "　全角空格　", "tab\there", "\x0bodd\x1f", "\ufffe", "#N/A", "“引号”, \"quotes\" & <tags>", "100%", "3/4",
    "村东一段\n\n" + "长文" * 900,
]  # fmt: skip


@pytest.fixture(autouse=True)
def english() -> Any:
    with translation.override("en"):
        yield


def recorded(by: Person, descriptions: Sequence[str], **facts: Any) -> list[Entry]:
    findings = [make_finding(seed, description=text, **facts) for seed, text in enumerate(descriptions, start=1)]
    made, refused = record_findings(by=by, now=NOON, findings=findings)
    assert refused == []
    return [one.entry for one in made]


def found(person: Person | None = None) -> Any:
    entries = Entry.objects.all() if person is None else queries.entries_for(person, queries.Filters(), now=NOW)
    return entries.select_related("category").order_by("number")


def as_book(person: Person | None = None) -> bytes:
    file = io.BytesIO()
    workbook.write_entries(found(person), file)
    return file.getvalue()


def as_csv(person: Person | None = None) -> bytes:
    return "".join(csv_lines(found(person))).encode()


def edited(data: bytes, edits: dict[tuple[int, str], Any]) -> bytes:
    """The workbook with cells (row, column) replaced, as an office suite spells them."""
    book = openpyxl.load_workbook(io.BytesIO(data))
    for (row, column), value in edits.items():
        cell = book[workbook.SHEET].cell(row, SHOWN.index(column) + 1)
        cell.value = workbook.escaped(value) if isinstance(value, str) else value
        if isinstance(value, str):
            cell.data_type = "s"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def edited_csv(data: bytes, edits: dict[tuple[int, str], str]) -> bytes:
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    for (row, column), value in edits.items():
        rows[row - 1][rows[0].index(column)] = value
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def taken(by: Person, data: bytes, name: str = "ledger.xlsx", **options: Any) -> Imported:
    return import_amendments(by=by, now=NOW, data=data, name=name, **options)


def outcome(done: Imported) -> tuple[int, int, list[tuple[int, str, str | None]]]:
    return done.updated, done.unchanged, [(row.number, refusal.code, refusal.field) for row, refusal in done.refused]


def everything() -> tuple[list[Any], list[Any]]:
    return list(Entry.objects.order_by("pk").values()), list(Event.objects.order_by("pk").values())


# ---- nothing is lost ------------------------------------------------------------------------------------------------


def test_an_export_that_nobody_edited_changes_nothing(people: dict[str, Person]) -> None:
    recorded(people["supervisor"], HARD)
    before = everything()
    assert outcome(taken(people["supervisor"], as_book())) == (0, len(HARD), [])
    assert outcome(taken(people["supervisor"], as_csv(), "ledger.csv")) == (0, len(HARD), [])
    with translation.override("zh-hans"):
        assert outcome(taken(people["supervisor"], as_book())) == (0, len(HARD), [])
        chinese = as_book()
    assert outcome(taken(people["supervisor"], chinese)) == (0, len(HARD), [])
    assert everything() == before


def test_every_text_arrives_as_the_text_that_it_is(people: dict[str, Person]) -> None:
    recorded(people["supervisor"], HARD)
    data = as_book()
    rows = python_calamine.load_workbook(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    shown = [row[SHOWN.index("description")] for row in rows[1:]]
    assert shown == [text.replace("\r\n", "\n").replace("\r", "\n").strip("\ufffe") for text in HARD]
    sheet = openpyxl.load_workbook(io.BytesIO(data))[workbook.SHEET]
    assert "f" not in {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert "<f>" not in zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml").decode()


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufffe\uffff"), max_size=40)
STARTS = ["=", "+", "-", "@", "\t", "\r", "'", "''=", "_x0041_", "_x005F_x0041_", "＝", " ", "\n"]
ANY = TEXT | st.tuples(st.sampled_from(STARTS), TEXT).map("".join)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(ANY, min_size=1, max_size=4), new=ANY)
@pytest.mark.parametrize("name", ["a.xlsx", "a.csv"])
def test_any_text_goes_out_and_comes_back(people: dict[str, Person], name: str, texts: list[str], new: str) -> None:
    supervisor = people["supervisor"]
    with transaction.atomic():
        first = recorded(supervisor, texts)[0]
        data = as_csv() if name == "a.csv" else as_book()
        assert outcome(taken(supervisor, data, name)) == (0, len(texts), [])
        is_new = plain_cell("description", new) != plain_cell("description", texts[0])
        if name == "a.csv":
            changed = taken(supervisor, edited_csv(data, {(2, "description"): guard(new)}), name)
        else:
            changed = taken(supervisor, edited(data, {(2, "description"): new}), name)
        assert (changed.updated, changed.refused) == (int(is_new), [])
        first.refresh_from_db()
        assert first.description == (text_of(new) if is_new else texts[0])
        assert list(found().values_list("description", flat=True)[1:]) == texts[1:]
        transaction.set_rollback(True)


def test_the_csv_holds_no_formula_and_comes_back_edited(people: dict[str, Person]) -> None:
    recorded(people["supervisor"], HARD)
    data = as_csv()
    cells = [cell for row in csv_rows(data) for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(FORMULA_START)]
    changed = edited_csv(data, {(2, "description"): "'=2", (3, "category"): "6011", (4, "statement"): "村北"})
    assert outcome(taken(people["supervisor"], changed, "a.csv")) == (3, len(HARD) - 3, [])
    first, second, third = found()[:3]
    assert (first.description, second.category.code, third.statement) == ("=2", "06011", "村北")
    assert outcome(taken(people["supervisor"], changed, "a.csv")) == (0, len(HARD), [])
    named = edited_csv(data, {(5, "category_name"): "别的"})
    assert outcome(taken(people["supervisor"], named, "a.csv"))[2] == [(5, "not_editable", "category_name")]


def test_geojson_has_the_columns_of_the_csv_and_is_valid_when_empty(people: dict[str, Person]) -> None:
    assert json.loads("".join(geojson_parts(found()))) == {"type": "FeatureCollection", "features": []}
    entries = many_kinds_of_entries(people)
    whole = json.loads("".join(geojson_parts(found())))
    assert [feature["id"] for feature in whole["features"]] == [str(entry.pk) for entry in found()]
    by_id = {feature["id"]: feature for feature in whole["features"]}
    for entry in Entry.objects.all():
        feature = by_id[str(entry.pk)]
        assert feature["geometry"]["coordinates"] == [round(entry.lon, 7), round(entry.lat, 7)]
        assert tuple(feature["properties"]) == COLUMNS
        assert datetime.fromisoformat(feature["properties"]["found_at"]) == entry.found_at.replace(microsecond=0)
        assert feature["properties"]["description"] == (entry.description or None)
    assert by_id[str(entries[0].pk)]["properties"]["state"] == "assigned"


# ---- through a real office suite -----------------------------------------------------------------------------------

needs_office = pytest.mark.skipif(soffice() is None, reason="no LibreOffice here; tests/install_office installs it")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(tmp_path_factory.mktemp("office"))


@needs_office
def test_opened_and_saved_in_libreoffice_nothing_changes(people: dict[str, Person], office: Office) -> None:
    many_kinds_of_entries(people)
    before = everything()
    saved = office.edit(as_book())
    assert outcome(taken(people["supervisor"], saved)) == (0, Entry.objects.count(), [])
    assert everything() == before


def many_kinds_of_entries(people: dict[str, Person]) -> list[Entry]:
    """Hard texts, exact degrees, times with and without seconds, a deadline and none, one of another code."""
    supervisor = people["supervisor"]
    entries = recorded(supervisor, HARD)
    odd = [
        make_finding(
            901, lon=116.9876543210987, lat=39.1234567890123, found_at=datetime(2021, 1, 3, 4, 5, 6, 789_000, UTC)
        ),
        make_finding(902, lon=-0.1, lat=-33.3333333333, found_at=datetime(2020, 2, 29, 15, 59, 59, tzinfo=UTC)),
        make_finding(
            903, found_at=datetime(2016, 7, 1, 0, 0, tzinfo=UTC), statement="=SUM(A1)\n第二行", responsible="010203"
        ),
        make_finding(904, description=""),
    ]
    made, refused = record_findings(by=supervisor, now=NOON, findings=odd)
    assert refused == []
    entries += [one.entry for one in made]
    actions.list_entry(by=supervisor, now=NOON, entry_id=entries[0].pk)
    actions.assign_entry(
        by=supervisor,
        now=NOON,
        entry_id=entries[0].pk,
        due_at=datetime(2021, 2, 1, 9, 30, tzinfo=timezone.get_fixed_timezone(540)),
    )
    return entries


EDITS = {
    (2, "description"): "改过的第一段\n第二段，带“引号”",
    (3, "statement"): "=HYPERLINK(1)",
    (4, "category"): "Piled waste and rubble",
    (5, "description"): "",
    (6, "description"): "007",
    (7, "description"): "_x0041_ 2021-01-18",
}


@needs_office
def test_what_is_edited_in_libreoffice_changes_and_nothing_else(people: dict[str, Person], office: Office) -> None:
    many_kinds_of_entries(people)
    supervisor = people["supervisor"]
    was = {entry["number"]: entry for entry in Entry.objects.values()}
    events = Event.objects.count()
    letters = {column: openpyxl.utils.get_column_letter(at) for at, column in enumerate(SHOWN, start=1)}
    saved = office.edit(as_book(), [(f"{letters[column]}{row}", text) for (row, column), text in EDITS.items()])
    planned = plan_amendments(by=supervisor, data=saved, name="ledger.xlsx")
    assert [(one.row.number, list(one.edits)) for one in planned.amendments] == [
        (row, [column]) for row, column in EDITS
    ]
    assert planned.refused == []
    total = len(was)
    assert outcome(taken(supervisor, saved)) == (len(EDITS), total - len(EDITS), [])
    numbers = sorted(was)
    for (row, column), text in EDITS.items():
        entry = Entry.objects.select_related("category").get(number=numbers[row - 2])
        assert (entry.category.name_en if column == "category" else getattr(entry, column)) == text
        (event,) = entry.events.filter(action="amend")
        assert event.username == "supervisor"
    for entry in Entry.objects.values():
        touched = {column for row, column in EDITS if numbers[row - 2] == entry["number"]}
        columns = {"category_id" if column == "category" else column for column in touched}
        differ = {column for column, value in entry.items() if was[entry["number"]][column] != value}
        assert differ - {"unsealed"} == (columns | {"event_count", "head_hash"} if touched else set())
    assert Event.objects.count() == events + len(EDITS)
    assert list(history.verify_events()) == []
    again = outcome(taken(supervisor, saved))
    assert again == (0, total, [])


def test_exported_times_and_degrees_are_exact_to_what_they_show(people: dict[str, Person]) -> None:
    many_kinds_of_entries(people)
    rows = python_calamine.load_workbook(io.BytesIO(as_book())).get_sheet_by_index(0).to_python()
    by_number = {row[0]: dict(zip(SHOWN, row, strict=True)) for row in rows[1:]}
    for entry in Entry.objects.all():
        row = by_number[entry.number]
        assert (row["lon"], row["lat"]) == (round(entry.lon, 7), round(entry.lat, 7))
        for column in ("found_at", "due_at", "closed_at"):
            moment = getattr(entry, column)
            shown = timezone.localtime(moment).replace(tzinfo=None, microsecond=0) if moment else ""
            assert row[column] == shown
        assert row["responsible"] == entry.responsible


# ---- what an import refuses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("state", "closed", "not_editable"),
        ("responsible", "110112110", "not_editable"),
        ("responsible_name", "别处", "not_editable"),
        ("jurisdiction", "110113", "not_editable"),
        ("lon", 116.9, "not_editable"),
        ("lat", 39.8000002, "not_editable"),
        ("datum", "gcj02", "not_editable"),
        ("found_at", datetime(2021, 1, 18, 12, 1), "not_editable"),  # noqa: DTZ001
        ("due_at", None, "not_editable"),
        ("closed_at", datetime(2021, 1, 20), "not_editable"),  # noqa: DTZ001
        ("reworks", 1, "not_editable"),
        ("number", "110112-2021-999999", "number_mismatch"),
        ("id", None, "id_missing"),
        ("id", "x", "entry_not_found"),
        ("id", str(uuid.UUID(int=1)), "entry_not_found"),
        ("category", "99999", "unknown_category"),
        ("category", None, "category_missing"),
        ("statement", "长" * 301, "bad_statement"),
        ("description", "长" * 2001, "description_too_long"),
    ],
)
def test_what_cannot_be_edited_is_refused_by_name(
    people: dict[str, Person], column: str, value: Any, code: str
) -> None:
    recorded(people["supervisor"], ["一", "二", "三"], statement="村口")
    before = everything()
    data = edited(as_book(), {(3, column): value, (4, "description"): "改"})
    field = "id" if code == "entry_not_found" else column
    assert outcome(taken(people["supervisor"], data)) == (0, 1, [(3, code, field)])
    assert everything() == before
    assert outcome(taken(people["supervisor"], data, keep_good=True)) == (1, 1, [(3, code, field)])
    assert list(Entry.objects.order_by("number").values_list("description", flat=True)) == ["一", "二", "改"]


def test_a_row_edited_in_two_places_is_refused_whole(people: dict[str, Person]) -> None:
    recorded(people["supervisor"], ["一"])
    data = edited(as_book(), {(2, "state"): "closed", (2, "description"): "改"})
    assert outcome(taken(people["supervisor"], data, keep_good=True)) == (0, 0, [(2, "not_editable", "state")])


def test_an_entry_that_moved_on_is_a_conflict_where_it_was_edited_and_nowhere_else(people: dict[str, Person]) -> None:
    supervisor = people["supervisor"]
    first, second, _third = recorded(supervisor, ["一", "二", "三"])
    data = edited(as_book(), {(2, "description"): "改一", (4, "description"): "改三"})
    for entry in (first, second):
        actions.list_entry(by=supervisor, now=NOW, entry_id=entry.pk)
    assert outcome(taken(supervisor, data)) == (0, 1, [(2, "entry_changed", "description")])
    assert outcome(taken(supervisor, data, keep_good=True)) == (1, 1, [(2, "entry_changed", "description")])
    actions.amend_entry(by=supervisor, now=NOW, entry_id=first.pk, description="改一")
    assert outcome(taken(supervisor, data)) == (0, 3, [])


def test_the_same_table_again_changes_nothing_even_after_the_next_step(people: dict[str, Person]) -> None:
    supervisor = people["supervisor"]
    (entry,) = recorded(supervisor, ["一"])
    data = edited(as_book(), {(2, "description"): "改", (2, "category"): "06011", (2, "statement"): "村北"})
    assert outcome(taken(supervisor, data)) == (1, 0, [])
    assert entry.events.filter(action="amend").count() == 1
    assert outcome(taken(supervisor, data)) == (0, 1, [])
    actions.list_entry(by=supervisor, now=NOW, entry_id=entry.pk)
    actions.assign_entry(by=supervisor, now=NOW, entry_id=entry.pk)
    assert outcome(taken(supervisor, data)) == (0, 1, [])


def test_a_row_without_its_mark_is_held_against_the_entry_as_it_is(people: dict[str, Person]) -> None:
    recorded(people["supervisor"], ["一", "二"])
    data = edited(as_book(), {(2, "mark"): None, (3, "mark"): "m???", (3, "description"): "改"})
    assert outcome(taken(people["supervisor"], data)) == (1, 1, [])


def test_a_copied_row_is_there_twice(people: dict[str, Person]) -> None:
    recorded(people["supervisor"], ["一", "二"])
    sheet = python_calamine.load_workbook(io.BytesIO(as_book())).get_sheet_by_index(0).to_python()
    copied = edited(as_book(), {(4, column): sheet[1][at] for at, column in enumerate(SHOWN)})
    assert outcome(taken(people["supervisor"], copied)) == (0, 2, [(4, "row_twice", "id")])


def test_columns_may_go_and_rows_may_move(people: dict[str, Person]) -> None:
    recorded(people["supervisor"], ["一", "二", "三"])
    rows = list(csv.DictReader(io.StringIO(as_csv().decode("utf-8-sig"), newline="")))
    text = io.StringIO()
    columns = ["mark", "description", "number", "seen", "id"]
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows([rows[2], rows[0] | {"description": "=改"}])
    assert outcome(taken(people["supervisor"], text.getvalue().encode(), "a.csv")) == (1, 1, [])
    assert Entry.objects.order_by("number").values_list("description", flat=True)[0] == "=改"


def bad_book(sheets: dict[str, list[list[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def with_macro(data: bytes) -> bytes:
    file = io.BytesIO(data)
    with zipfile.ZipFile(file, "a") as book:
        book.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0")
    return file.getvalue()


def corner(data: bytes) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(data))
    book[workbook.SHEET]["XFD1048576"] = 1
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def broken(data: bytes) -> bytes:
    middle = len(data) // 3
    return data[:middle] + b"\x00" * 400 + data[middle + 400 :]


@pytest.mark.parametrize(
    ("spoil", "name", "code"),
    [
        (lambda _data: b"", "a.xlsx", "file_empty"),
        (lambda _data: b"hello", "a.xlsx", "file_not_a_table"),
        (lambda _data: b"PK\x03\x04hello", "a.xlsx", "file_not_a_table"),
        (lambda data: data[: len(data) // 2], "a.xlsx", "file_not_a_table"),
        (broken, "a.xlsx", "file_not_a_table"),
        (lambda data: data, "a.csv", "file_not_a_table"),
        (lambda _data: bad_book({"Sheet1": [["found_at", "lon"], [1, 2]]}), "a.xlsx", "columns_missing"),
        (lambda _data: bad_book({"Sheet1": [["number", "id", "seen"], [1, 2, 3]]}), "a.xlsx", "columns_missing"),
        (lambda _data: bad_book({"a": [], "b": [[*SHOWN]]}), "a.xlsx", "columns_missing"),
        (lambda _data: bad_book({"a": [[*SHOWN, "id"]]}), "a.xlsx", "column_twice"),
        (with_macro, "a.xlsx", "macro_workbook"),
        (lambda data: data, "a.xlsm", "macro_workbook"),
        (lambda data: data, "a.ods", "not_xlsx"),
        (lambda data: data, "a.xls", "not_xlsx"),
        (corner, "a.xlsx", "sheet_too_large"),
        (lambda _data: b"number,id,seen,mark\n\x00", "a.csv", "file_not_a_table"),
        (lambda _data: "number,id,seen,mark\n编号".encode("utf-16"), "a.csv", "file_not_a_table"),
    ],
)
def test_a_bad_file_is_refused_as_a_whole(
    people: dict[str, Person], spoil: Callable[[bytes], bytes], name: str, code: str
) -> None:
    recorded(people["supervisor"], ["一"])
    with pytest.raises(DubanError) as refusal:
        taken(people["supervisor"], spoil(as_book()), name)
    assert refusal.value.code == code


def test_our_sheet_is_found_among_others_and_empty_rows_are_none(people: dict[str, Person]) -> None:
    recorded(people["supervisor"], ["一"])
    book = openpyxl.load_workbook(io.BytesIO(edited(as_book(), {(2, "description"): "改"})))
    book.create_sheet("notes", 0).append(["x"])
    book[workbook.SHEET]["D9"] = "  "
    file = io.BytesIO()
    book.save(file)
    assert outcome(taken(people["supervisor"], file.getvalue())) == (1, 0, [])


# ---- whose it is ----------------------------------------------------------------------------------------------------


def test_each_gets_only_what_is_theirs_and_another_area_answers_as_absent(people: dict[str, Person]) -> None:
    mine, _theirs = recorded(people["supervisor"], ["本镇", "外镇"], responsible="110112106")
    Entry.objects.exclude(pk=mine.pk).update(responsible="110112110", jurisdiction="110112110")
    for export in (as_book, as_csv):
        rows = csv_rows(export(people["town_handler"]))
        assert [row["description"] for row in rows] == ["本镇"]
    features = json.loads("".join(geojson_parts(found(people["town_handler"]))))["features"]
    assert [feature["properties"]["description"] for feature in features] == ["本镇"]
    whole = edited(as_book(), {(2, "description"): "改", (3, "description"): "改"})
    absent = edited(whole, {(3, "id"): str(uuid.UUID(int=7))})
    hidden, gone = (taken(people["town_supervisor"], data) for data in (whole, absent))
    assert outcome(hidden)[2] == outcome(gone)[2]
    assert [str(refusal) for _row, refusal in hidden.refused] == [str(refusal) for _row, refusal in gone.refused]
    assert outcome(hidden)[2][-1] == (3, "entry_not_found", "id")
    for role in ("handler", "inspector", "leader"):
        with pytest.raises(DubanError) as refusal:
            taken(people[role], whole)
        assert refusal.value.code == "not_allowed"


def csv_rows(data: bytes) -> list[dict[str, Any]]:
    if data.startswith(b"PK"):
        rows = python_calamine.load_workbook(io.BytesIO(data)).get_sheet_by_index(0).to_python()
        return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_an_entry_that_is_seen_but_not_triaged_is_refused_by_row(people: dict[str, Person]) -> None:
    elsewhere = make_person("two", "leader", "110112")
    add_person(username="two", role="supervisor", at="110112110", now=NOW)
    recorded(people["supervisor"], ["一"])
    data = edited(as_book(), {(2, "description"): "改"})
    assert outcome(taken(elsewhere, data))[2] == [(2, "not_allowed", None)]


# ---- the command ----------------------------------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str, str]:
    """Exit status, the result, and all that was said on stdout and stderr."""
    status = 0
    try:
        call_command("import_entries", *words, "--json")
    except SystemExit as left:
        status = int(left.code or 0)
    said = capsys.readouterr()
    return status, json.loads(said.out.splitlines()[-1]), said.out, said.err


def test_the_command_tries_amends_and_hands_back(
    people: dict[str, Person], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded(people["supervisor"], ["一", "二", "三"])
    file = tmp_path / "ledger.xlsx"
    file.write_bytes(edited(as_book(), {(2, "description"): "=改", (3, "state"): "closed"}))
    who = (str(file), "--by", "supervisor")
    nothing = {"taken": 0, "updated": 1, "unchanged": 1, "refused": 1, "report": None}
    status, result, out, err = run(capsys, *who, "--dry-run")
    assert (status, result) == (1, nothing)
    assert "description: '一' -> '=改'" in out
    assert "not_editable: row 3: state" in err
    report = str(tmp_path / "ledger.refused.csv")
    assert run(capsys, *who)[:2] == (1, nothing | {"updated": 0, "report": report})
    assert Entry.objects.filter(description="=改").count() == 0
    assert run(capsys, *who, "--keep-good", "--reason", "核对")[:2] == (0, nothing | {"report": report})
    event = Event.objects.get(action="amend")
    assert (event.words["reason"], event.entry.description) == ("核对", "=改")
    (row,) = csv_rows(Path(report).read_bytes())
    assert row["reason"].startswith("not_editable: state:")
    mended = Path(report).read_bytes().decode("utf-8-sig").replace(",closed,", ",found,").replace(",二,", ",改二,")
    (tmp_path / "again.csv").write_bytes(mended.encode())
    status, result, _out, _err = run(capsys, str(tmp_path / "again.csv"), "--by", "supervisor")
    assert (status, result["updated"], result["refused"]) == (0, 1, 0)
    assert Entry.objects.filter(description="改二").exists()
    with pytest.raises(CommandError, match="not_allowed"):
        call_command("import_entries", str(file), "--by", "handler")


def test_more_entries_than_a_sheet_holds_are_refused(people: dict[str, Person], monkeypatch: Any) -> None:
    recorded(people["supervisor"], ["一", "二"])
    monkeypatch.setattr(workbook, "SHEET_ROWS", 2)
    with pytest.raises(DubanError) as refusal:
        as_book()
    assert refusal.value.code == "too_many_for_sheet"
