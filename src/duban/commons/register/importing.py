"""Organisations from a table: those that are known are found again, good rows are kept, odd ones reported."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rapidfuzz import fuzz, process

from duban.access import rights
from duban.access.models import Person
from duban.commons.models import ChangeOf, LifeEvent, Organisation
from duban.commons.register import search
from duban.commons.register.categories import Categories
from duban.commons.register.drafts import (
    MAX_CATEGORY,
    BadOrganisation,
    Oddity,
    OrganisationDraft,
    checked,
    oddities,
    searched_text,
)
from duban.core import audit
from duban.core.errors import DubanError, NotAllowed
from duban.core.tables import Row, read_table
from duban.core.text import is_plain
from duban.places.codes import covers, within

EDITS = "organisation.edit"
COLUMNS = (
    "name", "tier", "credit_code", "filing_number", "category", "jurisdiction", "members", "founded", "kind",
)  # fmt: skip
REQUIRED = ("name", "tier", "category", "jurisdiction")
SAID_IN = {
    "name": "name", "name_key": "name", "tier": "tier", "kind": "kind", "category_id": "category",
    "jurisdiction": "jurisdiction", "town": "jurisdiction", "members": "members", "founded": "founded",
    "credit_code": "credit_code", "filing_number": "filing_number",
}  # fmt: skip
"""What a row may change, and the column that says it; an empty cell changes nothing."""
ALIKE = 88
"""Out of 100: names of one town that agree so far are reported."""
BATCH = 500
LIFE = {"name": ChangeOf.NAME, "tier": ChangeOf.TIER}
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Imported:
    """How a file went, in rows. `warnings` stand for rows that were kept."""

    taken: int
    updated: int
    unchanged: int
    columns: list[str]
    refused: list[tuple[Row, DubanError]]
    warnings: list[tuple[Row, Oddity]]


@dataclass
class Plan:
    """What the sound rows come to."""

    fresh: list[Organisation] = field(default_factory=list)
    changed: list[Organisation] = field(default_factory=list)
    life: list[LifeEvent] = field(default_factory=list)
    unchanged: int = 0


def import_organisations(
    *,
    by: Person,
    now: datetime,
    data: bytes,
    name: str,
    try_only: bool = False,
    progress: Progress = lambda _step, _done, _total: None,
) -> Imported:
    """Take the organisations of a CSV or workbook (contract: organisations file); a replay changes nothing.

    An organisation is found again by its credit code, else by its filing number in its town, else by its name at its
    code. Categories that are unknown become local ones. `try_only` tells what would come of it. Raises BadTable for a
    file that is no table, NotAllowed for who keeps no organisations anywhere; whatever is wrong with a row is in the
    result.
    """
    scope = rights.codes(by, EDITS)
    if not scope:
        rights.require(by, EDITS, "")
    columns, rows = read_table(data, name, required=REQUIRED)
    categories, today = Categories(), timezone.localdate(now)
    sound: list[tuple[Row, Organisation]] = []
    refused: list[tuple[Row, DubanError]] = []
    for done, row in enumerate(rows):
        if done % BATCH == 0:
            progress("rows", done, len(rows))
        try:
            sound.append((row, _read(row, categories, scope, today)))
        except DubanError as refusal:
            refusal.row = row.number
            refused.append((row, refusal))
    with transaction.atomic():
        categories.write_new()
        progress("known", 0, 0)
        plan, more, warnings = _plan(sound, by, now)
        progress("writing", 0, 0)
        _write(plan)
        audit.record(
            by=by, now=now, action="import_organisations", subject_type="organisation", subject_id="",
            detail={"taken": len(plan.fresh), "updated": len(plan.changed), "refused": len(refused) + len(more)},
        )  # fmt: skip
        if try_only:
            transaction.set_rollback(True)
    return Imported(
        taken=len(plan.fresh),
        updated=len(plan.changed),
        unchanged=plan.unchanged,
        columns=columns,
        refused=sorted(refused + more, key=lambda pair: pair[0].number),
        warnings=sorted(warnings, key=lambda pair: pair[0].number),
    )


def _read(row: Row, categories: Categories, scope: Sequence[str], today: date) -> Organisation:
    category = row.text("category")
    if not category or len(category) > MAX_CATEGORY or not is_plain(category):
        raise BadOrganisation("category_missing", _("Say the category in 1 to 60 characters."), field="category")
    texts = {column: row.text(column) for column in COLUMNS if column != "founded"}
    draft = OrganisationDraft(**texts, founded=_founded(row))
    found = checked(draft, categories.named(category), today)
    if not covers(scope, found.jurisdiction):
        raise NotAllowed(
            "outside_scope", _("You keep no organisations at %(code)s.") % {"code": found.jurisdiction},
            field="jurisdiction",
        )  # fmt: skip
    return found


def _founded(row: Row) -> date | None:
    """A day, or a year or month alone, of which the first day stands."""
    text = row.text("founded").rstrip("年月")
    if not text:
        return None
    for shape, parts in ((4, "-01-01"), (7, "-01")):
        if len(text) == shape and text[:4].isdecimal() and text.isascii():
            row = Row(row.number, {**row.cells, "founded": text.replace("/", "-").replace(".", "-") + parts})
            break
    return timezone.localdate(row.moment_in("founded"))


# ---- what is there --------------------------------------------------------------------------------------------------


class Known:
    """Organisations by all that they are found again by."""

    def __init__(self, organisations: Iterable[Organisation]):
        self.by_code: dict[str, Organisation] = {}
        self.by_filing: dict[tuple[str, str], Organisation] = {}
        self.by_name: dict[tuple[str, str], Organisation] = {}
        for one in organisations:
            self.add(one)

    def add(self, one: Organisation) -> None:
        if one.credit_code:
            self.by_code[one.credit_code] = one
        if one.filing_number:
            self.by_filing[one.town, one.filing_number] = one
        self.by_name[one.jurisdiction, one.name_key] = one

    def find(self, one: Organisation) -> Organisation | None:
        """Raises BadOrganisation (`numbers_of_two`) where its numbers are those of two organisations."""
        found = [
            self.by_code.get(one.credit_code) if one.credit_code else None,
            self.by_filing.get((one.town, one.filing_number)) if one.filing_number else None,
        ]
        numbered = {id(there): there for there in found if there is not None}
        if len(numbered) > 1:
            raise BadOrganisation(
                "numbers_of_two", _("The credit code and the filing number are those of two organisations."),
                field="filing_number",
            )  # fmt: skip
        if numbered:
            return next(iter(numbered.values()))
        named = self.by_name.get((one.jurisdiction, one.name_key))
        if named is not None and _contradict(named, one):
            return None
        return named


def _contradict(there: Organisation, one: Organisation) -> bool:
    """One name, but another number: two organisations."""
    pairs = ((there.credit_code, one.credit_code), (there.filing_number, one.filing_number))
    return any(old and new and old != new for old, new in pairs)


def _plan(
    sound: Sequence[tuple[Row, Organisation]], by: Person, now: datetime
) -> tuple[Plan, list[tuple[Row, DubanError]], list[tuple[Row, Oddity]]]:
    towns = {one.town for _row, one in sound}
    codes = [one.credit_code for _row, one in sound if one.credit_code]
    there = list(Organisation.objects.filter(within("town", towns)).select_for_update().order_by("pk"))
    seen = {one.pk for one in there}
    for start in range(0, len(codes), 900):
        elsewhere = Organisation.objects.filter(credit_code__in=codes[start : start + 900])
        there += [one for one in elsewhere if one.pk not in seen]
    known, plan = Known(there), Plan()
    fresh, changed = set[Any](), set[Any]()
    refused: list[tuple[Row, DubanError]] = []
    warnings: list[tuple[Row, Oddity]] = []
    scope = rights.codes(by, EDITS)
    for row, one in sound:
        try:
            was = known.find(one)
            if was is not None and not covers(scope, was.jurisdiction):
                raise NotAllowed(
                    "outside_scope", _("An organisation with this number stands on the register of another office."),
                    field="credit_code",
                )  # fmt: skip
        except DubanError as refusal:
            refusal.row = row.number
            refused.append((row, refusal))
            continue
        warnings += [(row, odd) for odd in oddities(one)]
        if was is None:
            one.added_at = now
            plan.fresh.append(one)
            fresh.add(one.pk)
            plan.life.append(
                _life(one, ChangeOf.FOUNDED, one.founded or timezone.localdate(now), "", one.name, by, now)
            )
            known.add(one)
            continue
        differing = _differing(was, one, row)
        if not differing:
            plan.unchanged += 1
            continue
        for column, what in LIFE.items():
            if column in differing and was.pk not in fresh:
                before, after = str(getattr(was, column)), str(getattr(one, column))
                plan.life.append(_life(was, what, timezone.localdate(now), before, after, by, now))
        for column in differing:
            setattr(was, column, getattr(one, column))
        was.search = searched_text(was)
        if was.pk not in fresh | changed:
            plan.changed.append(was)
            changed.add(was.pk)
        known.add(was)
    warnings += _look_alikes(sound, known, {id(one) for one in plan.fresh})
    return plan, refused, warnings


def _differing(was: Organisation, one: Organisation, row: Row) -> list[str]:
    """Columns that the row says otherwise."""
    said = [column for column, cell in SAID_IN.items() if row.text(cell)]
    return [column for column in said if getattr(was, column) != getattr(one, column)]


def _life(one: Organisation, what: ChangeOf, on: date, before: str, after: str, by: Person, now: datetime) -> LifeEvent:
    return LifeEvent(
        organisation=one, what=what, on=on, before=before[:100], after=after[:100], by=by.as_actor(), at=now
    )


def _look_alikes(sound: Sequence[tuple[Row, Organisation]], known: Known, fresh: set[int]) -> list[tuple[Row, Oddity]]:
    """Of each new organisation the name in its town that is most like its own, where one is."""
    # Names that agree so far begin or end alike, nearly always; only such are compared.
    alike: dict[tuple[str, str, str], set[str]] = {}
    for (_code, key), one in known.by_name.items():
        for part in _ends(one.town, key):
            alike.setdefault(part, set()).add(key)
    found = []
    for row, one in sound:
        if id(one) not in fresh:
            continue
        near = set[str]().union(*(alike[part] for part in _ends(one.town, one.name_key))) - {one.name_key}
        best = process.extractOne(one.name_key, near, scorer=fuzz.ratio, score_cutoff=ALIKE)
        if best is not None:
            says = _("There is one with a name much like it in the same town: %(name)s.") % {"name": best[0]}
            found.append((row, Oddity("name_alike", says)))
    return found


def _ends(town: str, key: str) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    return (town, "begins", key[:3]), (town, "ends", key[-3:])


def _write(plan: Plan) -> None:
    Organisation.objects.bulk_create(plan.fresh, batch_size=BATCH)
    if plan.changed:
        fields = [*(column.removesuffix("_id") for column in SAID_IN), "search"]
        Organisation.objects.bulk_update(plan.changed, fields, batch_size=BATCH)
    search.index([*plan.fresh, *plan.changed])
    LifeEvent.objects.bulk_create(plan.life, batch_size=BATCH)
