"""The places of the demo's pictures, empty: a lane, an estate, a ditch, a road, a market street, a viaduct, a green.

Each stage paints its view and returns where rubbish would lie in it: (x, z) in metres.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from duban.demo.camera import Colour, Floats, View, hue, inside, mix, shaded
from duban.demo.scenery import (
    AHEAD,
    RIGHT,
    SNOW,
    UP,
    Place,
    beside,
    blob,
    bricks,
    flat,
    flats,
    ground,
    plain,
    rough,
    shrubs,
    sky,
    skyline,
    snowed,
    stencilled,
    tree,
    wall_along,
)

DIRT, GRASS, ASPHALT, PAVING = hue(0x9C8B74), hue(0xA89668), hue(0x77777A), hue(0xA6A29B)
SLOGANS = ("共建清洁家园", "讲卫生 树新风", "爱护环境 人人有责")
SHOPS = (("便民超市", 0xB23A32), ("五金日杂", 0x2F6AA3), ("早点铺", 0xC98A1F), ("理发", 0x4B4B52), ("水果店", 0x3F8A52))


def lane(view: View, snow: float) -> Place:
    """A village lane along a courtyard's brick wall with its red gate."""
    sky(view)
    skyline(view, tall=False)
    edge = -2.7
    strip = float(view.dice.uniform(1.0, 1.6))

    def paint(x: Floats, z: Floats, pixel: Floats) -> Floats:
        waver = 0.25 * view.noise(z, x * 0, 4.0)
        path = inside(x + waver, edge + strip, 2.6, pixel * 3)
        colour = mix(rough(view, DIRT, x, z), rough(view, PAVING, x, z, much=0.7), path)
        joint = path * np.clip(0.03 / pixel, 0, 1) * (1 - inside(z % 4.0, 0.03, 3.97, pixel))
        colour = mix(colour, hue(0x6D6862), 0.6 * joint) * beside(x, edge)[..., None]
        return snowed(view, colour, x, z, snow, 0.5 * (1 - path) - 0.25 * path)

    ground(view, paint)
    brick = hue((0xA8644C, 0xB0765A, 0x9A8F84)[int(view.dice.integers(3))])
    for z in (46.0, 34.0, 25.0):
        tree(view, (float(view.dice.uniform(4.5, 9)), z), float(view.dice.uniform(7, 10)))
    _house(view, 4.8, 22.0, brick, snow)
    view.plane((edge - 1.2, 0, 9), AHEAD, UP, (9, 3.3), flat(view, hue(0xC9C0B0)))
    view.plane(
        (edge - 0.9, 3.3, 8.6),
        AHEAD,
        UP,
        (9.8, 0.35),
        lambda u, v, p: np.asarray(hue(0x6B6E72), np.float32) * (0.9 + 0.14 * np.sin(u * 22))[..., None],
    )
    wall_along(view, edge, 1.0, 30, 2.15, bricks(view, brick, plaster=float(view.dice.uniform(0.0, 0.55))), snow)
    gate = float(view.dice.uniform(9.5, 12))
    view.plane((edge + 0.03, 0, gate), AHEAD, UP, (2.6, 2.9), flat(view, hue(0x8C5A48)))
    view.plane((edge + 0.05, 0.05, gate + 0.25), AHEAD, UP, (2.1, 2.3), _gate)
    size = (4.4, 0.8)
    text = SLOGANS[int(view.dice.integers(len(SLOGANS)))]
    view.plane(
        (edge + 0.02, 0.85, gate - 5.2), AHEAD, UP, size, stencilled(view, text, hue(0xB3372C), hue(0xE4E0D6), size)
    )
    tree(view, (2.9, 11.5), 6.5)
    tree(view, (3.6, 16.5), 8.0)
    return float(view.dice.uniform(-1.1, -0.7)), float(view.dice.uniform(5.6, 6.4))


def _gate(u: Floats, v: Floats, pixel: Floats) -> Floats:
    leaf = np.asarray(hue(0x9C2F27), np.float32) * (0.9 + 0.1 * np.sin(u * 30))[..., None]
    seam = 1 - inside(np.abs(u - 1.05), 0.015, 5, pixel)
    studs = inside(np.hypot(u % 0.35 - 0.17, v % 0.4 - 0.2), -1, 0.035, pixel)
    return mix(mix(leaf, hue(0x4A1512), seam), hue(0xC8A24A), studs)


def _house(view: View, x: float, z: float, brick: Colour, snow: float) -> None:
    """A farmhouse across the lane, its front towards us."""
    view.plane((x, 0, z), RIGHT, UP, (9, 3.0), bricks(view, brick))
    for start in (1.0, 5.6):
        view.plane(
            (x + start, 0.9, z - 0.05),
            RIGHT,
            UP,
            (2.2, 1.5),
            lambda u, v, p: mix(
                plain(u, hue(0x51606B)),
                hue(0xE6E4DE),
                1 - inside(u % 1.1, 0.08, 1.02, p) * inside(v, 0.08, 1.42, p),
            ),
        )
    slope = (0.0, 0.5, 0.866)
    roof = hue(0x62666B)
    cover = np.float32(0.75 if snow > 0.6 else 0.35 if snow else 0.0)
    view.plane(
        (x - 0.4, 2.95, z - 0.5),
        RIGHT,
        slope,
        (9.8, 3.0),
        lambda u, v, p: mix(
            np.asarray(roof, np.float32) * (0.92 + 0.1 * np.sin(u * 24))[..., None],
            SNOW,
            cover * np.clip(0.7 + view.noise(u, v, 2.0), 0, 1),
        ),
    )


def estate(view: View, snow: float) -> Place:
    """The foot of a block of flats: a path, a strip of grass behind its kerb, a low hedge."""
    sky(view)
    skyline(view, tall=True)
    base = hue((0xC9A77B, 0xBE8E78, 0xC6C2B6, 0xB9A08C)[int(view.dice.integers(4))])
    front = -6.2

    def paint(x: Floats, z: Floats, pixel: Floats) -> Floats:
        green = inside(x, front, -2.4, pixel * 2)
        kerb = inside(x, -2.4, -2.22, pixel)
        tiles = 1 - inside(x % 0.6, 0.012, 0.588, pixel) * inside(z % 0.6, 0.012, 0.588, pixel)
        path = inside(x, -2.22, 1.6, pixel)
        colour = rough(view, ASPHALT, x, z, much=0.6)
        colour = mix(colour, rough(view, PAVING, x, z, much=0.6), path)
        colour = mix(colour, hue(0x77726B), 0.5 * tiles * path * np.clip(0.02 / pixel, 0, 1))
        colour = mix(colour, rough(view, GRASS, x, z, much=1.5), green)
        colour = mix(colour, hue(0xC9C6BF), np.maximum(kerb, inside(x, 1.6, 1.78, pixel)))
        return snowed(view, colour, x, z, snow, 0.55 * green - 0.3 * path - 0.4 * kerb)

    ground(view, paint)
    view.plane((9, 0, 62), RIGHT, UP, (30, 18), flats(view, hue(0xC9BBA6)))
    view.plane((-20, 0, 74), RIGHT, UP, (26, 18), flats(view, hue(0xC2B19A)))
    view.plane((front, 0, 3), AHEAD, UP, (46, 17.6), flats(view, base))
    view.plane((front + 0.05, 0, 12), AHEAD, UP, (2.6, 2.5), flat(view, hue(0x7A5546)))
    view.plane((front + 0.9, 2.5, 11.6), AHEAD, UP, (3.4, 0.25), flat(view, hue(0xD8D4CC)))
    for z in (30.0, 22.0, 16.0):
        tree(view, (-4.0, z), 7.5)
    for z in (40.0, 30.0, 21.0):
        tree(view, (float(view.dice.uniform(5.5, 8)), z), 8.5)
    for z in np.arange(26, 8.5, -1.0):
        x, y = view.project((-2.9, 0.3, float(z)))
        blob(
            view,
            x,
            y,
            0.52 * view.focal / z,
            0.36 * view.focal / z,
            hue(0x4F6148),
            depth=float(z),
            leafy=0.6,
            capped=snow,
        )
    _car(view, (4.6, 17.0), hue((0xC9CCD0, 0x38424F, 0x8C2F2B)[int(view.dice.integers(3))]))
    return float(view.dice.uniform(-1.1, -0.6)), float(view.dice.uniform(5.8, 6.6))


def _car(view: View, spot: Place, colour: Colour) -> None:
    """A parked car seen from behind."""
    x, z = spot
    view.shadow((x, 0, z), (1.3, 0.8), 0.5)
    for side in (-0.65, 0.65):
        view.solid((x + side, 0, z), (0.24, 0.6, 0.5), 0, hue(0x222326))
    view.solid((x, 0.25, z), (1.75, 0.6, 4.0), 0, colour)
    view.solid((x, 0.85, z + 0.6), (1.5, 0.55, 2.0), 0, hue(0x3A444D))
    view.solid((x, 1.4, z + 0.6), (1.4, 0.06, 1.8), 0, colour)
    for side in (-0.7, 0.7):
        view.solid((x + side, 0.58, z - 2.0), (0.26, 0.16, 0.02), 0, hue(0xA02A22))


def ditch(view: View, snow: float) -> Place:
    """A field ditch with reeds, a dirt track beside it and poplars beyond."""
    sky(view)
    skyline(view, tall=False)
    bank = 1.5

    def paint(x: Floats, z: Floats, pixel: Floats) -> Floats:
        rut = np.maximum(inside(x, -2.6, -2.2, pixel * 4), inside(x, -1.1, -0.7, pixel * 4))
        field = inside(x + 0.3 * view.noise(z, x * 0, 3.0), -99, -4.0, pixel * 4)
        colour = mix(rough(view, DIRT, x, z), hue(0x7E6F5C), 0.35 * rut)
        furrows = 0.5 + 0.5 * np.sin(x * 7.5 + view.noise(x, z, 2.0))
        winter = rough(view, hue(0x8B8A5C), x, z) * (0.85 + 0.2 * furrows)[..., None]
        colour = mix(colour, winter, np.maximum(field, inside(x, 6.4, 99, pixel * 4)))
        colour = mix(colour, rough(view, GRASS, x, z, much=1.6), inside(x, 0.7, bank + 0.1, pixel * 6))
        return snowed(view, colour, x, z, snow, 0.35 * field - 0.2 * rut)

    ground(view, paint)
    for index in range(14, 2, -1):
        tree(view, (7.2 + 0.2 * math.sin(index), 5.5 * index), 11.5, slender=True)
    deep = 0.75
    near, far = 2.5, 120

    def earth(u: Floats, v: Floats, pixel: Floats) -> Floats:
        colour = rough(view, hue(0x85745C), u, v * 3) * (0.82 + 0.16 * v)[..., None]
        return snowed(view, colour, u, v * 2, snow, 0.15)

    def still(u: Floats, v: Floats, pixel: Floats) -> Floats:
        ripple = 0.10 * view.noise(u * 0.25, v, 0.7) + 0.05 * view.noise(u * 0.5, v, 0.14)
        colour = mix(hue(0x5F6F70), view.haze, np.clip(0.34 + u / 70 + ripple, 0, 0.8))
        ice = np.clip((view.noise(u, v + 2, 2.4) - 0.55 + 0.8 * snow) * 3, 0, 0.55)
        return mix(colour, hue(0xD5DDE2), ice)

    view.plane((bank + 0.5, -deep, near), AHEAD, RIGHT, (far, 2.3), still, every=2)
    lean = (0.8, 0.6, 0.0)
    view.plane((bank + 2.8, -deep, near), AHEAD, lean, (far, deep / 0.6), earth, every=2)
    view.plane((bank, 0, near), AHEAD, (0.55, -0.835, 0.0), (far, deep / 0.835), earth, every=2)
    for _reed in range(420):
        part = float(view.dice.random()) ** 1.6
        z = 3.4 + 44 * part
        _blade(view, (bank + 3.0 + float(view.dice.normal(0.6, 0.35)), -0.15, z), float(view.dice.uniform(0.7, 1.5)))
    for _tuft in range(200):
        z = 2.6 + 26 * float(view.dice.random()) ** 1.7
        _blade(view, (bank - 0.1 + float(view.dice.normal(0, 0.16)), 0, z), float(view.dice.uniform(0.15, 0.45)))
    return float(view.dice.uniform(-0.6, -0.2)), float(view.dice.uniform(5.8, 6.6))


def _blade(view: View, foot: tuple[float, float, float], tall: float) -> None:
    x, y = view.project(foot)
    scale = view.focal / foot[2]
    lean, thick = float(view.dice.normal(0.05, 0.12)) * tall * scale, max(0.7, 0.012 * scale)
    tint = view.fog(
        np.asarray(hue(0xB79B62), np.float32)[None] * float(view.dice.uniform(0.7, 1.1)),
        np.array([foot[2]], np.float32),
    )[0]
    top = y - tall * scale
    view.polygon([(x - thick, y), (x + lean, top), (x + lean + 0.6, top), (x + thick, y)], tuple(tint), alpha=0.85)
    if tall > 0.9:
        view.polygon(
            [
                (x + lean - 1.4 * thick, top + 5 * thick),
                (x + lean, top - 5 * thick),
                (x + lean + 2 * thick, top + 4 * thick),
            ],
            tuple(tint * 1.12),
            alpha=0.8,
        )


def road(view: View, snow: float) -> Place:
    """A country road between poplars, with poles and wires along its left side: tarred and wide, or narrow concrete."""
    sky(view)
    skyline(view, tall=False)
    wide = bool(view.dice.random() < 0.5)
    edge = 4.0 if wide else 2.0
    surface = ASPHALT if wide else hue(0xA5A29C)

    def paint(x: Floats, z: Floats, pixel: Floats) -> Floats:
        x = x - 0.9
        tar = inside(x + 0.06 * view.noise(z, x * 0, 1.2), -2.6, edge, pixel * 1.5)
        colour = mix(rough(view, DIRT, x, z), rough(view, GRASS, x, z, much=1.4), inside(x, -99, -4.6, pixel * 5))
        fields = np.maximum(inside(x, -99, -8, pixel * 5), inside(x, 5 + edge, 99, pixel * 5))
        colour = mix(colour, rough(view, hue(0x8B8A5C), x, z), fields)
        colour = mix(colour, rough(view, surface, x, z, much=0.55), tar)
        if wide:
            dash = inside(x, 0.64, 0.78, pixel) * inside(z % 6, 0, 2.6, pixel)
            line = np.maximum(dash, np.maximum(inside(x, -2.42, -2.30, pixel), inside(x, 3.7, 3.82, pixel)))
            colour = mix(colour, hue(0xDCDAD2), 0.8 * line * (0.75 + 0.25 * view.noise(x, z, 0.3)))
        else:
            joint = tar * (1 - inside(z % 5, 0.04, 4.96, pixel)) * np.clip(0.04 / pixel, 0, 1)
            colour = mix(colour, hue(0x77746E), 0.7 * joint)
        return snowed(view, colour, x, z, snow, np.where(tar > 0.5, -0.75, 0.35))

    ground(view, paint)
    if not wide:
        _house(view, float(view.dice.uniform(5.5, 9)), float(view.dice.uniform(24, 34)), hue(0xA8644C), snow)
    both = wide or bool(view.dice.random() < 0.4)
    apart = float(view.dice.uniform(5, 8))
    for index in range(12, 1, -1):
        tree(view, (-6.4, apart * index + 2), 11, slender=True)
        if both:
            tree(view, (edge + 4.2, apart * index + 5), 11, slender=True)
    poles = [(-4.6, 9.0 + 16 * index) for index in range(5)]
    if wide or not both:
        for x, z in reversed(poles):
            view.solid((x, 0, z), (0.22, 7.5, 0.22), 0, hue(0x8D8B86))
            view.solid((x, 6.7, z), (1.5, 0.12, 0.12), 0, hue(0x6F6D69))
        _wires(view, [(x + side, 6.85, z) for side in (-0.6, 0.6) for x, z in [(-4.6, 1.2), *poles]])
    return float(view.dice.uniform(-2.5, -2.1)), float(view.dice.uniform(6.0, 6.8))


def _wires(view: View, heads: Sequence[tuple[float, float, float]]) -> None:
    for start, end in pairwise(heads):
        if end[2] <= start[2]:
            continue
        parts = np.linspace(0, 1, 15)
        line = [
            view.project((start[0], start[1] - 1.6 * p * (1 - p), start[2] + (end[2] - start[2]) * p)) for p in parts
        ]
        view.polygon([*line, *((x, y + 1.3) for x, y in reversed(line))], hue(0x55575A), alpha=0.7)


def market(view: View, snow: float) -> Place:
    """A street of small shops: signs, shutters, steps."""
    sky(view)
    skyline(view, tall=True)
    front = -4.2

    def paint(x: Floats, z: Floats, pixel: Floats) -> Floats:
        walk = inside(x, front, -0.4, pixel)
        tile = inside(x % 0.4, 0.01, 0.39, pixel) * inside((z + 0.2 * np.floor(x / 0.4)) % 0.4, 0.01, 0.39, pixel)
        lot = view.fine[np.floor(z / 0.4).astype(np.int32) & 1023, np.floor(x / 0.4).astype(np.int32) & 1023]
        red = np.asarray(hue(0xA98272), np.float32) * (0.95 + 0.12 * lot)[..., None]
        colour = mix(rough(view, ASPHALT, x, z, much=0.7), rough(view, PAVING, x, z, much=0.5), walk)
        colour = mix(colour, red, walk * (np.floor(x / 0.4) % 3 == 0))
        colour = mix(colour, hue(0x6E6963), 0.5 * walk * (1 - tile) * np.clip(0.015 / pixel, 0, 1))
        colour = mix(colour, hue(0xC4C1BA), inside(x, -0.4, -0.2, pixel)) * beside(x, front)[..., None]
        return snowed(view, colour, x, z, snow, -0.35)

    ground(view, paint)
    view.plane((7, 0, 52), RIGHT, UP, (34, 17), flats(view, hue(0xC8BDAE)))
    for z in (44.0, 31.0, 22.0):
        tree(view, (float(view.dice.uniform(5, 7)), z), 8)
    view.plane((front, 0, 1.2), AHEAD, UP, (46, 7.2), flats(view, hue(0xD2C8B8)))
    start = int(view.dice.integers(len(SHOPS)))
    for index in range(9, -1, -1):
        name, board = SHOPS[(start + index) % len(SHOPS)]
        z = 1.6 + 4.4 * index
        view.plane((front + 0.02, 0, z), AHEAD, UP, (4.3, 3.1), flat(view, hue(0xBDB6AA)))
        view.plane((front + 0.03, 0.15, z + 0.35), AHEAD, UP, (3.6, 2.35), _shutter if (start + index) % 3 else _glass)
        size = (4.2, 0.85)
        view.plane(
            (front + 0.35, 2.6, z + 0.05), AHEAD, UP, size, stencilled(view, name, hue(0xFFF6E0), hue(board), size)
        )
    tree(view, (0.4, 19.0), 6)
    tree(view, (0.4, 12.5), 6)
    _car(view, (3.8, 20.0), hue((0xD8D8D4, 0x4B5B48, 0x30343C)[int(view.dice.integers(3))]))
    return float(view.dice.uniform(-1.7, -1.3)), float(view.dice.uniform(6.0, 6.6))


def _shutter(u: Floats, v: Floats, pixel: Floats) -> Floats:
    ribs = np.clip(0.03 / pixel, 0, 1) * 0.09 * np.sin(v * 52)
    return np.asarray(hue(0xA9AEB3), np.float32) * (0.96 + ribs - 0.18 * np.exp(-v / 0.2))[..., None]


def _glass(u: Floats, v: Floats, pixel: Floats) -> Floats:
    pane = mix(plain(u, hue(0x46525A)), hue(0xA9B7BE), np.clip(v / 4, 0, 1))
    frame = 1 - inside(u % 1.2, 0.05, 1.15, pixel) * inside(v, 0.06, 2.28, pixel)
    return mix(pane, hue(0xC9CCCC), frame)


def viaduct(view: View, snow: float) -> Place:
    """Under an expressway: piers in two rows, the deck overhead, bare ground."""
    sky(view)
    skyline(view, tall=False)
    concrete = hue(0xA9A8A3)

    def paint(x: Floats, z: Floats, pixel: Floats) -> Floats:
        under = np.clip((x + 5.5) / 2.5, 0, 1) * np.clip((9.5 - x) / 2.5, 0, 1)
        colour = mix(
            rough(view, DIRT, x, z, much=1.2), rough(view, GRASS, x, z, much=1.5), inside(x, -99, -6.5, pixel * 5)
        )
        colour = colour * (1 - 0.30 * under)[..., None]
        return snowed(view, colour, x, z, snow, 0.4 - 1.5 * under)

    ground(view, paint)
    for index in range(9, 1, -1):
        tree(view, (-10.5 - index % 2, 7.0 * index), 10)
    deck = 6.4

    def soffit(u: Floats, v: Floats, pixel: Floats) -> Floats:
        seams = 1 - inside(u % 12, 0.12, 11.88, pixel)
        colour = (
            np.asarray(concrete, np.float32)
            * (0.52 + 0.05 * view.noise(u, v, 1.6) + 0.004 * np.minimum(u, 60))[..., None]
        )
        return mix(colour, hue(0x4C4B49), 0.6 * seams)

    view.plane((-4.6, deck, 1.5), AHEAD, RIGHT, (150, 14), soffit, every=2)
    view.plane((-4.6, deck, 1.5), AHEAD, UP, (150, 1.5), flat(view, concrete, streaks=0.14))
    view.plane(
        (-4.6, deck + 1.5, 1.5),
        AHEAD,
        UP,
        (150, 0.9),
        lambda u, v, p: flat(view, hue(0xB9BBB8))(u, v + 1, p) * (0.9 + 0.1 * inside(u % 2, 0.06, 1.94, p))[..., None],
    )
    for index in range(5, -1, -1):
        z = 9.5 + 12 * index
        for x, side, tone in ((6.4, -0.6, 0.96), (-1.9, 0.6, 0.62)):
            view.shadow((x, 0, z), (1.3, 0.9), 0.45)
            tall = (1.2, deck - 0.9)
            view.plane((x + side, 0, z), AHEAD, UP, tall, flat(view, shaded(concrete, tone), streaks=0.15))
            view.plane((x - 0.6, 0, z), RIGHT, UP, tall, flat(view, shaded(concrete, 0.84), streaks=0.15))
        view.plane((-3.2, deck - 0.9, z), RIGHT, UP, (11.2, 0.9), flat(view, shaded(concrete, 0.74), streaks=0.12))
    return float(view.dice.uniform(0.2, 0.7)), float(view.dice.uniform(6.0, 6.8))


def green(view: View, snow: float) -> Place:
    """A winter lawn with a winding path, shrubs and flats beyond."""
    sky(view)
    skyline(view, tall=True)

    def paint(x: Floats, z: Floats, pixel: Floats) -> Floats:
        middle = 2.6 + 1.5 * np.sin(z / 7.0) + 0.02 * z
        path = inside(x, middle - 0.9, middle + 0.9, pixel * 1.5)
        colour = mix(
            rough(view, hue(0xAE9C66), x, z, much=1.6),
            rough(view, hue(0x8F8F5A), x, z, much=1.6),
            np.clip(0.5 + view.noise(x, z, 6.0), 0, 1),
        )
        kerb = inside(np.abs(x - middle), 0.9, 1.02, pixel)
        colour = mix(colour, rough(view, hue(0xB4A79A), x, z, much=0.5), path)
        colour = mix(colour, hue(0xC8C5BE), kerb)
        return snowed(view, colour, x, z, snow, 0.4 - 0.8 * path)

    ground(view, paint)
    base = hue((0xC7B7A2, 0xBE9A84)[int(view.dice.integers(2))])
    view.plane((-34, 0, 60), RIGHT, UP, (34, 18), flats(view, base))
    view.plane((8, 0, 70), RIGHT, UP, (34, 21), flats(view, hue(0xCBBBA0)))
    shrubs(view, -16, 1.5, 24.0, 1.1, hue(0x516349), snow)
    for _tree in range(7):
        tree(view, (float(view.dice.uniform(-14, 0)), float(view.dice.uniform(16, 40))), float(view.dice.uniform(6, 9)))
    tree(view, (6.2, 12.0), 7.5)
    tree(view, (-5.2, 11.0), 7.0)
    shrubs(view, -9, -4.2, 12.0, 0.8, hue(0x5A6B4C), snow)
    return float(view.dice.uniform(-0.9, -0.3)), float(view.dice.uniform(5.8, 6.6))


STAGES: dict[str, Callable[[View, float], Place]] = {
    "lane": lane, "estate": estate, "ditch": ditch, "road": road, "market": market, "viaduct": viaduct, "green": green,
}  # fmt: skip
