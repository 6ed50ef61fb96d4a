from pathlib import Path
from typing import Any

from duban.core import clock
from duban.core.audit import Console
from duban.core.command import DubanCommand, read_file
from duban.places import actions


class Command(DubanCommand):
    help = "Load a list of jurisdictions: code, name[, kind]; all rows or none. Prints how many the list holds."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        file: Path = options["file"]
        try:
            count = actions.load_jurisdictions(by=Console(), now=clock.now(), data=read_file(file), name=file.name)
        except actions.BadJurisdictions as refusal:
            for row, reason in refusal.refused[:20]:
                self.stderr.write(f"{reason.code}: row {row.number}: {reason.field or ''}: {reason}")
            raise
        return {"jurisdictions": count} if options["json"] else count
