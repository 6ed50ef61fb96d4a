from typing import Any

from duban.access import actions
from duban.core import clock
from duban.core.command import DubanCommand


class Command(DubanCommand):
    help = "Print a one-time password for a person; removes second factor, API tokens and lock-out."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("username")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        password = actions.reset_login(username=options["username"], now=clock.now())
        return {"username": options["username"], "password": password} if options["json"] else password
