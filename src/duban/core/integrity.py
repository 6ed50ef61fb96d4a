"""How an app says that what is stored is not what was written."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from duban.core.keys import read_or_make_key


@dataclass(frozen=True)
class Problem:
    """A place where what is stored is not what was written."""

    code: str
    where: str
    detail: str


def canonical(value: Any) -> bytes:
    """The one way to write a JSON value down before hashing it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def seal(digest: str) -> str:
    """HMAC-SHA-256 of a digest under this installation's key, which no database holds: who can only write to the
    database cannot make one."""
    return hmac.new(read_or_make_key(settings.DUBAN_DATA / "keys" / "history"), digest.encode(), "sha256").hexdigest()
