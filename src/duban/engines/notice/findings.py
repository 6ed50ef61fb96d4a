"""Findings: a named venue or place, what is wrong with it, and what was done about it.

A clause with a problem in it is looked at from three sides: what stands before the problem (宋庄镇某店未测温), what the
sentence named earlier (某店，…；检查时发现，…), and what comes after it (未测温的有：某店; 对未测温的某店予以停业整顿).
Orders, wishes, rules and work that was done hold the same words and are no findings; nor is what names no venue and
no place.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from .address import HAN, Address, Around, read_address
from .drafts import FINDING, UNSURE, Draft, Line, Unit
from .gazetteer import Gazetteer
from .heads import Heads
from .outline import IN_BRACKETS, LONGEST_LEAD, Sections, is_crossed, tells_nothing, told_words
from .problems import ACTED_ON, LONGEST_CLAUSE, LONGEST_PROBLEM, PROBLEM_TIDY, TIME, Problems
from .rules import Rules
from .sites import Found
from .source import HEADING, ROW, Block, Source
from .subjects import OF_NAME, TIDY, Names, Subject

_SENTENCE = re.compile(r"[^。！？\n]+[。！？]?[”」）]*")
_ITEM = re.compile(r"(?:（[^（）]*）|[^；])+")
_IN_PARENTHESES = re.compile(r"(?P<who>[^（）、，；：。]{2,30})（(?P<what>[^（）]{2,60})）(?=[、，；。]|$)")
_MARKER = re.compile(
    rf"^(?:（图\d{{1,2}}）|图\d{{1,2}}[：、 ]|【[^【】]{{0,6}}(?:情况|结果|意见|答复|回复|处理|办理|核实|回应)】|(?:事件|工单|案件|问题|线索|案卷)?(?:编号|序号|单号)[：]?[A-Za-z0-9-]+|\d{{1,2}}\ufe0f?\u20e3|[Nn][Oo]\.?\d{{1,3}}|[#№]\d{{1,6}}|[^{HAN}A-Za-z0-9“（【]+|[一二三四五六七八九十]{{1,3}}[、是][：，]?|第[一二三四五六七八九十]{{1,2}}[，、]|"
    r"(?:[上下]午)?\d{1,2}(?:：\d\d(?:分)?|[时点](?:\d{1,2}分)?)(?:许)?[，]?|周[一二三四五六日](?:：|$)|第[一二三四五六七八九十\\d]{1,3}[名位]：?|(?:诉求|案例|问题|点位|事例|线索|工单|典型|点评)[一二三四五六七八九十\d]{1,3}(?:[：、.．]|$)|[（(]?\d{1,3}[)）.．、](?!\d)|[（(][一二三四五六七八九十]{1,3}[)）]|[①-⑳●•■◆])+"
)
_TRAIL = re.compile(
    r"(?:进行)?(?:了)?(?:现场|突击|暗访|日常|随机|实地|重点)?(?:检查|巡查|督查|抽查|暗访|走访|查看|巡检|核查)?(?:过程)?(?:时|中|后|期间)?"
    r"(?:现场)?(?:发现|看到|见到|查见|查出|查获|抓获|指出)(?:该\S{1,4})?(?:有人)?(?:非法|违法|违规)?$|(?:的)?(?:检查|巡查|督查|抽查|暗访|走访)(?:过程)?(?:时|中|后)$"
    r"|正(?:在|常)?(?:营业|经营|施工|开放)(?:中)?$|(?:进行|开展)(?:了)?(?:现场|突击|监督|日常|飞行|随机|专项|抽样){0,2}(?:检查|抽检|检测|巡查|督查)$|(?:同样|也|还|仍|均)?存在(?:着)?(?:以下|如下|类似|一些|诸多|多项|同样)?(?:突出)?(?:问题|情况|现象)$|(?<=[号店馆厂场元区司])(?:介绍)?[说道]$"
)
_NAMED_SO = re.compile("(?:名为|名叫|店名为|名字叫|(?<=家)叫)“")
_THAT_HERE = re.compile(
    r"^(?:(?:检查)?发现|看到|但|而|且|并|同时|另外|此外|还)?(?:该|此|这[家个处]|上述|涉事)[^，。；未无不没有]{0,6}?(?:内|里|的|店|馆|室|场|市)"
)
_CHECKED = re.compile(
    "(?:开展|进行|组织)[^，。；]{0,10}(?:检查|巡查|督查|抽查|清查|整治|行动|走访|暗访|督导|执法)|走进|先后"
)
_THAT = re.compile(r"^(?:该|此|这[家个处]|上述|涉事|店|馆)(?:[^，。；]{0,16})$")
_LIST_AFTER = re.compile(
    r"^[^，。；、]{0,8}?(?:问题|现象|情况)?的(?P<kind>[^，。；、]{0,8}?)(?:有|包括|分别[是为]|[是为]|：)[：]?(?P<list>.+)$"
)
_OBJECT_AFTER = re.compile(
    r"^[^，。；、]{0,14}?(?:等)?(?:问题|现象|情况|行为)?的(?P<list>.+?)(?=予以|给予|进行|责令|处以|立案|下达|被|作出|依法|实施|采取|已|$)"
)
_PLACE_LINE = re.compile(r"^(?P<place>[^，。；：（）]{2,16})(?:（[^）]*）)?：?$")
_ANSWER = re.compile(
    "【?[^，。：【】]{0,10}(?:调查|核查|核实|办理|查处|处理|处置|答复|回复|回应|反馈)[^，。：【】]{0,4}[：】]"
)
_REPORTED = re.compile("反映|投诉|举报|来电|来信|诉求|留言")
_VERIFIED = re.compile("属实|经查|核实|核查|现场|检查|查看|调查")
_FOUND_OUT = re.compile(
    "经[^，。；]{0,16}(?:调查|核查|核实|检查|查看|查|了解|走访)(?:后)?[，：]|[^，。；]{0,16}(?:现场)?(?:核查|核实|调查)(?:后)?(?:发现)?[，：]"
)
_SETTLED = re.compile("回访[^。]{0,24}满意|(?:现在|如今)[^，。；]{0,6}(?:安静|干净|通畅|亮|平整|整洁|好(?:多|用)?)了")
_UNTRUE = re.compile(
    "不属实|查无此|情况不实|(?<!基本)反映不实|未(?:发现|见)(?:到|所|群众|来电|来信|投诉|您|人|的)*反映|(?:到场|现场|实地)[^，。；]{0,4}未(?:见|发现)(?!.{0,6}(?:登|消|记|证|备|标))"
)
_INSIDE = re.compile(
    "[屋店院室棚厂楼场房馆园站库车间]{0,2}子?[里内](?!涝)|现场|后厨|门口|墙[上角]|地[上面]|桌上|货架|柜台|灶台|案板|旁边"
)
_LEADS_ON = re.compile("[下列以如]{2}[^，]{0,12}(?:问题|行为|隐患|情况|情形)$")
_EXISTS = re.compile("(?:仍|还|均|主要)?(?:存在|有)[^，。]*$")
_MEETING_SAYS = re.compile("[^，。]{0,6}会议(?:指出|要求|强调|认为)")
_SENT_TO = re.compile("[^：，。]{1,6}：([^：，。；]{2,12})$")
_SOME = re.compile("(?:但|不过|然而)(?:也|仍|还)*(?:有)?(?:个别|部分|少数|少部分|有些|有的|一些)")
_SAYS = re.compile("(?:说|表示|介绍|坦言|解释|回应|承诺)$")
_LEADING = re.compile("仍有|存在|以下|下列|如下|具体[是为]|分别[是为]")
_QUOTED_FIRST = re.compile("(?:^|[，；。：])“[^“”]{2,8}”(?![，。；、])")
_HOUSE_HERE = re.compile(r"\d号|\d[栋幢座]")
_HOUSE = re.compile(r"\d号?[楼院栋幢]$")
_OFFICE = re.compile("(?:办理|处理|处置|答复|回复|回音|整改)(?:情况|结果|意见)?：")
_BUT = re.compile("但|不过|然而|却|只是|可是|可(?=[^以能])|美中不足")
_ADDRESSED = re.compile("(?P<name>[^，。；：（）]{2,24}?) ?（(?P<where>[^（）]{3,60})）")
_SCORED = re.compile(
    "[ ，：]*(?:得分|评分|扣分|分数|总分|综合得分)?[ ：]*[-+]?[\\d.]+分?[ ，]*$|[ ，：]*(?:得分|评分|总分)$"
)
_WITH_ADDRESS = re.compile("(?P<name>[^，。；：（）]{2,24}?)[ ，]*(?:地址|住址|地点|位置)：(?P<where>[^，。；：]{4,50})")
_COUNTED = re.compile("[—-]+(?:存在)?(?:问题|隐患|扣分)[^，。；]{0,8}$")
_PARTS = re.compile("[，；、：/ ]")
_CASE = re.compile("(?P<mark>(?:典型)?(?:案例|案件|事例)[一二三四五六七八九十\\d]{1,2}[：、. ]?)[^。；]{4,50}$")
_INSPECTED = re.compile("对(?P<what>[^，。；]{4,60}?)(?:进行|开展|实施)了?[^，。；]{0,10}(?:检查|核查|督查|抽查|执法)")
_OF_CASE = re.compile(
    "(?<=公司)|(?=未|违|擅自|非法|无证|无照|不按|不履行|拒|私自|(?:生产|销售|经营|使用|储存)(?!部|[^，。]{0,8}公司))"
)
_KEY = re.compile(f"[{HAN}]{{2,8}}：")
_CASE_FIRST = re.compile("[^。；，：]{6,50}案。(?=.)")
_OWNER = re.compile("（(?:户主|房东|业主|经营者|法人|负责人|法定代表人|店主|房主)[：]?[^（）]*）$")
_CASE_NAME = re.compile("“[^“”]*”案$")
_THERE_ARE = re.compile("存在(?P<what>[^，。；：]{2,30}?)(?:等)?(?:突出)?(?:问题|现象|情况|行为)的(?:有|包括|主要|分别)")
_IN_CORNERS = re.compile("【([^【】]{4,40})】")
_SUMS_UP = re.compile("[^，。；：]{0,12}?(?:已|均|并)?(?:对|针对|就|将)?(?:上述|以上|前述)")
"""How a paragraph begins that speaks of all that was told before it."""
_ORDINAL = re.compile(r"^\d{1,3}$")
OF_TITLE = 0.7
OF_GUESS = 0.8
OF_ONE_OF_MANY = 0.55
MUCH_WORK = 2
LONGEST_PART = 14
LONGEST_TOLD = 26
LONGEST_ASIDE = 4
LONGEST_HELD = 24
LONGEST_NAMED = 45


@dataclass(slots=True)
class Group:
    """Subjects that share their problems."""

    subjects: list[Subject]
    problems: list[str] = field(default_factory=list)
    end: int = 0
    measure: str = ""
    guessed: bool = False
    """Whether no word of the rules tells any of its problems."""


@dataclass(slots=True)
class _State:
    """What the article stands under, as its last short lines said."""

    unit: Unit | None = None
    """Of a line that is nothing but a town or village: for all that names no place of its own."""
    sure: float = 0.85
    printed: str = ""
    heading: list[Subject] = field(default_factory=list)
    """Of a line that names a venue or village alone: problems follow in lines of their own."""
    firm: bool = False
    """Whether all that follows is about `heading`, whatever else it names."""


def find_findings(
    source: Source,
    title: str,
    blocks: Sequence[Block],
    gazetteer: Gazetteer,
    rules: Rules,
    taken: Sequence[tuple[int, int]],
    told: Sequence[tuple[Block, Unit | None]] = (),
) -> Iterator[Found]:
    """`taken`: stretches that another reader has made drafts of. `told`: cells that tell a problem, with their town."""
    words = title + "".join(map(source.of, blocks))
    if rules.silent.search(title) or (
        len(rules.working.findall(words)) > MUCH_WORK and not rules.reporting.search(words)
    ):
        return
    reader = _Reader(source, title, blocks, gazetteer, rules, taken)
    for before, block, after in zip([None, *blocks], blocks, [*blocks[1:], None], strict=False):
        if block.kind not in (HEADING, ROW):
            reader.read(block)
        elif block.kind == ROW and not any(one and one.kind == ROW for one in (before, after)):
            reader.read_lone_row(block)
    for cell, town in told:
        reader.read_cell(cell, town)
    seen = set()
    for group in reader.groups:
        # A name without a kind that lies nowhere is a piece of a sentence more often than a venue.
        group.subjects = [one for one in group.subjects if reader.names.lies_or_stands(one)]
        for found in _drafts(source, group):
            key = (found.draft.venue, found.draft.place, found.draft.problems)
            if key not in seen:
                seen.add(key)
                yield found


def _drafts(source: Source, group: Group) -> Iterator[Found]:
    for subject in group.subjects:
        end = max(group.end, subject.end)
        unit = subject.address.unit
        yield Found(
            Draft(
                kind=FINDING,
                text="",
                span=source.span(min(subject.start, group.end), end),
                confidence=subject.confidence
                * (subject.address.confidence if unit else 0.75)
                * (OF_GUESS if group.guessed else 1),
                place=subject.place,
                jurisdiction=unit,
                venue=subject.venue,
                problems=tuple(dict.fromkeys(group.problems)),
                road=Line(subject.address.road, None) if subject.address.road else None,
                measure=group.measure,
            ),
            subject.start,
            end,
        )


def _same(some: Sequence[Subject], others: Sequence[Subject]) -> bool:
    return [(one.start, one.end) for one in some] == [(one.start, one.end) for one in others]


@dataclass(slots=True)
class _Item:
    """What stands up to a semicolon, as far as it is read."""

    offset: int
    text: str
    clauses: list[tuple[int, int]]
    around: Around
    """What the text speaks of."""
    carried: list[Subject]
    """What the item before in the same sentence was about."""
    clean: bool
    """Whether it says that nothing is wrong."""
    place: int = 0
    """Of the clause that comes next."""
    current: Group | None = None
    named: list[Subject] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    """Problems of which nothing tells yet where they are, up to `loose_end`."""
    loose_end: int = 0
    keyed: bool = False
    """Whether an address follows, as a key before it said."""
    seen: bool = False
    """Whether somebody looked: what follows was seen where the text has just been."""
    held: str = ""
    """What the clause before said of its subject, a problem if the next one tells one."""


@dataclass(frozen=True, slots=True)
class _Clause:
    """`before` and `after` are the marks around it, `held` what the clause before it said."""

    text: str
    start: int
    marker: bool
    before: str
    after: str
    held: str

    @property
    def first(self) -> bool:
        return not self.before


class _Reader:
    def __init__(
        self,
        source: Source,
        title: str,
        blocks: Sequence[Block],
        gazetteer: Gazetteer,
        rules: Rules,
        taken: Sequence[tuple[int, int]],
    ) -> None:
        self.source, self.gazetteer, self.rules, self.taken = source, gazetteer, rules, taken
        told = "\n".join(source.of(block) for block in blocks)
        said = blocks and rules.inspecting.search(title + source.text[blocks[0].start : blocks[-1].end])
        self.cue = rules.cue if said else rules.problem
        self.names, self.problems = Names(gazetteer, rules), Problems(rules, self.cue)
        self.exposing = bool(rules.exposing.search(title))
        """Whether what is listed here is listed for what is wrong with it."""
        self.inspecting = bool(said)
        self.strict = bool(said and rules.strict.search(told))
        self.reports = self.exposing or self.strict or self.inspecting
        self.listing = self.in_cell = self.seen = self.arrived = self.acted = False
        self.before = self.since = self.reported = 0
        """How many groups there were before this paragraph, before this sentence and before what is answered."""
        self.sections = Sections(rules)
        self.heads = Heads(self.names, rules, self.problems)
        self.entry: Subject | None = None
        self.strong = False
        """What the paragraph or item is headed by: all of it is about that."""
        self.label: list[str] = []
        """The problem before a colon that the items of a sentence share: 飞线充电：甲楼；乙楼."""
        self.nearly: tuple[list[Subject], str] | None = None
        """A clause of the sentence that almost tells a problem, and of what."""
        self.carried: list[Subject] = []
        """Of the item before in the same sentence."""
        self.loose: list[str] = []
        self.pending: list[str] = []
        """Problems before a colon at a paragraph's end: the venues follow in lines of their own."""
        self.groups: list[Group] = []
        headed, spoken = self.names.town_in(title), self.names.town_in(told)
        village = self.names.village_in(title)
        if village and (headed is None or village.code.startswith(headed.code)):
            headed = village
        # What names several towns says of none that all lies in it.
        self.state = _State(unit=headed or spoken, sure=OF_TITLE if spoken else OF_ONE_OF_MANY)
        self.topic: list[Subject] = []
        """Of a clause before a colon that names a venue or place, for the rest of its paragraph."""
        self.told: list[Subject] = []
        """Of the sentence before, where a story names the venue first and tells then what was seen."""
        self.scene: list[Subject] = []
        """Where a story's inspectors have come to, until they go on or another venue is spoken of."""

    def read_cell(self, cell: Block, town: Unit | None) -> None:
        self.state = _State(unit=town)
        self.exposing = self.in_cell = True
        self.scene = []
        self.read(cell)
        self.state, self.in_cell = _State(), False

    def read_lone_row(self, row: Block) -> None:
        """某豆腐坊 | 某镇某社区: a row among paragraphs is the heading of what follows."""
        (start, stop), *others = row.cells
        name = self.source.text[start:stop]
        for begin, end in others:
            address = read_address(self.source.text[begin:end], self.gazetteer, self._around())
            if address.unit and not self.cue.search(name) and len(name) <= LONGEST_NAMED:
                subject = self.names.at(name.strip(), address, start, stop, self._around())
                self._stand_under([subject] if subject else [])
                return

    def read(self, block: Block) -> None:
        printed = self.source.of(block)
        text = told_words(printed)
        self.sections.come_to(text)
        if (sent := _SENT_TO.match(text)) and self._place_line(block.start + sent.start(1), sent[1]):
            return
        self.exposing = self.exposing or is_crossed(printed)
        if _MARKER.match(text) or text.startswith("【"):
            self.scene = []
        if tells_nothing(text, self.rules) or self.sections.quiet or self._place_line(block.start, text):
            return
        inner = _IN_CORNERS.fullmatch(text)
        if inner and self._names_alone(block.start + 1, inner[1], listed=True):
            return
        if self._names_alone(block.start, text) or self._names_case(block.start, text):
            return
        if self.rules.ordering.match(_MARKER.sub("", text)):
            self._head_with([])
        if _SUMS_UP.match(text):
            self._head_with([])
            self._sum_up(text)
            return
        before = self.before = len(self.groups)
        answered = self.groups[self.reported :] if _ANSWER.match(text) else []
        self.topic, self.told, self.loose = self._one_subject(answered), [], []
        self.names.quoting = len(_QUOTED_FIRST.findall(text)) > 1
        leads_on = self._leads_on(text)
        self.exposing = (
            self.exposing
            or leads_on
            or bool(self.rules.exposing.search(text) and (len(text) <= LONGEST_LEAD or re.search("如下|[：]", text)))
        )
        self.listing = self.in_cell or bool(_MARKER.match(text))
        self.reports = self.exposing or self.strict or self.inspecting
        heading = self.state.heading
        firm = self.state.firm and len(heading) == 1 and bool(heading[0].venue or _HOUSE_HERE.search(heading[0].place))
        self.entry, self.strong = (heading[0], True) if firm else (None, False)
        if case := _CASE_FIRST.match(text):
            self.entry, self.strong = self._of_case(case[0], block.start) or self.entry, True
        spoken = self._around()
        found_out: int | None = None
        for sentence in _SENTENCE.finditer(text):
            first = len(self.groups)
            around = spoken
            bare = _MARKER.sub("", sentence[0])
            if (sentence.start() == 0 and _CASE_FIRST.match(text)) or _MEETING_SAYS.match(bare) or self.rules.ordering.match(bare) or self.rules.totals.match(bare):
                continue
            if found_out is None and _REPORTED.search(text[: sentence.start()]) and _FOUND_OUT.match(bare):
                found_out = len(self.groups)
            self.seen = self.arrived = False
            self.since, self.nearly = len(self.groups), None
            self.acted = bool(ACTED_ON.search(sentence[0]))
            self.carried, self.label = [], []
            silent = _OFFICE.match(sentence[0]) and not (self.topic and _VERIFIED.search(sentence[0]))
            for item in () if silent else _ITEM.finditer(sentence[0]):
                if self.problems.acclaims(item[0]) or self.rules.ordering.match(_MARKER.sub("", item[0])):
                    self.scene = self.told = []
                    continue
                at = block.start + sentence.start() + item.start()
                if not any(start < at + len(item[0]) and end > at for start, end in self.taken):
                    around = self._read_item(at, item[0], around)
            if sentence.start() == 0 and len(self.groups) == before and self._is_name(sentence[0]):
                # 二、某工地（某镇某村）。裸土没有盖网: a paragraph that is headed by a name speaks of it.
                self.topic = self.topic or self.carried
            spoken = replace(spoken, town=around.town, near=around.near, unit=around.unit or spoken.unit)
            if measure := self.problems.measure(sentence[0]):
                # A sentence that only says what was done speaks of what the paragraph found so far.
                since = first if len(self.groups) > first else before
                for group in self.groups[since:]:
                    group.measure = group.measure or measure
        self._name_what_was_reported(answered, self.groups[before:])
        if found_out is not None and before < found_out < len(self.groups):
            # 反映某路烧烤扰民。经查，某店没有…: what was found out stands for what was reported.
            del self.groups[before:found_out]
        self._join_parts(before)
        if _SETTLED.search(printed):
            del self.groups[before:]
        elif _UNTRUE.search(text):
            del self.groups[self.reported if _ANSWER.match(text) else before :]
        elif not _ANSWER.match(text):
            self.reported = before
        if _CASE.match(text) and (cases := self._one_subject(self.groups[before:])):
            self._head_with(cases)
        if text.rstrip().endswith("：") and self.loose:
            self.pending = self.loose
        elif len(self.groups) > before or len(text) > 50:
            self.pending = []
        if len(self.groups) == before and not any(start < block.end and end > block.start for start, end in self.taken):
            self._venue_line(block.start, text)
            inspected = _INSPECTED.search(text)
            at = block.start + inspected.start("what") if inspected else 0
            if text.endswith("：") and inspected and (one := self._venue_of(inspected["what"], at)):
                # 对你公司服务的某小区进行了检查，…： what follows in lines of its own is about it.
                self._head_with([one])
            elif text.endswith("：") and len(self.carried) == 1 and self.carried[0].address.named:
                # 对某社区某项目进行了督查，发现该项目： what follows in lines of its own is about it.
                self._head_with(self.carried)

    def _venue_of(self, words: str, start: int) -> Subject | None:
        subjects = self.names.subjects(words, start, self._around())
        if len(subjects) != 1 or subjects[0].common or not subjects[0].venue or not subjects[0].address.named:
            return None
        return subjects[0] if self.names.stands(subjects[0], owned=True) else None

    def _sum_up(self, text: str) -> None:
        """What was done about all that was told so far, and about single venues that are named again."""
        for clause in re.split("[，；。]", text):
            if measure := self.problems.measure(clause):
                named = [
                    group for group in self.groups if any(one.venue and one.venue in clause for one in group.subjects)
                ]
                for group in named or [group for group in self.groups if not group.measure]:
                    group.measure = measure

    def _leads_on(self, text: str) -> bool:
        """Whether a paragraph ends with words after which what is wrong is listed: 但也有个别场所松懈，具体是："""
        last = _BUT.split(text.rpartition("。")[2])[-1]
        told = self.cue.search(text) or (self.inspecting and _LEADING.search(last))
        return bool(text.endswith(("：", "如下。")) and told) and not (
            self.rules.wish.search(last) or self.problems.praises(last)
        )

    def _join_parts(self, before: int) -> None:
        """What a village's entry tells of several of its parts that have no names is one finding about the village."""
        groups = self.groups[before:]
        if len(groups) < 2 or len(self.topic) != 1 or self.topic[0].venue:
            return
        head = self.topic[0]
        if all(len(one.subjects) == 1 and (one.subjects[0].common or one.subjects == [head]) for one in groups):
            problems = [
                one.subjects[0].venue + problem if place == 0 else problem
                for one in groups
                for place, problem in enumerate(one.problems)
            ]
            self.groups[before:] = [
                replace(groups[0], subjects=[head], problems=problems, end=max(one.end for one in groups))
            ]

    def _one_subject(self, groups: Sequence[Group]) -> list[Subject]:
        """What some groups are all about; nothing where they are about several."""
        return groups[0].subjects if groups and all(_same(one.subjects, groups[0].subjects) for one in groups) else []

    def _name_what_was_reported(self, reported: Sequence[Group], answered: Sequence[Group]) -> None:
        """An answer names the venue that a report told the place of: both are one finding."""
        place, venue = self._one_subject(reported), self._one_subject(answered)
        if len(place) != 1 or len(venue) != 1 or not (venue[0].venue or venue[0].address.named):
            return
        if venue[0].address.named and not _same(place, venue):
            for group in reported:
                answered[0].problems[:0] = group.problems
                self.groups.remove(group)
            return
        for group in answered:
            reported[-1].problems.extend(group.problems)
            self.groups.remove(group)
        for group in reported:
            group.subjects = [replace(place[0], venue=place[0].venue or venue[0].venue)]

    def _is_name(self, sentence: str) -> bool:
        """Whether a sentence is nothing but the one venue or place that it left behind."""
        clauses = self.problems.clauses(TIME.sub("", sentence.rstrip("。")).lstrip("，"))
        return len(clauses) == 1 and len(self.carried) == 1 and self.carried[0].confidence > OF_NAME - 0.1

    def _names_alone(self, offset: int, text: str, *, listed: bool = False) -> bool:
        """Whether a line is nothing but a venue or place with an address, in brackets or in a list: what follows is about it."""
        marker = _MARKER.match(text)
        start = marker.end() if marker else 0
        if self._addressed(offset + start, text[start:]):
            return True
        if not (marker or listed):
            return False
        if len(text) > LONGEST_NAMED or re.search("[，。；：]", IN_BRACKETS.sub("", text)) or self.cue.search(text):
            return False
        bare = _OWNER.sub("", text)
        subjects = self.names.subjects(bare[start:], offset + start, self._around())
        if len(subjects) != 1 or not self.names.stands(subjects[0], owned=True):
            return False
        self._stand_under(subjects)
        return True

    def _stand_under(self, subjects: list[Subject]) -> None:
        """What follows is about these; where they lie elsewhere than what the article stood under, that is over."""
        unit, above = subjects[0].address.unit if subjects else None, self.state.unit
        if unit and above and not unit.code.startswith(above.code):
            self.state = _State()
        self._head_with(subjects, firm=True)

    def _head_with(self, subjects: list[Subject], *, firm: bool = False) -> None:
        self.state.heading, self.state.firm = subjects, firm

    def _names_case(self, offset: int, text: str) -> bool:
        """案例一：某公司未对有限空间作业进行审批案: the heading of a case, told in what follows."""
        case = _CASE.match(text)
        if not case or not text.rstrip("。").endswith("案"):
            return False
        subject = self._of_case(text[case.end("mark") :], offset + case.end("mark"))
        self._stand_under([subject] if subject else [])
        return subject is not None

    def _of_case(self, words: str, start: int) -> Subject | None:
        """The venue that the name of a case begins with."""
        head = _OF_CASE.split(_CASE_NAME.sub("", words.rstrip("。")), maxsplit=1)[0].removesuffix("案")
        around = self._around()
        subjects = self.names.subjects(head, start, around, whole=False) or self.names.subjects(head, start, around)
        return subjects[0] if len(subjects) == 1 and subjects[0].venue else None

    def _addressed(self, offset: int, text: str) -> bool:
        """裕龙三区（光明街道，某物业公司）: a name with its address in brackets, and a score at most behind it."""
        bare = _COUNTED.sub("", _SCORED.sub("", text)).rstrip("：。， ")
        line = _ADDRESSED.fullmatch(bare) or _WITH_ADDRESS.fullmatch(bare)
        if not line or self.cue.search(line["name"]):
            return False
        for part in _PARTS.split(line["where"]):
            address = read_address(part, self.gazetteer, self._around())
            if address.unit or (address.town_printed and not address.rest):
                subject = self.names.at(line["name"], address, offset, offset + line.end("name"), self._around())
                self._stand_under([subject] if subject else [])
                return subject is not None
        return False

    def _around(self) -> Around:
        state = self.state
        return Around(town=self.gazetteer.town_of(state.unit), unit=state.unit, sure=state.sure, printed=state.printed)

    def _place_line(self, offset: int, text: str) -> bool:
        """A line that is a town or a village and nothing else: what follows lies there."""
        marker = _MARKER.match(text)
        start = marker.end() if marker else 0
        found = _PLACE_LINE.match(text[start:])
        if not found:
            return False
        around = Around(town=self.gazetteer.town_of(self.state.unit))
        address = read_address(found["place"], self.gazetteer, around)
        if address.unit is None or address.rest or address.road or address.confidence < UNSURE:
            return False
        self.state = _State(unit=address.unit, printed=address.printed)
        if address.village:
            where = offset + start + found.start("place")
            end = where + len(found["place"])
            self._head_with([Subject(where, end, address, "", address.printed, 0.75)])
        return True

    def _venue_line(self, offset: int, text: str) -> None:
        """A line that names a venue and nothing else, as lists and our own column of exposures do."""
        if len(text) > 50 or re.search("[。；，]", text) or self.cue.search(text):
            return
        marker = _MARKER.match(text)
        start = marker.end() if marker else 0
        words = [(found[0], found.start()) for found in re.finditer(r"[^ ：]+", text[start:])]
        words = [(word, at) for word, at in words if not _ORDINAL.match(word)]
        towns = [word for word, _at in words if word in self.gazetteer.forms]
        if towns and len(words) > 1 and words[0][0] not in towns:
            name, at = words[0]
            units = self.gazetteer.forms[towns[-1]]
            unit = units[0] if len(units) == 1 else None
            address = Address(unit, 1.0 if unit else 0.3, printed=towns[-1], town_printed=True)
            where = offset + start + at
            self._head_with([Subject(where, where + len(name), address, name, towns[-1], 0.9)])
            return
        subjects = self.names.subjects(text[start:], offset + start, self._around())
        if subjects and self.pending:
            self._open(subjects, self.pending, subjects[-1].end)
            return
        if subjects or not (text.endswith("：") or _KEY.match(text)):
            # 巡查时看到： leads on from the heading above it.
            self._head_with(subjects if len(subjects) == 1 and subjects[0].venue else [])

    def _read_entry(self, offset: int, item: str, around: Around) -> Around | None:
        """Read an item that is headed by a venue, or that goes on about the one that headed the item before."""
        marker = _MARKER.match(item)
        begin = marker.end() if marker else 0
        if head := self.heads.of(item[begin:], offset + begin, around, listed=self.listing or self.exposing):
            self.entry, begin = head[0], begin + head[1]
            self.strong = item[begin - 1 : begin] == "：" or bool(marker)
            if self.label and not item[begin:].strip("。"):
                self.entry = None
                return None
        elif self.entry is None or self._names_another(item[begin:], offset + begin, around):
            self.entry = None
            return None
        text = item[begin:]
        if self.entry.address.unit is None and (unit := self.names.unit_in(text, around)):
            self.entry = replace(self.entry, address=replace(self.entry.address, unit=unit, confidence=0.75))
            self._head_with([self.entry] if self.state.heading else [], firm=self.state.firm)
        subject = [self.entry]
        clean = self.problems.is_over(item)
        group = next((one for one in self.groups[self.before :] if _same(one.subjects, subject)), None)
        held: list[str] = []
        for first, stop in self.problems.clauses(text):
            clause, after = text[first:stop], text[stop : stop + 1]
            if after == "：" and (self.rules.answers.search(clause) or len(clause) <= LONGEST_ASIDE + 2):
                continue
            told, behind = text[max(0, first - LONGEST_CLAUSE) : first], text[stop:][:LONGEST_CLAUSE]
            where = self.problems.stretch(clause, told, behind)
            if _SAYS.search(clause) or (where is None and self.problems.praises(clause)):
                clean = True
            elif _BUT.match(clause):
                clean = False
            if where:
                phrases = self.problems.phrases(_THAT_HERE.sub("", clause[: where[1]]))
            elif clean or len(clause) < 3 or self.problems.tells_against(clause, sure=group is not None or self.state.firm):
                continue
            else:
                phrases = [PROBLEM_TIDY.sub("", clause)]
                if not (group or self.exposing or self.problems.signs(clause)):
                    held.extend(phrases)
                    continue
            group = group or self._open(subject, [], 0)
            group.problems.extend([*held, *phrases])
            held = []
            group.end = max(group.end, offset + begin + stop)
        self.carried = subject
        self.told = [replace(self.entry, confidence=0.75)]
        return self.names.spoken(subject, around)

    def _names_another(self, item: str, start: int, around: Around) -> bool:
        """Whether an item begins with a venue or place of its own."""
        first = re.split("[，：；。]", item, maxsplit=1)[0]
        if first.startswith(("该", "其", "此")):
            return False
        whole = self.names.subjects(first, start, around)
        splits = self.names.headed(first, start, around, owned=True, inside=True)
        for found in (whole, *(split for split, _end in splits)):
            if found and not found[0].common and found[0].start - start <= LONGEST_ASIDE:
                # After a number or a colon only what has an address is another.
                return not self.strong or found[0].address.named or "“" in first
        return False

    def _read_item(self, offset: int, item: str, around: Around) -> Around:
        """Read the clauses; returns what the text speaks of now."""
        if enclosed := self._enclosed(offset, item, around):
            return enclosed
        if self.reports and (entered := self._read_entry(offset, item, around)):
            return entered
        # What has a number of its own stands for itself.
        carried = [] if _MARKER.match(item) else self.carried
        # 设施齐备，未发现安全问题 stands in a list of what is wrong and is nothing of it.
        it = _Item(offset, item, self.problems.clauses(item), around, carried, self.problems.is_over(item))
        while it.place < len(it.clauses):
            begin, stop = it.clauses[it.place]
            it.place += 1
            text, start, after = item[begin:stop], offset + begin, item[stop : stop + 1]
            if len(text) > LONGEST_CLAUSE:
                continue
            if marker := _MARKER.match(text):
                text, start = text[marker.end() :], start + marker.end()
            self.arrived = self.arrived or bool(self.rules.arrive.search(text))
            self.seen = self.seen or bool(self.rules.told.seen.search(item, 0, begin))
            if after == "：" and self.rules.answers.search(text):
                it.place += 1
                continue
            if after == "：" and self.rules.label.fullmatch(text):
                continue
            if it.clean and _SOME.match(text):
                # 某路整洁，但仍有个别商户…: said of nobody in particular.
                it.named, it.current, it.carried = [], None, []
                break
            before, held, it.held = item[max(0, begin - 1) : begin], it.held, ""
            if after == "：" and _LEADS_ON.search(text):
                it.named = self.names.subjects(_EXISTS.sub("", text), start, it.around) or it.named
                continue
            at = start - offset
            told, behind = item[max(0, at - LONGEST_CLAUSE) : at], item[at + len(text) :][:LONGEST_CLAUSE]
            clause = _Clause(text, start, bool(marker), before, after, held)
            if it.current is None and not marker:
                it.around = self.names.narrowed(it.around, it.named)
            if where := self.problems.stretch(text, told, behind):
                self._read_problem(it, clause, where)
            else:
                self._read_plain(it, clause)
        self.carried = it.current.subjects if it.current else it.named
        return it.around

    def _read_plain(self, it: _Item, clause: _Clause) -> None:
        """A clause without a word of a problem: it names what comes next, or tells a problem all the same."""
        if self.rules.address_key.match(clause.text):
            it.keyed = True
            return
        if bool(clause.text) and not self._bare(clause.text):
            # 经查，…; 检查时发现，…: what follows was seen where the text has just been.
            it.seen = True
            return
        place_of = it.keyed or bool(self.rules.address_here.match(clause.text))
        it.keyed = False
        if place_of and len(it.named) == 1 and it.named[0].venue and not it.named[0].address.town_printed:
            where = self.names.subjects(self.rules.address_here.sub("", clause.text), clause.start, it.around)
            if len(where) == 1 and where[0].address.unit:
                it.named = [replace(it.named[0], address=where[0].address, place=where[0].place)]
                self.told = [replace(one, confidence=0.75) for one in it.named]
                it.around = self.names.spoken(where, it.around)
                return
        owners = it.current.subjects if it.current else (it.named or self.topic or self.state.heading or it.carried)
        last = self.groups[-1] if len(self.groups) > self.before else None
        if last and not owners and self.rules.subject.match(clause.text):
            # 院内白糖摞到房檐: inside of what the paragraph has just told of.
            owners = last.subjects
        if not owners and not self.listing and not self.names.subjects(clause.text, clause.start, it.around):
            owners = [one for one in self._one_subject(self.groups[self.before :]) if one.place]
        owners = owners or (self.told if it.seen or _INSIDE.match(clause.text) else []) or self.scene
        open_group = it.current or (last if last and _same(last.subjects, owners) else None)
        if self.problems.praises(clause.text) or _SAYS.search(clause.text):
            it.clean = True
        elif _BUT.match(clause.text):
            it.clean = False
        if group := self._likely(clause, it.around, open_group, owners, clean=it.clean):
            if clause.held and _same(group.subjects, owners):
                group.problems.insert(-1, clause.held)
            it.current, it.named = group, group.subjects
            self.told = [replace(one, confidence=0.75) for one in it.named if one.venue] or self.told
            it.around = self.names.spoken(group.subjects, it.around)
            return
        if (
            owners
            and not it.clean
            and 3 < len(clause.text) <= LONGEST_HELD
            and not self.problems.tells_against(clause.text)
        ):
            it.held = PROBLEM_TIDY.sub("", clause.text)
        acted = ACTED_ON.search(clause.text) if it.loose else None
        before = clause.text[: acted.start()] if acted else clause.text
        subjects = self.names.subjects(
            _TRAIL.sub("", before), clause.start, it.around, whole=not (acted or _NAMED_SO.search(clause.text))
        )
        spoken_of = it.current.subjects if it.current else it.named
        if any(one.venue for one in spoken_of) and not self._is_another(subjects, clause.start):
            # 某公司，一辆车在某村路段超速: where it was seen, not what it is about.
            subjects = []
        heads = self.exposing and clause.first and clause.after == "："
        if (
            not subjects
            and (clause.marker or (heads and not self.problems.tells_against(clause.text)))
            and not self.names.town_alone(clause.text)
            and not self.names.is_elsewhere(clause.text)
            and (one := self.names.item_name(clause.text, clause.start, it.around))
        ):
            subjects = [one]
        if (
            not (subjects or clause.marker or owners or self.rules.told.against.search(clause.text))
            and (split := next(self.names.headed(clause.text, clause.start, it.around, owned=True, inside=False), None))
            and len(split[0]) == 1
        ):
            # 某摊销售的鲫鱼，检出…: named by the way, and spoken of next.
            subjects = [replace(one, confidence=one.confidence - 0.1) for one in split[0]]
            it.held = PROBLEM_TIDY.sub("", clause.text[split[1] :])
        elif subjects:
            it.held = ""
        if self.scene and subjects and all(self.rules.generic.match(one.venue) for one in subjects):
            # 这座市场建于…: still the one that they came to.
            return
        self._set_scene(clause.text, subjects, it.around)
        if subjects and self.label and len(it.clauses) == 1:
            it.current = self._open(subjects, self.label, subjects[-1].end)
            return
        if subjects and acted:
            self.told = [replace(one, confidence=0.75) for one in subjects if one.venue]
            it.current = self._open(subjects, it.loose, it.loose_end)
            it.loose = []
        elif len(subjects) > 1 and _CHECKED.search(clause.text):
            # Where the inspectors went, not yet what they found.
            it.around = self.names.spoken(subjects, it.around)
        elif subjects and not (self.rules.none.search(clause.text) or self.rules.good.search(clause.text)):
            it.named, it.current = subjects, None
            self.told = [replace(one, confidence=0.75) for one in subjects if one.venue]
            if clause.after in ("：", "—"):
                self.topic = subjects
                it.around = replace(
                    self.names.spoken(subjects, it.around),
                    unit=subjects[0].address.unit or it.around.unit,
                    sure=0.85,
                    printed=subjects[0].place,
                )
        elif self.names.is_elsewhere(clause.text):
            it.around = Around(foreign=True)
        elif town := self.names.town_alone(clause.text):
            it.around = replace(it.around, town=town, unit=town, sure=0.85, printed=clause.text.strip())
        elif unit := self.names.unit_in(clause.text, it.around):
            near = unit if len(unit.code) > 9 else None
            it.around = replace(it.around, town=self.gazetteer.town_of(unit), near=near)

    def _read_problem(self, it: _Item, clause: _Clause, where: tuple[int, int]) -> None:
        """A clause that tells a problem in the stretch `where`: what it is said of stands in or around it."""
        phrase_at, phrase_end = where
        phrases = self.problems.phrases(clause.text[phrase_at:phrase_end])
        end = clause.start + phrase_end
        head = clause.text[:phrase_at]
        if after := self._after(
            clause.text, phrase_end, clause.start, it.around, it.text, it.clauses[it.place :], it.offset
        ):
            subjects, used = after
            stop = self.problems.stop(clause.text)
            there_is = _THERE_ARE.match(clause.text)
            phrases = self.problems.phrases(
                clause.text[phrase_at:] if used else clause.text[phrase_at : max(stop, clause.text.find("的", stop))]
            )
            if there_is:
                phrases = [there_is["what"]]
            it.place += used
            it.current = self._open(subjects, phrases, max(end, max(one.end for one in subjects)))
            self.label = phrases if used else []
            it.around = self.names.spoken(subjects, it.around)
            return
        subjects = self.names.subjects(_TRAIL.sub("", head), clause.start, it.around)
        owners = it.current.subjects if it.current else (it.named or self.topic or self.state.heading or it.carried)
        owned = any(one.venue for one in owners)
        if self.names.is_part(subjects, owners or self.scene) or (
            owned and not self._is_another(subjects, clause.start)
        ):
            # 某旅馆未查验健康码，旅馆大厅消毒液已过期: a part of the same venue.
            subjects = []
        if (
            not subjects
            and head
            and (not (it.current or it.named) or self.rules.lead.search(head))
            and (cut := self.names.subjects(head, clause.start, it.around, whole=False))
            and not self.names.is_part(cut, owners or self.scene)
            and (not owned or self._is_another(cut, clause.start))
        ):
            subjects = cut
            phrases = self.problems.phrases(clause.text[cut[-1].end - clause.start : phrase_end])
        elif not subjects:
            splits = self.names.headed(clause.text[:phrase_at], clause.start, it.around, owned=True, inside=owned)
            split = next(splits, None)
            if split and not self.names.is_part(split[0], owners):
                subjects = split[0]
            elif len(head) <= (LONGEST_TOLD if owners or self.scene or self.told else LONGEST_PART):
                # What comes before the words of the problem is the part of the place that it is in.
                whole = _THAT_HERE.sub("", clause.text[:phrase_end])
                phrases = self.problems.phrases(whole if self.cue.search(whole) else clause.text[phrase_at:phrase_end])
        if not subjects and self.exposing and clause.before == "：" and owners and not owners[0].venue:
            # 某社区：阿芳水果捞占用人行道: a name that tells no kind, first after the place.
            subjects = self.names.bare_name(head, clause.start, owners[0])
        if subjects:
            part = clause.text[subjects[-1].end - clause.start : phrase_at]
            if 1 < len(part) <= LONGEST_PART and not (_TRAIL.search(part) or self.rules.lead.search(part)):
                # 某超市水产区地面积水: the venue's name ends before the part of it that is meant.
                phrases = self.problems.phrases(part + clause.text[phrase_at:phrase_end])
            it.current = self._open(subjects, phrases, end)
            it.named = subjects
        elif it.current is not None:
            it.current.guessed = False
            it.current.problems.extend(phrases)
            it.current.end = end
        elif it.named:
            it.current = self._open(it.named, [clause.held, *phrases] if clause.held else phrases, end)
        elif (heading := self.topic or self.state.heading) and (
            self.exposing or not (head and self.problems.tells_against(head))
        ):
            it.current = self._open(heading, phrases, end)
        elif (
            it.carried and not self.names.has_address(clause.text) and not (head and self.problems.tells_against(head))
        ):
            it.current = self._open(it.carried, phrases, end)
        elif self.scene and self._points_back(head):
            it.current = self._open(self.scene, phrases, end)
        elif self.told and (self._points_back(head) or (it.seen and len(head) <= LONGEST_PART)):
            it.current = self._open(self.told, phrases, end)
        elif self.scene and len(head) <= LONGEST_PART and not self._vague(head):
            it.current = self._open(self.scene, phrases, end)
        else:
            it.loose.extend(phrases)
            self.loose = it.loose
            it.loose_end = end
        if subjects or it.named:
            it.around = self.names.spoken(subjects or it.named, it.around)
        if subjects and not _same(subjects, self.scene):
            self.scene = []

    def _is_another(self, subjects: Sequence[Subject], start: int) -> bool:
        """Whether a clause names another venue than the one spoken of, and not in passing."""
        stand = all(self.names.stands(one, owned=True) and not one.common for one in subjects)
        return bool(subjects) and stand and subjects[0].start - start <= LONGEST_ASIDE

    def _names_venue(self, found: Sequence[Subject], owners: Sequence[Subject]) -> bool:
        """Whether a venue of a kind of its own is named where the text spoke of no more than a place."""
        return bool(
            owners and not owners[0].venue and all(one.venue and self.names.stands(one, owned=True) for one in found)
        )

    def _enclosed(self, offset: int, item: str, around: Around) -> Around | None:
        """甲店（货物出店）、乙店（门前油渍）: venues with what is wrong in parentheses behind them."""
        pairs = list(_IN_PARENTHESES.finditer(item))
        bare = _IN_PARENTHESES.sub("", item).rpartition("：")[2]
        if not pairs or self.cue.search(bare) or not any(
            self.cue.search(pair["what"]) or (not bare.strip("。") and self.problems.signs(pair["what"])) for pair in pairs
        ):
            return None
        listed = self.exposing or len(pairs) > 1
        for pair in pairs:
            told = self.cue.search(pair["what"]) or self.problems.signs(pair["what"])
            if self.rules.none.search(pair["what"]) or not (listed or told):
                continue
            who = pair["who"]
            marker = _MARKER.match(who)
            begin = marker.end() if marker else 0
            start = offset + pair.start("who") + begin
            subjects = self.names.subjects(who[begin:], start, around)
            if not subjects and listed and (one := self.names.item_name(who[begin:], start, around)):
                subjects = [one]
            if subjects:
                self._open(subjects, self.problems.phrases(pair["what"]), offset + pair.end())
                around = self.names.spoken(subjects, around)
        return around

    def _bare(self, text: str) -> str:
        """What a clause says besides that somebody looked."""
        bare = _TRAIL.sub("", text)
        lead = self.rules.lead.match(bare)
        return TIDY.sub("", bare[lead.end() :] if lead else bare)

    def _set_scene(self, text: str, subjects: Sequence[Subject], around: Around) -> None:
        good = self.rules.none.search(text) or self.rules.good.search(text)
        arrived = self.rules.arrive.search(text) or _NAMED_SO.search(text)
        if len(subjects) == 1 and (subjects[0].venue or _HOUSE.search(subjects[0].place)) and arrived and not good:
            self.scene = [replace(subjects[0], confidence=0.7)]
        elif not subjects and not good and (passed := self.names.passed(text, around)):
            self.scene = [passed]
        elif any(one.venue for one in subjects) or self.names.town_alone(text) or self.names.unit_in(text, around):
            self.scene = []

    def _open(self, subjects: list[Subject], problems: list[str], end: int, *, guessed: bool = False) -> Group:
        same = next((group for group in self.groups[-1:] if _same(group.subjects, subjects)), None)
        if same:
            same.problems.extend(problems)
            same.end = max(same.end, end)
            same.guessed = same.guessed and guessed
            return same
        group = Group(list(subjects), list(problems), end, guessed=guessed)
        self.groups.append(group)
        return group

    def _likely(
        self, clause: _Clause, around: Around, current: Group | None, owners: Sequence[Subject], *, clean: bool
    ) -> Group | None:
        """What is said of a venue or place where problems are told is one, whatever its words."""
        said, text, start = self.rules.told, clause.text, clause.start
        heads = clause.after == "："
        if clean or not 2 < len(text) <= LONGEST_PROBLEM:
            return None
        inside = any(one.venue for one in owners)
        whole = self.names.subjects(_TRAIL.sub("", text), start, around)
        if whole and all(
            self.names.stands(one, owned=inside)
            and (one.confidence > OF_NAME or heads or not self.problems.signs(text))
            for one in whole
        ):
            return None
        splits = self.names.headed(text, start, around, owned=bool(self.topic) or inside, inside=inside)
        split = next((one for one in splits if self._parts_off(text, start, one, owners)), None)
        if split is None and inside and self.names.has_address(text):
            return None
        subjects, begin = split or (list(owners), 0)
        if not subjects:
            return None
        rest = text[begin:]
        seen = self.seen
        if (found := [one.end() for one in said.seen.finditer(rest)]) and len(rest) - found[-1] > 2:
            rest, seen = rest[found[-1] :], True
        context = (
            said.exposed * self.exposing
            + said.listed * (self.listing or len(self.groups) > self.since)
            + said.inspecting * (self.inspecting + self.strict)
        )
        context += said.found * seen + said.group * (current is not None and not split) + said.owner
        context += said.labelled * (bool(self.topic) and not self.listing)
        context += said.arrived * (self.arrived and not _same(subjects, self.scene)) + said.acted * self.acted
        tidy = PROBLEM_TIDY.sub("", rest)
        if len(tidy) < 2 or self.problems.tells_against(rest, sure=current is not None and not split and self.strict):
            return None
        signs = self.problems.signs(rest)
        lacking = said.enough - context - signs
        if lacking <= 0:
            return self._open(subjects, [tidy], start + len(text), guessed=not self.exposing)
        if lacking == 1 and signs:
            # Two clauses of one place that each tell almost enough are enough.
            nearly, self.nearly = self.nearly, (subjects, tidy)
            if nearly and _same(nearly[0], subjects):
                return self._open(subjects, [nearly[1], tidy], start + len(text), guessed=True)
        return None

    def _parts_off(self, text: str, start: int, split: tuple[list[Subject], int], owners: Sequence[Subject]) -> bool:
        """Whether a clause is parted well into another venue than the text spoke of and what is said of it."""
        found, end = split
        if self.names.is_part(found, owners) or (owners and found[0].start - start > LONGEST_ASIDE):
            return False
        quoted = (self.names.quoting and text.startswith("“")) or (
            all(f"“{one.venue[:2]}" in text and self.names.tells_kind(one) for one in found)
        )
        placed = all(one.venue and one.address.village and self.names.stands(one, owned=True) for one in found)
        return quoted or placed or self.problems.signs(text[end:]) > 0 or self._names_venue(found, owners)

    def _points_back(self, head: str) -> bool:
        bare = TIDY.sub("", _TRAIL.sub("", head))
        for lead in self.rules.lead.finditer(bare):
            bare = bare[lead.end() :] if lead.end() <= len(bare) else bare
            break
        return not bare or bool(_THAT.match(bare) or _THAT.match(head))

    def _vague(self, head: str) -> bool:
        return bool(self.rules.never.search(head.replace("的", ""))) or len(head) > 12

    def _after(
        self,
        text: str,
        phrase_end: int,
        start: int,
        around: Around,
        item: str,
        following: Sequence[tuple[int, int]],
        offset: int,
    ) -> tuple[list[Subject], int] | None:
        """Subjects behind the problem, and how many clauses they take: 未测温的有：甲店; 对未测温的甲店予以停业整顿."""
        problem_end = self.problems.stop(text)
        for pattern in (_LIST_AFTER, _OBJECT_AFTER):
            if behind := pattern.match(text[problem_end:]):
                at = problem_end + behind.start("list")
                if subjects := self.names.subjects(behind["list"], start + at, around):
                    return subjects, 0
        if following:
            begin, stop = following[0]
            between = item[start + len(text) - offset : begin]
            if between == "：" and not self.names.subjects(text[: self.problems.start(text)], start, around):
                if self.cue.search(item[begin:stop]):
                    return None
                if subjects := self.names.subjects(item[begin:stop], offset + begin, around):
                    return subjects, 1
        return None
