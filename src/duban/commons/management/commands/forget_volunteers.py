from datetime import date, datetime, time
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from duban.commons.volunteering.forgetting import before_today, forget_volunteers
from duban.core import clock
from duban.core.audit import Console
from duban.core.command import DubanCommand
from duban.core.errors import DubanError


class Command(DubanCommand):
    help = "Delete contacts of volunteers whose shift ended before a day; prints how many people were forgotten."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--before", metavar="DATE", help="2021-01-18; default: as long ago as DUBAN_VOLUNTEER_DAYS says"
        )

    def run(self, **options: Any) -> Any:
        now = clock.now()
        return forget_volunteers(by=Console(), now=now, before=_start(options["before"]) or before_today(now))


def _start(text: str | None) -> datetime | None:
    try:
        return timezone.make_aware(datetime.combine(date.fromisoformat(text), time())) if text is not None else None
    except ValueError as error:
        raise DubanError("bad_date", _("A date is written 2027-02-17."), field="before") from error
