"""Quadkeys as integers: one indexed column answers boxes and clusters in any database.

A cell at zoom z is the tile (x, y) of the usual web map with the bits of y and x interleaved, y first: the
base-4 digits of the number are the quadkey. Every cell's descendants are one run of integers, so a box is a
few `BETWEEN`s. Zoom 26 (about 0.6 m at the equator) needs 52 bits, which a browser's numbers hold exactly.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .positions import Floats, PositionError, require_usable

MAX_ZOOM = 26
# Where the square web map ends; positions beyond are put on its edge.
MAX_LATITUDE = 85.05112877980659

Cells = NDArray[np.int64]

_SPREAD = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


def cell_of(lon: ArrayLike, lat: ArrayLike, zoom: int = MAX_ZOOM) -> Cells:
    """The cells (n,) at `zoom` that hold the WGS-84 positions (n,).

    Raises PositionError `out_of_range` or `bad_zoom`.
    """
    lon, lat = require_usable(lon, lat)
    x, y = _tiles(lon, lat, zoom)
    return _spread(x) | (_spread(y) << 1)


def cell_parent(cell: ArrayLike, zoom: int, parent_zoom: int) -> Cells:
    """The cells (n,) at `parent_zoom` that hold the given cells of `zoom`."""
    _require_zoom(zoom)
    if not 0 <= parent_zoom <= zoom:
        raise PositionError("bad_zoom", f"A cell of zoom {zoom} has no parent at zoom {parent_zoom}.")
    return _as_cells(cell, zoom) >> (2 * (zoom - parent_zoom))


def cell_bounds(cell: ArrayLike, zoom: int) -> tuple[Floats, Floats, Floats, Floats]:
    """West, south, east, north in degrees, each (n,). Raises PositionError `bad_cell` or `bad_zoom`."""
    _require_zoom(zoom)
    cell = _as_cells(cell, zoom)
    x, y = _gather(cell), _gather(cell >> 1)
    side = float(1 << zoom)
    return x / side * 360 - 180, _latitude((y + 1) / side), (x + 1) / side * 360 - 180, _latitude(y / side)


def cell_ranges(
    west: float, south: float, east: float, north: float, zoom: int = MAX_ZOOM, limit: int = 16
) -> list[tuple[int, int]]:
    """At most `limit` ranges (lo, hi), both ends included, ascending and apart, that hold every cell of the
    box.

    They may hold cells outside the box too: the fewer the ranges, the more, so compare the position as well.
    Raises PositionError `out_of_range`, `bad_box` (west beyond east, south beyond north) or `bad_zoom`.
    """
    (west, east), (south, north) = require_usable([west, east], [south, north])
    if west > east or south > north or limit < 1:
        raise PositionError("bad_box", "A box needs west <= east and south <= north, and at least one range.")
    x, y = _tiles(np.array([west, east]), np.array([north, south]), zoom)
    x_lo, x_hi, y_lo, y_hi = int(x[0]), int(x[1]), int(y[0]), int(y[1])
    whole: list[tuple[int, int]] = []
    partial = [(0, 0, 0)]
    for level in range(zoom + 1):
        size = 1 << (zoom - level)
        split: list[tuple[int, int, int]] = []
        for cell, tile_x, tile_y in partial:
            left, top = tile_x * size, tile_y * size
            if left > x_hi or left + size <= x_lo or top > y_hi or top + size <= y_lo:
                continue
            if left >= x_lo and left + size - 1 <= x_hi and top >= y_lo and top + size - 1 <= y_hi:
                whole.append((cell * size * size, (cell + 1) * size * size - 1))
            else:
                split.append((cell, tile_x, tile_y))
        partial = [
            (cell * 4 + 2 * dy + dx, 2 * tile_x + dx, 2 * tile_y + dy)
            for cell, tile_x, tile_y in split
            for dy in (0, 1)
            for dx in (0, 1)
        ]
        # A level deeper multiplies the ranges; enough are tried to leave a choice of which gaps to close.
        if not split or len(whole) + len(split) > 4 * limit:
            whole += [(cell * size * size, (cell + 1) * size * size - 1) for cell, _, _ in split]
            break
    return _merge(sorted(whole), limit)


def _merge(ranges: list[tuple[int, int]], limit: int) -> list[tuple[int, int]]:
    """Join neighbours, then close the smallest gaps until at most `limit` ranges are left."""
    joined: list[tuple[int, int]] = []
    for lo, hi in ranges:
        if joined and lo == joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], hi)
        else:
            joined.append((lo, hi))
    gaps = sorted(range(1, len(joined)), key=lambda i: joined[i][0] - joined[i - 1][1])
    closed = set(gaps[: max(0, len(joined) - limit)])
    result: list[tuple[int, int]] = []
    for i, (lo, hi) in enumerate(joined):
        if i in closed:
            result[-1] = (result[-1][0], hi)
        else:
            result.append((lo, hi))
    return result


def _require_zoom(zoom: int) -> None:
    if not 0 <= zoom <= MAX_ZOOM:
        raise PositionError("bad_zoom", f"Zoom must be within 0..{MAX_ZOOM}.")


def _as_cells(cell: ArrayLike, zoom: int) -> Cells:
    cells = np.atleast_1d(np.asarray(cell, dtype=np.int64))
    if np.any((cells < 0) | (cells >= 1 << (2 * zoom))):
        raise PositionError("bad_cell", f"Not a cell of zoom {zoom}.")
    return cells


def _tiles(lon: Floats, lat: Floats, zoom: int) -> tuple[Cells, Cells]:
    _require_zoom(zoom)
    side = 1 << zoom
    sin = np.sin(np.radians(np.clip(lat, -MAX_LATITUDE, MAX_LATITUDE)))
    across, down = (lon + 180.0) / 360.0, 0.5 - np.arctanh(sin) / (2 * np.pi)
    x, y = (np.clip(np.floor(share * side), 0, side - 1).astype(np.int64) for share in (across, down))
    return x, y


def _latitude(y: Floats) -> Floats:
    return np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * y))))


def _spread(value: Cells) -> Cells:
    """Put a zero bit before each of the low 32 bits."""
    for shift, mask in _SPREAD:
        value = (value | (value << shift)) & mask
    return value


def _gather(value: Cells) -> Cells:
    """The inverse of `_spread`: every second bit, from the lowest."""
    value = value & 0x5555555555555555
    for shift, mask in ((1, 0x3333333333333333), (2, 0x0F0F0F0F0F0F0F0F), (4, 0x00FF00FF00FF00FF)):
        value = (value | (value >> shift)) & mask
    value = (value | (value >> 8)) & 0x0000FFFF0000FFFF
    return (value | (value >> 16)) & 0x00000000FFFFFFFF
