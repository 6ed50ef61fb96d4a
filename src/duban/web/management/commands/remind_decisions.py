from typing import Any

from duban.core import clock
from duban.core.command import DubanCommand
from duban.web.reminders import remind_of_decisions


class Command(DubanCommand):
    help = (
        "Remind of decisions that are due, without work or overdue, and put before the leaders what hangs; run nightly."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        told = remind_of_decisions(now=clock.now())
        return {"told": told} if options["json"] else told
