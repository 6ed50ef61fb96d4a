"""Daily care at the desk: one person's reports and link, a whole floor in one table, alerts and requests."""

import uuid
from typing import Any

import segno
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.outbreak.care import alerts, links, reports, requests
from duban.outbreak.care.reach import may_for
from duban.outbreak.care.rules import Symptom, open_slots, today
from duban.outbreak.care.shown import (
    Line,
    days_of,
    floor_of,
    requests_of,
    slot_to_fill,
    slots_of,
    symptom_words,
)
from duban.outbreak.casefiles.identity import facts_of_many
from duban.outbreak.casefiles.queries import file_for, own_and_merged
from duban.outbreak.models import (
    Alert,
    AlertKind,
    BedStay,
    CareLink,
    CareRequest,
    CaseFile,
    FileState,
    ReportedBy,
    RequestKind,
    Slot,
)
from duban.outbreak.protection.visibility import show_list
from duban.outbreak.sites.queries import by_number, site_for
from duban.places import queries as places

SEES, ACTS, TOLD = "file.see", "act.do", "site.see"
PAGE = 50
QUIET = 4
"""Modules of white around a code that a reader needs."""
LEVELS = {1: gettext_lazy("the town"), 2: gettext_lazy("the office"), 3: gettext_lazy("the leader")}


# ---- one person -----------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def file_page(request: StaffRequest, file_id: uuid.UUID) -> HttpResponse:
    return _file_page(request, file_for(request.user, file_id))


def _file_page(request: StaffRequest, file: CaseFile, refusal: DubanError | None = None, **more: Any) -> HttpResponse:
    """Reports, alerts and requests of somebody, with the report that is taken by phone; never who it is in full."""
    now, person = clock.now(), request.user
    slots = slots_of(file, now)
    rows = own_and_merged(file)
    stay = BedStay.objects.filter(file__in=rows, until=None).select_related("bed__room__site").first()
    standing = Alert.objects.filter(file__in=rows, closed_at=None).select_related("report", "file")
    context = {
        "file": file,
        "facts": show_list(by=person, now=now, files=[file], facts=facts_of_many([file]))[file.pk],
        "open": file.state == FileState.OPEN,
        "acts": file.state == FileState.OPEN and may_for(person, ACTS, file),
        "links": file.state == FileState.OPEN and may_for(person, links.MAKES, file),
        "link": CareLink.objects.filter(file__in=rows, revoked_at=None).first(),
        "stay": stay,
        "days": days_of(file, now),
        "slots": slots,
        "slot": request.POST.get("slot") or slot_to_fill(slots),
        "symptoms": Symptom.choices,
        "ticked": request.POST.getlist("symptoms"),
        "alerts": [(one, *_told(one)) for one in standing],
        "requests": [_request_row(one) for one in requests_of(file)[:PAGE]],
        "kinds": RequestKind.choices,
        "request_id": request.POST.get("id") or uuid.uuid4(),
        "today": today(now),
        "refusal": refusal,
        "sent": request.POST,
        **more,
    }
    response = render(request, "outbreak/care/file.html", context, status=refusal.status if refusal else 200)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_POST
@person_who(ACTS)
def report(request: StaffRequest, file_id: uuid.UUID) -> HttpResponse:
    """What the person said on the phone."""
    file, now = file_for(request.user, file_id), clock.now()
    try:
        reports.record_report(
            by=request.user,
            now=now,
            file_id=file.pk,
            on=today(now),
            slot=request.POST.get("slot", ""),
            temperature=request.POST.get("temperature", ""),
            symptoms=request.POST.getlist("symptoms"),
            note=request.POST.get("note", ""),
            how=ReportedBy.PHONE,
        )
    except DubanError as refusal:
        return _file_page(request, file, refusal)
    messages.success(request, _("The report is taken."))
    return redirect("outbreak:care_file", file.pk)


@require_POST
@person_who(ACTS)
def ask(request: StaffRequest, file_id: uuid.UUID) -> HttpResponse:
    """What the person asked for on the phone."""
    file = file_for(request.user, file_id)
    try:
        requests.make_request(
            by=request.user,
            now=clock.now(),
            request_id=request_key(request.POST.get("id", "")),
            file_id=file.pk,
            kind=request.POST.get("kind", ""),
            words=request.POST.get("words", ""),
        )
    except DubanError as refusal:
        return _file_page(request, file, refusal)
    messages.success(request, _("The request is taken."))
    return redirect("outbreak:care_file", file.pk)


def request_key(told: str) -> uuid.UUID:
    """The id that the form made before the first press. Raises BadRequest (`bad_id`)."""
    try:
        return uuid.UUID(told)
    except ValueError as error:
        raise requests.BadRequest("bad_id", _("Load the page anew, then send again.")) from error


@require_POST
@person_who(links.MAKES)
def make_link(request: StaffRequest, file_id: uuid.UUID) -> HttpResponse:
    """A new link, in this one answer alone: to print, or to copy into a message."""
    file = file_for(request.user, file_id)
    try:
        secret = links.make_link(by=request.user, now=clock.now(), file_id=file.pk)
    except DubanError as refusal:
        if refusal.status == 403:
            raise
        return _file_page(request, file, refusal)
    address = f"{settings.DUBAN_SITE_URL}{reverse('care:own', args=[secret])}"
    return _file_page(request, file, address=address, qr=_qr(address))


def _qr(address: str) -> SafeString:
    code = segno.make(address, error="m", micro=False)
    inline = code.svg_inline(border=QUIET, dark="#000", light="#fff", omitsize=True, svgclass=None)
    return mark_safe(inline)  # noqa: S308 - drawn from an address of our own making


@require_POST
@person_who(links.MAKES)
def end_link(request: StaffRequest, file_id: uuid.UUID) -> HttpResponse:
    """The link opens nothing any more: it was lost, or lent."""
    file = file_for(request.user, file_id)
    if not may_for(request.user, links.MAKES, file):
        rights.require(request.user, links.MAKES, file.town)
    links.revoke_link(now=clock.now(), file_id=file.pk)
    messages.success(request, _("The link opens nothing any more."))
    return redirect("outbreak:care_file", file.pk)


# ---- a whole floor --------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(ACTS)
def round_page(request: StaffRequest, site_id: uuid.UUID) -> HttpResponse:
    """Everybody on a floor in one table; what is filled in is taken, what is wrong stays with its mend."""
    person, now = request.user, clock.now()
    site = site_for(person, site_id)
    rights.require(person, ACTS, site.town)
    ready, told = open_slots(now), request.POST.get("slot") or request.GET.get("slot", "")
    slot = told if told in ready else ready[-1]
    floors = sorted(set(site.rooms.values_list("floor", flat=True)), key=by_number)
    asked = request.GET.get("floor")
    floor = asked if asked in floors else None
    lines = floor_of(site, floor, today(now), slot)
    lines.sort(key=lambda line: (by_number(line.stay.bed.room.name), line.stay.bed_id))
    status = 200
    if request.method == "POST":
        taken = sum([_take_line(request, line, slot) for line in lines])
        if not any(line.refusal for line in lines):
            messages.success(request, _("%(n)d reports were taken.") % {"n": taken})
            return redirect(f"{reverse('outbreak:round', args=[site.pk])}?{request.GET.urlencode()}")
        status = 400
    theirs = [line.stay.file for line in lines if may_for(person, SEES, line.stay.file)]
    facts = show_list(by=person, now=now, files=theirs, facts=facts_of_many(theirs))
    context = {
        "site": site,
        "floor": floor,
        "floors": floors,
        "slot": slot,
        "slots": [(one, Slot(one).label) for one in ready],
        "today": today(now),
        "lines": [(line, facts.get(line.stay.file_id)) for line in lines],
        "missing": sum(line.report is None for line in lines),
        "refused": sum(line.refusal is not None for line in lines),
        "symptoms": Symptom.choices,
    }
    return render(request, "outbreak/care/round.html", context, status=status)


def _take_line(request: StaffRequest, line: Line, slot: str) -> int:
    """Take one line's report if it was filled in and says something new; how many were taken."""
    told = request.POST.get(f"t-{line.key}", "").strip()
    ticked = request.POST.getlist(f"s-{line.key}")
    known = line.report.report if line.report else None
    if not told and not ticked:
        return 0
    if known is not None and told == str(known.temperature) and ticked == known.symptoms:
        return 0
    line.temperature, line.symptoms = told, tuple(ticked)
    now = clock.now()
    try:
        reports.record_report(
            by=request.user,
            now=now,
            file_id=line.stay.file_id,
            on=today(now),
            slot=slot,
            temperature=told,
            symptoms=ticked,
            note=line.report.note if line.report else "",
            how=ReportedBy.SITE,
        )
    except DubanError as refusal:
        line.refusal = refusal
        return 0
    return 1


# ---- alerts ---------------------------------------------------------------------------------------------------------


def _told(alert: Alert) -> tuple[str, str, str, list[str]]:
    """What an alert says: its kind, whom it has reached, the temperature, the symptoms."""
    report, words = alert.report, []
    if report is not None and alert.kind == AlertKind.SYMPTOM:
        words = symptom_words(report.symptoms)
    degrees = f"{report.temperature} ℃" if report is not None else ""
    return str(AlertKind(alert.kind).label), str(LEVELS[alert.level]), degrees, words


@require_safe
@person_who(SEES, TOLD)
def alerts_page(request: StaffRequest) -> HttpResponse:
    """What waits for an answer, what rose highest first. A leader sees that it hangs, where and since when."""
    person, now, closed = request.user, clock.now(), request.GET.get("show") == "closed"
    found = alerts.alerts_for(person).filter(closed_at__isnull=not closed).select_related("file", "report")
    order = ["-closed_at", "-pk"] if closed else ["-level", "raised_at", "pk"]
    page = Paginator(found.order_by(*order), PAGE).get_page(request.GET.get("page"))
    theirs = [one.file for one in page.object_list if may_for(person, SEES, one.file)]
    facts = show_list(by=person, now=now, files=theirs, facts=facts_of_many(theirs))
    names = places.names({one.town for one in page.object_list})
    rows = []
    for one in page.object_list:
        kind, level, degrees, words = _told(one)
        may_open = one.file_id in facts
        rows.append(
            {
                "alert": one,
                "kind": kind,
                "level": level,
                "degrees": degrees if may_open else "",
                "symptoms": words if may_open else [],
                "facts": facts.get(one.file_id),
                "town": names.get(one.town, one.town),
                "late": one.escalates_at is not None and one.escalates_at <= now,
                "acts": one.closed_at is None and alerts.may_answer(person, one),
                "mine": one.taken_by is not None and one.taken_by["username"] == person.username,
                "done": alerts.words_of(one) if may_open else "",
            }
        )
    context = {"rows": rows, "page": page, "closed": closed}
    return render(request, "outbreak/care/alerts.html", context)


@require_POST
@person_who(ACTS)
def take_alert(request: StaffRequest, alert_id: int) -> HttpResponse:
    alerts.take_alert(by=request.user, now=clock.now(), alert_id=alert_id)
    messages.success(request, _("It is yours to answer."))
    return redirect("outbreak:alerts")


@require_POST
@person_who(ACTS)
def close_alert(request: StaffRequest, alert_id: int) -> HttpResponse:
    try:
        alerts.close_alert(by=request.user, now=clock.now(), alert_id=alert_id, words=request.POST.get("words", ""))
    except alerts.BadAlert as refusal:
        messages.error(request, f"{refusal.message} ({refusal.code})")
    else:
        messages.success(request, _("The alert is closed."))
    return redirect("outbreak:alerts")


# ---- requests -------------------------------------------------------------------------------------------------------


def _request_row(made: CareRequest) -> dict[str, Any]:
    return {"made": made, "kind": RequestKind(made.kind).label, "words": requests.words_of(made)}


@require_safe
@person_who(SEES)
def requests_page(request: StaffRequest) -> HttpResponse:
    """What people asked for and nobody has brought yet, what is due first at the head."""
    person, now, done = request.user, clock.now(), request.GET.get("show") == "done"
    found = requests.requests_for(person).filter(done_at__isnull=not done).select_related("file")
    if request.GET.get("mine"):
        found = found.filter(owner__username=person.username)
    if done:
        found = found.order_by("-done_at", "pk")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    files = list({one.file_id: one.file for one in page.object_list}.values())
    facts = show_list(by=person, now=now, files=files, facts=facts_of_many(files))
    names = places.names({one.town for one in page.object_list})
    rows = [
        _request_row(one)
        | {
            "facts": facts[one.file_id],
            "town": names.get(one.town, one.town),
            "late": one.due_at <= now,
            "acts": one.done_at is None and may_for(person, ACTS, one.file),
            "mine": one.owner is not None and one.owner["username"] == person.username,
        }
        for one in page.object_list
    ]
    context = {"rows": rows, "page": page, "done": done, "mine": bool(request.GET.get("mine"))}
    return render(request, "outbreak/care/requests.html", context)


@require_POST
@person_who(ACTS)
def give_request(request: StaffRequest, request_id: uuid.UUID) -> HttpResponse:
    """Somebody sees to it: who presses, or whom they name."""
    try:
        requests.give_request(
            by=request.user, now=clock.now(), request_id=request_id, username=request.POST.get("username", "")
        )
    except requests.BadRequest as refusal:
        messages.error(request, f"{refusal.message} ({refusal.code})")
    return redirect("outbreak:requests")


@require_POST
@person_who(ACTS)
def finish_request(request: StaffRequest, request_id: uuid.UUID) -> HttpResponse:
    requests.finish_request(by=request.user, now=clock.now(), request_id=request_id)
    messages.success(request, _("It was seen to."))
    return redirect("outbreak:requests")


urls = [
    path("sites/<uuid:site_id>/round/", round_page, name="round"),
    path("care/alerts/", alerts_page, name="alerts"),
    path("care/alerts/<int:alert_id>/take/", take_alert, name="take_alert"),
    path("care/alerts/<int:alert_id>/close/", close_alert, name="close_alert"),
    path("care/requests/", requests_page, name="requests"),
    path("care/requests/<uuid:request_id>/give/", give_request, name="give_request"),
    path("care/requests/<uuid:request_id>/done/", finish_request, name="finish_request"),
    path("care/<uuid:file_id>/", file_page, name="care_file"),
    path("care/<uuid:file_id>/report/", report, name="care_report"),
    path("care/<uuid:file_id>/ask/", ask, name="care_ask"),
    path("care/<uuid:file_id>/link/", make_link, name="make_link"),
    path("care/<uuid:file_id>/link/end/", end_link, name="end_link"),
]
