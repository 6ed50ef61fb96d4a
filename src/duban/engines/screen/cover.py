"""Areas covered by grid cells, so that nearly every presence is judged by one look-up.

Each polygon is drawn on a grid: cells its edge may touch are flagged "edge", cells wholly within are "inside", and the
rest say nothing. A position in an inside cell needs no test, one in an edge cell needs the exact one. The grid has two
levels, since areas are small and lie far apart: a coarse one small enough for a core's cache, and under the coarse
cells that an edge crosses, 8 x 8 fine ones. Flags are drawn a millionth of a cell too wide, so that no rounding in the
arithmetic that finds a position's cell can lead to a wrong one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray

from duban.engines.geo.positions import Floats

Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]

_FINE_BITS = 3
_FINE = 1 << _FINE_BITS
_SUBS = _FINE * _FINE
_MIN_BITS, _MAX_BITS = 4, 11
# Coarse cells that an area of middling size is wide, and cells at its own level at which drawing finer stops to pay.
_WIDE = 16
_ENOUGH = 48
_MARGIN = 1e-6
# Degrees, about a centimetre: cells of a smaller grid would come near the rounding of coordinates.
_SMALLEST = 1e-7
# Positions looked up at once: their columns stay in a core's cache.
_CHUNK = 1 << 15


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of a position and an area that may hold it; `inside` where it certainly does."""

    row: Indices
    area: NDArray[np.int32]
    inside: Flags


@dataclass(frozen=True, slots=True)
class Cover:
    """Polygons on a grid of `size` x `size` coarse cells; make one with `build`.

    Coarse cell (x, y), counted from 1 with a ring of empty ones around, is `node[y * (size + 2) + x]`: 0 says
    nothing lies there, else `base[node]` is its first slot and `mask[node]` tells whether it has one slot or 64. Slot
    s lists the entries start[s] to start[s + 1] of `area` and `inside`, an area once. `taken` is whether a node is not
    0, a quarter as large and so the sooner in the cache.
    """

    west: float
    south: float
    per_degree: float
    size: int
    taken: Flags
    node: NDArray[np.int32]
    base: NDArray[np.int32]
    mask: NDArray[np.int32]
    start: NDArray[np.int32]
    area: NDArray[np.int32]
    inside: Flags

    @classmethod
    def build(cls, parts: NDArray[np.object_], owner: NDArray[np.int32]) -> "Cover":
        """A cover of valid, prepared shapes in degrees, each of which belongs to an area."""
        if not len(parts):
            return cls._empty()
        bounds = shapely.bounds(parts)
        west, south = bounds[:, :2].min(axis=0)
        side = max(float((bounds[:, 2:].max(axis=0) - (west, south)).max()), _SMALLEST)
        spans = np.maximum((bounds[:, 2:] - bounds[:, :2]).max(axis=1), _SMALLEST)
        bits = int(np.clip(np.ceil(np.log2(_WIDE * side / np.median(spans))), _MIN_BITS, _MAX_BITS))
        size = 1 << bits
        # A cell is left free on each side, so that no edge is drawn upon the ring.
        per_degree = (size - 2) / side
        grid = _Grid(float(west - 1 / per_degree), float(south - 1 / per_degree), float(per_degree), size)
        finer = np.clip(np.ceil(np.log2(_ENOUGH / (spans * per_degree))), 0, _FINE_BITS).astype(np.intp)
        drawn = [_draw(parts[finer == bits], owner[finer == bits], grid, bits) for bits in np.unique(finer)]
        return cls._assemble(grid, *map(_joined, zip(*drawn, strict=True)))

    @classmethod
    def _empty(cls) -> "Cover":
        nothing = np.zeros(9, dtype=np.int32)
        zero, none = nothing[:1], nothing[:0]
        return cls(0.0, 0.0, 1.0, 1, nothing > 0, nothing, zero, zero, nothing[:2], none, none > 0)

    @classmethod
    def _assemble(cls, grid: "_Grid", whole: "_Whole", split: "_Split") -> "Cover":
        node = np.zeros((grid.size + 2) ** 2, dtype=np.int32)
        for listed in (whole, split):
            node[listed.cell] = 1
        cells = np.flatnonzero(node)
        node[cells] = np.arange(1, len(cells) + 1)
        slots = np.ones(len(cells) + 1, dtype=np.intp)
        slots[node[split.cell]] = _SUBS
        base = np.append(0, np.cumsum(slots)[:-1])
        # What holds all over a cell with 64 slots holds in each of them.
        of = node[whole.cell]
        spread = np.repeat(np.arange(len(of)), slots[of])
        first = np.repeat(np.cumsum(slots[of]) - slots[of], slots[of])
        slot = np.concatenate([base[of][spread] + np.arange(len(spread)) - first, base[node[split.cell]] + split.sub])
        area = np.concatenate([whole.area[spread], split.area])
        inside = np.concatenate([whole.inside[spread], split.inside])
        # Several parts of one area in a slot are one entry, and one part that is all over it suffices.
        pair = slot * (int(area.max()) + 1) + area
        order = np.argsort(2 * pair + 1 - inside, kind="stable")
        order = order[np.append(True, np.diff(pair[order]) != 0)]
        start = np.append(0, np.cumsum(np.bincount(slot[order], minlength=int(slots.sum()))))
        return cls(
            grid.west,
            grid.south,
            grid.per_degree,
            grid.size,
            node > 0,
            node,
            base.astype(np.int32),
            (slots - 1).astype(np.int32),
            start.astype(np.int32),
            area[order].astype(np.int32),
            inside[order],
        )

    def candidates(self, lon: Floats, lat: Floats) -> Candidates:
        """For positions (n,); what is not a position (NaN, far out) has none."""
        found = [self._near(lon, lat, at) for at in range(0, len(lon), _CHUNK)]
        if not found:
            return Candidates(np.zeros(0, np.intp), np.zeros(0, np.int32), np.zeros(0, bool))
        row, u, v = (np.concatenate(column) for column in zip(*found, strict=True))
        x, y = u.astype(np.int32), v.astype(np.int32)
        node = self.node.take(y * np.int32(self.size + 2) + x)
        sub = ((v - y) * _FINE).astype(np.int32) * _FINE + ((u - x) * _FINE).astype(np.int32)
        slot = self.base.take(node) + (sub & self.mask.take(node))
        first = self.start.take(slot)
        count = self.start.take(slot + 1) - first
        row, entry = np.repeat(row, count), np.repeat(first - (np.cumsum(count) - count), count)
        entry += np.arange(len(entry), dtype=np.int32)
        return Candidates(row, self.area.take(entry), self.inside.take(entry))

    def _near(self, lon: Floats, lat: Floats, at: int) -> tuple[Indices, Floats, Floats]:
        """The rows of a chunk where a coarse cell is not empty, and where these are in cells."""
        u = self._along(lon[at : at + _CHUNK], self.west)
        v = self._along(lat[at : at + _CHUNK], self.south)
        cell = v.astype(np.int32)
        cell *= np.int32(self.size + 2)
        cell += u.astype(np.int32)
        # All are within; clipping them spares a check that costs as much as the look-up.
        row = np.flatnonzero(self.taken.take(cell, mode="clip"))
        return row + at, u.take(row), v.take(row)

    def _along(self, degrees: Floats, origin: float) -> Floats:
        """Cells from the ring's beginning, with their fractions; what is beyond, or NaN, lies in the ring."""
        # The difference first: cells may be so small that degrees in cells would have no room for a fraction.
        along = degrees - origin
        with np.errstate(over="ignore"):
            along *= self.per_degree
        along += 1.0
        np.clip(along, 0.0, self.size + 1.0, out=along)
        # One look that is done with sooner than two comparisons which know NaN.
        if np.isnan(along.min(initial=0.0)):
            along[np.isnan(along)] = 0.0
        return along

    def coarse(self) -> tuple[NDArray[np.int64], NDArray[np.int32], Flags]:
        """The cover on the coarse grid alone, for a join in SQL: rows (cell, area, inside), the cell as in `node`."""
        cell = np.flatnonzero(self.node)
        node = self.node[cell]
        slots = self.mask[node] + 1
        of = np.repeat(np.arange(len(cell)), slots)
        slot = self.base[node][of] + np.arange(len(of)) - np.repeat(np.cumsum(slots) - slots, slots)
        count = self.start[slot + 1] - self.start[slot]
        entry = np.repeat(self.start[slot] - (np.cumsum(count) - count), count) + np.arange(count.sum())
        key = np.repeat(of, count) * (int(self.area.max(initial=0)) + 1) + self.area[entry]
        pairs, first, back = np.unique(key, return_index=True, return_inverse=True)
        within = np.bincount(back, weights=self.inside[entry], minlength=len(pairs))
        of_pair = np.repeat(of, count)[first]
        return cell[of_pair], self.area[entry][first], within == slots[of_pair]

    def touched(self, west: Floats, south: Floats, east: Floats, north: Floats) -> Flags:
        """Which boxes (n,) in degrees share a coarse cell with any area; a box with NaN shares none."""
        filled = np.zeros((self.size + 3, self.size + 3), dtype=np.int64)
        np.cumsum(self.node.reshape(self.size + 2, -1) > 0, axis=0, out=filled[1:, 1:])
        np.cumsum(filled[1:, 1:], axis=1, out=filled[1:, 1:])
        left, right = (self._along(side, self.west).astype(np.intp) for side in (west, east))
        low, high = (self._along(side, self.south).astype(np.intp) for side in (south, north))
        right, high = right + 1, high + 1
        held = filled[high, right] - filled[low, right] - filled[high, left] + filled[low, left]
        return (held > 0) & ~np.isnan(west + south + east + north)


@dataclass(frozen=True, slots=True)
class _Grid:
    """The coarse grid with its ring: `size` cells a side within it, counted from (west, south)."""

    west: float
    south: float
    per_degree: float
    size: int


class _Whole(NamedTuple):
    """Areas that lie in a coarse cell (n,), all over it or all of it on an edge."""

    cell: Indices
    area: NDArray[np.int32]
    inside: Flags


class _Split(NamedTuple):
    """Areas that lie in a fine cell (n,), of the 64 of a coarse one."""

    cell: Indices
    sub: Indices
    area: NDArray[np.int32]
    inside: Flags


_Listed = TypeVar("_Listed", _Whole, _Split)


def _joined(listed: Sequence[_Listed]) -> _Listed:
    return type(listed[0])(*(np.concatenate(column) for column in zip(*listed, strict=True)))


class _Cells(NamedTuple):
    """The coarse cells (n,) of the parts' boxes, one box after another and row by row: whose, along and up."""

    part: Indices
    column: Indices
    row: Indices


def _draw(parts: NDArray[np.object_], owner: NDArray[np.int32], grid: _Grid, finer: int) -> tuple[_Whole, _Split]:
    """Draw parts with 2 ** finer cells to a coarse cell's side."""
    scale = 1 << finer
    bounds = (shapely.bounds(parts) - np.array([grid.west, grid.south] * 2)) * grid.per_degree
    # Rows of a box begin and end outside, also where an edge lies on the part's bounds.
    begin = np.floor(bounds[:, :2]).astype(np.intp) - 1
    across, up = (np.floor(bounds[:, 2:]).astype(np.intp) + 3 - begin).T
    box = np.append(0, np.cumsum(across * up))
    part = np.repeat(np.arange(len(parts)), across * up)
    row, column = np.divmod(np.arange(box[-1]) - box[part], across[part])
    cells = _Cells(part, column + begin[part, 0], row + begin[part, 1])
    of, x, y = _crossed(parts, grid, scale)
    crossed = box[of] + ((y >> finer) - begin[of, 1]) * across[of] + ((x >> finer) - begin[of, 0])

    edge = np.zeros(len(part), dtype=bool)
    edge[crossed] = True
    run, of_run = _runs(edge, column == 0)
    within = _within(parts[part[run]], grid, cells.column[run] + 0.5, cells.row[run] + 0.5)
    inside = np.append(within, False)[of_run] & ~edge
    cell = (cells.row + 1) * (grid.size + 2) + cells.column + 1
    full, mixed = np.flatnonzero(inside), np.flatnonzero(edge)
    if not finer:
        at = np.append(full, mixed)
        nothing = np.zeros(0, dtype=np.intp)
        return _Whole(cell[at], owner[part[at]], inside[at]), _Split(nothing, nothing, owner[:0], nothing > 0)
    nth = np.zeros(len(part), dtype=np.intp)
    nth[mixed] = np.arange(len(mixed))
    fine_edge = np.zeros((len(mixed), scale, scale), dtype=bool)
    fine_edge[nth[crossed], y & (scale - 1), x & (scale - 1)] = True
    fine_inside = _fine_inside(parts, grid, cells, mixed, fine_edge)
    repeat = _FINE // scale
    fine_inside, any_area = (
        flags.repeat(repeat, axis=1).repeat(repeat, axis=2).reshape(-1, _SUBS)
        for flags in (fine_inside, fine_inside | fine_edge)
    )
    local, sub = np.nonzero(any_area)
    at = mixed[local]
    return (
        _Whole(cell[full], owner[part[full]], inside[full]),
        _Split(cell[at], sub, owner[part[at]], fine_inside[local, sub]),
    )


def _fine_inside(parts: NDArray[np.object_], grid: _Grid, cells: _Cells, mixed: Indices, edge: Flags) -> Flags:
    """Which fine cells of some coarse ones are wholly within (m, up, along); `edge` tells which an edge touches."""
    scale = edge.shape[1]
    # Side by side as they lie: in each fine row those of the first coarse cell, then those of its neighbour.
    heads = np.flatnonzero(np.diff(mixed, prepend=-2) != 1)
    width = np.diff(heads, append=len(mixed))
    head, width = np.repeat(heads, width), np.repeat(width, width)
    up, along = np.mgrid[:scale, :scale]
    place = (head * scale**2 + (np.arange(len(mixed)) - head) * scale)[:, None, None] + along
    place += (width * scale)[:, None, None] * up
    laid, begins = np.zeros(place.size, dtype=bool), np.zeros(place.size, dtype=bool)
    laid[place] = edge
    begins[place[heads, :, 0]] = True
    run, of_run = _runs(laid, begins)
    first = head[run // scale**2]
    up, along = np.divmod(run - first * scale**2, scale * width[first])
    at = mixed[first]
    within = _within(
        parts[cells.part[at]], grid, cells.column[at] + (along + 0.5) / scale, cells.row[at] + (up + 0.5) / scale
    )
    return np.append(within, False)[of_run][place] & ~edge


def _runs(edge: Flags, begins: Flags) -> tuple[Indices, Indices]:
    """Where runs of cells begin that no edge touches, in rows that begin where told, and the last run up to each cell.

    The cells of a run are all within a part or all without. Before the first run the last one is -1.
    """
    starts = ~edge & (np.append(True, edge[:-1]) | begins)
    return np.flatnonzero(starts), np.cumsum(starts) - 1


def _crossed(parts: NDArray[np.object_], grid: _Grid, scale: int) -> tuple[Indices, Indices, Indices]:
    """The cells, `scale` to a coarse one's side, that the parts' edges touch: the part, along and up."""
    polygons, part = shapely.get_parts(parts, return_index=True)
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    corners = (corners - (grid.west, grid.south)) * (grid.per_degree * scale)
    side = np.flatnonzero(ring[1:] == ring[:-1])
    step = corners[side + 1] - corners[side]
    # A piece is half a cell long, so the cells of its box's corners are all it can touch.
    pieces = np.maximum(1, np.ceil(2 * np.abs(step).max(axis=1))).astype(np.intp)
    of = np.repeat(np.arange(len(side)), pieces)
    nth = np.arange(len(of)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    low, high = [], []
    for axis in (0, 1):
        long = (step[:, axis] / pieces)[of]
        begin = corners[side, axis][of] + nth * long
        end = begin + long
        low.append(np.floor(np.minimum(begin, end) - _MARGIN).astype(np.intp))
        high.append(np.floor(np.maximum(begin, end) + _MARGIN).astype(np.intp))
    beyond, above = np.flatnonzero(high[0] != low[0]), np.flatnonzero(high[1] != low[1])
    both = beyond[high[1][beyond] != low[1][beyond]]
    of = part[polygon[ring[side]]][of]
    return (
        np.concatenate([of, of[beyond], of[above], of[both]]),
        np.concatenate([low[0], high[0][beyond], low[0][above], high[0][both]]),
        np.concatenate([low[1], low[1][beyond], high[1][above], high[1][both]]),
    )


def _within(parts: NDArray[np.object_], grid: _Grid, along: NDArray[np.floating], up: NDArray[np.floating]) -> Flags:
    """Whether parts hold positions given in cells (n,)."""
    return shapely.contains_xy(parts, grid.west + along / grid.per_degree, grid.south + up / grid.per_degree)
