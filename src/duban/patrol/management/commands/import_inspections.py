from argparse import BooleanOptionalAction
from pathlib import Path
from typing import Any

from duban.access.actions import get_person
from duban.core import clock
from duban.core.command import DubanCommand, read_file
from duban.patrol.importing import import_inspections


class Command(DubanCommand):
    help = "Take the visits of a CSV or XLSX file; refused rows are handed back beside it as NAME.refused.csv."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--by", required=True, metavar="USER")
        parser.add_argument(
            "--keep-good",
            action=BooleanOptionalAction,
            default=True,
            help="take the good rows although others are refused; with --no-keep-good one bad row refuses the file",
        )
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        file: Path = options["file"]
        data = read_file(file)
        done = import_inspections(
            by=get_person(options["by"]), now=clock.now(), data=data, name=file.name, keep_good=options["keep_good"]
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
            "visits": done.visits,
            "venues": done.venues,
        }
        return result if options["json"] else done.taken
