"""Who a token stands for. Tokens are keyed hashes; what they hide lies encrypted in the database alone."""

import hmac
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.conf import settings
from django.db import connection

from duban.core.keys import read_or_make_key
from duban.core.sealed_text import open_text, seal_texts
from duban.outbreak.models import Alias, Identity

IDENTIFIERS = ("id_number", "phone", "own_id", "person")
"""The strongest first. `person` is a name that all sources share, as in the contract's Parquet."""
TOKEN = re.compile(r"[0-9a-f]{64}")
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECKS = "10X98765432"
ID_BLANKS = re.compile(r"[\s-]")
ID_SHAPE = re.compile(r"\d{17}[\dX]", re.ASCII)
# Most texts of other kinds are told apart at the first letter.
PHONE_LIKE = re.compile(r"[\d\s().+\-–—＋－（）．]{7,40}")
PHONE_BLANKS = re.compile(r"[\s().\-–—]")
PHONE_SHAPE = re.compile(r"\+?\d{7,15}", re.ASCII)
CHINA = re.compile(r"^(?:\+|00)86(?=1\d{10}$)", re.ASCII)
MOBILE = re.compile(r"1[3-9]\d{9}", re.ASCII)
BATCH = 400


def normal_id_number(text: str) -> str:
    """The 18 characters of a resident's ID number whose date and check digit are right, else "".

    The county is not looked up: codes come and go.
    """
    if len(text) < 18:
        return ""
    number = ID_BLANKS.sub("", unicodedata.normalize("NFKC", text)).upper()
    if not ID_SHAPE.fullmatch(number):
        return ""
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return ""
    total = sum(int(digit) * weight for digit, weight in zip(number, ID_WEIGHTS, strict=False))
    return number if ID_CHECKS[total % 11] == number[17] else ""


def normal_phone(text: str) -> str:
    """Digits alone, without China's prefix, if they can be a telephone's number; else ""."""
    if not PHONE_LIKE.fullmatch(text):
        return ""
    digits = CHINA.sub("", PHONE_BLANKS.sub("", unicodedata.normalize("NFKC", text)))
    return digits.lstrip("+") if PHONE_SHAPE.fullmatch(digits) else ""


def is_mobile(phone: str) -> bool:
    return MOBILE.fullmatch(phone) is not None


class Tokens:
    """Makes tokens under this installation's key; asked for the same again it remembers."""

    def __init__(self) -> None:
        self.key = read_or_make_key(settings.DUBAN_DATA / "keys" / "presences")
        self.known: dict[tuple[str, str], str] = {}

    def of(self, kind: str, value: str) -> str:
        """The token of a normalised identifier."""
        token = self.known.get((kind, value))
        if token is None:
            token = hmac.digest(self.key, f"{kind}:{value}".encode(), "sha256").hex()
            if len(self.known) > 500_000:
                self.known.clear()
            self.known[kind, value] = token
        return token

    def of_person(self, text: str) -> str:
        """The token of what a `person` column says: an ID number, a mobile number, or a name that sources share."""
        kind, value = _told(text)
        return self.of(kind, value)


def _told(text: str) -> tuple[str, str]:
    text = text.strip()
    if number := normal_id_number(text):
        return "id_number", number
    if is_mobile(phone := normal_phone(text)):
        return "phone", phone
    return "person", text


@dataclass(frozen=True)
class Person:
    """What one row says of somebody: the token of the strongest identifier, those of the weaker ones, and the facts."""

    token: str
    aliases: tuple[str, ...]
    facts: dict[str, str] = field(default_factory=dict)


def identify(told: Mapping[str, str], source: str, tokens: Tokens) -> Person | None:
    """The person of a row's id_number, phone, own_id, person and name; None where nothing identifies anybody.

    What is no ID number or no telephone does not identify; it is kept with the facts.
    """
    found: dict[str, str] = {}
    if number := normal_id_number(told.get("id_number", "")):
        found["id_number"] = number
    if phone := normal_phone(told.get("phone", "")):
        found["phone"] = phone
    if own := told.get("own_id", "").strip():
        found["own_id"] = f"{source}:{own}"
    if text := told.get("person", "").strip():
        kind, value = _told(text)
        found.setdefault(kind, value)
    strongest = [tokens.of(kind, found[kind]) for kind in IDENTIFIERS if kind in found]
    if not strongest:
        return None
    facts = {name: value for name in ("name", *IDENTIFIERS) if (value := told.get(name, "").strip())}
    return Person(strongest[0], tuple(strongest[1:]), facts | {"source": source})


# ---- keeping --------------------------------------------------------------------------------------------------------

KEEP = """
INSERT INTO outbreak_identity (token, sealed, home) VALUES {rows}
ON CONFLICT (token) DO UPDATE SET sealed = excluded.sealed,
home = CASE WHEN excluded.home = '' THEN outbreak_identity.home ELSE excluded.home END
"""
TIE = """
INSERT INTO outbreak_alias (token, person, shared) VALUES {rows}
ON CONFLICT (token) DO UPDATE SET shared = (
outbreak_alias.shared OR excluded.shared OR (outbreak_alias.person <> excluded.person AND NOT EXISTS (
SELECT 1 FROM outbreak_alias AS upper
WHERE (upper.token = outbreak_alias.person AND upper.person = excluded.person)
OR (upper.token = excluded.person AND upper.person = outbreak_alias.person))))
"""
"""Two who give the same weak identifier share it, unless the one is only another name of the other."""


def keep_people(people: Iterable[tuple[Person, str]]) -> None:
    """Keep who the tokens stand for, each with the code of their home or "", and tie their weaker tokens to them."""
    held = list(people)
    sealed = seal_texts(json.dumps(person.facts, ensure_ascii=False) for person, _home in held)
    identities: dict[str, tuple[str, Any, str]] = {}
    ties: dict[str, tuple[str, str, bool]] = {}
    for (person, home), secret in zip(held, sealed, strict=True):
        identities[person.token] = (person.token, secret, home)
        for alias in person.aliases:
            known = ties.get(alias)
            ties[alias] = (alias, person.token, known is not None and (known[2] or known[1] != person.token))
    _upsert(KEEP, sorted(identities.values(), key=lambda row: row[0]))
    _upsert(TIE, sorted(ties.values()))


def _upsert(statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor:
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            marks = ", ".join(["(%s, %s, %s)"] * len(batch))
            cursor.execute(statement.format(rows=marks), [value for row in batch for value in row])


# ---- asking ---------------------------------------------------------------------------------------------------------


def persons_of(tokens: Iterable[str]) -> dict[str, str]:
    """For each token that is an alias the person it stands for, through as many steps as it takes."""
    found: dict[str, str] = {}
    asked = set(tokens)
    while asked:
        ties = _ties(asked)
        found |= ties
        asked = set(ties.values()) - set(found)
    return {token: _follow(token, found) for token in found}


def _follow(token: str, ties: Mapping[str, str]) -> str:
    seen = {token}
    while (upper := ties.get(token)) is not None and upper not in seen:
        seen.add(upper)
        token = upper
    return token


def _ties(tokens: Iterable[str]) -> dict[str, str]:
    wanted = list(tokens)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), 900):
        rows = Alias.objects.filter(token__in=wanted[start : start + 900], shared=False)
        found |= dict(rows.values_list("token", "person"))
    return found


def all_tokens_of(persons: Iterable[str]) -> dict[str, str]:
    """Every token, their own included, under which the persons may stand in the store, each with its person."""
    found = {person: person for person in persons}
    asked = list(found)
    while asked:
        new: dict[str, str] = {}
        for start in range(0, len(asked), 900):
            rows = Alias.objects.filter(person__in=asked[start : start + 900], shared=False)
            new |= {token: found[person] for token, person in rows.values_list("token", "person")}
        asked = [token for token in new if token not in found]
        found = new | found
    return found


def homes_of(tokens: Iterable[str]) -> dict[str, str]:
    """The code of where each lives, where a source said so."""
    wanted = list(tokens)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), 900):
        rows = Identity.objects.filter(token__in=wanted[start : start + 900]).exclude(home="")
        found |= dict(rows.values_list("token", "home"))
    return found


def facts_of_many(tokens: Sequence[str]) -> dict[str, dict[str, str]]:
    """As `facts_of`, for each token that is known."""
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(tokens), 900):
        rows = Identity.objects.filter(token__in=tokens[start : start + 900])
        found |= {row.token: json.loads(open_text(row.sealed)) for row in rows}
    return found


def facts_of(token: str) -> dict[str, str]:
    """What is known of who the token stands for; nothing where it is deleted. Only `opening` may show it to anybody."""
    return facts_of_many([token]).get(token, {})
