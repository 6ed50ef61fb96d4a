"""How often venues of a type are sampled, by the level in force there. Levels are published, never computed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import DubanError
from duban.core.words import checked_words
from duban.outbreak.models import LevelInForce, SamplingFrequency
from duban.places.codes import ancestors, normalise_code, within
from duban.venues.models import VenueType

PLANS = "sampling.plan"
SEES = "sampling.see"
REFERENCE = Path(__file__).parent.parent / "reference" / "sampling.json"
LEVELS: dict[str, Promise] = {
    "low": pgettext_lazy("level in force", "low"),
    "medium": pgettext_lazy("level in force", "medium"),
    "high": pgettext_lazy("level in force", "high"),
}
LONGEST = 60
MAX_SURFACES = 200


class BadSampling(DubanError):
    pass


@dataclass(frozen=True)
class Frequency:
    """One version: every so many days, a share of the staff in percent, so many swabs of surfaces."""

    office: str
    kind: str
    level: str
    since: date
    every_days: int
    staff_percent: int
    surfaces: int


def load_frequencies() -> None:
    """Bring the built-in frequencies in; a second time changes nothing."""
    told = json.loads(REFERENCE.read_text(encoding="utf-8"))
    there = set(VenueType.objects.values_list("key", flat=True))
    rows = [
        SamplingFrequency(
            kind_id=row["kind"],
            level=level,
            since=date.fromisoformat(row["since"]),
            every_days=row[level][0],
            staff_percent=row[level][1],
            surfaces=row[level][2],
            source=told["source"],
        )
        for row in told["frequencies"]
        for level in LEVELS
        if row["kind"] in there
    ]
    SamplingFrequency.objects.bulk_create(rows, ignore_conflicts=True)


# ---- what holds -----------------------------------------------------------------------------------------------------


class InForce:
    """Frequencies and levels on one day, looked up by code: the finest office that fits, then the newest."""

    def __init__(self, on: date):
        self.frequencies: dict[tuple[str, str, str], Frequency] = {}
        for row in SamplingFrequency.objects.filter(since__lte=on).order_by("since"):
            self.frequencies[row.kind_id, row.level, row.office] = _frequency(row)
        self.levels: dict[str, str] = {}
        for level in LevelInForce.objects.filter(since__lte=on).order_by("since"):
            self.levels[level.code] = level.level

    def level_at(self, code: str) -> str:
        """The level of the finest area around the code that has one; low where none was ever put in force."""
        around = [code, *reversed(ancestors(code))]
        return next((self.levels[one] for one in around if one in self.levels), "low")

    def for_venue(self, kind: str, code: str) -> Frequency | None:
        """None: venues of this type are not sampled there."""
        level = self.level_at(code)
        offices = [code, *reversed(ancestors(code)), ""]
        return next(
            (self.frequencies[kind, level, one] for one in offices if (kind, level, one) in self.frequencies), None
        )

    @property
    def kinds(self) -> set[str]:
        return {kind for kind, _level, _office in self.frequencies}


def _frequency(row: SamplingFrequency) -> Frequency:
    return Frequency(row.office, row.kind_id, row.level, row.since, row.every_days, row.staff_percent, row.surfaces)


def frequencies_for(person: Person) -> QuerySet[SamplingFrequency]:
    """The built-in ones, those of the person's codes and of what lies around them."""
    codes = rights.codes(person, SEES)
    rows = SamplingFrequency.objects.filter(Q(office="") | _around("office", codes)).select_related("kind")
    return rows.order_by("kind__position", "kind", "level", "-since", "office")


def levels_for(person: Person) -> QuerySet[LevelInForce]:
    """The newest first."""
    return LevelInForce.objects.filter(_around("code", rights.codes(person, SEES))).order_by("-since", "code")


def _around(field: str, codes: Sequence[str]) -> Q:
    above = {one for code in codes for one in ancestors(code)}
    return within(field, codes) | Q(**{f"{field}__in": above})


# ---- changing it ----------------------------------------------------------------------------------------------------


@transaction.atomic
def set_frequency(*, by: Person, now: datetime, draft: Frequency, source: str) -> SamplingFrequency:
    """Another version for one office; the same again changes nothing.

    Raises NotAllowed, BadCode, BadSampling (`unknown_venue_type`, `unknown_level`, `bad_frequency`, `source_missing`,
    `frequency_taken`).
    """
    office = normalise_code(draft.office, field="office")
    rights.require(by, PLANS, office)
    if not VenueType.objects.filter(key=draft.kind).exists():
        raise BadSampling("unknown_venue_type", _("Choose a type of venue."), field="kind")
    _checked_level(draft.level)
    if not (1 <= draft.every_days <= LONGEST and 0 <= draft.staff_percent <= 100):
        raise BadSampling(
            "bad_frequency", _("Every 1 to 60 days, and 0 to 100 per cent of the staff."), field="every_days"
        )
    if not 0 <= draft.surfaces <= MAX_SURFACES or not (draft.staff_percent or draft.surfaces):
        raise BadSampling("bad_frequency", _("Sample people or surfaces, at most 200 swabs."), field="surfaces")
    facts = {
        "every_days": draft.every_days,
        "staff_percent": draft.staff_percent,
        "surfaces": draft.surfaces,
        "source": checked_words(source, "source", 300, error=BadSampling, code="source_missing", needed=True),
    }
    found, made = SamplingFrequency.objects.get_or_create(
        office=office, kind_id=draft.kind, level=draft.level, since=draft.since, defaults=facts
    )
    if not made and any(getattr(found, name) != value for name, value in facts.items()):
        raise BadSampling(
            "frequency_taken", _("Another version holds from this day already; choose a later one."), field="since"
        )
    if made:
        _audit(by, now, "set_frequency", found, kind=draft.kind, level=draft.level)
    return found


@transaction.atomic
def put_level_in_force(*, by: Person, now: datetime, code: str, level: str, since: date, source: str) -> LevelInForce:
    """The level that a notice published for an area from a day on; the same again changes nothing.

    Raises NotAllowed, BadCode, BadSampling (`unknown_level`, `source_missing`, `level_taken`).
    """
    area = normalise_code(code, field="code")
    rights.require(by, PLANS, area)
    _checked_level(level)
    words = checked_words(source, "source", 300, error=BadSampling, code="source_missing", needed=True)
    found, made = LevelInForce.objects.get_or_create(
        code=area, since=since, defaults={"level": level, "source": words, "by": by.as_actor()}
    )
    if not made and found.level != level:
        raise BadSampling("level_taken", _("Another level is in force there from this day already."), field="since")
    if made:
        _audit(by, now, "put_level_in_force", found, code=area, level=level)
    return found


def _checked_level(level: str) -> None:
    if level not in LEVELS:
        raise BadSampling("unknown_level", _("The level is low, medium or high, as published."), field="level")


def _audit(by: Person, now: datetime, action: str, subject: SamplingFrequency | LevelInForce, **detail: str) -> None:
    audit.record(
        by=by, now=now, action=action, subject_type=subject._meta.model_name or "", subject_id=subject.pk, detail=detail
    )
