"""Drawn pictures that stand in for photos: the same place before, with what was found there, and after, dealt with.

Everything follows from the seed, so that a picture is the same bytes on every machine with the same libraries.
"""

import io
from datetime import datetime
from functools import cache

import numpy as np
from PIL import ExifTags, Image, ImageDraw

from duban.demo import rubbish
from duban.demo.camera import HEIGHT, WIDTH, Floats, View, cutout, hue, tiles
from duban.demo.scenery import font
from duban.demo.stages import STAGES

SIZE = (1600, 1200)
HAZES = (0xCDD2D6, 0xD6D5CF, 0xC6CED6)
SUBJECTS = {
    "01002": "shaft", "01003": "shaft", "06010": "heap", "06011": "rubble", "06012": "mud", "06017": "litter",
    "06036": "furniture", "06042": "bins", "09005": "stall", "09006": "stall",
}  # fmt: skip
"""Category code -> what is drawn for it."""


def draw_picture(
    seed: int,
    *,
    cleared: bool,
    stage: str = "",
    subject: str = "heap",
    snow: float = 0.0,
    taken_at: datetime | None = None,
    at: tuple[float, float] | None = None,
) -> bytes:
    """A JPEG of one of STAGES (by the seed if not said), with one of rubbish.BEFORE or `cleared` of it.

    `snow` is how much lies, 0 to 1; `taken_at` and `at` (lon, lat) are written into EXIF as a camera would.
    """
    dice = np.random.default_rng([seed, 1])
    view = View(
        dice,
        eye=float(dice.uniform(1.52, 1.72)),
        horizon=float(dice.uniform(330, 390)),
        haze=hue(HAZES[int(dice.integers(len(HAZES)))]),
        clear=float(dice.uniform(70, 130)),
        sun=float(dice.random() < 0.45),
        mirrored=bool(dice.random() < 0.5),
    )
    x, z = STAGES[stage or sorted(STAGES)[seed % len(STAGES)]](view, snow)
    # A slider stands in the middle and shows what was before on its left, so rubbish must not lie far on the right.
    spot = (x + 0.6 if view.mirrored else x, z)
    view.dice = np.random.default_rng([seed, 2])
    if cleared:
        rubbish.after(view, subject, spot, snow)
    else:
        rubbish.BEFORE[subject](view, spot, snow)
    image = _developed(view.canvas[:, ::-1] if view.mirrored else view.canvas, view.sun, seed + cleared)
    _caption(image)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=84, exif=_exif(taken_at, at))
    return file.getvalue()


def _developed(canvas: Floats, sun: float, seed: int) -> Image.Image:
    """As a phone would have taken it: a little warmth or cold, darker corners, grain."""
    pixels = canvas * _light(bool(sun))
    np.clip(pixels, 0, 255, out=pixels)
    image = Image.fromarray(pixels.astype(np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    taken = np.array(image, np.int16)
    taken += cutout(_grain(), seed * 131, (SIZE[1], SIZE[0]))[..., None]
    np.clip(taken, 0, 255, out=taken)
    return Image.fromarray(taken.astype(np.uint8))


@cache
def _light(sun: bool) -> Floats:
    """How bright the lens lets each pixel and colour be."""
    across = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None, :]
    down = np.linspace(-1, 1, HEIGHT, dtype=np.float32)[:, None]
    tint = np.array((1.03, 1.0, 0.94) if sun else (0.99, 1.0, 1.01), np.float32) * 255
    return (1.02 - 0.07 * (across**2 + down**2))[..., None] * tint


@cache
def _grain() -> Floats:
    return (tiles()[0] * 9).astype(np.int16)


def _caption(image: Image.Image) -> None:
    """What it is, in a corner: nobody shall take it for a photo."""
    pen = ImageDraw.Draw(image, "RGBA")
    pen.rectangle((SIZE[0] - 176, SIZE[1] - 70, SIZE[0] - 24, SIZE[1] - 20), fill=(255, 255, 255, 170))
    pen.text((SIZE[0] - 100, SIZE[1] - 46), "示意图", font=font(34), fill=(40, 40, 40), anchor="mm")


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
