"""Screening: how many would be found, confirmed with ground and purpose, handed to the towns, and one person's page."""

import csv
import io
import json
import uuid
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import Conflict, DubanError
from duban.core.forms import NeededField, refuse
from duban.core.tables import safe_cell
from duban.ledger import job_pages, jobs
from duban.outbreak import screening, tasks
from duban.outbreak.areas import place_words
from duban.outbreak.casefiles.tasks import open_screened_files
from duban.outbreak.counts import FEW
from duban.outbreak.models import Declaration, Ground, Measure
from duban.outbreak.opening import found_person, open_identity, open_list, openings_of
from duban.outbreak.screening import COUNTS, RUNS
from duban.outbreak.store import stored
from duban.places import queries as places
from duban.places.codes import covers

AT_ONCE = 300_000
"""Up to so many presences are screened while the browser waits."""
PAGE = 100
FACTS = {
    "name": gettext_lazy("Name"),
    "id_number": gettext_lazy("ID number"),
    "phone": gettext_lazy("Phone"),
    "own_id": gettext_lazy("Number of the source"),
    "person": gettext_lazy("As the source calls them"),
    "source": gettext_lazy("Source"),
}


class GroundForm(forms.Form):
    """On what ground and to what end."""

    use_required_attribute = False

    ground = NeededField(label=gettext_lazy("Ground"), widget=forms.Select(choices=[("", "–"), *Ground.choices]))
    purpose = NeededField(
        label=gettext_lazy("Purpose"),
        help_text=gettext_lazy("What for, in a few words; no names, no numbers of people."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": screening.MAX_PURPOSE}),
    )


# ---- preview and confirmation ---------------------------------------------------------------------------------------


@require_POST
@person_who(RUNS)
def begin(request: StaffRequest) -> HttpResponse:
    """Look who was there, for the orders that were ticked; the page that follows shows how far it is."""
    now, orders = clock.now(), request.POST.getlist("order")[:500]
    if not orders:
        messages.error(request, _("Tick the areas first."))
        return redirect("outbreak:desk")
    declarations = screening.orders_for(request.user, orders)
    job = jobs.make_export_job(
        by=request.user,
        now=now,
        language=get_language() or "zh-hans",
        name=", ".join(one.name for one in declarations)[:100],
        query=json.dumps([one.number for one in declarations]),
        rows=0,
    )
    job = replace(job, kind=tasks.SCREENING, stage="checking")
    jobs.save(job)
    if stored().rows <= AT_ONCE:
        tasks.preview_job(job.id)
    else:
        tasks.preview_later.enqueue(job.id)
    return redirect("outbreak:preview", job.id)


@require_safe
@person_who(RUNS)
def preview(request: StaffRequest, preview_id: uuid.UUID) -> HttpResponse:
    """How far a screening is; then how many there are, from where, and the form that confirms it."""
    job = jobs.job_for(request.user, preview_id, tasks.SCREENING)
    return _preview_page(request, job, GroundForm(), 200)


def _preview_page(request: StaffRequest, job: jobs.Job, form: GroundForm, status: int) -> HttpResponse:
    if job.stage == "taken":
        if request.htmx:
            return HttpResponse(headers={"HX-Redirect": reverse("outbreak:screening", args=[job.id])})
        return redirect("outbreak:screening", job.id)
    orders = list(Declaration.objects.filter(number__in=json.loads(job.query)).order_by("number"))
    towns = [(code, number) for code, number in job.report.get("towns", [])]
    names = places.names({code for code, _number in towns})
    steps = {
        "screening": _("comparing presences with the areas"),
        "towns": _("finding the town of each person"),
        "keeping": _("keeping what was found"),
    }
    context = job_pages.how_far(job, steps) | {
        "orders": orders,
        "places": place_words(orders),
        "outlines": {"type": "FeatureCollection", "features": [_outline(one) for one in orders if one.geometry]},
        "towns": [(names.get(code, code), code, number) for code, number in towns],
        "measures": _measures(job.report.get("measures", {})),
        "form": form,
    }
    template = "outbreak/parts/preview.html" if request.htmx else "outbreak/preview.html"
    return render(request, template, context, status=status)


def _outline(one: Declaration) -> dict[str, Any]:
    return {"type": "Feature", "geometry": one.geometry, "properties": {"name": one.name}}


def _measures(numbers: dict[str, int]) -> list[tuple[str, int]]:
    return [(str(measure.label), numbers[measure]) for measure in Measure if measure in numbers]


@require_POST
@person_who(RUNS)
def keep(request: StaffRequest, preview_id: uuid.UUID) -> HttpResponse:
    """Keep what the preview showed, with ground and purpose."""
    now = clock.now()
    job = jobs.job_for(request.user, preview_id, tasks.SCREENING)
    if job.stage == "taken":
        return redirect("outbreak:screening", job.id)
    again = job.is_silent(now) and bool(job.reason)
    if job.stage != "checked" and not again and not (job.stage == "failed" and job.report):
        raise Conflict("screening_not_ready", _("This screening is under way; see how it went."))
    form = GroundForm(json.loads(job.reason) if again else request.POST)
    if not form.is_valid():
        return _preview_page(request, job, form, 400)
    asked = form.cleaned_data
    try:
        screening.checked_purpose(asked["ground"], asked["purpose"])
    except DubanError as refusal:
        refuse(form, refusal)
        return _preview_page(request, job, form, refusal.status)
    reason = json.dumps({name: asked[name] for name in ("ground", "purpose")}, ensure_ascii=False)
    job = jobs.begin_taking(job, now=now, reason=reason)
    if stored().rows <= AT_ONCE:
        tasks.keep_job(job.id)
    else:
        tasks.keep_later.enqueue(job.id)
    return redirect("outbreak:preview", job.id)


# ---- a screening ----------------------------------------------------------------------------------------------------


@require_safe
@person_who(RUNS, COUNTS)
def screening_page(request: StaffRequest, screening_id: uuid.UUID) -> HttpResponse:
    """The numbers that the reader may see; a health officer's people, without a name."""
    return _screening_page(request, screening_id, GroundForm(), 200)


def _screening_page(request: StaffRequest, screening_id: uuid.UUID, form: GroundForm, status: int) -> HttpResponse:
    person = request.user
    run = screening.screening_for(person, screening_id)
    counts = screening.counts_for(person, run)
    found = screening.found_for(person, run)
    town = request.GET.get("town", "")
    if town.isascii() and town.isdecimal():
        found = found.filter(town=town)
    people, more = screening.page_of(found, _key(request.GET.get("after", "")), PAGE)
    names = places.names({code for code, _n in counts.towns} | {one.town for one in people})
    orders = list(Declaration.objects.filter(number__in=run.orders).order_by("number"))
    mine = covers(rights.codes(person, RUNS), run.jurisdiction)
    context = {
        "run": run,
        "ground": Ground(run.ground).label,
        "counts": counts,
        "few": FEW,
        "towns": [(names.get(code, code), code, number) for code, number in counts.towns],
        "measures": _measures(dict(counts.measures)),
        "people": [(one, names.get(one.town, one.town), str(Measure(one.measure).label)) for one in people],
        "older": f"?town={town}&after={people[-1].pk}" if more else "",
        "town": names.get(town, town),
        "orders": orders,
        "mine": mine,
        "is_officer": screening.sees_people(person, run),
        "form": form,
    }
    return render(request, "outbreak/screening.html", context, status=status)


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


@require_POST
@person_who(RUNS)
def hand(request: StaffRequest, screening_id: uuid.UUID) -> HttpResponse:
    """Give the towns their lists, and open a file for everybody on them; the page that follows shows how far it is."""
    now = clock.now()
    run = screening.hand_to_towns(by=request.user, now=now, screening_id=screening_id)
    messages.success(request, _("The health officers of the towns see their lists now."))
    job = open_screened_files(by=request.user, now=now, language=get_language() or "zh-hans", screening=run)
    return redirect("outbreak:files_opening", job.id)


@require_POST
@person_who(RUNS)
def reproduce(request: StaffRequest, screening_id: uuid.UUID) -> HttpResponse:
    """Do it again with the inputs of now, and say whether the same comes out."""
    run = screening.own_screening(request.user, screening_id)
    if screening.reproduces(run):
        messages.success(request, _("The same rows came out, to the last one."))
    else:
        messages.warning(request, _("Other rows came out: presences came in, or were dropped, since then."))
    return redirect("outbreak:screening", screening_id)


@require_POST
@person_who(RUNS)
def take_list(request: StaffRequest, screening_id: uuid.UUID) -> HttpResponse:
    """The list with names, as CSV, for those who call them; each name in it is an opening on the record."""
    form = GroundForm(request.POST)
    form.is_valid()
    asked = form.cleaned_data
    try:
        opened = open_list(
            by=request.user,
            now=clock.now(),
            screening_id=screening_id,
            ground=asked.get("ground", ""),
            purpose=asked.get("purpose", ""),
        )
    except DubanError as refusal:
        if refusal.field is None:
            raise
        refuse(form, refusal)
        return _screening_page(request, screening_id, form, refusal.status)
    names = places.names({one.town for one, _facts in opened})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["id", "town", "town_name", "measure", "order", "last", *(name for name in FACTS if name != "source")]
    )
    for one, facts in opened:
        known = [safe_cell(facts.get(name, "")) for name in FACTS if name != "source"]
        row = [one.pk, one.town, names.get(one.town, ""), one.measure, one.order, one.last.isoformat()]
        writer.writerow([*row, *known])
    response = HttpResponse(text.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="screening-{screening_id}.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


# ---- one person -----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(RUNS)
def found_page(request: StaffRequest, found_id: uuid.UUID) -> HttpResponse:
    """Why somebody was found, and who looked; with ground and purpose also who it is, in this one answer alone."""
    found, form, facts, status = found_person(request.user, found_id), GroundForm(), None, 200
    if request.method == "POST":
        form = GroundForm(request.POST)
        form.is_valid()
        asked = form.cleaned_data
        try:
            facts = open_identity(
                by=request.user,
                now=clock.now(),
                found_id=found_id,
                ground=asked.get("ground", ""),
                purpose=asked.get("purpose", ""),
            )
        except DubanError as refusal:
            refuse(form, refusal)
            status = refusal.status
    orders = {one.number: one for one in Declaration.objects.filter(number__in=found.screening.orders)}
    exposures = list(found.exposures.order_by("first"))
    context = {
        "found": found,
        "run": found.screening,
        "town": places.names([found.town]).get(found.town, found.town),
        "measure": Measure(found.measure).label,
        "exposures": [(one, orders.get(one.order)) for one in exposures],
        "decided": orders.get(found.order),
        "openings": [(one, Ground(one.ground).label) for one in openings_of(found)[:100]],
        "form": form,
        "opened": facts is not None,
        "facts": [(FACTS[name], value) for name, value in (facts or {}).items() if name in FACTS],
    }
    response = render(request, "outbreak/found.html", context, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


urls = [
    path("screen/", begin, name="begin"),
    path("screen/<uuid:preview_id>/", preview, name="preview"),
    path("screen/<uuid:preview_id>/keep/", keep, name="keep"),
    path("runs/<uuid:screening_id>/", screening_page, name="screening"),
    path("runs/<uuid:screening_id>/hand/", hand, name="hand"),
    path("runs/<uuid:screening_id>/reproduce/", reproduce, name="reproduce"),
    path("runs/<uuid:screening_id>/list.csv", take_list, name="list"),
    path("found/<uuid:found_id>/", found_page, name="found"),
]
