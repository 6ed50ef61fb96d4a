"""Secrets of addresses that open something without an account stay out of logs: what follows is not written."""

import logging
import re
from collections.abc import Sequence


def without_secrets(text: str, below: Sequence[str]) -> str:
    """
    >>> without_secrets("Not Found: /care/Zk3_x/mine/", ["/care/"])
    'Not Found: /care/…/mine/'
    """
    return re.sub(rf"({'|'.join(map(re.escape, below))})[^/\s\"'?]+", r"\1…", text)


class HideSecrets(logging.Filter):
    """Puts the line together before any handler does, and takes the secrets out; a traceback's words too."""

    def __init__(self, below: Sequence[str]):
        """`below`: what addresses begin with whose next part is a secret."""
        super().__init__()
        self.below = tuple(below)

    def filter(self, record: logging.LogRecord) -> bool:
        words = record.getMessage()
        if any(address in words for address in self.below):
            record.msg, record.args = without_secrets(words, self.below), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = without_secrets(logging.Formatter().formatException(record.exc_info), self.below)
        return True
