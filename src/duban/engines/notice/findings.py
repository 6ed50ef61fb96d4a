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
from .problems import ACTED_ON, LONGEST_CLAUSE, LONGEST_PROBLEM, PROBLEM_TIDY, Problems
from .rules import Rules
from .sites import Found
from .source import HEADING, ROW, Block, Source
from .subjects import OF_NAME, TIDY, Names, Subject

_SENTENCE = re.compile(r"[^。！？\n]+[。！？]?[”」）]*")
_ITEM = re.compile(r"[^；]+")
_IN_PARENTHESES = re.compile(r"(?P<who>[^（）、，；：。]{2,30})（(?P<what>[^（）]{2,60})）(?=[、，；。]|$)")
_MARKER = re.compile(
    rf"^(?:[^{HAN}A-Za-z0-9“（【]+|[一二三四五六七八九十]{{1,3}}[、是][：，]?|第[一二三四五六七八九十]{{1,2}}[，、]|"
    r"[（(]?\d{1,3}[)）.．、](?!\d)|[（(][一二三四五六七八九十]{1,3}[)）]|[①-⑳●•■◆])+"
)
_TRAIL = re.compile(
    r"(?:进行)?(?:了)?(?:现场|突击|暗访|日常|随机|实地|重点)?(?:检查|巡查|督查|抽查|暗访|走访|查看|巡检|核查)?(?:过程)?(?:时|中|后|期间)?"
    r"(?:现场)?(?:发现|看到|见到|查见|查出)(?:该\S{1,4})?$|(?:的)?(?:检查|巡查|督查|抽查|暗访|走访)(?:过程)?(?:时|中|后)$"
    r"|正(?:在|常)?(?:营业|经营|施工|开放)(?:中)?$|(?:进行|开展)(?:了)?(?:现场|突击|监督|日常|飞行|随机|专项|抽样){0,2}(?:检查|抽检|检测|巡查|督查)$|(?:同样|也|还|仍|均)?存在(?:着)?(?:以下|如下|类似|一些|诸多|多项|同样)?(?:突出)?(?:问题|情况|现象)$"
)
_NAMED_SO = re.compile("(?:名为|名叫|店名为|名字叫)“")
_THAT_HERE = re.compile(
    r"^(?:(?:检查)?发现|看到|但|而|且|并|同时|另外|此外|还)?(?:该|此|这[家个处]|上述|涉事)[^，。；未无不没有]{0,6}?(?:内|里|的|店|馆|室|场|市)"
)
_CHECKED = re.compile(
    "(?:开展|进行|组织)[^，。；]{0,10}(?:检查|巡查|督查|抽查|清查|整治|行动|走访|暗访|督导|执法)|走进|先后"
)
_THAT = re.compile(r"^(?:该|此|这[家个处]|上述|涉事|店|馆)(?:[^，。；]{0,8})$")
_LIST_AFTER = re.compile(
    r"^[^，。；、]{0,8}?(?:问题|现象|情况)?的(?P<kind>[^，。；、]{0,8}?)(?:有|包括|分别[是为]|[是为]|：)[：]?(?P<list>.+)$"
)
_OBJECT_AFTER = re.compile(
    r"^[^，。；、]{0,14}?(?:等)?(?:问题|现象|情况|行为)?的(?P<list>.+?)(?=予以|给予|进行|责令|处以|立案|下达|被|作出|依法|实施|采取|已|$)"
)
_PLACE_LINE = re.compile(r"^(?P<place>[^，。；：（）]{2,16})(?:（[^）]*）)?：?$")
_ORDINAL = re.compile(r"^\d{1,3}$")
OF_TITLE = 0.7
OF_ONE_OF_MANY = 0.55
LONGEST_PART = 14


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
        self.names, self.problems = Names(gazetteer, rules), Problems(rules, self.cue)
        self.exposing = bool(rules.exposing.search(title))
        """Whether what is listed here is listed for what is wrong with it."""
        self.listing = self.in_cell = False
        self.loose: list[str] = []
        self.pending: list[str] = []
        """Problems before a colon at a paragraph's end: the venues follow in lines of their own."""
        self.groups: list[Group] = []
        told = "\n".join(source.of(block) for block in blocks)
        headed, spoken = self.names.town_in(title), self.names.town_in(told)
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
            if measure := self.problems.measure(sentence[0]):
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
        subjects = self.names.subjects(text[start:], offset + start, self._around())
        if subjects and self.pending:
            self._open(subjects, self.pending, subjects[-1].end)
            return
        self.state.heading = subjects if len(subjects) == 1 and subjects[0].venue else []

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
        clauses = self.problems.clauses(item)
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
            problem = self.problems.stretch(text, told, behind)
            if current is None and not marker:
                around = self.names.narrowed(around, named)
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
                    where = self.names.subjects(self.rules.address_here.sub("", text), start, around)
                    if len(where) == 1 and where[0].address.unit:
                        named = [replace(named[0], address=where[0].address, place=where[0].place)]
                        self.told = [replace(one, confidence=0.75) for one in named]
                        around = self.names.spoken(where, around)
                        continue
                if listing and (group := self._listed_problem(text, start, around, current, named)):
                    current = group
                    around = self.names.spoken(group.subjects, around)
                    continue
                acted = ACTED_ON.search(text) if loose else None
                before = text[: acted.start()] if acted else text
                subjects = self.names.subjects(
                    _TRAIL.sub("", before), start, around, whole=not (acted or _NAMED_SO.search(text))
                )
                if (
                    not subjects
                    and marker
                    and not self.names.town_alone(text)
                    and not self.names.is_elsewhere(text)
                    and (one := self.names.item_name(text, start, around))
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
                    around = self.names.spoken(subjects, around)
                elif subjects and not (self.rules.none.search(text) or self.rules.good.search(text)):
                    named, current = subjects, None
                    self.told = [replace(one, confidence=0.75) for one in subjects if one.venue]
                    if item[clause[1] : clause[1] + 1] in ("：", "—"):
                        self.topic = subjects
                        around = replace(
                            self.names.spoken(subjects, around),
                            unit=subjects[0].address.unit or around.unit,
                            sure=0.85,
                            printed=subjects[0].place,
                        )
                elif self.names.is_elsewhere(text):
                    around = Around(foreign=True)
                elif town := self.names.town_alone(text):
                    around = replace(around, town=town, unit=town, sure=0.85, printed=text.strip())
                elif unit := self.names.unit_in(text, around):
                    near = unit if len(unit.code) > 9 else None
                    around = replace(around, town=self.gazetteer.town_of(unit), near=near)
                continue
            phrase_at, phrase_end = problem
            phrases = self.problems.phrases(text[phrase_at:phrase_end])
            end = start + phrase_end
            head = text[:phrase_at]
            if after := self._after(text, phrase_end, start, around, item, clauses[place:], offset):
                subjects, used = after
                stop = self.problems.stop(text)
                phrases = self.problems.phrases(text[phrase_at : max(stop, text.find("的", stop))])
                place += used
                current = self._open(subjects, phrases, max(end, max(one.end for one in subjects)))
                around = self.names.spoken(subjects, around)
                continue
            subjects = self.names.subjects(_TRAIL.sub("", head), start, around)
            if self.names.is_part(subjects, current.subjects if current else named):
                # 某旅馆未查验健康码，旅馆大厅消毒液已过期: a part of the same venue.
                subjects = []
            if (
                not subjects
                and head
                and (not (current or named) or self.rules.lead.search(head))
                and (cut := self.names.subjects(head, start, around, whole=False))
            ):
                subjects = cut
                phrases = self.problems.phrases(text[cut[-1].end - start : phrase_end])
            elif not subjects and len(head) <= LONGEST_PART:
                # What comes before the words of the problem is the part of the place that it is in.
                whole = _THAT_HERE.sub("", text[:phrase_end])
                phrases = self.problems.phrases(whole if self.cue.search(whole) else text[phrase_at:phrase_end])
            if subjects:
                part = text[subjects[-1].end - start : phrase_at]
                if 1 < len(part) <= LONGEST_PART and not (_TRAIL.search(part) or self.rules.lead.search(part)):
                    # 某超市水产区地面积水: the venue's name ends before the part of it that is meant.
                    phrases = self.problems.phrases(part + text[phrase_at:phrase_end])
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
                around = self.names.spoken(subjects or named, around)
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
            if subjects := self.names.subjects(who[begin:], start, around):
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
        if len(subjects) == 1 and subjects[0].venue and arrived and not good:
            self.scene = [replace(subjects[0], confidence=0.7)]
        elif not subjects and not good and (passed := self.names.passed(text, around)):
            self.scene = [passed]
        elif any(one.venue for one in subjects) or self.names.town_alone(text) or self.names.unit_in(text, around):
            self.scene = []

    def _open(self, subjects: list[Subject], problems: list[str], end: int) -> Group:
        same = next((group for group in self.groups[-1:] if _same(group.subjects, subjects)), None)
        if same:
            same.problems.extend(problems)
            same.end = max(same.end, end)
            return same
        group = Group(list(subjects), list(problems), end)
        self.groups.append(group)
        return group

    def _listed_problem(
        self, text: str, start: int, around: Around, current: Group | None, named: list[Subject]
    ) -> Group | None:
        """In a list of what is wrong all that is said of a place is a problem, whatever its words."""
        rules = self.rules
        if rules.none.search(text) or rules.good.search(text) or rules.office.search(text):
            return None
        if any(pattern.search(text) for pattern in rules.measures):
            return None
        whole = self.names.subjects(_TRAIL.sub("", text), start, around)
        if whole and all(one.confidence > OF_NAME for one in whole):
            return None
        owners = current.subjects if current else (named or self.topic)
        if owners and 2 < len(text) <= LONGEST_PROBLEM:
            return self._open(owners, [PROBLEM_TIDY.sub("", text)], start + len(text))
        ends = {found.end() for found in rules.venue_here.finditer(text)}
        ends |= {found.end() for found in rules.spot.finditer(text)}
        for end in sorted((end for end in ends if 2 < len(text) - end <= 40), reverse=True):
            subjects = self.names.subjects(text[:end], start, around)
            if subjects and all(one.address.unit or one.address.named for one in subjects):
                return self._open(subjects, [PROBLEM_TIDY.sub("", text[end:])], start + len(text))
        return None

    def _points_back(self, head: str) -> bool:
        bare = TIDY.sub("", _TRAIL.sub("", head))
        for lead in self.rules.lead.finditer(bare):
            bare = bare[lead.end() :] if lead.end() <= len(bare) else bare
            break
        return not bare or bool(_THAT.match(bare))

    def _vague(self, head: str) -> bool:
        return bool(self.rules.never.search(head)) or len(head) > 12

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
