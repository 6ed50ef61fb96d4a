"""Drawn pictures of an entrance's wall: bare, with pupils' works being hung, and full. They stand in for photos."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from duban.demo.scenery import font

SIZE = (1200, 900)
ROWS, COLUMNS = 3, 5
WALL, DADO, FLOOR = (226, 220, 205), (122, 152, 136), (150, 146, 140)
PAPERS = ((250, 246, 236), (244, 229, 200), (233, 240, 240), (248, 226, 222))
INKS = ((38, 34, 32), (168, 44, 34), (44, 96, 78), (40, 72, 128), (190, 120, 30))
CHARACTERS = "和邻家善美福礼信爱勤洁暖春安乐"
Box = tuple[int, int, int, int]


def draw_wall(seed: int, works: int) -> bytes:
    """A JPEG of the wall with so many works on it (at most 15, the rest hang elsewhere); 0 is the wall as it was."""
    dice = np.random.default_rng([seed, 5])
    image = Image.new("RGB", SIZE, WALL)
    pen = ImageDraw.Draw(image)
    width, height = SIZE
    pen.rectangle((0, height * 7 // 10, width, height), fill=DADO)
    pen.rectangle((0, height * 19 // 20, width, height), fill=FLOOR)
    pen.line((0, height * 7 // 10, width, height * 7 // 10), fill=(90, 116, 102), width=6)
    if not works:
        _stains(pen, dice)
    across, down = width // COLUMNS, height * 68 // 100 // ROWS
    for place in range(min(works, ROWS * COLUMNS)):
        x, y = (place % COLUMNS) * across, (place // COLUMNS) * down
        wide, tall = int(across * dice.uniform(0.6, 0.78)), int(down * dice.uniform(0.66, 0.82))
        left, top = x + (across - wide) // 2, y + (down - tall) // 2 + 12
        _work(pen, (left, top, left + wide, top + tall), dice)
    pixels = np.asarray(image, np.int16) + dice.normal(0, 5, (height, width, 1)).astype(np.int16)
    light = 1.05 - 0.22 * np.linspace(0, 1, width, dtype=np.float32)[None, :, None]
    shown = Image.fromarray(np.clip(pixels * light, 0, 255).astype(np.uint8))
    caption = ImageDraw.Draw(shown)
    caption.text((width - 130, height - 52), "示意图", font=font(34), fill=(255, 255, 255))
    file = io.BytesIO()
    shown.save(file, "JPEG", quality=84)
    return file.getvalue()


def _stains(pen: ImageDraw.ImageDraw, dice: np.random.Generator) -> None:
    """Torn advertisements, scratches and damp: what the residents listed."""
    for _one in range(14):
        x, y = int(dice.uniform(40, SIZE[0] - 160)), int(dice.uniform(60, SIZE[1] * 0.6))
        shade = int(dice.uniform(182, 214))
        pen.rectangle(
            (x, y, x + int(dice.uniform(40, 130)), y + int(dice.uniform(30, 80))), fill=(shade, shade - 4, shade - 16)
        )
    for _one in range(9):
        left, top = dice.uniform(0, SIZE[0]), dice.uniform(0, SIZE[1] * 0.7)
        pen.line((left, top, left + dice.uniform(-120, 120), top + dice.uniform(20, 90)), fill=(150, 142, 128), width=3)


def _work(pen: ImageDraw.ImageDraw, box: Box, dice: np.random.Generator) -> None:
    """One framed work: calligraphy, bamboo, a flower, hills."""
    left, top, right, bottom = box
    pen.rectangle((left + 6, top + 8, right + 8, bottom + 10), fill=(188, 180, 164))
    pen.rectangle(box, fill=(96, 68, 44))
    inner = (left + 8, top + 8, right - 8, bottom - 8)
    pen.rectangle(inner, fill=PAPERS[int(dice.integers(len(PAPERS)))])
    kinds: tuple[Callable[[ImageDraw.ImageDraw, Box, np.random.Generator], None], ...] = (
        _character,
        _bamboo,
        _flower,
        _hills,
    )
    kinds[int(dice.integers(len(kinds)))](pen, inner, dice)


def _character(pen: ImageDraw.ImageDraw, box: Box, dice: np.random.Generator) -> None:
    size = int(min(box[2] - box[0], box[3] - box[1]) * 0.78)
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    pen.text(
        middle,
        CHARACTERS[int(dice.integers(len(CHARACTERS)))],
        font=font(size),
        fill=INKS[int(dice.integers(2))],
        anchor="mm",
    )


def _bamboo(pen: ImageDraw.ImageDraw, box: Box, dice: np.random.Generator) -> None:
    left, top, right, bottom = box
    for stem in (0.3, 0.55, 0.75):
        x = left + (right - left) * stem
        pen.line((x, bottom - 6, x + 6, top + 10), fill=INKS[2], width=7)
        for _leaf in range(5):
            y = dice.uniform(top + 16, bottom - 24)
            way = 1 if dice.random() < 0.5 else -1
            pen.polygon([(x + 3, y), (x + way * 30, y + 12), (x + way * 12, y + 18)], fill=(70, 128, 96))


def _flower(pen: ImageDraw.ImageDraw, box: Box, dice: np.random.Generator) -> None:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    size = min(box[2] - box[0], box[3] - box[1]) * 0.22
    pen.line((x, y, x - 8, box[3] - 8), fill=INKS[2], width=6)
    ink = INKS[int(dice.integers(1, len(INKS)))]
    for turn in np.linspace(0, 2 * np.pi, 6)[:-1]:
        cx, cy = x + size * np.cos(turn), y + size * np.sin(turn)
        pen.ellipse((cx - size * 0.7, cy - size * 0.7, cx + size * 0.7, cy + size * 0.7), fill=ink)
    pen.ellipse((x - size * 0.5, y - size * 0.5, x + size * 0.5, y + size * 0.5), fill=(236, 190, 70))


def _hills(pen: ImageDraw.ImageDraw, box: Box, dice: np.random.Generator) -> None:
    left, top, right, bottom = box
    pen.ellipse((right - 46, top + 14, right - 16, top + 44), fill=INKS[1])
    for shade in (0.5, 0.72):
        peak = left + (right - left) * dice.uniform(0.25, 0.75)
        pen.polygon(
            [(left, bottom), (peak, top + (bottom - top) * (1 - shade)), (right, bottom)],
            fill=(110, 138, 150) if shade > 0.6 else (74, 104, 112),
        )
