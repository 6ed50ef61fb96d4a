"""What is wrong with the words of an issue before it goes out: figures, sums, names, numbers of persons.

Every figure in a text is a mark. One that was typed is held against the records; the parts of a sum, where all of them
are said, must add up to what is said for the whole. Numbers without a mark cannot be held against anything: they are
listed for the second person to look at.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from duban.bulletin import blocks, persons
from duban.bulletin.blocks import Told
from duban.bulletin.figures import ANY_MARK, MARK, Figure, Said, marks_in
from duban.bulletin.models import BlockKind, Issue
from duban.core.errors import Conflict, DubanError

FIELDS = ("headline_zh", "text_zh", "headline_en", "text_en")
# Numbers that are no figures: of dates and times, houses, issues, and what stands within a name of letters and digits.
PLAIN = re.compile(
    r"(?<![\dA-Za-z.:：第-])(?!(?:1[89]|20)\d\d(?!\d))\d[\d,.]*\d|(?<![\dA-Za-z.:：第-])\d(?![\dA-Za-z])", re.ASCII
)
NO_FIGURE = re.compile(
    r"\s*(?:(?:to|and|至|–|-)\s*\d{1,2}\s*)?(?:年|月|日|时|点|分|号|期|次会议|楼|单元|层|区|路|米|"
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December)\b)"
)
AROUND = 12


class WrongText(Conflict):
    """A figure, a sum, a name or a number in a block; `url` opens the rows behind it, `block` says where it stands."""

    def __init__(self, code: str, message: str, *, block: str = "", url: str = "", field: str = ""):
        super().__init__(code, message, field=field or (f"block-{block}" if block else "blocks"))
        self.block = block
        self.url = url

    def as_dict(self) -> dict[str, object]:
        return super().as_dict() | ({"rows": self.url} if self.url else {})


@dataclass(frozen=True)
class Plain:
    """A number that no mark ties to the records."""

    block: str
    number: str
    around: str


def wrong_in(issue: Issue, now: datetime, *, thorough: bool, told: Sequence[Told] | None = None) -> list[DubanError]:
    """All that keeps the words of the issue from going out; `told` are its blocks where they are at hand."""
    if told is None:
        counts = {key: issue.items.filter(section=key).count() for key in ("rectified", "new")}
        told = blocks.told(issue, counts, now) if issue.blocks.exists() else []
    found: list[DubanError] = [wrong for one in told for wrong in wrong_with(one)]
    return found + list(_persons(issue, told, thorough=thorough))


def wrong_with(one: Told) -> Iterator[WrongText]:
    """What is wrong with one block's figures."""
    block = str(one.block.pk)
    if one.facts is None:
        yield WrongText(
            "block_without_facts",
            _("“%(block)s” tells of what is no longer on record; take it out, or write it as an article.")
            % {"block": one.words("headline_zh") or BlockKind(one.block.kind).label},
            block=block,
        )
        return
    seen: set[tuple[str, str]] = set()
    for name in FIELDS:
        text = one.words(name)
        language = name[-2:]
        said = list(marks_in(text, one.figures, language))
        for wrong in _wrong_figures(text, said, one.figures, block):
            if (wrong.code, str(wrong.message)) not in seen:
                seen.add((wrong.code, str(wrong.message)))
                yield wrong
        for wrong in _wrong_sums(said, one.figures, block):
            if (wrong.code, str(wrong.message)) not in seen:
                seen.add((wrong.code, str(wrong.message)))
                yield wrong


def _wrong_figures(text: str, marks: Sequence[Said], figures: Mapping[str, Figure], block: str) -> Iterator[WrongText]:
    known = {(said.start, said.end) for said in marks}
    for match in ANY_MARK.finditer(text):
        if match.span() not in known:
            yield WrongText(
                "figure_unknown",
                _("“%(mark)s” is no figure; write it as [[name]] or [[name=6]], with a name from the list.")
                % {"mark": match[0][:60]},
                block=block,
            )
    for said in marks:
        if said.figure is None:
            yield WrongText(
                "figure_unknown",
                _("“%(mark)s” is no figure of this block; choose one from its list.") % {"mark": said.key},
                block=block,
            )
        elif not said.is_right:
            yield WrongText(
                "figure_disagrees",
                _("“%(said)s” is said for “%(figure)s”, but the records give %(found)d: %(rows)s")
                % {
                    "said": said.printed,
                    "figure": words_of(said.figure),
                    "found": said.figure.value,
                    "rows": rows_of(said.figure, figures),
                },
                block=block,
                url=said.figure.url,
            )


def _wrong_sums(marks: Sequence[Said], figures: Mapping[str, Figure], block: str) -> Iterator[WrongText]:
    by_key = {said.key: said for said in marks if said.figure is not None}
    for said in by_key.values():
        assert said.figure is not None
        parts = [by_key[key] for key in said.figure.parts if key in by_key]
        # A part of nothing need not be said for the sum to be whole.
        silent = [key for key in said.figure.parts if key not in by_key and (key not in figures or figures[key].value)]
        if not parts or silent or said.is_over:
            continue
        total = sum(part.said for part in parts)
        if total != said.said:
            yield WrongText(
                "sum_disagrees",
                _("The parts of “%(figure)s” add up to %(total)d, not to %(said)d: %(parts)s.")
                % {
                    "figure": words_of(said.figure),
                    "total": total,
                    "said": said.said,
                    "parts": ", ".join(f"{words_of(part.figure)} {part.said}" for part in parts if part.figure),
                },
                block=block,
                url=said.figure.url,
            )


def rows_of(figure: Figure, figures: Mapping[str, Figure]) -> str:
    """The rows behind it in words: its parts with what each counts, else where they are."""
    parts = [figures[key] for key in figure.parts if key in figures and figures[key].value]
    return ", ".join(f"{words_of(part)} {part.value}" for part in parts) or figure.url


def words_of(figure: Figure) -> str:
    """What the figure counts, in the language of the page."""
    return figure.zh if (get_language() or "zh").startswith("zh") else figure.en


def _persons(issue: Issue, told: Sequence[Told], *, thorough: bool) -> Iterator[WrongText]:
    area = issue.series.jurisdiction
    texts = [("", "\n".join([issue.title, issue.intro]))] if told else []
    for one in told:
        texts.append((str(one.block.pk), "\n".join(MARK.sub(" ", one.words(name)) for name in FIELDS)))
    named = set(persons.named_in("\n".join(text for _block, text in texts), area, thorough=thorough))
    for block, text in texts:
        yield from _wrong_persons(text, named, block=block)


def _wrong_persons(text: str, named: Iterable[str], *, block: str = "", field: str = "") -> Iterator[WrongText]:
    """Numbers of persons in the text, and those of the names that it says."""
    if numbers := persons.numbers_in(text):
        yield WrongText(
            "number_of_person",
            ngettext(
                "A telephone or identity number would be printed: %(numbers)s. Take it out.",
                "Telephone or identity numbers would be printed: %(numbers)s. Take them out.",
                len(numbers),
            )
            % {"numbers": ", ".join(number[:3] + "…" for number in numbers[:5])},
            block=block,
            field=field,
        )
    if here := [name for name in sorted(named) if name in text]:
        yield WrongText(
            "person_named",
            _("Somebody whose data is protected would be named: %(names)s. Write it without the name.")
            % {"names": ", ".join(here)},
            block=block,
            field=field,
        )


def refuse_persons(text: str, area: str, *, field: str) -> None:
    """Raise WrongText (`person_named`, `number_of_person`) where the text says what no issue may."""
    for wrong in _wrong_persons(text, persons.named_in(text, area, thorough=True), field=field):
        raise wrong


def unchecked(told: Sequence[Told]) -> list[Plain]:
    """Numbers in the texts that nothing holds against the records."""
    found = []
    for one in told:
        for name in FIELDS:
            text = one.words(name)
            bare = MARK.sub(lambda match: "□" * len(match[0]), text)
            for match in PLAIN.finditer(bare):
                if NO_FIGURE.match(bare, match.end()):
                    continue
                start, end = max(0, match.start() - AROUND), match.end() + AROUND
                around = MARK.sub("…", text[start:end]).replace("\n", " ")
                found.append(Plain(str(one.block.pk), match[0], around))
    return found
