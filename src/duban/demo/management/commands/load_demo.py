from concurrent.futures import ProcessPoolExecutor
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person
from duban.core import clock
from duban.core.command import DubanCommand
from duban.core.errors import Conflict
from duban.demo import story
from duban.places.models import Jurisdiction, Layer

LOGINS = {username for username, _role, _code, _name in story.LOGINS}


class Command(DubanCommand):
    help = "Load the demo district into an empty database; on one that holds it already, change nothing."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        loaded = not is_loaded()
        secrets = load() if loaded else None
        if options["json"]:
            return {"loaded": loaded, "logins": sorted(LOGINS), "password": story.PASSWORD}
        self.stdout.write(f"Demo logins, password {story.PASSWORD}:")
        for username, role, code, name in story.LOGINS:
            self.stdout.write(f"  {username:22} {role:18} {code:10} {name}")
        if secrets is not None:
            for words, page in (
                ("The page of somebody in isolation", reverse("care:own", args=[secrets.care])),
                ("A household's invitation to vote", reverse("neighbours:my_votes", args=[secrets.invitation])),
            ):
                self.stdout.write(f"{words}, told this once: {settings.DUBAN_SITE_URL}{page}")
        self.stdout.write(f"Public site and login: {settings.DUBAN_SITE_URL}/")
        return len(LOGINS)


def is_loaded() -> bool:
    """Whether the demo is there already; raises Conflict (`not_empty`) where anything else is.

    Entries and bulletins need people, so people and places tell.
    """
    people = set(Person.objects.values_list("username", flat=True))
    if people >= LOGINS:
        return True
    if people or Jurisdiction.objects.exists() or Layer.objects.exists():
        raise Conflict("not_empty", _("This database is in use; the demo goes into an empty one."))
    return False


def load() -> story.Secrets:
    """Everything or nothing; the pictures are drawn on the other cores meanwhile."""
    now, begun = clock.now(), story.beijing(1)
    scenes = story.told(now)
    with ProcessPoolExecutor() as pool:
        pictures = story.draw_all(scenes, pool)
        with transaction.atomic():
            story.load_places(now=begun)
            return story.tell(people=story.add_people(now=begun), scenes=scenes, pictures=pictures, now=now)
