from pathlib import Path
from typing import Any

from duban.bulletin import queries
from duban.core.command import DubanCommand, write_file
from duban.places.codes import normalise_code


class Command(DubanCommand):
    help = "Write a published bulletin as html, pdf, docx, json, newspaper, csv or geojson. Prints the file's path."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("number", type=int)
        parser.add_argument("--format", required=True, choices=list(queries.ALL))
        parser.add_argument("--out", required=True, type=Path, metavar="FILE")
        parser.add_argument("--name", default="", help="the series, where several have that number")
        parser.add_argument("--at", default="", metavar="CODE", help="whose series")
        parser.add_argument("--language", default="zh", choices=["zh", "en"])
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        at = normalise_code(options["at"], field="at") if options["at"] else ""
        issue = queries.numbered(options["number"], name=options["name"], at=at)
        data = queries.export(issue, options["format"], options["language"])
        out: Path = options["out"]
        write_file(out, data)
        return {"number": issue.number, "file": str(out), "bytes": len(data)} if options["json"] else out
