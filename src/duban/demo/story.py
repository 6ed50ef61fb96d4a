"""What happened in the demo district before today: the page's bulletin of 20 January 2021, and the days after it.

Everything is done through the same actions that pages and commands call, each with the moment at which it was done.
"""

import uuid
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from duban.access.actions import add_person
from duban.access.models import Person
from duban.bulletin.actions import approve_issue, draft_issue, edit_issue, publish_issue
from duban.core.audit import Console
from duban.demo import layers
from duban.demo.pictures import draw_picture
from duban.evidence.actions import store_photo
from duban.ledger import actions as ledger
from duban.ledger.actions import Finding
from duban.ledger.categories import category_index
from duban.ledger.history import seal_heads
from duban.places.actions import load_jurisdictions, load_layer

NAMESPACE = uuid.UUID("5c1f3a5e-7f7a-4d0c-9a44-30a1d2f1b8aa")
PASSWORD = "duban-demo-2021"  # noqa: S105  the demo's logins are printed for everybody
SERIES = "环境卫生通报"
ISSUER = "通州区城市管理委员会"
INTRO = (
    "为切实履行疫情防控措施,落实环境卫生整治工作要求,区城市管理委强化检查城乡接合部、背街小巷、农贸市场、公厕、"
    "大型垃圾堆放点等重点区域,对发现的问题挂账督办。\n"
    "各属地部门要加大环境保洁力度,清理卫生死角,消除保洁盲区,有效整治大型建筑垃圾和生活垃圾堆放点。"
)

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
    ("community_worker", "community_worker", "110112004", "尤社"),
]


def beijing(day: int, hour: int = 9, minute: int = 0) -> datetime:
    """A moment of January 2021 by the clock of the district; days past 31 run on into February."""
    return datetime(2021, 1, 1, tzinfo=UTC) + timedelta(days=day - 1, hours=hour - 8, minutes=minute)


@dataclass(frozen=True)
class Scene:
    """One thing found: where, when, what, and how far it has come."""

    at: layers.Point
    found: datetime
    category: str
    words: str
    fate: str = "found"


THE_PAGE: list[Scene] = [
    Scene(layers.LIXINZHUANG, beijing(11, 9, 20), "06010", "村西南路边生活垃圾裸露堆放", "closed"),
    Scene(layers.QUNFANG, beijing(11, 14, 5), "06036", "楼北侧绿地边堆放旧家具和杂物", "closed"),
    Scene(layers.CHANGLINGYING, beijing(18, 9, 10), "06010", "环路旁林下散落生活垃圾", "remedied"),
    Scene(layers.XIELOU, beijing(18, 10, 15), "06011", "村南空地积存建筑渣土未苫盖", "assigned"),
    Scene(layers.LUYI, beijing(18, 11, 0), "06042", "站旁垃圾箱满溢,周边有散落垃圾", "closed"),
    Scene(layers.SHENJU, beijing(18, 14, 30), "06010", "高速桥下及边沟岸坡有垃圾堆", "rejected"),
    Scene(layers.DAPANG, beijing(18, 15, 20), "06011", "路北侧倾倒建筑垃圾", "assigned"),
    Scene(layers.TAIHU, beijing(19, 8, 50), "06042", "市场路垃圾站外垃圾落地", "closed"),
    Scene(layers.DASHAWU, beijing(19, 10, 40), "06010", "堤路旁沟渠内漂浮和堆积垃圾", "returned"),
    Scene(layers.AOXIAOYING, beijing(19, 13, 35), "06036", "环路边堆放秸秆和废旧物料", "assigned"),
]

AFTERWARDS: list[Scene] = [
    Scene((116.8120, 39.7690), beijing(20, 9, 0), "06012", "大街南侧路面尘土未清扫", "closed"),
    Scene((116.6345, 39.9030), beijing(20, 9, 30), "09005", "店外堆货占用便道", "remedied"),
    Scene((116.6780, 39.8926), beijing(20, 10, 0), "06042", "市场北门垃圾桶满溢", "closed"),
    Scene((116.7380, 39.9700), beijing(20, 10, 40), "06011", "工地出口渣土洒落", "assigned"),
    Scene((116.8660, 39.8170), beijing(20, 13, 20), "06010", "集市收市后垃圾未清", "assigned"),
    Scene((116.5870, 39.7590), beijing(20, 14, 0), "09006", "流动商贩占道经营", "listed"),
    Scene((116.6560, 39.8908), beijing(21, 8, 30), "06036", "地铁口共享单车与杂物堆积", "remedied"),
    Scene((116.7060, 39.7230), beijing(21, 9, 10), "06017", "街心绿地有白色垃圾", "assigned"),
    Scene((116.7900, 39.6690), beijing(21, 9, 50), "06010", "村口垃圾池外溢", "listed"),
    Scene((116.6860, 39.8730), beijing(21, 10, 30), "06012", "辅路积雪融化后泥污未清", "listed"),
    Scene((116.7740, 39.8960), beijing(21, 11, 10), "06010", "拆迁地块暴露垃圾", "assigned"),
    Scene((116.6480, 39.9500), beijing(21, 14, 20), "06036", "楼道口堆放旧沙发", "found"),
    Scene((116.6170, 39.9064), beijing(21, 15, 0), "06042", "厨余桶破损外流", "void"),
    Scene((116.6640, 39.8458), beijing(22, 8, 40), "06012", "施工车辆带泥上路", "found"),
    Scene((116.7285, 39.9165), beijing(22, 9, 0), "06017", "绿化带内有垃圾袋", "found"),
    Scene((116.6920, 39.9125), beijing(22, 9, 25), "09005", "水果店店外摆放", "found"),
    Scene((116.8050, 39.7720), beijing(22, 9, 50), "06010", "沟边新倒生活垃圾", "found"),
    Scene((116.7360, 39.9760), beijing(22, 10, 20), "06011", "画室旁装修垃圾堆放", "found"),
    Scene((116.6300, 39.8260), beijing(22, 10, 45), "06036", "厂区围墙外堆放木托盘", "found"),
    Scene((116.6301, 39.8261), beijing(22, 11, 5), "06036", "围墙外木托盘无人清理", "merged"),
]

FATES: dict[str, tuple[str, ...]] = {
    "found": (),
    "listed": ("list",),
    "assigned": ("list", "assign"),
    "remedied": ("list", "assign", "remedy"),
    "rejected": ("list", "assign", "remedy", "reject"),
    "returned": ("list", "assign", "return"),
    "closed": ("list", "assign", "remedy", "close"),
    "void": ("void",),
    "merged": ("merge",),
}


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
    for username, role, code, name in LOGINS:
        person, _password = add_person(username=username, role=role, at=code, name=name, now=now)
        person.set_password(PASSWORD)
        person.must_change_password = False
        person.save()
        people[username] = person
    return people


def draw_all() -> dict[tuple[int, bool], bytes]:
    """Every picture of the story by (scene, cleared), drawn on all cores."""
    scenes = THE_PAGE + AFTERWARDS
    wanted = [(index, False) for index in range(len(scenes))]
    wanted += [(index, True) for index, scene in enumerate(scenes) if "remedy" in FATES[scene.fate]]
    with ProcessPoolExecutor() as pool:
        drawn = list(pool.map(partial(_draw, scenes), wanted, chunksize=2))
    return dict(zip(wanted, drawn, strict=True))


def _draw(scenes: Sequence[Scene], which: tuple[int, bool]) -> bytes:
    index, cleared = which
    scene = scenes[index]
    # Every third phone kept time and place in the file, as in life.
    told = index % 3 == 0
    return draw_picture(
        index,
        cleared=cleared,
        taken_at=scene.found + timedelta(hours=26 if cleared else 0) if told else None,
        at=scene.at if told and not cleared else None,
    )


def tell(*, people: dict[str, Person], pictures: dict[tuple[int, bool], bytes]) -> None:
    """Findings, remedies and bulletins 191 and 192, and what came after up to 22 January."""
    teller = _Teller(people, pictures)
    teller.find(range(2))
    teller.publish(now=beijing(13, 16), first=191)
    for index in range(2):
        teller.follow(index, THE_PAGE[index], start=beijing(13, 17))
    teller.find(range(2, 10))
    teller.publish(now=beijing(20, 0, 10))
    for index in range(2, 10):
        teller.follow(index, THE_PAGE[index], start=beijing(20, 10))
    teller.find(range(10, 10 + len(AFTERWARDS)))
    for index, scene in enumerate(AFTERWARDS, start=10):
        teller.follow(index, scene, start=scene.found + timedelta(hours=3))
    teller.draft(now=beijing(22, 16))
    seal_heads(now=beijing(22, 18))


class _Teller:
    """Who acts, with which pictures, and the entries made so far."""

    def __init__(self, people: dict[str, Person], pictures: dict[tuple[int, bool], bytes]):
        self.people = people
        self.pictures = pictures
        self.scenes = THE_PAGE + AFTERWARDS
        self.entries: dict[int, uuid.UUID] = {}

    def photo(self, index: int, *, cleared: bool, now: datetime) -> str:
        by = self.people["handler" if cleared else "inspector"]
        return store_photo(by=by, now=now, data=self.pictures[index, cleared]).sha256

    def find(self, indexes: range) -> None:
        categories = category_index()
        for index in indexes:
            scene = self.scenes[index]
            finding = Finding(
                id=uuid.uuid5(NAMESPACE, str(index)),
                category=categories[scene.category],
                lon=scene.at[0],
                lat=scene.at[1],
                datum="wgs84",
                found_at=scene.found,
                description=scene.words,
                position_source="gps" if index % 3 == 0 else "map",
                accuracy_m=8.0 if index % 3 == 0 else None,
                photos=(self.photo(index, cleared=False, now=scene.found),),
            )
            now = scene.found + timedelta(minutes=4)
            recorded = ledger.record_finding(by=self.people["inspector"], now=now, finding=finding)
            self.entries[index] = recorded.entry.id

    def follow(self, index: int, scene: Scene, *, start: datetime) -> None:
        """Take the entry through the steps of its fate; what publication has already listed is not listed again."""
        entry_id = self.entries[index]
        supervisor, handler = self.people["supervisor"], self.people["handler"]
        now = start
        for action in FATES[scene.fate]:
            common: dict[str, Any] = {"now": now, "entry_id": entry_id}
            match action:
                case "list" if index >= len(THE_PAGE):
                    ledger.list_entry(by=supervisor, **common)
                case "assign":
                    ledger.assign_entry(by=supervisor, **common)
                case "remedy":
                    photo = self.photo(index, cleared=True, now=now)
                    ledger.submit_remedy(by=handler, photos=[photo], reason="已清运并安排专人巡查", **common)
                case "close":
                    ledger.close_entry(by=supervisor, reason="照片与现场一致", **common)
                case "reject":
                    ledger.reject_remedy(by=supervisor, reason="沟内仍有残留,请清至沟底并重新拍照", **common)
                case "return":
                    ledger.return_entry(by=handler, reason="该段堤路由水务部门养护,请核定责任单位", **common)
                case "void":
                    ledger.void_entry(by=supervisor, reason="现场复核为临时转运,已当场清走", **common)
                case "merge":
                    ledger.merge_entry(by=supervisor, into=self.entries[index - 1], reason="同一处重复上报", **common)
            now += timedelta(hours=3 if action != "assign" else 20)

    def publish(self, *, now: datetime, first: int | None = None) -> None:
        by, second = self.people["supervisor"], self.people["publisher"]
        issue = draft_issue(by=by, now=now, name=SERIES, first=first, title="清除卫生死角 助力疫情防控")
        edit_issue(by=by, now=now, issue_id=issue.pk, intro=INTRO, issuer=ISSUER)
        approve_issue(by=second, now=now + timedelta(minutes=5), issue_id=issue.pk)
        publish_issue(by=by, now=now + timedelta(minutes=10), issue_id=issue.pk)

    def draft(self, *, now: datetime) -> None:
        draft_issue(by=self.people["supervisor"], now=now, name=SERIES, title="持续清理 常态保洁")
