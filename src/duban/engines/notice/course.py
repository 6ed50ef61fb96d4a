"""The course of an article while its findings are read: what it stands under, speaks of and has told so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from .address import Around
from .drafts import Unit
from .gazetteer import Gazetteer
from .problems import Problems
from .rules import Rules
from .source import Block, Source
from .subjects import Names, Subject

OF_TITLE = 0.7
OF_ONE_OF_MANY = 0.55


@dataclass(slots=True)
class Group:
    """Subjects that share their problems."""

    subjects: list[Subject]
    problems: list[str] = field(default_factory=list)
    end: int = 0
    measure: str = ""
    guessed: bool = False
    """Whether no word of the rules tells any of its problems."""


@dataclass(slots=True)
class State:
    """What the article stands under, as its last short lines said."""

    unit: Unit | None = None
    """Of a line that is nothing but a town or village: for all that names no place of its own."""
    sure: float = 0.85
    printed: str = ""
    heading: list[Subject] = field(default_factory=list)
    """Of a line that names a venue or village alone: problems follow in lines of their own."""
    firm: bool = False
    """Whether all that follows is about `heading`, whatever else it names."""


def same(some: Sequence[Subject], others: Sequence[Subject]) -> bool:
    return [(one.start, one.end) for one in some] == [(one.start, one.end) for one in others]


class Course:
    def __init__(
        self,
        source: Source,
        title: str,
        blocks: Sequence[Block],
        gazetteer: Gazetteer,
        rules: Rules,
    ) -> None:
        self.source, self.gazetteer, self.rules = source, gazetteer, rules
        told = "\n".join(source.of(block) for block in blocks)
        said = blocks and rules.inspecting.search(title + source.text[blocks[0].start : blocks[-1].end])
        self.names = Names(gazetteer, rules)
        self.problems = Problems(rules, rules.cue if said else rules.problem)
        self.exposing = bool(rules.exposing.search(title))
        """Whether what is listed here is listed for what is wrong with it."""
        self.inspecting = bool(said)
        self.strict = bool(said and rules.strict.search(told))
        self.reports = self.exposing or self.strict or self.inspecting
        self.listing = self.seen = self.arrived = self.acted = False
        self.before = self.since = 0
        """How many groups there were before this paragraph and before this sentence."""
        self.entry: Subject | None = None
        """What the paragraph or item is headed by: all of it is about that."""
        self.strong = False
        """Whether a number, a colon or a heading says so."""
        self.label: list[str] = []
        """The problem before a colon that the items of a sentence share: 飞线充电：甲楼；乙楼."""
        self.nearly: tuple[list[Subject], str] | None = None
        """A clause of the sentence that almost tells a problem, and of what."""
        self.carried: list[Subject] = []
        """Of the item before in the same sentence."""
        self.loose: list[str] = []
        """Problems of the paragraph of which nothing tells where they are."""
        self.pending: list[str] = []
        """Problems before a colon at a paragraph's end: the venues follow in lines of their own."""
        self.groups: list[Group] = []
        headed, spoken = self.names.town_in(title), self.names.town_in(told)
        village = self.names.village_in(title)
        if village and (headed is None or village.code.startswith(headed.code)):
            headed = village
        # What names several towns says of none that all lies in it.
        self.state = State(unit=headed or spoken, sure=OF_TITLE if spoken else OF_ONE_OF_MANY)
        self.topic: list[Subject] = []
        """Of a clause before a colon that names a venue or place, for the rest of its paragraph."""
        self.told: list[Subject] = []
        """Of the sentence before, where a story names the venue first and tells then what was seen."""
        self.scene: list[Subject] = []
        """Where a story's inspectors have come to, until they go on or another venue is spoken of."""

    def around(self) -> Around:
        state = self.state
        return Around(town=self.gazetteer.town_of(state.unit), unit=state.unit, sure=state.sure, printed=state.printed)

    def stand_under(self, subjects: list[Subject]) -> None:
        """What follows is about these; where they lie elsewhere than what the article stood under, that is over."""
        unit, above = subjects[0].address.unit if subjects else None, self.state.unit
        if unit and above and not unit.code.startswith(above.code):
            self.state = State()
        self.head_with(subjects, firm=True)

    def head_with(self, subjects: list[Subject], *, firm: bool = False) -> None:
        self.state.heading, self.state.firm = subjects, firm

    def open(self, subjects: list[Subject], problems: list[str], end: int, *, guessed: bool = False) -> Group:
        last = next((group for group in self.groups[-1:] if same(group.subjects, subjects)), None)
        if last:
            last.problems.extend(problems)
            last.end = max(last.end, end)
            last.guessed = last.guessed and guessed
            return last
        group = Group(list(subjects), list(problems), end, guessed=guessed)
        self.groups.append(group)
        return group

    def one_subject(self, groups: Sequence[Group]) -> list[Subject]:
        """What some groups are all about; nothing where they are about several."""
        return groups[0].subjects if groups and all(same(one.subjects, groups[0].subjects) for one in groups) else []
