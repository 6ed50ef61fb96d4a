"""How far a decision is: composed of the work that holds a key down to it. The decision itself knows nothing of it.

Every piece of work that is linked counts the same, whatever its size: an entry is through or not, a round by the venues
visited, an order by the people brought through what it asks, sampling by what was due by now, a need by what was
brought. Only where every piece is finished a decision says so; until then it is at 99 per cent at most.
"""

import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, TextChoices
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from duban.access import rights
from duban.access.models import Person
from duban.commons import mandates as commons
from duban.decisions.mandates import Work
from duban.decisions.models import Decision, DecisionState
from duban.ledger import mandates as ledger
from duban.outbreak import mandates as outbreak
from duban.patrol import mandates as patrol

MOST_UNFINISHED = 99
"""Per cent."""


class Standing(TextChoices):
    """Where a decision stands, the gravest first."""

    NO_WORK = "no_work", _("not seen through: no work")
    LATE = "late", _("overdue")
    BEHIND = "behind", pgettext_lazy("decision", "its work is late")
    UNDER_WAY = "under_way", pgettext_lazy("decision", "under way")
    DONE = "done", _("work finished, report due")
    CLOSED = "closed", _("seen through")
    WITHDRAWN = "withdrawn", _("withdrawn")


@dataclass(frozen=True)
class Kind:
    """A kind of work: its name, and what its numbers count."""

    name: Promise
    counts: Promise
    work_of: Callable[[Collection[uuid.UUID], datetime, Collection[str] | None], dict[uuid.UUID, Work]]
    standing: Callable[[], QuerySet[Any]]


def _entries(keys: Collection[uuid.UUID], now: datetime, _known: Collection[str] | None) -> dict[uuid.UUID, Work]:
    return {
        key: Work(one.entries, one.closed, one.overdue, one.closed, one.entries, float(one.closed))
        for key, one in ledger.work_of(keys, now).items()
        if one.entries
    }


KINDS: dict[str, Kind] = {
    "order": Kind(
        _("Screening orders"),
        _("people brought through what the order asks"),
        lambda keys, now, known: outbreak.orders_work_of(keys, now, known=known),
        outbreak.standing_orders,
    ),
    "sampling": Kind(
        _("Sampling of venues"),
        _("of what was due by now is sampled"),
        lambda keys, now, _known: outbreak.sampling_work_of(keys, now),
        outbreak.standing_sampling,
    ),
    "round": Kind(
        _("Patrol rounds"),
        _("venues visited"),
        lambda keys, now, _known: patrol.work_of(keys, now),
        patrol.standing,
    ),
    "entry": Kind(_("Entries of the ledger"), _("entries struck off"), _entries, ledger.standing_work),
    "need": Kind(
        _("Needs of communities"),
        _("brought, and seen by the community"),
        lambda keys, now, _known: commons.work_of(keys, now),
        commons.standing,
    ),
}


@dataclass(frozen=True)
class Strand:
    """The work of one kind."""

    kind: str
    work: Work

    @property
    def name(self) -> Promise:
        return KINDS[self.kind].name

    @property
    def counts(self) -> Promise:
        return KINDS[self.kind].counts

    @property
    def finished(self) -> bool:
        return self.work.finished >= self.work.pieces

    @property
    def percent(self) -> int | None:
        """None: not told."""
        told = self.work.told or self.finished
        return percent_of(self.work.share, self.work.pieces, finished=self.finished) if told else None


@dataclass(frozen=True)
class Progress:
    """How far one decision is; `percent` is None where nothing carries it out or the reader may not know it."""

    standing: Standing
    strands: tuple[Strand, ...]

    @property
    def pieces(self) -> int:
        return sum(strand.work.pieces for strand in self.strands)

    @property
    def finished(self) -> bool:
        return bool(self.strands) and all(strand.finished for strand in self.strands)

    @property
    def percent(self) -> int | None:
        if not self.strands or any(strand.percent is None for strand in self.strands):
            return None
        share = sum(strand.work.share for strand in self.strands)
        return percent_of(share, self.pieces, finished=self.finished)


def percent_of(share: float, pieces: int, *, finished: bool) -> int:
    """Whole per cent, rounded down; a hundred is said of what is finished alone."""
    if finished:
        return 100
    return min(int(100 * share / pieces + 1e-9), MOST_UNFINISHED)


def progress_of(
    decisions: Iterable[Decision],
    now: datetime,
    *,
    reader: Person | None = None,
    known: Collection[str] | None = None,
) -> dict[uuid.UUID, Progress]:
    """By decision how far it is, in few queries whatever their number.

    Small numbers of people are told as the `reader` may know them, or at the codes `known`; with neither everything is,
    for what reaches nobody as it is.
    """
    if reader is not None:
        known = rights.codes(reader, outbreak.OFFICER)
    those = list(decisions)
    keys = [decision.pk for decision in those]
    work = {name: kind.work_of(keys, now, known) for name, kind in KINDS.items()} if keys else {}
    today = timezone.localdate(now)
    found = {}
    for decision in those:
        strands = tuple(Strand(name, by[decision.pk]) for name, by in work.items() if decision.pk in by)
        found[decision.pk] = Progress(_standing(decision, strands, today), strands)
    return found


def _standing(decision: Decision, strands: tuple[Strand, ...], today: date) -> Standing:
    if decision.state == DecisionState.CLOSED:
        return Standing.CLOSED
    if decision.state == DecisionState.WITHDRAWN:
        return Standing.WITHDRAWN
    if not strands:
        return Standing.NO_WORK
    if all(strand.finished for strand in strands):
        return Standing.DONE
    if decision.due_on is not None and decision.due_on < today:
        return Standing.LATE
    return Standing.BEHIND if any(strand.work.late for strand in strands) else Standing.UNDER_WAY


def has_work() -> Q:
    """Of a decision: something that stands is linked to it."""
    condition = Q(pk__in=[])
    for kind in KINDS.values():
        condition |= Q(Exists(kind.standing().filter(decision=OuterRef("pk"))))
    return condition
