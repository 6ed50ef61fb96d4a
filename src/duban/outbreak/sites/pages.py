"""Pages of isolation sites: how full they are, the plan of their rooms, a bed and who lay in it, and making one."""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import Conflict, DubanError
from duban.core.forms import NeededField, refuse
from duban.ledger.views import area_choices
from duban.outbreak.care.reach import may_for
from duban.outbreak.care.rules import today
from duban.outbreak.casefiles import queries as casefiles
from duban.outbreak.casefiles.identity import facts_of_many
from duban.outbreak.models import Bed, BedStay, CaseFile, Site, StayEnd, TaskKind
from duban.outbreak.protection.visibility import show_list
from duban.outbreak.sites import actions, making
from duban.outbreak.sites.actions import MANAGES, SEES
from duban.outbreak.sites.queries import bed_for, free_beds, history_of, occupancy, plan_of, site_for, sites_for
from duban.places import queries as places
from duban.places.codes import LENGTHS

LINES = 6
"""Lines of rooms that the form offers; a site of more kinds of rooms gets the others added."""
WAITING = 50
HISTORY = 100
STATES = {
    "free": gettext_lazy("free"),
    "taken": gettext_lazy("taken"),
    "out": gettext_lazy("out of use"),
}


# ---- all sites, and making one --------------------------------------------------------------------------------------


class SiteForm(forms.Form):
    """`id` is made before the first press, so that a second press is a replay and no second site."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput)
    name = NeededField(label=gettext_lazy("Name of the site"))
    town = NeededField(label=gettext_lazy("Town where it lies"), widget=forms.Select)
    address = forms.CharField(label=gettext_lazy("Address"), required=False)
    opened_on = NeededField(label=gettext_lazy("Open from"), widget=forms.DateInput(attrs={"type": "date"}))
    rooms = forms.CharField(label=pgettext_lazy("site", "Rooms"), required=False)

    def __init__(self, data: Any = None, *, towns: Sequence[tuple[str, str]], day: date):
        super().__init__(data, initial={"id": uuid.uuid4(), "opened_on": day.isoformat()})
        self.fields["town"].widget.choices = towns

    def clean_opened_on(self) -> date:
        try:
            found = parse_date(self.cleaned_data["opened_on"].strip())
        except ValueError:
            found = None
        if found is None:
            raise forms.ValidationError(_("This is not a day; write 2021-01-20."), code="bad_days")
        return found


def read_rooms(request: StaffRequest) -> list[making.RoomsDraft]:
    """The lines of rooms that were filled in; what is no number of beds is 0, which the action refuses."""
    columns = [request.POST.getlist(name) for name in ("floor", "first", "last", "beds")]
    found = []
    for floor, first, last, beds in zip(*columns, strict=False):
        if first.strip() or last.strip():
            number = int(beds) if beds.strip().isascii() and beds.strip().isdecimal() and len(beds) < 5 else 0
            found.append(making.RoomsDraft(floor, first, last, number))
    return found


def _lines(request: StaffRequest) -> list[dict[str, str]]:
    """The lines as they were sent, so that nothing is typed twice; then empty ones."""
    columns = [request.POST.getlist(name) for name in ("floor", "first", "last", "beds")]
    sent = [dict(zip(("floor", "first", "last", "beds"), row, strict=True)) for row in zip(*columns, strict=False)]
    blank = {"floor": "", "first": "", "last": "", "beds": "2"}
    return [*sent, *([blank] * (LINES - len(sent)))]


def _towns(person: Person) -> list[tuple[str, str]]:
    return [choice for choice in area_choices(rights.codes(person, MANAGES)) if len(choice[0]) == LENGTHS[1]]


@require_safe
@person_who(SEES)
def sites_page(request: StaffRequest) -> HttpResponse:
    """The sites and how full they are."""
    sites = list(sites_for(request.user))
    full, names = occupancy(sites), places.names({site.town for site in sites})
    context = {
        "sites": [(site, full[site.pk], names.get(site.town, site.town)) for site in sites],
        "may_manage": bool(rights.codes(request.user, MANAGES)),
    }
    return render(request, "outbreak/sites/sites.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def add_page(request: StaffRequest) -> HttpResponse:
    """A site with floors, rooms and beds in one form."""
    now, status = clock.now(), 200
    form = SiteForm(request.POST or None, towns=_towns(request.user), day=today(now))
    if request.method == "POST":
        if form.is_valid():
            asked = form.cleaned_data
            try:
                site = making.make_site(
                    by=request.user, now=now, site_id=asked["id"], town=asked["town"], name=asked["name"],
                    address=asked["address"], opened_on=asked["opened_on"], rooms=read_rooms(request),
                )  # fmt: skip
                return redirect("outbreak:site", site.pk)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
        else:
            status = 400
    return render(request, "outbreak/sites/add.html", {"form": form, "lines": _lines(request)}, status=status)


# ---- one site -------------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def site_page(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    return _site_page(request, site_for(request.user, site_id))


def _site_page(request: StaffRequest, site: Site, refusal: DubanError | None = None) -> HttpResponse:
    person = request.user
    manages = rights.may(person, MANAGES, site.town)
    context = {
        "site": site,
        "town": places.names([site.town]).get(site.town, site.town),
        "full": occupancy([site])[site.pk],
        "floors": plan_of(site),
        "states": STATES,
        "sees_people": bool(rights.codes(person, casefiles.SEES)),
        "manages": manages and site.closed_on is None,
        "cares": rights.may(person, actions.ACTS, site.town),
        "waiting": _waiting(request) if manages and site.closed_on is None else [],
        "free": free_beds(site) if manages else [],
        "lines": _lines(request)[:3],
        "refusal": refusal,
    }
    return render(request, "outbreak/sites/site.html", context, status=refusal.status if refusal else 200)


def _waiting(request: StaffRequest) -> list[dict[str, Any]]:
    """Whom somebody is to bring to a site, those of a household one after the other."""
    lies = BedStay.objects.filter(until=None).values("file")
    files = casefiles.files_for(request.user).filter(tasks__kind=TaskKind.ARRIVE, tasks__state="open")
    found = list(files.exclude(pk__in=lies).order_by("household", "number").distinct()[:WAITING])
    shown = show_list(by=request.user, now=clock.now(), files=found, facts=facts_of_many(found))
    sizes: dict[uuid.UUID, int] = {}
    for file in found:
        if file.household is not None:
            sizes[file.household] = sizes.get(file.household, 0) + 1
    first: set[uuid.UUID] = set()
    rows = []
    for file in found:
        family = sizes.get(file.household, 0) if file.household else 0
        leads = family > 1 and file.household not in first
        if file.household:
            first.add(file.household)
        rows.append({"file": file, "facts": shown[file.pk], "family": family if leads else 0, "of_family": family > 1})
    return rows


@require_POST
@person_who(MANAGES)
def add_rooms(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = making.managed_site(request.user, site_id)
    try:
        beds = making.add_rooms(by=request.user, now=clock.now(), site_id=site.pk, rooms=read_rooms(request))
    except DubanError as refusal:
        return _site_page(request, site, refusal)
    messages.success(request, _("%(n)d beds were added.") % {"n": beds})
    return redirect("outbreak:site", site.pk)


@require_POST
@person_who(MANAGES)
def close(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    site = making.managed_site(request.user, site_id)
    try:
        making.close_site(by=request.user, now=clock.now(), site_id=site.pk)
    except Conflict as refusal:
        return _site_page(request, site, refusal)
    return redirect("outbreak:site", site.pk)


@require_POST
@person_who(MANAGES)
def place(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    """Give somebody a bed, or a household the room of that bed."""
    site, now = making.managed_site(request.user, site_id), clock.now()
    try:
        bed = _bed_in(site, request.POST.get("bed", ""))
        file = casefiles.file_for(request.user, _key(request.POST.get("file", "")))
        if request.POST.get("family") and file.household is not None:
            stays = actions.assign_household(by=request.user, now=now, household=file.household, room_id=bed.room_id)
            messages.success(request, _("%(n)d people share room %(room)s.") % {"n": len(stays), "room": bed.room})
        else:
            reason = request.POST.get("reason", "")
            actions.assign_bed(by=request.user, now=now, bed_id=bed.pk, file_id=file.pk, reason=reason)
            messages.success(request, _("%(file)s lies in %(room)s-%(bed)s.") % _where(file, bed))
    except DubanError as refusal:
        return _site_page(request, site, refusal)
    return redirect("outbreak:site", site.pk)


def _where(file: CaseFile, bed: Bed) -> dict[str, str]:
    return {"file": file.number, "room": bed.room.name, "bed": bed.label}


def _bed_in(site: Site, told: str) -> Bed:
    found = None
    if told.isascii() and told.isdecimal() and len(told) < 18:
        found = Bed.objects.select_related("room").filter(room__site=site, pk=int(told)).first()
    if found is None:
        raise making.BadSite("bed_missing", _("Choose a bed."), field="bed")
    return found


def _key(told: str) -> uuid.UUID:
    try:
        return uuid.UUID(told)
    except ValueError as error:
        raise casefiles.file_not_found() from error


# ---- one bed --------------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def bed_page(request: StaffRequest, bed_id: int) -> HttpResponse:
    return _bed_page(request, bed_for(request.user, bed_id))


def _bed_page(request: StaffRequest, bed: Bed, refusal: DubanError | None = None) -> HttpResponse:
    person, site = request.user, bed.room.site
    stays = list(history_of(bed)[:HISTORY])
    theirs = {stay.file_id for stay in stays if may_for(person, casefiles.SEES, stay.file)}
    current = next((stay for stay in stays if stay.until is None), None)
    facts = None
    if current is not None and current.file_id in theirs:
        files = [current.file]
        facts = show_list(by=person, now=clock.now(), files=files, facts=facts_of_many(files))[current.file_id]
    manages = rights.may(person, MANAGES, site.town) and site.closed_on is None
    context = {
        "bed": bed,
        "site": site,
        "state": "taken" if current else "out" if bed.out_of_use else "free",
        "word": STATES["taken" if current else "out" if bed.out_of_use else "free"],
        "current": current,
        "facts": facts,
        "stays": [(stay, stay.file_id in theirs, _ended(stay)) for stay in stays],
        "ends": [choice for choice in StayEnd.choices if choice[0] != StayEnd.TRANSFER],
        "free": [one for one in free_beds(site) if one.pk != bed.pk] if manages and current else [],
        "manages": manages,
        "acts": manages and current is not None and current.file_id in theirs,
        "refusal": refusal,
        "sent": request.POST,
    }
    return render(request, "outbreak/sites/bed.html", context, status=refusal.status if refusal else 200)


def _ended(stay: BedStay) -> str:
    return str(StayEnd(stay.ended_for).label) if stay.ended_for else ""


@require_POST
@person_who(MANAGES)
def assign(request: StaffRequest, bed_id: int) -> HttpResponse:
    """Somebody takes this bed, by the number of their file or what they are found by; who lies elsewhere moves."""
    bed, now = bed_for(request.user, bed_id), clock.now()
    try:
        file = _found(request)
        asked: dict[str, Any] = {"by": request.user, "now": now, "bed_id": bed.pk, "file_id": file.pk}
        asked["reason"] = request.POST.get("reason", "")
        if request.POST.get("move"):
            actions.transfer(**asked)
        else:
            actions.assign_bed(**asked)
    except DubanError as refusal:
        if refusal.code == "bed_not_found":
            raise
        return _bed_page(request, bed, refusal)
    return redirect("outbreak:bed", bed.pk)


def _found(request: StaffRequest) -> CaseFile:
    found = list(casefiles.find(request.user, request.POST.get("person", ""))[:2])
    if len(found) != 1:
        raise actions.BadStay(
            "person_unclear",
            _("Exactly one person must be found; give the number of the file, an ID number or a telephone."),
            field="person",
        )
    return found[0]


@require_POST
@person_who(MANAGES)
def move(request: StaffRequest, bed_id: int) -> HttpResponse:
    """Who lies in this bed goes to another one of the site."""
    bed = bed_for(request.user, bed_id)
    try:
        to = _bed_in(bed.room.site, request.POST.get("bed", ""))
        stay = _lying(bed)
        actions.transfer(
            by=request.user, now=clock.now(), bed_id=to.pk, file_id=stay.file_id, reason=request.POST.get("reason", "")
        )
    except DubanError as refusal:
        return _bed_page(request, bed, refusal)
    return redirect("outbreak:bed", to.pk)


@require_POST
@person_who(MANAGES)
def leave(request: StaffRequest, bed_id: int) -> HttpResponse:
    """Who lies in this bed leaves it."""
    bed = bed_for(request.user, bed_id)
    rights.require(request.user, MANAGES, bed.room.site.town)
    try:
        stay = _lying(bed)
        reason = request.POST.get("reason", "")
        actions.end_stay(by=request.user, now=clock.now(), file_id=stay.file_id, reason=reason)
    except DubanError as refusal:
        return _bed_page(request, bed, refusal)
    return redirect("outbreak:bed", bed.pk)


def _lying(bed: Bed) -> BedStay:
    stay = bed.stays.filter(until=None).first()
    if stay is None:
        raise Conflict("bed_free", _("Nobody lies in this bed any more."))
    return stay


@require_POST
@person_who(MANAGES)
def use(request: StaffRequest, bed_id: int) -> HttpResponse:
    """Out of use, or in use again."""
    bed = bed_for(request.user, bed_id)
    try:
        making.set_out_of_use(by=request.user, now=clock.now(), bed_id=bed.pk, out=request.POST.get("out") == "1")
    except Conflict as refusal:
        return _bed_page(request, bed, refusal)
    return redirect("outbreak:bed", bed.pk)


urls = [
    path("sites/", sites_page, name="sites"),
    path("sites/add/", add_page, name="add_site"),
    path("sites/beds/<int:bed_id>/", bed_page, name="bed"),
    path("sites/beds/<int:bed_id>/assign/", assign, name="assign_bed"),
    path("sites/beds/<int:bed_id>/move/", move, name="move_bed"),
    path("sites/beds/<int:bed_id>/leave/", leave, name="leave_bed"),
    path("sites/beds/<int:bed_id>/use/", use, name="use_bed"),
    path("sites/<uuid:site_id>/", site_page, name="site"),
    path("sites/<uuid:site_id>/rooms/", add_rooms, name="add_rooms"),
    path("sites/<uuid:site_id>/place/", place, name="place"),
    path("sites/<uuid:site_id>/close/", close, name="close_site"),
]
