"""API v1, bulletins: what is published for anybody; drafting, editing, approving and publishing for those who may."""

import uuid
from datetime import date
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from ninja.responses import Status
from pydantic import Field

from duban.access.models import Person
from duban.access.tokens import TokenIfAny
from duban.bulletin import actions, column, editor, queries
from duban.bulletin.models import WAITING, Issue
from duban.core import clock
from duban.core.errors import NotFound
from duban.ledger.api import Seen, Sent, Text, Word

router = Router(tags=["bulletins"])

PAGE = 50
Ids = Annotated[list[uuid.UUID], Field(max_length=20_000)]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class Caller(HttpRequest):
    """A request whose session belongs to somebody."""

    user: Person


class IssueOut(Schema):
    id: uuid.UUID
    series: str
    jurisdiction: str
    state: str
    number: int | None
    corrects: int | None
    title: str
    issuer: str
    published_at: Moment | None
    hash: str


class DraftOut(IssueOut):
    intro: str
    byline: str
    drafted_by: str
    approved_by: str
    created_at: Moment
    seen: int = Field(description="send it with a step; it is refused if somebody changed the draft meanwhile")
    rectified: list[uuid.UUID] = Field(description="entries in their order")
    new: list[uuid.UUID]
    exposed: list[uuid.UUID] = Field(description="exposures of the column in their order")
    blockers: list[dict[str, Any]] = Field(description="what keeps it from going out, each {code, message}")


class PrintedPhoto(Schema):
    sha256: str
    public_sha256: str = Field(description="of the copy that is shown to anybody")
    width: int
    height: int


class PrintedPhotos(Schema):
    before: list[PrintedPhoto]
    after: list[PrintedPhoto]


class PrintedCategory(Schema):
    code: str
    name: str
    name_en: str


class PrintedUnit(Schema):
    code: str
    name: str


class PrintedEntry(Schema):
    id: uuid.UUID
    number: str
    category: PrintedCategory
    statement: str
    description: str
    responsible: PrintedUnit
    found_at: Moment
    due_at: Moment | None
    closed_at: Moment | None
    lon: float
    lat: float
    photos: PrintedPhotos


class PrintedSection(Schema):
    key: Literal["rectified", "new"]
    entries: list[PrintedEntry]


class PrintedKind(Schema):
    name: str
    name_en: str


class PrintedProblem(Schema):
    key: str = Field(description="of the check-list's item")
    zh: str
    en: str
    mended_on: date | None = Field(description="when a re-check had seen it mended by the time of the issue")


class PrintedCorrected(Schema):
    id: uuid.UUID
    approved_on: date | None
    number: int | None = Field(description="of the issue of this series that printed it")


class PrintedExposure(Schema):
    id: uuid.UUID
    venue: str
    kind: PrintedKind
    town: PrintedUnit
    visited_on: date
    problems: list[PrintedProblem] = Field(description="none: what it corrects is taken back")
    stand: str = Field(description="of the venue: accepts, mended, disputes, declines; empty: no reply in time")
    corrects: PrintedCorrected | None


class PrintedSeries(Schema):
    name: str
    jurisdiction: PrintedUnit


class PrintedWords(Schema):
    zh: str
    en: str


class PrintedFigure(Schema):
    key: str
    said: int
    found: int | None = Field(description="what the records gave when it was printed")
    zh: str = Field(description="what it counts")
    en: str


class CaptionedPhoto(PrintedPhoto):
    caption: PrintedWords


class PrintedBlock(Schema):
    id: str
    kind: Literal["hygiene", "exposure", "epidemic", "organisations", "story", "decisions", "photo", "article"]
    headline: PrintedWords
    text: PrintedWords
    byline: str
    figures: list[PrintedFigure]
    photos: list[CaptionedPhoto]
    number: int | None = Field(None, description="of the hygiene block: of the issue")
    issuer: str | None = None


class DocumentOut(Schema):
    """The frozen document, as it is hashed: canonical JSON, sorted keys, no spaces."""

    schema_: Literal["duban.bulletin/1", "duban.bulletin/2"] = Field(alias="schema", description="/2: with blocks")
    series: PrintedSeries
    number: int
    corrects: int | None
    title: str
    intro: str
    issuer: str
    byline: str
    published_at: Moment
    schematic: bool
    sections: list[PrintedSection]
    exposures: list[PrintedExposure] | None = Field(None, description="the exposure column; absent where there is none")
    blocks: list[PrintedBlock] | None = Field(None, description="of the page in their order; absent in /1")
    counts: dict[str, int]
    checkpoint: str
    previous: str = Field(description="hash of the issue before, empty for the first")


class PageOut(Schema):
    items: list[IssueOut]
    total: int
    page: int
    pages: int


class DraftIn(Sent):
    at: Word = Field("", description="whose series; empty: where the caller drafts")
    name: Word = Field("", description="empty: the hygiene bulletin")
    title: Word = ""
    first: Annotated[int, Field(strict=True, ge=-(2**31), le=2**31 - 1)] | None = None


class EditIn(Sent):
    title: Text | None = None
    intro: Text | None = None
    issuer: Text | None = None
    byline: Text | None = None
    rectified: Ids | None = None
    new: Ids | None = None
    exposed: Ids | None = None
    seen: Seen | None = None


class IssueStepIn(Sent):
    seen: Seen | None = None


def issue_out(issue: Issue) -> dict[str, Any]:
    """An issue as a line of a list."""
    return {
        "id": issue.pk,
        "series": issue.series.name,
        "jurisdiction": issue.series.jurisdiction,
        "state": issue.state,
        "number": issue.number,
        "corrects": issue.corrects.number if issue.corrects else None,
        "title": issue.title,
        "issuer": issue.issuer,
        "published_at": issue.published_at.isoformat() if issue.published_at else None,
        "hash": issue.hash,
    }


def draft_out(issue: Issue) -> dict[str, Any]:
    """An issue with what its makers know of it."""
    order = editor.stored_order(issue)
    return issue_out(issue) | {
        "intro": issue.intro,
        "byline": issue.byline,
        "drafted_by": issue.drafted_by,
        "approved_by": issue.approved_by,
        "created_at": issue.created_at.isoformat(),
        "seen": issue.version,
        "rectified": order["rectified"],
        "new": order["new"],
        "exposed": column.order_of(issue),
        "blockers": [refusal.as_dict() for refusal in editor.wrong_with(issue, clock.now())],
    }


@router.get("/", response=PageOut, auth=None, summary="Published bulletins, newest first; open to anybody")
def list_published(request: HttpRequest, page: int = Query(1, ge=1, le=1_000_000)) -> Any:
    published = queries.published()
    total = published.count()
    start = (page - 1) * PAGE
    items = [issue_out(issue) for issue in published[start : start + PAGE]]
    return {"items": items, "total": total, "page": page, "pages": max(1, -(-total // PAGE))}


@router.get("/drafts/", response=list[DraftOut], summary="Drafts that wait, of the series that the caller may see")
def list_drafts(request: Caller) -> Any:
    return [draft_out(issue) for issue in queries.issues_for(request.user).filter(state__in=WAITING)[:PAGE]]


@router.get(
    "/{issue_id}/",
    auth=TokenIfAny(),
    response=DocumentOut | DraftOut,
    by_alias=True,
    summary="The frozen document of a published issue; a draft for its makers",
)
def get_issue(request: HttpRequest, issue_id: uuid.UUID) -> Any:
    try:
        # Byte for byte, so that whoever reads it can hash it.
        return HttpResponse(queries.published_issue(issue_id).document, content_type="application/json; charset=utf-8")
    except NotFound:
        if not request.user.is_authenticated:
            raise
    return DraftOut.model_validate(draft_out(queries.issue_for(request.user, issue_id)))


@router.post("/", response={201: DraftOut}, summary="Draft the next issue, or bring one's own draft up to date")
def draft(request: Caller, body: DraftIn) -> Any:
    issue = actions.draft_issue(by=request.user, now=clock.now(), **body.dict())
    return Status(201, draft_out(issue))


@router.patch("/{issue_id}/", response=DraftOut, summary="Change texts, and which entries stand where; the rest stays")
def edit(request: Caller, issue_id: uuid.UUID, body: EditIn) -> Any:
    given = body.dict(exclude_none=True)
    items: dict[str, Any] = {key: given.pop(key) for key in ("rectified", "new") if key in given}
    return draft_out(
        actions.edit_issue(by=request.user, now=clock.now(), issue_id=issue_id, items=items or None, **given)
    )


@router.post("/{issue_id}/approve/", response=DraftOut, summary="Say, as a second person, that it may go out")
def approve(request: Caller, issue_id: uuid.UUID, body: IssueStepIn) -> Any:
    return draft_out(actions.approve_issue(by=request.user, now=clock.now(), issue_id=issue_id, seen=body.seen))


@router.post("/{issue_id}/publish/", response=IssueOut, summary="Publish under the series' next number")
def publish(request: Caller, issue_id: uuid.UUID, body: IssueStepIn) -> Any:
    issue = actions.publish_issue(by=request.user, now=clock.now(), issue_id=issue_id, seen=body.seen)
    return issue_out(issue)


@router.post("/{issue_id}/discard/", response=IssueOut, summary="Give a draft up; its entries become free")
def discard(request: Caller, issue_id: uuid.UUID, body: IssueStepIn) -> Any:
    issue = actions.discard_issue(by=request.user, now=clock.now(), issue_id=issue_id, seen=body.seen)
    return issue_out(issue)


@router.post("/{issue_id}/correct/", response={201: DraftOut}, summary="Begin a draft that corrects a published issue")
def correct(request: Caller, issue_id: uuid.UUID, body: IssueStepIn) -> Any:
    return Status(
        201, draft_out(actions.correct_issue(by=request.user, now=clock.now(), issue_id=issue_id, seen=body.seen))
    )
