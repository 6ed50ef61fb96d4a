"""The hygiene ledger's column: what was struck off and what is new, of an issue or as the ledger stands."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from duban.bulletin.facts.sight import Sight
from duban.bulletin.figures import Facts, Figure, figures_by_key
from duban.bulletin.models import Issue, IssueState, Item, Section, Series
from duban.bulletin.queries import document
from duban.ledger import queries as ledger
from duban.ledger.filters import write_filters
from duban.ledger.lifecycle import OPEN, State

KIND = "hygiene"
STATES = {Section.RECTIFIED: (State.CLOSED,), Section.NEW: tuple(OPEN)}
MOST = 400
"""Entries that a page of a day takes from the ledger; how many there are is counted over all of them."""


@dataclass(frozen=True)
class Column:
    """The facts, and what stands in each section as the document has it."""

    facts: Facts
    sections: list[dict[str, Any]]
    number: int
    issuer: str


def of_day(sight: Sight, series_name: str) -> Column | None:
    """The issue published last, if that is news; else what the next number would hold. None if that is nothing."""
    rows = Issue.objects.filter(
        series__jurisdiction=sight.area, state=IssueState.PUBLISHED, published_at__lt=sight.end
    ).exclude(items=None)
    # One series runs through: that of the name first, else whichever was last.
    issues = rows.select_related("series").order_by("-published_at", "-number")
    last = issues.filter(series__name=series_name).first() or issues.first()
    if last is not None and last.published_at and timezone.localtime(last.published_at).date() >= sight.first:
        return _frozen(sight, last)
    series = (last.series if last else None) or Series.objects.filter(jurisdiction=sight.area, name=series_name).first()
    return _next(sight, series)


def _frozen(sight: Sight, issue: Issue) -> Column:
    """As it was printed: records that changed since change nothing."""
    printed = document(issue)
    counts = {section["key"]: len(section["entries"]) for section in printed["sections"]}
    url = reverse("bulletin:public_issue", args=[issue.pk])
    figures = figures_by_key(
        *(Figure(str(key), *WORDS[key], counts.get(str(key), 0), url) for key in Section),
        Figure("issue", "期号", "number of the issue", issue.number or 0, url),
    )
    zh = "\n".join([*filter(None, printed["intro"].split("\n")), _chinese(counts)])
    facts = Facts(
        KIND, {"issue": str(issue.pk)}, {"zh": printed["title"], "en": "On the ledger: rectified and new"},
        {"zh": zh, "en": _english(counts)}, figures, byline=printed["byline"],
    )  # fmt: skip
    return Column(facts, printed["sections"], issue.number or 0, printed["issuer"])


WORDS = {
    Section.RECTIFIED: ("整治销账的点位", "places struck off"),
    Section.NEW: ("新增挂账的点位", "places newly on the ledger"),
}


def _chinese(counts: Mapping[str, int]) -> str:
    said = []
    if counts.get("rectified"):
        said.append("选取了[[rectified]]处上期挂账督办的环境问题，刊登整治前后对比照片")
    if counts.get("new"):
        said.append(f"{'并' if said else ''}对新发现的[[new]]处环境问题挂账督办")
    return f"本期{'，'.join(said)}。" if said else "本期没有新增挂账和整治销账的点位。"


def _english(counts: Mapping[str, int]) -> str:
    said = []
    if counts.get("rectified"):
        said.append("[[rectified]] places from earlier issues are shown before and after they were cleared")
    if counts.get("new"):
        said.append("[[new]] newly found are put on the ledger")
    return f"In this issue, {', and '.join(said)}." if said else "Nothing is new and nothing was struck off."


def _next(sight: Sight, series: Series | None) -> Column | None:
    """What stands on the ledger when the day ends and no published issue carries."""
    taken = Item.objects.filter(issue__series=series, issue__state=IssueState.PUBLISHED) if series else None
    found = {
        Section.RECTIFIED: ledger.rectified_in(sight.area).filter(closed_at__lt=sight.end),
        Section.NEW: ledger.standing_in(sight.area).filter(found_at__lt=sight.end),
    }
    sections, counts, figures = [], {}, []
    for key, entries in found.items():
        if taken is not None:
            entries = entries.exclude(pk__in=taken.filter(section=key).values("entry_id"))
        ids = list(entries.values_list("pk", flat=True)[:MOST])
        counts[str(key)] = len(ids) if len(ids) < MOST else entries.count()
        wanted = ledger.Filters(states=STATES[key], area=sight.area)
        url = f"{reverse('ledger:list')}?{write_filters(wanted)}"
        figures.append(Figure(str(key), *WORDS[key], counts[str(key)], url))
        sections.append({"key": str(key), "entries": entries_of(ids)})
    if not any(counts.values()):
        return None
    number = series.next_number if series else 1
    figures.append(Figure("issue", "期号", "number of the issue", number, reverse("bulletin:desk")))
    facts = Facts(
        KIND, {}, {"zh": "环境卫生挂账督办", "en": "On the ledger: rectified and new"},
        {"zh": _chinese(counts), "en": _english(counts)}, figures_by_key(*figures),
    )  # fmt: skip
    return Column(facts, sections, number, settings.DUBAN_OFFICE or sight.place)


def entries_of(ids: Sequence[uuid.UUID]) -> list[dict[str, Any]]:
    """Snapshots in this order, as the document has them."""
    facts = ledger.snapshots(ids)
    return [{key: value for key, value in facts[one].items() if key != "state"} for one in ids if one in facts]


def of_issue(issue: Issue, counts: Mapping[str, int]) -> Facts:
    """The figures of a draft's own sections."""
    figures = []
    for key in Section:
        wanted = ledger.Filters(states=STATES[key], area=issue.series.jurisdiction)
        url = f"{reverse('ledger:list')}?{write_filters(wanted)}"
        figures.append(Figure(str(key), *WORDS[key], counts.get(str(key), 0), url))
    number = issue.number or issue.series.next_number
    figures.append(Figure("issue", "期号", "number of the issue", number, reverse("bulletin:draft", args=[issue.pk])))
    return Facts(
        KIND, {}, {"zh": "环境卫生挂账督办", "en": "On the ledger: rectified and new"},
        {"zh": _chinese(counts), "en": _english(counts)}, figures_by_key(*figures),
    )  # fmt: skip
