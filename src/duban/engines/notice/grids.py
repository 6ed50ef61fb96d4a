"""Where the rows and cells of tables stand in a report's lines, whatever parts them.

Tables come out of word processors, spreadsheets, web pages and chats as plain text: with bars, box lines, tabs, slashes
or blanks between the cells, or with a line for every cell; long cells go on in the next line. What follows finds the
rows and leaves all other lines alone.
"""

import re
from collections.abc import Iterator, Sequence
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

RULE = re.compile(r"[\s|:+=_—\-\u2500-\u257f]{3,}")
"""A line that is drawn and not written."""
_BAR = re.compile("[|│┃║┆┇┊┋¦]")
_BLANKS = " \u3000\xa0"
_AROUND = f"{_BLANKS}\t\r\v\f*"
"""What a cell's words stand in; markdown sets stars about them."""
_WIDE = re.compile(f"[{_BLANKS}]*(?:\u3000| {{2,}}|\xa0{{2,}})[{_BLANKS}]*")
_ANY = re.compile(f"[{_BLANKS}]+")
_COMMAS = (",", "，")
_MARKS = ("/", "／", "｜", *_COMMAS)
_MARKER = re.compile(
    r"(?:\d{1,3}[.．、)）]|[（(][\d一二三四五六七八九十]{1,3}[)）]|[一二三四五六七八九十]{1,3}、|[①-⑳●•■◆▲])$"
)
BEGINS_ITEM = re.compile(r"\s*(?:[（(]?\d{1,2}[)）.．、](?!\d)|[①-⑳])")
_SERIAL = re.compile(r"[（(]?\d{1,4}[)）.．、]?|[①-⑳]")
_NAMES_TOWN = re.compile("(?:街道|镇|乡|地区|苏木|办事处|开发区|园区)(?:（[^（）]*）)?$")
_NAMES_VILLAGE = re.compile("(?:村|社区|居委会|村委会|嘎查)(?:（[^（）]*）)?$")
_ADDRESS = re.compile("(?:街道|[镇乡村路街巷号组]|社区)")
_PERSON = re.compile("[\u4e00-\u9fff]{2,4}")
_DATE = re.compile(r"\d{1,2}月|\d{4}[年./-]|\d+[日天]")
_DONE = re.compile(
    "整改|改正|罚|警告|立案|停[业产工]|查[处封扣]|责令|约谈|清[运理走]|当场|限期|移[交送]|督办|通报|完成|^[已未]|^[-—–/／√无]+$"
)
_GOES_ON = ("，", "、", "；", ",", ";")
_SENTENCE = re.compile("[。；，]")
_WORD_OF_HEAD = 6
_LONGEST_CELL = 60
_FEWEST = 3
_NEAR = 2
_LOOKED_AT = 20
_MOST_HEADS = 14
_LONGEST_HEAD = 12
_MOST_LOST = 2


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
class _Piece:
    """Words between two gaps of a line; `left` is how far to the right they begin, in half characters."""

    start: int
    text: str
    left: int = 0

    @property
    def width(self) -> int:
        return _width(self.text)

    @property
    def stretch(self) -> Stretch:
        return self.start, self.start + len(self.text)


@dataclass(slots=True)
class _Row:
    line: PrintedLine
    cells: list[list[_Piece]]

    def word(self, place: int) -> str:
        return "".join(piece.text for piece in self.cells[place]) if place < len(self.cells) else ""

    @property
    def words(self) -> list[str]:
        return [self.word(place) for place in range(len(self.cells))]

    def filled(self) -> list[int]:
        return [place for place, cell in enumerate(self.cells) if cell]

    def take(self, other: "_Row") -> None:
        """Let another row go on with this one's cells."""
        self.cells += [[] for _ in range(len(other.cells) - len(self.cells))]
        for mine, more in zip(self.cells, other.cells, strict=False):
            mine.extend(more)

    def printed(self) -> PrintedLine:
        return replace(self.line, cells=tuple(tuple(piece.stretch for piece in cell) for cell in self.cells))


@dataclass(slots=True)
class _Heads:
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


def lay_out(lines: Sequence[PrintedLine]) -> Iterator[PrintedLine]:
    """The lines with those of tables made rows."""
    at = 0
    while at < len(lines):
        for find in (_barred, _tabbed, _slashed, _spaced, _stacked):
            laid, stop = find(lines, at)
            if stop > at:
                yield from laid
                at = stop
                break
        else:
            yield lines[at]
            at += 1


Laid = tuple[list[PrintedLine], int]
"""Rows and what stands among them, and the line behind the last one: the line asked for where there are none."""


def _barred(lines: Sequence[PrintedLine], at: int) -> Laid:
    rows: list[_Row] = []
    stop, bars = at, 0
    while stop < len(lines) and (here := len(_BAR.findall(lines[stop].text))):
        row = _Row(lines[stop], [[piece] if piece.text else [] for piece in _cells(lines[stop], _BAR)])
        text = lines[stop].bare
        if row.cells and not row.cells[0] and _BAR.match(text):
            del row.cells[0]
        if row.cells and not row.cells[-1] and _BAR.match(text[-1:]):
            del row.cells[-1]
        if len(row.filled()) < 2 and (here != bars or here < 2):
            break
        rows.append(row)
        stop, bars = stop + 1, here
    # Bars of a drawn table stand straight.
    drawn = len({_width(row.line.text.rstrip()) for row in rows}) == 1
    return [row.printed() for row in _merged(rows, drawn=drawn)], stop


def _tabbed(lines: Sequence[PrintedLine], at: int) -> Laid:
    """A run of lines with tabs; a cell may hold line ends, behind which the row goes on."""
    stop = at
    while stop < len(lines) and len(_filled(lines[stop])) > 1:
        stop += 1
    if stop == at:
        return [], at
    first = _single(lines[at])
    heads = next((row for row in map(_single, lines[at:stop]) if is_header(row.words)), None)
    apart = heads or first
    width = len(apart.cells)
    rows = [(len(_single(line).cells), len(_filled(line))) for line in lines[at : at + _LOOKED_AT]]
    # Tabs that only keep the columns straight stand doubled.
    single = all(apart.cells) and sum(one == width for one, _some in rows) >= sum(
        one != width == some for one, some in rows
    )
    if not heads and all(_is_item(line) for line in lines[at:stop]):
        return [], at
    laid: list[_Row | PrintedLine] = []
    here = at
    while here < len(lines):
        row = _single(lines[here]) if single else _Row(lines[here], [[piece] for piece in _filled(lines[here])])
        taken, more = here + 1, row
        if heads and any(isinstance(one, _Row) for one in laid) and len(row.filled()) > 0 and "\t" in lines[here].text:
            more, taken = _whole(lines, here, row, width)
        if len(row.filled()) > 1 or more is not row:
            laid.append(more)
        elif heads and laid and _is_rest(lines, here, width):
            before = next((one for one in reversed(laid) if isinstance(one, _Row)), None)
            if before is None or len(before.cells) < width:
                break
            before.cells[-1].append(_Piece(lines[here].start, lines[here].text))
        elif heads and laid and _resumes(lines, here + 1, width):
            laid.append(lines[here])
        else:
            break
        here = taken
    return _printed(laid), here


def _printed(laid: Sequence[_Row | PrintedLine]) -> list[PrintedLine]:
    """Rows that follow one another are merged; what stands between them stays a line."""
    done: list[PrintedLine] = []
    rows: list[_Row] = []
    for one in [*laid, None]:
        if isinstance(one, _Row):
            rows.append(one)
        else:
            done.extend(row.printed() for row in _merged(rows, drawn=False))
            rows = []
            if one is not None:
                done.append(one)
    return done


def _single(line: PrintedLine) -> _Row:
    return _Row(line, [[piece] if piece.text else [] for piece in _cells(line, re.compile("\t"))])


def _filled(line: PrintedLine) -> list[_Piece]:
    return [piece for piece in _cells(line, re.compile("\t+")) if piece.text]


def _is_item(line: PrintedLine) -> bool:
    """Whether the tab only stands behind the number of an item: 1.<tab>某村：……"""
    words = _filled(line)
    return len(words) == 2 and bool(_MARKER.match(words[0].text) or _SERIAL.fullmatch(words[0].text))


def _whole(lines: Sequence[PrintedLine], at: int, row: _Row, width: int) -> tuple[_Row, int]:
    """A row whose cells hold line ends: the lines that give it all its cells, and the line behind them."""
    whole = _Row(row.line, [list(cell) for cell in row.cells])
    here = at + 1
    while len(whole.cells) < width and here < min(len(lines), at + 6):
        more = _single(lines[here])
        if len(whole.cells) + len(more.cells) - 1 > width or is_header(more.words):
            return row, at + 1
        if len(more.cells) > 1 and more.cells[0] and _SERIAL.fullmatch(more.word(0)):
            return row, at + 1
        whole.cells[-1].extend(more.cells[0])
        whole.cells.extend(more.cells[1:])
        here += 1
    return (whole, here) if len(whole.cells) == width and here > at + 1 else (row, at + 1)


def _is_rest(lines: Sequence[PrintedLine], at: int, width: int) -> bool:
    """Whether a line is the rest of the last cell of the row above."""
    text = lines[at].bare
    if lines[at].blank_before:
        return False
    items = BEGINS_ITEM.match(text) and not text.startswith(("一", "二"))
    open_before = lines[at - 1].bare.endswith(_GOES_ON)
    return bool(open_before or (items and _resumes(lines, at + 1, width)))


def _resumes(lines: Sequence[PrintedLine], at: int, width: int) -> bool:
    return any(len(_filled(line)) in (width, width - 1) and len(_filled(line)) > 1 for line in lines[at : at + 2])


def _slashed(lines: Sequence[PrintedLine], at: int) -> Laid:
    """Lines that one after the other have as many slashes, 名称/地址/违法事实, or commas under their heads."""
    for mark in _MARKS:
        marks = lines[at].text.count(mark)
        if marks < 2:
            continue
        gap = re.compile(mark)
        first = _Row(lines[at], [[piece] if piece.text else [] for piece in _cells(lines[at], gap)])
        heads = _Heads(first.words) if is_header(first.words) else None
        if heads is None and mark in _COMMAS:
            continue
        rows, stop = [first], at + 1
        while stop < len(lines) and lines[stop].text.count(mark) >= marks:
            pieces = _cells(lines[stop], gap)
            cells = [[piece] if piece.text else [] for piece in pieces]
            fitted = cells if len(cells) == marks + 1 else _absorbed(lines[stop], pieces, heads) if heads else None
            if fitted is None:
                break
            rows.append(_Row(lines[stop], fitted))
            stop += 1
        if len(rows) > (2 if heads is None else 1) and not any("://" in row.line.text for row in rows):
            return [row.printed() for row in rows], stop
    return [], at


def _spaced(lines: Sequence[PrintedLine], at: int) -> Laid:
    """Rows whose cells are parted by blanks: under their heads, or several of as many cells one after the other."""
    for gap in (_WIDE, _ANY):
        pieces = _pieces(lines[at], gap)
        if len(pieces) < 2:
            continue
        header = _Row(lines[at], [[piece] for piece in pieces])
        first = at + 1
        if below := _second_of_heads(lines, header, first):
            header, first = below, first + 1
        if not is_header(header.words) or (len(pieces) == 2 and any(role_of(word) is None for word in header.words)):
            continue
        heads = _Heads(header.words, [{cell[0].left} for cell in header.cells])
        straight = gap is _WIDE and _is_straight(header.line, lines[first : first + _LOOKED_AT], heads)
        laid, stop = _under(lines, first, heads, gap, straight=straight)
        if laid:
            rows = _merged([header, *[one for one in laid if isinstance(one, _Row)]], drawn=straight)
            kept = {id(row.line): row.printed() for row in rows}
            among = [kept.get(id(one.line)) if isinstance(one, _Row) else one for one in laid]
            return [kept[id(header.line)], *[one for one in among if one is not None]], stop
    return _without_heads(lines, at)


def _without_heads(lines: Sequence[PrintedLine], at: int) -> Laid:
    rows: list[_Row] = []
    while at + len(rows) < len(lines):
        line = lines[at + len(rows)]
        pieces = _pieces(line, _WIDE) if "\t" not in line.text else []
        if len(pieces) < _FEWEST or (rows and len(pieces) != len(rows[0].cells)) or "：" in pieces[0].text:
            break
        if any(piece.text.count("。") > 1 for piece in pieces):
            break
        rows.append(_Row(line, [[piece] for piece in pieces]))
    if len(rows) < 2:
        return [], at
    return [row.printed() for row in _merged(rows, drawn=True)], at + len(rows)


def _second_of_heads(lines: Sequence[PrintedLine], header: _Row, at: int) -> _Row | None:
    """The heads where they take two lines: 所属 over 镇街."""
    if at >= len(lines) or is_header(header.words) or any(len(word) > _WORD_OF_HEAD for word in header.words):
        return None
    cells = [list(cell) for cell in header.cells]
    for piece in _pieces(lines[at], _ANY):
        near = min(range(len(cells)), key=lambda place: abs(cells[place][0].left - piece.left))
        if len(piece.text) > _WORD_OF_HEAD:
            return None
        if abs(cells[near][0].left - piece.left) <= _NEAR:
            cells[near].append(piece)
        else:
            cells.insert(near + (piece.left > cells[near][0].left), [piece])
    both = _Row(header.line, cells)
    return both if is_header(both.words) else None


def _is_straight(header: PrintedLine, lines: Sequence[PrintedLine], heads: _Heads) -> bool:
    """Whether blanks keep the cells of most lines under their heads."""
    if all(_width(gap[0]) <= 2 for gap in _WIDE.finditer(header.bare)):
        return False
    rows = [pieces for line in lines if len(pieces := _pieces(line, _WIDE)) > 2]
    near = sum(all(any(_near(left, piece) for left in heads.left) for piece in pieces) for pieces in rows)
    return near * 2 > len(rows)


def _under(
    lines: Sequence[PrintedLine], at: int, heads: _Heads, gap: re.Pattern[str], *, straight: bool
) -> tuple[list[_Row | PrintedLine], int]:
    """The rows under heads, up to the first line that is none and that none follows."""
    laid: list[_Row | PrintedLine] = []
    stop = here = at
    while here < len(lines) and here <= stop + 1:
        line = lines[here]
        cells = None
        if "\t" not in line.text and not _BAR.search(line.text):
            pieces = _pieces(line, gap)
            cells = _fitted(line, pieces, heads, straight=straight)
            if cells is None and straight and _ends_name(pieces, laid, heads):
                cells = [[pieces[0]], *([] for _ in heads.words[1:])]
            if is_header(piece.text for piece in pieces):
                break
        if cells is None:
            laid.append(line)
        else:
            laid.append(_Row(line, cells))
            stop = here + 1
        here += 1
    while laid and isinstance(laid[-1], PrintedLine):
        laid.pop()
    return laid, stop


def _ends_name(pieces: Sequence[_Piece], laid: Sequence[_Row | PrintedLine], heads: _Heads) -> bool:
    """Whether a line is nothing but the end of the first cell above, which fills its column."""
    if len(pieces) != 1 or pieces[0].left or not laid or not isinstance(laid[-1], _Row) or len(heads) < 2:
        return False
    above = laid[-1].cells[0]
    return bool(above) and above[-1].width >= min(heads.left[1]) - 3 and pieces[0].width <= above[-1].width


def _near(left: set[int], piece: _Piece) -> bool:
    return any(abs(piece.left - one) <= _NEAR for one in left)


def _fitted(line: PrintedLine, pieces: Sequence[_Piece], heads: _Heads, *, straight: bool) -> list[list[_Piece]] | None:
    """The pieces of a line put under their heads; None where they are no row."""
    even = _cells(line, re.compile("\u3000"))
    if len(even) == len(heads) and not straight and not any(" " in piece.text for piece in even):
        pieces = [piece for piece in even if piece.text]
        placed: list[list[_Piece]] | None = [[piece] if piece.text else [] for piece in even]
    elif len(pieces) == len(heads):
        placed = [[piece] for piece in pieces]
        if straight:
            for place, piece in enumerate(pieces):
                heads.left[place].add(piece.left)
    else:
        placed = _aligned(pieces, heads) if straight else None
        placed = placed or _absorbed(line, pieces, heads) or _with_lost(pieces, heads)
    if placed is None or not any(placed):
        return None
    if heads.numbered and placed[0] and not _SERIAL.fullmatch(placed[0][0].text):
        return None
    return placed


def _aligned(pieces: Sequence[_Piece], heads: _Heads) -> list[list[_Piece]] | None:
    placed: list[list[_Piece]] = [[] for _ in heads.words]
    last = -1
    for piece in pieces:
        near = [place for place in range(last + 1, len(heads)) if _near(heads.left[place], piece)]
        if not near:
            return None
        last = near[0]
        placed[last].append(piece)
    return placed if len(pieces) > 1 or last > 0 else None


def _absorbed(line: PrintedLine, pieces: Sequence[_Piece], heads: _Heads) -> list[list[_Piece]] | None:
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
    middle = _Piece(first.start, line.text[begin : last.start - line.start + len(last.text)], first.left)
    return [*[[piece] for piece in pieces[:wrong]], [middle], *[[piece] for piece in pieces[len(pieces) - behind :]]]


def _with_lost(pieces: Sequence[_Piece], heads: _Heads) -> list[list[_Piece]] | None:
    """Fewer pieces than heads: what each looks like tells which cell is empty."""
    lost = len(heads) - len(pieces)
    if not 0 < lost <= _MOST_LOST or len(pieces) < 2 or len(heads) > 14:
        return None
    if heads.numbered and not _SERIAL.fullmatch(pieces[0].text):
        return None
    ways = list(combinations(range(len(heads)), len(pieces)))
    best = max(ways, key=lambda way: sum(_looks_like(heads, at, one.text) for at, one in zip(way, pieces, strict=True)))
    if sum(_looks_like(heads, at, one.text) for at, one in zip(best, pieces, strict=True)) <= 0:
        return None
    placed: list[list[_Piece]] = [[] for _ in heads.words]
    for place, piece in zip(best, pieces, strict=True):
        placed[place].append(piece)
    return placed


def _looks_like(heads: _Heads, place: int, text: str) -> float:
    role, word = heads.roles[place], heads.words[place]
    number = bool(_SERIAL.fullmatch(text) or re.fullmatch(r"[-+]?[\d.]+分?", text))
    if role == NUMBER:
        return 3 if _SERIAL.fullmatch(text) else -5
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
        return 2 if _DONE.search(text) else -1
    if role == AREA:
        return 2 if _NAMES_VILLAGE.search(text) else -1
    if role in WHERE:
        address = bool(_ADDRESS.search(text))
        return 0.8 + (0.4 if address == (role == PLACE) else 0) - 2 * bool(_SENTENCE.search(text))
    return 0.6 - 2 * bool(_NAMES_TOWN.search(text)) + (role != KIND) * min(len(text), 20) / 40


def _stacked(lines: Sequence[PrintedLine], at: int) -> Laid:
    """Cells that stand one a line under their heads; a copied web page comes so.

    Where the first head is a number, the lines that hold 1, 2, 3 begin the rows.
    """
    words = _words_of_heads(lines, at)
    count = len(words)
    if count < _FEWEST or not is_header(words):
        return [], at
    heads = _Heads(words)
    laid = [_Row(lines[at], [[_whole_line(line)] for line in lines[at : at + count]])]
    here, number = at + count, 1
    while here < len(lines):
        stop = here + count
        if heads.numbered:
            if lines[here].bare.rstrip(".、．") != str(number):
                break
            after = (one for one in range(here + 1, len(lines)) if lines[one].bare.rstrip(".、．") == str(number + 1))
            following = next(after, 0)
            stop = following if 0 < following - here <= count + 4 else _last_row_ends(lines, stop, heads)
        group = lines[here:stop]
        pieces = [_whole_line(line) for line in group]
        if not heads.numbered and (len(group) < count or any(len(piece.text) > _LONGEST_CELL for piece in pieces)):
            break
        cells = [[piece] for piece in pieces] if len(pieces) == count else _piled(pieces, heads)
        cells = cells or _with_lost(pieces, heads)
        if cells is None:
            break
        laid.append(_Row(group[0], cells))
        here, number = here + len(group), number + 1
    return ([row.printed() for row in laid], here) if len(laid) > 1 else ([], at)


def _words_of_heads(lines: Sequence[PrintedLine], at: int) -> list[str]:
    """The heads that stand one a line: all above the line 1 where the first says that rows are numbered."""
    words: list[str] = []
    numbered = role_of(lines[at].bare) == NUMBER
    for line in lines[at : at + _MOST_HEADS]:
        if numbered and line.bare.rstrip(".、．") == "1":
            return words
        if len(line.bare) > _LONGEST_HEAD or not (numbered or is_head(line.bare)):
            break
        words.append(line.bare)
    if numbered or any(role_of(word) == NUMBER for word in words):
        return []
    while words and not is_header(words):
        words.pop()
    return words


def _last_row_ends(lines: Sequence[PrintedLine], stop: int, heads: _Heads) -> int:
    """Where the last row ends: what was done stands in its last cell, if that is what the last column tells."""
    if heads.roles[-1] == MEASURE:
        for end in range(stop, min(stop + _MOST_LOST, len(lines)) + 1):
            if _DONE.search(lines[end - 1].bare) and "：" not in lines[end - 1].bare:
                return end
    return min(stop, len(lines))


def _whole_line(line: PrintedLine) -> _Piece:
    return _Piece(line.start + len(line.text) - len(line.text.lstrip()), line.bare)


def _piled(pieces: Sequence[_Piece], heads: _Heads) -> list[list[_Piece]] | None:
    """More lines than heads: what is wrong takes several."""
    wrong = heads.wrong
    if wrong is None or len(pieces) <= len(heads):
        return None
    behind = len(pieces) - (len(heads) - 1 - wrong)
    return [
        *[[piece] for piece in pieces[:wrong]],
        list(pieces[wrong:behind]),
        *[[piece] for piece in pieces[behind:]],
    ]


def _merged(rows: Sequence[_Row], *, drawn: bool) -> list[_Row]:
    """The rows with those taken in that only go on with the cells of the row above.

    `drawn`: the columns are as wide as they were printed, so that a cell which goes on fills its column.
    """
    merged: list[_Row] = []
    heads: _Heads | None = None
    ruled = sum(row.line.ruled for row in rows[1:]) > 1
    widths = _widths(rows)
    for row in rows:
        if not row.filled():
            continue
        before = merged[-1] if merged else None
        if before is not None and heads is None and not is_header(row.words):
            both = _Row(before.line, [list(cell) for cell in before.cells])
            both.take(row)
            if is_header(both.words) and all(is_head(word) for word in both.words if word):
                merged[-1], heads = both, _Heads(both.words)
                continue
        if is_header(row.words):
            heads = _Heads(row.words)
            merged.append(row)
            continue
        if before is not None and heads is not None and _goes_on(row, before, heads, widths, drawn=drawn, ruled=ruled):
            before.take(row)
            if is_header(before.words):
                heads = _Heads(before.words)
            continue
        merged.append(row)
    return merged


def _widths(rows: Sequence[_Row]) -> list[int]:
    most = max((len(row.cells) for row in rows), default=0)
    return [
        max((cell.width for row in rows for cell in (row.cells[place] if place < len(row.cells) else [])), default=0)
        for place in range(most)
    ]


def _goes_on(row: _Row, before: _Row, heads: _Heads, widths: Sequence[int], *, drawn: bool, ruled: bool) -> bool:
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
    if row.cells[0] and wrong and len(filled) * 2 > len(heads):
        return False
    full = all(before.word(place) and before.cells[place][-1].width >= widths[place] - 2 for place in filled)
    return drawn and full and not any(is_nothing(row.word(place)) for place in filled)


def _cells(line: PrintedLine, gap: re.Pattern[str]) -> list[_Piece]:
    """What stands between the gaps of a line, empty cells too."""
    pieces = []
    at = 0
    for found in [*gap.finditer(line.text), None]:
        stop = found.start() if found else len(line.text)
        text = line.text[at:stop]
        bare = text.strip(_AROUND)
        begin = at + len(text) - len(text.lstrip(_AROUND))
        pieces.append(_Piece(line.start + begin, bare, _width(line.text[:begin])))
        at = found.end() if found else stop
    return pieces


def _pieces(line: PrintedLine, gap: re.Pattern[str]) -> list[_Piece]:
    return [piece for piece in _cells(line, gap) if piece.text]


def _width(text: str) -> int:
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)
