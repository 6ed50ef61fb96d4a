"""Risk areas: declared, changed, lifted, split, each time under an order number of its own; what anybody may read."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, NotFound
from duban.core.integrity import canonical, sha256
from duban.ledger.counters import count_up
from duban.outbreak.lists import AreaDraft, BadArea, Defaults
from duban.outbreak.models import Declaration, Measure, RiskArea, Step
from duban.places import queries as places
from duban.places.codes import LENGTHS, covers, within

DECLARES = "area.declare"
ENDED = (Step.LIFTED, Step.SPLIT)
MAX_PARTS = 500


@dataclass(frozen=True)
class Declared:
    declaration: Declaration
    fresh: bool
    """False: that is declared already, word for word, and the order is the one of then."""


# ---- reading --------------------------------------------------------------------------------------------------------


def published() -> QuerySet[Declaration]:
    """What anybody may read: the newest version of every area that is in force, the newest first."""
    return in_force(Declaration.objects.all()).select_related("area").order_by("-declared_at", "-pk")


def in_force(declarations: QuerySet[Declaration]) -> QuerySet[Declaration]:
    """Those that are the newest of their areas and neither lifted nor split."""
    return declarations.filter(latest=True).exclude(step__in=ENDED)


def in_force_by(declarations: QuerySet[Declaration], moment: datetime) -> QuerySet[Declaration]:
    """Those that were in force at a moment: the newest declared before it of their areas, neither lifted nor split."""
    later = Declaration.objects.filter(area=OuterRef("area"), version__gt=OuterRef("version"), declared_at__lt=moment)
    return declarations.filter(~Exists(later), declared_at__lt=moment).exclude(step__in=ENDED)


def ended() -> QuerySet[Declaration]:
    """Areas that are lifted, or that their parts took the place of, the last first."""
    found = Declaration.objects.filter(latest=True, step__in=ENDED).select_related("area")
    return found.order_by("-declared_at", "-pk")


def published_area(area_id: uuid.UUID) -> list[Declaration]:
    """All versions of an area, the newest first; else NotFound (`area_not_found`)."""
    found = list(Declaration.objects.filter(area=area_id).select_related("area").order_by("-version"))
    if not found:
        raise NotFound("area_not_found", _("There is no such risk area."))
    return found


def newest_of(area_ids: Iterable[uuid.UUID]) -> list[Declaration]:
    """The newest version of each of the areas, by order number."""
    return list(Declaration.objects.filter(area__in=set(area_ids), latest=True).order_by("number"))


def parts_of(area_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Declaration]]:
    """For each area that was split the newest versions of its parts, by order number."""
    found: dict[uuid.UUID, list[Declaration]] = {}
    parts = Declaration.objects.filter(area__part_of__in=set(area_ids), latest=True).select_related("area")
    for part in parts.order_by("number"):
        assert part.area.part_of_id is not None
        found.setdefault(part.area.part_of_id, []).append(part)
    return found


def in_place_of(area_ids: Iterable[uuid.UUID]) -> list[Declaration]:
    """What is in force where the areas were, through as many splits as there were, by order number."""
    found: list[Declaration] = []
    asked = set(area_ids)
    while asked:
        parts = [part for those in parts_of(asked).values() for part in those]
        found += [part for part in parts if part.step not in ENDED]
        asked = {part.area_id for part in parts if part.step == Step.SPLIT}
    return sorted(found, key=lambda part: part.number)


def declarations_for(person: Person) -> QuerySet[Declaration]:
    """The newest version of every area that the person's office declared."""
    place = within("area__jurisdiction", rights.codes(person, DECLARES))
    return Declaration.objects.filter(place, latest=True).select_related("area").order_by("-declared_at", "-pk")


def declaration_for(person: Person, area_id: uuid.UUID) -> Declaration:
    """The newest version of an area of the person's office, else NotFound (`area_not_found`)."""
    found = declarations_for(person).filter(area=area_id).first()
    if found is None:
        raise NotFound("area_not_found", _("There is no such risk area, or another office declared it."))
    return found


def place_words(declarations: Iterable[Declaration]) -> dict[str, str]:
    """The listed names of the codes that stand for places."""
    return places.names({one.code for one in declarations if one.code})


def feature_of(declaration: Declaration) -> dict[str, Any]:
    """A risk area as the contract's GeoJSON has it, with its order and version."""
    return {
        "type": "Feature",
        "id": str(declaration.area_id),
        "geometry": declaration.geometry,
        "properties": {
            "id": str(declaration.area_id),
            "name": declaration.name,
            "level": declaration.level,
            "from": timezone.localtime(declaration.starts_at).isoformat(),
            "to": timezone.localtime(declaration.ends_at).isoformat() if declaration.ends_at else None,
            "lookback_days": declaration.lookback_days,
            "measure": declaration.measure,
            "code": declaration.code or None,
            "order": declaration.number,
            "version": declaration.version,
            "source": declaration.source,
            "part_of": str(declaration.area.part_of_id) if declaration.area.part_of_id else None,
        },
    }


# ---- declaring ------------------------------------------------------------------------------------------------------


def office_of(person: Person, at: str = "") -> str:
    """The code at which the person declares: `at`, or the widest of theirs. Raises NotAllowed (`not_allowed`)."""
    codes = rights.codes(person, DECLARES)
    if (at and not covers(codes, at)) or not codes:
        rights.require(person, DECLARES, at)
    return at or min(codes, key=lambda code: (len(code), code))


@transaction.atomic
def declare_areas(*, by: Person, now: datetime, drafts: Sequence[AreaDraft], at: str = "") -> list[Declared]:
    """Declare the areas, all or none, each under an order number; one known by its id becomes a new version.

    Areas may lie anywhere. What is declared already in the same words keeps its order. `at` is the office's code.
    Raises NotAllowed (`not_allowed`), Conflict (`area_split`).
    """
    office = office_of(by, at)
    known = {area.key: area for area in _lock_areas(office, [draft.key for draft in drafts])}
    latest = {one.area_id: one for one in Declaration.objects.filter(area__in=known.values(), latest=True)}
    new = [RiskArea(key=draft.key, jurisdiction=office) for draft in drafts if draft.key not in known]
    RiskArea.objects.bulk_create(new, batch_size=500)
    known |= {area.key: area for area in new}
    done = [_version(by, now, known[draft.key], latest.get(known[draft.key].pk), draft) for draft in drafts]
    _write(by, now, office, [one.declaration for one in done if one.fresh])
    return done


def _lock_areas(office: str, keys: Sequence[str]) -> list[RiskArea]:
    found: list[RiskArea] = []
    for start in range(0, len(keys), 500):
        batch = keys[start : start + 500]
        found += RiskArea.objects.select_for_update().filter(jurisdiction=office, key__in=batch).order_by("key")
    return found


@transaction.atomic
def change_area(*, by: Person, now: datetime, area_id: uuid.UUID, draft: AreaDraft, version: int) -> Declared:
    """A new version of an area: up, down, another window, another outline. `version` is the one that was looked at.

    Raises NotFound (`area_not_found`), Conflict (`area_changed`, `area_split`).
    """
    area, last = _lock_latest(by, area_id, version)
    done = _version(by, now, area, last, draft)
    _write(by, now, area.jurisdiction, [done.declaration] if done.fresh else [])
    return done


@transaction.atomic
def lift_area(
    *, by: Person, now: datetime, area_id: uuid.UUID, version: int, source: str, ends_at: datetime | None = None
) -> Declared:
    """The area is a risk area no more: its window ends at `ends_at`, or now; who was there before still was.

    Raises NotFound (`area_not_found`), Conflict (`area_changed`, `area_lifted`, `area_split`), BadArea
    (`source_missing`).
    """
    area, last = _lock_latest(by, area_id, version)
    if last.step == Step.LIFTED:
        raise Conflict("area_lifted", _("This area is lifted already."))
    if not source.strip():
        raise BadArea("source_missing", _("Name the notice that lifts it."), field="source")
    done = _version(by, now, area, last, _ending(last, ends_at or now, source), end=Step.LIFTED)
    _write(by, now, area.jurisdiction, [done.declaration])
    return done


def _ending(last: Declaration, moment: datetime, source: str) -> AreaDraft:
    """What was declared, with a window that ends at the moment, or as it starts, or when it ended before."""
    end = max(last.starts_at, min(filter(None, (last.ends_at, moment))))
    return replace(as_draft(last), ends_at=end, source=source.strip()[:500])


@transaction.atomic
def split_area(
    *, by: Person, now: datetime, area_id: uuid.UUID, version: int, parts: Sequence[AreaDraft], source: str
) -> list[Declaration]:
    """The parts take the area's place, each an area of its own under an order number of its own; returns them.

    The area is in force no more. Who was there is found through the parts, which say what they come from. Raises
    NotFound (`area_not_found`), Conflict (`area_changed`, `area_lifted`, `area_split`), BadArea (`source_missing`,
    `too_few_parts`, `too_many_parts`, `area_twice`).
    """
    area, last = _lock_latest(by, area_id, version)
    if last.step == Step.LIFTED:
        raise Conflict("area_lifted", _("This area is lifted already."))
    if not source.strip():
        raise BadArea("source_missing", _("Name the notice that splits it."), field="source")
    _check_parts(area, parts)
    made = [RiskArea(key=part.key, jurisdiction=area.jurisdiction, part_of=area) for part in parts]
    RiskArea.objects.bulk_create(made, batch_size=500)
    ending = _version(by, now, area, last, _ending(last, now, source), end=Step.SPLIT).declaration
    begun = [_version(by, now, one, None, part).declaration for one, part in zip(made, parts, strict=True)]
    _write(by, now, area.jurisdiction, [ending, *begun])
    return begun


def _check_parts(area: RiskArea, parts: Sequence[AreaDraft]) -> None:
    if len(parts) < 2:
        raise BadArea("too_few_parts", _("An area is split into two parts at least; to make it smaller, change it."))
    if len(parts) > MAX_PARTS:
        raise BadArea("too_many_parts", _("At most %(most)d parts.") % {"most": MAX_PARTS})
    taken = {one.key for one in _lock_areas(area.jurisdiction, [part.key for part in parts])}
    for part in parts:
        if part.key in taken:
            raise BadArea(
                "area_twice", _("The id “%(key)s” is there twice.") % {"key": part.key[:60]}, field="id", row=part.row
            )
        taken.add(part.key)


def defaults_of(last: Declaration, source: str) -> Defaults:
    """What a part is, where it does not say otherwise."""
    return Defaults(
        starts=last.starts_at.isoformat(),
        ends=last.ends_at.isoformat() if last.ends_at else "",
        lookback_days=str(last.lookback_days),
        measure=last.measure,
        level=last.level,
        source=source.strip(),
    )


def as_draft(declaration: Declaration) -> AreaDraft:
    """What a version says, to be declared again with something changed."""
    return AreaDraft(
        key=declaration.area.key,
        name=declaration.name,
        level=declaration.level,
        measure=declaration.measure,
        starts_at=declaration.starts_at,
        ends_at=declaration.ends_at,
        lookback_days=declaration.lookback_days,
        code=declaration.code,
        geometry=declaration.geometry,
        source=declaration.source,
    )


def _lock_latest(by: Person, area_id: uuid.UUID, version: int) -> tuple[RiskArea, Declaration]:
    declaration_for(by, area_id)
    area = RiskArea.objects.select_for_update().get(pk=area_id)
    last = Declaration.objects.select_related("area").get(area=area, latest=True)
    if last.version != version:
        raise Conflict("area_changed", _("Somebody declared another version meanwhile; look at it first."))
    return area, last


def _version(
    by: Person, now: datetime, area: RiskArea, last: Declaration | None, draft: AreaDraft, *, end: Step | None = None
) -> Declared:
    """The version that this makes of the area, not yet written; the last one where nothing is new."""
    if last is not None and last.step == Step.SPLIT:
        raise Conflict("area_split", _split_words(last))
    digest = sha256(canonical(_content(draft)))
    if last is not None and end is None and last.digest == digest and last.step != Step.LIFTED:
        return Declared(last, False)
    declaration = Declaration(
        area=area,
        version=last.version + 1 if last is not None else 1,
        step=end or (Step.CHANGED if last is not None else Step.DECLARED),
        latest=True,
        name=draft.name,
        level=draft.level,
        measure=Measure(draft.measure),
        code=draft.code,
        geometry=draft.geometry,
        starts_at=draft.starts_at,
        ends_at=draft.ends_at,
        lookback_days=draft.lookback_days,
        source=draft.source,
        digest=digest,
        declared_by=by.as_actor(),
        declared_at=now,
    )
    return Declared(declaration, True)


def _split_words(last: Declaration) -> str:
    orders = ", ".join(part.number for part in in_place_of([last.area_id])) or "–"
    return _("“%(name)s” was split; what is in force in its place: %(orders)s.") % {"name": last.name, "orders": orders}


def _write(by: Person, now: datetime, office: str, declarations: Sequence[Declaration]) -> None:
    """Number the new versions in their order, put them in the place of the last ones, and note it."""
    if not declarations:
        return
    county, year = office[: LENGTHS[0]], timezone.localtime(now).year
    # An S, so that nobody takes it for the number of an entry.
    serial = count_up(f"order:{county}:{year}", len(declarations)) - len(declarations)
    for offset, declaration in enumerate(declarations, start=1):
        declaration.number = f"{county}-{year}-S{serial + offset:04d}"
    superseded = [declaration.area_id for declaration in declarations if declaration.version > 1]
    for start in range(0, len(superseded), 500):
        Declaration.objects.filter(area__in=superseded[start : start + 500], latest=True).update(latest=False)
    Declaration.objects.bulk_create(declarations, batch_size=200)
    for declaration in declarations:
        audit.record(
            by=by,
            now=now,
            action=f"area_{declaration.step}",
            subject_type="risk_area",
            subject_id=declaration.area_id,
            detail={"order": declaration.number, "version": declaration.version},
        )


def _content(draft: AreaDraft) -> dict[str, Any]:
    """What makes two declarations the same."""
    return {
        "name": draft.name,
        "level": draft.level,
        "measure": draft.measure,
        "code": draft.code,
        "geometry": draft.geometry,
        "from": draft.starts_at.timestamp(),
        "to": draft.ends_at.timestamp() if draft.ends_at else None,
        "lookback_days": draft.lookback_days,
        "source": draft.source,
    }
