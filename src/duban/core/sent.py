"""What a program sends to the API: the shapes that bodies are made of."""

from datetime import date
from typing import Annotated, Any

from django.utils.translation import gettext as _
from ninja import Schema
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from duban.core.text import is_plain


def _plain(text: str) -> str:
    """Text that every database takes: no NUL, no half of a surrogate pair."""
    if not is_plain(text):
        raise ValueError(_("must hold no NUL and no broken character"))
    return text


def _day(value: Any) -> date:
    """A day as 2021-01-20: no number and no time, which would be read as some day."""
    try:
        return date.fromisoformat(value if isinstance(value, str) and len(value) == 10 else "")
    except ValueError as error:
        raise ValueError(_("must be a day such as 2021-01-20")) from error


Text = Annotated[str, Field(strict=True, max_length=5000), AfterValidator(_plain)]
Word = Annotated[str, Field(strict=True, max_length=100), AfterValidator(_plain)]
Day = Annotated[date, BeforeValidator(_day)]
Degrees = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Sent(Schema):
    """A body; what it does not know it refuses, since a misspelt field would be lost in silence."""

    model_config = ConfigDict(extra="forbid")
