"""What the access app tells others of people."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Delegation, Person, RoleAt
from duban.core import clock
from duban.core.errors import NotFound
from duban.core.text import is_plain
from duban.places.codes import ancestors, within


def names_of_people(usernames: Iterable[str]) -> dict[str, str]:
    """What the people of these user names are called; a user name itself where the person is gone."""
    names = {username: username for username in usernames}
    return names | {person.username: str(person) for person in Person.objects.filter(username__in=names)}


def people_who_may(permission: str, place: str, kind: str = "") -> list[tuple[int, str]]:
    """(id, user name) of the active people who may do this at the place, stand-ins in force among them."""
    roles = RoleAt.objects.filter(
        role__in=rights.PERMISSIONS[permission], code__in=[*ancestors(place), place], person__is_active=True
    )
    if kind:
        roles = roles.filter(kind__in=["", kind])
    now = clock.now()
    lent = Delegation.objects.filter(
        giver__in=roles.values("person"), taker__is_active=True, revoked=None, start__lte=now, end__gt=now
    )
    own = roles.values_list("person", "person__username")
    return sorted(own.union(lent.values_list("taker", "taker__username")))


def people_managed_by(person: Person) -> QuerySet[Person]:
    """Whoever holds a role, or whose account was opened, within the codes that `person` administers."""
    scope = rights.codes(person, "people.manage")
    inside = Person.objects.filter(within("roles__code", scope)).values("pk")
    return Person.objects.filter(within("home", scope) | Q(pk__in=inside)).order_by("-is_active", "username")


def person_managed_by(person: Person, person_id: int) -> Person:
    """One of them, else NotFound (`unknown_person`)."""
    found = people_managed_by(person).filter(pk=person_id).first()
    if found is None:
        raise NotFound("unknown_person", _("There is nobody like that in your area."))
    return found


def search_people(people: QuerySet[Person], text: str) -> QuerySet[Person]:
    """Those whose user name or name holds the text."""
    text = text.strip()
    if not text:
        return people
    if not is_plain(text):
        return people.none()
    return people.filter(Q(username__icontains=text) | Q(name__icontains=text))


def delegations_of(person: Person, now: datetime) -> list[Delegation]:
    """Those in force or to come that the person gave or takes."""
    own = Q(giver=person) | Q(taker=person)
    return list(
        Delegation.objects.filter(own, revoked=None, end__gt=now)
        .select_related("giver", "taker")
        .order_by("start", "pk")
    )
