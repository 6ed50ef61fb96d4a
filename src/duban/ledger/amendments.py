"""Edited exports taken back in: what was edited becomes one amendment an entry, and nothing else changes.

A row is matched by its id. Category, statement and description may be edited. A row in which anything else was edited,
or whose entry somebody changed since the export, is refused by name. What a row says already changes nothing, so the
same file may be imported again.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.tables import Row, is_workbook, read_table, unguard
from duban.ledger.actions import amend_entry, amended
from duban.ledger.appending import why_not
from duban.ledger.categories import find_category
from duban.ledger.cells import COLUMNS, EDITABLE, KEYS, CategoryLabels, Mark, plain_cell, text_of, values_of
from duban.ledger.imports import Imported, Progress, unheard
from duban.ledger.lifecycle import TRANSITIONS
from duban.ledger.models import Category, Entry
from duban.ledger.workbook import SHEET, BadWorkbook, escaped
from duban.places import queries as places

REQUIRED = ("number", *KEYS)
READ_ONLY = tuple(column for column in COLUMNS if column not in EDITABLE)
AT_ONCE = 500


@dataclass(frozen=True)
class Amendment:
    """What a row changes; `was` and `becomes` by column, as people read it."""

    row: Row
    entry_id: uuid.UUID
    number: str
    seen: int
    edits: dict[str, Any]
    was: dict[str, str]
    becomes: dict[str, str]


@dataclass(frozen=True)
class Planned:
    """What an edited table would change."""

    rows: int
    columns: list[str]
    amendments: list[Amendment]
    unchanged: int
    refused: list[tuple[Row, DubanError]]

    def changes(self, limit: int) -> list[dict[str, Any]]:
        """The first changes, cell by cell in the order of the file."""
        cells = (
            {
                "row": one.row.number,
                "id": str(one.entry_id),
                "number": one.number,
                "field": field,
                "was": was,
                "becomes": one.becomes[field],
            }
            for one in self.amendments
            for field, was in one.was.items()
        )
        return list(islice(cells, limit))


def plan_amendments(*, by: Person, data: bytes, name: str, progress: Progress = unheard) -> Planned:
    """Read an edited export (XLSX or CSV) and hold every row against the ledger; nothing is written.

    Raises BadTable for a file that is no table, BadWorkbook (`macro_workbook`, `not_xlsx`), and NotAllowed for who
    amends nothing.
    A row is refused as `id_missing`, `row_twice`, `entry_not_found`, `number_mismatch`, `entry_changed`,
    `not_editable`, or by what an amendment itself is refused for.
    """
    if not rights.codes(by, TRANSITIONS["amend"].permission):
        rights.require(by, TRANSITIONS["amend"].permission, "")
    columns, rows = read_edited(data, name)
    amendments: list[Amendment] = []
    refused: list[tuple[Row, DubanError]] = []
    unchanged = 0
    reader = _Reader(by, columns, quoted=not is_workbook(name))
    for done, row, entry, names in _with_entries(rows, by=by, refused=refused):
        progress("rows", done, len(rows))
        try:
            amendment = reader.read(row, entry, names)
        except DubanError as refusal:
            refused.append((row, _of_row(refusal, row)))
        else:
            if amendment is None:
                unchanged += 1
            else:
                amendments.append(amendment)
    return Planned(len(rows), columns, amendments, unchanged, _sorted(refused))


def read_edited(data: bytes, name: str) -> tuple[list[str], list[Row]]:
    """The columns and rows of an edited export; rows of blanks are left out."""
    if name.lower().endswith((".ods", ".xls")):
        # Read as such, a tab within a text would be lost, and taken for an edit.
        raise BadWorkbook("not_xlsx", _("Save it as .xlsx; in this format characters get lost."), field="file")
    if name.lower().endswith(".xlsm") or (data.startswith(b"PK") and b"vbaProject.bin" in data):
        raise BadWorkbook("macro_workbook", _("It holds macros; save it as a plain .xlsx."), field="file")
    columns, rows = read_table(data, name, required=REQUIRED, sheet=SHEET)
    return columns, [row for row in rows if any(row.text(column) for column in columns)]


def import_amendments(
    *,
    by: Person,
    now: datetime,
    data: bytes,
    name: str,
    keep_good: bool = False,
    reason: str = "",
    progress: Progress = unheard,
) -> Imported:
    """Amend what was edited, all or (with `keep_good`) what is good of it, in one transaction.

    The same file again changes nothing. Raises what plan_amendments raises.
    """
    planned = plan_amendments(by=by, data=data, name=name, progress=progress)
    refused = list(planned.refused)
    updated = 0
    if keep_good or not refused:
        with transaction.atomic():
            # In one order, so that two imports at once wait for each other instead of for ever.
            for done, one in enumerate(sorted(planned.amendments, key=lambda one: one.entry_id)):
                progress("writing", done, len(planned.amendments))
                try:
                    amend_entry(by=by, now=now, entry_id=one.entry_id, seen=one.seen, reason=reason, **one.edits)
                    updated += 1
                except DubanError as refusal:
                    refused.append((one.row, _of_row(refusal, one.row)))
            if refused and not keep_good:
                transaction.set_rollback(True)
                updated = 0
    return Imported(
        taken=0, updated=updated, unchanged=planned.unchanged, columns=planned.columns, refused=_sorted(refused)
    )


def _sorted(refused: list[tuple[Row, DubanError]]) -> list[tuple[Row, DubanError]]:
    return sorted(refused, key=lambda pair: pair[0].number)


def _of_row(refusal: DubanError, row: Row) -> DubanError:
    """The refusal, saying which row of the file it is about."""
    refusal.row = row.number
    return refusal


def _with_entries(
    rows: Sequence[Row], *, by: Person, refused: list[tuple[Row, DubanError]]
) -> Iterator[tuple[int, Row, Entry, dict[str, str]]]:
    """Each row with the entry it names and the names of units, some hundred at a time; rows without go to `refused`."""
    met: set[uuid.UUID] = set()
    left = iter(enumerate(rows))
    visible = Entry.objects.visible_to(by).select_related("category").defer("located")
    while chunk := list(islice(left, AT_ONCE)):
        ids = {row.number: _id_of(row) for _at, row in chunk}
        entries = visible.in_bulk([entry_id for entry_id in ids.values() if entry_id])
        names = places.names({code for entry in entries.values() for code in (entry.jurisdiction, entry.responsible)})
        for at, row in chunk:
            entry_id = ids[row.number]
            entry = entries.get(entry_id) if entry_id else None
            refusal = _unmatched(row, entry, met)
            if refusal:
                refused.append((row, refusal))
            elif entry:
                met.add(entry.pk)
                yield at, row, entry, names


def _id_of(row: Row) -> uuid.UUID | None:
    try:
        return uuid.UUID(row.text("id"))
    except ValueError:
        return None


def _unmatched(row: Row, entry: Entry | None, met: set[uuid.UUID]) -> DubanError | None:
    if not row.text("id"):
        return BadWorkbook(
            "id_missing",
            _("The hidden id of this row is gone; new findings go into a table of their own."),
            field="id",
            row=row.number,
        )
    if entry is None:
        return NotFound(
            "entry_not_found",
            _("There is no such entry, or it is not yours to see."),
            field="id",
            row=row.number,
        )
    if entry.pk in met:
        return BadWorkbook("row_twice", _("This entry is in the table twice."), field="id", row=row.number)
    return None


class _Reader:
    """Reads the rows of one table; in a `quoted` one (CSV) texts like formulas carry an apostrophe."""

    def __init__(self, by: Person, columns: Sequence[str], *, quoted: bool):
        self.by = by
        self.columns = [column for column in COLUMNS if column in columns]
        self.quoted = quoted
        self.labels = CategoryLabels()

    def read(self, row: Row, entry: Entry, names: Mapping[str, str]) -> Amendment | None:
        """What the row changes, None if nothing was edited; raises what it is refused for."""
        now = values_of(entry, names) | {"category": self.labels.of(entry.category)}
        if plain_cell("number", row.cells.get("number")) != now["number"]:
            raise BadWorkbook(
                "number_mismatch",
                _("The hidden id of this row belongs to %(number)s; was only a part of the table sorted?")
                % {"number": entry.number},
                field="number",
            )
        mark = Mark(row.text("mark"))
        edited = [column for column in self.columns if self._was_edited(column, row, mark, now)]
        locked = [column for column in edited if column in READ_ONLY]
        edits, becomes = self._edits([column for column in edited if column in EDITABLE], row, entry)
        if not edits and not locked:
            return None
        if plain_cell("seen", row.cells.get("seen")) != str(entry.event_count):
            raise Conflict(
                "entry_changed",
                _("Somebody changed this entry since it was exported; export it again and edit it as it is now."),
                field=next(iter(edits), locked[0] if locked else "seen"),
            )
        if locked:
            raise _not_editable(locked[0], now)
        refusal = why_not(self.by, TRANSITIONS["amend"], entry, names)
        if refusal:
            raise refusal
        changes = amended(entry, by=self.by, **{column: edits.get(column) for column in EDITABLE})
        if not changes:
            return None
        was = {column: plain_cell(column, now[column]) for column in edits}
        return Amendment(row, entry.pk, entry.number, entry.event_count, edits, was, becomes)

    def _was_edited(self, column: str, row: Row, mark: Mark, now: Mapping[str, Any]) -> bool:
        cell = row.cells.get(column)
        if mark.is_sound:
            return not mark.fits(column, *self._readings(cell))
        return plain_cell(column, self._unquoted(cell)) != plain_cell(column, now[column])

    def _readings(self, cell: Any) -> Iterator[Any]:
        """What may have been written where this is read."""
        yield cell
        if isinstance(cell, str):
            yield self._unquoted(cell)
            # LibreOffice resolves an escape within an escape once too often.
            yield escaped(cell)

    def _unquoted(self, cell: Any) -> Any:
        return unguard(cell) if self.quoted and isinstance(cell, str) else cell

    def _edits(self, edited: Sequence[str], row: Row, entry: Entry) -> tuple[dict[str, Any], dict[str, str]]:
        """New values by column, as amend_entry takes them and as people read them; not those that stand already."""
        edits: dict[str, Any] = {}
        becomes: dict[str, str] = {}
        for column in edited:
            text = text_of(self._unquoted(row.cells.get(column)))
            if column == "category":
                category: Category = find_category(text, self.labels.index)
                if category.pk != entry.category_id:
                    edits[column], becomes[column] = category, self.labels.of(category)
            elif plain_cell(column, text) != plain_cell(column, getattr(entry, column)):
                edits[column] = becomes[column] = text
        return edits, becomes


ASSIGNING = _("The unit is changed by assigning the entry, on its page or in bulk; here it stays %(value)s.")
CHANGED_ELSEWHERE = {
    "responsible": ASSIGNING,
    "responsible_name": ASSIGNING,
    "state": _("The state changes by the steps on the entry’s page; here it stays %(value)s."),
    "due_at": _("The deadline follows from assigning or granting more time; here it stays %(value)s."),
}


def _not_editable(column: str, now: Mapping[str, Any]) -> BadWorkbook:
    words = {"column": column, "value": plain_cell(column, now[column]) or "–"}
    return BadWorkbook(
        "not_editable",
        CHANGED_ELSEWHERE.get(column, _("The column %(column)s cannot be edited here; it stays %(value)s.")) % words,
        field=column,
    )
