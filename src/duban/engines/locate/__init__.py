"""Where something is, said as the district says it: jurisdiction, village, nearest road, water and landmark.

layers = Layers.build(roads=Features(names, geometries), ...)
codes = Gazetteer.build(codes, names, kinds)
locate(lon, lat, layers, codes).to_dict(0)
"""

from duban.engines.geo.codes import trim_code

from .gazetteer import Gazetteer, Unit
from .layers import Features, Layers, NamedLayer, Places
from .locate import Located, locate
from .names import kind_from_name, town_name, village_name
from .reasons import REASONS, Reason
from .statement import statement_en

ENGINE_VERSION = "locate/1"

__all__ = [
    "ENGINE_VERSION",
    "REASONS",
    "Features",
    "Gazetteer",
    "Layers",
    "Located",
    "NamedLayer",
    "Places",
    "Reason",
    "Unit",
    "kind_from_name",
    "locate",
    "statement_en",
    "town_name",
    "trim_code",
    "village_name",
]
