from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from duban.core import clock
from duban.core.audit import Console
from duban.core.command import DubanCommand
from duban.core.errors import DubanError
from duban.outbreak.protection.daily import set_daily
from duban.outbreak.protection.deletion import run_deletion
from duban.outbreak.protection.due import Scope, waiting
from duban.outbreak.protection.rules import rules_on


class Command(DubanCommand):
    help = (
        "Delete what the rules let go as of a day: files with all that hangs on them, people found, identities nobody "
        "needs, presences, lists that were taken in; prints how many rows and folders went."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--date", metavar="DATE", help="2021-02-20; default: today")
        parser.add_argument("--preview", action="store_true", help="only say what would go, by office")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        now = clock.now()
        on = _day(options["date"]) or timezone.localtime(now).date()
        if options["preview"]:
            rows = waiting(rules_on(on), Scope(), now)
            if options["json"]:
                return [vars(row) for row in rows]
            for row in rows:
                self.stderr.write(" ".join(f"{name}={value}" for name, value in vars(row).items() if value))
            return sum(row.people for row in rows)
        done = run_deletion(by=Console(), now=now, on=on)
        set_daily(now=now)
        if done.number:
            self.stderr.write(f"certificate {done.number}")
        if options["json"]:
            return {
                "deleted": done.total, "people": done.people, "certificate": done.number or None,
                "counts": done.counts,
            }  # fmt: skip
        return done.total


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError as error:
        raise DubanError("bad_date", _("A date is written 2027-02-17."), field="date") from error
