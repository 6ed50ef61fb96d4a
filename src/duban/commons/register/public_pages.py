"""The register for anybody: what there is, one organisation, whether a certificate stands, and filing online.

No person is on any of these pages, and no roster's length is taken from one: members are what the register says.
"""

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from duban.commons.growth.queries import growth_of
from duban.commons.guests import count_try, kept_private, require_patience
from duban.commons.models import Application, ApplicationState, Organisation, OrganisationKind, Tier
from duban.commons.register import filing, filters, hsds, queries
from duban.commons.register.certificate import certificate_url, filed_on
from duban.commons.register.documents import LARGEST
from duban.commons.register.forms import ApplicationForm
from duban.commons.register.pages import RowShown, rows_of
from duban.commons.register.paging import COUNTED, NOTHING, page_of
from duban.core import clock
from duban.core.errors import DubanError, NotFound
from duban.core.forms import refuse
from duban.core.paging import Count, count_of
from duban.places import queries as places
from duban.places.codes import LENGTHS
from duban.places.models import Jurisdiction

COUNTY, TOWN = LENGTHS[0], LENGTHS[1]
ASKED = ("text", "area", "tier", "category", "kind")
"""What anybody may filter by."""
PAGE_SIZE = 30
TRIES = "filing"


# ---- the register ---------------------------------------------------------------------------------------------------


@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """Every organisation that is there, by place, tier, category, kind and name."""
    today = timezone.localdate(clock.now())
    categories = queries.category_names()
    refusal, wanted, page, total = None, filters.Filters(), NOTHING, Count(0, False)
    try:
        wanted = _asked(request, categories)
        found = filters.matching(Organisation.objects.all(), wanted, today)
        page = page_of(found, "", request.GET.get("cursor", ""), PAGE_SIZE)
        total = count_of(found, COUNTED)
    except DubanError as wrong:
        refusal = wrong
    areas = towns()
    names = dict(areas) | places.names({one.jurisdiction for one in page.organisations} | {wanted.area})
    rows: list[RowShown] = rows_of(page.organisations, names, categories)
    context = filters_context(wanted, categories, areas, names) | {
        "rows": rows,
        "total": total,
        "earlier": f"?{filters.write_filters(wanted, cursor=page.earlier)}" if page.earlier else "",
        "later": f"?{filters.write_filters(wanted, cursor=page.later)}" if page.later else "",
        "refusal": refusal,
        "section": "organisations",
    }
    return render(request, "neighbours/organisations.html", context, status=refusal.status if refusal else 200)


def _asked(request: HttpRequest, categories: dict[str, str]) -> filters.Filters:
    said = request.GET.copy()
    for name in [name for name in said if name not in ASKED]:
        del said[name]
    return filters.read_filters(said, categories)


def filters_context(
    wanted: filters.Filters, categories: dict[str, str], areas: list[tuple[str, str]], names: dict[str, str]
) -> dict[str, Any]:
    chosen = (
        [] if not wanted.area or wanted.area in dict(areas) else [(wanted.area, names.get(wanted.area, wanted.area))]
    )
    return {
        "filters": wanted,
        "chips": filters.sentence(wanted, categories, names),
        "query": filters.write_filters(wanted),
        "areas": [*areas, *chosen],
        "tiers": Tier.choices,
        "categories": categories.items(),
        "kinds": OrganisationKind.choices,
    }


def towns() -> list[tuple[str, str]]:
    """(code, name) of every street and town on the list."""
    units = Jurisdiction.objects.exclude(kind="county").order_by("code").values_list("code", "name")
    return [(code, name) for code, name in units.filter(parent_code__in=_counties()) if len(code) == TOWN]


def _counties() -> list[str]:
    return list(Jurisdiction.objects.filter(parent_code="").values_list("code", flat=True))


@require_safe
def public_organisation(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """One of them: what it is and does, how it grew, and nobody's name."""
    one = queries.public_organisation(public_id)
    areas = list(one.areas.order_by("code").values_list("code", flat=True))
    names = places.names({one.jurisdiction, one.town, *areas})
    context = {
        "organisation": one,
        "category": queries.category_names().get(one.category_id, one.category.name),
        "place": names.get(one.jurisdiction, one.jurisdiction),
        "town": names.get(one.town, one.town) if one.town != one.jurisdiction else "",
        "areas": [names.get(code, code) for code in areas],
        "growth": growth_of(one),
        "public": True,
        "certificate": certificate_url(one) if one.tier == Tier.FILED and one.filing_number else "",
        "section": "organisations",
    }
    return render(request, "neighbours/organisation.html", context)


@require_safe
@never_cache
def certificate(request: HttpRequest, filing_token: str) -> HttpResponse:
    """Whether the filing that a certificate tells of still stands."""
    one = queries.organisation_of_certificate(filing_token)
    names = places.names([one.jurisdiction, one.town])
    context = {
        "organisation": one,
        "stands": one.dissolved_on is None and one.tier == Tier.FILED and bool(one.filing_number),
        "filed_on": filed_on(one),
        "place": names.get(one.jurisdiction, one.jurisdiction),
        "office": names.get(one.town, one.town),
    }
    response = render(request, "neighbours/filing_certificate.html", context)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@require_safe
def open_data(request: HttpRequest) -> JsonResponse:
    """The register as Open Referral HSDS, a page of organisations (?page=, ?per_page=), with the filter of the list."""
    wanted = _asked(request, queries.category_names())
    number, size = hsds.read_page(request.GET.get("page", ""), request.GET.get("per_page", ""))
    found = filters.matching(Organisation.objects.all(), wanted, timezone.localdate(clock.now()))
    body = hsds.page_of(found, number=number, size=size, site=settings.DUBAN_SITE_URL)
    return JsonResponse(body, json_dumps_params={"ensure_ascii": False})


# ---- filing online --------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def apply_page(request: HttpRequest) -> HttpResponse:
    """The form, and what it sends; the answer leads to the address that opens the application again."""
    form, status = _form(request), 200
    if request.method == "POST":
        require_patience(request, TRIES)
        status = 400
        if form.is_valid():
            try:
                _made, secret = filing.apply_to_file(
                    now=clock.now(), draft=form.draft(LARGEST), form_id=form.cleaned_data["id"] or uuid.uuid4()
                )
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                count_try(request, TRIES)
                return kept_private(redirect("neighbours:own_application", secret))
    return render(request, "neighbours/apply.html", {"form": form, "section": "organisations"}, status=status)


def _form(request: HttpRequest, initial: dict[str, Any] | None = None) -> ApplicationForm:
    sent = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    bases = queries.bases_within(_counties())
    # A county as a whole is no place for a group of neighbours.
    bases = [(town, [part for part in parts if len(part[0]) >= TOWN]) for town, parts in bases]
    return ApplicationForm(
        *sent, categories=queries.category_names(), bases=[group for group in bases if group[1]], initial=initial
    )


@require_http_methods(["GET", "HEAD", "POST"])
def own_application(request: HttpRequest, application_secret: str) -> HttpResponse:
    """How it stands; where it was returned, the reasons and the form to mend it."""
    made = _opened(request, application_secret)
    mendable = made.state in filing.STEPS["resend"]
    form, status = None, 200
    if mendable:
        form = _form(request, _said(made))
        if request.method == "POST":
            status = 400
            if form.is_valid():
                try:
                    filing.resend_application(now=clock.now(), secret=application_secret, draft=form.draft(LARGEST))
                except DubanError as refusal:
                    refuse(form, refusal)
                    status = refusal.status
                else:
                    return kept_private(redirect("neighbours:own_application", application_secret))
    one = made.organisation
    context = {
        "application": made,
        "secret": application_secret,
        "form": form,
        "mending": status != 200 or made.state == ApplicationState.RETURNED or request.GET.get("mend") == "1",
        "office": places.names([made.town]).get(made.town, made.town),
        "organisation": one,
        "certificate": certificate_url(one) if one else "",
        "address": f"{settings.DUBAN_SITE_URL}{reverse('neighbours:own_application', args=[application_secret])}",
        "charter": filing.told_of(made).charter.get("name", "") if mendable else "",
    }
    return kept_private(render(request, "neighbours/own_application.html", context, status=status))


def _opened(request: HttpRequest, secret: str) -> Application:
    require_patience(request, "application-secret")
    try:
        return filing.application_of(secret)
    except NotFound:
        count_try(request, "application-secret")
        raise


def _said(made: Application) -> dict[str, Any]:
    """What was filled in before; only who holds the secret gets here."""
    told, facts = filing.told_of(made), made.facts
    lines = ["，".join(part for part in (one.name, one.phone, one.role) if part) for one in told.roster]
    return {
        "name": made.name,
        "kind": facts["kind"],
        "category": facts["category"],
        "jurisdiction": made.jurisdiction,
        "founded": parse_date(facts["founded"]) if facts["founded"] else None,
        "about": facts["about"],
        "members": "\n".join(lines),
        "applicant": told.applicant.name,
        "phone": told.applicant.phone,
    }


urls = [
    path("organisations/", register, name="organisations"),
    path("organisations/hsds.json", open_data, name="organisations_hsds"),
    path("organisations/apply/", apply_page, name="apply"),
    path("organisations/applications/<str:application_secret>/", own_application, name="own_application"),
    path("organisations/certificates/<str:filing_token>/", certificate, name="certificate"),
    path("organisations/<uuid:public_id>/", public_organisation, name="organisation"),
]
