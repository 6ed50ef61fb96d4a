"""The morning brief: the figures of an area in sentences, for the table of a meeting, as PDF and as DOCX."""

from collections.abc import Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import docx
from docx.shared import Mm, Pt

from .pdf import set_pdf
from .word import _HEI, _INK, _MUTED, _SONG, _VERMILION, _font, _same_bytes

# A4, its text and its margins in millimetres.
_PAGE, _SIDE, _TOP = (210.0, 297.0), 22.0, 20.0


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
    numbers = word.add_table(rows=0, cols=2)
    numbers.style = "Table Grid"
    for label, value, late in brief["numbers"]:
        cells = numbers.add_row().cells
        cells[0].text = label
        run = cells[1].paragraphs[0].add_run(value)
        run.font.bold = True
        run.font.color.rgb = _VERMILION if late else _INK
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


def _table(word: Any, section: Mapping[str, Any]) -> None:
    table = word.add_table(rows=1, cols=4)
    table.style = "Table Grid"
    for cell, heading in zip(table.rows[0].cells, section["headings"], strict=True):
        cell.paragraphs[0].add_run(heading).font.bold = True
    for *row, late in section["rows"]:
        cells = table.add_row().cells
        for place, words in enumerate(row):
            run = cells[place].paragraphs[0].add_run(words)
            if late and place == len(row) - 1:
                run.font.color.rgb = _VERMILION


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
    styles["Normal"].paragraph_format.space_after = Pt(6)
    _font(styles["Title"], _HEI, 20, _INK, bold=True)
    _font(styles["Heading 1"], _HEI, 13, _INK, bold=True)
    page = word.sections[0]
    page.page_width, page.page_height = (Mm(size) for size in _PAGE)
    page.left_margin = page.right_margin = Mm(_SIDE)
    page.top_margin = page.bottom_margin = Mm(_TOP)
