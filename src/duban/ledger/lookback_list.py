"""Pages of rounds and of a round's entries, as the site and the API show them."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from duban.access.models import Person
from duban.access.queries import names_of_people
from duban.ledger import lookback, rectified
from duban.ledger.filters import BadFilter
from duban.ledger.models import LookbackItem, LookbackRound
from duban.ledger.rectified import Standing
from duban.places import queries as places

PAGE_SIZE = 50
ROUNDS_SHOWN = 20
ALL = "all"


def read_standing(text: str) -> str:
    """ "" for what was drawn, `all`, or one Standing; raises BadFilter (`bad_standing`)."""
    if text not in {"", ALL, *Standing.values}:
        raise BadFilter(
            "bad_standing",
            _("“%(text)s” is no way for an entry of a round to stand.") % {"text": text[:40]},
            field="standing",
        )
    return text


@dataclass(frozen=True)
class RoundShown:
    """A line of the list."""

    round: LookbackRound
    area: str
    who: str
    due: int
    counts: rectified.Counts
    """Of those drawn."""


def page_of_rounds(person: Person, page: int, size: int = ROUNDS_SHOWN) -> tuple[list[RoundShown], int]:
    """The rounds of a page, the newest first, and the number of the next page or 0."""
    page = max(page, 1)
    found = list(lookback.rounds_for(person)[(page - 1) * size : page * size + 1])
    shown = found[:size]
    names = places.names({one.area for one in shown})
    people = names_of_people({one.drawn_by for one in shown})
    due, counts = lookback.counts_of_rounds(person, shown)
    lines = [
        RoundShown(one, names.get(one.area, one.area), people[one.drawn_by], due.get(one.pk, 0), counts[one.pk])
        for one in shown
    ]
    return lines, page + 1 if len(found) > size else 0


@dataclass(frozen=True)
class Items:
    """A page of a round, and the keys of those beside it, 0 where there is none."""

    items: list[LookbackItem]
    older: int
    newer: int


def page_of_items(
    items: QuerySet[LookbackItem], standing: str, after: str = "", before: str = "", size: int = PAGE_SIZE
) -> Items:
    """The items after a key (or before one) in the order of the draw, each with its standing.

    Raises BadFilter (`bad_cursor`).
    """
    low, high = _key(after, "after"), _key(before, "before")
    found: Any = rectified.with_standing(items)
    if standing == "":
        found = found.filter(drawn=True)
    elif standing != ALL:
        found = found.filter(standing=standing)
    backwards = bool(high) and not low
    if low:
        found = found.filter(pk__gt=low)
    elif high:
        found = found.filter(pk__lt=high)
    related = ("entry__category", "entry__merged_into")
    rows = list(found.select_related(*related).order_by("-pk" if backwards else "pk")[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    has_older = bool(rows) and (backwards or more)
    has_newer = bool(rows) and (more if backwards else bool(low))
    return Items(rows, rows[-1].pk if has_older else 0, rows[0].pk if has_newer else 0)


def _key(text: str, field: str) -> int:
    if text and not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise BadFilter("bad_cursor", _("This page of the list is not there any more; start at its head."), field=field)
    return int(text or 0)
