import argparse
from pathlib import Path
from typing import Any

from duban.bulletin import compose
from duban.core import clock
from duban.core.command import DubanCommand, write_file
from duban.patrol.brief import read_span
from duban.places.codes import normalise_code

ENDINGS = (".pdf", ".html")


def out_file(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in ENDINGS:
        raise argparse.ArgumentTypeError(f"{text!r} ends neither in .pdf nor in .html")
    return path


class Command(DubanCommand):
    help = "Print the whole newspaper page of a day from the records: one PDF page, or accessible HTML."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--date", required=True, metavar="D", help="the day of the page: 2021-01-20")
        parser.add_argument("--out", required=True, type=out_file, metavar="FILE.pdf|html")
        parser.add_argument("--at", default="", metavar="CODE", help="whose page; else that of the only county")
        parser.add_argument("--language", default="zh", choices=["zh", "en"])
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        day = read_span(options["date"], options["date"]).since
        area = compose.area_of(normalise_code(options["at"], field="at") if options["at"] else "")
        document = compose.document_of_day(area, day, clock.now())
        out: Path = options["out"]
        data = compose.render(document, out.suffix.lower()[1:], options["language"])
        write_file(out, data)
        if not options["json"]:
            return out
        blocks = [
            {
                "kind": block["kind"],
                "headline": block["headline"][options["language"]],
                "figures": {figure["key"]: figure["said"] for figure in block["figures"]},
            }
            for block in document["blocks"]
        ]
        return {"file": str(out), "date": day.isoformat(), "area": area, "bytes": len(data), "blocks": blocks}
