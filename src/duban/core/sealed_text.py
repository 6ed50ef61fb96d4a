"""What only this installation can read: text and bytes encrypted under a key that no database holds.

The newest version of the key encrypts, every version that is there opens. `duban rotate_key` makes a new one while the
site serves, see `rotation`: a process finds it by itself, and what it sealed is stored before the old one goes.
"""

import time
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from duban.core.errors import Conflict
from duban.core.keys import Version, hold_newest, versions

LOOK_EVERY_S = 1.0
KEPT_S = 600.0
"""So long a process remembers a version that is deleted: a page may have read a row just before."""


class Unreadable(Conflict):
    pass


def seal_text(text: str) -> bytes:
    """The text encrypted and authenticated; sealed twice it is not the same."""
    return seal_bytes(text.encode())


def seal_texts(texts: Iterable[str]) -> list[bytes]:
    """Each of them sealed; the key is read once."""
    fernet = _sealing()
    return [fernet.encrypt(text.encode()) for text in texts]


def open_text(sealed: bytes | memoryview) -> str:
    """The text that was sealed; raises Unreadable (`sealed_unreadable`)."""
    return open_bytes(sealed).decode()


def seal_bytes(data: bytes) -> bytes:
    return _sealing().encrypt(data)


def open_bytes(sealed: bytes | memoryview) -> bytes:
    """The bytes that were sealed, also from what PostgreSQL hands over; raises Unreadable (`sealed_unreadable`)."""
    data = bytes(sealed)
    # A version that came a moment ago is looked for when none of those that are known opens it.
    for known in (_opening(), None):
        for fernet in known if known is not None else _opening(afresh=True):
            try:
                return fernet.decrypt(data)
            except InvalidToken:
                continue
    raise Unreadable(
        "sealed_unreadable",
        _("This was encrypted under another key; bring back the file keys/contacts of the data folder."),
    )


# ---- the versions of the key ----------------------------------------------------------------------------------------


def key_file() -> Path:
    """The first version; the others stand beside it, see `keys`."""
    return settings.DUBAN_DATA / "keys" / "contacts"


def fernet_of(version: Version) -> Fernet:
    """What seals and opens under this version; raises FileNotFoundError."""
    return Fernet(urlsafe_b64encode(version.path.read_bytes()))


@dataclass(frozen=True)
class _Known:
    fernet: Fernet
    seen: float


_known: dict[Version, _Known] = {}
_looked: tuple[Path | None, float] = (None, 0.0)


def _sealing() -> Fernet:
    version = hold_newest(key_file())
    if version not in _known:
        _opening(afresh=True)
    return _known[version].fernet


def _opening(*, afresh: bool = False) -> list[Fernet]:
    """The newest first; those that were deleted a short while ago last."""
    global _known, _looked
    now, path = time.monotonic(), key_file()
    where, when = _looked
    if afresh or where != path or now - when > LOOK_EVERY_S:
        there = versions(path)
        names = {version.path for version in there}
        found = {}
        for version in there:
            try:
                found[version] = _Known(_known[version].fernet if version in _known else fernet_of(version), now)
            except FileNotFoundError:
                continue
        for version, known in _known.items():
            gone = version.path not in names and version.path.parent == path.parent
            if gone and now - known.seen < KEPT_S:
                found[version] = known
        _known, _looked = found, (path, now)
    return [known.fernet for known in _known.values()]
