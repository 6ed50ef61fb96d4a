"""Findings: a named venue or place, what is wrong with it, and what was done about it.

An article is read paragraph by paragraph: what heads it, what it is silent about, what it sums up. Orders, wishes,
rules and work that was done hold the same words and are no findings; nor is what names no venue and no place.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .address import read_address
from .course import Course, Group, State, same
from .drafts import FINDING, Draft, Line, Unit
from .gazetteer import Gazetteer
from .headings import CASE, LONGEST_NAMED, Headings
from .heads import Entries
from .marks import BUT, MARKER
from .outline import LONGEST_LEAD, Sections, is_crossed, tells_nothing, told_words
from .problems import ACTED_ON, TIME
from .rules import Rules
from .sentences import Sentences
from .sites import Found
from .source import HEADING, ROW, Block, Source
from .subjects import OF_NAME, Subject

_SENTENCE = re.compile(r"[^。！？\n]+[。！？]?[”」）]*")
_ITEM = re.compile(r"(?:（[^（）]*）|[^；])+")
_ANSWER = re.compile(
    "【?[^，。：【】]{0,10}(?:调查|核查|核实|办理|查处|处理|处置|答复|回复|回应|反馈)[^，。：【】（）]{0,4}(?:（[^（）]*）)?[：】]"
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
_MEETING_SAYS = re.compile("[^，。]{0,6}会议(?:指出|要求|强调|认为)")
_SENT_TO = re.compile("[^：，。]{1,6}：([^：，。；]{2,12})$")
_LEADING = re.compile("仍有|存在|以下|下列|如下|具体[是为]|分别[是为]")
_QUOTED_FIRST = re.compile("(?:^|[，；。：])“[^“”]{2,8}”(?![，。；、])")
_HOUSE_HERE = re.compile(r"\d号|\d[栋幢座]")
_OFFICE = re.compile("(?:办理|处理|处置|答复|回复|回音|整改)(?:情况|结果|意见)?：")
_INSPECTED = re.compile("对(?P<what>[^，。；]{4,60}?)(?:进行|开展|实施)了?[^，。；]{0,10}(?:检查|核查|督查|抽查|执法)")
_CASE_FIRST = re.compile("[^。；，：]{6,50}案。(?=.)")
_IN_CORNERS = re.compile("【([^【】]{4,40})】")
_SUMS_UP = re.compile("[^，。；：]{0,12}?(?:已|均|并)?(?:对|针对|就|将)?(?:上述|以上|前述)")
"""How a paragraph begins that speaks of all that was told before it."""
OF_GUESS = 0.8
MUCH_WORK = 2


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
    # Below the name of an office stands what it writes about: 关于做好某工作的通知.
    about = [source.of(block) for block in blocks[:2] if re.match("关于[^。；]{4,45}$", source.of(block))]
    if rules.silent.search(" ".join((title, *about))) or (
        len(rules.working.findall(words)) > MUCH_WORK and not rules.reporting.search(words)
    ):
        return
    course = Course(source, title, blocks, gazetteer, rules)
    reader = _Reader(course, taken)
    for before, block, after in zip([None, *blocks], blocks, [*blocks[1:], None], strict=False):
        if block.kind not in (HEADING, ROW):
            reader.read(block)
        elif block.kind == ROW and not any(one and one.kind == ROW for one in (before, after)):
            reader.read_lone_row(block)
    for cell, town in told:
        reader.read_cell(cell, town)
    seen = set()
    for group in course.groups:
        # A name without a kind that lies nowhere is a piece of a sentence more often than a venue.
        group.subjects = [one for one in group.subjects if course.names.lies_or_stands(one)]
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


class _Reader:
    def __init__(self, course: Course, taken: Sequence[tuple[int, int]]) -> None:
        self.course, self.taken, self.in_cell = course, taken, False
        self.source, self.rules, self.gazetteer = course.source, course.rules, course.gazetteer
        self.names, self.problems, self.cue = course.names, course.problems, course.problems.cue
        self.sections = Sections(course.rules)
        self.headings = Headings(course)
        self.sentences = Sentences(course, Entries(course))
        self.reported = 0
        """How many groups there were before what is answered."""

    def read_cell(self, cell: Block, town: Unit | None) -> None:
        self.course.state = State(unit=town)
        self.course.exposing = self.in_cell = True
        self.course.scene = []
        self.read(cell)
        self.course.state, self.in_cell = State(), False

    def read_lone_row(self, row: Block) -> None:
        """某豆腐坊 | 某镇某社区: a row among paragraphs is the heading of what follows."""
        (start, stop), *others = row.cells
        name = self.source.text[start:stop]
        for begin, end in others:
            address = read_address(self.source.text[begin:end], self.gazetteer, self.course.around())
            if address.unit and not self.cue.search(name) and len(name) <= LONGEST_NAMED:
                subject = self.names.at(name.strip(), address, start, stop, self.course.around())
                self.course.stand_under([subject] if subject else [])
                return

    def read(self, block: Block) -> None:
        printed = self.source.of(block)
        text = told_words(printed)
        self.sections.come_to(text)
        if (sent := _SENT_TO.match(text)) and self.headings.place_line(block.start + sent.start(1), sent[1]):
            return
        self.course.exposing = self.course.exposing or is_crossed(printed)
        if MARKER.match(text) or text.startswith("【"):
            self.course.scene = []
        if tells_nothing(text, self.rules) or self.sections.quiet or self.headings.place_line(block.start, text):
            return
        inner = _IN_CORNERS.fullmatch(text)
        if inner and self.headings.names_alone(block.start + 1, inner[1], listed=True):
            return
        if self.headings.names_alone(block.start, text) or self.headings.names_case(block.start, text):
            return
        if self.rules.ordering.match(MARKER.sub("", text)):
            self.course.head_with([])
        if _SUMS_UP.match(text):
            self.course.head_with([])
            self._sum_up(text)
            return
        before = self.course.before = len(self.course.groups)
        answered = self.course.groups[self.reported :] if _ANSWER.match(text) else []
        self.course.topic, self.course.told, self.course.loose = self.course.one_subject(answered), [], []
        self.names.quoting = len(_QUOTED_FIRST.findall(text)) > 1
        leads_on = self._leads_on(text)
        self.course.exposing = (
            self.course.exposing
            or leads_on
            or bool(self.rules.exposing.search(text) and (len(text) <= LONGEST_LEAD or re.search("如下|[：]", text)))
        )
        self.course.listing = self.in_cell or bool(MARKER.match(text))
        self.course.reports = self.course.exposing or self.course.strict or self.course.inspecting
        heading = self.course.state.heading
        firm = (
            self.course.state.firm
            and len(heading) == 1
            and bool(heading[0].venue or _HOUSE_HERE.search(heading[0].place))
        )
        self.course.entry, self.course.strong = (heading[0], True) if firm else (None, False)
        if case := _CASE_FIRST.match(text):
            self.course.entry, self.course.strong = (
                self.headings.of_case(case[0], block.start) or self.course.entry,
                True,
            )
        spoken = self.course.around()
        found_out: int | None = None
        for sentence in _SENTENCE.finditer(text):
            first = len(self.course.groups)
            around = spoken
            bare = MARKER.sub("", sentence[0])
            if (
                (sentence.start() == 0 and _CASE_FIRST.match(text))
                or _MEETING_SAYS.match(bare)
                or self.rules.ordering.match(bare)
                or self._is_total(bare)
            ):
                continue
            if found_out is None and _REPORTED.search(text[: sentence.start()]) and _FOUND_OUT.match(bare):
                found_out = len(self.course.groups)
            self.course.seen = self.course.arrived = False
            self.course.since, self.course.nearly = len(self.course.groups), None
            self.course.acted = bool(ACTED_ON.search(sentence[0]))
            self.course.carried, self.course.label = [], []
            silent = _OFFICE.match(sentence[0]) and not (self.course.topic and _VERIFIED.search(sentence[0]))
            for item in () if silent else _ITEM.finditer(sentence[0]):
                if self.problems.acclaims(item[0]) or self.rules.ordering.match(MARKER.sub("", item[0])):
                    self.course.scene = self.course.told = []
                    continue
                at = block.start + sentence.start() + item.start()
                if not any(start < at + len(item[0]) and end > at for start, end in self.taken):
                    around = self.sentences.read(at, item[0], around)
            if sentence.start() == 0 and len(self.course.groups) == before and self._is_name(sentence[0]):
                # 二、某工地（某镇某村）。裸土没有盖网: a paragraph that is headed by a name speaks of it.
                self.course.topic = self.course.topic or self.course.carried
            spoken = replace(spoken, town=around.town, near=around.near, unit=around.unit or spoken.unit)
            if measure := self.problems.measure(sentence[0]):
                # A sentence that only says what was done speaks of what the paragraph found so far.
                since = first if len(self.course.groups) > first else before
                for group in self.course.groups[since:]:
                    group.measure = group.measure or measure
        self._name_what_was_reported(answered, self.course.groups[before:])
        if found_out is not None and before < found_out < len(self.course.groups):
            # 反映某路烧烤扰民。经查，某店没有…: what was found out stands for what was reported.
            del self.course.groups[before:found_out]
        self._join_parts(before)
        if _SETTLED.search(printed):
            del self.course.groups[before:]
        elif _UNTRUE.search(text):
            del self.course.groups[self.reported if _ANSWER.match(text) else before :]
        elif not _ANSWER.match(text):
            self.reported = before
        if CASE.match(text) and (cases := self.course.one_subject(self.course.groups[before:])):
            self.course.head_with(cases)
        if text.rstrip().endswith("：") and self.course.loose:
            self.course.pending = self.course.loose
        elif len(self.course.groups) > before or len(text) > 50:
            self.course.pending = []
        if len(self.course.groups) == before and not any(
            start < block.end and end > block.start for start, end in self.taken
        ):
            self.headings.venue_line(block.start, text)
            inspected = _INSPECTED.search(text)
            at = block.start + inspected.start("what") if inspected else 0
            if text.endswith("：") and inspected and (one := self._venue_of(inspected["what"], at)):
                # 对你公司服务的某小区进行了检查，…： what follows in lines of its own is about it.
                self.course.head_with([one])
            elif text.endswith("：") and self._leads_with(self.course.carried):
                # 对某社区某项目进行了督查，发现该项目： what follows in lines of its own is about it.
                self.course.head_with(self.course.carried)

    def _venue_of(self, words: str, start: int) -> Subject | None:
        subjects = self.names.subjects(words, start, self.course.around())
        if not subjects[0:1] or not subjects[0].venue or not self._leads_with(subjects):
            return None
        return subjects[0] if self.names.stands(subjects[0], owned=True) else None

    def _leads_with(self, carried: Sequence[Subject]) -> bool:
        """Whether what a paragraph spoke of last is one place with a name, which heads what follows."""
        return len(carried) == 1 and carried[0].address.named and not self.rules.common.match(carried[0].venue or "-")

    def _is_total(self, sentence: str) -> bool:
        """Whether a sentence only sums up; what a colon leads to is told one by one."""
        total = self.rules.totals.match(sentence)
        return total is not None and "：" not in sentence[total.end() :].rstrip("：")

    def _sum_up(self, text: str) -> None:
        """What was done about all that was told so far, and about single venues that are named again."""
        for clause in re.split("[，；。]", text):
            if measure := self.problems.measure(clause):
                named = [
                    group
                    for group in self.course.groups
                    if any(one.venue and one.venue in clause for one in group.subjects)
                ]
                for group in named or [group for group in self.course.groups if not group.measure]:
                    group.measure = measure

    def _leads_on(self, text: str) -> bool:
        """Whether a paragraph ends with words after which what is wrong is listed: 但也有个别场所松懈，具体是："""
        last = BUT.split(text.rpartition("。")[2])[-1]
        told = self.cue.search(text) or (self.course.inspecting and _LEADING.search(last))
        return bool(text.endswith(("：", "如下。")) and told) and not (
            self.rules.wish.search(last) or self.problems.praises(last)
        )

    def _join_parts(self, before: int) -> None:
        """What a village's entry tells of several of its parts that have no names is one finding about the village."""
        groups = self.course.groups[before:]
        if len(groups) < 2 or len(self.course.topic) != 1 or self.course.topic[0].venue:
            return
        head = self.course.topic[0]
        if all(len(one.subjects) == 1 and (one.subjects[0].common or one.subjects == [head]) for one in groups):
            problems = [
                one.subjects[0].venue + problem if place == 0 else problem
                for one in groups
                for place, problem in enumerate(one.problems)
            ]
            self.course.groups[before:] = [
                replace(groups[0], subjects=[head], problems=problems, end=max(one.end for one in groups))
            ]

    def _name_what_was_reported(self, reported: Sequence[Group], answered: Sequence[Group]) -> None:
        """An answer names the venue that a report told the place of: both are one finding."""
        place, venue = self.course.one_subject(reported), self.course.one_subject(answered)
        if len(place) != 1 or len(venue) != 1 or not (venue[0].venue or venue[0].address.named):
            return
        if venue[0].address.named and not same(place, venue):
            for group in reported:
                answered[0].problems[:0] = group.problems
                self.course.groups.remove(group)
            return
        for group in answered:
            reported[-1].problems.extend(group.problems)
            self.course.groups.remove(group)
        for group in reported:
            group.subjects = [replace(place[0], venue=place[0].venue or venue[0].venue)]

    def _is_name(self, sentence: str) -> bool:
        """Whether a sentence is nothing but the one venue or place that it left behind."""
        clauses = self.problems.clauses(TIME.sub("", sentence.rstrip("。")).lstrip("，"))
        return len(clauses) == 1 and len(self.course.carried) == 1 and self.course.carried[0].confidence > OF_NAME - 0.1
