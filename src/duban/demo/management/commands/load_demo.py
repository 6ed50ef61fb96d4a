from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person
from duban.core.command import DubanCommand
from duban.core.errors import Conflict
from duban.demo import story


class Command(DubanCommand):
    help = "Load the demo district into an empty database; on one that holds it already, change nothing."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        names = {username for username, _role, _code, _name in story.LOGINS}
        there = set(Person.objects.values_list("username", flat=True))
        if there and not names <= there:
            raise Conflict("not_empty", _("This database is in use; the demo goes into an empty one."))
        if not there:
            now = story.beijing(1)
            pictures = story.draw_all()
            with transaction.atomic():
                story.load_places(now=now)
                story.tell(people=story.add_people(now=now), pictures=pictures)
        if options["json"]:
            return {"loaded": not there, "logins": sorted(names), "password": story.PASSWORD}
        self.stdout.write(f"Demo logins, password {story.PASSWORD}:")
        for username, role, code, name in story.LOGINS:
            self.stdout.write(f"  {username:20} {role:18} {code:10} {name}")
        self.stdout.write(f"Public site and login: {settings.DUBAN_SITE_URL}/")
        return len(names)
