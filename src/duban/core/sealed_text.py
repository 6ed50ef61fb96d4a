"""What only this installation can read: text and bytes encrypted under a key that no database holds."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from duban.core.errors import Conflict
from duban.core.keys import read_or_make_key


class Unreadable(Conflict):
    pass


def seal_text(text: str) -> bytes:
    """The text encrypted and authenticated; sealed twice it is not the same."""
    return seal_bytes(text.encode())


def seal_texts(texts: Iterable[str]) -> list[bytes]:
    """Each of them sealed; the key is read once."""
    fernet = _fernet()
    return [fernet.encrypt(text.encode()) for text in texts]


def open_text(sealed: bytes | memoryview) -> str:
    """The text that was sealed; raises Unreadable (`sealed_unreadable`)."""
    return open_bytes(sealed).decode()


def seal_bytes(data: bytes) -> bytes:
    return _fernet().encrypt(data)


def open_bytes(sealed: bytes | memoryview) -> bytes:
    """The bytes that were sealed, also from what PostgreSQL hands over; raises Unreadable (`sealed_unreadable`)."""
    try:
        return _fernet().decrypt(bytes(sealed))
    except InvalidToken as error:
        raise Unreadable(
            "sealed_unreadable",
            _("This was encrypted under another key; bring back the file keys/contacts of the data folder."),
        ) from error


def _fernet() -> Fernet:
    return Fernet(urlsafe_b64encode(read_or_make_key(settings.DUBAN_DATA / "keys" / "contacts")))
