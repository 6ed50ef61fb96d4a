"""Papers that lay before a meeting: kept by their digest, taken for what they hold and not for what they are called."""

import uuid
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, NotFound
from duban.core.files import write_whole
from duban.core.integrity import sha256
from duban.core.words import checked_words
from duban.decisions import queries
from duban.decisions.actions import RECORDS, BadDecision
from duban.decisions.models import MeetingState, Paper

MAX_BYTES = 20 * 1024 * 1024
MOST = 50
KINDS: dict[str, tuple[bytes, str]] = {
    ".pdf": (b"%PDF-", "application/pdf"),
    ".docx": (b"PK\x03\x04", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ".xlsx": (b"PK\x03\x04", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ".jpg": (b"\xff\xd8\xff", "image/jpeg"),
    ".png": (b"\x89PNG\r\n\x1a\n", "image/png"),
}


def path_of(paper: Paper) -> Path:
    return settings.DUBAN_DATA / "papers" / paper.file


@transaction.atomic
def add_paper(
    *, by: Person, now: datetime, meeting_id: uuid.UUID, title: str, name: str, data: bytes, public: bool = False
) -> Paper:
    """A paper of the meeting; the same file under the same title a second time is the one that is there.

    Raises NotFound (`meeting_not_found`), NotAllowed, BadDecision (`paper_title`, `paper_empty`, `paper_too_big`,
    `paper_kind`, `too_many_papers`), Conflict (`meeting_over`).
    """
    meeting = queries.meeting_for(by, meeting_id, lock=True)
    rights.require(by, RECORDS, meeting.body.jurisdiction)
    if meeting.state == MeetingState.CANCELLED:
        raise Conflict("meeting_over", _("The meeting was cancelled; nothing lies before it."))
    words = checked_words(title, "title", 200, error=BadDecision, code="paper_title", needed=True)
    ending = _checked(name, data)
    digest = sha256(data)
    there = meeting.papers.filter(digest=digest, title=words).first()
    if there is not None:
        return there
    if meeting.papers.count() >= MOST:
        raise BadDecision("too_many_papers", _("At most 50 papers lie before a meeting."), field="file")
    paper = Paper(meeting=meeting, title=words, file=f"{digest[:2]}/{digest}{ending}", digest=digest, public=public)
    target = path_of(paper)
    if not target.is_file():
        write_whole(target, data)
    paper.save()
    detail = {"digest": digest, "public": public}
    audit.record(by=by, now=now, action="add_paper", subject_type="meeting", subject_id=meeting.pk, detail=detail)
    return paper


def _checked(name: str, data: bytes) -> str:
    """The ending by which the file is kept."""
    ending = Path(name).suffix.lower().replace(".jpeg", ".jpg")
    if not data:
        raise BadDecision("paper_empty", _("Choose a file that holds something."), field="file")
    if len(data) > MAX_BYTES:
        raise BadDecision("paper_too_big", _("A paper has at most 20 MB; send a smaller file."), field="file")
    if ending not in KINDS or not data.startswith(KINDS[ending][0]):
        raise BadDecision("paper_kind", _("A paper is a PDF, DOCX, XLSX, JPEG or PNG file."), field="file")
    return ending


def paper_for(person: Person, meeting_id: uuid.UUID, paper_id: int) -> Paper:
    """The paper of a meeting that the person may see, else NotFound (`meeting_not_found`, `paper_not_found`)."""
    meeting = queries.meeting_for(person, meeting_id)
    found = meeting.papers.filter(pk=paper_id).first()
    if found is None or not path_of(found).is_file():
        raise NotFound("paper_not_found", _("There is no such paper."))
    return found
