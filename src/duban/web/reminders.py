"""The nightly look over all decisions: due soon, without work, overdue, overdue for long."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.utils import timezone

from duban.decisions.models import Decision, DecisionState, NoticeKind
from duban.decisions.reminders import Reminder, send_reminders
from duban.web.progress import has_work

SOON, LONG = timedelta(days=3), timedelta(days=7)
PATIENCE = timedelta(days=1)
"""So long after its start a decision may be without work before anybody is reminded."""


def remind_of_decisions(*, now: datetime) -> int:
    """Remind of what is due and escalate what hangs; a second run the same night says nothing again."""
    return send_reminders(now=now, reminders=reminders_at(now))


def reminders_at(now: datetime) -> Iterator[Reminder]:
    """What is to be said at this moment, by decision the gravest of its days, and beside it that nothing is done."""
    today = timezone.localdate(now)
    works = ExpressionWrapper(has_work(), output_field=BooleanField())
    in_force = Decision.objects.filter(state=DecisionState.IN_FORCE).annotate(works=works)
    is_idle = Q(works=False, starts_at__lte=now - PATIENCE)
    wanted = in_force.filter(is_idle | Q(due_on__lte=today + SOON)).select_related("meeting__body").order_by("pk")
    for decision in wanted.iterator(500):
        if not decision.works and decision.starts_at <= now - PATIENCE:
            yield Reminder(decision, NoticeKind.NO_WORK)
        if decision.due_on is None or decision.due_on > today + SOON:
            continue
        late = today - decision.due_on
        yield Reminder(
            decision,
            NoticeKind.ESCALATED if late >= LONG else NoticeKind.LATE if late > timedelta() else NoticeKind.SOON,
        )
