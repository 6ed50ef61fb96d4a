"""Courses: all of an area, and one with its sessions and who came."""

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Count, Sum
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.commons.growth import actions, queries
from duban.commons.growth.forms import AttendanceForm, CourseForm, SessionForm, read_attendance
from duban.commons.models import Course, CourseAttendance, CourseSession
from duban.commons.register.queries import EDITS, SEES, area_choices, visible_to
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import refuse
from duban.places import queries as places

PAGE = 50
MOST_PAGES = 200


def page_number(text: str) -> int:
    """A page of a list, 1 for what is none."""
    return min(max(int(text), 1), MOST_PAGES) if text.isascii() and text.isdecimal() and len(text) < 6 else 1


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(SEES)
def course_list(request: StaffRequest) -> HttpResponse:
    """Every course in sight, and for who keeps organisations: the form for another one."""
    person, status = request.user, 200
    areas = area_choices(person, EDITS) if rights.codes(person, EDITS) else []
    if request.method == "POST" and not areas:
        rights.require(person, EDITS, "")
    today = timezone.localdate(clock.now())
    form = CourseForm(request.POST if request.method == "POST" else None, areas=areas, today=today)
    if request.method == "POST":
        if form.is_valid():
            said = form.cleaned_data
            try:
                made = actions.make_course(
                    by=person, now=clock.now(), name=said["name"], provider=said["provider"],
                    jurisdiction=said["jurisdiction"], begins_on=said["begins_on"], course_id=said["id"],
                )  # fmt: skip
                return redirect("commons:course", made.pk)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
        else:
            status = 400
    page = page_number(request.GET.get("page", ""))
    found = list(queries.courses_for(person)[(page - 1) * PAGE : page * PAGE + 1])
    more, found = len(found) > PAGE, found[:PAGE]
    names = places.names({one.jurisdiction for one in found})
    counts = {
        row["course"]: row
        for row in CourseSession.objects.filter(course__in=found)
        .values("course")
        .annotate(sessions=Count("pk", distinct=True), people=Sum("attendance__people"))
        .order_by()
    }
    none = {"sessions": 0, "people": 0}
    context = {
        "rows": [(one, names.get(one.jurisdiction, one.jurisdiction), counts.get(one.pk, none)) for one in found],
        "form": form if areas else None,
        "newer": f"?page={page - 1}" if page > 1 else "",
        "older": f"?page={page + 1}" if more and page < MOST_PAGES else "",
    }
    return render(request, "commons/courses.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(SEES)
def course_page(request: StaffRequest, course_id: uuid.UUID) -> HttpResponse:
    """The sessions of a course, who came to each, and for who keeps organisations: what is still to be written down."""
    person, status = request.user, 200
    course = queries.course_for(person, course_id)
    session_form = SessionForm(now=clock.now())
    came_form: AttendanceForm | None = None
    if request.method == "POST":
        rights.require(person, EDITS, course.jurisdiction)
        step = request.POST.get("step", "")
        form: Any
        if step == "session":
            form = session_form = SessionForm(request.POST, now=clock.now())
        elif step.startswith("came-"):
            form = came_form = AttendanceForm(request.POST, session_id=_session_id(step))
        else:
            raise actions.BadGrowth("unknown_step", _("This page takes a session, or who came to one."))
        if form.is_valid():
            try:
                _take(person, course, step, form)
                messages.success(request, _("It is written down."))
                return redirect("commons:course", course_id)
            except DubanError as refusal:
                if refusal.status in (403, 404):
                    raise
                refuse(form, refusal)
                status = refusal.status
        else:
            status = 400
    edits = rights.may(person, EDITS, course.jurisdiction)
    context = {
        "course": course,
        "area": places.names([course.jurisdiction]).get(course.jurisdiction, course.jurisdiction),
        "sessions": _sessions(person, course, came_form, edits=edits),
        "session_form": session_form if edits else None,
        "now": clock.now(),
    }
    return render(request, "commons/course.html", context, status=status)


def _session_id(step: str) -> int:
    """`came-12` -> 12; 0, which no session has, for anything else."""
    number = step.removeprefix("came-")
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 16 else 0


def _take(person: Person, course: Course, step: str, form: Any) -> None:
    said, now = form.cleaned_data, clock.now()
    if step == "session":
        actions.add_session(by=person, now=now, course_id=course.pk, at=said["at"], topic=said["topic"])
        return
    session = queries.session_for(person, _session_id(step))
    attended = read_attendance(person, said["attended"])
    actions.record_attendance(by=person, now=now, session_id=session.pk, attended=attended)


def _sessions(person: Person, course: Course, sent: AttendanceForm | None, *, edits: bool) -> list[dict[str, Any]]:
    """Each with who came; organisations that the person may not see are counted and not named."""
    sessions = list(course.sessions.order_by("at", "pk"))
    seen = set(
        CourseAttendance.objects.filter(session__in=sessions, organisation__in=visible_to(person)).values_list(
            "pk", flat=True
        )
    )
    came: dict[int, list[CourseAttendance]] = {}
    rows = CourseAttendance.objects.filter(session__in=sessions).select_related("organisation")
    for row in rows.order_by("-people", "organisation__name_key"):
        came.setdefault(row.session_id, []).append(row)
    shown = []
    for session in sessions:
        there = came.get(session.pk, [])
        form = sent if sent is not None and sent.prefix == f"came-{session.pk}" else None
        shown.append(
            {
                "session": session,
                "came": [row for row in there if row.pk in seen],
                "others": sum(row.pk not in seen for row in there),
                "people": sum(row.people for row in there),
                "form": (form or AttendanceForm(session_id=session.pk)) if edits else None,
                "open": form is not None,
            }
        )
    return shown


urls = [
    path("courses/", course_list, name="courses"),
    path("courses/<uuid:course_id>/", course_page, name="course"),
]
