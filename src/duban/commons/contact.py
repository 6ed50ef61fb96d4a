"""Name and phone of somebody without an account: checked, then kept encrypted."""

import json
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.core.sealed_text import open_text, seal_text
from duban.core.text import is_plain

MAX_NAME = 30


class BadContact(DubanError):
    pass


@dataclass(frozen=True)
class Contact:
    name: str
    phone: str

    @property
    def masked(self) -> "Contact":
        """As a list shows it: the first character of the name, three and two digits of the phone."""
        return Contact(self.name[:1] + "*" * max(len(self.name) - 1, 1), f"{self.phone[:3]}****{self.phone[-2:]}")


def checked_contact(name: str, phone: str) -> Contact:
    """Raises BadContact (`contact_name`, `contact_phone`)."""
    given = name.strip()
    if not 1 <= len(given) <= MAX_NAME or not is_plain(given):
        raise BadContact("contact_name", _("Give a name of at most 30 characters."), field="name")
    return Contact(given, checked_phone(phone))


def checked_phone(phone: str) -> str:
    """Its digits alone, without the country's; raises BadContact (`contact_phone`)."""
    digits = "".join(character for character in phone if character not in " -()（）+")
    if digits.startswith("86") and len(digits) == 13:
        digits = digits[2:]
    if not (digits.isascii() and digits.isdecimal() and 7 <= len(digits) <= 15):
        raise BadContact("contact_phone", _("Give a telephone number: 138 0013 8000, or 010 6954 0000."), field="phone")
    return digits


def seal_contact(contact: Contact) -> bytes:
    return seal_text(json.dumps([contact.name, contact.phone], ensure_ascii=False))


def open_contact(sealed: bytes | memoryview) -> Contact:
    """Only for who may see it, and on the record."""
    name, phone = json.loads(open_text(sealed))
    return Contact(name, phone)
