"""Risk areas: declared, changed, lifted, each time under an order number of its own; and what anybody may read."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, NotFound
from duban.core.integrity import canonical, sha256
from duban.ledger.counters import count_up
from duban.outbreak.lists import AreaDraft, BadArea
from duban.outbreak.models import Declaration, Measure, RiskArea, Step
from duban.places import queries as places
from duban.places.codes import LENGTHS, covers, within

DECLARES = "area.declare"


@dataclass(frozen=True)
class Declared:
    declaration: Declaration
    fresh: bool
    """False: that is declared already, word for word, and the order is the one of then."""


# ---- reading --------------------------------------------------------------------------------------------------------


def published() -> QuerySet[Declaration]:
    """What anybody may read: the newest version of every area that is not lifted, the newest first."""
    return Declaration.objects.filter(latest=True).exclude(step=Step.LIFTED).order_by("-declared_at", "-pk")


def lifted() -> QuerySet[Declaration]:
    """Areas that are risk areas no more, the last lifted first."""
    return Declaration.objects.filter(latest=True, step=Step.LIFTED).order_by("-declared_at", "-pk")


def published_area(area_id: uuid.UUID) -> list[Declaration]:
    """All versions of an area, the newest first; else NotFound (`area_not_found`)."""
    found = list(Declaration.objects.filter(area=area_id).order_by("-version"))
    if not found:
        raise NotFound("area_not_found", _("There is no such risk area."))
    return found


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
    Raises NotAllowed (`not_allowed`).
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

    Raises NotFound (`area_not_found`), Conflict (`area_changed`).
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

    Raises NotFound (`area_not_found`), Conflict (`area_changed`, `area_lifted`), BadArea (`source_missing`).
    """
    area, last = _lock_latest(by, area_id, version)
    if last.step == Step.LIFTED:
        raise Conflict("area_lifted", _("This area is lifted already."))
    if not source.strip():
        raise BadArea("source_missing", _("Name the notice that lifts it."), field="source")
    end = max(last.starts_at, min(filter(None, (last.ends_at, ends_at or now))))
    draft = AreaDraft(
        key=area.key,
        name=last.name,
        level=last.level,
        measure=last.measure,
        starts_at=last.starts_at,
        ends_at=end,
        lookback_days=last.lookback_days,
        code=last.code,
        geometry=last.geometry,
        source=source.strip()[:500],
    )
    done = _version(by, now, area, last, draft, lift=True)
    _write(by, now, area.jurisdiction, [done.declaration])
    return done


def _lock_latest(by: Person, area_id: uuid.UUID, version: int) -> tuple[RiskArea, Declaration]:
    declaration_for(by, area_id)
    area = RiskArea.objects.select_for_update().get(pk=area_id)
    last = Declaration.objects.get(area=area, latest=True)
    if last.version != version:
        raise Conflict("area_changed", _("Somebody declared another version meanwhile; look at it first."))
    return area, last


def _version(
    by: Person, now: datetime, area: RiskArea, last: Declaration | None, draft: AreaDraft, *, lift: bool = False
) -> Declared:
    """The version that this makes of the area, not yet written; the last one where nothing is new."""
    digest = sha256(canonical(_content(draft)))
    if last is not None and not lift and last.digest == digest and last.step != Step.LIFTED:
        return Declared(last, False)
    declaration = Declaration(
        area=area,
        version=last.version + 1 if last is not None else 1,
        step=Step.LIFTED if lift else Step.CHANGED if last is not None else Step.DECLARED,
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
