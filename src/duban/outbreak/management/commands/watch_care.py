from typing import Any

from django.core.management.base import BaseCommand

from duban.core import clock
from duban.outbreak.care.watch import keep_watch


class Command(BaseCommand):
    help = "Ask for the reports that did not come and let unanswered alerts rise; the worker goes on from here."

    def handle(self, *args: Any, **options: Any) -> None:
        asked, risen = keep_watch(now=clock.now())
        self.stdout.write(f"{asked} {risen}")
