from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from duban.access.actions import get_person
from duban.core import clock
from duban.core.command import DubanCommand, read_file, write_file
from duban.core.errors import DubanError
from duban.core.tables import refused_csv, wants_mark
from duban.ledger.imports import Folder, Imported, import_findings


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
            for row, refusal in done.refused[:20]:
                self.stderr.write(f"{refusal.code}: row {row.number}: {refusal.field or ''}: {refusal}")
            report = self._hand_back(file, data, done)
            self.refused = not options["keep_good"]
        result = {
            "taken": done.taken,
            "updated": done.updated,
            "unchanged": done.unchanged,
            "refused": len(done.refused),
            "report": report,
        }
        return result if options["json"] else done.taken

    def _hand_back(self, file: Path, data: bytes, done: Imported) -> str | None:
        """Write the refused rows beside the input; where that cannot be, say so and let the result stand."""
        path = file.with_name(f"{file.stem}.refused.csv")
        try:
            write_file(path, refused_csv(done.columns, done.refused, mark=wants_mark(data)))
        except DubanError as refusal:
            self.stderr.write(self.describe(refusal))
            return None
        self.stderr.write(_("%(count)d rows refused; see %(report)s") % {"count": len(done.refused), "report": path})
        return str(path)
