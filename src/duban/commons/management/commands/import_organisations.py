from pathlib import Path
from typing import Any

from duban.access.actions import get_person
from duban.commons.register.importing import import_organisations
from duban.core import clock
from duban.core.command import DubanCommand, read_file


class Command(DubanCommand):
    help = "Take the organisations of a CSV or XLSX file; refused rows are handed back beside it as NAME.refused.csv."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--by", required=True, metavar="USER")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        file: Path = options["file"]
        data = read_file(file)
        done = import_organisations(by=get_person(options["by"]), now=clock.now(), data=data, name=file.name)
        for row, warning in done.warnings[:20]:
            self.stderr.write(f"{warning.code}: row {row.number}: {warning.message}")
        report = None
        if done.refused:
            self.tell_refused(done.refused)
            report = self.hand_back(file, data, done.columns, done.refused)
        result = {
            "taken": done.taken,
            "updated": done.updated,
            "unchanged": done.unchanged,
            "refused": len(done.refused),
            "report": report,
            "warnings": len(done.warnings),
        }
        return result if options["json"] else done.taken
