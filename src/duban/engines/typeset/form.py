"""Sheets to fill in by hand at a meeting: who was there, what is wrong."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .pdf import set_pdf


def render_form(page: Mapping[str, Any], *, printed: datetime) -> bytes:
    """The sheets as PDF; the same input gives the same bytes.

    ``page``: lang (zh or en), foot, sheets: each title, facts (pairs of label and value), columns (pairs of heading and
    share of the width), rows (how many empty ones, numbered), height (of each, in millimetres), note.
    """
    return set_pdf("form", page, pictures={}, printed=printed.replace(microsecond=0))
