"""The register in the words of Open Referral's Human Services Data Specification 3 (HSDS), a page at a time.

Names of the fields are theirs. Who belongs to an organisation is nowhere in it.
"""

import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from duban.commons.models import Organisation
from duban.commons.register.filters import BadFilter
from duban.places import queries as places

PAGE_SIZE, LARGEST, LAST = 100, 1000, 100_000
TAXONOMY = "duban"
ORDER = ("town", "name_key", "id")


def read_page(number: str, size: str) -> tuple[int, int]:
    """Which page, from 1 on, and of how many; raises BadFilter (`bad_page`)."""
    found = []
    for text, name, usual, most in ((number, "page", 1, LAST), (size, "per_page", PAGE_SIZE, LARGEST)):
        if text and not (text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= most):
            says = _("A whole number from 1 to %(most)d.") % {"most": most}
            raise BadFilter("bad_page", says, field=name)
        found.append(int(text) if text else usual)
    return found[0], found[1]


def page_of(organisations: QuerySet[Organisation], *, number: int, size: int, site: str) -> dict[str, Any]:
    """A page of organisations with what says where in the list it is."""
    total = organisations.count()
    pages = -(-total // size)
    start = (number - 1) * size
    # The rows are found in an index; only those of the page are opened.
    keys = organisations.order_by(*ORDER)[start : start + size].values("pk")
    rows = Organisation.objects.filter(pk__in=keys).select_related("category").order_by(*ORDER)
    contents = told(rows, site)
    return {
        "total_items": total,
        "total_pages": pages,
        "page_number": number,
        "size": len(contents),
        "first_page": number == 1,
        "last_page": number >= pages,
        "empty": not contents,
        "contents": contents,
    }


def told(organisations: Iterable[Organisation], site: str) -> list[dict[str, Any]]:
    """Each of them as an `organization` object."""
    rows = list(organisations)
    names = places.names({one.jurisdiction for one in rows})
    return [_told(one, names.get(one.jurisdiction, one.jurisdiction), site) for one in rows]


def _told(one: Organisation, place: str, site: str) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "alternate_name": one.brand,
        "year_incorporated": one.founded.year if one.founded else None,
        "uri": f"{site}{reverse('neighbours:organisation', args=[one.pk])}" if site else "",
        "parent_organization_id": str(one.federation_id or ""),
    }
    return {
        "id": str(one.pk),
        "name": one.name,
        # Theirs must not be missing; a group that has said nothing of itself is told by what and where it is.
        "description": one.about or f"{one.category.name} · {place}",
        "legal_status": one.tier,
        **{name: value for name, value in kept.items() if value},
        "organization_identifiers": [
            {
                "id": _key(one, kind),
                "organization_id": str(one.pk),
                "identifier_type": kind,
                "identifier": number,
            }
            for kind, number in (
                ("unified social credit code", one.credit_code),
                ("filing number", one.filing_number),
            )
            if number
        ],
        "attributes": [
            _attribute(one, kind, code, name)
            for kind, code, name in (
                ("category", one.category_id, one.category.name),
                ("kind", one.kind, one.kind),
                ("purpose", one.purpose, one.purpose),
                ("area", one.jurisdiction, place),
            )
        ],
    }


def _attribute(one: Organisation, kind: str, code: str, name: str) -> dict[str, Any]:
    term = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{TAXONOMY}:{kind}:{code}"))
    return {
        "id": _key(one, kind),
        "link_id": str(one.pk),
        "link_entity": "organization",
        "link_type": kind,
        "taxonomy_term_id": term,
        "taxonomy_term": {
            "id": term,
            "code": code,
            "name": name,
            "description": f"{kind}: {name}",
            "taxonomy": TAXONOMY,
        },
    }


def _key(one: Organisation, kind: str) -> str:
    """The same key for the same thing at every export."""
    return str(uuid.uuid5(one.pk, kind))
