"""How an app says that what is stored is not what was written."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any


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
