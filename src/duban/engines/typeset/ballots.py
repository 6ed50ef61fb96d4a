"""Ballots on paper, in large print: two to an A4 sheet, or one where there is much to choose from."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .pdf import set_pdf

FITS_TWICE = 4
"""So many answers stand on half a sheet."""


def render_ballots(page: Mapping[str, Any], *, printed: datetime) -> bytes:
    """One sheet as PDF, to be copied and cut. ``page``: lang (zh or en), title, place, topic, question, how, options,
    rules (sentences), until, secrecy, office."""
    words = sum(map(len, page["options"])) + len(page["question"])
    copies = 2 if len(page["options"]) <= FITS_TWICE and words <= 160 else 1
    return set_pdf("ballots", {**page, "copies": copies}, pictures={}, printed=printed.replace(microsecond=0))
