"""The ledger as an Excel workbook that may be edited in any office suite and imported again without loss.

Texts are text cells, never formulas. What may be edited stands in unlocked cells, the rest is protected (without a
password: the protection is a hint; see amendments.py for what happens to edits elsewhere). The keys are hidden columns.
"""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import openpyxl
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from openpyxl.cell import WriteOnlyCell
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill, Protection
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from duban.core.errors import DubanError
from duban.core.tables import FORMULA_START
from duban.ledger.cells import EDITABLE, KEYS, NUMBERS, TIMES, UNWRITABLE, CategoryLabels, mark_of, values_of
from duban.ledger.export import named
from duban.ledger.models import Entry

SHEET = "ledger"
LISTS = "lists"
SHEET_ROWS = 1_048_576
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What each column says, for the comment on its heading, and its width in characters.
HEADINGS: dict[str, tuple[Promise | str, int]] = {
    "number": (gettext_lazy("The number on the ledger."), 22),
    "state": (gettext_lazy("Changes by the steps on the entry’s page."), 12),
    "category": (gettext_lazy("What is wrong, by name or code. You may change it."), 20),
    "statement": (gettext_lazy("The place in words. You may change it."), 40),
    "description": (gettext_lazy("In words. You may change it."), 48),
    "responsible_name": (gettext_lazy("The unit that must fix it; changes by assigning the entry."), 18),
    "responsible": (gettext_lazy("The code of that unit."), 14),
    "jurisdiction_name": (gettext_lazy("The area that the place lies in."), 18),
    "jurisdiction": (gettext_lazy("The code of that area."), 14),
    "lon": (gettext_lazy("Degrees east."), 12),
    "lat": (gettext_lazy("Degrees north."), 12),
    "datum": (gettext_lazy("Of the degrees: always WGS 84."), 8),
    "found_at": (gettext_lazy("When it was found, by the office’s clock."), 19),
    "due_at": (gettext_lazy("The deadline."), 19),
    "closed_at": (gettext_lazy("When it was struck off."), 19),
    "reworks": (gettext_lazy("How often a remedy was rejected."), 9),
    "id": ("", 8),
    "seen": ("", 8),
    "mark": ("", 8),
}
COLUMNS = tuple(HEADINGS)
TEXT_FORMAT = "@"
TIME_FORMAT = "yyyy-mm-dd hh:mm:ss"
# In a sheet, _x000D_ stands for a character.
ESCAPE_LIKE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


class BadWorkbook(DubanError):
    pass


def write_entries(
    entries: QuerySet[Entry], file: IO[bytes] | Path, *, progress: Callable[[int], None] = lambda _done: None
) -> int:
    """Write the workbook, whatever its size in a few megabytes of memory; returns how many entries it holds.

    Raises BadWorkbook (`too_many_for_sheet`) for more entries than a sheet has rows.
    """
    require_fits(entries)
    labels = CategoryLabels()
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(SHEET)
    sheet.freeze_panes = "B2"
    for at, (column, (_says, width)) in enumerate(HEADINGS.items(), start=1):
        dimension = sheet.column_dimensions[get_column_letter(at)]
        dimension.width, dimension.hidden = width, column in KEYS
    sheet.append([_heading(sheet, column) for column in COLUMNS])
    # One cell object a column, filled anew for each row: the sheet writes a row out as soon as it is appended.
    line = {column: _blank(sheet, column) for column in COLUMNS}
    written = 0
    for entry, names in named(entries):
        values = values_of(entry, names) | {"category": labels.of(entry.category)}
        cells = {column: _cell(values[column]) for column in COLUMNS if column != "mark"}
        cells["mark"] = mark_of(cells)
        for column, cell in line.items():
            _fill(cell, cells[column])
        sheet.append(list(line.values()))
        written += 1
        if written % 500 == 0:
            progress(written)
    _finish(sheet, written)
    _add_choices(book, sheet, labels.all(), written)
    book.save(file)
    return written


def require_fits(entries: QuerySet[Entry]) -> None:
    if entries.order_by()[:SHEET_ROWS].count() >= SHEET_ROWS:
        raise BadWorkbook(
            "too_many_for_sheet",
            _("A sheet holds 1,048,575 entries below its heading; narrow the filter or take the CSV."),
        )


def _heading(sheet: Any, column: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, column)
    cell.font = Font(bold=True)
    if column not in EDITABLE:
        cell.fill = PatternFill("solid", fgColor="E7E6E6")
    if HEADINGS[column][0]:
        cell.comment = Comment(str(HEADINGS[column][0]), "Duban", width=220, height=70)
    return cell


def _blank(sheet: Any, column: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet)
    if column in TIMES:
        cell.number_format = TIME_FORMAT
    elif column not in NUMBERS:
        # So that what is typed over it stays text: a code keeps its zeros, a date is no number.
        cell.number_format = TEXT_FORMAT
    if column in EDITABLE:
        cell.protection = Protection(locked=False)
    return cell


def _cell(value: Any) -> Any:
    """Excel knows no time zones and one kind of line end."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None, microsecond=0)
    return re.sub("\r\n?", "\n", value) if isinstance(value, str) else value


def _fill(cell: WriteOnlyCell, value: Any) -> None:
    if isinstance(value, str):
        cell.value = escaped(value)
        cell.data_type = "s"
        # So that it stays text when somebody goes into the cell and out of it again.
        cell.quotePrefix = value.startswith(FORMULA_START)
    else:
        cell.value = value


def escaped(text: str) -> str:
    """The text as a sheet spells it: what looks like an escape, and control characters, as escapes (ST_Xstring)."""
    return UNWRITABLE.sub(_as_escape, ESCAPE_LIKE.sub("_x005F_", text))


def _as_escape(found: re.Match[str]) -> str:
    # The last two code points are no characters; no suite reads an escape of them.
    return f"_x{ord(found[0]):04X}_" if found[0] < "\ufffe" else ""


def _finish(sheet: Any, rows: int) -> None:
    """What is not to be edited is locked, without a password; filters and widths stay free."""
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(COLUMNS))}{rows + 1}"
    guard = sheet.protection
    guard.sheet = True
    guard.autoFilter = guard.formatColumns = guard.formatRows = guard.formatCells = guard.sort = False


def _add_choices(book: openpyxl.Workbook, sheet: Any, words: list[str], rows: int) -> None:
    choose = list_of(len(words), "A")
    letter = get_column_letter(COLUMNS.index("category") + 1)
    choose.add(f"{letter}2:{letter}{max(rows + 1, 2)}")
    sheet.data_validations.append(choose)
    lists = book.create_sheet(LISTS)
    lists.sheet_state = "hidden"
    for word in words:
        lists.append([word])


def list_of(length: int, letter: str) -> DataValidation:
    """A drop-down of the words in that column of the hidden sheet; a code may be typed in their place."""
    choose = DataValidation("list", formula1=f"{LISTS}!${letter}$1:${letter}${max(1, length)}", allow_blank=False)
    choose.errorStyle, choose.error, choose.showErrorMessage = "warning", _("This is no category of the list."), True
    return choose
