"""Which questions of a check-list are asked, which answers they offer, and whether an answer can be one.

Answers go by item key: the result of a check, the name of a choice, a list of names, a text, a number, an ISO date,
[lon, lat] with the accuracy in metres behind if known, a list of photos' SHA-256. What is not answered is not there.

A condition that cannot be evaluated here never hides a question or a choice: better asked once too often.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.core.text import is_plain
from duban.patrol.expressions import BadExpression, Expression, Scope, read_expression
from duban.patrol.models import Answer, Choice, Item, QuestionType, Result

MAX_TEXT = 5000
SHA256 = re.compile(r"[0-9a-f]{64}")
UNASKED = frozenset({QuestionType.NOTE})
"""What is shown and has no answer."""


class BadAnswer(DubanError):
    """`field` is the key of the item."""


def values_of(answers: Iterable[Answer]) -> dict[str, Any]:
    """Stored answers as the functions here take them."""
    return {answer.key: answer.result or answer.value for answer in answers}


def readable(text: str, *, columns: Iterable[str] = ()) -> Expression | None:
    """The condition, or None if it is empty or cannot be evaluated here.

    Only a choice filter may name columns, those of its list.
    """
    if not text.strip():
        return None
    try:
        found = read_expression(text)
    except BadExpression:
        return None
    return found if found.columns <= set(columns) else None


def as_words(value: Any) -> str:
    """An answer as the text that conditions compare."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return " ".join(as_words(part) for part in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


class _Questioning:
    """What is asked, worked out from what it hangs on upwards: a question that is not asked counts as not answered."""

    def __init__(self, items: Iterable[Item], answers: Mapping[str, Any]):
        self.answers = answers
        self.known: dict[str, bool] = {}
        self.conditions: dict[str, Expression | None] = {}
        found = list(items)
        keys = {item.key for item in found}
        for item in found:
            condition = readable(item.relevant)
            # What refers to something else than an item cannot be told.
            self.conditions[item.key] = condition if condition and condition.names <= keys else None
        self.scope = Scope(self.words_of)

    def words_of(self, key: str) -> str:
        return as_words(self.answers.get(key)) if self.known.get(key, True) else ""

    def is_asked(self, key: str) -> bool:
        """Whether it is asked; in a circle of questions that hang on one another each counts for the others as asked.

        Worked off a list and not by recursion, since a form may chain any number of questions.
        """
        waiting, begun = [key], set()
        while waiting:
            top = waiting[-1]
            condition = self.conditions.get(top)
            if top in self.known or condition is None:
                self.known.setdefault(top, True)
                waiting.pop()
            elif top in begun:
                self.known[top] = condition.holds(self.scope)
                waiting.pop()
            else:
                begun.add(top)
                waiting += sorted(condition.names - self.known.keys() - begun)
        return self.known[key]


def asked(items: Iterable[Item], answers: Mapping[str, Any]) -> list[Item]:
    """Those of one version's items that are asked, given the answers so far, in their order."""
    ordered = list(items)
    questioning = _Questioning(ordered, answers)
    return [item for item in ordered if questioning.is_asked(item.key)]


def in_force(items: Iterable[Item], answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers to what is asked; those to a question that fell away by another's answer are left out."""
    return {item.key: answers[item.key] for item in asked(items, answers) if item.key in answers}


def choices_for(item: Item, choices: Iterable[Choice], answers: Mapping[str, Any]) -> list[Choice]:
    """Those of the choices that the item offers, given the answers that are in force."""
    offered = [choice for choice in choices if choice.list_name == item.list_name]
    columns = {"name", "label"}.union(*(choice.columns for choice in offered))
    condition = readable(item.choice_filter, columns=columns)
    if condition is None:
        return offered
    return [choice for choice in offered if condition.holds(_scope_of(choice, answers))]


def _scope_of(choice: Choice, answers: Mapping[str, Any]) -> Scope:
    columns = {column: as_words(value) for column, value in choice.columns.items()}
    return Scope(lambda key: as_words(answers.get(key)), columns=columns | {"name": choice.name, "label": choice.label})


def check_value(
    item: Item, value: Any, *, choices: Sequence[Choice] | None = None, answers: Mapping[str, Any] | None = None
) -> Any:
    """The answer as it is stored; raises BadAnswer.

    Codes: `answer_not_taken` (a note), `bad_result`, `bad_choice`, `bad_text`, `bad_number`, `bad_date`, `bad_photo`,
    `bad_position`, `answer_out_of_bounds` (the item's constraint). With `choices`, those offered, the name must be one.
    """
    checked = _CHECKS[QuestionType(item.type)](item, value)
    names = checked if isinstance(checked, list) else [checked]
    if choices is not None and item.type in (QuestionType.SELECT_ONE, QuestionType.SELECT_MULTIPLE):
        offered = {choice.name for choice in choices}
        if not offered.issuperset(names):
            raise _bad(item, "bad_choice", _("Choose from the list."))
    condition = readable(item.constraint)
    if condition and answers is not None:
        scope = Scope(lambda key: as_words(answers.get(key)), itself=as_words(checked))
        if not condition.holds(scope):
            message = item.constraint_message or item.constraint_message_en
            raise _bad(item, "answer_out_of_bounds", message or _("This answer lies outside what the form allows."))
    return checked


def _bad(item: Item, code: str, message: Any) -> BadAnswer:
    return BadAnswer(code, message, field=item.key)


def _no_answer(item: Item, _value: Any) -> Any:
    raise _bad(item, "answer_not_taken", _("This is a note; it takes no answer."))


def _result(item: Item, value: Any) -> str:
    if value not in Result.values:
        raise _bad(item, "bad_result", _("Say pass, fail, na or not_inspected."))
    return str(value)


def _text(item: Item, value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT or not is_plain(value):
        raise _bad(item, "bad_text", _("Write at most 5,000 characters."))
    return value


def _one(item: Item, value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 100 or not is_plain(value):
        raise _bad(item, "bad_choice", _("Choose from the list."))
    return value


def _several(item: Item, value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > 1000:
        raise _bad(item, "bad_choice", _("Choose from the list."))
    return list(dict.fromkeys(_one(item, name) for name in value))


def _number(item: Item, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e15:
        raise _bad(item, "bad_number", _("Write a number."))
    return value


def _integer(item: Item, value: Any) -> int:
    number = _number(item, value)
    if number != int(number):
        raise _bad(item, "bad_number", _("Write a whole number."))
    return int(number)


def _day(item: Item, value: Any) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError) as error:
        raise _bad(item, "bad_date", _("Write a date such as 2021-01-18.")) from error


def _photos(item: Item, value: Any) -> list[str]:
    if (
        not isinstance(value, list)
        or len(value) > 50
        or not all(isinstance(one, str) and SHA256.fullmatch(one) for one in value)
    ):
        raise _bad(item, "bad_photo", _("Name photos by their SHA-256."))
    return list(dict.fromkeys(value))


def _position(item: Item, value: Any) -> list[float]:
    if isinstance(value, list) and len(value) in (2, 3):
        numbers = [_number(item, part) for part in value]
        if abs(numbers[0]) <= 180 and abs(numbers[1]) <= 90 and min(numbers[2:], default=0) >= 0:
            return numbers
    raise _bad(item, "bad_position", _("Give the position as degrees east and north."))


_CHECKS = {
    QuestionType.CHECK: _result,
    QuestionType.SELECT_ONE: _one,
    QuestionType.SELECT_MULTIPLE: _several,
    QuestionType.TEXT: _text,
    QuestionType.INTEGER: _integer,
    QuestionType.DECIMAL: _number,
    QuestionType.DATE: _day,
    QuestionType.PHOTO: _photos,
    QuestionType.GEOPOINT: _position,
    QuestionType.NOTE: _no_answer,
}
