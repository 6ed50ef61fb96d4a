from dataclasses import asdict
from typing import Any

from duban.core import clock
from duban.core.command import DubanCommand
from duban.ledger.mail import send_digests


class Command(DubanCommand):
    help = "Send each person with a mail address one mail with all that they were told and have not read; run it daily."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        done = send_digests(now=clock.now())
        self.refused = done.failed > 0
        return asdict(done) if options["json"] else f"sent {done.sent}, failed {done.failed}"
