"""The last inspection of the area: towns and sub-districts, what was found there, what may be named, the look-back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Max
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils import timezone

from duban.bulletin.facts.sight import Sight
from duban.bulletin.figures import Facts, Figure, figures_by_key
from duban.core.errors import DubanError
from duban.patrol import brief as patrol
from duban.patrol import exposure
from duban.patrol.exposure import Printed
from duban.patrol.models import Visit, VisitState
from duban.places import queries as places
from duban.places.codes import LENGTHS, within

KIND = "exposure"
LONGEST = 7


def of_day(sight: Sight) -> Facts | None:
    """The days in a row on which visits were made, the last of them no older than news is."""
    visits = Visit.objects.filter(
        within("jurisdiction", [sight.area]), state=VisitState.FINISHED, visited_at__lt=sight.end
    )
    last = visits.aggregate(last=Max("visited_at"))["last"]
    if last is None or timezone.localtime(last).date() < sight.first:
        return None
    until = timezone.localtime(last).date()
    recent = visits.filter(visited_at__gte=last - timedelta(days=LONGEST))
    zone = timezone.get_default_timezone()
    days = set(recent.order_by().values_list(TruncDate("visited_at", tzinfo=zone), flat=True).distinct())
    since = until
    while since - timedelta(days=1) in days and (until - since).days < LONGEST - 1:
        since -= timedelta(days=1)
    return told(sight, {"from": since.isoformat(), "to": until.isoformat()})


def told(sight: Sight, parameters: Mapping[str, Any]) -> Facts | None:
    try:
        span = patrol.read_span(str(parameters.get("from", "")), str(parameters.get("to", "")))
    except DubanError:
        return None
    wanted = patrol.Wanted(span, codes=(sight.area,))
    found = patrol.brief_of(wanted)
    if not found.visits:
        return None
    named = named_in(sight, span.since, span.until)
    figures = _figures(found, sight)
    return Facts(
        KIND,
        {"from": span.since.isoformat(), "to": span.until.isoformat()},
        {
            "zh": "防疫措施落实情况检查：曝光问题点位" if named else "防疫措施落实情况检查",
            "en": "Inspections: what was found" if named else "Inspections",
        },
        {"zh": _chinese(sight, found, named), "en": _english(sight, found, named)},
        figures,
    )


@dataclass(frozen=True)
class Named:
    """A venue that anybody may read of, and the village or community where it is, as people call it."""

    line: Printed
    village: str


VILLAGES = {"村村委会": "村", "村委会": "村", "社区居委会": "社区", "居委会": "社区"}
"""How a unit of the code list is called by the people who live there."""


def named_in(sight: Sight, since: date, until: date) -> list[Named]:
    """Venues of these visits that anybody may read of now, by town."""
    start, end = patrol.Span(since, until).start, patrol.Span(since, until).end
    rows = exposure.shown(sight.now).filter(
        within("jurisdiction", [sight.area]), visit__visited_at__gte=start, visit__visited_at__lt=end
    )
    found = list(rows.order_by("town", "visit__visited_at", "id"))
    codes = [one.venue.jurisdiction[: LENGTHS[2]] for one in found]
    names = places.names(code for code in codes if len(code) == LENGTHS[2])
    return [
        Named(line, _village(names.get(code, ""))) for line, code in zip(exposure.printed(found), codes, strict=True)
    ]


def _village(name: str) -> str:
    for ending, short in VILLAGES.items():
        if name.endswith(ending):
            return name.removesuffix(ending) + short
    return name


def _figures(found: patrol.Brief, sight: Sight) -> dict[str, Figure]:
    def url(figure: str, **more: str) -> str:
        span = found.wanted.span
        asked = {"from": span.since.isoformat(), "to": span.until.isoformat(), "area": sight.area, "figure": figure}
        return f"{reverse('patrol:figures_rows')}?{urlencode(asked | more)}"

    figures = [
        Figure("visits", "检查次数", "visits", found.visits, url("visits")),
        Figure("towns", "检查的乡镇", "towns and townships inspected", found.towns_inspected, url("visits")),
        Figure("streets", "检查的街道", "sub-districts inspected", found.streets_inspected, url("visits")),
        Figure("failed_items", "不合格项", "failed items", found.failed_items, url("failed_items")),
    ]
    by_town = list(found.with_problems)
    parts: dict[str, list[str]] = {"town_problems": [], "street_problems": []}
    for one in by_town:
        key = f"problems:{one.key}"
        figures.append(
            Figure(key, f"{one.name}的问题", f"problems in {one.name}", one.problems, url("problems", town=one.key))
        )
        where = "street_problems" if one.is_street else "town_problems"
        if len(one.key) >= 9:
            parts[where].append(key)
    figures += [
        Figure(
            "problems", "发现的问题", "problems found", found.problems, url("problems"),
            tuple(f"problems:{one.key}" for one in by_town),
        ),
        Figure(
            "town_problems", "乡镇的问题", "problems in towns", found.town_problems, url("town_problems"),
            tuple(parts["town_problems"]),
        ),
        Figure(
            "street_problems", "街道的问题", "problems in sub-districts", found.street_problems,
            url("street_problems"), tuple(parts["street_problems"]),
        ),
    ]  # fmt: skip
    back = found.lookback
    figures += [
        Figure("lookback", "回头看的问题", "failed items looked back at", back.due, url("due"),
               ("lookback_stands", "lookback_recurred", "lookback_missed")),
        Figure("lookback_stands", "回头看已整改", "seen mended", back.stands, url("stands")),
        Figure("lookback_recurred", "回头看未整改", "seen not mended", back.recurred, url("recurred")),
        Figure("lookback_missed", "回头看未查看", "not inspected", back.not_inspected, url("not_inspected")),
    ]  # fmt: skip
    return figures_by_key(*figures)


Grouped = list[tuple[str, list[str], list[str], list[str]]]
"""(town, venues, problems in Chinese, in English): venues of a town where the same was found stand together."""


def _grouped(lines: Iterable[Named]) -> Grouped:
    found: dict[tuple[str, tuple[str, ...]], tuple[list[str], list[str]]] = {}
    for one in lines:
        line = one.line
        zh = tuple(problem["zh"] for problem in line.problems)
        if not zh:
            continue
        venues, _en = found.setdefault((line.town_name, zh), ([], [problem["en"] for problem in line.problems]))
        venues.append(one.village + line.venue)
    return [(town, venues, list(zh), en) for (town, zh), (venues, en) in found.items()]


def _split(lines: list[Named]) -> tuple[list[Named], list[Named]]:
    kinds = places.kinds({one.line.town for one in lines})
    streets = [one for one in lines if kinds.get(one.line.town) == patrol.STREET]
    return [line for line in lines if line not in streets], streets


def _chinese(sight: Sight, found: patrol.Brief, named: list[Named]) -> str:
    span = found.wanted.span
    in_towns, in_streets = _split(named)
    parts, when = [], f"{sight.days_zh(span.since, span.until)}，"
    for keys, word, lines, count, problems in (
        (("towns", "town_problems"), "乡镇", in_towns, found.towns_inspected, found.town_problems),
        (("streets", "street_problems"), "街道", in_streets, found.streets_inspected, found.street_problems),
    ):
        if not count:
            continue
        said = f"{when}对[[{keys[0]}]]个{word}开展检查指导，"
        when = ""
        said += f"共发现问题[[{keys[1]}]]处。" if problems else "未发现问题。"
        parts.append(said + _named_zh(lines, problems))
    if not parts:
        parts.append(
            f"{when}共检查[[visits]]次，" + ("发现问题[[problems]]处。" if found.problems else "未发现问题。")
            + _named_zh(named, found.problems)
        )  # fmt: skip
    back = found.lookback
    if back.due:
        words = [
            (back.stands, "已整改[[lookback_stands]]项"),
            (back.recurred, "未整改[[lookback_recurred]]项"),
            (back.not_inspected, "未查看[[lookback_missed]]项"),
        ]
        parts.append(
            "此外，对此前发现的[[lookback]]项问题进行了“回头看”，"
            + ("暂无未整改问题。" if back.clean else "，".join(said for count, said in words if count) + "。")
        )
    return "\n".join(parts)


def _named_zh(lines: list[Named], problems: int) -> str:
    groups = _grouped(lines)
    if not groups:
        return ""
    named = sum(len(venues) for _town, venues, _zh, _en in groups)
    said, last = [], ""
    for town, venues, zh, _en in groups:
        said.append(f"{town if town != last else ''}{'、'.join(venues)}{'，'.join(zh)}")
        last = town
    return f"{'分别是' if named == problems else '其中'}：{'；'.join(said)}。"


def _english(sight: Sight, found: patrol.Brief, named: list[Named]) -> str:
    span = found.wanted.span
    in_towns, in_streets = _split(named)
    parts, when = [], f"{sight.days_en(span.since, span.until)}, "
    for keys, one, many, lines, count, problems in (
        (("towns", "town_problems"), "town or township was", "towns and townships were", in_towns,
         found.towns_inspected, found.town_problems),
        (("streets", "street_problems"), "sub-district was", "sub-districts were", in_streets,
         found.streets_inspected, found.street_problems),
    ):  # fmt: skip
        if not count:
            continue
        said = f"{when}[[{keys[0]}]] {one if count == 1 else many} inspected; "
        when = ""
        said += f"[[{keys[1]}]] {'problem was' if problems == 1 else 'problems were'} found." if problems else (
            "no problem was found."
        )  # fmt: skip
        parts.append(said + _named_en(lines, problems))
    if not parts:
        parts.append(f"{when}[[visits]] visits were made; [[problems]] problems were found." + _named_en(named, 0))
    back = found.lookback
    if back.due:
        words = [
            (back.stands, "[[lookback_stands]] mended"),
            (back.recurred, "[[lookback_recurred]] not mended"),
            (back.not_inspected, "[[lookback_missed]] not inspected"),
        ]
        parts.append(
            f"[[lookback]] failed {'item' if back.due == 1 else 'items'} from before: "
            + ("nothing is left unrectified." if back.clean else ", ".join(said for n, said in words if n) + ".")
        )
    return "\n".join(parts)


def _named_en(lines: list[Named], problems: int) -> str:
    groups = _grouped(lines)
    if not groups:
        return ""
    named = sum(len(venues) for _town, venues, _zh, _en in groups)
    said = "; ".join(f"{town}: {', '.join(venues)} ({', '.join(en)})" for town, venues, _zh, en in groups)
    return f" {'They are' if named == problems else 'Among them'}: {said}."
