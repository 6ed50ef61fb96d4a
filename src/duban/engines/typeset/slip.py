"""The slip that a venue is handed after an inspection: one A4 page, more where much failed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .pdf import set_pdf


def render_slip(slip: Mapping[str, Any], *, qr: bytes, signature: bytes | None, printed: datetime) -> bytes:
    """The slip as PDF; the same input gives the same bytes.

    ``slip``: lang (zh or en), title, subtitle, facts (pairs of label and value), verdict, failed (number, label, basis,
    note, mend), failed_title, headings (three words of the table), rest (pairs of label and result), rest_title, note
    (pair of label and text, or empty), sign (label, who, words), hand (sentence beneath), scan (what the code is for),
    page (words with ``{page}`` and ``{pages}``). ``qr`` is SVG, ``signature`` PNG.
    """
    pictures = {"qr.svg": qr} | ({"signature.png": signature} if signature else {})
    page = {**slip, "signed": signature is not None}
    return set_pdf("slip", page, pictures=pictures, printed=printed.replace(microsecond=0))
