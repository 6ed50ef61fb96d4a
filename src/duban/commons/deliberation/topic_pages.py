"""Pages of topics at the desk: all of them, and one with its whole life and every step that it takes."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.commons.deliberation import actions, comments, printed, problems, queries, shown
from duban.commons.deliberation.actions import MANAGES, BadTopic
from duban.commons.deliberation.queries import SEES
from duban.commons.models import Topic, TopicState
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.forms import NeededField, refuse
from duban.core.paging import page_of
from duban.core.tables import in_zone, parse_moment
from duban.decisions.actions import Unit
from duban.decisions.models import AgendaItem, MeetingState, Presence
from duban.evidence.actions import discard_photos, store_photo
from duban.ledger.forms import category_choices
from duban.ledger.views import area_choices, with_chosen
from duban.places import queries as gazetteer
from duban.places.codes import normalise_code, within

SHOWN = 50
PLACES = 300
USUAL = "event:06036"
"""What residents list most is what stands about in the way."""


# ---- all topics -----------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def topics_page(request: StaffRequest) -> HttpResponse:
    """The newest first, by state and area; each with how many of its problems wait for an answer."""
    person, refusal = request.user, None
    state, area = request.GET.get("state", ""), request.GET.get("area", "").strip()
    state = state if state in TopicState.values else ""
    found = queries.topics_for(person)
    try:
        area = normalise_code(area, field="area") if area else ""
        found = queries.topics_page(person, state=state, area=area)
        page = page_of(found, ("-opened_at", "-pk"), request.GET.get("cursor", ""), size=SHOWN)
    except DubanError as wrong:
        refusal, area = wrong, ""
        page = page_of(found.none(), ("-opened_at", "-pk"))
    counts = queries.unanswered(page.rows)
    areas = area_choices(rights.codes(person, SEES))
    context = {
        "rows": [(topic, *counts.get(topic.pk, (0, 0)), shown.state_words(topic)) for topic in page.rows],
        "states": TopicState.choices,
        "state": state,
        "areas": with_chosen(areas, area, gazetteer.names([area]) if area else {}),
        "area": area,
        "newer": page.earlier_link(area=area, state=state),
        "older": page.later_link(area=area, state=state),
        "may_manage": bool(rights.codes(person, MANAGES)),
        "refusal": refusal,
    }
    return render(request, "commons/deliberation_topics.html", context, status=refusal.status if refusal else 200)


class TopicForm(forms.Form):
    """`id` is made before the first press, so that a second press is a replay and no second topic."""

    use_required_attribute = False

    id = forms.UUIDField(widget=forms.HiddenInput)
    place = NeededField(label=pgettext_lazy("shared", "Where"), widget=forms.Select)
    title = NeededField(
        label=pgettext_lazy("topic", "What it is about"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "maxlength": 200}),
    )
    text = forms.CharField(
        label=gettext_lazy("In a few sentences"), required=False, widget=forms.Textarea(attrs={"rows": 5})
    )

    def __init__(self, data: Any = None, *, person: Person, place: str = ""):
        super().__init__(data, initial={"id": uuid.uuid4(), "place": place})
        mine = queries.places_for(person).filter(within("jurisdiction", rights.codes(person, MANAGES)))
        found = mine.select_related(*queries.CHAIN).order_by("jurisdiction", "name", "pk")[:PLACES]
        choices = [(str(one.pk), queries.full_name(one)) for one in found]
        key = _key(place)
        if key is not None and place not in dict(choices) and (chosen := mine.filter(pk=key).first()) is not None:
            choices.append((place, queries.full_name(chosen)))
        self.fields["place"].widget.choices = [("", "–"), *sorted(choices, key=lambda choice: choice[1])]


@require_http_methods(["GET", "HEAD", "POST"])
@person_who(MANAGES)
def add_page(request: StaffRequest) -> HttpResponse:
    """Open a topic at a place (`?place=`)."""
    status = 200
    asked = (request.POST or request.GET).get("place", "")
    form = TopicForm(request.POST or None, person=request.user, place=asked)
    if request.method == "POST":
        status = 400
        if form.is_valid():
            said = form.cleaned_data
            try:
                key = _key(said["place"])
                if key is None:
                    raise BadTopic("topic_place", _("Choose the place that talks about it."), field="place")
                topic = actions.open_topic(
                    by=request.user, now=clock.now(), place_id=key, title=said["title"], text=said["text"],
                    topic_id=said["id"],
                )  # fmt: skip
                return redirect("commons:topic", topic.pk)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
    return render(request, "commons/deliberation_topic_add.html", {"form": form}, status=status)


# ---- one topic ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wrong:
    """A form of the page that was refused: which, at which field, and why."""

    form: str
    refusal: DubanError

    @property
    def field(self) -> str:
        return self.refusal.field or ""


@require_safe
@person_who(SEES)
def topic_page(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    return show_topic(request, queries.topic_for(request.user, topic_id))


def show_topic(request: StaffRequest, topic: Topic, wrong: Wrong | None = None) -> HttpResponse:
    """The page, also as the answer to a step that was refused."""
    now, person = clock.now(), request.user
    manages = rights.may(person, MANAGES, topic.jurisdiction)
    listed, decided = shown.problems_of(topic, now), shown.decisions_of(topic.meeting, now)
    votes = list(topic.votes.select_related("decision").order_by("opens_at", "pk"))
    for vote in votes:
        vote.topic = topic
    open_to = manages and topic.state != TopicState.CLOSED
    threads = shown.threads_of(topic, request.GET.get("before", ""))
    context = {
        "topic": topic,
        "word": shown.state_words(topic),
        "closed": topic.state == TopicState.CLOSED,
        "chain": queries.chain_of(topic.place),
        "steps": shown.life_of(topic, listed, decided),
        "problems": listed,
        "bare": sum(not one.problem.answer for one in listed),
        "decisions": decided,
        "votes": votes,
        "decidable": [vote for vote in votes if vote.decision is None and vote.result and vote.result["carried"]],
        "threads": threads.threads,
        "later": threads.later,
        "manages": open_to,
        "manages_closed": manages,
        "sees_ledger": bool(rights.codes(person, "entry.see")),
        "categories": category_choices() if open_to and any(one.entry is None for one in listed) else [],
        "usual": request.POST.get("category") or USUAL,
        "suggested": _suggested(now),
        "new_id": request.POST.get("id") or uuid.uuid4(),
        "wrong": wrong,
        "sent": request.POST if wrong else {},
        "sent_problems": request.POST.getlist("problems") if wrong else [],
        **_meeting(topic, person),
    }
    status = wrong.refusal.status if wrong else 200
    return render(request, "commons/deliberation_topic.html", context, status=status)


def _meeting(topic: Topic, person: Person) -> dict[str, Any]:
    meeting = topic.meeting
    if meeting is None:
        return {"meeting": None}
    people = list(meeting.attendance.order_by("pk"))
    there = [one for one in people if one.presence != Presence.EXCUSED]
    writer = (meeting.minutes_by or {}).get("username", "")
    return {
        "meeting": meeting,
        "meeting_word": MeetingState(meeting.state).label,
        "agenda": list(AgendaItem.objects.filter(meeting=meeting)),
        "planned": meeting.state == MeetingState.PLANNED,
        "held": meeting.state in {MeetingState.HELD, MeetingState.APPROVED},
        "officials": [one for one in there if one.sealed is None],
        "chair": Presence.CHAIR,
        "residents": sum(one.sealed is not None for one in there),
        "excused": len(people) - len(there),
        "may_approve": meeting.state == MeetingState.HELD
        and bool(meeting.minutes)
        and writer != person.username
        and rights.may(person, "minutes.approve", topic.jurisdiction, apart_from={writer}),
        "waits_for_another": meeting.state == MeetingState.HELD and bool(meeting.minutes) and writer == person.username,
    }


def _suggested(now: datetime) -> str:
    """In a week at three in the afternoon."""
    day = timezone.localtime(now) + timedelta(days=7)
    return day.replace(hour=15, minute=0).strftime("%Y-%m-%dT%H:%M")


def step(
    request: StaffRequest, topic_id: uuid.UUID, form: str, take: Callable[[Topic], str | None], anchor: str = ""
) -> HttpResponse:
    """Take one step of a topic in sight; refused, the page says so where it was asked, with what was typed."""
    topic = queries.topic_for(request.user, topic_id)
    rights.require(request.user, MANAGES, topic.jurisdiction)
    try:
        said = take(topic)
    except DubanError as refusal:
        # What the step may have changed in hand is not so.
        return show_topic(request, queries.topic_for(request.user, topic_id), Wrong(form, refusal))
    if said:
        messages.success(request, said)
    address = redirect("commons:topic", topic_id)
    if anchor:
        address["Location"] += f"#{anchor}"
    return address


@require_POST
@person_who(MANAGES)
def change(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    def take(_topic: Topic) -> str:
        actions.change_topic(
            by=request.user, now=clock.now(), topic_id=topic_id, title=request.POST.get("title", ""),
            text=request.POST.get("text", ""),
        )  # fmt: skip
        return _("Saved.")

    return step(request, topic_id, "change", take)


@require_POST
@person_who(MANAGES)
def invite(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    def take(_topic: Topic) -> str:
        actions.invite_topic(
            by=request.user, now=clock.now(), topic_id=topic_id, at=read_moment(request.POST.get("at", ""), "at"),
            place=request.POST.get("place", ""), agenda=request.POST.get("agenda", "").splitlines(),
        )  # fmt: skip
        return _("The meeting is planned; print the invitations now.")

    return step(request, topic_id, "invite", take, "meet")


@require_POST
@person_who(MANAGES)
def call_off(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    def take(_topic: Topic) -> str:
        actions.call_off_meeting(by=request.user, now=clock.now(), topic_id=topic_id)
        return _("The meeting is called off; its page says so.")

    return step(request, topic_id, "meeting", take, "meet")


@require_POST
@person_who(MANAGES)
def add_problem(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    def take(_topic: Topic) -> None:
        file, now, text = request.FILES.get("photo"), clock.now(), request.POST.get("text", "")
        photo = ""
        if isinstance(file, UploadedFile) and text.strip():
            photo = store_photo(by=request.user, now=now, data=file.read()).pk
        try:
            problems.list_problem(by=request.user, now=now, topic_id=topic_id, text=text, photo=photo)
        except DubanError:
            discard_photos(by=request.user, now=now, sha256s=[photo] if photo else [])
            raise

    return step(request, topic_id, "problem", take, "problems")


@require_POST
@person_who(MANAGES)
def decide(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    def take(_topic: Topic) -> str:
        said = request.POST
        lead, due = said.get("lead", "").strip(), said.get("due_on", "").strip()
        actions.decide_topic(
            by=request.user, now=clock.now(), topic_id=topic_id, text=said.get("text", ""),
            vote_id=_key(said.get("vote", "")), lead=Unit(lead) if lead else None,
            due_on=read_day(due, "due_on") if due else None, measure_of_success=said.get("measure_of_success", ""),
            problems=[int(one) for one in said.getlist("problems") if is_number(one)],
            decision_id=_key(said.get("id", "")),
        )  # fmt: skip
        return _("Written down. What was put on the ledger for it counts as its work.")

    return step(request, topic_id, "decide", take, "decisions")


@require_POST
@person_who(MANAGES)
def close(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    def take(_topic: Topic) -> str:
        actions.close_topic(by=request.user, now=clock.now(), topic_id=topic_id)
        return _("The topic is closed; its page stays.")

    return step(request, topic_id, "close", take)


@require_POST
@person_who(MANAGES)
def say(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    def take(_topic: Topic) -> None:
        comments.comment(
            by=request.user, now=clock.now(), topic_id=topic_id, text=request.POST.get("text", ""),
            pen_name=request.POST.get("pen_name", ""), parent_id=_key(request.POST.get("parent", "")),
            comment_id=_key(request.POST.get("id", "")),
        )  # fmt: skip

    return step(request, topic_id, f"say-{request.POST.get('parent', '')}", take, "talk")


@require_POST
@person_who(MANAGES)
def hide(request: StaffRequest, comment_id: uuid.UUID) -> HttpResponse:
    topic_id = queries.comment_for(request.user, comment_id).topic_id

    def take(_topic: Topic) -> str:
        comments.hide_comment(
            by=request.user, now=clock.now(), comment_id=comment_id, reason=request.POST.get("reason", "")
        )
        return _("Hidden; the reason shows in its place.")

    return step(request, topic_id, f"hide-{comment_id}", take, "talk")


@require_POST
@person_who(MANAGES)
def unhide(request: StaffRequest, comment_id: uuid.UUID) -> HttpResponse:
    topic_id = queries.comment_for(request.user, comment_id).topic_id

    def take(_topic: Topic) -> None:
        comments.show_comment(by=request.user, now=clock.now(), comment_id=comment_id)

    return step(request, topic_id, f"hide-{comment_id}", take, "talk")


# ---- its problems ---------------------------------------------------------------------------------------------------


@require_POST
@person_who(MANAGES)
def answer(request: StaffRequest, problem_id: int) -> HttpResponse:
    topic_id = queries.problem_for(request.user, problem_id).topic_id

    def take(_topic: Topic) -> None:
        problems.answer_problem(
            by=request.user, now=clock.now(), problem_id=problem_id, answer=request.POST.get("answer", "")
        )

    return step(request, topic_id, f"answer-{problem_id}", take, f"problem-{problem_id}")


@require_POST
@person_who(MANAGES)
def to_ledger(request: StaffRequest, problem_id: int) -> HttpResponse:
    topic_id = queries.problem_for(request.user, problem_id).topic_id

    def take(_topic: Topic) -> str:
        problems.problem_to_entry(
            by=request.user, now=clock.now(), problem_id=problem_id, category=request.POST.get("category", ""),
            description=request.POST.get("description", ""),
        )  # fmt: skip
        return _("It stands on the ledger now; how far it is shows here.")

    return step(request, topic_id, f"entry-{problem_id}", take, f"problem-{problem_id}")


@require_POST
@person_who(MANAGES)
def drop(request: StaffRequest, problem_id: int) -> HttpResponse:
    topic_id = queries.problem_for(request.user, problem_id).topic_id

    def take(_topic: Topic) -> None:
        problems.drop_problem(by=request.user, now=clock.now(), problem_id=problem_id)

    return step(request, topic_id, f"answer-{problem_id}", take, "problems")


# ---- printed --------------------------------------------------------------------------------------------------------


@require_safe
@person_who(SEES)
def invitation(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    """The invitation to the meeting, one large page."""
    topic = queries.topic_for(request.user, topic_id)
    return printed.file_of(printed.invitation_of(topic, clock.now()), "invitation.pdf")


@require_safe
@person_who(SEES)
def paper(request: StaffRequest, topic_id: uuid.UUID) -> HttpResponse:
    """Sheets for the meeting: who was there, and what is wrong."""
    topic = queries.topic_for(request.user, topic_id)
    return printed.file_of(printed.forms_of(topic, clock.now()), "forms.pdf")


# ---- reading --------------------------------------------------------------------------------------------------------


def read_moment(text: str, field: str) -> datetime:
    """Raises BadTopic (`bad_time`)."""
    found = parse_moment(text.strip()) if text.strip() else None
    if found is None or not 1990 <= found.year < 9000:
        raise BadTopic("bad_time", _("Give day and hour: 2021-01-20 18:00."), field=field)
    return in_zone(found)


def read_day(text: str, field: str) -> date:
    """Raises BadTopic (`bad_day`)."""
    try:
        found = parse_date(text.strip())
    except ValueError:
        found = None
    if found is None:
        raise BadTopic("bad_day", _("This is not a day; write 2021-01-20."), field=field)
    return found


def is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 18


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


urls = [
    path("topics/", topics_page, name="topics"),
    path("topics/add/", add_page, name="add_topic"),
    path("topics/<uuid:topic_id>/", topic_page, name="topic"),
    path("topics/<uuid:topic_id>/change/", change, name="change_topic"),
    path("topics/<uuid:topic_id>/invite/", invite, name="invite_topic"),
    path("topics/<uuid:topic_id>/call-off/", call_off, name="call_off_meeting"),
    path("topics/<uuid:topic_id>/problems/", add_problem, name="add_problem"),
    path("topics/<uuid:topic_id>/decide/", decide, name="decide_topic"),
    path("topics/<uuid:topic_id>/close/", close, name="close_topic"),
    path("topics/<uuid:topic_id>/say/", say, name="say"),
    path("topics/<uuid:topic_id>/invitation.pdf", invitation, name="meeting_invitation"),
    path("topics/<uuid:topic_id>/forms.pdf", paper, name="meeting_forms"),
    path("problems/<int:problem_id>/answer/", answer, name="answer_problem"),
    path("problems/<int:problem_id>/entry/", to_ledger, name="problem_to_entry"),
    path("problems/<int:problem_id>/drop/", drop, name="drop_problem"),
    path("comments/<uuid:comment_id>/hide/", hide, name="hide_comment"),
    path("comments/<uuid:comment_id>/show/", unhide, name="show_comment"),
]
