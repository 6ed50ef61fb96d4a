"""Holds the files of every stored photo against what was written of them."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from duban.core.integrity import Problem
from duban.evidence import files
from duban.evidence.models import Photo

BATCH = 64


def verify_photos() -> Iterator[Problem]:
    """Originals and public copies that are missing or are not the bytes that were stored."""
    rows = iter(Photo.objects.order_by("sha256").values_list("sha256", "public_sha256").iterator(chunk_size=2000))
    with ThreadPoolExecutor() as pool:
        while batch := list(islice(rows, BATCH)):
            for problems in pool.map(_verify, batch):
                yield from problems


def _verify(row: tuple[str, str]) -> list[Problem]:
    sha256, public_sha256 = row
    checks = (
        ("original", files.original_path(sha256), sha256),
        ("public copy", files.public_path(sha256), public_sha256),
    )
    problems = []
    for word, path, expected in checks:
        if not path.is_file():
            problems.append(Problem("photo_missing", f"photo {sha256}", f"its {word} is not there"))
        elif _digest(path) != expected:
            problems.append(Problem("photo_altered", f"photo {sha256}", f"its {word} is not what was stored"))
    return problems


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
