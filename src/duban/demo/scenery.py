"""What the demo's places are made of: sky, ground, walls, trees, snow, and lettering on boards."""

import math
from functools import cache
from pathlib import Path

import manimgx_fonts_cjk
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from duban.demo.camera import HEIGHT, WIDTH, Colour, Floats, Shader, View, clipped, cutout, hue, inside, mix

AHEAD, UP, RIGHT = (0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)
SNOW = hue(0xEEF2F6)
Place = tuple[float, float]


def sky(view: View) -> None:
    """Light at the horizon, bluer above where the sun is out, with thin cloud."""
    top = np.array(hue(0x6F9FD0) if view.sun else hue(0xB4BEC8), np.float32)
    rows = np.clip(np.arange(HEIGHT, dtype=np.float32) / view.horizon, 0, 1)[:, None, None] ** 0.9
    view.canvas[:] = top * (1 - rows) + np.array(view.haze, np.float32) * rows
    small = view.soft[:150, :300]
    veil = Image.fromarray(np.clip(small * 0.8 + 0.2, 0, 1)).resize((WIDTH, 450), Image.Resampling.BICUBIC)
    view.canvas[:450] += (0.16 if view.sun else 0.05) * np.asarray(veil)[..., None] * (1 - rows[:450])


def skyline(view: View, *, tall: bool) -> None:
    """Roofs or towers and treetops far off, pale."""
    x = -60.0
    while x < WIDTH:
        width = float(view.dice.uniform(50, 130) if tall else view.dice.uniform(90, 240))
        height = float(view.dice.uniform(60, 210) if tall else view.dice.uniform(16, 44))
        grey = 0.60 + 0.08 * float(view.dice.random())
        colour = tuple(grey * 0.45 + 0.55 * part for part in view.haze)
        base = view.horizon + 6
        view.polygon([(x, base), (x, base - height), (x + width, base - height), (x + width, base)], colour)
        if tall:
            for floor in np.arange(base - height + 10, base - 8, 11):
                line = tuple(part * 0.965 for part in colour)
                view.polygon(
                    [(x + 6, floor), (x + width - 6, floor), (x + width - 6, floor + 4), (x + 6, floor + 4)], line
                )
        x += width + float(view.dice.uniform(4, 90))
    box = clipped(0, view.horizon - 46, WIDTH, view.horizon + 5)
    if box is not None:
        edge = view.soft[7, : WIDTH // 2].repeat(2)[:WIDTH] * 13 + view.fine[9, : WIDTH // 2].repeat(2)[:WIDTH] * 6 + 20
        rows = np.arange(box[0].start, box[0].stop, dtype=np.float32)[:, None]
        cover = np.clip((rows - (view.horizon - edge)) / 7, 0, 1) * 0.75
        view.blend(box, cover, tuple(0.5 * a + 0.5 * b for a, b in zip(hue(0x7E7A6E), view.haze, strict=True)))


def ground(view: View, paint: Shader) -> None:
    """Everything below the horizon as one plane; `paint` gets x, z and metres per pixel."""

    def shade(u: Floats, v: Floats, pixel: Floats) -> Floats:
        # Seen at a slant, a pixel covers the more of the ground the farther it lies.
        return paint(u - 90, v + 0.5, pixel * (1 + v / 2))

    view.plane((-90, 0, 0.5), RIGHT, AHEAD, (180, 300), shade, every=2)


def rough(view: View, base: Colour, x: Floats, z: Floats, *, much: float = 1.0) -> Floats:
    """A ground colour with blotches and grit."""
    blotch = 0.10 * view.noise(x, z, 3.1, close=True) + 0.06 * view.noise(x + 7, z, 0.7)
    grit = 0.10 * view.noise(x, z, 0.022, fine=True) * np.clip(1.4 - z / 14, 0, 1)
    return np.asarray(base, np.float32) * (1 + much * (blotch + grit))[..., None]


def snowed(view: View, colour: Floats, x: Floats, z: Floats, snow: float, hold: Floats | float = 0.0) -> Floats:
    """The ground with snow on it, more where `hold` is larger, none where snow is 0."""
    if not snow:
        return colour
    drift = view.noise(x + 31, z + 11, 2.2, close=True) + 0.5 * view.noise(x, z + 5, 0.5)
    cover = np.clip((drift + 2.1 * snow - 1.25 + hold) * 2.6, 0, 0.96)
    return mix(colour, np.asarray(SNOW, np.float32) * (0.97 + 0.03 * view.noise(x, z, 0.3))[..., None], cover)


def plain(u: Floats, colour: Colour) -> Floats:
    """One colour for all."""
    return np.broadcast_to(np.asarray(colour, np.float32), (*u.shape, 3))


def bricks(view: View, base: Colour, *, plaster: float = 0.0) -> Shader:
    """Courses of brick, grimy at the foot; `plaster` is how much of it is whitewashed."""

    def shade(u: Floats, v: Floats, pixel: Floats) -> Floats:
        row = np.floor(v / 0.075)
        along = u / 0.27 + 0.5 * (row % 2)
        lot = view.fine[(row.astype(np.int32) * 37) & 1023, (np.floor(along).astype(np.int32) * 11) & 1023]
        joint = np.maximum(
            1 - inside(v % 0.075, 0.006, 0.069, pixel), 1 - inside((along % 1) * 0.27, 0.006, 0.264, pixel)
        )
        joint = joint * np.clip(0.02 / pixel, 0, 1)
        colour = np.asarray(base, np.float32) * (0.94 + 0.14 * lot + 0.07 * view.noise(u, v, 1.4))[..., None]
        colour = mix(colour, np.asarray(base, np.float32) * 0.55 + 0.30, 0.7 * joint)
        if plaster:
            white = np.clip((view.noise(u + 3, v, 1.8) + 2.4 * plaster - 1.0) * 5, 0, 1) * 0.9
            colour = mix(
                colour, np.asarray(hue(0xDAD6CC), np.float32) * (0.97 + 0.05 * view.noise(u, v, 0.6))[..., None], white
            )
        return colour * (1 - 0.35 * np.exp(-v / 0.35))[..., None]

    return shade


def flat(view: View, base: Colour, *, streaks: float = 0.06) -> Shader:
    """Render or concrete, with stains that run down."""

    def shade(u: Floats, v: Floats, _pixel: Floats) -> Floats:
        run = streaks * view.noise(u, v * 0.12, 0.5) + 0.04 * view.noise(u, v, 1.7)
        return np.asarray(base, np.float32) * (1 + run - 0.2 * np.exp(-v / 0.3))[..., None]

    return shade


def flats(view: View, base: Colour) -> Shader:
    """The front of a block of flats: windows, frames, ledges, here and there the box of an air conditioner."""

    def shade(u: Floats, v: Floats, pixel: Floats) -> Floats:
        wall = flat(view, base)(u, v, pixel)
        bay, floor = np.floor(u / 3.4), np.floor((v - 0.6) / 2.9)
        x, y = u - bay * 3.4, v - 0.6 - floor * 2.9
        lot = view.fine[(floor.astype(np.int32) * 53) & 1023, (bay.astype(np.int32) * 29) & 1023]
        wall = wall * (1 - 0.14 * inside(y, 2.72, 2.9, pixel))[..., None]
        frame = inside(x, 0.75, 2.65, pixel) * inside(y, 0.85, 2.45, pixel) * (floor >= 0)
        glass = frame * inside(x, 0.83, 2.57, pixel) * inside(y, 0.93, 2.37, pixel)
        glass *= 1 - inside(x, 1.66, 1.74, pixel)
        wall = mix(wall, hue(0xE8E8E4), frame * 0.95)
        pane = np.asarray(hue(0x55636F), np.float32) * (0.85 + 0.5 * lot + 0.22 * y)[..., None]
        pane = mix(pane, hue(0xC9C2AE), np.clip(lot * 4 - 1.2, 0, 1) * inside(x, 0.83, 1.5, pixel) * 0.8)
        wall = mix(wall, pane, glass)
        cooler = inside(x, 2.72, 3.28, pixel) * inside(y, 0.7, 1.2, pixel) * (lot < 0.1)
        wall = mix(wall, hue(0xD6D7D6), cooler * (floor >= 0))
        return mix(wall, hue(0x8F9496), cooler * inside(x, 2.82, 3.12, pixel) * inside(y, 0.78, 1.12, pixel))

    return shade


def stencilled(view: View, text: str, ink: Colour, under: Colour, size: tuple[float, float]) -> Shader:
    """A board `size` metres wide and high with a line of text."""
    sign = _lettering(text, size[0] / size[1])
    # Along a wall on the left the letters run away from us, which is the way they are read.
    sign = sign[:, ::-1] if view.mirrored else sign

    def shade(u: Floats, v: Floats, _pixel: Floats) -> Floats:
        rows = np.clip((1 - v / size[1]) * sign.shape[0], 0, sign.shape[0] - 1).astype(np.int32)
        columns = np.clip(u / size[0] * sign.shape[1], 0, sign.shape[1] - 1).astype(np.int32)
        return mix(plain(u, under), ink, sign[rows, columns])

    return shade


@cache
def _lettering(text: str, shape: float) -> Floats:
    image = Image.new("L", (round(200 * shape), 200))
    pen = ImageDraw.Draw(image)
    size = min(140, round(140 * 0.92 * image.width / pen.textlength(text, font=font(140))))
    pen.text((image.width / 2, 100), text, font=font(size), fill=255, anchor="mm", stroke_width=3)
    return gaussian_filter(np.asarray(image, np.float32) / 255, 1.6)


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The Chinese face that typeset uses too."""
    folder = Path(manimgx_fonts_cjk.__file__).parent
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".ttf", ".otf", ".ttc"})
    return ImageFont.truetype(str(files[0]), size)


@cache
def _crown(seed: int, slender: bool) -> Image.Image:
    """A bare winter tree, black on white's place, twice the size it is ever shown at."""
    dice = np.random.default_rng([seed, 77])
    image = Image.new("L", (900, 1400))
    pen = ImageDraw.Draw(image)

    def grow(x: float, y: float, angle: float, length: float, width: float) -> None:
        tip = (x + length * math.sin(angle), y - length * math.cos(angle))
        pen.line((x, y, *tip), fill=255, width=max(1, round(width)))
        if length < 24:
            return
        for turn in (-1, 1):
            spread = float(dice.uniform(0.12, 0.3) if slender else dice.uniform(0.22, 0.55))
            grow(
                *tip,
                angle * (0.8 if slender else 0.98) + turn * spread,
                length * float(dice.uniform(0.66, 0.84)),
                width * 0.68,
            )
        if slender and length > 120:
            grow(*tip, angle * 0.5, length * 0.8, width * 0.7)

    pen.polygon([(432, 1400), (440, 1120), (460, 1120), (470, 1400)], fill=255)
    grow(450, 1130, float(dice.normal(0, 0.03)), 230 if slender else 210, 21)
    return image


def tree(view: View, spot: Place, tall: float, *, slender: bool = False) -> None:
    """A bare tree standing at (x, z), `tall` metres high."""
    x, foot = view.project((spot[0], 0, spot[1]))
    height = tall * view.focal / spot[1]
    crown = _crown(int(view.dice.integers(3)), slender)
    shown = crown.resize((max(2, round(height * 900 / 1400)), max(2, round(height))), Image.Resampling.BOX)
    left, top = round(x - shown.width / 2), round(foot - shown.height)
    box = clipped(left, top, left + shown.width - 1, top + shown.height - 1)
    if box is None:
        return
    view.shadow((spot[0] + 0.2, 0, spot[1]), (0.9, 0.35), 0.25)
    mask = np.asarray(shown, np.float32)[
        box[0].start - top : box[0].stop - top, box[1].start - left : box[1].stop - left
    ]
    colour = view.fog(np.asarray(hue(0x4E4238), np.float32)[None], np.array([spot[1]], np.float32))[0]
    view.blend(box, np.clip(mask / 255 * 1.15, 0, 1), colour)


def shrubs(view: View, left: float, right: float, z: float, tall: float, colour: Colour, snow: float) -> None:
    """A row of clipped evergreens across the view."""
    for index in range(int((right - left) / 0.55)):
        x, y = view.project((left + index * 0.55, tall * 0.5, z + 0.2 * math.sin(index)))
        blob(view, x, y, 0.42 * view.focal / z, 0.55 * tall * view.focal / z, colour, depth=z, leafy=0.5, capped=snow)


def blob(
    view: View, x: float, y: float, wide: float, high: float, colour: Colour, *,
    depth: float, leafy: float = 0.0, wrinkled: float = 0.0, gloss: float = 0.0, capped: float = 0.0,
) -> None:  # fmt: skip
    """A rounded body about the pixel (x, y): a sack, a bush; lit from above left.

    `leafy` breaks it up, `wrinkled` folds it, `gloss` lets film shine, `capped` lays snow on top.
    """
    box = clipped(x - 1.25 * wide, y - 1.25 * high, x + 1.25 * wide, y + 1.25 * high)
    if box is None or wide < 1 or high < 1:
        return
    rows, columns = np.mgrid[box].astype(np.float32)
    across, down = (columns - x) / wide, (rows - y) / high
    turn = np.arctan2(down, across)
    start = int(abs(x) * 7 + abs(y) * 13)
    edge = 1 + 0.10 * np.sin(3 * turn + start) + 0.06 * np.sin(7 * turn + 2 * start) - 0.12 * np.clip(down, 0, 1)
    away = np.hypot(across, down * np.where(down > 0, 1.12, 1)) / edge
    cover = np.clip((1 - away) * min(wide, high) * 0.8, 0, 1)
    grain, folds = cutout(view.fine, start, cover.shape), cutout(view.soft, 5 * start, cover.shape)
    if leafy:
        cover = cover * np.clip(1 + 2 * leafy * grain * np.clip(away * 3 - 1.6, 0, 1), 0, 1)
    bulge = np.sqrt(np.clip(1 - away**2, 0, 1))
    light = 0.62 + 0.30 * bulge * (0.55 - 0.45 * across) - 0.34 * down
    if wrinkled:
        lines = np.sin(9 * turn + 5 * folds + start) * np.clip(away * 1.2, 0, 1)
        light = light + wrinkled * (0.10 * lines + 0.16 * folds)
    light = light + 0.16 * leafy * grain
    shade = np.asarray(colour, np.float32) * np.clip(light, 0.18, 1.5)[..., None]
    if gloss:
        shine = np.clip(bulge * (0.5 - 0.8 * across - 0.9 * down) + 0.45 * folds - 0.62, 0, 1) * 2.2
        shade = shade + gloss * shine[..., None]
    if capped:
        shade = mix(shade, SNOW, np.clip((-down - 0.62 + 0.5 * capped + 0.25 * folds) * 4, 0, 1) * capped)
    view.blend(box, cover, np.clip(view.fog(shade, depth), 0, 1))


def wall_along(view: View, x: float, near: float, far: float, tall: float, shade: Shader, snow: float) -> None:
    """A wall that runs away from us at `x`, with a coping and its dark foot on the ground."""
    view.plane((x, 0, near), AHEAD, UP, (far - near, tall), shade)
    coping = flat(view, hue(0x8D8A85))
    view.plane((x, tall, near), AHEAD, UP, (far - near, 0.12), lambda u, v, p: coping(u, v + 1, p))
    if snow:
        side = 1 if x < 0 else -1
        view.plane(
            (x + 0.06 * side, tall + 0.12, near),
            AHEAD,
            UP,
            (far - near, 0.10),
            lambda u, v, p: plain(u, SNOW),
        )


def beside(x: Floats, wall: float) -> Floats:
    """How dark the ground is at the foot of a wall."""
    return 1 - 0.38 * np.exp(-np.abs(x - wall) / 0.5)
