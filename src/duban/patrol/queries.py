"""What patrol tells others: visits and failures in a person's area."""

import uuid

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import NotFound
from duban.patrol.models import Failure, Visit
from duban.places.codes import within
from duban.venues.models import Venue

SEES = "visit.see"


def visits_for(person: Person) -> QuerySet[Visit]:
    """The visits in the person's area, in every state."""
    return Visit.objects.filter(within("jurisdiction", rights.codes(person, SEES)))


def visit_for(person: Person, visit_id: uuid.UUID) -> Visit:
    """The visit with its venue, else NotFound (`visit_not_found`)."""
    found = visits_for(person).select_related("venue__kind", "version", "round").filter(pk=visit_id).first()
    if found is None:
        raise NotFound("visit_not_found", _("There is no such visit, or it is not yours to see."))
    return found


def failures_for(person: Person) -> QuerySet[Failure]:
    """The failures in the person's area, open and closed."""
    return Failure.objects.filter(within("jurisdiction", rights.codes(person, SEES)))


def open_failures_of(venue: Venue) -> QuerySet[Failure]:
    """What stands open at the venue, the longest open first, each with the answer that found it and its item."""
    open_ones = Failure.objects.filter(venue=venue, closed_at=None)
    return open_ones.select_related("opened_by__item", "entry").order_by("opened_at", "key")
