"""The ledger exported, edited and imported again: exactly what was edited changes, whatever the texts look like."""

import csv
import io
import json
import random
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
from django.utils import timezone, translation
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.formula import ArrayFormula

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.demo.builders import NOON, make_finding, make_person
from duban.ledger import actions, history, queries, workbook
from duban.ledger.amendments import import_amendments, plan_amendments
from duban.ledger.cells import COLUMNS, EDITABLE, KEYS, plain_cell
from duban.ledger.export import csv_lines, geojson_parts
from duban.ledger.imports import Imported
from duban.ledger.models import Entry, Event
from duban.ledger.recording import record_findings

NOW = NOON + timedelta(days=1)
SHOWN = workbook.COLUMNS
HARD = [
    "=1+1", "'=1+1", "''=x", "'", "''", "+86 10 6952", "-5", "@all", "\t=1", "＝全角", "TRUE", "007", "1e5", "12:30",
    "2021-01-18", "a\nb", "a\r\nb", "a\rb", "_x000D_", "a_x0041_b", "_x005F_x0041_", "_X0041_", "😀 垃圾", "　全角空格　",
    "tab\there", "\x0bodd\x1f", "\ufffe", "#N/A", "“引号”, \"quotes\" & <tags>", "100%", "3/4", "村东一段\n\n" + "长文" * 900,
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
        cell.value = value
        if isinstance(value, str):
            cell.value, cell.data_type = workbook.escaped(value), "s"
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
