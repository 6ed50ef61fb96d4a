"""Inspections from a spreadsheet: a row an answer, every row checked before one is written, a replay adding nothing.

A visit is a venue and a moment. Rows of a visit that was refused in part, sent again when mended, join it.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotAllowed
from duban.core.integrity import canonical, sha256
from duban.core.rows import insert
from duban.core.tables import Row, read_table
from duban.core.text import folded, is_plain
from duban.patrol.models import Answer, CheckListVersion, Item, QuestionType, Result, VersionState, Visit, VisitState
from duban.patrol.settling import in_parts, settle_visits
from duban.places.codes import covers, normalise_code
from duban.venues.actions import record_good_venues
from duban.venues.drafts import VenueDraft
from duban.venues.models import Venue, VenueType

COLUMNS = ("venue", "venue_type", "lon", "lat", "jurisdiction", "visited_at", "item", "result", "note")
REQUIRED = ("venue", "venue_type", "visited_at", "item", "result")
NAMESPACE = uuid.UUID("0a1b6c0e-6f2d-5f0a-8a53-0d7c5be81802")
EXAMPLE = "EXAMPLE"
"""The name of the venue in the row that shows how to fill in the template."""
MAX_ITEM = 64
MAX_NOTE = 2000
FIRST_YEAR = 1990
WORDS = {
    "合格": Result.PASS,
    "通过": Result.PASS,
    "不合格": Result.FAIL,
    "不通过": Result.FAIL,
    "不适用": Result.NA,
    "n/a": Result.NA,
    "未检查": Result.NOT_INSPECTED,
    "未查看": Result.NOT_INSPECTED,
    "notinspected": Result.NOT_INSPECTED,
} | {str(value): value for value in Result}
"""What a cell says, folded, for each result."""
Progress = Callable[[str, int, int], None]
Said = tuple[str, str]
"""result, note"""


class BadInspection(DubanError):
    pass


@dataclass(frozen=True)
class Line:
    """A sound row: what was answered to one item, where and when (UTC)."""

    row: Row
    draft: VenueDraft
    at: datetime
    item: str
    said: Said


@dataclass(frozen=True)
class Imported:
    """How a file went, or would go, in rows; `visits` and `venues` are those made."""

    rows: int
    taken: int
    updated: int
    """Rows that joined a visit known already."""
    unchanged: int
    visits: int
    venues: int
    columns: list[str]
    refused: list[tuple[Row, DubanError]]


@dataclass
class Plan:
    """What the sound rows come to."""

    fresh: list[tuple[Visit, dict[str, Said]]] = field(default_factory=list)
    late: list[tuple[Visit, dict[str, Said]]] = field(default_factory=list)
    taken: int = 0
    updated: int = 0
    unchanged: int = 0


def unheard(_stage: str, _done: int, _total: int) -> None:
    """For a caller that does not wait to be told."""


def import_inspections(
    *, by: Person, now: datetime, data: bytes, name: str, keep_good: bool = True, progress: Progress = unheard
) -> Imported:
    """Take the visits of a CSV or XLSX file (contract: inspections file); replaying a file adds nothing.

    Venues are found again or made, items are those of the check-list in use for the type where it has them, what fails
    is settled as if the visits had been made here. Raises BadTable for a file that is no table and NotAllowed;
    whatever is wrong with a row is in the result. `progress` is told the stage (rows, venues, visits, settling), how
    far it is and out of how many.
    """
    columns, rows, lines, refused = _read(by=by, now=now, data=data, name=name, progress=progress)
    with transaction.atomic():
        found, made, strays = _find_venues(lines, by=by, now=now, progress=progress)
        plan, conflicts = _plan(found, by=by)
        refused += strays + conflicts
        if refused and not keep_good:
            transaction.set_rollback(True)
            plan, made = Plan(unchanged=plan.unchanged), 0
        _write(plan, by=by, now=now, progress=progress)
    return _outcome(plan, made, columns, rows, refused)


def check_inspections(*, by: Person, now: datetime, data: bytes, name: str, progress: Progress = unheard) -> Imported:
    """What import_inspections would make of the file, with nothing kept."""
    columns, rows, lines, refused = _read(by=by, now=now, data=data, name=name, progress=progress)
    with transaction.atomic():
        found, made, strays = _find_venues(lines, by=by, now=now, progress=progress)
        plan, conflicts = _plan(found, by=by)
        transaction.set_rollback(True)
    return _outcome(plan, made, columns, rows, refused + strays + conflicts)


def _outcome(
    plan: Plan, made: int, columns: list[str], rows: Sequence[Row], refused: list[tuple[Row, DubanError]]
) -> Imported:
    return Imported(
        rows=len(rows),
        taken=plan.taken,
        updated=plan.updated,
        unchanged=plan.unchanged,
        visits=len(plan.fresh),
        venues=made,
        columns=columns,
        refused=sorted(refused, key=lambda pair: pair[0].number),
    )


# ---- rows -----------------------------------------------------------------------------------------------------------


def _read(
    *, by: Person, now: datetime, data: bytes, name: str, progress: Progress
) -> tuple[list[str], list[Row], list[Line], list[tuple[Row, DubanError]]]:
    """Columns, all rows, the sound ones, and the refused ones with why."""
    if not rights.codes(by, "visit.make"):
        rights.require(by, "visit.make", "")
    columns, rows = read_table(data, name, required=REQUIRED)
    read = _Reader(now)
    lines: list[Line] = []
    refused: list[tuple[Row, DubanError]] = []
    for done, row in enumerate(rows):
        if done % 1000 == 0:
            progress("rows", done, len(rows))
        try:
            lines.append(read.line(row))
        except DubanError as refusal:
            refused.append((row, refusal))
    return columns, rows, lines, refused


class _Reader:
    """Reads rows; what many rows say alike, a venue or a moment, is read once."""

    def __init__(self, now: datetime) -> None:
        self.latest = now + timedelta(days=1)
        self.kinds: dict[str, str] = {}
        for kind in VenueType.objects.all():
            self.kinds |= {folded(word): kind.key for word in (kind.name, kind.name_en, kind.key)}
        self.drafts: dict[tuple[str, ...], VenueDraft] = {}
        self.moments: dict[Any, datetime] = {}

    def line(self, row: Row) -> Line:
        """Raises DubanError naming row and column."""
        draft, at = self._draft(row), self._moment(row)
        return Line(row, draft, at, _item_of(row), (_result_of(row), _note_of(row)))

    def _draft(self, row: Row) -> VenueDraft:
        said = tuple(row.text(column) for column in COLUMNS[:5])
        if said not in self.drafts:
            self.drafts[said] = self._read_draft(row)
        return self.drafts[said]

    def _read_draft(self, row: Row) -> VenueDraft:
        name, kind = row.text("venue"), row.text("venue_type")
        if not name:
            raise BadInspection("venue_missing", _("Say which venue it was."), field="venue", row=row.number)
        if name == EXAMPLE:
            raise BadInspection(
                "example_row", _("This row is the template's example; delete it."), field="venue", row=row.number
            )
        if folded(kind) not in self.kinds:
            raise BadInspection(
                "unknown_venue_type",
                _("“%(kind)s” is no type of venue here; an administrator can add it.") % {"kind": kind[:40]},
                field="venue_type",
                row=row.number,
            )
        jurisdiction = row.text("jurisdiction")
        return VenueDraft(
            name=name,
            kind=self.kinds[folded(kind)],
            jurisdiction=normalise_code(jurisdiction, field="jurisdiction", row=row.number) if jurisdiction else "",
            lon=row.number_in("lon") if row.text("lon") else None,
            lat=row.number_in("lat") if row.text("lat") else None,
            row=row.number,
        )

    def _moment(self, row: Row) -> datetime:
        cell = row.cells.get("visited_at")
        if cell not in self.moments:
            at = row.moment_in("visited_at")
            if not FIRST_YEAR <= at.year < 9000:
                raise BadInspection(
                    "visited_too_early",
                    _("The date lies before 1990; check the year."),
                    field="visited_at",
                    row=row.number,
                )
            if at > self.latest:
                raise BadInspection(
                    "visited_in_future",
                    _("The visit cannot have been in the future; check date and time zone."),
                    field="visited_at",
                    row=row.number,
                )
            self.moments[cell] = at.astimezone(UTC)
        return self.moments[cell]


def _item_of(row: Row) -> str:
    key = row.text("item").lower()
    if not key:
        raise BadInspection(
            "item_missing", _("Say which item was looked at: code_scan, masks …"), field="item", row=row.number
        )
    if len(key) > MAX_ITEM or not is_plain(key):
        raise BadInspection(
            "bad_item", _("The key of an item has at most 64 characters."), field="item", row=row.number
        )
    return key


def _result_of(row: Row) -> str:
    text = row.text("result")
    found = WORDS.get(text) or WORDS.get(folded(text))
    if not text:
        raise BadInspection(
            "result_missing",
            _("Say how the item was found: pass, fail, na or not_inspected."),
            field="result",
            row=row.number,
        )
    if found is None:
        raise BadInspection(
            "unknown_result",
            _("“%(text)s” is no result; write pass, fail, na or not_inspected.") % {"text": text[:40]},
            field="result",
            row=row.number,
        )
    return str(found)


def _note_of(row: Row) -> str:
    note = row.text("note")
    if len(note) > MAX_NOTE:
        raise BadInspection("note_too_long", _("A note has at most 2,000 characters."), field="note", row=row.number)
    if not is_plain(note):
        raise BadInspection(
            "bad_text", _("The text holds what is no character; type it again."), field="note", row=row.number
        )
    return note


# ---- venues ---------------------------------------------------------------------------------------------------------


def _find_venues(
    lines: Sequence[Line], *, by: Person, now: datetime, progress: Progress
) -> tuple[list[tuple[Line, Venue]], int, list[tuple[Row, DubanError]]]:
    """Each line with its venue, how many venues were made, and the rows whose venue was refused."""
    drafts = list(dict.fromkeys(line.draft for line in lines))
    progress("venues", 0, len(drafts))
    recorded, refusals = record_good_venues(by=by, now=now, drafts=drafts) if drafts else ({}, [])
    venues = {drafts[index]: venue for index, (venue, _made) in recorded.items()}
    refused = {drafts[index]: refusal for index, refusal in refusals}
    scopes = rights.codes(by, "visit.make")
    found: list[tuple[Line, Venue]] = []
    strays: list[tuple[Row, DubanError]] = []
    for line in lines:
        venue = venues.get(line.draft)
        if venue is None:
            strays.append((line.row, _of_row(refused[line.draft], line.row)))
        elif not covers(scopes, venue.jurisdiction):
            strays.append((line.row, _outside(venue, line.row)))
        else:
            found.append((line, venue))
    return found, sum(made for _venue, made in recorded.values()), strays


def _of_row(refusal: DubanError, row: Row) -> DubanError:
    """The venue's refusal, said of a row that names it."""
    column = "venue" if refusal.field == "name" else refusal.field
    return type(refusal)(refusal.code, refusal.message, field=column, row=row.number)


def _outside(venue: Venue, row: Row) -> DubanError:
    return NotAllowed(
        "outside_scope",
        _("The venue lies in %(code)s, where you make no visits.") % {"code": venue.jurisdiction},
        field="jurisdiction",
        row=row.number,
    )


# ---- visits ---------------------------------------------------------------------------------------------------------


def visit_id_of(venue: Venue, at: datetime) -> uuid.UUID:
    """The id that the visit of a venue at a moment has wherever it was imported."""
    return uuid.uuid5(NAMESPACE, f"{venue.pk}|{at.astimezone(UTC).isoformat()}")


def digest_of(answers: dict[str, Said]) -> str:
    """What the rows of a visit say, whatever their order."""
    return sha256(canonical([[key, *said] for key, said in sorted(answers.items())]))


def _plan(found: Sequence[tuple[Line, Venue]], *, by: Person) -> tuple[Plan, list[tuple[Row, DubanError]]]:
    """Sort lines into visits not known yet, rows that join one, and what is known already; the rest is refused."""
    groups: dict[uuid.UUID, list[Line]] = {}
    venues: dict[uuid.UUID, Venue] = {}
    for line, venue in found:
        visit_id = visit_id_of(venue, line.at)
        groups.setdefault(visit_id, []).append(line)
        venues[visit_id] = venue
    plan = Plan()
    refused: list[tuple[Row, DubanError]] = []
    answers: dict[uuid.UUID, dict[str, Said]] = {}
    for visit_id, lines in groups.items():
        answers[visit_id], against, again = _answers_of(lines)
        refused += against
        plan.unchanged += again
    known = _known_visits(groups)
    stored = _stored_answers(visit for visit in known.values() if visit.source != digest_of(answers[visit.pk]))
    actor = by.as_actor()
    for visit_id, lines in groups.items():
        said = answers[visit_id]
        if not said:
            continue
        visit = known.get(visit_id)
        if visit is None:
            plan.fresh.append((_visit(visit_id, venues[visit_id], lines[0].at, said, by=by, actor=actor), said))
            plan.taken += len(said)
        elif visit_id not in stored:
            plan.unchanged += len(said)
        else:
            _join(visit, said, stored[visit_id], lines, plan, refused)
    return plan, refused


def _answers_of(lines: Sequence[Line]) -> tuple[dict[str, Said], list[tuple[Row, DubanError]], int]:
    """What the rows of one visit say by item, those that contradict one another, and how many say a thing again."""
    by_item: dict[str, list[Line]] = {}
    for line in lines:
        by_item.setdefault(line.item, []).append(line)
    answers: dict[str, Said] = {}
    against: list[tuple[Row, DubanError]] = []
    again = 0
    for item, same in by_item.items():
        if len({line.said[0] for line in same}) > 1:
            numbers = ", ".join(str(line.row.number) for line in same[:10])
            against += [
                (
                    line.row,
                    BadInspection(
                        "item_twice",
                        _("The rows %(rows)s give one item of one visit different results.") % {"rows": numbers},
                        field="result",
                        row=line.row.number,
                    ),
                )
                for line in same
            ]
            continue
        notes = dict.fromkeys(line.said[1] for line in same if line.said[1])
        answers[item] = (same[0].said[0], ";".join(notes)[:MAX_NOTE])
        again += len(same) - 1
    return answers, against, again


def _known_visits(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Visit]:
    known: dict[uuid.UUID, Visit] = {}
    for part in in_parts(ids):
        known |= Visit.objects.in_bulk(part)
    return known


def _stored_answers(visits: Iterable[Visit]) -> dict[uuid.UUID, dict[str, Said]]:
    stored: dict[uuid.UUID, dict[str, Said]] = {}
    for part in in_parts(visit.pk for visit in visits):
        stored |= {pk: {} for pk in part}
        rows = Answer.objects.filter(visit__in=part).values_list("visit_id", "key", "result", "note")
        for visit_id, key, result, note in rows:
            stored[visit_id][key] = (result, note)
    return stored


def _join(
    visit: Visit,
    said: dict[str, Said],
    stored: dict[str, Said],
    lines: Sequence[Line],
    plan: Plan,
    refused: list[tuple[Row, DubanError]],
) -> None:
    """Rows of a visit known already: what it does not hold yet joins it, what it holds otherwise is refused."""
    late = {item: words for item, words in said.items() if item not in stored}
    against = {item for item, words in said.items() if item in stored and stored[item] != words}
    plan.unchanged += len(said) - len(late) - len(against)
    refused += [(line.row, _against(line.row)) for line in lines if line.item in against]
    if visit.state != VisitState.FINISHED:
        refused += [(line.row, _is_void(line.row)) for line in lines if line.item in late]
        return
    if late:
        visit.source = digest_of(stored | late)
        plan.late.append((visit, late))
        plan.updated += len(late)


def _against(row: Row) -> DubanError:
    return Conflict(
        "visit_conflict",
        _("This visit holds another answer to this item; what was recorded is not overwritten."),
        field="item",
        row=row.number,
    )


def _is_void(row: Row) -> DubanError:
    return Conflict("visit_void", _("This visit was voided; nothing is added to it."), field="item", row=row.number)


def _visit(
    visit_id: uuid.UUID, venue: Venue, at: datetime, said: dict[str, Said], *, by: Person, actor: dict[str, Any]
) -> Visit:
    return Visit(
        id=visit_id,
        venue=venue,
        state=VisitState.FINISHED,
        inspector=actor,
        username=by.username,
        jurisdiction=venue.jurisdiction,
        town=venue.town,
        visited_at=at,
        finished_at=at,
        source=digest_of(said),
    )


# ---- writing --------------------------------------------------------------------------------------------------------


def _write(plan: Plan, *, by: Person, now: datetime, progress: Progress) -> None:
    if not plan.fresh and not plan.late:
        return
    progress("visits", 0, len(plan.fresh))
    items = _Items()
    insert([visit for visit, _said in plan.fresh])
    insert(list(_answers(plan.fresh, items)))
    late = Answer.objects.bulk_create(_answers(plan.late, items), batch_size=500)
    Visit.objects.bulk_update([visit for visit, _said in plan.late], ["source"], batch_size=500)
    settle_visits(by=by, now=now, visits=[visit for visit, _said in plan.fresh], progress=partial(progress, "settling"))
    if late:
        settle_visits(by=by, now=now, visits=[visit for visit, _said in plan.late], only={one.pk for one in late})
    first = (plan.fresh or plan.late)[0][0]
    audit.record(
        by=by,
        now=now,
        action="import_inspections",
        subject_type="visit",
        subject_id=first.pk,
        detail={"visits": len(plan.fresh), "answers": plan.taken + plan.updated},
    )


def _answers(visits: Iterable[tuple[Visit, dict[str, Said]]], items: "_Items") -> Iterator[Answer]:
    for visit, said in visits:
        for key, (result, note) in said.items():
            yield Answer(
                visit=visit,
                key=key,
                item_id=items.of(visit.venue.kind_id, key),
                result=result,
                note=note,
                answered_at=visit.visited_at,
            )


class _Items:
    """The checks of the lists in use, by the type of venue they are for and their key."""

    def __init__(self) -> None:
        self.by_type: dict[str, dict[str, int]] = {}
        versions = CheckListVersion.objects.filter(state=VersionState.IN_USE).order_by("checklist__key")
        checks = Item.objects.filter(version__in=versions, type=QuestionType.CHECK)
        found: dict[Any, dict[str, int]] = {}
        for version_id, key, pk in checks.values_list("version_id", "key", "pk"):
            found.setdefault(version_id, {})[key] = pk
        for version in versions:
            for kind in version.venue_types or [""]:
                of_type = self.by_type.setdefault(kind, {})
                of_type |= {key: pk for key, pk in found.get(version.pk, {}).items() if key not in of_type}

    def of(self, kind: str, key: str) -> int | None:
        """The check's row; None where no list for the type asks it."""
        return self.by_type.get(kind, {}).get(key) or self.by_type.get("", {}).get(key)
