"""Findings: a named venue or place, what is wrong with it, and what was done about it.

A clause with a problem in it is looked at from three sides: what stands before the problem (宋庄镇某店未测温), what the
sentence named earlier (某店，…；检查时发现，…), and what comes after it (未测温的有：某店; 对未测温的某店予以停业整顿).
Orders, wishes, rules and work that was done hold the same words and are no findings; nor is what names no venue and
no place.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from .address import BY_TOWN, HAN, Address, Around, read_address
from .drafts import FINDING, UNSURE, Draft, Line, Unit
from .gazetteer import Gazetteer
from .rules import Rules
from .sites import Found
from .source import HEADING, ROW, Block, Source

_SENTENCE = re.compile(r"[^。！？\n]+[。！？]?[”」）]*")
_ITEM = re.compile(r"[^；]+")
_CLAUSE = re.compile(r"[^，：—]+")
_IN_PARENTHESES = re.compile(r"(?P<who>[^（）、，；：。]{2,30})（(?P<what>[^（）]{2,60})）(?=[、，；。]|$)")
_MARKER = re.compile(
    rf"^(?:[^{HAN}A-Za-z0-9“（【]+|[一二三四五六七八九十]{{1,3}}[、是][：，]?|第[一二三四五六七八九十]{{1,2}}[，、]|"
    r"[（(]?\d{1,3}[)）.．、](?!\d)|[（(][一二三四五六七八九十]{1,3}[)）]|[①-⑳●•■◆])+"
)
_SEEN = re.compile(r"发现|查见|查出|查获|存在|反映|举报|投诉|[称：]|分别[是为]|曝光|通报|点名")
_TRAIL = re.compile(
    r"(?:进行)?(?:了)?(?:现场|突击|暗访|日常|随机|实地|重点)?(?:检查|巡查|督查|抽查|暗访|走访|查看|巡检|核查)?(?:过程)?(?:时|中|后|期间)?"
    r"(?:现场)?(?:发现|看到|见到|查见|查出)(?:该\S{1,4})?$|(?:的)?(?:检查|巡查|督查|抽查|暗访|走访)(?:过程)?(?:时|中|后)$"
    r"|正(?:在|常)?(?:营业|经营|施工|开放)(?:中)?$|(?:进行|开展)(?:了)?(?:现场|突击|监督|日常|飞行|随机|专项|抽样){0,2}(?:检查|抽检|检测|巡查|督查)$|(?:同样|也|还|仍|均)?存在(?:着)?(?:以下|如下|类似|一些|诸多|多项|同样)?(?:突出)?(?:问题|情况|现象)$"
)
_BETWEEN = re.compile(r"、|(?:以及|和|及|与)(?=[^，。]{2,})(?![^，。、]{1,12}(?:交叉|交汇|交界|交口|路口))")
_QUOTED = re.compile(r"^(?P<where>[^“”]{0,24})“(?P<name>[^“”]{1,16})”(?:的)?(?P<kind>[^“”]{0,10}?)[里内中]?$")
_CALLED = re.compile(r"(?:的)?(?:一[家处个])?(?:名为|名叫|叫做?|店名为|名字叫)?$")
_NAMED_SO = re.compile("(?:名为|名叫|店名为|名字叫)“")
_THAT_HERE = re.compile(
    r"^(?:(?:检查)?发现|看到|但|而|且|并|同时|另外|此外|还)?(?:该|此|这[家个处]|上述|涉事)[^，。；未无不没有]{0,6}?(?:内|里|的|店|馆|室|场|市)"
)
_IN_VILLAGE = re.compile("村(?:里|内|中|口|头|子|东|西|南|北|委会)")
_CHECKED = re.compile(
    "(?:开展|进行|组织)[^，。；]{0,10}(?:检查|巡查|督查|抽查|清查|整治|行动|走访|暗访|督导|执法)|走进|先后"
)
_THAT = re.compile(r"^(?:该|此|这[家个处]|上述|涉事|店|馆)(?:[^，。；]{0,8})$")
_OF_RULES = re.compile(
    r"[未不]?(?:能)?(?:严格)?按(?:照)?[^，。；]{0,6}?(?:要求|规定|规范)|[未不][^，。；]{0,14}(?:要求|规定)"
)
_MANY = re.compile(
    r"(?<=..)[一二两三四五六七八九十\d]+(?:家|个|处)[^，。；、]{0,8}$|等(?:\d+|[一二两三四五六七八九十]+)?(?:余|多)?(?:家|个|处|户)?[^，。；、]{0,8}$"
)
_PARENTHESES = re.compile(r"^(.+?)（([^（）]+)）(.*)$")
_TIDY = re.compile(
    r"^(?:的|旁边?|附近|内|里|中(?![百国石铁通央心医学建邮信粮储山兴华天海原式])|之|其|该|且|并|也|均|都|还|则|另|某|一家|一处|有|为|是|由|处|[“”‘’《》【】\s：，])+|(?:[“”‘’《》【】\s：，。！？]|内|里|的|也|均|都|仍|还|尚|存在|多处|一处|因|被|有|由于|使用|销售|出售|存放)+$"
)
_PROBLEM_TIDY = re.compile(
    r"^(?:[一二两三四五六七八九十\d]+(?:家|个|处)(?:单位|商户|门店|场所|企业|店铺)?(?:均|都)?|(?:[^，。；]{0,4}(?:组|人员|队|记者))?(?:检查)?发现(?:该)?|存在(?:着)?|[内里中]的|本报讯|因(?=违|未|不|擅|存)|但|却|而|仍?有(?=[^一二三四五六七八九\d人])|并(?:且)?有?|且|同时|以及|还有?|也|又|出现|和|及|的|[“”‘’\s、：，])+|(?:等)?(?:突出|违规|违法)?(?:的)?(?:问题|现象|情况|行为|情形)?[“”‘’\s、：，。！]*$"
)
_LIST_AFTER = re.compile(
    r"^[^，。；、]{0,8}?(?:问题|现象|情况)?的(?P<kind>[^，。；、]{0,8}?)(?:有|包括|分别[是为]|[是为]|：)[：]?(?P<list>.+)$"
)
_OBJECT_AFTER = re.compile(
    r"^[^，。；、]{0,14}?(?:等)?(?:问题|现象|情况|行为)?的(?P<list>.+?)(?=予以|给予|进行|责令|处以|立案|下达|被|作出|依法|实施|采取|已|$)"
)
_ACTED_ON = re.compile(r"(?:被|予以|给予|责令|处以|受到|停业|立案|已被|罚款|约谈|作出[^，。；]{0,6}处罚|行政处罚)")
_EARLIER = re.compile("回头看|前期|此前|先前|之前|上次|上期|上轮|上周|上月|以往|曾|复查")
_MENDED = re.compile("已[^，。；]{0,6}(?:整改|改正|落实|清理|消除|修复|恢复)|整改(?:到位|完毕|完成|合格)")
_PLACE_LINE = re.compile(r"^(?P<place>[^，。；：（）]{2,16})(?:（[^）]*）)?：?$")
_ORDINAL = re.compile(r"^\d{1,3}$")
OF_TITLE = 0.7
OF_ONE_OF_MANY = 0.55
OF_NAME = 0.8
LONGEST_PART = 14
LONGEST_NAME = 26
LONGEST_CLAUSE = 300
LONGEST_PROBLEM = 90


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about: a stretch of the readable text, the address read from it and the venue's name."""

    start: int
    end: int
    address: Address
    venue: str
    place: str
    confidence: float


@dataclass(slots=True)
class Group:
    """Subjects that share their problems."""

    subjects: list[Subject]
    problems: list[str] = field(default_factory=list)
    end: int = 0
    measure: str = ""


@dataclass(slots=True)
class _State:
    """What the article stands under, as its last short lines said."""

    unit: Unit | None = None
    """Of a line that is nothing but a town or village: for all that names no place of its own."""
    sure: float = 0.85
    printed: str = ""
    heading: list[Subject] = field(default_factory=list)
    """Of a line that names a venue or village alone: problems follow in lines of their own."""


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
    reader = _Reader(source, title, blocks, gazetteer, rules, taken)
    for block in blocks:
        if block.kind not in (HEADING, ROW):
            reader.read(block)
    for cell, town in told:
        reader.read_cell(cell, town)
    seen = set()
    for group in reader.groups:
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
                confidence=subject.confidence * (subject.address.confidence if unit else 0.75),
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
        said = blocks and rules.inspecting.search(title + source.text[blocks[0].start : blocks[-1].end])
        self.cue = rules.cue if said else rules.problem
        self.exposing = bool(rules.exposing.search(title))
        """Whether what is listed here is listed for what is wrong with it."""
        self.listing = self.in_cell = False
        self.loose: list[str] = []
        self.pending: list[str] = []
        """Problems before a colon at a paragraph's end: the venues follow in lines of their own."""
        self.groups: list[Group] = []
        told = "\n".join(source.of(block) for block in blocks)
        headed, spoken = self._town_of(title), self._town_of(told)
        # What names several towns says of none that all lies in it.
        self.state = _State(unit=headed or spoken, sure=OF_TITLE if spoken else OF_ONE_OF_MANY)
        self.topic: list[Subject] = []
        """Of a clause before a colon that names a venue or place, for the rest of its paragraph."""
        self.told: list[Subject] = []
        """Of the sentence before, where a story names the venue first and tells then what was seen."""
        self.known: dict[str, Address] = {}
        """Where the venues lie that the article has named with their addresses."""
        self.scene: list[Subject] = []
        """Where a story's inspectors have come to, until they go on or another venue is spoken of."""

    def _town_of(self, title: str) -> Unit | None:
        """The one town that a headline names: what it heads lies there, most likely."""
        pattern = self.gazetteer.town_pattern
        units = {
            unit for found in (pattern.finditer(title) if pattern else ()) for unit in self.gazetteer.forms[found[0]]
        }
        return units.pop() if len(units) == 1 else None

    def read_cell(self, cell: Block, town: Unit | None) -> None:
        self.state = _State(unit=town)
        self.exposing = self.in_cell = True
        self.scene = []
        self.read(cell)
        self.state, self.in_cell = _State(), False

    def read(self, block: Block) -> None:
        text = self.source.of(block)
        if self._place_line(block.start, text):
            return
        before = len(self.groups)
        self.topic, self.told, self.loose = [], [], []
        self.exposing = self.exposing or bool(self.rules.exposing.search(text))
        self.listing = self.exposing and (self.in_cell or bool(_MARKER.match(text)))
        spoken = self._around()
        for sentence in _SENTENCE.finditer(text):
            first = len(self.groups)
            around = spoken
            for item in _ITEM.finditer(sentence[0]):
                at = block.start + sentence.start() + item.start()
                if not any(start < at + len(item[0]) and end > at for start, end in self.taken):
                    around = self._read_item(at, item[0], around)
            spoken = replace(spoken, town=around.town, near=around.near, unit=around.unit or spoken.unit)
            if measure := self._measure(sentence[0]):
                # A sentence that only says what was done speaks of what the paragraph found so far.
                since = first if len(self.groups) > first else before
                for group in self.groups[since:]:
                    group.measure = group.measure or measure
        if text.rstrip().endswith("：") and self.loose:
            self.pending = self.loose
        elif len(self.groups) > before or len(text) > 50:
            self.pending = []
        if len(self.groups) == before and not any(start < block.end and end > block.start for start, end in self.taken):
            self._venue_line(block.start, text)

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
            self.state.heading = [Subject(where, end, address, "", address.printed, 0.75)]
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
            self.state.heading = [Subject(where, where + len(name), address, name, towns[-1], 0.9)]
            return
        subjects = self._subjects(text[start:], offset + start, self._around())
        if subjects and self.pending:
            self._open(subjects, self.pending, subjects[-1].end)
            return
        self.state.heading = subjects if len(subjects) == 1 and subjects[0].venue else []

    # -- one item: clauses up to a semicolon --------------------------------------------------------------------------

    def _read_item(self, offset: int, item: str, around: Around) -> Around:
        """Read the clauses; returns what the text speaks of now."""
        current: Group | None = None
        named: list[Subject] = []
        loose: list[str] = []
        loose_end = offset
        keyed = seen = False
        if enclosed := self._enclosed(offset, item, around):
            return enclosed
        # 设施齐备，未发现安全问题 stands in a list of what is wrong and is nothing of it.
        listing = self.listing and not self.rules.none.search(item)
        clauses = self._clauses(item)
        place = 0
        while place < len(clauses):
            clause = clauses[place]
            text, start = item[slice(*clause)], offset + clause[0]
            place += 1
            if len(text) > LONGEST_CLAUSE:
                continue
            if marker := _MARKER.match(text):
                text, start = text[marker.end() :], start + marker.end()
            at = start - offset
            told, behind = item[max(0, at - LONGEST_CLAUSE) : at], item[at + len(text) :][:LONGEST_CLAUSE]
            problem = self._problem(text, told, behind)
            if current is None and not marker:
                around = self._narrowed(around, named)
            if problem is None:
                if self.rules.address_key.match(text):
                    keyed = True
                    continue
                if bool(text) and not self._bare(text):
                    # 经查，…; 检查时发现，…: what follows was seen where the text has just been.
                    seen = True
                    continue
                place_of = keyed or bool(self.rules.address_here.match(text))
                keyed = False
                if place_of and len(named) == 1 and named[0].venue and not named[0].address.town_printed:
                    where = self._subjects(self.rules.address_here.sub("", text), start, around)
                    if len(where) == 1 and where[0].address.unit:
                        named = [replace(named[0], address=where[0].address, place=where[0].place)]
                        self.told = [replace(one, confidence=0.75) for one in named]
                        around = self._spoken(where, around)
                        continue
                if listing and (group := self._listed_problem(text, start, around, current, named)):
                    current = group
                    around = self._spoken(group.subjects, around)
                    continue
                acted = _ACTED_ON.search(text) if loose else None
                before = text[: acted.start()] if acted else text
                subjects = self._subjects(
                    _TRAIL.sub("", before), start, around, whole=not (acted or _NAMED_SO.search(text))
                )
                if (
                    not subjects
                    and marker
                    and not self._town_alone(text)
                    and not self._is_elsewhere(text)
                    and (one := self._item_name(text, start, around))
                ):
                    subjects = [one]
                if self.scene and subjects and all(self.rules.generic.match(one.venue) for one in subjects):
                    # 这座市场建于…: still the one that they came to.
                    continue
                self._set_scene(text, subjects, around)
                if subjects and acted:
                    self.told = [replace(one, confidence=0.75) for one in subjects if one.venue]
                    current = self._open(subjects, loose, loose_end)
                    loose = []
                elif len(subjects) > 1 and _CHECKED.search(text):
                    # Where the inspectors went, not yet what they found.
                    around = self._spoken(subjects, around)
                elif subjects and not (self.rules.none.search(text) or self.rules.good.search(text)):
                    named, current = subjects, None
                    self.told = [replace(one, confidence=0.75) for one in subjects if one.venue]
                    if item[clause[1] : clause[1] + 1] in ("：", "—"):
                        self.topic = subjects
                        around = replace(
                            self._spoken(subjects, around),
                            unit=subjects[0].address.unit or around.unit,
                            sure=0.85,
                            printed=subjects[0].place,
                        )
                elif self._is_elsewhere(text):
                    around = Around(foreign=True)
                elif town := self._town_alone(text):
                    around = replace(around, town=town, unit=town, sure=0.85, printed=text.strip())
                elif unit := self._unit_in(text, around):
                    near = unit if len(unit.code) > 9 else None
                    around = replace(around, town=self.gazetteer.town_of(unit), near=near)
                continue
            phrase_at, phrase_end = problem
            phrases = self._phrases(text[phrase_at:phrase_end])
            end = start + phrase_end
            head = text[:phrase_at]
            if after := self._after(text, phrase_end, start, around, item, clauses[place:], offset):
                subjects, used = after
                stop = self._problem_stop(text)
                phrases = self._phrases(text[phrase_at : max(stop, text.find("的", stop))])
                place += used
                current = self._open(subjects, phrases, max(end, max(one.end for one in subjects)))
                around = self._spoken(subjects, around)
                continue
            subjects = self._subjects(_TRAIL.sub("", head), start, around)
            if self._part_of(subjects, current.subjects if current else named):
                # 某旅馆未查验健康码，旅馆大厅消毒液已过期: a part of the same venue.
                subjects = []
            if (
                not subjects
                and head
                and (not (current or named) or self.rules.lead.search(head))
                and (cut := self._subjects(head, start, around, whole=False))
            ):
                subjects = cut
                phrases = self._phrases(text[cut[-1].end - start : phrase_end])
            elif not subjects and len(head) <= LONGEST_PART:
                # What comes before the words of the problem is the part of the place that it is in.
                whole = _THAT_HERE.sub("", text[:phrase_end])
                phrases = self._phrases(whole if self.cue.search(whole) else text[phrase_at:phrase_end])
            if subjects:
                part = text[subjects[-1].end - start : phrase_at]
                if 1 < len(part) <= LONGEST_PART and not (_TRAIL.search(part) or self.rules.lead.search(part)):
                    # 某超市水产区地面积水: the venue's name ends before the part of it that is meant.
                    phrases = self._phrases(part + text[phrase_at:phrase_end])
                current = self._open(subjects, phrases, end)
                named = subjects
            elif current is not None:
                current.problems.extend(phrases)
                current.end = end
            elif named:
                current = self._open(named, phrases, end)
            elif (heading := self.topic or self.state.heading) and not self._vague(head):
                current = self._open(heading, phrases, end)
            elif self.told and (self._points_back(head) or (seen and len(head) <= LONGEST_PART)):
                current = self._open(self.told, phrases, end)
            elif self.scene and len(head) <= LONGEST_PART and not self._vague(head):
                current = self._open(self.scene, phrases, end)
            else:
                loose.extend(phrases)
                self.loose = loose
                loose_end = end
            if subjects or named:
                around = self._spoken(subjects or named, around)
            if subjects and not _same(subjects, self.scene):
                self.scene = []
        return around

    def _enclosed(self, offset: int, item: str, around: Around) -> Around | None:
        """甲店（货物出店）、乙店（门前油渍）: venues with what is wrong in parentheses behind them."""
        pairs = list(_IN_PARENTHESES.finditer(item))
        bare = _IN_PARENTHESES.sub("", item)
        if not pairs or self.cue.search(bare) or not any(self.cue.search(pair["what"]) for pair in pairs):
            return None
        for pair in pairs:
            if self.rules.none.search(pair["what"]) or not (self.exposing or self.cue.search(pair["what"])):
                continue
            who = pair["who"]
            marker = _MARKER.match(who)
            begin = marker.end() if marker else 0
            start = offset + pair.start("who") + begin
            if subjects := self._subjects(who[begin:], start, around):
                self._open(subjects, self._phrases(pair["what"]), offset + pair.end())
                around = self._spoken(subjects, around)
        return around

    def _narrowed(self, around: Around, named: Sequence[Subject]) -> Around:
        """某社区，某路菜场后巷，…: after a place alone, what is named next lies in it."""
        if len(named) != 1 or named[0].venue or not named[0].address.unit or around.unit == named[0].address.unit:
            return around
        unit = named[0].address.unit
        return replace(around, unit=unit, sure=named[0].address.confidence * 0.9, printed=named[0].place)

    def _bare(self, text: str) -> str:
        """What a clause says besides that somebody looked."""
        bare = _TRAIL.sub("", text)
        lead = self.rules.lead.match(bare)
        return _TIDY.sub("", bare[lead.end() :] if lead else bare)

    def _set_scene(self, text: str, subjects: Sequence[Subject], around: Around) -> None:
        good = self.rules.none.search(text) or self.rules.good.search(text)
        arrived = self.rules.arrive.search(text) or _NAMED_SO.search(text)
        if len(subjects) == 1 and subjects[0].venue and arrived and not good:
            self.scene = [replace(subjects[0], confidence=0.7)]
        elif not subjects and not good and (passed := self._passed(text, around)):
            self.scene = [passed]
        elif any(one.venue for one in subjects) or self._town_alone(text) or self._unit_in(text, around):
            self.scene = []

    def _passed(self, text: str, around: Around) -> Subject | None:
        """A venue of which a story tells something that is no problem, before it goes in: 某酒店刚刚换了老板."""
        found = self._subjects(text, 0, around, whole=False)
        if len(found) != 1 or len(found[0].venue) < 4 or not self.rules.venue_end.search(found[0].venue):
            return None
        return None if self.rules.generic.match(found[0].venue) else replace(found[0], confidence=0.6)

    def _part_of(self, subjects: Sequence[Subject], owners: Sequence[Subject]) -> bool:
        """Whether the one subject is called after the kind of the venue spoken of (旅馆大厅 of 某旅馆)."""
        if len(subjects) != 1 or len(owners) != 1 or subjects[0].address.named:
            return False
        kind = self.rules.kind_first.match(subjects[0].venue)
        return kind is not None and owners[0].venue.endswith(kind[0])

    def _clauses(self, item: str) -> list[tuple[int, int]]:
        """Where the clauses of an item stand; a list of whole sentences is parted at its 、 too.

        甲超市员工不戴口罩、乙饭店未登记顾客信息 are two, 甲超市无测温、无消杀记录 is one.
        """
        found: list[tuple[int, int]] = []
        for clause in _CLAUSE.finditer(item):
            begin = clause.start()
            for gap in re.finditer("、", clause[0]) if len(clause[0]) <= LONGEST_CLAUSE else ():
                at = clause.start() + gap.start()
                if self.cue.search(item, begin, at) and self._begins_anew(item[at + 1 : clause.end()]):
                    found.append((begin, at))
                    begin = at + 1
            found.append((begin, clause.end()))
        return found

    def _begins_anew(self, text: str) -> bool:
        """Whether a part of a list has a venue of its own before its problem."""
        part = text.partition("、")[0]
        cue = self.cue.search(part)
        if not cue:
            return False
        subject = self.rules.subject.search(part, 0, cue.start() + 1)
        head = _TIDY.sub("", part[: min(cue.start(), subject.start()) if subject else cue.start()])
        ends = self.rules.venue_end.search(head)
        return bool(
            ends and ends.start() > 1 and not self.rules.generic.match(head) and not self.rules.never.search(head)
        )

    def _open(self, subjects: list[Subject], problems: list[str], end: int) -> Group:
        same = next((group for group in self.groups[-1:] if _same(group.subjects, subjects)), None)
        if same:
            same.problems.extend(problems)
            same.end = max(same.end, end)
            return same
        group = Group(list(subjects), list(problems), end)
        self.groups.append(group)
        return group

    def _spoken(self, subjects: Sequence[Subject], around: Around) -> Around:
        for subject in reversed(subjects):
            unit = subject.address.unit
            if town := self.gazetteer.town_of(unit):
                near = unit if unit and len(unit.code) > len(town.code) else None
                return replace(around, town=town, near=near or (around.near if around.town == town else None))
        return around

    def _listed_problem(
        self, text: str, start: int, around: Around, current: Group | None, named: list[Subject]
    ) -> Group | None:
        """In a list of what is wrong all that is said of a place is a problem, whatever its words."""
        rules = self.rules
        if rules.none.search(text) or rules.good.search(text) or rules.office.search(text):
            return None
        if any(pattern.search(text) for pattern in rules.measures):
            return None
        whole = self._subjects(_TRAIL.sub("", text), start, around)
        if whole and all(one.confidence > OF_NAME for one in whole):
            return None
        owners = current.subjects if current else (named or self.topic)
        if owners and 2 < len(text) <= LONGEST_PROBLEM:
            return self._open(owners, [_PROBLEM_TIDY.sub("", text)], start + len(text))
        ends = {found.end() for found in rules.venue_here.finditer(text)}
        ends |= {found.end() for found in rules.spot.finditer(text)}
        for end in sorted((end for end in ends if 2 < len(text) - end <= 40), reverse=True):
            subjects = self._subjects(text[:end], start, around)
            if subjects and all(one.address.unit or one.address.named for one in subjects):
                return self._open(subjects, [_PROBLEM_TIDY.sub("", text[end:])], start + len(text))
        return None

    def _points_back(self, head: str) -> bool:
        bare = _TIDY.sub("", _TRAIL.sub("", head))
        for lead in self.rules.lead.finditer(bare):
            bare = bare[lead.end() :] if lead.end() <= len(bare) else bare
            break
        return not bare or bool(_THAT.match(bare))

    def _item_name(self, text: str, start: int, around: Around) -> Subject | None:
        """What stands first in a numbered line is its subject, although nothing in it tells that it is a venue."""
        bare = text.strip(" “”")
        if not 3 <= len(bare) <= 14 or self.rules.never.search(bare) or self.rules.generic.match(bare):
            return None
        if self.rules.lead.search(bare) or self.rules.subject.search(bare) or bare.isdigit():
            return None
        address = Address(around.unit, around.sure) if around.unit else Address()
        return Subject(start, start + len(text), address, bare, "", 0.65)

    def _vague(self, head: str) -> bool:
        return bool(self.rules.never.search(head)) or len(head) > 12

    def _town_alone(self, text: str) -> Unit | None:
        units = self.gazetteer.forms.get(text.strip(), ())
        return units[0] if len(units) == 1 else None

    def _unit_in(self, text: str, around: Around) -> Unit | None:
        """The village or town that a clause comes to without telling a problem: 来到…土城村."""
        for begin in [*(lead.end() for lead in self.rules.lead.finditer(text)), 0]:
            address = read_address(text[begin:], self.gazetteer, around)
            if address.unit is not None and address.printed and address.confidence >= UNSURE:
                return address.unit
        return None

    def _is_elsewhere(self, text: str) -> bool:
        """A town before a colon that the list does not hold: what follows lies in none of ours."""
        address = read_address(text.strip(), self.gazetteer)
        return address.foreign and not address.rest.strip()

    def _problem(self, clause: str, before: str, after: str) -> tuple[int, int] | None:
        """Where in the clause its phrase of problems begins and ends; None where none was seen."""
        rules = self.rules
        found = self.cue.search(clause)
        if not found or rules.case.search(clause) or clause[max(0, found.start() - 1) : found.start()] == "“":
            return None
        if none := rules.none.search(clause):
            # 未发现问题, but also 未戴口罩，已整改: the first says that there is none.
            if none.start() <= found.start() or "已" not in none[0]:
                return None
            if _EARLIER.search(before + clause):
                return None
        if _MENDED.search(after) and _EARLIER.search(before + clause[: found.start()]):
            return None
        told = before + clause[: found.start()]
        if seen := [one.end() for one in _SEEN.finditer(told)]:
            told = told[seen[-1] :]
        if rules.wish.search(_OF_RULES.sub("", told)):
            return None
        if any(work.start() <= found.start() <= work.end() + 10 for work in rules.work.finditer(clause)):
            return None
        if rules.worked.search(clause[: found.start()]):
            return None
        first = found.start()
        leads = [lead.end() for lead in rules.lead.finditer(clause, 0, first)]
        if subject := rules.subject.search(clause, max(leads, default=0), found.start() + 1):
            first = min(first, subject.start())
        last = max(one.end() for one in self.cue.finditer(clause))
        end = len(clause)
        for pattern in rules.measures:
            if (measure := pattern.search(clause, last)) and measure.start() >= last:
                end = min(end, measure.start())
        if acted := _ACTED_ON.search(clause, last):
            end = min(end, acted.start())
        return (first, end) if end - first <= LONGEST_PROBLEM else (first, last)

    def _phrases(self, text: str) -> list[str]:
        """无测温、无消杀记录 -> both; 未落实测温、扫码措施 stays whole."""
        cut = re.search(r"的(?:单位|商户|门店|场所|商家|经营者|[^没]{0,6}(?<!没)(?:有|包括)|$)", text)
        text = text[: cut.start()] if cut else text
        parts = re.split("、", text)
        if len(parts) > 1 and all(self.cue.search(part) for part in parts):
            return [tidy for part in parts if (tidy := _PROBLEM_TIDY.sub("", part))]
        tidy = _PROBLEM_TIDY.sub("", text)
        return [tidy] if tidy else []

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
        problem_end = self._problem_stop(text)
        for pattern in (_LIST_AFTER, _OBJECT_AFTER):
            if behind := pattern.match(text[problem_end:]):
                at = problem_end + behind.start("list")
                if subjects := self._subjects(behind["list"], start + at, around):
                    return subjects, 0
        if following:
            begin, stop = following[0]
            between = item[start + len(text) - offset : begin]
            if between == "：" and not self._subjects(text[: self._problem_start(text)], start, around):
                if self.cue.search(item[begin:stop]):
                    return None
                if subjects := self._subjects(item[begin:stop], offset + begin, around):
                    return subjects, 1
        return None

    def _problem_stop(self, text: str) -> int:
        """Where the problems end that stand before the venues that they are said of: 通道被堵塞的某停车场."""
        first = self._problem_start(text)
        cut = text.find("的", first + 1)
        ends = [found.end() for found in self.cue.finditer(text if cut < 0 else text[:cut])]
        return max(ends, default=first)

    def _problem_start(self, text: str) -> int:
        found = self.cue.search(text)
        return found.start() if found else 0

    # -- subjects -----------------------------------------------------------------------------------------------------

    def _subjects(self, head: str, start: int, around: Around, *, whole: bool = True) -> list[Subject]:
        """The venues and places that a stretch names; the town of the first is that of the next.

        With `whole` false words may follow the last name: 鸿福小吃店冰箱内.
        """
        leads = [lead.end() for lead in self.rules.lead.finditer(head) if head[lead.end() :].strip(" 的内里，：“”")]
        readings = [self._listed(head[begin:], start + begin, around) for begin in [*leads[::-1], 0]]
        if any(readings):
            return max(readings, key=len)
        if whole:
            return []
        ends = {found.end() for found in self.rules.venue_here.finditer(head)}
        ends |= {found.end() for found in re.finditer("”[^，。“”、]{0,6}?(?=[店馆的]|$)|”", head)}
        ends |= {found.end() for found in self.rules.spot.finditer(head)}
        for end in sorted((end for end in ends if 0 < len(head) - end <= 14), reverse=True):
            for begin in [*(lead for lead in leads[::-1] if lead < end), 0]:
                found = self._listed(head[begin:end], start + begin, around)
                if found and all(one.venue or one.place for one in found):
                    return [replace(one, confidence=one.confidence - 0.1) for one in found]
        return []

    def _listed(self, head: str, start: int, around: Around) -> list[Subject]:
        head_end = len(head)
        if many := _MANY.search(head):
            head_end = many.start()
        subjects: list[Subject] = []
        at = 0
        gaps = [gap for gap in _BETWEEN.finditer(head, 0, head_end) if self._parts(head, gap)]
        for gap in [*gaps, None]:
            stop = gap.start() if gap else head_end
            part = head[at:stop]
            subject = self._subject(part, start + at, around, listed=bool(subjects))
            at = gap.end() if gap else stop
            if subject is None:
                if subjects or gap:
                    continue
                return []
            subject = self._known(subject)
            if not subject.place and around.printed and subject.venue != around.printed:
                subject = replace(subject, place=around.printed)
            elif self._lies_in(subject, around):
                subject = replace(subject, place=around.printed + subject.place)
            subjects.append(subject)
            around = self._spoken([subject], around)
        return subjects

    def _known(self, subject: Subject) -> Subject:
        """A venue that is named again without its address lies where it lay."""
        here = subject.address
        if len(subject.venue) < 4 or self.rules.generic.match(subject.venue):
            return subject
        if here.unit and (here.village or here.town_printed):
            self.known.setdefault(subject.venue, here)
        elif (before := self.known.get(subject.venue)) and not here.named:
            return replace(subject, address=before, place=before.printed)
        return subject

    def _lies_in(self, subject: Subject, around: Around) -> bool:
        """Whether a place without a unit of its own is told after the unit that it lies in: 某村：村东头…."""
        here = subject.address
        return bool(
            around.printed
            and around.unit
            and here.unit == around.unit
            and not (here.village or here.town_printed or here.foreign)
            and around.printed not in subject.place
        )

    def _parts(self, head: str, gap: re.Match[str]) -> bool:
        """Whether 和 stands between two names and not in one (仁和镇)."""
        return gap[0] == "、" or bool(self.rules.venue_end.search(head[: gap.start()]))

    def _subject(self, part: str, start: int, around: Around, *, listed: bool) -> Subject | None:
        if "“" in part:
            return self._quoted(part, start, around)
        inner = _TIDY.sub("", part)
        if lead := self.rules.lead.match(inner):
            inner = _TIDY.sub("", inner[lead.end() :])
        if not inner:
            return None
        start += part.find(inner)
        end = start + len(inner)
        if found := _PARENTHESES.match(inner):
            address = read_address(found[2], self.gazetteer, around)
            if address.named and not address.rest.strip("内处"):
                return self._named(found[1] + found[3], address, start, end, around, listed=listed)
        if "的" in inner:
            where, _of, name = inner.rpartition("的")
            address = read_address(_TIDY.sub("", where), self.gazetteer, around)
            if (venue := self._venue_before(address.rest)) and not self.rules.venue_end.search(name):
                # 某糕点店用于加工元宵的糯米粉: the venue stands before what is wrong in it.
                stop = start + inner.find(venue, address.rest_at) + len(venue)
                return Subject(start, stop, address, venue, address.printed, 0.8)
            if address.named and len(address.rest) < 16:
                return self._named(name, address, start, end, around, listed=listed)
            inner, start = name, end - len(name)
        address = read_address(inner, self.gazetteer, around)
        return self._named(address.rest, address, start, end, around, listed=listed)

    def _quoted(self, part: str, start: int, around: Around) -> Subject | None:
        """一家名为“川渝人家”的餐馆, 爱橙街“好再来”小超市: the quoted words are the name."""
        found = _QUOTED.match(part)
        if not found or self.rules.never.search(found["kind"]) or self.rules.subject.fullmatch(found["name"]):
            return None
        if not (found["kind"] or found["where"] or self.rules.venue_end.search(found["name"])):
            return None
        where = _TIDY.sub("", _CALLED.sub("", found["where"]))
        address = read_address(where, self.gazetteer, around)
        if address.unit is None and around.near is not None and _IN_VILLAGE.match(found["where"]):
            address = replace(address, unit=around.near, confidence=0.75)
        if (where and len(address.rest) > (6 if address.named else 10)) or self.rules.never.search(where):
            return None
        if address.unit is None and not address.foreign and (unit := around.unit or around.town):
            address = replace(address, unit=unit, confidence=around.sure if around.unit else BY_TOWN)
        begin = start + part.find(where) if where else start + found.start("name") - 1
        kind = re.sub("(?:仍|正|还)?在$", "", found["kind"])
        kind = kind if len(kind) <= 6 else ""
        return Subject(begin, start + found.end(), address, found["name"] + kind, address.printed, 0.85)

    def _named(
        self, rest: str, address: Address, start: int, end: int, around: Around, *, listed: bool
    ) -> Subject | None:
        rules = self.rules
        rest = _TIDY.sub("", rest)
        # A name begins with its own place often (疃里大街丛林美食): only what follows the address is the name.
        inner = read_address(rest, self.gazetteer, around) if rest else Address()
        if inner.named and not address.named:
            address, rest = inner, _TIDY.sub("", inner.rest)
        if address.unit is None and around.near is not None and _IN_VILLAGE.match(rest):
            address = replace(address, unit=around.near, confidence=0.75)
        if address.unit is None and not address.foreign:
            # What comes next in a list lies where the first does; so does what stands under a town's name.
            if around.unit is not None:
                address = replace(address, unit=around.unit, confidence=around.sure)
            elif around.town is not None:
                # A list goes on in its town; what a paragraph spoke of before is no more than likely.
                address = replace(address, unit=around.town, confidence=0.85 if listed else BY_TOWN)
        if len(rest) > LONGEST_NAME or rules.never.search(rest):
            return None
        finer = bool(address.village or address.road)
        if not rest:
            if not finer:
                return None
            return Subject(start, end, address, "", address.printed, 0.75)
        spot = list(rules.spot.finditer(rest))
        ends_in_spot = bool(spot) and spot[-1].end() == len(rest)
        venue_end = rules.venue_end.search(rest)
        if rules.civic.match(rest) and address.town_printed:
            return Subject(start, end, address, rest, address.printed, 0.8)
        if rules.generic.match(rest):
            return Subject(start, end, address, rest, address.printed, 0.7) if finer and venue_end else None
        if venue_end and venue_end.start() >= (2 if len(venue_end[0]) == 1 and not address.named else not address.road):
            return Subject(start, end, address, rest, address.printed, 0.9 if address.named or len(rest) > 3 else 0.75)
        if ends_in_spot:
            venue = self._venue_before(rest)
            if not (address.named or venue or ((around.unit or around.foreign) and len(rest) > 4)):
                return None
            return Subject(start, end, address, venue, address.printed + rest, 0.85)
        if len(rest) < 2 or len(rest) > 14:
            return None
        if spot and address.named and len(rest) - spot[-1].end() <= 8 and not venue_end:
            there = rest[: spot[-1].end()]
            return Subject(start, end - len(rest) + len(there), address, "", address.printed + there, 0.75)
        if venue := self._venue_before(rest):
            return Subject(start, end - len(rest) + len(venue), address, venue, address.printed, 0.75)
        if address.named and rules.matter.search(rest) and not venue_end:
            return Subject(start, end - len(rest), address, "", address.printed, 0.75)
        if listed and not address.named and rules.thing.search(rest):
            return None
        if address.named or listed:
            return Subject(start, end, address, rest, address.printed, OF_NAME if finer or listed else 0.7)
        return None

    def _venue_before(self, rest: str) -> str:
        """The venue in 丛林美食门前: up to the last type of venue in it."""
        ends = [found.end() for found in self.rules.venue_here.finditer(rest) if found.start() and len(found[0]) > 1]
        name = rest[: ends[-1]] if ends else ""
        return "" if self.rules.generic.match(name) or self.rules.never.search(name) else name

    def _measure(self, text: str) -> str:
        for pattern in self.rules.measures:
            if found := pattern.search(text):
                return found[0].strip("，、 ")
        return ""
