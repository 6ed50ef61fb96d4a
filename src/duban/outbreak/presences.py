"""Taking presences in: every row judged, names turned into tokens, days written whole, and a replay adding nothing."""

import csv
import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.core import audit
from duban.core.errors import DubanError
from duban.core.tables import safe_cell
from duban.core.text import is_plain
from duban.outbreak import store
from duban.outbreak.datum_check import Witnesses
from duban.outbreak.models import PresenceImport, PresencePart, PresenceSource
from duban.outbreak.people import IDENTIFIERS, Person, Tokens, identify, keep_people
from duban.outbreak.reading import COLUMNS, DATUMS, BadPresence, Told, read_presences
from duban.outbreak.retention import drop_by_age
from duban.venues.models import Venue

AHEAD = timedelta(hours=1)
"""How far a source's clock may be ahead of ours."""
SHOWN = 200
STICKER = re.compile(r"(?:https?://[^\s/]+/v/)?([\w-]{22})/?", re.ASCII)
"""What a sticker says: the address of its venue's page, or the end of it."""
REMEMBERED = 2_000_000
"""People of one import who are not encrypted again each time they come up."""
NO_PERSON = _("Nothing in the row says who it was: an ID number, a phone, or the source's own number.")
Progress = Callable[[str, int, int], None]


def no_progress(_step: str, _done: int, _total: int) -> None:
    """For who does not watch."""


@dataclass(frozen=True)
class Refused:
    """A refused row as a page or a terminal shows it; the whole rows are in the file that is handed back."""

    row: int
    refusal: DubanError


@dataclass(frozen=True)
class Taken:
    """`read` = taken + unchanged + refused; `people` are those who were not known by these identifiers before."""

    read: int
    taken: int
    unchanged: int
    refused: int
    shown: list[Refused]
    report: Path | None
    days: list[date]
    dropped: list[date]
    """Days that were kept long enough, and went."""


def remember_source(
    *, now: datetime, by: audit.Actor, name: str, columns: Mapping[str, str], datum: str
) -> PresenceSource:
    """The source of that name, made if there is none; what is said of its tables is remembered for the next one.

    Raises BadPresence (`bad_source`, `unknown_datum`, `bad_mapping`).
    """
    name = name.strip()
    if not name or len(name) > 60 or not is_plain(name):
        raise BadPresence("bad_source", _("A source has a name of at most 60 characters."), field="source")
    if datum and datum not in DATUMS:
        raise BadPresence(
            "unknown_datum",
            _("The datum is wgs84, gcj02 or bd09; they differ by hundreds of metres."),
            field="datum",
        )
    if unknown := [ours for ours in columns if ours not in COLUMNS]:
        raise BadPresence(
            "bad_mapping",
            _("There is no column %(name)s; there are %(all)s.") % {"name": unknown[0][:40], "all": ", ".join(COLUMNS)},
            field=unknown[0][:40],
        )
    source, _made = PresenceSource.objects.get_or_create(name=name)
    wanted = {**source.columns, **{ours: theirs for ours, theirs in columns.items() if theirs}}
    if wanted != source.columns or (datum and datum != source.datum):
        source.columns, source.datum = wanted, datum or source.datum
        source.save(update_fields=["columns", "datum"])
        audit.record(by=by, now=now, action="remember_source", subject_type="presence_source", subject_id=source.pk)
    return source


def import_presences(
    *,
    by: audit.Actor,
    now: datetime,
    path: Path,
    name: str,
    source: str,
    columns: Mapping[str, str] | None = None,
    datum: str = "",
    report: Path | None = None,
    progress: Progress = no_progress,
) -> Taken:
    """Take in the presences of a file; refused rows are written with their reasons to `report`, good ones are kept.

    The same file again from the same source adds nothing, and neither does a row that is in the store already. What a
    crash leaves of an import is not there, and the same import again does it whole.
    Raises BadTable or BadPresence for the file as a whole (also `datum_suspected`), Conflict (`store_busy`).
    """
    kept = remember_source(now=now, by=by, name=source, columns=columns or {}, datum=datum)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    earlier = PresenceImport.objects.filter(source=kept, digest=digest).first()
    if earlier is not None and not earlier.refused:
        return Taken(earlier.read, 0, earlier.read, 0, [], None, [], [])
    with store.writing() as work, Rejects(report) as rejects:
        staging = Staging(work, kept, now, rejects)
        for told in read_presences(path, name, kept.columns, kept.datum):
            staging.take(told)
            progress("rows", staging.read, 0)
        staged = staging.finish()
        parts = store.sorted_parts(work, staged, lambda done, total: progress("days", done, total))
        done = Taken(
            read=staging.read,
            taken=sum(part.rows for part in parts),
            unchanged=staging.read - rejects.count - sum(part.rows for part in parts),
            refused=rejects.count,
            shown=rejects.shown,
            report=rejects.path if rejects.count else None,
            days=[part.day for part in parts],
            dropped=[],
        )
        with store.changing():
            store.put_in_place(work, parts)
            _record(by, now, kept, digest, done, parts)
    return Taken(**{**vars(done), "dropped": drop_by_age(by=by, now=now)})


def _record(
    by: audit.Actor, now: datetime, source: PresenceSource, digest: str, done: Taken, parts: Sequence[PresencePart]
) -> None:
    """From here on the parts count."""
    for part in parts:
        part.source = source
    PresencePart.objects.bulk_create(parts, batch_size=500)
    counts = {"read": done.read, "taken": done.taken, "unchanged": done.unchanged, "refused": done.refused}
    PresenceImport.objects.update_or_create(source=source, digest=digest, defaults={**counts, "at": now})
    audit.record(
        by=by,
        now=now,
        action="import_presences",
        subject_type="presence_source",
        subject_id=source.pk,
        detail={**counts, "file": digest, "days": [day.isoformat() for day in done.days]},
    )


class Rejects:
    """The refused rows, written as they come to a file beside `path` that takes its name at the end."""

    def __init__(self, path: Path | None):
        self.path, self.count = path, 0
        self.shown: list[Refused] = []
        self.file: TextIO | None = None
        self.columns: list[str] = []

    def __enter__(self) -> "Rejects":
        return self

    def add(self, told: Told) -> None:
        if not told.wrong:
            return
        for index in sorted(told.wrong):
            refusal = told.wrong[index]
            self.count += 1
            if len(self.shown) < SHOWN:
                self.shown.append(Refused(told.numbers[index], refusal))
            if self.path is not None:
                self._write(told.cells(index), refusal)

    def _write(self, cells: Mapping[str, Any], refusal: DubanError) -> None:
        if self.file is None:
            assert self.path is not None
            self.draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
            self.columns = [column for column in cells if column and column != "reason"]
            self.file = self.draft.open("w", encoding="utf-8-sig", newline="")
            self.draft.chmod(0o600)
            csv.writer(self.file, lineterminator="\n").writerow([*self.columns, "reason"])
        field = f" {refusal.field}:" if refusal.field else ""
        row = ["" if (value := cells.get(column)) is None else safe_cell(str(value)) for column in self.columns]
        csv.writer(self.file, lineterminator="\n").writerow([*row, safe_cell(f"{refusal.code}:{field} {refusal}")])

    def __exit__(self, kind: Any, *_rest: Any) -> None:
        if self.file is not None:
            self.file.close()
            if kind is None:
                assert self.path is not None
                os.replace(self.draft, self.path)
            else:
                self.draft.unlink(missing_ok=True)


def place_by_sticker(told: Told) -> dict[int, tuple[float, float, str]]:
    """Who checked in by a venue's sticker was at that venue: it gets its name, and its place where the row has none.

    Of rows that have a position of their own, by index, (lon, lat, token) of the venue.
    """
    coded = told.columns["venue"].dictionary_encode()
    texts = {text: found[1] for text in coded.dictionary.to_pylist() if (found := STICKER.fullmatch(text))}
    if not texts:
        return {}
    venues = Venue.objects.in_bulk(set(texts.values()), field_name="token")
    at = {text: venues[token] for text, token in texts.items() if token in venues}
    columns = {name: told.columns[name].to_pylist() for name in ("venue", "lon", "lat", "cell", "area_code")}
    both: dict[int, tuple[float, float, str]] = {}
    for index, text in enumerate(columns["venue"]):
        venue = at.get(text)
        if venue is None:
            continue
        # Another shop of that name is another place.
        columns["venue"][index] = f"{venue.name} #{venue.token[:8]}"
        if columns["lon"][index] is not None and venue.lon is not None and venue.lat is not None:
            both[index] = venue.lon, venue.lat, venue.token
        if columns["lon"][index] is None and columns["area_code"][index] is None:
            columns["area_code"][index] = venue.jurisdiction
            columns["lon"][index], columns["lat"][index] = venue.lon, venue.lat
            columns["cell"][index] = venue.cell
    for name, values in columns.items():
        told.columns[name] = pa.array(values, told.columns[name].type)
    return both


class Staging:
    """The good rows of an import by day, not yet sorted, and their people kept."""

    def __init__(self, work: Path, source: PresenceSource, now: datetime, rejects: Rejects):
        self.work, self.source, self.rejects = work, source, rejects
        self.limit = pa.scalar(now + AHEAD, pa.timestamp("us", "UTC"))
        self.read = 0
        self.tokens = Tokens()
        self.witnesses = Witnesses()
        self.kept: set[int] = set()
        self.writers: dict[date, pq.ParquetWriter] = {}

    def take(self, told: Told) -> None:
        self.read += len(told)
        self.witnesses.hear(told, place_by_sticker(told))
        # Before anybody of these rows is kept.
        self.witnesses.judge()
        ahead = pc.greater(told.columns["arrived"], self.limit).fill_null(False).to_numpy(zero_copy_only=False)
        told.refuse(
            np.flatnonzero(ahead),
            lambda index: BadPresence(
                "in_the_future",
                _("The arrival lies in the future."),
                field="arrived",
                row=told.numbers[index],
            ),
        )
        tokens = self._people(told)
        self.rejects.add(told)
        good = np.ones(len(told), dtype=bool)
        good[list(told.wrong)] = False
        columns = {**told.columns, "person": tokens}
        table = pa.table([columns[name] for name in store.SCHEMA.names], schema=store.SCHEMA).filter(pa.array(good))
        self._stage(table)

    def _people(self, told: Told) -> pa.Array:
        """The token of each row; whoever has none is refused, whoever is in a good row is kept."""
        names = [name for name in (*IDENTIFIERS, "name", "home") if name in told.columns]
        arrays = [told.columns[name].fill_null("") for name in names]
        good = np.ones(len(told), dtype=bool)
        good[list(told.wrong)] = False
        of_row: list[str | None] = [None] * len(told)
        fresh: list[tuple[Person, str]] = []
        known: dict[tuple[str, ...], Person | None] = {}
        rows = zip(*(column.to_pylist() for column in arrays), strict=True)
        nobody = []
        for index, values in enumerate(rows):
            if values not in known:
                known[values] = identify(dict(zip(names, values, strict=True)), self.source.name, self.tokens)
            person = known[values]
            if person is None:
                nobody.append(index)
                continue
            of_row[index] = person.token
            mark = hash((person.token, *values))
            if good[index] and mark not in self.kept:
                if len(self.kept) > REMEMBERED:
                    self.kept.clear()
                self.kept.add(mark)
                fresh.append((person, dict(zip(names, values, strict=True)).get("home", "")))
        told.refuse(
            np.array(nobody, dtype=np.int64),
            lambda index: BadPresence("no_person", NO_PERSON, field="person", row=told.numbers[index]),
        )
        with transaction.atomic():
            keep_people(fresh)
        return pa.array(of_row, pa.string())

    def _stage(self, table: pa.Table) -> None:
        zone = str(timezone.get_default_timezone())
        local = pc.local_timestamp(table["arrived"].cast(pa.timestamp("us", zone)))
        days = local.cast(pa.date32(), safe=False)
        for day in pc.unique(days).to_pylist():
            if day not in self.writers:
                self.writers[day] = pq.ParquetWriter(self._staged(day), store.SCHEMA, compression="lz4")
            self.writers[day].write_table(table.filter(pc.equal(days, day)))

    def _staged(self, day: date) -> Path:
        return self.work / f"{day.isoformat()}.parquet"

    def finish(self) -> dict[date, Path]:
        """The staged file of each day."""
        for writer in self.writers.values():
            writer.close()
        return {day: self._staged(day) for day in self.writers}
