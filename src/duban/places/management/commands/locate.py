import csv
import io
import re
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from duban.core.command import DubanCommand, read_file, write_file
from duban.core.tables import wants_mark
from duban.places.locating import locate_one, locate_table

NEGATIVE = re.compile(r"-\d+(\.\d+)?|-\.\d+")


class Command(DubanCommand):
    help = "Say where a point is, or each point of a CSV with columns lon, lat[, datum]."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        # A western longitude is a number, not an option.
        parser._negative_number_matcher = NEGATIVE
        return parser

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("lon", nargs="?", help="degrees east")
        parser.add_argument("lat", nargs="?", help="degrees north")
        parser.add_argument("--datum", default="wgs84", help="wgs84 (default), gcj02 or bd09")
        parser.add_argument("--csv", type=Path, metavar="IN")
        parser.add_argument("--out", type=Path, metavar="OUT")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        if options["csv"]:
            if not options["out"]:
                self._usage("--csv IN goes with --out OUT")
            data = read_file(options["csv"])
            columns, rows, wrong = locate_table(data, options["csv"].name, options["datum"])
            text = io.StringIO()
            writer = csv.DictWriter(text, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
            write_file(options["out"], text.getvalue().encode("utf-8-sig" if wants_mark(data) else "utf-8"))
            return {"located": len(rows) - wrong, "refused": wrong} if options["json"] else len(rows)
        if options["lon"] is None or options["lat"] is None:
            self._usage("locate LON LAT, or locate --csv IN --out OUT")
        located = locate_one(options["lon"], options["lat"], options["datum"])
        if options["json"]:
            return located
        for reason in located["reasons"]:
            self.stdout.write(f"{reason['code']}: {reason['text']}")
        return located["statement"] or "cannot tell"

    def _usage(self, text: str) -> None:
        self.stderr.write(f"usage: duban {text}")
        sys.exit(2)
