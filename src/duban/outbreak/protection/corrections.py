"""What people ask to have put right in their own file, and what the office answers: made, or refused with a reason."""

import uuid
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.sealed_text import open_text, seal_text
from duban.core.text import is_plain
from duban.outbreak.casefiles.actions import correct_facts, version_of
from duban.outbreak.casefiles.identity import Facts, facts_of
from duban.outbreak.casefiles.queries import own_and_merged, root_of
from duban.outbreak.models import CaseFile, Correction, CorrectionState
from duban.places.codes import within

ANSWERS = "file.edit"
LONGEST = 500
SHORTEST = 2
OPEN_AT_ONCE = 5


class BadCorrection(DubanError):
    pass


class OwnPage:
    """The actor of what somebody does on their own page."""

    @staticmethod
    def as_actor() -> dict[str, Any]:
        return {"username": "", "name": "own page", "roles": []}


@transaction.atomic
def ask_correction(*, now: datetime, file: CaseFile, words: str) -> Correction:
    """Keep what the person of the file says is wrong; the same words again are the same request.

    The caller has read the person's link. Raises BadCorrection (`words_missing`), Conflict (`too_many_corrections`).
    """
    text = _checked(words)
    waiting = Correction.objects.filter(file=file, state=CorrectionState.ASKED)
    for known in waiting:
        if open_text(known.sealed) == text:
            return known
    if len(waiting) >= OPEN_AT_ONCE:
        raise Conflict("too_many_corrections", _("Five requests are waiting already; wait for their answers."))
    made = Correction.objects.create(file=file, town=file.town, sealed=seal_text(text), made_at=now)
    _noted(OwnPage(), now, "ask_correction", made)
    return made


def _checked(words: str) -> str:
    text = words.strip()
    if not SHORTEST <= len(text) <= LONGEST or not is_plain(text):
        raise BadCorrection("words_missing", _("Say it in 2 to 500 characters."), field="words")
    return text


def corrections_for(person: Person) -> QuerySet[Correction]:
    """Requests about files of the officer's towns, those that wait first and of them the oldest."""
    codes = rights.codes(person, ANSWERS)
    rows = Correction.objects.filter(within("town", codes) | within("file__office", codes))
    return rows.select_related("file").order_by("state", "made_at", "pk")


def correction_for(person: Person, correction_id: uuid.UUID) -> Correction:
    """One of them, else NotFound (`correction_not_found`)."""
    found = corrections_for(person).filter(pk=correction_id).first()
    if found is None:
        raise NotFound("correction_not_found", _("There is no such request, or it is another town's."))
    return found


def corrections_of(file: CaseFile) -> list[Correction]:
    """What the person asked for, the newest first."""
    return list(Correction.objects.filter(file__in=own_and_merged(file)).order_by("-made_at", "pk"))


@transaction.atomic
def answer_correction(
    *,
    by: Person,
    now: datetime,
    correction_id: uuid.UUID,
    made: bool,
    answer: str,
    changes: Mapping[str, str] | None = None,
) -> Correction:
    """Put it right, with what `changes` of the facts (empty ones are left), or refuse it; either is answered in words.

    Raises NotFound (`correction_not_found`), BadCorrection (`words_missing` of the answer), Conflict
    (`correction_answered`), and what `correct_facts` raises.
    """
    row = correction_for(by, correction_id)
    row = Correction.objects.select_for_update().get(pk=row.pk)
    if row.state != CorrectionState.ASKED:
        raise Conflict("correction_answered", _("Somebody has answered this already."))
    try:
        text = _checked(answer)
    except BadCorrection as refusal:
        refusal.field = "answer"
        raise
    given = {name: value.strip() for name, value in (changes or {}).items() if value.strip()}
    if made and given:
        file = CaseFile.objects.get(pk=root_of(row.file_id))
        known = {one.name for one in fields(Facts)}
        told = replace(facts_of(file), **{name: value for name, value in given.items() if name in known})
        correct_facts(by=by, now=now, file_id=file.pk, facts=told, seen=version_of(file))
    row.state = CorrectionState.MADE if made else CorrectionState.REFUSED
    row.answer, row.answered_at, row.answered_by = seal_text(text), now, by.as_actor()
    row.save(update_fields=["state", "answer", "answered_at", "answered_by"])
    _noted(by, now, "answer_correction", row, made=made, fields=sorted(given) if made else [])
    return row


def _noted(by: audit.Actor, now: datetime, action: str, row: Correction, **detail: Any) -> None:
    audit.record(
        by=by, now=now, action=action, subject_type="correction", subject_id=row.pk,
        detail={"file": str(row.file_id), **detail},
    )  # fmt: skip
