"""What the register tells others: nothing of a venue that a person may not see leaves it."""

import uuid

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import NotFound
from duban.core.text import folded, is_plain
from duban.places.codes import within
from duban.venues.models import Venue

ORDER = ("jurisdiction", "name", "id")


def visible_to(person: Person) -> QuerySet[Venue]:
    """The venues, closed ones too, within the codes where `person` sees them, in the order of the list."""
    return Venue.objects.filter(within("jurisdiction", rights.codes(person, "venue.see"))).order_by(*ORDER)


def venue_for(person: Person, venue_id: uuid.UUID) -> Venue:
    """One of them with its type, else NotFound (`unknown_venue`)."""
    return _one(visible_to(person).filter(pk=venue_id))


def venue_of_sticker(person: Person, token: str) -> Venue:
    """The one whose sticker says `token`, else NotFound (`unknown_venue`)."""
    return _one(visible_to(person).filter(token=token) if is_plain(token) else Venue.objects.none())


def search(person: Person, text: str) -> QuerySet[Venue]:
    """Those whose name, pinyin, initials or address hold every word of the text; all of them where there is none."""
    return matching(visible_to(person), text)


def matching(venues: QuerySet[Venue], text: str) -> QuerySet[Venue]:
    if not is_plain(text):
        return venues.none()
    condition = Q()
    for word in text.split():
        condition &= Q(search__contains=folded(word))
    return venues.filter(condition)


def _one(venues: QuerySet[Venue]) -> Venue:
    venue = venues.select_related("kind").first()
    if venue is None:
        raise NotFound("unknown_venue", _("There is no venue like that in your area."))
    return venue
