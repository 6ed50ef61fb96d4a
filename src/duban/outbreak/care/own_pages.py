"""A person's own page, by their link and without an account: report, ask, and see what is due to them and until when.

The address holds the secret: the page is kept by no cache and found by no search engine, and `core.quiet` keeps
the secret out of logs.
"""

import uuid
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from duban.access.actions import digest_of
from duban.access.lockout import client_address
from duban.core import clock
from duban.core.errors import DubanError, NotFound
from duban.outbreak.care import reports, requests
from duban.outbreak.care.links import file_of_link
from duban.outbreak.care.pages import request_key
from duban.outbreak.care.rules import Symptom, rule_on, today
from duban.outbreak.care.shown import due_to, requests_of, slot_to_fill, slots_of
from duban.outbreak.models import CaseFile, Measure, RequestKind, TaskKind

COMMON = [f"36.{tenth}" for tenth in range(0, 10)] + ["37.0", "37.1", "37.2"]
"""What a healthy person measures; the rest is typed."""
TRIES, TRIES_SECONDS = 30, 3600
"""So many links that open nothing, then an address waits an hour."""
SHOWN = 10
DUE = {
    TaskKind.ARRIVE: gettext_lazy("you are brought to the isolation site"),
    TaskKind.TEST: gettext_lazy("a test"),
    TaskKind.VISIT: gettext_lazy("a visit"),
    TaskKind.RELEASE: gettext_lazy("your release, if all results are in"),
}


def opened(request: HttpRequest, secret: str) -> CaseFile:
    """The file that the link opens. Raises NotFound (`link_unknown`), TooMany (`too_many_tries`) for who guesses."""
    key = f"care-tries:{digest_of(client_address(request) or '')}"
    if cache.get(key, 0) >= TRIES:
        raise requests.TooMany("too_many_tries", _("Too many links that open nothing came from here; wait an hour."))
    try:
        return file_of_link(secret)
    except NotFound:
        cache.set(key, cache.get(key, 0) + 1, TRIES_SECONDS)
        raise


def kept_private(response: HttpResponse) -> HttpResponse:
    """The answer, for no cache and no search engine."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


@require_safe
def own_page(request: HttpRequest, secret: str) -> HttpResponse:
    return _own_page(request, secret, opened(request, secret))


def _own_page(request: HttpRequest, secret: str, file: CaseFile, refusal: DubanError | None = None) -> HttpResponse:
    now = clock.now()
    slots = slots_of(file, now)
    slot = request.POST.get("slot") or slot_to_fill(slots)
    done = request.GET.get("done", "")
    context: dict[str, Any] = {
        "secret": secret,
        "measure": Measure(file.measure).label if file.measure else "",
        "ends_on": file.ends_on,
        "waiting_since": file.waiting_since,
        "today": today(now),
        "slots": slots,
        "slot": slot,
        "reported": all(one.report is not None for one in slots if one.open),
        "common": COMMON,
        "fever": rule_on(today(now)).fever,
        "symptoms": Symptom.choices,
        "kinds": RequestKind.choices,
        "due": [(DUE[TaskKind(one.kind)], one.due_on) for one in due_to(file, now)[:SHOWN]],
        "requests": [(RequestKind(one.kind).label, one) for one in requests_of(file)[:SHOWN]],
        "request_id": request.POST.get("id") or uuid.uuid4(),
        "done": done if done in {"report", "ask"} else "",
        "refusal": refusal,
        "sent": request.POST,
        "ticked": request.POST.getlist("symptoms"),
    }
    return kept_private(render(request, "outbreak/care/own.html", context, status=refusal.status if refusal else 200))


@require_POST
def own_report(request: HttpRequest, secret: str) -> HttpResponse:
    """Temperature and symptoms of today: a chip or a typed number, and the button."""
    file, now = opened(request, secret), clock.now()
    try:
        reports.record_report(
            by=None,
            now=now,
            file_id=file.pk,
            on=today(now),
            slot=request.POST.get("slot", ""),
            temperature=request.POST.get("other", "").strip() or request.POST.get("temperature", ""),
            symptoms=request.POST.getlist("symptoms"),
            note=request.POST.get("note", ""),
        )
    except DubanError as refusal:
        return _own_page(request, secret, file, refusal)
    return kept_private(redirect(f"{request.path.removesuffix('report/')}?done=report"))


@require_POST
def own_ask(request: HttpRequest, secret: str) -> HttpResponse:
    """Food, medicine, a doctor, something else."""
    file = opened(request, secret)
    try:
        requests.make_request(
            by=None,
            now=clock.now(),
            request_id=request_key(request.POST.get("id", "")),
            file_id=file.pk,
            kind=request.POST.get("kind", ""),
            words=request.POST.get("words", ""),
        )
    except DubanError as refusal:
        return _own_page(request, secret, file, refusal)
    return kept_private(redirect(f"{request.path.removesuffix('ask/')}?done=ask"))


urls = [
    path("<str:secret>/", own_page, name="own"),
    path("<str:secret>/report/", own_report, name="own_report"),
    path("<str:secret>/ask/", own_ask, name="own_ask"),
]
