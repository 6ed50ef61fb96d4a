"""The figures of a month by unit, category and month, the evaluation's files, and the weights of its score."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from duban.access import rights
from duban.core import clock
from duban.core.errors import DubanError
from duban.ledger import evaluation, figures
from duban.ledger.figures import INDICATORS, Figure, Period, Shares
from duban.ledger.filters import write_filters
from duban.ledger.forms import refuse
from duban.ledger.models import EvaluationWeight
from duban.ledger.queries import Filters
from duban.ledger.views import StaffRequest, person_who

TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


@dataclass(frozen=True)
class Cell:
    """One share as the table shows it; each of its numbers opens its rows."""

    indicator: figures.Indicator
    rate: str
    value: float | int | None
    """What the column is sorted and drawn by; None: no cases."""
    n: int
    of: int
    n_url: str
    of_url: str


@dataclass(frozen=True)
class Line:
    """A row of the table: of a unit, a category, a month, or all."""

    head: str
    cells: list[Cell]
    rank: int | None = None
    score: Decimal | None = None
    url: str = ""


def _line(head: str, shares: Shares, period: Period, *, unit: str = "", category: str = "", **more: Any) -> Line:
    def address(key: str, part: str) -> str:
        wanted = Filters(figure=Figure(key, part, period, unit), category=category)
        return f"{reverse('ledger:list')}?{write_filters(wanted)}"

    cells = []
    for key, one in INDICATORS.items():
        share = shares[key]
        rate = None if share.rate is None else float(share.rate)
        cells.append(
            Cell(
                indicator=one,
                rate=evaluation.percent(share),
                value=share.n if one.is_count else rate,
                n=share.n,
                of=share.of,
                n_url=address(key, "n"),
                of_url=address(key, "of"),
            )
        )
    return Line(head, cells, **more)


@require_safe
@person_who("figures.see")
def figures_page(request: StaffRequest) -> HttpResponse:
    """The month: all units together with what each number means, the ranking, and the categories."""
    now = clock.now()
    refusal, month = None, figures.read_month("", now=now)
    try:
        month = figures.read_month(request.GET.get("month", ""), now=now)
    except DubanError as wrong:
        refusal = wrong
    found = evaluation.evaluate(request.user, month, now=now, trend=False)
    context = _frame(month) | {
        "refusal": refusal,
        "found": found,
        "total": _line(_("All"), found.total, found.period),
        "units": [
            _line(found.name(one.unit), one.shares, found.period, unit=one.unit, rank=one.rank, score=one.score)
            for one in found.units
        ],
        "categories": [
            _line(str(one), shares, found.period, category=f"{one.kind}:{one.code}") for one, shares in found.categories
        ],
        "notes": evaluation.notes(found),
        "may_weigh": bool(rights.codes(request.user, "figures.weigh")),
    }
    return render(request, "ledger/figures.html", context, status=refusal.status if refusal else 200)


@require_safe
@person_who("figures.see")
def trend(request: StaffRequest) -> HttpResponse:
    """The last twelve months; asked by htmx, only their table and chart."""
    now = clock.now()
    month = figures.read_month(request.GET.get("month", ""), now=now)
    months = figures.by_month(request.user, month, now=now)
    lines = [
        _line(f"{first:%Y-%m}", shares, figures.month_of(first), url=_address("ledger:figures", first))
        for first, shares in reversed(months.items())
    ]
    context = _frame(month) | {"months": lines}
    template = "ledger/parts/figures_trend.html" if request.htmx else "ledger/figures_trend.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _frame(month: date) -> dict[str, Any]:
    """What every page of a month needs: the months beside it, and the columns."""
    return {
        "month": f"{month:%Y-%m}",
        "month_words": figures.period_in_words(figures.month_of(month)),
        "before": _address("ledger:figures", figures.month_after(month, -1)),
        "after": _address("ledger:figures", figures.month_after(month)),
        "indicators": list(INDICATORS.values()),
        "trend_months": figures.TREND_MONTHS,
    }


def _address(name: str, month: date) -> str:
    if not figures.FIRST_YEAR <= month.year <= figures.LAST_YEAR:
        return ""
    return f"{reverse(name)}?month={month:%Y-%m}"


@require_GET
@person_who("figures.see")
def evaluation_file(request: StaffRequest, form: str) -> HttpResponse:
    """The evaluation of the month as a workbook or a PDF, in the reader's language."""
    write = evaluation.FORMATS.get(form)
    if write is None:
        raise Http404(form)
    now = clock.now()
    month = figures.read_month(request.GET.get("month", ""), now=now)
    data = write(evaluation.evaluate(request.user, month, now=now))
    name = f'attachment; filename="evaluation-{month:%Y-%m}.{form}"'
    return HttpResponse(data, content_type=TYPES[form], headers={"Content-Disposition": name})


class WeightsForm(forms.Form):
    """A month, and a weight for each indicator that is a share; an empty one counts nothing."""

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.fields["month"] = forms.CharField(
            label=_("From the month"), widget=forms.TextInput(attrs={"type": "month"}), max_length=7
        )
        for key in figures.WEIGHABLE:
            one = INDICATORS[key]
            self.fields[key] = forms.DecimalField(
                label=str(one.label),
                help_text=str(one.definition),
                required=False,
                widget=forms.NumberInput(attrs={"min": 0, "max": 100, "step": "0.01", "inputmode": "decimal"}),
            )


@require_http_methods(["GET", "HEAD", "POST"])
@person_who("figures.weigh")
def weights_page(request: StaffRequest) -> HttpResponse:
    """The weights that count, those that counted before, and setting others from a month on."""
    now, status = clock.now(), 200
    history = _weights_set()
    if request.method == "POST":
        form, status = WeightsForm(request.POST), 400
        if form.is_valid():
            try:
                month = figures.read_month(form.cleaned_data["month"], now=now)
                weights = {key: form.cleaned_data[key] or Decimal() for key in figures.WEIGHABLE}
                figures.set_weights(by=request.user, now=now, month=month, weights=weights)
            except DubanError as refusal:
                refuse(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("These weights count from %(month)s on.") % {"month": f"{month:%Y-%m}"})
                return redirect("ledger:weights")
    else:
        newest = history[0][1] if history else {}
        later = figures.read_month("", now=now)
        if history and history[0][0] >= later:
            later = figures.month_after(history[0][0])
        form = WeightsForm(initial={**newest, "month": f"{later:%Y-%m}"})
    shown = [(since, evaluation.weights_in_words(weights)) for since, weights in history]
    return render(request, "ledger/weights.html", {"form": form, "history": shown}, status=status)


def _weights_set() -> list[tuple[date, dict[str, Decimal]]]:
    """(from when, the weights) of each time they were set, the newest first."""
    days: Iterable[date] = EvaluationWeight.objects.order_by("-effective_from").values_list("effective_from", flat=True)
    return [(day, figures.weights_at(day)) for day in dict.fromkeys(days)]
