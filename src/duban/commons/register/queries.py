"""What the register tells others: nothing of an organisation that a person may not see leaves it."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet
from django.db.models.functions import Length
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from rapidfuzz import fuzz, process

from duban.access import rights
from duban.access.models import Person
from duban.commons.models import Organisation, OrganisationCategory
from duban.commons.register.filters import in_areas
from duban.core.errors import NotFound
from duban.core.text import folded, is_plain
from duban.places import queries as places
from duban.places.codes import LENGTHS, covers, within
from duban.places.models import Jurisdiction

SEES, EDITS, REVIEWS, ROSTERS = "organisation.see", "organisation.edit", "organisation.review", "roster.see"
TOWN, VILLAGE = LENGTHS[1], LENGTHS[2]
MOST_BASES = 2000
ALIKE = 80
"""Out of 100: names that agree so far are shown to who adds or files another one."""


def visible_to(person: Person, permission: str = SEES) -> QuerySet[Organisation]:
    """The organisations, dissolved ones too, based within the codes where `person` sees them."""
    return Organisation.objects.filter(in_areas(rights.codes(person, permission)))


def organisation_for(person: Person, organisation_id: uuid.UUID, *, lock: bool = False) -> Organisation:
    """One of them with its category, else NotFound (`organisation_not_found`)."""
    found = visible_to(person).filter(pk=organisation_id).select_related("category")
    return _one(found.select_for_update(of=("self",)) if lock else found)


def public_organisation(organisation_id: uuid.UUID) -> Organisation:
    """One of all, for the page that anybody reads; else NotFound (`organisation_not_found`)."""
    return _one(Organisation.objects.filter(pk=organisation_id).select_related("category", "federation"))


def organisation_of_certificate(token: str) -> Organisation:
    """The one whose certificate says `token`, else NotFound (`organisation_not_found`)."""
    found = Organisation.objects.filter(token=token) if is_plain(token) and len(token) <= 22 else None
    return _one(found.select_related("category") if found is not None else Organisation.objects.none())


def _one(organisations: QuerySet[Organisation]) -> Organisation:
    found = organisations.first()
    if found is None:
        raise NotFound("organisation_not_found", _("There is no such organisation, or it is not yours to see."))
    return found


def category_names() -> dict[str, str]:
    """Names of the categories by key, in the reader's language, the built-in ones first."""
    chinese = (get_language() or "zh").startswith("zh")
    return {
        one.key: one.name if chinese else one.name_en or one.name
        for one in OrganisationCategory.objects.order_by("local", "name")
    }


def area_choices(person: Person, permission: str, *chosen: str) -> list[tuple[str, str]]:
    """(code, name) of the counties and towns within the person's codes, those codes, and what is chosen already."""
    codes = rights.codes(person, permission)
    choices = [(unit.code, unit.name) for unit in places.counties_and_towns(codes)]
    finer = [code for code in (*codes, *chosen) if code and code not in dict(choices)]
    names = places.names(finer) if finer else {}
    return [*choices, *((code, names.get(code, code)) for code in dict.fromkeys(finer))]


def bases_within(codes: Iterable[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Where an organisation can be based within the codes: of each town its name and (code, name) of it and its parts.

    Where the parts are very many, the towns alone.
    """
    units = Jurisdiction.objects.filter(within("code", codes)).annotate(length=Length("code"))
    units = units.filter(length__lte=VILLAGE).order_by("code")
    listed = list(units.values_list("code", "name")[: MOST_BASES + 1])
    if len(listed) > MOST_BASES:
        listed = list(units.filter(length__lte=TOWN).values_list("code", "name"))
    above = places.names({code[:TOWN] for code, _name in listed if len(code) >= TOWN})
    groups: dict[str, list[tuple[str, str]]] = {}
    for code, name in listed:
        groups.setdefault(above.get(code[:TOWN], name), []).append((code, name))
    return list(groups.items())


@dataclass(frozen=True)
class LookAlike:
    """An organisation that the one to be written may be; `same` says that it bears the same name at the same place."""

    organisation: Organisation
    likeness: float
    same: bool


def look_alikes(name: str, jurisdiction: str, *, apart_from: uuid.UUID | None = None, most: int = 5) -> list[LookAlike]:
    """What stands in the town under that name or one much like it, the likest first; dissolved ones too."""
    key, town = folded(name), jurisdiction[:TOWN]
    if not key or not is_plain(key):
        return []
    rows = (
        Organisation.objects.filter(town=town).exclude(pk=apart_from or uuid.UUID(int=0)).values_list("pk", "name_key")
    )
    names = dict(rows)
    best = process.extract(key, names, scorer=fuzz.ratio, score_cutoff=ALIKE, limit=most)
    holding = [
        (there, 100.0 * len(key) / len(there), pk) for pk, there in names.items() if len(key) >= 4 and key in there
    ]
    likeness = {pk: score for _there, score, pk in [*holding, *best]}
    found = Organisation.objects.filter(pk__in=likeness).select_related("category")
    alike = [
        LookAlike(one, likeness[one.pk], one.name_key == key and one.jurisdiction == jurisdiction) for one in found
    ]
    return sorted(alike, key=lambda one: (not one.same, -one.likeness, one.organisation.name))[:most]


def may_edit(person: Person, organisation: Organisation) -> bool:
    return covers(rights.codes(person, EDITS), organisation.jurisdiction)


def may_see(person: Person, organisation: Organisation) -> bool:
    return covers(rights.codes(person, SEES), organisation.jurisdiction)
