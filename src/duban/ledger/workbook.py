"""The ledger as an Excel workbook that may be edited in any office suite and imported again without loss.

Texts are text cells, never formulas. What may be edited stands in unlocked cells, the rest is protected (without a
password: the protection is a hint; see amendments.py for what happens to edits elsewhere). The keys are hidden columns.
"""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape

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
from duban.ledger.cells import DECIMALS, EDITABLE, KEYS, NUMBERS, TIMES, UNWRITABLE, CategoryLabels, mark_of, values_of
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
DEGREES_FORMAT = f"0.{'0' * DECIMALS}"
NUMBER_FORMAT = "0"
ROWS_PART = "xl/worksheets/sheet1.xml"
EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet knows no time zones
DAY = timedelta(days=1)
TIME_FORMAT = "yyyy-mm-dd hh:mm:ss"
# In a sheet, _x000D_ stands for a character.
ESCAPE_LIKE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


class BadWorkbook(DubanError):
    pass


def write_entries(
    entries: QuerySet[Entry], file: IO[bytes] | Path, *, progress: Callable[[int], None] = lambda _done: None
) -> int:
    """Write the workbook, whatever its size in a few megabytes of memory; returns how many entries it holds.

    openpyxl writes the workbook around the rows, and the rows are written here: it spends a millisecond on each, which
    makes a quarter of an hour of a million. Raises BadWorkbook (`too_many_for_sheet`) for more than a sheet has rows.
    """
    rows = require_fits(entries)
    labels = CategoryLabels()
    written = 0
    with zipfile.ZipFile(_frame(labels.all(), rows)) as frame, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        for part in frame.namelist():
            if part != ROWS_PART:
                book.writestr(part, frame.read(part))
        before, looks, after = _split(frame.read(ROWS_PART).decode())
        with book.open(ROWS_PART, "w", force_zip64=True) as sheet:
            sheet.write(before.encode())
            for entry, names in named(entries):
                if written == rows:
                    break  # The drop-downs and the filter end here; what was recorded meanwhile is not in this export.
                written += 1
                sheet.write(_row_xml(written + 1, _cells_of(entry, names, labels), looks).encode())
                if written % 500 == 0:
                    progress(written)
            sheet.write(after.encode())
    return written


def _cells_of(entry: Entry, names: dict[str, str], labels: CategoryLabels) -> dict[str, Any]:
    values = values_of(entry, names) | {"category": labels.of(entry.category)}
    cells = {column: _cell(values[column]) for column in COLUMNS if column != "mark"}
    return cells | {"mark": mark_of(cells)}


def _row_xml(number: int, cells: dict[str, Any], looks: list[tuple[str, str, str]]) -> str:
    xml = [f'<row r="{number}">']
    for (letter, look, quoted), value in zip(looks, cells.values(), strict=True):
        if value is None or value == "":
            xml.append(f'<c r="{letter}{number}" s="{look}"/>')
        elif isinstance(value, str):
            # A quoted one stays text when somebody goes into the cell and out of it again.
            style = quoted if value.startswith(FORMULA_START) else look
            text = escape(escaped(value))
            xml.append(
                f'<c r="{letter}{number}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
            )
        else:
            digits = repr((value - EPOCH) / DAY) if isinstance(value, datetime) else repr(value)
            xml.append(f'<c r="{letter}{number}" s="{look}"><v>{digits}</v></c>')
    xml.append("</row>")
    return "".join(xml)


def _frame(words: list[str], rows: int) -> IO[bytes]:
    """The workbook with its heading and two rows of blanks, which show the number of each cell's look."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(SHEET)
    sheet.freeze_panes = "B2"
    for at, (column, (_says, width)) in enumerate(HEADINGS.items(), start=1):
        dimension = sheet.column_dimensions[get_column_letter(at)]
        dimension.width, dimension.hidden = width, column in KEYS
    sheet.append([_heading(sheet, column) for column in COLUMNS])
    sheet.append([_blank(sheet, column) for column in COLUMNS])
    sheet.append([_blank(sheet, column, quoted=True) for column in COLUMNS])
    _finish(sheet, rows)
    _add_choices(book, sheet, words, rows)
    file = io.BytesIO()
    book.save(file)
    return file


def _split(xml: str) -> tuple[str, list[tuple[str, str, str]], str]:
    """What stands before the rows of blanks, each column's letter and its two looks, and what stands after them."""
    before, _found, blanks = xml.partition('<row r="2">')
    after = xml[xml.index("</sheetData>") :]
    looks = re.findall(r'<c r="([A-Z]+)[23]"(?: s="(\d+)")?', blanks.partition("</sheetData>")[0])
    plain, quoted = looks[: len(COLUMNS)], looks[len(COLUMNS) :]
    return (
        before,
        [(letter, look or "0", other) for (letter, look), (_, other) in zip(plain, quoted, strict=True)],
        after,
    )


def require_fits(entries: QuerySet[Entry]) -> int:
    """How many entries there are; raises BadWorkbook (`too_many_for_sheet`)."""
    rows = entries.order_by()[:SHEET_ROWS].count()
    if rows >= SHEET_ROWS:
        raise BadWorkbook(
            "too_many_for_sheet",
            _("A sheet holds 1,048,575 entries below its heading; narrow the filter or take the CSV."),
        )
    return rows


def _heading(sheet: Any, column: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, column)
    cell.font = Font(bold=True)
    if column not in EDITABLE:
        cell.fill = PatternFill("solid", fgColor="E7E6E6")
    if HEADINGS[column][0]:
        cell.comment = Comment(str(HEADINGS[column][0]), "Duban", width=220, height=70)
    return cell


def _blank(sheet: Any, column: str, *, quoted: bool = False) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet)
    cell.quotePrefix = quoted
    if column in TIMES:
        cell.number_format = TIME_FORMAT
    elif column in NUMBERS:
        cell.number_format = DEGREES_FORMAT if column in ("lon", "lat") else NUMBER_FORMAT
    else:
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
    choose = list_of(len(words))
    letter = get_column_letter(COLUMNS.index("category") + 1)
    choose.add(f"{letter}2:{letter}{max(rows + 1, 2)}")
    sheet.data_validations.append(choose)
    add_list(book, words)


def add_list(book: openpyxl.Workbook, words: list[str]) -> None:
    """The hidden sheet that drop-downs take their words from."""
    lists = book.create_sheet(LISTS)
    lists.sheet_state = "hidden"
    for word in words:
        lists.append([word])


def list_of(length: int) -> DataValidation:
    """A drop-down of the words on the hidden sheet; a code may be typed in their place."""
    choose = DataValidation("list", formula1=f"{LISTS}!$A$1:$A${max(1, length)}", allow_blank=True)
    choose.errorStyle, choose.error, choose.showErrorMessage = "warning", _("This is no category of the list."), True
    return choose
