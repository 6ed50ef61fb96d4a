"""Ballots on paper, in large print: two to an A4 sheet, or one where there is much to choose from."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .pdf import set_pdf

# Millimetres of the sheet, and how many full-width characters stand in a line of the question and of an answer.
HALF, WHOLE = 128, 262
QUESTION, OPTION = 27, 24
HEAD, LINE, BOX = 50, 8, 17


def render_ballots(page: Mapping[str, Any], *, printed: datetime) -> bytes:
    """One sheet as PDF, to be copied and cut. ``page``: lang (zh or en), title, place, topic, question, how, options,
    rules (sentences), until, secrecy, office."""
    tall = HEAD + LINE * _lines(page["question"], QUESTION)
    tall += sum(BOX + LINE * (_lines(option, OPTION) - 1) for option in page["options"])
    shown = {**page, "copies": 2 if tall <= HALF else 1, "small": tall > WHOLE}
    return set_pdf("ballots", shown, pictures={}, printed=printed.replace(microsecond=0))


def _lines(text: str, wide: int) -> int:
    """How many lines the text takes at most; a Latin letter is counted as a little more than half a Chinese one."""
    width = sum(1.0 if unicodedata.east_asian_width(one) in "WF" else 0.6 for one in text)
    return max(1, int(-(-width // wide)))
