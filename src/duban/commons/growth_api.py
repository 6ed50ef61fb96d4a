"""API v1, how organisations grow: where those of an area stand, what became of one, and writing it down."""

import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from ninja import Router, Schema
from pydantic import Field

from duban.access import rights
from duban.access.requests import StaffRequest
from duban.commons.growth import actions, overview, queries
from duban.commons.models import Organisation
from duban.commons.register.queries import SEES, organisation_for
from duban.core import clock
from duban.core.errors import NotAllowed
from duban.core.sent import Day, Sent, Text, Word
from duban.places.codes import normalise_code

router = Router(tags=["growth of organisations"])


class StageLineOut(Schema):
    stage: str = Field(description="admitted, growing, standing or leading; federation: every federation")
    organisations: int
    short: int = Field(description="of these, how many lack one of the five parties")


class OverviewOut(Schema):
    stages: list[StageLineOut]
    asking: int = Field(description="organisations with five slots to fill: in incubation, or a federation")
    empty: dict[str, int] = Field(description="of these, by party how many have nobody in its slot")
    turned: int = Field(description="there for self-governance today, for something else before")
    studios: int
    brands: int = Field(description="known by a name of their own")


class GrowthChangeOut(Schema):
    what: str
    on: date
    before: str
    after: str
    note: str
    evidence: str = Field(description="SHA-256 of a photo or of one of its files; may be empty")


class SlotOut(Schema):
    party: str = Field(description="leads, directs, guides, advises or runs")
    unit: str = Field(description="empty where nobody holds the slot")
    since: date | None


class TrainingOut(Schema):
    course: str
    topic: str
    at: datetime
    people: int


class MilestoneOut(Schema):
    name: str
    due_on: date
    met_on: date | None
    late: bool


class ServiceOut(Schema):
    id: uuid.UUID
    name: str
    buyer: str
    amount: Decimal = Field(description="yuan")
    signed_on: date
    milestones: list[MilestoneOut]


class GrowthOut(Schema):
    organisation: uuid.UUID
    stage: str = Field(description="of incubation; empty: not admitted")
    purpose: str = Field(description="leisure, service or self_governance")
    brand: str
    slots: list[SlotOut]
    life: list[GrowthChangeOut] = Field(description="oldest first, 200 at most")
    training: list[TrainingOut] = Field(description="latest first, 50 at most")
    services: list[ServiceOut]


class StageIn(Sent):
    stage: Word = Field(description="the next one, an earlier one, or empty: out of incubation")
    on: Day
    evidence: Word = Field("", description="SHA-256 of a photo that was put, or of one of its files")
    note: Text = ""


class PurposeTurnIn(Sent):
    purpose: Word
    on: Day
    evidence: Word = ""
    note: Text = ""


class BrandIn(Sent):
    brand: Word
    on: Day


class PartyIn(Sent):
    party: Word
    unit: Word = Field(description="who holds the slot; empty: nobody from that day on")
    since: Day


@router.get("/growth", response=OverviewOut, summary="How the organisations of an area stand")
def get_overview(request: StaffRequest, area: str = "") -> dict[str, Any]:
    """Of all that is in sight, or of an administrative code; counts alone."""
    codes = rights.codes(request.user, SEES)
    if not codes:
        raise NotAllowed("not_allowed", _("None of your roles opens this."))
    found = overview.growth_in(overview.overlap(codes, normalise_code(area, field="area")) if area else codes)
    return {
        "stages": [
            {"stage": line.key, "organisations": line.n, "short": line.short}
            for line in (*found.stages, found.federations)
        ],
        "asking": found.asking,
        "empty": {str(party): n for party, n in found.empty.items()},
        "turned": found.turned,
        "studios": found.studios,
        "brands": found.brands,
    }


@router.get("/{organisation_id}/growth", response=GrowthOut, summary="What became of an organisation")
def get_growth(request: StaffRequest, organisation_id: uuid.UUID) -> dict[str, Any]:
    return _told(organisation_for(request.user, organisation_id))


@router.post("/{organisation_id}/stage", response=GrowthOut, summary="Write down the stage that it reached")
def set_stage(request: StaffRequest, organisation_id: uuid.UUID, body: StageIn) -> dict[str, Any]:
    """Forward stage by stage, beyond admission with evidence; back or out with a note. Again changes nothing."""
    facts: dict[str, Any] = dict(body)
    return _told(actions.set_stage(by=request.user, now=clock.now(), organisation_id=organisation_id, **facts))


@router.post("/{organisation_id}/purpose", response=GrowthOut, summary="Write down that its purpose turned")
def turn_purpose(request: StaffRequest, organisation_id: uuid.UUID, body: PurposeTurnIn) -> dict[str, Any]:
    """To self-governance with evidence, to anything else with a note. Again changes nothing."""
    facts: dict[str, Any] = dict(body)
    return _told(actions.turn_purpose(by=request.user, now=clock.now(), organisation_id=organisation_id, **facts))


@router.post("/{organisation_id}/brand", response=GrowthOut, summary="Write down the name it is known by")
def name_brand(request: StaffRequest, organisation_id: uuid.UUID, body: BrandIn) -> dict[str, Any]:
    facts: dict[str, Any] = dict(body)
    return _told(actions.name_brand(by=request.user, now=clock.now(), organisation_id=organisation_id, **facts))


@router.post("/{organisation_id}/party", response=GrowthOut, summary="Fill one of its five slots, or leave it empty")
def set_party(request: StaffRequest, organisation_id: uuid.UUID, body: PartyIn) -> dict[str, Any]:
    common: dict[str, Any] = {"by": request.user, "now": clock.now(), "organisation_id": organisation_id}
    if body.unit.strip():
        actions.fill_party(party=body.party, unit=body.unit, since=body.since, **common)
    else:
        actions.leave_party(party=body.party, until=body.since, **common)
    return _told(organisation_for(request.user, organisation_id))


def _told(one: Organisation) -> dict[str, Any]:
    growth = queries.growth_of(one)
    return {
        "organisation": one.pk,
        "stage": one.stage,
        "purpose": one.purpose,
        "brand": one.brand,
        "slots": [
            {"party": slot.party, "unit": slot.held.unit if slot.held else "", "since": slot.held and slot.held.since}
            for slot in growth.slots
        ],
        "life": [
            {name: getattr(change.event, name) for name in GrowthChangeOut.model_fields} for change in growth.life
        ],
        "training": [
            {
                "course": came.session.course.name,
                "topic": came.session.topic,
                "at": came.session.at,
                "people": came.people,
            }
            for came in growth.came
        ],
        "services": [
            {name: getattr(shown.service, name) for name in ("id", "name", "buyer", "amount", "signed_on")}
            | {
                "milestones": [
                    {name: getattr(due.milestone, name) for name in ("name", "due_on", "met_on")} | {"late": due.late}
                    for due in shown.milestones
                ]
            }
            for shown in growth.services
        ],
    }
