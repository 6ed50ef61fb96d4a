"""The superior's log: who looked at whose file, when, why, and what is odd about it."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.dateparse import parse_date
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from duban.access.models import Role
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.outbreak.models import Ground
from duban.outbreak.protection.looks import ODD, PAGE, REVIEWS, Act, Wanted, acts_for, lookers_for, review_look
from duban.outbreak.protection.visibility import DUE_ACTS
from duban.places import queries as places

FIELDS = {
    "name": gettext_lazy("Name"),
    "id_number": gettext_lazy("ID number"),
    "phone": gettext_lazy("Phone"),
    "birth_date": gettext_lazy("Date of birth"),
    "stay_address": gettext_lazy("Address"),
    "from_place": gettext_lazy("Came from"),
}


def purpose_words(purpose: str) -> str:
    return _("the list of what is due to them") if purpose == DUE_ACTS else purpose


def role_words(actor: dict[str, Any]) -> str:
    """The roles that somebody held, in words, each once."""
    known = dict(Role.choices)
    roles = dict.fromkeys(role[0] for role in actor.get("roles", []))
    return ", ".join(str(known.get(role, role)) for role in roles)


@require_safe
@person_who(REVIEWS)
def looks(request: StaffRequest) -> HttpResponse:
    """The looks, filtered by person, day and ground; odd ones say why."""
    person, asked = request.user, request.GET
    day = asked.get("day", "")
    try:
        on = parse_date(day)
    except ValueError:
        on = None
    ground = asked.get("ground", "")
    wanted = Wanted(
        username=asked.get("person", ""),
        day=on,
        ground=ground if ground in Ground.values else "",
        odd=asked.get("odd") == "1",
        unread=asked.get("unread") == "1",
    )
    start = int(asked["from"]) if asked.get("from", "").isdecimal() and len(asked["from"]) < 7 else 0
    acts, more = acts_for(person, wanted, start=start)
    names = places.names({act.look.town for act in acts})
    query = {name: asked[name] for name in ("person", "day", "ground", "odd", "unread") if asked.get(name)}
    address = reverse("outbreak:looks")
    context = {
        "lines": [_line(act, names) for act in acts],
        "wanted": wanted,
        "filtered": bool(query),
        "lookers": lookers_for(person),
        "grounds": Ground.choices,
        "here": f"{address}?{urlencode(query | {'from': start})}",
        "older": f"{address}?{urlencode(query | {'from': start + PAGE})}" if more else "",
        "newer": f"{address}?{urlencode(query | {'from': max(0, start - PAGE)})}" if start else "",
    }
    return render(request, "outbreak/protection/looks.html", context)


def _line(act: Act, names: dict[str, str]) -> dict[str, Any]:
    look = act.look
    return {
        "act": act,
        "look": look,
        "roles": role_words(look.by),
        "town": names.get(look.town, look.town),
        "ground": Ground(look.ground).label,
        "purpose": purpose_words(look.purpose),
        "fields": ", ".join(str(FIELDS[name]) for name in look.fields if name in FIELDS),
        "odd": [ODD[mark] for mark in act.odd],
    }


@require_POST
@person_who(REVIEWS)
def review(request: StaffRequest, look_id: int) -> HttpResponse:
    """Tick it as reviewed, or take the tick back."""
    undo = request.POST.get("undo") == "1"
    number = review_look(by=request.user, now=clock.now(), look_id=look_id, undo=undo)
    if undo:
        messages.success(request, _("The tick is taken back."))
    else:
        said = ngettext("%(n)d look is ticked as reviewed.", "%(n)d looks are ticked as reviewed.", number)
        messages.success(request, said % {"n": number})
    here = request.POST.get("here", "")
    return redirect(here if url_has_allowed_host_and_scheme(here, None) else "outbreak:looks")


urls = [
    path("looks/", looks, name="looks"),
    path("looks/<int:look_id>/review/", review, name="look_review"),
]
