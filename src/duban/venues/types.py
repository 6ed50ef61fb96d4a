"""The built-in types of venues."""

import csv
from functools import cache
from pathlib import Path

from duban.venues.models import VenueType

REFERENCE = Path(__file__).parent / "reference" / "venue_types.csv"


@cache
def built_in() -> dict[str, dict[str, str]]:
    """The rows of the file by their key."""
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        return {row["key"]: row for row in csv.DictReader(file)}


def load_types() -> int:
    """Write the built-in types; idempotent, and those of the office stay. Returns how many the file holds."""
    rows = built_in().values()
    VenueType.objects.bulk_create(
        [VenueType(**row) for row in rows],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["name", "name_en", "position"],
    )
    return len(rows)
