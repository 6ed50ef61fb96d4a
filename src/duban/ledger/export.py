"""The ledger as CSV and as GeoJSON: streamed row by row, nothing in it that a spreadsheet would run as a formula."""

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from duban.core.tables import guard
from duban.ledger.cells import COLUMNS, KEYS, mark_of, values_of
from duban.ledger.models import Category, Entry
from duban.places import queries as places

CHUNK = 2000


class _Echo:
    """A file for csv.writer that hands each line back instead of keeping it."""

    @staticmethod
    def write(line: str) -> str:
        return line


def named(entries: QuerySet[Entry]) -> Iterator[tuple[Entry, dict[str, str]]]:
    """Each entry with its category and the names of its units; only a chunk of them is in memory at a time."""
    categories = Category.objects.in_bulk()
    rows = entries.select_related(None).prefetch_related(None).defer("located", "pauses").iterator(chunk_size=CHUNK)
    while chunk := list(islice(rows, CHUNK)):
        names = places.names({code for entry in chunk for code in (entry.jurisdiction, entry.responsible)})
        for entry in chunk:
            if entry.category_id in categories:
                entry.category = categories[entry.category_id]
            yield entry, names


def csv_lines(entries: QuerySet[Entry]) -> Iterator[str]:
    """Lines of UTF-8 CSV with the byte-order mark that Excel wants; positions in WGS 84, times by the office's clock.

    The last columns are the keys by which an edited table is imported again.
    """
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield "\ufeff" + writer.writerow([*COLUMNS, *KEYS])
    for entry, names in named(entries):
        cells = {column: _csv_cell(value) for column, value in values_of(entry, names).items()}
        # The marks are of the texts themselves, as an import reads them.
        cells["mark"] = mark_of(cells)
        yield writer.writerow([guard(cell) if isinstance(cell, str) else cell for cell in cells.values()])


def _csv_cell(value: Any) -> Any:
    return value.strftime("%Y-%m-%d %H:%M") if isinstance(value, datetime) else "" if value is None else value


def geojson_parts(entries: QuerySet[Entry]) -> Iterator[str]:
    """A FeatureCollection (RFC 7946, WGS 84), a line for each entry, with the columns of the CSV as properties.

    States are given by their code, times in ISO 8601 with their offset, what is empty as null.
    """
    yield '{"type": "FeatureCollection", "features": ['
    mark = "\n"
    for entry, names in named(entries):
        yield mark + json.dumps(_feature(entry, names), ensure_ascii=False)
        mark = ",\n"
    yield "\n]}\n"


def _feature(entry: Entry, names: dict[str, str]) -> dict[str, Any]:
    values = values_of(entry, names) | {"state": entry.state}
    return {
        "type": "Feature",
        "id": values["id"],
        "geometry": {"type": "Point", "coordinates": [values["lon"], values["lat"]]},
        "properties": {column: _json_value(values[column]) for column in COLUMNS},
    }


def _json_value(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else None if value == "" else value
