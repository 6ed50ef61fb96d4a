"""The codes on tubes: digits that name the county and the year, a number, and a character that tells a typing error."""

import re
import unicodedata
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.ledger.counters import count_up, value_of
from duban.places.codes import LENGTHS

COUNTY = LENGTHS[0]
SERIAL = 6
CODE = re.compile(rf"\d{{{COUNTY + 2 + SERIAL}}}[\dX]", re.ASCII)
BETWEEN = re.compile(r"[\s\-–—·]")


class BadTube(DubanError):
    pass


def check_character(digits: str) -> str:
    """ISO 7064 MOD 11-2, as on ID numbers: any one wrong digit and any two neighbours exchanged give another one.

    >>> check_character("11011221000001")
    '5'
    """
    total = 0
    for digit in digits:
        total = (total + int(digit)) * 2 % 11
    rest = (12 - total) % 11
    return "X" if rest == 10 else str(rest)


def read_code(text: str, *, field: str = "code", row: int | None = None) -> str:
    """The code as it is stored, however it was typed or scanned: blanks, dashes, full width.

    Raises BadTube (`tube_code_missing`, `bad_tube_code`).
    """
    code = BETWEEN.sub("", unicodedata.normalize("NFKC", text)).upper()
    if not code:
        raise BadTube("tube_code_missing", _("Scan or type the code on the tube."), field=field, row=row)
    if not CODE.fullmatch(code) or check_character(code[:-1]) != code[-1]:
        raise BadTube(
            "bad_tube_code",
            _("“%(code)s” is no code of a tube: a digit is wrong or missing. Look at the label again.")
            % {"code": code[:30]},
            field=field,
            row=row,
        )
    return code


def spaced(code: str) -> str:
    """The code as people read it: 110112 21 000001 5."""
    return f"{code[:COUNTY]} {code[COUNTY : COUNTY + 2]} {code[COUNTY + 2 : -1]} {code[-1:]}"


def issue_codes(office: str, *, now: datetime, number: int) -> list[str]:
    """So many codes that nobody was given before.

    Raises BadTube (`tube_codes_spent`) when a million were issued in a year.
    """
    county, year = office[:COUNTY].ljust(COUNTY, "0"), f"{timezone.localtime(now):%y}"
    last = count_up(_counter(county, year), number)
    if last >= 10**SERIAL:
        raise BadTube("tube_codes_spent", _("All codes of this year are issued; a million is the most."))
    heads = [f"{county}{year}{serial:0{SERIAL}d}" for serial in range(last - number + 1, last + 1)]
    return [head + check_character(head) for head in heads]


def is_issued(code: str) -> bool:
    """Whether the code was ever given out here: one that was not would be given to another tube later."""
    county, year, serial = code[:COUNTY], code[COUNTY : COUNTY + 2], int(code[COUNTY + 2 : -1])
    return 0 < serial <= value_of(_counter(county, year))


def _counter(county: str, year: str) -> str:
    return f"tube:{county}:{year}"
