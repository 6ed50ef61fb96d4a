"""Volunteering for anybody, without an account: what is coming, signing up in one step, and one's own page."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from duban.commons.contact import checked_contact, open_contact
from duban.commons.guests import count_try, kept_private, require_patience
from duban.commons.models import Activity, Shift, SignUp, SignUpState
from duban.commons.secrets import new_secret
from duban.commons.volunteering import actions, queries
from duban.commons.volunteering.qr import qr_svg
from duban.commons.volunteering.remembering import own_sign_ups, remember
from duban.commons.volunteering.words import clock_words, day_words, length_words, when_words
from duban.core import clock
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.forms import NeededField, refuse
from duban.evidence.responses import photo_response
from duban.ledger import told
from duban.places import queries as places
from duban.places.codes import LENGTHS

PAGE = 30
TOWNS = 60
GUESSES = "volunteer"


@dataclass(frozen=True)
class ShiftShown:
    """A shift as anybody sees it; `left`: places that are free."""

    shift: Shift
    day: str
    hours: str
    left: int
    over: bool
    cancelled: bool

    @property
    def full(self) -> bool:
        return not self.left


def show_shift(shift: Shift, now: datetime) -> ShiftShown:
    return ShiftShown(
        shift,
        day_words(shift.begins_at),
        clock_words(shift),
        left=shift.places - shift.taken,
        over=shift.ends_at <= now,
        cancelled=shift.cancelled_at is not None,
    )


# ---- what is coming -------------------------------------------------------------------------------------------------


@require_safe
def coming_page(request: HttpRequest) -> HttpResponse:
    """The shifts to come, the next first, as a list and on the map."""
    now, area = clock.now(), read_area(request)
    shifts, later = _page_after(request.GET.get("after", ""), now, area)
    shown = [show_shift(shift, now) for shift in shifts]
    own = own_sign_ups(request)
    context = {
        "section": "volunteer",
        "shifts": shown,
        "points": _points(shown),
        "towns": _towns(now),
        "area": area,
        "later": _address(area, later) if later else "",
        "start": _address(area, "") if request.GET.get("after") else "",
        "own": [
            (one, secret, when_words(one.shift)) for one, secret in own if one.shift.ends_at > now and _stands(one)
        ],
    }
    response = render(request, "neighbours/volunteer.html", context)
    if own:
        kept_private(response)
    return response


def read_area(request: HttpRequest) -> str:
    """The code asked for, "" for everywhere; what is none counts as not said."""
    code = request.GET.get("at", "")
    return code if code.isascii() and code.isdecimal() and len(code) in LENGTHS else ""


def _stands(sign_up: SignUp) -> bool:
    return sign_up.state != SignUpState.WITHDRAWN


def _page_after(key: str, now: datetime, area: str) -> tuple[list[Shift], str]:
    """The shifts after the one that the key names, and the key of the next page, "" on the last one."""
    shifts = queries.coming_shifts(now, area)
    moment, _sign, pk = key.partition("~")
    try:
        at, last = datetime.fromisoformat(moment), uuid.UUID(pk)
        if at.tzinfo is not None:
            shifts = shifts.filter(begins_at__gte=at).filter(Q(begins_at__gt=at) | Q(pk__gt=last))
    except ValueError:
        pass
    found = list(shifts[: PAGE + 1])
    end = found[PAGE - 1] if len(found) > PAGE else None
    return found[:PAGE], f"{end.begins_at.isoformat()}~{end.pk}" if end else ""


def _address(area: str, key: str) -> str:
    return f"?{urlencode({name: value for name, value in (('at', area), ('after', key)) if value})}"


def _towns(now: datetime) -> list[tuple[str, str]]:
    """(code, name) of the towns where something is coming."""
    codes = queries.coming_shifts(now).order_by().values_list("jurisdiction", flat=True).distinct()[:TOWNS]
    towns = sorted({code[: LENGTHS[1]] for code in codes})
    names = places.names(towns)
    return [(code, names.get(code, code)) for code in towns]


def _points(shown: Iterable[ShiftShown]) -> list[dict[str, Any]]:
    """A point for each activity with a position, as its next shift tells."""
    points: dict[uuid.UUID, dict[str, Any]] = {}
    for one in shown:
        activity = one.shift.activity
        if activity.lon is not None and activity.pk not in points:
            points[activity.pk] = {
                "id": str(activity.pk),
                "lon": activity.lon,
                "lat": activity.lat,
                "state": "assigned" if one.full else "found",
                "word": _("waiting list") if one.full else _("places left"),
                "title": activity.title,
                "text": f"{one.day} {one.hours}",
                "url": reverse("neighbours:volunteer_activity", args=[activity.pk]),
            }
    return list(points.values())


# ---- signing up -----------------------------------------------------------------------------------------------------


class SignUpForm(forms.Form):
    """`id` and `key` are made with the form, so that a second press of its button is a replay and no second sign-up."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput)
    key = forms.CharField(widget=forms.HiddenInput)
    shift = forms.ChoiceField(widget=forms.HiddenInput)
    name = NeededField(
        label=gettext_lazy("Your name"), widget=forms.TextInput(attrs={"autocomplete": "name", "maxlength": "30"})
    )
    phone = NeededField(
        label=gettext_lazy("Your telephone number"),
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel", "maxlength": "20"}),
    )

    def __init__(self, data: Any = None, *, shifts: Sequence[Shift], chosen: str = ""):
        super().__init__(data, initial={"id": uuid.uuid4(), "key": new_secret(), "shift": chosen})
        self.fields["shift"].choices = [(str(one.pk), str(one)) for one in shifts]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """What nobody typed is wrong where the page is old; which field it is would help nobody."""
        if {"id", "key", "shift"} & set(self.errors):
            raise forms.ValidationError(_("Load the page anew, then send again."), code="bad_id")
        return self.cleaned_data


@require_http_methods(["GET", "HEAD", "POST"])
def activity_page(request: HttpRequest, open_activity_id: uuid.UUID) -> HttpResponse:
    """What, when and where; name and telephone number, and one button."""
    activity, now = queries.open_activity(open_activity_id), clock.now()
    shifts = list(activity.shifts.select_related("activity").order_by("begins_at", "pk"))
    form = SignUpForm(request.POST or None, shifts=shifts, chosen=_first_free(shifts, now, request.GET.get("shift")))
    if request.method == "POST" and form.is_valid():
        try:
            return _signed_up(request, form, now)
        except DubanError as refusal:
            refuse(form, refusal)
            return _activity_page(request, activity, shifts, form, status=refusal.status)
    return _activity_page(request, activity, shifts, form, status=400 if form.is_bound else 200)


def _first_free(shifts: Sequence[Shift], now: datetime, asked: str | None) -> str:
    """The shift asked for, else the next with a free place, else the next that is not over."""
    coming = [one for one in shifts if one.ends_at > now and one.cancelled_at is None]
    if any(str(one.pk) == asked for one in coming):
        return str(asked)
    free = [one for one in coming if one.taken < one.places]
    return next((str(one.pk) for one in (*free, *coming)), "")


def _signed_up(request: HttpRequest, form: SignUpForm, now: datetime) -> HttpResponse:
    asked = form.cleaned_data
    made = actions.sign_up(
        now=now,
        shift_id=uuid.UUID(asked["shift"]),
        contact=checked_contact(asked["name"], asked["phone"]),
        sign_up_id=asked["id"],
        secret=asked["key"],
    )
    if not made.secret:
        raise Conflict("signed_up_already", _("This telephone number has signed up for this shift."), field="phone")
    response = redirect(f"{reverse('neighbours:volunteer_mine', args=[made.secret])}?done=in")
    remember(request, response, made.secret)
    return kept_private(response)


def _activity_page(
    request: HttpRequest, activity: Activity, shifts: Sequence[Shift], form: SignUpForm, *, status: int
) -> HttpResponse:
    now = clock.now()
    shown = [show_shift(one, now) for one in shifts]
    ahead = [one for one in shown if not one.over]
    coming = [one for one in ahead if not one.cancelled]
    own = {one.shift_id: secret for one, secret in own_sign_ups(request) if _stands(one)}
    context = {
        "section": "volunteer",
        "activity": activity,
        "area": places.names([activity.jurisdiction]).get(activity.jurisdiction, ""),
        "coming": coming,
        "cancelled": [one for one in ahead if one.cancelled],
        "own": [(one, own[one.shift.pk]) for one in coming if one.shift.pk in own],
        "cleared": told.cleared(keys_of(activity)),
        "chosen": str(form["shift"].value() or ""),
        "form": form,
        "points": _points(coming or shown),
    }
    return kept_private(render(request, "neighbours/volunteer_activity.html", context, status=status))


def keys_of(activity: Activity) -> list[uuid.UUID]:
    """The entries of the ledger that the activity is for."""
    return [uuid.UUID(key) for key in activity.entries]


@require_GET
def activity_photo(
    request: HttpRequest, open_activity_id: uuid.UUID, cleared_photo: str, variant: str
) -> HttpResponseBase:
    """The public copy of a picture of what was cleared up, before or after; any other is not there."""
    activity = queries.open_activity(open_activity_id)
    shown = {photo for one in told.cleared(keys_of(activity)) for photo in (one.before, one.after)} - {""}
    if variant not in {"public", "thumbnail"} or cleared_photo not in shown:
        raise Http404(cleared_photo)
    return photo_response(request, cleared_photo, variant, shared=True)


# ---- one's own page -------------------------------------------------------------------------------------------------


def opened(request: HttpRequest, secret: str) -> SignUp:
    """The sign-up; raises NotFound (`sign_up_not_found`), TooMany (`too_many_tries`) for who guesses.

    Whoever holds a secret never waits for those who guess from the same address: many phones share one.
    """
    try:
        return queries.sign_up_of(secret)
    except NotFound:
        guessed(request)
        raise


def guessed(request: HttpRequest) -> None:
    """An address opened nothing; raises TooMany (`too_many_tries`) where that happened too often."""
    require_patience(request, GUESSES)
    count_try(request, GUESSES)


@require_safe
def mine_page(request: HttpRequest, sign_up_secret: str) -> HttpResponse:
    return _mine_page(request, sign_up_secret, opened(request, sign_up_secret))


def _mine_page(request: HttpRequest, secret: str, sign_up: SignUp, refusal: DubanError | None = None) -> HttpResponse:
    now, shift = clock.now(), sign_up.shift
    record = queries.record_of(sign_up)
    done = request.GET.get("done", "")
    address = request.build_absolute_uri(reverse("neighbours:volunteer_mine", args=[secret]))
    context = {
        "section": "volunteer",
        "secret": secret,
        "sign_up": sign_up,
        "activity": shift.activity,
        "day": day_words(shift.begins_at),
        "clock": clock_words(shift),
        "name": open_contact(sign_up.sealed).masked.name if sign_up.sealed else "",
        "in_line": queries.place_in_line(sign_up) if sign_up.state == SignUpState.WAITING else 0,
        "over": shift.ends_at <= now,
        "may_withdraw": _stands(sign_up) and sign_up.came_at is None and shift.ends_at > now,
        "record": record,
        "stands": record is not None and record.revoked_at is None,
        "hours": length_words(record.minutes) if record else "",
        "address": address,
        "qr": qr_svg(address),
        "done": done if done in {"in", "out", "here"} else "",
        "refusal": refusal,
    }
    response = render(request, "neighbours/volunteer_mine.html", context, status=refusal.status if refusal else 200)
    remember(request, response, secret)
    response.headers["Referrer-Policy"] = "no-referrer"
    return kept_private(response)


@require_POST
def withdraw(request: HttpRequest, sign_up_secret: str) -> HttpResponse:
    """Give the place back; who waits moves up."""
    sign_up = opened(request, sign_up_secret)
    try:
        actions.withdraw_sign_up(now=clock.now(), secret=sign_up_secret)
    except Conflict as refusal:
        return _mine_page(request, sign_up_secret, sign_up, refusal)
    return kept_private(redirect(f"{reverse('neighbours:volunteer_mine', args=[sign_up_secret])}?done=out"))


urls = [
    path("volunteer/", coming_page, name="volunteer"),
    path(
        "volunteer/<uuid:open_activity_id>/photos/<str:cleared_photo>/<str:variant>/",
        activity_photo,
        name="volunteer_photo",
    ),
    path("volunteer/<uuid:open_activity_id>/", activity_page, name="volunteer_activity"),
    path("volunteer/mine/<str:sign_up_secret>/", mine_page, name="volunteer_mine"),
    path("volunteer/mine/<str:sign_up_secret>/withdraw/", withdraw, name="volunteer_withdraw"),
]
