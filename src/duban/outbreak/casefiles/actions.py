"""What changes one file: why somebody is followed, where they stay, which files are one, and when it is over.

After each change the plan is worked out anew.
"""

import hashlib
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, NotFound
from duban.outbreak.care.links import revoke_link
from duban.outbreak.casefiles.identity import Facts, completed, keys_of, seal
from duban.outbreak.casefiles.matching import BadFile
from duban.outbreak.casefiles.opening import (
    TOWN,
    ExposureDraft,
    FileDraft,
    Opened,
    carry_along,
    exposure_row,
    open_files,
    replanned,
    require_sound,
)
from duban.outbreak.casefiles.queries import file_not_found, own_and_merged
from duban.outbreak.measures.duties import drop
from duban.outbreak.models import BedStay, CaseExposure, CaseFile, FileKey, FileState, NoMeasure, Plan
from duban.outbreak.people import Tokens
from duban.outbreak.samples.settling import settle_people
from duban.places.codes import covers, normalise_code

EDITS = "file.edit"
CLOSES = (NoMeasure.ELSEWHERE, NoMeasure.WITHDRAWN)
"""Why a file may be closed without a release."""
AHEAD = timedelta(hours=1)
"""How far another clock may be ahead of ours."""

__all__ = [
    "ExposureDraft",
    "FileDraft",
    "Opened",
    "add_exposure",
    "close_file",
    "confirm_case",
    "correct_facts",
    "merge_files",
    "move_file",
    "open_files",
    "unmerge_file",
    "version_of",
    "withdraw_exposure",
]


def own_file(by: Person, file_id: uuid.UUID, permission: str = EDITS) -> CaseFile:
    """The file, locked, if it is the person's to change and followed.

    Raises NotFound (`file_not_found`), Conflict (`file_not_open`).
    """
    file = locked_file(by, file_id, permission)
    if file.state != FileState.OPEN or file.merged_into_id is not None:
        raise Conflict("file_not_open", _("The person is not followed any more, or the file was merged into another."))
    return file


def locked_file(by: Person, file_id: uuid.UUID, permission: str = EDITS) -> CaseFile:
    """The file, locked, whatever its state; raises NotFound (`file_not_found`)."""
    return changeable_file(by, file_id, permission, lock=True)


def changeable_file(by: Person, file_id: uuid.UUID, permission: str = EDITS, *, lock: bool = False) -> CaseFile:
    """The file, whatever its state, if the person may do this with it; raises NotFound (`file_not_found`)."""
    codes = rights.codes(by, permission)
    files = CaseFile.objects.select_for_update() if lock else CaseFile.objects.all()
    file = files.filter(pk=file_id).first()
    if file is None or not any(covers(codes, code) for code in (file.office, file.town, file.stay)):
        raise file_not_found()
    return file


def noted(by: Person, now: datetime, action: str, file: CaseFile, **detail: Any) -> None:
    audit.record(
        by=by,
        now=now,
        action=action,
        subject_type="case_file",
        subject_id=file.pk,
        detail={"number": file.number, **detail},
    )


@transaction.atomic
def add_exposure(*, by: Person, now: datetime, file_id: uuid.UUID, exposure: ExposureDraft) -> CaseExposure:
    """One more reason to follow the person; the same kind on the same basis only grows, and stands again if it was
    withdrawn.

    Raises NotFound (`file_not_found`), Conflict (`file_not_open`), BadFile (`bad_exposure`).
    """
    file = own_file(by, file_id)
    require_sound(exposure)
    row = exposure_row(file, exposure, by.as_actor(), now)
    known = CaseExposure.objects.filter(file=file, kind=exposure.kind, basis=exposure.basis).first()
    if known is not None:
        row.pk = known.pk
        if known.withdrawn_at is None:
            row.first, row.last = min(known.first, row.first), max(known.last, row.last)
            row.arrived_at = row.arrived_at or known.arrived_at
    row.save()
    noted(by, now, "add_exposure", file, kind=row.kind, basis=row.basis)
    replanned(now, [file.pk])
    return row


@transaction.atomic
def withdraw_exposure(*, by: Person, now: datetime, file_id: uuid.UUID, exposure_id: int) -> CaseExposure:
    """Say that a reason was wrong; it stays to be read. A second time changes nothing.

    Raises NotFound (`file_not_found`, `exposure_not_found`), Conflict (`file_not_open`).
    """
    file = own_file(by, file_id)
    row = CaseExposure.objects.filter(file__in=own_and_merged(file), pk=exposure_id).first()
    if row is None:
        raise NotFound("exposure_not_found", _("There is no such exposure in this file."))
    if row.withdrawn_at is None:
        row.withdrawn_at, row.withdrawn_by = now, by.as_actor()
        row.save(update_fields=["withdrawn_at", "withdrawn_by"])
        noted(by, now, "withdraw_exposure", file, kind=row.kind, basis=row.basis)
        replanned(now, [file.pk])
    return row


@transaction.atomic
def move_file(*, by: Person, now: datetime, file_id: uuid.UUID, stay: str) -> CaseFile:
    """Where the person stays now: a code of the office's area, as fine as known. What is due moves along.

    Raises NotFound (`file_not_found`), Conflict (`file_not_open`), BadCode (`bad_code`), BadFile (`stay_elsewhere`).
    """
    file = own_file(by, file_id)
    code = normalise_code(stay, field="stay")
    if not code.startswith(file.office):
        raise BadFile(
            "stay_elsewhere",
            _("That lies in another district; hand the person over to its health office, then close the file."),
            field="stay",
        )
    if code != file.stay:
        file.stay, file.town = code, code[:TOWN]
        file.save(update_fields=["stay", "town"])
        carry_along([file])
        noted(by, now, "move_file", file, stay=code)
        # A town may have rules of its own.
        replanned(now, [file.pk])
    return file


def version_of(file: CaseFile) -> str:
    """A digest of the facts as they lie sealed, which is another after every change."""
    return hashlib.sha256(bytes(file.sealed)).hexdigest()


@transaction.atomic
def correct_facts(*, by: Person, now: datetime, file_id: uuid.UUID, facts: Facts, seen: str) -> CaseFile:
    """Who the person is, said anew and whole; the file is found by the new facts, and no more by the old ones.

    `seen` is the `version_of` the file that was looked at. Raises NotFound (`file_not_found`), BadFile
    (`nobody_named`), Conflict (`facts_changed`, `id_in_other_file`).
    """
    file = locked_file(by, file_id)
    if seen != version_of(file):
        raise Conflict("facts_changed", _("Somebody put this right meanwhile; look at the file again first."))
    told, tokens = completed(facts), Tokens()
    keys = keys_of(told, tokens)
    if "name" not in keys:
        raise BadFile("nobody_named", _("A file has at least a name."), field="name")
    for kind in ("id_number", "own_id"):
        taken = FileKey.objects.filter(kind=kind, digest=keys.get(kind, ""), file__office=file.office)
        if taken.exclude(file__in=own_and_merged(file)).filter(file__state=FileState.OPEN).exists():
            raise Conflict(
                "id_in_other_file", _("Another file has this ID number; merge the two instead."), field="id_number"
            )
    file.sealed = seal(told)
    file.save(update_fields=["sealed"])
    FileKey.objects.filter(file=file).delete()
    FileKey.objects.bulk_create([FileKey(file=file, kind=kind, digest=digest) for kind, digest in keys.items()])
    noted(by, now, "correct_facts", file)
    return file


# ---- two files of one person ----------------------------------------------------------------------------------------


@transaction.atomic
def merge_files(*, by: Person, now: datetime, file_id: uuid.UUID, into_id: uuid.UUID) -> CaseFile:
    """Say that a file is about the same person as another one, which goes on for both. Nothing is moved.

    A second time changes nothing. Raises NotFound (`file_not_found`), Conflict (`file_not_open`, `merge_into_itself`,
    `merge_across`, `merge_other_way`).
    """
    if file_id == into_id:
        raise Conflict("merge_into_itself", _("A file cannot be merged into itself."))
    # In one order, so that two who merge the same pair do not wait for each other.
    locked = {one: locked_file(by, one) for one in sorted((file_id, into_id))}
    file, into = locked[file_id], locked[into_id]
    if file.merged_into_id == into.pk:
        return into
    for one in (file, into):
        if one.state != FileState.OPEN or one.merged_into_id is not None:
            raise Conflict("file_not_open", _("Only files of people who are followed can be merged."))
    if file.office != into.office:
        raise Conflict("merge_across", _("The files are kept by different offices."))
    _require_this_way(file, into)
    file.merged_into = into
    file.save(update_fields=["merged_into"])
    noted(by, now, "merge_files", file, into=into.number)
    replanned(now, [file.pk, into.pk])
    settle_people(now=now, file_ids=[into.pk])
    return into


def _require_this_way(file: CaseFile, into: CaseFile) -> None:
    """Raises Conflict (`merge_other_way`) where the file that would rest holds what is under way."""
    held = set(BedStay.objects.filter(file__in=[file, into], until=None).values_list("file", flat=True))
    under_way = (
        file.pk in held,
        file.waiting_since is not None and into.waiting_since is None,
        file.confirmed_at is not None and into.confirmed_at is None,
    )
    if any(under_way):
        raise Conflict(
            "merge_other_way",
            _("This file has a bed, waits for a result or is a confirmed case; merge the other one into it."),
        )


@transaction.atomic
def unmerge_file(*, by: Person, now: datetime, file_id: uuid.UUID) -> CaseFile:
    """Take a merge back: the file goes on by itself with all that was its own. A second time changes nothing.

    Raises NotFound (`file_not_found`), Conflict (`person_followed`).
    """
    file = locked_file(by, file_id)
    upper = file.merged_into
    if upper is None:
        return file
    file.merged_into = None
    try:
        with transaction.atomic():
            file.save(update_fields=["merged_into"])
    except IntegrityError as error:
        raise Conflict("person_followed", _("This person has another open file by now.")) from error
    noted(by, now, "unmerge_file", file, out_of=upper.number)
    replanned(now, [file.pk, upper.pk])
    settle_people(now=now, file_ids=[file.pk, upper.pk])
    return file


# ---- the end, or a turn ---------------------------------------------------------------------------------------------


@transaction.atomic
def close_file(*, by: Person, now: datetime, file_id: uuid.UUID, reason: str) -> CaseFile:
    """End a file without a release: handed over to another district, or every exposure was withdrawn.

    Raises NotFound (`file_not_found`), Conflict (`file_not_open`, `exposure_stands`, `bed_held`), BadFile
    (`bad_reason`).
    """
    file = own_file(by, file_id)
    if reason not in CLOSES:
        raise BadFile("bad_reason", _("A file is closed as handed over, or as withdrawn."), field="reason")
    ids = own_and_merged(file)
    standing = CaseExposure.objects.filter(file__in=ids, withdrawn_at=None)
    if reason == NoMeasure.WITHDRAWN and standing.exists():
        raise Conflict("exposure_stands", _("An exposure stands; withdraw it first, or release the person in time."))
    if BedStay.objects.filter(file__in=ids, until=None).exists():
        raise Conflict("bed_held", _("The person holds a bed; end the stay first."))
    file.state, file.closed_at, file.no_measure, file.measure = FileState.CLOSED, now, reason, ""
    file.save(update_fields=["state", "closed_at", "no_measure", "measure"])
    noted(by, now, "close_file", file, reason=reason)
    Plan.objects.filter(file=file, current=True).update(current=False)
    drop([file])
    revoke_link(now=now, file_id=file.pk)
    return file


@transaction.atomic
def confirm_case(
    *, by: Person, now: datetime, file_id: uuid.UUID, onset_at: datetime | None, sampled_at: datetime
) -> CaseFile:
    """The person is a confirmed case, sampled then, ill since `onset_at` or without symptoms (None). Said again, the
    times are corrected.

    Raises NotFound (`file_not_found`), Conflict (`file_not_open`), BadFile (`in_the_future`).
    """
    file = own_file(by, file_id)
    for name, moment in (("onset_at", onset_at), ("sampled_at", sampled_at)):
        if moment is not None and moment > now + AHEAD:
            raise BadFile("in_the_future", _("The time lies in the future."), field=name)
    file.confirmed_at = file.confirmed_at or now
    file.onset_at, file.sampled_at = onset_at, sampled_at
    file.no_measure, file.measure = NoMeasure.HOSPITAL, ""
    file.save(update_fields=["confirmed_at", "onset_at", "sampled_at", "no_measure", "measure"])
    noted(by, now, "confirm_case", file)
    replanned(now, [file.pk])
    settle_people(now=now, file_ids=[file.pk])
    return file
