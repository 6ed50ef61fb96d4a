"""The inspection of 18 and 19 January 2021 that the newspaper page tells of, and the look-back that it mentions.

The page names the seven places with problems. Which places were found in order, and what had been found the week
before, it does not say: those are made up. Towns and townships are visited at a place each, five of them with problems
in three towns; sub-districts are visited apart from them, with problems at two places of one sub-district.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

COLUMNS = ("venue", "venue_type", "lon", "lat", "jurisdiction", "visited_at", "item", "result", "note")
"""Of the inspections file, in the contract's order."""

BEIJING = timedelta(hours=8)

ASKED: dict[str, tuple[str, ...]] = {
    "restaurant": ("code_scan", "thermometer", "temperature", "masks", "disinfection", "ventilation", "code_poster"),
    "salon": ("code_scan", "temperature", "masks", "disinfection", "ventilation", "code_poster"),
    "supermarket": ("code_scan", "thermometer", "temperature", "masks", "disinfection", "code_poster"),
    "village_store": ("thermometer", "temperature", "masks", "disinfection", "code_poster"),
    "convenience": ("code_scan", "temperature", "masks", "disinfection", "code_poster"),
    "market": ("code_scan", "thermometer", "temperature", "masks", "disinfection", "ventilation"),
    "netcafe": ("code_scan", "temperature", "masks", "disinfection", "ventilation", "smoking"),
    "mall": ("code_scan", "temperature", "masks", "disinfection", "visitor_register"),
    "village": ("temperature", "masks", "visitor_register"),
    "estate": ("temperature", "masks", "visitor_register"),
}
"""What is asked at a venue of each type: the items a row is written for."""


@dataclass(frozen=True)
class Place:
    """A venue: its name, the key of its type, the finest code known, WGS 84."""

    name: str
    kind: str
    jurisdiction: str
    lon: float
    lat: float
    address: str = ""


@dataclass(frozen=True)
class Call:
    """One visit: what failed and in which words; everything else that is asked passes.

    `recheck` is a look-back: only `asked` is looked at.
    """

    place: Place
    at: datetime
    failed: tuple[tuple[str, str], ...] = ()
    """(item, note)"""
    asked: tuple[str, ...] = ()
    """The items looked at; empty: all of ASKED for the type."""
    recheck: bool = False

    @property
    def answers(self) -> list[tuple[str, str, str]]:
        """(item, result, note) of each item looked at."""
        notes = dict(self.failed)
        return [
            (item, "fail" if item in notes else "pass", notes.get(item, ""))
            for item in self.asked or ASKED[self.place.kind]
        ]


def beijing(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of January 2021 by the clock of the district."""
    return datetime(2021, 1, day, hour, minute, tzinfo=UTC) - BEIJING


# Those that the page names.
CONGLIN = Place("丛林美食", "restaurant", "110112104212", 116.7060, 39.9490, "宋庄镇疃里大街")
RAMEN = Place("驾校外环路拉面馆", "restaurant", "110112104", 116.7168, 39.9562, "宋庄镇驾校外环路")
MIAOJIAN = Place("魅力妙剪", "salon", "110112104", 116.7081, 39.9512, "宋庄镇")
STORE = Place("便民综合批发超市", "village_store", "110112114220", 116.5880, 39.8230, "台湖镇兴武林村")
XINGXIN = Place("兴鑫便利店", "convenience", "110112109", 116.5822, 39.7571, "马驹桥镇兴华街中街")
SHOUXUN = Place("首讯拓展网咖", "netcafe", "110112003", 116.6405, 39.9012, "北苑街道翠屏西路")
WANDA = Place("万达金街", "mall", "110112003001", 116.6412, 39.9080, "新华西街")

# Those that were found in order.
ZHANGJIAWAN = Place("梁各庄村便民店", "village_store", "110112105204", 116.7000, 39.8530)
HUOXIAN = Place("漷县惠民超市", "supermarket", "110112106", 116.7960, 39.7690)
XIJI = Place("西集家常菜馆", "restaurant", "110112110", 116.8620, 39.8110)
YONGLEDIAN = Place("永乐店集贸市场", "market", "110112117", 116.7900, 39.6660)
LUCHENG = Place("古城村卡口", "village", "110112119205", 116.7470, 39.9290)
YONGSHUN = Place("永顺鲜果便利店", "convenience", "110112120", 116.6530, 39.9380)
LIYUAN = Place("梨园便民菜市场", "market", "110112121", 116.6570, 39.8690)
YUJIAWU = Place("于家务村便民店", "village_store", "110112209201", 116.7065, 39.7160)
YUQIAO = Place("玉桥南里小区", "estate", "110112004006", 116.6770, 39.8870)
ZHONGCANG = Place("中仓便民超市", "supermarket", "110112001", 116.6620, 39.9055)

# Those with problems in the week before, all mended by the look-back.
NOODLES = Place("漷县老街面馆", "restaurant", "110112106", 116.7942, 39.7681)
BARBER = Place("次渠美发", "salon", "110112114", 116.6235, 39.8281)
GATE = Place("永顺西里小区", "estate", "110112120015", 116.6480, 39.9295)

SCAN = ("code_scan", "未严格扫码登记")
MASKS = ("masks", "个别工作人员未佩戴口罩")

THE_WEEK_BEFORE: list[Call] = [
    Call(NOODLES, beijing(11, 9, 30), (("temperature", "未逐人测温"), ("disinfection", "消杀记录不全"))),
    Call(BARBER, beijing(11, 14, 10), (("masks", "理发师未佩戴口罩"),)),
    Call(GATE, beijing(12, 10, 20), (("visitor_register", "访客未登记"),)),
]
"""Found on 11 and 12 January."""

LOOKED_BACK: list[Call] = [
    Call(NOODLES, beijing(18, 16, 20), asked=("temperature", "disinfection"), recheck=True),
    Call(BARBER, beijing(19, 10, 40), asked=("masks",), recheck=True),
    Call(GATE, beijing(19, 15, 30), asked=("visitor_register",), recheck=True),
]
"""The look-back of 18 and 19 January: nothing left."""

THE_PAGE: list[Call] = [
    Call(CONGLIN, beijing(18, 9, 10), (SCAN, MASKS)),
    Call(RAMEN, beijing(18, 9, 50), (SCAN, MASKS)),
    Call(MIAOJIAN, beijing(18, 10, 25), (SCAN, MASKS)),
    Call(LUCHENG, beijing(18, 11, 20)),
    Call(ZHANGJIAWAN, beijing(18, 13, 30)),
    Call(STORE, beijing(18, 14, 15), (("code_poster", "未张贴健康宝二维码"), ("thermometer", "无体温枪"))),
    Call(HUOXIAN, beijing(18, 15, 40)),
    Call(XIJI, beijing(18, 16, 50)),
    Call(XINGXIN, beijing(19, 9, 5), (("temperature", "无测温"), ("disinfection", "无消杀记录"))),
    Call(YUJIAWU, beijing(19, 9, 20)),
    Call(YONGLEDIAN, beijing(19, 10, 30)),
    Call(LIYUAN, beijing(19, 11, 15)),
    Call(YONGSHUN, beijing(19, 13, 20)),
    Call(SHOUXUN, beijing(19, 13, 50), (("masks", "个别顾客未佩戴口罩"), ("smoking", "室内吸烟"))),
    Call(WANDA, beijing(19, 14, 30), (("visitor_register", "大多数商铺未设置到访信息登记簿"),)),
    Call(YUQIAO, beijing(19, 15, 5)),
    Call(ZHONGCANG, beijing(19, 16, 0)),
]
"""The inspection itself: 11 towns and townships with 5 problems in 3 of them, 3 sub-districts with 2."""

ROUND: list[Call] = [
    Call(STORE, beijing(21, 9, 30), asked=("code_poster", "thermometer"), recheck=True),
    Call(LIYUAN, beijing(21, 10, 40)),
    Call(ZHONGCANG, beijing(21, 13, 30)),
    Call(ZHANGJIAWAN, beijing(21, 14, 50)),
    Call(XINGXIN, beijing(22, 9, 10), asked=("temperature", "disinfection"), recheck=True),
    Call(YONGLEDIAN, beijing(22, 10, 20)),
    Call(HUOXIAN, beijing(22, 11, 15)),
    Call(YUJIAWU, beijing(22, 13, 40)),
    Call(YONGSHUN, beijing(22, 15, 0)),
]
"""The round over markets and shops that the 98th meeting asked for: in order, what was found the days before mended."""

CALLS: list[Call] = [*THE_WEEK_BEFORE, *THE_PAGE, *LOOKED_BACK]
PLACES: list[Place] = list(dict.fromkeys(call.place for call in CALLS))


def rows(calls: Iterable[Call]) -> list[dict[str, str]]:
    """A row for each answer, as the inspections file holds them; moments by the clock of the district."""
    return [
        {
            "venue": call.place.name,
            "venue_type": call.place.kind,
            "lon": str(call.place.lon),
            "lat": str(call.place.lat),
            "jurisdiction": call.place.jurisdiction,
            "visited_at": (call.at + BEIJING).strftime("%Y-%m-%d %H:%M"),
            "item": item,
            "result": result,
            "note": note,
        }
        for call in calls
        for item, result, note in call.answers
    ]


def inspections_file(calls: Iterable[Call]) -> bytes:
    """The rows as an inspections file, CSV in UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows(calls))
    return text.getvalue().encode()
