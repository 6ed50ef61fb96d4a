"""What waits for a person, in heaps: the same three queries however many heaps and entries there are."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.ledger.leads import Lead, column_for
from duban.ledger.lifecycle import State
from duban.ledger.models import Entry, of_kind
from duban.ledger.queries import Filters, entries_for
from duban.places.codes import within

COUNT_CAP = 1000
SHORT, LONG = 5, 8
"""How many of a heap lie open on the desk: fewer where there are many heaps."""
END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Duty:
    """A kind of heap: what waits, the filter that opens it in the ledger, and the right that makes it one's own."""

    key: str
    label: Promise
    filters: Filters
    permission: str


@dataclass(frozen=True)
class Waiting:
    """A heap on somebody's desk: what it is, the filter that opens it, how many, and the first few."""

    key: str
    label: Promise
    filters: Filters
    count: int
    more: bool
    """At least `count`: beyond 1,000 nobody counts."""
    entries: list[Entry]


def _of_unit(**what: str | bool) -> Filters:
    return Filters(states=(State.ASSIGNED,), sort="due_at", **what)  # type: ignore[arg-type]


# A handler fixes what is assigned, by deadline. A supervisor decides on what came in and sees what the units let lie.
DUTIES = (
    Duty("own-late", _("Overdue"), _of_unit(overdue=True), "entry.handle"),
    Duty("own-today", _("Due today"), _of_unit(due="today"), "entry.handle"),
    Duty("own-week", _("Due later this week"), _of_unit(due="week"), "entry.handle"),
    Duty("own-later", _("Due after this week"), _of_unit(due="later"), "entry.handle"),
    Duty("late", _("Overdue"), Filters(overdue=True, sort="due_at"), "entry.triage"),
    Duty("asked", _("More time asked for"), Filters(asked=True, sort="due_at"), "entry.triage"),
    Duty("verify", _("To verify"), Filters(states=(State.REMEDIED,), sort="due_at"), "entry.triage"),
    Duty("list", _("To put on the ledger"), Filters(states=(State.FOUND,), sort="found_at"), "entry.triage"),
    Duty("assign", _("To assign"), Filters(states=(State.LISTED,), sort="due_at"), "entry.triage"),
    Duty("today", _("Due today"), Filters(due="today", sort="due_at"), "entry.triage"),
    Duty("week", _("Due later this week"), Filters(due="week", sort="due_at"), "entry.triage"),
    Duty("lookback", _("To look back at"), Filters(lookback="due", sort="found_at"), "entry.look_back"),
)


def waiting_for(person: Person, *, now: datetime) -> list[Waiting]:
    """What waits for this person, the most urgent first; heaps with nothing in them are left out."""
    duties = [duty for duty in DUTIES if rights.codes(person, duty.permission)]
    counts = _counts([heap_of(person, duty.filters, duty.permission, now=now) for duty in duties])
    full = [(duty, count) for duty, count in zip(duties, counts, strict=True) if count]
    first = SHORT if len(full) > 4 else LONG
    found = [heap_of(person, duty.filters, duty.permission, now=now, many=count > COUNT_CAP) for duty, count in full]
    heaps = _first_of(found, first)
    return [
        Waiting(duty.key, duty.label, duty.filters, min(count, COUNT_CAP), count > COUNT_CAP, _sorted(heap, duty))
        for (duty, count), heap in zip(full, heaps, strict=True)
    ]


def heap_of(person: Person, filters: Filters, permission: str, *, now: datetime, many: bool = False) -> QuerySet[Entry]:
    """What the filters ask for, where the person holds the permission and of the kinds for which they hold it."""
    # What waits is in few states, and few entries are; of what is struck off there are many, and the oldest is due.
    lead = Lead.ORDER if many and not filters.sort.endswith("due_at") else Lead.STATE
    column = column_for("responsible" if permission == "entry.handle" else "jurisdiction", lead)
    held = rights.grants(person, permission)
    mine = Q(pk__in=[])
    for kind in sorted({kind for _code, kind in held}):
        reach = within(column, [code for code, of in held if of == kind])
        mine |= reach & of_kind(kind)
    return entries_for(person, filters, now=now, lead=lead).filter(mine)


def _counts(heaps: list[QuerySet[Entry]]) -> list[int]:
    """How many lie in each, up to one more than the cap, in one query."""
    if not heaps:
        return []
    parts = [heap.order_by().values("id")[: COUNT_CAP + 1].query.sql_with_params() for heap in heaps]
    sql = ", ".join(f"(SELECT COUNT(*) FROM ({part}) AS heap)" for part, _values in parts)  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}", [value for _part, values in parts for value in values])
        return list(cursor.fetchone())


def _first_of(heaps: list[QuerySet[Entry]], first: int) -> list[list[Entry]]:
    """The first few of each, in two queries; an entry may lie in several heaps."""
    if not heaps:
        return []
    parts = [heap.values("id")[:first].query.sql_with_params() for heap in heaps]
    sql = " UNION ALL ".join(
        f"SELECT {number} AS heap, id FROM ({part}) AS first_{number}"  # noqa: S608
        for number, (part, _values) in enumerate(parts)
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for _part, values in parts for value in values])
        lying = [(number, Entry._meta.pk.to_python(key)) for number, key in cursor.fetchall()]
    entries = Entry.objects.select_related("category").in_bulk({key for _number, key in lying})
    return [[entries[key] for number, key in lying if number == heap and key in entries] for heap in range(len(heaps))]


def _sorted(entries: list[Entry], duty: Duty) -> list[Entry]:
    return sorted(entries, key=lambda entry: (getattr(entry, duty.filters.sort) or END, entry.pk))
