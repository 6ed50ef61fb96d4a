"""What is said of an organisation, checked, before it stands on the register."""

import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from duban.commons.models import Organisation, OrganisationCategory, OrganisationKind, Tier
from duban.commons.register.codes import FAULTS, credit_code_fault, normal_credit_code
from duban.core.errors import DubanError
from duban.core.text import folded, spelled
from duban.core.words import checked_words
from duban.places.codes import LENGTHS, normalise_code

MAX_NAME, MAX_NUMBER, MAX_CATEGORY, MAX_SEARCH = 100, 40, 60, 300
MAX_MEMBERS = 1_000_000
FEW_MEMBERS = 10
"""A filing usually asks for as many; fewer is said, not refused."""
TOWN = LENGTHS[1]
WORDS: dict[str, Mapping[str, tuple[str, ...]]] = {
    "tier": {
        Tier.REGISTERED: ("登记", "已登记", "注册", "民政登记"),
        Tier.FILED: ("备案", "已备案", "街道备案"),
        Tier.GUIDED: ("指导", "居委会指导", "管理", "未备案"),
    },
    "kind": {
        OrganisationKind.CLUB: ("社团", "协会", "俱乐部"),
        OrganisationKind.STUDIO: ("工作室",),
        OrganisationKind.TEAM: ("队伍", "队", "服务队", "志愿队"),
        OrganisationKind.FEDERATION: ("联合会", "社区社会组织联合会"),
        OrganisationKind.OTHER: ("其他",),
    },
}
"""What else the offices write for each; the values themselves are always understood."""


class BadOrganisation(DubanError):
    pass


@dataclass(frozen=True)
class OrganisationDraft:
    """As told: tier and kind in words of ours or the offices', the category in any words."""

    name: str
    tier: str
    category: str
    jurisdiction: str
    credit_code: str = ""
    filing_number: str = ""
    members: str = ""
    founded: date | None = None
    kind: str = ""
    about: str = ""
    brand: str = ""


@dataclass(frozen=True)
class Oddity:
    """Something odd that does not stop a row."""

    code: str
    message: str | Promise


def checked(draft: OrganisationDraft, category: OrganisationCategory, today: date) -> Organisation:
    """The organisation, not yet written.

    Raises BadOrganisation (`name_missing`, `bad_text`, `unknown_tier`, `unknown_kind`, `bad_members`,
    `founded_later`, `number_missing` and what credit_code_fault finds), BadCode.
    """
    name = _line(draft.name, "name", MAX_NAME)
    if not name:
        raise BadOrganisation("name_missing", _("An organisation has a name."), field="name")
    tier = _word("tier", draft.tier, "unknown_tier", _("The tier is registered, filed or guided."))
    kind = _word(
        "kind", draft.kind or "other", "unknown_kind", _("The kind is club, studio, team, federation or other.")
    )
    code = normal_credit_code(draft.credit_code)
    fault = credit_code_fault(code) if code else None
    if fault:
        raise BadOrganisation(fault, FAULTS[fault], field="credit_code")
    filing = _line(draft.filing_number, "filing_number", MAX_NUMBER)
    if tier == Tier.REGISTERED and not code:
        raise BadOrganisation(
            "number_missing", _("A registered organisation has a unified social credit code."), field="credit_code"
        )
    if draft.founded is not None and draft.founded > today:
        raise BadOrganisation("founded_later", _("The day of founding has not come yet."), field="founded")
    jurisdiction = normalise_code(draft.jurisdiction, field="jurisdiction")
    found = Organisation(
        name=name,
        name_key=folded(name)[:MAX_NAME],
        tier=tier,
        kind=kind,
        credit_code=code,
        filing_number=filing,
        category=category,
        jurisdiction=jurisdiction,
        town=jurisdiction[:TOWN],
        members=_members(draft.members),
        founded=draft.founded,
        about=_line(draft.about, "about", 5000),
        brand=_line(draft.brand, "brand", 60),
        token=secrets.token_urlsafe(16),
    )
    found.search = searched_text(found)
    return found


def searched_text(one: Organisation) -> str:
    """What an organisation is found by: its name, pinyin, initials and numbers."""
    words = [one.name_key, *spelled(one.name), one.credit_code.lower(), folded(one.filing_number)]
    return " ".join(word for word in words if word)[:MAX_SEARCH]


def oddities(organisation: Organisation) -> list[Oddity]:
    """What is unusual of it by itself."""
    if organisation.tier != Tier.GUIDED and organisation.members < FEW_MEMBERS:
        return [Oddity("few_members", _("It has fewer than 10 members."))]
    return []


def _line(text: str, field: str, most: int) -> str:
    return checked_words(text, field, most, error=BadOrganisation, code="bad_text")


def _word(field: str, text: str, code: str, says: Any) -> str:
    word = folded(text)
    for value, others in WORDS[field].items():
        if word == value or word in others:
            return str(value)
    raise BadOrganisation(code, says, field=field)


def _members(text: str) -> int:
    digits = unicodedata.normalize("NFKC", text).strip().removesuffix("人").removesuffix(".0")
    if not digits:
        return 0
    if not re.fullmatch(r"\d{1,7}", digits, re.ASCII) or int(digits) > MAX_MEMBERS:
        raise BadOrganisation("bad_members", _("The number of members is a whole number."), field="members")
    return int(digits)
