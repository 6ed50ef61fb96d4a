"""Contacts of partners are deleted once a need is over, by the same number of days as those of volunteers.

What a partner is called and brought stays: it is an organisation or unit, and what it did is public.
"""

from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from duban.commons.models import Pledge
from duban.core import audit
from duban.core.traces import leave_no_trace, overwrite_deleted

BATCH = 500


def before_today(now: datetime) -> date:
    """Needs that were over before this day are old enough: DUBAN_VOLUNTEER_DAYS days ago."""
    return timezone.localdate(now) - timedelta(days=settings.DUBAN_VOLUNTEER_DAYS)


def forget_partners(*, by: audit.Actor, now: datetime, before: date) -> int:
    """Delete the contacts of needs that were closed, or due where nobody closed them, before the day; how many.

    A batch is one statement, so that a run that was broken off is taken up by the next. Again deletes nothing.
    """
    overwrite_deleted()
    over = Q(need__closed_at__date__lt=before) | Q(need__closed_at=None, need__due_on__lt=before)
    due = Pledge.objects.filter(over, sealed__isnull=False).order_by("pk").values_list("pk", flat=True)
    forgotten = 0
    while keys := list(due[:BATCH]):
        forgotten += Pledge.objects.filter(pk__in=keys).update(sealed=None)
    if forgotten:
        leave_no_trace([Pledge._meta.db_table])
        detail = {"partners": forgotten, "before": before.isoformat()}
        audit.record(by=by, now=now, action="forget_partners", subject_type="pledge", subject_id="", detail=detail)
    return forgotten
