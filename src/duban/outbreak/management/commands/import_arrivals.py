from pathlib import Path
from typing import Any

from duban.access.actions import get_person
from duban.core import clock
from duban.core.command import DubanCommand, read_file
from duban.outbreak.casefiles.handover import NOTES, import_arrivals


class Command(DubanCommand):
    help = (
        "Take in a hand-over list of arrivals (CSV or XLSX) for an order: good rows open case files or add to them, "
        "refused ones are handed back as NAME.refused.csv."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--order", required=True, metavar="NUMBER", help="that the people were handed over under")
        parser.add_argument("--by", required=True, metavar="USER")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        file: Path = options["file"]
        data = read_file(file)
        done = import_arrivals(
            by=get_person(options["by"]),
            now=clock.now(),
            data=data,
            name=file.name,
            order=options["order"],
        )
        report = None
        if done.refused:
            self.tell_refused(done.refused)
            report = self.hand_back(file, data, done.columns, done.refused)
        for note, count in sorted(done.notes.items()):
            if count:
                self.stderr.write(f"{count} × {note}: {NOTES[note]}")
        result = {
            "taken": done.taken,
            "updated": done.updated,
            "unchanged": done.unchanged,
            "refused": len(done.refused),
            "report": report,
            "read": done.read,
            "notes": {note: count for note, count in sorted(done.notes.items()) if count},
        }
        return result if options["json"] else done.taken
