"""What two_towns.py holds of outbreak: an area of each town, who was there, and what each town's officer made of it."""

import json
import shutil
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from tests.outbreak.care.building import furnish as furnish_care
from tests.outbreak.casefiles.building import furnish as furnish_casefiles
from tests.outbreak.desk.building import furnish as furnish_desk
from tests.outbreak.measures.building import furnish as furnish_measures
from tests.outbreak.protection.furnishing import furnish_protection
from tests.outbreak.samples.building import furnish as furnish_samples
from tests.outbreak.venue_sampling.building import furnish as furnish_venue_sampling

from duban.access.models import Person
from duban.core.audit import Console
from duban.demo.builders import NOON
from duban.ledger import jobs
from duban.outbreak import screening, store, tasks
from duban.outbreak.areas import declare_areas
from duban.outbreak.lists import AreaDraft
from duban.outbreak.models import Declaration, Found, Ground
from duban.outbreak.people import Tokens
from duban.outbreak.presences import import_presences
from duban.outbreak.protection.visibility import open_file

NOW = NOON + timedelta(days=40)
PLACES = (116.71, 116.91)


def spread(officers: dict[str, Person]) -> None:
    """An area of each town under its code, and twelve people in each. By town: what it is called.

    Areas are public at once and there is one store of presences, so both are there before anybody looks.
    """
    shutil.rmtree(store.folder(), ignore_errors=True)
    rows = ["name,phone,home,lon,lat,arrived,departed"]
    for (town, officer), lon in zip(officers.items(), PLACES, strict=True):
        ring = [[lon - 0.01, 39.79], [lon + 0.01, 39.79], [lon + 0.01, 39.81], [lon - 0.01, 39.81], [lon - 0.01, 39.79]]
        draft = AreaDraft(
            key=town, name="一处", level="中风险", measure="home", starts_at=NOON - timedelta(days=3), ends_at=None,
            lookback_days=14, geometry={"type": "Polygon", "coordinates": [ring]},
        )  # fmt: skip
        declare_areas(by=officer, now=NOON, drafts=[draft])
        for number in range(12):
            phone = phone_of(town, number)
            rows.append(f"某,{phone},{town},{lon},39.8,2021-01-18 09:00,2021-01-18 10:00")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_text("\n".join(rows), encoding="utf-8")
        import_presences(by=Console(), now=NOW, path=path, name="a.csv", source="登记")


def phone_of(town: str, number: int) -> str:
    return f"138{town[-5:]}{number:03d}"


def furnish(by: Person, town: str, words: str) -> tuple[dict[str, str], set[str]]:
    """What the town's officer made of everything in outbreak: keys, and what betrays them."""
    keys, secrets = furnish_screening(by, town, words)
    cared, hidden = furnish_care(by, town, words, NOW)
    keys |= cared
    secrets |= hidden | furnish_desk(town, words, NOW)
    sampled, told = furnish_samples(by, town, words, NOW)
    keys |= sampled
    secrets |= told
    swabbed, coded = furnish_venue_sampling(by, town, words, NOW)
    keys |= swabbed
    secrets |= coded
    listed = furnish_casefiles(by, words, NOW)
    keys |= listed
    secrets |= set(listed.values())
    measured, planned = furnish_measures(by, town, words, NOW)
    keys |= measured
    secrets |= planned
    # Who it is stands on the page where it is put right, for whoever opened it within the hour.
    file = uuid.UUID(keys["<file_id>"])
    open_file(by=by, now=NOW, file_id=file, ground=Ground.ORDER, purpose=f"{words} 更正")
    protected, kept = furnish_protection(by, town, words, NOW)
    keys |= protected
    secrets |= kept
    return keys, secrets


def furnish_screening(by: Person, town: str, words: str) -> tuple[dict[str, str], set[str]]:
    """A preview, a kept screening, an import and a tracing of the officer: keys, and what betrays them."""
    order = Declaration.objects.get(area__key=town)
    made: dict[str, Any] = {"by": by, "now": NOW, "language": "en"}
    seen = jobs.make_export_job(**made, name=f"{words} 摸排", query=json.dumps([order.number]), rows=0)
    jobs.save(replace(seen, kind=tasks.SCREENING, stage="checking"))
    seen = tasks.preview_job(seen.id)
    run = screening.keep_screening(
        by=by, now=NOW, orders=[order.number], as_of=datetime.fromisoformat(seen.report["as_of"]),
        digest=seen.report["digest"], ground=Ground.ORDER, purpose=f"{words} 摸排", screening_id=uuid.uuid4(),
    )  # fmt: skip
    table = SimpleUploadedFile(f"{words}.csv", b"x")
    sent, traced = (jobs.make_job(**made, table=table, kind=kind) for kind in (tasks.PRESENCES, tasks.TRACING))
    nothing = {"read": 0, "taken": 0, "unchanged": 0, "refused": 0, "contacts": 0, "people": [0], "rows": []}
    sent, traced = (replace(job, stage="taken", report=nothing) for job in (sent, traced))
    for job in (sent, traced):
        jobs.save(job)
    sent.refused_file().write_text(words)
    (traced.folder / "contacts.parquet").write_bytes(b"PAR1")
    found = list(Found.objects.filter(screening=run))
    tokens = {Tokens().of("phone", phone_of(town, number)) for number in range(12)}
    assert {one.person for one in found} == tokens
    keys = {
        "<area_id>": str(order.area_id),
        "<declared_id>": str(order.area_id),
        "<preview_id>": seen.id,
        "<screening_id>": str(run.pk),
        "<found_id>": str(found[0].pk),
        "<list_id>": sent.id,
        "<trace_id>": traced.id,
    }
    secrets = {str(run.pk), seen.id, sent.id, traced.id, *(str(one.pk) for one in found)}
    return keys, secrets | {token[:8] for token in tokens}
