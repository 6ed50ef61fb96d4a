"""Whether a draft is a finding: weights that were learned once and are only summed up here.

The rules know the words that they were given; the weights also tell orders, advice, praise, totals and things taken
for places that the rules have never met. `tests/engines/notice/learn.py` learns `data/weights.csv` and asks here what
a draft shows. Rows of tables and records with keys are not judged: their heads and keys tell what they are.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from math import exp, fsum, log1p, sqrt

from .address import HAN
from .drafts import UNSURE
from .rules import Rules
from .sites import Found
from .traits import Clause, Clauses, name_shows, plain

LEAST = UNSURE
"""How likely a draft must be right to be kept."""
FINEST = 12
"""Digits of a village's code."""
_FEWEST_CLAUSES = 10
"""What has fewer is a piece of a report, which tells too little of its kind to be judged."""
_LOWEST, _HIGHEST = -6.0, 6.0
"""Bounds of a score; a clause that is not there has the lowest."""


@dataclass(frozen=True)
class Weights:
    """Of what a clause, a name and a draft show, each with its base under the empty name."""

    clause: Mapping[str, float]
    name: Mapping[str, float]
    draft: Mapping[str, float]

    def score(self, table: Mapping[str, float], shows: Set[str]) -> float:
        """How much speaks for it; many small things are not let outweigh a few."""
        known = [table[one] for one in shows if one in table]
        return min(_HIGHEST, max(_LOWEST, fsum(known) / sqrt(max(1, len(known))) + table[""]))

    def likelihood(self, shows: Mapping[str, float]) -> float:
        return 1 / (1 + exp(-self.draft[""] - sum(self.draft.get(one, 0.0) * value for one, value in shows.items())))


@cache
def weights() -> Weights:
    tables: dict[str, dict[str, float]] = {"clause": {}, "name": {}, "draft": {}}
    text = files(__package__).joinpath("data/weights.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        tables[row["of"]][row["shown"]] = float(row["weight"])
    return Weights(**tables)


def judged(clauses: Clauses, found: Sequence[Found], learned: Weights) -> list[Found]:
    """Without the findings that are likely none; those that stay are as sure as they are likely right.

    A draft whose place the rules did not settle stays unsure.
    """
    if len(clauses.all) < _FEWEST_CLAUSES:
        return list(found)
    kept = []
    for one, shows in zip(found, drafts_show(clauses, found, learned), strict=True):
        likely = learned.likelihood(shows)
        if likely >= LEAST:
            sure = one.draft.confidence
            sure = likely if sure >= UNSURE else min(sure, likely)
            kept.append(replace(one, draft=replace(one.draft, confidence=sure)))
    return kept


def drafts_show(clauses: Clauses, findings: Sequence[Found], learned: Weights) -> Iterator[dict[str, float]]:
    """What each of an article's drafts shows: its clauses, its names, and what stands beside it untold."""
    told = [clauses.told_in(one.start, one.end, one.draft.problems) for one in findings]
    taken = {id(clause) for some in told for clause in some}

    @cache
    def score(clause: Clause) -> float:
        return learned.score(learned.clause, clause.shows)

    def scores(some: Sequence[Clause]) -> list[float]:
        return [score(one) for one in some] or [_LOWEST]

    best = [max(scores(some)) for some in told]
    names = Counter(one.draft.venue or one.draft.place for one in findings)
    for one, some, highest in zip(findings, told, best, strict=True):
        draft, read = one.draft, scores(some)
        lengths = [len(problem) for problem in draft.problems] or [0]
        end = max((clause.end for clause in some), default=one.end)
        line_end = clauses.source.text.find("\n", end)
        untold = [clause for clause in clauses.between(one.start, one.end) if id(clause) not in taken]
        behind = [clause for clause in clauses.between(end, max(end, line_end)) if id(clause) not in taken]
        yield {
            "confidence": draft.confidence,
            "best": highest,
            "mean": sum(read) / len(read),
            "worst": min(read),
            "first": read[0],
            "name": learned.score(learned.name, name_shows(draft.venue or draft.place)),
            "unit": float(draft.jurisdiction is not None),
            "place": min(3.0, len(draft.place) / 10),
            "problems": float(min(5, len(lengths))),
            "shortest": min(3.0, min(lengths) / 10),
            "finest": float(draft.jurisdiction is not None and len(draft.jurisdiction.code) == FINEST),
            "span": min(3.0, (one.end - one.start) / 100),
            "untold": max(scores(untold)),
            "behind": max(scores(behind)),
            "others": (sum(best) - highest) / (len(best) - 1) if len(best) > 1 else _LOWEST,
            "many": log1p(len(best)),
            "again": float(min(3, names[draft.venue or draft.place] - 1)),
            **dict.fromkeys(_stands(clauses.source.text, one, clauses.rules), 1.0),
        }


def _stands(text: str, one: Found, rules: Rules) -> set[str]:
    """What kind of name a draft has, and what stands beside it."""
    venue, place = one.draft.venue, one.draft.place
    name = venue or place
    at = text.find(name, max(0, one.start - 5))
    beside = (text[at - 1 : at], text[at + len(name) :][:1]) if at >= 0 else ("?", "?")
    before, after = ("han" if re.match(f"[{HAN}]", mark) else mark.strip() for mark in beside)
    return {
        f"size {min(8, len(plain(name)) // 2)}",
        f"before {before}",
        f"after {after}",
        f"given {bool(venue)} {bool(place)}",
        f"kind {bool(rules.venue_end.search(name))} {bool(rules.generic.match(name))}",
        f"lies {bool(re.search('镇|乡|街道|村|社区', place or venue))}",
    }
