"""Laying a page out: blocks added one by one, or those of a whole day at once."""

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person
from duban.bulletin import blocks
from duban.bulletin.blocks import BadBlock
from duban.bulletin.compose import page_of
from duban.bulletin.facts import epidemic, meeting, organisations, story
from duban.bulletin.facts.sight import Sight
from duban.bulletin.models import ONCE, WAITING, Block, BlockKind, Issue, IssueState
from duban.bulletin.steps import lock_issue, touch, write_down
from duban.evidence.actions import store_photo

OF_DAY = {
    BlockKind.DECISIONS: (meeting.of_day,),
    BlockKind.STORY: (story.topic_of_day, story.activity_of_day),
    BlockKind.ORGANISATIONS: (organisations.of_day,),
    BlockKind.EPIDEMIC: (epidemic.of_day,),
}
ORDER = [
    BlockKind.DECISIONS, BlockKind.EXPOSURE, BlockKind.STORY, BlockKind.ORGANISATIONS, BlockKind.HYGIENE,
    BlockKind.EPIDEMIC, BlockKind.PHOTO, BlockKind.ARTICLE,
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
    photo: bytes | None = None,
) -> Block:
    """Add a block at the end of the page, told of `day` (default: today).

    Raises NotFound, NotAllowed, Conflict (`issue_changed`, `wrong_issue_state`), BadBlock (`bad_block`,
    `too_many_blocks`, `nothing_on_record`, `photo_missing`), BadPhoto.
    """
    issue = lock_issue(issue_id, by=by, permission="bulletin.draft", states=WAITING, seen=seen)
    on = day or timezone.localtime(now).date()
    parameters: dict[str, Any] = {"day": on.isoformat()}
    if kind in OF_DAY:
        parameters |= _on_record(issue, BlockKind(kind), Sight(issue.series.jurisdiction, on, now))
    if kind == BlockKind.PHOTO:
        if not photo:
            raise BadBlock("photo_missing", _("Choose a picture for this block."), field="photo")
        stored = store_photo(by=by, now=now, data=photo)
        parameters["photos"] = {stored.sha256: {"zh": "", "en": ""}}
    made = blocks.append(issue, kind, parameters)
    _changed(issue, by)
    write_down(issue, "add_block", by=by, now=now, block=str(made.pk), kind=kind)
    return made


def _on_record(issue: Issue, kind: BlockKind, sight: Sight) -> Mapping[str, Any]:
    """What of the day the block tells, the first that no block of the page tells of yet."""
    told = [block.parameters for block in issue.blocks.filter(kind=kind)]
    for source in OF_DAY[kind]:
        found = source(sight)
        if found is not None and not any(found.parameters.items() <= one.items() for one in told):
            return found.parameters
    raise BadBlock(
        "nothing_on_record",
        _("Nothing more of this kind is on record for %(day)s; choose another day, or write an article.")
        % {"day": sight.day.isoformat()},
        field="day",
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
