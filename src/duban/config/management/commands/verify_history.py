from collections.abc import Iterator
from itertools import chain
from typing import Any

from duban.bulletin.verify import verify_issues
from duban.core.command import DubanCommand
from duban.evidence.verify import verify_photos
from duban.ledger.history import verify_checkpoints, verify_events


class Command(DubanCommand):
    help = "Prove that no stored event, checkpoint, photo or published bulletin was altered or removed, or say where."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        problems = [f"{problem.code}: {problem.where}: {problem.detail}" for problem in all_problems()]
        for line in problems:
            self.stderr.write(line)
        self.refused = bool(problems)
        return {"problems": problems} if options["json"] else len(problems)


def all_problems() -> Iterator[Any]:
    """Every Problem (code, where, detail) that the ledger, the evidence and the bulletins know of themselves."""
    return chain(verify_events(), verify_checkpoints(), verify_photos(), verify_issues())
