"""The figures of inspections taken away: a workbook of all of them, and the rows of one as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import openpyxl
from django.utils import timezone
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from duban.core.tables import guard
from duban.patrol.brief import Brief, Wanted
from duban.patrol.figures_rows import Line, Narrower, lines_of

MOST_ROWS = 20_000
"""Rows of one sheet; the CSV has them all."""
SHEETS = ("failed_items", "due")


def name_of(line: Any) -> str:
    """A town, item or type in the language in use."""
    return str(line.name if (get_language() or "zh").startswith("zh") else line.name_en)


def as_xlsx(found: Brief, before: Brief) -> bytes:
    """Figures with those of the period before, by town, item and type, what failed and what was looked back at."""
    book = openpyxl.Workbook(write_only=True)
    span, earlier = found.wanted.span, before.wanted.span
    now_head, before_head = f"{span.since} – {span.until}", f"{earlier.since} – {earlier.until}"
    facts: list[list[Any]] = [
        [_("Towns and townships inspected"), found.towns_inspected, before.towns_inspected],
        [_("Sub-districts inspected"), found.streets_inspected, before.streets_inspected],
        [_("Visits"), found.visits, before.visits],
        [_("Problems in towns and townships"), found.town_problems, before.town_problems],
        [_("Problems in sub-districts"), found.street_problems, before.street_problems],
        [_("Problems"), found.problems, before.problems],
        [_("Failed items"), found.failed_items, before.failed_items],
        [_("Look-back: due"), found.lookback.due, before.lookback.due],
        [_("Look-back: stands"), found.lookback.stands, before.lookback.stands],
        [_("Look-back: not mended"), found.lookback.recurred, before.lookback.recurred],
        [_("Look-back: not inspected"), found.lookback.not_inspected, before.lookback.not_inspected],
        [],
        [found.sentence["zh"]],
        [found.sentence["en"]],
    ]
    _sheet(book, _("Figures"), ["", now_head, before_head], facts, widths=(36, 24, 24))
    for title, head, lines, others in (
        (_("By town"), _("Town"), found.towns, before.towns),
        (_("By item"), _("Item"), found.items, before.items),
        (_("By type"), _("Type"), found.types, before.types),
    ):
        earlier_problems = {one.key: one.problems for one in others}
        columns = [head, _("Code"), _("Visits"), _("Problems"), _("Failed items"), _("Problems before")]
        cells = [
            [name_of(one), one.key, one.visits, one.problems, one.failed_items, earlier_problems.get(one.key, 0)]
            for one in lines
        ]
        _sheet(book, title, columns, cells, widths=(30, 20, 10, 10, 12, 16))
    for figure, title in zip(SHEETS, (_("Failed items"), _("Look-back")), strict=True):
        _sheet(book, title, _columns(), _some(found.wanted, figure), widths=(30, 16, 16, 18, 40, 16))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _some(wanted: Wanted, figure: str) -> Iterator[list[Any]]:
    lines = lines_of(wanted, figure, Narrower())
    for line in islice(lines, MOST_ROWS):
        yield _cells(line)
    if next(lines, None) is not None:
        yield [_("More rows than fit; the CSV has them all.")]


def _sheet(
    book: openpyxl.Workbook, title: str, head: Sequence[str], rows: Iterable[Sequence[Any]], widths: Sequence[int]
) -> None:
    sheet = book.create_sheet(title)
    for letter, width in zip("ABCDEF", widths, strict=False):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "B2"
    top = []
    for word in head:
        cell = WriteOnlyCell(sheet, word)
        cell.font = Font(bold=True)
        top.append(cell)
    sheet.append(top)
    for row in rows:
        sheet.append([guard(cell) if isinstance(cell, str) else cell for cell in row])


def _columns() -> list[str]:
    return [_("Venue"), _("Type"), _("Town"), _("When"), _("Items"), _("Result")]


def _cells(line: Line) -> list[Any]:
    moment = line.at or line.opened_at
    return [
        line.venue.name,
        str(line.venue.kind),
        line.town,
        # A spreadsheet knows no zones: what is shown is the office's clock.
        timezone.localtime(moment).replace(tzinfo=None) if moment else None,
        pgettext("between items", ", ").join(words.here for words in line.items),
        line.result,
    ]


class _Echo:
    """A file for csv.writer that hands each line back instead of keeping it."""

    @staticmethod
    def write(line: str) -> str:
        return line


def csv_lines(wanted: Wanted, figure: str, narrower: Narrower) -> Iterator[str]:
    """Every row of a figure as lines of UTF-8 CSV with the mark that Excel wants, times by the office's clock."""
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield "\ufeff" + writer.writerow(_columns())
    for line in lines_of(wanted, figure, narrower):
        cells = [f"{cell:%Y-%m-%d %H:%M}" if isinstance(cell, datetime) else cell or "" for cell in _cells(line)]
        yield writer.writerow([guard(cell) for cell in cells])
