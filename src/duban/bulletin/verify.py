"""Holds every published issue against its own hash, its columns, and the chain of its series."""

import hmac
import json
from collections.abc import Iterator

from duban.bulletin.models import Issue, IssueState, Series
from duban.core.integrity import Problem, seal, sha256
from duban.core.models import AuditRecord


def verify_issues() -> Iterator[Problem]:
    """Issues altered, out of chain, missing from the run of numbers, or not those that were published."""
    signed = {
        record.subject_id: record.detail
        for record in AuditRecord.objects.filter(subject_type="issue", action="publish_issue")
    }
    for series in Series.objects.all():
        expected, previous = series.first_number, ""
        issues = Issue.objects.filter(series=series, state=IssueState.PUBLISHED).order_by("number")
        for issue in issues.iterator(chunk_size=50):
            where = f"bulletin {series.name} No. {issue.number}"
            while expected < (issue.number or 0):
                yield Problem("issue_missing", f"bulletin {series.name} No. {expected}", "it is not there")
                expected += 1
            expected += 1
            yield from _verify(issue, where, previous, signed.pop(str(issue.pk), None))
            previous = issue.hash
        for number in range(expected, series.next_number):
            yield Problem("issue_missing", f"bulletin {series.name} No. {number}", "it is not there")
        if expected > series.next_number:
            yield Problem("series_altered", f"series {series.name}", "its next number was already given out")
    for subject, detail in signed.items():
        yield Problem(
            "issue_missing", f"bulletin {subject} No. {detail.get('number')}", "it was published, but is not there"
        )


def _verify(issue: Issue, where: str, previous: str, signed: dict | None) -> Iterator[Problem]:
    if sha256(issue.document.encode()) != issue.hash:
        yield Problem("issue_altered", where, "its hash does not cover the document")
        return
    if not hmac.compare_digest(seal(issue.hash), issue.seal):
        yield Problem("issue_forged", where, "it was not sealed with this installation's key")
    if signed is None or (signed.get("number"), signed.get("hash")) != (issue.number, issue.hash):
        yield Problem("issue_altered", where, "it is not what the audit trail says was published")
    frozen = json.loads(issue.document)
    if issue.previous != previous or frozen["previous"] != previous:
        yield Problem("issue_out_of_chain", where, "it does not name the issue before it")
    columns = (issue.number, issue.title, issue.intro, issue.issuer, issue.byline)
    if columns != tuple(frozen[key] for key in ("number", "title", "intro", "issuer", "byline")):
        yield Problem("issue_altered", where, "its columns are not what the document says")
    printed = {(section["key"], entry["id"]) for section in frozen["sections"] for entry in section["entries"]}
    if printed != {(item.section, str(item.entry_id)) for item in issue.items.all()}:
        yield Problem("issue_altered", where, "the entries it holds are not those that the document prints")
