"""One mail to each person with what they were told and have not read: a digest, never one mail per event.

A notice is claimed before its mail is sent and given back if the sending fails: a second run, or one at the same time,
sends nothing twice. Were the program killed in between, the notice still stands unread in the app.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import Q
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
class Claimed:
    """What one mail tells: steps of entries, and reminders of decisions."""

    steps: Sequence[Notification]
    reminders: Sequence[DecisionNotice]

    def mark(self, mailed_at: datetime | None) -> None:
        Notification.objects.filter(pk__in=[one.pk for one in self.steps]).update(mailed_at=mailed_at)
        DecisionNotice.objects.filter(pk__in=[one.pk for one in self.reminders]).update(mailed_at=mailed_at)


@dataclass(frozen=True)
class Line:
    """Something that waits, what was told of it, until when it is to be done ("" where nobody says), and its page."""

    title: str
    told: list[str]
    due: str
    url: str


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
    told, reminded = (
        notices.filter(WAITING).values("person") for notices in (Notification.objects, DecisionNotice.objects)
    )
    people = Person.objects.filter(Q(pk__in=told) | Q(pk__in=reminded)).order_by("pk")
    sent = failed = 0
    for person in people:
        claimed = _claim(person, now)
        if not claimed.steps and not claimed.reminders:
            continue
        try:
            server.send_messages([digest(person, claimed, now=now)])
            sent += 1
        except OSError:
            claimed.mark(None)
            failed += 1
    server.close()
    return Sent(sent, failed)


@transaction.atomic
def _claim(person: Person, now: datetime) -> Claimed:
    """The person's unread notices that nobody has mailed, of what they may see now; marked as mailed."""
    Person.objects.select_for_update().get(pk=person.pk)
    steps = notices_of(person).filter(mailed_at=None, read_at=None).select_related("entry__category").order_by("-pk")
    claimed = Claimed(list(steps), list(reminders.notices_of(person).filter(mailed_at=None)))
    claimed.mark(now)
    return claimed


def digest(person: Person, claimed: Claimed, *, now: datetime) -> EmailMessage:
    """The mail, in the person's language."""
    with translation.override(person.language or settings.LANGUAGE_CODE):
        decided, done = _decisions(claimed.reminders, now), _entries(claimed.steps, now)
        groups = {key: decided[key] + done[key] for key in GROUPS if key in decided or key in done}
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
            "notices_url": site + reverse("ledger:notices") if claimed.steps else "",
            "decisions_url": site + reverse("web:decisions") if claimed.reminders else "",
            "own_url": site + reverse("access:own"),
        }
        return EmailMessage(
            subject=_("Duban: %(counts)s") % {"counts": counts},
            body=render_to_string("ledger/digest.txt", context),
            to=[person.email],
        )


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
