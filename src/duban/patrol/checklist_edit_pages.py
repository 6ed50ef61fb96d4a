"""Check-lists on the bench: a draft's facts, questions and choices, put in use or thrown away; XLSForm in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError, NotFound
from duban.core.forms import NeededField, refuse
from duban.ledger.categories import category_index
from duban.patrol import checklists, editing
from duban.patrol.checklist_pages import (
    VERSION,
    choice_lists_of,
    frame_of,
    groups_of,
    problems_shown,
    sent_of,
    venue_type_names,
    version_asked,
)
from duban.patrol.checklists import (
    EDITS,
    choices_of,
    items_of,
    titles_of,
    word_of,
)
from duban.patrol.comparing import FACTS
from duban.patrol.models import CheckListVersion, Item, QuestionType, Severity, VersionState

MAX_FORM = 10 << 20
"""Bytes of an XLSForm that is uploaded."""
EDITED_HERE = 300
"""Longer lists of choices are changed in the workbook."""
BLANK_ROWS = 3


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
    version = version_asked(request, key, number)
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
    form = FactsForm(sent_of(request), version, items)
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
    context = frame_of(request, version) | {
        "form": form,
        "groups": groups_of(version, items),
        "questions": len(items),
        "faults": editing.faults_of(items, choices),
        "lists": choice_lists_of(version),
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
    form = ItemForm(sent_of(request), found, items, choice_lists_of(version))
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
    context = frame_of(request, version) | {
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
    form = ChoicesForm(sent_of(request), initial={"list_name": list_name})
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
                if not list_name and any(name == there for there, _n in choice_lists_of(version)):
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
    context = frame_of(request, version) | {
        "form": form,
        "list_name": list_name,
        "lines": [*lines, *[Line()] * BLANK_ROWS],
        "too_long": len(choices) > EDITED_HERE,
        "most": EDITED_HERE,
    }
    return render(request, "patrol/checklist_choices.html", context, status=status)


def _step(request: StaffRequest, key: str, number: int, work: Callable[[CheckListVersion], str]) -> HttpResponse:
    """Do it to the draft and go where the answer says; a refusal is told on the draft's page."""
    version = version_asked(request, key, number)
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
    form, status = LoadForm(sent_of(request), request.FILES), 200
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


urls = [
    path("xlsform/", xlsform_load, name="xlsform_load"),
    path("lists/<slug:checklist>/draft/", checklist_draft, name="checklist_draft"),
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
