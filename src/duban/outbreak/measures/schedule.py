"""What somebody who was exposed must do on which day, and why: worked out from exposures and rules alone.

Day 0 is the day that is counted from, the last of the exposure or the arrival in the district; day n is n days later,
and a phase of 14 days ends with day 14. Each exposure is followed day by day under the version of its rule that is in
force on that day, until the first day on which none asks for anything: who is in a measure when a new version comes
into force goes on under it, who is through is not called back. Of several exposures the strictest governs each day.
No clock: the same exposures and rules give the same schedule, whenever they are asked.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from duban.core.integrity import canonical, sha256
from duban.outbreak.models import CountedFrom, ExposureKind, Measure

SEVERITY = {measure.value: rank for rank, measure in enumerate(Measure)}
"""The strictest measure has the smallest number."""
AT_HOME = frozenset({Measure.HOME.value, Measure.MONITOR.value})
"""Measures in which somebody is visited where they live."""
OF_CONTACTS = frozenset({ExposureKind.CONTACT.value, ExposureKind.SECOND.value})
SECOND = "2"
"""Slot of the second sample of a day."""
DAY = timedelta(days=1)
Why = dict[str, Any]


class Exposed(NamedTuple):
    """One exposure by days of the office's clock. `added`: when it came onto the file; nothing is due before that."""

    kind: str
    measure: str
    basis: str
    last: date
    arrived: date | None
    added: date

    @property
    def key(self) -> str:
        """Of the rule that governs it: contacts by what they are, others by what the order asks for."""
        return self.kind if self.kind in OF_CONTACTS else f"{ExposureKind.AREA.value}:{self.measure}"


@dataclass(frozen=True)
class Rule:
    """One version of a rule. `phases`: (measure, days); `until`: last day on which somebody may start under it."""

    id: int
    key: str
    office: str
    since: date
    until: date | None
    phases: tuple[tuple[str, int], ...]
    test_days: tuple[int, ...]
    counted_from: str
    double: bool
    reports: int
    visit_every: int
    quiet_days: int

    @property
    def days(self) -> int:
        return sum(days for _measure, days in self.phases)

    @cached_property
    def digest(self) -> str:
        content = {name: value for name, value in vars(self).items() if name not in ("id", "digest")}
        dates = {"since": self.since.isoformat(), "until": self.until.isoformat() if self.until else None}
        return sha256(canonical(content | dates))


@dataclass(frozen=True)
class Phase:
    """Days of one measure, both ends included. `reports`: how many a day."""

    measure: str
    first: date
    last: date
    reports: int
    why: Why

    def as_json(self) -> dict[str, Any]:
        days = {"first": self.first.isoformat(), "last": self.last.isoformat()}
        return {"measure": self.measure, **days, "reports": self.reports, "why": self.why}


@dataclass(frozen=True)
class Schedule:
    """`phases` without gap or overlap; `tests` and `visits` with the reason of each date, none after `ends_on`.

    `past`: it was over before the first of its exposures came onto the file, so there is nothing to do.
    """

    phases: tuple[Phase, ...]
    tests: Mapping[tuple[date, str], Why]
    visits: Mapping[date, Why]
    known_on: date
    past: bool
    quiet_days: int
    digest: str

    @property
    def starts_on(self) -> date:
        return self.phases[0].first

    @property
    def ends_on(self) -> date:
        return self.phases[-1].last

    def phase_on(self, day: date) -> Phase:
        """The phase of a day; after the end the last one, which holds until somebody is released."""
        return next((phase for phase in self.phases if day <= phase.last), self.phases[-1])

    def reports_a_day(self, day: date) -> int:
        return self.phase_on(day).reports if day <= self.ends_on else 0


class Span(NamedTuple):
    """Days of one exposure under one version of its rule in one measure."""

    measure: str
    first: date
    last: date
    rule: Rule


@dataclass(frozen=True)
class Track:
    """What one exposure by itself asks for."""

    of: Exposed
    day_0: date
    counted: str
    spans: tuple[Span, ...]
    tests: tuple[tuple[date, Rule], ...]
    digest: str
    """SHA-256 of the exposure, its days, and the rules that it goes under."""

    @property
    def last(self) -> date:
        return self.spans[-1].last

    @property
    def double(self) -> bool:
        return self.spans[-1].rule.double

    def why(self, code: str, rule: Rule, day: date, **more: Any) -> Why:
        """`day`: counted from day 0; `counted`: what day 0 is."""
        return {
            "code": code,
            "day": (day - self.day_0).days,
            "from": self.day_0.isoformat(),
            "counted": self.counted,
            "kind": self.of.kind,
            "basis": self.of.basis,
            "rule": rule.id,
            **more,
        }


class Rulebook:
    """Every version that may hold for a person; of those in force on a day the one of the finest office, then the
    newest, is taken. What one exposure asks for is worked out once."""

    def __init__(self, rules: Iterable[Rule]):
        self.versions: dict[str, list[Rule]] = defaultdict(list)
        for rule in rules:
            self.versions[rule.key].append(rule)
        self.changes = {key: _changes(versions) for key, versions in self.versions.items()}
        self.tracks: dict[Exposed, Track | None] = {}

    def track(self, exposed: Exposed) -> "Track | None":
        if exposed not in self.tracks:
            key = exposed.key
            versions = self.versions.get(key)
            self.tracks[exposed] = _track(exposed, versions, self.changes[key]) if versions else None
        return self.tracks[exposed]


def schedule(exposures: Iterable[Exposed], rules: Rulebook) -> Schedule | None:
    """The schedule of one person, or None where no rule asks for anything."""
    ordered = sorted(exposures, key=_order)
    tracks = [track for exposed in ordered if (track := rules.track(exposed)) is not None]
    spans = _strictest(tracks)
    if not spans:
        return None
    stretch = _last_stretch(spans)
    start = stretch[0][1].first
    held = [track for track in tracks if track.last >= start]
    known_on = min(track.of.added for track in held)
    phases = _phases(stretch, held)
    return Schedule(
        phases=phases,
        tests=_tests(held, start),
        visits=_visits(stretch, known_on),
        known_on=known_on,
        past=phases[-1].last < known_on,
        quiet_days=max(track.spans[-1].rule.quiet_days for track in held),
        digest=sha256("\n".join(track.digest for track in tracks).encode()),
    )


def _order(exposed: Exposed) -> tuple[Any, ...]:
    return (SEVERITY[exposed.measure], exposed.kind, exposed.basis, exposed.last, exposed.added)


# ---- one exposure ---------------------------------------------------------------------------------------------------


def _changes(versions: Iterable[Rule]) -> list[date]:
    """The days on which another version may begin to hold."""
    found = {rule.since for rule in versions}
    return sorted(found | {rule.until + DAY for rule in versions if rule.until})


def _track(exposed: Exposed, versions: Sequence[Rule], changes: Sequence[date]) -> Track | None:
    first = _in_force(versions, exposed.last) or _first_to_come(versions, exposed.last)
    if first is None:
        return None
    day_0, counted = _day_0(exposed, first)
    spans: list[Span] = []
    tests: list[tuple[date, Rule]] = []
    day, rule = day_0, _in_force(versions, day_0)
    while True:
        change = next((one for one in changes if one > day), None)
        if rule is not None:
            until = change - DAY if change is not None else date.max
            part = _under(rule, day_0, day, until)
            spans += part
            if not part:
                break
            dues = (day_0 + off * DAY for off in rule.test_days)
            tests += [(due, rule) for due in dues if day <= due <= part[-1].last]
            if day_0 + rule.days * DAY <= until:
                break
        if change is None:
            break
        # Past the last day of every version somebody goes on under the one they are in.
        day, rule = change, _in_force(versions, change) or rule
    if not spans:
        return None
    # Not the rules alone: a version that asks for nothing any more ends the one before and leaves no span of its own.
    seen = [[str(value) for value in exposed]]
    seen += [[span.measure, str(span.first), str(span.last), span.rule.digest] for span in spans]
    # What is counted from a day to come, an arrival, holds from the day on which it is known.
    spans[0] = spans[0]._replace(first=min(spans[0].first, exposed.added))
    tests.sort(key=lambda one: one[0])
    return Track(exposed, day_0, counted, tuple(spans), tuple(tests), sha256(canonical(seen)))


def _day_0(exposed: Exposed, rule: Rule) -> tuple[date, str]:
    if rule.counted_from == CountedFrom.ARRIVAL and exposed.arrived is not None and exposed.arrived >= exposed.last:
        return exposed.arrived, CountedFrom.ARRIVAL.value
    return exposed.last, CountedFrom.EXPOSURE.value


def _in_force(versions: Sequence[Rule], day: date) -> Rule | None:
    held = [rule for rule in versions if rule.since <= day and (rule.until is None or day <= rule.until)]
    return max(held, key=lambda rule: (len(rule.office), rule.since), default=None)


def _first_to_come(versions: Sequence[Rule], day: date) -> Rule | None:
    coming = [rule for rule in versions if rule.since > day]
    return min(coming, key=lambda rule: (rule.since, -len(rule.office)), default=None)


def _under(rule: Rule, day_0: date, start: date, until: date) -> list[Span]:
    """What the rule asks for from `start` to `until`; its first phase holds day 0 itself."""
    spans = []
    first, end = day_0, day_0
    for measure, days in rule.phases:
        end += days * DAY
        if first <= until and end >= start:
            spans.append(Span(measure, max(first, start), min(end, until), rule))
        first = end + DAY
    return spans


# ---- all of them ----------------------------------------------------------------------------------------------------


def _strictest(tracks: Sequence[Track]) -> list[tuple[Track, Span]]:
    """For each run of days the track and span that governs it, in the order of time; runs may leave gaps."""
    if len(tracks) == 1:
        return [(tracks[0], span) for span in tracks[0].spans]
    cuts = sorted({day for track in tracks for span in track.spans for day in (span.first, span.last + DAY)})
    found: list[tuple[Track, Span]] = []
    for first, after in pairwise(cuts):
        on = [(track, span) for track in tracks for span in track.spans if span.first <= first <= span.last]
        if on:
            track, span = min(on, key=lambda one: (SEVERITY[one[1].measure], -one[0].last.toordinal()))
            found.append((track, span._replace(first=first, last=after - DAY)))
    return found


def _last_stretch(spans: Sequence[tuple[Track, Span]]) -> list[tuple[Track, Span]]:
    """The spans after the last gap: what went before was over."""
    start = 0
    for at in range(1, len(spans)):
        if spans[at][1].first > spans[at - 1][1].last + DAY:
            start = at
    return list(spans[start:])


def _phases(stretch: Sequence[tuple[Track, Span]], held: Sequence[Track]) -> tuple[Phase, ...]:
    """Neighbours in the same measure and under the same rule are one phase."""
    phases: list[Phase] = []
    governs: list[tuple[Track, Rule]] = []
    for track, span in stretch:
        reports = max(
            other.rule.reports for one in held for other in one.spans if other.first <= span.first <= other.last
        )
        last = phases[-1] if phases else None
        if last and last.measure == span.measure and last.reports == reports and governs[-1] == (track, span.rule):
            phases[-1] = Phase(last.measure, last.first, span.last, reports, track.why("phase", span.rule, span.last))
        else:
            phases.append(Phase(span.measure, span.first, span.last, reports, track.why("phase", span.rule, span.last)))
            governs.append((track, span.rule))
    return tuple(phases)


def _tests(held: Sequence[Track], start: date) -> dict[tuple[date, str], Why]:
    """One a day, of all exposures; where two samples are asked for, the last day of tests has both.

    Tests of days before the exposure was known are made up for by one on the day on which it was.
    """
    found: dict[tuple[date, str], Why] = {}
    doubles: dict[date, Why] = {}
    for track in held:
        rule_on = {day: rule for day, rule in track.tests if day >= start}
        missed = [day for day in rule_on if day < track.of.added]
        for day, rule in rule_on.items():
            if day >= track.of.added:
                found.setdefault((day, ""), track.why("test", rule, day))
        if missed and track.of.added <= track.last:
            late = track.why("late", rule_on[missed[-1]], missed[-1], was=missed[-1].isoformat())
            found.setdefault((track.of.added, ""), late)
        if track.double and rule_on:
            last = max(max(rule_on), track.of.added)
            if last <= track.last:
                doubles.setdefault(last, track.why("double", track.spans[-1].rule, last))
    if doubles:
        last = max(doubles)
        found[last, SECOND] = doubles[last]
    return dict(sorted(found.items()))


def _visits(stretch: Sequence[tuple[Track, Span]], known_on: date) -> dict[date, Why]:
    """The first when somebody starts to stay at home, then every so many days."""
    found: dict[date, Why] = {}
    run_first: date | None = None
    for track, span in stretch:
        if span.measure not in AT_HOME or not span.rule.visit_every:
            run_first = None
            continue
        run_first = run_first or max(span.first, known_on)
        day = max(span.first, run_first)
        day += -(day - run_first).days % span.rule.visit_every * DAY
        while day <= span.last:
            found[day] = track.why("visit", span.rule, day, every=span.rule.visit_every)
            day += span.rule.visit_every * DAY
    return found
