"""One mail to each person with what they were told and have not read: a digest, never one mail per event.

A notice is claimed before its mail is sent and given back if the sending fails: a second run, or one at the same time,
sends nothing twice. Were the program killed in between, the notice still stands unread in the app.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.ledger.models import Entry, Notification
from duban.ledger.notices import notices_of, words_of
from duban.ledger.queries import is_overdue

LINES = 40
"""So many of a group are named; the others stand in the app."""
DECIDED = frozenset({"reject", "grant_extension", "refuse_extension", "hold", "resume"})
GROUPS: dict[str, Promise] = {
    "escalated": gettext_lazy("Escalated"),
    "overdue": gettext_lazy("Overdue"),
    "new": gettext_lazy("New"),
    "decided": gettext_lazy("Decided"),
}


class NoMailServer(DubanError):
    pass


@dataclass(frozen=True)
class Sent:
    """How many mails went out, and to how many people none could be sent."""

    sent: int
    failed: int


def send_digests(*, now: datetime) -> Sent:
    """A mail to each person with an address who has unread notices that no mail has told.

    Raises NoMailServer (`no_mail_server`, `mail_server_silent`) before anything is sent.
    """
    if not settings.DUBAN_EMAIL_URL:
        raise NoMailServer("no_mail_server", gettext_lazy("No mail server is set (DUBAN_EMAIL_URL); nothing was sent."))
    server = get_connection()
    try:
        server.open()
    except OSError as error:
        raise NoMailServer(
            "mail_server_silent", _("The mail server does not answer (%(error)s); nothing was sent.") % {"error": error}
        ) from error
    waiting = Notification.objects.filter(mailed_at=None, read_at=None, person__is_active=True)
    people = Person.objects.filter(pk__in=waiting.exclude(person__email="").values("person")).order_by("pk")
    sent = failed = 0
    for person in people:
        claimed = _claim(person, now)
        if not claimed:
            continue
        try:
            server.send_messages([digest(person, claimed, now=now)])
            sent += 1
        except OSError:
            Notification.objects.filter(pk__in=[notice.pk for notice in claimed]).update(mailed_at=None)
            failed += 1
    server.close()
    return Sent(sent, failed)


@transaction.atomic
def _claim(person: Person, now: datetime) -> list[Notification]:
    """The person's unread notices that nobody has mailed, of what they may see now; marked as mailed."""
    Person.objects.select_for_update().get(pk=person.pk)
    found = notices_of(person).filter(mailed_at=None, read_at=None).select_related("entry__category").order_by("-pk")
    notices = list(found)
    Notification.objects.filter(pk__in=[notice.pk for notice in notices]).update(mailed_at=now)
    return notices


def digest(person: Person, notices: Iterable[Notification], *, now: datetime) -> EmailMessage:
    """The mail, in the person's language."""
    with translation.override(person.language or settings.LANGUAGE_CODE):
        groups = _grouped(notices, now)
        shown = [
            {
                "label": GROUPS[key],
                "lines": [_line(entry, told) for entry, told in found[:LINES]],
                "more": max(0, len(found) - LINES),
            }
            for key, found in groups.items()
        ]
        counts = ", ".join(f"{GROUPS[key]} {len(found)}" for key, found in groups.items())
        site = settings.DUBAN_SITE_URL
        context = {
            "person": person,
            "groups": shown,
            "office": settings.DUBAN_OFFICE,
            "notices_url": site + reverse("ledger:notices"),
            "own_url": site + reverse("access:own"),
        }
        return EmailMessage(
            subject=_("Duban: %(counts)s") % {"counts": counts},
            body=render_to_string("ledger/digest.txt", context),
            to=[person.email],
        )


def _grouped(notices: Iterable[Notification], now: datetime) -> dict[str, list[tuple[Entry, list[str]]]]:
    """Each entry once, in the most urgent group that it belongs to, with all that was told of it."""
    told: dict[Entry, list[Notification]] = {}
    for notice in notices:
        told.setdefault(notice.entry, []).append(notice)
    groups: dict[str, list[tuple[Entry, list[str]]]] = {key: [] for key in GROUPS}
    for entry, of_entry in told.items():
        steps = {notice.action for notice in of_entry}
        decided = "decided" if steps <= DECIDED else "new"
        key = "escalated" if "escalate" in steps else "overdue" if is_overdue(entry, now) else decided
        groups[key].append((entry, [words_of(notice) for notice in of_entry]))
    return {key: found for key, found in groups.items() if found}


def _line(entry: Entry, told: list[str]) -> dict[str, object]:
    return {
        "entry": entry,
        "told": list(dict.fromkeys(told)),
        "url": settings.DUBAN_SITE_URL + reverse("ledger:entry", args=[entry.pk]),
    }
