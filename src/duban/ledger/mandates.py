"""Entries that carry out a decision: linked, and counted for whoever asks how far the decision is."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Case, Count, Q, QuerySet, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import NotFound
from duban.core.text import is_plain
from duban.decisions.mandates import lay_key, take_key
from duban.decisions.models import Decision
from duban.decisions.queries import decision_for, decisions_for
from duban.ledger.lifecycle import OPEN, UNREMEDIED, State
from duban.ledger.models import Entry, EntryMandate

LINKS = "entry.record"
MOST_SHOWN = 20


@transaction.atomic
def link_entry(*, by: Person, now: datetime, entry_id: uuid.UUID, decision_id: uuid.UUID) -> EntryMandate:
    """The entry carries the decision out. A second time changes nothing.

    Whoever may record there, or recorded the decision, links. Raises NotFound (`decision_not_found`,
    `entry_not_found`), NotAllowed (`not_allowed`), Conflict (`decision_over`).
    """
    decision = decision_for(by, decision_id, lock=True)
    entry = _entry(by, decision, entry_id)
    return lay_key(EntryMandate, by=by, now=now, decision=decision, kind="entry", entry=entry)


@transaction.atomic
def unlink_entry(*, by: Person, now: datetime, entry_id: uuid.UUID, decision_id: uuid.UUID) -> None:
    """The entry does not carry the decision out after all; where no link stands nothing happens.

    Raises as `link_entry`.
    """
    decision = decision_for(by, decision_id, lock=True)
    entry = _entry(by, decision, entry_id)
    take_key(EntryMandate, by=by, now=now, decision=decision, kind="entry", entry=entry)


def _entry(by: Person, decision: Decision, entry_id: uuid.UUID) -> Entry:
    entry = Entry.objects.select_related("category").filter(pk=entry_id).first()
    if entry is None:
        raise NotFound("entry_not_found", _("There is no such entry, or it is not yours to see."))
    if not rights.may(by, "decision.record", decision.meeting.body.jurisdiction):
        rights.require(by, LINKS, entry.jurisdiction, entry.category.kind)
    return entry


@dataclass(frozen=True)
class Work:
    """How far the entries of a decision are: all, still open, struck off, and open past their deadline."""

    entries: int
    open: int
    closed: int
    overdue: int


def work_of(decision_ids: Collection[uuid.UUID], now: datetime) -> dict[uuid.UUID, Work]:
    """By decision what its entries say; a decision without any is not there.

    A merged entry counts as the one that it goes on as, a split one as its parts; a void one is no work.
    """
    standing_links = standing().filter(decision__in=decision_ids).order_by()
    own = standing_links.exclude(entry__state__in=(State.VOID, State.SPLIT)).exclude(
        entry__merged_into__state=State.VOID
    )
    parts = Entry.objects.filter(split_from__in=standing_links.filter(entry__state=State.SPLIT).values("entry"))
    counts = {
        row["decision"]: [row["entries"], row["open"], row["closed"], row["overdue"]]
        for row in own.annotate(
            lives=Coalesce("entry__merged_into", "entry"),
            stands=Coalesce("entry__merged_into__state", "entry__state"),
            due=Case(When(entry__merged_into=None, then="entry__due_at"), default="entry__merged_into__due_at"),
        )
        .values("decision")
        .annotate(
            entries=Count("lives", distinct=True),
            open=Count("lives", filter=Q(stands__in=OPEN), distinct=True),
            closed=Count("lives", filter=Q(stands=State.CLOSED), distinct=True),
            overdue=Count("lives", filter=Q(stands__in=UNREMEDIED, due__lt=now), distinct=True),
        )
    }
    if parts.exists():
        _add_parts(counts, decision_ids, now)
    return {key: Work(*numbers) for key, numbers in counts.items()}


def _add_parts(counts: dict[uuid.UUID, list[int]], decision_ids: Collection[uuid.UUID], now: datetime) -> None:
    links = standing().filter(decision__in=decision_ids, entry__state=State.SPLIT)
    whole = dict[uuid.UUID, set[uuid.UUID]]()
    for decision, entry in links.values_list("decision", "entry"):
        whole.setdefault(entry, set()).add(decision)
    for part in Entry.objects.filter(split_from__in=whole).exclude(state=State.VOID):
        for decision in whole.get(part.split_from_id or part.pk, ()):
            numbers = counts.setdefault(decision, [0, 0, 0, 0])
            late = part.state in UNREMEDIED and part.due_at is not None and part.due_at < now
            for place, counted in enumerate((True, part.state in OPEN, part.state == State.CLOSED, late)):
                numbers[place] += counted


def standing() -> QuerySet[EntryMandate]:
    """The links that nobody took away."""
    return EntryMandate.objects.filter(ended_at=None)


def standing_work() -> QuerySet[EntryMandate]:
    """Those of entries that are work: not void."""
    return standing().exclude(entry__state=State.VOID).exclude(entry__merged_into__state=State.VOID)


def decisions_of(person: Person, entry_id: uuid.UUID) -> list[Decision]:
    """What the entry carries out, of the decisions that the person may see; the newest first."""
    links = standing().filter(entry=entry_id).order_by().values("decision")
    return list(decisions_for(person).filter(pk__in=links)[:MOST_SHOWN])


def entry_numbered(person: Person, number: str) -> Entry:
    """The entry of this number that the person may see, else NotFound (`entry_not_found`)."""
    found = Entry.objects.visible_to(person).filter(number=number.strip()[:40]).first() if is_plain(number) else None
    if found is None:
        raise NotFound("entry_not_found", _("There is no such entry, or it is not yours to see."), field="number")
    return found


def entry_ids_of(decision_id: uuid.UUID) -> list[uuid.UUID]:
    """The entries that carry it out, the first linked first; who may see which of them is the ledger's list to say."""
    links = EntryMandate.objects.filter(decision=decision_id, ended_at=None).order_by("at", "pk")
    return list(links.values_list("entry", flat=True))
