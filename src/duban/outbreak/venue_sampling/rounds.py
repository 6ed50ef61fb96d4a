"""Which venue is due on which day: generated ahead, kept in line with what is in force, missed ones shown."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from duban.access import rights
from duban.access.models import Person
from duban.core.rows import insert
from duban.outbreak.models import VenueSampling
from duban.outbreak.venue_sampling.frequencies import SEES, Frequency, InForce
from duban.places.codes import within
from duban.venues.models import Venue

AHEAD = 14
"""Days for which rounds are there."""
BATCH = 5000


def plan_rounds(*, now: datetime, codes: Sequence[str]) -> int:
    """Generate what is due within the next fortnight at the codes, and drop what is no longer; how many rows changed.

    A venue's next round is `every_days` after its last, done or missed; a venue never sampled is due today. What is
    past or done is left alone, so that a second call changes nothing.
    """
    today = timezone.localdate(now)
    in_force, changed = InForce(today), 0
    venues = Venue.objects.filter(within("jurisdiction", codes), kind__in=in_force.kinds, closed_at=None)
    keys = list(venues.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), BATCH):
        with transaction.atomic():
            changed += _plan(keys[start], keys[min(start + BATCH, len(keys)) - 1], venues, in_force, today)
    return changed


def _plan(first: object, last: object, venues: QuerySet[Venue], in_force: InForce, today: date) -> int:
    rows = VenueSampling.objects.filter(venue__in=venues.filter(pk__gte=first, pk__lte=last))
    held = dict(rows.exclude(done_at=None, due_on__gt=today).values_list("venue").annotate(last=Max("due_on")))
    ahead: dict[object, dict[date, VenueSampling]] = {}
    for row in rows.filter(done_at=None, due_on__gt=today).select_for_update().order_by("pk"):
        ahead.setdefault(row.venue_id, {})[row.due_on] = row
    fresh: list[VenueSampling] = []
    stale: list[VenueSampling] = []
    for venue in venues.filter(pk__gte=first, pk__lte=last).order_by("pk").iterator(BATCH):
        frequency = in_force.for_venue(venue.kind_id, venue.jurisdiction)
        there = ahead.get(venue.pk, {})
        days = set(_days(frequency, held.get(venue.pk), today)) if frequency else set[date]()
        for day, row in there.items():
            wanted = frequency and day in days and row.surfaces_wanted == frequency.surfaces
            if not wanted or not frequency or row.staff_wanted != frequency.staff_percent:
                stale.append(row)
                continue
            days.discard(day)
        fresh += [_due(venue, day, frequency) for day in sorted(days) if frequency]
    VenueSampling.objects.filter(pk__in=[row.pk for row in stale]).delete()
    insert(fresh)
    return len(stale) + len(fresh)


def _days(frequency: Frequency, last: date | None, today: date) -> Iterable[date]:
    """The days that are due from today on; a round that is overdue by now is due today."""
    step = timedelta(days=frequency.every_days)
    day = max(last + step, today) if last is not None else today
    while day <= today + timedelta(days=AHEAD):
        yield day
        day += step


def _due(venue: Venue, day: date, frequency: Frequency) -> VenueSampling:
    return VenueSampling(
        venue=venue,
        town=venue.town,
        due_on=day,
        staff_wanted=frequency.staff_percent,
        surfaces_wanted=frequency.surfaces,
    )


def samplings_for(person: Person) -> QuerySet[VenueSampling]:
    """Those of the person's area with their venues, the first due first."""
    found = VenueSampling.objects.filter(within("town", rights.codes(person, SEES)))
    return found.select_related("venue", "venue__kind").order_by("due_on", "town", "id")


SHOWS = ("due", "missed", "done", "ahead")


def shown(samplings: QuerySet[VenueSampling], show: str, today: date) -> QuerySet[VenueSampling]:
    """Those that are due today, were missed, are done (the last first), or lie ahead."""
    if show == "missed":
        return samplings.filter(done_at=None, due_on__lt=today).order_by("-due_on", "town", "id")
    if show == "done":
        return samplings.exclude(done_at=None).order_by("-done_at", "id")
    if show == "ahead":
        return samplings.filter(done_at=None, due_on__gt=today)
    return samplings.filter(done_at=None, due_on=today)
