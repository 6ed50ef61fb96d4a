"""Opening files: many people at once, each found again if followed already, all written in a few statements."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import DubanError
from duban.core.rows import insert
from duban.ledger.counters import count_up
from duban.outbreak.casefiles.identity import (
    NAMES,
    Facts,
    completed,
    facts_of,
    keys_of,
    person_token,
    seal_many,
)
from duban.outbreak.casefiles.matching import BadFile, Held, NewKey, Register, keep_keys
from duban.outbreak.measures.plans import replan
from duban.outbreak.models import (
    Alert,
    CareRequest,
    CaseExposure,
    CaseFile,
    ExposureKind,
    Measure,
    Task,
)
from duban.outbreak.people import Tokens
from duban.places.codes import LENGTHS, covers

OPENS = "file.open"
ENOUGH = (("id_number",), ("own_id",), ("name_birth",), ("phone", "name"))
"""Kinds of keys of which one group names somebody."""
COUNTY, TOWN = LENGTHS[0], LENGTHS[1]


@dataclass(frozen=True)
class ExposureDraft:
    """As `CaseExposure` keeps it. Times carry their zone; `arrived_at` is None where it is not known."""

    kind: str
    basis: str
    measure: str
    place: str
    first: datetime
    last: datetime
    arrived_at: datetime | None = None


@dataclass(frozen=True)
class FileDraft:
    """Somebody to be followed. `stay` and `town` are codes, "" where unknown; `token` is that of the store."""

    facts: Facts
    stay: str = ""
    town: str = ""
    exposures: tuple[ExposureDraft, ...] = ()
    household: uuid.UUID | None = None
    token: str = ""


@dataclass
class Opened:
    """What became of the drafts. `file_of` is by the draft's place in the sequence, without those refused."""

    taken: int = 0
    updated: int = 0
    unchanged: int = 0
    file_of: dict[int, CaseFile] = field(default_factory=dict)
    refused: dict[int, DubanError] = field(default_factory=dict)
    differing: dict[int, list[str]] = field(default_factory=dict)
    """Names of facts in which a draft says something else than its file, which was kept."""

    @property
    def files(self) -> list[CaseFile]:
        """In the order of the drafts, each once."""
        return list({self.file_of[index].pk: self.file_of[index] for index in sorted(self.file_of)}.values())


@transaction.atomic
def open_files(*, by: Person, now: datetime, office: str, drafts: Sequence[FileDraft], origin: str) -> Opened:
    """Open a file for each person who has none, and add what is new to those who have one; a replay changes nothing.

    What is unknown is filled in, what is known stays: `differing` says where a draft has something else. An exposure
    on the same basis only grows. `office` is cut to its county, so that nobody has two files in a district.
    Refused singly: BadFile (`nobody_named`, `id_with_other_name`, `bad_exposure`), Conflict (`several_files`).
    Raises NotAllowed (`not_allowed`) unless all the towns are the person's.
    """
    office = office[:COUNTY]
    _require_towns(by, office, drafts)
    # Locked until the commit: of two who open files of one office at once the second sees what the first opened.
    count_up(f"files:{office}", 0)
    work = _Work(by.as_actor(), now, office, origin)
    work.take(drafts)
    work.write()
    done = work.done
    audit.record(
        by=by,
        now=now,
        action="open_files",
        subject_type="case_file",
        subject_id=done.files[0].number if len(done.files) == 1 else origin,
        detail={
            "taken": done.taken,
            "updated": done.updated,
            "unchanged": done.unchanged,
            "refused": len(done.refused),
            "bases": sorted({one.basis for draft in drafts for one in draft.exposures})[:100],
        },
    )
    return done


def town_of(draft: FileDraft, office: str) -> str:
    """The town that looks after the person; the office where none is known."""
    return draft.town or (draft.stay[:TOWN] if len(draft.stay) >= TOWN else office)


def _require_towns(by: Person, office: str, drafts: Sequence[FileDraft]) -> None:
    codes = rights.codes(by, OPENS)
    if covers(codes, office):
        return
    for town in {town_of(draft, office) for draft in drafts} or {office}:
        if not covers(codes, town):
            rights.require(by, OPENS, town)


class _Work:
    """One call of `open_files`: judges the drafts one after the other, then writes all in a few statements."""

    def __init__(self, actor: dict[str, Any], now: datetime, office: str, origin: str):
        self.actor, self.now, self.office, self.origin = actor, now, office, origin
        self.done = Opened()
        self.tokens = Tokens()
        self.register = Register(office)
        self.opened: dict[uuid.UUID, tuple[CaseFile, Facts]] = {}
        self.filled: dict[uuid.UUID, tuple[CaseFile, Facts]] = {}
        self.moved: dict[uuid.UUID, CaseFile] = {}
        self.keys: list[NewKey] = []
        self.exposures: list[CaseExposure] = []
        self.grown: dict[int, CaseExposure] = {}
        self.replanned: set[uuid.UUID] = set()

    def take(self, drafts: Sequence[FileDraft]) -> None:
        whole = [replace(draft, facts=completed(draft.facts)) for draft in drafts]
        keys = [keys_of(draft.facts, self.tokens) for draft in whole]
        tokens = {draft.token for draft in whole if draft.token}
        self.register.load(keys, tokens)
        for index, draft in enumerate(whole):
            try:
                self._take_one(index, draft, keys[index])
            except DubanError as refusal:
                self.done.refused[index] = refusal

    def _take_one(self, index: int, draft: FileDraft, keys: dict[str, str]) -> None:
        if not draft.token and not any(set(kinds) <= set(keys) for kinds in ENOUGH):
            raise BadFile(
                "nobody_named",
                _("Give an ID number, or the name with a phone, or the name with the date of birth."),
                field="id_number",
            )
        for one in draft.exposures:
            require_sound(one)
        held = self.register.find(keys, draft.token, [(one.kind, one.basis) for one in draft.exposures])
        if held is None:
            self.done.file_of[index] = self._open(draft, keys)
            self.done.taken += 1
            return
        self.done.file_of[index] = held.file
        changed = held.is_open and self._update(index, held, draft, keys)
        if changed:
            self.done.updated += 1
        else:
            self.done.unchanged += 1

    def _open(self, draft: FileDraft, keys: dict[str, str]) -> CaseFile:
        town = town_of(draft, self.office)
        file = CaseFile(
            office=self.office,
            person=draft.token or person_token(keys, self.tokens),
            town=town,
            stay=draft.stay or town,
            household=draft.household,
            opened_at=self.now,
            origin=self.origin[:60],
        )
        self.opened[file.pk] = file, draft.facts
        held = self.register.add(file, {})
        self.keys += self.register.learn(held, keys)
        for one in draft.exposures:
            self._expose(held, one)
        self.replanned.add(file.pk)
        return file

    def _update(self, index: int, held: Held, draft: FileDraft, keys: dict[str, str]) -> bool:
        changed = self._fill(index, held, draft.facts)
        if new := self.register.learn(held, keys):
            self.keys += new
            changed = True
        if draft.household and held.file.household is None:
            held.file.household = draft.household
            self.moved[held.file.pk] = held.file
            changed = True
        if self._settle(index, held.file, draft):
            changed = True
        for one in draft.exposures:
            if self._expose(held, one):
                self.replanned.add(held.file.pk)
                changed = True
        return changed

    def _fill(self, index: int, held: Held, told: Facts) -> bool:
        """Whether something was unknown that is known now."""
        file = held.file
        known = (self.opened.get(file.pk) or self.filled.get(file.pk) or (file, facts_of(file)))[1]
        new = {name: value for name in NAMES if (value := getattr(told, name)) and not getattr(known, name)}
        others = [
            name for name in NAMES if getattr(told, name) and getattr(known, name) not in ("", getattr(told, name))
        ]
        if others:
            self.done.differing[index] = others
        if not new:
            return False
        at = self.opened if file.pk in self.opened else self.filled
        at[file.pk] = file, replace(known, **new)
        return True

    def _settle(self, index: int, file: CaseFile, draft: FileDraft) -> bool:
        """Whether it is known better now where the person stays: a code that the known one covers."""
        stay = draft.stay or draft.town
        if not stay or file.stay.startswith(stay):
            return False
        if not stay.startswith(file.stay):
            self.done.differing.setdefault(index, []).append("stay")
            return False
        file.stay, file.town = stay, stay[:TOWN]
        self.moved[file.pk] = file
        return True

    def _expose(self, held: Held, one: ExposureDraft) -> bool:
        """Whether the exposure is new to the file, or longer than was known; what was withdrawn stays so."""
        known = held.exposures.get((one.kind, one.basis))
        if known is None:
            row = exposure_row(held.file, one, self.actor, self.now)
            held.exposures[one.kind, one.basis] = row
            self.exposures.append(row)
            return True
        if known.withdrawn_at is not None:
            return False
        first, last = min(known.first, one.first), max(known.last, one.last)
        arrived = known.arrived_at or one.arrived_at
        if (first, last, arrived) == (known.first, known.last, known.arrived_at):
            return False
        known.first, known.last, known.arrived_at = first, last, arrived
        if known.pk is not None:
            self.grown[known.pk] = known
        return True

    def write(self) -> None:
        self._write_new()
        if self.filled:
            for (file, _facts), sealed in zip(
                self.filled.values(), seal_many(facts for _file, facts in self.filled.values()), strict=True
            ):
                file.sealed = sealed
            CaseFile.objects.bulk_update([file for file, _facts in self.filled.values()], ["sealed"], batch_size=200)
        moved = [file for file in self.moved.values() if file.pk not in self.opened]
        if moved:
            CaseFile.objects.bulk_update(moved, ["town", "stay", "household"], batch_size=200)
            carry_along(moved)
        keep_keys(self.keys)
        insert(self.exposures)
        if self.grown:
            fields = ["first", "last", "arrived_at"]
            CaseExposure.objects.bulk_update(list(self.grown.values()), fields, batch_size=200)
        if self.replanned:
            replanned(self.now, self.replanned)

    def _write_new(self) -> None:
        if not self.opened:
            return
        last = count_up(f"files:{self.office}", len(self.opened))
        files = [file for file, _facts in self.opened.values()]
        sealed = seal_many(facts for _file, facts in self.opened.values())
        for number, (file, secret) in enumerate(zip(files, sealed, strict=True), start=last - len(files) + 1):
            file.number, file.sealed = f"{self.office}-{number:06d}", secret
        insert(files)


def require_sound(one: ExposureDraft) -> None:
    """Raises BadFile (`bad_exposure`) unless the exposure is of a known kind and measure, and ends after it began."""
    if one.kind not in ExposureKind.values or one.measure not in Measure.values or not one.basis.strip():
        raise BadFile("bad_exposure", _("An exposure has a kind, a measure and what it rests on."), field="kind")
    if one.last < one.first or len(one.basis) > 64 or len(one.place) > 200:
        raise BadFile("bad_exposure", _("The exposure ends before it begins, or its words are too long."), field="last")


def exposure_row(file: CaseFile, one: ExposureDraft, actor: dict[str, Any], now: datetime) -> CaseExposure:
    return CaseExposure(
        file=file,
        kind=one.kind,
        basis=one.basis,
        measure=one.measure,
        place=one.place,
        first=one.first,
        last=one.last,
        arrived_at=one.arrived_at,
        added_by=actor,
        added_at=now,
    )


def carry_along(files: Iterable[CaseFile]) -> None:
    """Tell the rows that stand in a town's lists whose they are now."""
    by_place: dict[tuple[str, str], list[uuid.UUID]] = defaultdict(list)
    for file in files:
        by_place[file.town, file.stay].append(file.pk)
    for (town, stay), ids in by_place.items():
        for start in range(0, len(ids), 900):
            part = ids[start : start + 900]
            Task.objects.filter(file__in=part).update(town=town, stay=stay)
            Alert.objects.filter(file__in=part).update(town=town)
            CareRequest.objects.filter(file__in=part).update(town=town)


def replanned(now: datetime, file_ids: Iterable[uuid.UUID]) -> None:
    """Have the plans of these files worked out anew."""
    replan(now=now, file_ids=set(file_ids))
