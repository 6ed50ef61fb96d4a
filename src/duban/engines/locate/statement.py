"""The sentence that says where something is, in two forms, after the notices of the city-management committee."""

import math
from dataclasses import dataclass
from typing import Any

from duban.engines.geo.sides import SIDES, SIDES_EN

from .reasons import Reason, reason

RURAL, URBAN, NONE = "rural", "urban", "none"

_URBAN_KINDS = ("street", "area", "community")
KIND_NAMES = {
    "city": ("市", "city"),
    "county": ("区县", "county"),
    "street": ("街道", "sub-district"),
    "area": ("地区", "area"),
    "town": ("镇", "town"),
    "township": ("乡", "township"),
    "village": ("村", "village"),
    "community": ("社区", "community"),
    "grid": ("网格", "grid"),
}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one place; "" stands for what is not.

    `name` and `kind` are of the finest unit, `prefix` is what the sentence begins with, distances are in metres.
    """

    name: str
    kind: str
    prefix: str
    village: str = ""
    road: str = ""
    road_metres: float = math.nan
    water: str = ""
    water_metres: float = math.nan
    landmark: str = ""
    side: str = ""


def compose(known: Known) -> tuple[str, str, Reason]:
    """Form, sentence and the reason for the form.

    The finest unit's kind decides. What its form lacks (a landmark; a village, or both road and water) sends
    it to the other form; what both lack is said, and the sentence is "".
    """
    can_rural = bool(known.village and (known.road or known.water))
    can_urban = bool(known.landmark)
    if not known.kind:
        return NONE, "", _cannot_tell("所属辖区", "the jurisdiction")
    if known.kind in _URBAN_KINDS:
        if can_urban:
            return URBAN, _urban(known), _why(URBAN, known)
        if can_rural:
            return RURAL, _rural(known), reason("rural_without_landmark")
        return NONE, "", _cannot_tell("地标", "a landmark")
    if can_rural:
        why = _why(RURAL, known) if known.kind == "village" else reason("rural_by_village")
        return RURAL, _rural(known), why
    if can_urban:
        return (
            URBAN,
            _urban(known),
            reason("urban_without_lines" if known.village else "urban_without_village"),
        )
    if known.village:
        return NONE, "", _cannot_tell("道路、水系和地标", "any road, water or landmark")
    return NONE, "", _cannot_tell("所在村和地标", "both the village and a landmark")


def whole_metres(metres: float) -> int:
    """Halves upwards, as people round."""
    return math.floor(metres + 0.5)


def statement_en(located: dict[str, Any]) -> str:
    """The same place in an English pattern, names as they are, from one `locate` result (`Located.to_dict`).

    西集镇大沙务村: about 225 m from 潮河大堤路 and about 325 m from 牛屯引河
    """
    statement = located["statement"]
    if located["form"] == RURAL:
        lines = [line for line in (located["road"], located["water"]) if line]
        place = statement[: statement.index(f"距{lines[0]['name']}约")]
        away = [f"about {whole_metres(line['distance_m'])} m from {line['name']}" for line in lines]
        return f"{place}: {' and '.join(away)}"
    if located["form"] == URBAN:
        landmark, side = located["landmark"]["name"], located["landmark"]["side"] or ""
        road = located["road"]["name"] if located["road"] else ""
        place = statement.removesuffix(road + landmark + side)
        where = f"{SIDES_EN[SIDES.index(side)]} side of {landmark}" if side else f"at {landmark}"
        return ", ".join(part for part in (place, road, where) if part)
    return ""


def _rural(known: Known) -> str:
    lines = ((known.road, known.road_metres), (known.water, known.water_metres))
    away = [f"距{name}约{whole_metres(metres)}米" for name, metres in lines if name]
    return known.prefix + known.village + ",".join(away)


def _urban(known: Known) -> str:
    return known.prefix + known.road + known.landmark + known.side


def _why(form: str, known: Known) -> Reason:
    kind, kind_en = KIND_NAMES[known.kind]
    return reason(form, name=known.name, kind=kind, kind_en=kind_en)


def _cannot_tell(missing: str, missing_en: str) -> Reason:
    return reason("cannot_tell", missing=missing, missing_en=missing_en)
