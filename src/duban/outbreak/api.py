"""API v1: risk areas as published, for anybody; declaring them, and what screening found, for health officers."""

import uuid
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Schema
from ninja.responses import Status
from pydantic import Field

from duban.access.requests import StaffRequest, scope_of
from duban.core import clock
from duban.core.errors import NotAllowed
from duban.ledger.api import Sent
from duban.outbreak import areas, screening
from duban.outbreak.lists import Defaults, read_area
from duban.outbreak.models import Declaration, Found, Screening
from duban.places import queries as places

router = Router(tags=["outbreak"])
PAGE = 200


class RiskAreaOut(Schema):
    id: uuid.UUID
    order: str = Field(description="number of the order; another one for each version")
    version: int
    step: str = Field(description="declared, changed, lifted or split")
    name: str
    level: str = Field(description="in the words of the notice")
    measure: str = Field(description="centralised, home, test or monitor")
    code: str = Field(description="administrative code; empty where there is an outline")
    geometry: dict[str, Any] | None = Field(description="GeoJSON, WGS 84")
    starts_at: datetime
    ends_at: datetime | None = Field(description="null: it goes on")
    lookback_days: int
    source: str
    declared_at: datetime
    part_of: uuid.UUID | None = Field(description="the area that it was split from")


class RiskAreasOut(Schema):
    areas: list[RiskAreaOut]


class RiskAreaIn(Sent):
    """An area as the properties of the contract's GeoJSON, with its geometry or a code."""

    id: str = Field("", max_length=100, description="declared again under the same one it becomes a new version")
    name: str = Field(max_length=200)
    level: str = Field(max_length=40)
    measure: str = Field(max_length=20)
    starts: str = Field(max_length=40, description="ISO 8601")
    ends: str | None = Field(None, max_length=40)
    lookback_days: int = Field(0, ge=0, le=60)
    code: str = Field("", max_length=15)
    geometry: dict[str, Any] | None = None
    source: str = Field("", max_length=500)


class RiskAreaPartIn(Sent):
    """A part of an area; what it leaves out is as the area has it."""

    id: str = Field("", max_length=100)
    name: str = Field(max_length=200)
    level: str = Field("", max_length=40)
    measure: str = Field("", max_length=20)
    starts: str | None = Field(None, max_length=40, description="ISO 8601")
    ends: str | None = Field(None, max_length=40)
    lookback_days: int | None = Field(None, ge=0, le=60)
    code: str = Field("", max_length=15)
    geometry: dict[str, Any] | None = None


class RiskAreaSplitIn(Sent):
    version: int = Field(ge=1, le=1_000_000, description="the one that was looked at")
    source: str = Field(max_length=500, description="the notice that splits it")
    parts: list[RiskAreaPartIn] = Field(max_length=areas.MAX_PARTS)


class ScreeningOut(Schema):
    id: uuid.UUID
    orders: list[str]
    made_at: datetime
    handed_at: datetime | None
    engine: str
    engine_version: str
    output_digest: str = Field(description="SHA-256 of the rows found")


class ScreeningsOut(Schema):
    screenings: list[ScreeningOut]


class TownCount(Schema):
    code: str
    name: str
    people: int


class ScreeningCountsOut(ScreeningOut):
    people: int | None = Field(description="null: told to health officers alone")
    towns: list[TownCount]
    measures: dict[str, int]
    complete: bool = Field(
        description="false: each town's number is of people whom no earlier screening's number holds, none below ten"
    )


class FoundOut(Schema):
    id: uuid.UUID
    town: str
    measure: str
    order: str
    areas: int
    last: datetime


class FoundPage(Schema):
    people: list[FoundOut]
    after: uuid.UUID | None = Field(description="ask for what comes after it; null: that was all")


def area_out(one: Declaration) -> dict[str, Any]:
    names = ("version", "step", "name", "level", "measure", "code", "geometry", "starts_at", "ends_at")
    told = {name: getattr(one, name) for name in (*names, "lookback_days", "source", "declared_at")}
    return told | {"id": one.area_id, "order": one.number, "part_of": one.area.part_of_id}


def screening_out(run: Screening) -> dict[str, Any]:
    names = ("id", "orders", "made_at", "handed_at", "engine", "engine_version", "output_digest")
    return {name: getattr(run, name) for name in names}


@router.get("/areas", response=RiskAreasOut, auth=None)
def list_risk_areas(request: HttpRequest) -> dict[str, Any]:
    """Every risk area in force, the newest first."""
    return {"areas": [area_out(one) for one in areas.published()]}


@router.get("/areas/{uuid:area_id}", response=RiskAreasOut, auth=None)
def get_risk_area(request: HttpRequest, area_id: uuid.UUID) -> dict[str, Any]:
    """All versions of one, the newest first."""
    return {"areas": [area_out(one) for one in areas.published_area(area_id)]}


@router.post("/areas", response={201: RiskAreaOut, 200: RiskAreaOut})
def declare_risk_area(request: StaffRequest, sent: RiskAreaIn) -> Status:
    """Declare an area; the same again answers with its order (200)."""
    areas.office_of(request.user)
    cells = sent.dict() | {"from": sent.starts, "to": sent.ends}
    draft = read_area(cells, Defaults(), 1)
    done = areas.declare_areas(by=request.user, now=clock.now(), drafts=[draft])[0]
    return Status(201 if done.fresh else 200, area_out(done.declaration))


@router.post("/areas/{uuid:declared_id}/split", response={201: RiskAreasOut})
def split_risk_area(request: StaffRequest, declared_id: uuid.UUID, sent: RiskAreaSplitIn) -> Status:
    """Put two parts or more in the place of an area, all or none; the answer is the parts."""
    areas.office_of(request.user)
    last = areas.declaration_for(request.user, declared_id)
    defaults = areas.defaults_of(last, sent.source)
    parts = [
        read_area(one.dict() | {"from": one.starts, "to": one.ends}, defaults, row)
        for row, one in enumerate(sent.parts, start=1)
    ]
    made = areas.split_area(
        by=request.user, now=clock.now(), area_id=declared_id, version=sent.version, parts=parts, source=sent.source
    )
    return Status(201, {"areas": [area_out(one) for one in made]})


@router.get("/screenings", response=ScreeningsOut)
def list_screenings(request: StaffRequest) -> dict[str, Any]:
    """The screenings that the asker may see, the newest first; at most 200."""
    if not scope_of(request.user, screening.RUNS, screening.COUNTS):
        raise NotAllowed("not_allowed", _("None of your roles opens this page."))
    return {"screenings": [screening_out(run) for run in screening.screenings_for(request.user)[:PAGE]]}


@router.get("/screenings/{uuid:screening_id}", response=ScreeningCountsOut)
def get_screening(request: StaffRequest, screening_id: uuid.UUID) -> dict[str, Any]:
    """A screening with the numbers that the asker may see."""
    run = screening.screening_for(request.user, screening_id)
    counts = screening.counts_for(request.user, run)
    names = places.names({code for code, _number in counts.towns})
    towns = [{"code": code, "name": names.get(code, ""), "people": number} for code, number in counts.towns]
    told = {"people": counts.total, "towns": towns, "measures": dict(counts.measures)}
    return screening_out(run) | told | {"complete": counts.complete}


@router.get("/screenings/{uuid:screening_id}/people", response=FoundPage)
def list_found(request: StaffRequest, screening_id: uuid.UUID, after: uuid.UUID | None = None) -> dict[str, Any]:
    """Those found whom the asker may see, 200 at a time and without a name: names are opened on the page alone."""
    run = screening.screening_for(request.user, screening_id)
    screening.require_officer(request.user, run)
    people, more = screening.page_of(screening.found_for(request.user, run), after, PAGE)
    return {"people": [found_out(one) for one in people], "after": people[-1].pk if more else None}


def found_out(one: Found) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("id", "town", "measure", "order", "areas", "last")}
