"""The morning brief: the figures of an area in sentences, for the table of a meeting, as PDF and as DOCX."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import docx
from docx.shared import Mm, Pt

from .pdf import set_pdf
from .word import _HEI, _INK, _MUTED, _SONG, _VERMILION, _font, _same_bytes

# A4, its text and its margins in millimetres.
_PAGE, _SIDE, _TOP = (210.0, 297.0), 22.0, 20.0
_IN_A_ROW = 4
_WIDTHS = (66.0, 34.0, 32.0, 34.0)
"""Of the columns of a table, in millimetres."""


def render_brief_pdf(brief: Mapping[str, Any], *, printed: datetime) -> bytes:
    """The brief as an A4 PDF; the same input gives the same bytes.

    ``brief``: lang (zh or en), title, subtitle, numbers (label, value, whether it is late), sections (title,
    paragraphs, headings of four columns, rows of four words and whether it is late), note (sentence at the end), page
    (words with ``{page}`` and ``{pages}``).
    """
    return set_pdf("brief", brief, pictures={}, printed=printed.replace(microsecond=0))


def render_brief_docx(brief: Mapping[str, Any], *, printed: datetime) -> bytes:
    """The same brief as an A4 DOCX with real styles, for somebody to go on writing in."""
    word = docx.Document()
    _set_up(word, brief, printed)
    word.add_heading(brief["title"], 0)
    _muted(word.add_paragraph(), brief["subtitle"])
    _numbers(word, brief["numbers"])
    for section in brief["sections"]:
        word.add_heading(section["title"], 1)
        for words in section["paragraphs"]:
            word.add_paragraph(words)
        if section["rows"]:
            _table(word, section)
    _muted(word.add_paragraph(), brief["note"])
    out = BytesIO()
    word.save(out)
    return _same_bytes(out.getvalue())


def _numbers(word: Any, numbers: Sequence[tuple[str, str, bool]]) -> None:
    """Four in a row, each under its label."""
    table = word.add_table(rows=0, cols=_IN_A_ROW)
    table.style = "Table Grid"
    for start in range(0, len(numbers), _IN_A_ROW):
        for cell, (label, value, late) in zip(table.add_row().cells, numbers[start : start + _IN_A_ROW], strict=False):
            paragraph = cell.paragraphs[0]
            _muted(paragraph, label)
            paragraph.add_run().add_break()
            run = paragraph.add_run(value)
            run.font.bold, run.font.size = True, Pt(16)
            run.font.color.rgb = _VERMILION if late else _INK


def _table(word: Any, section: Mapping[str, Any]) -> None:
    table = word.add_table(rows=1, cols=4)
    table.style = "Table Grid"
    table.autofit = False
    for cell, heading in zip(table.rows[0].cells, section["headings"], strict=True):
        cell.paragraphs[0].add_run(heading).font.bold = True
    for *row, late in section["rows"]:
        cells = table.add_row().cells
        for place, words in enumerate(row):
            run = cells[place].paragraphs[0].add_run(words)
            if late and place == len(row) - 1:
                run.font.color.rgb = _VERMILION
    for column, width in zip(table.columns, _WIDTHS, strict=True):
        # Word reads the widths of the cells, other programs that of the column.
        column.width = Mm(width)
        for cell in column.cells:
            cell.width = Mm(width)


def _muted(paragraph: Any, words: str) -> None:
    run = paragraph.add_run(words)
    run.font.size = Pt(9)
    run.font.color.rgb = _MUTED


def _set_up(word: Any, brief: Mapping[str, Any], printed: datetime) -> None:
    moment = printed.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    properties = word.core_properties
    properties.title, properties.language = brief["title"][:255], brief["lang"]
    properties.author = properties.last_modified_by = properties.comments = ""
    properties.created = properties.modified = moment
    styles = word.styles
    _font(styles["Normal"], _SONG, 11, _INK)
    styles["Normal"].paragraph_format.space_after = Pt(4)
    _font(styles["Title"], _HEI, 20, _INK, bold=True)
    for border in styles["Title"].element.xpath("w:pPr/w:pBdr"):
        border.getparent().remove(border)
    _font(styles["Heading 1"], _HEI, 13, _INK, bold=True)
    styles["Heading 1"].paragraph_format.space_before = Pt(10)
    styles["Heading 1"].paragraph_format.space_after = Pt(2)
    page = word.sections[0]
    page.page_width, page.page_height = (Mm(size) for size in _PAGE)
    page.left_margin = page.right_margin = Mm(_SIDE)
    page.top_margin = page.bottom_margin = Mm(_TOP)
