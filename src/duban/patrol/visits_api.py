"""API v1: visits and failures read, a whole visit put under its sender's id, one taken back."""

import base64
import binascii
import uuid
from datetime import datetime
from typing import Annotated, Any

from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from ninja.responses import Status
from pydantic import AwareDatetime, Field

from duban.access import rights
from duban.access.requests import StaffRequest
from duban.core import clock
from duban.core.errors import NotAllowed
from duban.core.sent import Degrees, Sent, Text, Word
from duban.ledger.story import numbers_in_sight
from duban.patrol import queries, visiting
from duban.patrol.models import Answer, Recheck, Result, Visit
from duban.patrol.queries import SEES
from duban.patrol.signing import MAX_BYTES, BadSignature
from duban.patrol.visit_list import (
    failures_asked,
    page_by_time,
    page_of_visits,
    read_failure_filters,
    read_visit_filters,
)
from duban.patrol.visit_shown import meetings_of
from duban.patrol.visiting import Closing, Place, Said, VisitDraft
from duban.patrol.wording import words_of
from duban.places import queries as places

router = Router(tags=["visits"])
Hash = Annotated[str, Field(strict=True, pattern=r"^[0-9a-f]{64}$")]
Value = str | int | float | list[Any] | None


class AnswerIn(Sent):
    item: Word = Field(description="key of the item")
    result: Word = Field("", description="of a check: pass, fail, na or not_inspected")
    value: Value = Field(None, description="of any other question")
    note: Text = ""
    photos: list[Hash] = Field(default_factory=list, max_length=20, description="sent to /evidence/ before, by you")


class VisitPlaceIn(Sent):
    lon: Degrees
    lat: Degrees
    accuracy_m: Degrees | None = None


class VisitIn(Sent):
    venue: uuid.UUID
    version: uuid.UUID | None = Field(None, description="of the check-list; null for a re-check")
    recheck: list[uuid.UUID] = Field(
        default_factory=list, max_length=500, description="open failures: the visit looks at these alone"
    )
    round: uuid.UUID | None = None
    visited_at: AwareDatetime = Field(description="when it began")
    finished_at: AwareDatetime
    answers: list[AnswerIn] = Field(max_length=2000)
    place: VisitPlaceIn | None = Field(None, description="where the inspector stood, WGS 84")
    note: Text = ""
    signed_as: Word = Field("", description="owner, manager, staff, refused or empty")
    signature: Annotated[str, Field(strict=True, max_length=2 * MAX_BYTES)] = Field("", description="PNG in Base64")


class TakeBackIn(Sent):
    reason: Text = Field("", description="needed: why it was a mistake")


class AnswerOut(Schema):
    item: str
    result: str
    value: Value
    note: str
    photos: list[str]
    answered_at: datetime


class LookOut(Schema):
    failure: uuid.UUID
    item: str
    result: str = Field(description="stands, recurred or not_inspected; empty: the visit is under way")


class DifferenceOut(Schema):
    visit: uuid.UUID
    item: str = Field(description="as it is called")
    mine: str
    theirs: str


class VisitVenueOut(Schema):
    id: uuid.UUID
    name: str
    type: str


class VisitTownOut(Schema):
    code: str
    name: str


class VisitLineOut(Schema):
    id: uuid.UUID
    state: str
    recheck: bool
    venue: VisitVenueOut
    town: VisitTownOut
    jurisdiction: str
    inspector: str
    visited_at: datetime
    finished_at: datetime | None
    failed: int
    checks: int = Field(description="answered pass or fail")


class VisitsOut(Schema):
    visits: list[VisitLineOut]
    after: str = Field(description="`after` of the next page; empty at the end")
    before: str


class VisitOut(VisitLineOut):
    version: uuid.UUID | None
    round: uuid.UUID | None
    lon: float | None
    lat: float | None
    accuracy_m: float | None
    note: str
    signed_as: str
    signed: bool
    void_reason: str
    answers: list[AnswerOut]
    rechecks: list[LookOut]
    differences: list[DifferenceOut] = Field(description="answers of visits at the same time that are not the same")


class FailureOut(Schema):
    id: uuid.UUID
    venue: VisitVenueOut
    town: VisitTownOut
    item: str
    wording: str
    opened_at: datetime
    visit: uuid.UUID = Field(description="that found it")
    mend_by: datetime | None
    closed_at: datetime | None
    entry: str | None = Field(description="number on the ledger, where you may see it")


class FailuresOut(Schema):
    failures: list[FailureOut]
    after: str
    before: str


class VisitsQuestion(Schema):
    state: str = Field("", description="under_way, finished (as always) or void")
    area: str = ""
    kind: str = Field("", description="type of the venue")
    since: str = Field("", alias="from", description="day such as 2021-01-18")
    to: str = Field("", description="last day")
    text: str = Field("", description="of the venue's name")
    item: str = ""
    result: str = Field("", description="of the item, or of any")
    looked: str = Field("", description="what a re-check saw: stands, recurred or not_inspected")
    venue: str = ""
    round: str = ""
    failed: str = Field("", description="1: something failed")
    after: str = ""
    before: str = ""
    limit: int = Field(50, ge=1, le=200)


class FailuresQuestion(Schema):
    state: str = Field("", description="open (as always), closed or all")
    area: str = ""
    kind: str = ""
    since: str = Field("", alias="from")
    to: str = ""
    item: str = ""
    venue: str = ""
    late: str = Field("", description="1: not mended by the day given")
    after: str = ""
    before: str = ""
    limit: int = Field(50, ge=1, le=200)


def _require_sight(request: StaffRequest) -> None:
    if not rights.codes(request.user, SEES):
        raise NotAllowed("not_allowed", _("None of your roles sees visits."))


@router.get("/visits", response=VisitsOut, summary="Visits, the newest first")
def list_visits(request: StaffRequest, question: Query[VisitsQuestion]) -> dict[str, Any]:
    """Those in your area, a page at a time."""
    _require_sight(request)
    filters = read_visit_filters(question.model_dump(by_alias=True, exclude={"limit"}))
    page = page_of_visits(request.user, filters, question.after, question.before, question.limit)
    return {
        "visits": [_line(line.visit, line.town, line.failed, line.checks) for line in page.rows],
        "after": page.older,
        "before": page.newer,
    }


@router.get("/visits/{uuid:visit_id}", response=VisitOut, summary="One visit with its answers")
def get_visit(request: StaffRequest, visit_id: uuid.UUID) -> dict[str, Any]:
    return _detail(request, visit_id)


@router.put(
    "/visits/{uuid:visit_id}", response={200: VisitOut, 201: VisitOut}, summary="Record a whole visit under your own id"
)
def put_visit(request: StaffRequest, visit_id: uuid.UUID, sent: VisitIn) -> Any:
    """201 the first time, 200 with the first answer for the same again, 409 for another visit under this id.

    What fails opens a failure and goes on the ledger; what stood open and is answered is looked at again.
    """
    draft = VisitDraft(
        id=visit_id,
        venue_id=sent.venue,
        visited_at=sent.visited_at,
        finished_at=sent.finished_at,
        version_id=sent.version,
        recheck=tuple(sent.recheck),
        round_id=sent.round,
        said=tuple(Said(one.item, one.result or one.value, one.note) for one in sent.answers),
        photos={one.item: tuple(one.photos) for one in sent.answers if one.photos},
        closing=Closing(
            sent.note,
            sent.signed_as,
            _png(sent.signature),
            Place(sent.place.lon, sent.place.lat, sent.place.accuracy_m) if sent.place else None,
        ),
    )
    visit, fresh = visiting.record_visit(by=request.user, now=clock.now(), draft=draft)
    return Status(201 if fresh else 200, _detail(request, visit.pk))


def _png(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) if text else None
    except (ValueError, binascii.Error) as error:
        raise BadSignature(
            "bad_signature", _("The signature cannot be read; draw it again."), field="signature"
        ) from error


@router.post("/visits/{uuid:visit_id}/void", response=VisitOut, summary="Take a visit back")
def void_visit(request: StaffRequest, visit_id: uuid.UUID, sent: TakeBackIn) -> dict[str, Any]:
    """What it found is undone, what it saw mended is open again; it stays readable."""
    visiting.void_visit(by=request.user, now=clock.now(), visit_id=visit_id, reason=sent.reason)
    return _detail(request, visit_id)


@router.get("/failures", response=FailuresOut, summary="What failed at venues, open or mended")
def list_failures(request: StaffRequest, question: Query[FailuresQuestion]) -> dict[str, Any]:
    """Those in your area, the newest first, a page at a time."""
    _require_sight(request)
    filters = read_failure_filters(question.model_dump(by_alias=True, exclude={"limit"}))
    asked = failures_asked(request.user, filters, clock.now()).select_related("venue", "opened_by")
    page = page_by_time(asked, "opened_at", question.after, question.before, question.limit)
    words = words_of({one.key for one in page.rows})
    towns = places.names({one.town for one in page.rows})
    numbers = numbers_in_sight(request.user, (one.entry_id for one in page.rows))
    return {
        "failures": [
            {
                "id": one.pk,
                "venue": {"id": one.venue_id, "name": one.venue.name, "type": one.venue.kind_id},
                "town": {"code": one.town, "name": towns.get(one.town, "")},
                "item": one.key,
                "wording": words[one.key].here,
                "opened_at": one.opened_at,
                "visit": one.opened_by.visit_id,
                "mend_by": one.mend_by,
                "closed_at": one.closed_at,
                "entry": numbers.get(str(one.entry_id)),
            }
            for one in page.rows
        ],
        "after": page.older,
        "before": page.newer,
    }


def _line(visit: Visit, town: str, failed: int, checks: int) -> dict[str, Any]:
    return {
        "id": visit.pk,
        "state": visit.state,
        "recheck": visit.recheck,
        "venue": {"id": visit.venue_id, "name": visit.venue.name, "type": visit.venue.kind_id},
        "town": {"code": visit.town, "name": town},
        "jurisdiction": visit.jurisdiction,
        "inspector": visit.inspector.get("name") or visit.username,
        "visited_at": visit.visited_at,
        "finished_at": visit.finished_at,
        "failed": failed,
        "checks": checks,
    }


def _detail(request: StaffRequest, visit_id: uuid.UUID) -> dict[str, Any]:
    visit = queries.visit_for(request.user, visit_id)
    answers = list(Answer.objects.filter(visit=visit).order_by("item__position", "key"))
    checks = [answer for answer in answers if answer.result in (Result.PASS, Result.FAIL)]
    town = places.names([visit.town]).get(visit.town, "")
    looks = Recheck.objects.filter(visit=visit).select_related("failure").order_by("failure__key")
    meetings = meetings_of(request.user, visit, clock.now())
    return _line(visit, town, sum(one.result == Result.FAIL for one in checks), len(checks)) | {
        "version": visit.version_id,
        "round": visit.round_id,
        "lon": visit.lon,
        "lat": visit.lat,
        "accuracy_m": visit.accuracy_m,
        "note": visit.note,
        "signed_as": visit.signed_as,
        "signed": visit.signature is not None,
        "void_reason": visit.void_reason,
        "answers": [
            {
                "item": one.key,
                "result": one.result,
                "value": one.value,
                "note": one.note,
                "photos": one.photos,
                "answered_at": one.answered_at,
            }
            for one in answers
        ],
        "rechecks": [{"failure": one.failure_id, "item": one.failure.key, "result": one.result} for one in looks],
        "differences": [
            {"visit": other.visit.pk, "item": one.label, "mine": one.mine, "theirs": one.theirs}
            for other in meetings
            for one in other.differences
        ],
    }
