"""What is other in one version of a check-list than in another."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from duban.patrol.models import Choice, Item

FACTS = {
    "label": _("question"),
    "label_en": _("question in English"),
    "hint": _("hint"),
    "hint_en": _("hint in English"),
    "type": _("kind of question"),
    "group": _("group"),
    "required": _("must be answered"),
    "relevant": _("asked when"),
    "list_name": _("list of choices"),
    "choice_filter": _("choices offered when"),
    "constraint": _("answer allowed when"),
    "constraint_message": _("what is said otherwise"),
    "constraint_message_en": _("what is said otherwise, in English"),
    "basis": _("basis"),
    "severity": _("severity"),
    "photo_on_fail": _("photo at a fail"),
    "wording": _("standard wording"),
    "wording_en": _("standard wording in English"),
    "category": _("category of the ledger"),
    "days_to_mend": _("working days to mend"),
    "may_expose": _("may be exposed"),
}
"""What an item says, and what each is called on a page."""


@dataclass(frozen=True)
class Change:
    fact: str
    old: Any
    new: Any

    @property
    def word(self) -> Promise:
        return FACTS[self.fact]


@dataclass(frozen=True)
class Changed:
    """An item that is in both versions; `moved` is its place before and now among those that are in both, or None."""

    old: Item
    new: Item
    changes: list[Change]
    moved: tuple[int, int] | None


@dataclass(frozen=True)
class Comparison:
    added: list[Item]
    removed: list[Item]
    changed: list[Changed]
    lists: list[tuple[str, int, int]]
    """Each list of choices that is other, with how many were in it and are in it now."""

    @property
    def same(self) -> bool:
        return not (self.added or self.removed or self.changed or self.lists)


def compare(
    old: Sequence[Item], new: Sequence[Item], old_choices: Sequence[Choice] = (), new_choices: Sequence[Choice] = ()
) -> Comparison:
    """What is other in the new version; items are matched by their keys."""
    before, after = {item.key: item for item in old}, {item.key: item for item in new}
    stayed = [key for key in before if key in after]
    places = {key: at for at, key in enumerate((key for key in after if key in before), start=1)}
    moved = _moved(stayed, places)
    changed = []
    for at, key in enumerate(stayed, start=1):
        changes = [
            Change(fact, getattr(before[key], fact), getattr(after[key], fact))
            for fact in FACTS
            if getattr(before[key], fact) != getattr(after[key], fact)
        ]
        if changes or key in moved:
            changed.append(Changed(before[key], after[key], changes, (at, places[key]) if key in moved else None))
    return Comparison(
        added=[item for key, item in after.items() if key not in before],
        removed=[item for key, item in before.items() if key not in after],
        changed=changed,
        lists=_lists(old_choices, new_choices),
    )


def _moved(stayed: Sequence[str], places: dict[str, int]) -> set[str]:
    """The fewest that must move to make the one order of the other: all but a longest run that keeps its order."""
    ends: list[int] = []
    """By length, the smallest place in which a run of that length ends."""
    lengths = []
    for key in stayed:
        at = bisect_left(ends, places[key])
        ends[at : at + 1] = [places[key]]
        lengths.append(at + 1)
    kept, wanted = set(), len(ends)
    for key, length in zip(reversed(stayed), reversed(lengths), strict=True):
        if length == wanted:
            kept.add(key)
            wanted -= 1
    return set(stayed) - kept


def _lists(old: Sequence[Choice], new: Sequence[Choice]) -> list[tuple[str, int, int]]:
    def by_list(choices: Sequence[Choice]) -> dict[str, list[tuple[Any, ...]]]:
        found: dict[str, list[tuple[Any, ...]]] = {}
        for one in choices:
            facts = (one.name, one.label, one.label_en, tuple(sorted(one.columns.items())))
            found.setdefault(one.list_name, []).append(facts)
        return found

    before, after = by_list(old), by_list(new)
    return [
        (name, len(before.get(name, [])), len(after.get(name, [])))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]
