"""The nearest feature on a plane, for whole arrays of points.

Every geometry is cut into segments (a polygon into its rings, a point into a segment of no length) and the
segments are laid into a grid. A point first looks into the smallest square of cells around it that holds
anything; the nearest segment there bounds how far the answer can be, and everything within that bound is then
measured exactly. There is no cut-off and no approximation: what is skipped cannot be nearer.

The points of one chunk are measured together by array operations that leave Python's lock, so that chunks
run on all cores.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import sparse

from duban.engines.geo.positions import Floats

Indices = NDArray[np.intp]

# Two features whose distances differ by less than this many metres are equally near: the lower index wins.
# Rounding in coordinates of a thousand kilometres is a thousandth of it.
TIE = 1e-7
# Point-segment pairs measured at once: small enough that a chunk's columns stay in a core's cache.
_PAIRS = 1 << 16
_POINTS = 1 << 14
# Cells per segment. More cells mean fewer wasted pairs and more empty cells to step over.
_CELLS_PER_SEGMENT = 0.6
_MAX_COUNT = 4096
# How much of the columns and rows goes where the segments are, the rest being spread evenly.
_CROWD = 0.7
_BINS = 1 << 16
# Segments enough to tell where the crowds are.
_SAMPLE = 50_000


@dataclass(frozen=True, slots=True)
class Nearest:
    """Per point (n,): index of the nearest feature (-1 if there is none), the distance, and the foot upon it."""

    feature: Indices
    distance: Floats
    foot_x: Floats
    foot_y: Floats


@dataclass(frozen=True, slots=True)
class Axis:
    """The columns (or rows) of a grid, narrow where there is much to hold.

    Coordinates fall into equal bins, and `cell` says which column a bin belongs to: one look-up, as quick as an even
    grid, yet a town in an empty country gets most of the columns. What lies beyond the bins belongs to the first or
    last column. `edge` has the low end of each column and the high end of the last.
    """

    origin: float
    per_metre: float
    cell: NDArray[np.intp]
    edge: Floats
    count: int

    @classmethod
    def over(cls, values: Floats, low: float, high: float, count: int) -> "Axis":
        """`count` columns for a sample of coordinates; bins reach from `low` to `high`."""
        per_metre = _BINS / max(high - low, 1e-3)
        share = np.bincount(_bin(values, low, per_metre), minlength=_BINS).cumsum() / max(1, len(values))
        even = np.arange(1, _BINS + 1) / _BINS
        cell = np.minimum((_CROWD * share + (1 - _CROWD) * even) * count, count - 1).astype(np.intp)
        first = np.searchsorted(cell, np.arange(count))
        edge = low + np.append(first, _BINS) / per_metre
        edge[: cell[0] + 1], edge[cell[-1] + 1 :] = -np.inf, np.inf
        return cls(low, per_metre, cell, edge, count)

    def of(self, values: Floats) -> Indices:
        """The column of each coordinate (n,). Never falls as coordinates rise, on which the search relies."""
        return self.cell[_bin(values, self.origin, self.per_metre)]


@dataclass(frozen=True, slots=True)
class SegmentIndex:
    """Segments of many features in a grid; make one with `build`.

    `x, y` are a segment's first end, `dx, dy` lead to the other, `inverse` is 1 / length squared (0 if it
    has none), `feature` whose it is. Cell (row, column) holds the entries start[cell] to start[cell + 1]; a
    run of cells in one row is one run of entries. `filled` counts the entries in any rectangle of cells by
    four look-ups.
    """

    x: Floats
    y: Floats
    dx: Floats
    dy: Floats
    inverse: Floats
    feature: Indices
    columns: Axis
    rows: Axis
    start: NDArray[np.int32]
    entry: NDArray[np.int32]
    filled: NDArray[np.int32]

    @classmethod
    def build(cls, geometries: NDArray[np.object_]) -> "SegmentIndex":
        """An index over shapely geometries in metres; None, empty and non-finite parts hold nothing to find."""
        return cls.of_segments(*segments_of(geometries))

    @classmethod
    def of_segments(cls, x0: Floats, y0: Floats, x1: Floats, y1: Floats, feature: Indices) -> "SegmentIndex":
        """An index over segments in metres and whose each is, in ascending order."""
        # Equal segments drawn in opposite directions must measure equal to the last bit.
        flip = (x1 < x0) | ((x1 == x0) & (y1 < y0))
        x0, x1 = np.where(flip, x1, x0), np.where(flip, x0, x1)
        y0, y1 = np.where(flip, y1, y0), np.where(flip, y0, y1)
        dx, dy = x1 - x0, y1 - y0
        square = dx * dx + dy * dy
        # Shorter than a nanometre is a point; its reciprocal could overflow.
        inverse = np.divide(1.0, square, out=np.zeros_like(square), where=square > 1e-18)
        y_lo, y_hi = np.minimum(y0, y1), np.maximum(y0, y1)
        columns, rows = _grid(x0, y0)
        entry, start = _lay(columns.of(x0), columns.of(x1), rows.of(y_lo), rows.of(y_hi), columns.count, rows.count)
        filled = np.zeros((rows.count + 1, columns.count + 1), dtype=np.int32)
        np.cumsum(np.diff(start).reshape(rows.count, columns.count), axis=0, out=filled[1:, 1:])
        np.cumsum(filled[1:, 1:], axis=1, out=filled[1:, 1:])
        return cls(x0, y0, dx, dy, inverse, feature, columns, rows, start, entry, filled)

    def nearest(self, x: Floats, y: Floats, workers: int | None = None) -> Nearest:
        """The nearest feature of each point (n,) in metres; `workers` threads, by default one a core."""
        count = len(x)
        segment = np.full(count, -1, dtype=np.intp)
        if self.feature.size and count:
            # Points of one neighbourhood read the same segments: in order of cells they find them in the cache.
            column, row = self.columns.of(x), self.rows.of(y)
            order = np.argsort(row * self.columns.count + column)
            parts = [order[i : i + _POINTS] for i in range(0, count, _POINTS)]

            def search(part: Indices) -> None:
                segment[part] = self._search(x[part], y[part], column[part], row[part])

            workers = workers or os.cpu_count() or 1
            if len(parts) == 1 or workers == 1:
                for part in parts:
                    search(part)
            else:
                with ThreadPoolExecutor(workers) as pool:
                    list(pool.map(search, parts))
        return self._feet(x, y, segment)

    def _feet(self, x: Floats, y: Floats, segment: Indices) -> Nearest:
        if not self.feature.size:
            nothing = np.full(len(x), np.nan)
            return Nearest(segment, nothing, nothing.copy(), nothing.copy())
        ex, ey = x - self.x[segment], y - self.y[segment]
        dx, dy = self.dx[segment], self.dy[segment]
        along = np.clip((ex * dx + ey * dy) * self.inverse[segment], 0.0, 1.0)
        foot_x, foot_y = self.x[segment] + along * dx, self.y[segment] + along * dy
        return Nearest(self.feature[segment], np.hypot(x - foot_x, y - foot_y), foot_x, foot_y)

    def _search(self, x: Floats, y: Floats, column: Indices, row: Indices) -> Indices:
        left, right, bottom, top = self._smallest_filled(column, row)
        owner, line = _lines(bottom, top)
        square, segment = self._measure(x, y, owner, line, left[owner], right[owner])
        # Whatever could be as near lies in this circle; a hair more for rounding and ties.
        reach = np.sqrt(square) * (1 + 1e-9) + 10 * TIE
        low = self.rows.of(y - reach)
        high = self.rows.of(y + reach)
        more = np.flatnonzero(
            (low < bottom) | (high > top) | (self.columns.of(x - reach) < left) | (self.columns.of(x + reach) > right)
        )
        if more.size:
            owner, line = _lines(low[more], high[more])
            from_column, to_column = self._chords(x[more], y[more], reach[more], owner, line)
            _, segment[more] = self._measure(x[more], y[more], owner, line, from_column, to_column)
        return segment

    def _chords(self, x: Floats, y: Floats, reach: Floats, owner: Indices, line: Indices) -> tuple[Indices, Indices]:
        """First and last column that the circle of point `owner` crosses in row `line`.

        A square about the circle would do nearby, but about a point far outside it would hold the whole grid.
        """
        away = np.maximum(self.rows.edge[line] - y[owner], y[owner] - self.rows.edge[line + 1]) - 10 * TIE
        half = np.sqrt(np.maximum(reach[owner] ** 2 - np.maximum(away, 0.0) ** 2, 0.0))
        return (
            self.columns.of(x[owner] - half),
            self.columns.of(x[owner] + half),
        )

    def _smallest_filled(self, column: Indices, row: Indices) -> tuple[Indices, Indices, Indices, Indices]:
        """Per point the smallest square of cells about its own, of 1, 3, 5, 9, 17 ... a side, that is not empty."""
        left, right, bottom, top = column.copy(), column.copy(), row.copy(), row.copy()
        todo = np.flatnonzero(self._entries(left, right, bottom, top) == 0)
        ring = 1
        while todo.size:
            left[todo] = np.maximum(column[todo] - ring, 0)
            right[todo] = np.minimum(column[todo] + ring, self.columns.count - 1)
            bottom[todo] = np.maximum(row[todo] - ring, 0)
            top[todo] = np.minimum(row[todo] + ring, self.rows.count - 1)
            empty = self._entries(left[todo], right[todo], bottom[todo], top[todo]) == 0
            todo = todo[empty]
            ring *= 2
        return left, right, bottom, top

    def _entries(self, left: Indices, right: Indices, bottom: Indices, top: Indices) -> NDArray[np.int32]:
        f = self.filled
        return f[top + 1, right + 1] - f[bottom, right + 1] - f[top + 1, left] + f[bottom, left]

    def _measure(
        self, x: Floats, y: Floats, owner: Indices, line: Indices, left: Indices, right: Indices
    ) -> tuple[Floats, Indices]:
        """Per point the least squared distance to the segments of its runs of cells, and that segment.

        A run is row `line` from column `left` to `right`, for point `owner` (ascending); every point has an
        entry in at least one run. Of equally near segments the lowest.
        """
        first = self.start[line * self.columns.count + left]
        length = self.start[line * self.columns.count + right + 1] - first
        run_end = np.searchsorted(owner, np.arange(len(x)), side="right")
        pair_end = np.cumsum(length, dtype=np.int64)[run_end - 1]
        per_point = np.diff(pair_end, prepend=0)
        square, segment = np.empty(len(x)), np.empty(len(x), dtype=np.intp)
        begin, run, done = 0, 0, 0
        while begin < len(x):
            end = max(begin + 1, int(np.searchsorted(pair_end, done + _PAIRS, side="right")))
            runs = slice(run, run_end[end - 1])
            square[begin:end], segment[begin:end] = self._measure_pairs(
                x[begin:end], y[begin:end], first[runs], length[runs], per_point[begin:end]
            )
            begin, run, done = end, run_end[end - 1], pair_end[end - 1]
        return square, segment

    def _measure_pairs(
        self, x: Floats, y: Floats, first: Indices, length: Indices, per_point: Indices
    ) -> tuple[Floats, Indices]:
        pair_begin = np.cumsum(length) - length
        position = np.arange(int(length.sum())) + np.repeat(first - pair_begin, length)
        candidate = self.entry[position]
        ex = np.repeat(x, per_point) - self.x[candidate]
        ey = np.repeat(y, per_point) - self.y[candidate]
        dx, dy = self.dx[candidate], self.dy[candidate]
        along = (ex * dx + ey * dy) * self.inverse[candidate]
        np.clip(along, 0.0, 1.0, out=along)
        ex -= along * dx
        ey -= along * dy
        square = ex * ex + ey * ey
        begin = np.cumsum(per_point) - per_point
        least = np.minimum.reduceat(square, begin)
        equal = square <= np.repeat((np.sqrt(least) + TIE) ** 2, per_point)
        chosen = np.minimum.reduceat(np.where(equal, candidate, np.iinfo(np.int32).max), begin)
        return least, chosen


def _lines(bottom: Indices, top: Indices) -> tuple[Indices, Indices]:
    """Every row from `bottom` to `top` of each point: whose it is, and which."""
    tall = top - bottom + 1
    owner = np.repeat(np.arange(len(bottom)), tall)
    return owner, np.arange(len(owner)) + np.repeat(bottom - np.cumsum(tall) + tall, tall)


def segments_of(
    geometries: NDArray[np.object_],
) -> tuple[Floats, Floats, Floats, Floats, Indices]:
    """x0, y0, x1, y1 and the index of the geometry, per segment, in the order of the geometries."""
    parts, owner = np.asarray(geometries, dtype=object), np.arange(len(geometries))
    while np.any(shapely.get_type_id(parts) >= 4):
        parts, which = shapely.get_parts(parts, return_index=True)
        owner = owner[which]
    kind = shapely.get_type_id(parts)
    rings, which = shapely.get_rings(parts[kind == 3], return_index=True)
    lines = (kind == 1) | (kind == 2)
    paths = np.concatenate([rings, parts[lines]])
    path_owner = np.concatenate([owner[kind == 3][which], owner[lines]])
    coordinates, path = shapely.get_coordinates(paths, return_index=True)
    joined = np.flatnonzero(path[1:] == path[:-1])
    points, which = shapely.get_coordinates(parts[kind == 0], return_index=True)
    begin = np.concatenate([coordinates[joined], points])
    end = np.concatenate([coordinates[joined + 1], points])
    feature = np.concatenate([path_owner[path[joined]], owner[kind == 0][which]]).astype(np.intp)
    good = np.isfinite(begin).all(axis=1) & np.isfinite(end).all(axis=1)
    if not good.all():
        begin, end, feature = begin[good], end[good], feature[good]
    if np.any(feature[1:] < feature[:-1]):
        order = np.argsort(feature, kind="stable")
        begin, end, feature = begin[order], end[order], feature[order]
    return begin[:, 0].copy(), begin[:, 1].copy(), end[:, 0].copy(), end[:, 1].copy(), feature


def _bin(values: Floats, origin: float, per_metre: float) -> Indices:
    return np.clip((values - origin) * per_metre, 0, _BINS - 1).astype(np.intp)


def _grid(x0: Floats, y0: Floats) -> tuple[Axis, Axis]:
    """Columns and rows for segments that begin here, with about as many cells as `_CELLS_PER_SEGMENT` says.

    A stray feature far away must not stretch the bins, so the outermost hundredths are left to the outermost cells.
    """
    if not x0.size:
        return Axis.over(x0, 0.0, 1.0, 1), Axis.over(y0, 0.0, 1.0, 1)
    step = max(1, x0.size // _SAMPLE)
    x, y = x0[::step], y0[::step]
    west, east = np.quantile(x, (0.005, 0.995))
    south, north = np.quantile(y, (0.005, 0.995))
    wide, high = float(east - west), float(north - south)
    side = max((wide * high / max(1.0, _CELLS_PER_SEGMENT * x0.size)) ** 0.5, 1e-3)
    columns, rows = (int(np.clip(extent / side, 1, _MAX_COUNT)) for extent in (wide, high))
    return Axis.over(x, float(west), float(east), columns), Axis.over(y, float(south), float(north), rows)


def _lay(
    left: Indices, right: Indices, bottom: Indices, top: Indices, columns: int, rows: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Put each segment into every cell of its bounding box; the entries in order of cells, and where cells start."""
    wide = right - left + 1
    count = wide * (top - bottom + 1)
    segment = np.repeat(np.arange(len(left), dtype=np.int32), count)
    within = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count)
    step_up, step_right = np.divmod(within, wide[segment])
    cell = (bottom[segment] + step_up) * columns + left[segment] + step_right
    # A sparse matrix in rows is exactly this table, and its conversion a counting sort.
    table = sparse.coo_matrix(
        (np.ones(len(cell), dtype=np.int8), (cell, segment)), shape=(rows * columns, max(1, len(left)))
    ).tocsr()
    return table.indices.astype(np.int32), table.indptr.astype(np.int32)
