"""The table of rules: what is in force where, and as the schedule takes it."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from duban.outbreak.measures.schedule import Rule
from duban.outbreak.models import MeasureRule

REFERENCE = Path(__file__).parent.parent / "reference" / "measures.json"


def all_rules() -> tuple[Rule, ...]:
    """Every version of every rule."""
    return tuple(as_rule(row) for row in MeasureRule.objects.order_by("key", "office", "since"))


def as_rule(row: MeasureRule) -> Rule:
    return Rule(
        id=row.pk,
        key=row.key,
        office=row.office,
        since=row.since,
        until=row.until,
        phases=tuple((phase["measure"], phase["days"]) for phase in row.phases),
        test_days=tuple(row.test_days),
        counted_from=row.counted_from,
        double=row.double_before_release,
        reports=row.reports_a_day,
        visit_every=row.visit_every,
        quiet_days=row.quiet_days,
    )


def rules_at(place: str, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Those that may hold at a place: the built-in ones and those of the offices above it."""
    return tuple(rule for rule in rules if place.startswith(rule.office))


def place_of(office: str, town: str) -> str:
    """Where the rules of a file are looked up: its town, or its office where the town is none of the office's."""
    return town if town.startswith(office) else office


def in_force(rules: Sequence[Rule], day: date) -> dict[str, Rule]:
    """By key the version that holds on a day, of the finest office."""
    found: dict[str, Rule] = {}
    for rule in sorted(rules, key=lambda one: (len(one.office), one.since)):
        if rule.since <= day and (rule.until is None or day <= rule.until):
            found[rule.key] = rule
    return found


def load_rules(*, now: datetime) -> int:
    """Write those built-in versions that are not there yet; returns how many."""
    there = set(MeasureRule.objects.filter(office="").values_list("key", "since"))
    rows = [_row(given, now) for given in json.loads(REFERENCE.read_text(encoding="utf-8"))]
    new = [row for row in rows if (row.key, row.since) not in there]
    MeasureRule.objects.bulk_create(new)
    return len(new)


def _row(given: dict[str, Any], now: datetime) -> MeasureRule:
    return MeasureRule(
        key=given["key"],
        office="",
        since=date.fromisoformat(given["since"]),
        name=given["name"],
        name_en=given["name_en"],
        phases=[{"measure": measure, "days": days} for measure, days in given["phases"]],
        test_days=given["test_days"],
        counted_from=given["counted_from"],
        double_before_release=given["double"],
        reports_a_day=given["reports"],
        visit_every=given["visit_every"],
        quiet_days=given["quiet_days"],
        source=given["source"],
        added_at=now,
    )
