"""Whom to speak to at a venue: encrypted at rest, masked on every page, opened for a purpose and on the record."""

import json
import re
from dataclasses import asdict, dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.core.sealed_text import open_text, seal_text
from duban.core.text import is_plain


class BadContact(DubanError):
    pass


class Purpose(models.TextChoices):
    """Why somebody opens a contact; chosen, not typed, so that the record of it names nobody."""

    VISIT = "visit", _("to agree on a visit")
    NOTICE = "notice", _("to tell what failed")
    RECHECK = "recheck", _("to follow up what must be mended")
    COMPLAINT = "complaint", _("to settle a complaint or a reply")
    UPKEEP = "upkeep", _("to keep the register right")


@dataclass(frozen=True)
class Contact:
    """Either may be empty, not both."""

    name: str = ""
    phone: str = ""

    def __bool__(self) -> bool:
        return bool(self.name or self.phone)


def check_contact(contact: Contact, *, row: int | None = None) -> None:
    """Raises BadContact (`bad_contact_name`, `bad_phone`)."""
    if len(contact.name) > 60 or not is_plain(contact.name):
        raise BadContact(
            "bad_contact_name", _("The name of a contact has at most 60 characters."), field="contact_name", row=row
        )
    if contact.phone and not re.fullmatch(r"\+?\d[\d \-()]{2,28}\d", contact.phone, re.ASCII):
        raise BadContact(
            "bad_phone",
            _("A phone number holds 4 to 30 digits, blanks and hyphens, like 010-12345678."),
            field="contact_phone",
            row=row,
        )


def seal_contact(contact: Contact | None) -> bytes | None:
    return seal_text(json.dumps(asdict(contact), ensure_ascii=False)) if contact else None


def unseal_contact(sealed: bytes | memoryview | None) -> Contact | None:
    return Contact(**json.loads(open_text(sealed))) if sealed is not None else None


def masked(contact: Contact) -> Contact:
    """As pages show it: the first character of the name, the last two digits of the phone.

    >>> masked(Contact("张建国", "010-12345678"))
    Contact(name='张**', phone='**********78')
    """
    name = contact.name[:1] + "*" * min(len(contact.name) - 1, 6) if contact.name else ""
    phone = "*" * 10 + contact.phone[-2:] if contact.phone else ""
    return Contact(name, phone)
