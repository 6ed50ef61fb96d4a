from typing import Any

from duban.commons.pairing.forgetting import before_today, forget_partners
from duban.core import clock
from duban.core.audit import Console
from duban.core.command import DubanCommand


class Command(DubanCommand):
    help = "Delete contacts of partners whose need is over as long as DUBAN_VOLUNTEER_DAYS says; prints how many."

    def run(self, **options: Any) -> Any:
        now = clock.now()
        return forget_partners(by=Console(), now=now, before=before_today(now))
