"""API v1: look-back rounds, their frame and what may be said of them; drawing one and closing it."""

import uuid
from datetime import date, datetime
from typing import Annotated, Any

from django.utils.translation import gettext as _
from django.utils.translation import override
from ninja import Query, Router, Schema
from ninja.responses import Status
from pydantic import Field

from duban.access import rights
from duban.access.models import Person
from duban.access.queries import names_of_people
from duban.core import clock
from duban.core.errors import NotAllowed
from duban.core.sent import Day, Sent, Text, Word
from duban.ledger import lookback, rectified
from duban.ledger.api import Named
from duban.ledger.lookback_list import page_of_items, page_of_rounds, read_standing
from duban.ledger.models import LookbackRound
from duban.ledger.views import StaffRequest
from duban.places import queries as places

router = Router(tags=["lookback"])
LANGUAGES = {"zh": "zh-hans", "en": "en"}


class DrawIn(Sent):
    at: Word = Field(description="administrative code of the area")
    size: Annotated[int, Field(strict=True, ge=-(2**31), lt=2**31)] = Field(description="how many to draw: 1 to 2,000")
    due_on: Day | None = Field(None, description="the frame: what falls due on this day or before; null: today")
    name: Word = ""
    seed: Word = Field("", description="empty: a random one is made; it is kept with the round")


class CloseIn(Sent):
    reason: Text = Field("", description="needed where something drawn was not looked at: it becomes not inspected")


class CountsOut(Schema):
    """The six from `open` to `sampled_out` add up to `due`."""

    due: int
    drawn: int
    open: int = Field(description="recurred, reopened or split, and not fixed")
    claimed: int = Field(description="handed in as fixed again, not verified")
    evidenced: int = Field(description="struck off on a photo, and nobody has gone there since")
    seen: int = Field(description="somebody went there: it stands")
    not_inspected: int
    sampled_out: int
    recurred: int = Field(description="came back, whatever became of them since")
    all_rectified: bool = Field(description="something was seen, and nothing is open, claimed, unseen or not inspected")


class BriefOut(Schema):
    id: uuid.UUID
    number: str
    name: str
    area: Named
    kind: str = Field(description="event or component; empty: every kind")
    due_on: date
    drawn_at: datetime
    drawn_by: Named = Field(description="code: the user name")
    closed_at: datetime | None


class RoundLineOut(BriefOut):
    due: int
    drawn: int
    to_look_at: int = Field(description="drawn, struck off, and nobody has gone there yet")


class RoundsOut(Schema):
    rounds: list[RoundLineOut]
    next_page: int | None


class StratumOut(Schema):
    town: Named
    again: bool = Field(description="had recurred or been reopened before")
    size: int
    drawn: int


class SentenceOut(Schema):
    zh: str
    en: str


class RoundOut(BriefOut):
    whole: bool = Field(description="false: the counts and items are of the part that lies in your area")
    seed: str
    engine: str
    size: int | None = Field(description="how many were to be drawn; null unless the whole is in sight")
    closed_by: Named | None
    close_reason: str
    counts: CountsOut
    sentence: SentenceOut
    strata: list[StratumOut]


class ItemOut(Schema):
    entry: uuid.UUID
    number: str
    state: str
    town: str
    again: bool
    drawn: bool
    result: str = Field(description="stands, recurred or not_inspected, as this round saw it; empty: nothing yet")
    seen_at: datetime | None
    standing: str = Field(description="open, claimed, evidenced, seen, not_inspected or sampled_out, as it is now")


class ItemsOut(Schema):
    items: list[ItemOut]
    after: str = Field(description="`after` of the next page; empty at the end")
    before: str


class RedrawnOut(Schema):
    same: bool
    seed: str
    engine: str
    numbers: list[str] = Field(description="of the entries that the frame and the seed give")


class RoundsQuestion(Schema):
    page: int = Field(1, ge=1, le=100_000)
    limit: int = Field(20, ge=1, le=100)


class ItemsQuestion(Schema):
    standing: str = Field("", description="one of the six, `all` for the whole frame, or empty for what was drawn")
    after: str = ""
    before: str = ""
    limit: int = Field(50, ge=1, le=500)


def _require_sight(person: Person) -> None:
    if not rights.codes(person, lookback.SEES):
        raise NotAllowed("not_allowed", _("None of your roles sees look-back rounds."))


@router.get("", response=RoundsOut, summary="Look-back rounds, the newest first")
def list_rounds(request: StaffRequest, question: Query[RoundsQuestion]) -> dict[str, Any]:
    """Those of which something may lie in your area."""
    _require_sight(request.user)
    lines, more = page_of_rounds(request.user, question.page, question.limit)
    rounds = [
        _brief(line.round, line.area, line.who)
        | {"due": line.due, "drawn": line.counts.drawn, "to_look_at": line.counts.evidenced}
        for line in lines
    ]
    return {"rounds": rounds, "next_page": more or None}


@router.put("/{uuid:round_id}", response={200: RoundOut, 201: RoundOut}, summary="Draw a round under your own id")
def put_round(request: StaffRequest, round_id: uuid.UUID, sent: DrawIn) -> Any:
    """201 the first time, 200 with the first answer for the same again, 409 for another draw under this id."""
    drawn = lookback.draw_round(by=request.user, now=clock.now(), round_id=round_id, **sent.model_dump())
    return Status(201 if drawn.fresh else 200, _detail(request.user, drawn.round))


@router.get(
    "/{uuid:round_id}", response=RoundOut, summary="One round: seed, strata, counts, and what may be said of it"
)
def get_round(request: StaffRequest, round_id: uuid.UUID) -> dict[str, Any]:
    return _detail(request.user, lookback.round_for(request.user, round_id))


@router.get("/{uuid:round_id}/items", response=ItemsOut, summary="The entries of a round, a page at a time")
def list_items(request: StaffRequest, round_id: uuid.UUID, question: Query[ItemsQuestion]) -> dict[str, Any]:
    """In the order of the draw: stratum by stratum, by the digest of seed and number."""
    round_ = lookback.round_for(request.user, round_id)
    items = lookback.items_for(request.user, round_)
    page = page_of_items(items, read_standing(question.standing), question.after, question.before, question.limit)
    return {
        "items": [
            {
                "entry": item.entry_id,
                "number": item.entry.number,
                "state": item.entry.state,
                "town": item.town,
                "again": item.again,
                "drawn": item.drawn,
                "result": item.result,
                "seen_at": item.seen_at,
                "standing": item.standing,  # type: ignore[attr-defined]
            }
            for item in page.items
        ],
        "after": str(page.older or ""),
        "before": str(page.newer or ""),
    }


@router.get("/{uuid:round_id}/redraw", response=RedrawnOut, summary="Draw a round again from its frame and seed")
def redraw_round(request: StaffRequest, round_id: uuid.UUID) -> dict[str, Any]:
    """For who may see the whole frame; nothing is stored."""
    round_ = lookback.whole_round(request.user, round_id)
    again = lookback.redrawn(round_)
    return {"same": again.same, "seed": round_.seed, "engine": round_.engine, "numbers": list(again.drawing.numbers)}


@router.post("/{uuid:round_id}/close", response=RoundOut, summary="Close a round")
def close_round(request: StaffRequest, round_id: uuid.UUID, sent: CloseIn) -> dict[str, Any]:
    """What was drawn and nobody looked at becomes not inspected, each by a step in its own history."""
    closed = lookback.close_round(by=request.user, now=clock.now(), round_id=round_id, reason=sent.reason)
    return _detail(request.user, closed)


def _brief(round_: LookbackRound, area: str, who: str) -> dict[str, Any]:
    return {
        "id": round_.pk,
        "number": round_.number,
        "name": round_.name,
        "area": {"code": round_.area, "name": area},
        "kind": round_.kind,
        "due_on": round_.due_on,
        "drawn_at": round_.drawn_at,
        "drawn_by": {"code": round_.drawn_by, "name": who},
        "closed_at": round_.closed_at,
    }


def _detail(person: Person, round_: LookbackRound) -> dict[str, Any]:
    items = lookback.items_for(person, round_)
    counts, strata = rectified.counts_of(items), lookback.strata_of(items)
    whole = lookback.sees_whole(person, round_)
    names = places.names({round_.area, *(one.town for one in strata)})
    people = names_of_people({name for name in (round_.drawn_by, round_.closed_by) if name})
    sentences = {}
    for key, language in LANGUAGES.items():
        with override(language):
            sentences[key] = rectified.sentence(counts)
    closed_by = {"code": round_.closed_by, "name": people[round_.closed_by]} if round_.closed_by else None
    return _brief(round_, names.get(round_.area, ""), people[round_.drawn_by]) | {
        "whole": whole,
        "seed": round_.seed,
        "engine": round_.engine,
        "size": round_.size if whole else None,
        "closed_by": closed_by,
        "close_reason": round_.close_reason,
        "counts": counts,
        "sentence": sentences,
        "strata": [
            {
                "town": {"code": one.town, "name": names.get(one.town, "")},
                "again": one.again,
                "size": one.size,
                "drawn": one.drawn,
            }
            for one in strata
        ],
    }
