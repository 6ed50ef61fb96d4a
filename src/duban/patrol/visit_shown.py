"""What the pages of a visit show: its questions with their answers, what failed, and who else was there."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from duban.access.models import Person
from duban.ledger.story import numbers_in_sight
from duban.patrol.asking import asked, choices_for, in_force, values_of
from duban.patrol.checklists import group_labels, word_of
from duban.patrol.models import (
    Answer,
    Choice,
    Failure,
    Item,
    QuestionType,
    Recheck,
    RecheckResult,
    Result,
    Visit,
    VisitState,
)
from duban.patrol.queries import visits_for
from duban.patrol.visiting import HAS_PHOTOS, choices_of, item_of, items_of
from duban.patrol.wording import words_of

RESULTS = (
    (Result.PASS, "closed"),
    (Result.FAIL, "overdue"),
    (Result.NA, "void"),
    (Result.NOT_INSPECTED, "held"),
)
"""With the shape that stands for each, in the order of the thumb."""
SHAPES = dict(RESULTS)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Offered:
    """A choice of a list, or a result of a check."""

    name: str
    label: str
    shape: str
    on: bool
    shown: bool = True


@dataclass(frozen=True)
class Question:
    """One item with what was answered."""

    item: Item
    number: int
    label: str
    hint: str
    group: str
    """What its group is called, where it is the first of it."""
    asked: bool
    offered: list[Offered]
    value: Any
    note: str
    photos: list[str]
    answered: bool
    has_photos: bool
    counted: bool
    """It is a question: a note to read is none."""
    opened_at: datetime | None = None
    """Of a re-check: when it was found failing."""
    found: str = ""
    """Of a re-check: what was noted then."""


@dataclass(frozen=True)
class Asked:
    """The questions of a visit and how far they are."""

    questions: list[Question]

    @property
    def counting(self) -> list[Question]:
        return [one for one in self.questions if one.asked and one.counted]

    @property
    def total(self) -> int:
        return len(self.counting)

    @property
    def done(self) -> int:
        return sum(one.answered for one in self.counting)

    def keys(self) -> list[str]:
        return [one.item.key for one in self.questions if one.asked]

    def offers(self) -> dict[str, list[str]]:
        """By key of a question with a list the choices that it offers now."""
        kinds = (QuestionType.SELECT_ONE, QuestionType.SELECT_MULTIPLE)
        return {
            one.item.key: [choice.name for choice in one.offered if choice.shown]
            for one in self.questions
            if one.item.type in kinds
        }


def questions_of(visit: Visit) -> Asked:
    """All questions of a visit under way, also those not asked for now, in a few queries."""
    items, choices = items_of(visit), choices_of(visit)
    answers = {answer.key: answer for answer in Answer.objects.filter(visit=visit)}
    values = {key: value for key, value in values_of(answers.values()).items() if value is not None}
    standing = in_force(items, values)
    now_asked = {item.key for item in asked(items, values)}
    labels = group_labels(visit.version, items) if visit.version else {}
    failures = _failures_under_recheck(visit)
    questions: list[Question] = []
    number, group = 0, ""
    for item in items:
        counted = item.type != QuestionType.NOTE
        number += counted and item.key in now_asked
        answer, failure = answers.get(item.key), failures.get(item.key)
        questions.append(
            Question(
                item=item,
                number=number,
                label=word_of(item.label, item.label_en),
                hint=word_of(item.hint, item.hint_en),
                group=labels.get(item.group, "") if item.group != group else "",
                asked=item.key in now_asked,
                offered=_offered(item, choices, standing, answer),
                value=answer.value if answer else None,
                note=answer.note if answer else "",
                photos=list(answer.photos) if answer else [],
                answered=item.key in standing,
                has_photos=item.type in HAS_PHOTOS,
                counted=counted,
                opened_at=failure.opened_at if failure else None,
                found=failure.opened_by.note if failure else "",
            )
        )
        group = item.group
    return Asked(questions)


def _failures_under_recheck(visit: Visit) -> dict[str, Failure]:
    if not visit.recheck:
        return {}
    found = Failure.objects.filter(rechecks__visit=visit).select_related("opened_by")
    return {failure.key: failure for failure in found}


def _offered(
    item: Item, choices: Sequence[Choice], standing: Mapping[str, Any], answer: Answer | None
) -> list[Offered]:
    if item.type == QuestionType.CHECK:
        said = answer.result if answer else ""
        return [Offered(str(one), str(one.label), shape, said == one) for one, shape in RESULTS]
    if item.type not in (QuestionType.SELECT_ONE, QuestionType.SELECT_MULTIPLE):
        return []
    value = answer.value if answer else None
    chosen = value if isinstance(value, list) else [value]
    open_now = {choice.pk for choice in choices_for(item, choices, standing)}
    return [
        Offered(one.name, word_of(one.label, one.label_en), "", one.name in chosen, one.pk in open_now)
        for one in choices
        if one.list_name == item.list_name
    ]


# ---- a visit that is over -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answered:
    """A line of a finished visit."""

    label: str
    result: str
    word: str
    shape: str
    value: str
    note: str
    photos: list[str]
    looked: str
    """The word for what a re-check came to, or empty."""
    failure: Failure | None
    number: str
    """Of the entry on the ledger, where the person may see it."""


def answers_shown(person: Person, visit: Visit) -> list[Answered]:
    """What was answered, what failed first, each with its failure and what became of a re-check."""
    answers = list(Answer.objects.filter(visit=visit).select_related("item"))
    looks = list(Recheck.objects.filter(visit=visit).select_related("failure__opened_by__item"))
    opened = Failure.objects.filter(opened_by__in=[answer.pk for answer in answers])
    by_answer = {failure.opened_by_id: failure for failure in opened}
    by_key = {look.failure.key: look for look in looks}
    failures = [*by_answer.values(), *(look.failure for look in looks)]
    numbers = numbers_in_sight(person, (one.entry_id for one in failures))
    words = words_of({answer.key for answer in answers if answer.item is None})
    choices = _choice_labels(visit)
    lines = []
    for answer in sorted(answers, key=_order):
        look = by_key.pop(answer.key, None)
        failure = by_answer.get(answer.pk) or (look.failure if look else None)
        label = word_of(answer.item.label, answer.item.label_en) if answer.item else words[answer.key].here
        lines.append(_line(answer, label, look, failure, numbers, choices))
    for look in by_key.values():
        item = item_of(look.failure)
        nothing = Answer(key=item.key, result=Result.NOT_INSPECTED, answered_at=look.at)
        lines.append(_line(nothing, word_of(item.label, item.label_en), look, look.failure, numbers, choices))
    return lines


def _order(answer: Answer) -> tuple[int, int, str]:
    rank = {Result.FAIL: 0, Result.NOT_INSPECTED: 1}.get(Result(answer.result), 2) if answer.result else 3
    return rank, answer.item.position if answer.item else 0, answer.key


def _line(
    answer: Answer,
    label: str,
    look: Recheck | None,
    failure: Failure | None,
    numbers: Mapping[str, str],
    choices: Mapping[str, str],
) -> Answered:
    return Answered(
        label=label,
        result=answer.result,
        word=str(Result(answer.result).label) if answer.result else "",
        shape=SHAPES[Result(answer.result)] if answer.result else "",
        value=value_text(answer, choices),
        note=answer.note,
        photos=list(answer.photos),
        looked=str(RecheckResult(look.result).label) if look and look.result else "",
        failure=failure,
        number=numbers.get(str(failure.entry_id), "") if failure else "",
    )


def _choice_labels(visit: Visit) -> dict[str, str]:
    return {choice.name: word_of(choice.label, choice.label_en) for choice in choices_of(visit)}


def value_text(answer: Answer, choices: Mapping[str, str]) -> str:
    """An answer to what is no check, as words."""
    if answer.value is None or (answer.item and answer.item.type == QuestionType.PHOTO):
        return ""
    if answer.item and answer.item.type == QuestionType.GEOPOINT:
        return ", ".join(f"{number:.6f}" for number in answer.value[:2])
    values = answer.value if isinstance(answer.value, list) else [answer.value]
    return "、".join(choices.get(str(one), str(one)) for one in values)


# ---- two at once ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """An item to which two visits at one time answered differently."""

    label: str
    mine: str
    theirs: str


@dataclass(frozen=True)
class Meeting:
    """Another visit at the venue at the same time."""

    visit: Visit
    who: str
    differences: list[Difference]


def meetings_of(person: Person, visit: Visit, now: datetime) -> list[Meeting]:
    """Who else was at the venue while this visit was under way, and where their answers differ."""
    if visit.state == VisitState.VOID:
        return []
    end = visit.finished_at or now
    there = Q(finished_at__gte=visit.visited_at) | Q(
        state=VisitState.UNDER_WAY, visited_at__gt=visit.visited_at - ONE_DAY
    )
    others = visits_for(person).filter(there, venue=visit.venue_id, visited_at__lte=end).exclude(pk=visit.pk)
    found = list(others.exclude(state=VisitState.VOID).defer("signature").order_by("visited_at")[:20])
    if not found:
        return []
    answers: dict[uuid.UUID, dict[str, str]] = {}
    rows = Answer.objects.filter(visit__in=[visit.pk, *(one.pk for one in found)]).exclude(result="")
    for visit_id, key, result in rows.order_by("item__position", "key").values_list("visit", "key", "result"):
        answers.setdefault(visit_id, {})[key] = result
    mine = answers.get(visit.pk, {})
    labels = _labels(mine, visit)
    return [
        Meeting(
            one, str(one.inspector.get("name") or one.username), _differences(mine, answers.get(one.pk, {}), labels)
        )
        for one in found
    ]


def _labels(keys: Mapping[str, str], visit: Visit) -> dict[str, str]:
    known = {item.key: word_of(item.label, item.label_en) for item in items_of(visit)}
    others = [key for key in keys if key not in known]
    return known | ({key: words.here for key, words in words_of(others).items()} if others else {})


def _differences(mine: Mapping[str, str], theirs: Mapping[str, str], labels: Mapping[str, str]) -> list[Difference]:
    return [
        Difference(labels[key], str(Result(said).label), str(Result(theirs[key]).label))
        for key, said in mine.items()
        if key in theirs and theirs[key] != said
    ]
