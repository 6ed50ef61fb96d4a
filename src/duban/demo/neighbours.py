"""The page's entrances: 艺苑西里 talks its stairwells over, from the meeting to what was decided and done about it.

The meeting, who asked for it and the 60 works are the page's; the other problems, the words of the neighbours and their
flats are made up. A second topic stands open today, with a meeting to come.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.utils import timezone

from duban.access.models import Person
from duban.commons.deliberation import actions, comments, places, problems
from duban.commons.models import Household, Problem, SharedPlace, Topic
from duban.commons.secrets import digest_of
from duban.commons.voting import actions as voting
from duban.commons.voting.actions import VoteRules
from duban.decisions import actions as decisions
from duban.decisions.actions import Attendee, Unit
from duban.demo.corridor import draw_corridor
from duban.demo.works import draw_wall
from duban.evidence.actions import store_photo
from duban.ledger import actions as ledger

COMMUNITY, TOWN = "110112004014", "110112004"
NAMESPACE = uuid.UUID("8d7c2f19-4c0b-4c55-9e5a-2b7f0d6e1a37")
WORKS = uuid.uuid5(NAMESPACE, "works")
"""The decision that the 60 works carry out."""
BUILDINGS = {"1号楼": (116.6702, 39.8950), "2号楼": (116.6707, 39.8951), "3号楼": (116.6712, 39.8952)}
OFFICE = "艺苑西里社区居委会"
DOORS = [f"{floor}0{flat}" for floor in range(1, 7) for flat in (1, 2)]
RESIDENTS = ("孟祥瑞", "苗春兰", "柏立新", "简玉珍", "鲁明远", "宫淑芬", "黎建国", "尚桂英")
THEMES = (("calligraphy", "书法绘画"), ("handicraft", "手工剪纸"), ("photos", "邻里老照片"))
CHOICES = ["calligraphy"] * 14 + ["photos"] * 6 + ["handicraft"] * 4 + ["abstain"]
Talk = list[tuple[int, int, int, str, str]]
"""Day and hour, how many lines back what it answers stands (0: nothing), pen name, words."""


def beijing(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of January 2021 by the clock of the district."""
    return datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=day - 1, hours=hour - 8, minutes=minute)


def tell(*, people: Mapping[str, Person], now: datetime) -> None:
    """Places and both topics, the first up to its end."""
    worker = people["community_worker"]
    building, entrance = _places(worker)
    households = _households(building)
    _Stairwells(people, building, households).tell()
    _benches(worker, entrance, households[0], now)


# ---- places ---------------------------------------------------------------------------------------------------------


def _places(worker: Person) -> tuple[SharedPlace, SharedPlace]:
    """The estate with its buildings; given back are 3号楼 and its second entrance."""
    made: dict[str, Any] = {"by": worker, "now": beijing(3, 9)}
    estate = places.make_place(
        kind="estate", name="艺苑西里", jurisdiction=COMMUNITY, lon=116.6705, lat=39.8945,
        place_id=uuid.uuid5(NAMESPACE, "estate"), **made,
    )  # fmt: skip
    found: dict[str, SharedPlace] = {}
    for name, (lon, lat) in BUILDINGS.items():
        building = places.make_place(
            kind="building", name=name, within_id=estate.pk, lon=lon, lat=lat,
            place_id=uuid.uuid5(NAMESPACE, name), **made,
        )  # fmt: skip
        found[name] = building
        for number in (1, 2, 3):
            entrance = f"{number}单元"
            found[name + entrance] = places.make_place(
                kind="entrance", name=entrance, within_id=building.pk,
                place_id=uuid.uuid5(NAMESPACE, name + entrance), **made,
            )  # fmt: skip
    return found["3号楼"], found["3号楼2单元"]


def _households(building: SharedPlace) -> list[Household]:
    """36 of them, those of the second entrance first. Nobody in the demo holds the invitation that they had."""
    entrances = sorted(building.parts.all(), key=lambda one: (one.name != "2单元", one.name))
    Household.objects.bulk_create(
        [
            Household(place=entrance, door=door, digest=digest_of(f"{NAMESPACE}:{entrance.pk}:{door}"))
            for entrance in entrances
            for door in DOORS
        ],
        ignore_conflicts=True,
    )
    return list(Household.objects.filter(place=entrances[0]).order_by("door")) + list(
        Household.objects.filter(place__in=entrances[1:]).order_by("place__name", "door")
    )


# ---- the stairwells -------------------------------------------------------------------------------------------------


class _Stairwells:
    """The page's topic: what is wrong in the old entrances, and how they become warm ones."""

    def __init__(self, people: Mapping[str, Person], building: SharedPlace, households: list[Household]):
        self.people = people
        self.worker = people["community_worker"]
        self.building = building
        self.households = households
        self.topic = actions.open_topic(
            by=self.worker, now=beijing(4, 10), place_id=building.pk, topic_id=uuid.uuid5(NAMESPACE, "stairwells"),
            title="楼门微治理：怎样让老楼门更有活力",
            text="楼道里还有哪些卫生死角？怎样让楼门文化更有活力？请大家出谋划策，定下来的事一件一件办。",
        )  # fmt: skip

    def tell(self) -> None:
        if self.topic.state != "open":
            return
        self._talk(BEFORE)
        self.topic = actions.invite_topic(
            by=self.worker, now=beijing(5, 9), topic_id=self.topic.pk, at=beijing(9, 15), place="社区活动室",
            agenda=["楼门卫生还有哪些死角", "老楼门怎样装扮", "谁来做、什么时候做"],
        )  # fmt: skip
        self._meet()
        listed = self._list()
        theme = self._vote()
        self._talk(AFTER)
        self._decide(listed, theme)
        self._do(listed)
        actions.close_topic(by=self.worker, now=beijing(22, 10), topic_id=self.topic.pk)

    def _meet(self) -> None:
        attendance = [
            Attendee("chair", "李万宏", "艺苑西里社区党总支书记、居委会主任"),
            Attendee("guest", "运河中学党组织代表", "运河中学"),
            Attendee("guest", "活动中心党组织代表", "通州区青少年活动中心"),
            *(Attendee("member", name, resident=True) for name in RESIDENTS),
        ]
        actions.hold_topic(by=self.worker, now=beijing(9, 17), topic_id=self.topic.pk, attendance=attendance)

    def _list(self) -> dict[str, Problem]:
        found = {}
        pictures = {"furniture": draw_corridor(1, cleared=False), "walls": draw_wall(1, 0)}
        for place, (key, text) in enumerate(PROBLEMS.items()):
            data = pictures.get(key)
            photo = store_photo(by=self.worker, now=beijing(9, 17, place), data=data).pk if data else ""
            found[key] = problems.list_problem(
                by=self.worker, now=beijing(9, 17, place), topic_id=self.topic.pk, text=text, photo=photo
            )
        return found

    def _vote(self) -> uuid.UUID:
        vote = voting.make_vote(
            by=self.worker, now=beijing(9, 18), topic_id=self.topic.pk, question="楼门以什么主题装扮？",
            rules=VoteRules(rule="most", quorum_percent=50, options=THEMES), opens_at=beijing(9, 18),
            closes_at=beijing(12, 18), vote_id=uuid.uuid5(NAMESPACE, "theme"),
        )  # fmt: skip
        for number, choice in enumerate(CHOICES):
            voting.cast_vote(
                household=self.households[number], now=beijing(10, 8) + timedelta(hours=number), vote_id=vote.pk,
                choice=choice,
            )  # fmt: skip
        voting.close_vote(by=self.worker, now=beijing(12, 19), vote_id=vote.pk)
        return vote.pk

    def _decide(self, listed: Mapping[str, Problem], theme: uuid.UUID) -> None:
        decide: dict[str, Any] = {"by": self.worker, "topic_id": self.topic.pk}
        actions.decide_topic(
            now=beijing(13, 9), text="以书法绘画为主题，请辖区单位学生创作60幅作品装扮楼门", vote_id=theme,
            decision_id=WORKS, lead=Unit(OFFICE, COMMUNITY), due_on=date(2021, 2, 10),
            measure_of_success="60幅作品上墙", problems=[listed["walls"].pk], **decide,
        )  # fmt: skip
        actions.decide_topic(
            now=beijing(13, 9, 20), text="周末集中清理楼道堆物，由社区治理服务队带头",
            lead=Unit("“红色旗帜”社区治理服务队"), decision_id=uuid.uuid5(NAMESPACE, "clearing"),
            due_on=date(2021, 1, 17), problems=[listed["furniture"].pk], **decide,
        )  # fmt: skip
        meeting = actions.meeting_of(self.topic)
        decisions.write_minutes(by=self.worker, now=beijing(13, 10), meeting_id=meeting.pk, minutes=MINUTES)
        decisions.approve_minutes(by=self.people["supervisor"], now=beijing(13, 16), meeting_id=meeting.pk)

    def _do(self, listed: Mapping[str, Problem]) -> None:
        """The furniture goes by way of the ledger; each problem gets its answer."""
        furniture = problems.problem_to_entry(
            by=self.worker, now=beijing(13, 10, 30), problem_id=listed["furniture"].pk, category="event:06036",
            description="楼道内堆放旧家具、纸箱和自行车，影响通行",
        )  # fmt: skip
        supervisor, handler = self.people["supervisor"], self.people["handler"]
        step: dict[str, Any] = {"entry_id": furniture.entry}
        ledger.list_entry(by=supervisor, now=beijing(13, 11), **step)
        ledger.assign_entry(by=supervisor, now=beijing(13, 11, 30), **step)
        after = store_photo(by=handler, now=beijing(16, 15), data=draw_corridor(1, cleared=True)).pk
        ledger.submit_remedy(by=handler, now=beijing(16, 15), photos=[after], reason="服务队与居民一起清走", **step)
        ledger.close_entry(by=self.people["supervisor2"], now=beijing(18, 9), reason="照片与现场一致", **step)
        for key, answer in ANSWERS.items():
            problems.answer_problem(by=self.worker, now=beijing(18, 10), problem_id=listed[key].pk, answer=answer)

    def _talk(self, lines: Talk) -> None:
        said: list[uuid.UUID] = []
        for number, (day, hour, back, name, words) in enumerate(lines):
            household = self.households[(number * 5 + day) % len(self.households)]
            one = comments.comment(
                now=beijing(day, hour), topic_id=self.topic.pk, text=words, pen_name=name,
                by=self.worker if name == "社工小尤" else household, parent_id=said[-back] if back else None,
            )  # fmt: skip
            said.append(one.pk)


PROBLEMS = {
    "furniture": "二单元一层楼道堆着旧家具、纸箱和自行车，老人上下楼不方便",
    "walls": "楼门墙面陈旧，贴过小广告的地方斑斑点点，没有楼门文化",
    "lamp": "三层感应灯时亮时不亮",
    "bikes": "电动车推进楼道充电，有安全隐患",
}
ANSWERS = {
    "furniture": "1月16日服务队和居民一起清走，旧家具由街道统一收运。请大家不要再往楼道里放。",
    "walls": "墙面已铲除小广告并粉刷。运河中学和青少年活动中心认领60幅作品，陆续上墙。",
    "lamp": "物业1月12日已更换感应灯，各层都查了一遍。",
    "bikes": "东侧车棚已加装8个充电口，1月15日起使用；楼道内不再允许充电。",
}
BEFORE: Talk = [
    (4, 19, 0, "二楼老住户", "一层那堆旧家具放了快两年了，晚上回家总磕着。"),
    (4, 20, 1, "502", "是我家搬家留下的柜子，有人帮着抬我就扔。"),
    (5, 8, 1, "社工小尤", "谢谢您！开会时一起定个时间，服务队来帮忙抬。"),
    (5, 12, 0, "六楼小两口", "楼门里要是能有点字画就好了，孩子们也能参加。"),
    (5, 21, 1, "爱写字的老陈", "我能写，就是没地方挂。"),
]
AFTER: Talk = [
    (10, 9, 0, "三楼", "选书法绘画，老少都看得懂。"),
    (10, 18, 1, "六楼小两口", "同意，孩子学校也说愿意来画。"),
    (11, 20, 0, "二单元一家人", "老照片也不错，下一期可以考虑。"),
    (12, 9, 1, "社工小尤", "记下了，楼门茶会上再议。"),
]
MINUTES = """时间：2021年1月9日15:00
地点：社区活动室
主持：艺苑西里社区党总支书记、居委会主任

一、楼门卫生还有哪些死角
居民提出四个问题：一层楼道堆物；墙面陈旧；三层感应灯时亮时不亮；电动车推进楼道充电。

二、老楼门怎样装扮
运河中学和通州区青少年活动中心表示愿意认领，由学生创作作品。主题由3号楼住户投票决定。

三、谁来做、什么时候做
楼道堆物由“红色旗帜”社区治理服务队和居民在1月17日前清走；感应灯由物业更换；充电口由居委会协调。"""


# ---- what stands open today -----------------------------------------------------------------------------------------


def _benches(worker: Person, entrance: SharedPlace, household: Household, now: datetime) -> Topic:
    """Where the benches go: a meeting in four days, a problem without an answer, and a first word."""
    begun = now - timedelta(days=2)
    topic = actions.open_topic(
        by=worker, now=begun, place_id=entrance.pk, topic_id=uuid.uuid5(NAMESPACE, "benches"),
        title="楼门茶会：一层的座椅放在哪里",
        text="商户联盟已经送来两把座椅。放在门厅还是平台，要不要固定，请大家来定。",
    )  # fmt: skip
    if topic.state == "open":
        at = (timezone.localtime(now) + timedelta(days=4)).replace(hour=15, minute=0, second=0, microsecond=0)
        topic = actions.invite_topic(
            by=worker, now=begun, topic_id=topic.pk, at=at, place="3号楼前凉亭，雨天改在社区活动室",
            agenda=["座椅放在哪里", "谁来照看"],
        )  # fmt: skip
        problems.list_problem(by=worker, now=begun, topic_id=topic.pk, text="门厅的台阶没有扶手，老人进出不稳当")
        first = comments.comment(
            now=begun + timedelta(hours=3), topic_id=topic.pk, by=household, pen_name="一楼奶奶",
            text="放门厅里吧，等孙子放学时能坐一会儿。",
        )  # fmt: skip
        comments.comment(
            now=begun + timedelta(hours=5), topic_id=topic.pk, by=worker, pen_name="社工小尤", parent_id=first.pk,
            text="好，会上我们量一下门厅够不够宽。",
        )  # fmt: skip
    return topic
