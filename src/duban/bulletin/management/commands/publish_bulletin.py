import uuid
from typing import Any

from django.db import transaction

from duban.access.actions import get_person
from duban.bulletin import queries
from duban.bulletin.actions import approve_issue, begin_series, publish_issue
from duban.bulletin.models import IssueState
from duban.core import clock
from duban.core.command import DubanCommand


class Command(DubanCommand):
    help = "Approve as a second person, and publish, the draft that waits. Prints the number it got."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--by", required=True, metavar="USER")
        parser.add_argument("--approved-by", required=True, metavar="USER2")
        parser.add_argument("--draft", type=uuid.UUID, metavar="ID", help="else USER's newest, else the newest")
        parser.add_argument("--name", default="", help="the series, where several have drafts")
        parser.add_argument("--first", type=int, metavar="N", help="the number of the very first issue of the series")
        parser.add_argument("--json", action="store_true")

    @transaction.atomic
    def run(self, **options: Any) -> Any:
        person, second = get_person(options["by"]), get_person(options["approved_by"])
        draft = options["draft"]
        issue = queries.issue_for(person, draft) if draft else queries.waiting_for(person, name=options["name"])
        if options["first"] is not None:
            series = issue.series
            begin_series(by=person, now=clock.now(), at=series.jurisdiction, name=series.name, first=options["first"])
        if issue.state != IssueState.APPROVED or issue.approved_by != second.username:
            approve_issue(by=second, now=clock.now(), issue_id=issue.pk)
        issue = publish_issue(by=person, now=clock.now(), issue_id=issue.pk)
        if options["json"]:
            return {"number": issue.number, "hash": issue.hash, "issue": str(issue.pk)}
        return issue.number
