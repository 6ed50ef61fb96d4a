"""Words that anybody will read: no telephone number of somebody's own, no ID number."""

import re
import unicodedata

from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.core.words import checked_words

MOBILE = re.compile(r"(?<!\d)1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)", re.ASCII)
ID_NUMBER = re.compile(
    r"(?<!\d)[1-9]\d{5}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)", re.ASCII
)


def checked_public(
    text: str, field: str, most: int, *, error: type[DubanError], code: str, needed: bool = False
) -> str:
    """As `checked_words`; raises `error` with `personal_number` too. Offices' own lines, 010-6954 0000, may stand."""
    words = checked_words(text, field, most, error=error, code=code, needed=needed)
    plain = unicodedata.normalize("NFKC", words)
    if MOBILE.search(plain) or ID_NUMBER.search(plain):
        raise error(
            "personal_number",
            _("It holds a mobile or an ID number, and everybody can read this; leave the number out."),
            field=field,
        )
    return words
