"""The built-in categories, and finding one by what an office writes in a cell."""

import csv
from pathlib import Path

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.ledger.models import Category

REFERENCE = Path(__file__).parent / "reference" / "categories.csv"


class UnknownCategory(DubanError):
    pass


def load_categories() -> int:
    """Write the built-in categories; idempotent, and local ones stay. Returns how many there are in the file."""
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    Category.objects.bulk_create(
        [Category(**row) for row in rows],
        update_conflicts=True,
        unique_fields=["kind", "code"],
        update_fields=["name", "name_en"],
    )
    return len(rows)


def category_index() -> dict[str, Category]:
    """Every way to write a category: code, Chinese name, English name in any case.

    Where an event and a component share a code, the event is meant.
    """
    return _index(Category.objects.all())


def _index(categories: QuerySet[Category]) -> dict[str, Category]:
    index: dict[str, Category] = {}
    for category in categories.order_by("-kind"):
        for key in (
            f"{category.kind}:{category.code}",
            category.code,
            category.name,
            category.name_en.lower(),
        ):
            index.setdefault(key, category)
    return index


def category_named(text: str) -> Category:
    """find_category for a single cell: reads the few that may be meant."""
    key = text.strip()
    code = key.rpartition(":")[2]
    meant = Q(code__in=[code, code.zfill(5)]) | Q(name=key) | Q(name_en__iexact=key)
    return find_category(text, _index(Category.objects.filter(meant)))


def find_category(text: str, index: dict[str, Category], *, row: int | None = None) -> Category:
    """The category meant, else UnknownCategory (`category_missing`, `unknown_category`).

    Excel takes the leading 0 off a code; it is put back.
    """
    key = text.strip()
    if not key:
        raise UnknownCategory("category_missing", _("Say the category, by code or name."), field="category", row=row)
    found = index.get(key) or index.get(key.lower()) or (index.get(key.zfill(5)) if key.isdigit() else None)
    if found is None:
        raise UnknownCategory(
            "unknown_category",
            _("“%(text)s” is no category of the ledger; use a code such as 06010 or its name.") % {"text": key[:40]},
            field="category",
            row=row,
        )
    return found
