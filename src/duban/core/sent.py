"""What a program sends to the API: the shapes that bodies are made of."""

from typing import Annotated

from django.utils.translation import gettext as _
from ninja import Schema
from pydantic import AfterValidator, ConfigDict, Field

from duban.core.text import is_plain


def _plain(text: str) -> str:
    """Text that every database takes: no NUL, no half of a surrogate pair."""
    if not is_plain(text):
        raise ValueError(_("must hold no NUL and no broken character"))
    return text


Text = Annotated[str, Field(strict=True, max_length=5000), AfterValidator(_plain)]
Word = Annotated[str, Field(strict=True, max_length=100), AfterValidator(_plain)]
Degrees = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Sent(Schema):
    """A body; what it does not know it refuses, since a misspelt field would be lost in silence."""

    model_config = ConfigDict(extra="forbid")
