"""One shift for the office: who is in and who waits, checking people in, their hours, and what is printed for it."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.commons.contact import Contact, checked_contact
from duban.commons.guests import kept_private
from duban.commons.models import Record, Shift, SignUp, SignUpState
from duban.commons.notices import mark_read
from duban.commons.secrets import new_secret
from duban.commons.volunteering import actions, certificates, queries
from duban.commons.volunteering.actions import MANAGES, BadActivity, Certified
from duban.commons.volunteering.here_pages import pdf_answer
from duban.commons.volunteering.looking import contacts_of, look_at_contacts, looked, remember_look
from duban.commons.volunteering.pages import read_shift, rows_of
from duban.commons.volunteering.qr import qr_svg
from duban.commons.volunteering.queries import SEES
from duban.commons.volunteering.words import length_words, when_words
from duban.core import clock
from duban.core.errors import DubanError

PAGE = 200


@dataclass(frozen=True)
class Line:
    """Somebody who signed up: masked, unless the contact was looked at; None once it was deleted."""

    sign_up: SignUp
    contact: Contact | None
    record: Record | None
    before: str
    """Hours that are certified so far, in words, or empty."""

    @property
    def is_in(self) -> bool:
        return self.sign_up.state == SignUpState.IN


# ---- who is in ------------------------------------------------------------------------------------------------------


@require_safe
@never_cache
@person_who(SEES)
def shift_page(request: StaffRequest, shift_id: uuid.UUID) -> HttpResponse:
    shift = queries.shift_for(request.user, shift_id)
    mark_read(by=request.user, now=clock.now(), of=shift)
    return _shift_page(request, shift)


def _shift_page(request: StaffRequest, shift: Shift, refusal: DubanError | None = None) -> HttpResponse:
    now = clock.now()
    seen = looked(request, shift, now)
    lines, later = _lines(request, shift, whole=seen)
    manages = rights.may(request.user, MANAGES, shift.jurisdiction)
    runs = shift.cancelled_at is None
    context = {
        "shift": shift,
        "activity": shift.activity,
        "row": rows_of([shift], now)[0],
        "lines": lines,
        "later": later,
        "seen": seen,
        "manages": manages and runs,
        "called_off": shift.taken if manages and not runs and now < shift.ends_at else 0,
        "told": _moved_up(shift) if manages and runs and now < shift.ends_at else 0,
        "may_look": manages and not seen and bool(lines),
        "may_check_in": manages and runs and shift.begins_at - actions.EARLY <= now <= shift.ends_at + actions.LONGEST,
        "may_sign_up": manages and runs and now < shift.ends_at,
        "begun": shift.begins_at <= now,
        "refusal": refusal,
        "sent": request.POST,
        "new": {"id": uuid.uuid4(), "key": new_secret()},
        "local": {"begins": timezone.localtime(shift.begins_at), "ends": timezone.localtime(shift.ends_at)},
    }
    return render(request, "commons/volunteering_shift.html", context, status=refusal.status if refusal else 200)


def _lines(request: StaffRequest, shift: Shift, *, whole: bool) -> tuple[list[Line], int]:
    """A page of the list in its order, those who withdrew last seen in their turn, and where the next page begins."""
    start = request.GET.get("from", "")
    after = int(start) if start.isascii() and start.isdecimal() and len(start) < 8 else 0
    found = list(shift.sign_ups.filter(turn__gt=after).order_by("turn")[: PAGE + 1])
    later = found[PAGE - 1].turn if len(found) > PAGE else 0
    shown = found[:PAGE]
    return lines_of(request, shown, whole=whole), later


def _moved_up(shift: Shift) -> int:
    """How many came in from the waiting list and have not been seen there yet."""
    return shift.sign_ups.filter(state=SignUpState.IN, moved_up_at__isnull=False, came_at=None).count()


def lines_of(request: StaffRequest, sign_ups: list[SignUp], *, whole: bool) -> list[Line]:
    contacts = contacts_of(sign_ups, whole=whole)
    records = {one.sign_up_id: one for one in Record.objects.filter(sign_up__in=sign_ups, revoked_at=None)}
    minutes = queries.minutes_of(request.user, [one.person for one in sign_ups])
    return [
        Line(
            sign_up=one,
            contact=contacts.get(one.pk),
            record=records.get(one.pk),
            before=length_words(minutes[one.person]) if minutes.get(one.person) else "",
        )
        for one in sign_ups
    ]


@require_POST
@person_who(MANAGES)
def look(request: StaffRequest, shift_id: uuid.UUID) -> HttpResponse:
    """The names and numbers of the shift, for an hour; the look is on the record."""
    now = clock.now()
    shift = look_at_contacts(by=request.user, now=now, shift_id=shift_id)
    remember_look(request, shift, now)
    back = "commons:shift_list" if request.POST.get("to") == "list" else "commons:shift"
    return redirect(back, shift.pk)


@require_POST
@person_who(MANAGES)
def sign_up(request: StaffRequest, shift_id: uuid.UUID) -> HttpResponse:
    """For somebody who called or stands there: signed up, with a slip that opens their page."""
    shift = _managed(request, shift_id)
    try:
        made = actions.sign_up_for(
            by=request.user,
            now=clock.now(),
            shift_id=shift.pk,
            contact=checked_contact(request.POST.get("name", ""), request.POST.get("phone", "")),
            sign_up_id=_key(request.POST.get("id", "")),
            secret=request.POST.get("key", ""),
        )
    except DubanError as refusal:
        return _shift_page(request, shift, refusal)
    if not made.secret:
        return redirect("commons:shift", shift.pk)
    address = f"{settings.DUBAN_SITE_URL}{reverse('neighbours:volunteer_mine', args=[made.secret])}"
    context = {
        "shift": shift,
        "activity": shift.activity,
        "when": when_words(shift),
        "sign_up": made.sign_up,
        "in_line": queries.place_in_line(made.sign_up) if made.sign_up.state == SignUpState.WAITING else 0,
        "address": address,
        "qr": qr_svg(address),
    }
    return kept_private(render(request, "commons/volunteering_slip.html", context))


def _managed(request: StaffRequest, shift_id: uuid.UUID) -> Shift:
    shift = queries.shift_for(request.user, shift_id)
    rights.require(request.user, MANAGES, shift.jurisdiction)
    return shift


def _key(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise BadActivity("bad_id", _("Load the page anew, then send again."), field="id") from error


@require_POST
@person_who(MANAGES)
def step(request: StaffRequest, shift_id: uuid.UUID) -> HttpResponse:
    """One tap about one person: they are here, they are not after all, they do not come."""
    shift, now = _managed(request, shift_id), clock.now()
    try:
        found = shift.sign_ups.filter(pk=_key(request.POST.get("person", ""))).first()
        if found is None:
            raise BadActivity("bad_id", _("Load the page anew, then send again."), field="id")
        do = request.POST.get("do")
        if do == "here":
            actions.check_in_from_list(by=request.user, now=now, sign_up_ids=[found.pk])
        elif do == "not_here":
            actions.undo_check_in(by=request.user, now=now, sign_up_id=found.pk)
        elif do == "withdraw":
            actions.withdraw_for(by=request.user, now=now, sign_up_id=found.pk)
    except DubanError as refusal:
        return _shift_page(request, shift, refusal)
    return redirect(f"{reverse('commons:shift', args=[shift.pk])}#n{found.turn}")


@require_POST
@person_who(MANAGES)
def change(request: StaffRequest, shift_id: uuid.UUID) -> HttpResponse:
    """Another time, or more places."""
    shift = _managed(request, shift_id)
    line = {name: request.POST.get(name, "") for name in ("day", "begins", "ends", "places")}
    try:
        actions.change_shift(by=request.user, now=clock.now(), shift_id=shift.pk, draft=read_shift(line))
    except DubanError as refusal:
        return _shift_page(request, shift, refusal)
    messages.success(request, _("Changed; calendars that follow it are told."))
    return redirect("commons:shift", shift.pk)


@require_POST
@person_who(MANAGES)
def cancel(request: StaffRequest, shift_id: uuid.UUID) -> HttpResponse:
    """This shift alone does not take place."""
    shift = _managed(request, shift_id)
    try:
        actions.cancel_shift(by=request.user, now=clock.now(), shift_id=shift.pk)
    except DubanError as refusal:
        return _shift_page(request, shift, refusal)
    messages.success(request, _("Cancelled: its page and every calendar that follows it say so."))
    return redirect("commons:shift", shift.pk)


# ---- what is printed ------------------------------------------------------------------------------------------------


@require_safe
@never_cache
@person_who(SEES)
def list_page(request: StaffRequest, shift_id: uuid.UUID) -> HttpResponse:
    """Everybody who is in, then who waits, with a box to tick and a line to sign."""
    shift = queries.shift_for(request.user, shift_id)
    seen = looked(request, shift, clock.now())
    people = list(shift.sign_ups.exclude(state=SignUpState.WITHDRAWN).order_by("state", "turn")[: 5 * PAGE])
    context = {
        "shift": shift,
        "activity": shift.activity,
        "when": when_words(shift),
        "lines": lines_of(request, people, whole=seen),
        "seen": seen,
        "may_look": not seen and rights.may(request.user, MANAGES, shift.jurisdiction),
        "empty": range(max(3, min(10, shift.places // 5))),
    }
    return render(request, "commons/volunteering_print.html", context)


@require_safe
@person_who(MANAGES)
def poster(request: StaffRequest, shift_id: uuid.UUID) -> HttpResponse:
    """The sheet for the meeting point: its code checks in whoever scans it."""
    shift = _managed(request, shift_id)
    address = f"{settings.DUBAN_SITE_URL}{reverse('neighbours:volunteer_here', args=[shift.token])}"
    context = {"shift": shift, "activity": shift.activity, "when": when_words(shift), "qr": qr_svg(address)}
    return render(request, "commons/volunteering_poster.html", context)


# ---- hours ----------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_who(MANAGES)
def hours_page(request: StaffRequest, shift_id: uuid.UUID) -> HttpResponse:
    """What everybody did who came: one service for all, minutes and words of praise for each."""
    shift = _managed(request, shift_id)
    if request.method != "POST":
        return _hours_page(request, shift)
    try:
        records = actions.certify_hours(by=request.user, now=clock.now(), shift_id=shift.pk, rows=_certified(request))
    except DubanError as refusal:
        return _hours_page(request, shift, refusal)
    words = ngettext("%(n)d record is certified.", "%(n)d records are certified.", len(records))
    messages.success(request, words % {"n": len(records)})
    return redirect("commons:shift", shift.pk)


def _certified(request: StaffRequest) -> list[Certified]:
    """The rows that are ticked; raises BadActivity (`nobody_ticked`, `bad_minutes`)."""
    sent = request.POST
    ticked = [_key(text) for text in dict.fromkeys(sent.getlist("person"))]
    if not ticked:
        raise BadActivity("nobody_ticked", _("Tick whose hours are certified."), field="person")
    rows = []
    for key in ticked:
        told = sent.get(f"minutes-{key}", "").strip()
        if not (told.isascii() and told.isdecimal() and len(told) < 6):
            raise BadActivity("bad_minutes", _("Give the minutes as a whole number: 150."), field="minutes")
        rows.append(
            Certified(
                sign_up_id=key,
                minutes=int(told),
                service=sent.get("service", ""),
                training=sent.get("training", ""),
                commendation=sent.get(f"commendation-{key}", ""),
                evaluation=sent.get(f"evaluation-{key}", ""),
            )
        )
    return rows


@dataclass(frozen=True)
class HoursRow:
    line: Line
    ticked: bool
    minutes: str
    commendation: str
    evaluation: str


def _hours_page(request: StaffRequest, shift: Shift, refusal: DubanError | None = None) -> HttpResponse:
    now, sent = clock.now(), request.POST
    whole = looked(request, shift, now)
    certified = Record.objects.filter(sign_up__shift=shift, revoked_at=None).values("sign_up")
    came = shift.sign_ups.filter(came_at__isnull=False).exclude(pk__in=certified)
    lines = lines_of(request, list(came.order_by("turn")[:PAGE]), whole=whole)
    length = str(int((shift.ends_at - shift.begins_at) / timedelta(minutes=1)))
    ticked = set(sent.getlist("person"))
    rows = [
        HoursRow(
            line=line,
            ticked=not refusal or str(line.sign_up.pk) in ticked,
            minutes=sent.get(f"minutes-{line.sign_up.pk}", length),
            commendation=sent.get(f"commendation-{line.sign_up.pk}", ""),
            evaluation=sent.get(f"evaluation-{line.sign_up.pk}", ""),
        )
        for line in lines
    ]
    context = {
        "shift": shift,
        "activity": shift.activity,
        "when": when_words(shift),
        "rows": rows,
        "seen": whole,
        "service": sent.get("service", shift.activity.title),
        "training": sent.get("training", ""),
        "refusal": refusal,
    }
    status = refusal.status if refusal else 200
    return render(request, "commons/volunteering_hours.html", context, status=status)


@require_POST
@person_who(MANAGES)
def revoke(request: StaffRequest, record_id: uuid.UUID) -> HttpResponse:
    """The record was wrong; its certificate says so from now on."""
    record = queries.record_for(request.user, record_id)
    actions.revoke_record(by=request.user, now=clock.now(), record_id=record.pk)
    messages.success(request, _("Taken back; whoever scans the certificate is told. You can certify anew."))
    return redirect("commons:shift", record.sign_up.shift_id)


@require_safe
@never_cache
@person_who(MANAGES)
def certificate_pdf(request: StaffRequest, record_id: uuid.UUID) -> HttpResponse:
    """The certificate to print and hand over; it bears the name, and the look is on the record."""
    record = queries.record_for(request.user, record_id)
    pdf = certificates.print_certificate(
        by=request.user, now=clock.now(), record=record, language=get_language() or "zh-hans"
    )
    return pdf_answer(pdf, record.number)


urls = [
    path("shifts/<uuid:shift_id>/", shift_page, name="shift"),
    path("shifts/<uuid:shift_id>/look/", look, name="look_at_shift"),
    path("shifts/<uuid:shift_id>/sign-up/", sign_up, name="sign_up_for_shift"),
    path("shifts/<uuid:shift_id>/person/", step, name="shift_person"),
    path("shifts/<uuid:shift_id>/change/", change, name="change_shift"),
    path("shifts/<uuid:shift_id>/cancel/", cancel, name="cancel_shift"),
    path("shifts/<uuid:shift_id>/list/", list_page, name="shift_list"),
    path("shifts/<uuid:shift_id>/poster/", poster, name="shift_poster"),
    path("shifts/<uuid:shift_id>/hours/", hours_page, name="shift_hours"),
    path("records/<uuid:record_id>/revoke/", revoke, name="revoke_record"),
    path("records/<uuid:record_id>/certificate.pdf", certificate_pdf, name="record_certificate"),
]
