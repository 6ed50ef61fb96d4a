"""Who is reminded of a decision, and what they read of it. Whether work carries it out is for those above to say."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from duban.access.models import Person
from duban.access.queries import people_who_may
from duban.decisions.models import Decision, DecisionNotice, NoticeKind
from duban.decisions.queries import SEES_LED, decisions_for

RECORDS, IS_TOLD = "decision.record", "decision.be_told"


@dataclass(frozen=True)
class Reminder:
    """What is to be said of a decision."""

    decision: Decision
    kind: NoticeKind


@transaction.atomic
def send_reminders(*, now: datetime, reminders: Iterable[Reminder]) -> int:
    """Leave each with the leading unit and with who records for the body, the escalated with the leaders too.

    Nobody is told the same of the same day twice, however often this runs; returns how many notices are new.
    """
    told: dict[tuple[str, str], list[int]] = {}

    def who(permission: str, code: str) -> list[int]:
        if (permission, code) not in told:
            told[permission, code] = [key for key, _name in people_who_may(permission, code)] if code else []
        return told[permission, code]

    wanted: dict[tuple[uuid.UUID, int, str], DecisionNotice] = {}
    for one in reminders:
        decision, body = one.decision, one.decision.meeting.body
        people = {*who(SEES_LED, decision.lead_code), *who(RECORDS, body.jurisdiction)}
        if one.kind == NoticeKind.ESCALATED:
            people |= {*who(IS_TOLD, body.jurisdiction)}
        day = decision.due_on or timezone.localdate(decision.starts_at)
        for person in sorted(people):
            wanted[decision.pk, person, one.kind] = DecisionNotice(
                decision=decision, person_id=person, kind=one.kind, due_on=day, at=now
            )
    there = DecisionNotice.objects.filter(decision__in={key[0] for key in wanted})
    known = set(there.values_list("decision", "person", "kind", "due_on"))
    fresh = [one for key, one in wanted.items() if (*key, one.due_on) not in known]
    # Two at once: what the other one left is not left again.
    DecisionNotice.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=500)
    return len(fresh)


def notices_of(person: Person) -> QuerySet[DecisionNotice]:
    """What the person was told and has not read, of decisions in force that they may see; the newest first."""
    found = DecisionNotice.objects.filter(person=person, read_at=None, decision__in=decisions_for(person).order_by())
    return found.filter(decision__state="in_force").select_related("decision").order_by("-at", "-pk")


def notices_of_decision(decision: Decision) -> QuerySet[DecisionNotice]:
    """All that anybody was told of it, the newest first."""
    return decision.notices.select_related("person").order_by("-at", "-pk")


def mark_read(*, by: Person, now: datetime, decision_id: uuid.UUID) -> int:
    """The person has read what they were told of the decision. Where nothing is unread nothing is written."""
    unread = DecisionNotice.objects.filter(person=by, decision=decision_id, read_at=None)
    return unread.update(read_at=now) if unread.exists() else 0
