"""Feeds for calendars: all of an area, an entrance with its meetings, one activity, one's own sign-up.

Whoever follows one asks again and again, so an unchanged feed is answered by a line.
"""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from icalendar import Event

from duban.commons.deliberation import queries as deliberation
from duban.commons.guests import kept_private
from duban.commons.models import Shift, Topic
from duban.commons.volunteering import queries
from duban.commons.volunteering.calendars import calendar_of_shifts, calendar_of_sign_up, event_of_meeting
from duban.commons.volunteering.public_pages import opened, read_area
from duban.core import clock
from duban.core.integrity import sha256
from duban.core.models import AuditRecord
from duban.places import queries as places

BACK = timedelta(days=31)
"""So long what is over stays in the feed of an area: a calendar drops what its feed no longer holds."""
MOST = 500


@require_safe
def feed(request: HttpRequest) -> HttpResponse:
    """What is coming and what was of late in an area, or everywhere; what was cancelled says so."""
    area = read_area(request)
    shifts = queries.shifts_since(clock.now() - BACK, area)[:MOST]
    where = places.names([area]).get(area, area) if area else settings.DUBAN_OFFICE
    title = " · ".join(part for part in (_("Lend a hand"), where) if part)
    return _answer(request, list(shifts), title, "volunteering.ics")


@require_safe
def shifts_of_activity(request: HttpRequest, open_activity_id: uuid.UUID) -> HttpResponse:
    activity = queries.open_activity(open_activity_id)
    shifts = list(activity.shifts.select_related("activity").order_by("begins_at", "pk"))
    return _answer(request, shifts, activity.title, "shifts.ics")


@require_safe
def calendar_of_place(request: HttpRequest, place_token: str) -> HttpResponse:
    """The meetings that concern who lives there, and where their community wants help."""
    place, since = deliberation.place_by_token(place_token), clock.now() - BACK
    shifts = list(queries.shifts_since(since, place.jurisdiction)[:MOST])
    topics = deliberation.topics_around(place).filter(meeting__at__gt=since)[:MOST]
    return _answer(request, shifts, deliberation.full_name(place), "place.ics", _meetings(list(topics)))


def _meetings(topics: Sequence[Topic]) -> list[Event]:
    """A topic has one meeting at a time: put off, it is another one, but the same entry of the calendar."""
    keys = [str(key) for topic in topics for key in (topic.pk, topic.meeting_id)]
    trail = AuditRecord.objects.filter(subject_type__in=("topic", "meeting"), subject_id__in=keys).values("subject_id")
    changes = {row["subject_id"]: row for row in trail.annotate(times=Count("pk"), last=Max("at"))}
    events = []
    for topic in topics:
        own, met = changes.get(str(topic.pk)), changes.get(str(topic.meeting_id))
        last = max(row["last"] if row else topic.opened_at for row in (own, met))
        events.append(event_of_meeting(topic, own["times"] if own else 0, last))
    return events


def _answer(
    request: HttpRequest, shifts: Sequence[Shift], title: str, name: str, more: Sequence[Event] = ()
) -> HttpResponse:
    told = [f"{one.pk}:{one.activity.sequence}" for one in shifts]
    told += [f"{one['UID']}:{one['SEQUENCE']}:{one['DTSTART'].to_ical()!r}:{one['STATUS']}" for one in more]
    tag = f'"{sha256(" ".join([get_language() or "", title, *told]).encode())[:32]}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified(headers={"ETag": tag})
    response = _file(calendar_of_shifts(shifts, title, more), name)
    response.headers["ETag"] = tag
    response.headers["Cache-Control"] = "no-cache"
    return response


@require_safe
def own_shift(request: HttpRequest, sign_up_secret: str) -> HttpResponse:
    """One's own entry; its address opens one's own page."""
    return kept_private(_file(calendar_of_sign_up(opened(request, sign_up_secret), sign_up_secret), "shift.ics"))


def _file(data: bytes, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response


urls = [
    path("volunteer/feed.ics", feed, name="volunteer_feed"),
    path("n/<str:place_token>/calendar.ics", calendar_of_place, name="place_calendar"),
    path("volunteer/<uuid:open_activity_id>/shifts.ics", shifts_of_activity, name="volunteer_shifts_ics"),
    path("volunteer/mine/<str:sign_up_secret>/shift.ics", own_shift, name="volunteer_mine_ics"),
]
