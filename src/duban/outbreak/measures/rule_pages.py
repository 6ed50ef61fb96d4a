"""The table of rules: what holds from when, and another version, looked at before it is kept."""

import json
import re
import uuid
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import Conflict, DubanError
from duban.core.forms import NeededField, refuse
from duban.ledger import job_pages, jobs
from duban.outbreak.measures import tasks
from duban.outbreak.measures.editing import (
    KEYS,
    RULES,
    BadRule,
    RuleDraft,
    checked,
    files_under,
    office_of,
    versions_for,
)
from duban.outbreak.measures.rules import as_rule, in_force
from duban.outbreak.measures.words import name_of
from duban.outbreak.models import CaseFile, CountedFrom, FileState, Measure, MeasureRule
from duban.places import queries as places

AT_ONCE = 2000
"""So many people are planned anew while the browser waits."""
KEY_WORDS = {
    "area:centralised": gettext_lazy("Was in a risk area: centralised isolation"),
    "area:home": gettext_lazy("Was in a risk area: isolation at home"),
    "area:test": gettext_lazy("Was in a risk area: test"),
    "area:monitor": gettext_lazy("Was in a risk area: health monitoring"),
    "contact": gettext_lazy("Close contacts"),
    "second": gettext_lazy("Contacts of close contacts"),
}
PHASES = 3
BETWEEN = re.compile(r"[\s,，、/]+")


@dataclass(frozen=True)
class VersionShown:
    rule: MeasureRule
    name: str
    phases: list[tuple[str, int]]
    office: str
    holds: bool
    """It is the one that holds today."""


@require_safe
@person_who(RULES)
def rules(request: StaffRequest) -> HttpResponse:
    """Every version by what it is for, the newest first; the one that holds today is marked."""
    codes = rights.codes(request.user, RULES)
    rows = versions_for(codes)
    today = timezone.localtime(clock.now()).date()
    held = {rule.id for rule in in_force([as_rule(row) for row in rows], today).values()}
    names = places.names({row.office for row in rows if row.office})
    groups = [(key, KEY_WORDS[key], [_shown(row, names, held) for row in rows if row.key == key]) for key in KEYS]
    return render(request, "outbreak/measures/rules.html", {"groups": groups, "today": today})


def _shown(row: MeasureRule, names: dict[str, str], held: set[int]) -> VersionShown:
    return VersionShown(
        rule=row,
        name=name_of(row),
        phases=[(str(Measure(phase["measure"]).label), phase["days"]) for phase in row.phases],
        office=names.get(row.office, row.office) if row.office else str(_("everywhere, built in")),
        holds=row.pk in held,
    )


# ---- another version ------------------------------------------------------------------------------------------------


class RuleForm(forms.Form):
    """A version of a rule; what it may say is the action's to decide."""

    use_required_attribute = False

    key = NeededField(label=gettext_lazy("For whom"), widget=forms.Select(choices=list(KEY_WORDS.items())))
    since = NeededField(label=gettext_lazy("In force from"), widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.CharField(label=gettext_lazy("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    name = NeededField(label=gettext_lazy("Name in Chinese"))
    name_en = forms.CharField(label=gettext_lazy("Name in English"), required=False)
    test_days = forms.CharField(
        label=gettext_lazy("Days of tests"),
        required=False,
        help_text=gettext_lazy("Counted from the day that is counted from: 1 4 7 14."),
    )
    counted_from = NeededField(label=gettext_lazy("Counted from"), widget=forms.Select(choices=CountedFrom.choices))
    double = forms.BooleanField(label=gettext_lazy("Two samples before release"), required=False)
    reports = NeededField(label=gettext_lazy("Reports a day"), widget=forms.NumberInput(attrs={"min": 0, "max": 2}))
    visit_every = NeededField(
        label=gettext_lazy("Days between visits at home"),
        help_text=gettext_lazy("0: no visits."),
        widget=forms.NumberInput(attrs={"min": 0, "max": 60}),
    )
    quiet_days = NeededField(
        label=gettext_lazy("Quiet days before release"),
        help_text=gettext_lazy("Each with a report, and none of fever or symptoms."),
        widget=forms.NumberInput(attrs={"min": 0, "max": 14}),
    )
    source = NeededField(label=gettext_lazy("The notice that says so"))

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        choices = [("", "–"), *Measure.choices]
        for number in range(1, PHASES + 1):
            self.fields[f"measure_{number}"] = forms.CharField(
                label=_("Measure"), required=False, widget=forms.Select(choices=choices)
            )
            self.fields[f"days_{number}"] = forms.CharField(
                label=_("Days"), required=False, widget=forms.NumberInput(attrs={"min": 1, "max": 60})
            )

    def phases(self) -> list[tuple[Any, Any]]:
        """The pairs of fields of the measures, one after the other."""
        return [(self[f"measure_{number}"], self[f"days_{number}"]) for number in range(1, PHASES + 1)]

    def draft(self) -> RuleDraft:
        """Raises BadRule at the field that is wrong."""
        given = self.cleaned_data
        try:
            return checked(
                RuleDraft(
                    key=given["key"],
                    since=_day(given["since"], "since"),
                    until=_day(given["until"], "until") if given["until"] else None,
                    name=given["name"],
                    name_en=given["name_en"],
                    phases=self._phases(),
                    test_days=tuple(
                        _number(part, "test_days") for part in re.split(r"[\s,，、/]+", given["test_days"]) if part
                    ),
                    counted_from=given["counted_from"],
                    double=given["double"],
                    reports=_number(given["reports"], "reports"),
                    visit_every=_number(given["visit_every"], "visit_every"),
                    quiet_days=_number(given["quiet_days"], "quiet_days"),
                    source=given["source"],
                )
            )
        except BadRule as refusal:
            if refusal.field == "phases":
                raise BadRule(refusal.code, refusal.message, field="measure_1") from refusal
            raise

    def _phases(self) -> tuple[tuple[str, int], ...]:
        given = self.cleaned_data
        return tuple(
            (given[f"measure_{number}"], _number(given[f"days_{number}"], f"days_{number}"))
            for number in range(1, PHASES + 1)
            if given[f"measure_{number}"] or given[f"days_{number}"]
        )


def _number(text: str, field: str) -> int:
    if not re.fullmatch(r"\d{1,3}", text.strip(), re.ASCII):
        raise BadRule("bad_number", gettext_lazy("A whole number, please."), field=field)
    return int(text)


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise BadRule("bad_day", gettext_lazy("A date like 2021-01-20."), field=field) from error


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(RULES)
def add(request: StaffRequest) -> HttpResponse:
    """Say what the version is; the page that follows shows what it would change."""
    form, status = RuleForm(initial=_initial(request)), 200
    if request.method == "POST":
        form, status = RuleForm(request.POST), 400
        if form.is_valid():
            try:
                return redirect("outbreak:rule_preview", _begin(request, form.draft()).id)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    return render(request, "outbreak/measures/add.html", {"form": form}, status=status)


def _initial(request: StaffRequest) -> dict[str, Any]:
    """What holds today for whom it is about, to start from."""
    key = request.GET.get("key", "")
    key = key if key in KEYS else KEYS[0]
    today = timezone.localtime(clock.now()).date()
    rows = {row.pk: row for row in versions_for(rights.codes(request.user, RULES))}
    held = in_force([as_rule(row) for row in rows.values()], today).get(key)
    found: dict[str, Any] = {"key": key, "since": (today + timedelta(days=1)).isoformat()}
    if held is None:
        return found
    row = rows[held.id]
    for number, phase in enumerate(row.phases[:PHASES], start=1):
        found |= {f"measure_{number}": phase["measure"], f"days_{number}": phase["days"]}
    return found | {
        "name": row.name,
        "name_en": row.name_en,
        "test_days": " ".join(map(str, row.test_days)),
        "counted_from": row.counted_from,
        "double": row.double_before_release,
        "reports": row.reports_a_day,
        "visit_every": row.visit_every,
        "quiet_days": row.quiet_days,
    }


def _begin(request: StaffRequest, draft: RuleDraft) -> jobs.Job:
    office = office_of(request.user)
    job = jobs.make_export_job(
        by=request.user,
        now=clock.now(),
        language=get_language() or "zh-hans",
        name=draft.name,
        query=json.dumps({"draft": draft.as_json(), "office": office}, ensure_ascii=False),
        rows=0,
    )
    job = replace(job, kind=tasks.RULE, stage="checking")
    jobs.save(job)
    if _few(office):
        return tasks.preview_job(job.id)
    tasks.preview_later.enqueue(job.id)
    return job


def _few(office: str) -> bool:
    return CaseFile.objects.filter(files_under(office), state=FileState.OPEN).count() <= AT_ONCE


@require_safe
@never_cache
@person_who(RULES)
def rule_preview(request: StaffRequest, rule_job_id: uuid.UUID) -> HttpResponse:
    """How far it is; then how many people the version moves, and where to; after the second step what came of it."""
    job = jobs.job_for(request.user, rule_job_id, tasks.RULE)
    draft, office = tasks.draft_of(job)
    context = job_pages.how_far(job, {"people": _("planning everybody anew")}) | {
        "draft": draft,
        "for_whom": KEY_WORDS[draft.key],
        "office": places.names([office]).get(office, office),
        "phases": [(str(Measure(measure).label), days) for measure, days in draft.phases],
        "kept": "rule" in job.report,
    }
    template = "outbreak/measures/parts/job.html" if request.htmx else "outbreak/measures/preview.html"
    return render(request, template, context)


@require_POST
@person_who(RULES)
def keep(request: StaffRequest, rule_job_id: uuid.UUID) -> HttpResponse:
    """Keep the version and plan everybody anew; again where the worker was stopped."""
    now = clock.now()
    job = jobs.job_for(request.user, rule_job_id, tasks.RULE)
    if job.stage == "taken":
        return redirect("outbreak:rule_preview", job.id)
    if not (job.stage == "checked" or (job.stage == "failed" and job.report) or job.is_silent(now)):
        raise Conflict("rule_not_ready", _("This version is under way; see how it went."))
    again = job.stage != "checked"
    job = jobs.begin_taking(job, now=now, started=again)
    if _few(tasks.draft_of(job)[1]):
        tasks.keep_job(job.id)
    else:
        tasks.keep_later.enqueue(job.id)
    return redirect("outbreak:rule_preview", job.id)


urls = [
    path("rules/", rules, name="rules"),
    path("rules/add/", add, name="rule_add"),
    path("rules/<uuid:rule_job_id>/", rule_preview, name="rule_preview"),
    path("rules/<uuid:rule_job_id>/keep/", keep, name="rule_keep"),
]
