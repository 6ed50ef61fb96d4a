"""Layers from an OpenStreetMap extract: named roads, waters, villages and landmarks; boundaries only where they carry
an administrative code."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import osmium
import shapely
from django.utils.translation import gettext_lazy as _

from duban.places.codes import BadCode, normalise_code
from duban.places.files import LayerFeatures
from duban.places.geojson import GEOMETRY_TYPES, BadLayer
from duban.places.models import LayerName

SOURCE = "OpenStreetMap contributors, ODbL"
PATHS = {"footway", "path", "steps", "cycleway", "bridleway", "corridor", "proposed", "construction", "platform"}
SETTLEMENTS = {"village", "hamlet", "isolated_dwelling", "neighbourhood", "quarter", "suburb", "farm"}
LANDMARK_KEYS = (
    "amenity",
    "shop",
    "office",
    "building",
    "leisure",
    "tourism",
    "healthcare",
    "public_transport",
    "railway",
)
# Where mappers write the code of GB/T 2260; a plain ref is taken only if it is one by its length.
CODE_KEYS = ("ref:GB2260", "gb2260", "gb:2260", "admin_code", "division_code", "ref")


@dataclass(frozen=True)
class Extract:
    """What an extract holds for each layer, and the day it describes if it says so."""

    layers: dict[str, LayerFeatures]
    as_of: date | None
    uncoded: int
    """Administrative boundaries left out because they carry no code."""


def read_osm(path: Path) -> Extract:
    """Read a .osm, .osm.bz2 or .pbf file. Raises BadLayer (`osm_unreadable`)."""
    rows: dict[str, list[tuple[str, str, bytes]]] = defaultdict(list)
    uncoded = 0
    wkb = osmium.geom.WKBFactory()
    try:
        with osmium.io.Reader(str(path), osmium.osm.osm_entity_bits.NOTHING) as reader:
            stamp = reader.header().get("osmosis_replication_timestamp") or reader.header().get("timestamp")
        everything = osmium.FileProcessor(str(path)).with_areas().with_filter(osmium.filter.KeyFilter("name"))
        for thing in everything:
            tags = dict(thing.tags)
            layer = _layer_of(thing, tags)
            if layer is None:
                continue
            code = _code_of(tags)
            if layer == LayerName.BOUNDARIES and not code:
                uncoded += 1
                continue
            shape = _shape(wkb, thing)
            if shape is not None:
                rows[layer].append((tags["name"], code if layer == LayerName.BOUNDARIES else "", shape))
    except (RuntimeError, osmium.InvalidLocationError, UnicodeDecodeError, OSError) as error:
        raise BadLayer(
            "osm_unreadable", _("The OpenStreetMap file cannot be read: %(error)s") % {"error": error}, field="file"
        ) from error
    layers = {name: _features(name, found) for name, found in rows.items()}
    return Extract(layers, _day(stamp), uncoded)


def _day(stamp: str) -> date | None:
    try:
        return date.fromisoformat(stamp[:10])
    except ValueError:
        return None


def _layer_of(thing: object, tags: dict[str, str]) -> str | None:
    """Which layer a named thing belongs to, if any."""
    if isinstance(thing, osmium.osm.Node):
        if tags.get("place") in SETTLEMENTS:
            return LayerName.VILLAGES
        return LayerName.LANDMARKS if any(key in tags for key in LANDMARK_KEYS) else None
    if isinstance(thing, osmium.osm.Way):
        if "highway" in tags and tags["highway"] not in PATHS and tags.get("area") != "yes":
            return LayerName.ROADS
        return LayerName.WATERS if "waterway" in tags and tags["waterway"] != "riverbank" else None
    if isinstance(thing, osmium.osm.Area):
        if tags.get("boundary") == "administrative":
            return LayerName.BOUNDARIES
        if tags.get("natural") == "water" or tags.get("waterway") == "riverbank":
            return LayerName.WATERS
        return LayerName.LANDMARKS if any(key in tags for key in LANDMARK_KEYS) else None
    return None


def _code_of(tags: dict[str, str]) -> str:
    for key in CODE_KEYS:
        try:
            return normalise_code(tags.get(key, ""))
        except BadCode:
            continue
    return ""


def _shape(wkb: osmium.geom.WKBFactory, thing: object) -> bytes | None:
    """The thing's geometry; None for one whose nodes or rings the extract cut off."""
    try:
        if isinstance(thing, osmium.osm.Node):
            return bytes.fromhex(wkb.create_point(thing))
        if isinstance(thing, osmium.osm.Way):
            return bytes.fromhex(wkb.create_linestring(thing))
        return bytes.fromhex(wkb.create_multipolygon(thing)) if isinstance(thing, osmium.osm.Area) else None
    except (RuntimeError, osmium.InvalidLocationError):
        return None


def _features(layer: str, rows: list[tuple[str, str, bytes]]) -> LayerFeatures:
    """The rows whose geometry is, or can be made, sound and of a type that the layer takes."""
    names, codes, shapes = (list(column) for column in zip(*rows, strict=True))
    geometries = np.empty(len(rows), dtype=object)
    geometries[:] = shapely.make_valid(shapely.from_wkb(shapes))
    fit = [index for index, shape in enumerate(geometries) if shape.geom_type in GEOMETRY_TYPES[layer]]
    return LayerFeatures([names[i] for i in fit], [codes[i] for i in fit], geometries[fit])
