"""The figures of inspections, each opening its rows; the sentence they make; and what a look-back allows to be said."""

import uuid
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST, require_safe

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest, person_who
from duban.core import clock
from duban.core.errors import DubanError
from duban.core.text import is_plain
from duban.patrol import brief, figures_export, figures_rows
from duban.patrol.brief import Brief, Line, NotClean, Wanted
from duban.patrol.figures_export import name_of
from duban.patrol.figures_rows import Narrower
from duban.places import queries as places
from duban.places.codes import normalise_code

ROUNDS_OFFERED = 50
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Cell:
    """A number with the one of the period before, and the address of its rows."""

    label: str
    n: int
    before: int
    url: str
    late: bool = False


@dataclass(frozen=True)
class TableLine:
    """A row of the tables by town, item or type."""

    name: str
    line: Line
    before: int
    visits_url: str
    problems_url: str
    failed_url: str


# ---- what is asked --------------------------------------------------------------------------------------------------


def read_wanted(person: Person, words: Any) -> Wanted:
    """The question of an address; nothing said is the week of the last visit. Raises DubanError at what is wrong."""
    since, until = words.get("from", ""), words.get("to", "")
    span = brief.read_span(since, until) if since or until else brief.usual_span(person, now=clock.now())
    area = words.get("area", "")
    return brief.wanted_by(
        person,
        span,
        area=normalise_code(area, field="area") if area else "",
        round_id=_round_id(words.get("round", "")),
    )


def _round_id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        # No round has that id, and so it answers as one that is not there.
        return uuid.UUID(int=0)


def question_of(wanted: Wanted, **more: str) -> str:
    """The same question as the query of an address."""
    said = {
        "from": wanted.span.since.isoformat(),
        "to": wanted.span.until.isoformat(),
        "area": wanted.area,
        "round": str(wanted.round.pk) if wanted.round else "",
    }
    return urlencode({name: value for name, value in (said | more).items() if value})


def wanted_before(person: Person, wanted: Wanted) -> Wanted:
    """The round before, else as many days before."""
    earlier = brief.round_before(person, wanted.round) if wanted.round else None
    if earlier:
        return brief.wanted_by(person, wanted.span, area=wanted.area, round_id=earlier.pk)
    return replace(wanted, span=wanted.span.before(), round=None)


# ---- the page -------------------------------------------------------------------------------------------------------


@require_safe
@person_who(brief.SEES)
def figures_page(request: StaffRequest) -> HttpResponse:
    """The sentence, the numbers with those before, the look-back, and the tables by town, item and type."""
    refusal = None
    try:
        wanted = read_wanted(request.user, request.GET)
    except DubanError as wrong:
        refusal, wanted = wrong, read_wanted(request.user, {})
    return _page(request, wanted, refusal)


def _page(request: StaffRequest, wanted: Wanted, refusal: DubanError | None) -> HttpResponse:
    person = request.user
    earlier = wanted_before(person, wanted)
    found, before = brief.brief_of(wanted), brief.brief_of(earlier)
    areas = {unit.code: unit.name for unit in places.counties_and_towns(rights.codes(person, brief.SEES))}
    if wanted.area and wanted.area not in areas:
        areas |= places.names([wanted.area])
    chinese = (get_language() or "zh").startswith("zh")
    context = {
        "refusal": refusal,
        "left": refusal.left if isinstance(refusal, NotClean) else [],
        "found": found,
        "span": wanted.span,
        "earlier": earlier,
        "round": wanted.round,
        "sentence": found.sentence["zh" if chinese else "en"],
        "other_sentence": found.sentence["en" if chinese else "zh"],
        "other_language": "en" if chinese else "zh-Hans",
        "cells": _cells(found, before),
        "looked": _looked(found, before),
        "towns": _table(found, before, "towns", "town"),
        "items": _table(found, before, "items", "item"),
        "types": _table(found, before, "types", "kind"),
        "areas": areas.items(),
        "area": wanted.area,
        "rounds": [(str(one.pk), one.title) for one in brief.rounds_in_sight(person)[:ROUNDS_OFFERED]],
        "question": question_of(wanted),
        "before_url": f"?{question_of(earlier)}",
        "may_state": bool(rights.codes(person, brief.STATES)),
        "may_import": bool(rights.codes(person, "visit.make")),
    }
    return render(request, "patrol/figures.html", context, status=refusal.status if refusal else 200)


def _rows_url(wanted: Wanted, figure: str, **narrower: str) -> str:
    return f"{reverse('patrol:figures_rows')}?{question_of(wanted, figure=figure, **narrower)}"


def _cells(found: Brief, before: Brief) -> list[Cell]:
    def cell(label: str, n: int, was: int, figure: str, **more: Any) -> Cell:
        return Cell(label, n, was, _rows_url(found.wanted, figure), **more)

    return [
        Cell(_("Towns and townships inspected"), found.towns_inspected, before.towns_inspected, "#towns"),
        Cell(_("Sub-districts inspected"), found.streets_inspected, before.streets_inspected, "#towns"),
        cell(_("Visits"), found.visits, before.visits, "visits"),
        cell(_("Problems"), found.problems, before.problems, "problems", late=bool(found.problems)),
        cell(_("of these in towns and townships"), found.town_problems, before.town_problems, "town_problems"),
        cell(_("of these in sub-districts"), found.street_problems, before.street_problems, "street_problems"),
        cell(_("Failed items"), found.failed_items, before.failed_items, "failed_items"),
    ]


def _looked(found: Brief, before: Brief) -> list[Cell]:
    now, then = found.lookback, before.lookback
    return [
        Cell(pgettext("a re-check", "due"), now.due, then.due, _rows_url(found.wanted, "due")),
        Cell(pgettext("a re-check", "stands"), now.stands, then.stands, _rows_url(found.wanted, "stands")),
        Cell(
            _("not mended"), now.recurred, then.recurred, _rows_url(found.wanted, "recurred"), late=bool(now.recurred)
        ),
        Cell(
            _("not inspected"),
            now.not_inspected,
            then.not_inspected,
            _rows_url(found.wanted, "not_inspected"),
            late=bool(now.not_inspected),
        ),
    ]


def _table(found: Brief, before: Brief, which: str, narrower: str) -> list[TableLine]:
    earlier = {one.key: one.problems for one in getattr(before, which)}
    asked = "asked" if which == "items" else "visits"
    return [
        TableLine(
            name=name_of(one),
            line=one,
            before=earlier.get(one.key, 0),
            visits_url=_rows_url(found.wanted, asked, **{narrower: one.key}),
            problems_url=_rows_url(found.wanted, "problems", **{narrower: one.key}),
            failed_url=_rows_url(found.wanted, "failed_items", **{narrower: one.key}),
        )
        for one in getattr(found, which)
    ]


@require_safe
@person_who(brief.SEES)
def trend(request: StaffRequest) -> HttpResponse:
    """The twelve months that end with the period; asked by htmx, only their table and chart."""
    wanted = read_wanted(request.user, request.GET)
    months = [
        (f"{first:%Y-%m}", visits, problems, _month_url(wanted, first))
        for first, visits, problems in brief.months_of(wanted)
    ]
    template = "patrol/parts/figures_trend.html" if request.htmx else "patrol/figures_trend.html"
    response = render(request, template, {"months": months, "question": question_of(wanted)})
    patch_vary_headers(response, ["HX-Request"])
    return response


def _month_url(wanted: Wanted, first: Any) -> str:
    month = replace(wanted, span=brief.month_of(first), round=None)
    return f"{reverse('patrol:figures')}?{question_of(month)}"


# ---- the rows -------------------------------------------------------------------------------------------------------


def read_narrower(words: Any) -> Narrower:
    said = [str(words.get(name, ""))[:64] for name in ("town", "item", "kind")]
    return Narrower(*(text if is_plain(text) else "" for text in said))


@require_safe
@person_who(brief.SEES)
def rows(request: StaffRequest) -> HttpResponse:
    """The rows behind one number."""
    wanted, narrower = read_wanted(request.user, request.GET), read_narrower(request.GET)
    figure = request.GET.get("figure", "visits")
    page = figures_rows.page_of(wanted, figure, narrower, request.GET.get("cursor", ""))
    said = {"town": narrower.town, "item": narrower.item, "kind": narrower.kind}
    here = question_of(wanted, figure=figure, **said)
    context = {
        "title": figures_rows.FIGURES[figure],
        "figure": figure,
        "narrowed": figures_rows.in_words(narrower),
        "span": wanted.span,
        "area": places.names([wanted.area]).get(wanted.area, wanted.area) if wanted.area else "",
        "round": wanted.round,
        "lines": page.lines,
        "total": figures_rows.counted(wanted, figure, narrower),
        "older": f"?{here}&{urlencode({'cursor': page.older})}" if page.older else "",
        "newer": f"?{here}&{urlencode({'cursor': page.newer})}" if page.newer else "",
        "here": here,
        "question": question_of(wanted),
        "sees_visits": bool(rights.codes(request.user, "visit.see")),
    }
    return render(request, "patrol/figures_rows.html", context)


@require_GET
@person_who(brief.SEES)
def figures_file(request: StaffRequest, form: str) -> HttpResponseBase:
    """All figures as a workbook, or the rows of one as CSV, in the reader's language."""
    wanted = read_wanted(request.user, request.GET)
    name = f"inspections-{wanted.span.since}-{wanted.span.until}"
    response: HttpResponseBase
    if form == "xlsx":
        before = brief.brief_of(wanted_before(request.user, wanted))
        response = HttpResponse(figures_export.as_xlsx(brief.brief_of(wanted), before), content_type=XLSX)
    elif form == "csv":
        figure, narrower = request.GET.get("figure", "failed_items"), read_narrower(request.GET)
        figures_rows.rows_of(wanted, figure, narrower)
        lines = figures_export.csv_lines(wanted, figure, narrower)
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        name = f"{name}-{figure}"
    else:
        raise Http404(form)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return response


# ---- nothing left ---------------------------------------------------------------------------------------------------


@require_POST
@person_who(brief.STATES)
def state_clean(request: StaffRequest) -> HttpResponse:
    """Have it on record that the look-back left nothing; refused, the page names what is left."""
    wanted = read_wanted(request.user, request.POST)
    try:
        said = brief.state_lookback_clean(by=request.user, now=clock.now(), wanted=wanted)
    except NotClean as refusal:
        return _page(request, wanted, refusal)
    sentence = said["zh" if (get_language() or "zh").startswith("zh") else "en"]
    messages.success(request, _("It is on record: %(sentence)s") % {"sentence": sentence})
    return redirect(f"{reverse('patrol:figures')}?{question_of(wanted)}#lookback")


urls = [
    path("figures/", figures_page, name="figures"),
    path("figures/rows/", rows, name="figures_rows"),
    path("figures/trend/", trend, name="figures_trend"),
    path("figures/clean/", state_clean, name="figures_clean"),
    path("figures/inspections.<str:form>", figures_file, name="figures_file"),
]
