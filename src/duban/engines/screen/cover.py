"""Areas covered by grid cells, so that nearly every presence is judged by one look-up.

Each polygon is drawn on a grid: cells its edge may touch are flagged "edge", cells wholly within are "inside", and the
rest say nothing. A position in an inside cell needs no test, one in an edge cell needs the exact one. The grid has two
levels, since areas are small and lie far apart: a coarse one small enough for a core's cache, and under the coarse
cells that an edge crosses, 8 x 8 fine ones. Flags are drawn a millionth of a cell too wide, so that no rounding in the
arithmetic that finds a position's cell can lead to a wrong one.
"""

from dataclasses import dataclass

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
        west, south = west - 1 / per_degree, south - 1 / per_degree
        whole: list[NDArray[np.int64]] = []
        split: list[NDArray[np.int64]] = []
        for index, part in enumerate(parts):
            cells = spans[index] * per_degree
            finer = int(np.clip(np.ceil(np.log2(_ENOUGH / cells)), 0, _FINE_BITS))
            _draw(part, int(owner[index]), (west, south, per_degree), size, finer, whole, split)
        return cls._assemble(west, south, per_degree, size, np.concatenate(whole), np.concatenate(split))

    @classmethod
    def _empty(cls) -> "Cover":
        nothing = np.zeros(9, dtype=np.int32)
        zero, none = nothing[:1], nothing[:0]
        return cls(0.0, 0.0, 1.0, 1, nothing > 0, nothing, zero, zero, nothing[:2], none, none > 0)

    @classmethod
    def _assemble(
        cls,
        west: float,
        south: float,
        per_degree: float,
        size: int,
        whole: NDArray[np.int64],
        split: NDArray[np.int64],
    ) -> "Cover":
        """From rows (cell, area, inside) that hold all over a cell and rows (cell, sub, area, inside)."""
        cells = np.unique(np.concatenate([whole[:, 0], split[:, 0]]))
        node = np.zeros((size + 2) ** 2, dtype=np.int32)
        node[cells] = np.arange(1, len(cells) + 1)
        blocks = np.zeros(len(cells) + 1, dtype=bool)
        blocks[node[split[:, 0]]] = True
        slots = np.where(blocks, _SUBS, 1)
        base = np.append(0, np.cumsum(slots)[:-1])
        # What holds all over a cell with 64 slots holds in each of them.
        of = node[whole[:, 0]]
        spread = np.repeat(np.arange(len(whole)), slots[of])
        first = np.repeat(np.cumsum(slots[of]) - slots[of], slots[of])
        slot = np.concatenate(
            [base[of][spread] + np.arange(len(spread)) - first, base[node[split[:, 0]]] + split[:, 1]]
        )
        area = np.concatenate([whole[spread, 1], split[:, 2]])
        inside = np.concatenate([whole[spread, 2], split[:, 3]])
        # Several parts of one area in a slot are one entry, and one part that is all over it suffices.
        pair = slot * (int(area.max()) + 1) + area
        order = np.argsort(2 * pair + 1 - inside, kind="stable")
        order = order[np.append(True, np.diff(pair[order]) != 0)]
        start = np.append(0, np.cumsum(np.bincount(slot[order], minlength=int(slots.sum()))))
        return cls(
            float(west),
            float(south),
            float(per_degree),
            size,
            node > 0,
            node,
            base.astype(np.int32),
            (slots - 1).astype(np.int32),
            start.astype(np.int32),
            area[order].astype(np.int32),
            inside[order].astype(bool),
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


def _draw(
    part: shapely.Polygon | shapely.MultiPolygon,
    area: int,
    origin: tuple[float, float, float],
    size: int,
    finer: int,
    whole: list[NDArray[np.int64]],
    split: list[NDArray[np.int64]],
) -> None:
    """Append one part's rows for `Cover._assemble`, drawn with 2 ** finer cells to a coarse cell's side."""
    west, south, per_degree = origin
    scale = 1 << finer
    bounds = (np.array(part.bounds) - (west, south, west, south)) * per_degree
    # Whole coarse cells, one more on each side, so that each row of cells begins outside.
    x0, y0 = np.floor(bounds[:2]).astype(np.int64) - 1
    x1, y1 = np.floor(bounds[2:]).astype(np.int64) + 2
    columns, rows = (x1 - x0) * scale, (y1 - y0) * scale
    edge = np.zeros((rows, columns), dtype=bool)
    for ring in shapely.get_rings(shapely.get_parts(part)):
        at = ((shapely.get_coordinates(ring) - (west, south)) * per_degree - (x0, y0)) * scale
        step = np.diff(at, axis=0)
        pieces = np.maximum(1, np.ceil(2 * np.abs(step).max(axis=1))).astype(np.int64)
        of = np.repeat(np.arange(len(step)), pieces)
        nth = np.arange(len(of)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
        begin = at[of] + step[of] * (nth / pieces[of])[:, None]
        end = at[of] + step[of] * ((nth + 1) / pieces[of])[:, None]
        # A piece is half a cell long, so the cells of its box's corners are all it can touch.
        low = np.floor(np.minimum(begin, end) - _MARGIN).astype(np.int64)
        high = np.floor(np.maximum(begin, end) + _MARGIN).astype(np.int64)
        for y in (low[:, 1], high[:, 1]):
            for x in (low[:, 0], high[:, 0]):
                edge[y, x] = True
    # Cells side by side that no edge touches are all within or all without: one position tells.
    flat = edge.ravel()
    starts = ~flat & np.append(True, flat[:-1])
    starts[::columns] = ~flat[::columns]
    run = np.flatnonzero(starts)
    within = shapely.contains_xy(
        part,
        west + (x0 + (run % columns + 0.5) / scale) / per_degree,
        south + (y0 + (run // columns + 0.5) / scale) / per_degree,
    )
    inside = (within[np.cumsum(starts) - 1] & ~flat).reshape(edge.shape)

    def by_coarse(flags: Flags) -> Flags:
        return flags.reshape(y1 - y0, scale, x1 - x0, scale).swapaxes(1, 2).reshape(-1, scale, scale)

    inside_of, edge_of = by_coarse(inside), by_coarse(edge)
    all_inside, any_edge = inside_of.all(axis=(1, 2)), edge_of.any(axis=(1, 2))
    across = x1 - x0

    def key(local: Indices) -> NDArray[np.int64]:
        return (local // across + y0 + 1) * (size + 2) + local % across + x0 + 1

    full = np.flatnonzero(all_inside)
    whole.append(np.stack([key(full), np.full(len(full), area), np.ones(len(full), np.int64)], axis=1))
    mixed = np.flatnonzero(any_edge)
    if finer == 0:
        whole.append(np.stack([key(mixed), np.full(len(mixed), area), np.zeros(len(mixed), np.int64)], axis=1))
        split.append(np.zeros((0, 4), np.int64))
        return
    repeat = _FINE // scale
    fine_inside = inside_of[mixed].repeat(repeat, axis=1).repeat(repeat, axis=2).reshape(-1, _SUBS)
    fine_edge = edge_of[mixed].repeat(repeat, axis=1).repeat(repeat, axis=2).reshape(-1, _SUBS)
    local, sub = np.nonzero(fine_inside | fine_edge)
    split.append(np.stack([key(mixed)[local], sub, np.full(len(local), area), fine_inside[local, sub]], axis=1))
