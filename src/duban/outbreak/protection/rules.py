"""After how many days what goes: versions of each rule from a day on, of which the finest office that fits counts."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from duban.outbreak.models import DeletionRule

REFERENCE = Path(__file__).parent.parent / "reference" / "deletion.json"
FILE, HANDOVER, SCREENING, LOOK = "file", "handover", "screening", "look"


@dataclass(frozen=True)
class RuleTable:
    """The versions that have begun by a day."""

    on: date
    rows: tuple[DeletionRule, ...]

    def at(self, key: str, place: str) -> DeletionRule | None:
        """The rule that holds for a place: of the finest office above it, the version that began last."""
        fitting = [row for row in self.rows if row.key == key and place.startswith(row.office)]
        return max(fitting, key=lambda row: (len(row.office), row.since), default=None)

    def last_day(self, key: str, place: str) -> date | None:
        """What ended on this day or before goes; None where no rule holds."""
        rule = self.at(key, place)
        return None if rule is None else self.on - timedelta(days=rule.days)

    def by_value(self) -> list[dict[str, Any]]:
        """As a certificate keeps them."""
        return [
            {"key": row.key, "office": row.office, "since": row.since.isoformat(), "days": row.days}
            for row in self.rows
        ]


def rules_on(on: date) -> RuleTable:
    return RuleTable(on, tuple(DeletionRule.objects.filter(since__lte=on).order_by("key", "office", "since")))


def load_rules() -> int:
    """Write those built-in versions that are not there yet; returns how many."""
    there = set(DeletionRule.objects.filter(office="").values_list("key", "since"))
    given: Iterable[dict[str, Any]] = json.loads(REFERENCE.read_text(encoding="utf-8"))
    rows = [DeletionRule(**one | {"since": date.fromisoformat(one["since"])}) for one in given]
    new = [row for row in rows if (row.key, row.since) not in there]
    DeletionRule.objects.bulk_create(new)
    return len(new)
