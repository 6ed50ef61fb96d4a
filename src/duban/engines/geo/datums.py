"""WGS-84, GCJ-02 (the shifted datum of Chinese map services) and BD-09 (Baidu's shift upon it).

GCJ-02 was never published; the formulas and constants here are the ones in common use, which agree with the
map services to a metre or so. They shift only inside mainland China: elsewhere GCJ-02 is the identity. BD-09
is defined upon GCJ-02 everywhere.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .positions import Floats, PositionError, require_usable

WGS84, GCJ02, BD09 = "wgs84", "gcj02", "bd09"
DATUMS = (WGS84, GCJ02, BD09)

# The ellipsoid of Krasovsky 1940, upon which the GCJ-02 shift is built.
_A = 6_378_245.0
_E2 = 0.00669342162296594323

# Boxes (west, south, east, north) that together cover mainland China generously. One large rectangle would
# also shift Seoul, Hanoi, Ulan Bator and Taipei; a border strip abroad is the price of keeping this short.
_MAINLAND = np.array(
    [
        (118.8, 50.0, 128.2, 53.8),
        (115.3, 46.0, 135.3, 50.0),
        (111.3, 43.3, 134.2, 46.0),
        (97.0, 41.2, 131.5, 43.3),
        (73.4, 35.0, 97.0, 49.4),
        (97.0, 39.7, 127.0, 41.2),
        (97.0, 34.0, 124.5, 39.7),
        (78.0, 27.0, 97.0, 35.0),
        (97.0, 25.4, 123.8, 34.0),
        (97.3, 23.4, 119.3, 25.4),
        (98.5, 21.1, 102.2, 23.4),
        (102.2, 22.3, 119.3, 23.4),
        (106.4, 21.45, 117.0, 22.3),
        (108.3, 18.0, 111.9, 21.45),
    ]
)
# Degrees; wider than the largest shift.
_MARGIN = 0.05
_ROUNDS = 12


def in_mainland(lon: ArrayLike, lat: ArrayLike) -> NDArray[np.bool_]:
    """Which positions (n,) lie where GCJ-02 differs from WGS-84, by coarse boxes with the border included."""
    return _in_boxes(*require_usable(lon, lat), margin=0.0)


def to_wgs84(lon: ArrayLike, lat: ArrayLike, datum: str) -> tuple[Floats, Floats]:
    """Positions (n,) in `datum` to WGS-84, degrees; the inverse of `from_wgs84` to under 0.01 m.

    Along the edge of the shifted area two places can share one GCJ-02 position; the one inside is meant.
    Raises PositionError `out_of_range` with the rows, or `unknown_datum`.
    """
    lon, lat = require_usable(lon, lat)
    _require_datum(datum)
    if datum == BD09:
        lon, lat = _solve(lon, lat, _bd09_from_gcj02)
    if datum in (BD09, GCJ02):
        near = np.flatnonzero(_in_boxes(lon, lat, margin=_MARGIN))
        solved_lon, solved_lat = _solve(lon[near], lat[near], _shifted)
        shifted = _in_boxes(solved_lon, solved_lat, margin=0.0)
        lon, lat = lon.copy(), lat.copy()
        lon[near[shifted]], lat[near[shifted]] = solved_lon[shifted], solved_lat[shifted]
    return lon, lat


def from_wgs84(lon: ArrayLike, lat: ArrayLike, datum: str) -> tuple[Floats, Floats]:
    """WGS-84 positions (n,) to `datum`, degrees. Raises PositionError as `to_wgs84`."""
    lon, lat = require_usable(lon, lat)
    _require_datum(datum)
    if datum in (GCJ02, BD09):
        inside = in_mainland(lon, lat)
        lon, lat = lon.copy(), lat.copy()
        lon[inside], lat[inside] = _shifted(lon[inside], lat[inside])
    if datum == BD09:
        lon, lat = _bd09_from_gcj02(lon, lat)
    return lon, lat


def _in_boxes(lon: Floats, lat: Floats, margin: float) -> NDArray[np.bool_]:
    inside = np.zeros(lon.shape, dtype=bool)
    for west, south, east, north in _MAINLAND:
        inside |= (lon >= west - margin) & (lon <= east + margin) & (lat >= south - margin) & (lat <= north + margin)
    return inside


def _require_datum(datum: str) -> None:
    if datum not in DATUMS:
        raise PositionError("unknown_datum", f"Unknown datum {datum!r}; known are {', '.join(DATUMS)}.")


def _shifted(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """The GCJ-02 shift itself, without asking where the point lies."""
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    common = (20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    north += _waves(y, 20.0, 40.0) + (160.0 * np.sin(np.pi * y / 12.0) + 320.0 * np.sin(np.pi * y / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    east += _waves(x, 20.0, 40.0) + (150.0 * np.sin(np.pi * x / 12.0) + 300.0 * np.sin(np.pi * x / 30.0)) * 2.0 / 3.0
    sin = np.sin(np.radians(lat))
    w2 = 1.0 - _E2 * sin * sin
    w = np.sqrt(w2)
    return (
        lon + np.degrees(east / (_A / w * np.cos(np.radians(lat)))),
        lat + np.degrees(north / (_A * (1.0 - _E2) / (w2 * w))),
    )


def _waves(value: Floats, first: float, second: float) -> Floats:
    return (first * np.sin(np.pi * value) + second * np.sin(np.pi * value / 3.0)) * 2.0 / 3.0


def _bd09_from_gcj02(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    wave = np.pi * 3000.0 / 180.0
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * wave)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * wave)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def _solve(
    lon: Floats, lat: Floats, forward: Callable[[Floats, Floats], tuple[Floats, Floats]]
) -> tuple[Floats, Floats]:
    """The position that `forward` carries to (lon, lat); shifts vary slowly, so a fixed point is soon reached."""
    guess_lon, guess_lat = lon.copy(), lat.copy()
    for _ in range(_ROUNDS):
        got_lon, got_lat = forward(guess_lon, guess_lat)
        guess_lon += lon - got_lon
        guess_lat += lat - got_lat
    return guess_lon, guess_lat
