"""Exports that take longer than a browser should wait, worked off by `duban db_worker`."""

import uuid
from datetime import timedelta

from django.db.models import Q
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from duban.bulletin import queries
from duban.bulletin.models import Issue
from duban.core import clock
from duban.core.errors import DubanError

AT_ONCE, LONG = 30, 60_000
"""Up to so many photos, and so many characters of its document, an issue is set while the browser waits."""
TRIED_AGAIN_AFTER = timedelta(minutes=5)


@task()
def export_later(issue_id: str, kind: str, language: str) -> str:
    """Make and keep the export; the code of a refusal is the result, since nobody waits to hear it raised."""
    try:
        queries.export(queries.published_issue(uuid.UUID(issue_id)), kind, language)
    except DubanError as refusal:
        return refusal.code
    return ""


def is_slow(issue: Issue, kind: str, language: str) -> bool:
    """Whether this export is neither kept nor quickly made."""
    if kind == "json" or kind in queries.OPEN_DATA or queries.kept_export(issue, kind, language).exists():
        return False
    return issue.document.count('"public_sha256":') > AT_ONCE or len(issue.document) > LONG


def begin_export(issue: Issue, kind: str, language: str) -> DBTaskResult:
    """The task that makes this export: the one that waits or was begun lately, else a new one."""
    arguments = {"args": [str(issue.pk), kind, language], "kwargs": {}}
    waits = Q(status=TaskResultStatus.READY) | Q(enqueued_at__gt=clock.now() - TRIED_AGAIN_AFTER)
    known = DBTaskResult.objects.filter(waits, task_path=export_later.module_path, args_kwargs=arguments)
    found = known.order_by("-enqueued_at").first()
    return found or DBTaskResult.objects.get(pk=export_later.enqueue(*arguments["args"]).id)
