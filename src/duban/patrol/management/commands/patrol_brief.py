from typing import Any

from duban.core.command import DubanCommand
from duban.patrol.brief import Wanted, brief_of, read_span, require_clean
from duban.places.codes import normalise_code


class Command(DubanCommand):
    help = "Print what was inspected in a period and what the look-back saw: the sentence, or with --json the figures."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--from", required=True, metavar="D", dest="since", help="the first day: 2021-01-18")
        parser.add_argument("--to", required=True, metavar="D", dest="until", help="the last day, included")
        parser.add_argument("--at", default="", metavar="CODE", help="only there")
        parser.add_argument("--clean", action="store_true", help="refuse unless the look-back left nothing")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        area = normalise_code(options["at"]) if options["at"] else ""
        wanted = Wanted(read_span(options["since"], options["until"]), area=area)
        if options["clean"]:
            require_clean(wanted)
        found = brief_of(wanted)
        if options["json"]:
            return found.as_dict()
        self.stdout.write(found.sentence["zh"])
        return found.sentence["en"]
