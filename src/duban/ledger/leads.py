"""Which index leads SQLite to the rows of a question, chosen by the counts that are kept.

SQLite keeps no statistics unless told to, and begins with what is frequent as readily as with what is rare: among a
million entries a page then takes a second. Columns that shall only sift what was found are named so that no index
serves them. PostgreSQL has its statistics and finds its own way.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, CharField, DateTimeField, F, Field, Func

from duban.ledger import tally

ROW_COST = 12
"""To open a row costs as much as to pass so many entries of an index."""
FIRST = 50
"""Rows that a page shows."""
Counts = Mapping[tuple[int, str], tuple[int, int]]
"""As tally.by_state gives them."""


class Lead(StrEnum):
    AREA = "area"
    STATE = "state"
    CATEGORY = "category"
    ORDER = "order"
    """The index of the sort, or whatever else the question names."""


COLUMNS = {
    "jurisdiction": Lead.AREA, "responsible": Lead.AREA, "state": Lead.STATE, "category": Lead.CATEGORY,
    "dispatched_at": Lead.ORDER,
}  # fmt: skip
FIELDS: dict[str, type[Field[Any, Any]]] = {"category": BigIntegerField, "dispatched_at": DateTimeField}
"""Of the columns that hold no text."""


class Sifting(Func):
    """A column that is read, but not sought by an index."""

    template = "+%(expressions)s"
    arity = 1


def sifting_columns() -> dict[str, Sifting]:
    """What a query must be given before it may use the names of column_for."""
    if connection.vendor != "sqlite":
        return {}
    return {f"{column}_sifting": Sifting(F(column), output_field=FIELDS.get(column, CharField)()) for column in COLUMNS}


def column_for(column: str, lead: Lead | None) -> str:
    """The name by which to filter by a column; without a lead the database chooses."""
    return column if connection.vendor != "sqlite" or lead in (None, COLUMNS[column]) else f"{column}_sifting"


def reach_columns(lead: Lead | None) -> dict[str, str]:
    """The same for what in_sight looks at."""
    words = {"place": "jurisdiction", "unit": "responsible", "category": "category"}
    return {word: column_for(column, lead) for word, column in words.items()}


def choose_lead(
    counts: Counts, *, states: Collection[str], category: int, by_deadline: bool, dated: bool = False
) -> Lead:
    """The cheapest way to the first rows, by how many index entries and rows each has to pass.

    `states`: in which the rows can be; `category`: the one asked for, or tally.ALL; `by_deadline`: in that order;
    `dated`: their deadlines lie in a stretch of time, which would draw SQLite off the index of an area.
    """
    everything = _sum(counts, tally.ALL)
    in_states = _sum(counts, tally.ALL, states)
    wanted = max(_sum(counts, category, states, within=True), 1)
    page = FIRST * in_states / wanted
    costs = {
        # The worst walk passes all that is in other states before it comes to the first that is not.
        Lead.ORDER: min(everything - in_states + page, everything),
        Lead.STATE: min(page, in_states) if by_deadline and len(states) == 1 else 2 * in_states,
    }
    if not dated:
        costs[Lead.AREA] = ROW_COST * _sum(counts, tally.ALL, within=True)
    if category != tally.ALL:
        costs[Lead.CATEGORY] = ROW_COST * _sum(counts, category)
    return min(costs, key=lambda lead: costs[lead])


def standing(counts: Counts, *, states: Collection[str], category: int) -> int:
    """How many entries of the category lie in these states within the reach that was counted."""
    return _sum(counts, category, states, within=True)


def _sum(counts: Counts, category: int, states: Collection[str] | None = None, *, within: bool = False) -> int:
    return sum(
        numbers[within]
        for (of, state), numbers in counts.items()
        if of == category and (states is None or state in states)
    )
