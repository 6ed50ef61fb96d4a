"""The evaluation of a month: the ranking of units, the numbers by unit, category and month, as a page's data and as
a report in XLSX and PDF."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import openpyxl
from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import NotAllowed
from duban.core.tables import safe_cell
from duban.engines.typeset import render_evaluation
from duban.ledger import figures
from duban.ledger.figures import INDICATORS, Indicator, Period, Ranked, Share, Shares
from duban.ledger.models import Category
from duban.places import queries as places
from duban.places.codes import outermost


@dataclass(frozen=True)
class Evaluation:
    """What the person sees of a month, counted at a moment."""

    period: Period
    counted_at: datetime
    areas: tuple[str, ...]
    """The names of the person's areas: what the numbers cover."""
    weights: Mapping[str, Decimal]
    total: Shares
    units: Sequence[Ranked]
    categories: Sequence[tuple[Category, Shares]]
    months: Mapping[date, Shares]
    names: Mapping[str, str]

    def name(self, unit: str) -> str:
        return self.names.get(unit, unit)


def evaluate(person: Person, month: date, *, now: datetime, trend: bool = True) -> Evaluation:
    """The month in one query over the entries, and with `trend` the last twelve in another.

    Raises NotAllowed unless the person may see figures somewhere.
    """
    if not rights.codes(person, "figures.see"):
        raise NotAllowed("not_allowed", _("None of your roles sees the figures."))
    period = figures.month_of(month)
    cells = figures.by_unit_and_category(person, period, now=now)
    units = {unit: figures.add_up(_where(cells, 0, unit)) for unit in sorted({unit for unit, _category in cells})}
    numbers = {key: figures.add_up(_where(cells, 1, key)) for key in {category for _unit, category in cells}}
    weights = figures.weights_at(period.since)
    areas = outermost(rights.codes(person, "entry.see"))
    names = places.names([*units, *areas])
    return Evaluation(
        period=period,
        counted_at=now,
        areas=tuple(names.get(code, code) for code in areas),
        weights=weights,
        total=figures.add_up(cells.values()),
        units=figures.ranking(units, weights),
        categories=[(one, numbers[one.pk]) for one in Category.objects.filter(pk__in=numbers)],
        months=figures.by_month(person, month, now=now) if trend else {},
        names=names,
    )


def _where(cells: Mapping[tuple[str, int], Shares], part: int, key: object) -> Iterable[Shares]:
    return (shares for at, shares in cells.items() if at[part] == key)


def percent(share: Share) -> str:
    """`83.3%`, or a dash: there is no rate of nothing."""
    rate = share.rate
    if rate is None:
        return "–"
    value = Decimal(100 * rate.numerator) / Decimal(rate.denominator)
    return f"{value.quantize(Decimal('0.1'), ROUND_HALF_UP)}%"


def weights_in_words(weights: Mapping[str, Decimal]) -> str:
    """`30 Handled + 20 (1 − Rework)`: the score as a sum."""
    parts = []
    for key, weight in weights.items():
        one = INDICATORS[key]
        parts.append(f"{plain(weight)} × {one.label}" if one.more_is_better else f"{plain(weight)} × (1 − {one.label})")
    return " + ".join(parts)


def plain(number: Decimal) -> str:
    """Without zeros at the end: 30, 12.5."""
    return f"{number.normalize():f}"


def notes(found: Evaluation) -> list[str]:
    """What a reader must know of how it was counted."""
    when = timezone.localtime(found.counted_at)
    return [
        _(
            "Counted are entries dispatched within the period (in their present cycle) that are neither merged, split "
            "nor void."
        ),
        _("Counted on %(when)s from the ledger as it stood: what is handled or judged later changes these numbers.")
        % {"when": f"{when:%Y-%m-%d %H:%M}"},
        _(
            "Score: %(sum)s, out of 100. An indicator without cases is left out and the others weigh as much more; a "
            "unit with nothing that should be handled has no cases and no rank."
        )
        % {"sum": weights_in_words(found.weights)},
        _("A unit is the one responsible now; it carries also what was dispatched to another before."),
    ]


def title(found: Evaluation) -> str:
    return _("Evaluation of units, %(month)s") % {"month": figures.period_in_words(found.period)}


def _heading(found: Evaluation) -> list[str]:
    """Whose report it is and of what area."""
    areas = _("Area: %(areas)s") % {"areas": _(", ").join(found.areas)}
    return [line for line in (settings.DUBAN_OFFICE, areas) if line]


# ---- XLSX -----------------------------------------------------------------------------------------------------------

_INK = Side(style="thin", color="1D1B18")
_RULE = Side(style="hair", color="8F887B")


def as_xlsx(found: Evaluation) -> bytes:
    """Three sheets of numbers and one of words. Counts, rates and scores are numbers, and no text is a formula."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    first = [_("Rank"), _("Unit"), _("Code"), _("Score")]
    ranked: list[list[Any]] = [
        [one.rank if one.rank else _("no cases"), found.name(one.unit), one.unit, one.score] for one in found.units
    ]
    lines = [
        *((row, one.shares) for row, one in zip(ranked, found.units, strict=True)),
        ([None, _("All"), None, None], found.total),
    ]
    _sheet(book, _("Ranking"), found, first, lines)
    categories = [([str(one), one.code], shares) for one, shares in found.categories]
    _sheet(book, _("By category"), found, [_("Category"), _("Code")], categories)
    months = [([f"{month:%Y-%m}"], shares) for month, shares in found.months.items()]
    _sheet(book, _("By month"), found, [_("Month")], months)
    _words_sheet(book, found)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _sheet(
    book: openpyxl.Workbook,
    name: str,
    found: Evaluation,
    first: Sequence[str],
    lines: Iterable[tuple[Sequence[Any], Shares]],
) -> None:
    sheet = book.create_sheet(name)
    sheet.append([safe_cell(title(found))])
    sheet["A1"].font = Font(bold=True, size=14)
    sheet.append([safe_cell(_(", ").join(_heading(found)))])
    above: list[str] = [""] * len(first)
    below: list[str] = [*first]
    for one in INDICATORS.values():
        above += [str(one.label)] if one.is_count else [str(one.label), "", ""]
        below += [_("entries")] if one.is_count else [_("rate"), _("of these"), _("out of")]
    for heading in (above, below):
        sheet.append([safe_cell(word) for word in heading])
        for cell in sheet[sheet.max_row]:
            cell.font = Font(bold=True)
    column = len(first) + 1
    for one in INDICATORS.values():
        if not one.is_count:
            sheet.merge_cells(start_row=3, end_row=3, start_column=column, end_column=column + 2)
            sheet.cell(3, column).alignment = Alignment(horizontal="center")
        column += 1 if one.is_count else 3
    for words, shares in lines:
        sheet.append([safe_cell(word) if isinstance(word, str) else word for word in words] + _numbers(shares))
        _format(sheet, len(first))
    for cell in sheet[4]:
        cell.border = Border(bottom=_INK)
    for at in range(1, sheet.max_column + 1):
        sheet.column_dimensions[get_column_letter(at)].width = 18 if at <= len(first) else 9
    sheet.freeze_panes = sheet.cell(5, len(first) + 1)


def _numbers(shares: Shares) -> list[Any]:
    row: list[Any] = []
    for key, one in INDICATORS.items():
        share = shares[key]
        row += [share.n] if one.is_count else [None if share.rate is None else float(share.rate), share.n, share.of]
    return row


def _format(sheet: Any, words: int) -> None:
    for cell in sheet[sheet.max_row]:
        cell.border = Border(bottom=_RULE)
        if isinstance(cell.value, Decimal):
            cell.number_format = "0.00"
        elif cell.column > words:
            cell.number_format = "0.0%" if isinstance(cell.value, float) else "#,##0"


def _words_sheet(book: openpyxl.Workbook, found: Evaluation) -> None:
    sheet = book.create_sheet(_("Definitions"))
    rows: list[tuple[Any, ...]] = [(_("Indicator"), _("Weight"), _("What is counted"))]
    rows += [(str(one.label), found.weights.get(key), str(one.definition)) for key, one in INDICATORS.items()]
    rows += [(None, None, None), *((_("Note"), None, note) for note in notes(found))]
    for row in rows:
        sheet.append([safe_cell(cell) if isinstance(cell, str) else cell for cell in row])
    for cell in sheet[1]:
        cell.font, cell.border = Font(bold=True), Border(bottom=_INK)
    for letter, width in (("A", 20), ("B", 9), ("C", 100)):
        sheet.column_dimensions[letter].width = width
    for cell in sheet["C"]:
        cell.alignment = Alignment(wrap_text=True, vertical="top")


# ---- PDF ------------------------------------------------------------------------------------------------------------


def as_pdf(found: Evaluation) -> bytes:
    """The same numbers as a printed report."""
    language = "zh" if (get_language() or "zh").startswith("zh") else "en"
    indicators = list(INDICATORS.values())
    ranked = [[str(one.rank or ""), found.name(one.unit), _score_word(one)] for one in found.units]
    lines = [_line(words, one.shares) for words, one in zip(ranked, found.units, strict=True)]
    tables = [
        _table(
            _("Ranking"),
            [_("Rank"), _("Unit"), _("Score")],
            indicators,
            [*lines, _line(["", _("All"), ""], found.total)],
        ),
        _table(
            _("By category"),
            [_("Category")],
            indicators,
            [_line([str(one)], shares) for one, shares in found.categories],
        ),
        _table(
            _("By month"),
            [_("Month")],
            indicators,
            [_line([f"{month:%Y-%m}"], shares) for month, shares in found.months.items()],
        ),
    ]
    tables[0]["total"] = True
    return render_evaluation(
        {
            "lang": language,
            "title": title(found),
            "heading": _heading(found),
            "tables": [table for table in tables if table["rows"]],
            "definitions_title": _("Definitions"),
            "definitions": [[str(one.label), str(one.definition)] for one in indicators],
            "notes_title": _("Notes"),
            "notes": notes(found),
            "page": _("page {page} of {pages}"),
        },
        printed=found.counted_at.replace(microsecond=0),
    )


def _score_word(one: Ranked) -> str:
    return _("no cases") if one.score is None else str(one.score)


def _table(name: str, first: list[str], indicators: Sequence[Indicator], rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "title": name,
        "first": first,
        "columns": [str(one.label) for one in indicators],
        "rows": rows,
        "total": False,
    }


def _line(words: list[str], shares: Shares) -> dict[str, Any]:
    cells = []
    for key, one in INDICATORS.items():
        share = shares[key]
        counts = f"{share.n:,}/{share.of:,}" if share.of else ""
        cells.append([f"{share.n:,}", ""] if one.is_count else [percent(share), counts])
    return {"words": words, "cells": cells}


FORMATS: dict[str, Callable[[Evaluation], bytes]] = {"xlsx": as_xlsx, "pdf": as_pdf}
