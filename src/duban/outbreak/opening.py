"""Opening who somebody is: for people found alone, one at a time, by an officer of their area, always on the record."""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import NotFound
from duban.outbreak.models import Found, Opening
from duban.outbreak.people import facts_of, facts_of_many
from duban.outbreak.screening import BadScreening, checked_purpose, found_for, screening_for
from duban.places.codes import covers

OPENS = "identity.open"
MOST = 5000


def found_person(person: Person, found_id: uuid.UUID) -> Found:
    """Somebody found whom the officer may see, else NotFound (`found_not_found`)."""
    found = Found.objects.select_related("screening").filter(pk=found_id).first()
    if found is None or not found_for(person, found.screening).filter(pk=found.pk).exists():
        raise NotFound("found_not_found", _("There is nobody like that among those found in your area."))
    return found


@transaction.atomic
def open_identity(*, by: Person, now: datetime, found_id: uuid.UUID, ground: str, purpose: str) -> dict[str, str]:
    """Name, ID number, phone and the source's own words of somebody found; the look is written down before it is had.

    Empty where the identity was deleted by its rule. Raises NotFound (`found_not_found`), NotAllowed (`not_allowed`),
    BadScreening (`ground_missing`, `purpose_missing`).
    """
    found = found_person(by, found_id)
    codes = rights.codes(by, OPENS)
    if not covers(codes, found.town) and not covers(codes, found.screening.jurisdiction):
        rights.require(by, OPENS, found.town)
    text = checked_purpose(ground, purpose)
    Opening.objects.create(found=found, ground=ground, purpose=text, by=by.as_actor(), at=now)
    audit.record(
        by=by,
        now=now,
        action="open_identity",
        subject_type="found_person",
        subject_id=found.pk,
        detail={"screening": str(found.screening_id), "ground": ground},
    )
    return facts_of(found.person)


@transaction.atomic
def open_list(
    *, by: Person, now: datetime, screening_id: uuid.UUID, ground: str, purpose: str
) -> list[tuple[Found, dict[str, str]]]:
    """Who all of those are whom the officer may see of a screening: each is an opening of its own, on the record.

    Raises NotFound (`screening_not_found`), BadScreening (`ground_missing`, `purpose_missing`, `list_too_long`).
    """
    screening = screening_for(by, screening_id)
    found = list(found_for(by, screening).select_related("screening")[: MOST + 1])
    if len(found) > MOST:
        raise BadScreening("list_too_long", _("At most 5,000 people a list; let the towns take theirs."))
    codes = rights.codes(by, OPENS)
    if not found or not all(covers(codes, one.town) or covers(codes, screening.jurisdiction) for one in found):
        raise NotFound("screening_not_found", _("There is no such screening, or it is not yours to see."))
    text = checked_purpose(ground, purpose)
    Opening.objects.bulk_create(
        [Opening(found=one, ground=ground, purpose=text, by=by.as_actor(), at=now) for one in found], batch_size=500
    )
    audit.record(
        by=by,
        now=now,
        action="open_list",
        subject_type="screening",
        subject_id=screening.pk,
        detail={"ground": ground, "people": len(found)},
    )
    facts = facts_of_many([one.person for one in found])
    return [(one, facts.get(one.person, {})) for one in found]


def openings_of(found: Found) -> QuerySet[Opening]:
    """Who looked, the last first."""
    return Opening.objects.filter(found=found).order_by("-at", "-pk")
