"""Clause by clause: which venue or place is spoken of, and what is told of it.

A clause with a problem in it is looked at from three sides: what stands before the problem (宋庄镇某店未测温), what the
sentence named earlier (某店，…；检查时发现，…), and what comes after it (未测温的有：某店; 对未测温的某店予以停业整顿).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from .address import Around
from .course import Course, Group, same
from .heads import LONGEST_ASIDE, Entries
from .marks import BUT, MARKER, SAYS, THAT_HERE
from .problems import ACTED_ON, LONGEST_CLAUSE, LONGEST_PROBLEM, PROBLEM_TIDY
from .subjects import OF_NAME, TIDY, Subject

_IN_PARENTHESES = re.compile(r"(?P<who>[^（）、，；：。]{2,30})（(?P<what>[^（）]{2,60})）(?=[、，；。]|$)")
_TRAIL = re.compile(
    r"(?:进行)?(?:了)?(?:现场|突击|暗访|日常|随机|实地|重点)?(?:检查|巡查|督查|抽查|暗访|走访|查看|巡检|核查)?(?:过程)?(?:时|中|后|期间)?"
    r"(?:现场)?(?:发现|看到|见到|查见|查出|查获|抓获|指出)(?:该\S{1,4})?(?:有人)?(?:非法|违法|违规)?$|(?:的)?(?:检查|巡查|督查|抽查|暗访|走访)(?:过程)?(?:时|中|后)$"
    r"|正(?:在|常)?(?:营业|经营|施工|开放)(?:中)?$|(?:进行|开展)(?:了)?(?:现场|突击|监督|日常|飞行|随机|专项|抽样){0,2}(?:检查|抽检|检测|巡查|督查)$|(?:同样|也|还|仍|均)?存在(?:着)?(?:以下|如下|类似|一些|诸多|多项|同样)?(?:突出)?(?:问题|情况|现象)$|(?<=[号店馆厂场元区司])(?:介绍)?[说道]$"
)
_NAMED_SO = re.compile("(?:名为|名叫|店名为|名字叫|(?<=家)叫)“")
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
_INSIDE = re.compile(
    "[屋店院室棚厂楼场房馆园站库车间]{0,2}子?[里内](?!涝)|现场|后厨|门口|墙[上角]|地[上面]|桌上|货架|柜台|灶台|案板|旁边"
)
_LEADS_ON = re.compile("[下列以如]{2}[^，]{0,12}(?:问题|行为|隐患|情况|情形)$")
_EXISTS = re.compile("(?:仍|还|均|主要)?(?:存在|有)[^，。]*$")
_SOME = re.compile("(?:但|不过|然而)(?:也|仍|还)*(?:有)?(?:个别|部分|少数|少部分|有些|有的|一些)")
_HOUSE = re.compile(r"\d号?[楼院栋幢]$")
_THERE_ARE = re.compile(
    "存在(?P<what>[^，。；：]{2,30}?)(?:等)?(?:突出)?(?:问题|现象|情况|行为)的(?:有|包括|主要|分别)"
)
LONGEST_PART = 14
LONGEST_TOLD = 26
LONGEST_HELD = 24


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


class Sentences:
    def __init__(self, course: Course, entries: Entries) -> None:
        self.course, self.entries = course, entries
        self.rules, self.gazetteer, self.names = course.rules, course.gazetteer, course.names
        self.problems, self.cue = course.problems, course.problems.cue

    def read(self, offset: int, item: str, around: Around) -> Around:
        """Read the clauses; returns what the text speaks of now."""
        if enclosed := self._enclosed(offset, item, around):
            return enclosed
        if self.course.reports and (entered := self.entries.read(offset, item, around)):
            return entered
        # What has a number of its own stands for itself.
        carried = [] if MARKER.match(item) else self.course.carried
        # 设施齐备，未发现安全问题 stands in a list of what is wrong and is nothing of it.
        it = _Item(offset, item, self.problems.clauses(item), around, carried, self.problems.is_over(item))
        while it.place < len(it.clauses):
            begin, stop = it.clauses[it.place]
            it.place += 1
            text, start, after = item[begin:stop], offset + begin, item[stop : stop + 1]
            if len(text) > LONGEST_CLAUSE:
                continue
            if marker := MARKER.match(text):
                text, start = text[marker.end() :], start + marker.end()
            self.course.arrived = self.course.arrived or bool(self.rules.arrive.search(text))
            self.course.seen = self.course.seen or bool(self.rules.told.seen.search(item, 0, begin))
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
        self.course.carried = it.current.subjects if it.current else it.named
        return it.around

    def _owners(self, it: _Item) -> list[Subject]:
        """What a clause is about that names nothing itself."""
        if it.current:
            return it.current.subjects
        above = self.course.topic or self.course.state.heading
        if above and not above[0].venue and it.carried and it.carried[0].venue and not it.carried[0].common:
            # 某社区：某厂尾矿库扬沙；截渗池渗水: the venue that the item before named, not where it lies.
            above = it.carried
        return it.named or above or it.carried

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
                self.course.told = [replace(one, confidence=0.75) for one in it.named]
                it.around = self.names.spoken(where, it.around)
                return
        owners = self._owners(it)
        last = self.course.groups[-1] if len(self.course.groups) > self.course.before else None
        if last and not owners and self.rules.subject.match(clause.text):
            # 院内白糖摞到房檐: inside of what the paragraph has just told of.
            owners = last.subjects
        if not owners and not self.course.listing and not self.names.subjects(clause.text, clause.start, it.around):
            owners = [one for one in self.course.one_subject(self.course.groups[self.course.before :]) if one.place]
        owners = owners or (self.course.told if it.seen or _INSIDE.match(clause.text) else []) or self.course.scene
        open_group = it.current or (last if last and same(last.subjects, owners) else None)
        if self.problems.praises(clause.text) or SAYS.search(clause.text):
            it.clean = True
        elif BUT.match(clause.text):
            it.clean = False
        if group := self._likely(clause, it.around, open_group, owners, clean=it.clean):
            if clause.held and same(group.subjects, owners):
                group.problems.insert(-1, clause.held)
            it.current, it.named = group, group.subjects
            self.course.told = [replace(one, confidence=0.75) for one in it.named if one.venue] or self.course.told
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
        heads = self.course.exposing and clause.first and clause.after == "："
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
        if self.course.scene and subjects and all(self.rules.generic.match(one.venue) for one in subjects):
            # 这座市场建于…: still the one that they came to.
            return
        self._set_scene(clause.text, subjects, it.around)
        if subjects and self.course.label and len(it.clauses) == 1:
            it.current = self.course.open(subjects, self.course.label, subjects[-1].end)
            return
        if subjects and acted:
            self.course.told = [replace(one, confidence=0.75) for one in subjects if one.venue]
            it.current = self.course.open(subjects, it.loose, it.loose_end)
            it.loose = []
        elif len(subjects) > 1 and _CHECKED.search(clause.text):
            # Where the inspectors went, not yet what they found.
            it.around = self.names.spoken(subjects, it.around)
        elif subjects and not (self.rules.none.search(clause.text) or self.rules.good.search(clause.text)):
            it.named, it.current = subjects, None
            self.course.told = [replace(one, confidence=0.75) for one in subjects if one.venue]
            if clause.after in ("：", "—"):
                self.course.topic = subjects
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
            it.current = self.course.open(subjects, phrases, max(end, max(one.end for one in subjects)))
            self.course.label = phrases if used else []
            it.around = self.names.spoken(subjects, it.around)
            return
        subjects = self.names.subjects(_TRAIL.sub("", head), clause.start, it.around)
        owners = self._owners(it)
        owned = any(one.venue for one in owners)
        if self.names.is_part(subjects, owners or self.course.scene) or (
            owned and not self._is_another(subjects, clause.start)
        ):
            # 某旅馆未查验健康码，旅馆大厅消毒液已过期: a part of the same venue.
            subjects = []
        if (
            not subjects
            and head
            and (not (it.current or it.named) or self.rules.lead.search(head))
            and (cut := self.names.subjects(head, clause.start, it.around, whole=False))
            and not self.names.is_part(cut, owners or self.course.scene)
            and (not owned or self._is_another(cut, clause.start))
        ):
            subjects = cut
            phrases = self.problems.phrases(clause.text[cut[-1].end - clause.start : phrase_end])
        elif not subjects:
            splits = self.names.headed(clause.text[:phrase_at], clause.start, it.around, owned=True, inside=owned)
            split = next(splits, None)
            if split and not self.names.is_part(split[0], owners):
                subjects = split[0]
            elif len(head) <= (LONGEST_TOLD if owners or self.course.scene or self.course.told else LONGEST_PART):
                # What comes before the words of the problem is the part of the place that it is in.
                whole = THAT_HERE.sub("", clause.text[:phrase_end])
                phrases = self.problems.phrases(whole if self.cue.search(whole) else clause.text[phrase_at:phrase_end])
        if not subjects and self.course.exposing and clause.before == "：" and owners and not owners[0].venue:
            # 某社区：阿芳水果捞占用人行道: a name that tells no kind, first after the place.
            subjects = self.names.bare_name(head, clause.start, owners[0])
        if subjects:
            part = clause.text[subjects[-1].end - clause.start : phrase_at]
            if 1 < len(part) <= LONGEST_PART and not (_TRAIL.search(part) or self.rules.lead.search(part)):
                # 某超市水产区地面积水: the venue's name ends before the part of it that is meant.
                phrases = self.problems.phrases(part + clause.text[phrase_at:phrase_end])
            it.current = self.course.open(subjects, phrases, end)
            it.named = subjects
        elif it.current is not None:
            it.current.guessed = False
            it.current.problems.extend(phrases)
            it.current.end = end
        elif it.named:
            it.current = self.course.open(it.named, [clause.held, *phrases] if clause.held else phrases, end)
        elif (self.course.topic or self.course.state.heading) and (
            self.course.exposing or not (head and self.problems.tells_against(head))
        ):
            it.current = self.course.open(owners, phrases, end)
        elif (
            it.carried and not self.names.has_address(clause.text) and not (head and self.problems.tells_against(head))
        ):
            it.current = self.course.open(it.carried, phrases, end)
        elif self.course.scene and self._points_back(head):
            it.current = self.course.open(self.course.scene, phrases, end)
        elif self.course.told and (self._points_back(head) or (it.seen and len(head) <= LONGEST_PART)):
            it.current = self.course.open(self.course.told, phrases, end)
        elif self.course.scene and len(head) <= LONGEST_PART and not self._vague(head):
            it.current = self.course.open(self.course.scene, phrases, end)
        else:
            it.loose.extend(phrases)
            self.course.loose = it.loose
            it.loose_end = end
        if subjects or it.named:
            it.around = self.names.spoken(subjects or it.named, it.around)
        if subjects and not same(subjects, self.course.scene):
            self.course.scene = []

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
        if (
            not pairs
            or self.cue.search(bare)
            or not any(
                self.cue.search(pair["what"]) or (not bare.strip("。") and self.problems.signs(pair["what"]))
                for pair in pairs
            )
        ):
            return None
        listed = self.course.exposing or len(pairs) > 1
        lead = item.partition("：")[0] if "：" in item[: pairs[0].start() + 1] else ""
        shared = self.problems.phrases(MARKER.sub("", lead)) if self.cue.search(lead) else []
        for pair in pairs:
            told = self.cue.search(pair["what"]) or self.problems.signs(pair["what"])
            if self.rules.none.search(pair["what"]) or not (listed or told):
                continue
            who = pair["who"]
            marker = MARKER.match(who)
            begin = marker.end() if marker else 0
            start = offset + pair.start("who") + begin
            subjects = self.names.subjects(who[begin:], start, around)
            if not subjects and listed and (one := self.names.item_name(who[begin:], start, around)):
                subjects = [one]
            if subjects:
                self.course.open(subjects, [*shared, *self.problems.phrases(pair["what"])], offset + pair.end())
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
            self.course.scene = [replace(subjects[0], confidence=0.7)]
        elif not subjects and not good and (passed := self.names.passed(text, around)):
            self.course.scene = [passed]
        elif any(one.venue for one in subjects) or self.names.town_alone(text) or self.names.unit_in(text, around):
            self.course.scene = []

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
        splits = self.names.headed(text, start, around, owned=bool(self.course.topic) or inside, inside=inside)
        split = next((one for one in splits if self._parts_off(text, start, one, owners)), None)
        if split is None and inside and self.names.has_address(text):
            return None
        subjects, begin = split or (list(owners), 0)
        if not subjects:
            return None
        rest = text[begin:]
        seen = self.course.seen
        if (found := [one.end() for one in said.seen.finditer(rest)]) and len(rest) - found[-1] > 2:
            rest, seen = rest[found[-1] :], True
        context = (
            said.exposed * self.course.exposing
            + said.listed * (self.course.listing or len(self.course.groups) > self.course.since)
            + said.inspecting * (self.course.inspecting + self.course.strict)
        )
        context += said.found * seen + said.group * (current is not None and not split) + said.owner
        context += said.labelled * (bool(self.course.topic) and not self.course.listing)
        context += (
            said.arrived * (self.course.arrived and not same(subjects, self.course.scene))
            + said.acted * self.course.acted
        )
        tidy = PROBLEM_TIDY.sub("", rest)
        if len(tidy) < 2 or self.problems.tells_against(
            rest, sure=current is not None and not split and self.course.strict
        ):
            return None
        signs = self.problems.signs(rest)
        lacking = said.enough - context - signs
        if lacking <= 0:
            return self.course.open(subjects, [tidy], start + len(text), guessed=not self.course.exposing)
        if lacking == 1 and signs:
            # Two clauses of one place that each tell almost enough are enough.
            nearly, self.course.nearly = self.course.nearly, (subjects, tidy)
            if nearly and same(nearly[0], subjects):
                return self.course.open(subjects, [nearly[1], tidy], start + len(text), guessed=True)
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
