"""The figures of inspections in a period, and what a look-back allows to be said.

A problem is a venue with at least one failed item; failed items are counted apart. Towns, townships and area offices
are told apart from sub-districts by the kind of their unit in the code list, never by the digits of its code.

A look-back is due for what stood open when the period began, and for what was looked at again in it. Each failure
counts once, by its last look in the period: stands, recurred, or not inspected. Looked at by nobody is not inspected.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import TruncMonth
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.tables import parse_moment
from duban.patrol import sentence
from duban.patrol.models import Answer, Failure, PatrolRound, Recheck, RecheckResult, Result, Visit, VisitState
from duban.patrol.wording import words_of
from duban.places import queries as places
from duban.places.codes import LENGTHS, within
from duban.venues.models import Venue

SEES = "figures.see"
STATES = "round.manage"
"""Who may state that nothing is left."""
STREET = "street"
LONGEST_DAYS = 3660
FIRST_YEAR, LAST_YEAR = 1990, 2199
USUAL_DAYS = 7
TREND_MONTHS = 12
NAMED = 20


class BadPeriod(DubanError):
    pass


class NotClean(Conflict):
    """Something is left: `left` names it, as (venue, item, what the look-back saw)."""

    def __init__(self, code: str, message: str, left: Sequence[tuple[str, str, str]] = ()):
        super().__init__(code, message)
        self.left = list(left)


@dataclass(frozen=True)
class Span:
    """The days from `since` to `until`, both included, by the office's clock."""

    since: date
    until: date

    @property
    def start(self) -> datetime:
        return _midnight(self.since)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return _midnight(self.until + timedelta(days=1))

    def before(self) -> "Span":
        """As many days, ending the day before it."""
        days = self.until - self.since
        last = self.since - timedelta(days=1)
        return Span(last - days, last)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=timezone.get_default_timezone())


def read_span(since: str, until: str) -> Span:
    """Raises BadPeriod: `bad_date`, `period_reversed`, `period_too_long`."""
    span = Span(_day(since, "from"), _day(until, "to"))
    if span.since > span.until:
        raise BadPeriod("period_reversed", gettext_lazy("The period ends before it begins."), field="to")
    if (span.until - span.since).days > LONGEST_DAYS:
        raise BadPeriod("period_too_long", gettext_lazy("A period has at most ten years."), field="to")
    return span


def _day(text: str, where: str) -> date:
    found = parse_moment(text.strip()[:20])
    if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise BadPeriod(
            "bad_date",
            gettext_lazy("“%(text)s” is not a day; write 2021-01-18.") % {"text": text[:20]},
            field=where,
        )
    return found.date()


@dataclass(frozen=True)
class Wanted:
    """Of which days, places and round. `codes` None is everywhere; with a round its days are those of the round."""

    span: Span
    codes: tuple[str, ...] | None = None
    area: str = ""
    round: PatrolRound | None = None

    def lies(self, column: str) -> Q:
        """The condition that a row with this column of codes lies in it."""
        condition = Q() if self.codes is None else within(column, self.codes)
        return condition & within(column, [self.area]) if self.area else condition

    def visited(self, to: str = "") -> Q:
        """The condition for finished visits, from a table that reaches them by `to`."""
        condition = self.lies(f"{to}jurisdiction") & Q(
            **{
                f"{to}state": VisitState.FINISHED,
                f"{to}visited_at__gte": self.span.start,
                f"{to}visited_at__lt": self.span.end,
            }
        )
        return condition & Q(**{f"{to}round": self.round}) if self.round else condition


def wanted_by(person: Person, span: Span, *, area: str = "", round_id: uuid.UUID | None = None) -> Wanted:
    """What the person asks for, within what they may count. Raises NotAllowed and NotFound (`round_not_found`)."""
    codes = tuple(rights.codes(person, SEES))
    if not codes:
        rights.require(person, SEES, "")
    if round_id is None:
        return Wanted(span, codes, area)
    found = rounds_in_sight(person).filter(pk=round_id).first()
    if found is None:
        raise NotFound("round_not_found", gettext_lazy("There is no such round, or it is not yours to see."))
    return Wanted(Span(found.starts_on, found.ends_on), codes, area, found)


def rounds_in_sight(person: Person) -> QuerySet[PatrolRound]:
    """Rounds whose area the person may count, the newest first."""
    return PatrolRound.objects.filter(within("area", rights.codes(person, SEES))).order_by("-starts_on", "-made_at")


def round_before(person: Person, this: PatrolRound) -> PatrolRound | None:
    """The round before this one over the same area, else None."""
    earlier = rounds_in_sight(person).filter(area=this.area, starts_on__lt=this.starts_on)
    same_list = earlier.filter(checklist=this.checklist_id)
    return same_list.first() or earlier.first()


def usual_span(person: Person, *, now: datetime) -> Span:
    """The week that ends with the person's last visit in sight: what is asked about when nobody says."""
    codes = tuple(rights.codes(person, SEES))
    seen = Visit.objects.filter(within("jurisdiction", codes), state=VisitState.FINISHED, visited_at__lte=now)
    last = seen.aggregate(last=Max("visited_at"))["last"] or now
    until = timezone.localtime(last).date()
    return Span(until - timedelta(days=USUAL_DAYS - 1), until)


# ---- figures --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A town, an item or a type: what was counted there."""

    key: str
    name: str
    name_en: str
    visits: int = 0
    """Of an item: how often it was asked."""
    problems: int = 0
    failed_items: int = 0
    is_street: bool = False


@dataclass(frozen=True)
class Lookback:
    stands: int = 0
    recurred: int = 0
    not_inspected: int = 0

    @property
    def due(self) -> int:
        return self.stands + self.recurred + self.not_inspected

    @property
    def clean(self) -> bool:
        return self.due > 0 and not (self.recurred or self.not_inspected)


@dataclass(frozen=True)
class Brief:
    wanted: Wanted
    visits: int
    venues: int
    venues_failed: int
    failed_items: int
    towns: list[Line]
    """Every unit of the coarse level that was visited, sub-districts too."""
    items: list[Line]
    types: list[Line]
    lookback: Lookback
    towns_inspected: int = 0
    streets_inspected: int = 0
    town_problems: int = 0
    street_problems: int = 0
    sentence: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> int:
        """Venues with at least one failed item, as the newspaper counts."""
        return self.venues_failed

    @property
    def with_problems(self) -> list[Line]:
        """The units where something was found, the worst first."""
        return sorted((one for one in self.towns if one.problems), key=lambda one: (-one.problems, one.key))

    def as_dict(self) -> dict[str, Any]:
        """The contract's JSON, and beside it the figures of towns and of sub-districts apart, by item and by type."""
        span = self.wanted.span
        return {
            "from": span.since.isoformat(),
            "to": span.until.isoformat(),
            "area": self.wanted.area,
            "towns_inspected": self.towns_inspected,
            "streets_inspected": self.streets_inspected,
            "visits": self.visits,
            "venues": self.venues,
            "venues_failed": self.venues_failed,
            "problems": self.problems,
            "town_problems": self.town_problems,
            "street_problems": self.street_problems,
            "failed_items": self.failed_items,
            "by_town": [{"code": one.key, "name": one.name, "problems": one.problems} for one in self.with_problems],
            "by_item": [
                {"item": one.key, "name": one.name, "problems": one.problems, "failed_items": one.failed_items}
                for one in self.items
                if one.failed_items
            ],
            "by_type": [
                {"type": one.key, "name": one.name, "visits": one.visits, "problems": one.problems}
                for one in self.types
            ],
            "lookback": {
                "due": self.lookback.due,
                "stands": self.lookback.stands,
                "recurred": self.lookback.recurred,
                "not_inspected": self.lookback.not_inspected,
                "clean": self.lookback.clean,
            },
            "sentence": self.sentence,
        }


def brief_of(wanted: Wanted) -> Brief:
    """Count it: a fixed number of statements, whatever was visited."""
    visits = Visit.objects.filter(wanted.visited()).order_by()
    fails = Answer.objects.filter(wanted.visited("visit__"), result=Result.FAIL).order_by()
    totals = visits.aggregate(visits=Count("pk"), venues=Count("venue", distinct=True))
    failed = fails.aggregate(items=Count("pk"), venues=Count("visit__venue", distinct=True))
    towns = _by_town(visits, fails)
    streets = [one for one in towns if one.is_street]
    rural = [one for one in towns if not one.is_street and _is_unit(one.key)]
    brief = Brief(
        wanted=wanted,
        visits=totals["visits"],
        venues=totals["venues"],
        venues_failed=failed["venues"],
        failed_items=failed["items"],
        towns=towns,
        items=_by_item(wanted),
        types=_by_type(visits, fails),
        lookback=lookback_of(wanted),
        towns_inspected=len(rural),
        streets_inspected=len(streets),
        town_problems=sum(one.problems for one in rural),
        street_problems=sum(one.problems for one in streets),
    )
    return replace(brief, sentence=_sentence(brief))


def _by_town(visits: QuerySet[Visit], fails: QuerySet[Answer]) -> list[Line]:
    counted = visits.values_list("town").annotate(Count("pk")).order_by("town")
    found = fails.values_list("visit__town").annotate(Count("visit__venue", distinct=True), Count("pk"))
    failed = {town: (problems, items) for town, problems, items in found}
    names, kinds = places.names(town for town, _n in counted), places.kinds(town for town, _n in counted)
    lines = [
        Line(
            town,
            names.get(town, town),
            names.get(town, town),
            count,
            *failed.get(town, (0, 0)),
            is_street=kinds.get(town) == STREET,
        )
        for town, count in counted
    ]
    return sorted(lines, key=lambda one: (-one.problems, -one.failed_items, one.key))


def units_of(wanted: Wanted, *, streets: bool) -> list[str]:
    """The codes of the sub-districts visited, or of the towns, townships and area offices."""
    codes = set(Visit.objects.filter(wanted.visited()).order_by().values_list("town", flat=True).distinct())
    kinds = places.kinds(codes)
    return sorted(code for code in codes if _is_unit(code) and (kinds.get(code) == STREET) == streets)


def _is_unit(code: str) -> bool:
    """Whether the code is as fine as a town: a venue of which no more than the county is known lies in none."""
    return len(code) >= LENGTHS[1]


def _by_item(wanted: Wanted) -> list[Line]:
    asked = Answer.objects.filter(wanted.visited("visit__")).exclude(result="").order_by()
    failing = Q(result=Result.FAIL)
    rows = asked.values_list("key").annotate(
        asked=Count("pk"),
        problems=Count("visit__venue", filter=failing, distinct=True),
        failed=Count("pk", filter=failing),
    )
    found = sorted(rows, key=lambda row: (-row[3], row[0]))
    words = words_of(key for key, *_counts in found)
    return [Line(key, words[key].label, words[key].label_en, *counts) for key, *counts in found]


def _by_type(visits: QuerySet[Visit], fails: QuerySet[Answer]) -> list[Line]:
    kind = ("venue__kind", "venue__kind__name", "venue__kind__name_en")
    counted = visits.values_list(*kind).annotate(Count("pk")).order_by("venue__kind__position", "venue__kind")
    found = fails.values_list("visit__venue__kind").annotate(Count("visit__venue", distinct=True), Count("pk"))
    failed = {key: (problems, items) for key, problems, items in found}
    return [Line(key, name, name_en, count, *failed.get(key, (0, 0))) for key, name, name_en, count in counted]


def months_of(wanted: Wanted) -> list[tuple[date, int, int]]:
    """(first day, visits, problems) of each of the twelve months that end with the period's, the newest first."""
    last = wanted.span.until.replace(day=1)
    firsts = [_month(last, -back) for back in range(TREND_MONTHS)]
    year = replace(wanted, span=Span(firsts[-1], month_of(last).until), round=None)
    visits = Visit.objects.filter(year.visited()).order_by()
    counted = visits.annotate(month=TruncMonth("visited_at")).values_list("month").annotate(Count("pk"))
    fails = Answer.objects.filter(year.visited("visit__"), result=Result.FAIL).order_by()
    found = fails.annotate(month=TruncMonth("visit__visited_at")).values_list("month")
    seen = {month.date(): count for month, count in counted}
    problems = {month.date(): count for month, count in found.annotate(Count("visit__venue", distinct=True))}
    return [(first, seen.get(first, 0), problems.get(first, 0)) for first in firsts]


def month_of(first: date) -> Span:
    """The whole month that begins so."""
    return Span(first, _month(first, 1) - timedelta(days=1))


def _month(first: date, by: int) -> date:
    months = first.year * 12 + first.month - 1 + by
    return date(months // 12, months % 12 + 1, 1)


# ---- the look-back --------------------------------------------------------------------------------------------------


def due_failures(wanted: Wanted) -> QuerySet[Any]:
    """What the look-back of the period was over, each with `seen`: how it stood at the last look in the period."""
    start, end = wanted.span.start, wanted.span.end
    looks = Recheck.objects.filter(
        failure=OuterRef("pk"), at__gte=start, at__lt=end, visit__state=VisitState.FINISHED
    ).exclude(result="")
    venues = Q()
    if wanted.round:
        looks = looks.filter(visit__round=wanted.round)
        venues = Q(venue__in=wanted.round.venues.filter(drawn=True).values("venue"))
    open_at_start = Q(opened_at__lt=start) & (Q(closed_at=None) | Q(closed_at__gte=start))
    open_at_end = Q(closed_at=None) | Q(closed_at__gte=end)
    again = Failure.objects.filter(
        open_at_end,
        venue=OuterRef("venue"),
        key=OuterRef("key"),
        opened_at__gt=OuterRef("opened_at"),
        opened_at__lt=end,
    )
    found: QuerySet[Any] = Failure.objects.filter(venues & wanted.lies("jurisdiction"), opened_at__lt=end).alias(
        last=Subquery(looks.order_by("-at", "-pk").values("result")[:1])
    )
    mended = Q(last=RecheckResult.STANDS)
    return found.filter(open_at_start | Q(last__isnull=False)).annotate(
        seen=Case(
            When(last__isnull=True, then=Value(RecheckResult.NOT_INSPECTED)),
            # Seen in order by one and failing by another at once, or again after that: it is open.
            When(mended & (open_at_end | Exists(again)), then=Value(RecheckResult.RECURRED)),
            default=F("last"),
            output_field=CharField(),
        )
    )


def lookback_of(wanted: Wanted) -> Lookback:
    rows = due_failures(wanted).order_by().values_list("seen").annotate(Count("pk"))
    return Lookback(**{str(seen): count for seen, count in rows})


def require_clean(wanted: Wanted) -> Lookback:
    """Raises NotClean: `nothing_looked_back`, or `lookback_not_clean` naming what is open or was not inspected."""
    found = lookback_of(wanted)
    if not found.due:
        raise NotClean("nothing_looked_back", _("Nothing was due for a look-back in this period; nothing is said."))
    if found.clean:
        return found
    rows = due_failures(wanted).exclude(seen=RecheckResult.STANDS).order_by("opened_at", "pk")[:NAMED]
    left = list(rows.values_list("venue__name", "key", "seen"))
    words = words_of(key for _venue, key, _seen in left)
    named = [(venue, words[key].here, str(RecheckResult(seen).label)) for venue, key, seen in left]
    count = found.recurred + found.not_inspected
    parts = [f"{venue}: {item} ({seen})" for venue, item, seen in named]
    if count > len(parts):
        parts.append(_("and %(count)d more") % {"count": count - len(parts)})
    raise NotClean(
        "lookback_not_clean",
        _("“Nothing left” cannot be said: %(left)s.") % {"left": "; ".join(parts)},
        named,
    )


def state_lookback_clean(*, by: Person, now: datetime, wanted: Wanted) -> dict[str, str]:
    """Have it on record that the look-back of the period left nothing; returns the sentence that says so, {zh, en}.

    Raises NotAllowed and what require_clean raises.
    """
    mine = rights.codes(by, STATES)
    if wanted.area or not mine:
        rights.require(by, STATES, wanted.area)
    # Who states it vouches for no more than what is theirs.
    stated = replace(wanted, codes=tuple(mine))
    found = require_clean(stated)
    span = stated.span
    audit.record(
        by=by,
        now=now,
        action="state_lookback_clean",
        subject_type="period",
        subject_id=f"{span.since}/{span.until}",
        detail={"area": stated.area, "codes": mine, "due": found.due},
    )
    return sentence.looked_back(found.due, found.stands, found.recurred, found.not_inspected)


def _sentence(brief: Brief) -> dict[str, str]:
    lookback = brief.lookback
    units = [(one.name, one.problems, one.is_street) for one in brief.with_problems]
    return sentence.brief(
        brief.wanted.span.since,
        brief.wanted.span.until,
        towns=(brief.towns_inspected, [(name, count) for name, count, is_street in units if not is_street]),
        streets=(brief.streets_inspected, [(name, count) for name, count, is_street in units if is_street]),
        visits=brief.visits,
        lookback=(lookback.due, lookback.stands, lookback.recurred, lookback.not_inspected),
    )


# ---- the rows behind the figures ------------------------------------------------------------------------------------


def visits_of(wanted: Wanted) -> QuerySet[Visit]:
    return Visit.objects.filter(wanted.visited())


def fails_of(wanted: Wanted) -> QuerySet[Answer]:
    return Answer.objects.filter(wanted.visited("visit__"), result=Result.FAIL)


def venues_failed_in(wanted: Wanted) -> QuerySet[Venue]:
    return Venue.objects.filter(pk__in=fails_of(wanted).values("visit__venue"))
