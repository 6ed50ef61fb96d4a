"""A person's own link: it opens their page without an account. The secret is said once and kept nowhere."""

import secrets
import uuid
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from duban.access.actions import digest_of
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, NotFound
from duban.outbreak.care.reach import file_to
from duban.outbreak.care.watch import set_watch
from duban.outbreak.casefiles.queries import own_and_merged, root_of
from duban.outbreak.models import CareLink, CaseFile, FileState

MAKES = "file.contact"
SECRET_BYTES = 24
LONGEST_SECRET = 64


@transaction.atomic
def make_link(*, by: Person, now: datetime, file_id: uuid.UUID) -> str:
    """The secret of a new link; the one before it dies. Only its digest is kept, so it cannot be shown again.

    Raises NotFound (`file_not_found`), NotAllowed (`not_allowed`), Conflict (`file_not_open`).
    """
    file = file_to(by, MAKES, file_id)
    if file.state != FileState.OPEN:
        raise Conflict("file_not_open", _("This person is no longer followed."))
    revoke_link(now=now, file_id=file.pk)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    CareLink.objects.create(file=file, digest=digest_of(secret), made_at=now, made_by=by.as_actor())
    set_watch(now=now)
    audit.record(by=by, now=now, action="make_link", subject_type="case_file", subject_id=file.pk)
    return secret


def revoke_link(*, now: datetime, file_id: uuid.UUID) -> None:
    """No link of the file, or of what was merged into it, opens anything any more.

    Whoever calls this has asked whether it may be done.
    """
    file = CaseFile.objects.filter(pk=file_id).first()
    if file is not None:
        CareLink.objects.filter(file__in=own_and_merged(file), revoked_at=None).update(revoked_at=now)


def file_of_link(secret: str) -> CaseFile:
    """Whose page it opens: the file that is followed, also where the link's own was merged into it.

    Raises NotFound (`link_unknown`), in the same words for a link that never was and one that is over.
    """
    link = None
    if secret.isascii() and len(secret) <= LONGEST_SECRET:
        link = CareLink.objects.filter(digest=digest_of(secret), revoked_at=None).first()
    file = CaseFile.objects.get(pk=root_of(link.file_id)) if link is not None else None
    if file is None or file.state != FileState.OPEN:
        raise NotFound("link_unknown", _("This link opens nothing, or no longer; ask whoever looks after you for one."))
    return file
