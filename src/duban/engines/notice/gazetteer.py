"""The list of administrative units as reports spell them, and which code a spelling means, damaged or not."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from duban.engines.geo.codes import trim_code

from .alike import likeness
from .drafts import Unit

_COMMITTEES = ("村民委员会", "村委会", "居民委员会", "居委会")
_ENDINGS = ("村", "社区")
_TOWN_ENDINGS = (
    "街道办事处",
    "地区办事处",
    "人民政府",
    "街道办",
    "街道",
    "地区",
    "回族乡",
    "民族乡",
    "镇",
    "乡",
    "苏木",
)
_ETHNIC = re.compile(r"(?:[\u4e00-\u9fff]{1,4}族)+乡$")


@dataclass(frozen=True, slots=True)
class Settled:
    """What a printed place means: the unit, None where it cannot be told, how sure, and the length of what was read."""

    unit: Unit | None
    confidence: float
    length: int = 0
    foreign: bool = False
    """Printed in full, and of no place in the list."""


@dataclass(frozen=True)
class Gazetteer:
    """Make one with `build`; it is a value, and reading a text changes nothing in it."""

    units: Mapping[str, Unit]
    towns: tuple[tuple[Unit, str], ...]
    """Each with its bare name: 漷县镇 -> 漷县."""
    bare: Mapping[str, tuple[Unit, ...]]
    """The same the other way round."""
    forms: Mapping[str, tuple[Unit, ...]]
    """Every whole spelling of a town or sub-district."""
    villages: Mapping[str, tuple[Unit, ...]]
    """By bare name: 李辛庄村委会 -> 李辛庄."""
    counties: Mapping[str, Unit]
    longest: int
    town_pattern: re.Pattern[str] | None = field(compare=False, repr=False, default=None)

    @classmethod
    def build(cls, rows: Iterable[tuple[str, str]]) -> "Gazetteer":
        """From (code, name) rows; a code given twice keeps its last name, and what is no code is left out."""
        units: dict[str, Unit] = {}
        for raw, name in rows:
            code, name = trim_code(raw), re.sub(r"\s+", "", name or "")
            if len(code) in (6, 9, 12) and name:
                units[code] = Unit(code, name)
        forms: dict[str, list[Unit]] = defaultdict(list)
        villages: dict[str, list[Unit]] = defaultdict(list)
        counties: dict[str, Unit] = {}
        towns = []
        for code in sorted(units):
            unit = units[code]
            if len(code) == 9:
                bare = bare_town(unit.name)
                towns.append((unit, bare))
                for form in _spellings(unit.name, bare):
                    forms[form].append(unit)
            elif len(code) == 12:
                villages[bare_village(unit.name)].append(unit)
            else:
                counties[unit.name] = unit
        pattern = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
        return cls(
            units,
            tuple(towns),
            {name: tuple(unit for unit, bare in towns if bare == name) for _unit, name in towns},
            {form: tuple(dict.fromkeys(found)) for form, found in forms.items()},
            {key: tuple(found) for key, found in villages.items()},
            counties,
            max(map(len, villages), default=0),
            re.compile(pattern) if pattern else None,
        )

    def __hash__(self) -> int:
        return id(self)

    def find(self, code: str) -> Unit | None:
        return self.units.get(code)

    def town_of(self, unit: Unit | None) -> Unit | None:
        return self.units.get(unit.code[:9]) if unit and len(unit.code) >= 9 else None

    def towns_like(self, printed: str) -> list[tuple[float, Unit]]:
        """Towns by how much their bare name is like the printed one (潞县镇), the likest first."""
        return _towns_like(self, printed)

    def village_in(self, town: Unit, printed: str) -> list[Unit]:
        """The villages and communities of the town that are called so, their ending heeded where two share a name."""
        found = [unit for unit in self.villages.get(bare_village(printed), ()) if unit.code.startswith(town.code)]
        return alike_in_ending(found, printed)

    def villages_like(self, printed: str, within: str = "") -> list[tuple[float, Unit]]:
        """Villages whose bare name is like the printed one, the likest first; those not like at all are left out."""
        return _villages_like(self, bare_village(printed), within)


@lru_cache(maxsize=4096)
def _towns_like(gazetteer: Gazetteer, printed: str) -> list[tuple[float, Unit]]:
    bare, ending = bare_town(printed), _ending_of(printed)
    scored = []
    for unit, name in gazetteer.towns:
        like = likeness(bare, name)
        if like and ending and _ending_of(unit.name) != ending and ending != "地区":
            like *= 0.8
        if like >= 0.3:
            scored.append((like, unit))
    return sorted(scored, key=lambda pair: (-pair[0], pair[1].code))


@lru_cache(maxsize=4096)
def _villages_like(gazetteer: Gazetteer, bare: str, within: str) -> list[tuple[float, Unit]]:
    scored: list[tuple[float, Unit]] = []
    for key, units in gazetteer.villages.items():
        if abs(len(key) - len(bare)) > 1:
            continue
        like = likeness(bare, key)
        if like >= 0.6:
            scored.extend((like, unit) for unit in units if unit.code.startswith(within))
    return sorted(scored, key=lambda pair: (-pair[0], pair[1].code))


def bare_town(name: str) -> str:
    """漷县镇, 漷县 -> 漷县; 北苑街道办事处 -> 北苑; 于家务回族乡 -> 于家务."""
    if ethnic := _ETHNIC.search(name):
        return _ethnic_bare(name, ethnic.start())
    for ending in _TOWN_ENDINGS:
        if name.endswith(ending) and len(name) > len(ending):
            return name.removesuffix(ending)
    return name


def _ethnic_bare(name: str, start: int) -> str:
    # The pattern takes as much as it can before 族乡, which may be the whole name.
    for ending in ("回族乡", "满族乡", "蒙古族乡", "朝鲜族乡", "壮族乡", "苗族乡", "瑶族乡", "土家族乡", "民族乡"):
        if name.endswith(ending) and len(name) > len(ending):
            return name.removesuffix(ending)
    return name[:start] or name


def _ending_of(name: str) -> str:
    for ending, kind in (
        ("街道办事处", "街道"),
        ("街道办", "街道"),
        ("地区办事处", "地区"),
        ("街道", "街道"),
        ("地区", "地区"),
        ("镇", "镇"),
        ("乡", "乡"),
    ):
        if name.endswith(ending):
            return kind
    return ""


def _spellings(name: str, bare: str) -> set[str]:
    kind = _ending_of(name)
    forms = {name, bare + kind} if kind else {name}
    if kind == "街道":
        forms |= {bare + "街道办事处", bare + "街道办", bare + "街" + "道"}
    if kind in ("镇", "乡", "街道"):
        # Towns of a city's edge keep an area office whose name people go on using: 梨园镇 is 梨园地区 as well.
        forms |= {bare + "地区", bare + "地区办事处"}
    if kind in ("镇", "乡"):
        forms |= {bare + kind + "人民政府", bare + kind + "政府"}
    return forms


def bare_village(name: str) -> str:
    """大沙务村村委会, 大沙务村, 大沙务 -> 大沙务; 东关社区居委会 -> 东关."""
    for committee in _COMMITTEES:
        if name.endswith(committee) and len(name) > len(committee):
            name = name.removesuffix(committee)
            break
    for ending in _ENDINGS:
        if name.endswith(ending) and len(name) > len(ending) + (ending == "村" and len(name) == 2):
            return name.removesuffix(ending)
    return name


def is_community(name: str) -> bool:
    return name.endswith(("社区", "居委会", "居民委员会"))


def alike_in_ending(found: list[Unit], printed: str) -> list[Unit]:
    """Of a village and a community that share a name, the one that is printed; all of them where nothing tells."""
    if len(found) < 2:
        return found
    wanted = printed.endswith(("社区", "居委会", "居民委员会", "小区"))
    alike = [unit for unit in found if is_community(unit.name) == wanted]
    return alike or found
