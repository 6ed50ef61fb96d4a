"""The planner: pool sizes by prevalence, and how often a venue must be sampled, with what is taken for granted."""

from typing import Any

import numpy as np
from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from duban.access.requests import StaffRequest, person_who
from duban.outbreak.venue_sampling import planner
from duban.outbreak.venue_sampling.frequencies import SEES

SHOWN = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1)
POOLS = (1, 2, 3, 4, 5, 8, 10, 11, 15, 20, 32)
LONGEST = 21


class PlannerForm(forms.Form):
    """What the planner asks; each with the office's usual value."""

    use_required_attribute = False

    prevalence = forms.FloatField(
        label=gettext_lazy("Infected among those tested, per cent"), min_value=0, max_value=50, initial=0.1
    )
    people = forms.IntegerField(label=gettext_lazy("People to test"), min_value=1, max_value=30_000_000, initial=10_000)
    staff = forms.IntegerField(label=gettext_lazy("Staff of the venue"), min_value=1, max_value=10_000, initial=60)
    staff_percent = forms.IntegerField(
        label=gettext_lazy("Per cent of them sampled each time"), min_value=0, max_value=100, initial=50
    )
    surfaces = forms.IntegerField(label=gettext_lazy("Swabs of surfaces"), min_value=0, max_value=200, initial=16)
    within = forms.IntegerField(label=gettext_lazy("Found within so many days"), min_value=1, max_value=30, initial=7)
    probability = forms.IntegerField(
        label=gettext_lazy("With a probability of, per cent"), min_value=1, max_value=99, initial=90
    )
    doubling = forms.FloatField(
        label=gettext_lazy("Infections double every so many days"), min_value=0.5, max_value=30, initial=3
    )
    sensitivity = forms.IntegerField(
        label=gettext_lazy("Sensitivity of a sample, per cent"), min_value=1, max_value=100, initial=80
    )
    surface_percent = forms.FloatField(
        label=gettext_lazy("A swab is positive for each infected person, per cent"),
        min_value=0,
        max_value=100,
        initial=2,
    )


@require_safe
@person_who(SEES)
def sampling_planner(request: StaffRequest) -> HttpResponse:
    """Both answers as tables and curves; the address holds what was asked."""
    usual = {name: field.initial for name, field in PlannerForm.base_fields.items()}
    form = PlannerForm(usual | {name: request.GET[name] for name in usual if name in request.GET})
    status = 200 if form.is_valid() else 400
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        context |= _pools(form.cleaned_data) | _interval(form.cleaned_data)
    return render(request, "outbreak/venue_sampling/planner.html", context, status=status)


def _pools(asked: dict[str, Any]) -> dict[str, Any]:
    asked_p = asked["prevalence"] / 100
    levels = np.unique(np.array([*SHOWN, asked_p]))
    sizes, costs = planner.best_pool(levels)
    size, cost = planner.best_pool([asked_p])
    fixed = {str(pool): float(planner.cost_per_person(asked_p, pool)) for pool in (5, 10)}
    return {
        "pools": [
            (f"{level * 100:g}", int(best), f"{least:.4f}", f"{level:g}" == f"{asked_p:g}")
            for level, best, least in zip(levels, sizes, costs, strict=True)
        ],
        "best": int(size[0]),
        "best_tests": int(np.ceil(cost[0] * asked["people"])),
        "fixed": [(pool, f"{one:.4f}", int(np.ceil(one * asked["people"]))) for pool, one in fixed.items()],
        "curve": [(pool, f"{float(planner.cost_per_person(asked_p, pool)):.4f}") for pool in POOLS],
    }


def _interval(asked: dict[str, Any]) -> dict[str, Any]:
    round_ = {
        "staff": asked["staff"],
        "staff_share": asked["staff_percent"] / 100,
        "surfaces": asked["surfaces"],
        "doubling_days": asked["doubling"],
        "sensitivity": asked["sensitivity"] / 100,
        "surface_share": asked["surface_percent"] / 100,
    }
    within, wanted = asked["within"], asked["probability"] / 100
    found = [(days, planner.found_within(days, within, **round_)) for days in range(1, LONGEST + 1)]
    return {
        "interval": planner.longest_interval(within, wanted, **round_),
        "intervals": [(days, share, f"{share * 100:.1f}", share >= wanted) for days, share in found],
        "assumptions": _assumptions(asked),
    }


def _assumptions(asked: dict[str, Any]) -> list[str]:
    """What both answers take for granted, with the numbers that were asked."""
    return [
        _("One person is infected on day 0; infections among the staff double every %(days)g days.")
        % {"days": asked["doubling"]},
        _("An introduction falls on any day between two rounds alike; rounds do not depend on each other."),
        _("A round samples %(share)d %% of the staff, drawn anew; a sample finds %(sensitivity)d %% of the infected.")
        % {"share": asked["staff_percent"], "sensitivity": asked["sensitivity"]},
        _("A swab is positive with %(share)g %% for each infected person, with %(sensitivity)d %% at most.")
        % {"share": asked["surface_percent"], "sensitivity": asked["sensitivity"]},
        _("Results are there on the day of the round. Nothing is said of visitors."),
        _("Pools (Dorfman 1943): members are infected independently, and a pool finds what a single sample finds."),
    ]


urls = [path("sampling/planner/", sampling_planner, name="sampling_planner")]
