"""Growth: who of an area stands where, which slots are empty, and one organisation's growth with what may be done."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.commons.growth import actions, course_pages, figures_pages, overview, queries, service_pages
from duban.commons.growth.forms import BrandForm, PartyForm, PurposeForm, StageForm
from duban.commons.models import DocumentKind, Milestone, Organisation, OrganisationKind, Party
from duban.commons.register.documents import PERSONAL
from duban.commons.register.filters import Filters, write_filters
from duban.commons.register.paging import COUNTED, NOTHING, page_of
from duban.commons.register.queries import EDITS, SEES, area_choices, may_edit, organisation_for
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import refuse
from duban.core.paging import count_of
from duban.core.text import is_plain
from duban.evidence.responses import photo_response
from duban.places import queries as places
from duban.places.codes import BadCode, normalise_code

SHOWN, DOCUMENTS = 10, 50
DONE: dict[str, Promise] = {
    "stage": gettext_lazy("The stage is written down."),
    "purpose": gettext_lazy("The purpose is written down."),
    "brand": gettext_lazy("The name it is known by is written down."),
    "party": gettext_lazy("The slot is written down."),
}


# ---- an area --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """The area that the address asks for, within what the person sees."""

    area: str
    name: str
    codes: list[str]
    refusal: DubanError | None = None


def asked_area(request: StaffRequest) -> Asked:
    """`?area=`: everything in sight if nothing is said, or if what is said is no code, which the page then tells."""
    codes = rights.codes(request.user, SEES)
    said = request.GET.get("area", "").strip()
    if not said:
        return Asked("", "", codes)
    try:
        area = normalise_code(said, field="area")
    except BadCode as refusal:
        return Asked("", "", codes, refusal)
    name = places.names([area]).get(area, area)
    return Asked(area, name, overview.overlap(codes, area))


def register_url(area: str, **wanted: str) -> str:
    """The rows of the register behind a number."""
    return f"{reverse('commons:organisations')}?{write_filters(Filters(area=area, **wanted))}"


@require_safe
@person_who(SEES)
def growth_page(request: StaffRequest) -> HttpResponse:
    """Who stands where, empty slots, brands, courses, and milestones that are late; each number opens its rows."""
    person, today = request.user, timezone.localdate(clock.now())
    asked = asked_area(request)
    found = overview.growth_in(asked.codes)
    late = queries.late_milestones(asked.codes, today)
    context = {
        "area": asked.area,
        "areas": area_choices(person, SEES, asked.area),
        "refusal": asked.refusal,
        "found": found,
        "stages": [_stage_shown(line, asked.area) for line in (*found.stages, found.federations)],
        "parties": [
            (party.label, queries.PARTY_DOES[party], n, _own_url("commons:growth_slots", asked.area, party=party))
            for party, n in found.empty.items()
        ],
        "turned_url": register_url(asked.area, turned="1", purpose="self_governance"),
        "studios_url": register_url(asked.area, kind="studio"),
        "brands_url": _own_url("commons:growth_brands", asked.area),
        "late": list(late[:SHOWN]),
        "late_count": late.count(),
        "late_url": _own_url("commons:services", asked.area, show="late"),
        "courses": list(queries.courses_in(asked.codes)[:SHOWN]),
        "may_edit": bool(rights.codes(person, EDITS)),
    }
    status = asked.refusal.status if asked.refusal else 200
    return render(request, "commons/growth_overview.html", context, status=status)


def _stage_shown(line: overview.StageLine, area: str) -> dict[str, Any]:
    which = {"kind": line.key} if line.key == OrganisationKind.FEDERATION else {"stage": line.key}
    return {
        "line": line,
        "url": register_url(area, **which),
        "short_url": register_url(area, slots="empty", **which),
    }


def _own_url(name: str, area: str, **said: str) -> str:
    query = urlencode({key: value for key, value in {"area": area, **said}.items() if value})
    return f"{reverse(name)}?{query}" if query else reverse(name)


@require_safe
@person_who(SEES)
def slots_page(request: StaffRequest) -> HttpResponse:
    """The organisations whose slot for one party is empty."""
    asked = asked_area(request)
    party = request.GET.get("party", Party.LEADS)
    if party not in Party.values:
        raise Http404(party)
    title = _("Nobody %(party)s yet") % {"party": Party(party).label}
    found = overview.lacking(asked.codes, party)
    chips = [
        (other.label, _own_url("commons:growth_slots", asked.area, party=other), other == party) for other in Party
    ]
    return _list_page(request, asked, found, title, chips, party=party)


@require_safe
@person_who(SEES)
def brands_page(request: StaffRequest) -> HttpResponse:
    """The organisations that are known by a name of their own."""
    asked = asked_area(request)
    return _list_page(request, asked, overview.branded(asked.codes), _("Brands"), [])


def _list_page(
    request: StaffRequest,
    asked: Asked,
    found: QuerySet[Organisation],
    title: str,
    chips: Sequence[tuple[str | Promise, str, bool]],
    **said: str,
) -> HttpResponse:
    refusal = asked.refusal
    page, total = NOTHING, count_of(found, COUNTED)
    try:
        page = page_of(found, "", request.GET.get("cursor", ""))
    except DubanError as wrong:
        refusal = wrong
    names = places.names({one.jurisdiction for one in page.organisations})
    here = request.resolver_match.view_name if request.resolver_match else ""
    context = {
        "title": title,
        "area": asked.area,
        "area_name": asked.name,
        "refusal": refusal,
        "chips": chips,
        "rows": [(one, names.get(one.jurisdiction, one.jurisdiction)) for one in page.organisations],
        "total": total,
        "later": _own_url(here, asked.area, cursor=page.later, **said) if page.later else "",
        "earlier": _own_url(here, asked.area, cursor=page.earlier, **said) if page.earlier else "",
    }
    return render(request, "commons/growth_list.html", context, status=refusal.status if refusal else 200)


# ---- one organisation -----------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(SEES)
def organisation_growth(request: StaffRequest, organisation_id: uuid.UUID) -> HttpResponse:
    """How one organisation grew; who keeps the register writes down what became of it."""
    person, now, status = request.user, clock.now(), 200
    organisation = organisation_for(person, organisation_id)
    step = request.POST.get("step", "") if request.method == "POST" else ""
    if request.method == "POST":
        rights.require(person, EDITS, organisation.jurisdiction)
    forms = _forms(request, organisation, step)
    if request.method == "POST":
        form = forms.get(step)
        if form is None:
            raise actions.BadGrowth("unknown_step", _("This page takes a stage, a purpose, a name or a slot."))
        if form.is_valid():
            try:
                _take(person, now, organisation_id, step, form)
            except DubanError as refusal:
                if refusal.status in (403, 404):
                    raise
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, str(DONE[step]))
                return redirect("commons:growth_organisation", organisation_id)
        else:
            status = 400
    context = {
        "organisation": organisation,
        "growth": queries.growth_of(organisation),
        "place": places.names([organisation.jurisdiction]).get(organisation.jurisdiction, organisation.jurisdiction),
        "may_edit": may_edit(person, organisation) and organisation.dissolved_on is None,
        "forms": forms,
        "step": step,
    }
    return render(request, "commons/growth_organisation.html", context, status=status)


def _forms(request: StaffRequest, organisation: Organisation, step: str) -> dict[str, Any]:
    """The forms of the page; the one that was sent holds what was typed."""
    today = timezone.localdate(clock.now())
    documents = organisation.documents.exclude(kind=DocumentKind.ROSTER).order_by("-at", "-pk")
    choices = list(documents.values_list("digest", "name")[:DOCUMENTS])
    common: dict[str, Any] = {"organisation": organisation, "today": today}

    def sent(which: str) -> Any:
        return request.POST if step == which else None

    def files(which: str) -> Any:
        return request.FILES if step == which else None

    return {
        "stage": StageForm(sent("stage"), files("stage"), documents=choices, **common),
        "purpose": PurposeForm(sent("purpose"), files("purpose"), documents=choices, **common),
        "brand": BrandForm(sent("brand"), **common),
        "party": PartyForm(sent("party"), today=today, party=request.GET.get("party", "")),
    }


def _take(person: Person, now: datetime, organisation_id: uuid.UUID, step: str, form: Any) -> None:
    said: dict[str, Any] = form.cleaned_data
    common: dict[str, Any] = {"by": person, "now": now, "organisation_id": organisation_id}
    match step:
        case "stage":
            with form.shown_by(person, now) as evidence:
                actions.set_stage(stage=said["stage"], on=said["on"], evidence=evidence, note=said["note"], **common)
        case "purpose":
            with form.shown_by(person, now) as evidence:
                actions.turn_purpose(
                    purpose=said["purpose"], on=said["on"], evidence=evidence, note=said["note"], **common
                )
        case "brand":
            actions.name_brand(brand=said["brand"], on=said["on"], **common)
        case "party" if said["unit"].strip():
            actions.fill_party(party=said["party"], unit=said["unit"], since=said["since"], **common)
        case "party":
            actions.leave_party(party=said["party"], until=said["since"], **common)


@require_GET
@person_who(SEES)
def evidence(request: StaffRequest, organisation_id: uuid.UUID, proof: str, variant: str) -> HttpResponseBase:
    """What shows how far the organisation has come, or that a milestone was met: a photo, or one of its files."""
    organisation = organisation_for(request.user, organisation_id)
    shown = is_plain(proof) and (
        organisation.life.filter(evidence=proof).exists()
        or Milestone.objects.filter(service__organisation=organisation, evidence=proof).exists()
    )
    if not shown:
        raise Http404(proof)
    # A file may lie there twice, and the more open one is taken; where it is opened, that is written down.
    files = sorted(organisation.documents.filter(digest=proof), key=lambda one: one.kind in PERSONAL)
    if files:
        return redirect("commons:organisation_file", organisation.pk, files[0].pk)
    return photo_response(request, proof, variant)


urls = [
    path("growth/", growth_page, name="growth"),
    path("growth/slots/", slots_page, name="growth_slots"),
    path("growth/brands/", brands_page, name="growth_brands"),
    path("growth/<uuid:organisation_id>/", organisation_growth, name="growth_organisation"),
    path("growth/<uuid:organisation_id>/evidence/<str:proof>/<str:variant>/", evidence, name="growth_evidence"),
    *course_pages.urls,
    *service_pages.urls,
    *figures_pages.urls,
]
