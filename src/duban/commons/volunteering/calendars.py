"""Shifts and meetings as calendar entries (RFC 5545), with ids that stay and a sequence that counts what was changed.

A shift has one id in every feed that holds it; somebody's own sign-up has another, since its state is theirs alone.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from icalendar import Calendar, Event, Timezone, vText

from duban.commons.models import Shift, SignUp, SignUpState, Topic
from duban.commons.volunteering.words import is_chinese
from duban.decisions.models import MeetingState

REFRESH = timedelta(hours=4)
"""How often who follows a feed should ask again."""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
KNOWN_FROM = date(2015, 1, 1)
"""The changes of a zone's clocks are told from here on; no shift is older."""
STATUS = {SignUpState.WAITING: "TENTATIVE", SignUpState.IN: "CONFIRMED", SignUpState.WITHDRAWN: "CANCELLED"}
RANKS = list(STATUS)
"""A sign-up goes through them in this order and never back, so that its rank counts its own changes."""


def calendar_of_shifts(shifts: Iterable[Shift], title: str, more: Iterable[Event] = ()) -> bytes:
    """A feed of shifts, each with its activity at hand, and of what else there is."""
    return _calendar([*more, *(event_of_shift(one) for one in shifts)], title)


def calendar_of_sign_up(sign_up: SignUp, secret: str) -> bytes:
    """Somebody's own entry: that they come, wait or have withdrawn; its address opens their page."""
    shift = sign_up.shift
    event = event_of_shift(shift)
    event["UID"] = str(sign_up.pk)
    if shift.cancelled_at is None:
        event["STATUS"] = STATUS[SignUpState(sign_up.state)]
    event["SEQUENCE"] = shift.activity.sequence + RANKS.index(SignUpState(sign_up.state))
    event.pop("URL")
    event.add("url", f"{settings.DUBAN_SITE_URL}{reverse('neighbours:volunteer_mine', args=[secret])}")
    return _calendar([event], shift.activity.title)


def event_of_shift(shift: Shift) -> Event:
    activity, zone = shift.activity, timezone.get_default_timezone()
    event = Event()
    event.add("uid", str(shift.pk))
    event.add("dtstamp", activity.changed_at)
    event.add("last-modified", activity.changed_at)
    event.add("created", activity.made_at)
    event.add("sequence", activity.sequence)
    event.add("status", "CANCELLED" if shift.cancelled_at else "CONFIRMED")
    event.add("dtstart", shift.begins_at.astimezone(zone))
    event.add("dtend", shift.ends_at.astimezone(zone))
    event.add("summary", _text(activity.title))
    event.add("location", _text(activity.place))
    if activity.lat is not None and activity.lon is not None:
        event.add("geo", (activity.lat, activity.lon))
    words = "\n\n".join(part for part in (activity.text, activity.organiser) if part)
    event.add("description", _text(words))
    event.add("url", f"{settings.DUBAN_SITE_URL}{reverse('neighbours:volunteer_activity', args=[activity.pk])}")
    return event


def event_of_meeting(topic: Topic, changes: int, changed_at: datetime) -> Event:
    """The meeting about a topic; how often that was changed, and when last, the trail of audit knows. It has no end."""
    meeting = topic.meeting
    assert meeting is not None
    event = Event()
    event.add("uid", f"{topic.pk}-meeting")
    event.add("dtstamp", changed_at)
    event.add("sequence", 2 * changes + (meeting.state == MeetingState.CANCELLED))
    event.add("status", "CANCELLED" if meeting.state == MeetingState.CANCELLED else "CONFIRMED")
    event.add("dtstart", meeting.at.astimezone(timezone.get_default_timezone()))
    event.add("summary", _text(topic.title))
    event.add("location", _text(meeting.place))
    event.add("url", f"{settings.DUBAN_SITE_URL}{reverse('neighbours:topic', args=[topic.pk])}")
    return event


def _text(words: str) -> str:
    """As a calendar may hold it: of the control characters only the end of a line, written one way."""
    return CONTROL.sub(" ", re.sub(r"\r\n?", "\n", words))


def _calendar(events: Iterable[Event], title: str) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", f"-//Duban//{_('Volunteering')}//{'ZH' if is_chinese() else 'EN'}")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", vText(" ".join(_text(title).split())))
    calendar.add("x-wr-timezone", settings.TIME_ZONE)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", f"PT{REFRESH // timedelta(hours=1)}H")
    calendar.add_component(_zone(settings.TIME_ZONE))
    for event in events:
        calendar.add_component(event)
    return calendar.to_ical()


@lru_cache(maxsize=4)
def _zone(name: str) -> Timezone:
    return Timezone.from_tzinfo(ZoneInfo(name), name, first_date=KNOWN_FROM)
