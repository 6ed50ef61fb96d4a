"""Entries: the one venue or place that a line or an item begins with, and all that it tells of it.

商业街18号某店：后厨积水；冷柜无标签 is told of one venue, whatever else its words name.
"""

import re
from dataclasses import replace

from .address import Around, read_address
from .course import Course, same
from .marks import BUT, MARKER, SAYS, THAT_HERE
from .problems import LONGEST_CLAUSE, PROBLEM_TIDY, Problems
from .rules import Rules
from .subjects import Names, Subject

_HEAD = re.compile(
    r"(?P<name>(?:“[^“”]{2,16}”[^ ，。；：（）“”—]{0,8}|[^ ，。；：（）“”—])+?)"
    r"(?:（(?P<aside>[^（）]{2,60})）(?P<more>[^，。；：（）]{0,12}?))?"
    r"(?P<stop>[：，。]| |—+|(?<=）)(?=[^，。；：）])|$)"
)
_LIES = re.compile(
    "“?(?P<name>[^，。；：“”]{2,20}?)”?(?:位于|地处|坐落[于在]|在|为)(?P<where>[^，。；：]{3,24}?)(?:自发|形成|的|[，。]|$)[^，。；]{0,16}[，。]?"
)
_LEADS = re.compile(
    "[^，。；：]{4,30}?(?:服务|承建|管理|开发|运营|施工)的|(?P<town>[^，。；：]{2,8}(?:镇|乡|街道|地区))，|"
    "[^，。；：]{0,16}(?:问题|隐患)[^，。；：]{0,16}："
)
_BLANKS = re.compile("(?P<head>[^，。；：（）]{2,24}(?: [^，。；：（） ]{2,24}){1,3})(?:（[^（）]*）)?[：，]")
_PARTS = re.compile("[，；、：/ ]")
_NO_HEAD = re.compile(
    "(?:社区|村|镇|乡|街道)$|^(?:在|对|据|经|从|由|向|为|因|将|把|被|如|按|以|其|该|此|并|且|但|我|有(?!家)|请)|[我你他她]们|检查|巡查|督查|抽查|执法|人员|承诺$|表示$|介绍$|说$|反映|投诉|接到|来电"
)
LONGEST_NAME = 36
LONGEST_ASIDE = 4


class Heads:
    def __init__(self, names: Names, rules: Rules, problems: Problems) -> None:
        self.names, self.rules, self.problems = names, rules, problems

    def of(self, text: str, start: int, around: Around, *, listed: bool) -> tuple[Subject, int] | None:
        """What the words are about and where what is said of it begins. `listed`: they stand in a list."""
        if lies := _LIES.match(text):
            address = read_address(lies["where"], self.names.gazetteer, around)
            if address.unit or address.town_printed:
                subject = self.names.at(lies["name"], address, start, start + lies.end("name"), around)
                if subject and self.names.tells_kind(subject) and not subject.common:
                    return subject, lies.end()
        if lead := _LEADS.match(text):
            # 某物业公司服务的某小区。…, 某镇，某店。…, 问题集中在三个市场：某市场，…
            town = self.names.town_alone(lead["town"] or "")
            if town or not lead["town"]:
                within = replace(around, town=town, unit=town, printed=lead["town"]) if town else around
                if inner := self.of(text[lead.end() :], start + lead.end(), within, listed=listed):
                    return inner[0], lead.end() + inner[1]
        found = _HEAD.match(text)
        if found and found["stop"] == " ":
            return self._after_blank(text, start, around)
        if not found or len(found["name"]) > LONGEST_NAME or _NO_HEAD.search(found["name"]):
            return None
        name, stop = found["name"], found["stop"]
        if found["aside"] and not text[found.end() :].strip("。；"):
            # 某桥（桥栏杆断裂，仅拉一根绳子）: what is wrong stands in the brackets.
            return None
        if stop == "，" and text.startswith("“", found.end()):
            # 某路，“某店”门前…: where the venue is that is named next.
            return None
        if self.problems.cue.search(name) or self.rules.lead.match(name) or self.rules.wish.search(name):
            return None
        if not read_address(name, self.names.gazetteer, around).rest or (stop != "：" and self._comes_to(name)):
            return None
        if found["more"] and any(spot.end() == len(found["more"]) for spot in self.rules.spot.finditer(found["more"])):
            # 某小学（某社区）周边: not the school, but what lies about it.
            return None
        subject = self._with_address(name, found["aside"], start, start + found.end("name"), around)
        if subject and subject.end < start + len(name):
            # 某村卫生所旁变压器：…: before a colon all of it tells where.
            if stop == "，" and listed and (whole := self._whole(name, start, around)):
                return whole, found.end()
            if stop != "：" or subject.venue or not (subject.address.village or subject.address.road):
                return None
            place = around.printed + name if around.printed and around.printed not in name else name
            return replace(subject, end=start + len(name), place=place), found.end()
        if subject is None or subject.common or not self.names.stands(subject, owned=True, inside=False):
            return None
        address = subject.address
        if not (subject.venue or address.number):
            return None
        sure = stop == "：" or (stop == "。" and listed and address.town_printed)
        if not sure and self.problems.signs(name) and not self.names.tells_kind(subject):
            return None
        placed = bool(address.village or address.town_printed or address.number)
        if stop == "：" or (found["aside"] and placed) or (stop and listed and placed):
            return subject, found.end()
        return None

    def _comes_to(self, name: str) -> bool:
        """Whether words tell that somebody comes to a place, or what is done there."""
        return any(lead.start() > 0 for lead in self.rules.lead.finditer(name))

    def _whole(self, name: str, start: int, around: Around) -> Subject | None:
        """A name of several kinds (老旧小区管网改造) behind its address, in a list."""
        address = read_address(name, self.names.gazetteer, around)
        if not (address.village or address.number) or self.problems.signs(address.rest):
            return None
        return self.names.at(address.rest, replace(address, rest=""), start, start + len(name), around)

    def _after_blank(self, text: str, start: int, around: Around) -> tuple[Subject, int] | None:
        """湖滨路15号 某店：…, 某街道 某社区 某店（某店面）：…: blanks between where it is and its name."""
        whole = _BLANKS.match(text)
        if not whole:
            return None
        head, end = whole["head"], start + whole.end("head")
        address = read_address(head.replace(" ", ""), self.names.gazetteer, around)
        name = head.rpartition(" ")[2]
        if not (address.village or address.number or address.road or address.town_printed):
            return None
        if self.problems.cue.search(head) or not head.replace(" ", "").endswith(name):
            return None
        found = self.names.subjects(head.replace(" ", ""), start, around)
        if len(found) == 1 and not found[0].venue and found[0].end >= end - head.count(" ") - 1:
            return replace(found[0], end=end), whole.end()
        where = read_address(head[: -len(name)].replace(" ", ""), self.names.gazetteer, around)
        subject = self.names.at(name, where, start, end, around)
        if subject is None or not (whole[0].endswith("：") or self.names.tells_kind(subject)):
            return None
        venue = subject.venue if subject.venue or self.names.ends_in_spot(name) else name
        place = head[: -len(name)].replace(" ", "")
        return replace(subject, place=place, venue=venue, end=end), whole.end()

    def _with_address(self, name: str, aside: str | None, start: int, end: int, around: Around) -> Subject | None:
        for part in _PARTS.split(aside or ""):
            address = read_address(part, self.names.gazetteer, around)
            if address.unit or (address.town_printed and not address.rest):
                return self.names.at(name, address, start, end, around)
        if aside and (self.problems.cue.search(aside) or self.problems.signs(aside)):
            return None
        found = self.names.subjects(name, start, around)
        if len(found) != 1:
            return None
        return replace(found[0], venue=f"{found[0].venue}（{aside}）") if aside and found[0].venue else found[0]


class Entries:
    def __init__(self, course: Course) -> None:
        self.course = course
        self.rules, self.names, self.problems = course.rules, course.names, course.problems
        self.heads = Heads(course.names, course.rules, course.problems)
        self.held: list[str] = []
        """What an item told of `of_held` that is a problem if the next one tells one."""
        self.of_held: list[Subject] = []

    def read(self, offset: int, item: str, around: Around) -> Around | None:
        """Read an item that is headed by a venue, or that goes on about the one that headed the item before."""
        marker = MARKER.match(item)
        begin = marker.end() if marker else 0
        if head := self.heads.of(
            item[begin:], offset + begin, around, listed=self.course.listing or self.course.exposing
        ):
            self.course.entry, begin = head[0], begin + head[1]
            self.course.strong = item[begin - 1 : begin] == "：" or bool(marker)
            if self.course.label and not item[begin:].strip("。"):
                self.course.entry = None
                return None
        elif self.course.entry is None or self._names_another(item[begin:], offset + begin, around):
            self.course.entry = None
            return None
        text = item[begin:]
        if self.course.entry.address.unit is None and (unit := self.names.unit_in(text, around)):
            self.course.entry = replace(
                self.course.entry, address=replace(self.course.entry.address, unit=unit, confidence=0.75)
            )
            self.course.head_with([self.course.entry] if self.course.state.heading else [], firm=self.course.state.firm)
        subject = [self.course.entry]
        last = re.split("[，：]", text.rstrip("。；"))[-1]
        clean = self.problems.is_over(item) or (not self.problems.cue.search(text) and self.problems.praises(last))
        group = next((one for one in self.course.groups[self.course.before :] if same(one.subjects, subject)), None)
        held, self.held = (self.held if subject == self.of_held else []), []
        for first, stop in self.problems.clauses(text):
            clause, after = text[first:stop], text[stop : stop + 1]
            if after == "：" and (self.rules.answers.search(clause) or len(clause) <= LONGEST_ASIDE + 2):
                continue
            told, behind = text[max(0, first - LONGEST_CLAUSE) : first], text[stop:][:LONGEST_CLAUSE]
            where = self.problems.stretch(clause, told, behind)
            if SAYS.search(clause) or (where is None and self.problems.praises(clause)):
                clean = True
            elif BUT.match(clause):
                clean = False
            if where:
                phrases = self.problems.phrases(THAT_HERE.sub("", clause[: where[1]]))
            elif (
                clean
                or len(clause) < 3
                or self.problems.tells_against(clause, sure=group is not None or self.course.state.firm)
            ):
                continue
            else:
                phrases = [PROBLEM_TIDY.sub("", clause)]
                if not (group or self.course.exposing or self.problems.signs(clause)):
                    held.extend(phrases)
                    continue
            group = group or self.course.open(subject, [], 0)
            group.problems.extend([*held, *phrases])
            held = []
            group.end = max(group.end, offset + begin + stop)
        self.held, self.of_held = held, subject
        self.course.carried = subject
        self.course.told = [replace(self.course.entry, confidence=0.75)]
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
                return not self.course.strong or found[0].address.named or ("“" in first and not self.course.state.firm)
        return False
