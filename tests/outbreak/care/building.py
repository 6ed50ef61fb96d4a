"""People who are followed with a plan that asks for reports, sites with beds, and what a town's staff made of them."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from duban.access.models import Person
from duban.demo.builders import NOON
from duban.outbreak.care import alerts, links, reports, requests
from duban.outbreak.casefiles.identity import Facts, seal
from duban.outbreak.models import Alert, Bed, CaseFile, Plan, Site, Task, TaskKind
from duban.outbreak.sites import actions, making

TOWN, OTHER, DISTRICT = "110112110", "110112106", "110112"
DAY = date(2021, 1, 18)
"""Of NOON."""


def make_file(*, town: str = TOWN, stay: str = "", name: str = "张三丰", plan: int = 2, **changes: Any) -> CaseFile:
    """Somebody at home for a fortnight with `plan` reports a day, followed since 13:00 of the day before NOON."""
    values: dict[str, Any] = {"measure": "home", "opened_at": NOON - timedelta(hours=23), "origin": "form"}
    values["sealed"] = seal(Facts(name=name, phone="13800001234"))
    file = CaseFile.objects.create(
        office=town[:6], number=f"T{uuid.uuid4().hex[:12].upper()}", person=uuid.uuid4().hex * 2, town=town,
        stay=stay or town, ends_on=DAY + timedelta(days=13), **values | changes,
    )  # fmt: skip
    phases = [
        {"measure": "home", "first": "2021-01-17", "last": "2021-01-31", "reports": plan, "why": {"code": "rule"}}
    ]
    Plan.objects.create(
        file=file, version=1, current=True, starts_on=DAY - timedelta(days=1), ends_on=DAY + timedelta(days=13),
        phases=phases, digest="0" * 64, made_at=NOON,
    )  # fmt: skip
    return file


def due(file: CaseFile, kind: str = TaskKind.ARRIVE, on: date = DAY, **changes: Any) -> Task:
    return Task.objects.create(file=file, town=file.town, stay=file.stay, kind=kind, due_on=on, why={}, **changes)


def make_site(by: Person, *, town: str = TOWN, rooms: Sequence[tuple[str, str, int]] = (), **changes: Any) -> Site:
    """Two rooms of two beds on floor 2, unless `rooms` says (first, last, beds) of others."""
    drafts = [making.RoomsDraft(first[:1], first, last, beds) for first, last, beds in rooms or [("201", "202", 2)]]
    facts = {"site_id": uuid.uuid4(), "name": "潞城酒店", "address": "潞苑南大街1号", "opened_on": DAY}
    return making.make_site(by=by, now=NOON, town=town, rooms=drafts, **facts | changes)


def beds_of(site: Site) -> list[Bed]:
    return list(Bed.objects.filter(room__site=site).select_related("room").order_by("pk"))


def report(file: CaseFile, temperature: str = "36.5", *symptoms: str, now: datetime = NOON, **changes: Any) -> Any:
    """A report by the person, for the morning of NOON's day."""
    facts: dict[str, Any] = {"by": None, "on": DAY, "slot": "am", "note": ""}
    return reports.record_report(
        now=now, file_id=file.pk, temperature=temperature, symptoms=list(symptoms), **facts | changes
    )


def furnish(by: Person, town: str, words: str, now: datetime) -> tuple[dict[str, str], set[str]]:
    """A site with somebody in a bed, who has a link, reports a fever and asks for something: keys, and secrets."""
    site = make_site(by, town=town, name=f"{words} 隔离点", address=f"{words} 路", opened_on=now.date())
    file = make_file(town=town, name=f"{words}人", opened_at=now - timedelta(days=2))
    bed = beds_of(site)[0]
    actions.assign_bed(by=by, now=now, bed_id=bed.pk, file_id=file.pk)
    secret = links.make_link(by=by, now=now, file_id=file.pk)
    reports.record_report(
        by=None, now=now, file_id=file.pk, on=(now + timedelta(hours=8)).date(), slot="am", temperature="38.1",
        symptoms=[], note=f"{words} 冷",
    )  # fmt: skip
    made = requests.make_request(
        by=None, now=now, request_id=uuid.uuid4(), file_id=file.pk, kind="food", words=f"{words} 米"
    )
    alert = Alert.objects.get(file=file)
    assert alert in alerts.alerts_for(by)
    keys = {
        "<site_id>": str(site.pk),
        "<bed_id>": str(bed.pk),
        "<file_id>": str(file.pk),
        "<alert_id>": str(alert.pk),
        "<request_id>": str(made.pk),
        "<secret>": secret,
    }
    return keys, {str(site.pk), str(file.pk), file.number, str(made.pk), secret}
