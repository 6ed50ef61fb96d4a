import os
import subprocess
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from granian import Granian
from granian.constants import Interfaces

from duban.commons.volunteering.forgetting import set_nightly
from duban.core import clock
from duban.outbreak.care.watch import set_watch
from duban.outbreak.protection.daily import set_daily
from duban.web.tasks import set_reminders


class Command(BaseCommand):
    help = "Serve the site and work off background tasks until stopped."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("address", nargs="?", default="127.0.0.1:8000", metavar="HOST:PORT")
        parser.add_argument(
            "--workers", type=int, help="web processes; without it one, and on PostgreSQL one for each processor"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        host, _colon, port = options["address"].rpartition(":")
        if not host or not port.isdigit():
            raise CommandError(f"the address must be HOST:PORT, not {options['address']!r}", returncode=2)
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        set_daily(now=clock.now())
        set_nightly(now=clock.now())
        set_watch(now=clock.now())
        set_reminders(now=clock.now())
        worker = subprocess.Popen([sys.argv[0], "db_worker"])  # noqa: S603
        self.stdout.write(f"Duban serves http://{options['address']}/ over {settings.DUBAN_DATA}; Ctrl-C stops it.")
        self.stdout.flush()
        try:
            Granian(
                "duban.config.wsgi:application",
                address=host,
                port=int(port),
                interface=Interfaces.WSGI,
                workers=options["workers"] or (os.cpu_count() or 1 if connection.vendor == "postgresql" else 1),
                blocking_threads=8,
                log_enabled=False,
            ).serve()
        finally:
            worker.terminate()
            worker.wait()
