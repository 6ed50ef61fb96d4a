"""Bodies, meetings and decisions as a person may see them."""

import uuid

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import Conflict, NotFound
from duban.core.sealed_text import open_text
from duban.decisions.models import Attendance, Body, Decision, DecisionState, Meeting, MeetingState
from duban.places.codes import within

SEES, SEES_LED = "decision.see", "decision.see_led"


def bodies_for(person: Person) -> QuerySet[Body]:
    return Body.objects.filter(within("jurisdiction", rights.codes(person, SEES))).order_by("jurisdiction", "name")


def body_for(person: Person, body_id: uuid.UUID, *, lock: bool = False) -> Body:
    """One of them, else NotFound (`body_not_found`)."""
    bodies = bodies_for(person)
    found = (bodies.select_for_update() if lock else bodies).filter(pk=body_id).first()
    if found is None:
        raise NotFound("body_not_found", _("There is no such body, or it is not yours to see."))
    return found


def meetings_for(person: Person) -> QuerySet[Meeting]:
    """The newest first."""
    scope = within("body__jurisdiction", rights.codes(person, SEES))
    return Meeting.objects.filter(scope).select_related("body").order_by("-at", "-number", "pk")


def meeting_for(person: Person, meeting_id: uuid.UUID, *, lock: bool = False) -> Meeting:
    """One of them, else NotFound (`meeting_not_found`)."""
    meetings = meetings_for(person)
    found = (meetings.select_for_update(of=("self",)) if lock else meetings).filter(pk=meeting_id).first()
    if found is None:
        raise NotFound("meeting_not_found", _("There is no such meeting, or it is not yours to see."))
    return found


def decisions_for(person: Person) -> QuerySet[Decision]:
    """Those of the bodies in the person's area, and those that a unit there carries out."""
    codes = rights.codes(person, SEES)
    led = [*codes, *rights.codes(person, SEES_LED)]
    scope = within("meeting__body__jurisdiction", codes) | within("lead_code", led)
    found = Decision.objects.filter(scope).select_related("meeting", "meeting__body")
    return found.order_by("-meeting__at", "meeting", "position")


def decision_for(person: Person, decision_id: uuid.UUID, *, lock: bool = False) -> Decision:
    """One of them, else NotFound (`decision_not_found`)."""
    decisions = decisions_for(person)
    found = (decisions.select_for_update(of=("self",)) if lock else decisions).filter(pk=decision_id).first()
    if found is None:
        raise NotFound("decision_not_found", _("There is no such decision, or it is not yours to see."))
    return found


def require_in_force(decision: Decision) -> None:
    """Raises Conflict (`decision_over`) for one that is closed or withdrawn: nothing of it changes any more."""
    if decision.state != DecisionState.IN_FORCE:
        raise Conflict("decision_over", _("The decision is closed or withdrawn already."))


def published_meetings(code: str) -> QuerySet[Meeting]:
    """Meetings of an area whose minutes are approved, for anybody."""
    found = Meeting.objects.filter(within("body__jurisdiction", [code]), state=MeetingState.APPROVED)
    return found.select_related("body").order_by("-at", "-number", "pk")


def name_of(one: Attendance) -> str:
    """The attendee's name; only for who may see the meeting's list."""
    return open_text(one.sealed) if one.sealed is not None else one.name
