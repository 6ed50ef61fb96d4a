"""Where the rows and cells of tables stand in a report's lines, whatever parts them.

Tables come out of word processors, spreadsheets, web pages and chats as plain text: with bars, box lines, tabs, slashes
or blanks between the cells, or with a line for every cell; long cells go on in the next line. What follows finds the
rows and leaves all other lines alone.
"""

import re
from collections.abc import Iterator, Sequence

from .columns import MEASURE, NUMBER, is_head, is_header, role_of
from .rows import (
    BLANKS,
    DONE,
    MOST_LOST,
    NEAR,
    SERIAL,
    Heads,
    Piece,
    PrintedLine,
    Row,
    absorbed,
    cells_between,
    fitted,
    is_near,
    merged_rows,
    pieces_of,
    width_of,
    with_lost,
)

RULE = re.compile(r"[\s|:+=_—\-\u2500-\u257f]{3,}")
"""A line that is drawn and not written."""
_BAR = re.compile("[|│┃║┆┇┊┋¦]")
_WIDE = re.compile(f"[{BLANKS}]*(?:\u3000| {{2,}}|\xa0{{2,}})[{BLANKS}]*")
_ANY = re.compile(f"[{BLANKS}]+")
_COMMAS = (",", "，")
_MARKS = ("/", "／", "｜", *_COMMAS)
_MARKER = re.compile(
    r"(?:\d{1,3}[.．、)）]|[（(][\d一二三四五六七八九十]{1,3}[)）]|[一二三四五六七八九十]{1,3}、|[①-⑳●•■◆▲])$"
)
BEGINS_ITEM = re.compile(r"\s*(?:[（(]?\d{1,2}[)）.．、](?!\d)|[①-⑳])")
_GOES_ON = ("，", "、", "；", ",", ";")
_WORD_OF_HEAD = 6
_LONGEST_CELL = 60
_FEWEST = 3
_LOOKED_AT = 20
_MOST_HEADS = 14
_LONGEST_HEAD = 12


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
    rows: list[Row] = []
    stop, bars = at, 0
    while stop < len(lines) and (here := len(_BAR.findall(lines[stop].text))):
        row = Row(lines[stop], [[piece] if piece.text else [] for piece in cells_between(lines[stop], _BAR)])
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
    drawn = len({width_of(row.line.text.rstrip()) for row in rows}) == 1
    return [row.printed() for row in merged_rows(rows, drawn=drawn)], stop


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
    laid: list[Row | PrintedLine] = []
    here = at
    while here < len(lines):
        row = _single(lines[here]) if single else Row(lines[here], [[piece] for piece in _filled(lines[here])])
        taken, more = here + 1, row
        if heads and any(isinstance(one, Row) for one in laid) and len(row.filled()) > 0 and "\t" in lines[here].text:
            more, taken = _whole(lines, here, row, width)
        if len(row.filled()) > 1 or more is not row:
            laid.append(more)
        elif heads and laid and _is_rest(lines, here, width):
            before = next((one for one in reversed(laid) if isinstance(one, Row)), None)
            if before is None or len(before.cells) < width:
                break
            before.cells[-1].append(Piece(lines[here].start, lines[here].text))
        elif heads and laid and _resumes(lines, here + 1, width):
            laid.append(lines[here])
        else:
            break
        here = taken
    return _printed(laid), here


def _printed(laid: Sequence[Row | PrintedLine]) -> list[PrintedLine]:
    """Rows that follow one another are merged; what stands between them stays a line."""
    done: list[PrintedLine] = []
    rows: list[Row] = []
    for one in [*laid, None]:
        if isinstance(one, Row):
            rows.append(one)
        else:
            done.extend(row.printed() for row in merged_rows(rows, drawn=False))
            rows = []
            if one is not None:
                done.append(one)
    return done


def _single(line: PrintedLine) -> Row:
    return Row(line, [[piece] if piece.text else [] for piece in cells_between(line, re.compile("\t"))])


def _filled(line: PrintedLine) -> list[Piece]:
    return [piece for piece in cells_between(line, re.compile("\t+")) if piece.text]


def _is_item(line: PrintedLine) -> bool:
    """Whether the tab only stands behind the number of an item: 1.<tab>某村：……"""
    words = _filled(line)
    return len(words) == 2 and bool(_MARKER.match(words[0].text) or SERIAL.fullmatch(words[0].text))


def _whole(lines: Sequence[PrintedLine], at: int, row: Row, width: int) -> tuple[Row, int]:
    """A row whose cells hold line ends: the lines that give it all its cells, and the line behind them."""
    whole = Row(row.line, [list(cell) for cell in row.cells])
    here = at + 1
    while len(whole.cells) < width and here < min(len(lines), at + 6):
        more = _single(lines[here])
        if len(whole.cells) + len(more.cells) - 1 > width or is_header(more.words):
            return row, at + 1
        if len(more.cells) > 1 and more.cells[0] and SERIAL.fullmatch(more.word(0)):
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
        first = Row(lines[at], [[piece] if piece.text else [] for piece in cells_between(lines[at], gap)])
        heads = Heads(first.words) if is_header(first.words) else None
        if heads is None and mark in _COMMAS:
            continue
        rows, stop = [first], at + 1
        while stop < len(lines) and lines[stop].text.count(mark) >= marks:
            pieces = cells_between(lines[stop], gap)
            cells = [[piece] if piece.text else [] for piece in pieces]
            fitted = cells if len(cells) == marks + 1 else absorbed(lines[stop], pieces, heads) if heads else None
            if fitted is None:
                break
            rows.append(Row(lines[stop], fitted))
            stop += 1
        if len(rows) > (2 if heads is None else 1) and not any("://" in row.line.text for row in rows):
            return [row.printed() for row in rows], stop
    return [], at


def _spaced(lines: Sequence[PrintedLine], at: int) -> Laid:
    """Rows whose cells are parted by blanks: under their heads, or several of as many cells one after the other."""
    for gap in (_WIDE, _ANY):
        pieces = pieces_of(lines[at], gap)
        if len(pieces) < 2:
            continue
        header = Row(lines[at], [[piece] for piece in pieces])
        first = at + 1
        if below := _second_of_heads(lines, header, first):
            header, first = below, first + 1
        if not is_header(header.words) or (len(pieces) == 2 and any(role_of(word) is None for word in header.words)):
            continue
        heads = Heads(header.words, [{cell[0].left} for cell in header.cells])
        straight = gap is _WIDE and _is_straight(header.line, lines[first : first + _LOOKED_AT], heads)
        laid, stop = _under(lines, first, heads, gap, straight=straight)
        if laid:
            rows = merged_rows([header, *[one for one in laid if isinstance(one, Row)]], drawn=straight)
            kept = {id(row.line): row.printed() for row in rows}
            among = [kept.get(id(one.line)) if isinstance(one, Row) else one for one in laid]
            return [kept[id(header.line)], *[one for one in among if one is not None]], stop
    return _without_heads(lines, at)


def _without_heads(lines: Sequence[PrintedLine], at: int) -> Laid:
    rows: list[Row] = []
    while at + len(rows) < len(lines):
        line = lines[at + len(rows)]
        pieces = pieces_of(line, _WIDE) if "\t" not in line.text else []
        if len(pieces) < _FEWEST or (rows and len(pieces) != len(rows[0].cells)) or "：" in pieces[0].text:
            break
        if any(piece.text.count("。") > 1 for piece in pieces):
            break
        rows.append(Row(line, [[piece] for piece in pieces]))
    if len(rows) < 2:
        return [], at
    return [row.printed() for row in merged_rows(rows, drawn=True)], at + len(rows)


def _second_of_heads(lines: Sequence[PrintedLine], header: Row, at: int) -> Row | None:
    """The heads where they take two lines: 所属 over 镇街."""
    if at >= len(lines) or is_header(header.words) or any(len(word) > _WORD_OF_HEAD for word in header.words):
        return None
    cells = [list(cell) for cell in header.cells]
    for piece in pieces_of(lines[at], _ANY):
        near = min(range(len(cells)), key=lambda place: abs(cells[place][0].left - piece.left))
        if len(piece.text) > _WORD_OF_HEAD:
            return None
        if abs(cells[near][0].left - piece.left) <= NEAR:
            cells[near].append(piece)
        else:
            cells.insert(near + (piece.left > cells[near][0].left), [piece])
    both = Row(header.line, cells)
    return both if is_header(both.words) else None


def _is_straight(header: PrintedLine, lines: Sequence[PrintedLine], heads: Heads) -> bool:
    """Whether blanks keep the cells of most lines under their heads."""
    if all(width_of(gap[0]) <= 2 for gap in _WIDE.finditer(header.bare)):
        return False
    rows = [pieces for line in lines if len(pieces := pieces_of(line, _WIDE)) > 2]
    near = sum(all(any(is_near(left, piece) for left in heads.left) for piece in pieces) for pieces in rows)
    return near * 2 > len(rows)


def _under(
    lines: Sequence[PrintedLine], at: int, heads: Heads, gap: re.Pattern[str], *, straight: bool
) -> tuple[list[Row | PrintedLine], int]:
    """The rows under heads, up to the first line that is none and that none follows."""
    laid: list[Row | PrintedLine] = []
    stop = here = at
    while here < len(lines) and here <= stop + 1:
        line = lines[here]
        cells = None
        if "\t" not in line.text and not _BAR.search(line.text):
            pieces = pieces_of(line, gap)
            cells = fitted(line, pieces, heads, straight=straight)
            if cells is None and straight and _ends_name(pieces, laid, heads):
                cells = [[pieces[0]], *([] for _ in heads.words[1:])]
            if is_header(piece.text for piece in pieces):
                break
        if cells is None:
            laid.append(line)
        else:
            laid.append(Row(line, cells))
            stop = here + 1
        here += 1
    while laid and isinstance(laid[-1], PrintedLine):
        laid.pop()
    return laid, stop


def _ends_name(pieces: Sequence[Piece], laid: Sequence[Row | PrintedLine], heads: Heads) -> bool:
    """Whether a line is nothing but the end of the first cell above, which fills its column."""
    if len(pieces) != 1 or pieces[0].left or not laid or not isinstance(laid[-1], Row) or len(heads) < 2:
        return False
    above = laid[-1].cells[0]
    return bool(above) and above[-1].width >= min(heads.left[1]) - 3 and pieces[0].width <= above[-1].width


def _stacked(lines: Sequence[PrintedLine], at: int) -> Laid:
    """Cells that stand one a line under their heads; a copied web page comes so.

    Where the first head is a number, the lines that hold 1, 2, 3 begin the rows.
    """
    words = _words_of_heads(lines, at)
    count = len(words)
    if count < _FEWEST or not is_header(words):
        return [], at
    heads = Heads(words)
    laid = [Row(lines[at], [[_whole_line(line)] for line in lines[at : at + count]])]
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
        cells = cells or with_lost(pieces, heads)
        if cells is None:
            break
        laid.append(Row(group[0], cells))
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


def _last_row_ends(lines: Sequence[PrintedLine], stop: int, heads: Heads) -> int:
    """Where the last row ends: what was done stands in its last cell, if that is what the last column tells."""
    if heads.roles[-1] == MEASURE:
        for end in range(stop, min(stop + MOST_LOST, len(lines)) + 1):
            if DONE.search(lines[end - 1].bare) and "：" not in lines[end - 1].bare:
                return end
    return min(stop, len(lines))


def _whole_line(line: PrintedLine) -> Piece:
    return Piece(line.start + len(line.text) - len(line.text.lstrip()), line.bare)


def _piled(pieces: Sequence[Piece], heads: Heads) -> list[list[Piece]] | None:
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
