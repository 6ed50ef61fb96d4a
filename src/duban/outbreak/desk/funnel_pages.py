"""The district's desk: the way from screened to released by town and by order, and the people behind each number."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.http import require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.text import is_plain
from duban.outbreak.casefiles.identity import facts_of_many
from duban.outbreak.casefiles.queries import SEES as SEES_FILES
from duban.outbreak.counts import FEW
from duban.outbreak.desk import days, funnel, keeping, rows
from duban.outbreak.desk.funnel import LEFT
from duban.outbreak.desk.keeping import Counted
from duban.outbreak.desk.report import SEES, measures_on, offices_of
from duban.outbreak.desk.rows import TITLES, Asked
from duban.outbreak.desk.today_pages import file_url
from duban.outbreak.models import CaseFile, FileState, KeptKind
from duban.outbreak.protection.visibility import shown
from duban.outbreak.tasks import count_desk_later
from duban.places import queries as places
from duban.places.codes import covers, normalise_code

HEADS = {
    "screened": pgettext_lazy("people", "screened"),
    "reached": pgettext_lazy("people", "reached"),
    "tested": pgettext_lazy("people", "sampled"),
    "isolated": pgettext_lazy("people", "isolated"),
    "released": pgettext_lazy("people", "released"),
}


@dataclass(frozen=True)
class Cell:
    """A number with its rows, and the median hours to it; None is not told."""

    number: int | None
    url: str
    hours: float | None
    label: str


@dataclass(frozen=True)
class Line:
    code: str
    name: str
    cells: list[Cell]


def read_question(person: Person, words: Any) -> tuple[date, str]:
    """(day, code) of an address: today at the first of the person's offices where nothing is said.

    Raises BadQuestion (`bad_day`), BadCode (`bad_code`).
    """
    on = days.read_day(words["on"]) if words.get("on") else days.today(clock.now())
    at = normalise_code(words["at"], field="at") if words.get("at") else next(iter(offices_of(person)), "")
    return on, at


def places_for(person: Person, at: str) -> list[tuple[str, str]]:
    """(code, name) of what the person may look at: their offices and the towns in them."""
    found = [(unit.code, unit.name) for unit in places.counties_and_towns(rights.codes(person, SEES))]
    return found if at in dict(found) or not at else [(at, places.names([at]).get(at, at)), *found]


def rows_url(person: Person, asked: Asked) -> str:
    """The address of the people behind a number; "" for who sees no files there."""
    if not covers(rights.codes(person, SEES_FILES), asked.town or asked.at):
        return ""
    said = {
        "figure": asked.figure,
        "on": asked.on.isoformat(),
        "at": asked.at,
        "town": asked.town,
        "order": asked.order,
    }
    return f"{reverse('outbreak:funnel_rows')}?{urlencode({name: value for name, value in said.items() if value})}"


def count_to_show(request: StaffRequest, kind: KeptKind, at: str, on: date) -> Counted | None:
    """What the page shows; None: it shows its question alone, and asks for the numbers by itself.

    `now` counts while the reader waits, and so does the page that asks by itself; `again` asks for a new count of what
    is kept. An old one is shown, and the next is made in the background. Raises as `keeping.count`.
    """
    now = clock.now()
    if request.htmx or "now" in request.GET:
        return keeping.count(kind, at, on, now=now)
    found = None if "again" in request.GET else keeping.newest(kind, at, on, now=now)
    if found is not None and found.is_old and keeping.ask_for_count(kind, at, on, now=now):
        count_desk_later.enqueue(kind, at, on.isoformat())
    return found


@require_safe
@person_who(SEES)
def funnel_page(request: StaffRequest) -> HttpResponse:
    """The question at once; the numbers when they are counted, or with their time where they are kept."""
    person = request.user
    on, at = read_question(person, request.GET)
    rights.require(person, SEES, at)
    context = {"on": on, "at": at, "places": places_for(person, at), "question": urlencode({"on": on, "at": at})}
    counted = count_to_show(request, KeptKind.FUNNEL, at, on)
    if counted is None:
        return render(request, "outbreak/desk/funnel.html", context)
    found = funnel.as_told(person, counted.value.funnel)
    context |= {
        "counted": counted,
        "found": found,
        "few": FEW,
        "heads": list(HEADS.items()),
        "total": _line(person, found.total, on, at),
        "towns": [_line(person, row, on, at, town=row.code) for row in found.towns],
        "areas": [_line(person, row, on, at, order=row.code) for row in found.areas],
        "stuck": _stuck(person, counted.value.left, on, at),
        "chart": {
            "names": [str(word) for word in HEADS.values()],
            "numbers": [found.total.counts[stage] for stage in HEADS],
            "hours": [found.total.hours.get(stage) for stage in HEADS],
            "words": {"hours": _("hours")},
        },
    }
    template = "outbreak/desk/parts/funnel.html" if request.htmx else "outbreak/desk/funnel.html"
    return render(request, template, context)


def _line(person: Person, row: funnel.Row, on: date, at: str, *, town: str = "", order: str = "") -> Line:
    return Line(
        row.code,
        row.name,
        [
            Cell(
                row.counts[stage],
                rows_url(person, Asked(f"came:{stage}", on, at, town, order)),
                row.hours.get(stage),
                f"{row.name} {word}",
            )
            for stage, word in HEADS.items()
        ],
    )


def _stuck(person: Person, numbers: Mapping[str, int], on: date, at: str) -> list[Cell]:
    """Who is followed and was left behind at a stage; only for whoever may see who that is."""
    urls = {figure: rows_url(person, Asked(figure, on, at)) for figure in LEFT}
    if not all(urls.values()):
        return []
    return [Cell(numbers[figure], url, None, str(TITLES[figure])) for figure, url in urls.items()]


# ---- the people behind a number -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """One of them, masked."""

    file: CaseFile
    name: str
    town: str
    measure: str
    state: str
    url: str


@require_safe
@person_who(SEES_FILES)
def rows_page(request: StaffRequest) -> HttpResponse:
    """Those whose files the reader may see, masked, fifty a page."""
    person = request.user
    on, at = read_question(person, request.GET)
    rights.require(person, SEES, at)
    said = [request.GET.get(name, "")[:64] for name in ("figure", "town", "order")]
    figure, town, order = (text if is_plain(text) else "" for text in said)
    asked = Asked(figure, on, at, town, order)
    files = rows.rows_for(person, asked)
    page = rows.page_of(files, request.GET.get("cursor", ""))
    names = places.names({file.town for file in page.files} | {town, at})
    here = {"figure": figure, "on": on.isoformat(), "at": at, "town": town, "order": order}
    question = urlencode({name: value for name, value in here.items() if value})
    context = {
        "title": TITLES[figure],
        "on": on,
        "where": names.get(town or at, town or at),
        "order": order,
        "total": files.count(),
        "people": _people(person, page.files, names),
        "older": f"?{question}&{urlencode({'cursor': page.older})}" if page.older else "",
        "back": urlencode({"on": on, "at": at}),
    }
    return render(request, "outbreak/desk/rows.html", context)


def _people(person: Person, files: list[CaseFile], names: dict[str, str]) -> list[Found]:
    facts, measures = facts_of_many(files), measures_on(files, days.today(clock.now()))
    return [
        Found(
            file=file,
            name=shown(person, file, facts[file.pk]).name,
            town=names.get(file.town, file.town),
            measure=measures.get(file.pk, "") if file.state == FileState.OPEN else "",
            state=str(FileState(file.state).label),
            url=file_url(file.pk),
        )
        for file in files
    ]


urls = [
    path("funnel/", funnel_page, name="funnel"),
    path("funnel/rows/", rows_page, name="funnel_rows"),
]
