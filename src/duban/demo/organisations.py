"""The register of the demo district: 5,041 organisations, such that the page's figures come out of rows.

Named ones and those of the sub-district 玉桥 are as the page tells; all others are made up from where they live and
what they do, the same at every load. Written in bulk: what brings one organisation onto the register is checked by the
same function that pages and imports use.
"""

import csv
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.db import transaction

from duban.commons.models import (
    ChangeOf,
    Course,
    CourseAttendance,
    CourseSession,
    LifeEvent,
    Milestone,
    Organisation,
    OrganisationCategory,
    OrganisationKind,
    Party,
    PartyRole,
    Purpose,
    Service,
    Stage,
    Tier,
)
from duban.commons.register import search
from duban.commons.register.actions import CheckOutcome
from duban.commons.register.codes import body_check, last_check
from duban.commons.register.drafts import OrganisationDraft, checked
from duban.core.audit import Console
from duban.core.rows import insert
from duban.demo.layers import CODES

NAMESPACE = uuid.UUID("0b0f8a52-6d0a-4f43-9a55-6a3d1d5f7f10")
TOTAL = 5041
YUQIAO, LIYUAN, YIYUAN_XILI, RICH_PARK = "110112004", "110112121", "110112004014", "110112109008"
FILED, CLUBS, STUDIOS, GUIDED = 298, 100, 100, 27
"""Of 玉桥: organisations filed with it, how many of them are clubs and studios, and groups that are guided alone."""
MEMBERS = 11_286
AS_OF = date(2021, 1, 15)
BEGAN = date(2008, 3, 1)
FEDERATION = "玉桥街道社区社会组织联合会"
STREET_WEIGHT, VILLAGE_WEIGHT = 24, 12

KINDS = {
    OrganisationKind.CLUB: ("协会", "社", "俱乐部"),
    OrganisationKind.STUDIO: ("工作室",),
    OrganisationKind.TEAM: ("队", "服务队"),
    OrganisationKind.OTHER: ("小组", "互助组"),
}
SIZES = {
    OrganisationKind.CLUB: (24, 66),
    OrganisationKind.STUDIO: (10, 40),
    OrganisationKind.TEAM: (12, 60),
    OrganisationKind.OTHER: (6, 24),
    OrganisationKind.FEDERATION: (30, 80),
}
DOES = {
    "culture": (
        "合唱 舞蹈 太极 书法 绘画 摄影 京剧 评剧 秧歌 腰鼓 健步走 乒乓球 柔力球 剪纸 编织 诵读 象棋 民乐 模特 空竹 "
        "毽球 手工 茶艺 口琴 葫芦丝 读书"
    ).split(),
    "living": "便民理发 家电维修 织补 邻里托管 助餐 代买代办 花草养护 旧物交换 智能手机课堂 磨刀修伞".split(),
    "charity": "助老 助残 爱心衣橱 关爱儿童 心理陪伴 义诊 拥军 应急救护 爱心送考 邻里互助".split(),
    "affairs": (
        "治安巡逻 垃圾分类 环境维护 停车自管 邻里调解 楼门自治 文明劝导 河道巡护 文明养犬 消防宣传 民意收集 物业共商"
    ).split(),
}
# Of hundred organisations so many; what sings and dances is most of it.
SHARES = {"culture": 46, "living": 14, "charity": 18, "affairs": 22}
USUAL = {
    "culture": Purpose.LEISURE,
    "living": Purpose.SERVICE,
    "charity": Purpose.SERVICE,
    "affairs": Purpose.SELF_GOVERNANCE,
}

FIVE = {
    Party.LEADS: "玉桥街道党工委",
    Party.DIRECTS: "玉桥街道办事处",
    Party.GUIDES: "玉桥街道各社区居委会",
    Party.ADVISES: "专业社会组织",
    Party.RUNS: "社区居民",
}
"""As the page has it: 领导、主导、引导、指导、自导."""


Held = dict[str, tuple[str, date]]
"""By party who holds its slot, and since when."""


@dataclass
class Made:
    """An organisation and how it came to be what it is."""

    draft: OrganisationDraft
    category: str
    purpose: str = Purpose.LEISURE
    turned: date | None = None
    """When it turned from leisure to its purpose."""
    stages: Sequence[tuple[str, date]] = ()
    parties: Held = field(default_factory=dict)
    federated: bool = True
    """It belongs to the federation of its sub-district or town, where there is one."""


@dataclass(frozen=True)
class Unit:
    code: str
    name: str
    short: str
    """What its people call it."""

    @property
    def is_village(self) -> bool:
        return self.name.endswith("村委会")


# ---- what the page names --------------------------------------------------------------------------------------------


def _named() -> list[Made]:
    def brand(name: str, code: str, category: str, kind: str, founded: date, turned: date | None, members: int) -> Made:
        draft = OrganisationDraft(
            name=name, tier="filed", category=category, jurisdiction=code, kind=kind, founded=founded, brand=name,
            members=str(members), about=f"{name}由居民自发成立,在社区里服务邻里。",
        )  # fmt: skip
        stages = [
            (Stage.ADMITTED, _later(founded, 200)), (Stage.GROWING, _later(founded, 420)),
            (Stage.STANDING, _later(founded, 800)),
        ]  # fmt: skip
        if founded.year < 2014:
            stages.append((Stage.LEADING, date(2018, 5, 18)))
        purpose = Purpose.SELF_GOVERNANCE if turned else USUAL[category]
        parties: Held = {party: (unit, _later(founded, 210)) for party, unit in FIVE.items()}
        if founded.year > 2015:
            # New forces: nobody advises them yet.
            del parties[Party.ADVISES]
        return Made(draft, category, purpose, turned, stages, parties)

    studio, club, team = OrganisationKind.STUDIO, OrganisationKind.CLUB, OrganisationKind.TEAM
    return [
        brand("情暖夕阳工作室", "110112004004", "charity", studio, date(2010, 4, 12), None, 46),
        brand("十姐妹工作室", "110112004006", "culture", studio, date(2011, 3, 8), date(2016, 6, 20), 38),
        brand("五老带六小", "110112004002", "charity", club, date(2012, 9, 1), None, 60),
        brand("指南针", "110112004015", "affairs", studio, date(2017, 10, 9), date(2019, 5, 6), 32),
        brand("小红帽", "110112004009", "affairs", team, date(2018, 3, 5), date(2019, 9, 2), 58),
        brand("好邻居", "110112004003", "living", club, date(2018, 7, 16), date(2020, 4, 13), 44),
        brand("便民帮", "110112004011", "living", team, date(2019, 4, 22), None, 36),
        Made(
            OrganisationDraft(
                name="“红色旗帜”社区治理服务队", tier="filed", category="affairs", jurisdiction=YIYUAN_XILI, kind=team,
                founded=date(2020, 6, 1), members="26", about="艺苑西里社区党员和志愿者组成,参与楼门微治理。",
            ),
            "affairs", Purpose.SELF_GOVERNANCE, None, [(Stage.ADMITTED, date(2020, 9, 10))],
            {Party.GUIDES: ("艺苑西里社区居委会", date(2020, 9, 10)), Party.RUNS: ("社区居民", date(2020, 6, 1))},
        ),
        Made(
            OrganisationDraft(
                name="楼门微治理小组", tier="guided", category="affairs", jurisdiction=YIYUAN_XILI,
                kind=OrganisationKind.OTHER, founded=date(2020, 8, 15), members="12",
            ),
            "affairs", Purpose.SELF_GOVERNANCE,
        ),
        Made(
            OrganisationDraft(
                name="劝导小分队", tier="filed", category="affairs", jurisdiction=RICH_PARK, kind=team,
                founded=date(2019, 5, 4), members="21", about="社区党员和志愿者组成,见到不文明的现象上前劝一劝。",
            ),
            "affairs", Purpose.SELF_GOVERNANCE, None, [(Stage.ADMITTED, date(2020, 3, 2))],
            {Party.GUIDES: ("富力尚悦居社区居委会", date(2020, 3, 2)), Party.RUNS: ("社区居民", date(2019, 5, 4))},
        ),
        Made(
            OrganisationDraft(
                name="明峰社工事务所", tier="registered", category="affairs", jurisdiction=LIYUAN, kind="other",
                founded=date(2016, 8, 25), members="18", credit_code=credit_code("52", 900), brand="明峰",
                about="专业社会工作机构,为社区社会组织骨干成员提供培训和陪伴。",
            ),
            "affairs", Purpose.SERVICE, federated=False,
        ),
    ]  # fmt: skip


def _federations(towns: Sequence[Unit]) -> list[Made]:
    """玉桥's own is the first of them, over seven years old when the page was printed."""
    since = date(2013, 10, 18)
    made = [
        Made(
            OrganisationDraft(
                name=FEDERATION, tier="registered", category="affairs", jurisdiction=YUQIAO, kind="federation",
                founded=since, members="56", credit_code=credit_code("51", 1), brand="一格一品、一区多室、一室多能",
                about="通州区最早成立的社区社会组织联合会之一,为社区社会组织搭建“培育发展”与“信息管理”双平台。",
            ),
            "affairs", Purpose.SERVICE, None,
            [
                (Stage.ADMITTED, date(2013, 11, 1)), (Stage.GROWING, date(2014, 9, 12)),
                (Stage.STANDING, date(2016, 4, 8)), (Stage.LEADING, date(2018, 12, 5)),
            ],
            {party: (unit, since) for party, unit in FIVE.items()},
            federated=False,
        )
    ]  # fmt: skip
    for number, town in enumerate((town for town in towns if town.code in LATER), start=2):
        founded = LATER[town.code]
        filled: Held = {
            Party.LEADS: (f"{town.name}党{'工委' if town.name.endswith(('街道', '地区')) else '委'}", founded),
            Party.DIRECTS: (f"{town.name}办事处" if town.name.endswith("街道") else f"{town.name}人民政府", founded),
            Party.RUNS: ("社区居民", founded),
        }
        # Each is short of another one.
        if number % 3:
            filled[Party.GUIDES] = ("各社区居委会", _later(founded, 60))
        if number % 2:
            filled[Party.ADVISES] = ("明峰社工事务所", _later(founded, 300))
        stages = [(Stage.ADMITTED, _later(founded, 20)), (Stage.GROWING, _later(founded, 330))]
        draft = OrganisationDraft(
            name=f"{town.name}社区社会组织联合会", tier="registered", category="affairs", jurisdiction=town.code,
            kind="federation", founded=founded, members=str(20 + number * 2), credit_code=credit_code("51", number),
        )  # fmt: skip
        made.append(Made(draft, "affairs", Purpose.SERVICE, None, stages, filled, federated=False))
    return made


LATER = {
    "110112001": date(2014, 5, 9), "110112002": date(2015, 3, 20), "110112003": date(2014, 11, 14),
    "110112010": date(2017, 6, 2), "110112013": date(2018, 4, 27), "110112104": date(2018, 9, 6),
    "110112109": date(2019, 3, 15), "110112114": date(2019, 7, 19), "110112120": date(2016, 10, 21),
    "110112121": date(2015, 12, 4),
}  # fmt: skip
"""Federations of other sub-districts and towns, by when each was founded."""


# ---- all the others -------------------------------------------------------------------------------------------------


def _units() -> tuple[list[Unit], dict[str, list[Unit]]]:
    """Towns, and by town its communities and villages."""
    towns, below = [], dict[str, list[Unit]]()
    with CODES.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            code, name = row["code"], row["name"]
            if len(code) == 9:
                towns.append(Unit(code, name, name))
            elif len(code) == 12:
                short = name
                for ending in ("社区居民委员会", "社区居委会", "村委会", "社区"):
                    short = short.removesuffix(ending)
                below.setdefault(code[:9], []).append(Unit(code, name, short))
    return towns, below


def _shared_out(total: int, weights: dict[str, int]) -> dict[str, int]:
    """By largest remainder."""
    whole = sum(weights.values())
    shares = {key: total * weight // whole for key, weight in weights.items()}
    rest = sorted(weights, key=lambda key: (-(total * weights[key] % whole), key))
    for key in rest[: total - sum(shares.values())]:
        shares[key] += 1
    return shares


def _combinations(unit: Unit, kinds: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """(name, category, kind) of what the people of a place could have, in an order that is theirs; each name once."""
    chance = random.Random(unit.code)  # noqa: S311  the same at every load
    pools = {category: [(does, kind) for does in words for kind in kinds] for category, words in DOES.items()}
    for pool in pools.values():
        chance.shuffle(pool)
    while any(pools.values()):
        left = [category for category in SHARES if pools[category]]
        category = chance.choices(left, [SHARES[one] for one in left])[0]
        does, kind = pools[category].pop()
        yield f"{unit.short}{does}{chance.choice(KINDS[OrganisationKind(kind)])}", category, kind


def _common(unit: Unit, name: str, category: str, kind: str, tier: str, filing: str, chance: random.Random) -> Made:
    days = (AS_OF - BEGAN).days
    # Ever more of them: the later half of the years has two thirds.
    founded = BEGAN + timedelta(days=int(days * chance.random() ** 0.6))
    low, high = SIZES[OrganisationKind(kind)]
    draft = OrganisationDraft(
        name=name,
        tier=tier,
        category=category,
        jurisdiction=unit.code,
        kind=kind,
        filing_number=filing,
        founded=None if tier == Tier.GUIDED and chance.random() < 0.06 else founded,
        members=str(chance.randint(low, high)),
    )
    return Made(draft, category, USUAL[category])


def _of_yuqiao(units: Sequence[Unit], named: Sequence[Made]) -> list[Made]:
    """Those filed with 玉桥, 100 clubs and 100 studios among them, and the groups that are guided alone."""
    chance = random.Random(YUQIAO)  # noqa: S311  the same at every load
    there = [one for one in named if one.draft.jurisdiction.startswith(YUQIAO)]
    filed = [one for one in there if one.draft.tier == "filed"]
    wanted: list[tuple[str, str]] = []
    for kind, number in (
        ("club", CLUBS),
        ("studio", STUDIOS),
        ("team", FILED - CLUBS - STUDIOS),
    ):
        have = sum(one.draft.kind == kind for one in filed)
        wanted += [("filed", kind)] * (number - have)
    wanted += [("guided", "other")] * (GUIDED - sum(one.draft.tier == "guided" for one in there))
    names = {(unit.code, str(kind)): _combinations(unit, [kind]) for unit in units for kind in KINDS}
    made = []
    for number, (tier, kind) in enumerate(wanted):
        unit = units[number % len(units)]
        name, category, _kind = next(names[unit.code, kind])
        filing = f"玉社备{2014 + number % 7}-{number + 1:03}" if tier == "filed" else ""
        made.append(_common(unit, name, category, kind, tier, filing, chance))
    _grow(made, chance, turned=62, helped=40)
    rest = [one for one in made if one.draft.tier == "filed"]
    sized = MEMBERS - sum(int(one.draft.members) for one in filed)
    weights = {str(at): 20 + chance.randint(0, 36) for at in range(len(rest))}
    for at, members in _shared_out(sized, weights).items():
        one = rest[int(at)]
        one.draft = _with(one.draft, members=str(members))
    return made


def _of_others(below: dict[str, list[Unit]], number: int) -> list[Made]:
    places = [unit for town, units in below.items() if town != YUQIAO for unit in units]
    weights = {one.code: VILLAGE_WEIGHT if one.is_village else STREET_WEIGHT for one in places}
    shares = _shared_out(number, weights)
    made: list[Made] = []
    by_town: dict[str, list[Made]] = {}
    for unit in places:
        chance = random.Random(f"{unit.code}-facts")  # noqa: S311  the same at every load
        kinds = ["team", "club", "team", "other"] if unit.is_village else ["club", "team", "studio", "other"]
        names = _combinations(unit, list(dict.fromkeys(kinds)))
        for _one in range(shares[unit.code]):
            name, category, kind = next(names)
            tier = chance.choices(["filed", "guided"], [44, 56])[0]
            town = by_town.setdefault(unit.code[:9], [])
            filing = f"备{unit.code[6:9]}-{len(town) + 1:04}" if tier == "filed" else ""
            town.append(_common(unit, name, category, kind, tier, filing, chance))
    for code, town in by_town.items():
        chance = random.Random(f"{code}-growth")  # noqa: S311  the same at every load
        _grow(town, chance, turned=len(town) // 40, helped=len(town) // 30)
        made += town
    # A few have themselves registered: a credit code instead of a filing number.
    for at, one in enumerate(made):
        if at % 41 == 7:
            one.draft = _with(one.draft, tier="registered", filing_number="", credit_code=credit_code("51", 100 + at))
    return made


def _grow(made: Sequence[Made], chance: random.Random, *, turned: int, helped: int) -> None:
    """Some of them turned from leisure to self-governance; some are helped along, one further than another."""
    dated = [one for one in made if one.draft.founded]
    for one in chance.sample([one for one in dated if one.category == "culture" and _year(one) < 2018], turned):
        one.purpose, one.turned = Purpose.SELF_GOVERNANCE, date(chance.randint(2018, 2020), chance.randint(1, 12), 6)
    young = [one for one in dated if one.draft.tier == "filed" and _year(one) < 2018]
    for at, one in enumerate(chance.sample(young, min(helped, len(young)))):
        admitted = date(2018, 1 + at % 12, 15)
        steps = list(Stage)[: 1 + at % 3]
        one.stages = [(stage, _later(admitted, 240 * step)) for step, stage in enumerate(steps)]
        street = one.draft.jurisdiction[:9]
        filled = chance.sample(list(Party), chance.choice([5, 5, 4, 3, 2]))
        units = FIVE if street == YUQIAO else OTHERS
        one.parties = {party: (units[party], admitted) for party in filled}


OTHERS = {
    Party.LEADS: "社区党组织",
    Party.DIRECTS: "属地街道(乡镇)",
    Party.GUIDES: "社区居委会",
    Party.ADVISES: "专业社会组织",
    Party.RUNS: "社区居民",
}


def _year(one: Made) -> int:
    return one.draft.founded.year if one.draft.founded else 0


def _later(day: date, days: int) -> date:
    return min(day + timedelta(days=days), AS_OF)


def _with(draft: OrganisationDraft, **more: str) -> OrganisationDraft:
    return OrganisationDraft(**{**vars(draft), **more})


def credit_code(kind: str, number: int) -> str:
    """A made-up unified social credit code of the district with right check characters."""
    body = f"MJ{number:06}"
    seventeen = f"{kind}110112{body}{body_check(body)}"
    return seventeen + last_check(seventeen)


# ---- onto the register ----------------------------------------------------------------------------------------------


def told() -> list[Made]:
    """All 5,041 of them, federations first."""
    towns, below = _units()
    named = _named()
    federations = _federations(towns)
    yuqiao = _of_yuqiao(below[YUQIAO], named)
    others = _of_others(below, TOTAL - len(named) - len(federations) - len(yuqiao))
    return [*federations, *named, *yuqiao, *others]


@transaction.atomic
def add_organisations(*, now: datetime, today: date) -> int:
    """The register, what became of each up to the annual check of the year of `today`, a course and two purchased
    services. On one that is not empty: nothing."""
    if Organisation.objects.exists():
        return 0
    categories = OrganisationCategory.objects.in_bulk()
    actor = Console().as_actor()
    federations: dict[str, Organisation] = {}
    fresh, life, parties = list[Organisation](), list[LifeEvent](), list[PartyRole]()
    numbered = 0
    for one in told():
        draft = one.draft
        if draft.tier == "filed" and not draft.filing_number:
            numbered += 1
            draft = _with(draft, filing_number=f"社备2013-{numbered:03}")
        found = checked(draft, categories[one.category], AS_OF)
        found.id = uuid.uuid5(NAMESPACE, f"{found.jurisdiction}/{found.name}")
        found.added_at = now
        found.purpose = one.purpose
        if found.kind == OrganisationKind.FEDERATION:
            federations[found.town] = found
        elif one.federated and found.tier == Tier.FILED:
            found.federation = federations.get(found.town)
        changes = _life(one, found)
        found.stage = changes[-1][3] if one.stages else ""
        life += [
            LifeEvent(organisation=found, what=what, on=on, before=before, after=after, by=actor, at=now)
            for what, on, before, after in changes
        ]
        parties += [
            PartyRole(organisation=found, party=party, unit=unit, since=since)
            for party, (unit, since) in one.parties.items()
        ]
        found.slots = len(one.parties)
        fresh.append(found)
    for number, found in enumerate(fresh):
        year, on = _check(number, found.founded or BEGAN, today)
        found.checked_year = year
        life.append(
            LifeEvent(
                organisation=found,
                what=ChangeOf.CHECK,
                on=on,
                before=str(year),
                after=CheckOutcome.PASSED,
                by=actor,
                at=datetime.combine(on, time(2), UTC),
            )
        )
    insert(fresh)
    search.index(fresh)
    insert(life)
    insert(parties)
    by_name = {one.name: one for one in fresh}
    _train(fresh)
    _buy(by_name)
    return len(fresh)


def _check(number: int, founded: date, today: date) -> tuple[int, date]:
    """(year, day) of the last check: this year's of six in seven, for the others last year's if they were there."""
    last = date(today.year - 1, 12, 1 + number % 28)
    if number % 7 == 0 and founded <= last:
        return last.year, last
    since = (today - date(today.year, 1, 1)).days
    return today.year, max(founded, today - timedelta(days=number % (since + 1)))


def _life(one: Made, found: Organisation) -> list[tuple[str, date, str, str]]:
    """(what, on, before, after), stages last."""
    changes: list[tuple[str, date, str, str]] = []
    if found.founded:
        changes.append((ChangeOf.FOUNDED, found.founded, "", found.name))
    if found.brand:
        changes.append((ChangeOf.BRAND, _later(found.founded or AS_OF, 150), "", found.brand))
    if one.turned:
        changes.append((ChangeOf.PURPOSE, one.turned, Purpose.LEISURE, one.purpose))
    before = ""
    for stage, on in one.stages:
        changes.append((ChangeOf.STAGE, on, before, stage))
        before = stage
    return changes


TOPICS = ("项目设计与申报", "活动策划与组织", "骨干成员的沟通与协作", "议事协商的规则", "项目管理与总结")


def _train(fresh: Sequence[Organisation]) -> None:
    """The course of the page: core members of 梨园's organisations, trained by a firm of social workers."""
    course = Course.objects.create(
        id=uuid.uuid5(NAMESPACE, "course"), jurisdiction=LIYUAN, name="“蓄能充电”计划", provider="明峰社工事务所",
        begins_on=date(2020, 6, 10),
    )  # fmt: skip
    there = [one for one in fresh if one.town == LIYUAN and one.tier == Tier.FILED][:24]
    rows = []
    for week, topic in enumerate(TOPICS):
        at = datetime(2020, 6, 10, 1, 30, tzinfo=UTC) + timedelta(weeks=3 * week)
        session = CourseSession.objects.create(course=course, at=at, topic=topic)
        rows += [
            CourseAttendance(session=session, organisation=one, people=1 + (place + week) % 3)
            for place, one in enumerate(there)
            if (place * 7 + week) % 5
        ]
    CourseAttendance.objects.bulk_create(rows)


def _buy(by_name: dict[str, Organisation]) -> None:
    """Two services that were bought, their milestones met but for the last ones."""
    firm, federation = by_name["明峰社工事务所"], by_name[FEDERATION]
    for organisation, name, buyer, amount, signed, milestones in (
        (
            firm, "社区社会组织骨干成员培训", "梨园地区办事处", "186000", date(2020, 5, 20),
            [("需求调研报告", date(2020, 6, 5), date(2020, 6, 3)), ("五次培训", date(2020, 9, 10), date(2020, 9, 9)),
             ("陪伴督导十二次", date(2020, 12, 20), date(2020, 12, 18)), ("总结评估", date(2021, 1, 31), None)],
        ),
        (
            federation, "社区社会组织培育发展", "玉桥街道办事处", "320000", date(2020, 3, 2),
            [("新培育组织二十支", date(2020, 8, 31), date(2020, 8, 28)), ("信息管理平台数据更新", date(2020, 10, 31),
             date(2020, 10, 30)), ("年度成果展示", date(2020, 12, 31), None)],
        ),
    ):  # fmt: skip
        service = Service.objects.create(
            id=uuid.uuid5(NAMESPACE, name), organisation=organisation, name=name, buyer=buyer, amount=Decimal(amount),
            signed_on=signed,
        )  # fmt: skip
        Milestone.objects.bulk_create(
            [Milestone(service=service, name=what, due_on=due, met_on=met) for what, due, met in milestones]
        )
