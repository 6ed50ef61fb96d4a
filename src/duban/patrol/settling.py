"""What finished visits mean: which items stand open at a venue, which were mended, and what goes on the ledger.

A look is one answer to a check. Two visits that overlapped in time are no re-check of one another: where they disagree,
the one who saw it failing is believed.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import transaction

from duban.access.models import Person
from duban.core import audit
from duban.core.errors import DubanError
from duban.core.rows import insert
from duban.engines.deadline import Rule, due, read_workday
from duban.ledger import queries as ledger
from duban.ledger.appending import MAX_WORDS
from duban.ledger.categories import category_index
from duban.ledger.deadlines import book
from duban.ledger.lifecycle import OPEN, State
from duban.ledger.recording import Finding, record_findings
from duban.ledger.revisits import hang_photos, tell_revisit
from duban.patrol.models import Answer, Failure, Item, Recheck, RecheckResult, Result, VersionState, Visit
from duban.places import queries as places
from duban.venues.models import Venue

ANY_ITEM = "event:10901"
"""The category of what fails at an item that stands in no list."""
VENUES_AT_ONCE = 1000
FINDINGS_AT_ONCE = 2000
ROWS_AT_ONCE = 2000
WORKDAY = "08:30-12:00 13:30-17:30"
Pair = tuple[uuid.UUID, str]
"""A venue and the key of an item."""


@dataclass
class Settled:
    """What came of the visits."""

    opened: list[Failure] = field(default_factory=list)
    rechecked: list[Recheck] = field(default_factory=list)
    entries: list[uuid.UUID] = field(default_factory=list)
    """New on the ledger."""
    joined: list[uuid.UUID] = field(default_factory=list)
    """Open on the ledger already, and taken."""
    refused: list[tuple[Failure, DubanError]] = field(default_factory=list)
    """Open failures that the ledger would not take from this person, with why."""


@dataclass(frozen=True)
class Look:
    """One answer to a check; it began at `start` and its visit was over at `end`."""

    answer: Answer
    visit_id: uuid.UUID
    start: datetime
    end: datetime
    result: str

    @classmethod
    def of(cls, answer: Answer, visit: Visit) -> "Look":
        end = max(visit.finished_at or visit.visited_at, visit.visited_at)
        return cls(answer, visit.pk, visit.visited_at, end, answer.result)


def is_over(span: tuple[datetime, datetime], look: Look) -> bool:
    """Whether a visit of that (start, end) was over when this look began."""
    return span[0] < look.start and span[1] <= look.start


def _overlap(span: tuple[datetime, datetime], look: Look) -> bool:
    return span[0] <= look.end and look.start <= span[1]


@dataclass(eq=False)
class Known:
    """A failure with the times of who saw it failing."""

    failure: Failure
    opened_end: datetime
    """When the visit that found it was over."""
    fails: list[tuple[datetime, datetime]]
    """(start, end) of each visit that saw it failing."""
    closed_start: datetime | None = None
    fresh: bool = False
    changed: bool = False

    def is_before(self, look: Look) -> bool:
        return is_over((self.failure.opened_at, self.opened_end), look)

    def holds_at(self, look: Look) -> bool:
        return self.failure.closed_at is None or self.failure.closed_at > look.start


@transaction.atomic
def settle_visits(
    *,
    by: Person,
    now: datetime,
    visits: Sequence[Visit],
    only: Collection[int] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Settled:
    """Open, look at again and close failures by what these finished, saved visits answered; tell the ledger the rest.

    Visits that came earlier but are settled later find their place in time. What a later visit of the same call saw
    mended does not go on the ledger. However many the visits, it is a handful of statements for each thousand venues.
    `only`: of their answers these by key, where the others were settled before. `progress` is told how many venues are
    done, out of how many.
    """
    settled = Settled()
    by_venue: dict[uuid.UUID, list[Visit]] = {}
    for visit in sorted(visits, key=lambda one: (one.visited_at, str(one.pk))):
        by_venue.setdefault(visit.venue_id, []).append(visit)
    for done, some in enumerate(in_parts(by_venue.values(), VENUES_AT_ONCE)):
        if progress:
            progress(done * VENUES_AT_ONCE, len(by_venue))
        _settle_venues([visit for group in some for visit in group], settled, only)
    _put_on_ledger([one for one in settled.opened if one.closed_at is None], settled, by=by, now=now)
    _follow_up(settled, by=by, now=now)
    detail = {"visits": len(visits), "opened": len(settled.opened), "rechecked": len(settled.rechecked)}
    if visits:
        audit.record(
            by=by, now=now, action="settle_visits", subject_type="visit", subject_id=visits[0].pk, detail=detail
        )
    return settled


def in_parts(things: Iterable[Any], size: int = ROWS_AT_ONCE) -> Iterator[list[Any]]:
    """Things in lists short enough for one statement."""
    rest = iter(things)
    while part := list(islice(rest, size)):
        yield part


# ---- looks, failures, re-checks -------------------------------------------------------------------------------------


def _settle_venues(visits: list[Visit], settled: Settled, only: Collection[int] | None) -> None:
    """All visits of some venues, in the order of time."""
    venues = {visit.venue_id for visit in visits}
    # Locked in one order, so that two who finish at one venue at once are settled one after the other.
    list(Venue.objects.select_for_update().filter(pk__in=venues).order_by("pk").values_list("pk", flat=True))
    by_id = {visit.pk: visit for visit in visits}
    known = _known_failures(venues)
    waiting = _waiting([visit.pk for visit in visits if visit.recheck])
    told = _fresh_looks(by_id, known, only)
    later = _later_looks(told, by_id)
    book_of = Books(known, waiting)
    for pair, group in told.items():
        after = later.get(pair, [])
        for look in sorted(group, key=lambda one: (one.start, str(one.visit_id))):
            book_of.take(by_id[look.visit_id], pair, look, after)
    book_of.leave_unanswered(by_id)
    book_of.write(settled)


def _fresh_looks(
    by_id: dict[uuid.UUID, Visit], known: Iterable[Pair], only: Collection[int] | None
) -> dict[Pair, list[Look]]:
    """What the visits saw of items that failed before or fail now; what always passed tells nothing new."""
    keys: dict[Pair, list[int]] = {}
    telling = set(known)
    for part in in_parts(by_id):
        rows = Answer.objects.filter(visit__in=part).exclude(result="")
        for pk, visit_id, key, result in rows.values_list("pk", "visit_id", "key", "result"):
            if only is not None and pk not in only:
                continue
            pair = (by_id[visit_id].venue_id, key)
            keys.setdefault(pair, []).append(pk)
            if result == Result.FAIL:
                telling.add(pair)
    looks: dict[Pair, list[Look]] = {}
    for part in in_parts(pk for pair in telling for pk in keys.get(pair, ())):
        for answer in Answer.objects.filter(pk__in=part).select_related("item"):
            visit = answer.visit = by_id[answer.visit_id]
            looks.setdefault((visit.venue_id, answer.key), []).append(Look.of(answer, visit))
    return looks


def _known_failures(venues: set[uuid.UUID]) -> dict[Pair, list[Known]]:
    """Every failure of the venues, the oldest first."""
    rows = Failure.objects.filter(venue__in=venues).select_related("opened_by__visit", "closed_by__visit", "entry")
    known: dict[uuid.UUID, Known] = {}
    pairs: dict[Pair, list[Known]] = {}
    for failure in rows.order_by("opened_at", "pk"):
        visit = failure.opened_by.visit
        end = max(visit.finished_at or visit.visited_at, visit.visited_at)
        closed = failure.closed_by.visit.visited_at if failure.closed_by else None
        one = Known(failure, end, [(visit.visited_at, end)], closed)
        known[failure.pk] = one
        pairs.setdefault((failure.venue_id, failure.key), []).append(one)
    for part in in_parts(known):
        seen = Recheck.objects.filter(failure__in=part, result=RecheckResult.RECURRED)
        for failure_id, start, over in seen.values_list("failure", "visit__visited_at", "visit__finished_at"):
            known[failure_id].fails.append((start, max(over or start, start)))
    return pairs


def _waiting(visits: list[uuid.UUID]) -> dict[tuple[uuid.UUID, uuid.UUID], Recheck]:
    """What re-check visits were to look at, by visit and failure."""
    found = {}
    for part in in_parts(visits):
        for one in Recheck.objects.filter(visit__in=part).select_related("failure__entry", "failure__opened_by"):
            found[one.visit_id, one.failure_id] = one
    return found


def _later_looks(told: dict[Pair, list[Look]], by_id: dict[uuid.UUID, Visit]) -> dict[Pair, list[Look]]:
    """Passes and fails that other finished visits saw after the first fresh look at the pair."""
    if not told:
        return {}
    first = {pair: min(look.start for look in group) for pair, group in told.items()}
    venues = {venue for venue, _key in told}
    since = Visit.objects.filter(venue__in=venues, state="finished", visited_at__gt=min(first.values()))
    # Mostly there are no others, and to learn that costs less than to read what was answered.
    others = [pk for pk in since.values_list("pk", flat=True) if pk not in by_id]
    found: dict[Pair, list[Look]] = {}
    for part in in_parts(others):
        rows = Answer.objects.filter(visit__in=part, result__in=[Result.PASS, Result.FAIL])
        for answer in rows.select_related("visit", "item"):
            pair = (answer.visit.venue_id, answer.key)
            if pair in first and answer.visit.visited_at > first[pair]:
                found.setdefault(pair, []).append(Look.of(answer, answer.visit))
    for group in found.values():
        group.sort(key=lambda look: (look.start, str(look.visit_id)))
    return found


class Books:
    """The failures of some venues while looks are taken in."""

    def __init__(self, known: dict[Pair, list[Known]], waiting: dict[tuple[uuid.UUID, uuid.UUID], Recheck]) -> None:
        self.known = known
        self.waiting = waiting
        self.opened: list[Known] = []
        self.rechecks: list[Recheck] = []

    def take(self, visit: Visit, pair: Pair, look: Look, later: list[Look]) -> None:
        """One look, no earlier than those of its pair that were taken before it."""
        group = self.known.get(pair, [])
        asked = [one for one in group if (visit.pk, one.failure.pk) in self.waiting]
        holding = [one for one in group if (one in asked or one.is_before(look)) and one.holds_at(look)]
        # Somebody who was there at the same time found it too.
        found_too = any(_overlap(span, look) for one in group for span in one.fails)
        for one in [*asked, *(one for one in holding if one not in asked)]:
            self._look_again(visit, one, look)
        if look.result == Result.PASS:
            for one in holding:
                self._close(one, look)
        elif look.result == Result.FAIL:
            if holding:
                self._believe_the_fail(group, holding[-1], look)
            elif not found_too:
                self._open(visit, pair, look, later)

    def _look_again(self, visit: Visit, one: Known, look: Look) -> None:
        result = {Result.PASS: RecheckResult.STANDS, Result.FAIL: RecheckResult.RECURRED}.get(
            Result(look.result), RecheckResult.NOT_INSPECTED
        )
        if result == RecheckResult.RECURRED:
            one.fails.append((look.start, look.end))
        self._recheck(visit, one, result)

    def _recheck(self, visit: Visit, one: Known, result: RecheckResult) -> None:
        row = self.waiting.pop((visit.pk, one.failure.pk), None)
        if row is None:
            row = Recheck(visit=visit, failure=one.failure, at=visit.visited_at)
        row.failure, row.visit, row.result = one.failure, visit, result
        self.rechecks.append(row)

    def _close(self, one: Known, look: Look) -> None:
        """It is mended, unless somebody who was there at the same time or later saw it failing."""
        if one.failure.closed_at is None and all(is_over(span, look) for span in one.fails):
            one.failure.closed_by, one.failure.closed_at = look.answer, look.start
            one.closed_start, one.changed = look.start, True

    def _believe_the_fail(self, group: list[Known], one: Known, look: Look) -> None:
        """Opened again, if it was closed by somebody who came while this visit was under way."""
        closed_meanwhile = one.closed_start is not None and one.closed_start <= look.end
        if closed_meanwhile and all(other.failure.closed_at is not None for other in group):
            one.failure.closed_by, one.failure.closed_at = None, None
            one.closed_start, one.changed = None, True

    def _open(self, visit: Visit, pair: Pair, look: Look, later: list[Look]) -> None:
        group = self.known.setdefault(pair, [])
        following = next((one for one in later if one.start > look.end), None)
        if following and following.result == Result.FAIL:
            found = next((one for one in group if one.failure.opened_by_id == following.answer.pk), None)
            if found:
                self._found_earlier(found, look, following)
                return
            following = None
        if following is None and any(one.failure.closed_at is None for one in group):
            return
        one = Known(
            Failure(
                venue_id=visit.venue_id,
                jurisdiction=visit.jurisdiction,
                town=visit.town,
                key=look.answer.key,
                opened_by=look.answer,
                opened_at=look.start,
            ),
            look.end,
            [(look.start, look.end)],
            fresh=True,
        )
        group.append(one)
        self.opened.append(one)
        if following:
            self._close(one, following)
            self._recheck(following.answer.visit, one, RecheckResult.STANDS)

    def _found_earlier(self, one: Known, look: Look, following: Look) -> None:
        """A failure was there before the visit that was thought to have found it: that one was a re-check."""
        one.failure.opened_by, one.failure.opened_at = look.answer, look.start
        one.opened_end, one.changed = look.end, True
        one.fails.append((look.start, look.end))
        self._recheck(following.answer.visit, one, RecheckResult.RECURRED)

    def leave_unanswered(self, by_id: dict[uuid.UUID, Visit]) -> None:
        """What a re-check was to look at and did not answer is not inspected, and open still."""
        for (visit_id, _failure), row in list(self.waiting.items()):
            row.visit, row.result = by_id[visit_id], RecheckResult.NOT_INSPECTED
            self.rechecks.append(row)
        self.waiting.clear()

    def write(self, settled: Settled) -> None:
        opened = [one.failure for one in self.opened]
        _give_time(opened)
        changed = [one.failure for group in self.known.values() for one in group if one.changed and not one.fresh]
        columns = ["opened_by", "opened_at", "closed_by", "closed_at"]
        # Closed ones first, then new ones: at most one of an item may be open at any moment.
        closed = [failure for failure in changed if failure.closed_at is not None]
        Failure.objects.bulk_update(closed, columns, batch_size=500)
        insert(opened)
        reopened = [failure for failure in changed if failure.closed_at is None]
        Failure.objects.bulk_update(reopened, columns, batch_size=500)
        insert([row for row in self.rechecks if row.pk is None])
        Recheck.objects.bulk_update([row for row in self.rechecks if row.pk is not None], ["result"], batch_size=500)
        settled.opened += opened
        settled.rechecked += self.rechecks


def _give_time(failures: Sequence[Failure]) -> None:
    """Set by when each is to be mended, where its item says so in working days."""
    groups: dict[int, list[Failure]] = {}
    for failure in failures:
        item = failure.opened_by.item
        if item is not None and item.days_to_mend:
            groups.setdefault(item.days_to_mend, []).append(failure)
    for days, some in groups.items():
        rule = Rule(f"mend-{days}", days, "working_days", read_workday(WORKDAY), settings.TIME_ZONE)
        answer = due([one.opened_at for one in some], rule, book().calendar)
        for failure, moment in zip(some, answer.due, strict=True):
            failure.mend_by = moment


# ---- the ledger -----------------------------------------------------------------------------------------------------


def _put_on_ledger(failures: list[Failure], settled: Settled, *, by: Person, now: datetime) -> None:
    """An entry for each failure that has a category and a place: the open one that is there, or a new one."""
    items = _items_in_use({failure.key for failure in failures if failure.opened_by.item is None})
    known = category_index()
    wanted = [
        (failure, category)
        for failure in failures
        if (category := _category(failure.opened_by.item or items.get(failure.key))) in known
    ]
    there = _open_entries([failure for failure, _category in wanted])
    joined = [failure for failure, _category in wanted if (failure.venue_id, failure.key) in there]
    for failure in joined:
        failure.entry_id = there[failure.venue_id, failure.key]
        settled.joined.append(failure.entry_id)
    fresh = [(failure, category) for failure, category in wanted if failure.entry_id is None]
    for part in in_parts(fresh, FINDINGS_AT_ONCE):
        _record(part, items, settled, by=by, now=now)
    listed = [failure for failure, _category in wanted if failure.entry_id is not None]
    Failure.objects.bulk_update(listed, ["entry"], batch_size=500)
    for failure in joined:
        if failure.opened_by.photos:
            entry_id = there[failure.venue_id, failure.key]
            hang_photos(by=by, now=now, entry_id=entry_id, photos=failure.opened_by.photos)


def _items_in_use(keys: set[str]) -> dict[str, Item]:
    """What the lists in use say of items that were answered outside any list."""
    if not keys:
        return {}
    found = Item.objects.filter(key__in=keys, version__state=VersionState.IN_USE)
    return {item.key: item for item in found.order_by("-version__checklist__key")}


def _category(item: Item | None) -> str:
    """kind:code of the ledger; empty: not on the ledger."""
    return ANY_ITEM if item is None else item.category


def _open_entries(failures: list[Failure]) -> dict[Pair, uuid.UUID]:
    """The entries still open of earlier failures of the same items at the same venues."""
    pairs = {(failure.venue_id, failure.key) for failure in failures}
    found: dict[Pair, uuid.UUID] = {}
    for part in in_parts({venue for venue, _key in pairs}):
        before = Failure.objects.filter(venue__in=part, entry__state__in=OPEN).exclude(closed_at=None)
        for venue_id, key, entry_id in before.order_by("opened_at").values_list("venue", "key", "entry"):
            if entry_id and (venue_id, key) in pairs:
                found[venue_id, key] = entry_id
    return found


def _record(
    pairs: list[tuple[Failure, str]], items: dict[str, Item], settled: Settled, *, by: Person, now: datetime
) -> None:
    venues = Venue.objects.in_bulk({failure.venue_id for failure, _category in pairs})
    points = places.points_of({one.jurisdiction for one in venues.values() if one.lon is None})
    names = places.names({failure.jurisdiction for failure, _category in pairs})
    known = category_index()
    findings: dict[uuid.UUID, tuple[Failure, Finding]] = {}
    for number, (failure, category) in enumerate(pairs):
        place = _place(venues[failure.venue_id], points, names)
        if place is not None:
            identity = uuid.uuid5(failure.pk, str(failure.opened_by.visit_id))
            item = failure.opened_by.item or items.get(failure.key)
            finding = Finding(
                id=identity,
                category=known[category],
                found_at=failure.opened_at,
                description=wording_of(failure, item),
                photos=tuple(failure.opened_by.photos),
                row=number,
                **place,
            )
            findings[identity] = failure, finding
    if not findings:
        return
    recorded, refused = record_findings(
        by=by, now=now, findings=[finding for _failure, finding in findings.values()], keep_good=True
    )
    for one in recorded:
        findings[one.entry.pk][0].entry_id = one.entry.pk
        settled.entries.append(one.entry.pk)
    for refusal in refused:
        settled.refused.append((pairs[refusal.row or 0][0], refusal))


def _place(venue: Venue, points: dict[str, tuple[float, float, float]], names: dict[str, str]) -> dict[str, Any] | None:
    """Where a finding at the venue lies, as a Finding says it; None: nobody knows.

    No name of the venue: what is on the ledger may be printed, and only an exposure names one.
    """
    said = {
        "datum": "wgs84",
        "jurisdiction": venue.jurisdiction,
        "statement": venue.statement or venue.address,
    }
    if venue.lon is not None and venue.lat is not None:
        return said | {"lon": venue.lon, "lat": venue.lat, "position_source": "map"}
    if venue.jurisdiction not in points:
        return None
    lon, lat, accuracy = points[venue.jurisdiction]
    return said | {
        "lon": lon,
        "lat": lat,
        "accuracy_m": accuracy,
        "position_source": "statement",
        "statement": said["statement"] or names.get(venue.jurisdiction, venue.jurisdiction),
    }


def wording_of(failure: Failure, item: Item | None) -> str:
    """How the ledger says what failed: the standard wording, in Chinese as all of the ledger, and the note."""
    said = (item.wording or item.label) if item else failure.key
    note = failure.opened_by.note.strip()
    return (f"{said}。{note}" if note else said)[:MAX_WORDS]


def _follow_up(settled: Settled, *, by: Person, now: datetime) -> None:
    """Take the ledger's own look-back on what was struck off there, and hang photos on what is open."""
    # Only the last look of the call counts for the ledger: it is how the failure stands now.
    last: dict[uuid.UUID, Recheck] = {}
    for one in sorted(settled.rechecked, key=lambda one: one.at):
        if one.failure.entry_id:
            last[one.failure_id] = one
    if not last:
        return
    states = ledger.states_of({one.failure.entry_id for one in last.values() if one.failure.entry_id})
    answers = _answers_of(last.values())
    for one in last.values():
        entry_id = one.failure.entry_id
        answer = answers.get((one.visit_id, one.failure.key))
        if entry_id is None:
            continue
        if states[entry_id] == State.CLOSED:
            _look_back(one, entry_id, answer, settled, by=by, now=now)
        elif states[entry_id] in OPEN and answer and answer.photos and one.result == RecheckResult.RECURRED:
            hang_photos(by=by, now=now, entry_id=entry_id, photos=answer.photos)


def _answers_of(rechecks: Iterable[Recheck]) -> dict[tuple[uuid.UUID, str], Answer]:
    rechecks = list(rechecks)
    keys = {one.failure.key for one in rechecks}
    found = {}
    for part in in_parts({one.visit_id for one in rechecks}):
        for answer in Answer.objects.filter(visit__in=part, key__in=keys).select_related("item"):
            found[answer.visit_id, answer.key] = answer
    return found


def _look_back(
    one: Recheck, entry_id: uuid.UUID, answer: Answer | None, settled: Settled, *, by: Person, now: datetime
) -> None:
    photos, note = (answer.photos, answer.note) if answer else ([], "")
    told = tell_revisit(by=by, now=now, entry_id=entry_id, result=one.result, photos=photos, note=note)
    if told or answer is None:
        return
    # What is there again and was not photographed goes on the ledger anew.
    failure = one.failure
    again = Failure(pk=failure.pk, key=failure.key, venue_id=failure.venue_id, opened_by=answer)
    again.jurisdiction, again.opened_at = failure.jurisdiction, one.at
    category = _category(answer.item)
    if category in category_index():
        _record([(again, category)], {}, settled, by=by, now=now)
    if again.entry_id is not None:
        failure.entry_id = again.entry_id
        failure.save(update_fields=["entry"])
