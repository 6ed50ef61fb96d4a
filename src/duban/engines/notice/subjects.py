"""Venues and places that a stretch of text names: what a finding is about."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from .address import BY_TOWN, Address, Around, read_address
from .drafts import UNSURE, Unit
from .gazetteer import Gazetteer
from .rules import Rules

_BETWEEN = re.compile(r"、|(?:以及|和|及|与)(?=[^，。]{2,})(?![^，。、]{1,12}(?:交叉|交汇|交界|交口|路口))")
_QUOTED = re.compile(r"^(?P<where>[^“”]{0,24})“(?P<name>[^“”]{1,16})”(?:的)?(?P<kind>[^“”]{0,10}?)[里内中]?$")
_CALLED = re.compile(r"(?:的)?(?:一[家处个])?(?:名为|名叫|叫做?|店名为|名字叫)?$")
_IN_VILLAGE = re.compile("村(?:里|内|中|口|头|子|东|西|南|北|委会|卫生室|小学|部|广场|道|公厕)")
_MANY = re.compile(
    r"(?<=..)(?!(?<=的)一[家处个座])[一二两三四五六七八九十\d]+(?:家|个|处|套|台|辆|盏|部|只|块)[^，。；、]{0,8}$|等(?:\d+|[一二两三四五六七八九十]+)?(?:余|多)?(?:家|个|处|户)?[^，。；、]{0,8}$"
)
_NO_NAME = re.compile(
    "[后时满着了到得过车人员箱桶灯牌墙路道板杆水料土线管盖树草物品袋具椅桌柜棚边处上下里内外旁侧门窗楼层号庭户坡岸沟池塘地段村组点区院]$|[的有在和与是内里]"
)
_NO_KIND = re.compile(r".*\d|.*字|现象|问题|行动|活动|制度|经验|模式|工作")
_PLACED = re.compile("(?P<name>[^“”]*“[^“”]+”[^“”（）]{0,8})（(?P<where>[^（）]+)）$")
_NO_VENUE = re.compile(r"[一二两三四五六七八九十\d]+[大小类个种不无乱化包制]|.*(?:小分|服务|志愿|宣讲)队$")
_MARKS = re.compile(r"[-+]?[\d.]+[分个家处件]?")
_ONE = re.compile("一[家处个间所]|某(?=[^某]{2})")
_THERE_IS = re.compile("(?P<where>[^，。；]{3,24}?)有(?:一|两)?[家处个座](?P<name>[^，。；的]{2,12})")
_MAKES = re.compile("(?:销售|出售|经销|售卖|自制|制作|加工|生产|使用|采购|购进|供应|配送|提供|养殖|种植|宰杀|捕捞)$")
_PARENTHESES = re.compile(r"^(.+?)（([^（）]+)）(.*)$")
TIDY = re.compile(
    r"^(?:的|但(?!家)|却|旁边?|附近|内|里|中(?!.{1,3}[路街道村镇巷里园]|[百国石铁通央心医学建邮信粮储山兴华天海原式])|之|其|该|且|并|也|均|都|还|则|另|某|一家|一处|有|为|是|由|处|[“”‘’《》【】\s：，])+|(?:[“”‘’《》【】\s：，。！？]|内|里|的|也|均|都|仍|还|尚|存在|多处|一处|因|被|有|由于|使用|销售|出售|存放)+$"
)
OF_NAME = 0.8
LONGEST_NAME = 26
LONGEST_HEAD = 40
LONGEST_BARE = 7
LONGEST_KIND = 3


@dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about: a stretch of the readable text, the address read from it and the venue's name."""

    start: int
    end: int
    address: Address
    venue: str
    place: str
    confidence: float
    common: bool = False
    """Whether it is called by common nouns alone (垃圾收集点, 厂区道路): a part of what is spoken of."""


def _whole(text: str) -> bool:
    """Whether no parenthesis is left open."""
    return text.count("（") == text.count("）")


def _leaves_enough(said: str) -> bool:
    """Whether what follows a name may tell something of it: 公厕没水."""
    return len(said) > 2 or said[:1] in ("没", "无", "缺")


class Names:
    """Reads venues and places of one article."""

    def __init__(self, gazetteer: Gazetteer, rules: Rules) -> None:
        self.gazetteer, self.rules = gazetteer, rules
        self.known: dict[str, Address] = {}
        """Where the venues lie that the article has named with their addresses."""
        self.quoting = False
        """Whether the paragraph begins one clause after the other with a name in quotation marks, of whatever kind."""

    def subjects(self, head: str, start: int, around: Around, *, whole: bool = True) -> list[Subject]:
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
        ends |= {
            found.end()
            for found in re.finditer("”[^，。“”、]{0,6}?(?=[店馆的]|$)|”(?:项目|楼盘|小区|工地|店|馆)|[”）]", head)
        }
        ends |= {found.end() for found in self.rules.spot.finditer(head)}
        for end in sorted((end for end in ends if 0 < len(head) - end <= 14), reverse=True):
            for begin in [*(lead for lead in leads[::-1] if lead < end), 0]:
                found = self._listed(head[begin:end], start + begin, around)
                if found and all(one.venue or one.place for one in found):
                    return [replace(one, confidence=one.confidence - 0.1) for one in found]
        return []

    def headed(
        self, text: str, start: int, around: Around, *, owned: bool, inside: bool
    ) -> Iterator[tuple[list[Subject], int]]:
        """The venues or places that a clause begins with, and where in it begins what is said of them; longest first.

        Where it is `owned` the text speaks of something already: only what has an address or kind of its own is
        another; where that is a venue, parts of one are `inside` it.
        """
        ends = {
            found.end()
            for found in self.rules.venue_here.finditer(text)
            if len(found[0]) > 1
            or (found.start() > 1 and text[found.end() : found.end() + 1] not in ("员", "主", "家"))
        }
        ends |= {found.end() for found in self.rules.spot.finditer(text)}
        ends |= {found.end() for found in re.finditer("[”）]", text)}
        leads = [lead.end() for lead in self.rules.lead.finditer(text)]
        first = 0
        for begin in (0, *leads):
            address = read_address(text[begin:], self.gazetteer, around)
            if address.village or address.road:
                first = begin + address.rest_at
                ends.add(begin + address.rest_at)
                break
        for end in sorted(
            (end for end in ends if _leaves_enough(text[end:]) and first <= end <= LONGEST_HEAD), reverse=True
        ):
            found = self.subjects(text[:end], start, around) if _whole(text[:end]) else []
            if found and all(self.stands(one, owned=owned, inside=inside) for one in found):
                yield found, end

    def stands(self, subject: Subject, *, owned: bool, inside: bool = True) -> bool:
        """Whether a subject is one by its own words: an address, or a name that tells its kind."""
        if not owned and subject.place and (subject.address.unit or subject.venue):
            return True
        if subject.address.named:
            return bool(subject.address.village or subject.address.road or subject.venue)
        if owned and inside and self.rules.part.match(subject.venue):
            return False
        kind = self.rules.venue_end.search(subject.venue)
        if kind is None and subject.confidence > OF_NAME and self.rules.trade.search(subject.venue):
            return True
        if kind is None:
            return (self.quoting or not owned) and subject.confidence > OF_NAME and bool(subject.venue)
        return len(subject.venue) > (len(kind[0]) if len(kind[0]) > 1 else 3) and (
            len(kind[0]) > 1 or kind[0] in "店馆坊铺厅厂摊"
        )

    def tells_kind(self, subject: Subject) -> bool:
        """Whether a name tells what trade is done there."""
        return bool(self.rules.venue_end.search(subject.venue) or self.rules.trade.search(subject.venue))

    def lies_or_stands(self, subject: Subject) -> bool:
        """Whether it is known where a subject lies, or its name tells what it is."""
        address = subject.address
        known = address.unit is not None or address.named or address.foreign
        return known or (self.stands(subject, owned=True, inside=False) and not subject.common)

    def _listed(self, head: str, start: int, around: Around) -> list[Subject]:
        head_end = len(head)
        if (many := _MANY.search(head)) and not _THERE_IS.fullmatch(TIDY.sub("", head)):
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
            subject = self._known(replace(subject, common=self._is_common(subject)))
            if not subject.place and around.printed and subject.venue != around.printed:
                subject = replace(subject, place=around.printed)
            elif self._lies_in(subject, around):
                subject = replace(subject, place=around.printed + subject.place)
            subjects.append(subject)
            around = self.spoken([subject], around)
        return subjects

    def _is_common(self, subject: Subject) -> bool:
        address = subject.address
        if address.village or address.town_printed or address.number:
            return False
        return bool(self.rules.common.match(address.road + subject.venue if subject.venue else subject.place))

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
        if (behind := _PLACED.match(part)) and (address := read_address(behind["where"], self.gazetteer, around)).named:
            # “如家乐”宾馆（某社区某路23号）
            named = self._quoted(behind["name"], start, around)
            return replace(named, address=address, place=address.printed) if named else None
        if "“" in part:
            return self._quoted(part, start, around)
        one = bool(_ONE.search(part))
        inner = TIDY.sub("", part)
        if lead := self.rules.lead.match(inner):
            inner = TIDY.sub("", inner[lead.end() :])
        if not inner or re.search("把|被(?!服|子|褥)|^将", inner):
            return None
        if there := _THERE_IS.fullmatch(inner):
            # 某村北有一家养猪场: what is there is the venue, and where is its place.
            address = read_address(there["where"], self.gazetteer, around)
            name = there["name"]
            if address.named and self.rules.venue_end.search(name) and not self.rules.never.search(name):
                begin = start + part.find(inner)
                return Subject(begin, begin + len(inner), address, name, there["where"], OF_NAME + 0.05)
        start += part.find(inner)
        end = start + len(inner)
        if found := _PARENTHESES.match(inner):
            own = read_address(found[1], self.gazetteer, around)
            address = read_address(re.split("[，；：]", found[2])[0], self.gazetteer, around)
            if own.town_printed and not address.town_printed and not address.village:
                # 某镇某店（某大街）: it lies in the town before its name.
                address = Address()
            if found[3] and read_address(found[1], self.gazetteer, around).rest:
                # 某网点（某社区）安检机: a name ends where its address follows in brackets.
                return None
            if address.named and (not address.rest.strip("内处") or (address.village and len(address.rest) < 6)):
                return self._named(found[1] + found[3], address, start, end, around, listed=listed, one=one)
        if "的" in inner:
            where, _of, name = inner.rpartition("的")
            address = read_address(TIDY.sub("", where), self.gazetteer, around)
            if (venue := self._venue_before(address.rest)) and not self.rules.venue_end.search(name):
                # 某糕点店用于加工元宵的糯米粉: the venue stands before what is wrong in it.
                stop = start + inner.find(venue, address.rest_at) + len(venue)
                return Subject(start, stop, address, venue, address.printed, 0.8)
            maker = _MAKES.sub("", address.rest)
            if maker != address.rest and self.rules.venue_end.search(maker) and not self.rules.generic.match(maker):
                # 某糕点坊自制的绿豆糕: what it makes is no venue.
                stop = start + inner.find(maker, address.rest_at) + len(maker)
                return Subject(start, stop, address, maker, address.printed, OF_NAME)
            if address.named and len(address.rest) < 16:
                return self._named(name, address, start, end, around, listed=listed, one=one)
            if address.unit is None and around.near is not None and _IN_VILLAGE.match(where):
                address = replace(address, unit=around.near, confidence=0.75)
                where = around.near.name + where
            beside = list(self.rules.spot.finditer(where))
            if beside and beside[-1].end() == len(where) and not self.rules.never.search(where):
                # 阳光城小区对面的烧烤摊: what it stands beside tells where it is.
                beside_it = self._named(name, address, end - len(name), end, around, listed=listed, one=one)
                if beside_it is None and 1 < len(name) <= LONGEST_BARE and not self._is_thing(name):
                    # 集市东头的老孙羊汤锅: a name that tells no kind.
                    return Subject(start, end, replace(address, unit=around.unit or around.near), name, where, 0.6)
                return replace(beside_it, start=start, place=where) if beside_it and not beside_it.place else beside_it
            inner, start = name, end - len(name)
        address = read_address(inner, self.gazetteer, around)
        return self._named(address.rest, address, start, end, around, listed=listed, one=one)

    def ends_in_spot(self, words: str) -> bool:
        ends = any(spot.end() == len(words) for spot in self.rules.spot.finditer(words))
        return ends and not self.rules.venue_end.search(words)

    def _is_thing(self, name: str) -> bool:
        """Whether words are what lies about or is done somewhere, and no name of a venue."""
        rules = self.rules
        words = (rules.never, rules.matter, rules.thing, rules.subject, rules.problem, rules.told.against)
        return any(pattern.search(name) for pattern in words)

    def _quoted(self, part: str, start: int, around: Around) -> Subject | None:
        """一家名为“川渝人家”的餐馆, 爱橙街“好再来”小超市: the quoted words are the name."""
        found = _QUOTED.match(part)
        if (
            not found
            or _NO_KIND.match(found["kind"])
            or _NO_VENUE.match(found["name"])
            or (len(found["kind"]) > LONGEST_KIND and not self.rules.venue_end.search(found["kind"]))
            or self.rules.never.search(found["kind"])
            or self.rules.subject.fullmatch(found["name"])
        ):
            return None
        trade = self.rules.venue_end.search(found["name"]) or self.rules.trade.search(found["name"])
        bare = not (found["kind"] or found["where"] or trade)
        if bare and not (self.quoting and len(found["name"]) > 2):
            return None
        where = TIDY.sub("", _CALLED.sub("", found["where"]))
        address = read_address(where, self.gazetteer, around)
        if address.unit is None and around.near is not None and _IN_VILLAGE.match(found["where"]):
            address = replace(address, unit=around.near, confidence=0.75)
        said = found["kind"] and self.rules.venue_end.search(found["kind"])
        called = _CALLED.sub("", found["where"]) != found["where"] or trade
        at_spot = any(spot.end() == len(where) for spot in self.rules.spot.finditer(where))
        if where and not (said or called or at_spot or address.named):
            return None
        if (where and len(address.rest) > (6 if address.named else 10)) or self.rules.never.search(where):
            return None
        if address.unit is None and not address.foreign and (unit := around.unit or around.town):
            address = replace(address, unit=unit, confidence=around.sure if around.unit else BY_TOWN)
        begin = start + part.find(where) if where else start + found.start("name") - 1
        kind = re.sub("(?:仍|正|还)?在$", "", found["kind"])
        kind = kind if len(kind) <= 6 and not self.ends_in_spot(kind) else ""
        if bare:
            return Subject(begin, start + found.end(), address, found["name"], address.printed, OF_NAME + 0.02)
        return Subject(begin, start + found.end(), address, found["name"] + kind, address.printed, 0.85)

    def _named(
        self, rest: str, address: Address, start: int, end: int, around: Around, *, listed: bool, one: bool
    ) -> Subject | None:
        """The subject that an address and the rest of its words make; `one`: it is told of as one of its kind."""
        rules = self.rules
        rest = TIDY.sub("", rest)
        # A name begins with its own place often (疃里大街丛林美食): only what follows the address is the name.
        inner = read_address(rest, self.gazetteer, around) if rest else Address()
        if inner.named and not address.named:
            address, rest = inner, TIDY.sub("", inner.rest)
        if address.unit is None and around.near is not None and _IN_VILLAGE.match(rest):
            address = replace(address, unit=around.near, confidence=0.75)
        if address.unit is None and not address.foreign and address.printed not in self.gazetteer.counties:
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
            within = finer or (one and around.unit is not None and len(around.printed) > 2)
            return Subject(start, end, address, rest, address.printed, 0.7) if within and venue_end else None
        least = 2 if venue_end and len(venue_end[0]) == 1 and not address.named else not finer
        if venue_end and venue_end.start() >= least:
            return Subject(start, end, address, rest, address.printed, 0.9 if address.named or len(rest) > 3 else 0.75)
        if ends_in_spot:
            venue = self._venue_before(rest)
            if not (address.named or venue or ((around.unit or around.near or around.foreign) and len(rest) > 3)):
                return None
            return Subject(start, end, address, venue, address.printed + rest, 0.85)
        if len(rest) < 2 or len(rest) > 14:
            return None
        if spot and address.named and len(rest) - spot[-1].end() <= 8 and not venue_end:
            there = rest[: spot[-1].end()]
            return Subject(start, end - len(rest) + len(there), address, "", address.printed + there, 0.75)
        if venue := self._venue_before(rest, addressed=finer):
            return Subject(start, end - len(rest) + len(venue), address, venue, address.printed, 0.75)
        if address.named and rules.matter.search(rest) and not venue_end:
            return Subject(start, end - len(rest), address, "", address.printed, 0.75)
        if listed and not address.named and (rules.thing.search(rest) or rules.matter.search(rest)):
            return None
        if address.named or listed:
            return Subject(start, end, address, rest, address.printed, OF_NAME if finer or listed else 0.7)
        return None

    def at(self, name: str, address: Address, start: int, end: int, around: Around) -> Subject | None:
        """The venue of a name whose address is told beside it."""
        named = self._named(name, address, start, end, around, listed=True, one=False)
        return replace(named, place=named.place or address.printed) if named else None

    def _venue_before(self, rest: str, *, addressed: bool = False) -> str:
        """The venue in 丛林美食门前: up to the last type of venue in it."""
        ends = [
            found.end()
            for found in self.rules.venue_here.finditer(rest)
            if (found.start() or addressed) and len(found[0]) > 1
        ]
        name = rest[: ends[-1]] if ends else ""
        return "" if self.rules.generic.match(name) or self.rules.never.search(name) else name

    def spoken(self, subjects: Sequence[Subject], around: Around) -> Around:
        for subject in reversed(subjects):
            unit = subject.address.unit
            if town := self.gazetteer.town_of(unit):
                near = unit if unit and len(unit.code) > len(town.code) else None
                return replace(around, town=town, near=near or (around.near if around.town == town else None))
        return around

    def narrowed(self, around: Around, named: Sequence[Subject]) -> Around:
        """某社区，某路菜场后巷，…: after a place alone, what is named next lies in it."""
        if len(named) != 1 or named[0].venue or not named[0].address.unit or around.unit == named[0].address.unit:
            return around
        unit = named[0].address.unit
        return replace(around, unit=unit, sure=named[0].address.confidence * 0.9, printed=named[0].place)

    def town_in(self, title: str) -> Unit | None:
        """The one town that a headline names: what it heads lies there, most likely."""
        pattern = self.gazetteer.town_pattern
        units = {
            unit for found in (pattern.finditer(title) if pattern else ()) for unit in self.gazetteer.forms[found[0]]
        }
        return units.pop() if len(units) == 1 else None

    def village_in(self, text: str) -> Unit | None:
        """The one village or community that a text names."""
        named: set[Unit] = set()
        for ending in re.finditer("社区|村(?!民|庄|落)|嘎查", text):
            for length in range(min(self.gazetteer.longest, ending.start()), 0, -1):
                if units := self.gazetteer.villages.get(text[ending.start() - length : ending.start()]):
                    named.update(units)
                    break
        return named.pop() if len(named) == 1 else None

    def town_alone(self, text: str) -> Unit | None:
        units = self.gazetteer.forms.get(re.sub("（[^（）]*）", "", text).strip(), ())
        return units[0] if len(units) == 1 else None

    def unit_in(self, text: str, around: Around) -> Unit | None:
        """The village or town that a clause comes to without telling a problem: 来到…土城村."""
        for begin in [*(lead.end() for lead in self.rules.lead.finditer(text)), 0]:
            address = read_address(text[begin:], self.gazetteer, around)
            if address.unit is not None and address.printed and address.confidence >= UNSURE:
                return address.unit
        return None

    def is_elsewhere(self, text: str) -> bool:
        """A town before a colon that the list does not hold: what follows lies in none of ours."""
        address = read_address(text.strip(), self.gazetteer)
        return address.foreign and not address.rest.strip()

    def passed(self, text: str, around: Around) -> Subject | None:
        """A venue of which a story tells something that is no problem, before it goes in: 某酒店刚刚换了老板."""
        found = self.subjects(text, 0, around, whole=False)
        if (
            len(found) != 1
            or found[0].common
            or len(found[0].venue) < 4
            or not self.rules.venue_end.search(found[0].venue)
        ):
            return None
        return None if self.rules.generic.match(found[0].venue) else replace(found[0], confidence=0.6)

    def is_part(self, subjects: Sequence[Subject], owners: Sequence[Subject]) -> bool:
        """Whether what is named is a part of what is spoken of: a common noun, or one after its kind (旅馆大厅)."""
        if len(owners) != 1 or not subjects:
            return False
        if all(one.common and (owners[0].venue or not one.venue) for one in subjects):
            return True
        if len(subjects) != 1 or subjects[0].address.named:
            return False
        kind = self.rules.kind_first.match(subjects[0].venue)
        return kind is not None and owners[0].venue.endswith(kind[0])

    def bare_name(self, head: str, start: int, place: Subject) -> list[Subject]:
        """A name without a kind, which stands between a place and what is wrong there."""
        if not 3 < len(head) <= LONGEST_BARE or _NO_NAME.search(head) or self._is_thing(head):
            return []
        return [Subject(start, start + len(head), place.address, head, place.place, 0.6)]

    def has_address(self, text: str) -> bool:
        """Whether a clause begins with a town or village of its own."""
        address = read_address(text, self.gazetteer)
        return address.town_printed or (bool(address.village) and address.unit is not None)

    def item_name(self, text: str, start: int, around: Around) -> Subject | None:
        """What stands first in a numbered line is its subject, although nothing in it tells that it is a venue."""
        bare = text.strip(" “”")
        if not 3 <= len(bare) <= 14 or self.rules.never.search(bare) or self.rules.generic.match(bare):
            return None
        if self.rules.lead.search(bare) or self.rules.subject.search(bare) or "@" in bare or _MARKS.fullmatch(bare):
            return None
        address = Address(around.unit, around.sure) if around.unit else Address()
        return Subject(start, start + len(text), address, bare, "", 0.65)
