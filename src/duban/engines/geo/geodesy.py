"""One metric plane (ellipsoidal transverse Mercator) and the geodesic on the WGS-84 ellipsoid.

The plane is for deciding what is nearest, the geodesic for what is printed. Series after Krueger (1912) with
the coefficients in n as in Karney, "Transverse Mercator with an accuracy of a few nanometers" (2011), to the
fourth order: better than a micrometre within 3000 km of the central meridian. Geodesic after Vincenty
(1975).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .positions import Floats, as_positions

A = 6_378_137.0
F = 1 / 298.257223563
B = A * (1 - F)
E2 = F * (2 - F)
_E = E2**0.5
_N = F / (2 - F)
_RECTIFYING = A / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)
_ALPHA = (
    _N / 2 - 2 * _N**2 / 3 + 5 * _N**3 / 16 + 41 * _N**4 / 180,
    13 * _N**2 / 48 - 3 * _N**3 / 5 + 557 * _N**4 / 1440,
    61 * _N**3 / 240 - 103 * _N**4 / 140,
    49561 * _N**4 / 161280,
)
_BETA = (
    _N / 2 - 2 * _N**2 / 3 + 37 * _N**3 / 96 - _N**4 / 360,
    _N**2 / 48 + _N**3 / 15 - 437 * _N**4 / 1440,
    17 * _N**3 / 480 - 37 * _N**4 / 840,
    4397 * _N**4 / 161280,
)


@dataclass(frozen=True, slots=True)
class Plane:
    """A conformal plane in metres with its origin at (lon0, lat0) and true scale along the meridian of lon0."""

    lon0: float
    lat0: float

    def forward(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
        """Degrees (n,) to metres east and north of the origin (n,)."""
        lon, lat = as_positions(lon, lat)
        xi, eta = _gauss_schreiber(lon - self.lon0, lat)
        north, east = xi.copy(), eta.copy()
        for j, alpha in enumerate(_ALPHA, start=1):
            north += alpha * np.sin(2 * j * xi) * np.cosh(2 * j * eta)
            east += alpha * np.cos(2 * j * xi) * np.sinh(2 * j * eta)
        return _RECTIFYING * east, _RECTIFYING * (north - _meridian_angle(self.lat0))

    def inverse(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Metres (n,) to degrees (n,)."""
        x, y = as_positions(x, y)
        xi, eta = y / _RECTIFYING + _meridian_angle(self.lat0), x / _RECTIFYING
        sphere_xi, sphere_eta = xi.copy(), eta.copy()
        for j, beta in enumerate(_BETA, start=1):
            sphere_xi -= beta * np.sin(2 * j * xi) * np.cosh(2 * j * eta)
            sphere_eta -= beta * np.cos(2 * j * xi) * np.sinh(2 * j * eta)
        sinh_eta = np.sinh(sphere_eta)
        lon = self.lon0 + np.degrees(np.arctan2(sinh_eta, np.cos(sphere_xi)))
        conformal = np.sin(sphere_xi) / np.hypot(sinh_eta, np.cos(sphere_xi))
        return lon, np.degrees(np.arctan(_geographic_tangent(conformal)))

    def scale(self, lon: ArrayLike, lat: ArrayLike) -> Floats:
        """Plane metres per metre on the ground at each position (n,)."""
        lon, lat = as_positions(lon, lat)
        xi, eta = _gauss_schreiber(lon - self.lon0, lat)
        along, across = np.ones_like(xi), np.zeros_like(xi)
        for j, alpha in enumerate(_ALPHA, start=1):
            along += 2 * j * alpha * np.cos(2 * j * xi) * np.cosh(2 * j * eta)
            across += 2 * j * alpha * np.sin(2 * j * xi) * np.sinh(2 * j * eta)
        tangent = np.tan(np.radians(lat))
        ratio = np.sqrt(1 - E2 * np.sin(np.radians(lat)) ** 2) * np.hypot(1, tangent)
        ratio /= np.hypot(_conformal_tangent(tangent), np.cos(np.radians(lon - self.lon0)))
        return _RECTIFYING / A * np.hypot(along, across) * ratio


def _conformal_tangent(tangent: Floats) -> Floats:
    sigma = np.sinh(_E * np.arctanh(_E * tangent / np.hypot(1, tangent)))
    return tangent * np.hypot(1, sigma) - sigma * np.hypot(1, tangent)


def _geographic_tangent(conformal: Floats) -> Floats:
    """The inverse of `_conformal_tangent` by Newton's method; three rounds reach the last bit."""
    tangent = conformal / (1 - E2)
    for _ in range(3):
        reached = _conformal_tangent(tangent)
        slope = np.hypot(1, reached) * np.hypot(1, tangent) * (1 - E2) / (1 + (1 - E2) * tangent**2)
        tangent = tangent + (conformal - reached) / slope
    return tangent


def _gauss_schreiber(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    conformal = _conformal_tangent(np.tan(np.radians(lat)))
    cos, sin = np.cos(np.radians(lon)), np.sin(np.radians(lon))
    return np.arctan2(conformal, cos), np.arcsinh(sin / np.hypot(conformal, cos))


def _meridian_angle(lat: float) -> float:
    """The rectifying latitude: the distance from the equator along a meridian, as an angle."""
    xi = float(np.arctan(_conformal_tangent(np.array([np.tan(np.radians(lat))])))[0])
    return xi + sum(alpha * float(np.sin(2 * j * xi)) for j, alpha in enumerate(_ALPHA, start=1))


def geodesic(lon1: ArrayLike, lat1: ArrayLike, lon2: ArrayLike, lat2: ArrayLike) -> tuple[Floats, Floats]:
    """Length in metres and bearing at the first point in degrees [0, 360) of the shortest line between
    positions (n,).

    Good to a millimetre at any distance but for points nearly opposite on the globe. The bearing between two
    equal points is 0.
    """
    lon1, lat1 = as_positions(lon1, lat1)
    lon2, lat2 = as_positions(lon2, lat2)
    length = np.radians(lon2 - lon1)
    reduced1 = np.arctan((1 - F) * np.tan(np.radians(lat1)))
    reduced2 = np.arctan((1 - F) * np.tan(np.radians(lat2)))
    sin1, cos1, sin2, cos2 = np.sin(reduced1), np.cos(reduced1), np.sin(reduced2), np.cos(reduced2)
    turn = length
    for _ in range(60):
        sin_turn, cos_turn = np.sin(turn), np.cos(turn)
        east, north = cos2 * sin_turn, cos1 * sin2 - sin1 * cos2 * cos_turn
        sin_arc, cos_arc = np.hypot(east, north), sin1 * sin2 + cos1 * cos2 * cos_turn
        arc = np.arctan2(sin_arc, cos_arc)
        sin_azimuth = np.divide(cos1 * east, sin_arc, out=np.zeros_like(arc), where=sin_arc > 0)
        cos2_azimuth = 1 - sin_azimuth**2
        middle = cos_arc - np.divide(2 * sin1 * sin2, cos2_azimuth, out=cos_arc.copy(), where=cos2_azimuth > 1e-15)
        c = F / 16 * cos2_azimuth * (4 + F * (4 - 3 * cos2_azimuth))
        before = turn
        turn = length + (1 - c) * F * sin_azimuth * (arc + c * sin_arc * (middle + c * cos_arc * (2 * middle**2 - 1)))
        if np.all(np.abs(turn - before) < 1e-14):
            break
    u2 = cos2_azimuth * (A**2 - B**2) / B**2
    big_a = 1 + u2 / 16384 * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)))
    big_b = u2 / 1024 * (256 + u2 * (-128 + u2 * (74 - 47 * u2)))
    correction = cos_arc * (2 * middle**2 - 1)
    correction -= big_b / 6 * middle * (4 * sin_arc**2 - 3) * (4 * middle**2 - 3)
    metres = B * big_a * (arc - big_b * sin_arc * (middle + big_b / 4 * correction))
    bearing = np.degrees(np.arctan2(east, north)) % 360.0
    return metres, np.where((metres == 0) | (bearing == 360.0), 0.0, bearing)
