"""What is printed: the poster of a place, the invitation to a meeting in large print, and its forms to fill in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from duban.commons.deliberation import queries
from duban.commons.deliberation.actions import meeting_of
from duban.commons.models import SharedPlace, Topic
from duban.commons.volunteering.qr import qr_file
from duban.core.errors import Conflict
from duban.decisions.models import Meeting, MeetingState
from duban.engines.typeset import render_form, render_poster

LINES = 21
"""Of an attendance list to sign."""
PROBLEM_LINES = 9


def file_of(pdf: bytes, name: str) -> HttpResponse:
    response = HttpResponse(pdf, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response


def place_url(place: SharedPlace) -> str:
    return f"{settings.DUBAN_SITE_URL}{reverse('neighbours:place', args=[place.token])}"


def topic_url(topic: Topic) -> str:
    return f"{settings.DUBAN_SITE_URL}{reverse('neighbours:topic', args=[topic.pk])}"


def poster_of(place: SharedPlace, printed: datetime) -> bytes:
    """What hangs at the door: the place's name, what its page tells, and the code that leads there."""
    page = {
        "lang": _lang(),
        "over": queries.whole_address(place).removesuffix(queries.full_name(place)).strip(),
        "title": queries.full_name(place),
        "lead": _("What we talk about, decide and do here"),
        "facts": [],
        "listed_title": "",
        "listed": [],
        "scan": _("Scan with the phone: what is open, when we meet, what was done."),
        "address": place_url(place),
        "foot": [settings.DUBAN_OFFICE],
    }
    return render_poster(page, qr=qr_file(place_url(place)), printed=printed)


def invitation_of(topic: Topic, printed: datetime) -> bytes:
    """The invitation to the meeting: for the notice board, or for each letter box.

    Raises Conflict (`not_invited`, `meeting_over`).
    """
    meeting = _standing(topic)
    when = timezone.localtime(meeting.at)
    page = {
        "lang": _lang(),
        "over": queries.full_name(topic.place),
        "title": topic.title,
        "lead": _("Invitation: let us talk about it together"),
        "facts": [
            [_("Day"), _long_day(when)],
            [_("Time"), format_date(when, "H:i")],
            [pgettext("meeting", "Place"), meeting.place],
        ],
        "listed_title": pgettext("topic", "What it is about"),
        "listed": [item.title for item in meeting.agenda.all()],
        "scan": _("Scan to read about it, or to see afterwards what was decided."),
        "address": topic_url(topic),
        "foot": [_("Whoever cannot come: tell your neighbour or the community what matters to you.")],
    }
    return render_poster(page, qr=qr_file(topic_url(topic)), printed=printed)


def forms_of(topic: Topic, printed: datetime) -> bytes:
    """Two pages to fill in by hand: who was there, and what is wrong. Raises as `invitation_of`."""
    meeting = _standing(topic)
    when = timezone.localtime(meeting.at)
    about = [
        [pgettext("commons", "Topic"), topic.title],
        [_("Day"), f"{_long_day(when)} {format_date(when, 'H:i')}"],
        [pgettext("meeting", "Place"), meeting.place],
    ]
    page: Mapping[str, Any] = {
        "lang": _lang(),
        "sheets": [
            {
                "title": _("Who was there"),
                "facts": about,
                "columns": [[pgettext("in a list", "No."), 1.4], [_("Name"), 4], [_("Flat"), 2], [_("Signature"), 4]],
                "rows": LINES,
                "height": 9,
                "note": _("This list stays with the community; names are never published."),
            },
            {
                "title": _("What is wrong, and what we propose"),
                "facts": about,
                "columns": [
                    [pgettext("in a list", "No."), 1.4],
                    [_("Problem"), 5],
                    [_("Place"), 3],
                    [_("What we propose"), 5],
                ],
                "rows": PROBLEM_LINES,
                "height": 20,
                "note": _("Each problem gets a public answer."),
            },
        ],
        "foot": queries.whole_address(topic.place),
    }
    return render_form(page, printed=printed)


def _standing(topic: Topic) -> Meeting:
    meeting = meeting_of(topic)
    if meeting.state == MeetingState.CANCELLED:
        raise Conflict("meeting_over", _("The meeting is called off; invite to another one first."))
    return meeting


def _long_day(when: datetime) -> str:
    return format_date(when, "Y年n月j日 l" if _lang() == "zh" else "l, j F Y")


def _lang() -> str:
    return "zh" if (get_language() or "zh").startswith("zh") else "en"
