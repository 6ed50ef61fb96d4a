"""Reading the spreadsheets that offices send, and handing back the rows that were refused."""

import codecs
import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import python_calamine
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError

MAX_ROWS = 1_000_000
MAX_CELLS = 40_000_000
MAX_UNPACKED = 2 << 30
CELL_NAME = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{0,3})(\d{1,7})["']""")
FORMULA_START = ("=", "+", "-", "@", "\t", "\r")
FORMULA_LIKE = (*FORMULA_START, "＝", "＋", "－", "＠")


class BadTable(DubanError):
    pass


@dataclass(frozen=True)
class Row:
    """One row below the heading; `number` counts as the spreadsheet does, so the first is 2."""

    number: int
    cells: dict[str, Any]

    def text(self, column: str) -> str:
        """The cell as stripped text, "" where absent; a whole number from Excel loses its .0."""
        value = self.cells.get(column)
        if value is None:
            return ""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return str(value).strip()

    def number_in(self, column: str) -> float:
        """The cell as a finite number; raises BadTable (`number_missing`, `bad_number`)."""
        text = self.text(column)
        if not text:
            raise BadTable("number_missing", _("A number is missing."), field=column, row=self.number)
        if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
            raise BadTable(
                "bad_number",
                _("“%(text)s” is not a number.") % {"text": text[:40]},
                field=column,
                row=self.number,
            )
        return float(text)

    def moment_in(self, column: str) -> datetime:
        """The cell as a time, read in the installation's zone if it has no offset.

        Raises BadTable (`time_missing`, `bad_time`).
        """
        value = self.cells.get(column)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if not isinstance(value, datetime):
            text = self.text(column)
            if not text:
                raise BadTable("time_missing", _("A date and time are missing."), field=column, row=self.number)
            value = parse_moment(text)
            if value is None:
                raise BadTable(
                    "bad_time",
                    _("“%(text)s” is not a date and time; write 2021-01-18 09:30 or 2021-01-18T09:30+08:00.")
                    % {"text": text[:40]},
                    field=column,
                    row=self.number,
                )
        return in_zone(value)


def in_zone(moment: datetime) -> datetime:
    """The same moment with an offset: a naive one is read in the installation's zone."""
    if moment.tzinfo is None:
        zone: ZoneInfo = timezone.get_default_timezone()
        return moment.replace(tzinfo=zone)
    return moment


def parse_moment(text: str) -> datetime | None:
    """A date and time as offices write them: ISO 8601, 2021/1/18 9:30, 2021年1月18日 9时30分; None if it is none."""
    chinese = text.translate(str.maketrans("年月/时点分:日", "---:::: ", "秒"))
    chinese = re.sub(r"\s+", " ", chinese).strip().rstrip(":")
    for candidate in (text, chinese):
        try:
            return datetime.fromisoformat(candidate)
        except ValueError:
            pass
    found = re.fullmatch(
        r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]?(\d{1,2})(?::(\d{1,2}))?(?::(\d{1,2}))?)?", chinese, re.ASCII
    )
    if found is None:
        return None
    try:
        return datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None


def read_table(data: bytes, name: str, *, required: Sequence[str], sheet: str = "") -> tuple[list[str], list[Row]]:
    """The columns and rows of a CSV (UTF-8 or GB 18030) or workbook; wholly empty rows are left out.

    Of a workbook the sheet called `sheet` is read, the first one if there is none.

    Raises BadTable: `file_empty`, `file_not_a_table`, `file_encoding`, `columns_missing`, `column_twice`,
    `too_many_cells`, `too_many_rows`, `sheet_too_large`.
    """
    columns, rows = table_rows(data, name, required=required, sheet=sheet)
    return columns, list(rows)


def table_rows(data: bytes, name: str, *, required: Sequence[str], sheet: str = "") -> tuple[list[str], Iterator[Row]]:
    """As `read_table`, the rows as they are asked for; what is wrong with one is raised when it is come to."""
    if not data.strip():
        raise BadTable("file_empty", _("The file is empty."), field="file")
    lines = iter(_book_lines(data, sheet) if is_workbook(name) else _csv_lines(data))
    heading = _heading(next(lines, (1, []))[1], required)
    return heading, _rows(heading, lines)


def _rows(heading: list[str], lines: Iterator[tuple[int, list[Any]]]) -> Iterator[Row]:
    count = 0
    for number, line in lines:
        if not any(cell not in (None, "") for cell in line):
            continue
        if any(cell not in (None, "") for cell in line[len(heading) :]):
            raise BadTable(
                "too_many_cells",
                _("This row has more cells than the heading; a comma inside a text needs quotes."),
                row=number,
            )
        if count >= MAX_ROWS:
            raise BadTable("too_many_rows", _("At most 1,000,000 rows a file; split it."), field="file")
        count += 1
        yield Row(number, dict(zip(heading, line, strict=False)))


def is_workbook(name: str) -> bool:
    return name.lower().endswith((".xlsx", ".xlsm", ".xls", ".ods"))


def _heading(line: Sequence[Any], required: Sequence[str]) -> list[str]:
    heading = [str(cell or "").strip().lower() for cell in line]
    while heading and not heading[-1]:
        heading.pop()
    missing = [column for column in required if column not in heading]
    if missing:
        raise BadTable(
            "columns_missing",
            _("The first row must name the columns; missing: %(columns)s.") % {"columns": ", ".join(missing)},
            field=missing[0],
        )
    twice = [column for column in heading if column and heading.count(column) > 1]
    if twice:
        raise BadTable(
            "column_twice", _("The column %(column)s is there twice.") % {"column": twice[0]}, field=twice[0]
        )
    return heading


def _csv_lines(data: bytes) -> Iterable[tuple[int, list[Any]]]:
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\xff\xd8\xff", b"\x89PNG")) or b"\x00" in data:
        raise BadTable(
            "file_not_a_table",
            _("This is not a CSV file; if it is an Excel workbook, its name must end in .xlsx."),
            field="file",
        )
    encoding = next((encoding for encoding in ("utf-8-sig", "gb18030") if _decodes(data, encoding)), "")
    if not encoding:
        raise BadTable("file_encoding", _("The text is neither UTF-8 nor GB 18030; save it as UTF-8."), field="file")
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding, newline=""), strict=True)
    try:
        start = 1
        for line in reader:
            yield start, line
            start = reader.line_num + 1
    except csv.Error as error:
        raise BadTable(
            "file_not_a_table",
            _("The CSV breaks off here: %(error)s.") % {"error": error},
            row=reader.line_num,
        ) from error


def _decodes(data: bytes, encoding: str) -> bool:
    """Whether all of it is text so encoded, found out piece by piece: one text of all takes twice as much."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding, newline="")
    try:
        while text.read(1 << 20):
            pass
    except UnicodeDecodeError:
        return False
    return True


def _book_lines(data: bytes, sheet: str) -> Iterable[tuple[int, list[Any]]]:
    _require_bounded(data)
    try:
        book = python_calamine.load_workbook(io.BytesIO(data))
        found = book.get_sheet_by_name(sheet) if sheet in book.sheet_names else book.get_sheet_by_index(0)
        lines = found.to_python(skip_empty_area=False)
    except Exception as error:  # calamine's errors share no base class
        raise BadTable(
            "file_not_a_table", _("The workbook cannot be opened; save it again as .xlsx."), field="file"
        ) from error
    return enumerate(lines, start=1)


def read_sheets(data: bytes, *, max_cells: int) -> dict[str, list[list[Any]]]:
    """Every sheet of a workbook by its name, its rows from the first on; raises BadTable.

    No sheet may span more than `max_cells`.

    Codes: `file_empty`, `file_not_a_table`, `sheet_too_large`.
    """
    if not data.strip():
        raise BadTable("file_empty", _("The file is empty."), field="file")
    _require_bounded(data, max_cells)
    try:
        book = python_calamine.load_workbook(io.BytesIO(data))
        return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
    except Exception as error:  # calamine's errors share no base class
        raise BadTable(
            "file_not_a_table", _("The workbook cannot be opened; save it again as .xlsx."), field="file"
        ) from error


def _require_bounded(data: bytes, max_cells: int = MAX_CELLS) -> None:
    """Refuse an .xlsx that unpacks to more than any honest table: a lone cell in the last corner asks for gigabytes."""
    if not data.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            parts = book.infolist()
            if sum(part.file_size for part in parts) > MAX_UNPACKED or any(
                _cells_spanned(book, part) > max_cells for part in parts
            ):
                raise BadTable(
                    "sheet_too_large",
                    _("The sheet is too large; delete what lies outside the table, or split it."),
                    field="file",
                )
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise BadTable(
            "file_not_a_table", _("The workbook cannot be opened; save it again as .xlsx."), field="file"
        ) from error


def _cells_spanned(book: zipfile.ZipFile, part: zipfile.ZipInfo) -> int:
    """How many cells lie between the first and the last that the sheet names."""
    rows = columns = 0
    rest = b""
    with book.open(part) as file:
        while chunk := file.read(1 << 20):
            for letters, digits in CELL_NAME.findall(rest + chunk):
                rows = max(rows, int(digits))
                columns = max(columns, _column_number(letters))
            rest = chunk[-20:]
    return rows * columns


@cache
def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def wants_mark(data: bytes) -> bool:
    """Whether a CSV that answers this file should begin with the mark that Excel needs: not if it came without."""
    if data.startswith(codecs.BOM_UTF8):
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


def refused_csv(columns: Sequence[str], refused: Iterable[tuple[Row, DubanError]], *, mark: bool = True) -> bytes:
    """The refused rows as CSV (UTF-8, with the mark that Excel needs if wanted), each with its reason."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    kept = [column for column in columns if column and column != "reason"]
    writer.writerow([*kept, "reason"])
    for row, refusal in refused:
        cells = [safe_cell(row.text(column)) for column in kept]
        field = f" {refusal.field}:" if refusal.field else ""
        writer.writerow([*cells, safe_cell(f"{refusal.code}:{field} {refusal}")])
    return text.getvalue().encode("utf-8-sig" if mark else "utf-8")


def guard(text: str) -> str:
    """Text that no spreadsheet takes for a formula, and that `unguard` gives back as it was.

    >>> guard("=1+1"), unguard(guard("=1+1")), unguard(guard("'=1"))
    ("'=1+1", '=1+1', "'=1")
    """
    return f"'{text}" if text.lstrip("'").startswith(FORMULA_LIKE) else text


def unguard(text: str) -> str:
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA_LIKE) else text


def safe_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula; numbers stay as they are."""
    if text.startswith(FORMULA_START) and not re.fullmatch(r"[+-]?[\d.]+", text, re.ASCII):
        return f"'{text}"
    return text
