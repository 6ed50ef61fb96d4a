"""The page of an organisation: what it is, how it grew, what is due, its files; adding one and changing it."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.safestring import mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.commons.growth.queries import growth_of
from duban.commons.models import ChangeOf, Organisation, OrganisationCategory, OrganisationKind, Tier
from duban.commons.register import actions, certificate, documents, queries
from duban.commons.register.actions import CheckOutcome
from duban.commons.register.forms import (
    AreasForm,
    CheckForm,
    DocumentForm,
    EndForm,
    FederationForm,
    OrganisationForm,
)
from duban.commons.register.queries import EDITS, ROSTERS, SEES, LookAlike, look_alikes, organisation_for
from duban.commons.volunteering.actions import MANAGES as ANNOUNCES
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import refuse
from duban.places import queries as places
from duban.places.codes import LENGTHS

COUNTY = LENGTHS[0]
UNSHOWN = ("check_form", "federation_form", "areas_form")
CHECKS_SHOWN, DOCUMENTS_SHOWN, FEDERATIONS = 5, 100, 300


# ---- adding and changing --------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(EDITS)
def add(request: StaffRequest) -> HttpResponse:
    """The form, and what it records; names much alike in the town are shown once before."""
    status, offers = 200, list[LookAlike]()
    form = _organisation_form(request)
    if request.method == "POST":
        status = 400
        if form.is_valid():
            said = form.cleaned_data
            offers = _offers(request, said["name"], said["jurisdiction"])
            asked = {*request.POST.getlist("offered"), str(said["id"])}
            if {str(offer.organisation.pk) for offer in offers} <= asked:
                try:
                    made = actions.record_organisation(
                        by=request.user, now=clock.now(), draft=form.draft(queries.category_names(), _chinese()),
                        purpose=said["purpose"], organisation_id=said["id"],
                    )  # fmt: skip
                except DubanError as refusal:
                    refuse(form, refusal)
                    status = refusal.status
                else:
                    messages.success(request, _("%(name)s is on the register.") % {"name": made.name})
                    return redirect("commons:organisation", made.pk)
            else:
                status = 200
    context = {"form": form, "offers": offers, "organisation": None}
    return render(request, "commons/organisation_edit.html", context, status=status)


def _offers(request: StaffRequest, name: str, jurisdiction: str) -> list[LookAlike]:
    """What may be the same, of what the person sees; a place that is none is refused when it is recorded."""
    if not jurisdiction.isdecimal():
        return []
    return [offer for offer in look_alikes(name, jurisdiction) if queries.may_see(request.user, offer.organisation)]


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(EDITS)
def edit(request: StaffRequest, organisation_id: uuid.UUID) -> HttpResponse:
    """The form, filled with what the register says."""
    one, status = organisation_for(request.user, organisation_id), 200
    rights.require(request.user, EDITS, one.jurisdiction)
    form = _organisation_form(request, one)
    if request.method == "POST":
        status = 400
        if form.is_valid():
            said = form.cleaned_data
            try:
                actions.change_organisation(
                    by=request.user, now=clock.now(), organisation_id=one.pk,
                    draft=form.draft(queries.category_names(), _chinese(), brand=one.brand),
                    on=said["on"] or timezone.localdate(clock.now()), seen=said["seen"],
                )  # fmt: skip
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("Saved."))
                return redirect("commons:organisation", one.pk)
    context = {"form": form, "offers": [], "organisation": one}
    return render(request, "commons/organisation_edit.html", context, status=status)


def _organisation_form(request: StaffRequest, one: Organisation | None = None) -> OrganisationForm:
    return OrganisationForm(
        request.POST if request.method == "POST" else None,
        categories=queries.category_names(),
        bases=queries.bases_within(rights.codes(request.user, EDITS)),
        now=clock.now(),
        organisation=one,
    )


def _chinese() -> dict[str, str]:
    """What the categories are called on the register, whoever reads the page."""
    return dict(OrganisationCategory.objects.values_list("key", "name"))


# ---- the page -------------------------------------------------------------------------------------------------------


@require_safe
@never_cache
@person_who(SEES)
def organisation(request: StaffRequest, organisation_id: uuid.UUID) -> HttpResponse:
    return _page(request, organisation_for(request.user, organisation_id))


def _page(request: StaffRequest, one: Organisation, forms_said: Mapping[str, Any] | None = None) -> HttpResponse:
    """The page; with the forms that were filled in, where one of them was refused."""
    person, now = request.user, clock.now()
    today = timezone.localdate(now)
    may_edit, may_roster = queries.may_edit(person, one), rights.may(person, ROSTERS, one.jurisdiction)
    areas = list(one.areas.order_by("code").values_list("code", flat=True))
    names = places.names({one.jurisdiction, one.town, *areas})
    checks = one.life.filter(what=ChangeOf.CHECK).order_by("-pk")[:CHECKS_SHOWN]
    bases = queries.bases_within([one.jurisdiction[:COUNTY]]) if may_edit else []
    shown: dict[str, forms.Form] = {}
    if may_edit:
        shown = {
            "check_form": CheckForm(initial={"year": today.year}),
            "end_form": EndForm(initial={"on": today}),
            "federation_form": FederationForm(
                federations=_federations(one), initial={"federation": str(one.federation_id or ""), "on": today}
            ),
            "areas_form": AreasForm(bases=bases, initial={"areas": areas}),
            "document_form": DocumentForm(),
        }
    filed = one.tier == Tier.FILED and bool(one.filing_number)
    federation_seen = one.federation is not None and queries.may_see(person, one.federation)
    context = (
        {
            "organisation": one,
            "category": queries.category_names().get(one.category_id, one.category.name),
            "place": names.get(one.jurisdiction, one.jurisdiction),
            "town": names.get(one.town, one.town) if one.town != one.jurisdiction else "",
            "areas": [names.get(code, code) for code in areas],
            "growth": growth_of(one),
            "may_edit": may_edit,
            "may_roster": may_roster,
            "may_announce": rights.may(person, ANNOUNCES, one.jurisdiction),
            "roster_count": one.roster.filter(until=None).count() if may_roster else 0,
            "checks": [(check, CheckOutcome(check.after).label) for check in checks],
            "check_missing": one.checked_year < today.year and one.dissolved_on is None,
            "this_year": today.year,
            "documents": [
                (document, document.kind not in documents.PERSONAL or may_roster)
                for document in one.documents.order_by("-at", "-pk")[:DOCUMENTS_SHOWN]
            ],
            "federation_seen": federation_seen,
            "is_federation": one.kind == OrganisationKind.FEDERATION,
            "filed": filed,
            "certificate_url": certificate.certificate_url(one) if filed else "",
            # Made here from the address alone; nothing of what somebody typed is in it.
            "qr": mark_safe(certificate.qr_of(certificate.certificate_url(one)).decode()) if filed else "",  # noqa: S308
        }
        | shown
        | dict(forms_said or {})
    )
    status = 400 if forms_said else 200
    return render(request, "commons/organisation.html", context, status=status)


def _federations(one: Organisation) -> list[tuple[str, str]]:
    """Those of the county that it can belong to."""
    found = Organisation.objects.filter(
        kind=OrganisationKind.FEDERATION, town__startswith=one.jurisdiction[:COUNTY], dissolved_on=None
    ).exclude(pk=one.pk)
    return [(str(pk), name) for pk, name in found.order_by("name").values_list("pk", "name")[:FEDERATIONS]]


# ---- what is done on it ---------------------------------------------------------------------------------------------


@require_POST
@person_who(EDITS)
def change(request: StaffRequest, organisation_id: uuid.UUID) -> HttpResponse:
    """One act on the page, named by `do`; refused, its form is shown with the reason."""
    one = organisation_for(request.user, organisation_id)
    rights.require(request.user, EDITS, one.jurisdiction)
    name, form, act = _act_of(request, one)
    if form is None or act is None:
        return redirect("commons:organisation", one.pk)
    if form.is_valid():
        try:
            messages.success(request, act(form.cleaned_data))
            return redirect("commons:organisation", one.pk)
        except DubanError as refusal:
            refuse(form, refusal)
    # Of what is dissolved most forms are not shown; why one was refused is said all the same.
    lost = form if one.dissolved_on and name in UNSHOWN else None
    return _page(request, one, {name: form, "open_form": request.POST.get("do", ""), "lost_form": lost})


Act = Callable[[dict[str, Any]], str]


def _act_of(request: StaffRequest, one: Organisation) -> tuple[str, forms.Form | None, Act | None]:
    do = request.POST.get("do", "")
    step: dict[str, Any] = {"by": request.user, "now": clock.now(), "organisation_id": one.pk}
    today = timezone.localdate(clock.now())

    def check(said: dict[str, Any]) -> str:
        actions.record_check(**step, year=said["year"], outcome=said["outcome"], note=said["note"])
        return _("The check of %(year)d is written down.") % {"year": said["year"]}

    def end(said: dict[str, Any]) -> str:
        act = actions.dissolve_organisation if do == "dissolve" else actions.revive_organisation
        act(**step, on=said["on"] or today, reason=said["reason"])
        return _("Dissolved. It can be revived.") if do == "dissolve" else _("Revived.")

    def federation(said: dict[str, Any]) -> str:
        actions.join_federation(**step, federation_id=said["federation"], on=said["on"] or today)
        return _("Saved.")

    def areas(said: dict[str, Any]) -> str:
        actions.set_areas(**step, codes=said["areas"])
        return _("Saved.")

    def document(said: dict[str, Any]) -> str:
        file = said["file"]
        data = b"" if file is None else file.read(documents.LARGEST + 1)
        kept = documents.keep_document(**step, kind=said["kind"], name=getattr(file, "name", ""), data=data)
        return _("%(name)s is kept, encrypted.") % {"name": kept.name}

    def remove(said: dict[str, Any]) -> str:
        documents.remove_document(**step, document_id=said["document"])
        return _("The file is deleted.")

    sent = request.POST
    if do == "check":
        return "check_form", CheckForm(sent), check
    if do in {"dissolve", "revive"}:
        return "end_form", EndForm(sent), end
    if do == "federation":
        return "federation_form", FederationForm(sent, federations=_federations(one)), federation
    if do == "areas":
        return "areas_form", AreasForm(sent, bases=queries.bases_within([one.jurisdiction[:COUNTY]])), areas
    if do == "document":
        return "document_form", DocumentForm(sent, request.FILES), document
    if do == "remove_document":
        return "remove_form", RemoveForm(sent), remove
    return "", None, None


class RemoveForm(forms.Form):
    document = forms.IntegerField(min_value=1, max_value=2**62)


@require_safe
@never_cache
@person_who(SEES)
def document_file(request: StaffRequest, organisation_id: uuid.UUID, document_id: int) -> HttpResponse:
    """A file of an organisation; that it was taken is written down."""
    found, data = documents.take_document(
        by=request.user, now=clock.now(), organisation_id=organisation_id, document_id=document_id
    )
    response = HttpResponse(data, content_type=documents.type_of(found))
    response.headers["Content-Disposition"] = content_disposition_header(True, found.name) or "attachment"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@require_safe
@never_cache
@person_who(SEES)
def certificate_file(request: StaffRequest, organisation_id: uuid.UUID) -> HttpResponse:
    """The certificate of filing, to print."""
    pdf = certificate.print_certificate(
        by=request.user, now=clock.now(), organisation_id=organisation_id, language=get_language() or "zh-hans"
    )
    response = HttpResponse(pdf, content_type="application/pdf")
    response.headers["Content-Disposition"] = 'inline; filename="certificate.pdf"'
    return response


urls = [
    path("organisations/add/", add, name="organisation_add"),
    path("organisations/<uuid:organisation_id>/", organisation, name="organisation"),
    path("organisations/<uuid:organisation_id>/edit/", edit, name="organisation_edit"),
    path("organisations/<uuid:organisation_id>/change/", change, name="organisation_change"),
    path("organisations/<uuid:organisation_id>/certificate.pdf", certificate_file, name="organisation_certificate"),
    path("organisations/<uuid:organisation_id>/files/<int:document_id>/", document_file, name="organisation_file"),
]
