"""Look-back rounds: a sample of what was struck off and is due, drawn so that anybody can draw it again, and closed."""

import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Substr
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.text import is_plain
from duban.ledger.actions import mark_not_inspected
from duban.ledger.appending import reason_of
from duban.ledger.lifecycle import State
from duban.ledger.models import Category, Counter, Entry, Kind, LookbackItem, LookbackRound, in_sight
from duban.ledger.queries import lookback_due_at_now
from duban.ledger.rectified import Counts, counts_by_round
from duban.ledger.sampling import ENGINE, Drawing, Stratum, allocate, digest, draw
from duban.places.codes import LENGTHS, ancestors, normalise_code, within

SEES = "entry.see"
DRAWS = "entry.look_back"
TOWN = LENGTHS[1]
MAX_SIZE = 2000
MAX_SEED = 64
LONGEST_AHEAD = timedelta(days=366)
FIRST_YEAR = 1990
LOCK = "lookback"
CAME_BACK = Q(cycle__gt=1) | Q(reopen_count__gt=0)


class BadRound(DubanError):
    pass


# ---- reading --------------------------------------------------------------------------------------------------------


def rounds_for(person: Person) -> QuerySet[LookbackRound]:
    """The rounds of which something may lie in the person's area, the newest first."""
    held = rights.grants(person, SEES)
    codes = [code for code, _kind in held]
    kinds = {kind for _code, kind in held}
    above = {higher for code in codes for higher in ancestors(code)}
    found = LookbackRound.objects.filter(within("area", codes) | Q(area__in=above))
    return found if "" in kinds else found.filter(kind__in=["", *kinds])


def round_for(person: Person, round_id: uuid.UUID) -> LookbackRound:
    """The round, else NotFound (`round_not_found`)."""
    found = rounds_for(person).filter(pk=round_id).first()
    if found is None:
        raise NotFound("round_not_found", _("There is no such round, or it is not yours to see."))
    return found


def kinds_of(round_: LookbackRound) -> list[str]:
    """The kinds of entries that the round may hold."""
    return [round_.kind] if round_.kind else list(Kind.values)


def sees_whole(person: Person, round_: LookbackRound) -> bool:
    """Whether the whole frame lies in the person's sight; else they see their part of it."""
    return all(rights.may(person, SEES, round_.area, kind) for kind in kinds_of(round_))


def whole_round(person: Person, round_id: uuid.UUID) -> LookbackRound:
    """The round, for who may see all of its frame; else NotFound (`round_not_found`) or NotAllowed."""
    round_ = round_for(person, round_id)
    for kind in kinds_of(round_):
        rights.require(person, SEES, round_.area, kind)
    return round_


def may_close(person: Person, round_: LookbackRound) -> bool:
    """Whether the person answers for everything in the round, and it is open."""
    return round_.is_open and all(rights.may(person, DRAWS, round_.area, kind) for kind in kinds_of(round_))


def items_for(person: Person, round_: LookbackRound) -> QuerySet[LookbackItem]:
    """Those of the round's items whose entries the person may see, in the order of the draw."""
    items = LookbackItem.objects.filter(round=round_)
    if sees_whole(person, round_):
        return items
    return items.filter(_in_sight(person))


def _in_sight(person: Person) -> Q:
    return in_sight(person, place="entry__jurisdiction", unit="entry__responsible", category="entry__category")


def counts_of_rounds(
    person: Person, rounds: Iterable[LookbackRound]
) -> tuple[dict[uuid.UUID, int], dict[uuid.UUID, Counts]]:
    """How many were due in each round and how those drawn stand, of what the person may see, in two queries."""
    rounds = list(rounds)
    whole = Q(round__in=[one for one in rounds if sees_whole(person, one)])
    part = Q(round__in=[one for one in rounds if not sees_whole(person, one)])
    items = LookbackItem.objects.filter(whole | (part & _in_sight(person)))
    due = dict(items.order_by().values_list("round_id").annotate(n=Count("pk")))
    return due, counts_by_round(items.filter(drawn=True), [one.pk for one in rounds])


def strata_of(items: QuerySet[LookbackItem]) -> list[Stratum]:
    """The strata as they were drawn, by town, those that never came back first."""
    rows = (
        items.order_by("town", "again")
        .values_list("town", "again")
        .annotate(size=Count("pk"), chosen=Count("pk", filter=Q(drawn=True)))
    )
    return [Stratum(*row) for row in rows]


def end_of(day: date) -> datetime:
    """The last moment of a day by the office's clock."""
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time())) - timedelta(microseconds=1)


def frame_of(person: Person, area: str, due_on: date) -> QuerySet[Entry]:
    """Every entry that a round drawn by this person could hold: due in the area by the day, and in no open round."""
    kind = kind_for(person, area)
    frame = Entry.objects.filter(within("jurisdiction", [area]), lookback_due_at_now(end_of(due_on)))
    frame = frame.filter(~Exists(LookbackItem.objects.filter(entry=OuterRef("pk"), open=True)))
    return frame.filter(category__in=Category.objects.filter(kind=kind).order_by().values("pk")) if kind else frame


def kind_for(person: Person, area: str) -> str:
    """The one kind of entries for which the person may look back in the area; "" is every kind."""
    kinds = [kind for kind in Kind.values if rights.may(person, DRAWS, area, kind)]
    return kinds[0] if len(kinds) == 1 else ""


def frame_by_stratum(person: Person, area: str, due_on: date, size: int) -> list[Stratum]:
    """What a draw of that size would find and take, without drawing: the seed alone decides which entries.

    Where there are more strata than can be drawn, the seed decides which of them, and none is said to be.
    """
    frame = frame_of(person, area, due_on).order_by()
    rows = frame.values_list(Substr("responsible", 1, TOWN)).annotate(
        never=Count("pk", filter=~CAME_BACK), again=Count("pk", filter=CAME_BACK)
    )
    sizes = {(town, back): n for town, never, again in rows for back, n in ((False, never), (True, again)) if n}
    shares = allocate(sizes, size, dict.fromkeys(sizes, "")) if len(sizes) <= size else dict.fromkeys(sizes, 0)
    return [Stratum(*key, sizes[key], shares[key]) for key in sorted(sizes)]


@dataclass(frozen=True)
class Redrawn:
    """The sample computed anew from the frame and the seed that are kept."""

    same: bool
    drawing: Drawing


def redrawn(round_: LookbackRound) -> Redrawn:
    """Draw the round again from its stored frame and seed, and say whether the same entries come out."""
    items = LookbackItem.objects.filter(round=round_)
    rows = list(items.values_list("entry__number", "town", "again", "drawn"))
    drawing = draw([(number, town, again) for number, town, again, _drawn in rows], round_.size, round_.seed)
    stored = {number for number, _town, _again, drawn in rows if drawn}
    return Redrawn(round_.engine == ENGINE and set(drawing.numbers) == stored, drawing)


# ---- drawing and closing --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    round: LookbackRound
    fresh: bool
    """False: this id had been drawn before, and this is what came of it."""


@transaction.atomic
def draw_round(
    *,
    by: Person,
    now: datetime,
    at: str,
    size: int,
    due_on: date | None = None,
    name: str = "",
    seed: str = "",
    round_id: uuid.UUID | None = None,
) -> Drawn:
    """Draw `size` of what is due at a code by a day (default: today); the same id again gives the first answer.

    Raises NotAllowed, BadRound (`bad_size`, `bad_due_on`, `name_too_long`, `bad_seed`, `nothing_due`), BadCode, or
    Conflict (`round_id_taken`) for an id under which something else was drawn.
    """
    area = normalise_code(at, field="at")
    rights.require(by, DRAWS, area)
    given, name = due_on, _checked_name(name)
    due_on = check_day(due_on or timezone.localdate(now), now)
    if not 1 <= size <= MAX_SIZE:
        raise BadRound("bad_size", _("Draw between 1 and 2,000 entries."), field="size")
    seed = seed.strip()
    # It must come through a spreadsheet as it is: no sign of a formula at its head.
    if seed and not (len(seed) <= MAX_SEED and seed.isprintable() and seed[0].isalnum()):
        raise BadRound(
            "bad_seed", _("A seed has at most 64 characters and begins with a letter or a digit."), field="seed"
        )
    # One draw at a time: no entry lies in two open rounds, and the same id twice is one round.
    Counter.objects.select_for_update().get_or_create(key=LOCK)
    round_id = round_id or uuid.uuid4()
    before = LookbackRound.objects.filter(pk=round_id).first()
    if before:
        asked = (by.username, area, size, given or before.due_on, name, seed or before.seed)
        if asked != (before.drawn_by, before.area, before.size, before.due_on, before.name, before.seed):
            raise Conflict("round_id_taken", _("Another round was drawn under this id; take a new id."), field="id")
        return Drawn(before, fresh=False)
    # The seed is on the books before anything is read that it could be chosen for.
    drawn = LookbackRound.objects.create(
        id=round_id,
        number=_next_number(area, now),
        name=name,
        area=area,
        kind=kind_for(by, area),
        due_on=due_on,
        size=size,
        seed=seed or secrets.token_hex(16),
        engine=ENGINE,
        drawn_at=now,
        drawn_by=by.username,
    )
    taken = _write_items(drawn, frame_of(by, area, due_on))
    detail = {"area": area, "due": taken[0], "drawn": taken[1]}
    audit.record(
        by=by, now=now, action="draw_lookback", subject_type="lookback_round", subject_id=drawn.pk, detail=detail
    )
    return Drawn(drawn, fresh=True)


def _write_items(round_: LookbackRound, frame: QuerySet[Entry]) -> tuple[int, int]:
    """Keep the whole frame, each entry drawn or sampled out; how many are in it and how many were drawn."""
    # Locked, so that nobody's revisit of one of them falls between reading and writing.
    columns = ("pk", "number", "responsible", "cycle", "reopen_count")
    found = frame.select_for_update().order_by("pk").values_list(*columns)
    rows = [
        (key, number, unit[:TOWN], cycle > 1 or reopened > 0)
        for key, number, unit, cycle, reopened in found.iterator(chunk_size=10_000)
    ]
    if not rows:
        raise BadRound("nothing_due", _("Nothing is due for a look-back there by that day, or it is in a round."))
    drawing = draw([(number, town, again) for _key, number, town, again in rows], round_.size, round_.seed)
    chosen = set(drawing.numbers)
    rows.sort(key=lambda row: (row[2], row[3], digest(round_.seed, row[1])))
    LookbackItem.objects.bulk_create(
        [
            LookbackItem(round=round_, entry_id=key, town=town, again=again, drawn=number in chosen)
            for key, number, town, again in rows
        ],
        batch_size=5000,
    )
    return len(rows), len(chosen)


def _next_number(area: str, now: datetime) -> str:
    prefix = f"{area[: LENGTHS[0]]}-{timezone.localtime(now).year}"
    counter, _made = Counter.objects.select_for_update().get_or_create(key=f"{LOCK}:{prefix}")
    counter.value += 1
    counter.save()
    return f"{prefix}-R{counter.value:03d}"


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if len(name) > 80 or not is_plain(name):
        raise BadRound("name_too_long", _("A name has at most 80 characters."), field="name")
    return name


def check_day(day: date, now: datetime) -> date:
    """The day up to which a round asks what is due; raises BadRound (`bad_due_on`)."""
    if day.year < FIRST_YEAR or day > timezone.localdate(now) + LONGEST_AHEAD:
        raise BadRound("bad_due_on", _("Give a day from 1990 on and at most a year from now."), field="due_on")
    return day


@transaction.atomic
def close_round(*, by: Person, now: datetime, round_id: uuid.UUID, reason: str = "") -> LookbackRound:
    """Close a round: what was drawn and nobody went to becomes not inspected, each by a step in its own history.

    The reason is needed where there is such. Raises NotFound (`round_not_found`), NotAllowed, Conflict
    (`round_closed`), BadStep (`reason_missing`, `reason_too_long`).
    """
    seen = round_for(by, round_id)
    for kind in kinds_of(seen):
        rights.require(by, DRAWS, seen.area, kind)
    round_ = LookbackRound.objects.select_for_update().get(pk=seen.pk)
    if not round_.is_open:
        raise Conflict("round_closed", _("This round is closed already."))
    waiting = LookbackItem.objects.filter(round=round_, drawn=True, result="")
    # All of them in one order, so that two who close or draw at once cannot wait for one another.
    locked = Entry.objects.filter(pk__in=waiting.values("entry")).select_for_update().order_by("pk")
    left = [key for key, state in locked.values_list("pk", "state") if state == State.CLOSED]
    reason = reason_of(reason, "not_inspected" if left else "stands")
    for entry_id in left:
        mark_not_inspected(by=by, now=now, entry_id=entry_id, reason=reason)
    LookbackItem.objects.filter(round=round_).update(open=False)
    round_.closed_at, round_.closed_by, round_.close_reason = now, by.username, reason
    round_.save(update_fields=["closed_at", "closed_by", "close_reason"])
    detail = {"not_inspected": len(left)}
    audit.record(
        by=by, now=now, action="close_lookback", subject_type="lookback_round", subject_id=round_.pk, detail=detail
    )
    return round_


def unvisited(round_: LookbackRound) -> int:
    """How many would become not inspected if the round were closed now."""
    return LookbackItem.objects.filter(round=round_, drawn=True, result="", entry__state=State.CLOSED).count()
