"""The navigation: which rooms a person may enter follows from their roles."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.ledger.notices import UNREAD_CAP, unread_count

register = template.Library()


@dataclass(frozen=True)
class Room:
    url_name: str
    label: Promise
    permissions: tuple[str, ...]
    """Any of them opens the room; none means everybody who is logged in."""
    key: str


ROOMS = (
    Room("web:desk", _("Desk"), (), "d"),
    Room("ledger:list", _("Ledger"), ("entry.see", "entry.see_own"), "l"),
    Room("ledger:add", _("Add a finding"), ("entry.record",), "n"),
    Room("ledger:import", _("Import"), ("entry.record",), ""),
    Room("ledger:lookback", _("Look-back"), ("entry.look_back",), ""),
    Room("ledger:figures", _("Figures"), ("figures.see",), ""),
    Room("bulletin:desk", _("Bulletins"), ("bulletin.see",), "b"),
)


def rooms_of(person: Person) -> list[Room]:
    """The rooms this person may enter, in the order of the navigation."""
    return [
        room for room in ROOMS if not room.permissions or any(rights.codes(person, name) for name in room.permissions)
    ]


@register.inclusion_tag("web/parts/rooms.html", takes_context=True)
def rooms(context: template.Context) -> dict[str, Any]:
    """The list of links; the room that the address lies in is marked, the longest match wins."""
    request = context["request"]
    found = [(room, reverse(room.url_name)) for room in rooms_of(request.user)]
    here = max((url for _room, url in found if request.path.startswith(url)), key=len, default="")
    return {"rooms": [{"room": room, "url": url, "here": url == here} for room, url in found]}


@register.inclusion_tag("web/parts/bell.html", takes_context=True)
def bell(context: template.Context) -> dict[str, Any]:
    """The way to what the person was told of, with how much of it is unread; nothing for who sees no entries."""
    person: Person = context["request"].user
    if not any(rights.codes(person, permission) for permission in ("entry.see", "entry.see_own")):
        return {"shown": False}
    unread = unread_count(person)
    return {"shown": True, "unread": f"{UNREAD_CAP}+" if unread > UNREAD_CAP else str(unread) if unread else ""}


@register.simple_tag
def office() -> str:
    """The name of the office that runs this installation, or nothing."""
    return settings.DUBAN_OFFICE
