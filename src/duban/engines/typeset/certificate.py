"""The certificate of release: one A5 page that somebody carries, with a code that says whether it still holds."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .pdf import set_pdf


def render_certificate(certificate: Mapping[str, Any], *, qr: bytes, printed: datetime) -> bytes:
    """The certificate as PDF; the same input gives the same bytes.

    ``certificate``: lang (zh or en), title, number, office, body (paragraphs), facts (pairs of label and value), sign
    (label and name of who released), date (words), scan (what the code is for). ``qr`` is SVG.
    """
    return set_pdf("certificate", certificate, pictures={"qr.svg": qr}, printed=printed.replace(microsecond=0))
