"""The work that carries a decision out as lines that open it, and what of it a person may link or take away."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import scope_of
from duban.commons import mandates as commons
from duban.commons.pairing.queries import needs_for
from duban.core.errors import NotFound
from duban.decisions.actions import BadDecision
from duban.decisions.models import Decision
from duban.ledger import mandates as ledger
from duban.ledger import queries as entries
from duban.ledger.filters import write_filters
from duban.ledger.lifecycle import State
from duban.ledger.queries import Filters
from duban.outbreak import mandates as outbreak
from duban.outbreak.venue_sampling.frequencies import LEVELS, levels_for
from duban.patrol import mandates as patrol
from duban.patrol.rounds import counts_of_rounds, rounds_for
from duban.places import queries as places
from duban.web.progress import KINDS, Progress, Strand

SHOWN = 10
OFFERED = 20


@dataclass(frozen=True)
class Piece:
    """A piece of work as a line: what it is called, where it opens, how far it is; `key` takes it away again."""

    name: str
    url: str
    note: str
    key: str
    shape: str = ""
    word: str = ""


@dataclass(frozen=True)
class StrandShown:
    strand: Strand
    pieces: list[Piece]
    hidden: int
    """Of the linked pieces those that this reader may not see, or that stand on a page of their own."""
    all_url: str = ""

    @property
    def done(self) -> str:
        return f"{self.strand.work.done:,}"

    @property
    def of(self) -> str:
        return f"{self.strand.work.of:,}"


def _of_many(done: int, of: int) -> str:
    return _("%(done)s of %(of)s") % {"done": f"{done:,}", "of": f"{of:,}"}


def _entries(person: Person, decision: Decision, now: datetime) -> list[Piece]:
    found = entries.entries_for(person, Filters(decision=str(decision.pk), sort="due_at"), now=now)[:SHOWN]
    return [
        Piece(
            f"{entry.number} {entry.category}",
            reverse("ledger:entry", args=[entry.pk]),
            entry.statement,
            str(entry.pk),
            "overdue" if entries.is_overdue(entry, now) else entry.state,
            str(State(entry.state).label),
        )
        for entry in found
    ]


def _rounds(person: Person, decision: Decision, _now: datetime) -> list[Piece]:
    found = list(patrol.rounds_of(person, decision.pk)[:SHOWN])
    counts = counts_of_rounds(found)
    return [
        Piece(
            one.title,
            reverse("patrol:round", args=[one.pk]),
            _of_many(*reversed(counts[one.pk])),
            str(one.pk),
            "closed" if one.closed_at else "assigned",
            pgettext("round", "closed") if one.closed_at else str(pgettext("decision", "under way")),
        )
        for one in found
    ]


def _orders(person: Person, decision: Decision, _now: datetime) -> list[Piece]:
    return [
        Piece(
            one.declaration.name,
            reverse("outbreak:public_area", args=[one.declaration.area_id]),
            f"{one.declaration.number} · {one.declaration.get_measure_display()}",
            str(one.declaration.area_id),
        )
        for one in outbreak.orders_of(person, decision.pk)[:SHOWN]
    ]


def _samplings(person: Person, decision: Decision, now: datetime) -> list[Piece]:
    found = outbreak.samplings_of(person, decision.pk, now)[:SHOWN]
    names = places.names([one.level.code for one in found])
    return [
        Piece(
            _("%(place)s: level %(level)s")
            % {"place": names.get(one.level.code, one.level.code), "level": LEVELS[one.level.level]},
            reverse("outbreak:sampling"),
            _of_many(one.done, one.of),
            str(one.level.pk),
            "closed" if one.over else "assigned",
            _("another level took its place") if one.over else _("in force"),
        )
        for one in found
    ]


def _needs(person: Person, decision: Decision, _now: datetime) -> list[Piece]:
    return [
        Piece(need.title, "", f"{need.target:,} {need.unit}", str(need.pk))
        for need in commons.needs_of(person, decision.pk)[:SHOWN]
    ]


PIECES: dict[str, Callable[[Person, Decision, datetime], list[Piece]]] = {
    "order": _orders,
    "sampling": _samplings,
    "round": _rounds,
    "entry": _entries,
    "need": _needs,
}
SEES_WORK = {
    "order": outbreak.SEES_ORDERS,
    "sampling": ("sampling.see",),
    "round": ("visit.see",),
    "entry": ("entry.see", "entry.see_own"),
    "need": ("need.see",),
}


def strands_shown(person: Person, decision: Decision, progress: Progress, now: datetime) -> list[StrandShown]:
    """The work of each kind with what of it the person may see."""
    return [_strand(person, decision, strand, now) for strand in progress.strands]


def _strand(person: Person, decision: Decision, strand: Strand, now: datetime) -> StrandShown:
    sees = bool(scope_of(person, *SEES_WORK[strand.kind]))
    pieces = PIECES[strand.kind](person, decision, now) if sees else []
    hidden = max(strand.work.pieces - len(pieces), 0)
    address = ""
    if strand.kind == "entry" and sees:
        address = f"{reverse('ledger:list')}?{write_filters(Filters(decision=str(decision.pk)))}"
    return StrandShown(strand, pieces, hidden, address)


# ---- linking work ---------------------------------------------------------------------------------------------------

LINKS = {
    "entry": "entry.record",
    "round": "round.manage",
    "order": "area.declare",
    "sampling": "sampling.plan",
    "need": "need.manage",
}


def may_link(person: Person, kind: str, records: bool) -> bool:
    return (records or bool(rights.codes(person, LINKS[kind]))) and bool(scope_of(person, *SEES_WORK[kind]))


Offers = list[tuple[str, list[tuple[str, str]]]]


def offers_for(person: Person, *, records: bool) -> Offers:
    """By kind the newest work that could carry the decision out, each as `kind:key` with its name."""
    found: Offers = []
    if may_link(person, "order", records):
        newest = outbreak.orders_for(person)[:OFFERED]
        found.append(
            (str(KINDS["order"].name), [(f"order:{one.area_id}", f"{one.number} {one.name}") for one in newest])
        )
    if may_link(person, "sampling", records):
        levels = list(levels_for(person)[:OFFERED])
        names = places.names([one.code for one in levels])
        found.append(
            (
                str(KINDS["sampling"].name),
                [
                    (f"sampling:{one.pk}", f"{names.get(one.code, one.code)} {LEVELS[one.level]} {one.since}")
                    for one in levels
                ],
            )
        )
    if may_link(person, "round", records):
        found.append(
            (
                str(KINDS["round"].name),
                [(f"round:{one.pk}", f"{one.title} {one.starts_on}") for one in rounds_for(person)[:OFFERED]],
            )
        )
    if may_link(person, "need", records):
        open_needs = needs_for(person).filter(closed_at=None, decision=None)[:OFFERED]
        found.append((str(KINDS["need"].name), [(f"need:{one.pk}", one.title) for one in open_needs]))
    return [(name, choices) for name, choices in found if choices]


def change_work(
    person: Person, decision: Decision, *, number: str = "", work: str = "", linked: bool, now: datetime
) -> None:
    """Link an entry by its number, or other work as `kind:key`; or take it away. Raises as `change_link`."""
    kind, _colon, key = ("entry", "", number.strip()) if number.strip() else work.strip().partition(":")
    change_link(person, decision, kind=kind, key=key, linked=linked, now=now)


def change_link(person: Person, decision: Decision, *, kind: str, key: str, linked: bool, now: datetime) -> None:
    """Link the work of this kind and key, or take it away. An entry's key is its number or its id.

    Raises BadDecision (`unknown_work`), NotFound, NotAllowed and what the link itself refuses.
    """
    if kind == "entry":
        known = _id(key)
        entry = entries.entry_for(person, known).pk if known else ledger.entry_numbered(person, key).pk
        act = ledger.link_entry if linked else ledger.unlink_entry
        act(by=person, now=now, entry_id=entry, decision_id=decision.pk)
    elif kind == "sampling":
        level = int(key) if key.isascii() and key.isdecimal() and len(key) < 19 else 0
        change = outbreak.link_sampling if linked else outbreak.unlink_sampling
        change(by=person, now=now, level_id=level, decision_id=decision.pk)
    elif kind == "round":
        link = patrol.link_round if linked else patrol.unlink_round
        link(by=person, now=now, round_id=_needed(key), decision_id=decision.pk)
    elif kind == "order":
        order = outbreak.link_order if linked else outbreak.unlink_order
        order(by=person, now=now, area_id=_needed(key), decision_id=decision.pk)
    elif kind == "need":
        need = commons.link_need if linked else commons.unlink_need
        need(by=person, now=now, need_id=_needed(key), decision_id=decision.pk)
    else:
        raise BadDecision("unknown_work", gettext_lazy("Choose the work that carries the decision out."), field="work")


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _needed(text: str) -> uuid.UUID:
    found = _id(text)
    if found is None:
        raise NotFound(
            "work_not_found", gettext_lazy("There is no such work, or it is not yours to see."), field="work"
        )
    return found
