"""What of a paragraph the report tells itself, and which headings silence what stands under them."""

import re

from .rules import Rules

_POINTS = re.compile(r"（(?:扣|得|加|减|[-+－＋])?[\d.]+分）(?! *(?:：|$))")
_REPORTED = re.compile("((?:反映|投诉|举报|留言|来电)[^“”，。]{0,6})“([^“”]{8,})”")
"""What somebody reported is told in quotation marks: the words within are the report's own."""
_SPEECH = re.compile("“[^“”]*[，。！？；][^“”]*”")
IN_BRACKETS = re.compile("（[^（）]*）")
_KEY_LINE = re.compile("([^：。，]{2,24})：[^，。；]{0,30}$")
_ASKED = re.compile("(?P<told>[^：。]{0,6}(?:网友|市民|读者|居民|群众)[^：。]{0,12}(?:问|留言|来信)：.+)，[^，？]*？$")
_TICKED, _CROSSED = ("✅", "✔", "☑", "👍"), ("❌", "✗", "✘", "👎", "⚠", "🚫")
_TICKED_PART = re.compile("[^，。；：✓✔√☑✅✗✘❌（）]{0,10}[✓✔√☑✅](?:（[^（）]*）)?")
_CROSSED_PART = re.compile("[✗✘❌](?:（([^（）]*)）)?")
_ON_DUTY = re.compile(
    "(?<=.....)(?:值班|带队|检查|巡查|责任|负责|联系|陪同)(?:家长|领导|干部|人员|民警|组长|人)?：[^，。；：]{2,8}$"
)
_MARKS = str.maketrans("→…", "，。")
_GROUNDS = re.compile("(?:上榜|入选|扣分|曝光|点名|处罚|被罚)(?:理由|原因|事由)：")
_SPEAKER = re.compile("^@[^：，。]{1,12}：")
_SUBTITLE = re.compile("[-—]{2}[^。]*$")
_QUESTION = re.compile("^问：|？$")
_RANKS = (
    re.compile("[一二三四五六七八九十]{1,2}、"),
    re.compile("（[一二三四五六七八九十]{1,2}）"),
    re.compile(r"（?\d{1,2}[）.、．]|[①-⑳]"),
)
_BRACKETED = re.compile("【([^】]{2,12})】")
LONGEST_LEAD = 25


def told_words(text: str) -> str:
    """A paragraph without what others say, marks and questions: commas stand where those stood, so that places hold."""
    text = _ON_DUTY.sub("", text.translate(_MARKS))
    text = _SPEAKER.sub(lambda said: "，" * len(said[0]), text)
    text = _GROUNDS.sub(lambda said: "，" * len(said[0]), text)
    text = _REPORTED.sub(r"\1，\2，", text)
    text = _POINTS.sub(lambda said: "：" + "，" * (len(said[0]) - 1), text)
    text = _SPEECH.sub(lambda said: "，" * len(said[0]), text)
    if text[:1] not in (*_TICKED, *_CROSSED):
        # 出入口 ✓ 流动摊 ✗（三轮车堵门）: what is ticked says nothing, what is crossed tells what is wrong.
        text = _TICKED_PART.sub(lambda part: "，" * len(part[0]), text)
        text = _CROSSED_PART.sub(lambda part: f"，，{part[1]}，" if part[1] else "，" * len(part[0]), text)
    if IN_BRACKETS.fullmatch(text):
        text = f"，{text[1:-1]}，"
    if asked := _ASKED.match(text):
        # What a reader tells before the question is a complaint.
        text = text[: asked.end("told")] + "，" * (len(text) - asked.end("told"))
    return text


def is_crossed(text: str) -> bool:
    """Whether a line is marked as one that tells what is wrong, or has something crossed in it."""
    return text[:1] in _CROSSED or bool(_CROSSED_PART.search(text))


def tells_nothing(text: str, rules: Rules) -> bool:
    """Whether a line is ticked, a question, the second half of a headline or tells who answers for something."""
    key = _KEY_LINE.match(text)
    answers = key is not None and rules.answers.search(key[1])
    return bool(answers or text[:1] in _TICKED or _SUBTITLE.match(text) or _QUESTION.search(text))


class Sections:
    """Goes through an article's headings; `quiet` is the rank of the one that silences, 0 where none does."""

    def __init__(self, rules: Rules) -> None:
        self.rules, self.quiet = rules, 0

    def come_to(self, text: str) -> None:
        """A heading over what is praised, over or ordered silences all up to the next of its rank."""
        level = next((rank for rank, heads in enumerate(_RANKS, 1) if heads.match(text)), 0)
        bracketed = _BRACKETED.match(text)
        head = (bracketed[1] if bracketed else re.split("[。：]", text, maxsplit=1)[0]).replace(" ", "")
        if (
            len(head) <= LONGEST_LEAD
            and self.rules.quiet.search(head)
            and (level or bracketed or len(text) < LONGEST_LEAD)
        ):
            self.quiet = max(level, 1)
        elif self.quiet and (
            text[:1] in _CROSSED
            or bracketed
            or 0 < level <= self.quiet
            or (len(head) <= LONGEST_LEAD and self.rules.exposing.search(head))
        ):
            self.quiet = 0
