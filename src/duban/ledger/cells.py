"""The ledger as a table: which columns an export has, and what a cell means whatever an office suite did to it.

A row that is exported carries three keys: the entry's `id`, its event count as it was `seen`, and a `mark` that holds a
check sum of each cell as it was written. So an import tells the cells that somebody edited from those that only look
different now: the entry moved on, a unit was renamed, the reader's language is another, or the suite wrote a time anew.
"""

import base64
import re
import zlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils import timezone
from openpyxl.utils.datetime import from_excel

from duban.core.tables import parse_moment
from duban.ledger.categories import category_index
from duban.ledger.lifecycle import State
from duban.ledger.models import Category, Entry

COLUMNS = (
    "number", "state", "category", "category_name", "statement", "description", "jurisdiction", "jurisdiction_name",
    "responsible", "responsible_name", "lon", "lat", "datum", "found_at", "due_at", "closed_at", "reworks",
)  # fmt: skip
KEYS = ("id", "seen", "mark")
EDITABLE = ("category", "statement", "description")
NUMBERS = ("lon", "lat", "reworks", "seen")
TIMES = ("found_at", "due_at", "closed_at")
MARKED = (*COLUMNS, "id", "seen")
DECIMALS = 7
"""Of degrees: a centimetre."""
# Neither XML nor every sheet holds these.
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
BYTES = 3


def values_of(entry: Entry, names: Mapping[str, str]) -> dict[str, Any]:
    """What the entry says in each column and key but the mark, as values; degrees in WGS 84, times with their zone."""
    return {
        "number": entry.number,
        "state": str(State(entry.state).label),
        "category": entry.category.code,
        "category_name": str(entry.category),
        "statement": entry.statement,
        "description": entry.description,
        "jurisdiction": entry.jurisdiction,
        "jurisdiction_name": names.get(entry.jurisdiction, ""),
        "responsible": entry.responsible,
        "responsible_name": names.get(entry.responsible, ""),
        "lon": round(entry.lon, DECIMALS),
        "lat": round(entry.lat, DECIMALS),
        "datum": "wgs84",
        "found_at": local(entry.found_at),
        "due_at": local(entry.due_at),
        "closed_at": local(entry.closed_at),
        "reworks": entry.rework_count,
        "id": str(entry.pk),
        "seen": entry.event_count,
    }


def local(moment: datetime | None) -> datetime | None:
    """By the office's clock."""
    return None if moment is None else timezone.localtime(moment)


def plain_cell(column: str, value: Any) -> str:
    """A cell as text that is the same before and after any office suite; "" where it is empty."""
    if value is None or value == "":
        return ""
    if column in TIMES:
        return _plain_time(value)
    if column in NUMBERS:
        return _plain_number(value)
    return UNWRITABLE.sub("", text_of(value)).strip()


def text_of(value: Any) -> str:
    """A cell as the text that it shows, with one kind of line end and nothing around it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return re.sub("\r\n?|\u2028|\u2029", "\n", str(value)).strip()


def _plain_number(value: Any) -> str:
    try:
        number = round(float(value), DECIMALS)
        return str(int(number)) if number.is_integer() else repr(number)
    except (TypeError, ValueError, OverflowError):
        return text_of(value)


def _plain_time(value: Any) -> str:
    moment: Any = value
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            moment = from_excel(value)
        except (ValueError, OverflowError):
            return text_of(value)
    elif isinstance(value, str):
        moment = parse_moment(value.strip())
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    if not isinstance(moment, datetime):
        return text_of(value)
    if moment.tzinfo is not None:
        moment = timezone.localtime(moment).replace(tzinfo=None)
    # A sheet counts days as a fraction: a second comes back as a little more or less.
    return (moment + timedelta(milliseconds=500)).strftime("%Y-%m-%d %H:%M:%S")


def mark_of(cells: Mapping[str, Any]) -> str:
    """A check sum of each of the row's cells."""
    sums = b"".join(_sum(column, cells.get(column)) for column in MARKED)
    return f"m{base64.urlsafe_b64encode(sums).decode()}"


def _sum(column: str, value: Any) -> bytes:
    return zlib.crc32(plain_cell(column, value).encode()).to_bytes(4, "big")[:BYTES]


class Mark:
    """The mark of a row that comes back; `is_sound` tells whether it is one."""

    def __init__(self, text: str):
        try:
            sums = base64.urlsafe_b64decode(text[1:].encode("ascii"))
        except ValueError:
            sums = b""
        self.is_sound = text.startswith("m") and len(sums) == BYTES * len(MARKED)
        self.sums = {column: sums[at * BYTES : (at + 1) * BYTES] for at, column in enumerate(MARKED)}

    def fits(self, column: str, *values: Any) -> bool:
        """Whether one of these was written into the cell."""
        return any(self.sums[column] == _sum(column, value) for value in values)


class CategoryLabels:
    """Each category by the shortest words that mean it and no other: its name, else its code, else kind and code."""

    def __init__(self) -> None:
        self.index = category_index()
        self.words: dict[int, str] = {}

    def of(self, category: Category) -> str:
        if category.pk not in self.words:
            whole = f"{category.kind}:{category.code}"
            self.words[category.pk] = next(
                (way for way in (str(category), category.code) if self._means(way, category)), whole
            )
        return self.words[category.pk]

    def _means(self, way: str, category: Category) -> bool:
        found = self.index.get(way) or self.index.get(way.lower())
        return found is not None and found.pk == category.pk

    def all(self) -> list[str]:
        return [self.of(category) for category in _sorted(self.index.values())]


def _sorted(categories: Iterable[Category]) -> list[Category]:
    """Each once, events before components, by code."""
    once = {category.pk: category for category in categories}
    return sorted(once.values(), key=lambda category: (category.kind != "event", category.code))
