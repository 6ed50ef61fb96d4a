"""What a photo is: every sound kind taken, every broken or hostile one refused by name, nothing private in copies."""

import contextlib
import io
import struct
import zlib
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageOps

from duban.demo.builders import make_jpeg
from duban.evidence import images
from duban.evidence.images import BadPhoto, examine

pillow_heif.register_heif_opener()
pytestmark = pytest.mark.usefixtures("settings")


def picture(mode: str = "RGB", size: tuple[int, int] = (96, 64)) -> Image.Image:
    noise = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(noise).convert(mode)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif_of(gps: dict[int, Any] | None = None, photo: dict[int, Any] | None = None, **base: Any) -> Image.Exif:
    exif = Image.Exif()
    for tag, value in base.items():
        exif[getattr(ExifTags.Base, tag)] = value
    if photo:
        exif.get_ifd(ExifTags.IFD.Exif).update(photo)
    if gps:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(gps)
    return exif


GPS = {1: "N", 2: (39.0, 54.0, 26.0), 3: "E", 4: (116.0, 23.0, 29.0)}
SOUND = {
    "jpeg": encoded(picture(), "JPEG"),
    "progressive": encoded(picture(), "JPEG", progressive=True),
    "grey": encoded(picture("L"), "JPEG"),
    "cmyk": encoded(picture("CMYK"), "JPEG"),
    "png": encoded(picture(), "PNG"),
    "png-alpha": encoded(picture("RGBA"), "PNG"),
    "png-palette": encoded(picture("P"), "PNG", transparency=0),
    "png-grey-alpha": encoded(picture("LA"), "PNG"),
    "png-1bit": encoded(picture("1"), "PNG"),
    "png-16bit": encoded(Image.fromarray(np.arange(96 * 64, dtype=np.uint16).reshape(64, 96) * 10), "PNG"),
    "png-frames": encoded(picture(), "PNG", save_all=True, append_images=[picture("L").convert("RGB")]),
    "mpo": encoded(picture(), "MPO", save_all=True, append_images=[picture()]),
    "heic": encoded(picture(), "HEIF", quality=70),
}


@pytest.mark.parametrize("kind", sorted(SOUND))
def test_every_sound_photo_gets_a_public_copy_and_a_thumbnail(kind: str) -> None:
    found = examine(SOUND[kind])
    assert (found.width, found.height) == (96, 64)
    for copy in (found.public, found.thumbnail):
        image = Image.open(io.BytesIO(copy))
        image.load()
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (96, 64))


def test_sixteen_bit_greys_keep_their_range() -> None:
    levels = np.asarray(Image.open(io.BytesIO(examine(SOUND["png-16bit"]).public)).convert("L")).astype(int)
    assert levels.max() - levels.min() > 180


def test_transparency_becomes_white_paper() -> None:
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    public = Image.open(io.BytesIO(examine(encoded(clear, "PNG")).public))
    assert min(public.getpixel((32, 32))) > 250  # type: ignore[type-var]


def test_copies_are_small_upright_and_say_nothing_of_where_and_by_whom() -> None:
    exif = exif_of(gps=GPS, Orientation=6, Make="Phone", Artist="张三", ImageDescription="secret")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(picture(size=(3000, 1500)), "JPEG", exif=exif, icc_profile=profile, comment=b"secret", quality=60)
    data += b"PK\x03\x04 something behind the end"
    found = examine(data)
    assert (found.width, found.height) == (1500, 3000)
    assert (found.public_width, found.public_height) == (1024, 2048)
    assert max(Image.open(io.BytesIO(found.thumbnail)).size) == 480
    for copy in (found.public, found.thumbnail):
        image = Image.open(io.BytesIO(copy))
        assert not image.getexif()
        assert not {"icc_profile", "exif", "comment", "xmp", "photoshop"} & set(image.info)
        for word in (b"secret", b"Phone", "张三".encode(), b"PK\x03\x04", b"Exif", b"http"):
            assert word not in copy


def test_time_and_place_are_read_as_cameras_write_them() -> None:
    photo = {ExifTags.Base.DateTimeOriginal: "2021:01:18 09:30:00"}
    local = examine(encoded(picture(), "JPEG", exif=exif_of(gps=GPS, photo=photo)))
    assert local.taken_at is not None
    assert local.taken_at.astimezone(UTC) == datetime(2021, 1, 18, 1, 30, tzinfo=UTC)
    assert local.lon == pytest.approx(116.39139, abs=1e-5)
    assert local.lat == pytest.approx(39.90722, abs=1e-5)
    photo[ExifTags.Base.OffsetTimeOriginal] = "-03:30"
    south = {1: "S", 2: (33.0, 27.0, 0.0), 3: "W", 4: (70.0, 40.0, 0.0)}
    away = examine(encoded(picture(), "HEIF", exif=exif_of(gps=south, photo=photo).tobytes()))
    assert away.taken_at is not None
    assert away.taken_at.astimezone(UTC) == datetime(2021, 1, 18, 13, 0, tzinfo=UTC)
    assert (away.lon, away.lat) == (pytest.approx(-70.66667, abs=1e-5), pytest.approx(-33.45, abs=1e-5))


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "N", 2: (99.0, 0.0, 0.0), 3: "E", 4: (116.0, 0.0, 0.0)},
        {1: "N", 2: (39.0, 0.0, 0.0)},
        {1: "N", 2: (39.0,), 3: "E", 4: (116.0,)},
        {2: (39.0, 0.0, 0.0), 4: (116.0, 0.0, 0.0)},
    ],
)
def test_a_place_that_makes_no_sense_is_none(gps: dict[int, Any]) -> None:
    found = examine(encoded(picture(), "JPEG", exif=exif_of(gps=gps)))
    assert (found.lon, found.lat) == (None, None)


@pytest.mark.parametrize("text", ["0000:00:00 00:00:00", "soon", "2021-01-18", "9999:12:31 23:59:59", ""])
def test_a_time_that_makes_no_sense_is_none(text: str) -> None:
    photo = {ExifTags.Base.DateTimeOriginal: text}
    assert examine(encoded(picture(), "JPEG", exif=exif_of(photo=photo))).taken_at is None


def bomb(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds almost nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


BAD_PHOTOS = [
    (b"", "photo_empty"),
    (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "photo_not_an_image"),
    (b"PK\x03\x04" + b"\0" * 200, "photo_not_an_image"),
    (b"MZ\x90\x00" + b"\0" * 200, "photo_not_an_image"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "photo_not_an_image"),
    (b"<html><img></html>", "photo_not_an_image"),
    (b"just some text", "photo_not_an_image"),
    (np.random.default_rng(5).bytes(5000), "photo_not_an_image"),
    (b"\xff\xd8\xff", "photo_not_an_image"),
    (encoded(picture(), "GIF"), "photo_format"),
    (encoded(picture(), "WEBP"), "photo_format"),
    (encoded(picture(), "TIFF"), "photo_format"),
    (encoded(picture(), "BMP"), "photo_format"),
    (encoded(picture(), "ICO"), "photo_format"),
    (encoded(picture(size=(4, 400)), "PNG"), "photo_too_small"),
    (bomb(60_000, 60_000), "photo_bomb"),
    (bomb(20_000, 9_000), "photo_bomb"),
    (bomb(2_000, 1_000), "photo_truncated"),
    (SOUND["jpeg"][: len(SOUND["jpeg"]) // 2], "photo_truncated"),
    (SOUND["progressive"][:-600], "photo_truncated"),
    (SOUND["png"][: len(SOUND["png"]) // 2], "photo_truncated"),
    (SOUND["heic"][: len(SOUND["heic"]) // 2], "photo_truncated"),
]


@pytest.mark.parametrize(("data", "code"), BAD_PHOTOS, ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_no_sound_photo_is_refused_by_code(data: bytes, code: str) -> None:
    with pytest.raises(BadPhoto) as refusal:
        examine(data)
    assert refusal.value.code == code


def test_a_file_over_the_limit_is_refused_before_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images.settings, "DUBAN_MAX_UPLOAD", 2000)
    with pytest.raises(BadPhoto) as refusal:
        examine(SOUND["png"])
    assert refusal.value.code == "photo_too_large"


@pytest.mark.parametrize("kind", ["jpeg", "progressive", "png", "heic"])
@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7, 0.9, 0.97])
def test_a_photo_cut_anywhere_in_its_picture_is_refused(kind: str, part: float) -> None:
    data = SOUND[kind]
    with pytest.raises(BadPhoto) as refusal:
        examine(data[: int(len(data) * part)])
    assert refusal.value.code in {"photo_truncated", "photo_not_an_image"}


def test_a_png_with_one_wrong_byte_or_without_its_end_is_refused() -> None:
    data = bytearray(SOUND["png"])
    data[len(data) // 2] ^= 1
    for damaged in (bytes(data), SOUND["png"][:-12]):
        with pytest.raises(BadPhoto) as refusal:
            examine(damaged)
        assert refusal.value.code == "photo_truncated"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_as_viewers_turn_it(orientation: int) -> None:
    across, down = np.meshgrid(np.linspace(0, 255, 96), np.linspace(0, 255, 64))
    slope = Image.fromarray(np.stack([across, down, across], axis=-1).astype(np.uint8))
    data = encoded(slope, "PNG", exif=exif_of(Orientation=orientation))
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    public = np.asarray(Image.open(io.BytesIO(examine(data).public)).convert("RGB")).astype(int)
    assert upright is not None
    assert public.shape[:2] == (upright.height, upright.width)
    assert np.abs(public - np.asarray(upright).astype(int)).mean() < 4


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow tells of broken EXIF by a warning
@settings(deadline=None, max_examples=120)
@given(kind=st.sampled_from(sorted(SOUND)), spot=st.floats(0, 1), junk=st.binary(min_size=1, max_size=12))
def test_damaged_bytes_are_a_photo_or_a_refusal_never_anything_else(kind: str, spot: float, junk: bytes) -> None:
    data = bytearray(SOUND[kind])
    start = int(spot * (len(data) - 1))
    data[start : start + len(junk)] = junk
    with contextlib.suppress(BadPhoto):
        examine(bytes(data))


def test_small_jpegs_of_the_builders_are_sound() -> None:
    assert examine(make_jpeg(1)).media_type == "image/jpeg"
