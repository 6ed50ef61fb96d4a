"""Pages of the register by key, not by offset: the thousandth page costs what the first does."""

import base64
import json
import uuid
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.core.text import is_plain
from duban.venues.filters import BadFilter
from duban.venues.models import Venue
from duban.venues.queries import ORDER

PAGE_SIZE = 50
COUNTED = 10_000
COUNTED_BY_WORDS = 1_000
"""What holds frequent words is counted by reading it."""
Key = tuple[str, str, uuid.UUID]


@dataclass(frozen=True)
class Page:
    """Venues in order, and the cursors of the pages beside it ("" where there is none)."""

    venues: list[Venue]
    later: str
    earlier: str


@dataclass(frozen=True)
class Count:
    """How many; `more`: it was counted no further."""

    number: int
    more: bool

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.more else ''}"


def count_of(venues: QuerySet[Venue], cap: int = COUNTED) -> Count:
    number = venues.order_by()[: cap + 1].count()
    return Count(min(number, cap), number > cap)


def page_of(venues: QuerySet[Venue], cursor: str = "", size: int = PAGE_SIZE) -> Page:
    """The page that a cursor points to; raises BadFilter (`bad_cursor`)."""
    backwards, key = _read(cursor) if cursor else (False, None)
    if key is not None:
        venues = venues.filter(_beyond(key, backwards))
    order = [f"-{column}" for column in ORDER] if backwards else list(ORDER)
    found = list(venues.select_related("kind").order_by(*order)[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    has_later = bool(found) and (backwards or more)
    has_earlier = bool(found) and (more if backwards else key is not None)
    return Page(
        found,
        later=_cursor("after", found[-1]) if has_later else "",
        earlier=_cursor("before", found[0]) if has_earlier else "",
    )


def _beyond(key: Key, backwards: bool) -> Q:
    way = "lt" if backwards else "gt"
    place, name, pk = key
    # The first condition says nothing new; it lets the index start at the key.
    return Q(**{f"jurisdiction__{way}e": place}) & (
        Q(**{f"jurisdiction__{way}": place})
        | Q(jurisdiction=place, **{f"name__{way}": name})
        | Q(jurisdiction=place, name=name, **{f"id__{way}": pk})
    )


def _cursor(direction: str, venue: Venue) -> str:
    key = [direction, venue.jurisdiction, venue.name, str(venue.pk)]
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[bool, Key]:
    try:
        direction, place, name, pk = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if direction not in {"after", "before"} or not (is_plain(place) and is_plain(name)):
            raise ValueError(cursor)
        return direction == "before", (place, name, uuid.UUID(pk))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadFilter(
            "bad_cursor", _("This page of the list is not there any more; start at its head."), field="cursor"
        ) from error
