"""What people ask for: food, medicine, a doctor. Each request has an owner and a time."""

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from duban.access import rights
from duban.access.models import Person
from duban.core import audit
from duban.core.errors import Conflict, DubanError, NotFound
from duban.core.sealed_text import open_text, seal_text
from duban.core.text import is_plain
from duban.outbreak.care.reach import may_for
from duban.outbreak.care.reports import ByLink, may_report
from duban.outbreak.care.rules import moment_of, rule_on, today
from duban.outbreak.casefiles.queries import file_not_found, in_scope, root_of
from duban.outbreak.models import CareRequest, CaseFile, FileState, RequestKind

SEES, ACTS = "file.see", "act.do"
MAX_WORDS = 500


class BadRequest(DubanError):
    pass


class TooMany(DubanError):
    status = 429


@transaction.atomic
def make_request(
    *, by: Person | None, now: datetime, request_id: uuid.UUID, file_id: uuid.UUID, kind: str, words: str
) -> CareRequest:
    """Something is asked for; when it is due follows from its kind. The same id again gives the first.

    `by` is None for the person, whose link the caller has read. Raises BadRequest (`request_kind`, `bad_words`,
    `words_missing`), Conflict (`file_not_open`, `request_of_others`), TooMany (`too_many_requests`),
    NotFound (`file_not_found`).
    """
    file = CaseFile.objects.select_for_update().filter(pk=root_of(file_id)).first()
    if file is None or not (by is None or may_report(by, file)):
        raise file_not_found()
    known = CareRequest.objects.filter(pk=request_id).first()
    if known is not None:
        if known.file_id != file.pk:
            raise Conflict("request_of_others", _("Load the page anew, then ask again."))
        return known
    if file.state != FileState.OPEN:
        raise Conflict("file_not_open", _("This person is no longer followed."))
    if kind not in RequestKind.values:
        raise BadRequest("request_kind", _("Say what you need."), field="kind")
    words = words.strip()
    if len(words) > MAX_WORDS or not is_plain(words):
        raise BadRequest("bad_words", _("Plain text of at most 500 characters, please."), field="words")
    if kind == RequestKind.OTHER and not words:
        raise BadRequest("words_missing", _("Say in a few words what you need."), field="words")
    rule = rule_on(today(now))
    since = moment_of(today(now), datetime.min.time())
    if by is None and CareRequest.objects.filter(file=file, made_at__gte=since).count() >= rule.requests_a_day:
        raise TooMany("too_many_requests", _("You have asked for a lot today; please call whoever looks after you."))
    made = CareRequest.objects.create(
        id=request_id,
        file=file,
        town=file.town,
        kind=kind,
        sealed=seal_text(words),
        made_at=now,
        due_at=now + timedelta(hours=rule.request_hours[kind]),
    )
    _note(by=by, now=now, action="make_request", made=made)
    return made


@transaction.atomic
def give_request(*, by: Person, now: datetime, request_id: uuid.UUID, username: str = "") -> CareRequest:
    """Somebody sees to it: `by`, or another person by user name who acts there too.

    Raises NotFound (`request_not_found`), NotAllowed (`not_allowed`), BadRequest (`owner_unknown`), Conflict
    (`request_done`).
    """
    made = _request(by, request_id)
    if made.done_at is not None:
        raise Conflict("request_done", _("This was seen to already."))
    owner = Person.objects.filter(username=username.strip(), is_active=True).first() if username.strip() else by
    if owner is None or not may_for(owner, ACTS, made.file):
        raise BadRequest("owner_unknown", _("Nobody of this user name looks after this person."), field="username")
    if made.owner is not None and made.owner["username"] == owner.username:
        return made
    made.owner = owner.as_actor()
    made.save(update_fields=["owner"])
    _note(by=by, now=now, action="give_request", made=made)
    return made


@transaction.atomic
def finish_request(*, by: Person, now: datetime, request_id: uuid.UUID) -> CareRequest:
    """It was seen to; whoever says so owns it if nobody did. Done before, it stays as it was."""
    made = _request(by, request_id)
    if made.done_at is not None:
        return made
    made.owner = made.owner or by.as_actor()
    made.done_at, made.done_by = now, by.as_actor()
    made.save(update_fields=["owner", "done_at", "done_by"])
    _note(by=by, now=now, action="finish_request", made=made)
    return made


def requests_for(person: Person) -> QuerySet[CareRequest]:
    """Those of the person's files, what is due first at the head."""
    theirs = CaseFile.objects.filter(in_scope(rights.codes(person, SEES)), pk=OuterRef("file"))
    return CareRequest.objects.filter(Exists(theirs)).order_by("due_at", "pk")


def words_of(made: CareRequest) -> str:
    return open_text(made.sealed)


def _request(by: Person, request_id: uuid.UUID) -> CareRequest:
    made = requests_for(by).select_related("file").select_for_update(of=("self",)).filter(pk=request_id).first()
    if made is None:
        raise NotFound("request_not_found", _("There is no such request, or it is not yours to see."))
    if not may_for(by, ACTS, made.file):
        rights.require(by, ACTS, made.town)
    return made


def _note(*, by: Person | None, now: datetime, action: str, made: CareRequest) -> None:
    detail = {"request": str(made.pk), "kind": made.kind}
    audit.record(
        by=by or ByLink(), now=now, action=action, subject_type="case_file", subject_id=made.file_id, detail=detail
    )
