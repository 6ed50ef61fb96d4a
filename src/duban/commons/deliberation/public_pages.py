"""Pages for anybody, in large print: an entrance's own page, and a topic with all that is said, answered and decided.

No resident, no list of who was there, no phone: names that show are pen names, units, and officials in minutes that
were approved. Whoever has an invitation talks along at an address of their own, which holds the secret.
"""

import re
import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_safe

from duban.commons.deliberation import comments, queries, shown
from duban.commons.guests import count_try, kept_private, require_patience
from duban.commons.models import Comment, Household, PostedNeed, Problem, SharedPlace, Topic, TopicState
from duban.commons.pairing.queries import bars_of
from duban.commons.voting.queries import household_of
from duban.core import clock
from duban.core.errors import DubanError, NotFound
from duban.decisions.models import Meeting, MeetingState, Presence
from duban.evidence.responses import photo_response

SHOWN = 30
PAIRS = 6
NEEDS = 10


# ---- a place --------------------------------------------------------------------------------------------------------


@require_safe
def place_page(request: HttpRequest, place_token: str) -> HttpResponse:
    """What is open there, when people meet, what was decided and done."""
    place, now = queries.place_by_token(place_token), clock.now()
    topics = list(queries.topics_around(place)[:SHOWN])
    listed = shown.problems_by_topic(topics, now)
    meetings = [topic for topic in topics if topic.meeting and topic.meeting.state == MeetingState.PLANNED]
    context = {
        "place": place,
        "name": queries.full_name(place),
        "address": queries.whole_address(place),
        "meetings": sorted(meetings, key=_when),
        "open": [(topic, shown.state_words(topic)) for topic in topics if topic.state != TopicState.CLOSED],
        "closed": [topic for topic in topics if topic.state == TopicState.CLOSED],
        "decisions": shown.decisions_of_many([topic.meeting for topic in topics if topic.meeting], now)[:SHOWN],
        "pairs": [one for topic in topics for one in listed.get(topic.pk, []) if one.problem.photo and one.after][
            :PAIRS
        ],
        "needs": _needs(place),
    }
    return render(request, "neighbours/deliberation_place.html", context)


def _when(topic: Topic) -> Any:
    return topic.meeting.at if topic.meeting else topic.opened_at


def _needs(place: SharedPlace) -> list[tuple[PostedNeed, Any]]:
    """What is asked for there and still open, each with how full it is."""
    found = PostedNeed.objects.filter(place__in=queries.ids_around(place), closed_at=None).order_by("due_on", "pk")
    needs = list(found[:NEEDS])
    bars = bars_of(needs)
    return [(need, bars[need.pk]) for need in needs]


# ---- a topic --------------------------------------------------------------------------------------------------------


@require_safe
def topic_page(request: HttpRequest, public_topic: uuid.UUID) -> HttpResponse:
    topic = queries.public_topic(public_topic)
    return render(request, "neighbours/deliberation_topic.html", _topic(request, topic))


def _topic(request: HttpRequest, topic: Topic) -> dict[str, Any]:
    now = clock.now()
    listed, decided = shown.problems_of(topic, now), shown.decisions_of(topic.meeting, now)
    votes = list(topic.votes.order_by("opens_at", "pk"))
    for vote in votes:
        vote.topic = topic
    threads = shown.threads_of(topic, request.GET.get("before", ""))
    return {
        "topic": topic,
        "word": shown.state_words(topic),
        "closed": topic.state == TopicState.CLOSED,
        "chain": queries.chain_of(topic.place),
        "steps": shown.life_of(topic, listed, decided),
        "problems": listed,
        "decisions": decided,
        "votes": votes,
        "threads": threads.threads,
        "later": threads.later,
        **_meeting(topic.meeting),
    }


def _meeting(meeting: Meeting | None) -> dict[str, Any]:
    """Officials show once the minutes that name them are approved; of residents how many there were."""
    if meeting is None:
        return {"meeting": None}
    approved = meeting.state == MeetingState.APPROVED
    people = list(meeting.attendance.exclude(presence=Presence.EXCUSED).order_by("pk")) if approved else []
    return {
        "meeting": meeting,
        "planned": meeting.state == MeetingState.PLANNED,
        "approved": approved,
        "cancelled": meeting.state == MeetingState.CANCELLED,
        "agenda": list(meeting.agenda.all()),
        "officials": [one for one in people if one.sealed is None],
        "residents": sum(one.sealed is not None for one in people),
        "chair": Presence.CHAIR,
    }


@require_safe
def thread_page(request: HttpRequest, public_topic: uuid.UUID, thread_id: uuid.UUID) -> HttpResponse:
    """One thread in full, a page at a time."""
    topic = queries.public_topic(public_topic)
    root = Comment.objects.select_related("topic").filter(pk=thread_id, topic=topic, root=None).first()
    if root is None:
        raise NotFound("comment_not_found", comments.NOT_THERE)
    lines, later = shown.thread_page(root, request.GET.get("after", ""))
    context = {
        "topic": topic,
        "root": root,
        "lines": lines,
        "later": later,
        "first": not request.GET.get("after"),
        "chain": queries.chain_of(topic.place),
    }
    return render(request, "neighbours/deliberation_thread.html", context)


@require_safe
def topic_photo(request: HttpRequest, public_topic: uuid.UUID, problem_photo: str, variant: str) -> HttpResponseBase:
    """The public copy of a photo of its problems, or of what struck their entries off; any other is not there."""
    topic = queries.public_topic(public_topic)
    if variant not in {"public", "thumbnail"} or not _shows(topic, problem_photo):
        raise Http404
    return photo_response(request, problem_photo, variant, shared=True)


def _shows(topic: Topic, photo: str) -> bool:
    if not re.fullmatch(r"[0-9a-f]{64}", photo):
        return False
    if Problem.objects.filter(topic=topic, photo=photo).exists():
        return True
    return any(one.after == photo for one in shown.problems_of(topic, clock.now()))


# ---- with an invitation ---------------------------------------------------------------------------------------------


def opened(request: HttpRequest, talk_secret: str) -> Household:
    """Whose invitation it is. Raises NotFound (`invitation_not_found`), TooMany (`too_many_tries`) for who guesses."""
    require_patience(request, "invitation")
    try:
        return household_of(talk_secret)
    except NotFound:
        count_try(request, "invitation")
        raise


@require_safe
def talk_page(request: HttpRequest, talk_secret: str) -> HttpResponse:
    """What the household may talk about."""
    household = opened(request, talk_secret)
    above = [place.pk for place in queries.chain_of(household.place)]
    topics = Topic.objects.filter(place__in=above).exclude(state=TopicState.CLOSED).select_related(*queries.TOPIC_ROWS)
    context = {
        "secret": talk_secret,
        "household": household,
        "name": queries.full_name(household.place),
        "topics": [(topic, shown.state_words(topic)) for topic in topics.order_by("-opened_at", "-pk")[:SHOWN]],
    }
    return kept_private(render(request, "neighbours/deliberation_talk.html", context))


@require_http_methods(["GET", "HEAD", "POST"])
def talk_topic(request: HttpRequest, talk_secret: str, talk_topic: uuid.UUID) -> HttpResponse:
    """The topic's page, with a place to say something, or to answer somebody (`?to=`)."""
    household = opened(request, talk_secret)
    topic = queries.topic_of(household, talk_topic)
    refusal = None
    if request.method == "POST":
        try:
            said = comments.comment(
                by=household, now=clock.now(), topic_id=topic.pk, text=request.POST.get("text", ""),
                pen_name=request.POST.get("pen_name", ""), parent_id=_key(request.POST.get("to", "")),
                comment_id=_key(request.POST.get("id", "")),
            )  # fmt: skip
            return kept_private(redirect(f"{request.path}?thanks={said.pk}#said-{said.pk}"))
        except DubanError as wrong:
            refusal = wrong
    to = _key((request.POST or request.GET).get("to", ""))
    context = _topic(request, topic) | {
        "secret": talk_secret,
        "thanks": request.GET.get("thanks", ""),
        "answered": topic.comments.filter(pk=to, hidden_at=None).first() if to else None,
        "new_id": request.POST.get("id") or uuid.uuid4(),
        "pen_name": request.POST.get("pen_name") or _last_pen_name(household),
        "text": request.POST.get("text", ""),
        "refusal": refusal,
    }
    answer = render(request, "neighbours/deliberation_topic.html", context, status=refusal.status if refusal else 200)
    return kept_private(answer)


def _last_pen_name(household: Household) -> str:
    """What it called itself last, so that nobody types it again."""
    last = Comment.objects.filter(household=household).order_by("-at", "-pk").values_list("pen_name", flat=True).first()
    return last or ""


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


urls = [
    path("n/<str:place_token>/", place_page, name="place"),
    path("topics/<uuid:public_topic>/", topic_page, name="topic"),
    path("topics/<uuid:public_topic>/threads/<uuid:thread_id>/", thread_page, name="thread"),
    path("topics/<uuid:public_topic>/photos/<str:problem_photo>/<str:variant>/", topic_photo, name="topic_photo"),
    path("talk/<str:talk_secret>/", talk_page, name="talk"),
    path("talk/<str:talk_secret>/<uuid:talk_topic>/", talk_topic, name="talk_topic"),
]
