"""Another version of a rule: looked at before it is kept, kept with its notice, then everybody planned anew."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError
from duban.core.text import is_plain
from duban.outbreak.measures.plans import Outcome, Scheduler, outcomes_of, replan
from duban.outbreak.measures.rules import all_rules, as_rule
from duban.outbreak.models import CaseFile, CountedFrom, FileState, Measure, MeasureRule
from duban.places.codes import within

RULES = "measure.rules"
KEYS = ("area:centralised", "area:home", "area:test", "area:monitor", "contact", "second")
MAX_DAYS = 60
BATCH = 900
Progress = Callable[[str, int, int], None]


class BadRule(DubanError):
    pass


@dataclass(frozen=True)
class RuleDraft:
    """A version of a rule as it is asked for. `phases`: (measure, days), one after the other."""

    key: str
    since: date
    name: str
    name_en: str
    phases: tuple[tuple[str, int], ...]
    test_days: tuple[int, ...]
    counted_from: str
    double: bool
    reports: int
    visit_every: int
    quiet_days: int
    source: str
    until: date | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "since": self.since.isoformat(),
            "until": self.until.isoformat() if self.until else None,
        }

    @staticmethod
    def from_json(told: dict[str, Any]) -> "RuleDraft":
        lists = {"phases": tuple((one, days) for one, days in told["phases"]), "test_days": tuple(told["test_days"])}
        days = {name: date.fromisoformat(told[name]) if told[name] else None for name in ("since", "until")}
        return RuleDraft(**told | lists | days)


def office_of(person: Person, at: str = "") -> str:
    """The code for which the person sets rules: `at`, or the widest of theirs. Raises NotAllowed (`not_allowed`)."""
    codes = rights.codes(person, RULES)
    if not codes or at:
        rights.require(person, RULES, at)
    return at or min(codes, key=lambda code: (len(code), code))


def checked(draft: RuleDraft) -> RuleDraft:
    """The draft, its words stripped; raises BadRule with the field at fault."""
    if draft.key not in KEYS:
        raise BadRule("unknown_rule", _("There is no rule of this kind."), field="key")
    if not draft.phases or any(one not in Measure.values or not 1 <= days <= MAX_DAYS for one, days in draft.phases):
        raise BadRule("bad_phases", _("At least one measure, each of 1 to 60 days."), field="phases")
    whole = sum(days for _measure, days in draft.phases)
    if whole > MAX_DAYS:
        raise BadRule("bad_phases", _("All measures together last 60 days at most."), field="phases")
    if any(not 0 <= day <= whole for day in draft.test_days):
        raise BadRule(
            "bad_test_days", _("A test lies on a day of the measures, none after their end."), field="test_days"
        )
    if draft.double and not draft.test_days:
        raise BadRule("bad_test_days", _("Two samples before release need a day of tests."), field="test_days")
    if draft.counted_from not in CountedFrom.values:
        raise BadRule("bad_count", _("Days are counted from the exposure or the arrival."), field="counted_from")
    for name, most in (("reports", 2), ("visit_every", MAX_DAYS), ("quiet_days", 14)):
        if not 0 <= getattr(draft, name) <= most:
            raise BadRule("bad_number", _("A whole number from 0 to %(most)d.") % {"most": most}, field=name)
    if draft.until is not None and draft.until < draft.since:
        raise BadRule("bad_until", _("It ends before it begins."), field="until")
    return replace(draft, **_words(draft))


def _words(draft: RuleDraft) -> dict[str, Any]:
    told = {"name": 100, "name_en": 100, "source": 300}
    found = {}
    for field, most in told.items():
        text = getattr(draft, field).strip()
        if (not text and field != "name_en") or len(text) > most or not is_plain(text):
            raise BadRule("bad_words", _("Plain words, %(most)d characters at most.") % {"most": most}, field=field)
        found[field] = text
    found["test_days"] = tuple(sorted(set(draft.test_days)))
    return found


def _row(draft: RuleDraft, office: str) -> MeasureRule:
    return MeasureRule(
        key=draft.key,
        office=office,
        since=draft.since,
        until=draft.until,
        name=draft.name,
        name_en=draft.name_en,
        phases=[{"measure": measure, "days": days} for measure, days in draft.phases],
        test_days=list(draft.test_days),
        counted_from=draft.counted_from,
        double_before_release=draft.double,
        reports_a_day=draft.reports,
        visit_every=draft.visit_every,
        quiet_days=draft.quiet_days,
        source=draft.source,
    )


# ---- before anything is kept ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RulePreview:
    """What a version would change; nothing of it is kept. `moves`: (last day now, last day then, people), the most
    people first; None: no plan, on that side. `tests_more`, `tests_less`: tests from today on, of all people."""

    followed: int
    changed: int
    moves: list[tuple[date | None, date | None, int]]
    tests_more: int
    tests_less: int


def files_under(office: str) -> Q:
    """The files for which the rules of an office may hold, which its officers follow."""
    return within("office", [office]) | within("town", [office])


def preview_rule(
    *, by: Person, now: datetime, draft: RuleDraft, at: str = "", progress: Progress = lambda *_told: None
) -> RulePreview:
    """Whom another version would move, and where to.

    Raises NotAllowed (`not_allowed`), BadRule, Conflict (`rule_known`).
    """
    office = office_of(by, at)
    draft = checked(draft)
    _require_new(draft, office)
    zone = timezone.get_default_timezone()
    today = timezone.localtime(now, zone).date()
    rules = all_rules()
    row = _row(draft, office)
    row.pk = 0
    before, then = Scheduler(rules), Scheduler([*rules, as_rule(row)])
    tally = _Tally(today)
    for batch in _followed(office, progress):
        for old, new in zip(outcomes_of(batch, before, zone), outcomes_of(batch, then, zone), strict=True):
            tally.take(old, new)
    return tally.told()


def _followed(office: str, progress: Progress) -> Iterator[dict[uuid.UUID, CaseFile]]:
    """The files that are followed there, some hundred at a time in the order of their keys."""
    files = CaseFile.objects.filter(files_under(office), state=FileState.OPEN, merged_into=None)
    total, done, last = files.count(), 0, None
    files = files.only("pk", "office", "town", "no_measure", "confirmed_at").order_by("pk")
    while batch := list((files if last is None else files.filter(pk__gt=last))[:BATCH]):
        progress("people", done, total)
        yield {file.pk: file for file in batch}
        last, done = batch[-1].pk, done + len(batch)


class _Tally:
    def __init__(self, today: date):
        self.today = today
        self.followed = self.more = self.less = 0
        self.moves: Counter[tuple[date | None, date | None]] = Counter()

    def take(self, old: Outcome, new: Outcome) -> None:
        self.followed += 1
        mine = old.schedule.digest if old.schedule else old.no_measure
        theirs = new.schedule.digest if new.schedule else new.no_measure
        if mine == theirs:
            return
        ends = (old.schedule.ends_on if old.schedule else None, new.schedule.ends_on if new.schedule else None)
        self.moves[ends] += 1
        was, will = self._tests(old), self._tests(new)
        self.more += len(will - was)
        self.less += len(was - will)

    def _tests(self, outcome: Outcome) -> set[tuple[date, str]]:
        return {one for one in outcome.schedule.tests if one[0] >= self.today} if outcome.schedule else set()

    def told(self) -> RulePreview:
        moves = [(old, new, people) for (old, new), people in self.moves.most_common()]
        return RulePreview(self.followed, sum(self.moves.values()), moves, self.more, self.less)


# ---- keeping --------------------------------------------------------------------------------------------------------


def _require_new(draft: RuleDraft, office: str) -> None:
    if MeasureRule.objects.filter(key=draft.key, office=office, since=draft.since).exists():
        raise Conflict(
            "rule_known",
            _("A version from this day on is there already; a correction begins a day later."),
            field="since",
        )


@transaction.atomic
def add_rule(*, by: Person, now: datetime, draft: RuleDraft, at: str = "") -> MeasureRule:
    """Keep another version; plans follow when `replan_office` runs.

    Raises NotAllowed (`not_allowed`), BadRule, Conflict (`rule_known`).
    """
    office = office_of(by, at)
    draft = checked(draft)
    _require_new(draft, office)
    row = _row(draft, office)
    row.added_by, row.added_at = by.as_actor(), now
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        _require_new(draft, office)
        raise
    detail = {"key": row.key, "office": office, "since": row.since.isoformat()}
    audit.record(by=by, now=now, action="add_rule", subject_type="measure_rule", subject_id=row.pk, detail=detail)
    return row


def replan_office(*, now: datetime, office: str, progress: Progress = lambda *_told: None) -> int:
    """Bring the plans of everybody whom the office's rules may hold for in line; how many changed. Stopped half-way it
    can be run again."""
    changed = 0
    for batch in _followed(office, progress):
        changed += replan(now=now, file_ids=list(batch))
    return changed


def versions_for(codes: Sequence[str]) -> list[MeasureRule]:
    """The built-in versions and those of these offices, above and below them: by key, the newest first."""
    here = Q(office="") | within("office", codes)
    above = Q(office__in={code[:length] for code in codes for length in (6, 9, 12) if length <= len(code)})
    rows = MeasureRule.objects.filter(here | above).order_by("-since", "office")
    return sorted(rows, key=lambda row: KEYS.index(row.key) if row.key in KEYS else len(KEYS))
