"""What is typed about a person and why they are followed; what cannot be is refused at its field, as the actions do."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from duban.access import rights
from duban.access.models import Person
from duban.core.forms import NeededField
from duban.outbreak.casefiles.arrivals import code_of_stay, moment_of
from duban.outbreak.casefiles.handover import orders_to_hand_over
from duban.outbreak.casefiles.identity import Facts, normal_document
from duban.outbreak.casefiles.matching import BadFile
from duban.outbreak.casefiles.opening import COUNTY, OPENS, TOWN, ExposureDraft, FileDraft
from duban.outbreak.models import ExposureKind, Measure
from duban.outbreak.people import normal_id_number, normal_phone
from duban.places.codes import covers


class FactsForm(forms.Form):
    """Who it is."""

    use_required_attribute = False

    name = NeededField(label=gettext_lazy("Name"), widget=forms.TextInput(attrs={"autocomplete": "off"}))
    id_number = forms.CharField(
        required=False,
        label=gettext_lazy("ID number or passport"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    phone = forms.CharField(
        required=False, label=gettext_lazy("Phone"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    birth_date = forms.CharField(
        required=False,
        label=gettext_lazy("Date of birth"),
        help_text=gettext_lazy("Needed only where there is no ID number."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "1980-01-31"}),
    )
    stay_address = forms.CharField(
        required=False, label=gettext_lazy("Address"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    from_place = forms.CharField(
        required=False, label=gettext_lazy("Came from"), widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def facts(self) -> Facts:
        """Raises BadFile (`name_missing`, `bad_...` at the field)."""
        told = self.cleaned_data
        number, birth = told["id_number"].strip(), told["birth_date"].strip()
        if not told["name"].strip():
            raise BadFile("name_missing", _("The name is missing."), field="name")
        if number and not (normal_id_number(number) or normal_document(number)):
            raise BadFile(
                "bad_id_number",
                _("This is no ID number: its length, its date or its check digit is wrong."),
                field="id_number",
            )
        if told["phone"].strip() and not normal_phone(told["phone"].strip()):
            raise BadFile("bad_phone", _("This is no telephone’s number."), field="phone")
        born = moment_of(birth) if birth else None
        if birth and born is None:
            raise BadFile("bad_date", _("This is no date; write 1980-01-31."), field="birth_date")
        return Facts(
            name=told["name"].strip(),
            id_number=number,
            phone=told["phone"].strip(),
            birth_date=timezone.localtime(born).date().isoformat() if born else "",
            stay_address=told["stay_address"].strip()[:150],
            from_place=told["from_place"].strip()[:100],
        )


class ExposureForm(forms.Form):
    """Why somebody is to be followed: an order, of `office` if that is given, or as the office decides."""

    use_required_attribute = False

    basis = NeededField(label=gettext_lazy("Why"), widget=forms.Select)
    measure = forms.CharField(
        required=False,
        label=gettext_lazy("Measure"),
        help_text=gettext_lazy("An order brings its own; choose one where the office decides."),
        widget=forms.Select(choices=[("", "–"), *Measure.choices]),
    )
    last = NeededField(
        label=gettext_lazy("Last there, or last exposed"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "2021-01-18"}),
    )
    arrived_at = forms.CharField(
        required=False,
        label=gettext_lazy("Arrived here"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "2021-01-18 09:30"}),
    )

    def __init__(self, person: Person, data: Any = None, *, office: str = ""):
        super().__init__(data)
        orders = [one for one in orders_to_hand_over(person) if one.area.jurisdiction.startswith(office)]
        self.orders = {one.number: one for one in orders}
        choices = [("", "–"), *((number, f"{number} {one.name}") for number, one in self.orders.items())]
        self.fields["basis"].widget.choices = [*choices, ("form", _("as the office decides"))]

    def exposure(self, now: datetime) -> ExposureDraft:
        """Raises BadFile (`reason_missing`, `left_missing`, `in_the_future`, `measure_missing`, `bad_date`)."""
        told = self.cleaned_data
        last = self._moment("last")
        arrived = self._moment("arrived_at")
        order = self.orders.get(told["basis"])
        if order is None and told["basis"] != "form":
            raise BadFile("reason_missing", _("Say why the person is followed."), field="basis")
        if last is None:
            raise BadFile(
                "left_missing", _("Say when the person was last there: all is counted from it."), field="last"
            )
        if last > now + timedelta(hours=1):
            raise BadFile("in_the_future", _("The time lies in the future."), field="last")
        if order is not None:
            return ExposureDraft(ExposureKind.AREA, order.number, order.measure, order.name[:200], last, last, arrived)
        if told["measure"] not in Measure.values:
            raise BadFile("measure_missing", _("Choose the measure."), field="measure")
        basis = f"form:{timezone.localtime(last).date().isoformat()}"
        return ExposureDraft(ExposureKind.FORM, basis, told["measure"], "", last, last, arrived)

    def _moment(self, name: str) -> datetime | None:
        text = self.cleaned_data[name].strip()
        moment = moment_of(text) if text else None
        if text and moment is None:
            raise BadFile("bad_date", _("This is no date and time; write 2021-01-18 09:30."), field=name)
        return moment


class FileForm(FactsForm, ExposureForm):
    """Who it is, where they stay, and why they are to be followed."""

    stay = NeededField(
        label=gettext_lazy("Town or community"),
        help_text=gettext_lazy("Its code or its name, as fine as known."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    field_order = ("name", "id_number", "phone", "birth_date", "stay", "stay_address", "from_place")

    def office(self, person: Person) -> str:
        """Of the order; without one, of the person's widest role."""
        order = self.orders.get(self.cleaned_data["basis"])
        return order.area.jurisdiction[:COUNTY] if order else min(rights.codes(person, OPENS), key=len)[:COUNTY]

    def draft(self, person: Person, now: datetime) -> FileDraft:
        """The person and the exposure; raises BadFile as `facts` and `exposure` do, and at `stay`."""
        facts, stay = self.facts(), self._stay(person)
        return FileDraft(facts, stay, stay[:TOWN], (self.exposure(now),))

    def _stay(self, person: Person) -> str:
        text, office = self.cleaned_data["stay"].strip(), self.office(person)
        code = code_of_stay(text)
        if text and not code:
            raise BadFile("unknown_place", _("No unit of the code list is called that; give its code."), field="stay")
        if code and not code.startswith(office):
            raise BadFile(
                "stay_elsewhere", _("That lies in another district; hand the person over there."), field="stay"
            )
        codes = rights.codes(person, OPENS)
        if code:
            return code
        return office if covers(codes, office) else min(codes, key=len)
