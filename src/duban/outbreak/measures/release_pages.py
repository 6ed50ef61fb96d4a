"""Letting somebody go: the conditions as boxes, the plan with its reasons, the certificate, and taking it back."""

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.outbreak.care.reach import may_for
from duban.outbreak.casefiles.identity import facts_of
from duban.outbreak.casefiles.queries import file_for, own_and_merged
from duban.outbreak.measures.certificate import certificate_of, print_certificate
from duban.outbreak.measures.release import RELEASES, conditions, release_person, revoke_release
from duban.outbreak.measures.words import condition_words
from duban.outbreak.models import CaseFile, FileState, Measure, MeasureRule, Plan, Release, Task, TaskState
from duban.outbreak.protection.visibility import looked_recently, shown


@dataclass(frozen=True)
class PhaseShown:
    measure: str
    first: str
    last: str
    why: dict[str, object]
    rule: MeasureRule | None


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_who(RELEASES)
def release_page(request: StaffRequest, file_id: uuid.UUID) -> HttpResponse:
    """What must hold before the person goes, and the button that is there when it does."""
    file = file_for(request.user, file_id)
    if request.method == "POST":
        try:
            return _changed(request, file)
        except DubanError as refusal:
            return _release_page(request, file, refusal)
    return _release_page(request, file)


def _changed(request: StaffRequest, file: CaseFile) -> HttpResponse:
    now = clock.now()
    if request.POST.get("do") == "revoke":
        revoke_release(by=request.user, now=now, file_id=file.pk)
        messages.success(request, _("The release is taken back; the certificate says so, and the person is followed."))
    else:
        release = release_person(by=request.user, now=now, file_id=file.pk)
        messages.success(request, _("Released under the number %(number)s.") % {"number": release.number})
    return redirect("outbreak:release", file.pk)


def _release_page(request: StaffRequest, file: CaseFile, refusal: DubanError | None = None) -> HttpResponse:
    now = clock.now()
    is_open = file.state == FileState.OPEN
    ids = own_and_merged(file)
    release = Release.objects.filter(file=file).order_by("-at").first()
    facts = shown(request.user, file, facts_of(file), looked=looked_recently(request.user, file, now))
    checked = conditions(file, now) if is_open else []
    plans = list(Plan.objects.filter(file__in=ids).order_by("-current", "-made_at", "-version"))
    context = {
        "file": file,
        "name": facts.name,
        "state": FileState(file.state).label,
        "is_open": is_open,
        "conditions": checked,
        "ready": bool(checked) and all(one.met for one in checked),
        "may_release": may_for(request.user, RELEASES, file),
        "release": release,
        "stands": release is not None and release.revoked_at is None,
        "then": [condition_words(one["code"], one["met"], one) for one in release.conditions] if release else [],
        "phases": _phases(plans[0]) if plans and plans[0].current else [],
        "before": [(plan, _phases(plan)) for plan in plans if not plan.current][:20],
        "tasks": Task.objects.filter(file__in=ids)
        .exclude(state=TaskState.CANCELLED)
        .order_by("due_on", "kind", "slot"),
        "refusal": refusal,
    }
    return render(request, "outbreak/measures/release.html", context, status=refusal.status if refusal else 200)


def _phases(plan: Plan) -> list[PhaseShown]:
    rules = MeasureRule.objects.in_bulk([phase["why"].get("rule", 0) for phase in plan.phases])
    return [
        PhaseShown(
            measure=str(Measure(phase["measure"]).label),
            first=phase["first"],
            last=phase["last"],
            why=phase["why"],
            rule=rules.get(phase["why"].get("rule")),
        )
        for phase in plan.phases
    ]


@require_safe
@never_cache
@person_who(RELEASES)
def certificate_pdf(request: StaffRequest, released_id: uuid.UUID) -> HttpResponse:
    """The certificate to print; it bears the name, and the look is on the record."""
    file = file_for(request.user, released_id)
    pdf = print_certificate(by=request.user, now=clock.now(), file_id=file.pk, language=get_language() or "zh-hans")
    response = HttpResponse(pdf, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="certificate-{file.number}.pdf"'
    return response


@require_safe
@never_cache
def certificate(request: HttpRequest, code: str) -> HttpResponse:
    """Whether a certificate holds, for whoever scanned it."""
    response = render(request, "outbreak/measures/certificate.html", {"said": certificate_of(code)})
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


urls = [
    path("files/<uuid:file_id>/release/", release_page, name="release"),
    path("files/<uuid:released_id>/certificate.pdf", certificate_pdf, name="certificate_pdf"),
]
