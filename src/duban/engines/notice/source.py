"""A report's text made readable: one width of characters, lines joined that a column broke, the way back kept.

Pages that were scanned break a sentence at the end of a column, set blank lines into it, print captions twice and
put page numbers between. What follows works on `Source.text`; `Source.span` leads back to the text as it came.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

from .columns import role_of
from .grids import BEGINS_ITEM, RULE, lay_out
from .rows import PrintedLine

HEADING, PROSE, ROW = "heading", "prose", "row"

HAN = "\u3400-\u9fff\U00020000-\U0003ffff"
_PUNCTUATION = str.maketrans(",;:!?()[]｢｣﹐﹑﹔﹕﹖﹗", "，；：！？（）【】「」，、；：？！")
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\x00-\x08\x0e-\x1f\x7f]")
_PAGE_NUMBER = re.compile(
    r"\s*(?:[-—–－]\s*\d{1,4}\s*[-—–－]|第\s*\d+\s*页(?:\s*[,，/]?\s*共\s*\d+\s*页)?|\d{1,3}\s*/\s*\d{1,3})\s*"
)
_HASH = re.compile(r"\s*#{1,6}(?!\d)\s*(.*?)\s*#*\s*")
_MARKER = re.compile(
    r"\s*(?:[（(]?\d{1,3}[)）.．、](?!\d)|[（(][一二三四五六七八九十]{1,3}[)）]|[一二三四五六七八九十]{1,3}、|[①-⑳●•·*√×※\u25a0-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff-]|第[一二三四五六七八九十]+[，、：:])"
)
_BEGINS_ANEW = re.compile(
    r"\s*(?:[一二三四五六七八九十]是|本报讯|本报记者|[（(]?记者\s|[（(]?通讯员\s|【|〔|图[:：为]|[（(][^()（）]{2,30}(?:发布|供稿|摄))"
)
_KEY = re.compile(rf"\s*(?:(?P<key>[{HAN}](?:\s?[{HAN}]){{1,9}})\s?[:：]|【)")
_SIDE = r"(?:东|西|南|北|东南|东北|西南|西北)(?:侧|面|边|方)"
_WHOLE_STATEMENT = re.compile(rf".*(?:约?\s*\d[\d.,]*\s*(?:米|公里|m)|{_SIDE}|对面|门前|路口)\s*")
_OPEN_STATEMENT = re.compile(r"[^。；]{2,40}距[^米。；]{0,24}|[^。；，距]{0,6}(?:镇|乡|街道|地区)[^。；，米侧]{0,12}")
_REST_OF_STATEMENT = re.compile(r"[^。；，镇乡道区]{0,14}(?:距|约?\d+\s*[米公])")
_TOWN_FIRST = re.compile(rf"\s*[{HAN}]{{2,5}}?(?:镇|乡|街道|地区)")
_TOWN_WHOLE = re.compile("镇|乡|街道|苏木|村|社区|嘎查")
_LONE_PLACE = re.compile(r"[^。；，：:\n距]{2,24}[:：]")
_STATEMENT = re.compile(r"距离?[^。；，]{2,16}?(?:约|近)?\s*\d")
_GAP = re.compile("[ \u3000]{4,}|\u3000{2,}")
_ENDS = "。！？!?：:…”"
_GOES_ON = re.compile(r".*(?:[，,、（(“《距约的和与及在对]|[距约][^米。；]{0,16}\d)\s*")
_BEHIND_NUMBERS = "米号公千%年月日家处个件名例"
_NOT_YET = re.compile("[清戴穿佩按落设消登测扫配及能取办公查张经见建加]")
_SHORT = 32
_LONG = 60
_HEADLINE = 40
_ENTRY = re.compile("[^，。；]{2,16}[:：](?=.)")
"""Of a list, whose lines are no pieces of one paragraph although they may be of one length."""


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph or a row of a table, as a stretch of `Source.text`; cells are stretches too."""

    kind: str
    start: int
    end: int
    cells: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    original: str
    text: str
    at: tuple[int, ...]
    """Where each character of `text` stands in `original`."""
    blocks: tuple[Block, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The stretch in the original for one of `text`; blanks and line ends about it are left out."""
        while start < end and self.text[start].isspace():
            start += 1
        while end > start and self.text[end - 1].isspace():
            end -= 1
        if start >= end:
            where = self.at[min(start, len(self.at) - 1)] if self.at else 0
            return where, where
        # From the left column of a page into its right one the original goes back; so it does in a row of many lines.
        return min(self.at[start:end]), max(self.at[start:end]) + 1

    def of(self, block: Block) -> str:
        return self.text[block.start : block.end]


def read_source(original: str) -> Source:
    """The blocks of a text, in its order; a paragraph that is printed a second time is left out."""
    lines = _side_by_side(list(lay_out(list(_lines(original)))))
    width = _column_width(lines)
    characters: list[tuple[str, int]] = []
    blocks: list[Block] = []
    seen: set[str] = set()
    behind = ""
    for kind, group in _grouped(lines, width):
        start = len(characters)
        if kind == ROW:
            cells = _take_cells(group[0], original, characters)
        else:
            cells = ()
            for line in group:
                _take(line.text, line.start, characters, glue=bool(cells) or line is not group[0])
            if kind == HEADING:
                _drop_hashes(characters, start)
        printed = "".join(character for character, _at in characters[start:])
        # What stands behind a number or a key is told of another thing each time.
        keyed = _KEY.match(printed) or _MARKER.match(printed) or behind.endswith("：")
        again = kind != ROW and len(printed) > 9 and printed in seen and not keyed
        if not printed.strip() or again:
            del characters[start:]
            continue
        seen.add(printed)
        behind = printed
        blocks.append(Block(kind, start, len(characters), cells))
        characters.append(("\n", group[-1].start + max(len(group[-1].text) - 1, 0)))
    text = "".join(character for character, _at in characters)
    return Source(original, text, tuple(at for _character, at in characters), tuple(blocks))


def _lines(original: str) -> Iterator[PrintedLine]:
    blank, ruled = True, False
    start = 0
    for text in original.splitlines(keepends=True):
        bare = text.strip().strip("\ufeff")
        if not bare or RULE.fullmatch(bare):
            blank, ruled = True, ruled or bool(bare)
        elif not _PAGE_NUMBER.fullmatch(bare):
            yield PrintedLine(start, text.rstrip("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"), blank, ruled=ruled)
            blank = ruled = False
        start += len(text)


def _side_by_side(lines: list[PrintedLine]) -> list[PrintedLine]:
    """Lines in the order of reading where two columns stand beside each other: the left one first, then the right one.

    Tables whose cells are parted by blanks look like it: columns are taken for such only where both sides begin items
    or end headings in the same line.
    """
    read: list[PrintedLine] = []
    columns = 0
    at = 0
    while at < len(lines):
        stop = at
        gutters: list[tuple[int, int, float] | None] = []
        while stop < len(lines) and (stop == at or not lines[stop].blank_before):
            gutters.append(_gutter(lines[stop]))
            stop += 1
        places = sorted(gutter[2] for gutter in gutters if gutter)
        middle = places[len(places) // 2] if places else 0.0
        first = next((place for place, gutter in enumerate(gutters) if gutter), 0)
        # Lines of the left column alone belong to it, above as well as below.
        while first and _wide(lines[at + first - 1].text.rstrip()) < middle - 2:
            first -= 1
        here, sides = lines[at + first : stop], gutters[first:]
        if (
            len(places) >= 3
            and len(places) * 2 >= len(here)
            and all(abs(place - middle) <= 2 for place in places)
            and all(gutter or _wide(line.text.rstrip()) < middle for line, gutter in zip(here, sides, strict=True))
            and any(gutter and _heads_both(line.text, gutter) for line, gutter in zip(here, sides, strict=True))
        ):
            read.extend(lines[at : at + first])
            columns += 2
            left = [
                PrintedLine(line.start, line.text[: gutter[0]] if gutter else line.text, place == 0, columns - 1)
                for place, (line, gutter) in enumerate(zip(here, sides, strict=True))
            ]
            right = [
                PrintedLine(line.start + gutter[1], line.text[gutter[1] :], False, columns)
                for line, gutter in zip(here, sides, strict=True)
                if gutter
            ]
            right[0].blank_before = True
            read.extend([*left, *right])
        else:
            read.extend(lines[at:stop])
        at = stop
    return read


def _gutter(line: PrintedLine) -> tuple[int, int, float] | None:
    """The one wide gap of a line: where it begins and ends, and how far to the right that is."""
    text = line.text
    gaps = [gap for gap in _GAP.finditer(text.rstrip()) if text[: gap.start()].strip()]
    if len(gaps) != 1 or line.cells or "\t" in text:
        return None
    return gaps[0].start(), gaps[0].end(), _wide(text[: gaps[0].end()])


def _heads_both(text: str, gutter: tuple[int, int, float]) -> bool:
    left, right = text[: gutter[0]].strip(), text[gutter[1] :].strip()
    return (left[-1] in ":：" and right[-1] in ":：") or bool(_MARKER.match(left) and _MARKER.match(right))


def _column_width(lines: list[PrintedLine]) -> int:
    """How many characters a full line of narrow columns has; 0 where lines are paragraphs."""
    lines = [line for line in lines if not line.cells]
    lengths = [round(_wide(line.bare)) for line in lines]
    if len(lengths) < 6 or sum(bool(_ENTRY.match(line.bare)) for line in lines) * 2 > len(lines):
        return 0
    width = sorted(lengths)[-max(1, len(lengths) // 10)]
    if not 6 <= width <= 60:
        return 0
    full = sum(width - 3 <= length <= width + 1 for length in lengths)
    following = sum(not line.blank_before for line in lines)
    return width if full * 5 >= len(lengths) * 2 and following * 2 >= len(lines) else 0


def _wide(text: str) -> float:
    """How wide a line is, in Chinese characters: letters and digits take half of one."""
    return sum(1 if ord(character) > 0x2E7F else 0.5 for character in text)


def _grouped(lines: list[PrintedLine], width: int) -> Iterator[tuple[str, list[PrintedLine]]]:
    group: list[PrintedLine] = []
    for line, after in pairwise([*lines, None]):
        assert line is not None
        if _HASH.fullmatch(line.text) and line.bare.startswith("#"):
            kind = HEADING
        elif line.cells:
            kind = ROW
        else:
            kind = PROSE
        group.append(line)
        if kind == PROSE and after is not None and _joins(group, after, width):
            continue
        yield kind, group
        group = []


def _joins(group: list[PrintedLine], after: PrintedLine, width: int) -> bool:
    """Whether the paragraph so far goes on in the next line."""
    line, said = group[-1], "".join(one.bare for one in group)
    if not line.column and (key := _KEY.match(after.text)) and role_of("".join((key["key"] or "").split())):
        return False
    if after.bare.startswith("#") or after.cells or line.column != after.column:
        return False
    if _LONE_PLACE.fullmatch(said) and _STATEMENT.match(after.bare):
        return True
    if group[0].start == 0 and after.blank_before and len(said) <= _HEADLINE and not re.search("[。；]", said):
        return False
    if after.blank_before and _KEY.match(line.text) and (_KEY.match(after.text) or line.bare.startswith("【")):
        return False
    if line.bare[-1] in _ENDS or _MARKER.match(after.text) or _BEGINS_ANEW.match(after.text):
        return False
    if _GOES_ON.fullmatch(line.bare):
        return True
    if line.column:
        # 矿山街 | 道某社区： a town's name that the column broke.
        broken = len(said) <= 5 and not _TOWN_WHOLE.search(said)
        return not _TOWN_FIRST.match(after.text) and (broken or not _KEY.match(after.text))
    if _OPEN_STATEMENT.fullmatch(said) and _REST_OF_STATEMENT.match(after.bare):
        return True
    if _WHOLE_STATEMENT.fullmatch(said) and len(said) <= 50 and "。" not in said:
        return False
    if not width and _TOWN_FIRST.match(said) and _TOWN_FIRST.match(after.text):
        return False
    if width and not after.blank_before:
        # The first line of a paragraph stands in by two characters.
        return _wide(line.bare) + (2 if line is group[0] else 0) >= width - 3
    if _KEY.match(after.text) and (len(after.bare) < 60 or len(said) <= _SHORT):
        return False
    if not after.blank_before:
        # Lines that follow one another are paragraphs, unless they are so long that a program wrapped them.
        return len(line.bare) > _LONG
    return _wide(said) > _SHORT or bool(re.search("[，。；,;]", said))


def _take(text: str, start: int, characters: list[tuple[str, int]], *, glue: bool) -> None:
    """Add a line's characters in one width, without the blanks that a scan puts between characters."""
    taken: list[tuple[str, int]] = []
    tokens = text.split()
    spaced = len(text) > 40 or (len(tokens) > 2 and sum(map(len, tokens)) < 1.8 * len(tokens))
    for place, character in enumerate(text):
        if _UNSEEN.match(character):
            continue
        if character.isspace():
            if taken and not taken[-1][0].isspace():
                taken.append((" ", start + place))
            continue
        code = ord(character)
        if 0xFF01 <= code <= 0xFF5E:
            character = chr(code - 0xFEE0)
        taken.append((_slips().get(character, character.translate(_PUNCTUATION)), start + place))
    while taken and taken[-1][0] == " ":
        taken.pop()
    for place, (character, at) in enumerate(taken):
        before = taken[place - 1][0] if place else ""
        next_one = taken[place + 1][0] if place + 1 < len(taken) else ""
        if character == " " and (not before or spaced or not (_is_wordlike(before) and _is_wordlike(next_one))):
            if _parted_digits(taken, place):
                continue
            if before.isascii() and next_one.isascii() and before.isalnum() and next_one.isalnum():
                characters.append((" ", at))
            continue
        if character == "末" and (not before or before not in "周月年岁期本上下") and _NOT_YET.match(next_one):
            character = "未"
        if character in "OoIl" and before.isdigit() and (next_one.isdigit() or next_one in _BEHIND_NUMBERS):
            # A scan takes nought and one for letters: 4O米.
            character = "0" if character in "Oo" else "1"
        if character == "，" and _between_thousands(taken, place):
            continue
        characters.append((character, at))
    if glue and not taken:
        return


def _parted_digits(taken: list[tuple[str, int]], place: int) -> bool:
    """Whether a blank stands between two digits of one number: 6 0米, but not in 3 15号."""
    around = [taken[at][0] if 0 <= at < len(taken) else "" for at in range(place - 2, place + 4)]
    before, one, _blank, other, after, _later = around
    return one.isdigit() and other.isdigit() and not before.isdigit() and after != "" and after in _BEHIND_NUMBERS


@cache
def _slips() -> dict[str, str]:
    """Characters that a scan puts for others, and that reports do not hold themselves."""
    text = files(__package__).joinpath("data/slips.csv").read_text(encoding="utf-8")
    return {row["printed"]: row["read"] for row in csv.DictReader(text.splitlines())}


def _is_wordlike(character: str) -> bool:
    return bool(re.match(f"[{HAN}A-Za-z”）]", character)) or character in "“（"


def _between_thousands(taken: list[tuple[str, int]], place: int) -> bool:
    after = "".join(character for character, _at in taken[place + 1 : place + 5])
    return (
        place > 0
        and taken[place - 1][0].isdigit()
        and bool(re.match(r"\d{3}(?!\d)", after))
        and (place < 5 or not all(character.isdigit() for character, _at in taken[place - 4 : place]))
    )


def _take_cells(row: PrintedLine, original: str, characters: list[tuple[str, int]]) -> tuple[tuple[int, int], ...]:
    cells = []
    for place, stretches in enumerate(row.cells):
        if place:
            characters.append(("\t", characters[-1][1] if characters else row.start))
        before = len(characters)
        for start, stop in stretches:
            if len(characters) > before and BEGINS_ITEM.match(original, start, stop):
                characters.append(("\n", start))
            _take(original[start:stop], start, characters, glue=False)
        cells.append((before, len(characters)))
    return tuple(cells)


def _drop_hashes(characters: list[tuple[str, int]], start: int) -> None:
    while len(characters) > start and characters[start][0] in "# ":
        del characters[start]
