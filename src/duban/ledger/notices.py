"""Who is told of a step: the unit of what it must do, the supervisors of what came back."""

from datetime import datetime

from duban.access.queries import people_who_may
from duban.core import audit
from duban.ledger.lifecycle import Transition
from duban.ledger.models import Entry, Notification

TO_UNIT = frozenset(
    {"assign", "reject", "grant_extension", "refuse_extension", "hold", "resume", "escalate", "reopen", "recurred"}
)
TO_SUPERVISORS = frozenset({"remedy", "return", "ask_extension"})


def notify(entry: Entry, step: Transition, *, by: audit.Actor, now: datetime) -> None:
    """Leave a notification with everybody whom the step concerns, but for who took it."""
    if step.action in TO_UNIT:
        permission, place = "entry.handle", entry.responsible
    elif step.action in TO_SUPERVISORS:
        permission, place = "entry.triage", entry.jurisdiction
    else:
        return
    me = by.as_actor()["username"]
    people = people_who_may(permission, place, entry.category.kind)
    Notification.objects.bulk_create(
        [
            Notification(person_id=pk, entry=entry, action=step.action, at=now, by=me)
            for pk, username in people
            if username != me
        ]
    )
