"""The text of a PDF: the lines of a column run on, the tables that are ruled in it row by row, tabs between the cells.

A PDF holds no tables, only letters and lines at their places. Read in the order they were drawn, the lines of one cell
come before the next cell of the same row, and nothing says which belong together; the ruled lines do.
"""

import ctypes
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Any

import pypdfium2
from pypdfium2 import raw

NEAR = 2.5
"""Points; lines so near to one another are one line."""
MAX_RULES = 2000
MAX_PIECES = 20_000
"""A page with more lines, or pieces of them, is a drawing; so is a grid with more cells than that."""
MAX_CELL = 400
"""Characters; what holds more is an article with a frame around it."""


INDENT, SHORT, FULL = 2.8, 1.4, 3
"""Of letters: how far the lines of a column may begin apart, how far from its end a broken line may end; and how many
lines must end there."""
SENTENCE_ENDS = ("。", "！", "？")
HEADLINE, LONGEST_HEADLINE = 1.35, 60
"""Against the size of the text, and in characters."""
ITEM = re.compile(r"[(（]?\d{1,3}(?:[)）.、．]|\s)")

_MADE = ""
"""A blank or line end that PDFium made up, within a cell."""


@dataclass(frozen=True)
class Rule:
    """A ruled line at `at`, from `start` to `end`, in points: x for one that stands, y for one that lies."""

    at: float
    start: float
    end: float

    def covers(self, place: float) -> bool:
        return self.start - NEAR <= place <= self.end + NEAR


@dataclass(frozen=True)
class Grid:
    """A ruled table: where its columns (left to right) and its rows (bottom to top) part, and what is ruled there."""

    xs: list[float]
    ys: list[float]
    standing: list[Rule]
    lying: list[Rule]

    def place_of(self, x: float, y: float) -> tuple[int, int] | None:
        """(row from the top, column) of a point within it."""
        column, row = bisect_right(self.xs, x) - 1, bisect_right(self.ys, y) - 1
        if 0 <= column < len(self.xs) - 1 and 0 <= row < len(self.ys) - 1:
            return len(self.ys) - 2 - row, column
        return None

    def cells(self) -> list[list[tuple[int, int]]]:
        """For each row and column, the place that stands for its cell: the first of those that no line parts."""
        tops = self.ys[::-1]
        cells: list[list[tuple[int, int]]] = []
        for row, (top, bottom) in enumerate(pairwise(tops)):
            cells.append([])
            for column, (left, right) in enumerate(pairwise(self.xs)):
                own = (row, column)
                if column and not _is_ruled(self.standing, left, (top + bottom) / 2):
                    own = cells[row][column - 1]
                elif row and not _is_ruled(self.lying, top, (left + right) / 2):
                    own = cells[row - 1][column]
                cells[row].append(own)
        return cells


def page_text(page: pypdfium2.PdfPage) -> str:
    """The text of a page in the order it was drawn, a ruled table where its first letter stands."""
    text_page = page.get_textpage()
    try:
        plain: str = text_page.get_text_range()
        grids = _grids(page) if plain.strip() else []
        return _with_tables(text_page, grids) if grids else _run_on(text_page, plain)
    finally:
        text_page.close()


# ---- lines that a column broke --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A printed line, in points; `size` is that of its first letter."""

    text: str
    left: float
    right: float
    bottom: float
    size: float

    def follows(self, other: "Line") -> bool:
        """Whether it stands beneath the other in the same type, as the next line of a text does."""
        near = abs(self.left - other.left) < INDENT * other.size
        alike = abs(self.size - other.size) < 0.1 * other.size
        return near and alike and 0.6 * other.size < other.bottom - self.bottom < 2.2 * other.size


@dataclass(frozen=True)
class Column:
    """Lines beneath one another."""

    lines: list[Line]

    @property
    def left(self) -> float:
        return min(line.left for line in self.lines)

    @property
    def right(self) -> float:
        return max(line.right for line in self.lines)

    @property
    def size(self) -> float:
        return self.lines[0].size

    def is_like(self, other: "Column") -> bool:
        """As wide, and in the same type."""
        apart = abs(self.right - self.left - other.right + other.left)
        return apart < SHORT * self.size and abs(self.size - other.size) < 0.1 * self.size

    @property
    def is_set_in(self) -> bool:
        """Whether paragraphs begin further in than their other lines."""
        return any(line.left > self.left + line.size for line in self.lines)

    @property
    def broken(self) -> int:
        """How many lines go as far as the column does, the last not counted."""
        return sum(self.is_full(line) for line in self.lines[:-1])

    def is_full(self, line: Line) -> bool:
        return line.right > self.right - SHORT * self.size


def _run_on(text_page: Any, plain: str) -> str:
    """The text with the lines of each column in one as far as they run on.

    That it is a column is seen from lines that end where it does: three at least, in it and in those of its width. What
    stands in larger type than the text is a headline, and is marked as one.
    """
    columns: list[Column] = []
    for line in _printed(text_page, plain):
        if columns and line.follows(columns[-1].lines[-1]):
            columns[-1].lines.append(line)
        else:
            columns.append(Column([line]))
    parts: list[str] = []
    text_size = _size_of_text(columns)
    for column, after in zip_longest(columns, columns[1:]):
        headline = "".join(line.text for line in column.lines)
        if column.size > HEADLINE * text_size and len(headline) <= LONGEST_HEADLINE:
            parts.append(f"\n# {headline}\n\n")
            continue
        alike = [one for one in columns if one.is_like(column)] if column.broken else []
        is_column = sum(one.broken for one in alike) >= FULL and column.right - column.left > 6 * column.size
        # Where paragraphs are set in, a line that ends with a sentence is none's last for that.
        ends = () if any(one.is_set_in for one in alike) else SENTENCE_ENDS
        for line, below in pairwise(column.lines):
            on = is_column and column.is_full(line) and _runs_on(line, below, column.left, ends)
            parts += [line.text, "" if on else "\n"]
        last = column.lines[-1]
        goes_on = is_column and after is not None and column.is_full(last) and _is_beside(last, column, after)
        on = goes_on and after is not None and _runs_on(last, after.lines[0], after.left, ends)
        parts += [last.text, "" if on else "\n"]
    return "".join(parts)


def _size_of_text(columns: list[Column]) -> float:
    """The size in which most letters are set."""
    letters: Counter[int] = Counter()
    for column in columns:
        for line in column.lines:
            letters[round(line.size * 2)] += len(line.text)
    return letters.most_common(1)[0][0] / 2 if letters else 0.0


def _is_beside(last: Line, column: Column, after: Column) -> bool:
    """Whether a column may go on in the one after it: to its right and higher up, and as wide if that is to be seen."""
    higher = after.lines[0].bottom > last.bottom and after.left > last.right
    return higher and (len(after.lines) < FULL or column.is_like(after))


def _printed(text_page: Any, plain: str) -> Iterator[Line]:
    """The lines as they stand beside one another: PDFium makes one of what stands on one height."""
    at = 0
    for text in plain.split("\r\n"):
        inked = [place for place, letter in enumerate(text) if not letter.isspace()]
        start = 0
        for before, after in pairwise(inked):
            if after - before == 1:
                continue
            size = raw.FPDFText_GetFontSize(text_page, at + before)
            if text_page.get_charbox(at + after)[0] - text_page.get_charbox(at + before)[2] > SHORT * size:
                yield _line(text_page, text[start:after], at + start)
                start = after
        if inked:
            yield _line(text_page, text[start:], at + start)
        at += len(text) + 2


def _line(text_page: Any, text: str, at: int) -> Line:
    """`at` is the place of its first letter on the page."""
    first = at + len(text) - len(text.lstrip())
    left, bottom, _right, _top = text_page.get_charbox(first)
    _left, _bottom, right, _top = text_page.get_charbox(at + len(text.rstrip()) - 1)
    return Line(text.strip(), left, right, bottom, raw.FPDFText_GetFontSize(text_page, first))


def _runs_on(line: Line, after: Line, left: float, ends: tuple[str, ...]) -> bool:
    """Whether a full line goes on in the next: it ends with none of `ends`, and no paragraph or item begins there."""
    begins = after.left > left + line.size and not ITEM.match(line.text)
    latin = line.text[-1:].isascii() and after.text[:1].isascii()
    return not (begins or ITEM.match(after.text) or latin or line.text.endswith(ends))


# ---- ruled tables ---------------------------------------------------------------------------------------------------


def _with_tables(text_page: Any, grids: list[Grid]) -> str:
    words: list[dict[tuple[int, int], list[str]]] = [{} for _ in grids]
    order: list[tuple[str, int | None]] = []
    which: int | None = None
    cell: list[str] = []
    for letter, x, y, made in _letters(text_page):
        if not made:
            places = ((number, grid.place_of(x, y)) for number, grid in enumerate(grids))
            which, place = next((found for found in places if found[1] is not None), (None, None))
            cell = words[which].setdefault(place, []) if which is not None and place is not None else []
        cell.append(_MADE if made else letter)
        order.append((letter, which))
    tables = [_rows(grid, said) for grid, said in zip(grids, words, strict=True)]
    parts: list[str] = []
    printed: set[int] = set()
    for letter, which in order:
        if which is None or tables[which] is None:
            parts.append(letter)
        elif which not in printed:
            printed.add(which)
            parts.append(f"\n{tables[which]}\n")
    # A letter beyond the first plane comes in two halves.
    return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\r\n", "\n")


def _letters(text_page: Any) -> Iterator[tuple[str, float, float, bool]]:
    """(letter, middle x, middle y, whether PDFium made it up: a blank or a line end) in the order they were drawn."""
    for index in range(text_page.count_chars()):
        left, bottom, right, top = text_page.get_charbox(index)
        letter = chr(raw.FPDFText_GetUnicode(text_page, index))
        yield letter, (left + right) / 2, (bottom + top) / 2, raw.FPDFText_IsGenerated(text_page, index) == 1


def _rows(grid: Grid, words: dict[tuple[int, int], list[str]]) -> str | None:
    """The table's rows; None where it is none: one row or column, or articles with frames around them."""
    cells = grid.cells()
    said: dict[tuple[int, int], str] = {}
    for row, places in enumerate(cells):
        for column, own in enumerate(places):
            said[own] = said.get(own, "") + _joined(words.get((row, column), ()))
    if any(len(text) > MAX_CELL for text in said.values()):
        return None
    rows = []
    for places in cells:
        own_words = [
            "" if column and place == places[column - 1] else said[place].strip() for column, place in enumerate(places)
        ]
        rows.append("\t".join(own_words).rstrip("\t"))
    filled = [row for row in rows if row.strip()]
    return "\n".join(filled) if sum("\t" in row.strip() for row in filled) > 1 else None


def _joined(letters: Iterable[str]) -> str:
    """The lines of a cell in one: Chinese runs on, Latin words and figures keep their distance."""
    text, parted = "", False
    for letter in letters:
        if letter == _MADE:
            parted = True
            continue
        text += f" {letter}" if parted and text[-1:].isascii() and letter.isascii() else letter
        parted = False
    return text


def _grids(page: pypdfium2.PdfPage) -> list[Grid]:
    """The ruled tables of a page that have two columns and two rows at least."""
    standing: set[Rule] = set()
    lying: set[Rule] = set()
    pieces = 0
    for thing in page.get_objects(filter=[raw.FPDF_PAGEOBJ_PATH], max_depth=1):
        pieces += raw.FPDFPath_CountSegments(thing)
        if pieces > MAX_PIECES:
            return []
        for (x1, y1), (x2, y2) in _segments(thing):
            if abs(x1 - x2) < 1 < NEAR * 2 < abs(y1 - y2):
                standing.add(Rule(round((x1 + x2) / 2), round(min(y1, y2)), round(max(y1, y2))))
            elif abs(y1 - y2) < 1 < NEAR * 2 < abs(x1 - x2):
                lying.add(Rule(round((y1 + y2) / 2), round(min(x1, x2)), round(max(x1, x2))))
    if len(standing) + len(lying) > MAX_RULES:
        return []
    return [
        grid
        for grid in _apart([*standing], [*lying])
        if len(grid.xs) > 2 and len(grid.ys) > 2 and len(grid.xs) * len(grid.ys) <= MAX_RULES
    ]


def _apart(standing: list[Rule], lying: list[Rule]) -> Iterator[Grid]:
    """Lines that touch one another belong to one table."""
    left = set(range(len(lying)))
    unused = set(range(len(standing)))
    while left:
        rows, columns = {left.pop()}, set[int]()
        todo = [(True, next(iter(rows)))]
        while todo:
            lies, number = todo.pop()
            if lies:
                touched = {one for one in unused if _touch(standing[one], lying[number])}
                unused -= touched
                columns |= touched
            else:
                touched = {one for one in left if _touch(standing[number], lying[one])}
                left -= touched
                rows |= touched
            todo += [(not lies, one) for one in touched]
        own_lying, own_standing = [lying[one] for one in rows], [standing[one] for one in columns]
        yield Grid(_places(own_standing), _places(own_lying), own_standing, own_lying)


def _touch(standing: Rule, lying: Rule) -> bool:
    return lying.covers(standing.at) and standing.covers(lying.at)


def _places(rules: list[Rule]) -> list[float]:
    """Where lines are, those that are near counted once."""
    places: list[float] = []
    for at in sorted(rule.at for rule in rules):
        if not places or at - places[-1] > NEAR:
            places.append(at)
    return places


def _is_ruled(rules: list[Rule], at: float, place: float) -> bool:
    return any(abs(rule.at - at) <= NEAR * 2 and rule.covers(place) for rule in rules)


def _segments(thing: Any) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """The straight pieces of a path, where they are on the page."""
    matrix = thing.get_matrix()
    first: tuple[float, float] | None = None
    last: tuple[float, float] | None = None
    for index in range(raw.FPDFPath_CountSegments(thing)):
        segment = raw.FPDFPath_GetPathSegment(thing, index)
        x, y = ctypes.c_float(), ctypes.c_float()
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        point = matrix.on_point(x.value, y.value)
        kind = raw.FPDFPathSegment_GetType(segment)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            first = point
        elif kind == raw.FPDF_SEGMENT_LINETO and last is not None:
            yield last, point
        last = point
        if raw.FPDFPathSegment_GetClose(segment) and first is not None:
            yield last, first
