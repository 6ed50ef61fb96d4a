"""Rows of tables: cells put under the heads that they stand under or look like, and lines that go on with a row."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from .columns import (
    AREA,
    KIND,
    MEASURE,
    NUMBER,
    OTHER,
    PLACE,
    TOWN,
    WHERE,
    WRONG,
    is_head,
    is_header,
    is_nothing,
    role_of,
)

Stretch = tuple[int, int]
BLANKS = " \u3000\xa0"
_AROUND = f"{BLANKS}\t\r\v\f*"
"""What a cell's words stand in; markdown sets stars about them."""
SERIAL = re.compile(r"[（(]?\d{1,4}[)）.．、]?|[①-⑳]")
_NAMES_TOWN = re.compile("(?:街道|镇|乡|地区|苏木|办事处|开发区|园区)(?:（[^（）]*）)?$")
_NAMES_VILLAGE = re.compile("(?:村|社区|居委会|村委会|嘎查)(?:（[^（）]*）)?$")
_ADDRESS = re.compile("(?:街道|[镇乡村路街巷号组]|社区)")
_PERSON = re.compile("[\u4e00-\u9fff]{2,4}")
_DATE = re.compile(r"\d{1,2}月|\d{4}[年./-]|\d+[日天]")
DONE = re.compile(
    "整改|改正|罚|警告|立案|停[业产工]|查[处封扣]|责令|约谈|清[运理走]|当场|限期|移[交送]|督办|通报|完成|^[已未]|^[-—–/／√无]+$"
)
_SENTENCE = re.compile("[。；，]")
NEAR = 2
MOST_LOST = 2


@dataclass(slots=True)
class PrintedLine:
    """A line that has something on it; a row of a table has `cells`, each of one or more stretches of the original."""

    start: int
    text: str
    blank_before: bool
    column: int = 0
    """Which column of how many read so far it stands in; 0 where the page has one."""
    ruled: bool = False
    """Whether a line is drawn above it."""
    cells: tuple[tuple[Stretch, ...], ...] = ()

    @property
    def bare(self) -> str:
        return self.text.strip()


@dataclass(frozen=True, slots=True)
class Piece:
    """Words between two gaps of a line; `left` is how far to the right they begin, in half characters."""

    start: int
    text: str
    left: int = 0

    @property
    def width(self) -> int:
        return width_of(self.text)

    @property
    def stretch(self) -> Stretch:
        return self.start, self.start + len(self.text)


@dataclass(slots=True)
class Row:
    line: PrintedLine
    cells: list[list[Piece]]

    def word(self, place: int) -> str:
        return "".join(piece.text for piece in self.cells[place]) if place < len(self.cells) else ""

    @property
    def words(self) -> list[str]:
        return [self.word(place) for place in range(len(self.cells))]

    def filled(self) -> list[int]:
        return [place for place, cell in enumerate(self.cells) if cell]

    def take(self, other: "Row") -> None:
        """Let another row go on with this one's cells."""
        self.cells += [[] for _ in range(len(other.cells) - len(self.cells))]
        for mine, more in zip(self.cells, other.cells, strict=False):
            mine.extend(more)

    def printed(self) -> PrintedLine:
        return replace(self.line, cells=tuple(tuple(piece.stretch for piece in cell) for cell in self.cells))


@dataclass(slots=True)
class Heads:
    """The words over the columns."""

    words: list[str]
    left: list[set[int]] = field(default_factory=list)
    """Where the cells of each column begin."""
    roles: list[str | None] = field(init=False)

    def __post_init__(self) -> None:
        self.roles = [role_of(word) for word in self.words]

    def __len__(self) -> int:
        return len(self.words)

    @property
    def numbered(self) -> bool:
        return self.roles[0] == NUMBER

    @property
    def wrong(self) -> int | None:
        """The column that tells what is wrong, whose words may hold gaps themselves."""
        return next((place for role in WRONG for place, one in enumerate(self.roles) if one == role), None)


def is_near(left: set[int], piece: Piece) -> bool:
    return any(abs(piece.left - one) <= NEAR for one in left)


def fitted(line: PrintedLine, pieces: Sequence[Piece], heads: Heads, *, straight: bool) -> list[list[Piece]] | None:
    """The pieces of a line put under their heads; None where they are no row."""
    even = cells_between(line, re.compile("\u3000"))
    if len(even) == len(heads) and not straight and not any(" " in piece.text for piece in even):
        pieces = [piece for piece in even if piece.text]
        placed: list[list[Piece]] | None = [[piece] if piece.text else [] for piece in even]
    elif len(pieces) == len(heads):
        placed = [[piece] for piece in pieces]
        if straight:
            for place, piece in enumerate(pieces):
                heads.left[place].add(piece.left)
    else:
        placed = _aligned(pieces, heads) if straight else None
        placed = placed or absorbed(line, pieces, heads) or with_lost(pieces, heads)
    if placed is None or not any(placed):
        return None
    if heads.numbered and placed[0] and not SERIAL.fullmatch(placed[0][0].text):
        return None
    return placed


def _aligned(pieces: Sequence[Piece], heads: Heads) -> list[list[Piece]] | None:
    placed: list[list[Piece]] = [[] for _ in heads.words]
    last = -1
    for piece in pieces:
        near = [place for place in range(last + 1, len(heads)) if is_near(heads.left[place], piece)]
        if not near:
            return None
        last = near[0]
        placed[last].append(piece)
    return placed if len(pieces) > 1 or last > 0 else None


def absorbed(line: PrintedLine, pieces: Sequence[Piece], heads: Heads) -> list[list[Piece]] | None:
    """More pieces than heads: the gaps that are too many stand among the words of what is wrong."""
    wrong, behind = heads.wrong, 0
    if wrong is None or len(pieces) <= len(heads):
        return None
    behind = len(heads) - 1 - wrong
    first, last = pieces[wrong], pieces[len(pieces) - 1 - behind]
    sides = [*pieces[:wrong], *pieces[len(pieces) - behind :]]
    if any(_SENTENCE.search(piece.text) for piece in sides if piece not in pieces[len(pieces) - behind :]):
        return None
    begin = first.start - line.start
    middle = Piece(first.start, line.text[begin : last.start - line.start + len(last.text)], first.left)
    return [*[[piece] for piece in pieces[:wrong]], [middle], *[[piece] for piece in pieces[len(pieces) - behind :]]]


def with_lost(pieces: Sequence[Piece], heads: Heads) -> list[list[Piece]] | None:
    """Fewer pieces than heads: what each looks like tells which cell is empty."""
    lost = len(heads) - len(pieces)
    if not 0 < lost <= MOST_LOST or len(pieces) < 2 or len(heads) > 14:
        return None
    if heads.numbered and not SERIAL.fullmatch(pieces[0].text):
        return None
    ways = list(combinations(range(len(heads)), len(pieces)))
    best = max(ways, key=lambda way: sum(_looks_like(heads, at, one.text) for at, one in zip(way, pieces, strict=True)))
    if sum(_looks_like(heads, at, one.text) for at, one in zip(best, pieces, strict=True)) <= 0:
        return None
    placed: list[list[Piece]] = [[] for _ in heads.words]
    for place, piece in zip(best, pieces, strict=True):
        placed[place].append(piece)
    return placed


def _looks_like(heads: Heads, place: int, text: str) -> float:
    role, word = heads.roles[place], heads.words[place]
    number = bool(SERIAL.fullmatch(text) or re.fullmatch(r"[-+]?[\d.]+分?", text))
    if role == NUMBER:
        return 3 if SERIAL.fullmatch(text) else -5
    if role == TOWN:
        if _NAMES_TOWN.search(text):
            return 2
        return 1 if _ADDRESS.search(text) and AREA not in heads.roles else -2
    if role == OTHER or role is None:
        if re.search("分|数", word):
            return 2 if number else -2
        if re.search("[人员长]$", word):
            return 1.5 if _PERSON.fullmatch(text) else -1
        return 1 if re.search("[时日期限]", word) and _DATE.search(text) else -0.5
    if number:
        return -2
    if is_nothing(text):
        return -2 if role in WHERE else 0.5 if role == MEASURE else 1
    if role == MEASURE:
        return 2 if DONE.search(text) else -1
    if role == AREA:
        return 2 if _NAMES_VILLAGE.search(text) else -1
    if role in WHERE:
        address = bool(_ADDRESS.search(text))
        return 0.8 + (0.4 if address == (role == PLACE) else 0) - 2 * bool(_SENTENCE.search(text))
    return 0.6 - 2 * bool(_NAMES_TOWN.search(text)) + (role != KIND) * min(len(text), 20) / 40


def merged_rows(rows: Sequence[Row], *, drawn: bool) -> list[Row]:
    """The rows with those taken in that only go on with the cells of the row above.

    `drawn`: the columns are as wide as they were printed, so that a cell which goes on fills its column.
    """
    merged: list[Row] = []
    heads: Heads | None = None
    ruled = sum(row.line.ruled for row in rows[1:]) > 1
    widths = _widths(rows)
    for row in rows:
        if not row.filled():
            continue
        before = merged[-1] if merged else None
        if before is not None and heads is None and not is_header(row.words):
            both = Row(before.line, [list(cell) for cell in before.cells])
            both.take(row)
            if is_header(both.words) and all(is_head(word) for word in both.words if word):
                merged[-1], heads = both, Heads(both.words)
                continue
        # 名称 and 隐患 may be the second lines of heads: where rows are ruled, only a rule begins another row.
        if is_header(row.words) and (before is None or row.line.ruled or not ruled):
            heads = Heads(row.words)
            merged.append(row)
            continue
        if before is not None and heads is not None and _goes_on(row, before, heads, widths, drawn=drawn, ruled=ruled):
            before.take(row)
            if is_header(before.words):
                heads = Heads(before.words)
            continue
        merged.append(row)
    return merged


def _widths(rows: Sequence[Row]) -> list[int]:
    most = max((len(row.cells) for row in rows), default=0)
    return [
        max((cell.width for row in rows for cell in (row.cells[place] if place < len(row.cells) else [])), default=0)
        for place in range(most)
    ]


def _goes_on(row: Row, before: Row, heads: Heads, widths: Sequence[int], *, drawn: bool, ruled: bool) -> bool:
    filled = row.filled()
    if ruled:
        return not row.line.ruled
    if is_header(before.words):
        # A second line of heads: 存在问题 and 得分 under 检查情况.
        return len(filled) < len(row.cells) and all(role_of(row.word(place)) is not None for place in filled)
    if heads.numbered and row.cells and row.cells[0]:
        return False
    roles = [heads.roles[place] if place < len(heads) else None for place in filled]
    where = any(role in (*WHERE, TOWN) for role in roles)
    wrong = any(role in WRONG for role in roles)
    if not where and any(role in WHERE for role in heads.roles):
        return True
    if heads.numbered and not wrong:
        return True
    if row.cells[0] and wrong and len(filled) >= len(heads):
        return False
    full = all(before.word(place) and before.cells[place][-1].width >= widths[place] - 2 for place in filled)
    return drawn and full and not any(is_nothing(row.word(place)) for place in filled)


def cells_between(line: PrintedLine, gap: re.Pattern[str]) -> list[Piece]:
    """What stands between the gaps of a line, empty cells too."""
    pieces = []
    at = 0
    for found in [*gap.finditer(line.text), None]:
        stop = found.start() if found else len(line.text)
        text = line.text[at:stop]
        bare = text.strip(_AROUND)
        begin = at + len(text) - len(text.lstrip(_AROUND))
        pieces.append(Piece(line.start + begin, bare, width_of(line.text[:begin])))
        at = found.end() if found else stop
    return pieces


def pieces_of(line: PrintedLine, gap: re.Pattern[str]) -> list[Piece]:
    return [piece for piece in cells_between(line, gap) if piece.text]


def width_of(text: str) -> int:
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)
