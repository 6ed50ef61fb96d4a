"""Files of an organisation: application, charter, roster, evidence. All of them name people, so all lie encrypted."""

import io
import uuid
import zipfile
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.commons.models import Document, DocumentKind, Organisation
from duban.commons.register.queries import EDITS, organisation_for
from duban.commons.register.roster import for_roster
from duban.core import audit
from duban.core.errors import DubanError, NotFound
from duban.core.files import write_whole
from duban.core.integrity import sha256
from duban.core.sealed_text import open_bytes, seal_bytes
from duban.core.text import is_plain

LARGEST = 10 * 1024 * 1024
MAX_NAME, MAX_DOCUMENTS = 100, 100
# By the bytes a file begins with: its ending, and what it is called on the way out.
BEGINNINGS: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF-", "pdf", "application/pdf"),
    (b"\xff\xd8\xff", "jpg", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
)
OFFICE = {
    "word/document.xml": ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "xl/workbook.xml": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
TYPES = {ending: kind for _begins, ending, kind in BEGINNINGS} | dict(OFFICE.values())
PERSONAL = (DocumentKind.ROSTER, DocumentKind.APPLICATION)
"""Only who may know the people of an organisation opens these."""


class BadDocument(DubanError):
    pass


def folder() -> Path:
    return settings.DUBAN_DATA / "documents"


@transaction.atomic
def keep_document(
    *, by: Person, now: datetime, organisation_id: uuid.UUID, kind: str, name: str, data: bytes
) -> Document:
    """Keep a file; the same one sent again as the same kind is there once.

    Raises NotFound (`organisation_not_found`), NotAllowed, BadDocument (`unknown_document_kind`,
    `too_many_documents`) and what `checked_file` refuses.
    """
    one = organisation_for(by, organisation_id, lock=True)
    rights.require(by, EDITS, one.jurisdiction)
    if kind not in DocumentKind.values:
        raise BadDocument("unknown_document_kind", _("Choose what the file is."), field="kind")
    clean = checked_file(name, data)
    digest = sha256(data)
    there = one.documents.filter(kind=kind, digest=digest).first()
    if there is not None:
        return there
    if one.documents.count() >= MAX_DOCUMENTS:
        raise BadDocument("too_many_documents", _("At most 100 files of an organisation; remove old ones first."))
    made = write_document(one, kind=kind, name=clean, data=data, by=by, now=now)
    _audit(by, now, "keep_document", one, document=made.pk, kind=kind)
    return made


def write_document(one: Organisation, *, kind: str, name: str, data: bytes, by: audit.Actor, now: datetime) -> Document:
    """Seal and write a file that was checked; the file is there before the row that names it."""
    path = f"{uuid.uuid4().hex}.sealed"
    write_whole(folder() / path, seal_bytes(data))
    return Document.objects.create(
        organisation=one, kind=kind, name=name, file=path, digest=sha256(data), by=by.as_actor(), at=now
    )


@transaction.atomic
def take_document(*, by: Person, now: datetime, organisation_id: uuid.UUID, document_id: int) -> tuple[Document, bytes]:
    """A file and what it holds; that it was taken is written down.

    Raises NotFound (`organisation_not_found`, `document_not_found`), NotAllowed.
    """
    found = document_for(by, organisation_id, document_id)
    try:
        data = open_bytes((folder() / found.file).read_bytes())
    except FileNotFoundError as error:
        raise NotFound("document_not_found", _("This file is not there any more.")) from error
    _audit(by, now, "take_document", found.organisation, document=found.pk, kind=found.kind)
    return found, data


@transaction.atomic
def remove_document(*, by: Person, now: datetime, organisation_id: uuid.UUID, document_id: int) -> None:
    """Delete a file for good. Raises NotFound (`organisation_not_found`, `document_not_found`), NotAllowed."""
    found = document_for(by, organisation_id, document_id)
    rights.require(by, EDITS, found.organisation.jurisdiction)
    path = folder() / found.file
    _audit(by, now, "remove_document", found.organisation, document=found.pk, kind=found.kind)
    found.delete()
    transaction.on_commit(lambda: path.unlink(missing_ok=True))


def document_for(by: Person, organisation_id: uuid.UUID, document_id: int) -> Document:
    """A file of an organisation that the person may open, else NotFound or NotAllowed."""
    one = organisation_for(by, organisation_id)
    found = one.documents.filter(pk=document_id).first()
    if found is None:
        raise NotFound("document_not_found", _("There is no such file of this organisation."))
    if found.kind in PERSONAL:
        for_roster(by, one.pk)
    found.organisation = one
    return found


def checked_file(name: str, data: bytes) -> str:
    """The file's name with the ending of what it is.

    Raises BadDocument (`document_missing`, `document_too_large`, `document_type`, `bad_text`).
    """
    if not data:
        raise BadDocument("document_missing", _("Choose a file that is not empty."), field="file")
    if len(data) > LARGEST:
        raise BadDocument("document_too_large", _("At most 10 MB; save it smaller, or split it."), field="file")
    ending = _ending(data)
    if not ending:
        raise BadDocument("document_type", _("A PDF, Word, Excel, JPEG or PNG file, please."), field="file")
    if not is_plain(name):
        raise BadDocument("bad_text", _("The text holds what is no character; type it again."), field="file")
    stem = "".join(c for c in PurePosixPath(name.replace("\\", "/")).stem if c.isprintable()).strip(". ")
    return f"{stem[: MAX_NAME - 5] or 'file'}.{ending}"


def type_of(document: Document) -> str:
    """The content type that a file goes out as."""
    return TYPES.get(document.name.rpartition(".")[2], "application/octet-stream")


def _ending(data: bytes) -> str:
    for begins, ending, _type in BEGINNINGS:
        if data.startswith(begins):
            return ending
    if not data.startswith(b"PK\x03\x04"):
        return ""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ""
    # A workbook or letter with macros in it is none that an office needs here.
    if any("vbaproject" in name.lower() for name in names):
        return ""
    return next((ending for part, (ending, _type) in OFFICE.items() if part in names), "")


def _audit(by: Person, now: datetime, action: str, one: Organisation, **detail: Any) -> None:
    audit.record(by=by, now=now, action=action, subject_type="organisation", subject_id=one.pk, detail=detail)
