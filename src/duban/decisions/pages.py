"""Bodies and their meetings: planned with an agenda, held with who was there, their papers, minutes and decisions."""

import re
import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, refuse
from duban.decisions import actions, papers
from duban.decisions.actions import APPROVES, RECORDS, Attendee, BadDecision, Unit
from duban.decisions.models import Attendance, Body, BodyKind, DecisionState, Meeting, MeetingState, Presence
from duban.decisions.queries import (
    SEES,
    bodies_for,
    body_for,
    decisions_for,
    meeting_for,
    meetings_for,
    name_of,
)
from duban.decisions.words import meeting_title
from duban.places import queries as places

PAGE_SIZE = 30
BODIES = 200
SHOWN = 100
CHAIRED, ATTENDED, GUESTS, EXCUSED = Presence.CHAIR, Presence.MEMBER, Presence.GUEST, Presence.EXCUSED
SHAPES = {
    MeetingState.PLANNED: "listed",
    MeetingState.HELD: "assigned",
    MeetingState.APPROVED: "closed",
    MeetingState.CANCELLED: "void",
}


# ---- bodies and all meetings ----------------------------------------------------------------------------------------


class BodyForm(forms.Form):
    use_required_attribute = False

    name = NeededField(label=gettext_lazy("Name of the body"))
    kind = NeededField(label=gettext_lazy("What it is"), widget=forms.Select(choices=BodyKind.choices))
    jurisdiction = NeededField(label=gettext_lazy("For the area"), widget=forms.Select)

    def __init__(self, data: Any = None, *, areas: list[tuple[str, str]]):
        super().__init__(data)
        self.fields["jurisdiction"].widget.choices = areas


@dataclass(frozen=True)
class MeetingLine:
    meeting: Meeting
    title: str
    shape: str


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(SEES)
def meetings(request: StaffRequest) -> HttpResponse:
    """The bodies of the person's area and their meetings, the newest first; for who records a form for a new body."""
    person, status = request.user, 200
    form = BodyForm(request.POST or None, areas=_areas(person)) if rights.codes(person, RECORDS) else None
    if request.method == "POST":
        if form is None:
            rights.require(person, RECORDS, "")
        elif form.is_valid():
            try:
                body = actions.make_body(by=person, now=clock.now(), **form.cleaned_data)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                return redirect("decisions:body", body.pk)
    number = _page_number(request.GET.get("page", ""))
    rows = list(meetings_for(person)[(number - 1) * PAGE_SIZE : number * PAGE_SIZE + 1])
    bodies = list(bodies_for(person)[:BODIES])
    names = places.names({one.jurisdiction for one in bodies})
    context = {
        "bodies": [(one, names.get(one.jurisdiction, one.jurisdiction)) for one in bodies],
        "lines": [_line(one) for one in rows[:PAGE_SIZE]],
        "older": f"?page={number + 1}" if len(rows) > PAGE_SIZE else "",
        "newer": f"?page={number - 1}" if number > 1 else "",
        "form": form,
    }
    return render(request, "decisions/meetings.html", context, status=status)


def _line(meeting: Meeting) -> MeetingLine:
    return MeetingLine(meeting, meeting_title(meeting), SHAPES[MeetingState(meeting.state)])


def _areas(person: Person) -> list[tuple[str, str]]:
    """(code, name) of where the person records: counties and towns, and what of theirs is finer."""
    codes = rights.codes(person, RECORDS)
    found = [(unit.code, unit.name) for unit in places.counties_and_towns(codes)]
    finer = [code for code in codes if code not in dict(found)]
    names = places.names(finer) if finer else {}
    return [*found, *((code, names.get(code, code)) for code in finer)]


def _page_number(text: str) -> int:
    return max(int(text), 1) if text.isascii() and text.isdecimal() and len(text) < 5 else 1


# ---- one body, and planning a meeting -------------------------------------------------------------------------------


class ChangeForm(forms.Form):
    use_required_attribute = False

    at = NeededField(label=gettext_lazy("Day and time"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    place = forms.CharField(label=pgettext_lazy("meeting", "Where"), required=False)
    title = forms.CharField(label=gettext_lazy("What it is about"), required=False)
    agenda = forms.CharField(
        label=gettext_lazy("Agenda"),
        required=False,
        help_text=gettext_lazy("One item a line."),
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def clean_at(self) -> datetime:
        return _moment(self.cleaned_data["at"])

    def clean_agenda(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["agenda"].splitlines() if line.strip()]


class MeetingForm(ChangeForm):
    number = forms.CharField(
        label=gettext_lazy("Number"),
        required=False,
        help_text=gettext_lazy("Left empty, the next one of the body."),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def clean_number(self) -> int | None:
        text = self.cleaned_data["number"].strip()
        if not text:
            return None
        return int(text) if re.fullmatch(r"\d{1,6}", text, re.ASCII) else 0


def _moment(text: str) -> datetime:
    """A day and time as the browser's field sends it, by the clock of the office."""
    try:
        found = parse_datetime(text.strip())
        if found is not None and 1990 <= found.year <= 2200:
            return timezone.make_aware(found) if timezone.is_naive(found) else found
    except ValueError:
        pass
    raise forms.ValidationError(_("Say the day and time as 2021-01-20 09:00."), code="bad_moment")


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(SEES)
def body(request: StaffRequest, body_id: uuid.UUID) -> HttpResponse:
    """A body: its meetings, and for who records the form that plans the next."""
    person, status = request.user, 200
    found = body_for(person, body_id)
    records = rights.may(person, RECORDS, found.jurisdiction)
    form = MeetingForm(request.POST or None) if records else None
    if request.method == "POST":
        status = 400
        if form is None:
            rights.require(person, RECORDS, found.jurisdiction)
        elif form.is_valid():
            try:
                planned = actions.plan_meeting(by=person, now=clock.now(), body_id=found.pk, **form.cleaned_data)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                return redirect("decisions:meeting", planned.pk)
    number = _page_number(request.GET.get("page", ""))
    rows = list(meetings_for(person).filter(body=found)[(number - 1) * PAGE_SIZE : number * PAGE_SIZE + 1])
    context = {
        "body": found,
        "area": places.names([found.jurisdiction]).get(found.jurisdiction, found.jurisdiction),
        "lines": [_line(one) for one in rows[:PAGE_SIZE]],
        "older": f"?page={number + 1}" if len(rows) > PAGE_SIZE else "",
        "newer": f"?page={number - 1}" if number > 1 else "",
        "form": form,
    }
    return render(request, "decisions/body.html", context, status=status)


# ---- one meeting ----------------------------------------------------------------------------------------------------


class AttendanceForm(forms.Form):
    """Who was there, a person a line, as “name, office”."""

    use_required_attribute = False

    chair = forms.CharField(label=gettext_lazy("In the chair"), required=False)
    members = forms.CharField(label=gettext_lazy("Members"), required=False, widget=forms.Textarea(attrs={"rows": 5}))
    guests = forms.CharField(label=gettext_lazy("Guests"), required=False, widget=forms.Textarea(attrs={"rows": 3}))
    excused = forms.CharField(label=gettext_lazy("Excused"), required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def attendees(self, *, residents: bool) -> list[Attendee]:
        said = (("chair", CHAIRED), ("members", ATTENDED), ("guests", GUESTS), ("excused", EXCUSED))
        return [
            _attendee(line, presence, residents)
            for field, presence in said
            for line in self.cleaned_data[field].splitlines()
            if line.strip()
        ]


def _attendee(line: str, presence: Presence, residents: bool) -> Attendee:
    name, _comma, office = (part.strip() for part in line.replace("，", ",").partition(","))
    # In a residents' meeting whoever has no office is a resident, whose name is encrypted.
    return Attendee(presence, name, office, resident=residents and not office)


class MinutesForm(forms.Form):
    use_required_attribute = False

    minutes = NeededField(label=pgettext_lazy("meeting", "Minutes"), widget=forms.Textarea(attrs={"rows": 14}))


class PaperForm(forms.Form):
    use_required_attribute = False

    title = NeededField(label=gettext_lazy("What the paper is called"))
    file = forms.FileField(label=gettext_lazy("File"), required=False)
    public = forms.BooleanField(label=gettext_lazy("Anybody may read it with the minutes"), required=False)


class DecisionForm(forms.Form):
    """`id` is made before the first press, so that a second press is a replay and no second decision."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput)
    text = NeededField(label=gettext_lazy("What was decided"), widget=forms.Textarea(attrs={"rows": 4}))
    jurisdiction = NeededField(label=gettext_lazy("For the area"), widget=forms.Select)
    lead = forms.CharField(label=gettext_lazy("Leading unit"), required=False)
    lead_code = forms.CharField(
        label=gettext_lazy("Area of the leading unit"),
        required=False,
        help_text=gettext_lazy("Its people see the decision and are reminded of it."),
        widget=forms.Select,
    )
    joint = forms.CharField(
        label=gettext_lazy("With these units"),
        required=False,
        help_text=gettext_lazy("One a line."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    starts_at = forms.CharField(
        label=gettext_lazy("Starts"),
        required=False,
        help_text=gettext_lazy("Left empty, at once: from the meeting on."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    due_on = forms.CharField(
        label=gettext_lazy("Due on"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    measure_of_success = forms.CharField(
        label=gettext_lazy("Done when"), required=False, help_text=gettext_lazy("How one sees that it is done.")
    )

    def __init__(self, data: Any = None, *, areas: list[tuple[str, str]]):
        super().__init__(data, initial={"id": uuid.uuid4(), "jurisdiction": areas[0][0] if areas else ""})
        self.fields["jurisdiction"].widget.choices = areas
        self.fields["lead_code"].widget.choices = [("", _("none")), *areas]

    def clean_starts_at(self) -> datetime | None:
        text = self.cleaned_data["starts_at"]
        return _moment(text) if text else None

    def clean_due_on(self) -> date | None:
        text = self.cleaned_data["due_on"].strip()
        try:
            found = parse_date(text)
        except ValueError:
            found = None
        if text and (found is None or not 1990 <= found.year <= 2200):
            raise forms.ValidationError(_("This is not a day; write 2021-01-20."), code="bad_day")
        return found


@require_safe
@person_who(SEES)
def meeting(request: StaffRequest, meeting_id: uuid.UUID) -> HttpResponse:
    """A meeting: what it is about, who was there, what lay before it, what was said, and what it decided."""
    return _page(request, meeting_for(request.user, meeting_id))


def _page(request: StaffRequest, found: Meeting, *, status: int = 200, **more: Any) -> HttpResponse:
    person, at = request.user, found.body.jurisdiction
    records = rights.may(person, RECORDS, at)
    changes = records and found.state in {MeetingState.PLANNED, MeetingState.HELD}
    there = list(found.attendance.order_by("pk"))
    people = {presence: [one for one in there if one.presence == presence] for presence in Presence}
    writer = (found.minutes_by or {}).get("username", "")
    agenda = list(found.agenda.all())
    context: dict[str, Any] = {
        "meeting": found,
        "title": meeting_title(found),
        "shape": SHAPES[MeetingState(found.state)],
        "agenda": agenda,
        "people": [
            (presence.label, [(_shown(one, records), one.title) for one in those])
            for presence, those in people.items()
            if those
        ],
        "papers": list(found.papers.order_by("pk")),
        "decisions": list(_decided(person, found)[:SHOWN]),
        "reported": list(decisions_for(person).filter(reported_to=found)[:SHOWN]),
        "to_report": list(_to_report(person, found)[:SHOWN]) if found.state == MeetingState.PLANNED else [],
        "records": records,
        "changes": changes,
        "may_approve": found.state == MeetingState.HELD
        and bool(found.minutes)
        and writer != person.username
        and rights.may(person, APPROVES, at, apart_from={writer} if writer else ()),
        "own_minutes": bool(found.minutes) and writer == person.username,
        "is_over": found.state in {MeetingState.APPROVED, MeetingState.CANCELLED},
        "residents": found.body.kind == BodyKind.RESIDENTS,
    }
    if changes:
        context |= {
            "change_form": ChangeForm(initial=_initial(found, [one.title for one in agenda])),
            "attendance_form": AttendanceForm(initial=_said(people)),
            "minutes_form": MinutesForm(initial={"minutes": found.minutes}) if found.state == "held" else None,
        }
    if records and found.state != MeetingState.CANCELLED:
        context |= {"paper_form": PaperForm(), "decision_form": DecisionForm(areas=_areas_of(found.body))}
    return render(request, "decisions/meeting.html", context | more, status=status)


def _shown(one: Attendance, records: bool) -> str:
    """A resident's name is for who keeps the list."""
    return name_of(one) if records or one.sealed is None else _("a resident")


def _decided(person: Person, found: Meeting) -> Any:
    return decisions_for(person).filter(meeting=found).order_by("position")


def _to_report(person: Person, found: Meeting) -> Any:
    """What earlier meetings of the body decided, is in force and due by the day of this one."""
    earlier = decisions_for(person).filter(meeting__body=found.body, meeting__number__lt=found.number)
    day = timezone.localdate(found.at)
    return earlier.filter(state=DecisionState.IN_FORCE, due_on__lte=day).order_by("due_on", "position")


def _initial(found: Meeting, agenda: list[str]) -> dict[str, str]:
    return {
        "at": timezone.localtime(found.at).strftime("%Y-%m-%dT%H:%M"),
        "place": found.place,
        "title": found.title,
        "agenda": "\n".join(agenda),
    }


def _said(people: dict[Presence, list[Any]]) -> dict[str, str]:
    fields = {"chair": CHAIRED, "members": ATTENDED, "guests": GUESTS, "excused": EXCUSED}
    return {
        name: "\n".join(
            f"{name_of(one)}，{one.title}" if one.title else name_of(one) for one in people.get(presence, [])
        )
        for name, presence in fields.items()
    }


def _areas_of(found: Body) -> list[tuple[str, str]]:
    """(code, name) of the body's own area and, of a county, its towns."""
    inside = [(unit.code, unit.name) for unit in places.counties_and_towns([found.jurisdiction])]
    if found.jurisdiction in dict(inside):
        return inside
    name = places.names([found.jurisdiction]).get(found.jurisdiction, found.jurisdiction)
    return [(found.jurisdiction, name), *inside]


def _wrong(request: StaffRequest, found: Meeting, **form: forms.Form) -> HttpResponse:
    """The page with a form that no action would take, for who records the meeting."""
    rights.require(request.user, RECORDS, found.body.jurisdiction)
    return _page(request, found, status=400, **form)


@require_POST
@person_who(SEES)
def change(request: StaffRequest, meeting_id: uuid.UUID) -> HttpResponse:
    """Another time, place, title or agenda."""
    found = meeting_for(request.user, meeting_id)
    form = ChangeForm(request.POST)
    if not form.is_valid():
        return _wrong(request, found, change_form=form)
    try:
        actions.change_meeting(by=request.user, now=clock.now(), meeting_id=found.pk, **form.cleaned_data)
    except DubanError as refusal:
        refuse(form, refusal)
        return _page(request, found, status=refusal.status, change_form=form)
    messages.success(request, _("Changed."))
    return redirect("decisions:meeting", found.pk)


@require_POST
@person_who(SEES)
def attendance(request: StaffRequest, meeting_id: uuid.UUID) -> HttpResponse:
    """The meeting took place, with these people."""
    found = meeting_for(request.user, meeting_id)
    form = AttendanceForm(request.POST)
    if not form.is_valid():
        return _wrong(request, found, attendance_form=form)
    people = form.attendees(residents=found.body.kind == BodyKind.RESIDENTS)
    try:
        actions.hold_meeting(by=request.user, now=clock.now(), meeting_id=found.pk, attendance=people)
    except DubanError as refusal:
        refuse(form, refusal)
        return _page(request, found, status=refusal.status, attendance_form=form)
    messages.success(request, _("Who was there is on the books."))
    return redirect("decisions:meeting", found.pk)


@require_POST
@person_who(SEES)
def minutes(request: StaffRequest, meeting_id: uuid.UUID) -> HttpResponse:
    """The minutes as a draft."""
    found = meeting_for(request.user, meeting_id)
    form = MinutesForm(request.POST)
    if not form.is_valid():
        return _wrong(request, found, minutes_form=form)
    try:
        actions.write_minutes(
            by=request.user, now=clock.now(), meeting_id=found.pk, minutes=form.cleaned_data["minutes"]
        )
    except DubanError as refusal:
        refuse(form, refusal)
        return _page(request, found, status=refusal.status, minutes_form=form)
    messages.success(request, _("The minutes wait for somebody else to approve them."))
    return redirect("decisions:meeting", found.pk)


@require_POST
@person_who(SEES)
def approve(request: StaffRequest, meeting_id: uuid.UUID) -> HttpResponse:
    """Somebody else than who wrote them approves the minutes."""
    found = meeting_for(request.user, meeting_id)
    try:
        actions.approve_minutes(by=request.user, now=clock.now(), meeting_id=found.pk)
    except DubanError as refusal:
        return _page(request, found, status=refusal.status, refusal=refusal)
    messages.success(request, _("The minutes are approved; from here on they stand as they are."))
    return redirect("decisions:meeting", found.pk)


@require_POST
@person_who(SEES)
def cancel(request: StaffRequest, meeting_id: uuid.UUID) -> HttpResponse:
    """The meeting does not take place."""
    found = meeting_for(request.user, meeting_id)
    try:
        actions.cancel_meeting(by=request.user, now=clock.now(), meeting_id=found.pk)
    except DubanError as refusal:
        return _page(request, found, status=refusal.status, refusal=refusal)
    messages.success(request, _("The meeting is cancelled; its number stays taken."))
    return redirect("decisions:meeting", found.pk)


@require_POST
@person_who(SEES)
def decide(request: StaffRequest, meeting_id: uuid.UUID) -> HttpResponse:
    """Take down what the meeting decided."""
    found = meeting_for(request.user, meeting_id)
    form = DecisionForm(request.POST, areas=_areas_of(found.body))
    if not form.is_valid():
        return _wrong(request, found, decision_form=form)
    said = form.cleaned_data
    try:
        decision = actions.record_decision(
            by=request.user,
            now=clock.now(),
            meeting_id=found.pk,
            decision_id=said["id"],
            text=said["text"],
            jurisdiction=said["jurisdiction"],
            lead=_lead(said["lead"], said["lead_code"]),
            joint=[Unit(line.strip()) for line in said["joint"].splitlines() if line.strip()],
            starts_at=said["starts_at"],
            due_on=said["due_on"],
            measure_of_success=said["measure_of_success"],
        )
    except DubanError as refusal:
        refuse(form, refusal)
        return _page(request, found, status=refusal.status, decision_form=form)
    messages.success(request, _("The decision is on the books. Link the work that carries it out."))
    return redirect("web:decision", decision.pk)


def _lead(name: str, code: str) -> Unit | None:
    if code and not name.strip():
        name = places.names([code]).get(code, code)
    if not name.strip():
        return None
    return Unit(name, code)


@require_POST
@person_who(SEES)
def paper_add(request: StaffRequest, meeting_id: uuid.UUID) -> HttpResponse:
    """Put a paper before the meeting."""
    found = meeting_for(request.user, meeting_id)
    form = PaperForm(request.POST, request.FILES)
    if not form.is_valid():
        return _wrong(request, found, paper_form=form)
    sent = request.FILES.get("file")
    try:
        if sent is not None and (sent.size or 0) > papers.MAX_BYTES:
            rights.require(request.user, RECORDS, found.body.jurisdiction)
            raise BadDecision("paper_too_big", _("A paper has at most 20 MB; send a smaller file."), field="file")
        papers.add_paper(
            by=request.user,
            now=clock.now(),
            meeting_id=found.pk,
            title=form.cleaned_data["title"],
            name=(sent.name or "") if sent else "",
            data=sent.read() if sent else b"",
            public=form.cleaned_data["public"],
        )
    except DubanError as refusal:
        refuse(form, refusal)
        return _page(request, found, status=refusal.status, paper_form=form)
    messages.success(request, _("The paper lies before the meeting."))
    return redirect("decisions:meeting", found.pk)


@require_safe
@person_who(SEES)
def paper(request: StaffRequest, meeting_id: uuid.UUID, meeting_paper_id: int) -> FileResponse:
    """The file, to be saved: nothing of it is opened in the site's own window."""
    found = papers.paper_for(request.user, meeting_id, meeting_paper_id)
    path = papers.path_of(found)
    response = FileResponse(path.open("rb"), as_attachment=True, filename=f"{found.title[:80]}{path.suffix}")
    response.headers["Content-Type"] = papers.KINDS[path.suffix][1]
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


MEETING = "meetings/<uuid:meeting_id>/"
urls = [
    path("meetings/", meetings, name="meetings"),
    path("meetings/bodies/<uuid:body_id>/", body, name="body"),
    path(MEETING, meeting, name="meeting"),
    path(f"{MEETING}change/", change, name="meeting_change"),
    path(f"{MEETING}attendance/", attendance, name="meeting_attendance"),
    path(f"{MEETING}minutes/", minutes, name="meeting_minutes"),
    path(f"{MEETING}approve/", approve, name="meeting_approve"),
    path(f"{MEETING}cancel/", cancel, name="meeting_cancel"),
    path(f"{MEETING}decisions/", decide, name="meeting_decide"),
    path(f"{MEETING}papers/", paper_add, name="paper_add"),
    path(f"{MEETING}papers/<int:meeting_paper_id>/", paper, name="paper"),
]
