"""What is said to the person and what they need: written down sealed, read by who follows them."""

import uuid
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person
from duban.core.errors import NotFound
from duban.core.sealed_text import open_text, seal_text
from duban.core.text import is_plain
from duban.outbreak.casefiles.actions import EDITS, noted, own_file
from duban.outbreak.casefiles.matching import BadFile
from duban.outbreak.casefiles.queries import file_not_found
from duban.outbreak.measures.todo import settle_tasks
from duban.outbreak.models import CaseFile, ContactHow, ContactNote, Need, NeedKind, Task, TaskKind, TaskState

CONTACTS = "file.contact"
MAX_TEXT = 500


@transaction.atomic
def add_contact_note(
    *, by: Person, now: datetime, file_id: uuid.UUID, how: str, reached: bool, text: str
) -> ContactNote:
    """Note a call, a visit or a message. Whoever was reached needs no longer be reached.

    Raises NotFound (`file_not_found`), Conflict (`file_not_open`), BadFile (`how_missing`, `text_missing`).
    """
    file = own_file(by, file_id, CONTACTS)
    if how not in ContactHow.values:
        raise BadFile("how_missing", _("Say how: by call, visit or message."), field="how")
    sealed = seal_text(_words(text, needed=not reached))
    note = ContactNote.objects.create(file=file, how=how, reached=reached, sealed=sealed, by=by.as_actor(), at=now)
    noted(by, now, "add_contact_note", file, how=how, reached=reached)
    if reached:
        CaseFile.objects.filter(pk=file.pk, reached_at=None).update(reached_at=now)
        due = Task.objects.filter(file=file, kind=TaskKind.REACH, state=TaskState.OPEN)
        settle_tasks(by=by, now=now, task_ids=list(due.values_list("pk", flat=True)))
    return note


@transaction.atomic
def add_need(*, by: Person, now: datetime, file_id: uuid.UUID, kind: str, text: str) -> Need:
    """Note what the person needs while they are followed.

    Raises NotFound (`file_not_found`), Conflict (`file_not_open`), BadFile (`bad_need`, `text_missing`).
    """
    file = own_file(by, file_id, CONTACTS)
    if kind not in NeedKind.values:
        raise BadFile("bad_need", _("Choose what is needed."), field="kind")
    sealed = seal_text(_words(text, needed=kind == NeedKind.OTHER))
    need = Need.objects.create(file=file, kind=kind, sealed=sealed, since=now)
    noted(by, now, "add_need", file, kind=kind)
    return need


@transaction.atomic
def end_need(*, by: Person, now: datetime, file_id: uuid.UUID, need_id: int) -> Need:
    """Say that it is needed no more; a second time changes nothing.

    Raises NotFound (`file_not_found`, `need_not_found`), Conflict (`file_not_open`).
    """
    file = own_file(by, file_id, CONTACTS)
    need = Need.objects.filter(file=file, pk=need_id).first()
    if need is None:
        raise NotFound("need_not_found", _("There is no such need in this file."))
    if need.ended_at is None:
        need.ended_at = now
        need.save(update_fields=["ended_at"])
        noted(by, now, "end_need", file, kind=need.kind)
    return need


@transaction.atomic
def join_household(*, by: Person, now: datetime, file_id: uuid.UUID, with_number: str) -> CaseFile:
    """Say that the person lives with the person of another file, so that they are kept together.

    Raises NotFound (`file_not_found`, also for the other's number), Conflict (`file_not_open`).
    """
    file = own_file(by, file_id, EDITS)
    number = with_number.strip()
    known = CaseFile.objects.filter(number=number, office=file.office).values_list("pk", flat=True).first()
    if known is None:
        raise file_not_found()
    other = own_file(by, known, EDITS)
    household = other.household or file.household or uuid.uuid4()
    CaseFile.objects.filter(pk__in=[file.pk, other.pk]).update(household=household)
    file.household = household
    noted(by, now, "join_household", file, to=other.number)
    return file


def words_of(row: ContactNote | Need) -> str:
    """What a note or a need says; raises Unreadable (`sealed_unreadable`)."""
    return open_text(row.sealed)


def _words(text: str, *, needed: bool) -> str:
    text = text.strip()
    if len(text) > MAX_TEXT or not is_plain(text) or (needed and not text):
        raise BadFile("text_missing", _("Say it in at most 500 characters."), field="text")
    return text
