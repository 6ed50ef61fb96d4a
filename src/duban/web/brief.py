"""The morning brief, written from the figures that are kept: sentences in the reader's language, and a few tables."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateformat import format as date_format
from django.utils.dateparse import parse_date
from django.utils.text import Truncator
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from duban.commons.models import Tier
from duban.engines.typeset import render_brief_docx, render_brief_pdf
from duban.outbreak.counts import FEW
from duban.outbreak.desk.funnel_pages import HEADS
from duban.places import queries as places
from duban.web.overview import Figures
from duban.web.progress import Standing

FORMATS: dict[str, tuple[Callable[..., bytes], str]] = {
    "pdf": (render_brief_pdf, "application/pdf"),
    "docx": (render_brief_docx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
}
NAMED = 3
"""Units with overdue entries that the sentence names."""
MOST_WORDS = 90
"""Of a decision, in characters."""


def brief_of(area: str, found: Figures) -> dict[str, Any]:
    """The brief as the typesetter takes it; nothing in it that the figures do not say."""
    figures, at = found.value, timezone.localtime(found.at)
    chinese = (get_language() or "zh").startswith("zh")
    day = date_format(at, "Y年n月j日" if chinese else "j F Y")
    return {
        "lang": "zh" if chinese else "en",
        "title": _("Morning brief of %(area)s") % {"area": area},
        "subtitle": _("%(day)s, counted at %(time)s") % {"day": day, "time": at.strftime("%H:%M")},
        "numbers": _numbers(figures),
        "sections": [
            _section(_("The ledger"), _ledger(figures["ledger"])),
            _section(_("Inspections"), _inspections(figures["patrol"])),
            _section(_("The epidemic"), _epidemic(figures["outbreak"])),
            _decisions(figures["decisions"], found.at),
            _section(_("Organisations"), _organisations(figures["organisations"])),
        ],
        "note": _("Every number is counted from the records of Duban at the time named, and opens its rows there."),
        "page": _("page {page} of {pages}"),
    }


def _section(title: str, paragraphs: list[str]) -> dict[str, Any]:
    return {"title": title, "paragraphs": paragraphs, "headings": [], "rows": []}


def _said(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def _numbers(figures: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    books, patrol, people = figures["ledger"], figures["patrol"], figures["outbreak"]["figures"]
    decisions = figures["decisions"]
    share = f"{round(100 * books['in_time'] / books['in_time_of'])}%" if books["in_time_of"] else "–"
    return [
        (_("on the books"), _said(books["open"]), False),
        (_("overdue"), _said(books["overdue"]), books["overdue"] > 0),
        (_("dispatched in 7 days"), _said(books["dispatched_week"]), False),
        (_("handled in time, 30 days"), share, False),
        (_("venues with problems, 7 days"), _said(patrol["problems"]), False),
        (_("people followed"), _said(people["followed"]), False),
        (_("decisions late or without work"), _said(decisions["wanting"]), decisions["wanting"] > 0),
        (_("organisations of the community"), _said(figures["organisations"]["all"]), False),
    ]


def _than(now: int, before: int) -> str:
    """How a number stands to the one before it."""
    if now == before:
        return _("as many as in the 7 days before")
    words = _("%(n)s more than in the 7 days before") if now > before else _("%(n)s fewer than in the 7 days before")
    return words % {"n": f"{abs(now - before):,}"}


def _ledger(books: Mapping[str, Any]) -> list[str]:
    said = {
        "open": _said(books["open"]), "overdue": _said(books["overdue"]), "today": _said(books["due_today"]),
        "week": _said(books["due_week"]), "sent": _said(books["dispatched_week"]),
        "than": _than(books["dispatched_week"], books["dispatched_before"]),
        "n": _said(books["in_time"]), "of": _said(books["in_time_of"]),
    }  # fmt: skip
    lines = [
        _(
            "On the books: %(open)s entries, of them overdue: %(overdue)s. Due today: %(today)s, later this week: "
            "%(week)s."
        )
        % said,
        _(
            "Dispatched in the last 7 days: %(sent)s, %(than)s. Of those dispatched in the last 30 days that should be "
            "handled, in time: %(n)s of %(of)s."
        )
        % said,
    ]
    if books["late"]:
        first = books["late"][:NAMED]
        names = places.names([one["unit"] for one in first])
        units = _(", ").join(
            _("%(unit)s %(n)s") % {"unit": names.get(one["unit"], one["unit"]), "n": _said(one["number"])}
            for one in first
        )
        lines.append(_("Most of what is overdue lies with %(units)s.") % {"units": units})
    return lines


def _inspections(patrol: Mapping[str, Any]) -> list[str]:
    than = _than(patrol["problems"], patrol["problems_before"])
    said = {"visits": _said(patrol["visits"]), "problems": _said(patrol["problems"]), "than": than}
    left = {"n": _said(patrol["open_failures"]), "rounds": _said(patrol["rounds"])}
    return [
        _("Visits in the last 7 days: %(visits)s. Venues with problems: %(problems)s, %(than)s.") % said,
        _("Failed items not mended yet: %(n)s. Rounds under way: %(rounds)s.") % left,
    ]


def _epidemic(outbreak: Mapping[str, Any]) -> list[str]:
    people, stages = outbreak["figures"], outbreak["stages"]
    hidden = [number for number in (*people.values(), *stages.values()) if number is None]
    lines = [
        _("People followed: %(followed)s. Risk areas in force: %(areas)s.")
        % {"followed": _said(people["followed"]), "areas": _said(outbreak["areas"])},
        _("So far: %(stages)s.")
        % {
            "stages": _(", ").join(
                f"{word} {_said(stages[stage])}" for stage, word in HEADS.items() if stages.get(stage) is not None
            )
        },
    ]
    if not any(number is not None for number in stages.values()):
        lines.pop()
    if hidden:
        lines.append(_("Numbers below %(few)s are told to health officers alone.") % {"few": FEW})
    return lines


def _decisions(decisions: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    said = {name: _said(decisions[name]) for name in ("in_force", "late", "no_work", "soon")}
    this_year = timezone.localdate(now).year
    rows = [
        (
            Truncator(one["text"]).chars(MOST_WORDS),
            one["unit"] or "–",
            _day(one["due_on"], this_year),
            _standing(one),
            one["late"] or one["standing"] in {Standing.NO_WORK, Standing.LATE, Standing.BEHIND},
        )
        for one in decisions["lines"]
    ]
    words = _("In force: %(in_force)s. Overdue: %(late)s, without work: %(no_work)s, due within a week: %(soon)s.")
    return {
        "title": _("Decisions in force"),
        "paragraphs": [words % said],
        "headings": [pgettext("meeting", "Decision"), _("Leading unit"), _("Due on"), _("How far")],
        "rows": rows,
    }


def _standing(one: Mapping[str, Any]) -> str:
    word = str(Standing(one["standing"]).label)
    return word if one["percent"] is None else f"{word} {one['percent']}%"


def _day(text: str, this_year: int) -> str:
    """With its year unless it is this one."""
    day = parse_date(text) if text else None
    if day is None:
        return "–"
    zh, en = ("n月j日", "j M") if day.year == this_year else ("Y年n月j日", "j M Y")
    return date_format(day, zh if (get_language() or "zh").startswith("zh") else en)


def _organisations(figures: Mapping[str, Any]) -> list[str]:
    tiers = _(", ").join(
        f"{Tier(tier).label} {_said(figures['tiers'][tier])}" for tier in Tier.values if tier in figures["tiers"]
    )
    words = ngettext(
        "%(n)s organisation of the community stands on the register",
        "%(n)s organisations of the community stand on the register",
        figures["all"],
    ) % {"n": _said(figures["all"])}
    return [_("%(all)s (%(tiers)s).") % {"all": words, "tiers": tiers} if tiers else _("%(all)s.") % {"all": words}]
