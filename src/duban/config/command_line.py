"""`duban COMMAND`: Django's manage.py under the project's name."""

import os
import sys

import django
from django.core.management import execute_from_command_line, get_commands


def main() -> None:
    """Run one command in the foreground; exits 0, 1 (refused, reasons on stderr) or 2 (usage)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "duban.config.settings")
    django.setup()
    name = sys.argv[1] if len(sys.argv) > 1 else "help"
    if not name.startswith("-") and name != "help" and name not in get_commands():
        sys.stderr.write(f"duban: there is no command {name!r}; `duban help` lists them\n")
        sys.exit(2)
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
