"""Codes that a phone reads: black on white, in the dark as well."""

import io

import segno
from django.utils.safestring import SafeString, mark_safe

QUIET = 4
"""Modules of white around the code that a reader needs."""


def qr_svg(address: str) -> SafeString:
    """The address as a code to stand in a page, as wide as its frame."""
    inline = _code(address).svg_inline(border=QUIET, dark="#000", light="#fff", omitsize=True, svgclass=None)
    return mark_safe(inline)  # noqa: S308 - drawn from an address of our own making


def qr_file(address: str) -> bytes:
    """The same as an SVG file, for print."""
    file = io.BytesIO()
    _code(address).save(file, kind="svg", border=2, scale=4, dark="#000", light="#fff", xmldecl=False)
    return file.getvalue()


def _code(address: str) -> segno.QRCode:
    # A quarter of it may be hidden: slips get folded, posters hang in the rain.
    return segno.make(address, error="q", micro=False)
