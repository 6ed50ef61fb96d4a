"""Rounds that carry out a decision: linked, and counted by the venues that were visited."""

import uuid
from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from duban.access.models import Person
from duban.decisions.mandates import Work, decision_to_link, lay_key, share_of, take_key
from duban.patrol.models import PatrolRound, RoundMandate
from duban.patrol.rounds import MANAGES, counts_of_rounds, round_for, rounds_for


@transaction.atomic
def link_round(*, by: Person, now: datetime, round_id: uuid.UUID, decision_id: uuid.UUID) -> RoundMandate:
    """The round carries the decision out. A second time changes nothing.

    Whoever manages rounds there, or recorded the decision, links. Raises NotFound (`decision_not_found`,
    `round_not_found`), NotAllowed (`not_allowed`), Conflict (`decision_over`).
    """
    round_ = round_for(by, round_id)
    decision = decision_to_link(by, decision_id, permission=MANAGES, code=round_.area)
    return lay_key(RoundMandate, by=by, now=now, decision=decision, kind="round", round=round_)


@transaction.atomic
def unlink_round(*, by: Person, now: datetime, round_id: uuid.UUID, decision_id: uuid.UUID) -> None:
    """The round does not carry the decision out after all. Raises as `link_round`."""
    round_ = round_for(by, round_id)
    decision = decision_to_link(by, decision_id, permission=MANAGES, code=round_.area)
    take_key(RoundMandate, by=by, now=now, decision=decision, kind="round", round=round_)


def standing() -> QuerySet[RoundMandate]:
    return RoundMandate.objects.filter(ended_at=None)


def work_of(decision_ids: Collection[uuid.UUID], now: datetime) -> dict[uuid.UUID, Work]:
    """By decision how far its rounds are, in venues; a decision without any is not there."""
    rounds: dict[uuid.UUID, list[PatrolRound]] = defaultdict(list)
    for link in standing().filter(decision__in=decision_ids).select_related("round"):
        rounds[link.decision_id].append(link.round)
    every = list({one.pk: one for linked in rounds.values() for one in linked}.values())
    counts = counts_of_rounds(every) if every else {}
    today = timezone.localdate(now)
    return {key: _work([(one, *counts[one.pk]) for one in linked], today) for key, linked in rounds.items()}


def _work(rounds: list[tuple[PatrolRound, int, int]], today: date) -> Work:
    finished = [one.pk for one, drawn, visited in rounds if one.closed_at is not None or (drawn and visited >= drawn)]
    return Work(
        pieces=len(rounds),
        finished=len(finished),
        late=sum(one.pk not in finished and one.ends_on < today for one, _drawn, _visited in rounds),
        done=sum(visited for _one, _drawn, visited in rounds),
        of=sum(drawn for _one, drawn, _visited in rounds),
        share=sum(share_of(visited, drawn) for _one, drawn, visited in rounds),
    )


def rounds_of(person: Person, decision_id: uuid.UUID) -> QuerySet[PatrolRound]:
    """Those that carry it out and that the person may see."""
    return rounds_for(person).filter(pk__in=standing().filter(decision=decision_id).values("round"))
