"""The reviewer's desk: what was sent to be filed, beside what is on the register already, and what comes of it."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.dateparse import parse_date
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from duban.access.requests import StaffRequest, person_who
from duban.commons.models import Application, ApplicationState, OrganisationKind, Tier
from duban.commons.notices import mark_read
from duban.commons.register import filing, queries
from duban.commons.register.forms import DecisionForm
from duban.commons.register.queries import REVIEWS, look_alikes
from duban.commons.register.roster import masked
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import refuse
from duban.places import queries as places

PAGE_SIZE = 50


@require_safe
@never_cache
@person_who(REVIEWS)
def applications(request: StaffRequest) -> HttpResponse:
    """Those of the person's area in one state, what waits longest first; what was decided, the newest first."""
    state = request.GET.get("state", ApplicationState.SENT)
    state = state if state in ApplicationState.values else ApplicationState.SENT
    found = filing.applications_for(request.user).filter(state=state)
    if state != ApplicationState.SENT:
        found = found.order_by("-reviewed_at", "-pk")
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    names = places.names({made.jurisdiction for made in page})
    categories = queries.category_names()
    rows = [
        {
            "application": made,
            "place": names.get(made.jurisdiction, made.jurisdiction),
            "category": categories.get(made.facts["category"], ""),
            "kind": OrganisationKind(made.facts["kind"]).label,
        }
        for made in page
    ]
    context = {"rows": rows, "page": page, "state": state, "states": ApplicationState.choices}
    return render(request, "commons/applications.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_who(REVIEWS)
def application(request: StaffRequest, application_id: uuid.UUID) -> HttpResponse:
    """One of them; what is done with it is named by `do`."""
    made = filing.application_for(request.user, application_id)
    if request.method != "POST":
        mark_read(by=request.user, now=clock.now(), of=made)
        return _page(request, made)
    do = request.POST.get("do", "")
    if do == "open":
        told = filing.open_application(by=request.user, now=clock.now(), application_id=made.pk)
        return _page(request, made, told=told)
    if do == "file":
        return _filed(request, made)
    form = DecisionForm(request.POST)
    if do in {"return", "refuse"} and form.is_valid():
        decide = filing.return_application if do == "return" else filing.refuse_application
        try:
            decide(
                by=request.user, now=clock.now(), application_id=made.pk, reasons=form.cleaned_data["reasons"],
                seen=form.cleaned_data["seen"],
            )  # fmt: skip
        except DubanError as refusal:
            refuse(form, refusal)
        else:
            said = _("Returned with your reasons.") if do == "return" else _("Refused with your reasons.")
            messages.success(request, said)
            return redirect("commons:applications")
    return _page(request, made, form=form)


def _filed(request: StaffRequest, made: Application) -> HttpResponse:
    text = request.POST.get("into", "")
    try:
        into = uuid.UUID(text) if text else None
    except ValueError:
        into = uuid.UUID(int=0)
    try:
        one = filing.file_application(
            by=request.user, now=clock.now(), application_id=made.pk, seen=request.POST.get("seen", ""), into=into
        )
    except DubanError as refusal:
        return _page(request, made, refusal=refusal)
    messages.success(request, _("Filed under the number %(number)s.") % {"number": one.filing_number})
    return redirect("commons:organisation", one.pk)


def _page(
    request: StaffRequest,
    made: Application,
    *,
    told: filing.Told | None = None,
    form: DecisionForm | None = None,
    refusal: DubanError | None = None,
) -> HttpResponse:
    opened, shown = told is not None, told or filing.told_of(made)
    roster = [(member.name, member.phone, member.role) for member in shown.roster]
    applicant = shown.applicant
    if not opened:
        roster = [(hidden.name, hidden.phone, role) for hidden, role in _masked(shown)]
        applicant = masked(shown.applicant) if shown.applicant.name else shown.applicant
    waits = made.state == ApplicationState.SENT
    alike = look_alikes(made.name, made.jurisdiction) if waits else []
    context: dict[str, Any] = {
        "application": made,
        "place": places.names([made.jurisdiction]).get(made.jurisdiction, made.jurisdiction),
        "category": queries.category_names().get(made.facts["category"], made.facts["category"]),
        "kind": OrganisationKind(made.facts["kind"]).label,
        "founded": parse_date(made.facts["founded"]) if made.facts["founded"] else None,
        "applicant": applicant,
        "roster": roster,
        "opened": opened,
        "charter": shown.charter.get("name", ""),
        "waits": waits,
        "decidable": made.state in filing.STEPS["refuse"],
        "alike": [offer for offer in alike if queries.may_see(request.user, offer.organisation)],
        "joinable": [
            offer.organisation
            for offer in alike
            if offer.organisation.tier == Tier.GUIDED
            and not offer.organisation.filing_number
            and offer.organisation.dissolved_on is None
            and queries.may_edit(request.user, offer.organisation)
        ],
        "twin": any(offer.same and offer.organisation.dissolved_on is None for offer in alike),
        "mark": filing.mark_of(made),
        "form": form or DecisionForm(initial={"seen": filing.mark_of(made)}),
        "refusal": refusal,
    }
    status = refusal.status if refusal else 400 if form is not None else 200
    return render(request, "commons/application.html", context, status=status)


def _masked(told: filing.Told) -> list[tuple[filing.Contact, str]]:
    return [(masked(filing.Contact(member.name, member.phone)), member.role) for member in told.roster]


@require_safe
@never_cache
@person_who(REVIEWS)
def charter(request: StaffRequest, application_id: uuid.UUID) -> HttpResponse:
    """The charter that came with it; that it was taken is written down."""
    name, data = filing.take_charter(by=request.user, now=clock.now(), application_id=application_id)
    response = HttpResponse(data, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


urls = [
    path("applications/", applications, name="applications"),
    path("applications/<uuid:application_id>/", application, name="application"),
    path("applications/<uuid:application_id>/charter/", charter, name="application_charter"),
]
