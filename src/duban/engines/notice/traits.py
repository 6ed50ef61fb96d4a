"""What a clause or a name shows of itself: its characters, and of a clause its sentence and where it stands.

The judge's weights (judge.py) tell from these whether it speaks of a problem that somebody saw.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from .address import HAN
from .outline import told_words
from .rules import Rules
from .source import ROW, Source

_CLAUSE = re.compile(r"(?:（[^（）\n\t]*）|(?<=\d)：(?=\d)|[^，：—。；！？\n\t])+")
_ITEM = re.compile(r"[（(]?[一二三四五六七八九十\d]{1,3}[)）、.．是]|[①-⑳●•■◆○·\-—*]")
_PLACE = re.compile(f"[{HAN}]{{1,4}}(?:镇|乡|街道|村|社区)")
_ENDS = "。！？；\t"
AROUND = 60
"""How far from its subject a problem may stand."""


def plain(text: str) -> str:
    """Whatever numbers and letters a text holds."""
    return re.sub("[A-Za-z]+", "a", re.sub(r"\d+", "0", text))


def _grams(mark: str, text: str, *sizes: int) -> set[str]:
    text = f"^{plain(text)}$"
    return {mark + text[at : at + size] for size in sizes for at in range(len(text) - size + 1)}


def name_shows(name: str) -> set[str]:
    """The characters of a name one by one and in twos, and the three at either end."""
    bare = f"^{plain(name)}$"
    return {*_grams("", name, 1, 2), bare[:3], bare[-3:]}


@dataclass(frozen=True, eq=False)
class Clause:
    """`at` in `line`, the `place`-th there; `line_shows` is what all of the line have."""

    start: int
    text: str
    line: str
    at: int
    place: int
    line_shows: frozenset[str]
    rules: Rules

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @cached_property
    def shows(self) -> frozenset[str]:
        clause, end = self.text, self.at + len(self.text)
        first = max(self.line.rfind(mark, 0, self.at) for mark in _ENDS) + 1
        stop = min((at for mark in _ENDS if (at := self.line.find(mark, end)) >= 0), default=len(self.line))
        sentence, so_far = self.line[first:stop], self.line[: self.at]
        before, after = so_far[-1:], self.line[end : end + 1]
        venue = self.rules.venue_here
        return self.line_shows | {
            *_grams("c", clause, 1, 2),
            *_grams("s", sentence, 2),
            f"before {before}",
            f"after {after}",
            f"between {before}{after}",
            f"clause {min(4, self.place)}",
            f"long {min(6, len(plain(clause)) // 4)}",
            f"place {bool(_PLACE.search(clause))} {bool(_PLACE.search(sentence))}",
            f"placed {bool(_PLACE.search(self.line, 0, end))}",
            f"venue {bool(venue.search(clause))} {bool(venue.search(so_far))}",
            f"quoted {'“' in clause}{'”' in clause}{so_far.count('“') > so_far.count('”')}",
        }


@dataclass
class Clauses:
    """Those of a text, in its order."""

    source: Source
    rules: Rules

    @cached_property
    def all(self) -> list[Clause]:
        return list(self._read())

    @cached_property
    def _starts(self) -> list[int]:
        return [one.start for one in self.all]

    def between(self, start: int, end: int) -> list[Clause]:
        """Those that begin there."""
        return self.all[bisect_left(self._starts, start) : bisect_left(self._starts, end)]

    def told_in(self, start: int, end: int, problems: Sequence[str]) -> list[Clause]:
        """Those that the problems of a draft were read in; none where a table gave them in other words."""
        first = max(0, bisect_left(self._starts, start - AROUND) - 1)
        near = [one for one in self.all[first : bisect_left(self._starts, end + AROUND)] if one.end > start - AROUND]
        return [
            one
            for problem in problems
            for one in near
            if problem in one.text or (len(one.text) > 3 and one.text in problem)
        ]

    def _read(self) -> Iterator[Clause]:
        last = max(1, len(self.source.blocks) - 1)
        for at, block in enumerate(self.source.blocks):
            printed = self.source.of(block)
            told = printed if block.kind == ROW else told_words(printed)
            text = told if len(told) == len(printed) else printed
            line = frozenset(
                {
                    f"item {bool(_ITEM.match(text))}",
                    f"alone {len(text) <= 25 and not re.search('[。；，]', text)}",
                    f"part {5 * at // last}",
                    f"line {min(5, len(text) // 40)}",
                }
            )
            for place, found in enumerate(one for one in _CLAUSE.finditer(text) if one[0].strip()):
                where = found.start()
                yield Clause(block.start + where, found[0], text, where, place, line, self.rules)
