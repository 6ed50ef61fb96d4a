"""The printed words of a bulletin in its two languages.

They are data of this engine and not of the message catalogues, because an issue set again in ten years
must give the same page whatever the catalogues have become.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from .errors import LanguageUnknown

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

_CHINESE = {
    "lang": "zh-Hans",
    "colon": "：",
    "number": "第{number}期",
    "correction": "更正：本期更正第{number}期，以本期为准。",
    "schematic": "本期图片与地图均为示意图，不是实景照片。",
    "rectified": "整治前后对比",
    "new": "新增挂账督办",
    "rectified_empty": "本期无整治销账的点位。",
    "new_empty": "本期无新增挂账的点位。",
    "rectified_count": "整治销账",
    "new_count": "新增挂账",
    "place_unit": "处",
    "before": "整治前",
    "after": "整治后",
    "photo": "现场照片",
    "no_before": "无整治前照片",
    "no_after": "无整治后照片",
    "photo_of": "{role}：{category}，{statement}",
    "photo_of_many": "{role}（第{index}张，共{count}张）：{category}，{statement}",
    "responsible": "责任单位",
    "due": "整改期限",
    "closed": "销账",
    "page": "第 {page} 页 共 {pages} 页",
    "hash": "本期校验值 SHA-256",
    "checkpoint": "台账检查点",
    "previous": "上期校验值",
    "first_issue": "无（首期）",
    "imprint": "（{issuer}发布 第{number}期）",
    "verify": "校验值由本期冻结内容算出；内容若有一字改动，校验值即不相符。",
    "counts": "本期数字",
    "exposed": "曝光台",
    "exposed_count": "曝光",
    "exposed_unit": "家",
    "inspected": "检查日期",
    "mended": "{problem}（{day}复查已整改）",
    "stand": "经营方意见",
    "accepts": "无异议",
    "says_mended": "称已整改",
    "disputes": "有异议",
    "declines": "不作答复",
    "no_reply": "期限内未答复",
    "replaces": "更正：以此为准，替代{day}的曝光。",
    "replaces_number": "更正：以此为准，替代第{number}期的曝光。",
    "retracts": "更正：{day}的曝光不实，现予撤回。",
    "retracts_number": "更正：第{number}期的曝光不实，现予撤回。",
    "weekday": "星期{day}",
    "weekdays": "一二三四五六日",
    "made_of_records": "本版文字与数字由台账记录生成，与记录一致。",
    "beside": "左：整治前　右：整治后",
    "news_of_day": "当日版面",
    "more_entries": "其余{count}处见台账公开页面。",
}

_ENGLISH = {
    "lang": "en",
    "colon": ": ",
    "number": "No. {number}",
    "correction": "Correction: this issue corrects No. {number} and stands in its place.",
    "schematic": "Pictures and maps in this issue are schematic drawings, not photographs of the place.",
    "rectified": "Rectified: before and after",
    "new": "Newly put on the ledger",
    "rectified_empty": "No places were struck off in this issue.",
    "new_empty": "No places were newly put on the ledger in this issue.",
    "rectified_count": "Rectified and struck off",
    "new_count": "Newly put on the ledger",
    "place_unit": "",
    "before": "Before",
    "after": "After",
    "photo": "Photo of the place",
    "no_before": "No photo from before",
    "no_after": "No photo from after",
    "photo_of": "{role}: {category}, {statement}",
    "photo_of_many": "{role} ({index} of {count}): {category}, {statement}",
    "responsible": "Responsible",
    "due": "Due",
    "closed": "Struck off",
    "page": "Page {page} of {pages}",
    "hash": "SHA-256 of this issue",
    "checkpoint": "Ledger checkpoint",
    "previous": "SHA-256 of the previous issue",
    "first_issue": "none (first issue)",
    "imprint": "(Issued by {issuer}, No. {number})",
    "verify": "The hash is computed from the frozen content; if a single character changes, it no longer fits.",
    "counts": "Figures of this issue",
    "exposed": "Exposed",
    "exposed_count": "Exposed",
    "exposed_unit": "",
    "inspected": "Inspected",
    "mended": "{problem} (seen mended on {day})",
    "stand": "The venue",
    "accepts": "does not dispute it",
    "says_mended": "says it is mended",
    "disputes": "disputes it",
    "declines": "declines to reply",
    "no_reply": "did not reply in time",
    "replaces": "Correction: this stands in place of what was exposed on {day}.",
    "replaces_number": "Correction: this stands in place of what was exposed in No. {number}.",
    "retracts": "Correction: what was exposed on {day} was not so, and is taken back.",
    "retracts_number": "Correction: what was exposed in No. {number} was not so, and is taken back.",
    "weekday": "{day}",
    "weekdays": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "made_of_records": "Words and figures of this page are made from the records, and agree with them.",
    "beside": "Left: before. Right: after.",
    "news_of_day": "Page of the day",
    "more_entries": "{count} more are on the public ledger.",
}

_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"zh": MappingProxyType(_CHINESE), "en": MappingProxyType(_ENGLISH)}
)


def language_of(language: str) -> str:
    """``zh`` or ``en`` for any tag of these languages (``zh-hans``, ``en-GB``); LanguageUnknown otherwise."""
    primary = language.lower().replace("_", "-").split("-")[0] if isinstance(language, str) else ""
    if primary not in _WORDS:
        raise LanguageUnknown(language)
    return primary


def words_in(language: str) -> Mapping[str, str]:
    """All words of ``language``, itself either ``zh`` or ``en``."""
    return _WORDS[language]


def written_date(day: date, language: str) -> str:
    """2021年1月20日 or 20 January 2021."""
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def written_weekday(day: date, language: str) -> str:
    """星期三 or Wednesday."""
    words = _WORDS[language]
    names = words["weekdays"].split() if language == "en" else list(words["weekdays"])
    return words["weekday"].format(day=names[day.weekday()])
