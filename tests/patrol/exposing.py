"""Venues, check-lists and finished visits with failures, for the tests of what becomes of them."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from duban.access.models import Person
from duban.demo.builders import NOON
from duban.patrol.models import Answer, CheckList, CheckListVersion, Failure, Item, Visit, VisitState
from duban.venues.contact import Contact, seal_contact
from duban.venues.models import Venue

WORDINGS = {
    "code_scan": ("未严格执行扫码登记", "did not have visitors scan the code"),
    "masks": ("从业人员未佩戴口罩", "staff without masks"),
    "code_poster": ("未张贴健康码", "no health code poster"),
    "fire_exit": ("安全出口被占用", "emergency exit blocked"),
}
MAY_EXPOSE = ("code_scan", "masks", "code_poster")


def make_checklist(**changes: str) -> CheckListVersion:
    """A check-list in use; `changes` are Chinese wordings by key. `fire_exit` may not be exposed."""
    checklist = CheckList.objects.create(key=f"list-{uuid.uuid4().hex[:8]}", title="防疫检查")
    version = CheckListVersion.objects.create(
        checklist=checklist, number=1, state="in_use", made_by={"username": "x"}, made_at=NOON
    )
    for position, (key, (zh, en)) in enumerate(WORDINGS.items()):
        Item.objects.create(
            version=version,
            position=position,
            key=key,
            label=zh,
            wording=changes.get(key, zh),
            wording_en=en,
            may_expose=key in MAY_EXPOSE,
        )
    return version


def make_venue(name: str = "丛林美食", at: str = "110112104", *, kind: str = "restaurant", **changes: Any) -> Venue:
    """A venue, its owner called 张建国."""
    facts: dict[str, Any] = {
        "contact": seal_contact(Contact("张建国", "13800138000")),
        "token": uuid.uuid4().hex[:22],
        "name_key": name,
        "search": name,
        "created_at": NOON,
    }
    return Venue.objects.create(name=name, kind_id=kind, jurisdiction=at, town=at[:9], **facts | changes)


def make_visit(
    venue: Venue,
    version: CheckListVersion | None,
    failed: tuple[str, ...] = ("code_scan", "masks"),
    *,
    at: datetime = NOON,
    inspector: str = "王巡查",
    failures: bool = True,
    **changes: Any,
) -> Visit:
    """A finished visit with an answer to every item, and the failures it opened."""
    facts: dict[str, Any] = {
        "state": VisitState.FINISHED,
        "finished_at": at + timedelta(minutes=20),
        "inspector": {"username": "i", "name": inspector, "roles": []},
        "username": "i",
    }
    visit = Visit.objects.create(
        id=uuid.uuid4(), venue=venue, version=version, jurisdiction=venue.jurisdiction, town=venue.town,
        visited_at=at, **facts | changes,
    )  # fmt: skip
    items = {item.key: item for item in version.items.all()} if version else {}
    for key in WORDINGS:
        answer = Answer.objects.create(
            visit=visit, key=key, item=items.get(key), result="fail" if key in failed else "pass", answered_at=at
        )
        if key in failed and failures and not Failure.objects.filter(venue=venue, key=key, closed_at=None).exists():
            Failure.objects.create(
                venue=venue, jurisdiction=venue.jurisdiction, town=venue.town, key=key, opened_by=answer, opened_at=at
            )
    return visit


def mend(visit: Visit, key: str, *, at: datetime) -> None:
    """The failure is seen mended by another visit."""
    again = make_visit(visit.venue, visit.version, (), at=at, failures=False)
    Failure.objects.filter(venue=visit.venue, key=key, closed_at=None).update(
        closed_by=again.answers.get(key=key), closed_at=at
    )


def expose(visit: Visit, *, by: Person, second: Person, now: datetime = NOON, **changes: Any) -> Any:
    """Proposed, answered and approved."""
    from duban.patrol import exposure

    made = exposure.propose_exposure(by=by, now=now, visit_id=visit.pk, **changes).exposure
    exposure.record_reply(by=by, now=now, exposure_id=made.pk, stand="accepts")
    return exposure.approve_exposure(by=second, now=now, exposure_id=made.pk)
