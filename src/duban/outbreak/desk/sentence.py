"""The news line of a day in both languages, out of figures alone.

Its words stand here and not in the message catalogues: both languages are wanted at once, and a sentence that was
printed must come out the same whatever the catalogues have become. What the reader is not told is left out of it.
"""

from collections.abc import Mapping
from datetime import date

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
Figures = Mapping[str, int | None]
Words = tuple[str, str, str, str]
"""Of a figure: the Chinese with {}, the English of one, of several, and of none where it is always said ("" if not)."""
WHERE: dict[str, Words] = {
    "centralised": ("集中隔离{}人", "{} in centralised isolation", "{} in centralised isolation", ""),
    "home": ("居家隔离{}人", "{} isolated at home", "{} isolated at home", ""),
    "test": ("检测管理{}人", "{} to be tested", "{} to be tested", ""),
    "monitor": ("健康监测{}人", "{} in health monitoring", "{} in health monitoring", ""),
    "none": ("不在措施中{}人", "{} in no measure", "{} in no measure", ""),
}
DONE: dict[str, Words] = {
    "reached": ("联系到{}人", "{} person was reached", "{} people were reached", ""),
    "tested": ("采样{}人", "{} was sampled", "{} were sampled", ""),
    "positive": ("检出阳性{}人", "{} was positive", "{} were positive", "未检出阳性"),
    "alerts": ("发出预警{}起", "{} alert was raised", "{} alerts were raised", ""),
    "missing_reports": ("缺报{}人次", "{} report was missing", "{} reports were missing", ""),
}


def daily(on: date, office: str, figures: Figures) -> dict[str, str]:
    """{zh, en} of a day's figures (see desk/report.py). Nobody followed and nothing changed is said in one clause."""
    zh, en = f"{on.year}年{on.month}月{on.day}日，{office}", f"On {on.day} {MONTHS[on.month - 1]} {on.year}, "
    en_office = f"{office}: " if office else ""
    changes_zh, changes_en = _changes(figures)
    followed = figures["followed"]
    if followed == 0 and not changes_zh:
        return {"zh": f"{zh}没有随访对象。", "en": f"{en}{en_office}nobody was followed."}
    first_zh = [f"在管{_n(followed)}人"] if followed is not None else []
    first_en = [_many(followed, "person was followed", "people were followed")] if followed is not None else []
    where_zh, where_en = _said(figures, WHERE)
    waiting = figures["waiting"]
    if waiting:
        where_zh.append(f"等候检测结果{_n(waiting)}人")
        where_en.append(_many(waiting, "waiting for a result", "waiting for a result"))
    done_zh, done_en = _said(figures, DONE)
    sentences_zh = [
        "，".join([*first_zh, *changes_zh]),
        f"其中{'，'.join(where_zh)}" if where_zh else "",
        f"当日{'，'.join(done_zh)}" if done_zh else "",
    ]
    sentences_en = [", ".join([*first_en, *changes_en]), _capital("; ".join(where_en)), _capital(", ".join(done_en))]
    return {
        "zh": f"{zh}{'；'.join(part for part in sentences_zh if part) or '人数从略'}。",
        "en": f"{en}{en_office}{'. '.join(part for part in sentences_en if part) or 'the numbers are left out'}.",
    }


def _changes(figures: Figures) -> tuple[list[str], list[str]]:
    words = {
        "new": ("新增{}人", "{} of them new"),
        "released": ("解除{}人", "{} released"),
        "closed": ("因其他原因结案{}人", "{} closed for another reason"),
    }
    found = [(zh, en, figures[name]) for name, (zh, en) in words.items()]
    return (
        [zh.format(_n(number)) for zh, _en, number in found if number],
        [en.format(_n(number)) for _zh, en, number in found if number],
    )


def _said(figures: Figures, words: Mapping[str, Words]) -> tuple[list[str], list[str]]:
    zh, en = [], []
    for name, (chinese, one, many, none) in words.items():
        number = figures[name]
        if number:
            zh.append(chinese.format(_n(number)))
            en.append((one if number == 1 else many).format(_n(number)))
        elif number == 0 and none:
            zh.append(none)
            en.append("none was positive")
    return zh, en


def _n(number: int) -> str:
    return f"{number:,}"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _many(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
