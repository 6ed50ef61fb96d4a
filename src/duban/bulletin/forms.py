"""The bulletin's forms. They read what was typed; what it may be is for the actions, whose refusals land here."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from duban.bulletin.blocks import TEXTS, Words
from duban.core.errors import DubanError
from duban.core.integrity import sha256

UNSEEN = _("Open the page again; it is not said which state of it was seen.")
MOVES = ("up", "down", "out", "in")


def refuse(form: forms.Form, refusal: DubanError) -> None:
    """Put a refusal at the field it names, with its code; at the form as a whole if the form has no such field."""
    where = refusal.field if refusal.field in form.fields else None
    form.add_error(where, ValidationError(str(refusal.message), code=refusal.code))


class WholeNumber(forms.CharField):
    """A whole number or nothing."""

    widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})

    def __init__(self, *, code: str, **options: Any):
        super().__init__(required=False, **options)
        self.code = code

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise ValidationError(_("A whole number is wanted here."), code=self.code)
        return int(text)


class IdsField(forms.CharField):
    """Ids of entries in their order, parted by commas."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        try:
            return [uuid.UUID(word) for word in (text or "").split(",") if word]
        except ValueError as error:
            raise ValidationError(_("The list of entries is damaged; open the page again."), code="bad_item") from error


class NewDraftForm(forms.Form):
    """A new draft: of which series, and if the series is new, from which number on."""

    at = forms.CharField(label=_("Whose bulletin"), required=False, max_length=20, widget=forms.Select)
    name = forms.CharField(label=_("Series"), required=False, help_text=_("Left empty: the hygiene bulletin."))
    first = WholeNumber(
        label=_("Number of the very first issue"),
        code="bad_first_number",
        help_text=_("Only when the series begins here; a series that ran on paper goes on with its next number."),
    )

    def __init__(self, *args: Any, places: Sequence[tuple[str, str | Promise]] = (), **options: Any):
        super().__init__(*args, **options)
        self.fields["at"].widget.choices = list(places)


class IssueForm(forms.Form):
    """The page as it was typed: texts, and the entries of each section in their order."""

    title = forms.CharField(required=False, strip=False)
    intro = forms.CharField(required=False, strip=False)
    issuer = forms.CharField(required=False, strip=False)
    byline = forms.CharField(required=False, strip=False)
    rectified = IdsField(required=False)
    new = IdsField(required=False)
    exposed = IdsField(required=False)
    blocks = IdsField(required=False)
    seen = WholeNumber(code="bad_version")
    was = forms.CharField(required=False)
    do = forms.CharField(required=False)

    def clean_seen(self) -> int:
        if self.cleaned_data["seen"] is None:
            raise ValidationError(UNSEEN, code="bad_version")
        return self.cleaned_data["seen"]

    def clean_title(self) -> str:
        return " ".join(self.cleaned_data["title"].split())

    def clean_intro(self) -> str:
        return self.cleaned_data["intro"].replace("\r\n", "\n")

    def clean_do(self) -> tuple[str, str, uuid.UUID] | None:
        """A move without scripts: what, in which section, which entry."""
        if not self.cleaned_data["do"]:
            return None
        move, _colon, rest = self.cleaned_data["do"].partition(":")
        section, _colon, entry = rest.partition(":")
        try:
            if move in MOVES and section in self.fields:
                return move, section, uuid.UUID(entry)
        except ValueError:
            pass
        raise ValidationError(_("There is no such move."), code="bad_move")

    def order(self) -> dict[str, list[uuid.UUID]]:
        """Entries by section, exposures of the column (`exposed`), blocks of the page, with the move made."""
        order = {key: list(self.cleaned_data[key]) for key in ("rectified", "new", "exposed", "blocks")}
        if self.cleaned_data["do"]:
            move, section, entry = self.cleaned_data["do"]
            order[section] = moved(order[section], move, entry)
        return order

    def clean_was(self) -> dict[str, str]:
        """By field the digest of what stood there when the page was opened; nothing where that is not said."""
        try:
            found = json.loads(self.cleaned_data["was"] or "{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def typed(self, name: str, stored: str) -> str:
        """What was typed in the field; where nothing was, what is stored, which another may have changed meanwhile."""
        typed = str(self.data.get(name, stored))
        return stored if self.cleaned_data.get("was", {}).get(name) == text_digest(typed) else typed

    def words_of(self, block_id: uuid.UUID) -> Words:
        """What was typed in the fields of a block."""
        return Words(block_id, **{name: str(self.data.get(f"{block_id}-{name}", "")) for name in TEXTS})


def text_digest(text: str) -> str:
    """Enough of a text to know it again, however the browser ends its lines."""
    return sha256("\n".join(text.split("\r\n")).strip().encode())[:12]


def moved(entries: list[uuid.UUID], move: str, entry: uuid.UUID) -> list[uuid.UUID]:
    """The list with one entry moved up or down, taken out or put in at the end."""
    if move == "in":
        return entries if entry in entries else [*entries, entry]
    if entry not in entries:
        return entries
    place = entries.index(entry)
    rest = entries[:place] + entries[place + 1 :]
    if move == "out":
        return rest
    place = max(0, place - 1) if move == "up" else min(len(rest), place + 1)
    return [*rest[:place], entry, *rest[place:]]


class StepForm(forms.Form):
    """A step that needs nothing but to know what was seen."""

    seen = WholeNumber(code="bad_version")


class BlockForm(forms.Form):
    """A block to add: of what kind, of which day, and for a photo the picture."""

    kind = forms.CharField(required=False, max_length=20)
    day = forms.DateField(required=False, error_messages={"invalid": _("Write the day as 2021-01-20.")})
    photo = forms.FileField(required=False)
    seen = WholeNumber(code="bad_version")


class DayForm(forms.Form):
    """The day of a page; none is today."""

    day = forms.DateField(required=False, error_messages={"invalid": _("Write the day as 2021-01-20.")})


class PictureForm(forms.Form):
    """A picture for the page of a day; what its words may be is for the action."""

    day = forms.DateField(error_messages={"invalid": _("Write the day as 2021-01-20.")})
    photo = forms.FileField(
        label=_("Picture"),
        error_messages={"required": _("Choose a picture."), "empty": _("The file is empty; choose another.")},
    )
    caption_zh = forms.CharField(
        label=_("Caption"), widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write the caption of the picture.")},
    )  # fmt: skip
    caption_en = forms.CharField(
        label=_("Caption in English"), required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Left empty: the Chinese one stands there."),
    )  # fmt: skip
    byline = forms.CharField(label=_("Byline"), required=False, help_text=_("Who wrote it, and who took it."))
