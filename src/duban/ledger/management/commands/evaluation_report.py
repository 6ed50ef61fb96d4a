from pathlib import Path
from typing import Any

from django.utils import translation
from django.utils.translation import gettext_lazy as _

from duban.access.actions import get_person
from duban.core import clock
from duban.core.command import DubanCommand, write_file
from duban.core.errors import DubanError
from duban.ledger import evaluation, figures


class Command(DubanCommand):
    help = "Write the evaluation of units in a month as .xlsx or .pdf, of what USER may see."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--month", default="", metavar="YYYY-MM", help="else the month that runs")
        parser.add_argument("--by", required=True, metavar="USER")
        parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="its ending says the format")
        parser.add_argument("--language", choices=["zh", "en"], default="zh")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        out: Path = options["out"]
        write = evaluation.FORMATS.get(out.suffix.lower().lstrip("."))
        if write is None:
            raise DubanError("unknown_format", _("The file must end in .xlsx or .pdf."), field="out")
        now = clock.now()
        person, month = get_person(options["by"]), figures.read_month(options["month"], now=now)
        with translation.override({"zh": "zh-hans", "en": "en"}[options["language"]]):
            found = evaluation.evaluate(person, month, now=now)
            write_file(out, write(found))
        answer = {"month": f"{month:%Y-%m}", "units": len(found.units), "entries": found.total["dispatched"].n}
        return answer | {"file": str(out)} if options["json"] else str(out)
