"""Who a file is about: what is known is sealed, what it is found by are keyed hashes, what lists show is masked."""

import json
import re
import unicodedata
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date

from duban.core.sealed_text import open_text, seal_text, seal_texts
from duban.core.text import folded
from duban.outbreak.models import CaseFile
from duban.outbreak.people import Tokens, normal_id_number, normal_phone

DOCUMENT = re.compile(r"[A-Z]{1,3}\d{6,10}", re.ASCII)
"""A passport or a permit: letters, then digits."""
ROAD = re.compile(r"^(.*(?:社区|小区|街道|大道|胡同|[路街村里苑园庄镇乡]))")
STARS = "**"


@dataclass(frozen=True)
class Facts:
    """What is known of somebody; "" is unknown. `birth_date` is ISO 8601, `id_number` also a passport's."""

    name: str = ""
    id_number: str = ""
    phone: str = ""
    birth_date: str = ""
    stay_address: str = ""
    from_place: str = ""


NAMES = tuple(one.name for one in fields(Facts))


def normal_document(text: str) -> str:
    """The number of a passport or a permit in capitals, else ""."""
    number = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text)).upper()
    return number if DOCUMENT.fullmatch(number) else ""


def born_on(id_number: str) -> str:
    """The ISO date of birth that a resident's ID number says, else ""."""
    number = normal_id_number(id_number)
    return f"{number[6:10]}-{number[10:12]}-{number[12:14]}" if number else ""


def normal_birth_date(text: str) -> str:
    """The ISO date, else ""."""
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        return ""


def completed(facts: Facts) -> Facts:
    """The same facts, numbers as they are compared, and the birth date that the ID number says."""
    document = normal_id_number(facts.id_number) or normal_document(facts.id_number)
    return replace(
        facts,
        id_number=document or facts.id_number.strip(),
        phone=normal_phone(facts.phone) or facts.phone.strip(),
        birth_date=born_on(document) or normal_birth_date(facts.birth_date),
    )


# ---- what somebody is found by --------------------------------------------------------------------------------------


def keys_of(facts: Facts, tokens: Tokens) -> dict[str, str]:
    """The digest of each key by its kind, of completed facts: id_number, own_id (a passport), phone, name_birth, name.

    The digests of ID number and phone are the tokens under which presences are kept.
    """
    name = folded(facts.name)
    told = {
        "id_number": normal_id_number(facts.id_number),
        "own_id": normal_document(facts.id_number),
        "phone": normal_phone(facts.phone),
        "name_birth": f"{name}:{facts.birth_date}" if name and facts.birth_date else "",
        "name": name,
    }
    return {kind: tokens.of(kind, value) for kind, value in told.items() if value}


def person_token(keys: Mapping[str, str], tokens: Tokens) -> str:
    """The token of the strongest identifier. A phone may be a family's, so the name counts with it.

    Whom nothing identifies gets one of their own.
    """
    for kind in ("id_number", "own_id"):
        if kind in keys:
            return keys[kind]
    if "phone" in keys and "name" in keys:
        return tokens.of("phone_name", f"{keys['phone']}:{keys['name']}")
    return keys.get("name_birth") or keys.get("phone") or uuid.uuid4().hex


# ---- sealed ---------------------------------------------------------------------------------------------------------


def _written(facts: Facts) -> str:
    return json.dumps(asdict(facts), ensure_ascii=False)


def seal(facts: Facts) -> bytes:
    """As `CaseFile.sealed` keeps it."""
    return seal_text(_written(facts))


def seal_many(all_facts: Iterable[Facts]) -> list[bytes]:
    """Each of them sealed; the key is read once."""
    return seal_texts(_written(facts) for facts in all_facts)


def facts_of(file: CaseFile) -> Facts:
    """What the file says of the person; raises Unreadable (`sealed_unreadable`)."""
    told = json.loads(open_text(file.sealed))
    return Facts(**{name: told.get(name, "") for name in NAMES})


def facts_of_many(files: Iterable[CaseFile]) -> dict[uuid.UUID, Facts]:
    """The same for each file, by its id."""
    return {file.pk: facts_of(file) for file in files}


# ---- masked ---------------------------------------------------------------------------------------------------------


def masked(facts: Facts) -> Facts:
    """What a list shows: 张**, 110*************34, 138****5678, a year of birth, an address up to its road.

    >>> masked(Facts(name="张三", phone="13800005678", stay_address="梨园镇群芳园小区12号楼501")).stay_address
    '梨园镇群芳园小区**'
    """
    return Facts(
        name=f"{facts.name[:1]}{STARS}" if facts.name else "",
        id_number=_starred(facts.id_number, 3, 2),
        phone=_starred(facts.phone, 3, 4),
        birth_date=facts.birth_date[:4],
        stay_address=_cut(facts.stay_address),
        from_place=_cut(facts.from_place),
    )


def _starred(text: str, head: int, tail: int) -> str:
    """The ends of a long text; a short one is hidden whole."""
    if len(text) < head + tail + 4:
        return "*" * len(text)
    return text[:head] + "*" * (len(text) - head - tail) + text[-tail:]


def _cut(address: str) -> str:
    if not address:
        return ""
    road = ROAD.match(address)
    return f"{road[1] if road else address[:3]}{STARS}"
