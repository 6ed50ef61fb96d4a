"""A single tube was positive: somebody confirms the person as a case, or has them sampled once more."""

import uuid
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict
from duban.outbreak.casefiles.actions import confirm_case
from duban.outbreak.casefiles.queries import file_for
from duban.outbreak.models import CaseFile, Swab
from duban.outbreak.samples import outcome
from duban.outbreak.samples.queries import MANAGES, families, reaches, roots, taken_of, tube_not_found
from duban.outbreak.samples.settling import ask_again, settle_people


@transaction.atomic
def confirm_sample(*, by: Person, now: datetime, swab_id: int, onset_at: datetime | None) -> CaseFile:
    """The person is a confirmed case, sampled when this swab was taken, and waits for nothing here any more.

    Raises NotFound (`tube_not_found`, `file_not_found`), Conflict (`not_to_confirm`), and what `confirm_case` raises.
    """
    swab, file_id = _to_confirm(by, swab_id)
    file = confirm_case(by=by, now=now, file_id=file_id, onset_at=onset_at, sampled_at=swab.taken_at)
    settle_people(now=now, file_ids=[file.pk])
    return file


@transaction.atomic
def sample_again(*, by: Person, now: datetime, swab_id: int) -> int:
    """Have somebody whose single tube was positive sampled once more before they are called a case. Returns how many
    tests are due because of it: 0 if one is already.

    Raises NotFound (`tube_not_found`, `file_not_found`), Conflict (`not_to_confirm`).
    """
    swab, file_id = _to_confirm(by, swab_id)
    added = ask_again(now=now, wanted={swab.pk: file_id})
    if added:
        audit.record(
            by=by,
            now=now,
            action="sample_again",
            subject_type="tube",
            subject_id=swab.tube_id,
            detail={"code": swab.tube.code},
        )
    return added


def _to_confirm(by: Person, swab_id: int) -> tuple[Swab, uuid.UUID]:
    """The swab, and the file that it is about after all merges."""
    swab = Swab.objects.select_related("tube").filter(pk=swab_id).first()
    if swab is None or not reaches(by, MANAGES, swab.tube.town):
        raise tube_not_found()
    file = file_for(by, next(iter(roots([swab.file_id]))))
    standing = [one for swabs in taken_of(families([file.pk])).values() for one in swabs]
    if file.confirmed_at is not None or swab.pk not in {one.swab for one in outcome.cases_to_confirm(standing)}:
        raise Conflict("not_to_confirm", _("This result is no longer to be confirmed."))
    return swab, file.pk
