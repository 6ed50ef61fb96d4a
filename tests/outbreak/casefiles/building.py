"""People, exposures, orders and hand-over lists for the tests of case files."""

import csv
import io
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from tests.outbreak.people import at, id_number

from duban.access.models import Person
from duban.core.sealed_text import seal_text
from duban.ledger import jobs
from duban.outbreak.areas import declare_areas
from duban.outbreak.casefiles.actions import ExposureDraft, FileDraft, Opened, open_files
from duban.outbreak.casefiles.arrivals import COLUMNS
from duban.outbreak.casefiles.identity import Facts
from duban.outbreak.casefiles.tasks import ARRIVALS, SCREENED
from duban.outbreak.lists import AreaDraft
from duban.outbreak.models import CaseExposure, CaseFile, FileKey, Plan, Task
from duban.places.models import Jurisdiction

DISTRICT, TOWN, OTHER = "110112", "110112110", "110112106"
NOW = at(19, 8)
GOOD = {
    "name": "张三",
    "id_number": id_number(1),
    "phone": "13800000001",
    "from_place": "大兴区天宫院街道",
    "left_area_at": "2021-01-18 09:00",
    "arrived_at": "2021-01-18 12:00",
    "stay_address": "某小区1号楼",
    "stay_jurisdiction": TOWN,
}


def load_units() -> None:
    """The county and two of its towns, as the list of units has them."""
    Jurisdiction.objects.bulk_create(
        Jurisdiction(code=code, name=name, kind=kind, search=name, loaded_at=NOW)
        for code, name, kind in ((DISTRICT, "通州区", "county"), (TOWN, "漷县镇", "town"), (OTHER, "张家湾镇", "town"))
    )


def exposure(basis: str = "110112-2021-S0001", **changes: Any) -> ExposureDraft:
    values = {"kind": "area", "measure": "centralised", "place": "融汇社区", "first": at(17), "last": at(18)}
    return ExposureDraft(**{"basis": basis} | values | changes)


def draft(
    *, stay: str = TOWN, exposures: tuple[ExposureDraft, ...] | None = None, token: str = "", **facts: str
) -> FileDraft:
    told = {"name": "张三", "id_number": "", "phone": ""} | facts
    return FileDraft(Facts(**told), stay, stay[:9], (exposure(),) if exposures is None else exposures, token=token)


def open_them(by: Person, *drafts: FileDraft, now: datetime = NOW, origin: str = "form") -> Opened:
    return open_files(by=by, now=now, office=DISTRICT, drafts=drafts, origin=origin)


def declare(by: Person, **changes: Any) -> str:
    """The number of an order about a place of another district."""
    values: dict[str, Any] = {
        "key": "ronghui", "name": "天宫院街道融汇社区", "level": "中风险", "measure": "centralised",
        "starts_at": at(17, 0), "ends_at": None, "lookback_days": 14, "code": "110115012",
    }  # fmt: skip
    return declare_areas(by=by, now=NOW - timedelta(days=1), drafts=[AreaDraft(**values | changes)])[
        0
    ].declaration.number


def table(*rows: dict[str, str], columns: tuple[str, ...] = tuple(COLUMNS)) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows({column: (GOOD | row)[column] for column in columns} for row in rows)
    return text.getvalue().encode()


def all_rows() -> list[list[tuple[Any, ...]]]:
    """All that is kept of files, in one order, without what a plan's next working out numbers anew."""
    return [
        sorted(
            CaseFile.objects.values_list(
                "pk", "number", "person", "state", "no_measure", "measure", "ends_on", "town", "stay", "merged_into"
            )
        ),
        sorted(FileKey.objects.values_list("file", "kind", "digest")),
        sorted(CaseExposure.objects.values_list("file", "kind", "basis", "first", "last")),
        sorted(Plan.objects.filter(current=True).values_list("file", "ends_on", "digest")),
        sorted(Task.objects.exclude(state="cancelled").values_list("file", "kind", "due_on", "slot", "state")),
    ]


def furnish(by: Person, words: str, now: datetime) -> dict[str, str]:
    """For the two towns: a list that was taken in, and files that were opened, as the officer's own jobs."""
    sent = jobs.make_job(by=by, now=now, language="en", table=SimpleUploadedFile(f"{words}.csv", b"x"), kind=ARRIVALS)
    opened = jobs.make_export_job(by=by, now=now, language="en", name=words, query='""', rows=0)
    nothing = {"rows": 0, "taken": 0, "updated": 0, "unchanged": 0, "refused": 0, "people": 0}
    jobs.save(replace(sent, stage="taken", report=nothing))
    jobs.save(replace(opened, kind=SCREENED, stage="taken", report=nothing))
    sent.refused_file().write_bytes(seal_text(words))
    return {"<handover_id>": sent.id, "<opening_id>": opened.id}
