"""The report of a day: what was done and where everybody is, by town, and sums that must agree before it is said.

`followed` is who is followed when the day ends, and it is yesterday's plus who is `new` less who was `released` or
`closed`. Everybody followed is in one measure or in `none`. The rest is what happened on the day itself.
"""

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.outbreak.counts import FEW
from duban.outbreak.desk import days, sentence
from duban.outbreak.desk.days import BadQuestion, Day, Files
from duban.outbreak.models import Alert, CaseExposure, CaseFile, DailyReport, Measure, NoMeasure, Plan
from duban.places import queries as places
from duban.places.codes import LENGTHS, covers, outermost

SEES = "funnel.see"
OFFICER = "file.edit"
"""Who may change files knows their numbers, however small."""
NONE = "none"
MEASURES = (*(str(one) for one in Measure.values), NONE)
CHANGES = ("new", "released", "closed")
FIGURES = (
    "followed", "new", "reached", "tested", "positive", "waiting", *MEASURES, "released", "closed", "alerts",
    "missing_reports",
)  # fmt: skip
Figures = dict[str, int | None]
"""None is a number that the reader is not told."""
By = Mapping[str, int]


@dataclass(frozen=True)
class Line:
    """The figures of a town; of the totals the code and name are the office's."""

    code: str
    name: str
    figures: Figures

    def as_dict(self) -> dict[str, Any]:
        return {"code": self.code, "name": self.name, **self.figures}


@dataclass(frozen=True)
class Report:
    on: date
    by_town: tuple[Line, ...]
    total: Line

    @property
    def sentence(self) -> dict[str, str]:
        return sentence.daily(self.on, self.total.name, self.total.figures)

    def as_dict(self) -> dict[str, Any]:
        """As `care_report --json` prints it."""
        return {
            "date": self.on.isoformat(),
            "office": {"code": self.total.code, "name": self.total.name},
            "by_town": [line.as_dict() for line in self.by_town],
            "totals": dict(self.total.figures),
            "sentence": self.sentence,
        }


# ---- making it ------------------------------------------------------------------------------------------------------


def report_of(on: date, at: str = "") -> Report:
    """The report of a day, of the office or town `at`; "" is all that is on the books. Nothing is hidden in it.

    Raises BadQuestion (`report_does_not_add_up`).
    """
    try:
        return _made(days.day_of(on), at)
    except BadQuestion:
        # Somebody may have written between two of the questions; what is wrong is wrong a second time.
        return _made(days.day_of(on), at)


def _made(day: Day, at: str) -> Report:
    files = days.files_at(at)
    by_figure, before = _by_moments(files, day)
    by_figure |= {name: _by_town(files.filter(is_so(day))) for name, is_so in days.SAMPLES.items()}
    by_figure |= _by_measure(files, day, by_figure["followed"])
    by_figure["alerts"] = _alerts(files, day)
    towns = sorted({town for counts in by_figure.values() for town, number in counts.items() if number})
    named = places.names({*towns, at} | _office_codes(towns))
    lines = tuple(
        Line(town, named.get(town, town), {name: by_figure[name].get(town, 0) for name in FIGURES}) for town in towns
    )
    total = Line(
        at or _office_of(towns),
        named.get(at or _office_of(towns), at),
        {name: sum(line.figures[name] or 0 for line in lines) for name in FIGURES},
    )
    _require_sums(lines, before, days.followed(files, day).count())
    return Report(day.on, lines, total)


def _by_moments(files: Files, day: Day) -> tuple[dict[str, By], By]:
    """The figures that the files' own moments say, and who was followed the day before: one walk over the files."""
    counts = {f"{name}_number": Count("pk", filter=is_so(day)) for name, is_so in days.MOMENTS.items()}
    counts["before"] = Count("pk", filter=days.is_followed(day.before))
    rows = list(files.order_by().values_list("town").annotate(**counts))
    names = [*days.MOMENTS, "before"]
    found: dict[str, By] = {
        name: {row[0]: row[place] for row in rows if row[place]} for place, name in enumerate(names, 1)
    }
    return found, found.pop("before")


def _by_town(files: Files) -> By:
    return dict(files.order_by().values_list("town").annotate(number=Count("pk")))


def _office_codes(towns: list[str]) -> set[str]:
    return {town[: LENGTHS[0]] for town in towns}


def _office_of(towns: list[str]) -> str:
    """The county of the towns; "" of several."""
    counties = _office_codes(towns)
    return counties.pop() if len(counties) == 1 else ""


def _require_sums(lines: tuple[Line, ...], before: By, followed: int) -> None:
    """Raises BadQuestion (`report_does_not_add_up`) unless each line follows from the day before and from its parts."""
    told = {line.code: {name: number or 0 for name, number in line.figures.items()} for line in lines}
    for code in {*told, *before}:
        figures = told.get(code, dict.fromkeys(FIGURES, 0))
        reckoned = before.get(code, 0) + figures["new"] - figures["released"] - figures["closed"]
        if figures["followed"] != reckoned:
            raise _does_not_add_up(code, "followed", figures["followed"], reckoned)
        parts = sum(figures[name] for name in MEASURES)
        if figures["followed"] != parts or figures[NONE] < 0:
            raise _does_not_add_up(code, "measures", figures["followed"], parts)
    total = sum(figures["followed"] for figures in told.values())
    if total != followed:
        raise _does_not_add_up("", "totals", total, followed)


def _does_not_add_up(code: str, what: str, said: int, reckoned: int) -> BadQuestion:
    return BadQuestion(
        "report_does_not_add_up",
        _("The report is not made: at %(code)s the rows give %(said)d and %(reckoned)d for the same (%(what)s).")
        % {"code": code or "–", "said": said, "reckoned": reckoned, "what": what},
    )


# ---- measures and reports, from the plans as they were ---------------------------------------------------------------


def _planned(files: Files, day: Day) -> Files:
    """Of the files followed those in a measure, joined to the plan that held when the day ended (`plans`). A confirmed
    case has none, nor has who lost every exposure.

    No row says when somebody was handed over to another district or given up as not to be reached: they have none.
    """
    later = Plan.objects.filter(file=OuterRef("pk"), version__gt=OuterRef("plans__version"))
    exposures = CaseExposure.objects.filter(added_at__lt=day.end).exclude(withdrawn_at__lt=day.end)
    # Two questions, each through an index: one that asks for either is a walk over all exposures for every plan.
    standing = Q(Exists(exposures.filter(file=OuterRef("pk")))) | Q(
        Exists(exposures.filter(file__merged_into=OuterRef("pk")))
    )
    reasons = ("", NoMeasure.WITHDRAWN, NoMeasure.HOSPITAL)
    # Asked of the row of the few, so that for the others the index of moments is enough.
    planned = Exists(CaseFile.objects.filter(pk=OuterRef("pk"), no_measure__in=reasons))
    # The current one is the last, without a look for a later one.
    last = Q(plans__current=True) | ~Exists(later.filter(made_at__lt=day.end))
    holds = Q(plans__current=True) | Exists(later) | (Q(planned) & standing)
    confirmed = CaseFile.objects.filter(confirmed_at__lt=day.end).values("pk")
    found = days.followed(files, day).exclude(pk__in=confirmed)
    return found.filter(last, holds, plans__made_at__lt=day.end).order_by()


@lru_cache(maxsize=10_000)
def _phase(phases: str, on: str) -> tuple[str, int]:
    """(measure, reports due) on a day. After the end the last measure holds until the release, but asks for nothing."""
    plan = json.loads(phases)
    phase = next((one for one in plan if on <= one["last"]), plan[-1])
    return phase["measure"], phase.get("reports", 0) if phase["first"] <= on <= phase["last"] else 0


def measures_on(files: Iterable[CaseFile], on: date) -> dict[uuid.UUID, str]:
    """In words the measure of each file's current plan on a day; no file without a plan is in it.

    What the file says itself is of the day on which the worker last turned the phases.
    """
    plans = Plan.objects.filter(file__in=[file.pk for file in files], current=True).values_list("file", "phases")
    day = on.isoformat()
    return {key: str(Measure(_phase(json.dumps(phases), day)[0]).label) for key, phases in plans}


def _by_measure(files: Files, day: Day, followed: By) -> dict[str, By]:
    """People by measure and town, `none` for the others, and how many of the reports due on the day did not come.

    Reports are due from the day after the file was opened. Plans are alike by the thousand, and are counted in heaps.
    """
    sent = DailyReport.objects.filter(file=OuterRef("pk"), on=day.on, at__lt=day.end)
    came = Subquery(sent.order_by().values("file").annotate(number=Count("pk")).values("number"))
    old = Case(When(opened_at__lt=day.start, then=1), default=0, output_field=IntegerField())
    heaps = (
        _planned(files, day)
        .annotate(came=Coalesce(came, 0), old=old)
        .values_list("town", "plans__phases", "came", "old")
        .annotate(number=Count("plans"))
    )
    counts: dict[str, Counter[str]] = {name: Counter() for name in (*MEASURES, "missing_reports")}
    for town, phases, sent_in, is_old, number in heaps:
        measure, due = _phase(json.dumps(phases), day.on.isoformat())
        counts[measure][town] += number
        counts["missing_reports"][town] += number * max(due - sent_in, 0) * is_old
    for town, number in followed.items():
        counts[NONE][town] = number - sum(counts[measure][town] for measure in Measure.values)
    return dict(counts)


def _alerts(files: Files, day: Day) -> By:
    """Alerts raised on the day, by the town that looks after the person now."""
    upper = [f"file{'__merged_into' * steps}" for steps in (3, 2, 1, 0)]
    raised = Alert.objects.filter(raised_at__gte=day.start, raised_at__lt=day.end)
    raised = raised.annotate(
        whose=Coalesce(*(F(one) for one in upper)), at=Coalesce(*(F(f"{one}__town") for one in upper))
    )
    raised = raised.filter(whose__in=files.order_by().values("pk"))
    return dict(raised.order_by().values_list("at").annotate(number=Count("pk")))


# ---- who reads it ---------------------------------------------------------------------------------------------------


def offices_of(person: Person) -> list[str]:
    """The codes whose report the person may read, the widest alone."""
    return outermost(rights.codes(person, SEES))


def as_told(person: Person, made: Report, at: str) -> Report:
    """The same without what the person may not know of the place."""
    return made if knows_all(person, at) else told(made)


def knows_all(person: Person, at: str) -> bool:
    """Whether small numbers are told: to a health officer of the place."""
    return covers(rights.codes(person, OFFICER), at)


def told(report: Report) -> Report:
    """The same with small numbers left out, and those that they could be reckoned from."""
    lines = tuple(replace(line, figures=_hidden_in_line(line.figures)) for line in report.by_town)
    totals = {
        name: told_total([line.figures[name] for line in report.by_town], [line.figures[name] for line in lines])
        for name in FIGURES
    }
    return replace(report, by_town=lines, total=replace(report.total, figures=_hidden_in_line(totals)))


def is_small(number: int | None) -> bool:
    return number is None or 0 < number < FEW


def _hidden_in_line(figures: Figures) -> Figures:
    """Measures add up to who is followed, and changes to what was followed before: of such the small take all along."""
    shown = {name: None if is_small(number) else number for name, number in figures.items()}
    for group in (MEASURES, CHANGES):
        if any(shown[name] is None for name in group):
            shown |= dict.fromkeys(group)
    return shown


def told_total(true: Sequence[int | None], shown: Sequence[int | None]) -> int | None:
    """The sum, unless what is hidden of it is one number alone or small: then it would follow from the sum."""
    hidden = [number or 0 for number, seen in zip(true, shown, strict=True) if seen is None]
    total = sum(number or 0 for number in true)
    if hidden and (len([number for number in hidden if number]) < 2 or sum(hidden) < FEW):
        return None
    return None if is_small(total) else total


def hides(report: Report) -> bool:
    """Whether any number of it is not told."""
    return any(number is None for line in (*report.by_town, report.total) for number in line.figures.values())
