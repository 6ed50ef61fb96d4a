"""The daily report taken away: a workbook, a document to go on working with, and a page to print."""

import io
from collections.abc import Callable
from datetime import UTC
from typing import Any

import docx
import openpyxl
from django.utils.dateformat import format as format_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from openpyxl.styles import Alignment, Font

from duban.core.tables import guard
from duban.engines.typeset import render_evaluation
from duban.outbreak.counts import FEW
from duban.outbreak.desk.days import day_of
from duban.outbreak.desk.report import FIGURES, Line, Report, hides
from duban.outbreak.desk.words import HEADS, MEANINGS, NOTES

UNTOLD = "–"
FONTS = {"w:eastAsia": "宋体", "w:ascii": "Times New Roman", "w:hAnsi": "Times New Roman"}


def title_of(report: Report) -> str:
    """`2021年1月20日 通州区 随访日报` or its English."""
    words = {"day": format_date(report.on, "Y年n月j日" if _is_chinese() else "j F Y"), "office": report.total.name}
    return _("Daily report on the people followed, %(office)s, %(day)s") % words


def _is_chinese() -> bool:
    return (get_language() or "zh").startswith("zh")


def _sentences(report: Report) -> list[str]:
    """The reader's language first."""
    said = report.sentence
    return [said["zh"], said["en"]] if _is_chinese() else [said["en"], said["zh"]]


def notes_of(report: Report) -> list[str]:
    notes = [str(note) for note in NOTES]
    if hides(report):
        few = _("Numbers below %(few)d, and those they could be reckoned from, are told to health officers alone.")
        notes.append(few % {"few": FEW})
    return notes


def _lines(report: Report) -> list[Line]:
    """The towns, and beneath them all of it."""
    return [*report.by_town, Line(report.total.code, _("All"), report.total.figures)]


def _numbers(line: Line) -> list[int | str]:
    return [UNTOLD if (number := line.figures[name]) is None else number for name in FIGURES]


# ---- XLSX -----------------------------------------------------------------------------------------------------------


def as_xlsx(report: Report) -> bytes:
    """The figures by town with their sums as formulas where all is told, the sentences, and what each counts."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = report.on.isoformat()
    sheet.append([title_of(report)])
    for said in _sentences(report):
        sheet.append([guard(said)])
    sheet.append([])
    sheet.append([_("Town"), _("Code"), *(str(HEADS[name]) for name in FIGURES)])
    top = sheet.max_row
    for line in _lines(report):
        sheet.append([guard(line.name), line.code, *_numbers(line)])
    for row in (1, top, sheet.max_row):
        for cell in sheet[row]:
            cell.font = Font(bold=True, size=14 if row == 1 else 11)
            cell.alignment = Alignment(wrap_text=row == top, vertical="bottom")
    sheet.freeze_panes = sheet.cell(top + 1, 3)
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 24, 14
    sheet.page_setup.orientation, sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = "landscape", 1, 0
    sheet.sheet_properties.pageSetUpPr = openpyxl.worksheet.properties.PageSetupProperties(fitToPage=True)
    _meanings(book, report)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _meanings(book: openpyxl.Workbook, report: Report) -> None:
    sheet = book.create_sheet(_("What is counted"))
    for name, meaning in MEANINGS.items():
        sheet.append([str(HEADS[name]), str(meaning)])
    for note in notes_of(report):
        sheet.append(["", note])
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 24, 100


# ---- DOCX -----------------------------------------------------------------------------------------------------------


def as_docx(report: Report) -> bytes:
    """The sentence, the table and what it counts, on a sheet laid across."""
    word = docx.Document()
    section = word.sections[0]
    section.orientation, section.page_width, section.page_height = WD_ORIENT.LANDSCAPE, Mm(297), Mm(210)
    section.left_margin = section.right_margin = Mm(14)
    for name in ("Normal", "Title", "Heading 1"):
        fonts = word.styles[name].element.get_or_add_rPr().get_or_add_rFonts()
        for key, font in FONTS.items():
            fonts.set(qn(key), font)
    word.styles["Normal"].font.size = Pt(10.5)
    word.core_properties.title = title_of(report)
    word.core_properties.author = report.total.name
    word.add_paragraph(title_of(report), style="Title")
    for said in _sentences(report):
        word.add_paragraph(said)
    _table(word, report)
    word.add_heading(_("What is counted"), 1)
    for name, meaning in MEANINGS.items():
        paragraph = word.add_paragraph()
        paragraph.add_run(f"{HEADS[name]}  ").bold = True
        paragraph.add_run(str(meaning))
    for note in notes_of(report):
        word.add_paragraph(note)
    file = io.BytesIO()
    word.save(file)
    return file.getvalue()


def _table(word: Any, report: Report) -> None:
    table = word.add_table(rows=1, cols=1 + len(FIGURES), style="Table Grid")
    lines = [[_("Town"), *(str(HEADS[name]) for name in FIGURES)]]
    lines += [[line.name, *map(_shown, _numbers(line))] for line in _lines(report)]
    for place, words in enumerate(lines):
        cells = (table.rows[0] if place == 0 else table.add_row()).cells
        for at, (cell, text) in enumerate(zip(cells, words, strict=True)):
            run = cell.paragraphs[0].add_run(text)
            run.font.size, run.bold = Pt(8), place in (0, len(lines) - 1)
            if at:
                cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    table.rows[0]._tr.get_or_add_trPr().append(docx.oxml.OxmlElement("w:tblHeader"))


def _shown(number: int | str) -> str:
    return f"{number:,}" if isinstance(number, int) else number


# ---- PDF ------------------------------------------------------------------------------------------------------------


def as_pdf(report: Report) -> bytes:
    """The same as a printed page; the same figures give the same bytes."""
    rows = [
        {"words": [line.name], "cells": [[_shown(number), ""] for number in _numbers(line)]} for line in _lines(report)
    ]
    table = {
        "title": _("By town"),
        "first": [_("Town")],
        "columns": [str(HEADS[name]) for name in FIGURES],
        "rows": rows,
        "total": True,
    }
    return render_evaluation(
        {
            "lang": "zh" if _is_chinese() else "en",
            "title": title_of(report),
            "heading": _sentences(report),
            "tables": [table],
            "definitions_title": _("What is counted"),
            "definitions": [[str(HEADS[name]), str(meaning)] for name, meaning in MEANINGS.items()],
            "notes_title": _("Notes"),
            "notes": notes_of(report),
            "page": _("page {page} of {pages}"),
        },
        printed=day_of(report.on).end.astimezone(UTC),
    )


FORMATS: dict[str, tuple[Callable[[Report], bytes], str]] = {
    "xlsx": (as_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "docx": (as_docx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "pdf": (as_pdf, "application/pdf"),
}
