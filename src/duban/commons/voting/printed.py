"""What of a vote is printed: an invitation for each door with its own code, and ballots for who has no phone."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from duban.commons.deliberation.queries import full_name
from duban.commons.models import SharedPlace, Vote
from duban.commons.volunteering.qr import qr_file
from duban.commons.voting import words
from duban.engines.typeset import Door, render_ballots, render_doors
from duban.places import queries as places


def is_chinese() -> bool:
    return (get_language() or "zh").startswith("zh")


def invitation_url(secret: str) -> str:
    return f"{settings.DUBAN_SITE_URL}{reverse('neighbours:my_votes', args=[secret])}"


def print_invitations(place: SharedPlace, secrets: Mapping[str, str], now: datetime) -> bytes:
    """A PDF with an invitation for each door (door: secret), two to a page, in the order in which they are given."""
    doors = [Door(door, invitation_url(secret), qr_file(invitation_url(secret))) for door, secret in secrets.items()]
    page = {
        "lang": "zh" if is_chinese() else "en",
        "title": _("Your household's invitation"),
        "place": full_name(place),
        "door": _("Door"),
        "steps": [
            _("Scan the code with your phone, or type the address below."),
            _("You see what your neighbours decide, and vote with two taps."),
            _("Each household has one vote. Keep this sheet: it serves for every vote."),
        ],
        "no_phone": _("No phone? Ask your community for a ballot on paper."),
        "keep": _("Whoever has this sheet can vote for your household."),
        "office": _office(place.jurisdiction),
    }
    return render_doors(doors, page=page, printed=now)


def print_ballots(vote: Vote, now: datetime) -> bytes:
    """A PDF of one sheet with two ballots, to be copied and cut."""
    pattern = "Y年n月j日 H:i" if is_chinese() else "j F Y, H:i"
    page = {
        "lang": "zh" if is_chinese() else "en",
        "title": _("Ballot"),
        "place": full_name(vote.topic.place),
        "topic": vote.topic.title,
        "question": vote.question,
        "how": _("Put one cross."),
        "options": [label for _key, label in words.options_of(vote)],
        "rules": [_("Each household has one vote."), _("A ballot with more than one cross does not count.")],
        "until": _("Hand it in by %(day)s.") % {"day": format_date(timezone.localtime(vote.closes_at), pattern)},
        "secrecy": _("Do not write your name or your door on it.")
        if vote.secret
        else _("Your door is noted on a list when you hand it in."),
        "office": _office(vote.topic.jurisdiction),
    }
    return render_ballots(page, printed=now)


def _office(code: str) -> str:
    return places.names([code]).get(code, "") or settings.DUBAN_OFFICE
