"""The base of every `duban` command: refusals go to stderr with exit 1, the last line of stdout is the result."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.core.files import write_whole
from duban.core.tables import Row, refused_csv, wants_mark


def read_file(path: Path) -> bytes:
    """The file's bytes; raises DubanError (`file_unreadable`)."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DubanError(
            "file_unreadable",
            _("%(path)s cannot be read: %(error)s") % {"path": path, "error": error.strerror},
        ) from error


def write_file(path: Path, data: bytes) -> None:
    """Write the file whole; raises DubanError (`file_unwritable`)."""
    try:
        write_whole(path, data)
    except OSError as error:
        raise DubanError(
            "file_unwritable", _("%(path)s cannot be written: %(error)s") % {"path": path, "error": error.strerror}
        ) from error


class DubanCommand(BaseCommand):
    """Subclasses write `run(**options)` and return the result: a number or string, or a dict printed as one JSON line.

    `run` may set `self.refused` where there is a result to print although the work was refused.
    """

    requires_system_checks: list[str] = []
    refused = False

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override("en"):
            try:
                result = self.run(**options)
            except DubanError as refusal:
                raise CommandError(self.describe(refusal)) from refusal
        self.stdout.write(json.dumps(result, ensure_ascii=False) if isinstance(result, dict | list) else str(result))
        if self.refused:
            sys.exit(1)

    def hand_back(
        self, file: Path, data: bytes, columns: Sequence[str], refused: Sequence[tuple[Row, DubanError]]
    ) -> str | None:
        """Write the refused rows beside the file that they came from; returns where.

        Where that cannot be it is said, and the result stands.
        """
        path = file.with_name(f"{file.stem}.refused.csv")
        try:
            write_file(path, refused_csv(columns, refused, mark=wants_mark(data)))
        except DubanError as refusal:
            self.stderr.write(self.describe(refusal))
            return None
        self.stderr.write(_("%(count)d rows refused; see %(report)s") % {"count": len(refused), "report": path})
        return str(path)

    def tell_refused(self, refused: Sequence[tuple[Row, DubanError]]) -> None:
        for row, refusal in refused[:20]:
            self.stderr.write(f"{refusal.code}: row {row.number}: {refusal.field or ''}: {refusal}")

    def run(self, **options: Any) -> Any:
        raise CommandError(f"{type(self).__module__} has nothing to run")

    @staticmethod
    def describe(refusal: DubanError) -> str:
        """One line: code, then the row and field if known, then the sentence."""
        place = "".join(
            f"{word} {value}: " for word, value in (("row", refusal.row), ("field", refusal.field)) if value is not None
        )
        return f"{refusal.code}: {place}{refusal}"
