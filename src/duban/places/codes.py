"""Administrative codes: 6 digits a county, 9 a town, 12 a village or community, 15 a grid. "Starts with" is scope."""

import re
from collections.abc import Iterable

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError

LENGTHS = (6, 9, 12, 15)
LONGEST = LENGTHS[-1]


class BadCode(DubanError):
    pass


def normalise_code(text: object, *, field: str = "code", row: int | None = None) -> str:
    """`440199101000` -> `440199101`: trailing groups of 000 say "the whole of it" and are dropped.

    Raises BadCode (`bad_code`) unless digits remain in one of the four lengths.
    """
    code = str(text).strip()
    if re.fullmatch(r"\d+", code, re.ASCII) and len(code) in LENGTHS:
        while len(code) > LENGTHS[0] and code.endswith("000"):
            code = code[:-3]
        return code
    raise BadCode(
        "bad_code",
        _("An administrative code has 6, 9, 12 or 15 digits, not “%(code)s”.") % {"code": code[:40]},
        field=field,
        row=row,
    )


def within(field: str, codes: Iterable[str]) -> Q:
    """A filter for rows whose `field` starts with any of the codes, as digit ranges that a plain index serves.

    No codes means no rows.
    """
    condition = Q(pk__in=[])
    for code in outermost(codes):
        condition |= Q(**{f"{field}__gte": code, f"{field}__lte": code.ljust(LONGEST, "9")})
    return condition


def outermost(codes: Iterable[str]) -> list[str]:
    """The codes that no other of them covers, sorted."""
    kept: list[str] = []
    for code in sorted(set(codes)):
        if not (kept and code.startswith(kept[-1])):
            kept.append(code)
    return kept


def covers(codes: Iterable[str], code: str) -> bool:
    """Whether `code` lies in any of the scopes."""
    return any(code.startswith(scope) for scope in codes)


def ancestors(code: str) -> list[str]:
    """The codes above this one, county first: `110112106251` -> [`110112`, `110112106`]."""
    return [code[:length] for length in LENGTHS if length < len(code)]
