"""An entry's history as people read it: the line of states it went through, and every event with what it changed."""

import uuid
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person
from duban.ledger.lifecycle import TRANSITIONS, State
from duban.ledger.models import Category, Entry, Event

MAIN_LINE = (State.FOUND, State.LISTED, State.ASSIGNED, State.REMEDIED, State.CLOSED)
COLUMNS: dict[str, Promise] = {
    "category_id": _("category"),
    "statement": _("place in words"),
    "description": _("in words"),
    "responsible": _("responsible unit"),
    "due_at": _("deadline"),
    "extension_until": _("asked for until"),
    "merged_into_id": _("goes on as"),
    "rework_count": _("reworks"),
    "return_count": _("returns"),
    "extension_count": _("extensions"),
    "reopen_count": _("times reopened"),
    "escalation": _("escalations"),
    "cycle": _("cycle"),
    "lookback_due_at": _("look-back due"),
}


MOMENTS = frozenset({"due_at", "extension_until", "lookback_due_at"})


LINKS = ("merged_into_id", "split_from_id")


def numbers_in_sight(person: Person, entry_ids: Iterable[uuid.UUID | str | None]) -> dict[str, str]:
    """By id the numbers of those of the entries that the person may see; nothing is asked where there are none."""
    wanted = {str(entry_id) for entry_id in entry_ids if entry_id}
    if not wanted:
        return {}
    found = Entry.objects.visible_to(person).filter(pk__in=wanted)
    return {str(pk): number for pk, number in found.values_list("pk", "number")}


def links_of(event: Event) -> list[str]:
    """The ids of other entries that the event names."""
    return [said for said in (event.facts.get("set", {}).get(name) for name in LINKS) if said]


def facts_in_sight(event: Event, seen: Container[str]) -> dict[str, Any]:
    """The event's facts; an entry that it names is told only to who may see that one."""
    said = event.facts.get("set", {})
    hidden = {name: None for name in LINKS if said.get(name) and said[name] not in seen}
    return event.facts | {"set": said | hidden} if hidden else event.facts


@dataclass(frozen=True)
class Stop:
    """A state on the line: when it was (last) reached and by whom, or still to come."""

    state: str
    word: str
    at: datetime | None = None
    who: str = ""
    here: bool = False


@dataclass(frozen=True)
class Change:
    column: str
    label: str | Promise
    old: Any
    new: Any
    number: str = ""
    """Of the entry that `new` names, where the reader may see it."""

    @property
    def is_moment(self) -> bool:
        return self.column in MOMENTS


@dataclass(frozen=True)
class Line:
    """One event, told."""

    seq: int
    action: str
    label: str | Promise
    at: datetime
    who: str
    username: str
    reason: str
    changes: tuple[Change, ...]
    photos: int
    hash: str
    previous: str

    @property
    def codes(self) -> set[str]:
        return {
            value
            for change in self.changes
            if change.column == "responsible"
            for value in (change.old, change.new)
            if value
        }

    @property
    def links(self) -> set[str]:
        return {change.new for change in self.changes if change.column in LINKS and change.new}

    def named(self, names: Mapping[str, str], numbers: Mapping[str, str]) -> "Line":
        """The same with units called by their names, and with the numbers of the entries that are in sight."""
        return replace(self, changes=tuple(_named(change, names, numbers) for change in self.changes))


def _named(change: Change, names: Mapping[str, str], numbers: Mapping[str, str]) -> Change:
    if change.column == "responsible":
        return replace(change, old=names.get(change.old, change.old), new=names.get(change.new, change.new))
    if change.column in LINKS:
        return replace(change, number=numbers.get(change.new, ""))
    return change


def _who(event: Event) -> str:
    return event.words.get("actor") or event.username


def state_line(entry: Entry, events: Sequence[Event]) -> list[Stop]:
    """found -> listed -> assigned (-> held) -> remedied -> closed; one merged, split or void ends where it left."""
    reached: dict[str, Event] = {}
    for event in events:
        if event.to_state != event.from_state:
            reached[event.to_state] = event
    ended = entry.state in {State.MERGED, State.SPLIT, State.VOID}
    held = entry.state == State.HELD
    position = -1 if ended else MAIN_LINE.index(State.ASSIGNED if held else State(entry.state))
    stops = []
    for index, state in enumerate(MAIN_LINE):
        passed = reached.get(state)
        if passed is not None and (ended or index <= position):
            stops.append(_stop(state, passed, here=index == position and not held))
            if held and index == position:
                stops.append(_stop(State.HELD, reached[State.HELD], here=True))
        elif not ended:
            stops.append(Stop(state, str(state.label)))
    if ended and entry.state in reached:
        stops.append(_stop(State(entry.state), reached[entry.state], here=True))
    return stops


def _stop(state: State, event: Event, *, here: bool) -> Stop:
    return Stop(state, str(state.label), event.at, _who(event), here)


def told(events: Sequence[Event], categories: Mapping[int, Category]) -> list[Line]:
    """Every event, the newest first, with what it changed from what to what; `categories` by their keys."""
    columns: dict[str, Any] = {}
    lines = []
    for event in events:
        said = dict(event.facts.get("set", {}))
        if "description" in event.words:
            said["description"] = event.words["description"]
        changed = [name for name in COLUMNS if name in said and said[name] != columns.get(name)]
        changes = [
            Change(name, COLUMNS[name], *(_shown(name, value, categories) for value in (columns.get(name), said[name])))
            for name in (changed if event.action != "record" else ())
        ]
        columns |= said
        step = TRANSITIONS.get(event.action)
        lines.append(
            Line(
                seq=event.seq,
                action=event.action,
                label=step.label if step else _("Found and recorded"),
                at=event.at,
                who=_who(event),
                username=event.username,
                reason=event.words.get("reason", ""),
                changes=tuple(changes),
                photos=len(event.facts.get("photos", [])),
                hash=event.hash,
                previous=event.previous,
            )
        )
    return lines[::-1]


def _shown(column: str, value: Any, categories: Mapping[int, Category]) -> Any:
    if column == "category_id":
        return str(categories.get(value, value))
    if column in MOMENTS and isinstance(value, str):
        return datetime.fromisoformat(value)
    return value
