"""Invitations in large print for the doors of a building, each with a code of its own: two to an A4 sheet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .pdf import set_pdf


@dataclass(frozen=True)
class Door:
    """One household: its number, the address that its code says, and the code as SVG."""

    number: str
    address: str
    svg: bytes


def render_doors(doors: Sequence[Door], *, page: Mapping[str, Any], printed: datetime) -> bytes:
    """The sheets as PDF. ``page``: lang (zh or en), title, place, door (the word), steps (sentences), no_phone, keep,
    office."""
    shown = {
        **page,
        "doors": [
            {"file": f"door-{at}.svg", "number": door.number, "address": door.address} for at, door in enumerate(doors)
        ],
    }
    pictures = {f"door-{at}.svg": door.svg for at, door in enumerate(doors)}
    return set_pdf("doors", shown, pictures=pictures, printed=printed.replace(microsecond=0))
