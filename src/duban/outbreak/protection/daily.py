"""Deletion every day by the worker, and a large one that somebody ordered from the page."""

from datetime import datetime, time, timedelta

from django.utils import timezone
from django_tasks import task
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from duban.access.actions import get_person
from duban.core import clock
from duban.core.errors import Conflict
from duban.outbreak.protection.deletion import Worker, run_deletion

AT = time(3, 30)
"""When the office sleeps."""


@task()
def delete_daily() -> None:
    """What the rules let go up to yesterday; then the next night is set down."""
    now = clock.now()
    set_daily(now=now)
    try:
        run_deletion(by=Worker(), now=now, on=timezone.localtime(now).date() - timedelta(days=1))
    except Conflict:
        # Somebody deletes or writes presences just now; the next night takes up what is left.
        return


@task()
def delete_later(username: str, on: str) -> None:
    """What a person ordered, as of the day."""
    now = clock.now()
    run_deletion(by=get_person(username), now=now, on=datetime.fromisoformat(on).date())


def set_daily(*, now: datetime) -> None:
    """See to it that the worker deletes next night; nothing new where it will already."""
    then = next_night(now)
    waiting = DBTaskResult.objects.filter(
        task_path=delete_daily.module_path, status=TaskResultStatus.READY, run_after__gt=now, run_after__lte=then
    )
    if not waiting.exists():
        delete_daily.using(run_after=then).enqueue()


def next_night(now: datetime) -> datetime:
    local = timezone.localtime(now)
    tonight = timezone.make_aware(datetime.combine(local.date(), AT))
    return tonight if tonight > now else timezone.make_aware(datetime.combine(local.date() + timedelta(days=1), AT))
