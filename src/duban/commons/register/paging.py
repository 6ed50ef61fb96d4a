"""Pages of the register by key, not by offset: the thousandth page costs what the first does."""

import base64
import json
import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from duban.commons.models import Organisation
from duban.commons.register.filters import BadFilter
from duban.core.paging import beyond
from duban.core.text import is_plain

PAGE_SIZE = 50
COUNTED = 200_000
NEVER, LONG_AGO = date(9999, 12, 31), date(1, 1, 1)
# By sort: its columns before the id, and whether it goes down. What is not known comes last either way.
ORDERS: dict[str, tuple[tuple[str, ...], bool]] = {
    "": (("town", "name_key"), False),
    "members": (("members",), False),
    "-members": (("members",), True),
    "founded": (("began",), False),
    "-founded": (("began",), True),
}
READ: dict[str, Any] = {
    "town": str,
    "name_key": str,
    "members": int,
    "began": date.fromisoformat,
}


@dataclass(frozen=True)
class Page:
    """Organisations in order with their categories, and the cursors of the pages beside it ("" where there is none)."""

    organisations: list[Organisation]
    later: str
    earlier: str


NOTHING = Page([], "", "")


def page_of(organisations: QuerySet[Organisation], sort: str = "", cursor: str = "", size: int = PAGE_SIZE) -> Page:
    """The page that a cursor of this sort points to; raises BadFilter (`bad_cursor`)."""
    columns, down = ORDERS[sort]
    backwards, key = _read(cursor, sort) if cursor else (False, None)
    descending = down != backwards
    order = [f"-{column}" if descending else column for column in (*columns, "id")]
    keyed = _with_began(organisations, sort)
    if key is not None:
        keyed = keyed.filter(beyond((*columns, "id"), key, "lt" if descending else "gt"))
    # Which rows they are, an index knows; a row is opened only to be shown.
    keys = keyed.order_by(*order)[: size + 1]
    shown = _with_began(Organisation.objects.filter(pk__in=keys.values("pk")), sort)
    found = list(shown.select_related("category").order_by(*order))
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    has_later = bool(found) and (backwards or more)
    has_earlier = bool(found) and (more if backwards else key is not None)
    return Page(
        found,
        later=_cursor("after", found[-1], sort) if has_later else "",
        earlier=_cursor("before", found[0], sort) if has_earlier else "",
    )


def _with_began(organisations: QuerySet[Organisation], sort: str) -> QuerySet[Organisation]:
    if "began" not in ORDERS[sort][0]:
        return organisations
    return organisations.annotate(began=Coalesce(F("founded"), Value(LONG_AGO if sort.startswith("-") else NEVER)))


def _cursor(direction: str, one: Organisation, sort: str) -> str:
    values = [getattr(one, column) for column in ORDERS[sort][0]]
    told = [value if isinstance(value, int) else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps([direction, sort, *told, str(one.pk)]).encode()).decode().rstrip("=")


def _read(cursor: str, sort: str) -> tuple[bool, list[Any]]:
    try:
        direction, of, *told, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        columns = ORDERS[sort][0]
        if direction not in {"after", "before"} or of != sort or len(told) != len(columns):
            raise ValueError(cursor)
        key = [READ[column](value) for column, value in zip(columns, told, strict=True)]
        if not all(is_plain(value) for value in key if isinstance(value, str)):
            raise ValueError(cursor)
        if any(isinstance(value, int) and not 0 <= value <= 2_147_483_647 for value in key):
            raise ValueError(cursor)
        return direction == "before", [*key, uuid.UUID(pk)]
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise BadFilter(
            "bad_cursor", _("This page of the list is not there any more; start at its head."), field="cursor"
        ) from error
