"""Reading check-lists: which there are, which are asked at a type of venue, and the words of one in a language.

A check-list belongs to the whole installation; who holds `checklist.see` anywhere sees all of them.
"""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import NotFound
from duban.patrol.models import CheckList, CheckListVersion, Choice, Item, VersionState

SEES = "checklist.see"
EDITS = "checklist.edit"


def visible_to(person: Person) -> QuerySet[CheckList]:
    return CheckList.objects.all() if rights.codes(person, SEES) else CheckList.objects.none()


def may_edit(person: Person) -> bool:
    return bool(rights.codes(person, EDITS))


def checklist_for(person: Person, key: str) -> CheckList:
    """The check-list, else NotFound (`checklist_not_found`)."""
    found = visible_to(person).filter(key=key).first()
    if found is None:
        raise NotFound("checklist_not_found", _("There is no such check-list, or it is not yours to see."))
    return found


def version_of(checklist: CheckList, number: int | None = None) -> CheckListVersion:
    """The version of that number; without one the version in use, else the newest. Else NotFound."""
    versions = CheckListVersion.objects.filter(checklist=checklist).select_related("checklist")
    if number is None:
        found = versions.filter(state=VersionState.IN_USE).first() or versions.order_by("-number").first()
    else:
        found = versions.filter(number=number).first() if number < 2**31 else None
    if found is None:
        raise NotFound("version_not_found", _("There is no such version of a check-list, or it is not yours to see."))
    return found


def in_use() -> QuerySet[CheckListVersion]:
    """The versions that are answered now, one for each check-list."""
    return CheckListVersion.objects.filter(state=VersionState.IN_USE).select_related("checklist")


def lists_for(kind: str) -> list[CheckListVersion]:
    """The versions in use that are asked at that type of venue, those made for it before those for every type."""
    found = [version for version in in_use() if is_for(version, kind)]
    return sorted(found, key=lambda version: (not version.venue_types, version.checklist.key))


def is_for(version: CheckListVersion, kind: str) -> bool:
    """Whether the version is asked at that type of venue."""
    return not version.venue_types or kind in version.venue_types


def items_of(version: CheckListVersion) -> list[Item]:
    """In the order in which they are asked."""
    return list(Item.objects.filter(version=version).order_by("position"))


def choices_of(version: CheckListVersion) -> list[Choice]:
    return list(Choice.objects.filter(version=version).order_by("position"))


def is_chinese() -> bool:
    return (get_language() or "zh").startswith("zh")


def word_of(chinese: str, english: str) -> str:
    """The one of the two in the reader's language; where it is empty, the other."""
    return (chinese or english) if is_chinese() else (english or chinese)


def titles_of(version: CheckListVersion) -> tuple[str, str]:
    """What the check-list is called in Chinese and English; a draft may call it otherwise."""
    title, title_en = version.kept.get("titles") or (version.checklist.title, version.checklist.title_en)
    return title, title_en


def title_of(checklist: CheckList) -> str:
    return word_of(checklist.title, checklist.title_en)


def label_of(item: Item) -> str:
    """The question in the reader's language; a form may have none, then its key."""
    return word_of(item.label, item.label_en) or item.key


def group_labels(version: CheckListVersion, items: Iterable[Item]) -> dict[str, str]:
    """By path, what each group of the items is called in the reader's language."""
    told = version.kept.get("groups", {})
    labels = {}
    for path in {item.group for item in items if item.group}:
        words = told.get(path, {})
        labels[path] = word_of(words.get("label", ""), words.get("label_en", "")) or path.rpartition("/")[2]
    return labels
