"""Whether positions are in the datum that their source says: held against places whose position is known.

GCJ-02 and BD-09 lie some 500 to 1,300 metres from WGS 84. A row that says both where it was (a position) and what was
there (the sticker of a venue, an area code with a boundary) is a witness: it agrees with its place under some readings
of its position and not under others. Each place has one vote, since one place may be wrong in its own way; a whole
district of them is not wrong the same way by chance.
"""

from dataclasses import dataclass, field

import numpy as np
import shapely
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from duban.engines.geo.geodesy import geodesic
from duban.outbreak.reading import DATUMS, BadPresence, Told
from duban.places import queries as places
from duban.places.codes import LENGTHS, ancestors

NEAR_METRES = 150.0
"""How far from a venue's point somebody may stand who checks in there."""
PLACES, NAMES, ROWS = 8, 3, 20
"""Fewer places, codes and venues, or rows than these for another datum are no ground to refuse a list: where a boundary
was moved, all along it seems to be wrong."""
AGREED = 0.9
SQUARE = 100
"""Squares to a degree: rows of one code within a square are one place."""
A_BATCH, AT_MOST = 2_000, 50_000
"""Witnesses that are heard of a batch, and of a list."""

Floats = NDArray[np.float64]


@dataclass
class Witnesses:
    """Rows that can tell; `agrees` (n, 3) by datum, `said` (n,) the index of the one they came in."""

    agrees: list[NDArray[np.bool_]] = field(default_factory=list)
    said: list[NDArray[np.int64]] = field(default_factory=list)
    place: list[str] = field(default_factory=list)
    name: list[str] = field(default_factory=list)
    shapes: dict[str, shapely.Geometry] | None = None

    def hear(self, told: Told, venues: dict[int, tuple[float, float, str]]) -> None:
        """Take the witnesses of a batch; `venues` are (lon, lat, token) by row, of stickers in rows with a position."""
        if told.sent is None or len(self.place) >= AT_MOST:
            return
        lon, lat, names = told.sent
        usable = np.isfinite(lon) & np.isfinite(lat) & np.isin(names, DATUMS)
        usable[list(told.wrong)] = False
        self._at_venues(lon, lat, names, {row: venue for row, venue in venues.items() if usable[row]})
        self._in_areas(lon, lat, names, usable, told.texts("area_code"))

    def _at_venues(self, lon: Floats, lat: Floats, names: NDArray, venues: dict[int, tuple[float, float, str]]) -> None:
        rows = _some(np.array(sorted(venues), dtype=np.int64))
        if not len(rows):
            return
        at = [venues[row] for row in rows.tolist()]
        there = [one[0] for one in at], [one[1] for one in at]
        near = [geodesic(*there, *reading)[0] <= NEAR_METRES for reading in _readings(lon[rows], lat[rows])]
        self._add(np.stack(near, axis=1), names[rows], [f"venue {one[2]}" for one in at], [one[2] for one in at])

    def _in_areas(self, lon: Floats, lat: Floats, names: NDArray, usable: NDArray, codes: list[str]) -> None:
        shapes = self._boundaries()
        if not shapes:
            return
        of = {code: next((at for at in [code, *reversed(ancestors(code))] if at in shapes), "") for code in set(codes)}
        rows = _some(np.array([row for row in np.flatnonzero(usable) if of[codes[row]]], dtype=np.int64))
        if not len(rows):
            return
        held = np.array([of[codes[row]] for row in rows.tolist()])
        agrees = np.zeros((len(rows), len(DATUMS)), dtype=bool)
        readings = _readings(lon[rows], lat[rows])
        for code in set(held.tolist()):
            these = held == code
            for index, (x, y) in enumerate(readings):
                agrees[these, index] = shapely.contains_xy(shapes[code], x[these], y[these])
        squares = zip(held.tolist(), np.floor(lon[rows] * SQUARE), np.floor(lat[rows] * SQUARE), strict=True)
        self._add(agrees, names[rows], [f"{code} {x:.0f} {y:.0f}" for code, x, y in squares], held.tolist())

    def _boundaries(self) -> dict[str, shapely.Geometry]:
        """The boundaries of towns and what is finer: a county's edge is too far from most of its people."""
        if self.shapes is None:
            layer = places.layer_in_use("boundaries")
            pairs = zip(layer[1].codes, layer[1].geometries, strict=True) if layer else ()
            self.shapes = {code: shape for code, shape in pairs if len(code) >= LENGTHS[1] and shape is not None}
            shapely.prepare(list(self.shapes.values()))
        return self.shapes

    def _add(self, agrees: NDArray[np.bool_], names: NDArray, place: list[str], name: list[str]) -> None:
        self.agrees.append(agrees)
        self.said.append(np.array([DATUMS.index(name) for name in names.tolist()], dtype=np.int64))
        self.place += place
        self.name += name

    def judge(self) -> None:
        """Raises BadPresence (`datum_suspected`) where the places agree with another datum than was said."""
        if not self.place:
            return
        found = suspect(
            np.concatenate(self.agrees), np.concatenate(self.said), np.array(self.place), np.array(self.name)
        )
        if found is not None:
            raise BadPresence(
                "datum_suspected",
                _(
                    "At %(number)d of %(all)d places whose position is known, the positions fit if they are %(other)s, "
                    "and do not as %(said)s. Nothing was taken in: set the datum, or mend the positions of the venues."
                )
                % {
                    "number": found.places,
                    "all": found.places + found.against,
                    "other": DATUMS[found.other],
                    "said": DATUMS[found.said],
                },
                field="datum",
            )


@dataclass(frozen=True)
class Suspicion:
    """Indices into DATUMS, and how many places speak for the other datum and against it."""

    said: int
    other: int
    places: int
    against: int


def suspect(agrees: NDArray[np.bool_], said: NDArray[np.int64], place: NDArray, name: NDArray) -> Suspicion | None:
    """The datum that rows said to be in one speak for instead, None where they do not, or are too few to say.

    agrees (n, 3): whether a row is at its place under each reading; said (n,); place (n,): rows alike are one vote;
    name (n,): the code or the venue that the place is of.
    """
    _places, of = np.unique(place, return_inverse=True)
    found: list[Suspicion] = []
    for one in np.unique(said).tolist():
        rows = said == one
        for other in range(len(DATUMS)):
            votes = agrees[rows, other].astype(np.int64) - agrees[rows, one].astype(np.int64)
            tally = np.bincount(of[rows], weights=votes)
            pro, contra = int((tally > 0).sum()), int((tally < 0).sum())
            names = len(np.unique(name[rows][votes > 0]))
            enough = pro >= PLACES and names >= NAMES and (votes > 0).sum() >= ROWS
            if enough and pro >= AGREED * (pro + contra):
                found.append(Suspicion(one, other, pro, contra))
    return max(found, key=lambda one: (one.places, -one.against), default=None)


def _readings(lon: Floats, lat: Floats) -> list[tuple[Floats, Floats]]:
    """The positions in WGS 84, had they been sent in each datum."""
    return [places.to_wgs84(lon.tolist(), lat.tolist(), datum) for datum in DATUMS]


def _some(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of many rows some, evenly from all of them."""
    return rows[:: len(rows) // A_BATCH + 1]
