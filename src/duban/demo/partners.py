"""The page's pairing and its 60 works: 艺苑西里 and two organisations based there, what they signed up for and brought.

Who signed up, how many and when is made up where the page is silent; its numbers and partners are the page's. A second
need stands open today, so that there is something to sign up for and to verify.
"""

import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django.utils import timezone

from duban.access.models import Person
from duban.commons.contact import Contact
from duban.commons.models import PostedNeed, SharedPlace
from duban.commons.pairing import actions
from duban.commons.pairing.actions import NeedDraft
from duban.decisions.models import Decision
from duban.demo.neighbours import WORKS as WORKS_DECIDED
from duban.demo.works import draw_wall
from duban.evidence.actions import store_photo

COMMUNITY = "110112004014"
SCHOOL, CENTRE = "运河中学", "通州区青少年活动中心"
NAMESPACE = uuid.UUID("3b0a9f4e-6d11-4d5a-9d5e-0f3c5a1b7c42")
WORKS = 60


def add_partners(*, people: Mapping[str, Person], posted: datetime, now: datetime) -> None:
    """`posted`: when the 60 works were asked for; `now`: today, for what still stands open."""
    worker = people["community_worker"]
    _pair(worker, posted)
    _works(worker, posted)
    _corner(worker, now)


def _pair(worker: Person, posted: datetime) -> None:
    for partner, signed, text in (
        (
            SCHOOL,
            date(2020, 9, 10),
            "“红色1+1”结对：学校党组织与社区党组织共同开展楼门文化建设，学生志愿者每学期走进楼门。",
        ),
        (CENTRE, date(2020, 9, 10), "“红色1+1”结对：活动中心提供书法、绘画、手工辅导，参与楼门文化作品创作。"),
    ):
        actions.pair(by=worker, now=posted, jurisdiction=COMMUNITY, partner=partner, signed_on=signed, text=text)


def _works(worker: Person, posted: datetime) -> None:
    """60 works by two partners, brought in three parts, each verified with a photo, thanked for at the end."""
    days = timedelta(days=1)
    need = _post(
        worker, posted, "works",
        NeedDraft(
            title="“楼门文化”主题作品", unit="幅", target=WORKS, due_on=timezone.localdate(posted + 30 * days),
            jurisdiction=COMMUNITY, place_id=_entrance(), before=_photo(worker, posted, 1, 0), decision_id=_decision(),
            text="为老楼门增添新活力：书法、绘画、手工等艺术作品，装扮楼门。画框由社区准备。",
        ),
    )  # fmt: skip
    if need.closed_at is not None:
        return
    school = _sign_up(need, posted + days, SCHOOL, 40, Contact("美术老师", "01069540001"))
    centre = _sign_up(need, posted + days, CENTRE, 20, Contact("活动老师", "01069540002"))
    for secret, after, number, hung in ((school, 8, 25, 5), (centre, 12, 20, 9), (school, 20, 15, 13)):
        moment = posted + after * days
        brought = actions.deliver(
            now=moment, secret=secret, number=number, photos=[_photo(worker, moment, after, hung)]
        )
        actions.verify_delivery(by=worker, now=moment + timedelta(hours=6), delivery_id=brought.pk, good=True)
    actions.close_need(
        by=worker, now=posted + 22 * days, need_id=need.pk, after=_photo(worker, posted, 1, 15),
        thanks="60幅作品全部上墙。谢谢运河中学和青少年活动中心的同学和老师们，楼门美了，邻里更近了。",
    )  # fmt: skip


def _corner(worker: Person, now: datetime) -> None:
    """Benches for the ground floors: partly signed up for, one part brought and yet to be looked at."""
    begun = now - timedelta(days=6)
    need = _post(
        worker, begun, "benches",
        NeedDraft(
            title="楼门一层便民座椅", unit="把", target=12, due_on=timezone.localdate(now + timedelta(days=20)),
            jurisdiction=COMMUNITY, place_id=_entrance(),
            text="楼门茶会议定：每个楼门一层放一把座椅，方便老人歇脚。新旧均可，结实就行。",
        ),
    )  # fmt: skip
    if need.pledged:
        return
    secret = _sign_up(need, begun + timedelta(days=1), "艺苑社区爱心商户联盟", 5, Contact("商户代表", "01069540003"))
    actions.deliver(now=now - timedelta(hours=20), secret=secret, number=2, photos=[_photo(worker, begun, 31, 3)])


def _post(worker: Person, now: datetime, key: str, draft: NeedDraft) -> PostedNeed:
    return actions.post_need(by=worker, now=now, draft=draft, need_id=uuid.uuid5(NAMESPACE, key))


def _sign_up(need: PostedNeed, now: datetime, partner: str, number: int, contact: Contact) -> str:
    made = actions.pledge(
        now=now, need_id=need.pk, partner=partner, contact=contact, number=number,
        pledge_id=uuid.uuid5(NAMESPACE, f"{need.pk} {partner}"),
    )  # fmt: skip
    return made.secret


def _photo(worker: Person, now: datetime, seed: int, works: int) -> str:
    return store_photo(by=worker, now=now, data=draw_wall(seed, works)).pk


def _decision() -> uuid.UUID | None:
    """What the neighbours decided about it, where the demo has told that."""
    return Decision.objects.filter(pk=WORKS_DECIDED).values_list("pk", flat=True).first()


def _entrance() -> uuid.UUID | None:
    """The entrance of the page, where the demo has made it."""
    found = SharedPlace.objects.filter(jurisdiction__startswith=COMMUNITY, kind="entrance").order_by("name", "pk")
    return found.values_list("pk", flat=True).first()
