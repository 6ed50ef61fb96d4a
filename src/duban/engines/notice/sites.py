"""Location statements, rural (距…路约27米) and urban (…80号楼北侧), as the ledger's notices print them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .address import HAN, read_address
from .drafts import SITE, Draft, Line
from .gazetteer import Gazetteer
from .numbers import NUMBER, number_of
from .rules import Rules
from .source import HEADING, ROW, Block, Source

_WATER = re.compile(r"(?:河|沟|渠|江|湖|溪|水库|排干|引河|干渠|水系|塘|运河|海|泊|淀|港|浜|泾|涌)$")


def _away(which: int) -> str:
    """One 距…约27米, its groups numbered."""
    return (
        rf"(?:(?<![间车行视射程])距离?|(?<![隔脱撤远分距])离)(?P<line{which}>(?!不足|不到|小于|大于|超过|至少|保持|仅)[{HAN}A-Za-z0-9]{{1,16}}?)(?:的距离)?(?:大约|约为|约|近)?"
        rf"(?P<number{which}>{NUMBER})(?P<unit{which}>公里|千米|米|[mM])"
    )


_RURAL = re.compile(rf"(?P<place>[{HAN}A-Za-z0-9（）]{{2,30}}?)[，：]?{_away(1)}(?:[，、；]?(?:并|且|又)?{_away(2)})?")
_BEHIND = re.compile(r"(?:处)?[，：、]?(?:存在|发现|有)?(?P<words>[^，。；：\n]{2,30})(?=[，。；\n]|$)")
_SIDE = re.compile(
    r"(?:(东南|东北|西南|西北|东|西|南|北)(?:侧|面|边|方|端)|对面|门前|门口|路口(?:[东西南北]{1,2}角)?)(?:处)?$"
)
_LEADING = re.compile(
    rf"^(?:[^{HAN}]*|[一二三四五六七八九十]{{1,3}}、|\d+[.．、）)]?|(?:点位|问题|位置|地点|地址)(?:[一二三四五六七八九十\d]*)[：:]?)*"
)
_MASKED = re.compile(r"[，。；！？]")
_LAST_STOP = re.compile(r".*[米。；！？：，]", re.S)
LONGEST = 60
_OF_VILLAGE = 12


@dataclass(frozen=True, slots=True)
class Found:
    """A draft with the stretch of the readable text that it came from, which the next reader leaves alone if `told`."""

    draft: Draft
    start: int
    end: int
    told: bool = True


def find_sites(source: Source, block: Block, gazetteer: Gazetteer, rules: Rules) -> Iterator[Found]:
    if block.kind in (HEADING, ROW):
        return
    text = source.of(block)
    rural = list(_rural(source, block.start, text, gazetteer, rules))
    if rural:
        yield from rural
    elif urban := _urban(source, block.start, text, gazetteer, rules):
        yield urban


def _rural(source: Source, offset: int, text: str, gazetteer: Gazetteer, rules: Rules) -> Iterator[Found]:
    at = 0
    while statement := _RURAL.search(text, at):
        at = statement.end()
        start, end = statement.start("place"), statement.end()
        # The place begins where its address does, not at the words before it.
        place = statement["place"]
        skip = _address_start(place, gazetteer)
        address = read_address(place[skip:], gazetteer)
        if not address.named or not (address.unit or address.village or address.town_printed):
            if told := _behind_problem(source, offset, text, statement, gazetteer, rules):
                yield told
            continue
        lines = [_line(statement, 1), _line(statement, 2)] if statement["line2"] else [_line(statement, 1)]
        known = [line for line in lines if line]
        if len(known) != len(lines):
            continue
        roads = [line for line in known if not _WATER.search(line.name)]
        waters = [line for line in known if _WATER.search(line.name)]
        if len(known) == 2 and len(roads) != 1:
            # Both end alike: the statement's order says which is which.
            roads, waters = known[:1], known[1:]
        problem, end = _problem(text, end, rules)
        yield Found(
            Draft(
                kind=SITE,
                text="",
                problems=(problem,) if problem else (),
                span=source.span(offset + start + skip, offset + end),
                confidence=0.97 * address.confidence,
                place=place[skip:],
                jurisdiction=address.unit,
                road=roads[0] if roads else None,
                water=waters[0] if waters else None,
            ),
            offset + start + skip,
            offset + end,
        )


def _behind_problem(
    source: Source, offset: int, text: str, statement: re.Match[str], gazetteer: Gazetteer, rules: Rules
) -> Found | None:
    """孟店村：主街沟内有积存垃圾，距孟沙路约25米: the distances stand behind the problem."""
    begin = max(text.rfind(stop, 0, statement.start("place")) for stop in "。；\n") + 1
    told = text[begin : statement.end("place")]
    lead = _LEADING.match(told)
    start = lead.end() if lead else 0
    address = read_address(told[start:], gazetteer)
    problem = rules.problem.search(told, start)
    lines = [line for which in (1, 2) if statement[f"line{which}"] and (line := _line(statement, which))]
    if address.unit is None or not lines:
        return None
    problems: tuple[str, ...] = ()
    if problem:
        place, problems = told[start : problem.start()], (told[problem.start() :],)
    elif len(address.unit.code) == _OF_VILLAGE and len(lines) > 1:
        # Told in no words of the rules: the readers of findings look at what lies between.
        place = told[start:].split("，")[0]
    else:
        return None
    waters = [line for line in lines if _WATER.search(line.name)]
    roads = [line for line in lines if line not in waters]
    return Found(
        Draft(
            kind=SITE,
            text="",
            span=source.span(offset + begin + start, offset + statement.end()),
            confidence=0.9 * address.confidence,
            place=re.sub("[：，](?:有|存在|发现)?$|[：，]|(?:有|存在|发现)$", "", place),
            jurisdiction=address.unit,
            problems=problems,
            road=roads[0] if roads else None,
            water=waters[0] if waters else None,
        ),
        offset + begin + start,
        offset + statement.end(),
        told=bool(problems),
    )


def _problem(text: str, end: int, rules: Rules) -> tuple[str, int]:
    """What the statement says behind the distances, up to the next stop: …约620米，暴露垃圾. And where that ends."""
    behind = _BEHIND.match(text, end)
    if not behind or not rules.problem.search(behind["words"]) or _RURAL.search(behind["words"]):
        return "", end
    return behind["words"].strip(), behind.end()


def _line(statement: re.Match[str], which: int) -> Line | None:
    name, number = statement[f"line{which}"], number_of(statement[f"number{which}"])
    if number is None or len(name) < 2:
        return None
    metres = number * (1000 if statement[f"unit{which}"] in ("公里", "千米") else 1)
    return Line(name, metres) if metres < 1_000_000 else None


def _address_start(place: str, gazetteer: Gazetteer) -> int:
    """Where in the words before 距 the address begins: at a listed town, else behind a marker and a leading word."""
    lead = _LEADING.match(place)
    start = lead.end() if lead else 0
    if gazetteer.town_pattern:
        towns = list(gazetteer.town_pattern.finditer(place, start))
        if towns:
            return towns[-1].start()
    for word in ("位于", "反映", "发现", "地处", "在", "为", "是"):
        if (after := place.rfind(word)) >= 0 and after + len(word) < len(place) - 1:
            start = max(start, after + len(word))
    return start


def _urban(source: Source, offset: int, text: str, gazetteer: Gazetteer, rules: Rules) -> Found | None:
    """A caption that is nothing but a place, with the side of a landmark at its end."""
    bare = text.rstrip("。 ")
    lead = _LEADING.match(bare)
    start = lead.end() if lead else 0
    place = bare[start:]
    side = _SIDE.search(place)
    if not side or not 5 <= len(place) <= LONGEST or _MASKED.search(place) or rules.problem.search(place):
        return None
    address = read_address(place, gazetteer)
    if not address.town_printed and not (address.unit and len(address.unit.code) == 12):
        return None
    if rules.lead.match(place) and not address.unit:
        return None
    return Found(
        Draft(
            kind=SITE,
            text="",
            span=source.span(offset + start, offset + len(bare)),
            confidence=0.95 * address.confidence,
            place=place,
            jurisdiction=address.unit,
            road=Line(address.road, None) if address.road else None,
        ),
        offset + start,
        offset + len(bare),
    )
