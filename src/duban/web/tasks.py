"""Counts of the leader's page, and the reminders of every night, worked off by `duban db_worker`."""

from datetime import datetime, time, timedelta

from django.utils import timezone
from django_tasks import task
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from duban.core import clock
from duban.web.models import KeptFigures
from duban.web.overview import FRESH, count_again
from duban.web.reminders import remind_of_decisions

AT = time(6, 0)
"""Before the office opens."""


@task()
def count_area_later(code: str) -> str:
    """Count the area anew, unless another order was just carried out; the moment of the count is the result."""
    now = clock.now()
    there = KeptFigures.objects.filter(code=code, at__gt=now - FRESH / 2, at__lte=now).first()
    return (there or count_again(code, now=now)).at.isoformat()


@task()
def remind_daily() -> int:
    """Who must be told of decisions is; then the next morning is set down. How many were told is the result."""
    now = clock.now()
    set_reminders(now=now)
    return remind_of_decisions(now=now)


def set_reminders(*, now: datetime) -> None:
    """See to it that the worker reminds next morning; nothing new where it will already."""
    then = _next_morning(now)
    waiting = DBTaskResult.objects.filter(
        task_path=remind_daily.module_path, status=TaskResultStatus.READY, run_after__gt=now, run_after__lte=then
    )
    if not waiting.exists():
        remind_daily.using(run_after=then).enqueue()


def _next_morning(now: datetime) -> datetime:
    today = timezone.localtime(now).date()
    morning = timezone.make_aware(datetime.combine(today, AT))
    return morning if morning > now else timezone.make_aware(datetime.combine(today + timedelta(days=1), AT))
