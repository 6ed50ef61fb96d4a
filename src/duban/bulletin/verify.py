"""Holds every published issue against its own hash, its columns, and the chain of its series."""

import hmac
import json
from collections.abc import Iterator
from datetime import datetime
from operator import itemgetter

from django.utils import timezone

from duban.bulletin.actions import frozen_copy
from duban.bulletin.models import Issue, IssueState, Series
from duban.core.integrity import Problem, seal, sha256
from duban.core.models import AuditRecord
from duban.ledger.history import checkpoint_exists

first = itemgetter(0)


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
    yield from _verify_copies()


def _verify_copies() -> Iterator[Problem]:
    """Documents that the data folder keeps and the database does not know as they are."""
    for copy in sorted(frozen_copy("").parent.glob("*.json")):
        document = Issue.objects.filter(hash=copy.stem).values_list("document", flat=True).first()
        if document is None:
            number = json.loads(copy.read_bytes()).get("number")
            yield Problem("issue_missing", f"bulletin No. {number}", f"{copy.name} was published, but is not there")
        elif copy.read_bytes() != document.encode():
            yield Problem("issue_altered", f"bulletin file {copy.name}", "it is not the document that was published")


def _verify(issue: Issue, where: str, previous: str, signed: dict | None) -> Iterator[Problem]:
    if sha256(issue.document.encode()) != issue.hash:
        yield Problem("issue_altered", where, "its hash does not cover the document")
        return
    if not hmac.compare_digest(seal(issue.record_digest()), issue.seal):
        yield Problem("issue_forged", where, "people, times, series or entries are not those that were sealed")
    if signed is None or (signed.get("number"), signed.get("hash")) != (issue.number, issue.hash):
        yield Problem("issue_altered", where, "it is not what the audit trail says was published")
    frozen = json.loads(issue.document)
    if issue.previous != previous or frozen["previous"] != previous:
        yield Problem("issue_out_of_chain", where, "it does not name the issue before it")
    if frozen["checkpoint"] and not checkpoint_exists(frozen["checkpoint"]):
        yield Problem("checkpoint_missing", where, f"the ledger no longer holds the checkpoint {frozen['checkpoint']}")
    columns = (issue.number, issue.title, issue.intro, issue.issuer, issue.byline)
    if columns != tuple(frozen[key] for key in ("number", "title", "intro", "issuer", "byline")):
        yield Problem("issue_altered", where, "its columns are not what the document says")
    said = (frozen["series"]["jurisdiction"]["code"], frozen["series"]["name"], frozen["published_at"])
    published = timezone.localtime(issue.published_at).isoformat(timespec="seconds")
    moment = datetime.fromisoformat(said[2])
    if said[:2] != (issue.series.jurisdiction, issue.series.name) or moment != datetime.fromisoformat(published):
        yield Problem("issue_altered", where, "series or time are not what the document says")
    printed = [(section["key"], entry["id"]) for section in frozen["sections"] for entry in section["entries"]]
    held = [(item.section, str(item.entry_id)) for item in issue.items.order_by("position", "pk")]
    if sorted(printed, key=first) != sorted(held, key=first):
        yield Problem("issue_altered", where, "the entries it holds are not those that the document prints")
    column = [exposure["id"] for exposure in frozen.get("exposures", [])]
    if column != [str(row.exposure_id) for row in issue.exposed.order_by("position", "pk")]:
        yield Problem("issue_altered", where, "the exposures it holds are not those that the document prints")
