"""Decisions on the desk: which are seen through and which are not, and one with the work that carries it out."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError, NotFound
from duban.core.forms import NeededField, refuse
from duban.decisions import actions
from duban.decisions.models import Decision, DecisionState, MeetingState
from duban.decisions.queries import SEES, SEES_LED, decision_for, decisions_for, meetings_for
from duban.decisions.reminders import mark_read, notices_of, notices_of_decision
from duban.decisions.words import meeting_title
from duban.places import queries as places
from duban.web.decision_work import Offers, change_work, may_link, offers_for, strands_shown
from duban.web.progress import KINDS, Progress, has_work, progress_of

PAGE_SIZE = 30
OFFERED = 20
NOTICES = 20
TOLD = 5
SOON = timedelta(days=7)
UNITS = 200
SHOWS: dict[str, Promise] = {
    "open": pgettext_lazy("decisions", "in force"),
    "late": gettext_lazy("overdue"),
    "soon": gettext_lazy("due within a week"),
    "no_work": gettext_lazy("without work"),
    "wanting": gettext_lazy("overdue or without work"),
    "closed": gettext_lazy("seen through"),
    "all": pgettext_lazy("decisions", "all"),
}


# ---- all decisions --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    decision: Decision
    progress: Progress
    area: str
    late: bool


def asked_for(decisions: QuerySet[Decision], show: str, now: datetime) -> QuerySet[Decision]:
    """Those of one tab of the list."""
    return decisions if show == "all" else decisions.filter(_is_shown(show, now))


def is_late(decision: Decision, now: datetime) -> bool:
    """In force, and its day is over."""
    in_force = decision.state == DecisionState.IN_FORCE
    return in_force and decision.due_on is not None and decision.due_on < timezone.localdate(now)


def _is_shown(show: str, now: datetime) -> Q:
    today = timezone.localdate(now)
    if show == "closed":
        return Q(state=DecisionState.CLOSED)
    in_force = Q(state=DecisionState.IN_FORCE)
    if show == "late":
        return in_force & Q(due_on__lt=today)
    if show == "soon":
        return in_force & Q(due_on__gte=today, due_on__lte=today + SOON)
    if show == "no_work":
        return in_force & ~has_work()
    if show == "wanting":
        return in_force & (Q(due_on__lt=today) | ~has_work())
    return in_force


@require_safe
@person_who(SEES, SEES_LED)
def decision_list(request: StaffRequest) -> HttpResponse:
    """What was decided by unit, day and state, the most urgent first, each with how far its work is."""
    person, now = request.user, clock.now()
    show = request.GET.get("show", "")
    show = show if show in SHOWS else "open"
    mine = decisions_for(person)
    units = _units_of(mine)
    unit = request.GET.get("unit", "")
    unit = unit if unit in dict(units) else ""
    if unit:
        mine = mine.filter(lead_unit=unit)
    counts = mine.order_by().aggregate(
        **{key: Count("pk", filter=_is_shown(key, now)) for key in SHOWS if key != "all"}
    )
    found = asked_for(mine, show, now)
    order = ["-closed_at"] if show == "closed" else [F("due_on").asc(nulls_last=True), "-meeting__at", "position"]
    number = _page_number(request.GET.get("page", ""))
    rows = list(found.order_by(*order, "pk")[(number - 1) * PAGE_SIZE : number * PAGE_SIZE + 1])
    more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    progress = progress_of(rows, now, reader=person)
    names = places.names({one.jurisdiction for one in rows})
    context = {
        "show": show,
        "tabs": [(key, word, counts.get(key)) for key, word in SHOWS.items()],
        "unit": unit,
        "units": units,
        "lines": [
            Line(
                one,
                progress[one.pk],
                names.get(one.jurisdiction, one.jurisdiction),
                is_late(one, now),
            )
            for one in rows
        ],
        "older": _address(show, unit, number + 1) if more else "",
        "newer": _address(show, unit, number - 1) if number > 1 else "",
        "told": list(notices_of(person)[:TOLD]),
        "may_record": bool(rights.codes(person, actions.RECORDS)),
        "sees_meetings": bool(rights.codes(person, SEES)),
    }
    return render(request, "web/decisions.html", context)


def _units_of(decisions: QuerySet[Decision]) -> list[tuple[str, str]]:
    names = decisions.exclude(lead_unit="").order_by("lead_unit").values_list("lead_unit", flat=True).distinct()
    return [(name, name) for name in names[:UNITS]]


def _address(show: str, unit: str, page: int) -> str:
    said = {"show": show, "unit": unit, "page": page}
    return "?" + urlencode({name: value for name, value in said.items() if value})


def _page_number(text: str) -> int:
    return max(int(text), 1) if text.isascii() and text.isdecimal() and len(text) < 5 else 1


# ---- forms ----------------------------------------------------------------------------------------------------------


class LinkForm(forms.Form):
    """An entry by its number, or other work from a list."""

    use_required_attribute = False

    number = forms.CharField(
        label=gettext_lazy("Number of an entry"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    work = forms.CharField(label=gettext_lazy("Or other work"), required=False, widget=forms.Select)

    def __init__(self, data: Any = None, *, offers: Offers):
        super().__init__(data)
        self.fields["work"].widget.choices = [("", _("choose …")), *offers]


class CloseForm(forms.Form):
    use_required_attribute = False

    report = NeededField(label=gettext_lazy("Closing report"), widget=forms.Textarea(attrs={"rows": 5}))
    reported_to = forms.CharField(
        label=gettext_lazy("Put to the meeting"), required=False, widget=forms.Select(choices=[])
    )

    def __init__(self, data: Any = None, *, meetings: list[tuple[str, str]]):
        super().__init__(data)
        self.fields["reported_to"].widget.choices = [("", _("to no meeting")), *meetings]


class WithdrawForm(forms.Form):
    use_required_attribute = False

    reason = NeededField(label=gettext_lazy("Why it holds no more"), widget=forms.Textarea(attrs={"rows": 3}))


# ---- one decision ---------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES, SEES_LED)
def decision_page(request: StaffRequest, decision_id: uuid.UUID) -> HttpResponse:
    """What was decided, the work that carries it out, who was reminded, and what it came to."""
    decision = decision_for(request.user, decision_id)
    mark_read(by=request.user, now=clock.now(), decision_id=decision.pk)
    return _page(request, decision)


def _page(request: StaffRequest, decision: Decision, *, status: int = 200, **more: Any) -> HttpResponse:
    person, now = request.user, clock.now()
    progress = progress_of([decision], now, reader=person)[decision.pk]
    records = rights.may(person, actions.RECORDS, decision.meeting.body.jurisdiction)
    in_force = decision.state == DecisionState.IN_FORCE
    links = in_force and any(may_link(person, kind, records) for kind in KINDS)
    names = places.names([decision.jurisdiction])
    context: dict[str, Any] = {
        "decision": decision,
        "meeting": decision.meeting,
        "area": names.get(decision.jurisdiction, decision.jurisdiction),
        "progress": progress,
        "strands": strands_shown(person, decision, progress, now),
        "late": is_late(decision, now),
        "in_force": in_force,
        "records": records and in_force,
        "may_link": links,
        "link_form": LinkForm(offers=offers_for(person, records=records)) if links else None,
        "close_form": CloseForm(meetings=_later_meetings(person, decision)) if records and in_force else None,
        "withdraw_form": WithdrawForm() if records and in_force else None,
        "notices": list(notices_of_decision(decision)[:NOTICES]) if records else [],
        "sees_meetings": rights.may(person, SEES, decision.meeting.body.jurisdiction),
    }
    return render(request, "web/decision.html", context | more, status=status)


def _later_meetings(person: Person, decision: Decision) -> list[tuple[str, str]]:
    """The body's meetings after the one that decided, to which the report can be put."""
    body = decision.meeting.body_id
    found = meetings_for(person).filter(body=body, number__gt=decision.meeting.number)
    found = found.exclude(state=MeetingState.CANCELLED).order_by("number")[:OFFERED]
    return [(str(one.pk), meeting_title(one)) for one in found]


def decision_to_link(person: Person, decision_id: uuid.UUID) -> tuple[Decision, bool]:
    """The decision, and whether the person records it; raises NotAllowed for who links no kind of work."""
    decision = decision_for(person, decision_id)
    place = decision.meeting.body.jurisdiction
    records = rights.may(person, actions.RECORDS, place)
    if not any(may_link(person, kind, records) for kind in KINDS):
        rights.require(person, actions.RECORDS, place)
    return decision, records


@require_POST
@person_who(SEES, SEES_LED)
def link(request: StaffRequest, decision_id: uuid.UUID) -> HttpResponse:
    """Link an entry by its number, or the work chosen from the list."""
    person = request.user
    decision, records = decision_to_link(person, decision_id)
    form = LinkForm(request.POST, offers=offers_for(person, records=records))
    form.is_valid()
    said = {name: form.cleaned_data.get(name, "") for name in ("number", "work")}
    try:
        change_work(person, decision, **said, linked=True, now=clock.now())
    except DubanError as refusal:
        refuse(form, refusal)
        return _page(request, decision, status=refusal.status, link_form=form)
    messages.success(request, _("The work is linked."))
    return redirect("web:decision", decision.pk)


@require_POST
@person_who(SEES, SEES_LED)
def unlink(request: StaffRequest, decision_id: uuid.UUID) -> HttpResponse:
    """Take a piece of work from the decision; it goes on by itself."""
    person = request.user
    decision, _records = decision_to_link(person, decision_id)
    try:
        change_work(person, decision, work=request.POST.get("work", ""), linked=False, now=clock.now())
    except DubanError as refusal:
        messages.error(request, f"{refusal} ({refusal.code})")
    else:
        messages.success(
            request, _("The work does not carry this decision out any more. Linking it again undoes that.")
        )
    return redirect("web:decision", decision.pk)


@require_POST
@person_who(SEES)
def close(request: StaffRequest, decision_id: uuid.UUID) -> HttpResponse:
    """The closing report, and the meeting that it is put to."""
    person = request.user
    decision = decision_for(person, decision_id)
    form = CloseForm(request.POST, meetings=_later_meetings(person, decision))
    if not form.is_valid():
        rights.require(person, actions.RECORDS, decision.meeting.body.jurisdiction)
        return _page(request, decision, status=400, close_form=form)
    try:
        actions.close_decision(
            by=person,
            now=clock.now(),
            decision_id=decision.pk,
            report=form.cleaned_data["report"],
            reported_to=_meeting_id(form.cleaned_data["reported_to"]),
        )
    except DubanError as refusal:
        refuse(form, refusal)
        return _page(request, decision, status=refusal.status, close_form=form)
    messages.success(request, _("The decision is seen through; its report is on the books."))
    return redirect("web:decision", decision.pk)


def _meeting_id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError as error:
        raise NotFound("meeting_not_found", _("There is no such meeting, or it is not yours to see.")) from error


@require_POST
@person_who(SEES)
def withdraw(request: StaffRequest, decision_id: uuid.UUID) -> HttpResponse:
    """The decision holds no more, and why."""
    decision = decision_for(request.user, decision_id)
    form = WithdrawForm(request.POST)
    if not form.is_valid():
        rights.require(request.user, actions.RECORDS, decision.meeting.body.jurisdiction)
        return _page(request, decision, status=400, withdraw_form=form)
    try:
        actions.withdraw_decision(
            by=request.user, now=clock.now(), decision_id=decision.pk, reason=form.cleaned_data["reason"]
        )
    except DubanError as refusal:
        refuse(form, refusal)
        return _page(request, decision, status=refusal.status, withdraw_form=form)
    messages.success(request, _("The decision is withdrawn."))
    return redirect("web:decision", decision.pk)


urls = [
    path("decisions/", decision_list, name="decisions"),
    path("decisions/<uuid:decision_id>/", decision_page, name="decision"),
    path("decisions/<uuid:decision_id>/link/", link, name="decision_link"),
    path("decisions/<uuid:decision_id>/unlink/", unlink, name="decision_unlink"),
    path("decisions/<uuid:decision_id>/close/", close, name="decision_close"),
    path("decisions/<uuid:decision_id>/withdraw/", withdraw, name="decision_withdraw"),
]
