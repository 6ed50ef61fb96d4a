"""Putting findings on the books: checked, located, numbered and written in a handful of statements however many."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotAllowed
from duban.core.integrity import canonical, sha256
from duban.core.rows import insert
from duban.core.text import is_plain
from duban.evidence.models import Photo
from duban.ledger import deadlines, history, search, tally
from duban.ledger.appending import MAX_WORDS, append
from duban.ledger.counters import count_up
from duban.ledger.lifecycle import State
from duban.ledger.models import Category, Datum, Entry, EntryPhoto, Moment, PositionSource
from duban.ledger.sealing import seal_on_commit
from duban.places import queries as places
from duban.places.codes import LENGTHS, covers, normalise_code

RECORDS, REPORTS = "entry.record", "entry.report"


class BadFinding(DubanError):
    pass


@dataclass(frozen=True)
class Finding:
    """What was found, as submitted: degrees in `datum`, photos by the SHA-256 of files already stored."""

    id: uuid.UUID
    category: Category
    lon: float
    lat: float
    datum: str
    found_at: datetime
    description: str = ""
    position_source: str = PositionSource.MAP
    accuracy_m: float | None = None
    photos: tuple[str, ...] = ()
    statement: str = ""
    """Empty: the engine's statement is taken; else a person's own words."""
    responsible: str = ""
    """Empty: the town that the place lies in."""
    jurisdiction: str = ""
    """Where it lies, if that is known by code already; empty: the engine finds it."""
    row: int | None = field(default=None, compare=False)

    def digest(self) -> str:
        """Of what makes it this finding; photos are left out, because a late photo is no other finding."""
        facts = [
            str(self.id),
            f"{self.category.kind}:{self.category.code}",
            self.lon,
            self.lat,
            self.datum,
            history.stamp(self.found_at),
            self.description,
        ]
        return sha256(canonical(facts))


@dataclass(frozen=True)
class Recorded:
    entry: Entry
    outcome: str
    """taken, updated (a late photo attached) or unchanged (a replay)."""


def record_finding(*, by: Person, now: datetime, finding: Finding) -> Recorded:
    """Put one finding on the books; raises what record_findings would refuse it for."""
    recorded, refused = record_findings(by=by, now=now, findings=[finding])
    if refused:
        raise refused[0]
    return recorded[0]


def record_findings(
    *, by: Person, now: datetime, findings: Sequence[Finding], keep_good: bool = False, right: str = RECORDS
) -> tuple[list[Recorded], list[DubanError]]:
    """Record all (with `keep_good`: all good ones) or none; returns what was recorded and what was refused, by row.

    Each becomes an entry in state found, located and proposed to the unit of its place. The same id again returns the
    entry that is there, and a late photo attaches; with other content it is refused as `finding_conflict` (409).
    `right`: REPORTS where work of another kind found it, by somebody who keeps no ledger.
    """
    try:
        return _record_findings(by=by, now=now, findings=findings, keep_good=keep_good, right=right)
    except IntegrityError:
        # The same id was sent twice at once and the other was first: it is there now, and this one is its replay.
        return _record_findings(by=by, now=now, findings=findings, keep_good=keep_good, right=right)


@transaction.atomic
def _record_findings(
    *, by: Person, now: datetime, findings: Sequence[Finding], keep_good: bool, right: str
) -> tuple[list[Recorded], list[DubanError]]:
    scopes = rights.grants(by, right)
    if not scopes:
        rights.require(by, right, "")
    sound, there, drafts, refused = _sift(now=now, findings=findings, scopes=scopes)
    if refused and not keep_good:
        return [], refused
    _write_entries([(entry, finding.photos) for entry, finding in drafts], by=by, now=now)
    entries = {entry.id: entry for entry, _finding in drafts}
    recorded: list[Recorded] = []
    taken: set[uuid.UUID] = set()
    for finding in sound:
        if finding.id in there:
            changed = _attach_late_photos(there[finding.id], finding, by=by, now=now)
            recorded.append(Recorded(there[finding.id], "updated" if changed else "unchanged"))
        elif finding.id in entries:
            recorded.append(Recorded(entries[finding.id], "unchanged" if finding.id in taken else "taken"))
            taken.add(finding.id)
    if recorded:
        audit.record(
            by=by,
            now=now,
            action="record_finding",
            subject_type="entry",
            subject_id=recorded[0].entry.id,
            detail={"findings": len(recorded), "taken": len(taken)},
        )
        seal_on_commit()
    return recorded, refused


@transaction.atomic
def check_findings(*, by: Person, now: datetime, findings: Sequence[Finding]) -> tuple[list[Entry], list[DubanError]]:
    """What record_findings would make of them, with nothing written: the new entries, unnumbered, and the refusals."""
    scopes = rights.grants(by, RECORDS)
    if not scopes:
        rights.require(by, RECORDS, "")
    _sound, _there, drafts, refused = _sift(now=now, findings=findings, scopes=scopes)
    return [entry for entry, _finding in drafts], refused


def _sift(
    *, now: datetime, findings: Sequence[Finding], scopes: Sequence[tuple[str, str]]
) -> tuple[list[Finding], dict[uuid.UUID, Entry], list[tuple[Entry, Finding]], list[DubanError]]:
    """Sound findings, the entries that are there under their ids (locked), drafts of the new ones, and the refusals."""
    refused: list[DubanError] = []
    stored = _stored_photos(findings)
    ids = [finding.id for finding in findings]
    # Mostly there is none, and to ask for that costs less than to ask for rows.
    known = list(Entry.objects.filter(pk__in=ids).order_by().values_list("pk", flat=True))
    there = Entry.objects.select_for_update().order_by("pk").in_bulk(known) if known else {}
    digests = {entry.id: entry.content_digest for entry in there.values()}
    sound: list[Finding] = []
    for finding in findings:
        try:
            check_finding(finding, now=now)
            _check_photos(finding, stored)
            _check_replay(finding, digests)
        except DubanError as refusal:
            refused.append(refusal)
        else:
            sound.append(finding)
    fresh = list({finding.id: finding for finding in reversed(sound) if finding.id not in there}.values())[::-1]
    drafts, strays = _draft_entries(now=now, findings=fresh, scopes=scopes)
    return sound, there, drafts, refused + strays


def check_finding(finding: Finding, *, now: datetime) -> None:
    """Raises BadFinding for what no finding may be, whoever sends it."""

    def refuse(code: str, message: Any, where: str) -> None:
        raise BadFinding(code, message, field=where, row=finding.row)

    if finding.datum not in Datum.values:
        refuse("unknown_datum", _("Say the datum of the coordinates: wgs84, gcj02 or bd09."), "datum")
    if not (-180 <= finding.lon <= 180):
        refuse("bad_longitude", _("A longitude lies between -180 and 180 degrees."), "lon")
    if not (-90 <= finding.lat <= 90):
        swapped = -90 <= finding.lon <= 90 and -180 <= finding.lat <= 180
        refuse(
            "bad_latitude",
            _("A latitude lies between -90 and 90 degrees; longitude and latitude look swapped.")
            if swapped
            else _("A latitude lies between -90 and 90 degrees."),
            "lat",
        )
    if finding.lon == 0 and finding.lat == 0:
        refuse("no_position", _("0, 0 is what a phone writes when it has no position."), "lon")
    if finding.accuracy_m is not None and not (0 <= finding.accuracy_m <= 100_000):
        refuse("bad_accuracy", _("Accuracy is metres between 0 and 100,000."), "accuracy_m")
    if finding.found_at > now + timedelta(days=1):
        refuse(
            "found_in_future",
            _("It cannot have been found in the future; check date and time zone."),
            "found_at",
        )
    if finding.found_at.year < 1990:
        refuse("found_too_early", _("The date lies before 1990; check the year."), "found_at")
    if len(finding.description) > MAX_WORDS:
        refuse("description_too_long", _("At most 2,000 characters; put the rest into photos."), "description")
    if not (is_plain(finding.description) and is_plain(finding.statement)):
        refuse("bad_text", _("The text holds what is no character; type it again."), "description")
    if finding.responsible:
        normalise_code(finding.responsible, field="responsible", row=finding.row)
    if finding.jurisdiction:
        normalise_code(finding.jurisdiction, field="jurisdiction", row=finding.row)
    if len(finding.statement) > 300:
        refuse("statement_too_long", _("A location statement has at most 300 characters."), "statement")


def _stored_photos(findings: Sequence[Finding]) -> set[str]:
    wanted = {photo for finding in findings for photo in finding.photos}
    if not wanted:
        return set()
    return set(Photo.objects.filter(pk__in=wanted).values_list("pk", flat=True))


def _check_photos(finding: Finding, stored: set[str]) -> None:
    for photo in finding.photos:
        if photo not in stored:
            raise BadFinding(
                "photo_not_stored",
                _("Send the photo %(sha256)s first.") % {"sha256": photo[:12]},
                field="photo",
                row=finding.row,
            )


def _check_replay(finding: Finding, digests: dict[uuid.UUID, str]) -> None:
    """Remember the finding under its id, or refuse another one under the same id."""
    if digests.setdefault(finding.id, finding.digest()) != finding.digest():
        raise Conflict(
            "finding_conflict",
            _("This id already stands for a finding with other content; give a new one its own id."),
            field="external_id",
            row=finding.row,
        )


def _draft_entries(
    *, now: datetime, findings: Sequence[Finding], scopes: Sequence[tuple[str, str]]
) -> tuple[list[tuple[Entry, Finding]], list[DubanError]]:
    """Entries not yet written, located in one call, and the refusals of those that lie outside every scope."""
    if not findings:
        return [], []
    lons, lats = _to_wgs84(findings)
    drafts: list[tuple[Entry, Finding]] = []
    strays: list[DubanError] = []
    for finding, lon, lat, located, cell in zip(
        findings, lons, lats, places.locate_points(lons, lats), places.cell(lons, lats), strict=True
    ):
        reach = [code for code, kind in scopes if kind in ("", finding.category.kind)]
        known = finding.jurisdiction or (located["jurisdiction"] or {}).get("code")
        jurisdiction = known or (reach or [scopes[0][0]])[0]
        if not known and "no_boundaries" not in {why["code"] for why in located["reasons"]}:
            strays.append(
                BadFinding(
                    "place_unknown",
                    _("The place lies in no boundary that is loaded and near no village; check coordinates and datum."),
                    field="lon",
                    row=finding.row,
                )
            )
            continue
        if not reach:
            strays.append(
                NotAllowed(
                    "outside_kind",
                    _("You record no %(kind)s; choose another category.")
                    % {"kind": finding.category.get_kind_display()},
                    field="category",
                    row=finding.row,
                )
            )
            continue
        if not covers(reach, jurisdiction):
            strays.append(
                NotAllowed(
                    "outside_scope",
                    _("The place lies in %(code)s, where you record nothing; check coordinates and datum.")
                    % {"code": jurisdiction},
                    field="lon",
                    row=finding.row,
                )
            )
            continue
        entry = Entry(
            id=finding.id,
            category=finding.category,
            description=finding.description,
            lon=lon,
            lat=lat,
            accuracy_m=finding.accuracy_m,
            position_source=finding.position_source,
            datum_in=finding.datum,
            cell=int(cell),
            statement=finding.statement or located["statement"],
            located=located,
            jurisdiction=jurisdiction,
            responsible=finding.responsible or places.unit_for(jurisdiction),
            found_at=finding.found_at.astimezone(UTC),
            recorded_at=now,
            content_digest=finding.digest(),
        )
        drafts.append((entry, finding))
    _promise([entry for entry, _finding in drafts])
    return drafts, strays


def _promise(entries: Sequence[Entry]) -> None:
    """Until an entry is dispatched, its deadline is what the rule would say had it been dispatched when found."""
    cases = [(entry.category, entry.jurisdiction, entry.found_at) for entry in entries]
    for entry, deadline in zip(entries, deadlines.deadlines_of(cases) if cases else [], strict=True):
        for column, value in deadline.columns(runs_from=entry.found_at).items():
            setattr(entry, column, value)


def _to_wgs84(findings: Sequence[Finding]) -> tuple[list[float], list[float]]:
    """The findings' points in WGS 84 degrees, one conversion per datum."""
    lons, lats = [0.0] * len(findings), [0.0] * len(findings)
    for datum in {finding.datum for finding in findings}:
        which = [index for index, finding in enumerate(findings) if finding.datum == datum]
        east, north = places.to_wgs84([findings[i].lon for i in which], [findings[i].lat for i in which], datum)
        for index, lon, lat in zip(which, east, north, strict=True):
            lons[index], lats[index] = float(lon), float(lat)
    return lons, lats


def _write_entries(drafts: Sequence[tuple[Entry, Sequence[str]]], *, by: Person, now: datetime) -> None:
    """Number the entries with their photos, give each its first event, and write all in a handful of statements."""
    entries = [entry for entry, _photos in drafts]
    # What needs no number comes first: from _number to the commit whoever else records in this county waits.
    tally.add([(key, 1) for entry in entries for key in tally.keys_in(entry, State.FOUND)])
    search.index(entries, fresh=True)
    _number(entries)
    actor = by.as_actor()
    events, photos = [], []
    for entry, shas in drafts:
        shas = list(dict.fromkeys(shas))
        facts = {
            "set": history.first_facts(entry),
            "photos": [[photo, str(Moment.BEFORE)] for photo in shas],
            "located": sha256(canonical(entry.located)),
        }
        words = {"description": entry.description}
        events.append(
            history.next_event(
                entry, actor=actor, now=now, action="record", to_state=State.FOUND, facts=facts, words=words
            )
        )
        photos += [
            EntryPhoto(entry=entry, photo_id=photo, moment=Moment.BEFORE, position=position)
            for position, photo in enumerate(shas)
        ]
    insert(entries)
    insert(events)
    insert(photos)


def write_parts(whole: Entry, units: Sequence[str], *, by: Person, now: datetime) -> list[Entry]:
    """An entry for each unit that is the whole's finding again, with its photos, as a part of it."""
    photos = list(whole.photos.filter(moment=Moment.BEFORE).values_list("photo_id", flat=True))
    copied = (
        "category", "description", "lon", "lat", "accuracy_m", "position_source", "datum_in", "cell", "statement",
        "located", "jurisdiction", "found_at",
    )  # fmt: skip
    parts = []
    for unit in units:
        part = Entry(
            id=uuid.uuid4(),
            responsible=unit,
            recorded_at=now,
            split_from=whole,
            **{column: getattr(whole, column) for column in copied},
        )
        part.content_digest = sha256(canonical([str(part.id), str(whole.id), unit]))
        parts.append(part)
    _promise(parts)
    _write_entries([(part, photos) for part in parts], by=by, now=now)
    return parts


def _number(entries: Sequence[Entry]) -> None:
    """Give each entry its number: county, year found, running count; the counter's row is locked until commit."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        year = timezone.localtime(entry.found_at).year
        groups.setdefault(f"{entry.jurisdiction[: LENGTHS[0]]}-{year}", []).append(entry)
    for prefix, group in sorted(groups.items()):
        last = count_up(f"entry:{prefix}", len(group))
        for running, entry in enumerate(group, start=last - len(group) + 1):
            entry.number = f"{prefix}-{running:06d}"


def _attach_late_photos(entry: Entry, finding: Finding, *, by: Person, now: datetime) -> bool:
    had = set(entry.photos.filter(moment=Moment.BEFORE).values_list("photo_id", flat=True))
    late = [photo for photo in dict.fromkeys(finding.photos) if photo not in had]
    if not late or not entry.is_open:
        return False
    append(entry, "add_photo", by=by, now=now, photos=[(photo, Moment.BEFORE) for photo in late])
    return True
