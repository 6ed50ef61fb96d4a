from pathlib import Path
from typing import Any

from duban.core import clock
from duban.core.audit import Console
from duban.core.command import DubanCommand, read_file
from duban.ledger.deadlines import load_calendar


class Command(DubanCommand):
    help = "Load days off and working days (columns date, working), and set provisional deadlines of those years anew."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        file: Path = options["file"]
        days, moved = load_calendar(by=Console(), now=clock.now(), data=read_file(file), name=file.name)
        return {"days": days, "redated": moved} if options["json"] else days
