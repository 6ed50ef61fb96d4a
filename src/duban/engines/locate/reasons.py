"""Why a place was described as it was: a code for programs, a sentence for people, in both languages."""

from dataclasses import dataclass

# Each sentence is a str.format template over the reason's data.
REASONS: dict[str, tuple[str, str]] = {
    "bad_position": (
        "坐标不可用:经度须在-180至180之间,纬度须在-90至90之间",
        "The position cannot be used: longitude must be within -180..180 and latitude within -90..90.",
    ),
    "no_boundaries": ("没有边界图层可用", "No boundary layer is available."),
    "no_villages": ("没有村庄图层可用", "No village layer is available."),
    "no_roads": ("没有道路图层可用", "No road layer is available."),
    "no_waters": ("没有水系图层可用", "No water layer is available."),
    "no_landmarks": ("没有地标图层可用", "No landmark layer is available."),
    "in_boundary": ("位于“{name}”({code})的边界内", "Within the boundary of {name} ({code})."),
    "on_edge": (
        "位于“{name}”与“{other}”的交界线上,归代码较小的“{name}”",
        "On the line between {name} and {other}; counted to {name}, whose code is lower.",
    ),
    "no_boundary": ("不在任何已载入的边界内", "Not within any boundary that is loaded."),
    "nearest_village": (
        "最近的村点是“{name}”,相距约{metres}米",
        "The nearest village point is {name}, about {metres} m away.",
    ),
    "no_village": ("该边界内没有村点", "No village point lies within this boundary."),
    "village_too_far": (
        "最近的村点“{name}”相距约{metres}米,超过{limit}米,不采用",
        "The nearest village point, {name}, is about {metres} m away, beyond {limit} m, and is not used.",
    ),
    "village_not_listed": (
        "“{name}”不在代码表的对应范围内,未取得12位代码",
        "{name} is not in the code list at this place, so its 12-digit code is not known.",
    ),
    "village_ambiguous": (
        "代码表中有不止一个“{name}”,无法确定是哪一个",
        "The code list has more than one {name}; which one cannot be told.",
    ),
    "village_code_elsewhere": (
        "村点“{name}”的代码{code}不属于所在边界,按名称另行查找",
        "The code {code} of the village point {name} is not of the boundary around it; looked up by name.",
    ),
    "town_unknown": (
        "代码表和边界中都没有{code}的名称,句中不写乡镇",
        "Neither the code list nor a boundary names {code}, so the sentence leaves the town out.",
    ),
    "landmark_too_far": (
        "最近的地标“{name}”相距约{metres}米,超过{limit}米,不采用",
        "The nearest landmark, {name}, is about {metres} m away, beyond {limit} m, and is not used.",
    ),
    "upon_landmark": (
        "点位就在“{name}”上,不分方位",
        "The point lies upon {name} itself, so there is no side.",
    ),
    "rural": (
        "“{name}”属{kind},用乡村句式:到道路和水系的距离",
        "{name} is a {kind_en}: the rural form, by distance from road and water.",
    ),
    "urban": (
        "“{name}”属{kind},用城区句式:地标及其方位",
        "{name} is a {kind_en}: the urban form, by a landmark and its side.",
    ),
    "rural_by_village": (
        "已知所在村,用乡村句式:到道路和水系的距离",
        "The village is known: the rural form, by distance from road and water.",
    ),
    "urban_without_village": (
        "所在村不明,用城区句式:地标及其方位",
        "The village is not known: the urban form, by a landmark and its side.",
    ),
    "rural_without_landmark": (
        "附近没有可用的地标,改用乡村句式",
        "There is no usable landmark, so the rural form is used instead.",
    ),
    "urban_without_lines": (
        "没有有名称的道路或水系,改用城区句式",
        "There is no named road or water, so the urban form is used instead.",
    ),
    "cannot_tell": (
        "无法给出位置描述:缺少{missing}",
        "The place cannot be described: {missing_en} is missing.",
    ),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """A code of REASONS and the values its sentences speak of."""

    code: str
    data: tuple[tuple[str, object], ...] = ()

    @property
    def text(self) -> str:
        return REASONS[self.code][0].format(**dict(self.data))

    @property
    def text_en(self) -> str:
        return REASONS[self.code][1].format(**dict(self.data))

    def to_dict(self) -> dict[str, str]:
        return {"code": self.code, "text": self.text, "text_en": self.text_en}


def reason(code: str, /, **data: object) -> Reason:
    return Reason(code, tuple(data.items()))
