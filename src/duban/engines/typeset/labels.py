"""Labels for small things, with a QR code: 48.5 by 25.4 mm, forty-four to an A4 sheet of self-adhesive labels."""

from collections.abc import Sequence
from datetime import datetime

from .pdf import set_pdf
from .stickers import Sticker


def render_labels(labels: Sequence[Sticker], *, title: str, language: str, printed: datetime) -> bytes:
    """The sheets as PDF; the title of each is set in digits that read well, its two lines beneath. ``language``: zh or
    en."""
    page = {
        "lang": language,
        "title": title,
        "labels": [
            {"file": f"label-{place}.svg", "title": label.title, "lines": label.lines}
            for place, label in enumerate(labels)
        ],
    }
    pictures = {f"label-{place}.svg": label.svg for place, label in enumerate(labels)}
    return set_pdf("labels", page, pictures=pictures, printed=printed.replace(microsecond=0))
