"""People whose files hold one of everything that may hang on a file, for the tests of protection."""

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.outbreak.people import id_number

from duban.core.sealed_text import seal_text
from duban.outbreak.casefiles.identity import Facts, keys_of, seal
from duban.outbreak.models import (
    Alert,
    Appointment,
    Bed,
    BedStay,
    CareLink,
    CareRequest,
    CaseExposure,
    CaseFile,
    ContactNote,
    Correction,
    DailyReport,
    FileKey,
    Look,
    Need,
    Plan,
    Release,
    Room,
    SamplingPoint,
    Site,
    Swab,
    Task,
    Tube,
)
from duban.outbreak.people import Tokens

OFFICE, HERE, THERE = "110112", "110112110", "110112106"
COMMUNITY = "110112110001"
MAKER = {"username": "maker", "name": "做事的人", "roles": []}
FACTS = Facts(
    name="欧阳修文",
    id_number=id_number(1),
    phone="13912345678",
    birth_date="1980-01-01",
    stay_address="梨园镇群芳园小区12号楼501",
    from_place="石家庄市藁城区小果庄村",
)


def make_file(now: datetime, facts: Facts = FACTS, **changes: Any) -> CaseFile:
    """A file of this person in the first town, with the keys it is found by."""
    key = uuid.uuid4()
    values: dict[str, Any] = {
        "id": key, "office": OFFICE, "number": f"110112-2021-F{key.hex[:8]}", "person": key.hex * 2,
        "sealed": seal(facts), "town": HERE, "stay": COMMUNITY, "opened_at": now, "origin": "form",
    }  # fmt: skip
    file = CaseFile.objects.create(**values | changes)
    keys = keys_of(facts, Tokens())
    FileKey.objects.bulk_create(FileKey(file=file, kind=kind, digest=digest) for kind, digest in keys.items())
    return file


def make_task(file: CaseFile, now: datetime, **changes: Any) -> Task:
    values: dict[str, Any] = {"kind": "visit", "due_on": now.date(), "why": {"code": "x"}}
    return Task.objects.create(file=file, town=file.town, stay=file.stay, **values | changes)


def make_full(now: datetime, facts: Facts = FACTS, **changes: Any) -> CaseFile:
    """A file with a row in every table that hangs on one, all of it at `now`."""
    file = make_file(now, facts, **changes)
    day, text = now.date(), seal_text(f"{facts.name} 说明")
    CaseExposure.objects.create(
        file=file, kind="form", basis="form", measure="home", first=now, last=now, added_by=MAKER, added_at=now
    )
    Need.objects.create(file=file, kind="medicine", sealed=text, since=now)
    ContactNote.objects.create(file=file, how="call", reached=True, sealed=text, by=MAKER, at=now)
    Correction.objects.create(file=file, town=file.town, sealed=text, made_at=now)
    plan = Plan.objects.create(
        file=file, version=1, current=True, starts_on=day, ends_on=day, phases=[], digest="x", made_at=now
    )
    Release.objects.create(
        file=file, number=uuid.uuid4().hex, code=uuid.uuid4().hex, plan=plan, conditions=[], at=now, by=MAKER
    )
    task = make_task(file, now, kind="test", state="done", done_at=now, done_by=MAKER)
    CareLink.objects.create(file=file, digest=uuid.uuid4().hex * 2, made_at=now, made_by=MAKER, revoked_at=now)
    report = DailyReport.objects.create(
        file=file, on=day, slot="am", temperature=Decimal("37.5"), symptoms=[], sealed=text, how="link", at=now
    )
    Alert.objects.create(file=file, town=file.town, kind="fever", report=report, raised_at=now, closed_at=now)
    CareRequest.objects.create(file=file, town=file.town, kind="food", sealed=text, made_at=now, due_at=now)
    bed = make_bed(now)
    BedStay.objects.create(bed=bed, file=file, since=now, until=now + timedelta(hours=1), by=MAKER)
    point = SamplingPoint.objects.create(
        office=OFFICE, town=file.town, name=uuid.uuid4().hex, opens="08:00", closes="18:00", per_hour=10
    )
    Appointment.objects.create(file=file, point=point, task=task, at=now)
    tube = Tube.objects.create(
        code=uuid.uuid4().hex[:20], office=OFFICE, town=file.town, size=10, opened_at=now, opened_by=MAKER
    )
    swab = Swab.objects.create(tube=tube, file=file, task=task, taken_at=now, taken_by=MAKER)
    again = Tube.objects.create(
        code=uuid.uuid4().hex[:20], office=OFFICE, town=file.town, size=1, opened_at=now, opened_by=MAKER
    )
    Swab.objects.create(tube=again, file=file, follows=swab, taken_at=now, taken_by=MAKER)
    make_look(file, now)
    return file


def make_bed(now: datetime) -> Bed:
    site = Site.objects.create(office=OFFICE, town=HERE, name=uuid.uuid4().hex, opened_on=now.date())
    room = Room.objects.create(site=site, name="101")
    return Bed.objects.create(room=room, label="A")


def make_look(file: CaseFile, at: datetime, **changes: Any) -> Look:
    values: dict[str, Any] = {"username": "maker", "by": MAKER, "ground": "order", "purpose": "核对住处"}
    values |= {"fields": ["name", "phone"], "office": file.office, "town": file.town, "number": file.number}
    return Look.objects.create(file=file, at=at, **values | changes)
