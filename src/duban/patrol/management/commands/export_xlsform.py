"""`duban export_xlsform KEY --out FILE [--number N]`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from duban.core.command import DubanCommand, write_file
from duban.core.errors import NotFound
from duban.patrol.checklists import choices_of, items_of
from duban.patrol.models import CheckListVersion, VersionState
from duban.patrol.xlsform_writing import write_form


class Command(DubanCommand):
    help = "Write a check-list as an XLSForm workbook: the version in use, else the newest, else the one asked for."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("key")
        parser.add_argument("--out", type=Path, required=True)
        parser.add_argument("--number", type=int, help="of the version")

    def run(self, **options: Any) -> Any:
        out: Path = options["out"]
        versions = CheckListVersion.objects.filter(checklist__key=options["key"]).select_related("checklist")
        if options["number"] is not None:
            versions = versions.filter(number=options["number"])
        version = versions.filter(state=VersionState.IN_USE).first() or versions.order_by("-number").first()
        if version is None:
            raise NotFound("checklist_not_found", _("There is no such check-list, or it is not yours to see."))
        write_file(out, write_form(version, items_of(version), choices_of(version)))
        return str(out)
