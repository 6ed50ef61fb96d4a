"""Check-lists: all of them, one version, two compared, one tried out, one as an XLSForm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Count, Prefetch
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, refuse
from duban.ledger.categories import category_index
from duban.patrol import checklists, editing
from duban.patrol.asking import asked, choices_for, in_force
from duban.patrol.checklists import (
    SEES,
    choices_of,
    group_labels,
    items_of,
    label_of,
    title_of,
    titles_of,
    word_of,
)
from duban.patrol.comparing import compare
from duban.patrol.models import CheckList, CheckListVersion, Choice, Item, QuestionType, Result, Severity, VersionState
from duban.patrol.xlsform import REASONS
from duban.patrol.xlsform_writing import XLSX, write_form
from duban.venues.models import VenueType

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


def sent_of(request: StaffRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


class NewForm(forms.Form):
    use_required_attribute = False

    key = NeededField(
        label=pgettext_lazy("name", "Key"),
        help_text=gettext_lazy("Small letters, digits and hyphens; it never changes: wet-markets."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    title = NeededField(label=gettext_lazy("Title"))
    title_en = forms.CharField(label=gettext_lazy("Title in English"), required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(SEES)
def checklist_list(request: StaffRequest) -> HttpResponse:
    """Every check-list; for who may edit, a form that makes a new one."""
    form, status = NewForm(sent_of(request)), 200
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


def version_asked(request: StaffRequest, key: str, number: int | None = None) -> CheckListVersion:
    """The version asked for; without a number the one in use, else the newest. Else NotFound."""
    return checklists.version_of(checklists.checklist_for(request.user, key), number)


def frame_of(request: StaffRequest, version: CheckListVersion) -> dict[str, Any]:
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
    version = version_asked(request, checklist, number)
    items = items_of(version)
    versions = list(CheckListVersion.objects.filter(checklist=version.checklist_id).order_by("-number"))
    others = [(one, VersionState(one.state).label, STATE_SHAPES[VersionState(one.state)]) for one in versions]
    context = frame_of(request, version) | {
        "groups": groups_of(version, items),
        "checks": sum(item.type == QuestionType.CHECK for item in items),
        "questions": len(items),
        "types": type_names(version.venue_types, venue_type_names()),
        "versions": others,
        "draft": next((one for one in versions if one.state == VersionState.DRAFT), None),
        "before": next((one for one in versions if one.number < version.number), None),
        "problems": problems_shown(version.kept.get("problems", [])),
        "lists": choice_lists_of(version),
    }
    return render(request, "patrol/checklist.html", context)


def problems_shown(problems: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**problem, "why": REASONS.get(problem["code"], problem["code"])} for problem in problems]


def choice_lists_of(version: CheckListVersion) -> list[tuple[str, int]]:
    """Each list of choices with how many there are, in their order."""
    counts: dict[str, int] = {}
    for name in Choice.objects.filter(version=version).order_by("position").values_list("list_name", flat=True):
        counts[name] = counts.get(name, 0) + 1
    return list(counts.items())


@require_safe
@person_who(SEES)
def checklist_form(request: StaffRequest, checklist: str, number: int) -> HttpResponse:
    """The version as an XLSForm workbook."""
    version = version_asked(request, checklist, number)
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
    context = frame_of(request, new) | {
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
    version = version_asked(request, checklist, number)
    items = items_of(version)
    answers = answers_of(items, request.GET)
    shown = asked(items, answers)
    context = frame_of(request, version) | {
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


VERSION = "lists/<slug:checklist>/<int:number>/"
urls = [
    path("lists/", checklist_list, name="checklists"),
    path("lists/<slug:checklist>/", checklist_page, name="checklist"),
    path("lists/<slug:checklist>/compare/", checklist_compare, name="checklist_compare"),
    path(VERSION, checklist_page, name="checklist_version"),
    path(f"{VERSION}form.xlsx", checklist_form, name="checklist_form"),
    path(f"{VERSION}preview/", checklist_preview, name="checklist_preview"),
]
