"""Pages of a list by key, not by offset: the thousandth page costs what the first does."""

import base64
import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.ledger.filters import BadFilter
from duban.ledger.models import Entry
from duban.ledger.queries import SORTS, order_of

PAGE_SIZE = 50
COUNT_CAP = 10_000


@dataclass(frozen=True)
class Page:
    """Entries in order, and the cursors of the pages beside it ("" where there is none)."""

    entries: list[Entry]
    older: str
    newer: str


@dataclass(frozen=True)
class Count:
    """How many rows there are; with `more`, at least that many."""

    number: int
    more: bool

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.more else ''}"


def count_of(entries: QuerySet[Entry], cap: int = COUNT_CAP) -> Count:
    """Count up to `cap`: beyond it nobody reads the exact number, and the database would walk every row."""
    number = entries.order_by()[: cap + 1].count()
    return Count(min(number, cap), number > cap)


def page_of(entries: QuerySet[Entry], sort: str, cursor: str = "", size: int = PAGE_SIZE) -> Page:
    """The page that a cursor of this sort points to; raises BadFilter (`bad_cursor`)."""
    backwards, key = _read_cursor(cursor, sort) if cursor else (False, None)
    rows = entries.order_by(*order_of(sort, backwards=backwards))
    if key is not None:
        rows = rows.filter(_beyond(sort, key, backwards))
    found = list(rows[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    has_older = bool(found) and (backwards or more)
    has_newer = bool(found) and (more if backwards else key is not None)
    return Page(
        entries=found,
        older=cursor_of("after", found[-1], sort) if has_older else "",
        newer=cursor_of("before", found[0], sort) if has_newer else "",
    )


def _column(name: str) -> str:
    return name.lstrip("-")


def _value(entry: Entry, column: str) -> Any:
    return reduce(getattr, column.split("__"), entry)


def cursor_of(direction: str, entry: Entry, sort: str) -> str:
    """The cursor of the page `after` or `before` an entry in this sort."""
    values = [_value(entry, _column(name)) for name in SORTS[sort]]
    key = [value.isoformat() if isinstance(value, datetime) else value and str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps([direction, *key]).encode()).decode().rstrip("=")


def _read_cursor(cursor: str, sort: str) -> tuple[bool, list[Any]]:
    try:
        direction, *key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if direction not in {"after", "before"} or len(key) != len(SORTS[sort]):
            raise ValueError(cursor)
        values = [_parse(_column(name), text) for name, text in zip(SORTS[sort], key, strict=True)]
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadFilter(
            "bad_cursor", _("This page of the list is not there any more; start at its head."), field="cursor"
        ) from error
    return direction == "before", values


def _parse(column: str, text: Any) -> Any:
    if column.endswith("_at"):
        if text is None and column == "due_at":
            return None
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None or not 1900 < moment.year < 9000:
            raise ValueError(text)
        return moment
    if column == "id":
        return uuid.UUID(text)
    if not isinstance(text, str) or "\x00" in text or len(text) > 40:
        raise ValueError(text)
    return text


def _beyond(sort: str, key: list[Any], backwards: bool) -> Q:
    """Rows after the key in the sort's order (backwards: before it); a missing deadline counts as the last."""
    columns = SORTS[sort]
    first, value = _column(columns[0]), key[0]
    descending = columns[0].startswith("-") != backwards
    way = "lt" if descending else "gt"
    if len(columns) == 1:
        return Q(**{f"{first}__{way}": value})
    tie = Q(**{f"id__{way}": key[1]})
    if value is None:
        same = Q(**{f"{first}__isnull": True}) & tie
        return same | Q(**{f"{first}__isnull": False}) if backwards else same
    # The first condition says nothing new; it lets the index on the column start at the key.
    rows = Q(**{f"{first}__{way}e": value}) & (Q(**{f"{first}__{way}": value}) | tie)
    if first == "due_at" and not backwards:
        rows |= Q(due_at__isnull=True)
    return rows
