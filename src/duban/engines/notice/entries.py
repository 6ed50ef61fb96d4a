"""A finding out of the cells of a row, or out of the values of a record, whose keys tell what they are."""

import re
from collections.abc import Mapping
from dataclasses import replace

from .address import Address, Around, read_address
from .columns import MEASURE, PLACE, PROBLEM, TOWN, VENUE, is_nothing
from .drafts import FINDING, Draft, Line, Unit
from .gazetteer import Gazetteer
from .problems import was_mended
from .rules import Rules
from .sites import Found
from .source import Source

OF_TITLE = 0.7
_PASSED = re.compile("(?:合格|达标|通过|正常|符合|满意)")
_PARTS = re.compile(
    r"[；;\n]|<br ?/?>|^1[.．、](?=\d.*[；;\n]2[.．、])|"
    r"(?:^|(?<=[。；，、 ])|(?<=[^\d.（(第]))[（(]?\d{1,2}[)）.．、](?!\d)|[①-⑳]|。"
)
_DONE = re.compile("(?:已|现场|当场)[^，。]{0,12}(?:改|罚|清|通知)")
_POINTS = re.compile(
    r"[（(]\s*(?:扣|减|[-－—])?\s*\d+(?:\.\d+)?\s*分?\s*[)）]|(?<=[^\d])(?:[，：]?(?:扣|减)\s*\d+(?:\.\d+)?\s*分|[-－]\d+(?:\.\d+)?分?)$"
)
_ADDRESSED = re.compile("(?P<name>.{2,}?)（(?P<where>[^（）]{3,})）")
_PERSON = re.compile("[\u4e00-\u9fff]某{1,2}(?:（.*）)?")
_EDGES = " ，、：:。；\t"
NUMBERS = re.compile(r"[-+－]?\s*\d+(?:\.\d+)?\s*(?:分|%|名|元)?")


def finding(
    source: Source,
    stretch: tuple[int, int],
    told: Mapping[str, str],
    gazetteer: Gazetteer,
    rules: Rules,
    *,
    headed: Unit | None = None,
    vague: bool = False,
) -> Found | None:
    """`headed`: the unit that the headline names. `vague`: what is told need not be wrong, as under 检查情况."""
    problem = told.get(PROBLEM, "")
    if is_nothing(problem) or was_mended(problem):
        return None
    cue = rules.cue.search(problem)
    seen = cue or any(sign.search(problem) for _weight, sign in rules.told.signs)
    done = told.get(MEASURE, "")
    if not seen and (_PASSED.match(done) or (vague and is_nothing(done))):
        return None
    praised = rules.none.search(problem) or rules.told.praise.search(problem) or problem.startswith("已")
    if praised and not cue:
        return None
    problems, measures = _parted(problem, rules)
    venue, place, town = ("".join(told.get(name, "").split("\n")) for name in (VENUE, PLACE, TOWN))
    if bracketed := _ADDRESSED.fullmatch(venue):
        inside = read_address(bracketed["where"], gazetteer)
        if inside.unit or inside.town_printed or inside.road:
            venue, place = bracketed["name"], place or bracketed["where"]
    if _PERSON.fullmatch(venue):
        venue = ""
    if not problems or not (venue or place):
        return None
    address, named = _address(venue, place, town, gazetteer, headed)
    measure = "；".join(part for part in told.get(MEASURE, "").split("\n") if not is_nothing(part))
    start, end = stretch
    return Found(
        Draft(
            kind=FINDING,
            text="",
            span=source.span(start, end),
            confidence=0.9 * (address.confidence if address.unit else 0.75),
            place=place or (named.printed if _lies(named) else town),
            jurisdiction=address.unit,
            venue=named.rest if not place and _lies(named) and len(named.rest) > 1 else venue,
            problems=tuple(dict.fromkeys(problems)),
            road=Line(address.road, None) if address.road else None,
            measure=measure or "；".join(measures),
        ),
        start,
        end,
    )


def _is_done(clause: str, rules: Rules) -> bool:
    """Whether a clause tells nothing but what was done."""
    done = any(pattern.match(clause) for pattern in rules.measures) or _DONE.match(clause)
    return bool(done) and not rules.problem.search(clause)


def _lies(named: Address) -> bool:
    """Whether a name begins with where it lies, and not only with a road that it is called after."""
    return named.named and bool(named.unit or named.village or named.town_printed or named.number)


def _parted(problem: str, rules: Rules) -> tuple[list[str], list[str]]:
    """What is wrong, piece by piece without points, and what is told among it to have been done."""
    problems: list[str] = []
    measures: list[str] = []
    for part in _PARTS.split(problem):
        clauses = _POINTS.sub("", part or "").strip(_EDGES).split("，")
        done: list[str] = []
        while clauses and _is_done(clauses[-1], rules):
            done.insert(0, clauses.pop())
        if done:
            measures.append("，".join(done))
        said = "，".join(clauses)
        if said and not is_nothing(said) and not NUMBERS.fullmatch(said):
            problems.append(said)
    return problems, measures


def _address(venue: str, place: str, town: str, gazetteer: Gazetteer, headed: Unit | None) -> tuple[Address, Address]:
    """Where it is, by its place, its name, the town's column and the headline in turn; and the address in its name."""
    around = Around()
    of_town = read_address(town, gazetteer)
    if town:
        around = Around(town=gazetteer.town_of(of_town.unit))
    address = read_address(place or town, gazetteer, around)
    named = read_address(venue, gazetteer, around) if venue else Address()
    if address.unit is None and named.unit is not None and (not place or named.village):
        address = named
    if town and of_town.unit and len(of_town.unit.code) > 9 and not (address.unit and len(address.unit.code) > 9):
        address = replace(address, unit=of_town.unit, confidence=0.95)
    if address.unit is None and headed is not None and not (address.foreign or address.town_printed or town):
        address = replace(address, unit=headed, confidence=OF_TITLE)
    if address.unit is None and around.town is not None:
        address = Address(around.town, 0.95, printed=town, town_printed=True, road=address.road)
    return address, named
