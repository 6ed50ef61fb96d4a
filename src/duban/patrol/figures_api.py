"""API v1: the figures of inspections, the rows behind each, and the statement that a look-back left nothing."""

import uuid
from datetime import datetime
from typing import Any, Literal

from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from duban.access.requests import StaffRequest
from duban.core import clock
from duban.core.sent import Sent, Word
from duban.patrol import brief, figures_rows
from duban.patrol.figures_pages import read_narrower, read_wanted

router = Router(tags=["inspections"])
Figure = Literal[
    "visits",
    "venues",
    "problems",
    "town_problems",
    "street_problems",
    "failed_items",
    "asked",
    "due",
    "stands",
    "recurred",
    "not_inspected",
    "left",
]


class PeriodQuestion(Schema):
    model_config = ConfigDict(populate_by_name=True)

    since: str = Field("", alias="from", description="the first day: 2021-01-18; empty: the week of the last visit")
    until: str = Field("", alias="to", description="the last day, included")
    area: str = Field("", description="administrative code; empty: all that you may see")
    round: str = Field("", description="id of a round: its visits and its days")

    def words(self) -> dict[str, str]:
        return {"from": self.since, "to": self.until, "area": self.area, "round": self.round}


class BehindQuestion(PeriodQuestion):
    figure: Figure = "visits"
    town: str = ""
    item: str = ""
    kind: str = Field("", description="key of a type of venue")
    cursor: str = Field("", max_length=500, description="`older` or `newer` of the answer before")


class CleanIn(Sent):
    since: Word = Field(alias="from")
    until: Word = Field(alias="to")
    area: Word = ""
    round: Word = ""


class BriefTown(Schema):
    code: str
    name: str
    problems: int


class BriefItem(Schema):
    item: str
    name: str
    problems: int
    failed_items: int


class BriefType(Schema):
    type: str
    name: str
    visits: int
    problems: int


class BriefLookback(Schema):
    due: int
    stands: int
    recurred: int
    not_inspected: int
    clean: bool


class BothLanguages(Schema):
    zh: str
    en: str


class InspectionBriefOut(Schema):
    since: str = Field(alias="from")
    until: str = Field(alias="to")
    area: str
    towns_inspected: int = Field(description="towns, townships and area offices")
    streets_inspected: int = Field(description="sub-districts")
    visits: int
    venues: int
    venues_failed: int
    problems: int = Field(description="venues with at least one failed item")
    town_problems: int
    street_problems: int
    failed_items: int
    by_town: list[BriefTown]
    by_item: list[BriefItem]
    by_type: list[BriefType]
    lookback: BriefLookback
    sentence: BothLanguages


class BehindVenue(Schema):
    id: uuid.UUID
    name: str
    kind: str
    town: str


class BehindLine(Schema):
    venue: BehindVenue
    visit: uuid.UUID | None
    at: datetime | None = Field(description="when the visit began; of a failure, when it was found")
    items: list[str] = Field(description="in the language asked for")
    result: str


class BehindOut(Schema):
    figure: str
    total: int
    lines: list[BehindLine]
    older: str
    newer: str


@router.get(
    "/brief", response=InspectionBriefOut, by_alias=True, summary="What was inspected in a period, and its sentence"
)
def get_brief(request: StaffRequest, question: Query[PeriodQuestion]) -> dict[str, Any]:
    """Of what you may see. “Nothing left” stands in the sentence only where all that was due was seen to stand."""
    return brief.brief_of(read_wanted(request.user, question.words())).as_dict()


@router.get("/brief/rows", response=BehindOut, summary="The rows behind one figure of the brief")
def get_rows(request: StaffRequest, question: Query[BehindQuestion]) -> dict[str, Any]:
    """Fifty at a time; `total` is the figure."""
    wanted = read_wanted(request.user, question.words())
    narrower = read_narrower({"town": question.town, "item": question.item, "kind": question.kind})
    page = figures_rows.page_of(wanted, question.figure, narrower, question.cursor)
    return {
        "figure": question.figure,
        "total": figures_rows.counted(wanted, question.figure, narrower),
        "lines": [_line(line) for line in page.lines],
        "older": page.older,
        "newer": page.newer,
    }


def _line(line: figures_rows.Line) -> dict[str, Any]:
    venue = line.venue
    return {
        "venue": {"id": venue.pk, "name": venue.name, "kind": venue.kind_id, "town": venue.town},
        "visit": line.visit.pk if line.visit else None,
        "at": line.at or line.opened_at,
        "items": [words.here for words in line.items],
        "result": line.result,
    }


@router.post("/brief/clean", response=BothLanguages, summary="State on record that the look-back left nothing")
def state_clean(request: StaffRequest, body: CleanIn) -> dict[str, str]:
    """Refused with 409 `lookback_not_clean`, naming it, while one item is open or was not inspected."""
    words = {"from": body.since, "to": body.until, "area": body.area, "round": body.round}
    return brief.state_lookback_clean(by=request.user, now=clock.now(), wanted=read_wanted(request.user, words))
