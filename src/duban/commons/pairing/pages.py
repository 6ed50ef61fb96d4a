"""Needs at the desk: posting one, who signed up, what came and was verified, and the thanks at the end."""

import uuid
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.commons.contact import open_contact
from duban.commons.deliberation.queries import full_name
from duban.commons.models import Pledge, PostedNeed, SharedPlace
from duban.commons.pairing import actions, pairing_pages, queries
from duban.commons.pairing.actions import MANAGES, NeedDraft
from duban.commons.pairing.fields import DayField, UnitsField, whole
from duban.commons.pairing.printed import poster_of
from duban.commons.pairing.uploads import store_photos
from duban.commons.register.queries import bases_within
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, refuse
from duban.core.paging import page_of
from duban.evidence.actions import discard_photos
from duban.evidence.responses import photo_response
from duban.places import queries as places
from duban.places.codes import within

SEES = queries.SEES
PAGE = 50
MOST_PLACES = 300
MOST_PLEDGES = 300
KINDS = (("", pgettext_lazy("needs", "open")), ("closed", pgettext_lazy("needs", "closed")))


# ---- all needs ------------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def needs_page(request: StaffRequest) -> HttpResponse:
    """What is needed in the person's area, by the day it is due, each with how far it is."""
    show = request.GET.get("show", "")
    found = queries.needs_for(request.user).filter(closed_at__isnull=show != "closed")
    # What is open by the day it is due, what is closed the latest first.
    order = ("-closed_at", "-pk") if show == "closed" else ("due_on", "pk")
    page = page_of(found, order, request.GET.get("cursor", ""), size=PAGE)
    needs = page.rows
    bars, waiting = queries.bars_of(needs), queries.waiting_by_need(needs)
    names = places.names({one.jurisdiction for one in needs})
    today = timezone.localdate(clock.now())
    rows = [
        {
            "need": one,
            "bar": bars[one.pk],
            "area": names.get(one.jurisdiction, one.jurisdiction),
            "waiting": waiting.get(one.pk, 0),
            "late": one.closed_at is None and one.due_on < today and bars[one.pk].verified < one.target,
        }
        for one in needs
    ]
    context = {
        "rows": rows,
        "earlier": page.earlier_link(show=show),
        "later": page.later_link(show=show),
        "show": show,
        "kinds": KINDS,
        "may_manage": bool(rights.codes(request.user, MANAGES)),
    }
    return render(request, "commons/need_list.html", context)


# ---- posting one ----------------------------------------------------------------------------------------------------


class ChangeForm(forms.Form):
    """What of a need may still change."""

    use_required_attribute = False

    text = forms.CharField(
        label=gettext_lazy("In more words"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    target = UnitsField(label=gettext_lazy("How many"))
    due_on = DayField(label=gettext_lazy("Until"))
    before = forms.FileField(
        label=gettext_lazy("Photo of how it is now"),
        required=False,
        widget=forms.FileInput(attrs={"accept": "image/*"}),
        allow_empty_file=True,
    )


class NeedForm(ChangeForm):
    """`id` is made before the first press, so that a second press is a replay and no second need."""

    id = forms.UUIDField(widget=forms.HiddenInput)
    decision = forms.UUIDField(widget=forms.HiddenInput, required=False)
    title = NeededField(label=gettext_lazy("What is needed"))
    unit = NeededField(
        label=gettext_lazy("Counted in"),
        widget=forms.TextInput(attrs={"placeholder": gettext_lazy("artworks, benches, hours")}),
    )
    place = forms.CharField(label=pgettext_lazy("need", "Place"), required=False, widget=forms.Select)
    jurisdiction = NeededField(label=gettext_lazy("Community"), widget=forms.Select)

    field_order = ["id", "decision", "title", "target", "unit", "due_on", "place", "jurisdiction", "text", "before"]

    def __init__(self, data: Any = None, files: Any = None, *, request: StaffRequest):
        asked = {name: request.GET.get(name, "") for name in ("place", "decision")}
        codes = rights.codes(request.user, MANAGES)
        spots = list(_places(codes))
        chosen = next((one for one in spots if str(one.pk) == asked["place"]), None)
        first = chosen.jurisdiction if chosen else codes[0]
        super().__init__(data, files, initial={"id": uuid.uuid4(), "jurisdiction": first, **asked})
        self.spots = {str(one.pk): one for one in spots}
        names = [(str(one.pk), full_name(one)) for one in spots]
        self.fields["place"].widget.choices = [("", _("the whole community")), *names]
        self.fields["jurisdiction"].widget.choices = bases_within(codes)

    def draft(self, before: str) -> NeedDraft:
        said = self.cleaned_data
        spot = self.spots.get(said["place"])
        return NeedDraft(
            title=said["title"],
            unit=said["unit"],
            target=said["target"],
            due_on=said["due_on"],
            jurisdiction=spot.jurisdiction if spot else said["jurisdiction"],
            text=said["text"],
            place_id=spot.pk if spot else None,
            decision_id=said["decision"],
            before=before,
        )


def _places(codes: list[str]) -> list[SharedPlace]:
    found = SharedPlace.objects.filter(within("jurisdiction", codes)).select_related("within__within")
    return list(found.order_by("jurisdiction", "name", "pk")[:MOST_PLACES])


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def add_page(request: StaffRequest) -> HttpResponse:
    """What is needed, how many, until when; what belongs to a decision or place comes with the address."""
    now, status = clock.now(), 200
    form = (
        NeedForm(request.POST, request.FILES, request=request)
        if request.method == "POST"
        else NeedForm(request=request)
    )
    if request.method == "POST":
        status = 400
        if form.is_valid():
            photos: list[str] = []
            try:
                photos = _one_photo(request, now, form.cleaned_data["before"], "before")
                need = actions.post_need(
                    by=request.user, now=now, need_id=form.cleaned_data["id"], draft=form.draft("".join(photos))
                )
            except DubanError as refusal:
                discard_photos(by=request.user, now=now, sha256s=photos)
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("The need is posted; everybody can sign up."))
                return redirect("commons:need", need.pk)
    return render(request, "commons/need_add.html", {"form": form}, status=status)


def _one_photo(request: StaffRequest, now: datetime, file: UploadedFile | None, field: str) -> list[str]:
    return store_photos([file], by=request.user, now=now, field=field) if file else []


# ---- one need -------------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def need_page(request: StaffRequest, need_id: uuid.UUID) -> HttpResponse:
    return _need_page(request, queries.need_for(request.user, need_id))


def _need_page(request: StaffRequest, need: PostedNeed, refusal: DubanError | None = None, **more: Any) -> HttpResponse:
    """Bar, sign-ups with their parts, and what is to be verified; contacts stay masked."""
    manages = rights.may(request.user, MANAGES, need.jurisdiction)
    pledges = list(need.pledges.order_by("at", "pk").prefetch_related("deliveries")[:MOST_PLEDGES])
    today = timezone.localdate(clock.now())
    context = {
        "need": need,
        "bar": queries.bars_of([need])[need.pk],
        "area": places.names([need.jurisdiction]).get(need.jurisdiction, need.jurisdiction),
        "manages": manages,
        "rows": [_row(pledge) for pledge in pledges],
        "waiting": [(pledge, one) for pledge in pledges for one in pledge.deliveries.all() if not one.verified_by],
        "over": need.due_on < today,
        "change": ChangeForm(initial={"text": need.text, "target": need.target, "due_on": need.due_on.isoformat()}),
        "refusal": refusal,
        "sent": request.POST,
        **more,
    }
    return render(request, "commons/need_page.html", context, status=refusal.status if refusal else 200)


def _row(pledge: Pledge) -> dict[str, Any]:
    parts = sorted(pledge.deliveries.all(), key=lambda one: (one.at, one.pk))
    good = [one for one in parts if not one.refused_for]
    return {
        "pledge": pledge,
        "contact": open_contact(pledge.sealed).masked if pledge.sealed is not None else None,
        "parts": parts,
        "brought": sum(one.number for one in good),
        "verified": sum(one.number for one in good if one.verified_at),
        "left": pledge.number - sum(one.number for one in good),
    }


@require_POST
@person_who(MANAGES)
def change(request: StaffRequest, need_id: uuid.UUID) -> HttpResponse:
    need, now = queries.need_for(request.user, need_id), clock.now()
    form, status = ChangeForm(request.POST, request.FILES), 400
    if form.is_valid():
        said, photos = form.cleaned_data, []
        try:
            photos = _one_photo(request, now, said["before"], "before")
            actions.change_need(
                by=request.user, now=now, need_id=need.pk, text=said["text"], target=said["target"],
                due_on=said["due_on"], before="".join(photos),
            )  # fmt: skip
        except DubanError as refusal:
            if refusal.status in {403, 404}:
                raise
            discard_photos(by=request.user, now=now, sha256s=photos)
            refuse(form, refusal)
            status = refusal.status
        else:
            messages.success(request, _("The need is changed."))
            return redirect("commons:need", need.pk)
    response = _need_page(request, need, change=form, changing=True)
    response.status_code = status
    return response


@require_POST
@person_who(MANAGES)
def close(request: StaffRequest, need_id: uuid.UUID) -> HttpResponse:
    """Photo of after and words of thanks: from then on its page is a page of thanks."""
    need, now = queries.need_for(request.user, need_id), clock.now()
    photos: list[str] = []
    try:
        photos = _one_photo(request, now, request.FILES.get("after"), "after")
        actions.close_need(
            by=request.user, now=now, need_id=need.pk, after="".join(photos), thanks=request.POST.get("thanks", "")
        )
    except DubanError as refusal:
        if refusal.status in {403, 404}:
            raise
        discard_photos(by=request.user, now=now, sha256s=photos)
        return _need_page(request, need, refusal)
    messages.success(request, _("The need is closed; its page says thanks."))
    return redirect("commons:need", need.pk)


@require_safe
@person_who(SEES)
def poster(request: StaffRequest, need_id: uuid.UUID) -> HttpResponse:
    """To hang up where those pass by who could help."""
    need = queries.need_for(request.user, need_id)
    response = HttpResponse(poster_of(need, clock.now()), content_type="application/pdf")
    response.headers["Content-Disposition"] = 'inline; filename="need.pdf"'
    return response


# ---- sign-ups and what came -----------------------------------------------------------------------------------------


@require_POST
@person_who(MANAGES)
def contact(request: StaffRequest, pledge_id: uuid.UUID) -> HttpResponse:
    """Whom to call; that somebody looked is written down."""
    pledge = queries.pledge_for(request.user, pledge_id)
    found = actions.open_contact(by=request.user, now=clock.now(), pledge_id=pledge.pk)
    response = _need_page(request, queries.need_for(request.user, pledge.need_id), opened=pledge.pk, contact=found)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_POST
@person_who(MANAGES)
def strike(request: StaffRequest, pledge_id: uuid.UUID) -> HttpResponse:
    pledge = queries.pledge_for(request.user, pledge_id)
    actions.strike_pledge(by=request.user, now=clock.now(), pledge_id=pledge.pk)
    messages.success(request, _("Taken back: others can sign up for it."))
    return redirect("commons:need", pledge.need_id)


@require_POST
@person_who(MANAGES)
def record(request: StaffRequest, pledge_id: uuid.UUID) -> HttpResponse:
    """What a partner brought and told the office alone."""
    pledge, now = queries.pledge_for(request.user, pledge_id), clock.now()
    photos: list[str] = []
    try:
        photos = store_photos(request.FILES.getlist("photos"), by=request.user, now=now)
        actions.record_delivery(
            by=request.user, now=now, pledge_id=pledge.pk, number=whole(request.POST.get("number", "")), photos=photos
        )
    except DubanError as refusal:
        return _refused(request, pledge.need_id, refusal, photos, now)
    messages.success(request, _("Recorded; it counts once it is verified."))
    return redirect("commons:need", pledge.need_id)


@require_POST
@person_who(MANAGES)
def verify(request: StaffRequest, delivery_id: int) -> HttpResponse:
    """Somebody saw it, and a photo shows it; or it is not what was pledged, and why."""
    delivery, now = queries.delivery_for(request.user, delivery_id), clock.now()
    photos: list[str] = []
    try:
        photos = store_photos(request.FILES.getlist("photos"), by=request.user, now=now)
        actions.verify_delivery(
            by=request.user, now=now, delivery_id=delivery.pk, good=request.POST.get("good") == "1",
            reason=request.POST.get("reason", ""), photos=photos,
        )  # fmt: skip
    except DubanError as refusal:
        return _refused(request, delivery.pledge.need_id, refusal, photos, now)
    messages.success(request, _("Written down."))
    return redirect("commons:need", delivery.pledge.need_id)


def _refused(
    request: StaffRequest, need_id: uuid.UUID, refusal: DubanError, photos: list[str], now: datetime
) -> HttpResponse:
    """The need's page with the refusal; photos that came with it at this moment are let go."""
    if refusal.status in {403, 404}:
        raise refusal
    discard_photos(by=request.user, now=now, sha256s=photos)
    return _need_page(request, queries.need_for(request.user, need_id), refusal)


@require_safe
@person_who(SEES)
def photo(request: StaffRequest, need_id: uuid.UUID, need_photo: str, variant: str) -> HttpResponseBase:
    """A photo of the need or of a delivery, verified or not."""
    need = queries.need_for(request.user, need_id)
    if variant == "original" or not queries.photo_is_of(need, need_photo):
        raise Http404(need_photo)
    return photo_response(request, need_photo, variant)


urls = [
    path("needs/", needs_page, name="needs"),
    path("needs/add/", add_page, name="add_need"),
    path("needs/<uuid:need_id>/", need_page, name="need"),
    path("needs/<uuid:need_id>/poster.pdf", poster, name="need_poster"),
    path("needs/<uuid:need_id>/change/", change, name="change_need"),
    path("needs/<uuid:need_id>/close/", close, name="close_need"),
    path("needs/<uuid:need_id>/photos/<str:need_photo>/<str:variant>/", photo, name="need_photo"),
    path("needs/pledges/<uuid:pledge_id>/contact/", contact, name="pledge_contact"),
    path("needs/pledges/<uuid:pledge_id>/strike/", strike, name="strike_pledge"),
    path("needs/pledges/<uuid:pledge_id>/record/", record, name="record_delivery"),
    path("needs/deliveries/<int:delivery_id>/verify/", verify, name="verify_delivery"),
    *pairing_pages.urls,
]
