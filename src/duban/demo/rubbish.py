"""What lies about in the demo's pictures before, and what is there after."""

from collections.abc import Callable

import numpy as np

from duban.demo.camera import Colour, Floats, View, hue, shaded
from duban.demo.scenery import Place, blob

SACKS = (0x2B2C30, 0x34353A, 0xD9D8D2, 0xC9CCD0, 0x8A2F2C, 0x2F5F8F, 0x3E6B46, 0xCDB98A, 0x9FB6C9, 0xE3DCC8)
CARD = (0xB08A5C, 0xA57F52, 0xBD9A6C)
BRIGHT = (0xA9544B, 0x5C7F9E, 0xC9B36A, 0xE2DFD8, 0x6A8F72, 0xB98555, 0xD8D4CB)
DUSTY = (0xA7A19A, 0x8F8A85, 0xB4593F, 0xA2523C, 0xC0B8AC, 0x77736F)


def _pick(view: View, colours: tuple[int, ...]) -> Colour:
    return shaded(hue(colours[int(view.dice.integers(len(colours)))]), float(view.dice.uniform(0.86, 1.06)))


def sack(view: View, x: float, y: float, z: float, size: float, colour: Colour, snow: float = 0.0) -> None:
    """A tied plastic sack resting at (x, y, z)."""
    u, v = view.project((x, y + 0.42 * size, z))
    scale = view.focal / z
    film = 0.36 if sum(colour) < 1.2 else 0.12
    wide, high = 0.58 * size * scale, 0.46 * size * scale
    blob(view, u, v, wide, high, colour, depth=z, wrinkled=1.0, gloss=film, capped=snow * 0.8)
    if view.dice.random() < 0.6:
        lean = float(view.dice.normal(0, 0.16)) * wide
        knot = shaded(colour, 0.8)
        ears = ((-0.10, 0.86), (-0.20, 1.30), (0.05, 1.14), (0.22, 1.26), (0.10, 0.86))
        view.polygon([(u + lean + across * wide, v - up * high) for across, up in ears], knot)


def scraps(view: View, spot: Place, count: int, spread: float, colours: tuple[int, ...]) -> None:
    """Bits of paper, film and leaves on the ground about the spot."""
    for _scrap in range(count):
        x, z = spot[0] + float(view.dice.normal(0, spread)), spot[1] + float(view.dice.normal(0, spread * 0.8))
        if z < 2.2:
            continue
        size, turn = float(view.dice.uniform(0.02, 0.10)), float(view.dice.uniform(0, 6.3))
        corners = [
            (x + size * np.cos(turn + a), 0.004, z + size * 0.8 * np.sin(turn + a)) for a in (0.2, 1.7, 3.0, 4.6)
        ]
        view.polygon([view.project(corner) for corner in corners], _pick(view, colours), alpha=0.92)


def heap(view: View, spot: Place, snow: float, *, wide: float = 1.5, tall: float = 0.8, count: int = 84) -> None:
    """A heap of household rubbish."""
    x0, z0 = spot
    view.shadow((x0 + 0.1, 0, z0), (wide * 1.15, wide * 0.75), 0.62)
    scraps(view, spot, 90, wide * 0.85, BRIGHT)
    _mound(view, spot, wide, tall * 0.8, hue(0x5B544B))
    where = []
    for _index in range(count):
        radius, angle = wide * float(np.sqrt(view.dice.random())), float(view.dice.uniform(0, 6.283))
        x, z = radius * np.cos(angle), 0.75 * radius * np.sin(angle)
        where.append((x0 + x, tall * max(0.0, 1 - (radius / wide) ** 1.7), z0 + z))
    for index, (x, y, z) in enumerate(sorted(where, key=lambda at: (-round(at[2], 1), at[1]))):
        lot = float(view.dice.random())
        if lot < 0.52:
            sack(view, x, y * 0.85, z, float(view.dice.uniform(0.3, 0.56)), _pick(view, SACKS), snow)
        elif lot < 0.68:
            size = (
                float(view.dice.uniform(0.25, 0.5)),
                float(view.dice.uniform(0.15, 0.34)),
                float(view.dice.uniform(0.2, 0.4)),
            )
            view.solid((x, y * 0.8, z), size, float(view.dice.uniform(-50, 50)), _pick(view, CARD))
        elif lot < 0.76:
            plank = (float(view.dice.uniform(0.7, 1.3)), 0.05, 0.1)
            view.solid((x, y + 0.05, z), plank, float(view.dice.uniform(-60, 60)), hue(0x9A7A54))
        elif lot < 0.88:
            u, v = view.project((x, y + 0.08, z))
            scale = view.focal / z
            blob(view, u, v, 0.30 * scale, 0.12 * scale, _pick(view, BRIGHT), depth=z, wrinkled=1.5)
        else:
            _bottle(view, x, y, z)
        if index % 9 == 4:
            sack(view, x + 0.2, y * 0.5, z - 0.1, 0.22, _pick(view, BRIGHT))


def _mound(view: View, spot: Place, wide: float, tall: float, colour: Colour) -> None:
    """The body of a heap, a dark uneven hump."""
    u, low = view.project((spot[0], 0, spot[1] - 0.62 * wide))
    high = view.project((spot[0], tall, spot[1]))[1]
    half = wide * 0.86 * view.focal / spot[1]
    blob(view, u, (low + high) / 2, half, (low - high) / 2, colour, depth=spot[1], leafy=0.6, wrinkled=0.8)


def _bottle(view: View, x: float, y: float, z: float) -> None:
    u, v = view.project((x, y + 0.06, z))
    scale, turn = view.focal / z, float(view.dice.uniform(-0.6, 0.6))
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    body = _pick(view, (0xB9D2C4, 0xA8C6D8, 0x5E8C5A, 0xE8E8E4))
    for start, end, half, tone in ((-0.15, 0.08, 0.042, 1.0), (0.08, 0.13, 0.022, 0.9), (0.13, 0.16, 0.024, 0.6)):
        corners = [(start, -half), (end, -half), (end, half), (start, half)]
        view.polygon(
            [tuple(np.array([u, v]) + scale * (a * along + b * across)) for a, b in corners],
            shaded(body, tone),
        )


def rubble(view: View, spot: Place, snow: float) -> None:
    """Broken bricks, concrete and dust, with sacks of plaster."""
    x0, z0 = spot
    wide, tall = 1.7, 0.8
    view.shadow((x0 + 0.1, 0, z0), (wide * 1.2, wide * 0.8), 0.5)
    scraps(view, spot, 110, wide * 0.75, DUSTY)
    _mound(view, spot, wide, tall * 0.9, hue(0x98918A))
    where = []
    for _index in range(240):
        radius, angle = wide * float(view.dice.random()) ** 0.6, float(view.dice.uniform(0, 6.283))
        height = tall * max(0.0, 1 - (radius / wide) ** 1.4)
        where.append((x0 + radius * np.cos(angle), height, z0 + 0.75 * radius * np.sin(angle)))
    for x, y, z in sorted(where, key=lambda at: (-round(at[2], 1), at[1])):
        size = float(view.dice.uniform(0.06, 0.2))
        shape = (size * float(view.dice.uniform(0.9, 1.9)), size * float(view.dice.uniform(0.5, 1.0)), size)
        view.solid((x, y * 0.9, z), shape, float(view.dice.uniform(-80, 80)), _pick(view, DUSTY), mottle=0.06)
    for side in (-1.25, 1.1, 1.45):
        sack(view, x0 + side, 0, z0 - 0.75 + 0.2 * side, 0.55, hue(0xD6D2C6), snow)
    view.solid((x0 + 0.2, 0.55, z0 - 0.5), (1.5, 0.06, 0.12), 24, hue(0x8C6E4B))


def furniture(view: View, spot: Place, snow: float) -> None:
    """An old sofa, boards, a mattress, pallets and cartons put out."""
    x0, z0 = spot
    view.shadow((x0, 0, z0 + 0.1), (2.0, 1.1), 0.55)
    for level in range(4):
        for slat in range(4):
            view.solid((x0 + 1.35, 0.14 * level, z0 + 0.95 - 0.3 * slat), (1.1, 0.03, 0.13), 6, hue(0xB08F62))
        view.solid((x0 + 1.35, 0.14 * level + 0.03, z0 + 0.5), (1.0, 0.10, 0.12), 6, hue(0x94754D))
    view.solid((x0 - 0.2, 0.05, z0 + 0.75), (1.9, 1.25, 0.2), -4, hue(0xC9C3B4), mottle=0.03)
    cloth = hue((0x7A4B43, 0x52616B, 0x8A7A55)[int(view.dice.integers(3))])
    view.solid((x0 - 0.6, 0.1, z0 + 0.2), (1.8, 0.72, 0.22), -8, cloth, mottle=0.04)
    view.solid((x0 - 0.6, 0.0, z0 - 0.15), (1.8, 0.40, 0.7), -8, shaded(cloth, 1.05), mottle=0.04)
    for side in (-0.85, 0.85):
        turn = np.radians(-8)
        view.solid(
            (x0 - 0.6 + side * np.cos(turn), 0.0, z0 - 0.15 + side * np.sin(turn)),
            (0.2, 0.58, 0.75),
            -8,
            shaded(cloth, 0.93),
            mottle=0.04,
        )
    view.solid((x0 - 0.75, 0.4, z0 - 0.2), (0.6, 0.14, 0.55), -14, shaded(cloth, 1.18), mottle=0.04)
    for index in range(5):
        view.solid(
            (x0 + 0.75 + 0.05 * index, 0.0, z0 + 0.35 - 0.1 * index),
            (0.07, 1.5 - 0.13 * index, 0.5),
            12 + 4 * index,
            hue((0xA9885A, 0xD9D4C8, 0x8A6B4A)[index % 3]),
        )
    for x, y, z, yaw in ((1.2, 0, -0.35, 20), (1.15, 0.36, -0.3, -12), (0.55, 0, -0.65, 40), (1.75, 0, -0.55, -30)):
        view.solid((x0 + x, y, z0 + z), (0.5, 0.36, 0.42), yaw, _pick(view, CARD))
    sack(view, x0 + 0.05, 0, z0 - 0.75, 0.5, hue(0x2E2F33), snow)
    sack(view, x0 - 1.75, 0, z0 - 0.2, 0.55, hue(0xD2CFC6), snow)
    sack(view, x0 - 1.45, 0, z0 - 0.6, 0.42, hue(0x2F5F8F), snow)
    scraps(view, (x0, z0 - 0.5), 40, 1.1, BRIGHT)


def _bin(view: View, x: float, z: float, colour: Colour, *, ajar: bool) -> None:
    """A wheeled bin, its lid shut or thrown back."""
    view.shadow((x, 0, z), (0.42, 0.36), 0.6)
    view.solid((x, 0.08, z), (0.56, 0.9, 0.6), 0, colour)
    view.solid((x, 0.92, z - 0.02), (0.62, 0.08, 0.66), 0, shaded(colour, 0.82))
    for side in (-0.2, 0.2):
        view.solid((x + side, 0, z - 0.28), (0.07, 0.14, 0.06), 0, hue(0x1F2022))
    if ajar:
        view.solid((x, 1.0, z + 0.28), (0.6, 0.55, 0.05), 0, shaded(colour, 0.9))
    else:
        view.solid((x, 1.0, z), (0.66, 0.07, 0.7), 0, shaded(colour, 1.08))
    u, v = view.project((x, 0.55, z - 0.31))
    size = 0.11 * view.focal / z
    view.polygon([(u - size, v + size), (u, v - size), (u + size, v + size)], hue(0xE8EEE6), alpha=0.85)


def bins(view: View, spot: Place, snow: float, *, overflowing: bool) -> None:
    """Three bins in a row; overflowing, with sacks on and before them, or tidy."""
    x0, z0 = spot[0] - 0.1, spot[1] + 0.5
    for index, code in enumerate((0x3F7A4E, 0x4A4F57, 0x2F6AA3)):
        x = x0 + 0.95 * (index - 1)
        _bin(view, x, z0, hue(code), ajar=overflowing)
        if overflowing:
            for part in range(4):
                sack(
                    view,
                    x + 0.16 * (part - 1.5),
                    0.88 + 0.10 * (part % 2),
                    z0 + 0.1 - 0.06 * part,
                    0.36,
                    _pick(view, SACKS),
                    snow,
                )
    if not overflowing:
        return
    view.shadow((x0, 0, z0 - 0.75), (1.5, 0.55), 0.5)
    scraps(view, (x0, z0 - 0.9), 80, 0.95, BRIGHT)
    for index in range(17):
        x = x0 + float(view.dice.uniform(-1.5, 1.6))
        y = float(view.dice.uniform(0, 0.22)) if index % 3 == 0 else 0.0
        sack(view, x, y, z0 - 0.42 - 0.05 * index, float(view.dice.uniform(0.3, 0.5)), _pick(view, SACKS), snow)
        if index % 4 == 1:
            view.solid(
                (x + 0.3, 0, z0 - 0.5 - 0.05 * index),
                (0.42, 0.26, 0.32),
                float(view.dice.uniform(-40, 40)),
                _pick(view, CARD),
            )


def mud(view: View, spot: Place, _snow: float) -> None:
    """Wet mud dragged along the road by lorries, with clods."""
    x0 = spot[0] + 1.6

    def dirty(u: Floats, v: Floats, _pixel: Floats) -> Floats:
        return np.asarray(hue(0x6A5640), np.float32) * (0.9 + 0.22 * view.noise(u, v, 0.4))[..., None]

    saved = view.canvas.copy()
    view.plane((-90, 0, 1.0), (1, 0, 0), (0, 0, 1), (180, 60), lambda u, v, p: dirty(u, v, p))
    rows = np.arange(view.canvas.shape[0], dtype=np.float32)[:, None]
    depth = view.eye * view.focal / np.maximum(rows - view.horizon, 1)
    x = (np.arange(view.canvas.shape[1], dtype=np.float32)[None] - view.canvas.shape[1] / 2) / view.focal * depth
    waver = 0.35 * view.noise(depth * np.ones_like(x), x, 2.5)
    cover = np.zeros_like(x)
    for middle in (x0 - 0.85, x0 + 0.75, x0 - 0.2, x0 + 1.5):
        cover = np.maximum(cover, np.clip(1.4 - np.abs(x + waver - middle) / 0.26, 0, 1))
    cover *= (
        np.clip(view.noise(x, depth * np.ones_like(x), 0.8) * 0.9 + 0.62, 0, 0.92)
        * (rows > view.horizon + 4)
        * np.clip((34 - depth) / 12, 0, 1)
    )
    view.canvas[:] = saved + cover[..., None] * (view.canvas - saved)
    for _clod in range(110):
        z = float(view.dice.uniform(3.0, 13))
        x_clod = x0 + float(view.dice.normal(0.2, 1.0))
        size = float(view.dice.uniform(0.04, 0.15))
        u, v = view.project((x_clod, size * 0.4, z))
        blob(view, u, v, size * view.focal / z, 0.6 * size * view.focal / z, hue(0x62503C), depth=z, wrinkled=1.0)


def litter(view: View, spot: Place, snow: float) -> None:
    """Bags, cups and paper blown over the grass."""
    scraps(view, (spot[0], spot[1] + 0.5), 220, 1.7, (*BRIGHT, 0xF2F1EC, 0xF2F1EC))
    where = [
        (spot[0] + float(view.dice.normal(0, 1.3)), spot[1] + float(view.dice.normal(0.4, 1.3))) for _bag in range(34)
    ]
    for x, z in sorted(where, key=lambda at: -at[1]):
        if z < 3:
            continue
        view.shadow((x, 0, z), (0.2, 0.12), 0.35)
        if view.dice.random() < 0.7:
            sack(
                view,
                x,
                0,
                z,
                float(view.dice.uniform(0.14, 0.36)),
                _pick(view, (0xE9E8E4, 0xDDE3E6, 0xC8443A, 0xE6E2D4, 0x7FA6C4, 0x2E2F33)),
                snow * 0.5,
            )
        else:
            _bottle(view, x, 0, z)


def stall(view: View, spot: Place, _snow: float) -> None:
    """A hawker's tricycle with crates of fruit and a parasol, and goods spread on the pavement."""
    x0, z0 = spot[0] + 0.2, spot[1] + 0.8
    view.shadow((x0, 0, z0), (1.9, 1.0), 0.55)
    for x, z in ((-0.75, 0.35), (0.75, 0.35), (-0.75, -0.4), (0.75, -0.4)):
        view.solid((x0 + x, 0, z0 + z), (0.14, 0.5, 0.5), 0, hue(0x26272A))
    view.solid((x0, 0.42, z0), (1.9, 0.34, 1.1), 0, hue(0x2F6AA3))
    fruit = (0xD8772C, 0xB5322B, 0x7FA23F, 0xE0BE43, 0xC9552F)
    for row in range(2):
        for column in range(4):
            x, z = x0 - 0.68 + 0.45 * column, z0 + 0.25 - 0.5 * row
            view.solid((x, 0.76, z), (0.4, 0.16, 0.42), 0, hue(0xA8865A))
            for piece in range(9):
                u, v = view.project((x - 0.13 + 0.13 * (piece % 3), 0.97, z + 0.12 - 0.12 * (piece // 3)))
                size = 0.075 * view.focal / z
                blob(view, u, v, size, size, hue(fruit[(row * 4 + column) % 5]), depth=z, gloss=0.15)
    for index in range(6):
        x, z = x0 - 1.7 + 0.66 * index, z0 - 1.05 - 0.1 * (index % 2)
        view.solid((x, 0, z), (0.5, 0.26, 0.4), 4 * index - 10, _pick(view, (0xB08A5C, 0x3F6F9B, 0xB08A5C, 0xC9C6BC)))
        for piece in range(6):
            u, v = view.project((x - 0.15 + 0.15 * (piece % 3), 0.31, z + 0.06 - 0.14 * (piece // 3)))
            size = 0.085 * view.focal / z
            blob(view, u, v, size, size * 0.9, hue(fruit[(index + 2) % 5]), depth=z, gloss=0.12)
    view.solid((x0 + 0.1, 0.7, z0 + 0.45), (0.05, 1.75, 0.05), 0, hue(0x9EA2A4))
    _parasol(view, x0 + 0.1, 2.35, z0 + 0.45)
    scraps(view, (x0, z0 - 1.4), 50, 0.9, BRIGHT)


def _parasol(view: View, x: float, y: float, z: float) -> None:
    top = view.project((x, y + 0.55, z))
    for index in range(10):
        edge = [np.pi * part / 10 for part in (index, index + 1)]
        rim = [view.project((x - 1.35 * float(np.cos(a)), y - 0.12 * float(np.sin(a)), z)) for a in edge]
        tone = 0.8 + 0.2 * np.sin(edge[0] * 0.8 + 0.6)
        view.polygon([top, *rim], shaded(hue(0xC23B33 if index % 2 else 0xE9E2D2), tone))


def shaft(view: View, spot: Place, _snow: float, *, covered: bool) -> None:
    """A shaft in the ground: its cover gone and a branch stuck in to warn, or a new cover on it."""
    x0, z0 = spot[0], spot[1] - 1.2

    def ring(radius: float) -> list[tuple[float, float]]:
        turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        return [view.project((x0 + radius * float(np.cos(a)), 0.0, z0 + radius * float(np.sin(a)))) for a in turns]

    view.polygon(ring(0.56), hue(0x8A857E), mottle=0.05)
    view.polygon(ring(0.42), hue(0x5B5A58))
    if covered:
        view.polygon(ring(0.40), hue(0x4A4B4D), mottle=0.06)
        for radius in (0.32, 0.22, 0.12):
            view.polygon(ring(radius), hue(0x616266))
            view.polygon(ring(radius - 0.03), hue(0x4A4B4D), mottle=0.06)
        return
    view.polygon(ring(0.38), hue(0x141312))
    for lean, tall in ((0.10, 1.5), (-0.16, 1.1), (0.30, 1.0)):
        x, y = view.project((x0, -0.05, z0))
        scale = view.focal / z0
        top = (x + lean * tall * scale, y - tall * scale)
        view.polygon([(x - 0.02 * scale, y), top, (top[0] + 1, top[1]), (x + 0.02 * scale, y)], hue(0x5A4836))
    x, y = view.project((x0 + 0.12, 1.3, z0))
    size = 0.16 * view.focal / z0
    view.polygon(
        [(x - size, y), (x + size, y - 0.3 * size), (x + 0.8 * size, y + 0.9 * size), (x - 0.7 * size, y + size)],
        hue(0xC23B33),
    )


def swept(view: View, spot: Place) -> None:
    """Faint strokes of a broom where the heap was."""
    for stroke in range(16):
        x, z = spot[0] - 1.3 + 0.17 * stroke, spot[1] - 0.5 + 0.12 * (stroke % 3)
        arc = [(x + 0.45 * float(np.cos(a)), 0.003, z + 0.5 * float(np.sin(a))) for a in np.linspace(0.5, 2.2, 7)]
        line = [view.project(at) for at in arc]
        view.polygon([*line, *((u, v + 2.0) for u, v in reversed(line))], hue(0x5F574C), alpha=0.13)


BEFORE: dict[str, Callable[[View, Place, float], None]] = {
    "heap": heap, "rubble": rubble, "furniture": furniture, "mud": mud, "litter": litter, "stall": stall,
    "bins": lambda view, spot, snow: bins(view, spot, snow, overflowing=True),
    "shaft": lambda view, spot, snow: shaft(view, spot, snow, covered=False),
}  # fmt: skip


def after(view: View, subject: str, spot: Place, snow: float) -> None:
    """The same place once it has been dealt with."""
    if subject == "bins":
        bins(view, spot, snow, overflowing=False)
    elif subject == "shaft":
        shaft(view, spot, snow, covered=True)
    elif subject in {"heap", "rubble", "furniture"} and snow < 0.4:
        swept(view, spot)
