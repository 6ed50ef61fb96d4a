from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from duban.core import clock
from duban.core.audit import Console
from duban.core.command import DubanCommand
from duban.core.errors import DubanError
from duban.outbreak.presences import import_presences


class Command(DubanCommand):
    help = "Take presences from Parquet, CSV or XLSX into the store; refused rows are handed back as NAME.refused.csv."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--source", required=True, metavar="NAME", help="who sent it; its headings are remembered")
        parser.add_argument(
            "--map", action="append", default=[], metavar="OURS=THEIRS", help="what a column is called in this source"
        )
        parser.add_argument("--datum", default="", help="of the source's coordinates: wgs84, gcj02 or bd09")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        file: Path = options["file"]
        if not file.is_file():
            raise DubanError("file_unreadable", f"{file} cannot be read.")
        pairs = [pair.partition("=") for pair in options["map"]]
        if any(not sign for _ours, sign, _theirs in pairs):
            raise CommandError("--map is OURS=THEIRS", returncode=2)
        done = import_presences(
            by=Console(),
            now=clock.now(),
            path=file,
            name=file.name,
            source=options["source"],
            columns={ours.strip(): theirs.strip() for ours, _sign, theirs in pairs},
            datum=options["datum"],
            report=file.with_name(f"{file.stem}.refused.csv"),
        )
        for refused in done.shown[:20]:
            place = f"{refused.refusal.code}: row {refused.row}: {refused.refusal.field or ''}"
            self.stderr.write(f"{place}: {refused.refusal}")
        self.stderr.write(
            f"{done.read} read = {done.taken} taken + {done.unchanged} known already + {done.refused} refused"
        )
        if done.report:
            self.stderr.write(f"{done.refused} rows refused; see {done.report}")
        if done.dropped:
            self.stderr.write(f"dropped by age: {done.dropped[0]} to {done.dropped[-1]}")
        result = {
            "taken": done.taken,
            "updated": 0,
            "unchanged": done.unchanged,
            "refused": done.refused,
            "report": str(done.report) if done.report else None,
            "read": done.read,
            "days": [day.isoformat() for day in done.days],
            "dropped": [day.isoformat() for day in done.dropped],
        }
        return result if options["json"] else done.taken
