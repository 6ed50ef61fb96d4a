"""Findings in tables: a row each, by the words over the columns or by what the cells look like."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .address import read_address
from .columns import (
    AREA,
    KIND,
    MEASURE,
    NUMBER,
    OTHER,
    PLACE,
    PROBLEM,
    SEEN,
    TOWN,
    VENUE,
    WHERE,
    WRONG,
    is_head,
    is_header,
    is_nothing,
    pairs_of,
    role_of,
    roles_of,
)
from .drafts import Unit
from .entries import NUMBERS, finding
from .gazetteer import Gazetteer
from .rules import Rules
from .sites import Found
from .source import HEADING, PROSE, ROW, Block, Source

_TOLD = re.compile("点位及问题|问题及点位|(?:扣分|问题|具体|整改)(?:点位|原因|内容|说明|事项)|典型问题")
_DESCRIBES = re.compile("描述|说明|详情|具体|内容|表现")
_CODE = re.compile(r"[A-Za-z\d-]*\d{2,}[A-Za-z\d-]*$")
_SUM = re.compile("合计|小计|总计|共计|平均|汇总|注[：:]?$|备注")
_DATE = re.compile(r"(?:\d{4}[年./-])?\d{1,2}[月./-]\d{1,2}(?:[日号])?|\d{4}年?|\d{1,2}[:：]\d\d")
_PERSON = re.compile("[\u4e00-\u9fff][某\u4e00-\u9fff]?某+|[\u4e00-\u9fff]{1,2}(?:同志|主任|书记|经理)")
_NUMBERED = re.compile(r"\d{1,3}(?!\d)[^。]{1,30}$")
_KEYED = re.compile("(?P<key>[^：，。；]{2,8})：(?=.)")
_LONGEST_HEAD = 14
_LONGEST_NAME = 40
_LONGEST_BETWEEN = 4


@dataclass(slots=True)
class _Table:
    """`town`s stand in lines of their own above the rows that they are told for."""

    heads: list[str]
    rows: list[tuple[Block, list[str], str]] = field(default_factory=list)
    roles: dict[str, list[int]] = field(default_factory=dict)
    told: int | None = None
    """The column that tells place and problem in one."""

    def of(self, role: str, cells: Sequence[str]) -> list[str]:
        return [cells[place] for place in self.roles.get(role, ()) if place < len(cells)]


def find_told(
    source: Source, blocks: Sequence[Block], gazetteer: Gazetteer, rules: Rules
) -> Iterator[tuple[Block, Unit | None]]:
    """Cells that tell place and problem in one, of tables without a column for the place; and the row's unit."""
    for table in _tables(source, blocks, gazetteer, rules):
        town: Unit | None = None
        for block, cells, above in table.rows if table.told is not None else ():
            assert table.told is not None
            names = [*table.of(TOWN, cells), *table.of(AREA, cells), above]
            units = [unit for name in names if name and (unit := read_address(name, gazetteer).unit)]
            town = max(units, key=lambda unit: len(unit.code)) if units else town if not any(names) else None
            if table.told < len(cells) and not is_nothing(cells[table.told]):
                yield Block(PROSE, *block.cells[table.told]), town


def find_rows(
    source: Source, blocks: Sequence[Block], gazetteer: Gazetteer, rules: Rules, headed: Unit | None = None
) -> Iterator[Found]:
    """`headed`: the unit that the headline names, for rows that name none."""
    for table in _tables(source, blocks, gazetteer, rules):
        if table.told is not None:
            continue
        read = _under_heads(table, gazetteer) if table.heads else _bare_rows(table, gazetteer, rules)
        for block, told, vague in read:
            stretch = (block.start, block.end)
            if made := finding(source, stretch, told, gazetteer, rules, headed=headed, vague=vague):
                yield made


def _tables(source: Source, blocks: Sequence[Block], gazetteer: Gazetteer, rules: Rules) -> list[_Table]:
    tables: list[_Table] = []
    table: _Table | None = None
    town = ""
    for block in blocks:
        if block.kind != ROW:
            text = source.of(block).strip(" ：。")
            if table is not None and role_of(table.heads[0] if table.heads else "") == NUMBER and _NUMBERED.match(text):
                # A row that lost so many cells that nothing tells which it has.
                continue
            if block.kind == HEADING or (len(text) > _LONGEST_BETWEEN and text not in gazetteer.forms):
                table, town = None, ""
            elif text in gazetteer.forms:
                town = text
            continue
        cells = [source.text[start:end].strip() for start, end in block.cells]
        if pairs_of(cells):
            table = None
            continue
        if _heads(cells, gazetteer):
            table, town = _Table(cells), ""
            tables.append(table)
            continue
        if table is None:
            table = _Table([])
            tables.append(table)
        filled = [cell for cell in cells if cell]
        if len(filled) == 1:
            town = filled[0] if read_address(filled[0], gazetteer).town_printed else town
        elif not any(_SUM.match(cell) for cell in filled[:2]):
            table.rows.append((block, cells, town))
    for table in tables:
        _settle(table, gazetteer, rules)
    return tables


def _heads(cells: Sequence[str], gazetteer: Gazetteer) -> bool:
    """Whether cells are words over columns, be it of a table that tells nothing wrong, as a list of the best."""
    words = [cell for cell in cells if cell]
    if any(cell in gazetteer.forms or read_address(cell, gazetteer).unit for cell in words):
        return False
    if is_header(words):
        return True
    roles = {role_of(word) for word in words} - {OTHER, NUMBER}
    return len(words) > 1 and all(map(is_head, words)) and bool(roles)


def _settle(table: _Table, gazetteer: Gazetteer, rules: Rules) -> None:
    """What each column tells, as its head and its cells have it."""
    if not table.heads:
        usual = _usual(table, rules)
        if usual is not None and not any(_names(cells[:usual], gazetteer) for _block, cells, _town in table.rows):
            table.told = usual
        return
    table.roles = roles_of(table.heads)
    for role in (VENUE, AREA, PLACE):
        for place in list(table.roles.get(role, ())):
            cells = [cells[place] for _block, cells, _town in table.rows if place < len(cells) and cells[place]]
            if cells and all(cell in gazetteer.forms for cell in cells):
                # 单位 over towns.
                table.roles[role].remove(place)
                table.roles.setdefault(TOWN, []).append(place)
    # 检查单位 is who looked where 被检查单位 stands beside it.
    table.roles.get(VENUE, []).sort(key=lambda place: table.heads[place][:1] not in "被受")
    wrong = table.roles.get(PROBLEM, [])
    spots = [place for place in wrong if table.heads[place].endswith("点位")]
    if spots and (len(wrong) > len(spots) or SEEN in table.roles):
        # 问题点位 beside 问题描述.
        table.roles[PROBLEM] = [place for place in wrong if place not in spots]
        table.roles.setdefault(PLACE, []).extend(spots)
    points = [place for place in table.roles.get(PLACE, ()) if "点位" in table.heads[place]]
    if points and VENUE not in table.roles and len(table.roles[PLACE]) > len(points):
        # 检查点位 beside 地址.
        table.roles[VENUE] = points
        table.roles[PLACE] = [place for place in table.roles[PLACE] if place not in points]
    table.roles = {role: places for role, places in table.roles.items() if places}
    table.told = _told_column(table)


def _usual(table: _Table, rules: Rules) -> int | None:
    """The column in which most rows of a table without heads tell a problem."""
    rows = [_keyed(cells) for _block, cells, _town in table.rows]
    width = max((len(cells) for cells, _keys in rows), default=0)
    counts = [
        sum(len(cells) > place and (keys[place] in WRONG or _tells(cells[place], rules)) for cells, keys in rows)
        for place in range(width)
    ]
    if not any(counts[1:]):
        return None
    usual = max(range(1, width), key=lambda place: counts[place])
    return usual if counts[usual] * 2 > len(rows) else None


def _told_column(table: _Table) -> int | None:
    roles = table.roles
    told = next((place for place, head in enumerate(table.heads) if _TOLD.search(head)), None)
    if any(len(head) > _LONGEST_HEAD for head in table.heads) or VENUE in roles:
        return None
    if told is not None and ("点位" in table.heads[told] or PLACE not in roles):
        places = [place for place in roles.get(PLACE, ()) if place != told]
        wrong = [place for role in (PROBLEM, SEEN) for place in roles.get(role, ()) if place != told]
        return None if places or (wrong and PLACE in roles) else told
    if PROBLEM in roles and PLACE not in roles and AREA not in roles:
        return roles[PROBLEM][0]
    return None


def _under_heads(table: _Table, gazetteer: Gazetteer) -> Iterator[tuple[Block, dict[str, str], bool]]:
    """Each row as what its cells tell, and whether that need not be wrong."""
    role = next((role for role in WRONG if role in table.roles), None)
    if role is None or not any(one in table.roles for one in (*WHERE, TOWN)):
        return
    wrong = list(table.roles[role])
    if role == PROBLEM:
        wrong += [place for place in table.roles.get(SEEN, ()) if _DESCRIBES.search(table.heads[place])]
    carried: dict[str, str] = {}
    for block, cells, above in table.rows:
        said = {one: _joined(table.of(one, cells), "") for one in (TOWN, AREA, PLACE)}
        said[VENUE] = _joined(table.of(VENUE, cells)[:1], "")
        where = any(said[one] for one in (VENUE, PLACE))
        for one in (TOWN, AREA, VENUE, PLACE):
            # Cells that were merged are told once for the rows below.
            if not said[one] and (one in (TOWN, AREA) or not where or (one == VENUE and said[PLACE])):
                said[one] = carried.get(one, "") if one in table.roles else ""
        carried = dict(said)
        told = {
            PROBLEM: _joined([cells[place] for place in sorted(wrong) if place < len(cells)], "\n"),
            MEASURE: _joined(table.of(MEASURE, cells), "\n"),
            TOWN: said[TOWN] or above,
            PLACE: said[PLACE],
            VENUE: said[VENUE],
        }
        if said[AREA] and said[PLACE] and not said[VENUE] and said[AREA] not in said[PLACE]:
            told[PLACE] = said[AREA] + said[PLACE]
        if said[VENUE] or said[PLACE]:
            told[TOWN] = _finer(told[TOWN], said[AREA], gazetteer)
        else:
            told[VENUE] = said[AREA]
        yield block, told, role != PROBLEM


def _finer(town: str, area: str, gazetteer: Gazetteer) -> str:
    """Town and village of a row in one, unless the village's column names the town itself."""
    if not area or not town or area == town:
        return area or town
    return area if read_address(area, gazetteer).town_printed else town + area


def _joined(cells: Sequence[str], glue: str) -> str:
    return glue.join(
        dict.fromkeys(cell for cell in cells if cell and not is_nothing(cell) and not NUMBERS.fullmatch(cell))
    )


def _bare_rows(table: _Table, gazetteer: Gazetteer, rules: Rules) -> Iterator[tuple[Block, Mapping[str, str], bool]]:
    """Rows of a table without heads: a column that tells problems in most rows, names and places before it."""
    usual = _usual(table, rules)
    for block, printed, town in table.rows:
        cells, keys = _keyed(printed)
        told = _told_in(cells, keys, rules) if usual is None else usual
        if told is None or told >= len(cells) or not cells[told]:
            continue
        before = [cell for cell in cells[:told] if _is_name(cell)]
        towns = [cell for cell in before if cell in gazetteer.forms]
        names = _names(cells[:told], gazetteer)
        if not names:
            continue
        measures = [
            cell
            for cell, key in zip(cells[told + 1 :], keys[told + 1 :], strict=True)
            if key == MEASURE or _is_measure(cell, rules)
        ]
        places = [one for one in names if _is_place(one, gazetteer, rules)]
        venues = [one for one in names if one not in places]
        said = {
            PROBLEM: cells[told],
            MEASURE: measures[0] if measures else "",
            TOWN: towns[-1] if towns else town,
            PLACE: places[-1] if places else "",
            VENUE: venues[0] if venues else "",
        }
        yield block, said, not (keys[told] == PROBLEM or _tells(cells[told], rules))


def _names(cells: Sequence[str], gazetteer: Gazetteer) -> list[str]:
    return [cell for cell in cells if _is_name(cell) and cell not in gazetteer.forms]


def _tells(cell: str, rules: Rules) -> bool:
    """Whether a cell tells something wrong."""
    return bool(rules.cue.search(cell)) and not any(pattern.match(cell) for pattern in rules.measures)


def _keyed(cells: Sequence[str]) -> tuple[list[str], list[str | None]]:
    """Cells without the keys that they begin with, 查封原因：…, and what these say that they tell."""
    bare, keys = [], []
    for cell in cells:
        key = _KEYED.match(cell)
        role = role_of(key["key"]) if key else None
        bare.append(cell[key.end() :] if key and role else cell)
        keys.append(role)
    return bare, keys


def _told_in(cells: Sequence[str], keys: Sequence[str | None], rules: Rules) -> int | None:
    told = (place for place, cell in enumerate(cells) if place and (keys[place] in WRONG or _tells(cell, rules)))
    return next(told, None)


def _is_name(cell: str) -> bool:
    if (
        not 1 < len(cell) <= _LONGEST_NAME
        or re.search("[。；]", cell)
        or role_of(cell) in (PROBLEM, MEASURE, NUMBER, KIND)
    ):
        return False
    if _CODE.search(cell) and not cell.endswith("号"):
        return False
    return not (is_nothing(cell) or any(shape.fullmatch(cell) for shape in (NUMBERS, _DATE, _PERSON)))


def _is_place(cell: str, gazetteer: Gazetteer, rules: Rules) -> bool:
    address = read_address(cell, gazetteer)
    return address.named and not rules.venue_end.search(address.rest)


def _is_measure(cell: str, rules: Rules) -> bool:
    return any(pattern.search(cell) for pattern in rules.measures) or bool(re.search("整改|改正|立案|查封|已", cell))
