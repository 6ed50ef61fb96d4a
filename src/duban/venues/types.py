"""The built-in types of venues."""

import csv
from pathlib import Path

from duban.venues.models import VenueType

REFERENCE = Path(__file__).parent / "reference" / "venue_types.csv"


def load_types() -> int:
    """Write the built-in types; idempotent, and those of the office stay. Returns how many the file holds."""
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    VenueType.objects.bulk_create(
        [VenueType(**row) for row in rows],
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["name", "name_en", "position"],
    )
    return len(rows)
