"""What may be said of a look-back round: each of its entries stands in exactly one way, and the words say no more.

"Rectified" is said of four things: claimed by the unit, evidenced by a photo, seen at the look-back, sampled out. Only
what was seen is rectified here, and "all rectified" needs that nothing is open, claimed, unseen or not inspected.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from duban.ledger.lifecycle import State
from duban.ledger.models import Entry, Lookback, LookbackItem


class Standing(models.TextChoices):
    """How an entry of a round stands now."""

    OPEN = "open", gettext_lazy("open again")
    CLAIMED = "claimed", gettext_lazy("claimed")
    EVIDENCED = "evidenced", gettext_lazy("struck off, not yet looked at")
    SEEN = "seen", gettext_lazy("seen to stand")
    NOT_INSPECTED = "not_inspected", gettext_lazy("not inspected")
    SAMPLED_OUT = "sampled_out", gettext_lazy("sampled out")


MEANINGS = {
    Standing.OPEN: gettext_lazy("Recurred, reopened or split, and not fixed."),
    Standing.CLAIMED: gettext_lazy("Handed in as fixed again; nobody has verified it."),
    Standing.EVIDENCED: gettext_lazy("Struck off on a photo; nobody has gone there since."),
    Standing.SEEN: gettext_lazy("Somebody went there, and it is still fixed."),
    Standing.NOT_INSPECTED: gettext_lazy("Nobody could look, or it was voided; it counts as fixed nowhere."),
    Standing.SAMPLED_OUT: gettext_lazy("Due, but not drawn; nothing is said of it."),
}
NEITHER_OPEN_NOR_CLAIMED = (State.CLOSED, State.VOID)


def standing() -> Case:
    """How an item's entry stands, as an expression: the first that applies.

    A merged entry stands as the one it went into, a split one is open until each of its parts is done with.
    """
    unfinished = Entry.objects.filter(split_from=OuterRef("lives")).exclude(state__in=NEITHER_OPEN_NOR_CLAIMED)
    own = Q(entry__state=State.CLOSED)
    owed = Q(result=Lookback.NOT_INSPECTED) | (~Q(result="") & Q(entry__lookback=Lookback.NOT_INSPECTED))
    return Case(
        When(Q(state=State.SPLIT) & Exists(unfinished), then=Value(Standing.OPEN)),
        When(state=State.REMEDIED, then=Value(Standing.CLAIMED)),
        When(~Q(state__in=(*NEITHER_OPEN_NOR_CLAIMED, State.SPLIT)), then=Value(Standing.OPEN)),
        When(Q(state=State.VOID) | (own & owed), then=Value(Standing.NOT_INSPECTED)),
        When(own & ~Q(result="") & Q(entry__lookback=Lookback.STANDS), then=Value(Standing.SEEN)),
        When(Q(drawn=False, result=""), then=Value(Standing.SAMPLED_OUT)),
        default=Value(Standing.EVIDENCED),
        output_field=models.CharField(),
    )


def with_standing(items: QuerySet[LookbackItem]) -> QuerySet[LookbackItem]:
    """The items, each with its `standing`."""
    lives = Coalesce(F("entry__merged_into_id"), F("entry_id"))
    state = Coalesce(F("entry__merged_into__state"), F("entry__state"))
    return items.alias(lives=lives, state=state).annotate(standing=standing())


@dataclass(frozen=True)
class Counts:
    """How many stand in which way; the six add up to `due`."""

    due: int = 0
    drawn: int = 0
    open: int = 0
    claimed: int = 0
    evidenced: int = 0
    seen: int = 0
    not_inspected: int = 0
    sampled_out: int = 0
    recurred: int = 0
    """Seen to have come back, whatever became of them since."""

    @property
    def all_rectified(self) -> bool:
        return self.seen > 0 and not (self.open or self.claimed or self.evidenced or self.not_inspected)

    @property
    def still_open(self) -> int:
        return self.open + self.claimed

    def of(self, one: str) -> int:
        """How many stand so."""
        return int(getattr(self, one))


def counts_of(items: QuerySet[LookbackItem]) -> Counts:
    """Count the items of one round as they stand now, in one query."""
    return next(iter(counts_by_round(items).values()), Counts())


def counts_by_round(items: QuerySet[LookbackItem], rounds: Iterable[uuid.UUID] = ()) -> dict[uuid.UUID, Counts]:
    """Count the items of each round as they stand now, in one query; `rounds` without any count nothing."""
    now: Any = with_standing(items)
    rows = list(
        now.order_by()
        .values_list("round_id", "standing", "drawn")
        .annotate(n=Count("pk"), recurred=Count("pk", filter=Q(result="recurred")))
    )
    found = dict.fromkeys(rounds, Counts())
    for round_id in dict.fromkeys(row[0] for row in rows):
        own = [row[1:] for row in rows if row[0] == round_id]
        sums = {str(one): sum(n for word, _drawn, n, _recurred in own if word == one) for one in Standing}
        found[round_id] = Counts(
            due=sum(n for _word, _drawn, n, _recurred in own),
            drawn=sum(n for _word, drawn, n, _recurred in own if drawn),
            recurred=sum(recurred for _word, _drawn, _n, recurred in own),
            **sums,
        )
    return found


def sentence(counts: Counts) -> str:
    """What the counts allow to be said, in the language in use; who was sampled out is never left unsaid."""
    if not counts.due:
        return _("Nothing of this round lies in your area.")
    words = {
        Standing.OPEN: _("%(n)d open again"),
        Standing.CLAIMED: _("%(n)d claimed as fixed"),
        Standing.EVIDENCED: _("%(n)d struck off and not yet looked at"),
        Standing.SEEN: _("%(n)d seen to stand"),
        Standing.NOT_INSPECTED: _("%(n)d not inspected"),
        Standing.SAMPLED_OUT: _("%(n)d sampled out"),
    }
    parts = pgettext("between counts", ", ").join(
        text % {"n": counts.of(one)} for one, text in words.items() if counts.of(one)
    )
    facts = {"due": counts.due, "drawn": counts.drawn, "parts": parts}
    if counts.all_rectified and not counts.sampled_out:
        return _("All rectified: of %(due)d due, %(drawn)d drawn, %(parts)s.") % facts
    if counts.all_rectified:
        return _("All rectified of those looked at: of %(due)d due, %(drawn)d drawn, %(parts)s.") % facts
    if counts.open or counts.claimed:
        return _("Not all rectified: of %(due)d due, %(drawn)d drawn, %(parts)s.") % facts
    return _("Not yet known whether all is rectified: of %(due)d due, %(drawn)d drawn, %(parts)s.") % facts
