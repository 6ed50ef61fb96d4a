"""What a meeting decided: the orders in the report of a meeting that has a number or a name."""

import re
from collections.abc import Iterator, Sequence

from .address import HAN, read_address
from .drafts import DECISION, FIGURE, Draft, Unit
from .gazetteer import Gazetteer
from .numbers import number_of
from .rules import Rules
from .sites import Found
from .source import HEADING, Block, Source

_SENTENCE = re.compile(r"[^。！？；]+[。！？；]?[”」]?")
_BODY = re.compile(
    rf"([{HAN}（）·]{{2,30}}?(?:领导小组|指挥部|委员会|常委会|政府|党组|理事会|议事会|协商会|工作专班|小组))召开"
)
_LEAD = re.compile(
    r"^(?:会议(?:决定|要求|强调|明确|议定|部署|同意|原则同意|通过)[，：]?|(?:议定事项|决定如下|形成如下)[^：]{0,8}[：]?)"
)
_MARKER = re.compile(r"^(?:[一二三四五六七八九十]是|[（(]?[一二三四五六七八九十\d]{1,2}[)）、.]|[①-⑳])")
_NAMED = re.compile(rf"[{HAN}]{{2,12}}?(?:街道|镇|乡|社区|村)(?=[{HAN}]|$|[，。、的])")
_WORDS_BEFORE = re.compile(r"^.*(?:到过|来自|前往|涉及|途经|居住在|对于|对|在|从|将|把|由|向|和|及|与|、)")
LONGEST = 300


def find_decisions(source: Source, blocks: Sequence[Block], gazetteer: Gazetteer, rules: Rules) -> Iterator[Found]:
    """The meeting itself as a figure (its number), then its orders, each with the number as `value`."""
    whole = "\n".join(source.of(block) for block in blocks)
    if not rules.meeting.search(whole):
        return
    # The report names the body in full; its headline cuts it short.
    told = sorted(blocks, key=lambda block: block.kind == HEADING)
    numbered = next(
        ((block, found) for block in told if (found := rules.meeting_number.search(source.of(block)))), None
    )
    number = number_of(numbered[1][1]) if numbered else None
    if numbered and number is not None:
        block, found = numbered
        body = _BODY.search(source.of(block))
        start = body.start() if body and body.start() < found.start() < body.end() + 20 else found.start()
        yield Found(
            Draft(
                kind=FIGURE,
                text="",
                span=source.span(block.start + start, block.start + found.end()),
                confidence=0.95,
                measure=f"{body[1] if body else ''}会议次数",
                value=number,
            ),
            block.start + start,
            block.start + found.end(),
        )
    goes_on = False
    for block in blocks:
        if block.kind == HEADING:
            continue
        yield from _orders(source, block, number, gazetteer, rules, ordering=goes_on)
        text = source.of(block).rstrip()
        # 会议议定： heads a list whose items are paragraphs of their own.
        goes_on = (text.endswith("：") and bool(rules.orders.search(text))) or (goes_on and bool(_MARKER.match(text)))


def _orders(
    source: Source,
    block: Block,
    number: float | int | None,
    gazetteer: Gazetteer,
    rules: Rules,
    *,
    ordering: bool,
) -> Iterator[Found]:
    for sentence in _SENTENCE.finditer(source.of(block)):
        text = sentence[0]
        if rules.orders.search(text):
            ordering = True
        elif rules.says.search(text):
            ordering = False
        if not ordering or len(text) > LONGEST:
            continue
        start = sentence.start()
        while lead := _LEAD.match(text) or _MARKER.match(text):
            start += lead.end()
            text = text[lead.end() :]
        if not (rules.duty.search(text) and rules.acts.search(text)) or len(text) < 8:
            continue
        address = _place(text, gazetteer)
        yield Found(
            Draft(
                kind=DECISION,
                text="",
                span=source.span(block.start + start, block.start + sentence.end()),
                confidence=0.85 if rules.acts.search(text) else 0.6,
                place=address[0],
                jurisdiction=address[1],
                measure="、".join(dict.fromkeys(found[0] for found in rules.acts.finditer(text))),
                value=number,
            ),
            block.start + start,
            block.start + sentence.end(),
        )


def _place(text: str, gazetteer: Gazetteer) -> tuple[str, Unit | None]:
    """The first place that an order names; its code only where the list holds it."""
    for found in _NAMED.finditer(text):
        words = _WORDS_BEFORE.match(found[0])
        begin = found.start() + (words.end() if words else 0)
        address = read_address(text[begin:], gazetteer)
        if address.town_printed or address.village:
            return address.printed, address.unit
    return "", None
