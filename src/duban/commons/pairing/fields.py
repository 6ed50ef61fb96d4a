"""Fields of the forms of needs and agreements: a day, and a whole number."""

from datetime import date
from typing import Any

from django import forms
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from duban.core.forms import NeededField

MOST_DIGITS = 7


def read_day(text: str) -> date | None:
    try:
        return parse_date(text.strip())
    except ValueError:
        return None


def whole(text: str) -> int:
    """A whole number as somebody typed it; 0 for what is none, which the action refuses in its own words."""
    stripped = text.strip()
    sound = stripped.isascii() and stripped.isdecimal() and len(stripped) <= MOST_DIGITS
    return int(stripped) if sound else 0


class DayField(NeededField):
    """A day, else `bad_days`."""

    widget = forms.DateInput(attrs={"type": "date"})

    def to_python(self, value: Any) -> Any:
        found = read_day(super().to_python(value) or "")
        if found is None:
            raise forms.ValidationError(_("This is not a day; write 2021-01-20."), code="bad_days")
        return found


class UnitsField(NeededField):
    widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})

    def to_python(self, value: Any) -> Any:
        return whole(super().to_python(value) or "")
