"""A day of the office as two moments, and what the books said at the end of it.

Every figure is asked of what the rows say about moments: when a file was opened, released or closed, when a swab was
taken and its result came, when a plan was made. So a day that is past gives today what it gave then, however often it
is asked for. Two things are as they are known now, since no row says when they changed: which town looks after a
person, and which file was merged into which.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.core.errors import DubanError
from duban.outbreak.casefiles.queries import in_scope
from duban.outbreak.models import CaseFile, FileState, Release, Result, Swab

Files = QuerySet[CaseFile]


class BadQuestion(DubanError):
    pass


@dataclass(frozen=True)
class Day:
    """`start` is the first moment of it, `end` the first of the next, both by the office's clock."""

    on: date
    start: datetime
    end: datetime

    @property
    def before(self) -> "Day":
        return day_of(self.on - timedelta(days=1))


def day_of(on: date) -> Day:
    zone = timezone.get_default_timezone()
    first, last = (datetime.combine(day, time(), zone) for day in (on, on + timedelta(days=1)))
    return Day(on, first, last)


def today(now: datetime) -> date:
    return timezone.localdate(now, timezone.get_default_timezone())


def read_day(text: str, *, field: str = "on") -> date:
    """A day as 2021-01-20; raises BadQuestion (`bad_day`)."""
    try:
        on = date.fromisoformat(text.strip())
    except ValueError:
        on = date.min
    if not 1990 <= on.year <= 2200:
        raise BadQuestion("bad_day", _("Say the day as 2021-01-20."), field=field)
    return on


# ---- which files ----------------------------------------------------------------------------------------------------


def files_at(at: str) -> Files:
    """The files of a county's office, a town or a community; of "" all. Merged ones are in the file that took them."""
    files = CaseFile.objects.filter(merged_into=None)
    return files.filter(in_scope([at])) if at else files


def _during(column: str, day: Day) -> Q:
    return Q(**{f"{column}__gte": day.start, f"{column}__lt": day.end})


def _taken_back(**moments: object) -> Q:
    """Files with a release that was taken back, of these moments."""
    return Q(pk__in=Release.objects.filter(revoked_at__isnull=False, **moments).values("file"))


def _gone(end: datetime) -> Q:
    """Released or closed before that moment. A release that was taken back later still stood then."""
    released = Q(state=FileState.RELEASED, released_at__lt=end)
    closed = Q(state=FileState.CLOSED, closed_at__lt=end)
    return released | closed | _taken_back(at__lt=end, revoked_at__gte=end)


def is_followed(day: Day) -> Q:
    """Followed when the day ended."""
    return Q(opened_at__lt=day.end) & ~_gone(day.end)


def is_new(day: Day) -> Q:
    """Taken on that day: the file was opened, or an earlier release was taken back."""
    return _during("opened_at", day) | _taken_back(at__lt=day.start, **_span("revoked_at", day))


def _span(column: str, day: Day) -> dict[str, datetime]:
    return {f"{column}__gte": day.start, f"{column}__lt": day.end}


def is_released(day: Day) -> Q:
    """Released on that day; not if it was taken back before the day was over."""
    stands = Q(state=FileState.RELEASED) & _during("released_at", day)
    return stands | _taken_back(**_span("at", day), revoked_at__gte=day.end)


def is_closed(day: Day) -> Q:
    """Closed on that day for another reason than release."""
    return Q(state=FileState.CLOSED) & _during("closed_at", day)


def is_reached(day: Day) -> Q:
    """Spoken to for the first time on that day."""
    return _during("reached_at", day)


def followed(files: Files, day: Day) -> Files:
    """Followed when the day ended."""
    return files.filter(is_followed(day))


# ---- samples --------------------------------------------------------------------------------------------------------


def _swabs(day: Day) -> QuerySet[Swab]:
    """Taken by the end of the day, in tubes that were not given up by then."""
    given_up = Q(tube__voided_at__lt=day.end)
    return Swab.objects.filter(taken_at__lt=day.end).exclude(given_up)


def _whose(swabs: QuerySet[Swab]) -> Q:
    """The files of the swabs; a merged file's swabs are of the file that took it."""
    upper = [F(f"file{'__merged_into' * steps}") for steps in (3, 2, 1)]
    return Q(pk__in=swabs.order_by().annotate(whose=Coalesce(*upper, F("file"))).values("whose"))


def is_tested(day: Day) -> Q:
    """With a swab taken on that day."""
    return _whose(_swabs(day).filter(_during("taken_at", day)))


def is_positive(day: Day) -> Q:
    """With a positive result on that day in a tube of their own. A pool's says nothing of any one of its members."""
    return _whose(_swabs(day).filter(_during("tube__resulted_at", day), tube__size=1).filter(POSITIVE))


POSITIVE = Q(tube__result=Result.POSITIVE)


def is_waiting(day: Day) -> Q:
    """Followed, and waiting for a result when the day ended: there was none yet, or one that asks for another swab."""
    known = Q(tube__resulted_at__lt=day.end)
    settled = known & (Q(tube__result=Result.NEGATIVE) | (POSITIVE & Q(tube__size=1)))
    # One list of the few that were taken again: asked for each swab, it is a walk over all of them on SQLite.
    again = Swab.objects.filter(follows__isnull=False, taken_at__lt=day.end).values("follows")
    return is_followed(day) & _whose(_swabs(day).exclude(settled).exclude(pk__in=again))


MOMENTS: dict[str, Callable[[Day], Q]] = {
    "followed": is_followed,
    "new": is_new,
    "reached": is_reached,
    "released": is_released,
    "closed": is_closed,
}
"""The figures that the moments of the files say."""
SAMPLES: dict[str, Callable[[Day], Q]] = {"tested": is_tested, "positive": is_positive, "waiting": is_waiting}
"""The figures that the swabs say."""
FIGURES: dict[str, Callable[[Day], Q]] = MOMENTS | SAMPLES
"""The figures of a day that are numbers of people; each says which files they are."""
