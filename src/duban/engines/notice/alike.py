"""How far two names are apart, when one may be the other after a bad scan or a slip of the ear.

A character costs little to exchange for one of like shape or sound, and much where it tells two neighbours apart
(大灰店 and 小灰店, 东定安 and 西定安): those are two places, never a slip.
"""

import csv
from functools import cache, lru_cache
from importlib.resources import files

from pypinyin import Style, lazy_pinyin

SAME_SHAPE, SAME_SOUND, OTHER, LOST, CONTRAST = 0.3, 0.4, 1.0, 0.7, 2.0
TELLS_APART = frozenset("东西南北中大小前后上下里外新老旧左右一二三四五六七八九十甲乙丙丁0123456789")


@cache
def _shapes() -> dict[str, set[int]]:
    groups: dict[str, set[int]] = {}
    text = files(__package__).joinpath("data/alike.csv").read_text(encoding="utf-8")
    for place, row in enumerate(csv.DictReader(text.splitlines())):
        for character in row["characters"]:
            groups.setdefault(character, set()).add(place)
    return groups


@lru_cache(maxsize=8192)
def _sound(character: str) -> str:
    return lazy_pinyin(character, style=Style.NORMAL)[0]


@lru_cache(maxsize=65536)
def exchange(one: str, other: str) -> float:
    """What it costs to read `other` where `one` is printed."""
    if one == other:
        return 0.0
    if one in TELLS_APART and other in TELLS_APART:
        return CONTRAST
    shapes = _shapes()
    if shapes.get(one, set()) & shapes.get(other, set()):
        return SAME_SHAPE
    if one in TELLS_APART or other in TELLS_APART:
        return CONTRAST
    return SAME_SOUND if _sound(one) == _sound(other) else OTHER


def likeness(printed: str, listed: str) -> float:
    """1 for the same name, towards 0 for names with nothing in common."""
    if printed == listed:
        return 1.0
    longest = max(len(printed), len(listed))
    if not longest or abs(len(printed) - len(listed)) > 2:
        return 0.0
    previous = [0.0]
    for character in listed:
        previous.append(previous[-1] + _lost(character))
    for one in printed:
        row = [previous[0] + _lost(one)]
        for place, other in enumerate(listed):
            row.append(
                min(previous[place] + exchange(one, other), previous[place + 1] + _lost(one), row[-1] + _lost(other))
            )
        previous = row
    return max(0.0, 1 - previous[-1] / longest)


def _lost(character: str) -> float:
    return CONTRAST if character in TELLS_APART else LOST
