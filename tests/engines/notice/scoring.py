"""How well drafts agree with what a careful reader takes from a text."""

import csv
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from duban.engines.notice import FINDING, UNSURE, Draft, Gazetteer, Notice, read_notice

CASES = Path(__file__).parent / "cases"
EXPECTED: dict[str, dict[str, Any]] = tomllib.loads((CASES / "expected.toml").read_text(encoding="utf-8"))
TUNED = [name for name in EXPECTED if name[0] in "ts"]
BATCH_B = [name for name in EXPECTED if name.startswith("b")]
BATCHES_CDE = [name for name in EXPECTED if name[0] in "cde"]
BATCH_G = [name for name in EXPECTED if name.startswith("g")]
BATCH_F = [name for name in EXPECTED if name.startswith("f")]
BATCHES_K_TO_O = [name for name in EXPECTED if name[0] in "klmno"]
BATCH_V = [name for name in EXPECTED if name.startswith("v")]
BATCHES_AWX = [name for name in EXPECTED if name[0] in "awx"]
BATCH_I = [name for name in EXPECTED if name.startswith("i")]
UNTUNED = [name for name in EXPECTED if name[0] in "yz"]
"""Nothing is ever mended for these: they tell how a report reads that nobody has seen yet."""
BATCHES_PQR = [name for name in EXPECTED if name[0] in "pqr"]
HELD_OUT = [name for name in EXPECTED if name.startswith("h")]


def codes(county: str = "") -> Gazetteer:
    with (CASES / "codes.csv").open(encoding="utf-8", newline="") as file:
        return Gazetteer.build(
            (row["code"], row["name"]) for row in csv.DictReader(file) if row["code"].startswith(county)
        )


def text_of(name: str) -> str:
    return (CASES / f"{name}.txt").read_text(encoding="utf-8")


def read(name: str, *, whole_country: bool = False) -> Notice:
    return read_notice(text_of(name), codes("" if whole_country else EXPECTED[name]["county"]))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


@dataclass
class Score:
    """Findings only. `wrong_places`: drafts that are sure of a place and wrong about it.

    `right` are those whose venue or place and all that is wrong there were told; `there` those with the venue or place
    and at least one problem; `sure` the drafts that nobody need look at twice, `sure_right` the right ones of them.
    """

    right: int = 0
    there: int = 0
    sure: int = 0
    sure_right: int = 0
    drafted: int = 0
    wanted: int = 0
    finest: int = 0
    wrong_places: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return _share(self.right, self.drafted)

    @property
    def recall(self) -> float:
        return _share(self.right, self.wanted)

    def add(self, name: str, notice: Notice) -> None:
        wanted = [tuple(one) for one in EXPECTED[name]["findings"]]
        drafts = [draft for draft in notice.drafts if draft.kind == FINDING]
        unmet = list(wanted)
        self.drafted += len(drafts)
        self.wanted += len(wanted)
        for draft in drafts:
            self.sure += draft.confidence >= UNSURE
            if met := next((one for one in unmet if _fits(draft, *one, whole=False)), None):
                unmet.remove(met)
                self.there += 1
            hit = next((one for one in wanted if _fits(draft, *one)), None)
            if hit is None:
                self.invented.append(f"{name}: {draft.venue or draft.place} {list(draft.problems)}")
                continue
            wanted.remove(hit)
            self.right += 1
            self.sure_right += draft.confidence >= UNSURE
            code = draft.jurisdiction.code if draft.jurisdiction else ""
            self.finest += code == hit[1]
            if code and not (hit[1] and hit[1].startswith(code)) and draft.confidence >= UNSURE:
                self.wrong_places.append(f"{name}: {hit[0]} {code} instead of {hit[1]}")
        self.missed.extend(f"{name}: {one[0]}" for one in wanted)

    def __str__(self) -> str:
        lines = [
            f"precision {self.precision:.3f} ({self.right}/{self.drafted}), recall {self.recall:.3f} "
            f"({self.right}/{self.wanted}), finest unit {self.finest}/{self.right}",
            f"  found at all: precision {_share(self.there, self.drafted):.3f}, recall "
            f"{_share(self.there, self.wanted):.3f}; of the {self.sure} sure drafts right in all "
            f"{_share(self.sure_right, self.sure):.3f}",
        ]
        for word, which in (("missed", self.missed), ("invented", self.invented), ("wrong place", self.wrong_places)):
            lines += [f"  {word}: {one}" for one in which]
        return "\n".join(lines)


def _fits(draft: Draft, what: str, _code: str, words: list[str], *, whole: bool = True) -> bool:
    named = draft.place + draft.venue
    said = "".join(draft.problems)
    return (what in named or (what in draft.text and bool(draft.venue) and draft.venue in what)) and (
        all if whole else any
    )(word in said for word in words)


def score_of(names: list[str], **options: bool) -> Score:
    score = Score()
    for name in names:
        score.add(name, read(name, **options))
    return score


def all_drafts(names: list[str]) -> Iterator[tuple[str, Draft]]:
    for name in names:
        for draft in read(name).drafts:
            yield name, draft
