"""Where a photo's files lie, and writing one so that a crash leaves it whole or not there."""

from pathlib import Path

from django.conf import settings

from duban.core.files import write_whole


def original_path(sha256: str) -> Path:
    return _path("original", sha256, "")


def public_path(sha256: str) -> Path:
    """The public copy, by the original's SHA-256."""
    return _path("public", sha256, ".jpg")


def thumbnail_path(sha256: str) -> Path:
    return _path("thumbnail", sha256, ".jpg")


PATHS = {"original": original_path, "public": public_path, "thumbnail": thumbnail_path}


def _path(variant: str, sha256: str, ending: str) -> Path:
    return settings.DUBAN_DATA / "evidence" / variant / sha256[:2] / sha256[2:4] / f"{sha256}{ending}"


def keep(path: Path, data: bytes) -> None:
    """Write the file unless it is there already, byte for byte."""
    if not (path.is_file() and path.read_bytes() == data):
        write_whole(path, data)
