"""When reports are due, what is a fever, who is told when, how soon a request is seen to: data with dates."""

import json
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

REFERENCE = Path(__file__).parent.parent / "reference" / "care.json"


class Symptom(models.TextChoices):
    """What a person may tick. Each of them is told to somebody."""

    COUGH = "cough", _("cough")
    THROAT = "throat", _("sore throat")
    BREATH = "breath", _("short of breath")
    TIRED = "tired", _("very tired")
    SMELL = "smell", _("no smell or taste")
    NOSE = "nose", _("blocked or runny nose")
    EYES = "eyes", _("red eyes")
    ACHES = "aches", _("aching muscles")
    BELLY = "belly", _("diarrhoea")


@dataclass(frozen=True)
class SlotRule:
    """A part of the day in which a report is due: from `opens` on it can be made, at `cut_off` it is missed."""

    slot: str
    opens: time
    cut_off: time


@dataclass(frozen=True)
class CareRule:
    since: date
    fever: Decimal
    """Degrees Celsius; from here on it is one."""
    slots: tuple[SlotRule, ...]
    silent_after: int
    """So many reports missed in a row are an alert."""
    escalate_minutes: tuple[int, ...]
    """Until the office is told, then until its leader is."""
    close_minutes: int
    """Within which an alert that was taken must be closed."""
    request_hours: dict[str, int]
    requests_a_day: int
    """Of one person; more are for the telephone."""
    source: str


@cache
def _rules() -> tuple[CareRule, ...]:
    told = json.loads(REFERENCE.read_text(encoding="utf-8"))["rules"]
    found = [
        CareRule(
            since=date.fromisoformat(row["since"]),
            fever=Decimal(row["fever"]),
            slots=tuple(
                SlotRule(one["slot"], time.fromisoformat(one["opens"]), time.fromisoformat(one["cut_off"]))
                for one in row["slots"]
            ),
            silent_after=row["silent_after"],
            escalate_minutes=tuple(row["escalate_minutes"]),
            close_minutes=row["close_minutes"],
            request_hours=row["request_hours"],
            requests_a_day=row["requests_a_day"],
            source=row["source"],
        )
        for row in told
    ]
    return tuple(sorted(found, key=lambda rule: rule.since))


def rule_on(day: date) -> CareRule:
    """The rule in force on the day; of a day before all of them the first."""
    in_force = [rule for rule in _rules() if rule.since <= day]
    return in_force[-1] if in_force else _rules()[0]


def today(now: datetime) -> date:
    """The day of `now` by the office's clock."""
    return timezone.localtime(now).date()


def moment_of(day: date, at: time) -> datetime:
    """An hour of the office's clock on the day."""
    return timezone.make_aware(datetime.combine(day, at))


def open_slots(now: datetime) -> list[str]:
    """The slots of today for which a report can be made by now, the first first."""
    day = today(now)
    return [one.slot for one in rule_on(day).slots if moment_of(day, one.opens) <= now]
