"""Laying a page out: blocks added one by one, or those of a whole day at once."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person
from duban.bulletin import blocks
from duban.bulletin.blocks import BadBlock
from duban.bulletin.compose import page_of
from duban.bulletin.facts import epidemic, meeting, organisations, picture, story
from duban.bulletin.facts.sight import Sight
from duban.bulletin.figures import Facts
from duban.bulletin.models import ONCE, WAITING, Block, BlockKind, Issue, IssueState
from duban.bulletin.pictures import kept_photo
from duban.bulletin.steps import lock_issue, touch, write_down

OF_DAY: dict[BlockKind, tuple[Callable[[Sight], Facts | None], ...]] = {
    BlockKind.DECISIONS: (meeting.of_day,),
    BlockKind.STORY: (story.topic_of_day, story.activity_of_day),
    BlockKind.ORGANISATIONS: (organisations.of_day,),
    BlockKind.EPIDEMIC: (epidemic.of_day,),
}
ORDER = [
    BlockKind.DECISIONS, BlockKind.EXPOSURE, BlockKind.EPIDEMIC, BlockKind.STORY, BlockKind.ORGANISATIONS,
    BlockKind.PHOTO, BlockKind.HYGIENE, BlockKind.ARTICLE,
]  # fmt: skip
"""Of a newspaper: what was decided first, the pictures of the hygiene column over the full width beneath."""


@transaction.atomic
def add_block(
    *,
    by: Person,
    now: datetime,
    issue_id: uuid.UUID,
    kind: str,
    day: date | None = None,
    seen: int | None = None,
    photo: bytes | str | None = None,
) -> Block:
    """Add a block at the end of the page, told of `day` (default: today).

    `photo` is a file, or the SHA-256 of one that was sent before; a photo block without one takes the next picture
    that was filed for the day. Raises NotFound, NotAllowed, Conflict (`issue_changed`, `wrong_issue_state`), BadBlock
    (`bad_block`, `too_many_blocks`, `nothing_on_record`, `photo_missing`), BadPhoto, BadPicture (`unknown_photo`).
    """
    issue = lock_issue(issue_id, by=by, permission="bulletin.draft", states=WAITING, seen=seen)
    on = day or timezone.localtime(now).date()
    parameters: dict[str, Any] = {"day": on.isoformat()}
    sight = Sight(issue.series.jurisdiction, on, now)
    if kind == BlockKind.PHOTO and photo:
        parameters["photos"] = {kept_photo(photo, by=by, now=now).sha256: {"zh": "", "en": ""}}
    elif kind == BlockKind.PHOTO:
        parameters |= _picture(issue, sight)
    elif kind in OF_DAY:
        parameters |= _on_record(issue, BlockKind(kind), sight)
    made = blocks.append(issue, kind, parameters)
    _changed(issue, by)
    write_down(issue, "add_block", by=by, now=now, block=str(made.pk), kind=kind)
    return made


def _on_record(issue: Issue, kind: BlockKind, sight: Sight) -> Mapping[str, Any]:
    """What of the day the block tells, the first that no block of the page tells of yet."""
    found = (facts for source in OF_DAY[kind] if (facts := source(sight)) is not None)
    if (untold := _untold(issue, kind, found)) is not None:
        return untold
    raise BadBlock(
        "nothing_on_record",
        _("Nothing more of this kind is on record for %(day)s; choose another day, or write an article.")
        % {"day": sight.day.isoformat()},
        field="day",
    )


def _picture(issue: Issue, sight: Sight) -> Mapping[str, Any]:
    """The next picture that was filed for the page of the day."""
    if (untold := _untold(issue, BlockKind.PHOTO, picture.all_of_day(sight))) is not None:
        return untold
    raise BadBlock(
        "photo_missing",
        _("Choose a picture for this block; none is left that was filed for the page of %(day)s.")
        % {"day": sight.day.isoformat()},
        field="photo",
    )


def _untold(issue: Issue, kind: BlockKind, found: Iterable[Facts]) -> Mapping[str, Any] | None:
    told = [block.parameters for block in issue.blocks.filter(kind=kind)]
    return next(
        (facts.parameters for facts in found if not any(facts.parameters.items() <= one.items() for one in told)),
        None,
    )


@transaction.atomic
def lay_out_page(
    *, by: Person, now: datetime, issue_id: uuid.UUID, day: date | None = None, seen: int | None = None
) -> Issue:
    """Put all that the records give for a day on the page, in the order of a newspaper; what is written there stays.

    Raises as `add_block` does.
    """
    issue = lock_issue(issue_id, by=by, permission="bulletin.draft", states=WAITING, seen=seen)
    on = day or timezone.localtime(now).date()
    blocks.begin(issue)
    for facts in page_of(issue.series.jurisdiction, on, now).facts:
        there = list(issue.blocks.filter(kind=facts.kind))
        parameters = {"day": on.isoformat(), **facts.parameters}
        if facts.kind in ONCE:
            if facts.kind == BlockKind.EXPOSURE:
                there[0].parameters = parameters
                there[0].save(update_fields=["parameters"])
        elif not any(facts.parameters.items() <= block.parameters.items() for block in there):
            blocks.append(issue, facts.kind, parameters)
    order = sorted(issue.blocks.all(), key=lambda block: (ORDER.index(BlockKind(block.kind)), block.position))
    for position, block in enumerate(order):
        block.position = position
    Block.objects.bulk_update(order, ["position"])
    _changed(issue, by)
    write_down(issue, "lay_out_page", by=by, now=now, day=on.isoformat())
    return issue


def _changed(issue: Issue, by: Person) -> None:
    """What was approved is what is published: a change makes it a draft again."""
    issue.state, issue.approved_by = IssueState.DRAFT, ""
    touch(issue, by)
