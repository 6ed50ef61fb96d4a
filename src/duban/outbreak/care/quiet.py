"""Secrets of own pages stay out of logs: an address below /care/ is written without what follows."""

import logging
import re

SECRET = re.compile(r"(/care/)[^/\s\"'?]+")


def without_secrets(text: str) -> str:
    """
    >>> without_secrets("Not Found: /care/Zk3_x/mine/")
    'Not Found: /care/…/mine/'
    """
    return SECRET.sub(r"\1…", text)


class HideSecrets(logging.Filter):
    """Puts the line together before any handler does, and takes the secrets out; a traceback's words too."""

    def filter(self, record: logging.LogRecord) -> bool:
        words = record.getMessage()
        if "/care/" in words:
            record.msg, record.args = without_secrets(words), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = without_secrets(logging.Formatter().formatException(record.exc_info))
        return True
