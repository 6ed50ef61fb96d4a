"""The person's own part of their page: what is held about them, who looked and when, and asking for correction.

The link alone shows it masked, since a message with a link may be read by others; the last four digits of the ID number
or the phone show it whole.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST, require_safe

from duban.core import clock
from duban.core.errors import DubanError
from duban.core.sealed_text import open_text
from duban.outbreak.care.own_pages import kept_private, opened
from duban.outbreak.care.requests import TooMany
from duban.outbreak.casefiles.identity import Facts, facts_of, masked
from duban.outbreak.casefiles.queries import own_and_merged
from duban.outbreak.models import (
    CareRequest,
    CaseExposure,
    CaseFile,
    ContactNote,
    CorrectionState,
    DailyReport,
    ExposureKind,
    Ground,
    Look,
    Measure,
    Need,
    NeedKind,
    Result,
    Swab,
    Tube,
)
from duban.outbreak.protection.corrections import LONGEST, ask_correction, corrections_of
from duban.outbreak.protection.look_pages import FIELDS, purpose_words, role_words
from duban.places import queries as places

LOOKS_SHOWN = 100
TRIES, TRIES_SECONDS = 5, 3600
DIGITS = 4


class BadDigits(DubanError):
    pass


@dataclass(frozen=True)
class Looked:
    """A look as the person is told of it: the role and the office, no name."""

    at: datetime
    role: str
    office: str
    ground: str
    purpose: str


@require_safe
def mine(request: HttpRequest, secret: str) -> HttpResponse:
    """What is held, masked."""
    return _page(request, secret, opened(request, secret))


@require_POST
def mine_whole(request: HttpRequest, secret: str) -> HttpResponse:
    """The same with nothing masked, for who knows the last digits; shown once and kept nowhere."""
    file = opened(request, secret)
    try:
        _require_digits(file, request.POST.get("digits", ""))
    except DubanError as refusal:
        return _page(request, secret, file, refusal=refusal)
    return _page(request, secret, file, whole=True)


@require_POST
def mine_correct(request: HttpRequest, secret: str) -> HttpResponse:
    """Ask to have something put right."""
    file = opened(request, secret)
    try:
        ask_correction(now=clock.now(), file=file, words=request.POST.get("words", ""))
    except DubanError as refusal:
        return _page(request, secret, file, refusal=refusal)
    return kept_private(redirect(f"{request.path.removesuffix('correct/')}?done=1"))


def _require_digits(file: CaseFile, digits: str) -> None:
    """Raises BadDigits (`digits_wrong`), TooMany (`too_many_tries`)."""
    key = f"mine-tries:{file.pk}"
    if cache.get(key, 0) >= TRIES:
        raise TooMany("too_many_tries", _("That was wrong too often; wait an hour, or ask whoever looks after you."))
    facts, given = facts_of(file), digits.strip().upper()
    known = [number[-DIGITS:].upper() for number in (facts.id_number, facts.phone) if len(number) > DIGITS]
    if not any(hmac.compare_digest(given.encode(), end.encode()) for end in known):
        cache.add(key, 0, TRIES_SECONDS)
        cache.incr(key)
        raise BadDigits(
            "digits_wrong",
            _("These are the last four digits neither of the ID number nor of the phone."),
            field="digits",
        )


def _page(
    request: HttpRequest, secret: str, file: CaseFile, *, whole: bool = False, refusal: DubanError | None = None
) -> HttpResponse:
    files = own_and_merged(file)
    facts = facts_of(file) if whole else masked(facts_of(file))
    exposures = CaseExposure.objects.filter(file__in=files, withdrawn_at=None).order_by("first", "pk")
    context: dict[str, Any] = {
        "secret": secret,
        "facts": _told(facts),
        "whole": whole,
        "measure": Measure(file.measure).label if file.measure else "",
        "file": file,
        "exposures": [(ExposureKind(one.kind).label, one.place, one.first, one.last) for one in exposures],
        "swabs": _swabs(files),
        "held": _held(files),
        "texts": _texts(files) if whole else [],
        "looks": _looks(files),
        "corrections": [
            (one, CorrectionState(one.state).label, open_text(one.answer) if one.answer is not None else "")
            for one in corrections_of(file)
        ],
        "longest": LONGEST,
        "sent": request.POST,
        "done": request.GET.get("done") == "1",
        "refusal": refusal,
    }
    page = render(request, "outbreak/protection/mine.html", context, status=refusal.status if refusal else 200)
    return kept_private(page)


def _told(facts: Facts) -> list[tuple[str, str]]:
    return [(str(word), value) for name, word in FIELDS.items() if (value := getattr(facts, name))]


def _swabs(files: Sequence[UUID]) -> list[tuple[datetime, str]]:
    rows = Swab.objects.filter(file__in=files).select_related("tube").order_by("-taken_at")
    return [(one.taken_at, _result_words(one.tube)) for one in rows]


def _result_words(tube: Tube) -> str:
    """What a pool said is said of ten people; it is no result of this one unless it was negative."""
    if not tube.result:
        return _("no result yet")
    if tube.size > 1 and tube.result != Result.NEGATIVE:
        return _("no result of your own; you are tested again")
    return str(Result(tube.result).label)


def _held(files: Sequence[UUID]) -> list[tuple[str, int]]:
    """How much of each kind is kept."""
    kinds = [
        (_("reports of temperature"), DailyReport),
        (pgettext("held about me", "calls and visits written down"), ContactNote),
        (pgettext("held about me", "requests"), CareRequest),
        (pgettext("held about me", "needs"), Need),
    ]
    return [(word, number) for word, model in kinds if (number := model._base_manager.filter(file__in=files).count())]


def _texts(files: Sequence[UUID]) -> list[tuple[datetime, str, str]]:
    """(when, what it is, words) of what was written about the person."""
    found = [(one.at, _("note"), open_text(one.sealed)) for one in ContactNote.objects.filter(file__in=files)]
    for need in Need.objects.filter(file__in=files):
        found.append((need.since, str(NeedKind(need.kind).label), open_text(need.sealed)))
    return sorted((one for one in found if one[2]), reverse=True)


def _looks(files: Sequence[UUID]) -> list[Looked]:
    rows = list(Look.objects.filter(file__in=files).order_by("-at", "-pk")[:LOOKS_SHOWN])
    codes = {role[1] for look in rows for role in look.by.get("roles", [])[:1]}
    names = places.names(codes)
    return [
        Looked(
            look.at,
            role_words(look.by),
            next((names.get(role[1], role[1]) for role in look.by.get("roles", [])), ""),
            str(Ground(look.ground).label),
            purpose_words(look.purpose),
        )
        for look in rows
    ]


urls = [
    path("<str:secret>/mine/", mine, name="mine"),
    path("<str:secret>/mine/whole/", mine_whole, name="mine_whole"),
    path("<str:secret>/mine/correct/", mine_correct, name="mine_correct"),
]
