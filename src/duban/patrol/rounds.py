"""Rounds: a campaign's venues, drawn so that anybody can draw them again, given to inspectors, and closed."""

import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.access.queries import people_who_may
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.rows import insert
from duban.core.text import is_plain
from duban.engines.geo.geodesy import geodesic
from duban.ledger.queries import Filters, entries_for
from duban.ledger.sampling import ENGINE, draw
from duban.patrol.models import Answer, CheckList, PatrolRound, Result, RoundVenue, Visit, VisitState
from duban.places.codes import ancestors, normalise_code, within
from duban.venues.models import Venue, VenueType

SEES, MANAGES, VISITS = "visit.see", "round.manage", "visit.make"
MAX_SEED = 64
MAX_TITLE = 100
MAX_REASON = 300
MAX_SIZE = 100_000
LONGEST = timedelta(days=366)
FIRST_YEAR = 1990
NEAR = (0.02, 0.1, 0.5)
"""Degrees around a person in which the nearest venues are looked for, the small box first."""


class BadCampaign(DubanError):
    pass


# ---- reading --------------------------------------------------------------------------------------------------------


def rounds_for(person: Person) -> QuerySet[PatrolRound]:
    """The rounds of which something may lie in the person's area, the newest first."""
    codes = rights.codes(person, SEES)
    above = {higher for code in codes for higher in ancestors(code)}
    return PatrolRound.objects.filter(within("area", codes) | Q(area__in=above)).order_by(
        "-starts_on", "-made_at", "id"
    )


def round_for(person: Person, round_id: uuid.UUID) -> PatrolRound:
    """The round, else NotFound (`round_not_found`)."""
    found = rounds_for(person).select_related("checklist").filter(pk=round_id).first()
    if found is None:
        raise NotFound("round_not_found", _("There is no such round, or it is not yours to see."))
    return found


def sees_whole(person: Person, round_: PatrolRound) -> bool:
    return rights.may(person, SEES, round_.area)


def whole_round(person: Person, round_id: uuid.UUID) -> PatrolRound:
    """The round, for who may see all of its frame; else NotFound (`round_not_found`) or NotAllowed."""
    round_ = round_for(person, round_id)
    rights.require(person, SEES, round_.area)
    return round_


def may_manage(person: Person, round_: PatrolRound) -> bool:
    """Whether the person answers for the round, and it is open."""
    return round_.closed_at is None and rights.may(person, MANAGES, round_.area)


def venues_for(person: Person, round_: PatrolRound) -> QuerySet[RoundVenue]:
    """Those of the round's frame that lie in the person's area."""
    rows = RoundVenue.objects.filter(round=round_)
    return rows if sees_whole(person, round_) else rows.filter(_in_area(person))


def _in_area(person: Person) -> Q:
    # A venue may have moved since it was drawn; where it is now decides who sees it.
    return within("venue__jurisdiction", rights.codes(person, SEES))


def _visits_there(round_: PatrolRound) -> QuerySet[Visit]:
    """Finished visits at the venue of the outer row, made for the round or on its days."""
    start, end = moments_of(round_)
    for_it = Q(round=round_) | Q(visited_at__gte=start, visited_at__lt=end)
    return Visit.objects.filter(for_it, venue=OuterRef("venue"), state=VisitState.FINISHED)


def with_visits(rows: QuerySet[RoundVenue], round_: PatrolRound) -> QuerySet[RoundVenue]:
    """Each with `visited`, and `failed`: something failed at such a visit."""
    failing = Answer.objects.filter(visit=OuterRef("pk"), result=Result.FAIL)
    there = _visits_there(round_)
    return rows.annotate(visited=Exists(there), failed=Exists(there.filter(Exists(failing))))


def moments_of(round_: PatrolRound) -> tuple[datetime, datetime]:
    """From the first moment of the first day to that after the last, by the office's clock."""
    return _start_of(round_.starts_on), _start_of(round_.ends_on + timedelta(days=1))


def _start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


@dataclass(frozen=True)
class TownProgress:
    """How far a round is in a town; `town` is "" for the sum of all."""

    town: str
    frame: int
    drawn: int
    visited: int
    failed: int

    @property
    def left(self) -> int:
        return self.drawn - self.visited

    @property
    def percent(self) -> int:
        return 100 * self.visited // self.drawn if self.drawn else 100


def progress(rows: QuerySet[RoundVenue], round_: PatrolRound) -> list[TownProgress]:
    """By town, and the sum at the end, in one query; of what was not drawn only how many there are."""
    counted = (
        with_visits(rows, round_)
        .order_by("town")
        .values_list("town")
        .annotate(
            frame=Count("pk"),
            n_drawn=Count("pk", filter=Q(drawn=True)),
            n_visited=Count("pk", filter=Q(drawn=True, visited=True)),
            n_failed=Count("pk", filter=Q(drawn=True, failed=True)),
        )
    )
    towns = [TownProgress(*row) for row in counted]
    columns = [sum(getattr(town, name) for town in towns) for name in ("frame", "drawn", "visited", "failed")]
    return [*towns, TownProgress("", *columns)]


def progress_of_rounds(person: Person, rounds: Sequence[PatrolRound]) -> dict[uuid.UUID, tuple[int, int]]:
    """(drawn, visited) of each round, of what the person may see, in two queries."""
    whole = Q(round__in=[one for one in rounds if sees_whole(person, one)])
    part = Q(round__in=[one for one in rounds if not sees_whole(person, one)])
    return _counted(RoundVenue.objects.filter(whole | (part & _in_area(person))), rounds)


def counts_of_rounds(rounds: Sequence[PatrolRound]) -> dict[uuid.UUID, tuple[int, int]]:
    """(drawn, visited) of each round, whoever asks, in two queries."""
    return _counted(RoundVenue.objects.filter(round__in=rounds), rounds)


def _counted(rows: QuerySet[RoundVenue], rounds: Sequence[PatrolRound]) -> dict[uuid.UUID, tuple[int, int]]:
    rows = rows.filter(drawn=True).order_by()
    visited: Any = Q(pk__in=[])
    for round_ in rounds:
        visited |= Q(round=round_) & Exists(_visits_there(round_))
    drawn = dict(rows.values_list("round").annotate(n=Count("pk")))
    done = dict(rows.filter(visited).values_list("round").annotate(n=Count("pk")))
    return {round_.pk: (drawn.get(round_.pk, 0), done.get(round_.pk, 0)) for round_ in rounds}


def lookbacks_of(person: Person, round_: PatrolRound) -> QuerySet[Any]:
    """What was struck off in the round's area and is due for a look-back by its last day, of what the person sees."""
    _start, end = moments_of(round_)
    due = Filters(area=round_.area, lookback="due")
    return entries_for(person, due, now=end - timedelta(microseconds=1)).order_by("lookback_due_at", "id")


@dataclass(frozen=True)
class Sampled:
    """The sample computed anew from the frame and the seed that are kept."""

    same: bool
    venues: tuple[str, ...]
    """Ids of those that the frame and the seed give, town by town in the order of the draw."""


def redrawn(round_: PatrolRound) -> Sampled:
    """Draw the round again from its stored frame and seed, and say whether the same venues come out."""
    rows = list(RoundVenue.objects.filter(round=round_).values_list("venue_id", "town", "drawn"))
    size = len(rows) if round_.size is None else round_.size
    drawing = draw([(str(key), town, False) for key, town, _drawn in rows], size, round_.seed)
    stored = {str(key) for key, _town, drawn in rows if drawn}
    return Sampled(round_.engine == ENGINE and set(drawing.numbers) == stored, drawing.numbers)


# ---- planning -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Planned:
    round: PatrolRound
    fresh: bool
    """False: this id had been planned before, and this is what came of it."""


def frame_of(area: str, venue_types: Iterable[str]) -> QuerySet[Venue]:
    """The venues that a round would draw from: there still, in the area, of these types or of every."""
    frame = Venue.objects.filter(within("jurisdiction", [area]), closed_at=None)
    kinds = list(venue_types)
    return frame.filter(kind__in=kinds) if kinds else frame


def frame_by_town(area: str, venue_types: Iterable[str]) -> list[tuple[str, int]]:
    """(town, how many venues) of what a round would draw from."""
    return list(frame_of(area, venue_types).order_by("town").values_list("town").annotate(n=Count("pk")))


def inspectors_at(area: str) -> list[str]:
    """User names of those who may make visits in all of the area."""
    return [username for _key, username in people_who_may(VISITS, area)]


@transaction.atomic
def plan_round(
    *,
    by: Person,
    now: datetime,
    at: str,
    title: str,
    starts_on: date,
    ends_on: date,
    venue_types: Sequence[str] = (),
    size: int | None = None,
    seed: str = "",
    inspectors: Sequence[str] = (),
    checklist: str = "",
    round_id: uuid.UUID | None = None,
) -> Planned:
    """Plan a round over all venues of an area and types, or over a sample of `size`; the same id again is no second.

    What is drawn is shared out among the inspectors town by town; with none anybody may go. Raises NotAllowed,
    BadCode, BadCampaign (`bad_title`, `bad_days`, `bad_size`, `bad_seed`, `unknown_venue_type`,
    `unknown_inspector`, `unknown_checklist`, `no_venues`), Conflict (`round_id_taken`).
    """
    area = normalise_code(at, field="at")
    rights.require(by, MANAGES, area)
    title = _checked_text(title, MAX_TITLE, "bad_title", "title")
    kinds = _checked_kinds(venue_types)
    _check_days(now, starts_on, ends_on)
    if size is not None and not 1 <= size <= MAX_SIZE:
        raise BadCampaign("bad_size", _("Draw between 1 and 100,000 venues, or all."), field="size")
    seed = seed.strip()
    # It must come through a spreadsheet as it is: no sign of a formula at its head.
    if seed and not (len(seed) <= MAX_SEED and seed.isprintable() and seed[0].isalnum()):
        raise BadCampaign(
            "bad_seed", _("A seed has at most 64 characters and begins with a letter or a digit."), field="seed"
        )
    people = _checked_inspectors(area, inspectors)
    asked = _checked_list(checklist)
    # The seed is on the books before anything is read that it could be chosen for; of two at once the second waits.
    planned, fresh = PatrolRound.objects.get_or_create(
        id=round_id or uuid.uuid4(),
        defaults={
            "title": title,
            "area": area,
            "venue_types": kinds,
            "starts_on": starts_on,
            "ends_on": ends_on,
            "seed": seed or secrets.token_hex(16),
            "size": size,
            "engine": ENGINE,
            "made_by": by.as_actor(),
            "made_at": now,
            "checklist": asked,
        },
    )
    if not fresh:
        wanted = (by.username, area, title, kinds, starts_on, ends_on, size, seed or planned.seed, asked and asked.pk)
        held = (planned.made_by["username"], planned.area, planned.title, planned.venue_types)
        days = (planned.starts_on, planned.ends_on)
        if wanted != (*held, *days, planned.size, planned.seed, planned.checklist_id):
            raise Conflict("round_id_taken", _("Another round was planned under this id; take a new id."), field="id")
        return Planned(planned, fresh=False)
    frame, drawn = _write_frame(planned, people)
    detail = {"area": area, "frame": frame, "drawn": drawn}
    audit.record(by=by, now=now, action="plan_round", subject_type="patrol_round", subject_id=planned.pk, detail=detail)
    return Planned(planned, fresh=True)


def _write_frame(round_: PatrolRound, inspectors: Sequence[str]) -> tuple[int, int]:
    """Keep the whole frame, each venue drawn or not; how many are in it and how many were drawn."""
    found = frame_of(round_.area, round_.venue_types).order_by("town", "cell", "pk")
    rows = list(found.values_list("pk", "town").iterator(chunk_size=10_000))
    if not rows:
        raise BadCampaign("no_venues", _("There is no venue of these types in the area."), field="at")
    size = len(rows) if round_.size is None else round_.size
    chosen = set(draw([(str(key), town, False) for key, town in rows], size, round_.seed).numbers)
    drawn = [key for key, _town in rows if str(key) in chosen]
    # Shared out in stretches along the map, so that nobody is sent across the district.
    share = {
        key: inspectors[place * len(inspectors) // len(drawn)] if inspectors else "" for place, key in enumerate(drawn)
    }
    insert(
        [
            RoundVenue(round=round_, venue_id=key, town=town, drawn=str(key) in chosen, inspector=share.get(key, ""))
            for key, town in rows
        ]
    )
    return len(rows), len(drawn)


def _checked_kinds(keys: Sequence[str]) -> list[str]:
    kinds = sorted(set(keys))
    unknown = set(kinds) - set(VenueType.objects.filter(pk__in=kinds).values_list("pk", flat=True))
    if unknown:
        raise BadCampaign(
            "unknown_venue_type",
            _("These types of venues are not known: %(kinds)s.") % {"kinds": ", ".join(sorted(unknown))[:200]},
            field="venue_types",
        )
    return kinds


def _check_days(now: datetime, starts_on: date, ends_on: date) -> None:
    latest = timezone.localdate(now) + LONGEST
    if not (starts_on.year >= FIRST_YEAR and starts_on <= ends_on <= latest and ends_on - starts_on <= LONGEST):
        raise BadCampaign(
            "bad_days",
            _("A round ends on its first day or later, lasts a year at most, and ends within a year from now."),
            field="ends_on",
        )


def _checked_inspectors(area: str, usernames: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys(usernames))
    if unknown := set(wanted) - set(inspectors_at(area)) if wanted else set():
        raise BadCampaign(
            "unknown_inspector",
            _("Nobody of these names makes visits in the whole of the area: %(names)s.")
            % {"names": ", ".join(sorted(unknown))[:200]},
            field="inspectors",
        )
    return wanted


def _checked_list(key: str) -> CheckList | None:
    if not key:
        return None
    found = CheckList.objects.filter(key=key, versions__state="in_use").first()
    if found is None:
        raise BadCampaign("unknown_checklist", _("No check-list of that key is in use."), field="checklist")
    return found


def _checked_text(text: str, limit: int, code: str, field: str, *, empty: bool = False) -> str:
    text = " ".join(text.split())
    if len(text) > limit or not is_plain(text) or not (text or empty):
        raise BadCampaign(
            code, _("Plain text of at most %(limit)d characters is wanted here.") % {"limit": limit}, field=field
        )
    return text


# ---- sharing out, and closing ---------------------------------------------------------------------------------------


@transaction.atomic
def assign_venues(*, by: Person, now: datetime, round_id: uuid.UUID, town: str, inspector: str) -> int:
    """Give what is still to be visited in a town ("": in all of them) to an inspector ("": to anybody); how many.

    Raises NotFound (`round_not_found`), NotAllowed, BadCampaign (`unknown_inspector`), Conflict (`round_closed`).
    """
    round_ = _lock(round_id, by=by)
    rows: Any = with_visits(RoundVenue.objects.filter(round=round_, drawn=True), round_)
    rows = rows.filter(visited=False)
    if town:
        rows = rows.filter(town=town)
    reach = town or round_.area
    if inspector and inspector not in inspectors_at(reach):
        raise BadCampaign(
            "unknown_inspector",
            _("Nobody of these names makes visits in the whole of the area: %(names)s.") % {"names": inspector[:200]},
            field="inspector",
        )
    keys = list(rows.values_list("pk", flat=True))
    changed = 0
    for start in range(0, len(keys), 5000):
        changed += RoundVenue.objects.filter(pk__in=keys[start : start + 5000]).update(inspector=inspector)
    detail = {"town": town, "inspector": inspector, "venues": changed}
    audit.record(
        by=by, now=now, action="assign_round", subject_type="patrol_round", subject_id=round_.pk, detail=detail
    )
    return changed


@transaction.atomic
def close_round(*, by: Person, now: datetime, round_id: uuid.UUID, reason: str = "") -> PatrolRound:
    """Close a round; what was drawn and not visited stays on it as missed, and then the reason is needed.

    Raises NotFound (`round_not_found`), NotAllowed, Conflict (`round_closed`), BadCampaign (`reason_missing`,
    `reason_too_long`).
    """
    round_ = _lock(round_id, by=by)
    reason = _checked_text(reason, MAX_REASON, "reason_too_long", "reason", empty=True)
    rows = RoundVenue.objects.filter(round=round_, drawn=True)
    drawn: Any = with_visits(rows, round_)
    missed = drawn.filter(visited=False)
    left = missed.count()
    if left and not reason:
        raise BadCampaign("reason_missing", _("Say why some of it was not visited."), field="reason")
    RoundVenue.objects.filter(pk__in=missed.values("pk")).update(missed=True)
    round_.closed_at, round_.closed_by, round_.close_reason = now, by.username, reason
    round_.save(update_fields=["closed_at", "closed_by", "close_reason"])
    detail = {"missed": left}
    audit.record(by=by, now=now, action="close_round", subject_type="patrol_round", subject_id=round_.pk, detail=detail)
    return round_


def _lock(round_id: uuid.UUID, *, by: Person) -> PatrolRound:
    known = round_for(by, round_id)
    rights.require(by, MANAGES, known.area)
    round_ = PatrolRound.objects.select_for_update().get(pk=known.pk)
    if round_.closed_at is not None:
        raise Conflict("round_closed", _("This round is closed already."))
    return round_


# ---- an inspector's list --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stop:
    """A venue still to be visited; `metres` as the crow flies from where the person is, None where nobody knows."""

    row: RoundVenue
    metres: float | None


def stops_for(
    person: Person, now: datetime, *, lon: float | None = None, lat: float | None = None, limit: int = 50
) -> list[Stop]:
    """What this person is to visit in rounds under way, the nearest first; without a position by town and name.

    Theirs and what anybody may take, as far as they make visits there.
    """
    today = timezone.localdate(now)
    condition: Any = Q(pk__in=[])
    for round_ in PatrolRound.objects.filter(closed_at=None, starts_on__lte=today, ends_on__gte=today):
        condition |= Q(round=round_) & ~Exists(_visits_there(round_))
    mine = Q(inspector=person.username) | Q(inspector="")
    area = within("venue__jurisdiction", rights.codes(person, VISITS))
    waiting = RoundVenue.objects.filter(condition, mine, area, drawn=True, venue__closed_at=None)
    waiting = waiting.select_related("venue__kind", "round")
    if lon is None or lat is None:
        return [Stop(row, None) for row in waiting.order_by("town", "venue__name", "pk")[:limit]]
    return _nearest(waiting, lon, lat, limit)


def _nearest(waiting: QuerySet[RoundVenue], lon: float, lat: float, limit: int) -> list[Stop]:
    found: list[Stop] = []
    for reach in NEAR:
        box = Q(venue__lon__range=(lon - reach, lon + reach), venue__lat__range=(lat - reach, lat + reach))
        found = _measured(list(waiting.filter(box)[: 40 * limit]), lon, lat)
        if len(found) >= limit:
            return found[:limit]
    known = {stop.row.pk for stop in found}
    further = waiting.exclude(pk__in=known).filter(venue__lon__isnull=False)
    rest = _measured(list(further[: 40 * limit]), lon, lat)
    found = sorted([*found, *rest], key=lambda stop: stop.metres or 0.0)[:limit]
    nowhere = waiting.filter(venue__lon=None).order_by("town", "venue__name", "pk")[: limit - len(found)]
    return [*found, *(Stop(row, None) for row in nowhere)]


def _measured(rows: list[RoundVenue], lon: float, lat: float) -> list[Stop]:
    if not rows:
        return []
    lons = [row.venue.lon or 0.0 for row in rows]
    lats = [row.venue.lat or 0.0 for row in rows]
    metres, _bearing = geodesic([lon] * len(rows), [lat] * len(rows), lons, lats)
    stops = [Stop(row, float(far)) for row, far in zip(rows, metres, strict=True)]
    return sorted(stops, key=lambda stop: (stop.metres, stop.row.pk))
