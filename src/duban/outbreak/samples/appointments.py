"""Who comes when: appointments for the tests that are due, hour by hour, never more than a point can take."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, NotFound
from duban.outbreak.models import Appointment, FileState, Measure, SamplingPoint, Task, TaskKind, TaskState
from duban.outbreak.samples.codes import BadTube
from duban.outbreak.samples.points import hours_of
from duban.outbreak.samples.queries import AGAIN, MANAGES, TAKES, in_parts, in_towns
from duban.places.codes import normalise_code

COME = (Measure.TEST, Measure.MONITOR)
"""Who comes to a point by default: not who is isolated, whom a team visits."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Booked:
    made: int
    left: int
    """Tests that are due for which there was no room."""
    missed: int
    """Appointments of hours that are past, taken back because nobody came."""


@transaction.atomic
def book_appointments(
    *,
    by: Person,
    now: datetime,
    town: str,
    on: date,
    point_ids: Collection[uuid.UUID] = (),
    measures: Collection[str] = COME,
) -> Booked:
    """Give everybody of the town whose test is due by that day an hour at one of its points (or of those named).

    People of one household follow each other, the longest due first; people who are sampled again wait where they are
    and are not asked to come. Who has an appointment to come keeps it, so doing it twice makes nothing. The points are
    locked until the commit: two at once never fill an hour beyond what it holds.
    Raises NotAllowed (`not_allowed`), BadCode (`bad_code`), BadTube (`day_past`, `no_point`, `unknown_measure`).
    """
    town = normalise_code(town, field="town")
    rights.require(by, MANAGES, town)
    if on < timezone.localtime(now).date():
        raise BadTube("day_past", _("This day is past; choose today or a later one."), field="on")
    if unknown := set(measures) - set(Measure.values):
        raise BadTube("unknown_measure", _("There is no measure “%(word)s”.") % {"word": min(unknown)[:40]})
    # All of the town's, so that nobody else gives the same person another hour meanwhile.
    points = [
        point
        for point in _lock_points(town)
        if (not point_ids or point.pk in point_ids) and (point.closed_on is None or point.closed_on > on)
    ]
    if not points:
        raise BadTube("no_point", _("No sampling point is open in this town; set one up first."), field="on")
    missed = _take_back(town, now)
    due = list(_due(town, on, measures, now))
    made = [
        Appointment(file_id=file_id, task_id=task_id, point_id=point, at=at)
        for (task_id, file_id), (point, at) in zip(due, _rooms(points, on, now), strict=False)
    ]
    Appointment.objects.bulk_create(made, batch_size=1000)
    booked = Booked(made=len(made), left=len(due) - len(made), missed=missed)
    if booked.made or booked.missed:
        audit.record(
            by=by,
            now=now,
            action="book_appointments",
            subject_type="jurisdiction",
            subject_id=town,
            detail={"on": on.isoformat(), "made": booked.made, "left": booked.left, "missed": booked.missed},
        )
    return booked


def _lock_points(town: str) -> list[SamplingPoint]:
    return list(SamplingPoint.objects.select_for_update().filter(town=town).order_by("pk"))


def _take_back(town: str, now: datetime) -> int:
    """Cancel the appointments of hours that are past, and of tests that are no longer due; the number of the first."""
    unkept = Appointment.objects.filter(point__town=town, cancelled_at=None, kept_at=None)
    gone = list(unkept.filter(at__lte=now - HOUR, task__state=TaskState.OPEN).values_list("pk", flat=True))
    idle = list(unkept.exclude(task__state=TaskState.OPEN).values_list("pk", flat=True))
    for part in in_parts([*gone, *idle]):
        Appointment.objects.filter(pk__in=part).update(cancelled_at=now)
    return len(gone)


def _due(town: str, on: date, measures: Collection[str], now: datetime) -> Iterator[tuple[int, uuid.UUID]]:
    """(task, file) of the tests without an appointment; the first of each person alone, one hour being enough."""
    tasks = Task.objects.filter(
        town=town,
        state=TaskState.OPEN,
        due_on__lte=on,
        kind=TaskKind.TEST,
        file__state=FileState.OPEN,
        file__measure__in=measures,
    ).exclude(slot__startswith=AGAIN)
    tasks = tasks.exclude(file__in=to_come(now).filter(point__town=town).values("file"))
    order = ("due_on", "stay", "file__household", "file_id", "slot", "pk")
    seen: set[uuid.UUID] = set()
    for task_id, file_id in tasks.order_by(*order).values_list("pk", "file_id"):
        if file_id not in seen:
            seen.add(file_id)
            yield task_id, file_id


def _rooms(points: Sequence[SamplingPoint], on: date, now: datetime) -> Iterator[tuple[uuid.UUID, datetime]]:
    """A place for each person that still can come, hour by hour, of each hour one point after the other."""
    hours = sorted((at, place) for place, point in enumerate(points) for at in hours_of(point, on) if at + HOUR > now)
    taken: Counter[tuple[uuid.UUID, datetime]] = Counter()
    if hours:
        rows = Appointment.objects.filter(
            point__in=points, at__gte=hours[0][0], at__lte=hours[-1][0], cancelled_at=None
        )
        for point_id, at, number in rows.values_list("point", "at").annotate(number=Count("pk")):
            taken[point_id, at] = number
    for at, place in hours:
        point = points[place]
        for _place in range(point.per_hour - taken[point.pk, at]):
            yield point.pk, at


# ---- reading --------------------------------------------------------------------------------------------------------


def to_come(now: datetime) -> QuerySet[Appointment]:
    """Appointments whose hour is not past, neither kept nor taken back."""
    return Appointment.objects.filter(cancelled_at=None, kept_at=None, at__gt=now - HOUR).order_by("at", "pk")


def next_appointments(file_ids: Collection[uuid.UUID], now: datetime) -> dict[uuid.UUID, Appointment]:
    """The next appointment of each of the files, with its point; who has none is absent."""
    found: dict[uuid.UUID, Appointment] = {}
    for part in in_parts(file_ids):
        for one in to_come(now).filter(file__in=part).select_related("point").reverse():
            found[one.file_id] = one
    return found


def appointments_at(point: SamplingPoint, on: date) -> QuerySet[Appointment]:
    """Those of one point on one day that were not taken back, by the hour and then by where people stay."""
    zone = timezone.get_default_timezone()
    start = datetime.combine(on, datetime.min.time(), zone)
    day = Appointment.objects.filter(point=point, at__gte=start, at__lt=start + timedelta(days=1), cancelled_at=None)
    return day.select_related("file").order_by("at", "file__stay", "file__household", "pk")


# ---- taking one back ------------------------------------------------------------------------------------------------


@transaction.atomic
def cancel_appointment(*, by: Person, now: datetime, appointment_id: int) -> Appointment:
    """Take an appointment back, which makes room for another; the test stays due. One taken back stays so.

    Raises NotFound (`appointment_not_found`), Conflict (`appointment_kept`).
    """
    point = Appointment.objects.filter(in_towns("point__town", rights.codes(by, TAKES)), pk=appointment_id).values_list(
        "point", flat=True
    )
    # The point's row stands for its hours: who books at the same moment waits for this, or this for them.
    if not SamplingPoint.objects.select_for_update().filter(pk__in=list(point)).exists():
        raise NotFound("appointment_not_found", _("There is no such appointment, or it is another town's."))
    found = Appointment.objects.select_for_update().get(pk=appointment_id)
    if found.kept_at is not None:
        raise Conflict("appointment_kept", _("The person came; this is no longer to be taken back."))
    if found.cancelled_at is None:
        found.cancelled_at = now
        found.save(update_fields=["cancelled_at"])
        audit.record(
            by=by, now=now, action="cancel_appointment", subject_type="sampling_point", subject_id=found.point_id
        )
    return found
