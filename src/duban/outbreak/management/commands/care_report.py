from typing import Any

from duban.core.command import DubanCommand
from duban.outbreak.desk.days import read_day
from duban.outbreak.desk.report import report_of
from duban.places.codes import normalise_code


class Command(DubanCommand):
    help = "Print the report of a day on everybody who is followed: the sentence, or with --json the figures by town."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--date", required=True, metavar="D", help="the day: 2021-01-20")
        parser.add_argument("--at", default="", metavar="CODE", help="only of this office or town")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        at = normalise_code(options["at"], field="at") if options["at"] else ""
        made = report_of(read_day(options["date"], field="date"), at)
        if options["json"]:
            return made.as_dict()
        self.stdout.write(made.sentence["zh"])
        return made.sentence["en"]
