"""Changing check-lists: a version in use never changes; one edits a draft and puts it in use.

What the check-list is called and which types of venue it is for is the draft's too until then; the key never changes.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotAllowed, NotFound
from duban.core.text import is_plain
from duban.ledger.categories import category_index
from duban.patrol.checklists import EDITS, choices_of, items_of, titles_of
from duban.patrol.models import CheckList, CheckListVersion, Choice, Item, QuestionType, Severity, VersionState
from duban.patrol.xlsform_reading import MAX_CHOICES, MAX_ROWS, Form, read_form, why_not
from duban.venues.models import VenueType

KEY = r"[a-z][a-z0-9_]{0,63}"
SELECTS = (QuestionType.SELECT_ONE, QuestionType.SELECT_MULTIPLE)
ITEM_FACTS = (
    "type", "group", "label", "label_en", "hint", "hint_en", "required", "relevant", "list_name", "choice_filter",
    "constraint", "constraint_message", "constraint_message_en", "basis", "severity", "photo_on_fail", "wording",
    "wording_en", "category", "days_to_mend", "may_expose",
)  # fmt: skip
CHOICE_FACTS = ("list_name", "name", "label", "label_en", "columns")
EXPRESSIONS = ("relevant", "constraint", "choice_filter")


class BadCheckList(DubanError):
    pass


@dataclass(frozen=True)
class Loaded:
    version: CheckListVersion
    fresh: bool
    """False: the newest version says just this, and nothing was written."""
    problems: list[dict[str, Any]]


# ---- who, and which -------------------------------------------------------------------------------------------------


def _require(by: audit.Actor) -> None:
    """Whoever holds the right anywhere: check-lists are of the whole installation. The console may."""
    if isinstance(by, Person) and not rights.codes(by, EDITS):
        raise NotAllowed(
            "not_allowed",
            _("%(person)s holds no role that allows this (%(permission)s).") % {"person": by, "permission": EDITS},
        )


def _draft(version_id: uuid.UUID) -> CheckListVersion:
    """The draft with its check-list locked; raises NotFound (`version_not_found`), Conflict (`version_not_draft`)."""
    found = CheckListVersion.objects.filter(pk=version_id).first()
    if found is None:
        raise NotFound("version_not_found", _("There is no such version of a check-list, or it is not yours to see."))
    checklist = CheckList.objects.select_for_update().get(pk=found.checklist_id)
    version = CheckListVersion.objects.filter(pk=version_id).first()
    if version is None or version.state != VersionState.DRAFT:
        raise Conflict("version_not_draft", _("This version is no draft any more; begin a new draft to change it."))
    version.checklist = checklist
    return version


def _record(by: audit.Actor, now: datetime, action: str, version: CheckListVersion, **detail: Any) -> None:
    audit.record(
        by=by, now=now, action=action, subject_type="checklist", subject_id=version.checklist_id,
        detail={"version": version.number} | detail,
    )  # fmt: skip


# ---- check-lists and their versions ---------------------------------------------------------------------------------


@transaction.atomic
def make_checklist(
    *, by: audit.Actor, now: datetime, key: str, title: str, title_en: str = "", venue_types: Sequence[str] = ()
) -> CheckListVersion:
    """A new check-list with an empty draft.

    Raises NotAllowed, BadCheckList (`bad_key`, `title_missing`, `text_too_long`, `unknown_venue_type`), Conflict
    (`checklist_exists`).
    """
    _require(by)
    _check_key(key)
    title, title_en = _titles(title, title_en)
    checklist, made = CheckList.objects.get_or_create(key=key, defaults={"title": title, "title_en": title_en})
    if not made:
        raise Conflict("checklist_exists", _("There is a check-list of this key; take another."), field="key")
    version = CheckListVersion.objects.create(
        checklist=checklist, number=1, venue_types=_types(venue_types), made_by=by.as_actor(), made_at=now
    )
    _record(by, now, "make_checklist", version)
    return version


def _check_key(key: str) -> None:
    if not key or key != slugify(key) or len(key) > 60:
        raise BadCheckList("bad_key", _("A key has small letters, digits and hyphens: wet-markets."), field="key")


@transaction.atomic
def start_draft(*, by: audit.Actor, now: datetime, checklist: CheckList) -> CheckListVersion:
    """The check-list's draft: the one there is, else a copy of the version in use, else of the newest."""
    _require(by)
    CheckList.objects.select_for_update().get(pk=checklist.pk)
    versions = list(CheckListVersion.objects.filter(checklist=checklist).select_related("checklist"))
    there = next((version for version in versions if version.state == VersionState.DRAFT), None)
    if there:
        return there
    old = next((version for version in versions if version.state == VersionState.IN_USE), versions[-1])
    draft = CheckListVersion.objects.create(
        checklist=checklist, number=versions[-1].number + 1, venue_types=old.venue_types, kept=old.kept,
        made_by=by.as_actor(), made_at=now,
    )  # fmt: skip
    _write(draft, items_of(old), choices_of(old))
    _record(by, now, "start_checklist_draft", draft, of=old.number)
    return draft


def _write(version: CheckListVersion, items: Sequence[Item], choices: Sequence[Choice]) -> None:
    """Store copies of the items and choices under the version, counted from 1."""
    Item.objects.bulk_create(
        [
            Item(version=version, key=item.key, position=at, **{fact: getattr(item, fact) for fact in ITEM_FACTS})
            for at, item in enumerate(items, start=1)
        ],
        batch_size=200,
    )
    Choice.objects.bulk_create(
        [
            Choice(version=version, position=at, **{fact: getattr(choice, fact) for fact in CHOICE_FACTS})
            for at, choice in enumerate(choices, start=1)
        ],
        batch_size=1000,
    )


@transaction.atomic
def set_facts(
    *,
    by: audit.Actor,
    now: datetime,
    version_id: uuid.UUID,
    title: str,
    title_en: str = "",
    venue_types: Sequence[str] = (),
    groups: Mapping[str, tuple[str, str]] | None = None,
) -> CheckListVersion:
    """What the draft is called, which types of venue it is for, and the labels of its groups by path (zh, en)."""
    _require(by)
    version = _draft(version_id)
    titles = _titles(title, title_en)
    version.venue_types = _types(venue_types)
    told = dict(version.kept.get("groups", {}))
    for path, words in (groups or {}).items():
        label, label_en = (_short(text, 500, "groups") for text in words)
        told[path] = told.get(path, {}) | {"label": label, "label_en": label_en}
    version.kept = version.kept | {"groups": told, "titles": list(titles)}
    version.save(update_fields=["venue_types", "kept"])
    _record(by, now, "set_checklist_facts", version)
    return version


@transaction.atomic
def put_in_use(*, by: audit.Actor, now: datetime, version_id: uuid.UUID) -> CheckListVersion:
    """The draft is asked from now on, and the version before it no more.

    Raises NotAllowed, NotFound, Conflict (`version_not_draft`), BadCheckList (`draft_not_ready`) naming what is wrong.
    """
    _require(by)
    version = _draft(version_id)
    faults = faults_of(items_of(version), choices_of(version))
    if faults:
        shown = "; ".join(str(fault) for fault in faults[:5])
        raise BadCheckList("draft_not_ready", _("Mend this first: %(faults)s") % {"faults": shown})
    CheckListVersion.objects.filter(checklist=version.checklist_id, state=VersionState.IN_USE).update(
        state=VersionState.RETIRED
    )
    checklist = version.checklist
    checklist.title, checklist.title_en = titles_of(version)
    checklist.save(update_fields=["title", "title_en"])
    version.kept.pop("titles", None)
    version.state, version.effective_from = VersionState.IN_USE, timezone.localdate(now)
    version.save(update_fields=["state", "effective_from", "kept"])
    _record(by, now, "use_checklist", version)
    return version


@transaction.atomic
def discard_draft(*, by: audit.Actor, now: datetime, version_id: uuid.UUID) -> None:
    """Throw the draft away, and the check-list with it if it never had another version."""
    _require(by)
    version = _draft(version_id)
    _record(by, now, "discard_checklist_draft", version)
    alone = not CheckListVersion.objects.filter(checklist=version.checklist_id).exclude(pk=version.pk).exists()
    version.delete()
    if alone:
        version.checklist.delete()


def faults_of(items: Sequence[Item], choices: Sequence[Choice]) -> list[DubanError]:
    """What keeps a draft from being put in use, each with its item as `field`."""
    if not any(item.type != QuestionType.NOTE for item in items):
        return [BadCheckList("form_empty", _("The form asks nothing."))]
    lists = {choice.list_name for choice in choices}
    keys = {item.key for item in items}
    columns = _columns_by_list(choices)
    faults: list[DubanError] = []
    for item in items:
        if item.type in SELECTS and item.list_name not in lists:
            faults.append(
                BadCheckList(
                    "list_missing", _("%(item)s: its list has no choices.") % {"item": item.key}, field=item.key
                )
            )
        for fact in EXPRESSIONS:
            text = getattr(item, fact)
            if text and why_not(text, keys, columns=columns.get(item.list_name, ()) if fact == "choice_filter" else ()):
                faults.append(_bad_condition(item.key, text))
    return faults


def _bad_condition(key: str, text: str) -> BadCheckList:
    return BadCheckList(
        "bad_condition",
        _("%(item)s: the condition “%(text)s” refers to what is not there or cannot be evaluated.")
        % {"item": key, "text": text[:80]},
        field=key,
    )


def _columns_by_list(choices: Sequence[Choice]) -> dict[str, set[str]]:
    columns: dict[str, set[str]] = {}
    for choice in choices:
        columns.setdefault(choice.list_name, {"name", "label"}).update(choice.columns)
    return columns


# ---- items ----------------------------------------------------------------------------------------------------------


def mark_of(item: Item | None) -> str:
    """Stands for what an item says, so that a stale page is noticed."""
    facts = [getattr(item, fact) for fact in ITEM_FACTS] if item else []
    return hashlib.sha256(json.dumps(facts, ensure_ascii=False).encode()).hexdigest()[:16]


@transaction.atomic
def save_item(
    *,
    by: audit.Actor,
    now: datetime,
    version_id: uuid.UUID,
    key: str,
    facts: Mapping[str, Any],
    seen: str | None = None,
) -> Item:
    """Write an item of the draft; one whose key is new is added at the end of its group.

    `facts` are columns of Item (ITEM_FACTS); what is not named stays. `seen` is the mark_of what was looked at.
    Raises NotAllowed, NotFound, Conflict (`version_not_draft`, `item_changed`), BadCheckList (`bad_item_key`,
    `label_missing`, `text_too_long`, `unknown_type`, `unknown_severity`, `unknown_category`, `bad_days`,
    `list_missing`, `bad_condition`, `bad_group`, `too_many_items`).
    """
    _require(by)
    version = _draft(version_id)
    items = items_of(version)
    old = next((item for item in items if item.key == key), None)
    if seen is not None and seen != mark_of(old):
        raise Conflict("item_changed", _("Somebody has changed this question meanwhile; look at it again."))
    item = old or Item(version=version, key=_item_key(key), position=len(items) + 1)
    for fact, value in facts.items():
        setattr(item, fact, value)
    _check_item(item, {one.key for one in items} | {key}, choices_of(version))
    if old is None:
        if len(items) >= MAX_ROWS:
            raise BadCheckList("too_many_items", _("A check-list has at most %(rows)d questions.") % {"rows": MAX_ROWS})
        items.insert(_end_of(items, item.group), item)
    elif "group" in facts:
        items.remove(item)
        before = next((at for at, one in enumerate(items) if one.position > item.position), len(items))
        stays = any(one.group == item.group for one in items[max(0, before - 1) : before + 1])
        items.insert(before if stays else _end_of(items, item.group), item)
    item.save()
    _count(items)
    _record(by, now, "save_checklist_item", version, item=item.key)
    return item


@transaction.atomic
def remove_item(*, by: audit.Actor, now: datetime, version_id: uuid.UUID, key: str) -> None:
    """Take an item out of the draft. Raises NotAllowed, NotFound (`item_not_found`), Conflict."""
    _require(by)
    version = _draft(version_id)
    items = items_of(version)
    item = _item(items, key)
    items.remove(item)
    item.delete()
    _count(items)
    _record(by, now, "remove_checklist_item", version, item=key)


@transaction.atomic
def move_item(*, by: audit.Actor, now: datetime, version_id: uuid.UUID, key: str, to: int) -> None:
    """Put an item at the place `to`, counted from 1; it joins the group of what stands there.

    Past the first or last it goes to the end. Raises NotAllowed, NotFound (`item_not_found`), Conflict.
    """
    _require(by)
    version = _draft(version_id)
    items = items_of(version)
    item = _item(items, key)
    at = min(max(to, 1), len(items)) - 1
    group = items[at].group
    items.remove(item)
    items.insert(at, item)
    around = {one.group for one in items[max(0, at - 1) : at + 2] if one is not item}
    if item.group not in around:
        item.group = group
        item.save(update_fields=["group"])
    _count(items)
    _record(by, now, "move_checklist_item", version, item=key)


def _item(items: Sequence[Item], key: str) -> Item:
    found = next((item for item in items if item.key == key), None)
    if found is None:
        raise NotFound("item_not_found", _("There is no such question in this draft."))
    return found


def _end_of(items: Sequence[Item], group: str) -> int:
    last = [at for at, item in enumerate(items) if item.group == group]
    return last[-1] + 1 if last else len(items)


def _count(items: Sequence[Item]) -> None:
    """Number them anew in the order given."""
    changed = []
    for at, item in enumerate(items, start=1):
        if item.position != at:
            item.position = at
            changed.append(item)
    Item.objects.bulk_update(changed, ["position"], batch_size=500)


def _item_key(key: str) -> str:
    if not re.fullmatch(KEY, key):
        raise BadCheckList(
            "bad_item_key", _("A key begins with a small letter and has letters, digits and _: code_scan."), field="key"
        )
    return key


def _check_item(item: Item, keys: set[str], choices: Sequence[Choice]) -> None:
    for fact in ("label", "label_en", "hint", "hint_en", "constraint_message", "constraint_message_en", "basis",
                 "wording", "wording_en", "group", "list_name", *EXPRESSIONS):  # fmt: skip
        longest = getattr(Item._meta.get_field(fact), "max_length", None) or 0
        setattr(item, fact, _short(getattr(item, fact), longest, fact))
    if item.type not in QuestionType.values:
        raise BadCheckList("unknown_type", _("Choose what kind of question it is."), field="type")
    if not item.label:
        raise BadCheckList("label_missing", _("Write the question."), field="label")
    if any(not part or "/" in part or " " in part for part in item.group.split("/")) and item.group:
        raise BadCheckList(
            "bad_group", _("A group’s name has no blanks: epidemic, or epidemic/entrance."), field="group"
        )
    if item.severity not in Severity.values:
        raise BadCheckList("unknown_severity", _("Choose how grave it is."), field="severity")
    if item.category and item.category not in category_index():
        raise BadCheckList("unknown_category", _("Choose a category of the ledger."), field="category")
    if item.days_to_mend is not None and not 0 < item.days_to_mend <= 366:
        raise BadCheckList("bad_days", _("Give between 1 and 366 working days."), field="days_to_mend")
    columns = _columns_by_list(choices)
    if item.type in SELECTS and item.list_name not in columns:
        raise BadCheckList(
            "list_missing", _("%(item)s: its list has no choices.") % {"item": item.key}, field="list_name"
        )
    for fact in EXPRESSIONS:
        text = getattr(item, fact)
        named = columns.get(item.list_name, set()) if fact == "choice_filter" else ()
        if text and why_not(text, keys, columns=named):
            refusal = _bad_condition(item.key, text)
            refusal.field = fact
            raise refusal


# ---- choices --------------------------------------------------------------------------------------------------------


@transaction.atomic
def save_list(
    *, by: audit.Actor, now: datetime, version_id: uuid.UUID, list_name: str, choices: Sequence[Mapping[str, Any]]
) -> list[Choice]:
    """Write one list of the draft whole: {name, label, label_en, columns} each in order; none removes the list.

    Raises NotAllowed, NotFound, Conflict, BadCheckList (`bad_list_name`, `bad_choice_name`, `label_missing`,
    `text_too_long`, `too_many_choices`); `row` counts the choices from 1.
    """
    _require(by)
    version = _draft(version_id)
    if not list_name or len(list_name) > 64 or not list_name.replace("_", "a").replace("-", "a").isalnum():
        raise BadCheckList("bad_list_name", _("A list’s name has letters, digits and _: towns."), field="list_name")
    fresh = [_choice(list_name, at, facts) for at, facts in enumerate(choices, start=1)]
    others = [choice for choice in choices_of(version) if choice.list_name != list_name]
    if len(others) + len(fresh) > MAX_CHOICES:
        raise BadCheckList("too_many_choices", _("A check-list has at most %(n)d choices.") % {"n": MAX_CHOICES})
    Choice.objects.filter(version=version, list_name=list_name).delete()
    first = len(others) and max(choice.position for choice in others)
    for at, choice in enumerate(fresh, start=1):
        choice.version, choice.position = version, first + at
    Choice.objects.bulk_create(fresh, batch_size=1000)
    _record(by, now, "save_checklist_list", version, list=list_name, choices=len(fresh))
    return fresh


def _choice(list_name: str, row: int, facts: Mapping[str, Any]) -> Choice:
    name = str(facts.get("name", "")).strip()
    if not name or len(name) > 100 or any(character.isspace() for character in name) or not is_plain(name):
        raise BadCheckList("bad_choice_name", _("A choice needs a name without blanks."), field="name", row=row)
    try:
        label, label_en = (_short(str(facts.get(fact, "")), 500, fact) for fact in ("label", "label_en"))
        columns = {
            _short(str(column), 64, "columns"): _short(str(text), 200, "columns")
            for column, text in dict(facts.get("columns", {})).items()
        }
    except BadCheckList as refusal:
        refusal.row = row
        raise
    if not label:
        raise BadCheckList("label_missing", _("Write what the choice says."), field="label", row=row)
    return Choice(list_name=list_name, name=name, label=label, label_en=label_en, columns=columns)


# ---- words ----------------------------------------------------------------------------------------------------------


def _short(text: str, longest: int, field: str) -> str:
    text = text.replace("\r\n", "\n").strip()
    if len(text) > longest or not is_plain(text):
        raise BadCheckList(
            "text_too_long", _("Write at most %(longest)d characters.") % {"longest": longest}, field=field
        )
    return text


def _titles(title: str, title_en: str) -> tuple[str, str]:
    title, title_en = _short(title, 100, "title"), _short(title_en, 100, "title_en")
    if not title:
        raise BadCheckList("title_missing", _("Give the check-list a title."), field="title")
    return title, title_en


def _types(keys: Sequence[str]) -> list[str]:
    """The types in the register's order; raises BadCheckList (`unknown_venue_type`)."""
    known = list(VenueType.objects.values_list("key", flat=True))
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise BadCheckList(
            "unknown_venue_type",
            _("“%(key)s” is no type of venue here.") % {"key": unknown[0][:40]},
            field="venue_types",
        )
    return [key for key in known if key in set(keys)]


# ---- XLSForm --------------------------------------------------------------------------------------------------------


def load_form(
    *,
    by: audit.Actor,
    now: datetime,
    data: bytes,
    name: str,
    key: str = "",
    use: bool = False,
    replace: bool = False,
) -> Loaded:
    """Load an XLSForm workbook called `name` as a draft of the check-list `key` (default: the form's own id).

    With `use` it is put in use at once. A draft that says something else is only replaced with `replace`. The form that
    the newest version says already writes nothing. Raises NotAllowed, BadTable, BadForm (see read_form), BadCheckList
    (`bad_key`, `unknown_venue_type`, `draft_not_ready`), Conflict (`draft_exists`).
    """
    _require(by)
    if key:
        _check_key(key)
    form = read_form(data, name)
    return _load(by=by, now=now, form=form, key=key or form.key, use=use, replace=replace)


@transaction.atomic
def _load(*, by: audit.Actor, now: datetime, form: Form, key: str, use: bool, replace: bool) -> Loaded:
    problems = [problem.as_dict() for problem in form.problems]
    form.kept["problems"] = problems
    form.kept["titles"] = [form.title, form.title_en]
    types = _types(form.venue_types)
    checklist, _made = CheckList.objects.get_or_create(
        key=key, defaults={"title": form.title, "title_en": form.title_en}
    )
    CheckList.objects.select_for_update().get(pk=checklist.pk)
    versions = list(CheckListVersion.objects.filter(checklist=checklist).select_related("checklist").order_by("number"))
    newest = versions[-1] if versions else None
    if newest and _says(newest, form, types):
        if use and newest.state == VersionState.DRAFT:
            newest = put_in_use(by=by, now=now, version_id=newest.pk)
        return Loaded(newest, fresh=False, problems=problems)
    number = newest.number + 1 if newest else 1
    if newest and newest.state == VersionState.DRAFT:
        if not replace:
            raise Conflict("draft_exists", _("This check-list has a draft already; put it in use or discard it first."))
        number = newest.number
        newest.delete()
    version = CheckListVersion.objects.create(
        checklist=checklist, number=number, venue_types=types, kept=form.kept, made_by=by.as_actor(), made_at=now
    )
    _write(version, form.items, form.choices)
    _record(by, now, "load_checklist", version, items=len(form.items), problems=len(problems))
    if use:
        version = put_in_use(by=by, now=now, version_id=version.pk)
    return Loaded(version, fresh=True, problems=problems)


def _says(version: CheckListVersion, form: Form, types: list[str]) -> bool:
    """Whether the version says just what the form says."""

    def same(one: Any, other: Any, facts: Sequence[str]) -> bool:
        return all(getattr(one, fact) == getattr(other, fact) for fact in facts)

    items, choices = items_of(version), choices_of(version)
    return (
        version.venue_types == types
        and titles_of(version) == (form.title, form.title_en)
        and {**version.kept, "titles": form.kept["titles"]} == form.kept
        and len(items) == len(form.items)
        and len(choices) == len(form.choices)
        and all(same(one, other, ("key", *ITEM_FACTS)) for one, other in zip(items, form.items, strict=True))
        and all(same(one, other, CHOICE_FACTS) for one, other in zip(choices, form.choices, strict=True))
    )
