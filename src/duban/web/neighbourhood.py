"""What the public home tells of the neighbourhoods of an area, "" for all: meetings, shifts, what is needed."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone

from duban.commons.deliberation.queries import full_name
from duban.commons.models import Topic, TopicState
from duban.commons.pairing.queries import public_needs
from duban.commons.volunteering.queries import coming_shifts
from duban.places.codes import within

MOST = 4
"""Of each kind; the rest is on its own page."""


@dataclass(frozen=True)
class Coming:
    """One line: what it is, where, when, and the page to open."""

    title: str
    place: str
    at: datetime
    url: str


def meetings(now: datetime, area: str) -> list[Coming]:
    """Residents' meetings that were invited to, the next first."""
    invited = Topic.objects.filter(state=TopicState.INVITED, meeting__at__gt=now, meeting__state="planned")
    if area:
        invited = invited.filter(within("jurisdiction", [area]))
    found = invited.select_related("meeting", "place__within__within").order_by("meeting__at", "pk")[:MOST]
    return [
        Coming(one.title, full_name(one.place), one.meeting.at, reverse("neighbours:topic", args=[one.pk]))
        for one in found
        if one.meeting is not None
    ]


def shifts(now: datetime, area: str) -> list[Coming]:
    """Activities with a place left, by their next shift."""
    found: dict[object, Coming] = {}
    for shift in coming_shifts(now, area)[: 10 * MOST]:
        activity = shift.activity
        if shift.taken < shift.places and activity.pk not in found and len(found) < MOST:
            url = reverse("neighbours:volunteer_activity", args=[activity.pk])
            found[activity.pk] = Coming(activity.title, activity.place, shift.begins_at, url)
    return list(found.values())


def needs(now: datetime, area: str) -> list[tuple[str, str, int, str]]:
    """Title, unit, how many are still wanted, and the page of needs nobody has met yet."""
    wanted = public_needs(area).filter(closed_at=None, due_on__gte=timezone.localdate(now))
    found = [one for one in wanted[: 10 * MOST] if one.pledged < one.target][:MOST]
    return [(one.title, one.unit, one.target - one.pledged, reverse("neighbours:need", args=[one.pk])) for one in found]
