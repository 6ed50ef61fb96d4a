from pathlib import Path
from typing import Any

from duban.access.actions import get_person
from duban.core import clock
from duban.core.command import DubanCommand, read_file
from duban.core.errors import DubanError
from duban.outbreak.areas import declare_areas
from duban.outbreak.lists import Defaults, read_areas
from duban.places.codes import normalise_code


class Command(DubanCommand):
    help = "Declare the risk areas of a published list (GeoJSON, CSV, XLSX or text); prints an order number a line."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--by", required=True, metavar="USER")
        parser.add_argument("--at", default="", metavar="CODE", help="the office; default: the widest of USER's own")
        parser.add_argument("--from", default="", dest="starts", help="of areas whose list does not say")
        parser.add_argument("--to", default="", dest="ends", help="of areas whose list does not say")
        parser.add_argument("--lookback-days", default="", help="of areas whose list does not say")
        parser.add_argument("--measure", default="", help="of areas whose list does not say")
        parser.add_argument("--source", default="", help="the notice")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        file: Path = options["file"]
        data = read_file(file)
        given = {name: options[name] for name in ("starts", "ends", "lookback_days", "measure", "source")}
        found = read_areas(data, file.name, Defaults(**given))
        if found.refused:
            self.tell_refused(found.refused)
            self.hand_back(file, data, found.columns, found.refused)
            raise DubanError("areas_refused", f"{len(found.refused)} areas are wrong; nothing was declared.")
        at = normalise_code(options["at"]) if options["at"] else ""
        done = declare_areas(by=get_person(options["by"]), now=clock.now(), drafts=found.drafts, at=at)
        numbers = [one.declaration.number for one in done]
        if options["json"]:
            return {
                "orders": numbers,
                "taken": sum(one.fresh and one.declaration.version == 1 for one in done),
                "updated": sum(one.fresh and one.declaration.version > 1 for one in done),
                "unchanged": sum(not one.fresh for one in done),
                "refused": 0,
                "report": None,
            }
        for number in numbers[:-1]:
            self.stdout.write(number)
        return numbers[-1]
