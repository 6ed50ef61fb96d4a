"""Pages of a list by key, not by offset: the thousandth page costs what the first does."""

import base64
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.expressions import OrderBy
from django.utils.translation import gettext_lazy as _

from duban.ledger.filters import BadFilter
from duban.ledger.models import Entry
from duban.ledger.queries import SORTS, order_of

PAGE_SIZE = 50


@dataclass(frozen=True)
class Page:
    """Entries in order, and the cursors of the pages beside it ("" where there is none).

    What hangs on them, their categories and photos, is read by who shows it.
    """

    entries: list[Entry]
    older: str
    newer: str
    total: int | None = None
    """How many rows the list has, where the page knows."""


def page_of(
    entries: QuerySet[Entry], sort: str, cursor: str = "", size: int = PAGE_SIZE, *, count: bool = False
) -> Page:
    """The page that a cursor of this sort points to; raises BadFilter (`bad_cursor`).

    `count`: the rows are few, and all of them have to be found in any case; the first page then counts them as well.
    """
    backwards, key = _read_cursor(cursor, sort) if cursor else (False, None)
    found: list[Entry] = []
    total: int | None = None
    few = count and key is None
    # Few rows are sorted in any case, those without a deadline last.
    for stretch, order in [(entries, order_of(sort))] if few else _stretches(entries, sort, key, backwards):
        # Which rows they are, an index knows; a row is opened only to be shown.
        keys = stretch.order_by(*order)[: size + 1 - len(found)]
        if few:
            counted = list(keys.annotate(counted=Window(Count("pk"))).values_list("pk", "counted"))
            total = counted[0][1] if counted else 0
            found += Entry.objects.filter(pk__in=[pk for pk, _counted in counted]).order_by(*order)
        else:
            found += Entry.objects.filter(pk__in=keys.values("pk")).order_by(*order)
        if len(found) > size:
            break
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    has_older = bool(found) and (backwards or more)
    has_newer = bool(found) and (more if backwards else key is not None)
    return Page(
        entries=found,
        older=cursor_of("after", found[-1], sort) if has_older else "",
        newer=cursor_of("before", found[0], sort) if has_newer else "",
        total=len(found) if key is None and not has_older else total,
    )


def _stretches(
    entries: QuerySet[Entry], sort: str, key: list[Any] | None, backwards: bool
) -> Iterator[tuple[QuerySet[Entry], list[OrderBy]]]:
    """The rows beyond the key, cut where an index has to be entered anew: those without a deadline come last."""
    order = [
        F(_column(name)).desc() if name.startswith("-") != backwards else F(_column(name)).asc() for name in SORTS[sort]
    ]
    first = _column(SORTS[sort][0])
    if first != "due_at":
        yield entries if key is None else entries.filter(_beyond(sort, key, backwards)), order
        return
    dated, undated = entries.filter(due_at__isnull=False), entries.filter(due_at__isnull=True)
    without = key is not None and key[0] is None
    if key is not None and without:
        undated = undated.filter(**{f"id__{'gt' if order[1].descending is False else 'lt'}": key[1]})
    elif key is not None:
        dated = dated.filter(_beyond(sort, key, backwards))
    ways = [(dated, order), (undated, order[1:])]
    if backwards:
        ways.reverse()
    passed = (without and not backwards) or (backwards and key is not None and not without)
    yield from ways[1:] if passed else ways


def _column(name: str) -> str:
    return name.lstrip("-")


def cursor_of(direction: str, entry: Entry, sort: str) -> str:
    """The cursor of the page `after` or `before` an entry in this sort."""
    values = [getattr(entry, _column(name)) for name in SORTS[sort]]
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
    if column == "category_id":
        number = int(text)
        if not 0 <= number < 2**63:
            raise ValueError(text)
        return number
    if not isinstance(text, str) or "\x00" in text or len(text) > 40:
        raise ValueError(text)
    return text


def _beyond(sort: str, key: list[Any], backwards: bool) -> Q:
    """Rows after the key in the sort's order (backwards: before it)."""
    columns = SORTS[sort]
    first, value = _column(columns[0]), key[0]
    way = "lt" if columns[0].startswith("-") != backwards else "gt"
    if len(columns) == 1:
        return Q(**{f"{first}__{way}": value})
    # The first condition says nothing new; it lets the index on the column start at the key.
    return Q(**{f"{first}__{way}e": value}) & (Q(**{f"{first}__{way}": value}) | Q(**{f"id__{way}": key[1]}))
