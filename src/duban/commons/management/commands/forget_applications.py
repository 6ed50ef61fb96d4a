from typing import Any

from duban.commons.register.filing import forget_applications
from duban.core import clock
from duban.core.audit import Console
from duban.core.command import DubanCommand


class Command(DubanCommand):
    help = "Delete who applied for a filing, half a year after the last decision; prints how many."

    def run(self, **options: Any) -> Any:
        return forget_applications(by=Console(), now=clock.now())
