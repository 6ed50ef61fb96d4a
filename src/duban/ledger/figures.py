"""The indicators of the evaluation: what each counts, over what, and the score of a unit made of them.

The cohort is one for all: entries dispatched within the period that are neither merged, split nor void, as the ledger
stands now. Every number is a set of named conditions, so that the rows behind it are found by the same words.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Case, Count, F, IntegerField, Max, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.dateformat import format as date_format
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotAllowed
from duban.ledger.leads import Lead, column_for, reach_columns, sifting_columns
from duban.ledger.lifecycle import OPEN, UNREMEDIED, State
from duban.ledger.models import Counter, Entry, EvaluationWeight, in_sight
from duban.places.codes import LENGTHS

COUNTED = (*OPEN, State.CLOSED)
TREND_MONTHS = 12
FIRST_YEAR, LAST_YEAR = 1990, 2199
MAX_MONTHS = 120
HUNDRED = Decimal(100)
PARTS = ("n", "of")
REFERENCE = Path(__file__).parent / "reference" / "weights.csv"


class BadFigure(DubanError):
    pass


class WeightsExist(Conflict):
    pass


@dataclass(frozen=True)
class Indicator:
    """A share: entries that meet `of` and `n`, over those that meet `of`; no condition means all of the cohort."""

    key: str
    label: Promise
    definition: Promise
    n: str = ""
    of: str = ""
    more_is_better: bool = True

    @property
    def is_count(self) -> bool:
        return not self.n


INDICATORS: dict[str, Indicator] = {
    one.key: one
    for one in (
        Indicator(
            "dispatched",
            _("Dispatched"),
            _("Entries dispatched to a unit within the period, other than those merged, split or void since."),
        ),
        Indicator(
            "accurate_dispatch",
            _("Accurate dispatch"),
            _("Never returned as not theirs, of all dispatched."),
            n="never_returned",
        ),
        Indicator(
            "timely_dispatch",
            _("Dispatch in time"),
            _("Dispatched within the hours that the rule gives, of those dispatched for the first time."),
            n="dispatched_in_time",
            of="first_dispatch",
        ),
        Indicator(
            "handled",
            _("Handled"),
            _(
                "With a remedy that was handed in and not rejected, of those that should be handled: handled, or past "
                "their deadline and not on hold."
            ),
            n="handled",
            of="should_be_handled",
        ),
        Indicator(
            "timely_handled",
            _("Handled in time"),
            _("Handled by the deadline, of those that should be handled."),
            n="handled_in_time",
            of="should_be_handled",
        ),
        Indicator(
            "overdue",
            _("Overdue, not handled"),
            _("Past the deadline and still not handled, of those that should be handled."),
            n="unhandled",
            of="should_be_handled",
            more_is_better=False,
        ),
        Indicator(
            "rework",
            _("Rework"),
            _(
                "Rejected at least once, of those that should be struck off: their remedy was judged, or the time to "
                "judge it has passed."
            ),
            n="reworked",
            of="should_be_closed",
            more_is_better=False,
        ),
        Indicator(
            "closed",
            _("Struck off"),
            _("Verified and struck off, of those that should be struck off."),
            n="closed",
            of="should_be_closed",
        ),
        Indicator(
            "timely_closed",
            _("Struck off in time"),
            _("Struck off, with both the remedy and its verification in time, of those that should be struck off."),
            n="closed_in_time",
            of="should_be_closed",
        ),
        Indicator(
            "timely_verification",
            _("Verified in time"),
            _("Last remedy judged within the hours that the rule gives, of those judged or past that time."),
            n="verified_in_time",
            of="should_be_verified",
        ),
        Indicator(
            "extension",
            _("Extended"),
            _("Given more time at least once, of all dispatched."),
            n="extended",
            more_is_better=False,
        ),
        Indicator(
            "recurrence",
            _("Recurred"),
            _("Found there again at a look-back, of those ever struck off."),
            n="recurred",
            of="ever_closed",
            more_is_better=False,
        ),
    )
}
WEIGHABLE = [one.key for one in INDICATORS.values() if not one.is_count]


def conditions(now: datetime) -> dict[str, Q]:
    """What each condition that an indicator names means; "" is all of the cohort."""
    handled = Q(state__in=(State.REMEDIED, State.CLOSED))
    judged = Q(verified_at__gte=F("remedied_at"))
    judging_late = Q(remedied_at__isnull=False, verify_due_at__lt=now)
    verified_in_time = judged & Q(verified_at__lte=F("verify_due_at"))
    handled_in_time = handled & Q(remedied_at__lte=F("due_at"))
    return {
        "never_returned": Q(return_count=0),
        "first_dispatch": Q(cycle=1, dispatch_due_at__isnull=False),
        "dispatched_in_time": Q(dispatched_at__lte=F("dispatch_due_at")),
        "handled": handled,
        "should_be_handled": handled | Q(state__in=UNREMEDIED, due_at__lt=now),
        "handled_in_time": handled_in_time,
        "unhandled": Q(state__in=UNREMEDIED),
        "should_be_closed": judged | judging_late | Q(remedied_at__isnull=False, rework_count__gt=0),
        "reworked": Q(rework_count__gt=0),
        "closed": Q(state=State.CLOSED),
        "closed_in_time": Q(state=State.CLOSED) & handled_in_time & verified_in_time,
        "should_be_verified": judged | judging_late,
        "verified_in_time": verified_in_time,
        "extended": Q(extension_count__gt=0),
        "ever_closed": Q(state=State.CLOSED) | Q(cycle__gt=1) | Q(reopen_count__gt=0),
        "recurred": Q(cycle__gt=1),
    }


# ---- periods --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Period:
    """Whole days of the office's time zone, `until` not among them."""

    since: date
    until: date

    @property
    def start(self) -> datetime:
        return midnight(self.since)

    @property
    def end(self) -> datetime:
        return midnight(self.until)


def period_in_words(period: Period) -> str:
    """A whole month by its name, else the first and the last day."""
    if period == month_of(period.since):
        pattern = "Y年n月" if (get_language() or "zh").startswith("zh") else "F Y"
        return date_format(period.since, pattern)
    return f"{period.since.isoformat()} – {(period.until - timedelta(days=1)).isoformat()}"


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=timezone.get_default_timezone())


def month_after(day: date, months: int = 1) -> date:
    """The first of the month so many months later (or earlier)."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def month_of(day: date) -> Period:
    return Period(day.replace(day=1), month_after(day))


def read_month(text: str, *, now: datetime) -> date:
    """`2021-01` as its first day; "" is the month that runs. Raises BadFigure (`bad_month`)."""
    if not text:
        return timezone.localtime(now).date().replace(day=1)
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", text.strip(), re.ASCII)
    if found is None or not FIRST_YEAR <= int(found[1]) <= LAST_YEAR:
        raise BadFigure("bad_month", _("A month is written 2021-01."), field="month")
    return date(int(found[1]), int(found[2]), 1)


def read_period(since: str, until: str) -> Period:
    """Two days in ISO form, the second after the first. Raises BadFigure (`bad_period`)."""
    try:
        period = Period(date.fromisoformat(since), date.fromisoformat(until))
    except ValueError:
        period = None
    if period is None or not (period.since.year >= FIRST_YEAR and period.until.year <= LAST_YEAR + 1):
        raise BadFigure("bad_period", _("A period runs from a day such as 2021-01-01 until another."), field="since")
    if not period.since < period.until <= month_after(period.since, MAX_MONTHS):
        raise BadFigure("bad_period", _("A period ends after it begins, and within ten years."), field="until")
    return period


# ---- one number, and the rows behind it -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Figure:
    """One number of the evaluation, as the ledger's filter names it: `handled:n:2021-01-01:2021-02-01:110112106`."""

    indicator: str
    part: str
    period: Period
    unit: str = ""
    """The responsible unit, exactly; empty: every one."""

    @property
    def is_unhandled(self) -> bool:
        """Whether its rows are all still to be handled."""
        return self.part == "n" and INDICATORS[self.indicator].n == "unhandled"

    def __str__(self) -> str:
        words = [self.indicator, self.part, self.period.since.isoformat(), self.period.until.isoformat()]
        return ":".join([*words, self.unit] if self.unit else words)


def read_figure(text: str) -> Figure:
    """The number that a filter names; raises BadFigure (`bad_figure`, `bad_period`)."""
    indicator, part, since, until, unit = [*text.split(":"), "", "", "", "", ""][:5]
    known = indicator in INDICATORS and part in PARTS and text.count(":") in (3, 4)
    if not known or (unit and not (re.fullmatch(r"\d+", unit, re.ASCII) and len(unit) in LENGTHS)):
        raise BadFigure("bad_figure", _("This is no number of the figures page."), field="figure")
    return Figure(indicator, part, read_period(since, until), unit)


def in_words(figure: Figure, names: Mapping[str, str]) -> str:
    """The number as one part of the ledger's sentence."""
    label = INDICATORS[figure.indicator].label
    words = _("%(indicator)s, %(period)s") if figure.part == "n" else _("%(indicator)s, %(period)s: all that count")
    said = words % {"indicator": label, "period": period_in_words(figure.period)}
    return f"{names.get(figure.unit, figure.unit)} · {said}" if figure.unit else said


def rows_behind(figure: Figure, *, now: datetime, columns: Mapping[str, str] | None = None) -> Q:
    """The condition that exactly the entries of this number meet; `columns`: the names by which some are sifted."""
    names, named = columns or {}, conditions(now)
    rows = _cohort(figure.period, names.get("state", "state"), names.get("dispatched_at", "dispatched_at"))
    if figure.is_unhandled:
        # Says nothing new, and lets the index of states and deadlines lead.
        rows &= Q(state__in=UNREMEDIED, due_at__lt=now)
    indicator = INDICATORS[figure.indicator]
    for name in (indicator.of, indicator.n if figure.part == "n" else ""):
        if name:
            rows &= named[name]
    return rows & Q(**{names.get("responsible", "responsible"): figure.unit}) if figure.unit else rows


def _cohort(period: Period, state: str = "state", sent: str = "dispatched_at") -> Q:
    return Q(**{f"{sent}__gte": period.start, f"{sent}__lt": period.end, f"{state}__in": COUNTED})


# ---- counting -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Share:
    """`n` of `of`; there is no rate of nothing."""

    n: int = 0
    of: int = 0

    def __add__(self, other: "Share") -> "Share":
        return Share(self.n + other.n, self.of + other.of)

    @property
    def rate(self) -> Fraction | None:
        return Fraction(self.n, self.of) if self.of else None


Shares = dict[str, Share]
"""By indicator, in the order of INDICATORS."""


def nothing() -> Shares:
    return {key: Share() for key in INDICATORS}


def add_up(lines: Iterable[Shares]) -> Shares:
    total = nothing()
    for line in lines:
        total = {key: total[key] + line[key] for key in total}
    return total


def by_unit_and_category(person: Person, period: Period, *, now: datetime) -> dict[tuple[str, int], Shares]:
    """The shares of each (responsible unit, category) among the entries in the person's sight; one query."""
    rows = _in_sight(person).filter(_cohort(period, column_for("state", Lead.ORDER)))
    found = rows.values("responsible", "category_id").annotate(**_counts(now))
    return {(row["responsible"], row["category_id"]): _shares(row) for row in found}


def by_month(person: Person, last: date, *, now: datetime, months: int = TREND_MONTHS) -> dict[date, Shares]:
    """The shares of each of the months up to the one that `last` lies in, the earliest first; one query."""
    firsts = [month_after(last, back) for back in range(1 - months, 1)]
    rows = _in_sight(person).filter(_cohort(Period(firsts[0], month_after(last)), column_for("state", Lead.ORDER)))
    month = Case(
        *(When(dispatched_at__lt=midnight(month_after(first)), then=Value(at)) for at, first in enumerate(firsts)),
        output_field=IntegerField(),
    )
    found = {row["month"]: _shares(row) for row in rows.values(month=month).annotate(**_counts(now))}
    return {first: found.get(at, nothing()) for at, first in enumerate(firsts)}


def _in_sight(person: Person) -> QuerySet[Entry]:
    """What the person may see, sifted out of the period's entries: no index of places is to find them first."""
    return Entry.objects.alias(**sifting_columns()).filter(in_sight(person, **reach_columns(Lead.ORDER))).order_by()


def _counts(now: datetime) -> dict[str, Count]:
    """Each distinct set of conditions once: indicators share their denominators."""
    named = conditions(now) | {"": Q()}
    pairs = {pair for one in INDICATORS.values() for pair in ((one.of, ""), (one.of, one.n))}
    return {
        _column(of, n): Count("dispatched_at", filter=named[of] & named[n] if of or n else None)
        for of, n in sorted(pairs)
    }


def _column(of: str, n: str) -> str:
    return f"of_{of}_n_{n}".replace("__", "_all_")


def _shares(row: Mapping[str, Any]) -> Shares:
    return {key: Share(row[_column(one.of, one.n)], row[_column(one.of, "")]) for key, one in INDICATORS.items()}


# ---- the score ------------------------------------------------------------------------------------------------------


def load_weights() -> None:
    """Write the built-in weights; idempotent, and what the office set stays."""
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        rows = [EvaluationWeight(**row) for row in csv.DictReader(file)]
    EvaluationWeight.objects.bulk_create(rows, ignore_conflicts=True)


def weights_at(day: date) -> dict[str, Decimal]:
    """How much each indicator counts on the day, in the order of INDICATORS; what counts nothing is left out."""
    rows = EvaluationWeight.objects.filter(effective_from__lte=day)
    newest = rows.aggregate(newest=Max("effective_from"))["newest"]
    weights = dict(rows.filter(effective_from=newest).values_list("indicator", "weight"))
    return {key: weights[key] for key in WEIGHABLE if weights.get(key)}


def score_of(shares: Shares, weights: Mapping[str, Decimal]) -> Decimal | None:
    """Out of 100, to two places; None where nothing should be handled yet.

    What has no cases (a rate of nothing) is left out, and the others weigh as much more.
    """
    if not shares["handled"].of:
        return None
    reached, possible = Fraction(0), Fraction(0)
    for key, weight in weights.items():
        rate = shares[key].rate
        if rate is not None:
            reached += Fraction(weight) * (rate if INDICATORS[key].more_is_better else 1 - rate)
            possible += Fraction(weight)
    if not possible:
        return None
    score = 100 * reached / possible
    return (Decimal(score.numerator) / Decimal(score.denominator)).quantize(Decimal("0.01"), ROUND_HALF_UP)


@dataclass(frozen=True)
class Ranked:
    """A unit of the evaluation; `rank` and `score` are None where it had no cases."""

    unit: str
    shares: Shares
    score: Decimal | None
    rank: int | None


def ranking(units: Mapping[str, Shares], weights: Mapping[str, Decimal]) -> list[Ranked]:
    """The best first; equal scores share a rank, and units without cases come last."""
    scored = [(unit, shares, score_of(shares, weights)) for unit, shares in units.items()]
    scores = [score for _unit, _shares, score in scored if score is not None]
    ranked = [
        Ranked(unit, shares, score, None if score is None else 1 + sum(other > score for other in scores))
        for unit, shares, score in scored
    ]
    return sorted(ranked, key=lambda one: (one.rank is None, one.rank or 0, one.unit))


@transaction.atomic
def set_weights(*, by: Person, now: datetime, month: date, weights: Mapping[str, Decimal]) -> None:
    """Let other weights count from a month on; what counted before it stays as it was.

    Raises BadFigure (`unknown_indicator`, `bad_weight`, `weights_not_100`, `month_past`) or WeightsExist.
    """
    if not rights.codes(by, "figures.weigh"):
        raise NotAllowed("not_allowed", _("Only an administrator sets the weights."))
    for key, weight in weights.items():
        if key not in WEIGHABLE:
            raise BadFigure("unknown_indicator", _("This indicator carries no weight."), field=key[:40])
        if not weight.is_finite() or not 0 <= weight <= HUNDRED or weight != round(weight, 2):
            raise BadFigure("bad_weight", _("A weight is a number from 0 to 100 with at most two decimals."), field=key)
    if sum(weights.values()) != HUNDRED:
        raise BadFigure(
            "weights_not_100",
            _("The weights must add up to 100; these make %(sum)s.") % {"sum": sum(weights.values(), Decimal())},
        )
    first = month.replace(day=1)
    if first < timezone.localtime(now).date().replace(day=1):
        raise BadFigure("month_past", _("A month that has passed keeps the weights it had."), field="month")
    Counter.objects.select_for_update().get_or_create(key="weights")
    if EvaluationWeight.objects.filter(effective_from__gte=first).exists():
        raise WeightsExist(
            "weights_exist",
            _("Weights are set from this month or a later one already; choose a later one."),
            field="month",
        )
    EvaluationWeight.objects.bulk_create(
        [
            EvaluationWeight(indicator=key, weight=weights[key], effective_from=first)
            for key in WEIGHABLE
            if weights.get(key)
        ]
    )
    detail = {"from": first.isoformat(), "weights": {key: str(weights[key]) for key in WEIGHABLE if weights.get(key)}}
    audit.record(by=by, now=now, action="set_weights", subject_type="weights", subject_id=first, detail=detail)
