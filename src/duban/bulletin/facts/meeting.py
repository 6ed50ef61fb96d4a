"""The newest meeting of the area's bodies whose minutes are approved: who was there, the minutes, what was decided."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import Case, IntegerField, Value, When
from django.urls import reverse
from django.utils import timezone

from duban.bulletin.facts.sight import Sight, half_of_day, written_list
from duban.bulletin.figures import Facts, Figure, figures_by_key
from duban.decisions.models import BodyKind, Decision, DecisionState, Meeting, Presence
from duban.decisions.queries import published_meetings

KIND = "decisions"


def of_day(sight: Sight) -> Facts | None:
    """A leading group's goes before a committee's; what residents decide is a story of its own."""
    found = published_meetings(sight.area).exclude(body__kind=BodyKind.RESIDENTS)
    rank = Case(When(body__kind=BodyKind.LEADING_GROUP, then=Value(0)), default=Value(1), output_field=IntegerField())
    news = found.filter(at__gte=sight.start, at__lt=sight.end, approved_at__lt=sight.end)
    meeting = news.annotate(rank=rank).order_by("rank", "-at", "pk").first()
    return told(sight, {"meeting": str(meeting.pk)}) if meeting else None


def told(sight: Sight, parameters: Mapping[str, Any]) -> Facts | None:
    try:
        key = uuid.UUID(str(parameters.get("meeting")))
    except ValueError:
        return None
    meeting = published_meetings(sight.area).filter(pk=key).first()
    if meeting is None:
        return None
    decided = list(meeting.decisions.exclude(state=DecisionState.WITHDRAWN).order_by("position"))
    url = reverse("decisions:meeting", args=[meeting.pk])
    figures = figures_by_key(
        Figure("meeting", "第几次会议", "number of the meeting", meeting.number, url, is_ordinal=True),
        Figure("decisions", "会议作出的决定", "decisions of the meeting", len(decided), url),
    )
    return Facts(
        KIND,
        {"meeting": str(meeting.pk)},
        {
            "zh": f"{meeting.body.name}召开第[[meeting]]次会议",
            "en": f"{meeting.body.name}: [[meeting]] meeting",
        },
        {"zh": _chinese(sight, meeting, decided), "en": _english(sight, meeting, decided)},
        figures,
    )


def _chinese(sight: Sight, meeting: Meeting, decided: list[Decision]) -> str:
    day = timezone.localtime(meeting.at).date()
    agenda = "，".join(meeting.agenda.order_by("position").values_list("title", flat=True))
    parts = [
        f"{sight.day_zh(day)}{half_of_day(meeting.at)[0]}，{meeting.body.name}召开第[[meeting]]次会议"
        + (f"，{agenda}。" if agenda else "。")
        + _who(meeting)
    ]
    parts += [part.strip() for part in meeting.minutes.split("\n") if part.strip()]
    # The words of a decision are those of the minutes as a rule, and nobody reads them twice.
    if left := [one for one in decided if not _is_said(one, meeting.minutes)]:
        orders = "；".join(_order(one) for one in left)
        parts.append(f"会议共作出[[decisions]]项决定。会议决定：{orders}。")
    elif decided:
        parts.append("会议共作出[[decisions]]项决定，逐项督办。")
    return "\n".join(parts)


def _is_said(decision: Decision, minutes: str) -> bool:
    """Whether the minutes say it: most of its pairs of characters stand in them."""
    text = "".join(decision.text.split())
    pairs = [text[at : at + 2] for at in range(len(text) - 1)]
    return bool(pairs) and sum(pair in minutes for pair in pairs) >= 0.8 * len(pairs)


def _order(decision: Decision) -> str:
    unit = f"由{decision.lead_unit}负责" if decision.lead_unit else ""
    due = f"{decision.due_on.month}月{decision.due_on.day}日前完成" if decision.due_on else ""
    note = "，".join(part for part in (unit, due) if part)
    return decision.text.rstrip("。；") + (f"（{note}）" if note else "")


def _who(meeting: Meeting) -> str:
    chairs, others = _officials(meeting)
    said = "".join(f"{name}主持会议" for name in chairs[:1])
    present = f"{'、'.join(others)}出席" if others else ""
    return f"{'，'.join(part for part in (said, present) if part)}。" if said or present else ""


def _officials(meeting: Meeting) -> tuple[list[str], list[str]]:
    """Titles and names of officials who were there; of residents the minutes name nobody."""
    rows = meeting.attendance.exclude(presence=Presence.EXCUSED).filter(sealed=None).exclude(name="").order_by("pk")
    chairs: list[str] = []
    others: list[str] = []
    for one in rows:
        (chairs if one.presence == Presence.CHAIR else others).append(f"{one.title}{one.name}")
    return chairs, others


def _english(sight: Sight, meeting: Meeting, decided: list[Decision]) -> str:
    day = timezone.localtime(meeting.at).date()
    chairs, others = _officials(meeting)
    parts = [
        f"{meeting.body.name} held its [[meeting]] meeting on {sight.day_en(day)} {half_of_day(meeting.at)[1]}."
        + (f" {chairs[0]} was in the chair." if chairs else "")
        + (f" Present: {written_list(others)}." if others else "")
    ]
    if decided:
        parts.append("[[decisions]] decisions were taken:")
        for one in decided:
            unit = f" ({one.lead_unit})" if one.lead_unit else ""
            parts.append(f"– {one.text}{unit}")
    else:
        parts.append("No decision was taken.")
    return "\n".join(parts)
