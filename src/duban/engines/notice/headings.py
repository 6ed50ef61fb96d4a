"""Lines that head what follows: a town or village, a venue with its address, the name of a case."""

import re

from .address import HAN, Address, Around, read_address
from .course import Course, State
from .drafts import UNSURE
from .marks import MARKER
from .outline import IN_BRACKETS
from .subjects import Subject

_PLACE_LINE = re.compile(r"^(?P<place>[^，。；：（）]{2,16})(?:（[^）]*）)?：?$")
_ADDRESSED = re.compile("(?P<name>[^，。；：（）]{2,24}?) ?（(?P<where>[^（）]{3,60})）")
_SCORED = re.compile(
    "[ ，：]*(?:得分|评分|扣分|分数|总分|综合得分)?[ ：]*[-+]?[\\d.]+分?[ ，]*$|[ ，：]*(?:得分|评分|总分)$"
)
_WITH_ADDRESS = re.compile(
    "(?P<name>[^，。；：（）]{2,24}?)[ ，]*(?:地址|住址|地点|位置)：(?P<where>[^，。；：]{4,50})"
)
_COUNTED = re.compile("[—-]+(?:存在)?(?:问题|隐患|扣分)[^，。；]{0,8}$")
_PARTS = re.compile("[，；、：/ ]")
CASE = re.compile("(?P<mark>(?:典型)?(?:案例|案件|事例)[一二三四五六七八九十\\d]{1,2}[：、. ]?)[^。；]{4,50}$")
_OF_CASE = re.compile(
    "(?<=公司)|(?=未|违|擅自|非法|无证|无照|不按|不履行|拒|私自|(?:生产|销售|经营|使用|储存)(?!部|[^，。]{0,8}公司))"
)
_KEY = re.compile(f"[{HAN}]{{2,8}}：")
_OWNER = re.compile("（(?:户主|房东|业主|经营者|法人|负责人|法定代表人|店主|房主)[：]?[^（）]*）$")
_CASE_NAME = re.compile("“[^“”]*”案$")
_ORDINAL = re.compile(r"^\d{1,3}$")
LONGEST_NAMED = 45


class Headings:
    def __init__(self, course: Course) -> None:
        self.course = course
        self.rules, self.gazetteer, self.names = course.rules, course.gazetteer, course.names
        self.problems, self.cue = course.problems, course.problems.cue

    def names_alone(self, offset: int, text: str, *, listed: bool = False) -> bool:
        """Whether a line is nothing but a venue or place with an address, in brackets or in a list."""
        marker = MARKER.match(text)
        start = marker.end() if marker else 0
        if self._addressed(offset + start, text[start:]):
            return True
        if not (marker or listed):
            return False
        if (
            len(text) > LONGEST_NAMED
            or re.search("[，。；：]", IN_BRACKETS.sub("", text[start:]))
            or self.cue.search(text[start:])
        ):
            return False
        bare = _OWNER.sub("", text)
        subjects = self.names.subjects(bare[start:], offset + start, self.course.around())
        if len(subjects) != 1 or not self.names.stands(subjects[0], owned=True):
            return False
        self.course.stand_under(subjects)
        return True

    def names_case(self, offset: int, text: str) -> bool:
        """案例一：某公司未对有限空间作业进行审批案: the heading of a case, told in what follows."""
        case = CASE.match(text)
        if not case or not text.rstrip("。").endswith("案"):
            return False
        subject = self.of_case(text[case.end("mark") :], offset + case.end("mark"))
        self.course.stand_under([subject] if subject else [])
        return subject is not None

    def of_case(self, words: str, start: int) -> Subject | None:
        """The venue that the name of a case begins with."""
        head = _OF_CASE.split(_CASE_NAME.sub("", words.rstrip("。")), maxsplit=1)[0].removesuffix("案")
        around = self.course.around()
        subjects = self.names.subjects(head, start, around, whole=False) or self.names.subjects(head, start, around)
        return subjects[0] if len(subjects) == 1 and subjects[0].venue else None

    def _addressed(self, offset: int, text: str) -> bool:
        """裕龙三区（光明街道，某物业公司）: a name with its address in brackets, and a score at most behind it."""
        bare = _COUNTED.sub("", _SCORED.sub("", text)).rstrip("：。， ")
        line = _ADDRESSED.fullmatch(bare) or _WITH_ADDRESS.fullmatch(bare)
        if not line or self.cue.search(line["name"]):
            return False
        for part in _PARTS.split(line["where"]):
            address = read_address(part, self.gazetteer, self.course.around())
            if address.unit or (address.town_printed and not address.rest):
                subject = self.names.at(line["name"], address, offset, offset + line.end("name"), self.course.around())
                self.course.stand_under([subject] if subject else [])
                return subject is not None
        return False

    def place_line(self, offset: int, text: str) -> bool:
        """A line that is a town or a village and nothing else: what follows lies there."""
        marker = MARKER.match(text)
        start = marker.end() if marker else 0
        found = _PLACE_LINE.match(text[start:])
        if not found:
            return False
        around = Around(town=self.gazetteer.town_of(self.course.state.unit))
        address = read_address(found["place"], self.gazetteer, around)
        if address.unit is None or address.rest or address.road or address.confidence < UNSURE:
            return False
        self.course.state = State(unit=address.unit, printed=address.printed)
        if address.village:
            where = offset + start + found.start("place")
            end = where + len(found["place"])
            self.course.head_with([Subject(where, end, address, "", address.printed, 0.75)])
        return True

    def venue_line(self, offset: int, text: str) -> None:
        """A line that names a venue and nothing else, as lists and our own column of exposures do."""
        if len(text) > 50 or re.search("[。；，]", text) or self.cue.search(text):
            return
        marker = MARKER.match(text)
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
            self.course.head_with([Subject(where, where + len(name), address, name, towns[-1], 0.9)])
            return
        subjects = self.names.subjects(text[start:], offset + start, self.course.around())
        if subjects and self.course.pending:
            self.course.open(subjects, self.course.pending, subjects[-1].end)
            return
        if subjects or not (text.endswith("：") or _KEY.match(text)):
            # 巡查时看到： leads on from the heading above it.
            self.course.head_with(subjects if len(subjects) == 1 and subjects[0].venue else [])
