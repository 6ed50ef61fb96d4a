"""Who came from elsewhere in the demo: made-up people under ID numbers of a county and phones that nobody has."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from duban.demo import layers
from duban.outbreak.casefiles.identity import Facts
from duban.outbreak.people import ID_CHECKS, ID_WEIGHTS

YUQIAO = "110112004"
COUNTY = "110199"
"""Is no county's code: an ID number that begins with it is nobody's."""
PHONES = 14_000_000_000
"""Begins what is given to machines, whose numbers are longer than eleven digits."""
PEOPLE, VISITORS, OF_YUQIAO = 120, 24, 32
FAMILY = 3
"""The first so many came together and live together."""


@dataclass(frozen=True)
class Origin:
    """A sub-district that people came from, and the community of it where those were who must be isolated."""

    name: str
    community: str
    code: str
    serial: int
    """Of the first of its people, whose ID numbers and phones run on from it."""

    @property
    def community_code(self) -> str:
        return f"{self.code}001"


TIANGONGYUAN = Origin("大兴区天宫院街道", "融汇社区", "110115012", 0)
WANGXI = Origin("邻区望溪街道", "望溪社区", f"{COUNTY}012", PEOPLE)
"""Is nowhere."""

SURNAMES = "安柏程丁方古侯江柯林闵宁欧潘齐任石陶万夏严章钟祝"
GIVEN = ("望舟", "听河", "桥生", "晓堤", "柳岸", "运来", "溪云", "灯塔", "知潮", "小帆", "问津", "沐秋")
COLUMNS = ("name", "id_number", "phone", "home", "area_code", "arrived", "departed")


@dataclass(frozen=True)
class Comer:
    """Somebody who was there on one day of January, from `hour` for six hours; `stay` is a community or a village."""

    origin: Origin
    name: str
    id_number: str
    phone: str
    born: date
    stay: str
    address: str
    area: str
    day: int
    hour: int
    together: bool = False

    @property
    def facts(self) -> Facts:
        return Facts(
            name=self.name,
            id_number=self.id_number,
            phone=self.phone,
            birth_date=self.born.isoformat(),
            stay_address=self.address,
            from_place=self.origin.name,
        )

    @property
    def visited_community(self) -> bool:
        return self.area == self.origin.community_code


def comers(origin: Origin) -> list[Comer]:
    """All of them, those of the community first; a quarter live in Yuqiao."""
    homes = sorted(layers.villages())
    near = [code for code in homes if code.startswith(YUQIAO)]
    far = [code for code in homes if not code.startswith(YUQIAO)]
    return [_comer(origin, index, near, far) for index in range(PEOPLE)]


def _comer(origin: Origin, index: int, near: list[str], far: list[str]) -> Comer:
    serial = origin.serial + index
    together = index < FAMILY
    visitor = index < VISITORS
    # Eight of the visitors and two dozen others live in Yuqiao, the rest all over the district.
    yuqiao = index < 8 or VISITORS <= index < VISITORS + OF_YUQIAO - 8
    stay = near[0 if together else index % len(near)] if yuqiao else far[index * 37 % len(far)]
    born = date(2012, 5, 6) if index == FAMILY - 1 else date(1950 + index * 7 % 52, 1 + index * 5 % 12, 1 + index % 28)
    return Comer(
        origin=origin,
        name=SURNAMES[(origin.serial if together else serial) % len(SURNAMES)]
        + GIVEN[(serial * 5 + serial // len(SURNAMES)) % len(GIVEN)],
        id_number=id_number(born, serial + 1),
        phone=str(PHONES + serial + 1),
        born=born,
        stay=stay,
        address=address(stay, 0 if together else index),
        area=origin.community_code if visitor else f"{origin.code}{2 + index % 6:03d}",
        day=17 if together else 17 + index % 2 if visitor else 15 + index % 4,
        hour=9 if together else 8 + index % 4,
        together=together,
    )


def id_number(born: date, serial: int) -> str:
    """With a check digit that is right, of a county that is none."""
    digits = f"{COUNTY}{born:%Y%m%d}{serial:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, ID_WEIGHTS, strict=True))
    return digits + ID_CHECKS[total % 11]


def address(stay: str, index: int) -> str:
    """A door in the community or village."""
    name = layers.units()[stay]
    for ending in ("社区居民委员会", "社区居委会", "居民委员会", "居委会", "村委会", "村民委员会"):
        name = name.removesuffix(ending)
    if stay.startswith(YUQIAO):
        return f"{name}{1 + index % 20}号楼{1 + index % 4}单元{100 * (1 + index % 6) + 1 + index % 3}"
    return f"{name}{1 + index}号院"


def write_presences(path: Path, people: Iterable[Comer], first: date) -> None:
    """The arrivals as a register sends them; `first` is the day that stands for 1 January."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for one in people:
            came = datetime.combine(first + timedelta(days=one.day - 1), datetime.min.time()) + timedelta(
                hours=one.hour
            )
            gone = came + timedelta(hours=6)
            times = (came.strftime("%Y-%m-%d %H:%M"), gone.strftime("%Y-%m-%d %H:%M"))
            rows.writerow([one.name, one.id_number, one.phone, one.stay, one.area, *times])
