"""Deletion by rule: what has served goes with everything that hangs on it, and a certificate says in numbers what went.

Files go in batches, each in one transaction with its numbers, so that a run that is broken off is finished by the next
one under the same certificate. A second run as of the same day finds nothing and makes no certificate.
"""

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError
from duban.core.keys import alone
from duban.core.traces import leave_no_trace, overwrite_deleted
from duban.outbreak import retention, store
from duban.outbreak.models import CaseFile, Deletion, Found, Identity, PresencePart
from duban.outbreak.protection import due, remains
from duban.outbreak.protection.due import Scope
from duban.outbreak.protection.rules import FILE, RuleTable, rules_on
from duban.places.codes import LENGTHS

RUNS, SEES = "deletion.run", "deletion.see"
BATCH = 200
Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Deleted:
    """What one run did. `number` is its certificate's, "" where nothing was due.

    `counts` by place and kind: the town of a file, the office of a screening, "" for what is of none.
    """

    number: str = ""
    counts: Counts = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(number for kinds in self.counts.values() for number in kinds.values())

    @property
    def people(self) -> int:
        return sum(kinds.get("people", 0) for kinds in self.counts.values())


class Worker:
    """The actor of what the rules order every day."""

    @staticmethod
    def as_actor() -> dict[str, Any]:
        return {"username": "", "name": "worker", "roles": []}


def scope_of(by: audit.Actor) -> Scope:
    """A person's own codes; console and worker reach everything. Raises NotAllowed (`not_allowed`)."""
    if not isinstance(by, Person):
        return Scope()
    codes = rights.codes(by, RUNS)
    if not codes:
        rights.require(by, RUNS, "")
    return Scope(tuple(sorted(codes)))


def run_deletion(*, by: audit.Actor, now: datetime, on: date) -> Deleted:
    """Delete what the rules let go as of the end of the day `on`.

    A person deletes what is of their offices; console and worker also what is of none: presences, identities nobody
    needs, lists that were taken in, the worker's queue. Raises NotAllowed (`not_allowed`), Conflict (`deletion_runs`;
    `store_busy`: the presences are left, all else is gone).
    """
    scope = scope_of(by)
    with alone(settings.DUBAN_DATA / ".deletion.lock") as free:
        if not free:
            raise Conflict("deletion_runs", _("Deletion is running just now; wait until that is done."))
        overwrite_deleted()
        run = _Run(by, now, rules_on(on), scope)
        late: DubanError | None = None
        run.delete_files()
        run.delete_screenings()
        run.delete_looks()
        if scope.whole:
            run.delete_remains()
            try:
                run.delete_presences()
            except Conflict as refusal:
                late = refusal
        done = run.finish()
        if done.number:
            leave_no_trace(_own_tables())
    if late is not None:
        raise late
    return done


class _Run:
    """One certificate in the making; the row is written with the first rows that go."""

    def __init__(self, by: audit.Actor, now: datetime, table: RuleTable, scope: Scope) -> None:
        self.by, self.now, self.table, self.scope = by, now, table, scope
        self.codes = None if scope.codes is None else list(scope.codes)
        broken_off = Deletion.objects.filter(digest="")
        alike = broken_off.filter(scope__isnull=True) if scope.whole else broken_off.filter(scope=self.codes)
        self.row = alike.first()

    def _add(self, office: str, counts: dict[str, int]) -> None:
        """In the transaction in which the rows go."""
        counts = {kind: number for kind, number in counts.items() if number}
        if not counts:
            return
        if self.row is None:
            self.row = _new_certificate(self.by, self.now, self.table, self.codes)
        kept = self.row.counts.setdefault(office, {})
        for kind, number in counts.items():
            kept[kind] = kept.get(kind, 0) + number
        self.row.save(update_fields=["counts"])

    def delete_files(self) -> None:
        for office, town, place in list(due.places(self.scope)):
            last_day = self.table.last_day(FILE, place)
            if last_day is None:
                continue
            while batch := list(due.files_due(office, town, last_day).values_list("pk", flat=True)[:BATCH]):
                with transaction.atomic():
                    gone: Counter[str] = Counter()
                    for level in reversed(due.levels_of(batch)):
                        gone += _rows_of(CaseFile.objects.filter(pk__in=level))
                    people = gone.pop("outbreak.CaseFile", 0)
                    self._add(place, {"people": people, "rows": gone.total()})

    def delete_screenings(self) -> None:
        for screening in due.screenings_due(self.table, self.scope):
            while batch := list(Found.objects.filter(screening=screening).values_list("pk", flat=True)[: BATCH * 2]):
                with transaction.atomic():
                    gone = _rows_of(Found.objects.filter(pk__in=batch))
                    found = gone.pop("outbreak.Found", 0)
                    self._add(screening.jurisdiction, {"found": found, "rows": gone.total()})

    def delete_looks(self) -> None:
        for office, looks in due.looks_due(self.table, self.scope).items():
            while batch := list(looks.values_list("pk", flat=True)[:900]):
                with transaction.atomic():
                    number, _kinds = looks.filter(pk__in=batch).delete()
                    self._add(office, {"looks": number})

    def delete_remains(self) -> None:
        for folder in remains.job_folders(self.table, self.now):
            remains.delete_folder(folder)
            self._add("", {"jobs": 1})
        with transaction.atomic():
            number, _kinds = remains.queue_rows().delete()
            self._add("", {"queue": number})

    def delete_presences(self) -> None:
        """Stays that are too old, and who is needed by none that is left; raises Conflict (`store_busy`)."""
        before, known = due.oldest_presences(self.table.on), Identity.objects.count()
        days: list[date] = []
        if before is not None and PresencePart.objects.filter(day__lt=before).exists():
            days = retention.drop_presences(by=self.by, now=self.now, before=before)
        elif self.row is not None and any("found" in kinds for kinds in self.row.counts.values()):
            with store.writing() as work, store.changing():
                retention.forget_people(work)
        self._add("", {"presence_days": len(days), "identities": known - Identity.objects.count()})

    def finish(self) -> Deleted:
        row = self.row
        if row is None:
            return Deleted()
        with transaction.atomic():
            row.on, row.at, row.by = self.table.on, self.now, self.by.as_actor()
            row.rules = self.table.by_value()
            row.digest = digest_of(row)
            row.save()
            detail = {"number": row.number, "on": row.on.isoformat()}
            audit.record(
                by=self.by, now=self.now, action="run_deletion", subject_type="deletion", subject_id=row.pk,
                detail=detail,
            )  # fmt: skip
        return Deleted(row.number, row.counts)


def _rows_of(rows: QuerySet[Any]) -> Counter[str]:
    """Delete the rows with all that hangs on them; how many of each table."""
    _total, kinds = rows.delete()
    return Counter(kinds)


def _new_certificate(by: audit.Actor, now: datetime, table: RuleTable, codes: list[str] | None) -> Deletion:
    year = table.on.year
    last = Deletion.objects.filter(number__startswith=f"DEL-{year}-").order_by("-number").first()
    serial = int(last.number.rpartition("-")[2]) + 1 if last else 1
    return Deletion.objects.create(
        number=f"DEL-{year}-{serial:05d}", on=table.on, counts={}, rules=table.by_value(), scope=codes, digest="",
        by=by.as_actor(), at=now,
    )  # fmt: skip


def digest_of(row: Deletion) -> str:
    """SHA-256 over all that the certificate says, as canonical JSON."""
    said = {
        "number": row.number,
        "on": row.on.isoformat(),
        "counts": row.counts,
        "rules": row.rules,
        "scope": row.scope,
        "by": row.by,
        "at": row.at.astimezone(UTC).isoformat(),
    }
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def is_whole(row: Deletion) -> bool:
    """Whether nothing of a finished certificate was altered since."""
    return bool(row.digest) and row.digest == digest_of(row)


# ---- no byte left ---------------------------------------------------------------------------------------------------


def _own_tables() -> Iterator[str]:
    named: Collection[str] = connection.introspection.table_names()
    return (name for name in sorted(named) if name.startswith("outbreak_") or name == "django_tasks_db_dbtaskresult")


@dataclass(frozen=True)
class Certificate:
    """A certificate with the counts that somebody may see, and whether nothing of the row was altered."""

    row: Deletion
    counts: Counts
    intact: bool

    @property
    def people(self) -> int:
        return sum(kinds.get("people", 0) for kinds in self.counts.values())


def certificates_for(person: Person, deletion_id: uuid.UUID | None = None) -> list[Certificate]:
    """Certificates that tell of the person's offices, the last first, each with the counts of these alone.

    What is of no office is told to who sees all else that went with it, or a county.
    """
    scope = Scope(tuple(rights.codes(person, SEES)))
    rows = Deletion.objects.exclude(digest="").order_by("-on", "-number")
    found = []
    for row in rows if deletion_id is None else rows.filter(pk=deletion_id):
        kept = {place: kinds for place, kinds in row.counts.items() if place and scope.holds(place)}
        others = len(row.counts) - len(kept) - ("" in row.counts)
        if "" in row.counts and not others and (kept or any(len(code) <= LENGTHS[0] for code in scope.codes or ())):
            kept[""] = row.counts[""]
        if kept:
            found.append(Certificate(row, kept, is_whole(row)))
    return found
