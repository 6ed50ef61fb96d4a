"""Needs that carry out a decision: linked, and counted by what was seen to be brought."""

import uuid
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person
from duban.commons.models import PostedNeed
from duban.commons.pairing.actions import MANAGES
from duban.commons.pairing.queries import bars_of, need_for, needs_for
from duban.core import audit
from duban.core.errors import Conflict
from duban.decisions.mandates import Work, decision_to_link, share_of
from duban.decisions.queries import require_in_force


@transaction.atomic
def link_need(*, by: Person, now: datetime, need_id: uuid.UUID, decision_id: uuid.UUID) -> PostedNeed:
    """What is needed carries the decision out. A second time changes nothing; a need carries out one decision.

    Whoever manages needs there, or recorded the decision, links. Raises NotFound (`decision_not_found`,
    `need_not_found`), NotAllowed (`not_allowed`), Conflict (`need_has_decision`, `decision_over`).
    """
    need = need_for(by, need_id, lock=True)
    decision = decision_to_link(by, decision_id, permission=MANAGES, code=need.jurisdiction)
    if need.decision_id == decision.pk:
        return need
    if need.decision_id is not None:
        raise Conflict(
            "need_has_decision", _("This need carries out another decision; take it from there first."), field="need"
        )
    require_in_force(decision)
    return _set(by, now, need, decision.pk, "link_need", decision.pk)


@transaction.atomic
def unlink_need(*, by: Person, now: datetime, need_id: uuid.UUID, decision_id: uuid.UUID) -> None:
    """The need does not carry the decision out after all. Raises as `link_need`."""
    need = need_for(by, need_id, lock=True)
    decision = decision_to_link(by, decision_id, permission=MANAGES, code=need.jurisdiction)
    if need.decision_id == decision.pk:
        require_in_force(decision)
        _set(by, now, need, None, "unlink_need", decision.pk)


def _set(
    by: Person, now: datetime, need: PostedNeed, key: uuid.UUID | None, action: str, decision_id: uuid.UUID
) -> PostedNeed:
    need.decision_id = key
    need.save(update_fields=["decision"])
    detail = {"need": str(need.pk)}
    audit.record(by=by, now=now, action=action, subject_type="decision", subject_id=decision_id, detail=detail)
    return need


def standing() -> QuerySet[PostedNeed]:
    return PostedNeed.objects.filter(decision__isnull=False)


def needs_of(person: Person, decision_id: uuid.UUID) -> QuerySet[PostedNeed]:
    """Those that carry it out and that the person may see."""
    return needs_for(person).filter(decision=decision_id)


def work_of(decision_ids: Collection[uuid.UUID], now: datetime) -> dict[uuid.UUID, Work]:
    """By decision how far its needs are, in what was seen to be brought; a decision without any is not there."""
    needs = list(PostedNeed.objects.filter(decision__in=decision_ids))
    bars, today = bars_of(needs), timezone.localdate(now)
    linked: dict[uuid.UUID, list[PostedNeed]] = defaultdict(list)
    for need in needs:
        if need.decision_id is not None:
            linked[need.decision_id].append(need)
    found = {}
    for key, those in linked.items():
        done = {need.pk: min(bars[need.pk].verified, need.target) for need in those}
        over = {need.pk for need in those if need.closed_at is not None or done[need.pk] >= need.target}
        found[key] = Work(
            pieces=len(those),
            finished=len(over),
            late=sum(need.pk not in over and need.due_on < today for need in those),
            done=sum(done.values()),
            of=sum(need.target for need in those),
            share=sum(share_of(done[need.pk], need.target) for need in those),
        )
    return found
