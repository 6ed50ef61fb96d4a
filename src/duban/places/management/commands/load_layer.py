from datetime import date
from pathlib import Path
from typing import Any

from duban.core import clock
from duban.core.audit import Console
from duban.core.command import DubanCommand, read_file
from duban.places import actions
from duban.places.geojson import read_geojson
from duban.places.models import LayerName


class Command(DubanCommand):
    help = "Put a GeoJSON file (WGS 84) in use as a layer; a bad file leaves the old layer. Prints its feature count."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("layer", choices=LayerName.values)
        parser.add_argument("file", type=Path)
        parser.add_argument("--append", action="store_true", help="add to the layer in use instead of replacing it")
        parser.add_argument("--as-of", type=date.fromisoformat, metavar="DATE", help="the day it describes; else today")
        parser.add_argument("--schematic", action="store_true", help="drawn by hand: every map will say so")
        parser.add_argument("--source", default="", help="where it comes from, shown with the map")
        parser.add_argument("--json", action="store_true")

    def run(self, **options: Any) -> Any:
        read = read_geojson(read_file(options["file"]), options["layer"])
        layer = actions.load_layer(
            by=Console(),
            now=clock.now(),
            name=options["layer"],
            features=read.features,
            append=options["append"],
            as_of=options["as_of"],
            schematic=options["schematic"] or read.schematic,
            source=options["source"],
        )
        if options["json"]:
            return {"layer": layer.name, "features": layer.feature_count, "version": layer.version}
        return layer.feature_count
