"""Names of places as lists spell them, as statements print them, and as they are compared."""

import re
import unicodedata

VILLAGE_COMMITTEE = ("村民委员会", "村委会")
RESIDENTS_COMMITTEE = ("居民委员会", "居委会")
_OFFICES = ("街道办事处", "地区办事处", "人民政府")
# Places on the village level that are never called 村.
_OTHER_ENDINGS = ("村", "社区", "农场", "林场", "牧场", "渔场", "嘎查", "生活区")
_HAN = "\u3400-\u9fff\U00020000-\U0003ffff"
_ENDS_IN_HAN = re.compile(f"[{_HAN}]$")
_NEEDLESS_SPACE = re.compile(rf"(?<=[{_HAN}])\s+|\s+(?=[{_HAN}])")
_SPACES = re.compile(r"\s+")


def clean(name: str | None) -> str:
    """Without spaces about it or about Chinese characters, others as one; "" for None."""
    return _SPACES.sub(" ", _NEEDLESS_SPACE.sub("", (name or "").strip()))


def village_name(name: str, kind: str = "village") -> str:
    """How a statement prints a village or community, without its committee.

    大沙务村村委会 -> 大沙务村, 李辛庄村委会 -> 李辛庄村, 东关社区居委会 and 东关居委会 -> 东关社区;
    a bare 李辛庄 of kind village -> 李辛庄村.
    """
    name = clean(name)
    for ending in VILLAGE_COMMITTEE:
        if name.endswith(ending) and len(name) > len(ending):
            return _ending_in(name.removesuffix(ending), "村")
    for ending in RESIDENTS_COMMITTEE:
        if name.endswith(ending) and len(name) > len(ending):
            return _ending_in(name.removesuffix(ending), "社区")
    if kind == "village" and _ENDS_IN_HAN.search(name):
        return name if name.endswith(_OTHER_ENDINGS) else name + "村"
    return name


def town_name(name: str) -> str:
    """How a statement prints a town or sub-district: without its office (北苑街道办事处 -> 北苑街道)."""
    name = clean(name)
    for office in _OFFICES:
        if name.endswith(office) and len(name) > len(office):
            return name.removesuffix(office) + (office[:2] if office != "人民政府" else "")
    return name


def village_key(name: str) -> str:
    """What two spellings of one village share, full-width or not: 大庞村村委会, 大庞村 and 大庞 -> 大庞."""
    printed = village_name(unicodedata.normalize("NFKC", name), kind="")
    for ending in ("村", "社区"):
        if printed.endswith(ending) and len(printed) > len(ending):
            return printed.removesuffix(ending)
    return printed


def kind_from_name(name: str, code: str) -> str:
    """The kind of a unit from its name's ending, for a unit whose kind nobody stated.

    A code's length says the level (4 city, 6 county, 9 town, 12 village, 15 grid), but never which kind of
    town.
    """
    name = clean(name)
    if len(code) <= 4:
        return "city"
    if len(code) <= 6:
        return "county"
    if len(code) > 12:
        return "grid"
    if len(code) > 9:
        residents = name.endswith((*RESIDENTS_COMMITTEE, "社区"))
        return "community" if residents else "village"
    if name.endswith(("街道", "街道办事处", "街道办")):
        return "street"
    if name.endswith(("地区", "地区办事处")):
        return "area"
    if town_name(name).endswith(("乡", "苏木")):
        return "township"
    return "town"


def _ending_in(name: str, ending: str) -> str:
    return name if name.endswith(ending) else name + ending
