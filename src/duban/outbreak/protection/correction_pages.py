"""The officer's desk for requests of people to have their own file put right."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.sealed_text import open_text
from duban.outbreak.casefiles.identity import facts_of
from duban.outbreak.models import Correction, CorrectionState
from duban.outbreak.protection.corrections import ANSWERS, answer_correction, correction_for, corrections_for
from duban.outbreak.protection.look_pages import FIELDS
from duban.outbreak.protection.visibility import looked_recently, shown
from duban.places import queries as places

SHOWN = 200


@require_safe
@person_who(ANSWERS)
def corrections(request: StaffRequest) -> HttpResponse:
    """The requests that wait, the oldest first, and those that were answered."""
    every = corrections_for(request.user)
    waiting = list(every.filter(state=CorrectionState.ASKED)[:SHOWN])
    answered = list(every.exclude(state=CorrectionState.ASKED).order_by("-answered_at")[:SHOWN])
    names = places.names({one.town for one in (*waiting, *answered)})
    context = {
        "waiting": [(one, names.get(one.town, one.town)) for one in waiting],
        "answered": [(one, names.get(one.town, one.town), CorrectionState(one.state).label) for one in answered],
    }
    return render(request, "outbreak/protection/corrections.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_who(ANSWERS)
def correction(request: StaffRequest, correction_id: uuid.UUID) -> HttpResponse:
    """What the person says, what the file says, and the answer: put right or refused."""
    row, refusal = correction_for(request.user, correction_id), None
    if request.method == "POST":
        try:
            answer_correction(
                by=request.user,
                now=clock.now(),
                correction_id=row.pk,
                made=request.POST.get("made") == "1",
                answer=request.POST.get("answer", ""),
                changes={name: request.POST.get(name, "") for name in FIELDS},
            )
            messages.success(request, _("Answered; the person reads it on their own page."))
            return redirect("outbreak:corrections")
        except DubanError as wrong:
            refusal = wrong
    return _page(request, row, refusal)


def _page(request: StaffRequest, row: Correction, refusal: DubanError | None) -> HttpResponse:
    file, now = row.file, clock.now()
    facts = shown(request.user, file, facts_of(file), looked=looked_recently(request.user, file, now))
    context = {
        "row": row,
        "waits": row.state == CorrectionState.ASKED,
        "state": CorrectionState(row.state).label,
        "said": open_text(row.sealed),
        "answer": open_text(row.answer) if row.answer is not None else "",
        "facts": [(name, word, getattr(facts, name), request.POST.get(name, "")) for name, word in FIELDS.items()],
        "sent": request.POST,
        "refusal": refusal,
    }
    status = refusal.status if refusal else 200
    return render(request, "outbreak/protection/correction.html", context, status=status)


urls = [
    path("corrections/", corrections, name="corrections"),
    path("corrections/<uuid:correction_id>/", correction, name="correction"),
]
