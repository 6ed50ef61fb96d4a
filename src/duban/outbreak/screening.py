"""Who was in the risk areas: asked of the store, looked at before anything is kept, then kept with its ground."""

import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import shapely
from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.text import is_plain
from duban.engines.screen import ARROW, Area, Areas, Screened, ScreenError, screen
from duban.outbreak import store
from duban.outbreak.areas import in_force, in_place_of
from duban.outbreak.counts import count_once
from duban.outbreak.merging import aliases_digest, one_person_each, output_digest
from duban.outbreak.models import Declaration, Found, FoundExposure, Ground, Measure, RiskArea, Screening
from duban.outbreak.towns import RUNS, others_than, towns_of
from duban.places.codes import covers, within

COUNTS = "screening.count"
MAX_PURPOSE = 300
MAX_KEPT = 200_000
Progress = Callable[[str, int, int], None]


class BadScreening(DubanError):
    pass


def no_progress(_step: str, _done: int, _total: int) -> None:
    """For who does not watch."""


# ---- asking the engine ----------------------------------------------------------------------------------------------


@contextmanager
def refusing() -> Iterator[None]:
    """What the engine refuses, as a refusal of ours with its code."""
    try:
        yield
    except ScreenError as error:
        row = None if error.row is None else error.row + 1
        raise BadScreening(error.code, str(error), row=row) from error


def areas_of(declarations: Iterable[Declaration], *, names: Mapping[int, str] | None = None) -> Areas:
    """The areas as the engine takes them; each is known by the number of its order, or by its name in `names`."""
    with refusing():
        return Areas(
            tuple(
                Area(
                    id=(names or {}).get(one.pk, one.number),
                    name=one.name,
                    level=one.level,
                    measure=one.measure,
                    start=one.starts_at,
                    end=one.ends_at,
                    lookback_days=one.lookback_days,
                    shape=shapely.geometry.shape(one.geometry) if one.geometry else None,
                    code=one.code,
                )
                for one in declarations
            )
        )


def screen_store(areas: Areas, *, now: datetime, engine: str = ARROW) -> Screened:
    """Everybody of the store who was in the areas, each person under one token however many names they gave.

    Raises BadScreening with the engine's code.
    """
    with refusing(), store.reading() as there:
        found = screen(there, areas, now=now, engine=engine, master=settings.DUBAN_SPARK_MASTER)
        aliases = aliases_digest()
    assert found.per_area is not None
    per_area, per_person = one_person_each(found.per_area)
    return Screened(
        engine=found.engine,
        version=found.version,
        inputs=found.inputs | {"aliases": aliases},
        rows=found.rows,
        rows_held=found.rows_held,
        rejects=found.rejects,
        exposures=per_area.num_rows,
        people=per_person.num_rows,
        per_area=per_area,
        per_person=per_person,
        rejected=found.rejected,
    )


# ---- before anything is kept ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preview:
    """How many, from where, and what they would have to do; nothing of it is kept."""

    orders: list[str]
    as_of: datetime
    people: int
    rows: int
    towns: list[tuple[str, int]]
    """(code, people), the most first."""
    measures: dict[str, int]
    elsewhere: bool
    """There are others too, whom their own health officers list."""
    digest: str
    """Of what was found, theirs included: a confirmation of anything else is refused."""


def preview_screening(
    *, by: Person, now: datetime, orders: Sequence[str], engine: str = ARROW, progress: Progress = no_progress
) -> Preview:
    """What a screening for these orders would find. The look is noted, what it saw is not kept.

    Raises NotFound (`order_not_found`), BadScreening.
    """
    declarations = orders_for(by, orders)
    found, towns = _find(declarations, now, engine, progress)
    assert found.per_area is not None
    assert found.per_person is not None
    audit.record(
        by=by,
        now=now,
        action="preview_screening",
        subject_type="screening",
        subject_id=declarations[0].number,
        detail={"orders": [one.number for one in declarations]},
    )
    return Preview(
        orders=[one.number for one in declarations],
        as_of=now,
        people=len(towns),
        rows=found.rows_held,
        towns=sorted(Counter(towns.values()).items(), key=lambda pair: (-pair[1], pair[0])),
        measures=dict(Counter(row["measure"] for row in found.per_person.to_pylist() if row["person"] in towns)),
        elsewhere=len(towns) < found.people,
        digest=output_digest(found.per_area),
    )


def orders_for(person: Person, numbers: Sequence[str]) -> list[Declaration]:
    """The declarations of one office that the person may screen for, in the order of their numbers.

    Raises NotFound (`order_not_found`): there is none such, it is superseded or lifted, or another office's; Conflict
    (`order_split`).
    """
    place = within("area__jurisdiction", rights.codes(person, RUNS))
    asked = Declaration.objects.filter(place, number__in=set(numbers))
    _refuse_split(asked)
    declarations = list(in_force(asked).select_related("area").order_by("number"))
    offices = {one.area.jurisdiction for one in declarations}
    if not numbers or len(declarations) != len(set(numbers)) or len(offices) != 1:
        raise NotFound("order_not_found", _("There is no such order in force, or another office gave it."))
    return declarations


def _refuse_split(asked: QuerySet[Declaration]) -> None:
    split = asked.filter(area__in=RiskArea.objects.filter(parts__isnull=False)).order_by("number").first()
    if split is not None:
        orders = ", ".join(one.number for one in in_place_of([split.area_id])) or "–"
        raise Conflict(
            "order_split",
            _("The area of order %(number)s was split; screen for what is in force in its place: %(orders)s.")
            % {"number": split.number, "orders": orders},
        )


def _find(
    declarations: Sequence[Declaration], now: datetime, engine: str, progress: Progress
) -> tuple[Screened, dict[str, str]]:
    """All that the engine found, and by person the town of those who are the office's to list."""
    progress("screening", 0, 0)
    found = screen_store(areas_of(declarations), now=now, engine=engine)
    assert found.per_person is not None
    progress("towns", 0, 0)
    office = declarations[0].area.jurisdiction
    towns = towns_of(found.per_person["person"].to_pylist(), office)
    others = others_than(office, towns.values())
    return found, {person: town for person, town in towns.items() if town not in others}


# ---- keeping --------------------------------------------------------------------------------------------------------


def checked_purpose(ground: str, purpose: str) -> str:
    """The purpose, stripped; raises BadScreening (`ground_missing`, `purpose_missing`)."""
    if ground not in Ground.values:
        raise BadScreening("ground_missing", _("Say on what ground: choose one of the list."), field="ground")
    text = purpose.strip()
    if not 4 <= len(text) <= MAX_PURPOSE or not is_plain(text):
        raise BadScreening("purpose_missing", _("Say to what end, in 4 to 300 characters."), field="purpose")
    if re.search(r"\d(?:[\s-]*\d){6,}", text):
        raise BadScreening(
            "purpose_with_number", _("No telephone or ID number belongs in the purpose."), field="purpose"
        )
    return text


def keep_screening(
    *,
    by: Person,
    now: datetime,
    orders: Sequence[str],
    as_of: datetime,
    digest: str,
    ground: str,
    purpose: str,
    engine: str = ARROW,
    screening_id: uuid.UUID | None = None,
    progress: Progress = no_progress,
) -> Screening:
    """Keep what a preview as of `as_of` showed: each person found, why, what they must do and which town's they are.

    The same id again gives the first answer. Raises NotFound (`order_not_found`), BadScreening (`ground_missing`,
    `purpose_missing`, `too_many_found`), Conflict (`preview_changed`).
    """
    key = screening_id or uuid.uuid4()
    known = screenings_for(by).filter(pk=key).first()
    if known is not None:
        return known
    text = checked_purpose(ground, purpose)
    declarations = orders_for(by, orders)
    found, towns = _find(declarations, as_of, engine, progress)
    assert found.per_area is not None
    assert found.per_person is not None
    if output_digest(found.per_area) != digest:
        raise Conflict(
            "preview_changed", _("Other presences came in, or went, since the preview; look at the numbers again.")
        )
    if len(towns) > MAX_KEPT:
        raise BadScreening(
            "too_many_found", _("More than 200,000 people: an area or its window is too wide to follow each of them.")
        )
    progress("keeping", 0, len(towns))
    screening = Screening(
        id=key,
        jurisdiction=declarations[0].area.jurisdiction,
        orders=[one.number for one in declarations],
        ground=ground,
        purpose=text,
        engine=found.engine,
        engine_version=found.version,
        inputs=found.inputs | {"as_of": as_of.astimezone(UTC).isoformat()},
        output_digest=digest,
        presences=found.rows_held,
        people=len(towns),
        made_by=by.as_actor(),
        made_at=now,
    )
    _write(by, now, screening, found, towns)
    return screening


@transaction.atomic
def _write(by: Person, now: datetime, screening: Screening, found: Screened, towns: Mapping[str, str]) -> None:
    assert found.per_area is not None
    assert found.per_person is not None
    screening.told, counted = count_once(towns)
    screening.save(force_insert=True)
    people = [
        Found(
            screening=screening,
            person=row["person"],
            town=towns[row["person"]],
            measure=row["measure"],
            order=row["area"],
            areas=row["areas"],
            last=_aware(row["last"]),
            counted=row["person"] in counted,
        )
        for row in found.per_person.to_pylist()
        if row["person"] in towns
    ]
    Found.objects.bulk_create(people, batch_size=500)
    of = {one.person: one for one in people}
    exposures = (
        FoundExposure(
            found=of[row["person"]],
            order=row["area"],
            first=_aware(row["first"]),
            last=_aware(row["last"]),
            visits=row["visits"],
            minutes=row["minutes"],
        )
        for row in found.per_area.to_pylist()
        if row["person"] in of
    )
    FoundExposure.objects.bulk_create(exposures, batch_size=500)
    audit.record(
        by=by,
        now=now,
        action="keep_screening",
        subject_type="screening",
        subject_id=screening.pk,
        detail={"orders": screening.orders, "ground": screening.ground, "people": screening.people},
    )


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


@transaction.atomic
def hand_to_towns(*, by: Person, now: datetime, screening_id: uuid.UUID) -> Screening:
    """From here on the health officers of the towns see those of theirs. A second time changes nothing.

    Raises NotFound (`screening_not_found`).
    """
    screening = own_screening(by, screening_id, lock=True)
    if screening.handed_at is None:
        screening.handed_at = now
        screening.save(update_fields=["handed_at"])
        audit.record(by=by, now=now, action="hand_to_towns", subject_type="screening", subject_id=screening.pk)
    return screening


def reproduces(screening: Screening) -> bool:
    """Whether the orders, the store and the aliases of now still give what was kept, to the last row."""
    declarations = list(Declaration.objects.filter(number__in=screening.orders).order_by("number"))
    as_of = datetime.fromisoformat(screening.inputs["as_of"])
    found = screen_store(areas_of(declarations), now=as_of, engine=screening.engine)
    assert found.per_area is not None
    return output_digest(found.per_area) == screening.output_digest


# ---- reading --------------------------------------------------------------------------------------------------------


def screenings_for(person: Person) -> QuerySet[Screening]:
    """Those of the person's office and, for the health officers of a town, those that were handed to it."""
    scope = rights.codes(person, RUNS)
    of_town = Found.objects.filter(within("town", scope), screening__handed_at__isnull=False).values("screening")
    mine = within("jurisdiction", rights.codes(person, COUNTS))
    return Screening.objects.filter(mine | Q(pk__in=of_town)).order_by("-made_at", "pk")


def screening_for(person: Person, screening_id: uuid.UUID) -> Screening:
    """One of them, else NotFound (`screening_not_found`)."""
    found = screenings_for(person).filter(pk=screening_id).first()
    if found is None:
        raise _not_found()
    return found


def own_screening(person: Person, screening_id: uuid.UUID, *, lock: bool = False) -> Screening:
    """One that the person's own office made, else NotFound (`screening_not_found`)."""
    screenings = Screening.objects.filter(within("jurisdiction", rights.codes(person, RUNS)), pk=screening_id)
    found = (screenings.select_for_update() if lock else screenings).first()
    if found is None:
        raise _not_found()
    return found


def _not_found() -> NotFound:
    return NotFound("screening_not_found", _("There is no such screening, or it is not yours to see."))


def found_for(person: Person, screening: Screening) -> QuerySet[Found]:
    """The people of a screening that the person may see: the office's officers all, a town's those of the town."""
    scope = rights.codes(person, RUNS)
    found = Found.objects.filter(screening=screening).order_by("town", "pk")
    if covers(scope, screening.jurisdiction):
        return found
    if screening.handed_at is None:
        return found.none()
    return found.filter(within("town", scope))


def sees_people(person: Person, screening: Screening) -> bool:
    """Whether the person is a health officer of the office, or of a town that was given its list."""
    scope = rights.codes(person, RUNS)
    if covers(scope, screening.jurisdiction):
        return True
    return bool(scope) and found_for(person, screening).exists()


def require_officer(person: Person, screening: Screening) -> None:
    """Raises NotFound (`screening_not_found`) unless the person is a health officer who sees people of it."""
    if not sees_people(person, screening):
        raise _not_found()


def page_of(found: QuerySet[Found], after: uuid.UUID | None, size: int) -> tuple[list[Found], bool]:
    """Some people in the order of the list, from the one after this key on, and whether there are more."""
    last = found.filter(pk=after).first() if after is not None else None
    if last is not None:
        found = found.filter(town__gte=last.town).exclude(town=last.town, pk__lte=last.pk)
    people = list(found[: size + 1])
    return people[:size], len(people) > size


@dataclass(frozen=True)
class Counts:
    """People by town and by measure."""

    towns: list[tuple[str, int]]
    measures: list[tuple[str, int]]
    total: int | None
    complete: bool
    """False: what others than health officers are told, of each town those whom no earlier number holds."""


def counts_for(person: Person, screening: Screening) -> Counts:
    """The numbers that the person may see: a health officer those of their area, others what is told to everybody."""
    seen = found_for(person, screening)
    knows_all = covers(rights.codes(person, RUNS), screening.jurisdiction)
    if knows_all or not covers(rights.codes(person, COUNTS), screening.jurisdiction):
        return _counted(seen)
    told = sorted(screening.told.items(), key=lambda pair: (-pair[1], pair[0]))
    return Counts(told, [], None, False)


def _counted(found: QuerySet[Found]) -> Counts:
    bare = found.order_by()
    towns = list(bare.values_list("town").annotate(number=Count("pk")).order_by("-number", "town"))
    by_measure = dict(bare.values_list("measure").annotate(number=Count("pk")))
    measures = [(measure.value, by_measure[measure]) for measure in Measure if measure in by_measure]
    return Counts(towns, measures, sum(number for _town, number in towns), True)
