"""Drawn pictures of a stairwell, with old furniture standing about and without. They stand in for photos."""

import io

import numpy as np
from PIL import Image, ImageDraw

from duban.demo.scenery import font

SIZE = (1200, 900)
WALL, DADO, FLOOR, CEILING = (222, 216, 202), (132, 158, 146), (158, 152, 144), (236, 232, 224)
BACK = (400, 180, 800, 610)
"""The far wall; all else runs towards it."""
BOARDS = ((150, 108, 70), (122, 88, 60), (176, 136, 92))
CARTONS = ((196, 164, 118), (180, 148, 104), (206, 178, 136))


def draw_corridor(seed: int, *, cleared: bool) -> bytes:
    """A JPEG; the same bytes for the same seed."""
    dice = np.random.default_rng([seed, 9])
    image = Image.new("RGB", SIZE, WALL)
    pen = ImageDraw.Draw(image)
    width, height = SIZE
    left, top, right, bottom = BACK
    pen.polygon([(0, 0), (width, 0), (right, top), (left, top)], fill=CEILING)
    pen.polygon([(0, height), (width, height), (right, bottom), (left, bottom)], fill=FLOOR)
    for side, edge in ((0, left), (width, right)):
        pen.polygon([(side, 560), (side, height), (edge, bottom), (edge, 430)], fill=DADO)
        pen.line([(side, 560), (edge, 430)], fill=(98, 122, 110), width=5)
    pen.rectangle((left, 430, right, bottom), fill=DADO)
    # A window at the end, its light on the floor.
    pen.rectangle((520, 230, 680, 400), fill=(232, 240, 246), outline=(120, 112, 100), width=8)
    pen.line([(600, 230), (600, 400)], fill=(120, 112, 100), width=6)
    pen.polygon([(520, bottom), (680, bottom), (780, height), (420, height)], fill=(176, 170, 162))
    for step in range(5):
        far = 1 - step / 6
        y = bottom + int((height - bottom) * (1 - far))
        pen.line([(int(left * far), y), (width - int((width - right) * far), y)], fill=(140, 134, 126), width=2)
    if not cleared:
        _furniture(pen, dice)
    pixels = np.asarray(image, np.int16) + dice.normal(0, 5, (height, width, 1)).astype(np.int16)
    across = np.abs(np.linspace(-1, 1, width, dtype=np.float32))[None, :, None]
    light = (1.06 if cleared else 0.97) - 0.16 * across
    shown = Image.fromarray(np.clip(pixels * light, 0, 255).astype(np.uint8))
    ImageDraw.Draw(shown).text((width - 130, height - 52), "示意图", font=font(34), fill=(255, 255, 255))
    file = io.BytesIO()
    shown.save(file, "JPEG", quality=84)
    return file.getvalue()


def _furniture(pen: ImageDraw.ImageDraw, dice: np.random.Generator) -> None:
    """A cupboard and a chair along the left wall, cartons and a bicycle along the right."""
    pen.polygon([(60, 330), (250, 300), (250, 720), (60, 830)], fill=BOARDS[0], outline=(70, 50, 36))
    pen.polygon([(250, 300), (330, 310), (330, 690), (250, 720)], fill=BOARDS[1], outline=(70, 50, 36))
    pen.line([(155, 318), (155, 774)], fill=(70, 50, 36), width=4)
    for x in (140, 170):
        pen.ellipse((x - 6, 540, x + 6, 552), fill=(60, 52, 46))
    pen.polygon([(300, 640), (420, 625), (440, 690), (320, 710)], fill=BOARDS[2], outline=(70, 50, 36))
    for x, y in ((312, 705), (436, 688), (345, 700)):
        pen.line([(x, y), (x, y + 90)], fill=(90, 66, 46), width=8)
    pen.polygon([(300, 640), (420, 625), (420, 500), (300, 515)], fill=BOARDS[0], outline=(70, 50, 36))
    for number in range(6):
        wide, tall = int(dice.uniform(110, 170)), int(dice.uniform(70, 110))
        x = 860 + (number % 2) * 130 + int(dice.uniform(-20, 20))
        y = 800 - (number // 2) * 95
        pen.rectangle((x, y - tall, x + wide, y), fill=CARTONS[number % 3], outline=(128, 98, 62), width=3)
        pen.line([(x, y - tall // 2), (x + wide, y - tall // 2)], fill=(168, 138, 98), width=8)
    for x in (640, 770):
        pen.ellipse((x - 62, 640, x + 62, 764), outline=(52, 50, 48), width=7)
    pen.line([(640, 702), (690, 610), (770, 702), (700, 702), (690, 610)], fill=(150, 52, 40), width=8)
    pen.line([(760, 690), (745, 580), (785, 570)], fill=(52, 50, 48), width=7)
