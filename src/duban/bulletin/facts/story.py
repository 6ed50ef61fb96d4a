"""A story of neighbours: a topic with its meeting, what was decided, who brings what; or a clean-up of volunteers."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Count, Max, Q, Sum
from django.urls import reverse
from django.utils import timezone

from duban.bulletin.facts.sight import Sight, half_of_day, written_list
from duban.bulletin.figures import Facts, Figure, figures_by_key
from duban.commons.deliberation.queries import full_name, ids_around
from duban.commons.models import (
    Activity,
    Delivery,
    Pledge,
    PostedNeed,
    Record,
    Shift,
    SignUp,
    Topic,
    Voted,
)
from duban.commons.pairing.queries import public_pairings
from duban.decisions.models import Decision, DecisionState, MeetingState
from duban.evidence.models import Photo
from duban.places import queries as places
from duban.places.codes import LENGTHS, within

KIND = "story"
TOPIC_DAYS = 30
"""A topic takes its time; so long after its meeting it is still told."""
PARTNERS = 6


# ---- a topic --------------------------------------------------------------------------------------------------------


def topic_of_day(sight: Sight) -> Facts | None:
    """The topic whose meeting was held last, minutes approved, one with works to sign up for before another."""
    found = Topic.objects.filter(
        within("jurisdiction", [sight.area]),
        meeting__state=MeetingState.APPROVED,
        meeting__at__lt=sight.end,
        meeting__at__gte=sight.end - timedelta(days=TOPIC_DAYS),
        meeting__approved_at__lt=sight.end,
    )
    topics = list(found.select_related("place", "meeting").order_by("-meeting__at", "pk")[:20])
    best = next((topic for topic in topics if needs_of(topic, sight)), topics[0] if topics else None)
    return told(sight, {"topic": str(best.pk)}) if best else None


def needs_of(topic: Topic, sight: Sight) -> list[PostedNeed]:
    """What was asked for by what the topic decided, or else at its place since its meeting."""
    assert topic.meeting is not None
    needs = PostedNeed.objects.filter(posted_at__lt=sight.end)
    decided = list(needs.filter(decision__meeting=topic.meeting).order_by("posted_at", "pk"))
    if decided:
        return decided
    around = needs.filter(place__in=ids_around(topic.place), posted_at__gte=topic.opened_at)
    return list(around.order_by("posted_at", "pk")[:3])


def told(sight: Sight, parameters: Mapping[str, Any]) -> Facts | None:
    if "activity" in parameters:
        return _activity(sight, parameters)
    try:
        key = uuid.UUID(str(parameters.get("topic")))
    except ValueError:
        return None
    topics = Topic.objects.filter(within("jurisdiction", [sight.area]), pk=key)
    topic = topics.select_related("place__within__within", "meeting__body").first()
    if topic is None or topic.meeting is None or topic.meeting.state != MeetingState.APPROVED:
        return None
    return _topic(sight, topic)


def _topic(sight: Sight, topic: Topic) -> Facts:
    assert topic.meeting is not None
    url = reverse("commons:topic", args=[topic.pk])
    counted = topic.problems.filter(listed_at__lt=sight.end).aggregate(
        listed=Count("pk"), answered=Count("pk", filter=Q(answered_at__lt=sight.end) & ~Q(answer=""))
    )
    decided = list(
        Decision.objects.filter(meeting=topic.meeting, made_at__lt=sight.end)
        .exclude(state=DecisionState.WITHDRAWN)
        .order_by("position")
    )
    votes = topic.votes.filter(closed_at__lt=sight.end)
    voted = Voted.objects.filter(vote__in=votes.values("pk")).order_by().values("household").distinct().count()
    came = topic.meeting.attendance.exclude(presence="excused").count()
    needs = needs_of(topic, sight)
    figures = [
        Figure("came", "到会的人", "people at the meeting", came, url),
        Figure("listed", "居民提出的问题", "problems that residents listed", counted["listed"], url),
        Figure("answered", "已有答复的问题", "problems that have an answer", counted["answered"], url),
        Figure("resolved", "会上作出的决定", "decisions of the residents", len(decided), url),
        Figure("voted", "投票的住户", "households that voted", voted, url),
    ]
    place = full_name(topic.place).replace(" ", "")
    code = topic.jurisdiction
    street = places.names([code[: LENGTHS[1]]]).get(code[: LENGTHS[1]], "")
    day = timezone.localtime(topic.meeting.at).date()
    partners = list(
        dict.fromkeys(public_pairings(code, sight.day).values_list("partner", flat=True)[:PARTNERS])
    )  # fmt: skip
    zh = [
        f"{sight.day_zh(day)}{half_of_day(topic.meeting.at)[0]}，{street}{place}召开“{topic.title}”居民议事会，[[came]]人参加。"
    ]
    en = [f"On {sight.day_en(day)} residents of {street}{place} met about “{topic.title}”; [[came]] people came."]
    if counted["listed"]:
        zh[0] += "居民列出问题[[listed]]个，已答复[[answered]]个。"
        en[0] += " They listed [[listed]] problems; [[answered]] have an answer."
    if voted:
        zh[0] += "[[voted]]户居民参加投票。"
        en[0] += " [[voted]] households voted."
    if decided:
        zh.append("大家共同商定了[[resolved]]件事：" + "；".join(one.text.rstrip("。；") for one in decided) + "。")
        en.append("[[resolved]] things were agreed:")
        en += [f"– {one.text}" for one in decided]
    if partners:
        zh.append(f"社区党组织与{'、'.join(partners)}结对共建。")
        en.append(f"The community is paired with {written_list(partners)}.")
    photos: list[dict[str, Any]] = []
    for place_of, need in enumerate(needs):
        more, said = _need(sight, need, place_of)
        figures += more
        zh += said["zh"]
        en += said["en"]
        photos += _photos_of(sight, need)
    return Facts(
        KIND, {"topic": str(topic.pk)}, {"zh": topic.title, "en": topic.title},
        {"zh": "\n".join(zh), "en": "\n".join(en)}, figures_by_key(*figures), tuple(photos[:2]),
    )  # fmt: skip


def _need(sight: Sight, need: PostedNeed, number: int) -> tuple[list[Figure], dict[str, list[str]]]:
    """Of a need as it stood when the day ended; names of partners come by what was verified or by their pairing."""
    pledges = Pledge.objects.filter(need=need, at__lt=sight.end).filter(
        Q(withdrawn_at=None) | Q(withdrawn_at__gte=sight.end)
    )
    pledged = pledges.aggregate(n=Sum("number"))["n"] or 0
    good = Delivery.objects.filter(pledge__in=pledges, refused_for="", verified_at__lt=sight.end)
    verified = good.aggregate(n=Sum("number"))["n"] or 0
    paired = set(public_pairings(need.jurisdiction, sight.day).values_list("partner", flat=True))
    by = [name for name in pledges.order_by("at").values_list("partner", flat=True) if name in paired]
    who = list(dict.fromkeys(by))
    url = reverse("commons:need", args=[need.pk])
    end = f":{number}" if number else ""
    figures = [
        Figure(f"wanted{end}", f"{need.title}：需要", f"{need.title}: wanted", need.target, url),
        Figure(f"pledged{end}", f"{need.title}：认领", f"{need.title}: signed up for", pledged, url),
        Figure(f"brought{end}", f"{need.title}：完成", f"{need.title}: brought and seen", verified, url),
    ]
    unit = need.unit
    zh, en = [], []
    if pledged:
        names = f"由{'、'.join(who)}" if who else "由热心单位"
        zh.append(
            f"{need.title}需要[[wanted{end}]]{unit}，{names}主动认领[[pledged{end}]]{unit}{need.title}"
            + (f"，已完成[[brought{end}]]{unit}。" if verified else "。")
        )
        en.append(
            f"{need.title}: [[wanted{end}]] are needed, [[pledged{end}]] are signed up for"
            + (f" by {written_list(who)}" if who else "")
            + (f", [[brought{end}]] are there." if verified else ".")
        )
    else:
        zh.append(f"{need.title}需要[[wanted{end}]]{unit}，等待认领。")
        en.append(f"{need.title}: [[wanted{end}]] are needed; nobody has signed up yet.")
    return figures, {"zh": zh, "en": en}


def _photos_of(sight: Sight, need: PostedNeed) -> list[dict[str, Any]]:
    """What anybody may see of it at the time: verified deliveries, else the place before."""
    rows = Delivery.objects.filter(pledge__need=need, refused_for="", verified_at__lt=sight.end)
    shown = [sha for photos in rows.order_by("-verified_at").values_list("photos", flat=True)[:5] for sha in photos]
    captions = dict.fromkeys(shown, (f"{need.title}。", f"{need.title}."))
    if need.closed_at and need.closed_at < sight.end and need.after:
        captions[need.after] = (f"{need.title}，完成后。", f"{need.title}, when all were there.")
    elif need.before:
        captions[need.before] = (f"{need.title}，开始前的样子。", f"{need.title}: the place before.")
    order = list(dict.fromkeys([*([need.after] if need.after in captions else []), *shown, *captions]))
    return photos_with(order, captions)


def photos_with(hashes: list[str], captions: Mapping[str, tuple[str, str]]) -> list[dict[str, Any]]:
    """Photos as a document has them, each with its caption."""
    known = Photo.objects.in_bulk([sha for sha in hashes if sha])
    return [printed_photo(known[sha], *captions[sha]) for sha in hashes if sha in known]


def printed_photo(photo: Photo, zh: str, en: str) -> dict[str, Any]:
    """A photo as a document has it, with its caption in both languages."""
    return {
        "sha256": photo.sha256,
        "public_sha256": photo.public_sha256,
        "width": photo.public_width,
        "height": photo.public_height,
        "caption": {"zh": zh, "en": en},
    }


# ---- volunteers -----------------------------------------------------------------------------------------------------


def activity_of_day(sight: Sight) -> Facts | None:
    """The clean-up that ended last, if that is news."""
    shifts = Shift.objects.filter(
        within("jurisdiction", [sight.area]),
        ends_at__gte=sight.start, ends_at__lt=sight.end, activity__cancelled_at=None,
    )  # fmt: skip
    last = (
        shifts.filter(pk__in=SignUp.objects.filter(came_at__isnull=False).values("shift"))
        .values("activity")
        .annotate(last=Max("ends_at"))
        .order_by("-last", "activity")
        .first()
    )
    return told(sight, {"activity": str(last["activity"])}) if last else None


def _activity(sight: Sight, parameters: Mapping[str, Any]) -> Facts | None:
    try:
        key = uuid.UUID(str(parameters.get("activity")))
    except ValueError:
        return None
    activity = Activity.objects.filter(within("jurisdiction", [sight.area]), pk=key, cancelled_at=None).first()
    if activity is None:
        return None
    ended = activity.shifts.filter(ends_at__lt=sight.end).order_by("begins_at")
    first = ended.first()
    if first is None:
        return None
    came = SignUp.objects.filter(shift__in=ended.values("pk"), came_at__isnull=False).count()
    standing = Record.objects.filter(sign_up__shift__in=ended.values("pk"), revoked_at=None, at__lt=sight.end)
    minutes = standing.aggregate(n=Sum("minutes"))["n"] or 0
    url = reverse("commons:activity", args=[activity.pk])
    figures = figures_by_key(
        Figure("volunteers", "参加的志愿者", "volunteers who came", came, url),
        Figure("hours", "认证的服务小时", "hours certified", minutes // 60, url),
        Figure("shifts", "举办的场次", "shifts held", ended.count(), url),
    )
    day = timezone.localtime(first.begins_at).date()
    zh = f"{sight.day_zh(day)}{half_of_day(first.begins_at)[0]}，{activity.organiser}组织开展“{activity.title}”"
    zh += "志愿服务活动，[[volunteers]]名志愿者参加。"
    en = (
        f"On {sight.day_en(day)} {half_of_day(first.begins_at)[1]}, {activity.organiser} held “{activity.title}”; "
        "[[volunteers]] volunteers came."
    )
    if minutes >= 60:
        zh += "认证志愿服务[[hours]]小时。"
        en += " [[hours]] hours are certified."
    if activity.text:
        zh += f"\n{activity.text}"
    return Facts(
        KIND,
        {"activity": str(activity.pk)},
        {"zh": f"志愿者：{activity.title}", "en": f"Volunteers: {activity.title}"},
        {"zh": zh, "en": en},
        figures,
    )  # fmt: skip
