"""What every step on an issue begins and ends with: the locks, the count of changes, the record of who did it."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.bulletin.models import Issue, IssueState, Series
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.text import is_plain


class BadIssue(DubanError):
    pass


class WrongIssueState(Conflict):
    pass


def lock_issue(issue_id: uuid.UUID, *, by: Person, permission: str, states: Sequence[str], seen: int | None) -> Issue:
    """The issue with its series, both locked, if the person may do this to it now."""
    known = Issue.objects.filter(pk=issue_id).only("series_id").first()
    if known is None:
        raise NotFound("issue_not_found", _("There is no such bulletin, or it is not yours to see."))
    series = Series.objects.select_for_update().get(pk=known.series_id)
    if not rights.may(by, "bulletin.see", series.jurisdiction):
        raise NotFound("issue_not_found", _("There is no such bulletin, or it is not yours to see."))
    rights.require(by, permission, series.jurisdiction)
    issue = Issue.objects.select_for_update().get(pk=issue_id)
    issue.series = series
    if issue.state not in states:
        raise WrongIssueState(
            "wrong_issue_state",
            _("The bulletin is %(state)s; this step needs it to be %(states)s.")
            % {
                "state": IssueState(issue.state).label,
                "states": " / ".join(str(IssueState(state).label) for state in states),
            },
        )
    if seen is not None and seen != issue.version:
        raise Conflict(
            "issue_changed", _("Somebody changed this bulletin while you looked at it; see it as it is now.")
        )
    return issue


def touch(issue: Issue, by: Person) -> None:
    """Count the change, and who made it."""
    issue.version += 1
    issue.edited_by = sorted({*issue.edited_by, by.username})
    issue.save()


def plain_text(text: str, field: str, limit: int, *, empty: bool = False) -> str:
    """The text without blanks around it; raises BadIssue (`bad_text`)."""
    text = text.strip()
    if len(text) > limit or not is_plain(text) or not (text or empty):
        raise BadIssue(
            "bad_text", _("Plain text of at most %(limit)d characters is wanted here.") % {"limit": limit}, field=field
        )
    return text


def write_down(issue: Issue, action: str, *, by: Person, now: datetime, **detail: Any) -> None:
    audit.record(by=by, now=now, action=action, subject_type="issue", subject_id=issue.pk, detail=detail)
