"""Names and telephone numbers of volunteers: masked, and whole for an hour after a look that is on the record."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest
from duban.commons.contact import Contact, open_contact
from duban.commons.models import Shift, SignUp
from duban.commons.volunteering import queries
from duban.commons.volunteering.actions import MANAGES
from duban.core import audit

HELD = "volunteers_looked_at"
FOR = timedelta(hours=1)
MOST = 50
"""Shifts that a session remembers."""


@transaction.atomic
def look_at_contacts(*, by: Person, now: datetime, shift_id: UUID) -> Shift:
    """Write down that the person sees who signed up for the shift. Raises NotFound (`shift_not_found`), NotAllowed."""
    shift = queries.shift_for(by, shift_id)
    rights.require(by, MANAGES, shift.jurisdiction)
    people = SignUp.objects.filter(shift=shift, sealed__isnull=False).count()
    audit.record(
        by=by, now=now, action="look_at_volunteers", subject_type="shift", subject_id=shift.pk,
        detail={"people": people},
    )  # fmt: skip
    return shift


def remember_look(request: StaffRequest, shift: Shift, now: datetime) -> None:
    held = {key: at for key, at in request.session.get(HELD, {}).items() if _is_recent(at, now)}
    held[str(shift.pk)] = now.isoformat()
    request.session[HELD] = dict(list(held.items())[-MOST:])


def looked(request: StaffRequest, shift: Shift, now: datetime) -> bool:
    """Whether the person looked within the hour, and may still."""
    at = request.session.get(HELD, {}).get(str(shift.pk), "")
    return _is_recent(at, now) and rights.may(request.user, MANAGES, shift.jurisdiction)


def _is_recent(at: str, now: datetime) -> bool:
    try:
        return timedelta() <= now - datetime.fromisoformat(at) < FOR
    except ValueError:
        return False


def contacts_of(sign_ups: Iterable[SignUp], *, whole: bool) -> dict[UUID, Contact]:
    """By sign-up; who was forgotten is not there."""
    found = {}
    for one in sign_ups:
        if one.sealed is not None:
            contact = open_contact(one.sealed)
            found[one.pk] = contact if whole else contact.masked
    return found
