"""The epidemic work of a day, as it is told to who may not know small numbers: what is not told is left out."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from duban.bulletin.facts.sight import Sight
from duban.bulletin.figures import Facts, Figure, figures_by_key
from duban.outbreak.areas import in_force_by
from duban.outbreak.desk.days import BadQuestion
from duban.outbreak.desk.report import report_of
from duban.outbreak.desk.report import told as tellable
from duban.outbreak.models import CaseFile, Declaration
from duban.places.codes import within

KIND = "epidemic"
SAID: dict[str, tuple[str, str]] = {
    "followed": ("在管[[{}]]人", "[[{}]] people are followed"),
    "new": ("新增[[{}]]人", "[[{}]] of them new"),
    "released": ("解除[[{}]]人", "[[{}]] released"),
    "centralised": ("集中隔离[[{}]]人", "[[{}]] in centralised isolation"),
    "home": ("居家隔离[[{}]]人", "[[{}]] isolated at home"),
    "tested": ("当日采样[[{}]]人", "[[{}]] tested on the day"),
}
WORDS = {
    "followed": ("在管的人", "people followed"),
    "new": ("新增的人", "people new"),
    "released": ("解除的人", "people released"),
    "centralised": ("集中隔离的人", "in centralised isolation"),
    "home": ("居家隔离的人", "isolated at home"),
    "tested": ("当日采样的人", "tested on the day"),
}


def of_day(sight: Sight) -> Facts | None:
    return told(sight, {"on": sight.day.isoformat()})


def told(sight: Sight, parameters: Mapping[str, Any]) -> Facts | None:
    """None where nobody is followed and no area is declared, or where the report of the day does not add up."""
    try:
        on = date.fromisoformat(str(parameters.get("on")))
    except ValueError:
        return None
    if not CaseFile.objects.exists():
        return None
    try:
        figures = tellable(report_of(on, sight.area)).total.figures
    except BadQuestion:
        return None
    url = f"{reverse('outbreak:report')}?{urlencode({'on': on.isoformat(), 'at': sight.area})}"
    shown = {name: figures.get(name) for name in SAID}
    told_ones = {name: number for name, number in shown.items() if number}
    count = in_force_by(Declaration.objects.filter(within("area__jurisdiction", [sight.area])), sight.end).count()
    if not told_ones:
        return None
    made = figures_by_key(
        *(Figure(name, *WORDS[name], number, url) for name, number in told_ones.items()),
        Figure("areas", "公布的风险地区", "risk areas in force", count, reverse("outbreak:public_list")),
    )
    zh = f"截至{sight.day_zh(on)}，" + "，".join(SAID[name][0].format(name) for name in told_ones) + "。"
    en = f"On {sight.day_en(on)}, " + ", ".join(SAID[name][1].format(name) for name in told_ones) + "."
    if count:
        zh += "目前公布的风险地区[[areas]]个。"
        en += f" [[areas]] risk {'area is' if count == 1 else 'areas are'} in force."
    return Facts(
        KIND, {"on": on.isoformat()}, {"zh": "疫情防控简报", "en": "Epidemic brief"}, {"zh": zh, "en": en}, made
    )
