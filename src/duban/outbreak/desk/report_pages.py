"""The daily report as a page and as files; each number of people opens them for whoever may see their files."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language
from django.views.decorators.http import require_GET, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.outbreak.desk import days, keeping
from duban.outbreak.desk.export import FORMATS, notes_of
from duban.outbreak.desk.funnel_pages import count_to_show, places_for, read_question, rows_url
from duban.outbreak.desk.report import FIGURES, SEES, Line, Report, as_told
from duban.outbreak.desk.rows import Asked
from duban.outbreak.desk.words import HEADS, MEANINGS
from duban.outbreak.models import KeptKind

LATE = frozenset({"positive", "alerts", "missing_reports"})


@dataclass(frozen=True)
class Cell:
    """A figure with the address of its people ("" where there is none); None is not told."""

    name: str
    label: str
    number: int | None
    url: str
    is_late: bool


@require_safe
@person_who(SEES)
def report_page(request: StaffRequest) -> HttpResponse:
    """The sentence, the figures, and by town the rows they are the sums of. One that does not add up is not shown.

    Where files are many the newest count is shown with its time; without one the question comes first, and the numbers
    when they are counted.
    """
    person = request.user
    on, at = read_question(person, request.GET)
    rights.require(person, SEES, at)
    refusal, report, counted = None, None, None
    try:
        counted = count_to_show(request, KeptKind.REPORT, at, on)
        if counted is None and not keeping.is_many(at):
            counted = keeping.count(KeptKind.REPORT, at, on, now=clock.now())
    except days.BadQuestion as wrong:
        refusal = wrong
    if counted is not None:
        report = as_told(person, counted.value, at)
    chinese = (get_language() or "zh").startswith("zh")
    context: dict[str, Any] = {
        "refusal": refusal,
        "on": on,
        "at": at,
        "places": places_for(person, at),
        "question": _question(on, at),
        "earlier": _question(on - timedelta(days=1), at),
        "later": _question(on + timedelta(days=1), at) if on < days.today(clock.now()) else "",
        "forms": list(FORMATS),
        "counted": counted,
    }
    if report is not None:
        context |= {
            "report": report,
            "sentence": report.sentence["zh" if chinese else "en"],
            "other_sentence": report.sentence["en" if chinese else "zh"],
            "other_language": "en" if chinese else "zh-Hans",
            "heads": [HEADS[name] for name in FIGURES],
            "total": _cells(person, report, report.total),
            "towns": [(line, _cells(person, report, line, town=line.code)) for line in report.by_town],
            "meanings": [(HEADS[name], meaning) for name, meaning in MEANINGS.items()],
            "notes": notes_of(report),
        }
    template = "outbreak/desk/parts/report.html" if request.htmx else "outbreak/desk/report.html"
    # A part that a page asked for by itself is put into it, also where it says what is wrong.
    return render(request, template, context, status=refusal.status if refusal and not request.htmx else 200)


def _question(on: date, at: str) -> str:
    return urlencode({"on": on.isoformat(), "at": at})


def _cells(person: Person, report: Report, line: Line, *, town: str = "") -> list[Cell]:
    at = report.total.code
    return [
        Cell(
            name,
            f"{line.name}: {HEADS[name]}",
            line.figures[name],
            rows_url(person, Asked(name, report.on, at, town)) if name in days.FIGURES and line.figures[name] else "",
            name in LATE and bool(line.figures[name]),
        )
        for name in FIGURES
    ]


@require_GET
@person_who(SEES)
def report_file(request: StaffRequest, form: str) -> HttpResponse:
    """The same as a file in the reader's language; refused where it does not add up."""
    if form not in FORMATS:
        raise Http404(form)
    on, at = read_question(request.user, request.GET)
    rights.require(request.user, SEES, at)
    make, kind = FORMATS[form]
    report = as_told(request.user, keeping.counted(KeptKind.REPORT, at, on, now=clock.now()).value, at)
    response = HttpResponse(make(report), content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="following-{at or "all"}-{on}.{form}"'
    return response


urls = [
    path("report/", report_page, name="report"),
    path("report/following.<str:form>", report_file, name="report_file"),
]
