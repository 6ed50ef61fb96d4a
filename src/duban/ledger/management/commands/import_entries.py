from pathlib import Path
from typing import Any

from duban.access.actions import get_person
from duban.core import clock
from duban.core.command import DubanCommand, read_file
from duban.ledger.amendments import Amendment, import_amendments, plan_amendments
from duban.ledger.imports import Imported


class Command(DubanCommand):
    help = "Amend the entries that were edited in an exported workbook or CSV; any refused row refuses the whole file."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--by", required=True, metavar="USER")
        parser.add_argument("--reason", default="", metavar="TEXT", help="stands in the history of each amended entry")
        parser.add_argument("--keep-good", action="store_true", help="amend what is good although rows are refused")
        parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        file: Path = options["file"]
        data, by = read_file(file), get_person(options["by"])
        if options["dry_run"]:
            planned = plan_amendments(by=by, data=data, name=file.name)
            for amendment in planned.amendments:
                self._tell(amendment)
            done = Imported(0, len(planned.amendments), planned.unchanged, planned.columns, planned.refused)
        else:
            done = import_amendments(
                by=by,
                now=clock.now(),
                data=data,
                name=file.name,
                keep_good=options["keep_good"],
                reason=options["reason"],
            )
        self.tell_refused(done.refused)
        hand_back = done.refused and not options["dry_run"]
        report = self.hand_back(file, data, done.columns, done.refused) if hand_back else None
        self.refused = bool(done.refused) and not options["keep_good"]
        result = {
            "taken": 0,
            "updated": done.updated,
            "unchanged": done.unchanged,
            "refused": len(done.refused),
            "report": report,
        }
        return result if options["json"] else done.updated

    def _tell(self, amendment: Amendment) -> None:
        for column, was in amendment.was.items():
            becomes = amendment.becomes[column]
            self.stdout.write(f"{amendment.number} row {amendment.row.number}: {column}: {was!r} -> {becomes!r}")
