"""Activities and who signed up, as a person or the public may see them."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import CharField, Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.models import Activity, Record, Shift, SignUp, SignUpState
from duban.commons.secrets import digest_of
from duban.core.errors import NotFound
from duban.ledger.leads import Sifting
from duban.places.codes import LENGTHS, within

SEES = "activity.see"
LONGEST = timedelta(hours=24)
"""No shift is longer, so none that is not over began earlier than this ago."""

ASKED_FOR = timedelta(days=120)
"""So long a shift waits for its hours before the list lets go of it."""


# ---- for the office -------------------------------------------------------------------------------------------------


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


def shifts_for(person: Person) -> QuerySet[Shift]:
    """Shifts of activities in the person's area, in no order yet."""
    # Activities are looked up after: joined, a database may begin with them and sort all their shifts for a page.
    found = Shift.objects.prefetch_related("activity").order_by()
    codes = rights.codes(person, SEES)
    if connection.vendor == "sqlite" and any(len(code) <= LENGTHS[0] for code in codes):
        # Of a whole county nearly all shifts are: sought by place, they would all be sorted for a page of them.
        sifted = Sifting(F("jurisdiction"), output_field=CharField())
        return found.alias(jurisdiction_sifted=sifted).filter(within("jurisdiction_sifted", codes))
    return found.filter(within("jurisdiction", codes))


def shift_for(person: Person, shift_id: uuid.UUID) -> Shift:
    """One of them, else NotFound (`shift_not_found`)."""
    found = shifts_for(person).filter(pk=shift_id).first()
    if found is None:
        raise _no_shift()
    return found


def without_hours(now: datetime) -> Q:
    """Shifts of the last months that have begun and where somebody came whose hours are not certified."""
    return Q(owed__gt=0, begins_at__gt=now - ASKED_FOR, begins_at__lt=now, cancelled_at=None)


def record_for(person: Person, record_id: uuid.UUID) -> Record:
    """A record of such a shift, else NotFound (`record_not_found`)."""
    found = Record.objects.select_related("sign_up__shift__activity").filter(pk=record_id).first()
    if found is None or not rights.may(person, SEES, found.sign_up.shift.jurisdiction):
        raise NotFound("record_not_found", _("There is no such record, or it is not yours to see."))
    return found


@dataclass(frozen=True)
class Tally:
    """How many of a shift are in, wait, came, and have their hours certified."""

    taken: int = 0
    waiting: int = 0
    came: int = 0
    certified: int = 0


def tallies_of(shift_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Tally]:
    """By shift; one without sign-ups is not there."""
    standing = Record.objects.filter(sign_up=OuterRef("pk"), revoked_at=None)
    rows = (
        SignUp.objects.filter(shift__in=shift_ids)
        .order_by()
        .values("shift")
        .annotate(
            taken=Count("pk", filter=Q(state=SignUpState.IN)),
            waiting=Count("pk", filter=Q(state=SignUpState.WAITING)),
            came=Count("pk", filter=Q(came_at__isnull=False)),
            certified=Count("pk", filter=Exists(standing)),
        )
    )
    return {row["shift"]: Tally(row["taken"], row["waiting"], row["came"], row["certified"]) for row in rows}


def minutes_of(person: Person, hashes: Iterable[str]) -> dict[str, int]:
    """By keyed hash of a phone how many minutes are certified in the person's area."""
    known = {one for one in hashes if one}
    rows = (
        Record.objects.filter(
            within("sign_up__shift__jurisdiction", rights.codes(person, SEES)),
            sign_up__person__in=known,
            revoked_at=None,
        )
        .values("sign_up__person")
        .annotate(minutes=Sum("minutes"))
    )
    return {row["sign_up__person"]: row["minutes"] for row in rows}


# ---- for anybody ----------------------------------------------------------------------------------------------------


def coming_shifts(now: datetime, area: str = "") -> QuerySet[Shift]:
    """Shifts that take place and are not over, the next first; of an area if one is given."""
    found = Shift.objects.filter(begins_at__gt=now - LONGEST, ends_at__gt=now, cancelled_at=None)
    if area:
        found = found.filter(within("jurisdiction", [area]))
    return found.prefetch_related("activity").order_by("begins_at", "pk")


def shifts_since(moment: datetime, area: str = "") -> QuerySet[Shift]:
    """For calendars: shifts that began after the moment, cancelled ones too, the next first."""
    found = Shift.objects.filter(begins_at__gt=moment)
    if area:
        found = found.filter(within("jurisdiction", [area]))
    return found.prefetch_related("activity").order_by("begins_at", "pk")


def open_activity(activity_id: uuid.UUID) -> Activity:
    """An activity as it was announced to everybody, else NotFound (`activity_not_found`)."""
    found = Activity.objects.filter(pk=activity_id).first()
    if found is None:
        raise NotFound("activity_not_found", _("There is no such activity, or it is not yours to see."))
    return found


def shift_of_token(token: str) -> Shift:
    """Whose meeting point the code is of, else NotFound (`shift_not_found`)."""
    found = Shift.objects.select_related("activity").filter(token=token).first() if _is_plain(token) else None
    if found is None:
        raise _no_shift()
    return found


def sign_up_of(secret: str) -> SignUp:
    """Whose secret it is, else NotFound (`sign_up_not_found`)."""
    found = SignUp.objects.select_related("shift__activity").filter(digest=digest_of(secret)).first()
    if found is None:
        raise NotFound("sign_up_not_found", _("This address opens nothing; look at the message that you kept."))
    return found


def place_in_line(sign_up: SignUp) -> int:
    """How many wait before somebody who waits, they themselves included."""
    waiting = SignUp.objects.filter(shift=sign_up.shift_id, state=SignUpState.WAITING, turn__lte=sign_up.turn)
    return waiting.count()


def record_of(sign_up: SignUp) -> Record | None:
    """The record that stands, else the last one that was revoked."""
    records = list(sign_up.records.order_by("-at"))
    return next((one for one in records if one.revoked_at is None), records[0] if records else None)


def record_of_code(code: str) -> Record:
    """Whose certificate the code is on, else NotFound (`certificate_not_found`)."""
    rows = Record.objects.select_related("sign_up__shift__activity")
    found = rows.filter(code=code).first() if _is_plain(code) else None
    if found is None:
        raise NotFound("certificate_not_found", _("There is no such certificate; see that the whole code was read."))
    return found


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and len(text) <= 64


def _no_shift() -> NotFound:
    return NotFound("shift_not_found", _("There is no such shift."))
