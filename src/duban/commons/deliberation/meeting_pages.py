"""The meeting about a topic: who was there, and its minutes, written by one person and approved by another."""

import uuid
from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from duban.access import rights
from duban.access.requests import StaffRequest, person_who
from duban.commons.deliberation import actions, queries
from duban.commons.deliberation.actions import MANAGES
from duban.commons.deliberation.public_words import checked_public
from duban.commons.deliberation.topic_pages import Wrong, show_topic
from duban.commons.models import Topic
from duban.core import audit, clock
from duban.core.errors import DubanError
from duban.decisions import actions as decisions
from duban.decisions.actions import MAX_MINUTES, Attendee
from duban.decisions.models import Attendance, Presence
from duban.decisions.queries import name_of

SEPARATORS = str.maketrans("，、；;\t", ",,,,,")
MOST = 500
FIELDS = (
    # name in the form, in what part, whether residents
    ("chair", Presence.CHAIR, False),
    ("members", Presence.MEMBER, False),
    ("guests", Presence.GUEST, False),
    ("residents", Presence.MEMBER, True),
    ("excused", Presence.EXCUSED, True),
)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@person_who(MANAGES)
def attendance_page(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    """The list of who was there, a name a line; opening one that names residents is written down."""
    topic = queries.topic_for(request.user, topic_id)
    rights.require(request.user, MANAGES, topic.jurisdiction)
    meeting = actions.meeting_of(topic)
    refusal, sent = None, {}
    if request.method == "POST":
        sent = {name: request.POST.get(name, "") for name, _presence, _resident in FIELDS}
        try:
            actions.hold_topic(by=request.user, now=clock.now(), topic_id=topic.pk, attendance=read_people(sent))
            messages.success(request, _("The list is kept; residents’ names are encrypted."))
            return redirect("commons:topic", topic.pk)
        except DubanError as wrong:
            refusal = wrong
    else:
        people = list(meeting.attendance.order_by("pk"))
        if any(one.sealed is not None for one in people) and request.method == "GET":
            _write_down(request, topic)
        sent = _lines_of(people)
    context = {
        "topic": topic,
        "meeting": meeting,
        "sent": sent,
        "refusal": refusal,
        "chain": queries.chain_of(topic.place),
    }
    return render(request, "commons/deliberation_attendance.html", context, status=refusal.status if refusal else 200)


def read_people(sent: dict[str, str]) -> list[Attendee]:
    """A person a line, with office or unit after a comma; raises BadDecision (`attendance_wrong`) for too many."""
    found = []
    for name, presence, resident in FIELDS:
        for line in sent[name].splitlines():
            who, _comma, title = line.translate(SEPARATORS).partition(",")
            if who.strip():
                # Of residents nothing but the name is kept.
                found.append(Attendee(presence, who.strip(), "" if resident else title.strip(" ,"), resident))
    if len(found) > MOST:
        raise decisions.BadDecision("attendance_wrong", _("At most 500 people."), field="residents")
    if not found:
        raise decisions.BadDecision("attendance_wrong", _("Name who was there, one a line."), field="residents")
    return found


def _lines_of(people: Sequence[Attendance]) -> dict[str, str]:
    lines: dict[str, list[str]] = {name: [] for name, _presence, _resident in FIELDS}
    for one in people:
        resident = one.sealed is not None
        name = next(
            (name for name, presence, of_residents in FIELDS if (presence, of_residents) == (one.presence, resident)),
            "excused" if one.presence == Presence.EXCUSED else "residents" if resident else "guests",
        )
        lines[name].append(", ".join(part for part in (name_of(one), one.title) if part))
    return {name: "\n".join(found) for name, found in lines.items()}


def _write_down(request: StaffRequest, topic: Topic) -> None:
    audit.record(by=request.user, now=clock.now(), action="see_attendance", subject_type="topic", subject_id=topic.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def minutes_page(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    """Write the minutes; somebody else approves them."""
    topic = queries.topic_for(request.user, topic_id)
    rights.require(request.user, MANAGES, topic.jurisdiction)
    meeting, refusal = actions.meeting_of(topic), None
    text = request.POST.get("minutes", meeting.minutes)
    if request.method == "POST":
        try:
            checked_public(text, "minutes", MAX_MINUTES, error=decisions.BadDecision, code="minutes_wrong", needed=True)
            decisions.write_minutes(by=request.user, now=clock.now(), meeting_id=meeting.pk, minutes=text)
            messages.success(request, _("Kept. Somebody else approves them, then they are public."))
            return redirect("commons:topic", topic.pk)
        except DubanError as wrong:
            refusal = wrong
    context = {
        "topic": topic,
        "meeting": meeting,
        "text": text or _outline(topic),
        "refusal": refusal,
        "chain": queries.chain_of(topic.place),
    }
    return render(request, "commons/deliberation_minutes.html", context, status=refusal.status if refusal else 200)


def _outline(topic: Topic) -> str:
    """What is known already, to write on from: the agenda, the problems, what was decided."""
    meeting = topic.meeting
    if meeting is None:
        return ""
    parts = [[_("Agenda:"), *(f"{item.position}. {item.title}" for item in meeting.agenda.all())]]
    listed = list(topic.problems.order_by("listed_at", "pk").values_list("text", flat=True))
    if listed:
        parts.append([_("Problems listed:"), *(f"{number}. {text}" for number, text in enumerate(listed, start=1))])
    decided = list(meeting.decisions.order_by("position").values_list("text", flat=True))
    if decided:
        parts.append([_("Decided:"), *(f"{number}. {text}" for number, text in enumerate(decided, start=1))])
    return "\n\n".join("\n".join(lines) for lines in parts)


@require_POST
@person_who("minutes.approve")
def approve(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    """Approve what somebody else wrote; it is public at once."""
    topic = queries.topic_for(request.user, topic_id)
    try:
        meeting = actions.meeting_of(topic)
        decisions.approve_minutes(by=request.user, now=clock.now(), meeting_id=meeting.pk)
    except DubanError as refusal:
        return show_topic(request, queries.topic_for(request.user, topic_id), Wrong("minutes", refusal))
    messages.success(request, _("The minutes are public now."))
    return redirect("commons:topic", topic.pk)


urls = [
    path("topics/<uuid:topic_id>/attendance/", attendance_page, name="attendance"),
    path("topics/<uuid:topic_id>/minutes/", minutes_page, name="minutes"),
    path("topics/<uuid:topic_id>/minutes/approve/", approve, name="approve_minutes"),
]
