"""Labels for tubes: codes that nobody was given before, on sheets to stick."""

from collections.abc import Sequence
from datetime import datetime

import segno
from django.db import transaction
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.engines.typeset import Sticker, render_labels
from duban.outbreak.samples.codes import BadTube, issue_codes, spaced
from duban.outbreak.samples.queries import MANAGES
from duban.places.codes import LENGTHS, normalise_code

A_SHEET = 44
MOST = 20 * A_SHEET
QUIET = 4
"""Modules of white around a code that a reader needs."""


@transaction.atomic
def issue_labels(*, by: Person, now: datetime, town: str, number: int) -> list[str]:
    """Codes for so many labels (1 to 880) of a town; none of them is ever given out again.

    Raises NotAllowed (`not_allowed`), BadCode (`bad_code`), BadTube (`bad_label_number`, `tube_codes_spent`).
    """
    town = normalise_code(town, field="town")
    rights.require(by, MANAGES, town)
    if not 1 <= number <= MOST:
        raise BadTube("bad_label_number", gettext_lazy("Print 1 to 880 labels at a time."), field="number")
    codes = issue_codes(town[: LENGTHS[0]], now=now, number=number)
    audit.record(
        by=by,
        now=now,
        action="issue_labels",
        subject_type="jurisdiction",
        subject_id=town,
        detail={"labels": number, "first": codes[0], "last": codes[-1]},
    )
    return codes


def labels_pdf(codes: Sequence[str], *, size: int, place: str, language: str, printed: datetime) -> bytes:
    """The labels as sheets of 44: the code as QR and in digits, how many swabs, whose they are. `language` zh or en."""
    words = _("single tube") if size == 1 else _("tube for %(size)d") % {"size": size}
    labels = [Sticker(svg_of(code), spaced(code), (words, place)) for code in codes]
    return render_labels(labels, title=_("Labels for tubes"), language=language, printed=printed)


def svg_of(code: str) -> bytes:
    """The text as QR code, black on white, to be printed."""
    return str(_code(code).svg_inline(border=QUIET, dark="#000", light="#fff", scale=4)).encode()


def qr_svg(code: str) -> SafeString:
    """The same to stand in a page, as wide as its frame; black on white in the dark as well."""
    inline = _code(code).svg_inline(border=QUIET, dark="#000", light="#fff", omitsize=True, svgclass=None)
    return mark_safe(inline)  # noqa: S308 - drawn from a code or a number of our own making


def _code(text: str) -> segno.QRCode:
    # Tubes get wet and handled with gloves: a quarter may be unreadable.
    return segno.make(text, error="q", micro=False)
