"""API v1, bulletins: what is published for anybody; drafting, editing, approving and publishing for those who may."""

import uuid
from datetime import date
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from ninja import Query, Router, Schema
from ninja.responses import Status
from pydantic import Field

from duban.access.models import Person
from duban.access.tokens import TokenIfAny
from duban.bulletin import actions, blocks, column, editor, layout, pictures, queries
from duban.bulletin.checks import unchecked, wrong_with
from duban.bulletin.facts.picture import standing
from duban.bulletin.figures import Facts
from duban.bulletin.models import WAITING, Issue, Picture
from duban.bulletin.printing import LANGUAGES
from duban.core import clock
from duban.core.errors import NotFound
from duban.ledger.api import Hash, Seen, Sent, Text, Word

router = Router(tags=["bulletins"])

PAGE = 50
Ids = Annotated[list[uuid.UUID], Field(max_length=20_000)]
LongText = Annotated[str, Field(strict=True, max_length=blocks.TEXT)]
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
    blocks: list[uuid.UUID] = Field(description="of the page in their order; none: the fixed order")
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


Kind = Literal["hygiene", "exposure", "epidemic", "organisations", "story", "decisions", "photo", "article"]


class PrintedBlock(Schema):
    id: str
    kind: Kind
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


class RecordFigure(Schema):
    key: str = Field(description="written [[key]] in a text, or [[key=6]] to be held against the records")
    zh: str = Field(description="what it counts")
    en: str
    value: int
    rows: str = Field(description="address of the rows behind it")
    parts: list[str] = Field(description="figures of the same block that add up to it")


class UncheckedNumber(Schema):
    number: str
    around: str


class MadeWords(Schema):
    """What the records give for a block, printed where nothing is written."""

    headline: PrintedWords
    text: PrintedWords
    byline: str


class BlockOut(Schema):
    """A block of a waiting issue: as it is written, what the records say, and what is wrong with it."""

    id: uuid.UUID
    kind: Kind
    day: date = Field(description="of which it tells")
    headline: PrintedWords = Field(description="as somebody wrote it, marks and all; empty: as `made`")
    text: PrintedWords
    byline: str
    made: MadeWords
    figures: list[RecordFigure]
    photos: list[CaptionedPhoto]
    wrong: list[dict[str, Any]] = Field(description="what stops the issue here, each {code, message, rows}")
    unchecked: list[UncheckedNumber] = Field(description="numbers without a mark, which nothing holds against")


class PictureOut(Schema):
    id: uuid.UUID
    jurisdiction: str
    day: date
    photo: str = Field(description="SHA-256")
    caption_zh: str
    caption_en: str
    byline: str
    filed_by: str
    filed_at: Moment


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


class BlockIn(Sent):
    """A block in its place; words that are absent stay, empty ones are written from the records again."""

    id: uuid.UUID
    headline_zh: Text | None = None
    headline_en: Text | None = None
    text_zh: LongText | None = None
    text_en: LongText | None = None
    byline: Text | None = None


BlocksIn = Annotated[list[BlockIn], Field(max_length=blocks.MOST_BLOCKS)]


class EditIn(Sent):
    title: Text | None = None
    intro: Text | None = None
    issuer: Text | None = None
    byline: Text | None = None
    rectified: Ids | None = None
    new: Ids | None = None
    exposed: Ids | None = None
    blocks: BlocksIn | None = Field(
        None, description="all blocks of the page in their order; one that is left out is taken off the page"
    )
    seen: Seen | None = None


class BlockNew(Sent):
    kind: Literal["epidemic", "organisations", "story", "decisions", "photo", "article"]
    day: date | None = Field(None, description="of which it tells; absent: today")
    photo: Hash | None = Field(
        None, description="SHA-256 of a photo sent to /evidence/ before; absent: the next picture filed for the day"
    )
    seen: Seen | None = None


class LayOutIn(Sent):
    day: date | None = Field(None, description="absent: today")
    seen: Seen | None = None


class PictureIn(Sent):
    at: Word = Field("", description="whose page; empty: where the caller drafts")
    day: date
    photo: Hash = Field(description="SHA-256 of a photo sent to /evidence/ before")
    caption_zh: Text
    caption_en: Text = ""
    byline: Text = ""


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
        "blocks": list(issue.blocks.values_list("pk", flat=True)),
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


@router.get("/pictures/", response=list[PictureOut], summary="Pictures filed for the page of a day")
def list_pictures(request: Caller, day: date, at: str = "") -> Any:
    area = pictures.area_for(request.user, "bulletin.see", at)
    return [picture_out(picture) for picture in standing(area, day)]


@router.post("/pictures/", response={201: PictureOut}, summary="File a picture with its caption for the page of a day")
def file_picture(request: Caller, body: PictureIn) -> Any:
    given = body.dict()
    given["at"] = pictures.area_for(request.user, "bulletin.draft", given["at"])
    return Status(201, picture_out(pictures.file_picture(by=request.user, now=clock.now(), **given)))


@router.post("/pictures/{picture_id}/withdraw/", response=PictureOut, summary="Take a picture off its page")
def withdraw_picture(request: Caller, picture_id: uuid.UUID) -> Any:
    return picture_out(pictures.withdraw_picture(by=request.user, now=clock.now(), picture_id=picture_id))


def picture_out(picture: Picture) -> dict[str, Any]:
    return {
        "id": picture.pk,
        "jurisdiction": picture.jurisdiction,
        "day": picture.day,
        "photo": picture.photo_id,
        "caption_zh": picture.caption_zh,
        "caption_en": picture.caption_en,
        "byline": picture.byline,
        "filed_by": picture.filed_by,
        "filed_at": picture.filed_at.isoformat(),
    }


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
    if "blocks" in given:
        given["blocks"] = blocks.words_over(queries.issue_for(request.user, issue_id), given["blocks"])
    return draft_out(
        actions.edit_issue(by=request.user, now=clock.now(), issue_id=issue_id, items=items or None, **given)
    )


# ---- blocks ---------------------------------------------------------------------------------------------------------


def blocks_out(issue: Issue) -> list[dict[str, Any]]:
    """The blocks of an issue in their order, each with what the records say and what is wrong."""
    return [block_out(one) for one in blocks.told(issue, editor.counts_of(issue), clock.now())]


def block_out(one: blocks.Told) -> dict[str, Any]:
    block, facts = one.block, one.facts
    made: Any = facts or Facts(block.kind)
    return {
        "id": block.pk,
        "kind": block.kind,
        "day": blocks.day_of(block),
        "headline": {"zh": block.headline_zh, "en": block.headline_en},
        "text": {"zh": block.text_zh, "en": block.text_en},
        "byline": block.byline,
        "made": {
            "headline": {language: made.headline.get(language, "") for language in LANGUAGES},
            "text": {language: made.text.get(language, "") for language in LANGUAGES},
            "byline": made.byline,
        },
        "figures": [
            {
                "key": figure.key,
                "zh": figure.zh,
                "en": figure.en,
                "value": figure.value,
                "rows": figure.url,
                "parts": list(figure.parts),
            }
            for figure in one.figures.values()
        ],
        "photos": list(made.photos),
        "wrong": [wrong.as_dict() for wrong in wrong_with(one)],
        "unchecked": [{"number": plain.number, "around": plain.around} for plain in unchecked([one])],
    }


@router.get("/{issue_id}/blocks/", response=list[BlockOut], summary="The blocks of a waiting issue, in their order")
def list_blocks(request: Caller, issue_id: uuid.UUID) -> Any:
    issue = queries.issue_for(request.user, issue_id)
    if issue.state not in WAITING:
        raise NotFound("no_draft", _("It waits no longer; the blocks of a published issue stand in its document."))
    return blocks_out(issue)


@router.post("/{issue_id}/blocks/", response={201: BlockOut}, summary="Add a block at the end of the page")
def add_block(request: Caller, issue_id: uuid.UUID, body: BlockNew) -> Any:
    made = layout.add_block(by=request.user, now=clock.now(), issue_id=issue_id, **body.dict())
    return Status(201, next(one for one in blocks_out(made.issue) if one["id"] == made.pk))


@router.post("/{issue_id}/lay-out/", response=list[BlockOut], summary="Put all that the records give on the page")
def lay_out(request: Caller, issue_id: uuid.UUID, body: LayOutIn) -> Any:
    return blocks_out(layout.lay_out_page(by=request.user, now=clock.now(), issue_id=issue_id, **body.dict()))


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
