"""How long it takes from the first swab over sealing to the result, and which tubes are overdue."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone

from duban.outbreak.models import Result, SamplingPoint, Tube

HOURS = SamplingPoint._meta.get_field("result_hours").default
"""Of tubes that were taken at no point."""


@dataclass(frozen=True)
class Span:
    """Hours of one tube: from its first swab to sealing, from sealing to the result."""

    group: str
    to_seal: float
    to_result: float


@dataclass(frozen=True)
class Figures:
    """Of the tubes of one group: how many, and median and nine tenths of the hours from the first swab on."""

    group: str
    tubes: int
    seal_median: float
    seal_p90: float
    result_median: float
    result_p90: float
    total_median: float
    total_p90: float


def figures_of(spans: Iterable[Span]) -> list[Figures]:
    """Median and 90th percentile by group, the slowest group first. An upper percentile is a value that occurred."""
    groups: dict[str, list[Span]] = {}
    for span in spans:
        groups.setdefault(span.group, []).append(span)
    found = [_figures(group, of) for group, of in groups.items()]
    return sorted(found, key=lambda one: (-one.total_p90, one.group))


def _figures(group: str, spans: Sequence[Span]) -> Figures:
    seal = [span.to_seal for span in spans]
    result = [span.to_result for span in spans]
    total = [span.to_seal + span.to_result for span in spans]
    return Figures(group, len(spans), *_pair(seal), *_pair(result), *_pair(total))


def _pair(hours: Sequence[float]) -> tuple[float, float]:
    return float(np.median(hours)), float(np.percentile(hours, 90, method="higher"))


def day_range(first: date, last: date) -> tuple[datetime, datetime]:
    """From the beginning of the first day to the end of the last one, by the office's clock."""
    zone = timezone.get_default_timezone()
    end = datetime.combine(last + timedelta(days=1), datetime.min.time(), zone)
    return datetime.combine(first, datetime.min.time(), zone), end


def spans_of(tubes: QuerySet[Tube], first: date, last: date, *, by: str) -> list[Span]:
    """Those of the tubes opened on these days that have their result; `by`: point or laboratory."""
    start, end = day_range(first, last)
    told = tubes.filter(opened_at__gte=start, opened_at__lt=end, voided_at=None, sealed_at__isnull=False)
    rows = told.exclude(result="").annotate(taken=Min("swabs__taken_at")).order_by()
    group = "point__name" if by == "point" else "laboratory"
    return [
        Span(name or "", _hours(taken, sealed), _hours(sealed, resulted))
        for name, taken, sealed, resulted in rows.values_list(group, "taken", "sealed_at", "resulted_at")
    ]


def _hours(since: datetime | None, until: datetime) -> float:
    """A result can be dated before somebody pressed the button that seals: no time passed then."""
    return max((until - since).total_seconds() / 3600, 0.0) if since else 0.0


# ---- what waits -----------------------------------------------------------------------------------------------------


def without_result(tubes: QuerySet[Tube]) -> QuerySet[Tube]:
    """Those that were not given up and have no result, the longest open first."""
    return tubes.filter(resulted_at=None, voided_at=None).order_by("opened_at", "pk")


def overdue(tubes: QuerySet[Tube], now: datetime) -> QuerySet[Tube]:
    """Those without a result for longer than their point allows, the longest first."""
    hours = set(SamplingPoint.objects.values_list("result_hours", flat=True).distinct())
    late = Q(point=None, opened_at__lt=now - timedelta(hours=HOURS))
    for allowed in hours:
        late |= Q(point__result_hours=allowed, opened_at__lt=now - timedelta(hours=allowed))
    return without_result(tubes).filter(late)


def counts_of(tubes: QuerySet[Tube]) -> dict[str, Any]:
    """How many tubes and people there are by result; "" is without one. Tubes that were given up are left out."""
    rows = tubes.filter(voided_at=None).order_by().values_list("result").annotate(Count("pk", distinct=True))
    people = tubes.filter(voided_at=None).order_by().values_list("result").annotate(Count("swabs"))
    found, swabs = dict(rows), dict(people)
    words = {"": "waiting"} | {value: value for value in Result.values}
    return {name: (found.get(value, 0), swabs.get(value, 0)) for value, name in words.items()}
