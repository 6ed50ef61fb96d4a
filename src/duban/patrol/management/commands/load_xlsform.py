"""`duban load_xlsform FILE [--key KEY] [--draft] [--json]`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from duban.core import clock
from duban.core.audit import Console
from duban.core.command import DubanCommand, read_file
from duban.patrol.checklists import choices_of, items_of
from duban.patrol.editing import load_form
from duban.patrol.xlsform import REASONS


class Command(DubanCommand):
    help = "Load an XLSForm workbook as a check-list; what of it is not supported is listed and kept."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--key", default="", help="of the check-list; default: the form's own id")
        parser.add_argument("--draft", action="store_true", help="do not put it in use yet")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        file: Path = options["file"]
        loaded = load_form(
            by=Console(),
            now=clock.now(),
            data=read_file(file),
            name=file.name,
            key=options["key"],
            use=not options["draft"],
            replace=True,
        )
        version, items = loaded.version, items_of(loaded.version)
        for problem in loaded.problems:
            place = f"{problem['sheet']} {problem['row'] or ''}".strip()
            self.stderr.write(f"{problem['code']}: {place}: {problem['column']}: {REASONS[str(problem['code'])]}")
        if not options["json"]:
            self.stderr.write(
                _("%(key)s, version %(number)d: %(items)d questions, %(problems)d things not supported")
                % {
                    "key": version.checklist.key,
                    "number": version.number,
                    "items": len(items),
                    "problems": len(loaded.problems),
                }
            )
            return len(items)
        return {
            "taken": len(items) if loaded.fresh else 0,
            "updated": 0,
            "unchanged": 0 if loaded.fresh else len(items),
            "refused": 0,
            "report": None,
            "checklist": version.checklist.key,
            "title": version.checklist.title,
            "version": version.number,
            "state": str(version.state),
            "items": len(items),
            "choices": len(choices_of(version)),
            "unsupported": [problem | {"why": str(REASONS[str(problem["code"])])} for problem in loaded.problems],
        }
