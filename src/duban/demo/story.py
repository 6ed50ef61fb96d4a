"""What happened in the demo district: the page's bulletin of 20 January 2021, the days after it, and the last two days.

Everything is done through the same actions that pages and commands call, each with the moment at which it was done.
"""

import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from duban.access.actions import add_person
from duban.access.models import Person
from duban.bulletin.actions import approve_issue, draft_issue, edit_issue, publish_issue
from duban.bulletin.layout import lay_out_page
from duban.bulletin.models import Issue, Section
from duban.bulletin.pictures import file_picture
from duban.core.audit import Console
from duban.demo import (
    ballots,
    campaign,
    inspection,
    layers,
    meetings,
    neighbours,
    organisations,
    outbreak,
    partners,
    volunteers,
)
from duban.demo.pictures import SUBJECTS, draw_picture
from duban.evidence.actions import store_photo
from duban.ledger import actions as ledger
from duban.ledger.categories import category_index
from duban.ledger.history import seal_heads
from duban.ledger.lookback import draw_round
from duban.ledger.recording import Finding, record_finding
from duban.patrol.importing import import_inspections
from duban.places.actions import load_jurisdictions, load_layer

NAMESPACE = uuid.UUID("5c1f3a5e-7f7a-4d0c-9a44-30a1d2f1b8aa")
PASSWORD = "duban-demo-2021"  # noqa: S105  the demo's logins are printed for everybody
SERIES = "环境卫生通报"
SEED = "191"
ISSUER = "通州区城市管理委员会"
TITLE = "清除卫生死角 助力疫情防控"
INTRO = (
    "为切实履行疫情防控措施,落实环境卫生整治工作要求,区城市管理委强化检查城乡接合部、背街小巷、农贸市场、公厕、"
    "大型垃圾堆放点等重点区域,对发现的问题挂账督办。\n"
    "各属地部门要加大环境保洁力度,清理卫生死角,消除保洁盲区,有效整治大型建筑垃圾和生活垃圾堆放点。"
)

SNOW_ZH = "1月18日夜，城市副中心迎来2021年第一场雪，小雪持续至19日上午，气温下降明显。"
SNOW_EN = "The first snow of 2021 fell in the night to 19 January and went on into the morning; it is much colder."

LOGINS: list[tuple[str, str, str, str]] = [
    ("inspector", "inspector", layers.DISTRICT, "周巡"),
    ("handler", "handler", layers.DISTRICT, "吴承"),
    ("handler-huoxian", "handler", "110112106", "郑漷"),
    ("handler-songzhuang", "handler", "110112104", "宋实"),
    ("supervisor", "supervisor", layers.DISTRICT, "沈督"),
    ("supervisor2", "supervisor", layers.DISTRICT, "韩核"),
    ("publisher", "publisher", layers.DISTRICT, "许发"),
    ("leader", "leader", layers.DISTRICT, "何领"),
    ("administrator", "administrator", layers.DISTRICT, "孔管"),
    ("health_officer", "health_officer", layers.DISTRICT, "秦防"),
    ("health_officer-yuqiao", "health_officer", "110112004", "冯卫"),
    ("community_worker", "community_worker", "110112004", "尤社"),
    ("community_worker2", "community_worker", "110112004", "丁社"),
]
HANDLERS = {code: username for username, role, code, _name in LOGINS if role == "handler"}


def beijing(day: int, hour: int = 9, minute: int = 0) -> datetime:
    """A moment of January 2021 by the clock of the district; days past 31 run on into February."""
    return datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=day - 1, hours=hour - 8, minutes=minute)


@dataclass(frozen=True)
class Scene:
    """One thing found: where, when, what, in what kind of place, and how far it has come."""

    at: layers.Point
    found: datetime
    category: str
    words: str
    stage: str
    fate: str = "found"
    unit: str = ""
    """The town whose handler acts; "" for the one who handles the whole district."""
    more: bool = False
    """A second photo was taken."""


HUOXIAN, SONGZHUANG, TAIHU, MAJUQIAO = "110112106", "110112104", "110112114", "110112109"

THE_PAGE: list[Scene] = [
    Scene(layers.LIXINZHUANG, beijing(11, 9, 20), "06010", "村西南路边生活垃圾裸露堆放", "lane", "stands", HUOXIAN),
    Scene(layers.QUNFANG, beijing(11, 14, 5), "06036", "楼北侧绿地边堆放旧家具和杂物", "estate", "recurred"),
    Scene(layers.CHANGLINGYING, beijing(18, 9, 10), "06010", "环路旁林下散落生活垃圾", "road", "remedied", HUOXIAN),
    Scene(layers.XIELOU, beijing(18, 10, 15), "06011", "村南空地积存建筑渣土未苫盖", "road", "assigned", more=True),
    Scene(layers.LUYI, beijing(18, 11, 0), "06042", "站旁垃圾箱满溢,周边有散落垃圾", "estate", "closed"),
    Scene(layers.SHENJU, beijing(18, 14, 30), "06010", "高速桥下及边沟岸坡有垃圾堆", "viaduct", "rejected", more=True),
    Scene(layers.DAPANG, beijing(18, 15, 20), "06011", "路北侧倾倒建筑垃圾", "road", "assigned", SONGZHUANG),
    Scene(layers.TAIHU, beijing(19, 8, 50), "06042", "市场路垃圾站外垃圾落地", "market", "reworked"),
    Scene(layers.DASHAWU, beijing(19, 10, 40), "06010", "堤路旁沟渠边堆积生活垃圾", "ditch", "returned"),
    Scene(layers.AOXIAOYING, beijing(19, 13, 35), "06036", "环路边堆放旧家具和废旧物料", "lane", "assigned"),
]

AFTERWARDS: list[Scene] = [
    Scene((116.8040, 39.7668), beijing(20, 9, 0), "06012", "大街南侧路面泥污未清", "road", "closed", HUOXIAN),
    Scene((116.6408, 39.9014), beijing(20, 9, 30), "09005", "店外堆货占用便道", "market", "remedied"),
    Scene((116.6780, 39.8926), beijing(20, 10, 0), "06042", "市场北门垃圾桶满溢", "market", "closed"),
    Scene((116.7405, 39.9672), beijing(20, 10, 40), "06011", "工地出口旁倾倒渣土", "road", "assigned", SONGZHUANG),
    Scene((116.8622, 39.8104), beijing(20, 13, 20), "06010", "集市收市后垃圾未清", "market", "assigned"),
    Scene((116.5864, 39.7562), beijing(20, 14, 0), "09006", "流动商贩占道经营", "market", "reassigned"),
    Scene((116.6552, 39.8866), beijing(20, 14, 35), "06036", "地铁口旁堆放杂物", "estate", "closed"),
    Scene((116.7098, 39.8445), beijing(20, 15, 10), "06010", "沟渠护坡上有生活垃圾", "ditch", "remedied", more=True),
    Scene((116.7024, 39.7199), beijing(21, 8, 30), "06017", "街心绿地有白色垃圾", "green", "assigned"),
    Scene((116.7862, 39.6663), beijing(21, 9, 0), "06010", "村口垃圾池外溢", "lane", "listed"),
    Scene((116.6843, 39.8715), beijing(21, 9, 25), "06012", "积雪融化后路面泥污未清", "road", "listed"),
    Scene((116.7543, 39.9052), beijing(21, 9, 50), "06010", "拆迁地块边暴露垃圾", "lane", "held"),
    Scene((116.6478, 39.9427), beijing(21, 10, 20), "06036", "楼前空地堆放旧沙发", "estate", "asked"),
    Scene((116.6254, 39.9065), beijing(21, 10, 45), "06042", "厨余垃圾桶外溢", "estate", "void"),
    Scene((116.8382, 39.7735), beijing(21, 11, 10), "06011", "村东坑塘边倾倒渣土", "ditch", "remedied", HUOXIAN),
    Scene((116.7070, 39.9500), beijing(21, 13, 30), "06042", "村内垃圾点桶满未清", "lane", "reworked", SONGZHUANG),
    Scene((116.5908, 39.8458), beijing(21, 14, 0), "09005", "水果店店外摆放", "market", "closed"),
    Scene((116.6130, 39.7788), beijing(21, 14, 30), "06010", "村北路口新倒生活垃圾", "road", "split", more=True),
    Scene((116.6642, 39.9202), beijing(21, 15, 0), "06017", "河边绿地散落塑料袋", "green", "closed"),
    Scene((116.6820, 39.8529), beijing(21, 15, 40), "06012", "施工车辆带泥上路", "road", "assigned"),
    Scene((116.7315, 39.9163), beijing(22, 8, 40), "06017", "绿化带内有垃圾袋", "green", "found"),
    Scene((116.6996, 39.9124), beijing(22, 9, 0), "09006", "公交站旁占道摆摊", "market", "found"),
    Scene((116.7862, 39.7832), beijing(22, 9, 25), "06010", "村东路边新倒生活垃圾", "road", "found", HUOXIAN),
    Scene((116.7124, 39.9641), beijing(22, 9, 50), "06011", "画室旁堆放装修垃圾", "lane", "found", SONGZHUANG),
    Scene((116.6262, 39.8265), beijing(22, 10, 20), "06036", "厂区围墙外堆放杂物", "lane", "found"),
    Scene((116.6263, 39.8266), beijing(22, 10, 45), "06036", "围墙外旧物料无人清理", "lane", "merged"),
    Scene((116.9035, 39.8425), beijing(22, 11, 10), "06010", "村口路边垃圾堆", "road", "found"),
    Scene((116.6522, 39.8600), beijing(22, 13, 20), "06042", "菜市场旁垃圾箱满溢", "market", "found"),
    Scene((116.7302, 39.8331), beijing(22, 13, 50), "06010", "高架桥下堆放生活垃圾", "viaduct", "amended"),
    Scene((116.8350, 39.6922), beijing(22, 14, 30), "06011", "村西建筑垃圾未清运", "lane", "found"),
]

FATES: dict[str, tuple[str, ...]] = {
    "found": (),
    "amended": ("amend",),
    "listed": ("list",),
    "assigned": ("list", "assign"),
    "remedied": ("list", "assign", "remedy"),
    "rejected": ("list", "assign", "remedy_in_part", "reject"),
    "reworked": ("list", "assign", "remedy_in_part", "reject", "remedy", "close"),
    "returned": ("list", "assign", "return"),
    "reassigned": ("list", "assign", "return", "assign"),
    "closed": ("list", "assign", "remedy", "close"),
    "stands": ("list", "assign", "remedy", "close", "stands"),
    "recurred": ("list", "assign", "remedy", "close", "recurred"),
    "held": ("list", "assign", "hold"),
    "asked": ("list", "assign", "ask_extension"),
    "split": ("list", "split"),
    "void": ("void",),
    "merged": ("merge",),
}
LOOKING_BACK = frozenset({"stands", "recurred"})
HOURS = {"assign": 1.0, "remedy": 16.0, "remedy_in_part": 15.0, "stands": 31 * 24.0, "recurred": 31 * 24.0}
"""How long after the step before it a step is taken; others come two hours after."""


def lately(now: datetime) -> list[Scene]:
    """What was found in the two days before the demo is loaded, so that each desk holds work that is not yet late."""

    def ago(hours: float) -> datetime:
        return (now - timedelta(hours=hours)).replace(second=0, microsecond=0)

    return [
        Scene((116.8142, 39.7645), ago(30), "06011", "村东路口堆放拆除废料", "road", "assigned", HUOXIAN),
        Scene((116.7225, 39.9563), ago(29), "06036", "村委会东侧堆放杂物", "lane", "assigned", SONGZHUANG),
        Scene((116.6627, 39.9058), ago(28), "06017", "楼前绿地散落包装袋", "green", "remedied"),
        Scene((116.6824, 39.8908), ago(8), "06042", "楼旁垃圾箱满溢", "estate", "assigned"),
        Scene((116.5762, 39.7533), ago(5), "06010", "街边生活垃圾未清", "lane", "listed"),
        Scene((116.8828, 39.7553), ago(3), "06010", "村北沟边生活垃圾", "ditch", "found"),
    ]


def told(now: datetime) -> list[Scene]:
    """Every scene, in the order in which they were found."""
    return THE_PAGE + AFTERWARDS + lately(now)


def steps(index: int, scene: Scene) -> Iterator[tuple[str, datetime]]:
    """The steps of the scene's fate and when each is taken; publication has put the page's scenes on the ledger."""
    moment = scene.found + timedelta(hours=1)
    if index < 2:
        moment = beijing(13, 16, 30)
    elif index < len(THE_PAGE):
        moment = beijing(20, 8, 30)
    for action in FATES[scene.fate]:
        if action == "list" and index < len(THE_PAGE):
            continue
        moment += timedelta(hours=HOURS.get(action, 2.0))
        if moment.year == 2021:
            moment = _at_work(moment)
        yield action, moment


def _at_work(moment: datetime) -> datetime:
    """The moment, or half past eight of the next morning if it falls outside the hours from eight to six."""
    local = moment + timedelta(hours=8)
    if 8 <= local.hour < 18:
        return moment
    morning = local.replace(hour=8, minute=30) + timedelta(days=local.hour >= 18)
    return morning - timedelta(hours=8)


def snow(moment: datetime) -> float:
    """How much lay: it fell in the night to 19 January 2021 and was gone a week later."""
    days = (moment - beijing(19, 0)) / timedelta(days=1)
    return max(0.0, 0.75 - 0.12 * days) if days >= 0 else 0.0


def load_places(*, now: datetime) -> None:
    """The code list and the five drawn layers."""
    load_jurisdictions(by=Console(), now=now, data=layers.codes_table(), name="jurisdictions.csv")
    for name, features in layers.draw_layers().items():
        load_layer(
            by=Console(), now=now, name=name, features=features, schematic=True, as_of=now.date(), source=layers.SOURCE
        )


def add_people(*, now: datetime) -> dict[str, Person]:
    """A login per role, all with the password that everybody is told."""
    people = {}
    # Hashed once: a password is slow to hash by design.
    password = make_password(PASSWORD)
    for username, role, code, name in LOGINS:
        Person.objects.create(username=username, name=name, home=code, password=password)
        people[username], _password = add_person(username=username, role=role, at=code, now=now)
    return people


Pictures = dict[tuple[int, str], Future[bytes]]
"""By the scene's index and which of its pictures: before, more, remedy_in_part or remedy; and that of SNOW."""
SNOW = (-1, "snow")


def draw_all(scenes: Sequence[Scene], pool: Executor) -> Pictures:
    """Every picture of the story, each begun in the order in which it will be wanted."""
    pictures: Pictures = {SNOW: pool.submit(_draw_snow)}
    for index, scene in enumerate(scenes):
        wanted = [("before", scene.found), *([("more", scene.found)] if scene.more else [])]
        wanted += [step for step in steps(index, scene) if step[0] in {"remedy", "remedy_in_part", "recurred"}]
        for which, moment in wanted:
            pictures[index, which] = pool.submit(_draw, index, scene, which, moment)
    return pictures


def _draw(index: int, scene: Scene, which: str, moment: datetime) -> bytes:
    # Every third phone kept time and place in the file, as in life.
    kept = index % 3 == 0
    return draw_picture(
        index + {"more": 1000, "recurred": 2000}.get(which, 0),
        cleared=which == "remedy",
        stage=scene.stage,
        # What was cleared in part still shows what blew about.
        subject="litter" if which == "remedy_in_part" else SUBJECTS[scene.category],
        snow=snow(moment),
        taken_at=moment if kept else None,
        at=scene.at if kept else None,
    )


def _draw_snow() -> bytes:
    """The first snow of the year, on the morning of 19 January."""
    return draw_picture(3003, cleared=True, stage="green", snow=snow(beijing(19, 9)), taken_at=beijing(19, 9))


@dataclass(frozen=True)
class Secrets:
    """What opens a page without an account, told once: of somebody in isolation, and of a household that may vote."""

    care: str
    invitation: str


def tell(*, people: dict[str, Person], scenes: Sequence[Scene], pictures: Pictures, now: datetime) -> Secrets:
    """The page's day with all that leads up to it, bulletins 191 and 192, what came after, and the last two days."""
    teller = _Teller(people, scenes, pictures)
    page, after = len(THE_PAGE), len(THE_PAGE) + len(AFTERWARDS)
    teller.find(range(2))
    teller.publish(drafted=beijing(13, 10), now=beijing(13, 16), first=191)
    teller.follow(range(2))
    teller.find(range(2, page))
    organisations.add_organisations(now=beijing(15, 9), today=timezone.localdate(now))
    inspect(by=people["inspector"])
    campaign.expose(people=people, now=now)
    campaign.walk(people=people)
    neighbours.tell(people=people, now=now)
    partners.add_partners(people=people, posted=beijing(13, 15), now=now)
    outbreak.tell_the_page(people=people)
    meetings.tell_the_page(people=people, first=[teller.entries[0]])
    teller.picture()
    teller.publish(drafted=beijing(19, 19), now=beijing(20, 0, 10), day=date(2021, 1, 19))
    teller.follow(range(2, page))
    teller.find(range(page, after))
    teller.follow(range(page, after))
    teller.draft(now=beijing(25, 10))
    teller.draw(now=beijing(44, 16))
    teller.follow(range(2), looking_back=True)
    teller.find(range(after, len(scenes)))
    teller.follow(range(after, len(scenes)))
    campaign.plan(people=people, now=now)
    secrets = Secrets(outbreak.tell(people=people, now=now), ballots.ask_neighbours(people=people, now=now))
    meetings.tell(people=people, now=now)
    volunteers.tell(people=people, now=now)
    seal_heads(now=now)
    return secrets


def inspect(*, by: Person) -> None:
    """The page's inspection of 18 and 19 January with its look-back, taken in that evening."""
    import_inspections(
        by=by, now=beijing(19, 18, 30), data=inspection.inspections_file(inspection.CALLS), name="inspection.csv"
    )


class _Teller:
    """Who acts, with which pictures, and the entries made so far."""

    def __init__(self, people: dict[str, Person], scenes: Sequence[Scene], pictures: Pictures):
        self.people = people
        self.scenes = scenes
        self.pictures = pictures
        self.entries: dict[int, uuid.UUID] = {}

    def photo(self, index: int, which: str, *, by: Person, now: datetime) -> str:
        return store_photo(by=by, now=now, data=self.pictures[index, which].result()).sha256

    def picture(self) -> None:
        """Of the snow, for the page that is told of the 19th and for that of the 20th."""
        for day in (19, 20):
            file_picture(
                by=self.people["supervisor"], now=beijing(19, 15), at=layers.DISTRICT, day=date(2021, 1, day),
                photo=self.pictures[SNOW].result(), caption_zh=SNOW_ZH, caption_en=SNOW_EN,
            )  # fmt: skip

    def find(self, indexes: range) -> None:
        categories, inspector = category_index(), self.people["inspector"]
        for index in indexes:
            scene = self.scenes[index]
            now = scene.found + timedelta(minutes=4)
            by_phone = index % 3 == 0
            finding = Finding(
                id=uuid.uuid5(NAMESPACE, str(index)),
                category=categories[scene.category],
                lon=scene.at[0],
                lat=scene.at[1],
                datum="wgs84",
                found_at=scene.found,
                description=scene.words,
                position_source="gps" if by_phone else "map",
                accuracy_m=8.0 if by_phone else None,
                photos=tuple(
                    self.photo(index, which, by=inspector, now=now)
                    for which in ("before", "more")
                    if (index, which) in self.pictures
                ),
            )
            self.entries[index] = record_finding(by=inspector, now=now, finding=finding).entry.id

    def draw(self, *, now: datetime) -> None:
        """The look-back of February: six of what was due by then, by a seed that gives the page's two first entries."""
        draw_round(by=self.people["supervisor"], now=now, at=layers.DISTRICT, size=6, name="二月回头看", seed=SEED)

    def follow(self, indexes: range, *, looking_back: bool = False) -> None:
        """Take the entries through the steps of their fates, up to the look-back or that alone."""
        for index in indexes:
            for action, now in steps(index, self.scenes[index]):
                if (action in LOOKING_BACK) == looking_back:
                    self.step(index, action, now)

    def step(self, index: int, action: str, now: datetime) -> None:
        supervisor = self.people["supervisor"]
        handler = self.people[HANDLERS[self.scenes[index].unit or layers.DISTRICT]]
        common: dict[str, Any] = {"now": now, "entry_id": self.entries[index]}
        match action:
            case "list":
                ledger.list_entry(by=supervisor, **common)
            case "amend":
                words = f"{self.scenes[index].words},约三立方米"
                ledger.amend_entry(by=supervisor, description=words, reason="补充现场情况", **common)
            case "assign":
                ledger.assign_entry(by=supervisor, **common)
            case "remedy" | "remedy_in_part":
                photo = self.photo(index, action, by=handler, now=now)
                ledger.submit_remedy(by=handler, photos=[photo], reason="已清理并安排专人巡查", **common)
            case "close":
                ledger.close_entry(by=self.people["supervisor2"], reason="照片与现场一致", **common)
            case "reject":
                ledger.reject_remedy(by=supervisor, reason="仍有散落残留,请清理干净并重新拍照", **common)
            case "return":
                ledger.return_entry(by=handler, reason="该处由专业养护单位负责,请核定责任单位", **common)
            case "hold":
                ledger.hold_entry(by=supervisor, reason="地块权属有争议,待规划部门核定", **common)
            case "ask_extension":
                until = now + timedelta(days=6)
                ledger.ask_extension(by=handler, until=until, reason="大件清运车辆检修,周末前清走", **common)
            case "split":
                units = [TAIHU, MAJUQIAO]
                ledger.split_entry(by=supervisor, units=units, reason="路口两侧分属两镇", **common)
            case "stands":
                ledger.mark_stands(by=self.people["inspector"], reason="现场整洁,无反弹", **common)
            case "recurred":
                inspector = self.people["inspector"]
                photo = self.photo(index, action, by=inspector, now=now)
                ledger.mark_recurred(by=inspector, photos=[photo], reason="同一处再次堆放", **common)
            case "void":
                ledger.void_entry(by=supervisor, reason="现场复核为临时转运,已当场清走", **common)
            case "merge":
                ledger.merge_entry(by=supervisor, into=self.entries[index - 1], reason="同一处重复上报", **common)

    def publish(self, *, drafted: datetime, now: datetime, first: int | None = None, day: date | None = None) -> None:
        """An issue of what was found; with a `day` it is the page of that day."""
        by, second = self.people["supervisor"], self.people["publisher"]
        issue = draft_issue(by=by, now=drafted, name=SERIES, first=first, title=TITLE)
        self.keep_own(issue, now=drafted, intro=INTRO, issuer=ISSUER)
        if day is not None:
            lay_out_page(by=by, now=drafted, issue_id=issue.pk, day=day)
        approve_issue(by=second, now=drafted + timedelta(hours=1), issue_id=issue.pk)
        publish_issue(by=by, now=now, issue_id=issue.pk)

    def draft(self, *, now: datetime) -> None:
        """A draft of 193 is begun, its words not yet written."""
        issue = draft_issue(by=self.people["supervisor"], now=now, name=SERIES, title=TITLE)
        self.keep_own(issue, now=now)

    def keep_own(self, issue: Issue, *, now: datetime, intro: str | None = None, issuer: str | None = None) -> None:
        """Of what stands on the ledger the issue carries the rubbish alone, and not what failed at inspections."""
        mine = set(self.entries.values())
        items: dict[str, list[uuid.UUID]] = {section: [] for section in Section}
        for item in issue.items.order_by("position"):
            if item.entry_id in mine:
                items[item.section].append(item.entry_id)
        moment = now + timedelta(minutes=20)
        edit_issue(
            by=self.people["supervisor"], now=moment, issue_id=issue.pk, items=items, intro=intro, issuer=issuer
        )  # fmt: skip
