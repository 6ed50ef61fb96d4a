"""Tubes and swabs as somebody may see them, and what stands of each person's tests."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core.errors import NotFound
from duban.outbreak.models import (
    Alert,
    AlertKind,
    CaseExposure,
    CaseFile,
    ExposureKind,
    SamplingPoint,
    Swab,
    Tube,
)
from duban.outbreak.samples import outcome
from duban.outbreak.samples.outcome import Taken
from duban.places.codes import LENGTHS, within

TAKES, MANAGES = "sample.take", "sample.manage"
TOWN = LENGTHS[1]
AGAIN = "re"
"""What the slot of a test begins with that answers a result: re1, re2."""
FEVER_LASTS = timedelta(hours=24)
BATCH = 900
Key = TypeVar("Key")


def in_towns(field: str, codes: Iterable[str]) -> Q:
    """Rows of the towns that the codes cover; a code finer than a town reaches its town."""
    return within(field, {code[:TOWN] for code in codes})


def reaches(person: Person, permission: str, town: str) -> bool:
    """Whether the person holds the right at the town, above it, or at a community of it."""
    return any(town.startswith(code[:TOWN]) for code in rights.codes(person, permission))


def points_for(person: Person) -> QuerySet[SamplingPoint]:
    """The sampling points of the person's towns, by name."""
    return SamplingPoint.objects.filter(in_towns("town", rights.codes(person, TAKES))).order_by("town", "name")


def point_for(person: Person, point_id: uuid.UUID) -> SamplingPoint:
    """One of them, else NotFound (`point_not_found`)."""
    found = points_for(person).filter(pk=point_id).first()
    if found is None:
        raise NotFound("point_not_found", _("There is no such sampling point, or it is another town's."))
    return found


def tubes_for(person: Person) -> QuerySet[Tube]:
    """The tubes of the person's towns, the last opened first."""
    return Tube.objects.filter(in_towns("town", rights.codes(person, TAKES))).order_by("-opened_at", "-pk")


def tube_for(person: Person, tube_id: uuid.UUID) -> Tube:
    """One of them, else NotFound (`tube_not_found`)."""
    found = tubes_for(person).select_related("point").filter(pk=tube_id).first()
    if found is None:
        raise tube_not_found()
    return found


def tube_not_found(*, field: str | None = None, row: int | None = None) -> NotFound:
    return NotFound("tube_not_found", _("There is no such tube, or it is another town's."), field=field, row=row)


def in_parts(keys: Iterable[Key]) -> Iterator[Sequence[Key]]:
    """The keys some hundred at a time, as a statement of any database takes them."""
    held = list(keys)
    for start in range(0, len(held), BATCH):
        yield held[start : start + BATCH]


# ---- what stands of each person's tests -----------------------------------------------------------------------------


def taken_of(file_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[Taken]]:
    """The swabs of each of these very files in tubes that were not voided, in order of time."""
    found: dict[uuid.UUID, list[Taken]] = {}
    for part in in_parts(file_ids):
        rows = Swab.objects.filter(file__in=part, tube__voided_at=None).order_by("taken_at", "pk")
        columns = ("pk", "file_id", "taken_at", "tube__size", "tube__result", "follows_id")
        for row in rows.values_list(*columns):
            found.setdefault(row[1], []).append(Taken(*row))
    return found


def results_of(file_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[tuple[datetime, str]]]:
    """Of each of these very files (ask for merged ones too) when swabs were taken and what came of them, by time.

    A result is `negative` or `positive`, or "" while there is none: a pool that was positive, grey or invalid has none
    for its members until each was sampled again, and then that sample stands in its place.
    """
    taken = taken_of(file_ids)
    return {
        key: [(one.at, outcome.standing(one)) for one in outcome.last_of_each(taken.get(key, []))] for key in file_ids
    }


# ---- who may be pooled ----------------------------------------------------------------------------------------------

SINGLE_WORDS = {
    "contact": _("a close contact is sampled alone"),
    "second": _("a contact of a close contact is sampled alone"),
    "fever": _("somebody with fever is sampled alone"),
    "again": _("sampled again after a pool: alone"),
    "case": _("a confirmed case is sampled alone"),
}


def single_only(file_ids: Collection[uuid.UUID], now: datetime) -> dict[uuid.UUID, str]:
    """Those of the files (none of them merged) that may not be pooled, with the reason's key in SINGLE_WORDS."""
    whose = families(file_ids)
    found: dict[uuid.UUID, str] = {}
    for part in in_parts(whose):
        exposed = CaseExposure.objects.filter(
            file__in=part, kind__in=(ExposureKind.CONTACT, ExposureKind.SECOND), withdrawn_at=None
        )
        hot = Alert.objects.filter(
            Q(closed_at=None) | Q(raised_at__gt=now - FEVER_LASTS), file__in=part, kind=AlertKind.FEVER
        )
        cases = CaseFile.objects.filter(pk__in=part, confirmed_at__isnull=False)
        for key, kind in exposed.order_by("-kind").values_list("file_id", "kind"):
            found[whose[key]] = kind
        for key in hot.values_list("file_id", flat=True):
            found[whose[key]] = "fever"
        for key in cases.values_list("pk", flat=True):
            found[whose[key]] = "case"
    taken: dict[uuid.UUID, list[Taken]] = {}
    for key, swabs in taken_of(whose).items():
        taken.setdefault(whose[key], []).extend(swabs)
    return found | {key: "again" for key, swabs in taken.items() if outcome.to_sample_again(swabs)}


def families(file_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Each of the files, which are merged into none, and all that were merged into it, by what they lead to."""
    whose = {key: key for key in file_ids}
    asked = list(whose)
    while asked:
        below: list[uuid.UUID] = []
        for part in in_parts(asked):
            for key, into in CaseFile.objects.filter(merged_into__in=part).values_list("pk", "merged_into_id"):
                whose[key] = whose[into]
                below.append(key)
        asked = below
    return whose


def roots(file_ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    """The files that these are in after all merges."""
    found: set[uuid.UUID] = set()
    asked = set(file_ids)
    while asked:
        above: set[uuid.UUID] = set()
        for part in in_parts(asked):
            for key, into in CaseFile.objects.filter(pk__in=part).values_list("pk", "merged_into_id"):
                (above if into else found).add(into or key)
        asked = above
    return found
