"""The register’s forms: they read what was typed; what it may be, the actions decide, whose refusals land here."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from duban.commons.models import DocumentKind, Organisation, OrganisationKind, Purpose, Tier
from duban.commons.register import roster
from duban.commons.register.actions import CheckOutcome, mark_of
from duban.commons.register.drafts import OrganisationDraft
from duban.commons.register.filing import ApplicationDraft
from duban.core.forms import Choices, NeededField, NeededFile
from duban.core.tables import parse_moment

CHOOSE = ("", "–")
Bases = Sequence[tuple[str, Choices]]


class DayField(NeededField):
    """A day, as a date picker or an office writes it; empty is None."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def to_python(self, value: Any) -> Any:
        if isinstance(value, date):
            return value
        text: str = (super().to_python(value) or "").strip()
        if not text:
            return None
        found = parse_moment(text)
        if found is None:
            raise ValidationError(_("“%(text)s” is no day; write 2021-01-18.") % {"text": text[:40]}, code="bad_day")
        return found.date()


def text(label: Any, most: int, *, needed: bool = True, hint: Any = "") -> NeededField:
    widget = forms.TextInput(attrs={"autocomplete": "off", "maxlength": most})
    return NeededField(label=label, required=needed, widget=widget, help_text=hint)


def words(label: Any, rows: int, *, needed: bool = True, hint: Any = "", most: int | None = None) -> NeededField:
    attributes: dict[str, Any] = {"rows": rows} | ({"maxlength": most} if most else {})
    return NeededField(label=label, required=needed, widget=forms.Textarea(attrs=attributes), help_text=hint)


class OrganisationForm(forms.Form):
    """An organisation to be added (`id` is made before the first press) or changed (`seen` marks what was shown)."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput, required=False)
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    name = text(pgettext_lazy("of an organisation", "Name"), 100)
    tier = NeededField(label=_("Tier"), widget=forms.Select(choices=[CHOOSE, *Tier.choices]))
    credit_code = text(
        _("Unified social credit code"), 30, needed=False, hint=_("18 characters; registered ones have it.")
    )
    filing_number = text(_("Filing number"), 40, needed=False)
    kind = NeededField(
        label=pgettext_lazy("of an organisation", "Kind"),
        widget=forms.Select(choices=[CHOOSE, *OrganisationKind.choices]),
    )
    category = NeededField(label=_("Category"), widget=forms.Select)
    new_category = text(_("Another category"), 60, needed=False, hint=_("Only where none of the list fits."))
    purpose = NeededField(
        label=pgettext_lazy("of an organisation", "Purpose"), widget=forms.Select(choices=Purpose.choices)
    )
    jurisdiction = NeededField(label=_("Based at"), widget=forms.Select)
    members = NeededField(
        label=_("Members"),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    founded = DayField(label=_("Founded"), required=False)
    about = words(_("What it does"), 4, needed=False, hint=_("Anybody can read this: no names, no phones."), most=5000)
    on = DayField(label=_("Since when"), help_text=_("The day on which it changed; it stands on the life line."))

    def __init__(
        self,
        data: Any = None,
        *,
        categories: Mapping[str, str],
        bases: Bases,
        now: datetime,
        organisation: Organisation | None = None,
        initial: Mapping[str, Any] | None = None,
    ):
        super().__init__(data, initial=_initial(organisation, now) | dict(initial or {}))
        self.fields["category"].widget.choices = [CHOOSE, *categories.items()]
        chosen = organisation.jurisdiction if organisation else ""
        listed = {code for _town, parts in bases for code, _name in parts}
        extra = [(chosen, chosen)] if chosen and chosen not in listed else []
        self.fields["jurisdiction"].widget.choices = [CHOOSE, *extra, *bases]
        del self.fields["on" if organisation is None else "purpose"]

    def draft(self, categories: Mapping[str, str], names: Mapping[str, str], brand: str = "") -> OrganisationDraft:
        """What was filled in; `names` are the Chinese names of the categories by key."""
        said = self.cleaned_data
        return OrganisationDraft(
            name=said["name"],
            tier=said["tier"],
            category=said["new_category"].strip() or names.get(said["category"], ""),
            jurisdiction=said["jurisdiction"],
            credit_code=said["credit_code"],
            filing_number=said["filing_number"],
            members=said["members"],
            founded=said["founded"],
            kind=said["kind"],
            about=said["about"],
            brand=brand,
        )


def _initial(organisation: Organisation | None, now: datetime) -> dict[str, Any]:
    if organisation is None:
        return {"id": uuid.uuid4(), "purpose": Purpose.LEISURE}
    columns = ("name", "tier", "credit_code", "filing_number", "kind", "jurisdiction", "members", "founded", "about")
    said = {column: getattr(organisation, column) for column in columns}
    return said | {
        "category": organisation.category_id,
        "seen": mark_of(organisation),
        "on": timezone.localdate(now),
    }


class CheckForm(forms.Form):
    use_required_attribute = False

    year = NeededField(label=_("Year"), widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}))
    outcome = NeededField(label=_("How it went"), widget=forms.Select(choices=[CHOOSE, *CheckOutcome.choices]))
    note = text(_("Note"), 300, needed=False)

    def clean_year(self) -> int:
        said = self.cleaned_data["year"].strip()
        if not (said.isascii() and said.isdecimal() and len(said) == 4):
            raise ValidationError(_("A year has four digits."), code="bad_year")
        return int(said)


class EndForm(forms.Form):
    """Dissolving and reviving."""

    use_required_attribute = False

    on = DayField(label=_("On which day"))
    reason = text(_("Reason"), 300)


class FederationForm(forms.Form):
    use_required_attribute = False

    federation = forms.CharField(label=_("Federation"), required=False, widget=forms.Select)
    on = DayField(label=_("Since when"))

    def __init__(self, data: Any = None, *, federations: Choices, **options: Any):
        super().__init__(data, **options)
        self.fields["federation"].widget.choices = [("", _("belongs to none")), *federations]

    def clean_federation(self) -> uuid.UUID | None:
        try:
            return uuid.UUID(self.cleaned_data["federation"]) if self.cleaned_data["federation"] else None
        except ValueError:
            raise ValidationError(_("There is no such federation."), code="federation_not_found") from None


class AreasForm(forms.Form):
    use_required_attribute = False

    areas = forms.Field(label=_("Active at"), required=False, widget=forms.SelectMultiple(attrs={"size": 8}))

    def __init__(self, data: Any = None, *, bases: Bases, **options: Any):
        super().__init__(data, **options)
        self.fields["areas"].widget.choices = list(bases)

    def clean_areas(self) -> list[str]:
        return list(self.cleaned_data["areas"] or [])


class DocumentForm(forms.Form):
    use_required_attribute = False

    kind = NeededField(label=_("What it is"), widget=forms.Select(choices=[CHOOSE, *DocumentKind.choices]))
    file = NeededFile(
        label=_("File"),
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".pdf,.docx,.xlsx,.jpg,.jpeg,.png"}),
    )


class RosterForm(forms.Form):
    """People pasted, a line each."""

    use_required_attribute = False

    members = words(_("Names"), 6, hint=_("One to a line: name, phone, role. Only the name is needed."), most=40_000)


class LookForm(forms.Form):
    use_required_attribute = False

    purpose = NeededField(label=_("What the roster is needed for"), widget=forms.Select)

    def __init__(self, data: Any = None):
        super().__init__(data)
        self.fields["purpose"].widget.choices = [CHOOSE, *roster.Purpose.choices]


class ApplicationForm(forms.Form):
    """What somebody without an account fills in to have their organisation filed, in plain words."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput, required=False)
    name = text(_("Name of the organisation"), 100)
    kind = NeededField(label=_("What kind is it?"), widget=forms.Select(choices=[CHOOSE, *OrganisationKind.choices]))
    category = NeededField(label=_("What is it about?"), widget=forms.Select)
    jurisdiction = NeededField(label=_("In which community?"), widget=forms.Select)
    founded = DayField(label=_("Since when is it there?"), required=False)
    about = words(
        _("What does it do?"), 4,
        hint=_("Two or three sentences. Anybody will be able to read them: no names, no phones."), most=2000,
    )  # fmt: skip
    members = words(
        _("Who belongs to it?"), 10,
        hint=_("At least ten people, one to a line: name, phone, role. Only the name is needed. Kept encrypted."),
        most=40_000,
    )  # fmt: skip
    charter = NeededFile(
        label=_("Charter"),
        required=False,
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".pdf,.docx,.jpg,.jpeg,.png"}),
    )
    applicant = text(_("Your name"), 30)
    phone = NeededField(
        label=_("Your phone"),
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel", "maxlength": 30}),
    )

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        categories: Mapping[str, str],
        bases: Bases,
        initial: Mapping[str, Any] | None = None,
    ):
        super().__init__(data, files, initial={"id": uuid.uuid4()} | dict(initial or {}))
        self.fields["category"].widget.choices = [CHOOSE, *categories.items()]
        self.fields["jurisdiction"].widget.choices = [CHOOSE, *bases]

    def draft(self, largest: int) -> ApplicationDraft:
        said = self.cleaned_data
        file = said["charter"]
        return ApplicationDraft(
            name=said["name"],
            kind=said["kind"],
            category=said["category"],
            jurisdiction=said["jurisdiction"],
            about=said["about"],
            applicant=said["applicant"],
            phone=said["phone"],
            roster=said["members"],
            founded=said["founded"],
            charter_name=getattr(file, "name", ""),
            charter=b"" if file is None else file.read(largest + 1),
        )


class DecisionForm(forms.Form):
    use_required_attribute = False

    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    reasons = words(_("Reasons"), 4, hint=_("The applicant reads them: say what is to be mended."), most=1000)
