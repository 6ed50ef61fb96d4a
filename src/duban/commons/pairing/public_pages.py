"""Needs for anybody: what is asked for, a sign-up without an account, and the page on which a partner brings its part.

The address of a sign-up holds a secret, as that of an invitation does: kept by no cache, found by no search engine.
"""

import uuid
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.commons.contact import checked_contact
from duban.commons.guests import count_try, kept_private, require_patience
from duban.commons.models import Pledge, PostedNeed
from duban.commons.pairing import actions, queries
from duban.commons.pairing.fields import UnitsField, whole
from duban.commons.pairing.uploads import Partner, store_photos
from duban.core import clock
from duban.core.errors import DubanError, NotFound
from duban.core.forms import NeededField, refuse
from duban.core.paging import page_of
from duban.evidence.actions import discard_photos
from duban.evidence.responses import photo_response
from duban.places import queries as places
from duban.places.codes import LENGTHS, LONGEST

PAGE = 20
THANKED = 10
PAIRED = 60


# ---- all needs ------------------------------------------------------------------------------------------------------


@require_safe
def needs_page(request: HttpRequest) -> HttpResponse:
    """What is needed and not met yet, what was done, and who is paired with whom; of one area if it is asked for."""
    area, today = _area(request), timezone.localdate(clock.now())
    found = queries.public_needs(area)
    wanted = found.filter(closed_at=None, due_on__gte=today)
    page = page_of(wanted, ("due_on", "pk"), request.GET.get("cursor", ""), size=PAGE)
    thanked = list(found.filter(closed_at__isnull=False).order_by("-closed_at", "pk")[:THANKED])
    paired = list(queries.public_pairings(area, today)[:PAIRED])
    shown = [*page.rows, *thanked]
    bars = queries.bars_of(shown)
    names = places.names({one.jurisdiction for one in shown} | {one.jurisdiction for one in paired})
    context = {
        "section": "needs",
        "area": area,
        "area_name": places.names([area]).get(area, area) if area else "",
        "earlier": page.earlier_link(at=area),
        "later": page.later_link(at=area),
        "rows": [(one, bars[one.pk], names.get(one.jurisdiction, "")) for one in page.rows],
        "thanked": [(one, bars[one.pk], names.get(one.jurisdiction, "")) for one in thanked],
        "paired": [(one, names.get(one.jurisdiction, "")) for one in paired],
    }
    return render(request, "neighbours/needs.html", context)


def _area(request: HttpRequest) -> str:
    """The code that the address asks for, or none where it is no code."""
    code = request.GET.get("at", "")
    return code if code.isascii() and code.isdecimal() and LENGTHS[0] <= len(code) <= LONGEST else ""


# ---- one need -------------------------------------------------------------------------------------------------------


class PledgeForm(forms.Form):
    """`id` is made before the first press, so that a second press signs up once."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput)
    number = UnitsField(label=gettext_lazy("How many do you bring?"))
    partner = NeededField(
        label=gettext_lazy("Who brings it?"),
        help_text=gettext_lazy(
            "Your organisation, school, shop or group. Its name is shown to everybody once it has come."
        ),
    )
    name = NeededField(
        label=pgettext_lazy("sign-up", "Your name"), widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    phone = NeededField(
        label=gettext_lazy("Telephone"), widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel"})
    )


@require_http_methods(["GET", "HEAD", "POST"])
def need_page(request: HttpRequest, open_need: uuid.UUID) -> HttpResponse:
    """How far it is, and a sign-up; once it is closed, the thanks."""
    need, now, status = queries.public_need(open_need), clock.now(), 200
    form = PledgeForm(initial={"id": uuid.uuid4()})
    if request.method == "POST":
        require_patience(request, "pledge")
        form, status = PledgeForm(request.POST), 400
        if form.is_valid():
            said = form.cleaned_data
            try:
                made = actions.pledge(
                    now=now, need_id=need.pk, partner=said["partner"], number=said["number"], pledge_id=said["id"],
                    contact=checked_contact(said["name"], said["phone"]),
                )  # fmt: skip
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
                need.refresh_from_db()
            else:
                count_try(request, "pledge")
                if made.secret:
                    return kept_private(redirect(f"{_own(made.secret)}?new=1"))
                return redirect(f"{request.path}?again=1")
    return _show_need(request, need, form, status)


def _own(secret: str) -> str:
    return reverse("neighbours:my_pledge", args=[secret])


def _show_need(request: HttpRequest, need: PostedNeed, form: PledgeForm, status: int) -> HttpResponse:
    bar = queries.bars_of([need])[need.pk]
    over = need.closed_at is not None or need.due_on < timezone.localdate(clock.now())
    context = {
        "section": "needs",
        "need": need,
        "bar": bar,
        "over": over,
        "area": places.names([need.jurisdiction]).get(need.jurisdiction, ""),
        "form": form,
        "brought": queries.brought_to(need),
        "photos": queries.public_photos_of(need),
        "again": bool(request.GET.get("again")),
    }
    return render(request, "neighbours/need.html", context, status=status)


@require_safe
def photo(request: HttpRequest, open_need: uuid.UUID, shown_photo: str, variant: str) -> HttpResponseBase:
    """The public copy or thumbnail of a photo that the need's page shows; else there is none."""
    need = queries.public_need(open_need)
    if variant not in {"public", "thumbnail"} or not queries.photo_is_public(need, shown_photo):
        raise Http404(shown_photo)
    return photo_response(request, shown_photo, variant, shared=True)


# ---- a partner's own page -------------------------------------------------------------------------------------------


def _opened(request: HttpRequest, secret: str) -> Pledge:
    """Whose sign-up it is. Raises NotFound (`pledge_not_found`), TooMany (`too_many_tries`) for who guesses."""
    require_patience(request, "own-pledge")
    try:
        return queries.pledge_of(secret)
    except NotFound:
        count_try(request, "own-pledge")
        raise


@require_safe
def own_page(request: HttpRequest, pledge_secret: str) -> HttpResponse:
    return _own_page(request, pledge_secret, _opened(request, pledge_secret))


def _own_page(request: HttpRequest, secret: str, pledge: Pledge, refusal: DubanError | None = None) -> HttpResponse:
    need = pledge.need
    parts = list(pledge.deliveries.order_by("at", "pk"))
    good = [one for one in parts if not one.refused_for]
    brought = sum(one.number for one in good)
    context: dict[str, Any] = {
        "secret": secret,
        "address": request.build_absolute_uri(_own(secret)),
        "pledge": pledge,
        "need": need,
        "bar": queries.bars_of([need])[need.pk],
        "parts": parts,
        "brought": brought,
        "verified": sum(one.number for one in good if one.verified_at),
        "left": pledge.number - brought,
        "new": bool(request.GET.get("new")),
        "done": request.GET.get("done", ""),
        "sent": request.POST,
        "refusal": refusal,
    }
    return kept_private(render(request, "neighbours/pledge.html", context, status=refusal.status if refusal else 200))


@require_POST
def deliver(request: HttpRequest, pledge_secret: str) -> HttpResponse:
    """A part was brought, with photos of it."""
    pledge, now = _opened(request, pledge_secret), clock.now()
    sender, photos = Partner(pledge.partner), []
    try:
        number = whole(request.POST.get("number", ""))
        actions.require_left(pledge, number)
        photos = store_photos(request.FILES.getlist("photos"), by=sender, now=now)
        actions.deliver(now=now, secret=pledge_secret, number=number, photos=photos)
    except DubanError as refusal:
        discard_photos(by=sender, now=now, sha256s=photos)
        return _own_page(request, pledge_secret, pledge, refusal)
    return kept_private(redirect(f"{_own(pledge_secret)}?done=brought"))


@require_POST
def withdraw(request: HttpRequest, pledge_secret: str) -> HttpResponse:
    """What was not brought yet is free for others."""
    _opened(request, pledge_secret)
    actions.withdraw_pledge(now=clock.now(), secret=pledge_secret)
    return kept_private(redirect(f"{_own(pledge_secret)}?done=free"))


urls = [
    path("needs/", needs_page, name="needs"),
    path("needs/<uuid:open_need>/", need_page, name="need"),
    path("needs/<uuid:open_need>/photos/<str:shown_photo>/<str:variant>/", photo, name="need_photo"),
    path("needs/mine/<str:pledge_secret>/", own_page, name="my_pledge"),
    path("needs/mine/<str:pledge_secret>/deliver/", deliver, name="deliver"),
    path("needs/mine/<str:pledge_secret>/withdraw/", withdraw, name="withdraw_pledge"),
]
