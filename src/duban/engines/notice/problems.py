"""The words of a problem: where in a clause they stand, and what only looks like one."""

import re

from .rules import Rules
from .subjects import TIDY

_CLAUSE = re.compile(r"(?:（[^（）]*）|(?<=\d)：(?=\d)|[^，：—])+")
_SEEN = re.compile(r"发现|查见|查出|查获|存在|反映|举报|投诉|[称：]|分别[是为]|曝光|通报|点名")
_OF_RULES = re.compile(
    r"[未不]?(?:能)?(?:严格)?按(?:照)?[^，。；]{0,6}?(?:要求|规定|规范)|[未不][^，。；]{0,14}(?:要求|规定)"
)
PROBLEM_TIDY = re.compile(
    r"^(?:[一二两三四五六七八九十\d]+(?:家|个|处)(?:单位|商户|门店|场所|企业|店铺)?(?:均|都)?|(?:[^，。；]{0,4}(?:组|人员|队|记者)|对)?(?:检查)?发现(?:该|的)?|存在(?:着)?|[内里中]的|本报讯|因(?=违|未|不|擅|存)|但|却|而|仍?有(?=[^一二三四五六七八九\d人])|并(?:且)?有?|且|同时|以及|还有?|也|又|出现|和|及|的|[“”‘’\s、：，])+|(?:等)?(?:突出|违规|违法|小|细节|轻微)?(?:(?:的)?(?:问题|现象|情况|行为|情形)|(?<![是了不空满坏])的)?[“”‘’\s、：，。！]*$"
)
_LACKS = re.compile(
    "(?:[^，。；]{0,8}(?:电话|设施|设备|大门|窗口|热线))?(?:且|并|也|均|都|仍|又|还|更|尚|长期|一直|多[日天]|至今)*(?:无(?!论|法律|偿|人机|不|需|关|反弹|投诉)|未(?!来|成年|央|参评|纳入|启用|完待续)|没(?!收|问题)|缺(?!席)|无法|不能|不(?=[戴测扫登查按落规到全足符洁严整亮畅通达合]))"
)
"""A clause that begins so tells what is lacking, whatever else it names."""
_LACKS_GOOD = re.compile("(?:没有?|未|无|缺|找不到|拿不出|提供不[了出])[^，。；]{0,8}(?:合格|达标|规范|正常|符合|有效)")
_IF = re.compile("(?:如果?|若|一旦|凡是?)[^，。；]{0,10}(?:发现|遇到|遇有|看到|见到|出现)")
ACTED_ON = re.compile(
    r"(?:被(?=责令|处|罚|查|通报|约谈|曝光|警告|停|关|取缔|立案|列|纳|扣|记|评|点名|撤|吊销|移|依法|要求|予以|贴|当场)|予以|给予|责令|处以|受到|停业|立案|已被|罚款|约谈|作出[^，。；]{0,6}处罚|行政处罚)"
)
_BUT = re.compile("但|然而|可(?=[后是就仍还在])|，却")
TIME = re.compile(
    r"^(?:经(?:现场)?(?:检查|查|核查|核实|检测|测量|了解)(?:发现)?(?=.{4}))?(?:\d{4}年)?(?:\d{1,2}月\d{1,2}[日号]|[上当昨今]?[午天日晚])?(?:[上下中]午|晚上?|早上?|凌晨|傍晚)?(?:\d{1,2}[时点：](?:\d{1,2}分?)?(?:许)?)?"
)
_NAME_BLANK = re.compile("(?P<name>[^，。；：（） ]{3,20}(?: [^，。；：（） ]{2,14})?) (?=[^，。；： ]{4,})")
_ACCLAIMED = re.compile(
    "(?:点赞|好评|称赞|称道|叫好|竖起大拇指|(?:给予|予以|值得)(?:了)?(?:充分|高度)?(?:肯定|表扬)|值得[^，。；]{0,8}(?:学习|借鉴|推广)(?:借鉴|推广)?|请[^，。；]{0,10}(?:学习|借鉴))[^，。；]{0,6}$"
)
_EARLIER = re.compile("复核|(?:移交|交办)的|昨[日天]|回头看|前期|此前|先前|之前|上次|上期|上轮|上周|上月|以往|曾|复查")
_MENDED = re.compile(
    "已[^，。；]{0,6}(?:加装|增设|安装|整改|改正|落实|清理|清除|消除|拆除|拖离|修复|恢复)|整改(?:到位|完毕|完成|合格)"
)
LONGEST_CLAUSE = 300
LONGEST_PROBLEM = 90


def was_mended(text: str) -> bool:
    """Whether what was found before is told to be mended: 复查：上周摊贩占道问题已消除."""
    return bool(_EARLIER.search(text) and _MENDED.search(text))


class Problems:
    """Reads problems in one article; `cue` is what counts as one by its words there."""

    def __init__(self, rules: Rules, cue: re.Pattern[str]) -> None:
        self.rules, self.cue = rules, cue

    def stretch(self, clause: str, before: str, after: str) -> tuple[int, int] | None:
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
        if _EARLIER.search(after) and was_mended(after):
            return None
        if _MENDED.search(after) and _EARLIER.search(before + clause[: found.start()]):
            return None
        told = before + clause[: found.start()]
        if _IF.search(told):
            return None
        if seen := [one.end() for one in _SEEN.finditer(told)]:
            told = told[seen[-1] :]
        told = _BUT.split(told)[-1]
        if (about := rules.about.search(clause)) and about.start() <= found.start() < about.end():
            return None
        if rules.wish.search(_OF_RULES.sub("", told)) and not told.endswith(("仍", "尚", "至今", "还", "一直")):
            return None
        if any(work.start() <= found.start() <= work.end() + 10 for work in rules.work.finditer(clause)):
            return None
        if rules.past.search(before + clause[: found.start()]) and not _EARLIER.search(clause):
            return None
        if rules.worked.search(clause[: found.start()]):
            return None
        first = found.start()
        leads = [lead.end() for lead in rules.lead.finditer(clause, 0, first)]
        if subject := rules.subject.search(clause, max(leads, default=0), found.start() + 1):
            first = min(first, subject.start())
        for kind in rules.venue_here.finditer(clause):
            # 卫生室使用过期…: the word for the venue is no word of the problem.
            if len(kind[0]) > 1 and kind.start() <= first < kind.end():
                first = kind.end()
        last = max(one.end() for one in self.cue.finditer(clause))
        end = len(clause)
        for pattern in rules.measures:
            measure = pattern.search(clause, last)
            if measure and measure.start() >= last and not clause[: measure.start()].endswith("按"):
                end = min(end, measure.start())
        if acted := ACTED_ON.search(clause, last):
            end = min(end, acted.start())
        return (first, end) if end - first <= LONGEST_PROBLEM else (first, last)

    def is_over(self, item: str) -> bool:
        """Whether an item tells that nothing is wrong, or what was and is mended: 上月通报的…，已清除."""
        nothing = any("已" not in found[0] for found in self.rules.none.finditer(item))
        before, _stop, _rest = item.partition("，")
        return nothing or bool(self.rules.past.search(before)) or was_mended(item)

    def acclaims(self, item: str) -> bool:
        """Whether an item ends in applause: …，市民纷纷点赞."""
        return bool(_ACCLAIMED.search(item.rstrip("。！"))) and not _BUT.search(item)

    def praises(self, clause: str) -> bool:
        """Whether a clause says that all is well."""
        rules = self.rules
        if _LACKS_GOOD.search(clause):
            return bool(rules.none.search(clause))
        praised = rules.good.search(clause) or rules.told.praise.search(clause)
        return bool(rules.none.search(clause) or (praised and self.signs(clause) < 2))

    def tells_against(self, clause: str, *, sure: bool = False) -> bool:
        """Whether a clause tells an order, work, praise or what leads on, and so no problem.

        Where it is `sure` that problems of one venue are told, fewer words speak against.
        """
        rules = self.rules
        clause = TIME.sub("", clause.rstrip("。！？"))
        if _LACKS.match(clause):
            return bool(rules.none.search(clause))
        words = rules.told.surely_against if sure else rules.told.against
        against = (found.start() for found in words.finditer(clause))
        if any(clause[at - 1 : at] not in ("不", "未", "没", "拒") for at in against):
            return True
        if self.praises(clause):
            return True
        if rules.provided.search(clause) or rules.wish.search(_OF_RULES.sub("", clause)):
            return True
        return any(pattern.search(clause) for pattern in rules.measures)

    def signs(self, clause: str) -> int:
        """How much the words of a clause speak for a problem that none of them names."""
        return sum(weight for weight, sign in self.rules.told.signs if sign.search(clause))

    def phrases(self, text: str) -> list[str]:
        """无测温、无消杀记录 -> both; 未落实测温、扫码措施 stays whole."""
        cut = re.search(
            r"的(?:单位|商户|门店|场所|商家|经营者|[^没]{0,6}(?<![没里内上中下旁边处口])(?:有|包括)|$)", text
        )
        text = text[: cut.start()] if cut else text
        parts = re.split("、", text)
        if len(parts) > 1 and all(self.cue.search(part) for part in parts):
            return [tidy for part in parts if (tidy := PROBLEM_TIDY.sub("", part))]
        tidy = PROBLEM_TIDY.sub("", text)
        return [tidy] if tidy else []

    def stop(self, text: str) -> int:
        """Where the problems end that stand before the venues that they are said of: 通道被堵塞的某停车场."""
        first = self.start(text)
        cut = text.find("的", first + 1)
        ends = [found.end() for found in self.cue.finditer(text if cut < 0 else text[:cut])]
        return max(ends, default=first)

    def start(self, text: str) -> int:
        found = self.cue.search(text)
        return found.start() if found else 0

    def clauses(self, item: str) -> list[tuple[int, int]]:
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
            blank = _NAME_BLANK.match(item, begin, clause.end())
            if blank and (
                "·" in blank["name"] or self.rules.venue_end.search(blank["name"]) or self._ends_in_spot(blank["name"])
            ):
                # 某村·某面馆 抹布擦完桌子擦碗: a blank parts the name from what is said.
                found.append((begin, blank.end("name")))
                begin = blank.end()
            found.append((begin, clause.end()))
        return found

    def _ends_in_spot(self, text: str) -> bool:
        return any(spot.end() == len(text) for spot in self.rules.spot.finditer(text))

    def _begins_anew(self, text: str) -> bool:
        """Whether a part of a list has a venue of its own before its problem."""
        part = text.partition("、")[0]
        cue = self.cue.search(part)
        if not cue:
            return False
        subject = self.rules.subject.search(part, 0, cue.start() + 1)
        head = TIDY.sub("", part[: min(cue.start(), subject.start()) if subject else cue.start()])
        ends = self.rules.venue_end.search(head)
        return bool(
            ends and ends.start() > 1 and not self.rules.generic.match(head) and not self.rules.never.search(head)
        )

    def measure(self, text: str) -> str:
        for pattern in self.rules.measures:
            if found := pattern.search(text):
                return found[0].strip("，、 ")
        return ""
