"""Categories of organisations are local data: the common ones come with `migrate`, others as they are met."""

import csv
from pathlib import Path

from duban.commons.models import OrganisationCategory
from duban.core.integrity import sha256
from duban.core.text import folded

REFERENCE = Path(__file__).parent.parent / "reference" / "categories.csv"


def load_categories() -> None:
    """Bring the built-in categories in; a second time changes nothing."""
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            facts = {"name": row["name"], "name_en": row["name_en"], "local": False}
            OrganisationCategory.objects.update_or_create(key=row["key"], defaults=facts)


class Categories:
    """Categories by any of their words; those that are not there yet are kept until they are written."""

    def __init__(self) -> None:
        self.known: dict[str, OrganisationCategory] = {}
        self.new: list[OrganisationCategory] = []
        for one in OrganisationCategory.objects.all():
            self.known |= {folded(word): one for word in (one.key, one.name, one.name_en) if word}

    def named(self, word: str) -> OrganisationCategory:
        """The category of this word; an unknown one becomes a local category."""
        found = self.known.get(folded(word))
        if found is None:
            # A key that follows from the name: two imports at once make the same one.
            found = OrganisationCategory(key=f"local-{sha256(folded(word).encode())[:12]}", name=word, local=True)
            self.known[folded(word)] = found
            self.new.append(found)
        return found

    def write_new(self) -> None:
        OrganisationCategory.objects.bulk_create(self.new, ignore_conflicts=True)
        self.new = []
