"""Learns the weights that tell a finding from what only sounds like one (engines/notice/judge.py).

    python -m tests.engines.notice.learn            prints the table and writes data/weights.csv; takes some minutes
    python -m tests.engines.notice.learn --table    prints how first readings are judged by weights of other batches

From three files: the texts of `cases` with their findings; `lessons.txt`, short texts in which `*` stands before what
is a problem; and `readings.csv`, what readers, each named by its commit, made of texts, and whether it was right. Only
a `first` reading, before anybody had learned from the text, tells how the rules go wrong; the others show what is
right. Texts that are held out are left alone. The same files give the same weights.
"""

import csv
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from tests.engines.notice.scoring import CASES, EXPECTED, UNTUNED

from duban.engines.notice import FINDING, Draft, Unit
from duban.engines.notice.judge import LEAST, Weights, drafts_show
from duban.engines.notice.rules import rules
from duban.engines.notice.sites import Found
from duban.engines.notice.source import PROSE, Block, Source, read_source
from duban.engines.notice.traits import Clauses, name_shows

HERE = Path(__file__).parent
WEIGHTS = HERE.parents[2] / "src/duban/engines/notice/data/weights.csv"
FOLDS = (
    "[bcdpqr]",
    "[efg]",
    "[klmno]",
    "i",
    "a",
    "[wx]",
    r"v([0-3]\d|4[0-8])_",
    r"v(49|[5-9]\d|1[01]\d|120)_",
    r"v1(2[1-9]|[3-8]\d)_",
)
"""What the texts of batches begin with that one person wrote: they are left out together."""
MOST_WEIGHTS = 5000
FEWEST_DRAFTS = 10
"""In how many drafts something must be seen to be weighed."""
LEAN = 10.0
"""How much lighter than its own weight what stands on one side alone is made before it is weighed."""
STIFF = 10.0

Row = dict[str, str]


@dataclass
class Text:
    source: Source
    clauses: Clauses
    told: list[int]
    """For every clause whether it tells a problem: 1, 0, or -1 where the answers leave it open."""


def within(source: Source, row: Row) -> tuple[int, int]:
    """A draft's span in the text as it is read."""
    at = [place for place, came in enumerate(source.at) if int(row["start"]) <= came < int(row["end"])]
    return (at[0], at[-1] + 1) if at else (0, 0)


def read_lessons(path: Path) -> list[Text]:
    texts = []
    for lesson in path.read_text(encoding="utf-8").split("# ")[1:]:
        blocks, bare, starred = [], "", set()
        for line in filter(None, lesson.splitlines()):
            start = len(bare)
            for piece in re.split(r"(\*)", line):
                if piece == "*":
                    starred.add(len(bare))
                else:
                    bare += piece
            blocks.append(Block(PROSE, start, len(bare), ()))
            bare += "\n"
        source = Source(bare, bare, tuple(range(len(bare))), tuple(blocks))
        clauses = Clauses(source, rules())
        told = [int(any(one.start <= at < one.end for at in starred)) for one in clauses.all]
        texts.append(Text(source, clauses, told))
    return texts


def read_case(name: str, right: Sequence[Row]) -> Text:
    """A clause tells a problem if a word of one stands in it, the one nearest to its name where there are several."""
    source = read_source((CASES / f"{name}.txt").read_text(encoding="utf-8"))
    clauses = Clauses(source, rules())
    told = dict.fromkeys(map(id, clauses.all), 0)
    spans = [within(source, row) for row in right]
    for (start, end), row in zip(spans, right, strict=True):
        # What else a right draft told may be a problem that the answers did not ask for.
        told.update((id(one), -1) for one in clauses.told_in(start, end, row["problems"].split("|")))
    for what, _code, words in EXPECTED[name]["findings"]:
        names = [found.start() for found in re.finditer(re.escape(what), source.text)]
        of = [
            span
            for span, row in zip(spans, right, strict=True)
            if what in row["venue"] + row["place"] and any(word in row["problems"] for word in words)
        ]
        for word in words:
            places = [found.start() for found in re.finditer(re.escape(word), source.text)]
            if places := [at for at in places if any(start <= at < end for start, end in of)] or places:
                at = min(places, key=lambda at: _far(source.text, at, names))
                told.update((id(one), 1) for one in clauses.all if one.start < at + len(word) and at < one.end)
    return Text(source, clauses, [told[id(one)] for one in clauses.all])


def _far(text: str, at: int, names: Sequence[int]) -> int:
    """How far a word stands from the name it is said of: it follows it, in the same line, as a rule."""
    ways = ((at - name if at >= name else 3 * (name - at), *sorted((at, name))) for name in names)
    return min((way + 20 * text.count("\n", low, high) for way, low, high in ways), default=at)


def found_of(source: Source, row: Row) -> Found:
    draft = Draft(
        FINDING,
        "",
        (int(row["start"]), int(row["end"])),
        float(row["confidence"]),
        row["place"],
        Unit(row["code"], "") if row["code"] else None,
        row["venue"],
        tuple(row["problems"].split("|")),
    )
    return Found(draft, *within(source, row))


def learn_clauses(texts: Iterable[Text]) -> dict[str, float]:
    return _learn(
        [(one.shows, was) for text in texts for one, was in zip(text.clauses.all, text.told, strict=True) if was >= 0]
    )


def learn_names(texts: Mapping[str, Text], readings: Iterable[Row]) -> dict[str, float]:
    """From names that the answers and readings give, and from what clauses begin with, which is no name as a rule."""
    names: dict[tuple[str, str], int] = {}
    for text, one in texts.items():
        given = [what for what, _code, _words in EXPECTED[text]["findings"]]
        for number, clause in enumerate(one.clauses.all[::4]):
            beginning = re.sub(r"^[\d、.．（）①-⑳]+", "", clause.text)[: 2 + number % 8]
            if len(beginning) > 1 and not any(what in beginning or beginning in what for what in given):
                names[text, beginning] = 0
        names.update(((text, what), 1) for what in given)
    for row in readings:
        if row["text"] in texts:
            names.setdefault((row["text"], row["venue"] or row["place"]), int(row["right"]))
    return _learn([(name_shows(name), was) for (_text, name), was in names.items()])


def _learn(pairs: Sequence[tuple[Set[str], int]]) -> dict[str, float]:
    """A logistic regression; what is seen once is left out, and of the rest the lightest."""
    shown, truth = [shows for shows, _was in pairs], numpy.array([was for _shows, was in pairs], dtype=float)
    seen = Counter(one for shows in shown for one in shows)
    names = sorted(one for one, times in seen.items() if times > 1)
    while True:
        at = {name: number for number, name in enumerate(names)}
        rows = [sorted(at[one] for one in shows if one in at) for shows in shown]
        ends = numpy.cumsum([0, *map(len, rows)])
        ones = csr_matrix((numpy.ones(ends[-1]), numpy.concatenate(rows), ends), shape=(len(rows), len(names)))
        # What stands on one side alone may weigh more.
        for_it, against = ones.T @ truth + 1, ones.T @ (1 - truth) + 1
        lean = numpy.abs(numpy.log(for_it / (1 + truth.sum()) * (1 + (1 - truth).sum()) / against))
        lean = (lean / lean.mean()) ** 0.3 * LEAN
        even = 1 / numpy.sqrt(numpy.maximum(1, numpy.diff(ends)))
        found, base = _logistic(csr_matrix(ones.multiply(even[:, None]).multiply(lean)), truth, 1.0)
        heavy = found * lean
        if len(names) <= MOST_WEIGHTS:
            weights = {name: round(float(weight), 1) for name, weight in zip(names, heavy, strict=True)}
            return {"": round(base, 2), **{name: weight for name, weight in weights.items() if weight}}
        order = numpy.argsort(-numpy.abs(heavy) * numpy.sqrt([seen[name] for name in names]), kind="stable")
        names = sorted(names[number] for number in order[:MOST_WEIGHTS])


def learn_drafts(shown: Sequence[Mapping[str, float]], right: Sequence[int]) -> dict[str, float]:
    seen = Counter(one for shows in shown for one in shows)
    names = sorted(one for one, times in seen.items() if times >= FEWEST_DRAFTS)
    table = numpy.array([[shows.get(name, 0.0) for name in names] for shows in shown])
    spread = table.std(axis=0) + 1e-9
    # Numbers are weighed in their own spread, so that none is held back for being small.
    spread = numpy.where([name in shown[0] and " " not in name for name in names], spread, 1.0)
    found, base = _logistic(table / spread, numpy.array(right, dtype=float), STIFF)
    return {"": round(base, 2), **dict(zip(names, (round(float(one), 2) for one in found / spread), strict=True))}


def _logistic(table: Any, truth: Any, strength: float) -> tuple[Any, float]:
    signs = 2 * truth - 1

    def cost(values: Any) -> tuple[float, Any]:
        margin = signs * (table @ values[:-1] + values[-1])
        slope = -signs / (1 + numpy.exp(numpy.minimum(margin, 700)))
        total = numpy.logaddexp(0, -margin).sum() + strength * (values[:-1] ** 2).sum() / 2
        return total, numpy.append(table.T @ slope + strength * values[:-1], slope.sum())

    start = numpy.zeros(table.shape[1] + 1)
    found = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 120}).x
    return found[:-1], float(found[-1])


@dataclass
class Lessons:
    cases: dict[str, Text]
    short: list[Text]
    readings: list[Row]

    @classmethod
    def load(cls) -> "Lessons":
        with (HERE / "readings.csv").open(encoding="utf-8", newline="") as file:
            readings = list(csv.DictReader(file))
        right = defaultdict(list)
        for row in readings:
            if row["right"] == "1":
                right[row["text"]].append(row)
        cases = {name: read_case(name, right[name]) for name in EXPECTED if name not in UNTUNED}
        return cls(cases, read_lessons(HERE / "lessons.txt"), readings)

    def weights(self, without: str = "$") -> dict[str, dict[str, float]]:
        """Of clauses and names, from all texts but those that `without` begins."""
        texts = {name: text for name, text in self.cases.items() if not re.match(without, name)}
        return {
            "clause": learn_clauses([*texts.values(), *self.short]),
            "name": learn_names(texts, self.readings),
            "draft": {"": 0.0},
        }

    def drafts(self) -> list[tuple[Row, dict[str, float]]]:
        """Every draft once with what it shows, its clauses and name judged by weights that no text of its fold gave."""
        shown: dict[tuple[str, ...], tuple[Row, dict[str, float]]] = {}
        for fold in FOLDS:
            learned = Weights(**self.weights(fold))
            here: dict[tuple[str, str], list[Row]] = defaultdict(list)
            for row in self.readings:
                if re.match(fold, row["text"]):
                    here[row["text"], row["reader"]].append(row)
            for (name, _reader), rows in here.items():
                text = self.cases[name]
                findings = [found_of(text.source, row) for row in rows]
                for row, shows in zip(rows, drafts_show(text.clauses, findings, learned), strict=True):
                    shown.setdefault((name, row["venue"], row["place"], row["problems"]), (row, shows))
        return list(shown.values())


def learn_from(drafts: Iterable[tuple[Row, dict[str, float]]]) -> dict[str, float]:
    some = list(drafts)
    return learn_drafts([shows for _row, shows in some], [int(row["right"]) for row, _shows in some])


def print_table(drafts: Sequence[tuple[Row, dict[str, float]]]) -> None:
    """How the first readings of each fold are judged by weights that the other folds gave."""
    print("texts; drafts, right; kept, right, share of the right ones kept")
    for fold in FOLDS:
        here = [(row, shows) for row, shows in drafts if re.match(fold, row["text"]) and row["first"] == "1"]
        learned = Weights({}, {}, learn_from(one for one in drafts if not re.match(fold, one[0]["text"])))
        kept = [int(row["right"]) for row, shows in here if learned.likelihood(shows) >= LEAST]
        right = sum(int(row["right"]) for row, _shows in here)
        print(
            f"{fold:24} {len(here):4} {right / len(here):.3f}; "
            f"{len(kept):4} {sum(kept) / len(kept):.3f} {sum(kept) / right:.3f}"
        )


def main(*options: str) -> None:
    lessons = Lessons.load()
    drafts = lessons.drafts()
    print_table(drafts)
    if "--table" not in options:
        learned = lessons.weights() | {"draft": learn_from(drafts)}
        with WEIGHTS.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("of", "shown", "weight"))
            writer.writerows(
                (of, one, weight) for of, table in learned.items() for one, weight in sorted(table.items())
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
