"""The roster of an organisation: masked, opened with a purpose, kept up."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from duban.access.requests import StaffRequest, person_who
from duban.commons.models import Organisation
from duban.commons.register import queries, roster
from duban.commons.register.forms import LookForm, RosterForm
from duban.commons.register.queries import ROSTERS
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import refuse
from duban.core.tables import parse_moment

KEEPING = ("end", "role", "forget")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_who(ROSTERS)
def roster_page(request: StaffRequest, organisation_id: uuid.UUID) -> HttpResponse:
    """The roster; what is done to it is named by `do`."""
    one = roster.for_roster(request.user, organisation_id)
    if request.method != "POST":
        return _page(request, one)
    do = request.POST.get("do", "")
    if do == "open":
        return _opened(request, one)
    if do == "add":
        return _added(request, one)
    if do not in KEEPING:
        return redirect("commons:roster", one.pk)
    try:
        messages.success(request, _kept_up(request, do))
    except DubanError as refusal:
        return _page(request, one, refusal=refusal)
    return redirect("commons:roster", one.pk)


def _opened(request: StaffRequest, one: Organisation) -> HttpResponse:
    form = LookForm(request.POST)
    people = None
    if form.is_valid():
        try:
            people = roster.open_roster(
                by=request.user, now=clock.now(), organisation_id=one.pk, purpose=form.cleaned_data["purpose"]
            )
        except DubanError as refusal:
            refuse(form, refusal)
    return _page(request, one, look_form=form, people=people)


def _added(request: StaffRequest, one: Organisation) -> HttpResponse:
    form = RosterForm(request.POST)
    if form.is_valid():
        try:
            drafts = roster.read_roster(form.cleaned_data["members"])
            made = roster.add_members(by=request.user, now=clock.now(), organisation_id=one.pk, drafts=drafts)
        except DubanError as refusal:
            refuse(form, refusal)
        else:
            said = ngettext("%(n)d person was added.", "%(n)d people were added.", len(made)) % {"n": len(made)}
            messages.success(request, said)
            return redirect("commons:roster", one.pk)
    return _page(request, one, roster_form=form)


def _kept_up(request: StaffRequest, do: str) -> str:
    now, number = clock.now(), request.POST.get("member", "")
    member = int(number) if number.isascii() and number.isdecimal() and len(number) < 18 else 0
    moment = parse_moment(request.POST.get("on", "").strip())
    step: dict[str, Any] = {"by": request.user, "now": now, "member_id": member}
    on = moment.date() if moment else timezone.localdate(now)
    if do == "end":
        roster.end_member(**step, on=on)
        return _("They have left; their row stands below.")
    if do == "role":
        roster.change_role(**step, role=request.POST.get("role", ""), on=on)
        return _("Saved.")
    roster.forget_member(**step)
    return _("What was kept of them is deleted.")


def _page(
    request: StaffRequest,
    one: Organisation,
    *,
    look_form: LookForm | None = None,
    roster_form: RosterForm | None = None,
    people: list[roster.Member] | None = None,
    refusal: DubanError | None = None,
) -> HttpResponse:
    opened = people is not None
    there = [member for member in people if member.until is None] if people is not None else roster.roster_of(one)
    gone = [member for member in people if member.until] if people is not None else roster.roster_of(one, gone=True)
    wrong = refusal is not None or any(form is not None and form.errors for form in (look_form, roster_form))
    context = {
        "organisation": one,
        "there": there,
        "gone": gone,
        "opened": opened,
        "may_edit": queries.may_edit(request.user, one),
        "look_form": look_form or LookForm(),
        "roster_form": roster_form or RosterForm(),
        "looks": roster.looks_at(one),
        "today": timezone.localdate(clock.now()),
        "refusal": refusal,
    }
    status = (refusal.status if refusal else 400) if wrong else 200
    return render(request, "commons/roster.html", context, status=status)


urls = [path("organisations/<uuid:organisation_id>/roster/", roster_page, name="roster")]
