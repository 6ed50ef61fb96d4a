"""Counted things that a report tells: how many organisations, members, inspections; each once in an article."""

import re
from collections.abc import Iterator, Sequence

from .drafts import FIGURE, Draft
from .numbers import number_of
from .rules import Rules
from .sites import Found
from .source import Block, Source

_ABOUT = re.compile(r"余|多|近|约|超")


def find_figures(source: Source, blocks: Sequence[Block], rules: Rules) -> Iterator[Found]:
    said: set[tuple[str, float | int]] = set()
    taken: set[tuple[int, int]] = set()
    for measure, patterns in rules.figures:
        for block in blocks:
            text = source.of(block)
            for pattern in patterns:
                for found in pattern.finditer(text):
                    value = number_of(found["number"])
                    where = (block.start + found.start("number"), block.start + found.end("number"))
                    if value is None or (measure, value) in said or where in taken:
                        continue
                    said.add((measure, value))
                    taken.add(where)
                    yield Found(
                        Draft(
                            kind=FIGURE,
                            text="",
                            span=source.span(block.start + found.start(), block.start + found.end()),
                            confidence=0.85 if _ABOUT.search(found[0]) else 0.9,
                            measure=measure,
                            value=value,
                        ),
                        block.start + found.start(),
                        block.start + found.end(),
                    )
