"""The inspections of an area at a glance: the last seven days against the seven before, and day by day."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from duban.patrol.brief import Span
from duban.patrol.models import Answer, Failure, PatrolRound, Result, Visit, VisitState
from duban.places.codes import within

DAYS = 14


@dataclass(frozen=True)
class Overview:
    """`problems` are venues with at least one failed item, as the newspaper counts."""

    visits: int
    problems: int
    problems_before: int
    open_failures: int
    rounds: int
    trend: tuple[int, ...]


def span_of(now: datetime) -> Span:
    """The last seven days, today among them."""
    today = timezone.localdate(now)
    return Span(today - timedelta(days=6), today)


def overview_at(code: str, now: datetime) -> Overview:
    today, span = timezone.localdate(now), span_of(now)
    here = within("jurisdiction", [code])
    visits = Visit.objects.filter(here, state=VisitState.FINISHED).order_by()
    fails = Answer.objects.filter(
        within("visit__jurisdiction", [code]), result=Result.FAIL, visit__state=VisitState.FINISHED
    ).order_by()
    daily = (
        fails.filter(visit__visited_at__gte=span.before().start, visit__visited_at__lt=span.end)
        .values_list(TruncDate("visit__visited_at"))
        .annotate(n=Count("visit__venue", distinct=True))
    )
    by_day = dict(daily)
    return Overview(
        visits=visits.filter(visited_at__gte=span.start, visited_at__lt=span.end).count(),
        problems=_problems(fails, span),
        problems_before=_problems(fails, span.before()),
        open_failures=Failure.objects.filter(here, closed_at=None).count(),
        rounds=PatrolRound.objects.filter(within("area", [code]), closed_at=None, ends_on__gte=today).count(),
        trend=tuple(by_day.get(today - timedelta(days=back), 0) for back in range(DAYS - 1, -1, -1)),
    )


def _problems(fails: QuerySet[Answer], span: Span) -> int:
    found = fails.filter(visit__visited_at__gte=span.start, visit__visited_at__lt=span.end)
    return found.aggregate(n=Count("visit__venue", distinct=True))["n"]
