from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from duban.core import clock
from duban.core.audit import Console
from duban.core.command import DubanCommand
from duban.core.errors import DubanError
from duban.outbreak.retention import drop_presences, oldest_kept


class Command(DubanCommand):
    help = "Delete every stay that began before a day, and who was in no other; prints how many days went."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--before", metavar="DATE", help="2021-01-18; default: as long as DUBAN_PRESENCE_DAYS says")

    def run(self, **options: Any) -> Any:
        now = clock.now()
        days = drop_presences(by=Console(), now=now, before=_day(options["before"]) or oldest_kept(now))
        for day in days:
            self.stderr.write(day.isoformat())
        return len(days)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError as error:
        raise DubanError("bad_date", _("A date is written 2027-02-17."), field="before") from error
