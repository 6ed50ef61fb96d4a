"""Figures in a text: written as marks, looked up in the records whenever the text is shown, held against them if typed.

`[[problems]]` is what the records say; `[[problems=6]]` says 6 whatever they say, and is right as long as they do;
`[[filed_members>11000]]` says "over 11,000", and is right while there are more, and not twice as many.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

MARK = re.compile(r"\[\[\s*([a-z][a-z0-9_]*(?::[0-9A-Za-z_-]{1,36})?)\s*(?:([=>])\s*(\d{1,9}))?\s*\]\]", re.ASCII)
ANY_MARK = re.compile(r"\[\[[^\[\]\n]{0,80}\]\]")
OVER = ">"
_DIGITS, _PLACES = "零一二三四五六七八九", ("", "十", "百", "千")


@dataclass(frozen=True)
class Figure:
    """A number that a text may say: its words, what the records say, and where its rows are.

    `parts` are the keys of figures of the same block that add up to it.
    """

    key: str
    zh: str
    en: str
    value: int
    url: str = ""
    parts: tuple[str, ...] = ()
    is_ordinal: bool = False
    """The number of a meeting: 九十八, 98th."""


@dataclass(frozen=True)
class Said:
    """A mark of a text: what it says, as it is printed, and what the records say; `found` None: no such figure."""

    key: str
    said: int
    is_over: bool
    found: int | None
    printed: str
    figure: Figure | None
    start: int
    end: int
    is_typed: bool = False

    @property
    def is_right(self) -> bool:
        if self.found is None:
            return False
        # "Over 11,000" of 30,000 is no lie in words and one in sense.
        return self.said < self.found < 2 * self.said + 2 if self.is_over else self.said == self.found


@dataclass(frozen=True)
class Facts:
    """What the records say for one block: figures by key, and the words that are made of them, in both languages."""

    kind: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    headline: Mapping[str, str] = field(default_factory=dict)
    text: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    photos: tuple[Mapping[str, object], ...] = ()
    """Each as the document has it, with its caption {zh, en}."""
    byline: str = ""


def figures_by_key(*figures: Figure) -> dict[str, Figure]:
    return {figure.key: figure for figure in figures}


def marks_in(text: str, figures: Mapping[str, Figure], language: str) -> Iterator[Said]:
    """Every mark of the text in its order."""
    for match in MARK.finditer(text):
        figure = figures.get(match[1])
        found = figure.value if figure else None
        said = int(match[3]) if match[3] else (found if found is not None else 0)
        is_over = match[2] == OVER
        yield Said(
            match[1], said, is_over, found, _printed(said, language, figure, is_over=is_over), figure,
            match.start(), match.end(), bool(match[3]),
        )  # fmt: skip


def resolved(text: str, figures: Mapping[str, Figure], language: str) -> str:
    """The text as it is printed; a mark of a figure that is not there stays as it is written."""
    return _replaced(text, figures, language, lambda said: said.printed)


def _replaced(text: str, figures: Mapping[str, Figure], language: str, write: Callable[[Said], str]) -> str:
    parts, at = [], 0
    for said in marks_in(text, figures, language):
        parts += [text[at : said.start], text[said.start : said.end] if said.found is None else write(said)]
        at = said.end
    return "".join([*parts, text[at:]])


def pieces(text: str, figures: Mapping[str, Figure], language: str) -> list[str | Said]:
    """The text cut at its marks, for a page that links each of them."""
    found: list[str | Said] = []
    at = 0
    for said in marks_in(text, figures, language):
        if said.start > at:
            found.append(text[at : said.start])
        found.append(said)
        at = said.end
    return [*found, text[at:]] if at < len(text) else found


def _printed(number: int, language: str, figure: Figure | None, *, is_over: bool) -> str:
    if figure is not None and figure.is_ordinal:
        return chinese_number(number) if language == "zh" else english_ordinal(number)
    if language == "zh":
        return f"{number}多" if is_over else str(number)
    return f"over {number:,}" if is_over else f"{number:,}"


def chinese_number(number: int) -> str:
    """98 -> 九十八, 105 -> 一百零五; from ten thousand on in digits."""
    if not 0 <= number < 10_000:
        return str(number)
    if number == 0:
        return _DIGITS[0]
    written, gap = "", False
    for power in range(3, -1, -1):
        digit = number // 10**power % 10
        if digit:
            written += ("零" if gap and written else "") + _DIGITS[digit] + _PLACES[power]
            gap = False
        else:
            gap = True
    return written[1:] if 10 <= number < 20 else written


def english_ordinal(number: int) -> str:
    """98 -> 98th, 101 -> 101st, 112 -> 112th."""
    last = number % 100
    ending = "th" if 10 <= last <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(last % 10, "th")
    return f"{number:,}{ending}"
