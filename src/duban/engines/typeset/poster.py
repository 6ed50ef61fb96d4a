"""One A4 page in large print that hangs at a door or lies in a letter box, with a code that leads on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .pdf import set_pdf


def render_poster(page: Mapping[str, Any], *, qr: bytes, printed: datetime) -> bytes:
    """The page as PDF; the same input gives the same bytes.

    ``page``: lang (zh or en), over (a line above), title, lead, facts (pairs of label and value), listed_title and
    listed (lines), scan (what the code is for), address (what it says), foot (lines). ``qr`` is SVG.
    """
    return set_pdf("poster", page, pictures={"qr.svg": qr}, printed=printed.replace(microsecond=0))
