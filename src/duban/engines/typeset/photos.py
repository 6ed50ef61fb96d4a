"""Photos made ready for print: checked against their hash and brought down to the size they are printed in."""

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from .errors import PhotoUnusable
from .issue import Photo

PRINT_DPI = 180
_QUALITY = 80
_MOST_PIXELS = 100_000_000
# Values of the EXIF orientation: all that ask for a turn, and those that exchange width and height.
_TURNED = range(2, 9)
_ON_ITS_SIDE = range(5, 9)
_MM_PER_INCH = 25.4

PhotoPath = Callable[[Mapping[str, Any]], Path]


@dataclass(frozen=True)
class Print:
    """A JPEG for one place on the page; ``width`` and ``height`` are its pixels."""

    jpeg: bytes
    width: int
    height: int


@dataclass(frozen=True)
class Wanted:
    """A photo and the largest box, in millimetres, it is printed in."""

    photo: Photo
    width_mm: float
    height_mm: float


def make_prints(wanted: Iterable[Wanted], photo_path: PhotoPath) -> dict[tuple[str, float, float], Print]:
    """Prints by (public_sha256, width_mm, height_mm), each at most PRINT_DPI dots per inch in its box.

    ``photo_path`` gives the file of a photo's public copy. Raises PhotoUnusable for the first photo, in the
    order wanted, whose file is absent, has another SHA-256 than the document says, or cannot be decoded whole.
    """
    by_key = {(want.photo.public_sha256, want.width_mm, want.height_mm): want for want in wanted}
    # Pillow lets go of the interpreter lock while it decodes, scales and encodes, so threads use all cores.
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        prints = pool.map(lambda want: _make_print(want, photo_path), by_key.values())
        return dict(zip(by_key, prints, strict=True))


def _make_print(want: Wanted, photo_path: PhotoPath) -> Print:
    photo = want.photo
    box = (_pixels(want.width_mm), _pixels(want.height_mm))
    content = _read(photo, photo_path)
    try:
        with Image.open(BytesIO(content)) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise PhotoUnusable(photo.sha256, photo.public_sha256, "is larger than 100 million pixels")
            turn = picture.getexif().get(ExifTags.Base.Orientation)
            # A JPEG is decoded at 1/2, 1/4 or 1/8, never below the size of the box, for a fraction of the time.
            picture.draft("RGB", (box[1], box[0]) if turn in _ON_ITS_SIDE else box)
            picture.load()
            upright = _on_white(ImageOps.exif_transpose(picture) if turn in _TURNED else picture)
            upright.thumbnail(box, Image.Resampling.BICUBIC, reducing_gap=2.0)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as problem:
        if isinstance(problem, PhotoUnusable):
            raise
        raise PhotoUnusable(photo.sha256, photo.public_sha256, f"cannot be decoded ({problem})") from problem
    out = BytesIO()
    upright.save(out, "JPEG", quality=_QUALITY)
    return Print(out.getvalue(), upright.width, upright.height)


def _pixels(millimetres: float) -> int:
    return max(1, round(millimetres / _MM_PER_INCH * PRINT_DPI))


def _read(photo: Photo, photo_path: PhotoPath) -> bytes:
    try:
        content = Path(photo_path(photo.source)).read_bytes()
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
        raise PhotoUnusable(photo.sha256, photo.public_sha256, f"cannot be read ({reason})") from problem
    if hashlib.sha256(content).hexdigest() != photo.public_sha256.lower():
        raise PhotoUnusable(photo.sha256, photo.public_sha256, "the file is not the one that was frozen")
    return content


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB":
        return picture
    if "A" in picture.getbands() or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(ground, layer).convert("RGB")
    return picture.convert("RGB")
