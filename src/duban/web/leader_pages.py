"""The leader's page: seven numbers with their trend, what is late and whose, the map; each number opens its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.bulletin.models import WAITING, Issue
from duban.bulletin.queries import issues_for
from duban.commons.models import Tier
from duban.core import clock
from duban.core.errors import NotAllowed, NotFound
from duban.ledger.figures import Figure
from duban.ledger.filters import write_filters
from duban.ledger.lifecycle import OPEN
from duban.ledger.overview import month_to, week_of
from duban.ledger.queries import Filters
from duban.outbreak.counts import FEW
from duban.outbreak.desk.funnel_pages import HEADS, rows_url
from duban.outbreak.desk.rows import Asked
from duban.patrol.overview import span_of
from duban.places import queries as places
from duban.places.codes import outermost
from duban.web.brief import FORMATS, brief_of
from duban.web.models import KeptFigures
from duban.web.overview import Figures, ask_for_count, count_again, figures_at, is_quick
from duban.web.progress import Progress, Standing
from duban.web.tasks import count_area_later

SEES = "leader.see"
BULLETINS = 4
WIDE, HIGH = 120, 28
"""Of the line of a trend, in its own units."""


def areas_for(person: Person) -> list[tuple[str, str]]:
    """(code, name) of what the person may read whole: the widest codes of a role that is for every kind of entries."""
    codes = outermost(code for code, kind in rights.grants(person, SEES) if not kind)
    names = places.names(codes)
    return [(code, names.get(code, code)) for code in codes]


def area_asked(person: Person, text: str) -> tuple[str, str]:
    """The area of an address, or the first of theirs. Raises NotAllowed (`not_allowed`)."""
    areas = dict(areas_for(person))
    if not areas:
        raise NotAllowed("not_allowed", _("None of your roles opens this page."))
    if text and text not in areas:
        rights.require(person, SEES, "")
    code = text or next(iter(areas))
    return code, areas[code]


# ---- what is shown --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number:
    """One of the seven. `value` None: there is none, or with `told` False none that the reader may know.

    `change` is against what `against` says; `line` draws the trend.
    """

    key: str
    label: str
    value: int | None
    url: str
    note: str = ""
    unit: str = ""
    late: bool = False
    told: bool = True
    change: int | None = None
    against: str = ""
    line: str = ""
    dot: str = ""


def trend_line(numbers: Sequence[int | None]) -> tuple[str, str]:
    """Points of an SVG line over the numbers that are told, and its last point; empty where there are not two."""
    told = [(at, number) for at, number in enumerate(numbers) if number is not None]
    if len(told) < 2:
        return "", ""
    low, high = min(number for _at, number in told), max(number for _at, number in told)
    step, span = WIDE / max(len(numbers) - 1, 1), (high - low) or 1
    points = [f"{at * step:.1f},{2 + (HIGH - 4) * (1 - (number - low) / span):.1f}" for at, number in told]
    return " ".join(points), points[-1]


def _trended(numbers: Sequence[int | None]) -> dict[str, Any]:
    """The line, and the change since yesterday."""
    line, dot = trend_line(numbers)
    told = [number for number in numbers[-2:] if number is not None]
    change = told[1] - told[0] if len(told) == 2 else None
    return {"line": line, "dot": dot, "change": change, "against": _("since yesterday")}


def ledger_url(only: str = "", **asked: Any) -> str:
    filters = Filters(**asked)
    return f"{reverse('ledger:list')}?{write_filters(filters)}{only}"


def numbers_of(person: Person, code: str, figures: Mapping[str, Any], today: date, now: datetime) -> list[Number]:
    """The seven, in the order in which they are read."""
    books, patrol, people = figures["ledger"], figures["patrol"], figures["outbreak"]
    decisions = figures["decisions"]
    area = _area_of(person, code)
    span = span_of(now)
    month = month_to(today)
    share = round(100 * books["in_time"] / books["in_time_of"]) if books["in_time_of"] else None
    days = urlencode({"from": span.since.isoformat(), "to": span.until.isoformat()} | ({"area": area} if area else {}))
    return [
        Number(
            "open", _("on the books"), books["open"], ledger_url(area=area, states=tuple(OPEN)),
            **_trended(books["open_trend"]),
        ),
        Number(
            "overdue", _("overdue"), books["overdue"], ledger_url(area=area, overdue=True, sort="due_at"),
            late=books["overdue"] > 0, **_trended(books["overdue_trend"]),
        ),
        Number(
            "dispatched", _("dispatched in 7 days"), books["dispatched_week"],
            ledger_url(area=area, figure=Figure("dispatched", "n", week_of(today))),
            change=books["dispatched_week"] - books["dispatched_before"], against=_("against the 7 days before"),
            **_line(books["dispatched_trend"]),
        ),
        Number(
            "in_time", _("handled in time, 30 days"), share,
            ledger_url(area=area, figure=Figure("timely_handled", "n", month)), unit="%" if share is not None else "",
            note=_("%(n)s of %(of)s") % {"n": f"{books['in_time']:,}", "of": f"{books['in_time_of']:,}"},
        ),
        Number(
            "problems", _("venues with problems, 7 days"), patrol["problems"],
            f"{reverse('patrol:figures_rows')}?{days}&figure=problems",
            change=patrol["problems"] - patrol["problems_before"], against=_("against the 7 days before"),
            **_line(patrol["trend"]),
        ),
        Number(
            "followed", _("people followed"), people["figures"]["followed"],
            rows_url(person, Asked("followed", today, code)) or _report(code),
            told=people["figures"]["followed"] is not None, **_trended(people["trend"]),
        ),
        Number(
            "wanting", _("decisions late or without work"), decisions["wanting"],
            f"{reverse('web:decisions')}?show=wanting", late=decisions["wanting"] > 0,
            note=_("of %(n)s in force") % {"n": f"{decisions['in_force']:,}"},
        ),
    ]  # fmt: skip


def _report(code: str) -> str:
    return f"{reverse('outbreak:report')}?{urlencode({'at': code})}"


def _line(numbers: Sequence[int | None]) -> dict[str, Any]:
    line, dot = trend_line(numbers)
    return {"line": line, "dot": dot}


def _area_of(person: Person, code: str) -> str:
    """What the addresses of rows must name: nothing, where it is all that the person sees anyway."""
    return "" if [code] == outermost(rights.codes(person, "entry.see")) else code


@dataclass(frozen=True)
class Bar:
    """A number as a bar over the largest of its fellows; None is not told."""

    label: str
    number: int | None
    url: str
    percent: int


def bars(rows: Sequence[tuple[str, int | None, str]]) -> list[Bar]:
    most = max((number or 0 for _label, number, _url in rows), default=0) or 1
    return [Bar(label, number, url, round(100 * (number or 0) / most)) for label, number, url in rows]


@dataclass(frozen=True)
class DecisionLine:
    id: str
    text: str
    unit: str
    due_on: str
    late: bool
    progress: Progress | Any


@dataclass(frozen=True)
class KeptProgress:
    """As `seen_through` shows it, from what is kept."""

    standing: Standing
    percent: int | None


# By key: what is to be done today or this week, and where its rows are.
AHEAD: dict[str, Promise] = {
    "due_today": gettext_lazy("entries due today"),
    "due_week": gettext_lazy("entries due later this week"),
    "decisions": gettext_lazy("decisions due within a week"),
    "meetings": gettext_lazy("meetings within a week"),
    "rounds": gettext_lazy("rounds of inspection under way"),
    "alerts": gettext_lazy("alerts about people followed"),
}


def _ahead(person: Person, code: str, figures: Mapping[str, Any]) -> list[tuple[str, int | None, str]]:
    area = _area_of(person, code)
    books, people = figures["ledger"], figures["outbreak"]["figures"]
    found: dict[str, tuple[int | None, str]] = {
        "due_today": (books["due_today"], ledger_url(area=area, due="today", sort="due_at")),
        "due_week": (books["due_week"], ledger_url(area=area, due="week", sort="due_at")),
        "decisions": (figures["decisions"]["soon"], f"{reverse('web:decisions')}?show=soon"),
        "meetings": (figures["decisions"]["meetings"], reverse("decisions:meetings")),
        "rounds": (figures["patrol"]["rounds"], reverse("patrol:rounds")),
        "alerts": (people["alerts"], _report(code)),
    }
    return [(str(AHEAD[key]), *found[key]) for key in AHEAD]


def _funnel(person: Person, code: str, stages: Mapping[str, int | None], today: date) -> list[Bar]:
    page = f"{reverse('outbreak:funnel')}?{urlencode({'at': code})}"
    rows = [
        (str(word), stages.get(stage), rows_url(person, Asked(f"came:{stage}", today, code)) or page)
        for stage, word in HEADS.items()
    ]
    return bars(rows)


def _late(person: Person, late: Sequence[Mapping[str, Any]]) -> list[Bar]:
    names = places.names([one["unit"] for one in late])
    return bars(
        [
            (
                names.get(one["unit"], one["unit"]),
                one["number"],
                f"{reverse('ledger:list')}?{urlencode({'figure': one['figure'], 'sort': 'due_at'})}",
            )
            for one in late
        ]
    )


def _organisations(person: Person, code: str, figures: Mapping[str, Any]) -> list[tuple[str, int, str]]:
    page = reverse("commons:organisations")
    tiers = figures["tiers"]
    rows = [(_("organisations of the community"), figures["all"], _register(page, code))]
    rows += [
        (str(Tier(tier).label), tiers[tier], _register(page, code, tier=tier)) for tier in Tier.values if tier in tiers
    ]
    year = str(figures["year"])
    rows.append((_("founded this year"), figures["founded"], _register(page, code, founded=f"{year}-{year}")))
    return rows


def _register(page: str, code: str, **asked: str) -> str:
    return f"{page}?{urlencode({'area': code, **asked})}"


@dataclass(frozen=True)
class BulletinLine:
    issue: Issue
    url: str
    published: bool


def _bulletins(person: Person) -> list[BulletinLine]:
    found = [issue for issue in issues_for(person)[: 3 * BULLETINS] if issue.state in {"published", *WAITING}]
    return [
        BulletinLine(
            issue,
            reverse("bulletin:public_issue" if issue.state == "published" else "bulletin:draft", args=[issue.pk]),
            issue.state == "published",
        )
        for issue in found[:BULLETINS]
    ]


def shown(person: Person, code: str, name: str, found: Figures, now: datetime) -> dict[str, Any]:
    """All that the page shows but for the map."""
    figures, today = found.value, timezone.localdate(now)
    people = figures["outbreak"]
    return {
        "code": code,
        "area": name,
        "at": found.at,
        "is_old": found.is_old,
        "numbers": numbers_of(person, code, figures, today, now),
        "late": _late(person, figures["ledger"]["late"]),
        "late_rest": figures["ledger"]["overdue"] - sum(one["number"] for one in figures["ledger"]["late"]),
        "ahead": _ahead(person, code, figures),
        "funnel": _funnel(person, code, people["stages"], today),
        "funnel_hides": any(number is None for number in people["stages"].values()),
        "few": FEW,
        "areas_in_force": people["areas"],
        "organisations": _organisations(person, code, figures["organisations"]),
        "decisions": [
            DecisionLine(
                one["id"], one["text"], one["unit"], one["due_on"], one["late"],
                KeptProgress(Standing(one["standing"]), one["percent"]),
            )
            for one in figures["decisions"]["lines"]
        ],
        "bulletins": _bulletins(person),
        "days": len(figures["ledger"]["days"]),
    }  # fmt: skip


# ---- pages ----------------------------------------------------------------------------------------------------------


@require_safe
def leader(request: StaffRequest) -> HttpResponseBase:
    """One page that tells the truth; `screen=1` for the wall, where it counts itself anew without anybody.

    A wall whose login has run out is led to the login whole: what asks for a part would put the page into itself.
    """
    if request.htmx and not request.user.is_authenticated:
        asked = urlencode({"next": request.get_full_path()})
        return HttpResponse(headers={"HX-Redirect": f"{reverse('access:login')}?{asked}"})
    return _leader(request)


@person_who(SEES)
def _leader(request: StaffRequest) -> HttpResponse:
    person, now = request.user, clock.now()
    code, name = area_asked(person, request.GET.get("at", ""))
    found = figures_at(code, now)
    if found.is_old and ask_for_count(code, now=now):
        count_area_later.enqueue(code)
    screen = request.GET.get("screen") == "1"
    late_ones = write_filters(Filters(area=_area_of(person, code), overdue=True, sort="due_at"))
    asked = urlencode({"at": code} | ({"screen": "1"} if screen else {}))
    context = shown(person, code, name, found, now) | {
        "screen": screen,
        "here": f"{reverse('web:leader')}?{asked}",
        "areas": areas_for(person),
        "today": now,
        "late_ones": late_ones,
    }
    whole = "web/leader_screen.html" if screen else "web/leader.html"
    response = render(request, "web/parts/leader_live.html" if request.htmx else whole, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_POST
@person_who(SEES)
def leader_count(request: StaffRequest) -> HttpResponse:
    """Count anew, for who does not want to wait for the next count: at once, or where that takes long behind."""
    code, _name = area_asked(request.user, request.POST.get("at", ""))
    kept = KeptFigures.objects.filter(code=code).first()
    if kept is None or is_quick(kept):
        count_again(code, now=clock.now())
    else:
        if ask_for_count(code, now=clock.now()):
            count_area_later.enqueue(code)
        messages.info(request, _("The count takes a while; the page shows it once it is done."))
    return redirect(f"{reverse('web:leader')}?{urlencode({'at': code})}")


@require_safe
@person_who(SEES)
def leader_brief(request: StaffRequest, brief_form: str) -> HttpResponse:
    """The morning brief as PDF or DOCX, in the reader's language, from the same figures as the page."""
    code, name = area_asked(request.user, request.GET.get("at", ""))
    if brief_form not in FORMATS:
        raise NotFound("no_such_format", _("The brief comes as PDF or DOCX."))
    found = figures_at(code, clock.now())
    render, media_type = FORMATS[brief_form]
    response = HttpResponse(render(brief_of(name, found), printed=found.at), content_type=media_type)
    day = timezone.localtime(found.at).strftime("%Y-%m-%d")
    response.headers["Content-Disposition"] = f'attachment; filename="brief-{code}-{day}.{brief_form}"'
    return response


urls = [
    path("leader/", leader, name="leader"),
    path("leader/count/", leader_count, name="leader_count"),
    path("leader/brief.<str:brief_form>", leader_brief, name="leader_brief"),
]
