"""Unified social credit codes (GB 32100): eighteen characters, two of which check the others."""

import re
import unicodedata

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Without I, O, S, V and Z; a character counts as its position."""
SHAPE = re.compile(rf"[{ALPHABET}]{{2}}\d{{6}}[{ALPHABET}]{{8}}[\dX][{ALPHABET}]", re.ASCII)
BODY_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
BODY_CHECKS = "0123456789X"
FAULTS: dict[str, Promise] = {
    "code_length": _("A credit code has 18 characters."),
    "code_shape": _("A credit code holds digits and capitals without I, O, S, V and Z; places 3 to 8 are digits."),
    "code_body_check": _("The 17th character does not fit those before it: one of places 9 to 17 is wrong."),
    "code_check": _("The last character does not fit the others: one of them is wrong."),
}


def normal_credit_code(text: str) -> str:
    """The code in one width, in capitals, without blanks and hyphens."""
    return re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)).upper()


def credit_code_fault(code: str) -> str | None:
    """Which of FAULTS a normalised code has; None of a right one, whoever registered it."""
    if len(code) != 18:
        return "code_length"
    if not SHAPE.fullmatch(code):
        return "code_shape"
    if code[16] != body_check(code[8:16]):
        return "code_body_check"
    if code[17] != last_check(code[:17]):
        return "code_check"
    return None


def body_check(body: str) -> str:
    """The check character of an organisation's eight (GB 11714): letters count from A = 10 on."""
    total = sum(int(character, 36) * weight for character, weight in zip(body, BODY_WEIGHTS, strict=True))
    return BODY_CHECKS[(11 - total % 11) % 11]


def last_check(code: str) -> str:
    """The eighteenth character of the seventeen before it: weights are the powers of 3 modulo 31."""
    total = sum(ALPHABET.index(character) * pow(3, place, 31) for place, character in enumerate(code))
    return ALPHABET[(31 - total % 31) % 31]
