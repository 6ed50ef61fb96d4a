from pathlib import Path
from typing import Any

from django.db import transaction

from duban.core import clock
from duban.core.audit import Console
from duban.core.command import DubanCommand
from duban.places import actions
from duban.places.osm import SOURCE, read_osm


class Command(DubanCommand):
    help = "Fill roads, waters, villages and landmarks (and coded boundaries) from an OpenStreetMap extract."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true")

    @transaction.atomic
    def run(self, **options: Any) -> Any:
        extract = read_osm(options["file"])
        now = clock.now()
        for name, features in sorted(extract.layers.items()):
            actions.load_layer(by=Console(), now=now, name=name, features=features, as_of=extract.as_of, source=SOURCE)
        counts = {name: len(features) for name, features in sorted(extract.layers.items())}
        if extract.uncoded:
            self.stderr.write(f"{extract.uncoded} administrative boundaries carry no code and were left out.")
        if options["json"]:
            return counts
        for name, count in counts.items():
            self.stdout.write(f"{name}: {count}")
        return sum(counts.values())
