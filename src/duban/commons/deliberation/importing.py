"""Comments from a table, with their threads, whatever the order of the rows; good rows are kept, the others come back.

Columns: id (of the sender's own), parent (an id of this file or of one that came before; empty begins a thread),
pen_name, text, at.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access.models import Person
from duban.commons.deliberation.actions import managed
from duban.commons.deliberation.comments import BadComment, checked_pen_name, checked_text
from duban.commons.models import Comment, Topic
from duban.core import audit
from duban.core.errors import Conflict, DubanError
from duban.core.tables import BadTable, Row, read_table
from duban.core.text import is_plain

COLUMNS = ("id", "parent", "pen_name", "text", "at")
REQUIRED = ("id", "text", "at")
MAX_ROWS = 50_000
MAX_ID = 60
BATCH = 500
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ImportedComments:
    """How a file went, in rows."""

    rows: int
    taken: int
    unchanged: int
    threads: int
    """Of those taken, how many began a thread."""
    columns: list[str]
    refused: list[tuple[Row, DubanError]]


@dataclass
class _Read:
    """A sound row, its parent not looked for yet."""

    row: Row
    key: str
    parent: str
    pen_name: str
    text: str
    at: datetime


@dataclass
class _Sorted:
    fresh: list[Comment] = field(default_factory=list)
    unchanged: int = 0
    refused: list[tuple[Row, DubanError]] = field(default_factory=list)


def _nobody(_step: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def import_comments(
    *, by: Person, now: datetime, topic_id: uuid.UUID, data: bytes, name: str, progress: Progress = _nobody
) -> ImportedComments:
    """Take what was said elsewhere about a topic; the same file again changes nothing.

    By row: `comment_id_missing`, `comment_id_twice`, `comment_text`, `personal_number`, `pen_name`, `time_missing`,
    `bad_time`, `comment_in_future`, `comment_conflict` (the id is there with other words), `parent_missing`,
    `parent_refused`, `parent_circle`. Raises BadTable for a file that is no table (`too_many_rows` beyond 50,000),
    NotFound (`topic_not_found`), NotAllowed, Conflict (`topic_closed`).
    """
    columns, rows = read_table(data, name, required=REQUIRED)
    if len(rows) > MAX_ROWS:
        raise BadTable("too_many_rows", _("At most 50,000 comments a file; split it."), field="file")
    refused: list[tuple[Row, DubanError]] = []
    sound: dict[str, _Read] = {}
    for number, row in enumerate(rows):
        if number % BATCH == 0:
            progress("rows", number, len(rows))
        try:
            read = _read(row, now)
            if read.key in sound:
                raise BadComment("comment_id_twice", _("This id stands in the file already."), field="id")
            sound[read.key] = read
        except DubanError as refusal:
            refused.append(_at_row(row, refusal))
    with transaction.atomic():
        topic = managed(by, topic_id)
        there = {one.external_id: one for one in topic.comments.exclude(external_id="").order_by()}
        found = _sort(topic, sound, there, {row.text("id") for row, _refusal in refused})
        for start in range(0, len(found.fresh), BATCH):
            progress("comments", start, len(found.fresh))
            Comment.objects.bulk_create(found.fresh[start : start + BATCH])
        audit.record(
            by=by, now=now, action="import_comments", subject_type="topic", subject_id=topic.pk,
            detail={"taken": len(found.fresh), "refused": len(refused) + len(found.refused)},
        )  # fmt: skip
    return ImportedComments(
        rows=len(rows),
        taken=len(found.fresh),
        unchanged=found.unchanged,
        threads=sum(one.parent_id is None for one in found.fresh),
        columns=columns,
        refused=sorted(refused + found.refused, key=lambda pair: pair[0].number),
    )


def _at_row(row: Row, refusal: DubanError) -> tuple[Row, DubanError]:
    refusal.row = row.number
    return row, refusal


def _read(row: Row, now: datetime) -> _Read:
    key, parent = row.text("id"), row.text("parent")
    if not key or len(key) > MAX_ID or not is_plain(key):
        raise BadComment("comment_id_missing", _("Each row has an id of 1 to 60 characters."), field="id")
    pen_name, text = checked_pen_name(row.text("pen_name")), checked_text(row.text("text"))
    at = row.moment_in("at")
    if at > now + timedelta(days=1):
        raise BadComment("comment_in_future", _("It cannot have been said in the future."), field="at")
    if at.year < 1990:
        raise BadComment("comment_in_future", _("The date lies before 1990; check the year."), field="at")
    return _Read(row, key, parent, pen_name, text, at)


def _sort(topic: Topic, sound: Mapping[str, _Read], there: Mapping[str, Comment], bad: set[str]) -> _Sorted:
    """The new comments, what they answer before them; and what hangs on nothing, on what was refused, or on itself."""
    found = _Sorted()
    placed: dict[str, Comment] = dict(there)
    failed: dict[str, str] = {key: "parent_refused" for key in bad if key not in sound and key not in there}
    for key, read in sound.items():
        known = there.get(key)
        if known is not None and not _same(read, known, there):
            failed[key] = "comment_conflict"
            refusal = Conflict("comment_conflict", _("This id is there already, with other words."), field="id")
            found.refused.append(_at_row(read.row, refusal))
        elif known is not None:
            found.unchanged += 1
    for key in sound:
        if key not in placed and key not in failed:
            _place(topic, key, sound, placed, failed, found)
    return found


def _same(read: _Read, known: Comment, there: Mapping[str, Comment]) -> bool:
    parent = there.get(read.parent) if read.parent else None
    answered = parent.pk if parent else None
    if read.parent and parent is None:
        return False
    return (read.pen_name, read.text, read.at, answered) == (known.pen_name, known.text, known.at, known.parent_id)


def _place(
    topic: Topic,
    key: str,
    sound: Mapping[str, _Read],
    placed: dict[str, Comment],
    failed: dict[str, str],
    found: _Sorted,
) -> None:
    """Walk up from the row to what is placed, or to why it cannot be; then place, or refuse, all on the way."""
    way: list[str] = []
    on_way: dict[str, int] = {}
    at, why = key, ""
    while at and not why:
        if at in failed:
            why = "parent_refused"
        elif at in placed:
            break
        elif at in on_way:
            # From here on the rows answer one another in a ring; those before hang on it.
            _refuse(way[on_way[at] :], "parent_circle", sound, failed, found)
            way, why = way[: on_way[at]], "parent_refused"
        elif at not in sound:
            _refuse(way[-1:], "parent_missing", sound, failed, found)
            way, why = way[:-1], "parent_refused"
        else:
            on_way[at] = len(way)
            way.append(at)
            at = sound[at].parent
    if why:
        _refuse(way, why, sound, failed, found)
        return
    for one in reversed(way):
        read = sound[one]
        parent = placed[read.parent] if read.parent else None
        placed[one] = Comment(
            topic=topic, parent=parent, root_id=(parent.root_id or parent.pk) if parent else None,
            pen_name=read.pen_name, text=read.text, external_id=one, at=read.at,
        )  # fmt: skip
        found.fresh.append(placed[one])


WHY = {
    "parent_missing": _("What it answers is neither in the file nor there already."),
    "parent_refused": _("What it answers was refused; mend that row, and send both again."),
    "parent_circle": _("It answers itself, by way of others."),
}


def _refuse(keys: Sequence[str], code: str, sound: Mapping[str, _Read], failed: dict[str, str], found: _Sorted) -> None:
    for key in keys:
        failed[key] = code
        found.refused.append(_at_row(sound[key].row, BadComment(code, WHY[code], field="parent")))
