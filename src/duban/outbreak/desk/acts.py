"""The acts that are due to people: one list, the longest overdue first, read page by page through an index.

A town's acts lie together in an index in the order of the list, so that a page costs the rows it shows whatever the
rest holds. Whoever sees several towns gets a page out of the head of each.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.outbreak.desk.days import BadQuestion, today
from duban.outbreak.models import Task, TaskKind, TaskState
from duban.places.codes import LENGTHS, LONGEST, covers, normalise_code, outermost, within

DOES = "act.do"
PAGE = 50
TOWN = LENGTHS[1]
Key = tuple[date, str, int]
"""Of an act in the list: due on, kind, id."""
PLACES = """
WITH RECURSIVE places(code) AS (
    SELECT MIN({column}) FROM outbreak_task WHERE {column} >= %s AND {column} <= %s
    UNION ALL
    SELECT (SELECT MIN({column}) FROM outbreak_task WHERE {column} > places.code AND {column} <= %s)
    FROM places WHERE places.code IS NOT NULL
)
SELECT code FROM places WHERE code IS NOT NULL
"""
"""Every town or every stay once, each by one look into the index: there are some dozens among millions of rows."""
MOST_STAYS = 100
"""More places than that within communities are asked for as ranges: each is a part of one statement."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for: acts of these `places` that are due by `on`. `kind` "" is every kind."""

    on: date
    places: tuple[str, ...]
    kind: str = ""
    place: str = ""


@dataclass(frozen=True)
class Page:
    """Acts with their files, and the cursors of the pages beside it ("" where there is none)."""

    tasks: list[Task]
    later: str
    earlier: str


@dataclass(frozen=True)
class Counts:
    """How many are due and, of these, overdue; by kind, in the order of the kinds."""

    due: int
    late: int
    kinds: list[tuple[str, int]]


def read_wanted(person: Person, words: Any, *, now: datetime) -> Wanted:
    """What an address asks for: `kind`, and `place`, a code within the person's own. What is not theirs has no acts.

    Raises BadCode (`bad_code`).
    """
    scope = outermost(rights.codes(person, DOES))
    place = normalise_code(words["place"], field="place") if words.get("place") else ""
    places = tuple(scope) if not place else (place,) if covers(scope, place) else ()
    kind = words.get("kind", "")
    return Wanted(today(now), places, kind if kind in TaskKind.values else "", place)


# ---- a page ---------------------------------------------------------------------------------------------------------


def page_of(wanted: Wanted, cursor: str = "", size: int = PAGE) -> Page:
    """The acts after a cursor, or before it; raises BadQuestion (`bad_cursor`)."""
    backwards, key = _read_cursor(cursor) if cursor else (False, None)
    keys = _keys(wanted, key, backwards, size + 1)
    more, keys = len(keys) > size, keys[:size]
    if backwards:
        keys.reverse()
    found = Task.objects.select_related("file").in_bulk([number for _day, _kind, number in keys])
    tasks = [found[number] for _day, _kind, number in keys if number in found]
    later = more if not backwards else True
    earlier = key is not None if not backwards else more
    return Page(
        tasks,
        _cursor("after", tasks[-1]) if tasks and later else "",
        _cursor("before", tasks[0]) if tasks and earlier else "",
    )


def _keys(wanted: Wanted, key: Key | None, backwards: bool, size: int) -> list[Key]:
    """The first keys beyond one, out of the first of each stretch: one statement, whatever the number of towns."""
    order = [f"-{name}" for name in ORDER] if backwards else list(ORDER)
    heads = [stretch.order_by(*order).values_list(*ORDER)[:size] for stretch in _stretches(wanted, key, backwards)]
    if not heads:
        return []
    parts: list[str] = []
    values: list[Any] = []
    for number, head in enumerate(heads):
        sql, given = head.query.sql_with_params()
        parts.append(f"SELECT * FROM ({sql}) AS part{number}")  # noqa: S608
        values += given
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        rows = [(_day(day), str(kind), int(number)) for day, kind, number in cursor.fetchall()]
    return sorted(rows, reverse=backwards)[:size]


ORDER = ("due_on", "kind", "id")


def _day(value: date | str) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _stretches(wanted: Wanted, key: Key | None, backwards: bool) -> list[QuerySet[Task]]:
    """The acts asked for in parts that the index keeps in the order of the list: a town each, or where people stay."""
    due = Task.objects.filter(state=TaskState.OPEN, due_on__lte=wanted.on)
    if wanted.kind:
        due = due.filter(kind=wanted.kind)
    if key is not None:
        due = due.filter(_beyond(key, backwards))
    towns, communities = _parts(wanted.places)
    stays = [stay for code in communities for stay in _codes("stay", code)]
    if len(stays) > MOST_STAYS:
        finer = [due.filter(within("stay", [code])) for code in communities]
    else:
        finer = [due.filter(stay=stay) for stay in stays]
    return [due.filter(town=town) for town in towns] + finer


def _parts(codes: Sequence[str]) -> tuple[list[str], list[str]]:
    """The towns of the codes, and those finer than a town."""
    towns = [
        town for code in codes if len(code) <= TOWN for town in ([code] if len(code) == TOWN else _codes("town", code))
    ]
    return towns, [code for code in codes if len(code) > TOWN]


def _codes(column: str, code: str) -> list[str]:
    """The different values of `town` or `stay` within a place that have acts."""
    last = code.ljust(LONGEST, "9")
    with connection.cursor() as cursor:
        cursor.execute(PLACES.format(column=column), [code, last, last])
        return [found for (found,) in cursor.fetchall()]


def _beyond(key: Key, backwards: bool) -> Q:
    way = "lt" if backwards else "gt"
    day, kind, number = key
    # The first condition says nothing new; it lets the index start at the key.
    return Q(**{f"due_on__{way}e": day}) & (
        Q(**{f"due_on__{way}": day})
        | Q(due_on=day, **{f"kind__{way}": kind})
        | Q(due_on=day, kind=kind, **{f"id__{way}": number})
    )


def _cursor(direction: str, task: Task) -> str:
    words = json.dumps([direction, task.due_on.isoformat(), task.kind, task.pk])
    return base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[bool, Key]:
    try:
        direction, day, kind, number = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if direction not in ("after", "before") or kind not in TaskKind.values or not 0 <= int(number) < 2**63:
            raise ValueError(cursor)
        return direction == "before", (date.fromisoformat(day), kind, int(number))
    except (ValueError, TypeError, RecursionError) as error:
        raise BadQuestion(
            "bad_cursor", _("This page of the list is not there any more; start at its head."), field="cursor"
        ) from error


# ---- how many -------------------------------------------------------------------------------------------------------


def counts_of(wanted: Wanted) -> Counts:
    """How many acts are due in these places, of every kind, whichever is asked for."""
    towns, communities = _parts(wanted.places)
    place = Q(town__in=towns) if not communities else Q(town__in=towns) | within("stay", communities)
    due = Task.objects.filter(place, state=TaskState.OPEN, due_on__lte=wanted.on).order_by()
    rows = list(due.values_list("kind").annotate(due=Count("pk"), late=Count("pk", filter=Q(due_on__lt=wanted.on))))
    numbers = {kind: number for kind, number, _late in rows}
    return Counts(
        due=sum(numbers.values()),
        late=sum(late for _kind, _number, late in rows),
        kinds=[(kind.value, numbers[kind.value]) for kind in TaskKind if kind.value in numbers],
    )
