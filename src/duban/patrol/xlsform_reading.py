"""An XLSForm on its way in: its questions, its choices, and what of it is not supported.

The workbook is read here and handed to pyxform, which says whether it is a form at all. Every row is kept as it was, so
that the form goes out again with what is not supported in it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import PurePath
from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from pyxform import aliases
from pyxform.builder import create_survey_element_from_dict
from pyxform.parsing.sheet_headers import RE_SMART_QUOTES, SMART_QUOTES
from pyxform.xls2json import RE_BEGIN_CONTROL, RE_END_CONTROL, RE_SELECT, workbook_to_json
from pyxform.xls2json_backends import DefinitionData

from duban.core.errors import DubanError
from duban.core.tables import read_sheets
from duban.core.text import is_plain
from duban.patrol.expressions import BadExpression, read_expression
from duban.patrol.models import Choice, Item, QuestionType, Result, Severity
from duban.patrol.xlsform import (
    CHECK_LIST,
    CHOICES,
    OWN,
    SETTINGS,
    SURVEY,
    Languages,
    Problem,
    languages_of,
    slots_of,
    text_of,
)  # fmt: skip

MAX_ROWS = 2_000
MAX_CHOICES = 50_000
MAX_SHEETS = 30
MAX_CELLS = 2_000_000
MAX_CELL = 10_000
MAX_DEPTH = 12
LANGUAGE_FACTS = ("label", "label_en", "hint", "hint_en", "constraint_message", "constraint_message_en")
TYPES = {
    "text": QuestionType.TEXT,
    "string": QuestionType.TEXT,
    "integer": QuestionType.INTEGER,
    "int": QuestionType.INTEGER,
    "decimal": QuestionType.DECIMAL,
    "date": QuestionType.DATE,
    "photo": QuestionType.PHOTO,
    "geopoint": QuestionType.GEOPOINT,
    "gps": QuestionType.GEOPOINT,
    "location": QuestionType.GEOPOINT,
    "note": QuestionType.NOTE,
}
# Settings that are used, or that only other programs need and nobody misses here.
SETTINGS_USED = frozenset(
    {"form_title", "set_form_title", "title", "form_id", "set_form_id", "id_string", "version", "default_language",
     "allow_choice_duplicates", f"{OWN}::title_en", f"{OWN}::venue_types"}
)  # fmt: skip
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")


class BadForm(DubanError):
    pass


@dataclass(frozen=True)
class Sheet:
    """Headings in their order, and each row that is not empty with its number in the spreadsheet."""

    headers: list[str] = field(default_factory=list)
    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)


@dataclass(frozen=True)
class Form:
    """What a form says. The items and choices are not stored and belong to no version yet."""

    key: str
    title: str
    title_en: str
    venue_types: list[str]
    items: list[Item]
    choices: list[Choice]
    kept: dict[str, Any]
    problems: list[Problem]


def read_form(data: bytes, name: str) -> Form:
    """The form in a workbook called `name`.

    Raises BadTable (`file_empty`, `file_not_a_table`, `sheet_too_large`) or BadForm: `form_not_a_workbook`,
    `form_without_survey`, `form_too_large`, `column_twice`, `text_not_plain`, `name_too_long`, `form_empty`,
    `form_invalid` (with what pyxform says of it).
    """
    if not name.lower().endswith((".xlsx", ".xlsm", ".xls")):
        raise BadForm("form_not_a_workbook", _("An XLSForm is an Excel workbook (.xlsx or .xls)."), field="file")
    sheets = read_sheets(data, max_cells=MAX_CELLS)
    if len(sheets) > MAX_SHEETS:
        raise _too_large()
    by_name = {title.strip().lower(): _sheet_of(title, lines) for title, lines in sheets.items()}
    if SURVEY not in by_name:
        raise BadForm("form_without_survey", _("The workbook has no sheet called “survey”."), field="file")
    if len(by_name[SURVEY].rows) > MAX_ROWS or len(by_name.get(CHOICES, Sheet()).rows) > MAX_CHOICES:
        raise _too_large()
    _require_form(by_name)
    return _Reading(by_name, name).form()


def _too_large() -> BadForm:
    return BadForm(
        "form_too_large",
        _("A form has at most %(rows)d rows, %(choices)d choices and %(sheets)d sheets.")
        % {"rows": MAX_ROWS, "choices": MAX_CHOICES, "sheets": MAX_SHEETS},
        field="file",
    )


def _sheet_of(title: str, lines: Sequence[Sequence[Any]]) -> Sheet:
    heading = [" ".join(_cell(cell, title, 1).split()) for cell in (lines[0] if lines else [])]
    named = [one for one in heading if one]
    twice = next((one for at, one in enumerate(named) if one in named[:at]), None)
    if twice:
        raise BadForm(
            "column_twice", _("The column %(column)s is there twice.") % {"column": f"{title}: {twice}"[:120]}, row=1
        )
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        cells = {
            column: text
            for column, cell in zip(heading, line, strict=False)
            if column and (text := _cell(cell, title, number))
        }
        if cells:
            rows.append((number, cells))
    return Sheet(named, rows)


def _cell(value: Any, sheet: str, row: int) -> str:
    """The cell as text the way pyxform reads it: TRUE, whole numbers without a point."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, datetime) and not (value.hour or value.minute or value.second):
        value = date(value.year, value.month, value.day)
    text = CONTROL.sub("", str(value).replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")).strip()
    if not is_plain(text) or len(text) > MAX_CELL:
        raise BadForm(
            "text_not_plain",
            _("A cell of the sheet %(sheet)s holds broken characters or more than %(length)d of them.")
            % {"sheet": sheet[:40], "length": MAX_CELL},
            row=row,
        )
    return text


def _require_form(sheets: Mapping[str, Sheet]) -> None:
    """Raises BadForm unless pyxform can make a form of it."""
    depth = deepest = 0
    for _number, row in sheets[SURVEY].rows:
        kind = next((text for header, text in row.items() if header.lower() == "type"), "")
        depth += kind.startswith("begin") - kind.startswith("end")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise BadForm(
            "form_too_large", _("Groups are nested more than %(depth)d deep.") % {"depth": MAX_DEPTH}, field="file"
        )
    given: dict[str, Any] = {"sheet_names": list(sheets)}
    for title in (SURVEY, CHOICES, SETTINGS, "external_choices", "entities", "osm"):
        if title in sheets and sheets[title].rows:
            rows = sheets[title].rows
            # Empty rows between, so that the row that pyxform names is the spreadsheet's.
            by_number = dict(rows)
            given[title] = [dict(by_number.get(number, {})) for number in range(2, rows[-1][0] + 1)]
            given[f"{title}_header"] = [dict.fromkeys(sheets[title].headers)]
    if SURVEY not in given:
        raise BadForm("form_empty", _("The form asks nothing."), field="file")
    try:
        # As pyxform's own `convert` does, but for its search for external choices, which goes through every choice anew
        # for every question: minutes for a thousand of each.
        said = workbook_to_json(DefinitionData(**given), form_name="data", warnings=[])
        create_survey_element_from_dict(said).to_xml(validate=False)
    except Exception as error:  # what is wrong with a form, pyxform says by errors of many kinds
        says = " ".join(str(error).split())[:300] or type(error).__name__
        raise BadForm("form_invalid", _("This is no valid XLSForm: %(says)s") % {"says": says}, field="file") from error


# ---- one row --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Context:
    """What a row is read against: the headings, the keys of all items, the lists, the groups' own conditions."""

    slots: Mapping[str, str]
    languages: Languages
    keys: frozenset[str]
    lists: Mapping[str, frozenset[str]]
    conditions: Mapping[str, str]
    """By path, what a group says under `relevant`."""


def expression_of(text: str) -> str:
    return RE_SMART_QUOTES.sub(lambda found: SMART_QUOTES[found[0]], " ".join(text.split()))


def why_not(text: str, keys: Iterable[str], *, columns: Iterable[str] = ()) -> str:
    """The code of why the condition cannot be evaluated here, "" if it can."""
    try:
        found = read_expression(text)
    except BadExpression:
        return "expression_unsupported"
    known = found.names <= set(keys) and found.columns <= set(columns)
    return "" if known else "reference_unsupported"


def condition_of(path: str, own: str, context: Context) -> str:
    """All that must hold for a question to be asked: what its groups say and what it says itself, where readable."""
    names = path.split("/") if path else []
    parts = [context.conditions.get("/".join(names[: at + 1]), "") for at in range(len(names))]
    readable = [part for text in (*parts, own) if (part := expression_of(text)) and not why_not(part, context.keys)]
    joined = readable[0] if len(readable) == 1 else " and ".join(f"({part})" for part in readable)
    return joined if len(joined) <= _longest("relevant") and not (joined and why_not(joined, context.keys)) else ""


def _longest(fact: str) -> int:
    return getattr(Item._meta.get_field(fact), "max_length", None) or 0


def read_type(text: str) -> tuple[str, str]:
    """(type, list) of a row that is a question here, ("", "") of any other."""
    text = " ".join(text.split())
    chosen = RE_SELECT.match(text)
    if chosen:
        kind = {"select one": QuestionType.SELECT_ONE, "select all that apply": QuestionType.SELECT_MULTIPLE}.get(
            _select_kind(chosen["select_command"]), ""
        )
        return (kind, chosen["list_name"]) if kind else ("", "")
    return TYPES.get(aliases._type_alias_map.get(text, text), ""), ""


def _select_kind(command: str) -> str:
    if command in aliases.select_from_file:
        return ""
    return aliases.select[command]


def read_row(row: Mapping[str, str], path: str, context: Context) -> dict[str, Any]:
    """The columns of Item as the row says them."""
    slots = context.slots
    kind, list_name = read_type(text_of(row, slots, "type"))
    if kind == QuestionType.SELECT_ONE and is_check(list_name, context.lists):
        kind = QuestionType.CHECK
        list_name = "" if list_name == CHECK_LIST else list_name
    facts: dict[str, Any] = {"type": kind, "list_name": list_name, "group": path, "key": text_of(row, slots, "name")}
    facts |= {fact: text_of(row, slots, fact)[: _longest(fact)] for fact in LANGUAGE_FACTS}
    facts["label"] = facts["label"] or facts["label_en"]
    facts["required"] = aliases.yes_no.get(text_of(row, slots, "required"), False)
    facts["relevant"] = condition_of(path, text_of(row, slots, "relevant"), context)
    limits = expression_of(text_of(row, slots, "constraint"))
    facts["constraint"] = "" if len(limits) > _longest("constraint") or why_not(limits, context.keys) else limits
    filters = expression_of(text_of(row, slots, "choice_filter"))
    columns = context.lists.get(f"{list_name}/columns", frozenset())
    facts["choice_filter"] = "" if why_not(filters, context.keys, columns=columns) else filters
    return facts | _check_facts(row, slots)


def is_check(list_name: str, lists: Mapping[str, frozenset[str]]) -> bool:
    """Whether the list is one of pass and fail, so that its question is a check."""
    names = lists.get(list_name, frozenset())
    return {Result.PASS, Result.FAIL} <= names <= frozenset(Result.values)


def _check_facts(row: Mapping[str, str], slots: Mapping[str, str]) -> dict[str, Any]:
    days = text_of(row, slots, "days_to_mend")
    severity = text_of(row, slots, "severity")
    facts: dict[str, Any] = {
        fact: text_of(row, slots, fact)[: _longest(fact)] for fact in ("basis", "wording", "wording_en", "category")
    }
    return facts | {
        "severity": severity if severity in Severity.values else Severity.MAJOR,
        "photo_on_fail": aliases.yes_no.get(text_of(row, slots, "photo_on_fail"), False),
        "may_expose": aliases.yes_no.get(text_of(row, slots, "may_expose"), False),
        "days_to_mend": int(days) if days.isascii() and days.isdecimal() and 0 < int(days[:6]) <= 366 else None,
    }


# ---- a whole form ---------------------------------------------------------------------------------------------------


class _Reading:
    def __init__(self, sheets: Mapping[str, Sheet], name: str):
        self.sheets, self.name = sheets, name
        self.survey, self.chosen = sheets[SURVEY], sheets.get(CHOICES, Sheet())
        settings = sheets.get(SETTINGS, Sheet()).rows
        self.settings = settings[0][1] if settings else {}
        self.languages = languages_of(
            self.survey.headers, self.chosen.headers, self.settings.get("default_language", "")
        )
        self.slots = slots_of(self.survey.headers, self.languages)
        self.choice_slots = slots_of(self.chosen.headers, self.languages, choices=True)
        self.problems: list[Problem] = []

    @cached_property
    def placed(self) -> list[tuple[int, dict[str, str], str, str]]:
        """Each row of the survey with its number, the path it stands in, and what it is: begin, end, item or apart."""
        return [(number, row, path, what) for number, row, path, what, _key in self.keyed]

    @cached_property
    def keyed(self) -> list[tuple[int, dict[str, str], str, str, str]]:
        """As `placed`, and behind it an item's key: its name, with its groups before it where it stood already."""
        path: list[str] = []
        seen: set[str] = set()
        placed = []
        for number, row in self.survey.rows:
            kind = text_of(row, self.slots, "type")
            if RE_BEGIN_CONTROL.match(kind):
                path.append(text_of(row, self.slots, "name"))
                placed.append((number, row, "/".join(path), "begin", ""))
            elif RE_END_CONTROL.match(kind):
                placed.append((number, row, "/".join(path), "end", ""))
                del path[-1:]
            else:
                what = "item" if read_type(kind)[0] else "apart"
                key = name = text_of(row, self.slots, "name")
                if what == "item" and key in seen:
                    key = ".".join([*path, name])
                seen.add(key)
                placed.append((number, row, "/".join(path), what, key))
        return placed

    def form(self) -> Form:
        keys = [key for _number, _row, _path, what, key in self.keyed if what == "item"]
        if not keys:
            raise BadForm("form_empty", _("The form asks nothing."), field="file")
        self.require_short()
        context = context_of(
            self.survey.headers,
            self.chosen.headers,
            self.settings.get("default_language", ""),
            keys=keys,
            choices=self.choices,
            conditions={
                path: text_of(row, self.slots, "relevant")
                for _number, row, path, what in self.placed
                if what == "begin"
            },
        )
        items: list[Item] = []
        for number, row, path, what, key in self.keyed:
            if what == "item":
                facts = read_row(row, path, context) | {"key": key}
                self.tell_item(number, row, facts, context)
                items.append(Item(position=len(items) + 1, **facts))
            elif what == "begin":
                self.tell_condition(number, row, "relevant", context.keys)
        self.tell_rest()
        key, title = self.key_and_title()
        return Form(
            key=key,
            title=title,
            title_en=self.settings.get(f"{OWN}::title_en", "")[:100],
            venue_types=self.settings.get(f"{OWN}::venue_types", "").split(),
            items=items,
            choices=[choice for choice in self.choices if choice.list_name != CHECK_LIST],
            kept=self.kept(),
            problems=sorted(self.problems, key=lambda one: (one.sheet != SURVEY, one.sheet, one.row)),
        )

    def key_and_title(self) -> tuple[str, str]:
        settings = self.settings
        given = next((settings[one] for one in ("form_id", "id_string", "set_form_id") if settings.get(one)), "")
        stem = PurePath(self.name.replace("\\", "/")).stem
        key = slugify(given)[:60] or slugify(stem)[:60] or "form"
        title = next((settings[one] for one in ("form_title", "title", "set_form_title") if settings.get(one)), "")
        return key, (title or given or stem or key)[:100]

    @cached_property
    def choices(self) -> list[Choice]:
        slots = self.choice_slots
        used = set(slots.values())
        found = []
        for at, (_number, row) in enumerate(self.chosen.rows, start=1):
            english = text_of(row, slots, "label_en")[:500]
            found.append(
                Choice(
                    position=at,
                    list_name=text_of(row, slots, "list name"),
                    name=text_of(row, slots, "name"),
                    label=text_of(row, slots, "label")[:500] or english or text_of(row, slots, "name"),
                    label_en=english,
                    columns={header: text for header, text in row.items() if header not in used},
                )
            )
        return found

    def require_short(self) -> None:
        longest = max((len(path) for _number, _row, path, _what in self.placed), default=0)
        rows = [(number, len(key) > _longest("key")) for number, _row, _path, what, key in self.keyed if what == "item"]
        choices = zip(self.chosen.rows, self.choices, strict=True)
        rows += [(row[0], len(choice.name) > 100 or len(choice.list_name) > 64) for row, choice in choices]
        wrong = next((number for number, long in rows if long), 1 if longest > _longest("group") else 0)
        if wrong:
            raise BadForm(
                "name_too_long",
                _("A name has at most 64 characters, that of a choice 100, the groups around a question 200."),
                row=wrong,
            )

    # ---- what is not supported

    def tell(self, sheet: str, row: int, column: str, value: str, code: str) -> None:
        self.problems.append(Problem(sheet, row, column, value[:200], code))

    def tell_condition(
        self, number: int, row: Mapping[str, str], fact: str, keys: Iterable[str], columns: Iterable[str] = ()
    ) -> None:
        text = expression_of(text_of(row, self.slots, fact))
        code = why_not(text, keys, columns=columns) if text else ""
        if code:
            self.tell(SURVEY, number, self.slots[fact], text, code)

    def tell_item(self, number: int, row: Mapping[str, str], facts: Mapping[str, Any], context: Context) -> None:
        self.tell_condition(number, row, "relevant", context.keys)
        self.tell_condition(number, row, "constraint", context.keys)
        columns = context.lists.get(f"{facts['list_name']}/columns", frozenset())
        self.tell_condition(number, row, "choice_filter", context.keys, columns)
        own = expression_of(text_of(row, self.slots, "relevant"))
        if own and not facts["relevant"] and not why_not(own, context.keys):
            self.tell(SURVEY, number, self.slots["relevant"], own, "expression_unsupported")
        required = text_of(row, self.slots, "required")
        if required and required not in aliases.yes_no:
            self.tell(SURVEY, number, self.slots["required"], required, "required_unsupported")
        chosen = RE_SELECT.match(" ".join(text_of(row, self.slots, "type").split()))
        if chosen and chosen["specify_other"]:
            self.tell(SURVEY, number, self.slots["type"], chosen[0], "other_unsupported")
        for fact in LANGUAGE_FACTS:
            if len(text_of(row, self.slots, fact)) > _longest(fact):
                self.tell(SURVEY, number, self.slots[fact], text_of(row, self.slots, fact), "text_cut")

    def tell_rest(self) -> None:
        for number, row, _path, what in self.placed:
            kind = text_of(row, self.slots, "type")
            if what == "apart":
                self.tell(SURVEY, number, self.slots["type"], kind, "type_unsupported")
            elif what == "begin" and not _is_plain_group(kind):
                self.tell(SURVEY, number, self.slots["type"], kind, "repeat_unsupported")
        self.tell_columns(SURVEY, self.survey, set(self.slots.values()))
        compared = {
            column
            for _number, row, _path, what in self.placed
            if what == "item"
            for column in _columns_in(expression_of(text_of(row, self.slots, "choice_filter")))
        }
        self.tell_columns(CHOICES, self.chosen, set(self.choice_slots.values()) | compared)
        if SETTINGS in self.sheets:
            self.tell_columns(SETTINGS, self.sheets[SETTINGS], set(SETTINGS_USED))
        for title in self.sheets.keys() - {SURVEY, CHOICES, SETTINGS}:
            if self.sheets[title].headers:
                self.tell(title, 0, "", "", "sheet_unsupported")

    def tell_columns(self, title: str, sheet: Sheet, used: set[str]) -> None:
        for header in sheet.headers:
            filled = [row[header] for _number, row in sheet.rows if row.get(header)]
            if header not in used and filled:
                base = header.split(":")[0].strip().lower()
                code = "language_unsupported" if base in ("label", "hint", "constraint_message") else ""
                self.tell(title, 0, header, filled[0], code or "column_unsupported")

    # ---- the way out

    def kept(self) -> dict[str, Any]:
        """All of the form as it was, by what writing it again needs (see xlsform_writing)."""
        rows: dict[str, dict[str, str]] = {}
        groups: dict[str, dict[str, Any]] = {}
        apart: list[dict[str, Any]] = []
        last = ""
        for number, row, path, what, key in self.keyed:
            if what == "begin":
                label_en = text_of(row, self.slots, "label_en")
                groups[path] = {
                    "label": text_of(row, self.slots, "label") or label_en,
                    "label_en": label_en,
                    "row": row,
                    "after": last,
                    "at": number,
                    "relevant": text_of(row, self.slots, "relevant"),
                }
            elif what == "end":
                groups[path]["end"] = row
            elif what == "item":
                last = key
                rows[last] = row
            else:
                apart.append({"after": last, "at": number, "path": path, "row": row})
        others = self.sheets.keys() - {SURVEY, CHOICES, SETTINGS}
        return {
            # A database may keep the keys of an object in an order of its own.
            "columns": {
                SURVEY: self.survey.headers,
                CHOICES: self.chosen.headers,
                SETTINGS: self.sheets.get(SETTINGS, Sheet()).headers,
            },
            "rows": rows,
            "groups": groups,
            "apart": apart,
            "settings": self.settings,
            "sheets": {
                title: [self.sheets[title].headers, *(row for _number, row in self.sheets[title].rows)]
                for title in sorted(others)
            },
            "problems": [],
        }


def _is_plain_group(kind: str) -> bool:
    found = RE_BEGIN_CONTROL.match(kind)
    return found is not None and aliases.control[found["type"]] == aliases.control["group"]


def _columns_in(text: str) -> frozenset[str]:
    try:
        return read_expression(text).columns if text else frozenset()
    except BadExpression:
        return frozenset()


def context_of(
    survey: Sequence[str],
    choice_headers: Sequence[str],
    default_language: str,
    *,
    keys: Iterable[str],
    choices: Iterable[Choice],
    conditions: Mapping[str, str],
) -> Context:
    languages = languages_of(survey, choice_headers, default_language)
    lists: dict[str, set[str]] = {}
    for choice in choices:
        lists.setdefault(choice.list_name, set()).add(choice.name)
        lists.setdefault(f"{choice.list_name}/columns", {"name", "label"}).update(choice.columns)
    lists[CHECK_LIST] = set(Result.values)
    return Context(
        slots=slots_of(survey, languages),
        languages=languages,
        keys=frozenset(keys),
        lists={name: frozenset(names) for name, names in lists.items()},
        conditions=conditions,
    )
