"""An address at the head of a phrase: which unit it names, which road, and what is left (a venue, a landmark).

The village decides the town where the town's name is damaged: a scan reads 漷县镇 as 潞县镇,
but 谢楼 lies in 潞城镇 alone. What two readings would explain equally well is left open.
"""

import re
from dataclasses import dataclass, replace

from .alike import SAME_SHAPE, exchange
from .drafts import Unit
from .gazetteer import Gazetteer, alike_in_ending, bare_village

HAN = "\u4e00-\u9fff"
_ABOVE = re.compile(rf"(?:[{HAN}]{{2,3}}(?:省|自治区))?(?:[{HAN}]{{2,3}}(?<!超)(?<!城)市(?![场民政区]))?")
_COUNTY = re.compile(
    rf"([{HAN}]{{1,4}}?(?<![小社地园城景校片])(?:区|县))(?![镇乡村城])(?=[{HAN}]{{1,5}}(?:镇|乡|街道|地区|村|社区))"
)
_TOWN = re.compile(rf"([{HAN}]{{1,5}}?)(街道办事处|街道办|街道|地区办事处|地区|镇|乡)(?![镇村域])")
_NO_TOWN = re.compile(
    r"[返回还离异家故同思归下进出]$|[各全该本我某乡镇城两三几多整个此圩]|.*村|.*(?:风险|区|市|社|城乡|下|老|小|商业|步行|沿|老旧|中心|主要|重点|责任|相关|有关)$"
)
_VILLAGE_ENDING = r"(村民委员会|村委会|村(?!民|庄|落)|社区居民委员会|社区居委会|社区|居民委员会|居委会|小区)"
_VILLAGE = re.compile(rf"([{HAN}]{{1,9}}?){_VILLAGE_ENDING}")
_UNLISTED = re.compile(rf"[{HAN}]{{1,4}}?村(?![民庄落口里内委])")
_NO_VILLAGE = re.compile(r"[通驻环农镇乡本全各新山该我同多几城整渔]|.*[的在和]")
_ENDING_HERE = re.compile(_VILLAGE_ENDING.replace("村(?!民|庄|落)", "村(?!庄|落)"))
_ROAD = re.compile(
    rf"((?:[{HAN}]{{1,8}}?|[A-Z]\d{{1,3}}|\d{{1,3}}[省国县]道)(?:大街|大道|胡同|公路|环路|路|里(?=\d+号)|街(?!道)|巷|弄|(?<![盲便步跑走行车通河楼频轨隧管街渠报味知一过地水滑栈绿索])道(?![路具家理姑士德班次]))(?![口道边灯面段牌过])"
    rf"(?:[东西南北中](?:街|路|段|巷)|[一二三四五六七八九十]段)?)"
    rf"([甲乙丙]?\d+(?:-\d+)?号(?:院|楼)?(?:\d+号楼)?(?:附\d+号)?)?"
)
_NO_ROAD = re.compile(
    r"[得了]一[路街]$|当街$|沿街$|临街$|过街$|上街$|^(?:村[内外中东西南北]|镇[内区]|主)|(?:线路|电路|网路|管路|油路|气路)$|^(?:道路|沿街|马路|该路|此路|一路|各路|临街|背街|小巷|背街小巷|大街|大街小巷|胡同|公路|铁路|街|路)$|[的、，]|药房|药店|超市|公司|饭店|酒店|商店|餐厅|饭馆|宾馆|诊所|(?:[小中]学|医院|市场|[东西南北]侧).*道$"
)
_AFTER_BARE = re.compile(r"$|[东西南北]{1,2}(?:侧|面|边|口|头|门)|[，、；：（]|\d+号")
_NUMBER = re.compile(r"([甲乙丙]?\d+(?:-\d+)?号(?:院|楼)?(?:\d+号楼)?(?:\d+单元)?(?:\d{1,4}室)?)")

_GROUP = re.compile("第?(?:\\d{1,2}|[一二三四五六七八九十]{1,3})(?:村民小)?[组社队](?![成])")
"""坝西村3组: a part of a village that no list holds."""

_DOTS = ("·", "•", "・", "-", "—", "/", "｜")
"""Between the parts of an address: 江堤街道·临江社区."""

EXACT, BY_VILLAGE, BY_TOWN = 1.0, 0.75, 0.55
TOWN_LIKE, TOWN_APART = 0.8, 0.3
VILLAGE_LIKE, VILLAGE_APART = 0.74, 0.08
SLIP = 0.85


@dataclass(frozen=True, slots=True)
class Around:
    """What the text has said before: the town and county that go on until it names others.

    `unit` is what the text stands under (梅厂镇：…): it holds for all that names no place of its own.
    """

    town: Unit | None = None
    county: str = ""
    unit: Unit | None = None
    sure: float = 0.85
    printed: str = ""
    """`unit` as it is printed there."""
    near: Unit | None = None
    """The village that the text has come to, for what lies 村东 or 村内."""
    foreign: bool = False
    """Under a town that the list does not hold."""


@dataclass(frozen=True, slots=True)
class Address:
    """`printed` is the address as written, `rest` begins at `rest_at` of the phrase."""

    unit: Unit | None = None
    confidence: float = 0.5
    printed: str = ""
    village: str = ""
    road: str = ""
    number: str = ""
    rest: str = ""
    rest_at: int = 0
    town_printed: bool = False
    foreign: bool = False

    @property
    def named(self) -> bool:
        """Whether it names any place at all."""
        return bool(self.printed)


def read_address(phrase: str, gazetteer: Gazetteer, around: Around | None = None) -> Address:
    """The address that the phrase begins with; one that is not there leaves the whole phrase as `rest`."""
    around = around or Around()
    at, county, foreign = _county(phrase, gazetteer)
    if county:
        around = replace(around, county=county, town=around.town if _in(around.town, county) else None)
    found = _units(phrase, at, gazetteer, around, foreign)
    at = found.rest_at
    at += at > 0 and phrase.startswith(_DOTS, at)
    road = number = ""
    if (here := _ROAD.match(phrase, at)) and not _NO_ROAD.search(here[1]):
        road, number, at = here[1], here[2] or "", here.end()
    elif found.village and (group := _GROUP.match(phrase, at)):
        at = group.end()
    elif found.rest_at and (house := _NUMBER.match(phrase, at)):
        number, at = house[1], house.end()
    unit, confidence = found.unit, found.confidence
    named = gazetteer.villages.get(road, ()) if phrase.startswith(("新区", "小区", "新村", "家园"), at) else ()
    if unit is None and len(named) == 1:
        # 葛巷新区: a community that is called after its lane.
        unit, confidence = named[0], BY_VILLAGE
    if unit is None and not foreign and not found.foreign and found.rest_at == 0 and road:
        if behind := _listed_village(phrase, at, gazetteer, None):
            # 解放路桥东社区公交站: the road before its community.
            units, at = [one for one in behind[0] if _in(one, around.county)], behind[2]
            unit, confidence = (units[0], BY_VILLAGE) if len(units) == 1 else (None, 0.3)
        else:
            unit, confidence = _by_neighbour(road, gazetteer, around)
    return Address(
        unit=unit,
        confidence=confidence,
        printed=phrase[:at].strip(" ，" + "".join(_DOTS)),
        village=found.village,
        road=road,
        number=number,
        rest=phrase[at:],
        rest_at=at,
        town_printed=found.town_printed,
        foreign=foreign or found.foreign,
    )


def _in(unit: Unit | None, county: str) -> bool:
    return unit is not None and unit.code.startswith(county)


def _county(phrase: str, gazetteer: Gazetteer) -> tuple[int, str, bool]:
    """Where the address goes on after province, city and county; the county's code; whether it is none of ours."""
    above = _ABOVE.match(phrase)
    start = above.end() if above else 0
    for begin in {start, 0}:
        for name, unit in gazetteer.counties.items():
            if phrase.startswith(name, begin):
                return begin + len(name), unit.code, False
    if (town := gazetteer.town_pattern) and town.match(phrase):
        return 0, "", False
    for begin in (start, 0):
        if (county := _COUNTY.match(phrase, begin)) and not (town and town.match(phrase, begin)):
            name = county[1]
            if gazetteer.counties and any(unit.name.startswith(name) for unit in gazetteer.counties.values()):
                continue
            return county.end(1), "", True
    return (start, "", False) if start and _TOWN.match(phrase, start) else (0, "", False)


def _units(phrase: str, at: int, gazetteer: Gazetteer, around: Around, foreign: bool) -> Address:
    if foreign:
        return _elsewhere(phrase, at)
    if gazetteer.town_pattern and (here := gazetteer.town_pattern.match(phrase, at)):
        towns = [unit for unit in gazetteer.forms[here[0]] if unit.code.startswith(around.county)]
        if len(towns) > 1 and around.town in towns:
            towns = [around.town]
        return _in_towns(phrase, here.end(), towns, here[0], gazetteer)
    if bare := _bare_town(phrase, at, gazetteer, around):
        return bare
    if (here := _TOWN.match(phrase, at)) and not _NO_TOWN.match(here[1]):
        return _damaged_town(phrase, here.end(), here[0], gazetteer, around)
    return _village_alone(phrase, at, gazetteer, around)


def _elsewhere(phrase: str, at: int) -> Address:
    if here := _TOWN.match(phrase, at):
        at = here.end()
    town, village = here is not None, ""
    if here := _VILLAGE.match(phrase, at):
        village, at = here[0], here.end()
    return Address(None, 0.7, village=village, rest_at=at, town_printed=town, foreign=True)


def _listed_village(
    phrase: str, at: int, gazetteer: Gazetteer, towns: list[Unit] | None
) -> tuple[list[Unit], str, int] | None:
    """The longest listed name here, of the towns alone if given: its units, as printed, and where it ends."""
    for length in range(min(gazetteer.longest, len(phrase) - at), 0, -1):
        units = gazetteer.villages.get(phrase[at : at + length])
        if not units:
            continue
        found = [unit for unit in units if towns is None or unit.code[:9] in {town.code for town in towns}]
        end = at + length
        if ending := _ENDING_HERE.match(phrase, end):
            if ending[0] == "小区" and length < 3:
                continue
            end = ending.end()
        elif length > 2 and any(unit.name == phrase[at:end] for unit in units):
            # 查干嘎查: a name without an ending that others share.
            pass
        elif towns is not None and length > 1 and _is_community_slip(phrase[end : end + 2]):
            end += 2
        elif (
            towns is not None
            and length > 1
            and end < len(phrase)
            and exchange(phrase[end], "村") == SAME_SHAPE
            and _AFTER_BARE.match(phrase, end + 1)
        ):
            end += 1
        elif towns is None or length < 2 or not _AFTER_BARE.match(phrase, end):
            continue
        if found:
            return alike_in_ending(found, phrase[at:end]), phrase[at:end], end
    return None


def _is_community_slip(ending: str) -> bool:
    """杜区 for 社区."""
    return len(ending) == 2 and all(
        exchange(one, other) <= SAME_SHAPE for one, other in zip(ending, "社区", strict=True)
    )


def _in_towns(phrase: str, at: int, towns: list[Unit], printed: str, gazetteer: Gazetteer) -> Address:
    """After a town that is printed whole."""
    at += phrase.startswith(_DOTS, at)
    if listed := _listed_village(phrase, at, gazetteer, towns):
        units, village, end = listed
        sure = 0.8 if village.endswith("小区") else EXACT
        if len(units) == 1:
            return Address(units[0], sure, village=village, rest_at=end, town_printed=True)
        at_town = {unit.code[:9] for unit in units}
        town = gazetteer.find(at_town.pop()) if len(at_town) == 1 else None
        return Address(town, 0.6 if town else 0.3, village=village, rest_at=end, town_printed=True)
    town = towns[0] if len(towns) == 1 else None
    sure = EXACT if town else 0.3
    here = _VILLAGE.match(phrase, at)
    if (
        not here
        or here[2] == "小区"
        or (_ROAD.match(phrase[at : here.start(2)]) and not _slip(here[0], town, gazetteer))
    ):
        return Address(town, sure, rest_at=at, town_printed=True)
    village, end = here[0], here.end()
    if town is None:
        return Address(None, 0.3, village=village, rest_at=end, town_printed=True)
    like = gazetteer.villages_like(village, town.code)
    if _stands_out(like, VILLAGE_LIKE):
        found = alike_in_ending([unit for score, unit in like if score == like[0][0]], village)
        if len(found) == 1:
            return Address(found[0], 0.72 * like[0][0] + 0.1, village=village, rest_at=end, town_printed=True)
    elsewhere = [unit for unit in gazetteer.villages.get(bare_village(village), ()) if len(bare_village(village)) > 1]
    others = {unit.code[:9] for unit in elsewhere}
    alike_towns = {unit.code: score for score, unit in gazetteer.towns_like(printed)}
    if len(elsewhere) == 1 and alike_towns.get(elsewhere[0].code[:9], 0.0) >= 0.3:
        return Address(elsewhere[0], 0.5, village=village, rest_at=end, town_printed=True)
    if others:
        # Town and village are both printed whole and do not go together: one of them is wrong.
        return Address(None, 0.3, village=village, rest_at=end, town_printed=True)
    return Address(town, 0.6, village=village, rest_at=end, town_printed=True)


def _slip(village: str, town: Unit | None, gazetteer: Gazetteer) -> bool:
    """Whether what begins like a road's name (三道…村) is a listed village's in which one character slipped."""
    return town is not None and _stands_out(gazetteer.villages_like(village, town.code), SLIP)


def _stands_out(like: list[tuple[float, Unit]], least: float) -> bool:
    if not like or like[0][0] < least:
        return False
    best = bare_village(like[0][1].name)
    others = [score for score, unit in like if bare_village(unit.name) != best or unit.code[:9] != like[0][1].code[:9]]
    return not others or like[0][0] - others[0] >= VILLAGE_APART


def _bare_town(phrase: str, at: int, gazetteer: Gazetteer, around: Around) -> Address | None:
    """A town without its 镇 or 街道, which counts where one of its villages follows: 宋庄大庞村."""
    heads = [(long, town) for long in range(2, 7) for town in gazetteer.bare.get(phrase[at : at + long], ())]
    for length, town in heads:
        if not town.code.startswith(around.county):
            continue
        if (listed := _listed_village(phrase, at + length, gazetteer, [town])) and len(listed[0]) == 1:
            return Address(listed[0][0], 0.9, village=listed[1], rest_at=listed[2], town_printed=True)
    return None


def _damaged_town(phrase: str, at: int, printed: str, gazetteer: Gazetteer, around: Around) -> Address:
    """After what looks like a town that the list does not hold."""
    towns = [(score, unit) for score, unit in gazetteer.towns_like(printed) if unit.code.startswith(around.county)]
    scores = {unit.code: score for score, unit in towns}
    listed = _listed_village(phrase, at, gazetteer, [unit for _score, unit in towns]) if towns else None
    if listed:
        units, village, end = listed
        ranked = sorted(((scores[unit.code[:9]], unit) for unit in units), key=lambda pair: -pair[0])
        best = [pair for pair in ranked if pair[0] >= 0.4]
        if len(best) == 1 or (len(best) > 1 and best[0][0] - best[1][0] >= 0.25):
            return Address(best[0][1], BY_VILLAGE, village=village, rest_at=end, town_printed=True)
        if best:
            return Address(None, 0.3, village=village, rest_at=end, town_printed=True)
    village, end = "", at
    if (here := _VILLAGE.match(phrase, at)) and here[2] != "小区" and not _ROAD.match(phrase[at : here.start(2)]):
        village, end = here[0], here.end()
    if village:
        pairs = sorted(
            (
                (like * scores[unit.code[:9]], like, unit)
                for like, unit in gazetteer.villages_like(village)
                if like >= VILLAGE_LIKE and scores.get(unit.code[:9], 0.0) >= 0.6
            ),
            key=lambda triple: -triple[0],
        )
        if pairs and (len(pairs) == 1 or pairs[0][0] - pairs[1][0] >= VILLAGE_APART):
            return Address(pairs[0][2], 0.65, village=village, rest_at=end, town_printed=True)
        if pairs:
            return Address(None, 0.3, village=village, rest_at=end, town_printed=True)
    if towns and towns[0][0] >= TOWN_LIKE and (len(towns) == 1 or towns[0][0] - towns[1][0] >= TOWN_APART):
        return Address(towns[0][1], BY_TOWN, village=village, rest_at=end, town_printed=True)
    unlike = not towns or towns[0][0] < 0.5
    return Address(None, 0.6 if unlike else 0.3, village=village, rest_at=end, town_printed=True, foreign=unlike)


def _village_alone(phrase: str, at: int, gazetteer: Gazetteer, around: Around) -> Address:
    """A village or community without its town: the town that the text speaks of, else the only one of that name."""
    listed = _listed_village(phrase, at, gazetteer, [around.town]) if around.town else None
    if listed:
        units, village, end = listed
        if len(units) == 1:
            return Address(units[0], 0.9, village=village, rest_at=end)
    listed = None if around.foreign else _listed_village(phrase, at, gazetteer, None)
    if not listed:
        if (
            (around.unit or around.town or around.foreign)
            and (here := _UNLISTED.match(phrase, at))
            and not _NO_VILLAGE.match(here[0])
        ):
            return Address(village=here[0], rest_at=here.end(), foreign=around.foreign)
        return Address(rest_at=at) if at else Address()
    units, village, end = listed
    units = [unit for unit in units if unit.code.startswith(around.county)]
    bare = bare_village(village)
    if len(units) == 1 and len(bare) > 1:
        sure = 0.85 if len(bare) > 2 and not village.endswith("小区") else 0.7
        return Address(units[0], sure * (0.8 if around.town else 1), village=village, rest_at=end)
    if len(bare) < 2:
        return Address()
    return Address(None, 0.3, village=village, rest_at=end)


def _by_neighbour(road: str, gazetteer: Gazetteer, around: Around) -> tuple[Unit | None, float]:
    """A road bears a community's name, and the text was just in that community's town: the town, unsurely.

    The name alone settles nothing: 新华西街 does not lie in 新华街道.
    """
    units = gazetteer.villages.get(road, ())
    if len(units) == 1 and around.town and units[0].code.startswith(around.town.code):
        return around.town, BY_TOWN
    return None, 0.5
