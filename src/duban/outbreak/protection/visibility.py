"""Who sees what of a person: one table by role. What is not masked was opened first, with ground and purpose, on the
record.

A page takes `shown` of a person, which never gives more than the record says was had; a list of due acts takes
`show_list`, which writes the looks down itself; who needs more opens the file with `open_file`.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person, Role
from duban.core import audit
from duban.core.errors import DubanError, NotAllowed, NotFound
from duban.outbreak.casefiles.identity import Facts, facts_of_many, masked
from duban.outbreak.models import CaseFile, Ground, Look, Task, TaskState
from duban.outbreak.screening import checked_purpose


class Sight(StrEnum):
    """How a role sees a field."""

    HIDDEN = "hidden"
    OPENED = "opened"
    """Masked; whole for an hour after a look with ground and purpose."""
    DUE = "due"
    """Masked; whole in a list of due acts, for people to whom one is still due. Each such view is a look."""
    WHOLE = "whole"


FACTS = ("name", "id_number", "phone", "birth_date", "stay_address", "from_place")
"""What `Facts` holds. The rest of the table is of the file: shown or not, there is nothing to mask."""
FIELDS: dict[Role, dict[str, Sight]] = {
    Role.HEALTH_OFFICER: {
        **dict.fromkeys(FACTS, Sight.OPENED),
        "exposures": Sight.WHOLE,
        "needs": Sight.WHOLE,
        "notes": Sight.WHOLE,
        "reports": Sight.WHOLE,
    },
    Role.COMMUNITY_WORKER: {
        "name": Sight.DUE,
        "id_number": Sight.HIDDEN,
        "phone": Sight.DUE,
        "birth_date": Sight.HIDDEN,
        "stay_address": Sight.DUE,
        "from_place": Sight.HIDDEN,
        "exposures": Sight.HIDDEN,
        "needs": Sight.WHOLE,
        "notes": Sight.WHOLE,
        "reports": Sight.WHOLE,
    },
}
RECENT = timedelta(hours=1)
DUE_ACTS = "due_acts"
"""The purpose of a look that a list of due acts makes; pages put it into words."""
MOST = 5000


class BadLook(DubanError):
    pass


def roles_at(person: Person, file: CaseFile) -> set[Role]:
    """The roles of the table that the person holds for this file: officers where the office or the town is theirs,
    community workers where the person stays."""
    held: set[Role] = set()
    if not person.is_active:
        return held
    for role, code, _kind in person.held_roles:
        if role == Role.HEALTH_OFFICER and (file.office.startswith(code) or file.town.startswith(code)):
            held.add(Role.HEALTH_OFFICER)
        if role == Role.COMMUNITY_WORKER and (file.stay.startswith(code) or file.town.startswith(code)):
            held.add(Role.COMMUNITY_WORKER)
    return held


def sights(person: Person, file: CaseFile, field: str) -> set[Sight]:
    """How the person's roles see a field of this file; of several the widest counts."""
    return {FIELDS[role][field] for role in roles_at(person, file)} - {Sight.HIDDEN}


def sees(person: Person, file: CaseFile, field: str) -> bool:
    """Whether the person may see this of the file at all, be it masked."""
    return bool(sights(person, file, field))


def shown(person: Person, file: CaseFile, facts: Facts, *, looked: Collection[str] = ()) -> Facts:
    """The facts as the person may see them: what they `looked` at (see `looked_recently`) whole, the rest masked, and
    "" for what is not theirs to see."""
    return _shown(facts, {field: sights(person, file, field) for field in FACTS}, looked)


def _shown(facts: Facts, seen: Mapping[str, set[Sight]], whole: Collection[str]) -> Facts:
    covered = masked(facts)
    found = {}
    for field in FACTS:
        if not seen[field]:
            found[field] = ""
        elif field in whole:
            found[field] = getattr(facts, field)
        else:
            found[field] = getattr(covered, field)
    return replace(facts, **found)


def looked_recently(person: Person, file: CaseFile, now: datetime) -> frozenset[str]:
    """The fields of the file that the person looked at within the last hour; empty if they did not look."""
    looks = Look.objects.filter(file=file, username=person.username, at__gt=now - RECENT, at__lte=now)
    return frozenset(field for fields in looks.values_list("fields", flat=True) for field in fields)


# ---- opening --------------------------------------------------------------------------------------------------------


@transaction.atomic
def open_file(
    *, by: Person, now: datetime, file_id: uuid.UUID, ground: str, purpose: str, fields: Sequence[str] = FACTS
) -> Facts:
    """The facts with those `fields` whole and the others masked; the look is written down before it is had.

    Raises NotFound (`file_not_found`), NotAllowed (`not_allowed`) for who sees the file but may not open it, BadLook
    (`fields_missing`, `purpose_with_name`), BadScreening (`ground_missing`, `purpose_missing`, `purpose_with_number`).
    """
    file = CaseFile.objects.filter(pk=file_id).first()
    if file is None or not roles_at(by, file):
        raise _not_found()
    return _open(by=by, now=now, files=[file], ground=ground, purpose=purpose, fields=fields)[file.pk]


@transaction.atomic
def open_list(
    *,
    by: Person,
    now: datetime,
    file_ids: Collection[uuid.UUID],
    ground: str,
    purpose: str,
    fields: Sequence[str] = FACTS,
) -> dict[uuid.UUID, Facts]:
    """As `open_file` for each of at most 5,000 files that are all the officer's, each a look of its own.

    Raises as `open_file` does, and BadLook (`list_too_long`).
    """
    if len(file_ids) > MOST:
        raise BadLook("list_too_long", _("At most 5,000 people a list; let the towns take theirs."))
    files = [file for batch in _batches(file_ids) for file in CaseFile.objects.filter(pk__in=batch)]
    if len(files) != len(set(file_ids)) or not all(roles_at(by, file) for file in files):
        raise _not_found()
    return _open(by=by, now=now, files=files, ground=ground, purpose=purpose, fields=fields)


def _open(
    *, by: Person, now: datetime, files: Sequence[CaseFile], ground: str, purpose: str, fields: Sequence[str]
) -> dict[uuid.UUID, Facts]:
    if not fields or not set(fields) <= set(FACTS):
        raise BadLook("fields_missing", _("Say which facts you want to open."), field="fields")
    for file in files:
        if not all(Sight.OPENED in sights(by, file, field) for field in fields):
            raise NotAllowed("not_allowed", _("Only a health officer of the office or the town opens who this is."))
    text = checked_purpose(ground, purpose)
    facts = facts_of_many(files)
    # The purpose outlives the file, so it must not say who it was.
    if any(one.name and one.name in text for one in facts.values()):
        raise BadLook("purpose_with_name", _("Leave the person's name out of the purpose."), field="purpose")
    _write_looks(by=by, now=now, files=files, ground=ground, purpose=text, fields=fields)
    if len(files) == 1:
        kind, key = "case_file", str(files[0].pk)
    else:
        kind, key = "case_files", files[0].office if files else ""
    detail = {"ground": ground, "fields": sorted(fields), "people": len(files)}
    audit.record(by=by, now=now, action="open_file", subject_type=kind, subject_id=key, detail=detail)
    return {file.pk: shown(by, file, facts[file.pk], looked=fields) for file in files}


def _write_looks(
    *, by: Person, now: datetime, files: Iterable[CaseFile], ground: str, purpose: str, fields: Sequence[str]
) -> None:
    actor = by.as_actor()
    looks = [
        Look(
            file=file,
            number=file.number,
            office=file.office,
            town=file.town,
            username=by.username,
            by=actor,
            ground=ground,
            purpose=purpose,
            fields=sorted(fields),
            at=now,
        )
        for file in files
    ]
    Look.objects.bulk_create(looks, batch_size=500)


def _not_found() -> NotFound:
    return NotFound("file_not_found", _("There is no such file, or it is not yours to see."))


# ---- lists of due acts ----------------------------------------------------------------------------------------------


@transaction.atomic
def show_list(
    *, by: Person, now: datetime, files: Sequence[CaseFile], facts: Mapping[uuid.UUID, Facts]
) -> dict[uuid.UUID, Facts]:
    """The facts of one page of a list of due acts, as the person may see them.

    Where the table says so, a community worker gets name, phone and address of whom an act is still due to. Each is a
    look on the record, once an hour of the clock and not with every page view. A fixed number of queries.
    """
    seen = {file.pk: {field: sights(by, file, field) for field in FACTS} for file in files}
    due = {key for key, fields in seen.items() if any(Sight.DUE in sight for sight in fields.values())}
    due = _with_open_act(due)
    found = {}
    looked: dict[tuple[str, ...], list[CaseFile]] = {}
    for file in files:
        whole = [field for field in FACTS if file.pk in due and Sight.DUE in seen[file.pk][field]]
        found[file.pk] = _shown(facts[file.pk], seen[file.pk], whole)
        if whole:
            looked.setdefault(tuple(whole), []).append(file)
    hour = timezone.localtime(now).replace(minute=0, second=0, microsecond=0)
    known = set(
        Look.objects.filter(
            file__in=due, username=by.username, purpose=DUE_ACTS, at__gte=hour, at__lt=hour + timedelta(hours=1)
        ).values_list("file", flat=True)
    )
    for fields, of in looked.items():
        new = [file for file in of if file.pk not in known]
        _write_looks(by=by, now=now, files=new, ground=Ground.ORDER, purpose=DUE_ACTS, fields=fields)
    return found


def _with_open_act(keys: Collection[uuid.UUID]) -> set[uuid.UUID]:
    open_acts = Task.objects.filter(file__in=keys, state=TaskState.OPEN) if keys else Task.objects.none()
    return set(open_acts.values_list("file", flat=True).distinct())


def _batches(keys: Collection[uuid.UUID]) -> Iterable[list[uuid.UUID]]:
    held = list(keys)
    for start in range(0, len(held), 900):
        yield held[start : start + 900]
