"""What the rules of deletion reach as of a day. The preview and the deletion itself ask the same questions."""

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db.models import Count, F, Max, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from duban.outbreak.models import (
    CaseFile,
    Declaration,
    FileState,
    Found,
    Look,
    NoMeasure,
    PresencePart,
    Screening,
    Step,
)
from duban.outbreak.protection import remains
from duban.outbreak.protection.rules import FILE, LOOK, SCREENING, RuleTable
from duban.places.codes import covers

OVER_WITHOUT_RELEASE = (NoMeasure.WITHDRAWN, NoMeasure.ELSEWHERE, NoMeasure.PAST)
"""Nobody is released who is in no measure for one of these reasons: the file ended with what was last done to it."""


@dataclass(frozen=True)
class Scope:
    """Whose rows: those of offices that lie in one of the codes; None is every office, and what is of none."""

    codes: tuple[str, ...] | None = None

    def holds(self, office: str) -> bool:
        return self.codes is None or covers(self.codes, office)

    @property
    def whole(self) -> bool:
        return self.codes is None


@dataclass(frozen=True)
class Waiting:
    """How much would go as of a day, of one town or office; of "" what belongs to none."""

    place: str
    people: int = 0
    """Files, those that were merged into them included."""
    found: int = 0
    looks: int = 0
    jobs: int = 0
    queue: int = 0
    presence_days: int = 0
    late: int = 0
    """Not deleted: files still open although their plan ended so long ago that they would be due."""


def after(day: date) -> datetime:
    """The first moment after the local day."""
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time()))


# ---- files ----------------------------------------------------------------------------------------------------------


def places(scope: Scope) -> Iterator[tuple[str, str, str]]:
    """(office, town, place) of all files: the place is where rules are looked up."""
    pairs = CaseFile.objects.order_by("office", "town").values_list("office", "town").distinct()
    for office, town in pairs:
        place = town if town.startswith(office) else office
        if scope.holds(place):
            yield office, town, place


def files_due(office: str, town: str, last_day: date) -> QuerySet[CaseFile]:
    """The files of a town, merged ones not counted, whose measure ended on that day or before."""
    before = after(last_day)
    ended = Q(state__in=(FileState.RELEASED, FileState.CLOSED), ended__lt=before)
    over = Q(state=FileState.OPEN, no_measure__in=OVER_WITHOUT_RELEASE, touched__lt=before)
    return (
        CaseFile.objects.filter(office=office, town=town, merged_into=None, opened_at__lt=before)
        .annotate(
            ended=Greatest(Coalesce("released_at", "closed_at"), Coalesce("closed_at", "released_at")),
            touched=Greatest(
                F("opened_at"),
                Coalesce(Max("exposures__added_at"), F("opened_at")),
                Coalesce(Max("exposures__withdrawn_at"), F("opened_at")),
            ),
        )
        .filter(ended | over)
        .order_by("pk")
    )


def late_files(office: str, town: str, last_day: date) -> int:
    """Files that nobody released although their plan ended on that day or before."""
    rows = CaseFile.objects.filter(office=office, town=town, merged_into=None, state=FileState.OPEN)
    return rows.filter(ends_on__lte=last_day).exclude(no_measure__in=OVER_WITHOUT_RELEASE).count()


def levels_of(file_ids: Collection[uuid.UUID]) -> list[list[uuid.UUID]]:
    """The files, then those merged into them, then those merged into these, and so on."""
    levels = [list(file_ids)]
    while below := list(CaseFile.objects.filter(merged_into__in=levels[-1]).values_list("pk", flat=True)):
        levels.append(below)
    return levels


# ---- screenings, looks, presences -----------------------------------------------------------------------------------


def screenings_due(table: RuleTable, scope: Scope) -> list[Screening]:
    """Screenings with people still kept whose orders all ended so long ago."""
    kept = Screening.objects.filter(pk__in=Found.objects.values("screening").distinct()).order_by("made_at", "pk")
    found = []
    for screening in kept:
        last_day = table.last_day(SCREENING, screening.jurisdiction) if scope.holds(screening.jurisdiction) else None
        if last_day is not None and (end := _end_of(screening)) is not None and end < after(last_day):
            found.append(screening)
    return found


def _end_of(screening: Screening) -> datetime | None:
    """When the last of its areas ended: lifted, or its window over; None while one goes on."""
    areas = Declaration.objects.filter(number__in=screening.orders).values("area")
    ends = [screening.made_at]
    for latest in Declaration.objects.filter(area__in=areas, latest=True):
        end = latest.declared_at if latest.step in (Step.LIFTED, Step.SPLIT) else latest.ends_at
        if end is None:
            return None
        ends.append(end)
    return max(ends)


def looks_due(table: RuleTable, scope: Scope) -> dict[str, QuerySet[Look]]:
    """By office the looks that are kept long enough."""
    found = {}
    for office in Look.objects.order_by("office").values_list("office", flat=True).distinct():
        last_day = table.last_day(LOOK, office) if scope.holds(office) else None
        if last_day is not None:
            found[office] = Look.objects.filter(office=office, at__lt=after(last_day))
    return found


def oldest_presences(on: date) -> date | None:
    """The first day whose presences stay; None where DUBAN_PRESENCE_DAYS keeps all."""
    days = settings.DUBAN_PRESENCE_DAYS
    return on - timedelta(days=days - 1) if days else None


# ---- all of it ------------------------------------------------------------------------------------------------------


def waiting(table: RuleTable, scope: Scope, now: datetime) -> list[Waiting]:
    """What would go as of the day of the table, by place; nothing is changed."""
    people: dict[str, int] = {}
    late: dict[str, int] = {}
    for office, town, place in places(scope):
        last_day = table.last_day(FILE, place)
        if last_day is not None:
            due = list(files_due(office, town, last_day).values_list("pk", flat=True))
            people[place] = people.get(place, 0) + sum(len(level) for level in levels_of(due))
            late[place] = late.get(place, 0) + late_files(office, town, last_day)
    found: dict[str, int] = {}
    for screening in screenings_due(table, scope):
        number = Found.objects.filter(screening=screening).count()
        found[screening.jurisdiction] = found.get(screening.jurisdiction, 0) + number
    looks = {office: rows.count() for office, rows in looks_due(table, scope).items()}
    rows = [
        Waiting(place, people.get(place, 0), found.get(place, 0), looks.get(place, 0), late=late.get(place, 0))
        for place in sorted({*people, *found, *looks})
    ]
    rows = [row for row in rows if row.people or row.found or row.looks or row.late]
    if scope.whole:
        jobs = len(remains.job_folders(table, now))
        queue = remains.queue_rows().count()
        oldest = oldest_presences(table.on)
        days = PresencePart.objects.filter(day__lt=oldest) if oldest else PresencePart.objects.none()
        number = days.aggregate(number=Count("day", distinct=True))["number"]
        if jobs or queue or number:
            rows.append(Waiting("", jobs=jobs, queue=queue, presence_days=number))
    return rows
