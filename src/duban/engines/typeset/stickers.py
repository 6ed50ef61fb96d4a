"""Stickers with a QR code on A4 sheets, twelve to a page, with lines to cut along."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .pdf import set_pdf


@dataclass(frozen=True)
class Sticker:
    """What is printed: the code as SVG, what it says in words, and two lines beneath the title."""

    svg: bytes
    title: str
    lines: tuple[str, str]


def render_stickers(
    stickers: Sequence[Sticker], *, title: str, caption: str, language: str, printed: datetime
) -> bytes:
    """The sheets as PDF; ``caption`` stands on each sticker and says what to do with it, ``language`` is zh or en."""
    page = {
        "lang": language,
        "title": title,
        "caption": caption,
        "stickers": [
            {"file": f"sticker-{place}.svg", "title": sticker.title, "lines": sticker.lines}
            for place, sticker in enumerate(stickers)
        ],
    }
    pictures = {f"sticker-{place}.svg": sticker.svg for place, sticker in enumerate(stickers)}
    return set_pdf("stickers", page, pictures=pictures, printed=printed.replace(microsecond=0))
