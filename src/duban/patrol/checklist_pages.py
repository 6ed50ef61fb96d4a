"""Check-lists: reading, editing, XLSForm in and out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Prefetch
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError, NotFound
from duban.core.forms import NeededField, refuse
from duban.ledger.categories import category_index
from duban.patrol import checklists, editing
from duban.patrol.asking import asked, choices_for, in_force
from duban.patrol.checklists import (
    EDITS,
    SEES,
    choices_of,
    group_labels,
    items_of,
    label_of,
    title_of,
    titles_of,
    word_of,
)
from duban.patrol.comparing import FACTS, compare
from duban.patrol.models import CheckList, CheckListVersion, Choice, Item, QuestionType, Result, Severity, VersionState
from duban.patrol.xlsform import REASONS
from duban.patrol.xlsform_writing import XLSX, write_form
from duban.venues.models import VenueType

MAX_FORM = 10 << 20
"""Bytes of an XLSForm that is uploaded."""
EDITED_HERE = 300
"""Longer lists of choices are changed in the workbook."""
BLANK_ROWS = 3
STATE_SHAPES = {VersionState.DRAFT: "found", VersionState.IN_USE: "closed", VersionState.RETIRED: "void"}


# ---- what is shown --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ListShown:
    """A line of the list of check-lists."""

    checklist: CheckList
    title: str
    types: str
    now: CheckListVersion | None
    draft: CheckListVersion | None
    questions: int


@dataclass(frozen=True)
class ItemShown:
    item: Item
    label: str
    hint: str
    kind: str
    category: str
    wording: str
    number: int


@dataclass(frozen=True)
class GroupShown:
    """What stands together; `depth` counts the groups around it."""

    path: str
    label: str
    items: list[ItemShown]


def type_names(keys: Sequence[str], names: Mapping[str, str]) -> str:
    return (
        "、".join(names.get(key, key) for key in keys)
        if checklists.is_chinese()
        else ", ".join(names.get(key, key) for key in keys)
    )


def venue_type_names() -> dict[str, str]:
    return {kind.key: str(kind) for kind in VenueType.objects.all()}


def groups_of(version: CheckListVersion, items: Sequence[Item]) -> list[GroupShown]:
    """The items in their order, parted where the group changes."""
    labels, categories = group_labels(version, items), category_index()
    groups: list[GroupShown] = []
    for number, item in enumerate(items, start=1):
        if not groups or groups[-1].path != item.group:
            groups.append(GroupShown(item.group, labels.get(item.group, ""), []))
        category = categories.get(item.category)
        groups[-1].items.append(
            ItemShown(
                item,
                label_of(item),
                word_of(item.hint, item.hint_en),
                str(QuestionType(item.type).label),
                word_of(category.name, category.name_en) if category else "",
                word_of(item.wording, item.wording_en),
                number,
            )
        )
    return groups


def _sent(request: StaffRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(SEES)
def checklist_list(request: StaffRequest) -> HttpResponse:
    """Every check-list; for who may edit, a form that makes a new one."""
    form, status = NewForm(_sent(request)), 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                version = editing.make_checklist(by=request.user, now=clock.now(), **form.cleaned_data)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                return redirect("patrol:checklist_edit", version.checklist.key, version.number)
    versions = CheckListVersion.objects.annotate(questions=Count("items")).order_by("number")
    found = checklists.visible_to(request.user).prefetch_related(Prefetch("versions", versions))
    context = {
        "lists": _lists(found),
        "form": form,
        "may_edit": checklists.may_edit(request.user),
    }
    return render(request, "patrol/checklists.html", context, status=status)


def _lists(found: Any) -> list[ListShown]:
    names = venue_type_names()
    lines = []
    for checklist in found:
        versions = list(checklist.versions.all())
        now = next((one for one in versions if one.state == VersionState.IN_USE), None)
        draft = next((one for one in versions if one.state == VersionState.DRAFT), None)
        shown = now or draft or versions[-1]
        types = type_names(shown.venue_types, names)
        lines.append(ListShown(checklist, title_of(checklist), types, now, draft, shown.questions))
    return lines


def _version(request: StaffRequest, key: str, number: int | None = None) -> CheckListVersion:
    """The version asked for; without a number the one in use, else the newest. Else NotFound."""
    return checklists.version_of(checklists.checklist_for(request.user, key), number)


def _frame(request: StaffRequest, version: CheckListVersion) -> dict[str, Any]:
    """What every page of a version needs."""
    return {
        "version": version,
        "checklist": version.checklist,
        "title": word_of(*titles_of(version)),
        "state_word": VersionState(version.state).label,
        "state_shape": STATE_SHAPES[VersionState(version.state)],
        "is_draft": version.state == VersionState.DRAFT,
        "may_edit": checklists.may_edit(request.user),
    }


@require_safe
@person_who(SEES)
def checklist_page(request: StaffRequest, checklist: str, number: int | None = None) -> HttpResponse:
    """One version, the questions in their groups; beside it the others."""
    version = _version(request, checklist, number)
    items = items_of(version)
    versions = list(CheckListVersion.objects.filter(checklist=version.checklist_id).order_by("-number"))
    others = [(one, VersionState(one.state).label, STATE_SHAPES[VersionState(one.state)]) for one in versions]
    context = _frame(request, version) | {
        "groups": groups_of(version, items),
        "checks": sum(item.type == QuestionType.CHECK for item in items),
        "questions": len(items),
        "types": type_names(version.venue_types, venue_type_names()),
        "versions": others,
        "draft": next((one for one in versions if one.state == VersionState.DRAFT), None),
        "before": next((one for one in versions if one.number < version.number), None),
        "problems": problems_shown(version.kept.get("problems", [])),
        "lists": _choice_lists(version),
    }
    return render(request, "patrol/checklist.html", context)


def problems_shown(problems: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**problem, "why": REASONS.get(problem["code"], problem["code"])} for problem in problems]


def _choice_lists(version: CheckListVersion) -> list[tuple[str, int]]:
    """Each list of choices with how many there are, in their order."""
    counts: dict[str, int] = {}
    for name in Choice.objects.filter(version=version).order_by("position").values_list("list_name", flat=True):
        counts[name] = counts.get(name, 0) + 1
    return list(counts.items())


@require_safe
@person_who(SEES)
def checklist_form(request: StaffRequest, checklist: str, number: int) -> HttpResponse:
    """The version as an XLSForm workbook."""
    version = _version(request, checklist, number)
    data = write_form(version, items_of(version), choices_of(version))
    name = f"{version.checklist.key}-{version.number}.xlsx"
    return HttpResponse(data, content_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@require_safe
@person_who(SEES)
def checklist_compare(request: StaffRequest, checklist: str) -> HttpResponse:
    """Two versions of one check-list: what came, what went, what is other."""
    versions = list(
        CheckListVersion.objects.filter(checklist=checklists.checklist_for(request.user, checklist))
        .select_related("checklist")
        .order_by("number")
    )
    by_number = {str(one.number): one for one in versions}
    new = by_number.get(request.GET.get("new", ""), versions[-1])
    before = [one for one in versions if one.number < new.number]
    old = by_number.get(request.GET.get("old", ""), before[-1] if before else new)
    found = compare(items_of(old), items_of(new), choices_of(old), choices_of(new))
    changed = [
        (
            one,
            label_of(one.new),
            [
                (change.word, *(_said(change.fact, value) for value in (change.old, change.new)))
                for change in one.changes
            ],
        )
        for one in found.changed
    ]
    context = _frame(request, new) | {
        "old": old,
        "new": new,
        "versions": versions,
        "comparison": found,
        "added": [(label_of(item), item.key) for item in found.added],
        "removed": [(label_of(item), item.key) for item in found.removed],
        "changed": changed,
    }
    return render(request, "patrol/checklist_compare.html", context)


def _said(fact: str, value: Any) -> str:
    """What an item says under a heading, in words."""
    if fact == "type":
        return str(QuestionType(value).label)
    if fact == "severity":
        return str(Severity(value).label)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "–" if value in (None, "") else str(value)


# ---- as the inspector sees it ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    item: Item
    label: str
    hint: str
    choices: list[tuple[str, str, bool]]
    """Name, label, and whether it is chosen."""
    value: Any
    wording: str
    """What will be said of it if it fails."""
    group: str
    """The label of its group where that begins."""


@require_safe
@person_who(SEES)
def checklist_preview(request: StaffRequest, checklist: str, number: int) -> HttpResponse:
    """The questions as they are asked, given what is chosen; nothing is stored."""
    version = _version(request, checklist, number)
    items = items_of(version)
    answers = answers_of(items, request.GET)
    shown = asked(items, answers)
    context = _frame(request, version) | {
        "questions": _questions(version, shown, choices_of(version), in_force(items, answers)),
        "hidden": len(items) - len(shown),
    }
    page = "patrol/parts/checklist_questions.html" if request.htmx else "patrol/checklist_preview.html"
    return render(request, page, context)


def answers_of(items: Sequence[Item], sent: QueryDict) -> dict[str, Any]:
    """What a form of questions sent, as asking.py takes it; a number that is none stays the text it is."""
    answers: dict[str, Any] = {}
    for item in items:
        given = sent.getlist(f"q.{item.key}")
        if not any(given):
            continue
        answers[item.key] = given if item.type == QuestionType.SELECT_MULTIPLE else given[-1][:500]
    return answers


def _questions(
    version: CheckListVersion, items: Sequence[Item], choices: Sequence[Choice], answers: Mapping[str, Any]
) -> list[Question]:
    labels = group_labels(version, items)
    results = [(result.value, str(result.label)) for result in Result]
    questions: list[Question] = []
    group = ""
    for item in items:
        value = answers.get(item.key, "")
        names = value if isinstance(value, list) else [value]
        if item.type == QuestionType.CHECK:
            offered = results
        else:
            offered = [(one.name, word_of(one.label, one.label_en)) for one in choices_for(item, choices, answers)]
        questions.append(
            Question(
                item,
                label_of(item),
                word_of(item.hint, item.hint_en),
                [(name, label, name in names) for name, label in offered],
                value,
                word_of(item.wording, item.wording_en),
                labels.get(item.group, "") if item.group != group else "",
            )
        )
        group = item.group
    return questions


# ---- editing --------------------------------------------------------------------------------------------------------


class NewForm(forms.Form):
    use_required_attribute = False

    key = NeededField(
        label=pgettext_lazy("name", "Key"),
        help_text=gettext_lazy("Small letters, digits and hyphens; it never changes: wet-markets."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    title = NeededField(label=gettext_lazy("Title"))
    title_en = forms.CharField(label=gettext_lazy("Title in English"), required=False)


class FactsForm(forms.Form):
    """What the draft is called and which types of venue it is for; a pair of labels for each group."""

    use_required_attribute = False

    title = NeededField(label=gettext_lazy("Title"))
    title_en = forms.CharField(label=gettext_lazy("Title in English"), required=False)
    venue_types = forms.MultipleChoiceField(
        label=gettext_lazy("For which types of venue"),
        help_text=gettext_lazy("None chosen: for every type."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, data: Any, version: CheckListVersion, items: Sequence[Item]):
        told = version.kept.get("groups", {})
        self.paths = list(dict.fromkeys(item.group for item in items if item.group))
        title, title_en = titles_of(version)
        initial: dict[str, Any] = {
            "title": title,
            "title_en": title_en,
            "venue_types": version.venue_types,
        }
        super().__init__(data, initial=initial)
        self.fields["venue_types"].choices = list(venue_type_names().items())  # type: ignore[attr-defined]
        for at, group in enumerate(self.paths):
            words = told.get(group, {})
            self.fields[f"group{at}"] = forms.CharField(
                label=_("Label of the group %(group)s") % {"group": group},
                required=False,
                initial=words.get("label", ""),
            )
            self.fields[f"group{at}_en"] = forms.CharField(
                label=_("The same in English"), required=False, initial=words.get("label_en", "")
            )

    def pairs(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"group{at}"], self[f"group{at}_en"]) for at in range(len(self.paths))]

    def groups(self) -> dict[str, tuple[str, str]]:
        sent = self.cleaned_data
        return {group: (sent[f"group{at}"], sent[f"group{at}_en"]) for at, group in enumerate(self.paths)}


def _draft(request: StaffRequest, key: str, number: int) -> CheckListVersion | HttpResponseRedirect:
    """The draft, or the way to the version's page if it is none any more."""
    version = _version(request, key, number)
    if version.state == VersionState.DRAFT:
        return version
    messages.warning(request, _("This version is no draft any more; begin a new draft to change it."))
    return redirect("patrol:checklist_version", key, number)


@require_POST
@person_who(EDITS)
def checklist_draft(request: StaffRequest, checklist: str) -> HttpResponse:
    """Begin a draft, or go on with the one there is."""
    found = checklists.checklist_for(request.user, checklist)
    draft = editing.start_draft(by=request.user, now=clock.now(), checklist=found)
    return redirect("patrol:checklist_edit", checklist, draft.number)


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(EDITS)
def checklist_edit(request: StaffRequest, checklist: str, number: int) -> HttpResponse:
    """The draft on the bench: its facts, its questions to edit, move and take out, its lists, what is to be mended."""
    version, status = _draft(request, checklist, number), 200
    if isinstance(version, HttpResponseRedirect):
        return version
    items, choices = items_of(version), choices_of(version)
    form = FactsForm(_sent(request), version, items)
    if request.method == "POST":
        status = 400
        if form.is_valid():
            sent = form.cleaned_data
            try:
                editing.set_facts(
                    by=request.user, now=clock.now(), version_id=version.pk, title=sent["title"],
                    title_en=sent["title_en"], venue_types=sent["venue_types"], groups=form.groups(),
                )  # fmt: skip
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("Saved."))
                return redirect("patrol:checklist_edit", checklist, number)
    in_use = CheckListVersion.objects.filter(checklist=version.checklist_id, state=VersionState.IN_USE).first()
    context = _frame(request, version) | {
        "form": form,
        "groups": groups_of(version, items),
        "questions": len(items),
        "faults": editing.faults_of(items, choices),
        "lists": _choice_lists(version),
        "in_use": in_use,
        "problems": problems_shown(version.kept.get("problems", [])),
    }
    return render(request, "patrol/checklist_edit.html", context, status=status)


class ItemForm(forms.Form):
    """One question. `seen` stands for what was looked at."""

    use_required_attribute = False

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    key = NeededField(
        label=pgettext_lazy("name", "Key"),
        help_text=gettext_lazy("The same over all lists and versions, so that figures can be told by it: code_scan."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    type = forms.ChoiceField(label=FACTS["type"], choices=QuestionType.choices)
    label = NeededField(label=FACTS["label"], widget=forms.Textarea(attrs={"rows": 2}))
    label_en = forms.CharField(label=FACTS["label_en"], required=False, widget=forms.Textarea(attrs={"rows": 2}))
    hint = forms.CharField(label=FACTS["hint"], required=False)
    hint_en = forms.CharField(label=FACTS["hint_en"], required=False)
    group = forms.CharField(
        label=FACTS["group"],
        required=False,
        help_text=gettext_lazy("A name without blanks; groups in groups are parted by /."),
        widget=forms.TextInput(attrs={"list": "groups", "autocomplete": "off"}),
    )
    required = forms.BooleanField(label=FACTS["required"], required=False)
    basis = forms.CharField(label=FACTS["basis"], required=False)
    severity = forms.ChoiceField(label=FACTS["severity"], choices=Severity.choices, initial=Severity.MAJOR)
    photo_on_fail = forms.BooleanField(label=FACTS["photo_on_fail"], required=False)
    wording = forms.CharField(
        label=FACTS["wording"], required=False, help_text=gettext_lazy("How a bulletin says that it failed.")
    )
    wording_en = forms.CharField(label=FACTS["wording_en"], required=False)
    category = forms.CharField(label=FACTS["category"], required=False, widget=forms.Select)
    days_to_mend = forms.IntegerField(
        label=FACTS["days_to_mend"], required=False, widget=forms.NumberInput(attrs={"min": 1, "max": 366})
    )
    may_expose = forms.BooleanField(label=FACTS["may_expose"], required=False)
    list_name = forms.CharField(label=FACTS["list_name"], required=False, widget=forms.Select)
    choice_filter = forms.CharField(
        label=FACTS["choice_filter"],
        required=False,
        help_text=gettext_lazy("Compares a column of the list: district = ${district}."),
    )
    relevant = forms.CharField(
        label=FACTS["relevant"],
        required=False,
        help_text=gettext_lazy("Empty: always. Else such as ${code_scan} = 'fail'."),
    )
    constraint = forms.CharField(
        label=FACTS["constraint"], required=False, help_text=gettext_lazy("The dot is the answer: . >= 0 and . < 100.")
    )
    constraint_message = forms.CharField(label=FACTS["constraint_message"], required=False)
    constraint_message_en = forms.CharField(label=FACTS["constraint_message_en"], required=False)

    CHECK = ("basis", "severity", "photo_on_fail", "wording", "wording_en", "category", "days_to_mend", "may_expose")
    SELECT = ("list_name", "choice_filter")
    CONDITIONS = ("relevant", "constraint", "constraint_message", "constraint_message_en")

    def __init__(self, data: Any, item: Item | None, items: Sequence[Item], lists: Sequence[tuple[str, int]]):
        facts = {fact: getattr(item, fact) for fact in editing.ITEM_FACTS} if item else {}
        initial = facts | {"key": item.key if item else "", "seen": editing.mark_of(item)}
        super().__init__(data, initial=initial)
        for field in self.fields.values():
            field.label = capfirst(field.label)
        self.groups = list(dict.fromkeys(one.group for one in items if one.group))
        categories = {f"{one.kind}:{one.code}": one for one in category_index().values()}
        named = [(key, f"{word_of(one.name, one.name_en)} {one.code}") for key, one in sorted(categories.items())]
        self.fields["category"].widget.choices = [("", _("not on the ledger")), *named]
        self.fields["list_name"].widget.choices = [("", "–"), *((name, f"{name} ({n})") for name, n in lists)]
        if item:
            self.fields["key"].disabled = True

    def parts(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """The fields that not every question needs, by what for: a word for the page, the heading, the fields."""
        return [
            ("check", _("What makes a check of it"), [self[name] for name in self.CHECK]),
            ("select", _("Where its choices come from"), [self[name] for name in self.SELECT]),
            ("conditions", _("Conditions"), [self[name] for name in self.CONDITIONS]),
        ]


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(EDITS)
def checklist_item(request: StaffRequest, checklist: str, number: int, item: str = "") -> HttpResponse:
    """Edit one question of a draft, or add one."""
    version, status = _draft(request, checklist, number), 200
    if isinstance(version, HttpResponseRedirect):
        return version
    items = items_of(version)
    found = next((one for one in items if one.key == item), None)
    if item and found is None:
        raise NotFound("item_not_found", _("There is no such question in this draft."))
    form = ItemForm(_sent(request), found, items, _choice_lists(version))
    if request.method == "POST":
        status = 400
        if form.is_valid():
            facts = {fact: form.cleaned_data[fact] for fact in editing.ITEM_FACTS}
            key = found.key if found else form.cleaned_data["key"]
            try:
                if found is None and any(one.key == key for one in items):
                    raise editing.BadCheckList(
                        "item_key_taken", _("A question of this key is there already."), field="key"
                    )
                saved = editing.save_item(
                    by=request.user, now=clock.now(), version_id=version.pk, key=key, facts=facts,
                    seen=form.cleaned_data["seen"],
                )  # fmt: skip
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("Saved."))
                return redirect(f"{reverse('patrol:checklist_edit', args=[checklist, number])}#item-{saved.key}")
    context = _frame(request, version) | {
        "form": form,
        "item": found,
        "group": request.GET.get("group", ""),
    }
    return render(request, "patrol/checklist_item.html", context, status=status)


class ChoicesForm(forms.Form):
    """A list of choices, a line each."""

    use_required_attribute = False

    list_name = NeededField(
        label=gettext_lazy("Name of the list"),
        help_text=gettext_lazy("Letters, digits and _: towns."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


@dataclass(frozen=True)
class Line:
    """A choice as its line of the form holds it; `columns` as `district=tongzhou; zone=a`."""

    name: str = ""
    label: str = ""
    label_en: str = ""
    columns: str = ""

    @property
    def filled(self) -> bool:
        return bool(self.name or self.label or self.label_en or self.columns)


def written_columns(columns: Mapping[str, Any]) -> str:
    return "; ".join(f"{column}={text}" for column, text in sorted(columns.items()))


def read_columns(text: str, row: int) -> dict[str, str]:
    """`district=tongzhou; zone=a` as columns; raises BadCheckList (`bad_columns`)."""
    columns = {}
    for part in text.replace("；", ";").split(";"):
        if not part.strip():
            continue
        column, sign, value = part.partition("=")
        if not sign or not column.strip():
            raise editing.BadCheckList(
                "bad_columns", _("Write the columns as district=tongzhou; zone=a."), field="columns", row=row
            )
        columns[column.strip()] = value.strip()
    return columns


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(EDITS)
def checklist_choices(request: StaffRequest, checklist: str, number: int, list_name: str = "") -> HttpResponse:
    """Edit one list of a draft's choices, or add one; a line whose fields are empty is taken out."""
    version, status = _draft(request, checklist, number), 200
    if isinstance(version, HttpResponseRedirect):
        return version
    choices = [one for one in choices_of(version) if one.list_name == list_name] if list_name else []
    if list_name and not choices:
        raise NotFound("list_not_found", _("There is no such list of choices in this draft."))
    form = ChoicesForm(_sent(request), initial={"list_name": list_name})
    form.fields["list_name"].disabled = bool(list_name)
    lines = [Line(one.name, one.label, one.label_en, written_columns(one.columns)) for one in choices]
    if request.method == "POST":
        status = 400
        fields = ("name", "label", "label_en", "columns")
        lines = [Line(*cells) for cells in zip(*(request.POST.getlist(one) for one in fields), strict=False)]
        lines = [line for line in lines if line.filled]
        if form.is_valid():
            name = form.cleaned_data["list_name"]
            try:
                if not list_name and any(name == there for there, _n in _choice_lists(version)):
                    raise editing.BadCheckList(
                        "list_taken", _("A list of this name is there already."), field="list_name"
                    )
                facts = [
                    {"name": line.name, "label": line.label, "label_en": line.label_en,
                     "columns": read_columns(line.columns, row)}
                    for row, line in enumerate(lines, start=1)
                ]  # fmt: skip
                editing.save_list(
                    by=request.user, now=clock.now(), version_id=version.pk, list_name=name, choices=facts
                )
            except DubanError as refusal:
                if refusal.row:
                    words = _("Line %(row)d: %(says)s") % {"row": refusal.row, "says": refusal}
                    refusal = type(refusal)(refusal.code, words, status=refusal.status)
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("Saved."))
                return redirect("patrol:checklist_edit", checklist, number)
    context = _frame(request, version) | {
        "form": form,
        "list_name": list_name,
        "lines": [*lines, *[Line()] * BLANK_ROWS],
        "too_long": len(choices) > EDITED_HERE,
        "most": EDITED_HERE,
    }
    return render(request, "patrol/checklist_choices.html", context, status=status)


def _step(request: StaffRequest, key: str, number: int, work: Callable[[CheckListVersion], str]) -> HttpResponse:
    """Do it to the draft and go where the answer says; a refusal is told on the draft's page."""
    version = _version(request, key, number)
    try:
        return redirect(work(version))
    except DubanError as refusal:
        messages.error(request, f"{refusal} ({refusal.code})")
    at = "patrol:checklist_edit" if version.state == VersionState.DRAFT else "patrol:checklist_version"
    return redirect(at, key, number)


@require_POST
@person_who(EDITS)
def checklist_use(request: StaffRequest, checklist: str, number: int) -> HttpResponse:
    def work(version: CheckListVersion) -> str:
        editing.put_in_use(by=request.user, now=clock.now(), version_id=version.pk)
        messages.success(request, _("Version %(number)d is in use from now on.") % {"number": number})
        return reverse("patrol:checklist", args=[checklist])

    return _step(request, checklist, number, work)


@require_POST
@person_who(EDITS)
def checklist_discard(request: StaffRequest, checklist: str, number: int) -> HttpResponse:
    def work(version: CheckListVersion) -> str:
        editing.discard_draft(by=request.user, now=clock.now(), version_id=version.pk)
        messages.success(request, _("The draft is discarded."))
        return reverse("patrol:checklists")

    return _step(request, checklist, number, work)


@require_POST
@person_who(EDITS)
def checklist_move(request: StaffRequest, checklist: str, number: int, item: str) -> HttpResponse:
    def work(version: CheckListVersion) -> str:
        to = request.POST.get("to", "")
        place = int(to) if to.isascii() and to.isdecimal() and len(to) < 7 else 1
        editing.move_item(by=request.user, now=clock.now(), version_id=version.pk, key=item, to=place)
        return f"{reverse('patrol:checklist_edit', args=[checklist, number])}#item-{item}"

    return _step(request, checklist, number, work)


@require_POST
@person_who(EDITS)
def checklist_remove(request: StaffRequest, checklist: str, number: int, item: str) -> HttpResponse:
    def work(version: CheckListVersion) -> str:
        editing.remove_item(by=request.user, now=clock.now(), version_id=version.pk, key=item)
        messages.success(request, _("The question %(item)s is out of this draft.") % {"item": item})
        return reverse("patrol:checklist_edit", args=[checklist, number])

    return _step(request, checklist, number, work)


# ---- XLSForm in -----------------------------------------------------------------------------------------------------


class LoadForm(forms.Form):
    use_required_attribute = False

    file = forms.FileField(
        label=gettext_lazy("XLSForm workbook"),
        required=False,
        help_text=gettext_lazy("As KoboToolbox, ODK and others make them: sheets survey, choices, settings."),
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.xls"}),
    )
    key = forms.CharField(
        label=gettext_lazy("Key of the check-list"),
        required=False,
        help_text=gettext_lazy("Left empty, the form’s own id. The key of one that is there makes its next version."),
    )
    replace = forms.BooleanField(
        label=gettext_lazy("If that check-list has a draft, throw the draft away"), required=False
    )


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(EDITS)
def xlsform_load(request: StaffRequest) -> HttpResponse:
    """Load a form as a draft, whose page says what of it is not supported."""
    form, status = LoadForm(_sent(request), request.FILES), 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                loaded = _load(request, form.cleaned_data)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                version = loaded.version
                if not loaded.fresh:
                    messages.info(request, _("The newest version says just this already; nothing was changed."))
                at = "patrol:checklist_edit" if version.state == VersionState.DRAFT else "patrol:checklist_version"
                return redirect(at, version.checklist.key, version.number)
    return render(request, "patrol/xlsform_load.html", {"form": form}, status=status)


def _load(request: StaffRequest, sent: Mapping[str, Any]) -> editing.Loaded:
    file = sent["file"]
    if file is None:
        raise editing.BadCheckList("file_missing", _("Choose a file."), field="file")
    if file.size > MAX_FORM:
        raise editing.BadCheckList("file_too_large", _("A form has at most 10 MB."), field="file")
    return editing.load_form(
        by=request.user, now=clock.now(), data=file.read(), name=file.name or "", key=sent["key"],
        replace=sent["replace"],
    )  # fmt: skip


VERSION = "lists/<slug:checklist>/<int:number>/"
urls = [
    path("lists/", checklist_list, name="checklists"),
    path("xlsform/", xlsform_load, name="xlsform_load"),
    path("lists/<slug:checklist>/", checklist_page, name="checklist"),
    path("lists/<slug:checklist>/compare/", checklist_compare, name="checklist_compare"),
    path("lists/<slug:checklist>/draft/", checklist_draft, name="checklist_draft"),
    path(VERSION, checklist_page, name="checklist_version"),
    path(f"{VERSION}form.xlsx", checklist_form, name="checklist_form"),
    path(f"{VERSION}preview/", checklist_preview, name="checklist_preview"),
    path(f"{VERSION}edit/", checklist_edit, name="checklist_edit"),
    path(f"{VERSION}use/", checklist_use, name="checklist_use"),
    path(f"{VERSION}discard/", checklist_discard, name="checklist_discard"),
    path(f"{VERSION}items/", checklist_item, name="checklist_item_add"),
    path(f"{VERSION}items/<str:item>/", checklist_item, name="checklist_item"),
    path(f"{VERSION}items/<str:item>/move/", checklist_move, name="checklist_move"),
    path(f"{VERSION}items/<str:item>/remove/", checklist_remove, name="checklist_remove"),
    path(f"{VERSION}choices/", checklist_choices, name="checklist_choices_add"),
    path(f"{VERSION}choices/<str:list_name>/", checklist_choices, name="checklist_choices"),
]
