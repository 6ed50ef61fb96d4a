"""API v1: what is exposed now, for anybody; and the exposure column for those who make it."""

import uuid
from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import AwareDatetime, Field

from duban.access.requests import StaffRequest
from duban.core import clock
from duban.ledger.api import Sent, Text, Word
from duban.patrol import exposure
from duban.patrol.exposure_pages import public_lines
from duban.patrol.models import Exposure
from duban.places import queries as places

router = Router(tags=["exposure"])


class ExposedTown(Schema):
    code: str
    name: str


class ExposedKind(Schema):
    zh: str
    en: str


class ExposedProblem(Schema):
    key: str = Field(description="of the check-list's item")
    zh: str
    en: str
    mended_on: date | None = Field(None, description="when a re-check saw it mended")


class ExposedOut(Schema):
    id: uuid.UUID
    venue: str = Field(description="its name in the register, or its type where that is a person's")
    kind: ExposedKind
    town: ExposedTown
    visited_on: date
    problems: list[ExposedProblem] = Field(description="none: what it corrects is taken back")
    stand: str = Field(description="of the venue: accepts, mended, disputes, declines; empty: no reply in time")
    approved_on: date
    expires_on: date = Field(description="the last day on which it is shown")
    corrects: uuid.UUID | None


class ColumnOut(Schema):
    exposed: list[ExposedOut]


class ExposureOut(Schema):
    id: uuid.UUID
    visit: uuid.UUID
    state: str = Field(description="proposed, approved, refused or withdrawn")
    venue: str
    town: ExposedTown
    problems: list[ExposedProblem]
    stand: str
    reply_until: datetime
    replied_at: datetime | None
    proposed_by: str
    proposed_at: datetime
    decided_by: str
    approved_at: datetime | None
    expires_on: date
    corrects: uuid.UUID | None
    reason: str
    seen: str = Field(description="send it with a decision; it is refused if the reply has changed meanwhile")


class ExposureIn(Sent):
    visit: uuid.UUID
    keys: list[Word] | None = Field(None, description="of the problems; null: all that may be exposed; none: retracts")
    withhold_name: bool = False
    reply_until: AwareDatetime | None = Field(None, description="null: three days from now")
    expires_on: date | None = Field(None, description="null: thirty days from now")
    corrects: uuid.UUID | None = None


class ReplyIn(Sent):
    stand: Word
    words: Text = Field("", description="for who decides; never printed")


class DecisionIn(Sent):
    seen: Word | None = None


class ReasonIn(DecisionIn):
    reason: Text = ""


class WithdrawIn(Sent):
    reason: Text = ""


def _out(found: Exposure) -> dict[str, Any]:
    return {
        "id": found.pk,
        "visit": found.visit_id,
        "state": found.state,
        "venue": found.venue_name,
        "town": {"code": found.town, "name": places.names([found.town]).get(found.town, found.town)},
        "problems": found.problems,
        "stand": found.stand,
        "reply_until": found.reply_until,
        "replied_at": found.replied_at,
        "proposed_by": found.proposed_by,
        "proposed_at": found.proposed_at,
        "decided_by": found.decided_by,
        "approved_at": found.approved_at,
        "expires_on": found.expires_on,
        "corrects": found.corrects_id,
        "reason": found.reason,
        "seen": exposure.mark_of(found),
    }


@router.get("/exposed", response=ColumnOut, auth=None, summary="What is exposed now; open to anybody")
def list_exposed(request: HttpRequest) -> dict[str, Any]:
    return {"exposed": public_lines(clock.now())}


@router.get("/exposures/{uuid:exposure_id}", response=ExposureOut, summary="One exposure, for those who make them")
def get_exposure(request: StaffRequest, exposure_id: uuid.UUID) -> dict[str, Any]:
    return _out(exposure.exposure_for(request.user, exposure_id))


@router.put("/exposures/{uuid:exposure_id}", response={200: ExposureOut, 201: ExposureOut}, summary="Propose to expose")
def put_exposure(request: StaffRequest, exposure_id: uuid.UUID, sent: ExposureIn) -> Any:
    """201 the first time, 200 for the same again, 409 for something else under this id."""
    asked = sent.model_dump()
    asked["visit_id"] = asked.pop("visit")
    made = exposure.propose_exposure(by=request.user, now=clock.now(), exposure_id=exposure_id, **asked)
    return Status(201 if made.fresh else 200, _out(made.exposure))


@router.post("/exposures/{uuid:exposure_id}/reply", response=ExposureOut, summary="Write down how the venue replied")
def reply(request: StaffRequest, exposure_id: uuid.UUID, sent: ReplyIn) -> dict[str, Any]:
    found = exposure.record_reply(by=request.user, now=clock.now(), exposure_id=exposure_id, **sent.model_dump())
    return _out(found)


@router.post("/exposures/{uuid:exposure_id}/approve", response=ExposureOut, summary="Approve as a second person")
def approve(request: StaffRequest, exposure_id: uuid.UUID, sent: DecisionIn) -> dict[str, Any]:
    found = exposure.approve_exposure(by=request.user, now=clock.now(), exposure_id=exposure_id, **sent.model_dump())
    return _out(found)


@router.post("/exposures/{uuid:exposure_id}/refuse", response=ExposureOut, summary="Refuse as a second person")
def refuse(request: StaffRequest, exposure_id: uuid.UUID, sent: ReasonIn) -> dict[str, Any]:
    found = exposure.refuse_exposure(by=request.user, now=clock.now(), exposure_id=exposure_id, **sent.model_dump())
    return _out(found)


@router.post("/exposures/{uuid:exposure_id}/withdraw", response=ExposureOut, summary="Take it back, or down")
def withdraw(request: StaffRequest, exposure_id: uuid.UUID, sent: WithdrawIn) -> dict[str, Any]:
    found = exposure.withdraw_exposure(by=request.user, now=clock.now(), exposure_id=exposure_id, **sent.model_dump())
    return _out(found)
