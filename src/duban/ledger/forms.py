"""The ledger's forms. They read what was typed; what it may be is decided by the actions, whose refusals land here."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.core.forms import Choices, NeededField, NeededFile, NumberField
from duban.core.forms import refuse as refuse
from duban.core.tables import in_zone, parse_moment
from duban.ledger.categories import UnknownCategory, category_index, find_category
from duban.ledger.lifecycle import Need, Transition
from duban.ledger.models import Category, Datum, Entry, PositionSource

# The widest pictures of phones; the pickers of phones then offer their camera roll.
PICTURES = "image/*,.heic,.heif"
LOCAL = "%Y-%m-%dT%H:%M"
NOBODY = uuid.UUID(int=0)
"""The id of a finding that is only thought of."""


class MomentField(forms.CharField):
    """A date and time as a browser or a person writes it, read in the office's zone."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=LOCAL)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        found = parse_moment(text)
        if found is None:
            raise ValidationError(_("This is not a date and time; write 2021-01-18 09:30."), code="bad_time")
        if not 1900 < found.year < 9000:
            raise ValidationError(_("Check the year."), code="bad_time")
        return in_zone(found)

    def prepare_value(self, value: Any) -> Any:
        return timezone.localtime(value).strftime(LOCAL) if isinstance(value, datetime) else value


class SeveralFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files, none included; `clean` returns the list."""

    def __init__(self, *, accept: str, **options: Any):
        widget = SeveralFiles(attrs={"accept": accept, "multiple": True})
        super().__init__(required=False, widget=widget, allow_empty_file=True, **options)

    def clean(self, data: Any, initial: Any = None) -> Any:
        files = data if isinstance(data, list | tuple) else [data]
        return [super(FilesField, self).clean(file, initial) for file in files if file]


class AddForm(forms.Form):
    """A new finding. `id` is made before the first press, so that a second press is a replay and no second entry."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput)
    photos = FilesField(accept=PICTURES, label=_("Photos"))
    lon = NumberField(
        label=_("Longitude"), missing=_("Say where it is: by the phone’s position, a click on the map, or in numbers.")
    )
    lat = NumberField(label=_("Latitude"))
    datum = NeededField(
        label=_("Datum"),
        widget=forms.Select(
            choices=[
                (Datum.WGS84, _("WGS-84: phones and GPS, this map")),
                (Datum.GCJ02, _("GCJ-02: Amap, Tencent and other Chinese map apps")),
                (Datum.BD09, _("BD-09: Baidu Maps")),
            ]
        ),
    )
    accuracy_m = NumberField(needed=False, widget=forms.HiddenInput)
    position_source = forms.ChoiceField(
        choices=PositionSource.choices, widget=forms.HiddenInput, required=False, initial=PositionSource.MAP
    )
    category = NeededField(label=_("What is it?"))
    found_at = MomentField(label=_("Found"), required=False)
    description = forms.CharField(label=_("In words"), required=False, widget=forms.Textarea(attrs={"rows": 2}))
    statement = forms.CharField(label=_("The place in words"), required=False)
    responsible = forms.CharField(label=_("Responsible unit"), required=False, widget=forms.Select)

    def __init__(self, data: QueryDict | None = None, files: Any = None, *, units: Choices, now: datetime):
        super().__init__(data, files, initial={"id": uuid.uuid4(), "found_at": now, "datum": Datum.WGS84})
        self.fields["responsible"].widget.choices = [("", _("as proposed")), *units]
        self.now = now

    def clean_category(self) -> Category:
        try:
            return find_category(self.cleaned_data["category"], category_index())
        except UnknownCategory as refusal:
            raise ValidationError(str(refusal.message), code=refusal.code) from refusal

    def clean_found_at(self) -> datetime:
        return self.cleaned_data["found_at"] or self.now

    def clean_position_source(self) -> str:
        return self.cleaned_data["position_source"] or PositionSource.MAP


class PlaceForm(forms.Form):
    """Where, for a proposal before anything is recorded."""

    lon = NumberField()
    lat = NumberField()
    datum = forms.ChoiceField(choices=Datum.choices, required=False)
    category = forms.CharField(required=False)


class StepForm(forms.Form):
    """What a step of the lifecycle needs, made from the lifecycle table. `seen` is the history its page showed."""

    use_required_attribute = False

    seen = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=2**31 - 1)

    def __init__(
        self,
        step: Transition,
        entry: Entry,
        data: QueryDict | None = None,
        files: Any = None,
        *,
        units: Choices = (),
        targets: Choices = (),
        categories: Choices = (),
    ):
        initial = {"seen": entry.event_count, "unit": entry.responsible}
        super().__init__(data, files, initial=initial, auto_id=f"{step.action}_%s", label_suffix="")
        self.step = step
        if {Need.AFTER_PHOTO, Need.PHOTO} & set(step.needs) or step.action in {"add_photo", "stands"}:
            self.fields["photos"] = FilesField(
                accept=PICTURES, label=_("After photo") if step.action == "remedy" else _("Photo")
            )
        if Need.UNTIL in step.needs:
            self.fields["until"] = MomentField(label=_("Until when"), required=False)
        if Need.UNITS in step.needs:
            self.fields["units"] = forms.MultipleChoiceField(
                label=_("Units, a part for each"),
                required=False,
                choices=units,
                widget=forms.SelectMultiple(attrs={"size": min(len(units), 10)}),
            )
        if Need.UNIT in step.needs or step.action == "return":
            known = entry.responsible in dict(units)
            own = [] if known or step.action == "return" else [(entry.responsible, entry.responsible)]
            none = [("", _("I do not know"))] if step.action == "return" else []
            kind: type[forms.CharField] = NeededField if step.action == "assign" else forms.CharField
            self.fields["unit"] = kind(
                label=_("Unit") if step.action == "assign" else _("Whose it is"),
                required=step.action == "assign",
                widget=forms.Select(choices=[*none, *own, *units]),
            )
            if step.action == "return":
                self.initial["unit"] = ""
        if step.action == "assign":
            self.fields["due_at"] = MomentField(
                label=_("Deadline"),
                required=False,
                help_text=_("Left empty, it follows the rule of the category from now on."),
            )
        if Need.INTO in step.needs:
            self.fields["into"] = NeededField(
                label=_("The entry that goes on"), widget=forms.RadioSelect(choices=targets)
            )
            self.fields["number"] = forms.CharField(label=_("Or its number"), required=False, max_length=24)
        if step.action == "amend":
            self._amendable(entry, categories)
        if step.action not in {"list", "assign", "add_photo"}:
            needed = Need.REASON in step.needs
            self.fields["reason"] = (NeededField if needed else forms.CharField)(
                label=_("Reason") if needed else _("Note"),
                required=needed,
                widget=forms.Textarea(attrs={"rows": 2}),
            )

    def _amendable(self, entry: Entry, categories: Choices) -> None:
        self.fields["category"] = NeededField(label=_("Category"), widget=forms.Select(choices=categories))
        self.fields["statement"] = NeededField(label=_("The place in words"))
        self.fields["description"] = forms.CharField(
            label=_("In words"), required=False, widget=forms.Textarea(attrs={"rows": 2})
        )
        now = {
            "category": f"{entry.category.kind}:{entry.category.code}",
            "statement": entry.statement,
            "description": entry.description,
        }
        self.initial.update(now)

    @property
    def is_plain(self) -> bool:
        """One press and no question."""
        return set(self.fields) == {"seen"}

    @property
    def shown(self) -> Iterable[forms.BoundField]:
        """The fields in order, but for those the page draws itself."""
        return [self[name] for name in self.fields if name not in {"seen", "photos", "into", "number"}]


class ImportForm(forms.Form):
    use_required_attribute = False

    file = NeededFile(
        label=_("The table"),
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.xlsx,.xls"}),
    )
    photos = FilesField(accept=f"{PICTURES},.zip", label=_("The photos it names"))


class EditedForm(forms.Form):
    use_required_attribute = False

    file = NeededFile(
        label=_("The edited file"),
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv"}),
    )
    reason = forms.CharField(label=_("Why, for the history"), required=False, max_length=2000)


def category_choices(categories: Mapping[str, Category] | None = None) -> list[tuple[str, str]]:
    """(kind:code, name) of every category in the reader's language, events before components.

    `categories`: the category_index, where it has been read.
    """
    every = Category.objects.all() if categories is None else set(categories.values())
    ordered = sorted(sorted(every, key=lambda one: one.code), key=lambda one: one.kind, reverse=True)
    return [(f"{category.kind}:{category.code}", str(category)) for category in ordered]
