"""What both ways of an XLSForm share: which column of a sheet holds which fact, and what is said of the rest.

A sheet's own headings are kept. A form may write `label`, `label::中文 (zh)` or `Label:English`; pyxform knows all the
spellings. Of the languages two are shown here: English, and the Chinese one, else the one without a name or the
form's default. A form in English alone shows English to everybody; one without English its first language.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from pyxform import aliases
from pyxform.parsing.sheet_headers import process_header
from pyxform.question import MultipleChoiceQuestion, Option

SURVEY, CHOICES, SETTINGS = "survey", "choices", "settings"
OWN = "duban"
"""Columns of our own are called duban::basis and so on; other programs leave them alone."""
CHECK_LIST = "duban_result"
"""The list that a check's answers stand in where the form brought none."""
CHECK_COLUMNS = (
    "basis", "severity", "photo_on_fail", "wording", "wording_en", "category", "days_to_mend", "may_expose",
)  # fmt: skip
CHINESE, ENGLISH = "中文 (zh)", "English (en)"
SURVEY_COLUMNS = frozenset(MultipleChoiceQuestion.get_slot_names())
CHOICE_COLUMNS = frozenset(Option.get_slot_names())
TRANSLATED: dict[tuple[str, ...], str] = {
    ("label",): "label",
    ("hint",): "hint",
    ("bind", "jr:constraintMsg"): "constraint_message",
}
PLAIN: dict[tuple[str, ...], str] = {
    ("type",): "type",
    ("name",): "name",
    ("bind", "required"): "required",
    ("bind", "relevant"): "relevant",
    ("bind", "constraint"): "constraint",
    ("choice_filter",): "choice_filter",
    **{(OWN, column): column for column in CHECK_COLUMNS},
}
WRITTEN = {"constraint_message": "constraint_message", "label": "label", "hint": "hint"}

# Why something of a form is kept for the way out but not used here, by code.
REASONS: dict[str, Promise] = {
    "type_unsupported": _("This kind of row is not asked here; it is kept and goes out again."),
    "repeat_unsupported": _("Its questions are asked once here; in the form they repeat."),
    "expression_unsupported": _("This condition cannot be evaluated here; it is taken as fulfilled."),
    "reference_unsupported": _("This refers to something that is no question here; it is taken as fulfilled."),
    "required_unsupported": _("A condition for being required is not evaluated here; it need not be answered."),
    "other_unsupported": _("The answer “other” with a text of its own is not offered here."),
    "column_unsupported": _("This column is not used here; it is kept and goes out again."),
    "language_unsupported": _("This language is not shown here; it is kept and goes out again."),
    "sheet_unsupported": _("This sheet is not used here; it is kept and goes out again."),
    "text_cut": _("It is longer than what can be shown; the whole of it goes out again."),
}


@dataclass(frozen=True)
class Problem:
    """Something of a form that is not supported. `row` counts as the spreadsheet does; 0 is the whole column."""

    sheet: str
    row: int
    column: str
    value: str
    code: str

    def as_dict(self) -> dict[str, str | int]:
        return {
            "sheet": self.sheet,
            "row": self.row,
            "column": self.column,
            "value": self.value,
            "code": self.code,
        }


@dataclass(frozen=True)
class Languages:
    """The two that are shown, as their columns name them; None: the form has no such columns."""

    main: str | None
    english: str | None


def is_chinese(language: str) -> bool:
    return bool(re.search(r"\((zh|cmn|zho)\b|中文|汉语|漢語|chinese|^zh\b", language, re.IGNORECASE))


def is_english(language: str) -> bool:
    return bool(re.search(r"\(en\b|\benglish\b|英文|英语|^en\b", language, re.IGNORECASE))


def tokens_of(header: str, *, double: bool, choices: bool) -> tuple[str, ...]:
    """A heading as pyxform reads it: ("label", "English (en)"), ("bind", "relevant")."""
    columns, names = (CHOICE_COLUMNS, aliases.list_header) if choices else (SURVEY_COLUMNS, aliases.survey_header)
    return process_header(header, double, names, columns)[1]


def parted(headers: Sequence[str], *, choices: bool = False) -> dict[str, tuple[str, ...]]:
    """Each heading with what pyxform reads in it."""
    double = any("::" in header for header in headers)
    return {header: tokens_of(header, double=double, choices=choices) for header in headers}


def languages_of(survey: Sequence[str], choices: Sequence[str], default: str) -> Languages:
    """Which of the form's languages are shown; `default` is the one its settings name."""
    found: dict[str, None] = {}
    for tokens in (*parted(survey).values(), *parted(choices, choices=True).values()):
        for base in TRANSLATED:
            if tokens[: len(base)] == base and len(tokens) - len(base) < 2:
                found[tokens[-1] if len(tokens) > len(base) else ""] = None
    nameless_is_english = is_english(default)
    english = next((one for one in found if is_english(one)), "" if nameless_is_english and "" in found else None)
    others = [one for one in found if one != english and not is_english(one)]
    chosen = [one for one in others if is_chinese(one)] or [one for one in others if one in ("", default)]
    if not chosen and english is None:
        chosen = others
    return Languages(chosen[0] if chosen else None, english)


def slots_of(headers: Sequence[str], languages: Languages, *, choices: bool = False) -> dict[str, str]:
    """By what it holds (label, label_en, relevant ...), the heading of the column; the first of two wins."""
    slots: dict[str, str] = {}
    nameless: dict[str, str] = {}
    for header, tokens in parted(headers, choices=choices).items():
        if choices and tokens in (("list name",), ("name",)):
            slots.setdefault(tokens[0], header)
        elif not choices and tokens in PLAIN:
            slots.setdefault(PLAIN[tokens], header)
        for base, fact in TRANSLATED.items():
            if tokens[: len(base)] != base or len(tokens) - len(base) > 1 or (choices and fact != "label"):
                continue
            language = tokens[-1] if len(tokens) > len(base) else ""
            if language == languages.main:
                slots.setdefault(fact, header)
            elif language == languages.english:
                slots.setdefault(f"{fact}_en", header)
            elif language == "":
                nameless[fact] = header
    for fact, header in nameless.items():
        # Without a name it is the language that has no column of this kind.
        free = next((slot for slot in (fact, f"{fact}_en") if slot not in slots), None)
        if free:
            slots[free] = header
    return slots


def heading_for(fact: str, languages: Languages) -> str:
    """The heading of a column that a form does not have yet."""
    if fact in CHECK_COLUMNS:
        return f"{OWN}::{fact}"
    if fact.removesuffix("_en") in WRITTEN:
        english = fact.endswith("_en")
        base = WRITTEN[fact.removesuffix("_en")]
        language = (
            (languages.english or ENGLISH) if english else (CHINESE if languages.main is None else languages.main)
        )
        return f"{base}::{language}" if language else base
    return fact


def text_of(row: Mapping[str, str], slots: Mapping[str, str], fact: str) -> str:
    """The cell that holds the fact, "" where there is none."""
    return row.get(slots.get(fact, ""), "")
