"""A need on paper: what is wanted, until when, and the code that leads to its page, for a notice board."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.dateformat import format as format_date
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from duban.commons.deliberation.queries import full_name
from duban.commons.models import PostedNeed
from duban.commons.volunteering.qr import qr_file
from duban.engines.typeset import render_poster
from duban.places import queries as places

LONGEST = 300
"""Characters of its words that the poster prints."""


def poster_of(need: PostedNeed, printed: datetime) -> bytes:
    """One A4 page in large print as PDF."""
    chinese = (get_language() or "zh").startswith("zh")
    address = f"{settings.DUBAN_SITE_URL}{reverse('neighbours:need', args=[need.pk])}"
    area = places.names([need.jurisdiction]).get(need.jurisdiction, "")
    words = need.text if len(need.text) <= LONGEST else need.text[: LONGEST - 1] + "…"
    listed = [line for line in words.splitlines() if line.strip()]
    lead = _("Who brings part of it?")
    if len(listed) == 1:
        # A single sentence is no list.
        lead, listed = f"{lead} {listed[0]}", []
    page = {
        "lang": "zh" if chinese else "en",
        "over": " ".join(filter(None, [area, full_name(need.place) if need.place else ""])),
        "title": need.title,
        "lead": lead,
        "facts": [
            [pgettext("need", "Wanted"), f"{need.target} {need.unit}"],
            [pgettext("need", "Until"), format_date(need.due_on, "Y年n月j日" if chinese else "j F Y")],
        ],
        "listed_title": _("In more words") if listed else "",
        "listed": listed,
        "scan": _("Scan with the phone to sign up for part of it, or call your community."),
        "address": address,
        "foot": [settings.DUBAN_OFFICE],
    }
    return render_poster(page, qr=qr_file(address), printed=printed)
