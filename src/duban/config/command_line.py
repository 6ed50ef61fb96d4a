"""`duban COMMAND`: Django's manage.py under the project's name."""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line, get_commands
from django.db.utils import OperationalError, ProgrammingError


def main() -> None:
    """Run one command in the foreground; exits 0, 1 (refused, reasons on stderr) or 2 (usage)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "duban.config.settings")
    try:
        django.setup()
    except (OSError, ValueError, ImproperlyConfigured) as error:
        _refuse(1, f"the settings do not hold ({error}); docs/running.md lists them")
    name = sys.argv[1] if len(sys.argv) > 1 else "help"
    if not name.startswith("-") and name != "help" and name not in get_commands():
        _refuse(2, f"there is no command {name!r}; `duban help` lists them")
    try:
        execute_from_command_line(sys.argv)
    except (OperationalError, ProgrammingError) as error:
        _refuse(1, f"the database does not answer ({str(error).strip()}); has `duban migrate` been run?")


def _refuse(status: int, reason: str) -> None:
    sys.stderr.write(f"duban: {reason}\n")
    sys.exit(status)


if __name__ == "__main__":
    main()
