"""A visit, as the inspector makes it on a phone; the lists of visits and failures; what the town is told."""

import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError, NotFound
from duban.evidence.responses import photo_response
from duban.ledger.story import numbers_in_sight
from duban.patrol import queries, visiting
from duban.patrol.checklists import lists_for, title_of, word_of
from duban.patrol.models import Answer, Failure, Result, Visit, VisitNotice, VisitState
from duban.patrol.queries import SEES
from duban.patrol.signing import SignedAs, open_signature, read_drawing
from duban.patrol.slip import slip_of
from duban.patrol.visit_list import (
    FailureFilters,
    VisitFilters,
    address_of,
    failures_asked,
    page_by_time,
    page_of_visits,
    read_failure_filters,
    read_visit_filters,
)
from duban.patrol.visit_shown import Asked, answers_shown, meetings_of, questions_of
from duban.patrol.visiting import MAKES, Closing, Lack, Place, Said
from duban.patrol.wording import words_of
from duban.places import queries as places
from duban.venues import queries as venues
from duban.venues.models import VenueType

STATE_SHAPES = {VisitState.UNDER_WAY: "assigned", VisitState.FINISHED: "closed", VisitState.VOID: "void"}
MAX_BODY = 200_000
NOTICES_SHOWN = 100


# ---- lists ----------------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def visit_list(request: StaffRequest) -> HttpResponse:
    """The visits in the person's area, the newest first."""
    person = request.user
    refusal, filters, lines, older, newer = None, VisitFilters(), [], "", ""
    try:
        filters = read_visit_filters(request.GET)
        page = page_of_visits(person, filters, request.GET.get("after", ""), request.GET.get("before", ""))
        lines, older, newer = page.rows, page.older, page.newer
    except DubanError as wrong:
        refusal = wrong
    asked = address_of(filters)
    context = {
        "lines": lines,
        "filters": filters,
        "refusal": refusal,
        "states": [
            (str(state.label), f"?{address_of(filters, state=str(state))}", filters.state == state)
            for state in VisitState
        ],
        "failed_url": f"?{address_of(filters, failed=not filters.failed)}",
        "mine_url": f"?{address_of(filters, mine=not filters.mine)}",
        "older": f"?{asked}&after={older}" if older else "",
        "newer": f"?{asked}&before={newer}" if newer else "",
        "may_visit": bool(rights.codes(person, MAKES)),
        "is_told": bool(rights.codes(person, "entry.handle")),
        "unread": VisitNotice.objects.filter(person=person, read_at=None).count(),
        **_pickers(request),
    }
    return render(request, "patrol/visits.html", context, status=refusal.status if refusal else 200)


def _pickers(request: StaffRequest) -> dict[str, Any]:
    units = places.counties_and_towns(rights.codes(request.user, SEES))
    return {"areas": [(unit.code, unit.name) for unit in units], "kinds": VenueType.objects.all()}


@require_safe
@person_who(SEES)
def failure_list(request: StaffRequest) -> HttpResponse:
    """What failed and is open, or was mended, in the person's area."""
    person, now = request.user, clock.now()
    refusal, filters = None, FailureFilters()
    rows: list[Failure] = []
    older = newer = ""
    try:
        filters = read_failure_filters(request.GET)
        asked = failures_asked(person, filters, now).select_related("venue__kind", "opened_by")
        page = page_by_time(asked, "opened_at", request.GET.get("after", ""), request.GET.get("before", ""))
        rows, older, newer = page.rows, page.older, page.newer
    except DubanError as wrong:
        refusal = wrong
    query = address_of(filters)
    numbers = numbers_in_sight(person, (one.entry_id for one in rows))
    words, names = words_of({one.key for one in rows}), places.names({one.town for one in rows})
    states = [("open", _("open")), ("closed", _("mended")), ("all", _("all"))]
    context = {
        "lines": [
            {
                "failure": one,
                "words": words[one.key].here,
                "town": names.get(one.town, one.town),
                "number": numbers.get(str(one.entry_id), ""),
                "late": one.closed_at is None and one.mend_by is not None and one.mend_by < now,
            }
            for one in rows
        ],
        "filters": filters,
        "refusal": refusal,
        "states": [(word, f"?{address_of(filters, state=key)}", filters.state == key) for key, word in states],
        "late_url": f"?{address_of(filters, late=not filters.late)}",
        "older": f"?{query}&after={older}" if older else "",
        "newer": f"?{query}&before={newer}" if newer else "",
        **_pickers(request),
    }
    return render(request, "patrol/failures.html", context, status=refusal.status if refusal else 200)


@require_safe
@person_who(SEES)
def notice_list(request: StaffRequest) -> HttpResponse:
    """The visits of which the person was told on the spot."""
    person = request.user
    found = VisitNotice.objects.filter(person=person, visit__in=queries.visits_for(person))
    told = list(
        found.select_related("visit__venue__kind").defer("visit__signature").order_by("-at", "-pk")[:NOTICES_SHOWN]
    )
    failed: dict[uuid.UUID, list[str]] = {}
    rows = Answer.objects.filter(visit__in=[one.visit_id for one in told], result=Result.FAIL)
    for visit_id, key in rows.order_by("item__position", "key").values_list("visit", "key"):
        failed.setdefault(visit_id, []).append(key)
    words = words_of({key for keys in failed.values() for key in keys})
    lines = [{"notice": one, "failed": [words[key].here for key in failed.get(one.visit_id, ())]} for one in told]
    return render(request, "patrol/visit_notices.html", {"lines": lines})


# ---- beginning ------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MAKES)
def start(request: StaffRequest, venue_id: uuid.UUID) -> HttpResponse:
    """Choose what to look at, and begin; whoever has a visit under way there is led back to it."""
    person, now = request.user, clock.now()
    venue = venues.venue_for(person, venue_id)
    rights.require(person, MAKES, venue.jurisdiction)
    under_way = Visit.objects.filter(venue=venue, state=VisitState.UNDER_WAY).defer("signature").order_by("visited_at")
    mine = next((one for one in under_way if one.username == person.username), None)
    refusal = None
    if request.method == "POST":
        try:
            visit = _begin(request, venue_id, now)
            return redirect("patrol:visit", visit.pk)
        except DubanError as wrong:
            refusal = wrong
    elif mine is not None:
        return redirect("patrol:visit", mine.pk)
    failures = list(queries.open_failures_of(venue))
    words = words_of({one.key for one in failures})
    context = {
        "venue": venue,
        "refusal": refusal,
        "lists": [(version.pk, title_of(version.checklist)) for version in lists_for(venue.kind_id)],
        "failures": [(one, words[one.key].here) for one in failures],
        "others": [one for one in under_way if one.username != person.username],
        "visit_id": request.POST.get("id") or uuid.uuid4(),
        "round": request.GET.get("round", "") or request.POST.get("round", ""),
        "chosen": request.POST.get("version", ""),
        "rechecking": request.POST.getlist("recheck"),
    }
    return render(request, "patrol/visit_start.html", context, status=refusal.status if refusal else 200)


def _begin(request: StaffRequest, venue_id: uuid.UUID, now: datetime) -> Visit:
    again = request.POST.get("what") == "recheck"
    return visiting.start_visit(
        by=request.user,
        now=now,
        visit_id=_key(request.POST.get("id", "")) or uuid.uuid4(),
        venue_id=venue_id,
        version_id=None if again else _key(request.POST.get("version", "")),
        recheck=[key for text in request.POST.getlist("recheck") if (key := _key(text))] if again else [],
        round_id=_key(request.POST.get("round", "")),
    )


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        # It names nothing, and what needs it says so.
        return None


# ---- the visit ------------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def visit_page(request: StaffRequest, visit_id: uuid.UUID) -> HttpResponse:
    """Under way, to who makes it: the questions. Otherwise what was found, and what came of it."""
    person, now = request.user, clock.now()
    visit = queries.visit_for(person, visit_id)
    if visit.state == VisitState.UNDER_WAY and visit.username == person.username:
        return render(request, "patrol/visit.html", _under_way(request, visit, now))
    visiting.read_notice(by=person, now=now, visit_id=visit.pk)
    return render(request, "patrol/visit_over.html", _over(request, visit, now))


def _head(visit: Visit) -> dict[str, Any]:
    return {
        "visit": visit,
        "venue": visit.venue,
        "title": title_of(visit.version.checklist) if visit.version else _("Re-check of what stands open"),
        "who": visit.inspector.get("name") or visit.username,
    }


def _under_way(request: StaffRequest, visit: Visit, now: datetime) -> dict[str, Any]:
    asked = questions_of(visit)
    return _head(visit) | {
        "asked": asked,
        "meetings": meetings_of(request.user, visit, now),
        "words": {
            "here": _("kept on this phone"),
            "sending": _("sending …"),
            "sent": _("all of it is sent"),
            "waiting": _("no connection: it is kept on this phone and sent later"),
            "again": _("Log in again; what you answered is kept on this phone."),
            "over": _("This visit is finished on another page."),
            "drop": _("Take this photo off"),
            "photo": _("Photo"),
            "one": _("One at a time"),
            "all": _("All in a list"),
        },
    }


def _over(request: StaffRequest, visit: Visit, now: datetime) -> dict[str, Any]:
    person = request.user
    lines = answers_shown(person, visit)
    told = list(VisitNotice.objects.filter(visit=visit).select_related("person").order_by("pk")[:50])
    town = places.names([visit.town]).get(visit.town, visit.town)
    checks = [line for line in lines if line.result]
    return _head(visit) | {
        "lines": lines,
        "counts": [(str(one.label), sum(line.result == one for line in checks)) for one in Result],
        "failed": sum(line.result == Result.FAIL for line in checks),
        "word": str(VisitState(visit.state).label),
        "shape": STATE_SHAPES[VisitState(visit.state)],
        "town": town,
        "told": told,
        "signed": str(SignedAs(visit.signed_as).label) if visit.signed_as else "",
        "meetings": meetings_of(person, visit, now),
        "may_void": visiting.may_void(person, visit),
        "may_visit": rights.may(person, MAKES, visit.jurisdiction) and visit.venue.closed_at is None,
        "standing": queries.open_failures_of(visit.venue).count() if visit.state == VisitState.FINISHED else 0,
        "points": _points(visit),
    }


def _points(visit: Visit) -> list[dict[str, Any]]:
    """Where the venue is and where the inspector stood, for the map."""
    points = []
    if visit.venue.lon is not None:
        points.append({"lon": visit.venue.lon, "lat": visit.venue.lat, "title": visit.venue.name, "state": "found"})
    if visit.lon is not None:
        points.append({"lon": visit.lon, "lat": visit.lat, "title": _("The inspector"), "state": "assigned"})
    return points


# ---- answering ------------------------------------------------------------------------------------------------------


@require_POST
@person_who(MAKES)
def answer(request: StaffRequest, visit_id: uuid.UUID) -> HttpResponse:
    """Answers as they are given: JSON from the page's script, or the form of one question without scripts."""
    if request.content_type == "application/json":
        return _take_queue(request, visit_id)
    key = request.POST.get("key", "")
    now = clock.now()
    try:
        for file in request.FILES.getlist("photo"):
            visiting.attach_photo(by=request.user, now=now, visit_id=visit_id, key=key, data=file.read())
        for photo in request.POST.getlist("drop"):
            visiting.detach_photo(by=request.user, now=now, visit_id=visit_id, key=key, photo=photo)
        said = Said(key, _form_value(request, visit_id, key), request.POST.get("note", ""))
        visiting.answer_items(by=request.user, now=now, visit_id=visit_id, said=[said])
    except DubanError as refusal:
        if refusal.field is None:
            raise
        messages.error(request, f"{refusal.message} ({refusal.code})")
    return redirect(f"{reverse('patrol:visit', args=[visit_id])}#q-{key}")


def _form_value(request: StaffRequest, visit_id: uuid.UUID, key: str) -> Any:
    """What a form says, as the kind of its question has it."""
    visit = queries.visit_for(request.user, visit_id)
    item = next((item for item in visiting.items_of(visit) if item.key == key), None)
    return read_value(item.type if item else "", request.POST.getlist("value"))


def read_value(kind: str, words: Sequence[str]) -> Any:
    """A form's words as an answer to a question of that kind; what cannot be read stays as it is, to be refused."""
    words = [word.strip() for word in words if word.strip()]
    if not words:
        return None
    if kind == "select_multiple":
        return words
    if kind in ("integer", "decimal", "geopoint"):
        numbers = [_number(word) for part in words for word in part.replace(",", " ").split()]
        return numbers if kind == "geopoint" else numbers[0]
    return words[0]


def _number(word: str) -> Any:
    try:
        return int(word) if word.lstrip("-").isdigit() else float(word)
    except ValueError:
        return word


def _take_queue(request: StaffRequest, visit_id: uuid.UUID) -> JsonResponse:
    """Each answer for itself, so that one that is refused holds up no other."""
    visiting.require_own(request.user, queries.visit_for(request.user, visit_id))
    refused, now = {}, clock.now()
    for said in _read_queue(request):
        try:
            visiting.answer_items(by=request.user, now=now, visit_id=visit_id, said=[said])
        except DubanError as refusal:
            if refusal.field is None:
                raise
            refused[said.key] = {"code": refusal.code, "message": str(refusal.message)}
    return _state_of(request, visit_id, refused)


def _read_queue(request: StaffRequest) -> list[Said]:
    try:
        if len(request.body) > MAX_BODY:
            raise ValueError
        said = json.loads(request.body)["said"]
        return [_read_said(one) for one in said[:500]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise visiting.BadVisit("bad_answers", _("The answers cannot be read.")) from error


def _read_said(one: dict[str, Any]) -> Said:
    words = one["value"]
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(words)
    value = read_value(str(one.get("type", "")), words)
    return Said(str(one["key"]), value, str(one.get("note", "")), _moment(one.get("at")))


def _moment(text: Any) -> datetime | None:
    found = parse_datetime(text) if isinstance(text, str) else None
    return found if found is not None and found.tzinfo is not None and 1900 < found.year < 9000 else None


def _state_of(request: StaffRequest, visit_id: uuid.UUID, refused: dict[str, Any] | None = None) -> JsonResponse:
    """How the visit stands now: what is asked, what is offered, what is answered."""
    asked: Asked = questions_of(queries.visit_for(request.user, visit_id))
    return JsonResponse(
        {
            "asked": asked.keys(),
            "offered": asked.offers(),
            "answered": [one.item.key for one in asked.questions if one.answered],
            "photos": {one.item.key: one.photos for one in asked.questions if one.has_photos},
            "done": asked.done,
            "total": asked.total,
            "refused": refused or {},
        }
    )


@require_POST
@person_who(MAKES)
def photos(request: StaffRequest, visit_id: uuid.UUID) -> JsonResponse:
    """A photo of one question, or one taken off."""
    visiting.require_own(request.user, queries.visit_for(request.user, visit_id))
    key, now = request.POST.get("key", ""), clock.now()
    if drop := request.POST.get("drop", ""):
        visiting.detach_photo(by=request.user, now=now, visit_id=visit_id, key=key, photo=drop)
    for file in request.FILES.getlist("photo"):
        visiting.attach_photo(by=request.user, now=now, visit_id=visit_id, key=key, data=file.read())
    return _state_of(request, visit_id)


@require_GET
@person_who(SEES)
def photo(request: StaffRequest, visit_id: uuid.UUID, sha256: str, variant: str) -> HttpResponseBase:
    """A photo of the visit; `variant` is original, public or thumbnail."""
    visit = queries.visit_for(request.user, visit_id)
    hung = Answer.objects.filter(visit=visit).values_list("photos", flat=True)
    if not any(sha256 in photos for photos in hung):
        raise Http404(sha256)
    return photo_response(request, sha256, variant)


# ---- the end --------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MAKES)
def finish(request: StaffRequest, visit_id: uuid.UUID) -> HttpResponse:
    """What was found once more, who signs, and the end."""
    person, now = request.user, clock.now()
    visit = queries.visit_for(person, visit_id)
    refusal = None
    if request.method == "POST":
        try:
            if request.POST.get("skip"):
                visiting.skip_rest(by=person, now=now, visit_id=visit_id)
                return redirect("patrol:visit_finish", visit_id)
            _finish(request, visit, now)
            return redirect("patrol:visit", visit_id)
        except DubanError as wrong:
            if wrong.status in (403, 404):
                raise
            refusal = wrong
    elif visit.state != VisitState.UNDER_WAY or visit.username != person.username:
        return redirect("patrol:visit", visit_id)
    return render(
        request,
        "patrol/visit_finish.html",
        _finishing(request, visit, refusal),
        status=refusal.status if refusal else 200,
    )


def _finish(request: StaffRequest, visit: Visit, now: datetime) -> None:
    said = request.POST
    place = _place(said.get("lon", ""), said.get("lat", ""), said.get("accuracy_m", ""))
    closing = Closing(said.get("note", ""), said.get("signed_as", ""), read_drawing(said.get("signature", "")), place)
    settled = visiting.finish_visit(by=request.user, now=now, visit_id=visit.pk, closing=closing)
    listed = len(settled.entries) + len(settled.joined)
    failed = Answer.objects.filter(visit=visit, result=Result.FAIL).count()
    words = ngettext("Finished: %(n)s item failed", "Finished: %(n)s items failed", failed) % {"n": failed}
    told = VisitNotice.objects.filter(visit=visit).count()
    if listed:
        words += _(", %(n)s on the ledger") % {"n": listed}
    if told:
        words += _(", the town is told")
    messages.success(request, words + _("."))


def _place(lon: str, lat: str, accuracy: str) -> Place | None:
    try:
        return Place(float(lon), float(lat), float(accuracy) if accuracy else None) if lon and lat else None
    except ValueError as error:
        raise visiting.BadVisit(
            "bad_position", _("Give the position as degrees east and north."), field="lon"
        ) from error


def _finishing(request: StaffRequest, visit: Visit, refusal: DubanError | None) -> dict[str, Any]:
    asked = questions_of(visit)
    answers = list(Answer.objects.filter(visit=visit).select_related("item"))
    lacks: list[Lack] = visiting.lacks_of(visit, visiting.items_of(visit), visiting.choices_of(visit), answers)
    results = [answer.result for answer in answers]
    missing = {lack.item.key for lack in lacks if lack.refusal.code == "answer_needed" and lack.item.type == "check"}
    failed = {answer.key: answer for answer in answers if answer.result == Result.FAIL}
    return _head(visit) | {
        "asked": asked,
        "refusal": refusal,
        "lacks": [(lack, word_of(lack.item.label, lack.item.label_en)) for lack in lacks],
        "unanswered": len(missing),
        "left_open": asked.total - asked.done if visit.recheck else 0,
        "counts": [(str(one.label), results.count(one)) for one in Result],
        "failed": [(one, failed[one.item.key]) for one in asked.questions if one.item.key in failed],
        "signers": SignedAs.choices,
        "said": request.POST,
        "meetings": meetings_of(request.user, visit, clock.now()),
    }


@require_POST
@person_who(MAKES, visiting.TAKES_BACK)
def void(request: StaffRequest, visit_id: uuid.UUID) -> HttpResponse:
    """Take the visit back; a refusal stands on its page."""
    try:
        visiting.void_visit(by=request.user, now=clock.now(), visit_id=visit_id, reason=request.POST.get("reason", ""))
    except DubanError as refusal:
        if refusal.status in (403, 404):
            raise
        visit = queries.visit_for(request.user, visit_id)
        context = _over(request, visit, clock.now()) | {"refusal": refusal, "reason": request.POST.get("reason", "")}
        return render(request, "patrol/visit_over.html", context, status=refusal.status)
    messages.success(request, _("The visit is taken back; what it found is undone."))
    return redirect("patrol:visit", visit_id)


@require_safe
@person_who(SEES)
def slip(request: StaffRequest, visit_id: uuid.UUID) -> HttpResponse:
    """What the venue is handed: PDF in the language of the page."""
    visit = queries.visit_for(request.user, visit_id)
    if visit.state != VisitState.FINISHED:
        raise NotFound("slip_not_found", _("There is a slip only of a finished visit."))
    response = HttpResponse(slip_of(visit, get_language() or "zh-hans"), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="slip-{str(visit.pk)[:8]}.pdf"'
    return response


@require_safe
@person_who(SEES)
def signature(request: StaffRequest, visit_id: uuid.UUID) -> HttpResponse:
    """The signature as it was drawn, black on white."""
    visit = queries.visit_for(request.user, visit_id)
    if not visit.signature:
        raise Http404(visit_id)
    response = HttpResponse(open_signature(visit.signature), content_type="image/png")
    response.headers["Cache-Control"] = "private, no-store"
    return response


urls: list[URLPattern] = [
    path("visits/", visit_list, name="visits"),
    path("visits/start/<uuid:venue_id>/", start, name="visit_start"),
    path("visits/<uuid:visit_id>/", visit_page, name="visit"),
    path("visits/<uuid:visit_id>/answers/", answer, name="visit_answers"),
    path("visits/<uuid:visit_id>/photos/", photos, name="visit_photos"),
    path("visits/<uuid:visit_id>/photos/<str:sha256>/<str:variant>/", photo, name="visit_photo"),
    path("visits/<uuid:visit_id>/finish/", finish, name="visit_finish"),
    path("visits/<uuid:visit_id>/void/", void, name="visit_void"),
    path("visits/<uuid:visit_id>/slip.pdf", slip, name="visit_slip"),
    path("visits/<uuid:visit_id>/signature.png", signature, name="visit_signature"),
    path("failures/", failure_list, name="failures"),
    path("notices/", notice_list, name="visit_notices"),
]
