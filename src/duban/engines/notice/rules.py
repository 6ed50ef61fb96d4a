"""The rules of `data/rules.toml`, compiled once."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from .numbers import NUMBER

Patterns = tuple[re.Pattern[str], ...]


@dataclass(frozen=True)
class Told:
    """What speaks for and against a problem in a clause that holds none of its words; how much each counts."""

    enough: int
    exposed: int
    listed: int
    inspecting: int
    found: int
    group: int
    owner: int
    labelled: int
    arrived: int
    acted: int
    seen: re.Pattern[str]
    signs: tuple[tuple[int, re.Pattern[str]], ...]
    against: re.Pattern[str]
    surely_against: re.Pattern[str]
    praise: re.Pattern[str]


@dataclass(frozen=True)
class Rules:
    problem: re.Pattern[str]
    cue: re.Pattern[str]
    """`problem`, and what is one only where a text speaks of inspections."""
    inspecting: re.Pattern[str]
    reporting: re.Pattern[str]
    """Words without which a text reports nothing that somebody found."""
    working: re.Pattern[str]
    """Words of a story about work that was done."""
    strict: re.Pattern[str]
    """Words of a report that something came of what was seen: problems are told in it for certain."""
    exposing: re.Pattern[str]
    silent: re.Pattern[str]
    """A headline under which nothing is a finding."""
    quiet: re.Pattern[str]
    ordering: re.Pattern[str]
    """How a sentence begins that asks, warns or tells what is to come."""
    totals: re.Pattern[str]
    label: re.Pattern[str]
    answers: re.Pattern[str]
    past: re.Pattern[str]
    none: re.Pattern[str]
    subject: re.Pattern[str]
    wish: re.Pattern[str]
    work: re.Pattern[str]
    about: re.Pattern[str]
    """Problems that something is done about, not told: 对…问题进行回访."""
    worked: re.Pattern[str]
    good: re.Pattern[str]
    told: "Told"
    lead: re.Pattern[str]
    thing: re.Pattern[str]
    """What may lack: no name of a place."""
    provided: re.Pattern[str]
    """That it is there: 收银台前贴着一米线."""
    case: re.Pattern[str]
    civic: re.Pattern[str]
    address_key: re.Pattern[str]
    address_here: re.Pattern[str]
    kind_first: re.Pattern[str]
    arrive: re.Pattern[str]
    venue_end: re.Pattern[str]
    """At the end of a name."""
    venue_here: re.Pattern[str]
    trade: re.Pattern[str]
    """At the end of a name in quotation marks."""
    part: re.Pattern[str]
    generic: re.Pattern[str]
    common: re.Pattern[str]
    """A common noun for a place or a part of one, which is no name."""
    never: re.Pattern[str]
    matter: re.Pattern[str]
    """Words for what lies about: no name of a venue."""
    spot: re.Pattern[str]
    measures: Patterns
    meeting: re.Pattern[str]
    meeting_number: re.Pattern[str]
    orders: re.Pattern[str]
    says: re.Pattern[str]
    duty: re.Pattern[str]
    acts: re.Pattern[str]
    area_set: re.Pattern[str]
    levels: re.Pattern[str]
    figures: tuple[tuple[str, Patterns], ...]
    problem_counts: Patterns
    place_counts: Patterns


@cache
def rules() -> Rules:
    said = tomllib.loads(files(__package__).joinpath("data/rules.toml").read_text(encoding="utf-8"))
    problem, venue, decision, area = said["problem"], said["venue"], said["decision"], said["area"]
    types = "|".join(sorted(_alternatives(venue["types"]), key=len, reverse=True))
    return Rules(
        problem=re.compile(_problem(problem)),
        cue=re.compile(f"{_problem(problem)}|{problem['weak']}"),
        inspecting=re.compile(problem["inspecting"]),
        reporting=re.compile(problem["reporting"]),
        working=re.compile(problem["working"]),
        strict=re.compile(problem["strict"]),
        exposing=re.compile(problem["exposing"]),
        silent=re.compile(problem["silent"]),
        quiet=re.compile(problem["quiet"]),
        label=re.compile(problem["label"]),
        totals=re.compile(f"^{problem['totals']}"),
        ordering=re.compile(f"^{problem['ordering']}"),
        answers=re.compile(f"(?:{problem['answers']})$"),
        past=re.compile(problem["past"]),
        none=re.compile(problem["none"]),
        subject=re.compile(f"(?:{problem['subject']})"),
        wish=re.compile(problem["wish"]),
        work=re.compile(problem["work"]),
        about=re.compile(problem["about"]),
        worked=re.compile(problem["worked"]),
        good=re.compile(problem["good"]),
        told=_told(said["told"]),
        lead=re.compile(f"(?:{said['lead']['words']})[：，]?"),
        thing=re.compile(f"{problem['thing']}"),
        provided=re.compile(f"(?:{said['told']['provided']})[^，。；]{{0,6}}(?:{problem['thing']})"),
        case=re.compile(problem["case"]),
        civic=re.compile(f"^(?:{venue['civic']})$"),
        address_key=re.compile(f"^(?:{said['address']['key']})$"),
        address_here=re.compile(f"^(?:{said['address']['here']})"),
        kind_first=re.compile(f"^(?:{venue['kinds']})(?=.)"),
        arrive=re.compile(said["story"]["arrive"]),
        venue_end=re.compile(f"(?:{types})(?:\\d{{1,3}}(?:[栋幢座]楼?|号楼))?(?:（[^（）]{{1,12}}）)?$"),
        venue_here=re.compile(f"(?:{types})"),
        trade=re.compile(f"..(?:{venue['trade']})$"),
        part=re.compile(f"(?:{venue['part']})$"),
        generic=re.compile(f"^{venue['generic']}$"),
        common=re.compile(f"^(?!.*(?:{venue['named']}))(?:{venue['common']}|{types}|{said['place']['spots']})+$"),
        never=re.compile(venue["never"]),
        matter=re.compile(said["matter"]["words"]),
        spot=re.compile(f"(?:{said['place']['spots']})"),
        measures=tuple(re.compile(pattern) for pattern in said["measure"]["patterns"]),
        meeting=re.compile(decision["meeting"]),
        meeting_number=re.compile(decision["number"]),
        orders=re.compile(decision["orders"]),
        says=re.compile(decision["says"]),
        duty=re.compile(decision["duty"]),
        acts=re.compile(decision["acts"]),
        area_set=re.compile(area["set"]),
        levels=re.compile(area["levels"]),
        figures=tuple(
            (one["measure"], tuple(_counting(pattern) for pattern in one["patterns"])) for one in said["figure"]["of"]
        ),
        problem_counts=tuple(_counting(pattern) for pattern in said["count"]["problems"]),
        place_counts=tuple(_counting(pattern) for pattern in said["count"]["places"]),
    )


def _told(said: Mapping[str, Any]) -> Told:
    counts = {name: value for name, value in said.items() if isinstance(value, int)}
    return Told(
        **counts,
        seen=re.compile(said["seen"]),
        signs=tuple((sign["weight"], re.compile(sign["words"])) for sign in said["sign"]),
        against=re.compile(said["against"]["words"]),
        surely_against=re.compile(said["against"]["sure"]),
        praise=re.compile(said["praise"]["words"]),
    )


def _problem(said: Mapping[str, str | int]) -> str:
    reach = said["reach"]
    lack = f"(?:{said['lack']})[^，。；：、]{{0,{reach}}}?(?:{said['thing']})"
    state = f"(?:{said['state_thing']})[^，。；：、]{{0,8}}?(?:{said['state']})"
    return f"{lack}|{state}|(?:{said['thing_alone']})"


def _alternatives(pattern: str) -> list[str]:
    """The alternatives of the outermost level."""
    parts, depth, last = [], 0, 0
    for place, character in enumerate(pattern):
        depth += (character == "(") - (character == ")")
        if character == "|" and not depth:
            parts.append(pattern[last:place])
            last = place + 1
    return [*parts, pattern[last:]]


def _counting(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"N(?![A-Za-z])", lambda _found: f"(?P<number>{NUMBER})", pattern, count=1))
