"""Files for whom a screening found, and for the contacts of a confirmed case."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict
from duban.engines.screen import Case
from duban.outbreak.casefiles.actions import changeable_file
from duban.outbreak.casefiles.identity import Facts, facts_of, keys_of
from duban.outbreak.casefiles.opening import OPENS, TOWN, ExposureDraft, FileDraft, Opened, open_files
from duban.outbreak.casefiles.queries import own_and_merged
from duban.outbreak.models import (
    BedStay,
    CaseFile,
    Declaration,
    ExposureKind,
    Found,
    FoundExposure,
    Identity,
    Measure,
    Screening,
)
from duban.outbreak.people import Tokens, facts_of_many, persons_of
from duban.outbreak.screening import own_screening
from duban.outbreak.towns import others_than, towns_of
from duban.outbreak.tracing import Wanted, trace_store

BATCH = 5000
GENERATIONS = {1: ExposureKind.CONTACT, 2: ExposureKind.SECOND}
Progress = Callable[[str, int, int], None]


@dataclass
class Made:
    """What came of it, in people; `elsewhere` are those whom other districts' officers list, `nameless` those whose
    identity was deleted by its rule."""

    people: int = 0
    taken: int = 0
    updated: int = 0
    unchanged: int = 0
    elsewhere: int = 0
    nameless: int = 0
    refused: dict[str, int] = field(default_factory=dict)

    def add(self, opened: Opened) -> None:
        self.taken += opened.taken
        self.updated += opened.updated
        self.unchanged += opened.unchanged
        for refusal in opened.refused.values():
            self.refused[refusal.code] = self.refused.get(refusal.code, 0) + 1


def facts_from(told: dict[str, str]) -> Facts:
    """What a source of presences said of somebody."""
    return Facts(**{name: told.get(name, "") for name in ("name", "id_number", "phone")})


def _in_town(town: str, office: str) -> str:
    """The town if it is the office's, else the office: where the person stays is not known."""
    return town if town.startswith(office) else office


# ---- from a screening -----------------------------------------------------------------------------------------------


def open_screened(*, by: Person, now: datetime, screening_id: uuid.UUID, progress: Progress) -> Made:
    """A file for everybody that a screening found, with an exposure for each order. Again it adds nothing.

    Raises NotFound (`screening_not_found`), Conflict (`not_handed`), NotAllowed (`not_allowed`).
    """
    screening = own_screening(by, screening_id)
    if screening.handed_at is None:
        raise Conflict("not_handed", _("The lists were not given to the towns yet."))
    orders = {one.number: one for one in Declaration.objects.filter(number__in=screening.orders)}
    office, made = screening.jurisdiction, Made(people=screening.people)
    for start, part in _parts(screening):
        progress("files", start, screening.people)
        facts = facts_of_many([one.person for one in part])
        made.nameless += sum(not facts.get(one.person) for one in part)
        exposures = _exposures_of(part, orders)
        drafts = [
            FileDraft(
                facts=facts_from(facts.get(one.person, {})),
                stay=_in_town(one.town, office),
                town=_in_town(one.town, office)[:TOWN],
                exposures=tuple(exposures.get(one.pk, ())),
                token=one.person,
            )
            for one in part
        ]
        made.add(open_files(by=by, now=now, office=office, drafts=drafts, origin="screening"))
    return made


def _parts(screening: Screening) -> Iterator[tuple[int, list[Found]]]:
    found, start = Found.objects.filter(screening=screening).order_by("pk"), 0
    part = list(found[:BATCH])
    while part:
        yield start, part
        start += len(part)
        part = list(found.filter(pk__gt=part[-1].pk)[:BATCH])


def _exposures_of(part: Sequence[Found], orders: dict[str, Declaration]) -> dict[uuid.UUID, list[ExposureDraft]]:
    found: dict[uuid.UUID, list[ExposureDraft]] = {}
    keys = [one.pk for one in part]
    for start in range(0, len(keys), 900):
        for row in FoundExposure.objects.filter(found__in=keys[start : start + 900]).order_by("pk"):
            order = orders[row.order]
            draft = ExposureDraft(ExposureKind.AREA, order.number, order.measure, order.name[:200], row.first, row.last)
            found.setdefault(row.found_id, []).append(draft)
    return found


# ---- from a confirmed case ------------------------------------------------------------------------------------------


def store_token(file: CaseFile) -> str:
    """Under which token the store of presences knows the person; raises Conflict (`not_in_store`)."""
    keys = keys_of(facts_of(file), Tokens())
    candidates = [file.person, *(keys[kind] for kind in ("id_number", "phone") if kind in keys)]
    people = CaseFile.objects.filter(pk__in=own_and_merged(file)).values_list("person", flat=True)
    candidates += [token for token in people if token not in candidates]
    ties = persons_of(candidates)
    names = [ties.get(token, token) for token in candidates]
    known = set(Identity.objects.filter(token__in=names).values_list("token", flat=True))
    for token in names:
        if token in known:
            return token
    raise Conflict("not_in_store", _("The store of presences knows nobody with this person’s ID number or phone."))


def require_case(by: Person, file_id: uuid.UUID) -> CaseFile:
    """The file of a confirmed case that the person may change.

    Raises NotFound (`file_not_found`), Conflict (`not_confirmed`), NotAllowed (`not_allowed`): contacts stay anywhere,
    so their files are for the office to open.
    """
    file = changeable_file(by, file_id)
    rights.require(by, OPENS, file.office)
    if file.confirmed_at is None:
        raise Conflict("not_confirmed", _("This is no confirmed case; confirm it first."))
    return file


def open_contacts(
    *, by: Person, now: datetime, file_id: uuid.UUID, wanted: Wanted | None = None, progress: Progress
) -> Made:
    """Trace the contacts of a confirmed case in the store, and theirs, and open a file for each. Again it adds nothing.

    Raises NotFound (`file_not_found`), Conflict (`not_confirmed`, `not_in_store`), BadScreening, NotAllowed.
    """
    file = require_case(by, file_id)
    token = store_token(file)
    isolated = BedStay.objects.filter(file__in=own_and_merged(file)).order_by("since").first()
    since = min((at for at in (isolated and isolated.since, file.isolated_at) if at), default=None)
    case = Case(token, file.onset_at, file.sampled_at or file.confirmed_at, since)
    progress("contacts", 0, 0)
    with TemporaryDirectory() as folder:
        out = Path(folder) / "contacts.parquet"
        trace_store([case], wanted or Wanted(generations=2), now=now, out=out)
        rows = pq.read_table(out).to_pylist()
    exposed = _nearest({row["person"] for row in rows} - {token}, rows)
    progress("towns", 0, 0)
    return _open_traced(by, now, file, exposed, progress)


def _nearest(people: set[str], rows: Sequence[dict[str, Any]]) -> dict[str, tuple[int, list[dict[str, Any]]]]:
    """For each person the generation that counts, the first one, and its meetings."""
    found: dict[str, tuple[int, list[dict[str, Any]]]] = {}
    for row in rows:
        person, generation = row["person"], row["generation"]
        if person not in people or generation not in GENERATIONS:
            continue
        known = found.get(person)
        if known is None or generation < known[0]:
            found[person] = (generation, [row])
        elif generation == known[0]:
            known[1].append(row)
    return found


def _open_traced(
    by: Person, now: datetime, file: CaseFile, exposed: dict[str, tuple[int, list[dict[str, Any]]]], progress: Progress
) -> Made:
    office = file.office
    towns = towns_of(list(exposed), office)
    others = others_than(office, towns.values())
    mine = sorted(person for person in exposed if towns[person] not in others)
    made = Made(people=len(exposed), elsewhere=len(exposed) - len(mine))
    for start in range(0, len(mine), BATCH):
        part = mine[start : start + BATCH]
        progress("files", start, len(mine))
        facts = facts_of_many(part)
        made.nameless += sum(not facts.get(person) for person in part)
        drafts = [_traced(person, facts.get(person, {}), towns[person], file, exposed[person]) for person in part]
        made.add(open_files(by=by, now=now, office=office, drafts=drafts, origin="contact"))
    detail = {"people": made.people, "taken": made.taken, "updated": made.updated, "elsewhere": made.elsewhere}
    audit.record(by=by, now=now, action="open_contacts", subject_type="case_file", subject_id=file.pk, detail=detail)
    return made


def _traced(
    person: str,
    told: dict[str, str],
    town: str,
    file: CaseFile,
    meetings: tuple[int, list[dict[str, Any]]],
) -> FileDraft:
    generation, rows = meetings
    stay = _in_town(town, file.office)
    longest = max(rows, key=lambda row: row["minutes"])
    exposure = ExposureDraft(
        kind=GENERATIONS[generation],
        basis=str(file.pk),
        measure=Measure.CENTRALISED,
        place=str(longest["place"] or "")[:200],
        first=min(_aware(row["first"]) for row in rows),
        last=max(_aware(row["last"]) for row in rows),
    )
    return FileDraft(facts=facts_from(told), stay=stay, town=stay[:TOWN], exposures=(exposure,), token=person)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
