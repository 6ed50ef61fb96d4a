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
from duban.outbreak.people import facts_of
from duban.outbreak.screening import checked_purpose, found_for
from duban.places.codes import covers

OPENS = "identity.open"


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


def openings_of(found: Found) -> QuerySet[Opening]:
    """Who looked, the last first."""
    return Opening.objects.filter(found=found).order_by("-at", "-pk")
