"""One mail to each person with what they were told and have not read: a digest, never one mail per event.

A notice is claimed before its mail is sent and given back if the sending fails: a second run, or one at the same time,
sends nothing twice. Were the program killed in between, the notice still stands unread in the app.

The ledger tells of its own entries and of decisions below it; an app above puts what it tells into TELLERS.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.dateformat import format as format_date
from django.utils.functional import Promise
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.decisions import reminders
from duban.decisions.models import Decision, DecisionNotice, NoticeKind
from duban.ledger.models import Entry, Notification
from duban.ledger.notices import notices_of, words_of
from duban.ledger.queries import is_overdue

LINES = 40
"""So many of a group are named; the others stand in the app."""
DECIDED = frozenset({"reject", "grant_extension", "refuse_extension", "hold", "resume"})
GROUPS: dict[str, Promise] = {
    "escalated": gettext_lazy("Escalated"),
    "overdue": gettext_lazy("Overdue"),
    "awaited": gettext_lazy("Due soon or not begun"),
    "new": gettext_lazy("New"),
    "decided": gettext_lazy("Decided"),
}


MOST_WORDS = 80
"""Of a decision, in characters."""
WAITING = Q(mailed_at=None, read_at=None, person__is_active=True) & ~Q(person__email="")


class NoMailServer(DubanError):
    pass


@dataclass(frozen=True)
class Line:
    """Something that waits, what was told of it, until when it is to be done ("" where nobody says), and its page."""

    title: str
    told: list[str]
    due: str
    url: str


@dataclass(frozen=True)
class Teller:
    """Notices of one sort that go out in the mail."""

    notices: type[models.Model]
    """With `person`, `read_at` and `mailed_at`."""
    of: Callable[[Person], QuerySet]
    """Those of a person that they have not read and may see now, the newest first."""
    lines: Callable[[Iterable[Any], datetime], dict[str, list[Line]]]
    """By key of GROUPS, each thing once with all that was told of it."""
    all_of: Promise
    page: str
    """Where all of it stands, and the words before its address."""


Claimed = list[tuple[Teller, list[Any]]]
"""What one mail tells."""


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
    waits = Q(pk__in=[])
    for teller in TELLERS:
        waits |= Q(pk__in=teller.notices._base_manager.filter(WAITING).values("person"))
    people = Person.objects.filter(waits).order_by("pk")
    sent = failed = 0
    for person in people:
        claimed = _claim(person, now)
        if not claimed:
            continue
        try:
            server.send_messages([digest(person, claimed, now=now)])
            sent += 1
        except OSError:
            _mark(claimed, None)
            failed += 1
    server.close()
    return Sent(sent, failed)


@transaction.atomic
def _claim(person: Person, now: datetime) -> Claimed:
    """The person's unread notices that nobody has mailed, of what they may see now; marked as mailed."""
    Person.objects.select_for_update().get(pk=person.pk)
    told = [(teller, list(teller.of(person).filter(mailed_at=None))) for teller in TELLERS]
    claimed = [(teller, notices) for teller, notices in told if notices]
    _mark(claimed, now)
    return claimed


def _mark(claimed: Claimed, mailed_at: datetime | None) -> None:
    for teller, notices in claimed:
        teller.notices._base_manager.filter(pk__in=[one.pk for one in notices]).update(mailed_at=mailed_at)


def digest(person: Person, claimed: Claimed, *, now: datetime) -> EmailMessage:
    """The mail, in the person's language."""
    with translation.override(person.language or settings.LANGUAGE_CODE):
        told = [teller.lines(notices, now) for teller, notices in claimed]
        found = {key: [line for lines in told for line in lines.get(key, [])] for key in GROUPS}
        groups = {key: lines for key, lines in found.items() if lines}
        shown = [
            {"label": GROUPS[key], "lines": found[:LINES], "more": max(0, len(found) - LINES)}
            for key, found in groups.items()
        ]
        counts = ", ".join(f"{GROUPS[key]} {len(found)}" for key, found in groups.items())
        site = settings.DUBAN_SITE_URL
        context = {
            "person": person,
            "groups": shown,
            "office": settings.DUBAN_OFFICE,
            "pages": [(teller.all_of, site + reverse(teller.page)) for teller, _notices in claimed],
            "own_url": site + reverse("access:own"),
        }
        return EmailMessage(
            subject=_("Duban: %(counts)s") % {"counts": counts},
            body=render_to_string("ledger/digest.txt", context),
            to=[person.email],
        )


def _unread_steps(person: Person) -> QuerySet[Notification]:
    return notices_of(person).filter(read_at=None).select_related("entry__category").order_by("-pk")


def _entries(notices: Iterable[Notification], now: datetime) -> dict[str, list[Line]]:
    """Each entry once, in the most urgent group that it belongs to, with all that was told of it."""
    told: dict[Entry, list[Notification]] = {}
    for notice in notices:
        told.setdefault(notice.entry, []).append(notice)
    groups: dict[str, list[Line]] = defaultdict(list)
    for entry, of_entry in told.items():
        steps = {notice.action for notice in of_entry}
        decided = "decided" if steps <= DECIDED else "new"
        key = "escalated" if "escalate" in steps else "overdue" if is_overdue(entry, now) else decided
        groups[key].append(_line_of_entry(entry, [words_of(notice) for notice in of_entry]))
    return groups


def _line_of_entry(entry: Entry, told: list[str]) -> Line:
    return Line(
        title=f"{entry.number} {entry.category}" + (f" · {entry.statement}" if entry.statement else ""),
        told=list(dict.fromkeys(told)),
        due=format_date(timezone.localtime(entry.due_at), "Y-m-d H:i") if entry.due_at else "",
        url=settings.DUBAN_SITE_URL + reverse("ledger:entry", args=[entry.pk]),
    )


def _decisions(notices: Iterable[DecisionNotice], now: datetime) -> dict[str, list[Line]]:
    """The same of decisions. What a reminder said is told with its day: it may have changed since."""
    told: dict[Decision, list[DecisionNotice]] = {}
    for notice in notices:
        told.setdefault(notice.decision, []).append(notice)
    groups: dict[str, list[Line]] = defaultdict(list)
    for decision, of_decision in told.items():
        hangs = any(notice.kind == NoticeKind.ESCALATED for notice in of_decision)
        late = decision.due_on is not None and decision.due_on < timezone.localdate(now)
        words = [f"{notice.get_kind_display()} ({timezone.localdate(notice.at)})" for notice in of_decision]
        groups["escalated" if hangs else "overdue" if late else "awaited"].append(
            Line(
                title=Truncator(" ".join(decision.text.split())).chars(MOST_WORDS),
                told=words,
                due=decision.due_on.isoformat() if decision.due_on else "",
                url=settings.DUBAN_SITE_URL + reverse("web:decision", args=[decision.pk]),
            )
        )
    return groups


TELLERS = [
    Teller(DecisionNotice, reminders.notices_of, _decisions, gettext_lazy("All decisions:"), "web:decisions"),
    Teller(Notification, _unread_steps, _entries, gettext_lazy("All of it:"), "ledger:notices"),
]
"""In the order in which they stand within a group."""
