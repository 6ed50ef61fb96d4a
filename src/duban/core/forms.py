"""What the forms of every app are made of: fields that leave the deciding to the actions, whose refusals land here."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.core.tables import BadTable, Row

Choices = Sequence[tuple[str, str | Promise]]


def refuse(form: forms.Form, refusal: DubanError) -> None:
    """Put a refusal at the field it names, with its code; at the form as a whole if the form has no such field."""
    where = refusal.field if refusal.field in form.fields else None
    form.add_error(where, ValidationError(str(refusal.message), code=refusal.code))


class NeededField(forms.CharField):
    """Shown as needed; whether it may be empty is the action's to say, in its own words and with its own code."""

    def validate(self, value: Any) -> None:
        """Empty is let through to the action."""


class NeededFile(forms.FileField):
    """Shown as needed, as NeededField is: without a file `clean` returns None."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        return super().clean(data, initial) if data else None


class NumberField(NeededField):
    """A finite number, else the codes of a table's cell: `number_missing`, `bad_number`."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})

    def __init__(self, *, needed: bool = True, missing: Promise | str = "", **options: Any):
        super().__init__(required=needed, **options)
        self.needed = needed
        self.missing = missing

    def to_python(self, value: Any) -> Any:
        text: str = super().to_python(value) or ""
        if not text and not self.needed:
            return None
        try:
            number = Row(0, {"cell": text}).number_in("cell")
        except BadTable as refusal:
            message = (not text and self.missing) or refusal.message
            raise ValidationError(str(message), code=refusal.code) from refusal
        if abs(number) > 1e9:
            raise ValidationError(_("“%(text)s” is not a number.") % {"text": text[:40]}, code="bad_number")
        return number
