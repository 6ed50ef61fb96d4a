"""What the editor shows of a draft: its rows, what is left out, what blocks it, and the steps one may take or not."""

import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from duban.access import rights
from duban.access.models import Person, RoleAt
from duban.bulletin import blocks, column
from duban.bulletin.actions import FITS, available, blockers
from duban.bulletin.blocks import Told, Words
from duban.bulletin.checks import Plain, WrongText, unchecked
from duban.bulletin.figures import Figure, Said, pieces
from duban.bulletin.forms import text_digest
from duban.bulletin.models import ONCE, WAITING, Block, BlockKind, Issue, IssueState, Item, Section
from duban.bulletin.public import category_name
from duban.core.errors import DubanError
from duban.ledger import queries as ledger
from duban.ledger.filters import write_filters
from duban.ledger.lifecycle import State
from duban.patrol.exposure import Printed, printed
from duban.patrol.models import Exposure

LEFT_SHOWN = 60
"""So many entries that are left out are listed; the count says how many there are."""


@dataclass(frozen=True)
class Row:
    """An entry as the page prints it, and what is wrong with it there."""

    id: str
    entry: Mapping[str, Any]
    url: str
    before: list[str]
    after: list[str]
    """Hashes of photos."""
    state: str
    state_word: str
    category: str
    no_statement: bool
    moved_on: bool

    @property
    def pairs(self) -> list[tuple[list[str], str]]:
        """The photos of before and after, each with its word."""
        return [(self.before, _("Before")), (self.after, _("After"))]


@dataclass(frozen=True)
class Part:
    """A section with its rows in order, and those that could stand in it."""

    key: str
    title: Promise | str
    rows: list[Row]
    left: list[Row]
    left_count: int
    left_more: int
    ledger_url: str
    ids: str


@dataclass(frozen=True)
class Step:
    """Something to do with the issue; `why_not` is empty where one may."""

    key: str
    label: Promise | str
    sentence: str
    why_not: str
    primary: bool = False


TITLES = {Section.RECTIFIED: gettext_lazy("Rectified"), Section.NEW: gettext_lazy("New on the ledger")}


def stored_order(issue: Issue) -> dict[str, list[uuid.UUID]]:
    """The entries of each section as they are kept."""
    order: dict[str, list[uuid.UUID]] = {str(section): [] for section in Section}
    for section, entry in Item.objects.filter(issue=issue).values_list("section", "entry_id"):
        order[section].append(entry)
    return order


def counts_of(issue: Issue) -> dict[str, int]:
    """How many entries each section holds."""
    held = Item.objects.filter(issue=issue).order_by().values_list("section").annotate(n=Count("pk"))
    return {str(section): 0 for section in Section} | dict(held)


def parts_of(issue: Issue, order: Mapping[str, Sequence[uuid.UUID]]) -> list[Part]:
    """The sections with the entries in the order given, which may be what was typed and not yet kept."""
    kept, free = stored_order(issue), available(issue.series)
    if issue.corrects_id and issue.corrects:
        free = {key: [*entries, *stored_order(issue.corrects)[key]] for key, entries in free.items()}
    pool = {key: {*kept[key], *free[key]} for key in kept}
    held = {key: [entry for entry in order[key] if entry in pool[key]] for key in kept}
    left = {key: [entry for entry in dict.fromkeys([*kept[key], *free[key]]) if entry not in held[key]] for key in kept}
    wanted = {entry for entries in held.values() for entry in entries}
    facts = ledger.snapshots(wanted | {entry for entries in left.values() for entry in entries[:LEFT_SHOWN]})
    fits = not issue.corrects_id
    return [
        Part(
            key=section,
            title=TITLES[section],
            rows=[row_of(facts[entry], section if fits else None) for entry in held[section]],
            left=[row_of(facts[entry], None) for entry in left[section][:LEFT_SHOWN]],
            left_count=len(left[section]),
            left_more=max(0, len(left[section]) - LEFT_SHOWN),
            ledger_url=ledger_url(issue, section),
            ids=",".join(map(str, held[section])),
        )
        for section in Section
    ]


def ledger_url(issue: Issue, section: str) -> str:
    """The ledger's rows from which the section is drawn."""
    wanted = ledger.Filters(states=FITS[Section(section)], area=issue.series.jurisdiction)
    return f"{reverse('ledger:list')}?{write_filters(wanted)}"


def row_of(entry: Mapping[str, Any], section: str | None) -> Row:
    """An entry's snapshot as a row; `section` is None where it need not fit."""
    photos = {moment: [photo["sha256"] for photo in found] for moment, found in entry["photos"].items()}
    return Row(
        id=entry["id"],
        entry=entry,
        url=reverse("ledger:entry", args=[entry["id"]]),
        before=photos.get("before", []),
        after=photos.get("after", []),
        state=entry["state"],
        state_word=str(State(entry["state"]).label),
        category=category_name(entry["category"]),
        no_statement=not entry["statement"],
        moved_on=section is not None and entry["state"] not in FITS[Section(section)],
    )


@dataclass(frozen=True)
class ExposureRow:
    """A line of the exposure column as the page prints it."""

    line: Printed
    url: str
    over: bool
    """Nobody may read it any more."""

    @property
    def id(self) -> str:
        return str(self.line.id)


@dataclass(frozen=True)
class Column:
    """The exposure column: what stands in it, and what could."""

    rows: list[ExposureRow]
    left: list[ExposureRow]
    ids: str


def column_of(issue: Issue, order: Sequence[uuid.UUID], now: datetime) -> Column:
    """The column in the order given, which may be what was typed and not yet kept."""
    kept, free = column.order_of(issue), column.available(issue.series, now)
    if issue.corrects_id and issue.corrects:
        free += column.order_of(issue.corrects)
    pool = list(dict.fromkeys([*kept, *free]))
    held = [one for one in order if one in set(pool)]
    left = [one for one in pool if one not in set(held)]
    over = {one.pk for one in column.over(issue, now)}
    facts = Exposure.objects.filter(pk__in=pool).select_related("venue__kind", "visit").in_bulk()
    lines = {line.id: line for line in printed(facts.values())}
    rows = {one: ExposureRow(lines[one], reverse("patrol:exposure", args=[one]), one in over) for one in [*held, *left]}
    return Column([rows[one] for one in held], [rows[one] for one in left], ",".join(map(str, held)))


# ---- blocks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """A text of a block: what was typed, what is made of the records where nothing is, and how it reads."""

    name: str
    label: Promise | str
    value: str
    limit: int
    made: str
    """Of the records, as long as the field is empty."""
    lines: list[list[str | Said]]
    """As it is printed, line by line, cut at its figures."""
    is_text: bool
    error: str = ""
    stored: str = ""
    """What is kept there, where something else was typed."""


@dataclass(frozen=True)
class BlockRow:
    """A block on the page in the making."""

    block: Block
    label: str
    chinese: list[Field]
    english: list[Field]
    byline: Field
    figures: list[Figure]
    borrows: bool
    """It has no figures of its own and may say those of every other block."""
    photos: list[Mapping[str, Any]]
    wrong: list[WrongText]
    unchecked: list[Plain]
    is_fixed: bool
    """Where entries or exposures stand: it is moved, never taken out."""

    @property
    def id(self) -> str:
        return str(self.block.pk)


CAPTIONS = {"text_zh": gettext_lazy("Caption"), "text_en": gettext_lazy("Caption in English")}
LABELS = {
    "headline_zh": gettext_lazy("Headline"),
    "text_zh": gettext_lazy("Text"),
    "headline_en": gettext_lazy("Headline in English"),
    "text_en": gettext_lazy("Text in English"),
    "byline": gettext_lazy("Byline"),
}


def blocks_of(
    told: Sequence[Told],
    wrong: Sequence[DubanError],
    typed: Mapping[uuid.UUID, Words] | None = None,
    errors: Mapping[str, str] | None = None,
) -> list[BlockRow]:
    """The blocks in their order; `typed` is what was written and not yet kept, in the order in which it was sent."""
    there = {one.block.pk: one for one in told}
    order = [pk for pk in typed if pk in there] if typed else []
    rows = []
    for pk in [*order, *(pk for pk in there if pk not in order)]:
        one = there[pk]
        words = typed.get(pk) if typed else None

        def field(name: str, one: Told = one, words: Words | None = words) -> Field:
            stored: str = getattr(one.block, name)
            value = getattr(words, name) if words else stored
            language = "en" if name.endswith("en") else "zh"
            made = blocks.made_words(one.facts, name)
            lines = [pieces(line, one.figures, language) for line in (value or made).split("\n") if line.strip()]
            label = CAPTIONS.get(name, LABELS[name]) if one.block.kind == BlockKind.PHOTO else LABELS[name]
            return Field(
                name, label, value, blocks.TEXTS[name], made, lines, name.startswith("text"),
                (errors or {}).get(f"{one.block.pk}-{name}", ""),
                stored if text_digest(stored) != text_digest(value) else "",
            )  # fmt: skip

        borrows = one.block.kind in blocks.BORROWING
        rows.append(
            BlockRow(
                block=one.block,
                label=str(BlockKind(one.block.kind).label),
                chinese=[field("headline_zh"), field("text_zh")],
                english=[field("headline_en"), field("text_en")],
                byline=field("byline"),
                figures=[] if borrows else sorted(one.figures.values(), key=lambda figure: ":" in figure.key),
                borrows=borrows,
                photos=list(one.facts.photos) if one.facts else [],
                wrong=[each for each in wrong if isinstance(each, WrongText) and each.block == str(pk)],
                unchecked=unchecked([one]),
                is_fixed=one.block.kind in ONCE,
            )
        )
    return rows


def figures_of(rows: Sequence[BlockRow]) -> list[Figure]:
    """The figures of all blocks, which an article and a caption may say too; the first of a name holds."""
    found: dict[str, Figure] = {}
    for row in rows:
        found = {figure.key: figure for figure in row.figures} | found
    return list(found.values())


def typed_over(
    order: Sequence[uuid.UUID], told: Sequence[Told], typed: Callable[[str, str], str]
) -> dict[uuid.UUID, Words]:
    """What was typed in each block; `typed` says it of a field, given what is stored there."""
    stored = {one.block.pk: one.block for one in told}
    return {
        pk: Words(pk, **{name: typed(f"{pk}-{name}", getattr(stored.get(pk), name, "")) for name in blocks.TEXTS})
        for pk in order
    }


def lost_words(typed: Mapping[uuid.UUID, Words], told: Sequence[Told]) -> list[str]:
    """What was typed in blocks that another took off the page meanwhile."""
    there = {one.block.pk for one in told}
    gone = [words for pk, words in typed.items() if pk not in there]
    return [text for words in gone for name in blocks.TEXTS if (text := getattr(words, name))]


def digests_of(texts: Mapping[str, str], told: Sequence[Told]) -> dict[str, str]:
    """By field what stands there now, short, so that the page can tell later what was typed on it."""
    found = {name: text_digest(text) for name, text in texts.items()}
    for one in told:
        found |= {f"{one.block.pk}-{name}": text_digest(getattr(one.block, name)) for name in blocks.TEXTS}
    return found


# ---- what the text says against what the rows are -------------------------------------------------------------------

FIGURE = {
    Section.RECTIFIED: re.compile(r"(?:整改|销账|销帐|rectified|struck off)\D{0,6}?(\d{1,6})", re.IGNORECASE),
    Section.NEW: re.compile(r"(?:新增|新发现|新上账|new)\D{0,6}?(\d{1,6})", re.IGNORECASE),
}


@dataclass(frozen=True)
class Disagreement:
    """A figure in the text that is not the number of rows."""

    said: str
    section: str
    title: Promise | str
    count: int


def disagreements(text: str, counts: Mapping[str, int]) -> list[Disagreement]:
    """Figures of the text that stand beside a section's word and differ from its number of rows."""
    found = []
    for section, pattern in FIGURE.items():
        for match in pattern.finditer(text):
            if int(match[1]) != counts[section]:
                found.append(Disagreement(match[0], section, TITLES[section], counts[section]))
    return found


# ---- steps ----------------------------------------------------------------------------------------------------------


def steps_for(person: Person, issue: Issue, wrong: Sequence[DubanError], findings: int) -> list[Step]:
    """The steps from here, each with why the person may not take it."""
    code = issue.series.jurisdiction
    number = issue.series.next_number
    steps = []
    if issue.state == IssueState.DRAFT:
        why = why_not(person, issue, "bulletin.approve", wrong)
        sentence = _("Says, as a second person, that it may go out as it is.")
        steps.append(Step("approve", _("Approve"), sentence, why, True))
    if issue.state in WAITING:
        why = why_not(person, issue, "bulletin.publish", wrong)
        steps.append(Step("publish", _("Publish"), publish_sentence(issue, number, findings), why, True))
        may = rights.may(person, "bulletin.draft", code)
        sentence = _("Its entries become free for another draft; the number is not used up.")
        steps.append(Step("discard", _("Discard"), sentence, "" if may else no_role(person)))
    if issue.state == IssueState.PUBLISHED:
        may = rights.may(person, "bulletin.draft", code)
        sentence = _(
            "Begins a draft with the same content, which is published under a number of its own and names this."
        )
        steps.append(Step("correct", _("Correct"), sentence, "" if may else no_role(person)))
    return steps


def publish_sentence(issue: Issue, number: int, findings: int) -> str:
    """What publishing will do, in one sentence, since it cannot be undone."""
    words = {"number": number, "series": issue.series.name, "findings": findings}
    if not findings:
        return _("Publishing gives it No. %(number)d of %(series)s and cannot be undone.") % words
    sentence = ngettext(
        "Publishing gives it No. %(number)d of %(series)s, puts %(findings)d finding on the ledger, "
        "and cannot be undone.",
        "Publishing gives it No. %(number)d of %(series)s, puts %(findings)d findings on the ledger, "
        "and cannot be undone.",
        findings,
    )
    return sentence % words


def no_role(person: Person) -> str:
    return _("None of your roles here allows it, %(person)s.") % {"person": person}


def why_not(person: Person, issue: Issue, permission: str, wrong: Sequence[DubanError]) -> str:
    """Why the person cannot approve or publish now, in the order in which the actions ask."""
    code = issue.series.jurisdiction
    if not rights.may(person, permission, code):
        return no_role(person)
    if permission == "bulletin.approve":
        if person.username in {issue.drafted_by, *issue.edited_by}:
            return _("You wrote at it yourself; a second person approves it.")
        if not rights.may(person, permission, code, apart_from={issue.drafted_by, *issue.edited_by}):
            return _("You stand in for who wrote it; ask a person with a right of their own.")
    elif issue.state != IssueState.APPROVED:
        return _("A second person has not approved it yet.")
    elif person.username == issue.approved_by:
        return _("You approved it; another person publishes it.")
    elif not rights.may(person, permission, code, apart_from={issue.approved_by}):
        return _("You stand in for who approved it; ask a person with a right of their own.")
    return _("First mend what is marked in red.") if wrong else ""


def who_may_approve(issue: Issue) -> list[str]:
    """Names of the people who could be asked, at most six."""
    code = issue.series.jurisdiction
    reaching = [code[:length] for length in range(len(code) + 1)]
    roles = RoleAt.objects.filter(role__in=rights.PERMISSIONS["bulletin.approve"], code__in=reaching)
    people = Person.objects.filter(roles__in=roles, is_active=True).exclude(
        username__in=[issue.drafted_by, *issue.edited_by]
    )
    return [str(person) for person in people.distinct().order_by("username")[:6]]


def wrong_with(issue: Issue, now: datetime, told: Sequence[Told] | None = None) -> list[DubanError]:
    """What keeps a waiting issue from going out; `told` are its blocks where they are at hand."""
    return blockers(issue, now, told=told) if issue.state in WAITING else []


# ---- the desk -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Waiting:
    """A draft as it lies on the desk."""

    issue: Issue
    rectified: int
    new: int
    unplaced: int
    moved_on: int
    for_me: Promise | str
    """The step that waits for this very person, or empty."""

    @property
    def blocked(self) -> bool:
        return bool(self.unplaced or self.moved_on)


def waiting_on_desk(person: Person, issues: Sequence[Issue]) -> list[Waiting]:
    """The drafts with their counts and what blocks them; two queries however many there are."""
    figures = ("rectified", "new", "unplaced", "moved")
    tally: dict[uuid.UUID, dict[str, int]] = {issue.pk: dict.fromkeys(figures, 0) for issue in issues}
    corrections = {issue.pk for issue in issues if issue.corrects_id}
    items = Item.objects.filter(issue__in=issues).order_by()
    for issue_id, section, state, statement in items.values_list(
        "issue_id", "section", "entry__state", "entry__statement"
    ):
        counted = tally[issue_id]
        counted[section] += 1
        counted["unplaced"] += not statement
        counted["moved"] += issue_id not in corrections and state not in FITS[Section(section)]
    found = []
    for issue in issues:
        counted = tally[issue.pk]
        blocked = bool(counted["unplaced"] or counted["moved"])
        found.append(
            Waiting(
                issue,
                counted["rectified"],
                counted["new"],
                counted["unplaced"],
                counted["moved"],
                for_me(person, issue, blocked=blocked),
            )
        )
    return found


def for_me(person: Person, issue: Issue, *, blocked: bool) -> str:
    """Which step of this draft waits for this person."""
    at = issue.series.jurisdiction
    writers = {issue.drafted_by, *issue.edited_by}
    wrote = person.username in writers
    if blocked:
        return _("mend it") if wrote and rights.may(person, "bulletin.draft", at) else ""
    if issue.state == IssueState.DRAFT and not wrote and rights.may(person, "bulletin.approve", at, apart_from=writers):
        return _("waits for your approval")
    publishes = person.username != issue.approved_by and rights.may(
        person, "bulletin.publish", at, apart_from={issue.approved_by}
    )
    return _("ready for you to publish") if issue.state == IssueState.APPROVED and publishes else ""
