"""Households of a place: doors are invited once, a lost invitation is renewed, and each is printed with its code."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.commons.deliberation.queries import full_name
from duban.commons.models import Household, SharedPlace
from duban.commons.secrets import digest_of
from duban.commons.voting import actions, queries
from duban.commons.voting.actions import MANAGES, BadVote
from duban.commons.voting.paper_pages import read_doors
from duban.commons.voting.printed import invitation_url, print_invitations
from duban.core import clock
from duban.core.errors import Conflict, DubanError

MOST_FLOORS, MOST_DOORS = 60, 30
PAGE = 120
AT_ONCE = 120
"""So many invitations are printed at one press: a few seconds' work."""


def doors_by_floor(floors: str, per_floor: str) -> list[str]:
    """101, 102, 201, 202 ... for so many floors with so many doors each; nothing where neither is given.

    Raises BadVote (`bad_floors`).
    """
    told = [floors.strip(), per_floor.strip()]
    if not any(told):
        return []
    if not all(one.isascii() and one.isdecimal() and len(one) < 4 for one in told):
        raise _bad_floors()
    up, across = (int(one) for one in told)
    if not (1 <= up <= MOST_FLOORS and 1 <= across <= MOST_DOORS):
        raise _bad_floors()
    return [f"{floor}{door:02d}" for floor in range(1, up + 1) for door in range(1, across + 1)]


def _bad_floors() -> BadVote:
    return BadVote("bad_floors", _("Give 1 to 60 floors and 1 to 30 doors a floor."), field="floors")


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def households_page(request: StaffRequest, place_id: uuid.UUID) -> HttpResponse:
    """The doors of a place, and inviting more of them."""
    place = queries.place_for(request.user, place_id)
    rights.require(request.user, MANAGES, place.jurisdiction)
    if request.method != "POST":
        return _show(request, place)
    try:
        doors = read_doors(request.POST.get("doors", ""))
        doors += doors_by_floor(request.POST.get("floors", ""), request.POST.get("per_floor", ""))
        if not doors:
            raise BadVote("doors_missing", _("Say which doors: 101, 102, or floors and doors a floor."), field="doors")
        made = actions.invite_households(by=request.user, now=clock.now(), place_id=place.pk, doors=doors)
    except DubanError as refusal:
        return _show(request, place, refusal)
    if not made:
        messages.success(request, _("All of these doors have their invitation already."))
        return redirect("commons:households", place.pk)
    return _show(request, place, made=made)


def _show(
    request: StaffRequest,
    place: SharedPlace,
    refusal: DubanError | None = None,
    made: dict[str, str] | None = None,
) -> HttpResponse:
    """The page; invitations just made stand in this one answer alone."""
    page = Paginator(place.households.order_by(*queries.BY_NUMBER), PAGE).get_page(request.GET.get("page"))
    fresh = list((made or {}).items())
    batches = [fresh[at : at + AT_ONCE] for at in range(0, len(fresh), AT_ONCE)]
    context: dict[str, Any] = {
        "place": place,
        "name": full_name(place),
        "page": page,
        "households": page.object_list,
        "number": page.paginator.count,
        "all_in": queries.households_of(place).count(),
        "made": [(door, invitation_url(secret)) for door, secret in fresh],
        "batches": [(some[0][0], some[-1][0], "\n".join(secret for _door, secret in some)) for some in batches],
        "sent": request.POST,
        "refusal": refusal,
    }
    response = render(request, "commons/voting_households.html", context, status=refusal.status if refusal else 200)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_POST
@person_who(MANAGES)
def renew_all(request: StaffRequest, place_id: uuid.UUID) -> HttpResponse:
    """New invitations for all doors of the place."""
    place = queries.place_for(request.user, place_id)
    try:
        made = actions.renew_invitations(by=request.user, now=clock.now(), place_id=place.pk)
    except BadVote as refusal:
        return _show(request, place, refusal)
    return _show(request, place, made=made)


@require_POST
@person_who(MANAGES)
def renew(request: StaffRequest, household_id: int) -> HttpResponse:
    """A new invitation for one door; the lost one opens nothing any more."""
    secret = actions.renew_invitation(by=request.user, now=clock.now(), household_id=household_id)
    household = Household.objects.select_related("place").get(pk=household_id)
    return _show(request, household.place, made={household.door: secret})


@require_POST
@person_who(MANAGES)
def remove(request: StaffRequest, household_id: int) -> HttpResponse:
    try:
        place = actions.remove_household(by=request.user, now=clock.now(), household_id=household_id)
    except Conflict as refusal:
        household = Household.objects.select_related("place").get(pk=household_id)
        return _show(request, household.place, refusal)
    messages.success(request, _("The door is taken out."))
    return redirect("commons:households", place.pk)


@require_POST
@person_who(MANAGES)
def invitations_pdf(request: StaffRequest, place_id: uuid.UUID) -> HttpResponse:
    """The invitations that a page has just shown, to print. They come back from that page: they are kept nowhere."""
    place = queries.place_for(request.user, place_id)
    rights.require(request.user, MANAGES, place.jurisdiction)
    secrets = request.POST.get("secrets", "").split()[:AT_ONCE]
    digests = {digest_of(secret): secret for secret in secrets}
    # Only what is this place's, so that nothing else is printed as an invitation of the office.
    found = place.households.filter(digest__in=list(digests)).order_by(*queries.BY_NUMBER)
    printed = {one.door: digests[one.digest] for one in found}
    if not printed:
        return _show(
            request, place, BadVote("no_invitations", _("These invitations are not valid any more; make new ones."))
        )
    response = HttpResponse(print_invitations(place, printed, clock.now()), content_type="application/pdf")
    response.headers["Content-Disposition"] = 'attachment; filename="invitations.pdf"'
    response.headers["Cache-Control"] = "no-store"
    return response


urls = [
    path("places/<uuid:place_id>/households/", households_page, name="households"),
    path("places/<uuid:place_id>/households/renew/", renew_all, name="renew_households"),
    path("places/<uuid:place_id>/households/invitations.pdf", invitations_pdf, name="invitations"),
    path("households/<int:household_id>/renew/", renew, name="renew_household"),
    path("households/<int:household_id>/remove/", remove, name="remove_household"),
]
