from typing import Any

from duban.access import actions
from duban.core import clock
from duban.core.command import DubanCommand


class Command(DubanCommand):
    help = "Make a person, give a role at an administrative code, and print a one-time password if the person is new."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", required=True)
        parser.add_argument("--at", required=True, metavar="CODE")
        parser.add_argument("--kind", default="", metavar="event|component", help="only entries of this kind")
        parser.add_argument("--name", default="", help="how the office knows the person")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        person, password = actions.add_person(
            username=options["username"],
            role=options["role"],
            at=options["at"],
            kind=options["kind"],
            name=options["name"],
            now=clock.now(),
        )
        if options["json"]:
            return {"username": person.username, "role": options["role"], "password": password}
        return password or f"{person.username} was there already; the password is unchanged"
