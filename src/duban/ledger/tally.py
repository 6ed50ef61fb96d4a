"""How many entries there are, by coarse cell, area, unit, kind and state, kept with every step.

A step never changes a row of the count: it adds one of -1 and one of +1, so that no two writers wait for each other.
The sum over all rows is the count at any moment; `fold` puts rows of one key together so that the sum stays quick.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Sum

from duban.ledger.models import Counter, Entry, Tally
from duban.places.queries import FINEST_ZOOM

ZOOM = 14
"""Of the cells counted, about 2 km wide in Beijing: clusters of a whole district come from here."""
LOOSE_LIMIT = 4000
KEY = ("cell", "jurisdiction", "responsible", "kind", "state")
Key = tuple[int, str, str, str, str]


def key_of(entry: Entry) -> Key | None:
    """Under what the entry is counted; None before its first event."""
    if not entry.event_count:
        return None
    coarse = entry.cell >> 2 * (FINEST_ZOOM - ZOOM)
    return coarse, entry.jurisdiction, entry.responsible, entry.category.kind, str(entry.state)


def move(old: Key | None, new: Key | None) -> None:
    """Count one entry under `new` and no longer under `old`."""
    if old != new:
        add([(key, n) for key, n in ((old, -1), (new, 1)) if key is not None])


def add(counts: Iterable[tuple[Key, int]]) -> None:
    Tally.objects.bulk_create([Tally(**dict(zip(KEY, key, strict=True)), n=n) for key, n in counts], batch_size=1000)


def fold_if_many() -> None:
    """Fold once some thousand loose rows have come together."""
    if len(Tally.objects.filter(folded=False).values_list("pk", flat=True)[: LOOSE_LIMIT + 1]) > LOOSE_LIMIT:
        fold()


@transaction.atomic
def fold() -> None:
    """Put rows of one key together; the sums are the same before, during and after."""
    Counter.objects.select_for_update().get_or_create(key="tally")
    ids = list(Tally.objects.order_by("pk").values_list("pk", flat=True))
    rows = Tally.objects.filter(pk__lte=ids[-1]) if ids else Tally.objects.none()
    # What commits later under a smaller number is no part of `ids` and stays as it is.
    read = list(rows.values_list("pk", *KEY, "n"))
    sums: dict[Key, int] = {}
    for _pk, *key, n in read:
        sums[tuple(key)] = sums.get(tuple(key), 0) + n
    gone = [pk for pk, *_rest in read]
    for start in range(0, len(gone), 500):
        Tally.objects.filter(pk__in=gone[start : start + 500]).delete()
    Tally.objects.bulk_create(
        [Tally(**dict(zip(KEY, key, strict=True)), n=n, folded=True) for key, n in sums.items() if n], batch_size=1000
    )


@transaction.atomic
def rebuild() -> None:
    """Count every entry anew, in the database."""
    Counter.objects.select_for_update().get_or_create(key="tally")
    Tally.objects.all().delete()
    step = 4 ** (FINEST_ZOOM - ZOOM)
    rows = (
        Entry.objects.order_by()
        .values_list(F("cell") / step, "jurisdiction", "responsible", "category__kind", "state")
        .annotate(Count("pk"))
    )
    Tally.objects.bulk_create(
        [Tally(**dict(zip(KEY, key, strict=True)), n=n, folded=True) for *key, n in rows.iterator()], batch_size=1000
    )


def sums(rows: Any, columns: Sequence[Any]) -> list[tuple]:
    """(columns..., count) of the tally rows, without zeros."""
    found = rows.order_by().values_list(*columns).annotate(total=Sum("n"))
    return [row for row in found if row[-1]]
