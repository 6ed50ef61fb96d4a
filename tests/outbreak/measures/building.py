"""Files with exposures of January 2021, made straight into the tables."""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from duban.core.errors import DubanError
from duban.core.sealed_text import seal_text
from duban.outbreak.models import CaseExposure, CaseFile, Measure

OFFICE, TOWN = "110112", "110112106"
MAKER = {"username": "", "name": "test", "roles": []}


def make_file(now: datetime, *, town: str = TOWN, **more: Any) -> CaseFile:
    key = uuid.uuid4()
    made: dict[str, Any] = {
        "id": key,
        "office": OFFICE,
        "number": f"110112-2021-F{key.hex[:12]}",
        "person": key.hex,
        "sealed": seal_text("{}"),
        "town": town,
        "stay": town,
        "opened_at": now,
        "origin": "form",
    }
    return CaseFile.objects.create(**made | more)


def expose(
    file: CaseFile,
    last: datetime,
    now: datetime,
    *,
    kind: str = "area",
    measure: str = Measure.CENTRALISED,
    **more: Any,
) -> CaseExposure:
    made: dict[str, Any] = {
        "basis": "110112-2021-S0001",
        "place": "一处",
        "first": last - timedelta(hours=1),
        "added_by": MAKER,
        "added_at": now,
    }
    return CaseExposure.objects.create(file=file, kind=kind, measure=measure, last=last, **made | more)


def due(file: CaseFile, *kinds: str) -> Sequence[tuple[str, str, str, str]]:
    """(kind, day, slot, state) of the tasks that are not cancelled, in the order of days."""
    rows = file.tasks.exclude(state="cancelled").order_by("due_on", "kind", "slot")
    rows = rows.filter(kind__in=kinds) if kinds else rows
    return [(row.kind, row.due_on.isoformat(), row.slot, row.state) for row in rows]


def refused(work: Callable[[], object]) -> str:
    """The code with which it is refused."""
    with pytest.raises(DubanError) as refusal:
        work()
    return refusal.value.code
