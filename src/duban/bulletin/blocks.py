"""The blocks of an issue: what each tells of, its words, its order. Who may, and the locks, are the callers'."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.bulletin.facts import epidemic, hygiene, inspection, meeting, organisations, picture, story
from duban.bulletin.facts.sight import Sight
from duban.bulletin.facts.story import printed_photo
from duban.bulletin.figures import Facts, Figure
from duban.bulletin.models import ONCE, Block, BlockKind, Issue
from duban.bulletin.printing import Written, frozen_block
from duban.core.errors import DubanError
from duban.core.text import is_plain
from duban.evidence.models import Photo

MOST_BLOCKS = 200
BORROWING = (BlockKind.ARTICLE, BlockKind.PHOTO)
"""Kinds that tell of nothing on record and may say the figures of every other block."""
HEADLINE, TEXT, BYLINE = 200, 20_000, 100


class BadBlock(DubanError):
    pass


@dataclass(frozen=True)
class Words:
    """A block as somebody wrote it; an empty text is made of the records."""

    id: uuid.UUID
    headline_zh: str = ""
    headline_en: str = ""
    text_zh: str = ""
    text_en: str = ""
    byline: str = ""


TEXTS = {
    "headline_zh": HEADLINE,
    "headline_en": HEADLINE,
    "text_zh": TEXT,
    "text_en": TEXT,
    "byline": BYLINE,
}


# ---- reading --------------------------------------------------------------------------------------------------------


def day_of(block: Block) -> date:
    """The day that it tells of: its own, else that on which the issue came out or was begun."""
    try:
        return date.fromisoformat(str(block.parameters.get("day")))
    except ValueError:
        return timezone.localtime(block.issue.published_at or block.issue.created_at).date()


def facts_of(block: Block, counts: Mapping[str, int], now: datetime, photos: Mapping[str, Photo]) -> Facts | None:
    """What the records say for the block now; None where what it tells of is no longer on record.

    `photos` are those that its issue names itself, by hash.
    """
    issue, parameters = block.issue, block.parameters
    sight = Sight(issue.series.jurisdiction, day_of(block), now)
    match block.kind:
        case BlockKind.HYGIENE:
            found: Facts | None = hygiene.of_issue(issue, counts)
        case BlockKind.EXPOSURE:
            found = inspection.told(sight, parameters) if "from" in parameters else Facts(BlockKind.EXPOSURE)
        case BlockKind.DECISIONS:
            found = meeting.told(sight, parameters)
        case BlockKind.STORY:
            found = story.told(sight, parameters)
        case BlockKind.ORGANISATIONS:
            found = organisations.told(sight, parameters)
        case BlockKind.EPIDEMIC:
            found = epidemic.told(sight, parameters)
        case BlockKind.PHOTO if "picture" in parameters:
            found = picture.told(sight, parameters)
        case _:
            found = Facts(block.kind)
    if found is None:
        return None
    own = [
        printed_photo(photos[sha], said.get("zh", ""), said.get("en", ""))
        for sha, said in _own_photos(block).items()
        if sha in photos
    ]
    return replace(found, photos=(*own, *found.photos)) if own else found


def _own_photos(block: Block) -> Mapping[str, Mapping[str, str]]:
    """Captions by hash of the photos that somebody put into the block."""
    return block.parameters.get("photos") or {}


def shows_photo(issue: Issue, sha256: str, now: datetime) -> bool:
    """Whether a block of the issue shows the photo; the records are asked only where nobody put it there."""
    held = list(issue.blocks.all())
    if any(sha256 in _own_photos(block) for block in held):
        return True
    rest = (block for block in held if block.kind != BlockKind.ARTICLE and not _own_photos(block))
    for block in rest:
        block.issue = issue
        facts = facts_of(block, {}, now, {})
        if facts and any(photo["sha256"] == sha256 for photo in facts.photos):
            return True
    return False


@dataclass(frozen=True)
class Told:
    """A block with what the records say for it; an article may say the figures of every other block."""

    block: Block
    facts: Facts | None

    @property
    def written(self) -> Written:
        block = self.block
        return Written(
            {"zh": block.headline_zh, "en": block.headline_en}, {"zh": block.text_zh, "en": block.text_en}, block.byline
        )

    def words(self, name: str) -> str:
        """What is printed of `headline_zh` and the like, marks and all."""
        own: str = getattr(self.block, name)
        return own or made_words(self.facts, name)

    @property
    def figures(self) -> Mapping[str, Figure]:
        return self.facts.figures if self.facts else {}


def made_words(facts: Facts | None, name: str) -> str:
    """What the records give for `headline_zh` and the like."""
    if facts is None or name == "byline":
        return facts.byline if facts else ""
    field, _underscore, language = name.partition("_")
    return getattr(facts, field).get(language, "")


def told(issue: Issue, counts: Mapping[str, int], now: datetime) -> list[Told]:
    """All blocks of the issue in their order with what the records say now."""
    held = list(issue.blocks.all())
    photos = Photo.objects.in_bulk({sha for block in held for sha in _own_photos(block)})
    found = []
    for block in held:
        block.issue = issue
        found.append(Told(block, facts_of(block, counts, now, photos)))
    every: dict[str, Figure] = {}
    for one in found:
        every = {**one.figures, **every}
    return [
        replace(one, facts=replace(one.facts, figures=every)) if one.block.kind in BORROWING and one.facts else one
        for one in found
    ]


def printed(issue: Issue, counts: Mapping[str, int], *, now: datetime) -> list[dict[str, Any]]:
    """The blocks as the document has them."""
    made = []
    for one in told(issue, counts, now):
        block = frozen_block(one.facts or Facts(one.block.kind), one.written) | {"id": str(one.block.pk)}
        if one.block.kind == BlockKind.HYGIENE:
            block |= {"number": issue.number or issue.series.next_number, "issuer": issue.issuer}
        made.append(block)
    return made


# ---- writing --------------------------------------------------------------------------------------------------------


def begin(issue: Issue) -> None:
    """Give an issue its two blocks that every one has, where it has none yet."""
    if not issue.blocks.exists():
        for position, kind in enumerate(ONCE):
            Block.objects.create(issue=issue, kind=kind, position=position)


def append(issue: Issue, kind: str, parameters: Mapping[str, Any]) -> Block:
    """A new block at the end. Raises BadBlock (`bad_block`, `too_many_blocks`)."""
    if kind not in BlockKind.values or kind in ONCE:
        raise BadBlock("bad_block", _("There is no such block to add; choose one from the list."), field="kind")
    begin(issue)
    count = issue.blocks.count()
    if count >= MOST_BLOCKS:
        raise BadBlock(
            "too_many_blocks", _("A page has at most %(most)d blocks; take one out first.") % {"most": MOST_BLOCKS}
        )
    return Block.objects.create(issue=issue, kind=kind, position=count, parameters=dict(parameters))


def place(issue: Issue, wanted: Sequence[Words]) -> None:
    """Make the page hold exactly these blocks in this order, with these words.

    Raises BadBlock (`bad_block`): each stands once, none is of another page, and where the entries and the exposures
    stand must be said; (`bad_text`).
    """
    there = {block.pk: block for block in issue.blocks.select_for_update().order_by("pk")}
    ids = [words.id for words in wanted]
    must = {pk for pk, block in there.items() if block.kind in ONCE}
    if len(set(ids)) != len(ids) or not set(there).issuperset(ids) or not must.issubset(ids):
        raise BadBlock(
            "bad_block",
            _("A block stands once on its page; where entries and exposures stand cannot be taken out."),
            field="blocks",
        )
    issue.blocks.exclude(pk__in=ids).delete()
    changed = []
    for position, words in enumerate(wanted):
        block = there[words.id]
        block.position = position
        for name, limit in TEXTS.items():
            text: str = getattr(words, name).replace("\r\n", "\n").strip()
            if len(text) > limit or not is_plain(text):
                raise BadBlock(
                    "bad_text",
                    _("Plain text of at most %(limit)d characters is wanted here.") % {"limit": limit},
                    field=f"{block.pk}-{name}",
                )
            setattr(block, name, text if name.startswith("text") else " ".join(text.split()))
        changed.append(block)
    Block.objects.bulk_update(changed, ["position", *TEXTS])


def words_over(issue: Issue, given: Sequence[dict[str, Any]]) -> list[Words]:
    """Blocks in the order given, with the words that are given over those that are kept."""
    there = {block.pk: block for block in issue.blocks.all()}
    return [
        Words(**({name: getattr(there[one["id"]], name) for name in TEXTS} if one["id"] in there else {}) | one)
        for one in given
    ]


def copy(old: Issue, issue: Issue) -> None:
    """The same blocks for a correction; they tell of the same days as the first ones did."""
    for block in old.blocks.all():
        block.issue = old
        parameters = block.parameters | {"day": day_of(block).isoformat()}
        Block.objects.create(
            issue=issue, kind=block.kind, position=block.position, parameters=parameters,
            **{name: getattr(block, name) for name in TEXTS},
        )  # fmt: skip
