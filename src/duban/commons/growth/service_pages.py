"""Purchased services: all of an area, those that are late first to hand, and one with its milestones."""

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef, Prefetch
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.commons.growth import actions, overview, queries
from duban.commons.growth.course_pages import MOST_PAGES, PAGE, page_number
from duban.commons.growth.forms import MeetForm, MilestoneForm, ServiceForm, read_milestones
from duban.commons.models import DocumentKind, Milestone, Service
from duban.commons.register.actions import require_standing
from duban.commons.register.queries import EDITS, SEES, organisation_for
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import refuse
from duban.places import queries as places
from duban.places.codes import BadCode, normalise_code

DOCUMENTS = 50


@require_safe
@person_who(SEES)
def service_list(request: StaffRequest) -> HttpResponse:
    """Every service in sight with how many of its milestones are met; `?show=late` those with a late one."""
    today = timezone.localdate(clock.now())
    codes, area, refusal = rights.codes(request.user, SEES), "", None
    if said := request.GET.get("area", "").strip():
        try:
            area = normalise_code(said, field="area")
            codes = overview.overlap(codes, area)
        except BadCode as wrong:
            refusal = wrong
    late_only = request.GET.get("show", "") == "late"
    found = queries.services_in(codes)
    if late_only:
        late = Milestone.objects.filter(service=OuterRef("pk"), met_on=None, due_on__lt=today)
        found = found.filter(Exists(late))
    page = page_number(request.GET.get("page", ""))
    milestones = Prefetch("milestones", Milestone.objects.order_by("due_on", "pk"))
    rows = list(found.prefetch_related(milestones)[(page - 1) * PAGE : page * PAGE + 1])
    more, rows = len(rows) > PAGE, rows[:PAGE]
    names = places.names({one.organisation.jurisdiction for one in rows})
    here = f"{'show=late&' if late_only else ''}{f'area={area}&' if area else ''}"
    context = {
        "rows": [
            (queries.service_shown(one, one.milestones.all(), today), names.get(one.organisation.jurisdiction, ""))
            for one in rows
        ],
        "late_only": late_only,
        "chips": [
            (_("all"), f"?{f'area={area}' if area else ''}", not late_only),
            (_("with a late milestone"), f"?show=late{f'&area={area}' if area else ''}", late_only),
        ],
        "area_name": places.names([area]).get(area, area) if area else "",
        "newer": f"?{here}page={page - 1}" if page > 1 else "",
        "older": f"?{here}page={page + 1}" if more and page < MOST_PAGES else "",
        "refusal": refusal,
    }
    return render(request, "commons/services.html", context, status=refusal.status if refusal else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(EDITS)
def service_add(request: StaffRequest, organisation_id: uuid.UUID) -> HttpResponse:
    """A service that somebody buys of this organisation, with its milestones."""
    person, status = request.user, 200
    organisation = organisation_for(person, organisation_id)
    rights.require(person, EDITS, organisation.jurisdiction)
    require_standing(organisation)
    today = timezone.localdate(clock.now())
    form = ServiceForm(request.POST if request.method == "POST" else None, today=today)
    if request.method == "POST":
        if form.is_valid():
            said = form.cleaned_data
            try:
                made = actions.sign_service(
                    by=person, now=clock.now(), organisation_id=organisation_id, name=said["name"],
                    buyer=said["buyer"], amount=said["amount"], signed_on=said["signed_on"],
                    milestones=read_milestones(said["milestones"]), service_id=said["id"],
                )  # fmt: skip
                return redirect("commons:service", made.pk)
            except DubanError as refusal:
                if refusal.status in (403, 404):
                    raise
                refuse(form, refusal)
                status = refusal.status
        else:
            status = 400
    return render(request, "commons/service_add.html", {"organisation": organisation, "form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(SEES)
def service_page(request: StaffRequest, service_id: uuid.UUID) -> HttpResponse:
    """What was bought, its milestones with what shows that they were met, and for who keeps organisations: the next."""
    person, status, now = request.user, 200, clock.now()
    service = queries.service_for(person, service_id)
    organisation, today = service.organisation, timezone.localdate(now)
    edits = rights.may(person, EDITS, organisation.jurisdiction) and organisation.dissolved_on is None
    if request.method == "POST":
        rights.require(person, EDITS, organisation.jurisdiction)
    step = request.POST.get("step", "") if request.method == "POST" else ""
    adding = MilestoneForm(request.POST if step == "milestone" else None, today=today)
    documents = list(
        organisation.documents.exclude(kind=DocumentKind.ROSTER).order_by("-at", "-pk").values_list("digest", "name")
    )[:DOCUMENTS]

    def meeting(milestone: Milestone) -> MeetForm:
        prefix = f"meet-{milestone.pk}"
        sent = (request.POST, request.FILES) if step == prefix else (None, None)
        return MeetForm(*sent, documents=documents, today=today, prefix=prefix)

    shown = queries.service_shown(service, list(service.milestones.order_by("due_on", "pk")), today)
    lines = [
        {"shown": one, "form": meeting(one.milestone) if edits and one.milestone.met_on is None else None}
        for one in shown.milestones
    ]
    if request.method == "POST":
        sent: Any = adding if step == "milestone" else _sent(lines, step)
        if sent.is_valid():
            try:
                _take(person, service, step, sent)
                messages.success(request, _("It is written down."))
                return redirect("commons:service", service_id)
            except DubanError as refusal:
                if refusal.status in (403, 404):
                    raise
                refuse(sent, refusal)
                status = refusal.status
        else:
            status = 400
    context = {
        "service": service,
        "organisation": organisation,
        "shown": shown,
        "lines": lines,
        "adding": adding if edits else None,
        "step": step,
        "growth_url": reverse("commons:growth_organisation", args=[organisation.pk]),
    }
    return render(request, "commons/service.html", context, status=status)


def _sent(lines: list[dict[str, Any]], step: str) -> MeetForm:
    """The form of the milestone that was sent; raises BadGrowth (`milestone_met`) where there is none to meet."""
    for line in lines:
        if line["form"] is not None and line["form"].prefix == step:
            return line["form"]
    raise actions.BadGrowth("milestone_met", _("This milestone is met already, or is none of this service."))


def _take(person: Person, service: Service, step: str, form: Any) -> None:
    said, now = form.cleaned_data, clock.now()
    if step == "milestone":
        draft = actions.MilestoneDraft(said["name"], said["due_on"])
        actions.add_milestone(by=person, now=now, service_id=service.pk, draft=draft)
        return
    with form.shown_by(person, now) as evidence:
        actions.meet_milestone(
            by=person, now=now, milestone_id=int(step.removeprefix("meet-")), met_on=said["met_on"], evidence=evidence
        )


urls = [
    path("services/", service_list, name="services"),
    path("services/add/<uuid:organisation_id>/", service_add, name="service_add"),
    path("services/<uuid:service_id>/", service_page, name="service"),
]
