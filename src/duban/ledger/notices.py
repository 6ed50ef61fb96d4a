"""Who is told of a step, and what they still may see of it when they read it."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person
from duban.access.queries import people_who_may
from duban.core import audit
from duban.ledger.lifecycle import Transition
from duban.ledger.models import Entry, Notification

UNREAD_CAP = 99
PAGE_SIZE = 100


@dataclass(frozen=True)
class Telling:
    """Who is told of a step, by the right that makes it theirs, and in which words."""

    permission: str
    words: Promise

    @property
    def by_unit(self) -> bool:
        return self.permission != "entry.triage"


# The unit of what it must do, the supervisors of what came back, the leaders of what hangs.
TOLD: dict[str, tuple[Telling, ...]] = {
    "assign": (Telling("entry.handle", _("assigned to your unit")),),
    "reject": (Telling("entry.handle", _("the remedy was rejected: go again")),),
    "grant_extension": (Telling("entry.handle", _("more time was granted")),),
    "refuse_extension": (Telling("entry.handle", _("more time was refused")),),
    "hold": (Telling("entry.handle", _("put on hold")),),
    "resume": (Telling("entry.handle", _("resumed: the time runs on")),),
    "escalate": (
        Telling("entry.handle", _("escalated: it hangs")),
        Telling("entry.be_told", _("escalated: it hangs")),
    ),
    "reopen": (Telling("entry.handle", _("reopened: go again")),),
    "recurred": (Telling("entry.handle", _("it is there again")),),
    "remedy": (Telling("entry.triage", _("a remedy was submitted")),),
    "return": (Telling("entry.triage", _("given back as not theirs")),),
    "ask_extension": (Telling("entry.triage", _("more time is asked for")),),
}


def notify(entry: Entry, step: Transition, *, by: audit.Actor, now: datetime) -> None:
    """Leave a notification with everybody whom the step concerns, but for who took it."""
    told: dict[int, str] = {}
    for telling in TOLD.get(step.action, ()):
        place = entry.responsible if telling.by_unit else entry.jurisdiction
        told |= dict(people_who_may(telling.permission, place, entry.category.kind))
    if not told:
        return
    me = by.as_actor()["username"]
    Notification.objects.bulk_create(
        [
            Notification(person_id=pk, entry=entry, action=step.action, at=now, by=me)
            for pk, username in sorted(told.items())
            if username != me
        ]
    )


def words_of(notice: Notification) -> str:
    """What happened, as the person is told it."""
    return str(TOLD[notice.action][0].words)


def notices_of(person: Person) -> QuerySet[Notification]:
    """What the person was told of entries that they may see now: what went out of their sight is not told again."""
    in_sight = Entry.objects.visible_to(person).filter(pk=OuterRef("entry"))
    return Notification.objects.filter(Exists(in_sight), person=person)


def unread_count(person: Person) -> int:
    """How many the person has not read, up to one more than the cap."""
    return notices_of(person).filter(read_at=None).order_by()[: UNREAD_CAP + 1].count()


@dataclass(frozen=True)
class Group:
    """What the person was told of one entry, the newest first."""

    entry: Entry
    notices: list[Notification]

    @property
    def unread(self) -> bool:
        return any(notice.read_at is None for notice in self.notices)


def page_of_notices(person: Person, *, unread: bool, before: int | None = None) -> tuple[list[Group], int | None]:
    """A page of notices by entry, the newest first, and the key of the next page if there is one."""
    found = notices_of(person).select_related("entry__category").order_by("-pk")
    if unread:
        found = found.filter(read_at=None)
    if before is not None:
        found = found.filter(pk__lt=before)
    notices = list(found[: PAGE_SIZE + 1])
    more, notices = len(notices) > PAGE_SIZE, notices[:PAGE_SIZE]
    groups: dict[uuid.UUID, Group] = {}
    for notice in notices:
        groups.setdefault(notice.entry_id, Group(notice.entry, [])).notices.append(notice)
    return list(groups.values()), notices[-1].pk if more else None


def mark_read(*, by: Person, now: datetime, entry_id: uuid.UUID | None = None, up_to: int | None = None) -> int:
    """The person has read what they were told of the entry, or of all, up to a notice. Idempotent; returns how many.

    Looks first: opening a page of which there is nothing unread writes nothing.
    """
    unread = Notification.objects.filter(person=by, read_at=None)
    if entry_id is not None:
        unread = unread.filter(entry=entry_id)
    if up_to is not None:
        unread = unread.filter(pk__lte=up_to)
    return unread.update(read_at=now) if unread.exists() else 0
