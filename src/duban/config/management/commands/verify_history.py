from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ObjectDoesNotExist

from duban.bulletin.verify import verify_issues
from duban.core.command import DubanCommand
from duban.core.integrity import Problem
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


def all_problems() -> Iterator[Problem]:
    """Every Problem that the ledger, the evidence and the bulletins know of themselves."""
    for subject, walk in (
        ("entries and their events", verify_events),
        ("checkpoints", verify_checkpoints),
        ("photos", verify_photos),
        ("bulletins", verify_issues),
    ):
        try:
            yield from walk()
        except (ValueError, TypeError, KeyError, ObjectDoesNotExist) as error:
            # A value that no column of its kind may hold: somebody wrote it past the program.
            yield Problem("unreadable", subject, f"{type(error).__name__}: {error}")
