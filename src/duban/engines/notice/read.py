"""From a text to what it says: articles first, then the readers one after the other over each."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .areas import find_areas
from .columns import is_head
from .decisions import find_decisions
from .drafts import DECISION, FIGURE, FINDING, RISK_AREA, SITE, Article, Check, Draft, Notice
from .figures import find_figures
from .findings import find_findings
from .gazetteer import Gazetteer
from .judge import judged, weights
from .numbers import number_of
from .records import find_records
from .rules import Rules, rules
from .sites import Found, find_sites
from .source import HEADING, PROSE, Block, Source, read_source
from .subjects import Names
from .tables import find_rows, find_told
from .traits import Clauses

_DATELINE = re.compile(r"^(?:本报讯|本报记者|（记者|（通讯员|[^，。]{0,12}(?:电|讯)（)")
_BY_PIECE = re.compile("[个项条](?:问题|隐患)|(?:问题|隐患)[^0-9]{0,4}[\\d一二三四五六七八九十百]+[个项条]")
_ITEM = re.compile("(?:\\d{1,2}|[一二三四五六七八九十]{1,2})[.．、](?!\\d)")
_TITLE_MOST = 40
NO_TITLE = ""

MEETING, INSPECTION, PLACES, ORGANISATIONS, AREAS, OTHER = (
    "meeting",
    "inspection",
    "hygiene",
    "organisations",
    "risk_areas",
    "other",
)
_ORGANISATIONS = ("社会组织", "社区社会组织", "社团", "文化工作室")


def read_notice(text: str, gazetteer: Gazetteer) -> Notice:
    """What a report says, each draft with its span in `text`. Nothing found is an answer; nothing is ever raised.

    Line ends are counted as they come; two readings of the same text give the same answer.
    """
    source = read_source(text)
    clauses = Clauses(source, rules())
    articles = []
    for title, blocks in _articles(source):
        articles.append(_read(clauses, title, blocks, gazetteer))
    return Notice(text, tuple(articles))


def _articles(source: Source) -> Iterator[tuple[list[Block], list[Block]]]:
    """Titles and bodies. Headings that follow one another are one title."""
    title: list[Block] = []
    body: list[Block] = []
    hashed = any(block.kind == HEADING for block in source.blocks)
    for place, block in enumerate(source.blocks):
        after = source.blocks[place + 1] if place + 1 < len(source.blocks) else None
        heading = block.kind == HEADING or (_titles(source, block, after) and (not hashed or not body))
        if heading and block.kind != HEADING and hashed and title and not body:
            title.append(block)
            continue
        if heading and body:
            yield title, body
            title, body = [], []
        (title if heading else body).append(block)
    if title or body:
        yield title, body


def _titles(source: Source, block: Block, after: Block | None) -> bool:
    """Whether a line is a headline although nothing marks it as one."""
    text = source.of(block)
    if block.kind != PROSE or len(text) > _TITLE_MOST or re.search("[。；]", text) or after is None:
        return False
    following = source.of(after)
    key, colon, _value = text.partition("：")
    if _ITEM.match(text) or (text.startswith("【") and following.startswith("【")) or (colon and is_head(key)):
        return False
    if "：" in text and (text.endswith("：") or (len(following) <= _TITLE_MOST and re.search("：.", following))):
        return False
    return bool(_DATELINE.match(following)) or (block.start == 0 and after.kind != HEADING and len(text) >= 4)


def _read(clauses: Clauses, title: list[Block], body: list[Block], gazetteer: Gazetteer) -> Article:
    source, said = clauses.source, clauses.rules
    blocks = [*title, *body]
    names = Names(gazetteer, said)
    headline = " ".join(map(source.of, title))
    headed = names.village_in(headline) or names.town_in(headline)
    found: list[Found] = []
    for block in body:
        found.extend(find_sites(source, block, gazetteer, said))
    found = _once(found)
    found.extend(find_rows(source, body, gazetteer, said, headed))
    records = list(find_records(source, body, gazetteer, said))
    found.extend(record.found for record in records if record.found)
    for block in blocks:
        found.extend(find_areas(source, block, gazetteer, said))
    orders = list(find_decisions(source, blocks, gazetteer, said))
    found.extend(orders)
    told = list(find_told(source, body, gazetteer, said))
    taken = [(one.start, one.end) for one in found if one.told and one.draft.kind in (SITE, DECISION, RISK_AREA)]
    taken += [(record.start, record.end) for record in records]
    rest = [block for block in body if not any(one.start <= block.start and block.end <= one.end for one in records)]
    listed = {one.draft.venue for one in found if one.draft.kind == FINDING and one.draft.venue}
    # A note under a table only tells again of a venue in it.
    prose = find_findings(source, headline, rest, gazetteer, said, taken, told)
    found.extend(judged(clauses, [one for one in prose if one.draft.venue not in listed], weights()))
    found.extend(find_figures(source, blocks, said))
    found.sort(key=lambda one: (one.start, one.end, one.draft.kind))
    spans = [source.span(block.start, block.end) for block in blocks]
    first, last = min(start for start, _end in spans), max(end for _start, end in spans)
    return Article(
        title=" ".join(source.of(block).strip() for block in title),
        kind=_kind([one.draft for one in found]),
        span=(first, last),
        drafts=tuple(_worded(source, one.draft) for one in found),
        checks=tuple(_checks(source, body, found, said)),
    )


def _worded(source: Source, draft: Draft) -> Draft:
    """The words of the span as they came, and a confidence that is no more than 1."""
    start, end = draft.span
    return replace(draft, text=source.original[start:end], confidence=min(1.0, max(0.0, draft.confidence)))


def _once(found: Sequence[Found]) -> list[Found]:
    """Captions are printed twice at times: the first stands."""
    kept: dict[tuple[object, ...], Found] = {}
    for one in found:
        draft = one.draft
        key = (draft.jurisdiction, draft.place[-6:], draft.road, draft.water, draft.venue)
        kept.setdefault(key, one)
    return list(kept.values())


def _kind(drafts: Sequence[Draft]) -> str:
    kinds = {draft.kind for draft in drafts}
    if DECISION in kinds:
        return MEETING
    if RISK_AREA in kinds:
        return AREAS
    if SITE in kinds:
        return PLACES
    if FINDING in kinds:
        return INSPECTION
    if any(draft.kind == FIGURE and draft.measure in _ORGANISATIONS for draft in drafts):
        return ORGANISATIONS
    return OTHER


def _checks(source: Source, body: Sequence[Block], found: Sequence[Found], said: Rules) -> Iterator[Check]:
    """Claimed counts against drafts: of problems up to the next claim, of places over the whole article."""
    claims = sorted(_claims(source, body, said.problem_counts))
    findings = sorted(
        (
            (one.start, one.draft)
            for one in found
            if one.draft.kind == FINDING or (one.draft.kind == SITE and one.draft.problems)
        ),
        key=lambda pair: pair[0],
    )
    last = body[-1].end if body else 0
    for place, (start, end, number) in enumerate(claims):
        until = claims[place + 1][0] if place + 1 < len(claims) else last + 1
        there = [draft for at, draft in findings if start <= at < until]
        if not there and len(claims) == 1:
            # A total at the end sums up what stands before it.
            there = [draft for _at, draft in findings]
        # Places are counted (处, 家), unless the report counts problems by the piece (6个问题, 6项隐患).
        pieces = _BY_PIECE.search(source.text[start:end])
        counted = sum(len(draft.problems) for draft in there) if pieces else len(there)
        yield Check(
            number, len(there) if number == len(there) else counted, source.span(start, end), source.text[start:end]
        )
    sites = [one for one in found if one.draft.kind == SITE]
    places = sorted(_claims(source, body, said.place_counts))
    if sites and places:
        total = sum(number for _start, _end, number in places)
        if len(places) > 1 and max(number for *_where, number in places) * 2 == total:
            # The whole was given as well as its parts.
            total //= 2
        start, end = places[0][0], places[-1][1]
        yield Check(total, len(sites), source.span(start, end), source.text[start:end])


def _claims(source: Source, body: Sequence[Block], patterns: Sequence[re.Pattern[str]]) -> set[tuple[int, int, int]]:
    claims: dict[tuple[int, int], tuple[int, int, int]] = {}
    for block in body:
        for pattern in patterns:
            for found in pattern.finditer(source.of(block)):
                number = number_of(found["number"])
                where = (block.start + found.start("number"), block.start + found.end("number"))
                if isinstance(number, int) and where not in claims:
                    claims[where] = (block.start + found.start(), block.start + found.end(), number)
    return set(claims.values())
