"""Findings in records: 单位名称：…, 地址：…, 存在问题：…, 处理情况：…, a line each or all in one paragraph.

A key that comes again begins the next record; so does a line that is nothing but a name. What stands behind no key goes
on with the value above.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .address import HAN, read_address
from .columns import AREA, MEASURE, PLACE, PROBLEM, TOWN, VENUE, WHERE, WRONG, is_head, is_key, pairs_of, role_of
from .entries import finding
from .gazetteer import Gazetteer
from .rules import Rules
from .sites import Found
from .source import HEADING, ROW, Block, Source

_KEY = re.compile(
    rf"(?<![{HAN}])(?P<key>[{HAN}](?: [{HAN}]){{1,3}}|[{HAN}][{HAN}（）]{{1,9}}) ?：|"
    rf"【(?P<bracketed>[{HAN}](?: ?[{HAN}]){{0,8}})】：?"
)
_BEFORE_KEY = " ，；。、.)）0123456789\t·•●◆■▪-*★☆"
_MARKER = re.compile(
    r"^(?:[（(]?\d{1,3}[)）.．、](?!\d)|[（(][一二三四五六七八九十]{1,3}[)）]、?|[一二三四五六七八九十]{1,3}、|[①-⑳]|"
    r"(?:案例|问题|点位|事例|典型)[一二三四五六七八九十\d]{1,3}[：:、.．]?|[^\w（(“【]+)\s*"
)
_ITEM = re.compile(r"[（(]?\d{1,2}[)）.．、](?!\d)|[①-⑳●•■◆▪·*-]|[（(]?[一二三四五六七八九十](?:[)）]|是)")
_IN_BRACKETS = re.compile("（[^（）]*）")
_OTHER_KEY = re.compile(rf"([{HAN}]{{2,8}})：[^。；]{{1,30}}$")
_LISTED = re.compile("[^（]、|\\d+余?[户家个处起名]")
"""More than one name, or none."""
_CHAPTER = re.compile("(?:方面|问题|领域|[类项]|情况|工作|整治|部分|记录|通报|要求|建议|单位|名单|目|表)$")
_ASIDE = {"说明", "备注", "内容", "记录", "要求", "结果"}
"""Under a name alone these tell of the whole report, not of one place."""
_SHORT_KEY = 6
_LONGEST_HEAD = 40
_LONGEST_NAME = 24
_EDGES = " ，；。、\t"


@dataclass(slots=True)
class _Record:
    start: int = -1
    end: int = -1
    keys: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    head: str = ""
    """A line above that names what the record is about."""
    marker: str = ""
    last: str = ""
    """What the key that came last tells."""

    def put(self, key: str, role: str, value: str, start: int, end: int) -> None:
        self.start, self.end = self.start if self.keys else start, end
        self.keys.append(key)
        self.last = role
        before = self.values.get(role, "")
        if not before or role not in (*WHERE, TOWN):
            self.values[role] = f"{before}\n{value}".strip()

    def go_on(self, value: str, end: int) -> None:
        self.values[self.last] = f"{self.values.get(self.last, '')}\n{value}".strip()
        self.end = end


@dataclass(frozen=True, slots=True)
class Told:
    """The stretch of a record that was understood, and the finding in it, if anything is wrong."""

    start: int
    end: int
    found: Found | None


def find_records(source: Source, blocks: Sequence[Block], gazetteer: Gazetteer, rules: Rules) -> Iterator[Told]:
    record, head, town = _Record(), (-1, "", ""), ""
    for place, block in enumerate(blocks):
        text = source.of(block)
        pairs = list(_pairs(source, block)) if block.kind != HEADING else []
        if pairs and not record.keys and text.endswith("】"):
            # 【晒问题】 heads a chapter.
            pairs = []
        for key, role, value, begin, stop in pairs:
            if key in record.keys or (role in (VENUE, AREA) and role in record.values):
                yield from _told(source, record, town, gazetteer, rules)
                # The next one's name stands in the lines of the record itself.
                record = _Record()
            if not record.keys and head[1]:
                record.head, record.marker = head[1], head[2]
            record.put(key, role, value, begin, stop)
            if record.head and record.start > head[0] >= 0:
                record.start = head[0]
            head = (-1, "", "")
        if pairs:
            continue
        if record.keys and _is_other_key(text, gazetteer, rules):
            record.end = block.end
            continue
        after = blocks[place + 1] if place + 1 < len(blocks) else None
        if record.keys and _goes_on(source, record, text, block, after):
            record.go_on(text.strip(_EDGES), block.end)
            continue
        yield from _told(source, record, town, gazetteer, rules)
        record = _Record()
        marker = _MARKER.match(text)
        bare = text[marker.end() if marker else 0 :].strip(" ：。【】")
        named = block.kind not in (HEADING, ROW) and _is_head(bare, rules)
        if bare in gazetteer.forms:
            town, named = bare, False
        elif not named:
            town = ""
        head = (block.start, bare, marker[0] if marker else "") if named else (-1, "", "")
    yield from _told(source, record, town, gazetteer, rules)


def _is_other_key(text: str, gazetteer: Gazetteer, rules: Rules) -> bool:
    """Whether a line has a key that tells nothing of use, such as 经营者：, and no name before its colon."""
    key = _OTHER_KEY.match(text)
    if not key or rules.venue_end.search(key[1]) or rules.cue.search(text):
        return False
    return not read_address(key[1], gazetteer).named


def _goes_on(source: Source, record: _Record, text: str, block: Block, after: Block | None) -> bool:
    """Whether a line without a key tells more of the value above it."""
    if block.kind in (HEADING, ROW) or record.last not in (*WRONG, MEASURE, *WHERE):
        return False
    leads = after is not None and after.kind != HEADING and any(True for _pair in _pairs(source, after))
    item = _ITEM.match(text)
    if item and record.marker and re.sub(r"\w", "", item[0]) == re.sub(r"\w", "", record.marker.strip()):
        return False
    if not record.values.get(record.last):
        return True
    return (
        bool(item)
        and record.last in (*WRONG, MEASURE)
        and not (
            leads
            and len(text) <= _LONGEST_HEAD
            and "。" not in text
            and "，" not in text
            and _leads_where(source, after)
        )
    )


def _leads_where(source: Source, after: Block | None) -> bool:
    """Whether the line that follows says where something is, or what is wrong there: a name stood before it."""
    first = next(iter(_pairs(source, after)), None) if after is not None else None
    return first is not None and first[1] in (*WHERE, TOWN, *WRONG)


def _is_head(text: str, rules: Rules) -> bool:
    bare = _IN_BRACKETS.sub("", text)
    return (
        1 < len(bare) <= _LONGEST_HEAD
        and not _LISTED.search(bare)
        and not re.search("[，。；：！？]", bare)
        and not rules.cue.search(bare)
    )


def _told(source: Source, record: _Record, town: str, gazetteer: Gazetteer, rules: Rules) -> Iterator[Told]:
    values = dict(record.values)
    wrong = [values[role] for role in WRONG if role in values]
    area = values.pop(AREA, "")
    if not wrong:
        return
    telling = any(role_of(key) in WRONG and key not in _ASIDE for key in record.keys)
    if not (telling or {VENUE, AREA, PLACE} & values.keys()):
        return
    if not values.get(VENUE) and record.head and _names(record, gazetteer, rules):
        values[VENUE] = record.head
    if area and values.get(PLACE) and not values.get(VENUE):
        values[PLACE] = area + values[PLACE] if area not in values[PLACE] else values[PLACE]
    if area and (values.get(VENUE) or values.get(PLACE)):
        values[TOWN] = values.get(TOWN, "") + area
    elif area:
        values[VENUE] = area
    if not (values.get(VENUE) or values.get(PLACE)) or _LISTED.search(values.get(VENUE, "")):
        return
    told = values | {PROBLEM: wrong[0], TOWN: values.get(TOWN) or town}
    stretch = (record.start, record.end)
    yield Told(*stretch, finding(source, stretch, told, gazetteer, rules, vague=PROBLEM not in values))


def _names(record: _Record, gazetteer: Gazetteer, rules: Rules) -> bool:
    """Whether the line above a record names a venue or a place."""
    bare = _IN_BRACKETS.sub("", record.head)
    address = read_address(bare, gazetteer)
    if rules.venue_end.search(bare) or address.named or rules.spot.search(bare):
        return True
    inside = (read_address(aside[0][1:-1], gazetteer) for aside in _IN_BRACKETS.finditer(record.head))
    if any(one.unit or one.town_printed for one in inside):
        return True
    # What an address or a number with several keys goes with is a name, whatever its words, unless it heads a chapter.
    told = PLACE in record.values or (len(record.keys) > 1 and bool(record.marker))
    return told and len(bare) <= _LONGEST_NAME and not (_CHAPTER.search(bare) or rules.never.search(bare))


def _pairs(source: Source, block: Block) -> Iterator[tuple[str, str, str, int, int]]:
    """Key, what it tells, value and where both stand."""
    if block.kind == ROW:
        yield from _paired_cells(source, block)
        return
    text = source.of(block)
    marker = _MARKER.match(text)
    lead = marker.end() if marker else 0
    bracketed = text.count("【") > 2
    keys = []
    for found in _KEY.finditer(text):
        key = "".join((found["key"] or found["bracketed"]).split())
        role = role_of(key)
        begins = found.start() == lead or text[found.start() - 1] in _BEFORE_KEY
        if role and (found["bracketed"] or begins) and _can_be_key(key, role):
            keys.append((key, role, found))
        elif bracketed and found["bracketed"]:
            keys.append((key, "", found))
    if not keys or keys[0][2].start() > lead:
        return
    for (key, role, found), after in zip(keys, [*[one[2] for one in keys[1:]], None], strict=True):
        stop = after.start() if after else len(text)
        if role:
            yield key, role, text[found.end() : stop].strip(_EDGES), block.start + found.start(), block.start + stop


def _can_be_key(key: str, role: str) -> bool:
    """Whether it is no name, as 文昌市场 is, and no sentence."""
    if role in (*WHERE, TOWN):
        return is_head(key) or is_key(key)
    return len(key) <= _SHORT_KEY or is_key(key)


def _paired_cells(source: Source, block: Block) -> Iterator[tuple[str, str, str, int, int]]:
    for place, (key, value) in enumerate(pairs_of([source.text[start:end].strip() for start, end in block.cells])):
        begin, stop = block.cells[2 * place][0], block.cells[2 * place + 1][1]
        yield "".join(key.split()), role_of(key) or "", value, begin, stop
