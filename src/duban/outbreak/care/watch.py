"""What happens at an hour and at nobody's word: phases turn, missing reports are asked for, unanswered alerts rise.

The worker runs this at the next moment at which something falls due, and each run sets down the next one.
"""

from datetime import datetime, time, timedelta

from django.db.models import Min
from django_tasks import task
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from duban.core import clock
from duban.outbreak.care.alerts import HIGHEST, escalate
from duban.outbreak.care.missing import ask_for_missing
from duban.outbreak.care.rules import moment_of, rule_on, today
from duban.outbreak.measures.plans import refresh_phases
from duban.outbreak.models import Alert

AGAIN = timedelta(minutes=1)
KEPT = timedelta(days=1)
"""How long it stays in the queue's table that a watch was kept."""


@task()
def watch_later() -> None:
    """A watch as the worker keeps it."""
    now = clock.now()
    keep_watch(now=now)
    done = DBTaskResult.objects.filter(task_path=watch_later.module_path, finished_at__lt=now - KEPT)
    done.delete()


def keep_watch(*, now: datetime) -> tuple[int, int]:
    """How many missing reports are asked for, and how many alerts rose. Run again it does nothing more.

    One that fails half-way is followed by another all the same: nobody would notice that none comes.
    """
    try:
        refresh_phases(now=now)
        return ask_for_missing(now=now), escalate(now=now)
    finally:
        set_watch(now=now)


def set_watch(*, now: datetime) -> None:
    """See to it that the worker looks when the next thing falls due; nothing new where it will already."""
    then = next_moment(now)
    waiting = DBTaskResult.objects.filter(
        task_path=watch_later.module_path, status=TaskResultStatus.READY, run_after__gt=now, run_after__lte=then
    )
    if not waiting.exists():
        watch_later.using(run_after=then).enqueue()


def next_moment(now: datetime) -> datetime:
    """When next a slot is cut off, a day begins or an alert rises: what is late already, in a minute."""
    days = (today(now), today(now) + timedelta(days=1))
    hours = [moment_of(day, one.cut_off) for day in days for one in rule_on(day).slots] + [moment_of(days[1], time())]
    rising = Alert.objects.filter(closed_at=None, level__lt=HIGHEST).aggregate(first=Min("escalates_at"))["first"]
    next_hour = min(hour for hour in hours if hour > now)
    if rising is None:
        return next_hour
    return min(next_hour, rising if rising > now else now + AGAIN)
