"""The epidemic work of an office at a glance, as it is told to who may not know small numbers."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Q

from duban.outbreak.areas import in_force
from duban.outbreak.desk import days, keeping
from duban.outbreak.desk.days import BadQuestion
from duban.outbreak.desk.funnel import totals_at
from duban.outbreak.desk.report import is_small, told
from duban.outbreak.models import Declaration, FileState, KeptKind
from duban.places.codes import within

DAYS = 14
SAID = ("followed", "new", "tested", "released", "positive", "waiting", "alerts", "missing_reports")


@dataclass(frozen=True)
class Overview:
    """None is a number that is not told. The trend is of who was followed when each of the last days ended."""

    figures: dict[str, int | None]
    stages: dict[str, int | None]
    areas: int
    trend: tuple[int | None, ...]


def overview_at(code: str, now: datetime) -> Overview:
    """Costs as much as the report and the funnel together: to be kept, not counted for each reader."""
    today = days.today(now)
    try:
        # Kept, so that the report behind these numbers opens at once and says the same.
        figures = told(keeping.count(KeptKind.REPORT, code, today, now=now).value).total.figures
    except BadQuestion:
        # Somebody writes all the time just now; what does not add up is not told.
        figures = dict.fromkeys(SAID)
    stages = totals_at(code, today)
    areas = in_force(Declaration.objects.filter(within("area__jurisdiction", [code]))).count()
    return Overview({name: figures[name] for name in SAID}, stages, areas, _trend(code, today))


def _trend(code: str, today: date) -> tuple[int | None, ...]:
    """Counted from the moments of the files; a release that was taken back since is told as none."""
    ends = [days.day_of(today - timedelta(days=back)).end for back in range(DAYS - 1, -1, -1)]
    counts = {}
    for at, end in enumerate(ends):
        left = Q(state=FileState.RELEASED, released_at__lt=end) | Q(state=FileState.CLOSED, closed_at__lt=end)
        counts[f"d{at}"] = Count("pk", filter=Q(opened_at__lt=end) & ~left)
    found = days.files_at(code).order_by().aggregate(**counts)
    numbers = [found[f"d{at}"] for at in range(len(ends))]
    return tuple(None if is_small(number) else number for number in numbers)
