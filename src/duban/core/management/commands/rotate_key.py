from dataclasses import asdict
from typing import Any

from duban.core import clock
from duban.core.audit import Console
from duban.core.command import DubanCommand
from duban.core.rotation import rotate_key


class Command(DubanCommand):
    help = (
        "Bring everything that is encrypted under a new key while the site serves, and delete the old key; prints how "
        "many values were brought over. Broken off, it goes on where it was when it is run again."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--wait", type=float, default=600, metavar="SECONDS", help="for those who still write under the old key"
        )
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        last = ""

        def told(step: str, done: int) -> None:
            nonlocal last
            if step != last:
                last = step
                self.stderr.write(f"{step} ({done})")

        done = rotate_key(by=Console(), now=clock.now(), wait_s=options["wait"], told=told)
        if done.unreadable:
            self.stderr.write(f"{done.unreadable} values open under no key of this installation and were left")
        return asdict(done) if options["json"] else done.values + done.files
