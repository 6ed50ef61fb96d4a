"""Risk areas: where, from when to when, and what it means for who was there."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from duban.engines.geo.codes import trim_code
from duban.engines.geo.positions import Floats

from .errors import ScreenError
from .instants import FOREVER, Micros, to_micros

# Strictest first.
MEASURES = ("centralised", "home", "test", "monitor")
_POLYGON, _MULTIPOLYGON = 3, 6


@dataclass(frozen=True)
class Area:
    """One risk area: a shape in WGS-84 degrees or an administrative code, and a window closed at both ends.

    The window reaches from `start` less `lookback_days` to `end`; an `end` of None leaves it open. Times have zones.
    """

    id: str
    name: str
    level: str
    measure: str
    start: datetime
    end: datetime | None = None
    lookback_days: int = 0
    shape: shapely.Geometry | None = None
    code: str = ""

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise ScreenError("unknown_measure", f"Area {self.id}: the measure is one of {', '.join(MEASURES)}.")
        if self.start.tzinfo is None or (self.end is not None and self.end.tzinfo is None):
            raise ScreenError("naive_time", f"Area {self.id}: a window's times need their zone.")
        if self.lookback_days < 0 or (self.end is not None and self.end < self.start):
            raise ScreenError("bad_window", f"Area {self.id}: the window ends before it begins.")
        if (self.shape is None) == (not self.code):
            raise ScreenError("no_place", f"Area {self.id}: give either a shape or an administrative code.")
        if self.code and trim_code(self.code) != self.code:
            raise ScreenError("bad_code", f"Area {self.id}: {self.code!r} is not a trimmed administrative code.")
        if self.shape is not None:
            _require_usable(self.id, self.shape)

    @property
    def opens(self) -> datetime:
        return self.start - timedelta(days=self.lookback_days)


@dataclass(frozen=True)
class Areas:
    """All areas of one screening as columns: `parts` are the prepared shapes, `owner` the area each belongs to.

    An area has one part, even if that is a multipolygon; only where its polygons share an edge or overlap, which makes
    no valid multipolygon, has it a part for each.
    """

    areas: tuple[Area, ...]
    parts: NDArray[np.object_] = field(init=False)
    owner: NDArray[np.int32] = field(init=False)
    opens: Micros = field(init=False)
    closes: Micros = field(init=False)

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for row, area in enumerate(self.areas):
            if area.id in seen:
                raise ScreenError("same_id", f"Two areas have the id {area.id!r}.", row)
            seen.add(area.id)
        shapes = [(index, shapely.force_2d(area.shape)) for index, area in enumerate(self.areas) if area.shape]
        pairs = [
            (index, part)
            for index, shape in shapes
            for part in ([shape] if shape.is_valid else shapely.get_parts(shape))
        ]
        parts = np.empty(len(pairs), dtype=object)
        parts[:] = [part for _, part in pairs]
        owner = np.array([index for index, _ in pairs], dtype=np.int32)
        shapely.prepare(parts)
        # A prepared shape is completed at its first use, which must not happen in two threads at once.
        shapely.intersects_xy(parts, 0.0, 0.0)
        for name, value in (
            ("parts", parts),
            ("owner", owner),
            ("opens", np.array([to_micros(area.opens) for area in self.areas], dtype=np.int64)),
            ("closes", np.array([to_micros(area.end) if area.end else FOREVER for area in self.areas], dtype=np.int64)),
        ):
            object.__setattr__(self, name, value)

    @cached_property
    def digest(self) -> str:
        """What the areas are known by; a helper, to whom they are sent, needs none."""
        return _digest(self.areas)

    def __reduce__(self) -> tuple[type["Areas"], tuple[tuple[Area, ...]]]:
        # Made anew elsewhere, since a shape arrives there unprepared.
        return Areas, (self.areas,)

    def __len__(self) -> int:
        return len(self.areas)

    def hold(self, area: NDArray[np.int32], lon: Floats, lat: Floats) -> NDArray[np.bool_]:
        """Whether each position (n,) lies in the shape of its area (n,) or on its edge, tested exactly."""
        first, count = np.searchsorted(self.owner, area), np.bincount(self.owner, minlength=len(self))
        held: NDArray[np.bool_] = shapely.intersects_xy(self.parts[first], lon, lat)
        for several in np.flatnonzero(count > 1):
            rows = np.flatnonzero(area == several)
            for part in self.parts[self.owner == several][1:]:
                held[rows] |= shapely.intersects_xy(part, lon[rows], lat[rows])
        return held

    @property
    def bounds(self) -> Floats:
        """West, south, east, north of each area (n, 4); NaN for a code."""
        return shapely.bounds(np.array([area.shape for area in self.areas], dtype=object)).reshape(-1, 4)

    @property
    def codes(self) -> dict[int, str]:
        """The code of each area that is one, by its index."""
        return {index: area.code for index, area in enumerate(self.areas) if area.code}

    @property
    def severity(self) -> list[int]:
        """Per area how strict its measure is: 0 is the strictest."""
        return [MEASURES.index(area.measure) for area in self.areas]


def read_areas(document: str | bytes | Mapping[str, Any], zone: tzinfo | None = None) -> Areas:
    """Areas of a GeoJSON FeatureCollection (see the contract for its properties).

    Times without an offset are read in `zone`; without one they are refused. A date as `to` means that whole day.
    Raises ScreenError with the feature's row: `bad_geojson`, `bad_geometry`, `missing_property` and what Area raises.
    """
    if isinstance(document, str | bytes):
        try:
            document = json.loads(document)
        except ValueError as error:
            raise ScreenError("bad_geojson", "This is not JSON.") from error
    features = document.get("features") if isinstance(document, Mapping) else None
    if not isinstance(features, list):
        raise ScreenError("bad_geojson", "This is not a GeoJSON FeatureCollection.")
    areas = []
    for row, feature in enumerate(features):
        try:
            areas.append(_read_area(feature, zone))
        except ScreenError as error:
            raise ScreenError(error.code, str(error), row) from error
    return Areas(tuple(areas))


def _read_area(feature: object, zone: tzinfo | None) -> Area:
    properties = feature.get("properties") if isinstance(feature, Mapping) else None
    if not isinstance(feature, Mapping) or not isinstance(properties, Mapping):
        raise ScreenError("bad_geojson", "A feature needs properties.")
    for name in ("id", "from", "measure"):
        if properties.get(name) in (None, ""):
            raise ScreenError("missing_property", f"An area needs {name!r}.")
    shape, lookback = feature.get("geometry"), properties.get("lookback_days") or 0
    if isinstance(lookback, bool) or not isinstance(lookback, int | float) or lookback != int(lookback):
        raise ScreenError("bad_window", "lookback_days is a whole number of days.")
    return Area(
        id=str(properties["id"]),
        name=str(properties.get("name") or ""),
        level=str(properties.get("level") or ""),
        measure=str(properties["measure"]),
        start=_read_time(properties["from"], zone),
        end=_read_time(properties["to"], zone, whole_day=True) if properties.get("to") else None,
        lookback_days=int(lookback),
        shape=_read_shape(shape) if shape is not None else None,
        code=_read_code(properties.get("code")) if shape is None else "",
    )


def _read_code(code: object) -> str:
    trimmed = trim_code(str(code)) if code is not None else ""
    if code and not trimmed:
        raise ScreenError("bad_code", f"{code!r} is not an administrative code.")
    return trimmed


def _read_shape(geometry: object) -> shapely.Geometry:
    try:
        return shapely.from_geojson(json.dumps(geometry))
    except (shapely.GEOSException, TypeError, ValueError) as error:
        raise ScreenError("bad_geometry", f"The geometry cannot be read: {error}") from error


def _read_time(text: object, zone: tzinfo | None, whole_day: bool = False) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
        if whole_day and len(str(text)) <= len("2021-01-20"):
            moment = datetime.combine(date(moment.year, moment.month, moment.day), time.max)
    except ValueError as error:
        raise ScreenError("bad_window", f"{text!r} is not a time in ISO 8601.") from error
    return moment.replace(tzinfo=zone) if moment.tzinfo is None and zone is not None else moment


def _require_usable(name: str, shape: shapely.Geometry) -> None:
    if shapely.get_type_id(shape) not in (_POLYGON, _MULTIPOLYGON) or shape.is_empty:
        raise ScreenError("bad_geometry", f"Area {name}: the geometry must be a polygon or several.")
    corners = shapely.get_coordinates(shape)
    if not (np.abs(corners) <= (180.0, 90.0)).all():
        raise ScreenError("bad_geometry", f"Area {name}: a corner is not a longitude and latitude.")
    for part in shapely.get_parts(shape):
        if not part.is_valid:
            raise ScreenError("bad_geometry", f"Area {name}: {shapely.is_valid_reason(part)}.")


def _digest(areas: Sequence[Area]) -> str:
    """SHA-256 over everything that decides who is exposed, whatever the order of the areas."""
    said = sorted(
        (
            area.id,
            area.level,
            area.measure,
            to_micros(area.opens),
            to_micros(area.end) if area.end else None,
            area.code or shapely.to_wkb(area.shape, hex=True, byte_order=1, output_dimension=2),
        )
        for area in areas
    )
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()
