"""Who was where: presences against risk areas, and contacts of cases, at the scale of a city.

areas = read_areas(geojson, zone)
screen("presences.parquet", areas, now=now, out="exposed.parquet")
"""

from .areas import MEASURES, Area, Areas, read_areas
from .cases import WINDOW_RULES, Case, WindowRule, read_cases
from .errors import ScreenError
from .presences import REASONS
from .screen import ARROW, DUCKDB, ENGINE_VERSION, ENGINES, SPARK, Screened, screen
from .store import Added, Dropped, Store
from .trace import CONTACTS, TRACE_VERSION, Settings, Traced, trace, within_metres

__all__ = [
    "ARROW",
    "CONTACTS",
    "DUCKDB",
    "ENGINES",
    "ENGINE_VERSION",
    "MEASURES",
    "REASONS",
    "SPARK",
    "TRACE_VERSION",
    "WINDOW_RULES",
    "Added",
    "Area",
    "Areas",
    "Case",
    "Dropped",
    "ScreenError",
    "Screened",
    "Settings",
    "Store",
    "Traced",
    "WindowRule",
    "read_areas",
    "read_cases",
    "screen",
    "trace",
    "within_metres",
]
