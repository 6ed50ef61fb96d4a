from typing import Any

from duban.access.actions import get_person
from duban.bulletin.actions import draft_issue
from duban.bulletin.models import Section
from duban.core import clock
from duban.core.command import DubanCommand


class Command(DubanCommand):
    help = "Draft the next bulletin: what was rectified since the last issue and what is new. Prints the draft's id."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--by", required=True, metavar="USER")
        parser.add_argument("--name", default="", help="the series; else the hygiene bulletin")
        parser.add_argument("--at", default="", metavar="CODE", help="whose series; else where USER drafts")
        parser.add_argument(
            "--first", type=int, metavar="N", help="the number of the very first issue, when the series is made"
        )
        parser.add_argument("--title", default="")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        issue = draft_issue(
            by=get_person(options["by"]),
            now=clock.now(),
            at=options["at"],
            name=options["name"],
            first=options["first"],
            title=options["title"],
        )
        counts = {str(section): issue.items.filter(section=section).count() for section in Section}
        if exposed := issue.exposed.count():
            counts["exposed"] = exposed
        if options["json"]:
            return {"draft": str(issue.pk), **counts}
        self.stdout.write(", ".join(f"{section}: {count}" for section, count in counts.items()))
        return issue.pk
