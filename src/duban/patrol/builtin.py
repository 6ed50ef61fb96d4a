"""The check-lists that come with `migrate`, and the built-in facts of an item by its key."""

import csv
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.db import transaction

from duban.patrol.models import CheckList, CheckListVersion, Item, VersionState

REFERENCE = Path(__file__).parent / "reference"
NAMESPACE = uuid.UUID("5d0f8b53-7c1e-5b6f-9e0a-2f4d3c1b7a90")
YES = "1"
MAKER = {"username": "", "name": "Duban", "roles": []}
"""By value, who made what comes with the program."""


def _read(name: str) -> Iterator[dict[str, str]]:
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@cache
def item_facts() -> dict[str, dict[str, Any]]:
    """By key, every built-in item as the columns of Item: what an imported row that names only the key stands for."""
    return {
        row["key"]: row
        | {
            "photo_on_fail": row["photo_on_fail"] == YES,
            "may_expose": row["may_expose"] == YES,
            "days_to_mend": int(row["days_to_mend"]) if row["days_to_mend"] else None,
        }
        for row in _read("items.csv")
    }


@transaction.atomic
def load_checklists(*, now: datetime) -> int:
    """Write those built-in check-lists that are not there yet, their first version in use; returns how many.

    A check-list that is there stays as the office has made it.
    """
    there = set(CheckList.objects.values_list("key", flat=True))
    rows = [row for row in _read("checklists.csv") if row["key"] not in there]
    groups = {row.pop("key"): dict(row) for row in _read("groups.csv")}
    for row in rows:
        checklist = CheckList.objects.create(
            id=uuid.uuid5(NAMESPACE, row["key"]), key=row["key"], title=row["title"], title_en=row["title_en"]
        )
        facts = [item_facts()[key] for key in row["items"].split()]
        version = CheckListVersion.objects.create(
            id=uuid.uuid5(NAMESPACE, f"{row['key']}/1"),
            checklist=checklist,
            number=1,
            state=VersionState.IN_USE,
            venue_types=row["venue_types"].split(),
            kept={"groups": {fact["group"]: groups[fact["group"]] for fact in facts}},
            made_by=MAKER,
            made_at=now,
            effective_from=date.fromisoformat(row["effective_from"]),
        )
        Item.objects.bulk_create(
            [Item(version=version, position=at, required=True, **fact) for at, fact in enumerate(facts, start=1)]
        )
    return len(rows)
