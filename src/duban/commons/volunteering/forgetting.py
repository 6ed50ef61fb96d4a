"""Contacts of volunteers are deleted once they have served their purpose: every night, by a rule of days.

Telephone number and its hash go with everybody's; the name stays where a record of hours stands, since the certificate
is made from it, and so does the hash by which hours of one person are added up. A record that is revoked takes both
along.
"""

import uuid
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django_tasks import task
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from duban.commons.contact import Contact, open_contact, seal_contact
from duban.commons.models import Record, SignUp
from duban.commons.pairing import forgetting as pairing
from duban.commons.register.filing import forget_applications
from duban.core import audit, clock
from duban.core.sealed_text import Unreadable
from duban.core.traces import leave_no_trace, overwrite_deleted

BATCH = 500
AT = time(3, 40)
"""When the office sleeps."""


class Worker:
    """The actor of what the rule orders every night."""

    @staticmethod
    def as_actor() -> dict[str, Any]:
        return {"username": "", "name": "worker", "roles": []}


def before_today(now: datetime) -> datetime:
    """Shifts that ended before this moment are old enough: DUBAN_VOLUNTEER_DAYS whole days ago."""
    day = timezone.localtime(now).date() - timedelta(days=settings.DUBAN_VOLUNTEER_DAYS)
    return timezone.make_aware(datetime.combine(day, time()))


def forget_volunteers(*, by: audit.Actor, now: datetime, before: datetime) -> int:
    """Delete the contacts of all who signed up for shifts that ended before; how many. Again deletes nothing.

    A batch is one transaction, so that a run that was broken off is taken up by the next.
    """
    overwrite_deleted()
    forgotten = 0
    for keys in _batches(before):
        with transaction.atomic():
            forgotten += _forget(keys, now)
    if forgotten:
        leave_no_trace([SignUp._meta.db_table])
        detail = {"people": forgotten, "before": before.isoformat()}
        audit.record(by=by, now=now, action="forget_volunteers", subject_type="sign_up", subject_id="", detail=detail)
    return forgotten


def _batches(before: datetime) -> Iterator[list[uuid.UUID]]:
    standing = Record.objects.filter(sign_up=OuterRef("pk"), revoked_at=None)
    due = SignUp.objects.filter(
        Q(forgotten_at=None) | (Q(sealed__isnull=False) & ~Exists(standing)), shift__ends_at__lt=before
    )
    while keys := list(due.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        yield keys


def _forget(keys: list[uuid.UUID], now: datetime) -> int:
    rows = list(SignUp.objects.select_for_update().filter(pk__in=keys).order_by("pk"))
    certified = set(Record.objects.filter(sign_up__in=keys, revoked_at=None).values_list("sign_up", flat=True))
    for row in rows:
        row.forgotten_at = now
        name = _name_of(row) if row.pk in certified else ""
        if name:
            row.sealed = seal_contact(Contact(name, ""))
        else:
            row.sealed, row.person = None, ""
    SignUp.objects.bulk_update(rows, ["forgotten_at", "sealed", "person"])
    return len(rows)


def _name_of(row: SignUp) -> str:
    """What a record needs; nothing where it opens under no key any more."""
    try:
        return open_contact(row.sealed).name if row.sealed is not None else ""
    except Unreadable:
        return ""


@task()
def forget_nightly() -> None:
    """What the rule lets go; then the next night is set down."""
    now = clock.now()
    set_nightly(now=now)
    forget_volunteers(by=Worker(), now=now, before=before_today(now))
    pairing.forget_partners(by=Worker(), now=now, before=pairing.before_today(now))
    forget_applications(by=Worker(), now=now)


def set_nightly(*, now: datetime) -> None:
    """See to it that the worker forgets next night; nothing new where it will already."""
    local = timezone.localtime(now)
    tonight = timezone.make_aware(datetime.combine(local.date(), AT))
    then = tonight if tonight > now else timezone.make_aware(datetime.combine(local.date() + timedelta(days=1), AT))
    waiting = DBTaskResult.objects.filter(
        task_path=forget_nightly.module_path, status=TaskResultStatus.READY, run_after__gt=now, run_after__lte=then
    )
    if not waiting.exists():
        forget_nightly.using(run_after=then).enqueue()
