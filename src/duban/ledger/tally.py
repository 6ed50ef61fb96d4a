"""How many entries there are, by coarse cell, area, unit, kind, category and state, kept with every step.

A step never changes a row of the count: it adds rows of -1 and of +1, so that no two writers wait for each other. The
sum over all rows is the count at any moment; `fold` puts rows of one key together so that the sum stays quick. Each
entry is counted twice, under its category and under 0 for all categories together: most questions ask for no category,
and that sum is over far fewer rows.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F, Q, QuerySet, Sum

from duban.core.rows import insert
from duban.ledger.models import Counter, Entry, Tally
from duban.places.queries import FINEST_ZOOM

ZOOM = 14
"""Of the cells counted, about 2 km wide in Beijing: clusters of a whole district come from here."""
LOOSE_LIMIT = 4000
ALL = 0
"""The category of rows that count all categories together."""
KEY = ("cell", "jurisdiction", "responsible", "kind", "category", "state")
Key = tuple[int, str, str, str, int, str]


def keys_of(entry: Entry) -> list[Key]:
    """Under what the entry is counted; nothing before its first event."""
    return keys_in(entry, str(entry.state)) if entry.event_count else []


def keys_in(entry: Entry, state: str) -> list[Key]:
    """Under what the entry is counted in that state."""
    coarse = entry.cell >> 2 * (FINEST_ZOOM - ZOOM)
    return [
        (coarse, entry.jurisdiction, entry.responsible, entry.category.kind, category, str(state))
        for category in (ALL, entry.category_id)
    ]


def move(old: Sequence[Key], new: Sequence[Key]) -> None:
    """Count one entry under `new` and no longer under `old`."""
    gone, come = [key for key in old if key not in new], [key for key in new if key not in old]
    add([(key, -1) for key in gone] + [(key, 1) for key in come])


def add(counts: Iterable[tuple[Key, int]]) -> None:
    insert([Tally(**dict(zip(KEY, key, strict=True)), n=n) for key, n in counts])


def fold_if_many() -> None:
    """Fold once some thousand loose rows have come together."""
    if Tally.objects.filter(folded=False)[: LOOSE_LIMIT + 1].count() > LOOSE_LIMIT:
        fold()


@transaction.atomic
def fold() -> None:
    """Put loose rows of one key onto its folded row; the sums are the same before, during and after."""
    Counter.objects.select_for_update().get_or_create(key="tally")
    # What commits later under a smaller number is not read here and stays loose.
    loose = list(Tally.objects.filter(folded=False).values_list("pk", *KEY, "n"))
    sums: dict[Key, int] = {}
    for _pk, *key, n in loose:
        sums[tuple(key)] = sums.get(tuple(key), 0) + n
    columns = ", ".join(KEY)
    marks = ", ".join(["%s"] * (len(KEY) + 1))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO ledger_tally ({columns}, n, folded) VALUES ({marks}, TRUE) "  # noqa: S608
            f"ON CONFLICT ({columns}) WHERE folded DO UPDATE SET n = ledger_tally.n + excluded.n",
            [(*key, n) for key, n in sums.items() if n],
        )
    gone = [pk for pk, *_rest in loose]
    for start in range(0, len(gone), 500):
        Tally.objects.filter(pk__in=gone[start : start + 500]).delete()
    Tally.objects.filter(folded=True, n=0).delete()


@transaction.atomic
def rebuild() -> None:
    """Count every entry anew, in the database."""
    Counter.objects.select_for_update().get_or_create(key="tally")
    Tally.objects.all().delete()
    coarse = F("cell").bitrightshift(2 * (FINEST_ZOOM - ZOOM))
    rows = (
        Entry.objects.order_by()
        .values_list(coarse, "jurisdiction", "responsible", "category__kind", "category", "state")
        .annotate(Count("pk"))
    )
    sums: dict[Key, int] = {}
    for cell, jurisdiction, responsible, kind, category, state, n in rows.iterator():
        for one in (ALL, category):
            key = (cell, jurisdiction, responsible, kind, one, state)
            sums[key] = sums.get(key, 0) + n
    Tally.objects.bulk_create(
        [Tally(**dict(zip(KEY, key, strict=True)), n=n, folded=True) for key, n in sums.items()], batch_size=1000
    )


def sums(rows: QuerySet[Tally], columns: Sequence[Any]) -> list[tuple]:
    """(columns..., count) of the tally rows, without zeros."""
    found = rows.order_by().values_list(*columns).annotate(total=Sum("n"))
    return [row for row in found if row[-1]]


def by_state(categories: Collection[int], reach: Q) -> dict[tuple[int, str], tuple[int, int]]:
    """(category, state): how many entries there are in the whole ledger, and how many within `reach`."""
    rows = Tally.objects.filter(category__in=categories).order_by().values_list("category", "state")
    counted = rows.annotate(everywhere=Sum("n"), within=Sum("n", filter=reach, default=0))
    return {(category, state): (everywhere, within) for category, state, everywhere, within in counted}
