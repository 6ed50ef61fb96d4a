"""Named, deterministic makers of people, photos and findings; the demo and the tests use the same ones."""

import io
import uuid
from datetime import UTC, datetime
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from duban.access.actions import add_person
from duban.access.models import Person
from duban.evidence.actions import store_photo
from duban.ledger.categories import category_index
from duban.ledger.recording import Finding

NOON = datetime(2021, 1, 18, 4, 0, tzinfo=UTC)
"""12:00 in Beijing on 18 January 2021."""


def make_person(username: str, role: str = "supervisor", at: str = "110112", *, name: str = "") -> Person:
    """A person with one role, password not yet known to anybody."""
    person, _password = add_person(username=username, role=role, at=at, name=name or username, now=NOON)
    person.must_change_password = False
    person.save(update_fields=["must_change_password"])
    return person


def make_jpeg(seed: int, *, width: int = 320, height: int = 240) -> bytes:
    """A small JPEG of blurred noise, another one for every seed."""
    noise = np.random.default_rng(seed).integers(0, 255, (height // 16, width // 16, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(file, "JPEG", quality=80)
    return file.getvalue()


def make_photo(seed: int, *, by: Person) -> str:
    """A stored photo; returns its SHA-256."""
    return store_photo(by=by, now=NOON, data=make_jpeg(seed)).sha256


def make_signature() -> bytes:
    """A line drawn on the screen: a PNG, clear but for the ink."""
    picture = Image.new("RGBA", (300, 100), (0, 0, 0, 0))
    ImageDraw.Draw(picture).line([(10, 80), (90, 15), (150, 85), (290, 30)], fill=(30, 30, 30, 255), width=4)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def make_finding(seed: int = 1, **changes: Any) -> Finding:
    """A finding of exposed rubbish in the east of Tongzhou, a few metres further on for every seed."""
    facts: dict[str, Any] = {
        "id": uuid.uuid5(uuid.NAMESPACE_URL, f"finding:{seed}"),
        "category": category_index()["06010"],
        "lon": 116.80 + seed / 10_000,
        "lat": 39.80,
        "datum": "wgs84",
        "found_at": NOON,
        "description": f"路边垃圾堆 {seed}",
    }
    return Finding(**facts | changes)
