"""API v1: rounds, their venues and how far they are; planning one, giving it out and closing it."""

import uuid
from datetime import date, datetime
from typing import Annotated, Any

from django.utils.translation import gettext as _
from ninja import Query, Router, Schema
from ninja.responses import Status
from pydantic import Field

from duban.access import rights
from duban.access.models import Person
from duban.access.requests import StaffRequest
from duban.core import clock
from duban.core.errors import NotAllowed
from duban.core.sent import Day, Sent, Text, Word
from duban.ledger.api import Named
from duban.patrol import rounds
from duban.patrol.models import PatrolRound
from duban.places import queries as places

router = Router(tags=["rounds"])


class PlanIn(Sent):
    at: Word = Field(description="administrative code of the area")
    title: Word
    starts_on: Day
    ends_on: Day
    venue_types: list[Word] = Field(default_factory=list, description="keys; none: every type")
    size: Annotated[int, Field(strict=True, ge=-(2**31), lt=2**31)] | None = Field(
        None, description="how many to draw: 1 to 100,000; null: all"
    )
    seed: Word = Field("", description="empty: a random one is made; it is kept with the round")
    inspectors: list[Word] = Field(default_factory=list, description="user names; none: anybody may go")
    checklist: Word = Field("", description="key of a check-list in use")


class GiveOutIn(Sent):
    town: Word = Field("", description="empty: every town")
    inspector: Word = Field("", description="a user name; empty: anybody")


class CloseRoundIn(Sent):
    reason: Text = Field("", description="needed where something drawn was not visited")


class CampaignLine(Schema):
    id: uuid.UUID
    title: str
    area: Named
    venue_types: list[str]
    starts_on: date
    ends_on: date
    closed_at: datetime | None
    drawn: int
    visited: int


class CampaignsOut(Schema):
    rounds: list[CampaignLine]
    next_page: int | None


class TownOut(Schema):
    town: Named
    frame: int
    drawn: int
    visited: int = Field(description="a finished visit was made for the round or on its days")
    failed: int = Field(description="something failed at such a visit")


class CampaignOut(CampaignLine):
    whole: bool = Field(description="false: the counts and venues are of the part that lies in your area")
    frame: int
    failed: int
    size: int | None
    seed: str
    engine: str
    made_at: datetime
    close_reason: str
    towns: list[TownOut]
    lookbacks: int = Field(description="entries there that are due for a look-back by the last day, of those you see")


class CampaignVenue(Schema):
    venue: uuid.UUID
    name: str
    kind: str
    town: str
    lon: float | None
    lat: float | None
    drawn: bool
    inspector: str
    visited: bool
    failed: bool
    missed: bool = Field(description="not visited when the round was closed")


class CampaignVenues(Schema):
    venues: list[CampaignVenue]
    after: str = Field(description="`after` of the next page; empty at the end")


class SampledOut(Schema):
    same: bool
    seed: str
    engine: str
    venues: list[uuid.UUID] = Field(description="that the frame and the seed give")


class GivenOut(Schema):
    venues: int = Field(description="how many were given out")


class CampaignsQuestion(Schema):
    page: int = Field(1, ge=1, le=100_000)
    limit: int = Field(20, ge=1, le=100)


class VenuesQuestion(Schema):
    after: int = Field(0, ge=0, lt=2**63)
    limit: int = Field(50, ge=1, le=500)
    drawn: bool = Field(True, description="false: the whole frame")


def _require_sight(person: Person) -> None:
    if not rights.codes(person, rounds.SEES):
        raise NotAllowed("not_allowed", _("None of your roles sees rounds."))


@router.get("/rounds", response=CampaignsOut, summary="Rounds, the newest first")
def list_campaigns(request: StaffRequest, question: Query[CampaignsQuestion]) -> dict[str, Any]:
    """Those of which something may lie in your area."""
    _require_sight(request.user)
    start = (question.page - 1) * question.limit
    found = list(rounds.rounds_for(request.user)[start : start + question.limit + 1])
    shown = found[: question.limit]
    names = places.names({one.area for one in shown})
    counts = rounds.progress_of_rounds(request.user, shown)
    return {
        "rounds": [_line(one, names, *counts[one.pk]) for one in shown],
        "next_page": question.page + 1 if len(found) > question.limit else None,
    }


@router.put(
    "/rounds/{uuid:campaign_id}", response={200: CampaignOut, 201: CampaignOut}, summary="Plan a round under your id"
)
def put_campaign(request: StaffRequest, campaign_id: uuid.UUID, sent: PlanIn) -> Any:
    """201 the first time, 200 with the first answer for the same again, 409 for another plan under this id."""
    planned = rounds.plan_round(by=request.user, now=clock.now(), round_id=campaign_id, **sent.model_dump())
    return Status(201 if planned.fresh else 200, _detail(request.user, planned.round))


@router.get("/rounds/{uuid:campaign_id}", response=CampaignOut, summary="One round: seed, and how far it is by town")
def get_campaign(request: StaffRequest, campaign_id: uuid.UUID) -> dict[str, Any]:
    return _detail(request.user, rounds.round_for(request.user, campaign_id))


@router.get("/rounds/{uuid:campaign_id}/venues", response=CampaignVenues, summary="The venues of a round")
def list_campaign_venues(
    request: StaffRequest, campaign_id: uuid.UUID, question: Query[VenuesQuestion]
) -> dict[str, Any]:
    """In the order of the frame: town by town."""
    round_ = rounds.round_for(request.user, campaign_id)
    rows = rounds.with_visits(rounds.venues_for(request.user, round_), round_).filter(pk__gt=question.after)
    if question.drawn:
        rows = rows.filter(drawn=True)
    found = list(rows.select_related("venue").order_by("pk")[: question.limit + 1])
    shown = found[: question.limit]
    return {
        "venues": [
            {
                "venue": row.venue_id,
                "name": row.venue.name,
                "kind": row.venue.kind_id,
                "town": row.town,
                "lon": row.venue.lon,
                "lat": row.venue.lat,
                "drawn": row.drawn,
                "inspector": row.inspector,
                "visited": row.visited,  # type: ignore[attr-defined]
                "failed": row.failed,  # type: ignore[attr-defined]
                "missed": row.missed,
            }
            for row in shown
        ],
        "after": str(shown[-1].pk) if len(found) > len(shown) else "",
    }


@router.get("/rounds/{uuid:campaign_id}/redraw", response=SampledOut, summary="Draw a round again from its seed")
def redraw_campaign(request: StaffRequest, campaign_id: uuid.UUID) -> dict[str, Any]:
    """For who may see the whole frame; nothing is stored."""
    round_ = rounds.whole_round(request.user, campaign_id)
    again = rounds.redrawn(round_)
    return {"same": again.same, "seed": round_.seed, "engine": round_.engine, "venues": list(again.venues)}


@router.post("/rounds/{uuid:campaign_id}/assign", response=GivenOut, summary="Give out what is still to be visited")
def assign_campaign(request: StaffRequest, campaign_id: uuid.UUID, sent: GiveOutIn) -> dict[str, int]:
    given = rounds.assign_venues(by=request.user, now=clock.now(), round_id=campaign_id, **sent.model_dump())
    return {"venues": given}


@router.post("/rounds/{uuid:campaign_id}/close", response=CampaignOut, summary="Close a round")
def close_campaign(request: StaffRequest, campaign_id: uuid.UUID, sent: CloseRoundIn) -> dict[str, Any]:
    """What was drawn and nobody visited stays on it as missed."""
    closed = rounds.close_round(by=request.user, now=clock.now(), round_id=campaign_id, reason=sent.reason)
    return _detail(request.user, closed)


def _line(round_: PatrolRound, names: dict[str, str], drawn: int, visited: int) -> dict[str, Any]:
    return {
        "id": round_.pk,
        "title": round_.title,
        "area": {"code": round_.area, "name": names.get(round_.area, "")},
        "venue_types": round_.venue_types,
        "starts_on": round_.starts_on,
        "ends_on": round_.ends_on,
        "closed_at": round_.closed_at,
        "drawn": drawn,
        "visited": visited,
    }


def _detail(person: Person, round_: PatrolRound) -> dict[str, Any]:
    *towns, total = rounds.progress(rounds.venues_for(person, round_), round_)
    names = places.names({round_.area, *(one.town for one in towns)})
    return _line(round_, names, total.drawn, total.visited) | {
        "whole": rounds.sees_whole(person, round_),
        "frame": total.frame,
        "failed": total.failed,
        "size": round_.size,
        "seed": round_.seed,
        "engine": round_.engine,
        "made_at": round_.made_at,
        "close_reason": round_.close_reason,
        "towns": [
            {
                "town": {"code": one.town, "name": names.get(one.town, "")},
                "frame": one.frame,
                "drawn": one.drawn,
                "visited": one.visited,
                "failed": one.failed,
            }
            for one in towns
        ],
        "lookbacks": rounds.lookbacks_of(person, round_).count(),
    }
