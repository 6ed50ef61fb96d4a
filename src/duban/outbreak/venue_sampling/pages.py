"""Sampling of venues: what is due, missed and done, one round with its swabs, and what is in force."""

import re
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, refuse
from duban.outbreak.models import LevelInForce, Result, SamplingFrequency, SurfaceSample
from duban.outbreak.venue_sampling import frequencies as rules
from duban.outbreak.venue_sampling.frequencies import LEVELS, PLANS, SEES, BadSampling, Frequency, InForce
from duban.outbreak.venue_sampling.rounds import SHOWS, plan_rounds, samplings_for, shown
from duban.outbreak.venue_sampling.sampling import record_sampling, record_surface_result, sampling_for
from duban.places import queries as places
from duban.venues.models import VenueType

PAGE = 50
MISSED_DAYS = 90
"""Rounds missed longer ago are counted in no list."""
TABS: dict[str, Promise] = {
    "due": gettext_lazy("due today"),
    "missed": pgettext_lazy("sampling", "missed"),
    "done": gettext_lazy("done"),
    "ahead": pgettext_lazy("sampling", "to come"),
}
RESULT_SHAPES = {"": "assigned", Result.NEGATIVE: "closed"}


# ---- the rounds -----------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def sampling(request: StaffRequest) -> HttpResponse:
    """What is due today by town, what was missed, what is done and what lies ahead."""
    now = clock.now()
    today = timezone.localdate(now)
    show = request.GET.get("show", "due")
    show = show if show in SHOWS else "due"
    town = request.GET.get("town", "")
    found = samplings_for(request.user).filter(due_on__gte=today - timedelta(days=MISSED_DAYS))
    towns = sorted(set(found.order_by().values_list("town", flat=True).distinct()))
    if town in towns:
        found = found.filter(town=town)
    names = places.names(towns)
    context = {
        "page": Paginator(shown(found, show, today), PAGE).get_page(request.GET.get("page")),
        "show": show,
        "tabs": [(key, word, shown(found, key, today).count()) for key, word in TABS.items()],
        "town": town,
        "towns": [(code, names.get(code, code)) for code in towns],
        "names": names,
        "levels": [(names_of_level(code), LEVELS[level]) for code, level in _levels_of(request)],
        "may_plan": bool(rights.codes(request.user, PLANS)),
        "today": today,
    }
    return render(request, "outbreak/venue_sampling/sampling.html", context)


def _levels_of(request: StaffRequest) -> list[tuple[str, str]]:
    in_force = InForce(timezone.localdate(clock.now()))
    return [(code, in_force.level_at(code)) for code in rights.codes(request.user, SEES)]


def names_of_level(code: str) -> str:
    return places.names([code]).get(code, code)


@require_POST
@person_who(PLANS)
def plan(request: StaffRequest) -> HttpResponse:
    """Generate the rounds of the next fortnight for the person's area."""
    changed = plan_rounds(now=clock.now(), codes=rights.codes(request.user, PLANS))
    if changed:
        messages.success(request, _("The rounds of the next fortnight are in line with what is in force."))
    else:
        messages.info(request, _("The rounds are in line with what is in force already."))
    return redirect("outbreak:sampling")


class TakenForm(forms.Form):
    use_required_attribute = False

    staff_taken = NeededField(
        label=gettext_lazy("People sampled"), widget=forms.NumberInput(attrs={"min": 0, "inputmode": "numeric"})
    )
    surfaces = forms.CharField(
        label=gettext_lazy("Surfaces sampled"),
        help_text=gettext_lazy(
            "One a line: door handle, scale of stall 12, cutting board. Each gets a code for its label."
        ),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
    )


@dataclass(frozen=True)
class SwabShown:
    sample: SurfaceSample
    word: str
    shape: str


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(SEES)
def sampling_round(request: StaffRequest, sampling_id: uuid.UUID) -> HttpResponse:
    """One venue on one day: what is wanted, what was taken, and the results of the swabs."""
    found, status = sampling_for(request.user, sampling_id), 200
    form = TakenForm(request.POST or None)
    if request.method == "POST":
        rights.require(request.user, PLANS, found.town)
        status = 400
        if form.is_valid():
            try:
                record_sampling(
                    by=request.user,
                    now=clock.now(),
                    sampling_id=sampling_id,
                    staff_taken=_whole(form.cleaned_data["staff_taken"], "staff_taken", "bad_staff"),
                    surfaces=[line.strip() for line in form.cleaned_data["surfaces"].splitlines() if line.strip()],
                )
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("The round is done; write the codes onto the labels."))
                return redirect("outbreak:sampling_round", sampling_id)
    context = {
        "sampling": found,
        "town": places.names([found.town]).get(found.town, found.town),
        "form": form,
        "swabs": [_swab(one) for one in found.surface_samples.order_by("pk")],
        "results": Result.choices,
        "may_plan": rights.may(request.user, PLANS, found.town),
        "may_see_entries": bool(rights.codes(request.user, "entry.see")),
        "missed": found.done_at is None and found.due_on < timezone.localdate(clock.now()),
    }
    return render(request, "outbreak/venue_sampling/round.html", context, status=status)


def _swab(sample: SurfaceSample) -> SwabShown:
    word = sample.get_result_display() if sample.result else str(pgettext_lazy("surface", "waits for its result"))
    return SwabShown(sample, word, RESULT_SHAPES.get(sample.result, "overdue"))


@require_POST
@person_who(PLANS)
def surface_result(request: StaffRequest, sampling_id: uuid.UUID, sample_id: int) -> HttpResponse:
    """The result of one swab, by one tap."""
    sampling_for(request.user, sampling_id)
    try:
        sample = record_surface_result(
            by=request.user, now=clock.now(), sample_id=sample_id, result=request.POST.get("result", "")
        )
    except DubanError as refusal:
        messages.error(request, f"{refusal} ({refusal.code})")
    else:
        if sample.entry:
            messages.warning(request, _("Positive: an entry was put on the ledger for the unit of the place."))
    return redirect("outbreak:sampling_round", sampling_id)


def _whole(text: str, field: str, code: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text.strip(), re.ASCII):
        raise BadSampling(code, _("Give a whole number."), field=field)
    return int(text)


# ---- what is in force -----------------------------------------------------------------------------------------------


class FrequencyForm(forms.Form):
    use_required_attribute = False

    office = NeededField(label=gettext_lazy("For the area"), widget=forms.Select())
    kind = NeededField(label=gettext_lazy("Type of venue"), widget=forms.Select())
    level = NeededField(label=gettext_lazy("At the level"), widget=forms.Select(choices=list(LEVELS.items())))
    since = NeededField(label=gettext_lazy("In force from"), widget=forms.DateInput(attrs={"type": "date"}))
    every_days = NeededField(label=gettext_lazy("Every so many days"), widget=forms.NumberInput(attrs={"min": 1}))
    staff_percent = NeededField(label=gettext_lazy("Per cent of the staff"), widget=forms.NumberInput(attrs={"min": 0}))
    surfaces = NeededField(label=gettext_lazy("Swabs of surfaces"), widget=forms.NumberInput(attrs={"min": 0}))
    source = NeededField(label=gettext_lazy("The notice that says so"))

    def __init__(self, data: Any, areas: list[tuple[str, str]], kinds: list[tuple[str, str]]):
        super().__init__(data)
        self.fields["office"].widget.choices = areas
        self.fields["kind"].widget.choices = kinds

    def draft(self) -> Frequency:
        """Raises BadSampling at the field that is no number or no day."""
        given = self.cleaned_data
        return Frequency(
            office=given["office"],
            kind=given["kind"],
            level=given["level"],
            since=_day(given["since"]),
            every_days=_whole(given["every_days"], "every_days", "bad_frequency"),
            staff_percent=_whole(given["staff_percent"], "staff_percent", "bad_frequency"),
            surfaces=_whole(given["surfaces"], "surfaces", "bad_frequency"),
        )


class LevelForm(forms.Form):
    use_required_attribute = False

    code = NeededField(label=gettext_lazy("For the area"), widget=forms.Select())
    level = NeededField(label=gettext_lazy("Level"), widget=forms.Select(choices=list(LEVELS.items())))
    since = NeededField(label=gettext_lazy("In force from"), widget=forms.DateInput(attrs={"type": "date"}))
    source = NeededField(label=gettext_lazy("The notice that says so"))

    def __init__(self, data: Any, areas: list[tuple[str, str]]):
        super().__init__(data, prefix="level")
        self.fields["code"].widget.choices = areas


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise BadSampling("bad_day", _("Give a day: 2021-01-20."), field="since") from error


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(SEES)
def in_force(request: StaffRequest) -> HttpResponse:
    """Frequencies by type and level, levels by area; for who plans, a form for each."""
    codes = rights.codes(request.user, PLANS)
    if request.method == "POST" and not codes:
        rights.require(request.user, PLANS, "")
    areas = [(unit.code, unit.name) for unit in places.counties_and_towns(codes)]
    areas += [(code, code) for code in codes if code not in dict(areas)]
    kinds = [(kind.key, str(kind)) for kind in VenueType.objects.all()]
    asked = request.POST.get("what", "") if request.method == "POST" else ""
    frequency_form = FrequencyForm(request.POST if asked == "frequency" else None, areas, kinds)
    level_form = LevelForm(request.POST if asked == "level" else None, areas)
    status = 200
    for name, form, keep in (
        ("frequency", frequency_form, _keep_frequency),
        ("level", level_form, _keep_level),
    ):
        if asked != name:
            continue
        status = 400
        if form.is_valid():
            try:
                keep(request, form)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                plan_rounds(now=clock.now(), codes=codes)
                messages.success(request, _("Kept; the rounds to come follow it."))
                return redirect("outbreak:sampling_in_force")
    rows, levels = list(rules.frequencies_for(request.user)), list(rules.levels_for(request.user))
    names = places.names({row.office for row in rows if row.office} | {row.code for row in levels})
    context = {
        "frequencies": [(row, names.get(row.office, row.office), LEVELS.get(row.level, row.level)) for row in rows],
        "levels": [(row, names.get(row.code, row.code), LEVELS.get(row.level, row.level)) for row in levels],
        "frequency_form": frequency_form,
        "level_form": level_form,
        "may_plan": bool(codes),
    }
    return render(request, "outbreak/venue_sampling/in_force.html", context, status=status)


def _keep_frequency(request: StaffRequest, form: Any) -> SamplingFrequency:
    source = form.cleaned_data["source"]
    return rules.set_frequency(by=request.user, now=clock.now(), draft=form.draft(), source=source)


def _keep_level(request: StaffRequest, form: Any) -> LevelInForce:
    given = form.cleaned_data
    return rules.put_level_in_force(
        by=request.user,
        now=clock.now(),
        code=given["code"],
        level=given["level"],
        since=_day(given["since"]),
        source=given["source"],
    )


urls = [
    path("sampling/", sampling, name="sampling"),
    path("sampling/plan/", plan, name="sampling_plan"),
    path("sampling/in-force/", in_force, name="sampling_in_force"),
    path("sampling/<uuid:sampling_id>/", sampling_round, name="sampling_round"),
    path("sampling/<uuid:sampling_id>/surfaces/<int:sample_id>/", surface_result, name="surface_result"),
]
