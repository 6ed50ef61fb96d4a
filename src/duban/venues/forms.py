"""The register’s forms: they read what was typed; what it may be, the actions decide, whose refusals land here."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from duban.core.forms import Choices, NeededField, NeededFile, NumberField
from duban.places.locating import DATUMS
from duban.venues.contact import Contact, Purpose
from duban.venues.models import Venue, VenueType

DATUM_NAMES = {"wgs84": "WGS-84", "gcj02": _("GCJ-02 (Amap, Tencent)"), "bd09": _("BD-09 (Baidu)")}
BY_POSITION = ("", _("by the position"))


class VenueForm(forms.Form):
    """A venue, to be added (`id` is made before the first press, so that a second one adds no second venue) or edited.

    `seen` is the mark of what the page showed of an existing one.
    """

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput, required=False)
    seen = forms.CharField(widget=forms.HiddenInput, required=False)
    name = NeededField(
        label=pgettext_lazy("of a venue", "Name"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": 100}),
    )
    venue_type = NeededField(label=_("Type"), widget=forms.Select)
    address = forms.CharField(
        label=_("Address"), required=False, widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": 200})
    )
    lon = NumberField(label=_("Longitude"), needed=False)
    lat = NumberField(label=_("Latitude"), needed=False)
    datum = forms.ChoiceField(label=_("Datum"), choices=[(datum, DATUM_NAMES[datum]) for datum in DATUMS])
    jurisdiction = forms.CharField(label=_("Area"), required=False, widget=forms.Select)
    contact_name = forms.CharField(
        label=_("Contact’s name"), required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    contact_phone = forms.CharField(
        label=_("Contact’s phone"),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    remove_contact = forms.BooleanField(label=_("Remove the contact that is kept"), required=False)

    def __init__(
        self,
        data: Any = None,
        *,
        kinds: Iterable[VenueType],
        areas: Choices,
        venue: Venue | None = None,
        seen: str = "",
        initial: Mapping[str, Any] | None = None,
    ):
        super().__init__(data, initial=_initial(venue, seen) | dict(initial or {}))
        self.fields["venue_type"].widget.choices = [("", "–"), *((kind.key, str(kind)) for kind in kinds)]
        self.fields["jurisdiction"].widget.choices = [BY_POSITION, *areas]
        if venue is None:
            del self.fields["remove_contact"]

    def contact(self) -> Contact | None:
        """What is to be kept: None leaves it as it is, an empty one removes it."""
        said = self.cleaned_data
        contact = Contact(said["contact_name"].strip(), said["contact_phone"].strip())
        return contact if contact or said.get("remove_contact") else None


def _initial(venue: Venue | None, seen: str) -> dict[str, Any]:
    if venue is None:
        return {"id": uuid.uuid4(), "datum": "wgs84"}
    return {
        "id": venue.pk,
        "seen": seen,
        "name": venue.name,
        "venue_type": venue.kind_id,
        "address": venue.address,
        "lon": "" if venue.lon is None else f"{venue.lon:.6f}",
        "lat": "" if venue.lat is None else f"{venue.lat:.6f}",
        "datum": "wgs84",
        "jurisdiction": venue.jurisdiction,
    }


class PurposeForm(forms.Form):
    use_required_attribute = False

    purpose = NeededField(label=_("What the contact is needed for"), widget=forms.Select)

    def __init__(self, data: Any = None):
        super().__init__(data)
        self.fields["purpose"].widget.choices = [("", "–"), *Purpose.choices]


class TypeForm(forms.Form):
    use_required_attribute = False

    key = NeededField(
        label=pgettext_lazy("name", "Key"),
        help_text=_("What files and programs call it: small letters, digits, underscores."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "maxlength": 30}),
    )
    name = NeededField(label=_("Chinese name"), widget=forms.TextInput(attrs={"maxlength": 40}))
    name_en = NeededField(label=_("English name"), widget=forms.TextInput(attrs={"maxlength": 60}))


class ImportForm(forms.Form):
    use_required_attribute = False

    file = NeededFile(
        label=_("Table"),
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.xlsx,.xlsm,.xls,.ods"}),
    )
