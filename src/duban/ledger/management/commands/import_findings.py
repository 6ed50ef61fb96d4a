from pathlib import Path
from typing import Any

from duban.access.actions import get_person
from duban.core import clock
from duban.core.command import DubanCommand, read_file
from duban.ledger.imports import Folder, import_findings


class Command(DubanCommand):
    help = "Record the findings of a CSV or XLSX file; any bad row refuses the whole file unless --keep-good."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--photos", type=Path, metavar="DIR", help="where the photos lie; else beside the file")
        parser.add_argument("--by", required=True, metavar="USER")
        parser.add_argument("--keep-good", action="store_true")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        file: Path = options["file"]
        data = read_file(file)
        done = import_findings(
            by=get_person(options["by"]),
            now=clock.now(),
            data=data,
            name=file.name,
            photos=Folder(options["photos"] or file.parent),
            keep_good=options["keep_good"],
        )
        report = None
        if done.refused:
            self.tell_refused(done.refused)
            report = self.hand_back(file, data, done.columns, done.refused)
            self.refused = not options["keep_good"]
        result = {
            "taken": done.taken,
            "updated": done.updated,
            "unchanged": done.unchanged,
            "refused": len(done.refused),
            "report": report,
        }
        return result if options["json"] else done.taken
