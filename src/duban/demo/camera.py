"""A small camera for the demo's pictures: planes and solids in metres, seen in perspective, under haze and low light.

The world has x to the right, y up and z ahead of the camera, which stands at x = 0, z = 0. Colours are red, green and
blue from 0 to 1. Edges are soft by the size of a pixel where they lie, so nothing is jagged and nothing flickers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

Floats = NDArray[Any]
Colour = Sequence[float]
Spot = tuple[float, float, float]
Shader = Callable[[Floats, Floats, Floats], Floats]
"""(metres along, metres up, metres per pixel) of each pixel of a plane -> its colour (h, w, 3)."""

WIDTH, HEIGHT = 1200, 900
"""Painted a quarter smaller than it is taken, as a phone's lens is softer than its sensor."""
TILE = 1024


def hue(code: int) -> Colour:
    """0xRRGGBB as a colour."""
    return (code >> 16) / 255, (code >> 8 & 255) / 255, (code & 255) / 255


@dataclass
class View:
    """The picture being painted and what it is seen through."""

    dice: np.random.Generator
    eye: float = 1.6
    horizon: float = 375.0
    focal: float = 885.0
    haze: Colour = (0.8, 0.82, 0.84)
    """What everything fades into with distance."""
    clear: float = 90.0
    """Metres after which two thirds of a colour are haze."""
    sun: float = 0.0
    """0 under clouds, 1 in full light, which comes from the left."""
    mirrored: bool = False
    """Shown the other way round in the end; lettering is then painted backwards."""
    canvas: Floats = field(default_factory=lambda: np.zeros((HEIGHT, WIDTH, 3), np.float32))

    def __post_init__(self) -> None:
        turn = tuple(int(part) for part in self.dice.integers(TILE, size=2))
        self.fine, self.soft = (np.roll(tile, turn, (0, 1)) for tile in tiles())

    def project(self, spot: Spot | Floats) -> tuple[float, float]:
        """The pixel (x, y) at which a point ahead of the camera is seen."""
        x, y, z = spot
        return WIDTH / 2 + self.focal * x / z, self.horizon + self.focal * (self.eye - y) / z

    def noise(self, u: Floats, v: Floats, size: float, *, fine: bool = False, close: bool = False) -> Floats:
        """About -1 to 1, in blotches of about `size` metres; the same at the same place.

        Blended between the tile's cells where it is looked at `close`, and they would show.
        """
        # A blotch of the soft tile is some 24 cells wide, of the fine one some 4.
        cell = np.float32(size / (4 if fine else 24))
        tile = self.fine if fine else self.soft
        x, y = u / cell, v / cell
        columns, rows = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
        # One index into the whole tile is looked up in half the time of a row and a column.
        left, top = columns & (TILE - 1), (rows & (TILE - 1)) * TILE
        if not close:
            return tile.take(top + left)
        east, south, right, bottom = x - columns, y - rows, (left + 1) & (TILE - 1), (top + TILE) & (TILE * TILE - 1)
        upper, lower = tile.take(top + left), tile.take(bottom + left)
        upper = upper + (tile.take(top + right) - upper) * east
        return upper + (lower + (tile.take(bottom + right) - lower) * east - upper) * south

    def fog(self, colour: Floats, depth: Floats | float) -> Floats:
        """The colour as it looks from `depth` metres away."""
        there = np.exp(-np.asarray(depth, np.float32) / self.clear)
        return colour * there[..., None] + np.asarray(self.haze, np.float32) * (1 - there[..., None])

    def plane(
        self, origin: Spot, across: Spot, up: Spot, size: tuple[float, float], shader: Shader, *, every: int = 1
    ) -> None:
        """Paint a rectangle that starts at `origin` and runs along two unit vectors at right angles.

        The shader is asked for every pixel, or for `every` so many and what lies between is blended.
        """
        corner = np.array(origin) - (0, self.eye, 0)
        u_axis, v_axis = np.array(across), np.array(up)
        normal = np.cross(u_axis, v_axis)
        box = self._box([corner + u_axis * a + v_axis * b for a in (0, size[0]) for b in (0, size[1])])
        if box is None:
            return
        rays = _rays(box, self.horizon, self.focal, every)
        toward = float(normal[0]) * rays[0] + float(normal[1]) * rays[1] + float(normal[2]) * rays[2]
        depth = np.asarray(float(normal @ corner) / np.where(np.abs(toward) < 1e-9, 1e-9, toward), np.float32)
        ahead = (depth > 0.3) & (depth < 400)
        depth = np.where(ahead, depth, np.float32(1))
        u, v = (_along(axis, depth, rays, corner) for axis in (u_axis, v_axis))
        pixel = depth / np.float32(self.focal)
        cover = inside(u, 0, size[0], pixel) * inside(v, 0, size[1], pixel) * ahead
        u, v = np.clip(u, -1, size[0] + 1), np.clip(v, -1, size[1] + 1)
        colour = self.fog(shader(u, v, pixel), depth)
        shape = box[0].stop - box[0].start, box[1].stop - box[1].start
        if every > 1:
            colour = np.dstack([_enlarged(colour[..., channel], shape) for channel in range(3)])
            cover = _enlarged(cover, shape)
        under = self.canvas[box]
        under += cover[..., None] * (colour - under)

    def _box(self, corners: Sequence[Floats]) -> tuple[slice, slice] | None:
        """The pixels that the corners (relative to the eye) span; all of the picture where one lies behind."""
        if any(corner[2] < 0.3 for corner in corners):
            return slice(0, HEIGHT), slice(0, WIDTH)
        xs = [WIDTH / 2 + self.focal * corner[0] / corner[2] for corner in corners]
        ys = [self.horizon - self.focal * corner[1] / corner[2] for corner in corners]
        left, right = max(0, int(min(xs)) - 1), min(WIDTH, int(max(xs)) + 2)
        top, bottom = max(0, int(min(ys)) - 1), min(HEIGHT, int(max(ys)) + 2)
        return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None

    def polygon(
        self, corners: Sequence[tuple[float, float]], colour: Colour, *, alpha: float = 1.0, mottle: float = 0.0
    ) -> None:
        """Fill a polygon of pixels with soft edges; `mottle` lets its brightness vary."""
        xs, ys = [x for x, _y in corners], [y for _x, y in corners]
        left, top = max(0, int(min(xs)) - 1), max(0, int(min(ys)) - 1)
        right, bottom = min(WIDTH, int(max(xs)) + 2), min(HEIGHT, int(max(ys)) + 2)
        if left >= right or top >= bottom:
            return
        mask = Image.new("L", (2 * (right - left), 2 * (bottom - top)))
        ImageDraw.Draw(mask).polygon([(2 * (x - left), 2 * (y - top)) for x, y in corners], fill=255)
        self.blend(
            (slice(top, bottom), slice(left, right)),
            np.asarray(mask.reduce(2), np.float32) / 255 * alpha,
            colour,
            mottle,
        )

    def blend(self, box: tuple[slice, slice], cover: Floats, colour: Colour | Floats, mottle: float = 0.0) -> None:
        """Lay a colour over a part of the picture, as much as `cover` (0 to 1) says."""
        shade: Floats = np.asarray(colour, np.float32)
        if mottle:
            rows, columns = box
            shade = shade * (1 + mottle * cutout(self.fine, rows.start * 3 + columns.start, cover.shape))[..., None]
        under = self.canvas[box]
        under += cover[..., None] * (shade - under)

    def solid(self, middle: Spot, size: Spot, yaw: float, colour: Colour, *, mottle: float = 0.02) -> None:
        """A box on `middle` (x, y of its foot, z), turned by `yaw` degrees, each face lit by where it looks."""
        turn = np.radians(yaw)
        right, ahead = np.array([np.cos(turn), 0, np.sin(turn)]), np.array([-np.sin(turn), 0, np.cos(turn)])
        half_w, half_d = size[0] / 2, size[2] / 2
        foot = np.array(middle)
        ring = [foot + right * a * half_w + ahead * b * half_d for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        rise = np.array([0, size[1], 0])
        top = [corner + rise for corner in ring]
        faces = []
        for index, normal in enumerate((-ahead, right, ahead, -right)):
            follow = (index + 1) % 4
            if normal @ (ring[index] - (0, self.eye, 0)) < 0:
                faces.append((normal, [ring[index], ring[follow], top[follow], top[index]]))
        if self.eye > foot[1] + size[1]:
            faces.append((np.array([0.0, 1.0, 0.0]), top))
        for normal, corners in faces:
            if min(corner[2] for corner in corners) > 0.4:
                self.polygon(
                    [self.project(corner) for corner in corners],
                    self.lit(colour, normal, middle[2]),
                    mottle=mottle,
                )

    def lit(self, colour: Colour, normal: Floats, depth: float) -> Colour:
        """The colour on a side that looks along `normal`, seen from `depth` metres away."""
        light = np.array([-0.55, 0.62, -0.56])
        strength = 0.74 + 0.16 * float(normal[1]) + (0.10 + 0.22 * self.sun) * float(normal @ light)
        red, green, blue = self.fog(np.asarray(colour, np.float32)[None] * strength, np.array([depth], np.float32))[0]
        return float(red), float(green), float(blue)

    def shadow(self, middle: Spot, half: tuple[float, float], strength: float) -> None:
        """A soft dark ellipse on the ground, `half` metres across and deep, that the light draws out to the right."""
        x, y = self.project(middle)
        scale = self.focal / middle[2]
        wide, deep = half[0] * scale, half[1] * scale * self.eye / middle[2] * 1.25
        x += 0.25 * self.sun * wide
        wide *= 1 + 0.3 * self.sun
        box = clipped(x - 1.7 * wide, y - 2 * deep, x + 1.7 * wide, y + 2 * deep)
        if box is None:
            return
        rows, columns = np.mgrid[box].astype(np.float32)
        away = np.hypot((columns - x) / wide, (rows - y) / deep)
        under = self.canvas[box]
        under *= 1 - (strength * np.clip(1.55 - away, 0, 1) ** 1.6)[..., None]


def _along(axis: Floats, depth: Floats, rays: tuple[Floats, Floats, Floats], corner: Floats) -> Floats:
    """Metres along the axis, from the corner, of what the rays meet at `depth`."""
    dot = float(axis[0]) * rays[0] + float(axis[1]) * rays[1] + float(axis[2]) * rays[2]
    return np.asarray(depth * dot - float(axis @ corner), np.float32)


def _rays(box: tuple[slice, slice], horizon: float, focal: float, every: int) -> tuple[Floats, Floats, Floats]:
    """Right, up and ahead of the ray through each pixel, or through the middle of each `every` by `every` pixels."""
    rows, columns = box
    x = (np.arange(columns.start, columns.stop, every, dtype=np.float32) + every / 2 - WIDTH / 2) / focal
    y = (horizon - np.arange(rows.start, rows.stop, every, dtype=np.float32) - every / 2) / focal
    shape = len(y), len(x)
    return np.broadcast_to(x, shape), np.broadcast_to(y[:, None], shape), np.ones((1, 1), np.float32)


def _enlarged(small: Floats, shape: tuple[int, int]) -> Floats:
    image = Image.fromarray(np.ascontiguousarray(small, np.float32))
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def clipped(left: float, top: float, right: float, bottom: float) -> tuple[slice, slice] | None:
    """The part of the picture between the pixels, if there is one."""
    x0, x1 = max(0, int(left)), min(WIDTH, int(right) + 1)
    y0, y1 = max(0, int(top)), min(HEIGHT, int(bottom) + 1)
    return (slice(y0, y1), slice(x0, x1)) if x0 < x1 and y0 < y1 else None


def cutout(tile: Floats, start: int, shape: tuple[int, ...]) -> Floats:
    """A piece of the endless repetition of a tile; another `start` is another piece."""
    top, left = start % TILE, start * 7 % TILE
    if top + shape[0] <= TILE and left + shape[1] <= TILE:
        return tile[top : top + shape[0], left : left + shape[1]]
    rows, columns = (top + np.arange(shape[0])) % TILE, (left + np.arange(shape[1])) % TILE
    return tile.take(rows, 0).take(columns, 1)


def inside(at: Floats, low: float | Floats, high: float | Floats, pixel: Floats) -> Floats:
    """1 between low and high, 0 outside, soft over one pixel."""
    return np.clip((at - low) / pixel + 0.5, 0, 1) * np.clip((high - at) / pixel + 0.5, 0, 1)


def shaded(colour: Colour, by: float) -> Colour:
    """The colour, lighter (above 1) or darker."""
    return [part * by for part in colour]


def mix(one: Floats | Colour, other: Floats | Colour, part: Floats) -> Floats:
    """`one` where part is 0, `other` where it is 1."""
    first = np.asarray(one, np.float32)
    return first + part[..., None] * (np.asarray(other, np.float32) - first)


@cache
def tiles() -> tuple[Floats, Floats]:
    """Fine and soft noise (TILE, TILE), about -1 to 1, that go on seamlessly in both directions."""
    rough = np.random.default_rng(2021).standard_normal((TILE, TILE), dtype=np.float32)
    soft = gaussian_filter(rough, 9, mode="wrap") * 9 + gaussian_filter(rough, 3, mode="wrap")
    return _levelled(gaussian_filter(rough, 1.3, mode="wrap")), _levelled(soft)


def _levelled(tile: Floats) -> Floats:
    return (np.clip(tile / tile.std(), -2.5, 2.5) / 2).astype(np.float32)
