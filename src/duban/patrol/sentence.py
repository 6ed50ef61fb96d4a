"""The news line of an inspection in both languages, out of figures alone.

Its words stand here and not in the message catalogues: both languages are wanted at once, and a sentence that was
printed must come out the same whatever the catalogues have become.
"""

from collections.abc import Sequence
from datetime import date

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
Found = tuple[int, Sequence[tuple[str, int]]]
"""How many units were inspected, and (name, problems) of those where something was found."""


def brief(
    since: date,
    until: date,
    *,
    towns: Found,
    streets: Found,
    visits: int,
    lookback: tuple[int, int, int, int],
) -> dict[str, str]:
    """{zh, en}. `lookback` is (due, stands, recurred, not_inspected); of none due nothing is said.

    "Nothing left" is said only where something was due and all of it stands.
    """
    back = looked_back(*lookback)
    zh, en = f"{_days_zh(since, until)}，", f"{_days_en(since, until)}, "
    if not visits:
        return {"zh": f"{zh}没有检查记录。{back['zh']}", "en": f"{en}nothing was inspected. {back['en']}".rstrip()}
    units_zh = [_unit_zh(one, word) for one, word in ((towns, "乡镇"), (streets, "街道")) if one[0]]
    units_en = [
        _unit_en(one, *words)
        for one, words in (
            (towns, ("town or township", "towns and townships")),
            (streets, ("sub-district", "sub-districts")),
        )
        if one[0]
    ]
    if not units_zh:
        units_zh, units_en = [f"共检查{visits}次"], [_many(visits, "visit was made", "visits were made")]
    return {
        "zh": f"{zh}{'；'.join(units_zh)}。{back['zh']}",
        "en": f"{en}{'; '.join(units_en)}. {back['en']}".rstrip(),
    }


def looked_back(due: int, stands: int, recurred: int, not_inspected: int) -> dict[str, str]:
    """What the look-back allows to be said; empty where nothing was due."""
    if not due:
        return {"zh": "", "en": ""}
    zh = f"对此前发现的{due}项问题开展“回头看”"
    en = _many(due, "failed item was", "failed items were")
    if stands == due:
        return {"zh": f"{zh}，暂无未整改问题。", "en": f"{en} looked back at: nothing is left unrectified."}
    parts_zh = [(stands, "已整改{}项"), (recurred, "未整改{}项"), (not_inspected, "未查看{}项")]
    parts_en = [(stands, "{:,} rectified"), (recurred, "{:,} not rectified"), (not_inspected, "{:,} not inspected")]
    return {
        "zh": f"{zh}：{'，'.join(words.format(count) for count, words in parts_zh if count)}。",
        "en": f"{en} due for a look-back: {', '.join(words.format(count) for count, words in parts_en if count)}.",
    }


def _unit_zh(found: Found, word: str) -> str:
    count, where = found
    problems = sum(number for _name, number in where)
    said = f"对{count}个{word}开展检查指导，"
    if not problems:
        return f"{said}未发现问题"
    return f"{said}共发现问题{problems}处（{'、'.join(f'{name}{number}处' for name, number in where)}）"


def _unit_en(found: Found, one: str, many: str) -> str:
    count, where = found
    problems = sum(number for _name, number in where)
    said = f"{_many(count, f'{one} was', f'{many} were')} inspected and "
    if not problems:
        return f"{said}no problem was found"
    names = ", ".join(f"{name} {number}" for name, number in where)
    return f"{said}{_many(problems, 'problem', 'problems')} found ({names})"


def _many(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _days_zh(since: date, until: date) -> str:
    first = f"{since.year}年{since.month}月{since.day}日"
    if since == until:
        return first
    year = f"{until.year}年" if until.year != since.year else ""
    month = f"{until.month}月" if year or until.month != since.month else ""
    return f"{first}至{year}{month}{until.day}日"


def _days_en(since: date, until: date) -> str:
    last = f"{until.day} {MONTHS[until.month - 1]} {until.year}"
    if since == until:
        return f"On {last}"
    year = f" {since.year}" if until.year != since.year else ""
    month = f" {MONTHS[since.month - 1]}" if year or until.month != since.month else ""
    return f"From {since.day}{month}{year} to {last}"
