"""Confirmed cases, and from when until when others could catch it from them."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from .errors import ScreenError

CASE_COLUMNS = ("person", "onset_at", "sampled_at", "isolated_at")


@dataclass(frozen=True, slots=True)
class WindowRule:
    """From `since` on (by the day of onset or sampling), how many days before either a case counts as infectious."""

    since: date
    before_onset_days: int
    before_sampling_days: int


# 7th to 9th plan for prevention and control: two days before onset, or before sampling if without symptoms.
WINDOW_RULES = (WindowRule(date(2020, 2, 1), 2, 2),)


@dataclass(frozen=True, slots=True)
class Case:
    """Times carry their zone; without an onset the sampling counts, without isolation the person still goes about."""

    person: str
    onset_at: datetime | None
    sampled_at: datetime | None
    isolated_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.person:
            raise ScreenError("no_person", "A case needs its person token.")
        if self.onset_at is None and self.sampled_at is None:
            raise ScreenError("no_onset", "A case needs the time of onset or of sampling.")
        if any(t is not None and t.tzinfo is None for t in (self.onset_at, self.sampled_at, self.isolated_at)):
            raise ScreenError("naive_time", "A case's times need their zone.")

    def window(self, rules: Sequence[WindowRule] = WINDOW_RULES) -> tuple[datetime, datetime | None]:
        """From when until when (None: still). Raises ScreenError `no_rule`, or `bad_window` if isolated before it."""
        begun = self.onset_at or self.sampled_at
        assert begun is not None
        in_force = [rule for rule in rules if rule.since <= begun.date()]
        if not in_force:
            raise ScreenError("no_rule", f"No rule says how long before {begun.date()} a case was infectious.")
        rule = max(in_force, key=lambda rule: rule.since)
        days = rule.before_onset_days if self.onset_at else rule.before_sampling_days
        opens = begun - timedelta(days=days)
        if self.isolated_at is not None and self.isolated_at < opens:
            raise ScreenError("bad_window", "The case was isolated before being infectious.")
        return opens, self.isolated_at


def read_cases(text: str, zone: tzinfo | None = None) -> list[Case]:
    """Cases of a CSV with the contract's columns; times without an offset are read in `zone`, or refused without one.

    Raises ScreenError with the row (0 is the first below the heading): `missing_column`, `bad_time`, what Case raises.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    for name in ("person", "sampled_at"):
        if name not in (rows.fieldnames or ()):
            raise ScreenError("missing_column", f"The cases have no column {name!r}.")
    cases = []
    for number, row in enumerate(rows):
        try:
            onset, sampled, isolated = (_read_time(row.get(name), zone) for name in CASE_COLUMNS[1:])
            cases.append(Case((row["person"] or "").strip(), onset, sampled, isolated))
        except ScreenError as error:
            raise ScreenError(error.code, str(error), number) from error
    return cases


def _read_time(text: str | None, zone: tzinfo | None) -> datetime | None:
    if not (text or "").strip():
        return None
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError as error:
        raise ScreenError("bad_time", f"{text!r} is not a time in ISO 8601.") from error
    return moment.replace(tzinfo=zone) if moment.tzinfo is None and zone is not None else moment
