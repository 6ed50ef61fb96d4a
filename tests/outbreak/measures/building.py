"""Files with exposures of January 2021, made straight into the tables."""

import json
import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from duban.access.models import Person
from duban.core.errors import DubanError
from duban.core.sealed_text import seal_text
from duban.ledger import jobs
from duban.outbreak.casefiles.identity import Facts, seal
from duban.outbreak.measures import tasks
from duban.outbreak.measures.editing import RuleDraft
from duban.outbreak.measures.plans import replan
from duban.outbreak.models import CaseExposure, CaseFile, Measure, Plan, Release

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


def release_row(file: CaseFile, now: datetime) -> Release:
    """A release that stands, written down without asking for its conditions."""
    plan = Plan.objects.get(file=file, current=True)
    CaseFile.objects.filter(pk=file.pk).update(state="released", released_at=now, measure="")
    file.tasks.filter(state="open").update(state="cancelled")
    code, number = secrets.token_urlsafe(32), f"110112-2021-R{file.pk.hex[:8]}"
    return Release.objects.create(file=file, number=number, code=code, plan=plan, conditions=[], at=now, by=MAKER)


def furnish(by: Person, town: str, words: str, now: datetime) -> tuple[dict[str, str], set[str]]:
    """What two_towns.py holds of measures: somebody released, and another version of a rule, looked at."""
    file = make_file(now, town=town, sealed=seal(Facts(name=f"{words}某")))
    expose(file, now, now)
    replan(now=now, file_ids=[file.pk])
    release = release_row(file, now)
    draft = RuleDraft(
        key="second", since=now.date(), name=f"{words} 规则", name_en="", phases=(("home", 5),), test_days=(1,),
        counted_from="exposure", double=False, reports=1, visit_every=0, quiet_days=0, source=words,
    )  # fmt: skip
    query = json.dumps({"draft": draft.as_json(), "office": town})
    job = jobs.make_export_job(by=by, now=now, language="en", name=draft.name, query=query, rows=0)
    jobs.save(replace(job, kind=tasks.RULE, stage="checking"))
    tasks.preview_job(job.id)
    keys = {"<released_id>": str(file.pk), "<code>": release.code, "<rule_job_id>": job.id}
    return keys, {str(file.pk), job.id}
