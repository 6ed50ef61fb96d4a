"""All that the leader's page tells of an area, counted at once and kept: its reader never waits for it.

Whoever opens the page reads the newest count with its time. One older than five minutes has the next one counted in
the background. Where a count is quick, one of the last half hour is made while the reader waits: a small office may
have nobody working in the background.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from duban.commons.models import Organisation
from duban.commons.register.filters import in_areas
from duban.decisions.models import Decision, DecisionState, Meeting, MeetingState
from duban.ledger.overview import overview_at as ledger_at
from duban.outbreak.desk.overview import overview_at as outbreak_at
from duban.patrol.overview import overview_at as patrol_at
from duban.places.codes import within
from duban.web.models import KeptFigures
from duban.web.progress import has_work, progress_of

FRESH, STALE = timedelta(minutes=5), timedelta(minutes=30)
QUICK_MS = 1500
"""A count that took no longer may be waited for."""
WEEK = timedelta(days=7)
SHOWN = 6
SCHEMA = 1
"""Of what is kept: another one is counted anew."""


@dataclass(frozen=True)
class Figures:
    """A count, when it was made, and whether it should be made anew."""

    at: datetime
    value: Mapping[str, Any]
    is_old: bool


def figures_at(code: str, now: datetime) -> Figures:
    """The newest count of the area; made here where there is none, or an old one that was quickly made."""
    kept = KeptFigures.objects.filter(code=code).first()
    unknown = kept is not None and kept.value.get("schema") != SCHEMA
    if kept is None or unknown or (is_quick(kept) and not timedelta() <= now - kept.at < STALE):
        kept = count_again(code, now=now)
    return Figures(kept.at, kept.value, now - kept.at > FRESH)


def is_quick(kept: KeptFigures) -> bool:
    return kept.took_ms <= QUICK_MS


def count_again(code: str, *, now: datetime) -> KeptFigures:
    """Count the area and keep the count; of two at once the later one stays."""
    began = time.monotonic()
    value = count_area(code, now)
    facts = {"at": now, "value": value, "asked_at": None, "took_ms": round(1000 * (time.monotonic() - began))}
    kept, _made = KeptFigures.objects.update_or_create(code=code, defaults=facts)
    return kept


def ask_for_count(code: str, *, now: datetime) -> bool:
    """Whether a new count is to be ordered now: once in five minutes, however many read the page."""
    waiting = Q(asked_at=None) | Q(asked_at__lt=now - FRESH)
    return bool(KeptFigures.objects.filter(waiting, code=code).update(asked_at=now))


def count_area(code: str, now: datetime) -> dict[str, Any]:
    """Everything at one moment, as plain JSON."""
    return {
        "schema": SCHEMA,
        "ledger": asdict(ledger_at(code, now)),
        "patrol": asdict(patrol_at(code, now)),
        "outbreak": asdict(outbreak_at(code, now)),
        "organisations": _organisations(code, now),
        "decisions": _decisions(code, now),
    }


def _organisations(code: str, now: datetime) -> dict[str, Any]:
    standing = Organisation.objects.filter(in_areas([code]), dissolved_on=None).order_by()
    tiers = dict(standing.values_list("tier").annotate(n=Count("pk")))
    year = timezone.localdate(now).year
    return {
        "all": sum(tiers.values()),
        "tiers": tiers,
        "founded": standing.filter(founded__year=year).count(),
        "year": year,
    }


def decisions_at(code: str) -> QuerySet[Decision]:
    """In force: of the area's bodies, or led by a unit there."""
    scope = within("meeting__body__jurisdiction", [code]) | within("lead_code", [code])
    return Decision.objects.filter(scope, state=DecisionState.IN_FORCE)


def _decisions(code: str, now: datetime) -> dict[str, Any]:
    today = timezone.localdate(now)
    in_force = decisions_at(code)
    late, idle = Q(due_on__lt=today), ~has_work()
    counts = in_force.order_by().aggregate(
        in_force=Count("pk"),
        late=Count("pk", filter=late),
        no_work=Count("pk", filter=idle),
        wanting=Count("pk", filter=late | idle),
        soon=Count("pk", filter=Q(due_on__gte=today, due_on__lte=today + WEEK)),
    )
    first = in_force.select_related("meeting__body").order_by(
        F("due_on").asc(nulls_last=True), "-meeting__at", "position"
    )
    shown = list(first[:SHOWN])
    progress = progress_of(shown, now, known=())
    meetings = Meeting.objects.filter(
        within("body__jurisdiction", [code]), state=MeetingState.PLANNED, at__gte=now, at__lt=now + WEEK
    )
    return counts | {
        "meetings": meetings.count(),
        "lines": [
            {
                "id": str(one.pk),
                "text": one.text,
                "unit": one.lead_unit,
                "due_on": one.due_on.isoformat() if one.due_on else "",
                "late": one.due_on is not None and one.due_on < today,
                "standing": str(progress[one.pk].standing),
                "percent": progress[one.pk].percent,
            }
            for one in shown
        ],
    }
