"""What the items of check-lists are called, by key: in the lists in use, else in any version, else by the key."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import get_language

from duban.patrol.models import Item, VersionState


@dataclass(frozen=True)
class Words:
    label: str
    label_en: str

    @property
    def here(self) -> str:
        """In the language in use."""
        return self.label if (get_language() or "zh").startswith("zh") else self.label_en


def words_of(keys: Iterable[str]) -> dict[str, Words]:
    """The words of every one of the keys, in one query: how it is said that the item failed, else its question."""
    found = {key: Words(key, key) for key in keys}
    rows = Item.objects.filter(key__in=list(found)).order_by("version__number", "version__checklist__key")
    columns = ("key", "wording", "wording_en", "label", "label_en", "version__state")
    in_use: dict[str, Words] = {}
    for key, wording, wording_en, label, label_en, state in rows.values_list(*columns):
        said = wording or label
        words = Words(said, wording_en or (label_en if not wording else "") or said)
        found[key] = words
        if state == VersionState.IN_USE:
            in_use[key] = words
    return found | in_use
