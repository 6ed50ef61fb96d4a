"""Pages of a list by key, not by offset: the thousandth page costs what the first does."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, Model, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.core.text import is_plain

Row = TypeVar("Row", bound=Model)
Key = tuple[Any, ...]


class BadCursor(DubanError):
    pass


@dataclass(frozen=True)
class Count:
    """How many; `more`: it was counted no further."""

    number: int
    more: bool

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.more else ''}"


def count_of(found: QuerySet[Any], cap: int) -> Count:
    """How many rows there are, counted no further than one beyond the cap."""
    number = found.order_by()[: cap + 1].count()
    return Count(min(number, cap), number > cap)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows in order, and the cursors of the pages beside it ("" where there is none)."""

    rows: list[Row]
    later: str
    earlier: str

    def later_link(self, **kept: str) -> str:
        return _link(self.later, kept)

    def earlier_link(self, **kept: str) -> str:
        return _link(self.earlier, kept)


def _link(cursor: str, kept: dict[str, str]) -> str:
    pairs = {name: value for name, value in kept.items() if value}
    return f"?{urlencode(pairs | {'cursor': cursor})}" if cursor else ""


def page_of(found: QuerySet[Row], order: Sequence[str], cursor: str = "", *, size: int = 50) -> Page[Row]:
    """The page that a cursor points to, by columns of which none is empty and the last is the key.

    All run the same way. Raises BadCursor (`bad_cursor`).
    """
    names, down = [column.lstrip("-") for column in order], order[0].startswith("-")
    backwards, key = _read(cursor, found.model, names) if cursor else (False, None)
    if key is not None:
        found = found.filter(beyond(names, key, "lt" if down != backwards else "gt"))
    sign = "-" if down != backwards else ""
    rows = list(found.order_by(*(sign + name for name in names))[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    has_later = bool(rows) and (backwards or more)
    has_earlier = bool(rows) and (more if backwards else key is not None)
    return Page(
        rows,
        later=_cursor("after", rows[-1], names) if has_later else "",
        earlier=_cursor("before", rows[0], names) if has_earlier else "",
    )


def beyond(names: Sequence[str], key: Sequence[Any], way: str) -> Q:
    """Rows that come after the key in the order of the columns; `way`: gt where they go up, lt where down."""
    # The first condition says nothing new; it lets the index start at the key.
    found = Q(pk__in=[])
    for place, name in enumerate(names):
        same = dict(zip(names[:place], key[:place], strict=True))
        found |= Q(**same, **{f"{name}__{way}": key[place]})
    return Q(**{f"{names[0]}__{way}e": key[0]}) & found


def _cursor(direction: str, row: Model, names: Sequence[str]) -> str:
    values = [getattr(row, name) for name in names]
    told = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps([direction, *told]).encode()).decode().rstrip("=")


def _read(cursor: str, model: type[Model], names: Sequence[str]) -> tuple[bool, Key]:
    try:
        direction, *told = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if direction not in {"after", "before"} or not all(is_plain(part) for part in told):
            raise ValueError(cursor)
        return direction == "before", tuple(_value(model, *pair) for pair in zip(names, told, strict=True))
    except (ValueError, TypeError, AttributeError, RecursionError, ValidationError) as error:
        raise _bad() from error


def _value(model: type[Model], name: str, told: str) -> Any:
    """What a column holds, from its text."""
    field = model._meta.pk if name == "pk" else model._meta.get_field(name)
    if isinstance(field, DateTimeField):
        moment = datetime.fromisoformat(told)
        if moment.tzinfo is None:
            raise ValueError(told)
        return moment
    value = field.to_python(told)  # type: ignore[union-attr]
    if isinstance(value, int) and value.bit_length() > 62:
        raise ValueError(told)
    return value


def _bad() -> BadCursor:
    return BadCursor("bad_cursor", _("This page of the list is not there any more; start at its head."), field="cursor")
