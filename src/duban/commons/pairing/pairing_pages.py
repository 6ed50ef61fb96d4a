"""Agreements of a community with the organisations based there, one and one: signed on a day, until another or open."""

import uuid

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.commons.models import Organisation
from duban.commons.pairing import actions, queries
from duban.commons.pairing.actions import MANAGES, BadNeed
from duban.commons.pairing.fields import DayField, read_day
from duban.commons.pairing.queries import SEES
from duban.commons.register.queries import bases_within
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, refuse
from duban.core.paging import page_of
from duban.core.text import folded
from duban.places import queries as places
from duban.places.codes import LENGTHS

PAGE = 50
KINDS = (("", pgettext_lazy("pairings", "in force")), ("over", pgettext_lazy("pairings", "over")))


@require_safe
@person_who(SEES)
def pairings_page(request: StaffRequest) -> HttpResponse:
    """The agreements of the person's area, the newest first."""
    show, today = request.GET.get("show", ""), timezone.localdate(clock.now())
    in_force = Q(until=None) | Q(until__gte=today)
    found = queries.pairings_for(request.user).filter(~in_force if show == "over" else in_force)
    cursor = request.GET.get("cursor", "")
    page = page_of(found.select_related("organisation"), ("-signed_on", "-pk"), cursor, size=PAGE)
    names = places.names({one.jurisdiction for one in page.rows})
    may = rights.codes(request.user, MANAGES)
    context = {
        "rows": [
            {
                "pairing": one,
                "area": names.get(one.jurisdiction, one.jurisdiction),
                "ends": one.until is None and rights.may(request.user, MANAGES, one.jurisdiction),
            }
            for one in page.rows
        ],
        "earlier": page.earlier_link(show=show),
        "later": page.later_link(show=show),
        "show": show,
        "kinds": KINDS,
        "today": today,
        "may_manage": bool(may),
    }
    return render(request, "commons/pairing_list.html", context)


class PairingForm(forms.Form):
    use_required_attribute = False

    jurisdiction = NeededField(label=gettext_lazy("Community"), widget=forms.Select)
    partner = NeededField(
        label=gettext_lazy("Partner"),
        help_text=gettext_lazy(
            "An organisation or unit based there, no person. One on the register is linked by its name."
        ),
    )
    signed_on = DayField(label=gettext_lazy("Signed on"))
    text = forms.CharField(
        label=gettext_lazy("What both agreed"), required=False, widget=forms.Textarea(attrs={"rows": 4})
    )


def _on_the_register(name: str, code: str) -> uuid.UUID | None:
    """The one standing organisation of the county that bears just this name."""
    county = code[: LENGTHS[0]]
    found = Organisation.objects.filter(
        name_key=folded(name), town__gte=county, town__lte=county.ljust(LENGTHS[1], "9"), dissolved_on=None
    )
    keys = list(found.values_list("pk", flat=True)[:2])
    return keys[0] if len(keys) == 1 else None


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def add_page(request: StaffRequest) -> HttpResponse:
    now, status = clock.now(), 200
    codes = rights.codes(request.user, MANAGES)
    form = PairingForm(
        request.POST if request.method == "POST" else None,
        initial={"signed_on": timezone.localdate(now).isoformat(), "jurisdiction": codes[0]},
    )
    form.fields["jurisdiction"].widget.choices = bases_within(codes)
    if request.method == "POST":
        status = 400
        if form.is_valid():
            said = form.cleaned_data
            try:
                actions.pair(
                    by=request.user, now=now, jurisdiction=said["jurisdiction"], partner=said["partner"],
                    signed_on=said["signed_on"], text=said["text"],
                    organisation_id=_on_the_register(said["partner"], said["jurisdiction"]),
                )  # fmt: skip
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("The agreement is on record."))
                return redirect("commons:pairings")
    return render(request, "commons/pairing_add.html", {"form": form}, status=status)


@require_POST
@person_who(MANAGES)
def end(request: StaffRequest, pairing_id: uuid.UUID) -> HttpResponse:
    """The agreement ends with a day."""
    until = read_day(request.POST.get("until", ""))
    try:
        pairing = queries.pairing_for(request.user, pairing_id)
        if until is None:
            raise BadNeed("bad_days", _("This is not a day; write 2021-01-20."), field="until")
        actions.end_pairing(by=request.user, now=clock.now(), pairing_id=pairing.pk, until=until)
    except BadNeed as refusal:
        messages.error(request, f"{refusal.message} ({refusal.code})")
    else:
        messages.success(request, _("The end is on record."))
    return redirect("commons:pairings")


urls = [
    path("pairings/", pairings_page, name="pairings"),
    path("pairings/add/", add_page, name="add_pairing"),
    path("pairings/<uuid:pairing_id>/end/", end, name="end_pairing"),
]
