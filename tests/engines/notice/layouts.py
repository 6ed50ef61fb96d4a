"""The same facts printed as reports print them: tables of many looks, and records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Fact:
    venue: str
    town: str
    village: str
    code: str
    problems: tuple[str, ...]
    measure: str = ""

    @property
    def where(self) -> str:
        return self.town + self.village


PLACES = [
    ("锦屏街道", "锦华社区", "510197001001"),
    ("锦屏街道", "双桂路社区", "510197001002"),
    ("望江路街道", "望江社区", "510197002001"),
    ("清流镇", "清流场社区", "510197101001"),
    ("清流镇", "石板村", "510197101201"),
    ("清流镇", "黄桷村", "510197101202"),
    ("白鹤镇", "鹤鸣村", "510197102201"),
]
VENUES = [
    *(
        "蜀香园酒楼",
        "老兵面馆",
        "惠民大药房",
        "天天见水果店",
        "禾旗连锁超市",
        "金色年华网吧",
        "锦绣花园小区",
        "第三小学食堂",
    ),
    *(
        "顺达汽修厂",
        "好运来家具厂",
        "老码头农贸市场",
        "向阳幼儿园",
        "康宁诊所",
        "悦来宾馆",
        "鑫源加油站",
        "文化活动广场",
    ),
    *(
        "小李烫染",
        "川味轩（总店）",
        "云上民宿",
        "锦江北岸二期项目",
        "柳川区图书馆",
        "天府好味餐饮管理有限公司",
        "阿强快修",
        "河边公厕",
    ),
]
PROBLEMS = [
    *("后厨地面油污严重", "从业人员无健康证", "灭火器压力不足", "垃圾桶满溢", "门前杂物乱堆乱放", "凉菜间未设紫外线灯"),
    *("消防通道被电动车占用", "餐具消毒记录不全", "公厕异味较大", "入口处无人测温", "飞线充电", "下水道堵塞污水外溢"),
    *("货架积灰", "墙面小广告未清理", "应急照明灯损坏", "食品留样未标注日期", "建筑垃圾露天堆放", "冷柜内生熟混放"),
    *("杀鱼的水泼在过道上", "两名工人没系安全带", "三号电梯按键失灵", "值班人员脱岗", "防火门常开", "台账停留在去年"),
]
MEASURES = [
    *("责令限期改正", "当场整改", "立案调查", "罚款2000元", "停业整顿", "约谈负责人", "已整改", "整改中", "已清运"),
    *("下发整改通知书", "3日内完成整改", "移交城管部门", "未整改"),
]
NOTHING = [
    "无",
    "未发现问题",
    "—",
    "/",
    "√",
    "无问题",
    "合格",
    "未发现明显问题",
    "",
    "未见异常",
    "——",
    "暂无",
    "符合要求",
]

HEADS = {
    "number": ["序号", "编号", "序"],
    "venue": [
        *(
            "单位名称",
            "场所名称",
            "被检查单位",
            "检查对象",
            "点位名称",
            "名称",
            "检查点位",
            "企业名称",
            "受检单位",
            "店名",
        ),
        *("商户", "场所", "主体名称", "单位（场所）名称", "当事人"),
    ],
    "town": ["所属镇街", "属地", "街道（乡镇）", "所在镇街", "镇街", "所属社区", "所属区域", "属地街道"],
    "address": ["地址", "详细地址", "所在位置", "位置", "经营地址", "单位地址", "具体位置"],
    "problem": [
        *("存在问题", "主要问题", "问题描述", "发现的问题", "存在的问题及隐患", "不符合项", "检查发现问题", "扣分原因"),
        *("隐患内容", "违法事实", "问题", "具体问题", "不合格项目", "违规行为", "问题表现"),
    ],
    "measure": [
        *("处理情况", "整改情况", "处理意见", "整改要求", "处置措施", "办理结果", "处理结果", "处置", "整改状态"),
    ],
    "score": ["得分", "总分", "考核得分", "扣分值", "分数"],
    "date": ["检查时间", "检查日期", "日期"],
    "person": ["责任人", "检查人", "联系人"],
}


def draw_facts(random: Random, most: int = 7) -> list[Fact]:
    """Some of them without any problem."""
    facts = []
    for venue in random.sample(VENUES, random.randint(2, most)):
        town, village, code = random.choice(PLACES)
        wrong = random.random() > 0.2
        problems = tuple(random.sample(PROBLEMS, random.randint(1, 3))) if wrong else ()
        facts.append(Fact(venue, town, village, code, problems, random.choice(MEASURES) if wrong else ""))
    if not any(fact.problems for fact in facts):
        facts[0] = Fact(facts[0].venue, facts[0].town, facts[0].village, facts[0].code, (PROBLEMS[0],), MEASURES[0])
    return facts


def problems_of(random: Random, fact: Fact) -> str:
    if not fact.problems:
        return random.choice(NOTHING)
    if len(fact.problems) > 1 and random.random() < 0.4:
        mark = random.choice(["{}.", "（{}）", "{}、"])
        return "；".join(mark.format(place) + problem for place, problem in enumerate(fact.problems, 1))
    return random.choice(["；", "，", "、"]).join(fact.problems)


def table_of(random: Random, facts: Sequence[Fact]) -> list[list[str]]:
    """Heads and rows in any order of columns: the number first, the venue before its problem."""
    columns = ["venue", random.choice(["town", "address"])]
    if random.random() < 0.3:
        columns.reverse()
    columns.append("problem")
    if random.random() < 0.7:
        columns.append("measure")
    for more in ("score", "date", "person"):
        if random.random() < 0.3:
            columns.insert(random.choice([len(columns), 2]), more)
    if random.random() < 0.7:
        columns.insert(0, "number")
    rows = [[random.choice(HEADS[column]) for column in columns]]
    nothing = random.choice(["", "—", "/", "无"])
    for number, fact in enumerate(facts, 1):
        cells = {
            "number": str(number),
            "venue": fact.venue,
            "town": fact.where,
            "address": fact.where + random.choice(["", f"{number}组", "村口" if fact.village.endswith("村") else ""]),
            "problem": problems_of(random, fact),
            "measure": fact.measure or nothing,
            "score": str(100 - 3 * number),
            "date": f"3月{number}日",
            "person": random.choice(["张某", "李建国", "王某某"]),
        }
        rows.append([cells[column] for column in columns])
    return rows


def merged_towns(random: Random, facts: Sequence[Fact]) -> list[list[str]]:
    """A town told once for several rows below, and a village of its own for each row."""
    facts = sorted(facts, key=lambda fact: fact.town)
    rows = [["序号", "镇街", random.choice(["村（社区）", "村社区", "社区"]), "点位", "存在问题", "整改情况"]]
    before = ""
    for number, fact in enumerate(facts, 1):
        town = fact.town if fact.town != before else ""
        rows.append([str(number), town, fact.village, fact.venue, problems_of(random, fact), fact.measure])
        before = fact.town
    return rows


def width(text: str) -> int:
    return sum(2 if ord(character) > 0x2E7F else 1 for character in text)


def tabs(_random: Random, rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("\t".join(row) for row in rows)


def tabs_with_ends(random: Random, rows: Sequence[Sequence[str]]) -> str:
    """Cells of a spreadsheet, in which the items of a problem have lines of their own."""
    at = next(place for place, head in enumerate(rows[0]) if head in HEADS["problem"])
    if at == len(rows[0]) - 1:
        return tabs(random, rows)
    return "\n".join("\t".join([*row[:at], row[at].replace("；", "；\n"), *row[at + 1 :]]) for row in rows)


def bars(_random: Random, rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(" | ".join(cell or " " for cell in row) for row in rows)


def markdown(_random: Random, rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def _wrapped(cell: str, room: int) -> list[str]:
    lines = [""]
    for character in cell:
        if width(lines[-1] + character) > room:
            lines.append("")
        lines[-1] += character
    return lines


def _boxed(rows: Sequence[Sequence[str]], rooms: Sequence[int], *, ruled: bool) -> str:
    rule = "├" + "┼".join("─" * (room // 2) for room in rooms) + "┤"
    lines = [rule.replace("├", "┌").replace("┼", "┬").replace("┤", "┐")]
    for place, row in enumerate(rows):
        cells = [_wrapped(cell, room) for cell, room in zip(row, rooms, strict=True)]
        for line in range(max(map(len, cells))):
            here = [cell[line] if line < len(cell) else "" for cell in cells]
            padded = (text + " " * (room - width(text)) for text, room in zip(here, rooms, strict=True))
            lines.append("│" + "│".join(padded) + "│")
        if ruled or place == 0:
            lines.append(rule)
    lines.append(rule.replace("├", "└").replace("┼", "┴").replace("┤", "┘"))
    return "\n".join(lines)


def box(_random: Random, rows: Sequence[Sequence[str]]) -> str:
    rooms = [max(width(row[place]) for row in rows) + 1 for place in range(len(rows[0]))]
    return _boxed(rows, [room + room % 2 for room in rooms], ruled=False)


def narrow_box(random: Random, rows: Sequence[Sequence[str]]) -> str:
    """Cells that go on in the next line, with a line drawn between the rows."""
    rooms = [min(max(width(row[place]) for row in rows), random.choice([8, 12, 16])) for place in range(len(rows[0]))]
    return _boxed(rows, [room + room % 2 for room in rooms], ruled=True)


def aligned(random: Random, rows: Sequence[Sequence[str]]) -> str:
    """Columns that blanks keep straight."""
    rooms = [max(width(row[place]) for row in rows) + 2 for place in range(len(rows[0]))]
    blank = random.choice([" ", "\u3000"])
    lines = []
    for row in rows:
        line = ""
        for cell, room in zip(row, rooms, strict=True):
            gap = room + room % 2 + 2 - width(cell)
            line += cell + (blank * (gap // 2) + " " * (gap % 2) if blank == "\u3000" else " " * gap)
        lines.append(line.rstrip())
    return "\n".join(lines)


def aligned_and_wrapped(_random: Random, rows: Sequence[Sequence[str]]) -> str:
    rooms = [min(max(width(row[place]) for row in rows), 20) for place in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [_wrapped(cell, room) for cell, room in zip(row, rooms, strict=True)]
        for place in range(max(map(len, cells))):
            here = [cell[place] if place < len(cell) else "" for cell in cells]
            padded = (text + " " * (room + 2 - width(text)) for text, room in zip(here, rooms, strict=True))
            lines.append("".join(padded).rstrip())
    return "\n".join(lines)


def wide_blanks(_random: Random, rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("\u3000".join(row) for row in rows)


def lost_blanks(_random: Random, rows: Sequence[Sequence[str]]) -> str:
    """One gap between cells, and an empty cell leaves no trace."""
    return "\n".join("  ".join(cell for cell in row if cell) for row in rows)


def single_blanks(_random: Random, rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(" ".join(cell or "—" for cell in row) for row in rows)


def slashes(_random: Random, rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("/".join(cell.replace("/", "无") for cell in row) for row in rows)


def stacked(_random: Random, rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(cell or "—" for row in rows for cell in row)


def aired(random: Random, rows: Sequence[Sequence[str]]) -> str:
    return random.choice([tabs, bars, aligned])(random, rows).replace("\n", "\n\n")


Layout = Callable[[Random, Sequence[Sequence[str]]], str]
TABLES: list[Layout] = [
    *(tabs, tabs_with_ends, bars, markdown, box, narrow_box, aligned, aligned_and_wrapped, wide_blanks),
    *(lost_blanks, single_blanks, slashes, stacked, aired),
]


def _keys(random: Random, fact: Fact) -> list[tuple[str, str]]:
    return [
        (random.choice(["单位名称", "被检查单位", "场所名称", "名称"]), fact.venue),
        (random.choice(["地址", "详细地址", "经营地址"]), fact.where),
        (random.choice(["存在问题", "主要问题", "发现问题", "检查情况"]), problems_of(random, fact) or "无"),
        (random.choice(["处理情况", "整改情况", "处理意见"]), fact.measure or "无"),
    ]


def _spread(key: str) -> str:
    return f"{key[0]}\u3000{key[1:]}" if len(key) == 2 else key


def key_lines(random: Random, facts: Sequence[Fact]) -> str:
    keys = [key for key, _value in _keys(random, facts[0])]
    gap = random.choice(["\n", "\n\n"])
    number = random.random() < 0.4
    records = []
    for place, fact in enumerate(facts, 1):
        lines = [f"{_spread(key)}：{value}" for key, (_key, value) in zip(keys, _keys(random, fact), strict=True)]
        records.append("\n".join([f"{place}.{lines[0]}" if number else lines[0], *lines[1:]]))
    return gap.join(records)


def bracket_keys(random: Random, facts: Sequence[Fact]) -> str:
    keys = [key for key, _value in _keys(random, facts[0])]
    glue = random.choice(["\n", " ", ""])
    return "\n".join(
        glue.join(f"【{key}】{value}" for key, (_key, value) in zip(keys, _keys(random, fact), strict=True))
        for fact in facts
    )


def values_below(random: Random, facts: Sequence[Fact]) -> str:
    keys = [key for key, _value in _keys(random, facts[0])]
    return "\n\n".join(
        "\n".join(f"{key}：\n{value}" for key, (_key, value) in zip(keys, _keys(random, fact), strict=True))
        for fact in facts
    )


def items_below(random: Random, facts: Sequence[Fact]) -> str:
    """Problems numbered in lines of their own."""
    records = []
    for fact in facts:
        items = [f"{number}.{problem}；" for number, problem in enumerate(fact.problems, 1)] or ["无"]
        told = ["存在问题：", *items] if fact.problems else ["存在问题：无"]
        records.append(
            "\n".join([f"单位名称：{fact.venue}", f"地址：{fact.where}", *told, f"处理情况：{fact.measure or '无'}"])
        )
    return "\n\n".join(records)


def named_above(random: Random, facts: Sequence[Fact]) -> str:
    """The name in a line of its own, numbered or not, its address behind it or below."""
    style = random.choice(["{}.", "（{}）", "", "▲"])
    below = random.random() < 0.5
    key, done = random.choice(["存在问题", "问题", "主要问题"]), random.choice(["处理情况", "整改情况", "处理结果"])
    records = []
    for number, fact in enumerate(facts, 1):
        head = style.format(number) + fact.venue + ("" if below else f"（{fact.where}）")
        address = [f"地址：{fact.where}"] if below else []
        told = problems_of(random, fact) or "无"
        records.append("\n".join([head, *address, f"{key}：{told}", f"{done}：{fact.measure or '无'}"]))
    return random.choice(["\n", "\n\n"]).join(records)


def in_one_line(random: Random, facts: Sequence[Fact]) -> str:
    keys = [key for key, _value in _keys(random, facts[0])]
    stop = random.choice(["。", "；", "，"])
    lines = []
    for number, fact in enumerate(facts, 1):
        pairs = [f"{key}：{value}" for key, (_key, value) in zip(keys, _keys(random, fact), strict=True)]
        lines.append(f"{number}.{stop.join(pairs)}。")
    return "\n".join(lines)


def form(random: Random, facts: Sequence[Fact]) -> str:
    """A record drawn as a table of two columns."""
    keys = [key for key, _value in _keys(random, facts[0])]
    glue = random.choice(["\t", " | "])
    return "\n\n".join(
        "\n".join(f"{key}{glue}{value}" for key, (_key, value) in zip(keys, _keys(random, fact), strict=True))
        for fact in facts
    )


RecordLayout = Callable[[Random, Sequence[Fact]], str]
RECORDS: list[RecordLayout] = [key_lines, bracket_keys, values_below, items_below, named_above, in_one_line, form]
