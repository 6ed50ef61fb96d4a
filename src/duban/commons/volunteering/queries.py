"""Activities and who signed up, as a person or the public may see them."""

import uuid
from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.models import Activity, Shift, SignUp
from duban.commons.secrets import digest_of
from duban.core.errors import NotFound
from duban.places.codes import within

SEES = "activity.see"


def activities_for(person: Person) -> QuerySet[Activity]:
    """The newest first."""
    found = Activity.objects.filter(within("jurisdiction", rights.codes(person, SEES)))
    return found.order_by("-made_at", "pk")


def activity_for(person: Person, activity_id: uuid.UUID, *, lock: bool = False) -> Activity:
    """One of them, else NotFound (`activity_not_found`)."""
    activities = activities_for(person)
    found = (activities.select_for_update() if lock else activities).filter(pk=activity_id).first()
    if found is None:
        raise NotFound("activity_not_found", _("There is no such activity, or it is not yours to see."))
    return found


def coming_shifts(now: datetime) -> QuerySet[Shift]:
    """For anybody: shifts that are not over, of activities that take place, the next first."""
    found = Shift.objects.filter(ends_at__gt=now, activity__cancelled_at=None).select_related("activity")
    return found.order_by("begins_at", "pk")


def sign_up_of(secret: str) -> SignUp:
    """Whose secret it is, else NotFound (`sign_up_not_found`)."""
    found = SignUp.objects.select_related("shift__activity").filter(digest=digest_of(secret)).first()
    if found is None:
        raise NotFound("sign_up_not_found", _("This address opens nothing; look at the message that you kept."))
    return found


def place_in_line(sign_up: SignUp) -> int:
    """How many wait before somebody who waits, they themselves included."""
    waiting = SignUp.objects.filter(shift=sign_up.shift_id, state="waiting", turn__lte=sign_up.turn)
    return waiting.count()
