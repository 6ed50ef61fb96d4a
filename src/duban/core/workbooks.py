"""Writing rows into an Excel workbook as a file of no name, from which a response sends them."""

import tempfile
from collections.abc import Iterable, Sequence
from typing import IO, Any

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def write_workbook(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[Any]], widths: Sequence[float] = ()
) -> IO[bytes]:
    """One sheet with its headings, which stay in sight; texts are text cells. Widths are in characters."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    try:
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        for number, width in enumerate(widths, start=1):
            sheet.column_dimensions[get_column_letter(number)].width = width
        sheet.append([_heading(sheet, text) for text in headings])
        for cells in rows:
            sheet.append([_text(sheet, cell) if isinstance(cell, str) else cell for cell in cells])
        book.save(file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _heading(sheet: Any, text: str) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, text)
    cell.font = Font(bold=True)
    return cell


def _text(sheet: Any, text: str) -> WriteOnlyCell:
    """A cell that is text whatever it begins with, so no formula, and no number for a code."""
    cell = WriteOnlyCell(sheet, "")
    cell.value = text
    cell.data_type = "s"
    cell.number_format = "@"
    return cell
