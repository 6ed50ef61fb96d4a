"""Who lies where: taking a bed, moving, leaving. One bed, one person; one room, one household."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NoReturn

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.text import is_plain
from duban.outbreak.care.reach import file_to
from duban.outbreak.care.watch import set_watch
from duban.outbreak.casefiles.queries import own_and_merged
from duban.outbreak.measures.todo import settle_tasks
from duban.outbreak.models import Bed, BedStay, CaseFile, FileState, Room, StayEnd, Task, TaskKind, TaskState

SEES, MANAGES, ACTS = "site.see", "site.manage", "act.do"
MAX_REASON = 200


class BadStay(DubanError):
    pass


# ---- taking a bed ---------------------------------------------------------------------------------------------------


@transaction.atomic
def assign_bed(*, by: Person, now: datetime, bed_id: int, file_id: uuid.UUID, reason: str = "") -> BedStay:
    """The person takes the bed: their way there is done, and they are isolated from now on.

    Asked again for the same bed it changes nothing. `reason` says why the room is shared with another household.
    Raises NotFound (`file_not_found`, `bed_not_found`), Conflict (`file_not_open`, `site_closed`, `bed_out_of_use`,
    `bed_taken`, `already_in_a_bed`, `room_of_others`), BadStay (`bad_reason`).
    """
    bed = locked_bed(by, bed_id)
    file = file_to(by, ACTS, file_id)
    stays = _stays_of(file)
    if stays:
        if stays[0].bed_id == bed.pk:
            return stays[0]
        raise _in_a_bed()
    return _take(by=by, now=now, bed=bed, file=file, reason=reason)


@transaction.atomic
def transfer(*, by: Person, now: datetime, bed_id: int, file_id: uuid.UUID, reason: str = "") -> BedStay:
    """The person leaves their bed and takes this one in the same moment; into their own bed changes nothing.

    Raises as `assign_bed`, and Conflict (`in_no_bed`).
    """
    bed = locked_bed(by, bed_id)
    file = file_to(by, ACTS, file_id)
    stays = _stays_of(file)
    if not stays:
        raise Conflict("in_no_bed", _("This person lies in no bed; give them one first."))
    if stays[0].bed_id == bed.pk:
        return stays[0]
    for stay in stays:
        _leave(by=by, now=now, stay=stay, reason=StayEnd.TRANSFER)
    return _take(by=by, now=now, bed=bed, file=file, reason=reason)


@transaction.atomic
def assign_household(*, by: Person, now: datetime, household: uuid.UUID, room_id: int) -> list[BedStay]:
    """Those of a household who lie nowhere yet take the free beds of one room, all of them or none.

    Who is in a bed already stays there. Raises as `assign_bed`, NotFound (`household_not_found`, `room_not_found`),
    Conflict (`room_too_small`).
    """
    room = _room(by, room_id)
    keys = CaseFile.objects.filter(household=household, state=FileState.OPEN, merged_into=None).order_by("number")
    files = [file_to(by, ACTS, key) for key in keys.values_list("pk", flat=True)]
    if not files:
        raise NotFound("household_not_found", _("Nobody of this household is followed."))
    waiting = [file for file in files if not _stays_of(file)]
    free = [bed for bed in room.beds.filter(out_of_use=False).order_by("pk") if not bed.stays.filter(until=None)]
    if len(free) < len(waiting):
        raise Conflict(
            "room_too_small",
            _("%(people)d people are to be placed, and the room has %(free)d free beds.")
            % {"people": len(waiting), "free": len(free)},
            field="room",
        )
    return [_take(by=by, now=now, bed=bed, file=file, reason="") for bed, file in zip(free, waiting, strict=False)]


@transaction.atomic
def end_stay(*, by: Person, now: datetime, file_id: uuid.UUID, reason: str) -> BedStay | None:
    """The person leaves their bed, for one of StayEnd; None where they lie in none, so that a replay does nothing.

    Raises NotFound (`file_not_found`), NotAllowed (`not_allowed`), BadStay (`stay_end`).
    """
    if reason not in StayEnd.values:
        raise BadStay("stay_end", _("Say why the bed is left."), field="reason")
    file = file_to(by, ACTS, file_id)
    ended = [_leave(by=by, now=now, stay=stay, reason=reason) for stay in _stays_of(file)]
    return ended[0] if ended else None


def _take(*, by: Person, now: datetime, bed: Bed, file: CaseFile, reason: str) -> BedStay:
    room = bed.room
    if file.state != FileState.OPEN:
        raise Conflict("file_not_open", _("This person is no longer followed."))
    if room.site.closed_on is not None:
        raise Conflict("site_closed", _("The site is closed."))
    if bed.out_of_use:
        raise Conflict("bed_out_of_use", _("The bed is out of use."), field="bed")
    if bed.stays.filter(until=None).exists():
        raise _taken()
    shared = _shared_for(room, file, reason)
    stay = BedStay(bed=bed, file=file, since=now, by=by.as_actor(), shared_for=shared)
    try:
        with transaction.atomic():
            stay.save()
    except IntegrityError as error:
        _explain(error)
    _arrived(by=by, now=now, file=file)
    set_watch(now=now)
    detail = {"bed": bed.pk, "room": room.name, "site": str(room.site_id), "shared": bool(shared)}
    audit.record(by=by, now=now, action="assign_bed", subject_type="case_file", subject_id=file.pk, detail=detail)
    return stay


def _shared_for(room: Room, file: CaseFile, reason: str) -> str:
    """Why the person shares the room; "" where nobody of another household lies in it."""
    there = BedStay.objects.filter(bed__room=room, until=None).values_list("file__household", flat=True)
    if all(household is not None and household == file.household for household in there):
        return ""
    reason = reason.strip()
    if not reason:
        raise Conflict(
            "room_of_others",
            _("People of another household lie in this room; take another one, or say why it is shared."),
            field="reason",
        )
    if len(reason) > MAX_REASON or not is_plain(reason):
        raise BadStay("bad_reason", _("Plain text of at most 200 characters, please."), field="reason")
    return reason


def _arrived(*, by: Person, now: datetime, file: CaseFile) -> None:
    due = Task.objects.filter(file=file, kind__in=[TaskKind.REACH, TaskKind.ARRIVE], state=TaskState.OPEN)
    settle_tasks(by=by, now=now, task_ids=list(due.values_list("pk", flat=True)))
    # Nobody has to have asked for it: also who came before their plan said so is isolated and reached.
    for moment in ("isolated_at", "reached_at"):
        CaseFile.objects.filter(pk=file.pk, **{f"{moment}__isnull": True}).update(**{moment: now})


def _leave(*, by: Person, now: datetime, stay: BedStay, reason: str) -> BedStay:
    # A clock set back must not make a stay end before it began.
    stay.until, stay.ended_by, stay.ended_for = max(now, stay.since), by.as_actor(), reason
    stay.save(update_fields=["until", "ended_by", "ended_for"])
    audit.record(
        by=by,
        now=now,
        action="end_stay",
        subject_type="case_file",
        subject_id=stay.file_id,
        detail={"bed": stay.bed_id, "for": reason},
    )
    return stay


# ---- what is asked for ----------------------------------------------------------------------------------------------


def locked_bed(by: Person, bed_id: int) -> Bed:
    """The bed, its room locked: whoever takes another bed of the room waits, or two strangers would share it."""
    found = Bed.objects.filter(pk=bed_id).values_list("room", flat=True).first()
    if found is None:
        raise _no_bed()
    room = _room(by, found, absent=_no_bed())
    bed: Bed = room.beds.get(pk=bed_id)
    bed.room = room
    return bed


def _room(by: Person, room_id: int, *, absent: NotFound | None = None) -> Room:
    room = Room.objects.select_for_update().filter(pk=room_id).first()
    if room is None or not rights.may(by, SEES, room.site.town):
        raise absent or NotFound("room_not_found", _("There is no such room, or it is not yours to see."))
    rights.require(by, MANAGES, room.site.town)
    return room


def _stays_of(file: CaseFile) -> Sequence[BedStay]:
    return list(BedStay.objects.filter(file__in=own_and_merged(file), until=None).order_by("-since"))


def _no_bed() -> NotFound:
    return NotFound("bed_not_found", _("There is no such bed, or it is not yours to see."))


def _taken() -> Conflict:
    return Conflict("bed_taken", _("Somebody lies in this bed already; take another one."), field="bed")


def _in_a_bed() -> Conflict:
    return Conflict("already_in_a_bed", _("This person lies in a bed already; move them instead."), field="bed")


def _explain(error: IntegrityError) -> NoReturn:
    """The constraint that stopped two at once, in words. SQLite names the column, PostgreSQL the constraint."""
    words = str(error)
    if "nobody_in_two_beds" in words or "bedstay.file_id" in words:
        raise _in_a_bed() from error
    raise _taken() from error
