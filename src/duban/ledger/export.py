"""The ledger as CSV: streamed row by row, and nothing in it that a spreadsheet would run as a formula."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from duban.core.tables import safe_cell
from duban.ledger.lifecycle import State
from duban.ledger.models import Entry
from duban.places import queries as places

COLUMNS = (
    "number", "state", "category", "category_name", "statement", "description", "jurisdiction", "jurisdiction_name",
    "responsible", "responsible_name", "lon", "lat", "datum", "found_at", "due_at", "closed_at", "reworks",
)  # fmt: skip
CHUNK = 2000


class _Echo:
    """A file for csv.writer that hands each line back instead of keeping it."""

    @staticmethod
    def write(line: str) -> str:
        return line


def csv_lines(entries: QuerySet[Entry]) -> Iterator[str]:
    """Lines of UTF-8 CSV with the byte-order mark that Excel wants; positions in WGS 84, times in the office's zone."""
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield "\ufeff" + writer.writerow(COLUMNS)
    rows = entries.iterator(chunk_size=CHUNK)
    while chunk := list(islice(rows, CHUNK)):
        names = places.names({code for entry in chunk for code in (entry.jurisdiction, entry.responsible)})
        for entry in chunk:
            yield writer.writerow(_cells(_values(entry, names)))


def _values(entry: Entry, names: dict[str, str]) -> Iterable[Any]:
    return (
        entry.number, State(entry.state).label, entry.category.code, entry.category, entry.statement,
        entry.description, entry.jurisdiction, names.get(entry.jurisdiction, ""), entry.responsible,
        names.get(entry.responsible, ""), round(entry.lon, 7), round(entry.lat, 7), "wgs84", entry.found_at,
        entry.due_at, entry.closed_at, entry.rework_count,
    )  # fmt: skip


def _cells(values: Iterable[Any]) -> list[str]:
    return [_cell(value) for value in values]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
    return safe_cell(str(value)) if not isinstance(value, int | float) else str(value)
