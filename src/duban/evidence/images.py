"""What a photo's bytes are: checked by decoding them wholly, read for time and place, copied without metadata."""

import io
import math
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pillow_heif
from django.conf import settings
from django.utils import timezone as django_timezone
from django.utils.translation import gettext_lazy as _
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from duban.core.errors import DubanError

pillow_heif.register_heif_opener()

FORMATS = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "HEIF": "image/heic"}
MAX_PIXELS = 120_000_000
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
PUBLIC_EDGE = 2048
THUMBNAIL_EDGE = 480
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How a picture is turned upright, by the Orientation of EXIF (CIPA DC-008)."""
SIGNATURES = (
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP/Office"),
    (b"GIF8", "GIF"),
    (b"RIFF", "WebP/AVI"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"<", "HTML/SVG/XML"),
    (b"MZ", "EXE"),
)


class BadPhoto(DubanError):
    pass


@dataclass(frozen=True)
class Examined:
    """A sound photo: what it says of itself, and the two copies made of it (JPEG, sRGB, upright, no metadata)."""

    media_type: str
    width: int
    height: int
    taken_at: datetime | None
    lon: float | None
    lat: float | None
    public: bytes
    public_width: int
    public_height: int
    thumbnail: bytes


def examine(data: bytes) -> Examined:
    """Decode the photo wholly and make its copies.

    Raises BadPhoto: `photo_empty`, `photo_too_large`, `photo_not_an_image`, `photo_format`, `photo_bomb`,
    `photo_truncated`.
    """
    image = _open(data)
    exif = _exif(image)
    try:
        image.load()
        upright = _upright(image, exif)
        width, height = upright.size
        picture = _to_srgb(_reduced(upright))
        if image.format == "PNG":
            # Decoding passes over wrong checksums and a missing end; this does not.
            Image.open(io.BytesIO(data)).verify()
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, Image.DecompressionBombError) as error:
        raise BadPhoto(
            "photo_truncated", _("The photo breaks off or is damaged; send it again from the camera."), field="photo"
        ) from error
    public = picture
    public.thumbnail((PUBLIC_EDGE, PUBLIC_EDGE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    small = public.copy()
    small.thumbnail((THUMBNAIL_EDGE, THUMBNAIL_EDGE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    lon, lat = _position(exif)
    return Examined(
        media_type=FORMATS[image.format or ""],
        width=width,
        height=height,
        taken_at=_taken_at(exif),
        lon=lon,
        lat=lat,
        public=_jpeg(public, 85),
        public_width=public.width,
        public_height=public.height,
        thumbnail=_jpeg(small, 80),
    )


def _upright(image: Image.Image, exif: dict[str, dict[int, Any]]) -> Image.Image:
    """The picture turned as its Orientation says; Pillow's helper writes EXIF anew and breaks on a damaged one."""
    turn = TURNS.get(exif["base"].get(ExifTags.Base.Orientation))  # type: ignore[arg-type]
    return image if turn is None else image.transpose(turn)


def _open(data: bytes) -> Image.Image:
    if not data:
        raise BadPhoto("photo_empty", _("The photo is empty; it was not sent wholly."), field="photo")
    if len(data) > settings.DUBAN_MAX_UPLOAD:
        raise BadPhoto(
            "photo_too_large",
            _("A photo has at most %(limit)d MB.") % {"limit": settings.DUBAN_MAX_UPLOAD // 1024 // 1024},
            field="photo",
        )
    try:
        image = Image.open(io.BytesIO(data))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _bomb() from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        looks = next((name for start, name in SIGNATURES if data.lstrip()[:8].startswith(start)), "")
        message = _("This is no photo but looks like %(kind)s; send a JPEG, PNG or HEIC.") % {"kind": looks or "–"}
        raise BadPhoto("photo_not_an_image", message, field="photo") from error
    if image.format not in FORMATS:
        raise BadPhoto(
            "photo_format",
            _("Photos are JPEG, PNG or HEIC, not %(format)s.") % {"format": image.format or "–"},
            field="photo",
        )
    if image.width * image.height > MAX_PIXELS:
        raise _bomb()
    if min(image.size) < 8:
        raise BadPhoto("photo_too_small", _("Nothing can be seen on so small a picture."), field="photo")
    return image


def _bomb() -> BadPhoto:
    return BadPhoto(
        "photo_bomb",
        _("The picture claims more than %(limit)d million pixels.") % {"limit": MAX_PIXELS // 1_000_000},
        field="photo",
    )


def _reduced(image: Image.Image) -> Image.Image:
    """No larger than the public copy where the mode allows, so that converting a huge picture costs little memory."""
    if image.mode in {"P", "PA"}:
        image = image.convert("RGBA")
    if image.mode in {"RGB", "RGBA", "L", "LA", "CMYK"}:
        image.thumbnail((PUBLIC_EDGE, PUBLIC_EDGE), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return image


def _to_srgb(image: Image.Image) -> Image.Image:
    """8-bit RGB in sRGB; transparency becomes white paper."""
    profile = image.info.get("icc_profile")
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image).convert("RGB")
    elif image.mode.startswith("I") or image.mode == "F":
        scale = 255 / 65535 if image.mode.startswith("I") else 255
        image = image.convert("F").point(lambda value: value * scale).convert("L")
    if profile and image.mode in {"RGB", "CMYK", "L"}:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if converted is not None:
            image = converted
    return image.convert("RGB")


def _jpeg(image: Image.Image, quality: int) -> bytes:
    bare = Image.new("RGB", image.size)
    bare.paste(image)
    file = io.BytesIO()
    bare.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
    return file.getvalue()


def _exif(image: Image.Image) -> dict[str, dict[int, Any]]:
    """The blocks of EXIF that are wanted; a broken block is no EXIF."""
    try:
        exif = image.getexif()
        return {
            "base": dict(exif),
            "photo": dict(exif.get_ifd(ExifTags.IFD.Exif)),
            "gps": dict(exif.get_ifd(ExifTags.IFD.GPSInfo)),
        }
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, EOFError, IndexError, struct.error):
        return {"base": {}, "photo": {}, "gps": {}}


def _taken_at(exif: dict[str, dict[int, Any]]) -> datetime | None:
    """DateTimeOriginal with its offset; without one, the installation's zone."""
    tags = ExifTags.Base
    text = exif["photo"].get(tags.DateTimeOriginal) or exif["base"].get(tags.DateTime)
    try:
        naive = datetime.strptime(str(text).strip("\x00 ")[:19], "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007
    except ValueError:
        return None
    offset = str(exif["photo"].get(tags.OffsetTimeOriginal) or "").strip("\x00 ")
    try:
        sign = -1 if offset[:1] == "-" else 1
        hours, minutes = (int(part) for part in offset.lstrip("+-").split(":"))
        zone: Any = timezone(sign * timedelta(hours=hours, minutes=minutes))
    except ValueError:
        zone = django_timezone.get_default_timezone()
    moment = naive.replace(tzinfo=zone)
    return moment if 1990 <= moment.year <= 2100 else None


def _position(exif: dict[str, dict[int, Any]]) -> tuple[float | None, float | None]:
    """(lon, lat) in degrees WGS 84, or (None, None): absent, out of range, or the 0, 0 of a phone without a fix."""
    gps, tags = exif["gps"], ExifTags.GPS
    try:
        lat = _degrees(gps[tags.GPSLatitude], gps[tags.GPSLatitudeRef], "S")
        lon = _degrees(gps[tags.GPSLongitude], gps[tags.GPSLongitudeRef], "W")
    except (KeyError, TypeError, ValueError, ZeroDivisionError, IndexError):
        return None, None
    sound = math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90 and (lon, lat) != (0, 0)
    return (lon, lat) if sound else (None, None)


def _degrees(parts: Any, reference: Any, negative: str) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    letter = reference.decode() if isinstance(reference, bytes) else str(reference)
    value = degrees + minutes / 60 + seconds / 3600
    return -value if letter.strip("\x00 ").upper() == negative else value
