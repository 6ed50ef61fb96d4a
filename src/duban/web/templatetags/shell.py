"""The navigation: which rooms a person may enter follows from their roles."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from duban.access import rights
from duban.access.models import Person
from duban.core import tour
from duban.ledger.notices import UNREAD_CAP, unread_count
from duban.web.tour import STEPS

register = template.Library()


@dataclass(frozen=True)
class Room:
    url_name: str
    label: Promise
    permissions: tuple[str, ...]
    """Any of them opens the room; none means everybody who is logged in."""
    key: str = ""
    wing: str = ""
    """Of WINGS; the rooms of one stand behind one door of the navigation."""
    also: tuple[str, ...] = ()
    """What else addresses of its pages begin with, beside that of the room."""


@dataclass(frozen=True)
class Wing:
    label: Promise
    addresses: tuple[str, ...]
    """What the addresses of its pages begin with."""


WINGS = {
    "ledger": Wing(_("Ledger"), ("/ledger/", "/bulletins/notices/")),
    "decisions": Wing(pgettext_lazy("room", "Decisions"), ("/decisions/",)),
    "patrol": Wing(pgettext_lazy("room", "Patrol"), ("/patrol/", "/venues/")),
    "outbreak": Wing(pgettext_lazy("room", "Outbreak"), ("/outbreak/",)),
    "commons": Wing(pgettext_lazy("room", "Commons"), ("/commons/",)),
}
ROOMS = (
    Room("web:desk", _("Desk"), (), "d"),
    Room("web:leader", pgettext_lazy("room", "Overview"), ("leader.see",)),
    Room("ledger:list", _("Ledger"), ("entry.see", "entry.see_own"), "l", wing="ledger"),
    Room("ledger:add", _("Add a finding"), ("entry.record",), "n", wing="ledger"),
    Room("ledger:import", _("Import"), ("entry.record",), wing="ledger"),
    Room("bulletin:notice_start", _("Read a report"), ("entry.record",), wing="ledger"),
    Room("ledger:lookback", _("Look-back"), ("entry.look_back",), wing="ledger"),
    Room("ledger:figures", _("Figures"), ("figures.see",), wing="ledger"),
    Room("web:decisions", _("Seen through"), ("decision.see", "decision.see_led"), wing="decisions"),
    Room("decisions:meetings", _("Meetings"), ("decision.see",), wing="decisions"),
    Room("patrol:visits", _("Visits"), ("visit.see",), wing="patrol"),
    Room("patrol:rounds", pgettext_lazy("patrol", "Rounds"), ("visit.see",), wing="patrol"),
    Room("patrol:round_mine", _("My list"), ("visit.make",), wing="patrol"),
    Room("patrol:failures", _("Failures"), ("visit.see",), wing="patrol"),
    Room("patrol:visit_notices", _("Told on the spot"), ("visit.see",), wing="patrol"),
    Room("venues:list", _("Venues"), ("venue.see",), wing="patrol"),
    Room("patrol:checklists", _("Check-lists"), ("checklist.see",), wing="patrol"),
    Room("patrol:exposures", _("Exposure"), ("exposure.see",), wing="patrol"),
    Room("patrol:figures", _("Inspection figures"), ("figures.see",), wing="patrol"),
    Room("patrol:import", _("Import inspections"), ("visit.make",), wing="patrol"),
    Room("outbreak:today", _("My people today"), ("act.do",), wing="outbreak"),
    Room("outbreak:funnel", _("Screened to released"), ("funnel.see",), wing="outbreak"),
    Room("outbreak:report", _("Daily report"), ("funnel.see",), wing="outbreak"),
    Room("outbreak:desk", _("Risk areas"), ("area.declare", "screening.count"), wing="outbreak"),
    Room("outbreak:presences", _("Presences"), ("screening.run",), wing="outbreak"),
    Room("outbreak:trace", _("Trace contacts"), ("screening.run",), wing="outbreak"),
    Room("outbreak:files", _("Case files"), ("file.see",), wing="outbreak"),
    Room("outbreak:sites", _("Isolation sites"), ("site.see",), wing="outbreak"),
    Room("outbreak:samples", _("Samples"), ("sample.take",), wing="outbreak"),
    Room("outbreak:sampling", _("Sampling of venues"), ("sampling.see",), wing="outbreak"),
    Room("outbreak:alerts", _("Alerts"), ("file.see", "site.see"), wing="outbreak"),
    Room("outbreak:requests", pgettext_lazy("care", "Requests"), ("file.see",), wing="outbreak"),
    Room("outbreak:corrections", _("Corrections"), ("file.edit",), wing="outbreak"),
    Room("outbreak:file_export", _("For statistics"), ("file.export",), wing="outbreak"),
    Room("outbreak:rules", _("Rules of measures"), ("measure.rules",), wing="outbreak"),
    Room("outbreak:looks", _("Looks at files"), ("look.review",), wing="outbreak"),
    Room("outbreak:deletions", _("Deletion"), ("deletion.see",), wing="outbreak"),
    Room("commons:topics", _("Topics"), ("topic.see",), wing="commons"),
    Room("commons:places", pgettext_lazy("shared", "Places"), ("topic.see",), wing="commons"),
    Room(
        "commons:organisations",
        _("Organisations"),
        ("organisation.see",),
        wing="commons",
        also=("/commons/applications/",),
    ),
    Room(
        "commons:growth",
        pgettext_lazy("of organisations", "Growth"),
        ("organisation.see",),
        wing="commons",
        also=("/commons/courses/", "/commons/services/"),
    ),
    Room("commons:organisation_figures", _("Figures of organisations"), ("organisation.see",), wing="commons"),
    Room("commons:activities", _("Volunteering"), ("activity.see",), wing="commons", also=("/commons/shifts/",)),
    Room("commons:votes", _("Votes"), ("topic.see",), wing="commons"),
    Room("commons:needs", _("Needs"), ("need.see",), wing="commons"),
    Room("commons:pairings", _("Partners"), ("need.see",), wing="commons"),
    Room("bulletin:desk", _("Bulletins"), ("bulletin.see",), "b"),
)


def rooms_of(person: Person) -> list[Room]:
    """The rooms this person may enter, in the order of the navigation."""
    return [
        room for room in ROOMS if not room.permissions or any(rights.codes(person, name) for name in room.permissions)
    ]


@register.inclusion_tag("web/parts/rooms.html", takes_context=True)
def rooms(context: template.Context) -> dict[str, Any]:
    """The list of links; the room that the address lies in is marked, and of a wing its one door."""
    wing = _wing_of(context)
    doors: dict[str, dict[str, Any]] = {}
    for room, url, here in _doors(context):
        label = WINGS[room.wing].label if room.wing else room.label
        at = room.wing == wing if room.wing else here and not wing
        doors.setdefault(room.wing or url, {"url": url, "label": label, "key": room.key, "here": at})
    return {"rooms": doors.values()}


@register.inclusion_tag("web/parts/wing.html", takes_context=True)
def wing(context: template.Context) -> dict[str, Any]:
    """The rooms of the wing that the address lies in, where the person may enter more than one; nothing elsewhere."""
    wing = _wing_of(context)
    found = [(room, url, here) for room, url, here in _doors(context) if wing and room.wing == wing]
    if len(found) < 2:
        return {"rooms": []}
    # The first one's key is that of the wing's door.
    keys = ["", *(room.key for room, _url, _here in found[1:])]
    return {
        "name": WINGS[wing].label,
        "rooms": [
            {"url": url, "label": room.label, "key": key, "here": here}
            for (room, url, here), key in zip(found, keys, strict=True)
        ],
    }


def _wing_of(context: template.Context) -> str:
    path = context["request"].path
    return next((name for name, wing in WINGS.items() if path.startswith(wing.addresses)), "")


def _doors(context: template.Context) -> list[tuple[Room, str, bool]]:
    """The rooms that the person may enter, their addresses, and whether this page lies in it: the longest match.

    A page asks for them three times.
    """
    request = context["request"]
    if not hasattr(request, "doors"):
        rooms = rooms_of(request.user) if request.user.is_authenticated else []
        found = [(room, reverse(room.url_name)) for room in rooms]
        begun = [(start, room) for room, url in found for start in (url, *room.also) if request.path.startswith(start)]
        here = max(begun, key=lambda pair: len(pair[0]), default=("", None))[1]
        request.doors = [(room, url, room == here) for room, url in found]
    return request.doors


@register.inclusion_tag("web/parts/bell.html", takes_context=True)
def bell(context: template.Context) -> dict[str, Any]:
    """The way to what the person was told of, with how much of it is unread; nothing for who sees no entries."""
    person: Person = context["request"].user
    if not any(rights.codes(person, permission) for permission in ("entry.see", "entry.see_own")):
        return {"shown": False}
    unread = unread_count(person)
    return {"shown": True, "unread": f"{UNREAD_CAP}+" if unread > UNREAD_CAP else str(unread) if unread else ""}


@register.inclusion_tag("web/parts/tour_card.html", takes_context=True)
def tour_card(context: template.Context) -> dict[str, Any]:
    """At the foot of every page the step of the tour that the reader is at; on the desk of a demo whether they would
    like to take it."""
    request = context.get("request")
    if request is None or not request.user.is_authenticated:
        return {}
    place = tour.place_in(request)
    if place is None:
        offered = settings.DUBAN_TOUR and request.path == reverse("web:desk") and not tour.is_left(request)
        return {"offered": offered, "request": request}
    at = place["step"]
    return {
        "request": request,
        "step": STEPS[at - 1],
        "at": at,
        "of": len(STEPS),
        "before": at - 1,
        "after": at + 1,
        "instead": place["instead"],
        "here": request.get_full_path() == place["url"].partition("#")[0],
    }


@register.simple_tag
def office() -> str:
    """The name of the office that runs this installation, or nothing."""
    return settings.DUBAN_OFFICE
