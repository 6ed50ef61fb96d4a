"""Findings in tables (a row each) and in forms (单位名称：… 存在问题：…)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .address import HAN, Address, Around, read_address
from .drafts import FINDING, Draft, Line, Unit
from .gazetteer import Gazetteer
from .problems import was_mended
from .rules import Rules
from .sites import Found
from .source import HEADING, PROSE, ROW, Block, Source

_COLUMNS = (
    (
        "",
        re.compile(
            "责任人|联系|得分|电话|时间|日期|负责人|序号|编号|备注|期限|时限|检查人|责任单位|服务企业|施工|建设|监理|物业|分数|得分"
        ),
    ),
    (
        "problem",
        re.compile(
            "问题|不符合|不合格|违规情况|违法事实|违规行为|不合格项|检查情况|所见|看到|发现了?什么|查到|短板|不足|毛病|现象|隐患|违规内容|事由|反映内容|诉求内容|主要内容|扣分|^(?:现场|具体|存在)?(?:情况|描述|说明|详情|现状)$"
        ),
    ),
    ("measure", re.compile("怎么办|去向|后续|处理|处置|措施|整改|处罚|要求|办理|结果")),
    ("town", re.compile("属地|街道|乡镇|镇街|街乡|所属|辖区|区域|镇$")),
    ("place", re.compile("地址|地点|位置|住所|点位|所在|地块")),
    (
        "venue",
        re.compile(
            "名称|单位|商户|企业|场所|门店|主体|摊|档口|店铺|店名|市场|小区|字号|对象|村庄|村名|^村$|社区|路段|河道|学校|(?<![地节])点$"
        ),
    ),
)
OF_TITLE = 0.7
_NAMES = re.compile("^(?:农贸)?(?:市场|商户|店|企业|学校|场所|小区|工地|项目|餐馆|宾馆|网吧)(?:名称)?$")
_NOTHING = re.compile(
    r"^(?:无|未发现(?:问题)?|没有|合格|正常|符合要求|已?达标|[-—–/\s]*|暂无|良好|未发现.*问题|无问题|无异常)[。]?$"
)
_PASSED = re.compile("(?:合格|达标|通过|正常|符合)")
_KEY = re.compile(rf"(?P<key>[{HAN}]{{2,8}})：|【(?P<bracketed>[{HAN}]{{1,8}})】")
_SPLIT = re.compile(r"[；;\n]|(?:^|(?<=[。；]))[（(]?\d{1,2}[)）.、]|。")


_TOLD = re.compile("点位及问题|问题及点位|(?:扣分|问题|具体|整改)(?:点位|原因|内容|说明|事项)|典型问题")


def find_told(source: Source, blocks: Sequence[Block], gazetteer: Gazetteer) -> Iterator[tuple[Block, Unit | None]]:
    """Cells that tell place and problem in one, of tables without a column for the place; and the row's town."""
    column: int | None = None
    first = True
    for block in blocks:
        if block.kind != ROW:
            column, first = None, True
            continue
        cells = [source.text[start:end].strip() for start, end in block.cells]
        towns = [cell for cell in cells if cell in gazetteer.forms]
        if first and not towns and (told := _told_column(cells)) is not None:
            column = told
        elif column is not None and column < len(cells) and cells[column] and not _NOTHING.match(cells[column]):
            units = gazetteer.forms[towns[0]] if towns else ()
            yield Block(PROSE, *block.cells[column]), units[0] if len(units) == 1 else None
        first = False


def _told_column(cells: Sequence[str]) -> int | None:
    if any(len(cell) > 14 for cell in cells):
        return None
    heads = _heads(cells)
    told = next((place for place, cell in enumerate(cells) if _TOLD.search(cell)), None)
    if told is not None and "点位" not in cells[told] and _NAMES.search(cells[heads.get("venue", told)]):
        # A column of its own names the venue.
        return None
    if told:
        return None if "place" in heads and heads["place"] != told else told
    return heads["problem"] if "problem" in heads and heads.keys() <= {"town", "problem", "measure"} else None


def find_rows(
    source: Source, blocks: Sequence[Block], gazetteer: Gazetteer, rules: Rules, headed: Unit | None = None
) -> Iterator[Found]:
    """`headed`: the unit that the headline names, for rows that name none."""
    columns: dict[str, int] = {}
    town, headless = None, True
    for block in blocks:
        if block.kind != ROW:
            if block.kind == HEADING or len(source.of(block)) > 4:
                columns, town, headless = {}, None, True
            continue
        cells = [source.text[start:end].strip() for start, end in block.cells]
        heads = _heads(cells)
        if (
            not columns
            and headless
            and not any(cell in gazetteer.forms for cell in cells)
            and _told_column(cells) is not None
        ):
            columns, headless = {}, False
            continue
        places = any(cell in gazetteer.forms or read_address(cell, gazetteer).unit for cell in cells if cell)
        if (
            len(heads) > 1
            and {"venue", "place"} & heads.keys()
            and not (places or rules.problem.search("".join(cells)))
        ):
            columns = heads if "problem" in heads else {}
            headless = False
            continue
        if not columns:
            if headless and (made := _bare_row(source, block, cells, gazetteer, rules)):
                yield made
            continue
        if "town" in columns and columns["town"] < len(cells) and cells[columns["town"]]:
            town = cells[columns["town"]]
        if max(columns.values()) >= len(cells) and len(cells) <= columns["problem"]:
            continue
        found = {name: cells[place] for name, place in columns.items() if place < len(cells)}
        if made := _finding(source, block.start, block.end, found | {"town": town or ""}, gazetteer, rules, headed):
            yield made


def _bare_row(source: Source, block: Block, cells: Sequence[str], gazetteer: Gazetteer, rules: Rules) -> Found | None:
    """A row of a table without headings: the cell that tells a problem, and the venue or place before it."""
    told = next((place for place, cell in enumerate(cells) if place and rules.problem.search(cell)), None)
    if told is None:
        return None
    before = [cell for cell in cells[:told] if cell and not cell.isdigit()]
    towns = [cell for cell in before if cell in gazetteer.forms]
    names = [cell for cell in before if cell not in gazetteer.forms]
    if not names or len(names[-1]) > 40:
        return None
    address = read_address(names[-1], gazetteer)
    name = "place" if address.named and not rules.venue_end.search(address.rest) else "venue"
    found = {name: names[-1], "problem": cells[told], "town": towns[-1] if towns else ""}
    if told + 1 < len(cells) and not _NOTHING.match(cells[told + 1]):
        found["measure"] = cells[told + 1]
    return _finding(source, block.start, block.end, found, gazetteer, rules)


def _heads(cells: Sequence[str]) -> dict[str, int]:
    heads: dict[str, int] = {}
    for place, cell in enumerate(cells):
        if len(cell) > 12 or not cell:
            continue
        for name, pattern in _COLUMNS:
            if pattern.search(cell):
                if name and name not in heads:
                    heads[name] = place
                break
    return heads


def find_forms(source: Source, blocks: Sequence[Block], gazetteer: Gazetteer, rules: Rules) -> Iterator[Found]:
    """Records of lines 单位名称：…, 地址：…, 存在问题：…; a key that comes again begins the next record."""
    record: dict[str, str] = {}
    start = end = 0
    for block in [*blocks, None]:
        pairs = list(_pairs(source, block)) if block is not None and block.kind not in (HEADING, ROW) else []
        if not pairs:
            if block is None or block.kind == HEADING:
                if made := _record(source, start, end, record, gazetteer, rules):
                    yield made
                record = {}
            continue
        for name, value, begin, stop in pairs:
            if name in record:
                if made := _record(source, start, end, record, gazetteer, rules):
                    yield made
                record = {}
            if not record:
                start = begin
            record[name] = value
            end = stop


def _record(
    source: Source, start: int, end: int, record: dict[str, str], gazetteer: Gazetteer, rules: Rules
) -> Found | None:
    if "problem" not in record or not ("venue" in record or "place" in record):
        return None
    return _finding(source, start, end, record, gazetteer, rules)


def _pairs(source: Source, block: Block) -> Iterator[tuple[str, str, int, int]]:
    text = source.of(block)
    bracketed = text.count("【") > 2
    keys = []
    for found in _KEY.finditer(text):
        key = found["key"] or found["bracketed"]
        name = next((name for name, pattern in _COLUMNS if pattern.search(key)), "")
        begins = found.start() == 0 or text[found.start() - 1] in " ，；。、.)）0123456789"
        if bracketed if found["bracketed"] else name and begins:
            keys.append((name, found))
    if not keys or keys[0][1].start() > 4:
        return
    for (name, found), after in zip(keys, [*[one for _name, one in keys[1:]], None], strict=True):
        stop = after.start() if after else len(text)
        if name:
            yield name, text[found.end() : stop].strip(" ，；。、"), block.start + found.start(), block.start + stop


def _finding(
    source: Source,
    start: int,
    end: int,
    cells: dict[str, str],
    gazetteer: Gazetteer,
    rules: Rules,
    headed: Unit | None = None,
) -> Found | None:
    problem = cells.get("problem", "")
    if _NOTHING.match(problem) or was_mended(problem):
        return None
    told = rules.cue.search(problem) or any(sign.search(problem) for _weight, sign in rules.told.signs)
    if _PASSED.match(cells.get("measure", "")) and not told:
        return None
    if problem.startswith("已") and not rules.cue.search(problem):
        return None
    praised = rules.none.search(problem) or rules.told.praise.search(problem)
    if praised and not rules.cue.search(problem):
        return None
    venue, place, town = cells.get("venue", ""), cells.get("place", ""), cells.get("town", "")
    if not (venue or place):
        return None
    around = Around()
    of_town = read_address(town, gazetteer)
    if town:
        around = Around(town=gazetteer.town_of(of_town.unit))
    address = read_address(place or town, gazetteer, around)
    if address.unit is None and venue:
        of_venue = read_address(venue, gazetteer, around)
        if of_venue.unit is not None and (not place or of_venue.village):
            address = of_venue
    if town and of_town.unit and len(of_town.unit.code) > 9 and not (address.unit and len(address.unit.code) > 9):
        address = replace(address, unit=of_town.unit, confidence=0.95)
    if address.unit is None and headed is not None and not (address.foreign or address.town_printed or town):
        address = replace(address, unit=headed, confidence=OF_TITLE)
    if address.unit is None and around.town is not None and not address.foreign:
        address = Address(around.town, 0.95, printed=town, town_printed=True, road=address.road)
    named = read_address(venue, gazetteer, around) if venue else Address()
    name = named.rest if named.named and len(named.rest) > 1 else venue
    problems = [part.strip(" ，、") for part in _SPLIT.split(problem) if part and part.strip(" ，、")]
    return Found(
        Draft(
            kind=FINDING,
            text="",
            span=source.span(start, end),
            confidence=0.9 * (address.confidence if address.unit else 0.75),
            place=place or (named.printed if named.named else town),
            jurisdiction=address.unit,
            venue=name,
            problems=tuple(dict.fromkeys(problems)),
            road=Line(address.road, None) if address.road else None,
            measure=cells.get("measure", ""),
        ),
        start,
        end,
    )
