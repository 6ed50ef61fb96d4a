"""Holds the files of every stored photo against what was written of them."""

import hashlib
import hmac
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from duban.core.integrity import Problem, seal
from duban.evidence import files
from duban.evidence.models import Photo

BATCH = 64


def verify_photos() -> Iterator[Problem]:
    """Photos whose facts, original or public copy are missing or are not what was stored."""
    rows = Photo.objects.order_by("sha256").iterator(chunk_size=2000)
    with ThreadPoolExecutor() as pool:
        while batch := list(islice(rows, BATCH)):
            for problems in pool.map(_verify, batch):
                yield from problems


def _verify(photo: Photo) -> list[Problem]:
    sha256 = photo.sha256
    checks = (
        ("original", files.original_path(sha256), sha256),
        ("public copy", files.public_path(sha256), photo.public_sha256),
    )
    problems = []
    if not hmac.compare_digest(seal(photo.facts_digest()), photo.seal):
        problems.append(Problem("photo_altered", f"photo {sha256}", "its facts are not what was stored"))
    for word, path, expected in checks:
        if not path.is_file():
            problems.append(Problem("photo_missing", f"photo {sha256}", f"its {word} is not there"))
        elif _digest(path) != expected:
            problems.append(Problem("photo_altered", f"photo {sha256}", f"its {word} is not what was stored"))
    return problems


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
