"""Drawn pictures that stand in for photos: the same scene before, with a heap of rubbish, and after, cleared.

Everything follows from the seed, so that a picture is the same bytes on every machine with the same libraries.
"""

import io
from datetime import datetime
from functools import cache
from pathlib import Path

import manimgx_fonts_cjk
import numpy as np
from PIL import ExifTags, Image, ImageDraw, ImageFilter, ImageFont

SIZE = (1600, 1200)
HORIZON = 560
Colour = tuple[int, int, int]
SKIES: list[tuple[Colour, Colour]] = [
    ((176, 190, 205), (226, 229, 230)),
    ((150, 175, 205), (228, 226, 216)),
    ((188, 190, 192), (224, 222, 218)),
]
GROUNDS: list[Colour] = [(150, 140, 124), (138, 134, 130), (160, 148, 126)]
WALLS: list[Colour] = [(168, 104, 84), (188, 178, 160), (150, 152, 156), (196, 170, 128)]
RUBBISH: list[Colour] = [
    (206, 205, 198), (88, 108, 138), (158, 84, 74), (66, 67, 70), (198, 176, 108), (104, 122, 98), (146, 118, 92),
]  # fmt: skip


def draw_picture(
    seed: int, *, cleared: bool, taken_at: datetime | None = None, at: tuple[float, float] | None = None
) -> bytes:
    """A JPEG of the scene `seed`; `taken_at` and `at` (lon, lat) are written into EXIF as a camera would."""
    dice = np.random.default_rng(seed)
    image = _sky(dice)
    _far(image, dice)
    ground: Colour = GROUNDS[seed % len(GROUNDS)]
    _ground(image, ground, dice)
    (_wall, _building, _ditch, _lane)[seed % 4](image, dice)
    _trees(image, dice)
    _snow(image, dice)
    spot = (int(dice.integers(640, 940)), int(dice.integers(900, 980)))
    heap_seed = int(dice.integers(1 << 30))
    if cleared:
        _swept(image, spot)
    else:
        _heap(image, spot, np.random.default_rng(heap_seed))
    image = _grain(image, dice)
    _caption(image)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=84, exif=_exif(taken_at, at))
    return file.getvalue()


def _shade(colour: Colour, by: float) -> Colour:
    red, green, blue = (max(0, min(255, round(part * by))) for part in colour)
    return red, green, blue


def _sky(dice: np.random.Generator) -> Image.Image:
    top, bottom = SKIES[int(dice.integers(len(SKIES)))]
    part = np.linspace(0, 1, SIZE[1])[:, None, None] ** 0.8
    rows = np.array(top) * (1 - part) + np.array(bottom) * part
    return Image.fromarray(np.repeat(rows, SIZE[0], axis=1).astype(np.uint8))


def _far(image: Image.Image, dice: np.random.Generator) -> None:
    """A pale line of roofs and poplars on the horizon."""
    layer = Image.new("RGBA", SIZE)
    pen = ImageDraw.Draw(layer)
    x = -40
    while x < SIZE[0]:
        width, height = int(dice.integers(60, 190)), int(dice.integers(24, 130))
        grey = int(dice.integers(150, 182))
        pen.rectangle((x, HORIZON - height, x + width, HORIZON + 4), fill=(grey, grey + 4, grey + 10, 255))
        if dice.random() < 0.5:
            pen.polygon(
                [(x - 8, HORIZON - height), (x + width / 2, HORIZON - height - 26), (x + width + 8, HORIZON - height)],
                fill=(grey - 14, grey - 14, grey - 8, 255),
            )
        x += width + int(dice.integers(0, 60))
    image.paste(layer.filter(ImageFilter.GaussianBlur(2.2)), (0, 0), layer.filter(ImageFilter.GaussianBlur(2.2)))


def _ground(image: Image.Image, colour: Colour, dice: np.random.Generator) -> None:
    height = SIZE[1] - HORIZON
    depth = np.linspace(1.12, 0.82, height)[:, None, None]
    rough = dice.normal(0, 1, (height // 6 + 1, SIZE[0] // 12 + 1))
    texture = np.asarray(
        Image.fromarray(((rough - rough.min()) / np.ptp(rough) * 255).astype(np.uint8)).resize((SIZE[0], height))
    )[..., None]
    rows = np.array(colour) * depth + (texture.astype(float) - 128) * 0.10
    image.paste(Image.fromarray(rows.clip(0, 255).astype(np.uint8)), (0, HORIZON))


def _polygon(image: Image.Image, corners: list[tuple[float, float]], colour: Colour) -> None:
    ImageDraw.Draw(image).polygon(corners, fill=colour)


def _wall(image: Image.Image, dice: np.random.Generator) -> None:
    """A brick wall that runs away along the left side of a village lane."""
    colour = WALLS[int(dice.integers(2))]
    near, far = 250.0, 12.0
    _polygon(image, [(0, HORIZON - near), (760, HORIZON - far), (760, HORIZON + 26), (0, 1010)], colour)
    pen = ImageDraw.Draw(image)
    for row in range(15):
        part = row / 15
        pen.line(
            (0, HORIZON - near + part * (1010 - HORIZON + near), 760, HORIZON - far + part * (26 + far)),
            fill=_shade(colour, 0.86),
            width=3,
        )
        for column in range(26):
            back = 1 - (1 - (column + 0.5 * (row % 2)) / 26) ** 1.6
            x = 760 * back
            y0 = (HORIZON - near) * (1 - back) + (HORIZON - far) * back
            y1 = 1010 * (1 - back) + (HORIZON + 26) * back
            pen.line((x, y0 + (y1 - y0) * part, x, y0 + (y1 - y0) * (row + 1) / 15), fill=_shade(colour, 0.88), width=2)
    _polygon(
        image,
        [(0, HORIZON - near - 26), (760, HORIZON - far - 5), (760, HORIZON - far), (0, HORIZON - near)],
        (120, 116, 112),
    )
    _polygon(image, [(0, 1010), (760, HORIZON + 26), (860, HORIZON + 30), (0, 1120)], (112, 106, 100))


def _building(image: Image.Image, dice: np.random.Generator) -> None:
    """The long front of an apartment building with a kerb before it."""
    colour = WALLS[1 + int(dice.integers(3))]
    _polygon(image, [(0, 60), (1600, 190), (1600, 700), (0, 820)], colour)
    pen = ImageDraw.Draw(image)
    for floor in range(4):
        for bay in range(9):
            x0, x1 = 60 + bay * 172, 60 + bay * 172 + 96
            slope = 130 / 1600
            y0 = 110 + floor * 165 + x0 * slope * (1 - floor * 0.42)
            y1 = y0 + 96
            pen.rectangle((x0 - 7, y0 - 7, x1 + 7, y1 + 7), fill=_shade(colour, 1.12))
            glass = int(dice.integers(70, 120))
            pen.rectangle((x0, y0, x1, y1), fill=(glass, glass + 14, glass + 26))
            pen.line(((x0 + x1) / 2, y0, (x0 + x1) / 2, y1), fill=(210, 210, 206), width=5)
    _polygon(image, [(0, 820), (1600, 700), (1600, 724), (0, 850)], (196, 194, 188))
    _polygon(image, [(0, 850), (1600, 724), (1600, 750), (0, 890)], (128, 124, 120))


def _ditch(image: Image.Image, dice: np.random.Generator) -> None:
    """A ditch with reeds and a narrow concrete bank."""
    _polygon(
        image, [(1010, HORIZON + 6), (1090, HORIZON + 6), (1600, 1010), (1600, 1200), (1330, 1200)], (104, 122, 126)
    )
    _polygon(image, [(985, HORIZON + 6), (1012, HORIZON + 6), (1335, 1200), (1210, 1200)], (186, 182, 172))
    pen = ImageDraw.Draw(image)
    for _ripple in range(40):
        part = float(dice.random())
        x, y = 1060 + 420 * part, HORIZON + 30 + 560 * part
        pen.line((x, y, x + 20 + 70 * part, y + 2), fill=(150, 166, 168), width=2)
    for _reed in range(260):
        part = float(dice.random()) ** 0.7
        x = 1095 + 520 * part + float(dice.normal(0, 18))
        y = HORIZON + 12 + 430 * part
        tip = 26 + 110 * part * float(dice.random())
        pen.line((x, y, x + float(dice.normal(0, 9)), y - tip), fill=(176, 152, 96), width=2 + int(2 * part))


def _lane(image: Image.Image, dice: np.random.Generator) -> None:
    """An asphalt road between fields, with a row of poles."""
    _polygon(image, [(780, HORIZON), (830, HORIZON), (1500, 1200), (120, 1200)], (112, 112, 114))
    for part in (0.02, 0.12, 0.26, 0.46, 0.74):
        y0, y1 = HORIZON + 640 * part, HORIZON + 640 * (part + 0.07)
        _polygon(
            image,
            [(804 - 4 * part, y0), (806 + 4 * part, y0), (806 + 14 * part, y1), (804 - 14 * part, y1)],
            (222, 218, 206),
        )
    pen = ImageDraw.Draw(image)
    for part in (0.06, 0.16, 0.34, 0.64):
        x, y = 850 + 620 * part, HORIZON + 460 * part
        pen.line((x, y, x, y - 90 - 620 * part), fill=(96, 92, 88), width=3 + int(12 * part))
        pen.line(
            (x - 60 * part - 8, y - 70 - 540 * part, x + 60 * part + 8, y - 70 - 540 * part),
            fill=(96, 92, 88),
            width=2 + int(8 * part),
        )


def _trees(image: Image.Image, dice: np.random.Generator) -> None:
    """Bare winter trees; their twigs fork by the seed."""
    pen = ImageDraw.Draw(image)

    def grow(x: float, y: float, angle: float, length: float, width: float) -> None:
        if length < 9:
            return
        tip = (x + length * np.sin(angle), y - length * np.cos(angle))
        pen.line((x, y, *tip), fill=(86, 74, 64), width=max(1, round(width)))
        for turn in (-0.42, 0.36):
            grow(
                *tip, angle + turn + float(dice.normal(0, 0.14)), length * float(dice.uniform(0.66, 0.8)), width * 0.66
            )

    for _tree in range(3):
        x = float(dice.uniform(1120, 1560)) if dice.random() < 0.7 else float(dice.uniform(60, 420))
        grow(x, HORIZON + float(dice.uniform(30, 130)), 0.0, float(dice.uniform(84, 120)), float(dice.uniform(9, 15)))


def _snow(image: Image.Image, dice: np.random.Generator) -> None:
    """Patches left by the snow of 18 January."""
    layer = Image.new("L", SIZE)
    pen = ImageDraw.Draw(layer)
    for _patch in range(34):
        part = float(dice.random())
        x, y = float(dice.uniform(0, 1600)), HORIZON + 24 + 600 * part
        half = (20 + 120 * part) * float(dice.uniform(0.5, 1.6))
        pen.ellipse((x - half, y - half * 0.14, x + half, y + half * 0.14), fill=int(dice.integers(70, 190)))
    image.paste((240, 243, 246), (0, 0), layer.filter(ImageFilter.GaussianBlur(9)))


def _heap(image: Image.Image, spot: tuple[int, int], dice: np.random.Generator) -> None:
    """Bags, boards, rags and rubble, the far ones first, on a soft shadow."""
    x0, y0 = spot
    shadow = Image.new("L", SIZE)
    ImageDraw.Draw(shadow).ellipse((x0 - 340, y0 - 20, x0 + 390, y0 + 130), fill=150)
    image.paste((58, 54, 50), (0, 0), shadow.filter(ImageFilter.GaussianBlur(26)))
    pen = ImageDraw.Draw(image)
    count = 210
    across = dice.normal(0, 0.42, count).clip(-1, 1)
    up = dice.random(count)
    for index in np.argsort(-up):
        height = (1 - abs(float(across[index])) ** 1.5) * 210
        x = x0 + 320 * float(across[index])
        y = y0 + 80 - height * float(up[index])
        size = float(dice.uniform(16, 46))
        colour = _shade(RUBBISH[int(dice.integers(len(RUBBISH)))], float(dice.uniform(0.72, 1.08)))
        turn = float(dice.uniform(0, np.pi))
        if dice.random() < 0.45:
            box = (x - size, y - size * 0.8, x + size, y + size * 0.8)
            pen.ellipse(box, fill=colour, outline=_shade(colour, 0.7), width=2)
            pen.arc((box[0] + 6, box[1] + 5, box[2] - 6, box[3] - 6), 200, 300, fill=_shade(colour, 1.25), width=4)
        else:
            long, short = size * float(dice.uniform(1.0, 2.2)), size * float(dice.uniform(0.3, 0.7))
            corners = [
                (
                    x + a * long * np.cos(turn) - b * short * np.sin(turn),
                    y + 0.6 * (a * long * np.sin(turn) + b * short * np.cos(turn)),
                )
                for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
            ]
            pen.polygon(corners, fill=colour, outline=_shade(colour, 0.66))
    for _scrap in range(46):
        x, y = x0 + float(dice.normal(0, 330)), y0 + 110 + float(dice.normal(0, 34))
        size = float(dice.uniform(4, 13))
        pen.rectangle((x, y, x + size * 1.8, y + size), fill=RUBBISH[int(dice.integers(len(RUBBISH)))])


def _swept(image: Image.Image, spot: tuple[int, int]) -> None:
    """Cleared ground: a paler patch with the strokes of a broom."""
    x0, y0 = spot
    patch = Image.new("L", SIZE)
    ImageDraw.Draw(patch).ellipse((x0 - 380, y0 - 40, x0 + 400, y0 + 150), fill=86)
    image.paste((186, 178, 164), (0, 0), patch.filter(ImageFilter.GaussianBlur(30)))
    strokes = Image.new("L", SIZE)
    pen = ImageDraw.Draw(strokes)
    for stroke in range(18):
        x = x0 - 320 + stroke * 38
        pen.arc((x - 120, y0 - 40, x + 120, y0 + 160), 200, 330, fill=46, width=3)
    image.paste((120, 112, 100), (0, 0), strokes.filter(ImageFilter.GaussianBlur(1.6)))


def _grain(image: Image.Image, dice: np.random.Generator) -> Image.Image:
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(0.7)), dtype=np.float32)
    noise = dice.normal(0, 4.5, pixels.shape[:2]).astype(np.float32)[..., None]
    across = np.linspace(-1, 1, SIZE[0], dtype=np.float32)[None, :, None]
    down = np.linspace(-1, 1, SIZE[1], dtype=np.float32)[:, None, None]
    vignette = 1 - 0.12 * (across**2 + down**2)
    return Image.fromarray((pixels * vignette + noise).clip(0, 255).astype(np.uint8))


@cache
def _font() -> ImageFont.FreeTypeFont:
    folder = Path(manimgx_fonts_cjk.__file__).parent
    file = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".ttf", ".otf", ".ttc"})[0]
    return ImageFont.truetype(str(file), 34)


def _caption(image: Image.Image) -> None:
    """What it is, in a corner: nobody shall take it for a photo."""
    pen = ImageDraw.Draw(image, "RGBA")
    pen.rectangle((SIZE[0] - 176, SIZE[1] - 70, SIZE[0] - 24, SIZE[1] - 20), fill=(255, 255, 255, 170))
    pen.text((SIZE[0] - 100, SIZE[1] - 46), "示意图", font=_font(), fill=(40, 40, 40), anchor="mm")


def _exif(taken_at: datetime | None, at: tuple[float, float] | None) -> Image.Exif:
    exif = Image.Exif()
    if taken_at is not None:
        photo = exif.get_ifd(ExifTags.IFD.Exif)
        photo[ExifTags.Base.DateTimeOriginal] = taken_at.strftime("%Y:%m:%d %H:%M:%S")
        photo[ExifTags.Base.OffsetTimeOriginal] = f"{taken_at:%z}"[:3] + ":" + f"{taken_at:%z}"[3:]
    if at is not None:
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude] = "E", _sexagesimal(at[0])
        gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude] = "N", _sexagesimal(at[1])
    return exif


def _sexagesimal(degrees: float) -> tuple[float, float, float]:
    whole, rest = divmod(abs(degrees) * 60, 60)
    minutes, seconds = divmod(rest * 60, 60)
    return whole, minutes, round(seconds, 4)
