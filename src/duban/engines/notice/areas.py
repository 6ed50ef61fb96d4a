"""Risk areas that a notice declares: the place and the level, as published."""

import re
from collections.abc import Iterator

from .address import HAN, Around, read_address
from .drafts import RISK_AREA, Draft
from .gazetteer import Gazetteer
from .rules import Rules
from .sites import Found
from .source import HEADING, Block, Source

_SENTENCE = re.compile(r"[^。！？\n]+[。！？]?")
_BEFORE = re.compile(r"^.*(?:[将把]|决定|研判[，]|起[，]|[时日]起|即日起[，]?|规定[，]|(?:情况|需要|要求)[，])")
_FROM_LEVEL = re.compile(r"由?(?:原)?(?:高|中|低|中高)风险地?区$|由$")
_LIST = re.compile(r"[、，；]|以及|和(?=[^平])")
_REST_OF = re.compile("除|其他|其余|以外|上述|所有|全部")
_BUT_FOR = re.compile("除(?!尘|险)[^除]{2,40}?(?:以外|之外|外)(?:的)?(?:其他|其余|所有)?(?:区域|地区|范围|部分)$")
_WHERE_IT_IS = re.compile("^.{2,20}所在地?的")
_TAIL = re.compile(
    r"(?:(?:等|(?<=[^\d一二两三四五六七八九十])(?=[\d一二两三四五六七八九十]+个))(?:\d+|[一二两三四五六七八九十]+)?(?:个)?(?:小区|处|地|点位)?|区域|地区)?(?:全域|整体|均|都)?$"
)
_BODY = re.compile(r"^[^，。；]{0,40}?(?:指挥部|领导小组|办公室|专家组|疾控中心|卫健委)[^，。；]{0,10}[，决]")


def find_areas(source: Source, block: Block, gazetteer: Gazetteer, rules: Rules) -> Iterator[Found]:
    if block.kind == HEADING:
        return
    text = source.of(block)
    for sentence in _SENTENCE.finditer(text):
        yield from _set_by_verb(source, block.start + sentence.start(), sentence[0], gazetteer, rules)
    yield from _listed(source, block.start, text, gazetteer, rules)


def _set_by_verb(source: Source, offset: int, text: str, gazetteer: Gazetteer, rules: Rules) -> Iterator[Found]:
    """将X、Y列为中风险地区; X由中风险地区调整为低风险地区."""
    at = 0
    while verb := rules.area_set.search(text, at):
        level = rules.levels.match(text, verb.end())
        if not level:
            at = verb.end()
            continue
        before = text[at : verb.start()]
        lead = _BEFORE.match(before)
        start = lead.end() if lead else 0
        around = Around()
        for place, begin in _places(before[start:]):
            cut = _FROM_LEVEL.sub("", place)
            if found := _area(
                source, offset + at + start + begin, cut, level[0], offset + level.end(), gazetteer, around
            ):
                around = Around(town=gazetteer.town_of(found.draft.jurisdiction))
                yield found
        at = level.end()


def _listed(source: Source, offset: int, text: str, gazetteer: Gazetteer, rules: Rules) -> Iterator[Found]:
    """中风险地区：X、Y。 A notice's list after the level and a colon."""
    for level in rules.levels.finditer(text):
        rest = text[level.end() :]
        head = re.match(r"(?:（?(?:共|有)?\d*(?:个|处)?）?)?[：]", rest)
        if not head:
            continue
        stop = re.search(r"[。；\n]", rest[head.end() :])
        listed = rest[head.end() : head.end() + stop.start() if stop else len(rest)]
        around = Around()
        for place, begin in _places(listed):
            start = offset + level.end() + head.end() + begin
            if found := _area(source, start, place, level[0], start + len(place), gazetteer, around):
                around = Around(town=gazetteer.town_of(found.draft.jurisdiction))
                yield found


def _places(text: str) -> Iterator[tuple[str, int]]:
    at = 0
    for gap in [*_LIST.finditer(text), None]:
        stop = gap.start() if gap else len(text)
        if text[at:stop].strip():
            yield text[at:stop], at
        at = gap.end() if gap else stop


def _area(
    source: Source, start: int, place: str, level: str, end: int, gazetteer: Gazetteer, around: Around
) -> Found | None:
    # 某社区除高风险区以外的区域 is that community, whose worst part has a level of its own.
    bare = _TAIL.sub("", _BUT_FOR.sub("", _WHERE_IT_IS.sub("", place))) or place
    address = read_address(bare, gazetteer, around)
    is_place = address.named or re.search(
        rf"[{HAN}]{{2,}}(?:小区|社区|村|街道|镇|乡|号楼|单元|大厦|家园|苑|园|市场|酒店)", bare
    )
    if not is_place or _REST_OF.search(bare) or len(bare) > 60 or len(bare) < 3:
        return None
    return Found(
        Draft(
            kind=RISK_AREA,
            text="",
            span=source.span(start, max(end, start + len(place))),
            confidence=0.9 * (address.confidence if address.unit else 0.7),
            place=bare,
            jurisdiction=address.unit,
            measure=level,
        ),
        start,
        max(end, start + len(place)),
    )
