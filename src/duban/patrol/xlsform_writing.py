"""A check-list on its way out as an XLSForm: what came in goes out again, and over it what has changed since.

Each kept row is read anew and compared with its item; only the cells of what differs are written, so what a form says
that nothing here understands stays word for word.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import openpyxl
from django.utils.translation import gettext, override
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from duban.core.tables import FORMULA_START
from duban.ledger.workbook import escaped
from duban.patrol.checklists import titles_of
from duban.patrol.models import CheckListVersion, Choice, Item, QuestionType, Result
from duban.patrol.xlsform import (
    CHECK_COLUMNS,
    CHECK_LIST,
    CHINESE,
    CHOICES,
    ENGLISH,
    OWN,
    SETTINGS,
    SURVEY,
    Languages,
    heading_for,
    slots_of,
    text_of,
)  # fmt: skip
from duban.patrol.xlsform_reading import LANGUAGE_FACTS, Context, condition_of, context_of, read_row

PLAIN_FACTS = ("required", "relevant", "constraint", "choice_filter")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Cells = dict[str, str]


@dataclass
class _Node:
    """A group with what stands in it, in order: items, groups, rows that are neither."""

    path: str
    children: list["Item | _Node | Cells"] = field(default_factory=list)

    def holds(self, key: str) -> bool:
        return any(
            child.holds(key) if isinstance(child, _Node) else isinstance(child, Item) and child.key == key
            for child in self.children
        )


class _Writing:
    def __init__(self, version: CheckListVersion, items: Sequence[Item], choices: Sequence[Choice]):
        self.version, self.items, self.choices = version, items, choices
        self.kept: Mapping[str, Any] = version.kept
        columns = self.kept.get("columns", {})
        self.settings: Cells = dict(self.kept.get("settings", {}))
        self.headers: list[str] = list(columns.get(SURVEY) or self.fresh_headers())
        self.choice_headers: list[str] = list(
            columns.get(CHOICES) or ["list_name", "name", *self.languages_for("label")]
        )
        default = self.settings.get("default_language", "")
        self.groups: Mapping[str, Any] = self.kept.get("groups", {})
        self.rows: Mapping[str, Cells] = self.kept.get("rows", {})
        context = context_of(
            self.headers,
            self.choice_headers,
            default,
            keys=self.rows or {item.key for item in items},
            choices=choices,
            conditions={path: words.get("relevant", "") for path, words in self.groups.items()},
        )
        self.languages: Languages = context.languages
        self.slots = dict(context.slots)
        self.parted = self.groups_parted(context)
        conditions = {path: "" if path in self.parted else text for path, text in context.conditions.items()}
        self.context: Context = replace(context, conditions=conditions)

    def groups_parted(self, context: Context) -> set[str]:
        """The groups whose condition not every question in them has any more: each question writes its own."""
        own = {key: text_of(row, context.slots, "relevant") for key, row in self.rows.items()}
        other = [
            item.group for item in self.items
            if item.relevant != condition_of(item.group, own.get(item.key, ""), context)
        ]  # fmt: skip
        return {
            path
            for path, condition in context.conditions.items()
            if condition and any(f"{group}/".startswith(f"{path}/") for group in other)
        }

    def fresh_headers(self) -> list[str]:
        return ["type", "name", *self.languages_for("label")]

    @staticmethod
    def languages_for(fact: str) -> list[str]:
        return [f"{fact}::{CHINESE}", f"{fact}::{ENGLISH}"]

    # ---- survey

    def put(self, cells: Cells, fact: str, text: str) -> None:
        """Write the fact into its column, which is added if the form has none."""
        if fact not in self.slots:
            if not text:
                return
            heading = heading_for(fact, self.languages)
            if heading not in self.headers:
                self.headers.append(heading)
            self.slots[fact] = heading
        cells[self.slots[fact]] = text

    def item_cells(self, item: Item) -> Cells:
        cells: Cells = dict(self.rows.get(item.key, {}))
        if cells:
            was = read_row(cells, item.group, self.context)
        else:
            was = {"relevant": condition_of(item.group, "", self.context)}
            self.put(cells, "name", item.key)
        if (item.type, item.list_name) != (was.get("type"), was.get("list_name")):
            self.put(cells, "type", written_type(item))
        for fact in (*LANGUAGE_FACTS, *PLAIN_FACTS, *(CHECK_COLUMNS if item.type == QuestionType.CHECK else ())):
            value = getattr(item, fact)
            if fact == "label" and value == item.label_en and "label" not in self.slots:
                continue
            if value != was.get(fact, EMPTY.get(fact, "")):
                self.put(cells, fact, written(value))
        return cells

    def group_cells(self, path: str) -> Cells:
        words = self.groups.get(path, {})
        cells: Cells = dict(words.get("row", {}))
        if not cells:
            self.put(cells, "type", "begin_group")
            self.put(cells, "name", path.rpartition("/")[2])
        if path in self.parted:
            cells.pop(self.slots["relevant"], None)
        label_en = text_of(cells, self.slots, "label_en")
        label = text_of(cells, self.slots, "label") or label_en
        if words.get("label_en", "") != label_en:
            self.put(cells, "label_en", words["label_en"])
        if words.get("label", "") != label:
            self.put(cells, "label", words["label"])
        return cells

    def end_cells(self, path: str) -> Cells:
        end = self.groups.get(path, {}).get("end")
        return dict(end) if end else {self.slots["type"]: "end_group"}

    def tree(self) -> _Node:
        root = _Node("")
        nodes = {"": root}

        def node_of(path: str) -> _Node:
            if path not in nodes:
                nodes[path] = _Node(path)
                node_of(path.rpartition("/")[0]).children.append(nodes[path])
            return nodes[path]

        for item in self.items:
            node_of(item.group).children.append(item)
        empty = [
            (words["at"], path, None) for path, words in self.groups.items() if path not in nodes and "row" in words
        ]
        apart = [(row["at"], row["path"], row["row"]) for row in self.kept.get("apart", [])]
        after = {row["at"]: row["after"] for row in (*self.groups.values(), *self.kept.get("apart", [])) if "at" in row}
        loose: set[int] = set()
        for at, path, row in sorted([*empty, *apart], key=lambda one: one[0]):
            if row is None:
                nodes[path] = _Node(path)
                _insert(node_of(path.rpartition("/")[0]), nodes[path], after[at], loose)
            elif path in nodes:
                _insert(nodes[path], dict(row), after[at], loose)
        return root

    def lines(self, node: _Node) -> Iterable[Cells]:
        for child in node.children:
            if isinstance(child, _Node):
                yield self.group_cells(child.path)
                yield from self.lines(child)
                yield self.end_cells(child.path)
            elif isinstance(child, Item):
                yield self.item_cells(child)
            else:
                yield child

    # ---- choices and settings

    def choice_lines(self) -> list[Cells]:
        slots = slots_of(self.choice_headers, self.languages, choices=True)
        lines = []
        for choice in [*self.choices, *self.check_choices()]:
            cells: Cells = {
                slots["list name"]: choice.list_name,
                slots["name"]: choice.name,
                **{str(header): str(text) for header, text in sorted(choice.columns.items())},
            }
            for fact in ("label", "label_en"):
                text = getattr(choice, fact)
                if fact == "label" and fact not in slots and text in (choice.label_en, choice.name):
                    continue
                if text and fact not in slots:
                    slots[fact] = heading_for(fact, self.languages)
                if text:
                    cells[slots[fact]] = text
            self.choice_headers += [header for header in cells if header not in self.choice_headers]
            lines.append(cells)
        return lines

    def check_choices(self) -> list[Choice]:
        if not any(item.type == QuestionType.CHECK and not item.list_name for item in self.items):
            return []
        labels = {}
        for language in ("zh-hans", "en"):
            with override(language):
                labels[language] = [gettext(str(result.label)) for result in Result]
        return [
            Choice(list_name=CHECK_LIST, name=result.value, label=chinese, label_en=english, columns={})
            for result, chinese, english in zip(Result, labels["zh-hans"], labels["en"], strict=True)
        ]

    def settings_cells(self) -> Cells:
        cells, (title, title_en) = self.settings, titles_of(self.version)
        titles = [one for one in ("form_title", "title", "set_form_title") if cells.get(one)]
        if title != (cells[titles[0]][:100] if titles else None):
            cells[titles[0] if titles else "form_title"] = title
        if not any(cells.get(one) for one in ("form_id", "id_string", "set_form_id")):
            cells["form_id"] = self.version.checklist.key
        cells["version"] = cells.get("version") or str(self.version.number)
        if not self.kept.get("columns"):
            cells["default_language"] = CHINESE
        cells[f"{OWN}::title_en"] = title_en
        cells[f"{OWN}::venue_types"] = " ".join(self.version.venue_types)
        order = self.kept.get("columns", {}).get(SETTINGS, [])
        headers = [*(header for header in order if header in cells), *(one for one in cells if one not in order)]
        return {header: cells[header] for header in headers if cells[header]}


EMPTY: dict[str, Any] = {
    "required": False, "photo_on_fail": False, "may_expose": False, "days_to_mend": None, "severity": None,
}  # fmt: skip


def written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return "" if value is None else str(value)


def written_type(item: Item) -> str:
    kind = {QuestionType.CHECK: "select_one", QuestionType.PHOTO: "image"}.get(QuestionType(item.type), item.type)
    if not str(kind).startswith("select"):
        return str(kind)
    return f"{kind} {item.list_name or CHECK_LIST}"


def _insert(node: _Node, child: "_Node | Cells", after: str, loose: set[int]) -> None:
    """Put it behind the item called `after`, else at the head, and behind what was put there before: `loose`."""
    at = 0
    for place, other in enumerate(node.children, start=1):
        if (isinstance(other, Item) and other.key == after) or (isinstance(other, _Node) and other.holds(after)):
            at = place
    while at < len(node.children) and id(node.children[at]) in loose:
        at += 1
    node.children.insert(at, child)
    loose.add(id(child))


def write_form(version: CheckListVersion, items: Sequence[Item], choices: Sequence[Choice]) -> bytes:
    """The version as an XLSForm workbook (.xlsx)."""
    writing = _Writing(version, items, choices)
    lines = list(writing.lines(writing.tree()))
    chosen = writing.choice_lines()
    book = openpyxl.Workbook(write_only=True)
    _add_sheet(book, SURVEY, writing.headers, lines)
    if chosen:
        _add_sheet(book, CHOICES, writing.choice_headers, chosen)
    settings = writing.settings_cells()
    _add_sheet(book, SETTINGS, list(settings), [settings])
    for title, (headers, *rows) in version.kept.get("sheets", {}).items():
        _add_sheet(book, title, headers, rows)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _add_sheet(book: openpyxl.Workbook, title: str, headers: Sequence[str], rows: Iterable[Cells]) -> None:
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for at, header in enumerate(headers, start=1):
        sheet.column_dimensions[get_column_letter(at)].width = 42 if "label" in header.lower() else 18
    heading = [_text(sheet, header) for header in headers]
    for cell in heading:
        cell.font = Font(bold=True)
    sheet.append(heading)
    for row in rows:
        sheet.append([_text(sheet, row.get(header, "")) for header in headers])


def _text(sheet: Any, text: str) -> WriteOnlyCell:
    """A cell of text that no spreadsheet takes for a formula, a number or a date."""
    cell = WriteOnlyCell(sheet)
    if text:
        cell.value = escaped(text)
        cell.data_type = "s"
        cell.number_format = "@"
        cell.quotePrefix = text.startswith(FORMULA_START)
    return cell
