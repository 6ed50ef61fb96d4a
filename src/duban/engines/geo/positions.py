"""Checks of longitudes and latitudes, shared by everything that takes them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


class PositionError(ValueError):
    """Longitudes and latitudes that cannot be used; `code` says why, `rows` which (indices into the input)."""

    def __init__(self, code: str, message: str, rows: tuple[int, ...] = ()):
        super().__init__(message)
        self.code = code
        self.rows = rows


def as_positions(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Two float64 arrays of shape (n,) from anything array-like; a single number becomes an array of one.

    Raises PositionError `not_numbers` or `shapes_differ`; values are not judged here (see `usable`).
    """
    try:
        lon = np.atleast_1d(np.asarray(lon, dtype=np.float64))
        lat = np.atleast_1d(np.asarray(lat, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise PositionError("not_numbers", "Longitudes and latitudes must be numbers.") from error
    if lon.ndim != 1 or lon.shape != lat.shape:
        raise PositionError("shapes_differ", "Give as many longitudes as latitudes, in one dimension.")
    return lon, lat


def usable(lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    """Which rows are finite and within [-180, 180] and [-90, 90]."""
    return (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)


def require_usable(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """As `as_positions`, and raises PositionError `out_of_range` naming the rows that are not usable."""
    lon, lat = as_positions(lon, lat)
    bad = np.flatnonzero(~usable(lon, lat))
    if bad.size:
        raise PositionError(
            "out_of_range",
            "Longitude must be within -180..180 and latitude within -90..90 degrees.",
            tuple(int(row) for row in bad),
        )
    return lon, lat
