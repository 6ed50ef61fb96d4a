"""The evaluation of units as a printed report: tables of rates with their counts, definitions and notes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .pdf import set_pdf


def render_evaluation(report: Mapping[str, Any], *, printed: datetime) -> bytes:
    """The report as an A4 PDF (landscape); the same input gives the same bytes.

    ``report``: lang (zh or en), title, heading (lines), tables, definitions_title, definitions (pairs of term and
    sentence), notes_title, notes, page (words with ``{page}`` and ``{pages}``). A table has title, first (headings of
    the words), columns (headings of the numbers), rows of words and cells (pairs of a number and what stands small
    beneath it), and total: whether its last row is one.
    """
    return set_pdf("evaluation", report, pictures={}, printed=printed)
